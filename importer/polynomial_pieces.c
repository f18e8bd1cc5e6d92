/* polynomial_pieces.c - polynomials of what Slice, Split, Gather take out, and Concat joins.
 *
 * A concatenation is the sum of its operands, each with a coefficient that is 0
 * outside its own part. What is taken out of a tensor are other atoms than the whole,
 * so that unit 3 of it is never taken for unit 3 of the whole. */
#include "importer/polynomial.h"

#include <string.h>

enum { CONCAT_MAX = 1 << 20 }; /* units: every term has a coefficient of that length */

/* What an operation takes out of its first operand: along one axis. */
struct piece {
	uint32_t axis;
	uint64_t start, size;
};

static const struct tensor_axes *
axes_of(const struct polynomials *context, uint32_t value)
{
	return &context->axes->tensors[value];
}

/* Integers of an operand, or of an old attribute. NULL: not known. */
static const int64_t *
integers(struct polynomials *context, const struct operation *operation, uint32_t i,
	 const char *attribute, size_t *count)
{
	const Onnx__AttributeProto *list = operation_attribute(operation, attribute);
	const struct constant *constant;

	*count = 0;
	if (list) {
		*count = list->n_ints;
		return list->ints;
	}
	if (i >= operation->operand_count || operation->operands[i] == NO_VALUE)
		return NULL;
	constant = constant_of(context->axes->constants, operation->operands[i]);
	if (!constant || !constant->integers)
		return NULL;
	*count = (size_t)constant->count;
	return constant->integers;
}

/* The only axis that becomes shorter. */
static bool
find_axis(struct polynomials *context, const struct tensor_axes *from, const struct tensor_axes *to,
	  struct piece *out)
{
	uint32_t d, found = 0;

	if (from->rank != to->rank)
		return false;
	for (d = 0; d < from->rank; d++) {
		uint64_t size = axis_size(context->axes, to->axes[d]);

		if (size == axis_size(context->axes, from->axes[d]))
			continue;
		out->axis = d;
		out->size = size;
		found++;
	}
	return found == 1;
}

/* One unit after the other. */
static bool
takes_all_between(struct polynomials *context, const struct operation *operation)
{
	size_t count, i;
	const int64_t *steps = integers(context, operation, 4, "steps", &count);

	if (!steps)
		return operation->operand_count < 5 || operation->operands[4] == NO_VALUE;
	for (i = 0; i < count; i++)
		if (steps[i] != 1)
			return false;
	return true;
}

static bool
find_slice(struct polynomials *context, const struct operation *operation, struct piece *out)
{
	const struct tensor_axes *x = axes_of(context, operation->operands[0]);
	size_t count, listed, i;
	const int64_t *axes = integers(context, operation, 3, "axes", &listed);
	const int64_t *starts = integers(context, operation, 1, "starts", &count);

	if (!starts || (axes && listed != count) || !takes_all_between(context, operation) ||
	    !find_axis(context, x, axes_of(context, operation->results[0]), out))
		return false;
	for (i = 0; i < count; i++) {
		int64_t axis = axes ? axes[i] : (int64_t)i;
		int64_t size = (int64_t)axis_size(context->axes, x->axes[out->axis]);
		int64_t start = starts[i] + (starts[i] < 0 ? size : 0);

		if (axis + (axis < 0 ? (int64_t)x->rank : 0) != out->axis)
			continue;
		out->start = start < 0 ? 0 : (uint64_t)start;
		return out->start + out->size <= (uint64_t)size;
	}
	return false;
}

static bool
find_split(struct polynomials *context, const struct operation *operation, uint32_t output,
	   struct piece *out)
{
	uint32_t i;

	if (!find_axis(context, axes_of(context, operation->operands[0]),
		       axes_of(context, operation->results[output]), out))
		return false;
	out->start = 0;
	for (i = 0; i < output; i++) {
		const struct tensor_axes *before;

		if (operation->results[i] == NO_VALUE)
			return false;
		before = axes_of(context, operation->results[i]);
		if (before->rank <= out->axis) /* its axes are not known */
			return false;
		out->start += axis_size(context->axes, before->axes[out->axis]);
	}
	return true;
}

static bool
find_gather(struct polynomials *context, const struct operation *operation, struct piece *out)
{
	const struct tensor_axes *x = axes_of(context, operation->operands[0]);
	int64_t size;
	uint32_t axis;
	double number;

	if (!axis_at(operation_int(operation, "axis", 0), x->rank, &axis) ||
	    !constant_scalar(context->axes->constants, operation->operands[1], &number))
		return false;
	size = (int64_t)axis_size(context->axes, x->axes[axis]);
	number += number < 0 ? (double)size : 0;
	if (!(number >= 0) || number >= (double)size)
		return false;
	*out = (struct piece){ axis, (uint64_t)number, 1 };
	return true;
}

