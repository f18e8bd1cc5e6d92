/* tensor.h - the values that a model computes with.
 *
 * A tensor holds one array, or one for each of the samples that run side by side:
 * then it is laned, [lanes][count] in memory, while its shape stays that of one
 * sample. So a model that was exported for one sample runs on many at once,
 * whatever its shapes say. Elements of less than a byte take a byte.
 *
 * Spikes, floats that are 0 or 1, may be bits: only operators that say so in the table of
 * operators.c get them like that, and whoever looks at what a step left.
 *
 * float16 and bfloat16 are computed with as float, and rounded where a Cast says so
 * and where values leave the model, not after each operator: as onnxruntime does on
 * processors that have no such arithmetic. */
#ifndef SNNFIT_SIMULATOR_TENSOR_H
#define SNNFIT_SIMULATOR_TENSOR_H

#include "core/error.h"
#include "proto/model.h"

#include <stdbool.h>
#include <stdint.h>

enum { TENSOR_DIMS_MAX = 8 };

/* Short names of the data types that are computed with. */
enum {
	TYPE_NONE = 0,
	TYPE_FLOAT = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
	TYPE_UINT8 = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8,
	TYPE_INT8 = ONNX__TENSOR_PROTO__DATA_TYPE__INT8,
	TYPE_UINT16 = ONNX__TENSOR_PROTO__DATA_TYPE__UINT16,
	TYPE_INT16 = ONNX__TENSOR_PROTO__DATA_TYPE__INT16,
	TYPE_INT32 = ONNX__TENSOR_PROTO__DATA_TYPE__INT32,
	TYPE_INT64 = ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
	TYPE_BOOL = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL,
	TYPE_FLOAT16 = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16,
	TYPE_DOUBLE = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
	TYPE_UINT32 = ONNX__TENSOR_PROTO__DATA_TYPE__UINT32,
	TYPE_UINT64 = ONNX__TENSOR_PROTO__DATA_TYPE__UINT64,
	TYPE_BFLOAT16 = ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16,
	TYPE_UINT4 = ONNX__TENSOR_PROTO__DATA_TYPE__UINT4,
	TYPE_INT4 = ONNX__TENSOR_PROTO__DATA_TYPE__INT4,
	TYPE_UINT2 = ONNX__TENSOR_PROTO__DATA_TYPE__UINT2,
	TYPE_INT2 = ONNX__TENSOR_PROTO__DATA_TYPE__INT2,
};

struct buffer; /* memory that tensors share, counted */

struct tensor {
	int32_t type; /* TYPE_...; TYPE_NONE: there is no tensor */
	bool laned;   /* an array for each lane */
	bool bits;    /* of floats that are 0 or 1: data has the bits of bits.h */
	uint32_t rank;
	uint64_t dims[TENSOR_DIMS_MAX];
	uint64_t count; /* elements of one array */
	void *data;
	struct buffer *buffer;	   /* that data lies in; NULL: somebody else's */
	struct sequence *sequence; /* instead of an array; else NULL */
};

/* A list of tensors, shared like a buffer and never changed once made. */
struct sequence {
	uint32_t references;
	uint32_t count;
	struct tensor items[];
};

enum { POOL_SIZES = 64 };

/* Memory of one thread: freed buffers wait here to be used again. All zero bytes
 * but for limit is an empty one. */
struct pool {
	struct buffer *free[POOL_SIZES]; /* by the power of 2 that they have; freed last first */
	uint64_t bytes, peak;		 /* that buffers take, in use or not */
	uint64_t limit;
};

/* Bytes of an element in memory, 0 for types that are not computed with. */
size_t type_bytes(int32_t type);
const char *type_name(int32_t type);
bool type_is_float(int32_t type);    /* FLOAT, DOUBLE, FLOAT16, BFLOAT16 */
bool type_is_unsigned(int32_t type); /* integers without a sign, and BOOL */

/* The product of dims; false when it does not fit. */
MUST_USE bool dims_count(uint32_t rank, const uint64_t *dims, uint64_t *count);
/* The product of dims [first, last), which is known to fit. */
uint64_t dims_product(const uint64_t *dims, uint32_t first, uint32_t last);

/* Room for count elements of a lane, times lanes when laned; data is not set. */
MUST_USE snnfit_status tensor_allocate(struct tensor *out, struct pool *pool, int32_t type,
				       uint32_t rank, const uint64_t *dims, uint32_t lanes,
				       bool laned, snnfit_error *err);
/* The same of floats that are 0 or 1, as bits: bit_words(count) for each lane, and one that
 * may be read behind them. Bits behind the last of a lane are to be 0. */
MUST_USE snnfit_status tensor_allocate_bits(struct tensor *out, struct pool *pool, uint32_t rank,
					    const uint64_t *dims, uint32_t lanes, bool laned,
					    snnfit_error *err);
/* Floats instead of bits. */
MUST_USE snnfit_status tensor_expand(struct tensor *tensor, struct pool *pool, uint32_t lanes,
				     snnfit_error *err);
/* Another tensor of the same array. */
struct tensor tensor_share(const struct tensor *tensor);
/* How many tensors there are of the array; 0: it is somebody else's. */
uint32_t tensor_owners(const struct tensor *tensor);
/* Gives the array back to the pool when nobody else has it. */
void tensor_release(struct tensor *tensor, struct pool *pool);
void pool_free(struct pool *pool);
/* Takes over the items, also on failure. */
MUST_USE snnfit_status sequence_new(struct tensor *out, struct pool *pool, struct tensor *items,
				    uint32_t count, snnfit_error *err);

/* Element i of data of a type, as the widest type of its kind. */
double element_double(int32_t type, const void *data, uint64_t i);
int64_t element_int(int32_t type, const void *data, uint64_t i);
/* Stored as the type; a real number is rounded to the nearest, an integer wraps. */
void element_set_double(int32_t type, void *data, uint64_t i, double value);
void element_set_int(int32_t type, void *data, uint64_t i, int64_t value);

/* Stretches of elements, converted in the same way. */
void elements_to_double(int32_t type, const void *data, uint64_t first, uint64_t count,
			double *out);
void elements_from_double(int32_t type, void *data, uint64_t first, uint64_t count,
			  const double *values);
void elements_to_int(int32_t type, const void *data, uint64_t first, uint64_t count, int64_t *out);
void elements_from_int(int32_t type, void *data, uint64_t first, uint64_t count,
		       const int64_t *values);

/* What a tensor of a model's type is computed in: float for the small floats. */
int32_t type_computed(int32_t type);
/* Rounds values of a computed type, in place, to what the type can hold. */
void elements_round(int32_t type, struct tensor *tensor, uint32_t lanes);

/* A constant of the model, in the type it is computed in. Memory from the pool. */
MUST_USE snnfit_status tensor_load(struct tensor *out, struct pool *pool,
				   const struct onnx_model *model, const Onnx__TensorProto *proto,
				   snnfit_error *err);

#endif
