/* test_exporter_new.c - models of graphs made in memory, read back; fusion; metadata. */
#include "tests/unit/exporter_cases.h"

#include "importer/importer.h"
#include "importer/rates.h"

#include <jansson.h>

/* --- a chain of layers in memory ----------------------------------------------------- */

static struct projection *
connect(struct graph *graph, population_id target, axis_id source, uint32_t columns)
{
	projection_id id = graph_add_projection(graph, target);
	struct projection *projection = &graph->projections[id];
	uint32_t rows = population_units(graph, target), i;
	float values[64];
	snnfit_error err;

	ck_assert_uint_le(rows * columns, COUNT(values));
	for (i = 0; i < rows * columns; i++)
		values[i] = (float)(i % 7) / 8 - 0.25f;
	projection->reads = source == GRAPH_NONE ? READS_INPUT : READS_SPIKES;
	projection->columns = along(graph, source, columns);
	ck_assert(graph_set_parameter(graph, &projection->gain, 1));
	ok(weights_from_values(&projection->weights, rows, columns, values, &err), &err);
	return projection;
}

static struct neuron *
add_population(struct graph *graph, const char *name, uint32_t units)
{
	population_id id = graph_add_population(graph, name, graph_add_axis(graph, units));
	struct neuron *neuron = &graph->populations[id].neuron;

	graph->populations[id].starts_at_zero = true;
	neuron->model = "LIF";
	neuron->comparison = COMPARE_GREATER;
	neuron->reset = RESET_SUBTRACT;
	ck_assert(graph_set_parameter(graph, &neuron->decay, 0.5));
	ck_assert(graph_set_parameter(graph, &neuron->threshold, 1));
	ck_assert(graph_set_parameter(graph, &neuron->reset_value, 1));
	ck_assert(graph_set_parameter(graph, &neuron->spike_gain, 1));
	return neuron;
}

/* 3 inputs, populations a (4 units), b (5) and c (2), the last one the output. */
static struct graph *
chain(void)
{
	struct graph *graph = graph_with_axes(0, NULL);

	add_population(graph, "a", 4);
	add_population(graph, "b", 5);
	add_population(graph, "c", 2);
	graph->populations[2].output = true;
	connect(graph, 0, GRAPH_NONE, 3);
	connect(graph, 1, 0, 4);
	connect(graph, 2, 1, 5);
	return graph;
}

static void
set_each(struct graph *graph, struct parameter *parameter, uint32_t count, const double *values)
{
	parameter->count = count;
	parameter->values = arena_copy(&graph->arena, values, count, sizeof *values);
	ck_assert_ptr_nonnull(parameter->values);
}

struct imported {
	struct onnx_model *model;
	struct graph *graph;
	struct import *import;
};

static struct imported
export_and_import(const struct graph *graph)
{
	struct imported again;
	snnfit_error err;

	ok(export_graph(&again.model, graph, NULL, &err), &err);
	again.model = reread(again.model);
	ok(import_model(&again.graph, &again.import, again.model, NULL, &err), &err);
	return again;
}

static void
drop(struct imported *imported)
{
	graph_free(imported->graph);
	import_free(imported->import);
	onnx_model_free(imported->model);
}

static void
assert_parameter(const struct parameter *was, const struct parameter *is, uint32_t units)
{
	ck_assert_int_eq(was->count == 0, is->count == 0);
	for (uint32_t i = 0; was->count && i < units; i++)
		ck_assert(parameter_at(was, i) == parameter_at(is, i));
}

static void
assert_same_matrix(struct weights *was, struct weights *is)
{
	const float *before, *after;
	snnfit_error err;

	ck_assert_int_eq(!was, !is);
	if (!was)
		return;
	ck_assert_uint_eq(was->rows, is->rows);
	ck_assert_uint_eq(was->columns, is->columns);
	ok(weights_read(was, &before, &err), &err);
	ok(weights_read(is, &after, &err), &err);
	ck_assert_mem_eq(before, after, (size_t)was->rows * was->columns * sizeof(float));
}

