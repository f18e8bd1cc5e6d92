/* instances.c - which weight operations are one projection, read at several time steps.
 *
 * An unrolled model reads the same weights once a step. The steps of one layer
 * share their units: they are tied by the state that goes from one to the next.
 * The same weights between other units are tied layers, and stay apart. Exporters
 * that fold constants step by step write them once a step: equal tensors between
 * the same units are the same weights, whatever their names. */
#include "importer/instances.h"

#include <string.h>

/* A weight tensor that many layers share is compared with so many of them: more
 * cost time, and only make projections that could be one. */
enum { GROUPS_MAX = 64, SUM_DEPTH_MAX = 8, COMPARED_AT_ONCE = 4096 };

/* Groups that have something in common, by the first instance of each, the newest first. */
struct chain {
	uint32_t *newest; /* by what they have in common */
	uint32_t *older;  /* [weight_count] */
};

struct grouper {
	struct neurons *neurons;
	struct axes *axes;
	struct chain of_source; /* their weights are made of one tensor */
	struct chain on_axis;	/* their units begin with one variable */
	uint32_t *last_instance;
	snnfit_status status; /* remembered: tensors could not be compared */
	snnfit_error *err;
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

/* The tensor that the weights are, seen through Identity; NULL: they are computed. */
static const Onnx__TensorProto *
stored_weights(const struct axes *axes, uint32_t weight)
{
	uint32_t value = behind_aliases(axes->program, weight_value(axes, weight));

	return axes->program->values[value].kind == VALUE_SOURCE
		       ? axes->program->values[value].tensor
		       : NULL;
}

static bool
same_bytes(struct grouper *grouper, const Onnx__TensorProto *a, const Onnx__TensorProto *b,
	   uint64_t length)
{
	const struct onnx_model *model = grouper->axes->program->model;
	uint8_t one[COMPARED_AT_ONCE], other[COMPARED_AT_ONCE];
	uint64_t first, count;

	for (first = 0; first < length; first += count) {
		count = length - first < sizeof one ? length - first : sizeof one;
		if (!grouper->status)
			grouper->status = tensor_read_raw(model, a, first, count, one,
							  grouper->err);
		if (!grouper->status)
			grouper->status = tensor_read_raw(model, b, first, count, other,
							  grouper->err);
		if (grouper->status || memcmp(one, other, count) != 0)
			return false;
	}
	return true;
}

/* Two tensors, of equal numbers in the same type and shape. */
static bool
same_numbers(struct grouper *grouper, uint32_t a, uint32_t b)
{
	const struct onnx_model *model = grouper->axes->program->model;
	const Onnx__TensorProto *x = stored_weights(grouper->axes, a);
	const Onnx__TensorProto *y = stored_weights(grouper->axes, b);
	struct tensor_shape one, other;
	uint64_t length;

	return x && y && !tensor_shape_of(model, x, &one, NULL) &&
	       !tensor_shape_of(model, y, &other, NULL) && one.type == other.type &&
	       one.rank == other.rank &&
	       memcmp(one.dims, other.dims, one.rank * sizeof *one.dims) == 0 &&
	       tensor_raw_bytes(one.type, one.count, &length) && same_bytes(grouper, x, y, length);
}

static bool
same_projection(struct grouper *grouper, uint32_t a, uint32_t b)
{
	struct axes *axes = grouper->axes;
	const struct weight_operation *x = &axes->weights[a], *y = &axes->weights[b];

	return same_operator(axes, x, y) &&
	       same_zero(axes, &axes->program->operations[x->operation],
			 &axes->program->operations[y->operation]) &&
	       axis_equal(axes, x->units, y->units) && same_cut(axes, x->columns, y->columns, 0) &&
	       (same_expression(axes->program, weight_value(axes, a), weight_value(axes, b)) ||
		same_numbers(grouper, a, b));
}

/* One of them that the weights belong to, or NO_VALUE. */
static uint32_t
find_group(struct grouper *grouper, const struct chain *chain, uint32_t key, uint32_t weight)
{
	uint32_t group = key == NO_VALUE ? NO_VALUE : chain->newest[key];
	unsigned tries;

	for (tries = 0; group != NO_VALUE && tries < GROUPS_MAX; tries++) {
		if (same_projection(grouper, group, weight))
			return group;
		group = chain->older[group];
	}
	return NO_VALUE;
}

static void
add_to_chain(struct chain *chain, uint32_t key, uint32_t weight)
{
	if (key == NO_VALUE)
		return;
	chain->older[weight] = chain->newest[key];
	chain->newest[key] = weight;
}

static void
add_weight(struct grouper *grouper, uint32_t weight)
{
	struct neurons *neurons = grouper->neurons;
	uint32_t source = instances_source(grouper->axes, weight);
	struct axis units = axis_resolve(grouper->axes, grouper->axes->weights[weight].units);
	uint32_t variable = units.count ? units.variables[0] : NO_VALUE;
	uint32_t group = find_group(grouper, &grouper->of_source, source, weight);

	if (group == NO_VALUE)
		group = find_group(grouper, &grouper->on_axis, variable, weight);
	if (group != NO_VALUE) {
		neurons->first_instance[weight] = group;
		neurons->next_instance[grouper->last_instance[group]] = weight;
		grouper->last_instance[group] = weight;
		return;
	}
	neurons->first_instance[weight] = grouper->last_instance[weight] = weight;
	add_to_chain(&grouper->of_source, source, weight);
	add_to_chain(&grouper->on_axis, variable, weight);
}

static bool
new_chain(struct arena *arena, size_t keys, size_t weights, struct chain *out)
{
	out->newest = arena_alloc(arena, keys, sizeof(uint32_t));
	out->older = arena_alloc(arena, weights, sizeof(uint32_t));
	if (!out->newest || !out->older)
		return false;
	memset(out->newest, 0xff, keys * sizeof(uint32_t));
	memset(out->older, 0xff, weights * sizeof(uint32_t));
	return true;
}

snnfit_status
instances_find(struct neurons *neurons, struct axes *axes, snnfit_error *err)
{
	struct grouper grouper = { .neurons = neurons, .axes = axes, .err = err };
	size_t count = axes->weight_count;
	uint32_t i;

	neurons->first_instance = arena_alloc(axes->arena, count, sizeof(uint32_t));
	neurons->next_instance = arena_alloc(axes->arena, count, sizeof(uint32_t));
	grouper.last_instance = arena_alloc(axes->arena, count, sizeof(uint32_t));
	if (!neurons->first_instance || !neurons->next_instance || !grouper.last_instance ||
	    !new_chain(axes->arena, axes->program->source_count, count, &grouper.of_source) ||
	    !new_chain(axes->arena, axes->variable_count, count, &grouper.on_axis))
		return error_no_memory(err);
	memset(neurons->next_instance, 0xff, count * sizeof(uint32_t));
	for (i = 0; i < count && !grouper.status; i++)
		add_weight(&grouper, i);
	return grouper.status;
}
