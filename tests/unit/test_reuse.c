/* Spikes of earlier runs that are used again: a run with them gives what a run without
 * gives, bit for bit, on real networks whose layers are changed one after the other. */
#include "api/simulation.h"
#include "opt/units.h"
#include "snnfit.h"
#include "tests/unit/random_floats.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(call) ck_assert_msg((call) == SNNFIT_OK, "%s: %s", #call, err.text)

enum { MOST = 300, SAMPLES = 37, STEPS = 6, ROUNDS = 6, MIB = 1 << 20 };

/* --- bits ----------------------------------------------------------------------------- */

START_TEST(bits_of_floats)
{
	float x[MOST], back[MOST];
	uint64_t words[MOST / 64 + 1], count, i;
	uint32_t state = 1;

	for (count = 0; count < MOST; count++) {
		memset(words, 0xff, sizeof words);
		for (i = 0; i < count; i++)
			x[i] = (float)(next_random(&state) & 1);
		ck_assert(emission_pack(TYPE_FLOAT, x, count, words));
		for (i = count; i < (count + 63) / 64 * 64; i++)
			ck_assert_uint_eq(words[i / 64] >> i % 64 & 1, 0);
		emission_unpack(TYPE_FLOAT, words, count, back);
		ck_assert_mem_eq(x, back, count * sizeof *x);
	}
}
END_TEST

START_TEST(bits_of_truth_values)
{
	uint8_t x[MOST], back[MOST];
	uint64_t words[MOST / 64 + 1], i;
	uint32_t state = 2;

	for (i = 0; i < MOST; i++)
		x[i] = next_random(&state) & 1;
	ck_assert(emission_pack(TYPE_BOOL, x, MOST, words));
	emission_unpack(TYPE_BOOL, words, MOST, back);
	ck_assert_mem_eq(x, back, MOST);
	x[MOST - 1] = 2;
	ck_assert(!emission_pack(TYPE_BOOL, x, MOST, words));
}
END_TEST

START_TEST(other_numbers_are_no_bits)
{
	const float others[] = { -0.0f, 2, 0.5f, -1, 1.0000001f, 1e-45f, (float)NAN };
	float x[MOST] = { 0 };
	uint64_t words[MOST / 64 + 1], i, k;

	for (k = 0; k < sizeof others / sizeof *others; k++)
		for (i = 0; i < MOST; i++) {
			x[i] = others[k];
			ck_assert(!emission_pack(TYPE_FLOAT, x, MOST, words));
			x[i] = 0;
		}
	ck_assert(emission_pack(TYPE_FLOAT, x, MOST, words));
	ck_assert(!emission_pack(TYPE_DOUBLE, x, MOST / 2, words));
}
END_TEST

/* --- the limit --------------------------------------------------------------------------- */

static struct emission *
add(struct emissions *emissions, uint8_t name, uint64_t moments)
{
	const uint8_t digest[EMISSION_DIGEST_BYTES] = { name };
	struct tensor shape = { .type = TYPE_FLOAT, .rank = 1, .dims = { 64 }, .count = 64 };
	struct emission *made = emissions_add(emissions, digest, &shape, moments);

	if (made) {
		memset(made->bits, name, made->bytes);
		made->complete = true;
	}
	ck_assert_uint_le(emissions->bytes + emissions->constant_bytes, emissions->limit);
	return made;
}

static bool
has(struct emissions *emissions, uint8_t name)
{
	const uint8_t digest[EMISSION_DIGEST_BYTES] = { name };
	struct emission *found = emissions_find(emissions, digest);

	ck_assert(!found || (uint8_t)found->bits[0] == name);
	return found != NULL;
}

START_TEST(what_was_not_used_for_longest_goes)
{
	struct emissions emissions = { .limit = 100 * sizeof(uint64_t) };

	ck_assert_ptr_nonnull(add(&emissions, 1, 40));
	ck_assert_ptr_nonnull(add(&emissions, 2, 40));
	emissions_end(&emissions);
	ck_assert(has(&emissions, 1));
	emissions_end(&emissions);
	ck_assert_ptr_nonnull(add(&emissions, 3, 40));
	emissions_end(&emissions);
	ck_assert(has(&emissions, 1) && has(&emissions, 3) && !has(&emissions, 2));
	emissions_free(&emissions);
	ck_assert_uint_eq(emissions.bytes, 0);
}
END_TEST

