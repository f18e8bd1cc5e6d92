/* test_api.c - the library as its users see it: through the public header only. */
#include "tests/unit/api_cases.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* --- a small network --------------------------------------------------------- */

enum { INPUTS = 6, HIDDEN = 4, OUTPUTS = 3 };

/* [INPUTS][HIDDEN]: neurons 1 and 3 have the same weights */
static const float hidden_weights[INPUTS * HIDDEN] = {
	0.5f, 0.2f, -0.3f, 0.2f, 0.1f,	0.7f, 0.4f, 0.7f, -0.6f, 0.3f, 0.9f, 0.3f,
	0.2f, 0.1f, 0.8f,  0.1f, -0.4f, 0.6f, 0.5f, 0.6f, 0.3f,	 0.4f, 0.1f, 0.4f,
};
static const float output_weights[HIDDEN * OUTPUTS] = {
	1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f, 9.0f, 10.0f, 11.0f, 12.0f,
};
static const float hidden_rates[HIDDEN] = { 0.0f, 0.3f, 0.2f, 0.3f };
static const float hidden_bias[HIDDEN] = { 0.05f, 0.1f, 0.15f, 0.1f };

static const snnfit_layer small_layers[] = {
	{ "hidden", INPUTS, HIDDEN, hidden_weights, hidden_rates, hidden_bias, NULL },
	{ "output", HIDDEN, OUTPUTS, output_weights, NULL, NULL, NULL },
};

static snnfit_model *
small_model(void)
{
	snnfit_model *model;
	snnfit_error err;

	ck_assert_int_eq(snnfit_model_from_layers(&model, small_layers, 2, &err), SNNFIT_OK);
	return model;
}

/* --- made of arrays, and read back --------------------------------------------- */

START_TEST(arrays_come_back_as_they_went_in)
{
	snnfit_model *model = small_model();
	float weights[INPUTS * HIDDEN], bias[HIDDEN], rates[HIDDEN];
	uint32_t origin[HIDDEN];
	snnfit_layer_info info;
	snnfit_error err;
	size_t count;

	ck_assert_int_eq(snnfit_model_layer_count(model, &count, &err), SNNFIT_OK);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(snnfit_model_layer(model, 0, &info, &err), SNNFIT_OK);
	ck_assert_str_eq(info.name, "hidden");
	ck_assert_str_eq(info.kind, "spiking");
	ck_assert_uint_eq(info.n_inputs, INPUTS);
	ck_assert_uint_eq(info.n_neurons, HIDDEN);
	ck_assert_int_eq(info.has_bias, 1);
	ck_assert_ptr_null(info.frozen);
	ck_assert_int_eq(snnfit_model_layer_read(model, 0, weights, bias, rates, origin, &err),
			 SNNFIT_OK);
	ck_assert_mem_eq(weights, hidden_weights, sizeof weights);
	ck_assert_mem_eq(bias, hidden_bias, sizeof bias);
	ck_assert_mem_eq(rates, hidden_rates, sizeof rates);
	for (uint32_t i = 0; i < HIDDEN; i++)
		ck_assert_uint_eq(origin[i], i);
	snnfit_model_free(model);
}
END_TEST

START_TEST(the_last_layer_is_frozen_and_has_no_rates)
{
	snnfit_model *model = small_model();
	snnfit_layer_info info;
	float rates[OUTPUTS];
	snnfit_error err;

	ck_assert_int_eq(snnfit_model_layer(model, 1, &info, &err), SNNFIT_OK);
	ck_assert_ptr_nonnull(info.frozen);
	ck_assert_int_eq(info.has_rates, 0);
	ck_assert_int_eq(info.has_bias, 0);
	ck_assert_int_eq(snnfit_model_layer_read(model, 1, NULL, NULL, rates, NULL, &err),
			 SNNFIT_OK);
	ck_assert(isnan(rates[0]) && isnan(rates[2]));
	ck_assert_int_eq(snnfit_model_layer(model, 2, &info, &err), SNNFIT_EUSAGE);
	ck_assert_ptr_nonnull(strstr(err.text, "2"));
	snnfit_model_free(model);
}
END_TEST

