/* polynomial_functions.c - functions of spikes.
 *
 * What is b without a spike and b + k with one is, after any function,
 *
 *     f(b + k S) = f(b) + (f(b + k) - f(b)) S
 *
 * again of that form, exactly. Of what lies between 0 and a spike (a mean of spikes) that
 * holds for the ends of a monotone function, and of activations f(b) where they are 0. */
#include "importer/polynomial.h"

#include <math.h>
#include <string.h>

enum { ARGUMENTS_MAX = 4 };

enum kind {
	FUNCTION_ABS,
	FUNCTION_CAST, /* to integers */
	FUNCTION_CEIL,
	FUNCTION_CLIP,
	FUNCTION_EXP,
	FUNCTION_FLOOR,
	FUNCTION_LEAKY_RELU,
	FUNCTION_MAX,
	FUNCTION_MIN,
	FUNCTION_POW,
	FUNCTION_QUANTIZE, /* and back: scale, zero point, smallest and largest code */
	FUNCTION_RECIPROCAL,
	FUNCTION_RELU,
	FUNCTION_ROUND,
	FUNCTION_SIGMOID,
	FUNCTION_SIGN,
	FUNCTION_SQRT,
	FUNCTION_TANH,
	FUNCTION_GREATER, /* than 0 */
	FUNCTION_GREATER_EQUAL,
};

/* x, and constants for all units or one a unit. */
struct call {
	enum kind kind;
	const struct polynomial *x;
	struct coefficient arguments[ARGUMENTS_MAX];
	uint32_t argument_count;
	uint32_t units, place; /* of all coefficients that are not for all */
	uint32_t value;	       /* the tensor that it gives */
};

static double
quantized(double x, const double *arguments)
{
	double code = nearbyint(x / arguments[0]) + arguments[1];

	return (fmin(fmax(code, arguments[2]), arguments[3]) - arguments[1]) * arguments[0];
}

static double
value_of(enum kind kind, double x, const double *arguments)
{
	switch (kind) {
	case FUNCTION_ABS:
		return fabs(x);
	case FUNCTION_CAST:
		return trunc(x);
	case FUNCTION_CEIL:
		return ceil(x);
	case FUNCTION_CLIP:
		return fmin(fmax(x, arguments[0]), arguments[1]);
	case FUNCTION_EXP:
		return exp(x);
	case FUNCTION_FLOOR:
		return floor(x);
	case FUNCTION_LEAKY_RELU:
		return x < 0 ? x * arguments[0] : x;
	case FUNCTION_MAX:
		return fmax(x, arguments[0]);
	case FUNCTION_MIN:
		return fmin(x, arguments[0]);
	case FUNCTION_POW:
		return pow(x, arguments[0]);
	case FUNCTION_QUANTIZE:
		return quantized(x, arguments);
	case FUNCTION_RECIPROCAL:
		return 1 / x;
	case FUNCTION_RELU:
		return fmax(x, 0);
	case FUNCTION_ROUND:
		return nearbyint(x);
	case FUNCTION_SIGMOID:
		return 1 / (1 + exp(-x));
	case FUNCTION_SIGN:
		return x > 0 ? 1 : x < 0 ? -1 : 0;
	case FUNCTION_SQRT:
		return sqrt(x);
	case FUNCTION_TANH:
		return tanh(x);
	case FUNCTION_GREATER:
		return x > 0;
	case FUNCTION_GREATER_EQUAL:
		return x >= 0;
	}
	return NAN;
}

/* Also where x changes its sign. */
static bool
is_monotone(enum kind kind)
{
	return kind != FUNCTION_ABS && kind != FUNCTION_LEAKY_RELU && kind != FUNCTION_POW &&
	       kind != FUNCTION_RECIPROCAL;
}

static bool
jumps(enum kind kind)
{
	return kind == FUNCTION_CAST || kind == FUNCTION_CEIL || kind == FUNCTION_FLOOR ||
	       kind == FUNCTION_QUANTIZE || kind == FUNCTION_ROUND || kind == FUNCTION_SIGN ||
	       kind == FUNCTION_GREATER || kind == FUNCTION_GREATER_EQUAL;
}

/* The value, when the last bits of x do not decide what it is. Integers are what they
 * are; codes change between them. */
