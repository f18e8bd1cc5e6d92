/* test_redundancy.c - merging neurons that do the same, and finding them. */
#include "opt/similar_rows.h"
#include "opt/tile_product.h"
#include "tests/unit/opt_cases.h"

#define REDUNDANCY "redundancy_elimination"

enum { INPUTS = 10, HIDDEN = 80, OUTPUTS = 5 };

/* Input, a hidden layer with its own threshold a unit, and two that read it: spiking
 * outputs and a readout. Projections 0, 1 (out), 2 (head). */
static struct graph *
two_readers(uint32_t seed)
{
	struct graph *graph = net_new();
	population_id hidden = add_layer(graph, "hidden", HIDDEN);
	population_id out = add_layer(graph, "out", OUTPUTS), head;
	struct neuron *neuron;
	double ones[HIDDEN];
	uint32_t i;

	graph->populations[out].output = true;
	(void)connect_random(graph, GRAPH_NONE, hidden, INPUTS, -0.3, 0.5, &seed);
	(void)connect_random(graph, hidden, out, HIDDEN, -0.1, 0.13, &seed);
	head = add_readout(graph, "head", 3);
	(void)connect_random(graph, hidden, head, HIDDEN, -1.0, 1.0, &seed);
	for (i = 0; i < HIDDEN; i++)
		ones[i] = 1.0;
	neuron = &graph->populations[hidden].neuron;
	set_each(graph, &neuron->threshold, ones, HIDDEN);
	set_each(graph, &neuron->reset_value, ones, HIDDEN);
	set_each(graph, &neuron->offset, ones, HIDDEN);
	for (i = 0; i < HIDDEN; i++)
		neuron->offset.values[i] = 0.01 * (i % 7);
	return graph;
}

/* Row `to` becomes that of `from`, times factor. */
static void
copy_row(struct graph *graph, uint32_t from, uint32_t to, double factor)
{
	struct neuron *neuron = &graph->populations[0].neuron;
	float *values = edit_weights(graph, 0);
	uint32_t i;

	for (i = 0; i < INPUTS; i++)
		values[to * INPUTS + i] = (float)(factor * (double)values[from * INPUTS + i]);
	neuron->offset.values[to] = factor * neuron->offset.values[from];
}

static void
scale_dynamics(struct graph *graph, uint32_t unit, double factor)
{
	struct neuron *neuron = &graph->populations[0].neuron;

	neuron->threshold.values[unit] *= factor;
	neuron->reset_value.values[unit] *= factor;
}

/* Turns row `to` to an angle from row `from`, with norm `ratio` times its norm. */
static void
turn_row(struct graph *graph, uint32_t from, uint32_t to, double cosine, double ratio)
{
	struct neuron *neuron = &graph->populations[0].neuron;
	float *values = edit_weights(graph, 0);
	double a[INPUTS + 1], b[INPUTS + 1], norm = 0.0, along = 0.0, across = 0.0;
	uint32_t i;

	for (i = 0; i <= INPUTS; i++) {
		a[i] = i < INPUTS ? (double)values[from * INPUTS + i] : neuron->offset.values[from];
		b[i] = i < INPUTS ? (double)values[to * INPUTS + i] : neuron->offset.values[to];
		norm += a[i] * a[i];
		along += a[i] * b[i];
	}
	for (i = 0; i <= INPUTS; i++) {
		b[i] -= along / norm * a[i];
		across += b[i] * b[i];
	}
	for (i = 0; i <= INPUTS; i++) {
		b[i] = ratio *
		       (cosine * a[i] + sqrt(1.0 - cosine * cosine) * sqrt(norm / across) * b[i]);
		if (i < INPUTS)
			values[to * INPUTS + i] = (float)b[i];
		else
			neuron->offset.values[to] = b[i];
	}
}

static uint32_t
merged_into(const struct graph *graph, uint32_t unit)
{
	const struct unit_axis *axis = &graph->axes[graph->populations[0].axis];

	if (axis->fate[unit] != UNIT_MERGED)
		return GRAPH_NONE;
	return axis->merged_into[unit];
}

