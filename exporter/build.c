#include "exporter/build.h"

#include <string.h>

bool
build_append(struct arena *arena, void *items, size_t *count, const void *item, size_t size)
{
	unsigned char *old, *grown = arena_alloc(arena, *count + 1, size);

	if (!grown)
		return false;
	memcpy(&old, items, sizeof old);
	if (*count)
		memcpy(grown, old, *count * size);
	memcpy(grown + *count * size, item, size);
	memcpy(items, &grown, sizeof grown);
	++*count;
	return true;
}

static bool
copy_names(struct arena *arena, const char *const *from, char ***to, size_t *count)
{
	size_t i;

	for (*count = 0; *count < BUILD_NAMES_MAX && from[*count];)
		++*count;
	*to = arena_alloc(arena, *count, sizeof **to);
	for (i = 0; *to && i < *count; i++) {
		(*to)[i] = arena_strdup(arena, from[i]);
		if (!(*to)[i])
			return false;
	}
	return *to != NULL;
}

Onnx__NodeProto *
build_node(struct arena *arena, const struct build_node *node)
{
	Onnx__NodeProto *out = arena_alloc(arena, 1, sizeof *out);

	if (!out)
		return NULL;
	onnx__node_proto__init(out);
	out->op_type = arena_strdup(arena, node->op_type);
	if (!out->op_type || !copy_names(arena, node->inputs, &out->input, &out->n_input) ||
	    !copy_names(arena, node->outputs, &out->output, &out->n_output))
		return NULL;
	if (node->domain && !(out->domain = arena_strdup(arena, node->domain)))
		return NULL;
	if (node->name && !(out->name = arena_strdup(arena, node->name)))
		return NULL;
	return out;
}

Onnx__NodeProto *
build_int(struct arena *arena, Onnx__NodeProto *node, const char *name, int64_t value)
{
	Onnx__AttributeProto *attribute = arena_alloc(arena, 1, sizeof *attribute);

	if (!node || !attribute)
		return NULL;
	onnx__attribute_proto__init(attribute);
	attribute->name = arena_strdup(arena, name);
	attribute->has_type = 1;
	attribute->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
	attribute->has_i = 1;
	attribute->i = value;
	if (!attribute->name || !build_append(arena, &node->attribute, &node->n_attribute,
					      &attribute, sizeof attribute))
		return NULL;
	return node;
}

static Onnx__TensorShapeProto *
build_shape(struct arena *arena, uint32_t rank, const int64_t *dims, const char *symbol)
{
	Onnx__TensorShapeProto *shape = arena_alloc(arena, 1, sizeof *shape);
	uint32_t d;

	if (!shape)
		return NULL;
	onnx__tensor_shape_proto__init(shape);
	for (d = 0; d < rank; d++) {
		Onnx__TensorShapeProto__Dimension *dim = arena_alloc(arena, 1, sizeof *dim);

		if (!dim)
			return NULL;
		onnx__tensor_shape_proto__dimension__init(dim);
		dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		dim->dim_value = dims[d];
		if (dims[d] < 0) {
			dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
			dim->dim_param = arena_strdup(arena, symbol);
			if (!dim->dim_param)
				return NULL;
		}
		if (!build_append(arena, &shape->dim, &shape->n_dim, &dim, sizeof dim))
			return NULL;
	}
	return shape;
}

Onnx__ValueInfoProto *
build_value(struct arena *arena, const char *name, int32_t type, uint32_t rank, const int64_t *dims,
	    const char *symbol)
{
	Onnx__ValueInfoProto *value = arena_alloc(arena, 1, sizeof *value);
	Onnx__TypeProto *kind = arena_alloc(arena, 1, sizeof *kind);
	Onnx__TypeProto__Tensor *tensor = arena_alloc(arena, 1, sizeof *tensor);

	if (!value || !kind || !tensor)
		return NULL;
	onnx__value_info_proto__init(value);
	onnx__type_proto__init(kind);
	onnx__type_proto__tensor__init(tensor);
	value->name = arena_strdup(arena, name);
	value->type = kind;
	kind->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	kind->tensor_type = tensor;
	tensor->has_elem_type = 1;
	tensor->elem_type = type;
	tensor->shape = build_shape(arena, rank, dims, symbol);
	return value->name && tensor->shape ? value : NULL;
}

Onnx__OperatorSetIdProto *
build_opset(struct arena *arena, const char *domain, int64_t version)
{
	Onnx__OperatorSetIdProto *opset = arena_alloc(arena, 1, sizeof *opset);

	if (!opset)
		return NULL;
	onnx__operator_set_id_proto__init(opset);
	opset->domain = arena_strdup(arena, domain);
	opset->has_version = 1;
	opset->version = version;
	return opset->domain ? opset : NULL;
}
