/* test_exporter_weights.c - new weights and biases, quantized ones, and fusion. */
#include "tests/unit/exporter_cases.h"

#include <math.h>

/* One dense layer: x [batch][3] -> y [batch][2]. */
enum { ROWS = 2, COLUMNS = 3 };
static const float OLD[] = { 1, 2, 3, 4, 5, 6 };
static const float NEW[] = { 0, 0.5f, -1, 2, 0.25f, -0.75f };
static const float NEW_TURNED[] = { 0, 2, 0.5f, 0.25f, -1, -0.75f };
static const float OLD_BIAS[] = { 7, 8 };
static const float NEW_BIAS[] = { -7, -8 };

struct layer {
	struct onnx_model *input, *output;
	struct graph *graph;
	struct binding_projection projections[1];
	struct bindings bindings;
	struct text notes;
};

static struct projection *
projection_of(struct layer *layer)
{
	return &layer->graph->projections[0];
}

/* The graph of the layer; its operation is node `node`, the bias stands at bias_slot. */
static void
bind_layer(struct layer *layer, uint32_t node, uint32_t bias_node, bool transposed)
{
	struct graph *graph = graph_with_axes(1, (uint32_t[]){ ROWS });
	population_id population = graph_add_population(graph, "fc", 0);
	projection_id id = graph_add_projection(graph, population);
	struct projection *projection = &graph->projections[id];
	snnfit_error err;

	layer->graph = graph;
	layer->projections[0] = (struct binding_projection){ .node = node,
							     .weight_slot = 1,
							     .bias_node = bias_node,
							     .bias_slot = 2,
							     .transposed = transposed,
							     .data_rank = 2,
							     .editable = true };
	projection->columns = along(graph, GRAPH_NONE, COLUMNS);
	projection->binding = projection->reads_input_of = 0;
	ok(weights_from_values(&projection->weights, ROWS, COLUMNS, NEW, &err), &err);
	projection->weights->changed = true;
}

static void
set_bias(struct layer *layer)
{
	struct projection *projection = projection_of(layer);
	snnfit_error err;

	ok(weights_from_values(&projection->bias, ROWS, 1, NEW_BIAS, &err), &err);
	projection->bias->changed = true;
}

static struct onnx_model *
start_layer(int64_t opset)
{
	struct onnx_model *model = model_start(opset, 8);

	declare(model, AS_INPUT, "x", -1, COLUMNS);
	declare(model, AS_OUTPUT, "y", -1, ROWS);
	return model;
}

/* Gemm with its weights and bias as they come out of PyTorch. */
static struct layer
gemm_layer(int64_t opset, bool bias)
{
	struct layer layer = { 0 };
	struct onnx_model *model = start_layer(opset);
	Onnx__NodeProto *node;

	add_matrix(model, "w", ROWS, COLUMNS, OLD);
	if (bias)
		add_vector(model, "b", ROWS, OLD_BIAS);
	node = add_node(model,
			(struct build_node){
				"Gemm", NULL, "fc", { "x", "w", bias ? "b" : NULL }, { "y" } });
	ck_assert_ptr_nonnull(build_int(onnx_model_arena(model), node, "transB", 1));
	bind_layer(&layer, 0, bias ? 0 : GRAPH_NONE, false);
	layer.input = reread(model);
	return layer;
}

static snnfit_status
try_export(struct layer *layer, snnfit_error *err)
{
	layer->bindings.projections = layer->projections;
	layer->bindings.projection_count = 1;
	layer->graph->bindings = &layer->bindings;
	return export_model(&layer->output, layer->input, layer->graph, &layer->notes, err);
}

static void
run_export(struct layer *layer)
{
	snnfit_error err;

	ok(try_export(layer, &err), &err);
}

static void
drop(struct layer *layer)
{
	text_free(&layer->notes);
	graph_free(layer->graph);
	onnx_model_free(layer->input);
	onnx_model_free(layer->output);
}

/* --- float weights ---------------------------------------------------------------------- */

START_TEST(new_weights_keep_their_place)
{
	struct layer layer = gemm_layer(17, true);

	set_bias(&layer);
	run_export(&layer);
	ck_assert_uint_eq(graph_of(layer.output)->n_initializer, 2);
	assert_floats(layer.output, find_tensor(layer.output, "w"), 6, NEW);
	assert_floats(layer.output, find_tensor(layer.output, "b"), 2, NEW_BIAS);
	assert_floats(layer.input, find_tensor(layer.input, "w"), 6, OLD);
	drop(&layer);
}
END_TEST

