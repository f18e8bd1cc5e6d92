/* layer_fusion.c - replace a near-silent layer by the linear map that comes closest to it.
 *
 * Between x and a reader stands a population that hardly ever spikes:
 *
 *     D = A x + a          its drive: A = gain W1, a = offset, mean over time <D>
 *     S = spikes(D)        with the firing rate r = <S>
 *     reader's drive = gain2 (W2 (silent + spike S) + b2)
 *
 * Put g D with g = r / <D>, unit by unit, in the place of S: it has the same mean.
 * Then the population goes, and one projection is left from x to the reader:
 *
 *     W = W2 diag(spike g) A
 *     b = b2 + W2 (silent + spike r) - W <x>
 *
 * Where its spike trains are known, and those of what it reads, there is a better map:
 * of all W, that of the least squared error over the steps of the data,
 *
 *     sum over t of |W2 (silent + spike S[t]) - W x[t] - b|^2
 *
 * (spike_fit.h), which says how much of the drive's variance it keeps: R^2, over all units
 * of the reader, as their neurons see it.
 *
 * b is computed from W as it is stored, so the reader's mean drive stays the same
 * to rounding. A bare product W2 W1, g = 1, would feed the reader a drive that the
 * silent layer never passed on. Where the mean drive is too small for the ratio to
 * mean anything (a gain of more than 1 / threshold: a unit that spikes once for
 * every threshold that it takes in has just that), only the mean is kept: g = 0.
 *
 * What is not kept is how the drive varies: the report gives the change of its
 * variance, summed over the reader's units, relative to before: as it is in the data, or
 * with spikes taken as independent Bernoulli variables, variance r (1 - r):
 *     before  sum_i  (gain2 W2 spike)_i^2 r_i (1 - r_i)
 *     after   sum_c  (gain2 W spike_x)_c^2 r_c (1 - r_c)
 *
 * Where accuracy is limited, each layer is tried by itself.
 *
 * needs    rates of the population and of what it reads; the weights of both
 *          projections; spike trains for the fit
 * keeps    the mean drive of the reader; accuracy within the limit, if there is one
 * breaks   spike trains; the population and its states are gone
 * skips    frozen axes, outputs of the model, rates at or over fusion_activity,
 *          anything but one projection in and one out, quantized or shared
 *          weights, graded spikes, and whatever would not make the network smaller
 */
#include "opt/pass_list.h"
#include "opt/spike_fit.h"
#include "opt/trains.h"
#include "opt/units.h"

#include <math.h>
#include <stdlib.h>

struct fusion {
	struct graph *graph;
	struct arena scratch;
	population_id population;
	projection_id in, out;
	uint32_t units, columns, rows; /* of the population, what it reads, the reader */
	double *mean_input;	       /* [columns], what it reads */
	double *rates;		       /* [units] */
	double *gains;		       /* [units], g of the drive */
	const float *in_weights;       /* [units][columns] */
	float *weights;		       /* [rows][columns], W */
	double *bias;		       /* [rows], b - b2 */
	double variance_before, variance_after;
	struct spike_fit fit;
	bool fits;	   /* else the map is that of the means */
	double *mix, *map; /* one row of W2 and of W, as the fit has them */
	struct spike_fit_variance variance;
};

/* --- what must hold ---------------------------------------------------------- */

static double
activity(const struct population *population, uint32_t units)
{
	double largest = 0.0;
	uint32_t i;

	for (i = 0; i < units * population->positions; i++)
		largest = fmax(largest, population->rates[i]);
	return largest;
}

/* The only projections into and out of the population, or GRAPH_NONE: none or
 * more than one. */
static void
find_projections(struct fusion *fusion)
{
	const struct graph *graph = fusion->graph;
	axis_id axis = graph->populations[fusion->population].axis;
	uint32_t in = 0, out = 0;
	projection_id id;

	for (id = 0; id < graph->projection_count; id++) {
		const struct projection *projection = &graph->projections[id];

		if (projection->removed)
			continue;
		if (projection->target == fusion->population && ++in)
			fusion->in = id;
		if (projection_reads(projection, axis) && ++out)
			fusion->out = id;
	}
	if (in != 1)
		fusion->in = GRAPH_NONE;
	if (out != 1)
		fusion->out = GRAPH_NONE;
}

