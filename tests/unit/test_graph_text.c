/* The text form: what is printed reads back as the same graph, and what is not a
 * graph is refused with the line. */
#include "graph_cases.h"

#include <math.h>

static struct graph *
parsed(const char *text)
{
	struct graph *graph = NULL;

	OK(graph_parse(&graph, text, err));
	return graph;
}

/* --- there and back ----------------------------------------------------------- */

/* Everything that only names and counts things, at random. */
static void
dress_up(struct graph_case *c)
{
	static const char *const names[] = {
		"plain", "two words", "\"quoted\\\"", "tab\there\n", "\x01\x7f", "\xc3\xa4", ""
	};
	struct population *population = &c->graph->populations[0];
	struct graph *graph = c->graph;
	const char **pair = arena_copy(&graph->arena, names, 4, sizeof *names);

	ck_assert_ptr_nonnull(pair);
	graph->time = (enum time_kind)draw(&c->random, 6);
	graph->steps = 1 + draw(&c->random, 100);
	graph->rates_samples = draw(&c->random, 2) ? UINT64_MAX : 0;
	graph->parameters_before = draw(&c->random, 1000);
	population->spike_tensors = population->state_inputs = pair;
	population->state_outputs = pair + 2;
	population->spike_tensor_count = population->state_count = draw(&c->random, 3);
	population->spike_steps = draw(&c->random, population->spike_tensor_count + 1);
	population->weight_tensor = names[draw(&c->random, 7)];
	population->body = chance(&c->random, 50) ? names[draw(&c->random, 7)] : NULL;
	population->output = chance(&c->random, 50);
	population->rates_tensor = chance(&c->random, 50) ? names[draw(&c->random, 7)] : NULL;
	graph->inputs = pair;
	graph->input_count = draw(&c->random, 4);
	graph->outputs = pair + 1;
	graph->output_count = draw(&c->random, 3);
	ck_assert(graph_note(graph, "%s", names[draw(&c->random, 7)]));
	ck_assert(graph_add_state(graph, names[3], names[2], 0));
	ck_assert(graph_add_state(graph, names[0], names[6], GRAPH_NONE));
	graph->axes[0].frozen = chance(&c->random, 30) ? names[2] : NULL;
}

static void
assert_computes_the_same(const struct graph *graph, const struct graph *back)
{
	struct scene scene = { .seed = 1, .axis = GRAPH_NONE };
	population_id id;
	uint32_t unit;

	ck_assert_uint_eq(graph->population_count, back->population_count);
	for (id = 0; id < graph->population_count; id++) {
		struct result *one = compute(&scene, graph, id);
		struct result *other = compute(&scene, back, id);

		for (unit = 0; unit < population_units(graph, id); unit++)
			ck_assert(one[unit].drive == other[unit].drive &&
				  one[unit].state == other[unit].state);
		free(one);
		free(other);
	}
}

START_TEST(a_printed_graph_reads_back)
{
	uint64_t seed;

	for (seed = 0; seed < 100; seed++) {
		struct graph_case c;
		struct graph *back;
		char *text, *again;

		random_graph(&c, (uint64_t)_i * 100 + seed);
		dress_up(&c);
		text = printed(c.graph);
		back = parsed(text);
		again = printed(back);
		ck_assert_str_eq(text, again);
		assert_computes_the_same(c.graph, back);
		free(text);
		free(again);
		graph_free(back);
		graph_free(c.graph);
	}
}
END_TEST

