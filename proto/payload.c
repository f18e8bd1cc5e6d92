#include "proto/payload.h"

#include "proto/wire.h"

#include <string.h>

static void
put_u32(uint8_t *out, uint32_t value)
{
	int i;

	for (i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t
get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

void
placeholder_put(uint8_t content[PLACEHOLDER_BYTES], struct placeholder placeholder)
{
	put_u32(content, placeholder.field);
	put_u32(content + 4, placeholder.index);
}

struct placeholder
placeholder_get(const uint8_t content[PLACEHOLDER_BYTES])
{
	return (struct placeholder){ get_u32(content), get_u32(content + 4) };
}

/* protobuf-c keeps the length prefix with the content: one byte here. */
bool
placeholder_read(const ProtobufCMessageUnknownField *field, struct placeholder *out)
{
	if (field->tag != PLACEHOLDER_FIELD || field->len != PLACEHOLDER_BYTES + 1)
		return false;
	*out = placeholder_get(field->data + 1);
	return true;
}

bool
placeholder_find(const ProtobufCMessage *message, uint32_t field, struct placeholder *out,
		 size_t *count)
{
	struct placeholder each;
	size_t found = 0;
	unsigned i;

	for (i = 0; i < message->n_unknown_fields; i++) {
		if (!placeholder_read(&message->unknown_fields[i], &each) || each.field != field)
			continue;
		*out = each;
		found++;
	}
	if (count)
		*count = found;
	return found > 0;
}

bool
placeholder_add(struct arena *arena, ProtobufCMessage *message, struct placeholder placeholder)
{
	ProtobufCMessageUnknownField *fields;
	uint8_t *data = arena_alloc(arena, PLACEHOLDER_BYTES + 1, 1);
	unsigned count = message->n_unknown_fields;

	fields = arena_alloc(arena, (size_t)count + 1, sizeof *fields);
	if (!data || !fields)
		return false;
	data[0] = PLACEHOLDER_BYTES;
	placeholder_put(data + 1, placeholder);
	if (count)
		memcpy(fields, message->unknown_fields, count * sizeof *fields);
	fields[count] = (ProtobufCMessageUnknownField){
		.tag = PLACEHOLDER_FIELD,
		.wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
		.len = PLACEHOLDER_BYTES + 1,
		.data = data,
	};
	message->unknown_fields = fields;
	message->n_unknown_fields = count + 1;
	return true;
}

void
placeholder_remove_data(ProtobufCMessage *message)
{
	struct placeholder each;
	unsigned i, left = 0;

	for (i = 0; i < message->n_unknown_fields; i++)
		if (!placeholder_read(&message->unknown_fields[i], &each) ||
		    each.field == PAYLOAD_WHOLE_FIELD)
			message->unknown_fields[left++] = message->unknown_fields[i];
	message->n_unknown_fields = left;
}

snnfit_status
payload_read(const struct payload *payload, uint64_t offset, void *out, size_t length,
	     snnfit_error *err)
{
	if (offset > payload->length || length > payload->length - offset)
		return error_set(err, SNNFIT_EINTERNAL, "a read passes the end of a payload");
	if (payload->cut)
		return cut_read(payload, offset, out, length, err);
	return byte_source_read(payload->source, payload->offset + offset, out, length, err);
}

snnfit_status
payload_stream(const struct payload *payload, struct byte_sink *sink, snnfit_error *err)
{
	if (payload->cut)
		return cut_stream(payload, sink, err);
	return byte_sink_copy(sink, payload->source, payload->offset, payload->length, err);
}
