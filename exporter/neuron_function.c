/* neuron_function.c - one time step of a neuron, spelled out once per kind of neuron.
 *
 *     LIF(drive, membrane, beta, threshold) -> (spikes, membrane_out)
 *
 *     potential = beta membrane + drive;  spikes = [potential > threshold]
 *     membrane_out = potential - threshold spikes
 *
 * Other kinds have other names: IF (no beta), Readout (no comparison), Synaptic
 * (with a current); and endings for what they do otherwise (docs/metadata.md). */
#include "exporter/neuron_function.h"

#include "core/text.h"
#include "exporter/build.h"
#include "exporter/opset.h"

#include <stdlib.h>
#include <string.h>

const char *const neuron_input_names[NEURON_INPUT_COUNT] = {
	[NEURON_BETA] = "beta",
	[NEURON_THRESHOLD] = "threshold",
	[NEURON_RESET] = "reset",
	[NEURON_GAIN] = "gain",
	[NEURON_CURRENT_DECAY] = "current_decay",
	[NEURON_CURRENT_GAIN] = "current_gain",
	[NEURON_AMPLITUDE] = "amplitude",
};

/* --- what a neuron needs --------------------------------------------------------------- */

static bool
is_always(const struct parameter *parameter, double value)
{
	uint32_t i;

	for (i = 0; i < parameter->count; i++)
		if (parameter->values[i] != value)
			return false;
	return true;
}

static bool
is_same(const struct parameter *a, const struct parameter *b)
{
	uint32_t count = a->count > b->count ? a->count : b->count, i;

	if (!a->count || !b->count)
		return a->count == b->count;
	for (i = 0; i < count; i++)
		if (parameter_at(a, i) != parameter_at(b, i))
			return false;
	return true;
}

/* Left out when it is the value that changes nothing. */
static struct parameter
unless(const struct parameter *parameter, double neutral)
{
	return is_always(parameter, neutral) ? (struct parameter){ 0 } : *parameter;
}

static void
choose_inputs(struct neuron_function *function)
{
	const struct neuron *neuron = function->neuron;
	struct parameter *inputs = function->inputs;

	inputs[NEURON_BETA] = unless(&neuron->decay, 1);
	if (function->current) {
		inputs[NEURON_GAIN] = unless(&neuron->input_gain, 1);
		inputs[NEURON_CURRENT_DECAY] = unless(&neuron->current_decay, 1);
		if (neuron->current == CURRENT_OLD_AND_INPUT)
			inputs[NEURON_CURRENT_GAIN] = unless(&neuron->current_gain, 1);
	}
	if (!function->spikes)
		return;
	inputs[NEURON_THRESHOLD] = neuron->threshold;
	inputs[NEURON_AMPLITUDE] = unless(&neuron->spike_gain, 1);
	if (neuron->reset == RESET_SUBTRACT && !is_same(&neuron->reset_value, &neuron->threshold))
		inputs[NEURON_RESET] = neuron->reset_value;
	if (neuron->reset == RESET_SET)
		inputs[NEURON_RESET] = unless(&neuron->reset_value, 0);
}

static const char *
base_of(const struct neuron_function *function)
{
	if (function->current)
		return "Synaptic";
	if (!function->spikes)
		return "Readout";
	return function->inputs[NEURON_BETA].count ? "LIF" : "IF";
}

/* The name says everything that makes the body another one. */
static char *
name_of(const struct neuron_function *function, struct arena *arena)
{
	const struct neuron *neuron = function->neuron;
	const struct parameter *inputs = function->inputs;
	bool resets = function->spikes && neuron->reset != RESET_NONE;

	return arena_printf(
		arena, "%s%s%s%s%s%s%s%s%s%s%s%s%s%s", base_of(function),
		function->current && !function->spikes ? "_readout" : "",
		neuron->current == CURRENT_OLD		   ? "_old"
		: neuron->current == CURRENT_OLD_AND_INPUT ? "_old_and_input"
							   : "",
		function->spikes && neuron->reset == RESET_NONE ? "_no_reset" : "",
		resets && neuron->reset == RESET_SET ? "_set" : "",
		resets && neuron->reset_timing == RESET_LATE ? "_late" : "",
		resets && neuron->reset_timing == RESET_BOTH ? "_both" : "",
		inputs[NEURON_RESET].count ? "_value" : "",
		neuron->comparison == COMPARE_GREATER_EQUAL ? "_or_equal" : "",
		inputs[NEURON_AMPLITUDE].count ? "_graded" : "",
		(function->current || !function->spikes) && !inputs[NEURON_BETA].count ? "_no_decay"
										       : "",
		inputs[NEURON_GAIN].count ? "_gain" : "",
		function->current && !inputs[NEURON_CURRENT_DECAY].count ? "_integrating" : "",
		inputs[NEURON_CURRENT_GAIN].count ? "_current_gain" : "");
}

snnfit_status
neuron_function_of(struct neuron_function *out, const struct population *population,
		   struct arena *arena, snnfit_error *err)
{
	const struct neuron *neuron = &population->neuron;

