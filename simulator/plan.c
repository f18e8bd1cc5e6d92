#include "simulator/plan.h"

#include "proto/attribute.h"
#include "simulator/operators.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CALL_DEPTH_MAX = 64, /* of nested calls and bodies */
	NODES_MAX = 500000,  /* spelled out */
};

/* Where names are looked up: a graph in the graph around it, or a function, which
 * sees nothing but its own. */
struct scope {
	struct map names;
	struct scope *outer;
	const struct attribute_scope *call;
	Onnx__OperatorSetIdProto **imports;
	size_t import_count;
	uint32_t depth;
	uint32_t *reads; /* of a body: slots that it reads from outside */
	size_t read_count, read_capacity;
};

struct node_list {
	struct plan_node *nodes;
	size_t count, capacity;
};

struct builder {
	struct plan *plan;
	struct map functions; /* key -> number */
	size_t slot_capacity, name_capacity;
	size_t node_count;
	snnfit_error *err;
};

/* --- attributes ----------------------------------------------------------------------- */

const Onnx__AttributeProto *
node_attribute(const struct plan_node *node, const char *name)
{
	return attribute_of_node(node->proto, name, node->scope);
}

int64_t
node_int(const struct plan_node *node, const char *name, int64_t fallback)
{
	const Onnx__AttributeProto *found = node_attribute(node, name);

	return found && found->has_i ? found->i : fallback;
}

float
node_float(const struct plan_node *node, const char *name, float fallback)
{
	const Onnx__AttributeProto *found = node_attribute(node, name);

	return found && found->has_f ? found->f : fallback;
}

const char *
node_text(const struct plan_node *node, const char *name, const char *fallback,
	  char room[NODE_TEXT_BYTES])
{
	const Onnx__AttributeProto *found = node_attribute(node, name);
	size_t length;

	if (!found || !found->has_s)
		return fallback;
	length = found->s.len < NODE_TEXT_BYTES - 1 ? found->s.len : NODE_TEXT_BYTES - 1;
	if (length)
		memcpy(room, found->s.data, length);
	room[length] = '\0';
	return room;
}

const char *
plan_node_label(const struct plan_node *node, char room[NODE_LABEL_BYTES])
{
	const Onnx__NodeProto *proto = node->proto;
	const char *domain = proto->domain ? proto->domain : "";
	const char *name = proto->name && *proto->name ? proto->name
			   : proto->n_output	       ? proto->output[0]
						       : "";

	(void)snprintf(room, NODE_LABEL_BYTES, "%.60s%s%.40s node '%.80s'", domain,
		       *domain ? "::" : "", proto->op_type, name);
	return room;
}

/* --- slots and names --------------------------------------------------------------------- */

static snnfit_status
add_slot(struct builder *builder, const char *name, uint32_t *out)
{
	struct plan *plan = builder->plan;

	if (!arena_grow(&plan->arena, &plan->constants, plan->slot_count, &builder->slot_capacity,
			sizeof *plan->constants) ||
	    !arena_grow(&plan->arena, &plan->slot_names, plan->slot_count, &builder->name_capacity,
			sizeof *plan->slot_names))
		return error_no_memory(builder->err);
	plan->constants[plan->slot_count] = (struct tensor){ .type = TYPE_NONE };
	plan->slot_names[plan->slot_count] = name;
	*out = plan->slot_count++;
	return SNNFIT_OK;
}

static snnfit_status
define(struct builder *builder, struct scope *scope, const char *name, uint32_t *out)
{
	snnfit_status status;

	*out = SLOT_NONE;
	if (!name || !*name)
		return SNNFIT_OK;
	status = add_slot(builder, name, out);
	if (status == SNNFIT_OK && !map_set(&scope->names, name, *out))
		status = error_no_memory(builder->err);
	return status;
}

