/* test_exporter.c - edits of a model: constants, expressions, shapes, and what must stay. */
#include "tests/unit/exporter_cases.h"

#include "exporter/names.h"

static const float VECTOR[] = { 0, 1, 2, 3 };

/* --- one constant, several readers -------------------------------------------------- */

/* x0 and x1 [batch][4] are compared with constants; y0 and y1 leave the model. The
 * two widths are unit axes of their own. */
struct shared {
	struct graph *graph;
	struct onnx_model *input, *output;
	struct binding_source sources[2];
	struct binding_use uses[4];
	struct binding_instance instances[2];
	struct binding_read reads[2];
	struct binding_shape shapes[5];
	struct bindings bindings;
};

static void
bind_use(struct shared *shared, uint32_t use, uint32_t source, axis_id axis)
{
	struct dimension *dims = arena_alloc(&shared->graph->arena, 1, sizeof *dims);

	*dims = along(shared->graph, axis, 4);
	shared->uses[use] = (struct binding_use){ .source = source, .rank = 1, .dims = dims };
	shared->bindings.use_count = use + 1;
}

static void
bind_shape(struct shared *shared, enum binding_place place, uint32_t index, axis_id axis)
{
	struct dimension *dims = arena_alloc(&shared->graph->arena, 2, sizeof *dims);

	dims[0] = along(shared->graph, GRAPH_NONE, 1);
	dims[1] = along(shared->graph, axis, 4);
	shared->shapes[shared->bindings.shape_count++] = (struct binding_shape){ 0, place, index, 2,
										 dims };
}

static void
bind_all(struct shared *shared)
{
	struct bindings *bindings = &shared->bindings;

	bindings->sources = shared->sources;
	bindings->uses = shared->uses;
	bindings->instances = shared->instances;
	bindings->reads = shared->reads;
	bindings->shapes = shared->shapes;
	shared->graph->bindings = bindings;
	bind_shape(shared, PLACE_INPUT, 0, 0);
	bind_shape(shared, PLACE_INPUT, 1, 1);
	bind_shape(shared, PLACE_OUTPUT, 0, 0);
	bind_shape(shared, PLACE_OUTPUT, 1, 1);
}

/* The constant c read by the nodes a (axis 0) and b (axis 1), at slot 1. */
static struct onnx_model *
start_shared(struct shared *shared)
{
	struct onnx_model *model = model_start(17, 8);

	*shared = (struct shared){ .graph = graph_with_axes(2, (uint32_t[]){ 4, 4 }) };
	declare(model, AS_INPUT, "x0", -1, 4);
	declare(model, AS_INPUT, "x1", -1, 4);
	declare(model, AS_OUTPUT, "y0", -1, 4);
	declare(model, AS_OUTPUT, "y1", -1, 4);
	return model;
}

static void
add_readers(struct onnx_model *model, const char *first, const char *second)
{
	add_node(model, (struct build_node){ "Mul", NULL, "a", { "x0", first }, { "y0" } });
	add_node(model, (struct build_node){ "Mul", NULL, "b", { "x1", second }, { "y1" } });
}

static struct shared
shared_vector(void)
{
	struct shared shared;
	struct onnx_model *model = start_shared(&shared);

	add_vector(model, "c", 4, VECTOR);
	add_readers(model, "c", "c");
	shared.sources[0] = (struct binding_source){ false, 0 };
	shared.bindings.source_count = 1;
	bind_use(&shared, 0, 0, 0);
	bind_use(&shared, 1, 0, 1);
	shared.reads[0] = (struct binding_read){ 0, 1, { OPERAND_USE, 0, 0 }, false };
	shared.reads[1] = (struct binding_read){ 1, 1, { OPERAND_USE, 1, 0 }, false };
	shared.bindings.read_count = 2;
	shared.input = reread(model);
	return shared;
}

static void
run_export(struct shared *shared)
{
	snnfit_error err;

	bind_all(shared);
	ok(export_model(&shared->output, shared->input, shared->graph, NULL, &err), &err);
}

static void
drop(struct shared *shared)
{
	onnx_model_free(shared->input);
	onnx_model_free(shared->output);
	graph_free(shared->graph);
}

static void
assert_operand(const struct shared *shared, const char *node, const char *name)
{
	ck_assert_str_eq(node_of(shared->output, node)->input[1], name);
}

