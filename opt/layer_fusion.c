/* layer_fusion.c - replace a near-silent layer by the linear map that it is on average.
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
 * b is computed from W as it is stored, so the reader's mean drive stays the same
 * to rounding. A bare product W2 W1, g = 1, would feed the reader a drive that the
 * silent layer never passed on. Where the mean drive is too small for the ratio to
 * mean anything (a gain of more than 1 / threshold: a unit that spikes once for
 * every threshold that it takes in has just that), only the mean is kept: g = 0.
 *
 * What is not kept is how the drive varies: the report gives the change of its
 * variance, summed over the reader's units, relative to before, with spikes
 * taken as independent Bernoulli variables, variance r (1 - r):
 *     before  sum_i  (gain2 W2 spike)_i^2 r_i (1 - r_i)
 *     after   sum_c  (gain2 W spike_x)_c^2 r_c (1 - r_c)
 *
 * needs    rates of the population and of what it reads; the weights of both
 *          projections
 * keeps    the mean drive of the reader
 * breaks   spike trains; the population and its states are gone
 * skips    frozen axes, outputs of the model, rates at or over fusion_activity,
 *          anything but one projection in and one out, quantized or shared
 *          weights, graded spikes, and whatever would not make the network smaller
 */
#include "opt/pass_list.h"
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
		compose_row(fusion, values, sum);
		for (column = 0; column < fusion->columns; column++)
			made[column] = (float)sum[column];
		fusion->bias[row] = missing_mean(fusion, values, made);
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
fuse(struct fusion *fusion, snnfit_error *err)
{
	snnfit_status status;

	fusion->weights = arena_alloc(&fusion->scratch, (size_t)fusion->rows * fusion->columns,
				      sizeof *fusion->weights);
	if (!fusion->weights)
		return error_no_memory(err);
	status = weights_read(fusion->graph->projections[fusion->in].weights, &fusion->in_weights,
			      err);
	if (status != SNNFIT_OK)
		return status;
	find_gains(fusion);
	status = compose(fusion, err);
	if (status == SNNFIT_OK)
		status = replace(fusion, err);
	return status;
}

static double
variance_change(const struct fusion *fusion)
{
	if (!(fusion->variance_before > 0.0))
		return 0.0;
	return fusion->variance_after / fusion->variance_before - 1.0;
}

static snnfit_status
try_fusion(struct pass_context *context, struct fusion *fusion, snnfit_error *err)
{
	struct pass_report *report = context->report;
	const char *layer = fusion->graph->populations[fusion->population].name;
	snnfit_status status = prepare(fusion, err);
	double change;

	if (status != SNNFIT_OK)
		return status;
	if (!projection_mean_input(fusion->graph, &fusion->graph->projections[fusion->in],
				   fusion->mean_input))
		return pass_skip(context, layer, "the mean of what it reads is not known", err);
	if (!gets_smaller(fusion))
		return pass_skip(context, layer, "the network would not get smaller", err);
	status = fuse(fusion, err);
	if (status != SNNFIT_OK)
		return status;
	change = variance_change(fusion);
	if (fabs(change) > fabs(report->drive_variance_change))
		report->drive_variance_change = change;
	report->layers_fused++;
	report->changed = true;
	return SNNFIT_OK;
}

static snnfit_status
look_at(struct pass_context *context, struct graph *graph, population_id id,
	const struct unit_plan *plan, uint32_t populations, snnfit_error *err)
{
	struct fusion fusion = { .graph = graph, .population = id };
	const struct population *population = &graph->populations[id];
	const char *reason = plan->reason;
	snnfit_status status;

	if (!reason && populations > 1)
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
	status = try_fusion(context, &fusion, err);
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
			status = look_at(context, graph, id, &plans[axis], populations[axis], err);
	}
	arena_free(&scratch);
	return status;
}
