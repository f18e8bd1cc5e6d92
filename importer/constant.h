/* constant.h - values of constants and of expressions of constants, computed as
 * a runtime would: in the data type of the model. */
#ifndef SNNFIT_IMPORTER_CONSTANT_H
#define SNNFIT_IMPORTER_CONSTANT_H

#include "importer/program.h"

enum { CONSTANT_RANK_MAX = 8 };

struct constant {
	int32_t type; /* of the model: Onnx__TensorProto__DataType */
	uint32_t rank;
	uint64_t dims[CONSTANT_RANK_MAX];
	uint64_t count;
	float *reals;	   /* [count] for floating types, else NULL */
	int64_t *integers; /* [count] for integers and bool, else NULL */
};

struct constants {
	struct program *program;
	struct arena *arena;
	const struct constant **values; /* [value_count]: small ones; NULL: not known */
};

/* Folds every constant of at most CONSTANT_SMALL elements. What cannot be
 * folded is simply not known. */
enum { CONSTANT_SMALL = 1 << 16 };
MUST_USE snnfit_status constants_fold(struct constants *constants, struct program *program,
				      struct arena *arena, snnfit_error *err);

/* NULL: not constant, not small, or not foldable. */
const struct constant *constant_of(const struct constants *constants, uint32_t value);
/* The only element (any rank), as a double. */
MUST_USE bool constant_scalar(const struct constants *constants, uint32_t value, double *out);

/* There is a way to compute it, by what it is made of. */
MUST_USE bool constant_is_computable(const struct constants *constants, uint32_t value);
/* Any size; memory from arena. SNNFIT_EUNSUPPORTED when it cannot be folded. */
MUST_USE snnfit_status constant_evaluate(const struct constants *constants, uint32_t value,
					 struct arena *arena, struct constant *out,
					 snnfit_error *err);

/* How many elements of an axis of `size` a Slice takes from *start until end in steps,
 * which may go down; negative numbers count from the end. *start becomes the first. */
uint64_t slice_size(int64_t *start, int64_t end, int64_t step, int64_t size);

#endif
