#include "opt/drive_bounds.h"

#include <math.h>

#define FLOAT_UNIT 0x1p-24 /* half an ulp of 1 in float32 */

enum { EXTRA_TERMS = 8 };

/* --- what a column can read ------------------------------------------------ */

struct interval {
	double low, high;
};

/* Where several layers share an axis, spike is what they add when all of them
 * spike, and all of one sign: what is read still lies between the ends. */
static snnfit_status
find_spiking(struct drive_bounds *bounds, snnfit_error *err)
{
	const struct graph *graph = bounds->graph;
	size_t i;

	bounds->spiking = arena_zalloc(bounds->scratch, graph->axis_count, sizeof(bool));
	if (!bounds->spiking)
		return error_no_memory(err);
	for (i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed)
			bounds->spiking[graph->populations[i].axis] = true;
	for (i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed &&
		    (graph->populations[i].kind != POPULATION_SPIKING ||
		     graph->populations[i].neuron.counts))
			bounds->spiking[graph->populations[i].axis] = false;
	return SNNFIT_OK;
}

static const char *
spike_source(const struct drive_bounds *bounds, const struct span *span)
{
	if (span->axis == GRAPH_NONE || !bounds->spiking[span->axis])
		return "what it reads is not known to be single spikes";
	return NULL;
}

/* NULL: every column has a bound. */
static const char *
unbounded(const struct drive_bounds *bounds, const struct projection *projection)
{
	const char *reason = NULL;
	uint32_t i;

	if (projection->reads == READS_OTHER)
		return "it reads something other than spikes";
	if (projection->reads == READS_INPUT)
		return bounds->options->input_range_known
			       ? NULL
			       : "it reads the model's input, whose range is not known "
				 "(--input-range)";
	for (i = 0; i < projection->columns.count && !reason; i++)
		reason = spike_source(bounds, &projection->columns.spans[i]);
	return reason;
}

/* Padding lets a convolution read 0 as well, and before the first step there is nothing. */
static struct interval
column_interval(const struct drive_bounds *bounds, const struct projection *projection,
		uint32_t column)
{
	bool input = projection->reads == READS_INPUT;
	double base = projection_silent(projection, column);
	double spike = projection_spike(projection, column);
	double a = base + spike * (input ? bounds->options->input_low : 0.0);
	double b = base + spike * (input ? bounds->options->input_high : 1.0);
	struct interval interval = { fmin(a, b), fmax(a, b) };

	if (projection->kernel > 1 || projection->spike_at_most || projection->delayed) {
		interval.low = fmin(interval.low, 0.0);
		interval.high = fmax(interval.high, 0.0);
	}
	return interval;
}

/* --- sums ------------------------------------------------------------------- */

static void
add_term(struct drive_bound *bound, double smallest, double largest)
{
	bound->low += smallest;
	bound->high += largest;
	bound->low_size += fabs(smallest);
	bound->high_size += fabs(largest);
	bound->terms += 1.0;
	if (!(largest <= 0.0)) /* NaN is no bound */
		bound->rises = true;
	if (!(smallest >= 0.0))
		bound->falls = true;
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
			double a = weight * x->low, b = weight * x->high;

			add_term(bound, fmin(a, b), fmax(a, b));
		}
	}
}

static snnfit_status
add_projection(struct drive_bounds *bounds, const struct projection *projection, snnfit_error *err)
{
	struct drive_bound *of = bounds->of[projection->target];
	uint32_t columns = projection_column_count(projection), i;
	struct interval *intervals;
	struct row_reader reader;
	snnfit_status status;

	intervals = arena_alloc(bounds->scratch, columns, sizeof *intervals);
	if (!intervals)
		return error_no_memory(err);
	for (i = 0; i < columns; i++)
		intervals[i] = column_interval(bounds, projection, i);
	status = row_reader_open(&reader, projection->weights, err);
	for (i = 0; i < projection->weights->rows && status == SNNFIT_OK; i++) {
		const float *row;

		status = row_reader_get(&reader, i, &row, err);
		if (status == SNNFIT_OK)
			add_row(&of[projection_row_unit(projection, i)], projection,
				projection_row_gain(projection, i), row, intervals);
	}
	row_reader_close(&reader);
	return status;
}

/* --- all populations ---------------------------------------------------------- */

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
add_offsets(struct drive_bounds *bounds, snnfit_error *err)
{
	const struct graph *graph = bounds->graph;
	size_t i;

	for (i = 0; i < graph->population_count; i++) {
		const struct population *population = &graph->populations[i];
		const struct parameter *offset = &population->neuron.offset;
		struct unit_plan *plan = &bounds->plans[population->axis];
		uint32_t units = graph->axes[population->axis].units, unit;

		if (population->removed || plan->reason)
			continue;
		plan->reason = population_reason(population);
		bounds->of[i] = arena_zalloc(bounds->scratch, units, sizeof **bounds->of);
		if (!bounds->of[i])
			return error_no_memory(err);
		for (unit = 0; unit < units && offset->count > 0; unit++) {
			double value = parameter_at(offset, unit);

			add_term(&bounds->of[i][unit], value, value);
		}
	}
	return SNNFIT_OK;
}

