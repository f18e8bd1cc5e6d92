/* rates.c - fuzz target: firing rates from each place that they can come from. Input: a
 * byte (which), the text of --rates-axes up to a NUL, then what the place holds.
 *
 * Promises: what is refused leaves the graph without rates; what is taken is finite and
 * at least 0; what the exporter writes of it is read back as the same. */
#include "tests/fuzz/fuzz.h"

#include "exporter/exporter.h"
#include "importer/rates.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { IN_FILE, IN_METADATA, IN_ANNOTATION, IN_NODE, IN_VALUE, IN_ATTRIBUTE, PLACES };
enum { WITH_METADATA = 0x40, FILE_DESCRIPTOR = 200, LAYERS = 3 };

struct input {
	uint8_t place;
	bool with_metadata; /* good rates stand in the model's metadata, too */
	const char *axes;
	const uint8_t *bytes;
	size_t length;
	char *text; /* bytes, as text */
};

/* Three spiking layers, as an importer would find them, and a model to read rates from. */
struct fixture {
	struct graph *graph;
	struct onnx_model *model;
	Onnx__GraphProto *main;
};

static const char good[] = "{\"version\":1,\"layers\":[{\"tensor\":\"s0\",\"shape\":[12],\"rates\":"
			   "[0,0.5,1,0.25,0,0,0,0,0,0,0,1e-3]}]}";

/* --- the fixture -------------------------------------------------------------------- */

static void *
take(struct onnx_model *model, size_t size)
{
	void *at = arena_zalloc(onnx_model_arena(model), 1, size);

	MUST(at);
	return at;
}

static void
add_layer(struct graph *graph, const char *name, uint32_t units, const char *spikes)
{
	population_id id = graph_add_population(graph, name, graph_add_axis(graph, units));
	struct population *population;

	MUST(id != GRAPH_NONE);
	population = &graph->populations[id];
	population->kind = POPULATION_SPIKING;
	population->spike_tensors = arena_alloc(&graph->arena, 1, sizeof(char *));
	MUST(population->spike_tensors);
	population->spike_tensors[0] = spikes;
	population->spike_tensor_count = 1;
}

static void
set_up(struct fixture *fixture)
{
	snnfit_error err;

	MUST(graph_new(&fixture->graph, &err) == SNNFIT_OK);
	add_layer(fixture->graph, "fc0", 12, "s0");
	add_layer(fixture->graph, "fc1", 8, "s1");
	add_layer(fixture->graph, "fc2", 4, "s2");
	MUST(onnx_model_new(&fixture->model, &err) == SNNFIT_OK);
	fixture->main = take(fixture->model, sizeof *fixture->main);
	onnx__graph_proto__init(fixture->main);
	onnx_model_proto(fixture->model)->graph = fixture->main;
}

static void
tear_down(struct fixture *fixture)
{
	graph_free(fixture->graph);
	onnx_model_free(fixture->model);
}

static Onnx__StringStringEntryProto **
entry(struct fixture *fixture, const char *key, const char *value)
{
	Onnx__StringStringEntryProto **list = take(fixture->model, sizeof *list);

	list[0] = take(fixture->model, sizeof **list);
	onnx__string_string_entry_proto__init(list[0]);
	list[0]->key = arena_strdup(onnx_model_arena(fixture->model), key);
	list[0]->value = arena_strdup(onnx_model_arena(fixture->model), value);
	MUST(list[0]->key && list[0]->value);
	return list;
}

static void
put_in_metadata(struct fixture *fixture, const char *text)
{
	Onnx__ModelProto *model = onnx_model_proto(fixture->model);

	model->metadata_props = entry(fixture, "snn.firing_rates", text);
	model->n_metadata_props = 1;
}

