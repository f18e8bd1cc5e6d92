#include "importer/constant_private.h"

#include <math.h>
#include <string.h>

enum { OPERANDS_MAX = 8 };

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

static bool
type_is_real(int32_t type)
{
	return type == TYPE(FLOAT) || type == TYPE(DOUBLE) || type == TYPE(FLOAT16) ||
	       type == TYPE(BFLOAT16);
}

static bool
type_is_integer(int32_t type)
{
	switch (type) {
	case TYPE(INT8):
	case TYPE(UINT8):
	case TYPE(INT16):
	case TYPE(UINT16):
	case TYPE(INT32):
	case TYPE(UINT32):
	case TYPE(INT64):
	case TYPE(BOOL):
	case TYPE(INT4):
	case TYPE(UINT4):
	case TYPE(INT2):
	case TYPE(UINT2):
		return true;
	default:
		return false;
	}
}

static void
integer_range(int32_t type, int64_t *low, int64_t *high)
{
	switch (type) {
	case TYPE(INT8):
		*low = INT8_MIN, *high = INT8_MAX;
		return;
	case TYPE(UINT8):
		*low = 0, *high = UINT8_MAX;
		return;
	case TYPE(INT16):
		*low = INT16_MIN, *high = INT16_MAX;
		return;
	case TYPE(UINT16):
		*low = 0, *high = UINT16_MAX;
		return;
	case TYPE(INT4):
		*low = -8, *high = 7;
		return;
	case TYPE(UINT4):
		*low = 0, *high = 15;
		return;
	case TYPE(INT2):
		*low = -2, *high = 1;
		return;
	case TYPE(UINT2):
		*low = 0, *high = 3;
		return;
	default:
		*low = INT32_MIN, *high = INT32_MAX;
		return;
	}
}

bool
constant_count(struct constant *constant)
{
	uint32_t d;

	constant->count = 1;
	for (d = 0; d < constant->rank; d++)
		if (__builtin_mul_overflow(constant->count, constant->dims[d], &constant->count))
			return false;
	return true;
}

bool
constant_room(struct arena *arena, struct constant *constant)
{
	constant->reals = NULL;
	constant->integers = NULL;
	if (constant->count > SIZE_MAX / sizeof(int64_t))
		return false;
	if (type_is_real(constant->type)) {
		constant->reals = arena_alloc(arena, constant->count, sizeof(float));
		return constant->reals != NULL;
	}
	if (!type_is_integer(constant->type))
		return false;
	constant->integers = arena_alloc(arena, constant->count, sizeof(int64_t));
	return constant->integers != NULL;
}

static double
element(const struct constant *constant, uint64_t at)
{
	return constant->reals ? (double)constant->reals[at] : (double)constant->integers[at];
}

/* --- tensors of the model --------------------------------------------------- */

/* What goes wrong whatever the tensor is; that its kind can't be read is no error. */
static snnfit_status
failure(snnfit_status status)
{
	return status == SNNFIT_EIO || status == SNNFIT_ENOMEM ? status : SNNFIT_OK;
}

snnfit_status
constant_read(const struct program *program, const Onnx__TensorProto *tensor, uint64_t limit,
	      struct arena *arena, struct constant *out, bool *known, snnfit_error *err)
{
	struct tensor_shape shape;
	snnfit_status status;
	uint32_t d;

	*known = false;
	status = tensor_shape_of(program->model, tensor, &shape, err);
	if (status || shape.rank > CONSTANT_RANK_MAX || shape.count > limit)
		return failure(status);
	*out = (struct constant){ .type = shape.type, .rank = shape.rank, .count = shape.count };
	for (d = 0; d < shape.rank; d++)
		out->dims[d] = shape.dims[d];
	if (!constant_room(arena, out))
		return arena->failed ? error_no_memory(err) : SNNFIT_OK;
	if (out->reals)
		status = tensor_read_float(program->model, tensor, 0, out->count, out->reals, err);
	else
		status = tensor_read_int64(program->model, tensor, 0, out->count, out->integers,
					   err);
	*known = status == SNNFIT_OK;
	return failure(status);
}

/* --- elementwise ------------------------------------------------------------- */

