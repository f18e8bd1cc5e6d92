/* polynomial.h - every elementwise tensor as a polynomial in states, currents and spikes.
 *
 * Whatever an exporter spells a neuron out to, its tensors reduce to
 *
 *     sum of  coefficient * atom * atom * ...
 *
 * over atoms: model inputs (states among them), currents (outputs of weight
 * operations), threshold sites ([p > 0] or [p >= 0], idempotent), and opaque
 * tensors, with one coefficient for all units or one a unit.
 *
 * Where the steps of time follow each other in the file, a membrane would hold
 * every current since the first. So once a site has tested p = rest + c I, the
 * potential X = p is an atom, and what is read from then on has (X - rest) / c
 * in place of I: the next membrane is a polynomial in X, in the site, and in the
 * next current, whatever the number of steps. */
#ifndef SNNFIT_IMPORTER_POLYNOMIAL_H
#define SNNFIT_IMPORTER_POLYNOMIAL_H

#include "importer/axes.h"
#include "importer/lists.h"

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
	ATOM_INPUT,	/* number: value */
	ATOM_CURRENT,	/* number: into currents */
	ATOM_SITE,	/* number: into sites */
	ATOM_POTENTIAL, /* number: into sites: the argument of that one */
	ATOM_OPAQUE,	/* number: value */
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
	uint32_t site;	  /* that tested it, NO_VALUE: none yet */
	uint32_t newest;  /* the same again, of a later step: into currents; or itself */
	bool is_membrane; /* as its weights give it, it is the first step's membrane too */
};

enum site_kind {
	SITE_GREATER,
	SITE_GREATER_EQUAL,
	SITE_RELU,
	SITE_COUNT,
	SITE_CAPPED,
	SITE_POOLED,
	SITE_STACKED,
	SITE_FLOOR,
	SITE_TRUNCATED,
	SITE_ABS,
	SITE_SIGN,
};
/* [p > 0], [p >= 0], max(p, 0); how often a threshold fits into p, or that but at most
 * so often (count - limit is p then); or pooled: something that is 0 where the sites of
 * p all are; or stacked: the parts, which are sites, one after the other along an
 * axis that is not of their units. The others are functions of p. */
struct site {
	enum site_kind kind;
	const struct polynomial *argument;
	uint32_t value; /* the first tensor that it was seen as */
	uint32_t atom;
	uint32_t tests;			/* comparisons that give it */
	const struct polynomial *bound; /* the constant that the first compares with; or NULL.
					 * COUNT, CAPPED: the threshold */
	const struct polynomial *limit; /* CAPPED: the most that it gives */
	uint32_t potential;		/* atom of the argument, NO_VALUE: it has none */
	const struct polynomial *pivot; /* the current it tested, in terms of that */
	uint32_t next;			/* in its bucket; NO_VALUE ends */
	double ceiling;			/* RELU: it is at most this */
	uint32_t spikes;		/* the count that it guards, NO_VALUE: it is the spikes */
	uint32_t guard;			/* COUNT: the site that guards it */
	struct site_list *parts;	/* STACKED: the first part_count of these */
	uint32_t part_count;
	bool full; /* POOLED: it is what the sites are where they are alike everywhere */
};

/* Sites in the order that they were put together; what more is put to is one more. */
struct site_list {
	uint32_t *items;
	size_t count, capacity;
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
	bool *held;	     /* [weight_count]: the weights are read once, for however many steps */
	bool *bare;	     /* [value_count]: a held current as its weight operation gives it */
	bool *baked;	     /* [weight_count]: a constant that differs from unit to unit, and is no
		      * bias, is added to its current: a state */
	uint32_t *buckets;   /* of sites, by their argument */
	size_t bucket_count; /* a power of two, or 0 */
	struct lists tests;  /* by atom: the sites whose argument has it, ascending */
	struct map taken;    /* current, axis and index -> that step's current */
	bool gaps; /* spikes are written into zeros, or leave a loop that may have no iterations:
		    * there may be zeros left where a unit always spikes */
	bool out_of_memory;
};