START_TEST(what_is_in_use_stays)
{
	struct emissions emissions = { .limit = 100 * sizeof(uint64_t) };

	ck_assert_ptr_nonnull(add(&emissions, 1, 40));
	ck_assert_ptr_nonnull(add(&emissions, 2, 20));
	ck_assert_ptr_null(add(&emissions, 3, 50));
	ck_assert_ptr_null(add(&emissions, 4, 101));
	emissions_end(&emissions);
	ck_assert(has(&emissions, 1));
	ck_assert_ptr_null(add(&emissions, 5, 61)); /* and for nothing nobody goes */
	ck_assert_ptr_nonnull(add(&emissions, 6, 60));
	emissions_end(&emissions);
	ck_assert(has(&emissions, 1) && has(&emissions, 6) && !has(&emissions, 2));
	emissions_free(&emissions);
}
END_TEST

START_TEST(what_was_not_completed_goes)
{
	struct emissions emissions = { .limit = MIB };

	ck_assert_ptr_nonnull(add(&emissions, 1, 40));
	add(&emissions, 2, 40)->complete = false;
	emissions_end(&emissions);
	ck_assert(has(&emissions, 1) && !has(&emissions, 2));
	emissions_free(&emissions);
}
END_TEST

/* A constant of some floats. */
static struct tensor
constant_of(float *values, uint64_t rows, uint64_t columns)
{
	return (struct tensor){ .type = TYPE_FLOAT,
				.rank = 2,
				.dims = { rows, columns },
				.count = rows * columns,
				.data = values };
}

START_TEST(constants_are_known_by_all_of_their_bytes)
{
	float values[6] = { 1, 0, 3, 4, 5, 6 }, same[6];
	struct tensor constant = constant_of(values, 2, 3), other = constant_of(same, 2, 3);
	struct tensor turned = constant_of(same, 3, 2);
	const uint8_t digest[EMISSION_DIGEST_BYTES] = { 7 };
	struct emissions emissions = { .limit = MIB };

	memcpy(same, values, sizeof same);
	ck_assert_ptr_null(emissions_constant(&emissions, &constant));
	emissions_add_constant(&emissions, &constant, digest);
	values[0] = 2; /* what is kept is a copy */
	ck_assert_ptr_null(emissions_constant(&emissions, &constant));
	ck_assert_mem_eq(emissions_constant(&emissions, &other), digest, sizeof digest);
	ck_assert_ptr_null(emissions_constant(&emissions, &turned));
	other.type = TYPE_INT32;
	ck_assert_ptr_null(emissions_constant(&emissions, &other));
	other.type = TYPE_FLOAT;
	same[1] = -0.0f;
	ck_assert_ptr_null(emissions_constant(&emissions, &other));
	emissions_free(&emissions);
	ck_assert_uint_eq(emissions.constant_bytes, 0);
}
END_TEST

START_TEST(constants_stay_from_run_to_run_and_leave_room_to_spikes)
{
	float values[50] = { 1 };
	struct tensor constant = constant_of(values, 5, 10);
	const uint8_t digest[EMISSION_DIGEST_BYTES] = { 7 };
	struct emissions emissions = { .limit = 200 * sizeof(uint64_t) };

	emissions_add_constant(&emissions, &constant, digest);
	emissions_end(&emissions);
	ck_assert_ptr_nonnull(emissions_constant(&emissions, &constant));
	emissions_end(&emissions);
	emissions_end(&emissions); /* a run without it */
	ck_assert_ptr_null(emissions_constant(&emissions, &constant));
	emissions_add_constant(&emissions, &constant, digest);
	ck_assert_ptr_nonnull(add(&emissions, 1, 200));
	ck_assert_uint_eq(emissions.constant_bytes, 0);
	emissions_add_constant(&emissions, &constant, digest); /* no room */
	ck_assert_uint_eq(emissions.constant_bytes, 0);
	constant.count = 51; /* over an eighth */
	emissions_free(&emissions);
	emissions_add_constant(&emissions, &constant, digest);
	ck_assert_uint_eq(emissions.constant_bytes, 0);
}
END_TEST

/* --- networks ----------------------------------------------------------------------------- */

