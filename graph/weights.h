/* weights.h - a matrix of floats, shared until it is changed, left in its file until it is read. */
#ifndef SNNFIT_GRAPH_WEIGHTS_H
#define SNNFIT_GRAPH_WEIGHTS_H

#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads rows [first, first + count) of matrix id into out, row-major, all
 * columns. context outlives every matrix made with it. */
typedef snnfit_status (*weights_load)(void *context, uint32_t id, uint32_t first, uint32_t count,
				      float *out, snnfit_error *err);

/* Counted references; not shared between threads. Treat as opaque but for rows
 * and columns. Rows are the units written to, columns what is read. */
struct weights {
	uint32_t references;
	uint32_t rows, columns;
	float *values; /* [rows][columns], or NULL: still in the file */
	bool changed;  /* values are no longer just a selection of the file's */
	weights_load load;
	void *context;
	uint32_t id;
	uint32_t file_rows, file_columns;
	uint32_t *row_index;	/* [rows] into the file's rows, NULL: all */
	uint32_t *column_index; /* [columns], likewise */
};

MUST_USE snnfit_status weights_from_file(struct weights **out, uint32_t rows, uint32_t columns,
					 weights_load load, void *context, uint32_t id,
					 snnfit_error *err);
/* values are copied; NULL: all zero. */
MUST_USE snnfit_status weights_from_values(struct weights **out, uint32_t rows, uint32_t columns,
					   const float *values, snnfit_error *err);
struct weights *weights_retain(struct weights *weights); /* NULL is fine */
void weights_release(struct weights *weights);		 /* NULL is fine */

/* All values, row-major, valid until the matrix is edited or released. Loads
 * them the first time. */
MUST_USE snnfit_status weights_read(struct weights *weights, const float **values,
				    snnfit_error *err);
/* Rows [first, first + count) only, without keeping the whole matrix in memory
 * when it still lies in the file. out: [count][columns]. */
MUST_USE snnfit_status weights_read_rows(const struct weights *weights, uint32_t first,
					 uint32_t count, float *out, snnfit_error *err);
/* Adds the number of zeros to *zeros, reading a piece at a time. */
MUST_USE snnfit_status weights_count_zeros(const struct weights *weights, uint64_t *zeros,
					   snnfit_error *err);
/* How many rows are good to read at a time: about 1 MiB, at least 1, at most all. */
uint32_t weights_piece_rows(const struct weights *weights);
/* Values that may be written: *weights is replaced by an unshared copy if
 * others hold it, and marked as changed. */
MUST_USE snnfit_status weights_edit(struct weights **weights, float **values, snnfit_error *err);
/* Replaces *weights by the rows and columns listed (NULL: all of them), in
 * ascending order; the values stay in the file if they are there. */
MUST_USE snnfit_status weights_select(struct weights **weights, const uint32_t *rows,
				      uint32_t row_count, const uint32_t *columns,
				      uint32_t column_count, snnfit_error *err);
#endif
