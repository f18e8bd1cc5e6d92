/* quantization.h - weights to a few bits: for the pass, and for the ladder of fit.c. */
#ifndef SNNFIT_OPT_QUANTIZATION_H
#define SNNFIT_OPT_QUANTIZATION_H

#include "opt/pass.h"

/* Why the projection keeps the bits that it has; NULL: it can be quantized. */
const char *quantize_reason(const struct graph *graph, const struct projection *projection,
			    uint32_t bits);
/* Replaces the projection's weights by the nearest multiples of a scale, one a row
 * or one for all, from -(2^(bits-1) - 1) to 2^(bits-1) - 1 times. */
MUST_USE snnfit_status quantize_projection(struct graph *graph, projection_id id, uint32_t bits,
					   bool per_tensor, snnfit_error *err);

#endif
