/* claims.h - which states a population has, and its spike site where no drive tells. */
#ifndef SNNFIT_IMPORTER_CLAIMS_H
#define SNNFIT_IMPORTER_CLAIMS_H

#include "importer/neurons.h"

/* The tensor has a dimension that is the population's units. */
bool population_is_on(struct axes *axes, uint32_t value, const struct found_population *population);

/* Gives every population its states: those whose next value its currents or its
 * spikes enter, or that its spike site tests. A population without a spike site
 * gets one that tests its states, or the only one around. False: out of memory. */
MUST_USE bool populations_claim_states(struct neurons *neurons, struct polynomials *polynomials,
				       const struct states *states);

#endif
