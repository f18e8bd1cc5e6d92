/* conv_look.c - what is found in an image: how many of what windows see is not 0, and, if all
 * of that is 1, the patterns that tables are for. */
#include "simulator/bits.h"
#include "simulator/conv.h"

#include <string.h>

enum {
	ROW_PIECE = 56,			    /* bits of a row at a time */
	SEEN_EXACT = 1 << 24,		    /* floats count that far */
	SUM_BYTES = 8 << 10,		    /* that stay in the first cache beside a few tables */
	SPARE_BYTES = 2 * sizeof(uint64_t), /* that loads read behind a row */
};

/* --- memory ------------------------------------------------------------------------------ */

static uint64_t
rounded_up(uint64_t number, uint64_t step)
{
	return (number + step - 1) / step * step;
}

static bool
is_of_pixels(const struct conv *conv, const struct pattern_shape *pattern)
{
	return pattern->pixels < (uint64_t)conv->plane.kernel[1];
}

/* Of rows: the bits that they come from, and a pattern for each window. */
static void
size_rows(const struct conv *conv, const struct pattern_shape *pattern,
	  struct conv_image_sizes *sizes)
{
	const struct window *w = &conv->plane;
	int64_t reach = (w->out[1] + EXTRACTED) * w->strides[1] + w->kernel[1];
	int64_t row = w->begin[1] + w->in[1];

	sizes->row_bytes = (uint64_t)(row > reach ? row : reach) * pattern->channels / 8 +
			   SPARE_BYTES;
	sizes->row_patterns = rounded_up((uint64_t)w->out[1], EXTRACTED);
	sizes->patterns = sizes->groups * sizes->rows * sizes->row_patterns;
}

/* Of pixels: one for each, those of the pads included, which stay 0. */
static void
size_pixels(const struct conv *conv, struct conv_image_sizes *sizes)
{
	const struct window *w = &conv->plane;
	int64_t reach = ((int64_t)sizes->sums - 1) * w->strides[1] +
			(w->kernel[1] - 1) * w->dilations[1] + 1;
	int64_t row = w->begin[1] + w->in[1];

	sizes->found_channels = PIXEL_CHANNELS;
	sizes->row_patterns = (uint64_t)(row > reach ? row : reach);
	sizes->patterns = sizes->groups * sizes->rows * sizes->row_patterns + PIXELS_AT_ONCE;
}

static struct conv_image_sizes
sizes_of(const struct conv *conv, const struct pattern_shape *pattern)
{
	const struct window *w = &conv->plane;
	struct conv_image_sizes sizes = { .rows = (uint64_t)w->in[0],
					  .area = w->area,
					  .found_bytes = w->area / 8 + SPARE_BYTES,
					  .found_channels = 1 };

	if (pattern->channels == 0)
		return sizes;
	sizes.groups = (conv->in_channels + pattern->channels - 1) / pattern->channels;
	sizes.sums = rounded_up((uint64_t)w->out[1], TABLE_POSITIONS);
	sizes.sum_rows = SUM_BYTES / (sizes.sums * PANEL_COLUMNS * sizeof(float));
	if (sizes.sum_rows == 0)
		sizes.sum_rows = 1;
	sizes.plane_words = bit_words(conv->in_channels * w->area);
	if (is_of_pixels(conv, pattern))
		size_pixels(conv, &sizes);
	else
		size_rows(conv, pattern, &sizes);
	return sizes;
}

/* Channels 0: no tables fit. */
static struct pattern_shape
pattern_of(const struct conv *conv)
{
	return tables_fit(conv) ? tables_pattern(conv->w, conv->groups)
				: (struct pattern_shape){ 0, 1 };
}

/* Bits of the number of windows that see a pixel. */
static uint32_t
coverage_bits(const struct conv *conv)
{
	return 64 - (uint32_t)__builtin_clzll(conv->window.taps);
}

