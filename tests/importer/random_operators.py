"""What stands between a layer's spikes and who reads them, in random networks: every supported operator, and some
that are not. Each function takes a Value and gives another; those in ANYWHERE keep its shape."""

import numpy as np
from onnx import TensorProto, helper

def batch_norm(net, data, spread):
    units = data.shape[1]
    parameters = [1 + net.random.integers(0, 8, units) * spread, net.random.integers(-8, 8, units) * spread / 8,
                  net.random.integers(-8, 8, units) * spread / 8, 1 + net.random.random(units)]
    return net.unary("BatchNormalization", data, *(net.constant(net.copied(p)) for p in parameters), epsilon=1e-5)


# --- elementwise --------------------------------------------------------------------


def parameter(net, value, magnitude):
    """A constant that broadcasts with the value: one number, or one a unit."""
    if net.chance(0.5):
        return net.scalar(magnitude)
    shape = [1] * len(value.shape)
    shape[value.axis] = value.shape[value.axis]
    values = net.copied(magnitude * net.random.integers(1, 9, shape[value.axis]) / 4).reshape(shape)
    return net.constant(values[0] if value.axis and net.chance(0.5) else values)


def invert(net, value):
    return value.with_name(net.node("Sub", [net.scalar(1), value.name]))


def add(net, value):
    return net.unary("Add", value, parameter(net, value, 0.25))


def graded(net, value):
    return net.unary("Mul", value, parameter(net, value, 0.5))


def divide(net, value):
    return net.unary("Div", value, parameter(net, value, 2.0))


def clip(net, value):
    return net.unary("Clip", value, net.scalar(net.pick(0, 0, 0.25)), net.scalar(net.pick(1, 2)))


def negative(net, value):
    return net.unary("Neg", value)


def relu(net, value):
    return net.unary(net.pick("Relu", "Abs", "Identity", "Sqrt"), net.unary("Abs", value))


UNARY = ["Sigmoid", "Tanh", "Erf", "Exp", "Sin", "Cos", "Floor", "Ceil", "Round", "Sign", "Softplus", "Softsign", "Elu",
         "Selu", "LeakyRelu", "Celu", "HardSigmoid", "HardSwish", "ThresholdedRelu", "Shrink", "Mish", "Atan"]


def function_of_one(net, value):
    return net.unary(UNARY[net.random.integers(len(UNARY))], value)


def reciprocal(net, value):
    return net.unary(net.pick("Reciprocal", "Log"), net.unary("Add", net.unary("Abs", value), net.scalar(1)))


def leaky(net, value):
    return net.unary("PRelu", value, parameter(net, value, 0.25))


def modulo(net, value):
    return net.unary("Mod", value, net.scalar(2), fmod=1)


def dropped(net, value):
    return net.unary("Dropout", value)


def noisy(net, value):
    return net.unary("Add", value, net.node("Mul", [net.node("RandomNormalLike", [value.name]), net.scalar(0)]))


def cast_like(net, value):
    whole = net.unary("CastLike", value, net.constant(np.int32(1)))
    return net.unary("CastLike", whole, value.name)


def exclusive(net, value):
    """Logic on whether it is over two bounds."""
    one, two = (net.node("Greater", [value.name, net.scalar(bound)]) for bound in (0.25, 0.75))
    return value.with_name(net.node("Cast", [net.node(net.pick("And", "Or", "Xor"), [one, two])], to=TensorProto.FLOAT))


def square(net, value):
    return net.unary("Mul", value, value.name)


def power(net, value):
    return net.unary("Pow", net.unary("Abs", value), net.scalar(2))


def half(net, value):
    return net.unary("Cast", net.unary("Cast", value, to=TensorProto.FLOAT16), to=TensorProto.FLOAT)


def through_integers(net, value):
    return net.unary("Cast", net.unary("Cast", value, to=TensorProto.INT64), to=TensorProto.FLOAT)


