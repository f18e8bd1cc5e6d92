#include "proto/check.h"
#include "proto/model_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- memory for the tree ------------------------------------------------------------
 *
 * Small parts come from the arena and go with it. Big ones are blocks of their
 * own, because protobuf-c asks for big ones that it frees again: its notes on
 * the fields of a message, 40 bytes each. An address that is 8 modulo 16 tells a
 * block from what the arena gave (the arena aligns to 16). */

enum { LARGE_BYTES = 1024, TREE_BYTES_PER_MESSAGE_BYTE = 4 };

struct large_block {
	struct large_block *next;
	struct large_block **link; /* that points here */
	uint64_t size;
	unsigned char bytes[];
};

_Static_assert(sizeof(struct large_block) % 16 == 8, "a block can be told by its address");
_Static_assert(_Alignof(max_align_t) == 16, "and what is no block as well");

struct tree_memory {
	struct onnx_model *model;
	uint64_t left; /* how much more the tree may take */
	bool over;     /* it wanted more */
};

static void *
large_alloc(struct onnx_model *model, size_t size)
{
	struct large_block *block = malloc(sizeof *block + size);

	if (!block)
		return NULL;
	*block = (struct large_block){ model->large, &model->large, size };
	if (block->next)
		block->next->link = &block->next;
	model->large = block;
	return block->bytes;
}

static void *
tree_alloc(void *context, size_t size)
{
	struct tree_memory *memory = context;
	void *at;

	if (size > memory->left) {
		memory->over = true;
		return NULL;
	}
	at = size > LARGE_BYTES ? large_alloc(memory->model, size)
				: arena_alloc(&memory->model->arena, 1, size);
	if (at)
		memory->left -= size;
	return at;
}

static void
tree_free(void *context, void *at)
{
	struct tree_memory *memory = context;
	struct large_block *block;

	if ((uintptr_t)at % 16 != 8)
		return; /* NULL, or the arena's */
	block = (struct large_block *)(void *)((unsigned char *)at - sizeof *block);
	memory->left += block->size;
	*block->link = block->next;
	if (block->next)
		block->next->link = block->link;
	free(block);
}

static void
large_free_all(struct onnx_model *model)
{
	while (model->large) {
		struct large_block *next = model->large->next;

		free(model->large);
		model->large = next;
	}
}

/* --- the model ------------------------------------------------------------------------ */

static snnfit_status
unpack(struct onnx_model *model, snnfit_error *err)
{
	const struct onnx_source *source = model->source;
	struct tree_memory memory = {
		.model = model,
		.left = source->limits.message_bytes * TREE_BYTES_PER_MESSAGE_BYTE,
	};
	ProtobufCAllocator allocator = { tree_alloc, tree_free, &memory };
	uint64_t most = memory.left;

	model->proto = onnx__model_proto__unpack(&allocator, source->stripped_length,
						 source->stripped);
	if (model->proto)
		return SNNFIT_OK;
	if (memory.over)
		return error_set(err, SNNFIT_ELIMIT,
				 "the model without its tensor data needs more than %" PRIu64
				 " bytes of memory; raise the limit (--max-message-bytes) if it is "
				 "to be trusted",
				 most);
	return error_no_memory(err);
}

static snnfit_status
copy_payload_table(struct onnx_model *model, snnfit_error *err)
{
	const struct onnx_source *source = model->source;
	size_t count = source->payload_count;

	model->payloads = arena_copy(&model->arena, source->payloads, count,
				     sizeof *model->payloads);
	model->cursor = arena_zalloc(&model->arena, 1, sizeof *model->cursor);
	if (!model->payloads || !model->cursor)
		return error_no_memory(err);
	model->payload_count = model->payload_capacity = count;
	return SNNFIT_OK;
}

/* Takes over the reference to the source, also on failure. */
static snnfit_status
model_of(struct onnx_model **out, struct onnx_source *source, bool fresh, snnfit_error *err)
{
	struct onnx_model *model = calloc(1, sizeof *model);
	snnfit_status status;

	if (!model) {
		source_release(source);
		return error_no_memory(err);
	}
	model->source = source;
	status = unpack(model, err);
	if (status == SNNFIT_OK && fresh)
		status = source_resolve_external(source, model->proto, err);
	if (status == SNNFIT_OK)
		status = copy_payload_table(model, err);
	if (status == SNNFIT_OK)
		*out = model;
	else
		onnx_model_free(model);
	return status;
}

