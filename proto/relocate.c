#include "proto/relocate.h"

#include "proto/tensor.h"
#include "proto/visit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	EXTERNAL_MIN_BYTES = 1024,
	PAGE_BYTES = 4096, /* so that runtimes can map large tensors */
	PAGE_ALIGNED_MIN = 64 * 1024,
	SMALL_ALIGNMENT = 64,
	PIECE_BYTES = 64 * 1024,
};

/* Remembers the tensor as it is. */
static struct moved_tensor *
remember(struct relocation *relocation, Onnx__TensorProto *tensor)
{
	struct moved_tensor *moved;

	if (!arena_grow(&relocation->scratch, &relocation->moved, relocation->count,
			&relocation->capacity, sizeof *relocation->moved))
		return NULL;
	moved = &relocation->moved[relocation->count++];
	*moved = (struct moved_tensor){ .tensor = tensor, .before = *tensor };
	return moved;
}

/* A list of its own to take placeholders out of. */
static bool
own_unknown_fields(struct relocation *relocation, ProtobufCMessage *message)
{
	message->unknown_fields = arena_copy(&relocation->scratch, message->unknown_fields,
					     message->n_unknown_fields,
					     sizeof *message->unknown_fields);
	return message->unknown_fields != NULL;
}

void
relocate_back(struct relocation *relocation)
{
	size_t i;

	for (i = 0; i < relocation->count; i++)
		*relocation->moved[i].tensor = relocation->moved[i].before;
	arena_free(&relocation->scratch);
	*relocation = (struct relocation){ 0 };
}

/* --- into the message ------------------------------------------------------------------ */

static snnfit_status
move_inside(void *context, Onnx__TensorProto *tensor, const ProtobufCMessage *holder,
	    snnfit_error *err)
{
	struct relocation *relocation = context;
	struct placeholder placeholder;

	(void)holder;
	if (!placeholder_find(&tensor->base, FIELD_EXTERNAL_DATA, &placeholder, NULL))
		return SNNFIT_OK;
	if (!remember(relocation, tensor) || !own_unknown_fields(relocation, &tensor->base))
		return error_no_memory(err);
	tensor_data_clear(tensor);
	placeholder.field = FIELD_RAW_DATA;
	if (!placeholder_add(&relocation->scratch, &tensor->base, placeholder))
		return error_no_memory(err);
	return SNNFIT_OK;
}

snnfit_status
relocate_inside(struct relocation *relocation, struct onnx_model *model, snnfit_error *err)
{
	*relocation = (struct relocation){ .model = model };
	if (!model->source->has_external_data)
		return SNNFIT_OK;
	return tensors_visit(model->proto, move_inside, relocation, err);
}

/* --- out of the message ----------------------------------------------------------------- */

/* Bytes of data that should go out, 0 when they should stay: strings and what
 * is small, broken, or no initializer, unless it was outside before. */
static uint64_t
bytes_to_move(const struct relocation *relocation, const Onnx__TensorProto *tensor,
	      const ProtobufCMessage *holder)
{
	const struct onnx_model *model = relocation->model;
	struct tensor_shape shape;
	struct tensor_data data;
	uint64_t bytes;

	if (tensor_data_of(model, tensor, &data, NULL) != SNNFIT_OK)
		return 0;
	if (data.field == FIELD_EXTERNAL_DATA)
		return data.payload->length;
	if (holder->descriptor != &onnx__graph_proto__descriptor ||
	    (data.field != FIELD_RAW_DATA && !relocation->typed_too) ||
	    tensor_shape_of(model, tensor, &shape, NULL) != SNNFIT_OK ||
	    !tensor_raw_bytes(shape.type, shape.count, &bytes))
		return 0;
	return bytes >= EXTERNAL_MIN_BYTES ? bytes : 0;
}

static bool
is_place(const Onnx__StringStringEntryProto *entry)
{
	const char *key = entry->key ? entry->key : "";

	return strcmp(key, "location") == 0 || strcmp(key, "offset") == 0 ||
	       strcmp(key, "length") == 0 || strcmp(key, "checksum") == 0;
}

static Onnx__StringStringEntryProto *
entry_new(struct arena *arena, const char *key, char *value)
{
	Onnx__StringStringEntryProto *entry = arena_alloc(arena, 1, sizeof *entry);

	if (!entry)
		return NULL;
	onnx__string_string_entry_proto__init(entry);
	entry->key = arena_strdup(arena, key);
	entry->value = value;
	return entry->key && value ? entry : NULL;
}

