/* The graph's edits: whatever is cut, folded or merged, what is left computes what
 * it did before. */
#include "graph_cases.h"

#include <math.h>

enum { SEEDS = 100 }; /* of each loop of a test */

/* --- comparing a graph with what it was -------------------------------------- */

static void
assert_parameter_kept(const struct parameter *before, const struct parameter *after,
		      const struct unit_axis *was, const struct unit_axis *axis)
{
	uint32_t unit, old = 0;

	ck_assert_int_eq(before->count == 0, after->count == 0);
	for (unit = 0; unit < axis->units && before->count; unit++) {
		while (was->origin[old] != axis->origin[unit])
			old++;
		ck_assert(parameter_at(before, old) == parameter_at(after, unit));
	}
}

static void
assert_rates_kept(const struct population *before, const struct population *after,
		  const struct unit_axis *was, const struct unit_axis *axis)
{
	uint32_t positions = before->positions, unit, old = 0, i;

	ck_assert_int_eq(!before->rates, !after->rates);
	for (unit = 0; unit < axis->units && before->rates; unit++) {
		while (was->origin[old] != axis->origin[unit])
			old++;
		for (i = 0; i < positions; i++)
			ck_assert(before->rates[old * positions + i] ==
				  after->rates[unit * positions + i]);
	}
}

/* Every parameter but the offset, which takes up what is folded. */
static void
assert_population_kept(const struct graph *before, const struct graph *after, population_id id)
{
	const struct population *old = &before->populations[id], *new = &after->populations[id];
	const struct unit_axis *was = &before->axes[old->axis], *axis = &after->axes[new->axis];
	const struct neuron *a = &old->neuron, *b = &new->neuron;

	assert_parameter_kept(&a->decay, &b->decay, was, axis);
	assert_parameter_kept(&a->threshold, &b->threshold, was, axis);
	assert_parameter_kept(&a->reset_value, &b->reset_value, was, axis);
	assert_parameter_kept(&a->input_gain, &b->input_gain, was, axis);
	assert_parameter_kept(&a->current_decay, &b->current_decay, was, axis);
	assert_parameter_kept(&a->current_gain, &b->current_gain, was, axis);
	assert_parameter_kept(&a->spike_gain, &b->spike_gain, was, axis);
	assert_parameter_kept(&a->count_limit, &b->count_limit, was, axis);
	assert_rates_kept(old, new, was, axis);
}

static void
assert_same_results(const struct graph *before, const struct graph *after,
		    const struct scene *scene, bool offsets)
{
	population_id id;

	for (id = 0; id < after->population_count; id++) {
		const struct unit_axis *axis = &after->axes[after->populations[id].axis];
		struct result *old = compute(scene, before, id);
		struct result *new = compute(scene, after, id);
		uint32_t unit;

		for (unit = 0; unit < axis->units; unit++) {
			uint32_t origin = axis->origin[unit];

			ck_assert_msg(old[origin].drive == new[origin].drive,
				      "population %u unit %u: %g became %g", id, origin,
				      old[origin].drive, new[origin].drive);
			if (offsets)
				ck_assert(old[origin].state == new[origin].state);
		}
		free(old);
		free(new);
	}
}

/* --- random cuts ----------------------------------------------------------------- */

/* Which of the units stay, at least one of each part. */
static bool *
random_keep(struct random *random, const struct graph *graph, axis_id axis)
{
	uint32_t units = graph->axes[axis].units, i;
	bool *keep = calloc(units, sizeof *keep);

	ck_assert_ptr_nonnull(keep);
	for (i = 0; i < units; i++)
		keep[i] = chance(random, 40); /* gone, so far */
	(void)graph_keep_parts(graph, axis, keep);
	for (i = 0; i < units; i++)
		keep[i] = !keep[i];
	keep[draw(random, units)] = true;
	return keep;
}

/* Cuts an axis at random; silent[units_before] marks what has gone of it. */
static void
cut_at_random(struct graph *graph, struct random *random, axis_id id, bool *silent, enum fate fate)
{
	struct unit_axis *axis = &graph->axes[id];
	uint32_t units = axis->units, kept = 0, i;
	bool *keep = random_keep(random, graph, id), *gone = calloc(units, sizeof *gone);

	ck_assert_ptr_nonnull(gone);
	for (i = 0; i < units; i++) {
		gone[i] = !keep[i];
		kept += keep[i];
		if (gone[i])
			silent[axis->origin[i]] = true;
	}
	OK(graph_fold_constant(graph, id, gone, false, err));
	OK(graph_keep_units(graph, id, keep, fate, err));
	OK(graph_verify(graph, err));
	ck_assert_uint_eq(axis->units, kept);
	for (i = 0; i < axis->units_before; i++)
		ck_assert_int_eq(axis->fate[i] != UNIT_KEPT, silent[i]);
	free(keep);
	free(gone);
}

