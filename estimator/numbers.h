/* numbers.h - integer arithmetic of word widths. */
#ifndef SNNFIT_ESTIMATOR_NUMBERS_H
#define SNNFIT_ESTIMATOR_NUMBERS_H

#include <stdint.h>

/* Bits that write the number down: 0 for 0. */
static inline uint32_t
bit_length(uint64_t value)
{
	return value ? 64 - (uint32_t)__builtin_clzll(value) : 0;
}

/* Bits that tell `count` values apart, at least 1. */
static inline uint32_t
bits_for(uint64_t count)
{
	return count > 2 ? bit_length(count - 1) : 1;
}

static inline uint64_t
divide_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

#endif