/* Location, offset, length, and the keys that others added before. */
static bool
set_place(struct relocation *relocation, const struct moved_tensor *moved)
{
	struct arena *arena = &relocation->scratch;
	const Onnx__TensorProto *before = &moved->before;
	Onnx__StringStringEntryProto **entries;
	size_t i, count = 0;

	entries = arena_alloc(arena, before->n_external_data + 3, sizeof *entries);
	if (!entries)
		return false;
	entries[count++] = entry_new(arena, "location", relocation->location);
	entries[count++] = entry_new(arena, "offset",
				     arena_printf(arena, "%" PRIu64, moved->offset));
	entries[count++] = entry_new(arena, "length",
				     arena_printf(arena, "%" PRIu64, moved->length));
	if (!entries[0] || !entries[1] || !entries[2])
		return false;
	for (i = 0; i < before->n_external_data; i++)
		if (!is_place(before->external_data[i]))
			entries[count++] = before->external_data[i];
	moved->tensor->external_data = entries;
	moved->tensor->n_external_data = count;
	moved->tensor->has_data_location = 1;
	moved->tensor->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
	return true;
}

static bool
take_place_at_end(struct relocation *relocation, struct moved_tensor *moved, uint64_t bytes)
{
	uint64_t alignment = bytes >= PAGE_ALIGNED_MIN ? PAGE_BYTES : SMALL_ALIGNMENT;
	uint64_t padded;

	if (__builtin_add_overflow(relocation->end, alignment - 1, &padded))
		return false;
	moved->offset = padded - padded % alignment;
	moved->length = bytes;
	return !__builtin_add_overflow(moved->offset, bytes, &relocation->end) &&
	       relocation->end <= INT64_MAX;
}

static snnfit_status
move_outside(void *context, Onnx__TensorProto *tensor, const ProtobufCMessage *holder,
	     snnfit_error *err)
{
	struct relocation *relocation = context;
	uint64_t bytes = bytes_to_move(relocation, tensor, holder);
	struct moved_tensor *moved;

	if (bytes == 0)
		return SNNFIT_OK;
	moved = remember(relocation, tensor);
	if (!moved || !own_unknown_fields(relocation, &tensor->base))
		return error_no_memory(err);
	if (!take_place_at_end(relocation, moved, bytes))
		return error_set(err, SNNFIT_ELIMIT,
				 "the tensor data is more than a file can hold");
	tensor_data_clear(tensor);
	return set_place(relocation, moved) ? SNNFIT_OK : error_no_memory(err);
}

snnfit_status
relocate_outside(struct relocation *relocation, struct onnx_model *model, bool typed_too,
		 snnfit_error *err)
{
	*relocation = (struct relocation){ .model = model, .typed_too = typed_too };
	return tensors_visit(model->proto, move_outside, relocation, err);
}

/* --- the data file ------------------------------------------------------------------------ */

static snnfit_status
write_padding(struct byte_sink *sink, uint64_t length, snnfit_error *err)
{
	static const uint8_t zeros[PAGE_BYTES];

	return byte_sink_write(sink, zeros, (size_t)length, err);
}

/* Typed fields become raw on the way. */
static snnfit_status
write_converted(const struct onnx_model *model, const struct moved_tensor *moved,
		struct byte_sink *sink, snnfit_error *err)
{
	uint8_t *piece = malloc(PIECE_BYTES);
	snnfit_status status = piece ? SNNFIT_OK : error_no_memory(err);
	uint64_t at, bytes;

	for (at = 0; at < moved->length && status == SNNFIT_OK; at += bytes) {
		bytes = moved->length - at < PIECE_BYTES ? moved->length - at : PIECE_BYTES;
		status = tensor_read_raw(model, &moved->before, at, bytes, piece, err);
		if (status == SNNFIT_OK)
			status = byte_sink_write(sink, piece, (size_t)bytes, err);
	}
	free(piece);
	return status;
}

static snnfit_status
write_tensor(const struct onnx_model *model, const struct moved_tensor *moved,
	     struct byte_sink *sink, snnfit_error *err)
{
	struct tensor_data data;
	snnfit_status status = tensor_data_of(model, &moved->before, &data, err);

	if (status != SNNFIT_OK)
		return status;
	if (data.in_payload && tensor_data_is_raw(&data, moved->before.data_type))
		return payload_stream(data.payload, sink, err);
	return write_converted(model, moved, sink, err);
}

snnfit_status
relocated_stream(const struct relocation *relocation, struct byte_sink *sink, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	uint64_t at = 0;
	size_t i;

	for (i = 0; i < relocation->count && status == SNNFIT_OK; i++) {
		const struct moved_tensor *moved = &relocation->moved[i];

		status = write_padding(sink, moved->offset - at, err);
		if (status == SNNFIT_OK)
			status = write_tensor(relocation->model, moved, sink, err);
		at = moved->offset + moved->length;
	}
	return status;
}
