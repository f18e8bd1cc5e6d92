/* upstream.h - what the value of a slot follows from: nodes, constants, states, data.
 *
 * Two slots, of two networks even, with the same digest hold the same in every step of
 * every sample: the digest is of the whole program that makes the value, spelled out in
 * the order in which it runs, with slots numbered as they come. Names are no part of it,
 * nor is what only others need. */
#ifndef SNNFIT_SIMULATOR_UPSTREAM_H
#define SNNFIT_SIMULATOR_UPSTREAM_H

#include "simulator/emissions.h"
#include "simulator/network.h"

struct upstream {
	const struct network *network;
	bool *needed;	   /* [slots of the plan] */
	uint32_t *numbers; /* [slots]: in the program at hand, from 1 on; 0: none */
	bool *digested;	   /* [slots]: constants */
	uint8_t (*digests)[EMISSION_DIGEST_BYTES];
};

/* To be closed, also on failure. */
MUST_USE snnfit_status upstream_open(struct upstream *upstream, const struct network *network,
				     snnfit_error *err);
void upstream_close(struct upstream *upstream);

/* False: something in the program has no digest: loops and branches, tensors as attributes.
 * Random operators do not count as such: what holds any must not be asked about. */
MUST_USE bool upstream_digest(struct upstream *upstream, uint32_t slot,
			      uint8_t out[EMISSION_DIGEST_BYTES]);

/* Adds to the slots that are needed all those that they follow from, in the same step
 * and in earlier ones; what is given is there, and follows from nothing. given may be
 * NULL. Both: [slots of the plan]. */
void upstream_mark(const struct network *network, const bool *given, bool *needed);

/* The node makes something that is needed and not given. */
bool upstream_runs(const struct plan_node *node, const bool *given, const bool *needed);

#endif