START_TEST(neurons_of_every_kind_can_be_made)
{
	static const float decays[HIDDEN] = { 0.5f, 0.6f, 0.7f, 0.8f };
	snnfit_layer layers[2] = { small_layers[0], small_layers[1] };
	snnfit_neuron set, readout;
	snnfit_report *report;
	snnfit_model *model;
	snnfit_error err;
	const char *json;

	snnfit_neuron_init(&set);
	set.reset = SNNFIT_RESET_SET;
	set.reset_value = -0.25;
	set.decays = decays;
	set.late = 1;
	set.greater_equal = 1;
	snnfit_neuron_init(&readout);
	readout.readout = 1;
	readout.decay = 1.0;
	layers[0].neuron = &set;
	layers[1].neuron = &readout;
	ck_assert_int_eq(snnfit_model_from_layers(&model, layers, 2, &err), SNNFIT_OK);
	ck_assert_int_eq(snnfit_inspect(model, &report, &err), SNNFIT_OK);
	json = snnfit_report_json(report);
	ck_assert_ptr_nonnull(strstr(json, "\"decay\":[0.5,0.6"));
	ck_assert_ptr_nonnull(strstr(json, "\"reset\":\"set\",\"reset_value\":-0.25,"
					   "\"reset_timing\":\"late\""));
	ck_assert_ptr_nonnull(strstr(json, "\"comparison\":\">=\""));
	ck_assert_ptr_nonnull(strstr(json, "\"kind\":\"readout\""));
	snnfit_report_free(report);
	snnfit_model_free(model);
}
END_TEST

static void
refuses(const snnfit_layer *layers, size_t count, const char *words)
{
	snnfit_model *model = (snnfit_model *)&count;
	snnfit_error err = { SNNFIT_OK, "" };

	ck_assert_int_eq(snnfit_model_from_layers(&model, layers, count, &err), SNNFIT_EUSAGE);
	ck_assert_ptr_null(model);
	ck_assert_int_eq(err.status, SNNFIT_EUSAGE);
	ck_assert_msg(strstr(err.text, words) != NULL, "'%s' lacks '%s'", err.text, words);
}

START_TEST(layers_that_can_not_be_are_refused)
{
	static const float nan_weights[HIDDEN * OUTPUTS] = { [5] = NAN };
	static const float negative[HIDDEN] = { [2] = -0.5f };
	snnfit_layer layers[2] = { small_layers[0], small_layers[1] };
	snnfit_neuron neuron;

	refuses(layers, 0, "no layers");
	layers[1].n_inputs = 5;
	refuses(layers, 2, "'output'");
	layers[1] = small_layers[1];
	layers[1].weights = nan_weights;
	refuses(layers, 2, "not finite");
	layers[1] = small_layers[1];
	layers[1].name = "hidden";
	refuses(layers, 2, "name of another layer");
	layers[1].name = "";
	refuses(layers, 2, "no name");
	layers[1] = small_layers[1];
	layers[0].firing_rates = negative;
	refuses(layers, 2, "firing rate");
	layers[0] = small_layers[0];
	layers[0].n_neurons = 0;
	refuses(layers, 1, "no inputs, neurons or weights");
	layers[0] = small_layers[0];
	snnfit_neuron_init(&neuron);
	neuron.threshold = INFINITY;
	layers[0].neuron = &neuron;
	refuses(layers, 2, "neuron parameter");
	snnfit_neuron_init(&neuron);
	neuron.reset = (snnfit_reset)7;
	refuses(layers, 2, "reset");
}
END_TEST

/* --- passes -------------------------------------------------------------------------- */

