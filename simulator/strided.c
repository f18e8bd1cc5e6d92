#include "simulator/strided.h"

#include <string.h>

void
strides_of(uint32_t rank, const uint64_t *dims, int64_t *strides)
{
	int64_t stride = 1;
	uint32_t d;

	for (d = rank; d-- > 0;) {
		strides[d] = stride;
		stride *= (int64_t)dims[d];
	}
}

static void
copy_row(char *out, const char *source, size_t bytes, uint64_t count, int64_t stride)
{
	uint64_t i;

	if (stride == 1) {
		memcpy(out, source, (size_t)count * bytes);
		return;
	}
#define EACH(BYTES)                                                                                \
	case BYTES:                                                                                \
		for (i = 0; i < count; i++)                                                        \
			memcpy(out + i * BYTES, source + (int64_t)i * stride * BYTES, BYTES);      \
		break;
	switch (bytes) {
		EACH(1)
		EACH(2)
		EACH(4)
		EACH(8)
	default:
		break;
	}
#undef EACH
}

void
strided_copy(void *out, const void *source, size_t element_bytes, const struct strided *strided)
{
	uint64_t index[STRIDED_RANK_MAX] = { 0 }, done, row, total;
	const char *from = source;
	int64_t at = 0;
	uint32_t d, rank = strided->rank;

	total = dims_product(strided->dims, 0, rank);
	row = rank ? strided->dims[rank - 1] : 1;
	for (done = 0; done < total; done += row) {
		copy_row((char *)out + done * element_bytes, from + at * (int64_t)element_bytes,
			 element_bytes, row, rank ? strided->strides[rank - 1] : 1);
		for (d = rank ? rank - 1 : 0; d-- > 0;) {
			at += strided->strides[d];
			if (++index[d] < strided->dims[d])
				break;
			at -= strided->strides[d] * (int64_t)strided->dims[d];
			index[d] = 0;
		}
	}
}

/* The result of a copy from input 0, element offset on, in these dims. */
static snnfit_status
copy_out(struct call *call, const struct strided *strided, int64_t offset, uint32_t rank,
	 const uint64_t *dims)
{
	const struct tensor *x = call->inputs[0];
	size_t bytes = type_bytes(x->type);
	void *out = call_output(call, 0, x->type, rank, dims);

	if (!out)
		return call->status;
	strided_copy(out, (const char *)x->data + offset * (int64_t)bytes, bytes, strided);
	return SNNFIT_OK;
}

static snnfit_status
need_array(struct call *call, uint32_t i)
{
	const struct tensor *x = call_input(call, i);

	if (!x || x->type == TYPE_NONE)
		return call_fail(call, SNNFIT_EFORMAT, "input %u is missing", i);
	return SNNFIT_OK;
}

snnfit_status
run_transpose(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	const Onnx__AttributeProto *order = node_attribute(call->node, "perm");
	int64_t strides[TENSOR_DIMS_MAX];
	struct strided strided;
	snnfit_status status = need_array(call, 0);
	unsigned seen = 0;
	uint32_t d;

	if (status != SNNFIT_OK)
		return status;
	strides_of(x->rank, x->dims, strides);
	strided.rank = x->rank;
	if (order && order->n_ints != x->rank)
		return call_fail(call, SNNFIT_EFORMAT, "perm has %zu numbers for %u dimensions",
				 order->n_ints, x->rank);
	for (d = 0; d < x->rank; d++) {
		int64_t from = order ? order->ints[d] : (int64_t)(x->rank - 1 - d);

		if (!axis_normalize(&from, x->rank) || seen >> from & 1)
			return call_fail(call, SNNFIT_EFORMAT, "perm is no order of the axes");
		seen |= 1u << from;
		strided.dims[d] = x->dims[from];
		strided.strides[d] = strides[from];
	}
	return copy_out(call, &strided, 0, x->rank, strided.dims);
}

/* --- Slice ------------------------------------------------------------------------ */

struct slice {
	int64_t starts[TENSOR_DIMS_MAX], ends[TENSOR_DIMS_MAX], axes[TENSOR_DIMS_MAX],
		steps[TENSOR_DIMS_MAX];
	uint32_t count;
};

/* Of an empty axis, high is below low, and high it is. */
static int64_t
clamped(int64_t value, int64_t low, int64_t high)
{
	value = value < low ? low : value;
	return value > high ? high : value;
}

