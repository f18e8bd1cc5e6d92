/* proto_bytes.h - protobuf messages written byte by byte, and files to put them in. */
#ifndef SNNFIT_TESTS_PROTO_BYTES_H
#define SNNFIT_TESTS_PROTO_BYTES_H

#include "proto/model.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bytes {
	uint8_t *at;
	size_t length;
};

static inline struct bytes
bytes_of(const void *at, size_t length)
{
	struct bytes bytes = { malloc(length ? length : 1), length };

	ck_assert_ptr_nonnull(bytes.at);
	if (length)
		memcpy(bytes.at, at, length);
	return bytes;
}

/* Appends more and frees it. */
static inline void
add(struct bytes *bytes, struct bytes more)
{
	bytes->at = realloc(bytes->at, bytes->length + more.length + 1);
	ck_assert_ptr_nonnull(bytes->at);
	if (more.length)
		memcpy(bytes->at + bytes->length, more.at, more.length);
	bytes->length += more.length;
	free(more.at);
}

static inline struct bytes
varint(uint64_t value)
{
	uint8_t out[10];
	size_t length = 0;

	for (; value >= 0x80; value >>= 7)
		out[length++] = (uint8_t)(value | 0x80);
	out[length++] = (uint8_t)value;
	return bytes_of(out, length);
}

static inline struct bytes
tag(uint32_t number, unsigned type)
{
	return varint((uint64_t)number << 3 | type);
}

static inline struct bytes
number(uint32_t field, uint64_t value)
{
	struct bytes all = tag(field, 0);

	add(&all, varint(value));
	return all;
}

/* A length-delimited field; frees content. */
static inline struct bytes
inside(uint32_t field, struct bytes content)
{
	struct bytes all = tag(field, 2);

	add(&all, varint(content.length));
	add(&all, content);
	return all;
}

static inline struct bytes
string(uint32_t field, const char *text)
{
	return inside(field, bytes_of(text, strlen(text)));
}

static inline struct bytes
join(struct bytes first, struct bytes second)
{
	add(&first, second);
	return first;
}

/* ModelProto { ir_version: 9, opset_import: 17, graph } around the graph's fields. */
static inline struct bytes
model_with(struct bytes graph_fields)
{
	struct bytes all = number(1, 9);

	add(&all, inside(7, graph_fields));
	add(&all, inside(8, number(2, 17)));
	return all;
}

/* The same with one initializer of the tensor's fields. */
static inline struct bytes
model_with_tensor(struct bytes tensor_fields)
{
	return model_with(join(string(2, "g"), inside(5, tensor_fields)));
}

/* Well-formed messages are read here, whether they are valid models or not. */
static inline snnfit_status
read_status(struct bytes bytes, struct onnx_model **model)
{
	snnfit_error err = { 0 };
	snnfit_status status = onnx_model_decode_bytes(model, bytes.at, bytes.length, NULL, NULL,
						       &err);

	if (status != SNNFIT_OK) {
		ck_assert_ptr_null(*model);
		ck_assert_int_eq(err.status, status);
		ck_assert_uint_gt(strlen(err.text), 10);
	}
	return status;
}

static inline struct onnx_model *
must_read(struct bytes bytes)
{
	struct onnx_model *model = NULL;
	snnfit_error err = { 0 };

	ck_assert_msg(onnx_model_decode_bytes(&model, bytes.at, bytes.length, NULL, NULL, &err) ==
			      SNNFIT_OK,
		      "%s", err.text);
	return model;
}

static inline struct bytes
must_write(struct onnx_model *model)
{
	struct bytes bytes;
	snnfit_error err = { 0 };
	void *at = NULL;

	ck_assert_msg(onnx_model_write_bytes(model, &at, &bytes.length, &err) == SNNFIT_OK, "%s",
		      err.text);
	bytes.at = at;
	return bytes;
}

static inline void
assert_same(struct bytes a, struct bytes b)
{
	ck_assert_uint_eq(a.length, b.length);
	ck_assert_mem_eq(a.at, b.at, a.length);
}

/* --- a folder of our own ------------------------------------------------------------- */

struct folder {
	char path[64];
};

static inline struct folder
folder_new(void)
{
	struct folder folder = { "/tmp/snnfit-test-XXXXXX" };

	ck_assert_ptr_nonnull(mkdtemp(folder.path));
	return folder;
}

static inline const char *
path_in(const struct folder *folder, const char *name, char room[512])
{
	(void)snprintf(room, 512, "%s/%s", folder->path, name);
	return room;
}

/* How many entries it has, hidden ones too. */
static inline int
folder_count(const struct folder *folder)
{
	DIR *dir = opendir(folder->path);
	int count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	(void)closedir(dir);
	return count - 2;
}

static inline void
folder_remove(const struct folder *folder)
{
	char command[128];

	(void)snprintf(command, sizeof command, "rm -rf '%s'", folder->path);
	ck_assert_int_eq(system(command), 0);
}

static inline void
file_put(const char *path, struct bytes bytes)
{
	FILE *file = fopen(path, "wb");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes.at, 1, bytes.length, file), bytes.length);
	ck_assert_int_eq(fclose(file), 0);
}

static inline void
file_put_text(const char *path, const char *text)
{
	struct bytes bytes = bytes_of(text, strlen(text));

	file_put(path, bytes);
	free(bytes.at);
}

static inline struct bytes
file_get(const char *path)
{
	struct stat status;
	struct bytes bytes;
	FILE *file = fopen(path, "rb");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fstat(fileno(file), &status), 0);
	bytes.length = (size_t)status.st_size;
	bytes.at = malloc(bytes.length + 1);
	ck_assert_uint_eq(fread(bytes.at, 1, bytes.length, file), bytes.length);
	ck_assert_int_eq(fclose(file), 0);
	return bytes;
}

#endif