START_TEST(passes_cut_rows_columns_and_rates)
{
	snnfit_model *model = small_model();
	float weights[INPUTS * HIDDEN], outgoing[HIDDEN * OUTPUTS], rates[HIDDEN];
	uint32_t origin[HIDDEN];
	snnfit_figures figures;
	snnfit_report *report;
	snnfit_layer_info info;
	snnfit_error err;

	ck_assert_int_eq(snnfit_optimize(model, NULL, &report, &err), SNNFIT_OK);
	snnfit_report_figures(report, &figures, sizeof figures);
	ck_assert_uint_eq(figures.dead_neurons_removed, 1);
	ck_assert_uint_eq(figures.redundant_pairs_merged, 1);
	ck_assert_uint_eq(figures.parameters_before, 6 * 4 + 4 + 4 * 3);
	ck_assert_uint_eq(figures.parameters_after, 6 * 2 + 2 + 2 * 3);
	ck_assert_int_eq(figures.fits, -1);
	ck_assert(isnan(figures.final_luts) && isnan(figures.target_luts));
	ck_assert_ptr_null(figures.target);
	ck_assert_int_eq(snnfit_model_layer(model, 0, &info, &err), SNNFIT_OK);
	ck_assert_uint_eq(info.n_neurons, 2);
	ck_assert_uint_eq(info.n_neurons_before, HIDDEN);
	ck_assert_int_eq(snnfit_model_layer_read(model, 0, weights, NULL, rates, origin, &err),
			 SNNFIT_OK);
	ck_assert_uint_eq(origin[0], 1);
	ck_assert_uint_eq(origin[1], 2);
	ck_assert_float_eq(weights[0], 0.2f); /* input 0 of neuron 1 */
	ck_assert_float_eq(weights[1], -0.3f);
	ck_assert_float_eq(rates[1], 0.2f);
	ck_assert_int_eq(snnfit_model_layer_read(model, 1, outgoing, NULL, NULL, NULL, &err),
			 SNNFIT_OK);
	ck_assert_float_eq(outgoing[0], 4.0f + 10.0f); /* neurons 1 and 3 */
	ck_assert_float_eq(outgoing[OUTPUTS], 7.0f);
	snnfit_report_free(report);
	snnfit_model_free(model);
}
END_TEST

START_TEST(only_the_passes_named_run)
{
	snnfit_model *model = small_model();
	snnfit_options options = options_for("redundancy_elimination");
	snnfit_figures figures;
	snnfit_report *report;
	snnfit_error err;

	ck_assert_int_eq(snnfit_optimize(model, &options, &report, &err), SNNFIT_OK);
	snnfit_report_figures(report, &figures, sizeof figures);
	ck_assert_uint_eq(figures.dead_neurons_removed, 0);
	ck_assert_uint_eq(figures.redundant_pairs_merged, 1);
	ck_assert_ptr_null(strstr(snnfit_report_json(report), "dead_neuron_elimination"));
	snnfit_report_free(report);
	snnfit_model_free(model);
}
END_TEST

START_TEST(a_failure_leaves_the_model_as_it_was)
{
	snnfit_model *model = small_model();
	snnfit_options options = options_for("dead_neuron_elimination,magic");
	snnfit_report *report = (snnfit_report *)&options;
	char *before, *after;
	snnfit_error err;

	ck_assert_int_eq(snnfit_model_text(model, &before, &err), SNNFIT_OK);
	ck_assert_int_eq(snnfit_optimize(model, &options, &report, &err), SNNFIT_EUSAGE);
	ck_assert_ptr_null(report);
	ck_assert_ptr_nonnull(strstr(err.text, "magic"));
	ck_assert_ptr_nonnull(strstr(err.text, "layer_fusion"));
	options = options_for(NULL);
	options.target = "abacus";
	ck_assert_int_eq(snnfit_fit(model, &options, &report, &err), SNNFIT_EUSAGE);
	ck_assert_ptr_null(report);
	ck_assert_ptr_nonnull(strstr(err.text, "abacus"));
	ck_assert_int_eq(snnfit_model_text(model, &after, &err), SNNFIT_OK);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	snnfit_model_free(model);
}
END_TEST

/* --- options -------------------------------------------------------------------------- */