	*out = (struct neuron_function){ .neuron = neuron,
					 .spikes = neuron->comparison != COMPARE_NONE,
					 .current = neuron->current != CURRENT_ABSENT };
	if (population->kind == POPULATION_CUSTOM)
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "%.100s: its neurons have no normal form to make a new model of",
				 population->name);
	if (out->spikes && (!neuron->threshold.count ||
			    (neuron->reset == RESET_SUBTRACT && !neuron->reset_value.count)))
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "%.100s: its neurons have no threshold, or no reset value",
				 population->name);
	choose_inputs(out);
	out->name = name_of(out, arena);
	return out->name ? SNNFIT_OK : error_no_memory(err);
}

/* --- the body -------------------------------------------------------------------------------- */

struct body {
	const struct neuron_function *function;
	struct arena *arena;
	Onnx__FunctionProto *proto;
	bool failed; /* out of memory */
};

/* out = op(a, b); b NULL: of one input. Returns out. */
static const char *
emit(struct body *body, const char *op_type, const char *a, const char *b, const char *out)
{
	Onnx__NodeProto *node = build_node(
		body->arena,
		&(struct build_node){ .op_type = op_type, .inputs = { a, b }, .outputs = { out } });

	if (node && strcmp(op_type, "Cast") == 0)
		node = build_int(body->arena, node, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
	if (!node || !build_append(body->arena, &body->proto->node, &body->proto->n_node, &node,
				   sizeof(Onnx__NodeProto *)))
		body->failed = true;
	return out;
}

static bool
takes(const struct body *body, enum neuron_input input)
{
	return body->function->inputs[input].count > 0;
}

/* a times the input, or a itself. */
static const char *
scaled(struct body *body, const char *a, enum neuron_input input, const char *out)
{
	return takes(body, input) ? emit(body, "Mul", a, neuron_input_names[input], out) : a;
}

static const char *
compare(struct body *body, const char *potential, const char *flag, const char *out)
{
	bool equal = body->function->neuron->comparison == COMPARE_GREATER_EQUAL;

	emit(body, equal ? "GreaterOrEqual" : "Greater", potential,
	     neuron_input_names[NEURON_THRESHOLD], flag);
	return emit(body, "Cast", flag, NULL, out);
}

/* What a spike takes off the potential. */
static const char *
taken_off(struct body *body, const char *spikes, const char *out)
{
	return emit(body, "Mul", spikes,
		    neuron_input_names[takes(body, NEURON_RESET) ? NEURON_RESET : NEURON_THRESHOLD],
		    out);
}

/* (1 - spikes) potential + reset spikes */
static const char *
set_by(struct body *body, const char *spikes, const char *potential, const char *const names[4])
{
	const char *held;

	emit(body, "Sub", "one", spikes, names[0]);
	if (!takes(body, NEURON_RESET))
		return emit(body, "Mul", names[0], potential, names[3]);
	held = emit(body, "Mul", names[0], potential, names[1]);
	emit(body, "Mul", spikes, neuron_input_names[NEURON_RESET], names[2]);
	return emit(body, "Add", held, names[2], names[3]);
}

static bool
resets(const struct body *body, enum reset_timing timing)
{
	const struct neuron *neuron = body->function->neuron;

	return body->function->spikes && neuron->reset != RESET_NONE &&
	       (neuron->reset_timing == timing || neuron->reset_timing == RESET_BOTH);
}

/* What the current puts into the membrane; it goes on under current_out. */
static const char *
emit_current(struct body *body)
{
	const char *kept, *fed, *seen = "current";

	if (!body->function->current)
		return "drive";
	kept = scaled(body, "current", NEURON_CURRENT_DECAY, "current_kept");
	fed = scaled(body, "drive", NEURON_CURRENT_GAIN, "current_fed");
	emit(body, "Add", kept, fed, "current_out");
	if (body->function->neuron->current == CURRENT_NEW)
		seen = "current_out";
	else if (body->function->neuron->current == CURRENT_OLD_AND_INPUT)
		seen = emit(body, "Add", "current", "drive", "current_seen");
	return scaled(body, seen, NEURON_GAIN, "current_at_membrane");
}

/* The potential before the spike, the late reset taken off. */
static const char *
emit_potential(struct body *body, const char *input, const char *out)
{
	static const char *const names[] = { "not_late", "start_held", "start_reset", "start" };
	bool late = resets(body, RESET_LATE);
	bool subtracts = body->function->neuron->reset == RESET_SUBTRACT;
	const char *start = "membrane";

	if (late)
		compare(body, "membrane", "late_fired", "late");
	if (late && !subtracts)
		start = set_by(body, "late", start, names);
	start = scaled(body, start, NEURON_BETA, "decayed");
	if (!late || !subtracts)
		return emit(body, "Add", start, input, out);
	emit(body, "Add", start, input, "driven");
	return emit(body, "Sub", "driven", taken_off(body, "late", "late_lost"), out);
}

static void
emit_spikes(struct body *body)
{
	static const char *const names[] = { "quiet", "held", "raised", "membrane_out" };
	bool graded = takes(body, NEURON_AMPLITUDE);
	const char *spikes = compare(body, "potential", "fired", graded ? "ones" : "spikes");

	if (graded)
		emit(body, "Mul", spikes, neuron_input_names[NEURON_AMPLITUDE], "spikes");
	if (!resets(body, RESET_NOW))
		emit(body, "Identity", "potential", NULL, "membrane_out");
	else if (body->function->neuron->reset == RESET_SUBTRACT)
		emit(body, "Sub", "potential", taken_off(body, spikes, "lost"), "membrane_out");
	else
		set_by(body, spikes, "potential", names);
}

/* The number 1, for what does not spike. */
static void
emit_one(struct body *body, struct onnx_model *model, snnfit_error *err)
{
	const float one = 1;
	struct tensor_shape shape = { .type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, .count = 1 };
	Onnx__NodeProto *node = build_node(
		body->arena, &(struct build_node){ .op_type = "Constant", .outputs = { "one" } });
	Onnx__AttributeProto *value = arena_alloc(body->arena, 1, sizeof *value);
	Onnx__TensorProto *tensor = tensor_new(model, NULL);

	if (!node || !value || !tensor || tensor_set_float(model, tensor, &shape, &one, err)) {
		body->failed = true;
		return;
	}
	onnx__attribute_proto__init(value);
	value->name = arena_strdup(body->arena, "value");
	value->has_type = 1;
	value->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
	value->t = tensor;
	if (!value->name ||
	    !build_append(body->arena, &node->attribute, &node->n_attribute, &value,
			  sizeof(Onnx__AttributeProto *)) ||
	    !build_append(body->arena, &body->proto->node, &body->proto->n_node, &node,
			  sizeof(Onnx__NodeProto *)))
		body->failed = true;
}

static void
emit_body(struct body *body, struct onnx_model *model, snnfit_error *err)
{
	const char *input;

	if (body->function->spikes && body->function->neuron->reset == RESET_SET)
		emit_one(body, model, err);
	input = emit_current(body);
	if (body->function->spikes) {
		emit_potential(body, input, "potential");
		emit_spikes(body);
	} else {
		emit_potential(body, input, "output");
		emit(body, "Identity", "output", NULL, "membrane_out");
	}
}

/* --- the function ----------------------------------------------------------------- */

static void
add_formal(struct body *body, char ***list, size_t *count, const char *name)
{
	char *copy = arena_strdup(body->arena, name);

	if (!copy || !build_append(body->arena, list, count, &copy, sizeof copy))
		body->failed = true;
}

static void
add_formals(struct body *body)
{
	Onnx__FunctionProto *proto = body->proto;
	bool current = body->function->current;
	int i;

	add_formal(body, &proto->input, &proto->n_input, "drive");
	add_formal(body, &proto->input, &proto->n_input, "membrane");
	if (current)
		add_formal(body, &proto->input, &proto->n_input, "current");
	for (i = 0; i < NEURON_INPUT_COUNT; i++)
		if (takes(body, (enum neuron_input)i))
			add_formal(body, &proto->input, &proto->n_input, neuron_input_names[i]);
	add_formal(body, &proto->output, &proto->n_output,
		   body->function->spikes ? "spikes" : "output");
	add_formal(body, &proto->output, &proto->n_output, "membrane_out");
	if (current)
		add_formal(body, &proto->output, &proto->n_output, "current_out");
}

static bool
is_there(const Onnx__ModelProto *model, const char *name)
{
	size_t i;

	for (i = 0; i < model->n_functions; i++)
		if (strcmp(model->functions[i]->name, name) == 0 &&
		    strcmp(model->functions[i]->domain, NEURON_DOMAIN) == 0)
			return true;
	return false;
}

snnfit_status
neuron_function_add(struct onnx_model *model, const struct neuron_function *function,
		    snnfit_error *err)
{
	Onnx__ModelProto *proto = onnx_model_proto(model);
	struct arena *arena = onnx_model_arena(model);
	struct body body = { .function = function, .arena = arena };
	Onnx__OperatorSetIdProto *opset;

	if (is_there(proto, function->name))
		return SNNFIT_OK;
	body.proto = arena_alloc(arena, 1, sizeof *body.proto);
	opset = build_opset(arena, "", opset_version(proto));
	if (!body.proto || !opset)
		return error_no_memory(err);
	onnx__function_proto__init(body.proto);
	body.proto->name = arena_strdup(arena, function->name);
	body.proto->domain = arena_strdup(arena, NEURON_DOMAIN);
	add_formals(&body);
	emit_body(&body, model, err);
	if (body.failed || !body.proto->name || !body.proto->domain ||
	    !build_append(arena, &body.proto->opset_import, &body.proto->n_opset_import, &opset,
			  sizeof(Onnx__OperatorSetIdProto *)) ||
	    !build_append(arena, &proto->functions, &proto->n_functions, &body.proto,
			  sizeof(Onnx__FunctionProto *)))
		return error_no_memory(err);
	return SNNFIT_OK;
}
