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
