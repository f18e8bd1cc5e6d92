#include "importer/program.h"

#include "importer/attribute.h"

#include <string.h>

enum {
	CALL_DEPTH_MAX = 64,	     /* of nested function calls */
	EXPRESSION_DEPTH_MAX = 1000, /* of a constant expression */
	EXPRESSION_NODES_MAX = 4096,
	OPERATIONS_MAX = 500000, /* spelled out; about 1 KiB each */
};

/* Where nodes are being read from: the main graph, or the body of a call. */
struct frame {
	struct map *names;
	const struct attribute_scope *scope;
	uint32_t node_index; /* main graph node that is being spelled out */
	uint32_t depth;
};

/* A constant expression node of the main graph, to be instantiated per reader. */
struct definition {
	const Onnx__NodeProto *node;
	uint32_t node_index;
	uint32_t *operands;
};

struct builder {
	struct program *program;
	struct map functions; /* "domain:name" -> number */
	struct definition *definitions;
	size_t definition_count, definition_capacity;
	uint32_t *call_stack_mark; /* [functions]: 1 while it is being spelled out */
	uint32_t expression_nodes; /* of the instance being made */
	snnfit_error *err;
};

/* --- values and operations ------------------------------------------------- */

static uint32_t
add_value(struct program *program, const struct value *value)
{
	if (program->value_count >= NO_VALUE - 1 ||
	    !arena_grow(program->arena, &program->values, program->value_count,
			&program->value_capacity, sizeof *program->values))
		return NO_VALUE;
	program->values[program->value_count] = *value;
	return (uint32_t)program->value_count++;
}

static struct operation *
add_operation(struct builder *builder, const Onnx__NodeProto *node, size_t hidden)
{
	struct program *program = builder->program;
	struct operation *operation;

	if (program->operation_count >= OPERATIONS_MAX) {
		error_set(builder->err, SNNFIT_ELIMIT,
			  "spelling out functions and constants gives over %d operations",
			  OPERATIONS_MAX);
		return NULL;
	}
	if (!arena_grow(program->arena, &program->operations, program->operation_count,
			&program->operation_capacity, sizeof *program->operations))
		goto no_memory;
	operation = &program->operations[program->operation_count];
	*operation = (struct operation){ .node = node };
	operation->named_count = (uint32_t)node->n_input;
	operation->operand_count = (uint32_t)(node->n_input + hidden);
	operation->result_count = (uint32_t)node->n_output;
	operation->operands = arena_alloc(program->arena, operation->operand_count,
					  sizeof *operation->operands);
	operation->results = arena_alloc(program->arena, operation->result_count,
					 sizeof *operation->results);
	if (!operation->operands || !operation->results)
		goto no_memory;
	memset(operation->operands, 0xff, operation->operand_count * sizeof(uint32_t));
	memset(operation->results, 0xff, operation->result_count * sizeof(uint32_t));
	program->operation_count++;
	return operation;
no_memory:
	(void)error_no_memory(builder->err);
	return NULL;
}

static snnfit_status
add_read(struct builder *builder, uint32_t node, uint32_t slot, uint32_t value)
{
	struct program *program = builder->program;

	if (!arena_grow(program->arena, &program->reads, program->read_count,
			&program->read_capacity, sizeof *program->reads))
		return error_no_memory(builder->err);
	program->reads[program->read_count++] = (struct constant_read){ node, slot, value };
	return SNNFIT_OK;
}

static bool
is_definition(const struct value *value)
{
	return value->constant && !value->in_function;
}

/* --- instances of constants ------------------------------------------------- */

static snnfit_status instantiate(struct builder *builder, uint32_t definition, uint32_t depth,
				 uint32_t *out);

static snnfit_status
instantiate_result(struct builder *builder, uint32_t value, uint32_t depth, uint32_t *out)
{
	struct program *program = builder->program;
	struct value result = program->values[value];
	const struct definition *definition = &builder->definitions[result.operation];
	const Onnx__NodeProto *node = definition->node;
	uint32_t *operands = arena_alloc(program->arena, node->n_input, sizeof *operands);
	struct operation *operation;
	size_t i;

	if (!operands)
		return error_no_memory(builder->err);
	for (i = 0; i < node->n_input; i++) {
		snnfit_status status;

		operands[i] = NO_VALUE;
		if (definition->operands[i] == NO_VALUE)
			continue;
		status = instantiate(builder, definition->operands[i], depth + 1, &operands[i]);
		if (status)
			return status;
	}
	operation = add_operation(builder, node, 0);
	if (!operation)
		return builder->err ? builder->err->status : SNNFIT_ELIMIT;
	operation->node_index = definition->node_index;
	operation->constant = operation->instance = true;
	memcpy(operation->operands, operands, node->n_input * sizeof *operands);
	result.operation = (uint32_t)program->operation_count - 1;
	*out = operation->results[result.output] = add_value(program, &result);
	return *out == NO_VALUE ? error_no_memory(builder->err) : SNNFIT_OK;
}