static snnfit_status
add_projections(struct drive_bounds *bounds, snnfit_error *err)
{
	const struct graph *graph = bounds->graph;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++) {
		const struct projection *projection = &graph->projections[i];
		struct unit_plan *plan;

		if (projection->removed)
			continue;
		plan = &bounds->plans[graph->populations[projection->target].axis];
		if (!plan->reason)
			plan->reason = unbounded(bounds, projection);
		if (!plan->reason)
			status = add_projection(bounds, projection, err);
	}
	return status;
}

/* Of every population whose axis' plan has no reason yet. */
static snnfit_status
find_bounds(struct drive_bounds *bounds, snnfit_error *err)
{
	snnfit_status status = find_spiking(bounds, err);

	if (status != SNNFIT_OK)
		return status;
	bounds->of = arena_zalloc(bounds->scratch, bounds->graph->population_count,
				  sizeof *bounds->of);
	if (!bounds->of)
		return error_no_memory(err);
	status = add_offsets(bounds, err);
	return status == SNNFIT_OK ? add_projections(bounds, err) : status;
}

static void
plan_population(const struct drive_bounds *bounds, population_id id, unit_proof proof)
{
	const struct population *population = &bounds->graph->populations[id];
	struct unit_plan *plan = &bounds->plans[population->axis];
	uint32_t units = bounds->graph->axes[population->axis].units, unit;

	for (unit = 0; !plan->reason && unit < units; unit++)
		if (plan->gone[unit])
			plan->gone[unit] = proof(&population->neuron, unit, &bounds->of[id][unit]);
}

snnfit_status
drive_bounds_plan(struct drive_bounds *bounds, unit_proof proof, snnfit_error *err)
{
	const struct graph *graph = bounds->graph;
	snnfit_status status = unit_plans_new(&bounds->plans, graph, bounds->scratch, err);
	population_id id;

	if (status == SNNFIT_OK)
		status = find_bounds(bounds, err);
	for (id = 0; status == SNNFIT_OK && id < graph->population_count; id++)
		if (!graph->populations[id].removed)
			plan_population(bounds, id, proof);
	return status;
}

/* --- into the membrane ---------------------------------------------------------- */

double
accumulated_most(double step, double decay)
{
	if (!(decay >= 0.0))
		return INFINITY;
	if (step <= 0.0)
		return 0.0;
	decay *= 1.0 + DYNAMICS_MARGIN;
	return decay < 1.0 ? step / (1.0 - decay) : INFINITY;
}

double
drive_rounding(const struct drive_bound *bound)
{
	double error = (bound->terms + EXTRA_TERMS) * 2.0 * FLOAT_UNIT;

	return error < 1.0 ? error / (1.0 - error) : INFINITY;
}

static double
largest_drive(const struct drive_bound *bound)
{
	return bound->rises ? bound->high + bound->high_size * drive_rounding(bound) : bound->high;
}

static double
smallest_drive(const struct drive_bound *bound)
{
	return bound->falls ? bound->low - bound->low_size * drive_rounding(bound) : bound->low;
}

/* The drive of a neuron with a current is that of U, or of i' where U has none. As
 * everything here is linear, the least is minus the most of minus the drive. */
static double
most_of(const struct neuron *neuron, uint32_t unit, double drive)
{
	double decay, gain;

	if (neuron->current == CURRENT_ABSENT)
		return drive;
	decay = parameter_at(&neuron->current_decay, unit);
	if (neuron->current == CURRENT_NEW)
		return accumulated_most(drive, decay);
	gain = parameter_at(
		neuron->current == CURRENT_OLD ? &neuron->input_gain : &neuron->current_gain, unit);
	if (!(gain >= 0.0))
		return INFINITY;
	if (neuron->current == CURRENT_OLD)
		return gain * accumulated_most(drive, decay);
	return drive + accumulated_most(gain * drive, decay);
}

double
membrane_input_most(const struct neuron *neuron, uint32_t unit, const struct drive_bound *bound)
{
	return most_of(neuron, unit, largest_drive(bound));
}

double
membrane_input_least(const struct neuron *neuron, uint32_t unit, const struct drive_bound *bound)
{
	double drive = smallest_drive(bound);

	/* What came in this step is in it already. */
	if (neuron->current == CURRENT_NEW && drive >= 0.0 &&
	    parameter_at(&neuron->current_decay, unit) >= 0.0)
		return drive;
	return -most_of(neuron, unit, -drive);
}
