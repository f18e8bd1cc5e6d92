/* columns.h - a sum of weights seen as columns of bits, one column a power of two. */
#ifndef SNNFIT_ESTIMATOR_COLUMNS_H
#define SNNFIT_ESTIMATOR_COLUMNS_H

#include <stdint.h>

#define COLUMNS_MAX 56 /* 16-bit weights from 2^32 inputs, and carries */

struct columns {
	uint64_t heights[COLUMNS_MAX];	  /* bits to add in each column */
	uint32_t last_input[COLUMNS_MAX]; /* the one that put the last bit there */
	uint64_t sum;			  /* largest value of the sum */
};

void columns_add(struct columns *columns, uint32_t input, uint32_t magnitude);
/* 3:2 compressors (Wallace's full adders) that leave at most two bits a column. */
uint64_t columns_compressors(const struct columns *columns);
/* Bits of the adder of the two rows that are left: from the lowest column with
 * two bits up to the sum's width. 0 when there is none. */
uint32_t columns_final_adder(const struct columns *columns);

#endif
