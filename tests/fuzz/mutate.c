/* mutate.c - changes that leave an ONNX message readable, for the targets that want one.
 *
 * Plain changes of bytes hardly get past the walk over the wire format. These know the
 * schema: fields are removed, copied, moved, made up and given other values, strings are
 * replaced by others of the model (that is how names come to refer to something else),
 * and the lengths of all that holds them are put right. One change in eight is plain. */
#include "tests/fuzz/fuzz.h"

#include "proto/model.h"
#include "proto/operator_set.h"
#include "proto/wire.h"

#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_size, unsigned seed);

enum {
	SPOTS = 4096,
	NO_SPOT = -1,
	DEPTH = 100,
	PIECE = 4096, /* the longest new content */
	HEAD = WIRE_TAG_MAX + WIRE_VARINT_MAX,
};

static const uint8_t none[1];

/* A field of the message. */
struct spot {
	const ProtobufCMessageDescriptor *message;
	const ProtobufCFieldDescriptor *field; /* NULL: unknown */
	enum wire_event_kind kind;
	size_t begin, content, length;
	int parent; /* the spot of the message that it stands in */
};

struct message {
	uint8_t *bytes;
	size_t size, max;
	struct spot *spots;
	int count;
	uint64_t random;
};

static uint32_t
pick(struct message *message, size_t below)
{
	message->random ^= message->random << 13;
	message->random ^= message->random >> 7;
	message->random ^= message->random << 17;
	return (uint32_t)((message->random >> 11) % below);
}

/* --- the fields ---------------------------------------------------------------- */

static void
add_spot(struct message *message, const struct wire_event *event, int *open)
{
	if (event->kind == WIRE_LEAVE)
		*open = message->spots[*open].parent;
	if (event->kind == WIRE_LEAVE || event->kind == WIRE_END)
		return;
	message->spots[message->count++] = (struct spot){
		event->message,		event->field,	       event->kind, (size_t)event->begin,
		(size_t)event->content, (size_t)event->length, *open,
	};
	if (event->kind == WIRE_ENTER)
		*open = message->count - 1;
}

/* As far as the message can be read. */
static void
find_spots(struct message *message)
{
	struct byte_source source = { .bytes = message->bytes, .fd = -1, .size = message->size };
	struct wire_event event = { .kind = WIRE_ENTER };
	struct wire_walk walk;
	int open = NO_SPOT;

	message->count = 0;
	if (wire_walk_init(&walk, &source, &onnx__model_proto__descriptor, DEPTH, SPOTS, NULL) ==
	    SNNFIT_OK)
		while (message->count < SPOTS && event.kind != WIRE_END &&
		       wire_walk_next(&walk, &event, NULL) == SNNFIT_OK)
			add_spot(message, &event, &open);
	wire_walk_free(&walk);
}

/* The length of what holds a change has become another one; returns by how much more the
 * message has grown. */
static ptrdiff_t
grow_parent(struct message *message, struct spot *parent, ptrdiff_t delta)
{
	uint8_t prefix[WIRE_VARINT_MAX];
	uint64_t tag;
	size_t at = parent->begin + wire_varint_get(message->bytes + parent->begin,
						    message->size - parent->begin, &tag);
	size_t before = parent->content - at, after;

	parent->length = (size_t)((ptrdiff_t)parent->length + delta);
	after = wire_varint_put(prefix, parent->length);
	memmove(message->bytes + at + after, message->bytes + parent->content,
		message->size - parent->content);
	memcpy(message->bytes + at, prefix, after);
	message->size = message->size - before + after;
	return delta + (ptrdiff_t)after - (ptrdiff_t)before;
}

/* Bytes [at, at + gone), within the message of spot parent, become these. */
static void
splice(struct message *message, int parent, size_t at, size_t gone, const uint8_t *bytes,
       size_t length)
{
	ptrdiff_t delta = (ptrdiff_t)length - (ptrdiff_t)gone;

	if (message->size + length + (size_t)DEPTH * WIRE_VARINT_MAX > message->max)
		return;
	memmove(message->bytes + at + length, message->bytes + at + gone,
		message->size - at - gone);
	memcpy(message->bytes + at, bytes, length);
	message->size = (size_t)((ptrdiff_t)message->size + delta);
	for (; parent != NO_SPOT; parent = message->spots[parent].parent)
		delta = grow_parent(message, &message->spots[parent], delta);
}

