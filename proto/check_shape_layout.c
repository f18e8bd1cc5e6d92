/* check_shape_layout.c - shapes through the operators that only rearrange. */
#include "proto/check_shape.h"

#include <inttypes.h>

/* --- Concat -------------------------------------------------------------------------- */

/* Adds one input along the axis. */
static snnfit_status
concat_with(struct shaping *shaping, const struct value_shape *more, int32_t axis, int64_t *dims)
{
	char first[SHAPE_TEXT_BYTES], second[SHAPE_TEXT_BYTES];
	bool fits = more->rank == shaping->out.rank;
	int32_t d;

	for (d = 0; fits && d < more->rank; d++)
		fits = d == axis || dims_agree(dims[d], more->dims[d]);
	if (!fits)
		return node_refuse(shaping->checker, shaping->node,
				   "cannot join [%s] to [%s] along axis %" PRId32,
				   shape_text(more, first), shape_text(&shaping->out, second),
				   axis);
	for (d = 0; d < more->rank; d++)
		if (d == axis)
			dims[d] = dim_plus(dims[d], more->dims[d]);
		else if (dims[d] == DIM_UNKNOWN)
			dims[d] = more->dims[d];
	return SNNFIT_OK;
}

snnfit_status
shape_concat(struct shaping *shaping)
{
	int64_t given = attribute_int(shaping->node, "axis", 0), *dims = NULL;
	snnfit_status status = SNNFIT_OK;
	bool all_known = true;
	int32_t axis = 0;
	size_t i;

	for (i = 0; i < shaping->node->n_input && status == SNNFIT_OK; i++) {
		struct value_shape shape = shape_of_input(shaping, i);

		all_known = all_known && shape_is_known(&shape);
		if (!shape_is_known(&shape))
			continue;
		if (!axis_of(given, shape.rank, &axis))
			return node_refuse(shaping->checker, shaping->node,
					   "has axis %" PRId64 ", but its inputs have %" PRId32
					   " dimensions",
					   given, shape.rank);
		if (!dims) {
			dims = shape_out(shaping, shape.rank);
			if (!dims)
				return error_no_memory(shaping->checker->err);
			dims[axis] = 0;
		}
		shaping->out.type = shape.type;
		status = concat_with(shaping, &shape, axis, dims);
	}
	if (dims && !all_known)
		dims[axis] = DIM_UNKNOWN;
	return status;
}

/* --- Reshape -------------------------------------------------------------------------- */

/* How many elements; DIM_UNKNOWN when that is not known. */
static int64_t
count_of(const struct value_shape *shape)
{
	int64_t count = shape_is_known(shape) ? 1 : DIM_UNKNOWN;
	int32_t d;

	for (d = 0; d < shape->rank; d++)
		count = dim_times(count, shape->dims[d]);
	return count;
}

/* 0 copies the input's dimension, unless it is to mean 0. */
static bool
reshape_dim(const struct shaping *shaping, const struct value_shape *input, int64_t number,
	    int32_t d, int64_t *dim)
{
	bool copied = number == 0 && attribute_int(shaping->node, "allowzero", 0) == 0;

	*dim = number;
	if (copied)
		*dim = shape_is_known(input) && d < input->rank ? input->dims[d] : DIM_UNKNOWN;
	return number >= -1 && !(copied && shape_is_known(input) && d >= input->rank);
}

/* The -1, if there is one, takes what the other dimensions leave. */
static bool
reshape_rest(int64_t count, int64_t others, int64_t *rest)
{
	if (!rest)
		return dims_agree(count, others);
	if (count == DIM_UNKNOWN || others <= 0)
		return true;
	*rest = count / others;
	return count % others == 0;
}

snnfit_status
shape_reshape(struct shaping *shaping)
{
	struct value_shape input = shape_of_input(shaping, 0);
	int64_t numbers[TENSOR_RANK_MAX], others = 1, product = 1, *dims, *rest = NULL;
	char text[SHAPE_TEXT_BYTES], target[SHAPE_TEXT_BYTES];
	snnfit_status status;
	bool fits = true;
	int rank, d;

	shaping->out.type = input.type;
	status = numbers_of_input(shaping, 1, numbers, &rank);
	if (status != SNNFIT_OK || rank < 0)
		return status;
	dims = shape_out(shaping, rank);
	if (!dims)
		return error_no_memory(shaping->checker->err);
	for (d = 0; fits && d < rank; d++) {
		fits = reshape_dim(shaping, &input, numbers[d], d, &dims[d]) &&
		       !(numbers[d] == -1 && rest) &&
		       (numbers[d] <= 0 || !__builtin_mul_overflow(product, numbers[d], &product));
		if (numbers[d] == -1)
			rest = &dims[d];
		else
			others = dim_times(others, dims[d]);
	}
	if (fits && reshape_rest(count_of(&input), others, rest))
		return SNNFIT_OK;
	return node_refuse(
		shaping->checker, shaping->node, "cannot make [%s] of [%s]",
		shape_text(&(struct value_shape){ .rank = rank, .dims = numbers }, target),
		shape_text(&input, text));
}

