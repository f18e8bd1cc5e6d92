/* Matrices that are shared until changed and left in their file until read. */
#include "graph_cases.h"

/* --- random use of several holders of one matrix, against plain arrays ---------- */

enum { HOLDERS = 4, MOST = 9 };

/* What a holder should see. */
struct mirror {
	struct weights *weights; /* NULL: holds nothing */
	float values[MOST * MOST];
	uint32_t rows, columns;
	bool changed;
};

static void
assert_mirror(const struct mirror *mirror)
{
	float row[MOST];
	uint32_t r, c;

	ck_assert_uint_eq(mirror->weights->rows, mirror->rows);
	ck_assert_uint_eq(mirror->weights->columns, mirror->columns);
	ck_assert_int_eq(mirror->weights->changed, mirror->changed);
	for (r = 0; r < mirror->rows; r++) {
		OK(weights_read_rows(mirror->weights, r, 1, row, err));
		for (c = 0; c < mirror->columns; c++)
			ck_assert(row[c] == mirror->values[r * mirror->columns + c]);
	}
}

static void
do_read(struct mirror *mirror)
{
	const float *values;
	uint32_t i;

	OK(weights_read(mirror->weights, &values, err));
	for (i = 0; i < mirror->rows * mirror->columns; i++)
		ck_assert(values[i] == mirror->values[i]);
}

static void
do_edit(struct mirror *mirror, struct random *random)
{
	uint32_t at = draw(random, mirror->rows * mirror->columns);
	float *values;

	OK(weights_edit(&mirror->weights, &values, err));
	ck_assert_uint_eq(mirror->weights->references, 1);
	values[at] = mirror->values[at] = (float)draw_value(random);
	mirror->changed = true;
}

/* An ascending list of some of `of`; NULL at times. */
static uint32_t *
draw_list(struct random *random, uint32_t of, uint32_t *list, uint32_t *count)
{
	uint32_t i, sure = draw(random, of);

	*count = 0;
	for (i = 0; i < of; i++)
		if (i == sure || chance(random, 70))
			list[(*count)++] = i;
	return chance(random, 30) ? NULL : list;
}

static void
do_select(struct mirror *mirror, struct random *random)
{
	uint32_t row_list[MOST], column_list[MOST], row_count, column_count, r, c;
	uint32_t *rows = draw_list(random, mirror->rows, row_list, &row_count);
	uint32_t *columns = draw_list(random, mirror->columns, column_list, &column_count);
	float *to = mirror->values;

	OK(weights_select(&mirror->weights, rows, row_count, columns, column_count, err));
	row_count = rows ? row_count : mirror->rows;
	column_count = columns ? column_count : mirror->columns;
	for (r = 0; r < row_count; r++)
		for (c = 0; c < column_count; c++)
			*to++ = mirror->values[(rows ? rows[r] : r) * mirror->columns +
					       (columns ? columns[c] : c)];
	mirror->rows = row_count;
	mirror->columns = column_count;
}

static void
do_share(struct mirror *mirrors, struct random *random, uint32_t from)
{
	uint32_t to = draw(random, HOLDERS);

	if (to == from)
		return;
	weights_release(mirrors[to].weights);
	mirrors[to] = mirrors[from];
	mirrors[to].weights = weights_retain(mirrors[from].weights);
}

static void
use_at_random(uint64_t seed)
{
	struct random random = { mix(seed) };
	struct matrix_file file = { .rows = 1 + draw(&random, MOST),
				    .columns = 1 + draw(&random, MOST) };
	struct mirror mirrors[HOLDERS] = { 0 };
	uint32_t step, i;

	OK(weights_from_file(&mirrors[0].weights, file.rows, file.columns, load_rows, &file, 3,
			     err));
	mirrors[0].rows = file.rows;
	mirrors[0].columns = file.columns;
	for (i = 0; i < file.rows * file.columns; i++)
		mirrors[0].values[i] = file_value(3, i / file.columns, i % file.columns);
	for (step = 0; step < 30; step++) {
		uint32_t at = draw(&random, HOLDERS), what = draw(&random, 8);

		if (!mirrors[at].weights)
			continue;
		if (what == 0)
			do_read(&mirrors[at]);
		else if (what == 1)
			do_edit(&mirrors[at], &random);
		else if (what < 5)
			do_select(&mirrors[at], &random);
		else
			do_share(mirrors, &random, at);
		for (i = 0; i < HOLDERS; i++)
			if (mirrors[i].weights)
				assert_mirror(&mirrors[i]);
	}
	for (i = 0; i < HOLDERS; i++)
		weights_release(mirrors[i].weights);
}

