/* strip.c - the message as protobuf-c gets it: every big payload, and every field
 * that protobuf-c would not carry along, replaced by a placeholder.
 *
 * Besides tensor data that is: unknown groups and fields that come with another
 * wire type; very long strings of attributes; metadata and doc strings that
 * contain a NUL, which the tree shows as missing. A NUL in any other string is
 * an error: names are what the computation hangs on.
 *
 * What is different from the message in the file: lengths take five bytes, so
 * that they can be filled in when the end is known (a varint may be longer than
 * it need be); numbers repeated one by one are packed, as protobuf-c needs 40
 * bytes for each of them otherwise. Both mean the same. */
#include "core/text.h"
#include "proto/source.h"
#include "proto/wire.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	LENGTH_BYTES = 5,
	STRING_INLINE_BYTES = 64 * 1024, /* of an attribute: compiled code, no setting */
	FIELD_DATA_LOCATION = 14,
	FIELD_ATTRIBUTE_STRING = 4,
};

struct strip_frame {
	size_t length_at;		     /* where the length of the message goes */
	uint64_t seen;			     /* singular messages, by place in the descriptor */
	uint32_t spilled;		     /* fields that have a payload, by number */
	bool is_external;		     /* a tensor whose data is elsewhere */
	const ProtobufCFieldDescriptor *run; /* numbers being packed, or NULL */
	size_t run_at;			     /* where their length goes */
	size_t run_end;
};

struct strip {
	struct onnx_source *source;
	struct wire_walk walk;
	struct strip_frame *frames;
	uint8_t *out;
	size_t length;
	size_t capacity;
	snnfit_error *err;
};

/* --- the output ---------------------------------------------------------------- */

static snnfit_status
reserve(struct strip *strip, uint64_t more)
{
	uint64_t limit = strip->source->limits.message_bytes;
	size_t capacity = strip->capacity ? strip->capacity : 16 * 1024;
	uint8_t *grown;

	if (more > limit || strip->length > limit - more)
		return error_set(
			strip->err, SNNFIT_ELIMIT,
			"the model without its tensor data is larger than %" PRIu64
			" bytes; raise the limit (--max-message-bytes) if it is to be trusted",
			limit);
	if (more <= strip->capacity - strip->length)
		return SNNFIT_OK;
	while (capacity - strip->length < more)
		capacity *= 2;
	grown = realloc(strip->out, capacity);
	if (!grown)
		return error_no_memory(strip->err);
	strip->out = grown;
	strip->capacity = capacity;
	return SNNFIT_OK;
}

static snnfit_status
put_tag(struct strip *strip, uint32_t number, enum wire_type type)
{
	snnfit_status status = reserve(strip, WIRE_TAG_MAX);

	if (status == SNNFIT_OK)
		strip->length += wire_varint_put(strip->out + strip->length,
						 wire_tag(number, type));
	return status;
}

static void
fill_length(struct strip *strip, size_t at)
{
	size_t length = strip->length - at - LENGTH_BYTES;
	int i;

	for (i = 0; i < LENGTH_BYTES - 1; i++)
		strip->out[at + (size_t)i] = (uint8_t)(0x80 | (length >> (7 * i)));
	strip->out[at + LENGTH_BYTES - 1] = (uint8_t)(length >> 28);
}

/* Tag and room for a length; *at is where it goes. */
static snnfit_status
open_length(struct strip *strip, uint32_t number, size_t *at)
{
	snnfit_status status = put_tag(strip, number, WIRE_LENGTH);

	if (status == SNNFIT_OK)
		status = reserve(strip, LENGTH_BYTES);
	if (status != SNNFIT_OK)
		return status;
	*at = strip->length;
	strip->length += LENGTH_BYTES;
	fill_length(strip, *at);
	return SNNFIT_OK;
}

