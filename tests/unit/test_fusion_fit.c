/* test_fusion_fit.c - a near-silent layer becomes the linear map that comes closest to it on
 * the data. */
#include "tests/unit/activity_cases.h"

#define FUSION "layer_fusion"

enum { FIRST, QUIET, OUT, UNITS = 20, HUSHED = 32, OUTPUTS = 3, STEPS = MADE_STEPS * MADE_SAMPLES };

/* Three layers; the second is said to be near-silent, whatever it does. */
static struct graph *
quiet_chain(uint32_t seed)
{
	struct graph *graph = net_new();
	population_id first = add_layer(graph, "first", UNITS),
		      quiet = add_layer(graph, "quiet", HUSHED);
	population_id out = add_readout(graph, "out", OUTPUTS);

	(void)connect_random(graph, GRAPH_NONE, first, 4, -0.1, 0.3, &seed);
	(void)connect_random(graph, first, quiet, UNITS, -0.2, 0.3, &seed);
	(void)connect_random(graph, quiet, out, HUSHED, -1.0, 1.0, &seed);
	add_bias(graph, 2, (float[]){ 0.5f, -0.25f, 0.0f });
	set_rates(graph, quiet, 0.005);
	return graph;
}

/* Quiet units spike seldom, some of them after one or two of the first. */
static struct made_activity *
trains(struct pass_options *options, uint32_t seed)
{
	struct made_activity *made = made_activity_new(options);
	uint32_t unit, step;

	spike_at_random(made, FIRST, UNITS, 0.2, &seed);
	for (unit = 0; unit < HUSHED; unit++)
		for (step = 0; step < STEPS; step++)
			if (draw(&seed, 0.0, 1.0) < 0.004 ||
			    (unit % 3 == 0 && has_spike(made, FIRST, unit % UNITS, step) &&
			     has_spike(made, FIRST, (unit + 5) % UNITS, step)))
				spike_at(made, QUIET, unit, step);
	return made;
}

/* What the columns read of the first layer in a step; of a reader of the quiet one. */
static double
value_of(const struct made_activity *made, const struct projection *projection, uint32_t layer,
	 uint32_t unit, uint32_t step)
{
	double silent = projection->silent ? projection->silent[unit] : 0.0;
	double spike = projection->spike ? projection->spike[unit] : 1.0;

	return silent + spike * has_spike(made, layer, unit, step);
}

/* W2 (silent + spike S) + b2 of a row, in a step. */
static double
drive_of(const struct made_activity *made, const struct projection *projection, uint32_t layer,
	 uint32_t row, uint32_t step)
{
	uint32_t columns = projection->weights->columns, i;
	const float *weights, *bias;
	double sum;

	MUST(weights_read(projection->weights, &weights, err));
	MUST(weights_read(projection->bias, &bias, err));
	sum = bias[row];
	for (i = 0; i < columns; i++)
		sum += (double)weights[row * columns + i] *
		       value_of(made, projection, layer, i, step);
	return sum;
}

/* The error is on average 0 and varies with no input: nothing linear is left in it. The
 * share of the variance that it is, over all rows, each times its gain. */
static double
assert_nothing_linear_is_left(const struct made_activity *made, const struct projection *old,
			      const struct projection *made_of)
{
	double left = 0.0, whole = 0.0;
	uint32_t row, step, unit;

	for (row = 0; row < OUTPUTS; row++) {
		double gain = old->gain.count ? parameter_at(&old->gain, row) : 1.0;
		double error = 0.0, mean = 0.0, with[UNITS] = { 0 };

		for (step = 0; step < STEPS; step++)
			mean += drive_of(made, old, QUIET, row, step) / STEPS;
		for (step = 0; step < STEPS; step++) {
			double y = drive_of(made, old, QUIET, row, step);
			double off = y - drive_of(made, made_of, FIRST, row, step);

			error += off;
			for (unit = 0; unit < UNITS; unit++)
				with[unit] += off * has_spike(made, FIRST, unit, step);
			left += gain * gain * off * off;
			whole += gain * gain * (y - mean) * (y - mean);
		}
		ck_assert_double_le(fabs(error), 1e-3);
		for (unit = 0; unit < UNITS; unit++) /* of about 400 spikes each; the ridge */
			ck_assert_double_le(fabs(with[unit]), 1e-2);
	}
	return 1.0 - left / whole;
}

START_TEST(no_other_map_comes_closer)
{
	struct pass_options options;
	struct made_activity *made = trains(&options, 5 + (uint32_t)_i);
	struct graph *graph = quiet_chain(3), *before;
	double spikes[HUSHED], silent[HUSHED], halves[UNITS], gains[] = { 2.0, 0.5, 1.0 };
	struct optimize_report report;
	uint32_t i;
	double kept;

	for (i = 0; i < HUSHED; i++) {
		spikes[i] = i % 2 ? 1.5 : -1.0;
		silent[i] = i % 5 ? 0.0 : 0.25;
	}
	for (i = 0; i < UNITS; i++)
		halves[i] = i % 2 ? 0.5 : -2.0;
	if (_i > 0) { /* what is read is more than spikes */
		graph->projections[2].spike = spikes;
		graph->projections[2].silent = silent;
		graph->projections[1].spike = graph->projections[1].silent = halves;
		set_each(graph, &graph->projections[2].gain, gains, OUTPUTS);
	}
	before = copy_of(graph);
	run_passes(&graph, FUSION, &options, &report);
	ck_assert_uint_eq(report.passes[0].layers_fused, 1);
	ck_assert_uint_eq(report.passes[0].layers_fitted, 1);
	ck_assert_uint_eq(report.passes[0].samples_recorded, MADE_SAMPLES);
	kept = assert_nothing_linear_is_left(made, &before->projections[2], &graph->projections[3]);
	ck_assert_double_gt(kept, 0.2);
	ck_assert_double_lt(kept, 0.95);
	ck_assert_double_eq_tol(report.passes[0].fusion_r2, kept, 1e-6);
	ck_assert_double_eq_tol(report.passes[0].drive_variance_change, kept - 1.0, 1e-4);
	optimize_report_free(&report);
	graph_free(before);
	graph_free(graph);
	free(made);
}
END_TEST

