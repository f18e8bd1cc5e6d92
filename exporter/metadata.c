/* metadata.c - what the model says about itself: entries of metadata_props. */
#include "exporter/exporter.h"

#include "core/base64.h"
#include "core/map.h"
#include "exporter/build.h"
#include "exporter/json_text.h"
#include "exporter/neuron_map.h"
#include "proto/fingerprint.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char RATES_KEY[] = "snn.firing_rates";
static const char MAP_KEY[] = "snn.neuron_map";

typedef Onnx__StringStringEntryProto entry_proto;

/* --- entries --------------------------------------------------------------------- */

static entry_proto *
find_entry(const struct onnx_model *model, const char *key)
{
	const Onnx__ModelProto *proto = onnx_model_proto(model);
	size_t i;

	for (i = 0; i < proto->n_metadata_props; i++)
		if (proto->metadata_props[i]->key &&
		    strcmp(proto->metadata_props[i]->key, key) == 0)
			return proto->metadata_props[i];
	return NULL;
}

const char *
metadata_get(const struct onnx_model *model, const char *key)
{
	const entry_proto *entry = find_entry(model, key);

	if (!entry)
		return NULL;
	return entry->value ? entry->value : "";
}

snnfit_status
metadata_set(struct onnx_model *model, const char *key, const char *value, snnfit_error *err)
{
	Onnx__ModelProto *proto = onnx_model_proto(model);
	struct arena *arena = onnx_model_arena(model);
	entry_proto *entry = find_entry(model, key);

	if (!entry) {
		entry = arena_alloc(arena, 1, sizeof *entry);
		if (!entry)
			return error_no_memory(err);
		onnx__string_string_entry_proto__init(entry);
		entry->key = arena_strdup(arena, key);
		if (!entry->key || !build_append(arena, &proto->metadata_props,
						 &proto->n_metadata_props, &entry, sizeof entry))
			return error_no_memory(err);
	}
	entry->value = arena_strdup(arena, value);
	return entry->value ? SNNFIT_OK : error_no_memory(err);
}

void
metadata_remove(struct onnx_model *model, const char *key)
{
	Onnx__ModelProto *proto = onnx_model_proto(model);
	size_t kept = 0, i;

	for (i = 0; i < proto->n_metadata_props; i++)
		if (!proto->metadata_props[i]->key ||
		    strcmp(proto->metadata_props[i]->key, key) != 0)
			proto->metadata_props[kept++] = proto->metadata_props[i];
	proto->n_metadata_props = kept;
}

/* --- firing rates ------------------------------------------------------------------- */

enum { EXPRESSION_MAX = 64 }; /* nodes followed to find the stored weights */

struct rates_writer {
	const struct onnx_model *model;
	const struct graph *graph;
	const Onnx__GraphProto *main;
	struct arena scratch;
	struct map tensors;   /* name -> initializer */
	struct map producers; /* value -> node */
	struct map nodes;     /* name -> node */
	struct text text;
};

static bool
index_nodes(struct rates_writer *writer)
{
	size_t i, j;

	for (i = 0; i < writer->main->n_node; i++) {
		const Onnx__NodeProto *node = writer->main->node[i];

		if (node->name && !map_set(&writer->nodes, node->name, (uint32_t)i))
			return false;
		for (j = 0; j < node->n_output; j++)
			if (!map_set(&writer->producers, node->output[j], (uint32_t)i))
				return false;
	}
	return true;
}

static bool
index_model(struct rates_writer *writer)
{
	size_t i;

	writer->main = onnx_model_proto(writer->model)->graph;
	map_init(&writer->tensors, &writer->scratch);
	map_init(&writer->producers, &writer->scratch);
	map_init(&writer->nodes, &writer->scratch);
	for (i = 0; i < writer->main->n_initializer; i++)
		if (writer->main->initializer[i]->name &&
		    !map_set(&writer->tensors, writer->main->initializer[i]->name, (uint32_t)i))
			return false;
	return index_nodes(writer);
}

