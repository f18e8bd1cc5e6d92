/* carriers.c - firing rates that stand at tensors and nodes follow the cut.
 *
 * What is written is model-level metadata; the other carriers (FORMATS section 2)
 * keep their place but would be of the wrong length. One that cannot be cut, for
 * its form is not the documented one, goes. */
#include "core/json.h"
#include "exporter/edit.h"
#include "exporter/json_text.h"

#include <stdlib.h>
#include <string.h>

static const char TENSOR_KEY[] = "snn.firing_rate";
static const char ANNOTATION_KEY[] = "FIRING_RATE_TENSOR";
static const char ATTRIBUTE[] = "firing_rates";

typedef Onnx__StringStringEntryProto entry_proto;

struct carriers {
	struct edit *edit;
	struct map populations; /* spike tensor -> population */
	struct map unclear;	/* spike tensors of several, each in a body of its own */
	bool lost;		/* units, by some population */
	snnfit_error *err;
};

static bool
index_populations(struct carriers *carriers)
{
	const struct graph *graph = carriers->edit->graph;
	size_t i, j;

	map_init(&carriers->populations, &carriers->edit->scratch);
	map_init(&carriers->unclear, &carriers->edit->scratch);
	for (i = 0; i < graph->population_count; i++) {
		const struct population *population = &graph->populations[i];
		const struct unit_axis *axis = &graph->axes[population->axis];

		if (population->removed)
			continue;
		carriers->lost = carriers->lost || axis->units != axis->units_before;
		for (j = 0; j < population->spike_tensor_count; j++) {
			const char *name = population->spike_tensors[j];

			if (map_get(&carriers->populations, name) != MAP_NONE &&
			    !map_set(&carriers->unclear, name, 1))
				return false;
			if (!map_set(&carriers->populations, name, (uint32_t)i))
				return false;
		}
	}
	return true;
}

/* NULL: the tensor is not of a population that lost units, or of which is not clear. */
static const struct unit_axis *
axis_of(const struct carriers *carriers, const char *tensor)
{
	const struct graph *graph = carriers->edit->graph;
	uint32_t population = tensor ? map_get(&carriers->populations, tensor) : MAP_NONE;
	const struct unit_axis *axis = population == MAP_NONE
					       ? NULL
					       : &graph->axes[graph->populations[population].axis];

	return !axis || axis->units == axis->units_before ||
			       map_get(&carriers->unclear, tensor) != MAP_NONE
		       ? NULL
		       : axis;
}

/* Rates of the tensor cannot be cut: they go. */
static bool
is_unclear(const struct carriers *carriers, const char *tensor)
{
	return carriers->lost && tensor && map_get(&carriers->unclear, tensor) != MAP_NONE;
}

/* --- JSON arrays in metadata ---------------------------------------------------------- */

/* The array of rates for the units kept, [units][positions]. False: no such array. */
static bool
cut_array(struct text *out, const json_t *array, const struct unit_axis *axis)
{
	size_t count = json_array_size(array), positions = count / axis->units_before, u, p;

	if (!json_is_array(array) || !count || count % axis->units_before)
		return false;
	for (u = 0; u < axis->units; u++)
		for (p = 0; p < positions; p++) {
			const json_t *rate = json_array_get(array, axis->origin[u] * positions + p);

			if (!json_is_number(rate))
				return false;
			text_append(out, u || p ? "," : "[");
			json_text_number(out, json_number_value(rate));
		}
	text_append(out, "]");
	return true;
}

/* *stays: the entry could be cut; axis NULL: it cannot. */
static snnfit_status
cut_entry(struct carriers *carriers, entry_proto *entry, const struct unit_axis *axis, bool *stays)
{
	const char *value = entry->value ? entry->value : "";
	struct json_problem problem;
	struct text text = { 0 };
	json_t *array;
	char *chars;

	*stays = false;
	if (!axis)
		return SNNFIT_OK;
	if (json_parse(&array, value, strlen(value), &problem) == SNNFIT_ENOMEM)
		return error_no_memory(carriers->err);
	*stays = array && cut_array(&text, array, axis);
	json_decref(array);
	chars = text_take(&text);
	if (chars && *stays)
		entry->value = arena_strdup(carriers->edit->arena, chars);
	free(chars);
	return chars && entry->value ? SNNFIT_OK : error_no_memory(carriers->err);
}

