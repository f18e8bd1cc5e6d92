/* dense.h - products of float matrices, where the left one may be mostly zeros.
 *
 * A row of the left matrix with few non-zeros adds up the rows of the right one that it
 * names; one with many goes through a dense kernel. Both sum over k = 0, 1, 2, ... in that
 * order, each product added with one rounding where the machine can (two elsewhere): a term
 * whose left factor is 0 adds nothing, so both give the same numbers bit for bit.
 *
 * A row of zeros and ones (spikes) with many ones is summed in patterns of four columns:
 *
 *     out = (((w0 + w1) + w2) + w3) + (((w4 + w5) + w6) + w7) + ...
 *
 * of those that are 1. The sums of all patterns stand in tables, which many rows share.
 *
 * Which way a row goes depends on what is in it alone. */
#ifndef SNNFIT_SIMULATOR_DENSE_H
#define SNNFIT_SIMULATOR_DENSE_H

#include "core/error.h"
#include "simulator/bits.h"

#include <stdbool.h>
#include <stdint.h>

enum { PANEL_COLUMNS = 16 };

/* The right matrix: [panels][rows][PANEL_COLUMNS], filled up with zeros. */
struct packed {
	const float *data;
	uint64_t rows, columns;
	bool finite; /* no element is infinite or NaN: 0 times it is 0 */
	/* Non-zeros, and spikes, that a row of the left matrix may have to add up rows of
	 * this one. Set by pack_matrix to what was measured to be fastest. */
	uint64_t most_events, most_spikes;
};

/* Floats that a packed matrix takes. */
uint64_t packed_floats(uint64_t rows, uint64_t columns);
/* Element (r, c) is at from[r * row_stride + c * column_stride]. */
void pack_matrix(struct packed *out, float *memory, const float *from, uint64_t rows,
		 uint64_t columns, uint64_t row_stride, uint64_t column_stride);

/* Bytes of scratch that multiplying rows takes. */
uint64_t multiply_scratch(uint64_t rows, const struct packed *right);
/* out[rows][right->columns] = left[rows][right->rows] times right, and bias, one for each
 * column, added to the sums unless it is NULL. Returns how many elements of left are not 0. */
uint64_t multiply(const struct packed *right, uint64_t rows, const float *left, const float *bias,
		  float *out, void *scratch);

/* The same where left is zeros and ones: bit k % 64 of word k / 64 of a row, the bits
 * behind the last being 0. right must be finite. */
uint64_t multiply_spikes(const struct packed *right, uint64_t rows, const uint64_t *left,
			 const float *bias, float *out, void *scratch);

/* --- what the machine at hand does best -------------------------------------------- */

/* Of a row and up to EVENT_PANELS panels, [panels][PANEL_COLUMNS] each. */
struct sums {
	const float *from; /* that are gone on from; may be out */
	const float *bias; /* added in the end; NULL: none */
	float *out;
};

struct dense_kernels {
	/* Columns [first, first + depth) of up to DENSE_ROWS rows, times so many rows of a
	 * panel. Goes on from the sums that are in out, [rows][PANEL_COLUMNS]. */
	void (*dense)(uint32_t rows, const float *const *left, uint64_t first, const float *panel,
		      uint64_t depth, float *out);
	/* One row that is 0 but at indices, where it has the values. */
	void (*events)(const uint32_t *indices, const float *values, uint64_t count,
		       const float *panels, uint64_t panel_floats, uint32_t panel_count,
		       const struct sums *to);
	/* The same where all values are 1. */
	void (*spikes)(const uint32_t *indices, uint64_t count, const float *panels,
		       uint64_t panel_floats, uint32_t panel_count, const struct sums *to);
	/* Which elements of a row are not 0: how many; *ones: all of them are 1. indices
	 * has room for depth + 8. */
	uint64_t (*find)(const float *row, uint64_t depth, uint32_t *indices, bool *ones);
	/* A row of zeros and ones as bits. */
	void (*pack)(const float *row, uint64_t depth, uint64_t *bits);
	/* How many bits of each row are set. */
	void (*count)(const uint64_t *bits, uint64_t rows, uint64_t words, uint64_t *counts);
	/* Which ones are. indices has room for 8 more. */
	void (*list)(const uint64_t *bits, uint64_t words, uint32_t *indices);
	/* The sums of all patterns of 64 rows of a panel. */
	void (*tabulate)(const float *panel, float *table);
	/* Of word `word` of each row, the patterns' sums are added to out,
	 * [rows][PANEL_COLUMNS]. */
	void (*patterns)(const uint64_t *const *rows, uint64_t count, uint64_t word,
			 const float *table, float *out);
	/* The same without a table, of the rows of the panel that there are. */
	void (*few_patterns)(const uint64_t *const *rows, uint64_t count, uint64_t word,
			     const float *panel, float *out);
};

enum {
	DENSE_ROWS = 6,
	EVENT_PANELS = 4,
	PATTERN_BITS = 4,
	WORD_PATTERNS = 64 / PATTERN_BITS, /* in a word of a row */
	TABLE_FLOATS = (WORD_PATTERNS << PATTERN_BITS) * PANEL_COLUMNS,
};

const struct dense_kernels *dense_kernels(void);

#endif
