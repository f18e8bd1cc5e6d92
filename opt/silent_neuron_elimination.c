/* silent_neuron_elimination.c - remove neurons that can never reach their threshold.
 *
 *     U[t] = decay V[t] + D[t],  D[t] = sum_j gain W_ij x_j[t] + offset <= peak
 *     V[0] = 0, and V[t+1] = U[t] as long as the neuron has not spiked
 * =>  U[t] <= max(peak, 0) / (1 - decay)   for 0 <= decay < 1
 *     U[t] <= 0                            for peak <= 0 and any decay >= 0
 *
 * A neuron that has not spiked has not been reset, so by induction over the steps
 * no kind of reset matters. peak takes each input at its better end: a spike
 * column at silent or silent + spike, an input of the model at the ends of its
 * range. A synaptic current i[t+1] = decay_i i[t] + D[t] is bounded in the same
 * way first. Interval arithmetic as in Moore, Interval Analysis, 1966.
 *
 * Rounding: a runtime sums n terms t in float32, in an order that we do not know;
 * the sum is off by at most e sum |t|, e = n 2^-24 / (1 - n 2^-24) (Higham,
 * Accuracy and Stability of Numerical Algorithms, section 4.2). As t + e |t| grows
 * with t, the computed drive is at most the sum of h + e |h| over the largest
 * values h of the terms: an input that would lower the drive costs no margin.
 * Twice that e is taken, with 8 more terms for gain, BatchNorm and offset, and
 * 2^-20 relative is left free on decay and threshold. Sums of terms that are all
 * <= 0 stay <= 0 in floating point and need no margin.
 *
 * needs    spiking neurons in normal form, an initial state of zero; the range of
 *          the model's input for layers that read it
 * keeps    every output spike, for every input in the range (lossless)
 * breaks   unit numbers inside a population
 * skips    frozen axes, outputs of the model, dynamics that are not in normal
 *          form, inputs without a bound; one unit stays where all would go
 */
#include "opt/pass_list.h"
#include "opt/units.h"

#include <math.h>

#define FLOAT_UNIT 0x1p-24	/* half an ulp of 1 in float32 */
#define DYNAMICS_MARGIN 0x1p-20 /* relative, on decay and threshold */

enum { EXTRA_TERMS = 8 };

/* Of one unit: the largest drive in a step, what the sizes of its terms add up to
 * there, and how many they are. */
struct drive_bound {
	double peak, size;
	double terms;
	bool positive; /* some term can be > 0 */
};

struct silent_search {
	struct graph *graph;
	const struct pass_options *options;
	struct arena *scratch;
	struct unit_plan *plans;
	bool *spiking; /* [axis_count]: all that is on the axis spikes once a step at most */
	struct drive_bound **bounds; /* [population_count][units]; NULL: not looked at */
};

/* --- what a column can read ------------------------------------------------ */

struct interval {
	double low, high;
};

/* Where several layers share an axis, spike is what they add when all of them
 * spike, and all of one sign: what is read still lies between the ends. */
static snnfit_status
find_spiking(struct silent_search *search, snnfit_error *err)
{
	const struct graph *graph = search->graph;
	size_t i;

	search->spiking = arena_zalloc(search->scratch, graph->axis_count, sizeof(bool));
	if (!search->spiking)
		return error_no_memory(err);
	for (i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed)
			search->spiking[graph->populations[i].axis] = true;
	for (i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed &&
		    (graph->populations[i].kind != POPULATION_SPIKING ||
		     graph->populations[i].neuron.counts))
			search->spiking[graph->populations[i].axis] = false;
	return SNNFIT_OK;
}

static const char *
spike_source(const struct silent_search *search, const struct span *span)
{
	if (span->axis == GRAPH_NONE || !search->spiking[span->axis])
		return "what it reads is not known to be single spikes";
	return NULL;
}

/* NULL: every column has a bound. */
static const char *
unbounded(const struct silent_search *search, const struct projection *projection)
{
	const char *reason = NULL;
	uint32_t i;

	if (projection->reads == READS_OTHER)
		return "it reads something other than spikes";
	if (projection->reads == READS_INPUT)
		return search->options->input_range_known
			       ? NULL
			       : "it reads the model's input, whose range is not known "
				 "(--input-range)";
	for (i = 0; i < projection->columns.count && !reason; i++)
		reason = spike_source(search, &projection->columns.spans[i]);
	return reason;
}

