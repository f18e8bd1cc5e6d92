#include "data/zip.h"

#include <stdlib.h>
#include <string.h>

/* Section numbers are those of PKWARE's APPNOTE 6.3. */
enum {
	END_BYTES = 22, /* 4.3.16 end of central directory */
	END_COMMENT_MAX = 65535,
	LOCATOR64_BYTES = 20, /* 4.3.15 */
	END64_BYTES = 56,     /* 4.3.14 */
	CENTRAL_BYTES = 46,   /* 4.3.12 */
	LOCAL_BYTES = 30,     /* 4.3.7 */
	FLAG_ENCRYPTED = 1,
	EXTRA_ZIP64 = 1,
};
#define SIGNATURE_END 0x06054b50u
#define SIGNATURE_END64 0x06064b50u
#define SIGNATURE_LOCATOR64 0x07064b50u
#define SIGNATURE_CENTRAL 0x02014b50u
#define SIGNATURE_LOCAL 0x04034b50u

struct directory {
	uint64_t offset, bytes, count;
};

static uint16_t
u16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t
u32(const uint8_t *at)
{
	return u16(at) | (uint32_t)u16(at + 2) << 16;
}

static uint64_t
u64(const uint8_t *at)
{
	return u32(at) | (uint64_t)u32(at + 4) << 32;
}

static snnfit_status
damaged(const struct byte_source *source, const char *problem, snnfit_error *err)
{
	return error_set(err, SNNFIT_EDATA, "%s: damaged zip file: %s", source->name, problem);
}

/* --- the directory ------------------------------------------------------ */

/* The last END record whose comment reaches to the end of the file. */
static snnfit_status
find_end(const struct byte_source *source, uint8_t *end, uint64_t *end_at, snnfit_error *err)
{
	size_t length = END_BYTES + END_COMMENT_MAX, at;
	snnfit_status status;
	uint8_t *tail;
	bool found = false;

	if (source->size < END_BYTES)
		return damaged(source, "it is too short", err);
	if (length > source->size)
		length = (size_t)source->size;
	tail = malloc(length);
	if (!tail)
		return error_no_memory(err);
	status = byte_source_read(source, source->size - length, tail, length, err);
	for (at = length - END_BYTES + 1; status == SNNFIT_OK && !found && at-- > 0;) {
		found = u32(tail + at) == SIGNATURE_END &&
			at + END_BYTES + u16(tail + at + 20) == length;
		if (found)
			memcpy(end, tail + at, END_BYTES);
	}
	free(tail);
	*end_at = source->size - length + at;
	if (status == SNNFIT_OK && !found)
		return damaged(source, "its directory is missing (was it cut off?)", err);
	return status;
}

static snnfit_status
read_end64(const struct byte_source *source, uint64_t at, struct directory *out, snnfit_error *err)
{
	uint8_t record[END64_BYTES];
	snnfit_status status;

	if (source->size < END64_BYTES || at > source->size - END64_BYTES)
		return damaged(source, "its zip64 record lies outside the file", err);
	status = byte_source_read(source, at, record, sizeof record, err);
	if (status != SNNFIT_OK)
		return status;
	if (u32(record) != SIGNATURE_END64)
		return damaged(source, "its zip64 record is missing", err);
	if (u32(record + 16) != 0 || u32(record + 20) != 0)
		return damaged(source, "it is one of several parts", err);
	out->count = u64(record + 32);
	out->bytes = u64(record + 40);
	out->offset = u64(record + 48);
	return SNNFIT_OK;
}

/* Zip64 records are looked for only where the old fields say that they overflow. */
static snnfit_status
read_end(const struct byte_source *source, struct directory *out, snnfit_error *err)
{
	uint8_t end[END_BYTES] = { 0 }, locator[LOCATOR64_BYTES];
	snnfit_status status;
	uint64_t end_at = 0;

	status = find_end(source, end, &end_at, err);
	if (status != SNNFIT_OK)
		return status;
	*out = (struct directory){ u32(end + 16), u32(end + 12), u16(end + 10) };
	if (out->offset != UINT32_MAX && out->bytes != UINT32_MAX && out->count != UINT16_MAX) {
		if (u16(end + 4) != 0 || u16(end + 6) != 0)
			return damaged(source, "it is one of several parts", err);
		return SNNFIT_OK;
	}
	if (end_at < LOCATOR64_BYTES)
		return damaged(source, "its zip64 record is missing", err);
	status = byte_source_read(source, end_at - LOCATOR64_BYTES, locator, sizeof locator, err);
	if (status != SNNFIT_OK)
		return status;
	if (u32(locator) != SIGNATURE_LOCATOR64) /* exactly 65535 members, no zip64 */
		return SNNFIT_OK;
	return read_end64(source, u64(locator + 8), out, err);
}

