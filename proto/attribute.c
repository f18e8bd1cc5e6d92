#include "proto/attribute.h"

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
attribute_of_node(const Onnx__NodeProto *node, const char *name,
		  const struct attribute_scope *scope)
{
	return attribute_resolve(find_attribute(node->n_attribute, node->attribute, name), scope);
}

bool
domain_is_standard(const char *domain)
{
	return !domain || !domain[0] || strcmp(domain, "ai.onnx") == 0;
}
