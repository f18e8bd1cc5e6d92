/* test_fit.c - the ladder, on costs that can be worked out by hand. */
#include "opt/fit.h"
#include "tests/unit/opt_cases.h"

/* LUT: nonzero weights. FF: the bitstream length. BRAM: bits of all weights, zeros
 * too. DSP: a constant. */
struct fake {
	double lut, ff, bram, dsp; /* available; 0: not checked */
	int calls, fail_at;
};

static void
use(struct resource_use *resource, double used, double available, bool *fits)
{
	*resource = (struct resource_use){ .used = used,
					   .low = used,
					   .high = used,
					   .available = available,
					   .checked = available > 0.0,
					   .worst_layer_used = used };
	*fits = *fits && (!resource->checked || used <= available);
}

static snnfit_status
fake_cost(void *context, const struct graph *graph, const struct design *design, struct cost *out,
	  snnfit_error *err)
{
	struct fake *fake = context;
	double nonzero = 0.0, bits = 0.0;
	size_t i, k;

	if (++fake->calls == fake->fail_at)
		return error_set(err, SNNFIT_EIO, "no such device");
	for (i = 0; i < graph->projection_count; i++) {
		const struct projection *projection = &graph->projections[i];
		size_t count = (size_t)projection->weights->rows * projection->weights->columns;
		uint32_t width = projection->quantization.bits;

		for (k = 0; k < count; k++)
			nonzero += projection->weights->values[k] != 0.0f;
		bits += (double)count * (width ? width : design->float_bits);
	}
	*out = (struct cost){ .fits = true };
	use(&out->resources[RESOURCE_LUT], nonzero, fake->lut, &out->fits);
	use(&out->resources[RESOURCE_FF], design->bitstream_length, fake->ff, &out->fits);
	use(&out->resources[RESOURCE_BRAM], bits, fake->bram, &out->fits);
	use(&out->resources[RESOURCE_DSP], 7, fake->dsp, &out->fits);
	out->resources[RESOURCE_LUT].worst_layer = graph->populations[0].name;
	return SNNFIT_OK;
}

enum { COLUMNS = 100, ROWS = 10 };

/* 1000 weights into "hidden" and 10 into "out": |w| = (k + 1) / 1000. */
static struct graph *
ramp(void)
{
	struct graph *graph = net_new();
	population_id hidden = add_layer(graph, "hidden", ROWS), out = add_layer(graph, "out", 1);
	float values[COLUMNS * ROWS];
	uint32_t i;

	for (i = 0; i < COLUMNS * ROWS; i++)
		values[i] = (i % 2 ? 1.0f : -1.0f) * (float)(i + 1) / 1000.0f;
	graph->populations[out].output = true;
	(void)connect(graph, GRAPH_NONE, hidden, COLUMNS, values, NULL);
	for (i = 0; i < ROWS; i++)
		values[i] = 1.0f + (float)i;
	(void)connect(graph, hidden, out, ROWS, values, NULL);
	return graph;
}

static const struct fit_options usual = { .max_iterations = 10, .minimum_bitstream_length = 32 };

struct trial {
	struct graph *graph;
	struct fit_result result;
};

static struct trial
fit(enum architecture architecture, uint32_t length, const struct fit_options *options,
    struct fake *fake)
{
	struct design design = DESIGN_DEFAULT;
	struct trial trial = { .graph = ramp() };

	design.architecture = architecture;
	design.bitstream_length = length;
	MUST(fit_ladder(&trial.graph, &design, options, fake_cost, fake, NULL, NULL, &trial.result,
			err));
	return trial;
}

static void
trial_free(struct trial *trial)
{
	fit_result_free(&trial->result);
	graph_free(trial->graph);
}

static void
assert_actions(const struct fit_result *result, const char *const *actions, size_t count)
{
	size_t i;

	for (i = 0; i < count && i < result->step_count; i++)
		ck_assert_str_eq(result->steps[i].action, actions[i]);
	ck_assert_uint_eq(result->step_count, count);
}

