/* The JSON of firing rates, and whose rates they are. */
#include "proto/fingerprint.h"
#include "tests/unit/rates_fixture.h"

#include <math.h>
#include <stdio.h>

/* --- the canonical carrier -------------------------------------------------------- */

START_TEST(metadata_of_the_model)
{
	static const double third[] = { 0, 0.25, 0.5, 1 };
	struct fixture f;
	int i;

	set_up(&f);
	set_metadata(&f, GOOD);
	must_attach(&f, NULL, NULL);
	ck_assert_double_eq(rates_of(&f, 0)[1], 0.5);
	ck_assert_double_eq(rates_of(&f, 0)[11], 1e-3);
	ck_assert_double_eq(rates_of(&f, 1)[7], 0.125);
	for (i = 0; i < 4; i++)
		ck_assert_double_eq(rates_of(&f, 2)[i], third[i]);
	ck_assert_str_eq(f.graph->populations[2].rates_tensor, "s2");
	ck_assert_uint_eq(f.graph->rates_samples, 2000);
	ck_assert_uint_eq(f.graph->rates_steps, 25);
	ck_assert_uint_eq(f.graph->note_count, 0);
	tear_down(&f);
}
END_TEST

/* Nothing in a model, or nothing of a population, is no error. */
START_TEST(rates_may_be_missing)
{
	struct fixture f;

	set_up(&f);
	must_attach(&f, NULL, NULL);
	ck_assert_ptr_null(rates_of(&f, 0));
	ck_assert_int_eq(rates_attach(f.graph, NULL, NULL, &f.err), SNNFIT_OK);
	set_metadata(&f, "{\"version\":1,\"layers\":[" LAYER1 "]}");
	must_attach(&f, NULL, NULL);
	ck_assert_ptr_null(rates_of(&f, 0));
	ck_assert_ptr_nonnull(rates_of(&f, 1));
	ck_assert_ptr_null(rates_of(&f, 2));
	tear_down(&f);
}
END_TEST

START_TEST(an_alias_is_as_good_as_the_name)
{
	struct fixture f;

	set_up(&f);
	set_metadata(
		&f,
		"{\"version\":1,\"layers\":[{\"tensor\":\"s2_alias\",\"rates\":[0,-0.0,1,2]}]}");
	must_attach(&f, NULL, NULL);
	ck_assert_str_eq(f.graph->populations[2].rates_tensor, "s2_alias");
	ck_assert(!signbit(rates_of(&f, 2)[1]));
	ck_assert(has_note(&f, "2 spikes a step"));
	tear_down(&f);
}
END_TEST

/* document: one of layers' text, words: what the message must name. */
static const struct {
	const char *document, *words;
} bad_documents[] = {
	{ "", "no value" },
	{ "hello", "line 1" },
	{ "[]", "version" },
	{ "{}", "version" },
	{ "{\"version\":1}", "layers" },
	{ "{\"version\":2,\"layers\":[]}", "version 2" },
	{ "{\"version\":\"1\",\"layers\":[]}", "version" },
	{ "{\"version\":1.5,\"layers\":[]}", "version" },
	{ "{\"version\":1,\"version\":1,\"layers\":[]}", "twice" },
	{ "{\"version\":1,\"layers\":{}}", "layers" },
	{ "{\"version\":1,\"layers\":[1]}", "layers" },
	{ "{\"version\":1,\"layers\":[[]]}", "layers" },
	{ "{\"version\":1,\"samples\":-1,\"layers\":[]}", "samples" },
	{ "{\"version\":1,\"steps\":\"many\",\"layers\":[]}", "steps" },
	{ GOOD "x", "behind its end" },
};

START_TEST(documents_that_are_refused)
{
	struct fixture f;

	set_up(&f);
	set_metadata(&f, bad_documents[_i].document);
	ck_assert_int_eq(attach_with(&f, NULL, NULL), SNNFIT_EDATA);
	ck_assert_msg(strstr(f.err.text, bad_documents[_i].words), "%s", f.err.text);
	ck_assert_ptr_null(rates_of(&f, 0));
	tear_down(&f);
}
END_TEST

