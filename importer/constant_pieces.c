/* constant_pieces.c - constants that are pieces of others, or put together from them. */
#include "importer/constant_private.h"

#include <string.h>

/* Of what may be larger than all that it is made of. */
enum { REPEATED_MAX = 1 << 27 };

static bool
repeated_room(struct arena *arena, uint64_t limit, struct constant *out)
{
	return constant_count(out) && out->count <= REPEATED_MAX && out->count <= limit &&
	       constant_room(arena, out);
}

/* --- views: every element of the result is one of x ------------------------------ */

/* Where the elements of the result stand in x: the first one, and how far it is to
 * the next one along each axis of the result. */
struct view {
	int64_t first;
	int64_t strides[CONSTANT_RANK_MAX];
};

static void
copy_element(const struct constant *from, uint64_t i, struct constant *to, uint64_t at)
{
	if (to->reals)
		to->reals[at] = from->reals[i];
	else
		to->integers[at] = from->integers[i];
}

static bool
copy_view(const struct constant *x, const struct view *view, struct arena *arena,
	  struct constant *out)
{
	uint64_t position[CONSTANT_RANK_MAX] = { 0 }, at;
	int64_t from = view->first;
	uint32_t d;

	if (!constant_count(out) || !constant_room(arena, out))
		return false;
	for (at = 0; at < out->count; at++) {
		copy_element(x, (uint64_t)from, out, at);
		for (d = out->rank; d-- > 0;) {
			from += view->strides[d];
			if (++position[d] < out->dims[d])
				break;
			from -= view->strides[d] * (int64_t)out->dims[d];
			position[d] = 0;
		}
	}
	return true;
}

static void
view_all(const struct constant *x, struct view *view)
{
	int64_t stride = 1;
	uint32_t d;

	view->first = 0;
	for (d = x->rank; d-- > 0; stride *= (int64_t)x->dims[d])
		view->strides[d] = stride;
}

/* Integers that an operand or an attribute of old gives. */
struct list {
	const int64_t *items;
	uint64_t count;
};

static struct list
list_of(const struct operation *operation, const struct constant *const *operands, uint32_t count,
	uint32_t i, const char *name)
{
	const Onnx__AttributeProto *old = operation_attribute(operation, name);

	if (old)
		return (struct list){ old->ints, old->n_ints };
	if (i < count && operands[i] && operands[i]->integers)
		return (struct list){ operands[i]->integers, operands[i]->count };
	return (struct list){ NULL, 0 };
}

/* --- Slice --------------------------------------------------------------------------- */

/* Of an empty axis, high is below low, and high it is. */
static int64_t
clamp(int64_t value, int64_t low, int64_t high)
{
	value = value < low ? low : value;
	return value > high ? high : value;
}

uint64_t
slice_size(int64_t *start, int64_t end, int64_t step, int64_t size)
{
	int64_t low = step < 0 ? -1 : 0, high = step < 0 ? size - 1 : size, span;

	*start = clamp(*start < 0 ? *start + size : *start, 0, high);
	end = clamp(end < 0 ? end + size : end, low, high);
	span = step < 0 ? *start - end : end - *start;
	if (span <= 0)
		return 0;
	return 1 + (uint64_t)(span - 1) / (step < 0 ? -(uint64_t)step : (uint64_t)step);
}

static void
slice_axis(int64_t start, int64_t end, int64_t step, uint64_t *dim, struct view *view, uint32_t d)
{
	*dim = slice_size(&start, end, step, (int64_t)*dim);
	view->first += start * view->strides[d];
	view->strides[d] = *dim > 1 ? view->strides[d] * step : 0;
}

static bool
slice(const struct operation *operation, const struct constant *const *operands, uint32_t count,
      struct arena *arena, struct constant *out)
{
	struct list starts = list_of(operation, operands, count, 1, "starts");
	struct list ends = list_of(operation, operands, count, 2, "ends");
	struct list axes = list_of(operation, operands, count, 3, "axes");
	struct list steps = list_of(operation, operands, count, 4, "steps");
	struct view view;
	uint64_t i;

	if (!starts.items || ends.count != starts.count ||
	    (axes.items && axes.count != starts.count) ||
	    (steps.items && steps.count != starts.count))
		return false;
	*out = *operands[0];
	view_all(operands[0], &view);
	for (i = 0; i < starts.count; i++) {
		uint32_t d;

		int64_t step = steps.items ? steps.items[i] : 1;

		if (!step || !axis_at(axes.items ? axes.items[i] : (int64_t)i, out->rank, &d))
			return false;
		slice_axis(starts.items[i], ends.items[i], step, &out->dims[d], &view, d);
	}
	return copy_view(operands[0], &view, arena, out);
}

