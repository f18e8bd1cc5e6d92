/* build.h - parts of an ONNX message, made in an arena. NULL when out of memory. */
#ifndef SNNFIT_EXPORTER_BUILD_H
#define SNNFIT_EXPORTER_BUILD_H

#include "proto/model.h"

/* Names are copied; a list ends at the first NULL of at most BUILD_NAMES_MAX. */
enum { BUILD_NAMES_MAX = 12 };
struct build_node {
	const char *op_type, *domain; /* domain NULL: ai.onnx */
	const char *name;	      /* NULL: unnamed */
	const char *inputs[BUILD_NAMES_MAX], *outputs[BUILD_NAMES_MAX];
};

MUST_USE Onnx__NodeProto *build_node(struct arena *arena, const struct build_node *node);
/* The node itself. The attribute must not be there yet. */
MUST_USE Onnx__NodeProto *build_int(struct arena *arena, Onnx__NodeProto *node, const char *name,
				    int64_t value);
/* Element type and shape; dims[d] < 0: the symbol. */
MUST_USE Onnx__ValueInfoProto *build_value(struct arena *arena, const char *name, int32_t type,
					   uint32_t rank, const int64_t *dims, const char *symbol);
MUST_USE Onnx__OperatorSetIdProto *build_opset(struct arena *arena, const char *domain,
					       int64_t version);
/* A list with room for one more item: the items, copied. */
MUST_USE bool build_append(struct arena *arena, void *items, size_t *count, const void *item,
			   size_t size);

#endif
