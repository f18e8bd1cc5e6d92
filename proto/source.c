#include "proto/source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 1000 }; /* protobuf-c recurses: about 1 KiB of stack a level */

/* The decoded tree takes at most four times message_bytes (proto/model.c). */
const struct onnx_limits onnx_limits_default = {
	.message_bytes = 128u << 20,
	.messages = 2u << 20,
	.depth = 100,	      /* as protobuf's own parsers */
	.operations = 500000, /* about 1 KiB each */
};

snnfit_status
source_new(struct onnx_source **out, const struct onnx_limits *limits, snnfit_error *err)
{
	struct onnx_source *source = calloc(1, sizeof *source);

	*out = source;
	if (!source)
		return error_no_memory(err);
	atomic_init(&source->references, 1);
	source->limits = limits ? *limits : onnx_limits_default;
	if (source->limits.message_bytes > INT_MAX)
		source->limits.message_bytes = INT_MAX; /* protobuf-c can do no more */
	if (source->limits.depth > DEPTH_MAX)
		source->limits.depth = DEPTH_MAX;
	source->file = (struct byte_source){ .fd = -1, .name = "the model" };
	source->folder = -1;
	return SNNFIT_OK;
}

void
source_hold(struct onnx_source *source)
{
	atomic_fetch_add(&source->references, 1);
}

void
source_release(struct onnx_source *source)
{
	if (!source || atomic_fetch_sub(&source->references, 1) != 1)
		return;
	external_files_close(source);
	if (source->file.fd >= 0)
		(void)close(source->file.fd);
	if (source->folder >= 0)
		(void)close(source->folder);
	free(source->owned);
	free(source->stripped);
	arena_free(&source->arena);
	free(source);
}

/* --- from a file ----------------------------------------------------------------- */

static snnfit_status
read_failed(const struct onnx_source *source, snnfit_error *err)
{
	return error_set(err, SNNFIT_EIO, "cannot read %s: %s", source->file.name, strerror(errno));
}

/* A file without a name to keep a stream in, on disk if we can. */
static int
open_spool(void)
{
	const char *folder = getenv("TMPDIR");
	int fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : memfd_create("snnfit-input", MFD_CLOEXEC);
}

static bool
write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t put = write(fd, bytes, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		bytes += put;
		length -= (size_t)put;
	}
	return true;
}

static bool
copy_stream(int from, int to)
{
	char piece[64 * 1024];

	for (;;) {
		ssize_t got = read(from, piece, sizeof piece);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		if (!write_all(to, piece, (size_t)got))
			return false;
	}
}

/* Reads a pipe or socket to its end, into a spool that takes its place. */
static snnfit_status
spool(struct onnx_source *source, snnfit_error *err)
{
	int stream = source->file.fd;
	bool copied;

	source->file.fd = open_spool();
	copied = source->file.fd >= 0 && copy_stream(stream, source->file.fd);
	if (!copied) {
		snnfit_status status = read_failed(source, err);

		(void)close(stream);
		return status;
	}
	(void)close(stream);
	return SNNFIT_OK;
}

static snnfit_status
open_path(struct onnx_source *source, const char *path, snnfit_error *err)
{
	if (strcmp(path, "-") == 0) {
		source->file.name = "standard input";
		source->file.fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	} else {
		source->file.name = arena_strdup(&source->arena, path);
		if (!source->file.name)
			return error_no_memory(err);
		source->file.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	}
	return source->file.fd < 0 ? read_failed(source, err) : SNNFIT_OK;
}

/* Standard input may be a file that somebody has read half of. */
static bool
can_be_read_at(const struct onnx_source *source, const struct stat *file)
{
	return S_ISREG(file->st_mode) && lseek(source->file.fd, 0, SEEK_CUR) == 0;
}

static snnfit_status
open_seekable(struct onnx_source *source, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	struct stat file;

	if (fstat(source->file.fd, &file) != 0)
		return read_failed(source, err);
	if (S_ISDIR(file.st_mode)) {
		errno = EISDIR;
		return read_failed(source, err);
	}
	if (S_ISBLK(file.st_mode) || S_ISCHR(file.st_mode))
		return error_set(err, SNNFIT_EIO, "cannot read %s: it is a device",
				 source->file.name);
	if (!can_be_read_at(source, &file)) {
		status = spool(source, err);
		if (status == SNNFIT_OK && fstat(source->file.fd, &file) != 0)
			status = read_failed(source, err);
	}
	source->file.size = (uint64_t)file.st_size;
	source->changed = file.st_mtim;
	return status;
}

/* External data lies beneath the folder of the model; a stream has none. */
static snnfit_status
open_folder(struct onnx_source *source, const char *path, snnfit_error *err)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) + 1 : 0;
	char *folder;

	if (strcmp(path, "-") == 0)
		return SNNFIT_OK;
	folder = slash ? strndup(path, length) : strdup(".");
	if (!folder)
		return error_no_memory(err);
	source->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	return SNNFIT_OK; /* without it external data is refused, if there is any */
}

snnfit_status
source_open(struct onnx_source *source, const char *path, snnfit_error *err)
{
	snnfit_status status = open_path(source, path, err);

	if (status == SNNFIT_OK)
		status = open_seekable(source, err);
	if (status == SNNFIT_OK)
		status = open_folder(source, path, err);
	if (status == SNNFIT_OK && source->file.size == 0)
		status = error_set(err, SNNFIT_EFORMAT, "not an ONNX model: the file is empty");
	return status;
}

snnfit_status
source_copy_bytes(struct onnx_source *source, const void *bytes, size_t length, const char *folder,
		  snnfit_error *err)
{
	if (length == 0)
		return error_set(err, SNNFIT_EFORMAT, "not an ONNX model: there are no bytes");
	source->owned = malloc(length);
	if (!source->owned)
		return error_no_memory(err);
	memcpy(source->owned, bytes, length);
	source->file.bytes = source->owned;
	source->file.size = length;
	if (folder)
		source->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return SNNFIT_OK;
}

snnfit_status
source_unchanged(const struct onnx_source *source, snnfit_error *err)
{
	struct stat file;

	if (source->file.fd < 0)
		return SNNFIT_OK;
	if (fstat(source->file.fd, &file) != 0)
		return read_failed(source, err);
	if ((uint64_t)file.st_size != source->file.size ||
	    file.st_mtim.tv_sec != source->changed.tv_sec ||
	    file.st_mtim.tv_nsec != source->changed.tv_nsec)
		return error_set(err, SNNFIT_EIO,
				 "%s was changed by somebody else after it was read; try again",
				 source->file.name);
	return SNNFIT_OK;
}
