/* instances.h - weight operations that are one and the same, at several time steps. */
#ifndef SNNFIT_IMPORTER_INSTANCES_H
#define SNNFIT_IMPORTER_INSTANCES_H

#include "importer/neurons.h"

/* The stored tensor at the bottom of a weight operation's weights, into
 * program.sources; NO_VALUE: none in the main graph. */
uint32_t instances_source(const struct axes *axes, uint32_t weight);
/* Sets first_instance and next_instance. */
MUST_USE snnfit_status instances_find(struct neurons *neurons, struct axes *axes,
				      snnfit_error *err);

#endif
