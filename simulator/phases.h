/* phases.h - the nodes that have to run once a sample, and those of every step. */
#ifndef SNNFIT_SIMULATOR_PHASES_H
#define SNNFIT_SIMULATOR_PHASES_H

#include "simulator/plan.h"

struct phases {
	struct arena arena;
	struct plan_graph fixed; /* what depends on constants and fixed inputs only */
	struct plan_graph step;
};

/* kept: slots whose values are asked for after each step. *out is to be freed, also
 * on failure. */
MUST_USE snnfit_status phases_find(struct phases *out, const struct plan *plan,
				   const uint32_t *varying, uint32_t varying_count,
				   const uint32_t *kept, uint32_t kept_count, snnfit_error *err);
void phases_free(struct phases *phases);

#endif