static bool
sure_value(enum kind kind, double x, double size, const double *arguments, double *out)
{
	double blur = 1e-6 * size;

	*out = value_of(kind, x, arguments);
	if (!isfinite(*out))
		return false;
	if (!jumps(kind) || (kind != FUNCTION_QUANTIZE && x == nearbyint(x)))
		return true;
	return value_of(kind, x - blur, arguments) == *out &&
	       value_of(kind, x + blur, arguments) == *out;
}

/* --- what x may hold ------------------------------------------------------------------------- */

enum range { RANGE_SPIKE, RANGE_BETWEEN, RANGE_ACTIVATION, RANGE_UNKNOWN };

/* Steps that stand beside each other are what they are one by one. */
static enum range
range_of(const struct polynomials *context, const struct atom *atom)
{
	const struct site *site;
	enum range range = RANGE_SPIKE, part;
	uint32_t i;

	if (atom->kind != ATOM_SITE)
		return RANGE_UNKNOWN;
	site = &context->sites[atom->number];
	switch (site->kind) {
	case SITE_GREATER:
	case SITE_GREATER_EQUAL:
		return RANGE_SPIKE;
	case SITE_RELU:
	case SITE_COUNT:
	case SITE_CAPPED:
		return RANGE_ACTIVATION;
	case SITE_POOLED:
		range = range_of(context, &context->atoms[site->argument->terms[0].atoms[0]]);
		return range == RANGE_SPIKE ? RANGE_BETWEEN : range;
	case SITE_STACKED:
		for (i = 0; i < site->part_count; i++) {
			part = range_of(
				context,
				&context->atoms[context->sites[site->parts->items[i]].atom]);
			range = part > range ? part : range;
		}
		return range;
	default:
		return RANGE_UNKNOWN;
	}
}

static bool
fits_units(struct call *call, const struct coefficient *coefficient)
{
	if (coefficient->count <= 1)
		return true;
	if (call->units > 1)
		return coefficient->count == call->units && coefficient->place == call->place;
	call->units = coefficient->count;
	call->place = coefficient->place;
	return true;
}

static bool
is_of_spikes(const struct polynomials *context, struct call *call)
{
	const struct polynomial *x = call->x;
	uint32_t i;

	call->units = 1;
	for (i = 0; x && i < x->count; i++) {
		if (x->terms[i].degree > 1 || !fits_units(call, &x->terms[i].coefficient))
			return false;
		if (x->terms[i].degree == 1 &&
		    range_of(context, &context->atoms[x->terms[i].atoms[0]]) == RANGE_UNKNOWN)
			return false;
	}
	for (i = 0; i < call->argument_count; i++)
		if (!call->arguments[i].count || !fits_units(call, &call->arguments[i]))
			return false;
	return x && x->count && x->terms[x->count - 1].degree == 1;
}

/* --- its value -------------------------------------------------------------------- */

struct ends {
	double silent, spike;
	uint32_t term; /* of x, that the unit has; NO_VALUE: none */
};

/* b and b + k of one unit; false: several things stand there together. */
static bool
ends_of_x(const struct polynomial *x, uint32_t unit, struct ends *out)
{
	uint32_t i;

	*out = (struct ends){ .term = NO_VALUE };
	for (i = 0; i < x->count; i++) {
		double value = coefficient_at(&x->terms[i].coefficient, unit);

		if (x->terms[i].degree == 0) {
			out->silent = value;
		} else if (value != 0) {
			if (out->term != NO_VALUE)
				return false;
			out->term = i;
			out->spike = value;
		}
	}
	out->spike += out->silent;
	return true;
}

static bool
unit_value(const struct polynomials *context, const struct call *call, uint32_t unit,
	   struct ends *out)
{
	double arguments[ARGUMENTS_MAX] = { 0 }, size;
	const struct atom *atom;
	struct ends x;
	uint32_t i;

	if (!ends_of_x(call->x, unit, &x))
		return false;
	for (i = 0; i < call->argument_count; i++)
		arguments[i] = coefficient_at(&call->arguments[i], unit);
	size = fabs(x.silent) + fabs(x.spike);
	out->term = x.term;
	if (!sure_value(call->kind, x.silent, size, arguments, &out->silent))
		return false;
	out->spike = out->silent;
	if (x.term == NO_VALUE)
		return true;
	atom = &context->atoms[call->x->terms[x.term].atoms[0]];
	switch (range_of(context, atom)) {
	case RANGE_ACTIVATION: /* f(b) where it is 0; it has no other end */
		out->spike += x.spike - x.silent;
		return true;
	case RANGE_BETWEEN:
		if (!is_monotone(call->kind) && x.silent * x.spike < 0)
			return false;
		/* fall through */
	default:
		return sure_value(call->kind, x.spike, size, arguments, &out->spike);
	}
}

