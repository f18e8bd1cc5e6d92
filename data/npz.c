#include "data/npz.h"

#include "core/file.h"
#include "core/map.h"
#include "data/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct npz_limits npz_limits_default = {
	.members = 65536,
	.directory = UINT64_C(16) << 20,
	.array_bytes = UINT64_C(64) << 30,
};

struct array {
	const char *name; /* without .npy */
	const char *what; /* for messages: path and name */
	struct zip_member member;
};

struct npz {
	struct arena arena;
	struct npz_limits limits;
	struct byte_source source;
	struct array *arrays;
	size_t count;
	bool single;
	struct npy_header header; /* of the array being read */
	uint64_t left;		  /* elements of it still to come */
	struct zip_stream stream; /* of an .npz */
	uint64_t at;		  /* in a .npy */
	uint8_t *buffer;	  /* [ZIP_BUFFER_BYTES] */
};

/* --- the file ----------------------------------------------------------- */

static snnfit_status
open_source(struct npz *npz, const char *path, snnfit_error *err)
{
	struct stat about;

	npz->source.name = arena_strdup(&npz->arena, path);
	if (!npz->source.name)
		return error_no_memory(err);
	npz->source.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (npz->source.fd < 0 || fstat(npz->source.fd, &about) != 0)
		return error_set(err, SNNFIT_EIO, "%s: cannot open: %s", path, strerror(errno));
	if (!S_ISREG(about.st_mode))
		return error_set(err, SNNFIT_EIO, "%s: not a regular file", path);
	npz->source.size = (uint64_t)about.st_size;
	return SNNFIT_OK;
}

