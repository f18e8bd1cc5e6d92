/* layers.c - a network made of arrays: a chain of dense layers becomes a graph. */
#include "api/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void
snnfit_neuron_init(snnfit_neuron *neuron)
{
	*neuron = (snnfit_neuron){ .decay = 0.9, .threshold = 1.0, .reset = SNNFIT_RESET_SUBTRACT };
}

/* --- checking what was given ----------------------------------------------- */

static const char *
array_fault(const float *values, size_t count, bool negative_too)
{
	for (size_t i = 0; values && i < count; i++)
		if (!isfinite(values[i]) || (!negative_too && values[i] < 0.0f))
			return negative_too ? "has a value that is not finite"
					    : "has a value that is negative or not finite";
	return NULL;
}

static const char *
neuron_fault(const snnfit_neuron *neuron, uint32_t n_neurons)
{
	if (!isfinite(neuron->decay) || !isfinite(neuron->threshold) ||
	    !isfinite(neuron->reset_value))
		return "has a neuron parameter that is not finite";
	if (array_fault(neuron->decays, n_neurons, true) ||
	    array_fault(neuron->thresholds, n_neurons, true))
		return "has a decay or threshold that is not finite";
	if (neuron->reset < SNNFIT_RESET_SUBTRACT || neuron->reset > SNNFIT_RESET_NONE)
		return "has a reset that does not exist";
	return NULL;
}

/* Why the layer can't be; NULL: it can. */
static const char *
layer_fault(const snnfit_layer *layer, const snnfit_layer *before)
{
	size_t weights;

	if (!layer->name || !*layer->name)
		return "has no name";
	if (layer->n_inputs == 0 || layer->n_neurons == 0 || !layer->weights)
		return "has no inputs, neurons or weights";
	if (__builtin_mul_overflow((size_t)layer->n_inputs, (size_t)layer->n_neurons, &weights) ||
	    weights > SIZE_MAX / sizeof *layer->weights)
		return "is too large";
	if (before && layer->n_inputs != before->n_neurons)
		return "does not have as many inputs as the layer before has neurons";
	if (array_fault(layer->weights, weights, true) ||
	    array_fault(layer->bias, layer->n_neurons, true))
		return "has a weight or bias that is not finite";
	if (array_fault(layer->firing_rates, layer->n_neurons, false))
		return "has a firing rate that is negative or not finite";
	return layer->neuron ? neuron_fault(layer->neuron, layer->n_neurons) : NULL;
}

static bool
name_is_taken(const snnfit_layer *layers, size_t layer)
{
	for (size_t i = 0; i < layer; i++)
		if (strcmp(layers[i].name, layers[layer].name) == 0)
			return true;
	return false;
}

static snnfit_status
check_layers(const snnfit_layer *layers, size_t count, snnfit_error *err)
{
	if (count == 0 || !layers)
		return error_set(err, SNNFIT_EUSAGE, "there are no layers to make a network of");
	for (size_t i = 0; i < count; i++) {
		const char *fault = layer_fault(&layers[i], i ? &layers[i - 1] : NULL);

		if (!fault && name_is_taken(layers, i))
			fault = "has the name of another layer";
		if (fault)
			return error_set(err, SNNFIT_EUSAGE, "layer %zu ('%s') %s", i,
					 layers[i].name ? layers[i].name : "", fault);
	}
	return SNNFIT_OK;
}

/* --- parameters --------------------------------------------------------------- */

static bool
set_values(struct graph *graph, struct parameter *parameter, const float *values, uint32_t count)
{
	double *copy = arena_alloc(&graph->arena, count, sizeof *copy);

	for (uint32_t i = 0; copy && i < count; i++)
		copy[i] = values[i];
	*parameter = (struct parameter){ .count = count, .values = copy };
	return copy != NULL;
}

/* One a unit when there is an array, else the same for all. */
static bool
set_parameter(struct graph *graph, struct parameter *parameter, double value, const float *values,
	      uint32_t count)
{
	return values ? set_values(graph, parameter, values, count)
		      : graph_set_parameter(graph, parameter, value);
}

static const char *
neuron_model(const snnfit_neuron *neuron, uint32_t n_neurons)
{
	bool leaks = !neuron->decays && neuron->decay != 1.0;

	for (uint32_t i = 0; neuron->decays && i < n_neurons; i++)
		leaks = leaks || neuron->decays[i] != 1.0f;
	return neuron->readout ? "readout" : leaks ? "LIF" : "IF";
}

static bool
set_reset(struct graph *graph, struct neuron *neuron, const snnfit_neuron *given,
	  uint32_t n_neurons)
{
	neuron->reset_timing = given->late ? RESET_LATE : RESET_NOW;
	switch (given->reset) {
	case SNNFIT_RESET_SUBTRACT:
		neuron->reset = RESET_SUBTRACT;
		return set_parameter(graph, &neuron->reset_value, given->threshold,
				     given->thresholds, n_neurons);
	case SNNFIT_RESET_SET:
		neuron->reset = RESET_SET;
		return graph_set_parameter(graph, &neuron->reset_value, given->reset_value);
	default:
		neuron->reset = RESET_NONE;
		return true;
	}
}