static void
assert_same_neuron(const struct neuron *was, const struct neuron *is, uint32_t units)
{
	ck_assert_int_eq(was->comparison, is->comparison);
	ck_assert_int_eq(was->reset, is->reset);
	if (was->reset != RESET_NONE)
		ck_assert_int_eq(was->reset_timing, is->reset_timing);
	ck_assert_int_eq(was->current, is->current);
	assert_parameter(&was->decay, &is->decay, units);
	assert_parameter(&was->threshold, &is->threshold, units);
	if (was->reset != RESET_NONE)
		assert_parameter(&was->reset_value, &is->reset_value, units);
	assert_parameter(&was->current_decay, &is->current_decay, units);
	assert_parameter(&was->current_gain, &is->current_gain, units);
}

static void
assert_same_graph(const struct graph *was, const struct graph *is)
{
	ck_assert_uint_eq(was->population_count, is->population_count);
	ck_assert_uint_eq(was->projection_count, is->projection_count);
	for (size_t i = 0; i < was->population_count; i++) {
		const struct population *a = &was->populations[i], *b = &is->populations[i];

		ck_assert_str_eq(a->name, b->name);
		ck_assert_int_eq(a->kind, b->kind);
		ck_assert_int_eq(a->output, b->output);
		ck_assert_uint_eq(population_units(was, (population_id)i),
				  population_units(is, (population_id)i));
		assert_same_neuron(&a->neuron, &b->neuron, population_units(was, (population_id)i));
	}
	for (size_t i = 0; i < was->projection_count; i++) {
		ck_assert_int_eq(was->projections[i].reads, is->projections[i].reads);
		ck_assert_uint_eq(was->projections[i].target, is->projections[i].target);
		assert_same_matrix(was->projections[i].weights, is->projections[i].weights);
		assert_same_matrix(was->projections[i].bias, is->projections[i].bias);
	}
}

/* --- read back ---------------------------------------------------------------------------- */

START_TEST(a_chain_is_read_back)
{
	struct graph *graph = chain();
	struct imported again = export_and_import(graph);

	assert_same_graph(graph, again.graph);
	ck_assert_uint_eq(onnx_model_proto(again.model)->n_functions, 1);
	ck_assert_str_eq(onnx_model_proto(again.model)->functions[0]->name, "LIF");
	ck_assert_str_eq(graph_of(again.model)->output[0]->name, "c_spikes");
	ck_assert_int_eq(opset_version(onnx_model_proto(again.model)), 17);
	ck_assert_int_eq(onnx_model_proto(again.model)->ir_version, 8);
	drop(&again);
	graph_free(graph);
}
END_TEST

/* Every kind of neuron, by what it does. */
struct kind {
	const char *function;
	enum comparison comparison;
	enum reset reset;
	enum reset_timing timing;
	enum current_drives current;
	double decay, reset_value;
};

static const struct kind kinds[] = {
	{ "LIF", COMPARE_GREATER, RESET_SUBTRACT, RESET_NOW, CURRENT_ABSENT, 0.5, 1 },
	{ "LIF_value", COMPARE_GREATER, RESET_SUBTRACT, RESET_NOW, CURRENT_ABSENT, 0.5, 0.75 },
	{ "LIF_or_equal", COMPARE_GREATER_EQUAL, RESET_SUBTRACT, RESET_NOW, CURRENT_ABSENT, 0.5,
	  1 },
	{ "LIF_late", COMPARE_GREATER, RESET_SUBTRACT, RESET_LATE, CURRENT_ABSENT, 0.5, 1 },
	{ "LIF_both", COMPARE_GREATER, RESET_SUBTRACT, RESET_BOTH, CURRENT_ABSENT, 0.5, 1 },
	{ "LIF_set", COMPARE_GREATER, RESET_SET, RESET_NOW, CURRENT_ABSENT, 0.5, 0 },
	{ "LIF_set_value", COMPARE_GREATER, RESET_SET, RESET_NOW, CURRENT_ABSENT, 0.5, 0.25 },
	{ "LIF_set_late", COMPARE_GREATER, RESET_SET, RESET_LATE, CURRENT_ABSENT, 0.5, 0 },
	{ "LIF_no_reset", COMPARE_GREATER, RESET_NONE, RESET_NOW, CURRENT_ABSENT, 0.5, 0 },
	{ "IF", COMPARE_GREATER, RESET_SUBTRACT, RESET_NOW, CURRENT_ABSENT, 1, 1 },
	{ "IF_set_or_equal", COMPARE_GREATER_EQUAL, RESET_SET, RESET_NOW, CURRENT_ABSENT, 1, 0 },
	{ "Synaptic", COMPARE_GREATER, RESET_SUBTRACT, RESET_NOW, CURRENT_NEW, 0.5, 1 },
	{ "Synaptic_old", COMPARE_GREATER, RESET_SUBTRACT, RESET_NOW, CURRENT_OLD, 0.5, 1 },
	{ "Synaptic_old_and_input", COMPARE_GREATER, RESET_SUBTRACT, RESET_NOW,
	  CURRENT_OLD_AND_INPUT, 0.5, 1 },
};

