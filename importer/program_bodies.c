/* program_bodies.c - bodies of Loop, Scan and If, spelled out. */
#include "importer/program_private.h"

#include <string.h>

enum { DEPTH_MAX = 500 }; /* of nested calls and bodies */

/* --- bodies that are not entered: what they read around them ------------------- */

static bool
collect_name(struct builder *builder, const struct frame *frame, const char *name,
	     struct hidden *hidden)
{
	if (!name || !name[0] || frame_find(frame, name) == MAP_NONE)
		return true;
	if (!arena_grow(builder->program->arena, &hidden->names, hidden->count, &hidden->capacity,
			sizeof *hidden->names))
		return false;
	hidden->names[hidden->count++] = name;
	return true;
}

static bool
collect_body(struct builder *builder, const struct frame *frame, const Onnx__GraphProto *body,
	     struct hidden *hidden)
{
	size_t i, j;

	for (i = 0; i < body->n_node; i++) {
		for (j = 0; j < body->node[i]->n_input; j++)
			if (!collect_name(builder, frame, body->node[i]->input[j], hidden))
				return false;
		if (!bodies_collect_hidden(builder, frame, body->node[i], hidden))
			return false;
	}
	for (i = 0; i < body->n_output; i++)
		if (!collect_name(builder, frame, body->output[i]->name, hidden))
			return false;
	return true;
}

/* Depth is bounded by the limit on nested messages that reading enforced. */
bool
bodies_collect_hidden(struct builder *builder, const struct frame *frame,
		      const Onnx__NodeProto *node, struct hidden *hidden)
{
	size_t i, j;

	for (i = 0; i < node->n_attribute; i++) {
		const Onnx__AttributeProto *attribute = node->attribute[i];

		if (attribute->g && !collect_body(builder, frame, attribute->g, hidden))
			return false;
		for (j = 0; j < attribute->n_graphs; j++)
			if (!collect_body(builder, frame, attribute->graphs[j], hidden))
				return false;
	}
	return true;
}

/* --- forms that are entered ------------------------------------------------------- */

/* A node on the way to being spelled out. */
struct entry {
	const Onnx__NodeProto *node;
	const Onnx__GraphProto *graphs[2];
	struct frame *frame; /* around it */
	uint32_t body;	     /* into program.bodies */
	struct body found;   /* what is to stand there */
};

static const Onnx__AttributeProto *
attribute_of(const struct entry *entry, const char *name)
{
	struct operation operation = { .node = entry->node, .scope = entry->frame->scope };

	return operation_attribute(&operation, name);
}

static bool
every_input_is_there(const Onnx__NodeProto *node, size_t first)
{
	size_t i;

	for (i = first; i < node->n_input; i++)
		if (!node->input[i][0])
			return false;
	return true;
}

/* M, condition, initial values -> final values, stacked ones. Body: iteration
 * number, condition, values -> condition, values, those to stack. */
static bool
is_loop(struct entry *entry)
{
	const Onnx__AttributeProto *attribute = attribute_of(entry, "body");
	const Onnx__GraphProto *body = attribute ? attribute->g : NULL;
	const Onnx__NodeProto *node = entry->node;

	if (!body || node->n_input < 2 || body->n_input != node->n_input ||
	    body->n_output != node->n_output + 1 || body->n_output + 1 < body->n_input ||
	    !every_input_is_there(node, 2))
		return false;
	entry->graphs[0] = body;
	entry->found = (struct body){ .kind = BODY_LOOP,
				      .graph = body,
				      .carried = (uint32_t)node->n_input - 2,
				      .first_initial = 2,
				      .first_in = 2,
				      .first_out = 1 };
	return true;
}

/* Initial values, sequences -> final values, stacked ones. Body: values, elements
 * -> values, those to stack. (With a batch axis, in opset 8, it has one input more.) */
