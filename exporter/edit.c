/* edit.c - the lists of the clone while it is being edited. */
#include "exporter/edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- reading the lists ------------------------------------------------------- */

static bool
index_outputs(struct edit *edit, uint32_t index)
{
	const Onnx__NodeProto *node = edit->nodes[index].proto;
	size_t i;

	for (i = 0; i < node->n_output; i++)
		if (node->output[i][0] && !map_set(&edit->producers, node->output[i], index))
			return false;
	return true;
}

static bool
list_nodes(struct edit *edit)
{
	size_t i;

	edit->node_count = edit->node_capacity = edit->original_nodes = edit->main->n_node;
	edit->nodes = arena_zalloc(&edit->scratch, edit->node_count, sizeof *edit->nodes);
	for (i = 0; edit->nodes && i < edit->node_count; i++) {
		edit->nodes[i] = (struct edit_node){ .proto = edit->main->node[i],
						     .anchor = (uint32_t)i,
						     .place = EDIT_ITSELF };
		if (!index_outputs(edit, (uint32_t)i) ||
		    !readers_add_node(&edit->before, edit->main->node[i], 1) ||
		    !readers_add_node(&edit->now, edit->main->node[i], 1))
			return false;
	}
	return edit->nodes != NULL;
}

static bool
list_tensors(struct edit *edit)
{
	size_t i;

	edit->tensor_count = edit->tensor_capacity = edit->original_tensors =
		edit->main->n_initializer;
	edit->tensors = arena_zalloc(&edit->scratch, edit->tensor_count, sizeof *edit->tensors);
	for (i = 0; edit->tensors && i < edit->tensor_count; i++) {
		const char *name = edit->main->initializer[i]->name;

		edit->tensors[i].proto = edit->main->initializer[i];
		if (name && name[0] && !map_set(&edit->initializers, name, (uint32_t)i))
			return false;
	}
	return edit->tensors != NULL;
}

/* Outputs read what leaves the model; an annotation reads the tensors it names. */
static bool
count_other_readers(struct readers *readers, const Onnx__GraphProto *graph)
{
	size_t i, j;

	for (i = 0; i < graph->n_output; i++)
		if (!readers_add(readers, graph->output[i]->name, 1))
			return false;
	for (i = 0; i < graph->n_quantization_annotation; i++) {
		const Onnx__TensorAnnotation *note = graph->quantization_annotation[i];

		for (j = 0; j < note->n_quant_parameter_tensor_names; j++)
			if (!readers_add(readers, note->quant_parameter_tensor_names[j]->value, 1))
				return false;
	}
	return true;
}

/* Indices in the bindings are taken as good as long as they are in range: a
 * model that they were not made for must not be read beyond its end. */
static bool
bindings_fit(const struct edit *edit)
{
	const struct bindings *bindings = edit->bindings;
	size_t i;

	for (i = 0; i < bindings->source_count; i++)
		if (bindings->sources[i].index >=
		    (bindings->sources[i].is_node ? edit->original_nodes : edit->original_tensors))
			return false;
	for (i = 0; i < bindings->instance_count; i++)
		if (bindings->instances[i].node >= edit->original_nodes)
			return false;
	for (i = 0; i < bindings->read_count; i++)
		if (bindings->reads[i].node >= edit->original_nodes)
			return false;
	for (i = 0; i < bindings->attribute_count; i++)
		if (bindings->attributes[i].node >= edit->original_nodes)
			return false;
	for (i = 0; i < bindings->projection_count; i++)
		if (bindings->projections[i].node >= edit->original_nodes)
			return false;
	return true;
}

snnfit_status
edit_begin(struct edit *edit, const struct onnx_model *input, const struct graph *graph,
	   struct text *notes, snnfit_error *err)
{
	snnfit_status status;

