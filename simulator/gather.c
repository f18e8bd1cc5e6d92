#include "simulator/gather.h"

#include "simulator/element.h"

#include <string.h>

/* Index i of a tensor into [0, size); false: outside. */
static bool
index_at(const struct tensor *indices, uint64_t i, uint64_t size, uint64_t *out)
{
	int64_t index = element_int(indices->type, indices->data, i);

	if (index < 0)
		index += (int64_t)size;
	*out = (uint64_t)index;
	return index >= 0 && (uint64_t)index < size;
}

static snnfit_status
outside(struct call *call)
{
	return call_fail(call, SNNFIT_EDATA, "an index outside of what it picks from");
}

/* x, indices, and an axis of x. */
static snnfit_status
picking(struct call *call, int64_t *axis)
{
	const struct tensor *x = call_input(call, 0), *indices = call_input(call, 1);

	*axis = node_int(call->node, "axis", 0);
	if (!x || !indices || x->type == TYPE_NONE || type_is_float(indices->type) ||
	    !axis_normalize(axis, x->rank))
		return call_fail(call, SNNFIT_EFORMAT,
				 "it takes an array, indices, and an axis of "
				 "the array");
	return SNNFIT_OK;
}

snnfit_status
run_gather(struct call *call)
{
	const struct tensor *x = call_input(call, 0), *indices = call_input(call, 1);
	uint64_t dims[TENSOR_DIMS_MAX], outer, inner, i, k, index;
	int64_t axis;
	uint32_t d, rank;
	size_t row;
	char *out;
	snnfit_status status = picking(call, &axis);

	if (status != SNNFIT_OK)
		return status;
	rank = x->rank - 1 + indices->rank;
	if (rank > TENSOR_DIMS_MAX)
		return call_fail(call, SNNFIT_EUNSUPPORTED, "a result of %u dimensions", rank);
	for (d = 0; d < rank; d++)
		dims[d] = d < axis		     ? x->dims[d]
			  : d < axis + indices->rank ? indices->dims[d - axis]
						     : x->dims[d - indices->rank + 1];
	out = call_output(call, 0, x->type, rank, dims);
	if (!out)
		return call->status;
	outer = dims_product(x->dims, 0, (uint32_t)axis);
	inner = dims_product(x->dims, (uint32_t)axis + 1, x->rank);
	row = (size_t)inner * type_bytes(x->type);
	for (k = 0; k < indices->count; k++) {
		if (!index_at(indices, k, x->dims[axis], &index))
			return outside(call);
		for (i = 0; i < outer; i++)
			memcpy(out + (i * indices->count + k) * row,
			       (const char *)x->data + (i * x->dims[axis] + index) * row, row);
	}
	return SNNFIT_OK;
}

/* Where element i of an array of the shape lies in x, its index along the axis
 * replaced. */
static uint64_t
replaced_at(const struct tensor *x, const struct tensor *shape, uint64_t i, int64_t axis,
	    uint64_t index)
{
	uint64_t at = 0, stride = 1, coordinate;
	uint32_t d;

	for (d = x->rank; d-- > 0; stride *= x->dims[d]) {
		coordinate = i % shape->dims[d];
		i /= shape->dims[d];
		at += (d == axis ? index : coordinate) * stride;
	}
	return at;
}

/* False: some axis but the one is longer than in x. */
static bool
lies_within(const struct tensor *x, const struct tensor *shape, int64_t axis)
{
	uint32_t d;

	if (x->rank != shape->rank)
		return false;
	for (d = 0; d < x->rank; d++)
		if (d != axis && shape->dims[d] > x->dims[d])
			return false;
	return true;
}

snnfit_status
run_gather_elements(struct call *call)
{
	const struct tensor *x = call_input(call, 0), *indices = call_input(call, 1);
	uint64_t i, index;
	int64_t axis;
	size_t bytes;
	char *out;
	snnfit_status status = picking(call, &axis);

	if (status != SNNFIT_OK)
		return status;
	if (!lies_within(x, indices, axis))
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "its indices do not have the array's "
				 "shape");
	out = call_output(call, 0, x->type, indices->rank, indices->dims);
	if (!out)
		return call->status;
	bytes = type_bytes(x->type);
	for (i = 0; i < indices->count; i++) {
		if (!index_at(indices, i, x->dims[axis], &index))
			return outside(call);
		index = replaced_at(x, indices, i, axis, index);
		memcpy(out + i * bytes, (const char *)x->data + index * bytes, bytes);
	}
	return SNNFIT_OK;
}

