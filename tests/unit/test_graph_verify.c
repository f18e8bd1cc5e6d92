/* The verifier: each promise of graph.h, broken once. */
#include "graph_cases.h"

#include <math.h>

static const char hand[] =
	"snn-graph 1 inputs \"x\" outputs \"y\"\n"
	"axis 0 units 3 of 5 dead 1 merged 4 into 2\n"
	"axis 1 units 2 frozen \"leaves through output y\"\n"
	"axis 2 units 1\n"
	"population \"a\" spiking axis 0 positions 2 compare > threshold 1 1 2\n"
	"	rates 0 1 0 1 0 1 spike-tensors \"s\" state-tensors \"v\" \"v2\"\n"
	"population \"b\" readout axis 1 output\n"
	"population \"c\" relu axis 2\n"
	"projection into \"a\" reads input columns free 2 weights 3 2 1 2 3 4 5 6 bias 1 2 3\n"
	"projection into \"b\" columns axis 0 inner 2 free 1 silent 0 0 0 0 0 0 0\n"
	"	spike 1 1 1 1 1 1 1 gain 1 2 weights 2 7 1 2 3 4 5 6 7 1 2 3 4 5 6 7\n"
	"	quantized 4 per-unit 1 1\n"
	"projection into \"b\" first-row 1 columns axis 2 weights 1 1 0\n"
	"state \"v\" \"v2\" of \"a\"\n";

static struct graph *
parsed(void)
{
	struct graph *graph = NULL;

	OK(graph_parse(&graph, hand, err));
	return graph;
}

static float *
values_of(struct graph *graph, projection_id id)
{
	float *values;

	OK(weights_edit(&graph->projections[id].weights, &values, err));
	return values;
}

#define AXIS graph->axes[0]
#define POPULATION graph->populations[0]
#define NEURON graph->populations[0].neuron
#define PROJECTION graph->projections[1]
#define BREAK(name, statement)                                                                     \
	static void name(struct graph *graph)                                                      \
	{                                                                                          \
		statement;                                                                         \
	}

