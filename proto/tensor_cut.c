/* tensor_cut.c - a tensor without some of its indices. */
#include "proto/model_private.h"
#include "proto/tensor.h"

#include <stdlib.h>
#include <string.h>

static snnfit_status
check_list(const Onnx__TensorProto *tensor, const uint32_t *keep, uint32_t kept, uint64_t dim,
	   snnfit_error *err)
{
	char label[TENSOR_LABEL_BYTES];
	bool valid = kept == 0 || keep[kept - 1] < dim;
	uint32_t i;

	for (i = 1; i < kept; i++)
		valid = valid && keep[i - 1] < keep[i];
	return valid ? SNNFIT_OK
		     : error_set(err, SNNFIT_EINTERNAL,
				 "the indices to keep of %s do not ascend within the dimension",
				 tensor_label(tensor, label));
}

/* What is left of shape; the lists of axes that stay whole are dropped. */
static snnfit_status
plan(const Onnx__TensorProto *tensor, const uint32_t *const *keep, const uint32_t *kept,
     const struct tensor_shape *shape, struct cut_shape *cut, struct tensor_shape *after,
     snnfit_error *err)
{
	snnfit_status status;
	uint32_t d;

	*cut = (struct cut_shape){ .rank = shape->rank };
	*after = *shape;
	after->count = 1;
	for (d = 0; d < shape->rank; d++) {
		cut->dims[d] = shape->dims[d];
		if (keep[d]) {
			status = check_list(tensor, keep[d], kept[d], shape->dims[d], err);
			if (status != SNNFIT_OK)
				return status;
			cut->keep[d] = kept[d] < shape->dims[d] ? keep[d] : NULL;
			cut->kept[d] = kept[d];
			after->dims[d] = kept[d];
		}
		after->count *= after->dims[d];
	}
	return SNNFIT_OK;
}

static bool
cuts_nothing(const struct cut_shape *cut)
{
	uint32_t d;

	for (d = 0; d < cut->rank; d++)
		if (cut->keep[d])
			return false;
	return true;
}

/* --- left in the file ---------------------------------------------------------------- */

/* A cut of a cut is one cut of what the first was made from: next becomes that.
 * False when the tensor was given other dimensions in between. */
static bool
compose(struct arena *scratch, const struct cut *first, struct cut_shape *next, bool *out_of_memory)
{
	const struct cut_shape *base = cut_shape_of(first);
	uint32_t d, i, *list;

	*out_of_memory = false;
	if (base->rank != next->rank || base->element_bytes != next->element_bytes)
		return false;
	for (d = 0; d < base->rank; d++)
		if (next->dims[d] != (base->keep[d] ? base->kept[d] : base->dims[d]))
			return false;
	for (d = 0; d < base->rank; d++) {
		next->dims[d] = base->dims[d];
		if (!base->keep[d])
			continue;
		if (!next->keep[d]) {
			next->keep[d] = base->keep[d];
			next->kept[d] = base->kept[d];
			continue;
		}
		list = arena_alloc(scratch, next->kept[d], sizeof *list);
		*out_of_memory = !list;
		if (!list)
			return false;
		for (i = 0; i < next->kept[d]; i++)
			list[i] = base->keep[d][next->keep[d][i]];
		next->keep[d] = list;
	}
	return true;
}

/* *done says whether it could be left where it is. */
static snnfit_status
cut_in_place(struct onnx_model *model, Onnx__TensorProto *tensor, const struct tensor_data *data,
	     struct cut_shape cut, const struct tensor_shape *after, bool *done, snnfit_error *err)
{
	struct arena scratch = { 0 };
	struct payload base = *data->payload, payload;
	bool out_of_memory = false, composed = true;
	snnfit_status status = SNNFIT_OK;

	if (base.cut)
		composed = compose(&scratch, base.cut, &cut, &out_of_memory);
	*done = composed;
	base.cut = NULL;
	if (out_of_memory)
		status = error_no_memory(err);
	else if (composed)
		status = cut_new(&payload, &model->arena, &base, &cut, err);
	if (composed && status == SNNFIT_OK)
		status = tensor_set_payload(model, tensor, after, &payload, err);
	arena_free(&scratch);
	return status;
}

/* --- in memory ------------------------------------------------------------------------- */

/* Spreads elements of less than a byte over whole bytes, and back. */
static void
spread(const uint8_t *raw, uint64_t count, unsigned bits, uint8_t *out)
{
	uint64_t i, at;
	unsigned value;

	for (i = 0; i < count; i++) {
		at = i * bits;
		value = (unsigned)raw[at / 8] >> (at % 8);
		if (at % 8 + bits > 8)
			value |= (unsigned)raw[at / 8 + 1] << (8 - at % 8);
		out[i] = (uint8_t)(value & ((1u << bits) - 1));
	}
}

static void
gather_up(const uint8_t *spread_out, uint64_t count, unsigned bits, uint8_t *raw)
{
	uint64_t i, at;

	memset(raw, 0, (size_t)((count * bits + 7) / 8));
	for (i = 0; i < count; i++) {
		at = i * bits;
		raw[at / 8] |= (uint8_t)(spread_out[i] << (at % 8));
		if (at % 8 + bits > 8)
			raw[at / 8 + 1] |= (uint8_t)(spread_out[i] >> (8 - at % 8));
	}
}

