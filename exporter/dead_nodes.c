/* dead_nodes.c - what nobody reads any more because of the edit, and a fused population's leave.
 *
 * Only what was read before goes: nodes and tensors that the input model carried
 * along unread stay, but for those of a fused population, and so does every output that
 * is not a fused state. */
#include "exporter/edit.h"

#include <string.h>

/* --- what nobody reads ------------------------------------------------------------------ */

static bool
has_died(const struct edit *edit, uint32_t graph, const char *name)
{
	uint32_t value = edit_find(edit, graph, name);

	return value != GRAPH_NONE && !edit->values[value].now && edit->values[value].before;
}

static bool
node_has_died(const struct edit *edit, const struct edit_node *node, bool goes_unread)
{
	bool was_read = goes_unread;
	size_t i;

	for (i = 0; i < node->proto->n_output; i++) {
		const char *name = node->proto->output[i];

		if (!name[0])
			continue;
		if (edit_readers(edit, node->graph, name))
			return false;
		was_read = was_read || has_died(edit, node->graph, name);
	}
	return was_read;
}

/* Readers come after what they read, and graphs inside a node after the graph that
 * it stands in: one walk from the end sees every chain. fused: see mark_fused, or NULL. */
static snnfit_status
remove_nodes(struct edit *edit, const bool *fused, snnfit_error *err)
{
	size_t count, i;
	uint32_t *order = edit_order(edit, &count);

	if (!order)
		return error_no_memory(err);
	for (i = count; i-- > 0;) {
		const struct edit_node *node = &edit->nodes[order[i]];
		bool ours = order[i] >= edit->original_nodes;

		if (!node->removed && node_has_died(edit, node, ours || (fused && fused[order[i]])))
			edit_remove(edit, order[i]);
	}
	return SNNFIT_OK;
}

static void
remove_tensors(struct edit *edit)
{
	size_t i;

	for (i = 0; i < edit->tensor_count; i++) {
		const char *name = edit->tensors[i].proto->name;
		uint32_t graph = edit->tensors[i].graph;
		bool ours = i >= edit->original_tensors;

		if (ours ? !edit_readers(edit, graph, name) : has_died(edit, graph, name))
			edit->tensors[i].removed = true;
	}
}

/* Something made the value that is removed. */
static bool
is_gone(const struct edit *edit, uint32_t graph, const char *name)
{
	uint32_t value = edit_find(edit, graph, name), node, tensor;

	if (value == GRAPH_NONE)
		return false;
	node = edit->values[value].node;
	tensor = edit->values[value].tensor;
	if (tensor != GRAPH_NONE)
		return edit->tensors[tensor].removed;
	return node != GRAPH_NONE && edit->nodes[node].removed;
}

static void
remove_declarations(const struct edit *edit, uint32_t graph, Onnx__ValueInfoProto **list,
		    size_t *count)
{
	size_t kept = 0, i;

	for (i = 0; i < *count; i++)
		if (!is_gone(edit, graph, list[i]->name))
			list[kept++] = list[i];
	*count = kept;
}

static bool
remove_annotations(struct edit *edit, uint32_t number)
{
	Onnx__GraphProto *graph = edit->graphs.items[number].proto;
	size_t kept = 0, i, j;
	bool any;

	for (i = 0; i < graph->n_quantization_annotation; i++) {
		Onnx__TensorAnnotation *note = graph->quantization_annotation[i];

		if (!is_gone(edit, number, note->tensor_name)) {
			graph->quantization_annotation[kept++] = note;
			continue;
		}
		for (j = 0; j < note->n_quant_parameter_tensor_names; j++)
			edit_count_reader(edit, number,
					  note->quant_parameter_tensor_names[j]->value, -1);
	}
	any = kept < graph->n_quantization_annotation;
	graph->n_quantization_annotation = kept;
	return any;
}

static snnfit_status
remove_dead(struct edit *edit, const bool *fused, snnfit_error *err)
{
	snnfit_status status = remove_nodes(edit, fused, err);
	bool any = true;
	size_t i;

	while (status == SNNFIT_OK && any) {
		remove_tensors(edit);
		any = false;
		for (i = 0; i < edit->graphs.count; i++)
			any = remove_annotations(edit, (uint32_t)i) || any;
	}
	for (i = 0; i < edit->graphs.count; i++) {
		Onnx__GraphProto *graph = edit->graphs.items[i].proto;

		remove_declarations(edit, (uint32_t)i, graph->input, &graph->n_input);
		remove_declarations(edit, (uint32_t)i, graph->value_info, &graph->n_value_info);
	}
	return status;
}