/* Fields that did not fit into 32 bits stand in an extra field, in this order. */
static bool
read_extra64(const uint8_t *extra, size_t length, struct zip_member *member)
{
	uint64_t *fields[3] = { &member->size, &member->packed, &member->offset };
	const uint8_t *at, *end;
	size_t size, i;

	for (; length >= 4; extra += size + 4, length -= size + 4) {
		size = u16(extra + 2);
		if (size > length - 4)
			return false;
		if (u16(extra) != EXTRA_ZIP64)
			continue;
		at = extra + 4;
		end = at + size;
		for (i = 0; i < 3; i++) {
			if (*fields[i] != UINT32_MAX)
				continue;
			if (end - at < 8)
				return false;
			*fields[i] = u64(at);
			at += 8;
		}
		return true;
	}
	return true;
}

/* One entry at *at; moves it on. */
static snnfit_status
read_central(const struct byte_source *source, const uint8_t **at, const uint8_t *end,
	     struct arena *arena, struct zip_member *out, snnfit_error *err)
{
	const uint8_t *entry = *at;
	size_t name, extra, comment;
	char *copy;

	if (end - entry < CENTRAL_BYTES || u32(entry) != SIGNATURE_CENTRAL)
		return damaged(source, "its directory ends early", err);
	name = u16(entry + 28);
	extra = u16(entry + 30);
	comment = u16(entry + 32);
	if ((size_t)(end - entry) - CENTRAL_BYTES < name + extra + comment)
		return damaged(source, "a directory entry is longer than the directory", err);
	*at = entry + CENTRAL_BYTES + name + extra + comment;
	if (memchr(entry + CENTRAL_BYTES, '\0', name))
		return damaged(source, "a member's name holds a NUL", err);
	copy = arena_zalloc(arena, name + 1, 1);
	if (!copy)
		return error_no_memory(err);
	memcpy(copy, entry + CENTRAL_BYTES, name);
	*out = (struct zip_member){ copy,
				    u32(entry + 42),
				    u32(entry + 20),
				    u32(entry + 24),
				    u32(entry + 16),
				    u16(entry + 10),
				    u16(entry + 8) };
	if (!read_extra64(entry + CENTRAL_BYTES + name, extra, out))
		return damaged(source, "a zip64 field ends early", err);
	return SNNFIT_OK;
}

static snnfit_status
read_members(const struct byte_source *source, const struct directory *directory,
	     const uint8_t *bytes, struct arena *arena, struct zip_member *members,
	     snnfit_error *err)
{
	const uint8_t *at = bytes, *end = bytes + directory->bytes;
	snnfit_status status;
	uint64_t i;

	for (i = 0; i < directory->count; i++) {
		status = read_central(source, &at, end, arena, &members[i], err);
		if (status != SNNFIT_OK)
			return status;
	}
	return SNNFIT_OK;
}

snnfit_status
zip_directory(const struct byte_source *source, uint64_t directory_max, struct arena *arena,
	      struct zip_member **members, size_t *count, snnfit_error *err)
{
	struct directory directory;
	snnfit_status status;
	uint8_t *bytes;

	status = read_end(source, &directory, err);
	if (status != SNNFIT_OK)
		return status;
	if (directory.offset > source->size || directory.bytes > source->size - directory.offset)
		return damaged(source, "its directory lies outside the file", err);
	if (directory.bytes > directory_max)
		return error_set(err, SNNFIT_ELIMIT,
				 "%s: the zip directory has %llu bytes, over the limit of %llu",
				 source->name, (unsigned long long)directory.bytes,
				 (unsigned long long)directory_max);
	if (directory.count > directory.bytes / CENTRAL_BYTES)
		return damaged(source, "its directory ends early", err);
	*count = (size_t)directory.count;
	*members = arena_zalloc(arena, *count, sizeof **members);
	bytes = malloc((size_t)directory.bytes + 1);
	if (!*members || !bytes)
		status = error_no_memory(err);
	else
		status = byte_source_read(source, directory.offset, bytes, (size_t)directory.bytes,
					  err);
	if (status == SNNFIT_OK)
		status = read_members(source, &directory, bytes, arena, *members, err);
	free(bytes);
	return status;
}

/* --- one member --------------------------------------------------------- */

static snnfit_status
stream_broken(const struct zip_stream *stream, const char *problem, snnfit_error *err)
{
	return error_set(err, SNNFIT_EDATA, "%s: %s", stream->what, problem);
}

/* The local header repeats the central one, but its extra field may differ. */
static snnfit_status
find_data(struct zip_stream *stream, const struct zip_member *member, snnfit_error *err)
{
	const struct byte_source *source = stream->source;
	uint8_t local[LOCAL_BYTES];
	snnfit_status status;
	uint64_t room;

	if (source->size < LOCAL_BYTES || member->offset > source->size - LOCAL_BYTES)
		return stream_broken(stream, "lies outside its zip file", err);
	status = byte_source_read(source, member->offset, local, sizeof local, err);
	if (status != SNNFIT_OK)
		return status;
	if (u32(local) != SIGNATURE_LOCAL)
		return stream_broken(stream, "is not where the zip directory says", err);
	stream->at = member->offset + LOCAL_BYTES;
	room = source->size - stream->at;
	if (room < (uint64_t)u16(local + 26) + u16(local + 28))
		return stream_broken(stream, "lies outside its zip file", err);
	stream->at += (uint64_t)u16(local + 26) + u16(local + 28);
	if (source->size - stream->at < member->packed)
		return stream_broken(stream, "reaches beyond the end of its zip file", err);
	return SNNFIT_OK;
}