static const char *
binding_reason(const struct graph *graph, const struct projection *in, const struct projection *out)
{
	const struct bindings *bindings = graph->bindings;

	if (!projection_editable(graph, in) || !projection_editable(graph, out))
		return "the weights cannot be written";
	if (in->more_bindings || out->more_bindings)
		return "the model holds several time steps";
	if (!bindings || in->reads_input_of == GRAPH_NONE || out->binding == GRAPH_NONE)
		return NULL;
	if (bindings->projections[in->reads_input_of].data_rank !=
	    bindings->projections[out->binding].data_rank)
		return "the layers before and after it read tensors of different rank";
	return NULL;
}

static bool
reads_graded(const struct graph *graph, const struct projection *in)
{
	uint32_t i;

	for (i = 0; i < in->columns.count; i++) {
		axis_id axis = in->columns.spans[i].axis;
		population_id source = axis == GRAPH_NONE ? GRAPH_NONE
							  : graph_population_of(graph, axis);

		if (source != GRAPH_NONE && population_is_graded(&graph->populations[source]))
			return true;
	}
	return false;
}

static const char *
projections_reason(const struct fusion *fusion)
{
	const struct graph *graph = fusion->graph;
	const struct projection *in, *out;
	const struct span *span;

	if (fusion->in == GRAPH_NONE || fusion->out == GRAPH_NONE)
		return "it has more than one projection in or out";
	in = &graph->projections[fusion->in];
	out = &graph->projections[fusion->out];
	span = out->columns.spans;
	if (in->delayed || out->delayed || in == out)
		return "it is part of a recurrent connection";
	if (in->partial || in->kernel != 1 || out->kernel != 1 || out->columns.count != 1 ||
	    span->outer != 1 || span->inner != 1 || out->reads != READS_SPIKES)
		return "it is not a dense layer between two others";
	if (population_is_graded(&graph->populations[fusion->population]) ||
	    reads_graded(graph, in))
		return "its spikes, or those that it reads, are graded";
	if (in->quantization.bits > 0 || out->quantization.bits > 0)
		return "its weights are quantized: fuse before quantizing";
	return binding_reason(graph, in, out);
}

static const char *
population_reason(const struct graph *graph, const struct population *population,
		  const struct pass_options *options)
{
	if (population->kind != POPULATION_SPIKING)
		return "it is not a spiking layer";
	if (population->body)
		return "its neurons stand inside a loop";
	if (!population->rates)
		return "no firing rates are known";
	if (!(activity(population, graph->axes[population->axis].units) < options->fusion_activity))
		return "its largest firing rate is not below the limit";
	return NULL;
}

static uint64_t
projection_parameters(const struct projection *projection)
{
	uint64_t rows = projection->weights->rows;

	return rows * projection->weights->columns + (projection->bias ? rows : 0);
}

static bool
gets_smaller(const struct fusion *fusion)
{
	const struct projection *in = &fusion->graph->projections[fusion->in];
	const struct projection *out = &fusion->graph->projections[fusion->out];
	uint64_t after = (uint64_t)fusion->rows * fusion->columns + fusion->rows;

	return after < projection_parameters(in) + projection_parameters(out);
}

/* --- the linear map ------------------------------------------------------------ */

/* The mean drive of one unit. */
static double
mean_drive(const struct fusion *fusion, uint32_t unit)
{
	const struct projection *in = &fusion->graph->projections[fusion->in];
	const struct neuron *neuron = &fusion->graph->populations[fusion->population].neuron;
	const float *row = fusion->in_weights + (size_t)unit * fusion->columns;
	double sum = 0.0;
	uint32_t column;

	for (column = 0; column < fusion->columns; column++)
		sum += (double)row[column] * fusion->mean_input[column];
	sum *= projection_row_gain(in, unit);
	return neuron->offset.count > 0 ? sum + parameter_at(&neuron->offset, unit) : sum;
}

static double
drive_gain(const struct fusion *fusion, uint32_t unit)
{
	const struct neuron *neuron = &fusion->graph->populations[fusion->population].neuron;
	double threshold = neuron->threshold.count > 0 ? parameter_at(&neuron->threshold, unit)
						       : 0.0;
	double gain = fusion->rates[unit] / mean_drive(fusion, unit);

	return gain >= 0.0 && gain * threshold <= 1.0 ? gain : 0.0;
}

/* Gains are those of W1 x: the projection's gain included. */
static void
find_gains(struct fusion *fusion)
{
	const struct projection *in = &fusion->graph->projections[fusion->in];
	uint32_t unit;

	for (unit = 0; unit < fusion->units; unit++)
		fusion->gains[unit] = drive_gain(fusion, unit) * projection_row_gain(in, unit);
}