	*edit = (struct edit){ .graph = graph, .bindings = graph->bindings, .notes = notes };
	if (!graph->bindings)
		return error_set(err, SNNFIT_EINTERNAL, "the graph was not made from a model");
	status = onnx_model_clone(&edit->model, input, err);
	if (status != SNNFIT_OK)
		return status;
	edit->proto = onnx_model_proto(edit->model);
	edit->main = edit->proto->graph;
	edit->arena = onnx_model_arena(edit->model);
	map_init(&edit->producers, &edit->scratch);
	map_init(&edit->initializers, &edit->scratch);
	readers_init(&edit->before, &edit->scratch);
	readers_init(&edit->now, &edit->scratch);
	names_init(&edit->names, edit->arena);
	if (!list_nodes(edit) || !list_tensors(edit) ||
	    !count_other_readers(&edit->before, edit->main) ||
	    !count_other_readers(&edit->now, edit->main) ||
	    !names_collect(&edit->names, edit->main, &edit->scratch))
		return error_no_memory(err);
	if (!bindings_fit(edit))
		return error_set(err, SNNFIT_EINTERNAL,
				 "the graph was made from another model than the one to export");
	return SNNFIT_OK;
}

void
edit_end(struct edit *edit, bool discard)
{
	arena_free(&edit->scratch);
	if (discard) {
		onnx_model_free(edit->model);
		edit->model = NULL;
	}
}

/* --- changing them -------------------------------------------------------------- */

snnfit_status
edit_insert(struct edit *edit, Onnx__NodeProto *node, uint32_t anchor, enum edit_place place,
	    snnfit_error *err)
{
	if (!node || !arena_grow(&edit->scratch, &edit->nodes, edit->node_count,
				 &edit->node_capacity, sizeof *edit->nodes))
		return error_no_memory(err);
	edit->nodes[edit->node_count] =
		(struct edit_node){ .proto = node, .anchor = anchor, .place = place };
	edit->node_count++;
	if (!index_outputs(edit, (uint32_t)edit->node_count - 1) ||
	    !readers_add_node(&edit->now, node, 1))
		return error_no_memory(err);
	return SNNFIT_OK;
}

/* Up to IR 3 every initializer had to be an input as well. */
enum { FREE_INITIALIZERS_IR = 4 };

snnfit_status
edit_append(struct edit *edit, Onnx__TensorProto *tensor, snnfit_error *err)
{
	if (!tensor ||
	    !arena_grow(&edit->scratch, &edit->tensors, edit->tensor_count, &edit->tensor_capacity,
			sizeof *edit->tensors) ||
	    !map_set(&edit->initializers, tensor->name, (uint32_t)edit->tensor_count))
		return error_no_memory(err);
	edit->tensors[edit->tensor_count++] = (struct edit_tensor){ tensor, false };
	if (edit->proto->ir_version < FREE_INITIALIZERS_IR) {
		edit->proto->has_ir_version = 1;
		edit->proto->ir_version = FREE_INITIALIZERS_IR;
	}
	return SNNFIT_OK;
}

/* New slots read nothing ("" in ONNX). */
static bool
make_slots(struct edit *edit, Onnx__NodeProto *node, uint32_t count)
{
	char **inputs;
	size_t i;

	if (node->n_input >= count)
		return true;
	inputs = arena_alloc(edit->arena, count, sizeof *inputs);
	if (!inputs)
		return false;
	for (i = 0; i < count; i++) {
		inputs[i] = i < node->n_input ? node->input[i] : arena_strdup(edit->arena, "");
		if (!inputs[i])
			return false;
	}
	node->input = inputs;
	node->n_input = count;
	return true;
}

snnfit_status
edit_read(struct edit *edit, uint32_t index, uint32_t slot, const char *name, snnfit_error *err)
{
	Onnx__NodeProto *node = edit->nodes[index].proto;
	char *copy = arena_strdup(edit->arena, name);

	if (slot > node->n_input + TENSOR_RANK_MAX)
		return error_set(err, SNNFIT_EINTERNAL, "a node would get %u inputs", slot + 1);
	if (!copy || !make_slots(edit, node, slot + 1) ||
	    !readers_add(&edit->now, node->input[slot], -1) || !readers_add(&edit->now, copy, 1))
		return error_no_memory(err);
	node->input[slot] = copy;
	return SNNFIT_OK;
}