MUST_USE snnfit_status polynomials_build(struct polynomials *polynomials, struct axes *axes,
					 struct arena *arena, snnfit_error *err);

/* Numbers of all operations, in the order in which they are read; NULL: out of memory. */
uint32_t *polynomial_order(const struct program *program, struct arena *arena);

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
/* With terms of its own, to be changed. */
struct polynomial *polynomial_copy(struct polynomials *context, const struct polynomial *p);
/* The terms without (with = false) or with the atom. */
const struct polynomial *polynomial_select(struct polynomials *context, const struct polynomial *p,
					   uint32_t atom, bool with);

/* --- sites: polynomial_sites.c ------------------------------------------------------ */

uint32_t polynomial_add_atom(struct polynomials *context, enum atom_kind kind, uint32_t number);
/* The site as a polynomial. NULL: p is constant, or unknown. */
const struct polynomial *polynomial_site(struct polynomials *context, enum site_kind kind,
					 const struct polynomial *p, uint32_t value);
/* min(max(p, 0), ceiling), ceiling > 0. */
const struct polynomial *polynomial_relu(struct polynomials *context, const struct polynomial *p,
					 double ceiling, uint32_t value);
uint32_t polynomial_add_current(struct polynomials *context, uint32_t weight,
				struct coefficient scale);
/* One more current of the weight operation, as a polynomial; NULL: scale is unknown. */
const struct polynomial *polynomial_current(struct polynomials *context, uint32_t weight,
					    struct coefficient scale);
/* What a bare current is for who reads it now: once a site has tested it, it is the
 * current of another step. */
const struct polynomial *polynomial_renew(struct polynomials *context, const struct polynomial *p);
/* Of p, an atom; full as above. */
const struct polynomial *polynomial_pool_site(struct polynomials *context,
					      const struct polynomial *p, bool full,
					      uint32_t value);
/* All of the parts so far. */
const struct polynomial *polynomial_stack_site(struct polynomials *context, struct site_list *parts,
					       uint32_t value);
/* What the tensor is, with every current that a site has tested in terms of that
 * site's potential; and of p, which has the layout of the tensor. */
const struct polynomial *polynomial_follow(struct polynomials *context, uint32_t value);
const struct polynomial *polynomial_followed(struct polynomials *context,
					     const struct polynomial *p, uint32_t value);

/* --- currents: polynomial_weights.c --------------------------------------------------- */

const struct polynomial *polynomial_of_weights(struct polynomials *context, uint32_t operation);
const struct polynomial *polynomial_of_foreign(struct polynomials *context, uint32_t operation);
const struct polynomial *polynomial_of_batch_normalization(struct polynomials *context,
							   uint32_t operation);

/* --- several spikes a step: polynomial_counts.c --------------------------------------- */

/* a b, when that is a truncation or a count; NULL: it is another product. */
const struct polynomial *polynomial_counted(struct polynomials *context, const struct polynomial *a,
					    const struct polynomial *b, uint32_t value);

/* p, or the site that it is when it is a count of at most so many spikes. */
const struct polynomial *polynomial_capped(struct polynomials *context, const struct polynomial *p,
					   uint32_t value);

/* --- functions of spikes: polynomial_functions.c; NULL: of something else ----------------- */

const struct polynomial *polynomial_function(struct polynomials *context,
					     const struct operation *operation);
/* Of a Clip: what it leaves of x, when that is from 0 on; NULL: something else. */
const struct polynomial *polynomial_clipped(struct polynomials *context,
					    const struct operation *operation);
/* x without its fraction, when it stays between low and high. */
const struct polynomial *polynomial_as_integers(struct polynomials *context,
						const struct polynomial *x, double low, double high,
						uint32_t value);
/* x in codes and back; parameters: scale, zero point, smallest and largest code. */
const struct polynomial *polynomial_through_codes(struct polynomials *context,
						  const struct polynomial *x,
						  const double *parameters, uint32_t value);
/* Whether p > 0, or >= 0, as the kind says. */
const struct polynomial *polynomial_test_of_spikes(struct polynomials *context, enum site_kind kind,
						   const struct polynomial *p, uint32_t value);

