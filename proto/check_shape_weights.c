/* check_shape_weights.c - shapes through the operators that weights are in. */
#include "proto/check_shape.h"

#include <inttypes.h>

static snnfit_status
refuse_pair(struct shaping *shaping, const struct value_shape *a, const struct value_shape *b,
	    const char *why)
{
	char first[SHAPE_TEXT_BYTES], second[SHAPE_TEXT_BYTES];

	return node_refuse(shaping->checker, shaping->node, "cannot take [%s] and [%s]: %s",
			   shape_text(a, first), shape_text(b, second), why);
}

/* The dimension of a matrix that may be unknown as a whole. */
static int64_t
dim_of(const struct value_shape *shape, int32_t at)
{
	return shape_is_known(shape) ? shape->dims[at] : DIM_UNKNOWN;
}

/* C is broadcast to the product, never the other way round. */
static snnfit_status
check_addend(struct shaping *shaping, const struct value_shape *addend)
{
	char text[SHAPE_TEXT_BYTES], product[SHAPE_TEXT_BYTES];
	bool fits = addend->rank <= 2;
	int32_t d;

	for (d = 1; fits && d <= addend->rank; d++) {
		int64_t dim = addend->dims[addend->rank - d];

		fits = dim == 1 || dims_agree(dim, shaping->out.dims[2 - d]);
	}
	if (fits)
		return SNNFIT_OK;
	return node_refuse(shaping->checker, shaping->node,
			   "cannot add [%s] to a product of shape [%s]", shape_text(addend, text),
			   shape_text(&shaping->out, product));
}

snnfit_status
shape_gemm(struct shaping *shaping)
{
	struct value_shape a = shape_of_input(shaping, 0), b = shape_of_input(shaping, 1);
	struct value_shape addend = shape_of_input(shaping, 2);
	bool a_turned = attribute_int(shaping->node, "transA", 0) != 0;
	bool b_turned = attribute_int(shaping->node, "transB", 0) != 0;
	int64_t *dims;

	if ((shape_is_known(&a) && a.rank != 2) || (shape_is_known(&b) && b.rank != 2))
		return refuse_pair(shaping, &a, &b, "it multiplies matrices");
	if (!dims_agree(dim_of(&a, !a_turned), dim_of(&b, b_turned)))
		return refuse_pair(shaping, &a, &b, "the inner dimensions differ");
	dims = shape_out(shaping, 2);
	if (!dims)
		return error_no_memory(shaping->checker->err);
	dims[0] = dim_of(&a, a_turned);
	dims[1] = dim_of(&b, !b_turned);
	shaping->out.type = a.type ? a.type : b.type;
	return check_addend(shaping, &addend);
}

/* All but the last two dimensions are broadcast; a vector is a row on the left, a
 * column on the right, and its own dimension does not come out. */
snnfit_status
shape_matmul(struct shaping *shaping)
{
	struct value_shape a = shape_of_input(shaping, 0), b = shape_of_input(shaping, 1);
	int32_t batch, d, at = 0;
	int64_t *dims;

	if (a.rank == 0 || b.rank == 0)
		return refuse_pair(shaping, &a, &b, "a single number is no matrix");
	shaping->out.type = a.type ? a.type : b.type;
	if (!shape_is_known(&a) || !shape_is_known(&b))
		return SNNFIT_OK;
	if (!dims_agree(a.dims[a.rank - 1], b.dims[b.rank > 1 ? b.rank - 2 : 0]))
		return refuse_pair(shaping, &a, &b, "the inner dimensions differ");
	batch = (a.rank > b.rank ? a.rank : b.rank) - 2;
	batch = batch > 0 ? batch : 0;
	dims = shape_out(shaping, batch + (a.rank > 1) + (b.rank > 1));
	if (!dims)
		return error_no_memory(shaping->checker->err);
	for (d = batch; d > 0; d--) {
		int64_t of_a = a.rank - 2 >= d ? a.dims[a.rank - 2 - d] : 1;
		int64_t of_b = b.rank - 2 >= d ? b.dims[b.rank - 2 - d] : 1;

		if (!dims_broadcast(of_a, of_b, &dims[at++]))
			return refuse_pair(shaping, &a, &b, "the outer dimensions differ");
	}
	if (a.rank > 1)
		dims[at++] = a.dims[a.rank - 2];
	if (b.rank > 1)
		dims[at++] = b.dims[b.rank - 1];
	return SNNFIT_OK;
}

static snnfit_status
check_bias(struct shaping *shaping, const struct value_shape *weights)
{
	struct value_shape bias = shape_of_input(shaping, 2);

	if (!shape_is_known(&bias) ||
	    (bias.rank == 1 && dims_agree(bias.dims[0], weights->dims[0])))
		return SNNFIT_OK;
	return refuse_pair(shaping, weights, &bias, "a bias has one number a channel");
}

/* Input [N, C, ...], weights [M, C/group, ...]. */
snnfit_status
shape_conv(struct shaping *shaping)
{
	struct value_shape input = shape_of_input(shaping, 0);
	struct value_shape weights = shape_of_input(shaping, 1);
	int64_t group = attribute_int(shaping->node, "group", 1), *dims;

	shaping->out.type = input.type ? input.type : weights.type;
	if (!shape_is_known(&weights))
		return SNNFIT_OK;
	if (weights.rank < 3 || (shape_is_known(&input) && input.rank != weights.rank))
		return refuse_pair(shaping, &input, &weights, "the numbers of dimensions differ");
	if (group < 1 || !dims_agree(dim_of(&input, 1), dim_times(weights.dims[1], group)))
		return refuse_pair(shaping, &input, &weights, "the channels do not fit");
	dims = shape_out(shaping, weights.rank);
	if (!dims)
		return error_no_memory(shaping->checker->err);
	dims[0] = dim_of(&input, 0);
	dims[1] = weights.dims[0];
	return check_bias(shaping, &weights);
}
