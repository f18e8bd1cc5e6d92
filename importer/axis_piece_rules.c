/* axis_piece_rules.c - what takes an axis apart: Slice, Split, Gather. */
#include "importer/axis_rules.h"

#include <string.h>

static const struct operation *
operation_at(const struct axes *axes, uint32_t index)
{
	return &axes->program->operations[index];
}

/* [start, end) of the axis, or NULL and frozen: it cannot be followed there. */
static struct axis
piece(struct axes *axes, struct axis axis, uint64_t start, uint64_t end, const char *reason,
      bool *followed)
{
	struct axis out;

	*followed = axis_part(axes, axis, start, end, &out);
	if (*followed)
		return out;
	axis_freeze(axes, axis, reason);
	return axis_fresh(axes, end - start, reason);
}

/* A bound that stands in the file as a number moves with the units before it, or
 * after it when it is counted from the end. */
static void
bind_bound(struct axes *axes, struct axis axis, uint64_t at, const struct number *number)
{
	uint64_t size = axis_size(axes, axis);
	struct axis part = axis;

	if (at == 0 || at >= size)
		return;
	if (axis_part(axes, axis, number->value < 0 ? at : 0, number->value < 0 ? size : at, &part))
		rule_bind_number(axes, part, number);
}

/* --- Slice ---------------------------------------------------------------------------- */

struct bounds {
	const struct number *starts, *ends, *axes, *steps;
	uint32_t count;
};

static bool
read_bounds(struct axes *axes, const struct operation *operation, struct bounds *out)
{
	uint32_t ends, listed, steps;

	out->starts = rule_numbers(axes, operation, 1, "starts", &out->count);
	out->ends = rule_numbers(axes, operation, 2, "ends", &ends);
	out->axes = rule_numbers(axes, operation, 3, "axes", &listed);
	out->steps = rule_numbers(axes, operation, 4, NULL, &steps);
	return out->starts && out->ends && ends == out->count &&
	       (out->axes ? listed == out->count : !rule_operand(axes, operation, 3)) &&
	       (out->steps ? steps == out->count : !rule_operand(axes, operation, 4));
}

/* [start, end) clamped to the axis, for step 1. */
static void
clamp_range(int64_t *start, int64_t *end, int64_t size)
{
	*start += *start < 0 ? size : 0;
	*end += *end < 0 ? size : 0;
	*start = *start < 0 ? 0 : *start > size ? size : *start;
	*end = *end < *start ? *start : *end > size ? size : *end;
}

static void
slice_numbers(struct axes *axes, const struct operation *operation, const struct tensor_axes *x,
	      int64_t start, int64_t end)
{
	if (x->numbers && x->rank == 1 && start <= end && end <= x->number_count)
		rule_set_numbers(axes, rule_result(operation, 0), x->numbers + start,
				 (uint32_t)(end - start));
}

/* One axis of a Slice. */
static struct axis
sliced(struct axes *axes, struct axis axis, const struct number *first, const struct number *last)
{
	int64_t start = first->value, end = last->value, size = (int64_t)axis_size(axes, axis);
	struct axis out;
	bool followed;

	/* A whole axis stays what it is, if it would also when it is shorter. */
	if (start == 0 && end >= size)
		return axis;
	clamp_range(&start, &end, size);
	out = piece(axes, axis, (uint64_t)start, (uint64_t)end, "a Slice takes a part of it",
		    &followed);
	if (followed) {
		bind_bound(axes, axis, (uint64_t)start, first);
		bind_bound(axes, axis, (uint64_t)end, last);
	}
	return out;
}

/* Then nor has a part of it. */
static bool
has_no_number(struct axes *axes, struct axis axis)
{
	return axis_size(axes, axis) >= AXES_FIRST_SYMBOL;
}

static struct axis
thinned(struct axes *axes, const struct operation *operation, struct axis axis,
	const struct number *first, const struct number *last, int64_t step)
{
	const char *reason = rule_reason(axes, operation, "%s takes every so many of it");
	int64_t start = first->value;

	axis_freeze(axes, axis, reason);
	return axis_fresh(axes,
			  slice_size(&start, last->value, step, (int64_t)axis_size(axes, axis)),
			  reason);
}

bool
rule_slice(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	struct axis out[AXES_RANK_MAX];
	struct bounds bounds;
	int64_t start, end;
	bool straight = true;
	uint32_t i, axis;

	if (!x || !read_bounds(axes, operation, &bounds))
		return false;
	memcpy(out, x->axes, x->rank * sizeof *out);
	for (i = 0; i < bounds.count; i++) {
		int64_t step = bounds.steps ? bounds.steps[i].value : 1;

		if (!axis_at(bounds.axes ? bounds.axes[i].value : (int64_t)i, x->rank, &axis) ||
		    !step || (step != 1 && has_no_number(axes, out[axis])))
			return false;
		straight = straight && step == 1;
		out[axis] = step == 1 ? sliced(axes, out[axis], &bounds.starts[i], &bounds.ends[i])
				      : thinned(axes, operation, out[axis], &bounds.starts[i],
						&bounds.ends[i], step);
	}
	axes_set(axes, rule_result(operation, 0), x->rank, out);
	if (bounds.count != 1 || !straight)
		return true;
	start = bounds.starts[0].value;
	end = bounds.ends[0].value;
	clamp_range(&start, &end, x->number_count);
	slice_numbers(axes, operation, x, start, end);
	return true;
}