/* The coefficient as the piece sees it. count 0: it lies in another way. */
static struct coefficient
coefficient_of_piece(const struct tensor_axes *from, const struct tensor_axes *to,
		     const struct piece *piece, struct coefficient coefficient)
{
	uint32_t dimension = from->rank - 1 - coefficient.place;

	if (coefficient.count <= 1)
		return coefficient;
	if (coefficient.place >= from->rank ||
	    (dimension == piece->axis && piece->start + piece->size > coefficient.count))
		return (struct coefficient){ 0 };
	if (dimension == piece->axis) {
		coefficient.values += piece->start;
		coefficient.count = (uint32_t)piece->size;
	} else if (dimension < piece->axis) {
		coefficient.place += to->rank - from->rank; /* Gather takes its axis away */
	}
	return coefficient;
}

const struct polynomial *
polynomial_piece(struct polynomials *context, const struct operation *operation, uint32_t output)
{
	const struct tensor_axes *from = axes_of(context, operation->operands[0]);
	const struct tensor_axes *to = axes_of(context, operation->results[output]);
	const struct polynomial *x = polynomial_operand(context, operation, 0);
	const struct polynomial *out = polynomial_scalar(context, 0);
	struct piece piece;
	uint32_t i;

	if (!x || !from->known || !to->known)
		return NULL;
	if (!(operation_is(operation, "Split")	  ? find_split(context, operation, output, &piece)
	      : operation_is(operation, "Gather") ? find_gather(context, operation, &piece)
						  : find_slice(context, operation, &piece)))
		return NULL;
	x = polynomial_pooled(context, x, true, operation->results[output]);
	for (i = 0; x && i < x->count; i++) {
		const struct polynomial *term = polynomial_constant(
			context, coefficient_of_piece(from, to, &piece, x->terms[i].coefficient));

		if (x->terms[i].degree)
			term = polynomial_multiply(context, term,
						   polynomial_atom(context, x->terms[i].atoms[0]));
		out = polynomial_add(context, out, term, 1);
	}
	return x ? out : NULL;
}

/* --- Concat ------------------------------------------------------------------------------- */

/* The coefficient at [first, first + size) of all, 0 elsewhere. */
static struct coefficient
padded(struct polynomials *context, const struct coefficient *from, uint32_t place, uint64_t first,
       uint64_t size, uint64_t all)
{
	struct coefficient out = { (uint32_t)all, place, NULL };
	uint64_t i;

	if (from->count > 1 && (from->place != place || from->count != size))
		return (struct coefficient){ 0 };
	out.values = arena_zalloc(context->arena, (size_t)all, sizeof *out.values);
	if (!out.values) {
		context->out_of_memory = true;
		return (struct coefficient){ 0 };
	}
	for (i = 0; i < size; i++)
		out.values[first + i] = coefficient_at(from, (uint32_t)i);
	return out;
}

static const struct polynomial *
padded_operand(struct polynomials *context, const struct polynomial *x, uint32_t place,
	       uint64_t first, uint64_t size, uint64_t all)
{
	const struct polynomial *out = polynomial_scalar(context, 0);
	uint32_t i, j;

	for (i = 0; i < x->count; i++) {
		const struct polynomial *term = polynomial_constant(
			context,
			padded(context, &x->terms[i].coefficient, place, first, size, all));

		for (j = 0; j < x->terms[i].degree; j++)
			term = polynomial_multiply(context, term,
						   polynomial_atom(context, x->terms[i].atoms[j]));
		out = polynomial_add(context, out, term, 1);
	}
	return out;
}

const struct polynomial *
polynomial_concat(struct polynomials *context, const struct operation *operation)
{
	const struct tensor_axes *to = axes_of(context, operation->results[0]);
	const struct polynomial *out = polynomial_scalar(context, 0);
	uint64_t all, first = 0;
	uint32_t axis, i;

	if (!to->known || !axis_at(operation_int(operation, "axis", 0), to->rank, &axis))
		return NULL;
	all = axis_size(context->axes, to->axes[axis]);
	if (all > CONCAT_MAX || axis_parts(context->axes, to->axes[axis]).count < 2)
		return NULL; /* steps of time, say */
	for (i = 0; out && i < operation->operand_count; i++) {
		const struct polynomial *x = polynomial_operand(context, operation, i);
		const struct tensor_axes *from = axes_of(context, operation->operands[i]);
		uint64_t size = from->known && axis < from->rank
					? axis_size(context->axes, from->axes[axis])
					: 0;

		if (!x || !size || first + size > all)
			return NULL;
		out = polynomial_add(
			context, out,
			padded_operand(context, x, to->rank - 1 - (uint32_t)axis, first, size, all),
			1);
		first += size;
	}
	return out;
}
