/* check_graph.c - graphs: every name is made once, before it is used.
 *
 * A graph sees the names of the graphs around it. The values in sight are a stack,
 * inner graphs on top, with a map from names to the topmost value of that name;
 * leaving a graph puts back what its names meant outside. Subgraphs are walked
 * when their node's turn comes, by a stack of frames instead of recursion. */
#include "proto/check_private.h"
#include "proto/tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct value_shape shape_unknown = { .rank = RANK_UNKNOWN };

/* --- names ------------------------------------------------------------------------- */

const struct value *
value_find(const struct checker *checker, const char *name)
{
	uint32_t at = map_get(&checker->in_sight, name);

	return at == MAP_NONE ? NULL : &checker->values[at];
}

static uint32_t
scope_of(const struct checker *checker)
{
	return (uint32_t)checker->depth;
}

/* Made in the graph that we are in. */
static bool
is_own(const struct checker *checker, const char *name)
{
	const struct value *value = value_find(checker, name);

	return value && value->scope == scope_of(checker);
}

static snnfit_status
value_define(struct checker *checker, const char *name, struct value_shape shape,
	     const Onnx__TensorProto *constant)
{
	size_t at = checker->value_count;

	if (at >= MAP_NONE)
		return error_set(checker->err, SNNFIT_ELIMIT, "the model has too many values");
	if (!arena_grow(&checker->arena, &checker->values, at, &checker->value_capacity,
			sizeof *checker->values))
		return error_no_memory(checker->err);
	checker->values[at] = (struct value){
		.name = name,
		.outer = map_get(&checker->in_sight, name),
		.scope = scope_of(checker),
		.shape = shape,
		.constant = constant,
	};
	if (!map_set(&checker->in_sight, name, (uint32_t)at))
		return error_no_memory(checker->err);
	checker->value_count++;
	return SNNFIT_OK;
}

/* Forgets the values from the first on. The map has all names: it does not grow. */
static snnfit_status
values_forget(struct checker *checker, size_t first)
{
	while (checker->value_count > first) {
		const struct value *value = &checker->values[--checker->value_count];

		if (!map_set(&checker->in_sight, value->name, value->outer))
			return error_no_memory(checker->err);
	}
	return SNNFIT_OK;
}

/* --- inputs, initializers, outputs --------------------------------------------------- */

static bool
is_empty(const char *name)
{
	return !name || !*name;
}

/* The model's own: its callers rely on what it says of its inputs and outputs. */
static bool
is_main(const struct checker *checker, const Onnx__GraphProto *graph)
{
	return graph == checker->proto->graph;
}

/* what: "input", "output" or "value_info". */
static snnfit_status
value_info_check(struct checker *checker, const char *what, const Onnx__ValueInfoProto *info,
		 bool must_be_known)
{
	char place[CHECK_LABEL_BYTES];

	if (is_empty(info->name))
		return error_set(checker->err, SNNFIT_EFORMAT, "a graph has an %s without a name",
				 what);
	(void)snprintf(place, sizeof place, "%s '%.120s'", what, info->name);
	return type_check(checker, place, info->type, must_be_known);
}

static snnfit_status
inputs_define(struct checker *checker, const Onnx__GraphProto *graph)
{
	bool main = is_main(checker, graph);
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graph->n_input && status == SNNFIT_OK; i++) {
		const Onnx__ValueInfoProto *input = graph->input[i];
		struct value_shape shape = shape_unknown;

		status = value_info_check(checker, "input", input, main);
		if (status == SNNFIT_OK && is_own(checker, input->name))
			status = error_set(checker->err, SNNFIT_EFORMAT,
					   "input '%.120s' stands in its graph twice", input->name);
		if (status == SNNFIT_OK && main)
			status = shape_of_type(checker, input->type, &shape);
		if (status == SNNFIT_OK)
			status = value_define(checker, input->name, shape, NULL);
	}
	return status;
}

/* An input of the same name has this as its default. */
static snnfit_status
initializer_define(struct checker *checker, const char *name, const Onnx__TensorProto *tensor)
{
	struct value_shape shape = tensor ? shape_of_tensor(tensor) : shape_unknown;
	snnfit_status status;
	bool again;

	if (is_empty(name))
		return error_set(checker->err, SNNFIT_EFORMAT,
				 "a graph has an initializer without a name");
	status = list_add(checker, name, &again);
	if (status != SNNFIT_OK)
		return status;
	if (again)
		return error_set(checker->err, SNNFIT_EFORMAT,
				 "initializer '%.120s' stands in its graph twice", name);
	return is_own(checker, name) ? SNNFIT_OK : value_define(checker, name, shape, tensor);
}

static snnfit_status
initializers_define(struct checker *checker, const Onnx__GraphProto *graph)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	list_begin(checker);
	for (i = 0; i < graph->n_initializer && status == SNNFIT_OK; i++) {
		status = tensor_check(checker, graph->initializer[i], NULL);
		if (status == SNNFIT_OK)
			status = initializer_define(checker, graph->initializer[i]->name,
						    graph->initializer[i]);
	}
	for (i = 0; i < graph->n_sparse_initializer && status == SNNFIT_OK; i++) {
		const Onnx__SparseTensorProto *sparse = graph->sparse_initializer[i];

		status = sparse_tensor_check(checker, sparse);
		if (status == SNNFIT_OK)
			status = initializer_define(checker, sparse->values->name, NULL);
	}
	return status;
}