snnfit_status
dead_nodes_remove(struct edit *edit, snnfit_error *err)
{
	return remove_dead(edit, NULL, err);
}

/* --- fusion --------------------------------------------------------------------------- */

static snnfit_status
rewire_projection(struct edit *edit, const struct projection *projection, snnfit_error *err)
{
	const struct bindings *bindings = edit->bindings;
	const struct binding_projection *own, *other;

	if (projection->binding >= bindings->projection_count ||
	    projection->reads_input_of >= bindings->projection_count)
		return error_set(err, SNNFIT_EINTERNAL, "a projection of '%.100s' has no binding",
				 edit->graph->populations[projection->target].name);
	own = &bindings->projections[projection->binding];
	other = &bindings->projections[projection->reads_input_of];
	return edit_read(edit, own->node, own->data_slot,
			 edit_input_of(edit, other->node, other->data_slot), err);
}

static bool
is_fused_state(const struct edit *edit, const char *name, bool output)
{
	const struct graph *graph = edit->graph;
	size_t i;

	for (i = 0; i < graph->state_count; i++) {
		const struct state_pair *state = &graph->states[i];

		if (state->population < graph->population_count &&
		    graph->populations[state->population].removed &&
		    strcmp(name, output ? state->output : state->input) == 0)
			return true;
	}
	return false;
}

static void
remove_state_outputs(struct edit *edit)
{
	Onnx__GraphProto *graph = edit->main;
	size_t kept = 0, i;

	for (i = 0; i < graph->n_output; i++) {
		if (!is_fused_state(edit, graph->output[i]->name, true))
			graph->output[kept++] = graph->output[i];
		else
			edit_count_reader(edit, 0, graph->output[i]->name, -1);
	}
	graph->n_output = kept;
}

static snnfit_status
remove_state_inputs(struct edit *edit, snnfit_error *err)
{
	Onnx__GraphProto *graph = edit->main;
	size_t kept = 0, i;

	for (i = 0; i < graph->n_input; i++) {
		if (!is_fused_state(edit, graph->input[i]->name, false))
			graph->input[kept++] = graph->input[i];
		else if (edit_readers(edit, 0, graph->input[i]->name))
			return error_set(err, SNNFIT_EINTERNAL,
					 "a population was fused away but its state '%.100s' is "
					 "still read",
					 graph->input[i]->name);
	}
	graph->n_input = kept;
	return SNNFIT_OK;
}

static bool
reads_marked(const struct edit *edit, const struct edit_node *node, const bool *marked)
{
	size_t i;

	for (i = 0; i < node->proto->n_input; i++) {
		uint32_t value = edit_find(edit, node->graph, node->proto->input[i]);
		uint32_t maker = value == GRAPH_NONE ? GRAPH_NONE : edit->values[value].node;

		if (maker != GRAPH_NONE && marked[maker])
			return true;
	}
	return false;
}

/* [node_count], in scratch memory: the nodes of fused populations, and what is computed
 * from them. Such a node goes when nobody reads it, even if nobody ever did: it would
 * keep the population in the model. NULL when out of memory. */
static bool *
mark_fused(struct edit *edit)
{
	const struct graph *graph = edit->graph;
	bool *marked = arena_zalloc(&edit->scratch, edit->node_count, sizeof *marked);
	size_t count, i;
	uint32_t *order = edit_order(edit, &count);

	if (!marked || !order)
		return NULL;
	for (i = 0; i < graph->projection_count; i++) {
		const struct projection *projection = &graph->projections[i];

		if (graph->populations[projection->target].removed &&
		    projection->binding < edit->bindings->projection_count)
			marked[edit->bindings->projections[projection->binding].node] = true;
	}
	for (i = 0; i < count; i++)
		if (!marked[order[i]])
			marked[order[i]] = reads_marked(edit, &edit->nodes[order[i]], marked);
	return marked;
}

snnfit_status
fusion_rewire(struct edit *edit, snnfit_error *err)
{
	const struct graph *graph = edit->graph;
	snnfit_status status = SNNFIT_OK;
	bool any = false, *fused;
	size_t i;

	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++) {
		const struct projection *projection = &graph->projections[i];

		if (projection->removed || projection->reads_input_of == projection->binding)
			continue;
		any = true;
		status = rewire_projection(edit, projection, err);
	}
	if (!any || status != SNNFIT_OK)
		return status;
	remove_state_outputs(edit);
	fused = mark_fused(edit);
	status = fused ? remove_dead(edit, fused, err) : error_no_memory(err);
	if (status == SNNFIT_OK)
		status = remove_state_inputs(edit, err);
	return status;
}
