/* polynomial_layouts.c - the same numbers in tensors of other shapes. */
#include "importer/polynomial.h"

#include <string.h>

/* The term's atom under a pool or another order of positions: 0 where the atom is 0
 * everywhere, and between the ends of what it can be. */
static const struct polynomial *
pooled_term(struct polynomials *context, const struct term *term, bool full, uint32_t value)
{
	const struct polynomial *pooled = polynomial_pool_site(
		context, polynomial_atom(context, term->atoms[0]), full, value);

	return polynomial_multiply(context, pooled,
				   polynomial_constant(context, term->coefficient));
}

static bool
is_poolable(const struct polynomials *context, const struct term *term)
{
	enum atom_kind kind = term->degree == 1 ? context->atoms[term->atoms[0]].kind : ATOM_OPAQUE;

	return kind == ATOM_SITE || kind == ATOM_INPUT;
}

const struct polynomial *
polynomial_pooled(struct polynomials *context, const struct polynomial *x, bool full,
		  uint32_t value)
{
	const struct polynomial *out = polynomial_scalar(context, 0);
	uint32_t i;

	for (i = 0; i < x->count; i++) {
		if (x->terms[i].degree && !is_poolable(context, &x->terms[i]))
			return NULL;
		out = polynomial_add(
			context, out,
			x->terms[i].degree ? pooled_term(context, &x->terms[i], full, value)
					   : polynomial_constant(context, x->terms[i].coefficient),
			1);
	}
	return out;
}

bool
polynomial_same_elements(const struct polynomials *context, const struct tensor_axes *x,
			 const struct tensor_axes *y)
{
	struct axes *axes = context->axes;

	return x->known && y->known &&
	       axis_equal(axes, axis_product(axes, x->axes, x->rank),
			  axis_product(axes, y->axes, y->rank));
}

/* Some of the factors of the product, in its order. */
static bool
is_factor(const struct polynomials *context, struct axis axis, struct axis product)
{
	uint32_t i;

	axis = axis_resolve(context->axes, axis);
	product = axis_resolve(context->axes, product);
	for (i = 0; axis.count && i + axis.count <= product.count; i++)
		if (memcmp(product.variables + i, axis.variables,
			   axis.count * sizeof *axis.variables) == 0)
			return true;
	return false;
}

/* Where the dimension `place` of x is found in y, alone or with others (flattened),
 * both counted from the right. */
static uint32_t
moved_place(const struct polynomials *context, const struct tensor_axes *x,
	    const struct tensor_axes *y, uint32_t place)
{
	uint32_t d;

	if (place >= x->rank)
		return NO_VALUE;
	for (d = 0; d < y->rank; d++)
		if (is_factor(context, x->axes[x->rank - 1 - place], y->axes[y->rank - 1 - d]))
			return d;
	return NO_VALUE;
}

const struct polynomial *
polynomial_moved(struct polynomials *context, const struct polynomial *x,
		 const struct tensor_axes *from, const struct tensor_axes *to)
{
	struct polynomial *out;
	uint32_t i;

	if (!x)
		return NULL;
	out = polynomial_copy(context, x);
	for (i = 0; out && i < out->count; i++) {
		struct coefficient *coefficient = &out->terms[i].coefficient;

		if (coefficient->count <= 1)
			continue;
		coefficient->place = moved_place(context, from, to, coefficient->place);
		if (coefficient->place == NO_VALUE)
			return NULL;
	}
	return out;
}
