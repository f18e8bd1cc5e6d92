/* bind_axes.c - unit axes of the graph, and dimensions in terms of them. */
#include "importer/bind.h"

#include <string.h>

void
bind_freeze(struct graph *graph, axis_id axis, const char *reason)
{
	if (axis != GRAPH_NONE && !graph->axes[axis].frozen)
		graph->axes[axis].frozen = reason;
}

/* Whatever stands on the axis, or comes to stand on it later. */
static void
freeze_all(struct import *import, struct graph *graph, struct axis axis, const char *reason)
{
	struct axis_list parts;
	size_t i;
	uint32_t j;

	axis_freeze(&import->axes, axis, reason);
	for (j = 0; j < axis.count; j++) {
		parts = axis_parts(&import->axes, (struct axis){ 1, &axis.variables[j] });
		bind_freeze(graph, import->axis_of_variable[axis.variables[j]], reason);
		for (i = 0; parts.count > 1 && i < parts.count; i++)
			freeze_all(import, graph, parts.items[i], reason);
	}
}

/* --- unit axes -------------------------------------------------------------------- */

static const struct variable *
only_leaf(const struct import *import, struct axis axis)
{
	const struct variable *variable = axis.count == 1
						  ? &import->axes.variables[axis.variables[0]]
						  : NULL;

	return variable && variable->state == VARIABLE_LEAF ? variable : NULL;
}

/* The graph's axis that has just these parts in this order; GRAPH_NONE: none. */
static axis_id
axis_of_parts(const struct import *import, const struct graph *graph, const struct axis_list *parts)
{
	axis_id id = GRAPH_NONE;
	uint64_t first = 0;
	size_t i;

	for (i = 0; i < parts->count; i++) {
		const struct variable *leaf = only_leaf(import, parts->items[i]);
		variable_id variable;

		if (!leaf)
			return GRAPH_NONE;
		variable = parts->items[i].variables[0];
		if (i == 0)
			id = import->axis_of_variable[variable];
		if (id == GRAPH_NONE || import->axis_of_variable[variable] != id ||
		    import->first_of_variable[variable] != first)
			return GRAPH_NONE;
		first += leaf->size;
	}
	return id != GRAPH_NONE && first == graph->axes[id].units ? id : GRAPH_NONE;
}

/* Why the parts cannot be an axis of their own; NULL: they can. */
static const char *
mixed_parts(const struct import *import, const struct axis_list *parts)
{
	size_t i;

	for (i = 0; i < parts->count; i++) {
		if (!parts->items[i].count)
			return "it has one unit only";
		if (!only_leaf(import, parts->items[i]))
			return "its units are laid out over several axes";
		if (import->axis_of_variable[parts->items[i].variables[0]] != GRAPH_NONE)
			return "its units are those of several layers, put together in different "
			       "ways";
	}
	return NULL;
}

/* The same units twice: cut here, they would have to be cut there. */
static const char *
take_parts(struct import *import, axis_id id, const struct axis_list *parts)
{
	const char *reason = NULL;
	uint64_t first = 0;
	size_t i;

	for (i = 0; i < parts->count; i++) {
		variable_id variable = parts->items[i].variables[0];

		if (import->axis_of_variable[variable] == id)
			reason = "two of its parts are tied to each other";
		else if (import->axes.variables[variable].frozen && !reason)
			reason = import->axes.variables[variable].frozen;
		import->axis_of_variable[variable] = id;
		import->first_of_variable[variable] = (uint32_t)first;
		first += import->axes.variables[variable].size;
	}
	return reason;
}

static bool
set_parts(struct import *import, struct graph *graph, struct unit_axis *axis,
	  const struct axis_list *parts)
{
	uint32_t first = 0;
	size_t i;

	if (parts->count < 2)
		return true;
	axis->parts = arena_alloc(&graph->arena, parts->count, sizeof *axis->parts);
	for (i = 0; axis->parts && i < parts->count; i++) {
		axis->parts[axis->part_count++] = first;
		first += (uint32_t)axis_size(&import->axes, parts->items[i]);
	}
	return axis->parts != NULL;
}

axis_id
bind_unit_axis(struct import *import, struct graph *graph, const struct axis *units)
{
	uint64_t size = axis_size(&import->axes, *units);
	struct axis_list parts = axis_parts(&import->axes, *units);
	axis_id id = axis_of_parts(import, graph, &parts);
	const char *reason;

	if (id != GRAPH_NONE || !parts.count || size > UINT32_MAX)
		return id;
	id = graph_add_axis(graph, (uint32_t)size);
	if (id == GRAPH_NONE)
		return id;
	reason = mixed_parts(import, &parts);
	if (reason) {
		freeze_all(import, graph, *units, reason);
		graph->axes[id].frozen = reason;
		return id;
	}
	graph->axes[id].frozen = take_parts(import, id, &parts);
	return set_parts(import, graph, &graph->axes[id], &parts) ? id : GRAPH_NONE;
}

uint32_t
bind_first_unit(struct import *import, struct axis units, struct axis part)
{
	struct axis_list all = axis_parts(&import->axes, units);
	struct axis_list some = axis_parts(&import->axes, part);
	uint64_t first = 0;
	size_t i;

	for (i = 0; i < all.count && some.count; i++) {
		if (axis_equal(&import->axes, all.items[i], some.items[0]))
			return (uint32_t)first;
		first += axis_size(&import->axes, all.items[i]);
	}
	return 0;
}