/* sum = W2 diag(spike g) A, one row of it. */
static void
compose_row(const struct fusion *fusion, const float *out_row, double *sum)
{
	const struct projection *out = &fusion->graph->projections[fusion->out];
	uint32_t unit, column;

	for (column = 0; column < fusion->columns; column++)
		sum[column] = 0.0;
	for (unit = 0; unit < fusion->units; unit++) {
		const float *row = fusion->in_weights + (size_t)unit * fusion->columns;
		double factor = (double)out_row[unit] * projection_spike(out, unit) *
				fusion->gains[unit];

		for (column = 0; factor != 0.0 && column < fusion->columns; column++)
			sum[column] += factor * (double)row[column];
	}
}

/* --- the map of least squares ---------------------------------------------------- */

/* Adds the trains of some units; returns where the next go. */
static const uint64_t **
list_trains(const struct activity *activity, const struct spike_trains *trains, uint32_t first,
	    uint32_t count, const uint64_t **out)
{
	uint32_t unit;

	for (unit = first; unit < first + count; unit++)
		*out++ = train_of(activity, trains, unit);
	return out;
}

/* A column reads silent + spike times the spikes of one unit, and sees them. */
static bool
reads_spikes(const struct projection *in)
{
	uint32_t i, columns = projection_column_count(in);

	for (i = 0; i < columns; i++)
		if (projection_spike(in, i) == 0.0)
			return false;
	return in->reads == READS_SPIKES && !in->spike_at_most;
}

/* NULL: what the span's columns read is not known step by step. */
static const struct spike_trains *
trains_read(const struct fusion *fusion, const struct activity *activity, const struct span *span,
	    const uint32_t *populations)
{
	const struct graph *graph = fusion->graph;
	const struct spike_trains *trains;

	if (span->axis == GRAPH_NONE || populations[span->axis] != 1 || span->outer != 1 ||
	    span->inner != 1)
		return NULL;
	trains = trains_of(activity, graph, graph_population_of(graph, span->axis));
	return trains && trains->positions == 1 ? trains : NULL;
}

/* The trains of the layer and of its columns. False: some are not known. */
static bool
find_trains(struct fusion *fusion, const struct activity *activity, const uint32_t *populations)
{
	const struct projection *in = &fusion->graph->projections[fusion->in];
	const struct spike_trains *own = trains_of(activity, fusion->graph, fusion->population);
	const uint64_t **inputs = fusion->fit.inputs;
	uint32_t i;

	if (!own || own->positions != 1 || !reads_spikes(in))
		return false;
	(void)list_trains(activity, own, 0, own->units, fusion->fit.outputs);
	for (i = 0; i < in->columns.count; i++) {
		const struct span *span = &in->columns.spans[i];
		const struct spike_trains *trains = trains_read(fusion, activity, span,
								populations);

		if (!trains)
			return false;
		inputs = list_trains(activity, trains, span->first, span->units, inputs);
	}
	fusion->fit.words = train_words(activity, own);
	fusion->fit.steps = train_steps(activity, own);
	return fusion->fit.steps > 0;
}

/* With the trains' rates: the means are those of the data that it is fitted to. */
static snnfit_status
use_fit(struct fusion *fusion, snnfit_error *err)
{
	const struct projection *in = &fusion->graph->projections[fusion->in];
	snnfit_status status = spike_fit_make(&fusion->fit, &fusion->scratch, err);
	uint32_t i;

	fusion->rates = fusion->fit.output_rates;
	for (i = 0; status == SNNFIT_OK && i < fusion->columns; i++)
		fusion->mean_input[i] = projection_silent(in, i) +
					projection_spike(in, i) * fusion->fit.input_rates[i];
	return status;
}

static snnfit_status
fit_to_data(struct pass_context *context, struct fusion *fusion, const uint32_t *populations,
	    snnfit_error *err)
{
	const struct calibration *calibration = context->options->calibration;
	struct arena *scratch = &fusion->scratch;
	const struct activity *activity;
	snnfit_status status;

	if (!calibration || !calibration->record)
		return SNNFIT_OK;
	status = calibration->record(calibration->context, fusion->graph, &activity, err);
	if (status != SNNFIT_OK)
		return status;
	fusion->fit.input_count = fusion->columns;
	fusion->fit.output_count = fusion->units;
	fusion->fit.inputs = arena_alloc(scratch, fusion->columns, sizeof *fusion->fit.inputs);
	fusion->fit.outputs = arena_alloc(scratch, fusion->units, sizeof *fusion->fit.outputs);
	fusion->mix = arena_alloc(scratch, fusion->units, sizeof *fusion->mix);
	fusion->map = arena_alloc(scratch, fusion->columns, sizeof *fusion->map);
	if (!fusion->fit.inputs || !fusion->fit.outputs || !fusion->mix || !fusion->map)
		return error_no_memory(err);
	fusion->fits = find_trains(fusion, activity, populations);
	if (!fusion->fits)
		return SNNFIT_OK;
	context->report->samples_recorded = activity->samples;
	return use_fit(fusion, err);
}