uint64_t
conv_image_bytes(const struct conv *conv)
{
	const struct window *w = &conv->plane;
	struct pattern_shape pattern;
	struct conv_image_sizes sizes;

	if (conv->x->type != TYPE_FLOAT || w->rank == 0 || w->positions == 0 ||
	    w->area >= SEEN_EXACT / w->taps)
		return 0;
	pattern = pattern_of(conv);
	sizes = sizes_of(conv, &pattern);
	return (256 + sizes.plane_words * coverage_bits(conv)) * sizeof(uint64_t) +
	       (uint64_t)w->out[0] * sizeof(struct window_rows) +
	       sizes.sum_rows * sizes.sums * PANEL_COLUMNS * sizeof(float) +
	       sizes.area * sizeof(float) + sizes.patterns * sizeof(uint16_t) +
	       sizes.found_channels * sizes.found_bytes +
	       sizes.groups * (sizes.rows * sizes.row_bytes + sizeof(bool));
}

/* How many windows of a row or column see pixel i. */
static uint64_t
coverage_of(const struct window *w, uint32_t d, int64_t i)
{
	uint64_t count = 0;
	int64_t tap;

	for (tap = 0; tap < w->kernel[d]; tap++) {
		int64_t from = i + w->begin[d] - tap * w->dilations[d];

		count += from >= 0 && from % w->strides[d] == 0 && from / w->strides[d] < w->out[d];
	}
	return count;
}

static void
find_coverage(const struct window *w, float *coverage)
{
	int64_t x, y;

	for (x = 0; x < w->in[1]; x++)
		coverage[x] = (float)coverage_of(w, 1, x);
	for (y = w->in[0]; y-- > 0;) {
		float rows = (float)coverage_of(w, 0, y);

		for (x = 0; x < w->in[1]; x++)
			coverage[y * w->in[1] + x] = coverage[x] * rows;
	}
}

/* The same as planes of bits, a channel behind the other. */
static void
find_planes(const struct conv_image *seen, const struct conv *conv, uint64_t words)
{
	uint64_t area = conv->plane.area, channel, i, k, p;

	memset(seen->planes, 0, seen->plane_count * words * sizeof *seen->planes);
	for (i = 0; i < area; i += 64)
		for (p = 0; p < seen->plane_count; p++) {
			uint64_t bits = 0, *plane = seen->planes + p * words;

			for (k = i; k < area && k < i + 64; k++)
				bits |= ((uint64_t)seen->coverage[k] >> p & 1) << (k - i);
			for (channel = 0; channel < conv->in_channels; channel++)
				bits_set(plane, channel * area + i, bits);
		}
}

static void
find_windows(const struct window *w, struct window_rows *out)
{
	int64_t y, first, taps;

	for (y = 0; y < w->out[0]; y++, out++) {
		int64_t top = y * w->strides[0] - w->begin[0];

		for (first = 0; first < w->kernel[0] && top + first * w->dilations[0] < 0;)
			first++;
		for (taps = w->kernel[0];
		     taps > first && top + (taps - 1) * w->dilations[0] >= w->in[0];)
			taps--;
		out->first_tap = (uint64_t)first;
		out->taps = (uint64_t)(taps - first);
		out->first_row = taps > first ? (uint64_t)(top + first * w->dilations[0]) : 0;
	}
}

void
conv_image_init(struct conv_image *seen, const struct conv *conv, void *memory)
{
	struct conv_image_sizes sizes;
	uint32_t byte;

	seen->pattern = pattern_of(conv);
	seen->of_pixels = is_of_pixels(conv, &seen->pattern);
	sizes = seen->sizes = sizes_of(conv, &seen->pattern);
	seen->spread = memory;
	seen->planes = seen->spread + 256;
	seen->plane_count = sizes.plane_words ? coverage_bits(conv) : 0;
	seen->windows = (struct window_rows *)(void *)(seen->planes +
						       sizes.plane_words * seen->plane_count);
	seen->sums = (float *)(void *)(seen->windows + conv->plane.out[0]);
	seen->coverage = seen->sums + sizes.sum_rows * sizes.sums * PANEL_COLUMNS;
	seen->patterns = (uint16_t *)(void *)(seen->coverage + sizes.area);
	seen->found = (uint8_t *)(seen->patterns + sizes.patterns);
	seen->bits = seen->found + sizes.found_channels * sizes.found_bytes;
	seen->blank = (bool *)(seen->bits + sizes.groups * sizes.rows * sizes.row_bytes);
	seen->spread[0] = 0;
	for (byte = 1; byte < 256; byte++)
		seen->spread[byte] = seen->spread[byte >> 1] << seen->pattern.channels | (byte & 1);
	memset(seen->bits, 0, sizes.groups * sizes.rows * sizes.row_bytes);
	memset(seen->patterns, 0, sizes.patterns * sizeof *seen->patterns);
	find_windows(&conv->plane, seen->windows);
	find_coverage(&conv->plane, seen->coverage);
	if (conv->x->bits)
		find_planes(seen, conv, sizes.plane_words);
}