START_TEST(unchanged_weights_are_left_alone)
{
	struct layer layer = gemm_layer(17, true);

	projection_of(&layer)->weights->changed = false;
	run_export(&layer);
	assert_floats(layer.output, find_tensor(layer.output, "w"), 6, OLD);
	assert_floats(layer.output, find_tensor(layer.output, "b"), 2, OLD_BIAS);
	drop(&layer);
}
END_TEST

START_TEST(weights_of_a_matmul_are_turned)
{
	struct layer layer = { 0 };
	struct onnx_model *model = start_layer(17);

	add_matrix(model, "w", COLUMNS, ROWS, OLD);
	add_node(model, (struct build_node){ "MatMul", NULL, "fc", { "x", "w" }, { "y" } });
	bind_layer(&layer, 0, GRAPH_NONE, true);
	layer.projections[0].bias_added = true;
	layer.input = reread(model);
	run_export(&layer);
	assert_floats(layer.output, find_tensor(layer.output, "w"), 6, NEW_TURNED);
	ck_assert_int_eq(find_tensor(layer.output, "w")->dims[0], COLUMNS);
	drop(&layer);
}
END_TEST

START_TEST(weights_with_another_reader_are_written_beside)
{
	struct layer layer = gemm_layer(17, false);
	struct onnx_model *model = layer.input;

	add_node(model, (struct build_node){ "Identity", NULL, "i", { "w" }, { "z" } });
	declare(model, AS_OUTPUT, "z", ROWS, COLUMNS);
	layer.input = reread(model);
	run_export(&layer);
	assert_floats(layer.output, find_tensor(layer.output, "w"), 6, OLD);
	assert_floats(layer.output, find_tensor(layer.output, "w__weights"), 6, NEW);
	ck_assert_str_eq(node_of(layer.output, "fc")->input[1], "w__weights");
	drop(&layer);
}
END_TEST

/* Neg stands for any expression: what it was made of goes, as nobody reads it. */
START_TEST(weights_out_of_an_expression_replace_it)
{
	struct layer layer = { 0 };
	struct onnx_model *model = start_layer(17);
	Onnx__NodeProto *node;

	add_matrix(model, "w", ROWS, COLUMNS, OLD);
	add_node(model, (struct build_node){ "Neg", NULL, "n", { "w" }, { "v" } });
	node = add_node(model, (struct build_node){ "Gemm", NULL, "fc", { "x", "v" }, { "y" } });
	ck_assert_ptr_nonnull(build_int(onnx_model_arena(model), node, "transB", 1));
	declare(model, AS_VALUE, "v", ROWS, COLUMNS);
	bind_layer(&layer, 1, GRAPH_NONE, false);
	layer.input = reread(model);
	run_export(&layer);
	ck_assert_uint_eq(graph_of(layer.output)->n_node, 1);
	ck_assert_uint_eq(graph_of(layer.output)->n_initializer, 1);
	ck_assert_uint_eq(graph_of(layer.output)->n_value_info, 0);
	assert_floats(layer.output, find_tensor(layer.output, "w__weights"), 6, NEW);
	drop(&layer);
}
END_TEST

START_TEST(weights_that_cannot_be_written_are_refused)
{
	struct layer layer = gemm_layer(17, false);
	snnfit_error err;

	layer.projections[0].editable = false;
	ck_assert_int_eq(try_export(&layer, &err), SNNFIT_EUNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(err.text, "fc"));
	drop(&layer);
}
END_TEST

/* Two tied layers: two projections, one tensor, before and after. */
START_TEST(the_same_weights_of_two_layers_stay_one)
{
	struct layer layer = gemm_layer(17, false);
	struct onnx_model *model = layer.input;
	struct binding_projection steps[2];
	struct projection *second;
	Onnx__NodeProto *node;
	projection_id id;
	snnfit_error err;

	node = add_node(model, (struct build_node){ "Gemm", NULL, "fc_1", { "x", "w" }, { "z" } });
	ck_assert_ptr_nonnull(build_int(onnx_model_arena(model), node, "transB", 1));
	layer.input = reread(model);
	steps[0] = steps[1] = layer.projections[0];
	steps[1].node = 1;
	id = graph_add_projection(layer.graph, 0);
	second = &layer.graph->projections[id];
	second->columns = along(layer.graph, GRAPH_NONE, COLUMNS);
	second->binding = second->reads_input_of = 1;
	ok(weights_from_values(&second->weights, ROWS, COLUMNS, NEW, &err), &err);
	second->weights->changed = true;
	layer.bindings.projections = steps;
	layer.bindings.projection_count = 2;
	layer.graph->bindings = &layer.bindings;
	ok(export_model(&layer.output, layer.input, layer.graph, NULL, &err), &err);
	ck_assert_uint_eq(graph_of(layer.output)->n_initializer, 1);
	ck_assert_str_eq(node_of(layer.output, "fc")->input[1], "w__weights");
	ck_assert_str_eq(node_of(layer.output, "fc_1")->input[1], "w__weights");
	drop(&layer);
}
END_TEST