/* Every body between the name's reader and its definition reads it from outside. */
static snnfit_status
resolve(struct builder *builder, struct scope *scope, const char *name, uint32_t *out)
{
	struct scope *at, *found;

	*out = SLOT_NONE;
	if (!name || !*name)
		return SNNFIT_OK;
	for (found = scope; found; found = found->outer) {
		*out = map_get(&found->names, name);
		if (*out != MAP_NONE)
			break;
	}
	if (!found)
		return error_set(builder->err, SNNFIT_EFORMAT, "'%.200s' is read but never made",
				 name);
	for (at = scope; at != found; at = at->outer) {
		if (!arena_grow(&builder->plan->arena, &at->reads, at->read_count,
				&at->read_capacity, sizeof *at->reads))
			return error_no_memory(builder->err);
		at->reads[at->read_count++] = *out;
	}
	return SNNFIT_OK;
}

static void
scope_init(struct builder *builder, struct scope *scope, struct scope *outer)
{
	*scope = (struct scope){ .outer = outer };
	map_init(&scope->names, &builder->plan->arena);
	if (!outer)
		return;
	scope->call = outer->call;
	scope->imports = outer->imports;
	scope->import_count = outer->import_count;
	scope->depth = outer->depth + 1;
}

static int64_t
version_of(const struct scope *scope, const char *domain)
{
	size_t i;

	for (i = 0; i < scope->import_count; i++) {
		const char *imported = scope->imports[i]->domain;

		if (domain_is_standard(domain) ? domain_is_standard(imported)
					       : imported && !strcmp(domain, imported))
			return scope->imports[i]->version;
	}
	return 1;
}

/* --- nodes --------------------------------------------------------------------------------- */

static snnfit_status add_nodes(struct builder *builder, struct scope *scope,
			       Onnx__NodeProto **nodes, size_t count, struct node_list *list);

static char *
function_key(struct builder *builder, const char *domain, const char *name, const char *overload)
{
	return arena_printf(&builder->plan->arena, "%s:%s:%s",
			    domain_is_standard(domain) ? "" : domain, name ? name : "",
			    overload ? overload : "");
}

/* *out NULL: the node calls none. */
static snnfit_status
find_function(struct builder *builder, const Onnx__NodeProto *node, const Onnx__FunctionProto **out)
{
	const Onnx__ModelProto *model = onnx_model_proto(builder->plan->model);
	uint32_t found;
	char *key;

	*out = NULL;
	if (model->n_functions == 0)
		return SNNFIT_OK;
	key = function_key(builder, node->domain, node->op_type, node->overload);
	if (!key)
		return error_no_memory(builder->err);
	found = map_get(&builder->functions, key);
	if (found != MAP_NONE)
		*out = model->functions[found];
	return SNNFIT_OK;
}

static snnfit_status
call_function(struct builder *builder, struct scope *scope, const Onnx__NodeProto *node,
	      const Onnx__FunctionProto *function, struct node_list *list)
{
	struct attribute_scope *call = arena_alloc(&builder->plan->arena, 1, sizeof *call);
	struct scope inner;
	snnfit_status status = SNNFIT_OK;
	uint32_t slot;
	size_t i;

	scope_init(builder, &inner, NULL);
	inner.depth = scope->depth + 1;
	inner.imports = function->opset_import;
	inner.import_count = function->n_opset_import;
	inner.call = call;
	if (!call)
		return error_no_memory(builder->err);
	*call = (struct attribute_scope){ scope->call, node, function };
	for (i = 0; i < function->n_input && status == SNNFIT_OK; i++) {
		slot = SLOT_NONE;
		if (i < node->n_input)
			status = resolve(builder, scope, node->input[i], &slot);
		if (status == SNNFIT_OK && !map_set(&inner.names, function->input[i], slot))
			status = error_no_memory(builder->err);
	}
	if (status == SNNFIT_OK)
		status = add_nodes(builder, &inner, function->node, function->n_node, list);
	for (i = 0; i < node->n_output && i < function->n_output && status == SNNFIT_OK; i++) {
		if (!*node->output[i])
			continue;
		status = resolve(builder, &inner, function->output[i], &slot);
		if (status == SNNFIT_OK && !map_set(&scope->names, node->output[i], slot))
			status = error_no_memory(builder->err);
	}
	return status;
}

