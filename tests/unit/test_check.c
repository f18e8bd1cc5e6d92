/* What is refused, with which sentence, and the valid model beside it. */
#include "check_cases.h"

/* --- the model ----------------------------------------------------------------------- */

static struct bytes
empty_graph(void)
{
	return inside(7, string(2, "g"));
}

static struct bytes
opset(const char *domain, uint64_t version)
{
	return inside(8, join(string(1, domain), number(2, version)));
}

static struct bytes
metadata(const char *key)
{
	return inside(14, join(string(1, key), string(2, "v")));
}

START_TEST(ir_versions)
{
	accepted(ALL(number(1, 14), empty_graph(), opset("", 17)));
	refused("it has no ir_version", ALL(empty_graph(), opset("", 17)));
	refused("IR version 0; known are 1 to 14", ALL(number(1, 0), empty_graph()));
	refused("IR version 15;", ALL(number(1, 15), empty_graph(), opset("", 17)));
	refused("IR version -1;", ALL(number(1, UINT64_MAX), empty_graph(), opset("", 17)));
}
END_TEST

START_TEST(operator_sets)
{
	accepted(ALL(number(1, 2), empty_graph()));
	accepted(ALL(number(1, 9), empty_graph(), opset("", 28), opset("x", 0)));
	accepted(ALL(number(1, 9), empty_graph(), opset("", 17), opset("ai.onnx", 17)));
	accepted(ALL(number(1, 9), empty_graph(), opset("x", 1)));
	refused("has no opset_import", ALL(number(1, 9), empty_graph()));
	refused("IR version 2 does not know", ALL(number(1, 2), empty_graph(), opset("", 1)));
	refused("version 0 of the standard", ALL(number(1, 9), empty_graph(), opset("", 0)));
	refused("version 29 of the standard", ALL(number(1, 9), empty_graph(), opset("", 29)));
	refused("negative version -5 of domain 'x'",
		ALL(number(1, 9), empty_graph(), opset("x", (uint64_t)-5)));
	refused("'' twice, with versions 17 and 11",
		ALL(number(1, 9), empty_graph(), opset("", 17), opset("ai.onnx", 11)));
}
END_TEST

START_TEST(metadata_keys)
{
	struct bytes nul = inside(14, inside(1, bytes_of("a\0b", 3)));
	struct bytes other = inside(14, inside(1, bytes_of("a\0c", 3)));

	accepted(ALL(model_of(nothing()), metadata("a"), metadata("b"), nul, other));
	refused("the key 'a' twice",
		ALL(model_of(nothing()), metadata("a"), metadata("b"), metadata("a")));
	refused("the key '' twice",
		ALL(model_of(nothing()), inside(14, nothing()), inside(14, nothing())));
}
END_TEST

/* --- graphs -------------------------------------------------------------------------- */

START_TEST(names_resolve)
{
	accepted(model_of_nodes(node("Add", "x x", "y")));
	refused("the node of 'y' (Relu) reads 'z', which nothing before it makes",
		model_of_nodes(node("Relu", "z", "y")));
	refused("reads 'b', which nothing before it makes",
		model_of_nodes(join(node("Add", "x b", "y"), node("Relu", "x", "b"))));
	refused("reads 'y', which nothing before it makes",
		model_of_nodes(node("Add", "x y", "y")));
	refused("node 'n' (Relu) reads",
		model_of_nodes(node_with("Relu", "z", "y", string(3, "n"))));
	refused("output 'y' is made by no node, input or initializer",
		model_of_nodes(node("Relu", "x", "z")));
	accepted(model_of(join(input("x"), output("x"))));
	accepted(model_of(ALL(inside(5, zeros("w", 1, 2)), output("w"))));
}
END_TEST