static const struct network_case {
	const char *name;
	const char *encoding;
	bool reuses; /* what comes before a layer that is changed is used again */
} cases[] = {
	{ "seed-mlp-ts17-step", "direct", true },
	{ "seed-mlp-ts17-step", "poisson", true },
	{ "seed-mlp-ts17-step", "latency", true },
	{ "snntorch-conv-ts17-step", "direct", true },
	{ "odd-conv-groups-ts17-step", "direct", true },
	{ "odd-conv-chlast-dy18-step", "poisson", true },
	{ "sj14-csnn-ts17-step", "direct", true },
	{ "sj14-if-hard-ts17-step--ortext", "direct", true },
	{ "norse-lif-li-ts17-step", "direct", true },
	{ "brevitas-w8-ts17-qcdq", "direct", true },
	{ "odd-neu-alif-ts17-step", "direct", true },
	{ "odd-rec-rleaky-ts17-step", "direct", true },
	{ "odd-rec-norse-dy18-step", "poisson", true },
	{ "odd-res-sew-ts17-step", "direct", true },
	{ "odd-res-convsew-ts17-step", "direct", true },
	{ "odd-two-heads-ts17-step", "direct", true },
	{ "odd-two-cat-dy18-step", "direct", true },
	{ "odd-tied-linear-ts17-step", "direct", true },
	/* with their time inside, step by step or in a loop */
	{ "seed-mlp-ts17-unroll25", "direct", false },
	{ "snnloop-scan-dy18", "direct", false },
	{ "snnloop-script-const-ts17", "direct", false },
	{ "sj14-csnn-ts17-multistep", "direct", false },
};
enum { CASES = sizeof cases / sizeof *cases, RESPELLED = 4 };

/* A network, and what it is run on. */
struct subject {
	snnfit_model *model;
	struct graph *graph;
	struct samples samples;
	snnfit_simulate_options options;
	uint32_t state; /* of random numbers */
};

static uint64_t
input_elements(const struct onnx_model *onnx, const char *name)
{
	const Onnx__GraphProto *graph = onnx_model_proto(onnx)->graph;
	uint64_t count = 1;
	size_t i, d;

	for (i = 0; i < graph->n_input; i++) {
		const Onnx__TensorShapeProto *shape = graph->input[i]->type->tensor_type->shape;

		if (strcmp(graph->input[i]->name, name) != 0)
			continue;
		for (d = 0; d < shape->n_dim; d++)
			count *= shape->dim[d]->dim_value > 0 ? (uint64_t)shape->dim[d]->dim_value
							      : 1;
		return count;
	}
	ck_abort_msg("no input %s", name);
}

static void
open_subject(struct subject *subject, const struct network_case *at)
{
	char path[256];
	uint64_t dims[2] = { SAMPLES, 0 }, i;
	struct array *array;
	snnfit_error err;

	*subject = (struct subject){ .state = 7 };
	(void)snprintf(path, sizeof path, "tests/fixtures/%s/model.onnx", at->name);
	MUST(snnfit_model_read(&subject->model, path, NULL, &err));
	MUST(model_graph(subject->model, &subject->graph, &err));
	dims[1] = input_elements(subject->model->onnx, subject->graph->inputs[0]);
	array = arrays_add(&subject->samples.inputs, "x", 2, dims, "made up", &err);
	ck_assert_ptr_nonnull(array);
	for (i = 0; i < array->count; i++)
		array->values[i] = (1 + random_float(&subject->state)) / 2;
	snnfit_simulate_options_init(&subject->options, sizeof subject->options);
	subject->options.inputs = "x.npy";
	subject->options.encoding = at->encoding;
	subject->options.steps = subject->graph->time == TIME_STEP ? STEPS : 0;
	subject->options.threads = 2;
}

static void
close_subject(struct subject *subject)
{
	samples_free(&subject->samples);
	snnfit_model_free(subject->model);
}

/* To be freed with simulation_free. */
static void
run(const struct subject *subject, struct simulation *out, const struct graph *graph,
    const struct onnx_model *onnx, struct emissions *emissions, bool watched)
{
	snnfit_error err;

	*out = (struct simulation){ .options = &subject->options,
				    .samples = &subject->samples,
				    .onnx = onnx,
				    .read = subject->model->onnx,
				    .graph = graph,
				    .told = &subject->model->import_options,
				    .emissions = emissions,
				    .outputs_only = !watched,
				    .record_bytes = watched ? 64 * MIB : 0 };
	MUST(simulation_prepare(out, &err));
	MUST(network_run(&out->network, &err));
}