static void
check_cut(uint64_t seed)
{
	struct graph_case c;
	struct graph *cut;
	struct scene scene = { .seed = seed, .kept = GRAPH_NONE, .gone = GRAPH_NONE };
	bool *silent;
	char *text, *again;
	population_id id;
	uint32_t i;

	random_graph(&c, seed);
	text = printed(c.graph);
	OK(graph_copy(&cut, c.graph, err));
	scene.axis = draw(&c.random, (uint32_t)cut->axis_count);
	silent = calloc(cut->axes[scene.axis].units_before, sizeof *silent);
	ck_assert_ptr_nonnull(silent);
	scene.silent = silent;
	for (i = 0; i < 3; i++) {
		cut_at_random(cut, &c.random, scene.axis, silent, UNIT_DEAD);
		assert_same_results(c.graph, cut, &scene, true);
		for (id = 0; id < cut->population_count; id++)
			assert_population_kept(c.graph, cut, id);
	}
	again = printed(c.graph); /* the original is untouched */
	ck_assert_str_eq(text, again);
	free(text);
	free(again);
	free(silent);
	graph_free(c.graph);
	OK(graph_verify(cut, err)); /* and the copy does not need it */
	graph_free(cut);
}

START_TEST(a_cut_changes_nothing_that_is_left)
{
	uint64_t seed;

	for (seed = 0; seed < SEEDS; seed++)
		check_cut((uint64_t)_i * SEEDS + seed);
}
END_TEST

static void
check_order(uint64_t seed)
{
	struct graph_case c;
	struct graph *one, *other;
	bool *keep[8];
	char *text, *again;
	uint32_t axes, i;

	random_graph(&c, seed);
	OK(graph_copy(&one, c.graph, err));
	OK(graph_copy(&other, c.graph, err));
	axes = (uint32_t)one->axis_count;
	for (i = 0; i < axes; i++)
		keep[i] = random_keep(&c.random, one, i);
	for (i = 0; i < axes; i++)
		OK(graph_keep_units(one, i, keep[i], UNIT_UNREAD, err));
	for (i = axes; i-- > 0;)
		OK(graph_keep_units(other, i, keep[i], UNIT_UNREAD, err));
	text = printed(one);
	again = printed(other);
	ck_assert_str_eq(text, again);
	for (i = 0; i < axes; i++)
		free(keep[i]);
	free(text);
	free(again);
	graph_free(one);
	graph_free(other);
	graph_free(c.graph);
}

START_TEST(cuts_of_several_axes_commute)
{
	uint64_t seed;

	for (seed = 0; seed < SEEDS; seed++)
		check_order((uint64_t)_i * SEEDS + seed);
}
END_TEST

static void
check_cut_in_file(uint64_t seed)
{
	struct graph_case c;
	bool *keep;
	axis_id axis;
	size_t i;

	random_graph(&c, seed);
	axis = draw(&c.random, (uint32_t)c.graph->axis_count);
	keep = random_keep(&c.random, c.graph, axis);
	OK(graph_keep_units(c.graph, axis, keep, UNIT_DEAD, err));
	OK(graph_verify(c.graph, err));
	for (i = 0; i < c.graph->projection_count; i++) {
		const struct weights *weights = c.graph->projections[i].weights;

		ck_assert_uint_eq(c.files[2 * i].loads, 0);
		ck_assert_uint_eq(c.files[2 * i + 1].loads, 0);
		ck_assert_int_eq(weights->load != NULL, weights->values == NULL);
	}
	free(keep);
	graph_free(c.graph);
}

START_TEST(weights_in_the_file_are_cut_there)
{
	uint64_t seed;

	for (seed = 0; seed < SEEDS; seed++)
		check_cut_in_file((uint64_t)_i * SEEDS + seed);
}
END_TEST

/* --- merging ----------------------------------------------------------------------- */

