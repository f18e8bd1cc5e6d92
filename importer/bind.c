/* bind.c - populations, states and the interface, into the graph. */
#include "importer/bind.h"

#include <math.h>
#include <inttypes.h>
#include <string.h>

/* --- names ------------------------------------------------------------------------ */

static const char *
unique_name(struct graph *graph, struct map *names, const char *wanted)
{
	const char *name = wanted;
	unsigned n;

	for (n = 2; name && map_get(names, name) != MAP_NONE; n++)
		name = arena_printf(&graph->arena, "%s_%u", wanted, n);
	if (name)
		name = arena_strdup(&graph->arena, name);
	return name && map_set(names, name, 0) ? name : NULL;
}

/* The weight operation's node name, else the weight tensor's, else layer<k>. */
static const char *
population_name(struct import *import, struct graph *graph, struct map *names,
		const struct found_population *found)
{
	const struct operation *operation =
		&import->program.operations[import->axes.weights[found->weights[0]].operation];
	uint32_t root = bind_root_source(
		import,
		operation->operands[import->axes.weights[found->weights[0]].weight_operand]);
	const char *tensor = import->program.values[root].name;

	if (!operation->scope && operation->node->name && operation->node->name[0])
		return unique_name(graph, names, operation->node->name);
	if (tensor && tensor[0])
		return unique_name(graph, names, tensor);
	tensor = arena_printf(&graph->arena, "layer%zu", graph->population_count + 1);
	return tensor ? unique_name(graph, names, tensor) : NULL;
}

/* --- dynamics --------------------------------------------------------------------- */

static bool
set_parameter(struct graph *graph, struct parameter *out, const struct coefficient *coefficient,
	      uint32_t units)
{
	uint32_t i;

	*out = (struct parameter){ 0 };
	if (!coefficient->count || (coefficient->count != 1 && coefficient->count != units))
		return true;
	out->values = arena_copy(&graph->arena, coefficient->values, coefficient->count,
				 sizeof(double));
	out->count = coefficient->count;
	for (i = 1; out->values && i < out->count; i++)
		if (!(fabs(out->values[i] - out->values[0]) <= 1e-12 * fabs(out->values[0])))
			return true;
	out->count = 1; /* the same for all, but for rounding, is one number */
	return out->values != NULL;
}

static bool
set_neuron(struct graph *graph, const struct found_population *found, uint32_t units,
	   struct neuron *neuron)
{
	neuron->model = found->model;
	neuron->comparison = found->comparison;
	neuron->reset = found->reset;
	neuron->reset_timing = found->reset_timing;
	neuron->current = found->current;
	neuron->counts = found->counts;
	return set_parameter(graph, &neuron->decay, &found->decay, units) &&
	       set_parameter(graph, &neuron->threshold, &found->threshold, units) &&
	       set_parameter(graph, &neuron->reset_value, &found->reset_value, units) &&
	       set_parameter(graph, &neuron->offset, &found->offset, units) &&
	       set_parameter(graph, &neuron->input_gain, &found->input_gain, units) &&
	       set_parameter(graph, &neuron->current_decay, &found->current_decay, units) &&
	       set_parameter(graph, &neuron->current_gain, &found->current_gain, units) &&
	       set_parameter(graph, &neuron->floor, &found->floor, units) &&
	       set_parameter(graph, &neuron->count_limit, &found->count_limit, units) &&
	       graph_set_parameter(graph, &neuron->spike_gain, 1);
}

/* --- spike tensors ---------------------------------------------------------------- */

/* Tensors that are a positive multiple of the population's spikes, by name in the
 * main graph. The rate carrier is the last one that a weight operation reads or
 * that leaves the model; the others of the same value are its aliases. */
struct spike_tensors {
	const char **names;
	struct coefficient *values;
	bool *boolean;
	size_t count, capacity;
	size_t carrier;
};

