/* edit.h - the clone that is being edited: its nodes and initializers as lists
 * that grow and shrink, while every number of the bindings stays good.
 *
 * Nodes and initializers of all graphs stand in one list, numbered as
 * proto/graphs.h does; a name is looked up as the graph that reads it sees it. */
#ifndef SNNFIT_EXPORTER_EDIT_H
#define SNNFIT_EXPORTER_EDIT_H

#include "exporter/names.h"
#include "graph/graph.h"
#include "proto/graphs.h"

enum edit_place { EDIT_BEFORE, EDIT_ITSELF, EDIT_AFTER };

struct edit_node {
	Onnx__NodeProto *proto;
	uint32_t graph;	 /* that it stands in */
	uint32_t anchor; /* the input model's node that it stands beside, or is */
	enum edit_place place;
	bool removed;
};

struct edit_tensor {
	Onnx__TensorProto *proto;
	uint32_t graph;
	bool removed;
};

/* A name in one graph. */
struct edit_value {
	uint32_t node;	      /* that makes it, GRAPH_NONE: none */
	uint32_t tensor;      /* the initializer, GRAPH_NONE: none */
	uint32_t before, now; /* readers in the input model, and now: nodes, outputs, notes */
	uint32_t declaration; /* the first that is about it; GRAPH_NONE: none */
};

/* What a graph says of a value's type. */
struct edit_declaration {
	Onnx__ValueInfoProto *proto;
	uint32_t next; /* about the same value; GRAPH_NONE ends */
};

struct edit {
	const struct graph *graph;
	const struct bindings *bindings;
	struct onnx_model *model; /* the clone */
	Onnx__ModelProto *proto;
	Onnx__GraphProto *main;
	struct onnx_graphs graphs;
	struct arena *arena;	     /* the clone's: for all that is hung into it */
	struct arena scratch;	     /* for the time of the edit */
	struct edit_node *nodes;     /* the input model's in their order, then the new ones */
	struct edit_tensor *tensors; /* initializers, likewise */
	struct edit_value *values;
	struct edit_declaration *declarations;
	size_t node_count, node_capacity, original_nodes;
	size_t tensor_count, tensor_capacity, original_tensors;
	size_t value_count, value_capacity, declaration_count, declaration_capacity;
	struct map *names_of; /* [graphs.count]: name -> into values */
	struct names names;
	struct text *notes; /* or NULL */
};

/* --- the lists: edit.c ----------------------------------------------------- */

MUST_USE snnfit_status edit_begin(struct edit *edit, const struct onnx_model *input,
				  const struct graph *graph, struct text *notes, snnfit_error *err);
/* Writes the lists back into the clone. */
MUST_USE snnfit_status edit_finish(struct edit *edit, snnfit_error *err);
/* Memory of the edit; the clone is the caller's, and freed here when discard. */
void edit_end(struct edit *edit, bool discard);

MUST_USE snnfit_status edit_insert(struct edit *edit, Onnx__NodeProto *node, uint32_t anchor,
				   enum edit_place place, snnfit_error *err);
MUST_USE snnfit_status edit_append(struct edit *edit, Onnx__TensorProto *tensor, uint32_t graph,
				   snnfit_error *err);
/* node.input[slot] = name; slots up to there are made when they are missing. */
MUST_USE snnfit_status edit_read(struct edit *edit, uint32_t node, uint32_t slot, const char *name,
				 snnfit_error *err);
/* The node goes, and with it the graphs inside it. */
void edit_remove(struct edit *edit, uint32_t node);
/* Indices of the nodes that are left, in the order of the model. [*count], in
 * scratch memory; NULL when out of memory. */
MUST_USE uint32_t *edit_order(struct edit *edit, size_t *count);
/* The slot of a node of the input model, "" when it has none. */
const char *edit_input_of(const struct edit *edit, uint32_t node, uint32_t slot);

/* --- names: edit_values.c ---------------------------------------------------- */

/* Names, readers and declarations of the input model; the lists must stand. */
MUST_USE bool edit_index(struct edit *edit);
/* The value that a name stands for in the graph or around it; GRAPH_NONE: none. */
uint32_t edit_find(const struct edit *edit, uint32_t graph, const char *name);
/* Of that graph itself; made if it is not there. NULL when out of memory. */
MUST_USE struct edit_value *edit_define(struct edit *edit, uint32_t graph, const char *name);
/* One reader more or less, or all of a node's. */
void edit_count_reader(struct edit *edit, uint32_t graph, const char *name, int change);
void edit_count_readers_in(struct edit *edit, uint32_t node, int change);
uint32_t edit_readers(const struct edit *edit, uint32_t graph, const char *name);
/* The tensor of that name: an initializer, or the value of a Constant node. NULL:
 * there is none. */
Onnx__TensorProto *edit_stored(const struct edit *edit, uint32_t graph, const char *name);
/* The node that makes the value, GRAPH_NONE: none. */
uint32_t edit_producer(const struct edit *edit, uint32_t graph, const char *name);

/* --- cuts: shapes.c --------------------------------------------------------- */

/* Declared shapes and attributes that are the size of a dimension. */
MUST_USE snnfit_status shapes_cut(struct edit *edit, snnfit_error *err);
/* What is declared about a constant, by the name that the graph sees it under,
 * after its tensor was changed. */
void shapes_follow(struct edit *edit, const Onnx__TensorProto *tensor, uint32_t graph,
		   const char *name);
/* Forgets the declared shapes of a value. */
void shapes_forget(struct edit *edit, uint32_t graph, const char *name);

/* --- the steps ----------------------------------------------------------------- */

/* constants.c: cuts every constant as its readers see it. */
MUST_USE snnfit_status constants_cut(struct edit *edit, snnfit_error *err);
/* weights.c: new weights and biases. */
MUST_USE snnfit_status weights_write(struct edit *edit, snnfit_error *err);
/* dead_nodes.c: fused projections read what the fused population read; its states
 * leave the interface. */
MUST_USE snnfit_status fusion_rewire(struct edit *edit, snnfit_error *err);
/* dead_nodes.c: what was read before the edit and is no more. */
MUST_USE snnfit_status dead_nodes_remove(struct edit *edit, snnfit_error *err);
/* carriers.c: firing rates that stand at tensors and nodes follow the cut. */
MUST_USE snnfit_status carriers_cut(struct edit *edit, snnfit_error *err);

#endif
