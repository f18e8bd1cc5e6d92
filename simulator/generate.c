/* generate.c - operators that make an array out of little. */
#include "simulator/shape.h"

#include "simulator/operators.h"

#include <math.h>
#include <string.h>

static snnfit_status
constant_numbers(struct call *call, const Onnx__AttributeProto *value, int32_t type, size_t count,
		 bool is_scalar)
{
	uint64_t dims = count, i;
	void *out = call_output(call, 0, type, is_scalar ? 0 : 1, &dims);

	if (!out)
		return call->status;
	for (i = 0; i < count; i++) {
		if (type == TYPE_FLOAT)
			((float *)out)[i] = is_scalar ? value->f : value->floats[i];
		else
			((int64_t *)out)[i] = is_scalar ? value->i : value->ints[i];
	}
	return SNNFIT_OK;
}

snnfit_status
run_constant(struct call *call)
{
	const Onnx__AttributeProto *value;

	if ((value = node_attribute(call->node, "value")) && value->t)
		return tensor_load(&call->outputs[0], &call->machine->pool,
				   call->machine->plan->model, value->t, call->err);
	if ((value = node_attribute(call->node, "value_float")))
		return constant_numbers(call, value, TYPE_FLOAT, 1, true);
	if ((value = node_attribute(call->node, "value_floats")))
		return constant_numbers(call, value, TYPE_FLOAT, value->n_floats, false);
	if ((value = node_attribute(call->node, "value_int")))
		return constant_numbers(call, value, TYPE_INT64, 1, true);
	if ((value = node_attribute(call->node, "value_ints")))
		return constant_numbers(call, value, TYPE_INT64, value->n_ints, false);
	return call_fail(call, SNNFIT_EUNSUPPORTED, "a sparse constant, or one of strings");
}

static void
fill(void *out, size_t bytes, uint64_t count, const void *value)
{
	uint64_t i;

	for (i = 0; i < count; i++)
		memcpy((char *)out + i * bytes, value, bytes);
}

snnfit_status
run_constant_of_shape(struct call *call)
{
	const Onnx__AttributeProto *given = node_attribute(call->node, "value");
	int64_t sizes[TENSOR_DIMS_MAX];
	uint64_t dims[TENSOR_DIMS_MAX];
	float zero = 0;
	struct tensor value = { .type = TYPE_FLOAT, .data = &zero, .count = 1 };
	uint32_t count = 0, d;
	bool there;
	void *out;
	snnfit_status status;

	status = call_ints(call, 0, NULL, sizes, TENSOR_DIMS_MAX, &count, &there);
	if (status == SNNFIT_OK && given && given->t)
		status = tensor_load(&value, &call->machine->pool, call->machine->plan->model,
				     given->t, call->err);
	for (d = 0; d < count && status == SNNFIT_OK; d++) {
		dims[d] = (uint64_t)sizes[d];
		if (sizes[d] < 0)
			status = call_fail(call, SNNFIT_EFORMAT, "a shape that cannot be");
	}
	if (status == SNNFIT_OK && value.count != 1)
		status = call_fail(call, SNNFIT_EFORMAT, "its value is not one element");
	out = status == SNNFIT_OK ? call_output(call, 0, value.type, count, dims) : NULL;
	if (out)
		fill(out, type_bytes(value.type), dims_product(dims, 0, count), value.data);
	else if (status == SNNFIT_OK)
		status = call->status;
	tensor_release(&value, &call->machine->pool);
	return status;
}

