/* polynomial_sites.c - threshold sites, and the potentials that they test. */
#include "importer/polynomial.h"

#include <math.h>
#include <string.h>

/* Two computations of one number, in double. */
static const double rounding = 1e-12;

uint32_t
polynomial_add_atom(struct polynomials *context, enum atom_kind kind, uint32_t number)
{
	if (!arena_grow(context->arena, &context->atoms, context->atom_count,
			&context->atom_capacity, sizeof *context->atoms)) {
		context->out_of_memory = true;
		return 0;
	}
	context->atoms[context->atom_count] = (struct atom){ kind, number };
	return (uint32_t)context->atom_count++;
}

uint32_t
polynomial_add_current(struct polynomials *context, uint32_t weight, struct coefficient scale)
{
	uint32_t number = (uint32_t)context->current_count;

	if (!arena_grow(context->arena, &context->currents, context->current_count,
			&context->current_capacity, sizeof *context->currents)) {
		context->out_of_memory = true;
		return NO_VALUE;
	}
	context->current_count++;
	context->currents[number] = (struct current){
		weight,	  scale,  polynomial_add_atom(context, ATOM_CURRENT, number),
		NO_VALUE, number, false
	};
	return number;
}

const struct polynomial *
polynomial_current(struct polynomials *context, uint32_t weight, struct coefficient scale)
{
	uint32_t number = scale.count ? polynomial_add_current(context, weight, scale) : NO_VALUE;

	return number == NO_VALUE ? NULL : polynomial_atom(context, context->currents[number].atom);
}

/* --- finding a site again -------------------------------------------------------------- */

static uint64_t
mix(uint64_t hash, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	size_t i;

	for (i = 0; i < size; i++)
		hash = (hash ^ at[i]) * 0x100000001b3;
	return hash;
}

static uint64_t
hash_of(enum site_kind kind, const struct polynomial *p)
{
	uint64_t hash = mix(0xcbf29ce484222325, &kind, sizeof kind);
	uint32_t i;

	for (i = 0; i < p->count; i++) {
		const struct term *term = &p->terms[i];

		hash = mix(hash, term->atoms, term->degree * sizeof *term->atoms);
		hash = mix(hash, term->coefficient.values,
			   term->coefficient.count * sizeof(double));
	}
	return hash ^ hash >> 29;
}

/* Exactly the same, not just close: then the two nodes always agree. */
static bool
identical(const struct polynomial *a, const struct polynomial *b)
{
	uint32_t i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		const struct term *s = &a->terms[i], *t = &b->terms[i];

		if (s->degree != t->degree || s->coefficient.count != t->coefficient.count ||
		    memcmp(s->atoms, t->atoms, s->degree * sizeof *s->atoms) != 0 ||
		    memcmp(s->coefficient.values, t->coefficient.values,
			   s->coefficient.count * sizeof(double)) != 0)
			return false;
	}
	return true;
}

static bool
rehash(struct polynomials *context)
{
	size_t count = context->bucket_count ? 2 * context->bucket_count : 64, i;
	uint32_t *buckets = arena_alloc(context->arena, count, sizeof *buckets);

	if (!buckets)
		return false;
	memset(buckets, 0xff, count * sizeof *buckets);
	for (i = 0; i < context->site_count; i++) {
		struct site *site = &context->sites[i];
		uint32_t *bucket = &buckets[hash_of(site->kind, site->argument) & (count - 1)];

		site->next = *bucket;
		*bucket = (uint32_t)i;
	}
	context->buckets = buckets;
	context->bucket_count = count;
	return true;
}

static uint32_t
find_identical(const struct polynomials *context, enum site_kind kind, const struct polynomial *p,
	       double ceiling)
{
	uint32_t i;

	if (!context->bucket_count)
		return NO_VALUE;
	i = context->buckets[hash_of(kind, p) & (context->bucket_count - 1)];
	while (i != NO_VALUE &&
	       (context->sites[i].kind != kind || context->sites[i].ceiling != ceiling ||
		!identical(context->sites[i].argument, p)))
		i = context->sites[i].next;
	return i;
}

