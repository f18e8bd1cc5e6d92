/* verify.c - everything that graph.h promises, checked. Weights that still lie in
 * their file are not read, those that were changed are. */
#include "core/map.h"
#include "graph/graph.h"

#include <math.h>
#include <stdio.h>

/* What is being checked: for messages, and where failures go. */
struct check {
	const struct graph *graph;
	const char *kind; /* "unit axis", "population", "projection into" */
	const char *name; /* or NULL: number */
	size_t number;
	snnfit_error *err;
};

/* False: the graph is broken, and *err says where. */
static bool
fails(const struct check *check, const char *what)
{
	if (check->name)
		(void)error_set(check->err, SNNFIT_EINTERNAL,
				"the graph is inconsistent: %s '%s': %s", check->kind, check->name,
				what);
	else
		(void)error_set(check->err, SNNFIT_EINTERNAL,
				"the graph is inconsistent: %s %zu: %s", check->kind, check->number,
				what);
	return false;
}

static bool
all_finite(const double *values, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!isfinite(values[i]))
			return false;
	return true;
}

static bool
all_there(const char *const *names, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!names || !names[i])
			return false;
	return true;
}

/* count items need an array. */
static bool
array_there(const void *array, size_t count)
{
	return array || count == 0;
}

/* --- unit axes ---------------------------------------------------------- */

static bool
check_origins(const struct check *check, const struct unit_axis *axis)
{
	uint32_t unit;

	for (unit = 0; unit < axis->units; unit++) {
		uint32_t origin = axis->origin[unit];

		if (origin >= axis->units_before)
			return fails(check, "a unit comes from outside the input model");
		if (unit > 0 && origin <= axis->origin[unit - 1])
			return fails(check, "its units are not in the order of the input model");
		if (axis->fate[origin] != UNIT_KEPT)
			return fails(check, "a unit is there and gone at once");
	}
	return true;
}

static bool
check_fates(const struct check *check, const struct unit_axis *axis)
{
	uint32_t kept = 0, unit;

	for (unit = 0; unit < axis->units_before; unit++) {
		bool merged = axis->fate[unit] == UNIT_MERGED;

		if (axis->fate[unit] > UNIT_FUSED)
			return fails(check, "a unit has a fate that does not exist");
		if (merged ? axis->merged_into[unit] >= axis->units_before
			   : axis->merged_into[unit] != GRAPH_NONE)
			return fails(check, "what was merged into what does not agree with the "
					    "units' fates");
		if (merged && axis->merged_into[unit] == unit)
			return fails(check, "a unit was merged into itself");
		kept += axis->fate[unit] == UNIT_KEPT;
	}
	return kept == axis->units || fails(check, "units and their fates do not add up");
}

static bool
check_parts(const struct check *check, const struct unit_axis *axis)
{
	uint32_t i;

	if (!array_there(axis->parts, axis->part_count))
		return fails(check, "it has no list of its parts");
	for (i = 0; i < axis->part_count; i++)
		if (axis->parts[i] >= axis->units ||
		    (i ? axis->parts[i] <= axis->parts[i - 1] : axis->parts[0] != 0))
			return fails(check, "its parts are not one after the other");
	return true;
}

static bool
check_axis(const struct graph *graph, axis_id id, snnfit_error *err)
{
	const struct unit_axis *axis = &graph->axes[id];
	struct check check = { graph, "unit axis", NULL, id, err };

	if (axis->units > axis->units_before)
		return fails(&check, "it has more units than in the input model");
	if (!array_there(axis->origin, axis->units) ||
	    !array_there(axis->fate, axis->units_before) ||
	    !array_there(axis->merged_into, axis->units_before))
		return fails(&check, "it has no list of its units");
	if (axis->units == 0 && graph_population_of(graph, id) != GRAPH_NONE)
		return fails(&check, "it has no units but a population");
	return check_origins(&check, axis) && check_fates(&check, axis) &&
	       check_parts(&check, axis);
}

/* --- populations -------------------------------------------------------- */

