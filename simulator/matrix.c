#include "simulator/matrix.h"

#include <string.h>

/* --- one product ------------------------------------------------------------------ */

void
count_operations(struct call *call, uint64_t nonzeros, uint64_t columns)
{
	call->machine->synaptic_operations += (double)nonzeros * (double)columns *
					      (call->laned ? 1 : call->machine->lanes);
}

static snnfit_status
multiply_floats(struct call *call, const struct product *p)
{
	struct tensor packing = { .type = TYPE_NONE }, scratch = packing;
	struct packed packed;
	const struct packed *right = p->packed;
	void *memory;

	if (!right) {
		float *to = call_scratch(call, &packing,
					 packed_floats(p->depth, p->columns) * sizeof(float));

		if (!to)
			return call->status;
		pack_matrix(&packed, to, p->right, p->depth, p->columns, p->right_row_stride,
			    p->right_column_stride);
		right = &packed;
	}
	memory = call_scratch(call, &scratch, multiply_scratch(p->rows, right));
	if (memory) {
		uint64_t nonzeros = p->left_bits ? multiply_spikes(right, p->rows, p->left_bits,
								   p->bias, p->out, memory)
						 : multiply(right, p->rows, p->left, p->bias,
							    p->out, memory);

		if (p->packed)
			count_operations(call, nonzeros, p->columns);
	}
	call_scratch_free(call, &scratch);
	call_scratch_free(call, &packing);
	return call->status;
}

static void
multiply_in_order(const struct product *p)
{
	bool real = type_is_float(p->type);
	uint64_t row, column, k;

	for (row = 0; row < p->rows; row++) {
		for (column = 0; column < p->columns; column++) {
			uint64_t left = row * p->depth, right = column * p->right_column_stride;
			uint64_t out = row * p->columns + column, sum = 0;
			double reals = 0;

			for (k = 0; k < p->depth; k++, left++, right += p->right_row_stride) {
				if (real)
					reals += element_double(p->type, p->left, left) *
						 element_double(p->type, p->right, right);
				else
					sum += (uint64_t)element_int(p->type, p->left, left) *
					       (uint64_t)element_int(p->type, p->right, right);
			}
			if (real)
				element_set_double(p->type, p->out, out, reals);
			else
				element_set_int(p->type, p->out, out, (int64_t)sum);
		}
	}
}

snnfit_status
multiply_arrays(struct call *call, const struct product *product)
{
	if (product->type == TYPE_FLOAT)
		return multiply_floats(call, product);
	multiply_in_order(product);
	return SNNFIT_OK;
}

/* Spikes stay bits where their rows are words and the right side is packed; else they become
 * floats. */
static snnfit_status
prepare_left(struct call *call, const struct tensor *a, uint64_t depth, const struct packed *packed)
{
	bool whole = a->count == depth || depth % 64 == 0;

	if (!a->bits || (whole && packed && packed->finite && a->laned == call->laned))
		return SNNFIT_OK;
	return call_expand(call, 0);
}

/* --- Gemm ---------------------------------------------------------------------------- */

snnfit_status
prepare_gemm(struct plan *plan, const struct plan_node *node, snnfit_error *err)
{
	if (node->input_count < 2)
		return SNNFIT_OK;
	return plan_pack(plan, node->inputs[1],
			 node_int(node, "transB", 0) ? PACK_TRANSPOSED : PACK_PLAIN, 1, err);
}

struct gemm {
	const struct tensor *a, *b, *c; /* c NULL: none */
	bool trans_a, trans_b;
	uint64_t rows, depth, columns; /* of one lane */
	float alpha, beta;
};

/* One way that c lies beside the result: strides of a row and of a column. */
static bool
bias_strides(const struct gemm *gemm, uint64_t *row, uint64_t *column)
{
	const struct tensor *c = gemm->c;
	uint64_t columns = c->rank ? c->dims[c->rank - 1] : 1;
	uint64_t rows = c->rank > 1 ? c->dims[c->rank - 2] : 1;

	if (c->rank > 2 || (columns != 1 && columns != gemm->columns) ||
	    (rows != 1 && rows != gemm->rows))
		return false;
	*row = rows == 1 ? 0 : columns;
	*column = columns == 1 ? 0 : 1;
	return true;
}

