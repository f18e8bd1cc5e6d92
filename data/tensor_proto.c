/* tensor_proto.c - a TensorProto in a file of its own, as ONNX's test data has it. */
#include "data/array.h"

#include "proto/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A larger one belongs into a .npy file, which is read in pieces. */
enum { FILE_BYTES_MAX = 1 << 30 };

static snnfit_status
read_file(const char *path, uint8_t **bytes, size_t *length, snnfit_error *err)
{
	FILE *file = fopen(path, "rbe");
	snnfit_status status = SNNFIT_OK;
	long size = -1;

	if (file && fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size < 0 || size > FILE_BYTES_MAX)
		status = error_set(err, size < 0 ? SNNFIT_EIO : SNNFIT_ELIMIT,
				   size < 0 ? "%s: cannot read" : "%s: over 1 GiB", path);
	*bytes = status == SNNFIT_OK ? malloc((size_t)size + 1) : NULL;
	if (status == SNNFIT_OK && !*bytes)
		status = error_no_memory(err);
	if (status == SNNFIT_OK) {
		rewind(file);
		*length = (size_t)size;
		if (fread(*bytes, 1, *length, file) != *length)
			status = error_set(err, SNNFIT_EIO, "%s: cannot read", path);
	}
	if (file)
		(void)fclose(file);
	return status;
}

static snnfit_status
read_values(struct arrays *out, const Onnx__TensorProto *proto, const char *path, const char *name,
	    snnfit_error *err)
{
	struct onnx_model *empty;
	struct tensor_shape shape;
	struct array *array;
	uint64_t i;
	snnfit_status status = onnx_model_new(&empty, err);

	if (status != SNNFIT_OK)
		return status;
	status = tensor_shape_of(empty, proto, &shape, err);
	array = status == SNNFIT_OK ? arrays_add(out, name, shape.rank, shape.dims, path, err)
				    : NULL;
	if (status == SNNFIT_OK && !array)
		status = err ? err->status : SNNFIT_ENOMEM;
	if (status == SNNFIT_OK)
		status = tensor_read_float(empty, proto, 0, shape.count, array->values, err);
	for (i = 0; status == SNNFIT_OK && i < array->count; i++)
		if (!isfinite(array->values[i]))
			status = error_set(err, SNNFIT_EDATA,
					   "%s: element %llu is not a finite number", path,
					   (unsigned long long)i);
	onnx_model_free(empty);
	return status;
}

snnfit_status
tensor_proto_read(struct arrays *out, const char *path, const char *name, snnfit_error *err)
{
	Onnx__TensorProto *proto = NULL;
	uint8_t *bytes = NULL;
	size_t length = 0;
	snnfit_status status = read_file(path, &bytes, &length, err);

	if (status == SNNFIT_OK) {
		proto = onnx__tensor_proto__unpack(NULL, length, bytes);
		if (!proto)
			status = error_set(err, SNNFIT_EDATA, "%s: not a TensorProto", path);
		else if (proto->n_external_data)
			status = error_set(err, SNNFIT_EDATA, "%s: its data lies elsewhere", path);
	}
	if (status == SNNFIT_OK)
		status = read_values(out, proto, path, name, err);
	if (status == SNNFIT_EFORMAT || status == SNNFIT_EUNSUPPORTED)
		status = error_set(err, SNNFIT_EDATA, "%s: not a tensor of numbers", path);
	onnx__tensor_proto__free_unpacked(proto, NULL);
	free(bytes);
	return status;
}