static void
assert_skip(const struct fit_result *result, size_t index, const char *action, const char *words)
{
	ck_assert_uint_lt(index, result->skipped_count);
	ck_assert_str_eq(result->skipped[index].action, action);
	ck_assert_msg(strstr(result->skipped[index].reason, words) != NULL, "%s: %s", action,
		      result->skipped[index].reason);
}

/* --- the rule -------------------------------------------------------------------- */

START_TEST(what_fits_is_left_as_it_is)
{
	struct fake fake = { .lut = 1010, .ff = 256, .bram = 16160, .dsp = 7 };
	struct trial trial = fit(ARCHITECTURE_SC, 256, &usual, &fake);

	ck_assert(trial.result.fits);
	ck_assert_int_eq(fake.calls, 1);
	ck_assert_uint_eq(trial.result.step_count + trial.result.skipped_count, 0);
	ck_assert_uint_eq(trial.result.iterations, 0);
	ck_assert_uint_eq(trial.result.design.bitstream_length, 256);
	ck_assert_uint_eq(trial.result.weight_bits, 16);
	ck_assert_double_eq(trial.result.after.resources[RESOURCE_LUT].used, 1010);
	trial_free(&trial);
}
END_TEST

START_TEST(bitstreams_are_halved_down_to_the_minimum)
{
	static const char *const actions[] = { "halve bitstream length to 128",
					       "halve bitstream length to 64",
					       "halve bitstream length to 32" };
	struct fake fake = { .ff = 32 };
	struct trial trial = fit(ARCHITECTURE_SC, 256, &usual, &fake);

	ck_assert(trial.result.fits);
	assert_actions(&trial.result, actions, 3);
	ck_assert_uint_eq(trial.result.iterations, 3);
	ck_assert_uint_eq(trial.result.design.bitstream_length, 32);
	ck_assert_uint_eq(trial.result.steps[1].bitstream_length, 64);
	ck_assert_double_eq(trial.result.before.resources[RESOURCE_FF].used, 256);
	ck_assert_double_eq(trial.result.after.resources[RESOURCE_FF].used, 32);
	trial_free(&trial);
}
END_TEST

START_TEST(the_last_halving_stops_at_the_minimum)
{
	struct fit_options options = { .max_iterations = 10, .minimum_bitstream_length = 60 };
	static const char *const actions[] = { "halve bitstream length to 60" };
	struct fake fake = { .ff = 60 };
	struct trial trial = fit(ARCHITECTURE_SC, 100, &options, &fake);

	assert_actions(&trial.result, actions, 1);
	ck_assert(trial.result.fits);
	trial_free(&trial);
}
END_TEST

START_TEST(without_bitstreams_to_halve_it_prunes_and_quantizes)
{
	static const char *const actions[] = { "prune at 0.003", "quantize to 14 bits",
					       "prune at 0.009", "quantize to 12 bits",
					       "prune at 0.027", "quantize to 10 bits" };
	static const double left[] = { 1007, 1007, 1001, 1001, 983, 983 };
	static const uint32_t bits[] = { 16, 14, 14, 12, 12, 10 };
	struct fake fake = { .lut = 900, .bram = 8000 };
	struct fit_options options = { .max_iterations = 3, .minimum_bitstream_length = 32 };
	struct trial trial = fit(ARCHITECTURE_EVENT, 256, &options, &fake);
	size_t i;

	ck_assert(!trial.result.fits);
	assert_actions(&trial.result, actions, 6);
	ck_assert_uint_eq(trial.result.iterations, 3);
	ck_assert_uint_eq(trial.result.skipped_count, 0);
	for (i = 0; i < 6; i++) {
		const struct fit_step *step = &trial.result.steps[i];

		ck_assert_double_eq(step->lut_before, i ? step[-1].lut_after : 1010);
		/* rounding moves some weights over the next threshold, or to zero */
		ck_assert_double_le(fabs(step->lut_after - left[i]), i < 2 ? 0 : 2);
		ck_assert_double_eq_tol(step->sparsity, 1 - step->lut_after / 1010, 1e-12);
		ck_assert_uint_eq(step->weight_bits, bits[i]);
		ck_assert_uint_eq(step->bitstream_length, 256);
	}
	ck_assert_uint_eq(trial.result.kept_steps, 6);
	ck_assert_uint_eq(trial.result.weight_bits, 10);
	ck_assert_double_eq(trial.result.sparsity, trial.result.steps[5].sparsity);
	ck_assert_uint_eq(trial.graph->projections[0].quantization.bits, 10);
	trial_free(&trial);
}
END_TEST

