/* test_opt.c - the driver of the passes, dead and unread neurons. */
#include "tests/unit/opt_cases.h"

/* --- the driver ---------------------------------------------------------------- */

START_TEST(an_unknown_pass_is_refused)
{
	struct graph *graph = chain(1), *before = graph;
	struct optimize_report report;
	snnfit_error err;

	ck_assert_int_eq(
		optimize(&graph, "layer_fusion,dead_neurons", NULL, NULL, NULL, &report, &err),
		SNNFIT_EUSAGE);
	ck_assert_ptr_nonnull(strstr(err.text, "'dead_neurons'"));
	ck_assert_ptr_nonnull(strstr(err.text, "dead_neuron_elimination"));
	ck_assert_ptr_nonnull(strstr(err.text, "quantization"));
	ck_assert_ptr_eq(graph, before);
	ck_assert_uint_eq(report.pass_count, 0);
	ck_assert_int_eq(optimize(&graph, "", NULL, NULL, NULL, &report, &err), SNNFIT_EUSAGE);
	ck_assert_int_eq(optimize(&graph, "none,layer_fusion", NULL, NULL, NULL, &report, &err),
			 SNNFIT_EUSAGE);
	ck_assert_int_eq(optimize(&graph, "layer_fusion,", NULL, NULL, NULL, &report, &err),
			 SNNFIT_EUSAGE);
	graph_free(graph);
}
END_TEST