/* sum = that row of W: of what is read, silent + spike times the spikes. */
static void
fit_row(struct fusion *fusion, const float *out_row, double *sum)
{
	const struct projection *in = &fusion->graph->projections[fusion->in];
	const struct projection *out = &fusion->graph->projections[fusion->out];
	uint32_t i;

	for (i = 0; i < fusion->units; i++)
		fusion->mix[i] = (double)out_row[i] * projection_spike(out, i);
	spike_fit_solve(&fusion->fit, fusion->mix, fusion->map);
	for (i = 0; i < fusion->columns; i++) {
		double spike = projection_spike(in, i);

		sum[i] = spike == 0.0 ? 0.0 : fusion->map[i] / spike;
	}
}

/* Of the row as it is stored. */
static void
add_fit(struct fusion *fusion, uint32_t row, const float *made)
{
	const struct projection *in = &fusion->graph->projections[fusion->in];
	double gain = projection_row_gain(&fusion->graph->projections[fusion->out], row);
	uint32_t i;

	for (i = 0; i < fusion->columns; i++)
		fusion->map[i] = (double)made[i] * projection_spike(in, i);
	spike_fit_add_variance(&fusion->fit, fusion->mix, fusion->map, gain * gain,
			       &fusion->variance);
}

/* --- either ------------------------------------------------------------------------ */

/* W2 (silent + spike r) - W <x>, of one row. */
static double
missing_mean(const struct fusion *fusion, const float *out_row, const float *row)
{
	const struct projection *out = &fusion->graph->projections[fusion->out];
	double sum = 0.0;
	uint32_t i;

	for (i = 0; i < fusion->units; i++)
		sum += (double)out_row[i] *
		       (projection_silent(out, i) + projection_spike(out, i) * fusion->rates[i]);
	for (i = 0; i < fusion->columns; i++)
		sum -= (double)row[i] * fusion->mean_input[i];
	return sum;
}

static double
spike_variance(const struct projection *projection, uint32_t column, double rate)
{
	double spike = projection_spike(projection, column);

	return spike * spike * fmax(rate * (1.0 - rate), 0.0);
}

static void
add_variances(struct fusion *fusion, uint32_t row, const float *before, const float *after)
{
	const struct projection *in = &fusion->graph->projections[fusion->in];
	const struct projection *out = &fusion->graph->projections[fusion->out];
	double gain = projection_row_gain(out, row);
	uint32_t i;

	for (i = 0; i < fusion->units; i++) {
		double weight = gain * (double)before[i];

		fusion->variance_before += weight * weight *
					   spike_variance(out, i, fusion->rates[i]);
	}
	for (i = 0; i < fusion->columns; i++) {
		double weight = gain * (double)after[i], spike = projection_spike(in, i);
		double rate = spike == 0.0
				      ? 0.0
				      : (fusion->mean_input[i] - projection_silent(in, i)) / spike;

		fusion->variance_after += weight * weight * spike_variance(in, i, rate);
	}
}

static snnfit_status
compose(struct fusion *fusion, snnfit_error *err)
{
	const struct projection *out = &fusion->graph->projections[fusion->out];
	double *sum = arena_alloc(&fusion->scratch, fusion->columns, sizeof *sum);
	struct row_reader reader;
	snnfit_status status;
	uint32_t row, column;

	if (!sum)
		return error_no_memory(err);
	status = row_reader_open(&reader, out->weights, err);
	for (row = 0; row < fusion->rows && status == SNNFIT_OK; row++) {
		float *made = fusion->weights + (size_t)row * fusion->columns;
		const float *values;

		status = row_reader_get(&reader, row, &values, err);
		if (status != SNNFIT_OK)
			break;
		if (fusion->fits)
			fit_row(fusion, values, sum);
		else
			compose_row(fusion, values, sum);
		for (column = 0; column < fusion->columns; column++)
			made[column] = (float)sum[column];
		fusion->bias[row] = missing_mean(fusion, values, made);
		if (fusion->fits)
			add_fit(fusion, row, made);
		else
			add_variances(fusion, row, values, made);
	}
	row_reader_close(&reader);
	return status;
}