START_TEST(at_the_minimum_length_it_prunes_and_quantizes_too)
{
	static const char *const actions[] = { "halve bitstream length to 32", "prune at 0.003",
					       "quantize to 14 bits" };
	struct fake fake = { .lut = 900, .ff = 16, .bram = 8000 };
	struct fit_options options = { .max_iterations = 2, .minimum_bitstream_length = 32 };
	struct trial trial = fit(ARCHITECTURE_SC, 64, &options, &fake);

	assert_actions(&trial.result, actions, 3);
	ck_assert_uint_eq(trial.result.iterations, 2);
	trial_free(&trial);
}
END_TEST

/* 1007 fit: the quantization of the same iteration is not taken. */
START_TEST(fit_is_tested_after_each_step)
{
	static const char *const actions[] = { "prune at 0.003" };
	struct fake fake = { .lut = 1007 };
	struct trial trial = fit(ARCHITECTURE_PARALLEL, 256, &usual, &fake);

	ck_assert(trial.result.fits);
	assert_actions(&trial.result, actions, 1);
	ck_assert_uint_eq(trial.result.iterations, 1);
	ck_assert_uint_eq(trial.result.skipped_count, 0); /* not even tried */
	ck_assert_uint_eq(trial.graph->projections[0].quantization.bits, 0);
	trial_free(&trial);
}
END_TEST

START_TEST(bits_end_at_four)
{
	static const char *const actions[] = { "quantize to 14 bits", "quantize to 12 bits",
					       "quantize to 10 bits", "quantize to 8 bits",
					       "quantize to 6 bits",  "quantize to 4 bits" };
	struct fake fake = { .bram = 1000 };
	struct trial trial = fit(ARCHITECTURE_EVENT, 256, &usual, &fake);

	ck_assert(!trial.result.fits);
	assert_actions(&trial.result, actions, 6);
	ck_assert_uint_eq(trial.result.iterations, 6);
	ck_assert_uint_eq(trial.result.weight_bits, 4);
	trial_free(&trial);
}
END_TEST

START_TEST(iterations_are_limited)
{
	struct fit_options options = { .max_iterations = 2, .minimum_bitstream_length = 32 };
	struct fake fake = { .bram = 1000 };
	struct trial trial = fit(ARCHITECTURE_EVENT, 256, &options, &fake);

	ck_assert_uint_eq(trial.result.step_count, 2);
	ck_assert_uint_eq(trial.result.iterations, 2);
	trial_free(&trial);
	options.max_iterations = 0;
	trial = fit(ARCHITECTURE_EVENT, 256, &options, &fake);
	ck_assert_uint_eq(trial.result.step_count, 0);
	ck_assert(!trial.result.fits);
	trial_free(&trial);
}
END_TEST

/* --- rungs that do not help ---------------------------------------------------------- */

/* Zeros take as much block RAM as other weights. */
START_TEST(a_rung_that_helps_nothing_is_skipped_and_not_counted)
{
	struct fake fake = { .bram = 13000 };
	struct trial trial = fit(ARCHITECTURE_EVENT, 256, &usual, &fake);
	static const char *const actions[] = { "quantize to 14 bits", "quantize to 12 bits" };

	ck_assert(trial.result.fits);
	assert_actions(&trial.result, actions, 2);
	ck_assert_uint_eq(trial.result.iterations, 2);
	ck_assert_uint_eq(trial.result.skipped_count, 2);
	assert_skip(&trial.result, 0, "prune at 0.003", "exceeded: BRAM");
	assert_skip(&trial.result, 1, "prune at 0.009", "exceeded: BRAM");
	ck_assert_double_eq(trial.result.sparsity, 0.0);
	trial_free(&trial);
}
END_TEST