static void
check_same_watches(const struct network *a, const struct network *b)
{
	uint32_t w;

	ck_assert_uint_eq(a->watch_count, b->watch_count);
	for (w = 0; w < a->watch_count; w++) {
		const struct network_watch *x = &a->watches[w], *y = &b->watches[w];

		ck_assert_uint_eq(x->count, y->count);
		ck_assert_uint_eq(x->seen, y->seen);
		ck_assert_mem_eq(x->sums, y->sums, x->count * sizeof *x->sums);
		ck_assert_int_eq(x->trains != NULL, y->trains != NULL);
		if (x->trains)
			ck_assert_mem_eq(x->trains, y->trains,
					 x->count * watch_words(a, x) * sizeof *x->trains);
	}
}

/* How many layers' spikes were used again. */
static uint32_t
check_model(const struct subject *subject, const struct graph *graph, const struct onnx_model *onnx,
	    struct emissions *emissions, bool watched)
{
	struct simulation with, without;
	uint32_t reused;

	run(subject, &with, graph, onnx, emissions, watched);
	run(subject, &without, graph, onnx, NULL, watched);
	ck_assert_uint_eq(with.network.classes, without.network.classes);
	ck_assert_mem_eq(with.network.scores, without.network.scores,
			 SAMPLES * with.network.classes * sizeof(float));
	check_same_watches(&with.network, &without.network);
	ck_assert_uint_eq(without.network.reused, 0);
	ck_assert_uint_le(emissions->bytes + emissions->constant_bytes, emissions->limit);
	reused = with.network.reused;
	simulation_free(&with);
	simulation_free(&without);
	return reused;
}

static uint32_t
check_graph(const struct subject *subject, const struct graph *graph, struct emissions *emissions,
	    bool watched)
{
	struct onnx_model *onnx;
	snnfit_error err;
	uint32_t reused;

	MUST(model_export(subject->model, graph, &onnx, NULL, &err));
	reused = check_model(subject, graph, onnx, emissions, watched);
	onnx_model_free(onnx);
	return reused;
}

/* Some weights of one projection. */
static void
change(struct subject *subject, struct graph *graph)
{
	size_t at = next_random(&subject->state) % graph->projection_count, i, count;
	struct projection *projection = &graph->projections[at];
	snnfit_error err;
	float *values;

	if (projection->removed || !projection_editable(graph, projection))
		return;
	count = (size_t)projection->weights->rows * projection->weights->columns;
	MUST(weights_edit(&projection->weights, &values, &err));
	for (i = 0; i < count; i++)
		if (next_random(&subject->state) % 4 == 0)
			values[i] *= random_float(&subject->state);
}

/* A walk from network to network, from time to time back to the first. */
static void
check_walk(const struct network_case *at, uint64_t limit)
{
	struct emissions emissions = { .limit = limit };
	struct subject subject;
	struct graph *graph = NULL, *next;
	uint32_t round, reused = 0;
	snnfit_error err;

	open_subject(&subject, at);
	for (round = 0; round < ROUNDS; round++) {
		MUST(graph_copy(&next, round % 3 ? graph : subject.graph, &err));
		graph_free(graph);
		graph = next;
		if (round)
			change(&subject, graph);
		reused += check_graph(&subject, graph, &emissions, round % 4 == 3);
	}
	graph_free(graph);
	if (limit == MIB)
		ck_assert_msg((reused > 0) == at->reuses, "%s: %u", at->name, reused);
	emissions_free(&emissions);
	close_subject(&subject);
}

START_TEST(a_run_with_spikes_of_earlier_ones_is_the_same)
{
	check_walk(&cases[_i], MIB);
}
END_TEST

START_TEST(nor_does_it_matter_what_there_is_room_for)
{
	check_walk(&cases[_i], 8 << 10);
}
END_TEST

/* --- what spikes follow from --------------------------------------------------------------- */

static void
check_new(struct subject *subject, struct emissions *emissions)
{
	ck_assert_uint_eq(check_graph(subject, subject->graph, emissions, false), 0);
	ck_assert_uint_gt(check_graph(subject, subject->graph, emissions, false), 0);
}