/* A layer with a second operation, of a later step, that reads the same tensors. */
static void
add_step(struct layer *layer, struct binding_projection *steps, bool bias)
{
	struct onnx_model *model = layer->input;
	Onnx__NodeProto *node = add_node(
		model, (struct build_node){
			       "Gemm", NULL, "fc_1", { "x", "w", bias ? "b" : NULL }, { "z" } });

	ck_assert_ptr_nonnull(build_int(onnx_model_arena(model), node, "transB", 1));
	layer->input = reread(model);
	steps[0] = steps[1] = layer->projections[0];
	steps[1].node = 1;
	steps[1].bias_node = bias ? 1 : GRAPH_NONE;
	layer->bindings.projections = steps;
	layer->bindings.projection_count = 2;
	layer->graph->bindings = &layer->bindings;
	projection_of(layer)->more_bindings = 1;
}

START_TEST(weights_and_bias_of_two_steps_are_written_once_in_place)
{
	struct layer layer = gemm_layer(17, true);
	struct binding_projection steps[2];
	snnfit_error err;

	set_bias(&layer);
	add_step(&layer, steps, true);
	ok(export_model(&layer.output, layer.input, layer.graph, NULL, &err), &err);
	ck_assert_uint_eq(graph_of(layer.output)->n_initializer, 2);
	ck_assert_str_eq(node_of(layer.output, "fc")->input[1], "w");
	ck_assert_str_eq(node_of(layer.output, "fc_1")->input[1], "w");
	ck_assert_str_eq(node_of(layer.output, "fc_1")->input[2], "b");
	assert_floats(layer.output, find_tensor(layer.output, "w"), ROWS * COLUMNS, NEW);
	assert_floats(layer.output, find_tensor(layer.output, "b"), ROWS, NEW_BIAS);
	drop(&layer);
}
END_TEST

START_TEST(weights_of_two_steps_that_somebody_else_reads_are_written_once_beside)
{
	struct layer layer = gemm_layer(17, true);
	struct binding_projection steps[2];
	snnfit_error err;

	set_bias(&layer);
	declare(layer.input, AS_OUTPUT, "w", ROWS, COLUMNS);
	declare(layer.input, AS_OUTPUT, "b", 1, ROWS);
	add_step(&layer, steps, true);
	ok(export_model(&layer.output, layer.input, layer.graph, NULL, &err), &err);
	ck_assert_uint_eq(graph_of(layer.output)->n_initializer, 4);
	ck_assert_str_eq(node_of(layer.output, "fc")->input[1], "w__weights");
	ck_assert_str_eq(node_of(layer.output, "fc_1")->input[1], "w__weights");
	ck_assert_str_eq(node_of(layer.output, "fc")->input[2], "b__bias");
	ck_assert_str_eq(node_of(layer.output, "fc_1")->input[2], "b__bias");
	drop(&layer);
}
END_TEST

START_TEST(two_steps_without_a_bias_get_the_same_one)
{
	struct layer layer = gemm_layer(17, false);
	struct binding_projection steps[2];
	snnfit_error err;

	set_bias(&layer);
	add_step(&layer, steps, false);
	ok(export_model(&layer.output, layer.input, layer.graph, NULL, &err), &err);
	ck_assert_str_eq(node_of(layer.output, "fc")->input[2], "w__bias");
	ck_assert_str_eq(node_of(layer.output, "fc_1")->input[2], "w__bias");
	ck_assert_uint_eq(graph_of(layer.output)->n_initializer, 2);
	drop(&layer);
}
END_TEST

/* --- biases ------------------------------------------------------------------------------- */

START_TEST(a_gemm_without_bias_gets_one)
{
	struct layer layer = gemm_layer(17, false);

	set_bias(&layer);
	run_export(&layer);
	ck_assert_uint_eq(node_of(layer.output, "fc")->n_input, 3);
	ck_assert_str_eq(node_of(layer.output, "fc")->input[2], "w__bias");
	assert_floats(layer.output, find_tensor(layer.output, "w__bias"), 2, NEW_BIAS);
	drop(&layer);
}
END_TEST

