/* test_importer.c - the algebra of axes and of polynomials, without a model. */
#include "importer/axes.h"
#include "importer/polynomial.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct axes axes;
static struct polynomials polynomials;
static struct arena arena;

static void
set_up(void)
{
	arena = (struct arena){ 0 };
	axes = (struct axes){ .arena = &arena };
	polynomials = (struct polynomials){ .axes = &axes, .arena = &arena };
}

static void
tear_down(void)
{
	arena_free(&arena);
}

static struct axis
product(struct axis a, struct axis b)
{
	struct axis both[2] = { a, b };

	return axis_product(&axes, both, 2);
}

static const char *
frozen(struct axis axis)
{
	axis = axis_resolve(&axes, axis);
	return axis.count ? axes.variables[axis.variables[0]].frozen : NULL;
}

/* --- axes ---------------------------------------------------------------------------- */

START_TEST(size_one_is_the_empty_product)
{
	struct axis one = axis_fresh(&axes, 1, NULL);

	ck_assert_uint_eq(one.count, 0);
	ck_assert_uint_eq(axis_size(&axes, one), 1);
}
END_TEST

START_TEST(equal_sizes_join)
{
	struct axis a = axis_fresh(&axes, 12, NULL), b = axis_fresh(&axes, 12, NULL);

	ck_assert(!axis_equal(&axes, a, b));
	axis_unify(&axes, a, b, "differ");
	ck_assert(axis_equal(&axes, a, b));
	ck_assert_ptr_null(frozen(a));
}
END_TEST

START_TEST(a_multiple_is_split)
{
	struct axis a = axis_fresh(&axes, 12, NULL), b = axis_fresh(&axes, 4, NULL);
	struct axis c = axis_fresh(&axes, 3, NULL);

	axis_unify(&axes, a, product(b, c), "differ");
	ck_assert(axis_equal(&axes, a, product(b, c)));
	ck_assert_uint_eq(axis_resolve(&axes, a).count, 2);
	ck_assert_ptr_null(frozen(a));
}
END_TEST

START_TEST(sizes_that_do_not_agree_freeze)
{
	struct axis a = axis_fresh(&axes, 12, NULL), b = axis_fresh(&axes, 7, NULL);

	axis_unify(&axes, a, b, "they differ");
	ck_assert_str_eq(frozen(a), "they differ");
	ck_assert_str_eq(frozen(b), "they differ");
}
END_TEST

/* Both halves of a frozen variable, and all parts of a sum, are frozen. */
START_TEST(flags_are_inherited)
{
	struct axis a = axis_fresh(&axes, 12, "first"), b = axis_fresh(&axes, 4, NULL);
	struct axis c = axis_fresh(&axes, 3, NULL), parts[2], sum;

	axis_unify(&axes, a, product(b, c), "differ");
	ck_assert_str_eq(frozen(b), "first");
	ck_assert_str_eq(frozen(c), "first");
	parts[0] = axis_fresh(&axes, 5, NULL);
	parts[1] = axis_fresh(&axes, 6, NULL);
	sum = axis_sum(&axes, parts, 2);
	axis_freeze(&axes, sum, "second");
	ck_assert_str_eq(frozen(parts[0]), "second");
	ck_assert_str_eq(frozen(parts[1]), "second");
}
END_TEST

START_TEST(a_frozen_partner_freezes)
{
	struct axis a = axis_fresh(&axes, 12, NULL), b = axis_fresh(&axes, 12, "why");

	axis_unify(&axes, a, b, "differ");
	ck_assert_str_eq(frozen(a), "why");
}
END_TEST

START_TEST(sums_unify_part_by_part)
{
	struct axis a[2] = { axis_fresh(&axes, 5, NULL), axis_fresh(&axes, 6, NULL) };
	struct axis b[2] = { axis_fresh(&axes, 5, NULL), axis_fresh(&axes, 6, NULL) };
	struct axis c[2] = { axis_fresh(&axes, 6, NULL), axis_fresh(&axes, 5, NULL) };

	axis_unify(&axes, axis_sum(&axes, a, 2), axis_sum(&axes, b, 2), "differ");
	ck_assert(axis_equal(&axes, a[0], b[0]));
	ck_assert(axis_equal(&axes, a[1], b[1]));
	ck_assert_ptr_null(frozen(a[0]));
	axis_unify(&axes, axis_sum(&axes, a, 2), axis_sum(&axes, c, 2), "differ");
	ck_assert_ptr_null(frozen(a[0])); /* 5 | 6 and 6 | 5 are both 5 | 1 | 5 */
	ck_assert_uint_eq(axis_parts(&axes, a[1]).count, 2);
	ck_assert_uint_eq(axis_parts(&axes, c[0]).count, 2);
	ck_assert(axis_equal(&axes, axis_parts(&axes, c[0]).items[0], a[0]));
}
END_TEST

