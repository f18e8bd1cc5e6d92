/* instances.c - which weight operations are one projection, read at several time steps.
 *
 * An unrolled model reads the same weights once a step. The steps of one layer
 * share their units: they are tied by the state that goes from one to the next.
 * The same weights between other units are tied layers, and stay apart. */
#include "importer/instances.h"

#include <string.h>

/* A weight tensor that many layers share is compared with so many of them: more
 * cost time, and only make projections that could be one. */
enum { GROUPS_MAX = 64, SUM_DEPTH_MAX = 8 };

struct grouper {
	struct neurons *neurons;
	struct axes *axes;
	uint32_t *newest_group; /* [source_count]: first instance of the newest group */
	uint32_t *older_group;	/* [weight_count]: of the same source */
	uint32_t *last_instance;
};

static uint32_t
weight_value(const struct axes *axes, uint32_t weight)
{
	const struct weight_operation *w = &axes->weights[weight];

	return axes->program->operations[w->operation].operands[w->weight_operand];
}

/* Through Identity: what an exporter calls a shared tensor for another layer. */
static uint32_t
behind_aliases(const struct program *program, uint32_t value)
{
	while (program->values[value].kind == VALUE_RESULT) {
		const struct operation *operation =
			&program->operations[program->values[value].operation];

		if (!operation_is(operation, "Identity") || operation->operands[0] == NO_VALUE)
			break;
		value = operation->operands[0];
	}
	return value;
}

uint32_t
instances_source(const struct axes *axes, uint32_t weight)
{
	const struct program *program = axes->program;
	uint32_t value = weight_value(axes, weight);

	for (;;) {
		const struct operation *operation;

		value = behind_aliases(program, value);
		if (program->values[value].kind != VALUE_RESULT)
			return program->values[value].source;
		operation = &program->operations[program->values[value].operation];
		if (!operation->operand_count || operation->operands[0] == NO_VALUE)
			return NO_VALUE;
		value = operation->operands[0];
	}
}

static bool
same_expression(const struct program *program, uint32_t a, uint32_t b)
{
	for (;;) {
		const struct operation *one, *other;

		a = behind_aliases(program, a);
		b = behind_aliases(program, b);
		if (program->values[a].kind != VALUE_RESULT ||
		    program->values[b].kind != VALUE_RESULT)
			return program->values[a].source == program->values[b].source;
		one = &program->operations[program->values[a].operation];
		other = &program->operations[program->values[b].operation];
		if (one->node != other->node)
			return false;
		a = one->operands[0];
		b = other->operands[0];
	}
}

/* The same units, or as many of what is never cut (positions, a model input a step). */
static bool
same_cut(struct axes *axes, struct axis a, struct axis b, unsigned depth)
{
	struct axis x = axis_resolve(axes, a), y = axis_resolve(axes, b);
	uint32_t i, j;

	if (x.count != y.count || depth > SUM_DEPTH_MAX)
		return false;
	for (i = 0; i < x.count; i++) {
		const struct variable *u = &axes->variables[x.variables[i]];
		const struct variable *v = &axes->variables[y.variables[i]];

		if (u == v)
			continue;
		if (u->state != v->state || u->size != v->size || u->part_count != v->part_count ||
		    (u->state == VARIABLE_LEAF && (!u->frozen || !v->frozen)))
			return false;
		for (j = 0; u->state == VARIABLE_SUM && j < u->part_count; j++)
			if (!same_cut(axes, u->parts[j], v->parts[j], depth + 1))
				return false;
	}
	return true;
}

static bool
convolves(const struct operation *operation)
{
	return operation_is(operation, "Conv") || operation_is(operation, "ConvInteger");
}

