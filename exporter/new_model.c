/* new_model.c - an ONNX model of a graph that was made in memory.
 *
 * One time step: the input and the states go in, the spikes of the output
 * populations and the states come out. A population NAME is a Gemm called NAME
 * (its weights NAME.weight, its bias NAME.bias) and a call of its neuron's
 * function. Everything is read back as the same graph. */
#include "exporter/exporter.h"

#include "exporter/build.h"
#include "exporter/neuron_function.h"
#include "exporter/new_model.h"
#include "exporter/opset.h"

enum { NEW_OPSET = 17, NEW_IR = 8, NEURON_OPSET = 1 };

/* --- neurons --------------------------------------------------------------------------------- */

static snnfit_status
add_input(struct maker *maker, Onnx__NodeProto *call, const char *name)
{
	if (!build_append(maker->arena, &call->input, &call->n_input, &name, sizeof name))
		return error_no_memory(maker->err);
	return SNNFIT_OK;
}

static snnfit_status
add_parameters(struct maker *maker, const char *population, const struct neuron_function *function,
	       Onnx__NodeProto *call)
{
	snnfit_status status = SNNFIT_OK;
	int i;

	for (i = 0; i < NEURON_INPUT_COUNT && status == SNNFIT_OK; i++) {
		const struct parameter *parameter = &function->inputs[i];
		const char *ending = arena_printf(maker->arena, ".%s", neuron_input_names[i]);
		const char *name = NULL;

		if (!parameter->count)
			continue;
		status = ending ? new_name(maker, population, ending, &name)
				: error_no_memory(maker->err);
		if (status == SNNFIT_OK)
			status = put_doubles(maker, name, parameter->count, parameter->values);
		if (status == SNNFIT_OK)
			status = add_input(maker, call, name);
	}
	return status;
}

static snnfit_status
put_call(struct maker *maker, population_id id, const struct neuron_function *function,
	 const char *drive, const char *result)
{
	const char *name = maker->graph->populations[id].name, *label = NULL;
	uint32_t units = population_units(maker->graph, id);
	const struct state_value *state = NULL;
	struct state_value membrane, current = { 0 };
	Onnx__NodeProto *call;
	snnfit_status status = put_state(maker, name, "_membrane", units, &state);

	if (status != SNNFIT_OK)
		return status;
	membrane = *state;
	if (function->current) {
		status = put_state(maker, name, "_current", units, &state);
		if (status != SNNFIT_OK)
			return status;
		current = *state;
	}
	status = new_name(maker, name, "_neurons", &label);
	if (status != SNNFIT_OK)
		return status;
	call = build_node(
		maker->arena,
		&(struct build_node){ .op_type = function->name,
				      .domain = NEURON_DOMAIN,
				      .name = label,
				      .inputs = { drive, membrane.input, current.input },
				      .outputs = { result, membrane.output, current.output } });
	if (!call)
		return error_no_memory(maker->err);
	status = add_parameters(maker, name, function, call);
	if (status == SNNFIT_OK)
		status = neuron_function_add(maker->model, function, maker->err);
	return status == SNNFIT_OK ? put_node(maker, call) : status;
}

/* Spikes keep the name that rates are given for. */
static snnfit_status
name_result(struct maker *maker, const struct population *population, const char **out)
{
	const char *ending = population->kind == POPULATION_READOUT ? "_output" : "_spikes";

	if (!population->spike_tensor_count)
		return new_name(maker, population->name, ending, out);
	*out = names_unique(&maker->names, population->spike_tensors[0]);
	return *out ? SNNFIT_OK : error_no_memory(maker->err);
}

static bool
is_stateless(const struct population *population)
{
	return population->kind == POPULATION_RELU ||
	       (population->kind == POPULATION_READOUT && !population->neuron.decay.count &&
		population->neuron.current == CURRENT_ABSENT);
}

static snnfit_status
put_population(struct maker *maker, population_id id)
{
	const struct population *population = &maker->graph->populations[id];
	struct neuron_function function;
	const char *drive = NULL, *result = NULL;
	snnfit_status status;

	status = neuron_function_of(&function, population, maker->arena, maker->err);
	if (status == SNNFIT_OK)
		status = put_drive(maker, id, &drive);
	if (status == SNNFIT_OK)
		status = name_result(maker, population, &result);
	if (status != SNNFIT_OK)
		return status;
	maker->spikes[id] = result;
	if (is_stateless(population))
		return put_operation(maker,
				     population->kind == POPULATION_RELU ? "Relu" : "Identity",
				     drive, NULL, result);
	return put_call(maker, id, &function, drive, result);
}

/* --- the interface ---------------------------------------------------------------- */