static bool
broadcast_shape(const struct constant *const *operands, uint32_t count, struct constant *out)
{
	uint32_t i, d;

	out->rank = 0;
	for (i = 0; i < count; i++)
		if (operands[i]->rank > out->rank)
			out->rank = operands[i]->rank;
	for (d = 0; d < out->rank; d++)
		out->dims[d] = 1;
	for (i = 0; i < count; i++) {
		uint32_t offset = out->rank - operands[i]->rank;

		for (d = 0; d < operands[i]->rank; d++) {
			uint64_t size = operands[i]->dims[d];

			if (size == 1 || out->dims[d + offset] == size)
				continue;
			if (out->dims[d + offset] != 1)
				return false;
			out->dims[d + offset] = size;
		}
	}
	return constant_count(out);
}

/* Element of operand that meets element `at` of the broadcast result. */
static uint64_t
broadcast_at(const struct constant *operand, const struct constant *out, uint64_t at)
{
	uint64_t index = 0, stride = 1;
	uint32_t d;

	if (operand->count == 1)
		return 0;
	for (d = 0; d < out->rank; d++) {
		uint32_t from_right = out->rank - 1 - d;
		uint64_t position = at % out->dims[from_right];
		uint64_t size;

		at /= out->dims[from_right];
		if (d >= operand->rank)
			continue;
		size = operand->dims[operand->rank - 1 - d];
		index += size == 1 ? 0 : position * stride;
		stride *= size;
	}
	return index;
}

enum elementwise {
	E_ADD,
	E_SUB,
	E_MUL,
	E_DIV,
	E_MIN,
	E_MAX,
	E_POW,
	E_WHERE,
	E_CLIP,
	E_GREATER,
	E_GREATER_EQUAL,
	E_LESS,
	E_LESS_EQUAL,
	E_EQUAL,
	E_AND,
	E_OR,
	E_NOT,
	E_NEG,
	E_ABS,
	E_EXP,
	E_LOG,
	E_SQRT,
	E_RECIPROCAL,
	E_RELU,
	E_FLOOR,
	E_CEIL,
	E_SIGMOID,
	E_TANH,
	E_SIGN,
	E_SAME,
	E_NONZERO,
};

static const struct {
	const char *op_type;
	enum elementwise what;
	bool gives_bool;
} elementwise_table[] = {
	{ "Add", E_ADD, false },
	{ "Sub", E_SUB, false },
	{ "Mul", E_MUL, false },
	{ "Div", E_DIV, false },
	{ "Min", E_MIN, false },
	{ "Max", E_MAX, false },
	{ "Pow", E_POW, false },
	{ "Where", E_WHERE, false },
	{ "Clip", E_CLIP, false },
	{ "Greater", E_GREATER, true },
	{ "GreaterOrEqual", E_GREATER_EQUAL, true },
	{ "Less", E_LESS, true },
	{ "LessOrEqual", E_LESS_EQUAL, true },
	{ "Equal", E_EQUAL, true },
	{ "And", E_AND, true },
	{ "Or", E_OR, true },
	{ "Not", E_NOT, true },
	{ "Neg", E_NEG, false },
	{ "Abs", E_ABS, false },
	{ "Exp", E_EXP, false },
	{ "Log", E_LOG, false },
	{ "Sqrt", E_SQRT, false },
	{ "Reciprocal", E_RECIPROCAL, false },
	{ "Relu", E_RELU, false },
	{ "Floor", E_FLOOR, false },
	{ "Ceil", E_CEIL, false },
	{ "Sigmoid", E_SIGMOID, false },
	{ "Tanh", E_TANH, false },
	{ "Sign", E_SIGN, false },
};

static double
apply_scalar(enum elementwise what, const double *x, uint32_t count)
{
	uint32_t i;
	double y;

	switch (what) {
	case E_ADD:
		return x[0] + x[1];
	case E_SUB:
		return x[0] - x[1];
	case E_MUL:
		return x[0] * x[1];
	case E_DIV:
		return x[0] / x[1];
	case E_POW:
		return pow(x[0], x[1]);
	case E_WHERE:
		return x[0] != 0 ? x[1] : x[2];
	case E_CLIP:
		y = x[0];
		if (count > 1 && y < x[1])
			y = x[1];
		return count > 2 && y > x[2] ? x[2] : y;
	case E_MIN:
		for (y = x[0], i = 1; i < count; i++)
			y = x[i] < y ? x[i] : y;
		return y;
	case E_MAX:
		for (y = x[0], i = 1; i < count; i++)
			y = x[i] > y ? x[i] : y;
		return y;
	case E_GREATER:
		return x[0] > x[1];
	case E_GREATER_EQUAL:
		return x[0] >= x[1];
	case E_LESS:
		return x[0] < x[1];
	case E_LESS_EQUAL:
		return x[0] <= x[1];
	case E_EQUAL:
		return x[0] == x[1];
	case E_AND:
		return x[0] != 0 && x[1] != 0;
	case E_OR:
		return x[0] != 0 || x[1] != 0;
	case E_NOT:
		return x[0] == 0;
	case E_NEG:
		return -x[0];
	case E_ABS:
		return fabs(x[0]);
	case E_EXP:
		return exp(x[0]);
	case E_LOG:
		return log(x[0]);
	case E_SQRT:
		return sqrt(x[0]);
	case E_RECIPROCAL:
		return 1 / x[0];
	case E_RELU:
		return x[0] > 0 ? x[0] : 0;
	case E_FLOOR:
		return floor(x[0]);
	case E_CEIL:
		return ceil(x[0]);
	case E_SIGMOID:
		return 1 / (1 + exp(-x[0]));
	case E_TANH:
		return tanh(x[0]);
	case E_SIGN:
		return (x[0] > 0) - (x[0] < 0);
	case E_SAME:
		return x[0];
	case E_NONZERO:
		return x[0] != 0;
	}
	return NAN;
}