START_TEST(passes_run_by_name_or_by_default)
{
	static const char *const defaults[] = { "dead_neuron_elimination",
						"silent_neuron_elimination",
						"always_firing_elimination",
						"redundancy_elimination", "layer_fusion" };
	struct graph *graph = chain(1);
	struct optimize_report report;
	size_t i;

	run_passes(&graph, NULL, NULL, &report);
	ck_assert_uint_eq(report.pass_count, 5);
	for (i = 0; i < 5; i++)
		ck_assert_str_eq(report.passes[i].name, defaults[i]);
	optimize_report_free(&report);
	run_passes(&graph, "none", NULL, &report);
	ck_assert_uint_eq(report.pass_count, 0);
	optimize_report_free(&report);
	run_passes(&graph, "quantization, magnitude_pruning", NULL, &report);
	ck_assert_uint_eq(report.pass_count, 2);
	ck_assert_str_eq(report.passes[0].name, "quantization");
	ck_assert_str_eq(report.passes[1].name, "magnitude_pruning");
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(the_table_knows_every_pass)
{
	const struct pass *pass;
	size_t count = 0;

	for (pass = passes; pass->name; pass++, count++) {
		ck_assert_ptr_eq(pass_find(pass->name), pass);
		ck_assert_uint_gt(strlen(pass->help), 10);
	}
	ck_assert_uint_eq(count, 8);
	ck_assert_ptr_null(pass_find("none"));
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
	struct pass_options bad[12];
	struct graph *graph = chain(1);
	size_t i;

	for (i = 0; i < 12; i++)
		bad[i] = pass_options_default;
	bad[0].dead_below = -0.1;
	bad[1].dead_below = NAN;
	bad[2].input_range_known = true;
	bad[2].input_low = 1.0;
	bad[3].redundancy_cosine = 1.0;
	bad[4].redundancy_cosine = 0.0;
	bad[5].fusion_activity = -1.0;
	bad[6].prune_threshold = INFINITY;
	bad[7].prune_threshold = -1.0;
	bad[8].quantize_bits = 1;
	bad[9].quantize_bits = 17;
	bad[10].behavioural_agreement = 0.5;
	bad[11].behavioural_agreement = 1.01;
	for (i = 0; i < 12; i++) {
		struct optimize_report report;
		snnfit_error err;

		ck_assert_int_eq(optimize(&graph, NULL, &bad[i], NULL, NULL, &report, &err),
				 SNNFIT_EUSAGE);
		ck_assert_uint_gt(strlen(err.text), 10);
	}
	graph_free(graph);
}
END_TEST

struct seen {
	size_t count;
	const char *first;
	snnfit_status answer;
};

static snnfit_status
note_pass(void *context, const char *pass, const struct graph *graph, snnfit_error *err)
{
	struct seen *seen = context;

	ck_assert_ptr_nonnull(graph);
	if (seen->count++ == 0)
		seen->first = pass;
	return seen->answer == SNNFIT_OK ? SNNFIT_OK : error_set(err, seen->answer, "no more");
}

START_TEST(an_observer_sees_each_change_and_can_stop)
{
	struct graph *graph = chain(1), *before = graph;
	struct seen seen = { .answer = SNNFIT_EIO };
	struct text text = { 0 }, after = { 0 };
	struct optimize_report report;
	snnfit_error why;

	set_column(graph, 2, 5, 0.0f);
	MUST(graph_print(graph, &text, err));
	ck_assert_int_eq(optimize(&graph, NULL, NULL, note_pass, &seen, &report, &why), SNNFIT_EIO);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_str_eq(seen.first, "dead_neuron_elimination");
	ck_assert_ptr_eq(graph, before);
	MUST(graph_print(graph, &after, err));
	ck_assert_str_eq(text.chars, after.chars);
	text_free(&text);
	text_free(&after);

	seen = (struct seen){ 0 };
	MUST(optimize(&graph, NULL, NULL, note_pass, &seen, &report, err));
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_uint_eq(report.passes[0].unread_neurons_removed, 1);
	ck_assert(report.passes[0].changed && !report.passes[1].changed);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

/* --- dead neurons ----------------------------------------------------------------- */

#define DEAD "dead_neuron_elimination"

START_TEST(dead_neurons_go_and_nothing_else_changes)
{
	struct graph *graph = chain(2), *before;
	struct optimize_report report;
	uint32_t unit, dead = 0;

	silence_row(graph, 0, 3);
	silence_row(graph, 0, 23);
	silence_row(graph, 1, 7);
	set_column(graph, 1, 3, 40.0f); /* a wrong cut shows */
	set_column(graph, 1, 23, -40.0f);
	silence_row(graph, 1, 7);
	set_column(graph, 2, 7, 40.0f);
	measure_rates(graph, CHAIN_INPUTS);
	for (unit = 0; unit < CHAIN_HIDDEN; unit++)
		ck_assert_int_eq(graph->populations[0].rates[unit] == 0.0, unit == 3 || unit == 23);
	for (unit = 0; unit < CHAIN_MIDDLE; unit++)
		dead += graph->populations[1].rates[unit] == 0.0;
	ck_assert(graph->populations[1].rates[7] == 0.0);
	before = copy_of(graph);
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, 2 + dead);
	ck_assert_uint_eq(report.passes[0].unread_neurons_removed, 0);
	ck_assert(report.passes[0].changed);
	ck_assert_uint_eq(units_of(graph, "hidden"), CHAIN_HIDDEN - 2);
	ck_assert_uint_eq(units_of(graph, "middle"), CHAIN_MIDDLE - dead);
	ck_assert_uint_eq(units_of(graph, "out"), CHAIN_OUTPUTS);
	assert_fate(graph, "hidden", 3, UNIT_DEAD);
	assert_fate(graph, "hidden", 4, UNIT_KEPT);
	assert_fate(graph, "middle", 7, UNIT_DEAD);
	assert_skipped(&report, "out", "output");
	assert_same_run(before, graph, "out", CHAIN_INPUTS, 0.0);
	assert_idempotent(&graph, DEAD, NULL);
	optimize_report_free(&report);
	graph_free(before);
	graph_free(graph);
}
END_TEST

/* Layer 2 reads 1 - S of layer 1: a dead unit gives 1 to it, in every step; with
 * every kind of current, whose gain is no part of what a bias adds to U. */
START_TEST(the_constant_of_a_dead_neuron_is_folded)
{
	struct graph *graph = chain(3), *before;
	struct projection *reader = &graph->projections[1];
	struct neuron *neuron = &graph->populations[1].neuron;
	double silent[CHAIN_HIDDEN], spike[CHAIN_HIDDEN];
	struct optimize_report report;
	uint32_t i;

	for (i = 0; i < CHAIN_HIDDEN; i++) {
		silent[i] = 1.0;
		spike[i] = -1.0;
	}
	reader->silent = arena_copy(&graph->arena, silent, CHAIN_HIDDEN, sizeof *silent);
	reader->spike = arena_copy(&graph->arena, spike, CHAIN_HIDDEN, sizeof *spike);
	silence_row(graph, 0, 0);
	silence_row(graph, 0, 11);
	set_column(graph, 1, 0, 0.75f);
	set_column(graph, 1, 11, -0.5f);
	neuron->current = (enum current_drives)_i;
	ck_assert(graph_set_parameter(graph, &neuron->current_decay, 0.25));
	ck_assert(graph_set_parameter(graph, &neuron->current_gain, 0.5));
	ck_assert(graph_set_parameter(graph, &neuron->input_gain, 0.75));
	measure_rates(graph, CHAIN_INPUTS);
	before = copy_of(graph);
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert_uint_eq(units_of(graph, "hidden"), CHAIN_HIDDEN - 2);
	ck_assert_ptr_nonnull(graph->projections[1].bias);
	assert_same_run(before, graph, "out", CHAIN_INPUTS, 0.0);
	optimize_report_free(&report);
	graph_free(before);
	graph_free(graph);
}
END_TEST

START_TEST(a_constant_that_cannot_be_folded_stays)
{
	struct binding_projection bound[3] = { { .editable = true },
					       { .editable = false },
					       { .editable = true } };
	struct bindings bindings = { .projections = bound, .projection_count = 3 };
	struct graph *graph = chain(3);
	struct optimize_report report;
	double silent[CHAIN_HIDDEN] = { 0.5 };
	uint32_t i;

	graph->bindings = &bindings;
	for (i = 0; i < 3; i++)
		graph->projections[i].binding = graph->projections[i].reads_input_of = i;
	graph->projections[1].silent = arena_copy(&graph->arena, silent, CHAIN_HIDDEN,
						  sizeof *silent);
	silence_row(graph, 0, 0);
	measure_rates(graph, CHAIN_INPUTS);
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, 0);
	assert_skipped(&report, "hidden", "cannot be written");
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(layers_without_rates_are_left_alone)
{
	struct graph *graph = chain(4);
	struct optimize_report report;

	set_rates(graph, 1, 0.1);
	graph->axes[1].frozen = "it leaves through output 'spikes'";
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert(!report.passes[0].changed);
	ck_assert_uint_eq(report.passes[0].skipped_count, 3);
	assert_skipped(&report, "hidden", "no firing rates");
	assert_skipped(&report, "middle", "it leaves through output");
	assert_skipped(&report, "out", "output");
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(a_readout_in_the_middle_is_left_alone)
{
	struct graph *graph = chain(4);
	struct optimize_report report;
	population_id between = add_readout(graph, "between", 3);

	graph->populations[between].output = false;
	(void)connect_random(graph, 0, between, CHAIN_HIDDEN, -1.0, 1.0, &(uint32_t){ 9 });
	(void)connect_random(graph, between, 2, 3, 0.5, 1.0, &(uint32_t){ 10 });
	run_passes(&graph, DEAD, NULL, &report);
	assert_skipped(&report, "between", "readout");
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(rates_up_to_the_limit_are_dead)
{
	struct pass_options options = pass_options_default;
	struct graph *graph = chain(5);
	struct optimize_report report;

	set_rates(graph, 0, 0.25);
	graph->populations[0].rates[1] = 0.001;
	graph->populations[0].rates[2] = 0.0011;
	run_passes(&graph, DEAD, &options, &report);
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, 0);
	optimize_report_free(&report);
	options.dead_below = 0.001;
	run_passes(&graph, DEAD, &options, &report);
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, 1);
	assert_fate(graph, "hidden", 1, UNIT_DEAD);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(a_channel_is_dead_when_all_its_positions_are)
{
	struct graph *graph = chain(5);
	struct optimize_report report;

	graph->populations[0].positions = 3;
	set_rates(graph, 0, 0.25);
	memset(&graph->populations[0].rates[3 * 4], 0, 2 * sizeof(double)); /* two of three */
	memset(&graph->populations[0].rates[3 * 9], 0, 3 * sizeof(double));
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, 1);
	assert_fate(graph, "hidden", 9, UNIT_DEAD);
	assert_fate(graph, "hidden", 4, UNIT_KEPT);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

/* A residual add: what is read is the sum of both layers' spikes. */
START_TEST(shared_units_go_when_both_layers_are_dead)
{
	struct graph *graph = chain(6), *before;
	population_id branch = add_layer_on(graph, "branch", graph->populations[0].axis);
	struct optimize_report report;
	projection_id id;

	id = connect_random(graph, GRAPH_NONE, branch, CHAIN_INPUTS, -0.1, 0.3, &(uint32_t){ 66 });
	silence_row(graph, 0, 2);
	silence_row(graph, id, 2);
	silence_row(graph, 0, 5);
	measure_rates(graph, CHAIN_INPUTS);
	before = copy_of(graph);
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, 1);
	assert_fate(graph, "hidden", 2, UNIT_DEAD);
	assert_fate(graph, "hidden", 5, UNIT_KEPT);
	ck_assert_uint_eq(units_of(graph, "branch"), CHAIN_HIDDEN - 1);
	assert_same_run(before, graph, "out", CHAIN_INPUTS, 0.0);
	optimize_report_free(&report);
	graph_free(before);
	graph_free(graph);
}
END_TEST

START_TEST(one_neuron_of_a_silent_layer_stays)
{
	struct graph *graph = chain(7);
	struct optimize_report report;

	set_rates(graph, 0, 0.0);
	set_rates(graph, 1, 0.0);
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert_uint_eq(units_of(graph, "hidden"), 1);
	ck_assert_uint_eq(units_of(graph, "middle"), 1);
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, CHAIN_HIDDEN + CHAIN_MIDDLE - 2);
	assert_skipped(&report, "hidden", "silent here: one unit kept");
	assert_skipped(&report, "middle", "silent here: one unit kept");
	assert_fate(graph, "hidden", 0, UNIT_KEPT);
	assert_idempotent(&graph, DEAD, NULL);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

/* --- unread neurons ------------------------------------------------------------------ */

/* middle 4 is read by nobody; hidden 9 is read by middle 4 only. */
START_TEST(neurons_that_nobody_reads_go_in_cascades)
{
	struct graph *graph = chain(8), *before;
	struct optimize_report report;

	set_column(graph, 2, 4, 0.0f);
	set_column(graph, 1, 9, 0.0f);
	edit_weights(graph, 1)[4 * CHAIN_HIDDEN + 9] = 0.5f;
	before = copy_of(graph);
	run_passes(&graph, DEAD, NULL, &report); /* needs no rates */
	ck_assert_uint_eq(report.passes[0].unread_neurons_removed, 2);
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, 0);
	assert_fate(graph, "middle", 4, UNIT_UNREAD);
	assert_fate(graph, "hidden", 9, UNIT_UNREAD);
	assert_same_run(before, graph, "out", CHAIN_INPUTS, 0.0);
	assert_idempotent(&graph, DEAD, NULL);
	optimize_report_free(&report);
	graph_free(before);
	graph_free(graph);
}
END_TEST