START_TEST(every_kind_of_neuron_is_read_back)
{
	const struct kind *kind = &kinds[_i];
	struct graph *graph = chain();
	struct neuron *neuron = &graph->populations[1].neuron;
	struct imported again;

	neuron->comparison = kind->comparison;
	neuron->reset = kind->reset;
	neuron->reset_timing = kind->timing;
	neuron->current = kind->current;
	neuron->decay.values[0] = kind->decay;
	neuron->reset_value.values[0] = kind->reset_value;
	if (kind->current != CURRENT_ABSENT) {
		ck_assert(graph_set_parameter(graph, &neuron->current_decay, 0.75));
		ck_assert(graph_set_parameter(graph, &neuron->current_gain, 1));
		ck_assert(graph_set_parameter(graph, &neuron->input_gain, 1));
	}
	again = export_and_import(graph);
	assert_same_graph(graph, again.graph);
	ck_assert_str_eq(node_of(again.model, "b_neurons")->op_type, kind->function);
	drop(&again);
	graph_free(graph);
}
END_TEST

START_TEST(values_of_each_unit_are_read_back)
{
	struct graph *graph = chain();
	struct neuron *neuron = &graph->populations[0].neuron;
	static const double decays[] = { 0.5, 0.25, 0.75, 0.125 };
	static const double thresholds[] = { 1, 2, 3, 4 };
	const float bias[] = { 0.5f, -1, 0, 2 };
	struct imported again;
	snnfit_error err;

	set_each(graph, &neuron->decay, 4, decays);
	set_each(graph, &neuron->threshold, 4, thresholds);
	set_each(graph, &neuron->reset_value, 4, thresholds);
	set_each(graph, &neuron->offset, 4, (double[]){ 0.5, -1, 0, 2 });
	ok(weights_from_values(&graph->projections[0].bias, 4, 1, bias, &err), &err);
	again = export_and_import(graph);
	assert_same_graph(graph, again.graph);
	assert_parameter(&neuron->offset, &again.graph->populations[0].neuron.offset, 4);
	drop(&again);
	graph_free(graph);
}
END_TEST

START_TEST(a_readout_gives_its_membrane)
{
	struct graph *graph = chain();
	struct neuron *neuron = &graph->populations[2].neuron;
	struct imported again;

	graph->populations[2].kind = POPULATION_READOUT;
	neuron->comparison = COMPARE_NONE;
	neuron->reset = RESET_NONE;
	neuron->threshold = neuron->reset_value = (struct parameter){ 0 };
	again = export_and_import(graph);
	assert_same_graph(graph, again.graph);
	ck_assert_str_eq(graph_of(again.model)->output[0]->name, "c_output");
	ck_assert_str_eq(node_of(again.model, "c_neurons")->op_type, "Readout");
	drop(&again);
	graph_free(graph);
}
END_TEST

START_TEST(quantized_weights_are_read_back)
{
	struct graph *graph = chain();
	static float scales[] = { 0.125f, 0.125f, 0.125f, 0.125f, 0.125f };
	struct imported again;

	graph->projections[1].quantization = (struct quantization){ 4, true, scales };
	again = export_and_import(graph);
	assert_same_graph(graph, again.graph); /* multiples of 1/8 between -2/8 and 4/8 */
	ck_assert_int_eq(find_tensor(again.model, "b.weight__quantized")->data_type,
			 ONNX__TENSOR_PROTO__DATA_TYPE__INT4);
	ck_assert_int_eq(opset_version(onnx_model_proto(again.model)), 21);
	ck_assert_int_eq(onnx_model_proto(again.model)->functions[0]->opset_import[0]->version, 21);
	drop(&again);
	graph_free(graph);
}
END_TEST

