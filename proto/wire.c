#include "proto/wire.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A tag and a length prefix, or a tag and a number. */
enum { HEAD_BYTES = WIRE_TAG_MAX + WIRE_VARINT_MAX };

size_t
wire_varint_bytes(uint64_t value)
{
	size_t bytes = 1;

	for (; value >= 0x80; value >>= 7)
		bytes++;
	return bytes;
}

size_t
wire_varint_put(uint8_t *out, uint64_t value)
{
	size_t bytes = 0;

	for (; value >= 0x80; value >>= 7)
		out[bytes++] = (uint8_t)(value | 0x80);
	out[bytes++] = (uint8_t)value;
	return bytes;
}

size_t
wire_varint_get(const uint8_t *at, size_t available, uint64_t *value)
{
	size_t i;

	*value = 0;
	for (i = 0; i < available && i < WIRE_VARINT_MAX; i++) {
		if (i == WIRE_VARINT_MAX - 1 && at[i] > 1)
			return 0; /* more than 64 bits */
		*value |= (uint64_t)(at[i] & 0x7f) << (7 * i);
		if (!(at[i] & 0x80))
			return i + 1;
	}
	return 0;
}

uint32_t
wire_tag(uint32_t number, enum wire_type type)
{
	return number << 3 | (uint32_t)type;
}

bool
wire_is_packable(const ProtobufCFieldDescriptor *field)
{
	return field->label == PROTOBUF_C_LABEL_REPEATED && field->type != PROTOBUF_C_TYPE_STRING &&
	       field->type != PROTOBUF_C_TYPE_BYTES && field->type != PROTOBUF_C_TYPE_MESSAGE;
}

static enum wire_type
wire_type_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIRE_LENGTH;
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return WIRE_FIXED32;
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return WIRE_FIXED64;
	default:
		return WIRE_VARINT;
	}
}

snnfit_status
wire_walk_init(struct wire_walk *walk, const struct byte_source *source,
	       const ProtobufCMessageDescriptor *message, uint32_t depth_limit,
	       uint64_t message_limit, snnfit_error *err)
{
	*walk = (struct wire_walk){ .depth_limit = depth_limit, .messages_left = message_limit };
	walk->frames = calloc((size_t)depth_limit + 1, sizeof *walk->frames);
	if (!walk->frames)
		return error_no_memory(err);
	walk->frames[0] = (struct wire_frame){ message, source->size };
	walk->depth = 1;
	return byte_reader_init(&walk->reader, source, err);
}

void
wire_walk_free(struct wire_walk *walk)
{
	byte_reader_free(&walk->reader);
	free(walk->frames);
	walk->frames = NULL;
}

static snnfit_status
broken(const struct wire_walk *walk, uint64_t at, const char *what, snnfit_error *err)
{
	return error_set(err, SNNFIT_EFORMAT,
			 "not a valid ONNX file: %s at byte %" PRIu64 ", in %s", what, at,
			 walk->frames[walk->depth - 1].message->short_name);
}

/* --- one field's head ------------------------------------------------------ */

static snnfit_status
read_length(struct wire_walk *walk, struct wire_event *event, const uint8_t *at, size_t available,
	    uint64_t end, snnfit_error *err)
{
	size_t prefix = wire_varint_get(at, available, &event->length);

	if (!prefix)
		return broken(walk, event->begin, "a length is cut off or too long", err);
	event->content += prefix;
	event->shortest = event->shortest && prefix == wire_varint_bytes(event->length);
	if (event->length > end - event->content)
		return broken(walk, event->begin, "a field is longer than what holds it", err);
	return SNNFIT_OK;
}

static snnfit_status
read_number(struct wire_walk *walk, struct wire_event *event, const uint8_t *at, size_t available,
	    snnfit_error *err)
{
	if (event->wire_type == WIRE_VARINT) {
		event->length = wire_varint_get(at, available, &event->value);
		if (!event->length)
			return broken(walk, event->begin, "a number is cut off or too long", err);
		return SNNFIT_OK;
	}
	event->length = event->wire_type == WIRE_FIXED32 ? 4 : 8;
	if (event->length > available)
		return broken(walk, event->begin, "a number is cut off", err);
	return SNNFIT_OK;
}

static snnfit_status
read_tag(struct wire_walk *walk, struct wire_event *event, const uint8_t *at, size_t available,
	 snnfit_error *err)
{
	uint64_t tag;
	size_t bytes = wire_varint_get(at, available, &tag);

	if (!bytes || bytes > WIRE_TAG_MAX || tag > UINT32_MAX)
		return broken(walk, event->begin, "a field number is cut off or too large", err);
	event->number = (uint32_t)(tag >> 3);
	event->wire_type = (enum wire_type)(tag & 7);
	event->content = event->begin + bytes;
	event->shortest = bytes == wire_varint_bytes(tag);
	if (event->number == 0)
		return broken(walk, event->begin, "field number 0", err);
	if (event->wire_type > WIRE_FIXED32)
		return broken(walk, event->begin, "an unknown wire type", err);
	return SNNFIT_OK;
}