static const struct term *
spike_term(const struct import *import, uint32_t value, uint32_t atom, uint32_t units)
{
	const struct polynomial *p = import->polynomials.of[value];
	uint32_t i;

	if (p->count != 1 || p->terms[0].degree != 1 || p->terms[0].atoms[0] != atom ||
	    (p->terms[0].coefficient.count != 1 && p->terms[0].coefficient.count != units))
		return NULL;
	for (i = 0; i < p->terms[0].coefficient.count; i++)
		if (!(p->terms[0].coefficient.values[i] > 0) ||
		    !isfinite(p->terms[0].coefficient.values[i]))
			return NULL;
	return &p->terms[0];
}

/* Values by site: so that one walk over all values serves every population. */
struct site_values {
	uint32_t *first; /* [site_count]: into next, NO_VALUE ends */
	uint32_t *next;	 /* [value_count] */
	uint32_t *last;
};

/* The site that is a factor of every term: 0 wherever the site is. NO_VALUE: none. */
static uint32_t
common_site(const struct polynomials *context, const struct polynomial *p)
{
	uint32_t i, j, k;

	for (j = 0; p && p->count && j < p->terms[0].degree; j++) {
		uint32_t atom = p->terms[0].atoms[j];
		bool everywhere = context->atoms[atom].kind == ATOM_SITE;

		for (i = 1; everywhere && i < p->count; i++) {
			for (k = 0; k < p->terms[i].degree; k++)
				if (p->terms[i].atoms[k] == atom)
					break;
			everywhere = k < p->terms[i].degree;
		}
		if (everywhere)
			return context->atoms[atom].number;
	}
	return NO_VALUE;
}

static bool
list_values_by_site(struct import *import, struct site_values *list)
{
	const struct polynomials *context = &import->polynomials;
	uint32_t i;

	list->first = arena_alloc(&import->arena, context->site_count, sizeof(uint32_t));
	list->last = arena_alloc(&import->arena, context->site_count, sizeof(uint32_t));
	list->next = arena_alloc(&import->arena, import->program.value_count, sizeof(uint32_t));
	if (!list->first || !list->last || !list->next)
		return false;
	memset(list->first, 0xff, context->site_count * sizeof(uint32_t));
	for (i = 0; i < import->program.value_count; i++) {
		uint32_t site = common_site(context, context->of[i]);

		list->next[i] = NO_VALUE;
		if (site == NO_VALUE)
			continue;
		if (list->first[site] == NO_VALUE)
			list->first[site] = i;
		else
			list->next[list->last[site]] = i;
		list->last[site] = i;
	}
	return true;
}

static bool
has_products(const struct polynomial *p)
{
	uint32_t i;

	for (i = 0; i < p->count; i++)
		if (p->terms[i].degree > 1)
			return true;
	return false;
}

/* Spikes that something else gates (lateral inhibition) are not the site's own:
 * then the gated tensor is the population's spikes, and its dynamics are custom. */
static const char *
gated_spikes(const struct import *import, const struct site_values *list, uint32_t site)
{
	uint32_t value;
	const char *found = NULL;

	for (value = list->first[site]; value != NO_VALUE; value = list->next[value])
		if (import->carries_spikes[value] && has_products(import->polynomials.of[value]) &&
		    import->program.values[value].graph != NO_VALUE)
			found = import->program.values[value].name;
	return found;
}

static uint64_t
element_count(struct import *import, uint32_t value)
{
	const struct tensor_axes *tensor = &import->axes.tensors[value];

	return tensor->known ? axis_size(&import->axes,
					 axis_product(&import->axes, tensor->axes, tensor->rank))
			     : 0;
}

