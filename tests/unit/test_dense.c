/* Products of matrices: whichever way a row goes, the sum is the same bit for bit. */
#include "simulator/dense.h"
#include "tests/unit/random_floats.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static float *
floats(uint64_t count)
{
	float *out = malloc((count + 1) * sizeof *out);

	ck_assert_ptr_nonnull(out);
	return out;
}

/* Rows of which a part is not 0: 1, or any number. */
static uint64_t
fill_left(float *left, uint64_t count, unsigned percent, bool ones, uint32_t *state)
{
	uint64_t i, nonzeros = 0;

	for (i = 0; i < count; i++) {
		left[i] = 0;
		if (next_random(state) % 100 < percent)
			left[i] = ones ? 1 : random_float(state);
		nonzeros += left[i] != 0;
	}
	return nonzeros;
}

static void
check_against_double(const float *left, const float *right, const float *out, uint64_t rows,
		     uint64_t depth, uint64_t columns)
{
	uint64_t r, c, k;

	for (r = 0; r < rows; r++)
		for (c = 0; c < columns; c++) {
			double sum = 0, size = 1;

			for (k = 0; k < depth; k++) {
				double term = (double)left[r * depth + k] *
					      (double)right[k * columns + c];

				sum += term;
				size += fabs(term);
			}
			ck_assert_double_le(fabs(sum - (double)out[r * columns + c]),
					    size * (double)depth * 1.2e-7);
		}
}

static void
check_product(uint64_t rows, uint64_t depth, uint64_t columns, unsigned percent, bool ones)
{
	uint32_t state = (uint32_t)(rows * 7919 + depth * 31 + columns + percent);
	float *left = floats(rows * depth), *right = floats(depth * columns);
	float *events = floats(rows * columns), *dense = floats(rows * columns);
	float *memory = floats(packed_floats(depth, columns));
	struct packed packed;
	uint64_t nonzeros, i;
	void *scratch;

	nonzeros = fill_left(left, rows * depth, percent, ones, &state);
	for (i = 0; i < depth * columns; i++)
		right[i] = random_float(&state);
	pack_matrix(&packed, memory, right, depth, columns, columns, 1);
	ck_assert(packed.finite);
	scratch = malloc(multiply_scratch(rows, &packed));
	ck_assert_ptr_nonnull(scratch);
	ck_assert_uint_eq(multiply(&packed, rows, left, events, scratch), nonzeros);
	packed.finite = false; /* then zeros count, too: all rows are dense */
	ck_assert_uint_eq(multiply(&packed, rows, left, dense, scratch), nonzeros);
	ck_assert_mem_eq(events, dense, rows * columns * sizeof *dense);
	check_against_double(left, right, events, rows, depth, columns);
	free(left);
	free(right);
	free(events);
	free(dense);
	free(memory);
	free(scratch);
}

START_TEST(rows_of_any_density_give_the_same_sums)
{
	static const uint64_t sizes[][3] = { { 1, 1, 1 },      { 3, 7, 5 },	{ 7, 64, 16 },
					     { 100, 33, 17 },  { 97, 256, 64 }, { 200, 130, 100 },
					     { 13, 1000, 48 }, { 5, 40, 129 },	{ 300, 1100, 20 } };
	static const unsigned percents[] = { 0, 1, 20, 28, 49, 60, 100 };
	size_t i, k;

	for (i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (k = 0; k < sizeof percents / sizeof *percents; k++) {
			check_product(sizes[i][0], sizes[i][1], sizes[i][2], percents[k], true);
			check_product(sizes[i][0], sizes[i][1], sizes[i][2], percents[k], false);
		}
}
END_TEST

START_TEST(infinite_weights_count_also_at_zeros)
{
	const float left[2] = { 0, 0 }, right[2] = { INFINITY, 1 };
	float memory[64], out;
	struct packed packed;
	void *scratch;

	pack_matrix(&packed, memory, right, 2, 1, 1, 1);
	ck_assert(!packed.finite);
	scratch = malloc(multiply_scratch(1, &packed));
	ck_assert_ptr_nonnull(scratch);
	(void)multiply(&packed, 1, left, &out, scratch);
	ck_assert_float_nan(out);
	free(scratch);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dense");
	TCase *cases = tcase_create("dense");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, rows_of_any_density_give_the_same_sums);
	tcase_add_test(cases, infinite_weights_count_also_at_zeros);
	tcase_set_timeout(cases, 60);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