START_TEST(nothing_cut_changes_nothing)
{
	struct shared shared = shared_vector();
	size_t before, after;
	void *was, *is;
	snnfit_error err;

	run_export(&shared);
	ok(onnx_model_write_bytes(shared.input, &was, &before, &err), &err);
	ok(onnx_model_write_bytes(shared.output, &is, &after, &err), &err);
	ck_assert_mem_eq(was, is, before);
	ck_assert_uint_eq(before, after);
	free(was);
	free(is);
	drop(&shared);
}
END_TEST

START_TEST(the_same_cut_is_made_in_place)
{
	struct shared shared = shared_vector();

	cut_units(shared.graph, 0, "1010");
	cut_units(shared.graph, 1, "1010");
	run_export(&shared);
	ck_assert_uint_eq(graph_of(shared.output)->n_initializer, 1);
	assert_floats(shared.output, find_tensor(shared.output, "c"), 2, (float[]){ 0, 2 });
	assert_operand(&shared, "a", "c");
	assert_operand(&shared, "b", "c");
	drop(&shared);
}
END_TEST

START_TEST(different_cuts_get_a_tensor_each)
{
	struct shared shared = shared_vector();

	cut_units(shared.graph, 0, "1010");
	cut_units(shared.graph, 1, "0111");
	run_export(&shared);
	ck_assert_uint_eq(graph_of(shared.output)->n_initializer, 2);
	assert_operand(&shared, "a", "c");
	assert_operand(&shared, "b", "c__cut");
	assert_floats(shared.output, find_tensor(shared.output, "c"), 2, (float[]){ 0, 2 });
	assert_floats(shared.output, find_tensor(shared.output, "c__cut"), 3, (float[]){ 1, 2, 3 });
	drop(&shared);
}
END_TEST

START_TEST(who_reads_the_whole_keeps_it)
{
	struct shared shared = shared_vector();

	cut_units(shared.graph, 1, "0110");
	run_export(&shared);
	assert_operand(&shared, "a", "c");
	assert_operand(&shared, "b", "c__cut");
	assert_floats(shared.output, find_tensor(shared.output, "c"), 4, VECTOR);
	assert_floats(shared.output, find_tensor(shared.output, "c__cut"), 2, (float[]){ 1, 2 });
	drop(&shared);
}
END_TEST

/* A read that the bindings do not know of (a model output, a body) sees the whole. */
START_TEST(an_unknown_reader_keeps_the_whole)
{
	struct shared shared = shared_vector();
	struct onnx_model *model = shared.input;

	add_node(model, (struct build_node){ "Identity", NULL, "u", { "c" }, { "y2" } });
	shared.input = reread(model);
	cut_units(shared.graph, 0, "1010");
	cut_units(shared.graph, 1, "1010");
	run_export(&shared);
	assert_operand(&shared, "a", "c__cut");
	assert_operand(&shared, "b", "c__cut");
	assert_floats(shared.output, find_tensor(shared.output, "c"), 4, VECTOR);
	drop(&shared);
}
END_TEST

START_TEST(declared_shapes_follow)
{
	struct shared shared = shared_vector();
	const Onnx__GraphProto *graph;

	cut_units(shared.graph, 0, "1010");
	cut_units(shared.graph, 1, "0111");
	run_export(&shared);
	graph = graph_of(shared.output);
	ck_assert_int_eq(declared_size(graph->input, graph->n_input, "x0", 1), 2);
	ck_assert_int_eq(declared_size(graph->input, graph->n_input, "x1", 1), 3);
	ck_assert_int_eq(declared_size(graph->output, graph->n_output, "y1", 1), 3);
	ck_assert_str_eq(graph->input[0]->type->tensor_type->shape->dim[0]->dim_param, "batch");
	drop(&shared);
}
END_TEST

/* An initializer that is an input too may be overridden: both say the new size. */
START_TEST(an_initializer_that_is_an_input_is_declared_anew)
{
	struct shared shared = shared_vector();
	struct onnx_model *model = shared.input;
	const Onnx__GraphProto *graph;

	declare(model, AS_INPUT, "c", 1, 4);
	graph = graph_of(model);
	graph->input[2]->type->tensor_type->shape->n_dim = 1;
	graph->input[2]->type->tensor_type->shape->dim[0]->dim_value = 4;
	shared.input = reread(model);
	cut_units(shared.graph, 0, "1010");
	cut_units(shared.graph, 1, "1010");
	run_export(&shared);
	graph = graph_of(shared.output);
	ck_assert_int_eq(declared_size(graph->input, graph->n_input, "c", 0), 2);
	drop(&shared);
}
END_TEST