/* Those of one step: spikes of all steps beside each other are another tensor. */
static bool
collect_spike_tensors(struct import *import, struct graph *graph, const struct site_values *list,
		      uint32_t site, uint32_t units, struct spike_tensors *out)
{
	uint32_t value, carrier_value = NO_VALUE;

	for (value = list->first[site]; value != NO_VALUE; value = list->next[value]) {
		const char *name = import->program.values[value].name;
		const struct term *term = spike_term(import, value,
						     import->polynomials.sites[site].atom, units);
		size_t capacity = out->capacity;

		if (!term || import->program.values[value].graph == NO_VALUE ||
		    element_count(import, value) !=
			    element_count(import, import->polynomials.sites[site].value))
			continue;
		if (!arena_grow(&graph->arena, &out->names, out->count, &capacity,
				sizeof *out->names))
			return false;
		capacity = out->capacity;
		if (!arena_grow(&graph->arena, &out->values, out->count, &capacity,
				sizeof *out->values))
			return false;
		if (!arena_grow(&graph->arena, &out->boolean, out->count, &out->capacity,
				sizeof *out->boolean))
			return false;
		out->names[out->count] = name;
		out->values[out->count] = term->coefficient;
		out->boolean[out->count] = import->polynomials.of[value]->boolean;
		if (import->carries_spikes[value])
			carrier_value = value, out->carrier = out->count;
		else if (carrier_value == NO_VALUE && !out->boolean[out->count] &&
			 coefficient_is(&term->coefficient, 1))
			out->carrier = out->count;
		out->count++;
	}
	return true;
}

static bool
set_only_spikes(struct graph *graph, struct population *population, const char *name)
{
	population->spike_tensors = arena_alloc(&graph->arena, 1,
						sizeof *population->spike_tensors);
	if (!population->spike_tensors)
		return false;
	population->spike_tensors[0] = arena_strdup(&graph->arena, name);
	population->spike_tensor_count = 1;
	return population->spike_tensors[0] != NULL;
}

static bool
set_gated_spikes(struct graph *graph, struct population *population, const char *name)
{
	population->kind = POPULATION_CUSTOM;
	population->neuron.model = "custom";
	return set_only_spikes(graph, population, name);
}

/* The site that is the spikes of a step. */
static uint32_t
spikes_of(const struct import *import, const struct found_population *found, uint32_t step)
{
	const struct site *site = &import->polynomials.sites[found->sites[step]];

	return site->spikes == NO_VALUE ? found->sites[step] : site->spikes;
}

/* Room for as many as all of the population's sites have. */
static bool
make_room_for_spikes(const struct import *import, struct graph *graph,
		     const struct site_values *list, const struct found_population *found,
		     struct population *population)
{
	size_t count = 0;
	uint32_t i, value;

	for (i = 0; i < found->site_count; i++)
		for (value = list->first[spikes_of(import, found, i)]; value != NO_VALUE;
		     value = list->next[value])
			count++;
	population->spike_tensors = arena_alloc(&graph->arena, count,
						sizeof *population->spike_tensors);
	return population->spike_tensors != NULL;
}

/* The carriers of all steps first, in order, then their aliases. */
static bool
add_spike_names(struct graph *graph, struct population *population,
		const struct spike_tensors *found, bool aliases)
{
	const struct coefficient *carrier = found->count ? &found->values[found->carrier] : NULL;
	size_t i;

	for (i = 0; i < found->count; i++) {
		const char **at = &population->spike_tensors[population->spike_tensor_count];

		if ((i == found->carrier) == aliases)
			continue;
		if (aliases && !found->boolean[i] &&
		    (carrier->count != 1 || !coefficient_is(&found->values[i], carrier->values[0])))
			continue;
		*at = arena_strdup(&graph->arena, found->names[i]);
		if (!*at)
			return false;
		population->spike_tensor_count++;
	}
	return true;
}

static bool
set_spike_tensors(struct import *import, struct graph *graph, const struct site_values *list,
		  const struct found_population *found, struct population *population,
		  uint32_t units)
{
	struct spike_tensors *steps = arena_zalloc(&import->arena, found->site_count,
						   sizeof *steps);
	const char *gated = NULL;
	bool ok = steps && make_room_for_spikes(import, graph, list, found, population);
	uint32_t i;

	for (i = 0; ok && i < found->site_count && !gated; i++) {
		gated = gated_spikes(import, list, spikes_of(import, found, i));
		ok = collect_spike_tensors(import, graph, list, spikes_of(import, found, i), units,
					   &steps[i]);
	}
	if (ok && gated)
		return set_gated_spikes(graph, population, gated);
	for (i = 0; ok && i < found->site_count; i++)
		ok = add_spike_names(graph, population, &steps[i], false);
	if (ok && population->spike_tensor_count == found->site_count)
		population->spike_steps = found->site_count;
	for (i = 0; ok && i < found->site_count; i++)
		ok = add_spike_names(graph, population, &steps[i], true);
	if (!ok || !steps[0].count)
		return ok;
	return set_parameter(graph, &population->neuron.spike_gain,
			     &steps[0].values[steps[0].carrier], units);
}

