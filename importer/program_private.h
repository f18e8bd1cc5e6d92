/* program_private.h - what the parts of spelling out share. */
#ifndef SNNFIT_IMPORTER_PROGRAM_PRIVATE_H
#define SNNFIT_IMPORTER_PROGRAM_PRIVATE_H

#include "importer/program.h"
#include "proto/attribute.h"

/* Where nodes are being read from: a graph of the model, or what a call spells out. */
struct frame {
	struct map *names;
	const struct frame *outer; /* whose names are seen too: of a body; NULL: none */
	const struct attribute_scope *scope;
	uint32_t graph;	     /* into program.graphs; NO_VALUE: in a function */
	uint32_t node_index; /* number of the node that is being spelled out */
	uint32_t depth;	     /* of calls and bodies */
};

/* A constant expression node of a graph, to be instantiated per reader. */
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
	uint32_t function_nodes;   /* spelled out so far of functions */
	snnfit_error *err;
};

/* --- program_values.c ------------------------------------------------------- */

/* NO_VALUE when out of memory. */
uint32_t program_add_value(struct program *program, const struct value *value);
/* Operands and results are left out so far. NULL: err says why. */
MUST_USE struct operation *program_add_operation(struct builder *builder,
						 const Onnx__NodeProto *node, size_t operands,
						 size_t results);
/* The value that slot of a node sees when it reads the value `seen`. */
MUST_USE snnfit_status program_read_value(struct builder *builder, uint32_t seen, uint32_t node,
					  uint32_t slot, uint32_t *out);
/* The same, as an output of a body. */
MUST_USE snnfit_status program_read_output(struct builder *builder, uint32_t seen, uint32_t graph,
					   uint32_t slot, uint32_t *out);

/* --- program.c ---------------------------------------------------------------- */

/* MAP_NONE: no such name is in sight. */
uint32_t frame_find(const struct frame *frame, const char *name);
MUST_USE snnfit_status frame_define(struct builder *builder, struct frame *frame, const char *name,
				    uint32_t value);
MUST_USE snnfit_status frame_add_initializers(struct builder *builder, struct frame *frame,
					      const Onnx__GraphProto *graph);
MUST_USE snnfit_status frame_add_nodes(struct builder *builder, struct frame *frame, size_t count,
				       Onnx__NodeProto *const *nodes);
/* What the node's inputs name, NO_VALUE: nothing; then, as the node sees it.
 * operands: [node->n_input] */
MUST_USE snnfit_status frame_look_up_inputs(struct builder *builder, const struct frame *frame,
					    const Onnx__NodeProto *node, uint32_t *operands);
MUST_USE snnfit_status frame_read_inputs(struct builder *builder, const struct frame *frame,
					 const Onnx__NodeProto *node, uint32_t *operands);
/* Values of the node's outputs, from an operation that has as many results. */
MUST_USE snnfit_status frame_define_results(struct builder *builder, struct frame *frame,
					    uint32_t operation);
/* Of an attribute that is a number or a list; NULL: it is neither, or out of memory. */
Onnx__TensorProto *program_tensor_of_attribute(struct program *program,
					       const Onnx__AttributeProto *attribute);

/* --- program_fused.c ---------------------------------------------------------- */

/* *spelled: the node is several operators in one, in a known form, and spelled out now. */
MUST_USE snnfit_status fused_spell_out(struct builder *builder, struct frame *frame,
				       const Onnx__NodeProto *node, bool *spelled);

/* --- program_bodies.c ----------------------------------------------------------- */

/* *entered: the node is a Loop, Scan or If of a known form, and spelled out now. */
MUST_USE snnfit_status bodies_enter(struct builder *builder, struct frame *frame,
				    const Onnx__NodeProto *node, bool *entered);

/* What bodies that are not entered read of the graphs around. */
struct hidden {
	const char **names;
	size_t count, capacity;
};
MUST_USE bool bodies_collect_hidden(struct builder *builder, const struct frame *frame,
				    const Onnx__NodeProto *node, struct hidden *hidden);

#endif
