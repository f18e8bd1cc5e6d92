/* conv_direct.c - a convolution with strides of one, without bringing together what a
 * window sees.
 *
 * The image gets its pads and then is one long row: a window that moves by one pixel
 * moves by one float, so a tap of many windows is a vector that lies in memory. Windows
 * that reach over the end of an image's row are computed, too, and left out. Every sum
 * is over the taps in their order, as in dense.h. */
#include "simulator/conv.h"

#include <string.h>

/* The image with its pads. */
struct padded {
	uint64_t rows, columns, positions; /* positions: those left out included */
};

static struct padded
padded_of(const struct conv *conv)
{
	const struct window *w = &conv->plane;
	struct padded padded = {
		(uint64_t)(w->in[0] + w->begin[0] + w->end[0]),
		(uint64_t)(w->in[1] + w->begin[1] + w->end[1]),
		0,
	};

	padded.positions = (uint64_t)(w->out[0] - 1) * padded.columns + (uint64_t)w->out[1];
	return padded;
}

static uint64_t
padded_floats(const struct conv *conv, const struct padded *padded)
{
	return conv->in_channels * padded->rows * padded->columns + DIRECT_POSITIONS_MAX;
}

static uint64_t
temporary_floats(const struct padded *padded)
{
	return (padded->positions + DIRECT_POSITIONS_MAX) * DIRECT_CHANNELS;
}

uint64_t
direct_bytes(const struct conv *conv)
{
	const struct window *w = &conv->plane;
	struct padded padded = padded_of(conv);

	if (w->rank == 0 || conv->x->type != TYPE_FLOAT || !conv->packed || w->positions == 0 ||
	    w->strides[0] != 1 || w->strides[1] != 1)
		return 0;
	return conv->depth * sizeof(uint64_t) +
	       (padded_floats(conv, &padded) + temporary_floats(&padded)) * sizeof(float);
}

static void
pad(const struct conv *conv, const struct padded *padded, const float *image, float *to)
{
	const struct window *w = &conv->plane;
	uint64_t channel, columns = (uint64_t)w->in[1];
	int64_t y;

	memset(to, 0, padded_floats(conv, padded) * sizeof *to);
	for (channel = 0; channel < conv->in_channels; channel++) {
		float *row = to +
			     (channel * padded->rows + (uint64_t)w->begin[0]) * padded->columns;

		for (y = 0; y < w->in[0]; y++, row += padded->columns, image += columns)
			memcpy(row + w->begin[1], image, columns * sizeof *row);
	}
}

static void
list_offsets(const struct conv *conv, const struct padded *padded, uint64_t *offsets)
{
	const struct window *w = &conv->plane;
	uint64_t channel;
	int64_t y, x;

	for (channel = 0; channel < conv->in_channels; channel++)
		for (y = 0; y < w->kernel[0]; y++)
			for (x = 0; x < w->kernel[1]; x++)
				*offsets++ = (channel * padded->rows +
					      (uint64_t)(y * w->dilations[0])) *
						     padded->columns +
					     (uint64_t)(x * w->dilations[1]);
}

/* What is computed: rows of windows one by one, or all of them as one long row, whatever
 * takes fewer pieces. */
struct stretches {
	uint64_t count, length;
};

static struct stretches
stretches_of(const struct conv *conv, const struct padded *padded, uint64_t at_once)
{
	const struct window *w = &conv->plane;
	uint64_t rows = (uint64_t)w->out[0], columns = (uint64_t)w->out[1];

	if (rows * ((columns + at_once - 1) / at_once) <
	    (padded->positions + at_once - 1) / at_once)
		return (struct stretches){ rows, columns };
	return (struct stretches){ 1, padded->positions };
}

/* DIRECT_CHANNELS channels at all positions, into made, a row each. */
static void
make_channels(const struct conv *conv, const struct padded *padded, const float *whole,
	      const uint64_t *offsets, const float *weights, float *made)
{
	const struct conv_kernels *kernels = conv_kernels();
	uint64_t at_once = kernels->direct_positions,
		 row = padded->positions + DIRECT_POSITIONS_MAX;
	struct stretches stretches = stretches_of(conv, padded, at_once);
	uint64_t i, position;

	for (i = 0; i < stretches.count; i++)
		for (position = 0; position < stretches.length; position += at_once) {
			uint64_t at = i * padded->columns + position;

			kernels->direct(whole + at, offsets, conv->depth, weights, made + at, row);
		}
}

/* A channel, without the windows that reach over the end of a row. */
static void
put_channel(const struct conv *conv, const struct padded *padded, const float *from, float bias,
	    float *out)
{
	const struct window *w = &conv->plane;
	int64_t y, x;

	for (y = 0; y < w->out[0]; y++, from += padded->columns)
		for (x = 0; x < w->out[1]; x++)
			*out++ = from[x] + bias;
}

void
direct_convolve(const struct conv *conv, const struct packed *packed, const float *image,
		const float *bias, float *out, void *memory)
{
	struct padded padded = padded_of(conv);
	uint64_t *offsets = memory;
	float *whole = (float *)(offsets + conv->depth);
	float *made = whole + padded_floats(conv, &padded);
	uint64_t row = padded.positions + DIRECT_POSITIONS_MAX, channel, c;

	list_offsets(conv, &padded, offsets);
	pad(conv, &padded, image, whole);
	for (channel = 0; channel < conv->out_channels; channel += DIRECT_CHANNELS) {
		const float *weights = packed->data +
				       channel / PANEL_COLUMNS * packed->rows * PANEL_COLUMNS +
				       channel % PANEL_COLUMNS;

		make_channels(conv, &padded, whole, offsets, weights, made);
		for (c = 0; c < DIRECT_CHANNELS && channel + c < conv->out_channels; c++)
			put_channel(conv, &padded, made + c * row, bias ? bias[channel + c] : 0,
				    out + (channel + c) * conv->window.positions);
	}
}
