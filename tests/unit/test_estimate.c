/* Whole networks on devices: totals, limits, and what makes a network fit. */
#include "estimator/estimate.h"

#include "estimator/network.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LAYERS 3

static const uint32_t sizes[LAYERS + 1] = { 784, 256, 64, 10 };
static const char *const names[LAYERS] = { "hidden1", "hidden2", "output" };

/* Reproducible numbers in (-1, 1); density of them is not zero. */
static float
draw(uint64_t *state, double density)
{
	double number;

	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	number = (double)(*state >> 40) / (1 << 24);
	return number < density ? (float)(2 * number / density - 1) : 0;
}

static void
set_columns(struct graph *graph, struct projection *projection, axis_id axis, uint32_t units)
{
	struct span *span = arena_zalloc(&graph->arena, 1, sizeof *span);

	ck_assert_ptr_nonnull(span);
	*span = (struct span){ axis, 1, units, 1, 0 };
	projection->columns = (struct dimension){ 1, span };
	projection->reads = axis == GRAPH_NONE ? READS_INPUT : READS_SPIKES;
}

static void
set_weights(struct projection *projection, uint32_t rows, uint32_t columns, double density)
{
	float *values = malloc(sizeof *values * rows * columns);
	uint64_t state = 5;
	snnfit_error err;

	ck_assert_ptr_nonnull(values);
	for (size_t i = 0; i < (size_t)rows * columns; i++)
		values[i] = draw(&state, density);
	ck_assert_int_eq(weights_from_values(&projection->weights, rows, columns, values, &err),
			 SNNFIT_OK);
	free(values);
}

static void
add_layer(struct graph *graph, int i, uint32_t units, axis_id from, uint32_t inputs, double density)
{
	axis_id axis = graph_add_axis(graph, units);
	population_id population = graph_add_population(graph, names[i], axis);
	projection_id projection = graph_add_projection(graph, population);

	ck_assert(axis != GRAPH_NONE && population != GRAPH_NONE && projection != GRAPH_NONE);
	graph->populations[population].kind = POPULATION_SPIKING;
	graph->populations[population].positions = 1;
	graph->projections[projection].kernel = 1;
	set_columns(graph, &graph->projections[projection], from, inputs);
	set_weights(&graph->projections[projection], units, inputs, density);
}

/* sizes[0] inputs, then LAYERS populations; hidden ones may be made smaller. */
static struct graph *
network(uint32_t hidden1, uint32_t hidden2, double density)
{
	struct graph *graph;
	snnfit_error err;

	ck_assert_int_eq(graph_new(&graph, &err), SNNFIT_OK);
	add_layer(graph, 0, hidden1, GRAPH_NONE, sizes[0], density);
	add_layer(graph, 1, hidden2, graph->populations[0].axis, hidden1, density);
	add_layer(graph, 2, sizes[3], graph->populations[1].axis, hidden2, density);
	return graph;
}

static void
quantize_all(struct graph *graph, uint32_t bits)
{
	for (size_t i = 0; i < graph->projection_count; i++) {
		struct projection *projection = &graph->projections[i];
		float *scale = arena_alloc(&graph->arena, 1, sizeof *scale);

		ck_assert_ptr_nonnull(scale);
		*scale = 1.0f / (float)((1 << (bits - 1)) - 1);
		projection->quantization = (struct quantization){ bits, false, scale };
	}
}

static struct estimate
estimate_on(const struct graph *graph, enum architecture architecture, const char *target)
{
	struct design design = DESIGN_DEFAULT;
	struct estimate result;
	struct device device;
	snnfit_error err;

	design.architecture = architecture;
	ck_assert_int_eq(device_load(target, &device, &err), SNNFIT_OK);
	ck_assert_msg(estimate(graph, &design, &device, &result, &err) == SNNFIT_OK, "%s",
		      err.text);
	return result;
}

static double
used_on(const struct graph *graph, enum architecture architecture, const char *target,
	enum resource resource)
{
	struct estimate result = estimate_on(graph, architecture, target);
	double used = result.cost.resources[resource].used;

	estimate_free(&result);
	return used;
}

