/* bind_time.c - the interface, and how many steps of time the file holds. */
#include "importer/bind.h"

static bool
add_name(struct graph *graph, const char ***list, size_t *count, size_t *capacity, const char *name)
{
	const char *copy = arena_strdup(&graph->arena, name);

	if (!copy || !arena_grow(&graph->arena, list, *count, capacity, sizeof **list))
		return false;
	(*list)[(*count)++] = copy;
	return true;
}

static population_id
population_of_state(const struct import *import, uint32_t pair)
{
	uint32_t i, j;

	for (i = 0; i < import->neurons.count; i++)
		for (j = 0; j < import->neurons.populations[i].state_count; j++)
			if (import->neurons.populations[i].states[j] == pair)
				return i;
	return GRAPH_NONE;
}

snnfit_status
bind_interface(struct import *import, struct graph *graph, snnfit_error *err)
{
	const struct program *program = &import->program;
	uint32_t i;

	for (i = 0; i < program->input_count; i++)
		if (import->states.output_of_input[i] == NO_VALUE &&
		    !add_name(graph, &graph->inputs, &graph->input_count, &graph->input_capacity,
			      program->values[program->inputs[i]].name))
			return error_no_memory(err);
	for (i = 0; i < program->output_count; i++)
		if (import->states.input_of_output[i] == NO_VALUE &&
		    !add_name(graph, &graph->outputs, &graph->output_count, &graph->output_capacity,
			      program->graph->output[i]->name))
			return error_no_memory(err);
	for (i = 0; i < import->states.count; i++) {
		const struct state_binding *pair = &import->states.pairs[i];
		population_id population = population_of_state(import, i);

		/* What a body carries for nobody's sake is no state of the network. */
		if (i >= import->states.model_count && population == GRAPH_NONE)
			continue;
		if (!graph_add_state(graph, program->values[program->inputs[pair->input]].name,
				     pair->output_name, population))
			return error_no_memory(err);
	}
	return SNNFIT_OK;
}

/* The most that a projection is read, or a population spikes, in the file. */
static uint32_t
count_steps(const struct import *import, const struct graph *graph)
{
	uint32_t most = 1, i;

	for (i = 0; i < graph->projection_count; i++)
		if (graph->projections[i].more_bindings >= most)
			most = graph->projections[i].more_bindings + 1;
	for (i = 0; i < import->neurons.count; i++)
		if (import->neurons.populations[i].site_count > most)
			most = import->neurons.populations[i].site_count;
	return most;
}

/* Where the steps' weights differ, no population has them all: how often what is made of a
 * tested membrane is tested again. */
static uint32_t
longest_chain(struct import *import)
{
	const struct polynomials *context = &import->polynomials;
	uint32_t *lengths = arena_alloc(&import->arena, context->site_count, sizeof *lengths);
	uint32_t most = 1, i, j, k;

	for (i = 0; lengths && i < context->site_count; i++) {
		const struct polynomial *p = context->sites[i].argument;

		lengths[i] = 1;
		for (j = 0; j < p->count && context->sites[i].kind <= SITE_GREATER_EQUAL; j++)
			for (k = 0; k < p->terms[j].degree; k++) {
				const struct atom *atom = &context->atoms[p->terms[j].atoms[k]];

				if (atom->kind == ATOM_POTENTIAL && atom->number < i &&
				    lengths[atom->number] >= lengths[i])
					lengths[i] = lengths[atom->number] + 1;
			}
		most = lengths[i] > most ? lengths[i] : most;
	}
	return most; /* of an arena that failed nothing is taken: importer.c */
}

static bool
is_baked(const struct import *import)
{
	uint32_t i;

	for (i = 0; i < import->axes.weight_count; i++)
		if (import->polynomials.baked[i])
			return true;
	return false;
}

/* One step whose state is constants. */
static bool
note_constant_state(struct import *import, struct graph *graph)
{
	graph->time = is_baked(import) ? TIME_BAKED : TIME_ZERO;
	if (graph->time == TIME_ZERO)
		return graph_note(graph,
				  "one time step from a state of zero, which is constants in "
				  "the file: no network over time (export its states as "
				  "inputs and outputs)");
	return graph_note(graph,
			  "one time step from a state that is baked into the file as constants, "
			  "not zero: no network over time, and firing rates measured from rest "
			  "do not hold for it (export its states as inputs and outputs)");
}

/* Iterations of the longest loop that carries a population's states; 0: not known. */
static uint32_t
loop_steps(struct import *import)
{
	const struct program *program = &import->program;
	uint64_t most = 1, count;
	uint32_t i;

	for (i = (uint32_t)import->states.model_count; i < import->states.count; i++) {
		const struct carried *carried =
			&program->carried[import->states.pairs[i].input - program->input_count];

		if (population_of_state(import, i) == GRAPH_NONE)
			continue;
		count = axes_iterations(&import->axes, &program->bodies[carried->body]);
		if (count == 0 || count >= AXES_FIRST_SYMBOL)
			return 0;
		most = count > most ? count : most;
	}
	return (uint32_t)most;
}

bool
bind_time(struct import *import, struct graph *graph)
{
	bool spiking = false;
	uint32_t i;

	for (i = 0; i < graph->population_count; i++)
		spiking = spiking || graph->populations[i].kind == POPULATION_SPIKING ||
			  graph->populations[i].kind == POPULATION_CUSTOM;
	graph->steps = 1;
	graph->time = TIME_STEP;
	if (import->states.model_count)
		return true;
	for (i = 0; i < import->program.operation_count; i++)
		if (operation_is(&import->program.operations[i], "Loop") ||
		    operation_is(&import->program.operations[i], "Scan")) {
			graph->time = TIME_LOOP;
			graph->steps = loop_steps(import);
			return true;
		}
	graph->steps = count_steps(import, graph);
	if (graph->steps == 1)
		graph->steps = longest_chain(import);
	graph->time = graph->steps > 1 ? TIME_UNROLLED : TIME_ANN;
	return graph->steps > 1 || !spiking || note_constant_state(import, graph);
}
