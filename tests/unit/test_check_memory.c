/* The check under load: every allocation fails once; many nodes take no more than
 * their share of time. */
#include "failing_allocator.h"

#include "check_cases.h"

#include <time.h>

/* A branch of an If that makes x + w. */
static struct bytes
branch(const char *name)
{
	struct bytes graph = ALL(string(2, name), node("Add", "x w", "b"),
				 inside(12, string(1, "b")));

	return attribute(name, A_GRAPH, inside(6, graph));
}

/* Operators whose shapes are followed, each of which takes notes. */
static struct bytes
followed(void)
{
	struct bytes shapes = ALL(inside(5, zeros("w22", 2, 2, 2)),
				  inside(5, zeros("w4", 4, 2, 2, 1, 1)),
				  inside(5, integers("to", 2, 2LL, 1LL)));

	return ALL(shapes, node("Reshape", "x to", "r"), node("Transpose", "r", "t"),
		   node("Gemm", "t w22", "p"), node("MatMul", "p w22", "q"),
		   node("Flatten", "q", "o"), node("ConstantOfShape", "to", "k"),
		   node("Conv", "w4 w4", "v"),
		   node_with("Concat", "o o", "j", int_attribute("axis", 0)));
}

/* A bit of everything that the check keeps notes of, behind so many inputs: what an
 * allocation is for that needs new memory depends on what went before. */
static struct bytes
rich_model(int inputs)
{
	struct bytes choice = node_with("If", "c", "y",
					join(branch("then_branch"), branch("else_branch")));
	struct bytes scattered = inside(15, ALL(inside(1, zeros("s", 1, 1)), number(3, 4),
						inside(2, integers("", 1, 3LL))));
	struct bytes body = join(body_node("G", "a", "c", "x"), body_node("Relu", "c", "b", ""));
	struct bytes before = nothing();
	char name[16];

	for (int i = 0; i < inputs; i++) {
		(void)snprintf(name, sizeof name, "in%d", i);
		add(&before, input(name));
	}
	return ALL(model_of(ALL(before, input("x"), value(11, "c", tensor_type(BOOL, 0)),
				inside(5, zeros("w", 1, 2)), scattered, followed(),
				node("Mul", "x w", "m"), call("F", "m", "f"), choice, output("y"))),
		   function("F", "a", "b", body),
		   function("G", "a", "b", body_node("Relu", "a", "b", "")),
		   inside(14, join(string(1, "key"), string(2, "value"))));
}

/* How many there are. */
static long
fail_each_allocation(const struct onnx_model *model)
{
	snnfit_status status = SNNFIT_ENOMEM;
	snnfit_error err = { 0 };
	long before = allocated, n;

	for (n = 0; status == SNNFIT_ENOMEM; n++) {
		failing->left = n;
		status = onnx_model_check(model, &err);
		failing->left = -1;
		ck_assert_int_eq(allocated, before);
	}
	ck_assert_msg(status == SNNFIT_OK, "%s", err.text);
	return n - 1;
}

START_TEST(every_allocation_may_fail)
{
	long failed = 0;

	for (int inputs = 0; inputs < 600; inputs += SANITIZED ? 29 : 7) {
		struct bytes bytes = rich_model(inputs);
		struct onnx_model *model = must_read(bytes);

		failed += fail_each_allocation(model);
		onnx_model_free(model);
		free(bytes.at);
	}
	ck_assert(failed > 50);
}
END_TEST

static struct bytes
chain_of(int count)
{
	struct bytes nodes = nothing();
	char from[16] = "x", to[16];

	nodes.at = realloc(nodes.at, (size_t)count * 48);
	ck_assert_ptr_nonnull(nodes.at);
	for (int i = 0; i < count; i++) {
		struct bytes one;

		(void)snprintf(to, sizeof to, i == count - 1 ? "y" : "n%d", i);
		one = node("Relu", from, to);
		memcpy(nodes.at + nodes.length, one.at, one.length);
		nodes.length += one.length;
		free(one.at);
		memcpy(from, to, sizeof from);
	}
	return model_of_nodes(nodes);
}

static double
seconds_for(int count)
{
	struct bytes bytes = chain_of(count);
	struct onnx_model *model = must_read(bytes);
	snnfit_error err = { 0 };
	double best = 1e9;

	for (int i = 0; i < 5; i++) {
		clock_t begin = clock();
		double seconds;

		ck_assert_msg(onnx_model_check(model, &err) == SNNFIT_OK, "%s", err.text);
		seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
		best = seconds < best ? seconds : best;
	}
	onnx_model_free(model);
	free(bytes.at);
	return best;
}

/* Ten times the nodes in a hundred times the time would be quadratic. */
START_TEST(time_is_linear_in_the_nodes)
{
	ck_assert_double_lt(seconds_for(100000), 40 * seconds_for(10000) + 0.01);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("check memory");
	TCase *tests = tcase_create("load");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, every_allocation_may_fail);
	tcase_add_test(tests, time_is_linear_in_the_nodes);
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
