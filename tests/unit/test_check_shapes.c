/* Shapes that cannot be, found before anything runs; and those that can. */
#include "check_cases.h"

/* a [2, 3], b [3, 4], v [3], image [1, 2, 8, 8], open [?, 3]; initializers with what
 * the case needs; y is whatever the nodes make of it, its shape left open. */
static struct bytes
model_of_shapes(struct bytes nodes)
{
	return model_of(ALL(value(11, "a", tensor_type(FLOAT, 2, 2, 3)),
			    value(11, "b", tensor_type(FLOAT, 2, 3, 4)),
			    value(11, "v", tensor_type(FLOAT, 1, 3)),
			    value(11, "image", tensor_type(FLOAT, 4, 1, 2, 8, 8)),
			    value(11, "open", tensor_type(FLOAT, 2, -9, 3)), nodes,
			    value(12, "y", inside(1, number(1, FLOAT)))));
}

/* The shape of a value, shown by what can be added to it: [3] can, [5] cannot. */
static void
ends_in(int width, const char *name, struct bytes nodes)
{
	struct bytes copy = bytes_of(nodes.at, nodes.length);
	char inputs[64];

	(void)snprintf(inputs, sizeof inputs, "%s probe", name);
	accepted(model_of_shapes(
		ALL(nodes, inside(5, zeros("probe", 1, width)), node("Add", inputs, "y"))));
	refused("joins shapes that do not broadcast",
		model_of_shapes(ALL(copy, inside(5, zeros("probe", 1, width + 1)),
				    node("Add", inputs, "y"))));
}

START_TEST(broadcasting)
{
	accepted(model_of_shapes(node("Add", "a v", "y")));
	accepted(model_of_shapes(node("Sum", "a v open", "y")));
	refused("the node of 'y' (Mul) joins shapes that do not broadcast: [2, 3] and [3, 4]",
		model_of_shapes(node("Mul", "a b", "y")));
	refused("joins shapes that do not broadcast: [?, 3] and [3, 4]",
		model_of_shapes(node("Mul", "open b", "y")));
	refused("do not broadcast", model_of_shapes(node("Max", "v a b", "y")));
	ends_in(3, "z", node("Relu", "a", "z"));
	ends_in(3, "z", node("Sub", "v a", "z"));
	ends_in(3, "z", node("Add", "v open", "z"));
	ends_in(3, "z", node("Pow", "a v", "z"));
	ends_in(4, "z", ALL(node("Greater", "b b", "g"), node("Where", "g b b", "z")));
}
END_TEST

/* Operators before version 8 broadcast in their own ways. */
START_TEST(old_operators_are_left_alone)
{
	struct bytes graph = ALL(
		string(2, "g"), value(11, "a", tensor_type(FLOAT, 2, 2, 3)),
		value(11, "b", tensor_type(FLOAT, 1, 2)),
		node_with("Add", "a b", "y",
			  join(int_attribute("axis", 0), int_attribute("broadcast", 1))),
		value(12, "y", tensor_type(FLOAT, 0)));

	accepted(ALL(number(1, 9), inside(7, graph), inside(8, number(2, 6))));
}
END_TEST

START_TEST(shapes_in_branches_are_left_open)
{
	struct bytes then = ALL(node("Add", "a b", "z"), inside(12, string(1, "z")));
	struct bytes otherwise = ALL(node("Neg", "a", "z"), inside(12, string(1, "z")));

	accepted(model_of_shapes(
		ALL(value(11, "c", tensor_type(BOOL, 0)),
		    node_with("If", "c", "y",
			      join(attribute("then_branch", A_GRAPH,
					     inside(6, join(string(2, "g"), then))),
				   attribute("else_branch", A_GRAPH,
					     inside(6, join(string(2, "g"), otherwise))))))));
}
END_TEST

START_TEST(an_operator_with_a_meaning_of_its_own_has_no_rule)
{
	struct bytes own = inside(25, ALL(string(1, "Add"), string(10, ""), names(4, "p q"),
					  names(5, "r"), inside(9, number(2, 17)),
					  inside(7, node_fields("MatMul", "p q", "r"))));

	accepted(join(model_of_shapes(node("Add", "a b", "y")), own));
}
END_TEST

static struct bytes
gemm(const char *inputs, int turned_a, int turned_b)
{
	return node_with(
		"Gemm", inputs, "z",
		join(int_attribute("transA", turned_a), int_attribute("transB", turned_b)));
}