/* --- populations ------------------------------------------------------------------ */

/* Of a convolution; 0: sizes are left open, or too large to be counted. */
static uint32_t
positions_of(struct import *import, const struct found_population *found)
{
	const struct weight_operation *weight = &import->axes.weights[found->weights[0]];
	const struct operation *operation = &import->program.operations[weight->operation];
	const struct tensor_axes *out = &import->axes.tensors[operation->results[0]];
	const struct tensor_axes *weights =
		&import->axes.tensors[operation->operands[weight->weight_operand]];
	uint64_t positions = 1;
	uint32_t d;

	for (d = 2; weights->known && weights->rank > 2 && d < out->rank; d++) {
		uint64_t size = axis_size(&import->axes, out->axes[d]);

		if (size >= AXES_FIRST_SYMBOL ||
		    __builtin_mul_overflow(positions, size, &positions))
			return 0;
	}
	return positions > UINT32_MAX ? 0 : (uint32_t)positions;
}

static void
set_positions(struct population *population, uint32_t positions)
{
	population->positions_unknown = positions == 0;
	population->positions = positions ? positions : 1;
}

static bool
is_model_output(struct import *import, const struct axis *units)
{
	const struct program *program = &import->program;
	uint32_t i, d;

	for (i = 0; i < program->output_count; i++) {
		const struct tensor_axes *tensor = &import->axes.tensors[program->outputs[i]];

		if (import->states.input_of_output[i] != NO_VALUE || !tensor->known)
			continue;
		for (d = 0; d < tensor->rank; d++)
			if (units->count && axis_equal(&import->axes, tensor->axes[d], *units))
				return true;
	}
	return false;
}

static bool
set_states(struct import *import, struct graph *graph, const struct found_population *found,
	   struct population *population)
{
	const struct program *program = &import->program;
	uint32_t i;

	population->state_inputs = arena_alloc(&graph->arena, found->state_count,
					       sizeof *population->state_inputs);
	population->state_outputs = arena_alloc(&graph->arena, found->state_count,
						sizeof *population->state_outputs);
	if (!population->state_inputs || !population->state_outputs)
		return false;
	for (i = 0; i < found->state_count; i++) {
		const struct state_binding *pair = &import->states.pairs[found->states[i]];

		population->state_inputs[i] = arena_strdup(
			&graph->arena, program->values[program->inputs[pair->input]].name);
		population->state_outputs[i] = arena_strdup(&graph->arena, pair->output_name);
		if (!population->state_inputs[i] || !population->state_outputs[i])
			return false;
	}
	population->state_count = found->state_count;
	return true;
}

static bool
starts_at_zero(const struct import *import, const struct found_population *found)
{
	uint32_t i;

	for (i = 0; i < found->state_count; i++)
		if (!import->states.pairs[found->states[i]].from_zero)
			return false;
	return found->state_count > 0 || found->starts_at_rest;
}

/* The graph that the population's neurons stand in: of its spikes, else its states. */
static uint32_t
graph_of_neurons(const struct import *import, const struct found_population *found)
{
	const struct program *program = &import->program;
	uint32_t value = NO_VALUE, graph;

	if (found->spike_site != NO_VALUE)
		value = import->polynomials.sites[found->spike_site].value;
	else if (found->state_count)
		value = program->inputs[import->states.pairs[found->states[0]].input];
	graph = value == NO_VALUE ? 0 : program->values[value].graph;
	return graph == NO_VALUE ? 0 : graph;
}

/* "/NODE.ATTRIBUTE" for each graph that it is inside of; NULL: the main one. */
static bool
set_body(struct import *import, struct graph *graph, const struct found_population *found,
	 struct population *population)
{
	const struct onnx_graphs *graphs = &import->program.graphs;
	uint32_t at = graph_of_neurons(import, found);
	const char *path = "";