/* Integers beyond 2^53 (INT64_MAX as 'to the end') are not computed with. */
static bool
store(struct constant *out, uint64_t at, double value)
{
	if (out->reals) {
		out->reals[at] = (float)value;
		return true;
	}
	if (!(fabs(value) <= 9007199254740992.0))
		return false;
	out->integers[at] = (int64_t)value; /* integer division cuts toward zero */
	return true;
}

static bool
apply_elementwise(enum elementwise what, int32_t type, const struct constant *const *operands,
		  uint32_t count, uint64_t limit, struct arena *arena, struct constant *out)
{
	double x[OPERANDS_MAX];
	uint64_t at;
	uint32_t i;

	if (!count || count > OPERANDS_MAX || !broadcast_shape(operands, count, out) ||
	    out->count > limit)
		return false;
	out->type = type;
	if (!constant_room(arena, out))
		return false;
	for (at = 0; at < out->count; at++) {
		for (i = 0; i < count; i++)
			x[i] = element(operands[i], broadcast_at(operands[i], out, at));
		if (what == E_DIV && !out->reals && x[1] == 0)
			return false;
		if (!store(out, at, apply_scalar(what, x, count)))
			return false;
	}
	return true;
}

/* --- quantization ------------------------------------------------------------- */

/* Scale or zero point of the slice that element `at` lies in. */
static uint64_t
parameter_index(const struct constant *x, const struct constant *parameter, int64_t axis,
		uint64_t at)
{
	uint64_t inner = 1;
	uint32_t d;

	if (parameter->count == 1)
		return 0;
	for (d = (uint32_t)axis + 1; d < x->rank; d++)
		inner *= x->dims[d];
	return at / inner % x->dims[axis];
}

static bool
apply_quantization(const struct operation *operation, const struct constant *const *operands,
		   uint32_t count, struct arena *arena, struct constant *out)
{
	bool quantize = operation_is(operation, "QuantizeLinear");
	const struct constant *x = operands[0];
	const struct constant *scale = count > 1 ? operands[1] : NULL;
	const struct constant *zero = count > 2 ? operands[2] : NULL;
	int64_t axis = operation_int(operation, "axis", 1), low = 0, high = 0;
	uint64_t at;

	if (axis < 0)
		axis += x->rank;
	if (!scale || !scale->reals || (zero && !zero->integers))
		return false;
	if (scale->count != 1 &&
	    (axis < 0 || axis >= (int64_t)x->rank || scale->count != x->dims[axis]))
		return false;
	if (zero && zero->count != scale->count)
		return false;
	*out = *x;
	out->type = !quantize ? scale->type : zero ? zero->type : (int32_t)TYPE(UINT8);
	integer_range(out->type, &low, &high);
	if (!constant_room(arena, out) || (quantize ? !out->integers : !out->reals))
		return false;
	for (at = 0; at < x->count; at++) {
		uint64_t i = parameter_index(x, scale, axis, at);
		double offset = zero ? (double)zero->integers[i] : 0;

		if (quantize) {
			double code = nearbyintf((float)element(x, at) / scale->reals[i]) + offset;

			code = code < (double)low    ? (double)low
			       : code > (double)high ? (double)high
						     : code;
			out->integers[at] = (int64_t)code;
		} else {
			out->reals[at] = (float)(element(x, at) - offset) * scale->reals[i];
		}
	}
	return true;
}

/* --- one operation -------------------------------------------------------------- */

