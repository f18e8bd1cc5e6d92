/* test_opt.c - the driver of the passes, dead and silent neurons. */
#include "tests/unit/opt_cases.h"

enum { INPUTS = 12, HIDDEN = 24, MIDDLE = 16, OUTPUTS = 6 };

/* Input, two hidden layers, spiking outputs; projections 0, 1, 2 in this order. */
static struct graph *
chain(uint32_t seed)
{
	struct graph *graph = net_new();
	population_id hidden = add_layer(graph, "hidden", HIDDEN);
	population_id middle = add_layer(graph, "middle", MIDDLE);
	population_id out = add_layer(graph, "out", OUTPUTS);

	graph->populations[out].output = true;
	(void)connect_random(graph, GRAPH_NONE, hidden, INPUTS, -0.1, 0.3, &seed);
	(void)connect_random(graph, hidden, middle, HIDDEN, -0.2, 0.3, &seed);
	(void)connect_random(graph, middle, out, MIDDLE, -0.3, 0.5, &seed);
	return graph;
}

/* A row that keeps its unit under any threshold. */
static void
silence_row(struct graph *graph, projection_id id, uint32_t row)
{
	uint32_t columns = graph->projections[id].weights->columns, i;
	float *values = edit_weights(graph, id);

	for (i = 0; i < columns; i++)
		values[row * columns + i] = -1.0f;
}

static void
set_column(struct graph *graph, projection_id id, uint32_t column, float value)
{
	const struct weights *weights = graph->projections[id].weights;
	uint32_t columns = weights->columns, rows = weights->rows, i;
	float *values = edit_weights(graph, id);

	for (i = 0; i < rows; i++)
		values[i * columns + column] = value;
}

static void
set_rates(struct graph *graph, population_id id, double rate)
{
	struct population *population = &graph->populations[id];
	uint32_t count = population_units(graph, id) * population->positions, i;

	population->rates = arena_alloc(&graph->arena, count, sizeof *population->rates);
	ck_assert_ptr_nonnull(population->rates);
	for (i = 0; i < count; i++)
		population->rates[i] = rate;
}

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
						"redundancy_elimination", "layer_fusion" };
	struct graph *graph = chain(1);
	struct optimize_report report;
	size_t i;

	run_passes(&graph, NULL, NULL, &report);
	ck_assert_uint_eq(report.pass_count, 4);
	for (i = 0; i < 4; i++)
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
	ck_assert_uint_eq(count, 6);
	ck_assert_ptr_null(pass_find("none"));
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
	struct pass_options bad[10];
	struct graph *graph = chain(1);
	size_t i;

	for (i = 0; i < 10; i++)
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
	for (i = 0; i < 10; i++) {
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

static void
assert_fate(const struct graph *graph, const char *layer, uint32_t origin, enum fate fate)
{
	population_id id = find_population(graph, layer);

	ck_assert_int_eq(graph->axes[graph->populations[id].axis].fate[origin], fate);
}

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
	measure_rates(graph, INPUTS);
	for (unit = 0; unit < HIDDEN; unit++)
		ck_assert_int_eq(graph->populations[0].rates[unit] == 0.0, unit == 3 || unit == 23);
	for (unit = 0; unit < MIDDLE; unit++)
		dead += graph->populations[1].rates[unit] == 0.0;
	ck_assert(graph->populations[1].rates[7] == 0.0);
	before = copy_of(graph);
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, 2 + dead);
	ck_assert_uint_eq(report.passes[0].unread_neurons_removed, 0);
	ck_assert(report.passes[0].changed);
	ck_assert_uint_eq(units_of(graph, "hidden"), HIDDEN - 2);
	ck_assert_uint_eq(units_of(graph, "middle"), MIDDLE - dead);
	ck_assert_uint_eq(units_of(graph, "out"), OUTPUTS);
	assert_fate(graph, "hidden", 3, UNIT_DEAD);
	assert_fate(graph, "hidden", 4, UNIT_KEPT);
	assert_fate(graph, "middle", 7, UNIT_DEAD);
	assert_skipped(&report, "out", "output");
	assert_same_run(before, graph, "out", INPUTS, 0.0);
	assert_idempotent(&graph, DEAD, NULL);
	optimize_report_free(&report);
	graph_free(before);
	graph_free(graph);
}
END_TEST

