/* check_shape.c - shapes from operator to operator; those that work element by element. */
#include "proto/check_shape.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHAPES_SINCE = 8 }; /* before, operators broadcast in other ways */

static const struct value_shape shape_unknown = { .rank = RANK_UNKNOWN };

/* --- what is known ------------------------------------------------------------------ */

struct value_shape
shape_of_tensor(const Onnx__TensorProto *tensor)
{
	return (struct value_shape){
		.type = tensor->data_type,
		.rank = (int32_t)tensor->n_dims,
		.dims = tensor->dims,
	};
}

/* Exporters write 0 and -1 for dimensions that they don't know. */
snnfit_status
shape_of_type(struct checker *checker, const Onnx__TypeProto *type, struct value_shape *shape)
{
	const Onnx__TensorShapeProto *given;
	int64_t *dims;
	size_t d;

	*shape = shape_unknown;
	if (type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		return SNNFIT_OK;
	shape->type = type->tensor_type->elem_type;
	given = type->tensor_type->shape;
	if (!given || given->n_dim > TENSOR_RANK_MAX)
		return SNNFIT_OK;
	dims = arena_alloc(&checker->arena, given->n_dim, sizeof *dims);
	if (!dims)
		return error_no_memory(checker->err);
	for (d = 0; d < given->n_dim; d++)
		dims[d] =
			given->dim[d]->value_case ==
						ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
					given->dim[d]->dim_value > 0
				? given->dim[d]->dim_value
				: DIM_UNKNOWN;
	shape->rank = (int32_t)given->n_dim;
	shape->dims = dims;
	return SNNFIT_OK;
}

struct value_shape
shape_of_input(const struct shaping *shaping, size_t index)
{
	const Onnx__NodeProto *node = shaping->node;
	const struct value *value = NULL;

	if (index < node->n_input && *node->input[index])
		value = value_find(shaping->checker, node->input[index]);
	return value ? value->shape : shape_unknown;
}

int64_t *
shape_out(struct shaping *shaping, int32_t rank)
{
	int64_t *dims = arena_alloc(&shaping->checker->arena, (size_t)rank, sizeof *dims);
	int32_t d;

	if (!dims)
		return NULL;
	for (d = 0; d < rank; d++)
		dims[d] = DIM_UNKNOWN;
	shaping->out.rank = rank;
	shaping->out.dims = dims;
	return dims;
}

const char *
shape_text(const struct value_shape *shape, char room[SHAPE_TEXT_BYTES])
{
	size_t at = 0;
	int32_t d;

	/* The longest number has 20 characters: a piece fits as long as this does. */
	for (d = 0; d < shape->rank && at + 30 < SHAPE_TEXT_BYTES; d++) {
		const char *before = d ? ", " : "";
		int n;

		if (shape->dims[d] == DIM_UNKNOWN)
			n = snprintf(room + at, SHAPE_TEXT_BYTES - at, "%s?", before);
		else
			n = snprintf(room + at, SHAPE_TEXT_BYTES - at, "%s%" PRId64, before,
				     shape->dims[d]);
		at += n > 0 ? (size_t)n : 0;
	}
	(void)snprintf(room + at, SHAPE_TEXT_BYTES - at, "%s", d < shape->rank ? ", ..." : "");
	return room;
}

/* --- dimensions ---------------------------------------------------------------------- */

int64_t
dim_times(int64_t a, int64_t b)
{
	int64_t product;

	if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product))
		return DIM_UNKNOWN;
	return product;
}

int64_t
dim_plus(int64_t a, int64_t b)
{
	int64_t sum;

	if (a < 0 || b < 0 || __builtin_add_overflow(a, b, &sum))
		return DIM_UNKNOWN;
	return sum;
}

bool
dims_agree(int64_t a, int64_t b)
{
	return a == b || a == DIM_UNKNOWN || b == DIM_UNKNOWN;
}

bool
dims_broadcast(int64_t a, int64_t b, int64_t *out)
{
	if (a == 1 || b == 1)
		*out = a == 1 ? b : a;
	else
		*out = a == DIM_UNKNOWN ? b : a;
	return a == 1 || b == 1 || dims_agree(a, b);
}

/* --- attributes and constants --------------------------------------------------------- */

const Onnx__AttributeProto *
attribute_find(const Onnx__NodeProto *node, const char *name)
{
	size_t i;

	for (i = 0; i < node->n_attribute; i++)
		if (strcmp(node->attribute[i]->name, name) == 0)
			return node->attribute[i];
	return NULL;
}

int64_t
attribute_int(const Onnx__NodeProto *node, const char *name, int64_t otherwise)
{
	const Onnx__AttributeProto *attribute = attribute_find(node, name);

	return attribute && attribute->has_i ? attribute->i : otherwise;
}

