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

		made->matrices[group] = (struct packed){ memory, table_rows(&shape, channels),
							 shape.out, packed[group].finite };
		fill_tables(&shape, channels, &packed[group], memory);
	}
	return status;
}

/* --- looking at an image ----------------------------------------------------------------- */

struct bits_sizes {
	uint64_t groups; /* of channels side by side */
	uint64_t rows, row_bytes, runs, area;
};

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

static struct bits_sizes
sizes_of(const struct conv *conv, uint32_t channels)
{
	const struct window *w = &conv->plane;
	struct bits_sizes sizes = { .rows = (uint64_t)w->in[0], .area = w->area };
	int64_t reach = (w->out[1] + TABLE_POSITIONS) * w->strides[1] + w->kernel[1];
	int64_t row = w->begin[1] + w->in[1];

	sizes.groups = (conv->in_channels + channels - 1) / channels;
	sizes.row_bytes = (uint64_t)(row > reach ? row : reach) * channels / 8 + SPARE_BYTES;
	sizes.runs = sizes.groups * (uint64_t)w->kernel[0];
	return sizes;
}

uint64_t
conv_image_bytes(const struct conv *conv)
{
	const struct window *w = &conv->plane;
	struct bits_sizes sizes;

	if (conv->x->type != TYPE_FLOAT || w->rank == 0 || w->positions == 0 ||
	    w->area >= SEEN_EXACT / w->taps)
		return 0;
	sizes = sizes_of(conv, bits_apart(conv));
	return 256 * sizeof(uint64_t) + sizes.runs * sizeof(struct table_run) +
	       sizes.area * sizeof(float) + sizes.area / 8 + SPARE_BYTES +
	       sizes.groups * sizes.rows * (sizes.row_bytes + sizeof(bool));
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

void
conv_image_init(struct conv_image *seen, const struct conv *conv, void *memory)
{
	uint32_t channels = bits_apart(conv), byte;
	struct bits_sizes sizes = sizes_of(conv, channels);

	seen->channels = channels;
	seen->row_bytes = sizes.row_bytes;
	seen->spread = memory;
	seen->runs = (struct table_run *)(void *)(seen->spread + 256);
	seen->coverage = (float *)(void *)(seen->runs + sizes.runs);
	seen->found = (uint8_t *)(seen->coverage + sizes.area);
	seen->bits = seen->found + sizes.area / 8 + SPARE_BYTES;
	seen->blank = (bool *)(seen->bits + sizes.groups * sizes.rows * sizes.row_bytes);
	seen->spread[0] = 0;
	for (byte = 1; byte < 256; byte++)
		seen->spread[byte] = seen->spread[byte >> 1] << channels | (byte & 1);
	find_coverage(&conv->plane, seen->coverage);
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
put_row(const struct conv_image *seen, uint64_t first, uint64_t columns, uint64_t to, uint8_t *bits)
{
	uint64_t piece = seen->channels == 1 ? ROW_PIECE : 8, x, found, any = 0;

	if (columns <= ROW_PIECE && seen->channels == 1) {
		found = load_bits(seen->found, first) & ((UINT64_C(1) << columns) - 1);
		set_bits_at(bits, to, found);
		return found != 0;
	}
	for (x = 0; x < columns; x += piece) {
		found = load_bits(seen->found, first + x);
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

void
conv_image_look(struct conv_image *seen, const struct conv *conv, const float *image)
{
	const struct conv_kernels *kernels = conv_kernels();
	const struct window *w = &conv->plane;
	struct bits_sizes sizes = sizes_of(conv, seen->channels);
	uint64_t channel, columns = (uint64_t)w->in[1], y;

	seen->ones = true;
	seen->nonzeros = 0;
	memset(seen->bits, 0, sizes.groups * sizes.rows * sizes.row_bytes);
	memset(seen->blank, true, sizes.groups * sizes.rows * sizeof *seen->blank);
	for (channel = 0; channel < conv->in_channels; channel++, image += sizes.area) {
		uint64_t row = channel / seen->channels * sizes.rows;
		uint64_t to = (uint64_t)w->begin[1] * seen->channels + channel % seen->channels;

		seen->nonzeros += (uint64_t)kernels->look(image, seen->coverage, sizes.area,
							  seen->found, &seen->ones);
		for (y = 0; y < sizes.rows && seen->ones; y++, row++)
			if (put_row(seen, y * columns, columns, to,
				    seen->bits + row * seen->row_bytes))
				seen->blank[row] = false;
	}
}

/* --- adding up ---------------------------------------------------------------------------- */

/* What windows of row y see. */
static uint64_t
list_runs(const struct conv_image *seen, const struct conv *conv, int64_t y)
{
	const struct window *w = &conv->plane;
	uint64_t table_floats = (uint64_t)PANEL_COLUMNS << seen->channels * w->kernel[1];
	int64_t groups = ((int64_t)conv->in_channels + seen->channels - 1) / seen->channels;
	int64_t top = y * w->strides[0] - w->begin[0], group, tap, at;
	struct table_run *run = seen->runs;
	uint64_t table = 0;

	for (group = 0; group < groups; group++) {
		const bool *blank = seen->blank + group * w->in[0];
		const uint8_t *bits = seen->bits + (uint64_t)(group * w->in[0]) * seen->row_bytes;

		for (tap = 0, at = top; tap < w->kernel[0];
		     tap++, at += w->dilations[0], table += table_floats) {
			if (at < 0 || at >= w->in[0] || blank[at])
				continue;
			run->bits = bits + (uint64_t)at * seen->row_bytes;
			run->table = table;
			run++;
		}
	}
	return (uint64_t)(run - seen->runs);
}

/* Sums of positions by channels to where they belong: channels by positions. */
static void
put_sums(const float *sums, uint64_t positions, uint64_t channels, const float *bias, float *out,
	 uint64_t stride)
{
	uint64_t channel = 0, p;

#ifdef __SSE2__
	for (; positions == 4 && channel + 4 <= channels; channel += 4, out += 4 * stride) {
		__m128 added = bias ? _mm_loadu_ps(bias + channel) : _mm_setzero_ps(), rows[4];

		for (p = 0; p < 4; p++)
			rows[p] = _mm_add_ps(_mm_loadu_ps(sums + p * PANEL_COLUMNS + channel),
					     added);
		_MM_TRANSPOSE4_PS(rows[0], rows[1], rows[2], rows[3]);
		for (p = 0; p < 4; p++)
			_mm_storeu_ps(out + p * stride, rows[p]);
	}
#endif
	for (; channel < channels; channel++, out += stride) {
		float added = bias ? bias[channel] : 0;

		for (p = 0; p < positions; p++)
			out[p] = sums[p * PANEL_COLUMNS + channel] + added;
	}
}

void
tables_convolve(const struct conv_image *seen, const struct conv *conv, const struct packed *tables,
		const float *bias, float *out)
{
	const struct conv_kernels *kernels = conv_kernels();
	const struct window *w = &conv->plane;
	uint64_t mask = (UINT64_C(1) << seen->channels * w->kernel[1]) - 1;
	uint32_t step = seen->channels * (uint32_t)w->strides[1];
	uint64_t columns = (uint64_t)w->out[1], x, channel, count;
	float sums[TABLE_POSITIONS * PANEL_COLUMNS];
	int64_t y;

	for (y = 0; y < w->out[0]; y++, out += columns) {
		count = list_runs(seen, conv, y);
		for (channel = 0; channel < tables->columns; channel += PANEL_COLUMNS) {
			uint64_t left = tables->columns - channel;

			for (x = 0; x < columns; x += TABLE_POSITIONS) {
				kernels->tables(seen->runs, count,
						tables->data + channel * tables->rows, x * step,
						step, mask, sums);
				put_sums(sums,
					 columns - x < TABLE_POSITIONS ? columns - x
								       : TABLE_POSITIONS,
					 left < PANEL_COLUMNS ? left : PANEL_COLUMNS,
					 bias ? bias + channel : NULL,
					 out + channel * w->positions + x, w->positions);
			}
		}
	}
}