START_TEST(values_are_made_once)
{
	refused("the node of 'y' (Relu) makes 'y', which is there already",
		model_of_nodes(join(node("Relu", "x", "y"), node("Relu", "x", "y"))));
	refused("makes 'x', which is there", model_of_nodes(node("Relu", "x", "x")));
	refused("makes 'w', which is there", model_of(ALL(input("x"), inside(5, zeros("w", 1, 2)),
							  node("Relu", "x", "w"), output("w"))));
	refused("makes 'y', which is there",
		model_of_nodes(node_with("Split", "x", "y y", nothing())));
	accepted(model_of_nodes(node("Dropout", "x", "y -")));
	refused("input 'x' stands in its graph twice",
		model_of(ALL(input("x"), input("x"), output("x"))));
	refused("output 'x' stands in its graph twice",
		model_of(ALL(input("x"), output("x"), output("x"))));
	refused("initializer 'w' stands in its graph twice",
		model_of(ALL(inside(5, zeros("w", 1, 2)), inside(5, zeros("w", 1, 2)))));
	accepted(model_of(ALL(input("x"), inside(5, zeros("x", 1, 2)), output("x"))));
}
END_TEST

START_TEST(graphs_are_complete)
{
	accepted(model_of(nothing()));
	refused("a graph has no name", ALL(number(1, 9), inside(7, input("x")), opset("", 17)));
	refused("the model has no outputs", model_of(join(input("x"), node("Relu", "x", "y"))));
	refused("an input without a name", model_of(input("")));
	refused("an output without a name", model_of(join(input("x"), output(""))));
	refused("an initializer without a name", model_of(inside(5, zeros("", 1, 2))));
	/* IR version 3 asks for an input of that name, too; files in use have none. */
	accepted(ALL(number(1, 3), inside(7, join(string(2, "g"), inside(5, zeros("w", 1, 2)))),
		     opset("", 8)));
}
END_TEST

/* --- subgraphs ------------------------------------------------------------------------- */

static struct bytes
subgraph(const char *attribute_name, struct bytes fields)
{
	return attribute(attribute_name, A_GRAPH, inside(6, join(string(2, "inner"), fields)));
}

/* x [2], c bool -> If(c) with this branch, and one that is fine -> y. */
static struct bytes
model_with_branch(struct bytes branch)
{
	struct bytes other = ALL(node("Neg", "x", "b"), inside(12, string(1, "b")));
	struct bytes choice = node_with(
		"If", "c", "y",
		join(subgraph("then_branch", branch), subgraph("else_branch", other)));

	return model_of(ALL(input("x"), value(11, "c", tensor_type(BOOL, 0)), node("Abs", "x", "a"),
			    choice, output("y")));
}

START_TEST(subgraphs_see_what_is_around_them)
{
	accepted(model_with_branch(ALL(node("Add", "x a", "b"), inside(12, string(1, "b")))));
	refused("reads 'y', which nothing before it makes",
		model_with_branch(ALL(node("Relu", "y", "b"), inside(12, string(1, "b")))));
	refused("makes 'a', which is there already",
		model_with_branch(ALL(node("Relu", "x", "a"), inside(12, string(1, "a")))));
	refused("output 'a' is made by no node, input or initializer of its graph",
		model_with_branch(inside(12, string(1, "a"))));
	/* What a branch makes is gone behind it: here its name is made again. */
	accepted(model_of(ALL(
		input("x"), value(11, "c", tensor_type(BOOL, 0)),
		node_with("If", "c", "y",
			  join(subgraph("then_branch",
					ALL(node("Relu", "x", "b"), inside(12, string(1, "b")))),
			       subgraph("else_branch",
					ALL(node("Neg", "x", "b"), inside(12, string(1, "b")))))),
		node("Relu", "y", "b"), output("b"))));
}
END_TEST

START_TEST(inputs_of_subgraphs_may_hide_names)
{
	struct bytes branch = ALL(inside(11, string(1, "a")), node("Relu", "a", "b"),
				  inside(12, string(1, "b")));
	struct bytes list = subgraph("graphs", branch);

	/* Around it, the name means again what it did. */
	accepted(model_of(ALL(input("x"), node("Abs", "x", "a"),
			      node_with("Custom", "a", "z", join(string(7, "x"), list)),
			      node("Relu", "a", "y"), output("y"))));
}
END_TEST