/* The bytes [begin, begin + length) of the file. */
static snnfit_status
put_content(struct strip *strip, uint64_t begin, uint64_t length)
{
	snnfit_status status = reserve(strip, length);
	const uint8_t *at;
	size_t available;

	while (length > 0 && status == SNNFIT_OK) {
		status = byte_reader_view(&strip->walk.reader, begin,
					  length < BYTE_READER_BYTES ? (size_t)length
								     : BYTE_READER_BYTES,
					  &at, &available, strip->err);
		if (status != SNNFIT_OK)
			break;
		if (available > length)
			available = (size_t)length;
		memcpy(strip->out + strip->length, at, available);
		strip->length += available;
		begin += available;
		length -= available;
	}
	return status;
}

/* --- placeholders --------------------------------------------------------------- */

static snnfit_status
put_placeholder(struct strip *strip, uint32_t field, uint64_t offset, uint64_t length)
{
	struct onnx_source *source = strip->source;
	size_t index = source->payload_count;
	snnfit_status status;

	if (strip->walk.messages_left == 0 || index >= UINT32_MAX)
		return error_set(strip->err, SNNFIT_ELIMIT,
				 "too many tensors and unknown fields; raise the limit "
				 "(--max-messages) if the file is to be trusted");
	strip->walk.messages_left--;
	if (!arena_grow(&source->arena, &source->payloads, index, &source->payload_capacity,
			sizeof *source->payloads))
		return error_no_memory(strip->err);
	source->payloads[source->payload_count++] = (struct payload){
		.source = field == FIELD_EXTERNAL_DATA ? NULL : &source->file,
		.offset = offset,
		.length = length,
	};
	status = put_tag(strip, PLACEHOLDER_FIELD, WIRE_LENGTH);
	if (status == SNNFIT_OK)
		status = reserve(strip, PLACEHOLDER_BYTES + 1);
	if (status != SNNFIT_OK)
		return status;
	strip->out[strip->length++] = PLACEHOLDER_BYTES;
	placeholder_put(strip->out + strip->length, (struct placeholder){ field, (uint32_t)index });
	strip->length += PLACEHOLDER_BYTES;
	return SNNFIT_OK;
}

static snnfit_status
keep_whole(struct strip *strip, const struct wire_event *event)
{
	return put_placeholder(strip, PAYLOAD_WHOLE_FIELD, event->begin,
			       event->content + event->length - event->begin);
}

static bool
is_tensor_data(const struct wire_event *event)
{
	const uint32_t fields = 1u << FIELD_FLOAT_DATA | 1u << FIELD_INT32_DATA |
				1u << FIELD_INT64_DATA | 1u << FIELD_RAW_DATA |
				1u << FIELD_DOUBLE_DATA | 1u << FIELD_UINT64_DATA;

	return event->message == &onnx__tensor_proto__descriptor && event->number < 32 &&
	       (fields >> event->number & 1);
}

static bool
is_attribute_string(const struct wire_event *event)
{
	return event->message == &onnx__attribute_proto__descriptor &&
	       event->number == FIELD_ATTRIBUTE_STRING;
}

/* Text that says nothing about the computation. */
static bool
is_free_text(const struct wire_event *event)
{
	return event->field->type == PROTOBUF_C_TYPE_STRING &&
	       event->field->label != PROTOBUF_C_LABEL_REPEATED &&
	       (event->message == &onnx__string_string_entry_proto__descriptor ||
		strcmp(event->field->name, "doc_string") == 0);
}

/* Once a field has a payload, whatever follows of it must stand behind it. */
static bool
is_spilled(const struct strip *strip, const struct wire_event *event)
{
	return event->number < 32 &&
	       (strip->frames[strip->walk.depth - 1].spilled >> event->number & 1);
}

static void
remember_spilled(struct strip *strip, const struct wire_event *event)
{
	strip->frames[strip->walk.depth - 1].spilled |= 1u << event->number;
}

/* --- one event ------------------------------------------------------------------- */

