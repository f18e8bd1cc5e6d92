/* tensor_read.c - elements of a tensor as C numbers, wherever they stand.
 *
 * Everything goes by way of the raw form, a few KiB at a time. */
#include "proto/model_private.h"
#include "proto/tensor.h"
#include "proto/wire.h"

#include <inttypes.h>
#include <string.h>

enum { PIECE_BYTES = 4096, GROUPS_MAX = 128, GROUP_VALUES_MAX = 4, GROUP_BYTES_MAX = 8 };

/* --- numbers of typed fields ------------------------------------------------------------ */

/* Reads up to count varints from a piece; returns the bytes they took. */
static size_t
parse_varints(const uint8_t *piece, size_t length, uint64_t *out, uint64_t *count)
{
	size_t at = 0, bytes;
	uint64_t done = 0, value;

	while (done < *count) {
		bytes = wire_varint_get(piece + at, length - at, &value);
		if (!bytes)
			break;
		if (out)
			out[done] = value;
		done++;
		at += bytes;
	}
	*count = done;
	return at;
}

/* Steps over, or reads into out, the next count varints behind the cursor. */
static snnfit_status
pass_varints(const struct payload *payload, struct varint_cursor *cursor, uint64_t *out,
	     uint64_t count, snnfit_error *err)
{
	uint8_t piece[PIECE_BYTES];
	snnfit_status status;

	while (count > 0) {
		uint64_t left = payload->length - cursor->offset, got = count;
		size_t length = left < sizeof piece ? (size_t)left : sizeof piece, used;

		status = payload_read(payload, cursor->offset, piece, length, err);
		if (status != SNNFIT_OK)
			return status;
		used = parse_varints(piece, length, out, &got);
		if (got == 0)
			return error_set(err, SNNFIT_EFORMAT,
					 "a number in the data of a tensor is cut off or too long");
		cursor->offset += used;
		cursor->value += got;
		out = out ? out + got : NULL;
		count -= got;
	}
	return SNNFIT_OK;
}

static snnfit_status
read_varints(const struct onnx_model *model, const struct tensor_data *data, uint64_t first,
	     uint64_t *out, uint64_t count, snnfit_error *err)
{
	struct varint_cursor *cursor = model->cursor;
	snnfit_status status;

	if (cursor->payload != data->index + 1 || cursor->value > first)
		*cursor = (struct varint_cursor){ .payload = data->index + 1 };
	status = pass_varints(data->payload, cursor, NULL, first - cursor->value, err);
	if (status == SNNFIT_OK)
		status = pass_varints(data->payload, cursor, out, count, err);
	return status;
}

static snnfit_status
read_values(const struct onnx_model *model, const struct tensor_data *data, uint64_t first,
	    uint64_t *out, uint64_t count, snnfit_error *err)
{
	const int32_t *narrow = data->values;
	const uint64_t *wide = data->values;
	uint64_t i;

	if (data->in_payload)
		return read_varints(model, data, first, out, count, err);
	for (i = 0; i < count; i++)
		out[i] = data->field == FIELD_INT32_DATA ? (uint64_t)narrow[first + i]
							 : wide[first + i];
	return SNNFIT_OK;
}

/* --- the raw form ------------------------------------------------------------------------ */

/* The smallest group of numbers of a typed field that makes whole bytes. */
struct group {
	unsigned values;
	unsigned bytes;
};

static struct group
group_of(int32_t type)
{
	unsigned bits = tensor_type_bits(type);

	if (bits == 6)
		return (struct group){ 4, 3 };
	return (struct group){ 1, bits < 8 ? 1 : bits / 8 };
}

static void
encode_group(struct group group, const uint64_t *values, uint8_t *out)
{
	uint64_t bits = values[0];
	unsigned i;

	if (group.values == 4)
		bits = (values[0] & 0x3f) | (values[1] & 0x3f) << 6 | (values[2] & 0x3f) << 12 |
		       (values[3] & 0x3f) << 18;
	for (i = 0; i < group.bytes; i++)
		out[i] = (uint8_t)(bits >> (8 * i));
}

/* Groups [first, first + groups) as raw bytes; values past the end count as 0. */
static snnfit_status
encode_groups(const struct onnx_model *model, const struct tensor_data *data, struct group group,
	      uint64_t values, uint64_t first, unsigned groups, uint8_t *out, snnfit_error *err)
{
	uint64_t buffer[GROUPS_MAX * GROUP_VALUES_MAX] = { 0 };
	uint64_t begin = first * group.values, count = (uint64_t)groups * group.values;
	snnfit_status status;
	unsigned i;

	if (count > values - begin)
		count = values - begin;
	status = read_values(model, data, begin, buffer, count, err);
	for (i = 0; i < groups; i++)
		encode_group(group, buffer + (size_t)i * group.values,
			     out + (size_t)i * group.bytes);
	return status;
}

