#include "proto/fingerprint.h"

#include <sha256.h>
#include <stdio.h>

static void
add_dims(SHA2_CTX *hash, const struct tensor_shape *shape)
{
	uint8_t bytes[8];
	uint32_t i, j;

	for (i = 0; i < shape->rank; i++) {
		for (j = 0; j < 8; j++)
			bytes[j] = (uint8_t)(shape->dims[i] >> 8 * j);
		SHA256Update(hash, bytes, sizeof bytes);
	}
}

static snnfit_status
add_ends(SHA2_CTX *hash, const struct onnx_model *model, const Onnx__TensorProto *tensor,
	 uint64_t length, snnfit_error *err)
{
	size_t end = length < FINGERPRINT_END_BYTES ? (size_t)length : FINGERPRINT_END_BYTES;
	uint8_t bytes[FINGERPRINT_END_BYTES];
	snnfit_status status;

	status = tensor_read_raw(model, tensor, 0, end, bytes, err);
	if (status != SNNFIT_OK)
		return status;
	SHA256Update(hash, bytes, end);
	status = tensor_read_raw(model, tensor, length - end, end, bytes, err);
	if (status == SNNFIT_OK)
		SHA256Update(hash, bytes, end);
	return status;
}

snnfit_status
tensor_fingerprint(const struct onnx_model *model, const Onnx__TensorProto *tensor,
		   char out[FINGERPRINT_DIGITS + 1], snnfit_error *err)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct tensor_shape shape;
	snnfit_status status;
	uint64_t length;
	SHA2_CTX hash;
	size_t i;

	status = tensor_shape_of(model, tensor, &shape, err);
	if (status != SNNFIT_OK)
		return status;
	if (!tensor_raw_bytes(shape.type, shape.count, &length))
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "tensor \"%.100s\" has a type without a raw form",
				 tensor->name ? tensor->name : "");
	SHA256Init(&hash);
	add_dims(&hash, &shape);
	status = add_ends(&hash, model, tensor, length, err);
	SHA256Final(digest, &hash);
	for (i = 0; i < FINGERPRINT_DIGITS / 2; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return status;
}