/* Only DSP is exceeded, and nothing lowers it. */
START_TEST(the_ladder_ends_when_no_rung_can_act)
{
	struct fake fake = { .dsp = 5 };
	struct trial trial = fit(ARCHITECTURE_SC, 256, &usual, &fake);
	const struct fit_result *result = &trial.result;

	ck_assert(!result->fits);
	ck_assert_uint_eq(result->step_count, 0);
	ck_assert_uint_eq(result->iterations, 0);
	ck_assert_uint_eq(result->kept_steps, 0);
	assert_skip(result, 0, "halve bitstream length to 128", "exceeded: DSP");
	assert_skip(result, 1, "prune at 0.003", "exceeded: DSP");
	assert_skip(result, 2, "quantize to 14 bits", "exceeded: DSP");
	assert_skip(result, 3, "prune at 0.009", "exceeded: DSP");
	/* pruning ends when it would take all the weights, quantizing at 4 bits */
	assert_skip(result, result->skipped_count - 1, "prune at 19.683", "exceeded: DSP");
	ck_assert_uint_eq(result->design.bitstream_length, 256);
	trial_free(&trial);
}
END_TEST

START_TEST(a_layer_is_never_pruned_to_nothing)
{
	static const char *const actions[] = {
		"prune at 0.003", "prune at 0.009", "prune at 0.027",
		"prune at 0.081", "prune at 0.243", "prune at 0.729"
	};
	struct fake fake = { .lut = 100 };
	struct trial trial = fit(ARCHITECTURE_SPARSE, 256, &usual, &fake);
	const struct fit_result *result = &trial.result;
	size_t i;

	ck_assert(!result->fits);
	assert_actions(result, actions, 6);
	for (i = 0; i + 1 < result->skipped_count; i++)
		ck_assert_ptr_nonnull(strstr(result->skipped[i].action, "quantize"));
	assert_skip(result, result->skipped_count - 1, "prune at 2.187",
		    "'hidden' would have no weights left");
	ck_assert_double_eq(result->after.resources[RESOURCE_LUT].used, 281);
	trial_free(&trial);
}
END_TEST

START_TEST(thresholds_below_every_weight_are_skipped)
{
	struct fake fake = { .lut = 900 };
	struct design design = DESIGN_DEFAULT;
	struct fit_result result;
	struct graph *graph = ramp();
	float *values = edit_weights(graph, 0);
	uint32_t i;

	for (i = 0; i < ROWS * COLUMNS; i++)
		values[i] += i % 2 ? 0.02f : -0.02f;
	MUST(fit_ladder(&graph, &design, &usual, fake_cost, &fake, NULL, NULL, &result, err));
	assert_skip(&result, 0, "prune at 0.003", "no weight is that small");
	assert_skip(&result, 2, "prune at 0.009", "no weight is that small");
	ck_assert_str_eq(result.steps[0].action, "prune at 0.027");
	fit_result_free(&result);
	graph_free(graph);
}
END_TEST

START_TEST(weights_that_cannot_be_written_end_the_ladder)
{
	struct binding_projection bound = { .editable = false };
	struct bindings bindings = { .projections = &bound, .projection_count = 1 };
	struct fake fake = { .lut = 900, .bram = 100 };
	struct design design = DESIGN_DEFAULT;
	struct fit_result result;
	struct graph *graph = ramp();

	graph->bindings = &bindings;
	graph->projections[0].binding = graph->projections[1].binding = 0;
	MUST(fit_ladder(&graph, &design, &usual, fake_cost, &fake, NULL, NULL, &result, err));
	ck_assert_uint_eq(result.step_count, 0);
	assert_skip(&result, 0, "prune at 0.003", "no weight");
	assert_skip(&result, 1, "quantize to 14 bits", "no weights");
	fit_result_free(&result);
	graph_free(graph);
}
END_TEST

/* --- the closest ------------------------------------------------------------------------ */

/* Like fake_cost, but few bits take logic. */
static snnfit_status
bits_cost(void *context, const struct graph *graph, const struct design *design, struct cost *out,
	  snnfit_error *err)
{
	snnfit_status status = fake_cost(context, graph, design, out, err);
	uint32_t bits = graph->projections[0].quantization.bits;
	struct resource_use *lut = &out->resources[RESOURCE_LUT];

	if (bits > 0 && bits < 10)
		lut->used = lut->high = 30 * lut->available;
	return status;
}

