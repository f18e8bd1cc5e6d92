/* rates_model.c - the places in an ONNX model that carry firing rates. */
#include "importer/rates_list.h"
#include "proto/attribute.h"
#include "proto/graphs.h"

#include <stdlib.h>
#include <string.h>

static const char MODEL_KEY[] = "snn.firing_rates";
static const char TENSOR_KEY[] = "snn.firing_rate";
static const char ANNOTATION_KEY[] = "FIRING_RATE_TENSOR";
static const char ATTRIBUTE[] = "firing_rates";

typedef Onnx__StringStringEntryProto entry_proto;

/* The value of a key; NULL: the key is not there. */
static snnfit_status
find_value(const struct rates_list *list, entry_proto *const *entries, size_t count,
	   const char *key, const char **out, snnfit_error *err)
{
	size_t i;

	*out = NULL;
	for (i = 0; i < count; i++) {
		if (!entries[i]->key || strcmp(entries[i]->key, key))
			continue;
		if (*out)
			return error_set(err, SNNFIT_EDATA,
					 "%s: the key \"%s\" stands there twice: remove one",
					 list->carrier, key);
		*out = entries[i]->value;
		if (!*out || !**out) /* the tree shows a text with a NUL in it as missing */
			return error_set(err, SNNFIT_EDATA,
					 "%s: the key \"%s\" has no value, or one with a NUL in it",
					 list->carrier, key);
	}
	return SNNFIT_OK;
}

snnfit_status
rates_read_metadata(struct rates_list *list, snnfit_error *err)
{
	const Onnx__ModelProto *model = onnx_model_proto(list->context->model);
	snnfit_status status;
	const char *text;

	status = find_value(list, model->metadata_props, model->n_metadata_props, MODEL_KEY, &text,
			    err);
	if (status != SNNFIT_OK || !text)
		return status;
	return rates_read_json(list, text, strlen(text), err);
}

/* --- all graphs: the main one and the bodies inside it ---------------------- */

/* What a graph carries, that of this number in the list. */
typedef snnfit_status (*visit_graph)(struct rates_list *list, const struct onnx_graphs *graphs,
				     uint32_t number, void *context, snnfit_error *err);

static snnfit_status
visit_graphs(struct rates_list *list, visit_graph visit, void *context, snnfit_error *err)
{
	Onnx__GraphProto *graph = onnx_model_proto(list->context->model)->graph;
	struct onnx_graphs graphs;
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	if (!graph)
		return SNNFIT_OK;
	if (!onnx_graphs_list(&graphs, list->context->arena, graph))
		return error_no_memory(err);
	for (i = 0; i < graphs.count && status == SNNFIT_OK; i++)
		status = visit(list, &graphs, i, context, err);
	return status;
}

/* --- quantization annotations --------------------------------------------- */

static snnfit_status
add_tensor_values(struct rates_list *list, const char *name, const Onnx__TensorProto *tensor,
		  snnfit_error *err)
{
	const struct onnx_model *model = list->context->model;
	struct rates_entry *entry = NULL;
	struct tensor_shape shape;
	snnfit_status status;
	float *values;
	size_t i;

	status = tensor_shape_of(model, tensor, &shape, err);
	if (status == SNNFIT_OK)
		status = rates_list_add(list, name, NULL, shape.rank, shape.dims, &entry, err);
	if (status != SNNFIT_OK)
		return status;
	values = malloc((size_t)entry->count * sizeof *values);
	if (!values)
		return error_no_memory(err);
	status = tensor_read_float(model, tensor, 0, entry->count, values, err);
	for (i = 0; i < entry->count && status == SNNFIT_OK; i++)
		entry->values[i] = (double)values[i];
	free(values);
	return status;
}

/* The initializer that the graph sees, its own or of one around it; of the main graph a
 * constant too. */