static void
refuses_options(const snnfit_options *options, const char *words)
{
	snnfit_model *model = small_model();
	snnfit_error err;

	ck_assert_int_eq(snnfit_optimize(model, options, NULL, &err), SNNFIT_EUSAGE);
	ck_assert_msg(strstr(err.text, words) != NULL, "'%s' lacks '%s'", err.text, words);
	snnfit_model_free(model);
}

START_TEST(options_out_of_range_are_refused)
{
	snnfit_options options = options_for(NULL);

	options.dead_below = -1;
	refuses_options(&options, "--dead-below -1");
	options = options_for(NULL);
	options.redundancy_cosine = NAN;
	refuses_options(&options, "cosine");
	options = options_for(NULL);
	options.quantize_bits = 17;
	refuses_options(&options, "17");
	options = options_for(NULL);
	options.weight_bits = 1;
	refuses_options(&options, "--weight-bits 1");
	options = options_for(NULL);
	options.lanes = 0;
	refuses_options(&options, "lanes");
	options = options_for(NULL);
	options.bitstream_length = 0;
	refuses_options(&options, "bitstream");
	options = options_for(NULL);
	options.architecture = "quantum";
	refuses_options(&options, "quantum");
	options = options_for(NULL);
	options.input_range_known = 1;
	options.input_low = 2;
	refuses_options(&options, "--input-range");
	options = options_for(NULL);
	options.target = "ecp5";
	options.target_luts = 10;
	refuses_options(&options, "budget");
	options = options_for(NULL);
	options.family = "ecp5";
	refuses_options(&options, "target");
	options.size = 0;
	refuses_options(&options, "init");
}
END_TEST

/* A program built against an older header knows fewer members. */
START_TEST(a_shorter_structure_is_filled_up_with_defaults)
{
	size_t known = offsetof(snnfit_options, redundancy_cosine);
	snnfit_model *model = small_model();
	snnfit_options options;
	snnfit_figures figures;
	snnfit_report *report;
	snnfit_error err;

	memset(&options, 0xff, sizeof options);
	snnfit_options_init(&options, known);
	options.dead_below = 0.25;
	ck_assert_int_eq(snnfit_optimize(model, &options, &report, &err), SNNFIT_OK);
	memset(&figures, 0, sizeof figures);
	figures.step_count = 77;
	snnfit_report_figures(report, &figures, offsetof(snnfit_figures, step_count));
	ck_assert_uint_eq(figures.dead_neurons_removed, 2);
	ck_assert_uint_eq(figures.redundant_pairs_merged, 1);
	ck_assert_uint_eq(figures.step_count, 77);
	snnfit_report_free(report);
	snnfit_model_free(model);
}
END_TEST

/* --- estimate and fit --------------------------------------------------------------------- */

START_TEST(an_estimate_needs_a_target_and_changes_nothing)
{
	snnfit_model *model = example_model(EXAMPLE_RATES);
	snnfit_options options = options_for(NULL);
	snnfit_figures figures;
	snnfit_report *report;
	char *before, *after;
	snnfit_error err;

	ck_assert_int_eq(snnfit_estimate(model, &options, &report, &err), SNNFIT_EUSAGE);
	ck_assert_ptr_nonnull(strstr(err.text, "target"));
	ck_assert_int_eq(snnfit_model_text(model, &before, &err), SNNFIT_OK);
	options.target = "ecp5-25k";
	options.architecture = "event";
	ck_assert_int_eq(snnfit_estimate(model, &options, &report, &err), SNNFIT_OK);
	snnfit_report_figures(report, &figures, sizeof figures);
	ck_assert_int_eq(figures.fits, 0);
	ck_assert_str_eq(figures.target, "ecp5-25k");
	ck_assert_str_eq(figures.architecture, "event");
	ck_assert_uint_eq(figures.bitstream_length, 0);
	ck_assert(figures.final_luts > 0 && figures.target_luts > figures.final_luts);
	ck_assert_double_eq_tol(figures.utilization_pct,
				100 * figures.final_luts / figures.target_luts, 1e-6);
	ck_assert_ptr_nonnull(strstr(snnfit_report_text(report), "BRAM blocks are over by"));
	ck_assert_int_eq(snnfit_model_text(model, &after, &err), SNNFIT_OK);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	snnfit_report_free(report);
	snnfit_model_free(model);
}
END_TEST