static bool
is_scan(struct entry *entry)
{
	const Onnx__AttributeProto *attribute = attribute_of(entry, "body");
	const Onnx__AttributeProto *scanned = attribute_of(entry, "num_scan_inputs");
	const Onnx__GraphProto *body = attribute ? attribute->g : NULL;
	const Onnx__NodeProto *node = entry->node;
	int64_t carried = scanned ? (int64_t)node->n_input - scanned->i : -1;

	if (!body || carried < 0 || carried > (int64_t)node->n_input ||
	    body->n_input != node->n_input || body->n_output != node->n_output ||
	    body->n_output < (size_t)carried || !every_input_is_there(node, 0))
		return false;
	entry->graphs[0] = body;
	entry->found =
		(struct body){ .kind = BODY_SCAN, .graph = body, .carried = (uint32_t)carried };
	return true;
}

static bool
is_if(struct entry *entry)
{
	const Onnx__AttributeProto *first = attribute_of(entry, "then_branch");
	const Onnx__AttributeProto *second = attribute_of(entry, "else_branch");
	const Onnx__NodeProto *node = entry->node;

	if (!first || !first->g || !second || !second->g || node->n_input != 1 ||
	    first->g->n_input || second->g->n_input || first->g->n_output != node->n_output ||
	    second->g->n_output != node->n_output || !every_input_is_there(node, 0))
		return false;
	entry->graphs[0] = first->g;
	entry->graphs[1] = second->g;
	entry->found = (struct body){ .kind = BODY_IF, .graph = first->g, .enter = NO_VALUE };
	return true;
}

static bool
is_known_form(struct entry *entry)
{
	const char *type = entry->node->op_type ? entry->node->op_type : "";

	if (!domain_is_standard(entry->node->domain))
		return false;
	if (strcmp(type, "Loop") == 0)
		return is_loop(entry);
	if (strcmp(type, "Scan") == 0)
		return is_scan(entry);
	return strcmp(type, "If") == 0 && is_if(entry);
}

/* --- spelling out ------------------------------------------------------------------- */

static snnfit_status
add_part(struct builder *builder, const struct entry *entry, enum operation_part part,
	 const uint32_t *operands, size_t operand_count, size_t result_count)
{
	struct operation *operation = program_add_operation(builder, entry->node, operand_count,
							    result_count);

	if (!operation)
		return builder->err->status;
	operation->scope = entry->frame->scope;
	operation->node_index = entry->frame->node_index;
	operation->named_count = operation->operand_count;
	operation->part = part;
	operation->body = entry->body;
	memcpy(operation->operands, operands, operand_count * sizeof *operands);
	return SNNFIT_OK;
}

/* The graph of the model that the body is; NO_VALUE: in a function it is none. */
static uint32_t
number_of(const struct program *program, const struct frame *frame, const Onnx__GraphProto *body)
{
	const struct onnx_graphs *graphs = &program->graphs;
	uint32_t graph;

	if (frame->graph == NO_VALUE)
		return NO_VALUE;
	graph = onnx_graphs_inside(graphs, frame->node_index);
	while (graph < graphs->count && graphs->items[graph].proto != body)
		graph++;
	return graph < graphs->count ? graph : NO_VALUE;
}

static snnfit_status
define_inputs(struct builder *builder, struct frame *inner, const struct entry *entry)
{
	const Onnx__GraphProto *graph = entry->graphs[0];
	struct program *program = builder->program;
	uint32_t enter = program->bodies[entry->body].enter;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graph->n_input && !status; i++) {
		struct value value = { .name = graph->input[i]->name,
				       .kind = VALUE_RESULT,
				       .in_function = inner->graph == NO_VALUE,
				       .graph = NO_VALUE,
				       .operation = enter,
				       .output = (uint32_t)i,
				       .source = NO_VALUE };
		uint32_t id;

		if (!value.name || !value.name[0])
			continue;
		id = program_add_value(program, &value);
		program->operations[enter].results[i] = id;
		status = frame_define(builder, inner, value.name, id);
	}
	return status;
}

/* Values of the body's outputs, into operands. */
static snnfit_status
read_outputs(struct builder *builder, const struct frame *inner, const struct entry *entry,
	     const Onnx__GraphProto *graph, uint32_t *operands)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graph->n_output && !status; i++) {
		const char *name = graph->output[i]->name ? graph->output[i]->name : "";

		operands[i] = frame_find(inner, name);
		if (operands[i] == MAP_NONE)
			return error_set(builder->err, SNNFIT_EFORMAT,
					 "nothing makes the output %s of the body of node %s", name,
					 entry->node->name ? entry->node->name : "");
		if (inner->graph != NO_VALUE)
			status = program_read_output(builder, operands[i], inner->graph,
						     (uint32_t)i, &operands[i]);
	}
	return status;
}