/* --- indices of several axes at once ------------------------------------------------ */

struct tuples {
	uint64_t count; /* of tuples */
	uint32_t length, batch;
	uint64_t batches;
	uint64_t slice; /* elements of x that a tuple stands for */
};

static snnfit_status
read_tuples(struct call *call, const struct tensor *x, const struct tensor *indices, int64_t batch,
	    struct tuples *out)
{
	if (!x || !indices || x->type == TYPE_NONE || type_is_float(indices->type) ||
	    indices->rank == 0 || batch < 0 || batch >= indices->rank || batch > x->rank)
		return call_fail(call, SNNFIT_EFORMAT, "it takes an array and tuples of indices");
	out->length = (uint32_t)indices->dims[indices->rank - 1];
	out->batch = (uint32_t)batch;
	if (indices->dims[indices->rank - 1] > x->rank - out->batch)
		return call_fail(call, SNNFIT_EFORMAT, "tuples longer than the array's rank");
	out->count = dims_product(indices->dims, 0, indices->rank - 1);
	out->batches = dims_product(x->dims, 0, out->batch);
	if (out->batches != dims_product(indices->dims, 0, out->batch))
		return call_fail(call, SNNFIT_EUNSUPPORTED, "its batches differ");
	out->slice = dims_product(x->dims, out->batch + out->length, x->rank);
	return SNNFIT_OK;
}

/* The slice that tuple i stands for, as an offset into x. */
static bool
tuple_at(const struct tuples *tuples, const struct tensor *x, const struct tensor *indices,
	 uint64_t i, uint64_t *out)
{
	uint64_t index, at = tuples->batches ? i / (tuples->count / tuples->batches) : 0;
	uint32_t k;

	for (k = 0; k < tuples->length; k++) {
		uint64_t size = x->dims[tuples->batch + k];

		if (!index_at(indices, i * tuples->length + k, size, &index))
			return false;
		at = at * size + index;
	}
	*out = at * tuples->slice;
	return true;
}

snnfit_status
run_gather_nd(struct call *call)
{
	const struct tensor *x = call_input(call, 0), *indices = call_input(call, 1);
	uint64_t dims[TENSOR_DIMS_MAX], i, at;
	struct tuples tuples;
	uint32_t d, rank;
	size_t bytes;
	char *out;
	snnfit_status status;

	status = read_tuples(call, x, indices, node_int(call->node, "batch_dims", 0), &tuples);
	if (status != SNNFIT_OK)
		return status;
	rank = indices->rank - 1 + x->rank - tuples.batch - tuples.length;
	if (rank > TENSOR_DIMS_MAX)
		return call_fail(call, SNNFIT_EUNSUPPORTED, "a result of %u dimensions", rank);
	for (d = 0; d < rank; d++)
		dims[d] = d < indices->rank - 1
				  ? indices->dims[d]
				  : x->dims[tuples.batch + tuples.length + d - (indices->rank - 1)];
	out = call_output(call, 0, x->type, rank, dims);
	if (!out)
		return call->status;
	bytes = type_bytes(x->type);
	for (i = 0; i < tuples.count; i++) {
		if (!tuple_at(&tuples, x, indices, i, &at))
			return outside(call);
		memcpy(out + i * tuples.slice * bytes, (const char *)x->data + at * bytes,
		       (size_t)tuples.slice * bytes);
	}
	return SNNFIT_OK;
}

/* --- scattering ------------------------------------------------------------------------ */

/* ELEMENT_COPY: the update takes the place. */
static snnfit_status
reduction_of(struct call *call, enum element *out)
{
	static const struct {
		const char *name;
		enum element element;
	} rows[] = { { "none", ELEMENT_COPY },
		     { "add", ELEMENT_ADD },
		     { "mul", ELEMENT_MUL },
		     { "max", ELEMENT_MAX },
		     { "min", ELEMENT_MIN } };
	char room[NODE_TEXT_BYTES];
	const char *name = node_text(call->node, "reduction", "none", room);
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!strcmp(name, rows[i].name)) {
			*out = rows[i].element;
			return SNNFIT_OK;
		}
	return call_fail(call, SNNFIT_EUNSUPPORTED, "reduction '%s'", name);
}