static bool
is_about(const struct coefficient *coefficient, double value)
{
	uint32_t i;

	for (i = 0; i < coefficient->count; i++)
		if (!(fabs(coefficient->values[i] - value) <= rounding))
			return false;
	return true;
}

/* p is the potential of a site of that kind: the reset that comes a step late
 * tests again what the spike was tested for. */
static uint32_t
site_of_potential(const struct polynomials *context, enum site_kind kind,
		  const struct polynomial *p)
{
	const struct term *last = p->count ? &p->terms[p->count - 1] : NULL;
	const struct atom *atom = last ? &context->atoms[last->atoms[0]] : NULL;

	if (!last || last->degree != 1 || p->count > 2 || atom->kind != ATOM_POTENTIAL ||
	    context->sites[atom->number].kind != kind || !is_about(&last->coefficient, 1))
		return NO_VALUE;
	if (p->count == 2 && (p->terms[0].degree || !is_about(&p->terms[0].coefficient, 0)))
		return NO_VALUE;
	return atom->number;
}

/* --- potentials -------------------------------------------------------------------------- */

static bool
has_zero(const struct coefficient *coefficient)
{
	uint32_t i;

	for (i = 0; i < coefficient->count; i++)
		if (coefficient->values[i] == 0)
			return true;
	return false;
}

/* The newest current of p, and only a factor in p: NO_VALUE when there is none, or
 * p depends on an input: then the file holds one step, and its state is that. */
static uint32_t
pivot_of(const struct polynomials *context, const struct polynomial *p)
{
	uint32_t found = NO_VALUE, i, j;

	for (i = 0; i < p->count; i++)
		for (j = 0; j < p->terms[i].degree; j++) {
			uint32_t atom = p->terms[i].atoms[j];
			enum atom_kind kind = context->atoms[atom].kind;

			if (kind == ATOM_INPUT || kind == ATOM_OPAQUE)
				return NO_VALUE;
			if (kind == ATOM_CURRENT && (found == NO_VALUE || atom > found))
				found = atom;
		}
	for (i = 0; i < p->count && found != NO_VALUE; i++)
		for (j = 0; j < p->terms[i].degree; j++)
			if (p->terms[i].atoms[j] == found &&
			    (p->terms[i].degree > 1 || has_zero(&p->terms[i].coefficient)))
				return NO_VALUE;
	return found;
}

/* 1 / c. */
static const struct polynomial *
inverse(struct polynomials *context, const struct coefficient *coefficient)
{
	struct coefficient out = *coefficient;
	uint32_t i;

	out.values = arena_copy(context->arena, out.values, out.count, sizeof(double));
	if (!out.values) {
		context->out_of_memory = true;
		return NULL;
	}
	for (i = 0; i < out.count; i++)
		out.values[i] = 1 / out.values[i];
	return polynomial_constant(context, out);
}

/* p = rest + c I: from now on I is (X - rest) / c. */
static void
add_potential(struct polynomials *context, uint32_t number)
{
	const struct polynomial *p = context->sites[number].argument, *rest, *pivot;
	uint32_t current = pivot_of(context, p), potential;
	const struct term *term;

	if (current == NO_VALUE)
		return;
	term = polynomial_term(p, &current, 1);
	rest = polynomial_select(context, p, current, false);
	potential = polynomial_add_atom(context, ATOM_POTENTIAL, number);
	pivot = polynomial_multiply(
		context, polynomial_add(context, polynomial_atom(context, potential), rest, -1),
		inverse(context, &term->coefficient));
	if (!pivot)
		return;
	context->sites[number].potential = potential;
	context->sites[number].pivot = pivot;
	context->currents[context->atoms[current].number].site = number;
}

