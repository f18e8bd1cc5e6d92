/* conv_tables.c - a convolution of an image of zeros and ones.
 *
 * What a window sees in a row of the image, of some channels side by side, is a few
 * bits; a table has the sum of the weights for each pattern of them. So a window adds a
 * row of a table for each row of pixels that it sees, however many of them are set:
 *
 *     out[o] = ((T0[bits 0][o] + T1[bits 1][o]) + T2[bits 2][o]) + ...
 *
 * with T[bits] summed from the lowest bit, the first channel's first tap, to the
 * highest. A row without a one is left out: its sum is 0. (The method of four Russians:
 * Arlazarov, Dinic, Kronrod, Faradzev 1970.) */
#include "simulator/conv.h"

#include "simulator/bits.h"

#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

enum {
	BITS_MAX = 8,			    /* of a pattern */
	PANEL_BYTES_MAX = 256 << 10,	    /* of the tables for PANEL_COLUMNS channels: near the
					 * processor */
	TABLES_BYTES_MAX = 64 << 20,	    /* of all of them */
	LOAD_BITS = 53,			    /* that a load of 8 bytes has from any bit on, times
					 * PANEL_COLUMNS */
	ROW_PIECE = 56,			    /* bits of a row at a time */
	SEEN_EXACT = 1 << 24,		    /* floats count that far */
	SUM_BYTES = 8 << 10,		    /* that stay in the first cache beside a few tables */
	GROUPS_AT_ONCE = 4,		    /* of channels */
	SPARE_BYTES = 2 * sizeof(uint64_t), /* that loads read behind a row */
};

/* --- the tables ---------------------------------------------------------------------- */

struct kernel_shape {
	uint64_t out, in, height, width;
};

static struct kernel_shape
shape_of(const struct tensor *kernels, uint64_t groups)
{
	return (struct kernel_shape){ kernels->dims[0] / groups, kernels->dims[1],
				      kernels->rank == 4 ? kernels->dims[2] : 1,
				      kernels->dims[kernels->rank - 1] };
}

static uint64_t
table_rows(const struct kernel_shape *shape, uint64_t channels)
{
	return (shape->in + channels - 1) / channels * shape->height << channels * shape->width;
}

uint32_t
tables_channels(const struct tensor *kernels, uint64_t groups)
{
	struct kernel_shape shape;
	uint32_t channels = BITS_MAX;
	uint64_t row_bytes = PANEL_COLUMNS * sizeof(float);

	if (kernels->rank < 3 || kernels->rank > 4 || kernels->type != TYPE_FLOAT ||
	    kernels->count == 0)
		return 0;
	shape = shape_of(kernels, groups);
	while (channels && channels * shape.width > BITS_MAX)
		channels--;
	while (channels > 1 &&
	       (channels > shape.in || table_rows(&shape, channels) * row_bytes > PANEL_BYTES_MAX))
		channels--;
	/* A pixel's bits do not straddle bytes in another way for each pixel. */
	while (channels & (channels - 1))
		channels--;
	if (channels == 0 ||
	    table_rows(&shape, channels) >
		    TABLES_BYTES_MAX / (packed_floats(1, shape.out * groups) * sizeof(float)))
		return 0;
	return channels;
}

/* The row of packed weights that a bit of a pattern stands for; packed->rows: a channel
 * that there is not. */
static uint64_t
weight_of_bit(const struct kernel_shape *shape, uint64_t channels, uint64_t run, uint64_t bit)
{
	uint64_t channel = run / shape->height * channels + bit % channels;

	if (channel >= shape->in)
		return shape->in * shape->height * shape->width;
	return (channel * shape->height + run % shape->height) * shape->width + bit / channels;
}

static void
fill_table(const struct kernel_shape *shape, uint64_t channels, uint64_t run, const float *weights,
	   float *table)
{
	uint64_t bits = channels * shape->width, bit, pattern, column;
	uint64_t rows = shape->in * shape->height * shape->width;

	memset(table, 0, PANEL_COLUMNS * sizeof *table);
	for (bit = 0; bit < bits; bit++) {
		uint64_t row = weight_of_bit(shape, channels, run, bit);
		float *to = table + (UINT64_C(1) << bit) * PANEL_COLUMNS;

		for (pattern = 0; pattern < UINT64_C(1) << bit; pattern++)
			for (column = 0; column < PANEL_COLUMNS; column++, to++)
				*to = table[pattern * PANEL_COLUMNS + column] +
				      (row < rows ? weights[row * PANEL_COLUMNS + column] : 0);
	}
}

