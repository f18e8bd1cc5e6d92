/* opset.h - which version of the ai.onnx operators a model may be raised to. */
#ifndef SNNFIT_EXPORTER_OPSET_H
#define SNNFIT_EXPORTER_OPSET_H

#include "core/arena.h"
#include "proto/model.h"

/* The highest version that the table of meanings covers. */
enum { OPSET_MAX = 25 };

/* Of the ai.onnx domain; 0 when the model does not import it. */
int64_t opset_version(const Onnx__ModelProto *model);
/* The first node, of the graph, the graphs inside nodes, the functions or the
 * training, that could mean something else in the target version. *out NULL:
 * there is none, the model may be raised. False when out of memory. */
MUST_USE bool opset_obstacle(const Onnx__ModelProto *model, int64_t target, struct arena *scratch,
			     const Onnx__NodeProto **out);
/* Raises ai.onnx, in the functions too, and the IR version; neither is lowered. */
MUST_USE snnfit_status opset_raise(struct onnx_model *model, int64_t target, int64_t ir,
				   snnfit_error *err);
/* In place of the model's imports: what a new model starts from. */
MUST_USE snnfit_status opset_import(struct onnx_model *model, const char *domain, int64_t version,
				    snnfit_error *err);

#endif
