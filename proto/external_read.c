/* external_read.c - tensor data in files beside the model.
 *
 * The name of such a file comes with the model and is not to be trusted: it must
 * lead to a regular file beneath the model's folder, over no symbolic link, and
 * not by a hard link either (that could be somebody else's file). */
#include "core/map.h"
#include "proto/source.h"
#include "proto/tensor.h"
#include "proto/visit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* So many stay open; the others are opened again for every access. */
enum { OPEN_FILES_MAX = 256 };

struct external_file {
	struct byte_source source; /* first: open_again gets it; named by its location */
	struct external_file *next;
	int folder;
	dev_t device;
	ino_t inode;
	struct timespec changed;
};

/* What a tensor says about its data. */
struct external_place {
	const char *location;
	uint64_t offset;
	uint64_t length;
	bool has_offset;
	bool has_length;
};

struct resolver {
	struct onnx_source *source;
	struct map by_location;
	struct external_file **files;
	size_t count;
	size_t capacity;
	struct arena scratch;
};

/* --- opening ---------------------------------------------------------------------- */

enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW };

/* The folder of that name in another, not over a link; ends the use of at. */
static int
open_component(int at, const char *name)
{
	int next = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int error = errno;
	struct stat entry;

	if (next < 0 && error == ENOTDIR && fstatat(at, name, &entry, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(entry.st_mode))
		error = ELOOP;
	(void)close(at);
	errno = error;
	return next;
}

/* For kernels before 5.6: one folder after the other, none of them a link. */
static int
open_by_components(int folder, const char *location)
{
	char name[NAME_MAX + 1];
	const char *slash;
	int at = openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC), file, error;

	for (; at >= 0 && (slash = strchr(location, '/')); location = slash + 1) {
		size_t length = (size_t)(slash - location);

		if (length >= sizeof name) {
			(void)close(at);
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(name, length ? location : ".", length ? length : 1);
		name[length ? length : 1] = '\0';
		at = open_component(at, name);
	}
	if (at < 0)
		return -1;
	file = openat(at, location, OPEN_FLAGS); /* of nothing after a slash: ENOENT */
	error = errno;
	(void)close(at);
	errno = error;
	return file;
}

static int
open_beneath(int folder, const char *location)
{
	struct open_how how = {
		.flags = OPEN_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, folder, location, &how, sizeof how);

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_by_components(folder, location);
	return (int)fd;
}

static bool
leads_upwards(const char *location)
{
	const char *at = location;

	while (*at) {
		size_t length = strcspn(at, "/");

		if (length == 2 && at[0] == '.' && at[1] == '.')
			return true;
		at += length + (at[length] == '/');
	}
	return *location == '/';
}

static int
open_again(const struct byte_source *source, snnfit_error *err)
{
	const struct external_file *file = (const struct external_file *)(const void *)source;
	int fd = open_beneath(file->folder, source->name);
	struct stat now;

	if (fd < 0) {
		error_set(err, SNNFIT_EIO, "cannot read %s: %s", source->name, strerror(errno));
		return -1;
	}
	if (fstat(fd, &now) == 0 && now.st_dev == file->device && now.st_ino == file->inode &&
	    (uint64_t)now.st_size == source->size && now.st_mtim.tv_sec == file->changed.tv_sec &&
	    now.st_mtim.tv_nsec == file->changed.tv_nsec)
		return fd;
	(void)close(fd);
	error_set(err, SNNFIT_EIO, "%s was changed by somebody else after it was checked",
		  source->name);
	return -1;
}

static snnfit_status
refuse(const Onnx__TensorProto *tensor, const char *location, const char *why, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];

	return error_set(err, SNNFIT_EFORMAT,
			 "the external data file '%.200s' of %s is refused: %s", location,
			 tensor_label(tensor, label), why);
}

static snnfit_status
open_failed(const Onnx__TensorProto *tensor, const char *location, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	int error = errno;

	if (error == ELOOP)
		return refuse(tensor, location, "it is reached over a symbolic link", err);
	if (error == EXDEV)
		return refuse(tensor, location, "it is outside the folder of the model", err);
	return error_set(err, SNNFIT_EIO, "cannot read the external data file '%.200s' of %s: %s",
			 location, tensor_label(tensor, label), strerror(error));
}

