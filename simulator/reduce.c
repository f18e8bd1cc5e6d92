#include "simulator/reduce.h"

#include "simulator/operators.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- one number out of many ------------------------------------------------------ */

struct real_sum {
	double value, largest; /* LOG_SUM_EXP: scaled by exp(-largest) */
	uint64_t count;
};

static void
real_begin(struct real_sum *sum, enum reduction reduction)
{
	*sum = (struct real_sum){ .largest = -INFINITY };
	sum->value = reduction == REDUCE_PROD  ? 1
		     : reduction == REDUCE_MAX ? -INFINITY
		     : reduction == REDUCE_MIN ? INFINITY
					       : 0;
}

static void
real_add_exp(struct real_sum *sum, double x)
{
	if (x > sum->largest) {
		sum->value = sum->value * exp(sum->largest - x) + 1;
		sum->largest = x;
	} else if (x != -INFINITY) {
		sum->value += exp(x - sum->largest);
	}
}

static void
real_add(struct real_sum *sum, enum reduction reduction, double x)
{
	sum->count++;
	switch (reduction) {
	case REDUCE_SUM:
	case REDUCE_MEAN:
	case REDUCE_LOG_SUM:
		sum->value += x;
		break;
	case REDUCE_MAX:
		sum->value = x > sum->value || isnan(x) ? x : sum->value;
		break;
	case REDUCE_MIN:
		sum->value = x < sum->value || isnan(x) ? x : sum->value;
		break;
	case REDUCE_PROD:
		sum->value *= x;
		break;
	case REDUCE_L1:
		sum->value += fabs(x);
		break;
	case REDUCE_L2:
	case REDUCE_SUM_SQUARE:
		sum->value += x * x;
		break;
	case REDUCE_LOG_SUM_EXP:
		real_add_exp(sum, x);
		break;
	}
}

static double
real_end(const struct real_sum *sum, enum reduction reduction)
{
	switch (reduction) {
	case REDUCE_MEAN:
		return sum->value / (double)sum->count;
	case REDUCE_L2:
		return sqrt(sum->value);
	case REDUCE_LOG_SUM:
		return log(sum->value);
	case REDUCE_LOG_SUM_EXP:
		return sum->value == 0 ? -INFINITY : log(sum->value) + sum->largest;
	default:
		return sum->value;
	}
}

/* Integers are summed exactly, wrapping. Of an empty list the extremes are those of
 * the type. */
static int64_t
int_begin(enum reduction reduction, int32_t type)
{
	unsigned bits = (unsigned)type_bytes(type) * 8;

	if (reduction == REDUCE_PROD)
		return 1;
	if (reduction == REDUCE_MAX)
		return type_is_unsigned(type) ? 0 : (int64_t)(UINT64_MAX << (bits - 1));
	if (reduction == REDUCE_MIN)
		return type == TYPE_BOOL
			       ? 1
			       : (int64_t)(UINT64_MAX >> (64 - bits + !type_is_unsigned(type)));
	return 0;
}

static int64_t
int_add(int64_t sum, enum reduction reduction, int64_t x, bool is_unsigned)
{
	uint64_t magnitude = x < 0 && !is_unsigned ? 0 - (uint64_t)x : (uint64_t)x;

	switch (reduction) {
	case REDUCE_MAX:
		return (is_unsigned ? (uint64_t)x > (uint64_t)sum : x > sum) ? x : sum;
	case REDUCE_MIN:
		return (is_unsigned ? (uint64_t)x < (uint64_t)sum : x < sum) ? x : sum;
	case REDUCE_PROD:
		return (int64_t)((uint64_t)sum * (uint64_t)x);
	case REDUCE_L1:
		return (int64_t)((uint64_t)sum + magnitude);
	case REDUCE_L2:
	case REDUCE_SUM_SQUARE:
		return (int64_t)((uint64_t)sum + magnitude * magnitude);
	default:
		return (int64_t)((uint64_t)sum + (uint64_t)x);
	}
}

static int64_t
int_end(int64_t sum, enum reduction reduction, uint64_t count)
{
	switch (reduction) {
	case REDUCE_MEAN:
		return count ? sum / (int64_t)count : 0;
	case REDUCE_L2:
		return (int64_t)sqrt((double)sum);
	case REDUCE_LOG_SUM:
		return (int64_t)log((double)sum);
	default:
		return sum;
	}
}

