/* encode.h - the values of a sample at a step. */
#ifndef SNNFIT_SIMULATOR_ENCODE_H
#define SNNFIT_SIMULATOR_ENCODE_H

#include "simulator/network.h"

/* Input `input` of the network for samples [first, first + lanes) at a step: a laned
 * tensor. */
MUST_USE snnfit_status encode(const struct network *network, uint32_t input, uint64_t first,
			      uint32_t lanes, uint32_t step, struct pool *pool, struct tensor *out,
			      snnfit_error *err);
/* What encode gives does not depend on the step. */
bool encoding_is_constant(const struct network *network);

/* A number in [0, 1) for each place: no state, so any thread can ask for any. */
double random_uniform(uint64_t seed, uint64_t place);

#endif
