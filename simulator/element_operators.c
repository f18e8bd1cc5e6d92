/* element_operators.c - the operators that are operations element by element. */
#include "simulator/element.h"

#include "simulator/operators.h"

#include <string.h>

/* count inputs, which must be there; all of one type unless mixed. */
static snnfit_status
get_operands(struct call *call, uint32_t count, bool mixed, const struct tensor **operands)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		operands[i] = call_input(call, i);
		if (!operands[i] || operands[i]->type == TYPE_NONE)
			return call_fail(call, SNNFIT_EFORMAT, "input %u is missing", i);
		if (!mixed && operands[i]->type != operands[0]->type)
			return call_fail(call, SNNFIT_EFORMAT, "inputs of types %s and %s",
					 type_name(operands[0]->type),
					 type_name(operands[i]->type));
	}
	return SNNFIT_OK;
}

static bool
gives_bool(enum element element)
{
	return (element >= ELEMENT_GREATER && element <= ELEMENT_XOR) || element == ELEMENT_NOT ||
	       element == ELEMENT_IS_NAN || element == ELEMENT_IS_INF;
}

static snnfit_status
apply_to_inputs(struct call *call, enum element element, struct element_numbers numbers)
{
	const struct tensor *operands[ELEMENT_OPERANDS_MAX];
	uint32_t count = element < ELEMENT_ADD ? 1 : 2;
	snnfit_status status = get_operands(call, count, element == ELEMENT_POW, operands);

	if (status != SNNFIT_OK)
		return status;
	return element_apply(call, element, numbers, operands, count,
			     gives_bool(element) ? TYPE_BOOL : operands[0]->type, 0);
}

snnfit_status
run_element(struct call *call)
{
	return apply_to_inputs(call, call->node->operator->element,
			       (struct element_numbers){ 0, 0 });
}

snnfit_status
run_pow(struct call *call)
{
	const struct tensor *base = call_input(call, 0), *exponent = call_input(call, 1);
	struct tensor real;
	const struct tensor *operands[2] = { base, &real };
	snnfit_status status;

	if (!base || !exponent || type_is_float(base->type) == type_is_float(exponent->type))
		return apply_to_inputs(call, ELEMENT_POW, (struct element_numbers){ 0, 0 });
	/* The exponent goes into the domain of the base; what an integer base loses by
	 * that is the fraction, so an integer base is raised as a real one. */
	status = tensor_allocate(
		&real, &call->machine->pool, type_is_float(base->type) ? base->type : TYPE_DOUBLE,
		exponent->rank, exponent->dims, call->lanes, exponent->laned, call->err);
	if (status != SNNFIT_OK)
		return status;
	element_compute(ELEMENT_COPY, (struct element_numbers){ 0, 0 }, &exponent, 1,
			exponent->laned ? call->lanes : 1, exponent->rank, exponent->dims,
			real.type, real.data);
	status = element_apply(call, ELEMENT_POW, (struct element_numbers){ 0, 0 }, operands, 2,
			       base->type, 0);
	tensor_release(&real, &call->machine->pool);
	return status;
}

snnfit_status
run_with_numbers(struct call *call)
{
	static const struct {
		enum element element;
		const char *a, *b;
		float a_default, b_default;
	} rows[] = {
		{ ELEMENT_LEAKY_RELU, "alpha", NULL, 0.01f, 0 },
		{ ELEMENT_ELU, "alpha", NULL, 1, 0 },
		{ ELEMENT_CELU, "alpha", NULL, 1, 0 },
		{ ELEMENT_SELU, "alpha", "gamma", 1.67326319217681884765625f,
		  1.05070102214813232421875f },
		{ ELEMENT_THRESHOLDED_RELU, "alpha", NULL, 1, 0 },
		{ ELEMENT_HARD_SIGMOID, "alpha", "beta", 0.2f, 0.5f },
		{ ELEMENT_SHRINK, "bias", "lambd", 0, 0.5f },
		{ ELEMENT_SWISH, "alpha", NULL, 1, 0 },
	};
	struct element_numbers numbers = { 0, 0 };
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].element != call->node->operator->element)
			continue;
		numbers.a = (double)node_float(call->node, rows[i].a, rows[i].a_default);
		if (rows[i].b)
			numbers.b = (double)node_float(call->node, rows[i].b, rows[i].b_default);
	}
	return apply_to_inputs(call, call->node->operator->element, numbers);
}