static snnfit_status
read_slice(struct call *call, struct slice *slice)
{
	uint32_t ends = 0, axes = 0, steps = 0, i;
	bool given, axes_given, steps_given;
	snnfit_status status;

	status = call_ints(call, 1, "starts", slice->starts, TENSOR_DIMS_MAX, &slice->count,
			   &given);
	if (status == SNNFIT_OK)
		status = call_ints(call, 2, "ends", slice->ends, TENSOR_DIMS_MAX, &ends, &given);
	if (status == SNNFIT_OK)
		status = call_ints(call, 3, "axes", slice->axes, TENSOR_DIMS_MAX, &axes,
				   &axes_given);
	if (status == SNNFIT_OK)
		status = call_ints(call, 4, NULL, slice->steps, TENSOR_DIMS_MAX, &steps,
				   &steps_given);
	if (status != SNNFIT_OK)
		return status;
	if (ends != slice->count || (axes_given && axes != slice->count) ||
	    (steps_given && steps != slice->count))
		return call_fail(call, SNNFIT_EFORMAT,
				 "starts, ends, axes and steps differ in "
				 "length");
	for (i = 0; i < slice->count; i++) {
		if (!axes_given)
			slice->axes[i] = i;
		if (!steps_given)
			slice->steps[i] = 1;
	}
	return SNNFIT_OK;
}

snnfit_status
run_slice(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	struct strided strided;
	struct slice slice;
	int64_t offset = 0;
	snnfit_status status = need_array(call, 0);
	uint32_t i;

	if (status == SNNFIT_OK)
		status = read_slice(call, &slice);
	if (status != SNNFIT_OK)
		return status;
	strided.rank = x->rank;
	if (x->rank)
		memcpy(strided.dims, x->dims, x->rank * sizeof *x->dims);
	strides_of(x->rank, x->dims, strided.strides);
	for (i = 0; i < slice.count; i++) {
		int64_t axis = slice.axes[i], step = slice.steps[i], start, end, size, taken;

		if (!axis_normalize(&axis, x->rank) || step == 0 || step < -INT32_MAX)
			return call_fail(call, SNNFIT_EFORMAT, "an axis or step that cannot be");
		size = (int64_t)x->dims[axis];
		start = slice.starts[i] < 0 ? slice.starts[i] + size : slice.starts[i];
		end = slice.ends[i] < 0 && slice.ends[i] >= -size ? slice.ends[i] + size
								  : slice.ends[i];
		start = step > 0 ? clamped(start, 0, size) : clamped(start, 0, size - 1);
		end = step > 0 ? clamped(end, 0, size) : clamped(end, -1, size - 1);
		taken = step > 0 ? (end - start) / step + ((end - start) % step > 0)
				 : (start - end) / -step + ((start - end) % -step > 0);
		strided.dims[axis] = taken > 0 ? (uint64_t)taken : 0;
		if (taken > 0)
			offset += start * strided.strides[axis];
		strided.strides[axis] *= taken > 1 ? step : 1;
	}
	return copy_out(call, &strided, offset, x->rank, strided.dims);
}

/* --- repeating ---------------------------------------------------------------------- */

snnfit_status
run_expand(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	int64_t sizes[TENSOR_DIMS_MAX], strides[TENSOR_DIMS_MAX];
	struct strided strided;
	uint32_t count = 0, d;
	snnfit_status status = need_array(call, 0);
	bool given;

	if (status == SNNFIT_OK)
		status = call_ints(call, 1, NULL, sizes, TENSOR_DIMS_MAX, &count, &given);
	if (status != SNNFIT_OK)
		return status;
	strided.rank = count > x->rank ? count : x->rank;
	strides_of(x->rank, x->dims, strides);
	for (d = 0; d < strided.rank; d++) {
		uint32_t before = strided.rank - x->rank, missing = strided.rank - count;
		uint64_t have = d < before ? 1 : x->dims[d - before];
		int64_t want = d < missing ? 1 : sizes[d - missing];

		if (want < 0 || (have != 1 && want != 1 && have != (uint64_t)want))
			return call_fail(call, SNNFIT_EUNSUPPORTED,
					 "the shapes of its inputs do not go together");
		strided.dims[d] = have == 1 ? (uint64_t)want : have;
		strided.strides[d] = have == 1 ? 0 : strides[d - before];
	}
	return copy_out(call, &strided, 0, strided.rank, strided.dims);
}

snnfit_status
run_tile(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	int64_t repeats[TENSOR_DIMS_MAX], strides[TENSOR_DIMS_MAX];
	uint64_t dims[TENSOR_DIMS_MAX];
	struct strided strided;
	uint32_t count = 0, d;
	snnfit_status status = need_array(call, 0);
	bool given;

	if (status == SNNFIT_OK)
		status = call_ints(call, 1, NULL, repeats, TENSOR_DIMS_MAX, &count, &given);
	if (status != SNNFIT_OK)
		return status;
	if (count != x->rank)
		return call_fail(call, SNNFIT_EFORMAT, "%u repeats for %u dimensions", count,
				 x->rank);
	strides_of(x->rank, x->dims, strides);
	strided.rank = 2 * x->rank;
	for (d = 0; d < x->rank; d++) {
		if (repeats[d] < 0 ||
		    __builtin_mul_overflow(x->dims[d], (uint64_t)repeats[d], &dims[d]))
			return call_fail(call, SNNFIT_EFORMAT,
					 "a number of repeats that cannot be");
		strided.dims[2 * d] = (uint64_t)repeats[d];
		strided.strides[2 * d] = 0;
		strided.dims[2 * d + 1] = x->dims[d];
		strided.strides[2 * d + 1] = strides[d];
	}
	return copy_out(call, &strided, 0, x->rank, dims);
}