snnfit_status
run_range(struct call *call)
{
	double from[3], length;
	const struct tensor *x;
	uint64_t count, i;
	void *out;

	for (i = 0; i < 3; i++) {
		x = call_input(call, (uint32_t)i);
		if (!x || x->count != 1)
			return call_fail(call, SNNFIT_EFORMAT, "input %u is not one number",
					 (unsigned)i);
		from[i] = element_double(x->type, x->data, 0);
	}
	length = ceil((from[1] - from[0]) / from[2]);
	count = length > 0 && length < 1e15 ? (uint64_t)length : 0;
	x = call_input(call, 0);
	out = call_output(call, 0, x->type, 1, &count);
	if (!out)
		return call->status;
	for (i = 0; i < count; i++) {
		if (type_is_float(x->type))
			element_set_double(x->type, out, i, from[0] + (double)i * from[2]);
		else
			element_set_int(x->type, out, i,
					(int64_t)from[0] + (int64_t)i * (int64_t)from[2]);
	}
	return SNNFIT_OK;
}

snnfit_status
run_eye_like(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	int64_t k = node_int(call->node, "k", 0), row, column;
	int32_t type;
	void *out;

	if (!x || x->rank != 2)
		return call_fail(call, SNNFIT_EFORMAT, "it takes a matrix");
	type = type_computed((int32_t)node_int(call->node, "dtype", x->type));
	if (!type_bytes(type))
		return call_fail(call, SNNFIT_EUNSUPPORTED, "a type that is not computed with");
	out = call_output(call, 0, type, 2, x->dims);
	if (!out)
		return call->status;
	memset(out, 0, (size_t)x->count * type_bytes(type));
	for (row = 0; row < (int64_t)x->dims[0]; row++) {
		column = row + k;
		if (column >= 0 && column < (int64_t)x->dims[1])
			element_set_int(type, out, (uint64_t)(row * (int64_t)x->dims[1] + column),
					1);
	}
	return SNNFIT_OK;
}

snnfit_status
run_one_hot(struct call *call)
{
	const struct tensor *indices = call_input(call, 0), *values = call_input(call, 2);
	int64_t depth = 0, axis = node_int(call->node, "axis", -1), index;
	uint64_t dims[TENSOR_DIMS_MAX], inner, i, at;
	size_t bytes;
	char *out;
	snnfit_status status;
	uint32_t d;

	if (!indices || !values || values->count != 2 || indices->rank == TENSOR_DIMS_MAX)
		return call_fail(call, SNNFIT_EFORMAT, "it takes indices, a depth and two values");
	status = call_int(call, 1, 0, &depth);
	if (status != SNNFIT_OK)
		return status;
	if (depth < 0 || !axis_normalize(&axis, indices->rank + 1))
		return call_fail(call, SNNFIT_EFORMAT, "a depth or axis that cannot be");
	for (d = 0; d <= indices->rank; d++)
		dims[d] = d < axis    ? indices->dims[d]
			  : d == axis ? (uint64_t)depth
				      : indices->dims[d - 1];
	out = call_output(call, 0, values->type, indices->rank + 1, dims);
	if (!out)
		return call->status;
	bytes = type_bytes(values->type);
	fill(out, bytes, indices->count * (uint64_t)depth, values->data);
	inner = dims_product(indices->dims, (uint32_t)axis, indices->rank);
	for (i = 0; i < indices->count; i++) {
		index = element_int(indices->type, indices->data, i);
		if (index < -depth || index >= depth)
			continue;
		index += index < 0 ? depth : 0;
		at = (i / inner * (uint64_t)depth + (uint64_t)index) * inner + i % inner;
		memcpy(out + at * bytes, (const char *)values->data + bytes, bytes);
	}
	return SNNFIT_OK;
}

snnfit_status
run_trilu(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	bool upper = node_int(call->node, "upper", 1) != 0;
	int64_t k = 0, row, column;
	uint64_t i, rows, columns;
	size_t bytes;
	char *out;
	snnfit_status status;

	if (!x || x->rank < 2)
		return call_fail(call, SNNFIT_EFORMAT, "it takes matrices");
	status = call_int(call, 1, 0, &k);
	if (status != SNNFIT_OK)
		return status;
	out = call_output(call, 0, x->type, x->rank, x->dims);
	if (!out)
		return call->status;
	bytes = type_bytes(x->type);
	memcpy(out, x->data, (size_t)x->count * bytes);
	rows = x->dims[x->rank - 2];
	columns = x->dims[x->rank - 1];
	for (i = 0; i < x->count; i++) {
		row = (int64_t)(i / columns % rows);
		column = (int64_t)(i % columns);
		if (upper ? column - row < k : column - row > k)
			memset(out + i * bytes, 0, bytes);
	}
	return SNNFIT_OK;
}

