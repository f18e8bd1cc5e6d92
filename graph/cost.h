/* cost.h - what a design point takes of a device: the common language of the
 * fit (opt) and of whoever estimates (estimator, joined by api). */
#ifndef SNNFIT_GRAPH_COST_H
#define SNNFIT_GRAPH_COST_H

#include "graph/design.h"
#include "graph/graph.h"

enum resource {
	RESOURCE_LUT,
	RESOURCE_FF,
	RESOURCE_LOGIC_CELLS,
	RESOURCE_BRAM,
	RESOURCE_DSP,
	RESOURCE_COUNT,
};

struct resource_use {
	double used, low, high;	 /* the estimate and its interval */
	double available;	 /* capacity x usable share; what high must not pass */
	bool checked;		 /* the device has this resource as a limit of its own */
	const char *worst_layer; /* that uses most of it; the graph's name */
	double worst_layer_used;
};

struct cost {
	bool fits; /* every checked resource: high <= available */
	struct resource_use resources[RESOURCE_COUNT];
};

/* A pure function of its arguments but for context. */
typedef snnfit_status (*cost_function)(void *context, const struct graph *graph,
				       const struct design *design, struct cost *out,
				       snnfit_error *err);

#endif
