/* unrolled.h - terms of the architectures that build every weight into logic. */
#ifndef SNNFIT_ESTIMATOR_UNROLLED_H
#define SNNFIT_ESTIMATOR_UNROLLED_H

#include "estimator/layer.h"

/* For one position of a layer with weights. Time: weights times their bits. */
MUST_USE snnfit_status describe_stochastic(const struct layer *layer, struct layer_terms *out,
					   snnfit_error *err);
MUST_USE snnfit_status describe_parallel(const struct layer *layer, struct layer_terms *out,
					 snnfit_error *err);

#endif
