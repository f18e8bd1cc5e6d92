/* rates_axes.h - --rates-axes: what the axes of an array of spikes mean.
 *
 * T time steps, N samples; U units; C, H, W channels, rows and columns of a
 * convolution. The letters name an array's axes from the first one on; what is
 * left over are units, in order. An array without H or W (a dense layer beside
 * convolutions) is read as if the letter were not there.
 *
 *     TN, NTU, TNCHW, NTHWC   spikes at every time step: mean over T and N
 *     N/25                    counts a sample over 25 steps: mean over N, by 25
 *     /50000                  counts over everything, 2000 samples of 25 steps
 *     HWC                     rates, in another order
 *
 * N alone would leave open whether the numbers are rates (N/1) or counts. */
#ifndef SNNFIT_IMPORTER_RATES_AXES_H
#define SNNFIT_IMPORTER_RATES_AXES_H

#include "data/npz.h"

struct rates_axes {
	char letters[8];
	uint64_t steps; /* that a count was taken over; 1: the values are per step */
	bool counted;	/* steps were given */
};

/* How to reduce one array. */
struct rates_layout {
	uint32_t rank; /* of the units' shape */
	uint64_t shape[NPY_RANK_MAX];
	uint64_t stride[NPY_RANK_MAX]; /* of each axis of the array in that shape, 0: mean */
	double divisor;		       /* of the sums: how many numbers went in, times steps */
	uint64_t samples, steps;       /* as far as the axes say: else 0 */
};

/* text NULL: rates as they are. SNNFIT_EUSAGE with what can be written. */
MUST_USE snnfit_status rates_axes_parse(struct rates_axes *out, const char *text,
					snnfit_error *err);
/* what names the array in messages. SNNFIT_EDATA when the axes do not fit it. */
MUST_USE snnfit_status rates_layout_make(struct rates_layout *out, const struct rates_axes *axes,
					 const struct npy_header *header, const char *what,
					 snnfit_error *err);

#endif