START_TEST(what_a_new_model_cannot_say_is_refused)
{
	struct graph *graph = chain();
	struct onnx_model *model;
	snnfit_error err;

	graph->populations[1].kind = POPULATION_CUSTOM;
	ck_assert_int_eq(export_graph(&model, graph, NULL, &err), SNNFIT_EUNSUPPORTED);
	ck_assert_ptr_null(model);
	graph->populations[1].kind = POPULATION_SPIKING;
	graph->projections[1].reads = READS_OTHER;
	ck_assert_int_eq(export_graph(&model, graph, NULL, &err), SNNFIT_EUNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(err.text, "b:"));
	graph_free(graph);
}
END_TEST

/* --- fusion --------------------------------------------------------------------------------- */

/* b goes: c reads what b read, the spikes of a. */
static void
fuse(struct graph *graph)
{
	uint32_t in = graph->projections[1].binding, out = graph->projections[2].binding;
	snnfit_error err;
	struct projection *projection;

	ok(graph_remove_population(graph, 1, &err), &err);
	projection = connect(graph, 2, graph->populations[0].axis, 4);
	projection->weights->changed = true;
	projection->binding = out;
	projection->reads_input_of = in;
}

START_TEST(a_fused_population_leaves_nothing_behind)
{
	struct graph *graph = chain();
	struct imported again = export_and_import(graph);
	struct onnx_model *fused;
	const Onnx__GraphProto *main;
	snnfit_error err;

	fuse(again.graph);
	ok(export_model(&fused, again.model, again.graph, NULL, &err), &err);
	main = graph_of(fused);
	ck_assert_uint_eq(find_node(fused, "b"), SIZE_MAX);
	ck_assert_uint_eq(find_node(fused, "b_neurons"), SIZE_MAX);
	ck_assert_ptr_null(find_tensor(fused, "b.weight"));
	ck_assert_ptr_null(find_tensor(fused, "b.threshold"));
	ck_assert_str_eq(node_of(fused, "c")->input[0], "a_spikes");
	ck_assert_int_eq(find_tensor(fused, "c.weight")->dims[1], 4);
	ck_assert_uint_eq(main->n_input, 3);
	ck_assert_uint_eq(main->n_output, 3);
	for (size_t i = 0; i < main->n_input; i++)
		ck_assert_str_ne(main->input[i]->name, "b_membrane_in");
	onnx_model_free(fused);
	drop(&again);
	graph_free(graph);
}
END_TEST

/* What nobody read before the fusion is not the fusion's to take. */
START_TEST(what_was_unread_before_stays)
{
	struct graph *graph = chain();
	struct imported again;
	struct onnx_model *model, *fused;
	snnfit_error err;

	ok(export_graph(&model, graph, NULL, &err), &err);
	add_vector(model, "carried", 2, (float[]){ 1, 2 });
	add_node(model, (struct build_node){ "Neg", NULL, "idle", { "a_spikes" }, { "unread" } });
	again.model = reread(model);
	ok(import_model(&again.graph, &again.import, again.model, NULL, &err), &err);
	fuse(again.graph);
	ok(export_model(&fused, again.model, again.graph, NULL, &err), &err);
	ck_assert_ptr_nonnull(find_tensor(fused, "carried"));
	ck_assert_uint_ne(find_node(fused, "idle"), SIZE_MAX);
	onnx_model_free(fused);
	drop(&again);
	graph_free(graph);
}
END_TEST

/* --- metadata --------------------------------------------------------------------- */

START_TEST(entries_keep_their_order)
{
	struct onnx_model *model = model_start(17, 8);
	const Onnx__ModelProto *proto = onnx_model_proto(model);
	snnfit_error err;

	ok(metadata_set(model, "a", "1", &err), &err);
	ok(metadata_set(model, "b", "2", &err), &err);
	ok(metadata_set(model, "a", "3", &err), &err);
	ck_assert_uint_eq(proto->n_metadata_props, 2);
	ck_assert_str_eq(proto->metadata_props[0]->key, "a");
	ck_assert_str_eq(metadata_get(model, "a"), "3");
	ck_assert_ptr_null(metadata_get(model, "c"));
	metadata_remove(model, "a");
	ck_assert_ptr_null(metadata_get(model, "a"));
	ck_assert_str_eq(metadata_get(model, "b"), "2");
	onnx_model_free(model);
}
END_TEST