	for (; at != 0 && path; at = graphs->items[at].parent) {
		const struct onnx_graph_place *outer = &graphs->items[graphs->items[at].parent];
		const Onnx__NodeProto *node =
			outer->proto->node[graphs->items[at].node - outer->first_node];

		path = arena_printf(&graph->arena, "/%s.%s%s", node->name ? node->name : "",
				    graphs->items[at].attribute, path);
	}
	population->body = path && path[0] ? path : NULL;
	return path != NULL;
}

/* An operator in integers whose smallest code stands for 0. */
static bool
clamps_at_zero(const struct import *import, const struct operation *operation)
{
	uint32_t slot = strcmp(operation->node->op_type, "QGemm") == 0 ? 8 : 7;
	const struct constant *zero = NULL;

	if (axes_is_foreign(operation) && slot < operation->operand_count &&
	    operation->operands[slot] != NO_VALUE)
		zero = constant_of(&import->constants, operation->operands[slot]);
	if (!zero || !zero->integers || zero->count != 1)
		return false;
	return zero->integers[0] ==
	       (zero->type == ONNX__TENSOR_PROTO__DATA_TYPE__INT8 ? INT8_MIN : 0);
}

static snnfit_status
bind_population(struct import *import, struct graph *graph, struct map *names,
		const struct site_values *list, const struct found_population *found,
		snnfit_error *err)
{
	axis_id axis = bind_unit_axis(import, graph, &found->units);
	const char *name = population_name(import, graph, names, found);
	const struct weight_operation *weight = &import->axes.weights[found->weights[0]];
	const struct operation *operation = &import->program.operations[weight->operation];
	uint32_t root = bind_root_source(import, operation->operands[weight->weight_operand]);
	struct population *population;
	population_id id;

	if (axis == GRAPH_NONE || !name)
		return error_no_memory(err);
	id = graph_add_population(graph, name, axis);
	if (id == GRAPH_NONE)
		return error_no_memory(err);
	population = &graph->populations[id];
	population->weight_tensor = arena_strdup(&graph->arena, import->program.values[root].name);
	population->kind = found->kind;
	set_positions(population, positions_of(import, found));
	population->output = is_model_output(import, &found->units);
	population->starts_at_zero = starts_at_zero(import, found);
	if (!population->weight_tensor || !set_body(import, graph, found, population) ||
	    !set_neuron(graph, found, graph->axes[axis].units, &population->neuron) ||
	    !set_states(import, graph, found, population))
		return error_no_memory(err);
	if (found->kind == POPULATION_READOUT && clamps_at_zero(import, operation)) {
		population->kind = POPULATION_RELU;
		population->neuron.model = "relu";
		if (!set_only_spikes(graph, population,
				     import->program.values[operation->results[0]].name))
			return error_no_memory(err);
	}
	if (found->spike_site != NO_VALUE &&
	    !set_spike_tensors(import, graph, list, found, population, graph->axes[axis].units))
		return error_no_memory(err);
	return SNNFIT_OK;
}

static snnfit_status
bind_populations(struct import *import, struct graph *graph, snnfit_error *err)
{
	struct site_values list = { 0 };
	struct map names;
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	map_init(&names, &import->arena);
	import->axis_of_variable = arena_alloc(&import->arena, import->axes.variable_count,
					       sizeof *import->axis_of_variable);
	import->first_of_variable = arena_zalloc(&import->arena, import->axes.variable_count,
						 sizeof *import->first_of_variable);
	if (!import->axis_of_variable || !import->first_of_variable ||
	    !list_values_by_site(import, &list))
		return error_no_memory(err);
	memset(import->axis_of_variable, 0xff,
	       import->axes.variable_count * sizeof *import->axis_of_variable);
	for (i = 0; !status && i < import->neurons.count; i++)
		status = bind_population(import, graph, &names, &list,
					 &import->neurons.populations[i], err);
	return status;
}

/* --- the whole -------------------------------------------------------------------- */

