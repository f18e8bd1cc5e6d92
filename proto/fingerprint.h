/* fingerprint.h - a short name for a tensor's contents, to find it again under another name. */
#ifndef SNNFIT_PROTO_FINGERPRINT_H
#define SNNFIT_PROTO_FINGERPRINT_H

#include "proto/model.h"

enum { FINGERPRINT_DIGITS = 16, FINGERPRINT_END_BYTES = 4096 };

/* The first 16 hex digits (lower case) of the SHA-256 over, one after the other:
 * the dims, each as a little-endian int64; the first min(4096, n) of the n bytes
 * of the raw_data form; the last min(4096, n) of them. Small tensors thus count
 * twice. Wherever the data stands, the same values give the same digits; no more
 * than these 8 KiB are read. */
MUST_USE snnfit_status tensor_fingerprint(const struct onnx_model *model,
					  const Onnx__TensorProto *tensor,
					  char out[FINGERPRINT_DIGITS + 1], snnfit_error *err);

#endif