static bool
apply_cast(const struct operation *operation, const struct constant *const *operands,
	   uint32_t count, uint64_t limit, struct arena *arena, struct constant *out)
{
	bool like = operation_is(operation, "CastLike");
	int32_t type = like && count > 1 ? operands[1]->type
					 : (int32_t)operation_int(operation, "to", 0);

	if (!type_is_real(type) && !type_is_integer(type))
		return false;
	return apply_elementwise(type == TYPE(BOOL) ? E_NONZERO : E_SAME, type, operands, 1, limit,
				 arena, out);
}

/* Clip before opset 11 keeps its bounds in attributes: not followed. */
static bool
is_old_clip(const struct operation *operation)
{
	return operation_is(operation, "Clip") &&
	       (operation_attribute(operation, "min") || operation_attribute(operation, "max"));
}

bool
constant_applies(const struct operation *operation)
{
	static const char *const others[] = {
		"Identity", "Cast", "CastLike", "QuantizeLinear", "DequantizeLinear", NULL,
	};
	size_t i;

	if (!operation_is_standard(operation) || is_old_clip(operation) ||
	    operation_int(operation, "block_size", 0) != 0)
		return false;
	if (constant_takes_shape(operation) || operation_is_one_of(operation, others))
		return true;
	for (i = 0; i < sizeof elementwise_table / sizeof *elementwise_table; i++)
		if (operation_is(operation, elementwise_table[i].op_type))
			return true;
	return false;
}

bool
constant_apply(const struct operation *operation, const struct constant *const *operands,
	       uint32_t count, uint64_t limit, struct arena *arena, struct constant *out)
{
	size_t i;

	if (!count || !constant_applies(operation))
		return false;
	if (operation_is(operation, "Identity")) {
		*out = *operands[0];
		return true;
	}
	if (operation_is(operation, "Cast") || operation_is(operation, "CastLike"))
		return apply_cast(operation, operands, count, limit, arena, out);
	if (constant_takes_shape(operation))
		return constant_shaped(operation, operands, count, arena, out);
	if (operation_is(operation, "QuantizeLinear") ||
	    operation_is(operation, "DequantizeLinear"))
		return apply_quantization(operation, operands, count, arena, out);
	for (i = 0; i < sizeof elementwise_table / sizeof *elementwise_table; i++)
		if (operation_is(operation, elementwise_table[i].op_type)) {
			int32_t type = elementwise_table[i].gives_bool ? (int32_t)TYPE(BOOL)
				       : elementwise_table[i].what == E_WHERE && count > 1
					       ? operands[1]->type
					       : operands[0]->type;

			return apply_elementwise(elementwise_table[i].what, type, operands, count,
						 limit, arena, out);
		}
	return false;
}

/* --- all small constants ---------------------------------------------------------- */

static snnfit_status
keep(struct constants *constants, uint32_t value, const struct constant *constant,
     snnfit_error *err)
{
	constants->values[value] = arena_copy(constants->arena, constant, 1, sizeof *constant);
	return constants->values[value] ? SNNFIT_OK : error_no_memory(err);
}

/* How many; 0: one is not known. Left-out optional operands are NULL. */
static uint32_t
gather_operands(const struct constants *constants, const struct operation *operation,
		const struct constant **operands)
{
	uint32_t i;

	if (operation->operand_count > OPERANDS_MAX)
		return 0;
	for (i = 0; i < operation->operand_count; i++) {
		operands[i] = operation->operands[i] == NO_VALUE
				      ? NULL
				      : constants->values[operation->operands[i]];
		if (!operands[i] && operation->operands[i] != NO_VALUE)
			return 0;
	}
	return i;
}

/* Operators on numbers one by one take left-out operands at the end only. */
static bool
fold(const struct constants *constants, const struct operation *operation, uint32_t result,
     struct constant *out)
{
	const struct constant *operands[OPERANDS_MAX];
	uint32_t count = gather_operands(constants, operation, operands), i;

	if (constant_takes_pieces(operation))
		return constant_pieces(constants->program, operation, result, operands, count,
				       CONSTANT_SMALL, constants->arena, out);
	if (count && !operands[count - 1])
		count--;
	for (i = 0; i < count; i++)
		if (!operands[i])
			return false;
	return count &&
	       constant_apply(operation, operands, count, CONSTANT_SMALL, constants->arena, out);
}

/* What many readers have alike is folded once: every read of a tensor, or of an
 * expression, is a value of its own, and a model of many steps reads one a step. */
struct folder {
	struct constants *constants;
	const struct constant **of_source; /* [source_count] */
	struct map first;		   /* of a node's first result: a value that has it */
};