static snnfit_status
read_gemm(struct call *call, struct gemm *gemm)
{
	uint64_t row, column;

	gemm->a = call_input(call, 0);
	gemm->b = call_input(call, 1);
	gemm->c = call_input(call, 2);
	if (!gemm->a || !gemm->b || gemm->a->rank != 2 || gemm->b->rank != 2 ||
	    gemm->a->type != gemm->b->type)
		return call_fail(call, SNNFIT_EFORMAT, "it takes two matrices of one type");
	gemm->trans_a = node_int(call->node, "transA", 0) != 0;
	gemm->trans_b = node_int(call->node, "transB", 0) != 0;
	gemm->alpha = node_float(call->node, "alpha", 1);
	gemm->beta = node_float(call->node, "beta", 1);
	gemm->rows = gemm->a->dims[gemm->trans_a];
	gemm->depth = gemm->a->dims[!gemm->trans_a];
	gemm->columns = gemm->b->dims[!gemm->trans_b];
	if (gemm->b->dims[gemm->trans_b] != gemm->depth)
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "matrices of %llu columns and %llu rows",
				 (unsigned long long)gemm->depth,
				 (unsigned long long)gemm->b->dims[gemm->trans_b]);
	if (gemm->c && (gemm->c->type != gemm->a->type || !bias_strides(gemm, &row, &column)))
		return call_fail(call, SNNFIT_EUNSUPPORTED, "C does not go with the product");
	return SNNFIT_OK;
}

/* C where it is one row of numbers to add to the sums as they are: the product does it on the
 * way. NULL: it is something else. */
static const float *
plain_bias(const struct gemm *gemm)
{
	uint64_t row, column;

	if (gemm->a->type != TYPE_FLOAT || gemm->alpha != 1 || gemm->beta != 1 || !gemm->c ||
	    gemm->c->laned || !bias_strides(gemm, &row, &column) || row != 0 || column != 1)
		return NULL;
	return gemm->c->data;
}

/* out = alpha out + beta c, for one lane. */
static void
gemm_finish(const struct gemm *gemm, uint32_t lane, void *out)
{
	int32_t type = gemm->a->type;
	uint64_t row, column, row_stride = 0, column_stride = 0, at = 0, i;
	const char *c = NULL;
	bool plain = type == TYPE_FLOAT && gemm->alpha == 1 && gemm->beta == 1;

	if (gemm->c && bias_strides(gemm, &row_stride, &column_stride)) {
		c = gemm->c->data;
		c += gemm->c->laned ? lane * gemm->c->count * type_bytes(type) : 0;
	}
	if (!c && gemm->alpha == 1)
		return;
	for (row = 0; row < gemm->rows; row++) {
		if (plain && column_stride == 1) {
			const float *bias = (const float *)c + row * row_stride;
			float *sums = (float *)out + row * gemm->columns;

			for (column = 0; column < gemm->columns; column++)
				sums[column] += bias[column];
			continue;
		}
		for (column = 0; column < gemm->columns; column++) {
			double value;

			i = row * gemm->columns + column;
			at = row * row_stride + column * column_stride;
			value = element_double(type, out, i) * (double)gemm->alpha;
			if (c)
				value += (double)gemm->beta * element_double(type, c, at);
			element_set_double(type, out, i, value);
		}
	}
}

static void
transpose_into(void *out, const void *from, uint64_t rows, uint64_t columns, size_t bytes)
{
	uint64_t r, c;

	for (r = 0; r < rows; r++)
		for (c = 0; c < columns; c++)
			memcpy((char *)out + (c * rows + r) * bytes,
			       (const char *)from + (r * columns + c) * bytes, bytes);
}

