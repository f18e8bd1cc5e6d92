#!/usr/bin/env python3
"""The peer of the simulator: onnxruntime steps a model of one time step over data.

usage: stepping.py MODEL DATA SAMPLES STEPS direct|time BATCH...

DATA is an IDX file of images, or .npy, with `time` with an axis of steps. Prints the CPU microseconds a sample for each batch size
(one thread, the batch axis made free; reading and starting are not counted),
and this process's peak memory in MB.
"""

import json
import resource
import sys
import time

import numpy as np
import onnx
import onnxruntime


def session_of(path):
    model = onnx.load(path)
    for value in list(model.graph.input) + list(model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del model.graph.value_info[:]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def read(path, most, shape, axes):
    """Samples; of bytes, too, floats. axes: dims of a sample before the model's."""
    if path.endswith(".npy"):
        return np.load(path)[:most].reshape(-1, *axes, *shape).astype(np.float32)
    with open(path, "rb") as file:
        file.seek(16)
        size = int(np.prod(shape))
        pixels = np.frombuffer(file.read(most * size), np.uint8)
    return pixels.reshape(-1, *shape).astype(np.float32) / np.float32(255)


def steps_of(given, encoding, steps):
    """What the model gets in each step."""
    return [given] * steps if encoding == "direct" else [given[:, step].copy() for step in range(steps)]


def seconds_a_sample(session, data, steps, encoding, batch):
    """Over as many samples as make whole batches."""
    inputs = session.get_inputs()
    names, shapes = [i.name for i in inputs], [i.shape[1:] for i in inputs]
    spent = 0
    count = len(data) // batch * batch
    for first in range(0, count, batch):
        states = {name: np.zeros((batch, *shape), np.float32) for name, shape in zip(names[1:], shapes[1:])}
        given = steps_of(data[first : first + batch], encoding, steps)
        begin = time.process_time()
        for step in range(steps):
            results = session.run(None, {names[0]: given[step], **states})
            states = dict(zip(names[1:], results[1:]))
        spent += time.process_time() - begin
    return spent / count


def main():
    path, data, most, steps, encoding, *batches = sys.argv[1:]
    session = session_of(path)
    axes = [int(steps)] if encoding == "time" else []
    samples = read(data, int(most), session.get_inputs()[0].shape[1:], axes)
    seconds_a_sample(session, samples[:16], 1, encoding, 16)
    spent = {batch: seconds_a_sample(session, samples[: 200 if batch == "1" else len(samples)], int(steps), encoding,
                                     int(batch)) * 1e6
             for batch in batches if int(batch) <= len(samples)}
    print(json.dumps({"microseconds": spent, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
