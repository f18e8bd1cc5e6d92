/* axis_mixing_rules.c - operators that take positions of an axis together: sums, pads, scatters. */
#include "importer/axis_rules.h"

#include <string.h>

static const struct operation *
operation_at(const struct axes *axes, uint32_t index)
{
	return &axes->program->operations[index];
}

/* --- reductions ---------------------------------------------------------------------- */

static bool
reduced_axes(struct axes *axes, const struct operation *operation, uint32_t rank, bool *reduced)
{
	uint32_t count, i, axis;
	const struct number *list = rule_numbers(axes, operation, 1, "axes", &count);

	if (!list && rule_operand(axes, operation, 1))
		return false;
	if (!list || !count) {
		for (i = 0; i < rank; i++)
			reduced[i] = !operation_int(operation, "noop_with_empty_axes", 0);
		return true;
	}
	for (i = 0; i < count; i++) {
		if (!axis_at(list[i].value, rank, &axis))
			return false;
		reduced[axis] = true;
	}
	return true;
}

/* Units that are zero when silent may leave a sum: whether they are is seen later. */
static bool
adds_up(const struct operation *operation)
{
	return operation_is(operation, "ReduceSum") || operation_is(operation, "ReduceL1") ||
	       operation_is(operation, "ReduceL2") || operation_is(operation, "ReduceSumSquare");
}

void
axes_note_total(struct axes *axes, uint32_t index, struct axis axis)
{
	if (!arena_grow(axes->arena, &axes->sums, axes->sum_count, &axes->sum_capacity,
			sizeof *axes->sums))
		axes->out_of_memory = true;
	else
		axes->sums[axes->sum_count++] = (struct axis_total){ index, axis };
}

static void
set_reduced(struct axes *axes, const struct operation *operation, const struct tensor_axes *x,
	    const bool *reduced)
{
	struct axis out[AXES_RANK_MAX];
	uint32_t d, rank = 0;

	for (d = 0; d < x->rank; d++)
		if (!reduced[d])
			out[rank++] = x->axes[d];
		else if (operation_int(operation, "keepdims", 1))
			out[rank++] = (struct axis){ 0 };
	axes_set(axes, rule_result(operation, 0), rank, out);
}

bool
rule_reduce(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	const char *reason = rule_reason(axes, operation, "%s takes its units together");
	bool reduced[AXES_RANK_MAX] = { false };
	uint32_t d;

	if (!x || !reduced_axes(axes, operation, x->rank, reduced))
		return false;
	for (d = 0; d < x->rank; d++) {
		if (!reduced[d] || !x->axes[d].count)
			continue;
		if (adds_up(operation))
			axes_note_total(axes, index, x->axes[d]);
		else
			axis_freeze(axes, x->axes[d], reason);
	}
	set_reduced(axes, operation, x, reduced);
	return true;
}

/* ArgMax: which unit it is depends on all of them, and so does its number. */
bool
rule_arg(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	bool reduced[AXES_RANK_MAX] = { false };
	uint32_t axis;

	if (!x || !axis_at(operation_int(operation, "axis", 0), x->rank, &axis))
		return false;
	axis_freeze(axes, x->axes[axis],
		    rule_reason(axes, operation,
				"%s compares its units with each other (lateral inhibition)"));
	reduced[axis] = true;
	set_reduced(axes, operation, x, reduced);
	return true;
}

/* --- over an axis, which stays ------------------------------------------------------------- */

/* Up to opset 12 it goes over all axes from this one on. */
bool
rule_softmax(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	uint32_t axis = 0, d;

	if (!x || !x->rank)
		return false;
	if (operation_attribute(operation, "axis") &&
	    !axis_at(operation_int(operation, "axis", 0), x->rank, &axis))
		return false;
	for (d = axis; d < x->rank; d++)
		axis_freeze(axes, x->axes[d],
			    rule_reason(axes, operation, "%s takes its units together"));
	axes_set(axes, rule_result(operation, 0), x->rank, x->axes);
	return true;
}