/* --- dimensions ----------------------------------------------------------------------------- */

struct spans {
	struct import *import;
	struct graph *graph;
	struct arena *arena;
	struct span *items;
	size_t count, capacity;
};

enum { SPANS_MAX = 4096 }; /* of one dimension */

static bool
continues(const struct span *a, const struct span *b)
{
	if (a->axis != b->axis || a->outer != 1 || b->outer != 1 || a->inner != 1 || b->inner != 1)
		return false;
	return a->axis == GRAPH_NONE || a->first + a->units == b->first;
}

static bool
append_span(struct spans *spans, struct span span)
{
	struct span *last = spans->count ? &spans->items[spans->count - 1] : NULL;

	if (span.outer == 0 || span.units == 0 || span.inner == 0)
		return true; /* a Slice of nothing among the parts of a Concat */
	if (span.axis == GRAPH_NONE)
		span = (struct span){ GRAPH_NONE, 1, span.outer * span.units * span.inner, 1, 0 };
	if (last && continues(last, &span)) {
		last->units += span.units;
		return true;
	}
	if (!arena_grow(spans->arena, &spans->items, spans->count, &spans->capacity,
			sizeof *spans->items))
		return false;
	spans->items[spans->count++] = span;
	return true;
}

static bool append_axis(struct spans *spans, struct axis axis);

/* One variable: a leaf, or the parts of a sum. */
static bool
append_variable(struct spans *spans, variable_id id)
{
	struct import *import = spans->import;
	const struct variable *variable = &import->axes.variables[id];
	struct span span = { import->axis_of_variable[id], 1, (uint32_t)variable->size, 1,
			     import->first_of_variable[id] };
	struct axis_list parts;
	size_t i;

	if (variable->state != VARIABLE_SUM)
		return append_span(spans, span);
	parts = axis_parts(&import->axes, (struct axis){ 1, &id });
	for (i = 0; i < parts.count; i++)
		if (!append_axis(spans, parts.items[i]))
			return false;
	return parts.count > 0;
}

/* The factor that has the units, repeated: outer times, every element inner times.
 * False: out of memory. *strange: there are too many. */
static bool
repeat_spans(struct spans *spans, const struct spans *factor, uint32_t outer, uint32_t inner,
	     bool *strange)
{
	uint32_t times = factor->count == 1 ? 1 : outer, o;
	size_t i;

	*strange = factor->count > SPANS_MAX / times;
	for (o = 0; o < times && !*strange; o++)
		for (i = 0; i < factor->count; i++) {
			struct span span = factor->items[i];

			span.inner *= inner;
			if (factor->count == 1)
				span.outer *= outer;
			if (!append_span(spans, span))
				return false;
		}
	return true;
}

static bool
has_units(struct import *import, variable_id id)
{
	struct axis_list parts = axis_parts(&import->axes, (struct axis){ 1, &id });
	size_t i;
	uint32_t j;

	if (import->axis_of_variable[id] != GRAPH_NONE)
		return true;
	for (i = 0; parts.count > 1 && i < parts.count; i++)
		for (j = 0; j < parts.items[i].count; j++)
			if (has_units(import, parts.items[i].variables[j]))
				return true;
	return false;
}

/* The factor that has units, and what stands around it. False: there are two. */
static bool
find_units(struct import *import, struct axis axis, uint32_t *at, uint64_t *outer, uint64_t *inner)
{
	uint32_t i;

	*at = NO_VALUE;
	*outer = *inner = 1;
	for (i = 0; i < axis.count; i++) {
		if (!has_units(import, axis.variables[i])) {
			*(*at == NO_VALUE ? outer : inner) *=
				import->axes.variables[axis.variables[i]].size;
			continue;
		}
		if (*at != NO_VALUE)
			return false;
		*at = i;
	}
	return true;
}

/* A product of variables, one of which may have units; other forms are frozen. */
static bool
append_axis(struct spans *spans, struct axis axis)
{
	uint64_t size = axis_size(&spans->import->axes, axis), outer, inner;
	struct spans factor = { .import = spans->import,
				.graph = spans->graph,
				.arena = &spans->import->arena };
	uint32_t at;
	bool strange = size > UINT32_MAX || !find_units(spans->import, axis, &at, &outer, &inner);

	if (!strange && at != NO_VALUE) {
		if (!append_variable(&factor, axis.variables[at]) ||
		    !repeat_spans(spans, &factor, (uint32_t)outer, (uint32_t)inner, &strange))
			return false;
	}
	if (strange)
		freeze_all(spans->import, spans->graph, axis,
			   "its units are laid out in a way not followed");
	if (strange || at == NO_VALUE)
		return append_span(spans,
				   (struct span){ GRAPH_NONE, 1,
						  size > UINT32_MAX ? UINT32_MAX : (uint32_t)size,
						  1, 0 });
	return true;
}

bool
bind_dimension(struct import *import, struct graph *graph, struct axis axis, struct arena *arena,
	       struct dimension *out)
{
	struct spans spans = { .import = import, .graph = graph, .arena = arena };

	if (!append_axis(&spans, axis_resolve(&import->axes, axis)))
		return false;
	out->spans = spans.items;
	out->count = (uint32_t)spans.count;
	return true;
}
