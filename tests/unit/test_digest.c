/* test_digest.c - which graphs are the same. */
#include "graph/digest.h"
#include "tests/unit/opt_cases.h"

static bool
same(const struct graph *a, const struct graph *b)
{
	uint8_t digests[2][GRAPH_DIGEST_BYTES];

	MUST(graph_digest(a, digests[0], err));
	MUST(graph_digest(b, digests[1], err));
	return memcmp(digests[0], digests[1], GRAPH_DIGEST_BYTES) == 0;
}

START_TEST(a_copy_is_the_same_whatever_it_is_called)
{
	struct graph *graph = chain(1), *copy = copy_of(graph);

	ck_assert(same(graph, copy));
	copy->populations[0].name = "other";
	set_rates(copy, 0, 0.5);
	if (!graph_note(copy, "a note"))
		ck_abort();
	ck_assert(same(graph, copy));
	graph_free(copy);
	graph_free(graph);
}
END_TEST

static void
change_weight(struct graph *graph)
{
	edit_weights(graph, 2)[7] += 1e-6f;
}

static void
change_unit(struct graph *graph)
{
	bool keep[CHAIN_HIDDEN];
	uint32_t i;

	for (i = 0; i < CHAIN_HIDDEN; i++)
		keep[i] = i != 3;
	MUST(graph_keep_units(graph, graph->populations[0].axis, keep, UNIT_DEAD, err));
}

static void
change_bias(struct graph *graph)
{
	double delta[CHAIN_HIDDEN] = { 0.5 };

	MUST(graph_add_to_bias(graph, 0, delta, err));
}

static void
change_threshold(struct graph *graph)
{
	graph->populations[1].neuron.threshold.values[0] = 1.5;
}

static void
change_population(struct graph *graph)
{
	graph->populations[1].removed = true;
}

START_TEST(what_computes_something_else_is_not_the_same)
{
	static void (*const changes[])(struct graph *) = { change_weight, change_unit, change_bias,
							   change_threshold, change_population };
	struct graph *graph = chain(1), *changed = copy_of(graph);

	changes[_i](changed);
	ck_assert(!same(graph, changed));
	graph_free(changed);
	graph_free(graph);
}
END_TEST

/* The values alone do not tell how they are stored. */
START_TEST(quantization_counts)
{
	struct graph *graph = chain(1), *changed;
	struct optimize_report report;

	run_passes(&graph, "quantization", NULL, &report);
	optimize_report_free(&report);
	changed = copy_of(graph);
	ck_assert(same(graph, changed));
	changed->projections[1].quantization.bits++;
	ck_assert(!same(graph, changed));
	graph_free(changed);
	graph_free(graph);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("digest");
	TCase *digest = tcase_create("digest");

	tcase_add_test(digest, a_copy_is_the_same_whatever_it_is_called);
	tcase_add_loop_test(digest, what_computes_something_else_is_not_the_same, 0, 5);
	tcase_add_test(digest, quantization_counts);
	suite_add_tcase(suite, digest);
	return run_suite(suite);
}
