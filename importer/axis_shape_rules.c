/* axis_shape_rules.c - what operators on shapes do to axes, and to the numbers in shape tensors. */
#include "importer/axis_rules.h"

#include <string.h>

static const struct operation *
operation_at(const struct axes *axes, uint32_t index)
{
	return &axes->program->operations[index];
}

const struct number *
rule_numbers(struct axes *axes, const struct operation *operation, uint32_t operand,
	     const char *attribute, uint32_t *count)
{
	const Onnx__AttributeProto *list = attribute ? operation_attribute(operation, attribute)
						     : NULL;
	const struct tensor_axes *tensor = rule_operand(axes, operation, operand);
	struct number *numbers;
	size_t i;

	if (!list) {
		*count = tensor ? tensor->number_count : 0;
		return tensor ? tensor->numbers : NULL;
	}
	numbers = arena_zalloc(axes->arena, list->n_ints + 1, sizeof *numbers);
	if (!numbers)
		axes->out_of_memory = true;
	for (i = 0; numbers && i < list->n_ints; i++)
		numbers[i] = (struct number){ .value = list->ints[i], .source = NUMBER_MIXED };
	*count = (uint32_t)list->n_ints;
	return numbers;
}

void
rule_set_numbers(struct axes *axes, uint32_t value, const struct number *numbers, uint32_t count)
{
	struct tensor_axes *tensor;

	if (value == NO_VALUE)
		return;
	tensor = &axes->tensors[value];
	tensor->numbers = arena_copy(axes->arena, numbers, count, sizeof *numbers);
	tensor->number_count = tensor->numbers ? count : 0;
	if (!tensor->numbers)
		axes->out_of_memory = true;
}

void
rule_bind_number(struct axes *axes, struct axis axis, const struct number *number)
{
	bool negative = number->value < 0;
	struct use *use;
	size_t i;

	if (!axis.count || number->source == NUMBER_FREE ||
	    (number->value <= 1 && number->value >= -1))
		return;
	if (number->source == NUMBER_MIXED) {
		axis_freeze(axes, axis, "its size is computed, or in an attribute");
		return;
	}
	if (number->source == NUMBER_AXIS) {
		axis_unify(axes, axis, number->axis, "its size is taken from another axis");
		return;
	}
	use = &axes->uses[number->use];
	for (i = 0; i < use->edit_count; i++)
		if (use->edits[i].element == number->element &&
		    use->edits[i].negative == negative) {
			axis_unify(axes, axis, use->edits[i].axis, "one number for two sizes");
			return;
		}
	if (!arena_grow(axes->arena, &use->edits, use->edit_count, &use->edit_capacity,
			sizeof *use->edits)) {
		axes->out_of_memory = true;
		return;
	}
	use->edits[use->edit_count++] = (struct axis_edit){ number->element, negative, axis };
}

/* [start, end) clamped to the axis, for step 1. */
static void
clamp_range(int64_t *start, int64_t *end, int64_t size)
{
	*start += *start < 0 ? size : 0;
	*end += *end < 0 ? size : 0;
	*start = *start < 0 ? 0 : *start > size ? size : *start;
	*end = *end < *start ? *start : *end > size ? size : *end;
}

bool
rule_shape(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	struct number numbers[AXES_RANK_MAX];
	int64_t start = operation_int(operation, "start", 0), end, d;
	uint32_t count = 0;
	struct axis length;

	if (!x)
		return false;
	end = operation_int(operation, "end", x->rank);
	clamp_range(&start, &end, x->rank);
	for (d = start; d < end; d++)
		numbers[count++] = (struct number){ .value = (int64_t)axis_size(axes, x->axes[d]),
						    .source = NUMBER_AXIS,
						    .axis = x->axes[d] };
	length = axis_fresh(axes, count, "a rank");
	axes_set(axes, rule_result(operation, 0), 1, &length);
	rule_set_numbers(axes, rule_result(operation, 0), numbers, count);
	return true;
}

/* --- Reshape and its kin ------------------------------------------------------------- */