static snnfit_status
index_readers(struct import *import, snnfit_error *err)
{
	const struct program *program = &import->program;
	size_t count = program->value_count;
	uint32_t i, j;

	import->reader_count = arena_zalloc(&import->arena, count, sizeof(uint32_t));
	import->last_reader = arena_zalloc(&import->arena, count, sizeof(uint32_t));
	import->carries_spikes = arena_zalloc(&import->arena, count, sizeof(bool));
	if (!import->reader_count || !import->last_reader || !import->carries_spikes)
		return error_no_memory(err);
	for (i = 0; i < program->operation_count; i++) {
		const struct operation *operation = &program->operations[i];

		for (j = 0; j < operation->operand_count; j++) {
			if (operation->operands[j] == NO_VALUE)
				continue;
			import->reader_count[operation->operands[j]]++;
			import->last_reader[operation->operands[j]] = i;
		}
	}
	for (i = 0; i < program->output_count; i++) {
		import->reader_count[program->outputs[i]]++;
		if (import->states.input_of_output[i] == NO_VALUE)
			import->carries_spikes[program->outputs[i]] = true;
	}
	for (i = 0; i < import->axes.weight_count; i++) {
		const struct weight_operation *weight = &import->axes.weights[i];

		const struct operation *operation = &program->operations[weight->operation];
		const struct operation *quantizer = axes_quantizer_of(program, operation);

		import->carries_spikes[operation->operands[weight->data_operand]] = true;
		if (quantizer)
			import->carries_spikes[quantizer->operands[0]] = true;
	}
	return SNNFIT_OK;
}

/* Weights and biases; read at several steps, they count once. */
static void
count_parameters(struct graph *graph)
{
	uint32_t i;

	for (i = 0; i < graph->projection_count; i++) {
		const struct projection *projection = &graph->projections[i];
		const struct weights *weights = projection->weights;

		graph->parameters_before += (uint64_t)weights->rows * weights->columns;
		if (projection->bias)
			graph->parameters_before += projection->bias->rows;
	}
}

static snnfit_status
refuse_without_units(const struct graph *graph, snnfit_error *err)
{
	uint32_t i;

	for (i = 0; i < graph->population_count; i++)
		if (graph->populations[i].kind != POPULATION_READOUT)
			return SNNFIT_OK;
	if (graph->time == TIME_LOOP && graph->population_count)
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "the network is inside a Loop or Scan that could not be followed: "
				 "export one time step, with the states as inputs and outputs");
	return error_set(err, SNNFIT_EUNSUPPORTED,
			 "not a spiking network: no weight operation leads to a spiking, relu or "
			 "custom population");
}

/* What is not in the graph is in no estimate. */
static bool
note_left_out(struct import *import, struct graph *graph)
{
	const struct program *program = &import->program;
	const struct axes *axes = &import->axes;

	if (!axes->left_out)
		return true;
	return graph_note(graph,
			  "left out, in estimates too: %" PRIu32
			  " weight operations (first %s), whose "
			  "weights cannot be read or computed here; fold constants before, for "
			  "instance with onnxsim",
			  axes->left_out,
			  operation_label(program, &program->operations[axes->first_left_out]));
}

/* Estimates cannot count what has no size. */
static bool
note_positions(struct graph *graph)
{
	uint32_t i, unknown = 0;

	for (i = 0; i < graph->population_count; i++)
		unknown += graph->populations[i].positions_unknown;
	if (!unknown)
		return true;
	return graph_note(graph,
			  "how many positions the channels of %" PRIu32
			  " convolutions have is not known: "
			  "rates are one a channel, and estimates are those of one position "
			  "(export the model with the size of its input)",
			  unknown);
}

snnfit_status
bind_graph(struct import *import, struct graph *graph, snnfit_error *err)
{
	snnfit_status status = index_readers(import, err);

	if (!status)
		status = bind_populations(import, graph, err);
	if (!status)
		status = bind_tensors(import, graph, err);
	if (!status)
		status = bind_projections(import, graph, err);
	if (!status)
		status = bind_sums(import, graph, err);
	if (!status)
		status = bind_interface(import, graph, err);
	if (status)
		return status;
	if (!bind_time(import, graph) || !note_left_out(import, graph) || !note_positions(graph))
		return error_no_memory(err);
	graph->bindings = &import->bindings;
	count_parameters(graph);
	return refuse_without_units(graph, err);
}
