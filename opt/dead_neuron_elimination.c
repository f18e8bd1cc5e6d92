/* dead_neuron_elimination.c - remove neurons that never spiked, and those that nobody reads.
 *
 *     S_j[t] = 0 for every t:   sum_j W_ij x_j = sum over the others + W_ij silent_j
 *
 * where silent_j is what the reader sees of unit j while it does not spike (0 as
 * a rule; f(0) behind a BatchNorm, an Add, a 1 - S). That constant is added to the
 * reader's bias, then row, column, parameters, states and rate of the unit go.
 * A unit whose columns are zero in everything that reads it, alive or not, gives
 * nothing to anyone: it goes too, which can leave others unread.
 *
 * needs    firing rates; for unread units the weights, of which only as many rows
 *          are read as it takes to see every column used
 * keeps    every output spike on the data that the rates were measured on
 *          (dead_below 0), and every output at all where only unread units go
 * breaks   unit numbers inside a population
 * skips    frozen axes, outputs of the model, populations without rates or
 *          spikes; one unit stays where all of them would go
 */
#include "opt/pass.h"
#include "opt/pass_list.h"
#include "opt/units.h"

/* --- dead ---------------------------------------------------------------- */

static bool
unit_is_dead(const struct population *population, uint32_t unit, double dead_below)
{
	const double *rates = population->rates + (size_t)unit * population->positions;
	uint32_t i;

	for (i = 0; i < population->positions; i++)
		if (!(rates[i] <= dead_below))
			return false;
	return true;
}

/* What a depthwise convolution reads without a neuron between goes with what it
 * drives: who else reads it would have frozen both. */
static bool
others_decide(const struct graph *graph, const struct population *population)
{
	size_t i;

	for (i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed &&
		    graph->populations[i].axis == population->axis &&
		    graph->populations[i].kind != POPULATION_READOUT)
			return true;
	return false;
}

static void
plan_dead(struct unit_plan *plan, const struct graph *graph, const struct population *population,
	  double dead_below)
{
	uint32_t unit, units = graph->axes[population->axis].units;

	if (plan->reason)
		return;
	if (population->kind == POPULATION_READOUT && others_decide(graph, population))
		return;
	if (population->kind == POPULATION_READOUT)
		plan->reason = "a readout does not spike, so no rate says that a unit is dead";
	else if (!population->rates)
		plan->reason = "no firing rates are known";
	for (unit = 0; !plan->reason && unit < units; unit++)
		if (plan->gone[unit])
			plan->gone[unit] = unit_is_dead(population, unit, dead_below);
}

static snnfit_status
remove_dead(struct pass_context *context, struct graph *graph, struct arena *scratch,
	    snnfit_error *err)
{
	struct unit_plan *plans;
	snnfit_status status = unit_plans_new(&plans, graph, scratch, err);
	size_t i;

	if (status != SNNFIT_OK)
		return status;
	for (i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed)
			plan_dead(&plans[graph->populations[i].axis], graph, &graph->populations[i],
				  context->options->dead_below);
	return unit_plans_apply(context, graph, plans, UNIT_DEAD,
				"the network is silent here: one unit kept",
				&context->report->dead_neurons_removed, err);
}

/* --- unread -------------------------------------------------------------- */

/* One column of a projection whose unit nobody was seen to read so far. */
struct open_column {
	uint32_t column;
	bool *gone;
};

static bool
row_reads(const struct projection *projection, const float *row, uint32_t column)
{
	uint32_t k;

	for (k = 0; k < projection->kernel; k++)
		if (row[(size_t)column * projection->kernel + k] != 0.0f)
			return true;
	return false;
}

/* The columns of units still thought to be unread; returns how many. */
static uint32_t
open_columns(const struct projection *projection, const struct unit_plan *plans,
	     struct open_column *open)
{
	uint32_t i, outer, unit, inner, column = 0, count = 0;

	for (i = 0; i < projection->columns.count; i++) {
		const struct span *span = &projection->columns.spans[i];
		const struct unit_plan *plan = span->axis == GRAPH_NONE ? NULL : &plans[span->axis];

		for (outer = 0; outer < span->outer; outer++)
			for (unit = 0; unit < span->units; unit++)
				for (inner = 0; inner < span->inner; inner++, column++)
					if (plan && plan->layer && !plan->reason &&
					    plan->gone[span->first + unit])
						open[count++] = (struct open_column){
							column, &plan->gone[span->first + unit]
						};
	}
	return count;
}

/* Drops the columns that this row reads (or whose unit was seen in another
 * column); returns how many stay. */
static uint32_t
close_columns(const struct projection *projection, const float *row, struct open_column *open,
	      uint32_t count)
{
	uint32_t i, kept = 0;

	for (i = 0; i < count; i++) {
		if (row_reads(projection, row, open[i].column))
			*open[i].gone = false;
		if (*open[i].gone)
			open[kept++] = open[i];
	}
	return kept;
}

/* Stops reading rows as soon as every unit was seen to be read. */
static snnfit_status
plan_unread(const struct projection *projection, const struct unit_plan *plans,
	    struct arena *scratch, snnfit_error *err)
{
	struct row_reader reader = { 0 };
	struct open_column *open;
	snnfit_status status = SNNFIT_OK;
	uint32_t count, row;

	open = arena_alloc(scratch, projection_column_count(projection), sizeof *open);
	if (!open)
		return error_no_memory(err);
	count = open_columns(projection, plans, open);
	if (count > 0)
		status = row_reader_open(&reader, projection->weights, err);
	for (row = 0; status == SNNFIT_OK && count > 0 && row < projection->weights->rows; row++) {
		const float *values;

		status = row_reader_get(&reader, row, &values, err);
		if (status == SNNFIT_OK)
			count = close_columns(projection, values, open, count);
	}
	row_reader_close(&reader);
	return status;
}

/* Frozen axes and outputs were reported with the dead; that projections alone do
 * not tell who reads a layer is no news to anyone. */
static void
forget_locked(struct unit_plan *plans, const struct graph *graph)
{
	size_t i;

	for (i = 0; i < graph->axis_count; i++)
		if (plans[i].reason || graph->axes[i].dead_only)
			plans[i].layer = NULL;
}

static snnfit_status
remove_unread(struct pass_context *context, struct graph *graph, struct arena *scratch,
	      snnfit_error *err)
{
	struct unit_plan *plans;
	snnfit_status status = unit_plans_new(&plans, graph, scratch, err);
	size_t i;

	if (status != SNNFIT_OK)
		return status;
	forget_locked(plans, graph);
	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++)
		if (!graph->projections[i].removed)
			status = plan_unread(&graph->projections[i], plans, scratch, err);
	if (status != SNNFIT_OK)
		return status;
	return unit_plans_apply(context, graph, plans, UNIT_UNREAD,
				"nothing reads this layer: one unit kept",
				&context->report->unread_neurons_removed, err);
}

snnfit_status
dead_neuron_elimination(struct pass_context *context, struct graph *graph, snnfit_error *err)
{
	struct arena scratch = { 0 };
	snnfit_status status = remove_dead(context, graph, &scratch, err);

	if (status == SNNFIT_OK)
		status = remove_unread(context, graph, &scratch, err);
	arena_free(&scratch);
	return status;
}
