/* normal_form.h - fit one population's polynomials to the normal form of graph.h. */
#ifndef SNNFIT_IMPORTER_NORMAL_FORM_H
#define SNNFIT_IMPORTER_NORMAL_FORM_H

#include "importer/neurons.h"

/* Sets kind, and for spiking and readout populations all of the dynamics. What
 * does not come out exactly stays POPULATION_CUSTOM. */
void normal_form_fit(struct found_population *population, struct polynomials *polynomials,
		     const struct states *states);

/* Every weight operation drives it: no gain is 0 or not known. */
bool normal_form_is_driven(const struct found_population *population);
/* Every number that is known of it is finite. */
bool normal_form_is_finite(const struct found_population *population);
/* Back to nothing known: custom, or, for weights alone, a readout. */
void normal_form_give_up(struct found_population *population, struct polynomials *polynomials);

#endif