START_TEST(a_fit_reports_its_steps)
{
	snnfit_model *model = example_model(EXAMPLE_RATES);
	snnfit_options options = options_for(NULL);
	snnfit_figures figures;
	snnfit_report *report;
	snnfit_error err;
	snnfit_step step;

	options.target = "ecp5-25k";
	options.architecture = "event";
	ck_assert_int_eq(snnfit_fit(model, &options, &report, &err), SNNFIT_OK);
	snnfit_report_figures(report, &figures, sizeof figures);
	ck_assert_int_eq(figures.fits, 1);
	ck_assert_uint_ge(figures.step_count, 1);
	ck_assert_uint_ge(figures.iterations, 1);
	ck_assert_uint_eq(figures.dead_neurons_removed, 23);
	ck_assert_int_eq(snnfit_report_step(report, 0, &step), 1);
	ck_assert_str_eq(step.action, "quantize to 14 bits");
	ck_assert_uint_eq(step.weight_bits, 14);
	ck_assert(step.lut_before > 0);
	ck_assert_int_eq(snnfit_report_step(report, figures.step_count, &step), 0);
	ck_assert_ptr_null(step.action);
	ck_assert_ptr_nonnull(strstr(snnfit_report_text(report), "YES"));
	ck_assert_ptr_nonnull(strstr(snnfit_report_html(report), "</html>"));
	ck_assert_ptr_nonnull(snnfit_report_note(report, 0));
	ck_assert_ptr_null(snnfit_report_note(report, 99));
	snnfit_report_free(report);
	snnfit_model_free(model);
}
END_TEST

START_TEST(a_miss_is_no_error_and_keeps_the_closest_model)
{
	snnfit_model *model = small_model();
	snnfit_options options = options_for(NULL);
	snnfit_figures figures;
	snnfit_report *report;
	snnfit_error err;

	options.target_luts = 5;
	ck_assert_int_eq(snnfit_fit(model, &options, &report, &err), SNNFIT_OK);
	snnfit_report_figures(report, &figures, sizeof figures);
	ck_assert_int_eq(figures.fits, 0);
	ck_assert_double_eq(figures.target_luts, 5);
	ck_assert(figures.utilization_pct > 100);
	ck_assert_ptr_nonnull(strstr(snnfit_report_text(report), "LUTs are over by"));
	ck_assert_ptr_nonnull(strstr(snnfit_report_text(report), "what to try"));
	snnfit_report_free(report);
	snnfit_model_free(model);
}
END_TEST

START_TEST(a_miss_comes_closer_even_when_there_is_none_of_a_resource)
{
	snnfit_model *model = example_model(EXAMPLE_RATES);
	snnfit_options options = options_for(NULL);
	snnfit_report *report;
	snnfit_error err;

	options.architecture = "event";
	options.target_bram = 0;
	ck_assert_int_eq(snnfit_fit(model, &options, &report, &err), SNNFIT_OK);
	ck_assert_ptr_nonnull(strstr(snnfit_report_json(report), "\"weight_bits\":4"));
	ck_assert_ptr_null(strstr(snnfit_report_text(report), "none of them came closer"));
	snnfit_report_free(report);
	snnfit_model_free(model);
}
END_TEST

