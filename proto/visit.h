/* visit.h - every tensor of a model, wherever it stands. */
#ifndef SNNFIT_PROTO_VISIT_H
#define SNNFIT_PROTO_VISIT_H

#include "proto/model.h"

/* holder is the message that the tensor stands in: a graph, a sparse tensor, or
 * an attribute. The visitor may change the tensor's own fields. */
typedef snnfit_status tensor_visitor(void *context, Onnx__TensorProto *tensor,
				     const ProtobufCMessage *holder, snnfit_error *err);

/* Graphs, subgraphs, attributes, sparse tensors, functions and training, in the
 * order of field numbers; ends at the first failure. Without recursion. */
MUST_USE snnfit_status tensors_visit(Onnx__ModelProto *proto, tensor_visitor *visitor,
				     void *context, snnfit_error *err);

#endif
