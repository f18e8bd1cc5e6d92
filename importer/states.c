#include "importer/states.h"

#include "importer/dependence.h"
#include "importer/polynomial_bodies.h"

#include <string.h>

struct pairing {
	struct states *states;
	struct axes *axes;
	const struct polynomials *polynomials;
	struct dependence dependence;
	uint32_t first_output; /* the first that may be a state */
	uint32_t *next_output; /* [output_count + 1]: a list that begins at the last */
};

/* --- candidates -------------------------------------------------------------------------- */

static int32_t
element_type(const Onnx__ValueInfoProto *info)
{
	return info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
		       ? info->type->tensor_type->elem_type
		       : 0;
}

static bool
same_form(const struct pairing *pairing, uint32_t input, uint32_t output)
{
	struct axes *axes = pairing->axes;
	const struct program *program = axes->program;
	const struct value *value = &program->values[program->inputs[input]];
	const struct tensor_axes *x = &axes->tensors[program->inputs[input]];
	const struct tensor_axes *y = &axes->tensors[program->outputs[output]];
	uint32_t d;

	if (!x->known || !y->known || x->rank != y->rank ||
	    element_type(program->graph->input[value->input]) !=
		    element_type(program->graph->output[output]))
		return false;
	for (d = 0; d < x->rank; d++) {
		uint64_t n = axis_size(axes, x->axes[d]), m = axis_size(axes, y->axes[d]);

		if (n != m && n < AXES_FIRST_SYMBOL && m < AXES_FIRST_SYMBOL)
			return false; /* a dim without a number may be any */
	}
	return true;
}

static bool
is_spikes(const struct pairing *pairing, uint32_t output)
{
	const struct polynomials *context = pairing->polynomials;
	const struct polynomial *p = context->of[pairing->axes->program->outputs[output]];

	return p && p->count == 1 && p->terms[0].degree == 1 &&
	       context->atoms[p->terms[0].atoms[0]].kind == ATOM_SITE;
}

/* The first input is data. The first output is the answer as a rule: it may be a
 * state only while another one is left to be the answer. */
static bool
is_candidate(struct pairing *pairing, enum dependence_kind kind, uint32_t input, uint32_t output)
{
	return input > 0 && output >= pairing->first_output &&
	       pairing->states->output_of_input[input] == NO_VALUE &&
	       pairing->states->input_of_output[output] == NO_VALUE &&
	       same_form(pairing, input, output) &&
	       depends(&pairing->dependence, kind, output, input);
}

static void
pair(struct pairing *pairing, uint32_t input, uint32_t output)
{
	pairing->states->output_of_input[input] = output;
	pairing->states->input_of_output[output] = input;
	pairing->states->count++;
}

/* The only output that can be it, or NO_VALUE. */
static uint32_t
only_candidate(struct pairing *pairing, uint32_t input)
{
	uint32_t output, found = NO_VALUE;

	for (output = pairing->first_output; output < pairing->axes->program->output_count;
	     output++) {
		if (!is_candidate(pairing, DEPENDS_ELEMENTWISE, input, output))
			continue;
		if (found != NO_VALUE)
			return NO_VALUE;
		found = output;
	}
	return found;
}

static void
pair_the_unmistakable(struct pairing *pairing)
{
	const struct program *program = pairing->axes->program;
	bool changed = program->input_count * program->output_count < (1u << 22);
	uint32_t input, output;

	while (changed) {
		changed = false;
		for (input = 1; input < program->input_count; input++) {
			output = pairing->states->output_of_input[input] == NO_VALUE
					 ? only_candidate(pairing, input)
					 : NO_VALUE;
			if (output == NO_VALUE)
				continue;
			pair(pairing, input, output);
			changed = true;
		}
	}
}

/* Some write the states first and the answer last. */
static void
pair_the_first_output(struct pairing *pairing)
{
	const struct program *program = pairing->axes->program;

	if (pairing->states->count + 2 > program->output_count || is_spikes(pairing, 0))
		return;
	pairing->first_output = 0;
	pair_the_unmistakable(pairing);
	pairing->first_output = 1;
}

/* Lists the outputs that may still be states, last first. */
static uint32_t
list_outputs(struct pairing *pairing, bool spikes)
{
	uint32_t count = (uint32_t)pairing->axes->program->output_count, at = count, output;

	for (output = count; output-- > 1;)
		if (pairing->states->input_of_output[output] == NO_VALUE &&
		    is_spikes(pairing, output) == spikes)
			at = pairing->next_output[at] = output;
	pairing->next_output[at] = NO_VALUE;
	return count;
}

/* Exporters write states in the same order in and out, after everything else. */
static void
pair_from_the_end(struct pairing *pairing, bool spikes)
{
	uint32_t first = list_outputs(pairing, spikes), input, at;
	uint32_t *next = pairing->next_output;

	for (input = (uint32_t)pairing->axes->program->input_count; input-- > 1;) {
		at = pairing->states->output_of_input[input] == NO_VALUE ? first : NO_VALUE;
		while (at != NO_VALUE && next[at] != NO_VALUE &&
		       !is_candidate(pairing, DEPENDS_ELEMENTWISE, input, next[at]))
			at = next[at];
		if (at == NO_VALUE || next[at] == NO_VALUE)
			continue;
		pair(pairing, input, next[at]);
		next[at] = next[next[at]];
	}
}