/* --- over axes ---------------------------------------------------------------------- */

/* The elements that make one result, and the results: dims of each. */
struct fold {
	uint64_t kept[TENSOR_DIMS_MAX], gone[TENSOR_DIMS_MAX];
	uint64_t kept_strides[TENSOR_DIMS_MAX], gone_strides[TENSOR_DIMS_MAX];
	uint32_t kept_rank, gone_rank;
};

static uint64_t
offset_of(uint64_t i, uint32_t rank, const uint64_t *dims, const uint64_t *strides)
{
	uint64_t at = 0;
	uint32_t d;

	for (d = rank; d-- > 0; i /= dims[d])
		at += i % dims[d] * strides[d];
	return at;
}

static void
fold_init(struct fold *fold, const struct tensor *x, unsigned axes)
{
	uint64_t stride = x->count;
	uint32_t d;

	fold->kept_rank = fold->gone_rank = 0;
	for (d = 0; d < x->rank; d++) {
		stride = x->dims[d] ? stride / x->dims[d] : 0;
		if (axes >> d & 1) {
			fold->gone[fold->gone_rank] = x->dims[d];
			fold->gone_strides[fold->gone_rank++] = stride;
		} else {
			fold->kept[fold->kept_rank] = x->dims[d];
			fold->kept_strides[fold->kept_rank++] = stride;
		}
	}
}

static void
fold_one(const struct tensor *x, enum reduction reduction, const struct fold *fold, uint64_t first,
	 uint64_t each, void *out, uint64_t at)
{
	bool real = type_is_float(x->type) || reduction == REDUCE_LOG_SUM_EXP;
	bool is_unsigned = type_is_unsigned(x->type);
	int64_t sum = real ? 0 : int_begin(reduction, x->type);
	struct real_sum reals;
	uint64_t i;

	real_begin(&reals, reduction);
	for (i = 0; i < each; i++) {
		uint64_t from = first +
				offset_of(i, fold->gone_rank, fold->gone, fold->gone_strides);

		if (real)
			real_add(&reals, reduction, element_double(x->type, x->data, from));
		else
			sum = int_add(sum, reduction, element_int(x->type, x->data, from),
				      is_unsigned);
	}
	if (real)
		element_set_double(x->type, out, at, real_end(&reals, reduction));
	else
		element_set_int(x->type, out, at, int_end(sum, reduction, each));
}

static snnfit_status
reduced_axes(struct call *call, const struct tensor *x, unsigned *axes)
{
	int64_t list[TENSOR_DIMS_MAX];
	uint32_t count = 0, i;
	bool given;
	snnfit_status status;

	status = call_ints(call, 1, "axes", list, TENSOR_DIMS_MAX, &count, &given);
	if (status != SNNFIT_OK)
		return status;
	*axes = 0;
	for (i = 0; i < count; i++) {
		if (!axis_normalize(&list[i], x->rank))
			return call_fail(call, SNNFIT_EFORMAT, "an axis that it does not have");
		*axes |= 1u << list[i];
	}
	if (count == 0 && !node_int(call->node, "noop_with_empty_axes", 0))
		*axes = (1u << x->rank) - 1;
	return SNNFIT_OK;
}

snnfit_status
run_reduce(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	enum reduction reduction = (enum reduction)call->node->operator->element;
	bool keep = node_int(call->node, "keepdims", 1) != 0;
	uint64_t dims[TENSOR_DIMS_MAX], results, each, i;
	uint32_t d, rank = 0;
	struct fold fold;
	unsigned axes;
	void *out;
	snnfit_status status;

	if (!x || x->type == TYPE_NONE)
		return call_fail(call, SNNFIT_EFORMAT, "input 0 is missing");
	status = reduced_axes(call, x, &axes);
	if (status != SNNFIT_OK)
		return status;
	for (d = 0; d < x->rank; d++)
		if (!(axes >> d & 1))
			dims[rank++] = x->dims[d];
		else if (keep)
			dims[rank++] = 1;
	out = call_output(call, 0, x->type, rank, dims);
	if (!out)
		return call->status;
	fold_init(&fold, x, axes);
	results = dims_product(fold.kept, 0, fold.kept_rank);
	each = dims_product(fold.gone, 0, fold.gone_rank);
	for (i = 0; i < results; i++)
		fold_one(x, reduction, &fold,
			 offset_of(i, fold.kept_rank, fold.kept, fold.kept_strides), each, out, i);
	return SNNFIT_OK;
}

