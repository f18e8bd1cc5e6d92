#include "importer/program_private.h"

#include <inttypes.h>
#include <string.h>

enum { DEPTH_MAX = 500 }; /* of nested calls and bodies */

static bool
in_function(const struct frame *frame)
{
	return frame->graph == NO_VALUE;
}

/* --- names ------------------------------------------------------------------ */

uint32_t
frame_find(const struct frame *frame, const char *name)
{
	uint32_t value = MAP_NONE;

	for (; frame && value == MAP_NONE; frame = frame->outer)
		value = map_get(frame->names, name);
	return value;
}

snnfit_status
frame_define(struct builder *builder, struct frame *frame, const char *name, uint32_t value)
{
	struct value *defined;

	if (value == NO_VALUE)
		return error_no_memory(builder->err);
	defined = &builder->program->values[value];
	if (defined->graph == NO_VALUE)
		defined->graph = frame->graph;
	if (map_get(frame->names, name) != MAP_NONE)
		return error_set(builder->err, SNNFIT_EFORMAT,
				 "the tensor %s is made twice; names must be unique", name);
	return map_set(frame->names, name, value) ? SNNFIT_OK : error_no_memory(builder->err);
}

static snnfit_status
look_up(struct builder *builder, const struct frame *frame, const Onnx__NodeProto *node,
	const char *name, uint32_t *out)
{
	*out = frame_find(frame, name);
	if (*out == MAP_NONE)
		return error_set(builder->err, SNNFIT_EFORMAT,
				 "node %s (%s) reads %s, which nothing before it makes",
				 node->name && node->name[0] ? node->name : "without a name",
				 node->op_type ? node->op_type : "?", name);
	return SNNFIT_OK;
}

/* --- nodes ------------------------------------------------------------------ */

static uint32_t
find_function(struct builder *builder, const Onnx__NodeProto *node)
{
	const char *domain = domain_is_standard(node->domain) ? "" : node->domain;
	const char *key = arena_printf(builder->program->arena, "%s:%s", domain,
				       node->op_type ? node->op_type : "");

	return key ? map_get(&builder->functions, key) : MAP_NONE;
}

static snnfit_status
bind_formals(struct builder *builder, struct frame *inner, const struct frame *frame,
	     const Onnx__FunctionProto *function, const Onnx__NodeProto *node)
{
	size_t i;

	for (i = 0; i < function->n_input && i < node->n_input; i++) {
		snnfit_status status;
		uint32_t seen;

		if (!node->input[i][0])
			continue;
		status = look_up(builder, frame, node, node->input[i], &seen);
		if (status)
			return status;
		status = program_read_value(builder, seen, frame->node_index, (uint32_t)i, &seen);
		if (status)
			return status;
		if (builder->program->values[seen].constant)
			builder->program->values[seen].in_function = true;
		status = frame_define(builder, inner, function->input[i], seen);
		if (status)
			return status;
	}
	return SNNFIT_OK;
}

static snnfit_status
bind_results(struct builder *builder, struct frame *frame, const struct frame *inner,
	     const Onnx__FunctionProto *function, const Onnx__NodeProto *node)
{
	size_t i;

	for (i = 0; i < function->n_output && i < node->n_output; i++) {
		uint32_t made = map_get(inner->names, function->output[i]);
		struct program *program = builder->program;
		snnfit_status status;

		if (!node->output[i][0])
			continue;
		if (made == MAP_NONE)
			return error_set(builder->err, SNNFIT_EFORMAT,
					 "function %s does not make its output %s", function->name,
					 function->output[i]);
		/* From here on it goes by the caller's name. */
		if (program->values[made].kind == VALUE_RESULT)
			program->values[made].name = node->output[i];
		status = frame_define(builder, frame, node->output[i], made);
		if (status)
			return status;
	}
	return SNNFIT_OK;
}

