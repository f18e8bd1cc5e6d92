/* conv_tables.c - a convolution of an image of zeros and ones.
 *
 * A pattern is a few bits of the image, of some pixels of a row and some channels side by
 * side; a table has the sum of the weights for each of them. So a window adds a row of a
 * table for each pattern that it sees, however many bits are set:
 *
 *     out[o] = ((T0[bits 0][o] + T1[bits 1][o]) + T2[bits 2][o]) + ...
 *
 * with T[bits] summed from the lowest bit, the first channel's first tap, to the
 * highest. A pattern without a one adds 0. (The method of four Russians:
 * Arlazarov, Dinic, Kronrod, Faradzev 1970.)
 *
 * Few channels: a pattern is all that a window sees in a row, and there is one for each
 * window. Many: it is a pixel of eight channels, and there is one for each pixel. */
#include "simulator/conv.h"

#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

enum {
	BITS_MAX = 8,		     /* of a pattern */
	PANEL_BYTES_MAX = 1 << 20,   /* of the tables for PANEL_COLUMNS channels: near the
				      * processor */
	TABLES_BYTES_MAX = 64 << 20, /* of all of them */
	LOAD_BITS = 53,		     /* that a load of 8 bytes has from any bit on, times
				      * PANEL_COLUMNS */
	GROUPS_AT_ONCE = 4,	     /* of channels */
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

/* Of a table: a row more than there are patterns, so that the rows that are used most, those
 * of few ones, are not at one place of the cache in all tables. */
static uint64_t
table_rows(const struct pattern_shape *pattern)
{
	return (UINT64_C(1) << pattern->channels * pattern->pixels) + 1;
}

/* How many tables a window takes. */
static uint64_t
table_count(const struct kernel_shape *shape, const struct pattern_shape *pattern)
{
	return (shape->in + pattern->channels - 1) / pattern->channels * shape->height *
	       (shape->width / pattern->pixels);
}

static bool
are_near(const struct kernel_shape *shape, const struct pattern_shape *pattern)
{
	return table_count(shape, pattern) * table_rows(pattern) <=
	       PANEL_BYTES_MAX / (PANEL_COLUMNS * sizeof(float));
}

/* What a window sees in a row, of as many channels as can be; none: rows are too long. */
static struct pattern_shape
pattern_of_row(const struct kernel_shape *shape)
{
	struct pattern_shape pattern = { BITS_MAX, (uint32_t)shape->width };

	if (shape->width > BITS_MAX)
		return (struct pattern_shape){ 0, 1 };
	while (pattern.channels * pattern.pixels > BITS_MAX)
		pattern.channels--;
	while (pattern.channels > 1 && (pattern.channels > shape->in || !are_near(shape, &pattern)))
		pattern.channels--;
	/* A pixel's bits do not straddle bytes in another way for each pixel. */
	while (pattern.channels & (pattern.channels - 1))
		pattern.channels--;
	return pattern;
}

struct pattern_shape
tables_pattern(const struct tensor *kernels, uint64_t groups)
{
	const struct pattern_shape none = { 0, 1 }, pixel = { PIXEL_CHANNELS, 1 };
	struct pattern_shape pattern;
	struct kernel_shape shape;

	if (kernels->rank < 3 || kernels->rank > 4 || kernels->type != TYPE_FLOAT ||
	    kernels->count == 0)
		return none;
	shape = shape_of(kernels, groups);
	pattern = pattern_of_row(&shape);
	if (pattern.channels && shape.width > 1 && are_near(&shape, &pixel) &&
	    table_count(&shape, &pixel) < table_count(&shape, &pattern))
		pattern = pixel;
	if (pattern.channels == 0 ||
	    table_count(&shape, &pattern) * table_rows(&pattern) >
		    TABLES_BYTES_MAX / (packed_floats(1, shape.out * groups) * sizeof(float)))
		return none;
	return pattern;
}

/* The row of packed weights that a bit of a pattern stands for; packed->rows: a channel
 * that there is not. */
static uint64_t
weight_of_bit(const struct kernel_shape *shape, const struct pattern_shape *pattern, uint64_t table,
	      uint64_t bit)
{
	uint64_t parts = shape->width / pattern->pixels, row = table / parts;
	uint64_t channel = row / shape->height * pattern->channels + bit % pattern->channels;
	uint64_t column = table % parts * pattern->pixels + bit / pattern->channels;

	if (channel >= shape->in)
		return shape->in * shape->height * shape->width;
	return (channel * shape->height + row % shape->height) * shape->width + column;
}

static void
fill_table(const struct kernel_shape *shape, const struct pattern_shape *pattern, uint64_t number,
	   const float *weights, float *table)
{
	uint64_t bits = pattern->channels * pattern->pixels, bit, i, column;
	uint64_t rows = shape->in * shape->height * shape->width;

	memset(table, 0, table_rows(pattern) * PANEL_COLUMNS * sizeof *table);
	for (bit = 0; bit < bits; bit++) {
		uint64_t row = weight_of_bit(shape, pattern, number, bit);
		float *to = table + (UINT64_C(1) << bit) * PANEL_COLUMNS;

		for (i = 0; i < UINT64_C(1) << bit; i++)
			for (column = 0; column < PANEL_COLUMNS; column++, to++)
				*to = table[i * PANEL_COLUMNS + column] +
				      (row < rows ? weights[row * PANEL_COLUMNS + column] : 0);
	}
}

static void
fill_tables(const struct kernel_shape *shape, const struct pattern_shape *pattern,
	    const struct packed *packed, float *memory)
{
	uint64_t panels = (packed->columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS, panel, i;
	uint64_t tables = table_count(shape, pattern);
	uint64_t table_floats = table_rows(pattern) * PANEL_COLUMNS;

	for (panel = 0; panel < panels; panel++)
		for (i = 0; i < tables; i++, memory += table_floats)
			fill_table(shape, pattern, i,
				   packed->data + panel * packed->rows * PANEL_COLUMNS, memory);
}

snnfit_status
tables_make(struct plan *plan, uint32_t slot, uint32_t groups, snnfit_error *err)
{
	const struct tensor *kernels = &plan->constants[slot];
	const struct packed *packed = plan_packed(plan, slot, PACK_KERNELS, groups);
	struct pattern_shape pattern = { 0, 1 };
	struct kernel_shape shape;
	struct plan_packing *made;
	uint64_t floats, rows;
	uint32_t group;
	snnfit_status status;

	if (packed)
		pattern = tables_pattern(kernels, groups);
	if (pattern.channels == 0 || plan_packed(plan, slot, PACK_TABLES, groups))
		return SNNFIT_OK;
	shape = shape_of(kernels, groups);
	rows = table_count(&shape, &pattern) * table_rows(&pattern);
	floats = packed_floats(rows, shape.out);
	status = plan_add_packing(plan, slot, PACK_TABLES, groups, floats, &made, err);
	for (group = 0; group < groups && status == SNNFIT_OK; group++) {
		float *memory = (float *)made->memory.data + group * floats;

		made->matrices[group] = (struct packed){ .data = memory,
							 .rows = rows,
							 .columns = shape.out,
							 .finite = packed[group].finite };
		fill_tables(&shape, &pattern, &packed[group], memory);
	}
	return status;
}

/* Patterns of rows, of positions that follow each other, come from one load. */
bool
tables_fit(const struct conv *conv)
{
	const struct window *w = &conv->plane;
	struct pattern_shape pattern = { 0, 1 };

	if (conv->tables)
		pattern = tables_pattern(conv->w, conv->groups);
	if (pattern.pixels < (uint64_t)w->kernel[1])
		return pattern.channels != 0;
	return pattern.channels && w->dilations[1] == 1 && w->strides[1] <= BITS_MAX &&
	       ((TABLE_POSITIONS - 1) * w->strides[1] + w->kernel[1]) * pattern.channels <=
		       LOAD_BITS;
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
	struct table_run run = { .row_patterns = sizes->row_patterns * (uint64_t)w->dilations[0],
				 .columns = 1,
				 .position_patterns = 1 };

	if (seen->of_pixels) {
		run.columns = (uint64_t)w->kernel[1];
		run.column_patterns = (uint64_t)w->dilations[1];
		run.position_patterns = (uint64_t)w->strides[1];
	}
	run.table_floats = table_rows(&seen->pattern) * PANEL_COLUMNS;
	run.group_patterns = sizes->rows * sizes->row_patterns;
	run.group_floats = (uint64_t)w->kernel[0] * run.columns * run.table_floats;
	run.fresh = true;
	for (group = 0; group < sizes->groups; group += run.groups) {
		run.groups = sizes->groups - group < GROUPS_AT_ONCE ? sizes->groups - group
								    : GROUPS_AT_ONCE;
		if (!are_blank(seen, group, run.groups)) {
			for (y = 0; y < rows; y++) {
				const struct window_rows *window = &seen->windows[first + y];

				run.patterns = patterns + window->first_row * sizes->row_patterns;
				run.table = panel +
					    window->first_tap * run.columns * run.table_floats;
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
