/* axis_integer_rules.c - weights that are integers, multiplied with codes.
 *
 *     codes, scale, zero = DynamicQuantizeLinear(x)
 *     y = scale * weight_scale * MatMulInteger(codes, weights, zero, weight_zero)
 *
 * The range of x always includes 0, so a unit that is 0 changes neither scale nor zero
 * point, and its code is the zero point, which is taken off: it adds nothing. */
#include "importer/axis_rules.h"

enum { DATA_ZERO = 2, WEIGHT_ZERO = 3 };

bool
axes_multiplies_codes(const struct operation *operation)
{
	return operation_is(operation, "MatMulInteger") || operation_is(operation, "ConvInteger");
}

const struct operation *
axes_quantizer_of(const struct program *program, const struct operation *operation)
{
	const struct operation *quantizer;
	const struct value *codes;

	if (!axes_multiplies_codes(operation) || operation->operand_count <= DATA_ZERO ||
	    operation->operands[0] == NO_VALUE)
		return NULL;
	codes = &program->values[operation->operands[0]];
	if (codes->kind != VALUE_RESULT)
		return NULL;
	quantizer = &program->operations[codes->operation];
	return operation_is(quantizer, "DynamicQuantizeLinear") && quantizer->result_count == 3 &&
			       operation->operands[DATA_ZERO] == quantizer->results[2]
		       ? quantizer
		       : NULL;
}

const struct constant *
axes_weight_zero(const struct axes *axes, const struct operation *operation)
{
	return axes_multiplies_codes(operation) && operation->operand_count > WEIGHT_ZERO &&
			       operation->operands[WEIGHT_ZERO] != NO_VALUE
		       ? constant_of(axes->constants, operation->operands[WEIGHT_ZERO])
		       : NULL;
}

/* One zero point for all data; of the weights one, or one a unit. */
static bool
bind_zero_points(struct axes *axes, const struct operation *operation, struct axis units)
{
	const struct tensor_axes *data = rule_operand(axes, operation, DATA_ZERO);
	const struct tensor_axes *weights = rule_operand(axes, operation, WEIGHT_ZERO);
	const struct constant *zero = axes_weight_zero(axes, operation);

	if (data && (data->rank > 1 || (data->rank && axis_size(axes, data->axes[0]) != 1)))
		return false;
	if (!weights)
		return true;
	if (!zero || !zero->integers || weights->rank > 1)
		return false;
	if (weights->rank && axis_resolve(axes, weights->axes[0]).count)
		axis_unify(axes, units, weights->axes[0], "zero points of another size");
	return true;
}

bool
rule_matmul_integer(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct tensor_axes *w = rule_operand(axes, operation, 1);

	return w && w->rank == 2 && bind_zero_points(axes, operation, w->axes[1]) &&
	       rule_matmul(axes, index);
}

bool
rule_conv_integer(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct tensor_axes *w = rule_operand(axes, operation, 1);

	return w && w->rank > 2 && bind_zero_points(axes, operation, w->axes[0]) &&
	       rule_conv(axes, index);
}

/* Every unit may be the one that the scale comes from. */
bool
rule_dynamic_quantize(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	uint32_t d;

	if (!x)
		return false;
	for (d = 0; d < x->rank; d++)
		if (x->axes[d].count)
			axes_note_total(axes, index, x->axes[d]);
	axes_set(axes, rule_result(operation, 0), x->rank, x->axes);
	axes_set(axes, rule_result(operation, 1), 0, NULL);
	axes_set(axes, rule_result(operation, 2), 0, NULL);
	return true;
}
