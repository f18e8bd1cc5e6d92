/* attribute.h - attributes of nodes, seen through calls of local functions. */
#ifndef SNNFIT_IMPORTER_ATTRIBUTE_H
#define SNNFIT_IMPORTER_ATTRIBUTE_H

#include "importer/program.h"

struct attribute_scope {
	const struct attribute_scope *outer;
	const Onnx__NodeProto *call;
	const Onnx__FunctionProto *function;
};

/* Follows ref_attr_name outwards through the calls; NULL: nobody gives a value. */
const Onnx__AttributeProto *attribute_resolve(const Onnx__AttributeProto *attribute,
					      const struct attribute_scope *scope);
bool domain_is_standard(const char *domain);

#endif