bool
rule_cumsum(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	double number;
	uint32_t axis;

	if (!x || operation->operand_count < 2 || operation->operands[1] == NO_VALUE ||
	    !constant_scalar(axes->constants, operation->operands[1], &number) ||
	    !axis_at((int64_t)number, x->rank, &axis))
		return false;
	axis_freeze(axes, x->axes[axis],
		    rule_reason(axes, operation, "%s takes its units together"));
	axes_set(axes, rule_result(operation, 0), x->rank, x->axes);
	return true;
}

bool
rule_instance_normalization(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	uint32_t i;

	if (!x || x->rank < 3)
		return false;
	for (i = 1; i < 3; i++) {
		const struct tensor_axes *parameter = rule_operand(axes, operation, i);

		if (!parameter || parameter->rank != 1)
			return false;
		axis_unify(axes, x->axes[1], parameter->axes[0],
			   "InstanceNormalization has parameters of another size");
	}
	for (i = 2; i < x->rank; i++)
		axis_freeze(axes, x->axes[i], "a spatial axis");
	axes_set(axes, rule_result(operation, 0), x->rank, x->axes);
	return true;
}

/* With a seed, which unit gets which number depends on how many there are. */
bool
rule_random_like(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	uint32_t d;

	if (!x)
		return false;
	for (d = 0; operation_attribute(operation, "seed") && d < x->rank; d++)
		axis_freeze(axes, x->axes[d],
			    rule_reason(axes, operation,
					"%s has a seed: the units left would get other numbers"));
	axes_set(axes, rule_result(operation, 0), x->rank, x->axes);
	return true;
}

/* --- more than there was -------------------------------------------------------------------- */

/* pads: of every axis, or of those listed. begin and end of axis d are added up. */
static bool
padding_of(struct axes *axes, const struct operation *operation, uint32_t rank, int64_t *begin,
	   int64_t *end)
{
	uint32_t count, listed, i, axis;
	const struct number *pads = rule_numbers(axes, operation, 1, "pads", &count);
	const struct number *list = rule_numbers(axes, operation, 3, NULL, &listed);

	if (!pads || count % 2 || (!list && rule_operand(axes, operation, 3)) ||
	    count / 2 != (list ? listed : rank))
		return false;
	for (i = 0; i < count / 2; i++) {
		if (!axis_at(list ? list[i].value : (int64_t)i, rank, &axis))
			return false;
		begin[axis] = pads[i].value;
		end[axis] = pads[i + count / 2].value;
	}
	return true;
}

bool
rule_pad(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	int64_t begin[AXES_RANK_MAX] = { 0 }, end[AXES_RANK_MAX] = { 0 };
	struct axis out[AXES_RANK_MAX];
	uint32_t d;

	if (!x || !padding_of(axes, operation, x->rank, begin, end))
		return false;
	for (d = 0; d < x->rank; d++) {
		int64_t size = (int64_t)axis_size(axes, x->axes[d]);

		out[d] = x->axes[d];
		if (!begin[d] && !end[d])
			continue;
		if (size < 0 || __builtin_add_overflow(size, begin[d], &size) ||
		    __builtin_add_overflow(size, end[d], &size) || size < 0)
			return false;
		axis_freeze(axes, x->axes[d],
			    rule_reason(axes, operation, "%s adds to both ends of it"));
		out[d] = axis_fresh(axes, (uint64_t)size, "a padded axis");
	}
	axes_set(axes, rule_result(operation, 0), x->rank, out);
	return true;
}

/* n times the whole axis, one after the other; an axis of 1 becomes one of n. */
static struct axis
repeated(struct axes *axes, struct axis axis, const struct number *times)
{
	struct axis out[2] = { { 0 }, axis };

	if (!axis.count) {
		out[0] = axis_fresh(axes, (uint64_t)times->value, NULL);
		rule_bind_number(axes, out[0], times);
		return out[0];
	}
	if (times->source == NUMBER_AXIS)
		axis_freeze(axes, times->axis, "its size is used as a number");
	out[0] = axis_fresh(axes, (uint64_t)times->value, "a repetition");
	return axis_product(axes, out, 2);
}

