/* operation.c - what an operation says of itself, seen through function calls. */
#include "importer/program.h"
#include "proto/attribute.h"

#include <string.h>

const Onnx__AttributeProto *
operation_attribute(const struct operation *operation, const char *name)
{
	return attribute_of_node(operation->node, name, operation->scope);
}

int64_t
operation_int(const struct operation *operation, const char *name, int64_t fallback)
{
	const Onnx__AttributeProto *attribute = operation_attribute(operation, name);

	return attribute ? attribute->i : fallback;
}

double
operation_float(const struct operation *operation, const char *name, double fallback)
{
	const Onnx__AttributeProto *attribute = operation_attribute(operation, name);

	return attribute ? (double)attribute->f : fallback;
}

bool
operation_pads(const struct operation *operation)
{
	const Onnx__AttributeProto *pads = operation_attribute(operation, "pads");
	const Onnx__AttributeProto *automatic = operation_attribute(operation, "auto_pad");
	size_t i;

	for (i = 0; pads && i < pads->n_ints; i++)
		if (pads->ints[i] != 0)
			return true;
	return automatic && automatic->s.len >= 4 && memcmp(automatic->s.data, "SAME", 4) == 0;
}

bool
operation_is_standard(const struct operation *operation)
{
	return domain_is_standard(operation->node->domain);
}

bool
operation_is(const struct operation *operation, const char *op_type)
{
	return operation_is_standard(operation) && operation->node->op_type &&
	       strcmp(operation->node->op_type, op_type) == 0;
}

bool
operation_is_one_of(const struct operation *operation, const char *const *op_types)
{
	for (; *op_types; op_types++)
		if (operation_is(operation, *op_types))
			return true;
	return false;
}

const char *
operation_label(const struct program *program, const struct operation *operation)
{
	const Onnx__NodeProto *node = operation->written ? operation->written : operation->node;
	const char *type = node->op_type ? node->op_type : "?";
	const char *name = node->name ? node->name : "";
	const char *label;

	if (domain_is_standard(node->domain))
		label = arena_printf(program->arena, "%s%s%s", type, name[0] ? " " : "", name);
	else
		label = arena_printf(program->arena, "%s::%s%s%s", node->domain, type,
				     name[0] ? " " : "", name);
	return label ? label : type;
}

bool
axis_at(int64_t axis, uint32_t rank, uint32_t *out)
{
	if (axis < 0)
		axis += rank;
	if (axis < 0 || axis >= (int64_t)rank)
		return false;
	*out = (uint32_t)axis;
	return true;
}