static snnfit_status
gemm_lane(struct call *call, const struct gemm *gemm, uint32_t lane, uint64_t rows, void *out)
{
	size_t bytes = type_bytes(gemm->a->type);
	struct tensor scratch = { .type = TYPE_NONE };
	struct product product = { .rows = rows, .depth = gemm->depth };
	snnfit_status status = SNNFIT_OK;
	void *turned;

	product.columns = gemm->columns;
	product.type = gemm->a->type;
	product.left_bits = gemm->a->bits ? gemm->a->data : NULL;
	product.left = (const char *)gemm->a->data +
		       (gemm->a->laned ? lane * gemm->a->count * bytes : 0);
	product.right = (const char *)gemm->b->data +
			(gemm->b->laned ? lane * gemm->b->count * bytes : 0);
	product.bias = plain_bias(gemm);
	product.right_row_stride = gemm->trans_b ? 1 : gemm->columns;
	product.right_column_stride = gemm->trans_b ? gemm->depth : 1;
	product.packed = plan_packed(call->machine->plan, call->node->inputs[1],
				     gemm->trans_b ? PACK_TRANSPOSED : PACK_PLAIN, 1);
	product.out = out;
	if (gemm->trans_a) {
		turned = call_scratch(call, &scratch, gemm->a->count * bytes);
		if (!turned)
			return call->status;
		transpose_into(turned, product.left, gemm->depth, gemm->rows, bytes);
		product.left = turned;
	}
	status = multiply_arrays(call, &product);
	call_scratch_free(call, &scratch);
	return status;
}

snnfit_status
run_gemm(struct call *call)
{
	struct gemm gemm;
	uint64_t dims[2];
	uint32_t lane, lanes = call->laned ? call->lanes : 1;
	const struct packed *packed = NULL;
	size_t row_bytes;
	snnfit_status status = read_gemm(call, &gemm);
	char *out;

	if (status != SNNFIT_OK)
		return status;
	dims[0] = gemm.rows;
	dims[1] = gemm.columns;
	if (!gemm.trans_a)
		packed = plan_packed(call->machine->plan, call->node->inputs[1],
				     gemm.trans_b ? PACK_TRANSPOSED : PACK_PLAIN, 1);
	status = prepare_left(call, gemm.a, gemm.depth, packed);
	if (status != SNNFIT_OK)
		return status;
	out = call_output(call, 0, gemm.a->type, 2, dims);
	if (!out)
		return call->status;
	row_bytes = (size_t)(gemm.rows * gemm.columns) * type_bytes(gemm.a->type);
	/* All lanes at once, where they are rows of one matrix. */
	if (!gemm.trans_a && !gemm.b->laned && gemm.a->laned)
		status = gemm_lane(call, &gemm, 0, gemm.rows * lanes, out);
	else
		for (lane = 0; lane < lanes && status == SNNFIT_OK; lane++)
			status = gemm_lane(call, &gemm, lane, gemm.rows, out + lane * row_bytes);
	for (lane = 0; lane < lanes && status == SNNFIT_OK && !plain_bias(&gemm); lane++)
		gemm_finish(&gemm, lane, out + lane * row_bytes);
	return status;
}

/* --- MatMul ---------------------------------------------------------------------------- */

snnfit_status
prepare_mat_mul(struct plan *plan, const struct plan_node *node, snnfit_error *err)
{
	if (node->input_count < 2)
		return SNNFIT_OK;
	return plan_pack(plan, node->inputs[1], PACK_PLAIN, 1, err);
}

/* As numpy's matmul: batches broadcast, a vector is a row or a column. */
struct mat_mul {
	uint64_t rows, depth, columns;
	uint32_t batch_rank, rank; /* of the result */
	uint64_t dims[TENSOR_DIMS_MAX];
	uint64_t a_strides[TENSOR_DIMS_MAX], b_strides[TENSOR_DIMS_MAX]; /* of batches */
};

