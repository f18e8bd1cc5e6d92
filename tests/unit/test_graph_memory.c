/* Out of memory is an error like another: every allocation fails once, and what
 * was there before is as it was, with nothing leaked. */
#include "failing_allocator.h"
#include "graph_cases.h"

/* Something that is done to a graph. */
typedef snnfit_status (*graph_operation)(struct graph *graph, const char *text, snnfit_error *err);

static snnfit_status
do_copy(struct graph *graph, const char *text, snnfit_error *err)
{
	struct graph *copy;
	snnfit_status status = graph_copy(&copy, graph, err);

	(void)text;
	if (status == SNNFIT_OK)
		graph_free(copy);
	return status;
}

static snnfit_status
do_parse(struct graph *graph, const char *text, snnfit_error *err)
{
	struct graph *back;
	snnfit_status status = graph_parse(&back, text, err);

	(void)graph;
	if (status == SNNFIT_OK)
		graph_free(back);
	return status;
}

static snnfit_status
do_print(struct graph *graph, const char *text, snnfit_error *err)
{
	struct text out = { 0 };
	snnfit_status status = graph_print(graph, &out, err);

	(void)text;
	text_free(&out);
	return status;
}

static snnfit_status
do_verify(struct graph *graph, const char *text, snnfit_error *err)
{
	(void)text;
	return graph_verify(graph, err);
}

static snnfit_status
do_count(struct graph *graph, const char *text, snnfit_error *err)
{
	uint64_t all, nonzero;

	(void)text;
	return graph_count_parameters(graph, &all, &nonzero, err);
}

/* The edits are done to a copy, as a pass would. */
static snnfit_status
do_edits(struct graph *graph, const char *text, snnfit_error *err)
{
	uint32_t units = graph->axes[0].units, i;
	bool keep[8], gone[8];
	struct graph *copy;
	snnfit_status status = graph_copy(&copy, graph, err);

	(void)text;
	if (status != SNNFIT_OK)
		return status;
	for (i = 0; i < units; i++)
		gone[i] = !(keep[i] = i != 0);
	if (status == SNNFIT_OK)
		status = graph_merge_columns(copy, 0, 1, 0, 0.5, err);
	if (status == SNNFIT_OK)
		status = graph_fold_constant(copy, 0, gone, false, err);
	if (status == SNNFIT_OK)
		status = graph_keep_units(copy, 0, keep, UNIT_MERGED, err);
	if (status == SNNFIT_OK)
		status = graph_verify(copy, err);
	graph_free(copy);
	return status;
}

static const graph_operation operations[] = { do_copy,	 do_parse, do_print,
					      do_verify, do_count, do_edits };

/* Fails one allocation after the other until the operation gets through. */
static long
fail_each(graph_operation operation, struct graph *graph, const char *text)
{
	long before = allocated, tries;
	snnfit_error why;
	snnfit_status status;

	for (tries = 0;; tries++) {
		why = (snnfit_error){ 0 };
		failing->left = tries;
		status = operation(graph, text, &why);
		if (failing->left < 0) {
			ck_assert_int_eq(status, SNNFIT_ENOMEM);
			ck_assert_str_eq(why.text, "out of memory");
			ck_assert_int_eq(allocated, before);
			continue;
		}
		failing->left = -1;
		ck_assert_int_eq(status, SNNFIT_OK);
		ck_assert_int_eq(allocated, before);
		return tries;
	}
}

START_TEST(every_allocation_may_fail)
{
	uint64_t seed = 0;
	uint32_t graphs = 0;
	long failures = 0;

	while (graphs < 20) {
		struct graph_case c;
		char *text, *again;

		random_graph(&c, seed++);
		if (c.graph->axes[0].units >= 2 && !c.graph->axes[0].part_count) {
			text = printed(c.graph);
			failures += fail_each(operations[_i], c.graph, text);
			again = printed(c.graph);
			ck_assert_str_eq(text, again);
			free(text);
			free(again);
			graphs++;
		}
		graph_free(c.graph);
	}
	ck_assert(failures > 0);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

int
main(void)
{
	Suite *suite = suite_create("graph memory");
	TCase *tests = tcase_create("memory");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(tests, every_allocation_may_fail, 0, COUNT(operations));
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