static snnfit_status
raw_from_values(const struct onnx_model *model, const struct tensor_data *data,
		const struct tensor_shape *shape, uint64_t first, uint64_t length, uint8_t *out,
		snnfit_error *err)
{
	uint8_t piece[GROUPS_MAX * GROUP_BYTES_MAX];
	struct group group = group_of(shape->type);
	/* Packed types are packed in the field too, but for those of 6 bits. */
	uint64_t values = data->in_payload ? data->payload->values : data->count;
	snnfit_status status;

	while (length > 0) {
		uint64_t skip = first % group.bytes;
		uint64_t groups = (skip + length + group.bytes - 1) / group.bytes, bytes;

		if (groups > GROUPS_MAX)
			groups = GROUPS_MAX;
		status = encode_groups(model, data, group, values, first / group.bytes,
				       (unsigned)groups, piece, err);
		if (status != SNNFIT_OK)
			return status;
		bytes = groups * group.bytes - skip;
		if (bytes > length)
			bytes = length;
		memcpy(out, piece + skip, (size_t)bytes);
		out += bytes;
		first += bytes;
		length -= bytes;
	}
	return SNNFIT_OK;
}

/* All checks are done: the range lies within the data. */
static snnfit_status
read_raw(const struct onnx_model *model, const struct tensor_data *data,
	 const struct tensor_shape *shape, uint64_t first, uint64_t length, uint8_t *out,
	 snnfit_error *err)
{
	if (length == 0)
		return SNNFIT_OK;
	if (!tensor_data_is_raw(data, shape->type))
		return raw_from_values(model, data, shape, first, length, out, err);
	if (data->in_payload)
		return payload_read(data->payload, first, out, (size_t)length, err);
	memcpy(out, (const uint8_t *)data->values + first, (size_t)length);
	return SNNFIT_OK;
}

static snnfit_status
check_range(const struct onnx_model *model, const Onnx__TensorProto *tensor, uint64_t first,
	    uint64_t count, bool in_bytes, struct tensor_shape *shape, struct tensor_data *data,
	    snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	snnfit_status status = tensor_shape_of(model, tensor, shape, err);
	uint64_t all = shape->count;

	if (status == SNNFIT_OK && shape->type == ONNX__TENSOR_PROTO__DATA_TYPE__STRING)
		status = error_set(err, SNNFIT_EUNSUPPORTED, "%s holds strings, not numbers",
				   tensor_label(tensor, label));
	if (status == SNNFIT_OK)
		status = tensor_data_of(model, tensor, data, err);
	if (status != SNNFIT_OK)
		return status;
	if (in_bytes && !tensor_raw_bytes(shape->type, shape->count, &all))
		all = 0;
	if (first > all || count > all - first)
		return error_set(err, SNNFIT_EINTERNAL, "a read passes the end of %s",
				 tensor_label(tensor, label));
	return SNNFIT_OK;
}

snnfit_status
tensor_read_raw(const struct onnx_model *model, const Onnx__TensorProto *tensor, uint64_t first,
		uint64_t length, void *out, snnfit_error *err)
{
	struct tensor_shape shape;
	struct tensor_data data;
	snnfit_status status = check_range(model, tensor, first, length, true, &shape, &data, err);

	if (status == SNNFIT_OK)
		status = read_raw(model, &data, &shape, first, length, out, err);
	return status;
}

/* --- elements ----------------------------------------------------------------------------- */

/* The bits of element i of a type of 64 bits at most. */
static uint64_t
bits_at(unsigned bits, const uint8_t *raw, uint64_t i)
{
	uint64_t at = i * bits, value = 0;

	if (bits >= 8) {
		memcpy(&value, raw + at / 8, bits / 8);
		return value;
	}
	value = (uint64_t)raw[at / 8] >> (at % 8);
	if (at % 8 + bits > 8)
		value |= (uint64_t)raw[at / 8 + 1] << (8 - at % 8);
	return value & ((1u << bits) - 1);
}

static bool
is_unsigned(int32_t type)
{
	switch (type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT2:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT4:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64:
		return true;
	default:
		return false;
	}
}

static bool
is_signed(int32_t type)
{
	switch (type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT2:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT4:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
		return true;
	default:
		return false;
	}
}

