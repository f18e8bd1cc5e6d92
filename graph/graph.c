#include "graph/graph.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

snnfit_status
graph_new(struct graph **out, snnfit_error *err)
{
	*out = calloc(1, sizeof **out);
	if (!*out)
		return error_no_memory(err);
	(*out)->steps = 1;
	return SNNFIT_OK;
}

void
graph_free(struct graph *graph)
{
	size_t i;

	if (!graph)
		return;
	for (i = 0; i < graph->projection_count; i++) {
		weights_release(graph->projections[i].weights);
		weights_release(graph->projections[i].bias);
	}
	arena_free(&graph->arena);
	free(graph);
}

/* --- adding ------------------------------------------------------------- */

static bool
fill_axis(struct graph *graph, struct unit_axis *axis, uint32_t units)
{
	uint32_t unit;

	*axis = (struct unit_axis){ .units = units, .units_before = units };
	axis->origin = arena_alloc(&graph->arena, units, sizeof *axis->origin);
	axis->fate = arena_zalloc(&graph->arena, units, sizeof *axis->fate);
	axis->merged_into = arena_alloc(&graph->arena, units, sizeof *axis->merged_into);
	if (!axis->origin || !axis->fate || !axis->merged_into)
		return false;
	for (unit = 0; unit < units; unit++) {
		axis->origin[unit] = unit;
		axis->merged_into[unit] = GRAPH_NONE;
	}
	return true;
}

axis_id
graph_add_axis(struct graph *graph, uint32_t units)
{
	if (!arena_grow(&graph->arena, &graph->axes, graph->axis_count, &graph->axis_capacity,
			sizeof *graph->axes))
		return GRAPH_NONE;
	if (!fill_axis(graph, &graph->axes[graph->axis_count], units))
		return GRAPH_NONE;
	return (axis_id)graph->axis_count++;
}

population_id
graph_add_population(struct graph *graph, const char *name, axis_id axis)
{
	const char *copy = arena_strdup(&graph->arena, name);

	if (!copy || !arena_grow(&graph->arena, &graph->populations, graph->population_count,
				 &graph->population_capacity, sizeof *graph->populations))
		return GRAPH_NONE;
	graph->populations[graph->population_count] =
		(struct population){ .name = copy, .axis = axis, .positions = 1 };
	return (population_id)graph->population_count++;
}

projection_id
graph_add_projection(struct graph *graph, population_id target)
{
	if (!arena_grow(&graph->arena, &graph->projections, graph->projection_count,
			&graph->projection_capacity, sizeof *graph->projections))
		return GRAPH_NONE;
	graph->projections[graph->projection_count] = (struct projection){
		.target = target, .kernel = 1, .binding = GRAPH_NONE, .reads_input_of = GRAPH_NONE
	};
	return (projection_id)graph->projection_count++;
}

bool
graph_add_state(struct graph *graph, const char *input, const char *output,
		population_id population)
{
	struct state_pair pair = { .input = arena_strdup(&graph->arena, input),
				   .output = arena_strdup(&graph->arena, output),
				   .population = population };

	if (!pair.input || !pair.output ||
	    !arena_grow(&graph->arena, &graph->states, graph->state_count, &graph->state_capacity,
			sizeof *graph->states))
		return false;
	graph->states[graph->state_count++] = pair;
	return true;
}

bool
graph_note(struct graph *graph, const char *format, ...)
{
	va_list args;
	char *note = NULL;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length >= 0)
		note = arena_alloc(&graph->arena, (size_t)length + 1, 1);
	if (!note || !arena_grow(&graph->arena, &graph->notes, graph->note_count,
				 &graph->note_capacity, sizeof *graph->notes))
		return false;
	va_start(args, format);
	(void)vsnprintf(note, (size_t)length + 1, format, args);
	va_end(args);
	graph->notes[graph->note_count++] = note;
	return true;
}

bool
graph_set_parameter(struct graph *graph, struct parameter *parameter, double value)
{
	double *values = arena_copy(&graph->arena, &value, 1, sizeof value);

	if (!values)
		return false;
	*parameter = (struct parameter){ .count = 1, .values = values };
	return true;
}

/* --- asking ------------------------------------------------------------- */

double
parameter_at(const struct parameter *parameter, uint32_t unit)
{
	return parameter->values[parameter->count == 1 ? 0 : unit];
}

uint64_t
dimension_size(const struct dimension *dimension)
{
	uint64_t size = 0;
	uint32_t i;

	for (i = 0; i < dimension->count; i++) {
		const struct span *span = &dimension->spans[i];

		size += (uint64_t)span->outer * span->units * span->inner;
	}
	return size;
}

population_id
graph_population_of(const struct graph *graph, axis_id axis)
{
	size_t i;

	for (i = 0; i < graph->population_count; i++)
		if (graph->populations[i].axis == axis && !graph->populations[i].removed)
			return (population_id)i;
	return GRAPH_NONE;
}