static const Onnx__TensorProto *
stored(const struct rates_writer *writer, const char *name)
{
	uint32_t index = map_get(&writer->tensors, name);

	return index == MAP_NONE ? NULL : writer->main->initializer[index];
}

/* The tensor at the bottom of an expression, when it is a matrix. */
static const Onnx__TensorProto *
matrix_behind(const struct rates_writer *writer, const char *name)
{
	const Onnx__TensorProto *tensor = NULL;
	unsigned i;

	for (i = 0; i < EXPRESSION_MAX && !tensor; i++) {
		uint32_t node = map_get(&writer->producers, name);

		tensor = stored(writer, name);
		if (tensor || node == MAP_NONE || !writer->main->node[node]->n_input)
			break;
		name = writer->main->node[node]->input[0];
	}
	return tensor && tensor->n_dims > 1 ? tensor : NULL;
}

/* The weights as they are stored now: what the node of the population's name
 * reads, else the tensor that they were in. NULL: not found. */
static const Onnx__TensorProto *
find_weights(const struct rates_writer *writer, const struct population *population)
{
	uint32_t index = map_get(&writer->nodes, population->name);
	const Onnx__TensorProto *tensor = NULL;
	const Onnx__NodeProto *node;
	size_t i;

	if (index != MAP_NONE) {
		node = writer->main->node[index];
		for (i = node->n_input < 2 ? node->n_input : 2; i-- > 0 && !tensor;)
			tensor = matrix_behind(writer, node->input[i]);
	}
	if (!tensor && population->weight_tensor)
		tensor = stored(writer, population->weight_tensor);
	return tensor;
}

static snnfit_status
append_fingerprint(struct rates_writer *writer, const struct population *population,
		   snnfit_error *err)
{
	const Onnx__TensorProto *weights = find_weights(writer, population);
	char digits[FINGERPRINT_DIGITS + 1];
	snnfit_status status;

	if (!weights)
		return SNNFIT_OK;
	status = tensor_fingerprint(writer->model, weights, digits, err);
	if (status == SNNFIT_OK)
		text_printf(&writer->text, ",\"fingerprint\":\"%s\"", digits);
	return status;
}

/* The tensor that rates are kept under: the one that they were given for. A graph
 * made in memory is exported with spikes called NAME_spikes. */
static void
append_tensor(struct rates_writer *writer, const struct population *population)
{
	struct text name = { 0 };
	char *chars;

	if (population->rates_tensor)
		text_append(&name, population->rates_tensor);
	else if (population->spike_tensor_count)
		text_append(&name, population->spike_tensors[0]);
	else
		text_printf(&name, "%s_spikes", population->name);
	chars = text_take(&name);
	if (chars)
		json_text_string(&writer->text, chars);
	else
		writer->text.failed = true;
	free(chars);
}

static bool
are_floats(const double *rates, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count; i++)
		if ((double)(float)rates[i] != rates[i])
			return false;
	return true;
}

static void
append_encoded(struct rates_writer *writer, const double *rates, uint64_t count)
{
	uint8_t bytes[3 * sizeof(float)]; /* three floats are groups of base64 as well */
	size_t used = 0;
	uint64_t i;

	text_append(&writer->text, ",\"rates_b64\":\"");
	for (i = 0; i < count; i++) {
		float rate = (float)rates[i];
		uint32_t bits, shift;

		memcpy(&bits, &rate, sizeof bits);
		for (shift = 0; shift < 32; shift += 8)
			bytes[used++] = (uint8_t)(bits >> shift);
		if (used < sizeof bytes && i + 1 < count)
			continue;
		base64_append(&writer->text, bytes, used);
		used = 0;
	}
	text_append(&writer->text, "\"");
}

/* Stops when it is longer than `most`. */
static void
list_rates(struct text *list, const double *rates, uint64_t count, uint64_t most)
{
	uint64_t i;

	text_append(list, ",\"rates\":[");
	for (i = 0; i < count && list->length <= most && !list->failed; i++) {
		if (i)
			text_append(list, ",");
		json_text_number(list, rates[i]);
	}
	text_append(list, "]");
}