START_TEST(a_neuron_with_one_reader_left_stays)
{
	struct graph *graph = chain(8);
	population_id head = add_readout(graph, "head", 2);
	projection_id id = connect_random(graph, 1, head, CHAIN_MIDDLE, 0.1, 0.2, &(uint32_t){ 3 });
	struct optimize_report report;

	set_column(graph, 2, 4, 0.0f);
	set_column(graph, 2, 5, 0.0f);
	set_column(graph, id, 5, 0.0f);
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert_uint_eq(report.passes[0].unread_neurons_removed, 1);
	assert_fate(graph, "middle", 5, UNIT_UNREAD);
	assert_fate(graph, "middle", 4, UNIT_KEPT);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(one_neuron_of_an_unread_layer_stays)
{
	struct graph *graph = chain(8);
	struct optimize_report report;

	(void)connect_random(graph, GRAPH_NONE, add_layer(graph, "loose", 5), CHAIN_INPUTS, 0.1,
			     0.2, &(uint32_t){ 3 });
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert_uint_eq(report.passes[0].unread_neurons_removed, 4);
	ck_assert_uint_eq(units_of(graph, "loose"), 1);
	ck_assert_str_eq(report.passes[0].skipped[report.passes[0].skipped_count - 1].layer,
			 "loose");
	ck_assert_ptr_nonnull(
		strstr(report.passes[0].skipped[report.passes[0].skipped_count - 1].reason,
		       "nothing reads"));
	assert_idempotent(&graph, DEAD, NULL);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

static snnfit_status
count_rows(void *context, uint32_t id, uint32_t first, uint32_t count, float *out,
	   snnfit_error *err)
{
	uint32_t columns = 512, i;

	(void)id;
	(void)first;
	(void)err;
	*(uint32_t *)context += count;
	for (i = 0; i < count * columns; i++)
		out[i] = 1.0f;
	return SNNFIT_OK;
}

START_TEST(only_as_many_rows_are_read_as_it_takes)
{
	struct graph *graph = net_new();
	population_id wide = add_layer(graph, "wide", 512), out = add_layer(graph, "out", 4096);
	projection_id id;
	struct optimize_report report;
	uint32_t rows = 0;

	graph->populations[out].output = true;
	(void)connect_random(graph, GRAPH_NONE, wide, 4, 0.0, 1.0, &(uint32_t){ 5 });
	id = connect(graph, wide, out, 512, NULL, NULL);
	weights_release(graph->projections[id].weights);
	graph->projections[id].weights = NULL;
	MUST(weights_from_file(&graph->projections[id].weights, 4096, 512, count_rows, &rows, 0,
			       err));
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert_uint_eq(report.passes[0].unread_neurons_removed, 0);
	ck_assert_uint_gt(rows, 0);
	ck_assert_uint_le(rows, 512); /* one piece of 1 MiB, of 8 MiB */
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("opt");
	TCase *driver = tcase_create("driver"), *dead = tcase_create("dead");

	tcase_add_test(driver, an_unknown_pass_is_refused);
	tcase_add_test(driver, passes_run_by_name_or_by_default);
	tcase_add_test(driver, the_table_knows_every_pass);
	tcase_add_test(driver, options_out_of_range_are_refused);
	tcase_add_test(driver, an_observer_sees_each_change_and_can_stop);
	suite_add_tcase(suite, driver);
	tcase_add_test(dead, dead_neurons_go_and_nothing_else_changes);
	tcase_add_loop_test(dead, the_constant_of_a_dead_neuron_is_folded, 0, 4);
	tcase_add_test(dead, a_constant_that_cannot_be_folded_stays);
	tcase_add_test(dead, layers_without_rates_are_left_alone);
	tcase_add_test(dead, a_readout_in_the_middle_is_left_alone);
	tcase_add_test(dead, rates_up_to_the_limit_are_dead);
	tcase_add_test(dead, a_channel_is_dead_when_all_its_positions_are);
	tcase_add_test(dead, shared_units_go_when_both_layers_are_dead);
	tcase_add_test(dead, one_neuron_of_a_silent_layer_stays);
	tcase_add_test(dead, neurons_that_nobody_reads_go_in_cascades);
	tcase_add_test(dead, a_neuron_with_one_reader_left_stays);
	tcase_add_test(dead, one_neuron_of_an_unread_layer_stays);
	tcase_add_test(dead, only_as_many_rows_are_read_as_it_takes);
	suite_add_tcase(suite, dead);
	return run_suite(suite);
}