snnfit_status
shape_flatten(struct shaping *shaping)
{
	struct value_shape input = shape_of_input(shaping, 0);
	int64_t given = attribute_int(shaping->node, "axis", 1), *dims;
	int32_t axis, d;

	shaping->out.type = input.type;
	if (!shape_is_known(&input))
		return SNNFIT_OK;
	/* The axis may also stand behind the last one. */
	if (!axis_of(given < 0 ? given + input.rank : given, input.rank + 1, &axis))
		return node_refuse(shaping->checker, shaping->node,
				   "has axis %" PRId64 ", but its input has %" PRId32 " dimensions",
				   given, input.rank);
	dims = shape_out(shaping, 2);
	if (!dims)
		return error_no_memory(shaping->checker->err);
	dims[0] = dims[1] = 1;
	for (d = 0; d < input.rank; d++)
		dims[d >= axis] = dim_times(dims[d >= axis], input.dims[d]);
	return SNNFIT_OK;
}

/* --- Transpose ------------------------------------------------------------------------- */

/* True when each of 0 to count - 1 stands in it once. */
static bool
is_permutation(const int64_t *order, size_t count)
{
	uint64_t seen = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (order[i] < 0 || order[i] >= (int64_t)count || (seen >> order[i] & 1))
			return false;
		seen |= 1ull << order[i];
	}
	return true;
}

snnfit_status
shape_transpose(struct shaping *shaping)
{
	const Onnx__AttributeProto *perm = attribute_find(shaping->node, "perm");
	struct value_shape input = shape_of_input(shaping, 0);
	int64_t *dims;
	int32_t d;

	shaping->out.type = input.type;
	if (perm && perm->n_ints == 0)
		perm = NULL;
	if (perm && (perm->n_ints > TENSOR_RANK_MAX || !is_permutation(perm->ints, perm->n_ints)))
		return node_refuse(shaping->checker, shaping->node,
				   "has a perm that is no order of dimensions");
	if (!shape_is_known(&input))
		return SNNFIT_OK;
	if (perm && perm->n_ints != (size_t)input.rank)
		return node_refuse(shaping->checker, shaping->node,
				   "orders %zu dimensions, but its input has %" PRId32,
				   perm->n_ints, input.rank);
	dims = shape_out(shaping, input.rank);
	if (!dims)
		return error_no_memory(shaping->checker->err);
	for (d = 0; d < input.rank; d++)
		dims[d] = input.dims[perm ? perm->ints[d] : input.rank - 1 - d];
	return SNNFIT_OK;
}

/* --- Split, ConstantOfShape ---------------------------------------------------------------- */

static bool
split_fits(const struct shaping *shaping, const int64_t *parts, size_t count, int64_t whole)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (parts[i] < 0)
			return false;
		sum = dim_plus(sum, parts[i]);
	}
	return count == shaping->node->n_output && dims_agree(sum, whole);
}

/* The parts are an input from version 13 on. */
snnfit_status
shape_split(struct shaping *shaping)
{
	const Onnx__AttributeProto *split = attribute_find(shaping->node, "split");
	struct value_shape input = shape_of_input(shaping, 0);
	int64_t numbers[TENSOR_RANK_MAX], whole = DIM_UNKNOWN;
	int64_t given = attribute_int(shaping->node, "axis", 0);
	snnfit_status status = SNNFIT_OK;
	int32_t axis;
	int count = -1;

	if (shape_is_known(&input)) {
		if (!axis_of(given, input.rank, &axis))
			return node_refuse(shaping->checker, shaping->node,
					   "has axis %" PRId64 ", but its input has %" PRId32
					   " dimensions",
					   given, input.rank);
		whole = input.dims[axis];
	}
	if (split && split->n_ints == 0)
		split = NULL;
	if (!split)
		status = numbers_of_input(shaping, 1, numbers, &count);
	if (status != SNNFIT_OK ||
	    (split && split_fits(shaping, split->ints, split->n_ints, whole)) ||
	    (!split && (count < 0 || split_fits(shaping, numbers, (size_t)count, whole))))
		return status;
	return node_refuse(
		shaping->checker, shaping->node,
		"has parts that are not one for each output, or negative, or do not make "
		"up its input");
}

snnfit_status
shape_constant_of_shape(struct shaping *shaping)
{
	const Onnx__AttributeProto *value = attribute_find(shaping->node, "value");
	int64_t numbers[TENSOR_RANK_MAX], *dims;
	snnfit_status status;
	int rank, d;

	shaping->out.type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	if (value && value->t)
		shaping->out.type = value->t->data_type;
	status = numbers_of_input(shaping, 0, numbers, &rank);
	if (status != SNNFIT_OK || rank < 0)
		return status;
	dims = shape_out(shaping, rank);
	if (!dims)
		return error_no_memory(shaping->checker->err);
	for (d = 0; d < rank; d++) {
		dims[d] = numbers[d];
		if (numbers[d] < 0)
			return node_refuse(shaping->checker, shaping->node,
					   "is to make a tensor with the dimension %" PRId64,
					   numbers[d]);
	}
	return SNNFIT_OK;
}