static snnfit_status
types_check(struct checker *checker, const Onnx__GraphProto *graph)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graph->n_output && status == SNNFIT_OK; i++)
		status = value_info_check(checker, "output", graph->output[i],
					  is_main(checker, graph));
	for (i = 0; i < graph->n_value_info && status == SNNFIT_OK; i++)
		status = value_info_check(checker, "entry of value_info", graph->value_info[i],
					  false);
	return status;
}

/* What is made has to be what the model says it is. */
static snnfit_status
output_type_check(struct checker *checker, const Onnx__ValueInfoProto *output)
{
	int32_t made = value_find(checker, output->name)->shape.type;
	int32_t said = 0;

	if (output->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		said = output->type->tensor_type->elem_type;
	if (made == 0 || said == 0 || made == said)
		return SNNFIT_OK;
	return error_set(checker->err, SNNFIT_EFORMAT,
			 "output '%.120s' has elements of type %" PRId32
			 ", but what is made under that name has type %" PRId32,
			 output->name, said, made);
}

static snnfit_status
outputs_check(struct checker *checker, const Onnx__GraphProto *graph)
{
	bool main = is_main(checker, graph), again;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	if (main && graph->n_output == 0 && graph->n_node > 0)
		return error_set(checker->err, SNNFIT_EFORMAT,
				 "the model has no outputs: its nodes compute nothing");
	list_begin(checker);
	for (i = 0; i < graph->n_output && status == SNNFIT_OK; i++) {
		const Onnx__ValueInfoProto *output = graph->output[i];

		if (!is_own(checker, output->name))
			return error_set(checker->err, SNNFIT_EFORMAT,
					 "output '%.120s' is made by no node, input or initializer "
					 "of its graph",
					 output->name);
		if (!main)
			continue;
		status = list_add(checker, output->name, &again);
		if (status == SNNFIT_OK && again)
			status = error_set(checker->err, SNNFIT_EFORMAT,
					   "output '%.120s' stands in its graph twice",
					   output->name);
		if (status == SNNFIT_OK)
			status = output_type_check(checker, output);
	}
	return status;
}

/* --- nodes --------------------------------------------------------------------------- */

static snnfit_status
node_inputs_check(struct checker *checker, const Onnx__NodeProto *node)
{
	size_t i;

	for (i = 0; i < node->n_input; i++)
		if (*node->input[i] && !value_find(checker, node->input[i]))
			return node_refuse(checker, node,
					   "reads '%.120s', which nothing before it makes",
					   node->input[i]);
	return SNNFIT_OK;
}

/* The names of the graphs around must stay what they are, too. */
static bool
is_taken(const struct checker *checker, const char *name)
{
	const struct value *value = value_find(checker, name);

	return value && !(checker->in_training && value->scope == 1);
}

static snnfit_status
node_outputs_define(struct checker *checker, const Onnx__NodeProto *node)
{
	struct value_shape shape = shape_unknown;
	const Onnx__TensorProto *constant = NULL;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	if (checker->depth == 1 && checker->frames[0].graph)
		status = shapes_check(checker, node, &shape, &constant);
	for (i = 0; i < node->n_output && status == SNNFIT_OK; i++) {
		const char *name = node->output[i];

		if (*name && is_taken(checker, name))
			status = node_refuse(checker, node,
					     "makes '%.120s', which is there already", name);
		else if (*name)
			status = value_define(checker, name, i == 0 ? shape : shape_unknown,
					      i == 0 ? constant : NULL);
	}
	return status;
}

/* --- the walk ------------------------------------------------------------------------- */

static snnfit_status
frame_push(struct checker *checker, struct frame frame)
{
	if (!arena_grow(&checker->arena, &checker->frames, checker->depth, &checker->frame_capacity,
			sizeof *checker->frames))
		return error_no_memory(checker->err);
	frame.first_value = checker->value_count;
	checker->frames[checker->depth++] = frame;
	return SNNFIT_OK;
}

static snnfit_status
graph_enter(struct checker *checker, const Onnx__GraphProto *graph)
{
	snnfit_status status = frame_push(checker, (struct frame){
							   .graph = graph,
							   .nodes = graph->node,
							   .node_count = graph->n_node,
						   });

	if (status == SNNFIT_OK && is_empty(graph->name))
		status = error_set(checker->err, SNNFIT_EFORMAT, "a graph has no name");
	if (status == SNNFIT_OK)
		status = inputs_define(checker, graph);
	if (status == SNNFIT_OK)
		status = initializers_define(checker, graph);
	if (status == SNNFIT_OK)
		status = types_check(checker, graph);
	return status;
}

static snnfit_status
frame_leave(struct checker *checker)
{
	const struct frame *frame = &checker->frames[checker->depth - 1];
	snnfit_status status = SNNFIT_OK;

	if (frame->graph)
		status = outputs_check(checker, frame->graph);
	if (status == SNNFIT_OK)
		status = values_forget(checker, frame->first_value);
	checker->depth--;
	return status;
}

/* The node's next subgraph, NULL after the last. */
static const Onnx__GraphProto *
next_subgraph(struct frame *frame)
{
	const Onnx__NodeProto *node = frame->nodes[frame->node];

	for (; frame->attribute < node->n_attribute; frame->attribute++) {
		const Onnx__AttributeProto *attribute = node->attribute[frame->attribute];
		size_t singular = attribute->g ? 1 : 0;
		size_t at = frame->subgraph++;

		if (at < singular)
			return attribute->g;
		if (at - singular < attribute->n_graphs)
			return attribute->graphs[at - singular];
		frame->subgraph = 0;
	}
	return NULL;
}

static snnfit_status
node_leave(struct checker *checker, struct frame *frame)
{
	const Onnx__NodeProto *node = frame->nodes[frame->node++];

	frame->inside = false;
	frame->attribute = 0;
	return node_outputs_define(checker, node);
}

static snnfit_status
step(struct checker *checker)
{
	struct frame *frame = &checker->frames[checker->depth - 1];
	const Onnx__GraphProto *subgraph;
	snnfit_status status;

	if (frame->node == frame->node_count)
		return frame_leave(checker);
	if (!frame->inside) {
		const Onnx__NodeProto *node = frame->nodes[frame->node];

		frame->inside = true;
		status = node_inputs_check(checker, node);
		return status == SNNFIT_OK ? node_check(checker, node) : status;
	}
	subgraph = next_subgraph(frame);
	return subgraph ? graph_enter(checker, subgraph) : node_leave(checker, frame);
}

/* All nodes of the frame on top; the frame stays. */
static snnfit_status
nodes_check(struct checker *checker)
{
	size_t top = checker->depth - 1;
	snnfit_status status = SNNFIT_OK;

	while (status == SNNFIT_OK && (checker->depth - 1 > top ||
				       checker->frames[top].node < checker->frames[top].node_count))
		status = step(checker);
	return status;
}

/* --- what is walked ------------------------------------------------------------------- */

static snnfit_status
training_graph_check(struct checker *checker, const Onnx__GraphProto *graph, const char *place)
{
	snnfit_status status;

	if (!graph)
		return SNNFIT_OK;
	status = graph_enter(checker, graph);
	if (status == SNNFIT_OK)
		status = nodes_check(checker);
	if (status == SNNFIT_OK)
		status = frame_leave(checker);
	return refused_within(checker, status, place);
}

/* They see what the main graph makes. */
static snnfit_status
training_check(struct checker *checker)
{
	const Onnx__ModelProto *proto = checker->proto;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	checker->in_training = true;
	for (i = 0; i < proto->n_training_info && status == SNNFIT_OK; i++) {
		status = training_graph_check(checker, proto->training_info[i]->initialization,
					      "training_info.initialization");
		if (status == SNNFIT_OK)
			status = training_graph_check(checker, proto->training_info[i]->algorithm,
						      "training_info.algorithm");
	}
	checker->in_training = false;
	return status;
}

snnfit_status
main_graph_check(struct checker *checker)
{
	snnfit_status status = graph_enter(checker, checker->proto->graph);

	if (status == SNNFIT_OK)
		status = nodes_check(checker);
	if (status == SNNFIT_OK)
		status = training_check(checker);
	return status == SNNFIT_OK ? frame_leave(checker) : status;
}

static snnfit_status
formals_define(struct checker *checker, const Onnx__FunctionProto *function)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < function->n_input && status == SNNFIT_OK; i++) {
		const char *name = function->input[i];

		if (!*name || is_own(checker, name))
			return error_set(checker->err, SNNFIT_EFORMAT,
					 "input '%.120s' has no name, or that of another input",
					 name);
		status = value_define(checker, name, shape_unknown, NULL);
	}
	return status;
}

static snnfit_status
results_check(struct checker *checker, const Onnx__FunctionProto *function)
{
	snnfit_status status = SNNFIT_OK;
	bool again = false;
	size_t i;

	list_begin(checker);
	for (i = 0; i < function->n_output && status == SNNFIT_OK; i++) {
		const char *name = function->output[i];

		if (!is_own(checker, name))
			return error_set(checker->err, SNNFIT_EFORMAT,
					 "output '%.120s' is made by no node", name);
		status = list_add(checker, name, &again);
		if (again)
			return error_set(checker->err, SNNFIT_EFORMAT,
					 "output '%.120s' is listed twice", name);
	}
	return status;
}

snnfit_status
body_check(struct checker *checker, const Onnx__FunctionProto *function)
{
	snnfit_status status = frame_push(checker, (struct frame){
							   .nodes = function->node,
							   .node_count = function->n_node,
						   });

	if (status == SNNFIT_OK)
		status = formals_define(checker, function);
	if (status == SNNFIT_OK)
		status = nodes_check(checker);
	if (status == SNNFIT_OK)
		status = results_check(checker, function);
	return status == SNNFIT_OK ? frame_leave(checker) : status;
}