START_TEST(a_bias_that_has_no_slot_is_added)
{
	struct layer layer = gemm_layer(17, false);
	const Onnx__NodeProto *add;

	set_bias(&layer);
	layer.projections[0].bias_added = true;
	run_export(&layer);
	add = node_of(layer.output, "w__add_bias");
	ck_assert_str_eq(add->op_type, "Add");
	ck_assert_str_eq(add->output[0], "y");
	ck_assert_str_eq(add->input[0], node_of(layer.output, "fc")->output[0]);
	ck_assert_str_eq(add->input[1], "w__bias");
	ck_assert_uint_eq(find_node(layer.output, "w__add_bias"), 1);
	drop(&layer);
}
END_TEST

START_TEST(a_shared_bias_is_written_beside)
{
	struct layer layer = gemm_layer(17, true);
	struct onnx_model *model = layer.input;

	set_bias(&layer);
	declare(model, AS_OUTPUT, "b", 1, ROWS);
	layer.input = reread(model);
	run_export(&layer);
	assert_floats(layer.output, find_tensor(layer.output, "b"), 2, OLD_BIAS);
	ck_assert_str_eq(node_of(layer.output, "fc")->input[2], "b__bias");
	drop(&layer);
}
END_TEST

/* --- quantization ---------------------------------------------------------------------------- */

static void
set_quantization(struct layer *layer, uint32_t bits, bool per_unit)
{
	static float scales[] = { 0.5f, 0.25f };

	projection_of(layer)->quantization = (struct quantization){ bits, per_unit, scales };
}

struct type_case {
	int64_t opset;
	uint32_t bits;
	bool per_unit;
	int32_t type;
	int64_t raised;
};

static const struct type_case type_cases[] = {
	{ 17, 2, true, ONNX__TENSOR_PROTO__DATA_TYPE__INT2, 25 },
	{ 17, 3, true, ONNX__TENSOR_PROTO__DATA_TYPE__INT4, 21 },
	{ 17, 4, false, ONNX__TENSOR_PROTO__DATA_TYPE__INT4, 21 },
	{ 17, 5, true, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 17 },
	{ 13, 8, true, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 13 },
	{ 11, 8, true, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 13 },
	{ 11, 8, false, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 11 },
	{ 13, 9, true, ONNX__TENSOR_PROTO__DATA_TYPE__INT16, 21 },
	{ 23, 16, true, ONNX__TENSOR_PROTO__DATA_TYPE__INT16, 23 },
};

START_TEST(the_smallest_type_is_chosen)
{
	const struct type_case *wanted = &type_cases[_i];
	struct layer layer = gemm_layer(wanted->opset, false);
	const Onnx__TensorProto *tensor;
	const Onnx__NodeProto *node;

	set_quantization(&layer, wanted->bits, wanted->per_unit);
	run_export(&layer);
	tensor = find_tensor(layer.output, "w__quantized");
	ck_assert_ptr_nonnull(tensor);
	ck_assert_int_eq(tensor->data_type, wanted->type);
	ck_assert_int_eq(opset_version(onnx_model_proto(layer.output)), wanted->raised);
	ck_assert_ptr_null(find_tensor(layer.output, "w"));
	node = node_of(layer.output, "w__dequantize");
	ck_assert_str_eq(node->op_type, "DequantizeLinear");
	ck_assert_str_eq(node_of(layer.output, "fc")->input[1], node->output[0]);
	ck_assert_uint_eq(node->n_attribute, wanted->per_unit ? 1 : 0);
	ck_assert_uint_eq(layer.notes.length, 0);
	drop(&layer);
}
END_TEST

START_TEST(integers_are_rounded_and_clipped)
{
	struct layer layer = gemm_layer(17, false);
	int64_t got[6];
	snnfit_error err;

	set_quantization(&layer, 4, true); /* scales 0.5 and 0.25 */
	run_export(&layer);
	ok(tensor_read_int64(layer.output, find_tensor(layer.output, "w__quantized"), 0, 6, got,
			     &err),
	   &err);
	ck_assert_mem_eq(got, ((int64_t[]){ 0, 1, -2, 7, 1, -3 }), sizeof got);
	assert_floats(layer.output, find_tensor(layer.output, "w__scale"), 2,
		      (float[]){ 0.5f, 0.25f });
	drop(&layer);
}
END_TEST

