/* spike_fit.h - the linear map from some spike trains to a mixture of others that leaves
 * the least squared error (Legendre 1805, Gauss 1809).
 *
 * x in {0, 1}^n are the inputs, s in {0, 1}^h what is replaced, in each of N steps. With
 *
 *     G = N cov(x, x),  C = N cov(s, x),  O = N cov(s, s),
 *
 * of which every element is n_ij - n_i n_j / N, counts of spikes, the map of mix s is
 *
 *     m = (G + ridge I)^-1 C' mix     by Cholesky's method, in double
 *
 * and what it leaves of mix' O mix is mix' O mix - 2 m C' mix + m' G m. The ridge is
 * 1e-6 of the mean diagonal of G: twins share a weight then, and units that do not vary
 * get none (Hoerl and Kennard, Ridge regression, 1970). */
#ifndef SNNFIT_OPT_SPIKE_FIT_H
#define SNNFIT_OPT_SPIKE_FIT_H

#include "core/arena.h"
#include "core/error.h"

struct spike_fit {
	/* given: trains of `words` 64-bit words each, the bits behind the last step 0 */
	const uint64_t **inputs, **outputs;
	uint32_t input_count, output_count;
	size_t words;
	uint64_t steps; /* N > 0 */
	/* found */
	double *input_rates, *output_rates;
	double *gram;	  /* [inputs][inputs]: G above and on the diagonal, the factor below it */
	double *diagonal; /* [inputs] of the factor */
	double *cross;	  /* [outputs][inputs] */
	double *own;	  /* [outputs][outputs] */
};

/* What is found, in the arena's memory. */
MUST_USE snnfit_status spike_fit_make(struct spike_fit *fit, struct arena *arena,
				      snnfit_error *err);
/* mix: [outputs]. map: [inputs]. */
void spike_fit_solve(const struct spike_fit *fit, const double *mix, double *map);

/* N times the variance of mix s, of map x, and of what is between them, added up. */
struct spike_fit_variance {
	double whole, fitted, left;
};
void spike_fit_add_variance(const struct spike_fit *fit, const double *mix, const double *map,
			    double weight, struct spike_fit_variance *sum);

#endif