/* The node that makes a spike tensor. */
static Onnx__NodeProto *
add_node(struct fixture *fixture, const char *domain, const char *output)
{
	Onnx__NodeProto *node = take(fixture->model, sizeof *node);

	onnx__node_proto__init(node);
	node->op_type = (char *)(uintptr_t) "LIF";
	node->domain = (char *)(uintptr_t)domain;
	node->output = take(fixture->model, sizeof *node->output);
	node->output[0] = (char *)(uintptr_t)output;
	node->n_output = 1;
	fixture->main->node = take(fixture->model, sizeof *fixture->main->node);
	fixture->main->node[0] = node;
	fixture->main->n_node = 1;
	return node;
}

static void
put_in_node(struct fixture *fixture, const char *text)
{
	Onnx__NodeProto *node = add_node(fixture, "", "s0");

	node->metadata_props = entry(fixture, "snn.firing_rate", text);
	node->n_metadata_props = 1;
}

static void
put_in_value(struct fixture *fixture, const char *text)
{
	Onnx__ValueInfoProto *value = take(fixture->model, sizeof *value);

	onnx__value_info_proto__init(value);
	value->name = (char *)(uintptr_t) "s1";
	value->metadata_props = entry(fixture, "snn.firing_rate", text);
	value->n_metadata_props = 1;
	fixture->main->value_info = take(fixture->model, sizeof *fixture->main->value_info);
	fixture->main->value_info[0] = value;
	fixture->main->n_value_info = 1;
}

static void
put_in_attribute(struct fixture *fixture, const float *rates, size_t count)
{
	Onnx__NodeProto *node = add_node(fixture, "custom", "s2");
	Onnx__AttributeProto *attribute = take(fixture->model, sizeof *attribute);

	onnx__attribute_proto__init(attribute);
	attribute->name = (char *)(uintptr_t) "firing_rates";
	attribute->has_type = 1;
	attribute->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
	attribute->floats = arena_copy(onnx_model_arena(fixture->model), rates, count,
				       sizeof *rates);
	MUST(attribute->floats);
	attribute->n_floats = count;
	node->attribute = take(fixture->model, sizeof *node->attribute);
	node->attribute[0] = attribute;
	node->n_attribute = 1;
}

static void
put_in_annotation(struct fixture *fixture, const float *rates, size_t count)
{
	struct tensor_shape shape = { .type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
				      .rank = 1,
				      .dims = { count },
				      .count = count };
	Onnx__TensorAnnotation *annotation = take(fixture->model, sizeof *annotation);
	Onnx__TensorProto *tensor = tensor_new(fixture->model, "rates");
	snnfit_error err;

	MUST(tensor &&
	     tensor_set_raw(fixture->model, tensor, &shape, rates, count * 4, &err) == SNNFIT_OK);
	fixture->main->initializer = take(fixture->model, sizeof *fixture->main->initializer);
	fixture->main->initializer[0] = tensor;
	fixture->main->n_initializer = 1;
	onnx__tensor_annotation__init(annotation);
	annotation->tensor_name = (char *)(uintptr_t) "s1";
	annotation->quant_parameter_tensor_names = entry(fixture, "FIRING_RATE_TENSOR", "rates");
	annotation->n_quant_parameter_tensor_names = 1;
	fixture->main->quantization_annotation = take(
		fixture->model, sizeof *fixture->main->quantization_annotation);
	fixture->main->quantization_annotation[0] = annotation;
	fixture->main->n_quantization_annotation = 1;
}

/* A file in memory with these bytes; always of the same name. */
static const char *
path_of(const struct input *input)
{
	int fd = memfd_create("rates", MFD_CLOEXEC);

	MUST(fd >= 0 && dup2(fd, FILE_DESCRIPTOR) == FILE_DESCRIPTOR && close(fd) == 0);
	MUST(write(FILE_DESCRIPTOR, input->bytes, input->length) == (ssize_t)input->length);
	return "/proc/self/fd/200";
}