static bool
reshape_dims(struct axes *axes, const struct tensor_axes *x, const struct number *numbers,
	     uint32_t count, bool allow_zero, uint64_t *dims)
{
	uint64_t total = 1, known = 1;
	uint32_t d, infer = count;

	for (d = 0; d < x->rank; d++)
		if (__builtin_mul_overflow(total, axis_size(axes, x->axes[d]), &total))
			return false;
	for (d = 0; d < count; d++) {
		int64_t size = numbers[d].value;

		if (size == -1 && infer == count) {
			infer = d;
			continue;
		}
		if (size == 0 && !allow_zero) {
			if (d >= x->rank)
				return false;
			size = (int64_t)axis_size(axes, x->axes[d]);
		}
		if (size < 0 || __builtin_mul_overflow(known, (uint64_t)size, &known))
			return false;
		dims[d] = (uint64_t)size;
	}
	if (infer < count) {
		if (!known || total % known)
			return false;
		dims[infer] = total / known;
		known *= dims[infer];
	}
	return known == total;
}

bool
rule_reshape(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	uint64_t dims[AXES_RANK_MAX];
	struct axis out[AXES_RANK_MAX];
	const struct number *numbers;
	uint32_t count, d;

	numbers = rule_numbers(axes, operation, 1, "shape", &count);
	if (!x || !numbers || count > AXES_RANK_MAX ||
	    !reshape_dims(axes, x, numbers, count, operation_int(operation, "allowzero", 0), dims))
		return false;
	axis_reshape(axes, x->axes, x->rank, dims, count, out);
	for (d = 0; d < count; d++)
		rule_bind_number(axes, out[d], &numbers[d]);
	axes_set(axes, rule_result(operation, 0), count, out);
	if (x->numbers && count <= 1)
		rule_set_numbers(axes, rule_result(operation, 0), x->numbers, x->number_count);
	return true;
}

bool
rule_flatten(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	int64_t axis = operation_int(operation, "axis", 1);
	struct axis out[2];

	if (!x)
		return false;
	if (axis < 0)
		axis += x->rank;
	if (axis < 0 || axis > (int64_t)x->rank)
		return false;
	out[0] = axis_product(axes, x->axes, (uint32_t)axis);
	out[1] = axis_product(axes, x->axes + axis, x->rank - (uint32_t)axis);
	axes_set(axes, rule_result(operation, 0), 2, out);
	return true;
}

static bool
list_axes(struct axes *axes, const struct operation *operation, uint32_t rank, bool *listed,
	  uint32_t *count)
{
	const struct number *numbers = rule_numbers(axes, operation, 1, "axes", count);
	uint32_t i, axis;

	if (!numbers)
		return false;
	for (i = 0; i < *count; i++) {
		if (!axis_at(numbers[i].value, rank, &axis) || listed[axis])
			return false;
		listed[axis] = true;
	}
	return true;
}

bool
rule_squeeze(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	bool listed[AXES_RANK_MAX] = { false };
	struct axis out[AXES_RANK_MAX];
	uint32_t count, d, rank = 0;

	/* Without axes, a cut down to one unit would change the rank: no rule. */
	if (!x || !list_axes(axes, operation, x->rank, listed, &count))
		return false;
	for (d = 0; d < x->rank; d++)
		if (!listed[d])
			out[rank++] = x->axes[d];
		else if (axis_resolve(axes, x->axes[d]).count)
			return false;
	axes_set(axes, rule_result(operation, 0), rank, out);
	if (x->numbers)
		rule_set_numbers(axes, rule_result(operation, 0), x->numbers, x->number_count);
	return true;
}

bool
rule_unsqueeze(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	bool listed[AXES_RANK_MAX] = { false };
	struct axis out[AXES_RANK_MAX];
	uint32_t count = 0, d, next = 0, rank;

	if (!x || !rule_numbers(axes, operation, 1, "axes", &count) ||
	    x->rank + count > AXES_RANK_MAX)
		return false;
	rank = x->rank + count;
	if (!list_axes(axes, operation, rank, listed, &count))
		return false;
	for (d = 0; d < rank; d++)
		out[d] = listed[d] ? (struct axis){ 0 } : x->axes[next++];
	axes_set(axes, rule_result(operation, 0), rank, out);
	if (x->numbers && rank <= 1)
		rule_set_numbers(axes, rule_result(operation, 0), x->numbers, x->number_count);
	return true;
}