START_TEST(event_on_ecp5_25k_needs_narrow_weights)
{
	struct graph *graph = network(256, 64, 1);
	struct estimate result = estimate_on(graph, ARCHITECTURE_EVENT, "ecp5-25k");
	const struct resource_use *bram = &result.cost.resources[RESOURCE_BRAM];

	ck_assert(!result.cost.fits);
	ck_assert(bram->used > 3 * bram->available && bram->available == 56);
	ck_assert_str_eq(bram->worst_layer, "hidden1");
	ck_assert_uint_eq(result.limit_count, 3);
	ck_assert_int_eq(result.limits[0].resource, RESOURCE_BRAM);
	ck_assert_str_eq(result.limits[0].layer, "hidden1");
	ck_assert(result.limits[0].available == 56 &&
		  result.limits[0].used >= result.limits[1].used &&
		  result.limits[1].used >= result.limits[2].used);
	estimate_free(&result);
	quantize_all(graph, 6);
	result = estimate_on(graph, ARCHITECTURE_EVENT, "ecp5-25k");
	ck_assert(!result.cost.fits);
	estimate_free(&result);
	quantize_all(graph, 4);
	result = estimate_on(graph, ARCHITECTURE_EVENT, "ecp5-25k");
	ck_assert(result.cost.fits);
	ck_assert_uint_eq(result.limit_count, 0);
	ck_assert(fabs(bram->used - 55) <= 1);
	estimate_free(&result);
	graph_free(graph);
}
END_TEST

START_TEST(zeros_shrink_sparse_and_not_event)
{
	struct graph *full = network(256, 64, 1), *thin = network(256, 64, 0.05);

	ck_assert(used_on(full, ARCHITECTURE_EVENT, "ecp5", RESOURCE_BRAM) ==
		  used_on(thin, ARCHITECTURE_EVENT, "ecp5", RESOURCE_BRAM));
	ck_assert(used_on(full, ARCHITECTURE_SPARSE, "ecp5", RESOURCE_BRAM) >
		  10 * used_on(thin, ARCHITECTURE_SPARSE, "ecp5", RESOURCE_BRAM));
	ck_assert(used_on(full, ARCHITECTURE_PARALLEL, "ecp5", RESOURCE_LUT) >
		  5 * used_on(thin, ARCHITECTURE_PARALLEL, "ecp5", RESOURCE_LUT));
	ck_assert(used_on(full, ARCHITECTURE_SC, "ecp5", RESOURCE_LUT) >
		  5 * used_on(thin, ARCHITECTURE_SC, "ecp5", RESOURCE_LUT));
	graph_free(full);
	graph_free(thin);
}
END_TEST

START_TEST(removed_units_cost_nothing)
{
	struct graph *before = network(256, 64, 0.5), *after = network(200, 50, 0.5);

	for (int a = 0; a < ARCHITECTURE_COUNT; a++) {
		enum architecture architecture = (enum architecture)a;
		enum resource resource = a >= ARCHITECTURE_EVENT ? RESOURCE_BRAM : RESOURCE_LUT;

		ck_assert(used_on(before, architecture, "artix7", resource) >
			  1.1 * used_on(after, architecture, "artix7", resource));
	}
	graph_free(before);
	graph_free(after);
}
END_TEST

START_TEST(totals_are_sums_of_layers)
{
	struct graph *graph = network(256, 64, 0.5);
	struct estimate result = estimate_on(graph, ARCHITECTURE_SPARSE, "ice40");

	ck_assert_uint_eq(result.layer_count, LAYERS);
	for (enum resource r = RESOURCE_LUT; r < RESOURCE_COUNT; r++) {
		double high = 0;

		for (size_t i = 0; i < result.layer_count; i++)
			high += result.layers[i].resources[r].high;
		ck_assert(fabs(high - result.cost.resources[r].high) < 1e-6);
	}
	for (size_t i = 0; i < result.layer_count; i++) {
		ck_assert_str_eq(result.layers[i].name, names[i]);
		ck_assert_uint_eq(result.layers[i].weight_bits, 16);
		ck_assert(result.layers[i].cycles.used <= result.cycles_per_step.used);
	}
	ck_assert(result.energy_nj_per_step.low > 0 &&
		  result.energy_nj_per_step.low < result.energy_nj_per_step.used &&
		  result.energy_nj_per_step.used < result.energy_nj_per_step.high);
	estimate_free(&result);
	graph_free(graph);
}
END_TEST

