/* rates_model.c - the places in an ONNX model that carry firing rates. */
#include "importer/rates_list.h"
#include "proto/attribute.h"

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

static snnfit_status
read_annotation(struct rates_list *list, const Onnx__TensorAnnotation *annotation,
		snnfit_error *err)
{
	const char *tensor = annotation->tensor_name ? annotation->tensor_name : "", *name;
	const Onnx__TensorProto *values;
	snnfit_status status;

	status = find_value(list, annotation->quant_parameter_tensor_names,
			    annotation->n_quant_parameter_tensor_names, ANNOTATION_KEY, &name, err);
	if (status != SNNFIT_OK || !name)
		return status;
	values = rates_find_tensor(list->context, name);
	if (!values)
		return error_set(err, SNNFIT_EDATA,
				 "%s: rates of \"%.60s\": \"%.60s\" is no initializer of the model",
				 list->carrier, tensor, name);
	return add_tensor_values(list, tensor, values, err);
}

snnfit_status
rates_read_annotations(struct rates_list *list, snnfit_error *err)
{
	const Onnx__GraphProto *graph = onnx_model_proto(list->context->model)->graph;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; graph && i < graph->n_quantization_annotation && status == SNNFIT_OK; i++)
		status = read_annotation(list, graph->quantization_annotation[i], err);
	return status;
}

/* --- all graphs: the main one and the bodies inside it ---------------------- */

typedef snnfit_status (*visit_graph)(struct rates_list *list, const Onnx__GraphProto *graph,
				     void *context, snnfit_error *err);

/* Graphs still to be visited: without recursion, however deep they are nested. */
struct pending {
	struct arena *arena;
	const Onnx__GraphProto **graphs;
	size_t count, capacity;
};

static bool
push(struct pending *pending, const Onnx__GraphProto *graph)
{
	if (!graph)
		return true;
	if (!arena_grow(pending->arena, &pending->graphs, pending->count, &pending->capacity,
			sizeof(Onnx__GraphProto *)))
		return false;
	pending->graphs[pending->count++] = graph;
	return true;
}

static bool
push_bodies(struct pending *pending, const Onnx__NodeProto *node)
{
	size_t i, j;

	for (i = 0; i < node->n_attribute; i++) {
		if (!push(pending, node->attribute[i]->g))
			return false;
		for (j = 0; j < node->attribute[i]->n_graphs; j++)
			if (!push(pending, node->attribute[i]->graphs[j]))
				return false;
	}
	return true;
}

static snnfit_status
visit_graphs(struct rates_list *list, visit_graph visit, void *context, snnfit_error *err)
{
	struct pending pending = { .arena = list->context->arena };
	const Onnx__GraphProto *graph;
	snnfit_status status;
	size_t i;

	if (!push(&pending, onnx_model_proto(list->context->model)->graph))
		return error_no_memory(err);
	while (pending.count > 0) {
		graph = pending.graphs[--pending.count];
		status = visit(list, graph, context, err);
		if (status != SNNFIT_OK)
			return status;
		for (i = 0; i < graph->n_node; i++)
			if (!push_bodies(&pending, graph->node[i]))
				return error_no_memory(err);
	}
	return SNNFIT_OK;
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
read_nodes(struct rates_list *list, const Onnx__GraphProto *graph, void *context, snnfit_error *err)
{
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
read_values(struct rates_list *list, const Onnx__GraphProto *graph, void *context,
	    snnfit_error *err)
{
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
	const Onnx__NodeProto *node; /* that calls it, in a graph */
	size_t count;
};

struct function_calls {
	struct map index; /* of a function's domain and name: into items */
	struct function_call *items;
	bool out_of_memory;
};

static uint32_t
find_call(struct rates_list *list, struct function_calls *calls, const char *domain,
	  const char *name)
{
	const char *key = arena_printf(list->context->arena, "%s\t%s", domain ? domain : "",
				       name ? name : "");

	calls->out_of_memory = calls->out_of_memory || !key;
	return key ? map_get(&calls->index, key) : MAP_NONE;
}

static void
count_calls(struct rates_list *list, struct function_calls *calls, Onnx__NodeProto *const *nodes,
	    size_t count, size_t weight)
{
	size_t i;

	for (i = 0; i < count; i++) {
		uint32_t call = !domain_is_standard(nodes[i]->domain)
					? find_call(list, calls, nodes[i]->domain,
						    nodes[i]->op_type)
					: MAP_NONE;

		if (call == MAP_NONE)
			continue;
		calls->items[call].node = nodes[i];
		calls->items[call].count += weight;
	}
}

static snnfit_status
count_calls_of_graph(struct rates_list *list, const Onnx__GraphProto *graph, void *calls,
		     snnfit_error *err)
{
	(void)err;
	count_calls(list, calls, graph->node, graph->n_node, 1);
	return SNNFIT_OK;
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

/* Those with annotations; a call out of another function gives no name either. */
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
		const char *key = arena_printf(arena, "%s\t%s",
					       function->domain ? function->domain : "",
					       function->name ? function->name : "");

		calls->items[i].function = function;
		if (!key || !map_set(&calls->index, key, (uint32_t)i))
			return error_no_memory(err);
	}
	status = visit_graphs(list, count_calls_of_graph, calls, err);
	for (i = 0; i < model->n_functions; i++)
		count_calls(list, calls, model->functions[i]->node, model->functions[i]->n_node, 2);
	return status ? status : calls->out_of_memory ? error_no_memory(err) : SNNFIT_OK;
}

/* What the call names the node's result; NULL: it stays inside. */
static const char *
outer_name(const struct function_call *call, const Onnx__NodeProto *node)
{
	size_t i, j;

	for (i = 0; i < node->n_output; i++)
		for (j = 0; j < call->function->n_output && j < call->node->n_output; j++)
			if (strcmp(node->output[i], call->function->output[j]) == 0)
				return call->node->output[j];
	return NULL;
}

/* Of functions that are called once: whose rates those of others are nobody can tell. */
static snnfit_status
read_functions(struct rates_list *list, snnfit_error *err)
{
	const Onnx__ModelProto *model = onnx_model_proto(list->context->model);
	struct function_calls calls = { .out_of_memory = false };
	snnfit_status status = SNNFIT_OK;
	bool any = false;
	size_t i, j;

	for (i = 0; i < model->n_functions; i++)
		any = any || says_rates(model->functions[i]);
	if (any)
		status = find_calls(list, &calls, err);
	for (i = 0; any && i < model->n_functions && !status; i++) {
		const struct function_call *call = &calls.items[i];

		for (j = 0; call->count == 1 && j < call->function->n_node && !status; j++) {
			const Onnx__NodeProto *node = call->function->node[j];
			const char *name = outer_name(call, node);

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
read_custom_nodes(struct rates_list *list, const Onnx__GraphProto *graph, void *context,
		  snnfit_error *err)
{
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
