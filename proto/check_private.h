/* check_private.h - what the parts of the check share. */
#ifndef SNNFIT_PROTO_CHECK_PRIVATE_H
#define SNNFIT_PROTO_CHECK_PRIVATE_H

#include "core/map.h"
#include "core/text.h"
#include "proto/check.h"
#include "proto/operator_set.h"

enum { DIM_UNKNOWN = -1, RANK_UNKNOWN = -1 };

/* What is known of a value before anything runs. */
struct value_shape {
	int32_t type; /* a TensorProto.DataType; 0: not known */
	int32_t rank;
	const int64_t *dims; /* [rank] */
};

/* A name in sight, and what it stands for. */
struct value {
	const char *name;
	uint32_t outer; /* index of the value of that name further out, or MAP_NONE */
	uint32_t scope; /* how deep its graph is nested; 1: the model's or a function's */
	struct value_shape shape;
	const Onnx__TensorProto *constant; /* that it always is; NULL: not known */
};

struct opset {
	uint32_t owner; /* of the import */
	int64_t version;
};

struct function {
	const Onnx__FunctionProto *proto;
	size_t first_call; /* of its body, among the calls */
	size_t end_call;
};

/* A graph or a function's body on the way, and how far through it we are. */
struct frame {
	const Onnx__GraphProto *graph; /* NULL: a function's body */
	Onnx__NodeProto *const *nodes;
	size_t node_count;
	size_t node;	  /* that we are at */
	bool inside;	  /* it has been looked at, and its subgraphs are being walked */
	size_t attribute; /* of the node: where to look for the next subgraph */
	size_t subgraph;  /* of the attribute */
	size_t first_value;
};

struct checker {
	const struct onnx_model *model;
	const Onnx__ModelProto *proto;
	snnfit_error *err;
	struct arena arena; /* for everything below */

	struct map in_sight;  /* names of values: index in values */
	struct value *values; /* a stack: inner graphs at the end */
	size_t value_count, value_capacity;
	struct frame *frames;
	size_t depth, frame_capacity;
	bool in_training; /* training graphs may use names of the main graph anew */

	struct map domains; /* index in opsets */
	struct opset *opsets;
	size_t opset_count, opset_capacity;
	uint32_t owner; /* of the imports that count: 0 the model, 1 + index a function */

	struct map listed; /* any names: the last list that they were in */
	uint32_t list;

	struct map function_keys; /* index in functions */
	struct function *functions;
	uint32_t *calls; /* functions called by functions */
	size_t call_count, call_capacity;
	struct text key;
};

/* --- places: proto/check.c --------------------------------------------------------- */

/* "node 'fc1' (Gemm)", in room. */
enum { CHECK_LABEL_BYTES = 200 };
const char *node_label(const Onnx__NodeProto *node, char room[CHECK_LABEL_BYTES]);
MUST_USE snnfit_status node_refuse(struct checker *checker, const Onnx__NodeProto *node,
				   const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Puts the place in front of the sentence of a failure. */
snnfit_status refused_within(struct checker *checker, snnfit_status status, const char *place);

/* A new list of names that have to differ. */
void list_begin(struct checker *checker);
/* *again: the name was in the list before. It must live as long as the check. */
MUST_USE snnfit_status list_add(struct checker *checker, const char *name, bool *again);

/* Of the default domain are NULL, "" and "ai.onnx": all become "". */
const char *domain_of(const char *domain);
MUST_USE snnfit_status opsets_check(struct checker *checker,
				    Onnx__OperatorSetIdProto *const *imports, size_t count);
/* False: the owner does not import the domain. */
bool imported_version(const struct checker *checker, const char *domain, int64_t *version);

/* --- the parts ---------------------------------------------------------------------- */

/* check_graph.c: the main graph with all that is in it, and training; a function. */
MUST_USE snnfit_status main_graph_check(struct checker *checker);
MUST_USE snnfit_status body_check(struct checker *checker, const Onnx__FunctionProto *function);
/* NULL: no value of that name is in sight. */
const struct value *value_find(const struct checker *checker, const char *name);

/* check_node.c: all but what its subgraphs contain. */
MUST_USE snnfit_status node_check(struct checker *checker, const Onnx__NodeProto *node);
/* node NULL: an attribute of a function. */
MUST_USE snnfit_status attribute_check(struct checker *checker, const Onnx__NodeProto *node,
				       const Onnx__AttributeProto *attribute);

/* check_function.c */
MUST_USE snnfit_status functions_list(struct checker *checker);
/* Bodies, and that none calls itself. */
MUST_USE snnfit_status functions_check(struct checker *checker);
/* *function: NULL when the node calls none of the model's. Remembers calls. */
MUST_USE snnfit_status function_of(struct checker *checker, const Onnx__NodeProto *node,
				   const Onnx__FunctionProto **function);

/* check_tensor.c */
/* shape may be NULL. */
MUST_USE snnfit_status tensor_check(struct checker *checker, const Onnx__TensorProto *tensor,
				    struct tensor_shape *shape);
MUST_USE snnfit_status sparse_tensor_check(struct checker *checker,
					   const Onnx__SparseTensorProto *sparse);

/* check_type.c: place is "input 'x'". Only where a type has to be known must it be
 * there and say what its elements are. */
MUST_USE snnfit_status type_check(struct checker *checker, const char *place,
				  const Onnx__TypeProto *type, bool must_be_known);
bool data_type_is_valid(int32_t type);

/* check_shape.c: what the node does to shapes, as far as they are known before
 * anything runs: of its first output in *shape and *constant. Only for nodes that
 * surely run, those of the main graph. */
MUST_USE snnfit_status shapes_check(struct checker *checker, const Onnx__NodeProto *node,
				    struct value_shape *shape, const Onnx__TensorProto **constant);
/* What the type of an input promises. */
MUST_USE snnfit_status shape_of_type(struct checker *checker, const Onnx__TypeProto *type,
				     struct value_shape *shape);
struct value_shape shape_of_tensor(const Onnx__TensorProto *tensor);

#endif
