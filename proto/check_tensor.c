/* check_tensor.c - tensors, dense and sparse: type, shape and data agree. */
#include "proto/check_private.h"
#include "proto/tensor.h"

#include <inttypes.h>
#include <stdio.h>

snnfit_status
tensor_check(struct checker *checker, const Onnx__TensorProto *tensor, struct tensor_shape *shape)
{
	char label[TENSOR_LABEL_BYTES];
	struct tensor_shape unused;

	if (!data_type_is_valid(tensor->data_type))
		return error_set(checker->err, SNNFIT_EFORMAT, "%s has the unknown type %" PRId32,
				 tensor_label(tensor, label), tensor->data_type);
	return tensor_shape_of(checker->model, tensor, shape ? shape : &unused, checker->err);
}

/* --- sparse tensors ------------------------------------------------------------------ */

/* The positions of the values, one number or one row of numbers each, have to grow
 * from one value to the next. */
struct positions {
	const Onnx__SparseTensorProto *sparse;
	size_t columns;	  /* numbers a position: 1, or one a dimension */
	size_t column;	  /* the next number's */
	int64_t position; /* of the numbers of the row so far, row-major */
	int64_t last;	  /* complete one */
};

/* False: outside the tensor, or not behind the one before. */
static bool
positions_add(struct positions *positions, int64_t count, int64_t number)
{
	const int64_t *dims = positions->sparse->dims;
	int64_t end = positions->columns == 1 ? count : dims[positions->column];

	if (number < 0 || number >= end)
		return false;
	/* The dims' product could be counted, and so can this. */
	positions->position = positions->position * end + number;
	if (++positions->column < positions->columns)
		return true;
	if (positions->position <= positions->last)
		return false;
	positions->last = positions->position;
	positions->column = 0;
	positions->position = 0;
	return true;
}

static snnfit_status
positions_check(struct checker *checker, const Onnx__SparseTensorProto *sparse,
		const struct tensor_shape *indices, int64_t count, const char *label)
{
	struct positions positions = { .sparse = sparse, .last = -1, .columns = 1 };
	int64_t numbers[512];
	uint64_t at, piece, i;
	snnfit_status status;

	if (indices->rank == 2)
		positions.columns = sparse->n_dims;
	for (at = 0; at < indices->count; at += piece) {
		piece = indices->count - at;
		if (piece > sizeof numbers / sizeof *numbers)
			piece = sizeof numbers / sizeof *numbers;
		status = tensor_read_int64(checker->model, sparse->indices, at, piece, numbers,
					   checker->err);
		if (status != SNNFIT_OK)
			return status;
		for (i = 0; i < piece; i++)
			if (!positions_add(&positions, count, numbers[i]))
				return error_set(checker->err, SNNFIT_EFORMAT,
						 "%s has an index (%" PRId64
						 ") that is out of range or out of order",
						 label, numbers[i]);
	}
	return SNNFIT_OK;
}

static snnfit_status
dense_count(struct checker *checker, const Onnx__SparseTensorProto *sparse, const char *label,
	    int64_t *count)
{
	size_t d;

	*count = 1;
	for (d = 0; d < sparse->n_dims; d++)
		if (sparse->dims[d] <= 0 || __builtin_mul_overflow(*count, sparse->dims[d], count))
			return error_set(checker->err, SNNFIT_EFORMAT,
					 "%s has the dimension %" PRId64
					 ", which is not positive, or more elements than can be "
					 "counted",
					 label, sparse->dims[d]);
	if (sparse->n_dims == 0)
		return error_set(checker->err, SNNFIT_EFORMAT, "%s has no dimensions", label);
	return SNNFIT_OK;
}

static bool
indices_fit(const Onnx__SparseTensorProto *sparse, const struct tensor_shape *values,
	    const struct tensor_shape *indices)
{
	return indices->type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64 &&
	       (indices->rank == 1 || (indices->rank == 2 && indices->dims[1] == sparse->n_dims)) &&
	       indices->dims[0] == values->dims[0];
}

snnfit_status
sparse_tensor_check(struct checker *checker, const Onnx__SparseTensorProto *sparse)
{
	char name[TENSOR_LABEL_BYTES], label[TENSOR_LABEL_BYTES + 16];
	struct tensor_shape values, indices;
	int64_t count;
	snnfit_status status;

	if (!sparse->values)
		return error_set(checker->err, SNNFIT_EFORMAT, "a sparse tensor has no values");
	(void)snprintf(label, sizeof label, "sparse %s", tensor_label(sparse->values, name));
	status = tensor_check(checker, sparse->values, &values);
	if (status == SNNFIT_OK)
		status = dense_count(checker, sparse, label, &count);
	if (status != SNNFIT_OK)
		return status;
	if (values.rank == 1 && values.count == 0 && !sparse->indices)
		return SNNFIT_OK;
	if (values.rank != 1 || !sparse->indices)
		return error_set(checker->err, SNNFIT_EFORMAT,
				 "%s has no indices, or values that are no list", label);
	status = tensor_check(checker, sparse->indices, &indices);
	if (status != SNNFIT_OK)
		return status;
	if (!indices_fit(sparse, &values, &indices))
		return error_set(
			checker->err, SNNFIT_EFORMAT,
			"%s needs one int64 index, or a row of them, for each of its %" PRIu64
			" values",
			label, values.count);
	return positions_check(checker, sparse, &indices, count, label);
}