/* --- time as an axis: polynomial_steps.c ---------------------------------------------- */

/* x where the result has one element of an axis: coefficients as in x. NULL: it is
 * not that, or x is not to be taken apart. */
const struct polynomial *polynomial_at_step(struct polynomials *context,
					    const struct operation *operation, uint32_t result,
					    const struct polynomial *x);
/* What a Concat of sites gives; NULL: of something else. */
const struct polynomial *polynomial_stacked(struct polynomials *context,
					    const struct operation *operation);
/* A step's sites put into a tensor that holds those of others; NULL: of something else. */
const struct polynomial *polynomial_put_in(struct polynomials *context,
					   const struct polynomial *data,
					   const struct polynomial *step, uint32_t value);

/* --- reading an operand: polynomial_currents.c --------------------------------------- */

/* The i-th operand as the operation means it; NULL: left out. */
const struct polynomial *polynomial_operand(struct polynomials *context,
					    const struct operation *operation, uint32_t i);
/* Into axes.weights, NO_VALUE: it is none. */
uint32_t polynomial_weight_of(const struct polynomials *context, uint32_t operation);
/* Whether the operation's result is bare. Sets held, before: */
bool polynomial_is_bare(const struct polynomials *context, uint32_t operation);
MUST_USE bool polynomial_find_held(struct polynomials *context);
/* A constant in the shape of a state is added to a current. */
void polynomial_note_state(struct polynomials *context, const struct operation *operation);
/* A comparison of a bare current: it is the membrane of the first step as well. */
void polynomial_note_membrane(struct polynomials *context, const struct operation *operation);

/* --- other layouts of the same numbers ------------------------------------------- */

/* sum of c_i x_i + constant, every x_i pooled by itself, seen in tensor `value`: for
 * means that is how it is, for maxima it lies between the same ends when all c_i are of
 * one sign. full: where they are alike everywhere, it is what they are. NULL: x holds
 * something else than sites and inputs. */
const struct polynomial *polynomial_pooled(struct polynomials *context, const struct polynomial *x,
					   bool full, uint32_t value);
bool polynomial_same_elements(const struct polynomials *context, const struct tensor_axes *x,
			      const struct tensor_axes *y);
/* Coefficients where the other tensor has their units. NULL: it has them nowhere. */
const struct polynomial *polynomial_moved(struct polynomials *context, const struct polynomial *x,
					  const struct tensor_axes *from,
					  const struct tensor_axes *to);
/* polynomial_pieces.c: of a Slice, Split or Gather, and of a Concat along units. */
const struct polynomial *polynomial_piece(struct polynomials *context,
					  const struct operation *operation, uint32_t output);
const struct polynomial *polynomial_concat(struct polynomials *context,
					   const struct operation *operation);

/* polynomial_quantized.c: of a DequantizeLinear of what a QuantizeLinear gave. Where the
 * smallest code stands for 0, a ReLU is in it. */
const struct polynomial *polynomial_dequantize(struct polynomials *context,
					       const struct operation *operation);
/* Of a MatMulInteger or ConvInteger: its current. NULL: what it reads was scaled, and it
 * is a current only when multiplied with that scale, which polynomial_rescaled sees. */
const struct polynomial *polynomial_of_codes(struct polynomials *context, uint32_t operation);
const struct polynomial *polynomial_rescaled(struct polynomials *context,
					     const struct polynomial *product);
/* What the weights of an operation are multiplied with: its operand, or what the codes
 * there stand for. NULL: not known. */
const struct polynomial *polynomial_read(const struct polynomials *context,
					 const struct operation *operation, uint32_t slot);

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
/* Not a number where there is none (count 0): equal to nothing. */
double coefficient_at(const struct coefficient *coefficient, uint32_t unit);
/* Its values are still to be set; count 0: no memory. */
struct coefficient coefficient_new(struct polynomials *context, uint32_t count, uint32_t place);
struct coefficient coefficient_scalar(struct polynomials *context, double value);
/* The coefficient of a constant tensor; count 0: it is not one number a unit. */
struct coefficient coefficient_of_constant(struct polynomials *context,
					   const struct constant *constant);

#endif
