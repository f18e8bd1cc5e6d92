/* polynomial.c - arithmetic on polynomials with per-unit coefficients. */
#include "importer/polynomial.h"

#include <math.h>
#include <string.h>

/* Below this a coefficient is what cancellation left over. */
static const double negligible = 1e-10;
static const double tolerance = 1e-6;

double
coefficient_at(const struct coefficient *coefficient, uint32_t unit)
{
	return coefficient->count ? coefficient->values[coefficient->count > 1 ? unit : 0] : NAN;
}

static bool
is_negligible(const struct coefficient *coefficient)
{
	uint32_t i;

	for (i = 0; i < coefficient->count; i++)
		if (!(fabs(coefficient->values[i]) <= negligible))
			return false;
	return true;
}

bool
coefficient_is(const struct coefficient *coefficient, double value)
{
	uint32_t i;

	for (i = 0; i < coefficient->count; i++)
		if (!(fabs(coefficient->values[i] - value) <= tolerance * (1 + fabs(value))))
			return false;
	return coefficient->count > 0;
}

struct coefficient
coefficient_new(struct polynomials *context, uint32_t count, uint32_t place)
{
	struct coefficient out = { count, place, NULL };

	out.values = arena_alloc(context->arena, count, sizeof *out.values);
	if (!out.values) {
		context->out_of_memory = true;
		out.count = 0;
	}
	return out;
}

struct coefficient
coefficient_scalar(struct polynomials *context, double value)
{
	struct coefficient out = coefficient_new(context, 1, 0);

	if (out.count)
		out.values[0] = value;
	return out;
}

static double
constant_at(const struct constant *constant, uint64_t i)
{
	return constant->reals ? (double)constant->reals[i] : (double)constant->integers[i];
}

static bool
is_uniform(const struct constant *constant)
{
	uint64_t i;

	for (i = 1; i < constant->count; i++)
		if (constant_at(constant, i) != constant_at(constant, 0))
			return false;
	return true;
}

struct coefficient
coefficient_of_constant(struct polynomials *context, const struct constant *constant)
{
	struct coefficient out = { 0 };
	uint32_t place = 0, long_dims = 0, d;
	uint64_t i;

	for (d = 0; d < constant->rank; d++)
		if (constant->dims[d] != 1) {
			long_dims++;
			place = constant->rank - 1 - d;
		}
	if (!constant->count || constant->count > UINT32_MAX)
		return out;
	if (long_dims > 1) /* a zero state of a convolution, say */
		return is_uniform(constant) ? coefficient_scalar(context, constant_at(constant, 0))
					    : out;
	out = coefficient_new(context, (uint32_t)constant->count, place);
	for (i = 0; i < out.count; i++)
		out.values[i] = constant_at(constant, i);
	return out;
}

/* a + factor b, or a * b; count 0 when their units lie on different axes. */
static struct coefficient
combine(struct polynomials *context, const struct coefficient *a, const struct coefficient *b,
	double factor, bool multiply)
{
	const struct coefficient *longer = a->count >= b->count ? a : b;
	struct coefficient out = { 0 };
	uint32_t i;

	if (a->count > 1 && b->count > 1 && (a->count != b->count || a->place != b->place))
		return out;
	out = coefficient_new(context, longer->count, longer->place);
	for (i = 0; i < out.count; i++) {
		double x = coefficient_at(a, i), y = coefficient_at(b, i);

		out.values[i] = multiply ? x * y : x + factor * y;
	}
	return out;
}

/* --- terms ------------------------------------------------------------------------ */

static int
compare_atoms(const struct term *a, const struct term *b)
{
	uint32_t i;

	if (a->degree != b->degree)
		return a->degree < b->degree ? -1 : 1;
	for (i = 0; i < a->degree; i++)
		if (a->atoms[i] != b->atoms[i])
			return a->atoms[i] < b->atoms[i] ? -1 : 1;
	return 0;
}

static struct polynomial *
polynomial_new(struct polynomials *context, uint32_t capacity)
{
	struct polynomial *p = arena_zalloc(context->arena, 1, sizeof *p);

	if (p)
		p->terms = arena_alloc(context->arena, capacity, sizeof *p->terms);
	if (!p || !p->terms) {
		context->out_of_memory = true;
		return NULL;
	}
	return p;
}

const struct polynomial *
polynomial_constant(struct polynomials *context, struct coefficient coefficient)
{
	struct polynomial *p;

	if (!coefficient.count)
		return NULL;
	p = polynomial_new(context, 1);
	if (p && !is_negligible(&coefficient))
		p->terms[p->count++] = (struct term){ .coefficient = coefficient };
	return p;
}

const struct polynomial *
polynomial_scalar(struct polynomials *context, double value)
{
	return polynomial_constant(context, coefficient_scalar(context, value));
}

const struct polynomial *
polynomial_atom(struct polynomials *context, uint32_t atom)
{
	struct coefficient one = coefficient_scalar(context, 1);
	struct polynomial *p = one.count ? polynomial_new(context, 1) : NULL;

	if (p)
		p->terms[p->count++] = (struct term){ 1, { atom }, one };
	return p;
}