static snnfit_status
check_file(const Onnx__TensorProto *tensor, const char *location, int fd, struct stat *file,
	   snnfit_error *err)
{
	if (fstat(fd, file) != 0)
		return open_failed(tensor, location, err);
	if (!S_ISREG(file->st_mode))
		return refuse(tensor, location, "it is not a regular file", err);
	if (file->st_nlink > 1)
		return refuse(tensor, location, "it has several hard links; copy it", err);
	return SNNFIT_OK;
}

static snnfit_status
keep_file(struct resolver *resolver, const char *location, int fd, const struct stat *status,
	  struct external_file **out, snnfit_error *err)
{
	struct onnx_source *source = resolver->source;
	struct external_file *file = arena_zalloc(&source->arena, 1, sizeof *file);
	char *name = arena_strdup(&source->arena, location);
	size_t index = resolver->count;

	if (!file || !name ||
	    !arena_grow(&resolver->scratch, &resolver->files, index, &resolver->capacity,
			sizeof *resolver->files) ||
	    !map_set(&resolver->by_location, name, (uint32_t)index))
		return error_no_memory(err);
	file->source = (struct byte_source){
		.fd = index < OPEN_FILES_MAX ? fd : -1,
		.size = (uint64_t)status->st_size,
		.name = name,
		.open_file = open_again,
	};
	file->folder = source->folder;
	file->device = status->st_dev;
	file->inode = status->st_ino;
	file->changed = status->st_mtim;
	file->next = source->external_files;
	source->external_files = file;
	resolver->files[resolver->count++] = file;
	*out = file;
	return SNNFIT_OK;
}

static snnfit_status
open_file(struct resolver *resolver, const Onnx__TensorProto *tensor, const char *location,
	  struct external_file **out, snnfit_error *err)
{
	uint32_t known = map_get(&resolver->by_location, location);
	struct stat file;
	snnfit_status status;
	int fd;

	if (known != MAP_NONE) {
		*out = resolver->files[known];
		return SNNFIT_OK;
	}
	if (leads_upwards(location))
		return refuse(tensor, location, "it is outside the folder of the model", err);
	fd = open_beneath(resolver->source->folder, location);
	if (fd < 0)
		return open_failed(tensor, location, err);
	status = check_file(tensor, location, fd, &file, err);
	if (status == SNNFIT_OK)
		status = keep_file(resolver, location, fd, &file, out, err);
	if (status != SNNFIT_OK || (*out)->source.fd < 0)
		(void)close(fd);
	return status;
}

bool
source_uses_file(const struct onnx_source *source, const struct stat *file)
{
	const struct external_file *each;

	for (each = source->external_files; each; each = each->next)
		if (each->device == file->st_dev && each->inode == file->st_ino)
			return true;
	return false;
}

void
external_files_close(struct onnx_source *source)
{
	struct external_file *file;

	for (file = source->external_files; file; file = file->next)
		if (file->source.fd >= 0)
			(void)close(file->source.fd);
	source->external_files = NULL;
}

/* --- what the tensor says ------------------------------------------------------------ */

static bool
parse_number(const char *text, uint64_t *out)
{
	*out = 0;
	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(*out, 10u, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(*text - '0'), out))
			return false;
	}
	return true;
}

static bool
read_entry(struct external_place *place, const char *key, const char *value)
{
	bool *has = strcmp(key, "offset") == 0 ? &place->has_offset : &place->has_length;

	if (strcmp(key, "location") == 0) {
		if (place->location || !*value)
			return false;
		place->location = value;
		return true;
	}
	if (strcmp(key, "offset") != 0 && strcmp(key, "length") != 0)
		return true;
	if (*has || !parse_number(value, *key == 'o' ? &place->offset : &place->length))
		return false;
	*has = true;
	return true;
}

static snnfit_status
read_place(const Onnx__TensorProto *tensor, struct external_place *place, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	size_t i;

	*place = (struct external_place){ 0 };
	for (i = 0; i < tensor->n_external_data; i++) {
		const Onnx__StringStringEntryProto *entry = tensor->external_data[i];
		const char *key = entry->key ? entry->key : "";

		if (!read_entry(place, key, entry->value ? entry->value : ""))
			return error_set(err, SNNFIT_EFORMAT,
					 "the external data of %s has an empty, wrong or repeated "
					 "'%.20s'",
					 tensor_label(tensor, label), key);
	}
	if (!place->location)
		return error_set(err, SNNFIT_EFORMAT, "the external data of %s has no location",
				 tensor_label(tensor, label));
	return SNNFIT_OK;
}

