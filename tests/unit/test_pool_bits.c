/* The largest of two by two spikes, as bits: what asking pixel by pixel gives, on any
 * processor. */
#include "simulator/pool_bits.h"
#include "tests/unit/random_floats.h"

#include <check.h>
#include <stdlib.h>

struct shape {
	uint64_t planes;
	int64_t height, width;
};

static const struct shape shapes[] = {
	{ 1, 2, 2 },  { 8, 24, 24 }, { 16, 8, 8 }, { 3, 7, 10 }, { 5, 6, 64 },	{ 2, 5, 62 },
	{ 3, 4, 66 }, { 2, 9, 130 }, { 70, 3, 2 }, { 1, 12, 6 }, { 4, 10, 34 }, { 7, 11, 28 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static bool
bit(const uint64_t *words, uint64_t i)
{
	return words[i / 64] >> i % 64 & 1;
}

/* Any of the four pixels of a window. */
static bool
any_of_four(const uint64_t *x, const struct shape *s, uint64_t plane, uint64_t row, uint64_t column)
{
	uint64_t width = (uint64_t)s->width;
	uint64_t at = (plane * (uint64_t)s->height + 2 * row) * width + 2 * column;

	return bit(x, at) || bit(x, at + 1) || bit(x, at + width) || bit(x, at + width + 1);
}

static void
check_halved(const uint64_t *x, const struct shape *s, const uint64_t *out)
{
	uint64_t rows = (uint64_t)s->height / 2, columns = (uint64_t)s->width / 2;
	uint64_t count = s->planes * rows * columns, i;

	for (i = 0; i < bit_words(count) * 64; i++)
		ck_assert_int_eq(bit(out, i),
				 i < count && any_of_four(x, s, i / columns / rows,
							  i / columns % rows, i % columns));
}

static void
check_kernels(const struct halve_kernels *kernels, const struct shape *s, uint32_t *state)
{
	const struct window w = { .rank = 2,
				  .in = { s->height, s->width },
				  .out = { s->height / 2, s->width / 2 },
				  .area = (uint64_t)(s->height * s->width) };
	uint64_t count = s->planes * w.area, words = bit_words(count), i;
	uint64_t *x = calloc(3 * (words + 1), sizeof *x), *pairs, *out;

	ck_assert_ptr_nonnull(x);
	pairs = x + words + 1;
	out = pairs + words + 1;
	for (i = 0; i < count; i++)
		x[i / 64] |= (uint64_t)(next_random(state) % 5 == 0) << i % 64;
	halve_bits(kernels, &w, s->planes, x, pairs, out);
	check_halved(x, s, out);
	free(x);
}

START_TEST(spikes_are_halved)
{
	uint32_t state = (uint32_t)_i + 3;
	int round;

	for (round = 0; round < 5; round++) {
		check_kernels(halve_kernels(), &shapes[_i], &state);
		check_kernels(halve_kernels_plain(), &shapes[_i], &state);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pool_bits");
	TCase *cases = tcase_create("pool_bits");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(cases, spikes_are_halved, 0, SHAPES);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