START_TEST(the_closest_model_is_returned)
{
	struct fake fake = { .lut = 1000, .bram = 1000 };
	struct design design = DESIGN_DEFAULT;
	struct fit_result result;
	struct graph *graph = ramp();

	MUST(fit_ladder(&graph, &design, &usual, bits_cost, &fake, NULL, NULL, &result, err));
	ck_assert(!result.fits);
	ck_assert_uint_gt(result.step_count, result.kept_steps);
	ck_assert_str_eq(result.steps[result.kept_steps - 1].action, "quantize to 10 bits");
	ck_assert_uint_eq(result.weight_bits, 10);
	ck_assert_uint_eq(graph->projections[0].quantization.bits, 10);
	ck_assert_double_eq(result.after.resources[RESOURCE_BRAM].used, 10100);
	fit_result_free(&result);
	graph_free(graph);
}
END_TEST

/* --- accuracy --------------------------------------------------------------------------------- */

enum { SAMPLES = 1000, RIGHT = 900 };

/* A sample is lost with each weight that is zero, and so many with each pair of bits
 * below 16. */
struct judge {
	uint64_t a_pair_of_bits;
	int calls, fail_at;
	struct measurement made[32];
	struct measurement before;
	struct calibration calibration;
};

static snnfit_status
fake_measure(void *context, const struct graph *graph, const struct measurement **out,
	     snnfit_error *err)
{
	struct judge *judge = context;
	struct measurement *made = &judge->made[judge->calls];
	uint32_t bits = graph->projections[0].quantization.bits;
	uint64_t zeros = 0;

	ck_assert_int_lt(judge->calls, 32);
	if (++judge->calls == judge->fail_at)
		return error_set(err, SNNFIT_EDATA, "no such data");
	if (weights_count_zeros(graph->projections[0].weights, &zeros, err) != SNNFIT_OK)
		return err->status;
	*made = (struct measurement){ .samples = SAMPLES, .right = RIGHT - zeros };
	if (bits)
		made->right -= (16 - bits) / 2 * judge->a_pair_of_bits;
	*out = made;
	return SNNFIT_OK;
}

static struct fit_options
limited_by(struct judge *judge, double max_drop)
{
	struct fit_options options = usual;

	judge->before = (struct measurement){ .samples = SAMPLES, .right = RIGHT };
	judge->calibration = (struct calibration){ .context = judge,
						   .measure = fake_measure,
						   .before = &judge->before,
						   .max_drop = max_drop };
	options.calibration = &judge->calibration;
	return options;
}

START_TEST(pruning_ends_at_the_limit_and_quantizing_goes_on)
{
	static const char *const actions[] = { "prune at 0.003",      "quantize to 14 bits",
					       "prune at 0.009",      "quantize to 12 bits",
					       "quantize to 10 bits", "quantize to 8 bits",
					       "quantize to 6 bits",  "quantize to 4 bits" };
	struct fake fake = { .lut = 1, .bram = 1 };
	struct judge judge = { 0 };
	struct fit_options options = limited_by(&judge, 2.0); /* 20 samples; 0.027 costs 27 */
	struct trial trial = fit(ARCHITECTURE_EVENT, 256, &options, &fake);
	size_t i;

	/* rounding to 4 bits makes zeros of its own, over the limit as well */
	assert_actions(&trial.result, actions, trial.result.step_count);
	ck_assert_uint_ge(trial.result.step_count, 5);
	assert_skip(&trial.result, 0, "prune at 0.027", "points: more than the 2 allowed");
	for (i = 1; i < trial.result.skipped_count; i++)
		ck_assert_ptr_null(strstr(trial.result.skipped[i].action, "prune"));
	for (i = 0; i < trial.result.step_count; i++)
		ck_assert_uint_ge(trial.result.steps[i].accuracy->right, RIGHT - 20);
	ck_assert(trial.result.limited && !trial.result.fits && !trial.result.stopped);
	trial_free(&trial);
}
END_TEST