static snnfit_status
enter(struct strip *strip, const struct wire_event *event)
{
	/* The walk has entered: the frame of the outer message is one below. */
	struct strip_frame *outer = &strip->frames[strip->walk.depth - 2];
	struct strip_frame *inner = outer + 1;
	uint64_t bit = 1ull << (event->field - event->message->fields);

	if (event->field->label != PROTOBUF_C_LABEL_REPEATED && (outer->seen & bit))
		return error_set(
			strip->err, SNNFIT_EUNSUPPORTED,
			"%s.%s stands in the file in two parts (the second at byte %" PRIu64
			"); load and save it once with the onnx package to join them",
			event->message->short_name, event->field->name, event->begin);
	outer->seen |= bit;
	*inner = (struct strip_frame){ 0 };
	return open_length(strip, event->number, &inner->length_at);
}

static snnfit_status
leave(struct strip *strip)
{
	struct strip_frame *frame = &strip->frames[strip->walk.depth];
	snnfit_status status = SNNFIT_OK;

	if (frame->is_external) {
		strip->source->has_external_data = true;
		status = put_placeholder(strip, FIELD_EXTERNAL_DATA, 0, 0);
	}
	fill_length(strip, frame->length_at);
	return status;
}

static snnfit_status
put_single(struct strip *strip, const struct wire_event *event)
{
	snnfit_status status = put_tag(strip, event->number, event->wire_type);

	if (status == SNNFIT_OK)
		status = put_content(strip, event->content, event->length);
	return status;
}

static snnfit_status
put_repeated(struct strip *strip, const struct wire_event *event)
{
	struct strip_frame *frame = &strip->frames[strip->walk.depth - 1];
	snnfit_status status = SNNFIT_OK;

	if (frame->run != event->field || frame->run_end != strip->length)
		status = open_length(strip, event->number, &frame->run_at);
	if (status == SNNFIT_OK)
		status = put_content(strip, event->content, event->length);
	if (status != SNNFIT_OK)
		return status;
	fill_length(strip, frame->run_at);
	frame->run = event->field;
	frame->run_end = strip->length;
	return SNNFIT_OK;
}

static snnfit_status
scalar(struct strip *strip, const struct wire_event *event)
{
	if (is_spilled(strip, event))
		return keep_whole(strip, event);
	if (event->message == &onnx__tensor_proto__descriptor &&
	    event->number == FIELD_DATA_LOCATION)
		strip->frames[strip->walk.depth - 1].is_external =
			(uint32_t)event->value == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
	if (wire_is_packable(event->field))
		return put_repeated(strip, event);
	return put_single(strip, event);
}

static bool
varints_are_whole(const uint8_t *at, size_t length)
{
	uint64_t value;

	while (length > 0) {
		size_t bytes = wire_varint_get(at, length, &value);

		if (!bytes)
			return false;
		at += bytes;
		length -= bytes;
	}
	return true;
}

static bool
numbers_are_whole(ProtobufCType type, const uint8_t *at, size_t length)
{
	switch (type) {
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return length % 4 == 0;
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return length % 8 == 0;
	default:
		return varints_are_whole(at, length);
	}
}

/* protobuf-c believes what it is given, and ends strings at the first NUL. Free
 * text is left to whoever reads it. */
static snnfit_status
check_content(struct strip *strip, const struct wire_event *event, const uint8_t *at)
{
	size_t length = (size_t)event->length;
	const char *what = NULL;

	if (wire_is_packable(event->field) && !numbers_are_whole(event->field->type, at, length))
		what = "a number is cut off or too long";
	if (event->field->type == PROTOBUF_C_TYPE_STRING && memchr(at, '\0', length))
		what = "a name contains a NUL character";
	else if (event->field->type == PROTOBUF_C_TYPE_STRING && !is_free_text(event) &&
		 !text_is_utf8(at, length))
		what = "a name is not UTF-8";
	if (!what)
		return SNNFIT_OK;
	return error_set(strip->err, SNNFIT_EFORMAT,
			 "not a valid ONNX file: %s in %s.%s at byte %" PRIu64, what,
			 event->message->short_name, event->field->name, event->begin);
}

