#include "simulator/tensor.h"

#include "proto/tensor.h"
#include "simulator/bits.h"
#include "simulator/emissions.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER_ALIGN = 64 };

struct buffer {
	struct buffer *next; /* in the pool */
	size_t capacity;
	uint32_t references;
};

static const struct {
	int32_t type;
	uint8_t bytes;
	const char *name;
} types[] = {
	{ TYPE_FLOAT, 4, "float" },	{ TYPE_DOUBLE, 8, "double" },
	{ TYPE_FLOAT16, 2, "float16" }, { TYPE_BFLOAT16, 2, "bfloat16" },
	{ TYPE_INT8, 1, "int8" },	{ TYPE_INT16, 2, "int16" },
	{ TYPE_INT32, 4, "int32" },	{ TYPE_INT64, 8, "int64" },
	{ TYPE_UINT8, 1, "uint8" },	{ TYPE_UINT16, 2, "uint16" },
	{ TYPE_UINT32, 4, "uint32" },	{ TYPE_UINT64, 8, "uint64" },
	{ TYPE_BOOL, 1, "bool" },	{ TYPE_INT4, 1, "int4" },
	{ TYPE_UINT4, 1, "uint4" },	{ TYPE_INT2, 1, "int2" },
	{ TYPE_UINT2, 1, "uint2" },
};

size_t
type_bytes(int32_t type)
{
	size_t i;

	for (i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].type == type)
			return types[i].bytes;
	return 0;
}

const char *
type_name(int32_t type)
{
	size_t i;

	for (i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].type == type)
			return types[i].name;
	return "another type";
}

bool
type_is_float(int32_t type)
{
	return type == TYPE_FLOAT || type == TYPE_DOUBLE || type == TYPE_FLOAT16 ||
	       type == TYPE_BFLOAT16;
}

bool
type_is_unsigned(int32_t type)
{
	return type == TYPE_BOOL || type == TYPE_UINT8 || type == TYPE_UINT16 ||
	       type == TYPE_UINT32 || type == TYPE_UINT64 || type == TYPE_UINT4 ||
	       type == TYPE_UINT2;
}

int32_t
type_computed(int32_t type)
{
	return type == TYPE_FLOAT16 || type == TYPE_BFLOAT16 ? TYPE_FLOAT : type;
}

/* --- memory ----------------------------------------------------------------- */

static void *
buffer_data(struct buffer *buffer)
{
	return (char *)buffer + BUFFER_ALIGN;
}

static uint32_t
size_of(size_t bytes)
{
	return 63 - (uint32_t)__builtin_clzll(bytes);
}

/* A free buffer that is large enough, and not much too large: as a rule the one of just that
 * size that was freed last. */
static struct buffer *
take_free(struct pool *pool, size_t bytes)
{
	size_t most = 2 * (bytes + 4096) + 1;
	uint32_t size;

	for (size = size_of(bytes); size <= size_of(most); size++) {
		struct buffer **at, *found;

		for (at = &pool->free[size]; *at; at = &(*at)->next) {
			if ((*at)->capacity < bytes || (*at)->capacity > most)
				continue;
			found = *at;
			*at = found->next;
			return found;
		}
	}
	return NULL;
}

static void
give_back(struct pool *pool, struct buffer *buffer)
{
	struct buffer **first = &pool->free[size_of(buffer->capacity)];

	buffer->next = *first;
	*first = buffer;
}

static void
drop_free(struct pool *pool)
{
	struct buffer *buffer;
	uint32_t size;

	for (size = 0; size < POOL_SIZES; size++)
		while ((buffer = pool->free[size])) {
			pool->free[size] = buffer->next;
			pool->bytes -= buffer->capacity;
			free(buffer);
		}
}

void
pool_free(struct pool *pool)
{
	drop_free(pool);
}

