/* quantize.h - quantized weights: integers, a scale, and a DequantizeLinear node. */
#ifndef SNNFIT_EXPORTER_QUANTIZE_H
#define SNNFIT_EXPORTER_QUANTIZE_H

#include "exporter/names.h"
#include "graph/graph.h"

/* Where the weights of a projection are to be read. */
struct quantize_request {
	const struct quantization *quantization;
	const char *population;	   /* for messages */
	const char *name;	   /* of the weights; new names start with it */
	struct tensor_shape shape; /* of what the node reads; type: what it computes in */
	uint32_t row_axis;	   /* the dimension that is the rows */
	const float *values;	   /* in file orientation */
};

struct quantize_result {
	Onnx__TensorProto *integers, *scale;
	Onnx__NodeProto *node; /* DequantizeLinear; its output is what to read */
};

/* Makes the parts (not yet in the graph) and raises opset and IR as far as the
 * type needs. The type is the smallest that ONNX has for the width; the next
 * wider one, with a line in notes (NULL: dropped), when a node forbids the opset.
 * SNNFIT_EUNSUPPORTED when there is none. */
MUST_USE snnfit_status quantize(struct onnx_model *model, struct names *names,
				const struct quantize_request *request,
				struct quantize_result *result, struct text *notes,
				snnfit_error *err);

#endif
