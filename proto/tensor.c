/* tensor.c - what a tensor says it is, where its data stands, and replacing both. */
#include "proto/tensor.h"

#include "proto/model_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "the raw form of tensors is used as it stands in memory");

unsigned
tensor_type_bits(int32_t type)
{
	static const uint8_t bits[] = {
		[ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT] = 32,
		[ONNX__TENSOR_PROTO__DATA_TYPE__UINT8] = 8,
		[ONNX__TENSOR_PROTO__DATA_TYPE__INT8] = 8,
		[ONNX__TENSOR_PROTO__DATA_TYPE__UINT16] = 16,
		[ONNX__TENSOR_PROTO__DATA_TYPE__INT16] = 16,
		[ONNX__TENSOR_PROTO__DATA_TYPE__INT32] = 32,
		[ONNX__TENSOR_PROTO__DATA_TYPE__INT64] = 64,
		[ONNX__TENSOR_PROTO__DATA_TYPE__BOOL] = 8,
		[ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16] = 16,
		[ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE] = 64,
		[ONNX__TENSOR_PROTO__DATA_TYPE__UINT32] = 32,
		[ONNX__TENSOR_PROTO__DATA_TYPE__UINT64] = 64,
		[ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX64] = 64,
		[ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX128] = 128,
		[ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16] = 16,
		[ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E4M3FN] = 8,
		[ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E4M3FNUZ] = 8,
		[ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E5M2] = 8,
		[ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E5M2FNUZ] = 8,
		[ONNX__TENSOR_PROTO__DATA_TYPE__UINT4] = 4,
		[ONNX__TENSOR_PROTO__DATA_TYPE__INT4] = 4,
		[ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT4E2M1] = 4,
		[ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E8M0] = 8,
		[ONNX__TENSOR_PROTO__DATA_TYPE__UINT2] = 2,
		[ONNX__TENSOR_PROTO__DATA_TYPE__INT2] = 2,
		[ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT6E2M3] = 6,
		[ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT6E3M2] = 6,
	};

	return type >= 0 && (size_t)type < sizeof bits ? bits[type] : 0;
}

size_t
tensor_element_bytes(int32_t type)
{
	return tensor_type_bits(type) / 8;
}

bool
tensor_raw_bytes(int32_t type, uint64_t count, uint64_t *bytes)
{
	unsigned bits = tensor_type_bits(type);
	uint64_t all;

	if (bits == 0)
		return false;
	if (bits % 8 == 0)
		return !__builtin_mul_overflow(count, bits / 8, bytes);
	if (__builtin_mul_overflow(count, bits, &all) || all > UINT64_MAX - 7)
		return false;
	*bytes = (all + 7) / 8;
	return true;
}

const char *
tensor_label(const Onnx__TensorProto *tensor, char room[TENSOR_LABEL_BYTES])
{
	if (!tensor->name || !*tensor->name)
		return "a tensor without a name";
	(void)snprintf(room, TENSOR_LABEL_BYTES, "tensor '%.80s'", tensor->name);
	return room;
}

snnfit_status
tensor_dims_of(const Onnx__TensorProto *tensor, struct tensor_shape *out, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	bool overflow = false, empty = false;
	size_t d;

	*out = (struct tensor_shape){ .type = tensor->data_type, .count = 1 };
	if (tensor->n_dims > TENSOR_RANK_MAX)
		return error_set(err, SNNFIT_EUNSUPPORTED, "%s has %zu dimensions, more than %d",
				 tensor_label(tensor, label), tensor->n_dims, TENSOR_RANK_MAX);
	for (d = 0; d < tensor->n_dims; d++) {
		if (tensor->dims[d] < 0)
			return error_set(err, SNNFIT_EFORMAT, "%s has a negative dimension",
					 tensor_label(tensor, label));
		out->dims[d] = (uint64_t)tensor->dims[d];
		empty = empty || out->dims[d] == 0;
		overflow = __builtin_mul_overflow(out->count, out->dims[d], &out->count) ||
			   overflow;
	}
	out->rank = (uint32_t)tensor->n_dims;
	if (overflow && !empty)
		return error_set(err, SNNFIT_EFORMAT, "%s has more elements than can be counted",
				 tensor_label(tensor, label));
	if (empty)
		out->count = 0;
	return SNNFIT_OK;
}

/* --- where the data stands ------------------------------------------------------------ */

/* The field that holds data of the type when raw_data does not. */
static uint32_t
typed_field_of(int32_t type)
{
	switch (type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
	case ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX64:
		return FIELD_FLOAT_DATA;
	case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
	case ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX128:
		return FIELD_DOUBLE_DATA;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
		return FIELD_INT64_DATA;
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64:
		return FIELD_UINT64_DATA;
	default:
		return FIELD_INT32_DATA;
	}
}

