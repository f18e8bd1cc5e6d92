/* constant_products.c - products of constants that are zero: the first recurrent current. */
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

/* What goes wrong whatever the tensor is; that it cannot be read as numbers is no error. */
static snnfit_status
failure(snnfit_status status)
{
	return status == SNNFIT_EIO || status == SNNFIT_ENOMEM ? status : SNNFIT_OK;
}

struct matrix {
	uint64_t rows, columns;
	bool finite; /* zero times infinity is no zero */
};

/* Of any size. Where it is none, finite is false. */
static snnfit_status
look_at(const struct constants *constants, uint32_t value, struct matrix *out, snnfit_error *err)
{
	const struct value *stored = &constants->program->values[value];
	const struct constant *known = constants->values[value];
	snnfit_status status = SNNFIT_OK;
	struct tensor_shape shape;
	float some[CHECKED_AT_ONCE];
	uint64_t first, count;

	*out = (struct matrix){ 0 };
	if (known) {
		out->rows = known->dims[0];
		out->columns = known->dims[1];
		out->finite = known->rank == 2 && known->reals &&
			      all_finite(known->reals, known->count);
		return SNNFIT_OK;
	}
	if (stored->kind != VALUE_SOURCE || !stored->tensor)
		return SNNFIT_OK;
	status = tensor_shape_of(constants->program->model, stored->tensor, &shape, err);
	if (status || shape.rank != 2)
		return failure(status);
	out->rows = shape.dims[0];
	out->columns = shape.dims[1];
	out->finite = true;
	for (first = 0; first < shape.count && out->finite; first += count) {
		count = shape.count - first < CHECKED_AT_ONCE ? shape.count - first
							      : CHECKED_AT_ONCE;
		status = tensor_read_float(constants->program->model, stored->tensor, first, count,
					   some, err);
		out->finite = !status && all_finite(some, count);
	}
	return failure(status);
}

static bool
is_product(const struct operation *operation)
{
	bool gemm = operation_is(operation, "Gemm");

	return (gemm || operation_is(operation, "MatMul")) && operation->operand_count == 2 &&
	       operation->operands[1] != NO_VALUE &&
	       !(gemm && operation_int(operation, "transA", 0));
}

snnfit_status
constant_zero_product(const struct constants *constants, const struct operation *operation,
		      uint64_t limit, struct constant *out, bool *known, snnfit_error *err)
{
	const struct constant *x;
	struct matrix matrix;
	snnfit_status status;
	bool turned;

	*known = false;
	x = is_product(operation) ? constant_of(constants, operation->operands[0]) : NULL;
	if (!x || x->rank < 2 || !x->reals || !is_zero(x))
		return SNNFIT_OK;
	status = look_at(constants, operation->operands[1], &matrix, err);
	turned = operation_is(operation, "Gemm") && operation_int(operation, "transB", 0);
	if (status || !matrix.finite ||
	    x->dims[x->rank - 1] != (turned ? matrix.columns : matrix.rows))
		return status;
	*out = *x;
	out->dims[x->rank - 1] = turned ? matrix.rows : matrix.columns;
	if (!constant_count(out) || out->count > limit)
		return SNNFIT_OK;
	out->reals = arena_zalloc(constants->arena, out->count, sizeof *out->reals);
	*known = out->reals != NULL;
	return *known ? SNNFIT_OK : error_no_memory(err);
}