/* Elements [at, at + count) of out take those of updates. */
static void
put(enum element element, int32_t type, void *out, uint64_t at, const void *updates, uint64_t from,
    uint64_t count)
{
	size_t bytes = type_bytes(type);
	struct tensor a = { .type = type, .rank = 1, .count = count, .dims = { count } }, b = a;
	const struct tensor *operands[2] = { &a, &b };

	a.data = (char *)out + at * bytes;
	b.data = (char *)(uintptr_t)updates + from * bytes;
	if (element == ELEMENT_COPY)
		memcpy(a.data, b.data, (size_t)count * bytes);
	else
		element_compute(element, (struct element_numbers){ 0, 0 }, operands, 2, 1, 1,
				a.dims, type, a.data);
}

static snnfit_status
copy_of_input(struct call *call, void **out)
{
	const struct tensor *x = call->inputs[0];

	*out = call_output(call, 0, x->type, x->rank, x->dims);
	if (!*out)
		return call->status;
	memcpy(*out, x->data, (size_t)x->count * type_bytes(x->type));
	return SNNFIT_OK;
}

snnfit_status
run_scatter_elements(struct call *call)
{
	const struct tensor *x = call_input(call, 0), *indices = call_input(call, 1);
	const struct tensor *updates = call_input(call, 2);
	enum element element = ELEMENT_NONE;
	uint64_t i, index;
	int64_t axis;
	void *out;
	snnfit_status status = picking(call, &axis);

	if (status == SNNFIT_OK)
		status = reduction_of(call, &element);
	if (status != SNNFIT_OK)
		return status;
	if (!updates || updates->type != x->type || updates->count != indices->count ||
	    !lies_within(x, indices, axis))
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "indices and updates do not go with "
				 "the array");
	status = copy_of_input(call, &out);
	for (i = 0; i < indices->count && status == SNNFIT_OK; i++) {
		if (!index_at(indices, i, x->dims[axis], &index))
			return outside(call);
		put(element, x->type, out, replaced_at(x, indices, i, axis, index), updates->data,
		    i, 1);
	}
	return status;
}

snnfit_status
run_scatter_nd(struct call *call)
{
	const struct tensor *x = call_input(call, 0), *indices = call_input(call, 1);
	const struct tensor *updates = call_input(call, 2);
	enum element element = ELEMENT_NONE;
	struct tuples tuples;
	uint64_t i, at;
	void *out;
	snnfit_status status = read_tuples(call, x, indices, 0, &tuples);

	if (status == SNNFIT_OK)
		status = reduction_of(call, &element);
	if (status != SNNFIT_OK)
		return status;
	if (!updates || updates->type != x->type || updates->count != tuples.count * tuples.slice)
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "indices and updates do not go with "
				 "the array");
	status = copy_of_input(call, &out);
	for (i = 0; i < tuples.count && status == SNNFIT_OK; i++) {
		if (!tuple_at(&tuples, x, indices, i, &at))
			return outside(call);
		put(element, x->type, out, at, updates->data, i * tuples.slice, tuples.slice);
	}
	return status;
}

snnfit_status
run_compress(struct call *call)
{
	const struct tensor *x = call_input(call, 0), *condition = call_input(call, 1);
	bool flat = !node_attribute(call->node, "axis");
	int64_t axis = node_int(call->node, "axis", 0);
	uint64_t dims[TENSOR_DIMS_MAX], size, kept = 0, i, k, outer, at;
	size_t row;
	char *out;

	if (!x || !condition || condition->type != TYPE_BOOL ||
	    (!flat && !axis_normalize(&axis, x->rank)))
		return call_fail(call, SNNFIT_EFORMAT,
				 "it takes an array, a condition, and an axis");
	size = flat ? x->count : x->dims[axis];
	if (condition->count < size)
		size = condition->count;
	for (i = 0; i < size; i++)
		kept += ((const uint8_t *)condition->data)[i] != 0;
	memcpy(dims, x->dims, sizeof dims);
	dims[flat ? 0 : axis] = kept;
	out = call_output(call, 0, x->type, flat ? 1 : x->rank, dims);
	if (!out)
		return call->status;
	outer = flat ? 1 : dims_product(x->dims, 0, (uint32_t)axis);
	row = type_bytes(x->type) *
	      (flat ? 1 : (size_t)dims_product(x->dims, (uint32_t)axis + 1, x->rank));
	for (k = 0, at = 0; k < outer; k++)
		for (i = 0; i < size; i++)
			if (((const uint8_t *)condition->data)[i])
				memcpy(out + at++ * row,
				       (const char *)x->data +
					       (k * (flat ? x->count : x->dims[axis]) + i) * row,
				       row);
	return SNNFIT_OK;
}
