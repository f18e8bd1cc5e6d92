/* test_behaviour.c - merging neurons whose spike trains agree. */
#include "tests/unit/activity_cases.h"

#define BEHAVIOUR "behavioural_redundancy"

enum { HIDDEN, MIDDLE, OUT, STEPS = MADE_STEPS * MADE_SAMPLES };

/* Unit `to` does what unit `from` does, but in some steps far apart. */
static void
imitate(struct made_activity *made, uint32_t layer, uint32_t from, uint32_t to, uint32_t flips)
{
	uint32_t i;

	memcpy(made->bits[layer][to], made->bits[layer][from], sizeof made->bits[layer][to]);
	for (i = 0; i < flips; i++)
		flip_at(made, layer, to, 7 + i * (STEPS / (flips + 1)));
}

static uint64_t
merged(struct graph **graph, const struct pass_options *options, struct optimize_report *report)
{
	uint64_t count;

	run_passes(graph, BEHAVIOUR, options, report);
	count = report->passes[0].redundant_pairs_merged;
	ck_assert_int_eq(report->passes[0].changed, count > 0);
	return count;
}

/* The same, and nothing is left to do; what was reported is of no interest. */
static uint64_t
merge_all(struct graph **graph, const struct pass_options *options)
{
	struct optimize_report report;
	uint64_t count = merged(graph, options, &report);

	optimize_report_free(&report);
	assert_idempotent(graph, BEHAVIOUR, options);
	return count;
}

static uint32_t
merged_into(const struct graph *graph, uint32_t layer, uint32_t unit)
{
	const struct unit_axis *axis = &graph->axes[graph->populations[layer].axis];

	return axis->fate[unit] == UNIT_MERGED ? axis->merged_into[unit] : GRAPH_NONE;
}

static struct made_activity *
busy(struct pass_options *options, double rate)
{
	struct made_activity *made = made_activity_new(options);
	uint32_t state = 99;

	spike_at_random(made, HIDDEN, CHAIN_HIDDEN, rate, &state);
	spike_at_random(made, MIDDLE, CHAIN_MIDDLE, rate, &state);
	spike_at_random(made, OUT, CHAIN_OUTPUTS, rate, &state);
	return made;
}

START_TEST(columns_are_added_with_the_least_squares_factor)
{
	struct graph *graph = chain(1), *before = copy_of(graph);
	struct pass_options options;
	struct made_activity *made = busy(&options, 0.4);
	uint32_t kept = 0, both = 0, step, row;
	const float *old, *new;
	struct optimize_report report;

	imitate(made, HIDDEN, 5, 17, 12);
	for (step = 0; step < STEPS; step++) {
		kept += has_spike(made, HIDDEN, 5, step);
		both += has_spike(made, HIDDEN, 5, step) && has_spike(made, HIDDEN, 17, step);
	}
	ck_assert_uint_lt(both, kept);
	ck_assert_uint_eq(merged(&graph, &options, &report), 1);
	ck_assert_double_eq_tol(report.passes[0].least_agreement, 1.0 - 12.0 / STEPS, 1e-12);
	ck_assert_uint_eq(report.passes[0].samples_recorded, MADE_SAMPLES);
	ck_assert_uint_eq(merged_into(graph, HIDDEN, 17), 5);
	old = read_weights(before, 1);
	new = read_weights(graph, 1);
	for (row = 0; row < CHAIN_MIDDLE; row++)
		ck_assert_float_eq_tol(new[row * (CHAIN_HIDDEN - 1) + 5],
				       old[row * CHAIN_HIDDEN + 5] +
					       (float)both / (float)kept *
						       old[row * CHAIN_HIDDEN + 17],
				       1e-6f);
	optimize_report_free(&report);
	free(made);
	graph_free(before);
	graph_free(graph);
}
END_TEST

START_TEST(exact_twins_change_nothing)
{
	struct graph *graph = chain(2), *before;
	struct pass_options options;
	struct made_activity *made = busy(&options, 0.3);
	float *values = edit_weights(graph, 0);
	uint32_t i;

	for (i = 0; i < CHAIN_INPUTS; i++)
		values[20 * CHAIN_INPUTS + i] = values[3 * CHAIN_INPUTS + i];
	before = copy_of(graph);
	imitate(made, HIDDEN, 3, 20, 0);
	ck_assert_uint_eq(merge_all(&graph, &options), 1);
	assert_same_run(before, graph, "out", CHAIN_INPUTS, 0.0);
	free(made);
	graph_free(before);
	graph_free(graph);
}
END_TEST

