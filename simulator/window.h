/* window.h - what convolutions and pools share: a window that slides over an image of
 * one to three dimensions. */
#ifndef SNNFIT_SIMULATOR_WINDOW_H
#define SNNFIT_SIMULATOR_WINDOW_H

#include "simulator/operators.h"

enum { WINDOW_RANK_MAX = 3 };

struct window {
	uint32_t rank;
	int64_t in[WINDOW_RANK_MAX], out[WINDOW_RANK_MAX];
	int64_t kernel[WINDOW_RANK_MAX], strides[WINDOW_RANK_MAX], dilations[WINDOW_RANK_MAX];
	int64_t begin[WINDOW_RANK_MAX], end[WINDOW_RANK_MAX]; /* pads */
	uint64_t positions, taps;			      /* products of out and of kernel */
	uint64_t area;					      /* product of in */
};

/* From the attributes, and the sizes in x [N, C, ...]. kernel NULL: kernel_shape. */
MUST_USE snnfit_status window_read(struct call *call, const struct tensor *x,
				   const uint64_t *kernel, struct window *out);
/* Where tap k of the window at position p lies in the image; -1: in the padding.
 * *padded: within the pads that were asked for, or the image. */
int64_t window_at(const struct window *window, uint64_t position, uint64_t tap, bool *padded);

operator_run run_conv, run_conv_integer, run_max_pool, run_average_pool, run_global_average_pool,
	run_global_max_pool;
operator_prepare prepare_conv;

#endif
