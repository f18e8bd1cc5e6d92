/* axis_rules.c - what operators do to axes: elementwise, weights, normalization, pooling. */
#include "importer/axis_rules.h"

#include <inttypes.h>
#include <string.h>

struct tensor_axes *
rule_operand(struct axes *axes, const struct operation *operation, uint32_t i)
{
	return i < operation->operand_count && operation->operands[i] != NO_VALUE
		       ? &axes->tensors[operation->operands[i]]
		       : NULL;
}

uint32_t
rule_result(const struct operation *operation, uint32_t i)
{
	return i < operation->result_count ? operation->results[i] : NO_VALUE;
}

const char *
rule_reason(struct axes *axes, const struct operation *operation, const char *format)
{
	const char *reason = arena_printf(axes->arena, format,
					  operation_label(axes->program, operation));

	if (!reason)
		axes->out_of_memory = true;
	return reason ? reason : format;
}

static bool
is_constant(const struct axes *axes, const struct operation *operation, uint32_t i)
{
	return i < operation->operand_count && operation->operands[i] != NO_VALUE &&
	       axes->program->values[operation->operands[i]].constant;
}

/* --- elementwise ------------------------------------------------------------------ */

/* Axes of the broadcast result; operands' axes at the same place are unified. */
static bool
broadcast(struct axes *axes, const struct operation *operation,
	  const struct tensor_axes *const *operands, uint32_t count, struct axis *out,
	  uint32_t *rank)
{
	const char *reason = rule_reason(axes, operation, "sizes do not agree at %s");
	uint32_t i, d;

	*rank = 0;
	for (i = 0; i < count; i++)
		if (operands[i] && operands[i]->rank > *rank)
			*rank = operands[i]->rank;
	if (*rank > AXES_RANK_MAX)
		return false;
	memset(out, 0, *rank * sizeof *out);
	for (i = 0; i < count; i++)
		for (d = 0; operands[i] && d < operands[i]->rank; d++) {
			struct axis *at = &out[*rank - operands[i]->rank + d];
			struct axis axis = operands[i]->axes[d];

			if (at->count && axis.count)
				axis_unify(axes, *at, axis, reason);
			else if (axis.count)
				*at = axis;
		}
	return true;
}

bool
rule_elementwise_of(struct axes *axes, uint32_t index, const uint32_t *slots, uint32_t count)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct tensor_axes *operands[AXES_RANK_MAX];
	struct axis out[AXES_RANK_MAX];
	uint32_t i, rank;

	if (count > AXES_RANK_MAX)
		return false;
	for (i = 0; i < count; i++)
		operands[i] = rule_operand(axes, operation, slots ? slots[i] : i);
	if (!broadcast(axes, operation, operands, count, out, &rank))
		return false;
	axes_set(axes, rule_result(operation, 0), rank, out);
	return true;
}

bool
rule_elementwise(struct axes *axes, uint32_t index)
{
	return rule_elementwise_of(axes, index, NULL,
				   axes->program->operations[index].operand_count);
}

/* One tensor in, the same axes out; numbers pass where the values do. */
bool
rule_unary(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	struct tensor_axes *result;
	uint32_t i;

	if (!x)
		return false;
	for (i = 0; i < operation->result_count; i++)
		axes_set(axes, operation->results[i], x->rank, x->axes);
	if (!operation_is(operation, "Identity") && !operation_is(operation, "Cast"))
		return true;
	if (rule_result(operation, 0) == NO_VALUE)
		return true;
	result = &axes->tensors[operation->results[0]];
	result->numbers = x->numbers;
	result->number_count = x->number_count;
	return true;
}

bool
rule_dropout(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	double training = 0;

	if (operation->operand_count > 2 && operation->operands[2] != NO_VALUE &&
	    (!constant_scalar(axes->constants, operation->operands[2], &training) ||
	     training != 0)) {
		const struct tensor_axes *x = rule_operand(axes, operation, 0);
		const char *reason = rule_reason(
			axes, operation, "%s is in training mode: export the model after eval()");
		uint32_t d;

		for (d = 0; x && d < x->rank; d++)
			axis_freeze(axes, x->axes[d], reason);
	}
	return rule_unary(axes, index);
}

/* --- weights ------------------------------------------------------------------------ */

/* Weights that cannot be had are none: what they feed is not known, and what they
 * read is used in a way that is not followed. */