static struct bytes
training(struct bytes algorithm)
{
	return inside(20, inside(2, join(string(2, "step"), algorithm)));
}

START_TEST(training_graphs_see_the_main_graph)
{
	accepted(join(model_of_nodes(node("Relu", "x", "y")),
		      training(ALL(node("Neg", "y", "y"), inside(12, string(1, "y"))))));
	refused("training_info.algorithm: the node of 'b' (Neg) reads 'nosuch'",
		join(model_of_nodes(node("Relu", "x", "y")), training(node("Neg", "nosuch", "b"))));
}
END_TEST

/* --- nodes ------------------------------------------------------------------------------ */

START_TEST(operators_are_known)
{
	refused("(no op_type) has no operator", model_of_nodes(node("", "x", "y")));
	refused("has neither inputs nor outputs", model_of_nodes(node("Constant", "", "")));
	refused("an operator that version 17 of the standard operators does not have",
		model_of_nodes(node("NoSuchOp", "x", "y")));
	refused("an operator that version 17 of the standard operators does not have",
		model_of_nodes(node("Gelu", "x", "y")));
	accepted(
		ALL(number(1, 9),
		    inside(7, ALL(string(2, "g"), input("x"), node("Gelu", "x", "y"), output("y"))),
		    opset("", 20)));
	refused("withdrawn in version 10", model_of_nodes(node("Upsample", "x x", "y")));
	accepted(model_of_nodes(node("ATen", "x", "y")));
	accepted(model_of_nodes(call("Anything", "x", "y")));
	accepted(model_of_nodes(node_with("Relu", "x", "y", string(7, "ai.onnx"))));
	refused("is of domain 'z', which opset_import does not name",
		model_of_nodes(node_with("Relu", "x", "y", string(7, "z"))));
}
END_TEST

START_TEST(inputs_and_outputs_are_counted)
{
	refused("has 1 inputs, but its operator takes at least 2",
		model_of_nodes(node("Add", "x", "y")));
	refused("has 3 inputs, but its operator takes at most 2",
		model_of_nodes(node("Add", "x x x", "y")));
	refused("has 2 outputs, but its operator takes at most 1",
		model_of_nodes(node("Relu", "x", "y z")));
	refused("has 0 outputs, but its operator takes at least 1",
		model_of_nodes(node("Relu", "x", "")));
	refused("leaves out input 1, which must be there", model_of_nodes(node("Add", "x -", "y")));
	refused("leaves out output 0, which must be there", model_of_nodes(node("Relu", "x", "-")));
	refused("leaves out input 2, which must be there",
		model_of_nodes(node("Sum", "x x -", "y")));
	accepted(model_of_nodes(node("Clip", "x - x", "y")));
	accepted(model_of_nodes(node("Sum", "x x x x x", "y")));
}
END_TEST

/* A Flatten with these as its attributes. */
static struct bytes
flatten(struct bytes attributes)
{
	return model_of_nodes(node_with("Flatten", "x", "y", attributes));
}

START_TEST(attributes_hold_what_they_say)
{
	accepted(flatten(int_attribute("axis", 1)));
	accepted(flatten(attribute("axis", A_INT, nothing())));
	refused("attribute 'axis' has no type", flatten(attribute("axis", 0, number(3, 1))));
	refused("attribute 'axis' has no type", flatten(attribute("axis", 99, number(3, 1))));
	refused("attribute '' has no name", flatten(int_attribute("", 1)));
	refused("the node of 'y' (Flatten), attribute 'axis' has a value of another type",
		flatten(attribute("axis", A_FLOAT, number(3, 1))));
	refused("attribute 'axis' has more than one value",
		flatten(attribute("axis", A_INT, join(number(3, 1), number(8, 1)))));
	refused("has the attribute 'axis' twice",
		flatten(join(int_attribute("axis", 1), int_attribute("axis", 1))));
	refused("attribute 'value' has no value",
		model_of_nodes(
			node_with("Constant", "", "y", attribute("value", A_TENSOR, nothing()))));
	refused("refers to an attribute of a function, but is in none",
		flatten(attribute("axis", A_INT, string(21, "a"))));
}
END_TEST

