/* random_floats.h - numbers that are the same in every run. */
#ifndef SNNFIT_TESTS_UNIT_RANDOM_FLOATS_H
#define SNNFIT_TESTS_UNIT_RANDOM_FLOATS_H

#include <stdint.h>

static inline uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* In [-1, 1). */
static inline float
random_float(uint32_t *state)
{
	return (float)next_random(state) / 8388608.0f - 1;
}

#endif