static void
check_merge(uint64_t seed)
{
	struct scene scene = { .seed = seed, .factor = 0.0 };
	struct graph_case c;
	struct graph *merged;
	struct unit_axis *axis;
	bool keep[8];
	uint32_t kept, gone, i;

	random_graph(&c, seed);
	scene.axis = draw(&c.random, (uint32_t)c.graph->axis_count);
	if (c.graph->axes[scene.axis].units < 2 || c.graph->axes[scene.axis].part_count) {
		graph_free(c.graph);
		return;
	}
	OK(graph_copy(&merged, c.graph, err));
	axis = &merged->axes[scene.axis];
	kept = draw(&c.random, axis->units);
	gone = (kept + 1 + draw(&c.random, axis->units - 1)) % axis->units;
	scene.kept = axis->origin[kept];
	scene.gone = axis->origin[gone];
	scene.factor = fabs(draw_power(&c.random));
	OK(graph_merge_columns(merged, scene.axis, kept, gone, scene.factor, err));
	for (i = 0; i < axis->units; i++)
		keep[i] = i != gone;
	OK(graph_keep_units(merged, scene.axis, keep, UNIT_MERGED, err));
	OK(graph_verify(merged, err));
	ck_assert_uint_eq(axis->merged_into[scene.gone], scene.kept);
	assert_same_results(c.graph, merged, &scene, true);
	graph_free(c.graph);
	graph_free(merged);
}

START_TEST(a_merge_changes_nothing_if_the_units_fire_alike)
{
	uint64_t seed;

	for (seed = 0; seed < SEEDS; seed++)
		check_merge((uint64_t)_i * SEEDS + seed);
}
END_TEST

/* --- graphs written out --------------------------------------------------------------- */

#define ZEROS_20 "0 0 0 0  0 0 0 0  0 0 0 0  0 0 0 0  0 0 0 0"

/* 4 hidden units; readers with every kind of column; a recurrent one. */
static const char hand[] =
	"snn-graph 1\n"
	"axis 0 units 4\n"
	"axis 1 units 2\n"
	"axis 2 units 2 frozen \"leaves through output y\"\n"
	"population \"hidden\" spiking axis 0 compare > threshold 1 rates 0 0.5 0.25 1\n"
	"population \"quiet\" spiking axis 1 compare >= threshold 1 rates 0 0.5\n"
	"population \"out\" readout axis 2 output\n"
	"projection into \"hidden\" reads input columns free 2\n"
	"	weights 4 2  1 2  3 4  5 6  7 0\n"
	"	bias 1 2 3 4\n"
	"projection into \"hidden\" delayed columns axis 0\n"
	"	weights 4 4  1 2 3 4  5 6 7 8  9 10 11 12  13 14 15 0\n"
	"projection into \"quiet\" columns axis 0 silent 1 0 0 0.5 spike -1 1 1 2\n"
	"	weights 2 4  1 2 3 4  5 6 7 8\n"
	"projection into \"out\" columns axis 1 gain 2\n"
	"	weights 2 2  1 2  3 4\n"
	"state \"v\" \"v_next\" of \"quiet\"\n";

static struct graph *
parsed(const char *text)
{
	struct graph *graph = NULL;

	OK(graph_parse(&graph, text, err));
	return graph;
}

/* Units of each part stay, whatever a pass wants. */
START_TEST(a_part_is_never_empty)
{
	struct graph *graph = parsed("snn-graph 1\n"
				     "axis 0 units 5\n"
				     "	parts 0 2 3\n"
				     "population \"p\" spiking axis 0 compare > threshold 1\n"
				     "projection into \"p\" columns axis 0 units 2 at 0 axis 0 "
				     "units 2 at 3\n"
				     "	weights 5 4 " ZEROS_20 "\n");
	bool gone[] = { true, true, true, false, true };
	bool keep[] = { true, false, false, true, false };

	ck_assert_uint_eq(graph_keep_parts(graph, 0, gone), 2);
	ck_assert(!gone[0] && gone[1] && !gone[2] && !gone[3] && gone[4]);
	ck_assert_int_eq(graph_keep_units(graph, 0, keep, UNIT_DEAD, NULL), SNNFIT_EINTERNAL);
	keep[2] = true;
	OK(graph_keep_units(graph, 0, keep, UNIT_DEAD, err));
	OK(graph_verify(graph, err));
	ck_assert_uint_eq(graph->axes[0].parts[1], 1);
	ck_assert_uint_eq(graph->axes[0].parts[2], 2);
	ck_assert_uint_eq(graph->projections[0].columns.spans[1].first, 2);
	ck_assert_uint_eq(graph->projections[0].columns.spans[1].units, 1);
	graph_free(graph);
}
END_TEST

