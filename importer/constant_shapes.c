/* constant_shapes.c - constants whose numbers are the same under other dims, or reordered. */
#include "importer/constant_private.h"

static bool
reshape(const struct constant *x, const int64_t *dims, uint64_t rank, bool allow_zero,
	struct constant *out)
{
	uint64_t known = 1, d;
	int64_t infer = -1;

	if (rank > CONSTANT_RANK_MAX)
		return false;
	*out = *x;
	out->rank = (uint32_t)rank;
	for (d = 0; d < rank; d++) {
		int64_t size = dims[d];

		if (size == 0 && !allow_zero)
			size = d < x->rank ? (int64_t)x->dims[d] : -2;
		if (size == -1 && infer < 0)
			infer = (int64_t)d;
		else if (size < 0 || __builtin_mul_overflow(known, (uint64_t)size, &known))
			return false;
		out->dims[d] = (uint64_t)size;
	}
	if (infer >= 0)
		out->dims[infer] = known ? x->count / known : 0;
	return constant_count(out) && out->count == x->count;
}

static bool
transpose(const struct operation *operation, const struct constant *x, struct arena *arena,
	  struct constant *out)
{
	const Onnx__AttributeProto *perm = operation_attribute(operation, "perm");
	uint64_t strides[CONSTANT_RANK_MAX], stride = 1, at;
	uint32_t from[CONSTANT_RANK_MAX], d;
	bool taken[CONSTANT_RANK_MAX] = { false };

	*out = *x;
	if (perm && perm->n_ints != x->rank)
		return false;
	for (d = x->rank; d-- > 0; stride *= x->dims[d])
		strides[d] = stride;
	for (d = 0; d < x->rank; d++) {
		from[d] = x->rank - 1 - d;
		if (perm && !axis_at(perm->ints[d], x->rank, &from[d]))
			return false;
		if (taken[from[d]])
			return false;
		taken[from[d]] = true;
		out->dims[d] = x->dims[from[d]];
	}
	if (!constant_room(arena, out))
		return false;
	for (at = 0; at < out->count; at++) {
		uint64_t rest = at, index = 0;

		for (d = out->rank; d-- > 0; rest /= out->dims[d])
			index += rest % out->dims[d] * strides[from[d]];
		if (out->reals)
			out->reals[at] = x->reals[index];
		else
			out->integers[at] = x->integers[index];
	}
	return true;
}

static bool
squeeze(const struct operation *operation, const struct constant *const *operands, uint32_t count,
	bool insert, struct constant *out)
{
	const Onnx__AttributeProto *attribute = operation_attribute(operation, "axes");
	const int64_t *axes = attribute	  ? attribute->ints
			      : count > 1 ? operands[1]->integers
					  : NULL;
	uint64_t axis_count = attribute ? attribute->n_ints : count > 1 ? operands[1]->count : 0;
	const struct constant *x = operands[0];
	uint64_t rank = insert ? x->rank + axis_count : x->rank;
	bool listed[CONSTANT_RANK_MAX] = { false };
	uint32_t d, next = 0;
	uint64_t i;

	if (rank > CONSTANT_RANK_MAX || (!axes && (insert || axis_count)))
		return false;
	for (i = 0; i < axis_count; i++) {
		if (!axis_at(axes[i], (uint32_t)rank, &d) || listed[d])
			return false;
		listed[d] = true;
	}
	*out = *x;
	out->rank = 0;
	for (d = 0; d < rank; d++) {
		bool drop = axes ? listed[d] : x->dims[d] == 1;

		if (insert)
			out->dims[out->rank++] = listed[d] ? 1 : x->dims[next++];
		else if (!drop)
			out->dims[out->rank++] = x->dims[d];
	}
	return constant_count(out) && out->count == x->count;
}

bool
constant_takes_shape(const struct operation *operation)
{
	return operation_is(operation, "Reshape") || operation_is(operation, "Squeeze") ||
	       operation_is(operation, "Transpose") || operation_is(operation, "Unsqueeze");
}

bool
constant_shaped(const struct operation *operation, const struct constant *const *operands,
		uint32_t count, struct arena *arena, struct constant *out)
{
	if (operation_is(operation, "Transpose"))
		return transpose(operation, operands[0], arena, out);
	if (operation_is(operation, "Reshape"))
		return count > 1 && operands[1]->integers &&
		       reshape(operands[0], operands[1]->integers, operands[1]->count,
			       operation_int(operation, "allowzero", 0), out);
	return squeeze(operation, operands, count, operation_is(operation, "Unsqueeze"), out);
}