START_TEST(quantizing_ends_at_the_limit_and_pruning_goes_on)
{
	struct fake fake = { .lut = 950, .bram = 1 };
	struct judge judge = { .a_pair_of_bits = 60 };
	struct fit_options options = limited_by(&judge, 10.0);
	struct trial trial = fit(ARCHITECTURE_EVENT, 256, &options, &fake);

	assert_skip(&trial.result, 0, "quantize to 12 bits", "accuracy would be 77.10 %");
	ck_assert_uint_eq(trial.result.weight_bits, 14);
	ck_assert_str_eq(trial.result.steps[trial.result.step_count - 1].action, "prune at 0.027");
	ck_assert(trial.result.limited);
	trial_free(&trial);
}
END_TEST

START_TEST(without_a_limit_every_step_is_measured_and_taken)
{
	struct fake fake = { .lut = 1, .bram = 1 };
	struct judge judge = { .a_pair_of_bits = 10 };
	struct fit_options options = limited_by(&judge, 100.0);
	struct trial with = fit(ARCHITECTURE_EVENT, 256, &options, &fake);
	struct trial without = fit(ARCHITECTURE_EVENT, 256, &usual, &fake);
	size_t i;

	ck_assert_uint_eq(with.result.step_count, without.result.step_count);
	ck_assert_int_eq(judge.calls, (int)with.result.step_count);
	for (i = 0; i < with.result.step_count; i++) {
		ck_assert_str_eq(with.result.steps[i].action, without.result.steps[i].action);
		ck_assert_ptr_eq(with.result.steps[i].accuracy, &judge.made[i]);
		ck_assert_ptr_null(without.result.steps[i].accuracy);
	}
	ck_assert(!with.result.limited);
	trial_free(&with);
	trial_free(&without);
}
END_TEST

START_TEST(a_halving_has_no_accuracy)
{
	struct fake fake = { .ff = 64 };
	struct judge judge = { 0 };
	struct fit_options options = limited_by(&judge, 0.0);
	struct trial trial = fit(ARCHITECTURE_SC, 256, &options, &fake);

	ck_assert(trial.result.fits);
	ck_assert_uint_eq(trial.result.step_count, 2);
	ck_assert_ptr_null(trial.result.steps[1].accuracy);
	ck_assert_int_eq(judge.calls, 0);
	trial_free(&trial);
}
END_TEST

START_TEST(a_measurement_that_fails_leaves_the_model_as_it_was)
{
	struct fake fake = { .lut = 1, .bram = 1 };
	struct judge judge = { .fail_at = _i };
	struct fit_options options = limited_by(&judge, 100.0);
	struct design design = DESIGN_DEFAULT;
	struct graph *graph = ramp(), *before = graph;
	struct fit_result result;
	snnfit_error why;

	design.architecture = ARCHITECTURE_EVENT;
	ck_assert_int_eq(
		fit_ladder(&graph, &design, &options, fake_cost, &fake, NULL, NULL, &result, &why),
		SNNFIT_EDATA);
	ck_assert_ptr_eq(graph, before);
	ck_assert_uint_eq(result.step_count, 0);
	graph_free(graph);
}
END_TEST

/* --- who watches, and what fails ----------------------------------------------------------- */

struct watch {
	size_t count, fail_at;
	uint64_t nonzero;
};

static snnfit_status
watch_step(void *context, const struct fit_step *step, const struct graph *graph, snnfit_error *err)
{
	struct watch *watch = context;
	uint64_t all;

	ck_assert_ptr_nonnull(step->action);
	ck_assert_int_eq(graph_count_parameters(graph, &all, &watch->nonzero, err), SNNFIT_OK);
	if (++watch->count == watch->fail_at)
		return error_set(err, SNNFIT_EIO, "the disk is full");
	return SNNFIT_OK;
}

