#include "opt/units.h"

#include <stdlib.h>

/* --- which units go ------------------------------------------------------ */

static bool
plan_axis(struct unit_plan *plan, const struct graph *graph, const struct population *population,
	  struct arena *scratch)
{
	const struct unit_axis *axis = &graph->axes[population->axis];
	uint32_t unit;

	if (axis->frozen)
		plan->reason = axis->frozen;
	else if (population->output)
		plan->reason = "an output of the model keeps its width and order";
	if (plan->layer)
		return true;
	plan->layer = population->name;
	plan->gone = arena_alloc(scratch, axis->units, sizeof *plan->gone);
	for (unit = 0; plan->gone && unit < axis->units; unit++)
		plan->gone[unit] = true;
	return plan->gone != NULL;
}

snnfit_status
unit_plans_new(struct unit_plan **out, const struct graph *graph, struct arena *scratch,
	       snnfit_error *err)
{
	struct unit_plan *plans = arena_zalloc(scratch, graph->axis_count, sizeof *plans);
	size_t i;

	if (!plans)
		return error_no_memory(err);
	for (i = 0; i < graph->population_count; i++) {
		const struct population *population = &graph->populations[i];

		if (population->removed)
			continue;
		if (!plan_axis(&plans[population->axis], graph, population, scratch))
			return error_no_memory(err);
	}
	*out = plans;
	return SNNFIT_OK;
}

static uint32_t
count_gone(const bool *gone, uint32_t units)
{
	uint32_t count = 0, unit;

	for (unit = 0; unit < units; unit++)
		count += gone[unit];
	return count;
}

/* What a unit that always spikes gives is not the same everywhere, in every step. */
static const char *
cannot_read_constant(const struct projection *projection)
{
	if (projection->delayed)
		return "units of it spike in every step, but what reads the spikes of the step "
		       "before has none in the first";
	if (projection->spike_at_most)
		return "units of it spike in every step, but what reads it may read less: at the "
		       "edge of what is padded, or in steps that were never written";
	return NULL;
}

/* A constant that units leave behind goes into the biases of their readers: is
 * there one whose bias cannot be written? */
static const char *
cannot_fold(const struct graph *graph, axis_id axis, enum fate fate)
{
	const char *reason = fate == UNIT_FIRING ? graph->axes[axis].dead_only : NULL;
	size_t i;

	for (i = 0; i < graph->projection_count && !reason; i++) {
		const struct projection *projection = &graph->projections[i];

		if (projection->removed || !projection_reads(projection, axis) ||
		    (fate != UNIT_FIRING && !projection->silent))
			continue;
		if (fate == UNIT_FIRING)
			reason = cannot_read_constant(projection);
		if (!reason && !projection_editable(graph, projection))
			reason = fate == UNIT_FIRING
					 ? "what a unit gives that spikes in every step cannot be "
					   "written into the bias of what reads it"
					 : "what a silent unit gives cannot be written into the "
					   "bias of what reads it";
	}
	return reason;
}

static snnfit_status
remove_units(struct pass_context *context, struct graph *graph, axis_id axis,
	     const struct unit_plan *plan, enum fate fate, uint64_t *removed, snnfit_error *err)
{
	uint32_t units = graph->axes[axis].units, unit, count = count_gone(plan->gone, units);
	snnfit_status status = SNNFIT_OK;
	bool *keep;

	keep = malloc(units * sizeof *keep);
	if (!keep)
		return error_no_memory(err);
	for (unit = 0; unit < units; unit++)
		keep[unit] = !plan->gone[unit];
	if (fate != UNIT_UNREAD) /* then the columns are zero */
		status = graph_fold_constant(graph, axis, plan->gone, fate == UNIT_FIRING, err);
	if (status == SNNFIT_OK)
		status = graph_keep_units(graph, axis, keep, fate, err);
	free(keep);
	*removed += count;
	context->report->changed = true;
	return status;
}

static snnfit_status
apply_plan(struct pass_context *context, struct graph *graph, axis_id axis, struct unit_plan *plan,
	   enum fate fate, const char *all_gone, uint64_t *removed, snnfit_error *err)
{
	uint32_t units = graph->axes[axis].units, count = count_gone(plan->gone, units);
	uint32_t spared;
	const char *reason = plan->reason;
	snnfit_status status = SNNFIT_OK;

	if (!reason && count > 0 && fate != UNIT_UNREAD)
		reason = cannot_fold(graph, axis, fate);
	if (reason)
		return pass_skip(context, plan->layer, reason, err);
	spared = graph_keep_parts(graph, axis, plan->gone);
	if (count == units && !spared) {
		plan->gone[0] = false;
		spared = 1;
	}
	if (spared)
		status = pass_skip(context, plan->layer,
				   count == units ? all_gone
						  : "a part of it would be empty: one unit kept",
				   err);
	count -= spared;
	if (status == SNNFIT_OK && count > 0)
		status = remove_units(context, graph, axis, plan, fate, removed, err);
	return status;
}