/* axis NULL: they go. */
static snnfit_status
cut_entries(struct carriers *carriers, entry_proto **list, size_t *count,
	    const struct unit_axis *axis)
{
	snnfit_status status = SNNFIT_OK;
	size_t kept = 0, i;
	bool stays;

	for (i = 0; i < *count && status == SNNFIT_OK; i++) {
		stays = true;
		if (list[i]->key && strcmp(list[i]->key, TENSOR_KEY) == 0)
			status = cut_entry(carriers, list[i], axis, &stays);
		if (stays)
			list[kept++] = list[i];
	}
	*count = kept;
	return status;
}

static snnfit_status
cut_declarations(struct carriers *carriers, Onnx__ValueInfoProto *const *list, size_t count)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < count && status == SNNFIT_OK; i++) {
		const struct unit_axis *axis = axis_of(carriers, list[i]->name);

		if (axis || is_unclear(carriers, list[i]->name))
			status = cut_entries(carriers, list[i]->metadata_props,
					     &list[i]->n_metadata_props, axis);
	}
	return status;
}

/* --- nodes -------------------------------------------------------------------------------- */

static snnfit_status
cut_floats(struct carriers *carriers, Onnx__AttributeProto *attribute, const struct unit_axis *axis,
	   bool *stays)
{
	size_t positions = axis ? attribute->n_floats / axis->units_before : 0;
	float *floats;
	uint32_t u;

	*stays = positions && attribute->n_floats % axis->units_before == 0;
	if (!*stays)
		return SNNFIT_OK;
	floats = arena_alloc(carriers->edit->arena, axis->units * positions, sizeof *floats);
	if (!floats)
		return error_no_memory(carriers->err);
	for (u = 0; u < axis->units; u++)
		memcpy(floats + u * positions,
		       attribute->floats + (size_t)axis->origin[u] * positions,
		       positions * sizeof *floats);
	attribute->floats = floats;
	attribute->n_floats = axis->units * positions;
	return SNNFIT_OK;
}

static snnfit_status
cut_attributes(struct carriers *carriers, Onnx__NodeProto *node, const struct unit_axis *axis)
{
	snnfit_status status = SNNFIT_OK;
	size_t kept = 0, i;
	bool stays;

	for (i = 0; i < node->n_attribute && status == SNNFIT_OK; i++) {
		stays = true;
		if (node->attribute[i]->name && strcmp(node->attribute[i]->name, ATTRIBUTE) == 0)
			status = cut_floats(carriers, node->attribute[i], axis, &stays);
		if (stays)
			node->attribute[kept++] = node->attribute[i];
	}
	node->n_attribute = kept;
	return status;
}

static snnfit_status
cut_nodes(struct carriers *carriers)
{
	struct edit *edit = carriers->edit;
	snnfit_status status = SNNFIT_OK;
	size_t i, j;

	for (i = 0; i < edit->original_nodes && status == SNNFIT_OK; i++) {
		Onnx__NodeProto *node = edit->nodes[i].proto;
		const struct unit_axis *axis = NULL;
		bool unclear = false;

		for (j = 0; j < node->n_output && !axis; j++) {
			axis = axis_of(carriers, node->output[j]);
			unclear = unclear || is_unclear(carriers, node->output[j]);
		}
		if ((!axis && !unclear) || edit->nodes[i].removed)
			continue;
		status = cut_entries(carriers, node->metadata_props, &node->n_metadata_props, axis);
		if (status == SNNFIT_OK)
			status = cut_attributes(carriers, node, axis);
	}
	return status;
}

/* Rates of a local function's nodes go: they are in the model's metadata now. */
static snnfit_status
cut_functions(struct carriers *carriers)
{
	const Onnx__ModelProto *model = onnx_model_proto(carriers->edit->model);
	snnfit_status status = SNNFIT_OK;
	size_t i, j;

	for (i = 0; carriers->lost && i < model->n_functions; i++)
		for (j = 0; j < model->functions[i]->n_node && status == SNNFIT_OK; j++)
			status = cut_entries(carriers, model->functions[i]->node[j]->metadata_props,
					     &model->functions[i]->node[j]->n_metadata_props, NULL);
	return status;
}

