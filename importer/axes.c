/* axes.c - follow the axes through the whole program, operation by operation. */
#include "importer/axis_rules.h"

#include <string.h>

enum {
	NUMBERS_MAX = 64,
	PASSES_MAX = 3, /* until every variable that changes its shape is taken for opaque */
};

static bool
is_prime(uint64_t n)
{
	uint64_t d;

	for (d = 3; d * d <= n; d += 2)
		if (n % d == 0)
			return false;
	return n % 2 != 0;
}

uint64_t
axes_new_symbol(struct axes *axes)
{
	uint64_t symbol = axes->next_symbol;

	do
		axes->next_symbol += 2;
	while (!is_prime(axes->next_symbol));
	return symbol;
}

uint64_t
axes_symbol(struct axes *axes, const char *name)
{
	uint32_t seen;

	if (!name || !name[0])
		return axes_new_symbol(axes);
	seen = map_get(&axes->symbols, name);
	if (seen == MAP_NONE) {
		seen = (uint32_t)axes_new_symbol(axes);
		if (!map_set(&axes->symbols, name, seen))
			axes->out_of_memory = true;
	}
	return seen;
}

struct tensor_axes *
axes_set(struct axes *axes, uint32_t value, uint32_t rank, const struct axis *list)
{
	struct tensor_axes *tensor;

	if (value == NO_VALUE)
		return NULL;
	tensor = &axes->tensors[value];
	tensor->rank = rank;
	tensor->axes = arena_copy(axes->arena, list, rank, sizeof *list);
	tensor->known = tensor->axes != NULL;
	if (!tensor->known)
		axes->out_of_memory = true;
	return tensor;
}

/* --- where tensors come from ---------------------------------------------------- */

static const Onnx__TensorShapeProto *
declared_shape(const Onnx__ValueInfoProto *info)
{
	return info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
		       ? info->type->tensor_type->shape
		       : NULL;
}

void
axes_set_declared(struct axes *axes, uint32_t value, const Onnx__ValueInfoProto *info,
		  const char *frozen)
{
	const Onnx__TensorShapeProto *shape = declared_shape(info);
	struct axis list[AXES_RANK_MAX];
	size_t d;

	if (!shape || shape->n_dim > AXES_RANK_MAX)
		return;
	for (d = 0; d < shape->n_dim; d++) {
		const Onnx__TensorShapeProto__Dimension *dim = shape->dim[d];
		bool number = dim->value_case ==
			      ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		const char *name =
			dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
				? dim->dim_param
				: NULL;

		if (number && dim->dim_value < 0)
			return;
		list[d] = axis_fresh(
			axes, number ? (uint64_t)dim->dim_value : axes_symbol(axes, name), frozen);
	}
	axes_set(axes, value, (uint32_t)shape->n_dim, list);
}

/* The numbers of a constant, all of one source. */
static void
set_numbers(struct axes *axes, uint32_t value, const struct constant *constant,
	    struct number number)
{
	struct tensor_axes *tensor = &axes->tensors[value];
	uint32_t i;

	tensor->numbers = arena_zalloc(axes->arena, constant->count, sizeof *tensor->numbers);
	if (!tensor->numbers) {
		axes->out_of_memory = true;
		return;
	}
	tensor->number_count = (uint32_t)constant->count;
	for (i = 0; i < constant->count; i++) {
		number.value = constant->integers[i];
		number.element = i;
		tensor->numbers[i] = number;
	}
}

static void
set_numbers_of_source(struct axes *axes, uint32_t value, uint32_t use)
{
	const struct constant *constant = constant_of(axes->constants, value);
	bool editable = axes->program->values[value].source != NO_VALUE &&
			!axes->program->values[value].in_function;

	if (!constant || !constant->integers || constant->count > NUMBERS_MAX)
		return;
	set_numbers(
		axes, value, constant,
		(struct number){ .source = editable ? NUMBER_LITERAL : NUMBER_MIXED, .use = use });
}