START_TEST(gemm_multiplies)
{
	ends_in(4, "z", gemm("a b", 0, 0));
	ends_in(2, "z", gemm("b a", 1, 1));
	ends_in(4, "z", join(inside(5, zeros("bias", 1, 4)), gemm("open b bias", 0, 0)));
	accepted(model_of_shapes(ALL(inside(5, zeros("bias", 2, 2, 1)), gemm("a b bias", 0, 0),
				     node("Relu", "z", "y"))));
	refused("(Gemm) cannot take [2, 3] and [3, 4]: the inner dimensions differ",
		model_of_shapes(gemm("a b", 0, 1)));
	refused("cannot take [2, 3] and [3, 4]: the inner dimensions differ",
		model_of_shapes(gemm("a b", 1, 0)));
	refused("cannot take [3] and [3, 4]: it multiplies matrices",
		model_of_shapes(gemm("v b", 0, 0)));
	refused("cannot add [3] to a product of shape [2, 4]",
		model_of_shapes(gemm("a b v", 0, 0)));
	refused("cannot add [1, 2, 8, 8]", model_of_shapes(gemm("a b image", 0, 0)));
}
END_TEST

START_TEST(matmul)
{
	ends_in(4, "z", node("MatMul", "a b", "z"));
	ends_in(4, "z", node("MatMul", "v b", "z"));
	ends_in(2, "z", node("MatMul", "a v", "z"));
	ends_in(8, "z", node("MatMul", "image image", "z"));
	accepted(model_of_shapes(ALL(node("MatMul", "v v", "z"), node("Add", "z a", "y"))));
	refused("(MatMul) cannot take [3, 4] and [2, 3]: the inner dimensions differ",
		model_of_shapes(node("MatMul", "b a", "y")));
	refused("a single number is no matrix",
		model_of_shapes(ALL(inside(5, zeros("s", 0)), node("MatMul", "a s", "y"))));
	refused("the outer dimensions differ",
		model_of_shapes(
			ALL(inside(5, zeros("w", 3, 3, 8, 8)), node("MatMul", "image w", "y"))));
}
END_TEST

START_TEST(conv)
{
	struct bytes weights = inside(5, zeros("w", 4, 6, 2, 3, 3));
	struct bytes grouped = inside(5, zeros("w", 4, 6, 1, 3, 3));

	accepted(model_of_shapes(
		ALL(weights, inside(5, zeros("bias", 1, 6)), node("Conv", "image w bias", "y"))));
	accepted(model_of_shapes(
		ALL(grouped, node_with("Conv", "image w", "y", int_attribute("group", 2)))));
	refused("the channels do not fit", model_of_shapes(ALL(inside(5, zeros("w", 4, 6, 3, 3, 3)),
							       node("Conv", "image w", "y"))));
	refused("the numbers of dimensions differ",
		model_of_shapes(
			ALL(inside(5, zeros("w", 3, 6, 2, 3)), node("Conv", "image w", "y"))));
	refused("a bias has one number a channel",
		model_of_shapes(ALL(inside(5, zeros("w", 4, 6, 2, 3, 3)),
				    inside(5, zeros("bias", 1, 5)),
				    node("Conv", "image w bias", "y"))));
}
END_TEST

static struct bytes
concat(const char *inputs, int64_t axis)
{
	return node_with("Concat", inputs, "z", int_attribute("axis", axis));
}

START_TEST(concat_joins)
{
	ends_in(6, "z", concat("a a", -1));
	ends_in(3, "z", concat("a open", 0));
	refused("cannot join [3, 4] to [2, 3] along axis 1", model_of_shapes(concat("a b", 1)));
	refused("cannot join [3] to", model_of_shapes(concat("a v", 0)));
	refused("has axis 4611686018427387904, but its inputs have 2 dimensions",
		model_of_shapes(concat("a a", 1LL << 62)));
}
END_TEST

/* A Reshape of a [2, 3] to what the list says. */
static struct bytes
reshape(struct bytes target)
{
	return join(inside(5, target), node("Reshape", "a to", "z"));
}