uint32_t
population_units(const struct graph *graph, population_id population)
{
	return graph->axes[graph->populations[population].axis].units;
}

bool
quantization_holds(const struct quantization *quantization, uint32_t row, float weight)
{
	double steps = weight / (double)quantization->scale[quantization->per_unit ? row : 0];
	double end = ldexp(1.0, (int)quantization->bits - 1);

	return steps > -end - 0.5 && steps < end - 0.5 &&
	       fabs(steps - round(steps)) <= 1e-6 * fmax(1.0, fabs(steps));
}

bool
projection_reads(const struct projection *projection, axis_id axis)
{
	uint32_t i;

	for (i = 0; i < projection->columns.count; i++)
		if (projection->columns.spans[i].axis == axis)
			return true;
	return false;
}

/* The rate behind element (outer, inner) of a unit: that of the position, when
 * the span has all of them, else the mean over the unit's positions. */
static double
rate_at(const struct population *population, const struct span *span, uint32_t unit, uint32_t outer,
	uint32_t inner)
{
	const double *rates = population->rates + (size_t)unit * population->positions;
	double sum = 0.0;
	uint32_t i;

	if ((uint64_t)span->outer * span->inner == population->positions)
		return rates[(size_t)outer * span->inner + inner];
	for (i = 0; i < population->positions; i++)
		sum += rates[i];
	return sum / population->positions;
}

/* Rates at every column of a span; the next free place, or NULL: not known. */
static double *
span_rates(const struct graph *graph, const struct span *span, double *out)
{
	population_id id = graph_population_of(graph, span->axis);
	uint32_t outer, unit, inner;

	if (span->axis == GRAPH_NONE || id == GRAPH_NONE || !graph->populations[id].rates)
		return NULL;
	for (outer = 0; outer < span->outer; outer++)
		for (unit = 0; unit < span->units; unit++)
			for (inner = 0; inner < span->inner; inner++)
				*out++ = rate_at(&graph->populations[id], span, span->first + unit,
						 outer, inner);
	return out;
}

bool
projection_mean_input(const struct graph *graph, const struct projection *projection, double *out)
{
	uint64_t columns = dimension_size(&projection->columns), column;
	double *next = out;
	uint32_t i;

	if (projection->reads != READS_SPIKES)
		return false;
	for (i = 0; i < projection->columns.count && next; i++)
		next = span_rates(graph, &projection->columns.spans[i], next);
	if (!next)
		return false;
	for (column = 0; column < columns; column++) {
		if (projection->spike)
			out[column] *= projection->spike[column];
		if (projection->silent)
			out[column] += projection->silent[column];
	}
	return true;
}

static snnfit_status
count_matrix(const struct weights *weights, uint64_t *all, uint64_t *nonzero, snnfit_error *err)
{
	uint64_t count, zeros = 0;
	snnfit_status status = SNNFIT_OK;

	if (!weights)
		return SNNFIT_OK;
	count = (uint64_t)weights->rows * weights->columns;
	*all += count;
	if (!nonzero)
		return SNNFIT_OK;
	status = weights_count_zeros(weights, &zeros, err);
	*nonzero += count - zeros;
	return status;
}

snnfit_status
graph_count_parameters(const struct graph *graph, uint64_t *all, uint64_t *nonzero,
		       snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	*all = 0;
	if (nonzero)
		*nonzero = 0;
	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++) {
		const struct projection *projection = &graph->projections[i];

		if (projection->removed)
			continue;
		status = count_matrix(projection->weights, all, nonzero, err);
		if (status == SNNFIT_OK)
			status = count_matrix(projection->bias, all, nonzero, err);
	}
	return status;
}

void
neuron_parameters(struct neuron *neuron, struct parameter *list[NEURON_PARAMETERS])
{
	struct parameter *const all[NEURON_PARAMETERS] = {
		&neuron->decay,	       &neuron->threshold,  &neuron->reset_value,
		&neuron->offset,       &neuron->input_gain, &neuron->current_decay,
		&neuron->current_gain, &neuron->spike_gain, &neuron->floor,
		&neuron->count_limit,
	};

	memcpy(list, all, sizeof all);
}

uint64_t
graph_count_neurons(const struct graph *graph)
{
	uint64_t neurons = 0;
	population_id id;

	for (id = 0; id < graph->population_count; id++)
		if (!graph->populations[id].removed)
			neurons += (uint64_t)population_units(graph, id) *
				   graph->populations[id].positions;
	return neurons;
}

uint64_t
graph_count_neurons_before(const struct graph *graph)
{
	uint64_t neurons = 0;
	size_t i;

	for (i = 0; i < graph->population_count; i++)
		neurons += (uint64_t)graph->axes[graph->populations[i].axis].units_before *
			   graph->populations[i].positions;
	return neurons;
}

bool
graph_has_rates(const struct graph *graph)
{
	for (size_t i = 0; i < graph->population_count; i++)
		if (graph->populations[i].rates && !graph->populations[i].removed)
			return true;
	return false;
}