static void
set_source(struct axes *axes, uint32_t value)
{
	const Onnx__TensorProto *tensor = axes->program->values[value].tensor;
	const char *frozen =
		axes->program->values[value].source == NO_VALUE
			? "a constant inside a function, or in a form that is not edited"
			: NULL;
	struct axis list[AXES_RANK_MAX];
	size_t d;

	if (tensor->n_dims > AXES_RANK_MAX)
		return;
	for (d = 0; d < tensor->n_dims; d++) {
		if (tensor->dims[d] < 0)
			return;
		list[d] = axis_fresh(axes, (uint64_t)tensor->dims[d], frozen);
	}
	axes_set(axes, value, (uint32_t)tensor->n_dims, list);
	if (!arena_grow(axes->arena, &axes->uses, axes->use_count, &axes->use_capacity,
			sizeof *axes->uses)) {
		axes->out_of_memory = true;
		return;
	}
	axes->tensors[value].use = (uint32_t)axes->use_count;
	axes->uses[axes->use_count++] = (struct use){ .value = value };
	set_numbers_of_source(axes, value, axes->tensors[value].use);
}

/* --- operations ------------------------------------------------------------------- */

void
axes_freeze_numbers(struct axes *axes, const struct tensor_axes *tensor, const char *reason)
{
	uint32_t i;

	for (i = 0; i < tensor->number_count; i++)
		if (tensor->numbers[i].source == NUMBER_AXIS)
			axis_freeze(axes, tensor->numbers[i].axis, reason);
}

void
axes_freeze_tensor(struct axes *axes, uint32_t value, const char *reason)
{
	const struct tensor_axes *tensor = &axes->tensors[value];
	uint32_t d;

	axes_freeze_numbers(axes, tensor, reason);
	for (d = 0; tensor->known && d < tensor->rank; d++)
		axis_freeze(axes, tensor->axes[d], reason);
	if (tensor->sequence != NO_VALUE)
		sequence_freeze(axes, tensor->sequence, reason);
}

/* hints: [graphs.count]. */
static void
set_hint(struct axes *axes, const struct map *hints, uint32_t value, const char *reason)
{
	uint32_t graph = axes->program->values[value].graph;
	uint32_t hint = graph == NO_VALUE
				? MAP_NONE
				: map_get(&hints[graph], axes->program->values[value].name);

	if (hint != MAP_NONE)
		axes_set_declared(axes, value,
				  axes->program->graphs.items[graph].proto->value_info[hint],
				  reason);
}

/* Operators without a rule whose result has the shape of their first operand. */
static bool
keeps_shape(const struct operation *operation)
{
	static const char *const names[] = {
		"CumSum",
		"GroupNormalization",
		"Hardmax",
		"InstanceNormalization",
		"LRN",
		"LayerNormalization",
		"LogSoftmax",
		"LpNormalization",
		"MeanVarianceNormalization",
		"RMSNormalization",
		"RandomNormalLike",
		"RandomUniformLike",
		"ScatterElements",
		"ScatterND",
		"Softmax",
		"Trilu",
		NULL,
	};

	return operation_is_one_of(operation, names);
}

/* ... and those of which rank and batch are the same. */
static bool
keeps_batch(const struct operation *operation)
{
	static const char *const names[] = { "ConvTranspose", "DepthToSpace", "MaxUnpool",
					     "SpaceToDepth", NULL };

	return operation_is_one_of(operation, names);
}

/* The result has the axes of x, or only its batch and as many others. */
static void
set_axes_of(struct axes *axes, uint32_t result, const struct tensor_axes *x, bool all,
	    const char *reason)
{
	struct axis list[AXES_RANK_MAX];
	uint32_t d;

	for (d = 0; d < x->rank; d++)
		list[d] = all || d == 0 ? x->axes[d]
					: axis_fresh(axes, axes_new_symbol(axes), reason);
	axes_set(axes, result, x->rank, list);
}