START_TEST(attributes_are_the_operators)
{
	refused("attribute 'evil', which its operator does not know",
		flatten(int_attribute("evil", 1)));
	accepted(flatten(int_attribute("__note", 1)));
	refused("'axis' of another type than its operator takes",
		flatten(attribute("axis", A_INTS, number(8, 1))));
	refused("needs the attribute 'axis'", model_of_nodes(node("Concat", "x x", "y")));
	refused("the attribute 'to' = 99, which is no type",
		model_of_nodes(node_with("Cast", "x", "y", int_attribute("to", 99))));
	refused("the attribute 'to' = -9223372036854775808",
		model_of_nodes(node_with("Cast", "x", "y", int_attribute("to", INT64_MIN))));
	accepted(model_of_nodes(call("Anything", "x", "y")));
	accepted(model_of(
		ALL(input("x"), inside(5, zeros("w", 1, 2)),
		    node_with("LayerNormalization", "x w", "y", int_attribute("whatever", 1)),
		    output("y"))));
}
END_TEST

/* A node of an operator that may have any attributes, with this one. */
static struct bytes
custom(struct bytes one)
{
	return model_of_nodes(node_with("Custom", "x", "y", join(string(7, "x"), one)));
}

enum { A_TENSORS = 9, A_GRAPHS = 10, A_SPARSE = 11, A_SPARSES = 12, A_TYPE = 13, A_TYPES = 14 };

START_TEST(values_of_attributes_are_looked_at)
{
	struct bytes bad_tensor = number(2, 99), bad_sparse = number(3, 1);
	struct bytes graph = ALL(string(2, "inner"), node("Relu", "nosuch", "b"));

	accepted(custom(attribute("k", A_TENSORS, inside(10, zeros("", 1, 2)))));
	accepted(custom(attribute("k", A_TYPE, inside(14, tensor_type(FLOAT, 0)))));
	refused("attribute 'k': a tensor without a name has the unknown type 99",
		custom(attribute("k", A_TENSORS, inside(10, bad_tensor))));
	refused("attribute 'k': a sparse tensor has no values",
		custom(attribute("k", A_SPARSE, inside(22, bad_sparse))));
	refused("attribute 'k': a sparse tensor has no values",
		custom(attribute("k", A_SPARSES, inside(23, nothing()))));
	refused("attribute 'k': its type has the unknown element type 99",
		custom(attribute("k", A_TYPE, inside(14, tensor_type(99, 0)))));
	refused("attribute 'k': its type has the unknown element type 99",
		custom(attribute("k", A_TYPES, inside(15, tensor_type(99, 0)))));
	refused("reads 'nosuch', which nothing before it makes",
		custom(attribute("k", A_GRAPHS, inside(11, graph))));
}
END_TEST

/* Before IR version 2 an attribute had no type, before 3 a model no operator sets. */
START_TEST(old_attributes_have_no_type)
{
	struct bytes axis = inside(5, join(string(1, "axis"), number(3, 1)));
	struct bytes graph = ALL(string(2, "g"), input("x"), node_with("Flatten", "x", "y", axis),
				 output("y"));

	accepted(join(number(1, 1), inside(7, graph)));
}
END_TEST

/* --- tensors and types ---------------------------------------------------------------- */