static bool
check_parameter(const struct check *check, const char *name, const struct parameter *parameter,
		uint32_t units)
{
	char what[64];

	if (parameter->count > 1 && parameter->count != units) {
		(void)snprintf(what, sizeof what, "%s has %u values", name, parameter->count);
		return fails(check, what);
	}
	if (!array_there(parameter->values, parameter->count) ||
	    !all_finite(parameter->values, parameter->count)) {
		(void)snprintf(what, sizeof what, "%s has a value that is not a number", name);
		return fails(check, what);
	}
	return true;
}

static bool
check_parameters(const struct check *check, const struct neuron *neuron, uint32_t units)
{
	return check_parameter(check, "decay", &neuron->decay, units) &&
	       check_parameter(check, "threshold", &neuron->threshold, units) &&
	       check_parameter(check, "reset value", &neuron->reset_value, units) &&
	       check_parameter(check, "offset", &neuron->offset, units) &&
	       check_parameter(check, "input gain", &neuron->input_gain, units) &&
	       check_parameter(check, "current decay", &neuron->current_decay, units) &&
	       check_parameter(check, "current gain", &neuron->current_gain, units) &&
	       check_parameter(check, "spike gain", &neuron->spike_gain, units) &&
	       check_parameter(check, "floor", &neuron->floor, units) &&
	       check_parameter(check, "count limit", &neuron->count_limit, units);
}

static bool
check_neuron(const struct check *check, const struct population *population, uint32_t units)
{
	const struct neuron *neuron = &population->neuron;

	if ((unsigned)population->kind > POPULATION_CUSTOM ||
	    (unsigned)neuron->comparison > COMPARE_GREATER_EQUAL ||
	    (unsigned)neuron->reset > RESET_SET || (unsigned)neuron->reset_timing > RESET_BOTH ||
	    (unsigned)neuron->current > CURRENT_NEW)
		return fails(check, "its neuron is of no kind that exists");
	if (population->kind == POPULATION_READOUT && neuron->comparison != COMPARE_NONE)
		return fails(check, "it is a readout but compares with a threshold");
	if (population->kind == POPULATION_SPIKING &&
	    (neuron->comparison == COMPARE_NONE || neuron->threshold.count == 0))
		return fails(check, "it spikes but has no threshold");
	return check_parameters(check, neuron, units);
}

static bool
check_rates(const struct check *check, const struct population *population, uint32_t units)
{
	size_t count = (size_t)units * population->positions, i;

	for (i = 0; population->rates && i < count; i++)
		if (!isfinite(population->rates[i]) || population->rates[i] < 0.0)
			return fails(check, "a firing rate is negative or not a number");
	return true;
}

static bool
check_population(const struct graph *graph, population_id id, snnfit_error *err)
{
	const struct population *population = &graph->populations[id];
	struct check check = { graph, "population", population->name, id, err };
	uint32_t units;

	if (!population->name || !*population->name)
		return fails(&check, "it has no name");
	if (population->axis >= graph->axis_count)
		return fails(&check, "its unit axis does not exist");
	if (population->positions == 0)
		return fails(&check, "it has no positions");
	if (population->positions_unknown && population->positions != 1)
		return fails(&check, "its positions are unknown, but it has some");
	if (!all_there(population->spike_tensors, population->spike_tensor_count) ||
	    !all_there(population->state_inputs, population->state_count) ||
	    !all_there(population->state_outputs, population->state_count))
		return fails(&check, "a tensor of it has no name");
	if (population->spike_steps > population->spike_tensor_count)
		return fails(&check, "it has more steps than tensors of spikes");
	units = population_units(graph, id);
	return check_neuron(&check, population, units) && check_rates(&check, population, units);
}

static bool
check_names(const struct graph *graph, snnfit_error *err)
{
	struct arena scratch = { 0 };
	struct map names;
	bool good = true;
	size_t i;

	map_init(&names, &scratch);
	for (i = 0; i < graph->population_count && good; i++) {
		const struct population *population = &graph->populations[i];
		struct check check = { graph, "population", population->name, i, err };

		if (population->removed)
			continue;
		if (map_get(&names, population->name) != MAP_NONE)
			good = fails(&check, "another population has the same name");
		else if (!map_set(&names, population->name, (uint32_t)i))
			good = (error_no_memory(err), false);
	}
	arena_free(&scratch);
	return good;
}

/* --- matrices ----------------------------------------------------------- */