static snnfit_status
add_call(struct builder *builder, struct frame *frame, const Onnx__NodeProto *node, uint32_t number)
{
	const Onnx__FunctionProto *function =
		onnx_model_proto(builder->program->model)->functions[number];
	struct attribute_scope *scope = arena_zalloc(builder->program->arena, 1, sizeof *scope);
	struct map names;
	struct frame inner = { .names = &names,
			       .scope = scope,
			       .graph = NO_VALUE,
			       .node_index = frame->node_index,
			       .depth = frame->depth + 1 };
	snnfit_status status;

	if (!scope)
		return error_no_memory(builder->err);
	if (builder->call_stack_mark[number] || inner.depth > DEPTH_MAX)
		return error_set(builder->err, SNNFIT_EFORMAT,
				 "function %s calls itself, or calls are nested over %d deep",
				 function->name, DEPTH_MAX);
	*scope = (struct attribute_scope){ frame->scope, node, function };
	map_init(&names, builder->program->arena);
	status = bind_formals(builder, &inner, frame, function, node);
	if (status)
		return status;
	builder->call_stack_mark[number] = 1;
	status = frame_add_nodes(builder, &inner, function->n_node, function->node);
	builder->call_stack_mark[number] = 0;
	if (status)
		return status;
	return bind_results(builder, frame, &inner, function, node);
}

/* Constant nodes that hold no tensor but a number or a list get one made. */
Onnx__TensorProto *
program_tensor_of_attribute(struct program *program, const Onnx__AttributeProto *attribute)
{
	bool list = attribute->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS ||
		    attribute->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
	bool is_float = attribute->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT ||
			attribute->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
	bool is_int = attribute->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT ||
		      attribute->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
	Onnx__TensorProto *tensor;
	int64_t *dims;

	if (!is_float && !is_int)
		return NULL;
	tensor = arena_alloc(program->arena, 1, sizeof *tensor);
	dims = arena_alloc(program->arena, 1, sizeof *dims);
	if (!tensor || !dims)
		return NULL;
	onnx__tensor_proto__init(tensor);
	*dims = (int64_t)(is_float ? attribute->n_floats : attribute->n_ints);
	tensor->dims = dims;
	tensor->n_dims = list ? 1 : 0;
	tensor->has_data_type = 1;
	tensor->data_type = is_float ? ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
				     : ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	if (is_float) {
		tensor->n_float_data = list ? attribute->n_floats : 1;
		tensor->float_data = list ? attribute->floats : (float *)&attribute->f;
	} else {
		tensor->n_int64_data = list ? attribute->n_ints : 1;
		tensor->int64_data = list ? attribute->ints : (int64_t *)&attribute->i;
	}
	return tensor;
}

static snnfit_status
add_source(struct builder *builder, bool is_node, size_t index, uint32_t *out)
{
	struct program *program = builder->program;

	if (!arena_grow(program->arena, &program->sources, program->source_count,
			&program->source_capacity, sizeof *program->sources))
		return error_no_memory(builder->err);
	*out = (uint32_t)program->source_count;
	program->sources[program->source_count++] = (struct binding_source){ is_node,
									     (uint32_t)index };
	return SNNFIT_OK;
}

static snnfit_status
add_constant_node(struct builder *builder, struct frame *frame, const Onnx__NodeProto *node)
{
	const Onnx__AttributeProto *attribute =
		node->n_attribute ? attribute_resolve(node->attribute[0], frame->scope) : NULL;
	struct value value = { .name = node->n_output ? node->output[0] : "",
			       .kind = VALUE_UNKNOWN,
			       .constant = true,
			       .in_function = in_function(frame),
			       .graph = NO_VALUE,
			       .source = NO_VALUE };

	if (node->n_output != 1 || !node->output[0][0])
		return error_set(builder->err, SNNFIT_EFORMAT,
				 "a Constant node must have exactly one output");
	if (attribute && attribute->t) {
		value.kind = VALUE_SOURCE;
		value.tensor = attribute->t;
		if (!value.in_function && !node->attribute[0]->ref_attr_name) {
			snnfit_status status = add_source(builder, true, frame->node_index,
							  &value.source);

			if (status)
				return status;
		}
	} else if (attribute) {
		value.tensor = program_tensor_of_attribute(builder->program, attribute);
		if (value.tensor)
			value.kind = VALUE_SOURCE;
	}
	return frame_define(builder, frame, node->output[0],
			    program_add_value(builder->program, &value));
}

