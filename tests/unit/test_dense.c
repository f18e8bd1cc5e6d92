/* Products of matrices: every sum is the one that dense.h says, bit for bit. */
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

/* A product and what it needs. */
struct product {
	uint64_t rows, depth, columns;
	float *left, *right, *memory;
	struct packed packed;
	void *scratch;
};

static struct product
product_of(uint64_t rows, uint64_t depth, uint64_t columns, unsigned percent, bool ones,
	   uint64_t *nonzeros)
{
	uint32_t state = (uint32_t)(rows * 7919 + depth * 31 + columns + percent);
	struct product p = { rows,
			     depth,
			     columns,
			     floats(rows * depth),
			     floats(depth * columns),
			     floats(packed_floats(depth, columns)),
			     { .data = NULL },
			     NULL };
	uint64_t i;

	*nonzeros = fill_left(p.left, rows * depth, percent, ones, &state);
	for (i = 0; i < depth * columns; i++)
		p.right[i] = random_float(&state);
	pack_matrix(&p.packed, p.memory, p.right, depth, columns, columns, 1);
	ck_assert(p.packed.finite);
	p.scratch = malloc(multiply_scratch(rows, &p.packed));
	ck_assert_ptr_nonnull(p.scratch);
	return p;
}

static void
product_free(struct product *p)
{
	free(p->left);
	free(p->right);
	free(p->memory);
	free(p->scratch);
}

/* With infinite weights zeros count, too: all columns are multiplied. */
static void
multiply_all(struct product *p, float *out)
{
	p->packed.finite = false;
	(void)multiply(&p->packed, p->rows, p->left, NULL, out, p->scratch);
	p->packed.finite = true;
}

/* The bias is added to the sums that there are without it. */
static void
check_bias(const struct product *p, const uint64_t *bits, const float *sums)
{
	float *bias = floats(p->columns), *out = floats(p->rows * p->columns);
	uint64_t row, column;

	for (column = 0; column < p->columns; column++)
		bias[column] = 0.1f * (float)column - 1;
	if (bits)
		(void)multiply_spikes(&p->packed, p->rows, bits, bias, out, p->scratch);
	else
		(void)multiply(&p->packed, p->rows, p->left, bias, out, p->scratch);
	for (row = 0; row < p->rows; row++)
		for (column = 0; column < p->columns; column++)
			ck_assert(out[row * p->columns + column] ==
				  sums[row * p->columns + column] + bias[column]);
	free(bias);
	free(out);
}

static void
check_numbers(uint64_t rows, uint64_t depth, uint64_t columns, unsigned percent)
{
	uint64_t nonzeros;
	struct product p = product_of(rows, depth, columns, percent, false, &nonzeros);
	float *events = floats(rows * columns), *dense = floats(rows * columns);

	ck_assert_uint_eq(multiply(&p.packed, rows, p.left, NULL, events, p.scratch), nonzeros);
	multiply_all(&p, dense);
	ck_assert_mem_eq(events, dense, rows * columns * sizeof *dense);
	check_against_double(p.left, p.right, events, rows, depth, columns);
	check_bias(&p, NULL, events);
	free(events);
	free(dense);
	product_free(&p);
}

/* The sum of patterns of four columns. */
static float
sum_of_patterns(const struct product *p, uint64_t row, uint64_t column)
{
	float sum = 0;
	uint64_t first, k;

	for (first = 0; first < p->depth; first += 4) {
		float pattern = 0;

		for (k = first; k < first + 4 && k < p->depth; k++)
			if (p->left[row * p->depth + k] != 0)
				pattern += p->right[k * p->columns + column];
		sum += pattern;
	}
	return sum;
}

/* Of a row with at most a sixth of ones, in_order, unless there are few columns; of one with
 * over a half, of patterns; else of either. */
static void
check_row(const struct product *p, uint64_t row, const float *out, const float *in_order)
{
	uint64_t ones = 0, k, c;
	bool may_be_ordered, may_be_patterns = true;

	for (k = 0; k < p->depth; k++)
		ones += p->left[row * p->depth + k] != 0;
	may_be_ordered = ones <= p->depth / 2;
	for (c = 0; c < p->columns; c++) {
		may_be_ordered = may_be_ordered && out[c] == in_order[c];
		may_be_patterns = may_be_patterns && out[c] == sum_of_patterns(p, row, c);
	}
	ck_assert(may_be_ordered ||
		  (may_be_patterns && (p->columns <= PANEL_COLUMNS || ones > p->depth / 6)));
}

static uint64_t *
bits_of(const struct product *p)
{
	uint64_t words = bit_words(p->depth), *bits = calloc(p->rows * words + 1, sizeof *bits);
	uint64_t row, k;

	ck_assert_ptr_nonnull(bits);
	for (row = 0; row < p->rows; row++)
		for (k = 0; k < p->depth; k++)
			if (p->left[row * p->depth + k] != 0)
				bits[row * words + k / 64] |= UINT64_C(1) << k % 64;
	return bits;
}

static void
check_spikes(uint64_t rows, uint64_t depth, uint64_t columns, unsigned percent)
{
	uint64_t nonzeros, row;
	struct product p = product_of(rows, depth, columns, percent, true, &nonzeros);
	float *out = floats(rows * columns), *other = floats(rows * columns);
	uint64_t *bits = bits_of(&p);

	ck_assert_uint_eq(multiply(&p.packed, rows, p.left, NULL, out, p.scratch), nonzeros);
	check_against_double(p.left, p.right, out, rows, depth, columns);
	multiply_all(&p, other);
	for (row = 0; row < rows; row++)
		check_row(&p, row, out + row * columns, other + row * columns);
	/* The same as bits, and whatever rows there are beside it. */
	ck_assert_uint_eq(multiply_spikes(&p.packed, rows, bits, NULL, other, p.scratch), nonzeros);
	ck_assert_mem_eq(out, other, rows * columns * sizeof *out);
	check_bias(&p, NULL, out);
	check_bias(&p, bits, out);
	for (row = 0; row < rows; row++) {
		(void)multiply(&p.packed, 1, p.left + row * depth, NULL, other, p.scratch);
		ck_assert_mem_eq(out + row * columns, other, columns * sizeof *out);
	}
	free(out);
	free(other);
	free(bits);
	product_free(&p);
}

START_TEST(rows_of_any_density_give_the_sums_that_are_promised)
{
	static const uint64_t sizes[][3] = { { 1, 1, 1 },      { 3, 7, 5 },	{ 7, 64, 16 },
					     { 100, 33, 17 },  { 97, 256, 64 }, { 200, 130, 100 },
					     { 13, 1000, 48 }, { 5, 40, 129 },	{ 300, 1100, 20 } };
	static const unsigned percents[] = { 0, 1, 20, 28, 49, 60, 100 };
	size_t i, k;

	for (i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (k = 0; k < sizeof percents / sizeof *percents; k++) {
			check_spikes(sizes[i][0], sizes[i][1], sizes[i][2], percents[k]);
			check_numbers(sizes[i][0], sizes[i][1], sizes[i][2], percents[k]);
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
	(void)multiply(&packed, 1, left, NULL, &out, scratch);
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

	tcase_add_test(cases, rows_of_any_density_give_the_sums_that_are_promised);
	tcase_add_test(cases, infinite_weights_count_also_at_zeros);
	tcase_set_timeout(cases, 60);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
