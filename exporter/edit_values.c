/* edit_values.c - what names stand for, graph by graph, and who reads them. */
#include "exporter/edit.h"

#include <string.h>

/* --- names ------------------------------------------------------------------------ */

uint32_t
edit_find(const struct edit *edit, uint32_t graph, const char *name)
{
	for (; name && name[0] && graph != NO_GRAPH; graph = edit->graphs.items[graph].parent) {
		uint32_t value = map_get(&edit->names_of[graph], name);

		if (value != MAP_NONE)
			return value;
	}
	return GRAPH_NONE;
}

struct edit_value *
edit_define(struct edit *edit, uint32_t graph, const char *name)
{
	uint32_t value = map_get(&edit->names_of[graph], name);

	if (value != MAP_NONE)
		return &edit->values[value];
	if (!arena_grow(&edit->scratch, &edit->values, edit->value_count, &edit->value_capacity,
			sizeof *edit->values) ||
	    !map_set(&edit->names_of[graph], name, (uint32_t)edit->value_count))
		return NULL;
	edit->values[edit->value_count] = (struct edit_value){ .node = GRAPH_NONE,
							       .tensor = GRAPH_NONE,
							       .declaration = GRAPH_NONE };
	return &edit->values[edit->value_count++];
}

static bool
define_inputs(struct edit *edit, uint32_t graph)
{
	const Onnx__GraphProto *proto = edit->graphs.items[graph].proto;
	size_t i;

	for (i = 0; i < proto->n_input; i++)
		if (proto->input[i]->name && proto->input[i]->name[0] &&
		    !edit_define(edit, graph, proto->input[i]->name))
			return false;
	return true;
}

static bool
define_all(struct edit *edit)
{
	size_t i, j;

	for (i = 0; i < edit->graphs.count; i++)
		if (!define_inputs(edit, (uint32_t)i))
			return false;
	for (i = 0; i < edit->tensor_count; i++) {
		const char *name = edit->tensors[i].proto->name;
		struct edit_value *value;

		if (!name || !name[0])
			continue;
		value = edit_define(edit, edit->tensors[i].graph, name);
		if (!value)
			return false;
		value->tensor = (uint32_t)i;
	}
	for (i = 0; i < edit->node_count; i++)
		for (j = 0; j < edit->nodes[i].proto->n_output; j++) {
			const char *name = edit->nodes[i].proto->output[j];
			struct edit_value *value;

			if (!name[0])
				continue;
			value = edit_define(edit, edit->nodes[i].graph, name);
			if (!value)
				return false;
			value->node = (uint32_t)i;
		}
	return true;
}

/* --- readers ------------------------------------------------------------------------ */

void
edit_count_reader(struct edit *edit, uint32_t graph, const char *name, int change)
{
	uint32_t value = edit_find(edit, graph, name);

	if (value != GRAPH_NONE)
		edit->values[value].now += (uint32_t)change;
}

void
edit_count_readers_in(struct edit *edit, uint32_t node, int change)
{
	const struct edit_node *reader = &edit->nodes[node];
	size_t i;

	for (i = 0; i < reader->proto->n_input; i++)
		edit_count_reader(edit, reader->graph, reader->proto->input[i], change);
}

/* Outputs read what leaves a graph; an annotation reads the tensors it names. */
static void
count_other_readers(struct edit *edit, uint32_t graph)
{
	const Onnx__GraphProto *proto = edit->graphs.items[graph].proto;
	size_t i, j;

	for (i = 0; i < proto->n_output; i++)
		edit_count_reader(edit, graph, proto->output[i]->name, 1);
	for (i = 0; i < proto->n_quantization_annotation; i++) {
		const Onnx__TensorAnnotation *note = proto->quantization_annotation[i];

		for (j = 0; j < note->n_quant_parameter_tensor_names; j++)
			edit_count_reader(edit, graph, note->quant_parameter_tensor_names[j]->value,
					  1);
	}
}

static void
count_readers(struct edit *edit)
{
	size_t i;

	for (i = 0; i < edit->node_count; i++)
		edit_count_readers_in(edit, (uint32_t)i, 1);
	for (i = 0; i < edit->graphs.count; i++)
		count_other_readers(edit, (uint32_t)i);
	for (i = 0; i < edit->value_count; i++)
		edit->values[i].before = edit->values[i].now;
}

uint32_t
edit_readers(const struct edit *edit, uint32_t graph, const char *name)
{
	uint32_t value = edit_find(edit, graph, name);

	return value == GRAPH_NONE ? 0 : edit->values[value].now;
}

/* --- declarations ----------------------------------------------------------------------- */

static bool
add_declarations(struct edit *edit, uint32_t graph, Onnx__ValueInfoProto *const *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		uint32_t value = edit_find(edit, graph, list[i]->name);

		if (value == GRAPH_NONE)
			continue;
		if (!arena_grow(&edit->scratch, &edit->declarations, edit->declaration_count,
				&edit->declaration_capacity, sizeof *edit->declarations))
			return false;
		edit->declarations[edit->declaration_count] =
			(struct edit_declaration){ list[i], edit->values[value].declaration };
		edit->values[value].declaration = (uint32_t)edit->declaration_count++;
	}
	return true;
}

/* A graph may declare what stands in one around it. */
static bool
list_declarations(struct edit *edit)
{
	size_t i;

	for (i = 0; i < edit->graphs.count; i++) {
		const Onnx__GraphProto *proto = edit->graphs.items[i].proto;

		if (!add_declarations(edit, (uint32_t)i, proto->input, proto->n_input) ||
		    !add_declarations(edit, (uint32_t)i, proto->output, proto->n_output) ||
		    !add_declarations(edit, (uint32_t)i, proto->value_info, proto->n_value_info))
			return false;
	}
	return true;
}

bool
edit_index(struct edit *edit)
{
	size_t i;

	edit->names_of = arena_zalloc(&edit->scratch, edit->graphs.count, sizeof *edit->names_of);
	if (!edit->names_of)
		return false;
	for (i = 0; i < edit->graphs.count; i++)
		map_init(&edit->names_of[i], &edit->scratch);
	if (!define_all(edit))
		return false;
	count_readers(edit);
	return list_declarations(edit);
}

/* --- asking ------------------------------------------------------------------------------- */

uint32_t
edit_producer(const struct edit *edit, uint32_t graph, const char *name)
{
	uint32_t value = edit_find(edit, graph, name);
	uint32_t node = value == GRAPH_NONE ? GRAPH_NONE : edit->values[value].node;

	return node == GRAPH_NONE || edit->nodes[node].removed ? GRAPH_NONE : node;
}

Onnx__TensorProto *
edit_stored(const struct edit *edit, uint32_t graph, const char *name)
{
	uint32_t value = edit_find(edit, graph, name), index;
	const Onnx__NodeProto *node;

	if (value == GRAPH_NONE)
		return NULL;
	index = edit->values[value].tensor;
	if (index != GRAPH_NONE)
		return edit->tensors[index].removed ? NULL : edit->tensors[index].proto;
	index = edit_producer(edit, graph, name);
	if (index == GRAPH_NONE)
		return NULL;
	node = edit->nodes[index].proto;
	if (!node->op_type || strcmp(node->op_type, "Constant") != 0 || node->n_attribute != 1)
		return NULL;
	return node->attribute[0]->t;
}