START_TEST(what_silent_units_give_goes_to_the_bias)
{
	struct graph *graph = parsed(hand);
	bool gone[] = { true, false, false, true };
	bool keep[] = { false, true, true, false };
	const float *bias, *weights;
	struct projection *reader = &graph->projections[2];

	OK(graph_fold_constant(graph, 0, gone, false, err));
	ck_assert_ptr_null(graph->projections[1].bias); /* its silent units give 0 */
	OK(weights_read(reader->bias, &bias, err));
	ck_assert(bias[0] == 1.0f * 1 + 4 * 0.5f && bias[1] == 5.0f * 1 + 8 * 0.5f);
	ck_assert_uint_eq(graph->populations[1].neuron.offset.count, 2);
	ck_assert(graph->populations[1].neuron.offset.values[1] == 9.0);
	OK(graph_keep_units(graph, 0, keep, UNIT_DEAD, err));
	OK(weights_read(graph->projections[1].weights, &weights, err));
	ck_assert(weights[0] == 6 && weights[1] == 7 && weights[2] == 10 && weights[3] == 11);
	ck_assert_uint_eq(graph->axes[0].origin[0], 1);
	ck_assert_uint_eq(graph->axes[0].fate[3], UNIT_DEAD);
	graph_free(graph);
}
END_TEST

START_TEST(the_offset_is_what_the_bias_gives)
{
	struct graph *graph = parsed(hand);
	double delta[] = { 0.1, 1.0 };
	const float *bias;

	OK(graph_add_to_bias(graph, 3, delta, err));
	OK(weights_read(graph->projections[3].bias, &bias, err));
	ck_assert(bias[0] == 0.1f && bias[1] == 1.0f);
	ck_assert(graph->populations[2].neuron.offset.values[0] == 2.0 * (double)0.1f);
	ck_assert(delta[0] == 0.1); /* the caller's */
	graph_free(graph);
}
END_TEST

START_TEST(scales_and_gains_follow_their_rows)
{
	struct graph *graph = parsed(
		"snn-graph 1 axis 0 units 3 population \"a\" custom axis 0\n"
		"projection into \"a\" columns free 1 gain 1 2 4\n"
		"	weights 3 1 4 8 12 quantized 8 per-unit 1 2 4 bias 5 6 7\n");
	struct projection *projection = &graph->projections[0];
	bool keep[] = { false, true, true };

	OK(graph_keep_units(graph, 0, keep, UNIT_SILENT, err));
	ck_assert(projection->quantization.scale[0] == 2 && projection->quantization.scale[1] == 4);
	ck_assert_uint_eq(projection->gain.count, 2);
	ck_assert(projection->gain.values[0] == 2 && projection->gain.values[1] == 4);
	ck_assert(projection->weights->values[0] == 8 && projection->bias->values[1] == 7);
	graph_free(graph);
}
END_TEST

START_TEST(dynamics_without_a_normal_form_have_no_offset)
{
	struct graph *graph = parsed("snn-graph 1 axis 0 units 1 population \"a\" custom axis 0\n"
				     "projection into \"a\" columns free 1 weights 1 1 1\n");
	double delta = 0.5;

	OK(graph_add_to_bias(graph, 0, &delta, err));
	ck_assert_ptr_nonnull(graph->projections[0].bias);
	ck_assert_uint_eq(graph->populations[0].neuron.offset.count, 0);
	graph_free(graph);
}
END_TEST

/* 3 rows in pieces of 2, the numbers of the rows at the units' columns. */
static struct graph *
wide_graph(uint32_t columns)
{
	struct graph *graph = parsed("snn-graph 1 axis 0 units 2 axis 1 units 3\n"
				     "population \"a\" spiking axis 0 compare > threshold 1\n"
				     "population \"b\" readout axis 1\n"
				     "projection into \"b\" columns axis 0 free 1 silent 0.5 0 0\n"
				     "	weights 3 3 0 0 0 0 0 0 0 0 0\n");
	struct projection *projection = &graph->projections[0];
	double *silent = arena_zalloc(&graph->arena, columns, sizeof *silent);
	float *values;
	uint32_t row;

	ck_assert_ptr_nonnull(silent);
	silent[0] = 0.5;
	projection->silent = silent;
	projection->columns.spans[1].units = columns - 2;
	weights_release(projection->weights);
	OK(weights_from_values(&projection->weights, 3, columns, NULL, err));
	OK(weights_edit(&projection->weights, &values, err));
	for (row = 0; row < 3; row++)
		values[row * columns] = values[row * columns + 1] = (float)row + 1.0f;
	return graph;
}