static bool
has_numbers(struct axes *axes, const struct weight_operation *weight)
{
	const struct operation *operation = &axes->program->operations[weight->operation];
	const char *reason;

	if (constant_is_computable(axes->constants, operation->operands[weight->weight_operand]))
		return true;
	reason = rule_reason(axes, operation,
			     "the weights of %s cannot be read or computed here; fold constants "
			     "before, for instance with onnxsim");
	axis_freeze(axes, weight->units, reason);
	axis_freeze(axes, weight->columns, reason);
	if (!axes->left_out++)
		axes->first_left_out = weight->operation;
	return false;
}

bool
axes_add_weight(struct axes *axes, const struct weight_operation *weight)
{
	if (!has_numbers(axes, weight))
		return true;
	if (!arena_grow(axes->arena, &axes->weights, axes->weight_count, &axes->weight_capacity,
			sizeof *axes->weights)) {
		axes->out_of_memory = true;
		return false;
	}
	axes->weights[axes->weight_count++] = *weight;
	return true;
}

/* The attribute says the size of the axis. */
static void
note_attribute(struct axes *axes, uint32_t index, const char *name, struct axis axis)
{
	if (!arena_grow(axes->arena, &axes->attributes, axes->attribute_count,
			&axes->attribute_capacity, sizeof *axes->attributes))
		axes->out_of_memory = true;
	else
		axes->attributes[axes->attribute_count++] = (struct axis_attribute){ index, name,
										     axis };
}

/* The axes a and b are summed over together. Unless one side is weights, units on
 * them are read in a way that is not followed further. */
static void
contract(struct axes *axes, uint32_t index, struct axis a, struct axis b, struct axis units,
	 bool transposed)
{
	const struct operation *operation = &axes->program->operations[index];
	const char *reason = rule_reason(axes, operation, "sizes do not agree at %s");

	axis_unify(axes, a, b, reason);
	if (!is_constant(axes, operation, 0) && is_constant(axes, operation, 1)) {
		/* Of the weights, whose size is known: that of the data need not agree. */
		struct weight_operation weight = { index, 0, 1, transposed, units, b };

		(void)axes_add_weight(axes, &weight);
	} else if (!operation->constant) {
		axis_freeze(axes, a,
			    rule_reason(axes, operation,
					"%s sums over it without "
					"constant weights"));
	}
}

bool
rule_gemm(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct tensor_axes *a = rule_operand(axes, operation, 0);
	const struct tensor_axes *b = rule_operand(axes, operation, 1);
	const struct tensor_axes *c = rule_operand(axes, operation, 2);
	uint32_t trans_a = operation_int(operation, "transA", 0) != 0;
	uint32_t trans_b = operation_int(operation, "transB", 0) != 0;
	struct tensor_axes product = { .known = true, .rank = 2 };
	const struct tensor_axes *operands[2] = { &product, c };
	struct axis list[2], out[AXES_RANK_MAX];
	uint32_t rank;

	if (!a || !b || a->rank != 2 || b->rank != 2 || (c && c->rank > 2))
		return false;
	list[0] = a->axes[trans_a];
	list[1] = b->axes[1 - trans_b];
	product.axes = list;
	if (trans_a)
		axis_freeze(axes, a->axes[0], rule_reason(axes, operation, "%s transposes it"));
	contract(axes, index, a->axes[1 - trans_a], b->axes[trans_b], list[1], !trans_b);
	if (!broadcast(axes, operation, operands, 2, out, &rank))
		return false;
	axes_set(axes, rule_result(operation, 0), rank, out);
	return true;
}

bool
rule_matmul(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct tensor_axes *a = rule_operand(axes, operation, 0);
	const struct tensor_axes *b = rule_operand(axes, operation, 1);
	struct axis out[AXES_RANK_MAX];

	/* Other forms (vectors, a batch of weights) have no rule. */
	if (!a || !b || a->rank < 2 || b->rank != 2)
		return false;
	contract(axes, index, a->axes[a->rank - 1], b->axes[0], b->axes[1], true);
	memcpy(out, a->axes, (a->rank - 1) * sizeof *out);
	out[a->rank - 1] = b->axes[1];
	axes_set(axes, rule_result(operation, 0), a->rank, out);
	return true;
}

static int64_t
list_at(const Onnx__AttributeProto *list, size_t i, int64_t fallback)
{
	return list && i < list->n_ints ? list->ints[i] : fallback;
}

