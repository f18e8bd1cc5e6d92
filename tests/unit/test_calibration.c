/* test_calibration.c - the driver of the passes, when accuracy is measured: by a function
 * that can be worked out by hand. */
#include "tests/unit/opt_cases.h"

#define DEAD "dead_neuron_elimination"
#define PRUNE "magnitude_pruning"
#define QUANTIZE "quantization"

enum { SAMPLES = 1000, RIGHT = 950 };

/* Images that are lost with each unit, with zeros, and with bits. */
struct fake {
	uint64_t a_unit, zeros, bits;
	int calls, fail_at;
	struct measurement made[16];
	struct calibration calibration;
	struct measurement before;
};

static bool
has_zeros(const struct graph *graph)
{
	uint64_t zeros = 0;
	size_t i;

	for (i = 0; i < graph->projection_count; i++)
		MUST(weights_count_zeros(graph->projections[i].weights, &zeros, err));
	return zeros > 0;
}

static snnfit_status
fake_measure(void *context, const struct graph *graph, const struct measurement **out,
	     snnfit_error *err)
{
	struct fake *fake = context;
	struct measurement *made = &fake->made[fake->calls];
	size_t i;

	if (++fake->calls == fake->fail_at)
		return error_set(err, SNNFIT_EDATA, "no such data");
	ck_assert_int_lt(fake->calls, 16);
	*made = (struct measurement){ .samples = SAMPLES, .right = RIGHT };
	for (i = 0; i < graph->axis_count; i++)
		made->right -= (graph->axes[i].units_before - graph->axes[i].units) * fake->a_unit;
	if (has_zeros(graph))
		made->right -= fake->zeros;
	if (graph->projections[0].quantization.bits)
		made->right -= fake->bits;
	*out = made;
	return SNNFIT_OK;
}

/* max_drop: percentage points. */
static struct pass_options
measured_by(struct fake *fake, double max_drop)
{
	struct pass_options options = pass_options_default;

	fake->before = (struct measurement){ .samples = SAMPLES, .right = RIGHT };
	fake->calibration = (struct calibration){ .context = fake,
						  .measure = fake_measure,
						  .before = &fake->before,
						  .max_drop = max_drop };
	options.calibration = &fake->calibration;
	return options;
}

/* A chain with two dead neurons and no zeros; weights from 0.02 on. */
static struct graph *
network(void)
{
	struct graph *graph = chain(4);
	size_t i, k;

	for (i = 0; i < graph->projection_count; i++) {
		const struct weights *weights = graph->projections[i].weights;
		float *values = edit_weights(graph, (projection_id)i);

		for (k = 0; k < (size_t)weights->rows * weights->columns; k++)
			values[k] = copysignf(fabsf(values[k]) + 0.02f, values[k]);
	}
	set_rates(graph, 0, 0.1);
	graph->populations[0].rates[3] = graph->populations[0].rates[9] = 0.0;
	return graph;
}

static void
assert_change(const struct optimize_report *report, size_t index, const char *pass, bool undone,
	      uint64_t right)
{
	ck_assert_uint_lt(index, report->change_count);
	ck_assert_str_eq(report->changes[index].pass, pass);
	ck_assert_int_eq(report->changes[index].undone, undone);
	ck_assert_ptr_nonnull(report->changes[index].accuracy);
	ck_assert_uint_eq(report->changes[index].accuracy->right, right);
}