snnfit_status
unit_plans_apply(struct pass_context *context, struct graph *graph, struct unit_plan *plans,
		 enum fate fate, const char *all_gone, uint64_t *removed, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	axis_id axis;

	for (axis = 0; axis < graph->axis_count && status == SNNFIT_OK; axis++)
		if (plans[axis].layer)
			status = apply_plan(context, graph, axis, &plans[axis], fate, all_gone,
					    removed, err);
	return status;
}

bool
population_is_graded(const struct population *population)
{
	const struct parameter *gain = &population->neuron.spike_gain;
	uint32_t i;

	if (population->neuron.counts)
		return true;
	for (i = 0; i < gain->count; i++)
		if (gain->values[i] != 1.0)
			return true;
	return false;
}

/* --- columns and projections ---------------------------------------------- */

uint32_t
projection_column_count(const struct projection *projection)
{
	return (uint32_t)dimension_size(&projection->columns);
}

void
projection_column_units(const struct projection *projection, axis_id axis, uint32_t *units)
{
	uint32_t i, outer, unit, inner;

	for (i = 0; i < projection->columns.count; i++) {
		const struct span *span = &projection->columns.spans[i];

		for (outer = 0; outer < span->outer; outer++)
			for (unit = 0; unit < span->units; unit++)
				for (inner = 0; inner < span->inner; inner++)
					*units++ = span->axis == axis ? span->first + unit
								      : GRAPH_NONE;
	}
}

uint32_t
projection_row_unit(const struct projection *projection, uint32_t row)
{
	return projection->partial ? projection->first_row + row : row;
}

double
projection_row_gain(const struct projection *projection, uint32_t row)
{
	if (projection->gain.count == 0)
		return 1.0;
	return parameter_at(&projection->gain, row);
}

double
projection_spike(const struct projection *projection, uint32_t column)
{
	return projection->spike ? projection->spike[column] : 1.0;
}

double
projection_silent(const struct projection *projection, uint32_t column)
{
	return projection->silent ? projection->silent[column] : 0.0;
}

bool
projection_editable(const struct graph *graph, const struct projection *projection)
{
	return !graph->bindings || projection->binding == GRAPH_NONE ||
	       graph->bindings->projections[projection->binding].editable;
}

snnfit_status
incoming_projections(struct projection_list **out, const struct graph *graph, struct arena *scratch,
		     snnfit_error *err)
{
	struct projection_list *lists;
	projection_id *ids, id;
	size_t i;

	lists = arena_zalloc(scratch, graph->population_count, sizeof *lists);
	ids = arena_alloc(scratch, graph->projection_count, sizeof *ids);
	if (!lists || !ids)
		return error_no_memory(err);
	for (id = 0; id < graph->projection_count; id++)
		if (!graph->projections[id].removed)
			lists[graph->projections[id].target].count++;
	for (i = 0; i < graph->population_count; i++) {
		lists[i].ids = ids;
		ids += lists[i].count;
		lists[i].count = 0;
	}
	for (id = 0; id < graph->projection_count; id++) {
		struct projection_list *list = &lists[graph->projections[id].target];

		if (!graph->projections[id].removed)
			list->ids[list->count++] = id;
	}
	*out = lists;
	return SNNFIT_OK;
}

snnfit_status
populations_on_axes(uint32_t **out, const struct graph *graph, struct arena *scratch,
		    snnfit_error *err)
{
	size_t i;

	*out = arena_zalloc(scratch, graph->axis_count, sizeof **out);
	if (!*out)
		return error_no_memory(err);
	for (i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed)
			(*out)[graph->populations[i].axis]++;
	return SNNFIT_OK;
}

/* --- rows ----------------------------------------------------------------- */

enum { FIRST_ROWS = 8 };

snnfit_status
row_reader_open(struct row_reader *reader, const struct weights *weights, snnfit_error *err)
{
	*reader = (struct row_reader){ .weights = weights };
	reader->capacity = weights_piece_rows(weights);
	reader->next_count = FIRST_ROWS < reader->capacity ? FIRST_ROWS : reader->capacity;
	reader->rows = calloc((size_t)reader->capacity * weights->columns, sizeof *reader->rows);
	return reader->rows ? SNNFIT_OK : error_no_memory(err);
}

snnfit_status
row_reader_get(struct row_reader *reader, uint32_t row, const float **out, snnfit_error *err)
{
	const struct weights *weights = reader->weights;
	snnfit_status status = SNNFIT_OK;

	if (row - reader->first >= reader->count) {
		reader->first = row;
		reader->count = reader->next_count;
		if (reader->count > weights->rows - row)
			reader->count = weights->rows - row;
		reader->next_count = reader->next_count < reader->capacity / 2
					     ? 2 * reader->next_count
					     : reader->capacity;
		status = weights_read_rows(weights, row, reader->count, reader->rows, err);
	}
	*out = reader->rows + (size_t)(row - reader->first) * weights->columns;
	return status;
}

void
row_reader_close(struct row_reader *reader)
{
	free(reader->rows);
	*reader = (struct row_reader){ 0 };
}