static void
batch_strides(const struct tensor *x, uint64_t matrix, uint32_t batch_rank, uint64_t *strides)
{
	uint32_t d, own = x->rank > 2 ? x->rank - 2 : 0;
	uint64_t stride = matrix;

	for (d = batch_rank; d-- > 0;) {
		uint64_t size = batch_rank - d <= own ? x->dims[own - (batch_rank - d)] : 1;

		strides[d] = size == 1 ? 0 : stride;
		stride *= size;
	}
}

static snnfit_status
plan_mat_mul(struct call *call, const struct tensor *a, const struct tensor *b, struct mat_mul *out)
{
	uint32_t d, a_batch, b_batch;

	if (!a || !b || a->type == TYPE_NONE || b->type == TYPE_NONE || a->rank == 0 ||
	    b->rank == 0)
		return call_fail(call, SNNFIT_EFORMAT, "it takes two arrays");
	out->rows = a->rank > 1 ? a->dims[a->rank - 2] : 1;
	out->depth = a->dims[a->rank - 1];
	out->columns = b->rank > 1 ? b->dims[b->rank - 1] : 1;
	if (b->dims[b->rank > 1 ? b->rank - 2 : 0] != out->depth)
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "matrices of %llu columns and %llu rows",
				 (unsigned long long)out->depth,
				 (unsigned long long)b->dims[b->rank > 1 ? b->rank - 2 : 0]);
	a_batch = a->rank > 2 ? a->rank - 2 : 0;
	b_batch = b->rank > 2 ? b->rank - 2 : 0;
	out->batch_rank = a_batch > b_batch ? a_batch : b_batch;
	for (d = 0; d < out->batch_rank; d++) {
		uint32_t back = out->batch_rank - d;
		uint64_t x = back <= a_batch ? a->dims[a_batch - back] : 1;
		uint64_t y = back <= b_batch ? b->dims[b_batch - back] : 1;

		if (x != y && x != 1 && y != 1)
			return call_fail(call, SNNFIT_EUNSUPPORTED,
					 "the shapes of its inputs do not go together");
		out->dims[d] = x == 1 ? y : x;
	}
	batch_strides(a, out->rows * out->depth, out->batch_rank, out->a_strides);
	batch_strides(b, out->depth * out->columns, out->batch_rank, out->b_strides);
	out->rank = out->batch_rank;
	if (a->rank > 1)
		out->dims[out->rank++] = out->rows;
	if (b->rank > 1)
		out->dims[out->rank++] = out->columns;
	return SNNFIT_OK;
}

/* Every matrix of a's batches with the one matrix b, for all lanes at once. */
static snnfit_status
mat_mul_rows(struct call *call, const struct mat_mul *m, const struct tensor *a,
	     const struct tensor *b, void *out)
{
	struct product product = { .depth = m->depth,
				   .columns = m->columns,
				   .type = a->type,
				   .left = a->data,
				   .right = b->data,
				   .out = out };

	product.left_bits = a->bits ? a->data : NULL;
	product.right_row_stride = m->columns;
	product.right_column_stride = 1;
	product.rows = dims_product(m->dims, 0, m->batch_rank) * m->rows;
	product.rows *= call->laned ? call->lanes : 1;
	product.packed = plan_packed(call->machine->plan, call->node->inputs[1], PACK_PLAIN, 1);
	return multiply_arrays(call, &product);
}

static snnfit_status
mat_mul_lane(struct call *call, const struct mat_mul *m, const struct tensor *a,
	     const struct tensor *b, uint32_t lane, void *out)
{
	uint64_t batches = dims_product(m->dims, 0, m->batch_rank), i, left;
	uint64_t at_a = a->laned ? lane * a->count : 0, at_b = b->laned ? lane * b->count : 0;
	size_t bytes = type_bytes(a->type);
	snnfit_status status = SNNFIT_OK;
	uint32_t d;

	for (i = 0; i < batches && status == SNNFIT_OK; i++) {
		uint64_t from_a = at_a, from_b = at_b;
		struct product product = { .rows = m->rows, .depth = m->depth };

		for (d = m->batch_rank, left = i; d-- > 0; left /= m->dims[d]) {
			from_a += left % m->dims[d] * m->a_strides[d];
			from_b += left % m->dims[d] * m->b_strides[d];
		}
		product.columns = m->columns;
		product.type = a->type;
		product.left = (const char *)a->data + from_a * bytes;
		product.right = (const char *)b->data + from_b * bytes;
		product.right_row_stride = m->columns;
		product.right_column_stride = 1;
		product.out = (char *)out + (lane * batches + i) * m->rows * m->columns * bytes;
		status = multiply_arrays(call, &product);
	}
	return status;
}