START_TEST(large_matrices_are_worked_on_in_pieces)
{
	struct graph *graph = wide_graph(100000), *back;
	bool gone[] = { true, false };
	uint64_t all, nonzero;
	const float *bias, *weights;
	char *text;

	OK(graph_verify(graph, err));
	OK(graph_count_parameters(graph, &all, &nonzero, err));
	ck_assert_uint_eq(all, 300000);
	ck_assert_uint_eq(nonzero, 6);
	OK(graph_fold_constant(graph, 0, gone, false, err));
	OK(weights_read(graph->projections[0].bias, &bias, err));
	ck_assert(bias[0] == 0.5f && bias[1] == 1.0f && bias[2] == 1.5f);
	text = printed(graph);
	back = parsed(text);
	OK(weights_read(back->projections[0].weights, &weights, err));
	ck_assert(weights[1] == 1.0f && weights[2] == 0.0f && weights[200000] == 3.0f);
	free(text);
	graph_free(back);
	graph_free(graph);
}
END_TEST

START_TEST(a_population_is_removed_with_its_projections)
{
	struct graph *graph = parsed(hand), *copy;
	uint64_t all, nonzero;

	OK(graph_remove_population(graph, 1, err));
	OK(graph_verify(graph, err));
	ck_assert(graph->projections[2].removed && graph->projections[3].removed);
	ck_assert(!graph->projections[0].removed && !graph->projections[1].removed);
	ck_assert_uint_eq(graph->axes[1].fate[1], UNIT_FUSED);
	ck_assert_uint_eq(graph_population_of(graph, 1), GRAPH_NONE);
	OK(graph_count_parameters(graph, &all, &nonzero, err));
	ck_assert_uint_eq(all, 4 * 2 + 4 + 16);
	ck_assert_uint_eq(nonzero, all - 2);
	OK(graph_copy(&copy, graph, err));
	graph_free(graph);
	OK(graph_verify(copy, err));
	graph_free(copy);
}
END_TEST

START_TEST(mean_inputs_come_from_the_rates)
{
	struct graph *graph = parsed(hand);
	double mean[4];

	ck_assert(projection_mean_input(graph, &graph->projections[2], mean));
	ck_assert(mean[0] == 1.0 && mean[1] == 0.5 && mean[2] == 0.25 && mean[3] == 2.5);
	ck_assert(!projection_mean_input(graph, &graph->projections[0], mean));
	graph->populations[0].rates = NULL;
	ck_assert(!projection_mean_input(graph, &graph->projections[2], mean));
	graph_free(graph);
}
END_TEST

START_TEST(mean_inputs_know_positions)
{
	struct graph *graph = parsed(
		"snn-graph 1 axis 0 units 2 axis 1 units 1\n"
		"population \"a\" spiking axis 0 positions 2 compare > threshold 1 "
		"rates 0.5 0.25 1 0\n"
		"population \"b\" readout axis 1\n"
		"projection into \"b\" columns axis 0 inner 2 weights 1 4 1 1 1 1\n"
		"projection into \"b\" columns axis 0 outer 2 weights 1 4 1 1 1 1\n"
		"projection into \"b\" columns axis 0 kernel 2 weights 1 4 1 1 1 1\n");
	double mean[4];

	ck_assert(projection_mean_input(graph, &graph->projections[0], mean));
	ck_assert(mean[0] == 0.5 && mean[1] == 0.25 && mean[2] == 1.0 && mean[3] == 0.0);
	ck_assert(projection_mean_input(graph, &graph->projections[1], mean));
	ck_assert(mean[0] == 0.5 && mean[1] == 1.0 && mean[2] == 0.25 && mean[3] == 0.0);
	ck_assert(projection_mean_input(graph, &graph->projections[2], mean));
	ck_assert(mean[0] == 0.375 && mean[1] == 0.5);
	graph_free(graph);
}
END_TEST

START_TEST(a_parameter_is_one_number_or_one_a_unit)
{
	struct graph *graph = parsed("snn-graph 1 axis 0 units 2 population \"a\" custom axis 0 "
				     "offset 3 4");
	struct neuron *neuron = &graph->populations[0].neuron;

	ck_assert(graph_set_parameter(graph, &neuron->decay, 0.5));
	ck_assert_uint_eq(neuron->decay.count, 1);
	ck_assert(parameter_at(&neuron->decay, 0) == 0.5 && parameter_at(&neuron->decay, 1) == 0.5);
	ck_assert(parameter_at(&neuron->offset, 0) == 3 && parameter_at(&neuron->offset, 1) == 4);
	graph_free(graph);
}
END_TEST