/* --- asking ----------------------------------------------------------------------- */

uint32_t
edit_producer(const struct edit *edit, const char *name)
{
	uint32_t index = map_get(&edit->producers, name);

	return index == MAP_NONE || edit->nodes[index].removed ? GRAPH_NONE : index;
}

Onnx__TensorProto *
edit_stored(const struct edit *edit, const char *name)
{
	uint32_t index = map_get(&edit->initializers, name);
	const Onnx__NodeProto *node;

	if (index != MAP_NONE)
		return edit->tensors[index].removed ? NULL : edit->tensors[index].proto;
	index = edit_producer(edit, name);
	if (index == GRAPH_NONE)
		return NULL;
	node = edit->nodes[index].proto;
	if (!node->op_type || strcmp(node->op_type, "Constant") != 0 || node->n_attribute != 1)
		return NULL;
	return node->attribute[0]->t;
}

const char *
edit_input_of(const struct edit *edit, uint32_t node, uint32_t slot)
{
	const Onnx__NodeProto *proto = edit->nodes[node].proto;

	return slot < proto->n_input ? proto->input[slot] : "";
}

snnfit_status
edit_note(struct edit *edit, snnfit_error *err, const char *format, ...)
{
	char line[512];
	va_list args;

	if (!edit->notes)
		return SNNFIT_OK;
	va_start(args, format);
	if (vsnprintf(line, sizeof line, format, args) < 0)
		line[0] = '\0';
	va_end(args);
	text_printf(edit->notes, "%s\n", line);
	return text_failed(edit->notes) ? error_no_memory(err) : SNNFIT_OK;
}

/* --- order, and the end ----------------------------------------------------------- */

struct ordered {
	uint32_t anchor, place, index;
};

static int
compare_order(const void *left, const void *right)
{
	const struct ordered *a = left, *b = right;

	if (a->anchor != b->anchor)
		return a->anchor < b->anchor ? -1 : 1;
	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

uint32_t *
edit_order(struct edit *edit, size_t *count)
{
	struct ordered *list = arena_alloc(&edit->scratch, edit->node_count, sizeof *list);
	uint32_t *order = arena_alloc(&edit->scratch, edit->node_count, sizeof *order);
	size_t i;

	*count = 0;
	if (!list || !order)
		return NULL;
	for (i = 0; i < edit->node_count; i++)
		if (!edit->nodes[i].removed)
			list[(*count)++] = (struct ordered){ edit->nodes[i].anchor,
							     (uint32_t)edit->nodes[i].place,
							     (uint32_t)i };
	qsort(list, *count, sizeof *list, compare_order);
	for (i = 0; i < *count; i++)
		order[i] = list[i].index;
	return order;
}

snnfit_status
edit_finish(struct edit *edit, snnfit_error *err)
{
	Onnx__NodeProto **nodes;
	Onnx__TensorProto **tensors;
	size_t count, kept = 0, i;
	uint32_t *order = edit_order(edit, &count);

	nodes = arena_alloc(edit->arena, count, sizeof *nodes);
	tensors = arena_alloc(edit->arena, edit->tensor_count, sizeof *tensors);
	if (!order || !nodes || !tensors)
		return error_no_memory(err);
	for (i = 0; i < count; i++)
		nodes[i] = edit->nodes[order[i]].proto;
	for (i = 0; i < edit->tensor_count; i++)
		if (!edit->tensors[i].removed)
			tensors[kept++] = edit->tensors[i].proto;
	edit->main->node = nodes;
	edit->main->n_node = count;
	edit->main->initializer = tensors;
	edit->main->n_initializer = kept;
	return SNNFIT_OK;
}