static struct buffer *
new_buffer(struct pool *pool, size_t bytes, snnfit_error *err)
{
	struct buffer *buffer;
	void *memory;

	if (bytes > pool->limit || pool->bytes > pool->limit - bytes)
		drop_free(pool);
	if (bytes > pool->limit || pool->bytes > pool->limit - bytes) {
		error_set(err, SNNFIT_ELIMIT,
			  "running the model takes more memory than the limit of %llu bytes",
			  (unsigned long long)pool->limit);
		return NULL;
	}
	if (posix_memalign(&memory, BUFFER_ALIGN, BUFFER_ALIGN + bytes) != 0) {
		(void)error_no_memory(err);
		return NULL;
	}
	buffer = memory;
	buffer->capacity = bytes;
	pool->bytes += bytes;
	if (pool->bytes > pool->peak)
		pool->peak = pool->bytes;
	return buffer;
}

static snnfit_status
buffer_get(struct buffer **out, struct pool *pool, size_t bytes, snnfit_error *err)
{
	size_t rounded = (bytes + 127) / 64 * 64; /* a vector may be read past the end */

	*out = take_free(pool, rounded);
	if (!*out) {
		*out = new_buffer(pool, rounded, err);
		if (!*out)
			return rounded > pool->limit || pool->bytes > pool->limit - rounded
				       ? SNNFIT_ELIMIT
				       : SNNFIT_ENOMEM;
	}
	(*out)->references = 1;
	return SNNFIT_OK;
}

bool
dims_count(uint32_t rank, const uint64_t *dims, uint64_t *count)
{
	uint64_t product = 1;
	uint32_t d;
	bool is_empty = false;

	for (d = 0; d < rank; d++)
		is_empty = is_empty || dims[d] == 0;
	for (d = 0; d < rank && !is_empty; d++)
		if (__builtin_mul_overflow(product, dims[d], &product))
			return false;
	*count = is_empty ? 0 : product;
	return product < UINT64_MAX / 256;
}

uint64_t
dims_product(const uint64_t *dims, uint32_t first, uint32_t last)
{
	uint64_t product = 1;
	uint32_t d;

	for (d = first; d < last; d++)
		product *= dims[d];
	return product;
}

snnfit_status
tensor_allocate(struct tensor *out, struct pool *pool, int32_t type, uint32_t rank,
		const uint64_t *dims, uint32_t lanes, bool laned, snnfit_error *err)
{
	static const struct tensor none; /* see tensor_release */
	uint64_t bytes;
	snnfit_status status;

	*out = none;
	out->type = type;
	out->laned = laned;
	out->rank = rank;
	if (rank > TENSOR_DIMS_MAX)
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "a tensor of %u dimensions; at most %d are computed with", rank,
				 TENSOR_DIMS_MAX);
	if (rank)
		memcpy(out->dims, dims, rank * sizeof *dims);
	if (!dims_count(rank, dims, &out->count) ||
	    __builtin_mul_overflow(out->count, type_bytes(type) * (laned ? lanes : 1), &bytes) ||
	    bytes > SIZE_MAX / 2)
		return error_set(err, SNNFIT_ELIMIT, "a tensor too large for memory");
	status = buffer_get(&out->buffer, pool, (size_t)bytes, err);
	if (status != SNNFIT_OK) {
		*out = (struct tensor){ .type = TYPE_NONE };
		return status;
	}
	out->data = buffer_data(out->buffer);
	return SNNFIT_OK;
}

snnfit_status
tensor_allocate_bits(struct tensor *out, struct pool *pool, uint32_t rank, const uint64_t *dims,
		     uint32_t lanes, bool laned, snnfit_error *err)
{
	uint64_t count, words;
	snnfit_status status;

	if (!dims_count(rank, dims, &count))
		return error_set(err, SNNFIT_ELIMIT, "a tensor too large for memory");
	words = bit_words(count);
	status = tensor_allocate(out, pool, TYPE_UINT64, 1, &words, lanes, laned, err);
	if (status != SNNFIT_OK)
		return status;
	out->type = TYPE_FLOAT;
	out->bits = true;
	out->count = count;
	out->rank = rank;
	if (rank)
		memcpy(out->dims, dims, rank * sizeof *dims);
	return SNNFIT_OK;
}

