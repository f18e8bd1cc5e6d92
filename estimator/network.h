/* network.h - a population of the graph as a layer of hardware. */
#ifndef SNNFIT_ESTIMATOR_NETWORK_H
#define SNNFIT_ESTIMATOR_NETWORK_H

#include "estimator/devices.h"
#include "graph/graph.h"

/* A layer and the weights it points to. */
struct network_layer {
	struct layer layer;
	int32_t *codes; /* [units][inputs], or NULL where no value is looked at */
};

/* Some projection drives the population, so that it is built. */
MUST_USE bool network_is_layer(const struct graph *graph, population_id population);

/* The population with all its projections side by side as one layer, one input more
 * when it has a bias: an input that always spikes. Float weights are quantized
 * to design->float_bits, symmetric, scaled by each unit's largest; quantized ones
 * keep their scales. Free with network_layer_free, also after a failure. */
MUST_USE snnfit_status network_layer_make(const struct graph *graph, population_id population,
					  const struct design *design, const struct device *device,
					  struct network_layer *out, snnfit_error *err);
void network_layer_free(struct network_layer *layer);

#endif