START_TEST(merges_are_followed)
{
	struct graph *graph = parsed(hand);
	struct unit_axis *axis = &graph->axes[0];
	bool first[] = { true, false, true, true }, second[] = { false, true, true };

	OK(graph_merge_columns(graph, 0, 0, 1, 1.0, err));
	OK(graph_keep_units(graph, 0, first, UNIT_MERGED, err));
	OK(graph_merge_columns(graph, 0, 2, 0, 1.0, err));
	OK(graph_keep_units(graph, 0, second, UNIT_MERGED, err));
	OK(graph_verify(graph, err));
	ck_assert_uint_eq(axis->merged_into[0], 3);
	ck_assert_uint_eq(axis->merged_into[1], 3);
	graph_free(graph);
}
END_TEST

static const char quantized[] =
	"snn-graph 1 axis 0 units 2 axis 1 units 1\n"
	"population \"a\" spiking axis 0 compare > threshold 1\n"
	"population \"b\" readout axis 1\n"
	"projection into \"b\" columns axis 0 weights 1 2 1 0.75 quantized 4 per-tensor 0.25\n";

/* 4 bits: -8 to 7 steps of 0.25. */
static const struct {
	uint32_t kept, gone;
	double factor;
	uint32_t bits;
} grid_cases[] = {
	{ 0, 1, 1.0, 4 },     /* 1.75: 7 steps */
	{ 0, 1, 0.5, 0 },     /* 1.375: no step */
	{ 0, 1, 4.0 / 3, 0 }, /* 2: 8 steps */
	{ 1, 0, -2.75, 4 },   /* -2: -8 steps */
	{ 1, 0, -3.0, 0 },    /* -2.25: -9 steps */
};

START_TEST(a_merge_off_the_grid_makes_weights_float)
{
	struct graph *graph = parsed(quantized);

	OK(graph_merge_columns(graph, 0, grid_cases[_i].kept, grid_cases[_i].gone,
			       grid_cases[_i].factor, err));
	OK(graph_keep_units(graph, 0,
			    (bool[]){ grid_cases[_i].kept == 0, grid_cases[_i].kept == 1 },
			    UNIT_MERGED, err));
	OK(graph_verify(graph, err));
	ck_assert_uint_eq(graph->projections[0].quantization.bits, grid_cases[_i].bits);
	graph_free(graph);
}
END_TEST

/* --- refusals ------------------------------------------------------------------------ */

static const char reads_membrane[] =
	"snn-graph 1 axis 0 units 2 axis 1 units 1\n"
	"population \"a\" spiking axis 0 compare > threshold 1\n"
	"population \"b\" readout axis 1\n"
	"projection into \"b\" reads input columns axis 0 weights 1 2 1 1\n";
static const char through_kernel[] =
	"snn-graph 1 axis 0 units 2 axis 1 units 1\n"
	"population \"a\" spiking axis 0 compare > threshold 1\n"
	"population \"b\" readout axis 1\n"
	"projection into \"b\" columns axis 0 silent 1 0 spike 1 0 kernel 2 weights 1 4 1 1 1 1\n";
static const char padded[] =
	"snn-graph 1 axis 0 units 2 axis 1 units 1\n"
	"population \"a\" spiking axis 0 compare > threshold 1\n"
	"population \"b\" readout axis 1\n"
	"projection into \"b\" spike-at-most columns axis 0 kernel 2 weights 1 4 1 1 1 1\n";
static const char unpadded[] =
	"snn-graph 1 axis 0 units 2 axis 1 units 2\n"
	"population \"a\" spiking axis 0 compare > threshold 1\n"
	"population \"b\" readout axis 1\n"
	"projection into \"b\" columns axis 0 spike 0.5 2 kernel 3 gain 2 4\n"
	"	weights 2 6  1 2 4 8 16 32  -1 -1 -1 5 5 5\n";
static const char shared_axis[] = "snn-graph 1 axis 0 units 2\n"
				  "population \"a\" spiking axis 0 compare > threshold 1\n"
				  "population \"b\" readout axis 0\n";
static const char two_sources[] = "snn-graph 1 axis 0 units 1 axis 1 units 1 axis 2 units 1\n"
				  "population \"a\" spiking axis 0 compare > threshold 1\n"
				  "population \"b\" spiking axis 1 compare > threshold 1\n"
				  "population \"c\" readout axis 2\n"
				  "projection into \"c\" columns axis 0 axis 1 weights 1 2 1 1\n";

