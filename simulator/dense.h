/* dense.h - products of float matrices, where the left one may be mostly zeros.
 *
 * Every element of the result is summed over k = 0, 1, 2, ... in that order, each
 * product added with one rounding where the machine can (two elsewhere). A term
 * whose left factor is 0 adds nothing, so leaving it out changes no bit: rows with
 * few non-zeros (spikes) add up the rows of the right matrix that they name, rows
 * with many go through a dense kernel, and both give the same numbers. */
#ifndef SNNFIT_SIMULATOR_DENSE_H
#define SNNFIT_SIMULATOR_DENSE_H

#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { PANEL_COLUMNS = 16 };

/* The right matrix: [panels][rows][PANEL_COLUMNS], filled up with zeros. */
struct packed {
	const float *data;
	uint64_t rows, columns;
	bool finite; /* no element is infinite or NaN: 0 times it is 0 */
};

/* Floats that a packed matrix takes. */
uint64_t packed_floats(uint64_t rows, uint64_t columns);
/* Element (r, c) is at from[r * row_stride + c * column_stride]. */
void pack_matrix(struct packed *out, float *memory, const float *from, uint64_t rows,
		 uint64_t columns, uint64_t row_stride, uint64_t column_stride);

/* Bytes of scratch that multiplying rows takes. */
uint64_t multiply_scratch(uint64_t rows, const struct packed *right);
/* out[rows][right->columns] = left[rows][right->rows] times right. Returns how many
 * elements of left are not 0. */
uint64_t multiply(const struct packed *right, uint64_t rows, const float *left, float *out,
		  void *scratch);

/* --- what the machine at hand does best -------------------------------------------- */

struct dense_kernels {
	/* Columns [first, first + depth) of up to DENSE_ROWS rows, times so many rows of a
	 * panel. Goes on from the sums that are in out, [rows][PANEL_COLUMNS]. */
	void (*dense)(uint32_t rows, const float *const *left, uint64_t first, const float *panel,
		      uint64_t depth, float *out);
	/* One row that is 0 but at indices, where it has the values; up to EVENT_PANELS
	 * panels. Goes on from the sums that are in out. */
	void (*events)(const uint32_t *indices, const float *values, uint64_t count,
		       const float *panels, uint64_t panel_floats, uint32_t panel_count,
		       float *out);
	/* The same where all values are 1. */
	void (*spikes)(const uint32_t *indices, uint64_t count, const float *panels,
		       uint64_t panel_floats, uint32_t panel_count, float *out);
	/* Which elements of a row are not 0: how many; *ones: all of them are 1. indices
	 * has room for depth + 8. */
	uint64_t (*find)(const float *row, uint64_t depth, uint32_t *indices, bool *ones);
};

enum { DENSE_ROWS = 6, EVENT_PANELS = 4 };

const struct dense_kernels *dense_kernels(void);

#endif