START_TEST(turned_weights_have_their_scales_along_the_last_axis)
{
	struct layer layer = { 0 };
	struct onnx_model *model = start_layer(17);
	int64_t got[6];
	snnfit_error err;

	add_matrix(model, "w", COLUMNS, ROWS, OLD);
	add_node(model, (struct build_node){ "MatMul", NULL, "fc", { "x", "w" }, { "y" } });
	bind_layer(&layer, 0, GRAPH_NONE, true);
	layer.input = reread(model);
	set_quantization(&layer, 8, true);
	run_export(&layer);
	ok(tensor_read_int64(layer.output, find_tensor(layer.output, "w__quantized"), 0, 6, got,
			     &err),
	   &err);
	ck_assert_mem_eq(got, ((int64_t[]){ 0, 8, 1, 1, -2, -3 }), sizeof got);
	ck_assert_int_eq(node_of(layer.output, "w__dequantize")->attribute[0]->i, 1);
	drop(&layer);
}
END_TEST

/* ReduceMax took its axes as an attribute before opset 18. */
static struct layer
layer_with_obstacle(int64_t opset)
{
	struct layer layer = gemm_layer(opset, false);
	struct onnx_model *model = layer.input;

	add_node(model, (struct build_node){ "ReduceMax", NULL, "m", { "x" }, { "z" } });
	layer.input = reread(model);
	return layer;
}

START_TEST(the_next_wider_type_is_taken_and_said_so)
{
	struct layer layer = layer_with_obstacle(13);

	set_quantization(&layer, 4, true);
	run_export(&layer);
	ck_assert_int_eq(find_tensor(layer.output, "w__quantized")->data_type,
			 ONNX__TENSOR_PROTO__DATA_TYPE__INT8);
	ck_assert_int_eq(opset_version(onnx_model_proto(layer.output)), 13);
	ck_assert_ptr_nonnull(strstr(layer.notes.chars, "INT8, not INT4"));
	ck_assert_ptr_nonnull(strstr(layer.notes.chars, "'m' (ReduceMax)"));
	drop(&layer);
}
END_TEST

START_TEST(sixteen_bits_fall_back_to_int32)
{
	struct layer layer = layer_with_obstacle(13);

	set_quantization(&layer, 16, true);
	run_export(&layer);
	ck_assert_int_eq(find_tensor(layer.output, "w__quantized")->data_type,
			 ONNX__TENSOR_PROTO__DATA_TYPE__INT32);
	drop(&layer);
}
END_TEST

START_TEST(too_old_an_opset_is_refused)
{
	struct layer layer = layer_with_obstacle(11);
	snnfit_error err;

	set_quantization(&layer, 8, true);
	ck_assert_int_eq(try_export(&layer, &err), SNNFIT_EUNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(err.text, "opset 13"));
	drop(&layer);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("exporter");
	TCase *tests = tcase_create("weights");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, new_weights_keep_their_place);
	tcase_add_test(tests, unchanged_weights_are_left_alone);
	tcase_add_test(tests, weights_of_a_matmul_are_turned);
	tcase_add_test(tests, weights_with_another_reader_are_written_beside);
	tcase_add_test(tests, weights_out_of_an_expression_replace_it);
	tcase_add_test(tests, weights_that_cannot_be_written_are_refused);
	tcase_add_test(tests, the_same_weights_of_two_layers_stay_one);
	tcase_add_test(tests, weights_and_bias_of_two_steps_are_written_once_in_place);
	tcase_add_test(tests,
		       weights_of_two_steps_that_somebody_else_reads_are_written_once_beside);
	tcase_add_test(tests, two_steps_without_a_bias_get_the_same_one);
	tcase_add_test(tests, a_gemm_without_bias_gets_one);
	tcase_add_test(tests, a_bias_that_has_no_slot_is_added);
	tcase_add_test(tests, a_shared_bias_is_written_beside);
	tcase_add_loop_test(tests, the_smallest_type_is_chosen, 0, (int)COUNT(type_cases));
	tcase_add_test(tests, integers_are_rounded_and_clipped);
	tcase_add_test(tests, turned_weights_have_their_scales_along_the_last_axis);
	tcase_add_test(tests, the_next_wider_type_is_taken_and_said_so);
	tcase_add_test(tests, sixteen_bits_fall_back_to_int32);
	tcase_add_test(tests, too_old_an_opset_is_refused);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
