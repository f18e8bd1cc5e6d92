/* memory.h - where synthesis puts a memory: block RAM, LUT RAM or flip-flops. */
#ifndef SNNFIT_ESTIMATOR_MEMORY_H
#define SNNFIT_ESTIMATOR_MEMORY_H

#include "estimator/layer.h"

struct memory_use {
	double blocks;		  /* of block RAM; xc7: of 18 kbit */
	double cells;		  /* ice40: flip-flops; ecp5: 16 x 4 RAM cells; xc7: LUTs */
	double read_multiplexers; /* bits that select among rows of blocks or cells */
	double registers;	  /* flip-flops that come with it */
};

/* Adds a memory of depth words of width bits, one read and one write port with
 * registered output, as the cheapest configuration: yosys' memory_libmap rule
 * and costs. Exact on every synthesised layer (fit.py --report). */
void memory_add(enum family family, uint64_t depth, uint64_t width, struct memory_use *use);

#endif