static snnfit_status
cut_frozen(struct graph *graph, snnfit_error *err)
{
	bool keep[] = { true, false };

	return graph_keep_units(graph, 2, keep, UNIT_DEAD, err);
}

static snnfit_status
cut_everything(struct graph *graph, snnfit_error *err)
{
	bool keep[] = { false, false };

	return graph_keep_units(graph, 1, keep, UNIT_DEAD, err);
}

static snnfit_status
cut_nothing_there(struct graph *graph, snnfit_error *err)
{
	return graph_keep_units(graph, 7, NULL, UNIT_DEAD, err);
}

static snnfit_status
fold_first(struct graph *graph, snnfit_error *err)
{
	bool gone[] = { true, false };

	return graph_fold_constant(graph, 0, gone, false, err);
}

/* Its first reader is recurrent. */
static snnfit_status
fold_firing(struct graph *graph, snnfit_error *err)
{
	bool gone[] = { true, false, false, false };

	return graph_fold_constant(graph, 0, gone, true, err);
}

static snnfit_status
merge_two(struct graph *graph, snnfit_error *err)
{
	return graph_merge_columns(graph, 0, 1, 0, 1.0, err);
}

static snnfit_status
merge_one_unit(struct graph *graph, snnfit_error *err)
{
	return graph_merge_columns(graph, 0, 1, 1, 1.0, err);
}

static snnfit_status
remove_first(struct graph *graph, snnfit_error *err)
{
	return graph_remove_population(graph, 0, err);
}

static snnfit_status
remove_second(struct graph *graph, snnfit_error *err)
{
	return graph_remove_population(graph, 1, err);
}

static snnfit_status
remove_nothing_there(struct graph *graph, snnfit_error *err)
{
	return graph_remove_population(graph, 9, err);
}

static snnfit_status
remove_twice(struct graph *graph, snnfit_error *err)
{
	if (graph_remove_population(graph, 1, err) != SNNFIT_OK)
		return SNNFIT_OK;
	return graph_remove_population(graph, 1, err);
}

static snnfit_status
merge_nothing_there(struct graph *graph, snnfit_error *err)
{
	return graph_merge_columns(graph, 9, 1, 0, 1.0, err);
}

static snnfit_status
merge_unit_beyond(struct graph *graph, snnfit_error *err)
{
	return graph_merge_columns(graph, 0, 2, 0, 1.0, err);
}

static snnfit_status
merge_beyond_unit(struct graph *graph, snnfit_error *err)
{
	return graph_merge_columns(graph, 0, 0, 2, 1.0, err);
}

static snnfit_status
merge_infinitely(struct graph *graph, snnfit_error *err)
{
	return graph_merge_columns(graph, 0, 0, 1, INFINITY, err);
}

static snnfit_status
merge_frozen(struct graph *graph, snnfit_error *err)
{
	return graph_merge_columns(graph, 2, 0, 1, 1.0, err);
}

static snnfit_status
fold_nothing_there(struct graph *graph, snnfit_error *err)
{
	return graph_fold_constant(graph, 9, NULL, false, err);
}

static snnfit_status
add_to_removed(struct graph *graph, snnfit_error *err)
{
	if (graph_remove_population(graph, 1, err) != SNNFIT_OK)
		return SNNFIT_OK;
	return graph_add_to_bias(graph, 2, NULL, err);
}

static snnfit_status
remove_output(struct graph *graph, snnfit_error *err)
{
	return graph_remove_population(graph, 2, err);
}

static snnfit_status
add_to_nothing(struct graph *graph, snnfit_error *err)
{
	return graph_add_to_bias(graph, 9, NULL, err);
}