/* Runs the pass; the output spikes stay the same if exact. */
static uint64_t
merge_in(struct graph **graph, const struct pass_options *options, bool exact, double *bound)
{
	struct graph *before = copy_of(*graph);
	struct optimize_report report;
	uint64_t merged;

	run_passes(graph, REDUNDANCY, options, &report);
	merged = report.passes[0].redundant_pairs_merged;
	ck_assert_int_eq(report.passes[0].changed, merged > 0);
	ck_assert_uint_eq(units_of(*graph, "hidden"), HIDDEN - merged);
	if (bound)
		*bound = report.passes[0].drive_error_bound;
	if (exact) {
		assert_same_run(before, *graph, "out", INPUTS, 0.0);
		assert_same_run(before, *graph, "head", INPUTS, 1e-4);
		ck_assert(report.passes[0].drive_error_bound == 0.0);
	}
	assert_idempotent(graph, REDUNDANCY, options);
	optimize_report_free(&report);
	graph_free(before);
	return merged;
}

/* --- which neurons are the same -------------------------------------------------- */

START_TEST(networks_without_duplicates_stay)
{
	struct graph *graph = two_readers(1);

	ck_assert_uint_eq(merge_in(&graph, NULL, true, NULL), 0);
	graph_free(graph);
}
END_TEST

START_TEST(equal_rows_are_merged_in_every_reader)
{
	struct graph *graph = two_readers(2);

	copy_row(graph, 4, 20, 1.0);
	copy_row(graph, 31, 7, 1.0);
	ck_assert_uint_eq(merge_in(&graph, NULL, true, NULL), 2);
	ck_assert_uint_eq(merged_into(graph, 20), 4);
	ck_assert_uint_eq(merged_into(graph, 31), 7); /* the lower one is kept */
	graph_free(graph);
}
END_TEST

START_TEST(columns_are_summed)
{
	struct graph *graph = two_readers(2);
	double sum[2];
	const float *out, *head;

	copy_row(graph, 4, 20, 1.0);
	out = read_weights(graph, 1);
	head = read_weights(graph, 2);
	sum[0] = (double)out[2 * HIDDEN + 4] + (double)out[2 * HIDDEN + 20];
	sum[1] = (double)head[1 * HIDDEN + 4] + (double)head[1 * HIDDEN + 20];
	(void)merge_in(&graph, NULL, true, NULL);
	out = read_weights(graph, 1);
	head = read_weights(graph, 2);
	ck_assert_double_eq_tol((double)out[2 * (HIDDEN - 1) + 4], sum[0], 1e-7);
	ck_assert_double_eq_tol((double)head[1 * (HIDDEN - 1) + 4], sum[1], 1e-7);
	graph_free(graph);
}
END_TEST

START_TEST(rows_and_thresholds_scaled_alike_are_the_same)
{
	struct graph *graph = two_readers(3);

	copy_row(graph, 9, 50, 3.0);
	scale_dynamics(graph, 50, 3.0);
	copy_row(graph, 10, 51, 0.3);
	scale_dynamics(graph, 51, 0.3);
	ck_assert_uint_eq(merge_in(&graph, NULL, true, NULL), 2);
	ck_assert_uint_eq(merged_into(graph, 50), 9);
	ck_assert_uint_eq(merged_into(graph, 51), 10);
	graph_free(graph);
}
END_TEST

START_TEST(a_row_scaled_alone_is_another_neuron)
{
	struct graph *graph = two_readers(4);

	copy_row(graph, 9, 50, 3.0);
	scale_dynamics(graph, 60, 2.0); /* threshold alone */
	copy_row(graph, 11, 60, 1.0);
	ck_assert_uint_eq(merge_in(&graph, NULL, true, NULL), 0);
	graph_free(graph);
}
END_TEST