snnfit_status
tensor_expand(struct tensor *tensor, struct pool *pool, uint32_t lanes, snnfit_error *err)
{
	const uint64_t *bits = tensor->data;
	uint64_t lane;
	struct tensor out;
	snnfit_status status = tensor_allocate(&out, pool, TYPE_FLOAT, tensor->rank, tensor->dims,
					       lanes, tensor->laned, err);

	if (status != SNNFIT_OK)
		return status;
	for (lane = 0; lane < (tensor->laned ? lanes : 1); lane++)
		emission_unpack(TYPE_FLOAT, bits + lane * bit_words(tensor->count), tensor->count,
				(float *)out.data + lane * out.count);
	tensor_release(tensor, pool);
	*tensor = out;
	return SNNFIT_OK;
}

struct tensor
tensor_share(const struct tensor *tensor)
{
	if (tensor->buffer)
		tensor->buffer->references++;
	if (tensor->sequence)
		tensor->sequence->references++;
	return *tensor;
}

uint32_t
tensor_owners(const struct tensor *tensor)
{
	return tensor->buffer ? tensor->buffer->references : 0;
}

void
tensor_release(struct tensor *tensor, struct pool *pool)
{
	static const struct tensor none; /* to copy it takes less than to fill with zeros */
	struct sequence *sequence = tensor->sequence;
	uint32_t i;

	if (tensor->buffer && --tensor->buffer->references == 0)
		give_back(pool, tensor->buffer);
	*tensor = none;
	if (!sequence || --sequence->references > 0)
		return;
	/* A sequence holds arrays, never sequences: see sequence_new. */
	for (i = 0; i < sequence->count; i++)
		if (sequence->items[i].buffer && --sequence->items[i].buffer->references == 0)
			give_back(pool, sequence->items[i].buffer);
	free(sequence);
}

snnfit_status
sequence_new(struct tensor *out, struct pool *pool, struct tensor *items, uint32_t count,
	     snnfit_error *err)
{
	struct sequence *sequence = malloc(sizeof *sequence + count * sizeof *items);
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	for (i = 0; i < count && status == SNNFIT_OK; i++)
		if (items[i].sequence)
			status = error_set(err, SNNFIT_EUNSUPPORTED, "a sequence of sequences");
	if (!sequence && status == SNNFIT_OK)
		status = error_no_memory(err);
	if (status != SNNFIT_OK) {
		for (i = 0; i < count; i++)
			tensor_release(&items[i], pool);
		free(sequence);
		return status;
	}
	sequence->references = 1;
	sequence->count = count;
	if (count)
		memcpy(sequence->items, items, count * sizeof *items);
	*out = (struct tensor){ .sequence = sequence };
	return SNNFIT_OK;
}

/* --- elements --------------------------------------------------------------- */

static float
get_float16(uint16_t bits)
{
	return number_from_float16(bits);
}

static float
get_bfloat16(uint16_t bits)
{
	return number_from_bfloat16(bits);
}

/* Every type with what it is in C, and what reads one as a number. */
#define FOR_EACH_TYPE(DO)                                                                          \
	DO(TYPE_FLOAT, float, )                                                                    \
	DO(TYPE_DOUBLE, double, )                                                                  \
	DO(TYPE_FLOAT16, uint16_t, get_float16)                                                    \
	DO(TYPE_BFLOAT16, uint16_t, get_bfloat16)                                                  \
	DO(TYPE_INT8, int8_t, )                                                                    \
	DO(TYPE_INT16, int16_t, )                                                                  \
	DO(TYPE_INT32, int32_t, )                                                                  \
	DO(TYPE_INT64, int64_t, )                                                                  \
	DO(TYPE_UINT8, uint8_t, )                                                                  \
	DO(TYPE_UINT16, uint16_t, )                                                                \
	DO(TYPE_UINT32, uint32_t, )                                                                \
	DO(TYPE_UINT64, uint64_t, )                                                                \
	DO(TYPE_BOOL, uint8_t, )                                                                   \
	DO(TYPE_INT4, int8_t, )                                                                    \
	DO(TYPE_UINT4, uint8_t, )                                                                  \
	DO(TYPE_INT2, int8_t, )                                                                    \
	DO(TYPE_UINT2, uint8_t, )