static const struct {
	const char *text;
	snnfit_status (*edit)(struct graph *graph, snnfit_error *err);
	const char *message;
} refusals[] = {
	{ hand, cut_frozen, "frozen: leaves through output y" },
	{ hand, cut_everything, "lose all its 2 units" },
	{ hand, cut_nothing_there, "no unit axis 7" },
	{ reads_membrane, fold_first, "reads more than the spikes" },
	{ reads_membrane, merge_two, "reads more than the spikes" },
	{ through_kernel, fold_first, "not everywhere" },
	{ hand, fold_firing, "not everywhere" },
	{ padded, fold_firing, "not everywhere" },
	{ reads_membrane, fold_firing, "reads more than the spikes" },
	{ through_kernel, merge_two, "cannot stand in" },
	{ quantized, merge_one_unit, "cannot be merged" },
	{ shared_axis, remove_first, "shares its units with 'b'" },
	{ two_sources, remove_first, "'c' reads it together with others" },
	{ shared_axis, remove_second, "shares its units with 'a'" },
	{ two_sources, remove_second, "'c' reads it together with others" },
	{ hand, remove_nothing_there, "no population 9" },
	{ hand, remove_twice, "no population 1" },
	{ hand, merge_nothing_there, "cannot be merged" },
	{ hand, merge_frozen, "frozen" },
	{ quantized, merge_unit_beyond, "cannot be merged" },
	{ quantized, merge_beyond_unit, "cannot be merged" },
	{ quantized, merge_infinitely, "cannot be merged" },
	{ hand, fold_nothing_there, "does not exist" },
	{ hand, add_to_removed, "no projection 2" },
	{ hand, remove_output, "output population 'out'" },
	{ hand, add_to_nothing, "no projection 9" },
};

START_TEST(what_firing_units_give_goes_to_the_bias)
{
	bool gone[] = { true, false }, second[] = { false, true };
	struct graph *graph = parsed(unpadded);
	const float *bias;

	OK(graph_fold_constant(graph, 0, gone, true, err));
	OK(weights_read(graph->projections[0].bias, &bias, err));
	ck_assert(bias[0] == (1 + 2 + 4) * 0.5f && bias[1] == -3 * 0.5f);
	OK(graph_fold_constant(graph, 0, second, true, err));
	OK(weights_read(graph->projections[0].bias, &bias, err));
	ck_assert(bias[0] == 7 * 0.5f + 56 * 2 && bias[1] == -3 * 0.5f + 15 * 2);
	ck_assert(graph->populations[1].neuron.offset.values[0] == 2 * (7 * 0.5 + 56 * 2));
	ck_assert(graph->populations[1].neuron.offset.values[1] == 4 * (-3 * 0.5 + 15 * 2));
	graph_free(graph);
	graph = parsed(hand); /* silent + spike, in the reader that is not recurrent */
	graph->projections[1].removed = true;
	OK(graph_fold_constant(graph, 0, (bool[]){ false, false, false, true }, true, err));
	OK(weights_read(graph->projections[2].bias, &bias, err));
	ck_assert(bias[0] == 4 * 2.5f && bias[1] == 8 * 2.5f);
	graph_free(graph);
}
END_TEST

START_TEST(what_would_break_the_graph_is_refused)
{
	struct graph *graph = parsed(refusals[_i].text);
	snnfit_error why = { 0 };

	ck_assert_int_eq(refusals[_i].edit(graph, &why), SNNFIT_EINTERNAL);
	ck_assert_int_eq(why.status, SNNFIT_EINTERNAL);
	ck_assert_msg(strstr(why.text, refusals[_i].message), "%s", why.text);
	OK(graph_verify(graph, err));
	graph_free(graph);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

int
main(void)
{
	Suite *suite = suite_create("graph");
	TCase *tests = tcase_create("edits");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, a_cut_changes_nothing_that_is_left, 0, 8);
	tcase_add_loop_test(tests, cuts_of_several_axes_commute, 0, 2);
	tcase_add_loop_test(tests, weights_in_the_file_are_cut_there, 0, 2);
	tcase_add_loop_test(tests, a_merge_changes_nothing_if_the_units_fire_alike, 0, 8);
	tcase_add_test(tests, a_part_is_never_empty);
	tcase_add_test(tests, what_silent_units_give_goes_to_the_bias);
	tcase_add_test(tests, what_firing_units_give_goes_to_the_bias);
	tcase_add_test(tests, the_offset_is_what_the_bias_gives);
	tcase_add_test(tests, a_population_is_removed_with_its_projections);
	tcase_add_test(tests, scales_and_gains_follow_their_rows);
	tcase_add_test(tests, dynamics_without_a_normal_form_have_no_offset);
	tcase_add_test(tests, large_matrices_are_worked_on_in_pieces);
	tcase_add_test(tests, mean_inputs_come_from_the_rates);
	tcase_add_test(tests, mean_inputs_know_positions);
	tcase_add_test(tests, a_parameter_is_one_number_or_one_a_unit);
	tcase_add_test(tests, merges_are_followed);
	tcase_add_loop_test(tests, a_merge_off_the_grid_makes_weights_float, 0, COUNT(grid_cases));
	tcase_add_loop_test(tests, what_would_break_the_graph_is_refused, 0, COUNT(refusals));
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
