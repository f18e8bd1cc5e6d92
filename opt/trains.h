/* trains.h - spike trains as bits: finding, counting and comparing them. */
#ifndef SNNFIT_OPT_TRAINS_H
#define SNNFIT_OPT_TRAINS_H

#include "opt/calibration.h"

/* Those of a population, as many as it has units and positions; NULL: not known. */
const struct spike_trains *trains_of(const struct activity *activity, const struct graph *graph,
				     population_id population);
/* Of one unit, its positions one after the other: train_words() of 64 bits each. */
const uint64_t *train_of(const struct activity *activity, const struct spike_trains *trains,
			 uint32_t unit);
size_t train_words(const struct activity *activity, const struct spike_trains *trains);
/* Steps of all samples and positions: what a unit can spike at most. */
uint64_t train_steps(const struct activity *activity, const struct spike_trains *trains);

uint64_t spikes_in(const uint64_t *train, size_t words);
/* Steps in which both spike. */
uint64_t spikes_shared(const uint64_t *a, const uint64_t *b, size_t words);
/* Steps in which one spikes and the other does not; some number over the limit as
 * soon as there are more. */
uint64_t spikes_apart(const uint64_t *a, const uint64_t *b, size_t words, uint64_t limit);

#endif