static const struct {
	const char *layer, *words;
} bad_layers[] = {
	{ "\"shape\":[4],\"rates\":[0,0,0,0]", "tensor" },
	{ "\"tensor\":5,\"rates\":[0,0,0,0]", "tensor" },
	{ "\"tensor\":null,\"rates\":[0,0,0,0]", "tensor" },
	{ "\"tensor\":\"\",\"rates\":[0,0,0,0]", "tensor" },
	{ "\"tensor\":\"s2\\u0000\",\"rates\":[0,0,0,0]", "no such escape" },
	{ "\"tensor\":\"s2\"", "rates_b64" },
	{ "\"tensor\":\"s2\",\"rates\":0.5", "not an array" },
	{ "\"tensor\":\"s2\",\"rates\":{\"0\":1}", "not an array" },
	{ "\"tensor\":\"s2\",\"rates\":[0,0,0]", "4 units" },
	{ "\"tensor\":\"s2\",\"rates\":[0,0,0,0,0]", "4 units" },
	{ "\"tensor\":\"s2\",\"rates\":[]", "4 units" },
	{ "\"tensor\":\"s2\",\"shape\":[4],\"rates\":[0,0,0]", "3 rates for shape [4]" },
	{ "\"tensor\":\"s2\",\"shape\":[5],\"rates\":[0,0,0,0]", "4 rates for shape [5]" },
	{ "\"tensor\":\"s2\",\"shape\":[2,2],\"rates\":[0,0,0,0]", "[2, 2]" },
	{ "\"tensor\":\"s2\",\"shape\":[-2,-2],\"rates\":[0,0,0,0]", "shape" },
	{ "\"tensor\":\"s2\",\"shape\":[4294967296,4294967296],\"rates\":[0,0,0,0]", "shape" },
	{ "\"tensor\":\"s2\",\"shape\":[4.0],\"rates\":[0,0,0,0]", "shape" },
	{ "\"tensor\":\"s2\",\"shape\":[],\"rates\":[0,0,0,0]", "shape" },
	{ "\"tensor\":\"s2\",\"shape\":4,\"rates\":[0,0,0,0]", "shape" },
	{ "\"tensor\":\"s2\",\"rates\":[0,0,\"0\",0]", "index 2 is a string" },
	{ "\"tensor\":\"s2\",\"rates\":[0,0,0,null]", "index 3 is null" },
	{ "\"tensor\":\"s2\",\"rates\":[0,true,0,0]", "index 1 is a truth value" },
	{ "\"tensor\":\"s2\",\"rates\":[0,NaN,0,0]", "no value here" },
	{ "\"tensor\":\"s2\",\"rates\":[0,1e999,0,0]", "too large" },
	{ "\"tensor\":\"s2\",\"rates\":[0,0,0,-0.5]", "\"s2\": the rate at index 3 is -0.5" },
	{ "\"tensor\":\"s2\",\"rates\":[0,1e300,0,0]", "index 1 is 1e+300" },
	{ "\"tensor\":\"s2\",\"rates\":[0,0,0,0],\"rates\":[1,1,1,1]", "twice" },
	{ "\"tensor\":\"s2\",\"rates\":[0,0,0,0],\"rates_b64\":\"AAAAAAAAgD4AAAA/AACAPw==\"",
	  "one of" },
	{ "\"tensor\":\"s2\",\"rates_b64\":5", "not a string" },
	{ "\"tensor\":\"s2\",\"rates_b64\":\"AAAAAAAAgD4AAAA/AACAPw\"", "multiple of 4" },
	{ "\"tensor\":\"s2\",\"rates_b64\":\"AAAAAAAAgD4A-AA/AACAPw==\"", "character 12" },
	{ "\"tensor\":\"s2\",\"rates_b64\":\"AAAAAAAAgD4AAAA/AACA\"", "whole number" },
	{ "\"tensor\":\"s2\",\"rates_b64\":\"AAAAAAAAgD4AAAA/AADAfw==\"", "index 3 is nan" },
	{ "\"tensor\":\"s2\",\"rates_b64\":\"AAAAAAAAgD4AAAA/AACAfw==\"", "index 3 is inf" },
	{ "\"tensor\":\"s2\",\"fingerprint\":\"xyz\",\"rates\":[0,0,0,0]", "hex digits" },
	{ "\"tensor\":\"other\",\"rates\":[0,0,0]", "fc0 [12] (spikes s0)" },
};