def through_booleans(net, value):
    return net.unary("Cast", net.unary("Cast", value, to=TensorProto.BOOL), to=TensorProto.FLOAT)


def logical_not(net, value):
    inverse = net.unary("Not", net.unary("Cast", value, to=TensorProto.BOOL))
    return net.unary("Cast", inverse, to=TensorProto.FLOAT)


def above(net, value):
    fires = net.unary("Greater", value, net.scalar(0.5))
    return value.with_name(net.node("Where", [fires.name, net.scalar(0.5), net.scalar(net.pick(0, 0.25))]))


def chosen(net, value):
    shape = [1] * len(value.shape)
    shape[value.axis] = value.shape[value.axis]
    which = net.random.random(shape) < 0.5
    for copy, unit in net.copies:
        if copy < which.size:
            which.ravel()[copy] = which.ravel()[unit]
    return value.with_name(net.node("Where", [net.constant(which), value.name, net.scalar(net.pick(0, 0.5))]))


def largest(net, value):
    return net.unary(net.pick("Max", "Min", "Sum", "Mean"), value, parameter(net, value, 0.25))


def quantize(net, value):
    kind, zero = net.pick((np.int8, 0), (np.int8, -128), (np.int8, 5), (np.uint8, 0), (np.uint8, 128), (np.uint8, 255))
    scale = np.float32(net.pick(1 / 16, 0.3, 1 / 255))
    codes = net.unary("QuantizeLinear", value, net.constant(scale), net.constant(kind(zero)))
    return net.unary("DequantizeLinear", codes, net.constant(scale), net.constant(kind(zero)))


def shape_of(net, value):
    return net.node("Shape", [value.name])


def plus_zeros(net, value):
    zero = helper.make_tensor("value", TensorProto.FLOAT, [1], [net.pick(0.0, 0.25)])
    zeros = net.node("ConstantOfShape", [shape_of(net, value)], value=zero)
    return net.unary("Add", value, zeros)


def times_expanded(net, value):
    return net.unary("Mul", value, net.node("Expand", [net.scalar(0.5), shape_of(net, value)]))


def same_shape(net, value):
    """Reshape to what Shape says, whole or put together of its elements."""
    shape = shape_of(net, value)
    if net.chance(0.6):
        parts = []
        for axis, size in enumerate(value.shape):
            if net.chance(0.4):
                parts.append(net.ints(size))
            elif net.chance(0.5):
                parts.append(net.node("Slice", [shape, net.ints(axis), net.ints(axis + 1), net.ints(0)]))
            else:
                one = net.node("Gather", [shape, net.constant(np.int64(axis))], axis=0)
                parts.append(net.node("Unsqueeze", [one, net.ints(0)]))
        shape = net.node("Concat", parts, axis=0)
    return net.unary("Reshape", value, shape)


def less_its_mean(net, value):
    """A mean by hand: the width is read as a number."""
    total = net.node("ReduceSum", [value.name, net.ints(value.axis)], keepdims=1)
    width = net.node("Cast", [net.node("Gather", [shape_of(net, value), net.constant(np.int64(value.axis))], axis=0)],
                     to=TensorProto.FLOAT)
    return net.unary("Sub", value, net.node("Div", [total, width]))


def plus_its_sum(net, value):
    total = net.node("ReduceSum", [value.name, net.ints(value.axis)], keepdims=1)
    return net.unary("Add", value, net.node("Mul", [total, net.scalar(0.125)]))