static bool
leaves(const struct graph *graph, size_t id)
{
	const struct population *population = &graph->populations[id];
	bool last = true;
	size_t i;

	if (population->removed)
		return false;
	for (i = 0; i < graph->population_count; i++) {
		if (graph->populations[i].output && !graph->populations[i].removed)
			return population->output;
		last = last && (i <= id || graph->populations[i].removed);
	}
	return last;
}

static snnfit_status
declare_outputs(struct maker *maker)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < maker->graph->population_count && status == SNNFIT_OK; i++)
		if (leaves(maker->graph, i))
			status = put_declaration(maker, &maker->main->output,
						 &maker->main->n_output, maker->spikes[i],
						 population_units(maker->graph, (population_id)i));
	return status;
}

/* Spikes that a delayed projection reads at the next step. */
static snnfit_status
put_earlier_spikes(struct maker *maker)
{
	snnfit_status status = SNNFIT_OK;
	size_t i, j;

	for (i = 0; i < maker->graph->population_count; i++)
		for (j = 0; j < maker->state_count && status == SNNFIT_OK; j++)
			if (maker->earlier[i] == maker->states[j].input)
				status = put_operation(maker, "Identity", maker->spikes[i], NULL,
						       maker->states[j].output);
	return status;
}

static snnfit_status
declare_states(struct maker *maker)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < maker->state_count && status == SNNFIT_OK; i++) {
		const struct state_value *state = &maker->states[i];

		status = put_declaration(maker, &maker->main->input, &maker->main->n_input,
					 state->input, state->units);
		if (status == SNNFIT_OK)
			status = put_declaration(maker, &maker->main->output,
						 &maker->main->n_output, state->output,
						 state->units);
	}
	return status;
}

/* --- the model -------------------------------------------------------------------- */

static bool
describe_model(struct maker *maker)
{
	Onnx__ModelProto *proto = onnx_model_proto(maker->model);

	proto->has_ir_version = 1;
	proto->ir_version = NEW_IR;
	proto->producer_name = arena_strdup(maker->arena, "snnfit");
	proto->producer_version = arena_strdup(maker->arena, SNNFIT_VERSION);
	maker->main = arena_alloc(maker->arena, 1, sizeof *maker->main);
	if (!proto->producer_name || !proto->producer_version || !maker->main)
		return false;
	onnx__graph_proto__init(maker->main);
	maker->main->name = arena_strdup(maker->arena, "snn");
	proto->graph = maker->main;
	return maker->main->name != NULL;
}

/* Population names are those of nodes: nothing else may take them. */
static bool
take_population_names(struct maker *maker)
{
	const struct graph *graph = maker->graph;
	size_t i;

	for (i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed &&
		    !names_unique(&maker->names, graph->populations[i].name))
			return false;
	return true;
}

static snnfit_status
begin(struct maker *maker)
{
	size_t count = maker->graph->population_count;
	snnfit_status status;

	maker->arena = onnx_model_arena(maker->model);
	names_init(&maker->names, maker->arena);
	maker->spikes = arena_zalloc(maker->arena, count, sizeof *maker->spikes);
	maker->earlier = arena_zalloc(maker->arena, count, sizeof *maker->earlier);
	if (!maker->spikes || !maker->earlier || !describe_model(maker) ||
	    !take_population_names(maker))
		return error_no_memory(maker->err);
	status = opset_import(maker->model, "", NEW_OPSET, maker->err);
	if (status == SNNFIT_OK)
		status = opset_import(maker->model, NEURON_DOMAIN, NEURON_OPSET, maker->err);
	return status;
}

static snnfit_status
make(struct maker *maker)
{
	snnfit_status status = begin(maker);
	size_t i;

	for (i = 0; i < maker->graph->population_count && status == SNNFIT_OK; i++)
		if (!maker->graph->populations[i].removed)
			status = put_population(maker, (population_id)i);
	if (status == SNNFIT_OK)
		status = put_earlier_spikes(maker);
	if (status == SNNFIT_OK)
		status = declare_outputs(maker);
	if (status == SNNFIT_OK)
		status = declare_states(maker);
	if (status != SNNFIT_OK)
		return status;
	/* Functions that were made before the opset was raised follow it. */
	return opset_raise(maker->model, opset_version(onnx_model_proto(maker->model)), 0,
			   maker->err);
}

snnfit_status
export_graph(struct onnx_model **out, const struct graph *graph, struct text *notes,
	     snnfit_error *err)
{
	struct maker maker = { .graph = graph, .notes = notes, .err = err };
	snnfit_status status;

	*out = NULL;
	status = onnx_model_new(&maker.model, err);
	if (status == SNNFIT_OK)
		status = make(&maker);
	if (status != SNNFIT_OK)
		onnx_model_free(maker.model);
	else
		*out = maker.model;
	return status;
}
