/* rates_fixture.h - a graph and a model by hand, for the tests of firing rates. */
#ifndef SNNFIT_TESTS_UNIT_RATES_FIXTURE_H
#define SNNFIT_TESTS_UNIT_RATES_FIXTURE_H

#include "importer/rates.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATA "tests/data/rates/"
#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

#define LAYER0 "{\"tensor\":\"s0\",\"shape\":[12],\"rates\":[0,0.5,1,0.25,0,0,0,0,0,0,0,1e-3]}"
#define LAYER1 "{\"tensor\":\"s1\",\"shape\":[8],\"rates\":[0,0.5,1,0.25,0,0,0,0.125]}"
#define LAYER2 "{\"tensor\":\"s2\",\"shape\":[4],\"rates_b64\":\"AAAAAAAAgD4AAAA/AACAPw==\"}"
#define GOOD                                                                                       \
	"{\"version\":1,\"samples\":2000,\"steps\":25,\"layers\":[" LAYER0 "," LAYER1 "," LAYER2   \
	"]}"

/* Three spiking layers and a readout, as an importer would find them. */
struct fixture {
	struct graph *graph;
	struct onnx_model *model;
	struct arena *arena; /* of the model */
	snnfit_error err;
	char path[64]; /* of a temporary file; "": none */
};

static inline population_id
add_population(struct graph *graph, const char *name, uint32_t units, enum population_kind kind,
	       const char *spikes)
{
	axis_id axis = graph_add_axis(graph, units);
	population_id id = graph_add_population(graph, name, axis);
	struct population *population;

	ck_assert_uint_ne(axis, GRAPH_NONE);
	ck_assert_uint_ne(id, GRAPH_NONE);
	population = &graph->populations[id];
	population->kind = kind;
	population->positions = 1;
	if (!spikes)
		return id;
	population->spike_tensors = arena_alloc(&graph->arena, 2, sizeof(char *));
	ck_assert_ptr_nonnull(population->spike_tensors);
	population->spike_tensors[0] = spikes;
	population->spike_tensors[1] = arena_printf(&graph->arena, "%s_alias", spikes);
	ck_assert_ptr_nonnull(population->spike_tensors[1]);
	population->spike_tensor_count = 2;
	return id;
}

static inline void
make_graph(struct fixture *fixture, uint32_t first, uint32_t second, uint32_t third,
	   uint32_t readout)
{
	graph_free(fixture->graph);
	ck_assert_int_eq(graph_new(&fixture->graph, &fixture->err), SNNFIT_OK);
	(void)add_population(fixture->graph, "fc0", first, POPULATION_SPIKING, "s0");
	(void)add_population(fixture->graph, "fc1", second, POPULATION_SPIKING, "s1");
	(void)add_population(fixture->graph, "fc2", third, POPULATION_SPIKING, "s2");
	if (readout)
		(void)add_population(fixture->graph, "out", readout, POPULATION_READOUT, NULL);
}

static inline void
set_up(struct fixture *fixture)
{
	*fixture = (struct fixture){ 0 };
	make_graph(fixture, 12, 8, 4, 0);
	ck_assert_int_eq(onnx_model_new(&fixture->model, &fixture->err), SNNFIT_OK);
	fixture->arena = onnx_model_arena(fixture->model);
}

static inline void
tear_down(struct fixture *fixture)
{
	if (*fixture->path)
		(void)unlink(fixture->path);
	graph_free(fixture->graph);
	onnx_model_free(fixture->model);
}

static inline snnfit_status
attach_with(struct fixture *fixture, const char *path, const char *axes)
{
	struct rates_options options = { .path = path, .axes = axes };

	*fixture->err.text = '\0';
	return rates_attach(fixture->graph, fixture->model, &options, &fixture->err);
}

static inline void
must_attach(struct fixture *fixture, const char *path, const char *axes)
{
	snnfit_status status = attach_with(fixture, path, axes);

	ck_assert_msg(status == SNNFIT_OK, "%s", fixture->err.text);
}

static inline const double *
rates_of(const struct fixture *fixture, uint32_t population)
{
	return fixture->graph->populations[population].rates;
}

static inline bool
has_note(const struct fixture *fixture, const char *words)
{
	size_t i;

	for (i = 0; i < fixture->graph->note_count; i++)
		if (strstr(fixture->graph->notes[i], words))
			return true;
	return false;
}