static snnfit_status
mat_mul(struct call *call, const struct tensor *a, const struct tensor *b)
{
	const struct packed *packed = NULL;
	struct mat_mul m;
	uint32_t lane;
	snnfit_status status = plan_mat_mul(call, a, b, &m);
	void *out;

	if (status != SNNFIT_OK)
		return status;
	if (a->type != b->type)
		return call_fail(call, SNNFIT_EFORMAT, "inputs of types %s and %s",
				 type_name(a->type), type_name(b->type));
	if (b->rank == 2)
		packed = plan_packed(call->machine->plan, call->node->inputs[1], PACK_PLAIN, 1);
	status = prepare_left(call, a, m.depth, packed);
	if (status != SNNFIT_OK)
		return status;
	out = call_output(call, 0, a->type, m.rank, m.dims);
	if (!out)
		return call->status;
	if (b->rank <= 2 && !b->laned && (a->laned || !call->laned))
		return mat_mul_rows(call, &m, a, b, out);
	for (lane = 0; lane < (call->laned ? call->lanes : 1) && status == SNNFIT_OK; lane++)
		status = mat_mul_lane(call, &m, a, b, lane, out);
	return status;
}

snnfit_status
run_mat_mul(struct call *call)
{
	return mat_mul(call, call_input(call, 0), call_input(call, 1));
}

/* --- integers ------------------------------------------------------------------------------ */

/* x as int32 without its zero point, which is one number, or one for each row (a) or
 * column (b). */
static snnfit_status
without_zero_point(struct call *call, const struct tensor *x, const struct tensor *zero,
		   bool by_row, struct tensor *out)
{
	uint64_t columns = x->rank ? x->dims[x->rank - 1] : 1;
	uint64_t rows = x->rank > 1 ? x->dims[x->rank - 2] : 1, i, at;
	snnfit_status status;

	if (zero && zero->count != 1 && zero->count != (by_row ? rows : columns))
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "zero points that do not go with the "
				 "matrix");
	status = tensor_allocate(out, &call->machine->pool, TYPE_INT32, x->rank, x->dims, 1, false,
				 call->err);
	for (i = 0; status == SNNFIT_OK && i < x->count; i++) {
		int64_t value = element_int(x->type, x->data, i);

		at = !zero || zero->count == 1 ? 0 : by_row ? i / columns % rows : i % columns;
		if (zero)
			value -= element_int(zero->type, zero->data, at);
		((int32_t *)out->data)[i] = (int32_t)value;
	}
	return status;
}

static snnfit_status
integer_product(struct call *call, uint32_t b_input, uint32_t a_zero, uint32_t b_zero)
{
	const struct tensor *a = call_input(call, 0), *b = call_input(call, b_input);
	struct tensor left = { .type = TYPE_NONE }, right = left;
	snnfit_status status;

	if (!a || !b || type_is_float(a->type) || type_is_float(b->type))
		return call_fail(call, SNNFIT_EFORMAT, "it takes two arrays of integers");
	status = without_zero_point(call, a, call_input(call, a_zero), true, &left);
	if (status == SNNFIT_OK)
		status = without_zero_point(call, b, call_input(call, b_zero), false, &right);
	if (status == SNNFIT_OK)
		status = mat_mul(call, &left, &right);
	tensor_release(&left, &call->machine->pool);
	tensor_release(&right, &call->machine->pool);
	return status;
}

snnfit_status
run_mat_mul_integer(struct call *call)
{
	return integer_product(call, 1, 2, 3);
}
