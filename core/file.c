#include "core/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_AHEAD_MIN = 4096, COPY_BYTES = 128 * 1024 };

static snnfit_status
read_fully(const struct byte_source *source, int fd, uint64_t offset, void *out, size_t length,
	   snnfit_error *err)
{
	uint8_t *at = out;
	ssize_t got;

	while (length > 0) {
		got = pread(fd, at, length, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, SNNFIT_EIO, "cannot read %s: %s", source->name,
					 strerror(errno));
		if (got == 0)
			return error_set(err, SNNFIT_EIO,
					 "%s became shorter while it was being read", source->name);
		at += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	return SNNFIT_OK;
}

snnfit_status
byte_source_read(const struct byte_source *source, uint64_t offset, void *out, size_t length,
		 snnfit_error *err)
{
	snnfit_status status;
	int fd = source->fd;

	if (length == 0)
		return SNNFIT_OK;
	if (offset > source->size || length > source->size - offset)
		return error_set(err, SNNFIT_EINTERNAL, "a read passes the end of %s",
				 source->name);
	if (source->bytes) {
		memcpy(out, source->bytes + offset, length);
		return SNNFIT_OK;
	}
	if (source->make)
		return source->make(source, offset, out, length, err);
	if (fd < 0)
		fd = source->open_file(source, err);
	if (fd < 0)
		return SNNFIT_EIO;
	status = read_fully(source, fd, offset, out, length, err);
	if (fd != source->fd)
		(void)close(fd);
	return status;
}

snnfit_status
byte_reader_init(struct byte_reader *reader, const struct byte_source *source, snnfit_error *err)
{
	*reader = (struct byte_reader){ .source = source, .ahead = READ_AHEAD_MIN };
	if (source->bytes || source->size == 0) {
		reader->window = source->bytes;
		reader->window_length = source->bytes ? (size_t)source->size : 0;
		return SNNFIT_OK;
	}
	reader->buffer = malloc(BYTE_READER_BYTES);
	return reader->buffer ? SNNFIT_OK : error_no_memory(err);
}

void
byte_reader_free(struct byte_reader *reader)
{
	free(reader->buffer);
	*reader = (struct byte_reader){ 0 };
}

/* How much to read at offset: what is asked for, and more while reading on. */
static size_t
read_ahead(struct byte_reader *reader, uint64_t offset, size_t length)
{
	uint64_t left = reader->source->size - offset;
	bool onwards = offset >= reader->window_at &&
		       offset <= reader->window_at + reader->window_length;
	size_t bytes;

	reader->ahead = onwards ? reader->ahead * 2 : READ_AHEAD_MIN;
	if (reader->ahead > BYTE_READER_BYTES)
		reader->ahead = BYTE_READER_BYTES;
	bytes = length > reader->ahead ? length : reader->ahead;
	return bytes > left ? (size_t)left : bytes;
}

static snnfit_status
move_window(struct byte_reader *reader, uint64_t offset, size_t length, snnfit_error *err)
{
	size_t bytes = read_ahead(reader, offset, length);
	snnfit_status status;

	reader->window = reader->buffer;
	reader->window_at = offset;
	reader->window_length = 0;
	status = byte_source_read(reader->source, offset, reader->buffer, bytes, err);
	if (status == SNNFIT_OK)
		reader->window_length = bytes;
	return status;
}

snnfit_status
byte_reader_view(struct byte_reader *reader, uint64_t offset, size_t length, const uint8_t **at,
		 size_t *available, snnfit_error *err)
{
	uint64_t left, begin;
	snnfit_status status;

	if (offset >= reader->source->size) {
		*at = NULL;
		*available = 0;
		return SNNFIT_OK;
	}
	if (length > BYTE_READER_BYTES)
		length = BYTE_READER_BYTES;
	left = reader->source->size - offset;
	if (length > left)
		length = (size_t)left;
	if (reader->buffer && (offset < reader->window_at ||
			       offset + length > reader->window_at + reader->window_length)) {
		status = move_window(reader, offset, length, err);
		if (status != SNNFIT_OK)
			return status;
	}
	begin = offset - reader->window_at;
	*at = reader->window + begin;
	*available = reader->window_length - (size_t)begin;
	return SNNFIT_OK;
}

snnfit_status
byte_sink_write(struct byte_sink *sink, const void *bytes, size_t length, snnfit_error *err)
{
	return length == 0 ? SNNFIT_OK : sink->write(sink, bytes, length, err);
}

static snnfit_status
copy_in_pieces(struct byte_sink *sink, const struct byte_source *source, uint64_t offset,
	       uint64_t length, uint8_t *piece, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;

	while (length > 0 && status == SNNFIT_OK) {
		size_t bytes = length < COPY_BYTES ? (size_t)length : COPY_BYTES;

		status = byte_source_read(source, offset, piece, bytes, err);
		if (status == SNNFIT_OK)
			status = sink->write(sink, piece, bytes, err);
		offset += bytes;
		length -= bytes;
	}
	return status;
}

snnfit_status
byte_sink_copy(struct byte_sink *sink, const struct byte_source *source, uint64_t offset,
	       uint64_t length, snnfit_error *err)
{
	snnfit_status status;
	uint8_t *piece;

	if (length == 0)
		return SNNFIT_OK;
	if (sink->copy)
		return sink->copy(sink, source, offset, length, err);
	piece = malloc(length < COPY_BYTES ? (size_t)length : COPY_BYTES);
	if (!piece)
		return error_no_memory(err);
	status = copy_in_pieces(sink, source, offset, length, piece, err);
	free(piece);
	return status;
}