START_TEST(holders_see_what_they_did)
{
	uint64_t seed;

	for (seed = 0; seed < 200; seed++)
		use_at_random((uint64_t)_i * 200 + seed);
}
END_TEST

/* --- the file -------------------------------------------------------------------- */

START_TEST(a_selection_stays_in_the_file)
{
	struct matrix_file file = { .rows = 6, .columns = 5 };
	const uint32_t rows[] = { 1, 3, 4, 5 }, columns[] = { 0, 4 }, last[] = { 1, 3 };
	struct weights *weights;
	const float *values;

	OK(weights_from_file(&weights, 6, 5, load_rows, &file, 7, err));
	OK(weights_select(&weights, rows, 4, columns, 2, err));
	OK(weights_select(&weights, last, 2, NULL, 0, err));
	ck_assert_uint_eq(file.loads, 0);
	ck_assert_ptr_null(weights->values);
	ck_assert(!weights->changed);
	ck_assert_uint_eq(weights->row_index[0], 3);
	ck_assert_uint_eq(weights->row_index[1], 5);
	ck_assert_uint_eq(weights->column_index[1], 4);
	OK(weights_read(weights, &values, err));
	OK(weights_read(weights, &values, err));
	ck_assert_uint_eq(file.loads, 1);
	ck_assert(!weights->changed); /* and it is still known what of the file they are */
	ck_assert(values[0] == file_value(7, 3, 0) && values[3] == file_value(7, 5, 4));
	weights_release(weights);
}
END_TEST

START_TEST(a_shared_matrix_is_not_loaded_to_change_a_copy)
{
	struct matrix_file file = { .rows = 2, .columns = 2 };
	struct weights *weights, *other;
	float *values;

	OK(weights_from_file(&weights, 2, 2, load_rows, &file, 1, err));
	other = weights_retain(weights);
	OK(weights_edit(&other, &values, err));
	ck_assert_ptr_ne(other, weights);
	ck_assert_ptr_null(weights->values);
	ck_assert(other->changed && !weights->changed);
	ck_assert_uint_eq(weights->references, 1);
	weights_release(weights);
	weights_release(other);
}
END_TEST

/* Wider than the piece that is read at a time, and longer than it. */
START_TEST(a_large_file_is_read_in_pieces)
{
	static const uint32_t sizes[][2] = { { 3, 300000 }, { 4000, 200 } };
	struct matrix_file file = { .rows = sizes[_i][0], .columns = sizes[_i][1] };
	const uint32_t columns[] = { 0, 150 };
	struct weights *weights;
	const float *values;
	uint32_t row;

	OK(weights_from_file(&weights, file.rows, file.columns, load_rows, &file, 5, err));
	OK(weights_select(&weights, NULL, 0, columns, 2, err));
	OK(weights_read(weights, &values, err));
	ck_assert_uint_gt(file.loads, 1);
	ck_assert_uint_eq(file.rows_read, file.rows);
	for (row = 0; row < file.rows; row++)
		ck_assert(values[2 * row + 1] == file_value(5, row, 150));
	weights_release(weights);
}
END_TEST