static snnfit_status
instantiate(struct builder *builder, uint32_t definition, uint32_t depth, uint32_t *out)
{
	struct program *program = builder->program;
	struct value copy = program->values[definition];

	if (depth > EXPRESSION_DEPTH_MAX || builder->expression_nodes++ > EXPRESSION_NODES_MAX)
		return error_set(builder->err, SNNFIT_ELIMIT,
				 "the constant %s is made by an expression of over %d nodes; "
				 "fold constants before, for instance with onnxsim",
				 copy.name, EXPRESSION_NODES_MAX);
	*out = definition;
	if (!is_definition(&copy))
		return SNNFIT_OK; /* out of a function: an instance already */
	if (copy.kind == VALUE_RESULT)
		return instantiate_result(builder, definition, depth, out);
	*out = add_value(program, &copy);
	return *out == NO_VALUE ? error_no_memory(builder->err) : SNNFIT_OK;
}

/* The value that slot of a node sees when it reads the value `seen`. */
static snnfit_status
read_value(struct builder *builder, uint32_t seen, uint32_t node, uint32_t slot, uint32_t *out)
{
	snnfit_status status;

	*out = seen;
	if (!is_definition(&builder->program->values[seen]))
		return SNNFIT_OK;
	builder->expression_nodes = 0;
	status = instantiate(builder, seen, 0, out);
	if (status)
		return status;
	return add_read(builder, node, slot, *out);
}

/* --- names ------------------------------------------------------------------ */

static snnfit_status
define(struct builder *builder, struct frame *frame, const char *name, uint32_t value)
{
	if (value == NO_VALUE)
		return error_no_memory(builder->err);
	if (map_get(frame->names, name) != MAP_NONE)
		return error_set(builder->err, SNNFIT_EFORMAT,
				 "the tensor %s is made twice; names must be unique", name);
	return map_set(frame->names, name, value) ? SNNFIT_OK : error_no_memory(builder->err);
}

static snnfit_status
look_up(struct builder *builder, const struct frame *frame, const Onnx__NodeProto *node,
	const char *name, uint32_t *out)
{
	*out = map_get(frame->names, name);
	if (*out == MAP_NONE)
		return error_set(builder->err, SNNFIT_EFORMAT,
				 "node %s (%s) reads %s, which nothing before it makes",
				 node->name && node->name[0] ? node->name : "without a name",
				 node->op_type ? node->op_type : "?", name);
	return SNNFIT_OK;
}

/* --- bodies of control flow: only what they read outside is of interest ------ */

struct hidden {
	const char **names;
	size_t count, capacity;
};

static bool collect_hidden(struct builder *builder, const struct frame *frame,
			   const Onnx__NodeProto *node, struct hidden *hidden, uint32_t depth);

static bool
collect_name(struct builder *builder, const struct frame *frame, const char *name,
	     struct hidden *hidden)
{
	if (!name || !name[0] || map_get(frame->names, name) == MAP_NONE)
		return true;
	if (!arena_grow(builder->program->arena, &hidden->names, hidden->count, &hidden->capacity,
			sizeof *hidden->names))
		return false;
	hidden->names[hidden->count++] = name;
	return true;
}

static bool
collect_body(struct builder *builder, const struct frame *frame, const Onnx__GraphProto *body,
	     struct hidden *hidden, uint32_t depth)
{
	size_t i, j;

	for (i = 0; i < body->n_node; i++) {
		for (j = 0; j < body->node[i]->n_input; j++)
			if (!collect_name(builder, frame, body->node[i]->input[j], hidden))
				return false;
		if (!collect_hidden(builder, frame, body->node[i], hidden, depth + 1))
			return false;
	}
	for (i = 0; i < body->n_output; i++)
		if (!collect_name(builder, frame, body->output[i]->name, hidden))
			return false;
	return true;
}

/* Depth is bounded by the limit on nested messages that reading enforced. */
static bool
collect_hidden(struct builder *builder, const struct frame *frame, const Onnx__NodeProto *node,
	       struct hidden *hidden, uint32_t depth)
{
	size_t i, j;