static bool
set_spikes(struct graph *graph, struct neuron *neuron, const snnfit_neuron *given,
	   uint32_t n_neurons)
{
	neuron->comparison = given->greater_equal ? COMPARE_GREATER_EQUAL : COMPARE_GREATER;
	return set_parameter(graph, &neuron->threshold, given->threshold, given->thresholds,
			     n_neurons) &&
	       graph_set_parameter(graph, &neuron->spike_gain, 1.0) &&
	       set_reset(graph, neuron, given, n_neurons);
}

static bool
set_neuron(struct graph *graph, struct population *population, const snnfit_layer *layer)
{
	struct neuron *neuron = &population->neuron;
	snnfit_neuron given;

	snnfit_neuron_init(&given);
	if (layer->neuron)
		given = *layer->neuron;
	population->kind = given.readout ? POPULATION_READOUT : POPULATION_SPIKING;
	neuron->model = neuron_model(&given, layer->n_neurons);
	return set_parameter(graph, &neuron->decay, given.decay, given.decays, layer->n_neurons) &&
	       graph_set_parameter(graph, &neuron->input_gain, 1.0) &&
	       (!layer->bias ||
		set_values(graph, &neuron->offset, layer->bias, layer->n_neurons)) &&
	       (given.readout || set_spikes(graph, neuron, &given, layer->n_neurons));
}

/* --- populations and projections ------------------------------------------------ */

static bool
set_rates(struct graph *graph, struct population *population, const snnfit_layer *layer)
{
	struct parameter rates = { .count = 0 };

	if (!layer->firing_rates)
		return true;
	if (!set_values(graph, &rates, layer->firing_rates, layer->n_neurons))
		return false;
	population->rates = rates.values;
	return true;
}

static snnfit_status
add_population(struct graph *graph, const snnfit_layer *layer, bool is_last, population_id *out,
	       snnfit_error *err)
{
	axis_id axis = graph_add_axis(graph, layer->n_neurons);
	struct population *population;

	*out = axis == GRAPH_NONE ? GRAPH_NONE : graph_add_population(graph, layer->name, axis);
	if (*out == GRAPH_NONE)
		return error_no_memory(err);
	population = &graph->populations[*out];
	population->starts_at_zero = true;
	population->output = is_last;
	if (is_last)
		graph->axes[axis].frozen = "its units are the output of the network";
	if (!set_neuron(graph, population, layer) || !set_rates(graph, population, layer))
		return error_no_memory(err);
	return SNNFIT_OK;
}

/* The graph has a row a unit, the arrays have a column a unit. */
static snnfit_status
transposed_weights(const snnfit_layer *layer, struct weights **out, snnfit_error *err)
{
	uint32_t rows = layer->n_neurons, columns = layer->n_inputs;
	float *values = malloc((size_t)rows * columns * sizeof *values);
	snnfit_status status;

	if (!values)
		return error_no_memory(err);
	for (uint32_t row = 0; row < rows; row++)
		for (uint32_t column = 0; column < columns; column++)
			values[(size_t)row * columns + column] =
				layer->weights[(size_t)column * rows + row];
	status = weights_from_values(out, rows, columns, values, err);
	free(values);
	return status;
}

static snnfit_status
add_projection(struct graph *graph, const snnfit_layer *layer, population_id target,
	       snnfit_error *err)
{
	projection_id id = graph_add_projection(graph, target);
	struct span span = { GRAPH_NONE, 1, layer->n_inputs, 1, 0 };
	struct projection *projection;
	snnfit_status status;

	if (id == GRAPH_NONE)
		return error_no_memory(err);
	projection = &graph->projections[id];
	projection->reads = target == 0 ? READS_INPUT : READS_SPIKES;
	if (target > 0)
		span.axis = graph->populations[target - 1].axis;
	projection->columns.spans = arena_copy(&graph->arena, &span, 1, sizeof span);
	projection->columns.count = 1;
	if (!projection->columns.spans || !graph_set_parameter(graph, &projection->gain, 1.0))
		return error_no_memory(err);
	status = transposed_weights(layer, &projection->weights, err);
	if (status == SNNFIT_OK && layer->bias)
		status = weights_from_values(&projection->bias, layer->n_neurons, 1, layer->bias,
					     err);
	return status;
}

static snnfit_status
build(struct graph *graph, const snnfit_layer *layers, size_t count, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	population_id population;

	for (size_t i = 0; i < count && status == SNNFIT_OK; i++) {
		status = add_population(graph, &layers[i], i + 1 == count, &population, err);
		if (status == SNNFIT_OK)
			status = add_projection(graph, &layers[i], population, err);
	}
	if (status == SNNFIT_OK)
		status = graph_count_parameters(graph, &graph->parameters_before, NULL, err);
	return status == SNNFIT_OK ? graph_verify(graph, err) : status;
}

snnfit_status
snnfit_model_from_layers(snnfit_model **out, const snnfit_layer *layers, size_t count,
			 snnfit_error *err)
{
	snnfit_model *model;
	snnfit_status status = check_layers(layers, count, err);

	*out = NULL;
	if (status != SNNFIT_OK)
		return status;
	model = calloc(1, sizeof *model);
	if (!model)
		return error_no_memory(err);
	status = graph_new(&model->graph, err);
	if (status == SNNFIT_OK)
		status = build(model->graph, layers, count, err);
	if (status == SNNFIT_OK)
		*out = model;
	else
		snnfit_model_free(model);
	return status;
}
