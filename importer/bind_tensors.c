/* bind_tensors.c - constants, constant expressions and declared shapes, as bindings. */
#include "importer/bind.h"

#include <string.h>

struct binder {
	struct import *import;
	struct graph *graph;
	uint32_t *use_of;      /* [axes.use_count]: into bindings.uses, or GRAPH_NONE */
	uint32_t *instance_of; /* [operation_count]: into bindings.instances, or GRAPH_NONE */
	snnfit_error *err;
};

/* --- uses ------------------------------------------------------------------------- */

static struct dimension *
bind_dimensions(struct binder *binder, const struct axis *list, uint32_t rank)
{
	struct arena *arena = &binder->import->arena;
	struct dimension *dims = arena_alloc(arena, rank, sizeof *dims);
	uint32_t d;

	for (d = 0; dims && d < rank; d++)
		if (!bind_dimension(binder->import, binder->graph, list[d], arena, &dims[d]))
			return NULL;
	return dims;
}

static bool
bind_use(struct binder *binder, const struct use *use)
{
	struct import *import = binder->import;
	struct bindings *bindings = &import->bindings;
	const struct tensor_axes *tensor = &import->axes.tensors[use->value];
	struct binding_use *out = &bindings->uses[bindings->use_count];
	uint32_t i;

	out->source = import->program.values[use->value].source;
	out->rank = tensor->rank;
	out->dims = bind_dimensions(binder, tensor->axes, tensor->rank);
	out->edit_count = (uint32_t)use->edit_count;
	out->edit_elements = arena_alloc(&import->arena, use->edit_count, sizeof(uint32_t));
	out->edit_negative = arena_alloc(&import->arena, use->edit_count, sizeof(bool));
	out->edit_dims = arena_alloc(&import->arena, use->edit_count, sizeof *out->edit_dims);
	if (!out->dims || !out->edit_elements || !out->edit_negative || !out->edit_dims)
		return false;
	for (i = 0; i < use->edit_count; i++) {
		out->edit_elements[i] = use->edits[i].element;
		out->edit_negative[i] = use->edits[i].negative;
		if (!bind_dimension(import, binder->graph, use->edits[i].axis, &import->arena,
				    &out->edit_dims[i]))
			return false;
	}
	return true;
}

static snnfit_status
bind_uses(struct binder *binder)
{
	struct import *import = binder->import;
	size_t count = import->axes.use_count, i;

	import->bindings.uses = arena_zalloc(&import->arena, count, sizeof(struct binding_use));
	binder->use_of = arena_alloc(&import->arena, count, sizeof(uint32_t));
	if (!import->bindings.uses || !binder->use_of)
		return error_no_memory(binder->err);
	for (i = 0; i < count; i++) {
		const struct use *use = &import->axes.uses[i];

		binder->use_of[i] = GRAPH_NONE;
		if (import->program.values[use->value].source == NO_VALUE)
			continue;
		if (!bind_use(binder, use))
			return error_no_memory(binder->err);
		binder->use_of[i] = (uint32_t)import->bindings.use_count++;
	}
	return SNNFIT_OK;
}

/* --- instances and reads ---------------------------------------------------------- */

static struct binding_operand
bind_operand(const struct binder *binder, uint32_t value)
{
	const struct import *import = binder->import;
	struct binding_operand out = { OPERAND_NAME, GRAPH_NONE, 0 };
	const struct value *v = value == NO_VALUE ? NULL : &import->program.values[value];
	uint32_t use;

	if (!v)
		return out;
	use = import->axes.tensors[value].use;
	if (v->kind == VALUE_SOURCE && use != NO_VALUE && binder->use_of[use] != GRAPH_NONE)
		return (struct binding_operand){ OPERAND_USE, binder->use_of[use], 0 };
	if (v->kind == VALUE_RESULT && binder->instance_of[v->operation] != GRAPH_NONE)
		return (struct binding_operand){ OPERAND_INSTANCE,
						 binder->instance_of[v->operation], v->output };
	return out;
}

static snnfit_status
bind_instances(struct binder *binder)
{
	struct import *import = binder->import;
	const struct program *program = &import->program;
	struct bindings *bindings = &import->bindings;
	size_t i, j;

	bindings->instances = arena_zalloc(&import->arena, program->operation_count,
					   sizeof *bindings->instances);
	binder->instance_of = arena_alloc(&import->arena, program->operation_count,
					  sizeof(uint32_t));
	if (!bindings->instances || !binder->instance_of)
		return error_no_memory(binder->err);
	for (i = 0; i < program->operation_count; i++) {
		const struct operation *operation = &program->operations[i];
		struct binding_instance *out = &bindings->instances[bindings->instance_count];

		binder->instance_of[i] = GRAPH_NONE;
		if (!operation->instance)
			continue;
		out->node = operation->node_index;
		out->operand_count = operation->operand_count;
		out->operands = arena_alloc(&import->arena, operation->operand_count,
					    sizeof *out->operands);
		if (!out->operands)
			return error_no_memory(binder->err);
		for (j = 0; j < operation->operand_count; j++)
			out->operands[j] = bind_operand(binder, operation->operands[j]);
		binder->instance_of[i] = (uint32_t)bindings->instance_count++;
	}
	return SNNFIT_OK;
}

