/* matrix.h - operators that multiply matrices. */
#ifndef SNNFIT_SIMULATOR_MATRIX_H
#define SNNFIT_SIMULATOR_MATRIX_H

#include "simulator/operators.h"

operator_run run_gemm, run_mat_mul, run_mat_mul_integer;
operator_prepare prepare_gemm, prepare_mat_mul;

/* One product: rows x depth times depth x columns. Left and out lie row by row. */
struct product {
	uint64_t rows, depth, columns;
	int32_t type;
	const void *left, *right;
	const uint64_t *left_bits; /* instead of left, or NULL: for packed, finite ones */
	uint64_t right_row_stride, right_column_stride;
	const struct packed *packed; /* right, or NULL */
	const float *bias;	     /* of floats: one a column, or NULL */
	void *out;
};

/* Floats as dense.h says; double and integers in order, integers wrapping. */
MUST_USE snnfit_status multiply_arrays(struct call *call, const struct product *product);

/* So many non-zeros arrived at constant weights, of so many columns. */
void count_operations(struct call *call, uint64_t nonzeros, uint64_t columns);

#endif