/* One body, from its initializers to its outputs. */
static snnfit_status
add_body(struct builder *builder, const struct entry *entry, const Onnx__GraphProto *graph,
	 uint32_t *outputs)
{
	uint32_t number = number_of(builder->program, entry->frame, graph);
	struct map own;
	struct frame inner = { .names = number == NO_VALUE ? &own
							   : &builder->program->names[number],
			       .outer = entry->frame,
			       .scope = entry->frame->scope,
			       .graph = number,
			       .node_index = entry->frame->node_index,
			       .depth = entry->frame->depth + 1 };
	snnfit_status status = SNNFIT_OK;

	if (inner.depth > DEPTH_MAX)
		return error_set(builder->err, SNNFIT_ELIMIT,
				 "bodies and calls are nested over %d deep", DEPTH_MAX);
	map_init(&own, builder->program->arena);
	if (graph->n_input)
		status = define_inputs(builder, &inner, entry);
	if (!status)
		status = frame_add_initializers(builder, &inner, graph);
	if (!status)
		status = frame_add_nodes(builder, &inner, graph->n_node, graph->node);
	return status ? status : read_outputs(builder, &inner, entry, graph, outputs);
}

static snnfit_status
enter_loop(struct builder *builder, struct entry *entry, const uint32_t *inputs)
{
	struct program *program = builder->program;
	const Onnx__GraphProto *graph = entry->graphs[0];
	uint32_t *outputs = arena_alloc(program->arena, graph->n_output, sizeof *outputs);
	snnfit_status status;

	if (!outputs)
		return error_no_memory(builder->err);
	status = add_part(builder, entry, PART_ENTER, inputs, entry->node->n_input, graph->n_input);
	if (status)
		return status;
	program->bodies[entry->body].enter = (uint32_t)program->operation_count - 1;
	status = add_body(builder, entry, graph, outputs);
	return status ? status
		      : add_part(builder, entry, PART_LEAVE, outputs, graph->n_output,
				 entry->node->n_output);
}

static snnfit_status
enter_branches(struct builder *builder, struct entry *entry, const uint32_t *inputs)
{
	size_t count = entry->node->n_output;
	uint32_t *read = arena_alloc(builder->program->arena, 1 + 2 * count, sizeof *read);
	snnfit_status status;

	if (!read)
		return error_no_memory(builder->err);
	read[0] = inputs[0];
	status = add_body(builder, entry, entry->graphs[0], read + 1);
	if (!status)
		status = add_body(builder, entry, entry->graphs[1], read + 1 + count);
	return status ? status : add_part(builder, entry, PART_LEAVE, read, 1 + 2 * count, count);
}

snnfit_status
bodies_enter(struct builder *builder, struct frame *frame, const Onnx__NodeProto *node,
	     bool *entered)
{
	struct program *program = builder->program;
	struct entry entry = { .node = node, .frame = frame };
	uint32_t *inputs;
	snnfit_status status;

	*entered = is_known_form(&entry);
	if (!*entered)
		return SNNFIT_OK;
	inputs = arena_alloc(program->arena, node->n_input, sizeof *inputs);
	if (!inputs || !arena_grow(program->arena, &program->bodies, program->body_count,
				   &program->body_capacity, sizeof *program->bodies))
		return error_no_memory(builder->err);
	entry.body = (uint32_t)program->body_count;
	program->bodies[program->body_count++] = entry.found;
	status = frame_look_up_inputs(builder, frame, node, inputs);
	if (!status)
		status = frame_read_inputs(builder, frame, node, inputs);
	if (!status)
		status = entry.found.kind == BODY_IF ? enter_branches(builder, &entry, inputs)
						     : enter_loop(builder, &entry, inputs);
	if (status)
		return status;
	program->bodies[entry.body].leave = (uint32_t)program->operation_count - 1;
	return frame_define_results(builder, frame, (uint32_t)program->operation_count - 1);
}