/* Every field that has a line, none of them as it is by default. */
static const char full[] = "snn-graph 1\n"
			   "time unrolled 25\n"
			   "calibration 2000 25\n"
			   "parameters-before 217728\n"
			   "inputs \"x\" \"y\"\n"
			   "outputs \"out\"\n"
			   "note \"of \\\"one\\\" line\\n\\x01\"\n"
			   "note \"another\"\n"
			   "\n"
			   "axis 0 units 2 of 7\n"
			   "\tdead 0\n"
			   "\tsilent 2\n"
			   "\tunread 4\n"
			   "\tmerged 3 into 1 6 into 5\n"
			   "\n"
			   "axis 1 units 0 of 2\n"
			   "\tfused 0 1\n"
			   "\n"
			   "axis 2 units 1\n"
			   "\tfrozen \"reason\"\n"
			   "\n"
			   "population \"a\" spiking axis 0 positions 2\n"
			   "\tweight-tensor \"w\"\n"
			   "\toutput\n"
			   "\tstarts-at-zero\n"
			   "\tmodel \"synaptic\"\n"
			   "\tcompare >=\n"
			   "\treset set late\n"
			   "\tcurrent old-and-input\n"
			   "\tdecay 0.9 0.1\n"
			   "\tthreshold 1\n"
			   "\treset-value -0.5\n"
			   "\toffset 1e-05 3\n"
			   "\tinput-gain 2\n"
			   "\tcurrent-decay 0.3333333333333333\n"
			   "\tcurrent-gain 4\n"
			   "\tspike-gain 5\n"
			   "\trates 0 0.1 0.2 0.3\n"
			   "\trates-tensor \"s\"\n"
			   "\tspike-tensors \"s\" \"t\"\n"
			   "\tspike-steps 2\n"
			   "\tstate-tensors \"v\" \"v2\" \"i\" \"i2\"\n"
			   "\n"
			   "population \"b\" custom axis 2\n"
			   "\n"
			   "projection into \"a\"\n"
			   "\tfirst-row 1\n"
			   "\treads other\n"
			   "\tdelayed\n"
			   "\tcolumns axis 2 outer 2 inner 3 free 4\n"
			   "\tsilent 1 2 3 4 5 6 7 8 9 10\n"
			   "\tspike 0 0 0 0 0 0 0 0 0 -0\n"
			   "\tgain 0.5\n"
			   "\tkernel 2\n"
			   "\tweights 1 20\n"
			   "\t\t0 1 2 3 4 5 6 7 -8 9 0.1 1.1 2.1 3.1 4.1 5.1 6.1 7.1 8.1 16777216\n"
			   "\tbias 3.4028235e+38\n"
			   "\n"
			   "projection into \"b\"\n"
			   "\treads spikes\n"
			   "\tcolumns axis 0\n"
			   "\tweights 1 2\n"
			   "\t\t0.25 -1\n"
			   "\tquantized 4 per-unit 0.25\n"
			   "\n"
			   "state \"v\" \"v2\" of \"a\"\n"
			   "state \"k\" \"k2\"\n";

START_TEST(every_line_is_kept)
{
	struct graph *graph = parsed(full), *copy;
	char *text = printed(graph), *again;

	ck_assert_str_eq(text, full);
	OK(graph_copy(&copy, graph, err));
	graph_free(graph);
	again = printed(copy);
	ck_assert_str_eq(again, full);
	free(text);
	free(again);
	graph_free(copy);
}
END_TEST

START_TEST(numbers_are_exact)
{
	static const double values[] = { 0.1,  1.0 / 3,	  1e300, 4.9406564584124654e-324,
					 0.1f, -0.0,	  1e22,	 9007199254740993.0,
					 M_PI, 123456.789 };
	uint32_t count = sizeof values / sizeof *values, i;
	struct graph *graph = parsed("snn-graph 1 axis 0 units 10 population \"a\" readout axis 0 "
				     "decay 0 0 0 0 0 0 0 0 0 0");
	struct graph *back;
	char *text;

	memcpy(graph->populations[0].neuron.decay.values, values, sizeof values);
	text = printed(graph);
	back = parsed(text);
	for (i = 0; i < count; i++)
		ck_assert(memcmp(&back->populations[0].neuron.decay.values[i], &values[i],
				 sizeof *values) == 0);
	free(text);
	graph_free(graph);
	graph_free(back);
}
END_TEST

START_TEST(weights_are_exact)
{
	struct random random = { 5 };
	struct weights *weights;
	const float *read;
	struct graph *graph = parsed("snn-graph 1 axis 0 units 1 population \"a\" readout axis 0 "
				     "projection into \"a\" columns free 1 weights 1 1 0");
	struct graph *back;
	float *values;
	char *text;
	uint32_t i;

	OK(weights_from_values(&weights, 1, 5000, NULL, err));
	OK(weights_edit(&weights, &values, err));
	for (i = 0; i < 5000; i++) {
		uint32_t bits = draw(&random, UINT32_MAX);

		memcpy(&values[i], &bits, sizeof bits);
		if (!isfinite(values[i]))
			values[i] = -0.0f;
	}
	weights_release(graph->projections[0].weights);
	graph->projections[0].weights = weights;
	graph->projections[0].columns.spans[0].units = 5000;
	text = printed(graph);
	back = parsed(text);
	OK(weights_read(back->projections[0].weights, &read, err));
	ck_assert(memcmp(read, values, 5000 * sizeof *read) == 0);
	free(text);
	graph_free(graph);
	graph_free(back);
}
END_TEST