/* A boundary that falls into a product of others cannot be made. */
START_TEST(sums_that_cannot_be_cut_alike_freeze)
{
	struct axis a[2] = { product(axis_fresh(&axes, 3, NULL), axis_fresh(&axes, 2, NULL)),
			     axis_fresh(&axes, 5, NULL) };
	struct axis b[2] = { axis_fresh(&axes, 5, NULL), axis_fresh(&axes, 6, NULL) };

	axis_unify(&axes, axis_sum(&axes, a, 2), axis_sum(&axes, b, 2), "differ");
	ck_assert_ptr_nonnull(frozen(a[0]));
	ck_assert_ptr_nonnull(frozen(b[0]));
	ck_assert_ptr_nonnull(frozen(axis_parts(&axes, b[1]).items[1]));
}
END_TEST

/* [2, 7) and [4, 12) of 12 units: the boundaries are everybody's. */
START_TEST(parts_are_taken_out)
{
	struct axis a = axis_fresh(&axes, 12, NULL), twin = axis_fresh(&axes, 12, NULL);
	struct axis first, second, third;

	axis_unify(&axes, a, twin, "differ");
	ck_assert(axis_part(&axes, a, 2, 7, &first));
	ck_assert(axis_part(&axes, twin, 4, 12, &second));
	ck_assert(axis_part(&axes, second, 0, 3, &third));
	ck_assert_uint_eq(axis_size(&axes, first), 5);
	ck_assert_uint_eq(axis_parts(&axes, a).count, 4); /* 2 | 2 | 3 | 5 */
	ck_assert(axis_equal(&axes, axis_parts(&axes, first).items[1], third));
	axis_freeze(&axes, third, "why");
	ck_assert_str_eq(axes.variables[axis_parts(&axes, a).items[2].variables[0]].frozen, "why");
	ck_assert_ptr_null(axes.variables[axis_parts(&axes, a).items[1].variables[0]].frozen);
}
END_TEST

/* One unit is the empty product in a tensor, and a part of its own in the sum. */
START_TEST(a_part_of_one_unit)
{
	struct axis a = axis_fresh(&axes, 3, NULL), one;

	ck_assert(axis_part(&axes, a, 1, 2, &one));
	ck_assert_uint_eq(one.count, 0);
	ck_assert_uint_eq(axis_parts(&axes, a).count, 3);
	ck_assert_uint_eq(axis_size(&axes, a), 3);
}
END_TEST

START_TEST(what_cannot_be_taken_apart)
{
	struct axis a = axis_fresh(&axes, 6, "why"), part;
	struct axis b = product(axis_fresh(&axes, 3, NULL), axis_fresh(&axes, 2, NULL));

	ck_assert(!axis_part(&axes, a, 0, 3, &part));
	ck_assert(!axis_part(&axes, b, 0, 2, &part));
	ck_assert(!axis_part(&axes, axis_fresh(&axes, 4, NULL), 2, 2, &part));
	ck_assert(!axis_part(&axes, axis_fresh(&axes, 4, NULL), 2, 5, &part));
}
END_TEST

START_TEST(a_leaf_takes_the_form_of_a_sum)
{
	struct axis parts[2] = { axis_fresh(&axes, 5, NULL), axis_fresh(&axes, 6, NULL) };
	struct axis leaf = axis_fresh(&axes, 11, "why"), sum = axis_sum(&axes, parts, 2);

	axis_unify(&axes, leaf, sum, "differ");
	ck_assert(axis_equal(&axes, leaf, sum));
	ck_assert_str_eq(frozen(parts[1]), "why");
}
END_TEST

START_TEST(one_row_of_a_concat_is_frozen)
{
	struct axis parts[2] = { axis_fresh(&axes, 1, NULL), axis_fresh(&axes, 6, NULL) };
	struct axis sum = axis_sum(&axes, parts, 2);
	const struct variable *variable = &axes.variables[sum.variables[0]];

	ck_assert_uint_eq(axis_size(&axes, sum), 7);
	ck_assert_ptr_nonnull(frozen(variable->parts[0]));
	ck_assert_ptr_null(frozen(variable->parts[1]));
}
END_TEST