static bool
has_bodies(const Onnx__NodeProto *node)
{
	size_t i;

	for (i = 0; i < node->n_attribute; i++)
		if (node->attribute[i]->g || node->attribute[i]->n_graphs)
			return true;
	return false;
}

/* Random and other operators without operands are not constants. */
static bool
is_constant_node(const struct builder *builder, const Onnx__NodeProto *node,
		 const uint32_t *operands)
{
	bool any = false;
	size_t i;

	if (has_bodies(node) || !domain_is_standard(node->domain) || !node->op_type ||
	    (node->n_output != 1 && strcmp(node->op_type, "Split") != 0))
		return false;
	if (strncmp(node->op_type, "Random", 6) == 0)
		return false;
	for (i = 0; i < node->n_input; i++) {
		if (operands[i] == NO_VALUE)
			continue;
		if (!builder->program->values[operands[i]].constant)
			return false;
		any = true;
	}
	return any;
}

static snnfit_status
add_definition(struct builder *builder, struct frame *frame, const Onnx__NodeProto *node,
	       uint32_t *operands)
{
	struct program *program = builder->program;
	struct value value = { .kind = VALUE_RESULT,
			       .constant = true,
			       .graph = NO_VALUE,
			       .source = NO_VALUE,
			       .operation = (uint32_t)builder->definition_count };
	snnfit_status status = SNNFIT_OK;

	if (!arena_grow(program->arena, &builder->definitions, builder->definition_count,
			&builder->definition_capacity, sizeof *builder->definitions))
		return error_no_memory(builder->err);
	builder->definitions[builder->definition_count++] =
		(struct definition){ node, frame->node_index, operands };
	for (; value.output < node->n_output && !status; value.output++) {
		value.name = node->output[value.output];
		if (value.name[0])
			status = frame_define(builder, frame, value.name,
					      program_add_value(program, &value));
	}
	return status;
}

static bool
names_a_result(const Onnx__NodeProto *node)
{
	size_t i;

	for (i = 0; i < node->n_output; i++)
		if (node->output[i][0])
			return true;
	return false;
}

snnfit_status
frame_define_results(struct builder *builder, struct frame *frame, uint32_t operation_index)
{
	struct program *program = builder->program;
	struct operation operation = program->operations[operation_index];
	uint32_t i;

	for (i = 0; i < operation.result_count; i++) {
		struct value value = { .name = operation.node->output[i],
				       .kind = VALUE_RESULT,
				       .constant = operation.constant,
				       .in_function = in_function(frame),
				       .operation = operation_index,
				       .output = i,
				       .graph = NO_VALUE,
				       .source = NO_VALUE };
		snnfit_status status;

		if (!value.name[0])
			continue;
		operation.results[i] = program_add_value(program, &value);
		status = frame_define(builder, frame, value.name, operation.results[i]);
		if (status)
			return status;
	}
	return SNNFIT_OK;
}

snnfit_status
frame_read_inputs(struct builder *builder, const struct frame *frame, const Onnx__NodeProto *node,
		  uint32_t *operands)
{
	snnfit_status status;
	size_t i;

	for (i = 0; i < node->n_input; i++) {
		if (operands[i] == NO_VALUE || in_function(frame))
			continue;
		status = program_read_value(builder, operands[i], frame->node_index, (uint32_t)i,
					    &operands[i]);
		if (status)
			return status;
	}
	return SNNFIT_OK;
}

static snnfit_status
read_hidden(struct builder *builder, const struct frame *frame, const struct hidden *hidden,
	    uint32_t *operands)
{
	snnfit_status status;
	size_t i;

	for (i = 0; i < hidden->count; i++) {
		operands[i] = frame_find(frame, hidden->names[i]);
		if (in_function(frame))
			continue;
		status = program_read_value(builder, operands[i], frame->node_index, NO_VALUE,
					    &operands[i]);
		if (status)
			return status;
	}
	return SNNFIT_OK;
}

snnfit_status
frame_look_up_inputs(struct builder *builder, const struct frame *frame,
		     const Onnx__NodeProto *node, uint32_t *operands)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < node->n_input && !status; i++) {
		operands[i] = NO_VALUE;
		if (node->input[i][0])
			status = look_up(builder, frame, node, node->input[i], &operands[i]);
	}
	return status;
}

