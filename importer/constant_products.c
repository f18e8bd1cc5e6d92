/* constant_products.c - products of constants that are zero: the recurrent current of a first step. */
#include "importer/constant_private.h"

#include <math.h>

enum { CHECKED_AT_ONCE = 1024 };

static bool
is_zero(const struct constant *constant)
{
	uint64_t i;

	for (i = 0; i < constant->count; i++)
		if (constant->reals[i] != 0)
			return false;
	return true;
}

static bool
all_finite(const float *values, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count; i++)
		if (!isfinite(values[i]))
			return false;
	return true;
}

/* A matrix of any size: zero times infinity is no zero. */
static bool
is_finite_matrix(const struct constants *constants, uint32_t value, uint64_t *rows,
		 uint64_t *columns)
{
	const struct value *stored = &constants->program->values[value];
	const struct constant *known = constants->values[value];
	struct tensor_shape shape;
	float some[CHECKED_AT_ONCE];
	uint64_t first, count;

	if (known) {
		*rows = known->dims[0];
		*columns = known->dims[1];
		return known->rank == 2 && known->reals && all_finite(known->reals, known->count);
	}
	if (stored->kind != VALUE_SOURCE || !stored->tensor ||
	    tensor_shape_of(constants->program->model, stored->tensor, &shape, NULL) ||
	    shape.rank != 2)
		return false;
	*rows = shape.dims[0];
	*columns = shape.dims[1];
	for (first = 0; first < shape.count; first += count) {
		count = shape.count - first < CHECKED_AT_ONCE ? shape.count - first
							      : CHECKED_AT_ONCE;
		if (tensor_read_float(constants->program->model, stored->tensor, first, count, some,
				      NULL) ||
		    !all_finite(some, count))
			return false;
	}
	return true;
}

bool
constant_zero_product(const struct constants *constants, const struct operation *operation,
		      uint64_t limit, struct constant *out)
{
	bool gemm = operation_is(operation, "Gemm");
	const struct constant *x;
	uint64_t rows, columns, read;

	if ((!gemm && !operation_is(operation, "MatMul")) || operation->operand_count != 2 ||
	    (gemm && operation_int(operation, "transA", 0)))
		return false;
	x = constant_of(constants, operation->operands[0]);
	if (!x || x->rank < 2 || !x->reals || !is_zero(x) || operation->operands[1] == NO_VALUE ||
	    !is_finite_matrix(constants, operation->operands[1], &rows, &columns))
		return false;
	if (gemm && operation_int(operation, "transB", 0)) {
		read = columns;
		columns = rows;
	} else {
		read = rows;
	}
	if (x->dims[x->rank - 1] != read)
		return false;
	*out = *x;
	out->dims[x->rank - 1] = columns;
	if (!constant_count(out) || out->count > limit)
		return false;
	out->reals = arena_zalloc(constants->arena, out->count, sizeof *out->reals);
	return out->reals != NULL;
}
