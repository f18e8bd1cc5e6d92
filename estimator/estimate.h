/* estimate.h - what a network costs on a device at a design point. */
#ifndef SNNFIT_ESTIMATOR_ESTIMATE_H
#define SNNFIT_ESTIMATOR_ESTIMATE_H

#include "estimator/devices.h"
#include "graph/graph.h"

/* A population and its incoming projections. */
struct estimate_layer {
	population_id population;
	const char *name; /* the graph's */
	uint32_t weight_bits;
	struct interval resources[RESOURCE_COUNT];
	struct interval cycles; /* a time step; low: no input spikes, high: all do */
	double energy_nj;	/* dynamic, a time step */
	bool extrapolated;	/* larger than any layer synthesised */
};

/* A layer's part in what does not fit. */
struct estimate_limit {
	enum resource resource;
	double used;	  /* by the layer, high end */
	double available; /* of the device: capacity x usable share */
	const char *layer;
};

struct estimate {
	struct arena arena; /* the rest; names are the graph's, which must outlive this */
	struct cost cost;   /* totals, and whether it fits. A resource that is not a limit
			     * has available 0; the intervals of layers are added up */
	struct estimate_layer *layers; /* in the graph's order */
	size_t layer_count;
	struct estimate_limit *limits; /* of each resource that is exceeded, the layers that use
					* it, largest first */
	size_t limit_count;
	struct interval cycles_per_step; /* of the slowest layer: they work at the same time,
					  * each on the step before its predecessor's */
	struct interval energy_nj_per_step;
};

/* SNNFIT_EUSAGE for weight bits that can't be estimated; errors of loading weights.
 * On failure *out is empty. */
MUST_USE snnfit_status estimate(const struct graph *graph, const struct design *design,
				const struct device *device, struct estimate *out,
				snnfit_error *err);
void estimate_free(struct estimate *estimate);

/* A cost_function; context is the const struct device. */
MUST_USE snnfit_status estimate_cost(void *device, const struct graph *graph,
				     const struct design *design, struct cost *out,
				     snnfit_error *err);

#endif