static snnfit_status
add_plain_node(struct builder *builder, struct frame *frame, const Onnx__NodeProto *node)
{
	struct program *program = builder->program;
	struct hidden hidden = { 0 };
	struct operation *operation;
	uint32_t *operands;
	snnfit_status status;
	bool constant;

	if (!bodies_collect_hidden(builder, frame, node, &hidden))
		return error_no_memory(builder->err);
	operands = arena_alloc(program->arena, node->n_input + hidden.count, sizeof *operands);
	if (!operands)
		return error_no_memory(builder->err);
	status = frame_look_up_inputs(builder, frame, node, operands);
	if (status)
		return status;
	constant = is_constant_node(builder, node, operands);
	if (constant && !in_function(frame) && names_a_result(node))
		return add_definition(builder, frame, node, operands);
	status = frame_read_inputs(builder, frame, node, operands);
	if (!status)
		status = read_hidden(builder, frame, &hidden, operands + node->n_input);
	if (status)
		return status;
	operation = program_add_operation(builder, node, node->n_input + hidden.count,
					  node->n_output);
	if (!operation)
		return builder->err ? builder->err->status : SNNFIT_ELIMIT;
	operation->scope = frame->scope;
	operation->node_index = frame->node_index;
	operation->constant = constant;
	memcpy(operation->operands, operands, operation->operand_count * sizeof *operands);
	return frame_define_results(builder, frame, (uint32_t)program->operation_count - 1);
}

static snnfit_status
add_node(struct builder *builder, struct frame *frame, const Onnx__NodeProto *node)
{
	uint32_t nodes_max = onnx_model_limits(builder->program->model)->operations;
	uint32_t function = find_function(builder, node);
	bool entered = false, spelled = false;
	snnfit_status status;

	if (in_function(frame) && builder->function_nodes++ > nodes_max)
		return error_set(builder->err, SNNFIT_ELIMIT,
				 "spelling out functions gives over %" PRIu32
				 " nodes (--max-operations)",
				 nodes_max);
	if (function != MAP_NONE)
		return add_call(builder, frame, node, function);
	if (domain_is_standard(node->domain) && node->op_type &&
	    strcmp(node->op_type, "Constant") == 0)
		return add_constant_node(builder, frame, node);
	status = bodies_enter(builder, frame, node, &entered);
	if (!status && !entered)
		status = fused_spell_out(builder, frame, node, &spelled);
	return status || entered || spelled ? status : add_plain_node(builder, frame, node);
}

snnfit_status
frame_add_nodes(struct builder *builder, struct frame *frame, size_t count,
		Onnx__NodeProto *const *nodes)
{
	size_t i;

	for (i = 0; i < count; i++) {
		snnfit_status status;

		if (!in_function(frame))
			frame->node_index =
				builder->program->graphs.items[frame->graph].first_node +
				(uint32_t)i;
		status = add_node(builder, frame, nodes[i]);
		if (status)
			return status;
	}
	return SNNFIT_OK;
}

/* --- the model --------------------------------------------------------------- */

static snnfit_status
index_functions(struct builder *builder)
{
	const Onnx__ModelProto *proto = onnx_model_proto(builder->program->model);
	struct arena *arena = builder->program->arena;
	size_t i;

	map_init(&builder->functions, arena);
	builder->call_stack_mark = arena_zalloc(arena, proto->n_functions, sizeof(uint32_t));
	if (!builder->call_stack_mark)
		return error_no_memory(builder->err);
	for (i = 0; i < proto->n_functions; i++) {
		const Onnx__FunctionProto *function = proto->functions[i];
		const char *domain = domain_is_standard(function->domain) ? "" : function->domain;
		const char *key = arena_printf(arena, "%s:%s", domain,
					       function->name ? function->name : "");

		if (!key || !map_set(&builder->functions, key, (uint32_t)i))
			return error_no_memory(builder->err);
	}
	return SNNFIT_OK;
}