/* Adds a term in its place; false: too many, or coefficients that do not combine. */
static bool
insert_term(struct polynomials *context, struct polynomial *p, const struct term *term)
{
	uint32_t at = 0;

	while (at < p->count && compare_atoms(&p->terms[at], term) < 0)
		at++;
	if (at < p->count && compare_atoms(&p->terms[at], term) == 0) {
		struct coefficient sum = combine(context, &p->terms[at].coefficient,
						 &term->coefficient, 1, false);

		if (!sum.count)
			return false;
		p->terms[at].coefficient = sum;
		if (is_negligible(&sum)) {
			memmove(&p->terms[at], &p->terms[at + 1],
				(p->count - at - 1) * sizeof *p->terms);
			p->count--;
		}
		return true;
	}
	if (is_negligible(&term->coefficient))
		return true;
	if (p->count == TERMS_MAX)
		return false;
	memmove(&p->terms[at + 1], &p->terms[at], (p->count - at) * sizeof *p->terms);
	p->terms[at] = *term;
	p->count++;
	return true;
}

static uint32_t
room(uint32_t terms)
{
	return terms < TERMS_MAX ? terms : TERMS_MAX;
}

const struct polynomial *
polynomial_add(struct polynomials *context, const struct polynomial *a, const struct polynomial *b,
	       double factor_of_b)
{
	struct coefficient factor;
	struct polynomial *out;
	uint32_t i;

	if (!a || !b)
		return NULL;
	factor = coefficient_scalar(context, factor_of_b);
	out = polynomial_new(context, room(a->count + b->count));
	if (!out || !factor.count)
		return NULL;
	for (i = 0; i < a->count; i++)
		if (!insert_term(context, out, &a->terms[i]))
			return NULL;
	for (i = 0; i < b->count; i++) {
		struct term term = b->terms[i];

		if (factor_of_b != 1)
			term.coefficient = combine(context, &term.coefficient, &factor, 1, true);
		if (!term.coefficient.count || !insert_term(context, out, &term))
			return NULL;
	}
	return out;
}

static bool
is_idempotent(const struct polynomials *context, uint32_t atom)
{
	const struct atom *a = &context->atoms[atom];

	return a->kind == ATOM_SITE && context->sites[a->number].kind <= SITE_GREATER_EQUAL;
}

static bool
multiply_terms(struct polynomials *context, const struct term *a, const struct term *b,
	       struct term *out)
{
	uint32_t i = 0, j = 0;

	*out = (struct term){ 0 };
	while (i < a->degree || j < b->degree) {
		bool from_a = j == b->degree || (i < a->degree && a->atoms[i] <= b->atoms[j]);
		uint32_t atom = from_a ? a->atoms[i++] : b->atoms[j++];

		if (out->degree && out->atoms[out->degree - 1] == atom &&
		    is_idempotent(context, atom))
			continue;
		if (out->degree == DEGREE_MAX)
			return false;
		out->atoms[out->degree++] = atom;
	}
	out->coefficient = combine(context, &a->coefficient, &b->coefficient, 1, true);
	return out->coefficient.count > 0;
}

const struct polynomial *
polynomial_multiply(struct polynomials *context, const struct polynomial *a,
		    const struct polynomial *b)
{
	struct polynomial *out;
	struct term term;
	uint32_t i, j;

	if (!a || !b)
		return NULL;
	out = polynomial_new(context, room(a->count * b->count));
	if (!out)
		return NULL;
	for (i = 0; i < a->count; i++)
		for (j = 0; j < b->count; j++)
			if (!multiply_terms(context, &a->terms[i], &b->terms[j], &term) ||
			    !insert_term(context, out, &term))
				return NULL;
	return out;
}

/* --- asking -------------------------------------------------------------------------- */

static bool
term_has(const struct term *term, uint32_t atom)
{
	uint32_t i;

	for (i = 0; i < term->degree; i++)
		if (term->atoms[i] == atom)
			return true;
	return false;
}

struct polynomial *
polynomial_copy(struct polynomials *context, const struct polynomial *p)
{
	struct polynomial *out = arena_copy(context->arena, p, 1, sizeof *p);

	if (out)
		out->terms = arena_copy(context->arena, p->terms, p->count, sizeof *p->terms);
	if (!out || !out->terms) {
		context->out_of_memory = true;
		return NULL;
	}
	return out;
}

const struct polynomial *
polynomial_select(struct polynomials *context, const struct polynomial *p, uint32_t atom, bool with)
{
	struct polynomial *out;
	uint32_t i;

	if (!p)
		return NULL;
	out = polynomial_new(context, p->count + 1);
	for (i = 0; out && i < p->count; i++)
		if (term_has(&p->terms[i], atom) == with)
			out->terms[out->count++] = p->terms[i];
	return out;
}

const struct term *
polynomial_term(const struct polynomial *p, const uint32_t *atoms, uint32_t degree)
{
	uint32_t i;

	for (i = 0; p && i < p->count; i++)
		if (p->terms[i].degree == degree &&
		    (!degree || memcmp(p->terms[i].atoms, atoms, degree * sizeof *atoms) == 0))
			return &p->terms[i];
	return NULL;
}

bool
polynomial_has(const struct polynomial *p, uint32_t atom)
{
	uint32_t i;

	for (i = 0; p && i < p->count; i++)
		if (term_has(&p->terms[i], atom))
			return true;
	return false;
}

bool
polynomial_is_constant(const struct polynomial *p)
{
	return p && (p->count == 0 || (p->count == 1 && p->terms[0].degree == 0));
}

bool
polynomial_close(struct polynomials *context, const struct polynomial *a,
		 const struct polynomial *b)
{
	const struct polynomial *difference = polynomial_add(context, a, b, -1);
	uint32_t i;

	if (!difference)
		return false;
	for (i = 0; i < difference->count; i++)
		if (!coefficient_is(&difference->terms[i].coefficient, 0))
			return false;
	return true;
}
