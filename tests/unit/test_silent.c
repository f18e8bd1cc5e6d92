/* test_silent.c - neurons that cannot reach their threshold. */
#include "tests/unit/opt_cases.h"

#define SILENT "silent_neuron_elimination"

/* 2 inputs from 0 to 1, one hidden neuron, one reader. */
static struct graph *
one_neuron(float a, float b, double threshold)
{
	struct graph *graph = net_new();
	population_id hidden = add_layer(graph, "hidden", 2), out = add_layer(graph, "out", 1);
	float weights[] = { a, b, 50.0f, 50.0f }, ones[] = { 1.0f, 1.0f };

	graph->populations[out].output = true;
	(void)connect(graph, GRAPH_NONE, hidden, 2, weights, NULL);
	(void)connect(graph, hidden, out, 2, ones, NULL);
	graph->populations[hidden].neuron.threshold.values[0] = threshold;
	return graph;
}

static const struct pass_options *
inputs_from(double low, double high, struct pass_options *options)
{
	*options = pass_options_default;
	options->input_range_known = true;
	options->input_low = low;
	options->input_high = high;
	return options;
}

static uint64_t
silent_in(struct graph *graph, double low, double high)
{
	struct pass_options options;
	struct optimize_report report;
	uint64_t count;

	run_passes(&graph, SILENT, inputs_from(low, high, &options), &report);
	count = report.passes[0].silent_neurons_removed;
	optimize_report_free(&report);
	graph_free(graph);
	return count;
}

START_TEST(the_bound_is_the_membrane_at_rest_under_the_best_input)
{
	/* 0.06 / (1 - 0.9) = 0.6 */
	ck_assert_uint_eq(silent_in(one_neuron(0.06f, -0.5f, 0.61), 0, 1), 1);
	ck_assert_uint_eq(silent_in(one_neuron(0.06f, -0.5f, 0.59), 0, 1), 0);
	/* the range matters: -0.5 times -1 helps */
	ck_assert_uint_eq(silent_in(one_neuron(0.06f, -0.5f, 5.5), -1, 1), 0);
	ck_assert_uint_eq(silent_in(one_neuron(0.06f, -0.5f, 5.7), -1, 1), 1);
	/* exactly at the threshold is too close to call */
	ck_assert_uint_eq(silent_in(one_neuron(0.0625f, 0.0f, 0.0625 / (1 - 0.9)), 0, 1), 0);
}
END_TEST

START_TEST(without_decay_only_a_drive_that_is_never_positive_is_silent)
{
	struct graph *graph = one_neuron(-0.5f, 0.0f, 1.0);
	struct graph *positive = one_neuron(1e-6f, 0.0f, 1e6);

	graph->populations[0].neuron.decay.values[0] = 1.0;
	positive->populations[0].neuron.decay.values[0] = 1.0;
	ck_assert_uint_eq(silent_in(graph, 0, 1), 1);
	ck_assert_uint_eq(silent_in(positive, 0, 1), 0);
}
END_TEST

START_TEST(a_threshold_of_zero_tells_greater_from_greater_or_equal)
{
	struct graph *greater = one_neuron(-0.5f, 0.0f, 0.0);
	struct graph *equal = one_neuron(-0.5f, 0.0f, 0.0);

	equal->populations[0].neuron.comparison = COMPARE_GREATER_EQUAL;
	ck_assert_uint_eq(silent_in(greater, 0, 1), 1);
	ck_assert_uint_eq(silent_in(equal, 0, 1), 0);
}
END_TEST

START_TEST(rounding_is_allowed_for)
{
	struct graph *graph = one_neuron(0.0f, 0.0f, 1.0);
	float cancel[] = { 1e6f, -1e6f, 50.0f, 50.0f }, bias[] = { 0.05f, 0.0f };
	uint64_t count;

	/* 0.05 / 0.1 is well under 1, but a sum of terms of 1e6 is off by 0.1 */
	weights_release(graph->projections[0].weights);
	MUST(weights_from_values(&graph->projections[0].weights, 2, 2, cancel, err));
	add_bias(graph, 0, bias);
	count = silent_in(graph, 1, 1);
	ck_assert_uint_eq(count, 0);
	graph = one_neuron(1.0f, -1.0f, 1.0);
	add_bias(graph, 0, bias);
	ck_assert_uint_eq(silent_in(graph, 1, 1), 1);
}
END_TEST

