/* join.c - arrays one behind the other, and apart again; all lanes at once. */
#include "simulator/shape.h"

#include <string.h>

/* Where a part lies in the whole: rows of bytes, so many of them. */
struct part {
	uint64_t rows; /* of one lane */
	size_t row_bytes, whole_row_bytes, offset;
};

static void
part_into_whole(const struct part *part, const struct tensor *from, char *whole, uint64_t lanes)
{
	uint64_t lane, row;

	for (lane = 0; lane < lanes; lane++) {
		const char *source = from->data;

		if (from->laned)
			source += lane * part->rows * part->row_bytes;
		for (row = 0; row < part->rows && part->row_bytes; row++)
			memcpy(whole + (lane * part->rows + row) * part->whole_row_bytes +
				       part->offset,
			       source + row * part->row_bytes, part->row_bytes);
	}
}

/* Their shapes but for the axis must be the same. */
static snnfit_status
joined_dims(struct call *call, const struct tensor *const *items, uint32_t count, uint32_t axis,
	    uint64_t *dims)
{
	uint32_t i, d;

	memcpy(dims, items[0]->dims, sizeof items[0]->dims);
	for (i = 1; i < count; i++) {
		if (items[i]->type != items[0]->type || items[i]->rank != items[0]->rank)
			return call_fail(call, SNNFIT_EFORMAT,
					 "input %u is of another type or rank", i);
		for (d = 0; d < items[0]->rank; d++)
			if (d != axis && items[i]->dims[d] != dims[d])
				return call_fail(call, SNNFIT_EUNSUPPORTED,
						 "the shapes of its inputs do not go together");
		if (__builtin_add_overflow(dims[axis], items[i]->dims[axis], &dims[axis]))
			return call_fail(call, SNNFIT_ELIMIT, "a result too large for memory");
	}
	return SNNFIT_OK;
}

static snnfit_status
stacked_dims(struct call *call, const struct tensor *const *items, uint32_t count, uint32_t axis,
	     uint64_t *dims)
{
	uint32_t i, rank = items[0]->rank;

	if (rank == TENSOR_DIMS_MAX)
		return call_fail(call, SNNFIT_EUNSUPPORTED, "a result of %u dimensions", rank + 1);
	for (i = 1; i < count; i++)
		if (items[i]->type != items[0]->type || items[i]->rank != rank ||
		    memcmp(items[i]->dims, items[0]->dims, rank * sizeof *dims) != 0)
			return call_fail(call, SNNFIT_EUNSUPPORTED,
					 "the shapes of what it stacks differ");
	memcpy(dims, items[0]->dims, axis * sizeof *dims);
	dims[axis] = count;
	memcpy(dims + axis + 1, items[0]->dims + axis, (rank - axis) * sizeof *dims);
	return SNNFIT_OK;
}

snnfit_status
join_arrays(struct call *call, const struct tensor *const *items, uint32_t count, int64_t axis,
	    bool is_new)
{
	uint64_t dims[TENSOR_DIMS_MAX], rows, lanes;
	uint32_t i, rank;
	size_t bytes;
	struct part part = { .offset = 0 };
	snnfit_status status;
	char *out;

	for (i = 0; i < count; i++)
		if (!items[i] || items[i]->type == TYPE_NONE)
			return call_fail(call, SNNFIT_EFORMAT, "input %u is missing", i);
	if (count == 0)
		return call_fail(call, SNNFIT_EUNSUPPORTED, "nothing to join");
	rank = items[0]->rank + is_new;
	if (!axis_normalize(&axis, rank))
		return call_fail(call, SNNFIT_EFORMAT, "an axis that it does not have");
	status = is_new ? stacked_dims(call, items, count, (uint32_t)axis, dims)
			: joined_dims(call, items, count, (uint32_t)axis, dims);
	if (status != SNNFIT_OK)
		return status;
	out = call_output(call, 0, items[0]->type, rank, dims);
	if (!out)
		return call->status;
	bytes = type_bytes(items[0]->type);
	rows = dims_product(dims, 0, (uint32_t)axis);
	lanes = call->laned ? call->lanes : 1;
	part.rows = rows;
	part.whole_row_bytes = (size_t)dims_product(dims, (uint32_t)axis, rank) * bytes;
	for (i = 0; i < count && rows; i++) {
		part.row_bytes = (size_t)(items[i]->count / rows) * bytes;
		part_into_whole(&part, items[i], out, lanes);
		part.offset += part.row_bytes;
	}
	return SNNFIT_OK;
}

snnfit_status
run_concat(struct call *call)
{
	return join_arrays(call, call->inputs, call->input_count,
			   node_int(call->node, "axis", call->node->version < 4 ? 1 : 0), false);
}

/* --- Split ------------------------------------------------------------------------- */

static snnfit_status
split_out(struct call *call, const struct tensor *x, uint32_t axis, uint32_t i, uint64_t first,
	  uint64_t size)
{
	size_t bytes = type_bytes(x->type);
	uint64_t dims[TENSOR_DIMS_MAX], row, rows;
	size_t inner = (size_t)dims_product(x->dims, axis + 1, x->rank) * bytes;
	const char *from = x->data;
	char *out;

	memcpy(dims, x->dims, sizeof dims);
	dims[axis] = size;
	out = call_output(call, i, x->type, x->rank, dims);
	if (!out)
		return call->status;
	rows = dims_product(x->dims, 0, axis) * (call->laned ? call->lanes : 1);
	for (row = 0; row < rows; row++)
		memcpy(out + row * size * inner, from + (row * x->dims[axis] + first) * inner,
		       (size_t)size * inner);
	return SNNFIT_OK;
}

snnfit_status
run_split(struct call *call)
{
	const struct tensor *x = call_input(call, 0), *sizes = call_input(call, 1);
	const Onnx__AttributeProto *list = node_attribute(call->node, "split");
	int64_t axis = node_int(call->node, "axis", 0);
	uint64_t first = 0, size, each, parts = call->output_count;
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	if (!x || !axis_normalize(&axis, x->rank))
		return call_fail(call, SNNFIT_EFORMAT, "an axis that it does not have");
	if (sizes && sizes->laned)
		return call_by_lane(call);
	if ((sizes && sizes->count != parts) || (list && list->n_ints != parts))
		return call_fail(call, SNNFIT_EUNSUPPORTED, "its sizes do not match its outputs");
	each = parts ? (x->dims[axis] + parts - 1) / parts : 0;
	for (i = 0; i < parts && status == SNNFIT_OK; i++) {
		if (sizes)
			size = (uint64_t)element_int(sizes->type, sizes->data, i);
		else if (list)
			size = (uint64_t)list->ints[i];
		else
			size = x->dims[axis] - first < each ? x->dims[axis] - first : each;
		if (size > x->dims[axis] - first)
			return call_fail(call, SNNFIT_EUNSUPPORTED,
					 "its parts are more than its "
					 "input");
		status = split_out(call, x, (uint32_t)axis, i, first, size);
		first += size;
	}
	return status;
}