START_TEST(ice40_runs_out_of_logic_cells_others_of_luts)
{
	struct graph *graph = network(256, 64, 0.5);
	struct estimate ice40 = estimate_on(graph, ARCHITECTURE_PARALLEL, "ice40");
	struct estimate xc7 = estimate_on(graph, ARCHITECTURE_PARALLEL, "zynq");

	ck_assert(ice40.cost.resources[RESOURCE_LOGIC_CELLS].checked);
	ck_assert(!ice40.cost.resources[RESOURCE_LUT].checked);
	ck_assert(!ice40.cost.resources[RESOURCE_FF].checked);
	ck_assert(ice40.cost.resources[RESOURCE_LOGIC_CELLS].available == 7680 * 0.9);
	ck_assert_int_eq(ice40.limits[0].resource, RESOURCE_LOGIC_CELLS);
	ck_assert(!xc7.cost.resources[RESOURCE_LOGIC_CELLS].checked);
	ck_assert(xc7.cost.resources[RESOURCE_LUT].checked &&
		  xc7.cost.resources[RESOURCE_FF].checked);
	estimate_free(&ice40);
	estimate_free(&xc7);
	graph_free(graph);
}
END_TEST

/* high <= capacity x usable share, to the last block */
START_TEST(a_budget_is_met_exactly)
{
	struct graph *graph = network(256, 64, 1);
	struct design design = DESIGN_DEFAULT;
	struct estimate result = estimate_on(graph, ARCHITECTURE_EVENT, "ecp5");
	uint32_t blocks = (uint32_t)result.cost.resources[RESOURCE_BRAM].high;
	uint32_t luts = (uint32_t)ceil(result.cost.resources[RESOURCE_LUT].high);
	struct device device;
	struct cost cost;
	snnfit_error err;

	estimate_free(&result);
	for (uint32_t less = 0; less < 3; less++) {
		ck_assert_int_eq(device_budget("ecp5", luts - (less == 1), blocks - (less == 2),
					       DEVICE_UNLIMITED, &device, &err),
				 SNNFIT_OK);
		ck_assert_int_eq(estimate_cost(&device, graph, &design, &cost, &err), SNNFIT_OK);
		ck_assert_int_eq(cost.fits, less == 0);
	}
	graph_free(graph);
}
END_TEST

START_TEST(firing_rates_set_the_cycles)
{
	struct graph *graph = network(256, 64, 1);
	struct estimate before = estimate_on(graph, ARCHITECTURE_EVENT, "ecp5"), after;
	double rates[256];

	for (int i = 0; i < 256; i++)
		rates[i] = 0.25;
	graph->populations[0].rates = rates;
	after = estimate_on(graph, ARCHITECTURE_EVENT, "ecp5");
	/* hidden2: 64 inputs of 256 spike, each takes 64 updates and one clock */
	ck_assert(after.layers[1].cycles.used == 64 * 65 + 65);
	ck_assert(after.layers[1].cycles.high == 256 * 65 + 65);
	ck_assert(before.layers[1].cycles.used != after.layers[1].cycles.used);
	estimate_free(&before);
	estimate_free(&after);
	graph->populations[0].rates = NULL;
	graph_free(graph);
}
END_TEST

/* A bias is one more input; it costs weights, and logic where weights are logic. */
START_TEST(a_bias_is_an_input_that_always_spikes)
{
	struct graph *graph = network(32, 16, 0.5), *wider;
	double luts = used_on(graph, ARCHITECTURE_PARALLEL, "ecp5", RESOURCE_LUT), offset = 0.5;
	struct estimate result, like;

	graph->populations[1].neuron.offset = (struct parameter){ 1, &offset };
	ck_assert(used_on(graph, ARCHITECTURE_PARALLEL, "ecp5", RESOURCE_LUT) > luts);
	result = estimate_on(graph, ARCHITECTURE_EVENT, "ecp5");
	ck_assert(result.layers[1].cycles.high == 33 * 17 + 17);
	wider = network(33, 16, 0.5);
	like = estimate_on(wider, ARCHITECTURE_EVENT, "ecp5");
	for (enum resource r = RESOURCE_LUT; r < RESOURCE_COUNT; r++)
		ck_assert(result.layers[1].resources[r].used == like.layers[1].resources[r].used);
	estimate_free(&result);
	estimate_free(&like);
	graph_free(graph);
	graph_free(wider);
}
END_TEST

