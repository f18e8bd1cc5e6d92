/* unrolled_form.h - fit a population whose state does not pass the model's interface:
 * its time steps follow each other in the file, or there is only one. */
#ifndef SNNFIT_IMPORTER_UNROLLED_FORM_H
#define SNNFIT_IMPORTER_UNROLLED_FORM_H

#include "importer/neurons.h"

/* A spiking population of several steps; as normal_form_fit. */
void unrolled_form_fit(const struct neurons *neurons, struct found_population *found,
		       struct polynomials *polynomials);
/* A spiking population of one step, from a constant state. */
void resting_form_fit(const struct neurons *neurons, struct found_population *found,
		      struct polynomials *polynomials);
/* Adds what can be told of a read-out without a state, of several steps or of one. */
void read_out_form_fit(const struct neurons *neurons, struct found_population *found,
		       struct polynomials *polynomials);
void resting_read_out_fit(const struct neurons *neurons, struct found_population *found,
			  struct polynomials *polynomials);

#endif
