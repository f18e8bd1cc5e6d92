/* attribute.c - what an operation says of itself, seen through function calls. */
#include "importer/attribute.h"

#include <string.h>

static const Onnx__AttributeProto *
find_attribute(size_t count, Onnx__AttributeProto *const *list, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (list[i]->name && strcmp(list[i]->name, name) == 0)
			return list[i];
	return NULL;
}

const Onnx__AttributeProto *
attribute_resolve(const Onnx__AttributeProto *attribute, const struct attribute_scope *scope)
{
	const Onnx__AttributeProto *found;

	while (attribute && attribute->ref_attr_name && attribute->ref_attr_name[0]) {
		if (!scope)
			return NULL;
		found = find_attribute(scope->call->n_attribute, scope->call->attribute,
				       attribute->ref_attr_name);
		if (!found)
			found = find_attribute(scope->function->n_attribute_proto,
					       scope->function->attribute_proto,
					       attribute->ref_attr_name);
		attribute = found;
		scope = scope->outer;
	}
	return attribute;
}

const Onnx__AttributeProto *
operation_attribute(const struct operation *operation, const char *name)
{
	const Onnx__NodeProto *node = operation->node;

	return attribute_resolve(find_attribute(node->n_attribute, node->attribute, name),
				 operation->scope);
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
domain_is_standard(const char *domain)
{
	return !domain || !domain[0] || strcmp(domain, "ai.onnx") == 0;
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

const char *
operation_label(const struct program *program, const struct operation *operation)
{
	const Onnx__NodeProto *node = operation->node;
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