/* Whether output is called as the next value of input: mem1 and mem1_out, or
 * mem1_in and mem1_out, but not mem10_out. */
static bool
same_name(const struct pairing *pairing, uint32_t input, uint32_t output)
{
	const struct program *program = pairing->axes->program;
	const char *from = program->values[program->inputs[input]].name;
	const char *to = program->graph->output[output]->name;
	size_t length = strlen(from);

	if (length > 3 && strcmp(from + length - 3, "_in") == 0)
		length -= 3;
	return strncmp(from, to, length) == 0 && (to[length] == '_' || to[length] == '.');
}

/* Spikes of the step before that come back through weights: by data flow any
 * layer's may be, or it is another input and its width a coincidence. What has
 * no name in common is left to the user. */
static void
pair_by_name(struct pairing *pairing)
{
	const struct program *program = pairing->axes->program;
	uint32_t input, output;

	for (input = 1; input < program->input_count; input++)
		for (output = 1; output < program->output_count &&
				 pairing->states->output_of_input[input] == NO_VALUE;
		     output++)
			if (same_name(pairing, input, output) && is_spikes(pairing, output) &&
			    is_candidate(pairing, DEPENDS_ANYHOW, input, output))
				pair(pairing, input, output);
}

/* --- what the user says ---------------------------------------------------------------------- */

static uint32_t
find_input(const struct program *program, const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < program->input_count; i++) {
		const char *at = program->values[program->inputs[i]].name;

		if (strlen(at) == length && memcmp(at, name, length) == 0)
			return (uint32_t)i;
	}
	return NO_VALUE;
}

static uint32_t
find_output(const struct program *program, const char *name)
{
	size_t i;

	for (i = 0; i < program->output_count; i++)
		if (strcmp(program->graph->output[i]->name, name) == 0)
			return (uint32_t)i;
	return NO_VALUE;
}

static snnfit_status
pair_as_told(struct pairing *pairing, const struct import_options *options, snnfit_error *err)
{
	const struct program *program = pairing->axes->program;
	size_t i;

	for (i = 0; options && i < options->state_count; i++) {
		const char *told = options->states[i], *equals = strchr(told, '=');
		uint32_t input, output;

		if (!equals)
			return error_set(err, SNNFIT_EUSAGE,
					 "--state %s is not of the form INPUT=OUTPUT", told);
		input = find_input(program, told, (size_t)(equals - told));
		output = find_output(program, equals + 1);
		if (input == NO_VALUE || output == NO_VALUE)
			return error_set(err, SNNFIT_EUSAGE, "--state %s: the model has no such %s",
					 told, input == NO_VALUE ? "input" : "output");
		if (pairing->states->output_of_input[input] != NO_VALUE ||
		    pairing->states->input_of_output[output] != NO_VALUE)
			return error_set(err, SNNFIT_EUSAGE,
					 "--state %s: one of them is paired already", told);
		if (!same_form(pairing, input, output))
			return error_set(err, SNNFIT_EUSAGE,
					 "--state %s: their shapes or types differ", told);
		pair(pairing, input, output);
	}
	return SNNFIT_OK;
}

/* --- what follows for the axes --------------------------------------------------------------- */

static void
freeze_value(struct axes *axes, uint32_t value, const char *what, const char *name)
{
	const struct tensor_axes *tensor = &axes->tensors[value];
	const char *reason = arena_printf(axes->arena, "%s '%s'", what, name);
	uint32_t d;

	if (!reason)
		axes->out_of_memory = true;
	for (d = 0; reason && tensor->known && d < tensor->rank; d++)
		axis_freeze(axes, tensor->axes[d], reason);
}

static void
settle_axes(struct pairing *pairing)
{
	struct axes *axes = pairing->axes;
	const struct program *program = axes->program;
	uint32_t i, d;

	for (i = 0; i < program->input_count; i++) {
		uint32_t output = pairing->states->output_of_input[i];
		const struct tensor_axes *x = &axes->tensors[program->inputs[i]], *y;

		if (output == NO_VALUE) {
			freeze_value(axes, program->inputs[i], "graph input",
				     program->values[program->inputs[i]].name);
			continue;
		}
		y = &axes->tensors[program->outputs[output]];
		for (d = 0; d < x->rank; d++)
			axis_unify(axes, x->axes[d], y->axes[d], "state in and out differ");
	}
	for (i = 0; i < program->output_count; i++)
		if (pairing->states->input_of_output[i] == NO_VALUE)
			freeze_value(axes, program->outputs[i], "graph output",
				     program->graph->output[i]->name);
}

/* --- what bodies carry ------------------------------------------------------------ */

