/* edit.c - the lists of the clone while it is being edited. */
#include "exporter/edit.h"

#include <stdlib.h>
#include <string.h>

/* --- reading the lists ------------------------------------------------------- */

static bool
list_nodes(struct edit *edit)
{
	size_t i, j;

	edit->node_capacity = edit->original_nodes = edit->graphs.node_count;
	edit->nodes = arena_zalloc(&edit->scratch, edit->node_capacity, sizeof *edit->nodes);
	for (i = 0; edit->nodes && i < edit->graphs.count; i++)
		for (j = 0; j < edit->graphs.items[i].proto->n_node; j++) {
			edit->nodes[edit->node_count] =
				(struct edit_node){ .proto = edit->graphs.items[i].proto->node[j],
						    .graph = (uint32_t)i,
						    .anchor = (uint32_t)edit->node_count,
						    .place = EDIT_ITSELF };
			edit->node_count++;
		}
	return edit->nodes != NULL;
}

static bool
list_tensors(struct edit *edit)
{
	size_t i, j;

	edit->tensor_capacity = edit->original_tensors = edit->graphs.tensor_count;
	edit->tensors = arena_zalloc(&edit->scratch, edit->tensor_capacity, sizeof *edit->tensors);
	for (i = 0; edit->tensors && i < edit->graphs.count; i++)
		for (j = 0; j < edit->graphs.items[i].proto->n_initializer; j++)
			edit->tensors[edit->tensor_count++] = (struct edit_tensor){
				.proto = edit->graphs.items[i].proto->initializer[j],
				.graph = (uint32_t)i
			};
	return edit->tensors != NULL;
}