static snnfit_status build_graph(struct builder *builder, struct scope *scope,
				 const Onnx__GraphProto *graph, struct plan_graph *out);

static snnfit_status
add_body(struct builder *builder, struct scope *scope, struct plan_node *node,
	 const Onnx__AttributeProto *attribute)
{
	struct plan_graph *body = arena_zalloc(&builder->plan->arena, 1, sizeof *body);
	size_t count = node->read_count, capacity = count;
	struct scope inner;
	snnfit_status status;
	size_t i;

	if (!body)
		return error_no_memory(builder->err);
	scope_init(builder, &inner, scope);
	status = build_graph(builder, &inner, attribute->g, body);
	if (status != SNNFIT_OK)
		return status;
	for (i = 0; i < inner.read_count; i++) {
		if (!arena_grow(&builder->plan->arena, &node->reads, count, &capacity,
				sizeof *node->reads))
			return error_no_memory(builder->err);
		node->reads[count++] = inner.reads[i];
	}
	node->read_count = (uint32_t)count;
	node->body_names[node->body_count] = attribute->name;
	node->bodies[node->body_count++] = body;
	return SNNFIT_OK;
}

static snnfit_status
add_bodies(struct builder *builder, struct scope *scope, struct plan_node *node)
{
	snnfit_status status = SNNFIT_OK;
	char label[NODE_LABEL_BYTES];
	size_t i;

	for (i = 0; i < node->proto->n_attribute && status == SNNFIT_OK; i++) {
		const Onnx__AttributeProto *attribute = node->proto->attribute[i];

		attribute = node_attribute(node, attribute->name);
		if (!attribute || !attribute->g)
			continue;
		if (node->body_count == BODIES_MAX)
			return error_set(builder->err, SNNFIT_EUNSUPPORTED,
					 "%s: more than two graphs", plan_node_label(node, label));
		status = add_body(builder, scope, node, attribute);
	}
	return status;
}

static snnfit_status
fill_node(struct builder *builder, struct scope *scope, const Onnx__NodeProto *proto,
	  struct plan_node *node)
{
	struct arena *arena = &builder->plan->arena;
	snnfit_status status = SNNFIT_OK;
	char label[NODE_LABEL_BYTES];
	size_t i;

	*node = (struct plan_node){ .proto = proto, .scope = scope->call };
	node->operator= operator_find_runnable(
		domain_is_standard(proto->domain) ? "" : proto->domain, proto->op_type);
	if (!node->operator)
		return error_set(builder->err, SNNFIT_EUNSUPPORTED,
				 "%s: operator %.100s of domain '%.100s' cannot be simulated",
				 plan_node_label(node, label), proto->op_type,
				 domain_is_standard(proto->domain) ? "ai.onnx" : proto->domain);
	node->version = version_of(scope, proto->domain);
	node->inputs = arena_zalloc(arena, proto->n_input, sizeof *node->inputs);
	node->outputs = arena_zalloc(arena, proto->n_output, sizeof *node->outputs);
	if (!node->inputs || !node->outputs)
		return error_no_memory(builder->err);
	node->input_count = (uint32_t)proto->n_input;
	node->output_count = (uint32_t)proto->n_output;
	for (i = 0; i < proto->n_input && status == SNNFIT_OK; i++)
		status = resolve(builder, scope, proto->input[i], &node->inputs[i]);
	if (status == SNNFIT_OK)
		status = add_bodies(builder, scope, node);
	for (i = 0; i < proto->n_output && status == SNNFIT_OK; i++)
		status = define(builder, scope, proto->output[i], &node->outputs[i]);
	return status;
}

