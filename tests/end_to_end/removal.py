"""Units are declared dead, removed, and the outputs compared with those of the input model in which the same units'
spikes are forced to zero. Runs on the recorded inputs of any real network, whatever holds its time.

The units declared dead are the busiest, and what reads them gets doubled weights: a wrong cut shows. Forcing is
done with the onnx package alone, on the tensors that truth.json names.
"""

import json
import math
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from harness import check_valid, graph_inputs, metadata, run_json

COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "And", "Or", "Not")
SCALES = (1, 10, 100, -10, -100)  # of the inputs, until something shows
DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}


# --- what is to go ------------------------------------------------------------------


def units_of(layer):
    return layer.get("units", layer["projection"]["units"])


def weight_tensors(layer):
    return [each["weight_tensor"] for each in (layer["projection"], *layer.get("more_projections", ()))]


def by_unit(network, layer):
    """The layer's rates, [units] (mean over a channel's positions); None when it has none."""
    if not network.rates_path.exists() or layer["name"] not in network.rates:
        return None
    return network.rates[layer["name"]].reshape(units_of(layer), -1).mean(axis=1)


def ties(network, layer):
    """Names of the layers whose units go only together with this one's."""
    return [] if "tied_unless" in layer else layer.get("tied_with", [])


def choose_dead(network):
    """Layer name -> units to declare dead: the busiest quarter, the same ones in layers that are tied; and one
    more where it is dead in that layer only, or in one group of a convolution only."""
    dead, seen = {}, set()
    for layer in network.layers:
        name, busy = layer["name"], by_unit(network, layer)
        if busy is None or layer["prunable_units"] == 0 or units_of(layer) < 2:
            continue
        group = {name, *layer.get("tied_with", ())}
        if not seen & group:
            others = [each for each in network.layers if each["name"] in group]
            order = np.argsort(np.minimum.reduce([by_unit(network, each) for each in others]))[::-1]
            shared = pick(layer, order)
        extra = [int(unit) for unit in order[len(order) // 4 :]][len(seen & group)] if len(group) > 1 else None
        seen.add(name)
        dead[name] = sorted({*shared, *([] if extra is None else [extra])})
    return dead


def pick(layer, order):
    count = max(1, len(order) // 4)
    if "groups" in layer or "grouped convolution" in layer.get("may_freeze_because", ""):
        half = len(order) // 2  # two groups: one unit of the first, two of the second
        first = [unit for unit in order if unit < half][:1]
        return [int(unit) for unit in first + [unit for unit in order if unit >= half][:2]]
    return [int(unit) for unit in order[:count]]


def sources(network, index):
    """(projection, the layers that it reads, where each one's units start among its columns)."""
    layer = network.layers[index]
    names = [each["name"] for each in network.layers]
    for projection in (layer["projection"], *layer.get("more_projections", ())):
        source = projection.get("source") or (names[index - 1] if index else "input")
        read = [name for name in ([source] if isinstance(source, str) else source) if name in names]
        steps = " ".join(projection.get("input_ops", []) or [])
        start = 0
        if "Slice [" in steps:
            start = -int(steps.split("Slice [")[1].split(":")[0])
        starts = []
        for name in read:
            starts.append(start)
            if "Concat(" in steps:
                start += units_of(network.layers[names.index(name)])
        yield projection, read, starts


def double_outgoing(network, model, dead):
    """Doubles the weights that read these units, where they are floats; says how many columns it changed."""
    doubled = 0
    by_name = {layer["name"]: layer for layer in network.layers}
    for index in range(len(network.layers)):
        for projection, read, starts in sources(network, index):
            tensor = constant(model, projection["weight_tensor"])
            if tensor is None or tensor.data_type not in (TensorProto.FLOAT, TensorProto.FLOAT16):
                continue
            weights = numpy_helper.to_array(tensor).copy()
            axis = 1 if weights.ndim > 2 or not projection["transposed"] else 0
            columns = set()
            for name, start in zip(read, starts):
                columns |= columns_of(projection, by_name[name], dead.get(name, []), start, weights.shape[axis])
            columns = [column for column in sorted(columns) if 0 <= column < weights.shape[axis]]
            if projection.get("group", 1) != 1 or not columns:
                continue
            np.moveaxis(weights, axis, 0)[columns] *= 2
            tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
            doubled += len(columns)
    return doubled


def columns_of(projection, layer, units, start, width):
    """The columns (input channels) of a weight that read these units."""
    count = units_of(layer)
    if projection["op"].endswith("Conv") or width <= count or "Concat(" in str(projection.get("input_ops")):
        return {start + unit for unit in units}
    positions, rest = divmod(width, count)
    assert rest == 0, f"{projection['weight_tensor']}: {width} columns for {count} units"
    fastest = "FASTEST" in str(projection.get("input_ops"))
    return {position * count + unit if fastest else unit * positions + position
            for unit in units for position in range(positions)}


# --- graphs and their bodies ----------------------------------------------------------


def bodies(model):
    """Every list of nodes in the model: of the graph, of the bodies in it, of the functions."""
    waiting = [model.graph.node, *(function.node for function in model.functions)]
    while waiting:
        nodes = waiting.pop()
        yield nodes
        for node in nodes:
            for attribute in node.attribute:
                waiting += [graph.node for graph in ([attribute.g] if attribute.HasField("g") else attribute.graphs)]


def constant(model, name):
    """The tensor of an initializer or a Constant node, to be edited; None when there is none."""
    for tensor in model.graph.initializer:
        if tensor.name == name:
            return tensor
    for nodes in bodies(model):
        for node in nodes:
            if node.op_type == "Constant" and name in node.output:
                return next(a.t for a in node.attribute if a.name == "value")
    return None


def half_precision(model):
    return any(tensor.data_type == TensorProto.FLOAT16 and math.prod(tensor.dims) > 64
               for tensor in model.graph.initializer)


def activations(model, layer):
    """Where a layer without spikes gives its activation: after the Relu, or after the quantization that clamps."""
    weights = {layer["projection"]["weight_tensor"]}
    nodes = list(model.graph.node)
    for node in nodes:
        if node.op_type == "DequantizeLinear" and weights & set(node.input):
            weights |= set(node.output)
    tensor = next(node.output[0] for node in nodes if weights & set(node.input[1:]))
    while True:
        readers = [node for node in nodes if tensor in node.input]
        if len(readers) != 1 or readers[0].op_type not in ("BatchNormalization", "Add", "Relu", "QuantizeLinear",
                                                           "DequantizeLinear"):
            return [tensor]
        tensor = readers[0].output[0]
        if readers[0].op_type in ("Relu", "DequantizeLinear"):
            return [tensor]


def spike_tensors(model, layer):
    if layer["neuron"] == "relu":
        return activations(model, layer)
    return [*layer["spike_tensors"], *(name for group in layer.get("spike_aliases", ()) for name in group)]


def force_silence(network, model, units):
    """The spikes of these units (layer name -> units) become zero at every step, for whoever reads them."""
    for layer in network.layers:
        silent = units.get(layer["name"], [])
        if not len(silent):
            continue
        conv = layer["projection"]["op"].endswith("Conv")
        spatial = len(layer["projection"]["weight_shape"]) - 2 if conv else 0
        keep = np.ones([units_of(layer)] + [1] * spatial, bool)
        keep[silent] = False
        first, *aliases = dict.fromkeys(spike_tensors(model, layer))
        floats = TensorProto.FLOAT16 if half_precision(model) else TensorProto.FLOAT
        assert mask_tensor(model, first, keep, floats), f"no node makes {first}"
        for name in aliases:  # those inside a function are not in the graph under this name
            mask_tensor(model, name, keep, floats)


def mask_tensor(model, name, keep, floats=TensorProto.FLOAT):
    """Multiplies the tensor by the mask for all who read it; False when no node makes it."""
    for nodes in bodies(model):
        for index, node in enumerate(nodes):
            if name in node.output:
                raw, mask = f"{name}__unmasked", f"{name}__mask"
                node.output[list(node.output).index(name)] = raw
                kind = type_made_by(node) or floats
                values = keep if kind == TensorProto.BOOL else keep.astype(helper.tensor_dtype_to_np_dtype(kind))
                nodes.insert(index + 1, helper.make_node(
                    "Constant", [], [mask], value=numpy_helper.from_array(np.ascontiguousarray(values))))
                nodes.insert(index + 2, helper.make_node(
                    "And" if kind == TensorProto.BOOL else "Mul", [raw, mask], [name]))
                return True
    return False


def type_made_by(node):
    """Of comparisons and casts; None for what makes floats."""
    if node.op_type in COMPARISONS:
        return TensorProto.BOOL
    return next((attribute.i for attribute in node.attribute if attribute.name == "to"), None)


# --- running ------------------------------------------------------------------------


def session_of(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.enable_mem_reuse = False  # some exporters give two shapes the same name
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def play(network, model, scale):
    """Output name -> array [samples, (steps,) ...] on the recorded inputs times scale; states start at rest."""
    session = session_of(model)
    names = [value.name for value in session.get_outputs()]
    recorded, states = network.recorded, dict(network.states)
    step = network.truth["kind"] == "step"
    drives = [value for value in session.get_inputs() if not step or value.name not in states]
    samples = []
    for sample in range(len(recorded[f"in__{drives[0].name}"])):
        data = {value.name: recorded[f"in__{value.name}"][sample] * scale for value in drives}
        cast = {value.name: data[value.name].astype(DTYPES[value.type]) for value in drives}
        if not step:
            samples.append(dict(zip(names, session.run(names, cast))))
            continue
        held = {value.name: np.zeros([d if isinstance(d, int) and d > 0 else 1 for d in value.shape],
                                     DTYPES[value.type]) for value in session.get_inputs() if value.name in states}
        trace = []
        for at in range(len(data[drives[0].name])):
            got = dict(zip(names, session.run(names, {**{k: v[at] for k, v in cast.items()}, **held})))
            held = {into: got[states[into]] for into in held}
            trace.append(got)
        samples.append({name: np.stack([got[name] for got in trace]) for name in names})
    return {name: np.stack([sample[name] for sample in samples]) for name in names}


def stack_out_of_bodies(graph, names):
    """What a Loop or Scan makes under one of these names leaves it, stacked, under the same name."""
    for node in graph.node:
        for body in (each.g for each in node.attribute if each.name == "body"):
            made = [output for inner in body.node for output in inner.output if output in names]
            for output in made:
                if output not in {value.name for value in body.output}:
                    body.output.append(onnx.ValueInfoProto(name=output))
                else:  # a second output of that name must have another
                    body.node.append(onnx.helper.make_node("Identity", [output], [f"{output}__seen"]))
                    body.output.append(onnx.ValueInfoProto(name=f"{output}__seen"))
                node.output.append(output)


def same_values(network, name, tensors):
    """The tensor holds what one of the others does, in whatever shape, on the recorded inputs."""
    model = network.load()
    stack_out_of_bodies(model.graph, (name, *tensors))
    made = {output for node in model.graph.node for output in node.output}
    watched = [each for each in (name, *tensors) if each in made]
    if network.recorded is None or name not in watched:
        return False
    known = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=each) for each in watched if each not in known)
    seen = play(network, model, 1)
    return any(np.array_equal(seen[name].ravel(), seen[each].ravel()) for each in watched[1:])


def cut_states(network, outputs, kept):
    """The outputs with the states of only the units kept."""
    cut = dict(outputs)
    for layer in network.layers:
        spatial = layer["projection"]["positions"] > 1
        for name in layer["state_outputs"]:
            if name in cut and layer["name"] in kept:
                axis = -(len(layer["projection"]["weight_shape"]) - 1) if spatial else -1
                cut[name] = np.take(cut[name], kept[layer["name"]], axis=axis)
    return cut


def differences(before, after, tolerance):
    """Name -> how far off, of the outputs that are not the same."""
    found = {}
    assert before.keys() == after.keys(), (list(before), list(after))
    for name, values in before.items():
        assert values.shape == after[name].shape, f"{name} is {after[name].shape}, not {values.shape}"
        off = np.abs(values.astype(np.float64) - after[name].astype(np.float64))
        if (off > tolerance * (1 + np.abs(values.astype(np.float64)))).any():
            found[name] = float(off.max())
    return found


# --- the check ------------------------------------------------------------------------


def rates_of(network, dead, names, path):
    """A file of rates by spike tensor: the recorded ones, with 0 for the units declared dead."""
    layers = []
    for layer in network.layers:
        values = by_unit(network, layer)
        if values is None or layer["neuron"] == "readout":
            continue
        shape = network.rates[layer["name"]].shape
        rates = network.rates[layer["name"]].copy()
        rates.reshape(units_of(layer), -1)[dead.get(layer["name"], [])] = 0
        layers.append({"tensor": names[layer["name"]], "shape": list(shape), "rates": rates.ravel().tolist()})
    path.write_text(json.dumps({"version": 1, "layers": layers}))


def expected_to_go(network, layer, dead):
    """(units that must go, units that may) of a layer that is not frozen."""
    rates = by_unit(network, layer)
    mine = set(np.flatnonzero(rates == 0).tolist()) | set(dead.get(layer["name"], []))
    tied = [each for each in network.layers if each["name"] in layer.get("tied_with", ())]
    together = set(mine)
    for each in tied:
        together &= set(np.flatnonzero(by_unit(network, each) == 0).tolist()) | set(dead.get(each["name"], []))
    if "groups" in layer or "grouped convolution" in layer.get("may_freeze_because", ""):
        return set(), mine
    if "tied_unless" in layer:
        return together, mine
    return together, together


def removed_units(network, model):
    """Layer name -> units that are gone, by the map in the model."""
    left = list(json.loads(metadata(model)["snn.neuron_map"])["layers"])
    gone = {}
    for layer in network.layers:
        entry = next((each for each in left if each["weight_tensor"] in weight_tensors(layer)), None)
        if entry is not None:
            left.remove(entry)  # two layers may share one weight
            gone[layer["name"]] = sorted(set(range(units_of(layer))) - set(entry["kept"]))
    return gone


def matched(network, document):
    """Layer name -> what inspect says of it."""
    found = {}
    for layer in network.layers:
        entry = next((each for each in document["layers"] if each["weight_tensor"] in weight_tensors(layer)
                      and each not in found.values()), None)
        assert entry is not None, f"no population has the weights {layer['projection']['weight_tensor']}"
        found[layer["name"]] = entry
    return found


def declared_dead_go(network):
    dead = choose_dead(network)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        path, out = folder / "planted.onnx", folder / "out.onnx"
        model = network.load()
        double_outgoing(network, model, dead)
        onnx.save(model, path)
        found = matched(network, run_json("inspect", path))
        names = {layer["name"]: layer["spike_tensors"][0] if layer["spike_tensors"] else
                 next(iter(found[layer["name"]]["spike_tensors"]), None) for layer in network.layers}
        rates_of(network, dead, names, folder / "rates.json")
        run_json("optimize", path, "-o", out, "--rates", folder / "rates.json", "--passes", "dead_neuron_elimination")
        check_valid(out)
        result = onnx.load(out)
    gone = removed_units(network, result)
    for layer in network.layers:
        if by_unit(network, layer) is None:
            continue
        frozen = found[layer["name"]]["frozen"]
        must, may = (set(), set()) if frozen else expected_to_go(network, layer, dead)
        went = set(gone.get(layer["name"], []))
        assert must <= went, f"{layer['name']} keeps the dead {sorted(must - went)}"
        assert went <= may, f"{layer['name']} loses {sorted(went - may)}"
    assert_state_shapes(network, result, gone)
    if network.recorded is not None and any(gone.values()):
        compare_forced(network, model, result, gone)


def default_passes(network):
    """With the recorded rates nothing changes: no real network here has units that only look alike."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.onnx"
        options = ["--rates", network.rates_path] if network.rates_path.exists() else []
        run_json("optimize", network.path, "-o", out, "--input-range", "0,1", *options)
        check_valid(out)
        result = onnx.load(out)
    gone = removed_units(network, result)
    assert_state_shapes(network, result, gone)
    if network.recorded is not None and any(gone.values()):
        model = network.load()
        before = cut_states(network, play(network, model, 1), kept_units(network, gone))
        off = differences(before, play(network, result, 1), tolerance_of(model))
        assert not off, f"outputs differ: {off}"


def assert_state_shapes(network, model, gone):
    values = {value.name: value for value in (*graph_inputs(model), *model.graph.output)}
    for layer in network.layers:
        axis = -(len(layer["projection"]["weight_shape"]) - 1) if layer["projection"]["positions"] > 1 else -1
        for name in (*layer["state_inputs"], *layer["state_outputs"]):
            if name in values:
                width = values[name].type.tensor_type.shape.dim[axis].dim_value
                expected = units_of(layer) - len(gone.get(layer["name"], []))
                assert width == expected, f"{name} has {width} units, not {expected}"


def dead_units_go(network):
    declared_dead_go(network)
    default_passes(network)


def kept_units(network, gone):
    return {layer["name"]: sorted(set(range(units_of(layer))) - set(gone.get(layer["name"], [])))
            for layer in network.layers}


def tolerance_of(model):
    return 2e-2 if half_precision(model) else 1e-4


def compare_forced(network, model, result, gone):
    silent = onnx.ModelProto()
    silent.CopyFrom(model)
    force_silence(network, silent, gone)
    kept, tolerance = kept_units(network, gone), tolerance_of(model)
    for scale in SCALES:
        free, before = (cut_states(network, play(network, each, scale), kept) for each in (model, silent))
        if differences(free, before, tolerance):
            break  # these units matter: a wrong cut is seen
    else:
        raise AssertionError("silent or not, these units change nothing: nothing is shown")
    off = differences(before, play(network, result, scale), tolerance)
    assert not off, f"outputs differ from those with the units forced silent: {off}"
