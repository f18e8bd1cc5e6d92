/* conv.h - what the ways of computing a convolution share.
 *
 * Images of zeros and ones (spikes) go through tables of sums, other images with a
 * stride of one through a kernel that reads them where they lie, all else through
 * products of matrices. Which way depends on the image alone. */
#ifndef SNNFIT_SIMULATOR_CONV_H
#define SNNFIT_SIMULATOR_CONV_H

#include "simulator/matrix.h"
#include "simulator/window.h"

struct conv {
	const struct tensor *x, *w, *bias; /* bias NULL: none */
	struct window window;
	struct window plane;			    /* the same in two dimensions */
	uint64_t groups, in_channels, out_channels; /* channels of a group */
	uint64_t depth;				    /* in_channels * taps */
	const struct packed *packed;		    /* [groups], or NULL */
	const struct packed *tables;		    /* [groups], or NULL */
};

/* --- simulator/conv_tables.c -------------------------------------------------------- */

/* How many channels lie side by side as bits, a pixel after the other, in the rows that
 * tables are for; 0: there are no tables for such kernels. */
uint32_t tables_channels(const struct tensor *kernels, uint64_t groups);
MUST_USE snnfit_status tables_make(struct plan *plan, uint32_t slot, uint32_t groups,
				   snnfit_error *err);

/* False: not with these windows, or there are none. */
bool tables_fit(const struct conv *conv);

/* An image of one group, and what was found in it. */
struct conv_image {
	float *coverage;  /* [area]: windows that see the pixel */
	uint8_t *found;	  /* bits of the channel at hand */
	uint64_t *spread; /* [256]: a byte's bits, channels apart */
	uint8_t *bits;	  /* [channel groups][rows][row_bytes] */
	bool *blank;	  /* [channel groups][rows]: nothing but zeros */
	struct table_run *runs;
	uint64_t row_bytes;
	uint32_t channels; /* whose bits lie side by side */
	bool ones;	   /* all that is not 0 is 1 */
	uint64_t nonzeros; /* of the image, each as often as a window sees it */
};

/* Bytes of memory for looking at images; 0: not at these. */
uint64_t conv_image_bytes(const struct conv *conv);
void conv_image_init(struct conv_image *seen, const struct conv *conv, void *memory);
void conv_image_look(struct conv_image *seen, const struct conv *conv, const float *image);
/* The group's channels of an image of ones, bias added (NULL: none). */
void tables_convolve(const struct conv_image *seen, const struct conv *conv,
		     const struct packed *tables, const float *bias, float *out);

/* --- simulator/conv_direct.c -------------------------------------------------------- */

/* 0: not with these strides. */
uint64_t direct_bytes(const struct conv *conv);
void direct_convolve(const struct conv *conv, const struct packed *packed, const float *image,
		     const float *bias, float *out, void *memory);

/* --- what the machine at hand does best: simulator/conv_kernels.c --------------------- */

/* A row of bits, and the tables of what is seen in it: floats from the first one. */
struct table_run {
	const uint8_t *bits;
	uint64_t table;
};

enum {
	TABLE_POSITIONS = 4,
	DIRECT_CHANNELS = 4,
	DIRECT_POSITIONS_MAX = 48,
};

struct conv_kernels {
	/* The sums of table rows at positions that follow each other; the first one's
	 * bits are at bit, those of the next step behind. out [positions][PANEL_COLUMNS]. */
	void (*tables)(const struct table_run *runs, uint64_t count, const float *panel,
		       uint64_t bit, uint32_t step, uint64_t mask, float *out);
	/* Of DIRECT_CHANNELS channels at positions that follow each other: image[offset]
	 * times weights, a row of PANEL_COLUMNS each. out [channels][positions]. */
	void (*direct)(const float *image, const uint64_t *offsets, uint64_t depth,
		       const float *weights, float *out);
	uint32_t direct_positions;
	/* Bits of what is not 0, and the sum of the coverage there; *ones stays if all of
	 * that is 1. */
	float (*look)(const float *image, const float *coverage, uint64_t count, uint8_t *bits,
		      bool *ones);
};

const struct conv_kernels *conv_kernels(void);

#endif
