/* watch.h - what is seen of a network while it runs: sums of spikes, and spike trains.
 *
 * Each thread adds up a block of samples in a sight of its own, and blocks are added
 * in their order. A train has its place for every sample: it can be written at once. */
#ifndef SNNFIT_SIMULATOR_WATCH_H
#define SNNFIT_SIMULATOR_WATCH_H

#include "simulator/network.h"

/* Numbers of 64 positions each, bit by bit: bit p of the number of position i is bit i of
 * plane p. What is added are 64 bits at a time, at the cost of a few operations. */
enum { COUNT_PLANES = 16 };
struct bit_counts {
	uint64_t (*planes)[COUNT_PLANES]; /* [words]; NULL: none yet */
	uint32_t most;			  /* that a number may be by now */
};

/* One thread's. */
struct sight {
	struct network *network;
	struct machine_tap tap; /* to what is inside of loops */
	uint64_t first;
	uint32_t lanes;
	float **sums;		   /* [watch_count][count], over lanes and steps of the block */
	struct bit_counts *counts; /* [watch_count]: of bits, not in the sums yet */
	uint64_t *steps;	   /* [watch_count], seen of the block */
	bool *inside;		   /* [slots of the plan] */
};

/* All zero bytes are fine to be closed. */
MUST_USE snnfit_status sight_open(struct sight *sight, struct network *network, snnfit_error *err);
void sight_close(struct sight *sight);
/* For the machine, until the sight is closed; NULL: nothing is inside of loops. */
const struct machine_tap *sight_tap(const struct sight *sight);
void sight_begin(struct sight *sight, uint64_t first, uint32_t lanes);
/* After a step of the run. */
MUST_USE snnfit_status sight_see(struct sight *sight, const struct machine *machine,
				 snnfit_error *err);
/* After the first step of the run of a single sample, with no shape known: sets
 * those, and room for the sums. */
MUST_USE snnfit_status sight_learn(struct sight *sight, const struct machine *machine,
				   snnfit_error *err);
/* Adds the block to the sums of all. One thread at a time. */
void sight_commit(const struct sight *sight);

/* Slots that must be there after a step, into out unless it is NULL; how many. */
uint32_t watches_slots(const struct network *network, uint32_t *out);
/* Once shapes are known: drops what never came to be, and makes room for trains. */
MUST_USE snnfit_status watches_ready(struct network *network, snnfit_error *err);
/* Before the first block. */
void watches_reset(struct network *network);
void watches_free(struct network *network);

#endif
