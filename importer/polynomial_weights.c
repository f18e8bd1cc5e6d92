/* polynomial_weights.c - currents: what weight operations give, normalized or not. */
#include "importer/polynomial.h"

#include <string.h>

static const struct constant *
constant_operand(struct polynomials *context, const struct operation *operation, uint32_t i)
{
	uint32_t value = i < operation->operand_count ? operation->operands[i] : NO_VALUE;

	return value == NO_VALUE ? NULL : constant_of(context->axes->constants, value);
}

const struct polynomial *
polynomial_of_weights(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = &context->axes->program->operations[index];
	uint32_t weight = polynomial_weight_of(context, index);
	const struct polynomial *out, *bias;
	double alpha = 1, beta = 1;

	if (weight == NO_VALUE)
		return NULL;
	if (operation_is(operation, "Gemm")) {
		alpha = operation_float(operation, "alpha", 1);
		beta = operation_float(operation, "beta", 1);
	}
	out = polynomial_current(context, weight, coefficient_scalar(context, 1));
	if (alpha != 1)
		out = polynomial_multiply(context, out, polynomial_scalar(context, alpha));
	if (operation->operand_count < 3 || operation->operands[2] == NO_VALUE)
		return out;
	bias = polynomial_operand(context, operation, 2);
	if (operation_is(operation, "Conv")) {
		const struct constant *constant = constant_operand(context, operation, 2);
		struct coefficient vector;

		if (!constant)
			return polynomial_add(context, out, bias, 1);
		vector = coefficient_of_constant(context, constant);
		vector.place = context->axes->tensors[operation->results[0]].rank - 2;
		bias = polynomial_constant(context, vector);
	}
	return polynomial_add(context, out, bias, beta);
}

/* A current whose constants are left out: its units are frozen. What only puts it in
 * another order in memory passes it on. */
const struct polynomial *
polynomial_of_foreign(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = &context->axes->program->operations[index];
	uint32_t weight = polynomial_weight_of(context, index);

	if (weight == NO_VALUE)
		return strncmp(operation->node->op_type, "Reorder", 7) == 0
			       ? polynomial_operand(context, operation, 0)
			       : NULL;
	return polynomial_current(context, weight, coefficient_scalar(context, 1));
}

/* scale * x + shift, from the constants of a BatchNormalization in inference mode. */
static bool
batch_normalization_affine(struct polynomials *context, const struct operation *operation,
			   struct coefficient *scale, struct coefficient *shift)
{
	double epsilon = operation_float(operation, "epsilon", 1e-5f);
	struct coefficient p[4];
	uint32_t i, place = context->axes->tensors[operation->operands[0]].rank - 2;

	for (i = 0; i < 4; i++) {
		const struct constant *constant = constant_operand(context, operation, i + 1);

		if (!constant || constant->rank != 1)
			return false;
		p[i] = coefficient_of_constant(context, constant);
		if (!p[i].count || p[i].count != p[0].count)
			return false;
	}
	*scale = *shift = (struct coefficient){ p[0].count, place, NULL };
	scale->values = arena_alloc(context->arena, p[0].count, sizeof(double));
	shift->values = arena_alloc(context->arena, p[0].count, sizeof(double));
	if (!scale->values || !shift->values) {
		context->out_of_memory = true;
		return false;
	}
	for (i = 0; i < p[0].count; i++) {
		scale->values[i] = p[0].values[i] / __builtin_sqrt(p[3].values[i] + epsilon);
		shift->values[i] = p[1].values[i] - p[2].values[i] * scale->values[i];
	}
	return true;
}

/* The only atom of x is one current, taken once: BatchNorm becomes part of it. */
static uint32_t
plain_current(const struct polynomials *context, const struct polynomial *x)
{
	const struct term *term = x->count ? &x->terms[x->count - 1] : NULL;

	if (!term || x->count > 2 || term->degree != 1 || !coefficient_is(&term->coefficient, 1) ||
	    (x->count == 2 && x->terms[0].degree != 0) ||
	    context->atoms[term->atoms[0]].kind != ATOM_CURRENT)
		return NO_VALUE;
	return context->atoms[term->atoms[0]].number;
}

/* What is part of the current already, when that is the scale of integers; else 1. */
static const struct polynomial *
scale_of_integers(struct polynomials *context, uint32_t number)
{
	const struct current *current = &context->currents[number];
	const struct axes *axes = context->axes;
	const struct operation *operation =
		&axes->program->operations[axes->weights[current->weight].operation];

	if (coefficient_is(&current->scale, 1))
		return polynomial_scalar(context, 1);
	return axes_multiplies_codes(operation) ? polynomial_constant(context, current->scale)
						: NULL;
}

/* The same current, scaled; NULL: it cannot be part of it. */
static const struct polynomial *
normalized_current(struct polynomials *context, const struct polynomial *x,
		   const struct polynomial *scale)
{
	uint32_t plain = plain_current(context, x);
	const struct polynomial *before = plain == NO_VALUE ? NULL
							    : scale_of_integers(context, plain);
	const struct polynomial *whole = polynomial_multiply(context, before, scale), *out;

	if (!whole || !whole->count)
		return NULL;
	out = polynomial_current(context, context->currents[plain].weight,
				 whole->terms[0].coefficient);
	return x->count == 1 ? out
			     : polynomial_add(context, out,
					      polynomial_multiply(
						      context,
						      polynomial_constant(context,
									  x->terms[0].coefficient),
						      scale),
					      1);
}

const struct polynomial *
polynomial_of_batch_normalization(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = &context->axes->program->operations[index];
	const struct polynomial *x = polynomial_operand(context, operation, 0), *factor, *out;
	struct coefficient scale, shift;

	if (!x || operation_int(operation, "training_mode", 0) ||
	    !batch_normalization_affine(context, operation, &scale, &shift))
		return NULL;
	factor = polynomial_constant(context, scale);
	out = normalized_current(context, x, factor);
	if (!out)
		out = polynomial_multiply(context, x, factor);
	return polynomial_add(context, out, polynomial_constant(context, shift), 1);
}
