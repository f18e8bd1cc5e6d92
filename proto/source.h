/* source.h - what was read: the message without its payloads, and where they lie.
 *
 * Never changes once reading is done, so that clones of a model can share it. */
#ifndef SNNFIT_PROTO_SOURCE_H
#define SNNFIT_PROTO_SOURCE_H

#include "proto/payload.h"

#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

struct onnx_source {
	atomic_uint references;
	struct arena arena; /* payload table, external files, names */
	struct onnx_limits limits;
	struct byte_source file; /* the whole message */
	uint8_t *owned;		 /* file.bytes when they are ours, else NULL */
	struct timespec changed; /* of the file, when it was opened */
	uint8_t *stripped;
	size_t stripped_length;
	struct payload *payloads;
	size_t payload_count;
	size_t payload_capacity;
	int folder; /* of external data; -1: there is none */
	bool has_external_data;
	struct external_file *external_files; /* newest first */
};

/* --- proto/source.c ---------------------------------------------------------- */

/* An empty source with one reference; limits NULL = the defaults. */
MUST_USE snnfit_status source_new(struct onnx_source **out, const struct onnx_limits *limits,
				  snnfit_error *err);
MUST_USE snnfit_status source_open(struct onnx_source *source, const char *path, snnfit_error *err);
MUST_USE snnfit_status source_copy_bytes(struct onnx_source *source, const void *bytes,
					 size_t length, const char *folder, snnfit_error *err);
void source_hold(struct onnx_source *source);
void source_release(struct onnx_source *source);
/* An error when the file is no longer what was read. */
MUST_USE snnfit_status source_unchanged(const struct onnx_source *source, snnfit_error *err);

/* --- proto/strip.c ------------------------------------------------------------- */

/* Walks the message: fills stripped, payloads and has_external_data. External
 * payloads have no source yet. */
MUST_USE snnfit_status source_strip(struct onnx_source *source, snnfit_error *err);

/* --- proto/external_read.c ----------------------------------------------------- */

/* Finds, checks and opens what the tensors of the tree keep outside. */
MUST_USE snnfit_status source_resolve_external(struct onnx_source *source, Onnx__ModelProto *proto,
					       snnfit_error *err);
/* True when data of the model lies in the file of this status. */
bool source_uses_file(const struct onnx_source *source, const struct stat *file);
/* Closes them; the memory is the source's. */
void external_files_close(struct onnx_source *source);

#endif
