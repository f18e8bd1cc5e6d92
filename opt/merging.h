/* merging.h - what the passes share that merge units into others of their layer. */
#ifndef SNNFIT_OPT_MERGING_H
#define SNNFIT_OPT_MERGING_H

#include "opt/units.h"

/* The graph before the pass, where nothing is merged yet. Memory is scratch's. */
struct merging {
	const struct graph *graph;
	struct unit_plan *plans;
	uint32_t *populations; /* on each axis */
	struct arena *scratch;
};

MUST_USE snnfit_status merging_open(struct merging *merging, const struct graph *graph,
				    struct arena *scratch, snnfit_error *err);
/* *reason: why units of the population may not stand in for each other; NULL: they
 * may, in everything that reads them. */
MUST_USE snnfit_status merging_reason(const struct merging *merging, population_id population,
				      const char **reason, snnfit_error *err);
/* Unit j goes where kept[j] is not j: the columns of its readers, times factor[j], are
 * added to those of kept[j], which stays. Both: [units]. */
MUST_USE snnfit_status merge_units(struct graph *graph, axis_id axis, const uint32_t *kept,
				   const double *factor, snnfit_error *err);

#endif