/* Size of a spatial axis after a window has gone over it; 0: does not come out. */
static uint64_t
window_size(const struct operation *operation, uint64_t size, uint64_t kernel, size_t d,
	    size_t spatial)
{
	const Onnx__AttributeProto *pads = operation_attribute(operation, "pads");
	const Onnx__AttributeProto *automatic = operation_attribute(operation, "auto_pad");
	int64_t stride = list_at(operation_attribute(operation, "strides"), d, 1);
	int64_t dilation = list_at(operation_attribute(operation, "dilations"), d, 1);
	int64_t room;

	if (stride < 1 || dilation < 1 || size > INT32_MAX || kernel > INT32_MAX ||
	    stride > INT32_MAX || dilation > INT32_MAX)
		return 0;
	if (automatic && automatic->s.len >= 4 && memcmp(automatic->s.data, "SAME", 4) == 0)
		return (size + (uint64_t)stride - 1) / (uint64_t)stride;
	room = (int64_t)size + list_at(pads, d, 0) + list_at(pads, d + spatial, 0) -
	       dilation * ((int64_t)kernel - 1) - 1;
	if (operation_int(operation, "ceil_mode", 0))
		room += stride - 1;
	return room < 0 ? 0 : (uint64_t)(room / stride + 1);
}

/* A size without a number stays one, by what it is made from. */
static uint64_t
size_left(struct axes *axes, uint64_t size, uint64_t after)
{
	const char *name;

	if (size < AXES_FIRST_SYMBOL || after == size || !after)
		return after;
	name = arena_printf(axes->arena, "\t%" PRIu64 " to %" PRIu64, size, after);
	if (!name)
		axes->out_of_memory = true;
	return axes_symbol(axes, name);
}

bool
rule_window(struct axes *axes, const struct operation *operation, const struct tensor_axes *x,
	    const struct tensor_axes *kernel, struct axis *out)
{
	const Onnx__AttributeProto *shape = operation_attribute(operation, "kernel_shape");
	size_t spatial = x->rank - 2, d;

	for (d = 0; d < spatial; d++) {
		uint64_t size = axis_size(axes, x->axes[2 + d]);
		uint64_t k = kernel ? axis_size(axes, kernel->axes[2 + d])
				    : (uint64_t)list_at(shape, d, 0);
		uint64_t after = size_left(axes, size, window_size(operation, size, k, d, spatial));

		if (!after)
			return false;
		axis_freeze(axes, x->axes[2 + d], "a spatial axis");
		out[2 + d] = axis_fresh(axes, after, "a spatial axis");
	}
	return true;
}

/* Depthwise: a unit reads the channel of its own number only, so that both are one
 * axis, whose size is the number of groups. Other groups freeze. */
static void
group_channels(struct axes *axes, uint32_t index, const struct tensor_axes *x,
	       const struct tensor_axes *w, uint64_t groups)
{
	const struct operation *operation = &axes->program->operations[index];
	struct weight_operation weight = { index, 0, 1, false, w->axes[0], w->axes[1] };
	bool depthwise = axis_size(axes, x->axes[1]) == groups &&
			 axis_size(axes, w->axes[0]) == groups && !w->axes[1].count;

	if (depthwise && !operation->scope) {
		axis_unify(axes, x->axes[1], w->axes[0], "sizes do not agree");
		note_attribute(axes, index, "group", w->axes[0]);
	} else {
		const char *reason = rule_reason(axes, operation, "grouped convolution %s");

		axis_freeze(axes, x->axes[1], reason);
		axis_freeze(axes, w->axes[0], reason);
		axis_freeze(axes, w->axes[1], reason);
	}
	(void)axes_add_weight(axes, &weight);
}

bool
rule_conv(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	const struct tensor_axes *w = rule_operand(axes, operation, 1);
	const struct tensor_axes *bias = operation_is(operation, "Conv")
						 ? rule_operand(axes, operation, 2)
						 : NULL;
	int64_t groups = operation_int(operation, "group", 1);
	struct axis out[AXES_RANK_MAX];
	uint32_t d;

	if (!x || !w || x->rank < 3 || x->rank != w->rank || (bias && bias->rank != 1) ||
	    !is_constant(axes, operation, 1))
		return false;
	if (groups < 1 || !rule_window(axes, operation, x, w, out))
		return false;
	for (d = 2; d < w->rank; d++)
		axis_freeze(axes, w->axes[d], "a kernel axis");
	if (groups == 1)
		contract(axes, index, x->axes[1], w->axes[1], w->axes[0], false);
	else
		group_channels(axes, index, x, w, (uint64_t)groups);
	if (bias)
		axis_unify(axes, bias->axes[0], w->axes[0], "bias and weight differ in size");
	out[0] = x->axes[0];
	out[1] = w->axes[0];
	axes_set(axes, rule_result(operation, 0), x->rank, out);
	return true;
}

