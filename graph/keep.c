/* keep.c - which indices of a dimension of the input model stay. */
#include "graph/keep.h"

#include <inttypes.h>
#include <string.h>

static bool
is_cut(const struct graph *graph, axis_id axis)
{
	const struct unit_axis *units;

	if (axis == GRAPH_NONE || axis >= graph->axis_count)
		return false;
	units = &graph->axes[axis];
	return units->units > 0 && units->units != units->units_before;
}

/* Of the units in the span, those that stay: axis->origin[*at] and on. */
static uint32_t
find_kept(const struct unit_axis *axis, const struct span *span, uint32_t *at)
{
	uint32_t end;

	for (*at = 0; *at < axis->units && axis->origin[*at] < span->first; ++*at)
		;
	for (end = *at; end < axis->units && axis->origin[end] < span->first + span->units; end++)
		;
	return end - *at;
}

snnfit_status
keep_sizes(const struct graph *graph, const struct dimension *dimension, uint64_t *before,
	   uint64_t *after, bool *cut, snnfit_error *err)
{
	bool fits = true;
	uint32_t i, at;

	*before = *after = 0;
	*cut = false;
	for (i = 0; i < dimension->count && fits; i++) {
		const struct span *span = &dimension->spans[i];
		uint64_t around = (uint64_t)span->outer * span->inner, kept = span->units, size;

		if (is_cut(graph, span->axis)) {
			kept = find_kept(&graph->axes[span->axis], span, &at);
			*cut = *cut || kept != span->units;
		}
		fits = !__builtin_mul_overflow(around, span->units, &size) && size <= UINT32_MAX;
		*before += size;
		*after += around * kept;
	}
	if (fits && *before <= UINT32_MAX)
		return SNNFIT_OK;
	return error_set(err, SNNFIT_ELIMIT, "a dimension has more than %" PRIu32 " elements",
			 UINT32_MAX);
}

static void
list_span(const struct graph *graph, const struct span *span, uint64_t first, struct keep *out)
{
	bool cut = is_cut(graph, span->axis);
	const struct unit_axis *axis = cut ? &graph->axes[span->axis] : NULL;
	uint32_t at = 0, o, u, i;
	uint32_t units = cut ? find_kept(axis, span, &at) : span->units;

	for (o = 0; o < span->outer; o++)
		for (u = 0; u < units; u++) {
			uint64_t unit = (uint64_t)o * span->units +
					(cut ? axis->origin[at + u] - span->first : u);

			for (i = 0; i < span->inner; i++)
				out->indices[out->count++] = (uint32_t)(first + unit * span->inner +
									i);
		}
}

snnfit_status
keep_of(const struct graph *graph, const struct dimension *dimension, struct arena *scratch,
	struct keep *out, snnfit_error *err)
{
	uint64_t after, first = 0;
	uint32_t i;
	bool cut;
	snnfit_status status;

	*out = (struct keep){ 0 };
	status = keep_sizes(graph, dimension, &out->before, &after, &cut, err);
	if (status != SNNFIT_OK)
		return status;
	if (!cut) {
		out->count = (uint32_t)after;
		return SNNFIT_OK;
	}
	out->indices = arena_alloc(scratch, (size_t)after, sizeof *out->indices);
	if (!out->indices)
		return error_no_memory(err);
	for (i = 0; i < dimension->count; i++) {
		const struct span *span = &dimension->spans[i];

		list_span(graph, span, first, out);
		first += (uint64_t)span->outer * span->units * span->inner;
	}
	return SNNFIT_OK;
}

bool
keep_equal(const struct keep *a, const struct keep *b)
{
	if (a->count != b->count || a->before != b->before || !a->indices != !b->indices)
		return false;
	return !a->indices || memcmp(a->indices, b->indices, a->count * sizeof *a->indices) == 0;
}