static void
set_rates(struct graph *graph)
{
	static double rates[] = { 0.1, 0, 0.30000000000000004, 1 };

	graph->populations[0].rates = rates;
	graph->populations[0].rates_tensor = "a_spikes";
	graph->rates_samples = 200;
	graph->rates_steps = 25;
}

START_TEST(rates_are_written_as_documented)
{
	struct graph *graph = chain();
	struct onnx_model *model;
	const char *text;
	snnfit_error err;

	set_rates(graph);
	ok(export_graph(&model, graph, NULL, &err), &err);
	ok(metadata_write(model, graph, &err), &err);
	text = metadata_get(model, "snn.firing_rates");
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strstr(text, "\"samples\":200,\"steps\":25"));
	ck_assert_ptr_nonnull(
		strstr(text, "{\"tensor\":\"a_spikes\",\"shape\":[4],\"fingerprint\""));
	ck_assert_ptr_nonnull(strstr(text, "\"rates\":[0.1,0,0.30000000000000004,1]"));
	graph->populations[0].rates = NULL;
	ok(metadata_write(model, graph, &err), &err);
	ck_assert_ptr_null(metadata_get(model, "snn.firing_rates"));
	onnx_model_free(model);
	graph_free(graph);
}
END_TEST

/* Float rates of every length of base64's last group, beside what they are in fewest characters. */
static const struct {
	double rates[4];
	const char *form;
} rate_forms[] = {
	{ { 0, 0.25, 0.5, 1 }, "\"rates\":[0,0.25,0.5,1]" },
	{ { 0.1f, 0.2f, 0, 1 }, "\"rates_b64\":\"zczMPc3MTD4AAAAAAACAPw==\"" },
	{ { 0.1f, 0.2f, 0.3f, 0.7f }, "\"rates_b64\":\"zczMPc3MTD6amZk+MzMzPw==\"" },
	{ { 0.1, 0.2f, 0.3f, 0.5f }, "\"rates\":[0.1,0.20000000298023224," },
};

START_TEST(rates_are_written_in_the_shorter_form_and_read_back)
{
	struct graph *graph = chain();
	struct imported again = { .model = NULL };
	double rates[4];
	const char *text;
	snnfit_error err;

	memcpy(rates, rate_forms[_i].rates, sizeof rates);
	set_rates(graph);
	graph->populations[0].rates = rates;
	ok(export_graph(&again.model, graph, NULL, &err), &err);
	ok(metadata_write(again.model, graph, &err), &err);
	text = metadata_get(again.model, "snn.firing_rates");
	ck_assert_msg(strstr(text, rate_forms[_i].form) != NULL, "%s", text);
	ok(import_model(&again.graph, &again.import, again.model, NULL, &err), &err);
	ok(rates_attach(again.graph, again.model, NULL, &err), &err);
	ck_assert_mem_eq(again.graph->populations[0].rates, rates, sizeof rates);
	drop(&again);
	graph_free(graph);
}
END_TEST

static json_t *
layer_of(const json_t *map, const char *name)
{
	const json_t *layers = json_object_get(map, "layers");
	json_t *layer;
	size_t i;

	json_array_foreach (layers, i, layer) {
		if (strcmp(json_string_value(json_object_get(layer, "name")), name) == 0)
			return layer;
	}
	ck_abort_msg("the map has no layer %s", name);
	return NULL;
}

static void
assert_list(const json_t *object, const char *key, const char *expected)
{
	char *text = json_dumps(json_object_get(object, key), JSON_COMPACT | JSON_ENCODE_ANY);

	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, expected);
	free(text);
}

static json_t *
write_map(struct onnx_model *model, const struct graph *graph)
{
	json_t *map;
	snnfit_error err;

	ok(metadata_write(model, graph, &err), &err);
	map = json_loads(metadata_get(model, "snn.neuron_map"), 0, NULL);
	ck_assert_ptr_nonnull(map);
	return map;
}

/* Units 0 2 4 of b stay, 3 was merged into 0; then, in what came out, the middle
 * one goes into the last. */