	for (i = 0; i < node->n_attribute; i++) {
		const Onnx__AttributeProto *attribute = node->attribute[i];

		if (attribute->g && !collect_body(builder, frame, attribute->g, hidden, depth))
			return false;
		for (j = 0; j < attribute->n_graphs; j++)
			if (!collect_body(builder, frame, attribute->graphs[j], hidden, depth))
				return false;
	}
	return true;
}

/* --- nodes ------------------------------------------------------------------ */

static snnfit_status add_nodes(struct builder *builder, struct frame *frame, size_t count,
			       Onnx__NodeProto *const *nodes);

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
		status = read_value(builder, seen, frame->node_index, (uint32_t)i, &seen);
		if (status)
			return status;
		if (builder->program->values[seen].constant)
			builder->program->values[seen].in_function = true;
		status = define(builder, inner, function->input[i], seen);
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
		status = define(builder, frame, node->output[i], made);
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
	struct frame inner = { &names, scope, frame->node_index, frame->depth + 1 };
	snnfit_status status;

	if (!scope)
		return error_no_memory(builder->err);
	if (builder->call_stack_mark[number] || inner.depth > CALL_DEPTH_MAX)
		return error_set(builder->err, SNNFIT_EFORMAT,
				 "function %s calls itself, or calls are nested over %d deep",
				 function->name, CALL_DEPTH_MAX);
	*scope = (struct attribute_scope){ frame->scope, node, function };
	map_init(&names, builder->program->arena);
	status = bind_formals(builder, &inner, frame, function, node);
	if (status)
		return status;
	builder->call_stack_mark[number] = 1;
	status = add_nodes(builder, &inner, function->n_node, function->node);
	builder->call_stack_mark[number] = 0;
	if (status)
		return status;
	return bind_results(builder, frame, &inner, function, node);
}

/* Constant nodes that hold no tensor but a number or a list get one made. */
static Onnx__TensorProto *
tensor_of_attribute(struct program *program, const Onnx__AttributeProto *attribute)
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
			       .in_function = frame->depth > 0,
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
		value.tensor = tensor_of_attribute(builder->program, attribute);
		if (value.tensor)
			value.kind = VALUE_SOURCE;
	}
	return define(builder, frame, node->output[0], add_value(builder->program, &value));
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

	if (has_bodies(node) || !domain_is_standard(node->domain) || node->n_output != 1)
		return false;
	if (node->op_type && strncmp(node->op_type, "Random", 6) == 0)
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
	struct value value = { .name = node->output[0],
			       .kind = VALUE_RESULT,
			       .constant = true,
			       .source = NO_VALUE,
			       .operation = (uint32_t)builder->definition_count };

	if (!arena_grow(program->arena, &builder->definitions, builder->definition_count,
			&builder->definition_capacity, sizeof *builder->definitions))
		return error_no_memory(builder->err);
	builder->definitions[builder->definition_count++] =
		(struct definition){ node, frame->node_index, operands };
	return define(builder, frame, node->output[0], add_value(program, &value));
}

static snnfit_status
define_results(struct builder *builder, struct frame *frame, uint32_t operation_index)
{
	struct program *program = builder->program;
	struct operation operation = program->operations[operation_index];
	uint32_t i;

	for (i = 0; i < operation.result_count; i++) {
		struct value value = { .name = operation.node->output[i],
				       .kind = VALUE_RESULT,
				       .constant = operation.constant,
				       .in_function = frame->depth > 0,
				       .operation = operation_index,
				       .output = i,
				       .source = NO_VALUE };
		snnfit_status status;

		if (!value.name[0])
			continue;
		operation.results[i] = add_value(program, &value);
		status = define(builder, frame, value.name, operation.results[i]);
		if (status)
			return status;
	}
	return SNNFIT_OK;
}

