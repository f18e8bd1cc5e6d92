/* axis_parts.c - axes as sums of parts: what a Concat puts together, what a Slice takes out. */
#include "importer/axes.h"

#include <string.h>

/* --- a boundary ----------------------------------------------------------------------- */

static bool
grow_parts(struct axes *axes, struct variable *sum, size_t needed)
{
	while (sum->part_capacity < needed)
		if (!arena_grow(axes->arena, &sum->parts, sum->part_capacity, &sum->part_capacity,
				sizeof *sum->parts)) {
			axes->out_of_memory = true;
			return false;
		}
	return true;
}

/* A leaf becomes the sum of its first units and the others; both are as frozen as it. */
static bool
cut_leaf(struct axes *axes, variable_id id, uint64_t offset)
{
	uint64_t size = axes->variables[id].size;
	const char *frozen = axes->variables[id].frozen;
	struct axis parts[2];
	struct variable *leaf;

	parts[0] = axis_variable(axes, offset, frozen);
	parts[1] = axis_variable(axes, size - offset, frozen);
	leaf = &axes->variables[id];
	if (axes->out_of_memory || !grow_parts(axes, leaf, 2))
		return false;
	memcpy(leaf->parts, parts, sizeof parts);
	leaf->part_count = 2;
	leaf->state = VARIABLE_SUM;
	return true;
}

/* Part `at` of the sum is a sum itself: its parts take its place. */
static bool
flatten_part(struct axes *axes, variable_id id, uint32_t at, variable_id child)
{
	uint32_t more = axes->variables[child].part_count - 1;
	struct variable *sum = &axes->variables[id];
	const struct variable *inner = &axes->variables[child];

	if (!grow_parts(axes, sum, (size_t)sum->part_count + more))
		return false;
	memmove(sum->parts + at + 1 + more, sum->parts + at + 1,
		(sum->part_count - at - 1) * sizeof *sum->parts);
	memcpy(sum->parts + at, inner->parts, inner->part_count * sizeof *sum->parts);
	sum->part_count += more;
	return true;
}

/* Sees to it that a part of the variable begins at offset, 0 < offset < its size. */
static bool
cut_variable(struct axes *axes, variable_id id, uint64_t offset)
{
	uint64_t first = 0;
	uint32_t i;

	if (axes->variables[id].state == VARIABLE_LEAF)
		return cut_leaf(axes, id, offset);
	for (i = 0; i < axes->variables[id].part_count && first < offset; i++) {
		struct axis part = axis_resolve(axes, axes->variables[id].parts[i]);
		uint64_t size = axis_size(axes, part);

		if (offset < first + size)
			return part.count == 1 &&
			       cut_variable(axes, part.variables[0], offset - first) &&
			       flatten_part(axes, id, i, part.variables[0]);
		first += size;
	}
	return first == offset;
}

/* --- lists of parts ---------------------------------------------------------------------- */

static bool
append_parts(struct axes *axes, struct axis axis, struct axis_list *list)
{
	const struct variable *only;
	uint32_t i, count;

	axis = axis_resolve(axes, axis);
	only = axis.count == 1 ? &axes->variables[axis.variables[0]] : NULL;
	if (only && only->state == VARIABLE_SUM) {
		count = only->part_count;
		for (i = 0; i < count; i++)
			if (!append_parts(axes, axes->variables[axis.variables[0]].parts[i], list))
				return false;
		return true;
	}
	if (!arena_grow(axes->arena, &list->items, list->count, &list->capacity,
			sizeof *list->items)) {
		axes->out_of_memory = true;
		return false;
	}
	list->items[list->count++] = axis;
	return true;
}

struct axis_list
axis_parts(struct axes *axes, struct axis axis)
{
	struct axis_list list = { 0 };

	if (!append_parts(axes, axis, &list))
		list.count = 0;
	return list;
}

/* --- what the rules ask for ---------------------------------------------------------------- */

/* The parts from start to end; of one unit: the empty product, as in every tensor. */
static struct axis
join_parts(struct axes *axes, const struct axis_list *parts, uint64_t start, uint64_t end)
{
	uint32_t first = 0, last;
	uint64_t at = 0;

	while (first < parts->count && at < start)
		at += axis_size(axes, parts->items[first++]);
	for (last = first; last < parts->count && at < end; last++)
		at += axis_size(axes, parts->items[last]);
	if (end - start == 1)
		return (struct axis){ 0 };
	return axis_sum(axes, parts->items + first, last - first);
}

bool
axis_part(struct axes *axes, struct axis axis, uint64_t start, uint64_t end, struct axis *out)
{
	uint64_t size = axis_size(axes, axis);
	const struct variable *variable;
	struct axis_list parts;

	axis = axis_resolve(axes, axis);
	if (start >= end || end > size || axis.count != 1)
		return false;
	variable = &axes->variables[axis.variables[0]];
	if (variable->state == VARIABLE_LEAF && variable->frozen)
		return false;
	if ((start && !cut_variable(axes, axis.variables[0], start)) ||
	    (end < size && !cut_variable(axes, axis.variables[0], end)))
		return false;
	parts = axis_parts(axes, axis);
	*out = join_parts(axes, &parts, start, end);
	return !axes->out_of_memory;
}

/* Both are cut where the other one is. */
static bool
cut_alike(struct axes *axes, variable_id a, variable_id b)
{
	struct axis axis = { 1, &a };
	struct axis_list parts = axis_parts(axes, axis);
	uint64_t at = 0;
	uint32_t i;

	for (i = 0; i + 1 < parts.count; i++) {
		at += axis_size(axes, parts.items[i]);
		if (!cut_variable(axes, b, at))
			return false;
	}
	return true;
}

bool
axis_unify_sums(struct axes *axes, variable_id a, variable_id b, const char *reason)
{
	struct axis first = { 1, &a }, second = { 1, &b };
	struct axis_list one, other;
	uint32_t i;

	if (!cut_alike(axes, a, b) || !cut_alike(axes, b, a))
		return false;
	one = axis_parts(axes, first);
	other = axis_parts(axes, second);
	if (one.count != other.count)
		return false;
	for (i = 0; i < one.count; i++)
		axis_unify(axes, one.items[i], other.items[i], reason);
	return true;
}