START_TEST(layers_that_are_refused)
{
	struct fixture f;
	char *document;

	set_up(&f);
	document = arena_printf(f.arena, "{\"version\":1,\"layers\":[" LAYER0 ",{%s}]}",
				bad_layers[_i].layer);
	ck_assert_ptr_nonnull(document);
	set_metadata(&f, document);
	ck_assert_int_eq(attach_with(&f, NULL, NULL), SNNFIT_EDATA);
	ck_assert_msg(strstr(f.err.text, bad_layers[_i].words), "%s", f.err.text);
	ck_assert_ptr_null(rates_of(&f, 0)); /* all of a carrier or nothing */
	tear_down(&f);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
	enum { DEPTH = 100000 };
	struct fixture f;
	char *text = malloc(DEPTH + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, '[', DEPTH);
	text[DEPTH] = '\0';
	set_up(&f);
	set_metadata(&f, text);
	ck_assert_int_eq(attach_with(&f, NULL, NULL), SNNFIT_EDATA);
	free(text);
	tear_down(&f);
}
END_TEST

/* A text that would make a JSON parser take gigabytes. */
START_TEST(json_that_asks_for_much_memory_is_refused)
{
	enum { PAIRS = 4 << 20 };
	struct fixture f;
	char *text = malloc(3 * PAIRS + 8);
	size_t i;

	ck_assert_ptr_nonnull(text);
	text[0] = '[';
	for (i = 0; i < PAIRS; i++)
		memcpy(text + 1 + 3 * i, "{},", 3);
	strcpy(text + 3 * PAIRS, "]");
	set_up(&f);
	set_metadata(&f, text);
	ck_assert_int_eq(attach_with(&f, NULL, NULL), SNNFIT_ELIMIT);
	free(text);
	tear_down(&f);
}
END_TEST

/* --- matching ------------------------------------------------------------------- */

static const char *
document_of(struct fixture *fixture, const char *const *names, const uint32_t *units, size_t count,
	    const char *more)
{
	struct text text = { 0 };
	char *copy;
	size_t i;
	uint32_t u;

	text_append(&text, "{\"version\":1,\"layers\":[");
	for (i = 0; i < count; i++) {
		text_printf(&text, "%s{\"tensor\":\"%s\"%s,\"rates\":[%g", i ? "," : "", names[i],
			    more, 0.5 / (double)(i + 1));
		for (u = 1; u < units[i]; u++)
			text_append(&text, ",0.125");
		text_append(&text, "]}");
	}
	text_append(&text, "]}");
	ck_assert(!text_failed(&text));
	copy = arena_strdup(fixture->arena, text.chars);
	ck_assert_ptr_nonnull(copy);
	text_free(&text);
	return copy;
}

static const char *const renamed[] = { "a", "b", "c", "d" };

/* Which array, counted from 1, each population gets; 0: none. NULL words: this. */
static const struct {
	uint32_t sizes[4]; /* of the model's layers; the last is a readout */
	uint32_t units[4]; /* of the arrays */
	size_t count;
	int given[4];
	const char *words; /* refused with these */
} orders[] = {
	{ { 12, 8, 4, 0 }, { 12, 8, 4 }, 3, { 1, 2, 3, 0 }, NULL },
	{ { 12, 8, 4, 0 }, { 4, 12, 8 }, 3, { 2, 3, 1, 0 }, NULL }, /* by shape */
	{ { 12, 8, 4, 0 }, { 8 }, 1, { 0, 1, 0, 0 }, NULL },
	{ { 12, 12, 4, 0 }, { 12, 12 }, 2, { 1, 2, 0, 0 }, NULL },
	{ { 12, 12, 12, 0 }, { 12, 12, 12 }, 3, { 1, 2, 3, 0 }, NULL },
	{ { 12, 4, 12, 0 }, { 12, 4 }, 2, { 1, 2, 0, 0 }, NULL },
	{ { 12, 4, 12, 0 }, { 4, 12 }, 2, { 0, 1, 2, 0 }, NULL },
	{ { 12, 12, 4, 4 }, { 12, 12, 4 }, 3, { 1, 2, 3, 0 }, NULL }, /* no readout */
	{ { 12, 8, 4, 4 }, { 12, 8, 4, 4 }, 4, { 1, 2, 3, 4 }, NULL },
	{ { 12, 8, 4, 3 }, { 12, 3 }, 2, { 1, 0, 0, 2 }, NULL },
	{ { 12, 12, 4, 0 }, { 12 }, 1, { 0 }, "fc0 [12] (spikes s0), fc1 [12] (spikes s1)" },
	{ { 12, 12, 12, 0 }, { 12, 12 }, 2, { 0 }, "several" },
	{ { 12, 12, 4, 0 }, { 4, 12, 12 }, 3, { 0 }, "do not fit" },
	{ { 12, 8, 4, 0 }, { 12, 12 }, 2, { 0 }, "do not fit" },
	{ { 12, 8, 4, 0 }, { 13 }, 1, { 0 }, "fits no population" },
};

