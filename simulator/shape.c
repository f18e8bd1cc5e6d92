#include "simulator/shape.h"

#include <string.h>

static snnfit_status
need_array(struct call *call)
{
	const struct tensor *x = call_input(call, 0);

	if (!x || x->type == TYPE_NONE)
		return call_fail(call, SNNFIT_EFORMAT, "input 0 is missing");
	return SNNFIT_OK;
}

snnfit_status
run_identity(struct call *call)
{
	const struct tensor *x = call_input(call, 0);

	if (!x)
		return call_fail(call, SNNFIT_EFORMAT, "input 0 is missing");
	return call_alias(call, 0, x, x->rank, x->dims);
}

/* In training mode it is random, and says so. */
snnfit_status
run_dropout(struct call *call)
{
	const struct tensor *x = call_input(call, 0), *ratio = call_input(call, 1);
	int64_t training = 0;
	uint64_t i;
	uint8_t *mask;
	snnfit_status status = need_array(call);

	if (status == SNNFIT_OK)
		status = call_int(call, 2, 0, &training);
	if (status != SNNFIT_OK)
		return status;
	if (training && !(ratio && element_double(ratio->type, ratio->data, 0) == 0))
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "training mode (export the model after eval())");
	if (call_wants(call, 1)) {
		mask = call_output(call, 1, TYPE_BOOL, x->rank, x->dims);
		if (!mask)
			return call->status;
		for (i = 0; i < x->count * (call->laned ? call->lanes : 1); i++)
			mask[i] = 1;
	}
	return call_alias(call, 0, x, x->rank, x->dims);
}

/* One number may be -1: what is left; 0 is the input's dim. */
static snnfit_status
reshape_dims(struct call *call, const struct tensor *x, const int64_t *wanted, uint32_t count,
	     uint64_t *dims)
{
	bool zero_is_zero = node_int(call->node, "allowzero", 0) != 0;
	uint64_t known = 1, total;
	int64_t open = -1;
	uint32_t d;

	for (d = 0; d < count; d++) {
		dims[d] = (uint64_t)wanted[d];
		if (wanted[d] == 0 && !zero_is_zero)
			dims[d] = d < x->rank ? x->dims[d] : 0;
		if (wanted[d] < -1 || (wanted[d] == -1 && open >= 0))
			return call_fail(call, SNNFIT_EFORMAT, "a shape that cannot be");
		if (wanted[d] == -1)
			open = d;
		else if (__builtin_mul_overflow(known, dims[d], &known))
			return call_fail(call, SNNFIT_EFORMAT, "a shape that cannot be");
	}
	if (open >= 0)
		dims[open] = known ? x->count / known : 0;
	if (!dims_count(count, dims, &total) || total != x->count)
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "%llu elements do not go into the shape asked for",
				 (unsigned long long)x->count);
	return SNNFIT_OK;
}

snnfit_status
run_reshape(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	int64_t wanted[TENSOR_DIMS_MAX];
	uint64_t dims[TENSOR_DIMS_MAX];
	uint32_t count = 0;
	bool given;
	snnfit_status status = need_array(call);

	if (status == SNNFIT_OK)
		status = call_ints(call, 1, "shape", wanted, TENSOR_DIMS_MAX, &count, &given);
	if (status == SNNFIT_OK)
		status = reshape_dims(call, x, wanted, count, dims);
	return status == SNNFIT_OK ? call_alias(call, 0, x, count, dims) : status;
}

snnfit_status
run_flatten(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	int64_t axis = node_int(call->node, "axis", 1);
	uint64_t dims[2];
	snnfit_status status = need_array(call);

	if (status != SNNFIT_OK)
		return status;
	if (axis < 0)
		axis += x->rank;
	if (axis < 0 || axis > x->rank)
		return call_fail(call, SNNFIT_EFORMAT, "an axis that it does not have");
	dims[0] = dims_product(x->dims, 0, (uint32_t)axis);
	dims[1] = dims_product(x->dims, (uint32_t)axis, x->rank);
	return call_alias(call, 0, x, 2, dims);
}