/* Adds what the field holds to out; *places counts fields that hold something. */
static void
look_into(const struct onnx_model *model, const Onnx__TensorProto *tensor, uint32_t field,
	  const void *values, uint64_t count, struct tensor_data *out, size_t *places)
{
	struct placeholder placeholder;
	size_t payloads;

	if (placeholder_find(&tensor->base, field, &placeholder, &payloads)) {
		/* Of raw_data the last one counts; lists would have to be joined. */
		*places += field == FIELD_RAW_DATA ? 1 : payloads + (count > 0);
		*out = (struct tensor_data){
			.field = field,
			.in_payload = true,
			.index = placeholder.index,
			.payload = &model->payloads[placeholder.index],
		};
	} else if (count > 0) {
		*places += 1;
		*out = (struct tensor_data){ .field = field, .values = values, .count = count };
	}
}

snnfit_status
tensor_data_of(const struct onnx_model *model, const Onnx__TensorProto *tensor,
	       struct tensor_data *out, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	size_t places = 0;

	*out = (struct tensor_data){ 0 };
	look_into(model, tensor, FIELD_FLOAT_DATA, tensor->float_data, tensor->n_float_data, out,
		  &places);
	look_into(model, tensor, FIELD_INT32_DATA, tensor->int32_data, tensor->n_int32_data, out,
		  &places);
	look_into(model, tensor, FIELD_INT64_DATA, tensor->int64_data, tensor->n_int64_data, out,
		  &places);
	look_into(model, tensor, FIELD_DOUBLE_DATA, tensor->double_data, tensor->n_double_data, out,
		  &places);
	look_into(model, tensor, FIELD_UINT64_DATA, tensor->uint64_data, tensor->n_uint64_data, out,
		  &places);
	look_into(model, tensor, FIELD_EXTERNAL_DATA, NULL, 0, out, &places);
	look_into(model, tensor, FIELD_RAW_DATA, tensor->raw_data.data,
		  tensor->has_raw_data ? tensor->raw_data.len : 0, out, &places);
	if (places > 1)
		return error_set(err, SNNFIT_EFORMAT, "%s has data in more than one place",
				 tensor_label(tensor, label));
	return SNNFIT_OK;
}

bool
tensor_data_is_raw(const struct tensor_data *data, int32_t type)
{
	return data->field == FIELD_RAW_DATA || data->field == FIELD_EXTERNAL_DATA ||
	       ((data->field == FIELD_FLOAT_DATA || data->field == FIELD_DOUBLE_DATA) &&
		data->field == typed_field_of(type));
}

/* --- checking that it fits ------------------------------------------------------------- */

/* How many numbers a typed field needs. */
static uint64_t
values_needed(int32_t type, uint64_t count)
{
	unsigned bits = tensor_type_bits(type);

	if (type == ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX64 ||
	    type == ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX128)
		return 2 * count; /* its bytes could be counted, so this can */
	if (bits == 4 || bits == 2)
		return count / (8 / bits) + (count % (8 / bits) != 0);
	return count;
}

static snnfit_status
count_varints(struct payload *payload, uint64_t *count, snnfit_error *err)
{
	uint8_t piece[4096];
	uint64_t at, bytes;
	snnfit_status status;
	size_t i;

	*count = 0;
	for (at = 0; at < payload->length; at += bytes) {
		bytes = payload->length - at;
		if (bytes > sizeof piece)
			bytes = sizeof piece;
		status = payload_read(payload, at, piece, (size_t)bytes, err);
		if (status != SNNFIT_OK)
			return status;
		for (i = 0; i < bytes; i++)
			*count += !(piece[i] & 0x80);
	}
	return SNNFIT_OK;
}

/* The numbers that a field holds, in *count; of raw forms the bytes. */
static snnfit_status
count_data(const struct onnx_model *model, const struct tensor_data *data, uint64_t *count,
	   snnfit_error *err)
{
	struct payload *payload;
	snnfit_status status;

	*count = data->count;
	if (!data->in_payload)
		return SNNFIT_OK;
	payload = &model->payloads[data->index];
	*count = payload->length;
	if (data->field == FIELD_FLOAT_DATA)
		*count /= sizeof(float);
	if (data->field == FIELD_DOUBLE_DATA)
		*count /= sizeof(double);
	if (data->field != FIELD_INT32_DATA && data->field != FIELD_INT64_DATA &&
	    data->field != FIELD_UINT64_DATA)
		return SNNFIT_OK;
	if (payload->values == 0) {
		status = count_varints(payload, &payload->values, err);
		if (status != SNNFIT_OK)
			return status;
	}
	*count = payload->values;
	return SNNFIT_OK;
}