def mixed(net, value):
    """Operators that mix units, or have no rule: they freeze."""
    op = net.pick("Softmax", "CumSum", "LayerNormalization", "ArgMax", "TopK", "LpNormalization", "LRN",
                  "MeanVarianceNormalization", "Some")
    axis = value.axis
    if op == "LRN":
        return net.unary(op, value, size=3) if len(value.shape) == 4 else value
    if op == "LpNormalization":
        return net.unary(op, value, axis=axis)
    if op == "MeanVarianceNormalization":
        return net.unary(op, value, axes=[axis])
    if op == "Some":  # of a shape that is not told
        count = int(net.random.integers(1, value.shape[axis] + 1))
        shape = list(value.shape)
        shape[axis] = count
        return value.with_name(net.node("TopK", [value.name, net.ints(count)], outputs=2, axis=axis)[0], shape)
    if op == "Softmax":
        return net.unary(op, value, axis=axis)
    if op == "CumSum":
        return net.unary(op, value, net.constant(np.int64(axis)))
    if op == "LayerNormalization":
        return net.unary(op, value, net.constant(np.ones(value.shape[axis:], np.float32)), axis=axis)
    if op == "ArgMax":
        best = net.node("Cast", [net.node(op, [value.name], axis=axis, keepdims=1)], to=TensorProto.FLOAT)
    else:
        best, _ = net.node(op, [value.name, net.ints(1)], outputs=2, axis=axis)
    return net.unary("Mul", value, best)


