/* polynomial_currents.c - what a step reads when it reads the current of a weight operation.
 *
 * An input that is the same at every step is multiplied by its weights once: all
 * steps read one tensor. What a step reads of it is its own current, not the one
 * that an earlier step has tested. Such a tensor is *bare*, and its current *held*. */
#include "importer/instances.h"

uint32_t
polynomial_weight_of(const struct polynomials *context, uint32_t index)
{
	const struct axes *axes = context->axes;
	size_t low = 0, high = axes->weight_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (axes->weights[middle].operation < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < axes->weight_count && axes->weights[low].operation == index ? (uint32_t)low
										 : NO_VALUE;
}

/* Weights that are read once: their current may drive every step. */
bool
polynomial_find_held(struct polynomials *context)
{
	const struct axes *axes = context->axes;
	uint32_t *reads = arena_zalloc(context->arena, axes->program->source_count, sizeof *reads);
	uint32_t i, source;

	context->held = arena_zalloc(context->arena, axes->weight_count, sizeof *context->held);
	context->baked = arena_zalloc(context->arena, axes->weight_count, sizeof *context->baked);
	if (!reads || !context->held || !context->baked)
		return false;
	for (i = 0; i < axes->weight_count; i++) {
		source = instances_source(axes, i);
		if (source != NO_VALUE)
			reads[source]++;
	}
	for (i = 0; i < axes->weight_count; i++) {
		source = instances_source(axes, i);
		context->held[i] = source != NO_VALUE && reads[source] == 1;
	}
	return true;
}

/* --- what is bare ------------------------------------------------------------------------- */

/* A zero of the current's own shape is a state, not a bias. */
static bool
is_zero_state(const struct polynomials *context, uint32_t value)
{
	const struct polynomial *p = context->of[value];

	return context->axes->program->values[value].constant && p && p->count == 0 &&
	       context->axes->tensors[value].rank > 1;
}

static bool
is_bare_sum(const struct polynomials *context, const struct operation *operation)
{
	uint32_t i, bare = NO_VALUE;

	for (i = 0; i < 2 && i < operation->operand_count; i++)
		if (operation->operands[i] != NO_VALUE && context->bare[operation->operands[i]])
			bare = i;
	return bare != NO_VALUE && operation->operand_count == 2 &&
	       operation->operands[1 - bare] != NO_VALUE &&
	       context->axes->program->values[operation->operands[1 - bare]].constant &&
	       !is_zero_state(context, operation->operands[1 - bare]);
}

/* Codes times integers are a current once their scale is in: that weight operation. */
static uint32_t
scaled_weight(const struct polynomials *context, uint32_t value)
{
	const struct polynomial *p = value == NO_VALUE ? NULL : context->of[value];
	const struct axes *axes = context->axes;
	uint32_t weight;

	if (!p || p->count != 1 || p->terms[0].degree != 1 ||
	    context->atoms[p->terms[0].atoms[0]].kind != ATOM_CURRENT)
		return NO_VALUE;
	weight = context->currents[context->atoms[p->terms[0].atoms[0]].number].weight;
	return axes_multiplies_codes(&axes->program->operations[axes->weights[weight].operation])
		       ? weight
		       : NO_VALUE;
}

/* The current that weights, read once, make of an input that every step has: what a
 * step reads of it is the current, not what an earlier step tested. */
bool
polynomial_is_bare(const struct polynomials *context, uint32_t index)
{
	static const char *const same[] = {
		"BatchNormalization", "Cast",	 "CastLike", "Dropout",	  "Flatten",
		"Identity",	      "Reshape", "Squeeze",  "Unsqueeze", NULL
	};
	const struct operation *operation = &context->axes->program->operations[index];
	uint32_t weight = polynomial_weight_of(context, index);

	if (weight != NO_VALUE)
		return context->held[weight] &&
		       (operation->operand_count < 3 || operation->operands[2] == NO_VALUE ||
			context->axes->program->values[operation->operands[2]].constant);
	if (operation_is_one_of(operation, same))
		return operation->operands[0] != NO_VALUE && context->bare[operation->operands[0]];
	if (operation_is(operation, "Mul") &&
	    scaled_weight(context, operation->results[0]) != NO_VALUE)
		return context->held[scaled_weight(context, operation->results[0])];
	return (operation_is(operation, "Add") || operation_is(operation, "Sub") ||
		operation_is(operation, "Mul") || operation_is(operation, "Div")) &&
	       is_bare_sum(context, operation);
}

/* --- reading ---------------------------------------------------------------------------------- */

static uint32_t
operand_value(const struct operation *operation, uint32_t i)
{
	return i < operation->operand_count ? operation->operands[i] : NO_VALUE;
}

static bool
only_sites(const struct polynomials *context, const struct polynomial *p)
{
	uint32_t i, j;

	for (i = 0; p && i < p->count; i++)
		for (j = 0; j < p->terms[i].degree; j++)
			if (context->atoms[p->terms[i].atoms[j]].kind != ATOM_SITE)
				return false;
	return p != NULL;
}

/* Without its zero state a first step's membrane is the current itself. What scales
 * it then, or takes spikes off it, means the membrane; what adds it up, the drive. */
static bool
means_membrane(const struct polynomials *context, const struct operation *operation, uint32_t i)
{
	uint32_t other = operand_value(operation, 1 - i);
	const struct polynomial *p = context->of[operation->operands[i]];
	bool scaled = false;
	uint32_t k;

	for (k = 0; k < p->count; k++) {
		const struct atom *atom = &context->atoms[p->terms[k].atoms[0]];

		if (p->terms[k].degree != 1 || atom->kind != ATOM_CURRENT)
			continue;
		if (!context->currents[atom->number].is_membrane)
			return false;
		scaled = !coefficient_is(&p->terms[k].coefficient, 1);
	}
	if (scaled)
		return true;
	if (!operation_is(operation, "Add") && !operation_is(operation, "Sub"))
		return true;
	if (i > 1 || other == NO_VALUE)
		return false;
	return other == operation->operands[i] ? i == 0 : only_sites(context, context->of[other]);
}

const struct polynomial *
polynomial_operand(struct polynomials *context, const struct operation *operation, uint32_t i)
{
	uint32_t value = operand_value(operation, i);

	if (value == NO_VALUE)
		return NULL;
	if (!context->bare[value] || means_membrane(context, operation, i))
		return polynomial_follow(context, value);
	return polynomial_renew(context, context->of[value]);
}

void
polynomial_note_membrane(struct polynomials *context, const struct operation *operation)
{
	uint32_t i, j;

	for (i = 0; i < 2; i++) {
		uint32_t value = operand_value(operation, i);
		const struct polynomial *p = value == NO_VALUE ? NULL : context->of[value];

		for (j = 0; p && context->bare[value] && j < p->count; j++)
			if (p->terms[j].degree == 1 &&
			    context->atoms[p->terms[j].atoms[0]].kind == ATOM_CURRENT)
				context->currents[context->atoms[p->terms[j].atoms[0]].number]
					.is_membrane = true;
	}
}

/* In the shape of what it is added to, batch and all, and not the same everywhere. */
static bool
has_shape_of_state(const struct polynomials *context, uint32_t value)
{
	const struct constant *constant;
	uint64_t i;

	if (value == NO_VALUE || !context->axes->program->values[value].constant ||
	    context->axes->tensors[value].rank < 2)
		return false;
	constant = constant_of(context->axes->constants, value);
	for (i = 1; constant && constant->reals && i < constant->count; i++)
		if (constant->reals[i] != constant->reals[0])
			return true;
	return false;
}

/* A MatMul has its bias added; it may come in any shape. */
static bool
is_product(const struct polynomials *context, uint32_t value)
{
	const struct program *program = context->axes->program;

	return program->values[value].kind == VALUE_RESULT &&
	       (operation_is(&program->operations[program->values[value].operation], "MatMul") ||
		scaled_weight(context, value) != NO_VALUE);
}

void
polynomial_note_state(struct polynomials *context, const struct operation *operation)
{
	uint32_t i, k;

	for (i = 0; i < 2; i++) {
		uint32_t constant = operand_value(operation, i);
		uint32_t other = operand_value(operation, 1 - i);
		const struct polynomial *p;

		if (other == NO_VALUE || !has_shape_of_state(context, constant) ||
		    is_product(context, other))
			continue;
		p = context->of[other];
		for (k = 0; k < p->count; k++) {
			const struct atom *atom = &context->atoms[p->terms[k].atoms[0]];

			if (p->terms[k].degree && atom->kind == ATOM_CURRENT)
				context->baked[context->currents[atom->number].weight] = true;
		}
	}
}