static snnfit_status
check_strings(const Onnx__TensorProto *tensor, const struct tensor_shape *shape,
	      const struct tensor_data *data, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];

	if (data->field == 0 && tensor->n_string_data == shape->count)
		return SNNFIT_OK;
	return error_set(err, SNNFIT_EFORMAT, "%s needs %" PRIu64 " strings but has %zu",
			 tensor_label(tensor, label), shape->count, tensor->n_string_data);
}

static snnfit_status
check_numbers(const struct onnx_model *model, const Onnx__TensorProto *tensor,
	      const struct tensor_shape *shape, const struct tensor_data *data, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	bool in_bytes = data->field == FIELD_RAW_DATA || data->field == FIELD_EXTERNAL_DATA;
	uint64_t need, have;
	snnfit_status status;

	if (!tensor_raw_bytes(shape->type, shape->count, &need))
		return error_set(err, SNNFIT_EFORMAT,
				 "%s has the unknown type %" PRId32 " or is too large",
				 tensor_label(tensor, label), shape->type);
	if (data->field && !in_bytes && data->field != typed_field_of(shape->type))
		return error_set(err, SNNFIT_EFORMAT,
				 "%s has its data in a field that is for other types",
				 tensor_label(tensor, label));
	status = count_data(model, data, &have, err);
	if (status != SNNFIT_OK)
		return status;
	if (data->field && !in_bytes)
		need = values_needed(shape->type, shape->count);
	if (need != have || tensor->n_string_data)
		return error_set(err, SNNFIT_EFORMAT,
				 "%s needs %" PRIu64 " %s of data but has %" PRIu64,
				 tensor_label(tensor, label), need,
				 data->field && !in_bytes ? "numbers" : "bytes", have);
	return SNNFIT_OK;
}

snnfit_status
tensor_shape_of(const struct onnx_model *model, const Onnx__TensorProto *tensor,
		struct tensor_shape *out, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	struct tensor_data data;
	snnfit_status status = tensor_dims_of(tensor, out, err);

	if (status == SNNFIT_OK && tensor->segment)
		status = error_set(err, SNNFIT_EUNSUPPORTED,
				   "%s is only a segment of a larger one; join them first",
				   tensor_label(tensor, label));
	if (status == SNNFIT_OK)
		status = tensor_data_of(model, tensor, &data, err);
	if (status != SNNFIT_OK)
		return status;
	if (out->type == ONNX__TENSOR_PROTO__DATA_TYPE__STRING)
		return check_strings(tensor, out, &data, err);
	return check_numbers(model, tensor, out, &data, err);
}

/* --- replacing -------------------------------------------------------------------------- */

void
tensor_data_clear(Onnx__TensorProto *tensor)
{
	placeholder_remove_data(&tensor->base);
	tensor->has_raw_data = 0;
	tensor->raw_data = (ProtobufCBinaryData){ 0 };
	tensor->n_float_data = 0;
	tensor->n_int32_data = 0;
	tensor->n_int64_data = 0;
	tensor->n_double_data = 0;
	tensor->n_uint64_data = 0;
	tensor->n_string_data = 0;
	tensor->n_external_data = 0;
	tensor->has_data_location = 0;
	tensor->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT;
}

Onnx__TensorProto *
tensor_new(struct onnx_model *model, const char *name)
{
	Onnx__TensorProto *tensor = arena_alloc(&model->arena, 1, sizeof *tensor);

	if (!tensor)
		return NULL;
	onnx__tensor_proto__init(tensor);
	if (!name)
		return tensor;
	tensor->name = arena_strdup(&model->arena, name);
	return tensor->name ? tensor : NULL;
}

/* What replacing data changes in place must be the copy's own. */
Onnx__TensorProto *
tensor_copy(struct onnx_model *model, const Onnx__TensorProto *tensor, const char *name)
{
	Onnx__TensorProto *copy = arena_copy(&model->arena, tensor, 1, sizeof *tensor);
	ProtobufCMessage *base = copy ? &copy->base : NULL;

	if (!copy)
		return NULL;
	base->unknown_fields = arena_copy(&model->arena, base->unknown_fields,
					  base->n_unknown_fields, sizeof *base->unknown_fields);
	copy->dims = arena_copy(&model->arena, copy->dims, copy->n_dims, sizeof *copy->dims);
	copy->name = name ? arena_strdup(&model->arena, name) : NULL;
	if (!base->unknown_fields || !copy->dims || (name && !copy->name))
		return NULL;
	return copy;
}