START_TEST(other_runs_of_a_network_are_told_apart)
{
	const uint64_t dims[] = { 1, 256 };
	struct emissions emissions = { .limit = MIB };
	struct subject subject;
	struct array *initial;
	snnfit_error err;

	open_subject(&subject, &cases[0]);
	check_new(&subject, &emissions);
	subject.options.input_divisor = 2;
	check_new(&subject, &emissions);
	subject.options.steps++;
	check_new(&subject, &emissions);
	subject.options.encoding = "poisson";
	check_new(&subject, &emissions);
	subject.options.seed = 1;
	check_new(&subject, &emissions);
	initial = arrays_add(&subject.samples.initial, "mem1", 2, dims, "made up", &err);
	ck_assert_ptr_nonnull(initial);
	memset(initial->values, 0, initial->count * sizeof *initial->values);
	initial->values[255] = 0.75f;
	check_new(&subject, &emissions);
	initial->values[255] = 0.5f;
	check_new(&subject, &emissions);
	emissions_free(&emissions);
	close_subject(&subject);
}
END_TEST

/* The same places of the model with something else in them. */
static bool
respell(Onnx__NodeProto *node)
{
	static char *const pairs[][2] = {
		{ "Add", "Sub" },
		{ "Sub", "Add" },
		{ "Mul", "Add" },
		{ "Or", "And" },
		{ "Greater", "GreaterOrEqual" },
		{ "Clip", "Abs" },
		{ "Floor", "Relu" },
	};
	size_t i;

	for (i = 0; i < node->n_attribute; i++)
		if (strcmp(node->attribute[i]->name, "alpha") == 0 && node->attribute[i]->has_f) {
			node->attribute[i]->f *= 0.5f;
			return true;
		}
	for (i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (strcmp(node->op_type, pairs[i][0]) == 0) {
			node->op_type = pairs[i][1];
			return true;
		}
	return false;
}

/* What each node does is part of what the spikes behind it follow from. */
START_TEST(operators_and_attributes_count)
{
	struct emissions emissions = { .limit = MIB };
	struct subject subject;
	struct onnx_model *onnx;
	Onnx__GraphProto *proto;
	uint32_t respelled = 0, reused = 0;
	snnfit_error err;
	size_t i;

	open_subject(&subject, &cases[_i]);
	MUST(model_export(subject.model, subject.graph, &onnx, NULL, &err));
	proto = onnx_model_proto(onnx)->graph;
	(void)check_model(&subject, subject.graph, onnx, &emissions, false);
	for (i = 0; i < proto->n_node; i++) {
		Onnx__NodeProto *node = proto->node[i];
		char *name = node->op_type;

		if (!respell(node))
			continue;
		reused += check_model(&subject, subject.graph, onnx, &emissions, false);
		respelled++;
		node->op_type = name;
	}
	ck_assert_uint_gt(respelled, 10);
	ck_assert_uint_gt(reused, 0);
	onnx_model_free(onnx);
	emissions_free(&emissions);
	close_subject(&subject);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("reuse");
	TCase *kept = tcase_create("emissions"), *networks = tcase_create("networks");
	SRunner *runner;
	int failed;

	tcase_add_test(kept, bits_of_floats);
	tcase_add_test(kept, bits_of_truth_values);
	tcase_add_test(kept, other_numbers_are_no_bits);
	tcase_add_test(kept, what_was_not_used_for_longest_goes);
	tcase_add_test(kept, what_is_in_use_stays);
	tcase_add_test(kept, what_was_not_completed_goes);
	tcase_add_test(kept, constants_are_known_by_all_of_their_bytes);
	tcase_add_test(kept, constants_stay_from_run_to_run_and_leave_room_to_spikes);
	tcase_add_loop_test(networks, a_run_with_spikes_of_earlier_ones_is_the_same, 0, CASES);
	tcase_add_loop_test(networks, nor_does_it_matter_what_there_is_room_for, 0, CASES);
	tcase_add_test(networks, other_runs_of_a_network_are_told_apart);
	tcase_add_loop_test(networks, operators_and_attributes_count, 0, RESPELLED);
	tcase_set_timeout(networks, 600);
	suite_add_tcase(suite, kept);
	suite_add_tcase(suite, networks);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
