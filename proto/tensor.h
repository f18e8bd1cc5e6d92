/* tensor.h - what the modules of proto share about tensors. */
#ifndef SNNFIT_PROTO_TENSOR_H
#define SNNFIT_PROTO_TENSOR_H

#include "proto/payload.h"

/* Bits an element takes in raw form; 0 for strings and unknown types. */
unsigned tensor_type_bits(int32_t type);
/* For messages: "tensor 'fc1.weight'". The text lies in room. */
enum { TENSOR_LABEL_BYTES = 96 };
const char *tensor_label(const Onnx__TensorProto *tensor, char room[TENSOR_LABEL_BYTES]);
/* Type and dims, checked; the data is not looked at. */
MUST_USE snnfit_status tensor_dims_of(const Onnx__TensorProto *tensor, struct tensor_shape *out,
				      snnfit_error *err);

/* Where the data of a tensor stands. */
struct tensor_data {
	uint32_t field;		       /* FIELD_..., 0: there is none */
	bool in_payload;	       /* else in the message itself */
	uint32_t index;		       /* of the payload */
	const struct payload *payload; /* when in_payload */
	const void *values;	       /* else: the array or the raw bytes */
	uint64_t count;		       /* of values (bytes of raw_data) in the message */
};

/* An error when data stands in more than one place. */
MUST_USE snnfit_status tensor_data_of(const struct onnx_model *model,
				      const Onnx__TensorProto *tensor, struct tensor_data *out,
				      snnfit_error *err);
/* True when the bytes of the field are the raw form as they stand. */
bool tensor_data_is_raw(const struct tensor_data *data, int32_t type);
/* Forgets data, wherever it stands. */
void tensor_data_clear(Onnx__TensorProto *tensor);

/* Replaces type, dims and data. Small bytes in memory go into the message. */
MUST_USE snnfit_status tensor_set_payload(struct onnx_model *model, Onnx__TensorProto *tensor,
					  const struct tensor_shape *shape,
					  const struct payload *payload, snnfit_error *err);
/* The same from bytes that live as long as the model. */
MUST_USE snnfit_status tensor_set_owned(struct onnx_model *model, Onnx__TensorProto *tensor,
					const struct tensor_shape *shape, const uint8_t *bytes,
					uint64_t length, snnfit_error *err);

/* --- float formats: proto/number.c ------------------------------------------------ */

/* The values of all small float formats; the bits of others are not looked at. */
float number_from_float16(uint16_t bits);
float number_from_bfloat16(uint16_t bits);
/* FLOAT8*, FLOAT6*, FLOAT4E2M1 and FLOAT8E8M0; type is a TensorProto.DataType. */
float number_from_small_float(int32_t type, uint8_t bits);
/* Rounded to nearest, ties to even; too large becomes infinite. */
uint16_t number_to_float16(float value);
uint16_t number_to_bfloat16(float value);

#endif
