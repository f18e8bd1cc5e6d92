/* strided.h - copying an array in another order. */
#ifndef SNNFIT_SIMULATOR_STRIDED_H
#define SNNFIT_SIMULATOR_STRIDED_H

#include "simulator/machine.h"

enum { STRIDED_RANK_MAX = 2 * TENSOR_DIMS_MAX };

struct strided {
	uint32_t rank;
	uint64_t dims[STRIDED_RANK_MAX];   /* of the result */
	int64_t strides[STRIDED_RANK_MAX]; /* of the source, in elements */
};

/* Row-major elements of the result, from the source's element 0 on. */
void strided_copy(void *out, const void *source, size_t element_bytes,
		  const struct strided *strided);
/* Strides of a row-major array. */
void strides_of(uint32_t rank, const uint64_t *dims, int64_t *strides);

operator_run run_transpose, run_slice, run_expand, run_tile, run_depth_to_space, run_space_to_depth,
	run_pad;

#endif
