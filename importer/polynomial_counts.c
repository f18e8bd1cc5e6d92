/* polynomial_counts.c - neurons that spike several times in a step.
 *
 *     S = [U > 0] trunc(U / threshold)          or  [U >= threshold] floor(U / threshold)
 *
 * trunc being an integer Cast, or Sign(x) Floor(Abs(x)). The guard [..] is the site
 * that tests the drive; the count is a site of its own, 0 where U < threshold. At most
 * L of them is
 *
 *     S - [S > L] (S - L)          or  [S > L] L + (1 - [S > L]) S */
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
	uint32_t units;

	if (potential == NO_VALUE || !term || x->count != (constant ? 2u : 1u))
		return false;
	*out = term->coefficient;
	out->values = arena_copy(context->arena, out->values, out->count, sizeof(double));
	if (!out->values) {
		context->out_of_memory = true;
		return false;
	}
	units = constant && constant->coefficient.count > out->count ? constant->coefficient.count
								     : out->count;
	for (i = 0; i < units; i++) {
		double rest = constant ? coefficient_at(&constant->coefficient, i) : 0;

		if (!(fabs(rest - (from_zero ? 0 : 1)) <= rounding))
			return false;
	}
	for (i = 0; i < out->count; i++) {
		if (!(out->values[i] > 0))
			return false;
		out->values[i] = 1 / out->values[i];
	}
	return true;
}

/* guard * truncated. */
static const struct polynomial *
build_count(struct polynomials *context, const struct polynomial *a, const struct polynomial *b,
	    uint32_t value)
{
	uint32_t guard = only_site(context, a, SITE_GREATER), whole, number;
	struct coefficient threshold;
	const struct polynomial *argument, *count;

	if (guard == NO_VALUE)
		guard = only_site(context, a, SITE_GREATER_EQUAL);
	whole = only_site(context, b, SITE_TRUNCATED);
	if (whole == NO_VALUE)
		whole = only_site(context, b, SITE_FLOOR);
	if (guard == NO_VALUE || whole == NO_VALUE)
		return NULL;
	/* It may have been counted before it was tested. */
	argument = polynomial_followed(context, context->sites[whole].argument,
				       context->sites[whole].value);
	if (!find_threshold(context, &context->sites[guard], argument, &threshold))
		return NULL;
	count = polynomial_site(context, SITE_COUNT, context->sites[guard].argument, value);
	if (!count)
		return NULL;
	number = context->atoms[count->terms[0].atoms[0]].number;
	if (context->sites[guard].spikes == NO_VALUE)
		context->sites[number].bound = polynomial_constant(context, threshold);
	context->sites[guard].spikes = number;
	context->sites[number].guard = guard;
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

/* The limit, when the terms are S, L [S > L] and -S [S > L], whichever atom is which. */
static const struct polynomial *
limit_of(struct polynomials *context, const struct polynomial *p, uint32_t count, uint32_t test)
{
	uint32_t both[2] = { count < test ? count : test, count < test ? test : count };
	const struct term *once = polynomial_term(p, &count, 1),
			  *most = polynomial_term(p, &test, 1);
	const struct term *product = polynomial_term(p, both, 2);
	const struct site *tested = &context->sites[context->atoms[test].number];
	const struct polynomial *limit;

	if (!once || !most || !product || tested->kind > SITE_GREATER_EQUAL ||
	    context->sites[context->atoms[count].number].kind != SITE_COUNT ||
	    !coefficient_is(&once->coefficient, 1) || !coefficient_is(&product->coefficient, -1))
		return NULL;
	limit = polynomial_constant(context, most->coefficient);
	return polynomial_close(context, tested->argument,
				polynomial_add(context, polynomial_atom(context, count), limit, -1))
		       ? limit
		       : NULL;
}

const struct polynomial *
polynomial_capped(struct polynomials *context, const struct polynomial *p, uint32_t value)
{
	const struct polynomial *limit, *capped;
	const struct site *site;
	uint32_t a, b, count, number;

	if (!p || p->count != 3 || p->terms[2].degree != 2 || p->terms[0].degree != 1)
		return p;
	a = p->terms[2].atoms[0];
	b = p->terms[2].atoms[1];
	if (context->atoms[a].kind != ATOM_SITE || context->atoms[b].kind != ATOM_SITE)
		return p;
	count = context->sites[context->atoms[a].number].kind == SITE_COUNT ? a : b;
	limit = limit_of(context, p, count, count == a ? b : a);
	if (!limit || limit->count != 1)
		return p;
	capped = polynomial_site(
		context, SITE_CAPPED,
		polynomial_add(context, polynomial_atom(context, count), limit, -1), value);
	if (!capped)
		return NULL;
	number = context->atoms[capped->terms[0].atoms[0]].number;
	site = &context->sites[context->atoms[count].number];
	context->sites[number].bound = site->bound;
	context->sites[number].limit = limit;
	context->sites[site->guard].spikes = number;
	return capped;
}