static bool
ascends(const uint32_t *index, uint32_t count, uint32_t of)
{
	uint32_t i;

	for (i = 0; index && i < count; i++)
		if (index[i] >= of || (i > 0 && index[i] <= index[i - 1]))
			return false;
	return true;
}

/* Values that lie in a file are the file's affair, not a mistake of ours. */
static bool
changed_values_finite(const struct weights *weights)
{
	size_t count = (size_t)weights->rows * weights->columns, i;

	for (i = 0; weights->changed && weights->values && i < count; i++)
		if (!isfinite(weights->values[i]))
			return false;
	return true;
}

static bool
check_matrix(const struct check *check, const struct weights *weights)
{
	if (weights->references == 0)
		return fails(check, "a matrix of it was released");
	if (!weights->values && !weights->load)
		return fails(check, "a matrix of it has no values");
	if (weights->load && !weights->changed &&
	    (!ascends(weights->row_index, weights->rows, weights->file_rows) ||
	     !ascends(weights->column_index, weights->columns, weights->file_columns)))
		return fails(check, "a matrix of it selects what is not in the file");
	return changed_values_finite(weights) || fails(check, "a weight is not a number");
}

/* --- projections -------------------------------------------------------- */

static bool
check_span(const struct check *check, const struct projection *projection, const struct span *span)
{
	const struct graph *graph = check->graph;

	uint64_t size;

	if (span->units == 0 || span->outer == 0 || span->inner == 0)
		return fails(check, "a span of its columns is empty");
	if (__builtin_mul_overflow((uint64_t)span->outer * span->units, (uint64_t)span->inner,
				   &size) ||
	    size > UINT32_MAX)
		return fails(check, "a span of its columns is too long");
	if (span->axis == GRAPH_NONE)
		return (span->outer == 1 && span->inner == 1) ||
		       fails(check, "columns of no unit axis are given an order of units");
	if (span->axis >= graph->axis_count)
		return fails(check, "its columns are of a unit axis that does not exist");
	if ((uint64_t)span->first + span->units > graph->axes[span->axis].units ||
	    (span->units != graph->axes[span->axis].units && !graph->axes[span->axis].part_count))
		return fails(check, "its columns do not agree with the units that they read");
	if (projection->reads == READS_OTHER && !graph->axes[span->axis].frozen)
		return fails(check, "it reads more than spikes of units that are not frozen");
	return true;
}

static bool
check_columns(const struct check *check, const struct projection *projection)
{
	const struct dimension *columns = &projection->columns;
	uint64_t size, weights;
	uint32_t i;

	if (columns->count == 0 || !columns->spans || projection->kernel == 0)
		return fails(check, "it has no columns");
	for (i = 0; i < columns->count; i++)
		if (!check_span(check, projection, &columns->spans[i]))
			return false;
	size = dimension_size(columns);
	if (size > UINT32_MAX ||
	    __builtin_mul_overflow(size, (uint64_t)projection->kernel, &weights) ||
	    weights != projection->weights->columns)
		return fails(check, "its columns do not agree with its weights");
	if (projection->silent && !all_finite(projection->silent, size))
		return fails(check, "what it reads of a silent unit is not a number");
	if (projection->spike && !all_finite(projection->spike, size))
		return fails(check, "what it reads of a spike is not a number");
	return true;
}

static bool
check_rows(const struct check *check, const struct projection *projection)
{
	uint32_t units = population_units(check->graph, projection->target);
	uint32_t rows = projection->weights->rows;

	if (!projection->partial && (rows != units || projection->first_row != 0))
		return fails(check, "its rows do not agree with the units that it drives");
	if (projection->first_row > units || rows > units - projection->first_row)
		return fails(check, "it drives units that do not exist");
	if (projection->bias && (projection->bias->rows != rows || projection->bias->columns != 1))
		return fails(check, "its bias does not agree with its rows");
	return check_parameter(check, "gain", &projection->gain, rows);
}

static bool
check_grid(const struct check *check, const struct projection *projection)
{
	const struct weights *weights = projection->weights;
	uint32_t row, column;

	for (row = 0; weights->values && row < weights->rows; row++)
		for (column = 0; column < weights->columns; column++)
			if (!quantization_holds(
				    &projection->quantization, row,
				    weights->values[(size_t)row * weights->columns + column]))
				return fails(check, "a quantized weight is no multiple of its "
						    "scale within its bits");
	return true;
}

