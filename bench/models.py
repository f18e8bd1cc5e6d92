#!/usr/bin/env python3
"""Writes the networks that the benchmarks run on: spiking networks as snnTorch exports them.

usage: models.py PATH WIDTH WIDTH... [--external] [--steps T] [--twins N]

Linear layers with Leaky neurons between them, one time step with the membranes as inputs and
outputs, or T steps unrolled. Weights are those of PyTorch's initialization plus what training
adds: few directions that the neurons of a layer share, to different degrees. One hidden neuron
in 20 is dead; firing rates are in the file. Tensors are written in pieces of some MiB, so a file
of any size takes little memory. The same arguments write the same bytes.
"""

import argparse
import base64
import json
import os
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper

PIECE_FLOATS = 1 << 21
DIRECTIONS = 16  # what training adds to a layer's weights has about this rank
DEAD_SHARE = 0.05
THRESHOLD, BETA = "net.lif1.threshold", "net.lif1.beta"


# --- weights -----------------------------------------------------------------

def weight_pieces(layer, rows, columns, twins):
    """The rows of a weight matrix, some at a time. The last `twins` rows, but for a rounding
    error of training, are the first ones again."""
    random = np.random.default_rng((columns, rows, layer))
    scale = np.float32(1.0 / np.sqrt(columns))
    strengths = (0.5 / np.arange(1, DIRECTIONS + 1)).astype(np.float32)
    directions = random.standard_normal((DIRECTIONS, columns), dtype=np.float32) * scale
    step = max(1, min(rows, PIECE_FLOATS // columns))
    first_rows = None
    for first in range(0, rows, step):
        count = min(step, rows - first)
        piece = (2 * random.random((count, columns), dtype=np.float32) - 1) * scale
        loads = random.standard_normal((count, DIRECTIONS), dtype=np.float32) * strengths
        piece += (loads * random.lognormal(0, 0.3, (count, 1)).astype(np.float32)) @ directions
        first_rows = piece[:twins].copy() if first_rows is None else first_rows
        for row in range(max(first, rows - len(first_rows)), first + count):
            noise = random.standard_normal(columns, dtype=np.float32) * scale
            piece[row - first] = first_rows[rows - 1 - row] + np.float32(0.01) * noise
        yield piece


def biases(layer, rows, columns, twins):
    out = np.random.default_rng(layer).uniform(-1, 1, rows).astype("<f4") / np.float32(np.sqrt(columns))
    out[rows - twins :] = out[:twins][::-1]
    return out


def firing_rates(layer, units, last):
    random = np.random.default_rng((units, layer))
    rates = random.gamma(1.2, 0.06, units).clip(0.0005, 1).astype("<f4")
    if not last:
        rates[random.permutation(units)[: int(units * DEAD_SHARE)]] = 0
    return rates


def rates_entry(layers, steps):
    entries = [{"tensor": spike_tensor(k, steps - 1, steps, k == len(layers)), "shape": [units],
                "rates_b64": base64.b64encode(firing_rates(k, units, k == len(layers)).tobytes()).decode()}
               for k, (_, units) in enumerate(layers, 1)]
    return json.dumps({"version": 1, "samples": 2000, "steps": 25, "layers": entries})


# --- the graph ---------------------------------------------------------------

def spike_tensor(k, t, steps, last):
    if last:
        return "output" if steps == 1 else f"output.{t}"
    return f"/net/lif{k}/Mul_2_output_0" + (f".{t}" if steps > 1 else "")


def leaky(k, t, steps, drive, membrane, membrane_out, spikes):
    """One step of snnTorch's Leaky: reset by subtraction, one step late."""
    at = f"/net/lif{k}" + (f".{t}" if steps > 1 else "")

    def node(kind, inputs, output=None, **attributes):
        name = f"{at}/{kind}"
        output = output or f"{name}_output_0"
        kind = kind.split("_")[0]
        made.append(helper.make_node(kind, inputs, [output], name, **attributes))
        return output

    def constant(kind, value):
        return node(kind, [], value=helper.make_tensor("", TensorProto.FLOAT, [], [value]))

    made = []
    over = node("Sub", [membrane, THRESHOLD])
    reset = node("Cast", [node("Greater", [over, constant("Constant", 0.0)])], to=TensorProto.FLOAT)
    beta = node("Clip", [BETA, constant("Constant_1", 0.0), constant("Constant_2", 1.0)])
    summed = node("Add", [node("Mul", [beta, membrane]), drive])
    node("Sub_1", [summed, node("Mul_1", [reset, THRESHOLD])], membrane_out)
    over = node("Sub_2", [membrane_out, THRESHOLD])
    fired = node("Greater_1", [over, constant("Constant_3", 0.0)])
    node("Mul_2", [node("Cast_1", [fired], to=TensorProto.FLOAT), "net.graded_spikes_factor"], spikes)
    return made


def membrane_tensor(k, t, steps):
    """Before step t."""
    return f"mem{k}" if t == 0 else f"mem{k}_out" if t == steps else f"mem{k}.{t}"


def nodes_of(layers, steps):
    nodes = [helper.make_node("Identity", [THRESHOLD], ["net.graded_spikes_factor"], "Identity_0")]
    for t in range(steps):
        spikes = "input"
        for k in range(1, len(layers) + 1):
            name = f"/net/fc{k}" + (f".{t}" if steps > 1 else "") + "/Gemm"
            drive = f"{name}_output_0"
            inputs = [spikes, f"net.fc{k}.weight", f"net.fc{k}.bias"]
            nodes.append(helper.make_node("Gemm", inputs, [drive], name, alpha=1.0, beta=1.0, transB=1))
            spikes = spike_tensor(k, t, steps, k == len(layers))
            nodes += leaky(k, t, steps, drive, membrane_tensor(k, t, steps),
                           membrane_tensor(k, t + 1, steps), spikes)
    return nodes


def value(name, units):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, units])


