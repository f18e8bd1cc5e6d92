/* shapes.c - sizes, where they are declared. */
#include "exporter/edit.h"
#include "graph/keep.h"

static snnfit_status
new_size(struct edit *edit, const struct dimension *dimension, int64_t *size, bool *changed,
	 snnfit_error *err)
{
	uint64_t before, after;
	snnfit_status status = keep_sizes(edit->graph, dimension, &before, &after, changed, err);

	*size = (int64_t)after;
	return status;
}

/* --- declared shapes ------------------------------------------------------------------ */

static Onnx__TensorShapeProto *
declared_shape(const Onnx__ValueInfoProto *value)
{
	if (!value->type || value->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		return NULL;
	return value->type->tensor_type->shape;
}

static void
declare_size(Onnx__TensorShapeProto__Dimension *dim, int64_t size)
{
	dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
	dim->dim_value = size;
}

static snnfit_status
cut_declared(struct edit *edit, const struct binding_shape *binding,
	     const Onnx__ValueInfoProto *value, snnfit_error *err)
{
	Onnx__TensorShapeProto *shape = declared_shape(value);
	snnfit_status status;
	int64_t size = 0;
	bool changed = false;
	uint32_t d;

	for (d = 0; shape && d < binding->rank; d++) {
		status = new_size(edit, &binding->dims[d], &size, &changed, err);
		if (status != SNNFIT_OK)
			return status;
		if (changed && shape->n_dim != binding->rank)
			return error_set(err, SNNFIT_EFORMAT,
					 "'%.100s' is declared with %zu dimensions but has %u",
					 value->name, shape->n_dim, binding->rank);
		if (changed)
			declare_size(shape->dim[d], size);
	}
	return SNNFIT_OK;
}

static const Onnx__ValueInfoProto *
declaration_of(const struct edit *edit, const struct binding_shape *binding)
{
	const Onnx__GraphProto *graph = binding->graph < edit->graphs.count
						? edit->graphs.items[binding->graph].proto
						: NULL;

	if (!graph)
		return NULL;
	switch (binding->place) {
	case PLACE_INPUT:
		return binding->index < graph->n_input ? graph->input[binding->index] : NULL;
	case PLACE_OUTPUT:
		return binding->index < graph->n_output ? graph->output[binding->index] : NULL;
	case PLACE_VALUE_INFO:
		break;
	}
	return binding->index < graph->n_value_info ? graph->value_info[binding->index] : NULL;
}

static snnfit_status
cut_attribute(struct edit *edit, const struct binding_attribute *binding, snnfit_error *err)
{
	Onnx__NodeProto *node = edit->nodes[binding->node].proto;
	snnfit_status status;
	int64_t size = 0;
	bool changed = false;

	if (binding->attribute >= node->n_attribute)
		return error_set(err, SNNFIT_EINTERNAL, "node '%.100s' has no attribute %u",
				 node->name ? node->name : "", binding->attribute);
	status = new_size(edit, &binding->dim, &size, &changed, err);
	if (status == SNNFIT_OK && changed)
		node->attribute[binding->attribute]->i = size;
	return status;
}

snnfit_status
shapes_cut(struct edit *edit, snnfit_error *err)
{
	const struct bindings *bindings = edit->bindings;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < bindings->shape_count && status == SNNFIT_OK; i++) {
		const Onnx__ValueInfoProto *value = declaration_of(edit, &bindings->shapes[i]);

		if (!value)
			return error_set(err, SNNFIT_EINTERNAL, "a declared shape is not there");
		status = cut_declared(edit, &bindings->shapes[i], value, err);
	}
	for (i = 0; i < bindings->attribute_count && status == SNNFIT_OK; i++)
		status = cut_attribute(edit, &bindings->attributes[i], err);
	return status;
}

/* --- what is declared about constants --------------------------------------------------- */

static void
follow(Onnx__ValueInfoProto *value, const Onnx__TensorProto *tensor)
{
	Onnx__TensorShapeProto *shape = declared_shape(value);
	size_t d;

	if (!shape)
		return;
	if (shape->n_dim != tensor->n_dims) {
		value->type->tensor_type->shape = NULL;
		return;
	}
	for (d = 0; d < shape->n_dim; d++)
		if (shape->dim[d]->value_case !=
			    ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ||
		    shape->dim[d]->dim_value != tensor->dims[d])
			declare_size(shape->dim[d], tensor->dims[d]);
}

static uint32_t
first_declaration(const struct edit *edit, uint32_t graph, const char *name)
{
	uint32_t value = edit_find(edit, graph, name);

	return value == GRAPH_NONE ? GRAPH_NONE : edit->values[value].declaration;
}

void
shapes_follow(struct edit *edit, const Onnx__TensorProto *tensor, uint32_t graph, const char *name)
{
	uint32_t i;

	for (i = first_declaration(edit, graph, name); i != GRAPH_NONE;
	     i = edit->declarations[i].next)
		follow(edit->declarations[i].proto, tensor);
}

void
shapes_forget(struct edit *edit, uint32_t graph, const char *name)
{
	uint32_t i;

	for (i = first_declaration(edit, graph, name); i != GRAPH_NONE;
	     i = edit->declarations[i].next)
		if (declared_shape(edit->declarations[i].proto))
			edit->declarations[i].proto->type->tensor_type->shape = NULL;
}