/* --- along one axis -------------------------------------------------------------------- */

/* The array as [outer][size][inner]. */
struct lines {
	uint64_t outer, size, inner;
};

static snnfit_status
lines_of(struct call *call, const struct tensor *x, int64_t *axis, struct lines *lines)
{
	*lines = (struct lines){ 0, 0, 0 };
	if (!x || x->type == TYPE_NONE || !axis_normalize(axis, x->rank))
		return call_fail(call, SNNFIT_EFORMAT, "an axis that it does not have");
	lines->outer = dims_product(x->dims, 0, (uint32_t)*axis);
	lines->size = x->dims[*axis];
	lines->inner = dims_product(x->dims, (uint32_t)*axis + 1, x->rank);
	return SNNFIT_OK;
}

static snnfit_status
arg_extreme(struct call *call, bool largest)
{
	const struct tensor *x = call_input(call, 0);
	int64_t axis = node_int(call->node, "axis", 0), *out;
	bool keep = node_int(call->node, "keepdims", 1) != 0;
	bool last = node_int(call->node, "select_last_index", 0) != 0;
	uint64_t dims[TENSOR_DIMS_MAX], i, k, first, best;
	uint32_t d, rank = 0;
	struct lines lines;
	snnfit_status status = lines_of(call, x, &axis, &lines);

	if (status != SNNFIT_OK)
		return status;
	for (d = 0; d < x->rank; d++)
		if (d != axis || keep)
			dims[rank++] = d == axis ? 1 : x->dims[d];
	out = call_output(call, 0, TYPE_INT64, rank, dims);
	if (!out)
		return call->status;
	for (i = 0; i < lines.outer * lines.inner; i++) {
		first = i / lines.inner * lines.size * lines.inner + i % lines.inner;
		for (k = 1, best = 0; k < lines.size; k++) {
			double a = element_double(x->type, x->data, first + k * lines.inner);
			double b = element_double(x->type, x->data, first + best * lines.inner);

			if ((largest ? a > b : a < b) || (last && a == b))
				best = k;
		}
		out[i] = (int64_t)best;
	}
	return SNNFIT_OK;
}

snnfit_status
run_arg_max(struct call *call)
{
	return arg_extreme(call, true);
}

snnfit_status
run_arg_min(struct call *call)
{
	return arg_extreme(call, false);
}

snnfit_status
run_cum_sum(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	bool exclusive = node_int(call->node, "exclusive", 0) != 0;
	bool reverse = node_int(call->node, "reverse", 0) != 0;
	uint64_t i, k, at;
	int64_t axis = 0;
	struct lines lines;
	void *out;
	snnfit_status status = call_int(call, 1, 0, &axis);

	if (status == SNNFIT_OK)
		status = lines_of(call, x, &axis, &lines);
	if (status != SNNFIT_OK)
		return status;
	out = call_output(call, 0, x->type, x->rank, x->dims);
	if (!out)
		return call->status;
	for (i = 0; i < lines.outer * lines.inner; i++) {
		double real = 0, before;
		int64_t sum = 0, sum_before;

		for (k = 0; k < lines.size; k++) {
			at = i / lines.inner * lines.size * lines.inner + i % lines.inner +
			     (reverse ? lines.size - 1 - k : k) * lines.inner;
			before = real;
			sum_before = sum;
			real += element_double(x->type, x->data, at);
			if (!type_is_float(x->type)) {
				sum = (int64_t)((uint64_t)sum +
						(uint64_t)element_int(x->type, x->data, at));
				element_set_int(x->type, out, at, exclusive ? sum_before : sum);
			} else {
				element_set_double(x->type, out, at, exclusive ? before : real);
			}
		}
	}
	return SNNFIT_OK;
}

/* --- softmax and its kin: before version 13 over all axes from the given one on -------- */

enum softmax { SOFTMAX, LOG_SOFTMAX, HARDMAX };