START_TEST(tensors_fit_their_data)
{
	accepted(model_of(inside(5, zeros("w", 3, 2, 1, 3))));
	refused("tensor 'w' needs 12 bytes of data but has 8",
		model_of(inside(5, ALL(number(1, 3), number(2, FLOAT), string(8, "w"),
				       inside(9, bytes_of("12345678", 8))))));
	refused("tensor 'w' has the unknown type 99",
		model_of(inside(5, join(number(2, 99), string(8, "w")))));
	refused("tensor 'w' has a negative dimension",
		model_of(inside(5, ALL(number(1, (uint64_t)-2), number(1, (uint64_t)-2),
				       number(2, FLOAT), string(8, "w")))));
	refused("the node of 'y' (Constant), attribute 'value': tensor 't' has the unknown type 0",
		model_of_nodes(node_with("Constant", "", "y",
					 attribute("value", A_TENSOR, inside(5, string(8, "t"))))));
}
END_TEST

/* [3, 4] with these values and indices. */
static struct bytes
sparse(struct bytes values, struct bytes indices)
{
	return model_of(
		inside(15, ALL(inside(1, values), inside(2, indices), number(3, 3), number(3, 4))));
}

START_TEST(sparse_tensors_are_in_order)
{
	struct bytes rows = ALL(number(1, 2), number(1, 2), number(2, INT64), number(7, 0),
				number(7, 3), number(7, 2), number(7, 0));
	struct bytes back = ALL(number(1, 2), number(1, 2), number(2, INT64), number(7, 2),
				number(7, 0), number(7, 0), number(7, 3));
	struct bytes beyond = ALL(number(1, 2), number(1, 2), number(2, INT64), number(7, 0),
				  number(7, 4), number(7, 2), number(7, 0));

	struct bytes many = join(number(1, 600), number(2, INT64));

	for (uint64_t i = 0; i < 600; i++)
		add(&many, number(7, i));
	many = inside(2, many);
	accepted(sparse(zeros("w", 1, 2), integers("", 2, 0LL, 11LL)));
	accepted(sparse(zeros("w", 1, 2), rows));
	accepted(model_of(inside(15, ALL(inside(1, zeros("w", 1, 0)), number(3, 3)))));
	refused("an index (0) that is out of range or out of order",
		sparse(zeros("w", 1, 2), integers("", 2, 5LL, 0LL)));
	accepted(model_of(inside(15, ALL(inside(1, zeros("w", 1, 600)), many, number(3, 600)))));
	refused("an index (12)", sparse(zeros("w", 1, 2), integers("", 2, 0LL, 12LL)));
	refused("an index (-1)", sparse(zeros("w", 1, 2), integers("", 2, -1LL, 0LL)));
	refused("an index (3)", sparse(zeros("w", 1, 2), back));
	refused("an index (4)", sparse(zeros("w", 1, 2), beyond));
	refused("sparse tensor 'w' needs one int64 index, or a row of them, for each of its 3",
		sparse(zeros("w", 1, 3), integers("", 2, 0LL, 1LL)));
	refused("no indices, or values that are no list",
		sparse(zeros("w", 2, 1, 2), integers("", 2, 0LL, 1LL)));
	refused("a sparse tensor has no values", model_of(inside(15, number(3, 3))));
	refused("has no dimensions", model_of(inside(15, inside(1, zeros("w", 1, 0)))));
	refused("the dimension 0, which is not positive",
		model_of(inside(15, ALL(inside(1, zeros("w", 1, 0)), number(3, 0)))));
	refused("an initializer without a name",
		sparse(zeros("", 1, 2), integers("", 2, 0LL, 11LL)));
}
END_TEST

