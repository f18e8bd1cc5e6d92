/* payload.h - bytes that belong to a message but lie elsewhere: in the model's
 * file, in an external file, or in memory; whole, or cut.
 *
 * In the tree a payload is an unknown field with the number PLACEHOLDER_FIELD,
 * which protobuf-c carries along with the message it stands in: it says which
 * field it is and where in the model's payload table. A file's own field of that
 * number cannot be mistaken for one: reading makes it a payload too. */
#ifndef SNNFIT_PROTO_PAYLOAD_H
#define SNNFIT_PROTO_PAYLOAD_H

#include "core/file.h"
#include "proto/model.h"

enum {
	PLACEHOLDER_FIELD = (1 << 29) - 1,
	PLACEHOLDER_BYTES = 8, /* of content */

	/* What a payload is, besides the number of a field with its contents. */
	PAYLOAD_WHOLE_FIELD = 0, /* tag and all, as it stood in the file */

	/* Fields of TensorProto. */
	FIELD_FLOAT_DATA = 4,
	FIELD_INT32_DATA = 5,
	FIELD_INT64_DATA = 7,
	FIELD_RAW_DATA = 9,
	FIELD_DOUBLE_DATA = 10,
	FIELD_UINT64_DATA = 11,
	FIELD_EXTERNAL_DATA = 13, /* the raw form, in another file */
};

struct cut;

struct payload {
	const struct byte_source *source;
	uint64_t offset;
	uint64_t length;       /* of what comes out */
	const struct cut *cut; /* NULL: source [offset, offset + length) as it is */
	uint64_t values;       /* numbers in a run of varints, once counted; else 0 */
};

struct placeholder {
	uint32_t field;
	uint32_t index; /* in the payload table */
};

/* Content of the unknown field, and back; false for other fields. */
void placeholder_put(uint8_t content[PLACEHOLDER_BYTES], struct placeholder placeholder);
struct placeholder placeholder_get(const uint8_t content[PLACEHOLDER_BYTES]);
bool placeholder_read(const ProtobufCMessageUnknownField *field, struct placeholder *out);

/* The last placeholder for the field in the message, as in protobuf the last
 * value counts; false when there is none. *count (may be NULL): how many. */
bool placeholder_find(const ProtobufCMessage *message, uint32_t field, struct placeholder *out,
		      size_t *count);
/* In memory of the arena; false when out of memory. */
MUST_USE bool placeholder_add(struct arena *arena, ProtobufCMessage *message,
			      struct placeholder placeholder);
/* Takes away those that stand for tensor data. */
void placeholder_remove_data(ProtobufCMessage *message);

MUST_USE snnfit_status payload_read(const struct payload *payload, uint64_t offset, void *out,
				    size_t length, snnfit_error *err);
/* All of it, in order. */
MUST_USE snnfit_status payload_stream(const struct payload *payload, struct byte_sink *sink,
				      snnfit_error *err);

/* --- cuts: proto/cut.c ----------------------------------------------------- */

/* Rows, columns and so on of a row-major array of fixed-size elements. */
struct cut_shape {
	uint32_t rank;
	uint64_t dims[TENSOR_RANK_MAX];	       /* of the array that is cut */
	const uint32_t *keep[TENSOR_RANK_MAX]; /* NULL: all */
	uint32_t kept[TENSOR_RANK_MAX];
	size_t element_bytes;
};

/* *out is a cut of base (which is not itself cut), in the arena with copies of
 * the lists. */
MUST_USE snnfit_status cut_new(struct payload *out, struct arena *arena, const struct payload *base,
			       const struct cut_shape *shape, snnfit_error *err);
/* What the cut was made from, to make another one. */
const struct cut_shape *cut_shape_of(const struct cut *cut);
MUST_USE snnfit_status cut_read(const struct payload *payload, uint64_t offset, void *out,
				size_t length, snnfit_error *err);
MUST_USE snnfit_status cut_stream(const struct payload *payload, struct byte_sink *sink,
				  snnfit_error *err);

#endif