START_TEST(new_names_are_free)
{
	struct shared shared = shared_vector();
	struct onnx_model *model = shared.input;

	graph_of(model)->output[1]->name = arena_strdup(onnx_model_arena(model), "c__cut");
	graph_of(model)->node[1]->output[0] = graph_of(model)->output[1]->name;
	shared.input = reread(model);
	cut_units(shared.graph, 0, "1010");
	cut_units(shared.graph, 1, "0111");
	run_export(&shared);
	assert_operand(&shared, "b", "c__cut2");
	drop(&shared);
}
END_TEST

/* Up to IR 3 initializers had to be inputs: a new one is none. */
START_TEST(a_new_initializer_needs_ir_4)
{
	struct shared shared = shared_vector();
	struct onnx_model *model = shared.input;
	Onnx__ValueInfoProto *input = build_value(onnx_model_arena(model), "c", 1, 1,
						  (int64_t[]){ 4 }, NULL);

	ck_assert(build_append(onnx_model_arena(model), &graph_of(model)->input,
			       &graph_of(model)->n_input, &input, sizeof input));
	onnx_model_proto(model)->ir_version = 3; /* initializers are inputs */
	shared.input = reread(model);
	cut_units(shared.graph, 1, "0111");
	run_export(&shared);
	ck_assert_int_eq(onnx_model_proto(shared.output)->ir_version, 4);
	drop(&shared);
}
END_TEST

/* --- Constant nodes --------------------------------------------------------------------- */

START_TEST(a_constant_node_is_copied_beside_itself)
{
	struct shared shared;
	struct onnx_model *model = start_shared(&shared);
	const Onnx__GraphProto *graph;

	add_constant_node(model, "k", "c", 4, VECTOR);
	add_readers(model, "c", "c");
	shared.sources[0] = (struct binding_source){ true, 0 };
	shared.bindings.source_count = 1;
	bind_use(&shared, 0, 0, 0);
	bind_use(&shared, 1, 0, 1);
	shared.reads[0] = (struct binding_read){ 1, 1, { OPERAND_USE, 0, 0 }, false };
	shared.reads[1] = (struct binding_read){ 2, 1, { OPERAND_USE, 1, 0 }, false };
	shared.bindings.read_count = 2;
	shared.input = reread(model);
	cut_units(shared.graph, 0, "1010");
	cut_units(shared.graph, 1, "0111");
	run_export(&shared);
	graph = graph_of(shared.output);
	ck_assert_uint_eq(graph->n_node, 4);
	ck_assert_uint_eq(find_node(shared.output, "k"), 0);
	ck_assert_uint_eq(find_node(shared.output, "k__cut"), 1);
	assert_operand(&shared, "b", "c__cut");
	assert_floats(shared.output, graph->node[0]->attribute[0]->t, 2, (float[]){ 0, 2 });
	assert_floats(shared.output, graph->node[1]->attribute[0]->t, 3, (float[]){ 1, 2, 3 });
	drop(&shared);
}
END_TEST

/* --- constant expressions ------------------------------------------------------------------ */

/* c -> Neg n -> e, read by a and b: one instance for each. */
static struct shared
shared_expression(void)
{
	struct shared shared;
	struct onnx_model *model = start_shared(&shared);
	struct binding_operand *operands;
	uint32_t i;

	add_vector(model, "c", 4, VECTOR);
	add_node(model, (struct build_node){ "Neg", NULL, "n", { "c" }, { "e" } });
	add_readers(model, "e", "e");
	shared.sources[0] = (struct binding_source){ false, 0 };
	shared.bindings.source_count = 1;
	for (i = 0; i < 2; i++) {
		bind_use(&shared, i, 0, i);
		operands = arena_alloc(&shared.graph->arena, 1, sizeof *operands);
		*operands = (struct binding_operand){ OPERAND_USE, i, 0 };
		shared.instances[i] = (struct binding_instance){ 0, 1, operands };
		shared.reads[i] =
			(struct binding_read){ i + 1, 1, { OPERAND_INSTANCE, i, 0 }, false };
	}
	shared.bindings.instance_count = shared.bindings.read_count = 2;
	shared.input = reread(model);
	return shared;
}

START_TEST(an_expression_is_cloned_for_another_cut)
{
	struct shared shared = shared_expression();

	cut_units(shared.graph, 0, "1010");
	cut_units(shared.graph, 1, "0111");
	run_export(&shared);
	assert_operand(&shared, "a", "e");
	assert_operand(&shared, "b", "e__cut");
	ck_assert_str_eq(node_of(shared.output, "n")->input[0], "c");
	ck_assert_str_eq(node_of(shared.output, "n__cut")->input[0], "c__cut");
	ck_assert_uint_lt(find_node(shared.output, "n__cut"), find_node(shared.output, "b"));
	drop(&shared);
}
END_TEST

