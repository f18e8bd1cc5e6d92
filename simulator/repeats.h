/* repeats.h - neurons whose drive is the same in each step, run for some steps at once.
 *
 * Behind an input that stays, a membrane needs nothing in a step but itself: it goes through
 * some steps in the processor's registers, and leaves the spikes of all of them. */
#ifndef SNNFIT_SIMULATOR_REPEATS_H
#define SNNFIT_SIMULATOR_REPEATS_H

#include "simulator/network.h"
#include "simulator/phases.h"

/* Moves such tapes out of the step. kept: what is asked for after a step. */
MUST_USE snnfit_status repeats_find(struct phases *phases, const struct network *network,
				    const uint32_t *kept, uint32_t kept_count, snnfit_error *err);

/* One thread's: spikes of the steps that were run last. */
struct repeats {
	const struct plan_graph *graph;
	struct tensor *spikes; /* [graph->node_count] */
	uint32_t first, steps; /* those steps */
};

/* To be closed, also on failure. */
MUST_USE snnfit_status repeats_open(struct repeats *repeats, const struct phases *phases,
				    snnfit_error *err);
void repeats_close(struct repeats *repeats, struct machine *machine);
/* Before the first step of a block. */
void repeats_begin(struct repeats *repeats);
/* Puts the spikes of a step, of so many in all, into the machine's slots; steps come one
 * after the other. */
MUST_USE snnfit_status repeats_give(struct repeats *repeats, struct machine *machine, uint32_t step,
				    uint32_t steps, snnfit_error *err);

#endif