bool
axis_of(int64_t given, int32_t rank, int32_t *axis)
{
	if (given < -(int64_t)rank || given >= rank)
		return false;
	*axis = (int32_t)(given < 0 ? given + rank : given);
	return true;
}

snnfit_status
numbers_of_input(const struct shaping *shaping, size_t index, int64_t numbers[TENSOR_RANK_MAX],
		 int *count)
{
	const Onnx__NodeProto *node = shaping->node;
	const struct checker *checker = shaping->checker;
	const Onnx__TensorProto *tensor = NULL;

	*count = -1;
	if (index < node->n_input && *node->input[index])
		tensor = value_find(checker, node->input[index])->constant;
	if (!tensor || tensor->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__INT64 ||
	    tensor->n_dims != 1 || tensor->dims[0] > TENSOR_RANK_MAX)
		return SNNFIT_OK;
	*count = (int)tensor->dims[0];
	return tensor_read_int64(checker->model, tensor, 0, (uint64_t)*count, numbers,
				 checker->err);
}

/* --- element by element ------------------------------------------------------------------ */

static snnfit_status
shape_same(struct shaping *shaping)
{
	shaping->out = shape_of_input(shaping, 0);
	return SNNFIT_OK;
}

static snnfit_status
shape_identity(struct shaping *shaping)
{
	const struct value *value = value_find(shaping->checker, shaping->node->input[0]);

	shaping->out = value->shape;
	shaping->constant = value->constant;
	return SNNFIT_OK;
}

/* The same dims, of a type that other inputs decide. */
static snnfit_status
shape_same_dims(struct shaping *shaping)
{
	shaping->out = shape_of_input(shaping, 0);
	shaping->out.type = 0;
	return SNNFIT_OK;
}

static snnfit_status
shape_is(struct shaping *shaping)
{
	shaping->out = shape_of_input(shaping, 0);
	shaping->out.type = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
	return SNNFIT_OK;
}

static snnfit_status
shape_cast(struct shaping *shaping)
{
	shaping->out = shape_of_input(shaping, 0);
	shaping->out.type = (int32_t)attribute_int(shaping->node, "to", 0);
	return SNNFIT_OK;
}

/* Joins one more shape to that of the output, aligned at the end. */
static snnfit_status
broadcast_with(struct shaping *shaping, const struct value_shape *more)
{
	struct value_shape before = shaping->out;
	char first[SHAPE_TEXT_BYTES], second[SHAPE_TEXT_BYTES];
	int32_t rank = before.rank > more->rank ? before.rank : more->rank, d;
	int64_t *dims = shape_out(shaping, rank);

	if (!dims)
		return error_no_memory(shaping->checker->err);
	for (d = 1; d <= rank; d++) {
		int64_t a = d <= before.rank ? before.dims[before.rank - d] : 1;
		int64_t b = d <= more->rank ? more->dims[more->rank - d] : 1;

		if (!dims_broadcast(a, b, &dims[rank - d]))
			return node_refuse(shaping->checker, shaping->node,
					   "joins shapes that do not broadcast: [%s] and [%s]",
					   shape_text(&before, first), shape_text(more, second));
	}
	return SNNFIT_OK;
}

/* Of the inputs from `first` on; those that are known must go together even if
 * others are not. */
static snnfit_status
broadcast_from(struct shaping *shaping, size_t first)
{
	snnfit_status status = SNNFIT_OK;
	bool all_known = true;
	size_t i;

	shaping->out = (struct value_shape){ 0 };
	for (i = 0; i < shaping->node->n_input && status == SNNFIT_OK; i++) {
		struct value_shape shape = shape_of_input(shaping, i);

		if (i >= first && !shaping->out.type)
			shaping->out.type = shape.type;
		if (shape_is_known(&shape))
			status = broadcast_with(shaping, &shape);
		all_known = all_known && shape_is_known(&shape);
	}
	if (!all_known)
		shaping->out.rank = RANK_UNKNOWN;
	return status;
}

static snnfit_status
shape_broadcast(struct shaping *shaping)
{
	return broadcast_from(shaping, 0);
}

/* The result is like the base. */
static snnfit_status
shape_power(struct shaping *shaping)
{
	snnfit_status status = broadcast_from(shaping, 0);

	shaping->out.type = shape_of_input(shaping, 0).type;
	return status;
}

/* The first input chooses between the others. */
static snnfit_status
shape_where(struct shaping *shaping)
{
	return broadcast_from(shaping, 1);
}

static snnfit_status
shape_compare(struct shaping *shaping)
{
	snnfit_status status = broadcast_from(shaping, 0);

	shaping->out.type = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
	return status;
}

static snnfit_status
shape_constant(struct shaping *shaping)
{
	const Onnx__AttributeProto *value = attribute_find(shaping->node, "value");

	if (!value || !value->t)
		return SNNFIT_OK;
	shaping->out = shape_of_tensor(value->t);
	shaping->constant = value->t;
	return SNNFIT_OK;
}