START_TEST(types_are_known)
{
	struct bytes sequence = inside(4, inside(1, tensor_type(FLOAT, 0)));
	struct bytes map = inside(5, join(number(1, STRING), inside(2, tensor_type(FLOAT, 0))));
	struct bytes bad_map = inside(5, join(number(1, FLOAT), inside(2, tensor_type(FLOAT, 0))));

	accepted(model_of(value(11, "x", sequence)));
	accepted(model_of(value(11, "x", map)));
	accepted(model_of(value(11, "x", inside(7, string(2, "secret")))));
	accepted(model_of(value(11, "x", inside(9, inside(1, tensor_type(FLOAT, 0))))));
	accepted(model_of(value(11, "x", inside(8, number(1, FLOAT)))));
	refused("input 'x' has the unknown element type 99",
		model_of(value(11, "x", inside(9, inside(1, tensor_type(99, 0))))));
	accepted(model_of(value(11, "x", inside(1, number(1, FLOAT)))));
	accepted(model_of(value(11, "x", tensor_type(FLOAT, 2, -1, -9))));
	accepted(model_of(value(13, "anything", nothing())));
	refused("input 'x' has no type", model_of(inside(11, string(1, "x"))));
	refused("input 'x' has an incomplete type", model_of(value(11, "x", nothing())));
	refused("input 'x' has an incomplete type", model_of(value(11, "x", inside(4, nothing()))));
	refused("input 'x' does not say what type its elements have",
		model_of(value(11, "x", tensor_type(0, 0))));
	refused("input 'x' has the unknown element type 99",
		model_of(value(11, "x", tensor_type(99, 0))));
	refused("entry of value_info 'v' has the unknown element type 99",
		model_of(value(13, "v", tensor_type(99, 0))));
	refused("input 'x' has the negative dimension -16",
		model_of(value(11, "x", tensor_type(FLOAT, 2, 1, -16))));
	refused("input 'x' is a map with keys of type 1", model_of(value(11, "x", bad_map)));
	refused("output 'y' has elements of type 1, but what is made under that name has type 9",
		model_of_nodes(node("Greater", "x x", "y")));
}
END_TEST

/* --- functions --------------------------------------------------------------------------- */

START_TEST(functions_are_told_apart)
{
	struct bytes body = body_node("Relu", "a", "b", "");
	struct bytes overloaded = function("F", "a", "b",
					   ALL(body_node("Neg", "a", "b", ""), string(13, "o")));

	accepted(ALL(model_of_nodes(call("F", "x", "y")), function("F", "a", "b", body),
		     overloaded));
	refused("function 'x.F' stands in the model twice",
		ALL(model_of(nothing()), function("F", "", "", nothing()),
		    function("F", "", "", nothing())));
	refused("a function has no name",
		ALL(model_of(nothing()), function("", "", "", nothing())));
	refused("function 'F' has no domain", ALL(model_of(nothing()), inside(25, string(1, "F"))));
	refused("function 'x.F': input 'a' has no name, or that of another input",
		ALL(model_of(nothing()), function("F", "a a", "", nothing())));
	refused("function 'x.F': output 'a' is listed twice",
		ALL(model_of(nothing()), function("F", "a", "a a", nothing())));
	refused("function 'x.F': an attribute has no name",
		ALL(model_of(nothing()), function("F", "", "", names(6, "-"))));
	refused("function 'x.F': attribute 'k' is listed twice",
		ALL(model_of(nothing()), function("F", "", "", names(6, "k k"))));
	refused("function 'x.F': attribute 'k' is listed twice",
		ALL(model_of(nothing()),
		    function("F", "", "",
			     join(names(6, "k"),
				  inside(11, ALL(string(1, "k"), number(20, A_INT)))))));
}
END_TEST

START_TEST(function_bodies_are_checked)
{
	refused("function 'x.F': the node of 'b' (Relu) reads 'x', which nothing before it makes",
		ALL(model_of_nodes(call("F", "x", "y")),
		    function("F", "a", "b", body_node("Relu", "x", "b", ""))));
	refused("function 'x.F': output 'b' is made by no node",
		ALL(model_of(nothing()), function("F", "a", "b", nothing())));
	refused("is of domain 'z', which opset_import does not name",
		ALL(model_of(nothing()), function("F", "a", "b", body_node("Op", "a", "b", "z"))));
	refused("has 2 inputs and 1 outputs, but its function takes at most 1 and 1",
		ALL(model_of_nodes(call("F", "x x", "y")),
		    function("F", "a", "b", body_node("Relu", "a", "b", ""))));
	accepted(ALL(model_of_nodes(call("F", "x", "y")),
		     function("F", "a", "b",
			      join(names(6, "k"),
				   inside(7, join(node_fields("Flatten", "a", "b"),
						  attribute("axis", A_INT, string(21, "k"))))))));
	refused("refers to an attribute of its function and has a value, too",
		ALL(model_of(nothing()),
		    function("F", "a", "b",
			     inside(7, join(node_fields("Flatten", "a", "b"),
					    attribute("axis", A_INT,
						      join(number(3, 1), string(21, "k"))))))));
}
END_TEST