START_TEST(the_first_layer_needs_the_input_range)
{
	struct graph *graph = one_neuron(0.01f, 0.01f, 1.0);
	struct optimize_report report;

	run_passes(&graph, SILENT, NULL, &report);
	ck_assert(!report.passes[0].changed);
	assert_skipped(&report, "hidden", "--input-range");
	assert_skipped(&report, "out", "output");
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

/* Spikes are 0 or 1 whatever the input is: the second layer needs no range. */
START_TEST(layers_behind_spikes_need_no_range)
{
	struct graph *graph = chain(11), *before;
	struct optimize_report report;
	float *values;
	uint32_t i;

	values = edit_weights(graph, 1);
	for (i = 0; i < CHAIN_HIDDEN; i++)
		values[3 * CHAIN_HIDDEN + i] = i < 2 ? 0.049f : -0.3f; /* 0.98 at most */
	for (i = 0; i < CHAIN_HIDDEN; i++)
		values[6 * CHAIN_HIDDEN + i] = i < 2 ? 0.051f : -0.3f; /* 1.02 */
	set_column(graph, 2, 3, 40.0f);
	before = copy_of(graph);
	run_passes(&graph, SILENT, NULL, &report);
	ck_assert_uint_eq(report.passes[0].silent_neurons_removed, 1);
	assert_fate(graph, "middle", 3, UNIT_SILENT);
	assert_fate(graph, "middle", 6, UNIT_KEPT);
	assert_same_run(before, graph, "out", CHAIN_INPUTS, 0.0);
	assert_idempotent(&graph, SILENT, NULL);
	optimize_report_free(&report);
	graph_free(before);
	graph_free(graph);
}
END_TEST

START_TEST(a_silent_layer_keeps_one_neuron)
{
	struct pass_options options;
	struct graph *graph = one_neuron(0.01f, 0.01f, 1e4);
	struct optimize_report report;

	run_passes(&graph, SILENT, inputs_from(0, 1, &options), &report);
	ck_assert_uint_eq(report.passes[0].silent_neurons_removed, 1);
	ck_assert_uint_eq(units_of(graph, "hidden"), 1);
	assert_skipped(&report, "hidden", "one unit kept");
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

static void
assert_silent_skips(struct graph *graph, const char *layer, const char *words)
{
	struct pass_options options;
	struct optimize_report report;

	run_passes(&graph, SILENT, inputs_from(0, 1, &options), &report);
	ck_assert(!report.passes[0].changed);
	assert_skipped(&report, layer, words);
	optimize_report_free(&report);
	graph_free(graph);
}

START_TEST(what_has_no_bound_is_left_alone)
{
	struct graph *graph = one_neuron(0.01f, 0.01f, 1.0);

	graph->populations[0].starts_at_zero = false;
	assert_silent_skips(graph, "hidden", "initial state");

	graph = one_neuron(0.01f, 0.01f, 1.0);
	graph->populations[0].kind = POPULATION_CUSTOM;
	assert_silent_skips(graph, "hidden", "normal form");

	graph = one_neuron(0.01f, 0.01f, 1.0);
	graph->populations[0].neuron.decay = (struct parameter){ 0 };
	assert_silent_skips(graph, "hidden", "normal form");

	graph = one_neuron(0.01f, 0.01f, 1.0);
	graph->projections[0].reads = READS_OTHER;
	assert_silent_skips(graph, "hidden", "other than spikes");

	graph = one_neuron(0.01f, 0.01f, 1.0);
	graph->axes[0].frozen = "it is odd";
	assert_silent_skips(graph, "hidden", "it is odd");
}
END_TEST

/* A relu's activation has no upper end. */
START_TEST(analog_activations_have_no_bound)
{
	struct graph *graph = chain(12);

	graph->populations[0].kind = POPULATION_RELU;
	graph->populations[0].neuron.comparison = COMPARE_NONE;
	graph->populations[0].neuron.threshold = (struct parameter){ 0 };
	memset(edit_weights(graph, 1), 0, sizeof(float) * CHAIN_HIDDEN * CHAIN_MIDDLE);
	assert_silent_skips(graph, "middle", "single spikes");
}
END_TEST

START_TEST(a_decay_below_zero_is_no_bound)
{
	struct graph *graph = one_neuron(-0.5f, -0.5f, 1.0);

	graph->populations[0].neuron.decay.values[0] = -0.5;
	ck_assert_uint_eq(silent_in(graph, 0, 1), 0);
}
END_TEST

/* --- silent: the bound holds, and is no wider than it must be -------------------------- */

/* Spikes in 600 steps of the input that pushes unit 0 most. */
static double
pushed(const struct graph *graph, const float *row, uint32_t count, double low, double high)
{
	double input[8], rate;
	struct simulation simulation;
	uint32_t i;

	for (i = 0; i < count; i++)
		input[i] = row[i] > 0.0f ? high : low;
	simulation_open(&simulation, graph);
	for (i = 0; i < 600; i++)
		simulation_step(&simulation, input);
	rate = simulation.means[0][0];
	simulation_close(&simulation);
	return rate;
}

START_TEST(the_bound_is_tight_for_every_kind_of_current)
{
	uint32_t state = 1234 + (uint32_t)_i, silent = 0, loud = 0, round;

	for (round = 0; round < 40; round++) {
		struct graph *graph = net_new();
		population_id hidden = add_layer(graph, "hidden", 2);
		population_id out = add_layer(graph, "out", 1);
		float weights[16], ones[] = { 1.0f, 1.0f }, bias[2];
		struct neuron *neuron = &graph->populations[hidden].neuron;
		struct pass_options options;
		struct optimize_report report;
		bool fires;

		graph->populations[out].output = true;
		draw_weights(&state, weights, 16, -1.0, 1.0);
		draw_weights(&state, bias, 2, -1.0, 1.0);
		draw_neuron(graph, neuron, 0.95, 1.0, &state);
		neuron->threshold.values[0] = draw(&state, 0.1, 60.0);
		(void)connect(graph, GRAPH_NONE, hidden, 8, weights, bias);
		(void)connect(graph, hidden, out, 2, ones, NULL);
		fires = pushed(graph, weights, 8, -0.5, 1.0) > 0.0;
		run_passes(&graph, SILENT, inputs_from(-0.5, 1.0, &options), &report);
		/* unit 0 went, or was kept as the last one */
		if (graph->axes[0].fate[0] == UNIT_SILENT ||
		    strstr(skip_reason(&report, "hidden"), "one unit kept")) {
			ck_assert(!fires);
			silent++;
		} else {
			ck_assert_msg(fires, "round %u: a neuron that cannot fire was kept", round);
			loud++;
		}
		optimize_report_free(&report);
		graph_free(graph);
	}
	ck_assert_uint_gt(silent, 4);
	ck_assert_uint_gt(loud, 4);
}
END_TEST

START_TEST(default_passes_keep_every_output_spike_of_random_networks)
{
	uint32_t seed = 100 + (uint32_t)_i, state = seed, i;
	struct graph *graph = chain(seed), *before;
	struct pass_options options;
	struct optimize_report report;

	for (i = 0; i < 3; i++)
		silence_row(graph, 0, next_random(&state) % CHAIN_HIDDEN);
	silence_row(graph, 1, next_random(&state) % CHAIN_MIDDLE);
	set_column(graph, 2, next_random(&state) % CHAIN_MIDDLE, 0.0f);
	for (i = 0; i < CHAIN_HIDDEN; i++) /* cannot fire */
		edit_weights(graph, 1)[5 * CHAIN_HIDDEN + i] = 0.09f / CHAIN_HIDDEN;
	measure_rates(graph, CHAIN_INPUTS);
	before = copy_of(graph);
	run_passes(&graph, NULL, inputs_from(0, 1, &options), &report);
	ck_assert_uint_lt(units_of(graph, "hidden"), CHAIN_HIDDEN);
	ck_assert_uint_lt(units_of(graph, "middle"), CHAIN_MIDDLE);
	assert_same_run(before, graph, "out", CHAIN_INPUTS, 0.0);
	assert_idempotent(&graph, NULL, &options);
	optimize_report_free(&report);
	graph_free(before);
	graph_free(graph);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("silent");
	TCase *bound = tcase_create("bound");

	tcase_add_test(bound, the_bound_is_the_membrane_at_rest_under_the_best_input);
	tcase_add_test(bound, without_decay_only_a_drive_that_is_never_positive_is_silent);
	tcase_add_test(bound, a_threshold_of_zero_tells_greater_from_greater_or_equal);
	tcase_add_test(bound, rounding_is_allowed_for);
	tcase_add_test(bound, the_first_layer_needs_the_input_range);
	tcase_add_test(bound, layers_behind_spikes_need_no_range);
	tcase_add_test(bound, a_silent_layer_keeps_one_neuron);
	tcase_add_test(bound, what_has_no_bound_is_left_alone);
	tcase_add_test(bound, analog_activations_have_no_bound);
	tcase_add_test(bound, a_decay_below_zero_is_no_bound);
	tcase_add_loop_test(bound, the_bound_is_tight_for_every_kind_of_current, 0, 5);
	tcase_add_loop_test(bound, default_passes_keep_every_output_spike_of_random_networks, 0, 8);
	suite_add_tcase(suite, bound);
	return run_suite(suite);
}
