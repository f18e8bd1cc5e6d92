/* expand.h - the way back: protobuf-c's bytes, with the payloads in their places. */
#ifndef SNNFIT_PROTO_EXPAND_H
#define SNNFIT_PROTO_EXPAND_H

#include "proto/model_private.h"

/* A place in the packed bytes where something else is written. */
struct expand_edit {
	size_t at;
	size_t skip;	 /* packed bytes that are not written */
	bool is_payload; /* else a new length prefix */
	uint64_t length; /* the prefix */
	struct placeholder placeholder;
};

struct expansion {
	const struct onnx_model *model;
	uint8_t *packed;
	size_t packed_length;
	struct expand_edit *edits;
	size_t edit_count;
	size_t edit_capacity;
	uint64_t length; /* of the whole message, payloads and all */
};

/* Packs the tree as it is now, and plans; what was planned stays the same when
 * the tree changes, but not when payloads go. */
MUST_USE snnfit_status expansion_init(struct expansion *expansion, const struct onnx_model *model,
				      snnfit_error *err);
MUST_USE snnfit_status expansion_stream(const struct expansion *expansion, struct byte_sink *sink,
					snnfit_error *err);
void expansion_free(struct expansion *expansion);

#endif