static struct coefficient
zeros(struct polynomials *context, const struct call *call)
{
	struct coefficient out = { call->units, call->place, NULL };

	out.values = arena_zalloc(context->arena, call->units, sizeof *out.values);
	if (!out.values) {
		context->out_of_memory = true;
		out.count = 0;
	}
	return out;
}

/* The atom of the term, or what is 0 where that is and between the same ends. */
static const struct polynomial *
result_atom(struct polynomials *context, const struct call *call, const struct term *term)
{
	const struct polynomial *atom = polynomial_atom(context, term->atoms[0]);

	return range_of(context, &context->atoms[term->atoms[0]]) == RANGE_SPIKE
		       ? atom
		       : polynomial_pool_site(context, atom, true, call->value);
}

static const struct polynomial *
add_terms(struct polynomials *context, const struct call *call, struct coefficient silent,
	  const struct coefficient *gains)
{
	const struct polynomial *out = polynomial_constant(context, silent);
	uint32_t i;

	for (i = 0; i < call->x->count; i++)
		if (call->x->terms[i].degree)
			out = polynomial_add(
				context, out,
				polynomial_multiply(context,
						    result_atom(context, call, &call->x->terms[i]),
						    polynomial_constant(context, gains[i])),
				1);
	return out;
}

/* NULL: it is no function of spikes alone. */
static const struct polynomial *
apply(struct polynomials *context, struct call *call)
{
	struct coefficient silent, gains[TERMS_MAX];
	struct ends ends;
	uint32_t i, unit;

	if (!is_of_spikes(context, call))
		return NULL;
	silent = zeros(context, call);
	for (i = 0; i < call->x->count; i++)
		gains[i] = zeros(context, call);
	if (context->out_of_memory)
		return NULL;
	for (unit = 0; unit < call->units; unit++) {
		if (!unit_value(context, call, unit, &ends))
			return NULL;
		silent.values[unit] = ends.silent;
		if (ends.term != NO_VALUE)
			gains[ends.term].values[unit] = ends.spike - ends.silent;
	}
	return add_terms(context, call, silent, gains);
}

/* --- operators -------------------------------------------------------------------- */

static const struct {
	const char *op_type;
	enum kind kind;
} functions[] = {
	{ "Abs", FUNCTION_ABS },	 { "Ceil", FUNCTION_CEIL },
	{ "Clip", FUNCTION_CLIP },	 { "Exp", FUNCTION_EXP },
	{ "Floor", FUNCTION_FLOOR },	 { "LeakyRelu", FUNCTION_LEAKY_RELU },
	{ "Max", FUNCTION_MAX },	 { "Min", FUNCTION_MIN },
	{ "Pow", FUNCTION_POW },	 { "Reciprocal", FUNCTION_RECIPROCAL },
	{ "Relu", FUNCTION_RELU },	 { "Round", FUNCTION_ROUND },
	{ "Sigmoid", FUNCTION_SIGMOID }, { "Sign", FUNCTION_SIGN },
	{ "Sqrt", FUNCTION_SQRT },	 { "Tanh", FUNCTION_TANH },
};

/* Of a constant operand; count 0: it is none. */
static struct coefficient
constant_operand(struct polynomials *context, const struct operation *operation, uint32_t i)
{
	uint32_t value = operation->operands[i];
	const struct polynomial *p = value == NO_VALUE ? NULL : context->of[value];

	if (!p || !context->axes->program->values[value].constant || !polynomial_is_constant(p))
		return (struct coefficient){ 0 };
	return p->count ? p->terms[0].coefficient : coefficient_scalar(context, 0);
}

static struct coefficient
bound_of_clip(struct polynomials *context, const struct operation *operation, uint32_t i)
{
	const char *name = i == 1 ? "min" : "max";
	double none = i == 1 ? -INFINITY : INFINITY;

	if (i < operation->operand_count && operation->operands[i] != NO_VALUE)
		return constant_operand(context, operation, i);
	return coefficient_scalar(context, operation_float(operation, name, none));
}

