/* layers_read.c - a network read back as arrays. */
#include "api/model.h"
#include "api/names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Population number `layer` of those that are still there, in *out. */
static snnfit_status
find_layer(snnfit_model *model, size_t layer, const struct graph **graph, population_id *out,
	   snnfit_error *err)
{
	struct graph *found;
	size_t left = layer;
	snnfit_status status = model_graph(model, &found, err);

	if (status != SNNFIT_OK)
		return status;
	*graph = found;
	for (*out = 0; *out < found->population_count; ++*out)
		if (!found->populations[*out].removed && left-- == 0)
			return SNNFIT_OK;
	return error_set(err, SNNFIT_EUSAGE, "there is no layer %zu; the network has %zu", layer,
			 layer - left);
}

snnfit_status
snnfit_model_layer_count(snnfit_model *model, size_t *count, snnfit_error *err)
{
	struct graph *graph;
	snnfit_status status = model_graph(model, &graph, err);

	*count = 0;
	for (size_t i = 0; status == SNNFIT_OK && i < graph->population_count; i++)
		*count += !graph->populations[i].removed;
	return status;
}

static const struct projection *
next_projection(const struct graph *graph, population_id population, size_t *at)
{
	while (*at < graph->projection_count) {
		const struct projection *projection = &graph->projections[(*at)++];

		if (projection->target == population && !projection->removed)
			return projection;
	}
	return NULL;
}

snnfit_status
snnfit_model_layer(snnfit_model *model, size_t layer, snnfit_layer_info *info, snnfit_error *err)
{
	const struct population *population;
	const struct projection *projection;
	const struct graph *graph;
	population_id id;
	size_t at = 0;
	snnfit_status status = find_layer(model, layer, &graph, &id, err);

	*info = (snnfit_layer_info){ .name = NULL };
	if (status != SNNFIT_OK)
		return status;
	population = &graph->populations[id];
	*info = (snnfit_layer_info){
		.name = population->name,
		.kind = population_kind_name(population->kind),
		.n_neurons = graph->axes[population->axis].units,
		.n_neurons_before = graph->axes[population->axis].units_before,
		.positions = population->positions,
		.has_rates = population->rates != NULL,
		.frozen = graph->axes[population->axis].frozen,
	};
	while ((projection = next_projection(graph, id, &at))) {
		info->n_inputs += projection->weights->columns;
		info->has_bias |= projection->bias != NULL;
		if (projection->quantization.bits > info->weight_bits)
			info->weight_bits = projection->quantization.bits;
	}
	return SNNFIT_OK;
}

/* --- the arrays ------------------------------------------------------------- */

/* The projection's weights become the next columns->count inputs of out. */
static snnfit_status
read_weights(const struct projection *projection, uint32_t n_neurons, float *out, snnfit_error *err)
{
	const struct weights *weights = projection->weights;
	float *row = malloc(((size_t)weights->columns + 1) * sizeof *row);
	snnfit_status status = row ? SNNFIT_OK : error_no_memory(err);

	if (row)
		memset(out, 0, (size_t)weights->columns * n_neurons * sizeof *out);
	for (uint32_t r = 0; r < weights->rows && status == SNNFIT_OK; r++) {
		status = weights_read_rows(weights, r, 1, row, err);
		for (uint32_t c = 0; status == SNNFIT_OK && c < weights->columns; c++)
			out[(size_t)c * n_neurons + projection->first_row + r] = row[c];
	}
	free(row);
	return status;
}

static snnfit_status
add_bias(const struct projection *projection, float *out, snnfit_error *err)
{
	float value;
	snnfit_status status = SNNFIT_OK;

	for (uint32_t r = 0; projection->bias && r < projection->bias->rows; r++) {
		status = weights_read_rows(projection->bias, r, 1, &value, err);
		if (status != SNNFIT_OK)
			return status;
		out[projection->first_row + r] += value;
	}
	return status;
}

static snnfit_status
read_projections(const struct graph *graph, population_id id, float *weights, float *bias,
		 snnfit_error *err)
{
	uint32_t n_neurons = population_units(graph, id);
	const struct projection *projection;
	snnfit_status status = SNNFIT_OK;
	size_t at = 0;

	if (bias)
		memset(bias, 0, n_neurons * sizeof *bias);
	while (status == SNNFIT_OK && (projection = next_projection(graph, id, &at))) {
		if (weights) {
			status = read_weights(projection, n_neurons, weights, err);
			weights += (size_t)projection->weights->columns * n_neurons;
		}
		if (status == SNNFIT_OK && bias)
			status = add_bias(projection, bias, err);
	}
	return status;
}

static void
read_rates(const struct population *population, uint32_t n_neurons, float *rates)
{
	size_t count = (size_t)n_neurons * population->positions;

	for (size_t i = 0; i < count; i++)
		rates[i] = population->rates ? (float)population->rates[i] : NAN;
}

snnfit_status
snnfit_model_layer_read(snnfit_model *model, size_t layer, float *weights, float *bias,
			float *rates, uint32_t *origin, snnfit_error *err)
{
	const struct unit_axis *axis;
	const struct graph *graph;
	population_id id;
	snnfit_status status = find_layer(model, layer, &graph, &id, err);

	if (status != SNNFIT_OK)
		return status;
	axis = &graph->axes[graph->populations[id].axis];
	if (rates)
		read_rates(&graph->populations[id], axis->units, rates);
	if (origin)
		memcpy(origin, axis->origin, axis->units * sizeof *origin);
	return read_projections(graph, id, weights, bias, err);
}
