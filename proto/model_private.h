/* model_private.h - what a model is made of, for the modules of proto only. */
#ifndef SNNFIT_PROTO_MODEL_PRIVATE_H
#define SNNFIT_PROTO_MODEL_PRIVATE_H

#include "proto/source.h"

/* How far a run over varints has come: the next value of a payload that is read
 * piece after piece is then near. */
struct varint_cursor {
	uint32_t payload; /* index + 1; 0: none */
	uint64_t value;	  /* how many lie before offset */
	uint64_t offset;
};

struct large_block;

struct onnx_model {
	struct onnx_source *source;
	struct arena arena;
	struct large_block *large; /* big parts of the tree, outside the arena */
	Onnx__ModelProto *proto;
	struct payload *payloads; /* the source's, then those added since */
	size_t payload_count;
	size_t payload_capacity;
	struct varint_cursor *cursor;
};

/* Appends to the payload table. */
MUST_USE snnfit_status model_add_payload(struct onnx_model *model, const struct payload *payload,
					 uint32_t *index, snnfit_error *err);

#endif
