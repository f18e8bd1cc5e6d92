#include "proto/data_file.h"

#include "proto/visit.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sha256.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { HASH_DIGITS = 16, NAME_TRIES = 1000 };

/* --- writing ------------------------------------------------------------------------------- */

static void
hash_of(const struct expansion *message, char digits[HASH_DIGITS + 1])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX context;
	size_t i;

	SHA256Init(&context);
	SHA256Update(&context, message->packed, message->packed_length);
	SHA256Final(digest, &context);
	for (i = 0; i < HASH_DIGITS / 2; i++)
		(void)snprintf(digits + 2 * i, 3, "%02x", digest[i]);
}

static bool
name_data_file(struct relocation *relocation, const char *model_name, const char *hash, int count)
{
	char *location = relocation->location;
	const size_t room = sizeof relocation->location;
	int length = count ? snprintf(location, room, "%s.%s.%d.data", model_name, hash, count)
			   : snprintf(location, room, "%s.%s.data", model_name, hash);

	return length > 0 && (size_t)length < room;
}

/* One name tried: *taken when another file has it. A file with just the same
 * data is as good as ours, so writing again gives the same names again. */
static snnfit_status
try_name(struct relocation *relocation, struct file_writer *data, bool *taken, snnfit_error *err)
{
	snnfit_status status = file_writer_commit_as(data, relocation->location, taken, err);

	if (!*taken)
		return status;
	status = file_writer_equals(data, relocation->location, &relocation->was_there, err);
	*taken = status == SNNFIT_OK && !relocation->was_there;
	if (!*taken)
		file_writer_abort(data);
	return status;
}

/* Ends the writer. */
static snnfit_status
commit(struct relocation *relocation, struct file_writer *data, const char *model_name,
       const char *hash, snnfit_error *err)
{
	bool taken = true;
	snnfit_status status;
	int count;

	for (count = 0; count < NAME_TRIES; count++) {
		if (!name_data_file(relocation, model_name, hash, count))
			break;
		status = try_name(relocation, data, &taken, err);
		if (status != SNNFIT_OK)
			relocation->location[0] = '\0';
		if (!taken)
			return status;
	}
	relocation->location[0] = '\0';
	file_writer_abort(data);
	return error_set(err, SNNFIT_EIO,
			 "cannot find a name for a data file beside '%.200s'; use a shorter one",
			 model_name);
}

snnfit_status
data_file_write(struct relocation *relocation, const struct expansion *message,
		const struct file_writer *model, snnfit_error *err)
{
	char hash[HASH_DIGITS + 1];
	struct file_writer *data;
	snnfit_status status = file_writer_open_beside(&data, model, err);

	if (status != SNNFIT_OK)
		return status;
	hash_of(message, hash);
	status = file_writer_reserve(data, relocation->end, err);
	if (status == SNNFIT_OK)
		status = relocated_stream(relocation, file_writer_sink(data), err);
	if (status == SNNFIT_OK)
		return commit(relocation, data, file_writer_name(model), hash, err);
	file_writer_abort(data);
	return status;
}

/* --- the old one ----------------------------------------------------------------------------- */

static bool
is_named_after(const char *model_name, const char *location)
{
	size_t length = strlen(model_name), i;
	const char *at;

	if (strncmp(location, model_name, length) != 0 || location[length] != '.')
		return false;
	at = location + length + 1;
	for (i = 0; i < HASH_DIGITS; i++)
		if (!isdigit((unsigned char)at[i]) && (at[i] < 'a' || at[i] > 'f'))
			return false;
	at += HASH_DIGITS;
	if (*at == '.' && isdigit((unsigned char)at[1]))
		at += 1 + strspn(at + 1, "0123456789");
	return strcmp(at, ".data") == 0;
}

struct search {
	const char *model_name;
	char *location;
};

static snnfit_status
look_at(void *context, Onnx__TensorProto *tensor, const ProtobufCMessage *holder, snnfit_error *err)
{
	struct search *search = context;
	size_t i;

	(void)holder;
	(void)err;
	for (i = 0; i < tensor->n_external_data; i++) {
		const Onnx__StringStringEntryProto *entry = tensor->external_data[i];

		if (!entry->key || !entry->value || strcmp(entry->key, "location") != 0)
			continue;
		if (is_named_after(search->model_name, entry->value) &&
		    strlen(entry->value) <= NAME_MAX)
			(void)snprintf(search->location, NAME_MAX + 1, "%s", entry->value);
	}
	return SNNFIT_OK;
}

static snnfit_status
cannot_look(const char *path, snnfit_error *err)
{
	return error_set(err, SNNFIT_EIO, "cannot look at %s: %s", path, strerror(errno));
}

/* Another model than the one to be replaced may use the same data. */
static snnfit_status
is_still_needed(const struct onnx_source *source, const struct stat *replaced, int folder,
		const char *location, bool *needed, snnfit_error *err)
{
	struct stat model, data;

	*needed = false;
	if (source->file.fd >= 0 && fstat(source->file.fd, &model) != 0)
		return cannot_look(source->file.name, err);
	if (source->file.fd >= 0 && model.st_dev == replaced->st_dev &&
	    model.st_ino == replaced->st_ino)
		return SNNFIT_OK;
	if (fstatat(folder, location, &data, AT_SYMLINK_NOFOLLOW) == 0)
		*needed = source_uses_file(source, &data);
	else if (errno != ENOENT)
		return cannot_look(location, err);
	return SNNFIT_OK;
}

/* *location: "" when there is none. */
static snnfit_status
find_in(struct onnx_model *old, char *location, const struct stat *replaced,
	const struct file_writer *writer, const struct onnx_source *source, snnfit_error *err)
{
	struct search search = { file_writer_name(writer), location };
	snnfit_status status = tensors_visit(old->proto, look_at, &search, err);
	bool needed = false;

	if (status == SNNFIT_OK && location[0])
		status = is_still_needed(source, replaced, file_writer_folder(writer), location,
					 &needed, err);
	if (needed)
		location[0] = '\0';
	return status;
}

snnfit_status
data_file_find_old(char location[NAME_MAX + 1], const char *path, const struct file_writer *writer,
		   const struct onnx_source *source, snnfit_error *err)
{
	struct onnx_model *old;
	struct stat replaced;
	snnfit_status status;

	location[0] = '\0';
	if (file_writer_folder(writer) < 0)
		return SNNFIT_OK;
	if (stat(path, &replaced) != 0)
		return errno == ENOENT ? SNNFIT_OK : cannot_look(path, err);
	status = onnx_model_read(&old, path, NULL, NULL);
	if (status == SNNFIT_ENOMEM)
		return error_no_memory(err);
	if (status != SNNFIT_OK)
		return SNNFIT_OK; /* nothing of which we know what belongs to it */
	status = find_in(old, location, &replaced, writer, source, err);
	onnx_model_free(old);
	return status;
}
