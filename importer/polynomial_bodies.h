/* polynomial_bodies.h - polynomials into bodies, out of them, and over time. */
#ifndef SNNFIT_IMPORTER_POLYNOMIAL_BODIES_H
#define SNNFIT_IMPORTER_POLYNOMIAL_BODIES_H

#include "importer/polynomial.h"

/* Whether the operation is one that this file knows: what enters and leaves bodies,
 * what picks the element of an iteration, and what puts elements beside each other
 * over time. Then *out is what its result i is, NULL: nothing that is known.
 *
 * A tensor over time has the polynomial of its element, when that is the same at
 * every step: the spikes over time are 0 where the unit is silent, as each is. */
MUST_USE bool polynomial_of_bodies(struct polynomials *context, uint32_t operation, uint32_t i,
				   const struct polynomial **out);
/* Whether result i of the operation is a variable that is carried from one
 * iteration to the next. */
bool polynomial_is_carried(const struct polynomials *context, uint32_t operation, uint32_t i);

/* All zero whatever comes in, or a sequence that is empty. */
bool polynomial_is_zero(const struct polynomials *context, uint32_t value);

#endif