START_TEST(an_observer_sees_every_step)
{
	struct fake fake = { .lut = 1001 };
	struct design design = DESIGN_DEFAULT;
	struct watch watch = { 0 };
	struct fit_result result;
	struct graph *graph = ramp();

	MUST(fit_ladder(&graph, &design, &usual, fake_cost, &fake, watch_step, &watch, &result,
			err));
	ck_assert_uint_eq(watch.count, result.step_count);
	ck_assert_uint_eq(watch.count, 2);
	ck_assert_uint_eq(watch.nonzero, 1001);
	ck_assert_str_eq(result.after.resources[RESOURCE_LUT].worst_layer, "hidden");
	graph_free(graph);
	/* names are the result's own */
	ck_assert_str_eq(result.before.resources[RESOURCE_LUT].worst_layer, "hidden");
	ck_assert_str_eq(result.after.resources[RESOURCE_LUT].worst_layer, "hidden");
	fit_result_free(&result);
}
END_TEST

START_TEST(a_failure_leaves_the_model_as_it_was)
{
	int call, failed = 0;

	for (call = 1; call <= 20; call++) {
		struct fake fake = { .lut = 900, .bram = 1000, .fail_at = call };
		struct watch watch = { .fail_at = (size_t)call };
		struct design design = DESIGN_DEFAULT;
		struct graph *graph = ramp(), *before = graph;
		struct fit_result result;
		struct text text[2] = { { 0 }, { 0 } };
		snnfit_error why;
		snnfit_status status;

		MUST(graph_print(graph, &text[0], err));
		status = fit_ladder(&graph, &design, &usual, fake_cost, &fake, watch_step, &watch,
				    &result, &why);
		if (status != SNNFIT_OK) {
			failed++;
			ck_assert_int_eq(status, SNNFIT_EIO);
			ck_assert_ptr_eq(graph, before);
			ck_assert_uint_eq(result.step_count, 0);
			MUST(graph_print(graph, &text[1], err));
			ck_assert_str_eq(text[0].chars, text[1].chars);
		}
		fit_result_free(&result);
		text_free(&text[0]);
		text_free(&text[1]);
		graph_free(graph);
	}
	ck_assert_int_gt(failed, 10);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fit");
	TCase *rule = tcase_create("rule"), *skips = tcase_create("skips");
	TCase *accuracy = tcase_create("accuracy"), *result = tcase_create("result");

	tcase_add_test(rule, what_fits_is_left_as_it_is);
	tcase_add_test(rule, bitstreams_are_halved_down_to_the_minimum);
	tcase_add_test(rule, the_last_halving_stops_at_the_minimum);
	tcase_add_test(rule, without_bitstreams_to_halve_it_prunes_and_quantizes);
	tcase_add_test(rule, at_the_minimum_length_it_prunes_and_quantizes_too);
	tcase_add_test(rule, fit_is_tested_after_each_step);
	tcase_add_test(rule, bits_end_at_four);
	tcase_add_test(rule, iterations_are_limited);
	suite_add_tcase(suite, rule);
	tcase_add_test(skips, a_rung_that_helps_nothing_is_skipped_and_not_counted);
	tcase_add_test(skips, the_ladder_ends_when_no_rung_can_act);
	tcase_add_test(skips, a_layer_is_never_pruned_to_nothing);
	tcase_add_test(skips, thresholds_below_every_weight_are_skipped);
	tcase_add_test(skips, weights_that_cannot_be_written_end_the_ladder);
	suite_add_tcase(suite, skips);
	tcase_add_test(accuracy, pruning_ends_at_the_limit_and_quantizing_goes_on);
	tcase_add_test(accuracy, quantizing_ends_at_the_limit_and_pruning_goes_on);
	tcase_add_test(accuracy, without_a_limit_every_step_is_measured_and_taken);
	tcase_add_test(accuracy, a_halving_has_no_accuracy);
	tcase_add_loop_test(accuracy, a_measurement_that_fails_leaves_the_model_as_it_was, 1, 5);
	suite_add_tcase(suite, accuracy);
	tcase_add_test(result, the_closest_model_is_returned);
	tcase_add_test(result, an_observer_sees_every_step);
	tcase_add_test(result, a_failure_leaves_the_model_as_it_was);
	suite_add_tcase(suite, result);
	return run_suite(suite);
}