START_TEST(auto_takes_an_architecture_that_fits)
{
	static const char *const every[] = { "sc", "parallel", "event", "sparse" };
	snnfit_options options = options_for(NULL);
	snnfit_figures chosen, other;
	snnfit_report *report;
	snnfit_model *model = example_model(EXAMPLE_RATES);
	snnfit_error err;

	options.target = "ice40-hx8k";
	ck_assert_int_eq(snnfit_fit(model, &options, &report, &err), SNNFIT_OK);
	snnfit_report_figures(report, &chosen, sizeof chosen);
	ck_assert_int_eq(chosen.fits, 1);
	snnfit_model_free(model);
	for (size_t i = 0; i < 4; i++) {
		snnfit_report *alone;

		model = example_model(EXAMPLE_RATES);
		options.architecture = every[i];
		ck_assert_int_eq(snnfit_fit(model, &options, &alone, &err), SNNFIT_OK);
		snnfit_report_figures(alone, &other, sizeof other);
		ck_assert(!other.fits || other.iterations >= chosen.iterations);
		snnfit_report_free(alone);
		snnfit_model_free(model);
	}
	snnfit_report_free(report);
}
END_TEST

/* --- watching ------------------------------------------------------------------------------ */

struct seen {
	unsigned count;
	char actions[32][64];
	size_t lengths[32]; /* of the model as ONNX */
	snnfit_status answer;
};

static snnfit_status
watch(void *context, const char *action, snnfit_model *snapshot, snnfit_error *err)
{
	struct seen *seen = context;
	void *bytes;
	snnfit_status status;

	ck_assert_uint_lt(seen->count, 32);
	(void)strncpy(seen->actions[seen->count], action, 63);
	status = snnfit_model_write_bytes(snapshot, &bytes, &seen->lengths[seen->count], err);
	ck_assert_int_eq(status, SNNFIT_OK);
	free(bytes);
	seen->count++;
	return seen->answer;
}

START_TEST(an_observer_sees_every_pass_and_step)
{
	struct seen seen = { .answer = SNNFIT_OK };
	snnfit_model *model = example_model(EXAMPLE_RATES);
	snnfit_options options = options_for(NULL);
	snnfit_figures figures;
	snnfit_report *report;
	snnfit_error err;

	options.target = "ecp5-25k";
	options.architecture = "event";
	options.observer = watch;
	options.observer_context = &seen;
	ck_assert_int_eq(snnfit_fit(model, &options, &report, &err), SNNFIT_OK);
	snnfit_report_figures(report, &figures, sizeof figures);
	ck_assert_uint_eq(seen.count, 1 + figures.step_count);
	ck_assert_str_eq(seen.actions[0], "dead_neuron_elimination");
	ck_assert_str_eq(seen.actions[1], "quantize to 14 bits");
	ck_assert_uint_lt(seen.lengths[1], seen.lengths[0]);
	snnfit_report_free(report);
	snnfit_model_free(model);
}
END_TEST

START_TEST(an_observer_can_stop_it)
{
	struct seen seen = { .answer = SNNFIT_EIO };
	snnfit_model *model = small_model();
	snnfit_options options = options_for(NULL);
	snnfit_layer_info info;
	snnfit_error err;

	options.observer = watch;
	options.observer_context = &seen;
	ck_assert_int_eq(snnfit_optimize(model, &options, NULL, &err), SNNFIT_EIO);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_int_eq(snnfit_model_layer(model, 0, &info, &err), SNNFIT_OK);
	ck_assert_uint_eq(info.n_neurons, HIDDEN);
	snnfit_model_free(model);
}
END_TEST

/* --- in and out ------------------------------------------------------------------------------ */

static snnfit_model *
written_and_read(snnfit_model *model)
{
	snnfit_model *again;
	snnfit_error err;
	size_t length;
	void *bytes;

	ck_assert_int_eq(snnfit_model_write_bytes(model, &bytes, &length, &err), SNNFIT_OK);
	ck_assert_int_eq(snnfit_model_read_bytes(&again, bytes, length, NULL, &err), SNNFIT_OK);
	free(bytes);
	return again;
}