/* A layer that hands on what it reads: the map is the product of the weights. */
START_TEST(what_is_linear_is_found)
{
	struct pass_options options;
	struct made_activity *made = made_activity_new(&options);
	struct graph *graph = quiet_chain(8), *before;
	uint32_t seed = 17, unit, row;
	struct optimize_report report;
	const float *old, *new;

	spike_at_random(made, FIRST, UNITS - 1, 0.1, &seed); /* the last one never spikes */
	for (unit = 0; unit < HUSHED; unit++)
		memcpy(made->bits[QUIET][unit], made->bits[FIRST][unit % UNITS],
		       sizeof made->bits[QUIET][unit]);
	before = copy_of(graph);
	run_passes(&graph, FUSION, &options, &report);
	ck_assert_double_eq_tol(report.passes[0].fusion_r2, 1.0, 1e-9);
	old = read_weights(before, 2);
	new = read_weights(graph, 3);
	for (row = 0; row < OUTPUTS; row++)
		for (unit = 0; unit < UNITS; unit++) {
			double wanted = (double)old[row * HUSHED + unit];

			if (unit + UNITS < HUSHED)
				wanted += (double)old[row * HUSHED + unit + UNITS];
			if (unit == UNITS - 1)
				wanted = 0.0;
			ck_assert_double_eq_tol(new[row * UNITS + unit], wanted, 1e-5);
		}
	optimize_report_free(&report);
	graph_free(before);
	graph_free(graph);
	free(made);
}
END_TEST

START_TEST(a_layer_that_never_spikes_is_its_constant)
{
	struct pass_options options;
	struct made_activity *made = made_activity_new(&options);
	struct graph *graph = quiet_chain(9);
	struct optimize_report report;
	uint32_t seed = 3, i;
	const float *new;

	spike_at_random(made, FIRST, UNITS, 0.1, &seed);
	run_passes(&graph, FUSION, &options, &report);
	ck_assert_uint_eq(report.passes[0].layers_fused, 1);
	ck_assert_double_eq(report.passes[0].fusion_r2, 1.0);
	new = read_weights(graph, 3);
	for (i = 0; i < OUTPUTS * UNITS; i++)
		ck_assert_float_eq(new[i], 0.0f);
	optimize_report_free(&report);
	graph_free(graph);
	free(made);
}
END_TEST

/* Then the map is that of the means, for which rates are enough. */
START_TEST(without_all_trains_there_is_no_fit)
{
	struct pass_options options;
	struct made_activity *made = trains(&options, 4);
	struct graph *graph;
	struct optimize_report report;
	uint32_t way;

	for (way = 0; way < 3; way++) {
		graph = quiet_chain(3);
		set_rates(graph, FIRST, 0.2);
		if (way == 0)
			graph->projections[1].spike_at_most = true;
		else if (way == 1)
			(void)add_layer_on(graph, "beside", graph->populations[FIRST].axis);
		else
			made->calibration.record = NULL;
		run_passes(&graph, FUSION, &options, &report);
		ck_assert_uint_eq(report.passes[0].layers_fused, 1);
		ck_assert_uint_eq(report.passes[0].layers_fitted, 0);
		ck_assert_uint_eq(report.passes[0].samples_recorded, 0);
		optimize_report_free(&report);
		graph_free(graph);
	}
	free(made);
}
END_TEST

/* The layer has 32 units: that is 32 images of 1000, 3.2 points. */
START_TEST(what_costs_too_much_is_left)
{
	struct pass_options options;
	struct made_activity *made = trains(&options, 4);
	struct graph *graph = quiet_chain(3);
	struct optimize_report report;

	limit_accuracy(made, 1, 3.1);
	run_passes(&graph, FUSION, &options, &report);
	ck_assert(!report.passes[0].changed);
	ck_assert_uint_eq(report.passes[0].layers_fitted, 0);
	ck_assert_uint_eq(report.change_count, 0);
	assert_skipped(&report, "quiet", "too much accuracy");
	optimize_report_free(&report);
	made->calibration.max_drop = 3.2;
	run_passes(&graph, FUSION, &options, &report);
	ck_assert_uint_eq(report.passes[0].layers_fused, 1);
	ck_assert_uint_eq(report.passes[0].undone, 0);
	optimize_report_free(&report);
	graph_free(graph);
	free(made);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fusion fit");
	TCase *fit = tcase_create("fit");

	tcase_set_timeout(fit, 60);
	tcase_add_loop_test(fit, no_other_map_comes_closer, 0, 3);
	tcase_add_test(fit, what_is_linear_is_found);
	tcase_add_test(fit, a_layer_that_never_spikes_is_its_constant);
	tcase_add_test(fit, without_all_trains_there_is_no_fit);
	tcase_add_test(fit, what_costs_too_much_is_left);
	suite_add_tcase(suite, fit);
	return run_suite(suite);
}