static snnfit_status
add_initializer_source(struct builder *builder, const struct frame *frame, size_t index,
		       struct value *value)
{
	const struct onnx_graphs *graphs = &builder->program->graphs;

	if (in_function(frame))
		return SNNFIT_OK;
	return add_source(builder, false, graphs->items[frame->graph].first_tensor + index,
			  &value->source);
}

/* A value that is passed in takes the place of a default. */
static bool
is_passed_in(const struct frame *frame, const char *name)
{
	return frame->outer && map_get(frame->names, name) != MAP_NONE;
}

snnfit_status
frame_add_initializers(struct builder *builder, struct frame *frame, const Onnx__GraphProto *graph)
{
	snnfit_status status;
	size_t i;

	for (i = 0; i < graph->n_initializer; i++) {
		struct value value = { .name = graph->initializer[i]->name,
				       .kind = VALUE_SOURCE,
				       .constant = true,
				       .in_function = in_function(frame),
				       .graph = NO_VALUE,
				       .source = NO_VALUE,
				       .tensor = graph->initializer[i] };

		if (!value.name || !value.name[0])
			return error_set(builder->err, SNNFIT_EFORMAT,
					 "initializer %zu has no name", i);
		if (is_passed_in(frame, value.name))
			continue;
		status = add_initializer_source(builder, frame, i, &value);
		if (status)
			return status;
		status = frame_define(builder, frame, value.name,
				      program_add_value(builder->program, &value));
		if (status)
			return status;
	}
	for (i = 0; i < graph->n_sparse_initializer; i++) {
		const Onnx__TensorProto *values = graph->sparse_initializer[i]->values;
		struct value value = { .name = values && values->name ? values->name : "",
				       .kind = VALUE_UNKNOWN,
				       .constant = true,
				       .in_function = in_function(frame),
				       .graph = NO_VALUE,
				       .source = NO_VALUE };

		if (is_passed_in(frame, value.name))
			continue;
		status = frame_define(builder, frame, value.name,
				      program_add_value(builder->program, &value));
		if (status)
			return status;
	}
	return SNNFIT_OK;
}

static snnfit_status
add_inputs(struct builder *builder, struct frame *frame)
{
	struct program *program = builder->program;
	const Onnx__GraphProto *graph = program->graph;
	size_t i;

	program->inputs = arena_alloc(program->arena, graph->n_input, sizeof *program->inputs);
	if (!program->inputs)
		return error_no_memory(builder->err);
	for (i = 0; i < graph->n_input; i++) {
		struct value value = { .name = graph->input[i]->name,
				       .kind = VALUE_INPUT,
				       .input = (uint32_t)i,
				       .graph = NO_VALUE,
				       .source = NO_VALUE };
		uint32_t id;
		snnfit_status status;

		if (!value.name || !value.name[0])
			return error_set(builder->err, SNNFIT_EFORMAT, "input %zu has no name", i);
		if (map_get(frame->names, value.name) != MAP_NONE)
			continue; /* an initializer that may be overridden */
		id = program_add_value(program, &value);
		status = frame_define(builder, frame, value.name, id);
		if (status)
			return status;
		program->inputs[program->input_count++] = id;
	}
	return SNNFIT_OK;
}

static snnfit_status
add_outputs(struct builder *builder, struct frame *frame)
{
	struct program *program = builder->program;
	const Onnx__GraphProto *graph = program->graph;
	size_t i;

	program->outputs = arena_alloc(program->arena, graph->n_output, sizeof *program->outputs);
	if (!program->outputs)
		return error_no_memory(builder->err);
	for (i = 0; i < graph->n_output; i++) {
		const char *name = graph->output[i]->name ? graph->output[i]->name : "";
		uint32_t seen = map_get(frame->names, name);
		snnfit_status status;

		if (seen == MAP_NONE)
			return error_set(builder->err, SNNFIT_EFORMAT,
					 "nothing makes the model's output %s", name);
		status = program_read_value(builder, seen, NO_VALUE, NO_VALUE,
					    &program->outputs[i]);
		if (status)
			return status;
	}
	program->output_count = graph->n_output;
	return SNNFIT_OK;
}

