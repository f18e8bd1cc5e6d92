/* sequence.c - lists of tensors. A list is never changed: those that change one make
 * another, which shares the arrays. */
#include "simulator/control.h"

#include "simulator/shape.h"

#include <stdlib.h>
#include <string.h>

static const struct sequence *
list_of(struct call *call, uint32_t i)
{
	const struct tensor *x = call_input(call, i);

	if (!x || !x->sequence) {
		call->status = call_fail(call, SNNFIT_EFORMAT, "input %u is not a sequence", i);
		return NULL;
	}
	return x->sequence;
}

/* Shares the items of from in [first, last), behind those that are there. */
static uint32_t
share_items(struct tensor *items, uint32_t count, const struct sequence *from, uint32_t first,
	    uint32_t last)
{
	for (; first < last; first++)
		items[count++] = tensor_share(&from->items[first]);
	return count;
}

static struct tensor *
new_items(struct call *call, uint32_t count)
{
	struct tensor *items = malloc((count ? count : 1) * sizeof *items);

	if (!items)
		call->status = error_no_memory(call->err);
	return items;
}

static snnfit_status
list_out(struct call *call, struct tensor *items, uint32_t count)
{
	snnfit_status status = sequence_new(&call->outputs[0], &call->machine->pool, items, count,
					    call->err);

	free(items);
	return status;
}

/* A place in the list, its end included if so; absent: the fallback. */
static snnfit_status
position(struct call *call, uint32_t input, uint32_t places, int64_t fallback, uint32_t *out)
{
	int64_t at;
	snnfit_status status = call_int(call, input, fallback, &at);

	if (status != SNNFIT_OK)
		return status;
	if (at < 0 && call_input(call, input))
		at += places;
	if (at < 0 || at >= (int64_t)places)
		return call_fail(call, SNNFIT_EDATA, "a position outside of the sequence");
	*out = (uint32_t)at;
	return SNNFIT_OK;
}

snnfit_status
run_sequence_empty(struct call *call)
{
	struct tensor *items = new_items(call, 0);

	return items ? list_out(call, items, 0) : call->status;
}

snnfit_status
run_sequence_construct(struct call *call)
{
	struct tensor *items = new_items(call, call->input_count);
	uint32_t i;

	if (!items)
		return call->status;
	for (i = 0; i < call->input_count; i++)
		items[i] = call->inputs[i] ? tensor_share(call->inputs[i])
					   : (struct tensor){ .type = TYPE_NONE };
	return list_out(call, items, call->input_count);
}

snnfit_status
run_sequence_insert(struct call *call)
{
	const struct sequence *list = list_of(call, 0);
	const struct tensor *item = call_input(call, 1);
	struct tensor *items;
	uint32_t at = 0, count;
	int64_t end;
	snnfit_status status;

	if (!list || !item)
		return list ? call_fail(call, SNNFIT_EFORMAT, "input 1 is missing") : call->status;
	/* The places are those of the list that comes out, counted from the end of the
	 * one that goes in. */
	status = call_int(call, 2, list->count, &end);
	if (status != SNNFIT_OK)
		return status;
	end += end < 0 ? list->count : 0;
	if (end < 0 || end > list->count)
		return call_fail(call, SNNFIT_EDATA, "a position outside of the sequence");
	at = (uint32_t)end;
	items = new_items(call, list->count + 1);
	if (!items)
		return call->status;
	count = share_items(items, 0, list, 0, at);
	items[count++] = tensor_share(item);
	count = share_items(items, count, list, at, list->count);
	return list_out(call, items, count);
}

snnfit_status
run_sequence_erase(struct call *call)
{
	const struct sequence *list = list_of(call, 0);
	struct tensor *items;
	uint32_t at = 0, count;
	snnfit_status status;

	if (!list)
		return call->status;
	status = position(call, 1, list->count, (int64_t)list->count - 1, &at);
	if (status != SNNFIT_OK)
		return status;
	items = new_items(call, list->count);
	if (!items)
		return call->status;
	count = share_items(items, 0, list, 0, at);
	count = share_items(items, count, list, at + 1, list->count);
	return list_out(call, items, count);
}

snnfit_status
run_sequence_at(struct call *call)
{
	const struct sequence *list = list_of(call, 0);
	uint32_t at = 0;
	snnfit_status status;

	if (!list)
		return call->status;
	status = position(call, 1, list->count, -1, &at);
	if (status != SNNFIT_OK)
		return status;
	call->outputs[0] = tensor_share(&list->items[at]);
	return SNNFIT_OK;
}