static snnfit_status
put_bytes(struct strip *strip, const struct wire_event *event)
{
	size_t begin = strip->length, length_at;
	const uint8_t *content;
	snnfit_status status = open_length(strip, event->number, &length_at);

	if (status == SNNFIT_OK)
		status = put_content(strip, event->content, event->length);
	if (status != SNNFIT_OK)
		return status;
	fill_length(strip, length_at);
	content = strip->out + length_at + LENGTH_BYTES;
	if (is_free_text(event) && memchr(content, '\0', (size_t)event->length)) {
		strip->length = begin;
		remember_spilled(strip, event);
		return keep_whole(strip, event);
	}
	return check_content(strip, event, content);
}

static snnfit_status
bytes(struct strip *strip, const struct wire_event *event)
{
	bool spilled = is_spilled(strip, event);

	if (is_tensor_data(event) && (spilled || event->length > PAYLOAD_INLINE_BYTES)) {
		remember_spilled(strip, event);
		return put_placeholder(strip, event->number, event->content, event->length);
	}
	if (spilled)
		return keep_whole(strip, event);
	if (is_attribute_string(event) && event->length > STRING_INLINE_BYTES) {
		remember_spilled(strip, event);
		return keep_whole(strip, event);
	}
	return put_bytes(strip, event);
}

/* Those that protobuf-c carries along byte for byte go its way. */
static snnfit_status
unknown(struct strip *strip, const struct wire_event *event)
{
	bool plain = event->shortest && event->wire_type != WIRE_GROUP &&
		     event->number != PLACEHOLDER_FIELD && event->length <= PAYLOAD_INLINE_BYTES &&
		     !protobuf_c_message_descriptor_get_field(event->message, event->number);

	if (!plain)
		return keep_whole(strip, event);
	return put_content(strip, event->begin, event->content + event->length - event->begin);
}

static snnfit_status
handle(struct strip *strip, const struct wire_event *event)
{
	switch (event->kind) {
	case WIRE_ENTER:
		return enter(strip, event);
	case WIRE_LEAVE:
		return leave(strip);
	case WIRE_SCALAR:
		return scalar(strip, event);
	case WIRE_BYTES:
		return bytes(strip, event);
	case WIRE_UNKNOWN:
		return unknown(strip, event);
	case WIRE_END:
		break;
	}
	return SNNFIT_OK;
}

static snnfit_status
walk_all(struct strip *strip)
{
	struct wire_event event = { .kind = WIRE_LEAVE };
	snnfit_status status = SNNFIT_OK;

	while (status == SNNFIT_OK && event.kind != WIRE_END) {
		status = wire_walk_next(&strip->walk, &event, strip->err);
		if (status == SNNFIT_OK)
			status = handle(strip, &event);
	}
	return status;
}

/* Gives back what the output did not need. */
static void
hand_over(struct strip *strip)
{
	uint8_t *fitted = strip->length ? realloc(strip->out, strip->length) : NULL;

	strip->source->stripped = fitted ? fitted : strip->out;
	strip->source->stripped_length = strip->length;
	strip->out = NULL;
}

snnfit_status
source_strip(struct onnx_source *source, snnfit_error *err)
{
	struct strip strip = { .source = source, .err = err };
	snnfit_status status;

	status = wire_walk_init(&strip.walk, &source->file, &onnx__model_proto__descriptor,
				source->limits.depth, source->limits.messages, err);
	strip.frames = calloc((size_t)source->limits.depth + 1, sizeof *strip.frames);
	if (status == SNNFIT_OK && !strip.frames)
		status = error_no_memory(err);
	if (status == SNNFIT_OK)
		status = walk_all(&strip);
	if (status == SNNFIT_OK)
		hand_over(&strip);
	free(strip.out);
	free(strip.frames);
	wire_walk_free(&strip.walk);
	return status;
}
