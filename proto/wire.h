/* wire.h - one walk over the protobuf wire format, on the way of a message type.
 *
 * Without recursion: nesting and the number of messages are limited, lengths and
 * varints are checked before anything is believed. A field that the schema does
 * not know, or that comes with another wire type than the schema says, is
 * reported as unknown, as protobuf parsers treat it. */
#ifndef SNNFIT_PROTO_WIRE_H
#define SNNFIT_PROTO_WIRE_H

#include "core/file.h"

#include <protobuf-c/protobuf-c.h>

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_LENGTH = 2,
	WIRE_GROUP = 3,
	WIRE_GROUP_END = 4,
	WIRE_FIXED32 = 5,
};

enum {
	WIRE_VARINT_MAX = 10,		/* bytes */
	WIRE_FIELD_MAX = (1 << 29) - 1, /* the largest field number */
	WIRE_TAG_MAX = 5,		/* bytes */
};

enum wire_event_kind {
	WIRE_END,     /* of everything */
	WIRE_ENTER,   /* a message begins */
	WIRE_LEAVE,   /* the message entered last ends */
	WIRE_SCALAR,  /* a number */
	WIRE_BYTES,   /* a string, bytes, or packed numbers */
	WIRE_UNKNOWN, /* a whole field to keep as it is; a group with all that is in it */
};

struct wire_event {
	enum wire_event_kind kind;
	const ProtobufCMessageDescriptor *message; /* that the field stands in */
	const ProtobufCFieldDescriptor *field;	   /* NULL: unknown; at WIRE_LEAVE too */
	uint32_t number;
	enum wire_type wire_type;
	uint64_t begin;	  /* of the tag */
	uint64_t content; /* after tag and length prefix */
	uint64_t length;  /* of the content; up to the end of the group for groups */
	uint64_t value;	  /* of a varint */
	bool shortest;	  /* tag and length prefix have no superfluous bytes */
};

struct wire_frame {
	const ProtobufCMessageDescriptor *message;
	uint64_t end;
};

struct wire_walk {
	struct byte_reader reader;
	struct wire_frame *frames;
	uint32_t depth;	      /* of frames in use */
	uint32_t depth_limit; /* nested in the outermost message */
	uint64_t messages_left;
	uint64_t at;
};

/* Bytes that value takes as a varint, and writing it: returns the same. */
size_t wire_varint_bytes(uint64_t value);
size_t wire_varint_put(uint8_t *out, uint64_t value);
/* Bytes read from at[0..available), 0 when broken or cut off. */
size_t wire_varint_get(const uint8_t *at, size_t available, uint64_t *value);
uint32_t wire_tag(uint32_t number, enum wire_type type);

/* True for repeated numbers, which may come packed or one by one. */
bool wire_is_packable(const ProtobufCFieldDescriptor *field);

/* The source must outlive the walk. */
MUST_USE snnfit_status wire_walk_init(struct wire_walk *walk, const struct byte_source *source,
				      const ProtobufCMessageDescriptor *message,
				      uint32_t depth_limit, uint64_t message_limit,
				      snnfit_error *err);
void wire_walk_free(struct wire_walk *walk);
/* Contents of WIRE_BYTES and WIRE_UNKNOWN are not read: the next step goes on
 * behind them. Errors are SNNFIT_EFORMAT, SNNFIT_ELIMIT, or those of reading. */
MUST_USE snnfit_status wire_walk_next(struct wire_walk *walk, struct wire_event *event,
				      snnfit_error *err);

#endif
