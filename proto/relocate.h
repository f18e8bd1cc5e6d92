/* relocate.h - for the time of writing, tensor data moves: into the message, or
 * out of it into a file of its own. The tree is as before afterwards. */
#ifndef SNNFIT_PROTO_RELOCATE_H
#define SNNFIT_PROTO_RELOCATE_H

#include "proto/model_private.h"

#include <limits.h>

struct moved_tensor {
	Onnx__TensorProto *tensor;
	Onnx__TensorProto before;
	uint64_t offset; /* in the data file */
	uint64_t length; /* of the raw form */
};

struct relocation {
	struct onnx_model *model;
	bool typed_too;
	struct arena scratch;
	struct moved_tensor *moved;
	size_t count;
	size_t capacity;
	uint64_t end;		     /* of the data file */
	char location[NAME_MAX + 1]; /* the name that all moved tensors give */
	bool was_there;		     /* the file: just the same data, written before */
};

/* External data becomes raw_data. */
MUST_USE snnfit_status relocate_inside(struct relocation *relocation, struct onnx_model *model,
				       snnfit_error *err);
/* Initializers of 1 KiB and more, and whatever was external, get a place in a data
 * file; its name is filled into location once it is known. Data in typed fields
 * goes only if typed_too: it comes back as raw_data. */
MUST_USE snnfit_status relocate_outside(struct relocation *relocation, struct onnx_model *model,
					bool typed_too, snnfit_error *err);
/* The data file. */
MUST_USE snnfit_status relocated_stream(const struct relocation *relocation, struct byte_sink *sink,
					snnfit_error *err);
/* Puts everything back; to be called whether relocating succeeded or not. */
void relocate_back(struct relocation *relocation);

#endif