static bool
read_fits(const struct edit *edit, const struct binding_read *read)
{
	if (!read->leaves)
		return read->node < edit->original_nodes;
	return read->node > 0 && read->node < edit->graphs.count &&
	       read->slot < edit->graphs.items[read->node].proto->n_output;
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
		if (!read_fits(edit, &bindings->reads[i]))
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
	names_init(&edit->names, edit->arena);
	if (!onnx_graphs_list(&edit->graphs, &edit->scratch, edit->main) || !list_nodes(edit) ||
	    !list_tensors(edit) || !edit_index(edit) ||
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

static bool
define_outputs(struct edit *edit, uint32_t index)
{
	const struct edit_node *node = &edit->nodes[index];
	size_t i;

	for (i = 0; i < node->proto->n_output; i++) {
		const char *name = node->proto->output[i];
		struct edit_value *value = name[0] ? edit_define(edit, node->graph, name) : NULL;

		if (name[0] && !value)
			return false;
		if (value)
			value->node = index;
	}
	return true;
}

snnfit_status
edit_insert(struct edit *edit, Onnx__NodeProto *node, uint32_t anchor, enum edit_place place,
	    snnfit_error *err)
{
	uint32_t index = (uint32_t)edit->node_count;

	if (!node || !arena_grow(&edit->scratch, &edit->nodes, edit->node_count,
				 &edit->node_capacity, sizeof *edit->nodes))
		return error_no_memory(err);
	edit->nodes[edit->node_count++] = (struct edit_node){
		.proto = node, .graph = edit->nodes[anchor].graph, .anchor = anchor, .place = place
	};
	if (!define_outputs(edit, index))
		return error_no_memory(err);
	edit_count_readers_in(edit, index, 1);
	return SNNFIT_OK;
}

/* Up to IR 3 every initializer had to be an input as well. */
enum { FREE_INITIALIZERS_IR = 4 };

snnfit_status
edit_append(struct edit *edit, Onnx__TensorProto *tensor, uint32_t graph, snnfit_error *err)
{
	struct edit_value *value = tensor ? edit_define(edit, graph, tensor->name) : NULL;

	if (!value || !arena_grow(&edit->scratch, &edit->tensors, edit->tensor_count,
				  &edit->tensor_capacity, sizeof *edit->tensors))
		return error_no_memory(err);
	value->tensor = (uint32_t)edit->tensor_count;
	edit->tensors[edit->tensor_count++] = (struct edit_tensor){ tensor, graph, false };
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
	if (!copy || !make_slots(edit, node, slot + 1))
		return error_no_memory(err);
	edit_count_reader(edit, edit->nodes[index].graph, node->input[slot], -1);
	edit_count_reader(edit, edit->nodes[index].graph, copy, 1);
	node->input[slot] = copy;
	return SNNFIT_OK;
}

/* Graphs inside come after their node in the list, and those inside them later. */
void
edit_remove(struct edit *edit, uint32_t index)
{
	uint32_t graph, first = onnx_graphs_inside(&edit->graphs, index);
	size_t i, j;

	edit->nodes[index].removed = true;
	edit_count_readers_in(edit, index, -1);
	for (graph = first; graph < edit->graphs.count && edit->graphs.items[graph].node == index;
	     graph++) {
		const struct onnx_graph_place *place = &edit->graphs.items[graph];

		for (i = 0; i < place->proto->n_output; i++)
			edit_count_reader(edit, graph, place->proto->output[i]->name, -1);
		for (j = 0; j < place->proto->n_node; j++)
			if (!edit->nodes[place->first_node + j].removed)
				edit_remove(edit, place->first_node + (uint32_t)j);
	}
}

/* --- asking ----------------------------------------------------------------------- */

const char *
edit_input_of(const struct edit *edit, uint32_t node, uint32_t slot)
{
	const Onnx__NodeProto *proto = edit->nodes[node].proto;

	return slot < proto->n_input ? proto->input[slot] : "";
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

/* Of one graph: nodes[first] and on, in the order of the model. */
static size_t
write_nodes(struct edit *edit, uint32_t graph, const uint32_t *order, size_t count,
	    Onnx__NodeProto **nodes)
{
	Onnx__GraphProto *proto = edit->graphs.items[graph].proto;
	size_t i;

	for (i = 0; i < count && edit->nodes[order[i]].graph == graph; i++)
		nodes[i] = edit->nodes[order[i]].proto;
	proto->node = nodes;
	proto->n_node = i;
	return i;
}

static bool
write_tensors(struct edit *edit)
{
	size_t *counts = arena_zalloc(&edit->scratch, edit->graphs.count, sizeof *counts);
	size_t i;

	for (i = 0; counts && i < edit->tensor_count; i++)
		counts[edit->tensors[i].graph] += !edit->tensors[i].removed;
	for (i = 0; counts && i < edit->graphs.count; i++) {
		Onnx__GraphProto *proto = edit->graphs.items[i].proto;

		proto->n_initializer = 0;
		proto->initializer = arena_alloc(edit->arena, counts[i],
						 sizeof(Onnx__TensorProto *));
		if (!proto->initializer)
			return false;
	}
	for (i = 0; counts && i < edit->tensor_count; i++) {
		Onnx__GraphProto *proto = edit->graphs.items[edit->tensors[i].graph].proto;

		if (!edit->tensors[i].removed)
			proto->initializer[proto->n_initializer++] = edit->tensors[i].proto;
	}
	return counts != NULL;
}

/* Anchors of one graph's nodes follow one another, so the order has graph after graph. */
snnfit_status
edit_finish(struct edit *edit, snnfit_error *err)
{
	size_t count, done = 0, i;
	uint32_t *order = edit_order(edit, &count);
	Onnx__NodeProto **nodes = arena_alloc(edit->arena, count, sizeof(Onnx__NodeProto *));

	if (!order || !nodes)
		return error_no_memory(err);
	for (i = 0; i < edit->graphs.count; i++)
		done += write_nodes(edit, (uint32_t)i, order + done, count - done, nodes + done);
	return write_tensors(edit) ? SNNFIT_OK : error_no_memory(err);
}