START_TEST(functions_do_not_call_themselves)
{
	accepted(ALL(model_of_nodes(call("F", "x", "y")),
		     function("F", "a", "b",
			      join(body_node("G", "a", "c", "x"), body_node("G", "c", "b", "x"))),
		     function("G", "a", "b", body_node("Relu", "a", "b", ""))));
	refused("function 'x.F' calls itself",
		ALL(model_of(nothing()), function("F", "a", "b", body_node("F", "a", "b", "x"))));
	refused("function 'x.H' calls function 'x.F', which calls it in turn",
		ALL(model_of(nothing()), function("F", "a", "b", body_node("G", "a", "b", "x")),
		    function("G", "a", "b", body_node("H", "a", "b", "x")),
		    function("H", "a", "b", body_node("F", "a", "b", "x"))));
}
END_TEST

/* --- what only tests of the parts can show ------------------------------------------------ */

START_TEST(a_message_that_is_no_model_can_be_decoded)
{
	struct bytes bytes = model_of_nodes(node("NoSuchOp", "nosuch", "y"));
	struct onnx_model *model;
	snnfit_error err;

	ck_assert_int_eq(onnx_model_decode_bytes(&model, bytes.at, bytes.length, NULL, NULL, &err),
			 SNNFIT_OK);
	ck_assert_int_eq(onnx_model_check(model, &err), SNNFIT_EFORMAT);
	ck_assert_int_eq(onnx_model_check(model, NULL), SNNFIT_EFORMAT);
	onnx_model_free(model);
	free(bytes.at);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("check");
	TCase *model = tcase_create("model"), *graph = tcase_create("graph");
	TCase *node_case = tcase_create("node"), *data = tcase_create("data");
	SRunner *runner;
	int failed;

	tcase_add_test(model, ir_versions);
	tcase_add_test(model, operator_sets);
	tcase_add_test(model, metadata_keys);
	tcase_add_test(model, functions_are_told_apart);
	tcase_add_test(model, function_bodies_are_checked);
	tcase_add_test(model, functions_do_not_call_themselves);
	tcase_add_test(model, a_message_that_is_no_model_can_be_decoded);
	tcase_add_test(graph, names_resolve);
	tcase_add_test(graph, values_are_made_once);
	tcase_add_test(graph, graphs_are_complete);
	tcase_add_test(graph, subgraphs_see_what_is_around_them);
	tcase_add_test(graph, inputs_of_subgraphs_may_hide_names);
	tcase_add_test(graph, training_graphs_see_the_main_graph);
	tcase_add_test(node_case, operators_are_known);
	tcase_add_test(node_case, inputs_and_outputs_are_counted);
	tcase_add_test(node_case, attributes_hold_what_they_say);
	tcase_add_test(node_case, attributes_are_the_operators);
	tcase_add_test(node_case, values_of_attributes_are_looked_at);
	tcase_add_test(node_case, old_attributes_have_no_type);
	tcase_add_test(data, tensors_fit_their_data);
	tcase_add_test(data, sparse_tensors_are_in_order);
	tcase_add_test(data, types_are_known);
	suite_add_tcase(suite, model);
	suite_add_tcase(suite, graph);
	suite_add_tcase(suite, node_case);
	suite_add_tcase(suite, data);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