START_TEST(what_was_removed_is_not_printed)
{
	struct graph *graph = parsed("snn-graph 1 axis 0 units 2 axis 1 units 1\n"
				     "population \"a\" spiking axis 0 compare > threshold 1\n"
				     "population \"b\" readout axis 1\n"
				     "projection into \"b\" columns axis 0 weights 1 2 1 1\n"
				     "state \"v\" \"w\" of \"a\"\n");
	char *text;

	OK(graph_remove_population(graph, 0, err));
	text = printed(graph);
	ck_assert_str_eq(text, "snn-graph 1\ntime step 1\n\naxis 0 units 0 of 2\n\tfused 0 1\n\n"
			       "axis 1 units 1\n\npopulation \"b\" readout axis 1\n\n"
			       "state \"v\" \"w\"\n");
	free(text);
	graph_free(graph);
}
END_TEST

START_TEST(comments_and_line_ends_are_blanks)
{
	struct graph *graph = parsed("# one\nsnn-graph 1 # two\r\n"
				     "axis\n0\nunits\n3 axis 1 units 2 # end");

	ck_assert_uint_eq(graph->axis_count, 2);
	ck_assert_uint_eq(graph->axes[0].units, 3);
	graph_free(graph);
}
END_TEST

START_TEST(a_broken_graph_is_not_printed)
{
	struct graph *graph = parsed("snn-graph 1 axis 0 units 2");
	struct text text = { 0 };

	graph->axes[0].origin[1] = 0;
	ck_assert_int_eq(graph_print(graph, &text, NULL), SNNFIT_EINTERNAL);
	ck_assert_uint_eq(text.length, 0);
	graph_free(graph);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_reported)
{
	struct matrix_file file = { .rows = 1, .columns = 1, .broken = true };
	struct graph *graph = parsed("snn-graph 1 axis 0 units 1 population \"a\" readout axis 0 "
				     "projection into \"a\" columns free 1 weights 1 1 0");
	struct text text = { 0 };

	weights_release(graph->projections[0].weights);
	OK(weights_from_file(&graph->projections[0].weights, 1, 1, load_rows, &file, 0, err));
	ck_assert_int_eq(graph_print(graph, &text, NULL), SNNFIT_EIO);
	text_free(&text);
	graph_free(graph);
}
END_TEST

/* --- refusals ------------------------------------------------------------------------ */

#define TWO "snn-graph 1\naxis 0 units 2\npopulation \"a\" spiking axis 0 compare > threshold 1\n"