START_TEST(reshape_keeps_the_elements)
{
	ends_in(6, "z", reshape(integers("to", 1, 6LL)));
	ends_in(3, "z", reshape(integers("to", 2, -1LL, 3LL)));
	ends_in(3, "z", reshape(integers("to", 3, 1LL, 2LL, -1LL)));
	ends_in(3, "z", reshape(integers("to", 2, 0LL, -1LL)));
	refused("cannot make [4] of [2, 3]", model_of_shapes(reshape(integers("to", 1, 4LL))));
	refused("cannot make [?, ?] of", model_of_shapes(reshape(integers("to", 2, -1LL, -1LL))));
	refused("cannot make [?, 4] of", model_of_shapes(reshape(integers("to", 2, -1LL, 4LL))));
	refused("cannot make [-5] of", model_of_shapes(reshape(integers("to", 1, -5LL))));
	refused("cannot make [6, 1, 0] of",
		model_of_shapes(reshape(integers("to", 3, 6LL, 1LL, 0LL))));
	refused("cannot make [4294967296, 4294967296] of",
		model_of_shapes(reshape(integers("to", 2, 1LL << 32, 1LL << 32))));
}
END_TEST

START_TEST(flatten)
{
	ends_in(128, "z", node("Flatten", "image", "z"));
	ends_in(64, "z", node_with("Flatten", "image", "z", int_attribute("axis", 2)));
	ends_in(8, "z", node_with("Flatten", "image", "z", int_attribute("axis", -1)));
	ends_in(3, "z", node_with("Flatten", "v", "z", int_attribute("axis", 0)));
	accepted(model_of_shapes(node_with("Flatten", "v", "y", int_attribute("axis", 1))));
	refused("has axis 5, but its input has 4 dimensions",
		model_of_shapes(node_with("Flatten", "image", "y", int_attribute("axis", 5))));
}
END_TEST

static struct bytes
transpose(struct bytes perm)
{
	return node_with("Transpose", "a", "z", perm);
}

START_TEST(transpose_orders)
{
	struct bytes turn = attribute("perm", A_INTS, join(number(8, 1), number(8, 0)));
	struct bytes stay = attribute("perm", A_INTS, join(number(8, 0), number(8, 1)));

	ends_in(2, "z", transpose(turn));
	ends_in(3, "z", transpose(stay));
	ends_in(2, "z", transpose(nothing()));
	refused("has a perm that is no order of dimensions",
		model_of_shapes(
			transpose(attribute("perm", A_INTS, join(number(8, 0), number(8, 7))))));
	refused("has a perm that is no order of dimensions",
		model_of_shapes(
			transpose(attribute("perm", A_INTS, join(number(8, 0), number(8, 0))))));
	refused("orders 1 dimensions, but its input has 2",
		model_of_shapes(transpose(attribute("perm", A_INTS, number(8, 0)))));
}
END_TEST

static struct bytes
split(struct bytes parts)
{
	return ALL(inside(5, parts), node_with("Split", "v parts", "y z", nothing()));
}

START_TEST(split_makes_up_its_input)
{
	accepted(model_of_shapes(split(integers("parts", 2, 1LL, 2LL))));
	refused("has parts that are not", model_of_shapes(split(integers("parts", 2, -2LL, 5LL))));
	refused("has parts that are not", model_of_shapes(split(integers("parts", 2, 1LL, 1LL))));
	refused("has parts that are not", model_of_shapes(split(integers("parts", 1, 3LL))));
	refused("has axis 1, but its input has 1 dimensions",
		model_of_shapes(node_with("Split", "v", "y z", int_attribute("axis", 1))));
}
END_TEST

START_TEST(constants_of_a_shape)
{
	ends_in(7, "z",
		ALL(inside(5, integers("dims", 2, 1LL, 7LL)),
		    node("ConstantOfShape", "dims", "z")));
	refused("is to make a tensor with the dimension -5",
		model_of_shapes(ALL(inside(5, integers("dims", 1, -5LL)),
				    node("ConstantOfShape", "dims", "y"))));
	/* By way of a Constant and an Identity. */
	refused("the dimension -5",
		model_of_shapes(ALL(
			node_with("Constant", "", "c",
				  attribute("value", A_TENSOR, inside(5, integers("", 1, -5LL)))),
			node("Identity", "c", "dims"), node("ConstantOfShape", "dims", "y"))));
}
END_TEST

/* A value of which nothing is known, u, and what goes through operators with it. */
static void
leaves_open(struct bytes nodes)
{
	accepted(model_of_shapes(ALL(call("Custom", "a", "u"), nodes, node("Relu", "z", "y"))));
}

