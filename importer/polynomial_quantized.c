/* polynomial_quantized.c - activations that were quantized, and are real numbers again. */
#include "importer/polynomial.h"

static bool
same_scalar(const struct polynomials *context, const struct operation *a, const struct operation *b,
	    uint32_t i, double *out)
{
	double one, other;

	*out = 0;
	if (i >= a->operand_count || a->operands[i] == NO_VALUE)
		return i >= b->operand_count || b->operands[i] == NO_VALUE;
	if (i >= b->operand_count || b->operands[i] == NO_VALUE ||
	    !constant_scalar(context->axes->constants, a->operands[i], &one) ||
	    !constant_scalar(context->axes->constants, b->operands[i], &other))
		return false;
	*out = one;
	return one == other;
}

/* All of it is what ReLUs give: 0 where they are 0, as 0 has a code of its own. */
static bool
only_relus(const struct polynomials *context, const struct polynomial *x)
{
	uint32_t i;

	for (i = 0; i < x->count; i++) {
		const struct atom *atom = &context->atoms[x->terms[i].atoms[0]];

		if (x->terms[i].degree != 1)
			return false;
		while (atom->kind == ATOM_SITE && context->sites[atom->number].kind == SITE_POOLED)
			atom = &context->atoms
					[context->sites[atom->number].argument->terms[0].atoms[0]];
		if (atom->kind != ATOM_SITE || context->sites[atom->number].kind != SITE_RELU)
			return false;
	}
	return x->count > 0;
}

/* The codes that a QuantizeLinear has; false: not known. */
static bool
range_of_codes(const struct polynomials *context, const struct operation *operation, double *low,
	       double *high)
{
	int64_t type = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;

	if (operation->operand_count > 2 && operation->operands[2] != NO_VALUE) {
		const struct constant *zero = constant_of(context->axes->constants,
							  operation->operands[2]);

		type = zero ? zero->type : 0;
	} else {
		type = operation_int(operation, "output_dtype", type);
	}
	switch (type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
		*low = 0, *high = UINT8_MAX;
		return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
		*low = 0, *high = UINT16_MAX;
		return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
		*low = INT8_MIN, *high = INT8_MAX;
		return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
		*low = INT16_MIN, *high = INT16_MAX;
		return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT4:
		*low = 0, *high = 15;
		return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT4:
		*low = -8, *high = 7;
		return true;
	default:
		return false;
	}
}

/* What it dequantizes was quantized with the same parameters: scale, zero point, smallest
 * and largest code. NULL: it was not. */
static const struct operation *
quantizer_of(const struct polynomials *context, const struct operation *operation,
	     double *parameters)
{
	const struct program *program = context->axes->program;
	const struct operation *before;
	const struct value *codes;

	if (!operation->operand_count || operation->operands[0] == NO_VALUE)
		return NULL;
	codes = &program->values[operation->operands[0]];
	if (codes->kind != VALUE_RESULT)
		return NULL;
	before = &program->operations[codes->operation];
	return operation_is(before, "QuantizeLinear") &&
			       same_scalar(context, operation, before, 1, &parameters[0]) &&
			       same_scalar(context, operation, before, 2, &parameters[1]) &&
			       parameters[0] > 0 &&
			       range_of_codes(context, before, &parameters[2], &parameters[3])
		       ? before
		       : NULL;
}

const struct polynomial *
polynomial_dequantize(struct polynomials *context, const struct operation *operation)
{
	double parameters[4];
	const struct operation *before = quantizer_of(context, operation, parameters);
	const struct polynomial *x, *of_spikes;

	x = before ? polynomial_operand(context, before, 0) : NULL;
	if (!x || polynomial_is_constant(x))
		return NULL;
	of_spikes = polynomial_through_codes(context, x, parameters, operation->results[0]);
	if (of_spikes)
		return of_spikes;
	if (only_relus(context, x))
		return polynomial_pooled(context, x, false, operation->results[0]);
	return parameters[1] == parameters[2]
		       ? polynomial_relu(context, x,
					 parameters[0] * (parameters[3] - parameters[2]),
					 operation->results[0])
		       : NULL;
}

/* --- codes times integers ---------------------------------------------------------------- */

/* What it reads are the numbers themselves: nothing is taken off them. */
static bool
reads_plain_codes(const struct polynomials *context, const struct operation *operation)
{
	double zero = 0;

	return operation->operand_count < 3 || operation->operands[2] == NO_VALUE ||
	       (constant_scalar(context->axes->constants, operation->operands[2], &zero) &&
		zero == 0);
}

const struct polynomial *
polynomial_of_codes(struct polynomials *context, uint32_t index)
{
	uint32_t weight = polynomial_weight_of(context, index);

	if (weight == NO_VALUE ||
	    !reads_plain_codes(context, &context->axes->program->operations[index]))
		return NULL;
	return polynomial_current(context, weight, coefficient_scalar(context, 1));
}

/* The weight operation whose result is `product`, when `scale` is that of the codes that
 * it reads. */
static uint32_t
scaled_weight(const struct polynomials *context, const struct atom *product,
	      const struct atom *scale)
{
	const struct program *program = context->axes->program;
	const struct value *value = &program->values[product->number];
	const struct operation *operation, *quantizer;

	if (product->kind != ATOM_OPAQUE || scale->kind != ATOM_OPAQUE ||
	    value->kind != VALUE_RESULT)
		return NO_VALUE;
	operation = &program->operations[value->operation];
	quantizer = axes_quantizer_of(program, operation);
	return quantizer && quantizer->results[1] == scale->number
		       ? polynomial_weight_of(context, value->operation)
		       : NO_VALUE;
}

/* p is a constant times codes times their scale, or times a current of integers that has
 * no scale of its own yet: the operation. */
static uint32_t
weight_to_scale(const struct polynomials *context, const struct term *term)
{
	const struct axes *axes = context->axes;
	const struct atom *a = &context->atoms[term->atoms[0]], *b;
	const struct current *current;
	uint32_t weight;

	if (term->degree == 2) {
		b = &context->atoms[term->atoms[1]];
		weight = scaled_weight(context, a, b);
		return weight != NO_VALUE ? weight : scaled_weight(context, b, a);
	}
	if (term->degree != 1 || a->kind != ATOM_CURRENT)
		return NO_VALUE;
	current = &context->currents[a->number];
	return current->site == NO_VALUE && coefficient_is(&current->scale, 1) &&
			       axes_multiplies_codes(
				       &axes->program->operations[axes->weights[current->weight]
									  .operation])
		       ? current->weight
		       : NO_VALUE;
}

const struct polynomial *
polynomial_rescaled(struct polynomials *context, const struct polynomial *p)
{
	uint32_t weight = p && p->count == 1 ? weight_to_scale(context, &p->terms[0]) : NO_VALUE;
	return weight == NO_VALUE ? p
				  : polynomial_current(context, weight, p->terms[0].coefficient);
}

const struct polynomial *
polynomial_read(const struct polynomials *context, const struct operation *operation, uint32_t slot)
{
	const struct operation *quantizer = axes_quantizer_of(context->axes->program, operation);

	if (quantizer)
		return context->of[quantizer->operands[0]];
	if (axes_multiplies_codes(operation) && !reads_plain_codes(context, operation))
		return NULL;
	return context->of[operation->operands[slot]];
}