START_TEST(a_broken_file_is_reported)
{
	struct matrix_file file = { .rows = 2, .columns = 3, .broken = true };
	const uint32_t column[] = { 1 };
	struct weights *weights, *same;
	snnfit_error why = { 0 };
	const float *values;
	float *changed, out[6];
	uint32_t i;

	OK(weights_from_file(&weights, 2, 3, load_rows, &file, 1, err));
	for (i = 0; i < 2; i++) {
		same = weights;
		ck_assert_int_eq(weights_read(weights, &values, &why), SNNFIT_EIO);
		ck_assert_int_eq(weights_edit(&weights, &changed, &why), SNNFIT_EIO);
		ck_assert_int_eq(weights_read_rows(weights, 0, 2, out, &why), SNNFIT_EIO);
		ck_assert_str_eq(why.text, "the file is broken");
		ck_assert_ptr_eq(weights, same);
		ck_assert(!weights->changed && !weights->values);
		if (i == 0) /* and once more, when the values go through a piece */
			OK(weights_select(&weights, NULL, 0, column, 1, err));
	}
	weights_release(weights);
}
END_TEST

START_TEST(values_are_copied)
{
	float values[] = { 1, 2, 3, 4, 5, 6 };
	struct weights *weights, *zero;
	float out[6];

	OK(weights_from_values(&weights, 2, 3, values, err));
	OK(weights_from_values(&zero, 2, 3, NULL, err));
	values[5] = 0;
	OK(weights_read_rows(weights, 0, 2, out, err));
	ck_assert(out[0] == 1 && out[3] == 4 && out[5] == 6);
	OK(weights_read_rows(zero, 0, 2, out, err));
	ck_assert(out[0] == 0 && out[5] == 0);
	ck_assert(weights->changed && zero->changed);
	weights_release(weights);
	weights_release(zero);
}
END_TEST

/* --- refusals ------------------------------------------------------------------------ */

START_TEST(bad_sizes_and_lists_are_refused)
{
	const uint32_t twice[] = { 1, 1 }, down[] = { 1, 0 }, beyond[] = { 2 };
	struct weights *weights;
	float out[4];

	ck_assert_int_eq(weights_from_values(&weights, 0, 3, NULL, NULL), SNNFIT_EUNSUPPORTED);
	ck_assert_int_eq(weights_from_file(&weights, 3, 0, load_rows, NULL, 0, NULL),
			 SNNFIT_EUNSUPPORTED);
	OK(weights_from_values(&weights, 2, 2, NULL, err));
	ck_assert_int_eq(weights_select(&weights, twice, 2, NULL, 0, NULL), SNNFIT_EINTERNAL);
	ck_assert_int_eq(weights_select(&weights, NULL, 0, down, 2, NULL), SNNFIT_EINTERNAL);
	ck_assert_int_eq(weights_select(&weights, beyond, 1, NULL, 0, NULL), SNNFIT_EINTERNAL);
	ck_assert_int_eq(weights_select(&weights, down, 0, NULL, 0, NULL), SNNFIT_EINTERNAL);
	ck_assert_int_eq(weights_read_rows(weights, 1, 2, out, NULL), SNNFIT_EINTERNAL);
	ck_assert_int_eq(weights_read_rows(weights, 3, 0, out, NULL), SNNFIT_EINTERNAL);
	weights_release(weights);
	weights_release(NULL);
	ck_assert_ptr_null(weights_retain(NULL));
}
END_TEST

START_TEST(sizes_past_memory_are_out_of_memory)
{
	struct weights *weights;

	ck_assert_int_eq(weights_from_values(&weights, UINT32_MAX, UINT32_MAX, NULL, NULL),
			 SNNFIT_ENOMEM);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("weights");
	TCase *tests = tcase_create("weights");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, holders_see_what_they_did, 0, 4);
	tcase_add_test(tests, a_selection_stays_in_the_file);
	tcase_add_test(tests, a_shared_matrix_is_not_loaded_to_change_a_copy);
	tcase_add_loop_test(tests, a_large_file_is_read_in_pieces, 0, 2);
	tcase_add_test(tests, a_broken_file_is_reported);
	tcase_add_test(tests, values_are_copied);
	tcase_add_test(tests, bad_sizes_and_lists_are_refused);
	tcase_add_test(tests, sizes_past_memory_are_out_of_memory);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
