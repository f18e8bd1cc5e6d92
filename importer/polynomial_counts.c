/* polynomial_counts.c - neurons that spike several times in a step.
 *
 *     S = [U > 0] trunc(U / threshold)          or  [U >= threshold] floor(U / threshold)
 *
 * trunc being an integer Cast, or Sign(x) Floor(Abs(x)). The guard [..] is the site
 * that tests the drive; the count is a site of its own, 0 where U < threshold. */
#include "importer/polynomial.h"

#include <math.h>

static const double rounding = 1e-9;

/* p is one site of that kind, taken once: its number, else NO_VALUE. */
static uint32_t
only_site(const struct polynomials *context, const struct polynomial *p, enum site_kind kind)
{
	const struct atom *atom;

	if (!p || p->count != 1 || p->terms[0].degree != 1 ||
	    !coefficient_is(&p->terms[0].coefficient, 1))
		return NO_VALUE;
	atom = &context->atoms[p->terms[0].atoms[0]];
	return atom->kind == ATOM_SITE && context->sites[atom->number].kind == kind ? atom->number
										    : NO_VALUE;
}

/* Sign(x) Floor(Abs(x)). */
static const struct polynomial *
build_truncation(struct polynomials *context, const struct polynomial *a,
		 const struct polynomial *b, uint32_t value)
{
	uint32_t floored = only_site(context, a, SITE_FLOOR);
	uint32_t sign = only_site(context, b, SITE_SIGN), absolute;

	if (floored == NO_VALUE || sign == NO_VALUE)
		return NULL;
	absolute = only_site(context, context->sites[floored].argument, SITE_ABS);
	if (absolute == NO_VALUE || !polynomial_close(context, context->sites[absolute].argument,
						      context->sites[sign].argument))
		return NULL;
	return polynomial_site(context, SITE_TRUNCATED, context->sites[sign].argument, value);
}

/* x = factor * U with U what the guard tests, or that plus its bound: 1 / factor is
 * the threshold. */
static bool
find_threshold(struct polynomials *context, const struct site *guard, const struct polynomial *x,
	       struct coefficient *out)
{
	bool from_zero = guard->kind == SITE_GREATER;
	uint32_t potential = guard->potential, i;
	const struct term *term = polynomial_term(x, &potential, 1);
	const struct term *constant = polynomial_term(x, NULL, 0);

	if (potential == NO_VALUE || !term || x->count != (constant ? 2u : 1u))
		return false;
	*out = term->coefficient;
	out->values = arena_copy(context->arena, out->values, out->count, sizeof(double));
	if (!out->values) {
		context->out_of_memory = true;
		return false;
	}
	for (i = 0; i < out->count; i++) {
		double rest = constant ? coefficient_at(&constant->coefficient, i) : 0;

		if (!(out->values[i] > 0) || !(fabs(rest - (from_zero ? 0 : 1)) <= rounding))
			return false;
		out->values[i] = 1 / out->values[i];
	}
	return !constant || constant->coefficient.count == 1 ||
	       constant->coefficient.count == out->count;
}

/* guard * truncated. */
static const struct polynomial *
build_count(struct polynomials *context, const struct polynomial *a, const struct polynomial *b,
	    uint32_t value)
{
	uint32_t guard = only_site(context, a, SITE_GREATER), whole, number;
	struct coefficient threshold;
	const struct polynomial *count;

	if (guard == NO_VALUE)
		guard = only_site(context, a, SITE_GREATER_EQUAL);
	whole = only_site(context, b, SITE_TRUNCATED);
	if (whole == NO_VALUE)
		whole = only_site(context, b, SITE_FLOOR);
	if (guard == NO_VALUE || whole == NO_VALUE ||
	    !find_threshold(context, &context->sites[guard], context->sites[whole].argument,
			    &threshold))
		return NULL;
	count = polynomial_site(context, SITE_COUNT, context->sites[guard].argument, value);
	if (!count)
		return NULL;
	number = context->atoms[count->terms[0].atoms[0]].number;
	if (context->sites[guard].spikes == NO_VALUE)
		context->sites[number].bound = polynomial_constant(context, threshold);
	context->sites[guard].spikes = number;
	return polynomial_close(context, context->sites[number].bound,
				polynomial_constant(context, threshold))
		       ? count
		       : NULL;
}

const struct polynomial *
polynomial_counted(struct polynomials *context, const struct polynomial *a,
		   const struct polynomial *b, uint32_t value)
{
	const struct polynomial *out = build_truncation(context, a, b, value);

	if (!out)
		out = build_truncation(context, b, a, value);
	if (!out)
		out = build_count(context, a, b, value);
	return out ? out : build_count(context, b, a, value);
}