START_TEST(the_unknown_stays_unknown)
{
	struct bytes turn = attribute("perm", A_INTS, join(number(8, 1), number(8, 0)));

	leaves_open(node("Add", "u a", "z"));
	leaves_open(node("Flatten", "u", "z"));
	leaves_open(node("MatMul", "u a", "z"));
	leaves_open(node("Conv", "image u", "z"));
	leaves_open(concat("u a", 1));
	leaves_open(concat("u u", 7));
	leaves_open(node_with("Transpose", "u", "z", turn));
	leaves_open(node("Transpose", "u", "z"));
	leaves_open(node("Reshape", "a u", "z"));
	leaves_open(node("ConstantOfShape", "u", "z"));
	leaves_open(node("Split", "u", "z"));
	leaves_open(join(inside(5, integers("to", 2, -1LL, 3LL)), node("Reshape", "open to", "z")));
	leaves_open(node_with("Constant", "", "z", attribute("value_float", A_FLOAT, nothing())));
	leaves_open(node_with("Transpose", "a", "z", attribute("perm", A_INTS, nothing())));
	/* What is known has to go together nevertheless. */
	refused("do not broadcast",
		model_of_shapes(join(call("Custom", "a", "u"), node("Sum", "a u b", "y"))));
	refused("cannot join [3, 4] to [2, 3]",
		model_of_shapes(join(call("Custom", "a", "u"), concat("a u b", 1))));
}
END_TEST

START_TEST(too_many_dimensions_to_follow)
{
	struct bytes deep = nothing();

	for (int d = 0; d < 20; d++)
		add(&deep, inside(1, number(1, 2)));
	deep = inside(1, join(number(1, FLOAT), inside(2, deep)));
	accepted(model_of(ALL(value(11, "deep", deep), node("Relu", "deep", "y"),
			      value(12, "y", inside(1, number(1, FLOAT))))));
}
END_TEST

/* What a caller may replace is not known. */
START_TEST(defaults_of_inputs_are_no_constants)
{
	accepted(model_of_shapes(ALL(value(11, "dims", tensor_type(INT64, 1, 1)),
				     inside(5, integers("dims", 1, -5LL)),
				     node("ConstantOfShape", "dims", "y"))));
}
END_TEST

START_TEST(types_follow)
{
	refused("has elements of type 1, but what is made under that name has type 7",
		model_of_shapes(ALL(node_with("Cast", "a", "z", int_attribute("to", INT64)),
				    node("Identity", "z", "y"))));
	refused("type 1, but what is made under that name has type 9",
		model_of_shapes(ALL(node("Less", "a v", "z"), node("Not", "z", "y"))));
	refused("type 1, but what is made under that name has type 9",
		model_of_shapes(node("IsNaN", "a", "y")));
	refused("type 1, but what is made under that name has type 7",
		model_of_shapes(ALL(
			inside(5, integers("dims", 1, 1LL)),
			node_with("ConstantOfShape", "dims", "y",
				  attribute("value", A_TENSOR, inside(5, integers("", 1, 3LL)))))));
	accepted(model_of_shapes(ALL(inside(5, zeros("scale", 0)),
				     node("QuantizeLinear", "a scale", "q"),
				     node("DequantizeLinear", "q scale", "y"))));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("check shapes");
	TCase *tests = tcase_create("shapes");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, broadcasting);
	tcase_add_test(tests, old_operators_are_left_alone);
	tcase_add_test(tests, shapes_in_branches_are_left_open);
	tcase_add_test(tests, an_operator_with_a_meaning_of_its_own_has_no_rule);
	tcase_add_test(tests, gemm_multiplies);
	tcase_add_test(tests, matmul);
	tcase_add_test(tests, conv);
	tcase_add_test(tests, concat_joins);
	tcase_add_test(tests, reshape_keeps_the_elements);
	tcase_add_test(tests, flatten);
	tcase_add_test(tests, transpose_orders);
	tcase_add_test(tests, split_makes_up_its_input);
	tcase_add_test(tests, constants_of_a_shape);
	tcase_add_test(tests, the_unknown_stays_unknown);
	tcase_add_test(tests, too_many_dimensions_to_follow);
	tcase_add_test(tests, defaults_of_inputs_are_no_constants);
	tcase_add_test(tests, types_follow);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