START_TEST(many_copies_leave_one)
{
	struct graph *graph = two_readers(5);
	uint32_t i;

	for (i = 10; i < 73; i++)
		copy_row(graph, 5, i, 1.0);
	ck_assert_uint_eq(merge_in(&graph, NULL, true, NULL), 63);
	for (i = 10; i < 73; i++)
		ck_assert_uint_eq(merged_into(graph, i), 5);
	graph_free(graph);
}
END_TEST

START_TEST(the_cosine_must_be_over_the_limit)
{
	struct graph *graph = two_readers(6);

	turn_row(graph, 3, 30, 0.989, 1.0);
	turn_row(graph, 4, 40, 0.9905, 1.0);
	ck_assert_uint_eq(merge_in(&graph, NULL, false, NULL), 1);
	ck_assert_uint_eq(merged_into(graph, 40), 4);
	graph_free(graph);
}
END_TEST

START_TEST(an_opposite_row_is_another_neuron)
{
	struct graph *graph = two_readers(6);

	copy_row(graph, 3, 30, -1.0);
	ck_assert_uint_eq(merge_in(&graph, NULL, true, NULL), 0);
	graph_free(graph);
}
END_TEST

START_TEST(norms_may_differ_by_one_percent)
{
	struct graph *graph = two_readers(7);

	copy_row(graph, 3, 30, 1.009);
	copy_row(graph, 4, 40, 1.012);
	copy_row(graph, 5, 41, 1.0 / 1.012);
	ck_assert_uint_eq(merge_in(&graph, NULL, false, NULL), 1);
	ck_assert_uint_eq(merged_into(graph, 30), 3);
	graph_free(graph);
}
END_TEST

START_TEST(the_bias_is_part_of_the_row)
{
	struct graph *graph = two_readers(8);

	copy_row(graph, 6, 30, 1.0);
	graph->populations[0].neuron.offset.values[30] += 0.5;
	ck_assert_uint_eq(merge_in(&graph, NULL, true, NULL), 0);
	graph_free(graph);
}
END_TEST

/* 0, 7 and 14 degrees: the outer two are not the same. */
START_TEST(there_are_no_chains)
{
	struct graph *graph = two_readers(9);

	turn_row(graph, 2, 40, cos(7 * M_PI / 180), 1.0);
	turn_row(graph, 2, 60, cos(7 * M_PI / 180), 1.0); /* another direction */
	copy_row(graph, 40, 61, 1.0);
	turn_row(graph, 2, 61, cos(14 * M_PI / 180), 1.0); /* the same, twice as far */
	ck_assert_uint_eq(merge_in(&graph, NULL, false, NULL), 2);
	ck_assert_uint_eq(merged_into(graph, 40), 2);
	ck_assert_uint_eq(merged_into(graph, 60), 2);
	ck_assert_uint_eq(merged_into(graph, 61), GRAPH_NONE);
	graph_free(graph);
}
END_TEST

static void
set_for_one(struct graph *graph, struct parameter *parameter, double all, uint32_t unit, double one)
{
	double values[HIDDEN];
	uint32_t i;

	for (i = 0; i < HIDDEN; i++)
		values[i] = i == unit ? one : all;
	set_each(graph, parameter, values, HIDDEN);
}

START_TEST(other_dynamics_make_another_neuron)
{
	uint32_t what;

	for (what = 0; what < 5; what++) {
		struct graph *graph = two_readers(10);
		struct neuron *neuron = &graph->populations[0].neuron;

		copy_row(graph, 3, 30, 1.0);
		neuron->current = what < 3 ? CURRENT_NEW : CURRENT_OLD;
		set_for_one(graph, &neuron->current_decay, 0.5, 30, what == 0 ? 0.51 : 0.5);
		set_for_one(graph, &neuron->decay, 0.9, 30, what == 1 ? 0.89 : 0.9);
		set_for_one(graph, &neuron->reset_value, 1.0, 30, what == 2 ? 0.9 : 1.0);
		set_for_one(graph, &neuron->input_gain, 0.3, 30, what == 3 ? 0.4 : 0.3);
		set_for_one(graph, &neuron->current_gain, 1.0, 30, 1.0);
		/* all equal in the last round */
		ck_assert_uint_eq(merge_in(&graph, NULL, true, NULL), what == 4 ? 1 : 0);
		graph_free(graph);
	}
}
END_TEST