static const struct {
	const char *text, *message;
} refusals[] = {
	{ "", "line 1: expected snn-graph, found the end" },
	{ "graph", "line 1: expected snn-graph, found graph" },
	{ "snn-graph 2", "line 1: expected a smaller number, found 2" },
	{ "snn-graph 0", "this version" },
	{ "snn-graph 1\nfoo", "line 2: expected a keyword that is known here, found foo" },
	{ "snn-graph 1\n12", "line 2: expected a keyword that is known here, found 12" },
	{ "snn-graph 1\ndecay 1", "expected a keyword that is known here, found decay" },
	{ "snn-graph 1 time fast 1", "expected a kind of time, found fast" },
	{ "snn-graph 1 time step 0", "no steps" },
	{ "snn-graph 1 calibration -1 2", "expected a whole number, found -1" },
	{ "snn-graph 1 calibration 1.5 2", "expected a whole number, found 1.5" },
	{ "snn-graph 1 calibration 18446744073709551616 2", "expected a whole number" },
	{ "snn-graph 1 note \"a\nb\"", "line 1: a string does not end on its line" },
	{ "snn-graph 1 note \"a", "a string does not end" },
	{ "snn-graph 1 note \"\\q\"", "an escape" },
	{ "snn-graph 1 note \"\\x4\"", "an escape" },
	{ "snn-graph 1 note \"\\x00\"", "an escape" },
	{ "snn-graph 1 note word", "expected a string in quotes, found word" },
	{ "snn-graph 1 inputs", "expected a string in quotes, found the end" },
	{ "snn-graph 1 inputs \"a\" \"\\q\"", "an escape" },
	{ "snn-graph 1 state \"a\" 1", "expected a string in quotes, found 1" },
	{ "snn-graph 1 state \"a\" \"b\" of 1", "expected a string in quotes, found 1" },
	{ "snn-graph 1 axis 1 units 2", "numbered from 0 on, found 1" },
	{ "snn-graph 1 axis 0 units 3 of 2", "more units than before" },
	{ "snn-graph 1 axis 0 units 99999999", "expected a smaller number" },
	{ "snn-graph 1 axis 0 units 9999999 axis 1 units 9999999", "fewer units in all" },
	{ "snn-graph 1 axis 0 units 1 of 2", "do not add up" },
	{ "snn-graph 1 axis 0 units 1 of 2 dead 2", "expected a smaller number, found 2" },
	{ "snn-graph 1 axis 0 units 1 of 2 dead 0 silent 0", "not named before, found 0" },
	{ "snn-graph 1 axis 0 units 1 of 2 dead 0 dead 1", "no keyword twice, found dead" },
	{ "snn-graph 1 axis 0 units 1 of 2 merged 1 to 0", "expected into, found to" },
	{ "snn-graph 1 axis 0 units 1 of 2 merged 1 into 1", "merged into itself" },
	{ "snn-graph 1 axis 0 units 0 dead 0", "expected a unit of the axis" },
	{ "snn-graph 1 population \"a\" spiking axis 0", "expected an axis above" },
	{ "snn-graph 1 axis 0 units 1 population \"a\" odd axis 0", "a kind of population" },
	{ "snn-graph 1 axis 0 units 1 population \"\" relu axis 0", "it has no name" },
	{ "snn-graph 1 axis 0 units 1 population \"a\" relu axis 0 positions 0", "no positions" },
	{ TWO "population \"b\" relu axis 1", "expected a smaller number, found 1" },
	{ TWO "\nrates 1", "expected 2 numbers, found 1" },
	{ TWO "rates 1 -1", "negative" },
	{ TWO "decay 1 2 3", "decay has 3 values" },
	{ TWO "decay inf", "expected a number, found inf" },
	{ TWO "decay 1e999", "expected a finite number, found 1e999" },
	{ TWO "decay 1x", "expected a finite number, found 1x" },
	{ TWO "decay\ndelayed", "line 5: expected a number, found delayed" },
	{ TWO "threshold 2", "line 4: expected no keyword twice, found threshold" },
	{ TWO "reset subtract sometime", "now, late or both" },
	{ TWO "state-tensors \"a\"", "the output of the last state" },
	{ TWO "population \"a\" relu axis 0", "no population above has, found \"a\"" },
	{ TWO "projection into \"b\"", "the name of a population above, found \"b\"" },
	{ TWO "projection into \"a\"", "has no weights" },
	{ TWO "projection into \"a\" columns", "expected axis or free" },
	{ TWO "projection into \"a\" columns axis 1", "expected a smaller number, found 1" },
	{ TWO "projection into \"a\" silent 1", "the columns must stand before" },
	{ TWO "projection into \"a\" quantized 8 per-unit 1", "the weights must stand before" },
	{ TWO "projection into \"a\" weights 2 2 1 2 3", "not rows times columns" },
	{ TWO "projection into \"a\" weights 65536 65537 1", "not rows times columns" },
	{ TWO "projection into \"a\" columns axis 0 weights 1 2 1 1", "its rows do not agree" },
	{ TWO "projection into \"a\" columns axis 0 weights 2 3 1 1 1 1 1 1",
	  "its columns do not agree" },
	{ TWO "projection into \"a\" columns axis 0 outer 4294967295 inner 4294967295 "
	      "weights 2 1 1 1",
	  "too long" },
	{ TWO "projection into \"a\" columns free 0 weights 2 1 1 1", "empty" },
	{ TWO "projection into \"a\" columns free 1 kernel 0 weights 2 1 1 1", "no columns" },
	{ TWO "projection into \"a\" columns free 1 weights 2 1 1 1 quantized 1 per-tensor 1",
	  "2 to 16 bits" },
	{ TWO "projection into \"a\" columns free 1 weights 2 1 1 1 quantized 2 per-tensor 1 1",
	  "one in all" },
	{ TWO "projection into \"a\" columns free 1 weights 2 1 1 1 quantized 2 per-tensor 0",
	  "not positive" },
	{ TWO "projection into \"a\" columns free 1 weights 2 1 1 1.5 quantized 4 per-tensor 1",
	  "no multiple" },
	{ TWO "projection into \"a\" first-row 1 columns free 1 weights 2 1 1 1",
	  "units that do not exist" },
	{ TWO "projection into \"a\" columns free 1 weights 2 1 1 1 bias 1", "its bias" },
	{ TWO "projection into \"a\" reads other columns axis 0 weights 2 2 1 1 1 1",
	  "not frozen" },
	{ TWO "state \"a\" \"b\" of \"c\"", "the name of a population above" },
};

