/* attribute.h - attributes of nodes, seen through calls of local functions. */
#ifndef SNNFIT_PROTO_ATTRIBUTE_H
#define SNNFIT_PROTO_ATTRIBUTE_H

#include "onnx.pb-c.h" /* generated from proto/onnx.proto, package onnx */

#include <stdbool.h>

/* The call of a function that a node stands in, and the calls around it. */
struct attribute_scope {
	const struct attribute_scope *outer;
	const Onnx__NodeProto *call;
	const Onnx__FunctionProto *function;
};

/* Of a node in scope (NULL: in no function); NULL: nobody gives it a value. */
const Onnx__AttributeProto *attribute_of_node(const Onnx__NodeProto *node, const char *name,
					      const struct attribute_scope *scope);
/* Follows ref_attr_name outwards through the calls; NULL: nobody gives a value. */
const Onnx__AttributeProto *attribute_resolve(const Onnx__AttributeProto *attribute,
					      const struct attribute_scope *scope);
/* ai.onnx, by whichever of its names; NULL too. */
bool domain_is_standard(const char *domain);

#endif