/* Two units of two inputs, one of a second projection that drives unit 1 only, and
 * a bias: side by side as codes. */
START_TEST(weights_become_codes)
{
	static const float float_weights[] = { 1, -0.6f, 0.25f, 0.5f }, quantized[] = { -0.75f };
	static const int32_t codes[] = { 7, -4, 0, 2, 4, 7, -6, 7 };
	struct graph *graph = network(2, 2, 1);
	struct projection *second;
	double offset[] = { 0.25, 0.5 };
	float scale = 0.125f;
	struct design design = { ARCHITECTURE_PARALLEL, 256, 1, 4 };
	struct network_layer made;
	snnfit_error err;

	graph->populations[1].neuron.offset = (struct parameter){ 2, offset };
	weights_release(graph->projections[1].weights);
	ck_assert_int_eq(
		weights_from_values(&graph->projections[1].weights, 2, 2, float_weights, &err),
		SNNFIT_OK);
	second = &graph->projections[graph_add_projection(graph, 1)];
	second->kernel = 1;
	second->partial = true;
	second->first_row = 1;
	second->quantization = (struct quantization){ 4, false, &scale };
	set_columns(graph, second, graph->populations[0].axis, 1);
	ck_assert_int_eq(weights_from_values(&second->weights, 1, 1, quantized, &err), SNNFIT_OK);
	ck_assert_int_eq(network_layer_make(graph, 1, &design, device_find("ecp5"), &made, &err),
			 SNNFIT_OK);
	ck_assert_uint_eq(made.layer.inputs, 4);
	ck_assert_uint_eq(made.layer.units, 2);
	ck_assert_uint_eq(made.layer.weight_bits, 4);
	for (int i = 0; i < 8; i++)
		ck_assert_msg(made.codes[i] == codes[i], "code %d: %d, not %d", i, made.codes[i],
			      codes[i]);
	ck_assert_uint_eq(made.layer.nonzero, 7);
	network_layer_free(&made);
	second->quantization.bits = 0;
	graph_free(graph);
}
END_TEST

/* The second projection drives units 1 and 2 of three, with a gain for each of its rows; the
 * first one does not reach them (gain 0), so a constant drive is in the second one's scale. */