/* --- blocks of space ------------------------------------------------------------------ */

/* The input's axes cut into factors, and in which order they come out. */
static snnfit_status
rearrange(struct call *call, const uint64_t factors[6], const uint32_t order[6],
	  const uint64_t dims[4])
{
	struct strided strided = { .rank = 6 };
	int64_t strides[6];
	uint32_t d;

	strides_of(6, factors, strides);
	for (d = 0; d < 6; d++) {
		strided.dims[d] = factors[order[d]];
		strided.strides[d] = strides[order[d]];
	}
	return copy_out(call, &strided, 0, 4, dims);
}

/* *by_column: the mode CRD, where the channels of a block come apart otherwise. */
static snnfit_status
read_blocks(struct call *call, uint64_t *block, bool *by_column)
{
	const struct tensor *x = call_input(call, 0);
	char room[NODE_TEXT_BYTES];
	int64_t size = node_int(call->node, "blocksize", 0);

	if (!x || x->rank != 4 || size <= 0 || size > 65536)
		return call_fail(call, SNNFIT_EFORMAT, "it takes four dimensions and a blocksize");
	*block = (uint64_t)size;
	*by_column = !strcmp(node_text(call->node, "mode", "DCR", room), "CRD");
	return SNNFIT_OK;
}

snnfit_status
run_depth_to_space(struct call *call)
{
	static const uint32_t depth_first[6] = { 0, 3, 4, 1, 5, 2 };
	static const uint32_t column_first[6] = { 0, 1, 4, 2, 5, 3 };
	const struct tensor *x = call_input(call, 0);
	bool crd = false;
	uint64_t b = 0;
	snnfit_status status = read_blocks(call, &b, &crd);

	if (status != SNNFIT_OK)
		return status;
	if (x->dims[1] % (b * b))
		return call_fail(call, SNNFIT_EFORMAT, "the channels are no multiple of the block");
	{
		uint64_t depth = x->dims[1] / (b * b);
		uint64_t dcr[6] = { x->dims[0], b, b, depth, x->dims[2], x->dims[3] };
		uint64_t columns[6] = { x->dims[0], depth, b, b, x->dims[2], x->dims[3] };
		uint64_t dims[4] = { x->dims[0], depth, x->dims[2] * b, x->dims[3] * b };

		return rearrange(call, crd ? columns : dcr, crd ? column_first : depth_first, dims);
	}
}

snnfit_status
run_space_to_depth(struct call *call)
{
	static const uint32_t order[6] = { 0, 3, 5, 1, 2, 4 };
	static const uint32_t channel_first[6] = { 0, 1, 3, 5, 2, 4 };
	const struct tensor *x = call_input(call, 0);
	bool crd = false;
	uint64_t b = 0;
	snnfit_status status = read_blocks(call, &b, &crd);

	if (status != SNNFIT_OK)
		return status;
	if (x->dims[2] % b || x->dims[3] % b)
		return call_fail(call, SNNFIT_EFORMAT, "the image is no multiple of the block");
	{
		uint64_t factors[6] = {
			x->dims[0], x->dims[1], x->dims[2] / b, b, x->dims[3] / b, b
		};
		uint64_t dims[4] = { x->dims[0], x->dims[1] * b * b, x->dims[2] / b,
				     x->dims[3] / b };

		return rearrange(call, factors, crd ? channel_first : order, dims);
	}
}

/* --- Pad -------------------------------------------------------------------------------- */

enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };

/* Where the element at i of the padded axis comes from; -1: from nowhere. */
static int64_t
pad_source(enum pad_mode mode, int64_t i, int64_t size)
{
	if (i >= 0 && i < size)
		return i;
	if (mode == PAD_CONSTANT || size <= 0)
		return -1;
	if (mode == PAD_EDGE)
		return i < 0 ? 0 : size - 1;
	if (mode == PAD_WRAP)
		return (i % size + size) % size;
	if (size == 1)
		return 0;
	i = (i % (2 * size - 2) + 2 * size - 2) % (2 * size - 2);
	return i < size ? i : 2 * size - 2 - i;
}