static void
note_atoms(const struct polynomial *p, uint32_t but, bool *felt)
{
	uint32_t i, j;

	for (i = 0; p && i < p->count; i++)
		for (j = 0; j < p->terms[i].degree; j++)
			if (p->terms[i].atoms[j] != but)
				felt[p->terms[i].atoms[j]] = true;
}

/* [atom_count]: atoms that a comparison or weights read, or the next value of another
 * variable. */
static bool *
find_felt(struct pairing *pairing)
{
	const struct program *program = pairing->axes->program;
	const struct polynomials *context = pairing->polynomials;
	bool *felt = arena_zalloc(pairing->axes->arena, context->atom_count, sizeof *felt);
	size_t i;

	for (i = 0; felt && i < context->site_count; i++)
		note_atoms(context->sites[i].argument, NO_VALUE, felt);
	for (i = 0; felt && i < pairing->axes->weight_count; i++) {
		const struct weight_operation *weight = &pairing->axes->weights[i];

		note_atoms(context->of[program->operations[weight->operation]
					       .operands[weight->data_operand]],
			   NO_VALUE, felt);
	}
	for (i = 0; felt && i < program->carried_count; i++)
		note_atoms(context->of[program->outputs[program->output_count + i]],
			   context->input_atoms[program->inputs[program->input_count + i]], felt);
	return felt;
}

static bool
holds_current(const struct polynomials *context, const struct polynomial *p)
{
	uint32_t i;

	for (i = 0; p && i < p->count; i++)
		if (p->terms[i].degree == 1 &&
		    context->atoms[p->terms[i].atoms[0]].kind == ATOM_CURRENT)
			return true;
	return false;
}

static bool
is_carried_state(struct pairing *pairing, uint32_t number, const bool *felt)
{
	const struct program *program = pairing->axes->program;
	const struct polynomials *context = pairing->polynomials;
	uint32_t in = program->inputs[program->input_count + number];
	uint32_t out = program->outputs[program->output_count + number];
	uint32_t atom = context->input_atoms[in];

	if (in == out || !pairing->axes->tensors[in].known || atom == NO_VALUE)
		return false;
	return felt[atom] || holds_current(context, context->of[out]);
}

static struct state_binding
carried_pair(const struct pairing *pairing, uint32_t number)
{
	const struct program *program = pairing->axes->program;
	const struct carried *carried = &program->carried[number];
	const struct body *body = &program->bodies[carried->body];

	return (struct state_binding){
		(uint32_t)program->input_count + number, (uint32_t)program->output_count + number,
		body->graph->output[body->first_out + carried->i]->name,
		polynomial_is_zero(pairing->polynomials, body_initial(program, body, carried->i))
	};
}

static bool
list_pairs(struct pairing *pairing)
{
	const struct program *program = pairing->axes->program;
	struct states *states = pairing->states;
	const bool *felt = find_felt(pairing);
	uint32_t i, output;

	states->pairs = arena_alloc(pairing->axes->arena, states->count + program->carried_count,
				    sizeof *states->pairs);
	if (!states->pairs || !felt)
		return false;
	states->count = 0;
	for (i = 0; i < program->input_count; i++) {
		output = states->output_of_input[i];
		if (output != NO_VALUE)
			states->pairs[states->count++] = (struct state_binding){
				i, output, program->graph->output[output]->name, true
			};
	}
	states->model_count = states->count;
	for (i = 0; i < program->carried_count; i++)
		if (is_carried_state(pairing, i, felt))
			states->pairs[states->count++] = carried_pair(pairing, i);
	return true;
}

snnfit_status
states_pair(struct states *states, struct axes *axes, const struct polynomials *polynomials,
	    const struct import_options *options, snnfit_error *err)
{
	const struct program *program = axes->program;
	struct pairing pairing = { states, axes, polynomials, { 0 }, 1, NULL };
	snnfit_status status;

	*states = (struct states){ 0 };
	states->output_of_input = arena_alloc(axes->arena, program->input_count, sizeof(uint32_t));
	states->input_of_output = arena_alloc(axes->arena, program->output_count, sizeof(uint32_t));
	pairing.next_output = arena_alloc(axes->arena, program->output_count + 1, sizeof(uint32_t));
	if (!states->output_of_input || !states->input_of_output || !pairing.next_output ||
	    !dependence_init(&pairing.dependence, axes))
		return error_no_memory(err);
	memset(states->output_of_input, 0xff, program->input_count * sizeof(uint32_t));
	memset(states->input_of_output, 0xff, program->output_count * sizeof(uint32_t));
	status = pair_as_told(&pairing, options, err);
	if (status)
		return status;
	pair_the_unmistakable(&pairing);
	pair_the_first_output(&pairing);
	pair_from_the_end(&pairing, false);
	pair_from_the_end(&pairing, true);
	pair_by_name(&pairing);
	settle_axes(&pairing);
	return list_pairs(&pairing) && !axes->out_of_memory ? SNNFIT_OK : error_no_memory(err);
}
