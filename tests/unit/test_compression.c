/* test_compression.c - pruning by magnitude, and quantization. */
#include "opt/quantization.h"
#include "tests/unit/opt_cases.h"

#define PRUNING "magnitude_pruning"

/* x (2 units) -> hidden (3) -> out (1). Projections 0, 1, 2. */
static struct graph *
small(void)
{
	static const float in[] = { 1, 1 };
	static const float middle[] = { 0.5f, -0.01f, 0.02f, 0.0f, -0.3f, 0.009f };
	static const float out[] = { 0.004f, -0.006f, 0.005f };
	struct graph *graph = net_new();
	population_id x = add_layer(graph, "x", 2), hidden = add_layer(graph, "hidden", 3);
	population_id o = add_layer(graph, "out", 1);

	graph->populations[o].output = true;
	(void)connect(graph, GRAPH_NONE, x, 1, in, NULL);
	(void)connect(graph, x, hidden, 2, middle, (float[]){ 0.001f, 0.0f, 0.5f });
	(void)connect(graph, hidden, o, 3, out, NULL);
	return graph;
}

static void
assert_weights(struct graph *graph, projection_id id, const float *expected)
{
	const struct weights *weights = graph->projections[id].weights;
	const float *values = read_weights(graph, id);
	size_t i;

	for (i = 0; i < (size_t)weights->rows * weights->columns; i++)
		ck_assert_msg(values[i] == expected[i], "weight %zu is %g, not %g", i,
			      (double)values[i], (double)expected[i]);
}

/* --- pruning ------------------------------------------------------------------- */