START_TEST(what_is_made_of_arrays_is_read_back_from_onnx)
{
	snnfit_model *model = small_model(), *again = written_and_read(model);
	float weights[INPUTS * HIDDEN], bias[HIDDEN], rates[HIDDEN];
	snnfit_layer_info info;
	snnfit_error err;
	size_t count;

	ck_assert_int_eq(snnfit_model_layer_count(again, &count, &err), SNNFIT_OK);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(snnfit_model_layer(again, 0, &info, &err), SNNFIT_OK);
	ck_assert_str_eq(info.name, "hidden");
	ck_assert_int_eq(snnfit_model_layer_read(again, 0, weights, bias, rates, NULL, &err),
			 SNNFIT_OK);
	ck_assert_mem_eq(weights, hidden_weights, sizeof weights);
	ck_assert_mem_eq(bias, hidden_bias, sizeof bias);
	ck_assert_mem_eq(rates, hidden_rates, sizeof rates);
	snnfit_model_free(again);
	snnfit_model_free(model);
}
END_TEST

START_TEST(the_report_travels_with_the_model)
{
	snnfit_model *model = example_model(EXAMPLE_RATES), *again;
	snnfit_report *report, *stored;
	snnfit_error err;

	ck_assert_int_eq(snnfit_model_report(model, &stored, &err), SNNFIT_EDATA);
	ck_assert_ptr_null(stored);
	ck_assert_int_eq(snnfit_optimize(model, NULL, &report, &err), SNNFIT_OK);
	again = written_and_read(model);
	ck_assert_int_eq(snnfit_model_report(again, &stored, &err), SNNFIT_OK);
	ck_assert_str_eq(snnfit_report_json(stored), snnfit_report_json(report));
	ck_assert_str_eq(snnfit_report_text(stored), snnfit_report_text(report));
	snnfit_report_free(stored);
	snnfit_report_free(report);
	snnfit_model_free(again);
	snnfit_model_free(model);
}
END_TEST

START_TEST(annotated_rates_travel_with_the_model)
{
	snnfit_model *model = example_model(EXAMPLE_RATES), *again;
	float rates[256], found[256];
	snnfit_error err;

	ck_assert_int_eq(snnfit_annotate(model, &err), SNNFIT_OK);
	again = written_and_read(model);
	ck_assert_int_eq(snnfit_model_layer_read(model, 0, NULL, NULL, rates, NULL, &err),
			 SNNFIT_OK);
	ck_assert_int_eq(snnfit_model_layer_read(again, 0, NULL, NULL, found, NULL, &err),
			 SNNFIT_OK);
	ck_assert_mem_eq(rates, found, sizeof rates);
	snnfit_model_free(again);
	snnfit_model_free(model);
	ck_assert_int_eq(snnfit_model_read(&model, EXAMPLE, NULL, &err), SNNFIT_OK);
	ck_assert_int_eq(snnfit_annotate(model, &err), SNNFIT_EDATA);
	snnfit_model_free(model);
}
END_TEST

START_TEST(no_passes_leave_the_bytes_alone)
{
	snnfit_options options = options_for("none");
	snnfit_model *model = example_model(EXAMPLE_RATES);
	void *before, *after;
	size_t length, same;
	snnfit_error err;

	ck_assert_int_eq(snnfit_model_write_bytes(model, &before, &length, &err), SNNFIT_OK);
	ck_assert_int_eq(snnfit_optimize(model, &options, NULL, &err), SNNFIT_OK);
	options.target = "ecp5";
	ck_assert_int_eq(snnfit_optimize(model, &options, NULL, &err), SNNFIT_OK);
	ck_assert_int_eq(snnfit_model_write_bytes(model, &after, &same, &err), SNNFIT_OK);
	ck_assert_uint_eq(length, same);
	ck_assert_mem_eq(before, after, length);
	free(before);
	free(after);
	snnfit_model_free(model);
}
END_TEST