/* Layer 2 reads 1 - S of layer 1: a dead unit gives 1 to it, in every step. */
START_TEST(the_constant_of_a_dead_neuron_is_folded)
{
	struct graph *graph = chain(3), *before;
	struct projection *reader = &graph->projections[1];
	double silent[HIDDEN], spike[HIDDEN];
	struct optimize_report report;
	uint32_t i;

	for (i = 0; i < HIDDEN; i++) {
		silent[i] = 1.0;
		spike[i] = -1.0;
	}
	reader->silent = arena_copy(&graph->arena, silent, HIDDEN, sizeof *silent);
	reader->spike = arena_copy(&graph->arena, spike, HIDDEN, sizeof *spike);
	silence_row(graph, 0, 0);
	silence_row(graph, 0, 11);
	set_column(graph, 1, 0, 0.75f);
	set_column(graph, 1, 11, -0.5f);
	measure_rates(graph, INPUTS);
	before = copy_of(graph);
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, 2);
	ck_assert_ptr_nonnull(graph->projections[1].bias);
	assert_same_run(before, graph, "out", INPUTS, 0.0);
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
	double silent[HIDDEN] = { 0.5 };
	uint32_t i;

	graph->bindings = &bindings;
	for (i = 0; i < 3; i++)
		graph->projections[i].binding = graph->projections[i].reads_input_of = i;
	graph->projections[1].silent = arena_copy(&graph->arena, silent, HIDDEN, sizeof *silent);
	silence_row(graph, 0, 0);
	measure_rates(graph, INPUTS);
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
	(void)connect_random(graph, 0, between, HIDDEN, -1.0, 1.0, &(uint32_t){ 9 });
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

	id = connect_random(graph, GRAPH_NONE, branch, INPUTS, -0.1, 0.3, &(uint32_t){ 66 });
	silence_row(graph, 0, 2);
	silence_row(graph, id, 2);
	silence_row(graph, 0, 5);
	measure_rates(graph, INPUTS);
	before = copy_of(graph);
	run_passes(&graph, DEAD, NULL, &report);
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, 1);
	assert_fate(graph, "hidden", 2, UNIT_DEAD);
	assert_fate(graph, "hidden", 5, UNIT_KEPT);
	ck_assert_uint_eq(units_of(graph, "branch"), HIDDEN - 1);
	assert_same_run(before, graph, "out", INPUTS, 0.0);
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
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, HIDDEN + MIDDLE - 2);
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
	edit_weights(graph, 1)[4 * HIDDEN + 9] = 0.5f;
	before = copy_of(graph);
	run_passes(&graph, DEAD, NULL, &report); /* needs no rates */
	ck_assert_uint_eq(report.passes[0].unread_neurons_removed, 2);
	ck_assert_uint_eq(report.passes[0].dead_neurons_removed, 0);
	assert_fate(graph, "middle", 4, UNIT_UNREAD);
	assert_fate(graph, "hidden", 9, UNIT_UNREAD);
	assert_same_run(before, graph, "out", INPUTS, 0.0);
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
	projection_id id = connect_random(graph, 1, head, MIDDLE, 0.1, 0.2, &(uint32_t){ 3 });
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

	(void)connect_random(graph, GRAPH_NONE, add_layer(graph, "loose", 5), INPUTS, 0.1, 0.2,
			     &(uint32_t){ 3 });
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

/* --- silent neurons --------------------------------------------------------------------- */

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
	for (i = 0; i < HIDDEN; i++)
		values[3 * HIDDEN + i] = i < 2 ? 0.049f : -0.3f; /* 0.98 at most */
	for (i = 0; i < HIDDEN; i++)
		values[6 * HIDDEN + i] = i < 2 ? 0.051f : -0.3f; /* 1.02 */
	set_column(graph, 2, 3, 40.0f);
	before = copy_of(graph);
	run_passes(&graph, SILENT, NULL, &report);
	ck_assert_uint_eq(report.passes[0].silent_neurons_removed, 1);
	assert_fate(graph, "middle", 3, UNIT_SILENT);
	assert_fate(graph, "middle", 6, UNIT_KEPT);
	assert_same_run(before, graph, "out", INPUTS, 0.0);
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
	memset(edit_weights(graph, 1), 0, sizeof(float) * HIDDEN * MIDDLE);
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