START_TEST(without_data_changes_are_counted_and_not_measured)
{
	struct graph *graph = network();
	struct optimize_report report;

	run_passes(&graph, DEAD "," QUANTIZE, NULL, &report);
	ck_assert_uint_eq(report.change_count, 2);
	ck_assert_str_eq(report.changes[0].pass, DEAD);
	ck_assert_ptr_null(report.changes[0].accuracy);
	ck_assert_uint_eq(report.changes[0].neurons,
			  CHAIN_HIDDEN - 2 + CHAIN_MIDDLE + CHAIN_OUTPUTS);
	ck_assert_uint_eq(report.changes[0].parameters, CHAIN_INPUTS * (CHAIN_HIDDEN - 2) +
								(CHAIN_HIDDEN - 2) * CHAIN_MIDDLE +
								CHAIN_MIDDLE * CHAIN_OUTPUTS);
	ck_assert_uint_eq(report.passes[0].undone + report.passes[1].undone, 0);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(without_a_limit_each_change_is_measured_once)
{
	struct fake fake = { .a_unit = 1, .zeros = 100, .bits = 500 };
	struct pass_options options = measured_by(&fake, 100.0);
	struct graph *graph = network();
	struct optimize_report report;

	options.prune_threshold = 0.1;
	run_passes(&graph, DEAD "," QUANTIZE "," PRUNE, &options, &report);
	ck_assert_uint_eq(report.change_count, 3);
	ck_assert_int_eq(fake.calls, 3);
	assert_change(&report, 0, DEAD, false, RIGHT - 2);
	assert_change(&report, 1, QUANTIZE, false, RIGHT - 502);
	assert_change(&report, 2, PRUNE, false, RIGHT - 602);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(a_change_over_the_limit_is_undone_and_the_others_go_on)
{
	struct fake fake = { .a_unit = 1, .zeros = 100, .bits = 3 };
	struct pass_options options = measured_by(&fake, 0.5);
	struct graph *graph = network(), *without = network();
	struct text found = { 0 }, expected = { 0 };
	struct optimize_report report, other;

	options.prune_threshold = 0.1;
	run_passes(&graph, DEAD "," PRUNE "," QUANTIZE, &options, &report);
	assert_change(&report, 0, DEAD, false, RIGHT - 2);
	assert_change(&report, 1, PRUNE, true, RIGHT - 102);
	assert_change(&report, 2, QUANTIZE, false, RIGHT - 5); /* 0.5 points: the limit itself */
	assert_change(&report, 3, PRUNE, true, RIGHT - 105);   /* once more: the graph is another */
	ck_assert_uint_eq(report.change_count, 4);
	ck_assert_uint_eq(report.passes[1].undone, 2);
	ck_assert_uint_eq(report.passes[1].weights_pruned, 0);
	ck_assert(!report.passes[1].changed && report.passes[2].changed);

	run_passes(&without, DEAD "," QUANTIZE, NULL, &other);
	MUST(graph_print(graph, &found, err));
	MUST(graph_print(without, &expected, err));
	ck_assert_str_eq(found.chars, expected.chars);
	text_free(&found);
	text_free(&expected);
	optimize_report_free(&report);
	optimize_report_free(&other);
	graph_free(graph);
	graph_free(without);
}
END_TEST

START_TEST(a_limit_of_zero_undoes_what_costs_an_image)
{
	struct fake fake = { .bits = 1 };
	struct pass_options options = measured_by(&fake, 0.0);
	struct graph *graph = network();
	struct optimize_report report;

	run_passes(&graph, QUANTIZE "," DEAD, &options, &report);
	assert_change(&report, 0, QUANTIZE, true, RIGHT - 1);
	assert_change(&report, 1, DEAD, false, RIGHT);
	assert_change(&report, 2, QUANTIZE, true, RIGHT - 1);
	ck_assert_uint_eq(report.change_count, 3);
	ck_assert_uint_eq(graph->projections[0].quantization.bits, 0);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

static snnfit_status
count_change(void *context, const char *pass, const struct graph *graph, snnfit_error *err)
{
	(void)graph;
	(void)err;
	ck_assert_str_eq(pass, DEAD);
	++*(int *)context;
	return SNNFIT_OK;
}

START_TEST(who_watches_sees_what_stays)
{
	struct fake fake = { .bits = 6 };
	struct pass_options options = measured_by(&fake, 0.5);
	struct graph *graph = network();
	struct optimize_report report;
	int seen = 0;

	MUST(optimize(&graph, QUANTIZE "," DEAD, &options, count_change, &seen, &report, err));
	ck_assert_int_eq(seen, 1);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

/* The first change, and one that comes after others. */
START_TEST(a_measurement_that_fails_ends_the_run)
{
	struct fake fake = { .a_unit = 1, .fail_at = _i + 1 };
	struct pass_options options = measured_by(&fake, 1.0);
	struct graph *graph = network(), *before = graph;
	struct text found = { 0 }, expected = { 0 };
	struct optimize_report report;
	snnfit_error why;

	MUST(graph_print(graph, &expected, err));
	ck_assert_int_eq(optimize(&graph, DEAD "," QUANTIZE, &options, NULL, NULL, &report, &why),
			 SNNFIT_EDATA);
	ck_assert_str_eq(why.text, "no such data");
	ck_assert_ptr_eq(graph, before);
	ck_assert_uint_eq(report.change_count, 0);
	MUST(graph_print(graph, &found, err));
	ck_assert_str_eq(found.chars, expected.chars);
	text_free(&found);
	text_free(&expected);
	graph_free(graph);
}
END_TEST

START_TEST(limits_in_decimals_are_kept_to_the_image)
{
	struct measurement before = { .samples = 1000, .right = 900 };
	struct calibration calibration = { .before = &before };
	uint64_t lost;

	for (lost = 0; lost <= 100; lost++) {
		struct measurement now = { .samples = 1000, .right = 900 - lost };

		calibration.max_drop = (double)lost / 10.0;
		ck_assert(calibration_allows(&calibration, &now));
		now.right--;
		ck_assert(!calibration_allows(&calibration, &now));
		now.right = 950; /* better than before */
		ck_assert(calibration_allows(&calibration, &now));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("calibration");
	TCase *driver = tcase_create("driver"), *limits = tcase_create("limits");

	tcase_add_test(driver, without_data_changes_are_counted_and_not_measured);
	tcase_add_test(driver, without_a_limit_each_change_is_measured_once);
	tcase_add_test(driver, a_change_over_the_limit_is_undone_and_the_others_go_on);
	tcase_add_test(driver, a_limit_of_zero_undoes_what_costs_an_image);
	tcase_add_test(driver, who_watches_sees_what_stays);
	tcase_add_loop_test(driver, a_measurement_that_fails_ends_the_run, 0, 2);
	suite_add_tcase(suite, driver);
	tcase_add_test(limits, limits_in_decimals_are_kept_to_the_image);
	suite_add_tcase(suite, limits);
	return run_suite(suite);
}
