/* neuron_map.h - which units of the original model are left, and what became of the others. */
#ifndef SNNFIT_EXPORTER_NEURON_MAP_H
#define SNNFIT_EXPORTER_NEURON_MAP_H

#include "graph/graph.h"

/* The JSON of snn.neuron_map (docs/metadata.md). earlier: the one that the input
 * model carries, or NULL: then units are numbered as in the model that it was
 * first made for. One that is not of the documented form is left out of account.
 * *out is malloc'd. */
MUST_USE snnfit_status neuron_map_compose(char **out, const struct graph *graph,
					  const char *earlier, snnfit_error *err);

#endif