START_TEST(a_second_optimization_speaks_of_the_first_model)
{
	struct graph *first = chain(), *second = chain();
	struct onnx_model *model = model_start(17, 8);
	json_t *map, *layer;

	cut_units(first, 1, "10101");
	first->axes[1].fate[3] = UNIT_MERGED;
	first->axes[1].merged_into[3] = 0;
	map = write_map(model, first);
	layer = layer_of(map, "b");
	assert_list(layer, "kept", "[0,2,4]");
	assert_list(layer, "merged", "{\"0\":[3]}");
	assert_list(layer, "removed", "{\"dead\":[1]}");
	json_decref(map);

	graph_free(second);
	second = graph_with_axes(0, NULL);
	add_population(second, "a", 4);
	add_population(second, "b", 3);
	cut_units(second, 1, "001");
	second->axes[1].fate[0] = UNIT_MERGED;
	second->axes[1].merged_into[0] = 2;
	map = write_map(model, second);
	layer = layer_of(map, "b");
	assert_list(layer, "units", "5");
	assert_list(layer, "kept", "[4]");
	assert_list(layer, "merged", "{\"4\":[0,3]}");
	assert_list(layer, "removed", "{\"dead\":[1,2]}");
	assert_list(layer_of(map, "a"), "kept", "[0,1,2,3]");
	json_decref(map);
	graph_free(first);
	graph_free(second);
	onnx_model_free(model);
}
END_TEST

/* 1 went into 2, which went into 0; 3 went into 4, which died later. */
START_TEST(merges_follow_each_other)
{
	struct graph *graph = chain();
	struct onnx_model *model = model_start(17, 8);
	json_t *map;

	cut_units(graph, 1, "10000");
	graph->axes[1].fate[1] = graph->axes[1].fate[2] = graph->axes[1].fate[3] = UNIT_MERGED;
	graph->axes[1].merged_into[1] = 2;
	graph->axes[1].merged_into[2] = 0;
	graph->axes[1].merged_into[3] = 4;
	map = write_map(model, graph);
	assert_list(layer_of(map, "b"), "kept", "[0]");
	assert_list(layer_of(map, "b"), "merged", "{\"0\":[1,2]}");
	assert_list(layer_of(map, "b"), "removed", "{\"dead\":[3,4]}");
	json_decref(map);
	graph_free(graph);
	onnx_model_free(model);
}
END_TEST

START_TEST(a_fused_layer_is_remembered)
{
	struct graph *graph = chain(), *later;
	struct onnx_model *model = model_start(17, 8);
	snnfit_error err;
	json_t *map;

	ok(graph_remove_population(graph, 1, &err), &err);
	map = write_map(model, graph);
	assert_list(layer_of(map, "b"), "removed", "{\"fused\":[0,1,2,3,4]}");
	json_decref(map);
	later = graph_with_axes(0, NULL);
	add_population(later, "a", 4);
	map = write_map(model, later);
	assert_list(layer_of(map, "b"), "removed", "{\"fused\":[0,1,2,3,4]}");
	json_decref(map);
	graph_free(graph);
	graph_free(later);
	onnx_model_free(model);
}
END_TEST

START_TEST(a_map_of_another_form_is_not_believed)
{
	static const char *const maps[] = {
		"no JSON",
		"{\"version\":2,\"layers\":[]}",
		"{\"version\":1,\"layers\":[{\"name\":\"b\",\"units\":9,\"kept\":[-1,2,3,4,5],"
		"\"merged\":{},\"removed\":{}}]}",
		"{\"version\":1,\"layers\":[{\"name\":\"b\",\"units\":9,\"kept\":[1,2,3,4,5],"
		"\"merged\":[],\"removed\":{}}]}",
	};
	struct graph *graph = chain();
	struct onnx_model *model = model_start(17, 8);
	snnfit_error err;
	json_t *map;

	for (size_t i = 0; i < COUNT(maps); i++) {
		ok(metadata_set(model, "snn.neuron_map", maps[i], &err), &err);
		map = write_map(model, graph);
		assert_list(layer_of(map, "b"), "kept", "[0,1,2,3,4]");
		json_decref(map);
	}
	graph_free(graph);
	onnx_model_free(model);
}
END_TEST

/* --- rates at other places -------------------------------------------------------- */