/* --- normalization, pooling, quantization ----------------------------------------------- */

bool
rule_batch_normalization(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	uint32_t i;

	if (!x || x->rank < 2 || operation->operand_count != 5)
		return false;
	for (i = 1; i < 5; i++) {
		const struct tensor_axes *parameter = rule_operand(axes, operation, i);

		if (!parameter || parameter->rank != 1)
			return false;
		axis_unify(axes, x->axes[1], parameter->axes[0],
			   "BatchNormalization has parameters of another size");
	}
	if (operation_int(operation, "training_mode", 0))
		axis_freeze(axes, x->axes[1],
			    rule_reason(axes, operation,
					"%s is in training mode: export the model after eval()"));
	axes_set(axes, rule_result(operation, 0), x->rank, x->axes);
	for (i = 1; i < operation->result_count; i++)
		axes_set(axes, operation->results[i], 1, &x->axes[1]);
	return true;
}

bool
rule_pool(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	struct axis out[AXES_RANK_MAX] = { { 0 } };
	uint32_t d;

	if (!x || x->rank < 3)
		return false;
	if (rule_result(operation, 1) != NO_VALUE)
		for (d = 0; d < x->rank; d++)
			axis_freeze(axes, x->axes[d],
				    rule_reason(axes, operation,
						"%s numbers positions over all its channels"));
	out[0] = x->axes[0];
	out[1] = x->axes[1];
	if (strncmp(operation->node->op_type, "Global", 6) != 0) {
		if (!operation_attribute(operation, "kernel_shape") ||
		    !rule_window(axes, operation, x, NULL, out))
			return false;
	} else {
		for (d = 2; d < x->rank; d++)
			axis_freeze(axes, x->axes[d], "a spatial axis");
	}
	axes_set(axes, rule_result(operation, 0), x->rank, out);
	axes_set(axes, rule_result(operation, 1), x->rank, out);
	return true;
}

bool
rule_quantize(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	int64_t axis = operation_int(operation, "axis", 1);
	uint32_t i;

	if (!x || operation_int(operation, "block_size", 0))
		return false;
	if (axis < 0)
		axis += x->rank;
	for (i = 1; i < operation->operand_count; i++) {
		const struct tensor_axes *parameter = rule_operand(axes, operation, i);

		if (!parameter || parameter->rank == 0)
			continue;
		if (parameter->rank > 1)
			return false;
		if (!axis_resolve(axes, parameter->axes[0]).count)
			continue;
		if (axis < 0 || axis >= x->rank)
			return false;
		axis_unify(axes, x->axes[axis], parameter->axes[0],
			   "scales of another size than the axis");
	}
	axes_set(axes, rule_result(operation, 0), x->rank, x->axes);
	return true;
}

/* --- the table ----------------------------------------------------------------------------- */

