#!/usr/bin/env python3
"""Writes what fuzzing starts from: real and broken files, in the form that each target takes.

usage: seeds.py SNNFIT FOLDER        makes FOLDER/TARGET/... and FOLDER/TARGET.dict

From the repository alone: tests/data, networks of tests/importer/random_networks.py with
their rates, and the real networks of tests/fixtures, cut down to a few inputs and neurons.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "importer"))
import random_networks  # noqa: E402

LARGEST = 16 * 1024
RANDOM_NETWORKS = 80
# Sizes of the fixtures' dense layers, and what they become. Chosen apart, so that a size still tells what it is of.
SMALL = {784: 7, 256: 6, 128: 5, 100: 9, 64: 4, 32: 8}


# --- models ------------------------------------------------------------------------------

def shrunk_array(tensor):
    array = numpy_helper.to_array(tensor)
    if array.dtype == np.int64 and array.ndim <= 1:
        return np.array([SMALL.get(int(v), int(v)) for v in array.reshape(-1)], np.int64).reshape(array.shape)
    for axis, size in enumerate(array.shape):
        if size in SMALL:
            array = array.take(range(SMALL[size]), axis)
    return array


def shrink_graph(graph):
    for tensor in graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(shrunk_array(tensor)), tensor.name))
    for value in [*graph.input, *graph.output, *graph.value_info]:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_value in SMALL:
                dim.dim_value = SMALL[dim.dim_value]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                attribute.t.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(shrunk_array(attribute.t)),
                                                             attribute.t.name))
            for inner in [attribute.g] * attribute.HasField("g"):
                shrink_graph(inner)


def shrunk(path):
    """The model with fewer inputs and neurons, or None where that does not give a valid one."""
    model = onnx.load(path)
    shrink_graph(model.graph)
    try:
        onnx.checker.check_model(model)
        onnx.shape_inference.infer_shapes(model, strict_mode=True)
    except Exception:  # noqa: BLE001 - the checker's and numpy's own kinds
        return None
    return model.SerializeToString()


def random_network(seed):
    """A network of any layout of time, with firing rates: 0 for the units planted silent."""
    net = random_networks.build(seed, copies=seed % 4 < 2)
    layers = []
    for population in net.populations:
        rates = np.where(population.silent, 0.0, 0.5).reshape(-1, *[1] * (len(population.shape) - 1))
        rates = np.broadcast_to(rates, population.shape)
        layers += [{"tensor": str(name), "shape": list(population.shape), "rates": rates.reshape(-1).tolist()}
                   for name in population.spikes[:1]]
    entry = net.model.metadata_props.add()
    entry.key, entry.value = "snn.firing_rates", json.dumps({"version": 1, "layers": layers})
    return net.model.SerializeToString()


def unusual():
    """Subgraphs, functions, sparse tensors, unknown fields and groups, strings with NUL."""
    value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])
    out = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])
    branch = helper.make_graph([helper.make_node("Identity", ["x"], ["b"])], "branch", [],
                               [helper.make_tensor_value_info("b", onnx.TensorProto.FLOAT, [1, 4])])
    nodes = [helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch),
             helper.make_node("Twice", ["z"], ["y"], domain="own")]
    graph = helper.make_graph(nodes, "g", [value, helper.make_tensor_value_info("c", onnx.TensorProto.BOOL, [])], [out])
    body = [helper.make_node("Add", ["a", "a"], ["r"])]
    function = helper.make_function("own", "Twice", ["a"], ["r"], body, [helper.make_opsetid("", 17)])
    model = helper.make_model(graph, functions=[function], ir_version=8,
                              opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("own", 1)])
    bare = model.SerializeToString()
    return [bare, bare + b"\xbb\x3e\x08\x01\xbc\x3e", bare + b"\xf8\xff\xff\xff\x0f\x01", bare + b"\x32\x03a\x00b"]


# A legal file that takes a second: it would be run again and again.
SLOW = {"bomb__function_doubling_40.onnx"}


def models():
    found = [path.read_bytes() for path in sorted((ROOT / "tests" / "data" / "hostile").glob("*.onnx"))
             if path.name not in SLOW]
    found += [random_network(seed) for seed in range(RANDOM_NETWORKS)]
    small = [shrunk(path) for path in sorted((ROOT / "tests" / "fixtures").glob("*/model.onnx"))]
    found += [model for model in small if model]
    return [model for model in found + unusual() if 0 < len(model) <= LARGEST]


def rewritten(program, model, folder, *options):
    """What the program makes of the model: its own functions, metadata and quantized forms."""
    (folder / "in.onnx").write_bytes(model)
    done = subprocess.run([program, "optimize", folder / "in.onnx", "-o", folder / "out.onnx", *options],
                          capture_output=True, check=False)
    return (folder / "out.onnx").read_bytes() if done.returncode == 0 else None


# --- the targets --------------------------------------------------------------------------

LAYERS = [{"tensor": "s0", "shape": [12], "rates": [0, 0.5, 1, 0.25, 0, 0, 0, 0, 0, 0, 0, 1e-3]},
          {"tensor": "s1", "shape": [8], "rates": [0, 0.5, 1, 0.25, 0, 0, 0, 0.125]},
          {"tensor": "s2", "shape": [4], "rates_b64": "AAAAAAAAgD4AAAA/AACAPw=="}]


def rates_seeds():
    document = json.dumps({"version": 1, "samples": 2000, "steps": 25, "layers": LAYERS}).encode()
    unknown = json.dumps({"version": 1, "layers": [{**LAYERS[1], "tensor": "other", "fingerprint": "0" * 16}]}).encode()
    array = json.dumps(LAYERS[1]["rates"]).encode()
    files = {path.name: path.read_bytes() for path in sorted((ROOT / "tests" / "data" / "rates").glob("*.np[yz]"))}
    axes = {"counts_nu.npz": b"N/25", "counts_u.npz": b"/50000", "raster_ntu.npz": b"NTU", "raster_tnu.npz": b"TNU"}
    for name, content in files.items():
        yield b"\x00" + axes.get(name, b"") + b"\x00" + content
    for text in (document, unknown):
        yield b"\x00\x00" + text
        yield b"\x01\x00" + text
    for place in (3, 4):
        yield bytes([place, 0]) + array
        yield bytes([place | 0x40, 0]) + array
    yield b"\x02\x00" + np.array(LAYERS[1]["rates"], np.float32).tobytes()
    yield b"\x05\x00" + np.array([0, 0.25, 0.5, 1], np.float32).tobytes()
    yield b"\x42\x00" + np.arange(8, dtype=np.float32).tobytes()


def npy(descr, shape, content, order="False"):
    head = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    head += b" " * (-(10 + len(head) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + content


def npz_seeds():
    for path in sorted((ROOT / "tests" / "data" / "rates").glob("*.np[yz]")):
        yield b"\x00" + path.read_bytes()
    kinds = ["<f4", ">f8", "<f2", "|i1", "<u2", ">i8", "|b1"]
    members = [npy(kind, "(2, 3)", bytes(6 * int(kind[2]))) for kind in kinds] + [npy("<f4", "()", bytes(4), "True")]
    for method in (0, 1):
        yield b"\x01" + b"".join(bytes([method]) + len(m).to_bytes(2, "little") + m for m in members)
        for member in members:
            yield b"\x01" + bytes([method]) + len(member).to_bytes(2, "little") + member


COMMANDS = """
inspect m.onnx --json|inspect m.onnx --rates r.npz -v|inspect - --input-range 0,1|inspect d/a.onnx|inspect t.json
annotate m.onnx --rates r.npz -o o.onnx|annotate m.onnx --rates=r.npz --dry-run --json
estimate m.onnx --target ecp5|estimate m.onnx --target t.json --arch event --lanes 4 --json
estimate m.onnx --target-luts 5000 --target-bram 3 --target-dsp 2 --family ice40 --arch sc --bitstream-length 64
optimize m.onnx --rates r.npz -o o.onnx|optimize m.onnx -o - --passes none|optimize m.onnx -o m.onnx
optimize m.onnx -o o.onnx --passes magnitude_pruning,quantization --quantize-bits 4 --prune-threshold 0.1 --prune-by-rate
optimize m.onnx -o o.onnx --rates r.npz --save-steps s --dump-after dead_neuron_elimination --dead-below 0.5
optimize m.onnx -o o.onnx --passes redundancy_elimination,layer_fusion --redundancy-cosine 0.9 --fusion-activity 1
fit m.onnx --target-luts 900 --arch sc -o o.onnx --max-iterations 3 --initial-bitstream-length 64 --strategy ladder
fit m.onnx --target hx1k --arch auto -o o.onnx --rates r.npz --rates-axes N/2 --json --min-bitstream-length 32
report m.onnx --html p.html|report m.onnx --json|targets|targets --json|batch d -o out -- inspect
batch m.onnx -o out --jobs 2 -- optimize --rates {dir}/r.npz|batch t.json -o out --resume -- fit --target ecp5
optimize --help|fit -h|--version|help|--help|inspect -- m.onnx|inspect m.onnx --state a=b --state c=d -q
"""


def command_line_seeds():
    for line in re.split(r"[|\n]", COMMANDS.strip()):
        yield "\n".join(line.split()).encode()


def words_of(program):
    """Everything that the program's own help names."""
    texts = [subprocess.run([program, *command], capture_output=True, text=True, check=True).stdout
             for command in [["--help"]] + [[c, "--help"] for c in ("inspect", "annotate", "estimate", "optimize", "fit",
                                                                    "report", "targets", "batch")]]
    return sorted(set(re.findall(r"--?[a-z][a-z-]*|[a-z]+_[a-z_]+", "\n".join(texts))))


