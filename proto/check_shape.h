/* check_shape.h - what operators do to shapes that are known before anything runs.
 *
 * A rule refuses what cannot be computed whatever the model is fed, and says what
 * it knows of the first output; what it does not know it leaves open. */
#ifndef SNNFIT_PROTO_CHECK_SHAPE_H
#define SNNFIT_PROTO_CHECK_SHAPE_H

#include "proto/check_private.h"

struct shaping {
	struct checker *checker;
	const Onnx__NodeProto *node;
	int64_t version; /* of the standard operators */
	struct value_shape out;
	const Onnx__TensorProto *constant; /* that comes out; NULL: not known */
};

typedef snnfit_status shape_rule(struct shaping *shaping);

/* The shape of an input, unknown where it is left out. */
struct value_shape shape_of_input(const struct shaping *shaping, size_t index);
static inline bool
shape_is_known(const struct value_shape *shape)
{
	return shape->rank != RANK_UNKNOWN;
}
/* Room for the output's dims, all unknown; NULL when out of memory. */
MUST_USE int64_t *shape_out(struct shaping *shaping, int32_t rank);
/* "[?, 12]", in room. */
enum { SHAPE_TEXT_BYTES = 100 };
const char *shape_text(const struct value_shape *shape, char room[SHAPE_TEXT_BYTES]);
/* Sums and products stay unknown with what they are made of; on overflow, too. */
int64_t dim_times(int64_t a, int64_t b);
int64_t dim_plus(int64_t a, int64_t b);
/* False when both are known and differ. */
bool dims_agree(int64_t a, int64_t b);
/* False when no broadcasting makes one of both. */
MUST_USE bool dims_broadcast(int64_t a, int64_t b, int64_t *out);

/* NULL: the node has no attribute of that name. */
const Onnx__AttributeProto *attribute_find(const Onnx__NodeProto *node, const char *name);
int64_t attribute_int(const Onnx__NodeProto *node, const char *name, int64_t otherwise);
/* Counting from the end when negative; false: there is no such axis. */
MUST_USE bool axis_of(int64_t given, int32_t rank, int32_t *axis);
/* The numbers of an int64 list that is always the same, at most TENSOR_RANK_MAX;
 * *count -1: not known. */
MUST_USE snnfit_status numbers_of_input(const struct shaping *shaping, size_t index,
					int64_t numbers[TENSOR_RANK_MAX], int *count);

/* check_shape_weights.c */
shape_rule shape_gemm, shape_matmul, shape_conv;
/* check_shape_layout.c */
shape_rule shape_concat, shape_reshape, shape_transpose, shape_split, shape_flatten,
	shape_constant_of_shape;

#endif