/* --- rules by operator -------------------------------------------------------------------- */

struct rule {
	const char *name;
	shape_rule *rule;
};

static const struct rule rules[] = {
	/* By name: they are searched. */
	{ "Abs", shape_same },
	{ "Acos", shape_same },
	{ "Acosh", shape_same },
	{ "Add", shape_broadcast },
	{ "And", shape_broadcast },
	{ "Asin", shape_same },
	{ "Asinh", shape_same },
	{ "Atan", shape_same },
	{ "Atanh", shape_same },
	{ "BatchNormalization", shape_same },
	{ "BitwiseAnd", shape_broadcast },
	{ "BitwiseNot", shape_same },
	{ "BitwiseOr", shape_broadcast },
	{ "BitwiseXor", shape_broadcast },
	{ "Cast", shape_cast },
	{ "Ceil", shape_same },
	{ "Celu", shape_same },
	{ "Clip", shape_same },
	{ "Concat", shape_concat },
	{ "Constant", shape_constant },
	{ "ConstantOfShape", shape_constant_of_shape },
	{ "Conv", shape_conv },
	{ "Cos", shape_same },
	{ "Cosh", shape_same },
	{ "DequantizeLinear", shape_same_dims },
	{ "Div", shape_broadcast },
	{ "Dropout", shape_same },
	{ "Elu", shape_same },
	{ "Equal", shape_compare },
	{ "Erf", shape_same },
	{ "Exp", shape_same },
	{ "Flatten", shape_flatten },
	{ "Floor", shape_same },
	{ "Gelu", shape_same },
	{ "Gemm", shape_gemm },
	{ "Greater", shape_compare },
	{ "GreaterOrEqual", shape_compare },
	{ "HardSigmoid", shape_same },
	{ "HardSwish", shape_same },
	{ "Identity", shape_identity },
	{ "IsInf", shape_is },
	{ "IsNaN", shape_is },
	{ "LeakyRelu", shape_same },
	{ "Less", shape_compare },
	{ "LessOrEqual", shape_compare },
	{ "Log", shape_same },
	{ "LogSoftmax", shape_same },
	{ "MatMul", shape_matmul },
	{ "Max", shape_broadcast },
	{ "Mean", shape_broadcast },
	{ "Min", shape_broadcast },
	{ "Mish", shape_same },
	{ "Mod", shape_broadcast },
	{ "Mul", shape_broadcast },
	{ "Neg", shape_same },
	{ "Not", shape_same },
	{ "Or", shape_broadcast },
	{ "Pow", shape_power },
	{ "QuantizeLinear", shape_same_dims },
	{ "Reciprocal", shape_same },
	{ "Relu", shape_same },
	{ "Reshape", shape_reshape },
	{ "Round", shape_same },
	{ "Selu", shape_same },
	{ "Sigmoid", shape_same },
	{ "Sign", shape_same },
	{ "Sin", shape_same },
	{ "Sinh", shape_same },
	{ "Softmax", shape_same },
	{ "Softplus", shape_same },
	{ "Softsign", shape_same },
	{ "Split", shape_split },
	{ "Sqrt", shape_same },
	{ "Sub", shape_broadcast },
	{ "Sum", shape_broadcast },
	{ "Tan", shape_same },
	{ "Tanh", shape_same },
	{ "ThresholdedRelu", shape_same },
	{ "Transpose", shape_transpose },
	{ "Where", shape_where },
	{ "Xor", shape_broadcast },
};

static int
compare_rule(const void *name, const void *rule)
{
	return strcmp(name, ((const struct rule *)rule)->name);
}

/* NULL also for operators that the model gives a meaning of its own. */
static snnfit_status
rule_of(struct checker *checker, const Onnx__NodeProto *node, const struct rule **rule)
{
	const Onnx__FunctionProto *function;
	snnfit_status status = function_of(checker, node, &function);

	*rule = NULL;
	if (status == SNNFIT_OK && !function && *domain_of(node->domain) == '\0')
		*rule = bsearch(node->op_type, rules, sizeof rules / sizeof *rules, sizeof *rules,
				compare_rule);
	return status;
}

snnfit_status
shapes_check(struct checker *checker, const Onnx__NodeProto *node, struct value_shape *shape,
	     const Onnx__TensorProto **constant)
{
	struct shaping shaping = { .checker = checker, .node = node, .out = shape_unknown };
	const struct rule *rule;
	snnfit_status status = rule_of(checker, node, &rule);

	if (status == SNNFIT_OK && rule && imported_version(checker, "", &shaping.version) &&
	    shaping.version >= SHAPES_SINCE)
		status = rule->rule(&shaping);
	*shape = shaping.out;
	*constant = shaping.constant;
	return status;
}