/* --- patterns of rows --------------------------------------------------------------------- */

static void
set_bits_at(uint8_t *bits, uint64_t at, uint64_t set)
{
	uint64_t word;

	memcpy(&word, bits + (at >> 3), sizeof word);
	word |= set << (at & 7);
	memcpy(bits + (at >> 3), &word, sizeof word);
}

/* What was found in a row of a channel, to its place among the bits of the channels
 * beside it. False: nothing. */
static bool
put_row(const struct conv_image *seen, const uint8_t *row, uint64_t first, uint64_t columns,
	uint64_t to, uint8_t *bits)
{
	uint64_t piece = seen->pattern.channels == 1 ? ROW_PIECE : 8, x, found, any = 0;

	if (columns <= ROW_PIECE && seen->pattern.channels == 1) {
		found = bits_of_bytes(row, first) & ((UINT64_C(1) << columns) - 1);
		set_bits_at(bits, to, found);
		return found != 0;
	}
	for (x = 0; x < columns; x += piece) {
		found = bits_of_bytes(row, first + x);
		if (columns - x < piece)
			found &= (UINT64_C(1) << (columns - x)) - 1;
		else
			found &= (UINT64_C(1) << piece) - 1;
		any |= found;
		if (seen->pattern.channels > 1)
			found = seen->spread[found];
		set_bits_at(bits, to + x * seen->pattern.channels, found);
	}
	return any != 0;
}

/* All rows of a channel, which begin at a bit of what was found. */
static void
put_channel(struct conv_image *seen, const struct conv *conv, uint64_t channel,
	    const uint8_t *found, uint64_t first)
{
	const struct window *w = &conv->plane;
	uint64_t group = channel / seen->pattern.channels, columns = (uint64_t)w->in[1], y;
	uint64_t to = (uint64_t)w->begin[1] * seen->pattern.channels +
		      channel % seen->pattern.channels;
	uint8_t *bits = seen->bits + group * seen->sizes.rows * seen->sizes.row_bytes;

	for (y = 0; y < seen->sizes.rows; y++, first += columns, bits += seen->sizes.row_bytes)
		if (put_row(seen, found, first, columns, to, bits))
			seen->blank[group] = false;
}

/* Of all rows, once their bits are known. */
static void
extract_rows(struct conv_image *seen, const struct conv *conv)
{
	const struct window *w = &conv->plane;

	conv_kernels()->extract(
		&seen->sizes, seen->bits, seen->pattern.channels * (uint32_t)w->strides[1],
		(UINT64_C(1) << seen->pattern.channels * w->kernel[1]) - 1, seen->patterns);
}

static void
begin_look(struct conv_image *seen)
{
	const struct conv_image_sizes *sizes = &seen->sizes;

	seen->ones = true;
	seen->nonzeros = 0;
	memset(seen->bits, 0, sizes->groups * sizes->rows * sizes->row_bytes);
	memset(seen->blank, true, sizes->groups * sizeof *seen->blank);
}

/* Of channels that are alone, rows of up to a word with the pads before them. */
static void
put_words(struct conv_image *seen, const struct conv *conv, const uint64_t *image)
{
	uint64_t columns = (uint64_t)conv->plane.in[1], group, y, any;
	uint8_t *bits = seen->bits;

	for (group = 0; group < seen->sizes.groups; group++) {
		for (y = 0, any = 0; y < seen->sizes.rows; y++, bits += seen->sizes.row_bytes) {
			uint64_t word = bits_at(image, (group * seen->sizes.rows + y) * columns) &
					low_bits(columns);

			any |= word;
			word <<= conv->plane.begin[1];
			memcpy(bits, &word, sizeof word);
		}
		seen->blank[group] = !any;
	}
}

