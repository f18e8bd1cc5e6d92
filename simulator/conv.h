/* conv.h - what the two ways of computing a convolution share. */
#ifndef SNNFIT_SIMULATOR_CONV_H
#define SNNFIT_SIMULATOR_CONV_H

#include "simulator/matrix.h"
#include "simulator/window.h"

enum { ROWS_AT_ONCE = 384 };

struct conv {
	const struct tensor *x, *w, *bias; /* bias NULL: none */
	struct window window;
	uint64_t groups, in_channels, out_channels; /* channels of a group */
	uint64_t depth;				    /* in_channels * taps */
	const struct packed *packed;		    /* [groups], or NULL */
};

/* --- simulator/conv_events.c ------------------------------------------------------- */

/* For images of few non-zeros: a bit for each pixel says where they are, so that what a
 * window sees is found without looking at zeros. */
struct conv_events;
typedef uint64_t list_window(const struct conv_events *events, const struct conv *conv, int64_t y,
			     int64_t x);
struct conv_events {
	bool possible;	   /* for these windows */
	uint64_t *masks;   /* [in_channels][rows]: bit x + pad is pixel x */
	int64_t *offsets;  /* [depth]: from the window's first pixel to each tap's */
	uint32_t *indices; /* [depth + 8] */
	float *values;	   /* [depth] */
	const struct dense_kernels *kernels;
	list_window *list; /* what a window sees, into indices: how many */
};

/* Bytes of memory that it takes; 0: it cannot be done this way. */
uint64_t conv_events_bytes(const struct conv *conv);
void conv_events_init(struct conv_events *events, const struct conv *conv, void *memory);
/* Looks at an image of a group; false: it has too many non-zeros for this. *ones: all
 * of them are 1. */
bool conv_events_look(struct conv_events *events, const struct conv *conv, const float *image,
		      bool *ones);
/* The products of positions [first, first + rows), a row of channels each. Returns the
 * non-zeros that the windows saw. */
uint64_t conv_events_multiply(struct conv_events *events, const struct conv *conv,
			      const struct packed *right, const float *image, bool ones,
			      uint64_t first, uint64_t rows, float *products);

#endif
