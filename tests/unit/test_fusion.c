/* test_fusion.c - a near-silent layer becomes the linear map that it is on average. */
#include "tests/unit/opt_cases.h"

#define FUSION "layer_fusion"

enum { INPUTS = 10, FIRST = 30, QUIET = 50, OUTPUTS = 4 };

/* Thresholds of the quiet layer go up until none of its neurons spikes in 1 % of
 * the steps. */
static void
quieten(struct graph *graph, population_id id)
{
	struct neuron *neuron = &graph->populations[id].neuron;
	uint32_t unit, loud;

	do {
		loud = 0;
		measure_rates(graph, INPUTS);
		for (unit = 0; unit < QUIET; unit++)
			if (graph->populations[id].rates[unit] >= 0.0099) {
				neuron->threshold.values[unit] *= 1.03;
				loud++;
			}
	} while (loud > 0);
}

/* Input, a layer, one that hardly spikes, and a readout that shows its drive of each
 * step. Projections 0, 1 (into quiet), 2 (out of it). */
static struct graph *
quiet_chain(uint32_t seed)
{
	struct graph *graph = net_new();
	population_id first = add_layer(graph, "first", FIRST);
	population_id quiet = add_layer(graph, "quiet", QUIET), head;
	double thresholds[QUIET];
	float bias[QUIET];
	projection_id id;
	uint32_t i;

	(void)connect_random(graph, GRAPH_NONE, first, INPUTS, -0.1, 0.3, &seed);
	id = connect_random(graph, first, quiet, FIRST, -0.2, 0.3, &seed);
	draw_weights(&seed, bias, QUIET, 0.0, 0.2);
	add_bias(graph, id, bias);
	head = add_readout(graph, "head", OUTPUTS);
	graph->populations[head].neuron.decay.values[0] = 0.0;
	id = connect_random(graph, quiet, head, QUIET, 0.2, 1.0, &seed);
	draw_weights(&seed, bias, OUTPUTS, -0.5, 0.5);
	add_bias(graph, id, bias);
	for (i = 0; i < QUIET; i++)
		thresholds[i] = 3.0;
	set_each(graph, &graph->populations[quiet].neuron.threshold, thresholds, QUIET);
	return graph;
}

/* Mean of what the readout is driven by, a unit. */
static void
mean_drives(const struct graph *graph, double *out)
{
	uint32_t spikes, step, unit;
	double *drive = run_layer(graph, "head", INPUTS, &spikes);

	memset(out, 0, OUTPUTS * sizeof *out);
	for (step = 0; step < TEST_STEPS; step++)
		for (unit = 0; unit < OUTPUTS; unit++)
			out[unit] += drive[step * OUTPUTS + unit] / TEST_STEPS;
	free(drive);
}

/* The exporter writes the bias, the simulation above takes the offset: the readout's
 * constant term must be its one bias, times the gain. */
static void
assert_bias_agrees(struct graph *graph)
{
	const struct parameter *offset =
		&graph->populations[find_population(graph, "head")].neuron.offset;
	const struct projection *last = &graph->projections[graph->projection_count - 1];
	const float *bias;
	uint32_t i;

	ck_assert_ptr_nonnull(last->bias);
	MUST(weights_read(last->bias, &bias, err));
	for (i = 0; i < OUTPUTS; i++)
		ck_assert_double_eq_tol((double)bias[i] * value_or(&last->gain, i, 1.0),
					parameter_at(offset, i), 1e-6);
}

static uint64_t
fuse_in(struct graph **graph, struct optimize_report *report)
{
	run_passes(graph, FUSION, NULL, report);
	ck_assert_int_eq(report->passes[0].changed, report->passes[0].layers_fused > 0);
	return report->passes[0].layers_fused;
}

/* Fuses the quiet layer; the mean drive stays. */
static void
assert_mean_kept(struct graph **graph)
{
	struct optimize_report report;
	double before[OUTPUTS], after[OUTPUTS];
	uint32_t unit;

	mean_drives(*graph, before);
	ck_assert_uint_eq(fuse_in(graph, &report), 1);
	optimize_report_free(&report);
	ck_assert_uint_eq(find_population(*graph, "quiet"), GRAPH_NONE);
	mean_drives(*graph, after);
	for (unit = 0; unit < OUTPUTS; unit++)
		ck_assert_double_le(fabs(after[unit] - before[unit]), 1e-5 * fabs(before[unit]));
	assert_bias_agrees(*graph);
	assert_idempotent(graph, FUSION, NULL);
}