static const Onnx__TensorProto *
find_tensor(const struct rates_list *list, const struct onnx_graphs *graphs, uint32_t number,
	    const char *name)
{
	size_t i;

	for (; graphs->items[number].parent != NO_GRAPH; number = graphs->items[number].parent) {
		const Onnx__GraphProto *graph = graphs->items[number].proto;

		for (i = 0; i < graph->n_initializer; i++)
			if (graph->initializer[i]->name &&
			    strcmp(graph->initializer[i]->name, name) == 0)
				return graph->initializer[i];
	}
	return rates_find_tensor(list->context, name);
}

static snnfit_status
read_annotation(struct rates_list *list, const struct onnx_graphs *graphs, uint32_t number,
		const Onnx__TensorAnnotation *annotation, snnfit_error *err)
{
	const char *tensor = annotation->tensor_name ? annotation->tensor_name : "", *name;
	const Onnx__TensorProto *values;
	snnfit_status status;

	status = find_value(list, annotation->quant_parameter_tensor_names,
			    annotation->n_quant_parameter_tensor_names, ANNOTATION_KEY, &name, err);
	if (status != SNNFIT_OK || !name)
		return status;
	values = find_tensor(list, graphs, number, name);
	if (!values)
		return error_set(err, SNNFIT_EDATA,
				 "%s: rates of \"%.60s\": \"%.60s\" is no initializer of the model",
				 list->carrier, tensor, name);
	return add_tensor_values(list, tensor, values, err);
}

static snnfit_status
read_annotations(struct rates_list *list, const struct onnx_graphs *graphs, uint32_t number,
		 void *context, snnfit_error *err)
{
	const Onnx__GraphProto *graph = graphs->items[number].proto;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	(void)context;
	for (i = 0; i < graph->n_quantization_annotation && status == SNNFIT_OK; i++)
		status = read_annotation(list, graphs, number, graph->quantization_annotation[i],
					 err);
	return status;
}

snnfit_status
rates_read_annotations(struct rates_list *list, snnfit_error *err)
{
	return visit_graphs(list, read_annotations, NULL, err);
}

/* --- nodes and values ------------------------------------------------------ */

/* The output that is known as a spike tensor, else the first one. */
static const char *
spike_output(const struct rates_list *list, const Onnx__NodeProto *node)
{
	size_t i;

	for (i = 0; i < node->n_output; i++)
		if (map_get(&list->context->names, node->output[i]) != MAP_NONE)
			return node->output[i];
	return node->n_output ? node->output[0] : "";
}

static snnfit_status
read_entry(struct rates_list *list, const char *tensor, entry_proto *const *entries, size_t count,
	   snnfit_error *err)
{
	snnfit_status status;
	const char *text;

	status = find_value(list, entries, count, TENSOR_KEY, &text, err);
	if (status != SNNFIT_OK || !text)
		return status;
	return rates_read_json_array(list, tensor, text, strlen(text), err);
}

static snnfit_status
read_nodes(struct rates_list *list, const struct onnx_graphs *graphs, uint32_t number,
	   void *context, snnfit_error *err)
{
	const Onnx__GraphProto *graph = graphs->items[number].proto;
	snnfit_status status = SNNFIT_OK;
	const Onnx__NodeProto *node;
	size_t i;

	(void)context;
	for (i = 0; i < graph->n_node && status == SNNFIT_OK; i++) {
		node = graph->node[i];
		if (node->n_metadata_props)
			status = read_entry(list, spike_output(list, node), node->metadata_props,
					    node->n_metadata_props, err);
	}
	return status;
}

static snnfit_status
read_value_list(struct rates_list *list, Onnx__ValueInfoProto *const *values, size_t count,
		snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < count && status == SNNFIT_OK; i++)
		if (values[i]->n_metadata_props)
			status = read_entry(list, values[i]->name ? values[i]->name : "",
					    values[i]->metadata_props, values[i]->n_metadata_props,
					    err);
	return status;
}