START_TEST(what_can_not_be_read_says_why)
{
	snnfit_model *model = (snnfit_model *)&model;
	snnfit_read_options options;
	snnfit_error err;

	ck_assert_int_eq(snnfit_model_read(&model, "no/such.onnx", NULL, &err), SNNFIT_EIO);
	ck_assert_ptr_null(model);
	ck_assert_int_eq(snnfit_model_read_bytes(&model, "hello", 5, NULL, &err), SNNFIT_EFORMAT);
	ck_assert_ptr_null(model);
	snnfit_read_options_init(&options, sizeof options);
	options.limits.messages = 3;
	ck_assert_int_eq(snnfit_model_read(&model, EXAMPLE, &options, &err), SNNFIT_ELIMIT);
	options.size = 1;
	ck_assert_int_eq(snnfit_model_read(&model, EXAMPLE, &options, &err), SNNFIT_EUSAGE);
	snnfit_read_options_init(&options, sizeof options);
	options.rates = "no/such.npz";
	ck_assert_int_eq(snnfit_model_read(&model, EXAMPLE, &options, &err), SNNFIT_OK);
	ck_assert_int_eq(snnfit_optimize(model, NULL, NULL, &err), SNNFIT_EIO);
	snnfit_model_free(model);
}
END_TEST

/* --- tables ---------------------------------------------------------------------------------- */

START_TEST(passes_and_targets_are_listed)
{
	snnfit_target target;
	snnfit_report *report;
	snnfit_pass pass;
	snnfit_error err;
	size_t passes = 0, defaults = 0, targets = 0;

	for (; snnfit_pass_at(passes, &pass); passes++) {
		ck_assert_uint_gt(strlen(pass.help), 0);
		defaults += pass.by_default != 0;
	}
	ck_assert_uint_eq(passes, 8);
	ck_assert_uint_eq(defaults, 5);
	ck_assert_ptr_null(pass.name);
	ck_assert_int_eq(snnfit_targets(&report, &err), SNNFIT_OK);
	for (; snnfit_target_at(targets, &target); targets++) {
		ck_assert_uint_gt(target.luts, 0);
		ck_assert_ptr_nonnull(strstr(snnfit_report_json(report), target.name));
		ck_assert_ptr_nonnull(strstr(snnfit_report_text(report), target.name));
	}
	ck_assert_uint_ge(targets, 12);
	ck_assert_str_eq(snnfit_version(), SNNFIT_VERSION);
	snnfit_report_free(report);
}
END_TEST

static TCase *
arrays_case(void)
{
	TCase *tests = tcase_create("arrays");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, arrays_come_back_as_they_went_in);
	tcase_add_test(tests, the_last_layer_is_frozen_and_has_no_rates);
	tcase_add_test(tests, neurons_of_every_kind_can_be_made);
	tcase_add_test(tests, layers_that_can_not_be_are_refused);
	return tests;
}

static TCase *
work_case(void)
{
	TCase *tests = tcase_create("work");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, passes_cut_rows_columns_and_rates);
	tcase_add_test(tests, only_the_passes_named_run);
	tcase_add_test(tests, a_failure_leaves_the_model_as_it_was);
	tcase_add_test(tests, options_out_of_range_are_refused);
	tcase_add_test(tests, a_shorter_structure_is_filled_up_with_defaults);
	tcase_add_test(tests, an_estimate_needs_a_target_and_changes_nothing);
	tcase_add_test(tests, a_fit_reports_its_steps);
	tcase_add_test(tests, a_miss_is_no_error_and_keeps_the_closest_model);
	tcase_add_test(tests, a_miss_comes_closer_even_when_there_is_none_of_a_resource);
	tcase_add_test(tests, auto_takes_an_architecture_that_fits);
	tcase_add_test(tests, an_observer_sees_every_pass_and_step);
	tcase_add_test(tests, an_observer_can_stop_it);
	return tests;
}

static TCase *
files_case(void)
{
	TCase *tests = tcase_create("files");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_is_made_of_arrays_is_read_back_from_onnx);
	tcase_add_test(tests, the_report_travels_with_the_model);
	tcase_add_test(tests, annotated_rates_travel_with_the_model);
	tcase_add_test(tests, no_passes_leave_the_bytes_alone);
	tcase_add_test(tests, what_can_not_be_read_says_why);
	tcase_add_test(tests, passes_and_targets_are_listed);
	return tests;
}

int
main(void)
{
	Suite *suite = suite_create("api");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, arrays_case());
	suite_add_tcase(suite, work_case());
	suite_add_tcase(suite, files_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
