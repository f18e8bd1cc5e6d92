/* network.c - a population of the graph as a layer of hardware. */
#include "estimator/network.h"

#include <math.h>
#include <stdlib.h>

/* Share of the inputs that spike in a step where no firing rate is known. Chosen:
 * trained networks are mostly between 0.02 and 0.3. */
#define ASSUMED_RATE 0.1

/* What making one layer needs to know. */
struct making {
	const struct graph *graph;
	population_id id;
	const struct population *population;
	const struct design *design;
	struct layer *layer;
	int32_t *codes;
	bool biased; /* the last input is the bias */
	snnfit_error *err;
};

static bool
drives(const struct projection *projection, population_id population)
{
	return !projection->removed && projection->target == population && projection->weights;
}

bool
network_is_layer(const struct graph *graph, population_id population)
{
	if (graph->populations[population].removed)
		return false;
	for (size_t i = 0; i < graph->projection_count; i++)
		if (drives(&graph->projections[i], population))
			return true;
	return false;
}

static uint32_t
weight_bits(const struct projection *projection, const struct design *design)
{
	return projection->quantization.bits ? projection->quantization.bits : design->float_bits;
}

static bool
has_bias(const struct population *population)
{
	const struct parameter *offset = &population->neuron.offset;

	for (uint32_t i = 0; i < offset->count; i++)
		if (offset->values[i] != 0)
			return true;
	return false;
}

/* --- events --------------------------------------------------------------------- */

/* Positions of what a projection reads, per column: 1 where columns are single
 * neurons. A convolution of the model's input is taken to keep the size. */
static uint32_t
source_positions(const struct making *making, const struct projection *projection)
{
	population_id source = GRAPH_NONE;
	uint32_t positions = making->population->positions;

	if (projection->kernel <= 1 && positions <= 1)
		return 1;
	if (projection->columns.count)
		source = graph_population_of(making->graph, projection->columns.spans[0].axis);
	if (source != GRAPH_NONE)
		positions = making->graph->populations[source].positions;
	return positions ? positions : 1;
}

static double
mean_of_inputs(const struct making *making, const struct projection *projection, double *means,
	       uint64_t columns)
{
	double sum = 0;

	if (!projection_mean_input(making->graph, projection, means))
		return ASSUMED_RATE * (double)columns;
	for (uint64_t i = 0; i < columns; i++)
		sum += fmin(fabs(means[i]), 1);
	return sum;
}

static snnfit_status
add_events(struct making *making, const struct projection *projection)
{
	uint64_t columns = dimension_size(&projection->columns);
	double positions = source_positions(making, projection), *means;

	means = malloc(((size_t)columns + 1) * sizeof *means);
	if (!means)
		return error_no_memory(making->err);
	making->layer->events += positions * mean_of_inputs(making, projection, means, columns);
	making->layer->most_events += positions * (double)columns;
	free(means);
	return SNNFIT_OK;
}

/* --- integer codes ---------------------------------------------------------------- */

static int32_t
to_code(double value, double scale, uint32_t bits)
{
	double largest = (double)((1 << (bits - 1)) - 1);

	if (!(scale > 0) || !isfinite(value))
		return 0;
	return (int32_t)fmax(-largest, fmin(largest, rint(value / scale)));
}

static double
row_scale(const struct projection *projection, const float *row, uint32_t index, uint32_t bits)
{
	double largest = 0;

	if (projection->quantization.bits && projection->quantization.scale)
		return (double)projection->quantization
			.scale[projection->quantization.per_unit ? index : 0];
	for (uint32_t i = 0; i < projection->weights->columns; i++)
		largest = fmax(largest, fabs((double)row[i]));
	return largest / ((1 << (bits - 1)) - 1);
}

/* A constant drive is a weight from an input that always spikes, in the scale of the
 * first projection that drives the unit, with its row. */
static void
fill_bias(struct making *making, const struct projection *projection, uint32_t unit, uint32_t row,
	  double scale, uint32_t bits)
{
	const struct parameter *offset = &making->population->neuron.offset;
	double gain = projection->gain.count ? parameter_at(&projection->gain, row) : 1;
	int32_t *code = &making->codes[(size_t)(unit + 1) * making->layer->inputs - 1];

	if (making->biased && gain != 0 && *code == 0)
		*code = to_code(parameter_at(offset, unit) / gain, scale, bits);
}