static const struct {
	const char *op_type;
	axis_rule rule;
} rule_table[] = {
	{ "Abs", rule_unary },
	{ "Acos", rule_unary },
	{ "Acosh", rule_unary },
	{ "Add", rule_elementwise },
	{ "And", rule_elementwise },
	{ "ArgMax", rule_arg },
	{ "ArgMin", rule_arg },
	{ "Asin", rule_unary },
	{ "Asinh", rule_unary },
	{ "Atan", rule_unary },
	{ "Atanh", rule_unary },
	{ "AveragePool", rule_pool },
	{ "BatchNormalization", rule_batch_normalization },
	{ "Bernoulli", rule_random_like },
	{ "BitShift", rule_elementwise },
	{ "BitwiseAnd", rule_elementwise },
	{ "BitwiseNot", rule_unary },
	{ "BitwiseOr", rule_elementwise },
	{ "BitwiseXor", rule_elementwise },
	{ "Cast", rule_unary },
	{ "CastLike", rule_unary },
	{ "Ceil", rule_unary },
	{ "Celu", rule_unary },
	{ "Clip", rule_unary },
	{ "Concat", rule_concat },
	{ "ConstantOfShape", rule_constant_of_shape },
	{ "Conv", rule_conv },
	{ "ConvInteger", rule_conv_integer },
	{ "Cos", rule_unary },
	{ "Cosh", rule_unary },
	{ "CumSum", rule_cumsum },
	{ "DequantizeLinear", rule_quantize },
	{ "Div", rule_elementwise },
	{ "Dropout", rule_dropout },
	{ "DynamicQuantizeLinear", rule_dynamic_quantize },
	{ "Elu", rule_unary },
	{ "Equal", rule_elementwise },
	{ "Erf", rule_unary },
	{ "Exp", rule_unary },
	{ "Expand", rule_expand },
	{ "Flatten", rule_flatten },
	{ "Floor", rule_unary },
	{ "Gather", rule_gather },
	{ "GatherElements", rule_gather_elements },
	{ "Gelu", rule_unary },
	{ "Gemm", rule_gemm },
	{ "GlobalAveragePool", rule_pool },
	{ "GlobalLpPool", rule_pool },
	{ "GlobalMaxPool", rule_pool },
	{ "Greater", rule_elementwise },
	{ "GreaterOrEqual", rule_elementwise },
	{ "HardSigmoid", rule_unary },
	{ "HardSwish", rule_unary },
	{ "Hardmax", rule_softmax },
	{ "Identity", rule_unary },
	{ "InstanceNormalization", rule_instance_normalization },
	{ "IsInf", rule_unary },
	{ "IsNaN", rule_unary },
	{ "LeakyRelu", rule_unary },
	{ "Less", rule_elementwise },
	{ "LessOrEqual", rule_elementwise },
	{ "Log", rule_unary },
	{ "LogSoftmax", rule_softmax },
	{ "LpPool", rule_pool },
	{ "MatMul", rule_matmul },
	{ "MatMulInteger", rule_matmul_integer },
	{ "Max", rule_elementwise },
	{ "MaxPool", rule_pool },
	{ "Mean", rule_elementwise },
	{ "Min", rule_elementwise },
	{ "Mish", rule_unary },
	{ "Mod", rule_elementwise },
	{ "Mul", rule_elementwise },
	{ "Neg", rule_unary },
	{ "Not", rule_unary },
	{ "Or", rule_elementwise },
	{ "PRelu", rule_elementwise },
	{ "Pad", rule_pad },
	{ "Pow", rule_elementwise },
	{ "QuantizeLinear", rule_quantize },
	{ "RandomNormalLike", rule_random_like },
	{ "RandomUniformLike", rule_random_like },
	{ "Reciprocal", rule_unary },
	{ "ReduceL1", rule_reduce },
	{ "ReduceL2", rule_reduce },
	{ "ReduceLogSum", rule_reduce },
	{ "ReduceLogSumExp", rule_reduce },
	{ "ReduceMax", rule_reduce },
	{ "ReduceMean", rule_reduce },
	{ "ReduceMin", rule_reduce },
	{ "ReduceProd", rule_reduce },
	{ "ReduceSum", rule_reduce },
	{ "ReduceSumSquare", rule_reduce },
	{ "Relu", rule_unary },
	{ "Reshape", rule_reshape },
	{ "Round", rule_unary },
	{ "ScatterElements", rule_scatter_elements },
	{ "ScatterND", rule_scatter_nd },
	{ "Selu", rule_unary },
	{ "Shape", rule_shape },
	{ "Shrink", rule_unary },
	{ "Sigmoid", rule_unary },
	{ "Sign", rule_unary },
	{ "Sin", rule_unary },
	{ "Sinh", rule_unary },
	{ "Slice", rule_slice },
	{ "Softmax", rule_softmax },
	{ "Softplus", rule_unary },
	{ "Softsign", rule_unary },
	{ "Split", rule_split },
	{ "Sqrt", rule_unary },
	{ "Squeeze", rule_squeeze },
	{ "Sub", rule_elementwise },
	{ "Sum", rule_elementwise },
	{ "Swish", rule_unary },
	{ "Tan", rule_unary },
	{ "Tanh", rule_unary },
	{ "ThresholdedRelu", rule_unary },
	{ "Tile", rule_tile },
	{ "Transpose", rule_transpose },
	{ "Unsqueeze", rule_unsqueeze },
	{ "Where", rule_elementwise },
	{ "Xor", rule_elementwise },
};

axis_rule
axis_rule_of(const struct operation *operation)
{
	size_t i;

	if (!operation_is_standard(operation))
		return axis_foreign_rule_of(operation);
	for (i = 0; i < sizeof rule_table / sizeof *rule_table; i++)
		if (operation_is(operation, rule_table[i].op_type))
			return rule_table[i].rule;
	return axis_foreign_rule_of(operation);
}