/* A field with tag and length; returns its bytes. */
static size_t
put_field(uint8_t *out, uint32_t number, const uint8_t *content, size_t length)
{
	size_t at = wire_varint_put(out, wire_tag(number, WIRE_LENGTH));

	at += wire_varint_put(out + at, length);
	memcpy(out + at, content, length);
	return at + length;
}

static size_t
put_number(uint8_t *out, uint32_t number, uint64_t value)
{
	size_t at = wire_varint_put(out, wire_tag(number, WIRE_VARINT));

	return at + wire_varint_put(out + at, value);
}

/* --- new values ------------------------------------------------------------------ */

static uint64_t
some_number(struct message *message)
{
	static const uint64_t edges[] = { 0,	      UINT64_MAX, INT64_MAX,
					  UINT32_MAX, INT32_MAX,  (uint64_t)INT64_MIN,
					  1u << 16,   127,	  128,
					  255 };

	return pick(message, 3) ? pick(message, 33) : edges[pick(message, sizeof edges / 8)];
}

static const struct spot *
some_spot(struct message *message, enum wire_event_kind kind)
{
	for (int tries = 0; tries < 64; tries++) {
		const struct spot *spot = &message->spots[pick(message, (size_t)message->count)];

		if (spot->kind == kind)
			return spot;
	}
	return NULL;
}

/* The name of an operator for op_type, else a string that stands somewhere. */
static size_t
some_text(struct message *message, const ProtobufCFieldDescriptor *field, uint8_t out[PIECE])
{
	const struct operator_set *set = &operator_sets[pick(message, OPERATOR_SET_COUNT)];
	const struct spot *other = some_spot(message, WIRE_BYTES);
	const char *name = set->rows[pick(message, set->count)].name;
	size_t length = strlen(name);

	if (field && strcmp(field->name, "op_type") == 0 && pick(message, 2)) {
		memcpy(out, name, length);
		return length;
	}
	length = other && other->length < PIECE / 2 ? other->length : 0;
	if (length)
		memcpy(out, message->bytes + other->content, length);
	return length;
}

/* --- changes: each of one field ---------------------------------------------------- */

static void
remove_field(struct message *message, const struct spot *spot)
{
	splice(message, spot->parent, spot->begin, spot->content + spot->length - spot->begin, none,
	       0);
}

/* To before another field of the same kind of message. */
static void
copy_field(struct message *message, const struct spot *spot, const uint8_t *from)
{
	size_t length = spot->content + spot->length - spot->begin;
	uint8_t *copy = malloc(length + 1);
	const struct spot *to;

	MUST(copy);
	memcpy(copy, from + spot->begin, length);
	for (int tries = 0; tries < 64; tries++) {
		to = &message->spots[pick(message, (size_t)message->count)];
		if (to->message != spot->message)
			continue;
		splice(message, to->parent, to->begin, 0, copy, length);
		break;
	}
	free(copy);
}

static void
change_text(struct message *message, const struct spot *spot)
{
	uint8_t content[PIECE], field[PIECE + HEAD];
	size_t length = spot->length;
	bool numbers = spot->field->type != PROTOBUF_C_TYPE_STRING;

	if (pick(message, 4) && !numbers) {
		length = some_text(message, spot->field, content);
	} else if (length <= PIECE / 2) {
		memcpy(content, message->bytes + spot->content, length);
		length = LLVMFuzzerMutate(content, length, PIECE / 2);
	} else { /* the size of a payload is what must be right: change what is in it */
		size_t at = spot->content + pick(message, length);

		message->bytes[at] = (uint8_t)pick(message, 256);
		return;
	}
	length = put_field(field, spot->field->id, content, length);
	splice(message, spot->parent, spot->begin, spot->content + spot->length - spot->begin,
	       field, length);
}

