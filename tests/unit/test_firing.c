/* test_firing.c - neurons that spike in every step. */
#include "tests/unit/opt_cases.h"

#define FIRING "always_firing_elimination"

/* Two inputs from 0 to 1 into two neurons, the first with this bias (and a weight of
 * -0.5 that can only take away); one reader. */
static struct graph *
one_neuron(double bias)
{
	struct graph *graph = net_new();
	population_id hidden = add_layer(graph, "hidden", 2), out = add_layer(graph, "out", 1);
	float weights[] = { 1.0f, -0.5f, 50.0f, 50.0f }, ones[] = { 1.0f, 1.0f };
	float biases[] = { (float)(bias + 0.5), 0.0f };

	graph->populations[out].output = true;
	(void)connect(graph, GRAPH_NONE, hidden, 2, weights, biases);
	(void)connect(graph, hidden, out, 2, ones, NULL);
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
folded_in(struct graph *graph)
{
	struct pass_options options;
	struct optimize_report report;
	uint64_t count;

	run_passes(&graph, FIRING, inputs_from(0, 1, &options), &report);
	count = report.passes[0].always_firing_neurons_folded;
	optimize_report_free(&report);
	graph_free(graph);
	return count;
}

static void
assert_left_alone(struct graph *graph, const char *words)
{
	struct pass_options options;
	struct optimize_report report;

	run_passes(&graph, FIRING, inputs_from(0, 1, &options), &report);
	ck_assert(!report.passes[0].changed);
	assert_skipped(&report, "hidden", words);
	optimize_report_free(&report);
	graph_free(graph);
}

/* --- the proof ------------------------------------------------------------------- */

/* Threshold 1. `least` is the smallest drive that is over it in every step. */
static const struct kind {
	enum reset reset;
	enum reset_timing timing;
	double decay, value, least;
} kinds[] = {
	{ RESET_NONE, RESET_NOW, 0.9, 0.0, 1.0 },
	{ RESET_SUBTRACT, RESET_NOW, 0.9, 1.0, 1.0 },  /* 0.9 (1 - 1) + 1 */
	{ RESET_SUBTRACT, RESET_NOW, 0.5, 3.0, 2.0 },  /* 0.5 (1 - 3) + 2 */
	{ RESET_SUBTRACT, RESET_NOW, 1.0, 2.5, 2.5 },  /* 1 - 2.5 + 2.5 */
	{ RESET_SUBTRACT, RESET_NOW, 0.5, -3.0, 1.0 }, /* the first step */
	{ RESET_SUBTRACT, RESET_LATE, 0.5, 3.0, 3.5 }, /* 0.5 - 3 + 3.5 */
	{ RESET_SUBTRACT, RESET_LATE, 1.0, 2.0, 2.0 }, /* 1 - 2 + 2 */
	{ RESET_SUBTRACT, RESET_BOTH, 0.5, 0.4, 1.1 }, /* 0.5 (1 - 0.4) - 0.4 + 1.1, if twice */
	{ RESET_SET, RESET_NOW, 0.5, -2.0, 2.0 },      /* 0.5 (-2) + 2 */
	{ RESET_SET, RESET_NOW, 0.5, 2.0, 1.0 },       /* the first step */
	{ RESET_SET, RESET_LATE, 0.5, -2.0, 2.0 },
	{ RESET_SET, RESET_BOTH, 0.5, -2.0, 2.0 },
	{ RESET_SUBTRACT, RESET_NOW, 0.0, 100.0, 1.0 }, /* nothing stays */
};

static struct graph *
neuron_of(const struct kind *kind, double bias)
{
	struct graph *graph = one_neuron(bias);
	struct neuron *neuron = &graph->populations[0].neuron;

	neuron->reset = kind->reset;
	neuron->reset_timing = kind->timing;
	neuron->decay.values[0] = kind->decay;
	neuron->reset_value.values[0] = kind->value;
	return graph;
}

START_TEST(the_smallest_drive_must_do_for_every_step)
{
	const struct kind *kind = &kinds[_i];

	ck_assert_uint_eq(folded_in(neuron_of(kind, kind->least + 1e-3)), 1);
	ck_assert_uint_eq(folded_in(neuron_of(kind, kind->least - 1e-3)), 0);
	ck_assert_uint_eq(folded_in(neuron_of(kind, kind->least)), 0); /* too close to call */
}
END_TEST

START_TEST(a_threshold_of_zero_tells_greater_from_greater_or_equal)
{
	struct graph *greater = one_neuron(-0.5), *equal;

	edit_weights(greater, 0)[1] = 0.0f; /* the drive is never negative */
	greater->populations[0].neuron.threshold.values[0] = 0.0;
	greater->populations[0].neuron.reset = RESET_NONE;
	equal = copy_of(greater);
	equal->populations[0].neuron.comparison = COMPARE_GREATER_EQUAL;
	ck_assert_uint_eq(folded_in(greater), 0);
	ck_assert_uint_eq(folded_in(equal), 1);
}
END_TEST

/* [V >= 0] holds of the state of zero, too: the first spike may be lost. */
START_TEST(a_late_reset_may_come_before_the_first_step)
{
	const struct kind late = { RESET_SUBTRACT, RESET_LATE, 0.5, 0.1, 0.0 };
	struct graph *graph = neuron_of(&late, 5.0);
	struct graph *low = neuron_of(&late, 5.0);

	low->populations[0].neuron.threshold.values[0] = -0.5;
	ck_assert_uint_eq(folded_in(graph), 1);
	ck_assert_uint_eq(folded_in(low), 0);
}
END_TEST

START_TEST(rounding_is_allowed_for)
{
	float cancel[] = { 1e6f, -1e6f, 0.0f, 0.0f };
	struct graph *graph = one_neuron(0.0), *plain = one_neuron(1.05);
	struct pass_options options;
	struct optimize_report report;

	/* 1.05 is well over 1, but a sum of terms of 1e6 is off by 0.1 */
	weights_release(graph->projections[0].weights);
	MUST(weights_from_values(&graph->projections[0].weights, 2, 2, cancel, err));
	graph->populations[0].neuron.offset.values[0] = 1.05;
	run_passes(&graph, FIRING, inputs_from(1, 1, &options), &report);
	ck_assert_uint_eq(report.passes[0].always_firing_neurons_folded, 0);
	optimize_report_free(&report);
	graph_free(graph);
	ck_assert_uint_eq(folded_in(plain), 1);
	/* (r - U) + U is not r when U is 1e7 larger */
	graph = neuron_of(&(struct kind){ RESET_SET, RESET_NOW, 1.0, 1.0, 0.0 }, 1.5);
	edit_weights(graph, 0)[0] = 1e8f;
	ck_assert_uint_eq(folded_in(graph), 0);
}
END_TEST

/* A current that is there a step later than its input: no spike in the first step. */
START_TEST(a_current_must_be_there_in_the_first_step)
{
	struct graph *graph = one_neuron(50.0), *now;
	struct neuron *neuron = &graph->populations[0].neuron;

	ck_assert(graph_set_parameter(graph, &neuron->current_decay, 0.5));
	ck_assert(graph_set_parameter(graph, &neuron->current_gain, 1.0));
	ck_assert(graph_set_parameter(graph, &neuron->input_gain, 1.0));
	now = copy_of(graph);
	neuron->current = CURRENT_OLD;
	now->populations[0].neuron.current = CURRENT_NEW;
	ck_assert_uint_eq(folded_in(graph), 0);
	graph = copy_of(now);
	graph->populations[0].neuron.current = CURRENT_OLD_AND_INPUT;
	ck_assert_uint_eq(folded_in(now), 1);
	ck_assert_uint_eq(folded_in(graph), 1);
}
END_TEST

START_TEST(what_is_not_known_is_left_alone)
{
	struct graph *graph = one_neuron(5.0);
	struct optimize_report report;

	run_passes(&graph, FIRING, NULL, &report);
	ck_assert(!report.passes[0].changed);
	assert_skipped(&report, "hidden", "--input-range");
	assert_skipped(&report, "out", "output");
	optimize_report_free(&report);
	graph->populations[0].starts_at_zero = false;
	assert_left_alone(graph, "initial state");
	graph = one_neuron(5.0);
	graph->populations[0].kind = POPULATION_CUSTOM;
	assert_left_alone(graph, "normal form");
	graph = one_neuron(5.0);
	graph->populations[0].neuron.counts = true;
	assert_left_alone(graph, "several times a step");
	graph = one_neuron(5.0);
	graph->axes[0].frozen = "its membrane is read";
	assert_left_alone(graph, "its membrane is read");
	graph = one_neuron(5.0);
	graph->axes[0].dead_only = "its units are added up";
	assert_left_alone(graph, "added up");
	graph = one_neuron(5.0);
	graph->populations[0].neuron.decay.values[0] = -0.1;
	ck_assert_uint_eq(folded_in(graph), 0);
}
END_TEST

START_TEST(readers_must_see_it_everywhere_in_every_step)
{
	struct graph *graph = one_neuron(5.0);

	graph->projections[1].delayed = true;
	assert_left_alone(graph, "has none in the first");
	graph = one_neuron(5.0);
	graph->projections[1].spike_at_most = true;
	assert_left_alone(graph, "edge of what is padded");
}
END_TEST

/* Spikes in every step, as far as anyone has seen: left alone, counted. */
START_TEST(what_only_did_fire_is_reported)
{
	struct graph *graph = one_neuron(0.9), *proved = one_neuron(1.1);
	struct pass_options options;
	struct optimize_report report;

	ck_assert(graph_set_parameter(graph, &graph->populations[0].neuron.spike_gain, 1.0));
	set_rates(graph, 0, 1.0);
	set_rates(proved, 0, 1.0);
	graph->populations[0].rates[1] = proved->populations[0].rates[1] = 0.999;
	run_passes(&graph, FIRING, inputs_from(0, 1, &options), &report);
	ck_assert(!report.passes[0].changed);
	ck_assert_uint_eq(report.passes[0].always_firing_neurons_unproved, 1);
	assert_skipped(&report, "hidden", "1 of its units spiked in every step");
	optimize_report_free(&report);
	run_passes(&graph, FIRING, NULL, &report); /* of the range nothing is known: the same */
	ck_assert_uint_eq(report.passes[0].always_firing_neurons_unproved, 1);
	optimize_report_free(&report);
	run_passes(&proved, FIRING, &options, &report);
	ck_assert_uint_eq(report.passes[0].always_firing_neurons_unproved, 0);
	ck_assert_uint_eq(report.passes[0].always_firing_neurons_folded, 1);
	optimize_report_free(&report);
	graph_free(graph);
	graph_free(proved);
}
END_TEST

/* --- networks ---------------------------------------------------------------------- */

static void
excite(struct graph *graph, projection_id id, uint32_t one, uint32_t other)
{
	struct projection *projection = &graph->projections[id];
	uint32_t rows = projection->weights->rows;
	float *bias = zeroed(rows, sizeof *bias);

	bias[one] = bias[other] = 9.0f;
	add_bias(graph, id, bias);
	free(bias);
}

/* Two layers with units that always fire, the second for the sake of the first; three
 * readers, one of them a read-out of the potential. */
START_TEST(outputs_stay_the_same)
{
	uint32_t seed = 40 + (uint32_t)_i, i;
	struct graph *graph = chain(seed), *before;
	population_id hidden = find_population(graph, "hidden"), both = add_readout(graph, "r", 3);
	struct pass_options options;
	struct optimize_report report;
	double *spikes;
	float *values;

	(void)connect_random(graph, hidden, both, CHAIN_HIDDEN, -1.0, 1.0, &seed);
	excite(graph, 0, 4, 7);
	values = edit_weights(graph, 1);
	for (i = 0; i < CHAIN_HIDDEN; i++)
		values[6 * CHAIN_HIDDEN + i] = i == 4 ? 4.0f : -0.05f;
	graph->projections[1].spike = spikes = arena_alloc(&graph->arena, CHAIN_HIDDEN,
							   sizeof *spikes);
	ck_assert_ptr_nonnull(spikes);
	for (i = 0; i < CHAIN_HIDDEN; i++)
		spikes[i] = i % 2 ? 0.5 : 1.0;
	before = copy_of(graph);
	run_passes(&graph, FIRING, inputs_from(0, 1, &options), &report);
	ck_assert_uint_eq(report.passes[0].always_firing_neurons_folded, 3);
	assert_fate(graph, "hidden", 4, UNIT_FIRING);
	assert_fate(graph, "hidden", 7, UNIT_FIRING);
	assert_fate(graph, "middle", 6, UNIT_FIRING);
	ck_assert_uint_eq(units_of(graph, "hidden"), CHAIN_HIDDEN - 2);
	assert_same_run(before, graph, "out", CHAIN_INPUTS, 0.0);
	assert_same_run(before, graph, "r", CHAIN_INPUTS, 1e-4);
	assert_idempotent(&graph, FIRING, &options);
	optimize_report_free(&report);
	graph_free(before);
	graph_free(graph);
}
END_TEST

/* How often unit 0 spikes when the input holds it down, or is as it happens to be. */
static double
rate_of(const struct graph *graph, const float *row, uint32_t count, bool held, uint32_t *state)
{
	double input[8], rate;
	struct simulation simulation;
	uint32_t i, step;

	simulation_open(&simulation, graph);
	for (step = 0; step < TEST_STEPS; step++) {
		for (i = 0; i < count; i++)
			input[i] = held ? (row[i] > 0.0f ? -0.5 : 1.0)
					: (next_random(state) % 2 ? -0.5 : 1.0);
		simulation_step(&simulation, input);
	}
	rate = simulation.means[0][0];
	simulation_close(&simulation);
	return rate;
}

/* What the pass folds spikes in every step; what it leaves does not for the input that
 * holds it down, but where a current or two resets made the bound wider than that. */
START_TEST(the_bound_is_tight)
{
	uint32_t state = 4321 + (uint32_t)_i, folded = 0, left = 0, round;

	for (round = 0; round < 60; round++) {
		struct graph *graph = net_new(), *before;
		population_id hidden = add_layer(graph, "hidden", 2);
		population_id out = add_layer(graph, "out", 1);
		struct neuron *neuron = &graph->populations[hidden].neuron;
		float weights[16], ones[] = { 1.0f, 1.0f }, bias[2] = { 0 };
		struct pass_options options;
		struct optimize_report report;
		bool tight;

		graph->populations[out].output = true;
		draw_weights(&state, weights, 16, -1.0, 1.0);
		draw_neuron(graph, neuron, 1.0, 3.0, &state);
		neuron->threshold.values[0] = draw(&state, 0.1, 4.0);
		bias[0] = (float)draw(&state, -1.0, 12.0);
		(void)connect(graph, GRAPH_NONE, hidden, 8, weights, bias);
		(void)connect(graph, hidden, out, 2, ones, NULL);
		tight = neuron->current == CURRENT_ABSENT && neuron->reset_timing != RESET_BOTH;
		before = copy_of(graph);
		run_passes(&graph, FIRING, inputs_from(-0.5, 1.0, &options), &report);
		if (graph->axes[0].fate[0] == UNIT_FIRING) {
			ck_assert(rate_of(before, weights, 8, true, &state) == 1.0);
			ck_assert(rate_of(before, weights, 8, false, &state) == 1.0);
			folded++;
		} else if (tight) {
			ck_assert_msg(rate_of(before, weights, 8, true, &state) < 1.0,
				      "round %u: a neuron that always fires was kept", round);
			left++;
		}
		optimize_report_free(&report);
		graph_free(before);
		graph_free(graph);
	}
	ck_assert_uint_gt(folded, 6);
	ck_assert_uint_gt(left, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("firing");
	TCase *proof = tcase_create("proof"), *networks = tcase_create("networks");

	tcase_add_loop_test(proof, the_smallest_drive_must_do_for_every_step, 0,
			    sizeof kinds / sizeof *kinds);
	tcase_add_test(proof, a_threshold_of_zero_tells_greater_from_greater_or_equal);
	tcase_add_test(proof, a_late_reset_may_come_before_the_first_step);
	tcase_add_test(proof, rounding_is_allowed_for);
	tcase_add_test(proof, a_current_must_be_there_in_the_first_step);
	tcase_add_test(proof, what_is_not_known_is_left_alone);
	tcase_add_test(proof, readers_must_see_it_everywhere_in_every_step);
	tcase_add_test(proof, what_only_did_fire_is_reported);
	tcase_add_loop_test(networks, the_bound_is_tight, 0, 8);
	tcase_add_loop_test(networks, outputs_stay_the_same, 0, 5);
	suite_add_tcase(suite, proof);
	suite_add_tcase(suite, networks);
	return run_suite(suite);
}
