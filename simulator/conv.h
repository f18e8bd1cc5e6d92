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

/* What tables are for: bits of a row, of channels side by side, a pixel after the other. A
 * pattern has all pixels that a kernel covers of a row, or one of PIXEL_CHANNELS. */
struct pattern_shape {
	uint32_t channels, pixels; /* channels 0: there are no tables for such kernels */
};

struct pattern_shape tables_pattern(const struct tensor *kernels, uint64_t groups);
MUST_USE snnfit_status tables_make(struct plan *plan, uint32_t slot, uint32_t groups,
				   snnfit_error *err);

/* False: not with these windows, or there are none. */
bool tables_fit(const struct conv *conv);

/* --- simulator/conv_look.c ---------------------------------------------------------- */

/* What windows of a row see of an image: rows that follow each other. */
struct window_rows {
	uint64_t first_row, first_tap, taps;
};

struct conv_image_sizes {
	uint64_t area, rows;
	uint64_t found_bytes, found_channels;
	/* 0: no tables fit. */
	uint64_t groups; /* of channels side by side */
	uint64_t plane_words;
	uint64_t row_bytes; /* 0 for patterns of pixels, too */
	uint64_t row_patterns, patterns;
	uint64_t sums, sum_rows; /* positions of a row, rows */
};

/* An image of one group, and what was found in it. */
struct conv_image {
	struct conv_image_sizes sizes;
	float *coverage;  /* [area]: windows that see the pixel */
	uint64_t *planes; /* [plane_count][plane_words]: bit i of the coverage of each pixel of
			   * all channels, beside an image that is bits */
	uint32_t plane_count;
	uint8_t *found;		     /* bits of the channel at hand; of pixels: of the group */
	uint64_t *spread;	     /* [256]: a byte's bits, channels apart */
	uint8_t *bits;		     /* [channel groups][rows][row_bytes] */
	bool *blank;		     /* [channel groups]: nothing but zeros */
	uint16_t *patterns;	     /* [channel groups][rows][row_patterns] */
	struct window_rows *windows; /* [rows of windows] */
	float *sums;		     /* [sum_rows][sums][PANEL_COLUMNS] */
	struct pattern_shape pattern;
	bool of_pixels;	   /* not of rows */
	bool ones;	   /* all that is not 0 is 1 */
	uint64_t nonzeros; /* of the image, each as often as a window sees it */
};

/* Bytes of memory for looking at images; 0: not at these. */
uint64_t conv_image_bytes(const struct conv *conv);
void conv_image_init(struct conv_image *seen, const struct conv *conv, void *memory);
void conv_image_look(struct conv_image *seen, const struct conv *conv, const float *image);
/* The same at the bits of an image; only where tables fit. */
void conv_image_look_bits(struct conv_image *seen, const struct conv *conv, const uint64_t *image);
/* The group's channels of an image of ones, bias added (NULL: none). */
void tables_convolve(const struct conv_image *seen, const struct conv *conv,
		     const struct packed *tables, const float *bias, float *out);

/* --- simulator/conv_direct.c -------------------------------------------------------- */

/* 0: not with these strides. */
uint64_t direct_bytes(const struct conv *conv);
void direct_convolve(const struct conv *conv, const struct packed *packed, const float *image,
		     const float *bias, float *out, void *memory);

/* --- what the machine at hand does best: simulator/conv_kernels.c --------------------- */

/* Rows of an image that follow each other, as patterns, and their tables. */
struct table_run {
	const uint16_t *patterns; /* of the first row: floats from the beginning of a table */
	const float *table;	  /* of the first row */
	uint64_t taps;		  /* rows */
	uint64_t columns;	  /* patterns of a row that a window sees */
	uint64_t row_patterns, column_patterns, table_floats; /* to the next one's */
	uint64_t position_patterns;			      /* to the next window's */
	uint64_t groups; /* the same of so many groups of channels */
	uint64_t group_patterns, group_floats;
	bool fresh; /* the sums begin here */
};

/* Pixels that follow each other, of channels whose bits begin stride behind each other. */
struct pixel_run {
	const uint8_t *bits;
	uint64_t first, stride; /* bits */
	uint32_t channels;
	uint64_t count;
};

enum {
	TABLE_POSITIONS = 4,
	EXTRACTED = 8,
	PIXEL_CHANNELS = 8,
	PIXELS_AT_ONCE = 32,
	DIRECT_CHANNELS = 4,
	DIRECT_POSITIONS_MAX = 48,
};

struct conv_kernels {
	/* The patterns of all rows at positions that follow each other, each step bits
	 * behind the one before. */
	void (*extract)(const struct conv_image_sizes *sizes, const uint8_t *bits, uint32_t step,
			uint64_t mask, uint16_t *patterns);
	/* The patterns of pixels; what is written behind them, up to PIXELS_AT_ONCE, is 0.
	 * False: so are all. */
	bool (*pixels)(const struct pixel_run *run, uint16_t *patterns);
	/* Adds what tables have for the patterns of those positions, TABLE_POSITIONS at a time.
	 * out [positions][PANEL_COLUMNS], which are 0 before if the run is fresh. */
	void (*tables)(const struct table_run *run, uint64_t positions, float *out);
	/* Of DIRECT_CHANNELS channels at positions that follow each other: image[offset]
	 * times weights, a row of PANEL_COLUMNS each. Channels of out lie stride apart. */
	void (*direct)(const float *image, const uint64_t *offsets, uint64_t depth,
		       const float *weights, float *out, uint64_t stride);
	uint32_t direct_positions;
	/* Bits of what is not 0, and the sum of the coverage there; *ones stays if all of
	 * that is 1. */
	float (*look)(const float *image, const float *coverage, uint64_t count, uint8_t *bits,
		      bool *ones);
	/* The sum over planes of 2^plane times the bits that are set in both. */
	uint64_t (*weigh)(const uint64_t *bits, uint64_t words, const uint64_t *planes,
			  uint32_t plane_count);
};

/* Kernels of a kind of machine, NULL if the one at hand is another; and of this one. */
enum conv_machine { CONV_ANY, CONV_AVX2, CONV_AVX512, CONV_MACHINES };
const struct conv_kernels *conv_kernels_of(enum conv_machine machine);
const struct conv_kernels *conv_kernels(void);

#endif