static bool
is_zero(const struct tensor *x, uint64_t i)
{
	return element_double(x->type, x->data, i) == 0;
}

snnfit_status
run_non_zero(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	uint64_t dims[2], i, found = 0, left;
	int64_t *out;
	uint32_t d;

	if (!x)
		return call_fail(call, SNNFIT_EFORMAT, "input 0 is missing");
	for (i = 0; i < x->count; i++)
		found += !is_zero(x, i);
	dims[0] = x->rank;
	dims[1] = found;
	out = call_output(call, 0, TYPE_INT64, 2, dims);
	if (!out)
		return call->status;
	for (i = found = 0; i < x->count; i++) {
		if (is_zero(x, i))
			continue;
		for (d = x->rank, left = i; d-- > 0; left /= x->dims[d])
			out[d * dims[1] + found] = (int64_t)(left % x->dims[d]);
		found++;
	}
	return SNNFIT_OK;
}

/* --- random numbers: a function of their place, so that runs repeat ----------------- */

static double
uniform(uint64_t number)
{
	uint64_t z = number * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0x632be59bd9b4e019);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return ((double)(z >> 11) + 0.5) * 0x1p-53;
}

static double
normal(uint64_t number)
{
	return sqrt(-2 * log(uniform(2 * number))) * cos(2 * M_PI * uniform(2 * number + 1));
}

static snnfit_status
random_array(struct call *call, int32_t type, uint32_t rank, const uint64_t *dims)
{
	bool is_normal = strstr(call->node->proto->op_type, "Normal") != NULL;
	double a = (double)node_float(call->node, is_normal ? "mean" : "low", 0);
	double b = (double)node_float(call->node, is_normal ? "scale" : "high", 1);
	uint64_t i, count;
	void *out;

	if (!type_is_float(type))
		return call_fail(call, SNNFIT_EUNSUPPORTED, "random numbers that are no floats");
	call->laned = true;
	out = call_output(call, 0, type, rank, dims);
	if (!out)
		return call->status;
	count = dims_product(dims, 0, rank) * call->lanes;
	for (i = 0; i < count; i++) {
		uint64_t number = call->machine->random++;

		element_set_double(type, out, i,
				   is_normal ? a + b * normal(number)
					     : a + (b - a) * uniform(number));
	}
	return SNNFIT_OK;
}

snnfit_status
run_random(struct call *call)
{
	const Onnx__AttributeProto *shape = node_attribute(call->node, "shape");
	uint64_t dims[TENSOR_DIMS_MAX];
	size_t d;

	if (!shape || shape->n_ints > TENSOR_DIMS_MAX)
		return call_fail(call, SNNFIT_EFORMAT, "it has no shape of few dimensions");
	for (d = 0; d < shape->n_ints; d++)
		dims[d] = (uint64_t)shape->ints[d];
	return random_array(call, type_computed((int32_t)node_int(call->node, "dtype", TYPE_FLOAT)),
			    (uint32_t)shape->n_ints, dims);
}

snnfit_status
run_random_like(struct call *call)
{
	const struct tensor *x = call_input(call, 0);

	if (!x || x->type == TYPE_NONE)
		return call_fail(call, SNNFIT_EFORMAT, "input 0 is missing");
	return random_array(call, type_computed((int32_t)node_int(call->node, "dtype", x->type)),
			    x->rank, x->dims);
}