START_TEST(weights_up_to_the_threshold_go)
{
	struct pass_options options = pass_options_default;
	struct graph *graph = small();
	struct optimize_report report;

	options.prune_threshold = 0.01; /* inclusive */
	run_passes(&graph, PRUNING, &options, &report);
	ck_assert_uint_eq(report.passes[0].weights_pruned, 2);
	assert_weights(graph, 1, (float[]){ 0.5f, 0.0f, 0.02f, 0.0f, -0.3f, 0.0f });
	/* all of the last layer's would go: none does */
	assert_weights(graph, 2, (float[]){ 0.004f, -0.006f, 0.005f });
	assert_skipped(&report, "out", "no weight would be left");
	ck_assert_str_eq(skip_reason(&report, "x"), "");
	/* biases stay, however small */
	ck_assert_double_eq_tol(parameter_at(&graph->populations[1].neuron.offset, 0), 0.001, 1e-9);
	assert_idempotent(&graph, PRUNING, &options);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(by_rate_a_weight_counts_as_much_as_its_neuron_spikes)
{
	struct pass_options options = pass_options_default;
	struct graph *graph = small();
	struct optimize_report report;

	options.prune_by_rate = true;
	options.prune_threshold = 0.005;
	graph->populations[0].rates = (double[]){ 0.009, 0.5 };
	graph->populations[1].rates = (double[]){ 1.0, 1.0, 0.5 };
	run_passes(&graph, PRUNING, &options, &report);
	/* 0.5 * 0.009, 0.02 * 0.009, -0.3 * 0.009; -0.01 * 0.5, 0.009 * 0.5 */
	assert_weights(graph, 1, (float[]){ 0.5f, -0.01f, 0.02f, 0.0f, -0.3f, 0.009f });
	assert_skipped(&report, "hidden", "no weight would be left");
	assert_weights(graph, 2, (float[]){ 0.0f, -0.006f, 0.0f });
	assert_skipped(&report, "x", "rates of what it reads");
	optimize_report_free(&report);
	options.prune_threshold = 0.0046;
	run_passes(&graph, PRUNING, &options, &report);
	assert_weights(graph, 1, (float[]){ 0.0f, -0.01f, 0.0f, 0.0f, 0.0f, 0.0f });
	ck_assert_uint_eq(report.passes[0].weights_pruned, 4);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(weights_that_cannot_be_written_stay)
{
	struct binding_projection bound[3] = { { .editable = true }, { .editable = false } };
	struct bindings bindings = { .projections = bound, .projection_count = 3 };
	struct graph *graph = small();
	struct optimize_report report;

	graph->bindings = &bindings;
	graph->projections[1].binding = 1;
	run_passes(&graph, "magnitude_pruning,quantization", NULL, &report);
	ck_assert_uint_eq(report.passes[0].weights_pruned, 0);
	assert_skipped(&report, "hidden", "cannot be written");
	ck_assert_uint_eq(graph->projections[1].quantization.bits, 0);
	ck_assert_uint_eq(graph->projections[2].quantization.bits, 8);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(pruning_leaves_the_model_that_it_came_from)
{
	struct graph *graph = small(), *before = copy_of(graph);
	struct optimize_report report;

	run_passes(&graph, PRUNING, NULL, &report);
	ck_assert(report.passes[0].changed);
	assert_weights(before, 1, (float[]){ 0.5f, -0.01f, 0.02f, 0.0f, -0.3f, 0.009f });
	optimize_report_free(&report);
	graph_free(before);
	graph_free(graph);
}
END_TEST

/* --- quantization ---------------------------------------------------------------- */

static double
squared_error(const float *weights, const float *rounded, size_t count)
{
	double sum = 0.0;
	size_t i;

	for (i = 0; i < count; i++) {
		double d = (double)weights[i] - (double)rounded[i];

		sum += d * d;
	}
	return sum;
}

static double
error_at(const float *weights, size_t count, double scale, double limit)
{
	double sum = 0.0;
	size_t i;

	for (i = 0; i < count; i++) {
		double q = fmax(-limit, fmin(limit, nearbyint((double)weights[i] / scale)));
		double d = (double)weights[i] - q * scale;

		sum += d * d;
	}
	return sum;
}

/* The least error over 4000 scales. */
static double
least_error(const float *weights, size_t count, double limit)
{
	double largest = 0.0, least = INFINITY;
	size_t i;

	for (i = 0; i < count; i++)
		largest = fmax(largest, fabs((double)weights[i]));
	for (i = 1; i <= 4000; i++)
		least = fmin(least,
			     error_at(weights, count, largest / limit * (double)i / 4000, limit));
	return least;
}

/* Every value is scale times an integer that W / scale rounds to. */
static void
assert_on_grid(const float *values, size_t count, float scale, double limit)
{
	size_t i;

	for (i = 0; i < count; i++) {
		double q = nearbyint((double)values[i] / (double)scale);

		ck_assert_double_le(fabs(q), limit);
		ck_assert_double_eq_tol((double)values[i] / (double)scale, q, 0.01);
		ck_assert(values[i] == (float)q * scale);
		ck_assert(!(values[i] == 0.0f && signbit(values[i])));
	}
}

enum { ROWS = 6, COLUMNS = 90 };

/* One projection into the output, rows of several kinds. */
static struct graph *
rows_of_all_kinds(uint32_t state, float *values)
{
	struct graph *graph = net_new();
	population_id out = add_layer(graph, "out", ROWS);
	uint32_t i;

	for (i = 0; i < COLUMNS; i++) {
		double normal = draw(&state, -1, 1) + draw(&state, -1, 1) + draw(&state, -1, 1);

		values[i] = (float)normal;
		values[COLUMNS + i] = (float)draw(&state, -0.01, 0.01);
		values[2 * COLUMNS + i] = i == 7 ? 40.0f : (float)(normal * normal * normal);
		values[3 * COLUMNS + i] = 0.0f;
		values[4 * COLUMNS + i] = i % 5 ? 0.0f : (float)draw(&state, 0.5, 2.0);
		values[5 * COLUMNS + i] = (float)draw(&state, 0.0, 1.0) * 1e-20f;
	}
	graph->populations[out].output = true;
	(void)connect(graph, GRAPH_NONE, out, COLUMNS, values, NULL);
	return graph;
}

START_TEST(each_row_gets_the_scale_of_least_error)
{
	uint32_t bits = (uint32_t)_i, row;
	double limit = (1 << (bits - 1)) - 1;
	/* with many bits the error goes up and down by chance from scale to scale */
	double share = bits <= 8 ? 1.02 : 1.1;
	struct pass_options options = pass_options_default;
	float weights[ROWS * COLUMNS];
	struct graph *graph = rows_of_all_kinds(40 + bits, weights);
	struct optimize_report report;
	const struct quantization *quantization;
	const float *values;

	options.quantize_bits = bits;
	run_passes(&graph, "quantization", &options, &report);
	ck_assert_uint_eq(report.passes[0].weights_quantized, ROWS * COLUMNS);
	quantization = &graph->projections[0].quantization;
	ck_assert_uint_eq(quantization->bits, bits);
	ck_assert(quantization->per_unit);
	values = read_weights(graph, 0);
	for (row = 0; row < ROWS; row++) {
		const float *a = weights + row * COLUMNS, *b = values + row * COLUMNS;

		assert_on_grid(b, COLUMNS, quantization->scale[row], limit);
		ck_assert_double_le(squared_error(a, b, COLUMNS),
				    share * least_error(a, COLUMNS, limit) + 1e-12);
	}
	ck_assert(quantization->scale[3] == 1.0f);
	assert_idempotent(&graph, "quantization", &options);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(a_tensor_can_share_one_scale)
{
	struct pass_options options = pass_options_default;
	float weights[ROWS * COLUMNS];
	struct graph *graph = rows_of_all_kinds(3, weights);
	struct optimize_report report;

	options.quantize_bits = 6;
	options.quantize_per_tensor = true;
	run_passes(&graph, "quantization", &options, &report);
	ck_assert(!graph->projections[0].quantization.per_unit);
	assert_on_grid(read_weights(graph, 0), ROWS * COLUMNS,
		       graph->projections[0].quantization.scale[0], 31);
	ck_assert_double_le(squared_error(weights, read_weights(graph, 0), ROWS * COLUMNS),
			    1.02 * least_error(weights, ROWS * COLUMNS, 31));
	assert_idempotent(&graph, "quantization", &options);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(zeros_stay_and_clipping_pays)
{
	struct pass_options options = pass_options_default;
	float weights[ROWS * COLUMNS];
	struct graph *graph = rows_of_all_kinds(4, weights);
	struct optimize_report report;
	const float *values;
	uint32_t i;

	options.quantize_bits = 3;
	run_passes(&graph, "quantization", &options, &report);
	values = read_weights(graph, 0);
	for (i = 0; i < ROWS * COLUMNS; i++)
		ck_assert(weights[i] != 0.0f || values[i] == 0.0f);
	/* with its largest weight at the end of the range, row 0 would be off by more */
	ck_assert_double_lt(squared_error(weights, values, COLUMNS),
			    0.9 * error_at(weights, COLUMNS, 2.9 / 3, 3));
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(fewer_bits_replace_more_but_not_the_other_way)
{
	struct pass_options options = pass_options_default;
	float weights[ROWS * COLUMNS];
	struct graph *graph = rows_of_all_kinds(5, weights);
	struct optimize_report report;

	run_passes(&graph, "quantization", &options, &report);
	optimize_report_free(&report);
	options.quantize_bits = 12;
	run_passes(&graph, "quantization", &options, &report);
	ck_assert(!report.passes[0].changed);
	assert_skipped(&report, "out", "no more bits");
	ck_assert_uint_eq(graph->projections[0].quantization.bits, 8);
	optimize_report_free(&report);
	options.quantize_bits = 4;
	run_passes(&graph, "quantization", &options, &report);
	ck_assert_uint_eq(graph->projections[0].quantization.bits, 4);
	assert_on_grid(read_weights(graph, 0), COLUMNS, graph->projections[0].quantization.scale[0],
		       7);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

START_TEST(pruned_weights_stay_zero_when_quantized)
{
	struct pass_options options = pass_options_default;
	float weights[ROWS * COLUMNS];
	struct graph *graph = rows_of_all_kinds(6, weights);
	struct optimize_report report;
	const float *values;
	uint32_t i, zeros = 0;

	options.prune_threshold = 0.5;
	run_passes(&graph, "magnitude_pruning,quantization", &options, &report);
	values = read_weights(graph, 0);
	for (i = 0; i < ROWS * COLUMNS; i++) {
		zeros += values[i] == 0.0f;
		ck_assert(fabsf(weights[i]) > 0.5f || values[i] == 0.0f);
	}
	ck_assert_uint_gt(zeros, 3 * COLUMNS);
	assert_idempotent(&graph, "magnitude_pruning,quantization", &options);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("compression");
	TCase *pruning = tcase_create("pruning"), *bits = tcase_create("quantization");

	tcase_add_test(pruning, weights_up_to_the_threshold_go);
	tcase_add_test(pruning, by_rate_a_weight_counts_as_much_as_its_neuron_spikes);
	tcase_add_test(pruning, weights_that_cannot_be_written_stay);
	tcase_add_test(pruning, pruning_leaves_the_model_that_it_came_from);
	suite_add_tcase(suite, pruning);
	tcase_add_loop_test(bits, each_row_gets_the_scale_of_least_error, 2, 17);
	tcase_add_test(bits, a_tensor_can_share_one_scale);
	tcase_add_test(bits, zeros_stay_and_clipping_pays);
	tcase_add_test(bits, fewer_bits_replace_more_but_not_the_other_way);
	tcase_add_test(bits, pruned_weights_stay_zero_when_quantized);
	suite_add_tcase(suite, bits);
	return run_suite(suite);
}
