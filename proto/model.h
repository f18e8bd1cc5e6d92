/* model.h - an ONNX model as a protobuf-c tree whose big payloads stay in their file.
 *
 * Reading walks the wire format once (lengths, varints, nesting depth, counts),
 * leaves every payload over PAYLOAD_INLINE_BYTES where it lies, and hands the
 * rest to protobuf-c. Writing is the reverse: untouched payloads are copied
 * from file to file. Unknown fields, groups included, survive. */
#ifndef SNNFIT_PROTO_MODEL_H
#define SNNFIT_PROTO_MODEL_H

#include "core/arena.h"
#include "onnx.pb-c.h" /* generated from proto/onnx.proto, package onnx */

enum { PAYLOAD_INLINE_BYTES = 4096, TENSOR_RANK_MAX = 16 };

/* What a file may ask for; all of it is checked before memory is taken. */
struct onnx_limits {
	uint64_t message_bytes; /* the message without its payloads */
	uint64_t messages;	/* nodes, tensors, attributes, ... together */
	uint32_t depth;		/* of nested messages */
	uint32_t operations;	/* for readers that spell out functions, bodies and constants */
};

extern const struct onnx_limits onnx_limits_default;

struct onnx_model; /* opaque; holds the tree, its memory, and the open files */

/* Those that the model was read with. */
const struct onnx_limits *onnx_model_limits(const struct onnx_model *model);

/* limits NULL = the defaults. path "-" is standard input. *out is NULL on failure.
 * What comes out is a valid model: see proto/check.h. */
MUST_USE snnfit_status onnx_model_read(struct onnx_model **out, const char *path,
				       const struct onnx_limits *limits, snnfit_error *err);
/* The bytes are copied. External data is resolved beneath folder; NULL: refused. */
MUST_USE snnfit_status onnx_model_read_bytes(struct onnx_model **out, const void *bytes,
					     size_t length, const char *folder,
					     const struct onnx_limits *limits, snnfit_error *err);
/* The same for any well-formed message with a graph, valid model or not. */
MUST_USE snnfit_status onnx_model_decode(struct onnx_model **out, const char *path,
					 const struct onnx_limits *limits, snnfit_error *err);
MUST_USE snnfit_status onnx_model_decode_bytes(struct onnx_model **out, const void *bytes,
					       size_t length, const char *folder,
					       const struct onnx_limits *limits, snnfit_error *err);
/* An empty model to be filled in. */
MUST_USE snnfit_status onnx_model_new(struct onnx_model **out, snnfit_error *err);
/* The model as it was read, edits left out, sharing its payloads: clones are
 * cheap, and an exporter edits one. Lives on its own: either may go first. */
MUST_USE snnfit_status onnx_model_clone(struct onnx_model **out, const struct onnx_model *model,
					snnfit_error *err);
void onnx_model_free(struct onnx_model *model);

/* The tree. Whatever is hung into it must come from the model's arena. */
Onnx__ModelProto *onnx_model_proto(const struct onnx_model *model);
struct arena *onnx_model_arena(struct onnx_model *model);
/* True when a tensor of the model that was read keeps its data outside. */
bool onnx_model_has_external_data(const struct onnx_model *model);

/* Writes path whole or not at all (temporary file, fsync, rename); "-" is
 * standard output. External data as FORMATS.md section 4 says. */
MUST_USE snnfit_status onnx_model_write(struct onnx_model *model, const char *path,
					snnfit_error *err);
/* The whole serialized model in memory, malloc'd, external data made inline. */
MUST_USE snnfit_status onnx_model_write_bytes(struct onnx_model *model, void **bytes,
					      size_t *length, snnfit_error *err);

/* --- tensors ------------------------------------------------------------ */

struct tensor_shape {
	int32_t type; /* Onnx__TensorProto__DataType */
	uint32_t rank;
	uint64_t dims[TENSOR_RANK_MAX];
	uint64_t count; /* product of dims; 1 for a scalar */
};

/* Bytes an element takes in raw form; 0 for strings and unknown types. Types of
 * 4 and 2 bits are packed, low nibble first: use tensor_raw_bytes. */
size_t tensor_element_bytes(int32_t type);
/* Bytes of count elements in raw form, false on overflow or an unknown type. */
MUST_USE bool tensor_raw_bytes(int32_t type, uint64_t count, uint64_t *bytes);

/* Checks dims, type and that the payload has the size that they ask for. */
MUST_USE snnfit_status tensor_shape_of(const struct onnx_model *model,
				       const Onnx__TensorProto *tensor, struct tensor_shape *out,
				       snnfit_error *err);

/* Elements [first, first + count) converted to the C type, whatever the data
 * type (float16, bfloat16, integers, bool, packed 4 and 2 bit) and wherever the
 * payload lies (typed fields, raw_data, left in the file, external). Float to
 * int64 is refused. */
MUST_USE snnfit_status tensor_read_float(const struct onnx_model *model,
					 const Onnx__TensorProto *tensor, uint64_t first,
					 uint64_t count, float *out, snnfit_error *err);
MUST_USE snnfit_status tensor_read_int64(const struct onnx_model *model,
					 const Onnx__TensorProto *tensor, uint64_t first,
					 uint64_t count, int64_t *out, snnfit_error *err);
/* Bytes [first, first + length) of the tensor's raw_data form (little-endian),
 * also when the data stands in typed fields. */
MUST_USE snnfit_status tensor_read_raw(const struct onnx_model *model,
				       const Onnx__TensorProto *tensor, uint64_t first,
				       uint64_t length, void *out, snnfit_error *err);

/* A new tensor in the model's arena, without data. name NULL: unnamed. */
MUST_USE Onnx__TensorProto *tensor_new(struct onnx_model *model, const char *name);
/* A copy under another name, sharing the payload. */
MUST_USE Onnx__TensorProto *tensor_copy(struct onnx_model *model, const Onnx__TensorProto *tensor,
					const char *name);
/* Replaces type, dims and data; bytes (raw form) are copied. Fields that are
 * not about the data (name, doc string, unknown ones) stay. */
MUST_USE snnfit_status tensor_set_raw(struct onnx_model *model, Onnx__TensorProto *tensor,
				      const struct tensor_shape *shape, const void *bytes,
				      uint64_t length, snnfit_error *err);
/* As tensor_set_raw from floats, rounded to the tensor's type (float, double,
 * float16 or bfloat16; others are refused). */
MUST_USE snnfit_status tensor_set_float(struct onnx_model *model, Onnx__TensorProto *tensor,
					const struct tensor_shape *shape, const float *values,
					snnfit_error *err);

/* Cuts the tensor: along every dim d with keep[d] != NULL only the kept[d]
 * indices listed in keep[d] (ascending) stay. Big payloads are not read now but
 * streamed from the old place when the model is written. The lists are copied. */
MUST_USE snnfit_status tensor_cut(struct onnx_model *model, Onnx__TensorProto *tensor,
				  const uint32_t *const *keep, const uint32_t *kept,
				  snnfit_error *err);

#endif