static snnfit_status
fill_codes(struct making *making, const struct projection *projection, uint32_t first_column)
{
	const struct weights *weights = projection->weights;
	uint32_t bits = weight_bits(projection, making->design);
	const float *values;
	snnfit_status status = weights_read(projection->weights, &values, making->err);

	if (status != SNNFIT_OK)
		return status;
	for (uint32_t r = 0; r < weights->rows; r++) {
		const float *row = &values[(size_t)r * weights->columns];
		uint32_t unit = (projection->partial ? projection->first_row : 0) + r;
		double scale = row_scale(projection, row, r, bits);
		int32_t *codes;

		if (unit >= making->layer->units)
			break;
		codes = &making->codes[(size_t)unit * making->layer->inputs + first_column];
		for (uint32_t c = 0; c < weights->columns; c++)
			codes[c] = to_code((double)row[c], scale, bits);
		fill_bias(making, projection, unit, r, scale, bits);
	}
	return SNNFIT_OK;
}

static snnfit_status
make_codes(struct making *making)
{
	const struct graph *graph = making->graph;
	struct layer *layer = making->layer;
	uint64_t count = (uint64_t)layer->units * layer->inputs;
	uint32_t column = 0;
	snnfit_status status;

	making->codes = calloc((size_t)count + 1, sizeof *making->codes);
	if (!making->codes)
		return error_no_memory(making->err);
	for (size_t i = 0; i < graph->projection_count; i++) {
		const struct projection *projection = &graph->projections[i];

		if (!drives(projection, making->id))
			continue;
		status = fill_codes(making, projection, column);
		if (status != SNNFIT_OK)
			return status;
		column += projection->weights->columns;
	}
	for (uint64_t i = 0; i < count; i++)
		layer->nonzero += making->codes[i] != 0;
	layer->weights = making->codes;
	return SNNFIT_OK;
}

/* --- the layer ---------------------------------------------------------------------- */

static snnfit_status
add_projection(struct making *making, const struct projection *projection)
{
	struct layer *layer = making->layer;
	uint32_t bits = weight_bits(projection, making->design);

	if (bits < LAYER_MIN_BITS || bits > LAYER_MAX_BITS)
		return error_set(making->err, SNNFIT_EUSAGE,
				 "layer %s: weights of %u bits can't be estimated: choose %d to %d",
				 making->population->name, bits, LAYER_MIN_BITS, LAYER_MAX_BITS);
	if (projection->weights->columns > UINT32_MAX - 1 - layer->inputs)
		return error_set(making->err, SNNFIT_ELIMIT,
				 "layer %s: too many inputs to estimate", making->population->name);
	layer->inputs += projection->weights->columns;
	if (bits > layer->weight_bits)
		layer->weight_bits = bits;
	if (projection->kernel > layer->kernel)
		layer->kernel = projection->kernel;
	return add_events(making, projection);
}

static snnfit_status
add_projections(struct making *making)
{
	const struct graph *graph = making->graph;
	snnfit_status status;

	for (size_t i = 0; i < graph->projection_count; i++) {
		if (!drives(&graph->projections[i], making->id))
			continue;
		status = add_projection(making, &graph->projections[i]);
		if (status != SNNFIT_OK)
			return status;
	}
	if (making->biased) {
		making->layer->inputs++;
		making->layer->events += 1;
		making->layer->most_events += 1;
	}
	return SNNFIT_OK;
}

snnfit_status
network_layer_make(const struct graph *graph, population_id population, const struct design *design,
		   const struct device *device, struct network_layer *out, snnfit_error *err)
{
	const struct population *from = &graph->populations[population];
	struct making making = { graph,	      population, from,		  design,
				 &out->layer, NULL,	  has_bias(from), err };
	struct layer *layer = &out->layer;
	snnfit_status status;

	*out = (struct network_layer){ .codes = NULL };
	layer->architecture = design->architecture;
	layer->family = device->family;
	layer->uncalibrated = !device->calibrated;
	layer->units = population_units(graph, population);
	layer->bitstream_length = design->bitstream_length;
	layer->lanes = design->lanes < layer->units ? design->lanes : layer->units;
	layer->positions = from->positions;
	layer->readout = from->kind == POPULATION_READOUT;
	status = add_projections(&making);
	if (status == SNNFIT_OK && design->architecture != ARCHITECTURE_EVENT)
		status = make_codes(&making);
	out->codes = making.codes;
	return status;
}

void
network_layer_free(struct network_layer *layer)
{
	free(layer->codes);
	layer->codes = NULL;
}