static void
draw_neuron(struct graph *graph, struct neuron *neuron, uint32_t *state)
{
	static const enum reset resets[] = { RESET_NONE, RESET_SUBTRACT, RESET_SET };

	neuron->comparison = next_random(state) % 2 ? COMPARE_GREATER : COMPARE_GREATER_EQUAL;
	neuron->reset = resets[next_random(state) % 3];
	neuron->reset_timing = (enum reset_timing)(next_random(state) % 3);
	neuron->current = (enum current_drives)(next_random(state) % 4);
	neuron->decay.values[0] = draw(state, 0.0, 0.95);
	neuron->reset_value.values[0] = draw(state, -1.0, 1.0);
	ck_assert(graph_set_parameter(graph, &neuron->current_decay, draw(state, 0.0, 0.9)));
	ck_assert(graph_set_parameter(graph, &neuron->current_gain, draw(state, 0.1, 1.5)));
	ck_assert(graph_set_parameter(graph, &neuron->input_gain, draw(state, 0.1, 1.5)));
}

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
		draw_neuron(graph, neuron, &state);
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
		silence_row(graph, 0, next_random(&state) % HIDDEN);
	silence_row(graph, 1, next_random(&state) % MIDDLE);
	set_column(graph, 2, next_random(&state) % MIDDLE, 0.0f);
	for (i = 0; i < HIDDEN; i++) /* cannot fire */
		edit_weights(graph, 1)[5 * HIDDEN + i] = 0.09f / HIDDEN;
	measure_rates(graph, INPUTS);
	before = copy_of(graph);
	run_passes(&graph, NULL, inputs_from(0, 1, &options), &report);
	ck_assert_uint_lt(units_of(graph, "hidden"), HIDDEN);
	ck_assert_uint_lt(units_of(graph, "middle"), MIDDLE);
	assert_same_run(before, graph, "out", INPUTS, 0.0);
	assert_idempotent(&graph, NULL, &options);
	optimize_report_free(&report);
	graph_free(before);
	graph_free(graph);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("opt");
	TCase *driver = tcase_create("driver"), *dead = tcase_create("dead");
	TCase *silent = tcase_create("silent");

	tcase_add_test(driver, an_unknown_pass_is_refused);
	tcase_add_test(driver, passes_run_by_name_or_by_default);
	tcase_add_test(driver, the_table_knows_every_pass);
	tcase_add_test(driver, options_out_of_range_are_refused);
	tcase_add_test(driver, an_observer_sees_each_change_and_can_stop);
	suite_add_tcase(suite, driver);
	tcase_add_test(dead, dead_neurons_go_and_nothing_else_changes);
	tcase_add_test(dead, the_constant_of_a_dead_neuron_is_folded);
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
	tcase_add_test(silent, the_bound_is_the_membrane_at_rest_under_the_best_input);
	tcase_add_test(silent, without_decay_only_a_drive_that_is_never_positive_is_silent);
	tcase_add_test(silent, a_threshold_of_zero_tells_greater_from_greater_or_equal);
	tcase_add_test(silent, rounding_is_allowed_for);
	tcase_add_test(silent, the_first_layer_needs_the_input_range);
	tcase_add_test(silent, layers_behind_spikes_need_no_range);
	tcase_add_test(silent, a_silent_layer_keeps_one_neuron);
	tcase_add_test(silent, what_has_no_bound_is_left_alone);
	tcase_add_test(silent, analog_activations_have_no_bound);
	tcase_add_test(silent, a_decay_below_zero_is_no_bound);
	tcase_add_loop_test(silent, the_bound_is_tight_for_every_kind_of_current, 0, 5);
	tcase_add_loop_test(silent, default_passes_keep_every_output_spike_of_random_networks, 0,
			    8);
	suite_add_tcase(suite, silent);
	return run_suite(suite);
}
