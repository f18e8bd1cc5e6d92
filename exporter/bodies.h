/* bodies.h - the graphs inside nodes (Loop, Scan, If), visited without recursion. */
#ifndef SNNFIT_EXPORTER_BODIES_H
#define SNNFIT_EXPORTER_BODIES_H

#include "proto/model.h"

/* Graphs still to be visited. All zero bytes but arena is none. */
struct bodies {
	struct arena *arena;
	const Onnx__GraphProto **graphs;
	size_t count, capacity;
};

/* Both are false when out of memory; NULL is not put down. */
MUST_USE bool bodies_push(struct bodies *bodies, const Onnx__GraphProto *graph);
/* Those in the node's attributes, but not those deeper inside. */
MUST_USE bool bodies_push_of(struct bodies *bodies, const Onnx__NodeProto *node);
/* NULL when there are no more. */
const Onnx__GraphProto *bodies_pop(struct bodies *bodies);

#endif