void
elements_to_double(int32_t type, const void *data, uint64_t first, uint64_t count, double *out)
{
	uint64_t i;

	switch (type) {
#define READ(TYPE, C, GET)                                                                         \
	case TYPE:                                                                                 \
		for (i = 0; i < count; i++)                                                        \
			out[i] = (double)GET(((const C *)data)[first + i]);                        \
		break;
		FOR_EACH_TYPE(READ)
#undef READ
	default:
		break;
	}
}

/* As converting a real number to an integer does in every runtime that matters:
 * towards zero; what does not fit, and NaN, becomes the smallest. */
static int64_t
int_of_double(double value)
{
	if (!(value > -9223372036854775808.0 && value < 9223372036854775808.0))
		return INT64_MIN;
	return (int64_t)value;
}

void
elements_to_int(int32_t type, const void *data, uint64_t first, uint64_t count, int64_t *out)
{
	uint64_t i;

	switch (type) {
	case TYPE_FLOAT:
	case TYPE_DOUBLE:
	case TYPE_FLOAT16:
	case TYPE_BFLOAT16:
		for (i = 0; i < count; i++)
			out[i] = int_of_double(element_double(type, data, first + i));
		break;
#define READ(TYPE, C, GET)                                                                         \
	case TYPE:                                                                                 \
		for (i = 0; i < count; i++)                                                        \
			out[i] = (int64_t)((const C *)data)[first + i];                            \
		break;
		READ(TYPE_INT8, int8_t, )
		READ(TYPE_INT16, int16_t, )
		READ(TYPE_INT32, int32_t, )
		READ(TYPE_INT64, int64_t, )
		READ(TYPE_UINT8, uint8_t, )
		READ(TYPE_UINT16, uint16_t, )
		READ(TYPE_UINT32, uint32_t, )
		READ(TYPE_UINT64, uint64_t, )
		READ(TYPE_BOOL, uint8_t, )
		READ(TYPE_INT4, int8_t, )
		READ(TYPE_UINT4, uint8_t, )
		READ(TYPE_INT2, int8_t, )
		READ(TYPE_UINT2, uint8_t, )
#undef READ
	default:
		break;
	}
}

void
elements_from_double(int32_t type, void *data, uint64_t first, uint64_t count, const double *values)
{
	uint64_t i;

	switch (type) {
	case TYPE_FLOAT:
		for (i = 0; i < count; i++)
			((float *)data)[first + i] = (float)values[i];
		break;
	case TYPE_DOUBLE:
		memcpy((double *)data + first, values, count * sizeof *values);
		break;
	case TYPE_FLOAT16:
		for (i = 0; i < count; i++)
			((uint16_t *)data)[first + i] = number_to_float16((float)values[i]);
		break;
	case TYPE_BFLOAT16:
		for (i = 0; i < count; i++)
			((uint16_t *)data)[first + i] = number_to_bfloat16((float)values[i]);
		break;
	case TYPE_BOOL:
		for (i = 0; i < count; i++)
			((uint8_t *)data)[first + i] = values[i] != 0;
		break;
	case TYPE_UINT64:
		for (i = 0; i < count; i++)
			((uint64_t *)data)[first + i] = values[i] >= 9223372036854775808.0
								? (uint64_t)values[i]
								: (uint64_t)int_of_double(
									  values[i]);
		break;
	default:
		for (i = 0; i < count; i++)
			element_set_int(type, data, first + i, int_of_double(values[i]));
		break;
	}
}