static void
add_carried(struct program *program, uint32_t number)
{
	const struct body *body = &program->bodies[number];
	uint32_t i;

	for (i = 0; i < body->carried; i++) {
		if (body_in(program, body, i) == NO_VALUE)
			continue;
		program->inputs[program->input_count + program->carried_count] = body_in(program,
											 body, i);
		program->outputs[program->output_count + program->carried_count] = body_out(
			program, body, i);
		program->carried[program->carried_count++] = (struct carried){ number, i };
	}
}

/* What bodies carry is listed behind what the model does. */
static bool
list_carried(struct program *program)
{
	const uint32_t *inputs = program->inputs, *outputs = program->outputs;
	size_t count = 0, i;

	for (i = 0; i < program->body_count; i++)
		count += program->bodies[i].carried;
	program->inputs = arena_alloc(program->arena, program->input_count + count, sizeof *inputs);
	program->outputs = arena_alloc(program->arena, program->output_count + count,
				       sizeof *outputs);
	program->carried = arena_alloc(program->arena, count, sizeof *program->carried);
	if (!program->inputs || !program->outputs || !program->carried)
		return false;
	memcpy(program->inputs, inputs, program->input_count * sizeof *inputs);
	memcpy(program->outputs, outputs, program->output_count * sizeof *outputs);
	for (i = 0; i < program->body_count; i++)
		add_carried(program, (uint32_t)i);
	return true;
}

static bool
list_graphs(struct program *program)
{
	size_t i;

	if (!onnx_graphs_list(&program->graphs, program->arena,
			      onnx_model_proto(program->model)->graph))
		return false;
	program->names = arena_alloc(program->arena, program->graphs.count, sizeof *program->names);
	for (i = 0; program->names && i < program->graphs.count; i++)
		map_init(&program->names[i], program->arena);
	return program->names != NULL;
}

snnfit_status
program_build(struct program *program, struct arena *arena, const struct onnx_model *model,
	      snnfit_error *err)
{
	snnfit_error local = { 0 };
	struct builder builder = { .program = program, .err = err ? err : &local };
	struct frame frame = { 0 };
	snnfit_status status;

	*program = (struct program){ .model = model,
				     .graph = onnx_model_proto(model)->graph,
				     .arena = arena };
	if (!list_graphs(program))
		return error_no_memory(builder.err);
	frame.names = program->names;
	status = index_functions(&builder);
	if (!status)
		status = frame_add_initializers(&builder, &frame, program->graph);
	if (!status)
		status = add_inputs(&builder, &frame);
	if (!status)
		status = frame_add_nodes(&builder, &frame, program->graph->n_node,
					 program->graph->node);
	if (!status)
		status = add_outputs(&builder, &frame);
	if (!status && !list_carried(program))
		return error_no_memory(builder.err);
	return status;
}

/* --- asking -------------------------------------------------------------------- */

uint32_t
program_find(const struct program *program, uint32_t graph, const char *name)
{
	uint32_t value = MAP_NONE;

	for (; value == MAP_NONE && graph != NO_GRAPH; graph = program->graphs.items[graph].parent)
		value = map_get(&program->names[graph], name);
	return value;
}

uint32_t
body_initial(const struct program *program, const struct body *body, uint32_t i)
{
	return program->operations[body->enter].operands[body->first_initial + i];
}

uint32_t
body_in(const struct program *program, const struct body *body, uint32_t i)
{
	return program->operations[body->enter].results[body->first_in + i];
}

uint32_t
body_out(const struct program *program, const struct body *body, uint32_t i)
{
	return program->operations[body->leave].operands[body->first_out + i];
}

uint32_t
program_behind_aliases(const struct program *program, uint32_t value)
{
	static const char *const same[] = { "Cast",    "Identity",  "Reshape",
					    "Squeeze", "Unsqueeze", NULL };

	while (program->values[value].kind == VALUE_RESULT && !program->values[value].constant) {
		const struct operation *operation =
			&program->operations[program->values[value].operation];

		if (!operation_is_one_of(operation, same) || !operation->operand_count ||
		    operation->operands[0] == NO_VALUE)
			break;
		value = operation->operands[0];
	}
	return value;
}