static snnfit_status
read_operands(struct builder *builder, const struct frame *frame, const Onnx__NodeProto *node,
	      uint32_t *operands, const struct hidden *hidden)
{
	bool in_function = frame->depth > 0;
	snnfit_status status;
	size_t i;

	for (i = 0; i < node->n_input; i++) {
		if (operands[i] == NO_VALUE || in_function)
			continue;
		status = read_value(builder, operands[i], frame->node_index, (uint32_t)i,
				    &operands[i]);
		if (status)
			return status;
	}
	for (i = 0; i < hidden->count; i++) {
		uint32_t *operand = &operands[node->n_input + i];

		*operand = map_get(frame->names, hidden->names[i]);
		if (in_function)
			continue;
		status = read_value(builder, *operand, frame->node_index, NO_VALUE, operand);
		if (status)
			return status;
	}
	return SNNFIT_OK;
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
	size_t i;

	if (!collect_hidden(builder, frame, node, &hidden, 0))
		return error_no_memory(builder->err);
	operands = arena_alloc(program->arena, node->n_input + hidden.count, sizeof *operands);
	if (!operands)
		return error_no_memory(builder->err);
	for (i = 0; i < node->n_input; i++) {
		operands[i] = NO_VALUE;
		if (!node->input[i][0])
			continue;
		status = look_up(builder, frame, node, node->input[i], &operands[i]);
		if (status)
			return status;
	}
	constant = is_constant_node(builder, node, operands);
	if (constant && frame->depth == 0 && node->output[0][0])
		return add_definition(builder, frame, node, operands);
	status = read_operands(builder, frame, node, operands, &hidden);
	if (status)
		return status;
	operation = add_operation(builder, node, hidden.count);
	if (!operation)
		return builder->err ? builder->err->status : SNNFIT_ELIMIT;
	operation->scope = frame->scope;
	operation->node_index = frame->node_index;
	operation->constant = constant;
	memcpy(operation->operands, operands, operation->operand_count * sizeof *operands);
	return define_results(builder, frame, (uint32_t)program->operation_count - 1);
}

static snnfit_status
add_nodes(struct builder *builder, struct frame *frame, size_t count, Onnx__NodeProto *const *nodes)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const Onnx__NodeProto *node = nodes[i];
		uint32_t function = find_function(builder, node);
		snnfit_status status;

		if (frame->depth == 0)
			frame->node_index = (uint32_t)i;
		if (function != MAP_NONE)
			status = add_call(builder, frame, node, function);
		else if (domain_is_standard(node->domain) && node->op_type &&
			 strcmp(node->op_type, "Constant") == 0)
			status = add_constant_node(builder, frame, node);
		else
			status = add_plain_node(builder, frame, node);
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
add_initializers(struct builder *builder, struct frame *frame)
{
	const Onnx__GraphProto *graph = builder->program->graph;
	snnfit_status status;
	size_t i;

	for (i = 0; i < graph->n_initializer; i++) {
		struct value value = { .name = graph->initializer[i]->name,
				       .kind = VALUE_SOURCE,
				       .constant = true,
				       .tensor = graph->initializer[i] };

		if (!value.name || !value.name[0])
			return error_set(builder->err, SNNFIT_EFORMAT,
					 "initializer %zu has no name", i);
		status = add_source(builder, false, i, &value.source);
		if (status)
			return status;
		status = define(builder, frame, value.name, add_value(builder->program, &value));
		if (status)
			return status;
	}
	for (i = 0; i < graph->n_sparse_initializer; i++) {
		const Onnx__TensorProto *values = graph->sparse_initializer[i]->values;
		struct value value = { .name = values && values->name ? values->name : "",
				       .kind = VALUE_UNKNOWN,
				       .constant = true,
				       .source = NO_VALUE };

		status = define(builder, frame, value.name, add_value(builder->program, &value));
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
				       .source = NO_VALUE };
		uint32_t id;
		snnfit_status status;

		if (!value.name || !value.name[0])
			return error_set(builder->err, SNNFIT_EFORMAT, "input %zu has no name", i);
		if (map_get(frame->names, value.name) != MAP_NONE)
			continue; /* an initializer that may be overridden */
		id = add_value(program, &value);
		status = define(builder, frame, value.name, id);
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
		status = read_value(builder, seen, NO_VALUE, NO_VALUE, &program->outputs[i]);
		if (status)
			return status;
	}
	program->output_count = graph->n_output;
	return SNNFIT_OK;
}

snnfit_status
program_build(struct program *program, struct arena *arena, const struct onnx_model *model,
	      snnfit_error *err)
{
	snnfit_error local = { 0 };
	struct builder builder = { .program = program, .err = err ? err : &local };
	struct frame frame = { &program->names, NULL, 0, 0 };
	snnfit_status status;

	*program = (struct program){ .model = model,
				     .graph = onnx_model_proto(model)->graph,
				     .arena = arena };
	map_init(&program->names, arena);
	status = index_functions(&builder);
	if (!status)
		status = add_initializers(&builder, &frame);
	if (!status)
		status = add_inputs(&builder, &frame);
	if (!status)
		status = add_nodes(&builder, &frame, program->graph->n_node, program->graph->node);
	if (!status)
		status = add_outputs(&builder, &frame);
	return status;
}
