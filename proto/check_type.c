/* check_type.c - types of values: elements there are, dimensions that can be. */
#include "proto/check_private.h"
#include "proto/tensor.h"

#include <inttypes.h>

bool
data_type_is_valid(int32_t type)
{
	return type == ONNX__TENSOR_PROTO__DATA_TYPE__STRING || tensor_type_bits(type) > 0;
}

static snnfit_status
element_type_check(struct checker *checker, const char *place, int32_t type, bool must_be_known)
{
	if (data_type_is_valid(type) || (type == 0 && !must_be_known))
		return SNNFIT_OK;
	if (type == 0)
		return error_set(checker->err, SNNFIT_EFORMAT,
				 "%s does not say what type its elements have", place);
	return error_set(checker->err, SNNFIT_EFORMAT, "%s has the unknown element type %" PRId32,
			 place, type);
}

/* -1 is what some exporters write for a dimension that is not known. */
static snnfit_status
dims_check(struct checker *checker, const char *place, const Onnx__TensorShapeProto *shape)
{
	size_t d;

	for (d = 0; shape && d < shape->n_dim; d++) {
		const Onnx__TensorShapeProto__Dimension *dim = shape->dim[d];

		if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
		    dim->dim_value < -1)
			return error_set(checker->err, SNNFIT_EFORMAT,
					 "%s has the negative dimension %" PRId64, place,
					 dim->dim_value);
	}
	return SNNFIT_OK;
}

static snnfit_status
tensor_type_check(struct checker *checker, const char *place, int32_t element_type,
		  const Onnx__TensorShapeProto *shape, bool must_be_known)
{
	snnfit_status status = element_type_check(checker, place, element_type, must_be_known);

	return status == SNNFIT_OK ? dims_check(checker, place, shape) : status;
}

static snnfit_status
key_type_check(struct checker *checker, const char *place, int32_t type)
{
	switch (type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64:
	case ONNX__TENSOR_PROTO__DATA_TYPE__STRING:
		return SNNFIT_OK;
	default:
		return error_set(checker->err, SNNFIT_EFORMAT,
				 "%s is a map with keys of type %" PRId32
				 ", which is neither an integer nor a string",
				 place, type);
	}
}

/* A sequence, map or optional value is as good as what it is made of, in *inner;
 * NULL: a tensor or an opaque type, which ends it. */
static snnfit_status
outer_type_check(struct checker *checker, const char *place, const Onnx__TypeProto *type,
		 bool must_be_known, const Onnx__TypeProto **inner)
{
	snnfit_status status = SNNFIT_OK;

	*inner = NULL;
	switch (type->value_case) {
	case ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE:
		return tensor_type_check(checker, place, type->tensor_type->elem_type,
					 type->tensor_type->shape, must_be_known);
	case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE:
		return tensor_type_check(checker, place, type->sparse_tensor_type->elem_type,
					 type->sparse_tensor_type->shape, must_be_known);
	case ONNX__TYPE_PROTO__VALUE_OPAQUE_TYPE:
		return SNNFIT_OK;
	case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
		*inner = type->sequence_type->elem_type;
		break;
	case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
		*inner = type->optional_type->elem_type;
		break;
	case ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
		*inner = type->map_type->value_type;
		status = key_type_check(checker, place, type->map_type->key_type);
		break;
	default:
		break;
	}
	if (status == SNNFIT_OK && !*inner && must_be_known)
		return error_set(checker->err, SNNFIT_EFORMAT, "%s has an incomplete type", place);
	return status;
}

snnfit_status
type_check(struct checker *checker, const char *place, const Onnx__TypeProto *type,
	   bool must_be_known)
{
	snnfit_status status = SNNFIT_OK;

	if (!type && must_be_known)
		return error_set(checker->err, SNNFIT_EFORMAT, "%s has no type", place);
	while (type && status == SNNFIT_OK) {
		status = outer_type_check(checker, place, type, must_be_known, &type);
		must_be_known = false; /* elements of elements may be anything */
	}
	return status;
}