/* --- the edit -------------------------------------------------------------------- */

static bool
copy_doubles(struct graph *graph, double **out, const double *from, uint32_t count)
{
	*out = from ? arena_copy(&graph->arena, from, count, sizeof *from) : NULL;
	return !from || *out;
}

/* What the new projection reads is what the old one in did. */
static bool
copy_columns(struct graph *graph, struct projection *to, const struct projection *from)
{
	uint32_t count = from->columns.count, columns = projection_column_count(from);

	to->reads = from->reads;
	to->delayed = from->delayed;
	to->spike_at_most = from->spike_at_most;
	to->reads_input_of = from->reads_input_of;
	to->columns.count = count;
	to->columns.spans = arena_copy(&graph->arena, from->columns.spans, count,
				       sizeof(struct span));
	return to->columns.spans && copy_doubles(graph, &to->silent, from->silent, columns) &&
	       copy_doubles(graph, &to->spike, from->spike, columns);
}

/* The projection's bias starts as b2, which the reader's offset has in it already. */
static snnfit_status
add_projection(struct fusion *fusion, projection_id *id, snnfit_error *err)
{
	struct graph *graph = fusion->graph;
	population_id target = graph->projections[fusion->out].target;
	const struct projection *in, *out;
	struct projection *made;

	*id = graph_add_projection(graph, target);
	if (*id == GRAPH_NONE)
		return error_no_memory(err);
	made = &graph->projections[*id];
	in = &graph->projections[fusion->in];
	out = &graph->projections[fusion->out];
	made->first_row = out->first_row;
	made->partial = out->partial;
	made->binding = out->binding;
	made->gain.count = out->gain.count;
	if (!copy_columns(graph, made, in) ||
	    !copy_doubles(graph, &made->gain.values, out->gain.values, out->gain.count))
		return error_no_memory(err);
	made->bias = weights_retain(out->bias);
	return weights_from_values(&made->weights, fusion->rows, fusion->columns, fusion->weights,
				   err);
}

static snnfit_status
replace(struct fusion *fusion, snnfit_error *err)
{
	projection_id id;
	snnfit_status status = add_projection(fusion, &id, err);

	if (status == SNNFIT_OK)
		status = graph_add_to_bias(fusion->graph, id, fusion->bias, err);
	if (status == SNNFIT_OK)
		status = graph_remove_population(fusion->graph, fusion->population, err);
	return status;
}

/* --- one population ----------------------------------------------------------------- */

static snnfit_status
prepare(struct fusion *fusion, snnfit_error *err)
{
	struct graph *graph = fusion->graph;
	struct arena *scratch = &fusion->scratch;
	size_t size;

	fusion->units = graph->projections[fusion->in].weights->rows;
	fusion->columns = graph->projections[fusion->in].weights->columns;
	fusion->rows = graph->projections[fusion->out].weights->rows;
	fusion->rates = graph->populations[fusion->population].rates;
	if (__builtin_mul_overflow((size_t)fusion->rows, (size_t)fusion->columns, &size))
		return error_no_memory(err);
	fusion->mean_input = arena_alloc(scratch, fusion->columns, sizeof *fusion->mean_input);
	fusion->gains = arena_alloc(scratch, fusion->units, sizeof *fusion->gains);
	fusion->bias = arena_alloc(scratch, fusion->rows, sizeof *fusion->bias);
	if (!fusion->mean_input || !fusion->gains || !fusion->bias)
		return error_no_memory(err);
	return SNNFIT_OK;
}

static snnfit_status
make_map(struct fusion *fusion, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;

	fusion->weights = arena_alloc(&fusion->scratch, (size_t)fusion->rows * fusion->columns,
				      sizeof *fusion->weights);
	if (!fusion->weights)
		return error_no_memory(err);
	if (!fusion->fits)
		status = weights_read(fusion->graph->projections[fusion->in].weights,
				      &fusion->in_weights, err);
	if (status != SNNFIT_OK)
		return status;
	if (!fusion->fits)
		find_gains(fusion);
	return compose(fusion, err);
}