DICTIONARIES = {
    "rates": ["version", "samples", "steps", "layers", "tensor", "shape", "fingerprint", "rates", "rates_b64", "null",
              "1e308", "1e-320", "-0.0", "[[", "\\u0000", "s0", "s1_alias", "fc2", "'descr': '<f4'", "'shape': (2, 3), ",
              "'fortran_order': False", "NTU", "TNCHW", "/25"],
    "npz": ["'descr': '<f4'", "'descr': '>f8'", "'descr': '|b1'", "'shape': (2, 3), ", "'shape': (), ", "'shape': (5L,)",
            "'fortran_order': True", "'fortran_order': False", "PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "PK\x06\x06",
            "PK\x06\x07", "\x93NUMPY\x02\x00", "\x93NUMPY\x03\x00", "99999999999999999999"],
}


def write(folder, seeds):
    folder.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds):
        (folder / f"seed-{i:03}").write_bytes(seed)


def write_dictionary(path, words):
    quoted = ("".join(c if " " <= c <= "~" and c not in '"\\' else f"\\x{ord(c):02x}" for c in word) for word in words)
    path.write_text("".join(f'"{word}"\n' for word in quoted))


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    found = models()
    with tempfile.TemporaryDirectory() as scratch:
        more = [rewritten(program, model, pathlib.Path(scratch), "--passes", passes) for model in found[-60::7]
                for passes in ("quantization", "dead_neuron_elimination")]
    found += [model for model in more if model and len(model) <= LARGEST]
    write(folder / "wire", (b"\xff\xff" + model for model in found))
    write(folder / "load", (bytes([i % 16 | 0x80 * (b"good.bin" in model)]) + model for i, model in enumerate(found)))
    write(folder / "round_trip", (bytes([i % 12, 37 * i % 256, 11 * i % 256, (0, 0x40, 0x80)[i % 3]
                                         | 0x20 * (b"good.bin" in model)]) + model
                                  for i, model in enumerate(found)))
    write(folder / "rates", rates_seeds())
    write(folder / "npz", npz_seeds())
    write(folder / "command_line", command_line_seeds())
    for name, words in {**DICTIONARIES, "command_line": words_of(program)}.items():
        write_dictionary(folder / f"{name}.dict", words)
    print(", ".join(f"{path.name}: {len(list(path.iterdir()))}" for path in sorted(folder.iterdir()) if path.is_dir()))


if __name__ == "__main__":
    main()