/* The same operator on tensors of the same shape, but for batch and time. */
static bool
same_operator(struct axes *axes, const struct weight_operation *a, const struct weight_operation *b)
{
	const struct operation *one = &axes->program->operations[a->operation];
	const struct operation *other = &axes->program->operations[b->operation];
	const struct tensor_axes *x = &axes->tensors[one->results[0]];
	const struct tensor_axes *y = &axes->tensors[other->results[0]];
	uint32_t d;

	if (strcmp(one->node->op_type, other->node->op_type) != 0 ||
	    a->transposed != b->transposed || x->rank != y->rank ||
	    operation_float(one, "alpha", 1) != operation_float(other, "alpha", 1) ||
	    operation_float(one, "beta", 1) != operation_float(other, "beta", 1))
		return false;
	for (d = 2; convolves(one) && d < x->rank; d++)
		if (axis_size(axes, x->axes[d]) != axis_size(axes, y->axes[d]))
			return false;
	return true;
}

/* Taken off the weights. */
static bool
same_zero(const struct axes *axes, const struct operation *a, const struct operation *b)
{
	const struct constant *one = axes_weight_zero(axes, a);
	const struct constant *other = axes_weight_zero(axes, b);

	if (!one || !other)
		return one == other;
	return one->count == other->count &&
	       memcmp(one->integers, other->integers, one->count * sizeof *one->integers) == 0;
}

static bool
same_projection(struct axes *axes, uint32_t a, uint32_t b)
{
	const struct weight_operation *x = &axes->weights[a], *y = &axes->weights[b];

	return same_operator(axes, x, y) &&
	       same_zero(axes, &axes->program->operations[x->operation],
			 &axes->program->operations[y->operation]) &&
	       axis_equal(axes, x->units, y->units) && same_cut(axes, x->columns, y->columns, 0) &&
	       same_expression(axes->program, weight_value(axes, a), weight_value(axes, b));
}

static void
add_weight(struct grouper *grouper, uint32_t weight)
{
	struct neurons *neurons = grouper->neurons;
	uint32_t source = instances_source(grouper->axes, weight);
	uint32_t group = source == NO_VALUE ? NO_VALUE : grouper->newest_group[source];
	unsigned tries;

	for (tries = 0; group != NO_VALUE && tries < GROUPS_MAX; tries++) {
		if (same_projection(grouper->axes, group, weight)) {
			neurons->first_instance[weight] = group;
			neurons->next_instance[grouper->last_instance[group]] = weight;
			grouper->last_instance[group] = weight;
			return;
		}
		group = grouper->older_group[group];
	}
	neurons->first_instance[weight] = grouper->last_instance[weight] = weight;
	if (source == NO_VALUE)
		return;
	grouper->older_group[weight] = grouper->newest_group[source];
	grouper->newest_group[source] = weight;
}

snnfit_status
instances_find(struct neurons *neurons, struct axes *axes, snnfit_error *err)
{
	struct grouper grouper = { .neurons = neurons, .axes = axes };
	size_t count = axes->weight_count, sources = axes->program->source_count;
	uint32_t i;

	neurons->first_instance = arena_alloc(axes->arena, count, sizeof(uint32_t));
	neurons->next_instance = arena_alloc(axes->arena, count, sizeof(uint32_t));
	grouper.older_group = arena_alloc(axes->arena, count, sizeof(uint32_t));
	grouper.last_instance = arena_alloc(axes->arena, count, sizeof(uint32_t));
	grouper.newest_group = arena_alloc(axes->arena, sources, sizeof(uint32_t));
	if (!neurons->first_instance || !neurons->next_instance || !grouper.older_group ||
	    !grouper.last_instance || !grouper.newest_group)
		return error_no_memory(err);
	memset(neurons->next_instance, 0xff, count * sizeof(uint32_t));
	memset(grouper.older_group, 0xff, count * sizeof(uint32_t));
	memset(grouper.newest_group, 0xff, sources * sizeof(uint32_t));
	for (i = 0; i < count; i++)
		add_weight(&grouper, i);
	return SNNFIT_OK;
}