bool
npz_recognizes(const void *bytes, size_t length)
{
	static const char *const beginnings[] = { "\x93NUMPY", "PK\x03\x04", "PK\x05\x06" };
	size_t i;

	for (i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
		if (length >= strlen(beginnings[i]) &&
		    !memcmp(bytes, beginnings[i], strlen(beginnings[i])))
			return true;
	return false;
}

static bool
ends_in_npy(const char *name)
{
	size_t length = strlen(name);

	return length > 4 && !strcmp(name + length - 4, ".npy");
}

static snnfit_status
add_array(struct npz *npz, const struct zip_member *member, struct map *names, snnfit_error *err)
{
	struct array *array = &npz->arrays[npz->count];
	char *name;

	if (!ends_in_npy(member->name))
		return SNNFIT_OK;
	name = arena_strdup(&npz->arena, member->name);
	if (!name)
		return error_no_memory(err);
	name[strlen(name) - 4] = '\0';
	if (map_get(names, name) != MAP_NONE)
		return error_set(err, SNNFIT_EDATA, "%s: holds two arrays named \"%.200s\"",
				 npz->source.name, name);
	array->what = arena_printf(&npz->arena, "%s: array \"%.200s\"", npz->source.name, name);
	if (!array->what || !map_set(names, name, 0))
		return error_no_memory(err);
	array->name = name;
	array->member = *member;
	npz->count++;
	return SNNFIT_OK;
}

static snnfit_status
list_arrays(struct npz *npz, snnfit_error *err)
{
	struct zip_member *members = NULL;
	struct map names;
	size_t count = 0, i;
	snnfit_status status;

	map_init(&names, &npz->arena);
	status = zip_directory(&npz->source, npz->limits.directory, &npz->arena, &members, &count,
			       err);
	if (status != SNNFIT_OK)
		return status;
	if (count > npz->limits.members)
		return error_set(err, SNNFIT_ELIMIT, "%s: holds %zu arrays, over the limit of %llu",
				 npz->source.name, count, (unsigned long long)npz->limits.members);
	npz->arrays = arena_zalloc(&npz->arena, count, sizeof *npz->arrays);
	if (!npz->arrays)
		return error_no_memory(err);
	for (i = 0; i < count && status == SNNFIT_OK; i++)
		status = add_array(npz, &members[i], &names, err);
	return status;
}

static snnfit_status
list_single(struct npz *npz, snnfit_error *err)
{
	npz->arrays = arena_zalloc(&npz->arena, 1, sizeof *npz->arrays);
	if (!npz->arrays)
		return error_no_memory(err);
	npz->arrays->name = "";
	npz->arrays->what = npz->source.name;
	npz->arrays->member.size = npz->source.size;
	npz->count = 1;
	npz->single = true;
	return SNNFIT_OK;
}

static snnfit_status
list(struct npz *npz, snnfit_error *err)
{
	size_t length = npz->source.size < 8 ? (size_t)npz->source.size : 8;
	uint8_t start[8];
	snnfit_status status;

	status = byte_source_read(&npz->source, 0, start, length, err);
	if (status != SNNFIT_OK)
		return status;
	if (!npz_recognizes(start, length))
		return error_set(err, SNNFIT_EDATA, "%s: neither a .npy nor an .npz file",
				 npz->source.name);
	return start[0] == 'P' ? list_arrays(npz, err) : list_single(npz, err);
}

static struct npz *
new_npz(const struct npz_limits *limits)
{
	struct npz *npz = calloc(1, sizeof *npz);

	if (!npz)
		return NULL;
	npz->limits = limits ? *limits : npz_limits_default;
	npz->source.fd = -1;
	npz->buffer = malloc(ZIP_BUFFER_BYTES);
	if (!npz->buffer) {
		free(npz);
		return NULL;
	}
	return npz;
}

static snnfit_status
finish_open(struct npz **out, struct npz *npz, snnfit_status status)
{
	if (status != SNNFIT_OK) {
		npz_close(npz);
		return status;
	}
	*out = npz;
	return SNNFIT_OK;
}

snnfit_status
npz_open(struct npz **out, const char *path, const struct npz_limits *limits, snnfit_error *err)
{
	struct npz *npz = new_npz(limits);
	snnfit_status status;

	*out = NULL;
	if (!npz)
		return error_no_memory(err);
	status = open_source(npz, path, err);
	if (status == SNNFIT_OK)
		status = list(npz, err);
	return finish_open(out, npz, status);
}

snnfit_status
npz_open_bytes(struct npz **out, const void *bytes, size_t length, const char *name,
	       const struct npz_limits *limits, snnfit_error *err)
{
	struct npz *npz = new_npz(limits);
	snnfit_status status = SNNFIT_OK;

	*out = NULL;
	if (!npz)
		return error_no_memory(err);
	npz->source.name = arena_strdup(&npz->arena, name);
	if (!npz->source.name)
		status = error_no_memory(err);
	npz->source.bytes = bytes;
	npz->source.size = length;
	if (status == SNNFIT_OK)
		status = list(npz, err);
	return finish_open(out, npz, status);
}

void
npz_close(struct npz *npz)
{
	if (!npz)
		return;
	zip_stream_close(&npz->stream);
	if (npz->source.fd >= 0)
		(void)close(npz->source.fd);
	free(npz->buffer);
	arena_free(&npz->arena);
	free(npz);
}

bool
npz_is_single(const struct npz *npz)
{
	return npz->single;
}

size_t
npz_count(const struct npz *npz)
{
	return npz->count;
}

const char *
npz_name(const struct npz *npz, size_t index)
{
	return npz->arrays[index].name;
}

/* --- an array ----------------------------------------------------------- */

static snnfit_status
read_bytes(struct npz *npz, void *out, size_t length, snnfit_error *err)
{
	snnfit_status status;

	if (!npz->single)
		return zip_stream_read(&npz->stream, out, length, err);
	if (length > npz->source.size - npz->at)
		return error_set(err, SNNFIT_EDATA, "%s: ends early", npz->source.name);
	status = byte_source_read(&npz->source, npz->at, out, length, err);
	npz->at += length;
	return status;
}

/* The sizes must agree before a byte of data is unpacked: what a member may
 * unpack to is then known from its shape. */
static snnfit_status
check_size(const struct npz *npz, const struct array *array, const struct npy_header *header,
	   snnfit_error *err)
{
	uint64_t bytes;

	if (__builtin_mul_overflow(header->count, header->type.bytes, &bytes) ||
	    __builtin_add_overflow(bytes, header->bytes, &bytes) || bytes != array->member.size)
		return error_set(err, SNNFIT_EDATA,
				 "%s: has %llu bytes, which is not what its shape and type ask "
				 "for (was it cut off?)",
				 array->what, (unsigned long long)array->member.size);
	if (bytes > npz->limits.array_bytes)
		return error_set(err, SNNFIT_ELIMIT, "%s: has %llu bytes, over the limit of %llu",
				 array->what, (unsigned long long)bytes,
				 (unsigned long long)npz->limits.array_bytes);
	return SNNFIT_OK;
}

/* Headers are read in two steps: their length, then the rest. A header is at
 * most 64 KiB and 12 bytes: the buffer is that large but for the 12. */
static snnfit_status
read_header(struct npz *npz, const struct array *array, struct npy_header *out, snnfit_error *err)
{
	size_t have = 0, need = 0;
	snnfit_status status;

	for (;;) {
		status = npy_header_parse(out, npz->buffer, have, &need, array->what, err);
		if (status != SNNFIT_OK || need <= have)
			return status;
		if (need > ZIP_BUFFER_BYTES)
			return error_set(err, SNNFIT_EDATA, "%s: the .npy header is too long",
					 array->what);
		status = read_bytes(npz, npz->buffer + have, need - have, err);
		if (status != SNNFIT_OK)
			return status;
		have = need;
	}
}

snnfit_status
npz_start(struct npz *npz, size_t index, struct npy_header *header, snnfit_error *err)
{
	const struct array *array = &npz->arrays[index];
	snnfit_status status = SNNFIT_OK;

	zip_stream_close(&npz->stream);
	npz->at = 0;
	npz->left = 0;
	if (!npz->single)
		status = zip_stream_open(&npz->stream, &npz->source, &array->member, array->what,
					 err);
	if (status == SNNFIT_OK)
		status = read_header(npz, array, &npz->header, err);
	if (status == SNNFIT_OK)
		status = check_size(npz, array, &npz->header, err);
	if (status != SNNFIT_OK)
		return status;
	npz->left = npz->header.count;
	*header = npz->header;
	return SNNFIT_OK;
}

snnfit_status
npz_read(struct npz *npz, double *out, size_t count, snnfit_error *err)
{
	size_t bytes = npz->header.type.bytes, piece;
	snnfit_status status;

	if (count > npz->left)
		return error_set(err, SNNFIT_EINTERNAL, "%s: read beyond an array's end",
				 npz->source.name);
	for (npz->left -= count; count > 0; count -= piece, out += piece) {
		piece = ZIP_BUFFER_BYTES / bytes;
		if (piece > count)
			piece = count;
		status = read_bytes(npz, npz->buffer, piece * bytes, err);
		if (status != SNNFIT_OK)
			return status;
		npy_convert(&npz->header.type, npz->buffer, piece, out);
	}
	return SNNFIT_OK;
}
