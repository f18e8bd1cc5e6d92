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

/* The zero point of a QuantizeLinear is the smallest code of its type. */
static bool
is_smallest_code(const struct polynomials *context, const struct operation *operation)
{
	const struct constant *zero;

	if (operation->operand_count < 3 || operation->operands[2] == NO_VALUE)
		return !operation_attribute(operation, "output_dtype"); /* unsigned bytes */
	zero = constant_of(context->axes->constants, operation->operands[2]);
	if (!zero || !zero->integers)
		return false;
	switch (zero->type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
		return zero->integers[0] == 0;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
		return zero->integers[0] == INT8_MIN;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
		return zero->integers[0] == INT16_MIN;
	default:
		return false;
	}
}

const struct polynomial *
polynomial_dequantize(struct polynomials *context, const struct operation *operation)
{
	const struct program *program = context->axes->program;
	const struct value *codes = &program->values[operation->operands[0]];
	const struct operation *before;
	const struct polynomial *x;
	double scale, zero;

	if (codes->kind != VALUE_RESULT)
		return NULL;
	before = &program->operations[codes->operation];
	if (!operation_is(before, "QuantizeLinear") ||
	    !same_scalar(context, operation, before, 1, &scale) ||
	    !same_scalar(context, operation, before, 2, &zero) || !(scale > 0))
		return NULL;
	x = polynomial_operand(context, before, 0);
	if (!x || polynomial_is_constant(x))
		return NULL;
	if (only_relus(context, x))
		return polynomial_pooled(context, x, operation->results[0]);
	return is_smallest_code(context, before)
		       ? polynomial_site(context, SITE_RELU, x, operation->results[0])
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
	uint32_t weight = polynomial_weight_of(context, index), number;

	if (weight == NO_VALUE ||
	    !reads_plain_codes(context, &context->axes->program->operations[index]))
		return NULL;
	number = polynomial_add_current(context, weight, coefficient_scalar(context, 1));
	return context->out_of_memory ? NULL
				      : polynomial_atom(context, context->currents[number].atom);
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
	uint32_t number;

	if (weight == NO_VALUE)
		return p;
	number = polynomial_add_current(context, weight, p->terms[0].coefficient);
	return context->out_of_memory ? NULL
				      : polynomial_atom(context, context->currents[number].atom);
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