static bool
check_quantization(const struct check *check, const struct projection *projection)
{
	const struct quantization *quantization = &projection->quantization;
	uint32_t scales = quantization->per_unit ? projection->weights->rows : 1, i;

	if (quantization->bits == 0)
		return true;
	if (quantization->bits < 2 || quantization->bits > 16)
		return fails(check, "its weights are not of 2 to 16 bits");
	if (!quantization->scale)
		return fails(check, "its weights are quantized but have no scale");
	for (i = 0; i < scales; i++)
		if (!isfinite(quantization->scale[i]) || quantization->scale[i] <= 0.0f)
			return fails(check, "a scale of its weights is not positive");
	return check_grid(check, projection);
}

static bool
check_binding(const struct check *check, uint32_t binding, uint32_t more)
{
	const struct bindings *bindings = check->graph->bindings;

	return binding == GRAPH_NONE ||
	       (bindings && (uint64_t)binding + more < bindings->projection_count) ||
	       fails(check, "its binding does not exist");
}

static bool
check_projection(const struct graph *graph, projection_id id, snnfit_error *err)
{
	const struct projection *projection = &graph->projections[id];
	struct check check = { graph, "projection", NULL, id, err };

	if (projection->target >= graph->population_count ||
	    graph->populations[projection->target].removed)
		return fails(&check, "it drives a population that does not exist");
	check.kind = "projection into";
	check.name = graph->populations[projection->target].name;
	if ((unsigned)projection->reads > READS_OTHER)
		return fails(&check, "what it reads is of no kind that exists");
	if (!projection->weights)
		return fails(&check, "it has no weights");
	return check_matrix(&check, projection->weights) &&
	       (!projection->bias || check_matrix(&check, projection->bias)) &&
	       check_columns(&check, projection) && check_rows(&check, projection) &&
	       check_quantization(&check, projection) &&
	       check_binding(&check, projection->binding, projection->more_bindings) &&
	       check_binding(&check, projection->reads_input_of, 0);
}

/* --- the graph ---------------------------------------------------------- */

static bool
check_states(const struct graph *graph, snnfit_error *err)
{
	size_t i;

	for (i = 0; i < graph->state_count; i++) {
		const struct state_pair *state = &graph->states[i];
		struct check check = { graph, "state", NULL, i, err };

		if (!state->input || !state->output)
			return fails(&check, "its input or its output has no name");
		if (state->population != GRAPH_NONE && state->population >= graph->population_count)
			return fails(&check, "its population does not exist");
	}
	return true;
}

static bool
check_interface(const struct graph *graph, snnfit_error *err)
{
	if (!all_there(graph->inputs, graph->input_count) ||
	    !all_there(graph->outputs, graph->output_count) ||
	    !all_there(graph->notes, graph->note_count)) {
		(void)error_set(
			err, SNNFIT_EINTERNAL,
			"the graph is inconsistent: an input, an output or a note is missing");
		return false;
	}
	if ((unsigned)graph->time > TIME_ANN || (graph->steps == 0 && graph->time != TIME_LOOP)) {
		(void)error_set(err, SNNFIT_EINTERNAL,
				"the graph is inconsistent: its time is of no kind that exists, or "
				"has no steps");
		return false;
	}
	return true;
}

static bool
check_graph(const struct graph *graph, snnfit_error *err)
{
	size_t i;

	for (i = 0; i < graph->axis_count; i++)
		if (!check_axis(graph, (axis_id)i, err))
			return false;
	for (i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed &&
		    !check_population(graph, (population_id)i, err))
			return false;
	if (!check_names(graph, err))
		return false;
	for (i = 0; i < graph->projection_count; i++)
		if (!graph->projections[i].removed &&
		    !check_projection(graph, (projection_id)i, err))
			return false;
	return check_states(graph, err) && check_interface(graph, err);
}

snnfit_status
graph_verify(const struct graph *graph, snnfit_error *err)
{
	snnfit_error own = { .status = SNNFIT_EINTERNAL };
	bool good = check_graph(graph, err ? err : &own);

	return good ? SNNFIT_OK : (err ? err : &own)->status;
}