def interface(layers, steps):
    members = [(k, units) for k, (_, units) in enumerate(layers, 1)]
    inputs = [value("input", layers[0][0])] + [value(f"mem{k}", units) for k, units in members]
    outputs = [value(spike_tensor(len(layers), t, steps, True), layers[-1][1]) for t in range(steps)]
    return inputs, outputs + [value(f"mem{k}_out", units) for k, units in members]


# --- the file ----------------------------------------------------------------
# A message's bytes are its fields' one after another, so what the onnx package makes of some of
# them and large tensors that it never sees can be put together.

def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def key_and_length(message, field, length):
    return varint(message.DESCRIPTOR.fields_by_name[field].number << 3 | 2) + varint(length)


def weight_tensor(k, shape, external, offset):
    """Its bytes but for the data, and how much data there is in it."""
    tensor = TensorProto(name=f"net.fc{k}.weight", data_type=TensorProto.FLOAT, dims=shape)
    length = 4 * shape[0] * shape[1]
    if not external:
        return tensor.SerializeToString() + key_and_length(tensor, "raw_data", length), length
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in (("location", external), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=str(text))
    return tensor.SerializeToString(), 0


def graph_parts(layers, steps, external, twins):
    """The message of the graph as bytes, and numbers that stand for a layer's weights."""
    inputs, outputs = interface(layers, steps)
    yield onnx.GraphProto(name="main_graph", node=nodes_of(layers, steps)).SerializeToString()
    for name, number in ((THRESHOLD, 1.0), (BETA, 0.9)):
        small = helper.make_tensor(name, TensorProto.FLOAT, [], [number])
        yield onnx.GraphProto(initializer=[small]).SerializeToString()
    offset = 0
    for k, (columns, rows) in enumerate(layers, 1):
        head, inside = weight_tensor(k, [rows, columns], external, offset)
        yield key_and_length(onnx.GraphProto, "initializer", len(head) + inside) + head
        yield k
        bias = biases(k, rows, columns, min(twins, rows // 2)).tobytes()
        small = helper.make_tensor(f"net.fc{k}.bias", TensorProto.FLOAT, [rows], bias, raw=True)
        yield onnx.GraphProto(initializer=[small]).SerializeToString()
        offset += 4 * rows * columns
    yield onnx.GraphProto(input=inputs, output=outputs).SerializeToString()


def write(path, widths, external=False, steps=1, twins=0):
    path = pathlib.Path(path)
    layers = list(zip(widths, widths[1:]))
    data_name = path.name + ".data" if external else ""
    parts = list(graph_parts(layers, steps, data_name, twins))
    inside = 0 if external else sum(4 * rows * columns for columns, rows in layers)
    length = inside + sum(len(part) for part in parts if isinstance(part, bytes))
    head = onnx.ModelProto(ir_version=8, producer_name="pytorch", producer_version="2.15.0")
    tail = onnx.ModelProto(opset_import=[helper.make_opsetid("", 17)])
    tail.metadata_props.add(key="snn.firing_rates", value=rates_entry(layers, steps))
    with open(path, "wb") as model, open(path.with_name(data_name) if external else os.devnull, "wb") as data:
        model.write(head.SerializeToString() + key_and_length(onnx.ModelProto, "graph", length))
        for part in parts:
            if isinstance(part, bytes):
                model.write(part)
                continue
            columns, rows = layers[part - 1]
            for piece in weight_pieces(part, rows, columns, min(twins, rows // 2)):
                (data if external else model).write(piece)
        model.write(tail.SerializeToString())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path")
    parser.add_argument("widths", type=int, nargs="+")
    parser.add_argument("--external", action="store_true", help="weights in PATH.data")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--twins", type=int, default=0, help="pairs of neurons that are nearly the same, a layer")
    write(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
