/* magnitude_pruning.h - small weights to zero: for the pass, and for the ladder of fit.c. */
#ifndef SNNFIT_OPT_MAGNITUDE_PRUNING_H
#define SNNFIT_OPT_MAGNITUDE_PRUNING_H

#include "opt/pass.h"

/* Of one projection: weights that are not zero, and how many of them would go. */
struct prune_count {
	uint64_t nonzero, pruned;
};

/* Weights with |w| size[column] <= threshold go; sizes NULL: all 1. */
MUST_USE snnfit_status prune_count(const struct projection *projection, double threshold,
				   const double *sizes, struct prune_count *out, snnfit_error *err);
MUST_USE snnfit_status prune_projection(struct projection *projection, double threshold,
					const double *sizes, snnfit_error *err);

#endif
