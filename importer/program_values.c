/* program_values.c - values, operations, and the instances of constants that readers see. */
#include "importer/program_private.h"

#include <inttypes.h>
#include <string.h>

enum {
	EXPRESSION_DEPTH_MAX = 1000, /* of a constant expression */
	EXPRESSION_NODES_MAX = 4096,
};

/* --- values and operations ------------------------------------------------- */

uint32_t
program_add_value(struct program *program, const struct value *value)
{
	if (program->value_count >= NO_VALUE - 1 ||
	    !arena_grow(program->arena, &program->values, program->value_count,
			&program->value_capacity, sizeof *program->values))
		return NO_VALUE;
	program->values[program->value_count] = *value;
	return (uint32_t)program->value_count++;
}

struct operation *
program_add_operation(struct builder *builder, const Onnx__NodeProto *node, size_t operands,
		      size_t results)
{
	struct program *program = builder->program;
	uint32_t operations_max = onnx_model_limits(program->model)->operations;
	struct operation *operation;

	if (program->operation_count >= operations_max) {
		error_set(builder->err, SNNFIT_ELIMIT,
			  "spelling out functions and constants gives over %" PRIu32
			  " operations (--max-operations)",
			  operations_max);
		return NULL;
	}
	if (!arena_grow(program->arena, &program->operations, program->operation_count,
			&program->operation_capacity, sizeof *program->operations))
		goto no_memory;
	operation = &program->operations[program->operation_count];
	*operation = (struct operation){ .node = node };
	operation->named_count = (uint32_t)node->n_input;
	operation->operand_count = (uint32_t)operands;
	operation->result_count = (uint32_t)results;
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
add_read(struct builder *builder, const struct constant_read *read)
{
	struct program *program = builder->program;

	if (!arena_grow(program->arena, &program->reads, program->read_count,
			&program->read_capacity, sizeof *program->reads))
		return error_no_memory(builder->err);
	program->reads[program->read_count++] = *read;
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
	operation = program_add_operation(builder, node, node->n_input, node->n_output);
	if (!operation)
		return builder->err ? builder->err->status : SNNFIT_ELIMIT;
	operation->node_index = definition->node_index;
	operation->constant = operation->instance = true;
	memcpy(operation->operands, operands, node->n_input * sizeof *operands);
	result.operation = (uint32_t)program->operation_count - 1;
	result.graph = NO_VALUE;
	*out = operation->results[result.output] = program_add_value(program, &result);
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
	copy.graph = NO_VALUE;
	*out = program_add_value(program, &copy);
	return *out == NO_VALUE ? error_no_memory(builder->err) : SNNFIT_OK;
}

static snnfit_status
read_at(struct builder *builder, uint32_t seen, struct constant_read read, uint32_t *out)
{
	snnfit_status status;

	*out = seen;
	if (!is_definition(&builder->program->values[seen]))
		return SNNFIT_OK;
	builder->expression_nodes = 0;
	status = instantiate(builder, seen, 0, out);
	if (status)
		return status;
	read.value = *out;
	return add_read(builder, &read);
}

snnfit_status
program_read_value(struct builder *builder, uint32_t seen, uint32_t node, uint32_t slot,
		   uint32_t *out)
{
	return read_at(builder, seen, (struct constant_read){ .node = node, .slot = slot }, out);
}

snnfit_status
program_read_output(struct builder *builder, uint32_t seen, uint32_t graph, uint32_t slot,
		    uint32_t *out)
{
	return read_at(builder, seen,
		       (struct constant_read){ .node = graph, .slot = slot, .leaves = true }, out);
}