/* clang-format off */
BREAK(axis_grew, AXIS.units = 6)
BREAK(axis_lost_its_list, AXIS.origin = NULL)
BREAK(axis_empty, graph->axes[2].units = 0; graph->axes[2].fate[0] = UNIT_DEAD)
BREAK(origin_outside, AXIS.origin[2] = 5)
BREAK(origin_order, AXIS.origin[0] = 3; AXIS.origin[2] = 0)
BREAK(origin_twice, AXIS.origin[1] = 0)
BREAK(origin_gone, AXIS.origin[2] = 4)
BREAK(fate_unknown, AXIS.fate[1] = 9)
BREAK(fate_missing, AXIS.fate[1] = UNIT_KEPT)
BREAK(merged_nowhere, AXIS.merged_into[4] = GRAPH_NONE)
BREAK(merged_but_kept, AXIS.merged_into[0] = 2)
BREAK(merged_into_itself, AXIS.merged_into[4] = 4)
BREAK(no_name, POPULATION.name = "")
BREAK(same_name, POPULATION.name = "b")
BREAK(no_axis, POPULATION.axis = 3)
BREAK(no_positions, POPULATION.positions = 0)
BREAK(tensor_without_name, POPULATION.spike_tensors[0] = NULL)
BREAK(more_steps_than_spike_tensors, POPULATION.spike_steps = 2)
BREAK(state_without_name, POPULATION.state_outputs[0] = NULL)
BREAK(kind_unknown, POPULATION.kind = (enum population_kind)7)
BREAK(reset_unknown, NEURON.reset = (enum reset)7)
BREAK(readout_compares, graph->populations[1].neuron.comparison = COMPARE_GREATER)
BREAK(no_comparison, NEURON.comparison = COMPARE_NONE)
BREAK(no_threshold, NEURON.threshold.count = 0)
BREAK(threshold_count, NEURON.threshold.count = 2)
BREAK(threshold_nan, NEURON.threshold.values[2] = NAN)
BREAK(decay_without_values, NEURON.decay.count = 1)
BREAK(rate_negative, POPULATION.rates[5] = -0.5)
BREAK(rate_infinite, POPULATION.rates[5] = INFINITY)
BREAK(target_outside, PROJECTION.target = 3)
BREAK(target_removed, graph->populations[1].removed = true)
BREAK(reads_unknown, PROJECTION.reads = (enum reads)3)
BREAK(reads_membrane, PROJECTION.reads = READS_OTHER)
BREAK(matrix_missing, weights_release(PROJECTION.weights); PROJECTION.weights = NULL)
BREAK(weight_nan, values_of(graph, 0)[5] = NAN)
BREAK(weight_off_grid, values_of(graph, 1)[13] = 1.25f)
BREAK(weight_over_bits, values_of(graph, 1)[0] = 8.0f)
BREAK(no_columns, PROJECTION.columns.count = 0)
BREAK(columns_missing, PROJECTION.columns.count = 1)
BREAK(column_axis, PROJECTION.columns.spans[0].axis = 3)
BREAK(column_units, PROJECTION.columns.spans[0].units = 2)
BREAK(column_order, PROJECTION.columns.spans[1].inner = 2)
BREAK(column_none, PROJECTION.columns.spans[0].outer = 0)
BREAK(column_long, PROJECTION.columns.spans[0].outer = PROJECTION.columns.spans[0].inner = UINT32_MAX)
BREAK(kernel_none, PROJECTION.kernel = 0)
BREAK(kernel_more, PROJECTION.kernel = 2)
BREAK(silent_nan, PROJECTION.silent[6] = NAN)
BREAK(spike_infinite, PROJECTION.spike[0] = INFINITY)
BREAK(row_first, PROJECTION.first_row = 1)
BREAK(row_last, graph->projections[2].first_row = 2)
BREAK(row_less, graph->projections[2].partial = false; graph->projections[2].first_row = 0)
BREAK(bias_rows, graph->projections[2].bias = weights_retain(graph->projections[0].bias))
BREAK(gain_count, PROJECTION.gain.count = 3)
BREAK(bits_one, PROJECTION.quantization.bits = 1)
BREAK(bits_many, PROJECTION.quantization.bits = 17)
BREAK(scale_zero, PROJECTION.quantization.scale[1] = 0.0f)
BREAK(scale_missing, PROJECTION.quantization.scale = NULL)
BREAK(binding_without_model, PROJECTION.binding = 0)
BREAK(binding_read, PROJECTION.reads_input_of = 0)
BREAK(state_population, graph->states[0].population = 3)
BREAK(state_name, graph->states[0].input = NULL)
BREAK(time_unknown, graph->time = (enum time_kind)9)
BREAK(steps_none, graph->steps = 0)
BREAK(input_without_name, graph->inputs[0] = NULL)
/* clang-format on */