/* Of an integer type; unsigned 64-bit values come out as their bits. */
static int64_t
integer_at(int32_t type, const uint8_t *raw, uint64_t i)
{
	unsigned bits = tensor_type_bits(type);
	uint64_t value = bits_at(bits, raw, i), sign = 1ull << (bits - 1);

	if (type == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL)
		return value != 0;
	return (int64_t)(is_signed(type) ? (value ^ sign) - sign : value);
}

static float
float_from_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof value);
	return value;
}

static double
double_from_bits(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof value);
	return value;
}

static float
float_at(int32_t type, const uint8_t *raw, uint64_t i)
{
	uint64_t bits = bits_at(tensor_type_bits(type), raw, i);

	switch (type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
		return float_from_bits((uint32_t)bits);
	case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
		return (float)double_from_bits(bits);
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
		return number_from_float16((uint16_t)bits);
	case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
		return number_from_bfloat16((uint16_t)bits);
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64:
		return (float)bits;
	default:
		break;
	}
	if (is_signed(type) || is_unsigned(type))
		return (float)integer_at(type, raw, i);
	return number_from_small_float(type, (uint8_t)bits);
}

/* A stretch of elements in raw form; the first of them is element skip of it. */
struct stretch {
	uint8_t raw[PIECE_BYTES];
	uint64_t skip;
	uint64_t count;
};

static snnfit_status
read_stretch(const struct onnx_model *model, const struct tensor_data *data,
	     const struct tensor_shape *shape, uint64_t first, uint64_t count,
	     struct stretch *stretch, snnfit_error *err)
{
	unsigned bits = tensor_type_bits(shape->type);
	uint64_t whole = bits < 8 ? 4 : 1; /* elements that begin at a byte */
	uint64_t most = PIECE_BYTES * 8 / bits - whole, begin, end;

	if (most > count)
		most = count;
	stretch->skip = first % whole;
	stretch->count = most;
	begin = (first - stretch->skip) / whole * (whole * bits) / 8;
	if (!tensor_raw_bytes(shape->type, first + most, &end))
		end = begin; /* cannot be: it is part of what could be counted */
	return read_raw(model, data, shape, begin, end - begin, stretch->raw, err);
}

snnfit_status
tensor_read_float(const struct onnx_model *model, const Onnx__TensorProto *tensor, uint64_t first,
		  uint64_t count, float *out, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	struct tensor_shape shape;
	struct tensor_data data;
	struct stretch stretch;
	uint64_t i;
	snnfit_status status = check_range(model, tensor, first, count, false, &shape, &data, err);

	if (status != SNNFIT_OK)
		return status;
	if (shape.type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
		return read_raw(model, &data, &shape, first * sizeof *out, count * sizeof *out,
				(uint8_t *)out, err);
	if (shape.type == ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX64 ||
	    shape.type == ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX128)
		return error_set(err, SNNFIT_EUNSUPPORTED, "%s holds complex numbers",
				 tensor_label(tensor, label));
	for (; count > 0; first += stretch.count, count -= stretch.count) {
		status = read_stretch(model, &data, &shape, first, count, &stretch, err);
		if (status != SNNFIT_OK)
			return status;
		for (i = 0; i < stretch.count; i++)
			*out++ = float_at(shape.type, stretch.raw, stretch.skip + i);
	}
	return SNNFIT_OK;
}

snnfit_status
tensor_read_int64(const struct onnx_model *model, const Onnx__TensorProto *tensor, uint64_t first,
		  uint64_t count, int64_t *out, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	struct tensor_shape shape;
	struct tensor_data data;
	struct stretch stretch;
	uint64_t i;
	snnfit_status status = check_range(model, tensor, first, count, false, &shape, &data, err);

	if (status != SNNFIT_OK)
		return status;
	if (!is_signed(shape.type) && !is_unsigned(shape.type))
		return error_set(err, SNNFIT_EUNSUPPORTED, "%s does not hold integers",
				 tensor_label(tensor, label));
	for (; count > 0; first += stretch.count, count -= stretch.count) {
		status = read_stretch(model, &data, &shape, first, count, &stretch, err);
		if (status != SNNFIT_OK)
			return status;
		for (i = 0; i < stretch.count; i++) {
			out[i] = integer_at(shape.type, stretch.raw, stretch.skip + i);
			if (shape.type == ONNX__TENSOR_PROTO__DATA_TYPE__UINT64 && out[i] < 0)
				return error_set(err, SNNFIT_EUNSUPPORTED,
						 "%s holds integers of more than 63 bits",
						 tensor_label(tensor, label));
		}
		out += stretch.count;
	}
	return SNNFIT_OK;
}