/* Reads tag and number or length prefix at begin, nothing past end. */
static snnfit_status
read_head(struct wire_walk *walk, struct wire_event *event, uint64_t begin, uint64_t end,
	  snnfit_error *err)
{
	const uint8_t *at;
	size_t available, used;
	snnfit_status status;

	*event = (struct wire_event){ .begin = begin };
	status = byte_reader_view(&walk->reader, begin, HEAD_BYTES, &at, &available, err);
	if (status != SNNFIT_OK)
		return status;
	if (available > end - begin)
		available = (size_t)(end - begin);
	status = read_tag(walk, event, at, available, err);
	if (status != SNNFIT_OK)
		return status;
	used = (size_t)(event->content - begin);
	switch (event->wire_type) {
	case WIRE_LENGTH:
		return read_length(walk, event, at + used, available - used, end, err);
	case WIRE_GROUP:
	case WIRE_GROUP_END:
		return SNNFIT_OK;
	default:
		return read_number(walk, event, at + used, available - used, err);
	}
}

/* --- groups ----------------------------------------------------------------- */

/* The next field of a group: opens and closes groups on the stack of numbers. */
static snnfit_status
step_in_group(struct wire_walk *walk, uint32_t *open, uint32_t *depth, uint64_t *at, uint64_t end,
	      snnfit_error *err)
{
	struct wire_event field;
	snnfit_status status;

	if (*at >= end)
		return broken(walk, *at, "a group does not end", err);
	status = read_head(walk, &field, *at, end, err);
	if (status != SNNFIT_OK)
		return status;
	*at = field.content + field.length;
	if (field.wire_type == WIRE_GROUP_END) {
		if (open[--*depth] != field.number)
			return broken(walk, field.begin, "the end of another group", err);
	} else if (field.wire_type == WIRE_GROUP) {
		if (walk->depth + *depth > walk->depth_limit)
			return error_set(err, SNNFIT_ELIMIT,
					 "groups are nested deeper than %" PRIu32
					 " levels (--max-depth) at byte %" PRIu64,
					 walk->depth_limit, field.begin);
		open[(*depth)++] = field.number;
	}
	return SNNFIT_OK;
}

/* Finds where the group of event ends. */
static snnfit_status
measure_group(struct wire_walk *walk, struct wire_event *event, uint64_t end, snnfit_error *err)
{
	uint32_t *open = malloc(((size_t)walk->depth_limit + 2) * sizeof *open);
	snnfit_status status = SNNFIT_OK;
	uint64_t at = event->content;
	uint32_t depth = 1;

	if (!open)
		return error_no_memory(err);
	open[0] = event->number;
	while (depth > 0 && status == SNNFIT_OK)
		status = step_in_group(walk, open, &depth, &at, end, err);
	free(open);
	event->length = at - event->content;
	return status;
}

/* --- the walk --------------------------------------------------------------- */

/* What the schema makes of the field: NULL when it knows no such field. */
static const ProtobufCFieldDescriptor *
field_in_schema(const ProtobufCMessageDescriptor *message, const struct wire_event *event)
{
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
		message, event->number);

	if (!field || event->wire_type == wire_type_of(field->type))
		return field;
	return event->wire_type == WIRE_LENGTH && wire_is_packable(field) ? field : NULL;
}

static snnfit_status
enter(struct wire_walk *walk, const struct wire_event *event, snnfit_error *err)
{
	if (walk->depth > walk->depth_limit)
		return error_set(err, SNNFIT_ELIMIT,
				 "messages are nested deeper than %" PRIu32
				 " levels (--max-depth) at byte %" PRIu64,
				 walk->depth_limit, event->begin);
	if (walk->messages_left == 0)
		return error_set(err, SNNFIT_ELIMIT,
				 "too many nodes, tensors, attributes and so on (--max-messages), "
				 "at byte %" PRIu64,
				 event->begin);
	walk->messages_left--;
	walk->frames[walk->depth++] = (struct wire_frame){
		event->field->descriptor,
		event->content + event->length,
	};
	walk->at = event->content;
	return SNNFIT_OK;
}

static snnfit_status
classify(struct wire_walk *walk, struct wire_event *event, uint64_t end, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;

	event->field = field_in_schema(event->message, event);
	if (event->wire_type == WIRE_GROUP_END)
		return broken(walk, event->begin, "the end of a group that never began", err);
	if (event->wire_type == WIRE_GROUP)
		status = measure_group(walk, event, end, err);
	walk->at = event->content + event->length;
	if (!event->field)
		event->kind = WIRE_UNKNOWN;
	else if (event->field->type == PROTOBUF_C_TYPE_MESSAGE)
		event->kind = WIRE_ENTER;
	else
		event->kind = event->wire_type == WIRE_LENGTH ? WIRE_BYTES : WIRE_SCALAR;
	if (status == SNNFIT_OK && event->kind == WIRE_ENTER)
		status = enter(walk, event, err);
	return status;
}

snnfit_status
wire_walk_next(struct wire_walk *walk, struct wire_event *event, snnfit_error *err)
{
	const struct wire_frame *frame = &walk->frames[walk->depth - 1];
	const ProtobufCMessageDescriptor *message = frame->message;
	uint64_t end = frame->end;
	snnfit_status status;

	if (walk->at < end) {
		status = read_head(walk, event, walk->at, end, err);
		event->message = message;
		return status == SNNFIT_OK ? classify(walk, event, end, err) : status;
	}
	*event = (struct wire_event){ .kind = WIRE_END, .message = message, .begin = end };
	if (walk->depth > 1) {
		event->kind = WIRE_LEAVE;
		walk->depth--;
	}
	return SNNFIT_OK;
}