/* An operator without a rule: whatever it touches is frozen. */
static void
follow_opaque(struct axes *axes, const struct operation *operation, const struct map *hints)
{
	const char *reason = arena_printf(
		axes->arena,
		operation->node->domain &&
				strncmp(operation->node->domain, "com.microsoft", 13) == 0
			? "operator %s: export the model before that optimization"
			: "operator %s",
		operation_label(axes->program, operation));
	uint32_t i;

	if (!reason) {
		axes->out_of_memory = true;
		return;
	}
	for (i = 0; i < operation->operand_count; i++)
		if (operation->operands[i] != NO_VALUE)
			axes_freeze_tensor(axes, operation->operands[i], reason);
	for (i = 0; i < operation->result_count; i++) {
		const struct tensor_axes *first = operation->operand_count &&
								  operation->operands[0] != NO_VALUE
							  ? &axes->tensors[operation->operands[0]]
							  : NULL;

		if (operation->results[i] == NO_VALUE)
			continue;
		if (i == 0 && first && first->known &&
		    (keeps_shape(operation) || keeps_batch(operation)))
			set_axes_of(axes, operation->results[0], first, keeps_shape(operation),
				    reason);
		else
			set_hint(axes, hints, operation->results[i], reason);
	}
}

static bool
operands_are_known(const struct axes *axes, const struct operation *operation)
{
	uint32_t i;

	for (i = 0; i < operation->operand_count; i++)
		if (operation->operands[i] != NO_VALUE &&
		    !axes->tensors[operation->operands[i]].known)
			return false;
	return true;
}

/* Sizes of axes that went into an operation as numbers, and did not come out as
 * numbers that are followed, were used for something else. */
static void
settle_numbers(struct axes *axes, const struct operation *operation)
{
	uint32_t result = operation->result_count ? operation->results[0] : NO_VALUE;
	uint32_t i;

	if (result != NO_VALUE && axes->tensors[result].numbers)
		return;
	if (operation_is(operation, "Reshape") || operation_is(operation, "Expand") ||
	    operation_is(operation, "ConstantOfShape"))
		return; /* their rules bound them */
	for (i = 0; i < operation->operand_count; i++)
		if (operation->operands[i] != NO_VALUE)
			axes_freeze_numbers(axes, &axes->tensors[operation->operands[i]],
					    "its size is used as a number");
}

/* Numbers that no rule follows, but that are known: an axis that has one of them for
 * its size freezes. */
static void
set_folded_numbers(struct axes *axes, const struct operation *operation)
{
	uint32_t result = operation->result_count ? operation->results[0] : NO_VALUE;
	const struct constant *constant = constant_of(axes->constants, result);
	struct tensor_axes *tensor = result == NO_VALUE ? NULL : &axes->tensors[result];

	if (!constant || !constant->integers || constant->rank > 1 ||
	    constant->count > NUMBERS_MAX || tensor->numbers || !tensor->known)
		return;
	set_numbers(axes, result, constant, (struct number){ .source = NUMBER_MIXED });
}

/* What weights read is of their rank, and has their columns. Of what no rule knows the
 * shape, nothing is ever cut; what the weights make of it are units like others. */
static void
assume_shape(struct axes *axes, const struct operation *operation)
{
	bool gemm = operation_is(operation, "Gemm");
	uint32_t value = operation->operand_count > 1 ? operation->operands[0] : NO_VALUE;
	const struct tensor_axes *w = rule_operand(axes, operation, 1);
	const struct value *x = value == NO_VALUE ? NULL : &axes->program->values[value];
	struct axis list[AXES_RANK_MAX];
	const char *reason;
	uint32_t d, columns;

	if ((!gemm && !operation_is(operation, "Conv")) || !x || x->kind != VALUE_RESULT ||
	    axes->program->operations[x->operation].part != PART_WHOLE ||
	    axes->tensors[value].known || axes->tensors[value].sequence != NO_VALUE || !w ||
	    !w->known || (gemm ? w->rank != 2 : w->rank < 3) ||
	    operation_int(operation, "transA", 0) || operation_int(operation, "group", 1) != 1)
		return;
	reason = rule_reason(axes, operation, "what %s reads has no shape that is known");
	columns = gemm && !operation_int(operation, "transB", 0) ? 0 : 1;
	for (d = 0; d < w->rank; d++)
		list[d] = axis_fresh(
			axes, d == 1 ? axis_size(axes, w->axes[columns]) : axes_new_symbol(axes),
			reason);
	axes_set(axes, value, w->rank, list);
}

