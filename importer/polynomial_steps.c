/* polynomial_steps.c - time as an axis of a tensor: one step out of all, and all together.
 *
 * Layers that make all of their steps at once have one weight operation, on
 * [time, batch, units] say: its current at step t is a current of its own. What
 * is put together again along the time is 0 where the steps' sites are. */
#include "importer/polynomial.h"

#include <string.h>

/* --- one step ------------------------------------------------------------------------ */

/* The i-th of the numbers that an operand, or in old opsets an attribute, lists. */
static bool
number_at(const struct polynomials *context, const struct operation *operation, uint32_t slot,
	  const char *attribute, uint64_t i, int64_t *out)
{
	const Onnx__AttributeProto *list = operation_attribute(operation, attribute);
	const struct constant *constant;

	if (slot < operation->operand_count && operation->operands[slot] != NO_VALUE) {
		constant = constant_of(context->axes->constants, operation->operands[slot]);
		if (!constant || !constant->integers || i >= constant->count)
			return false;
		*out = constant->integers[i];
		return true;
	}
	if (!list || i >= list->n_ints)
		return false;
	*out = list->ints[i];
	return true;
}

static int64_t
counted_from_front(int64_t at, uint64_t size)
{
	return at < 0 ? at + (int64_t)size : at;
}

/* The dimension that the slice makes shorter, to one element: and which. */
static bool
sliced_step(const struct polynomials *context, const struct operation *operation,
	    const struct tensor_axes *x, uint32_t dimension, int64_t *index)
{
	int64_t axis, start;
	uint64_t i;

	for (i = 0; number_at(context, operation, 1, "starts", i, &start); i++) {
		if (!number_at(context, operation, 3, "axes", i, &axis))
			axis = (int64_t)i;
		if (counted_from_front(axis, x->rank) != dimension)
			continue;
		*index = counted_from_front(start, axis_size(context->axes, x->axes[dimension]));
		return true;
	}
	return false;
}

/* The only dimension that y has no more, or has with one element, and x in full. */
static bool
lost_dimension(const struct polynomials *context, const struct operation *operation,
	       const struct tensor_axes *x, const struct tensor_axes *y, uint32_t *out)
{
	int64_t axis = counted_from_front(operation_int(operation, "axis", 0), x->rank);
	uint32_t d, found = 0;

	if (operation_is(operation, "Gather") || operation_is(operation, "Split")) {
		*out = (uint32_t)axis;
		return axis >= 0 && axis < x->rank;
	}
	for (d = 0; x->rank == y->rank && d < x->rank; d++)
		if (!axis_equal(context->axes, x->axes[d], y->axes[d])) {
			*out = d;
			found++;
		}
	return found == 1 && !axis_resolve(context->axes, y->axes[*out]).count;
}

/* Element `index` of dimension d of the first operand is what the result has. */
static bool
step_taken(const struct polynomials *context, const struct operation *operation, uint32_t result,
	   uint32_t *dimension, int64_t *index)
{
	const struct tensor_axes *x = &context->axes->tensors[operation->operands[0]];
	const struct tensor_axes *y = &context->axes->tensors[operation->results[result]];
	uint64_t size;

	if (!x->known || !y->known || !lost_dimension(context, operation, x, y, dimension))
		return false;
	size = axis_size(context->axes, x->axes[*dimension]);
	if (operation_is(operation, "Split"))
		*index = axis_resolve(context->axes, y->axes[*dimension]).count ? -1
										: (int64_t)result;
	else if (operation_is(operation, "Slice")) {
		if (!sliced_step(context, operation, x, *dimension, index))
			return false;
	} else if (operation_is(operation, "Gather")) {
		const struct constant *at =
			operation->operand_count > 1 && operation->operands[1] != NO_VALUE
				? constant_of(context->axes->constants, operation->operands[1])
				: NULL;

		if (!at || at->count != 1 || !at->integers)
			return false;
		*index = counted_from_front(at->integers[0], size);
	} else {
		return false;
	}
	return *index >= 0 && (uint64_t)*index < size;
}

static bool
holds_units(const struct polynomials *context, struct axis axis, struct axis units)
{
	struct axis x = axis_resolve(context->axes, axis), y = axis_resolve(context->axes, units);
	uint32_t i, j;

	for (i = 0; i < x.count; i++)
		for (j = 0; j < y.count; j++)
			if (x.variables[i] == y.variables[j])
				return true;
	return false;
}

/* The current's own atom at that element of the axis. NO_VALUE: it is not taken
 * along another axis than its units'. */
static uint32_t
current_at(struct polynomials *context, uint32_t number, struct axis axis, int64_t index)
{
	struct axis resolved = axis_resolve(context->axes, axis);
	const struct current current = context->currents[number];
	const char *key;
	uint32_t found;

	if (resolved.count != 1 ||
	    holds_units(context, axis, context->axes->weights[current.weight].units))
		return NO_VALUE;
	key = arena_printf(context->arena, "%u %u %lld", number, resolved.variables[0],
			   (long long)index);
	if (!key) {
		context->out_of_memory = true;
		return NO_VALUE;
	}
	found = map_get(&context->taken, key);
	if (found != MAP_NONE)
		return context->currents[found].atom;
	found = polynomial_add_current(context, current.weight, current.scale);
	if (found == NO_VALUE)
		return NO_VALUE;
	if (!map_set(&context->taken, key, found))
		context->out_of_memory = true;
	return context->currents[found].atom;
}

/* A step of a model input is an input, of the same range. */
static uint32_t
atom_at(struct polynomials *context, uint32_t atom, struct axis axis, int64_t index)
{
	const struct atom a = context->atoms[atom];

	if (a.kind == ATOM_CURRENT)
		return current_at(context, a.number, axis, index);
	if (a.kind == ATOM_INPUT)
		return polynomial_add_atom(context, ATOM_INPUT, a.number);
	return NO_VALUE;
}