static double
variance_change(const struct fusion *fusion)
{
	double before = fusion->fits ? fusion->variance.whole : fusion->variance_before;
	double after = fusion->fits ? fusion->variance.fitted : fusion->variance_after;

	return before > 0.0 ? after / before - 1.0 : 0.0;
}

/* Share of the drive's variance that the map keeps; of nothing, all. */
static double
r_squared(const struct fusion *fusion)
{
	const struct spike_fit_variance *variance = &fusion->variance;

	return variance->whole > 0.0 ? 1.0 - variance->left / variance->whole : 1.0;
}

static void
report_fusion(struct pass_report *report, const struct fusion *fusion)
{
	double change = variance_change(fusion), kept = r_squared(fusion);

	if (fabs(change) > fabs(report->drive_variance_change))
		report->drive_variance_change = change;
	if (fusion->fits && (report->layers_fitted++ == 0 || kept < report->fusion_r2))
		report->fusion_r2 = kept;
	report->layers_fused++;
	report->changed = true;
}

/* Whether the network would still be right often enough. */
static snnfit_status
is_allowed(const struct fusion *fusion, const struct calibration *calibration, bool *out,
	   snnfit_error *err)
{
	struct fusion trial = *fusion;
	const struct measurement *measured;
	snnfit_status status;

	*out = true;
	if (!calibration_limits(calibration))
		return SNNFIT_OK;
	status = graph_copy(&trial.graph, fusion->graph, err);
	if (status != SNNFIT_OK)
		return status;
	status = replace(&trial, err);
	if (status == SNNFIT_OK)
		status = calibration->measure(calibration->context, trial.graph, &measured, err);
	if (status == SNNFIT_OK)
		*out = calibration_allows(calibration, measured);
	graph_free(trial.graph);
	return status;
}

static snnfit_status
try_fusion(struct pass_context *context, struct fusion *fusion, const uint32_t *populations,
	   snnfit_error *err)
{
	const char *layer = fusion->graph->populations[fusion->population].name;
	snnfit_status status = prepare(fusion, err);
	bool allowed;

	if (status != SNNFIT_OK)
		return status;
	if (!gets_smaller(fusion))
		return pass_skip(context, layer, "the network would not get smaller", err);
	status = fit_to_data(context, fusion, populations, err);
	if (status != SNNFIT_OK)
		return status;
	if (!fusion->fits &&
	    !projection_mean_input(fusion->graph, &fusion->graph->projections[fusion->in],
				   fusion->mean_input))
		return pass_skip(context, layer, "the mean of what it reads is not known", err);
	status = make_map(fusion, err);
	if (status == SNNFIT_OK)
		status = is_allowed(fusion, context->options->calibration, &allowed, err);
	if (status != SNNFIT_OK)
		return status;
	if (!allowed)
		return pass_skip(context, layer, "fusing it would cost too much accuracy", err);
	report_fusion(context->report, fusion);
	return replace(fusion, err);
}

static snnfit_status
look_at(struct pass_context *context, struct graph *graph, population_id id,
	const struct unit_plan *plan, const uint32_t *populations, snnfit_error *err)
{
	struct fusion fusion = { .graph = graph, .population = id };
	const struct population *population = &graph->populations[id];
	const char *reason = plan->reason;
	snnfit_status status;

	if (!reason && populations[population->axis] > 1)
		reason = "several layers share its units";
	if (!reason)
		reason = population_reason(graph, population, context->options);
	if (!reason)
		reason = graph->axes[population->axis].dead_only;
	if (!reason && graph->axes[population->axis].part_count)
		reason = "its units are read or made in parts";
	if (!reason) {
		find_projections(&fusion);
		reason = projections_reason(&fusion);
	}
	if (reason)
		return pass_skip(context, population->name, reason, err);
	status = try_fusion(context, &fusion, populations, err);
	arena_free(&fusion.scratch);
	return status;
}

snnfit_status
layer_fusion(struct pass_context *context, struct graph *graph, snnfit_error *err)
{
	struct arena scratch = { 0 };
	struct unit_plan *plans;
	uint32_t *populations;
	snnfit_status status = unit_plans_new(&plans, graph, &scratch, err);
	population_id id;

	if (status == SNNFIT_OK)
		status = populations_on_axes(&populations, graph, &scratch, err);
	for (id = 0; status == SNNFIT_OK && id < graph->population_count; id++) {
		axis_id axis = graph->populations[id].axis;

		if (!graph->populations[id].removed)
			status = look_at(context, graph, id, &plans[axis], populations, err);
	}
	arena_free(&scratch);
	return status;
}
