/* reuse.h - what a run takes from earlier runs, and leaves to later ones.
 *
 * Spikes that are known are put into their slots in every step; the nodes, states and
 * inputs that only they needed are left out. Spikes that are not known are kept, where
 * there is room. */
#ifndef SNNFIT_SIMULATOR_REUSE_H
#define SNNFIT_SIMULATOR_REUSE_H

#include "simulator/emissions.h"
#include "simulator/network.h"

struct reuse {
	const struct network *network;
	struct reuse_slot *slots; /* that spikes are known of, or wanted */
	uint32_t count;
	bool *given, *needed; /* [slots of the plan]; NULL: nothing is known, all is run */
};

/* Takes states and inputs out of the network that nobody needs. To be closed, also on
 * failure. */
MUST_USE snnfit_status reuse_open(struct reuse *reuse, struct network *network, snnfit_error *err);
/* After the first step of a single sample: makes room. */
void reuse_learn(struct reuse *reuse, const struct machine *machine);
/* done: all samples were run. */
void reuse_close(struct reuse *reuse, bool done);

/* Slots that are put in before a step, and those that must be there after it, into out
 * unless it is NULL; how many. */
uint32_t reuse_given(const struct reuse *reuse, uint32_t *out);
uint32_t reuse_wanted(const struct reuse *reuse, uint32_t *out);

/* Which spikes a machine gets. */
struct reuse_part {
	const bool *read;     /* [slots of the plan] */
	const bool *bits;     /* those that may be bits; NULL: none */
	uint64_t first;	      /* sample */
	uint32_t step, steps; /* a lane for each sample in the first step, then in the next one */
};
MUST_USE snnfit_status reuse_give(const struct reuse *reuse, struct machine *machine,
				  const struct reuse_part *part, snnfit_error *err);
/* Elements of the largest of them, of a sample and step; 0: none is read. */
uint64_t reuse_largest(const struct reuse *reuse, const bool *read);
/* After a step. */
void reuse_take(struct reuse *reuse, const struct machine *machine, uint64_t first, uint32_t step);

#endif
