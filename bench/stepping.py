#!/usr/bin/env python3
"""The peer of the simulator: onnxruntime steps a model of one time step over the digits.

usage: stepping.py MODEL IMAGES STEPS BATCH...

Prints the CPU microseconds a digit for each batch size (one thread, the batch axis made free;
reading and starting are not counted), and this process's peak memory in MB.
"""

import gzip
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
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def seconds_a_digit(session, digits, steps, batch):
    names = [i.name for i in session.get_inputs()]
    widths = [i.shape[1] for i in session.get_inputs()]
    count = len(digits) // batch * batch
    begin = time.process_time()
    for first in range(0, count, batch):
        states = {name: np.zeros((batch, width), np.float32) for name, width in zip(names[1:], widths[1:])}
        for _ in range(steps):
            results = session.run(None, {names[0]: digits[first : first + batch], **states})
            states = dict(zip(names[1:], results[1:]))
    return (time.process_time() - begin) / count


def main():
    path, images, steps, *batches = sys.argv[1:]
    pixels = np.frombuffer(gzip.open(images).read(), np.uint8, offset=16).reshape(-1, 784)
    digits, session = pixels.astype(np.float32) / np.float32(255), session_of(path)
    seconds_a_digit(session, digits[:64], 1, 64)
    spent = {batch: seconds_a_digit(session, digits[: 200 if batch == "1" else 2000], int(steps), int(batch)) * 1e6
             for batch in batches}
    print(json.dumps({"microseconds": spent, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
