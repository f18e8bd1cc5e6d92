/* phases.h - the nodes that have to run once a sample, and those of every step.
 *
 * What follows from nothing but values that are given, and constants, can be run for
 * many steps at once: steps are then as good as samples. */
#ifndef SNNFIT_SIMULATOR_PHASES_H
#define SNNFIT_SIMULATOR_PHASES_H

#include "simulator/plan.h"

struct phases {
	struct arena arena;
	struct plan_graph fixed; /* what depends on constants and fixed inputs only */
	struct plan_graph ahead; /* on what is given, and constants, only */
	struct plan_graph step;
	/* Taken out of the step by repeats_find: neurons whose drive is that of every step. */
	struct plan_graph repeated;
	/* [slots of the plan] */
	bool *read_ahead, *read_in_step; /* or kept after it */
	bool *bits_ahead;		 /* whoever reads it ahead takes bits */
};

/* Slots, and what is special about them. */
struct phase_slots {
	const uint32_t *varying; /* put in anew before each step */
	const uint32_t *kept;	 /* asked for after each step */
	uint32_t varying_count, kept_count;
	/* [slots of the plan]: nodes that make nothing but what is given, or not needed,
	 * are left out; NULL: nothing is given, and none are. */
	const bool *given, *needed;
};

/* *out is to be freed, also on failure. */
MUST_USE snnfit_status phases_find(struct phases *out, const struct plan *plan,
				   const struct phase_slots *slots, snnfit_error *err);
void phases_free(struct phases *phases);

#endif