bool
rule_tile(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	struct axis out[AXES_RANK_MAX];
	uint32_t count, d;
	const struct number *repeats = rule_numbers(axes, operation, 1, NULL, &count);

	if (!x || !repeats || count != x->rank)
		return false;
	for (d = 0; d < x->rank; d++)
		if (repeats[d].value < 1)
			return false;
	for (d = 0; d < x->rank; d++)
		out[d] = repeated(axes, x->axes[d], &repeats[d]);
	axes_set(axes, rule_result(operation, 0), x->rank, out);
	return true;
}

/* --- scatters --------------------------------------------------------------------- */

/* updates: the leading axes of indices, then the axes of data that are not indexed. */
bool
rule_scatter_nd(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *data = rule_operand(axes, operation, 0);
	const struct tensor_axes *indices = rule_operand(axes, operation, 1);
	const struct tensor_axes *updates = rule_operand(axes, operation, 2);
	uint32_t rows, d;
	uint64_t indexed;

	if (!data || !indices || !updates || !indices->rank)
		return false;
	rows = indices->rank - 1;
	indexed = axis_size(axes, indices->axes[rows]);
	if (indexed > data->rank || updates->rank != rows + data->rank - indexed)
		return false;
	axis_freeze(axes, indices->axes[rows], "a rank");
	for (d = 0; d < rows; d++)
		axis_unify(axes, indices->axes[d], updates->axes[d], "sizes do not agree");
	for (d = 0; d < indexed; d++)
		axis_freeze(axes, data->axes[d],
			    rule_reason(axes, operation, "%s picks units by number"));
	for (d = (uint32_t)indexed; d < data->rank; d++)
		axis_unify(axes, data->axes[d], updates->axes[rows + d - (uint32_t)indexed],
			   "sizes do not agree");
	axes_set(axes, rule_result(operation, 0), data->rank, data->axes);
	return true;
}

/* Indices have the rank of data; where they are as long, position by position. */
static bool
elements_axes(struct axes *axes, const struct operation *operation, const struct tensor_axes *data,
	      const struct tensor_axes *indices)
{
	const char *reason = rule_reason(axes, operation, "%s picks units by number");
	uint32_t axis, d;

	if (!data || !indices || data->rank != indices->rank ||
	    !axis_at(operation_int(operation, "axis", 0), data->rank, &axis))
		return false;
	for (d = 0; d < data->rank; d++) {
		if (d != axis &&
		    axis_size(axes, data->axes[d]) == axis_size(axes, indices->axes[d])) {
			axis_unify(axes, data->axes[d], indices->axes[d], reason);
			continue;
		}
		axis_freeze(axes, data->axes[d], reason);
		axis_freeze(axes, indices->axes[d], reason);
	}
	return true;
}

bool
rule_scatter_elements(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *data = rule_operand(axes, operation, 0);
	const struct tensor_axes *indices = rule_operand(axes, operation, 1);
	const struct tensor_axes *updates = rule_operand(axes, operation, 2);
	uint32_t d;

	if (!updates || !indices || updates->rank != indices->rank ||
	    !elements_axes(axes, operation, data, indices))
		return false;
	for (d = 0; d < indices->rank; d++)
		axis_unify(axes, indices->axes[d], updates->axes[d], "sizes do not agree");
	axes_set(axes, rule_result(operation, 0), data->rank, data->axes);
	return true;
}

bool
rule_gather_elements(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *indices = rule_operand(axes, operation, 1);

	if (!elements_axes(axes, operation, rule_operand(axes, operation, 0), indices))
		return false;
	axes_set(axes, rule_result(operation, 0), indices->rank, indices->axes);
	return true;
}