START_TEST(gains_are_those_of_the_rows)
{
	static const int32_t bias_codes[] = { 7, 4, 2 };
	struct graph *graph = network(1, 3, 1);
	struct projection *second;
	double offset[] = { 7, 1, 1 }, first_gains[] = { 1, 0, 0 }, gains[] = { 2, 4 };
	float scale = 0.125f;
	struct design design = { ARCHITECTURE_PARALLEL, 256, 1, 4 };
	struct network_layer made;
	snnfit_error err;

	graph->populations[1].neuron.offset = (struct parameter){ 3, offset };
	graph->projections[1].gain = (struct parameter){ 3, first_gains };
	second = &graph->projections[graph_add_projection(graph, 1)];
	second->kernel = 1;
	second->partial = true;
	second->first_row = 1;
	second->gain = (struct parameter){ 2, gains };
	second->quantization = (struct quantization){ 4, false, &scale };
	set_columns(graph, second, graph->populations[0].axis, 1);
	set_weights(second, 2, 1, 1);
	ck_assert_int_eq(network_layer_make(graph, 1, &design, device_find("ecp5"), &made, &err),
			 SNNFIT_OK);
	ck_assert_uint_eq(made.layer.inputs, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(made.codes[3 * i + 2], bias_codes[i]);
	network_layer_free(&made);
	second->quantization.bits = 0;
	graph_free(graph);
}
END_TEST

START_TEST(a_readout_costs_less)
{
	struct graph *graph = network(32, 16, 0.5);
	double luts = used_on(graph, ARCHITECTURE_PARALLEL, "ecp5", RESOURCE_LUT);

	graph->populations[2].kind = POPULATION_READOUT;
	ck_assert(used_on(graph, ARCHITECTURE_PARALLEL, "ecp5", RESOURCE_LUT) < luts);
	graph_free(graph);
}
END_TEST

/* A cycle at work costs its LUTs and blocks, time costs the device's rest. */
START_TEST(energy_follows_work_and_time)
{
	struct graph *graph = network(256, 64, 1);
	struct estimate quiet = estimate_on(graph, ARCHITECTURE_EVENT, "ecp5"), busy;
	const struct device *device = device_find("ecp5");
	double rates[256], dynamic = 0, cycles;

	for (int i = 0; i < 256; i++)
		rates[i] = 0.5;
	graph->populations[0].rates = rates;
	busy = estimate_on(graph, ARCHITECTURE_EVENT, "ecp5");
	ck_assert(fabs(busy.layers[1].energy_nj / quiet.layers[1].energy_nj -
		       busy.layers[1].cycles.used / quiet.layers[1].cycles.used) < 1e-9);
	for (int i = 0; i < LAYERS; i++)
		dynamic += busy.layers[i].energy_nj;
	cycles = busy.cycles_per_step.used;
	ck_assert(dynamic > 0);
	ck_assert(fabs(busy.energy_nj_per_step.used - dynamic -
		       device->static_mw * cycles / device->clock_mhz) < 1e-6);
	estimate_free(&quiet);
	estimate_free(&busy);
	graph->populations[0].rates = NULL;
	graph_free(graph);
}
END_TEST

START_TEST(two_projections_are_one_layer)
{
	struct graph *graph = network(32, 16, 1);
	projection_id recurrent = graph_add_projection(graph, 1);
	struct estimate result;

	graph->projections[recurrent].kernel = 1;
	graph->projections[recurrent].delayed = true;
	set_columns(graph, &graph->projections[recurrent], graph->populations[1].axis, 16);
	set_weights(&graph->projections[recurrent], 16, 16, 1);
	result = estimate_on(graph, ARCHITECTURE_EVENT, "ecp5");
	ck_assert_uint_eq(result.layer_count, LAYERS);
	ck_assert(result.layers[1].cycles.high == 48 * 17 + 17);
	estimate_free(&result);
	graph->projections[recurrent].removed = true;
	graph->populations[2].removed = true;
	result = estimate_on(graph, ARCHITECTURE_EVENT, "ecp5");
	ck_assert_uint_eq(result.layer_count, 2);
	ck_assert(result.layers[1].cycles.high == 32 * 17 + 17);
	estimate_free(&result);
	graph_free(graph);
}
END_TEST

START_TEST(impossible_widths_name_the_layer)
{
	struct graph *graph = network(32, 16, 1);
	struct design design = DESIGN_DEFAULT;
	struct estimate result;
	struct device device;
	snnfit_error err;

	ck_assert_int_eq(device_load("ecp5", &device, &err), SNNFIT_OK);
	design.float_bits = 32;
	ck_assert_int_eq(estimate(graph, &design, &device, &result, &err), SNNFIT_EUSAGE);
	ck_assert_ptr_nonnull(strstr(err.text, "hidden1"));
	ck_assert_ptr_nonnull(strstr(err.text, "32 bits"));
	graph_free(graph);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("estimate");
	TCase *tests = tcase_create("network");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, event_on_ecp5_25k_needs_narrow_weights);
	tcase_add_test(tests, zeros_shrink_sparse_and_not_event);
	tcase_add_test(tests, removed_units_cost_nothing);
	tcase_add_test(tests, totals_are_sums_of_layers);
	tcase_add_test(tests, ice40_runs_out_of_logic_cells_others_of_luts);
	tcase_add_test(tests, a_budget_is_met_exactly);
	tcase_add_test(tests, firing_rates_set_the_cycles);
	tcase_add_test(tests, a_bias_is_an_input_that_always_spikes);
	tcase_add_test(tests, weights_become_codes);
	tcase_add_test(tests, gains_are_those_of_the_rows);
	tcase_add_test(tests, a_readout_costs_less);
	tcase_add_test(tests, energy_follows_work_and_time);
	tcase_add_test(tests, two_projections_are_one_layer);
	tcase_add_test(tests, impossible_widths_name_the_layer);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
