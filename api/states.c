/* states.c - the states of a network that is run, and where they begin. */
#include "api/simulation.h"
#include "graph/keep.h"

#include <string.h>

/* --- which there are ----------------------------------------------------------------- */

static snnfit_status
add_state(struct simulation *simulation, const char *input, const char *output, snnfit_error *err)
{
	struct network *network = &simulation->network;
	struct network_state *state = &network->states[network->state_count];
	uint64_t dims[TENSOR_DIMS_MAX];
	uint32_t rank = 0, d;
	int32_t type = TYPE_NONE;
	snnfit_status status = simulation_input_shape(simulation, input, &type, &rank, dims, err);

	if (status != SNNFIT_OK)
		return status;
	*state = (struct network_state){ .input = plan_slot(network->plan, input),
					 .output = plan_slot(network->plan, output),
					 .type = type };
	state->initial.type = type_computed(type);
	state->initial.rank = rank;
	for (d = 0; d < rank; d++)
		state->initial.dims[d] = dims[d] ? dims[d] : 1;
	if (state->output == SLOT_NONE ||
	    !dims_count(rank, state->initial.dims, &state->initial.count))
		return error_set(err, SNNFIT_EUNSUPPORTED, "state '%.100s' has no output '%.100s'",
				 input, output);
	network->state_count++;
	return SNNFIT_OK;
}

snnfit_status
states_list(struct simulation *simulation, snnfit_error *err)
{
	const struct import_options *told = simulation->told;
	size_t count = simulation->graph ? simulation->graph->state_count : told->state_count, i;
	snnfit_status status = SNNFIT_OK;

	simulation->network.states = arena_zalloc(&simulation->arena, count,
						  sizeof *simulation->network.states);
	if (!simulation->network.states)
		return error_no_memory(err);
	for (i = 0; i < count && status == SNNFIT_OK; i++) {
		char *input, *output;

		if (simulation->graph) {
			/* those of a loop are none of the model's inputs */
			if (!simulation_input(simulation, simulation->graph->states[i].input))
				continue;
			status = add_state(simulation, simulation->graph->states[i].input,
					   simulation->graph->states[i].output, err);
			continue;
		}
		input = arena_strdup(&simulation->arena, told->states[i]);
		if (!input)
			return error_no_memory(err);
		output = strchr(input, '=');
		if (output)
			*output++ = '\0';
		status = add_state(simulation, input, output ? output : "", err);
	}
	return status;
}

/* --- where they begin ----------------------------------------------------------------- */

/* The declared dims of a state in the model that was read; NULL: not known. */
static const struct binding_shape *
shape_read(const struct simulation *simulation, const char *name)
{
	const struct bindings *bindings = simulation->graph ? simulation->graph->bindings : NULL;
	const Onnx__GraphProto *read = simulation->read ? onnx_model_proto(simulation->read)->graph
							: NULL;
	size_t i;

	for (i = 0; bindings && read && i < bindings->shape_count; i++) {
		const struct binding_shape *shape = &bindings->shapes[i];

		if (shape->graph == 0 && shape->place == PLACE_INPUT &&
		    shape->index < read->n_input &&
		    strcmp(read->input[shape->index]->name, name) == 0)
			return shape;
	}
	return NULL;
}

/* Where element `number` of what is kept stands in the array. */
static uint64_t
place_of(uint64_t number, const struct keep *keeps, uint32_t rank)
{
	uint64_t at = 0, stride = 1;
	uint32_t d;

	for (d = rank; d-- > 0;) {
		uint64_t index = number % keeps[d].count;

		number /= keeps[d].count;
		at += (keeps[d].indices ? keeps[d].indices[index] : index) * stride;
		stride *= keeps[d].before;
	}
	return at;
}

/* Where the array holds each element of the state: it may be as large as the state
 * was before units went. *fits: it is either. */
static snnfit_status
list_places(const struct simulation *simulation, const struct network_state *state,
	    const struct array *array, struct arena *scratch, uint64_t **out, bool *fits,
	    snnfit_error *err)
{
	const struct binding_shape *shape = shape_read(simulation, array->name);
	struct keep *keeps = arena_zalloc(scratch, shape ? shape->rank : 0, sizeof *keeps);
	uint64_t before = 1, after = 1, *places, i;
	snnfit_status status = SNNFIT_OK;
	uint32_t d;

	places = arena_alloc(scratch, state->initial.count, sizeof *places);
	*out = places;
	if (!keeps || !places)
		return error_no_memory(err);
	for (d = 0; shape && d < shape->rank && status == SNNFIT_OK; d++) {
		status = keep_of(simulation->graph, &shape->dims[d], scratch, &keeps[d], err);
		before *= keeps[d].before;
		after *= keeps[d].count;
	}
	if (status != SNNFIT_OK)
		return status;
	*fits = array->count == state->initial.count;
	for (i = 0; *fits && i < state->initial.count; i++)
		places[i] = i;
	if (*fits || !shape || array->count != before || state->initial.count != after)
		return SNNFIT_OK;
	*fits = true;
	for (i = 0; i < state->initial.count; i++)
		places[i] = place_of(i, keeps, shape->rank);
	return SNNFIT_OK;
}

static snnfit_status
set_initial(struct simulation *simulation, struct network_state *state, const struct array *array,
	    snnfit_error *err)
{
	struct arena scratch = { 0 };
	uint64_t *places, i;
	bool fits = false;
	snnfit_status status = list_places(simulation, state, array, &scratch, &places, &fits, err);

	if (status == SNNFIT_OK && !fits)
		status = error_set(
			err, SNNFIT_EDATA, "%s: array \"%.100s\" has %llu elements, the state %llu",
			simulation->options->initial_state, array->name,
			(unsigned long long)array->count, (unsigned long long)state->initial.count);
	if (status == SNNFIT_OK) {
		state->initial.data = arena_alloc(&simulation->arena, state->initial.count,
						  type_bytes(state->initial.type));
		if (!state->initial.data)
			status = error_no_memory(err);
	}
	for (i = 0; i < state->initial.count && status == SNNFIT_OK; i++)
		element_set_double(state->initial.type, state->initial.data, i,
				   (double)array->values[places[i]]);
	arena_free(&scratch);
	return status;
}

static struct network_state *
state_named(const struct simulation *simulation, const char *name)
{
	const struct network *network = &simulation->network;
	uint32_t i;

	for (i = 0; i < network->state_count; i++)
		if (strcmp(network->plan->slot_names[network->states[i].input], name) == 0)
			return &network->states[i];
	return NULL;
}

snnfit_status
states_set_initial(struct simulation *simulation, snnfit_error *err)
{
	const struct arrays *initial = &simulation->samples->initial;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < initial->count && status == SNNFIT_OK; i++) {
		const struct array *array = &initial->items[i];
		struct network_state *state = state_named(simulation, array->name);

		if (state)
			status = set_initial(simulation, state, array, err);
		else if (simulation_input(simulation, array->name) ||
			 !shape_read(simulation, array->name)) /* else it went with its layer */
			status = error_set(err, SNNFIT_EDATA,
					   "%s: array \"%.100s\" is named like no state of the "
					   "model",
					   simulation->options->initial_state, array->name);
	}
	return status;
}