START_TEST(what_is_no_graph_is_refused)
{
	struct graph *graph = NULL;
	snnfit_error why = { 0 };

	ck_assert_int_eq(graph_parse(&graph, refusals[_i].text, &why), SNNFIT_EFORMAT);
	ck_assert_int_eq(why.status, SNNFIT_EFORMAT);
	ck_assert_ptr_null(graph);
	ck_assert_msg(strstr(why.text, refusals[_i].message), "%s", why.text);
	ck_assert_int_eq(graph_parse(&graph, refusals[_i].text, NULL), SNNFIT_EFORMAT);
}
END_TEST

/* --- damaged texts --------------------------------------------------------------------- */

static void
parse_damaged(const char *text)
{
	struct graph *graph;
	snnfit_error why = { 0 };

	if (graph_parse(&graph, text, &why) == SNNFIT_OK) {
		free(printed(graph));
		graph_free(graph);
		return;
	}
	ck_assert(why.status == SNNFIT_EFORMAT || why.status == SNNFIT_EUNSUPPORTED);
	ck_assert_uint_gt(strlen(why.text), 10);
}

START_TEST(a_text_cut_off_anywhere_does_no_harm)
{
	size_t length;

	for (length = 0; length < sizeof full; length++) {
		char *cut = strndup(full, length); /* no byte too many to read */

		ck_assert_ptr_nonnull(cut);
		parse_damaged(cut);
		free(cut);
	}
}
END_TEST

START_TEST(changed_bytes_do_no_harm)
{
	static const char bytes[] = "\"\\#-+.0179eax \n\t\x80>";
	struct random random = { (uint64_t)_i };
	char text[sizeof full];
	uint32_t round, change;

	for (round = 0; round < 2000; round++) {
		memcpy(text, full, sizeof full);
		for (change = 1 + draw(&random, 3); change > 0; change--)
			text[draw(&random, sizeof full - 1)] =
				bytes[draw(&random, sizeof bytes - 1)];
		parse_damaged(text);
	}
}
END_TEST

/* Leaves out or repeats a stretch of whole lines, so that each is well formed. */
START_TEST(lines_left_out_or_repeated_do_no_harm)
{
	struct random random = { (uint64_t)_i + 100 };
	uint32_t round;

	for (round = 0; round < 500; round++) {
		const char *a = full + draw(&random, sizeof full - 1);
		const char *b = full + draw(&random, sizeof full - 1);
		struct text text = { 0 };

		a = strchr(a, '\n');
		b = strchr(b, '\n');
		if (!a || !b)
			continue;
		text_append_bytes(&text, full, (size_t)(a - full));
		text_append(&text, b);
		ck_assert(!text_failed(&text));
		parse_damaged(text.chars);
		text_free(&text);
	}
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

int
main(void)
{
	Suite *suite = suite_create("graph text");
	TCase *tests = tcase_create("text");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, a_printed_graph_reads_back, 0, 3);
	tcase_add_test(tests, every_line_is_kept);
	tcase_add_test(tests, numbers_are_exact);
	tcase_add_test(tests, weights_are_exact);
	tcase_add_test(tests, what_was_removed_is_not_printed);
	tcase_add_test(tests, comments_and_line_ends_are_blanks);
	tcase_add_test(tests, a_broken_graph_is_not_printed);
	tcase_add_test(tests, a_file_that_cannot_be_read_is_reported);
	tcase_add_loop_test(tests, what_is_no_graph_is_refused, 0, COUNT(refusals));
	tcase_add_test(tests, a_text_cut_off_anywhere_does_no_harm);
	tcase_add_loop_test(tests, changed_bytes_do_no_harm, 0, 3);
	tcase_add_test(tests, lines_left_out_or_repeated_do_no_harm);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
