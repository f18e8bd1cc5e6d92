#include "graph/graph.h"

#include <stdlib.h>

/* Remembers a failure, so that it is asked for once. */
struct copier {
	struct arena *arena;
	bool failed;
};

static void *
copy_array(struct copier *copier, const void *from, size_t count, size_t size)
{
	void *copy = from ? arena_copy(copier->arena, from, count, size) : NULL;

	if (from && !copy)
		copier->failed = true;
	return copy;
}

static const char *
copy_string(struct copier *copier, const char *from)
{
	const char *copy = from ? arena_strdup(copier->arena, from) : NULL;

	if (from && !copy)
		copier->failed = true;
	return copy;
}

static const char **
copy_strings(struct copier *copier, const char **from, size_t count)
{
	const char **copy = copy_array(copier, from, count, sizeof *from);
	size_t i;

	for (i = 0; copy && i < count; i++)
		copy[i] = copy_string(copier, from[i]);
	return copy;
}

static void
copy_parameter(struct copier *copier, struct parameter *parameter)
{
	parameter->values = copy_array(copier, parameter->values, parameter->count,
				       sizeof *parameter->values);
}

static void
copy_axis(struct copier *copier, struct unit_axis *axis)
{
	axis->origin = copy_array(copier, axis->origin, axis->units, sizeof *axis->origin);
	axis->fate = copy_array(copier, axis->fate, axis->units_before, sizeof *axis->fate);
	axis->merged_into = copy_array(copier, axis->merged_into, axis->units_before,
				       sizeof *axis->merged_into);
	axis->frozen = copy_string(copier, axis->frozen);
	axis->dead_only = copy_string(copier, axis->dead_only);
	axis->parts = copy_array(copier, axis->parts, axis->part_count, sizeof *axis->parts);
}

static void
copy_neuron(struct copier *copier, struct neuron *neuron)
{
	struct parameter *parameters[NEURON_PARAMETERS];
	size_t i;

	neuron->model = copy_string(copier, neuron->model);
	neuron_parameters(neuron, parameters);
	for (i = 0; i < NEURON_PARAMETERS; i++)
		copy_parameter(copier, parameters[i]);
}

static void
copy_population(struct copier *copier, struct population *population, uint32_t units)
{
	population->name = copy_string(copier, population->name);
	population->weight_tensor = copy_string(copier, population->weight_tensor);
	population->body = copy_string(copier, population->body);
	copy_neuron(copier, &population->neuron);
	population->rates = copy_array(copier, population->rates,
				       (size_t)units * population->positions,
				       sizeof *population->rates);
	population->rates_tensor = copy_string(copier, population->rates_tensor);
	population->spike_tensors = copy_strings(copier, population->spike_tensors,
						 population->spike_tensor_count);
	population->state_inputs = copy_strings(copier, population->state_inputs,
						population->state_count);
	population->state_outputs = copy_strings(copier, population->state_outputs,
						 population->state_count);
}

static void
copy_projection(struct copier *copier, struct projection *projection)
{
	struct dimension *columns = &projection->columns;
	size_t size = (size_t)dimension_size(columns);
	bool per_unit = projection->quantization.per_unit && projection->weights;
	size_t scales = per_unit ? projection->weights->rows : 1;

	columns->spans = copy_array(copier, columns->spans, columns->count, sizeof *columns->spans);
	projection->silent = copy_array(copier, projection->silent, size, sizeof(double));
	projection->spike = copy_array(copier, projection->spike, size, sizeof(double));
	copy_parameter(copier, &projection->gain);
	projection->quantization.scale = copy_array(copier, projection->quantization.scale, scales,
						    sizeof(float));
}

/* The references are taken before anything else can fail, so that graph_free
 * gives back as many. */
static void
copy_projections(struct copier *copier, struct graph *to, const struct graph *from)
{
	size_t i;

	to->projections = copy_array(copier, from->projections, from->projection_count,
				     sizeof *to->projections);
	if (!to->projections)
		return;
	to->projection_count = to->projection_capacity = from->projection_count;
	for (i = 0; i < to->projection_count; i++) {
		(void)weights_retain(to->projections[i].weights);
		(void)weights_retain(to->projections[i].bias);
	}
	for (i = 0; i < to->projection_count; i++)
		copy_projection(copier, &to->projections[i]);
}

static void
copy_populations(struct copier *copier, struct graph *to, const struct graph *from)
{
	size_t i;

	to->axes = copy_array(copier, from->axes, from->axis_count, sizeof *to->axes);
	to->populations = copy_array(copier, from->populations, from->population_count,
				     sizeof *to->populations);
	if (copier->failed)
		return;
	to->axis_count = to->axis_capacity = from->axis_count;
	to->population_count = to->population_capacity = from->population_count;
	for (i = 0; i < to->axis_count; i++)
		copy_axis(copier, &to->axes[i]);
	for (i = 0; i < to->population_count; i++)
		copy_population(copier, &to->populations[i], population_units(from, (uint32_t)i));
}

static void
copy_names(struct copier *copier, struct graph *to, const struct graph *from)
{
	size_t i;

	to->states = copy_array(copier, from->states, from->state_count, sizeof *to->states);
	to->state_count = to->state_capacity = to->states ? from->state_count : 0;
	for (i = 0; i < to->state_count; i++) {
		to->states[i].input = copy_string(copier, from->states[i].input);
		to->states[i].output = copy_string(copier, from->states[i].output);
	}
	to->inputs = copy_strings(copier, from->inputs, from->input_count);
	to->input_count = to->input_capacity = from->input_count;
	to->outputs = copy_strings(copier, from->outputs, from->output_count);
	to->output_count = to->output_capacity = from->output_count;
	to->notes = copy_strings(copier, from->notes, from->note_count);
	to->note_count = to->note_capacity = from->note_count;
}

snnfit_status
graph_copy(struct graph **out, const struct graph *graph, snnfit_error *err)
{
	struct copier copier = { 0 };
	struct graph *copy;
	snnfit_status status = graph_new(&copy, err);

	if (status != SNNFIT_OK)
		return status;
	copier.arena = &copy->arena;
	copy->time = graph->time;
	copy->steps = graph->steps;
	copy->rates_samples = graph->rates_samples;
	copy->rates_steps = graph->rates_steps;
	copy->parameters_before = graph->parameters_before;
	copy->bindings = graph->bindings;
	copy_projections(&copier, copy, graph);
	copy_populations(&copier, copy, graph);
	copy_names(&copier, copy, graph);
	if (copier.failed) {
		graph_free(copy);
		return error_no_memory(err);
	}
	*out = copy;
	return SNNFIT_OK;
}