static void
fill_tables(const struct kernel_shape *shape, uint64_t channels, const struct packed *packed,
	    float *memory)
{
	uint64_t panels = (packed->columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS, panel, run;
	uint64_t runs = (shape->in + channels - 1) / channels * shape->height;
	uint64_t table_floats = (uint64_t)PANEL_COLUMNS << channels * shape->width;

	for (panel = 0; panel < panels; panel++)
		for (run = 0; run < runs; run++, memory += table_floats)
			fill_table(shape, channels, run,
				   packed->data + panel * packed->rows * PANEL_COLUMNS, memory);
}

snnfit_status
tables_make(struct plan *plan, uint32_t slot, uint32_t groups, snnfit_error *err)
{
	const struct tensor *kernels = &plan->constants[slot];
	const struct packed *packed = plan_packed(plan, slot, PACK_KERNELS, groups);
	uint32_t channels = packed ? tables_channels(kernels, groups) : 0, group;
	struct kernel_shape shape;
	struct plan_packing *made;
	uint64_t floats;
	snnfit_status status;

	if (channels == 0 || plan_packed(plan, slot, PACK_TABLES, groups))
		return SNNFIT_OK;
	shape = shape_of(kernels, groups);
	floats = packed_floats(table_rows(&shape, channels), shape.out);
	status = plan_add_packing(plan, slot, PACK_TABLES, groups, floats, &made, err);
	for (group = 0; group < groups && status == SNNFIT_OK; group++) {
		float *memory = (float *)made->memory.data + group * floats;

		made->matrices[group] = (struct packed){ .data = memory,
							 .rows = table_rows(&shape, channels),
							 .columns = shape.out,
							 .finite = packed[group].finite };
		fill_tables(&shape, channels, &packed[group], memory);
	}
	return status;
}

/* --- looking at an image ----------------------------------------------------------------- */

/* Patterns of positions that follow each other come from one load. */
bool
tables_fit(const struct conv *conv)
{
	const struct window *w = &conv->plane;
	uint32_t channels = conv->tables ? tables_channels(conv->w, conv->groups) : 0;

	return channels && w->dilations[1] == 1 && w->strides[1] <= BITS_MAX &&
	       ((TABLE_POSITIONS - 1) * w->strides[1] + w->kernel[1]) * channels <= LOAD_BITS;
}

static uint32_t
bits_apart(const struct conv *conv)
{
	return tables_fit(conv) ? tables_channels(conv->w, conv->groups) : 1;
}

static uint64_t
rounded_up(uint64_t number, uint64_t step)
{
	return (number + step - 1) / step * step;
}

static struct conv_image_sizes
sizes_of(const struct conv *conv, uint32_t channels)
{
	const struct window *w = &conv->plane;
	struct conv_image_sizes sizes = { .rows = (uint64_t)w->in[0], .area = w->area };
	int64_t reach = (w->out[1] + EXTRACTED) * w->strides[1] + w->kernel[1];
	int64_t row = w->begin[1] + w->in[1];

	sizes.groups = (conv->in_channels + channels - 1) / channels;
	sizes.row_bytes = (uint64_t)(row > reach ? row : reach) * channels / 8 + SPARE_BYTES;
	if (!tables_fit(conv))
		return sizes;
	sizes.row_patterns = rounded_up((uint64_t)w->out[1], EXTRACTED);
	sizes.sums = rounded_up((uint64_t)w->out[1], TABLE_POSITIONS);
	sizes.sum_rows = SUM_BYTES / (sizes.sums * PANEL_COLUMNS * sizeof(float));
	if (sizes.sum_rows == 0)
		sizes.sum_rows = 1;
	sizes.plane_words = bit_words(conv->in_channels * w->area);
	return sizes;
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
	struct conv_image_sizes sizes;

	if (conv->x->type != TYPE_FLOAT || w->rank == 0 || w->positions == 0 ||
	    w->area >= SEEN_EXACT / w->taps)
		return 0;
	sizes = sizes_of(conv, bits_apart(conv));
	return (256 + sizes.plane_words * coverage_bits(conv)) * sizeof(uint64_t) +
	       (uint64_t)w->out[0] * sizeof(struct window_rows) +
	       sizes.sum_rows * sizes.sums * PANEL_COLUMNS * sizeof(float) +
	       sizes.area * sizeof(float) + sizes.area / 8 + SPARE_BYTES +
	       sizes.groups * sizes.rows *
		       (sizes.row_patterns * sizeof(uint16_t) + sizes.row_bytes) +
	       sizes.groups * sizeof(bool);
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
	uint32_t channels = bits_apart(conv), byte;
	struct conv_image_sizes sizes = sizes_of(conv, channels);

	seen->sizes = sizes;
	seen->channels = channels;
	seen->spread = memory;
	seen->planes = seen->spread + 256;
	seen->plane_count = sizes.plane_words ? coverage_bits(conv) : 0;
	seen->windows = (struct window_rows *)(void *)(seen->planes +
						       sizes.plane_words * seen->plane_count);
	seen->sums = (float *)(void *)(seen->windows + conv->plane.out[0]);
	seen->coverage = seen->sums + sizes.sum_rows * sizes.sums * PANEL_COLUMNS;
	seen->patterns = (uint16_t *)(void *)(seen->coverage + sizes.area);
	seen->found = (uint8_t *)(seen->patterns + sizes.groups * sizes.rows * sizes.row_patterns);
	seen->bits = seen->found + sizes.area / 8 + SPARE_BYTES;
	seen->blank = (bool *)(seen->bits + sizes.groups * sizes.rows * sizes.row_bytes);
	seen->spread[0] = 0;
	for (byte = 1; byte < 256; byte++)
		seen->spread[byte] = seen->spread[byte >> 1] << channels | (byte & 1);
	memset(seen->bits, 0, sizes.groups * sizes.rows * sizes.row_bytes);
	find_windows(&conv->plane, seen->windows);
	find_coverage(&conv->plane, seen->coverage);
	if (conv->x->bits)
		find_planes(seen, conv, sizes.plane_words);
}

static uint64_t
load_bits(const uint8_t *bits, uint64_t at)
{
	uint64_t word;

	memcpy(&word, bits + (at >> 3), sizeof word);
	return word >> (at & 7);
}

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
	uint64_t piece = seen->channels == 1 ? ROW_PIECE : 8, x, found, any = 0;

	if (columns <= ROW_PIECE && seen->channels == 1) {
		found = load_bits(row, first) & ((UINT64_C(1) << columns) - 1);
		set_bits_at(bits, to, found);
		return found != 0;
	}
	for (x = 0; x < columns; x += piece) {
		found = load_bits(row, first + x);
		if (columns - x < piece)
			found &= (UINT64_C(1) << (columns - x)) - 1;
		else
			found &= (UINT64_C(1) << piece) - 1;
		any |= found;
		if (seen->channels > 1)
			found = seen->spread[found];
		set_bits_at(bits, to + x * seen->channels, found);
	}
	return any != 0;
}