START_TEST(an_expression_that_is_cut_alike_stays_one)
{
	struct shared shared = shared_expression();
	struct onnx_model *model = shared.input;
	const Onnx__GraphProto *graph;

	declare(model, AS_VALUE, "e", 1, 4);
	shared.input = reread(model);
	cut_units(shared.graph, 0, "0001");
	cut_units(shared.graph, 1, "0001");
	run_export(&shared);
	graph = graph_of(shared.output);
	ck_assert_uint_eq(graph->n_node, 3);
	assert_floats(shared.output, find_tensor(shared.output, "c"), 1, (float[]){ 3 });
	ck_assert_ptr_null(graph->value_info[0]->type->tensor_type->shape); /* not the old one */
	drop(&shared);
}
END_TEST

START_TEST(an_expression_that_leaves_the_model_stays_whole)
{
	struct shared shared = shared_expression();
	struct onnx_model *model = shared.input;

	declare(model, AS_OUTPUT, "e", 1, 4);
	shared.input = reread(model);
	cut_units(shared.graph, 0, "1010");
	cut_units(shared.graph, 1, "1010");
	run_export(&shared);
	assert_floats(shared.output, find_tensor(shared.output, "c"), 4, VECTOR);
	assert_operand(&shared, "a", "e__cut");
	assert_operand(&shared, "b", "e__cut");
	ck_assert_str_eq(node_of(shared.output, "n__cut")->input[0], "c__cut");
	drop(&shared);
}
END_TEST

/* --- sizes in constants ----------------------------------------------------------------------- */

START_TEST(sizes_in_a_shape_are_edited)
{
	struct shared shared;
	struct onnx_model *model = start_shared(&shared);
	struct dimension *dims;
	int64_t got[2];
	snnfit_error err;

	add_integers(model, "shape", 2, (int64_t[]){ -1, 4 });
	add_node(model, (struct build_node){ "Reshape", NULL, "a", { "x0", "shape" }, { "y0" } });
	add_node(model, (struct build_node){ "Reshape", NULL, "b", { "x1", "shape" }, { "y1" } });
	shared.sources[0] = (struct binding_source){ false, 0 };
	shared.bindings.source_count = 1;
	for (uint32_t i = 0; i < 2; i++) {
		dims = arena_alloc(&shared.graph->arena, 2, sizeof *dims);
		dims[0] = along(shared.graph, GRAPH_NONE, 2);
		dims[1] = along(shared.graph, i, 4);
		shared.uses[i] = (struct binding_use){ 0, 1, dims, 1, NULL, NULL, &dims[1] };
		shared.uses[i].edit_elements = arena_alloc(&shared.graph->arena, 1, 4);
		shared.uses[i].edit_elements[0] = 1;
		shared.reads[i] = (struct binding_read){ i, 1, { OPERAND_USE, i, 0 }, false };
	}
	shared.bindings.use_count = shared.bindings.read_count = 2;
	shared.input = reread(model);
	cut_units(shared.graph, 1, "0111");
	run_export(&shared);
	assert_operand(&shared, "a", "shape");
	assert_operand(&shared, "b", "shape__cut");
	ok(tensor_read_int64(shared.output, find_tensor(shared.output, "shape"), 0, 2, got, &err),
	   &err);
	ck_assert_int_eq(got[1], 4);
	ok(tensor_read_int64(shared.output, find_tensor(shared.output, "shape__cut"), 0, 2, got,
			     &err),
	   &err);
	ck_assert_int_eq(got[0], -1);
	ck_assert_int_eq(got[1], 3);
	drop(&shared);
}
END_TEST

/* --- refusals --------------------------------------------------------------------- */

START_TEST(bindings_of_another_model_are_refused)
{
	struct shared shared = shared_vector();
	snnfit_error err;

	bind_all(&shared);
	shared.reads[1].node = 7;
	ck_assert_int_eq(export_model(&shared.output, shared.input, shared.graph, NULL, &err),
			 SNNFIT_EINTERNAL);
	ck_assert_ptr_null(shared.output);
	shared.reads[1].node = 1;
	shared.uses[1].dims[0].spans[0].units = 5;
	cut_units(shared.graph, 1, "0111");
	ck_assert_int_eq(export_model(&shared.output, shared.input, shared.graph, NULL, &err),
			 SNNFIT_EINTERNAL);
	drop(&shared);
}
END_TEST

/* --- names ------------------------------------------------------------------------ */