/* In the form that takes fewer characters: many a rate of a convolution has 17 digits as a number,
 * and there is one for each position. What is no float can only be listed. */
static void
append_rates(struct rates_writer *writer, const double *rates, uint64_t count)
{
	uint64_t encoded = strlen(",\"rates_b64\":\"\"") + (4 * count + 2) / 3 * 4;
	uint64_t most = are_floats(rates, count) ? encoded : UINT64_MAX;
	struct text list = { 0 };

	list_rates(&list, rates, count, most);
	if (text_failed(&list))
		writer->text.failed = true;
	else if (list.length > most)
		append_encoded(writer, rates, count);
	else
		text_append(&writer->text, list.chars);
	text_free(&list);
}

static snnfit_status
append_layer(struct rates_writer *writer, const struct population *population, snnfit_error *err)
{
	uint32_t units = writer->graph->axes[population->axis].units;
	uint64_t count = (uint64_t)units * population->positions, i;
	snnfit_status status;

	text_append(&writer->text, "{\"tensor\":");
	append_tensor(writer, population);
	text_printf(&writer->text, ",\"shape\":[%" PRIu32, units);
	if (population->positions > 1)
		text_printf(&writer->text, ",%" PRIu32, population->positions);
	text_append(&writer->text, "]");
	status = append_fingerprint(writer, population, err);
	if (status != SNNFIT_OK)
		return status;
	for (i = 0; i < count; i++)
		if (!isfinite(population->rates[i]))
			return error_set(err, SNNFIT_EINTERNAL, "%.100s: a rate is not finite",
					 population->name);
	append_rates(writer, population->rates, count);
	text_append(&writer->text, "}");
	return SNNFIT_OK;
}

static bool
has_rates(const struct graph *graph, const struct population *population)
{
	return !population->removed && population->rates && graph->axes[population->axis].units;
}

static snnfit_status
append_layers(struct rates_writer *writer, bool *any, snnfit_error *err)
{
	const struct graph *graph = writer->graph;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	*any = false;
	for (i = 0; i < graph->population_count && status == SNNFIT_OK; i++) {
		if (!has_rates(graph, &graph->populations[i]))
			continue;
		text_append(&writer->text, *any ? "," : "");
		*any = true;
		status = append_layer(writer, &graph->populations[i], err);
	}
	return status;
}

static snnfit_status
write_rates(struct onnx_model *model, const struct graph *graph, snnfit_error *err)
{
	struct rates_writer writer = { .model = model, .graph = graph };
	snnfit_status status;
	bool any = false;

	text_append(&writer.text, "{\"version\":1");
	if (graph->rates_samples)
		text_printf(&writer.text, ",\"samples\":%" PRIu64, graph->rates_samples);
	if (graph->rates_steps)
		text_printf(&writer.text, ",\"steps\":%" PRIu64, graph->rates_steps);
	text_append(&writer.text, ",\"layers\":[");
	status = index_model(&writer) ? append_layers(&writer, &any, err) : error_no_memory(err);
	text_append(&writer.text, "]}");
	if (status == SNNFIT_OK && text_failed(&writer.text))
		status = error_no_memory(err);
	if (status == SNNFIT_OK && any)
		status = metadata_set(model, RATES_KEY, writer.text.chars, err);
	else if (status == SNNFIT_OK)
		metadata_remove(model, RATES_KEY);
	text_free(&writer.text);
	arena_free(&writer.scratch);
	return status;
}

/* --- all -------------------------------------------------------------------------------- */

snnfit_status
metadata_write(struct onnx_model *model, const struct graph *graph, snnfit_error *err)
{
	snnfit_status status = write_rates(model, graph, err);
	char *map = NULL;

	if (status == SNNFIT_OK)
		status = neuron_map_compose(&map, graph, metadata_get(model, MAP_KEY), err);
	if (status == SNNFIT_OK)
		status = metadata_set(model, MAP_KEY, map, err);
	free(map);
	return status;
}