void
elements_from_int(int32_t type, void *data, uint64_t first, uint64_t count, const int64_t *values)
{
	uint64_t i;

	switch (type) {
	case TYPE_FLOAT:
		for (i = 0; i < count; i++)
			((float *)data)[first + i] = (float)values[i];
		break;
	case TYPE_BOOL:
		for (i = 0; i < count; i++)
			((uint8_t *)data)[first + i] = values[i] != 0;
		break;
	case TYPE_INT4:
	case TYPE_INT2:
		for (i = 0; i < count; i++) {
			unsigned shift = type == TYPE_INT4 ? 60 : 62;

			((int8_t *)data)[first + i] =
				(int8_t)((int64_t)((uint64_t)values[i] << shift) >> shift);
		}
		break;
	case TYPE_UINT4:
	case TYPE_UINT2:
		for (i = 0; i < count; i++)
			((uint8_t *)data)[first + i] = (uint8_t)(values[i] &
								 (type == TYPE_UINT4 ? 15 : 3));
		break;
#define WRITE(TYPE, C)                                                                             \
	case TYPE:                                                                                 \
		for (i = 0; i < count; i++)                                                        \
			((C *)data)[first + i] = (C)values[i];                                     \
		break;
		WRITE(TYPE_INT8, int8_t)
		WRITE(TYPE_INT16, int16_t)
		WRITE(TYPE_INT32, int32_t)
		WRITE(TYPE_INT64, int64_t)
		WRITE(TYPE_UINT8, uint8_t)
		WRITE(TYPE_UINT16, uint16_t)
		WRITE(TYPE_UINT32, uint32_t)
		WRITE(TYPE_UINT64, uint64_t)
#undef WRITE
	default:
		for (i = 0; i < count; i++)
			element_set_double(type, data, first + i, (double)values[i]);
		break;
	}
}

double
element_double(int32_t type, const void *data, uint64_t i)
{
	double value = 0;

	elements_to_double(type, data, i, 1, &value);
	return value;
}

int64_t
element_int(int32_t type, const void *data, uint64_t i)
{
	int64_t value = 0;

	elements_to_int(type, data, i, 1, &value);
	return value;
}

void
element_set_double(int32_t type, void *data, uint64_t i, double value)
{
	elements_from_double(type, data, i, 1, &value);
}

void
element_set_int(int32_t type, void *data, uint64_t i, int64_t value)
{
	elements_from_int(type, data, i, 1, &value);
}

void
elements_round(int32_t type, struct tensor *tensor, uint32_t lanes)
{
	uint64_t count = tensor->count * (tensor->laned ? lanes : 1), i;
	float *values = tensor->data;

	if (type == type_computed(type) || tensor->type != TYPE_FLOAT)
		return;
	for (i = 0; i < count; i++)
		values[i] = type == TYPE_FLOAT16
				    ? number_from_float16(number_to_float16(values[i]))
				    : number_from_bfloat16(number_to_bfloat16(values[i]));
}

/* --- constants of the model --------------------------------------------------- */

static bool
is_packed(int32_t type)
{
	return type == TYPE_INT4 || type == TYPE_UINT4 || type == TYPE_INT2 || type == TYPE_UINT2;
}

static snnfit_status
load_packed(struct tensor *out, const struct onnx_model *model, const Onnx__TensorProto *proto,
	    snnfit_error *err)
{
	int64_t piece[512];
	uint64_t at, count;
	snnfit_status status = SNNFIT_OK;

	for (at = 0; at < out->count && status == SNNFIT_OK; at += count) {
		count = out->count - at < 512 ? out->count - at : 512;
		status = tensor_read_int64(model, proto, at, count, piece, err);
		if (status == SNNFIT_OK)
			elements_from_int(out->type, out->data, at, count, piece);
	}
	return status;
}

snnfit_status
tensor_load(struct tensor *out, struct pool *pool, const struct onnx_model *model,
	    const Onnx__TensorProto *proto, snnfit_error *err)
{
	struct tensor_shape shape;
	snnfit_status status;

	*out = (struct tensor){ .type = TYPE_NONE };
	status = tensor_shape_of(model, proto, &shape, err);
	if (status != SNNFIT_OK)
		return status;
	if (!type_bytes(shape.type))
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "tensor '%.200s': its data type (%d) is not computed with",
				 proto->name ? proto->name : "", (int)shape.type);
	status = tensor_allocate(out, pool, type_computed(shape.type), shape.rank, shape.dims, 1,
				 false, err);
	if (status != SNNFIT_OK)
		return status;
	if (out->type != shape.type)
		status = tensor_read_float(model, proto, 0, out->count, out->data, err);
	else if (is_packed(out->type))
		status = load_packed(out, model, proto, err);
	else
		status = tensor_read_raw(model, proto, 0, out->count * type_bytes(out->type),
					 out->data, err);
	if (status != SNNFIT_OK)
		tensor_release(out, pool);
	return status;
}