/* --- Split --------------------------------------------------------------------------- */

/* Where the part of that number begins, and its size; all of one size where none is
 * written, but the last, which has what is left. */
static bool
find_part(const struct operation *operation, struct list sizes, uint64_t size, uint32_t part,
	  uint64_t *first, uint64_t *count)
{
	uint64_t parts = (uint64_t)operation_int(operation, "num_outputs",
						 (int64_t)operation->result_count);
	uint64_t each = parts ? (size + parts - 1) / parts : 0;
	uint32_t i;

	*first = 0;
	for (i = 0; i <= part; i++) {
		if (sizes.items && (i >= sizes.count || sizes.items[i] < 0))
			return false;
		*first += i ? *count : 0;
		*count = sizes.items ? (uint64_t)sizes.items[i] : each;
		if (!sizes.items && *first < size && size - *first < each)
			*count = size - *first;
		if (*first > size || *count > size - *first)
			return false;
	}
	return true;
}

static bool
split(const struct operation *operation, uint32_t part, const struct constant *const *operands,
      uint32_t count, struct arena *arena, struct constant *out)
{
	struct list sizes = list_of(operation, operands, count, 1, "split");
	struct view view;
	uint64_t first, size;
	uint32_t d;

	*out = *operands[0];
	if (!axis_at(operation_int(operation, "axis", 0), out->rank, &d) ||
	    !find_part(operation, sizes, out->dims[d], part, &first, &size))
		return false;
	view_all(operands[0], &view);
	view.first = (int64_t)first * view.strides[d];
	out->dims[d] = size;
	return copy_view(operands[0], &view, arena, out);
}

/* --- Expand --------------------------------------------------------------------------- */

static bool
expand(const struct operation *operation, const struct constant *const *operands, uint32_t count,
       uint64_t limit, struct arena *arena, struct constant *out)
{
	const struct constant *x = operands[0];
	struct list shape = list_of(operation, operands, count, 1, "shape");
	struct view view, whole;
	uint32_t rank = shape.count > x->rank ? (uint32_t)shape.count : x->rank, d;

	if (!shape.items || shape.count > CONSTANT_RANK_MAX)
		return false;
	view_all(x, &whole);
	*out = *x;
	out->rank = rank;
	view.first = 0;
	for (d = 0; d < rank; d++) {
		uint32_t of_x = d + x->rank - rank, of_shape = d + (uint32_t)shape.count - rank;
		uint64_t has = d + x->rank >= rank ? x->dims[of_x] : 1;
		int64_t wants = d + shape.count >= rank ? shape.items[of_shape] : 1;

		if (wants < 0 || (has != 1 && wants != 1 && has != (uint64_t)wants))
			return false;
		out->dims[d] = has == 1 ? (uint64_t)wants : has;
		view.strides[d] = has == 1 ? 0 : whole.strides[of_x];
	}
	if (!constant_count(out) || out->count > REPEATED_MAX || out->count > limit)
		return false;
	return copy_view(x, &view, arena, out);
}

/* --- Gather and Concat: blocks of x, one after the other ---------------------------------- */

/* The product of the dims [first, last). */
static uint64_t
product(const struct constant *x, uint32_t first, uint32_t last)
{
	uint64_t out = 1;

	for (; first < last; first++)
		out *= x->dims[first];
	return out;
}

static void
copy_block(const struct constant *from, uint64_t i, struct constant *to, uint64_t at,
	   uint64_t count)
{
	if (to->reals)
		memcpy(to->reals + at, from->reals + i, count * sizeof *to->reals);
	else
		memcpy(to->integers + at, from->integers + i, count * sizeof *to->integers);
}

static bool
gather(const struct operation *operation, const struct constant *const *operands, uint32_t count,
       uint64_t limit, struct arena *arena, struct constant *out)
{
	const struct constant *x = operands[0], *indices = count > 1 ? operands[1] : NULL;
	uint64_t outer, inner, size, i, o;
	uint32_t d;

	if (!indices || !indices->integers || x->rank + indices->rank > CONSTANT_RANK_MAX ||
	    !axis_at(operation_int(operation, "axis", 0), x->rank, &d))
		return false;
	outer = product(x, 0, d);
	inner = product(x, d + 1, x->rank);
	size = x->dims[d];
	*out = *x;
	out->rank = x->rank - 1 + indices->rank;
	memcpy(out->dims + d, indices->dims, indices->rank * sizeof *out->dims);
	memcpy(out->dims + d + indices->rank, x->dims + d + 1,
	       (x->rank - d - 1) * sizeof *out->dims);
	if (!repeated_room(arena, limit, out))
		return false;
	for (o = 0; o < outer; o++)
		for (i = 0; i < indices->count; i++) {
			int64_t index = indices->integers[i];

			index += index < 0 ? (int64_t)size : 0;
			if (index < 0 || (uint64_t)index >= size)
				return false;
			copy_block(x, (o * size + (uint64_t)index) * inner, out,
				   (o * indices->count + i) * inner, inner);
		}
	return true;
}