/* All rows of a channel, which begin at a bit of what was found. */
static void
put_channel(struct conv_image *seen, const struct conv *conv, uint64_t channel,
	    const uint8_t *found, uint64_t first)
{
	const struct window *w = &conv->plane;
	uint64_t group = channel / seen->channels, columns = (uint64_t)w->in[1], y;
	uint64_t to = (uint64_t)w->begin[1] * seen->channels + channel % seen->channels;
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

	conv_kernels()->extract(&seen->sizes, seen->bits, seen->channels * (uint32_t)w->strides[1],
				(UINT64_C(1) << seen->channels * w->kernel[1]) - 1, seen->patterns);
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

void
conv_image_look(struct conv_image *seen, const struct conv *conv, const float *image)
{
	const struct conv_kernels *kernels = conv_kernels();
	uint64_t channel;

	begin_look(seen);
	for (channel = 0; channel < conv->in_channels; channel++, image += seen->sizes.area) {
		seen->nonzeros += (uint64_t)kernels->look(image, seen->coverage, seen->sizes.area,
							  seen->found, &seen->ones);
		if (seen->ones)
			put_channel(seen, conv, channel, seen->found, 0);
	}
	if (seen->ones && seen->sizes.row_patterns)
		extract_rows(seen, conv);
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

void
conv_image_look_bits(struct conv_image *seen, const struct conv *conv, const uint64_t *image)
{
	uint64_t channel;

	if (seen->channels == 1 && conv->plane.begin[1] + conv->plane.in[1] <= 64) {
		put_words(seen, conv, image);
	} else {
		begin_look(seen);
		for (channel = 0; channel < conv->in_channels; channel++)
			put_channel(seen, conv, channel, (const uint8_t *)image,
				    channel * seen->sizes.area);
	}
	extract_rows(seen, conv);
	seen->ones = true;
	seen->nonzeros = conv_kernels()->weigh(image, seen->sizes.plane_words, seen->planes,
					       seen->plane_count);
}

/* --- adding up ---------------------------------------------------------------------------- */

/* Sums of a row of positions by channels to where they belong: channels by positions. */
static void
put_sums(const float *sums, uint64_t positions, uint64_t channels, const float *bias, float *out,
	 uint64_t stride)
{
	uint64_t channel = 0, p = 0, i;

#ifdef __SSE2__
	for (; channel + 4 <= channels; channel += 4) {
		__m128 added = bias ? _mm_loadu_ps(bias + channel) : _mm_setzero_ps(), rows[4];

		for (p = 0; p + 4 <= positions; p += 4) {
			const float *from = sums + p * PANEL_COLUMNS + channel;

			for (i = 0; i < 4; i++)
				rows[i] = _mm_add_ps(_mm_loadu_ps(from + i * PANEL_COLUMNS), added);
			_MM_TRANSPOSE4_PS(rows[0], rows[1], rows[2], rows[3]);
			for (i = 0; i < 4; i++)
				_mm_storeu_ps(out + (channel + i) * stride + p, rows[i]);
		}
	}
#endif
	/* What is left: positions of those channels, and all of the others. */
	for (i = positions % 4 ? 0 : channel; i < channels; i++)
		for (p = i < channel ? positions / 4 * 4 : 0; p < positions; p++)
			out[i * stride + p] = sums[p * PANEL_COLUMNS + i] + (bias ? bias[i] : 0);
}

static bool
are_blank(const struct conv_image *seen, uint64_t first, uint64_t groups)
{
	uint64_t i;

	for (i = first; i < first + groups; i++)
		if (!seen->blank[i])
			return false;
	return true;
}

/* Some rows of windows: what they see of some channels is added before the next ones, so that
 * tables stay near the processor. */
static void
add_rows(const struct conv_image *seen, const struct conv *conv, const float *panel, uint64_t first,
	 uint64_t rows)
{
	const struct window *w = &conv->plane;
	const struct conv_kernels *kernels = conv_kernels();
	const struct conv_image_sizes *sizes = &seen->sizes;
	const uint16_t *patterns = seen->patterns;
	uint64_t row_floats = sizes->sums * PANEL_COLUMNS, group, y;
	struct table_run run = { .row_patterns = sizes->row_patterns * (uint64_t)w->dilations[0] };

	run.table_floats = (uint64_t)PANEL_COLUMNS << seen->channels * w->kernel[1];
	run.group_patterns = sizes->rows * sizes->row_patterns;
	run.group_floats = (uint64_t)w->kernel[0] * run.table_floats;
	run.fresh = true;
	for (group = 0; group < sizes->groups; group += run.groups) {
		run.groups = sizes->groups - group < GROUPS_AT_ONCE ? sizes->groups - group
								    : GROUPS_AT_ONCE;
		if (!are_blank(seen, group, run.groups)) {
			for (y = 0; y < rows; y++) {
				const struct window_rows *window = &seen->windows[first + y];

				run.patterns = patterns + window->first_row * sizes->row_patterns;
				run.table = panel + window->first_tap * run.table_floats;
				run.taps = window->taps;
				kernels->tables(&run, (uint64_t)w->out[1],
						seen->sums + y * row_floats);
			}
			run.fresh = false;
		}
		patterns += run.groups * run.group_patterns;
		panel += run.groups * run.group_floats;
	}
	if (run.fresh)
		memset(seen->sums, 0, rows * row_floats * sizeof *seen->sums);
}

void
tables_convolve(const struct conv_image *seen, const struct conv *conv, const struct packed *tables,
		const float *bias, float *out)
{
	const struct window *w = &conv->plane;
	uint64_t columns = (uint64_t)w->out[1], height = (uint64_t)w->out[0], channel, y, i, rows;
	uint64_t row_floats = seen->sizes.sums * PANEL_COLUMNS;

	for (channel = 0; channel < tables->columns; channel += PANEL_COLUMNS) {
		uint64_t left = tables->columns - channel;
		const float *added = bias ? bias + channel : NULL;

		for (y = 0; y < height; y += rows) {
			float *to = out + channel * w->positions + y * columns;

			rows = height - y < seen->sizes.sum_rows ? height - y
								 : seen->sizes.sum_rows;
			add_rows(seen, conv, tables->data + channel * tables->rows, y, rows);
			for (i = 0; i < rows; i++, to += columns)
				put_sums(seen->sums + i * row_floats, columns,
					 left < PANEL_COLUMNS ? left : PANEL_COLUMNS, added, to,
					 w->positions);
		}
	}
}