/* Padding lets a convolution read 0 as well. */
static struct interval
column_interval(const struct silent_search *search, const struct projection *projection,
		uint32_t column)
{
	bool input = projection->reads == READS_INPUT;
	double base = projection_silent(projection, column);
	double spike = projection_spike(projection, column);
	double a = base + spike * (input ? search->options->input_low : 0.0);
	double b = base + spike * (input ? search->options->input_high : 1.0);
	struct interval interval = { fmin(a, b), fmax(a, b) };

	if (projection->kernel > 1) {
		interval.low = fmin(interval.low, 0.0);
		interval.high = fmax(interval.high, 0.0);
	}
	return interval;
}

/* --- the largest drive ------------------------------------------------------ */

static void
add_term(struct drive_bound *bound, double largest)
{
	bound->peak += largest;
	bound->size += fabs(largest);
	bound->terms += 1.0;
	if (!(largest <= 0.0)) /* NaN is no bound */
		bound->positive = true;
}

static void
add_row(struct drive_bound *bound, const struct projection *projection, double gain,
	const float *row, const struct interval *intervals)
{
	uint32_t column, columns = projection_column_count(projection), k;

	for (column = 0; column < columns; column++) {
		const struct interval *x = &intervals[column];

		for (k = 0; k < projection->kernel; k++) {
			double weight = gain * (double)*row++;

			add_term(bound, fmax(weight * x->low, weight * x->high));
		}
	}
}

static snnfit_status
add_projection(struct silent_search *search, const struct projection *projection, snnfit_error *err)
{
	struct drive_bound *bounds = search->bounds[projection->target];
	uint32_t columns = projection_column_count(projection), i;
	struct interval *intervals;
	struct row_reader reader;
	snnfit_status status;

	intervals = arena_alloc(search->scratch, columns, sizeof *intervals);
	if (!intervals)
		return error_no_memory(err);
	for (i = 0; i < columns; i++)
		intervals[i] = column_interval(search, projection, i);
	status = row_reader_open(&reader, projection->weights, err);
	for (i = 0; i < projection->weights->rows && status == SNNFIT_OK; i++) {
		const float *row;

		status = row_reader_get(&reader, i, &row, err);
		if (status == SNNFIT_OK)
			add_row(&bounds[projection_row_unit(projection, i)], projection,
				projection_row_gain(projection, i), row, intervals);
	}
	row_reader_close(&reader);
	return status;
}

/* --- the highest membrane --------------------------------------------------- */

/* Bound of x[t+1] = decay x[t] + step from x[0] = 0, never under 0. */
static double
accumulate(double step, double decay)
{
	if (!(decay >= 0.0))
		return INFINITY;
	if (step <= 0.0)
		return 0.0;
	decay *= 1.0 + DYNAMICS_MARGIN;
	return decay < 1.0 ? step / (1.0 - decay) : INFINITY;
}

static double
largest_drive(const struct drive_bound *bound)
{
	double error = (bound->terms + EXTRA_TERMS) * 2.0 * FLOAT_UNIT;

	if (!bound->positive)
		return bound->peak;
	return error < 1.0 ? bound->peak + bound->size * error / (1.0 - error) : INFINITY;
}

/* Of what is added to the membrane in a step, by graph.h's normal form: there
 * the drive of a neuron with a current is that of U, or of i' where U has none. */
static double
largest_input(const struct neuron *neuron, uint32_t unit, double drive)
{
	double decay, gain;

	if (neuron->current == CURRENT_ABSENT)
		return drive;
	decay = parameter_at(&neuron->current_decay, unit);
	if (neuron->current == CURRENT_NEW)
		return accumulate(drive, decay);
	gain = parameter_at(
		neuron->current == CURRENT_OLD ? &neuron->input_gain : &neuron->current_gain, unit);
	if (!(gain >= 0.0))
		return INFINITY;
	if (neuron->current == CURRENT_OLD)
		return gain * accumulate(drive, decay);
	return drive + accumulate(gain * drive, decay);
}

static bool
can_fire(const struct neuron *neuron, uint32_t unit, const struct drive_bound *bound)
{
	double threshold = parameter_at(&neuron->threshold, unit);
	double limit = threshold - DYNAMICS_MARGIN * fabs(threshold);
	double input = largest_input(neuron, unit, largest_drive(bound));
	double highest = accumulate(input, parameter_at(&neuron->decay, unit));

	if (neuron->comparison == COMPARE_GREATER)
		return !(highest <= limit);
	return !(highest < limit);
}