static void
put_into_model(struct fixture *fixture, const struct input *input)
{
	size_t count = input->length / sizeof(float);
	float *numbers = malloc(count * sizeof(float) + 1);

	MUST(numbers);
	memcpy(numbers, input->bytes, count * sizeof(float));
	if (input->with_metadata)
		put_in_metadata(fixture, good);
	if (input->place == IN_METADATA)
		put_in_metadata(fixture, input->text);
	if (input->place == IN_NODE)
		put_in_node(fixture, input->text);
	if (input->place == IN_VALUE)
		put_in_value(fixture, input->text);
	if (input->place == IN_ATTRIBUTE)
		put_in_attribute(fixture, numbers, count);
	if (input->place == IN_ANNOTATION)
		put_in_annotation(fixture, numbers, count);
	free(numbers);
}

/* --- promises ------------------------------------------------------------------------ */

static snnfit_status
attach(struct fixture *fixture, const char *path, const char *axes, snnfit_error *err)
{
	struct rates_options options = { path, axes };
	snnfit_status status = rates_attach(fixture->graph, fixture->model, &options, err);

	must_explain(status, err);
	return status;
}

static const double *
rates_of(const struct fixture *fixture, uint32_t layer)
{
	return fixture->graph->populations[layer].rates;
}

static bool
has_rates(const struct fixture *fixture)
{
	for (uint32_t p = 0; p < LAYERS; p++)
		if (rates_of(fixture, p))
			return true;
	return false;
}

static void
must_be_rates(const struct fixture *fixture)
{
	for (uint32_t p = 0; p < LAYERS; p++)
		for (uint32_t u = 0;
		     rates_of(fixture, p) && u < population_units(fixture->graph, p); u++)
			MUST(isfinite(rates_of(fixture, p)[u]) && rates_of(fixture, p)[u] >= 0.0 &&
			     !signbit(rates_of(fixture, p)[u]));
}

static void
must_be_the_same(const struct fixture *a, const struct fixture *b)
{
	for (uint32_t p = 0; p < LAYERS; p++) {
		const double *x = rates_of(a, p), *y = rates_of(b, p);

		MUST(!x == !y);
		for (uint32_t u = 0; x && u < population_units(a->graph, p); u++)
			MUST((float)x[u] == (float)y[u]);
	}
}

/* Through the metadata that the exporter writes. */
static void
write_and_read(struct fixture *fixture)
{
	struct fixture again;
	snnfit_error err;

	MUST(metadata_write(fixture->model, fixture->graph, &err) == SNNFIT_OK);
	set_up(&again);
	put_in_metadata(&again, metadata_get(fixture->model, "snn.firing_rates"));
	MUST(attach(&again, NULL, NULL, &err) == SNNFIT_OK);
	must_be_the_same(fixture, &again);
	tear_down(&again);
}

static void
run(const struct input *input)
{
	bool file = input->place == IN_FILE;
	struct fixture fixture;
	snnfit_status status;
	snnfit_error err;

	set_up(&fixture);
	put_into_model(&fixture, input);
	status = attach(&fixture, file ? path_of(input) : NULL, file ? input->axes : NULL, &err);
	MUST(status == SNNFIT_OK || input->with_metadata || !has_rates(&fixture));
	must_be_rates(&fixture);
	if (status == SNNFIT_OK && has_rates(&fixture))
		write_and_read(&fixture);
	tear_down(&fixture);
	if (file)
		MUST(close(FILE_DESCRIPTOR) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data + 1, '\0', size - 1) : NULL;
	struct input input;

	if (!end)
		return -1;
	input = (struct input){
		.place = data[0] % WITH_METADATA % PLACES,
		.with_metadata = data[0] & WITH_METADATA,
		.axes = data[1] ? (const char *)data + 1 : NULL,
		.bytes = end + 1,
		.length = (size_t)(data + size - end - 1),
	};
	input.text = malloc(input.length + 1);
	MUST(input.text);
	memcpy(input.text, input.bytes, input.length);
	input.text[input.length] = '\0';
	run(&input);
	free(input.text);
	return 0;
}
