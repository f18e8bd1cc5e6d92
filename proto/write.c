/* write.c - a model becomes bytes or a file: whole or not at all.
 *
 * With a data file, if it has one: that gets a name which no model knows before
 * the model itself is renamed into place, so that one rename commits both. */
#include "proto/data_file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static snnfit_status
too_large(snnfit_error *err)
{
	return error_set(err, SNNFIT_ELIMIT,
			 "the model is larger than 2 GB, which one ONNX message cannot be; write "
			 "it to a file, so that its tensors can go into another one beside it");
}

/* Plans the message with whatever is outside drawn in. */
static snnfit_status
expand_inside(struct expansion *expansion, struct onnx_model *model, snnfit_error *err)
{
	struct relocation relocation;
	snnfit_status status = relocate_inside(&relocation, model, err);

	*expansion = (struct expansion){ 0 };
	if (status == SNNFIT_OK)
		status = expansion_init(expansion, model, err);
	relocate_back(&relocation);
	return status;
}

/* --- into memory ------------------------------------------------------------------------- */

struct memory_sink {
	struct byte_sink sink; /* first, so that a sink is its memory */
	uint8_t *bytes;
	size_t length;
	size_t capacity;
};

static snnfit_status
memory_write(struct byte_sink *sink, const void *bytes, size_t length, snnfit_error *err)
{
	struct memory_sink *memory = (struct memory_sink *)sink;

	if (length > memory->capacity - memory->length)
		return error_set(err, SNNFIT_EINTERNAL, "the model grew while it was written");
	memcpy(memory->bytes + memory->length, bytes, length);
	memory->length += length;
	return SNNFIT_OK;
}

static snnfit_status
stream_into_memory(const struct expansion *expansion, void **bytes, size_t *length,
		   snnfit_error *err)
{
	struct memory_sink memory = { .sink = { memory_write, NULL } };
	snnfit_status status;

	if (expansion->length > INT_MAX)
		return too_large(err);
	memory.capacity = (size_t)expansion->length;
	memory.bytes = malloc(memory.capacity ? memory.capacity : 1);
	if (!memory.bytes)
		return error_no_memory(err);
	status = expansion_stream(expansion, &memory.sink, err);
	if (status != SNNFIT_OK) {
		free(memory.bytes);
		return status;
	}
	*bytes = memory.bytes;
	*length = memory.length;
	return SNNFIT_OK;
}

snnfit_status
onnx_model_write_bytes(struct onnx_model *model, void **bytes, size_t *length, snnfit_error *err)
{
	struct expansion expansion;
	snnfit_status status = expand_inside(&expansion, model, err);

	*bytes = NULL;
	*length = 0;
	if (status == SNNFIT_OK)
		status = stream_into_memory(&expansion, bytes, length, err);
	if (status == SNNFIT_OK)
		status = source_unchanged(model->source, err);
	if (status != SNNFIT_OK) {
		free(*bytes);
		*bytes = NULL;
		*length = 0;
	}
	expansion_free(&expansion);
	return status;
}

/* --- into a file --------------------------------------------------------------------------- */

/* Ends the writer. */
static snnfit_status
write_message(const struct expansion *expansion, struct file_writer *writer, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;

	if (expansion->length > INT_MAX)
		status = too_large(err);
	if (status == SNNFIT_OK)
		status = file_writer_reserve(writer, expansion->length, err);
	if (status == SNNFIT_OK)
		status = expansion_stream(expansion, file_writer_sink(writer), err);
	if (status == SNNFIT_OK)
		status = source_unchanged(expansion->model->source, err);
	if (status == SNNFIT_OK)
		return file_writer_commit(writer, err);
	file_writer_abort(writer);
	return status;
}

/* Moves out what is in raw form; the rest only if the message is too large still. */
static snnfit_status
move_out(struct relocation *relocation, struct onnx_model *model, struct expansion *expansion,
	 snnfit_error *err)
{
	snnfit_status status = relocate_outside(relocation, model, false, err);

	if (status == SNNFIT_OK)
		status = expansion_init(expansion, model, err);
	if (status != SNNFIT_OK || expansion->length <= INT_MAX)
		return status;
	expansion_free(expansion);
	relocate_back(relocation);
	status = relocate_outside(relocation, model, true, err);
	if (status == SNNFIT_OK)
		status = expansion_init(expansion, model, err);
	return status;
}

/* Writes the data file and plans the message. The tree says where the data will
 * be, but for the name of the file: that comes from the hash of just this. */
static snnfit_status
write_data(struct relocation *relocation, struct onnx_model *model,
	   const struct file_writer *writer, struct expansion *expansion, snnfit_error *err)
{
	snnfit_status status = move_out(relocation, model, expansion, err);

	if (status != SNNFIT_OK || relocation->count == 0)
		return status;
	status = data_file_write(relocation, expansion, writer, err);
	expansion_free(expansion);
	if (status == SNNFIT_OK)
		status = expansion_init(expansion, model, err);
	return status;
}

/* Ends the writer. On failure no new data file is left; old is the name of the one that
 * nobody needs afterwards, unless the same is used again. */
static snnfit_status
write_outside(struct onnx_model *model, struct file_writer *writer, const char *old,
	      snnfit_error *err)
{
	struct relocation relocation;
	struct expansion expansion = { 0 };
	snnfit_status status = write_data(&relocation, model, writer, &expansion, err);

	file_writer_bind(writer, relocation.was_there ? "" : relocation.location,
			 strcmp(old, relocation.location) == 0 ? "" : old);
	if (status == SNNFIT_OK)
		status = write_message(&expansion, writer, err);
	else
		file_writer_abort(writer);
	relocate_back(&relocation);
	expansion_free(&expansion);
	return status;
}

/* Ends the writer. */
static snnfit_status
write_model(struct onnx_model *model, const char *path, struct file_writer *writer,
	    snnfit_error *err)
{
	char old[NAME_MAX + 1];
	bool has_folder = file_writer_folder(writer) >= 0;
	bool outside = has_folder && model->source->has_external_data;
	struct expansion expansion = { 0 };
	snnfit_status status = data_file_find_old(old, path, writer, model->source, err);

	if (status == SNNFIT_OK && !outside)
		status = expand_inside(&expansion, model, err);
	if (status != SNNFIT_OK) {
		file_writer_abort(writer);
	} else if (outside || (has_folder && expansion.length > INT_MAX)) {
		status = write_outside(model, writer, old, err);
	} else {
		file_writer_bind(writer, NULL, old);
		status = write_message(&expansion, writer, err);
	}
	expansion_free(&expansion);
	return status;
}

snnfit_status
onnx_model_write(struct onnx_model *model, const char *path, snnfit_error *err)
{
	struct file_writer *writer;
	snnfit_status status = file_writer_open(&writer, path, err);

	return status == SNNFIT_OK ? write_model(model, path, writer, err) : status;
}