const struct polynomial *
polynomial_at_step(struct polynomials *context, const struct operation *operation, uint32_t result,
		   const struct polynomial *x)
{
	const struct polynomial *out = polynomial_scalar(context, 0);
	const struct tensor_axes *tensor;
	uint32_t dimension = 0, i;
	int64_t index;

	if (!x || !step_taken(context, operation, result, &dimension, &index))
		return NULL;
	tensor = &context->axes->tensors[operation->operands[0]];
	for (i = 0; out && i < x->count; i++) {
		const struct term *term = &x->terms[i];
		const struct polynomial *taken;
		uint32_t atom;

		if (term->degree > 1 || (term->coefficient.count > 1 &&
					 term->coefficient.place == tensor->rank - 1 - dimension))
			return NULL;
		taken = polynomial_constant(context, term->coefficient);
		if (term->degree) {
			atom = atom_at(context, term->atoms[0], tensor->axes[dimension], index);
			if (atom == NO_VALUE)
				return NULL;
			taken = polynomial_multiply(context, taken, polynomial_atom(context, atom));
		}
		out = polynomial_add(context, out, taken, 1);
	}
	return out;
}

/* --- all steps ------------------------------------------------------------------------- */

/* constant + factor * site, numbers that are the same for all units. */
static bool
read_part(const struct polynomials *context, const struct polynomial *p, double *constant,
	  double *factor, uint32_t *atom)
{
	uint32_t i;

	*constant = *factor = 0;
	for (i = 0; p && i < p->count; i++) {
		const struct term *term = &p->terms[i];

		if (term->coefficient.count != 1 || term->degree > 1)
			return false;
		if (!term->degree) {
			*constant = term->coefficient.values[0];
			continue;
		}
		if (*factor != 0 || context->atoms[term->atoms[0]].kind != ATOM_SITE)
			return false;
		*factor = term->coefficient.values[0];
		*atom = term->atoms[0];
	}
	return p && *factor != 0;
}

/* Along an axis of which each operand has one element: a step. */
static bool
puts_steps_together(const struct polynomials *context, const struct operation *operation)
{
	uint32_t i;

	for (i = 0; i < operation->operand_count; i++) {
		const struct tensor_axes *x =
			operation->operands[i] == NO_VALUE
				? NULL
				: &context->axes->tensors[operation->operands[i]];
		int64_t axis = operation_int(operation, "axis", 0);

		if (!x || !x->known)
			return false;
		axis = counted_from_front(axis, x->rank);
		if (axis < 0 || axis >= x->rank || axis_resolve(context->axes, x->axes[axis]).count)
			return false;
	}
	return true;
}

static struct site_list *
new_list(struct polynomials *context)
{
	struct site_list *list = arena_zalloc(context->arena, 1, sizeof *list);

	context->out_of_memory = context->out_of_memory || !list;
	return list;
}

static bool
add_part(struct polynomials *context, struct site_list *list, uint32_t site)
{
	if (!arena_grow(context->arena, &list->items, list->count, &list->capacity,
			sizeof *list->items)) {
		context->out_of_memory = true;
		return false;
	}
	list->items[list->count++] = site;
	return true;
}

const struct polynomial *
polynomial_stacked(struct polynomials *context, const struct operation *operation)
{
	struct site_list *parts = new_list(context);
	const struct polynomial *stacked;
	double constant, factor, first_constant = 0, first_factor = 0;
	uint32_t i, atom = 0;

	if (!parts || !puts_steps_together(context, operation))
		return NULL;
	for (i = 0; i < operation->operand_count; i++) {
		if (!read_part(context, polynomial_operand(context, operation, i), &constant,
			       &factor, &atom) ||
		    (i && (constant != first_constant || factor != first_factor)))
			return NULL;
		first_constant = constant;
		first_factor = factor;
		if (!add_part(context, parts, context->atoms[atom].number))
			return NULL;
	}
	stacked = polynomial_stack_site(context, parts, operation->results[0]);
	return polynomial_add(
		context, polynomial_scalar(context, first_constant),
		polynomial_multiply(context, stacked, polynomial_scalar(context, first_factor)), 1);
}

/* The parts of a site, or itself, to be added to: a list that ends with them is
 * shared, so that many steps cost what they are. */
static struct site_list *
parts_of(struct polynomials *context, uint32_t number)
{
	const struct site *site = &context->sites[number];
	struct site_list *list;
	uint32_t i;

	if (site->kind == SITE_STACKED && site->parts->count == site->part_count)
		return site->parts;
	list = new_list(context);
	if (site->kind != SITE_STACKED)
		return list && add_part(context, list, number) ? list : NULL;
	for (i = 0; list && i < site->part_count; i++)
		if (!add_part(context, list, site->parts->items[i]))
			return NULL;
	return list;
}

const struct polynomial *
polynomial_put_in(struct polynomials *context, const struct polynomial *data,
		  const struct polynomial *step, uint32_t value)
{
	double constant, factor, constant_of_step, factor_of_step;
	uint32_t before = 0, atom = 0;
	struct site_list *parts;

	if (!read_part(context, data, &constant, &factor, &before) ||
	    !read_part(context, step, &constant_of_step, &factor_of_step, &atom) || constant != 0 ||
	    constant_of_step != 0 || factor != factor_of_step)
		return NULL;
	parts = parts_of(context, context->atoms[before].number);
	if (!parts || !add_part(context, parts, context->atoms[atom].number))
		return NULL;
	return polynomial_multiply(context, polynomial_stack_site(context, parts, value),
				   polynomial_scalar(context, factor));
}
