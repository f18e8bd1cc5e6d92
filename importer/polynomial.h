/* polynomial.h - every elementwise tensor as a polynomial in states, currents and spikes.
 *
 * Whatever an exporter spells a neuron out to, its tensors reduce to
 *
 *     sum of  coefficient * atom * atom * ...
 *
 * over atoms: model inputs (states among them), currents (outputs of weight
 * operations), threshold sites ([p > 0] or [p >= 0], idempotent), and opaque
 * tensors, with one coefficient for all units or one a unit. */
#ifndef SNNFIT_IMPORTER_POLYNOMIAL_H
#define SNNFIT_IMPORTER_POLYNOMIAL_H

#include "importer/axes.h"

enum { DEGREE_MAX = 3, TERMS_MAX = 24 };

struct coefficient {
	uint32_t count; /* 1, or the units */
	uint32_t place; /* for count > 1: the dimension, counted from the right */
	double *values;
};

struct term {
	uint32_t degree;
	uint32_t atoms[DEGREE_MAX]; /* ascending */
	struct coefficient coefficient;
};

struct polynomial {
	bool boolean; /* the tensor's type is bool */
	uint32_t count;
	struct term *terms; /* constant term first, if any; then by atoms */
};

enum atom_kind {
	ATOM_INPUT,   /* number: value */
	ATOM_CURRENT, /* number: into currents */
	ATOM_SITE,    /* number: into sites */
	ATOM_OPAQUE,  /* number: value */
};
struct atom {
	enum atom_kind kind;
	uint32_t number;
};

/* What a weight operation gives, times a factor that BatchNormalization put in. */
struct current {
	uint32_t weight; /* into axes.weights */
	struct coefficient scale;
	uint32_t atom;
};

enum site_kind { SITE_GREATER, SITE_GREATER_EQUAL, SITE_RELU, SITE_POOLED };
/* [p > 0], [p >= 0], max(p, 0); or pooled: something that is 0 where the sites of
 * p all are. */
struct site {
	enum site_kind kind;
	const struct polynomial *argument;
	uint32_t value; /* the first tensor that it was seen as */
	uint32_t atom;
};

struct polynomials {
	struct axes *axes;
	struct arena *arena;
	struct atom *atoms;
	struct current *currents;
	struct site *sites;
	size_t atom_count, current_count, site_count;
	size_t atom_capacity, current_capacity, site_capacity;
	const struct polynomial **of; /* [value_count]; NULL: not elementwise in anything known */
	uint32_t *input_atoms;	      /* [value_count]: of inputs and opaque tensors */
	bool out_of_memory;
};

MUST_USE snnfit_status polynomials_build(struct polynomials *polynomials, struct axes *axes,
					 struct arena *arena, snnfit_error *err);

/* --- arithmetic; NULL: an argument was, or the result is too large ---------------- */

const struct polynomial *polynomial_constant(struct polynomials *context,
					     struct coefficient coefficient);
const struct polynomial *polynomial_scalar(struct polynomials *context, double value);
const struct polynomial *polynomial_atom(struct polynomials *context, uint32_t atom);
const struct polynomial *polynomial_add(struct polynomials *context, const struct polynomial *a,
					const struct polynomial *b, double factor_of_b);
const struct polynomial *polynomial_multiply(struct polynomials *context,
					     const struct polynomial *a,
					     const struct polynomial *b);
/* The terms without (with = false) or with the atom. */
const struct polynomial *polynomial_select(struct polynomials *context, const struct polynomial *p,
					   uint32_t atom, bool with);

/* --- asking --------------------------------------------------------------------- */

/* The term of exactly this product; NULL: none. */
const struct term *polynomial_term(const struct polynomial *p, const uint32_t *atoms,
				   uint32_t degree);
bool polynomial_has(const struct polynomial *p, uint32_t atom);
/* Only a constant term, or none. */
bool polynomial_is_constant(const struct polynomial *p);
/* All coefficients agree to a part in a million. */
bool polynomial_close(struct polynomials *context, const struct polynomial *a,
		      const struct polynomial *b);
bool coefficient_is(const struct coefficient *coefficient, double value);
double coefficient_at(const struct coefficient *coefficient, uint32_t unit);
struct coefficient coefficient_scalar(struct polynomials *context, double value);
/* The coefficient of a constant tensor; count 0: it is not one number a unit. */
struct coefficient coefficient_of_constant(struct polynomials *context,
					   const struct constant *constant);

#endif