START_TEST(fresh_names_count_on)
{
	struct arena arena = { 0 };
	struct names names;

	names_init(&names, &arena);
	ck_assert(names_take(&names, "w__cut2"));
	ck_assert_str_eq(names_fresh(&names, "w", "cut"), "w__cut");
	ck_assert_str_eq(names_fresh(&names, "w", "cut"), "w__cut3");
	ck_assert_str_eq(names_unique(&names, "w"), "w");
	ck_assert_str_eq(names_unique(&names, "w"), "w_2");
	arena_free(&arena);
}
END_TEST

/* --- opsets ----------------------------------------------------------------------- */

static const Onnx__NodeProto *
obstacle(struct onnx_model *model, int64_t target)
{
	const Onnx__NodeProto *node;
	struct arena scratch = { 0 };

	ck_assert(opset_obstacle(onnx_model_proto(model), target, &scratch, &node));
	arena_free(&scratch);
	return node;
}

START_TEST(an_opset_is_raised_only_where_all_means_the_same)
{
	struct onnx_model *model = model_start(17, 8);
	Onnx__NodeProto *pool;

	add_node(model, (struct build_node){ "Relu", NULL, "r", { "x" }, { "y" } });
	ck_assert_ptr_null(obstacle(model, 25));
	pool = add_node(model, (struct build_node){ "MaxPool", NULL, "p", { "y" }, { "z" } });
	ck_assert_ptr_null(obstacle(model, 25)); /* sizes are rounded down */
	ck_assert_ptr_nonnull(build_int(onnx_model_arena(model), pool, "ceil_mode", 1));
	ck_assert_ptr_eq(obstacle(model, 25), pool);
	ck_assert_ptr_null(obstacle(model, 17));
	onnx_model_free(model);
}
END_TEST

START_TEST(functions_and_bodies_are_looked_at)
{
	struct onnx_model *model = model_start(17, 8);
	struct arena *arena = onnx_model_arena(model);
	Onnx__NodeProto *node = add_node(model,
					 (struct build_node){ "If", NULL, "i", { "c" }, { "y" } });
	Onnx__AttributeProto *branch = arena_alloc(arena, 1, sizeof *branch);
	struct onnx_model *body = model_start(17, 8);
	snnfit_error err;

	onnx__attribute_proto__init(branch);
	branch->name = arena_strdup(arena, "then_branch");
	branch->g = graph_of(body);
	ck_assert(
		build_append(arena, &node->attribute, &node->n_attribute, &branch, sizeof branch));
	ck_assert_ptr_null(obstacle(model, 21));
	add_node(body, (struct build_node){ "ReduceMax", NULL, "m", { "c" }, { "y" } });
	ck_assert_str_eq(obstacle(model, 21)->name, "m");
	ok(opset_raise(model, 21, 10, &err), &err);
	ck_assert_int_eq(opset_version(onnx_model_proto(model)), 21);
	ck_assert_int_eq(onnx_model_proto(model)->ir_version, 10);
	ok(opset_raise(model, 13, 3, &err), &err);
	ck_assert_int_eq(opset_version(onnx_model_proto(model)), 21); /* never lowered */
	ck_assert_int_eq(onnx_model_proto(model)->ir_version, 10);
	onnx_model_free(model);
	onnx_model_free(body);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("exporter");
	TCase *tests = tcase_create("edits");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, nothing_cut_changes_nothing);
	tcase_add_test(tests, the_same_cut_is_made_in_place);
	tcase_add_test(tests, different_cuts_get_a_tensor_each);
	tcase_add_test(tests, who_reads_the_whole_keeps_it);
	tcase_add_test(tests, an_unknown_reader_keeps_the_whole);
	tcase_add_test(tests, declared_shapes_follow);
	tcase_add_test(tests, an_initializer_that_is_an_input_is_declared_anew);
	tcase_add_test(tests, new_names_are_free);
	tcase_add_test(tests, a_new_initializer_needs_ir_4);
	tcase_add_test(tests, a_constant_node_is_copied_beside_itself);
	tcase_add_test(tests, an_expression_is_cloned_for_another_cut);
	tcase_add_test(tests, an_expression_that_is_cut_alike_stays_one);
	tcase_add_test(tests, an_expression_that_leaves_the_model_stays_whole);
	tcase_add_test(tests, sizes_in_a_shape_are_edited);
	tcase_add_test(tests, bindings_of_another_model_are_refused);
	tcase_add_test(tests, fresh_names_count_on);
	tcase_add_test(tests, an_opset_is_raised_only_where_all_means_the_same);
	tcase_add_test(tests, functions_and_bodies_are_looked_at);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