/* A bit for each axis. */
static snnfit_status
axis_set(struct call *call, const int64_t *axes, uint32_t count, uint32_t rank, unsigned *set)
{
	uint32_t i;

	*set = 0;
	for (i = 0; i < count; i++) {
		int64_t axis = axes[i];

		if (!axis_normalize(&axis, rank) || *set >> axis & 1)
			return call_fail(call, SNNFIT_EFORMAT, "axes that it does not have");
		*set |= 1u << axis;
	}
	return SNNFIT_OK;
}

snnfit_status
run_squeeze(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	int64_t axes[TENSOR_DIMS_MAX];
	uint64_t dims[TENSOR_DIMS_MAX];
	uint32_t count = 0, d, kept = 0;
	unsigned set = 0;
	bool given = false;
	snnfit_status status = need_array(call);

	if (status == SNNFIT_OK)
		status = call_ints(call, 1, "axes", axes, TENSOR_DIMS_MAX, &count, &given);
	if (status == SNNFIT_OK && given)
		status = axis_set(call, axes, count, x->rank, &set);
	if (status != SNNFIT_OK)
		return status;
	for (d = 0; d < x->rank; d++) {
		bool goes = given ? set >> d & 1 : x->dims[d] == 1;

		if (goes && x->dims[d] != 1)
			return call_fail(call, SNNFIT_EUNSUPPORTED, "an axis of size %llu",
					 (unsigned long long)x->dims[d]);
		if (!goes)
			dims[kept++] = x->dims[d];
	}
	return call_alias(call, 0, x, kept, dims);
}

snnfit_status
run_unsqueeze(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	int64_t axes[TENSOR_DIMS_MAX];
	uint64_t dims[TENSOR_DIMS_MAX];
	uint32_t count = 0, rank, d, from = 0;
	unsigned set = 0;
	bool given;
	snnfit_status status = need_array(call);

	if (status == SNNFIT_OK)
		status = call_ints(call, 1, "axes", axes, TENSOR_DIMS_MAX, &count, &given);
	if (status != SNNFIT_OK)
		return status;
	rank = x->rank + count;
	if (rank > TENSOR_DIMS_MAX)
		return call_fail(call, SNNFIT_EUNSUPPORTED, "a result of %u dimensions", rank);
	status = axis_set(call, axes, count, rank, &set);
	if (status != SNNFIT_OK)
		return status;
	for (d = 0; d < rank; d++)
		dims[d] = set >> d & 1 ? 1 : x->dims[from++];
	return call_alias(call, 0, x, rank, dims);
}

/* A shape is the same for all samples, so its result has no lanes. */
snnfit_status
run_shape(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	int64_t start = node_int(call->node, "start", 0), end, *out;
	uint64_t count;
	snnfit_status status = need_array(call);

	if (status != SNNFIT_OK)
		return status;
	end = node_int(call->node, "end", x->rank);
	start += start < 0 ? x->rank : 0;
	end += end < 0 ? x->rank : 0;
	start = start < 0 ? 0 : start > x->rank ? x->rank : start;
	end = end < start ? start : end > x->rank ? x->rank : end;
	count = (uint64_t)(end - start);
	call->laned = false;
	out = call_output(call, 0, TYPE_INT64, 1, &count);
	if (!out)
		return call->status;
	for (; start < end; start++)
		*out++ = (int64_t)x->dims[start];
	return SNNFIT_OK;
}

snnfit_status
run_size(struct call *call)
{
	int64_t *out;
	snnfit_status status = need_array(call);

	if (status != SNNFIT_OK)
		return status;
	call->laned = false;
	out = call_output(call, 0, TYPE_INT64, 0, NULL);
	if (!out)
		return call->status;
	*out = (int64_t)call->inputs[0]->count;
	return SNNFIT_OK;
}
