/* similar_rows.h - which rows of a matrix may point the same way, without all-pairs work.
 *
 * Rows are divided by their norm and rotated by random signs and a Hadamard
 * transform, which changes no inner product and spreads every row evenly over its
 * coordinates. With the first k coordinates y and the norm t of the rest,
 * Cauchy-Schwarz bounds each cosine:
 *
 *     cos(a, b) <= <y_a, y_b> + t_a t_b
 *
 * Most pairs are bounded by the threshold after k of the coordinates, hardly one is
 * left after a second look at twice as many. What a processor computes may differ
 * from another in the last bits, and so may the candidates; never a pair over the
 * threshold.
 *
 * Of the transform H_m x H_k only the part over the m chunks of k coordinates is
 * computed: what is left, an orthogonal transform within the chunk, changes
 * neither y's inner products nor t. So the first k coordinates are the sums of the
 * signed chunks, divided by sqrt(m), and cost one addition a weight. (Ailon and
 * Chazelle, The fast Johnson-Lindenstrauss transform, 2009.) */
#ifndef SNNFIT_OPT_SIMILAR_ROWS_H
#define SNNFIT_OPT_SIMILAR_ROWS_H

#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>

struct row_sketches {
	uint32_t rows, length; /* of the matrix */
	uint32_t head, total;  /* coordinates for the first and for the second look */
	uint32_t chunks;       /* of `total` values each, added up */
	float limit;	       /* bounds below are no candidates */
	float *blocks;	       /* [rows / 64], tiles: head coordinates, and the norm of
				* what is left after them */
	float *others;	       /* [rows][total - head]: the other coordinates */
	float *tails;	       /* [rows]: what is left after all of them */
	float *signs;	       /* [length] */
	float *work;	       /* [total] */
};

/* cosine: pairs with a larger one are to be found; in (0, 1). */
MUST_USE snnfit_status row_sketches_open(struct row_sketches *sketches, uint32_t rows,
					 uint32_t length, double cosine, snnfit_error *err);
/* Sets one row from its values and their norm; a row never set, or of norm 0, is
 * similar to none. values: [length]. */
void row_sketches_set(struct row_sketches *sketches, uint32_t row, const float *values,
		      double norm);

/* Called for i < j whose cosine may be over the threshold; every such pair is
 * among them. All calls with a second row of i come before the first with i as
 * first row, and for one j they come in ascending order of i. */
typedef snnfit_status (*similar_visit)(void *context, uint32_t i, uint32_t j, snnfit_error *err);
MUST_USE snnfit_status row_sketches_pairs(const struct row_sketches *sketches, similar_visit visit,
					  void *context, snnfit_error *err);
void row_sketches_close(struct row_sketches *sketches); /* all zero bytes are fine */

#endif