snnfit_status
run_gelu(struct call *call)
{
	char room[NODE_TEXT_BYTES];
	bool tanh_form = !strcmp(node_text(call->node, "approximate", "none", room), "tanh");

	return apply_to_inputs(call, tanh_form ? ELEMENT_GELU_TANH : ELEMENT_GELU,
			       (struct element_numbers){ 0, 0 });
}

snnfit_status
run_is_inf(struct call *call)
{
	struct element_numbers signs = {
		(double)node_int(call->node, "detect_positive", 1),
		(double)node_int(call->node, "detect_negative", 1),
	};

	return apply_to_inputs(call, ELEMENT_IS_INF, signs);
}

snnfit_status
run_mod(struct call *call)
{
	return apply_to_inputs(call, node_int(call->node, "fmod", 0) ? ELEMENT_FMOD : ELEMENT_MOD,
			       (struct element_numbers){ 0, 0 });
}

snnfit_status
run_bit_shift(struct call *call)
{
	char room[NODE_TEXT_BYTES];
	bool left = !strcmp(node_text(call->node, "direction", "LEFT", room), "LEFT");

	return apply_to_inputs(call, left ? ELEMENT_SHIFT_LEFT : ELEMENT_SHIFT_RIGHT,
			       (struct element_numbers){ 0, 0 });
}

/* Max, Min, Sum and Mean: pair by pair. */
snnfit_status
run_variadic(struct call *call)
{
	const struct element_numbers none = { 0, 0 };
	enum element element = call->node->operator->element;
	bool is_mean = element == ELEMENT_NONE;
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	if (call->input_count == 0)
		return call_fail(call, SNNFIT_EFORMAT, "it has no inputs");
	for (i = 0; i < call->input_count && status == SNNFIT_OK; i++) {
		struct tensor so_far = call->outputs[0];
		const struct tensor *operands[2] = { i ? &so_far : call_input(call, 0),
						     call_input(call, i) };

		if (!operands[1] || operands[1]->type != operands[0]->type)
			return call_fail(call, SNNFIT_EFORMAT,
					 "input %u is missing, or of another "
					 "type",
					 i);
		call->outputs[0] = (struct tensor){ .type = TYPE_NONE };
		status = element_apply(call,
				       i == 0	 ? ELEMENT_COPY
				       : is_mean ? ELEMENT_ADD
						 : element,
				       none, operands, i == 0 ? 1 : 2, operands[1]->type, 0);
		if (i)
			tensor_release(&so_far, &call->machine->pool);
	}
	if (is_mean && status == SNNFIT_OK) {
		double number = call->input_count;
		struct tensor so_far = call->outputs[0];
		struct tensor divisor = { .type = TYPE_DOUBLE, .count = 1, .data = &number };
		const struct tensor *operands[2] = { &so_far, &divisor };

		element_compute(ELEMENT_DIV, none, operands, 2, call->laned ? call->lanes : 1,
				so_far.rank, so_far.dims, so_far.type, so_far.data);
	}
	return status;
}

