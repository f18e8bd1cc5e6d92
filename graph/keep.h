/* keep.h - which indices of a dimension of the input model stay, as the units of a graph
 * are now. */
#ifndef SNNFIT_GRAPH_KEEP_H
#define SNNFIT_GRAPH_KEEP_H

#include "graph/graph.h"

struct keep {
	uint32_t *indices; /* NULL: all */
	uint32_t count;
	uint64_t before;
};

/* In scratch memory. Units of a population that was fused away count as kept:
 * what follows them goes as a whole, or is written anew. */
MUST_USE snnfit_status keep_of(const struct graph *graph, const struct dimension *dimension,
			       struct arena *scratch, struct keep *out, snnfit_error *err);
bool keep_equal(const struct keep *a, const struct keep *b);
/* Only the sizes, before and after; *cut: they differ, or could. */
MUST_USE snnfit_status keep_sizes(const struct graph *graph, const struct dimension *dimension,
				  uint64_t *before, uint64_t *after, bool *cut, snnfit_error *err);

#endif