static snnfit_status
read_values(struct rates_list *list, const struct onnx_graphs *graphs, uint32_t number,
	    void *context, snnfit_error *err)
{
	const Onnx__GraphProto *graph = graphs->items[number].proto;
	snnfit_status status;

	(void)context;
	status = read_value_list(list, graph->value_info, graph->n_value_info, err);
	if (status == SNNFIT_OK)
		status = read_value_list(list, graph->output, graph->n_output, err);
	return status;
}

/* --- nodes of local functions: the spikes leave under the name that the call gives them -- */

struct function_call {
	const Onnx__FunctionProto *function;
	const Onnx__NodeProto **nodes; /* that call it, in a graph */
	size_t count, capacity;
	bool inside; /* another function calls it: what that calls the spikes is no name */
};

struct function_calls {
	struct map index; /* of a function's domain and name: into items */
	struct function_call *items;
};

static const char *
function_key(const struct rates_list *list, const char *domain, const char *name)
{
	return arena_printf(list->context->arena, "%s\t%s", domain ? domain : "", name ? name : "");
}

static snnfit_status
note_calls(struct rates_list *list, struct function_calls *calls, Onnx__NodeProto *const *nodes,
	   size_t count, bool inside, snnfit_error *err)
{
	struct function_call *call;
	const char *key;
	uint32_t number;
	size_t i;

	for (i = 0; i < count; i++) {
		if (domain_is_standard(nodes[i]->domain))
			continue;
		key = function_key(list, nodes[i]->domain, nodes[i]->op_type);
		number = key ? map_get(&calls->index, key) : MAP_NONE;
		if (!key)
			return error_no_memory(err);
		if (number == MAP_NONE)
			continue;
		call = &calls->items[number];
		call->inside = call->inside || inside;
		if (!arena_grow(list->context->arena, &call->nodes, call->count, &call->capacity,
				sizeof *call->nodes))
			return error_no_memory(err);
		call->nodes[call->count++] = nodes[i];
	}
	return SNNFIT_OK;
}

static snnfit_status
note_calls_of_graph(struct rates_list *list, const struct onnx_graphs *graphs, uint32_t number,
		    void *calls, snnfit_error *err)
{
	const Onnx__GraphProto *graph = graphs->items[number].proto;

	return note_calls(list, calls, graph->node, graph->n_node, false, err);
}

static bool
says_rates(const Onnx__FunctionProto *function)
{
	size_t i;

	for (i = 0; i < function->n_node; i++)
		if (function->node[i]->n_metadata_props)
			return true;
	return false;
}

static snnfit_status
find_calls(struct rates_list *list, struct function_calls *calls, snnfit_error *err)
{
	const Onnx__ModelProto *model = onnx_model_proto(list->context->model);
	struct arena *arena = list->context->arena;
	snnfit_status status;
	size_t i;

	map_init(&calls->index, arena);
	calls->items = arena_zalloc(arena, model->n_functions, sizeof *calls->items);
	if (!calls->items)
		return error_no_memory(err);
	for (i = 0; i < model->n_functions; i++) {
		const Onnx__FunctionProto *function = model->functions[i];
		const char *key = function_key(list, function->domain, function->name);

		calls->items[i].function = function;
		if (!key || !map_set(&calls->index, key, (uint32_t)i))
			return error_no_memory(err);
	}
	status = visit_graphs(list, note_calls_of_graph, calls, err);
	for (i = 0; i < model->n_functions && status == SNNFIT_OK; i++)
		status = note_calls(list, calls, model->functions[i]->node,
				    model->functions[i]->n_node, true, err);
	return status;
}

/* What a call names the node's result; NULL: it stays inside. */
static const char *
outer_name(const struct function_call *call, size_t number, const Onnx__NodeProto *node)
{
	const Onnx__NodeProto *caller = call->nodes[number];
	size_t i, j;

	for (i = 0; i < node->n_output; i++)
		for (j = 0; j < call->function->n_output && j < caller->n_output; j++)
			if (strcmp(node->output[i], call->function->output[j]) == 0)
				return caller->output[j];
	return NULL;
}