START_TEST(reshape_takes_from_both_ends)
{
	struct axis x[3] = { axis_fresh(&axes, 6, NULL), axis_fresh(&axes, 35, NULL),
			     axis_fresh(&axes, 8, NULL) };
	uint64_t dims[4] = { 2, 3, 35, 8 };
	struct axis out[4];

	axis_reshape(&axes, x, 3, dims, 4, out);
	ck_assert_uint_eq(axis_size(&axes, out[0]), 2);
	ck_assert_uint_eq(axis_size(&axes, out[1]), 3);
	ck_assert(axis_equal(&axes, x[0], product(out[0], out[1])));
	ck_assert(axis_equal(&axes, out[2], x[1]));
	ck_assert(axis_equal(&axes, out[3], x[2]));
	ck_assert_ptr_null(frozen(out[0]));
}
END_TEST

/* 6 x 10 to 4 x 15 mixes the two; the 8 at either end is kept apart. */
START_TEST(reshape_freezes_only_what_it_mixes)
{
	struct axis x[4] = { axis_fresh(&axes, 8, NULL), axis_fresh(&axes, 6, NULL),
			     axis_fresh(&axes, 10, NULL), axis_fresh(&axes, 9, NULL) };
	uint64_t dims[4] = { 8, 4, 15, 9 };
	struct axis out[4];

	axis_reshape(&axes, x, 4, dims, 4, out);
	ck_assert(axis_equal(&axes, out[0], x[0]));
	ck_assert(axis_equal(&axes, out[3], x[3]));
	ck_assert_ptr_null(frozen(x[0]));
	ck_assert_ptr_null(frozen(x[3]));
	ck_assert_ptr_nonnull(frozen(x[1]));
	ck_assert_ptr_nonnull(frozen(x[2]));
	ck_assert_ptr_nonnull(frozen(out[1]));
	ck_assert_ptr_nonnull(frozen(out[2]));
}
END_TEST

START_TEST(long_chains_of_unions_stay_shallow)
{
	struct axis first = axis_fresh(&axes, 7, NULL), last = first;
	int i;

	for (i = 0; i < 100000; i++) {
		struct axis next = axis_fresh(&axes, 7, NULL);

		axis_unify(&axes, last, next, "differ");
		last = next;
	}
	ck_assert(axis_equal(&axes, first, last));
}
END_TEST

/* --- polynomials ------------------------------------------------------------------------- */

static uint32_t
new_atom(enum atom_kind kind, uint32_t number)
{
	ck_assert(arena_grow(&arena, &polynomials.atoms, polynomials.atom_count,
			     &polynomials.atom_capacity, sizeof *polynomials.atoms));
	polynomials.atoms[polynomials.atom_count] = (struct atom){ kind, number };
	return (uint32_t)polynomials.atom_count++;
}

static uint32_t
new_spike(void)
{
	uint32_t number = (uint32_t)polynomials.site_count;

	ck_assert(arena_grow(&arena, &polynomials.sites, polynomials.site_count,
			     &polynomials.site_capacity, sizeof *polynomials.sites));
	polynomials.sites[number] = (struct site){ .kind = SITE_GREATER,
						   .atom = new_atom(ATOM_SITE, number) };
	polynomials.site_count++;
	return polynomials.sites[number].atom;
}

static const struct polynomial *
atom(uint32_t number)
{
	return polynomial_atom(&polynomials, number);
}

static const struct polynomial *
scalar(double value)
{
	return polynomial_scalar(&polynomials, value);
}

static const struct polynomial *
plus(const struct polynomial *a, const struct polynomial *b)
{
	return polynomial_add(&polynomials, a, b, 1);
}

static const struct polynomial *
minus(const struct polynomial *a, const struct polynomial *b)
{
	return polynomial_add(&polynomials, a, b, -1);
}

static const struct polynomial *
times(const struct polynomial *a, const struct polynomial *b)
{
	return polynomial_multiply(&polynomials, a, b);
}

START_TEST(what_cancels_is_gone)
{
	const struct polynomial *v = atom(new_atom(ATOM_INPUT, 0));
	const struct polynomial *p = minus(plus(v, scalar(2)), v);

	ck_assert(polynomial_is_constant(p));
	ck_assert(coefficient_is(&p->terms[0].coefficient, 2));
	ck_assert_uint_eq(minus(p, scalar(2))->count, 0);
}
END_TEST

/* (1 - S) U + S (U - 0.5) = U - 0.5 S: Norse's spelling of a subtraction. */
START_TEST(spikes_are_idempotent)
{
	const struct polynomial *s = atom(new_spike()), *u = atom(new_atom(ATOM_INPUT, 0));
	const struct polynomial *p = plus(times(minus(scalar(1), s), u),
					  times(s, minus(u, times(s, scalar(0.5)))));

	ck_assert(polynomial_close(&polynomials, p, minus(u, times(scalar(0.5), s))));
	ck_assert_uint_eq(times(s, s)->terms[0].degree, 1);
	ck_assert_uint_eq(times(u, u)->terms[0].degree, 2);
}
END_TEST