static void
softmax_line(enum softmax kind, const struct tensor *x, const struct lines *lines, uint64_t first,
	     void *out)
{
	double largest = -INFINITY, sum = 0, value;
	uint64_t k, best = 0;

	for (k = 0; k < lines->size; k++) {
		value = element_double(x->type, x->data, first + k * lines->inner);
		if (value > largest) {
			largest = value;
			best = k;
		}
	}
	for (k = 0; k < lines->size; k++)
		sum += exp(element_double(x->type, x->data, first + k * lines->inner) - largest);
	for (k = 0; k < lines->size; k++) {
		value = element_double(x->type, x->data, first + k * lines->inner) - largest;
		value = kind == SOFTMAX	      ? exp(value) / sum
			: kind == LOG_SOFTMAX ? value - log(sum)
					      : (double)(k == best);
		element_set_double(x->type, out, first + k * lines->inner, value);
	}
}

static snnfit_status
softmax(struct call *call, enum softmax kind)
{
	const struct tensor *x = call_input(call, 0);
	bool flat = call->node->version < 13;
	int64_t axis = node_int(call->node, "axis", flat ? 1 : -1);
	struct lines lines;
	uint64_t i;
	void *out;
	snnfit_status status = lines_of(call, x, &axis, &lines);

	if (status != SNNFIT_OK)
		return status;
	if (flat) {
		lines.size *= lines.inner;
		lines.inner = 1;
	}
	out = call_output(call, 0, x->type, x->rank, x->dims);
	if (!out)
		return call->status;
	for (i = 0; i < lines.outer * lines.inner; i++)
		softmax_line(kind, x, &lines,
			     i / lines.inner * lines.size * lines.inner + i % lines.inner, out);
	return SNNFIT_OK;
}

snnfit_status
run_softmax(struct call *call)
{
	return softmax(call, SOFTMAX);
}

snnfit_status
run_log_softmax(struct call *call)
{
	return softmax(call, LOG_SOFTMAX);
}

snnfit_status
run_hardmax(struct call *call)
{
	return softmax(call, HARDMAX);
}

/* --- TopK ---------------------------------------------------------------------------------- */

struct ranked {
	double value;
	uint64_t index;
};

static int
by_value(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

snnfit_status
run_top_k(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	int64_t k = node_int(call->node, "k", 0), axis = node_int(call->node, "axis", -1);
	double sign = node_int(call->node, "largest", 1) ? -1 : 1;
	uint64_t dims[TENSOR_DIMS_MAX], i, j, at;
	struct tensor scratch;
	struct ranked *line;
	struct lines lines;
	int64_t *indices;
	void *values;
	snnfit_status status = lines_of(call, x, &axis, &lines);

	if (status == SNNFIT_OK)
		status = call_int(call, 1, k, &k);
	if (status != SNNFIT_OK)
		return status;
	if (call->output_count < 2)
		return call_fail(call, SNNFIT_EFORMAT, "it has two outputs");
	if (k < 0 || (uint64_t)k > lines.size)
		return call_fail(call, SNNFIT_EUNSUPPORTED, "more than there are");
	memcpy(dims, x->dims, sizeof dims);
	dims[axis] = (uint64_t)k;
	values = call_output(call, 0, x->type, x->rank, dims);
	indices = values ? call_output(call, 1, TYPE_INT64, x->rank, dims) : NULL;
	line = indices ? call_scratch(call, &scratch, lines.size * sizeof *line) : NULL;
	if (!line)
		return call->status;
	for (i = 0; i < lines.outer * lines.inner; i++) {
		uint64_t first = i / lines.inner * lines.size * lines.inner + i % lines.inner;

		for (j = 0; j < lines.size; j++) {
			at = first + j * lines.inner;
			line[j] = (struct ranked){ sign * element_double(x->type, x->data, at), j };
		}
		qsort(line, (size_t)lines.size, sizeof *line, by_value);
		for (j = 0; j < (uint64_t)k; j++) {
			at = (i / lines.inner * (uint64_t)k + j) * lines.inner + i % lines.inner;
			indices[at] = (int64_t)line[j].index;
			element_set_double(x->type, values, at, sign * line[j].value);
		}
	}
	call_scratch_free(call, &scratch);
	return SNNFIT_OK;
}
