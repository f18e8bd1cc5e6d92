#include "graph/digest.h"

#include <sha256.h>
#include <stdlib.h>

_Static_assert(GRAPH_DIGEST_BYTES == SHA256_DIGEST_LENGTH, "SHA-256 it is");

static void
add_number(SHA2_CTX *hash, uint64_t number)
{
	SHA256Update(hash, (const uint8_t *)&number, sizeof number);
}

/* The length first, so that no two lists run into each other. */
static void
add_list(SHA2_CTX *hash, const void *items, uint64_t count, size_t size)
{
	add_number(hash, items ? count : 0);
	if (items)
		SHA256Update(hash, items, (size_t)count * size);
}

static void
add_parameter(SHA2_CTX *hash, const struct parameter *parameter)
{
	add_list(hash, parameter->values, parameter->count, sizeof *parameter->values);
}

static void
add_neuron(SHA2_CTX *hash, struct neuron neuron)
{
	struct parameter *parameters[NEURON_PARAMETERS];
	size_t i;

	neuron_parameters(&neuron, parameters);
	for (i = 0; i < NEURON_PARAMETERS; i++)
		add_parameter(hash, parameters[i]);
}

static snnfit_status
add_weights(SHA2_CTX *hash, const struct weights *weights, snnfit_error *err)
{
	uint32_t piece = weights ? weights_piece_rows(weights) : 0, row, count;
	snnfit_status status = SNNFIT_OK;
	float *values;

	add_number(hash, weights ? weights->rows : 0);
	add_number(hash, weights ? weights->columns : 0);
	if (!weights)
		return SNNFIT_OK;
	values = calloc((size_t)piece * weights->columns + 1, sizeof *values);
	if (!values)
		return error_no_memory(err);
	for (row = 0; row < weights->rows && status == SNNFIT_OK; row += count) {
		count = weights->rows - row < piece ? weights->rows - row : piece;
		status = weights_read_rows(weights, row, count, values, err);
		SHA256Update(hash, (const uint8_t *)values,
			     (size_t)count * weights->columns * sizeof *values);
	}
	free(values);
	return status;
}

static snnfit_status
add_projection(SHA2_CTX *hash, const struct projection *projection, snnfit_error *err)
{
	const struct quantization *quantization = &projection->quantization;
	uint32_t rows = projection->weights->rows, i;
	snnfit_status status;

	add_number(hash, projection->target);
	add_number(hash, projection->first_row);
	add_number(hash, projection->reads_input_of);
	for (i = 0; i < projection->columns.count; i++) {
		const struct span *span = &projection->columns.spans[i];

		add_number(hash, span->axis);
		add_number(hash, span->first);
		add_number(hash, (uint64_t)span->outer * span->inner);
	}
	add_parameter(hash, &projection->gain);
	add_number(hash, quantization->bits);
	if (quantization->bits)
		add_list(hash, quantization->scale, quantization->per_unit ? rows : 1,
			 sizeof *quantization->scale);
	status = add_weights(hash, projection->weights, err);
	return status == SNNFIT_OK ? add_weights(hash, projection->bias, err) : status;
}

snnfit_status
graph_digest(const struct graph *graph, uint8_t out[GRAPH_DIGEST_BYTES], snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	SHA2_CTX hash;
	size_t i;

	SHA256Init(&hash);
	for (i = 0; i < graph->axis_count; i++)
		add_list(&hash, graph->axes[i].origin, graph->axes[i].units,
			 sizeof *graph->axes[i].origin);
	for (i = 0; i < graph->population_count; i++) {
		add_number(&hash, graph->populations[i].removed);
		add_neuron(&hash, graph->populations[i].neuron);
	}
	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++) {
		add_number(&hash, graph->projections[i].removed);
		if (!graph->projections[i].removed)
			status = add_projection(&hash, &graph->projections[i], err);
	}
	SHA256Final(out, &hash);
	return status;
}
