/* pool_bits.h - the largest of two by two pixels, where pixels are spikes and bits: any of
 * them. */
#ifndef SNNFIT_SIMULATOR_POOL_BITS_H
#define SNNFIT_SIMULATOR_POOL_BITS_H

#include "simulator/bits.h"
#include "simulator/window.h"

/* Where bits are written one after the other. */
struct bit_writer {
	uint64_t *to, word;
	uint32_t filled; /* bits of the word */
};

struct halve_kernels {
	/* Any of two bits that follow each other: words become half as many. */
	void (*pairs)(const uint64_t *x, uint64_t words, uint64_t *pairs);
	/* Any of a row and of the next one, for so many of up to 32 columns. */
	void (*rows)(const uint64_t *pairs, uint64_t from, uint64_t rows, uint64_t columns,
		     struct bit_writer *writer);
};

/* For the processor at hand, and for any. */
const struct halve_kernels *halve_kernels(void);
const struct halve_kernels *halve_kernels_plain(void);

/* Planes of an even number of columns, halved as w says. pairs: room for as many words as x
 * has, and one. */
void halve_bits(const struct halve_kernels *kernels, const struct window *w, uint64_t planes,
		const uint64_t *x, uint64_t *pairs, uint64_t *out);

#endif