static void
follow_operation(struct axes *axes, uint32_t index, const struct map *hints)
{
	const struct operation *operation = &axes->program->operations[index];
	axis_rule rule = body_rule_of(operation);
	bool applies = rule != NULL;

	if (!rule && operation->operand_count == operation->named_count) {
		rule = axis_rule_of(operation);
		assume_shape(axes, operation);
		applies = rule && operands_are_known(axes, operation);
	}
	if (applies && rule(axes, index)) {
		settle_numbers(axes, operation);
		set_folded_numbers(axes, operation);
	} else {
		follow_opaque(axes, operation, hints);
	}
}

static struct map *
index_hints(struct axes *axes)
{
	const struct onnx_graphs *graphs = &axes->program->graphs;
	struct map *hints = arena_alloc(axes->arena, graphs->count, sizeof *hints);
	size_t graph, i;

	for (graph = 0; hints && graph < graphs->count; graph++) {
		const Onnx__GraphProto *proto = graphs->items[graph].proto;

		map_init(&hints[graph], axes->arena);
		for (i = 0; i < proto->n_value_info; i++)
			if (proto->value_info[i]->name &&
			    !map_set(&hints[graph], proto->value_info[i]->name, (uint32_t)i))
				return NULL;
	}
	return hints;
}

/* The first input is data, never a state: known before anything takes it apart. */
static void
set_input(struct axes *axes, uint32_t value)
{
	const struct program *program = axes->program;
	const char *frozen = NULL;

	if (value == program->inputs[0]) {
		frozen = arena_printf(axes->arena, "graph input '%s'", program->values[value].name);
		axes->out_of_memory = axes->out_of_memory || !frozen;
	}
	axes_set_declared(axes, value, program->graph->input[program->values[value].input], frozen);
}

static void
follow_all(struct axes *axes, const struct map *hints)
{
	const struct program *program = axes->program;
	size_t i;

	axes->left_out = 0;
	axes->variable_count = axes->use_count = axes->weight_count = axes->attribute_count =
		axes->sum_count = axes->sequence_count = 0;
	axes->again = false;
	for (i = 0; i < program->value_count; i++) {
		const struct value *value = &program->values[i];

		axes->tensors[i] = (struct tensor_axes){ .use = NO_VALUE, .sequence = NO_VALUE };
		if (value->kind == VALUE_INPUT)
			set_input(axes, (uint32_t)i);
		else if (value->kind == VALUE_SOURCE)
			set_source(axes, (uint32_t)i);
	}
	for (i = 0; i < program->operation_count && !axes->out_of_memory; i++)
		follow_operation(axes, (uint32_t)i, hints);
}

/* Inside a body a variable has the shape that it is first given. One that comes out
 * with another shape has none that is known, and what was concluded from it is
 * taken back: all is followed again. */
static void
follow_until_settled(struct axes *axes, const struct map *hints)
{
	const struct program *program = axes->program;
	uint32_t pass, i, j;

	follow_all(axes, hints);
	for (pass = 1; axes->again && pass < PASSES_MAX; pass++)
		follow_all(axes, hints);
	if (!axes->again)
		return;
	for (i = 0; i < program->body_count; i++)
		for (j = 0; j < program->bodies[i].carried; j++)
			if (body_in(program, &program->bodies[i], j) != NO_VALUE)
				axes->opaque[body_in(program, &program->bodies[i], j)] = true;
	follow_all(axes, hints);
}

snnfit_status
axes_follow(struct axes *axes, struct program *program, const struct constants *constants,
	    struct arena *arena, snnfit_error *err)
{
	struct map *hints;

	*axes = (struct axes){ .program = program,
			       .constants = constants,
			       .arena = arena,
			       .next_symbol = AXES_FIRST_SYMBOL };
	map_init(&axes->symbols, arena);
	axes->tensors = arena_zalloc(arena, program->value_count, sizeof *axes->tensors);
	axes->opaque = arena_zalloc(arena, program->value_count, sizeof *axes->opaque);
	axes->grown = arena_zalloc(arena, program->value_count, sizeof(struct grown_shape *));
	hints = index_hints(axes);
	if (!axes->tensors || !axes->opaque || !axes->grown || !hints)
		return error_no_memory(err);
	follow_until_settled(axes, hints);
	return axes->out_of_memory ? error_no_memory(err) : SNNFIT_OK;
}