snnfit_status
run_sequence_length(struct call *call)
{
	const struct sequence *list = list_of(call, 0);
	int64_t *out;

	if (!list)
		return call->status;
	call->laned = false;
	out = call_output(call, 0, TYPE_INT64, 0, NULL);
	if (!out)
		return call->status;
	*out = list->count;
	return SNNFIT_OK;
}

snnfit_status
run_concat_from_sequence(struct call *call)
{
	const struct sequence *list = list_of(call, 0);
	const struct tensor **items;
	snnfit_status status;
	uint32_t i;

	if (!list)
		return call->status;
	items = malloc((list->count ? list->count : 1) * sizeof *items);
	if (!items)
		return error_no_memory(call->err);
	for (i = 0; i < list->count; i++) {
		items[i] = &list->items[i];
		call->laned = call->laned || items[i]->laned;
	}
	status = join_arrays(call, items, list->count, node_int(call->node, "axis", 0),
			     node_int(call->node, "new_axis", 0) != 0);
	free(items);
	return status;
}

/* --- SplitToSequence -------------------------------------------------------------------- */

/* Piece [first, first + size) of an axis as output 0 of a call of its own. */
static snnfit_status
cut_piece(struct call *call, const struct tensor *x, uint32_t axis, uint64_t first, uint64_t size,
	  bool keep, struct tensor *out)
{
	struct call cutting = *call;
	uint64_t dims[TENSOR_DIMS_MAX], row, rows, d;
	size_t inner = (size_t)dims_product(x->dims, axis + 1, x->rank) * type_bytes(x->type);
	uint32_t rank = 0;
	char *to;

	for (d = 0; d < x->rank; d++)
		if (d != axis || keep)
			dims[rank++] = d == axis ? size : x->dims[d];
	*out = (struct tensor){ .type = TYPE_NONE };
	cutting.outputs = out;
	to = call_output(&cutting, 0, x->type, rank, dims);
	if (!to)
		return cutting.status;
	rows = dims_product(x->dims, 0, axis) * (call->laned ? call->lanes : 1);
	for (row = 0; row < rows; row++)
		memcpy(to + row * size * inner,
		       (const char *)x->data + (row * x->dims[axis] + first) * inner,
		       (size_t)size * inner);
	return SNNFIT_OK;
}

snnfit_status
run_split_to_sequence(struct call *call)
{
	const struct tensor *x = call_input(call, 0), *split = call_input(call, 1);
	bool keep = split || node_int(call->node, "keepdims", 1) != 0;
	int64_t axis = node_int(call->node, "axis", 0);
	uint64_t first = 0, size = 1, count;
	struct tensor *items;
	uint32_t made = 0;
	snnfit_status status = SNNFIT_OK;

	if (!x || x->type == TYPE_NONE || !axis_normalize(&axis, x->rank) ||
	    (split && (split->laned || split->count == 0)))
		return call_fail(call, SNNFIT_EFORMAT,
				 "an axis that it does not have, or no sizes");
	if (split)
		size = (uint64_t)element_int(split->type, split->data, 0);
	count = split && split->rank ? split->count : size ? (x->dims[axis] + size - 1) / size : 0;
	if (count > UINT32_MAX || (count == 0 && x->dims[axis]))
		return call_fail(call, SNNFIT_EFORMAT, "sizes that cannot be");
	items = new_items(call, (uint32_t)count);
	if (!items)
		return call->status;
	for (; made < count && status == SNNFIT_OK; made++, first += size) {
		if (split && split->rank)
			size = (uint64_t)element_int(split->type, split->data, made);
		else if (size > x->dims[axis] - first)
			size = x->dims[axis] - first;
		if (size > x->dims[axis] - first)
			status = call_fail(call, SNNFIT_EUNSUPPORTED,
					   "its parts are more than its "
					   "input");
		else
			status = cut_piece(call, x, (uint32_t)axis, first, size, keep,
					   &items[made]);
		if (status != SNNFIT_OK)
			break;
	}
	if (status == SNNFIT_OK)
		return list_out(call, items, made);
	while (made-- > 0)
		tensor_release(&items[made], &call->machine->pool);
	free(items);
	return status;
}