static snnfit_status
bind_constant_reads(struct binder *binder)
{
	struct import *import = binder->import;
	const struct program *program = &import->program;
	struct bindings *bindings = &import->bindings;
	size_t i;

	bindings->reads = arena_alloc(&import->arena, program->read_count, sizeof *bindings->reads);
	if (!bindings->reads)
		return error_no_memory(binder->err);
	for (i = 0; i < program->read_count; i++) {
		const struct constant_read *read = &program->reads[i];
		struct binding_operand operand = bind_operand(binder, read->value);

		if (read->slot == NO_VALUE || operand.kind == OPERAND_NAME)
			continue;
		bindings->reads[bindings->read_count++] =
			(struct binding_read){ read->node, read->slot, operand, read->leaves };
	}
	return SNNFIT_OK;
}

/* --- declared shapes -------------------------------------------------------------- */

/* A variable of a loop that begins smaller is declared in either shape, or in none;
 * there is nothing to cut in that of the first iteration. */
static bool
is_declared_smaller(const struct import *import, uint32_t value, const Onnx__ValueInfoProto *info)
{
	const struct grown_shape *grown = import->axes.grown[value];
	const Onnx__TensorShapeProto *shape = NULL;
	size_t d;

	if (!grown)
		return false;
	if (info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		shape = info->type->tensor_type->shape;
	if (!shape || shape->n_dim != grown->rank)
		return true;
	for (d = 0; d < shape->n_dim; d++)
		if (shape->dim[d]->value_case ==
			    ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
		    (uint64_t)shape->dim[d]->dim_value != grown->sizes[d])
			return true;
	return false;
}

static snnfit_status
bind_shapes_of(struct binder *binder, uint32_t graph, enum binding_place place, size_t count,
	       Onnx__ValueInfoProto *const *list)
{
	struct import *import = binder->import;
	struct bindings *bindings = &import->bindings;
	size_t i;

	for (i = 0; i < count; i++) {
		uint32_t value = list[i]->name
					 ? program_find(&import->program, graph, list[i]->name)
					 : MAP_NONE;
		const struct value *declared;
		const struct tensor_axes *tensor;
		struct binding_shape *out;

		if (value == MAP_NONE)
			continue;
		declared = &import->program.values[value];
		if (declared->constant && !declared->in_function)
			continue; /* the shapes of constants are cut with them */
		tensor = &import->axes.tensors[value];
		if (!tensor->known || is_declared_smaller(import, value, list[i]))
			continue;
		out = &bindings->shapes[bindings->shape_count++];
		*out = (struct binding_shape){ graph, place, (uint32_t)i, tensor->rank,
					       bind_dimensions(binder, tensor->axes,
							       tensor->rank) };
		if (!out->dims)
			return error_no_memory(binder->err);
	}
	return SNNFIT_OK;
}

static snnfit_status
bind_shapes(struct binder *binder)
{
	struct import *import = binder->import;
	const struct onnx_graphs *graphs = &import->program.graphs;
	snnfit_status status = SNNFIT_OK;
	size_t count = 0;
	uint32_t i;

	for (i = 0; i < graphs->count; i++)
		count += graphs->items[i].proto->n_input + graphs->items[i].proto->n_output +
			 graphs->items[i].proto->n_value_info;
	import->bindings.shapes = arena_alloc(&import->arena, count,
					      sizeof *import->bindings.shapes);
	if (!import->bindings.shapes)
		return error_no_memory(binder->err);
	for (i = 0; i < graphs->count && !status; i++) {
		const Onnx__GraphProto *graph = graphs->items[i].proto;

		if (!import->program.names[i].count)
			continue; /* not entered */
		status = bind_shapes_of(binder, i, PLACE_INPUT, graph->n_input, graph->input);
		if (!status)
			status = bind_shapes_of(binder, i, PLACE_OUTPUT, graph->n_output,
						graph->output);
		if (!status)
			status = bind_shapes_of(binder, i, PLACE_VALUE_INFO, graph->n_value_info,
						graph->value_info);
	}
	return status;
}

/* --- attributes ------------------------------------------------------------------- */

static uint32_t
attribute_index(const Onnx__NodeProto *node, const char *name)
{
	uint32_t i;

	for (i = 0; i < node->n_attribute; i++)
		if (node->attribute[i]->name && strcmp(node->attribute[i]->name, name) == 0)
			break;
	return i;
}

static snnfit_status
bind_attributes(struct binder *binder)
{
	struct import *import = binder->import;
	struct bindings *bindings = &import->bindings;
	const struct axes *axes = &import->axes;
	size_t i;

	bindings->attributes = arena_alloc(&import->arena, axes->attribute_count,
					   sizeof *bindings->attributes);
	if (!bindings->attributes)
		return error_no_memory(binder->err);
	for (i = 0; i < axes->attribute_count; i++) {
		const struct axis_attribute *from = &axes->attributes[i];
		const struct operation *operation = &import->program.operations[from->operation];
		struct binding_attribute *out = &bindings->attributes[i];

		out->node = operation->node_index;
		out->attribute = attribute_index(operation->node, from->name);
		if (!bind_dimension(import, binder->graph, from->axis, &import->arena, &out->dim))
			return error_no_memory(binder->err);
	}
	bindings->attribute_count = axes->attribute_count;
	return SNNFIT_OK;
}

snnfit_status
bind_tensors(struct import *import, struct graph *graph, snnfit_error *err)
{
	struct binder binder = { import, graph, NULL, NULL, err };
	snnfit_status status;

	import->bindings.sources = import->program.sources;
	import->bindings.source_count = import->program.source_count;
	status = bind_uses(&binder);
	if (!status)
		status = bind_instances(&binder);
	if (!status)
		status = bind_constant_reads(&binder);
	if (!status)
		status = bind_shapes(&binder);
	if (!status)
		status = bind_attributes(&binder);
	return status;
}