static bool
same_operands(const struct constants *constants, const struct operation *a,
	      const struct operation *b)
{
	uint32_t i;

	if (a->node != b->node || a->scope != b->scope || a->operand_count != b->operand_count)
		return false;
	for (i = 0; i < a->operand_count; i++) {
		uint32_t x = a->operands[i], y = b->operands[i];

		if ((x == NO_VALUE) != (y == NO_VALUE) ||
		    (x != NO_VALUE && constants->values[x] != constants->values[y]))
			return false;
	}
	return true;
}

/* The same expression of the same constants, folded before. */
static const struct constant *
folded_before(const struct folder *folder, const struct operation *operation, uint32_t result)
{
	const struct program *program = folder->constants->program;
	uint32_t value = map_get(&folder->first, program->values[operation->results[result]].name);

	if (value == MAP_NONE || !folder->constants->values[value] ||
	    !same_operands(folder->constants, operation,
			   &program->operations[program->values[value].operation]))
		return NULL;
	return folder->constants->values[value];
}

static snnfit_status
fold_result(struct folder *folder, const struct operation *operation, uint32_t i, snnfit_error *err)
{
	struct constants *constants = folder->constants;
	struct constant out;
	uint32_t result = operation->results[i];
	snnfit_status status;
	bool known;

	if (result == NO_VALUE)
		return SNNFIT_OK;
	constants->values[result] = folded_before(folder, operation, i);
	if (constants->values[result])
		return SNNFIT_OK;
	status = constant_zero_product(constants, operation, CONSTANT_SMALL, &out, &known, err);
	if (status || (!known && !fold(constants, operation, i, &out)))
		return status;
	status = keep(constants, result, &out, err);
	if (status == SNNFIT_OK &&
	    !map_set(&folder->first, constants->program->values[result].name, result))
		return error_no_memory(err);
	return status;
}

/* Of the operators that are folded only Split has several results. */
static snnfit_status
fold_operation(struct folder *folder, const struct operation *operation, snnfit_error *err)
{
	uint32_t count = operation_is(operation, "Split") ? operation->result_count : 1, i;
	snnfit_status status = SNNFIT_OK;

	for (i = 0; operation->constant && i < count && i < operation->result_count && !status; i++)
		status = fold_result(folder, operation, i, err);
	return status;
}

static snnfit_status
fold_value(struct folder *folder, uint32_t value, snnfit_error *err)
{
	struct constants *constants = folder->constants;
	const struct value *stored = &constants->program->values[value];
	uint32_t source = stored->source;
	bool shared = source != NO_VALUE;
	struct constant out;
	snnfit_status status;
	bool known;

	if (stored->kind != VALUE_SOURCE || !stored->tensor)
		return SNNFIT_OK;
	if (shared && folder->of_source[source]) {
		constants->values[value] = folder->of_source[source];
		return SNNFIT_OK;
	}
	status = constant_read(constants->program, stored->tensor, CONSTANT_SMALL, constants->arena,
			       &out, &known, err);
	if (status != SNNFIT_OK || !known)
		return status;
	status = keep(constants, value, &out, err);
	if (shared)
		folder->of_source[source] = constants->values[value];
	return status;
}

snnfit_status
constants_fold(struct constants *constants, struct program *program, struct arena *arena,
	       snnfit_error *err)
{
	struct folder folder = { .constants = constants };
	snnfit_status status = SNNFIT_OK;
	size_t i;

	*constants = (struct constants){ program, arena, NULL };
	map_init(&folder.first, arena);
	constants->values = arena_zalloc(arena, program->value_count, sizeof *constants->values);
	folder.of_source = arena_zalloc(arena, program->source_count, sizeof *folder.of_source);
	if (!constants->values || !folder.of_source)
		return error_no_memory(err);
	for (i = 0; i < program->value_count && status == SNNFIT_OK; i++)
		status = fold_value(&folder, (uint32_t)i, err);
	for (i = 0; i < program->operation_count && status == SNNFIT_OK; i++)
		status = fold_operation(&folder, &program->operations[i], err);
	return status;
}

const struct constant *
constant_of(const struct constants *constants, uint32_t value)
{
	return value == NO_VALUE ? NULL : constants->values[value];
}

bool
constant_scalar(const struct constants *constants, uint32_t value, double *out)
{
	const struct constant *constant = constant_of(constants, value);

	if (!constant || constant->count != 1)
		return false;
	*out = element(constant, 0);
	return true;
}
