/* ahead.h - what follows from spikes of earlier runs alone, run for many steps at once.
 *
 * A layer behind spikes that are known needs no state for its products: some steps of all
 * samples of a block go through them side by side, as if each were a sample, and each step
 * then takes its part. Fewer, larger products cost less. */
#ifndef SNNFIT_SIMULATOR_AHEAD_H
#define SNNFIT_SIMULATOR_AHEAD_H

#include "simulator/phases.h"
#include "simulator/reuse.h"

/* One thread's. */
struct ahead {
	const struct phases *phases;
	const struct reuse *reuse;
	struct machine machine; /* a lane for each step and sample: step by step */
	uint64_t sample;	/* the first one of the block */
	uint32_t lanes;		/* samples of the block */
	uint32_t first, steps;	/* those that the machine holds */
	uint32_t steps_at_once;
	uint64_t elements; /* of the largest spikes that are read, of a sample and step */
};

/* steps_at_once: at most. To be closed, also on failure. */
MUST_USE snnfit_status ahead_open(struct ahead *ahead, const struct phases *phases,
				  const struct reuse *reuse, uint32_t steps_at_once,
				  snnfit_error *err);
void ahead_close(struct ahead *ahead);

void ahead_begin(struct ahead *ahead, uint64_t sample, uint32_t lanes);
/* Puts into the machine's slots what the step reads: spikes that are known, and what
 * follows from them. Steps come one after the other. */
MUST_USE snnfit_status ahead_give(struct ahead *ahead, struct machine *machine, uint32_t step,
				  snnfit_error *err);

#endif