/* p with another atom in place of one that is alone in its term. */
static const struct polynomial *
replace_atom(struct polynomials *context, const struct polynomial *p, uint32_t from, uint32_t to)
{
	const struct term *term = polynomial_term(p, &from, 1);

	if (!term)
		return p;
	return polynomial_add(context, polynomial_select(context, p, from, false),
			      polynomial_multiply(context, polynomial_atom(context, to),
						  polynomial_constant(context, term->coefficient)),
			      1);
}

const struct polynomial *
polynomial_renew(struct polynomials *context, const struct polynomial *p)
{
	uint32_t i, number, newest;

	for (i = 0; i < p->count; i++)
		if (p->terms[i].degree == 1 &&
		    context->atoms[p->terms[i].atoms[0]].kind == ATOM_CURRENT)
			break;
	if (i == p->count)
		return p;
	number = context->atoms[p->terms[i].atoms[0]].number;
	newest = context->currents[number].newest;
	if (context->currents[newest].site != NO_VALUE) {
		const struct current again = context->currents[number];

		newest = polynomial_add_current(context, again.weight, again.scale);
		if (newest == NO_VALUE)
			return NULL;
		context->currents[number].newest = newest;
	}
	return replace_atom(context, p, context->currents[number].atom,
			    context->currents[newest].atom);
}

/* The newest current of p that a site has tested, or NO_VALUE. */
static uint32_t
tested_current(const struct polynomials *context, const struct polynomial *p)
{
	uint32_t found = NO_VALUE, i, j;

	for (i = 0; i < p->count; i++)
		for (j = 0; j < p->terms[i].degree; j++) {
			uint32_t atom = p->terms[i].atoms[j];

			if (context->atoms[atom].kind == ATOM_CURRENT &&
			    context->currents[context->atoms[atom].number].site != NO_VALUE &&
			    (found == NO_VALUE || atom > found))
				found = atom;
		}
	return found;
}

/* What stands beside the atom in the terms that hold it. NULL: it is squared. */
static const struct polynomial *
factor_of(struct polynomials *context, const struct polynomial *p, uint32_t atom)
{
	const struct polynomial *with = polynomial_select(context, p, atom, true);
	struct polynomial *out;
	uint32_t i, j, seen;

	out = with ? arena_copy(context->arena, with, 1, sizeof *with) : NULL;
	if (!out) {
		context->out_of_memory = true;
		return NULL;
	}
	for (i = 0; i < out->count; i++) {
		struct term *term = &out->terms[i];
		struct term rest = { .coefficient = term->coefficient };

		for (j = seen = 0; j < term->degree; j++)
			if (term->atoms[j] != atom || seen++)
				rest.atoms[rest.degree++] = term->atoms[j];
		if (seen > 1)
			return NULL;
		*term = rest;
	}
	return out;
}

/* The current that the site tested, as a tensor of another layout has it. */
static const struct polynomial *
pivot_in(struct polynomials *context, uint32_t number, uint32_t value)
{
	const struct site *site = &context->sites[number];
	const struct tensor_axes *from = &context->axes->tensors[site->value];
	const struct tensor_axes *to = &context->axes->tensors[value];
	uint32_t i;

	for (i = 0; i < site->pivot->count; i++)
		if (site->pivot->terms[i].coefficient.count > 1)
			break;
	if (i == site->pivot->count || !from->known || !to->known)
		return site->pivot;
	return polynomial_moved(context, site->pivot, from, to);
}

const struct polynomial *
polynomial_followed(struct polynomials *context, const struct polynomial *p, uint32_t value)
{
	unsigned i;

	for (i = 0; p && i < TERMS_MAX; i++) {
		uint32_t atom = tested_current(context, p);
		const struct polynomial *factor, *followed;
		uint32_t site;

		if (atom == NO_VALUE)
			return p;
		site = context->currents[context->atoms[atom].number].site;
		factor = factor_of(context, p, atom);
		followed = factor ? polynomial_add(
					    context, polynomial_select(context, p, atom, false),
					    polynomial_multiply(context, factor,
								pivot_in(context, site, value)),
					    1)
				  : NULL;
		if (!followed)
			return p;
		p = followed;
	}
	return p;
}

