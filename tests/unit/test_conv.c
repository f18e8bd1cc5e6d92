/* Convolutions: of zeros and ones by tables, bit for bit what the sums of patterns add up
 * to; of other images with strides of one, bit for bit what products of matrices give. */
#include "simulator/bits.h"
#include "simulator/conv.h"
#include "tests/unit/random_floats.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct shape {
	uint64_t in, out;
	int64_t height, width, kernel_height, kernel_width, stride, dilation, pad;
};

static const struct shape shapes[] = {
	{ 1, 1, 1, 1, 1, 1, 1, 1, 0 },	  { 3, 5, 7, 9, 3, 3, 1, 1, 1 },
	{ 8, 16, 12, 12, 5, 5, 1, 1, 0 }, { 8, 8, 14, 14, 3, 3, 1, 1, 1 },
	{ 5, 33, 6, 70, 3, 3, 1, 1, 2 },  { 4, 17, 11, 13, 3, 3, 2, 1, 1 },
	{ 16, 20, 5, 5, 1, 1, 1, 1, 0 },  { 9, 4, 8, 8, 2, 2, 2, 1, 0 },
	{ 2, 6, 20, 130, 7, 7, 1, 1, 3 }, { 6, 16, 9, 9, 4, 8, 1, 1, 4 },
	{ 3, 7, 10, 10, 3, 3, 1, 2, 2 },  { 7, 48, 1, 40, 1, 5, 1, 1, 0 },
	{ 40, 16, 4, 4, 3, 3, 1, 1, 1 },  { 2, 3, 5, 64, 1, 1, 3, 1, 0 },
	{ 15, 9, 9, 37, 3, 3, 1, 2, 1 },  { 8, 20, 13, 11, 3, 3, 2, 3, 2 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void *
room(size_t bytes)
{
	void *memory = malloc(bytes + 1);

	ck_assert_ptr_nonnull(memory);
	return memory;
}

/* --- a convolution with constant kernels ------------------------------------------------- */

struct fixture {
	struct plan plan;
	struct tensor constants[2], x, bias;
	struct conv conv;
	float *out;
	uint32_t state;
};

static void
set_window(struct window *w, const struct shape *s)
{
	const int64_t in[2] = { s->height, s->width };
	const int64_t kernel[2] = { s->kernel_height, s->kernel_width };
	int d;

	*w = (struct window){ .rank = 2, .positions = 1, .taps = 1, .area = 1 };
	for (d = 0; d < 2; d++) {
		w->in[d] = in[d];
		w->kernel[d] = kernel[d];
		w->strides[d] = s->stride;
		w->dilations[d] = s->dilation;
		w->begin[d] = w->end[d] = kernel[d] > 1 ? s->pad : 0;
		w->out[d] = (in[d] + 2 * w->begin[d] - (kernel[d] - 1) * s->dilation - 1) /
				    s->stride +
			    1;
		w->positions *= (uint64_t)w->out[d];
		w->taps *= (uint64_t)kernel[d];
		w->area *= (uint64_t)in[d];
	}
}

static void
set_tensor(struct fixture *f, struct tensor *tensor, uint32_t rank, const uint64_t *dims)
{
	snnfit_error err;
	uint64_t i;

	ck_assert_int_eq(
		tensor_allocate(tensor, &f->plan.pool, TYPE_FLOAT, rank, dims, 1, false, &err),
		SNNFIT_OK);
	for (i = 0; i < tensor->count; i++)
		((float *)tensor->data)[i] = random_float(&f->state);
}

static void
open_fixture(struct fixture *f, const struct shape *s)
{
	const uint64_t kernels[4] = { s->out, s->in, (uint64_t)s->kernel_height,
				      (uint64_t)s->kernel_width };
	const uint64_t image[4] = { 1, s->in, (uint64_t)s->height, (uint64_t)s->width };
	struct conv *conv = &f->conv;
	snnfit_error err;

	memset(f, 0, sizeof *f);
	f->state = (uint32_t)(s->in * 131 + s->out * 17 + (uint64_t)s->width);
	f->plan.pool.limit = UINT64_MAX / 2;
	f->plan.constants = f->constants;
	f->plan.slot_count = 2;
	set_tensor(f, &f->constants[1], 4, kernels);
	set_tensor(f, &f->x, 4, image);
	set_tensor(f, &f->bias, 1, &s->out);
	ck_assert_int_eq(plan_pack(&f->plan, 1, PACK_KERNELS, 1, &err), SNNFIT_OK);
	ck_assert_int_eq(tables_make(&f->plan, 1, 1, &err), SNNFIT_OK);
	*conv = (struct conv){ .x = &f->x, .w = &f->constants[1], .bias = &f->bias, .groups = 1 };
	set_window(&conv->window, s);
	conv->plane = conv->window;
	conv->in_channels = s->in;
	conv->out_channels = s->out;
	conv->depth = s->in * conv->window.taps;
	conv->packed = plan_packed(&f->plan, 1, PACK_KERNELS, 1);
	conv->tables = plan_packed(&f->plan, 1, PACK_TABLES, 1);
	f->out = room(s->out * conv->window.positions * sizeof *f->out);
}

static void
close_fixture(struct fixture *f)
{
	size_t i;

	free(f->out);
	tensor_release(&f->constants[1], &f->plan.pool);
	tensor_release(&f->x, &f->plan.pool);
	tensor_release(&f->bias, &f->plan.pool);
	for (i = 0; i < f->plan.packing_count; i++)
		tensor_release(&f->plan.packings[i].memory, &f->plan.pool);
	pool_free(&f->plan.pool);
	arena_free(&f->plan.arena);
}

/* A part of the pixels is not 0. */
static void
draw(struct fixture *f, unsigned percent, bool ones)
{
	float *x = f->x.data;
	uint64_t i;

	for (i = 0; i < f->x.count; i++) {
		x[i] = 0;
		if (next_random(&f->state) % 100 < percent)
			x[i] = ones ? 1 : random_float(&f->state);
	}
}

/* What a window's tap sees of a channel; 0 in the pads. */
static float
pixel(const struct conv *conv, uint64_t position, uint64_t channel, uint64_t tap)
{
	bool padded;
	int64_t at = window_at(&conv->window, position, tap, &padded);

	return at < 0 ? 0
		      : ((const float *)conv->x->data)[channel * conv->window.area + (uint64_t)at];
}

static float
weight(const struct conv *conv, uint64_t out, uint64_t channel, uint64_t tap)
{
	return ((const float *)conv->w
			->data)[(out * conv->in_channels + channel) * conv->window.taps + tap];
}

/* --- ones ----------------------------------------------------------------------------------- */

/* Of pixels of a row, of channels side by side: pixel by pixel. */
static float
sum_of_pattern(const struct conv *conv, const struct pattern_shape *pattern, uint64_t position,
	       uint64_t out, uint64_t first_channel, uint64_t first_tap)
{
	uint64_t tap, channel;
	float sum = 0;

	for (tap = first_tap; tap < first_tap + pattern->pixels; tap++)
		for (channel = first_channel;
		     channel < first_channel + pattern->channels && channel < conv->in_channels;
		     channel++)
			if (pixel(conv, position, channel, tap) != 0)
				sum += weight(conv, out, channel, tap);
	return sum;
}

/* The sum of a window as the tables are said to make it: of the patterns in each so many
 * channels, row by row. */
static float
sum_of_patterns(const struct conv *conv, const struct pattern_shape *pattern, uint64_t position,
		uint64_t out)
{
	uint64_t channel, tap;
	float sum = 0;

	for (channel = 0; channel < conv->in_channels; channel += pattern->channels)
		for (tap = 0; tap < conv->window.taps; tap += pattern->pixels)
			sum += sum_of_pattern(conv, pattern, position, out, channel, tap);
	return sum;
}

static uint64_t
count_seen(const struct conv *conv)
{
	uint64_t position, channel, tap, count = 0;

	for (position = 0; position < conv->window.positions; position++)
		for (channel = 0; channel < conv->in_channels; channel++)
			for (tap = 0; tap < conv->window.taps; tap++)
				count += pixel(conv, position, channel, tap) != 0;
	return count;
}

static void
check_ones(struct fixture *f, unsigned percent)
{
	const struct conv *conv = &f->conv;
	void *memory = room(conv_image_bytes(conv));
	struct conv_image seen;
	uint64_t out, position;

	draw(f, percent, true);
	conv_image_init(&seen, conv, memory);
	conv_image_look(&seen, conv, f->x.data);
	ck_assert(seen.ones);
	ck_assert_uint_eq(seen.nonzeros, count_seen(conv));
	tables_convolve(&seen, conv, conv->tables, f->bias.data, f->out);
	for (out = 0; out < conv->out_channels; out++)
		for (position = 0; position < conv->window.positions; position++) {
			float sum = sum_of_patterns(conv, &seen.pattern, position, out);

			sum += ((const float *)f->bias.data)[out];
			ck_assert_mem_eq(&f->out[out * conv->window.positions + position], &sum,
					 sizeof sum);
		}
	free(memory);
}

/* The same image as bits gives the same. */
static void
check_bits(struct fixture *f)
{
	const struct conv *conv = &f->conv;
	uint64_t i, size = f->x.count, sums = conv->out_channels * conv->window.positions;
	uint64_t *bits = calloc(bit_words(size) + 1, sizeof *bits);
	void *memory;
	float *out = room(sums * sizeof *out);
	struct conv_image seen;

	ck_assert_ptr_nonnull(bits);
	for (i = 0; i < size; i++)
		if (((const float *)f->x.data)[i] != 0)
			bits[i / 64] |= UINT64_C(1) << i % 64;
	f->x.bits = true;
	memory = room(conv_image_bytes(conv));
	conv_image_init(&seen, conv, memory);
	conv_image_look_bits(&seen, conv, bits);
	f->x.bits = false;
	ck_assert(seen.ones);
	ck_assert_uint_eq(seen.nonzeros, count_seen(conv));
	tables_convolve(&seen, conv, conv->tables, f->bias.data, out);
	ck_assert_mem_eq(out, f->out, sums * sizeof *out);
	free(memory);
	free(bits);
	free(out);
}

START_TEST(images_of_ones_add_up_patterns)
{
	static const unsigned percents[] = { 0, 3, 30, 100 };
	struct fixture f;
	size_t i;

	open_fixture(&f, &shapes[_i]);
	ck_assert(tables_fit(&f.conv) || shapes[_i].dilation > 1);
	for (i = 0; tables_fit(&f.conv) && i < sizeof percents / sizeof *percents; i++) {
		check_ones(&f, percents[i]);
		check_bits(&f);
	}
	close_fixture(&f);
}
END_TEST

START_TEST(other_numbers_are_noticed)
{
	static const float others[] = { 0.5f, -1, 2, 1.0000001f };
	struct fixture f;
	struct conv_image seen;
	void *memory;
	size_t i, at;

	open_fixture(&f, &shapes[_i]);
	memory = room(conv_image_bytes(&f.conv));
	conv_image_init(&seen, &f.conv, memory);
	for (i = 0; i < sizeof others / sizeof *others; i++) {
		draw(&f, 20, true);
		at = next_random(&f.state) % f.x.count;
		((float *)f.x.data)[at] = others[i];
		conv_image_look(&seen, &f.conv, f.x.data);
		ck_assert(!seen.ones);
		ck_assert_uint_eq(seen.nonzeros, count_seen(&f.conv));
	}
	free(memory);
	close_fixture(&f);
}
END_TEST

/* --- any image ------------------------------------------------------------------------------- */

/* Rows of what the windows see, times the kernels. */
static float *
multiplied(const struct conv *conv)
{
	uint64_t positions = conv->window.positions, position, channel, tap;
	float *rows = room(positions * conv->depth * sizeof *rows), *row = rows;
	float *products = room(positions * conv->out_channels * sizeof *products);
	void *scratch = room(multiply_scratch(positions, conv->packed));

	for (position = 0; position < positions; position++)
		for (channel = 0; channel < conv->in_channels; channel++)
			for (tap = 0; tap < conv->window.taps; tap++)
				*row++ = pixel(conv, position, channel, tap);
	(void)multiply(conv->packed, positions, rows, NULL, products, scratch);
	free(rows);
	free(scratch);
	return products;
}

static void
check_direct(struct fixture *f, unsigned percent)
{
	const struct conv *conv = &f->conv;
	void *memory = room(direct_bytes(conv));
	uint64_t out, position;
	float *products;

	draw(f, percent, false);
	direct_convolve(conv, conv->packed, f->x.data, f->bias.data, f->out, memory);
	products = multiplied(conv);
	for (out = 0; out < conv->out_channels; out++)
		for (position = 0; position < conv->window.positions; position++) {
			float sum = products[position * conv->out_channels + out] +
				    ((const float *)f->bias.data)[out];

			ck_assert_mem_eq(&f->out[out * conv->window.positions + position], &sum,
					 sizeof sum);
		}
	free(products);
	free(memory);
}

START_TEST(strides_of_one_give_what_products_give)
{
	struct fixture f;

	open_fixture(&f, &shapes[_i]);
	ck_assert_int_eq(direct_bytes(&f.conv) != 0, shapes[_i].stride == 1);
	if (shapes[_i].stride == 1) {
		check_direct(&f, 20);
		check_direct(&f, 100);
	}
	close_fixture(&f);
}
END_TEST

/* --- kernels of every machine -------------------------------------------------------------- */

enum { BITS = 1000, PIXELS = 200, RUNS = 50 };

static void
check_pixels(const struct conv_kernels *kernels, uint32_t *state)
{
	const struct conv_kernels *any = conv_kernels_of(CONV_ANY);
	uint8_t bits[BITS / 8 + sizeof(uint64_t)] = { 0 };
	uint16_t patterns[2][PIXELS + PIXELS_AT_ONCE];
	struct pixel_run run = { bits, next_random(state) % 99, next_random(state) % 99,
				 1 + next_random(state) % PIXEL_CHANNELS,
				 1 + next_random(state) % PIXELS };
	uint64_t i;

	for (i = 0; i < BITS / 8; i++)
		bits[i] = (uint8_t)(next_random(state) & next_random(state));
	memset(patterns, 0xff, sizeof patterns);
	ck_assert(kernels->pixels(&run, patterns[0]));
	ck_assert(any->pixels(&run, patterns[1]));
	ck_assert_mem_eq(patterns[0], patterns[1], sizeof patterns[0]);
	memset(bits, 0, sizeof bits);
	ck_assert(!kernels->pixels(&run, patterns[0]));
	ck_assert(!any->pixels(&run, patterns[1]));
}

/* Three tables of 16 patterns, of pixels or of rows. */
static void
check_tables(const struct conv_kernels *kernels, uint32_t *state)
{
	enum { POSITIONS = 9, ROWS = 3, COLUMNS = 2, PATTERNS = 40, TABLE = 16 * PANEL_COLUMNS };
	float table[ROWS * COLUMNS * TABLE], sums[2][12 * PANEL_COLUMNS];
	uint16_t patterns[ROWS * PATTERNS];
	struct table_run run = { .patterns = patterns,
				 .table = table,
				 .taps = ROWS,
				 .columns = 1 + next_random(state) % COLUMNS,
				 .row_patterns = PATTERNS,
				 .column_patterns = 1 + next_random(state) % 2,
				 .table_floats = TABLE,
				 .position_patterns = 1 + next_random(state) % 3,
				 .groups = 1 };
	size_t i;

	for (i = 0; i < sizeof table / sizeof *table; i++)
		table[i] = random_float(state);
	for (i = 0; i < sizeof patterns / sizeof *patterns; i++)
		patterns[i] = (uint16_t)(next_random(state) % 16 * PANEL_COLUMNS);
	for (i = 0; i < sizeof sums[0] / sizeof *sums[0]; i++)
		sums[0][i] = sums[1][i] = random_float(state);
	run.fresh = next_random(state) % 2;
	kernels->tables(&run, POSITIONS, sums[0]);
	conv_kernels_of(CONV_ANY)->tables(&run, POSITIONS, sums[1]);
	ck_assert_mem_eq(sums[0], sums[1], sizeof sums[0]);
}

START_TEST(kernels_give_the_same_on_every_machine)
{
	const struct conv_kernels *kernels = conv_kernels_of((enum conv_machine)_i);
	uint32_t state = 7;
	int run;

	for (run = 0; kernels && run < RUNS; run++) {
		check_pixels(kernels, &state);
		check_tables(kernels, &state);
	}
	ck_assert(kernels || _i != CONV_ANY);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conv");
	TCase *cases = tcase_create("conv");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(cases, images_of_ones_add_up_patterns, 0, SHAPES);
	tcase_add_loop_test(cases, other_numbers_are_noticed, 0, SHAPES);
	tcase_add_loop_test(cases, strides_of_one_give_what_products_give, 0, SHAPES);
	tcase_add_loop_test(cases, kernels_give_the_same_on_every_machine, 0, CONV_MACHINES);
	tcase_set_timeout(cases, 60);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