static bool
pad_mode_of(const char *name, enum pad_mode *mode)
{
	static const char *const names[] = { "constant", "reflect", "edge", "wrap" };
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(name, names[i])) {
			*mode = (enum pad_mode)i;
			return true;
		}
	return false;
}

/* A negative pad cuts from x; the others are filled from what is left of it. */
struct padding {
	enum pad_mode mode;
	int64_t begin[TENSOR_DIMS_MAX];			       /* where x begins in the result */
	int64_t first[TENSOR_DIMS_MAX], size[TENSOR_DIMS_MAX]; /* left of x */
	uint64_t dims[TENSOR_DIMS_MAX];			       /* of the result */
	int64_t strides[TENSOR_DIMS_MAX];
	char fill[8];
};

static snnfit_status
read_padding(struct call *call, const struct tensor *x, struct padding *padding)
{
	int64_t pads[2 * TENSOR_DIMS_MAX], axes[TENSOR_DIMS_MAX];
	uint32_t count = 0, axis_count = 0, i;
	char room[NODE_TEXT_BYTES];
	bool given, axes_given;
	snnfit_status status;

	if (!pad_mode_of(node_text(call->node, "mode", "constant", room), &padding->mode))
		return call_fail(call, SNNFIT_EUNSUPPORTED, "mode '%s'", room);
	status = call_ints(call, 1, "pads", pads, 2 * TENSOR_DIMS_MAX, &count, &given);
	if (status == SNNFIT_OK)
		status = call_ints(call, 3, NULL, axes, TENSOR_DIMS_MAX, &axis_count, &axes_given);
	if (status != SNNFIT_OK)
		return status;
	if (!axes_given)
		axis_count = x->rank;
	if (count != 2 * axis_count)
		return call_fail(call, SNNFIT_EFORMAT, "%u pads for %u axes", count, axis_count);
	for (i = 0; i < x->rank; i++) {
		padding->begin[i] = padding->first[i] = 0;
		padding->size[i] = (int64_t)x->dims[i];
	}
	memcpy(padding->dims, x->dims, sizeof padding->dims);
	strides_of(x->rank, x->dims, padding->strides);
	for (i = 0; i < axis_count; i++) {
		int64_t axis = axes_given ? axes[i] : i, size;

		if (!axis_normalize(&axis, x->rank) || pads[i] > INT32_MAX ||
		    pads[i] < -INT32_MAX || pads[i + axis_count] > INT32_MAX ||
		    pads[i + axis_count] < -INT32_MAX)
			return call_fail(call, SNNFIT_EFORMAT, "an axis or pad that cannot be");
		size = (int64_t)x->dims[axis] + pads[i] + pads[i + axis_count];
		padding->begin[axis] = pads[i];
		padding->first[axis] = pads[i] < 0 ? -pads[i] : 0;
		padding->size[axis] -= padding->first[axis];
		if (pads[i + axis_count] < 0)
			padding->size[axis] += pads[i + axis_count];
		padding->dims[axis] = size > 0 ? (uint64_t)size : 0;
	}
	return SNNFIT_OK;
}

static void
read_fill(struct call *call, const struct tensor *x, char fill[8])
{
	const struct tensor *value = call_input(call, 2);

	memset(fill, 0, 8);
	if (value && value->type == x->type && value->count == 1)
		memcpy(fill, value->data, type_bytes(x->type));
	else if (!value && node_attribute(call->node, "value"))
		element_set_double(x->type, fill, 0, (double)node_float(call->node, "value", 0));
}

snnfit_status
run_pad(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	struct padding padding;
	uint64_t index[TENSOR_DIMS_MAX] = { 0 }, i, count;
	size_t bytes;
	snnfit_status status = need_array(call, 0);
	char *out;
	uint32_t d;

	if (status == SNNFIT_OK)
		status = read_padding(call, x, &padding);
	if (status != SNNFIT_OK)
		return status;
	read_fill(call, x, padding.fill);
	out = call_output(call, 0, x->type, x->rank, padding.dims);
	if (!out)
		return call->status;
	bytes = type_bytes(x->type);
	count = dims_product(padding.dims, 0, x->rank);
	for (i = 0; i < count; i++) {
		const char *from = x->data;
		int64_t at = 0;

		for (d = 0; d < x->rank && at >= 0; d++) {
			int64_t first = padding.first[d];
			int64_t source = pad_source(padding.mode,
						    (int64_t)index[d] - padding.begin[d] - first,
						    padding.size[d]);

			at = source < 0 ? -1 : at + (first + source) * padding.strides[d];
		}
		memcpy(out + i * bytes, at < 0 ? padding.fill : from + at * (int64_t)bytes, bytes);
		for (d = x->rank; d-- > 0;) {
			if (++index[d] < padding.dims[d])
				break;
			index[d] = 0;
		}
	}
	return SNNFIT_OK;
}