const struct polynomial *
polynomial_follow(struct polynomials *context, uint32_t value)
{
	return polynomial_followed(context, context->of[value], value);
}

/* --- sites --------------------------------------------------------------------------------- */

static uint32_t
add_site(struct polynomials *context, enum site_kind kind, const struct polynomial *p,
	 uint32_t value)
{
	uint32_t number = (uint32_t)context->site_count;
	struct site *site;

	if (!arena_grow(context->arena, &context->sites, context->site_count,
			&context->site_capacity, sizeof *context->sites) ||
	    (context->site_count >= context->bucket_count && !rehash(context))) {
		context->out_of_memory = true;
		return NO_VALUE;
	}
	site = &context->sites[number];
	*site = (struct site){ .kind = kind,
			       .argument = p,
			       .value = value,
			       .atom = polynomial_add_atom(context, ATOM_SITE, number),
			       .potential = NO_VALUE,
			       .ceiling = INFINITY,
			       .spikes = NO_VALUE };
	context->site_count++;
	if (kind < SITE_POOLED) {
		uint32_t *bucket =
			&context->buckets[hash_of(kind, p) & (context->bucket_count - 1)];

		site->next = *bucket;
		*bucket = number;
	}
	if (kind <= SITE_GREATER_EQUAL)
		add_potential(context, number);
	return number;
}

const struct polynomial *
polynomial_stack_site(struct polynomials *context, struct site_list *parts, uint32_t value)
{
	const struct polynomial *first = polynomial_atom(context,
							 context->sites[parts->items[0]].atom);
	uint32_t number = first ? add_site(context, SITE_STACKED, first, value) : NO_VALUE;

	if (number == NO_VALUE)
		return NULL;
	context->sites[number].parts = parts;
	context->sites[number].part_count = (uint32_t)parts->count;
	return polynomial_atom(context, context->sites[number].atom);
}

static const struct polynomial *
as_polynomial(struct polynomials *context, uint32_t number, bool boolean)
{
	struct polynomial *out;

	if (number == NO_VALUE)
		return NULL;
	context->sites[number].tests++;
	out = (struct polynomial *)polynomial_atom(context, context->sites[number].atom);
	if (out)
		out->boolean = boolean;
	return out;
}

const struct polynomial *
polynomial_site(struct polynomials *context, enum site_kind kind, const struct polynomial *p,
		uint32_t value)
{
	uint32_t number;

	if (!p || polynomial_is_constant(p))
		return NULL;
	number = site_of_potential(context, kind, p);
	if (number == NO_VALUE && kind != SITE_POOLED)
		number = find_identical(context, kind, p, INFINITY);
	if (number == NO_VALUE)
		number = add_site(context, kind, p, value);
	return as_polynomial(context, number, kind <= SITE_GREATER_EQUAL);
}

const struct polynomial *
polynomial_pool_site(struct polynomials *context, const struct polynomial *p, bool full,
		     uint32_t value)
{
	const struct polynomial *pooled = polynomial_site(context, SITE_POOLED, p, value);

	if (pooled)
		context->sites[context->atoms[pooled->terms[0].atoms[0]].number].full = full;
	return pooled;
}

const struct polynomial *
polynomial_relu(struct polynomials *context, const struct polynomial *p, double ceiling,
		uint32_t value)
{
	uint32_t number;

	if (!p || polynomial_is_constant(p))
		return NULL;
	number = find_identical(context, SITE_RELU, p, ceiling);
	if (number == NO_VALUE) {
		number = add_site(context, SITE_RELU, p, value);
		if (number != NO_VALUE)
			context->sites[number].ceiling = ceiling;
	}
	return as_polynomial(context, number, false);
}