START_TEST(names_that_are_not_in_the_model)
{
	const uint32_t *sizes = orders[_i].sizes;
	struct fixture f;
	size_t i;

	set_up(&f);
	make_graph(&f, sizes[0], sizes[1], sizes[2], sizes[3]);
	set_metadata(&f, document_of(&f, renamed, orders[_i].units, orders[_i].count, ""));
	if (orders[_i].words) {
		ck_assert_int_eq(attach_with(&f, NULL, NULL), SNNFIT_EDATA);
		ck_assert_msg(strstr(f.err.text, orders[_i].words), "%s", f.err.text);
	} else {
		must_attach(&f, NULL, NULL);
		ck_assert(has_note(&f, "layer order and shape"));
		for (i = 0; i < f.graph->population_count; i++) {
			ck_assert_int_eq(rates_of(&f, (uint32_t)i) != NULL,
					 orders[_i].given[i] > 0);
			if (orders[_i].given[i])
				ck_assert_double_eq_tol(rates_of(&f, (uint32_t)i)[0],
							0.5 / orders[_i].given[i], 1e-5);
		}
	}
	tear_down(&f);
}
END_TEST

/* Names count more than order: the array without a known name gets what is left. */
START_TEST(a_known_name_takes_its_layer)
{
	static const char *const names[] = { "s1", "unknown" };
	static const uint32_t units[] = { 12, 12 };
	struct fixture f;

	set_up(&f);
	make_graph(&f, 12, 12, 4, 0);
	set_metadata(&f, document_of(&f, names, units, 2, ""));
	must_attach(&f, NULL, NULL);
	ck_assert_double_eq(rates_of(&f, 1)[0], 0.5);
	ck_assert_double_eq(rates_of(&f, 0)[0], 0.25);
	tear_down(&f);
}
END_TEST

static void
make_weights(struct fixture *f, const char *name, uint32_t population, float first)
{
	float values[12 * 5] = { first, 2.0f };

	(void)add_initializer(f, name, 12, 5, values);
	f->graph->populations[population].weight_tensor = name;
}

START_TEST(a_fingerprint_decides)
{
	static const uint32_t units[] = { 12 };
	char fingerprint[FINGERPRINT_DIGITS + 1], more[64];
	struct fixture f;

	set_up(&f);
	make_graph(&f, 12, 12, 4, 0);
	make_weights(&f, "w0", 0, 1.0f);
	make_weights(&f, "w1", 1, 3.0f);
	ck_assert_int_eq(
		tensor_fingerprint(f.model, main_graph(&f)->initializer[1], fingerprint, &f.err),
		SNNFIT_OK);
	(void)snprintf(more, sizeof more, ",\"fingerprint\":\"%s\"", fingerprint);
	set_metadata(&f, document_of(&f, renamed, units, 1, more));
	must_attach(&f, NULL, NULL);
	ck_assert_ptr_null(rates_of(&f, 0));
	ck_assert_ptr_nonnull(rates_of(&f, 1));
	ck_assert(has_note(&f, "fingerprint"));
	tear_down(&f);
}
END_TEST

/* Tied weights have one fingerprint: it says nothing, and the order must do. */
START_TEST(a_fingerprint_of_several_layers_does_not)
{
	static const uint32_t units[] = { 12 };
	char fingerprint[FINGERPRINT_DIGITS + 1], more[64];
	struct fixture f;

	set_up(&f);
	make_graph(&f, 12, 12, 4, 0);
	make_weights(&f, "w0", 0, 1.0f);
	f.graph->populations[1].weight_tensor = "w0";
	ck_assert_int_eq(
		tensor_fingerprint(f.model, main_graph(&f)->initializer[0], fingerprint, &f.err),
		SNNFIT_OK);
	(void)snprintf(more, sizeof more, ",\"fingerprint\":\"%s\"", fingerprint);
	set_metadata(&f, document_of(&f, renamed, units, 1, more));
	ck_assert_int_eq(attach_with(&f, NULL, NULL), SNNFIT_EDATA);
	tear_down(&f);
}
END_TEST