/* All elements, a whole number of bytes each; malloc'd. */
static snnfit_status
read_spread(const struct onnx_model *model, const Onnx__TensorProto *tensor,
	    const struct tensor_shape *shape, uint8_t **out, uint64_t *length, snnfit_error *err)
{
	unsigned bits = tensor_type_bits(shape->type);
	uint64_t packed = 0;
	uint8_t *raw;
	snnfit_status status;

	if (!tensor_raw_bytes(shape->type, shape->count, &packed))
		return error_set(err, SNNFIT_EINTERNAL, "a tensor grew too large");
	raw = malloc(packed ? (size_t)packed : 1);
	if (!raw)
		return error_no_memory(err);
	*out = raw;
	*length = packed;
	status = tensor_read_raw(model, tensor, 0, packed, raw, err);
	if (status != SNNFIT_OK || bits >= 8)
		return status;
	*length = shape->count;
	*out = malloc(shape->count ? (size_t)shape->count : 1);
	if (*out)
		spread(raw, shape->count, bits, *out);
	else
		status = error_no_memory(err);
	free(raw);
	return status;
}

/* What the cut of the elements is in raw form, in the model's arena. */
static snnfit_status
cut_elements(struct onnx_model *model, const struct tensor_shape *after, struct cut_shape *cut,
	     const struct byte_source *elements, uint8_t **out, uint64_t *length, snnfit_error *err)
{
	unsigned bits = tensor_type_bits(after->type);
	struct payload base = { .source = elements, .length = elements->size }, payload;
	struct arena scratch = { 0 };
	snnfit_status status;
	uint8_t *whole;

	if (!tensor_raw_bytes(after->type, after->count, length))
		return error_set(err, SNNFIT_EINTERNAL, "a tensor grew while it was cut");
	cut->element_bytes = bits < 8 ? 1 : bits / 8;
	status = cut_new(&payload, &scratch, &base, cut, err);
	if (status != SNNFIT_OK) {
		arena_free(&scratch);
		return status;
	}
	*out = arena_alloc(&model->arena, (size_t)*length, 1);
	whole = bits < 8 ? arena_alloc(&scratch, (size_t)payload.length, 1) : *out;
	status = *out && whole ? payload_read(&payload, 0, whole, (size_t)payload.length, err)
			       : error_no_memory(err);
	if (status == SNNFIT_OK && bits < 8)
		gather_up(whole, after->count, bits, *out);
	arena_free(&scratch);
	return status;
}

static snnfit_status
cut_in_memory(struct onnx_model *model, Onnx__TensorProto *tensor, const struct tensor_shape *shape,
	      struct cut_shape *cut, const struct tensor_shape *after, snnfit_error *err)
{
	struct byte_source elements = { .fd = -1, .name = "a tensor" };
	uint8_t *bytes = NULL, *result = NULL;
	uint64_t length = 0;
	snnfit_status status;

	status = read_spread(model, tensor, shape, &bytes, &elements.size, err);
	elements.bytes = bytes;
	if (status == SNNFIT_OK)
		status = cut_elements(model, after, cut, &elements, &result, &length, err);
	free(bytes);
	if (status == SNNFIT_OK)
		status = tensor_set_owned(model, tensor, after, result, length, err);
	return status;
}

/* Strings are cut as the array of their headers. */
static snnfit_status
cut_strings(struct onnx_model *model, Onnx__TensorProto *tensor, struct cut_shape *cut,
	    const struct tensor_shape *after, snnfit_error *err)
{
	struct byte_source headers = {
		.bytes = (const uint8_t *)tensor->string_data,
		.fd = -1,
		.size = tensor->n_string_data * sizeof *tensor->string_data,
		.name = "a tensor",
	};
	struct payload base = { .source = &headers, .length = headers.size }, payload;
	struct arena scratch = { 0 };
	ProtobufCBinaryData *kept;
	snnfit_status status;
	uint32_t d;

	cut->element_bytes = sizeof *kept;
	status = cut_new(&payload, &scratch, &base, cut, err);
	kept = arena_alloc(&model->arena, (size_t)after->count, sizeof *kept);
	if (status == SNNFIT_OK)
		status = kept ? payload_read(&payload, 0, kept, (size_t)after->count * sizeof *kept,
					     err)
			      : error_no_memory(err);
	arena_free(&scratch);
	if (status != SNNFIT_OK)
		return status;
	tensor->string_data = kept;
	tensor->n_string_data = (size_t)after->count;
	for (d = 0; d < after->rank; d++)
		tensor->dims[d] = (int64_t)after->dims[d];
	return SNNFIT_OK;
}

snnfit_status
tensor_cut(struct onnx_model *model, Onnx__TensorProto *tensor, const uint32_t *const *keep,
	   const uint32_t *kept, snnfit_error *err)
{
	struct tensor_shape shape, after;
	struct tensor_data data;
	struct cut_shape cut;
	bool done = false;
	snnfit_status status = tensor_shape_of(model, tensor, &shape, err);

	if (status == SNNFIT_OK)
		status = plan(tensor, keep, kept, &shape, &cut, &after, err);
	if (status == SNNFIT_OK)
		status = tensor_data_of(model, tensor, &data, err);
	if (status != SNNFIT_OK || cuts_nothing(&cut))
		return status;
	if (shape.type == ONNX__TENSOR_PROTO__DATA_TYPE__STRING)
		return cut_strings(model, tensor, &cut, &after, err);
	cut.element_bytes = tensor_element_bytes(shape.type);
	if (data.in_payload && tensor_data_is_raw(&data, shape.type) && cut.element_bytes)
		status = cut_in_place(model, tensor, &data, cut, &after, &done, err);
	if (status != SNNFIT_OK || done)
		return status;
	return cut_in_memory(model, tensor, &shape, &cut, &after, err);
}
