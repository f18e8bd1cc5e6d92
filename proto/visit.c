#include "proto/visit.h"

#include <stdlib.h>

/* A message on the way, and how far through it we are. */
struct visit_frame {
	ProtobufCMessage *message;
	unsigned field; /* place in the descriptor */
	size_t item;	/* of a repeated field */
};

struct visit {
	struct visit_frame *frames;
	size_t depth;
	size_t capacity;
	tensor_visitor *visitor;
	void *context;
	snnfit_error *err;
};

static bool
may_hold_tensors(const ProtobufCMessageDescriptor *message)
{
	return message == &onnx__graph_proto__descriptor ||
	       message == &onnx__node_proto__descriptor ||
	       message == &onnx__attribute_proto__descriptor ||
	       message == &onnx__sparse_tensor_proto__descriptor ||
	       message == &onnx__function_proto__descriptor ||
	       message == &onnx__training_info_proto__descriptor ||
	       message == &onnx__tensor_proto__descriptor;
}

static snnfit_status
push(struct visit *visit, ProtobufCMessage *message)
{
	size_t capacity = visit->capacity ? visit->capacity * 2 : 64;
	struct visit_frame *grown;

	if (visit->depth == visit->capacity) {
		grown = realloc(visit->frames, capacity * sizeof *grown);
		if (!grown)
			return error_no_memory(visit->err);
		visit->frames = grown;
		visit->capacity = capacity;
	}
	visit->frames[visit->depth++] = (struct visit_frame){ .message = message };
	return SNNFIT_OK;
}

/* The frame's next message of the field that it stands at, NULL when the field
 * has no more. */
static ProtobufCMessage *
next_message(struct visit_frame *frame, const ProtobufCFieldDescriptor *field)
{
	char *base = (char *)frame->message;
	void *at = base + field->offset;
	size_t count;

	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		return frame->item++ == 0 ? *(ProtobufCMessage **)at : NULL;
	count = *(size_t *)(void *)(base + field->quantifier_offset);
	return frame->item < count ? (*(ProtobufCMessage ***)at)[frame->item++] : NULL;
}

static snnfit_status
step(struct visit *visit)
{
	struct visit_frame *frame = &visit->frames[visit->depth - 1];
	const ProtobufCMessageDescriptor *type = frame->message->descriptor;
	const ProtobufCFieldDescriptor *field = &type->fields[frame->field];
	ProtobufCMessage *found = NULL;

	if (frame->field == type->n_fields) {
		visit->depth--;
		return SNNFIT_OK;
	}
	if (field->type == PROTOBUF_C_TYPE_MESSAGE && may_hold_tensors(field->descriptor))
		found = next_message(frame, field);
	if (!found) {
		frame->field++;
		frame->item = 0;
		return SNNFIT_OK;
	}
	if (found->descriptor == &onnx__tensor_proto__descriptor)
		return visit->visitor(visit->context, (Onnx__TensorProto *)(void *)found,
				      frame->message, visit->err);
	return push(visit, found);
}

snnfit_status
tensors_visit(Onnx__ModelProto *proto, tensor_visitor *visitor, void *context, snnfit_error *err)
{
	struct visit visit = { .visitor = visitor, .context = context, .err = err };
	snnfit_status status = push(&visit, &proto->base);

	while (status == SNNFIT_OK && visit.depth > 0)
		status = step(&visit);
	free(visit.frames);
	return status;
}