static snnfit_status
add_nodes(struct builder *builder, struct scope *scope, Onnx__NodeProto **nodes, size_t count,
	  struct node_list *list)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	if (scope->depth > CALL_DEPTH_MAX)
		return error_set(builder->err, SNNFIT_ELIMIT,
				 "functions and bodies are nested more than %d deep",
				 CALL_DEPTH_MAX);
	for (i = 0; i < count && status == SNNFIT_OK; i++) {
		const Onnx__FunctionProto *function;
		struct plan_node node;

		if (++builder->node_count > NODES_MAX)
			return error_set(builder->err, SNNFIT_ELIMIT,
					 "spelling out functions gives over %d nodes", NODES_MAX);
		status = find_function(builder, nodes[i], &function);
		if (status != SNNFIT_OK)
			break;
		if (function) {
			status = call_function(builder, scope, nodes[i], function, list);
			continue;
		}
		status = fill_node(builder, scope, nodes[i], &node);
		if (status != SNNFIT_OK)
			break;
		if (!arena_grow(&builder->plan->arena, &list->nodes, list->count, &list->capacity,
				sizeof *list->nodes))
			return error_no_memory(builder->err);
		list->nodes[list->count++] = node;
	}
	return status;
}

static snnfit_status
load_initializers(struct builder *builder, struct scope *scope, const Onnx__GraphProto *graph)
{
	struct plan *plan = builder->plan;
	snnfit_status status = SNNFIT_OK;
	uint32_t slot;
	size_t i;

	if (graph->n_sparse_initializer)
		return error_set(builder->err, SNNFIT_EUNSUPPORTED,
				 "sparse initializers cannot be simulated");
	for (i = 0; i < graph->n_initializer && status == SNNFIT_OK; i++) {
		status = define(builder, scope, graph->initializer[i]->name, &slot);
		if (status == SNNFIT_OK)
			status = tensor_load(&plan->constants[slot], &plan->pool, plan->model,
					     graph->initializer[i], builder->err);
	}
	return status;
}

static snnfit_status
build_graph(struct builder *builder, struct scope *scope, const Onnx__GraphProto *graph,
	    struct plan_graph *out)
{
	struct arena *arena = &builder->plan->arena;
	struct node_list list = { .nodes = NULL };
	snnfit_status status;
	size_t i;

	out->inputs = arena_zalloc(arena, graph->n_input, sizeof *out->inputs);
	out->outputs = arena_zalloc(arena, graph->n_output, sizeof *out->outputs);
	out->output_is_own = arena_zalloc(arena, graph->n_output, sizeof *out->output_is_own);
	if (!out->inputs || !out->outputs || !out->output_is_own)
		return error_no_memory(builder->err);
	status = load_initializers(builder, scope, graph);
	for (i = 0; i < graph->n_input && status == SNNFIT_OK; i++)
		if (map_get(&scope->names, graph->input[i]->name) == MAP_NONE)
			status = define(builder, scope, graph->input[i]->name,
					&out->inputs[out->input_count++]);
	if (status == SNNFIT_OK)
		status = add_nodes(builder, scope, graph->node, graph->n_node, &list);
	for (i = 0; i < graph->n_output && status == SNNFIT_OK; i++)
		status = resolve(builder, scope, graph->output[i]->name,
				 &out->outputs[out->output_count++]);
	out->nodes = list.nodes;
	out->node_count = (uint32_t)list.count;
	return status;
}

/* --- the plan --------------------------------------------------------------------- */

static snnfit_status
list_functions(struct builder *builder)
{
	const Onnx__ModelProto *model = onnx_model_proto(builder->plan->model);
	size_t i;

	map_init(&builder->functions, &builder->plan->arena);
	for (i = 0; i < model->n_functions; i++) {
		const Onnx__FunctionProto *function = model->functions[i];
		char *key = function_key(builder, function->domain, function->name,
					 function->overload);

		if (!key || !map_set(&builder->functions, key, (uint32_t)i))
			return error_no_memory(builder->err);
	}
	return SNNFIT_OK;
}