START_TEST(the_mean_drive_of_the_next_layer_stays)
{
	struct graph *graph = quiet_chain(1 + (uint32_t)_i);

	quieten(graph, 1);
	assert_mean_kept(&graph);
	ck_assert_uint_eq(graph->projections[3].weights->rows, OUTPUTS);
	ck_assert_uint_eq(graph->projections[3].weights->columns, FIRST);
	ck_assert_int_eq(graph->axes[1].fate[0], UNIT_FUSED);
	graph_free(graph);
}
END_TEST

START_TEST(constants_gains_and_currents_are_kept_too)
{
	struct graph *graph = quiet_chain(11);
	double silent[QUIET], spike[QUIET], gains[QUIET];
	struct projection *in = &graph->projections[1], *out = &graph->projections[2];
	uint32_t i;

	for (i = 0; i < QUIET; i++) {
		silent[i] = 0.01 * i;
		spike[i] = i % 3 ? 1.0 : -2.0;
		gains[i] = 0.5 + 0.02 * i;
	}
	out->silent = arena_copy(&graph->arena, silent, QUIET, sizeof *silent);
	out->spike = arena_copy(&graph->arena, spike, QUIET, sizeof *spike);
	in->silent = arena_copy(&graph->arena, silent, FIRST, sizeof *silent);
	in->spike = arena_copy(&graph->arena, spike, FIRST, sizeof *spike);
	set_each(graph, &in->gain, gains, QUIET);
	set_each(graph, &out->gain, gains, OUTPUTS);
	for (i = 0; i < OUTPUTS; i++) /* of the bias that it has */
		graph->populations[2].neuron.offset.values[i] *= gains[i];
	graph->populations[1].neuron.current = CURRENT_NEW;
	ck_assert(graph_set_parameter(graph, &graph->populations[1].neuron.current_decay, 0.5));
	quieten(graph, 1);
	assert_mean_kept(&graph);
	graph_free(graph);
}
END_TEST