bool
rule_transpose(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	const Onnx__AttributeProto *perm = operation_attribute(operation, "perm");
	struct axis out[AXES_RANK_MAX];
	uint32_t d, from;

	if (!x || (perm && perm->n_ints != x->rank))
		return false;
	for (d = 0; d < x->rank; d++) {
		if (!axis_at(perm ? perm->ints[d] : (int64_t)(x->rank - 1 - d), x->rank, &from))
			return false;
		out[d] = x->axes[from];
	}
	axes_set(axes, rule_result(operation, 0), x->rank, out);
	return true;
}

bool
rule_expand(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	struct axis out[AXES_RANK_MAX];
	const struct number *numbers;
	uint32_t count, rank, d;

	numbers = rule_numbers(axes, operation, 1, NULL, &count);
	if (!x || !numbers || count > AXES_RANK_MAX)
		return false;
	rank = count > x->rank ? count : x->rank;
	for (d = 0; d < rank; d++) {
		const struct number *number = d + count >= rank ? &numbers[d + count - rank] : NULL;

		out[d] = d + x->rank >= rank ? x->axes[d + x->rank - rank] : (struct axis){ 0 };
		if (number && number->value < 0)
			return false;
		if (number && number->value > 1 && !out[d].count)
			out[d] = axis_fresh(axes, (uint64_t)number->value, NULL);
		if (number)
			rule_bind_number(axes, out[d], number);
	}
	axes_set(axes, rule_result(operation, 0), rank, out);
	return true;
}

bool
rule_constant_of_shape(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	struct axis out[AXES_RANK_MAX];
	const struct number *numbers;
	uint32_t count, d;

	numbers = rule_numbers(axes, operation, 0, NULL, &count);
	if (!numbers || count > AXES_RANK_MAX)
		return false;
	for (d = 0; d < count; d++) {
		if (numbers[d].value < 0)
			return false;
		out[d] = axis_fresh(axes, (uint64_t)numbers[d].value, NULL);
		rule_bind_number(axes, out[d], &numbers[d]);
	}
	axes_set(axes, rule_result(operation, 0), count, out);
	return true;
}

/* --- pieces --------------------------------------------------------------------------- */

static bool
concat_other_axes(struct axes *axes, const struct operation *operation, uint32_t rank,
		  uint32_t axis, struct axis *out)
{
	uint32_t i, d;

	memset(out, 0, rank * sizeof *out);
	for (i = 0; i < operation->operand_count; i++) {
		const struct tensor_axes *x = rule_operand(axes, operation, i);

		if (!x || x->rank != rank)
			return false;
		for (d = 0; d < rank; d++) {
			if (d == axis || !x->axes[d].count)
				continue;
			if (out[d].count)
				axis_unify(axes, out[d], x->axes[d], "a Concat of unequal sizes");
			else
				out[d] = x->axes[d];
		}
	}
	return true;
}

static void
concat_numbers(struct axes *axes, const struct operation *operation)
{
	struct number numbers[AXES_RANK_MAX];
	uint32_t i, j, count = 0;

	for (i = 0; i < operation->operand_count; i++) {
		const struct tensor_axes *x = rule_operand(axes, operation, i);

		if (!x->numbers || count + x->number_count > AXES_RANK_MAX)
			return;
		for (j = 0; j < x->number_count; j++)
			numbers[count++] = x->numbers[j];
	}
	rule_set_numbers(axes, rule_result(operation, 0), numbers, count);
}

bool
rule_concat(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *first = rule_operand(axes, operation, 0);
	struct axis out[AXES_RANK_MAX];
	struct axis *parts;
	uint32_t axis, i;

	if (!first || !axis_at(operation_int(operation, "axis", 0), first->rank, &axis) ||
	    !concat_other_axes(axes, operation, first->rank, axis, out))
		return false;
	parts = arena_alloc(axes->arena, operation->operand_count, sizeof *parts);
	if (!parts) {
		axes->out_of_memory = true;
		return false;
	}
	for (i = 0; i < operation->operand_count; i++)
		parts[i] = rule_operand(axes, operation, i)->axes[axis];
	out[axis] = axis_sum(axes, parts, operation->operand_count);
	axes_set(axes, rule_result(operation, 0), first->rank, out);
	if (first->rank == 1)
		concat_numbers(axes, operation);
	return true;
}