static snnfit_status
check_is_model(const struct onnx_model *model, snnfit_error *err)
{
	if (model->proto->graph)
		return SNNFIT_OK;
	return error_set(err, SNNFIT_EFORMAT, "not an ONNX model: it has no graph");
}

/* What both ways of reading do once the bytes are at hand. */
static snnfit_status
finish_reading(struct onnx_model **out, struct onnx_source *source, snnfit_status status,
	       snnfit_error *err)
{
	if (status == SNNFIT_OK)
		status = source_strip(source, err);
	if (status != SNNFIT_OK) {
		source_release(source);
		return status;
	}
	status = model_of(out, source, true, err);
	if (status == SNNFIT_OK)
		status = check_is_model(*out, err);
	if (status != SNNFIT_OK) {
		onnx_model_free(*out);
		*out = NULL;
	}
	return status;
}

snnfit_status
onnx_model_decode(struct onnx_model **out, const char *path, const struct onnx_limits *limits,
		  snnfit_error *err)
{
	struct onnx_source *source;
	snnfit_status status;

	*out = NULL;
	status = source_new(&source, limits, err);
	if (status != SNNFIT_OK)
		return status;
	return finish_reading(out, source, source_open(source, path, err), err);
}

snnfit_status
onnx_model_decode_bytes(struct onnx_model **out, const void *bytes, size_t length,
			const char *folder, const struct onnx_limits *limits, snnfit_error *err)
{
	struct onnx_source *source;
	snnfit_status status;

	*out = NULL;
	status = source_new(&source, limits, err);
	if (status != SNNFIT_OK)
		return status;
	return finish_reading(out, source, source_copy_bytes(source, bytes, length, folder, err),
			      err);
}

/* Decoding went well, or not. */
static snnfit_status
finish_checking(struct onnx_model **out, snnfit_status status, snnfit_error *err)
{
	if (status != SNNFIT_OK)
		return status;
	status = onnx_model_check(*out, err);
	if (status != SNNFIT_OK) {
		onnx_model_free(*out);
		*out = NULL;
	}
	return status;
}

snnfit_status
onnx_model_read(struct onnx_model **out, const char *path, const struct onnx_limits *limits,
		snnfit_error *err)
{
	return finish_checking(out, onnx_model_decode(out, path, limits, err), err);
}

snnfit_status
onnx_model_read_bytes(struct onnx_model **out, const void *bytes, size_t length, const char *folder,
		      const struct onnx_limits *limits, snnfit_error *err)
{
	return finish_checking(
		out, onnx_model_decode_bytes(out, bytes, length, folder, limits, err), err);
}

const struct onnx_limits *
onnx_model_limits(const struct onnx_model *model)
{
	return &model->source->limits;
}

snnfit_status
onnx_model_new(struct onnx_model **out, snnfit_error *err)
{
	struct onnx_source *source;
	snnfit_status status;

	*out = NULL;
	status = source_new(&source, NULL, err);
	if (status != SNNFIT_OK)
		return status;
	return model_of(out, source, true, err);
}

snnfit_status
onnx_model_clone(struct onnx_model **out, const struct onnx_model *model, snnfit_error *err)
{
	*out = NULL;
	source_hold(model->source);
	return model_of(out, model->source, false, err);
}

void
onnx_model_free(struct onnx_model *model)
{
	if (!model)
		return;
	large_free_all(model);
	arena_free(&model->arena);
	source_release(model->source);
	free(model);
}

Onnx__ModelProto *
onnx_model_proto(const struct onnx_model *model)
{
	return model->proto;
}

struct arena *
onnx_model_arena(struct onnx_model *model)
{
	return &model->arena;
}

bool
onnx_model_has_external_data(const struct onnx_model *model)
{
	return model->source->has_external_data;
}

snnfit_status
model_add_payload(struct onnx_model *model, const struct payload *payload, uint32_t *index,
		  snnfit_error *err)
{
	size_t count = model->payload_count;

	if (count >= UINT32_MAX)
		return error_set(err, SNNFIT_ELIMIT, "too many tensors");
	if (!arena_grow(&model->arena, &model->payloads, count, &model->payload_capacity,
			sizeof *model->payloads))
		return error_no_memory(err);
	model->payloads[count] = *payload;
	model->payload_count = count + 1;
	*index = (uint32_t)count;
	return SNNFIT_OK;
}