static struct onnx_model *
model_with_carriers(const struct graph *graph)
{
	struct onnx_model *model;
	struct arena *arena;
	Onnx__TensorAnnotation *note;
	Onnx__StringStringEntryProto *entry;
	snnfit_error err;

	ok(export_graph(&model, graph, NULL, &err), &err);
	arena = onnx_model_arena(model);
	add_vector(model, "rates", 4, (float[]){ 1, 2, 3, 4 });
	note = arena_alloc(arena, 1, sizeof *note);
	entry = arena_alloc(arena, 1, sizeof *entry);
	onnx__tensor_annotation__init(note);
	onnx__string_string_entry_proto__init(entry);
	note->tensor_name = arena_strdup(arena, "a_spikes");
	entry->key = arena_strdup(arena, "FIRING_RATE_TENSOR");
	entry->value = arena_strdup(arena, "rates");
	ck_assert(build_append(arena, &note->quant_parameter_tensor_names,
			       &note->n_quant_parameter_tensor_names, &entry, sizeof entry));
	ck_assert(build_append(arena, &graph_of(model)->quantization_annotation,
			       &graph_of(model)->n_quantization_annotation, &note, sizeof note));
	entry = arena_copy(arena, entry, 1, sizeof *entry);
	entry->key = arena_strdup(arena, "snn.firing_rate");
	entry->value = arena_strdup(arena, "[0.1, 0.2, 0.3, 4e-1]");
	for (size_t i = 0; i < graph_of(model)->n_node; i++)
		if (strcmp(graph_of(model)->node[i]->output[0], "a_spikes") == 0)
			ck_assert(build_append(arena, &graph_of(model)->node[i]->metadata_props,
					       &graph_of(model)->node[i]->n_metadata_props, &entry,
					       sizeof entry));
	return reread(model);
}

START_TEST(rates_at_tensors_and_nodes_are_cut_too)
{
	struct graph *graph = chain();
	struct imported again = { .model = model_with_carriers(graph) };
	struct onnx_model *cut;
	snnfit_error err;

	ok(import_model(&again.graph, &again.import, again.model, NULL, &err), &err);
	cut_units(again.graph, again.graph->populations[0].axis, "1001");
	ok(export_model(&cut, again.model, again.graph, NULL, &err), &err);
	assert_floats(cut, find_tensor(cut, "rates"), 2, (float[]){ 1, 4 });
	ck_assert_str_eq(node_of(cut, "a_neurons")->metadata_props[0]->value, "[0.1,0.4]");
	onnx_model_free(cut);
	drop(&again);
	graph_free(graph);
}
END_TEST

START_TEST(an_annotation_goes_with_its_tensor)
{
	struct graph *graph = chain();
	struct imported again = { .model = model_with_carriers(graph) };
	struct onnx_model *fused;
	snnfit_error err;

	graph_of(again.model)->quantization_annotation[0]->tensor_name = arena_strdup(
		onnx_model_arena(again.model), "b_spikes");
	again.model = reread(again.model);
	ok(import_model(&again.graph, &again.import, again.model, NULL, &err), &err);
	fuse(again.graph);
	ok(export_model(&fused, again.model, again.graph, NULL, &err), &err);
	ck_assert_uint_eq(graph_of(fused)->n_quantization_annotation, 0);
	ck_assert_ptr_null(find_tensor(fused, "rates"));
	onnx_model_free(fused);
	drop(&again);
	graph_free(graph);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("exporter");
	TCase *tests = tcase_create("new models");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, a_chain_is_read_back);
	tcase_add_loop_test(tests, every_kind_of_neuron_is_read_back, 0, (int)COUNT(kinds));
	tcase_add_test(tests, values_of_each_unit_are_read_back);
	tcase_add_test(tests, a_readout_gives_its_membrane);
	tcase_add_test(tests, quantized_weights_are_read_back);
	tcase_add_test(tests, what_a_new_model_cannot_say_is_refused);
	tcase_add_test(tests, a_fused_population_leaves_nothing_behind);
	tcase_add_test(tests, what_was_unread_before_stays);
	tcase_add_test(tests, entries_keep_their_order);
	tcase_add_test(tests, rates_are_written_as_documented);
	tcase_add_loop_test(tests, rates_are_written_in_the_shorter_form_and_read_back, 0,
			    (int)COUNT(rate_forms));
	tcase_add_test(tests, a_second_optimization_speaks_of_the_first_model);
	tcase_add_test(tests, merges_follow_each_other);
	tcase_add_test(tests, a_fused_layer_is_remembered);
	tcase_add_test(tests, a_map_of_another_form_is_not_believed);
	tcase_add_test(tests, rates_at_tensors_and_nodes_are_cut_too);
	tcase_add_test(tests, an_annotation_goes_with_its_tensor);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