snnfit_status
plan_new(struct plan **out, const struct onnx_model *model, snnfit_error *err)
{
	const Onnx__ModelProto *proto = onnx_model_proto(model);
	struct plan *plan = calloc(1, sizeof *plan);
	struct builder builder = { .plan = plan, .err = err };
	struct scope scope;
	snnfit_status status;
	uint32_t none;

	*out = NULL;
	if (!plan)
		return error_no_memory(err);
	plan->model = model;
	plan->pool.limit = UINT64_MAX / 2;
	status = add_slot(&builder, NULL, &none);
	if (status == SNNFIT_OK)
		status = list_functions(&builder);
	scope_init(&builder, &scope, NULL);
	scope.imports = proto->opset_import;
	scope.import_count = proto->n_opset_import;
	if (status == SNNFIT_OK)
		status = build_graph(&builder, &scope, proto->graph, &plan->graph);
	plan->names = scope.names;
	if (status == SNNFIT_OK)
		status = plan_finish(plan, err);
	if (status != SNNFIT_OK) {
		plan_free(plan);
		return status;
	}
	*out = plan;
	return SNNFIT_OK;
}

void
plan_free(struct plan *plan)
{
	uint32_t i;

	if (!plan)
		return;
	for (i = 0; i < plan->slot_count; i++)
		tensor_release(&plan->constants[i], &plan->pool);
	for (i = 0; i < plan->packing_count; i++)
		tensor_release(&plan->packings[i].memory, &plan->pool);
	pool_free(&plan->pool);
	arena_free(&plan->arena);
	free(plan);
}

uint32_t
plan_slot(const struct plan *plan, const char *name)
{
	uint32_t i, found = map_get(&plan->names, name);

	if (found != MAP_NONE)
		return found;
	for (i = 1; i < plan->slot_count; i++)
		if (plan->slot_names[i] && !strcmp(plan->slot_names[i], name))
			return i;
	return SLOT_NONE;
}

/* What is left of the path behind this node's attribute; NULL: it does not go there. */
static const char *
path_behind(const char *path, const struct plan_node *node, const char *attribute)
{
	const char *name = node->proto->name ? node->proto->name : "";
	size_t length = strlen(name), attribute_length = strlen(attribute);

	if (path[0] != '/' || strncmp(path + 1, name, length) != 0)
		return NULL;
	path += 1 + length;
	if (path[0] != '.' || strncmp(path + 1, attribute, attribute_length) != 0)
		return NULL;
	path += 1 + attribute_length;
	return path[0] == '\0' || path[0] == '/' ? path : NULL;
}

static const struct plan_graph *
find_body(const struct plan_graph *graph, const char **path)
{
	const char *rest;
	uint32_t i, k;

	for (i = 0; i < graph->node_count; i++)
		for (k = 0; k < graph->nodes[i].body_count; k++) {
			rest = path_behind(*path, &graph->nodes[i], graph->nodes[i].body_names[k]);
			if (!rest)
				continue;
			*path = rest;
			return graph->nodes[i].bodies[k];
		}
	return NULL;
}

uint32_t
plan_slot_inside(const struct plan *plan, const char *body, const char *name)
{
	const struct plan_graph *graph = &plan->graph;
	uint32_t i, k;

	while (graph && *body)
		graph = find_body(graph, &body);
	for (i = 0; graph && i < graph->node_count; i++)
		for (k = 0; k < graph->nodes[i].output_count; k++) {
			const char *made = plan->slot_names[graph->nodes[i].outputs[k]];

			if (made && strcmp(made, name) == 0)
				return graph->nodes[i].outputs[k];
		}
	return SLOT_NONE;
}