/* Called once, that is whose spikes they are; called at every step of one layer, that
 * layer's. Whose the rates of a function of several layers are, nobody can tell: NULL. */
static const char *
owner_of(const struct rates_list *list, const struct function_call *call,
	 const Onnx__NodeProto *node)
{
	const char *first = call->count && !call->inside ? outer_name(call, 0, node) : NULL;
	uint32_t population = first ? map_get(&list->context->names, first) : MAP_NONE;
	size_t i;

	for (i = 1; first && i < call->count; i++) {
		const char *name = outer_name(call, i, node);

		if (population == MAP_NONE || !name ||
		    map_get(&list->context->names, name) != population)
			return NULL;
	}
	return first;
}

static snnfit_status
read_functions(struct rates_list *list, snnfit_error *err)
{
	const Onnx__ModelProto *model = onnx_model_proto(list->context->model);
	struct function_calls calls = { .items = NULL };
	snnfit_status status = SNNFIT_OK;
	bool any = false;
	size_t i, j;

	for (i = 0; i < model->n_functions; i++)
		any = any || says_rates(model->functions[i]);
	if (any)
		status = find_calls(list, &calls, err);
	for (i = 0; any && i < model->n_functions && !status; i++) {
		const struct function_call *call = &calls.items[i];

		for (j = 0; j < call->function->n_node && !status; j++) {
			const Onnx__NodeProto *node = call->function->node[j];
			const char *name = node->n_metadata_props ? owner_of(list, call, node)
								  : NULL;

			if (name)
				status = read_entry(list, name, node->metadata_props,
						    node->n_metadata_props, err);
		}
	}
	return status;
}

snnfit_status
rates_read_node_metadata(struct rates_list *list, snnfit_error *err)
{
	snnfit_status status = visit_graphs(list, read_nodes, NULL, err);

	return status ? status : read_functions(list, err);
}

snnfit_status
rates_read_value_metadata(struct rates_list *list, snnfit_error *err)
{
	return visit_graphs(list, read_values, NULL, err);
}

/* --- attributes of custom nodes --------------------------------------------- */

static snnfit_status
read_attribute(struct rates_list *list, const char *tensor, const Onnx__AttributeProto *attribute,
	       snnfit_error *err)
{
	uint64_t count = attribute->n_floats;
	struct rates_entry *entry = NULL;
	snnfit_status status;
	size_t i;

	if (attribute->ref_attr_name && *attribute->ref_attr_name)
		return SNNFIT_OK;
	if (attribute->type != ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS)
		return error_set(err, SNNFIT_EDATA,
				 "%s: the one of the node that makes \"%.60s\" is not a list of "
				 "floats",
				 list->carrier, tensor);
	status = rates_list_add(list, tensor, NULL, 1, &count, &entry, err);
	for (i = 0; status == SNNFIT_OK && i < count; i++)
		entry->values[i] = (double)attribute->floats[i];
	return status;
}

static snnfit_status
read_custom_nodes(struct rates_list *list, const struct onnx_graphs *graphs, uint32_t number,
		  void *context, snnfit_error *err)
{
	const Onnx__GraphProto *graph = graphs->items[number].proto;
	snnfit_status status = SNNFIT_OK;
	const Onnx__NodeProto *node;
	size_t i, j;

	(void)context;
	for (i = 0; i < graph->n_node; i++) {
		node = graph->node[i];
		for (j = 0; !domain_is_standard(node->domain) && j < node->n_attribute &&
			    status == SNNFIT_OK;
		     j++)
			if (node->attribute[j]->name &&
			    !strcmp(node->attribute[j]->name, ATTRIBUTE))
				status = read_attribute(list, spike_output(list, node),
							node->attribute[j], err);
		if (status != SNNFIT_OK)
			return status;
	}
	return SNNFIT_OK;
}

snnfit_status
rates_read_attributes(struct rates_list *list, snnfit_error *err)
{
	return visit_graphs(list, read_custom_nodes, NULL, err);
}
