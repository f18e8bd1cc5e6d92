/* energy.h - energy of a time step: a model, good to a factor of three at best. */
#ifndef SNNFIT_ESTIMATOR_ENERGY_H
#define SNNFIT_ESTIMATOR_ENERGY_H

#include "estimator/devices.h"

/* Dynamic energy in nJ of a layer that is at work for its cycles in a step. */
double energy_of_layer(const struct layer_cost *cost, const struct device *device);
/* Energy in nJ at rest, for the time that this many cycles take. */
double energy_at_rest(double cycles, const struct device *device);
/* With its uncertainty. */
struct interval energy_interval(double nanojoules);

#endif