/* False: in a form that is not known. */
static bool
set_arguments(struct polynomials *context, const struct operation *operation, struct call *call)
{
	uint32_t x = 0;

	switch (call->kind) {
	case FUNCTION_CLIP:
		call->arguments[0] = bound_of_clip(context, operation, 1);
		call->arguments[1] = bound_of_clip(context, operation, 2);
		call->argument_count = 2;
		break;
	case FUNCTION_LEAKY_RELU:
		call->arguments[0] = coefficient_scalar(context,
							operation_float(operation, "alpha", 0.01f));
		call->argument_count = 1;
		break;
	case FUNCTION_MAX:
	case FUNCTION_MIN:
	case FUNCTION_POW:
		if (operation->operand_count != 2)
			return false;
		call->arguments[0] = constant_operand(context, operation, 1);
		if (!call->arguments[0].count && call->kind != FUNCTION_POW) {
			call->arguments[0] = constant_operand(context, operation, 0);
			x = 1;
		}
		call->argument_count = 1;
		break;
	default:
		break;
	}
	call->x = polynomial_operand(context, operation, x);
	return !context->out_of_memory;
}

const struct polynomial *
polynomial_function(struct polynomials *context, const struct operation *operation)
{
	struct call call = { .value = operation->results[0] };
	size_t i;

	for (i = 0; i < sizeof functions / sizeof *functions; i++)
		if (operation_is(operation, functions[i].op_type))
			break;
	if (i == sizeof functions / sizeof *functions)
		return NULL;
	call.kind = functions[i].kind;
	return set_arguments(context, operation, &call) ? apply(context, &call) : NULL;
}

const struct polynomial *
polynomial_clipped(struct polynomials *context, const struct operation *operation)
{
	struct coefficient low = bound_of_clip(context, operation, 1);
	struct coefficient high = bound_of_clip(context, operation, 2);

	return coefficient_is(&low, 0) && high.count == 1 && high.values[0] > 0
		       ? polynomial_relu(context, polynomial_operand(context, operation, 0),
					 high.values[0], operation->results[0])
		       : NULL;
}

/* Every value that it may have is an integer of the type. */
static bool
stays_in_range(const struct polynomials *context, const struct polynomial *p, double low,
	       double high)
{
	double least = 0, most = 0;
	uint32_t i, j;

	for (i = 0; p && i < p->count; i++) {
		double down = 0, up = 0;

		if (p->terms[i].degree &&
		    range_of(context, &context->atoms[p->terms[i].atoms[0]]) == RANGE_ACTIVATION)
			return false;
		for (j = 0; j < p->terms[i].coefficient.count; j++) {
			down = fmin(down, p->terms[i].coefficient.values[j]);
			up = fmax(up, p->terms[i].coefficient.values[j]);
		}
		least += down;
		most += up;
	}
	return p && least >= low && most <= high;
}

const struct polynomial *
polynomial_as_integers(struct polynomials *context, const struct polynomial *x, double low,
		       double high, uint32_t value)
{
	struct call call = { .kind = FUNCTION_CAST, .x = x, .value = value };
	const struct polynomial *out = apply(context, &call);

	return stays_in_range(context, out, low, high) ? out : NULL;
}

const struct polynomial *
polynomial_through_codes(struct polynomials *context, const struct polynomial *x,
			 const double *parameters, uint32_t value)
{
	struct call call = {
		.kind = FUNCTION_QUANTIZE, .x = x, .argument_count = 4, .value = value
	};
	uint32_t i;

	for (i = 0; i < 4; i++)
		call.arguments[i] = coefficient_scalar(context, parameters[i]);
	return context->out_of_memory ? NULL : apply(context, &call);
}

const struct polynomial *
polynomial_test_of_spikes(struct polynomials *context, enum site_kind kind,
			  const struct polynomial *p, uint32_t value)
{
	struct call call = { .kind = kind == SITE_GREATER ? FUNCTION_GREATER
							  : FUNCTION_GREATER_EQUAL,
			     .x = p,
			     .value = value };
	struct polynomial *out;
	uint32_t i;

	for (i = 0; p && i < p->count; i++) /* of a count it is a site: a limit, say */
		if (p->terms[i].degree &&
		    range_of(context, &context->atoms[p->terms[i].atoms[0]]) != RANGE_SPIKE)
			return NULL;
	p = apply(context, &call);
	out = p ? polynomial_copy(context, p) : NULL;
	if (out)
		out->boolean = true;
	return out;
}
