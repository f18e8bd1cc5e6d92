/* samples.h - what a network is run on, read from the files that the options name. */
#ifndef SNNFIT_API_SAMPLES_H
#define SNNFIT_API_SAMPLES_H

#include "data/array.h"

struct samples {
	struct arrays inputs, labels, initial;
	const struct array *classes; /* of the samples; NULL: no labels */
};

/* To be freed, also on failure. */
MUST_USE snnfit_status samples_read(struct samples *samples, const snnfit_simulate_options *options,
				    snnfit_error *err);
void samples_free(struct samples *samples);

#endif