/* A temporary file with this text. */
static inline const char *
write_text(struct fixture *fixture, const char *text)
{
	int fd;

	strcpy(fixture->path, "/tmp/snnfit-rates-XXXXXX");
	fd = mkstemp(fixture->path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(close(fd), 0);
	return fixture->path;
}

/* --- models by hand ------------------------------------------------------------ */

static inline Onnx__StringStringEntryProto **
make_entry(struct fixture *fixture, const char *key, const char *value)
{
	Onnx__StringStringEntryProto **list = arena_alloc(fixture->arena, 1, sizeof *list);

	ck_assert_ptr_nonnull(list);
	list[0] = arena_alloc(fixture->arena, 1, sizeof **list);
	ck_assert_ptr_nonnull(list[0]);
	onnx__string_string_entry_proto__init(list[0]);
	list[0]->key = arena_strdup(fixture->arena, key);
	list[0]->value = arena_strdup(fixture->arena, value);
	return list;
}

static inline void
set_metadata(struct fixture *fixture, const char *value)
{
	Onnx__ModelProto *model = onnx_model_proto(fixture->model);

	model->metadata_props = make_entry(fixture, "snn.firing_rates", value);
	model->n_metadata_props = 1;
}

static inline Onnx__GraphProto *
main_graph(struct fixture *fixture)
{
	Onnx__ModelProto *model = onnx_model_proto(fixture->model);

	if (!model->graph) {
		model->graph = arena_alloc(fixture->arena, 1, sizeof *model->graph);
		ck_assert_ptr_nonnull(model->graph);
		onnx__graph_proto__init(model->graph);
	}
	return model->graph;
}

static inline Onnx__TensorProto *
add_initializer(struct fixture *fixture, const char *name, uint64_t rows, uint64_t columns,
		const float *values)
{
	struct tensor_shape shape = { .type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
				      .rank = columns ? 2 : 1,
				      .dims = { rows, columns },
				      .count = columns ? rows * columns : rows };
	Onnx__TensorProto *tensor = tensor_new(fixture->model, name);
	Onnx__GraphProto *graph = main_graph(fixture);
	Onnx__TensorProto **list;

	ck_assert_ptr_nonnull(tensor);
	ck_assert_int_eq(tensor_set_raw(fixture->model, tensor, &shape, values, shape.count * 4,
					&fixture->err),
			 SNNFIT_OK);
	list = arena_alloc(fixture->arena, graph->n_initializer + 1, sizeof *list);
	ck_assert_ptr_nonnull(list);
	if (graph->n_initializer)
		memcpy(list, graph->initializer, graph->n_initializer * sizeof *list);
	list[graph->n_initializer++] = tensor;
	graph->initializer = list;
	return tensor;
}

static inline void
add_annotation(struct fixture *fixture, const char *tensor, const char *key,
	       const char *initializer)
{
	Onnx__GraphProto *graph = main_graph(fixture);
	Onnx__TensorAnnotation **list = arena_alloc(fixture->arena, 1, sizeof *list);

	ck_assert_ptr_nonnull(list);
	list[0] = arena_alloc(fixture->arena, 1, sizeof **list);
	ck_assert_ptr_nonnull(list[0]);
	onnx__tensor_annotation__init(list[0]);
	list[0]->tensor_name = arena_strdup(fixture->arena, tensor);
	list[0]->quant_parameter_tensor_names = make_entry(fixture, key, initializer);
	list[0]->n_quant_parameter_tensor_names = 1;
	graph->quantization_annotation = list;
	graph->n_quantization_annotation = 1;
}

/* The node that makes the tensor. */
static inline Onnx__NodeProto *
add_node(struct fixture *fixture, const char *domain, const char *output)
{
	Onnx__GraphProto *graph = main_graph(fixture);

	graph->node = arena_alloc(fixture->arena, 1, sizeof *graph->node);
	ck_assert_ptr_nonnull(graph->node);
	graph->node[0] = arena_alloc(fixture->arena, 1, sizeof **graph->node);
	ck_assert_ptr_nonnull(graph->node[0]);
	onnx__node_proto__init(graph->node[0]);
	graph->node[0]->op_type = arena_strdup(fixture->arena, "LIF");
	graph->node[0]->domain = arena_strdup(fixture->arena, domain);
	graph->node[0]->output = arena_alloc(fixture->arena, 1, sizeof(char *));
	ck_assert_ptr_nonnull(graph->node[0]->output);
	graph->node[0]->output[0] = arena_strdup(fixture->arena, output);
	graph->node[0]->n_output = 1;
	graph->n_node = 1;
	return graph->node[0];
}

static inline void
add_value(struct fixture *fixture, const char *name, const char *json)
{
	Onnx__GraphProto *graph = main_graph(fixture);

	graph->value_info = arena_alloc(fixture->arena, 1, sizeof *graph->value_info);
	ck_assert_ptr_nonnull(graph->value_info);
	graph->value_info[0] = arena_alloc(fixture->arena, 1, sizeof **graph->value_info);
	ck_assert_ptr_nonnull(graph->value_info[0]);
	onnx__value_info_proto__init(graph->value_info[0]);
	graph->value_info[0]->name = arena_strdup(fixture->arena, name);
	graph->value_info[0]->metadata_props = make_entry(fixture, "snn.firing_rate", json);
	graph->value_info[0]->n_metadata_props = 1;
	graph->n_value_info = 1;
}

static inline void
add_attribute(struct fixture *fixture, Onnx__NodeProto *node, const float *rates, size_t count)
{
	node->attribute = arena_alloc(fixture->arena, 1, sizeof *node->attribute);
	ck_assert_ptr_nonnull(node->attribute);
	node->attribute[0] = arena_alloc(fixture->arena, 1, sizeof **node->attribute);
	ck_assert_ptr_nonnull(node->attribute[0]);
	onnx__attribute_proto__init(node->attribute[0]);
	node->attribute[0]->name = arena_strdup(fixture->arena, "firing_rates");
	node->attribute[0]->has_type = 1;
	node->attribute[0]->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
	node->attribute[0]->floats = arena_copy(fixture->arena, rates, count, sizeof *rates);
	node->attribute[0]->n_floats = count;
	node->n_attribute = 1;
}

#endif