static bool
concat(const struct operation *operation, const struct constant *const *operands, uint32_t count,
       uint64_t limit, struct arena *arena, struct constant *out)
{
	uint64_t outer, inner, first = 0, o;
	uint32_t d, i, other;

	*out = *operands[0];
	if (!axis_at(operation_int(operation, "axis", 0), out->rank, &d))
		return false;
	out->dims[d] = 0;
	for (i = 0; i < count; i++) {
		if (!operands[i] || operands[i]->type != out->type ||
		    operands[i]->rank != out->rank ||
		    __builtin_add_overflow(out->dims[d], operands[i]->dims[d], &out->dims[d]))
			return false;
		for (other = 0; other < out->rank; other++)
			if (other != d && operands[i]->dims[other] != out->dims[other])
				return false;
	}
	outer = product(out, 0, d);
	inner = product(out, d + 1, out->rank);
	if (!constant_count(out) || out->count > limit || !constant_room(arena, out))
		return false;
	for (i = 0; i < count; i++) {
		uint64_t block = operands[i]->dims[d] * inner;

		for (o = 0; o < outer; o++)
			copy_block(operands[i], o * block, out, o * out->dims[d] * inner + first,
				   block);
		first += block;
	}
	return true;
}

/* --- ConstantOfShape -------------------------------------------------------------------- */

/* The one element; without a value it is a float of 0. */
static bool
read_fill(const struct program *program, const struct operation *operation, struct arena *arena,
	  struct constant *out)
{
	const Onnx__AttributeProto *value = operation_attribute(operation, "value");
	bool known;

	*out = (struct constant){ .type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, .count = 1 };
	if (!value) {
		out->reals = arena_zalloc(arena, 1, sizeof *out->reals);
		return out->reals != NULL;
	}
	return value->t && !constant_read(program, value->t, 1, arena, out, &known, NULL) &&
	       known && out->count == 1;
}

static bool
constant_of_shape(const struct program *program, const struct operation *operation,
		  const struct constant *shape, uint64_t limit, struct arena *arena,
		  struct constant *out)
{
	struct constant fill;
	uint64_t i;

	if (!shape->integers || shape->count > CONSTANT_RANK_MAX ||
	    !read_fill(program, operation, arena, &fill))
		return false;
	*out = fill;
	out->rank = (uint32_t)shape->count;
	for (i = 0; i < shape->count; i++) {
		if (shape->integers[i] < 0)
			return false;
		out->dims[i] = (uint64_t)shape->integers[i];
	}
	if (!repeated_room(arena, limit, out))
		return false;
	for (i = 0; i < out->count; i++)
		copy_element(&fill, 0, out, i);
	return true;
}

bool
constant_takes_pieces(const struct operation *operation)
{
	return operation_is(operation, "Concat") || operation_is(operation, "ConstantOfShape") ||
	       operation_is(operation, "Expand") || operation_is(operation, "Gather") ||
	       operation_is(operation, "Slice") || operation_is(operation, "Split");
}

bool
constant_pieces(const struct program *program, const struct operation *operation, uint32_t result,
		const struct constant *const *operands, uint32_t count, uint64_t limit,
		struct arena *arena, struct constant *out)
{
	if (!count || !operands[0])
		return false;
	if (operation_is(operation, "Concat"))
		return concat(operation, operands, count, limit, arena, out);
	if (operation_is(operation, "ConstantOfShape"))
		return constant_of_shape(program, operation, operands[0], limit, arena, out);
	if (operation_is(operation, "Expand"))
		return expand(operation, operands, count, limit, arena, out);
	if (operation_is(operation, "Gather"))
		return gather(operation, operands, count, limit, arena, out);
	if (operation_is(operation, "Split"))
		return split(operation, result, operands, count, arena, out);
	return operation_is(operation, "Slice") && slice(operation, operands, count, arena, out);
}