/* --- patterns of pixels ------------------------------------------------------------------- */

/* Of a group of channels, whose bits begin stride behind each other. The rows go in their
 * order: what is written behind one is the next one's. */
static void
put_pixels(struct conv_image *seen, const struct conv *conv, uint64_t group, const void *bits,
	   uint64_t first, uint64_t stride)
{
	const struct window *w = &conv->plane;
	const struct conv_kernels *kernels = conv_kernels();
	uint64_t columns = (uint64_t)w->in[1], rows = seen->sizes.rows, row;
	uint64_t left = conv->in_channels - group * PIXEL_CHANNELS;
	uint16_t *patterns = seen->patterns + group * rows * seen->sizes.row_patterns;
	struct pixel_run run = {
		bits,	 first, stride, left < PIXEL_CHANNELS ? (uint32_t)left : PIXEL_CHANNELS,
		columns,
	};
	bool any = false;

	if (seen->sizes.row_patterns == columns) {
		run.count = columns * rows;
		rows = 1;
	}
	for (row = 0; row < rows; row++, run.first += columns)
		any |= kernels->pixels(&run, patterns + row * seen->sizes.row_patterns +
						     (uint64_t)w->begin[1]);
	seen->blank[group] = !any;
}

/* --- an image ----------------------------------------------------------------------------- */

/* What was found in a channel, the last one of a group or not. */
static void
put_found(struct conv_image *seen, const struct conv *conv, uint64_t channel)
{
	bool last = (channel + 1) % PIXEL_CHANNELS == 0 || channel + 1 == conv->in_channels;

	if (!seen->of_pixels)
		put_channel(seen, conv, channel, seen->found, 0);
	else if (last)
		put_pixels(seen, conv, channel / PIXEL_CHANNELS, seen->found, 0,
			   seen->sizes.found_bytes * 8);
}

void
conv_image_look(struct conv_image *seen, const struct conv *conv, const float *image)
{
	const struct conv_kernels *kernels = conv_kernels();
	const struct conv_image_sizes *sizes = &seen->sizes;
	uint64_t channel;

	begin_look(seen);
	for (channel = 0; channel < conv->in_channels; channel++, image += sizes->area) {
		uint8_t *found = seen->found + channel % sizes->found_channels * sizes->found_bytes;

		seen->nonzeros += (uint64_t)kernels->look(image, seen->coverage, sizes->area, found,
							  &seen->ones);
		if (seen->ones && sizes->patterns)
			put_found(seen, conv, channel);
	}
	if (seen->ones && sizes->patterns && !seen->of_pixels)
		extract_rows(seen, conv);
}

/* Of rows of bits, or of pixels. */
static void
put_bits(struct conv_image *seen, const struct conv *conv, const uint64_t *image)
{
	uint64_t channel, group;

	if (seen->of_pixels) {
		for (group = 0; group < seen->sizes.groups; group++)
			put_pixels(seen, conv, group, image,
				   group * PIXEL_CHANNELS * seen->sizes.area, seen->sizes.area);
		return;
	}
	if (seen->pattern.channels == 1 && conv->plane.begin[1] + conv->plane.in[1] <= 64) {
		put_words(seen, conv, image);
	} else {
		begin_look(seen);
		for (channel = 0; channel < conv->in_channels; channel++)
			put_channel(seen, conv, channel, (const uint8_t *)image,
				    channel * seen->sizes.area);
	}
	extract_rows(seen, conv);
}

void
conv_image_look_bits(struct conv_image *seen, const struct conv *conv, const uint64_t *image)
{
	put_bits(seen, conv, image);
	seen->ones = true;
	seen->nonzeros = conv_kernels()->weigh(image, seen->sizes.plane_words, seen->planes,
					       seen->plane_count);
}