/* Data inside as well, and which of the two counts? */
static bool
has_data_inside(const Onnx__TensorProto *tensor)
{
	struct placeholder found;

	return tensor->has_raw_data || tensor->n_float_data || tensor->n_int32_data ||
	       tensor->n_int64_data || tensor->n_double_data || tensor->n_uint64_data ||
	       tensor->n_string_data ||
	       placeholder_find(&tensor->base, FIELD_RAW_DATA, &found, NULL) ||
	       placeholder_find(&tensor->base, FIELD_FLOAT_DATA, &found, NULL) ||
	       placeholder_find(&tensor->base, FIELD_INT32_DATA, &found, NULL) ||
	       placeholder_find(&tensor->base, FIELD_INT64_DATA, &found, NULL) ||
	       placeholder_find(&tensor->base, FIELD_DOUBLE_DATA, &found, NULL) ||
	       placeholder_find(&tensor->base, FIELD_UINT64_DATA, &found, NULL);
}

static snnfit_status
check_range(const Onnx__TensorProto *tensor, const struct external_place *place,
	    const struct external_file *file, uint64_t need, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];

	if (place->has_length && place->length != need)
		return error_set(err, SNNFIT_EFORMAT,
				 "%s needs %llu bytes, but its external data has %llu",
				 tensor_label(tensor, label), (unsigned long long)need,
				 (unsigned long long)place->length);
	if (place->offset > file->source.size || need > file->source.size - place->offset)
		return error_set(err, SNNFIT_EFORMAT,
				 "the external data of %s passes the end of '%.200s'",
				 tensor_label(tensor, label), place->location);
	return SNNFIT_OK;
}

static snnfit_status
bytes_needed(const Onnx__TensorProto *tensor, uint64_t *bytes, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	struct tensor_shape shape;
	snnfit_status status = tensor_dims_of(tensor, &shape, err);

	if (status != SNNFIT_OK)
		return status;
	if (!tensor_raw_bytes(shape.type, shape.count, bytes))
		return error_set(err, SNNFIT_EFORMAT,
				 "%s cannot have external data: it has a type without a raw form, "
				 "or is too large",
				 tensor_label(tensor, label));
	return SNNFIT_OK;
}

static snnfit_status
resolve(void *context, Onnx__TensorProto *tensor, const ProtobufCMessage *holder, snnfit_error *err)
{
	struct resolver *resolver = context;
	char label[TENSOR_LABEL_BYTES];
	struct placeholder placeholder;
	struct external_place place;
	struct external_file *file = NULL;
	uint64_t need = 0;
	snnfit_status status;

	(void)holder;
	if (!placeholder_find(&tensor->base, FIELD_EXTERNAL_DATA, &placeholder, NULL))
		return SNNFIT_OK;
	if (resolver->source->folder < 0)
		return error_set(err, SNNFIT_EIO,
				 "%s keeps its data in another file, which cannot be found from "
				 "here; give the model as a file beside it",
				 tensor_label(tensor, label));
	if (has_data_inside(tensor))
		return error_set(err, SNNFIT_EFORMAT, "%s has data inside and outside the model",
				 tensor_label(tensor, label));
	status = read_place(tensor, &place, err);
	if (status == SNNFIT_OK)
		status = bytes_needed(tensor, &need, err);
	if (status == SNNFIT_OK)
		status = open_file(resolver, tensor, place.location, &file, err);
	if (status == SNNFIT_OK)
		status = check_range(tensor, &place, file, need, err);
	if (status == SNNFIT_OK)
		resolver->source->payloads[placeholder.index] = (struct payload){
			.source = &file->source,
			.offset = place.offset,
			.length = need,
		};
	return status;
}

snnfit_status
source_resolve_external(struct onnx_source *source, Onnx__ModelProto *proto, snnfit_error *err)
{
	struct resolver resolver = { .source = source };
	snnfit_status status;

	if (!source->has_external_data)
		return SNNFIT_OK;
	map_init(&resolver.by_location, &resolver.scratch);
	status = tensors_visit(proto, resolve, &resolver, err);
	arena_free(&resolver.scratch);
	return status;
}