static const struct {
	void (*damage)(struct graph *graph);
	const char *message;
} cases[] = {
	{ axis_grew, "unit axis 0: it has more units" },
	{ axis_lost_its_list, "no list of its units" },
	{ axis_empty, "unit axis 2: it has no units but a population" },
	{ origin_outside, "comes from outside" },
	{ origin_order, "not in the order" },
	{ origin_twice, "not in the order" },
	{ origin_gone, "there and gone" },
	{ fate_unknown, "a fate that does not exist" },
	{ fate_missing, "do not add up" },
	{ merged_nowhere, "does not agree with the units' fates" },
	{ merged_but_kept, "does not agree with the units' fates" },
	{ merged_into_itself, "into itself" },
	{ no_name, "population '': it has no name" },
	{ same_name, "population 'b': another population" },
	{ no_axis, "its unit axis" },
	{ no_positions, "no positions" },
	{ tensor_without_name, "a tensor of it has no name" },
	{ more_steps_than_spike_tensors, "it has more steps than tensors of spikes" },
	{ state_without_name, "a tensor of it has no name" },
	{ kind_unknown, "of no kind" },
	{ reset_unknown, "of no kind" },
	{ readout_compares, "population 'b': it is a readout" },
	{ no_comparison, "no threshold" },
	{ no_threshold, "no threshold" },
	{ threshold_count, "threshold has 2 values" },
	{ threshold_nan, "threshold has a value that is not a number" },
	{ decay_without_values, "decay has a value" },
	{ rate_negative, "a firing rate" },
	{ rate_infinite, "a firing rate" },
	{ target_outside, "projection 1: it drives a population that does not exist" },
	{ target_removed, "projection 1: it drives a population that does not exist" },
	{ reads_unknown, "what it reads is of no kind" },
	{ reads_membrane, "not frozen" },
	{ matrix_missing, "projection into 'b': it has no weights" },
	{ weight_nan, "projection into 'a': a weight is not a number" },
	{ weight_off_grid, "no multiple" },
	{ weight_over_bits, "within its bits" },
	{ no_columns, "it has no columns" },
	{ columns_missing, "its columns do not agree with its weights" },
	{ column_axis, "a unit axis that does not exist" },
	{ column_units, "do not agree with the units that they read" },
	{ column_order, "no unit axis" },
	{ column_none, "is empty" },
	{ column_long, "too long" },
	{ kernel_none, "no columns" },
	{ kernel_more, "its columns do not agree with its weights" },
	{ silent_nan, "a silent unit is not a number" },
	{ spike_infinite, "a spike is not a number" },
	{ row_first, "its rows do not agree" },
	{ row_last, "units that do not exist" },
	{ row_less, "its rows do not agree" },
	{ bias_rows, "its bias" },
	{ gain_count, "gain has 3 values" },
	{ bits_one, "2 to 16 bits" },
	{ bits_many, "2 to 16 bits" },
	{ scale_zero, "not positive" },
	{ scale_missing, "no scale" },
	{ binding_without_model, "its binding" },
	{ binding_read, "its binding" },
	{ state_population, "state 0: its population" },
	{ state_name, "state 0: its input" },
	{ time_unknown, "its time" },
	{ steps_none, "its time" },
	{ input_without_name, "an input, an output or a note" },
};

START_TEST(a_broken_promise_is_found)
{
	struct graph *graph = parsed();
	snnfit_error why = { 0 };

	OK(graph_verify(graph, err));
	cases[_i].damage(graph);
	ck_assert_int_eq(graph_verify(graph, &why), SNNFIT_EINTERNAL);
	ck_assert_msg(strstr(why.text, cases[_i].message), "%s", why.text);
	ck_assert_int_eq(graph_verify(graph, NULL), SNNFIT_EINTERNAL);
	graph_free(graph);
}
END_TEST

START_TEST(a_matrix_without_values_or_file_is_found)
{
	struct graph *graph = parsed();
	struct weights *weights = graph->projections[0].weights;

	free(weights->values);
	weights->values = NULL;
	ck_assert_int_eq(graph_verify(graph, NULL), SNNFIT_EINTERNAL);
	graph_free(graph);
}
END_TEST

START_TEST(a_released_matrix_is_found)
{
	struct graph *graph = parsed();

	graph->projections[0].weights->references = 0;
	ck_assert_int_eq(graph_verify(graph, NULL), SNNFIT_EINTERNAL);
	graph->projections[0].weights->references = 1;
	graph_free(graph);
}
END_TEST

/* What lies in the file is not read, and is selected within it. */
START_TEST(the_file_is_left_alone)
{
	struct matrix_file file = { .rows = 4, .columns = 2, .broken = true };
	struct graph *graph = parsed();
	struct weights **weights = &graph->projections[0].weights;
	const uint32_t rows[] = { 0, 1, 3 };

	weights_release(*weights);
	OK(weights_from_file(weights, 4, 2, load_rows, &file, 0, err));
	OK(weights_select(weights, rows, 3, NULL, 0, err));
	OK(graph_verify(graph, err));
	ck_assert_uint_eq(file.loads, 0);
	(*weights)->row_index[2] = 4;
	ck_assert_int_eq(graph_verify(graph, NULL), SNNFIT_EINTERNAL);
	(*weights)->row_index[2] = 1;
	ck_assert_int_eq(graph_verify(graph, NULL), SNNFIT_EINTERNAL);
	graph_free(graph);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

int
main(void)
{
	Suite *suite = suite_create("graph verify");
	TCase *tests = tcase_create("verify");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(tests, a_broken_promise_is_found, 0, COUNT(cases));
	tcase_add_test(tests, a_matrix_without_values_or_file_is_found);
	tcase_add_test(tests, a_released_matrix_is_found);
	tcase_add_test(tests, the_file_is_left_alone);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