def times_a_reduction(net, value):
    op = net.pick("ReduceMax", "ReduceMin", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceProd")
    return net.unary("Mul", value, net.node(op, [value.name, net.ints(value.axis)], keepdims=1))


def gathered_elements(net, value):
    order = net.random.permutation(value.shape[value.axis])
    shape = [1] * len(value.shape)
    shape[value.axis] = -1
    where = np.broadcast_to(order.reshape(shape), value.shape).astype(np.int64)
    return net.unary("GatherElements", value, net.constant(where), axis=value.axis)


def scattered(net, value):
    """Written into zeros of its shape."""
    zeros = net.constant(np.zeros(value.shape, np.float32))
    rows = net.constant(np.arange(value.shape[0], dtype=np.int64).reshape(-1, 1))
    return value.with_name(net.node("ScatterND", [zeros, rows, value.name]))


def scattered_elements(net, value):
    where = net.constant(np.broadcast_to(
        net.random.permutation(value.shape[value.axis]).reshape([-1 if k == value.axis else 1
                                                                  for k in range(len(value.shape))]),
        value.shape).astype(np.int64))
    zeros = net.constant(np.zeros(value.shape, np.float32))
    return value.with_name(net.node("ScatterElements", [zeros, where, value.name], axis=value.axis))


def in_function(net, value):
    """A call of a local function that does one of the simple things, with a constant inside or handed in."""
    formal = value.with_name(net.name("formal"))
    inputs, operands = [formal.name], [value.name]
    with net.body(function=True) as nodes:
        if net.chance(0.5):
            result = net.pick(invert, graded, clip, square)(net, formal)
        else:
            inputs.append(net.name("formal"))
            result = formal.with_name(net.node(net.pick("Add", "Mul"), inputs))
    if len(inputs) == 2:
        operands.append(parameter(net, value, 0.5))
    name = net.name("Function")
    opsets = [helper.make_opsetid("", 18)]
    net.functions.append(helper.make_function("local", name, inputs, [result.name], nodes, opsets))
    return value.with_name(net.node(name, operands, domain="local"))


def in_branches(net, value):
    """An If whose branches read the value from outside."""
    if net.chance(0.5):
        condition = net.constant(np.bool_(net.chance(0.5)))
    else:
        total = net.node("ReduceSum", [net.drive], keepdims=0)
        condition = net.node("Greater", [total, net.scalar(2.1)])
    branches = []
    for _ in range(2):
        with net.body() as nodes:
            result = net.pick(graded, invert, clip, add, negative)(net, value)
        branches.append(helper.make_graph(nodes, net.name("branch"), [], [
            helper.make_tensor_value_info(result.name, TensorProto.FLOAT, value.shape)]))
    return value.with_name(net.node("If", [condition], then_branch=branches[0], else_branch=branches[1]))


def in_loop(net, value):
    """A Loop that goes over the value twice; what it carries is the value, or the value is read from outside."""
    carried, count, going = net.name("carried"), net.name("iteration"), net.name("going")
    outside = net.chance(0.4)
    with net.body() as nodes:
        if outside:
            new = net.node("Add", [net.node("Mul", [carried, net.scalar(0.5)]), value.name])
        else:
            new = net.pick(graded, clip, negative)(net, value.with_name(carried)).name
        still = net.node("Identity", [going])
    info = helper.make_tensor_value_info
    shape = list(value.shape)
    body = helper.make_graph(nodes, net.name("body"), [
        info(count, TensorProto.INT64, []), info(going, TensorProto.BOOL, []), info(carried, TensorProto.FLOAT, shape),
    ], [info(still, TensorProto.BOOL, []), info(new, TensorProto.FLOAT, shape)])
    start = net.constant(np.zeros(shape, np.float32)) if outside else value.name
    return value.with_name(net.node("Loop", [net.constant(np.int64(2)), "", start], body=body))


# --- shapes: the axis of units is moved, split, cut or joined -----------------------------




def permuted(net, value):
    """There and back again, or with units of a grid exchanged."""
    rank = len(value.shape)
    order = [int(k) for k in net.random.permutation(rank)]
    turned = net.node("Transpose", [value.name], perm=order)
    return value.with_name(net.node("Transpose", [turned], perm=[order.index(k) for k in range(rank)]))


def grid(net, value):
    """Units as rows and columns, exchanged or not, and flat again."""
    units = value.shape[value.axis]
    rows = net.pick(*[k for k in range(1, units + 1) if units % k == 0])
    axis = value.axis
    before, after = list(value.shape[:axis]), list(value.shape[axis + 1:])
    apart = net.node("Reshape", [value.name, net.ints(*before, rows, units // rows, *after)])
    if net.chance(0.5):
        order = list(range(len(value.shape) + 1))
        order[axis], order[axis + 1] = order[axis + 1], order[axis]
        apart = net.node("Transpose", [apart], perm=order)
    shape = [*before, net.pick(-1, units), *after]
    return value.with_name(net.node("Reshape", [apart, net.ints(*shape)]))


def flat(net, value):
    if value.is_map or value.steps:
        return value
    form = net.pick("flatten", "zero", "minus", "literal")
    if form == "flatten":
        return net.unary("Flatten", value, axis=1)
    shape = {"zero": [0, -1], "minus": [value.shape[0], -1], "literal": list(value.shape)}[form]
    return net.unary("Reshape", value, net.ints(*shape))


def longer(net, value):
    """A fake axis, and away with it again."""
    at = int(net.random.integers(0, len(value.shape) + 1))
    extra = net.node("Unsqueeze", [value.name, net.ints(at)])
    form = net.pick("squeeze", "gather", "slice")
    if form == "gather":
        return value.with_name(net.node("Gather", [extra, net.constant(np.int64(0))], axis=at))
    if form == "slice":
        extra = net.node("Slice", [extra, net.ints(0), net.ints(2**62), net.ints(at)])
    return value.with_name(net.node("Squeeze", [extra, net.ints(at)]))


def repeated(net, value):
    """Copies along a new axis, joined again."""
    extra = net.node("Unsqueeze", [value.name, net.ints(0)])
    if net.chance(0.5):
        many = net.node("Expand", [extra, net.ints(3, *([1] * len(value.shape)))])
    else:
        many = net.node("Tile", [extra, net.ints(3, *([1] * len(value.shape)))])
    form = net.pick("ReduceMax", "ReduceSum", "ReduceMean", "gather")
    if form == "gather":
        return value.with_name(net.node("Gather", [many, net.constant(np.int64(1))], axis=0))
    return value.with_name(net.node(form, [many, net.ints(0)], keepdims=0))


def tiled(net, value):
    repeats = [1] * len(value.shape)
    repeats[value.axis] = 2
    shape = list(value.shape)
    shape[value.axis] *= 2
    return value.with_name(net.node("Tile", [value.name, net.ints(*repeats)]), shape)


def beside_itself(net, value):
    shape = list(value.shape)
    shape[value.axis] *= 2
    return value.with_name(net.node("Concat", [value.name, value.name], axis=value.axis), shape)


def split_and_joined(net, value):
    """In pieces, put together in another order, or without one."""
    units = value.shape[value.axis]
    if units < 2:
        return value
    count = 2 if units < 6 else int(net.pick(2, 3))
    if net.chance(0.5) and units % count == 0:
        sizes = [units // count] * count
    else:
        cuts = sorted(net.random.choice(np.arange(1, units), count - 1, replace=False).tolist())
        sizes = np.diff([0, *cuts, units]).tolist()
    if len(set(sizes)) == 1 and net.chance(0.5):
        pieces = net.node("Split", [value.name], outputs=count, axis=value.axis, num_outputs=count)
    else:
        pieces = net.node("Split", [value.name, net.ints(*sizes)], outputs=count, axis=value.axis)
    order = [int(k) for k in net.random.permutation(count)]
    if net.chance(0.3):
        order = order[1:]
    shape = list(value.shape)
    shape[value.axis] = sum(sizes[k] for k in order)
    return value.with_name(net.node("Concat", [pieces[k] for k in order], axis=value.axis), shape)


def sliced(net, value):
    units = value.shape[value.axis]
    if units < 3:
        return value
    start = int(net.random.integers(0, units - 1))
    stop = int(net.random.integers(start + 1, units + 1))
    ends = net.pick(stop, 2**62 if stop == units else stop, stop - units if stop < units else stop)
    axis = net.pick(value.axis, value.axis - len(value.shape))
    shape = list(value.shape)
    shape[value.axis] = stop - start
    return value.with_name(net.node("Slice", [value.name, net.ints(start), net.ints(ends), net.ints(axis),
                                              net.ints(1)]), shape)


def sliced_and_joined(net, value):
    units = value.shape[value.axis]
    at = int(net.random.integers(1, units)) if units > 1 else 1
    parts = [net.node("Slice", [value.name, net.ints(start), net.ints(stop), net.ints(value.axis)])
             for start, stop in ((0, at), (at, 2**62))]
    return value.with_name(net.node("Concat", parts, axis=value.axis)) if units > 1 else value


def gathered(net, value):
    """Some units, in any order, maybe twice."""
    units = value.shape[value.axis]
    which = net.random.integers(0, units, int(net.random.integers(1, units + 1)))
    if net.chance(0.6):
        which = net.random.permutation(units)
    shape = list(value.shape)
    shape[value.axis] = len(which)
    return value.with_name(net.node("Gather", [value.name, net.constant(which.astype(np.int64))], axis=value.axis),
                           shape)


def every_second(net, value):
    units = value.shape[value.axis]
    shape = list(value.shape)
    shape[value.axis] = (units + 1) // 2
    return value.with_name(net.node("Slice", [value.name, net.ints(0), net.ints(units), net.ints(value.axis),
                                              net.ints(2)]), shape)


def every_second_position(net, value):
    """As residual paths of another size are made."""
    if not value.is_map or min(value.shape[2:]) < 2:
        return value
    axis = int(net.random.integers(2, len(value.shape)))
    size, up = value.shape[axis], net.chance(0.5)
    shape = list(value.shape)
    shape[axis] = (size + 1) // 2
    bounds = (0, 2**62, axis, 2) if up else (size - 1, -(2**62), axis - len(shape), -2)
    return value.with_name(net.node("Slice", [value.name, *(net.ints(each) for each in bounds)]), shape)


def padded(net, value):
    shape = list(value.shape)
    before, after = [0] * len(shape), [0] * len(shape)
    before[value.axis], after[value.axis] = net.pick((0, 2), (1, 1), (2, 0))
    shape[value.axis] += 2
    operands = [value.name, net.ints(*before, *after), net.scalar(net.pick(0, 0.5))]
    return value.with_name(net.node("Pad", operands), shape)


def as_sequence(net, value):
    """Stacked through a sequence, and one taken out again."""
    both = net.node("SequenceConstruct", [value.name, value.name])
    if net.chance(0.5):
        return value.with_name(net.node("SequenceAt", [both, net.constant(np.int64(1))]))
    stack = net.node("ConcatFromSequence", [both], axis=0, new_axis=1)
    return value.with_name(net.node("ReduceMax", [stack, net.ints(0)], keepdims=0))


# --- maps -----------------------------------------------------------------------------


def pooled(net, value):
    if not value.is_map or min(value.shape[2:]) < 2:
        return value
    spatial = [size // 2 for size in value.shape[2:]]
    window = [2] * len(spatial)
    op = net.pick("MaxPool", "AveragePool", "LpPool")
    small = net.node(op, [value.name], kernel_shape=window, strides=window)
    return value.with_name(small, (*value.shape[:2], *spatial))


def normalized(net, value):
    return value if value.steps else batch_norm(net, value, 1 / 4)


def normalized_by_instance(net, value):
    if not value.is_map:
        return value
    ones = net.constant(np.ones(value.shape[1], np.float32))
    return net.unary("InstanceNormalization", value, ones, net.constant(np.zeros(value.shape[1], np.float32)))


def flattened(net, value):
    """[1, N] of any value of one step: a map's channels slowest or fastest, or its positions averaged away."""
    if not value.is_map:
        return value
    batch, channels, spatial = value.shape[0], value.shape[1], value.shape[2:]
    width = int(np.prod(value.shape[1:]))
    form = net.pick("flatten", "reshape", "last", "mean", "pool")
    if form == "last":
        order = [0, *range(2, len(value.shape)), 1]
        turned = net.node("Transpose", [value.name], perm=order)
        return value.with_name(net.node("Reshape", [turned, net.ints(batch, net.pick(-1, width))]), (batch, width))
    if form == "mean":
        axes = net.ints(*range(2, len(value.shape)))
        return value.with_name(net.node("ReduceMean", [value.name, axes], keepdims=0), (batch, channels))
    if form == "pool":
        small = value.with_name(net.node(net.pick("GlobalAveragePool", "GlobalMaxPool"), [value.name]), (batch, channels, *([1] * len(spatial))))
        return value.with_name(net.node("Flatten", [small.name], axis=1), (batch, channels))
    if form == "reshape":
        shape = net.ints(net.pick(0, batch), net.pick(-1, width))
        return value.with_name(net.node("Reshape", [value.name, shape]), (batch, width))
    return value.with_name(net.node("Flatten", [value.name], axis=1), (batch, width))


PLAIN = [add, graded, clip, invert, normalized, flat, longer, permuted]
ELEMENTWISE = [divide, negative, relu, square, power, half, through_integers, through_booleans, logical_not, above,
               chosen, largest, quantize, function_of_one, function_of_one, reciprocal, leaky, modulo, dropped, noisy, cast_like,
               exclusive]
SHAPES = [grid, repeated, split_and_joined, sliced, sliced_and_joined, gathered, tiled, beside_itself, pooled, padded,
          every_second, every_second_position]
STRUCTURE = [plus_zeros, times_expanded, same_shape, in_function, in_branches, in_loop, as_sequence, scattered]
MIXING = [less_its_mean, plus_its_sum, mixed, scattered_elements, times_a_reduction, gathered_elements,
          normalized_by_instance]


def decorate(net, value):
    """What a reader reads instead of the bare spikes."""
    for _ in range(int(net.pick(0, 0, 1, 1, 2, 3) if net.wild else net.pick(0, 0, 1))):
        rare = net.pick(MIXING, PLAIN, PLAIN)
        groups = [PLAIN, PLAIN, SHAPES, *([ELEMENTWISE, SHAPES, STRUCTURE, rare] if net.wild else [])]
        group = groups[net.random.integers(len(groups))]
        value = group[net.random.integers(len(group))](net, value)
    return value
