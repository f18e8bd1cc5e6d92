/* constant_private.h - between the files constant*.c. */
#ifndef SNNFIT_IMPORTER_CONSTANT_PRIVATE_H
#define SNNFIT_IMPORTER_CONSTANT_PRIVATE_H

#include "importer/constant.h"

/* Sets count by the dims. */
bool constant_count(struct constant *constant);
/* Room for the values, by type and count. */
bool constant_room(struct arena *arena, struct constant *constant);
/* A tensor of the model. *known: its values could be taken; not those of more than limit
 * elements, and of some types. */
MUST_USE snnfit_status constant_read(const struct program *program, const Onnx__TensorProto *tensor,
				     uint64_t limit, struct arena *arena, struct constant *out,
				     bool *known, snnfit_error *err);

/* Operators that work on numbers one by one, or change dims only. applies: there is
 * something to try. */
bool constant_applies(const struct operation *operation);
bool constant_apply(const struct operation *operation, const struct constant *const *operands,
		    uint32_t count, uint64_t limit, struct arena *arena, struct constant *out);

/* Of these: Reshape, Squeeze, Transpose, Unsqueeze. */
bool constant_takes_shape(const struct operation *operation);
bool constant_shaped(const struct operation *operation, const struct constant *const *operands,
		     uint32_t count, struct arena *arena, struct constant *out);

/* Operators that take pieces of tensors, or put them together: Concat,
 * ConstantOfShape, Expand, Gather, Slice, Split. Operands that are left out are NULL.
 * result: which of the operation's, 0 but for Split. */
bool constant_takes_pieces(const struct operation *operation);
bool constant_pieces(const struct program *program, const struct operation *operation,
		     uint32_t result, const struct constant *const *operands, uint32_t count,
		     uint64_t limit, struct arena *arena, struct constant *out);

/* A MatMul or Gemm of zeros, and of finite numbers. */
MUST_USE snnfit_status constant_zero_product(const struct constants *constants,
					     const struct operation *operation, uint64_t limit,
					     struct constant *out, bool *known, snnfit_error *err);

#endif