/* v + 0.2 (I - v) = 0.8 v + 0.2 I */
START_TEST(a_leak_by_difference_is_a_decay)
{
	uint32_t membrane = new_atom(ATOM_INPUT, 0), drive = new_atom(ATOM_CURRENT, 0);
	const struct polynomial *v = atom(membrane), *i = atom(drive);
	const struct polynomial *p = plus(v, times(scalar(0.2), minus(i, v)));

	ck_assert(coefficient_is(&polynomial_term(p, &membrane, 1)->coefficient, 0.8));
	ck_assert(coefficient_is(&polynomial_term(p, &drive, 1)->coefficient, 0.2));
	ck_assert(!polynomial_has(p, new_spike()));
}
END_TEST

static const struct polynomial *
vector(uint32_t count, uint32_t place, double first)
{
	struct coefficient coefficient = { count, place, NULL };
	uint32_t i;

	coefficient.values = arena_alloc(&arena, count, sizeof(double));
	ck_assert_ptr_nonnull(coefficient.values);
	for (i = 0; i < count; i++)
		coefficient.values[i] = first + i;
	return polynomial_constant(&polynomials, coefficient);
}

START_TEST(coefficients_are_per_unit)
{
	uint32_t membrane = new_atom(ATOM_INPUT, 0);
	const struct polynomial *p = times(vector(3, 0, 1), atom(membrane));
	const struct coefficient *c = &plus(p, p)->terms[0].coefficient;

	ck_assert_uint_eq(c->count, 3);
	ck_assert_double_eq(coefficient_at(c, 2), 6);
	ck_assert(!coefficient_is(c, 2));
}
END_TEST

START_TEST(coefficients_on_different_axes_do_not_combine)
{
	ck_assert_ptr_null(times(vector(3, 0, 1), vector(3, 1, 1)));
	ck_assert_ptr_null(plus(vector(3, 0, 1), vector(4, 0, 1)));
	ck_assert_ptr_null(plus(NULL, scalar(1)));
}
END_TEST

START_TEST(what_grows_too_large_is_given_up)
{
	const struct polynomial *sum = scalar(1), *product_of_all = scalar(1);
	int i;

	for (i = 0; i < TERMS_MAX + 1; i++)
		sum = plus(sum, atom(new_atom(ATOM_INPUT, 0)));
	for (i = 0; i < DEGREE_MAX + 1; i++)
		product_of_all = times(product_of_all, atom(new_atom(ATOM_INPUT, 0)));
	ck_assert_ptr_null(sum);
	ck_assert_ptr_null(product_of_all);
	ck_assert(!polynomials.out_of_memory);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("importer");
	TCase *on_axes = tcase_create("axes"), *on_polynomials = tcase_create("polynomials");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(on_axes, set_up, tear_down);
	tcase_add_checked_fixture(on_polynomials, set_up, tear_down);
	tcase_add_test(on_axes, size_one_is_the_empty_product);
	tcase_add_test(on_axes, equal_sizes_join);
	tcase_add_test(on_axes, a_multiple_is_split);
	tcase_add_test(on_axes, sizes_that_do_not_agree_freeze);
	tcase_add_test(on_axes, flags_are_inherited);
	tcase_add_test(on_axes, a_frozen_partner_freezes);
	tcase_add_test(on_axes, sums_unify_part_by_part);
	tcase_add_test(on_axes, sums_that_cannot_be_cut_alike_freeze);
	tcase_add_test(on_axes, parts_are_taken_out);
	tcase_add_test(on_axes, a_part_of_one_unit);
	tcase_add_test(on_axes, what_cannot_be_taken_apart);
	tcase_add_test(on_axes, a_leaf_takes_the_form_of_a_sum);
	tcase_add_test(on_axes, one_row_of_a_concat_is_frozen);
	tcase_add_test(on_axes, reshape_takes_from_both_ends);
	tcase_add_test(on_axes, reshape_freezes_only_what_it_mixes);
	tcase_add_test(on_axes, long_chains_of_unions_stay_shallow);
	tcase_add_test(on_polynomials, what_cancels_is_gone);
	tcase_add_test(on_polynomials, spikes_are_idempotent);
	tcase_add_test(on_polynomials, a_leak_by_difference_is_a_decay);
	tcase_add_test(on_polynomials, coefficients_are_per_unit);
	tcase_add_test(on_polynomials, coefficients_on_different_axes_do_not_combine);
	tcase_add_test(on_polynomials, what_grows_too_large_is_given_up);
	suite_add_tcase(suite, on_axes);
	suite_add_tcase(suite, on_polynomials);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