/* One bound after the other: no bound is no operation. */
snnfit_status
run_clip(struct call *call)
{
	static const char *const names[2] = { "min", "max" };
	static const enum element elements[2] = { ELEMENT_MAX, ELEMENT_MIN };
	const struct element_numbers none = { 0, 0 };
	const struct tensor *x = call_input(call, 0);
	float bound = 0;
	snnfit_status status;
	uint32_t i;

	if (!x)
		return call_fail(call, SNNFIT_EFORMAT, "input 0 is missing");
	status = call_alias(call, 0, x, x->rank, x->dims);
	for (i = 0; i < 2 && status == SNNFIT_OK; i++) {
		const Onnx__AttributeProto *attribute = node_attribute(call->node, names[i]);
		struct tensor so_far = call->outputs[0],
			      number = { .type = TYPE_FLOAT, .count = 1, .data = &bound };
		const struct tensor *operands[2] = { &so_far, call_input(call, i + 1) };

		if (!operands[1] && attribute && attribute->has_f) {
			bound = attribute->f;
			operands[1] = &number;
		}
		if (!operands[1])
			continue;
		if (operands[1]->count != 1 || operands[1]->type == TYPE_NONE)
			status = call_fail(call, SNNFIT_EFORMAT,
					   "its bounds must be single numbers");
		call->outputs[0] = (struct tensor){ .type = TYPE_NONE };
		if (status == SNNFIT_OK)
			status = element_apply(call, elements[i], none, operands, 2, x->type, 0);
		tensor_release(&so_far, &call->machine->pool);
	}
	return status;
}

static snnfit_status
cast_to_small_float(struct call *call, const struct tensor *x, int32_t type)
{
	snnfit_status status = element_apply(call, ELEMENT_COPY, (struct element_numbers){ 0, 0 },
					     &x, 1, type_computed(type), 0);

	if (status == SNNFIT_OK)
		elements_round(type, &call->outputs[0], call->lanes);
	return status;
}

static snnfit_status
cast_to(struct call *call, int32_t type)
{
	const struct tensor *x = call_input(call, 0);
	struct tensor real;
	const struct tensor *operand = x;
	snnfit_status status;

	if (!x || !type_bytes(x->type) || !type_bytes(type))
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "it casts from or to a type that is not "
				 "computed with");
	if (x->type == type)
		return call_alias(call, 0, x, x->rank, x->dims);
	if (type != type_computed(type))
		return cast_to_small_float(call, x, type);
	/* A uint64 may be too large for the int64 that it would be read as. */
	if (x->type == TYPE_UINT64 && type_is_float(type)) {
		status = tensor_allocate(&real, &call->machine->pool, TYPE_DOUBLE, x->rank, x->dims,
					 call->lanes, x->laned, call->err);
		if (status != SNNFIT_OK)
			return status;
		elements_to_double(x->type, x->data, 0, x->count * (x->laned ? call->lanes : 1),
				   real.data);
		operand = &real;
		status = element_apply(call, ELEMENT_COPY, (struct element_numbers){ 0, 0 },
				       &operand, 1, type, 0);
		tensor_release(&real, &call->machine->pool);
		return status;
	}
	return element_apply(call, ELEMENT_COPY, (struct element_numbers){ 0, 0 }, &operand, 1,
			     type, 0);
}

snnfit_status
run_cast(struct call *call)
{
	return cast_to(call, (int32_t)node_int(call->node, "to", TYPE_NONE));
}

snnfit_status
run_cast_like(struct call *call)
{
	const struct tensor *like = call_input(call, 1);

	return cast_to(call, like ? like->type : TYPE_NONE);
}

snnfit_status
run_where(struct call *call)
{
	const struct tensor *operands[3];
	snnfit_status status = get_operands(call, 3, true, operands);

	if (status != SNNFIT_OK)
		return status;
	if (operands[1]->type != operands[2]->type)
		return call_fail(call, SNNFIT_EFORMAT, "its two values have types %s and %s",
				 type_name(operands[1]->type), type_name(operands[2]->type));
	return element_apply(call, ELEMENT_WHERE, (struct element_numbers){ 0, 0 }, operands, 3,
			     operands[2]->type, 0);
}
