/* intervals.h - how much chance is in a share that was counted: 95 % intervals. */
#ifndef SNNFIT_API_INTERVALS_H
#define SNNFIT_API_INTERVALS_H

#include <stdint.h>

/* Of right out of samples, samples > 0: Wilson's score interval (1927), good also near
 * 0 and 1. */
void interval_of_share(uint64_t right, uint64_t samples, double *low, double *high);

/* Of the change (won - lost) / samples between two runs on the same samples, of which so
 * many became right, and wrong: the score interval for paired proportions of Tango
 * (Equivalence test and confidence interval for the difference in proportions for the
 * paired-sample design, Statistics in Medicine 17, 1998). Without any flip it is
 * z^2 / (samples + z^2) to each side: what so many samples can't rule out. */
void interval_of_change(uint64_t won, uint64_t lost, uint64_t samples, double *low, double *high);

#endif
