/* program.h - the model as one flat list of operations.
 *
 * Calls of local functions are spelled out, bodies of Loop, Scan and If are
 * entered, and every reader of a constant (or of an expression of constants)
 * sees an instance of its own, so that constants never tie populations together:
 * what exporters merged under one name comes apart again. Of bodies that are not
 * entered, what they read of the graphs around is listed as hidden operands.
 * Nodes and initializers are numbered as in proto/graphs.h. */
#ifndef SNNFIT_IMPORTER_PROGRAM_H
#define SNNFIT_IMPORTER_PROGRAM_H

#include "core/map.h"
#include "graph/graph.h"
#include "proto/graphs.h"

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
	uint32_t graph; /* that the name stands in; NO_VALUE: none (an instance, in a function) */
	uint32_t operation; /* RESULT: what makes it, and its output number */
	uint32_t output;
	uint32_t source; /* SOURCE in a graph: into program.sources; in a function: NO_VALUE */
	uint32_t input;	 /* INPUT: number of the graph input */
	const Onnx__TensorProto *tensor; /* SOURCE */
};

struct attribute_scope; /* attributes of the function call that an operation is in */

/* A node whose body is entered is two operations around those of the body. ENTER
 * reads the node's inputs and gives the body's; LEAVE reads the body's outputs
 * and gives the node's. An If has two bodies and no ENTER: its LEAVE reads the
 * condition, the outputs of the first and those of the second. */
enum operation_part { PART_WHOLE, PART_ENTER, PART_LEAVE };

struct operation {
	const Onnx__NodeProto *node;
	const Onnx__NodeProto *written; /* that this is a part of, as the file has it; or NULL */
	const struct attribute_scope *scope; /* NULL in a graph */
	enum operation_part part;
	uint32_t body;		/* ENTER, LEAVE: into program.bodies */
	uint32_t node_index;	/* number; of the call, for what is in a function */
	uint32_t operand_count; /* named operands, then hidden ones */
	uint32_t named_count;
	uint32_t result_count;
	uint32_t *operands; /* values; NO_VALUE: left out */
	uint32_t *results;  /* values; NO_VALUE: left out */
	bool constant;
	bool instance; /* of a constant expression, private to one reader */
};

enum body_kind { BODY_LOOP, BODY_SCAN, BODY_IF };

/* Of the three lists below those of variables that are carried from one iteration
 * to the next; an If carries none. */
struct body {
	enum body_kind kind;
	const Onnx__GraphProto *graph; /* the first, of an If */
	uint32_t enter, leave;	       /* operations; enter NO_VALUE: an If */
	uint32_t carried;	       /* how many; their final values are LEAVE's first results */
	uint32_t first_initial;	       /* operand of ENTER: the first value of the first one */
	uint32_t first_in;	       /* result of ENTER: its value in an iteration */
	uint32_t first_out;	       /* operand of LEAVE: its value in the next one */
};

/* The i-th variable of a body. */
struct carried {
	uint32_t body, i;
};

/* A read of a constant by something that is not constant, at a slot of a node in
 * a graph. */
struct constant_read {
	uint32_t node, slot; /* slot NO_VALUE: hidden, or a model output: cannot be rewired */
	uint32_t value;
	bool leaves; /* slot is an output of the graph `node`, a body */
};

struct program {
	const struct onnx_model *model;
	const Onnx__GraphProto *graph; /* the main one */
	struct onnx_graphs graphs;
	struct arena *arena;
	struct value *values;
	struct operation *operations; /* in the order of execution */
	struct body *bodies;
	struct binding_source *sources;
	struct constant_read *reads;
	uint32_t *inputs;  /* values of the graph inputs without a default, and behind them of */
	uint32_t *outputs; /* graph outputs; what bodies carry, in an iteration and the next */
	struct carried *carried; /* [carried_count]: whose values those behind them are */
	size_t value_count, operation_count, body_count, source_count, read_count, input_count,
		output_count, carried_count;
	size_t value_capacity, operation_capacity, body_capacity, source_capacity, read_capacity;
	struct map *names; /* [graphs.count]: name -> value (constants: the definition) */
};

/* Memory comes from arena. Refuses unresolved names, duplicate names, recursive
 * functions and expansions beyond any real model. */
MUST_USE snnfit_status program_build(struct program *program, struct arena *arena,
				     const struct onnx_model *model, snnfit_error *err);

/* The value that a name stands for in a graph or around it; MAP_NONE: none. */
uint32_t program_find(const struct program *program, uint32_t graph, const char *name);
/* The value that it was before operators that change neither numbers nor order: Cast,
 * Identity, Reshape, Squeeze, Unsqueeze. */
uint32_t program_behind_aliases(const struct program *program, uint32_t value);
/* Of the i-th carried variable: first value, value in an iteration and in the next
 * one; NO_VALUE: left out. */
uint32_t body_initial(const struct program *program, const struct body *body, uint32_t i);
uint32_t body_in(const struct program *program, const struct body *body, uint32_t i);
uint32_t body_out(const struct program *program, const struct body *body, uint32_t i);

/* Attribute of an operation's node, seen through function calls; NULL: absent. */
const Onnx__AttributeProto *operation_attribute(const struct operation *operation,
						const char *name);
int64_t operation_int(const struct operation *operation, const char *name, int64_t fallback);
/* -1 is the last axis; false: there is no such axis. */
bool axis_at(int64_t axis, uint32_t rank, uint32_t *out);
double operation_float(const struct operation *operation, const char *name, double fallback);
/* "Gemm", or "domain::Op" for domains other than ai.onnx; name of the node. */
bool operation_is(const struct operation *operation, const char *op_type);
/* A window of it may stand over the edge of what it reads, where there are zeros. */
bool operation_pads(const struct operation *operation);
bool operation_is_standard(const struct operation *operation);
/* By any of the names; a NULL ends them. */
bool operation_is_one_of(const struct operation *operation, const char *const *op_types);
const char *operation_label(const struct program *program, const struct operation *operation);

#endif