snnfit_status
tensor_set_payload(struct onnx_model *model, Onnx__TensorProto *tensor,
		   const struct tensor_shape *shape, const struct payload *payload,
		   snnfit_error *err)
{
	int64_t *dims = arena_alloc(&model->arena, shape->rank, sizeof *dims);
	struct placeholder placeholder = { .field = FIELD_RAW_DATA };
	snnfit_status status;
	uint32_t d;

	if (!dims)
		return error_no_memory(err);
	for (d = 0; d < shape->rank; d++)
		dims[d] = (int64_t)shape->dims[d];
	status = model_add_payload(model, payload, &placeholder.index, err);
	if (status != SNNFIT_OK)
		return status;
	tensor_data_clear(tensor);
	if (payload->source->bytes && !payload->cut && payload->length <= PAYLOAD_INLINE_BYTES) {
		tensor->has_raw_data = 1;
		tensor->raw_data.len = (size_t)payload->length;
		tensor->raw_data.data = (uint8_t *)(uintptr_t)payload->source->bytes;
	} else if (!placeholder_add(&model->arena, &tensor->base, placeholder)) {
		return error_no_memory(err);
	}
	tensor->dims = dims;
	tensor->n_dims = shape->rank;
	tensor->has_data_type = 1;
	tensor->data_type = shape->type;
	return SNNFIT_OK;
}

snnfit_status
tensor_set_owned(struct onnx_model *model, Onnx__TensorProto *tensor,
		 const struct tensor_shape *shape, const uint8_t *bytes, uint64_t length,
		 snnfit_error *err)
{
	struct byte_source *source = arena_alloc(&model->arena, 1, sizeof *source);
	struct payload payload = { .source = source, .length = length };

	if (!source)
		return error_no_memory(err);
	*source = (struct byte_source){
		.bytes = bytes,
		.fd = -1,
		.size = length,
		.name = "a new tensor",
	};
	return tensor_set_payload(model, tensor, shape, &payload, err);
}

static snnfit_status
check_length(const Onnx__TensorProto *tensor, const struct tensor_shape *shape, uint64_t length,
	     snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	uint64_t need, count = 1;
	uint32_t d;

	for (d = 0; d < shape->rank; d++)
		if (__builtin_mul_overflow(count, shape->dims[d], &count))
			break;
	if (shape->rank <= TENSOR_RANK_MAX && d == shape->rank && count == shape->count &&
	    tensor_raw_bytes(shape->type, count, &need) && need == length)
		return SNNFIT_OK;
	return error_set(err, SNNFIT_EINTERNAL,
			 "new data of %s does not have the size of its shape",
			 tensor_label(tensor, label));
}

snnfit_status
tensor_set_raw(struct onnx_model *model, Onnx__TensorProto *tensor,
	       const struct tensor_shape *shape, const void *bytes, uint64_t length,
	       snnfit_error *err)
{
	snnfit_status status = check_length(tensor, shape, length, err);
	uint8_t *copy;

	if (status != SNNFIT_OK)
		return status;
	copy = arena_copy(&model->arena, bytes, (size_t)length, 1);
	if (!copy)
		return error_no_memory(err);
	return tensor_set_owned(model, tensor, shape, copy, length, err);
}

static void
round_floats(int32_t type, const float *values, uint64_t count, void *out)
{
	uint16_t *half = out;
	double *wide = out;
	uint64_t i;

	for (i = 0; i < count; i++) {
		if (type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16)
			half[i] = number_to_float16(values[i]);
		else if (type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16)
			half[i] = number_to_bfloat16(values[i]);
		else
			wide[i] = (double)values[i];
	}
}

snnfit_status
tensor_set_float(struct onnx_model *model, Onnx__TensorProto *tensor,
		 const struct tensor_shape *shape, const float *values, snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	uint64_t bytes;
	snnfit_status status;
	void *rounded;

	if (!tensor_raw_bytes(shape->type, shape->count, &bytes) ||
	    (shape->type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT &&
	     shape->type != ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE &&
	     shape->type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 &&
	     shape->type != ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16))
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "%s cannot be set from floats: its type is %" PRId32,
				 tensor_label(tensor, label), shape->type);
	if (shape->type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
		return tensor_set_raw(model, tensor, shape, values, bytes, err);
	status = check_length(tensor, shape, bytes, err);
	if (status != SNNFIT_OK)
		return status;
	rounded = arena_alloc(&model->arena, (size_t)bytes, 1);
	if (!rounded)
		return error_no_memory(err);
	round_floats(shape->type, values, shape->count, rounded);
	return tensor_set_owned(model, tensor, shape, rounded, bytes, err);
}