/* --- Split ------------------------------------------------------------------------------ */

/* Sizes that are not written (equal parts) cannot be changed: then all freezes. */
static bool
split_sizes(struct axes *axes, const struct operation *operation, uint64_t size,
	    struct number *sizes)
{
	uint32_t count, i;
	const struct number *list = rule_numbers(axes, operation, 1, "split", &count);
	uint64_t total = 0, each;

	if (operation->result_count > AXES_RANK_MAX ||
	    (list ? count != operation->result_count : rule_operand(axes, operation, 1) != NULL))
		return false;
	each = (size + operation->result_count - 1) / operation->result_count;
	for (i = 0; i < operation->result_count; i++) {
		sizes[i] = list ? list[i] : (struct number){ .source = NUMBER_MIXED };
		if (!list)
			sizes[i].value = (int64_t)(size - total < each ? size - total : each);
		if (sizes[i].value < 1)
			return false;
		total += (uint64_t)sizes[i].value;
	}
	return total == size;
}

bool
rule_split(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	struct number sizes[AXES_RANK_MAX];
	struct axis out[AXES_RANK_MAX];
	uint64_t at = 0;
	uint32_t axis, i;

	if (!x || !operation->result_count ||
	    !axis_at(operation_int(operation, "axis", 0), x->rank, &axis) ||
	    !split_sizes(axes, operation, axis_size(axes, x->axes[axis]), sizes))
		return false;
	memcpy(out, x->axes, x->rank * sizeof *out);
	for (i = 0; i < operation->result_count; i++) {
		uint64_t end = at + (uint64_t)sizes[i].value;
		bool followed;

		out[axis] = piece(axes, x->axes[axis], at, end, "a Split takes it apart",
				  &followed);
		if (followed)
			rule_bind_number(axes, out[axis], &sizes[i]);
		axes_set(axes, operation->results[i], x->rank, out);
		at = end;
	}
	return true;
}

/* --- Gather ------------------------------------------------------------------------------ */

/* A shape's elements, picked by number. */
static void
gather_numbers(struct axes *axes, const struct operation *operation, const struct tensor_axes *x,
	       const struct tensor_axes *indices)
{
	struct number picked[AXES_RANK_MAX];
	uint32_t i;

	if (!x->numbers || !indices->numbers || indices->number_count > AXES_RANK_MAX ||
	    x->rank != 1)
		return;
	for (i = 0; i < indices->number_count; i++) {
		int64_t at = indices->numbers[i].value;

		at += at < 0 ? x->number_count : 0;
		if (at < 0 || at >= x->number_count)
			return;
		picked[i] = x->numbers[at];
	}
	rule_set_numbers(axes, rule_result(operation, 0), picked, indices->number_count);
}

/* One unit, whose number is how many are before it: it stays, and the number moves. */
static bool
picks_one(struct axes *axes, struct axis axis, const struct tensor_axes *indices)
{
	uint64_t size = axis_size(axes, axis), at;
	struct axis one;

	if (indices->number_count != 1 || size < 2)
		return false;
	at = (uint64_t)(indices->numbers[0].value +
			(indices->numbers[0].value < 0 ? (int64_t)size : 0));
	if (at >= size || !axis_part(axes, axis, at, at + 1, &one))
		return false;
	bind_bound(axes, axis, at, &indices->numbers[0]);
	return true;
}

bool
rule_gather(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	const struct tensor_axes *indices = rule_operand(axes, operation, 1);
	struct axis out[AXES_RANK_MAX];
	uint32_t axis;

	if (!x || !indices || x->rank + indices->rank > AXES_RANK_MAX ||
	    !axis_at(operation_int(operation, "axis", 0), x->rank, &axis))
		return false;
	if (!picks_one(axes, x->axes[axis], indices))
		axis_freeze(axes, x->axes[axis], "a Gather picks units by number");
	memcpy(out, x->axes, axis * sizeof *out);
	memcpy(out + axis, indices->axes, indices->rank * sizeof *out);
	memcpy(out + axis + indices->rank, x->axes + axis + 1, (x->rank - 1 - axis) * sizeof *out);
	axes_set(axes, rule_result(operation, 0), x->rank - 1 + indices->rank, out);
	gather_numbers(axes, operation, x, indices);
	return true;
}
