#include "opt/merging.h"

#include <stdlib.h>

snnfit_status
merging_open(struct merging *merging, const struct graph *graph, struct arena *scratch,
	     snnfit_error *err)
{
	snnfit_status status;

	*merging = (struct merging){ .graph = graph, .scratch = scratch };
	status = unit_plans_new(&merging->plans, graph, scratch, err);
	if (status == SNNFIT_OK)
		status = populations_on_axes(&merging->populations, graph, scratch, err);
	return status;
}

/* --- what must hold --------------------------------------------------------------- */

static const char *
axis_reason(const struct merging *merging, axis_id id)
{
	const struct unit_axis *axis = &merging->graph->axes[id];

	if (merging->plans[id].reason)
		return merging->plans[id].reason;
	if (axis->dead_only)
		return axis->dead_only;
	if (axis->part_count)
		return "its units are read or made in parts";
	if (merging->populations[id] > 1)
		return "several layers share its units";
	return NULL;
}

/* A column that reads nothing of the unit kept cannot take over another's part,
 * and padding has no constant to correct. */
static const char *
reader_reason(const struct graph *graph, const struct projection *reader, axis_id axis,
	      uint32_t *units)
{
	uint32_t column, columns = projection_column_count(reader);

	if (!projection_editable(graph, reader))
		return "the weights of what reads it cannot be written";
	if (reader->kernel > 1 && reader->silent)
		return "a convolution reads a constant that is not 0 of its silent units";
	if (!reader->spike)
		return NULL;
	projection_column_units(reader, axis, units);
	for (column = 0; column < columns; column++)
		if (units[column] != GRAPH_NONE && reader->spike[column] == 0.0)
			return "what reads it does not see the spikes of some of its units";
	return NULL;
}

snnfit_status
merging_reason(const struct merging *merging, population_id population, const char **reason,
	       snnfit_error *err)
{
	const struct graph *graph = merging->graph;
	axis_id axis = graph->populations[population].axis;
	uint32_t *units;
	size_t i;

	*reason = axis_reason(merging, axis);
	for (i = 0; i < graph->projection_count && !*reason; i++) {
		const struct projection *projection = &graph->projections[i];

		if (projection->removed || !projection_reads(projection, axis))
			continue;
		if (graph->populations[projection->target].axis == axis) {
			*reason = "it is recurrent";
			break;
		}
		units = arena_alloc(merging->scratch, projection_column_count(projection),
				    sizeof *units);
		if (!units)
			return error_no_memory(err);
		*reason = reader_reason(graph, projection, axis, units);
	}
	return SNNFIT_OK;
}

/* --- merging ------------------------------------------------------------------------ */

snnfit_status
merge_units(struct graph *graph, axis_id axis, const uint32_t *kept, const double *factor,
	    snnfit_error *err)
{
	uint32_t units = graph->axes[axis].units, unit;
	snnfit_status status = SNNFIT_OK;
	bool *keep = malloc(units * sizeof *keep);

	if (!keep)
		return error_no_memory(err);
	for (unit = 0; unit < units && status == SNNFIT_OK; unit++) {
		keep[unit] = kept[unit] == unit;
		if (!keep[unit])
			status = graph_merge_columns(graph, axis, kept[unit], unit, factor[unit],
						     err);
	}
	if (status == SNNFIT_OK)
		status = graph_keep_units(graph, axis, keep, UNIT_MERGED, err);
	free(keep);
	return status;
}
