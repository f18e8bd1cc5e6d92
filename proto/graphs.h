/* graphs.h - the graphs of a model, the main one and those inside nodes (Loop, Scan,
 * If), in one order that everybody counts by.
 *
 * The main graph comes first, and a graph before those inside it; so do the nodes
 * and initializers that are numbered through all of them: in the main graph the
 * number is the index. */
#ifndef SNNFIT_PROTO_GRAPHS_H
#define SNNFIT_PROTO_GRAPHS_H

#include "proto/model.h"

#define NO_GRAPH UINT32_MAX

struct onnx_graph_place {
	Onnx__GraphProto *proto;
	uint32_t parent;       /* the graph that its node stands in; NO_GRAPH: it is the main one */
	uint32_t node;	       /* number of the node that it is inside of */
	const char *attribute; /* of that node; "" for the main graph */
	uint32_t first_node;   /* number of its first node */
	uint32_t first_tensor; /* number of its first initializer */
};

struct onnx_graphs {
	struct onnx_graph_place *items;
	size_t count, capacity;
	uint32_t node_count, tensor_count;
};

/* False when out of memory, or when there are more nodes than numbers. */
MUST_USE bool onnx_graphs_list(struct onnx_graphs *graphs, struct arena *arena,
			       Onnx__GraphProto *main);
/* The first graph inside the node of that number; the others follow it. NO_GRAPH:
 * there is none. */
uint32_t onnx_graphs_inside(const struct onnx_graphs *graphs, uint32_t node);

#endif