START_TEST(other_weights_are_noted)
{
	static const char *const names[] = { "s0" };
	static const uint32_t units[] = { 12 };
	struct fixture f;

	set_up(&f);
	make_weights(&f, "w0", 0, 1.0f);
	set_metadata(&f, document_of(&f, names, units, 1, ",\"fingerprint\":\"0123456789abcdef\""));
	must_attach(&f, NULL, NULL);
	ck_assert(has_note(&f, "other weights"));
	tear_down(&f);
}
END_TEST

/* SHA-256 of the dims 1 and 5 and twice the 20 bytes of raw data, computed by Python. */
START_TEST(fingerprints_are_those_of_the_contract)
{
	static const float values[] = { 0.0f, 0.5f, 1.0f, 1.5f, 2.0f };
	char out[FINGERPRINT_DIGITS + 1];
	struct fixture f;
	Onnx__TensorProto *tensor;

	set_up(&f);
	tensor = add_initializer(&f, "w", 1, 5, values);
	ck_assert_int_eq(tensor_fingerprint(f.model, tensor, out, &f.err), SNNFIT_OK);
	ck_assert_str_eq(out, "0afe5312a51991c1");
	tear_down(&f);
}
END_TEST

/* --- convolutions ----------------------------------------------------------------- */

static const struct {
	const char *shape;
	int count;
	bool fits;
} conv_shapes[] = { { "[3,2,5]", 30, true },  { "[3,10]", 30, true },  { "[1,3,2,5]", 30, true },
		    { "[30]", 30, true },     { "[3]", 3, true },      { "[3,1,1]", 3, true },
		    { "[2,5,3]", 30, false }, { "[10,3]", 30, false }, { "[3,2]", 6, false },
		    { "[10]", 10, false } };

START_TEST(a_channel_has_positions)
{
	struct text text = { 0 };
	struct fixture f;
	int i;

	set_up(&f);
	make_graph(&f, 3, 7, 4, 0);
	f.graph->populations[0].positions = 10;
	text_printf(&text,
		    "{\"version\":1,\"layers\":[{\"tensor\":\"s0\",\"shape\":%s,\"rates\":[0",
		    conv_shapes[_i].shape);
	for (i = 1; i < conv_shapes[_i].count; i++)
		text_printf(&text, ",%g", i / 32.0);
	text_append(&text, "]}]}");
	set_metadata(&f, text.chars);
	text_free(&text);
	if (!conv_shapes[_i].fits) {
		ck_assert_int_eq(attach_with(&f, NULL, NULL), SNNFIT_EDATA);
		ck_assert_ptr_nonnull(strstr(f.err.text, "3 units of 10 positions"));
	} else {
		must_attach(&f, NULL, NULL);
		for (i = 0; i < 30; i++)
			ck_assert_double_eq(rates_of(&f, 0)[i],
					    (conv_shapes[_i].count == 3 ? i / 10 : i) / 32.0);
	}
	tear_down(&f);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rates");
	TCase *tests = tcase_create("rates");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, metadata_of_the_model);
	tcase_add_test(tests, rates_may_be_missing);
	tcase_add_test(tests, an_alias_is_as_good_as_the_name);
	tcase_add_loop_test(tests, documents_that_are_refused, 0, COUNT(bad_documents));
	tcase_add_loop_test(tests, layers_that_are_refused, 0, COUNT(bad_layers));
	tcase_add_test(tests, deep_nesting_is_refused);
	tcase_add_test(tests, json_that_asks_for_much_memory_is_refused);
	tcase_add_loop_test(tests, names_that_are_not_in_the_model, 0, COUNT(orders));
	tcase_add_test(tests, a_known_name_takes_its_layer);
	tcase_add_test(tests, a_fingerprint_decides);
	tcase_add_test(tests, a_fingerprint_of_several_layers_does_not);
	tcase_add_test(tests, other_weights_are_noted);
	tcase_add_test(tests, fingerprints_are_those_of_the_contract);
	tcase_add_loop_test(tests, a_channel_has_positions, 0, COUNT(conv_shapes));
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