/* Of the main graph and of all bodies. */
static snnfit_status
cut_values(struct carriers *carriers)
{
	const struct onnx_graphs *graphs = &carriers->edit->graphs;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graphs->count && status == SNNFIT_OK; i++) {
		const Onnx__GraphProto *graph = graphs->items[i].proto;

		status = cut_declarations(carriers, graph->value_info, graph->n_value_info);
		if (status == SNNFIT_OK)
			status = cut_declarations(carriers, graph->output, graph->n_output);
	}
	return status;
}

/* --- quantization annotations --------------------------------------------------------------- */

static snnfit_status
cut_rate_tensor(struct carriers *carriers, uint32_t graph, const char *name,
		const struct unit_axis *axis, bool *stays)
{
	const uint32_t *indices[TENSOR_RANK_MAX] = { NULL };
	uint32_t counts[TENSOR_RANK_MAX] = { 0 };
	Onnx__TensorProto *tensor = edit_stored(carriers->edit, graph, name);
	snnfit_status status;

	*stays = axis && tensor && tensor->n_dims && tensor->n_dims <= TENSOR_RANK_MAX &&
		 tensor->dims[0] == axis->units_before &&
		 edit_readers(carriers->edit, graph, name) == 1;
	if (!*stays)
		return SNNFIT_OK;
	indices[0] = axis->origin;
	counts[0] = axis->units;
	status = tensor_cut(carriers->edit->model, tensor, indices, counts, carriers->err);
	if (status == SNNFIT_OK)
		shapes_follow(carriers->edit, tensor, graph, name);
	return status;
}

/* axis NULL: the rates go. */
static snnfit_status
cut_annotation(struct carriers *carriers, uint32_t graph, Onnx__TensorAnnotation *note,
	       const struct unit_axis *axis)
{
	entry_proto **list = note->quant_parameter_tensor_names;
	snnfit_status status = SNNFIT_OK;
	size_t kept = 0, i;
	bool stays;

	for (i = 0; i < note->n_quant_parameter_tensor_names && status == SNNFIT_OK; i++) {
		stays = true;
		if (list[i]->key && strcmp(list[i]->key, ANNOTATION_KEY) == 0)
			status = cut_rate_tensor(carriers, graph, list[i]->value, axis, &stays);
		if (stays)
			list[kept++] = list[i];
		else
			edit_count_reader(carriers->edit, graph, list[i]->value, -1);
	}
	note->n_quant_parameter_tensor_names = kept;
	return status;
}

/* An annotation that said nothing but the rates goes with them. */
static snnfit_status
cut_annotations_of(struct carriers *carriers, uint32_t number)
{
	Onnx__GraphProto *graph = carriers->edit->graphs.items[number].proto;
	snnfit_status status = SNNFIT_OK;
	size_t kept = 0, i;

	for (i = 0; i < graph->n_quantization_annotation && status == SNNFIT_OK; i++) {
		Onnx__TensorAnnotation *note = graph->quantization_annotation[i];
		const struct unit_axis *axis = axis_of(carriers, note->tensor_name);
		bool cut = axis || is_unclear(carriers, note->tensor_name);

		if (cut)
			status = cut_annotation(carriers, number, note, axis);
		if (!cut || note->n_quant_parameter_tensor_names)
			graph->quantization_annotation[kept++] = note;
	}
	graph->n_quantization_annotation = kept;
	return status;
}

static snnfit_status
cut_annotations(struct carriers *carriers)
{
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	for (i = 0; i < carriers->edit->graphs.count && status == SNNFIT_OK; i++)
		status = cut_annotations_of(carriers, i);
	return status;
}

snnfit_status
carriers_cut(struct edit *edit, snnfit_error *err)
{
	struct carriers carriers = { .edit = edit, .err = err };
	snnfit_status status;

	if (!index_populations(&carriers))
		return error_no_memory(err);
	status = cut_annotations(&carriers);
	if (status == SNNFIT_OK)
		status = cut_nodes(&carriers);
	if (status == SNNFIT_OK)
		status = cut_functions(&carriers);
	return status == SNNFIT_OK ? cut_values(&carriers) : status;
}