START_TEST(thresholds_of_zero_take_no_part)
{
	struct graph *graph = two_readers(10);

	copy_row(graph, 3, 30, 1.0);
	graph->populations[0].neuron.threshold.values[3] = 0.0;
	graph->populations[0].neuron.threshold.values[30] = 0.0;
	ck_assert_uint_eq(merge_in(&graph, NULL, true, NULL), 0);
	graph_free(graph);
}
END_TEST

START_TEST(rows_of_zeros_are_the_same)
{
	struct graph *graph = two_readers(11);

	copy_row(graph, 3, 30, 0.0);
	copy_row(graph, 3, 33, 0.0);
	copy_row(graph, 3, 34, 0.0);
	set_for_one(graph, &graph->populations[0].neuron.decay, 0.9, 34, 0.5);
	ck_assert_uint_eq(merge_in(&graph, NULL, true, NULL), 1);
	ck_assert_uint_eq(merged_into(graph, 33), 30);
	graph_free(graph);
}
END_TEST

/* What it reads is split over two projections, one of which drives some units only. */
START_TEST(rows_reach_over_all_projections)
{
	struct graph *graph = two_readers(12);
	projection_id id;
	float *values;
	uint32_t i;

	id = connect_random(graph, GRAPH_NONE, 0, INPUTS, -0.3, 0.3, &(uint32_t){ 44 });
	MUST(weights_select(&graph->projections[id].weights,
			    (uint32_t[]){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, 10, NULL, 0, err));
	graph->projections[id].partial = true;
	graph->projections[id].first_row = 30;
	copy_row(graph, 3, 50, 1.0);  /* neither is driven by the second */
	copy_row(graph, 31, 33, 1.0); /* both, and alike */
	copy_row(graph, 34, 35, 1.0); /* both, in another way */
	copy_row(graph, 5, 39, 1.0);  /* only one */
	values = edit_weights(graph, id);
	for (i = 0; i < INPUTS; i++)
		values[3 * INPUTS + i] = values[1 * INPUTS + i];
	ck_assert_uint_eq(merge_in(&graph, NULL, true, NULL), 2);
	ck_assert_uint_eq(merged_into(graph, 50), 3);
	ck_assert_uint_eq(merged_into(graph, 33), 31);
	graph_free(graph);
}
END_TEST

/* A reader of 1 - S, with another constant for every unit. */
START_TEST(constants_of_silent_neurons_stay_right)
{
	struct graph *graph = two_readers(13);
	double silent[HIDDEN], spike[HIDDEN];
	uint32_t i;

	for (i = 0; i < HIDDEN; i++) {
		silent[i] = 1.0 + 0.1 * i;
		spike[i] = i % 2 ? -1.0 : -2.0;
	}
	graph->projections[1].silent = arena_copy(&graph->arena, silent, HIDDEN, sizeof *silent);
	graph->projections[1].spike = arena_copy(&graph->arena, spike, HIDDEN, sizeof *spike);
	add_bias(graph, 1, (float[]){ 4.0f, 4.0f, 4.0f, 4.0f, 4.0f });
	copy_row(graph, 4, 21, 1.0);
	ck_assert_uint_eq(merge_in(&graph, NULL, true, NULL), 1);
	graph_free(graph);
}
END_TEST

/* --- similar neurons ------------------------------------------------------------------ */

/* With decay 0 the readout shows its drive of each step. */
START_TEST(the_bound_on_the_drive_error_holds)
{
	struct graph *graph = two_readers(14), *before;
	struct neuron *head;
	double *drive, *changed, bound, worst = 0.0, sum[3] = { 0 };
	const float *weights;
	uint32_t spikes, i;

	turn_row(graph, 3, 30, 0.992, 1.005);
	turn_row(graph, 3, 31, 0.995, 1.0);
	turn_row(graph, 5, 32, 0.996, 0.995);
	copy_row(graph, 6, 33, 1.0); /* adds nothing */
	head = &graph->populations[2].neuron;
	ck_assert(graph_set_parameter(graph, &head->decay, 0.0));
	memset(edit_weights(graph, 1), 0, sizeof(float) * HIDDEN * OUTPUTS);
	weights = read_weights(graph, 2);
	for (i = 0; i < 3; i++)
		sum[i] = fabs((double)weights[i * HIDDEN + 30]) +
			 fabs((double)weights[i * HIDDEN + 31]) +
			 fabs((double)weights[i * HIDDEN + 32]);
	before = copy_of(graph);
	ck_assert_uint_eq(merge_in(&graph, NULL, false, &bound), 4);
	ck_assert_double_eq_tol(bound, fmax(sum[0], fmax(sum[1], sum[2])), 1e-6);
	drive = run_layer(before, "head", INPUTS, &spikes);
	changed = run_layer(graph, "head", INPUTS, &spikes);
	for (i = 0; i < TEST_STEPS * 3; i++)
		worst = fmax(worst, fabs(drive[i] - changed[i]));
	ck_assert_double_gt(worst, 0.01);
	ck_assert_double_le(worst, bound + 1e-5);
	free(drive);
	free(changed);
	graph_free(before);
	graph_free(graph);
}
END_TEST

START_TEST(norms_further_apart_are_merged_by_rate_when_asked)
{
	struct pass_options options = pass_options_default;
	struct graph *graph = two_readers(15);
	double rate[2], mean, bound;
	const float *weights;

	copy_row(graph, 3, 30, 1.5);
	measure_rates(graph, INPUTS);
	rate[0] = graph->populations[0].rates[3];
	rate[1] = graph->populations[0].rates[30];
	ck_assert(rate[0] > 0.0 && rate[1] > rate[0]);
	weights = read_weights(graph, 2);
	mean = (double)weights[3] * rate[0] + (double)weights[30] * rate[1];
	ck_assert_uint_eq(merge_in(&graph, NULL, false, NULL), 0);
	options.redundancy_norm = true;
	ck_assert_uint_eq(merge_in(&graph, &options, false, &bound), 1);
	weights = read_weights(graph, 2);
	ck_assert_double_eq_tol((double)weights[3] * rate[0], mean, 1e-6);
	ck_assert_double_gt(bound, 0.0);
	graph_free(graph);
}
END_TEST

START_TEST(merging_by_rate_needs_rates)
{
	struct pass_options options = pass_options_default;
	struct graph *graph = two_readers(15);
	struct optimize_report report;

	options.redundancy_norm = true;
	copy_row(graph, 3, 30, 1.5);
	copy_row(graph, 4, 31, 1.0); /* does not */
	run_passes(&graph, REDUNDANCY, &options, &report);
	ck_assert_uint_eq(report.passes[0].redundant_pairs_merged, 1);
	assert_skipped(&report, "hidden", "no firing rates");
	optimize_report_free(&report);
	measure_rates(graph, INPUTS);
	graph->populations[0].rates[3] = 0.0;
	run_passes(&graph, REDUNDANCY, &options, &report);
	ck_assert_uint_eq(report.passes[0].redundant_pairs_merged, 0);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

/* --- what is left alone ------------------------------------------------------------------ */

static void
assert_left_alone(struct graph *graph, const char *layer, const char *words)
{
	struct optimize_report report;

	run_passes(&graph, REDUNDANCY, NULL, &report);
	ck_assert(!report.passes[0].changed);
	assert_skipped(&report, layer, words);
	optimize_report_free(&report);
	graph_free(graph);
}

static struct graph *
with_duplicate(void)
{
	struct graph *graph = two_readers(16);

	copy_row(graph, 3, 30, 1.0);
	return graph;
}

START_TEST(what_cannot_be_merged_is_left_alone)
{
	struct binding_projection bound[3] = { { .editable = true },
					       { .editable = true },
					       { .editable = false } };
	struct bindings bindings = { .projections = bound, .projection_count = 3 };
	struct graph *graph = with_duplicate();
	double *values;
	uint32_t i;

	graph->axes[0].frozen = "it is odd";
	assert_left_alone(graph, "hidden", "it is odd");

	graph = with_duplicate();
	graph->populations[0].output = true;
	assert_left_alone(graph, "hidden", "output");

	graph = with_duplicate();
	graph->populations[0].starts_at_zero = false;
	assert_left_alone(graph, "hidden", "initial state");

	graph = with_duplicate();
	graph->populations[0].kind = POPULATION_CUSTOM;
	assert_left_alone(graph, "hidden", "normal form");

	graph = with_duplicate();
	(void)connect_random(graph, GRAPH_NONE, add_layer_on(graph, "tied", 0), INPUTS, 0.1, 0.2,
			     &(uint32_t){ 4 });
	assert_left_alone(graph, "hidden", "share");

	graph = with_duplicate();
	graph->projections[connect_random(graph, 0, 0, HIDDEN, 0.0, 0.01, &(uint32_t){ 4 })]
		.delayed = true;
	assert_left_alone(graph, "hidden", "recurrent");

	graph = with_duplicate();
	graph->bindings = &bindings;
	for (i = 0; i < 3; i++)
		graph->projections[i].binding = i;
	assert_left_alone(graph, "hidden", "cannot be written");

	graph = with_duplicate();
	values = arena_zalloc(&graph->arena, HIDDEN, sizeof *values);
	graph->projections[1].spike = values;
	assert_left_alone(graph, "hidden", "does not see the spikes");
}
END_TEST

/* --- finding pairs ------------------------------------------------------------------------ */

struct pairs {
	uint32_t rows, last_j;
	uint64_t visits;
	uint8_t *seen; /* [rows][rows] */
	bool *was_first;
};

static snnfit_status
note_pair(void *context, uint32_t i, uint32_t j, snnfit_error *err)
{
	struct pairs *pairs = context;

	(void)err;
	ck_assert_uint_lt(i, j);
	ck_assert_uint_lt(j, pairs->rows);
	ck_assert_msg(!pairs->was_first[j], "row %u was a first row before it was a second", j);
	pairs->was_first[i] = true;
	ck_assert(!pairs->seen[i * pairs->rows + j]);
	pairs->seen[i * pairs->rows + j] = 1;
	pairs->visits++;
	return SNNFIT_OK;
}

static double
product(const float *a, const float *b, uint32_t length)
{
	double sum = 0.0;
	uint32_t i;

	for (i = 0; i < length; i++)
		sum += (double)a[i] * (double)b[i];
	return sum;
}

/* Rows of several kinds: dense, sparse, with a common part, and near another one. */
static void
draw_rows(float *rows, uint32_t count, uint32_t length, uint32_t *state)
{
	uint32_t i, k;

	draw_weights(state, rows, (size_t)count * length, -1.0, 1.0);
	for (i = 1; i < count; i++) {
		float *row = rows + (size_t)i * length;
		const float *other = rows + (size_t)(next_random(state) % i) * length;
		float near = (float)draw(state, 0.0, 0.4);

		for (k = 0; k < length; k++) {
			if (i % 3 == 0)
				row[k] = other[k] + near * row[k];
			else if (i % 3 == 1 && next_random(state) % 16 != 0)
				row[k] = 0.0f;
		}
	}
}

static void
check_pairs(uint32_t count, uint32_t length, double cosine, uint32_t seed)
{
	struct pairs pairs = { .rows = count };
	float *rows = calloc((size_t)count * length, sizeof *rows);
	double *norms = calloc(count, sizeof *norms);
	struct row_sketches sketches;
	uint32_t i, j, similar = 0;

	pairs.seen = calloc((size_t)count * count, 1);
	pairs.was_first = calloc(count, sizeof *pairs.was_first);
	ck_assert(rows && norms && pairs.seen && pairs.was_first);
	draw_rows(rows, count, length, &seed);
	MUST(row_sketches_open(&sketches, count, length, cosine, err));
	for (i = 0; i < count; i++) {
		const float *row = rows + (size_t)i * length;

		norms[i] = sqrt(product(row, row, length));
		row_sketches_set(&sketches, i, row, norms[i]);
	}
	MUST(row_sketches_pairs(&sketches, note_pair, &pairs, err));
	for (i = 0; i < count; i++)
		for (j = i + 1; j < count; j++) {
			double found = product(rows + (size_t)i * length, rows + (size_t)j * length,
					       length) /
				       (norms[i] * norms[j]);

			similar += found > cosine;
			ck_assert_msg(!(found > cosine) || pairs.seen[i * count + j],
				      "rows %u and %u have cosine %g and were missed", i, j, found);
		}
	ck_assert_uint_gt(similar, 0);
	ck_assert_uint_lt(pairs.visits, 4 * similar + (uint64_t)count * count / 50);
	row_sketches_close(&sketches);
	free(pairs.was_first);
	free(pairs.seen);
	free(norms);
	free(rows);
}

START_TEST(no_similar_pair_is_missed)
{
	static const uint32_t sizes[][2] = { { 65, 3 },	   { 200, 64 },	 { 130, 65 },
					     { 200, 200 }, { 300, 785 }, { 128, 1500 },
					     { 100, 5000 } };
	uint32_t i;

	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		check_pairs(sizes[i][0], sizes[i][1], 0.99, 5 + i);
		check_pairs(sizes[i][0], sizes[i][1], 0.95, 50 + i);
		check_pairs(sizes[i][0], sizes[i][1], 0.999, 500 + i);
	}
}
END_TEST

START_TEST(unrelated_rows_are_hardly_looked_at)
{
	enum { ROWS = 512, LENGTH = 1024 };
	static float rows[ROWS][LENGTH];
	static uint8_t seen[ROWS * ROWS];
	static bool was_first[ROWS];
	struct pairs pairs = { .rows = ROWS, .seen = seen, .was_first = was_first };
	struct row_sketches sketches;
	uint32_t i, state = 21;

	draw_weights(&state, rows[0], (size_t)ROWS * LENGTH, -1.0, 1.0);
	MUST(row_sketches_open(&sketches, ROWS, LENGTH, 0.99, err));
	ck_assert_uint_le(sketches.head, LENGTH / 8);
	for (i = 0; i < ROWS; i++)
		row_sketches_set(&sketches, i, rows[i], sqrt(product(rows[i], rows[i], LENGTH)));
	MUST(row_sketches_pairs(&sketches, note_pair, &pairs, err));
	ck_assert_uint_le(pairs.visits, 20);
	row_sketches_close(&sketches);
}
END_TEST

/* What the pass merges is what a comparison of all pairs in full says. */
START_TEST(the_pass_agrees_with_all_pairs)
{
	enum { UNITS = 150, LENGTH = 300 };
	static float rows[UNITS][LENGTH];
	struct graph *graph = net_new();
	population_id hidden = add_layer(graph, "hidden", UNITS);
	population_id out = add_layer(graph, "out", 2);
	uint32_t state = 31 + (uint32_t)_i, i, j, kept[UNITS], merged = 0;
	struct optimize_report report;

	graph->populations[out].output = true;
	draw_rows(rows[0], UNITS, LENGTH, &state);
	(void)connect(graph, GRAPH_NONE, hidden, LENGTH, rows[0], NULL);
	(void)connect_random(graph, hidden, out, UNITS, 0.1, 0.5, &state);
	for (j = 0; j < UNITS; j++) {
		kept[j] = j;
		for (i = 0; i < j && kept[j] == j; i++) {
			double a = sqrt(product(rows[i], rows[i], LENGTH));
			double b = sqrt(product(rows[j], rows[j], LENGTH));

			if (kept[i] == i && fmax(a, b) <= 1.01 * fmin(a, b) &&
			    product(rows[i], rows[j], LENGTH) > 0.99 * a * b)
				kept[j] = i;
		}
		merged += kept[j] != j;
	}
	ck_assert_uint_gt(merged, 2);
	run_passes(&graph, REDUNDANCY, NULL, &report);
	ck_assert_uint_eq(report.passes[0].redundant_pairs_merged, merged);
	for (j = 0; j < UNITS; j++)
		ck_assert_uint_eq(merged_into(graph, j), kept[j] == j ? GRAPH_NONE : kept[j]);
	optimize_report_free(&report);
	graph_free(graph);
}
END_TEST

/* All that can run here. */
START_TEST(every_kernel_multiplies)
{
	enum { DEPTH = 7, STRIDE = DEPTH * PANEL_ROWS };
	float a[TILE_ROWS * DEPTH], b[TILE_ROWS * DEPTH], out[TILE_ROWS * TILE_ROWS];
	uint32_t state = 3, index, i, j, k;
	tile_product multiply;

	draw_weights(&state, a, TILE_ROWS * DEPTH, -1.0, 1.0);
	draw_weights(&state, b, TILE_ROWS * DEPTH, -1.0, 1.0);
	ck_assert_ptr_nonnull(tile_product_at(0));
	for (index = 0; (multiply = tile_product_at(index)); index++) {
		multiply(a, b, DEPTH, out);
		for (i = 0; i < TILE_ROWS; i++)
			for (j = 0; j < TILE_ROWS; j++) {
				const float *x = a + i / PANEL_ROWS * STRIDE + i % PANEL_ROWS;
				const float *y = b + j / PANEL_ROWS * STRIDE + j % PANEL_ROWS;
				double sum = 0.0;

				for (k = 0; k < DEPTH; k++)
					sum += (double)x[k * PANEL_ROWS] *
					       (double)y[k * PANEL_ROWS];
				ck_assert_double_eq_tol(out[i * TILE_ROWS + j], sum, 1e-6);
			}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("redundancy");
	TCase *same = tcase_create("same"), *similar = tcase_create("similar");
	TCase *pairs = tcase_create("pairs");

	tcase_add_test(same, networks_without_duplicates_stay);
	tcase_add_test(same, equal_rows_are_merged_in_every_reader);
	tcase_add_test(same, columns_are_summed);
	tcase_add_test(same, rows_and_thresholds_scaled_alike_are_the_same);
	tcase_add_test(same, a_row_scaled_alone_is_another_neuron);
	tcase_add_test(same, many_copies_leave_one);
	tcase_add_test(same, the_cosine_must_be_over_the_limit);
	tcase_add_test(same, an_opposite_row_is_another_neuron);
	tcase_add_test(same, norms_may_differ_by_one_percent);
	tcase_add_test(same, the_bias_is_part_of_the_row);
	tcase_add_test(same, there_are_no_chains);
	tcase_add_test(same, other_dynamics_make_another_neuron);
	tcase_add_test(same, thresholds_of_zero_take_no_part);
	tcase_add_test(same, rows_of_zeros_are_the_same);
	tcase_add_test(same, rows_reach_over_all_projections);
	tcase_add_test(same, constants_of_silent_neurons_stay_right);
	suite_add_tcase(suite, same);
	tcase_add_test(similar, the_bound_on_the_drive_error_holds);
	tcase_add_test(similar, norms_further_apart_are_merged_by_rate_when_asked);
	tcase_add_test(similar, merging_by_rate_needs_rates);
	tcase_add_test(similar, what_cannot_be_merged_is_left_alone);
	suite_add_tcase(suite, similar);
	tcase_set_timeout(pairs, 60);
	tcase_add_test(pairs, every_kernel_multiplies);
	tcase_add_test(pairs, no_similar_pair_is_missed);
	tcase_add_test(pairs, unrelated_rows_are_hardly_looked_at);
	tcase_add_loop_test(pairs, the_pass_agrees_with_all_pairs, 0, 5);
	suite_add_tcase(suite, pairs);
	return run_suite(suite);
}