/* W = W2 diag(rate / mean drive) W1, and the variances of independent spikes. */
START_TEST(the_map_is_the_formula)
{
	struct graph *graph = net_new();
	population_id x = add_layer(graph, "x", 2), quiet = add_layer(graph, "quiet", 6);
	population_id out = add_layer(graph, "out", 1);
	float w1[12] = { 0.3f, 0.1f, 0.2f, 0.2f, -0.3f, -0.1f }, ones[4] = { 1, 1, 1, 1 };
	float w2[6] = { 2.0f, 3.0f, 5.0f };
	double rate[6] = { 0.004, 0.006, 0.002 }, g[2], w[2], before, after;
	struct optimize_report report;
	const float *made;

	graph->populations[out].output = true;
	(void)connect(graph, GRAPH_NONE, x, 2, ones, NULL);
	(void)connect(graph, x, quiet, 2, w1, NULL);
	ck_assert(graph_set_parameter(graph, &graph->projections[1].gain, 0.5));
	(void)connect(graph, quiet, out, 6, w2, NULL);
	graph->populations[x].rates = (double[]){ 0.5, 0.25 };
	graph->populations[quiet].rates = rate;
	ck_assert_uint_eq(fuse_in(&graph, &report), 1);
	/* half of W1 x is the drive, so the gains of W1 x are half of those of the drive */
	g[0] = 0.5 * 0.004 / (0.5 * (0.3 * 0.5 + 0.1 * 0.25));
	g[1] = 0.5 * 0.006 / (0.5 * (0.2 * 0.5 + 0.2 * 0.25));
	/* the third neuron's mean drive is negative: only its mean stays */
	w[0] = 2 * g[0] * 0.3 + 3 * g[1] * 0.2;
	w[1] = 2 * g[0] * 0.1 + 3 * g[1] * 0.2;
	made = read_weights(graph, 3);
	ck_assert_double_eq_tol((double)made[0], w[0], 1e-8);
	ck_assert_double_eq_tol((double)made[1], w[1], 1e-8);
	ck_assert_double_eq_tol(parameter_at(&graph->populations[out].neuron.offset, 0), 5 * 0.002,
				1e-8);
	before = 4 * 0.004 * 0.996 + 9 * 0.006 * 0.994 + 25 * 0.002 * 0.998;
	after = w[0] * w[0] * 0.5 * 0.5 + w[1] * w[1] * 0.25 * 0.75;
	ck_assert_double_eq_tol(report.passes[0].drive_variance_change, after / before - 1, 1e-6);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(the_new_projection_is_bound_to_what_it_replaces)
{
	struct binding_projection bound[3] = { { .editable = true, .data_rank = 2 },
					       { .editable = true, .data_rank = 2 },
					       { .editable = true, .data_rank = 2 } };
	struct bindings bindings = { .projections = bound, .projection_count = 3 };
	struct graph *graph = quiet_chain(2);
	struct optimize_report report;
	uint32_t i;

	quieten(graph, 1);
	graph->bindings = &bindings;
	for (i = 0; i < 3; i++)
		graph->projections[i].binding = graph->projections[i].reads_input_of = i;
	ck_assert_uint_eq(fuse_in(&graph, &report), 1);
	ck_assert_uint_eq(graph->projections[3].binding, 2);
	ck_assert_uint_eq(graph->projections[3].reads_input_of, 1);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(only_layers_under_one_percent_are_fused)
{
	static const double rates[] = { 0.011, 0.01, 0.0099 };
	uint32_t i;

	for (i = 0; i < 3; i++) {
		struct graph *graph = quiet_chain(3);
		struct optimize_report report;

		quieten(graph, 1);
		graph->populations[1].rates[17] = rates[i];
		ck_assert_uint_eq(fuse_in(&graph, &report), i == 2);
		if (i < 2)
			assert_skipped(&report, "quiet", "largest firing rate");
		assert_skipped(&report, "first", "largest firing rate");
		assert_skipped(&report, "head", "output");
		optimize_report_free(&report);
		graph_free(graph);
	}
}
END_TEST

static struct graph *
ready(void)
{
	struct graph *graph = quiet_chain(4);

	quieten(graph, 1);
	return graph;
}

static void
assert_left_alone(struct graph *graph, const char *words)
{
	struct optimize_report report;

	ck_assert_uint_eq(fuse_in(&graph, &report), 0);
	assert_skipped(&report, "quiet", words);
	optimize_report_free(&report);
	graph_free(graph);
}

START_TEST(what_cannot_be_fused_is_left_alone)
{
	struct graph *graph = ready();
	projection_id id;

	graph->axes[1].frozen = "it is odd";
	assert_left_alone(graph, "it is odd");
	graph = ready();
	graph->populations[1].output = true;
	assert_left_alone(graph, "output");
	graph = ready();
	graph->populations[1].kind = POPULATION_CUSTOM;
	assert_left_alone(graph, "not a spiking");
	graph = ready();
	graph->populations[1].rates = NULL;
	assert_left_alone(graph, "no firing rates");
	graph = ready();
	graph->populations[0].rates = NULL;
	assert_left_alone(graph, "mean of what it reads");
	for (id = 0; id < 2; id++) { /* the one before it, and itself */
		graph = ready();
		ck_assert(
			graph_set_parameter(graph, &graph->populations[id].neuron.spike_gain, 0.5));
		assert_left_alone(graph, "graded");
	}
	graph = ready();
	graph->projections[1].delayed = true;
	assert_left_alone(graph, "recurrent");
	graph = ready();
	id = connect_random(graph, 1, 1, QUIET, 0.0, 0.1, &(uint32_t){ 2 });
	graph->projections[id].delayed = true;
	assert_left_alone(graph, "more than one");
	graph = ready();
	(void)connect_random(graph, 0, 2, FIRST, 0.0, 0.1, &(uint32_t){ 2 }); /* past it: fine */
	(void)connect_random(graph, 1, add_readout(graph, "second", 2), QUIET, 0.0, 0.1,
			     &(uint32_t){ 2 });
	assert_left_alone(graph, "more than one");
	graph = ready();
	(void)connect_random(graph, GRAPH_NONE, add_layer_on(graph, "tied", 1), INPUTS, 0.0, 0.1,
			     &(uint32_t){ 2 });
	assert_left_alone(graph, "share");
}
END_TEST

START_TEST(quantized_layers_are_left_alone)
{
	struct graph *graph = ready();
	struct optimize_report report;

	run_passes(&graph, "quantization", NULL, &report);
	optimize_report_free(&report);
	assert_left_alone(graph, "quantized");
}
END_TEST

START_TEST(layers_that_read_tensors_of_another_rank_are_left_alone)
{
	struct binding_projection bound[3] = { { .editable = true, .data_rank = 2 },
					       { .editable = true, .data_rank = 3 },
					       { .editable = true, .data_rank = 2 } };
	struct bindings bindings = { .projections = bound, .projection_count = 3 };
	struct graph *graph = ready();
	uint32_t i;

	graph->bindings = &bindings;
	for (i = 0; i < 3; i++)
		graph->projections[i].binding = graph->projections[i].reads_input_of = i;
	assert_left_alone(graph, "different rank");
}
END_TEST

/* 30 x 4 and 4 x 30 are less than 30 x 30. */
START_TEST(the_network_must_get_smaller)
{
	struct graph *graph = net_new();
	population_id x = add_layer(graph, "x", 30), quiet = add_layer(graph, "quiet", 4);
	population_id out = add_layer(graph, "out", 30);
	double rates[30];
	uint32_t i;

	for (i = 0; i < 30; i++)
		rates[i] = 0.005;
	graph->populations[out].output = true;
	(void)connect_random(graph, GRAPH_NONE, x, 3, 0.1, 0.2, &(uint32_t){ 2 });
	(void)connect_random(graph, x, quiet, 30, 0.1, 0.2, &(uint32_t){ 3 });
	(void)connect_random(graph, quiet, out, 4, 0.1, 0.2, &(uint32_t){ 4 });
	graph->populations[x].rates = graph->populations[quiet].rates = rates;
	assert_left_alone(graph, "not get smaller");
}
END_TEST

/* Two quiet layers after each other become one map. */
START_TEST(a_row_of_quiet_layers_is_fused)
{
	struct graph *graph = net_new();
	population_id x = add_layer(graph, "x", 6), a = add_layer(graph, "a", 40);
	population_id b = add_layer(graph, "b", 30), out = add_layer(graph, "out", 3);
	double rates[40];
	struct optimize_report report;
	uint32_t i;

	for (i = 0; i < 40; i++)
		rates[i] = 0.005;
	graph->populations[out].output = true;
	(void)connect_random(graph, GRAPH_NONE, x, 3, 0.1, 0.2, &(uint32_t){ 2 });
	(void)connect_random(graph, x, a, 6, 0.1, 0.2, &(uint32_t){ 3 });
	(void)connect_random(graph, a, b, 40, 0.1, 0.2, &(uint32_t){ 4 });
	(void)connect_random(graph, b, out, 30, 0.1, 0.2, &(uint32_t){ 5 });
	graph->populations[x].rates = (double[]){ 0.3, 0.2, 0.1, 0.3, 0.2, 0.1 };
	graph->populations[a].rates = graph->populations[b].rates = rates;
	ck_assert_uint_eq(fuse_in(&graph, &report), 2);
	ck_assert_uint_eq(find_population(graph, "a"), GRAPH_NONE);
	ck_assert_uint_eq(find_population(graph, "b"), GRAPH_NONE);
	ck_assert_uint_eq(units_of(graph, "x"), 6);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fusion");
	TCase *map = tcase_create("map"), *skips = tcase_create("skips");

	tcase_add_loop_test(map, the_mean_drive_of_the_next_layer_stays, 0, 6);
	tcase_add_test(map, constants_gains_and_currents_are_kept_too);
	tcase_add_test(map, the_map_is_the_formula);
	tcase_add_test(map, the_new_projection_is_bound_to_what_it_replaces);
	tcase_add_test(map, a_row_of_quiet_layers_is_fused);
	tcase_set_timeout(map, 60);
	suite_add_tcase(suite, map);
	tcase_add_test(skips, only_layers_under_one_percent_are_fused);
	tcase_add_test(skips, what_cannot_be_fused_is_left_alone);
	tcase_add_test(skips, quantized_layers_are_left_alone);
	tcase_add_test(skips, layers_that_read_tensors_of_another_rank_are_left_alone);
	tcase_add_test(skips, the_network_must_get_smaller);
	tcase_set_timeout(skips, 60);
	suite_add_tcase(suite, skips);
	return run_suite(suite);
}
