/* program.h - the model as one flat list of operations.
 *
 * Calls of local functions are spelled out, and every reader of a constant (or
 * of an expression of constants) sees an instance of its own, so that constants
 * never tie populations together: what exporters merged under one name comes
 * apart again. Bodies of Loop, Scan and If are not entered; what they read of
 * the outer scope is listed as hidden operands. */
#ifndef SNNFIT_IMPORTER_PROGRAM_H
#define SNNFIT_IMPORTER_PROGRAM_H

#include "core/map.h"
#include "graph/graph.h"
#include "proto/model.h"

#define NO_VALUE UINT32_MAX

enum value_kind {
	VALUE_INPUT,   /* of the model, without a default */
	VALUE_SOURCE,  /* an initializer or a Constant node's tensor, as one reader sees it */
	VALUE_RESULT,  /* of an operation */
	VALUE_UNKNOWN, /* of a kind that is not followed (a sparse constant, a huge expression) */
};

struct value {
	const char *name;
	enum value_kind kind;
	bool constant;
	bool in_function;
	uint32_t operation; /* RESULT: what makes it, and its output number */
	uint32_t output;
	uint32_t source; /* SOURCE in the main graph: into program.sources; else NO_VALUE */
	uint32_t input;	 /* INPUT: number of the graph input */
	const Onnx__TensorProto *tensor; /* SOURCE */
};

struct attribute_scope; /* attributes of the function call that an operation is in */

struct operation {
	const Onnx__NodeProto *node;
	const struct attribute_scope *scope; /* NULL in the main graph */
	uint32_t node_index;	/* in the main graph; of the call, for what is in a function */
	uint32_t operand_count; /* named operands, then hidden ones */
	uint32_t named_count;
	uint32_t result_count;
	uint32_t *operands; /* values; NO_VALUE: left out */
	uint32_t *results;  /* values; NO_VALUE: left out */
	bool constant;
	bool instance; /* of a constant expression, private to one reader */
};

/* A read of a constant by something that is not constant, at a slot of a main
 * graph node. */
struct constant_read {
	uint32_t node, slot; /* slot NO_VALUE: hidden, or a graph output: cannot be rewired */
	uint32_t value;
};

struct program {
	const struct onnx_model *model;
	const Onnx__GraphProto *graph;
	struct arena *arena;
	struct value *values;
	struct operation *operations; /* in the order of execution */
	struct binding_source *sources;
	struct constant_read *reads;
	uint32_t *inputs;  /* values of the graph inputs without a default */
	uint32_t *outputs; /* values of the graph outputs */
	size_t value_count, operation_count, source_count, read_count, input_count, output_count;
	size_t value_capacity, operation_capacity, source_capacity, read_capacity;
	struct map names; /* main graph: name -> value (constants: the definition) */
};

/* Memory comes from arena. Refuses unresolved names, duplicate names, recursive
 * functions and expansions beyond any real model. */
MUST_USE snnfit_status program_build(struct program *program, struct arena *arena,
				     const struct onnx_model *model, snnfit_error *err);

/* Attribute of an operation's node, seen through function calls; NULL: absent. */
const Onnx__AttributeProto *operation_attribute(const struct operation *operation,
						const char *name);
int64_t operation_int(const struct operation *operation, const char *name, int64_t fallback);
double operation_float(const struct operation *operation, const char *name, double fallback);
/* "Gemm", or "domain::Op" for domains other than ai.onnx; name of the node. */
bool operation_is(const struct operation *operation, const char *op_type);
bool operation_is_standard(const struct operation *operation);
const char *operation_label(const struct program *program, const struct operation *operation);

#endif