/* At a rate of 0.004 any two agree in 99.2 % of the steps. */
START_TEST(units_that_hardly_spike_do_not_agree_by_that)
{
	const double rates[] = { 0.004, 0.996 };
	uint32_t i;

	for (i = 0; i < 2; i++) {
		struct graph *graph = chain(3);
		struct pass_options options;
		struct made_activity *made = busy(&options, rates[i]);

		ck_assert_uint_eq(merge_all(&graph, &options), 0);
		imitate(made, HIDDEN, 2, 9, 0);
		ck_assert_uint_eq(merge_all(&graph, &options), 1);
		ck_assert_uint_eq(merged_into(graph, HIDDEN, 9), 2);
		free(made);
		graph_free(graph);
	}
}
END_TEST

START_TEST(the_bound_is_what_is_asked_for)
{
	const struct {
		double bound;
		uint32_t flips;
		uint64_t merged;
	} cases[] = {
		{ 0.99, 16, 1 }, { 0.99, 24, 0 }, { 0.98, 24, 1 }, { 0.995, 12, 0 },
		{ 1.0, 0, 1 },	 { 1.0, 1, 0 },	  { 0.9, 160, 1 }, { 0.9, 260, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct graph *graph = chain(4);
		struct pass_options options;
		struct made_activity *made = busy(&options, 0.5);

		options.behavioural_agreement = cases[i].bound;
		imitate(made, MIDDLE, 1, 2, cases[i].flips);
		ck_assert_msg(merge_all(&graph, &options) == cases[i].merged,
			      "%u flips at %g: not %u merged", cases[i].flips, cases[i].bound,
			      (uint32_t)cases[i].merged);
		free(made);
		graph_free(graph);
	}
}
END_TEST

START_TEST(units_that_never_or_always_spike_take_no_part)
{
	struct graph *graph = chain(5);
	struct pass_options options;
	struct made_activity *made = busy(&options, 0.3);
	uint32_t step;

	memset(made->bits[HIDDEN][4], 0, sizeof made->bits[HIDDEN][4]);
	memset(made->bits[HIDDEN][5], 0, sizeof made->bits[HIDDEN][5]);
	for (step = 0; step < STEPS; step++) {
		spike_at(made, HIDDEN, 6, step);
		spike_at(made, HIDDEN, 7, step);
	}
	ck_assert_uint_eq(merge_all(&graph, &options), 0);
	free(made);
	graph_free(graph);
}
END_TEST

START_TEST(each_joins_the_kept_unit_that_it_is_closest_to)
{
	struct graph *graph = chain(6);
	struct pass_options options;
	struct made_activity *made = busy(&options, 0.5);

	/* 4 is far enough from 0 to be kept, 8 is between them, closer to 4. */
	imitate(made, HIDDEN, 0, 4, 24);
	imitate(made, HIDDEN, 4, 8, 4);
	options.behavioural_agreement = 0.985;
	ck_assert_uint_eq(merge_all(&graph, &options), 2);
	ck_assert_uint_eq(merged_into(graph, HIDDEN, 4), 0);
	free(made);
	graph_free(graph);

	graph = chain(6);
	made = busy(&options, 0.5);
	imitate(made, HIDDEN, 0, 4, 24);
	imitate(made, HIDDEN, 4, 8, 4);
	ck_assert_uint_eq(merge_all(&graph, &options), 1);
	ck_assert_uint_eq(merged_into(graph, HIDDEN, 4), GRAPH_NONE);
	ck_assert_uint_eq(merged_into(graph, HIDDEN, 8), 4);
	free(made);
	graph_free(graph);
}
END_TEST

/* --- with a limit on accuracy --------------------------------------------------------- */

/* Pairs (0, 1), (2, 3), ... the first of them the surest. */
static void
plant_pairs(struct made_activity *made, uint32_t layer, uint32_t pairs)
{
	uint32_t i;

	for (i = 0; i < pairs; i++)
		imitate(made, layer, 2 * i, 2 * i + 1, i + 1);
}

START_TEST(as_many_as_accuracy_allows)
{
	uint64_t allowed;

	for (allowed = 0; allowed <= 12; allowed++) {
		struct graph *graph = chain(7);
		struct pass_options options;
		struct made_activity *made = busy(&options, 0.5);
		struct optimize_report report;
		uint32_t unit;

		plant_pairs(made, HIDDEN, 12);
		limit_accuracy(made, 10, (double)allowed);
		ck_assert_uint_eq(merged(&graph, &options, &report), allowed);
		/* The surest first. */
		for (unit = 0; unit < 12; unit++)
			ck_assert_int_eq(merged_into(graph, HIDDEN, 2 * unit + 1) != GRAPH_NONE,
					 unit < allowed);
		if (allowed < 12)
			assert_skipped(&report, "hidden", "would cost too much accuracy");
		/* Two rounds of at most 1 + 4 each, and the driver's own. */
		ck_assert_uint_le(made->measured, 11);
		ck_assert_uint_eq(report.passes[0].undone, 0);
		optimize_report_free(&report);
		free(made);
		graph_free(graph);
	}
}
END_TEST

START_TEST(the_surest_of_all_layers_go_first)
{
	struct graph *graph = chain(8);
	struct pass_options options;
	struct made_activity *made = busy(&options, 0.5);

	imitate(made, HIDDEN, 0, 1, 6);
	imitate(made, HIDDEN, 2, 3, 2);
	imitate(made, MIDDLE, 0, 1, 4);
	limit_accuracy(made, 10, 2.0);
	ck_assert_uint_eq(merge_all(&graph, &options), 2);
	ck_assert_uint_eq(merged_into(graph, HIDDEN, 3), 2);
	ck_assert_uint_eq(merged_into(graph, MIDDLE, 1), 0);
	ck_assert_uint_eq(merged_into(graph, HIDDEN, 1), GRAPH_NONE);
	free(made);
	graph_free(graph);
}
END_TEST

/* --- what is left alone ------------------------------------------------------------------ */

START_TEST(without_data_nothing_is_done)
{
	struct graph *graph = chain(9);
	struct optimize_report report;

	ck_assert_uint_eq(merged(&graph, NULL, &report), 0);
	assert_skipped(&report, "hidden", "data are needed (--inputs)");
	assert_skipped(&report, "out", "an output of the model");
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(outputs_recurrent_and_graded_layers_stay)
{
	struct graph *graph = chain(10);
	struct pass_options options;
	struct made_activity *made = busy(&options, 0.5);
	uint32_t state = 5;
	projection_id loop;
	struct optimize_report report;

	imitate(made, HIDDEN, 0, 1, 0);
	imitate(made, MIDDLE, 0, 1, 0);
	imitate(made, OUT, 0, 1, 0);
	loop = connect_random(graph, HIDDEN, HIDDEN, CHAIN_HIDDEN, -0.1, 0.1, &state);
	graph->projections[loop].delayed = true;
	graph->populations[MIDDLE].neuron.counts = true;
	ck_assert_uint_eq(merged(&graph, &options, &report), 0);
	assert_skipped(&report, "hidden", "it is recurrent");
	assert_skipped(&report, "middle", "several times a step");
	assert_skipped(&report, "out", "an output of the model");
	optimize_report_free(&report);
	free(made);
	graph_free(graph);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("behaviour");
	TCase *tcase = tcase_create("behaviour");

	tcase_add_test(tcase, columns_are_added_with_the_least_squares_factor);
	tcase_add_test(tcase, exact_twins_change_nothing);
	tcase_add_test(tcase, units_that_hardly_spike_do_not_agree_by_that);
	tcase_add_test(tcase, the_bound_is_what_is_asked_for);
	tcase_add_test(tcase, units_that_never_or_always_spike_take_no_part);
	tcase_add_test(tcase, each_joins_the_kept_unit_that_it_is_closest_to);
	tcase_add_test(tcase, as_many_as_accuracy_allows);
	tcase_add_test(tcase, the_surest_of_all_layers_go_first);
	tcase_add_test(tcase, without_data_nothing_is_done);
	tcase_add_test(tcase, outputs_recurrent_and_graded_layers_stay);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