static snnfit_status
start_inflating(struct zip_stream *stream, snnfit_error *err)
{
	stream->input = malloc(ZIP_BUFFER_BYTES);
	if (!stream->input)
		return error_no_memory(err);
	/* negative: a raw deflate stream, without zlib's header */
	if (inflateInit2(&stream->inflater, -MAX_WBITS) != Z_OK)
		return error_no_memory(err);
	stream->inflating = true;
	return SNNFIT_OK;
}

snnfit_status
zip_stream_open(struct zip_stream *stream, const struct byte_source *source,
		const struct zip_member *member, const char *what, snnfit_error *err)
{
	snnfit_status status;

	*stream = (struct zip_stream){
		.source = source,
		.what = what,
		.packed_left = member->packed,
		.left = member->size,
		.crc = (uint32_t)crc32(0, NULL, 0),
		.crc_expected = member->crc,
	};
	if (member->flags & FLAG_ENCRYPTED)
		return stream_broken(stream, "is encrypted: save it without a password", err);
	if (member->method != ZIP_STORED && member->method != ZIP_DEFLATED)
		return stream_broken(stream,
				     "is compressed by a method that .npz does not use: "
				     "save it with numpy.savez or savez_compressed",
				     err);
	if (member->method == ZIP_STORED && member->packed != member->size)
		return stream_broken(stream, "is stored, but its two sizes differ", err);
	status = find_data(stream, member, err);
	if (status == SNNFIT_OK && member->method == ZIP_DEFLATED)
		status = start_inflating(stream, err);
	return status;
}

static snnfit_status
refill(struct zip_stream *stream, snnfit_error *err)
{
	size_t length = ZIP_BUFFER_BYTES;
	snnfit_status status;

	if (length > stream->packed_left)
		length = (size_t)stream->packed_left;
	status = byte_source_read(stream->source, stream->at, stream->input, length, err);
	stream->at += length;
	stream->packed_left -= length;
	stream->inflater.next_in = stream->input;
	stream->inflater.avail_in = (uInt)length;
	return status;
}

static snnfit_status
inflate_bytes(struct zip_stream *stream, uint8_t *out, size_t length, snnfit_error *err)
{
	z_stream *inflater = &stream->inflater;
	snnfit_status status;
	int result;

	inflater->next_out = out;
	inflater->avail_out = (uInt)length;
	while (inflater->avail_out > 0) {
		if (inflater->avail_in == 0 && stream->packed_left > 0) {
			status = refill(stream, err);
			if (status != SNNFIT_OK)
				return status;
		}
		result = inflate(inflater, Z_NO_FLUSH);
		if (result == Z_MEM_ERROR)
			return error_no_memory(err);
		if (result == Z_OK || (result == Z_STREAM_END && inflater->avail_out == 0))
			continue;
		return stream_broken(stream, "its compressed data are damaged or end early", err);
	}
	return SNNFIT_OK;
}

/* At most ZIP_BUFFER_BYTES. */
static snnfit_status
read_piece(struct zip_stream *stream, uint8_t *out, size_t length, snnfit_error *err)
{
	snnfit_status status;

	if (stream->inflating) {
		status = inflate_bytes(stream, out, length, err);
	} else {
		status = byte_source_read(stream->source, stream->at, out, length, err);
		stream->at += length;
	}
	if (status == SNNFIT_OK)
		stream->crc = (uint32_t)crc32(stream->crc, out, (uInt)length);
	return status;
}

snnfit_status
zip_stream_read(struct zip_stream *stream, void *out, size_t length, snnfit_error *err)
{
	snnfit_status status;
	uint8_t *at = out;
	size_t piece;

	if (length > stream->left)
		return stream_broken(stream, "ends early", err);
	stream->left -= length;
	for (; length > 0; at += piece, length -= piece) {
		piece = length < ZIP_BUFFER_BYTES ? length : ZIP_BUFFER_BYTES;
		status = read_piece(stream, at, piece, err);
		if (status != SNNFIT_OK)
			return status;
	}
	if (stream->left == 0 && stream->crc != stream->crc_expected)
		return stream_broken(stream, "its checksum is wrong: the file is damaged", err);
	return SNNFIT_OK;
}

void
zip_stream_close(struct zip_stream *stream)
{
	if (stream->inflating)
		(void)inflateEnd(&stream->inflater);
	free(stream->input);
	*stream = (struct zip_stream){ 0 };
}