static void
change_number(struct message *message, const struct spot *spot)
{
	uint8_t field[2 * WIRE_VARINT_MAX];
	uint64_t value;

	if (spot->length == 4 || spot->length == 8) { /* a float, or a long varint */
		message->bytes[spot->content + pick(message, spot->length)] ^=
			(uint8_t)(1u << pick(message, 7));
		return;
	}
	(void)wire_varint_get(message->bytes + spot->content, spot->length, &value);
	value = pick(message, 3) ? some_number(message) : value + pick(message, 3) - 1;
	splice(message, spot->parent, spot->begin, spot->content + spot->length - spot->begin,
	       field, put_number(field, spot->field->id, value));
}

/* A field that the schema knows, made up, before this one. */
static void
make_field(struct message *message, const struct spot *spot)
{
	const ProtobufCFieldDescriptor *field =
		&spot->message->fields[pick(message, spot->message->n_fields)];
	uint8_t content[PIECE], bytes[PIECE + HEAD];
	size_t length;

	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
		length = put_field(bytes, field->id, content, some_text(message, field, content));
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		length = put_field(bytes, field->id, none, 0);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		length = wire_varint_put(bytes, wire_tag(field->id, WIRE_FIXED32));
		memset(bytes + length, (int)some_number(message), 4);
		length += 4;
		break;
	default:
		length = put_number(bytes, field->id, some_number(message));
	}
	splice(message, spot->parent, spot->begin, 0, bytes, length);
}

static void
change_one(struct message *message)
{
	const struct spot *spot = &message->spots[pick(message, (size_t)message->count)];

	switch (pick(message, 8)) {
	case 0:
		remove_field(message, spot);
		break;
	case 1:
		copy_field(message, spot, message->bytes);
		break;
	case 2:
		make_field(message, spot);
		break;
	default:
		if (spot->kind == WIRE_BYTES)
			change_text(message, spot);
		else if (spot->kind == WIRE_SCALAR)
			change_number(message, spot);
		else
			copy_field(message, spot, message->bytes);
	}
}

/* --- what libFuzzer calls --------------------------------------------------------------- */

static struct message
open_message(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct message message = {
		.bytes = data + fuzz_prefix_bytes,
		.size = size - fuzz_prefix_bytes,
		.max = max_size - fuzz_prefix_bytes,
		.spots = calloc(SPOTS, sizeof *message.spots),
		.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1,
	};

	MUST(message.spots);
	(void)pick(&message, 2);
	find_spots(&message);
	return message;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct message message;

	if (size <= fuzz_prefix_bytes || seed % 8 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	message = open_message(data, size, max_size, seed);
	if (seed % 8 == 1 || message.count == 0)
		(void)LLVMFuzzerMutate(data, fuzz_prefix_bytes, fuzz_prefix_bytes);
	for (uint32_t changes = 1 + pick(&message, 4); changes && message.count; changes--) {
		change_one(&message);
		find_spots(&message);
	}
	free(message.spots);
	return message.size + fuzz_prefix_bytes;
}

/* The first one, with a field of the second. */
size_t
LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2, size_t size2,
			  uint8_t *out, size_t max_size, unsigned seed)
{
	uint8_t *other;
	struct message to, from;

	if (size1 <= fuzz_prefix_bytes || size2 <= fuzz_prefix_bytes || size1 > max_size)
		return 0;
	other = malloc(size2);
	MUST(other);
	memcpy(other, data2, size2);
	memcpy(out, data1, size1);
	to = open_message(out, size1, max_size, seed);
	from = open_message(other, size2, size2, seed);
	for (uint32_t changes = 1 + pick(&to, 3); changes && to.count && from.count; changes--) {
		copy_field(&to, &from.spots[pick(&to, (size_t)from.count)], from.bytes);
		find_spots(&to);
	}
	free(to.spots);
	free(from.spots);
	free(other);
	return to.size + fuzz_prefix_bytes;
}