/* --- the pass ---------------------------------------------------------------- */

static bool
dynamics_known(const struct neuron *neuron)
{
	if (neuron->comparison == COMPARE_NONE || neuron->decay.count == 0 ||
	    neuron->threshold.count == 0)
		return false;
	switch (neuron->current) {
	case CURRENT_ABSENT:
		return true;
	case CURRENT_NEW:
		return neuron->current_decay.count > 0;
	case CURRENT_OLD:
		return neuron->current_decay.count > 0 && neuron->input_gain.count > 0;
	case CURRENT_OLD_AND_INPUT:
		return neuron->current_decay.count > 0 && neuron->current_gain.count > 0;
	}
	return false;
}

static const char *
population_reason(const struct population *population)
{
	if (population->kind != POPULATION_SPIKING || !dynamics_known(&population->neuron))
		return "its dynamics are not those of a spiking neuron in normal form";
	if (population->neuron.floor.count)
		return "its membrane has a floor";
	if (!population->starts_at_zero)
		return "its initial state is not known to be zero";
	return NULL;
}

static snnfit_status
start_bounds(struct silent_search *search, snnfit_error *err)
{
	struct graph *graph = search->graph;
	size_t i;

	for (i = 0; i < graph->population_count; i++) {
		const struct population *population = &graph->populations[i];
		const struct parameter *offset = &population->neuron.offset;
		struct unit_plan *plan = &search->plans[population->axis];
		uint32_t units = graph->axes[population->axis].units, unit;

		if (population->removed || plan->reason)
			continue;
		plan->reason = population_reason(population);
		search->bounds[i] = arena_zalloc(search->scratch, units, sizeof **search->bounds);
		if (!search->bounds[i])
			return error_no_memory(err);
		for (unit = 0; unit < units && offset->count > 0; unit++)
			add_term(&search->bounds[i][unit], parameter_at(offset, unit));
	}
	return SNNFIT_OK;
}

static snnfit_status
add_projections(struct silent_search *search, snnfit_error *err)
{
	struct graph *graph = search->graph;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++) {
		const struct projection *projection = &graph->projections[i];
		struct unit_plan *plan;

		if (projection->removed)
			continue;
		plan = &search->plans[graph->populations[projection->target].axis];
		if (!plan->reason)
			plan->reason = unbounded(search, projection);
		if (!plan->reason)
			status = add_projection(search, projection, err);
	}
	return status;
}

static void
plan_silent(const struct silent_search *search, population_id id)
{
	const struct population *population = &search->graph->populations[id];
	struct unit_plan *plan = &search->plans[population->axis];
	uint32_t units = search->graph->axes[population->axis].units, unit;

	for (unit = 0; !plan->reason && unit < units; unit++)
		if (plan->gone[unit])
			plan->gone[unit] = !can_fire(&population->neuron, unit,
						     &search->bounds[id][unit]);
}

static snnfit_status
search_silent(struct silent_search *search, snnfit_error *err)
{
	struct graph *graph = search->graph;
	snnfit_status status;
	population_id id;

	status = unit_plans_new(&search->plans, graph, search->scratch, err);
	if (status == SNNFIT_OK)
		status = find_spiking(search, err);
	if (status != SNNFIT_OK)
		return status;
	search->bounds = arena_zalloc(search->scratch, graph->population_count,
				      sizeof *search->bounds);
	if (!search->bounds)
		return error_no_memory(err);
	status = start_bounds(search, err);
	if (status == SNNFIT_OK)
		status = add_projections(search, err);
	for (id = 0; status == SNNFIT_OK && id < graph->population_count; id++)
		if (!graph->populations[id].removed)
			plan_silent(search, id);
	return status;
}

snnfit_status
silent_neuron_elimination(struct pass_context *context, struct graph *graph, snnfit_error *err)
{
	struct arena scratch = { 0 };
	struct silent_search search = { .graph = graph,
					.options = context->options,
					.scratch = &scratch };
	snnfit_status status = search_silent(&search, err);

	if (status == SNNFIT_OK)
		status = unit_plans_apply(context, graph, search.plans, UNIT_SILENT,
					  "no unit can reach its threshold: one unit kept",
					  &context->report->silent_neurons_removed, err);
	arena_free(&scratch);
	return status;
}
