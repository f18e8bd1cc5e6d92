/* polynomial_build.c - the polynomial of every tensor, operation by operation. */
#include "importer/polynomial_bodies.h"

#include <math.h>
#include <string.h>

static const struct operation *
operation_of(const struct polynomials *context, uint32_t index)
{
	return &context->axes->program->operations[index];
}

/* A tensor as an atom of its own: an input, or what is not followed further. */
static const struct polynomial *
atom_of_value(struct polynomials *context, uint32_t value, enum atom_kind kind)
{
	if (context->input_atoms[value] == NO_VALUE)
		context->input_atoms[value] = polynomial_add_atom(context, kind, value);
	return polynomial_atom(context, context->input_atoms[value]);
}

static const struct constant *
constant_operand(struct polynomials *context, const struct operation *operation, uint32_t i)
{
	uint32_t value = i < operation->operand_count ? operation->operands[i] : NO_VALUE;

	return value == NO_VALUE ? NULL : constant_of(context->axes->constants, value);
}

/* --- elementwise -------------------------------------------------------------------------- */

static const struct polynomial *
as_boolean(struct polynomials *context, const struct polynomial *p, bool boolean)
{
	struct polynomial *out;

	if (!p || p->boolean == boolean)
		return p;
	out = arena_copy(context->arena, p, 1, sizeof *p);
	if (!out)
		context->out_of_memory = true;
	else
		out->boolean = boolean;
	return out;
}

/* factor * site with factor > 0: whose truth value is the site's. */
static bool
is_scaled_site(const struct polynomials *context, const struct polynomial *p)
{
	uint32_t i;

	if (!p || p->count != 1 || p->terms[0].degree != 1 ||
	    context->atoms[p->terms[0].atoms[0]].kind != ATOM_SITE)
		return false;
	for (i = 0; i < p->terms[0].coefficient.count; i++)
		if (!(p->terms[0].coefficient.values[i] > 0))
			return false;
	return context->sites[context->atoms[p->terms[0].atoms[0]].number].kind <=
	       SITE_GREATER_EQUAL;
}

static const struct polynomial *
complement(struct polynomials *context, const struct polynomial *p)
{
	return polynomial_add(context, polynomial_scalar(context, 1), p, -1);
}

/* What the larger side is compared with, if constant: also when it was taken off
 * before, and that is compared with 0. NULL: no constant. */
static const struct polynomial *
bound_of(struct polynomials *context, uint32_t tested, const struct polynomial *bound)
{
	const struct program *program = context->axes->program;
	const struct value *value = &program->values[tested];
	const struct operation *before;

	if (!bound || !polynomial_is_constant(bound))
		return NULL;
	if (bound->count || value->kind != VALUE_RESULT)
		return bound;
	before = &program->operations[value->operation];
	if (operation_is(before, "Sub") && before->operands[1] != NO_VALUE &&
	    polynomial_is_constant(context->of[before->operands[1]]))
		return context->of[before->operands[1]];
	return bound;
}

/* The operand `larger` against the other one. */
static const struct polynomial *
build_test(struct polynomials *context, enum site_kind kind, const struct operation *operation,
	   uint32_t larger)
{
	const struct polynomial *a = polynomial_operand(context, operation, larger);
	const struct polynomial *b = polynomial_operand(context, operation, 1 - larger);
	const struct polynomial *difference = polynomial_add(context, a, b, -1);
	const struct polynomial *p = polynomial_test_of_spikes(context, kind, difference,
							       operation->results[0]);
	struct site *site;

	if (p)
		return p;
	p = polynomial_site(context, kind, difference, operation->results[0]);
	site = p ? &context->sites[context->atoms[p->terms[0].atoms[0]].number] : NULL;
	if (site && site->tests == 1)
		site->bound = bound_of(context, operation->operands[larger], b);
	return p;
}

static const struct polynomial *
build_comparison(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *a = polynomial_operand(context, operation, 0);
	const struct polynomial *b = polynomial_operand(context, operation, 1);

	polynomial_note_membrane(context, operation);
	if (operation_is(operation, "Greater"))
		return build_test(context, SITE_GREATER, operation, 0);
	if (operation_is(operation, "GreaterOrEqual"))
		return build_test(context, SITE_GREATER_EQUAL, operation, 0);
	if (operation_is(operation, "Less"))
		return build_test(context, SITE_GREATER, operation, 1);
	if (operation_is(operation, "LessOrEqual"))
		return build_test(context, SITE_GREATER_EQUAL, operation, 1);
	/* Equal: only 'did not spike' has a polynomial. */
	if (!is_scaled_site(context, a) || !b || b->count)
		return NULL;
	return as_boolean(
		context, complement(context, polynomial_atom(context, a->terms[0].atoms[0])), true);
}

static const struct polynomial *
build_logic(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *a = polynomial_operand(context, operation, 0);
	const struct polynomial *b = polynomial_operand(context, operation, 1), *both;

	if (operation_is(operation, "Not"))
		return as_boolean(context, a && a->boolean ? complement(context, a) : NULL, true);
	if (!a || !b || !a->boolean || !b->boolean)
		return NULL;
	both = polynomial_multiply(context, a, b);
	if (operation_is(operation, "And"))
		return as_boolean(context, both, true);
	return as_boolean(
		context, polynomial_add(context, polynomial_add(context, a, b, 1), both, -1), true);
}

static const struct polynomial *
build_where(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *condition = polynomial_operand(context, operation, 0);
	const struct polynomial *x = polynomial_operand(context, operation, 1);
	const struct polynomial *y = polynomial_operand(context, operation, 2);

	if (!condition || !condition->boolean)
		return NULL;
	return polynomial_capped(
		context,
		polynomial_add(context, polynomial_multiply(context, condition, x),
			       polynomial_multiply(context, complement(context, condition), y), 1),
		operation->results[0]);
}

static const struct polynomial *
build_divide(struct polynomials *context, const struct polynomial *a, const struct polynomial *b)
{
	struct coefficient inverse;
	uint32_t i;

	if (!a || !polynomial_is_constant(b) || b->count != 1)
		return NULL;
	inverse = b->terms[0].coefficient;
	inverse.values = arena_copy(context->arena, inverse.values, inverse.count, sizeof(double));
	if (!inverse.values) {
		context->out_of_memory = true;
		return NULL;
	}
	for (i = 0; i < inverse.count; i++) {
		if (inverse.values[i] == 0)
			return NULL;
		inverse.values[i] = 1 / inverse.values[i];
	}
	return polynomial_multiply(context, a, polynomial_constant(context, inverse));
}

static const struct polynomial *
build_product(struct polynomials *context, const struct operation *operation,
	      const struct polynomial *a, const struct polynomial *b)
{
	const struct polynomial *counted = polynomial_counted(context, a, b, operation->results[0]);

	return counted ? counted : polynomial_rescaled(context, polynomial_multiply(context, a, b));
}

static const struct polynomial *
build_arithmetic(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *a = polynomial_operand(context, operation, 0);
	const struct polynomial *b = polynomial_operand(context, operation, 1);
	uint32_t i;

	polynomial_note_state(context, operation);
	if (operation_is(operation, "Mul"))
		return build_product(context, operation, a, b);
	if (operation_is(operation, "Div"))
		return build_divide(context, a, b);
	if (operation_is(operation, "Neg"))
		return a ? polynomial_multiply(context, a, polynomial_scalar(context, -1)) : NULL;
	if (operation_is(operation, "Sub"))
		return polynomial_capped(context, polynomial_add(context, a, b, -1),
					 operation->results[0]);
	for (i = 1; a && i < operation->operand_count; i++) /* Add, Sum */
		a = polynomial_add(context, a, polynomial_operand(context, operation, i), 1);
	return a;
}

/* In the narrow types what they have room for. */
static const struct polynomial *
as_integers(struct polynomials *context, const struct polynomial *x, int32_t type, uint32_t value)
{
	bool wide = type == ONNX__TENSOR_PROTO__DATA_TYPE__INT32 ||
		    type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	const struct polynomial *out = polynomial_as_integers(context, x, wide ? INT32_MIN : 0,
							      wide ? INT32_MAX : INT8_MAX, value);

	return out || !wide ? out : polynomial_site(context, SITE_TRUNCATED, x, value);
}

static const struct polynomial *
build_cast(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *x = polynomial_operand(context, operation, 0);
	const struct constant *like = constant_operand(context, operation, 1);
	int64_t type = operation_is(operation, "Cast") ? operation_int(operation, "to", 0)
		       : like			       ? like->type
						       : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;

	if (!x)
		return NULL;
	switch (type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
	case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
	case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
		return as_boolean(context, x, false);
	case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
		if (x->boolean)
			return x;
		if (!is_scaled_site(context, x))
			return NULL;
		return as_boolean(context, polynomial_atom(context, x->terms[0].atoms[0]), true);
	default:
		return x->boolean ? as_boolean(context, x, false)
				  : as_integers(context, x, (int32_t)type, operation->results[0]);
	}
}

static bool
of_one_sign(const struct polynomial *x)
{
	bool up = false, down = false;
	uint32_t i, j;

	for (i = 0; i < x->count; i++)
		for (j = 0; x->terms[i].degree && j < x->terms[i].coefficient.count; j++) {
			up = up || x->terms[i].coefficient.values[j] > 0;
			down = down || x->terms[i].coefficient.values[j] < 0;
		}
	return !up || !down;
}

/* Zeros around the edge are averaged over as well. */
static bool
averages_padding(const struct operation *operation)
{
	bool padded = operation_pads(operation) || operation_int(operation, "ceil_mode", 0) != 0;

	return padded && operation_int(operation, "count_include_pad", 0);
}

static const struct polynomial *
build_pool(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *x = polynomial_operand(context, operation, 0);
	bool largest = operation_is(operation, "MaxPool") ||
		       operation_is(operation, "GlobalMaxPool");
	bool full = largest || !averages_padding(operation);

	if (!x || (largest && !of_one_sign(x)))
		return NULL;
	if (!full && x->count && x->terms[0].degree == 0)
		return NULL;
	return polynomial_pooled(context, x, full, operation->results[0]);
}

/* --- shape operators: the same numbers under other axes ------------------------------------- */

static uint32_t
long_axes(const struct polynomials *context, const struct tensor_axes *tensor)
{
	uint32_t d, count = 0;

	for (d = 0; d < tensor->rank; d++)
		count += axis_resolve(context->axes, tensor->axes[d]).count > 0;
	return count;
}

/* The same terms, their coefficients where the operation puts the units. */
static const struct polynomial *
moved_terms(struct polynomials *context, const struct operation *operation, uint32_t result,
	    const struct polynomial *x)
{
	return polynomial_moved(context, x, &context->axes->tensors[operation->operands[0]],
				&context->axes->tensors[operation->results[result]]);
}

static const struct polynomial *
build_reshaped(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *x = polynomial_operand(context, operation, 0);

	if (x && operation->operand_count > 1 && operation_is(operation, "Concat"))
		return polynomial_stacked(context, operation);
	if (x && !polynomial_same_elements(context, &context->axes->tensors[operation->operands[0]],
					   &context->axes->tensors[operation->results[0]]))
		x = polynomial_at_step(context, operation, 0, x);
	return moved_terms(context, operation, 0, x);
}

/* One of several results. */
static const struct polynomial *
build_split(struct polynomials *context, const struct operation *operation, uint32_t result)
{
	const struct polynomial *x = polynomial_operand(context, operation, 0);
	const struct polynomial *step = moved_terms(
		context, operation, result, polynomial_at_step(context, operation, result, x));

	return step ? step : polynomial_piece(context, operation, result);
}

static const struct polynomial *
build_concat(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *same = build_reshaped(context, index);

	return same ? same : polynomial_concat(context, operation);
}

/* Positions left out are as if pooled: what is left is 0 where all of them are. */
static const struct polynomial *
build_thinned(struct polynomials *context, const struct operation *operation)
{
	const struct polynomial *x = polynomial_operand(context, operation, 0);

	if (!x || !context->axes->tensors[operation->operands[0]].known ||
	    !context->axes->tensors[operation->results[0]].known)
		return NULL;
	return moved_terms(context, operation, 0,
			   polynomial_pooled(context, x, true, operation->results[0]));
}

static const struct polynomial *
build_piece(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *same = build_reshaped(context, index);

	if (!same)
		same = polynomial_piece(context, operation, 0);
	return same || !operation_is(operation, "Slice") ? same : build_thinned(context, operation);
}

/* Positions in another order are other atoms: what is added to them later must not
 * be taken for the same position. */
static const struct polynomial *
build_transpose(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *x = polynomial_operand(context, operation, 0);
	const struct tensor_axes *from = &context->axes->tensors[operation->operands[0]];

	if (!x || !from->known || !context->axes->tensors[operation->results[0]].known)
		return NULL;
	if (long_axes(context, from) > 1)
		x = polynomial_pooled(context, x, true, operation->results[0]);
	return moved_terms(context, operation, 0, x);
}

/* Over axes of one element it is that; the mean over positions is a pool. */
static const struct polynomial *
build_reduced(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *x = polynomial_operand(context, operation, 0);
	const struct tensor_axes *from = &context->axes->tensors[operation->operands[0]];
	const struct tensor_axes *to = &context->axes->tensors[operation->results[0]];

	if (!x || !from->known || !to->known)
		return NULL;
	if (polynomial_same_elements(context, from, to))
		return moved_terms(context, operation, 0, x);
	if (!operation_is(operation, "ReduceMean"))
		return NULL;
	return moved_terms(context, operation, 0,
			   polynomial_pooled(context, x, true, operation->results[0]));
}

static const struct polynomial *
build_same(struct polynomials *context, uint32_t index)
{
	return polynomial_operand(context, operation_of(context, index), 0);
}

static const struct polynomial *
build_dropout(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	double training = 0;

	if (operation->operand_count > 2 && operation->operands[2] != NO_VALUE &&
	    (!constant_scalar(context->axes->constants, operation->operands[2], &training) ||
	     training != 0))
		return NULL;
	return build_same(context, index);
}

static const struct polynomial *
build_dequantize(struct polynomials *context, uint32_t index)
{
	return polynomial_dequantize(context, operation_of(context, index));
}

static const struct polynomial *
build_relu(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *of_spikes = polynomial_function(context, operation);

	return of_spikes ? of_spikes
			 : polynomial_relu(context, polynomial_operand(context, operation, 0),
					   INFINITY, operation->results[0]);
}

static const struct polynomial *
build_clip(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *of_spikes = polynomial_function(context, operation);

	return of_spikes ? of_spikes : polynomial_clipped(context, operation);
}

/* Of anything else than spikes it is a site, where neurons are made with it. */
static const struct polynomial *
build_site(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	const struct polynomial *of_spikes = polynomial_function(context, operation);
	enum site_kind kind = operation_is(operation, "Abs")	? SITE_ABS
			      : operation_is(operation, "Sign") ? SITE_SIGN
								: SITE_FLOOR;

	return of_spikes ? of_spikes
			 : polynomial_site(context, kind, polynomial_operand(context, operation, 0),
					   operation->results[0]);
}

static const struct polynomial *
build_function(struct polynomials *context, uint32_t index)
{
	return polynomial_function(context, operation_of(context, index));
}

/* --- the table ------------------------------------------------------------------------------- */

static const struct {
	const char *op_type;
	const struct polynomial *(*build)(struct polynomials *context, uint32_t index);
} build_table[] = {
	{ "Abs", build_site },
	{ "Add", build_arithmetic },
	{ "And", build_logic },
	{ "AveragePool", build_pool },
	{ "BatchNormalization", polynomial_of_batch_normalization },
	{ "Cast", build_cast },
	{ "CastLike", build_cast },
	{ "Ceil", build_function },
	{ "Clip", build_clip },
	{ "Concat", build_concat },
	{ "Conv", polynomial_of_weights },
	{ "ConvInteger", polynomial_of_codes },
	{ "DequantizeLinear", build_dequantize },
	{ "Div", build_arithmetic },
	{ "Dropout", build_dropout },
	{ "Equal", build_comparison },
	{ "Exp", build_function },
	{ "Expand", build_reshaped },
	{ "Flatten", build_reshaped },
	{ "Floor", build_site },
	{ "Gather", build_piece },
	{ "Gemm", polynomial_of_weights },
	{ "GlobalAveragePool", build_pool },
	{ "GlobalMaxPool", build_pool },
	{ "Greater", build_comparison },
	{ "GreaterOrEqual", build_comparison },
	{ "Identity", build_same },
	{ "LeakyRelu", build_function },
	{ "Less", build_comparison },
	{ "LessOrEqual", build_comparison },
	{ "MatMul", polynomial_of_weights },
	{ "MatMulInteger", polynomial_of_codes },
	{ "Max", build_function },
	{ "MaxPool", build_pool },
	{ "Min", build_function },
	{ "Mul", build_arithmetic },
	{ "Neg", build_arithmetic },
	{ "Not", build_logic },
	{ "Or", build_logic },
	{ "Pow", build_function },
	{ "Reciprocal", build_function },
	{ "ReduceMax", build_reduced },
	{ "ReduceMean", build_reduced },
	{ "ReduceMin", build_reduced },
	{ "ReduceProd", build_reduced },
	{ "ReduceSum", build_reduced },
	{ "Relu", build_relu },
	{ "Reshape", build_reshaped },
	{ "Round", build_function },
	{ "Sigmoid", build_function },
	{ "Sign", build_site },
	{ "Slice", build_piece },
	{ "Sqrt", build_function },
	{ "Squeeze", build_reshaped },
	{ "Sub", build_arithmetic },
	{ "Sum", build_arithmetic },
	{ "Tanh", build_function },
	{ "Transpose", build_transpose },
	{ "Unsqueeze", build_reshaped },
	{ "Where", build_where },
};

static const struct polynomial *
build(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	size_t i;

	if (axes_is_foreign(operation))
		return polynomial_of_foreign(context, index);
	if (!operation_is_standard(operation))
		return NULL;
	for (i = 0; i < sizeof build_table / sizeof *build_table; i++)
		if (operation_is(operation, build_table[i].op_type))
			return build_table[i].build(context, index);
	return NULL;
}

static const struct polynomial *
polynomial_of_constant(struct polynomials *context, uint32_t value)
{
	const struct constant *constant = constant_of(context->axes->constants, value);
	struct polynomial *p;

	if (!constant)
		return NULL;
	p = (struct polynomial *)polynomial_constant(context,
						     coefficient_of_constant(context, constant));
	if (p)
		p->boolean = constant->type == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
	return p;
}

static void
build_operation(struct polynomials *context, uint32_t index)
{
	const struct operation *operation = operation_of(context, index);
	uint32_t i, value;

	for (i = 0; i < operation->result_count; i++) {
		enum atom_kind kind = polynomial_is_carried(context, index, i) ? ATOM_INPUT
									       : ATOM_OPAQUE;

		value = operation->results[i];
		if (value == NO_VALUE)
			continue;
		if (context->axes->program->values[value].constant)
			context->of[value] = polynomial_of_constant(context, value);
		else if (operation_is(operation, "Split"))
			context->of[value] = build_split(context, operation, i);
		else if (!polynomial_of_bodies(context, index, i, &context->of[value]) && i == 0)
			context->of[value] = build(context, index);
		if (!context->of[value])
			context->of[value] = atom_of_value(context, value, kind);
	}
	value = operation->result_count ? operation->results[0] : NO_VALUE;
	if (value != NO_VALUE)
		context->bare[value] = polynomial_is_bare(context, index);
}

static bool
list_tests(struct polynomials *context)
{
	uint32_t i, j, k;

	if (!lists_init(&context->tests, context->arena, context->atom_count))
		return false;
	for (i = (uint32_t)context->site_count; i-- > 0;) {
		const struct polynomial *p = context->sites[i].argument;

		for (j = 0; j < p->count; j++)
			for (k = 0; k < p->terms[j].degree; k++)
				if (!lists_add(&context->tests, context->arena,
					       p->terms[j].atoms[k], i))
					return false;
	}
	return true;
}

snnfit_status
polynomials_build(struct polynomials *context, struct axes *axes, struct arena *arena,
		  snnfit_error *err)
{
	const struct program *program = axes->program;
	const uint32_t *order = polynomial_order(program, arena);
	size_t i;

	*context = (struct polynomials){ .axes = axes, .arena = arena };
	map_init(&context->taken, arena);
	context->of = arena_zalloc(arena, program->value_count, sizeof *context->of);
	context->input_atoms = arena_alloc(arena, program->value_count, sizeof(uint32_t));
	context->bare = arena_zalloc(arena, program->value_count, sizeof(bool));
	if (!order || !context->of || !context->input_atoms || !context->bare ||
	    !polynomial_find_held(context))
		return error_no_memory(err);
	memset(context->input_atoms, 0xff, program->value_count * sizeof(uint32_t));
	for (i = 0; i < program->value_count; i++) {
		uint32_t value = (uint32_t)i;

		if (program->values[i].kind == VALUE_INPUT)
			context->of[i] = atom_of_value(context, value, ATOM_INPUT);
		else if (program->values[i].kind != VALUE_RESULT)
			context->of[i] = polynomial_of_constant(context, value);
		if (!context->of[i] && program->values[i].kind != VALUE_RESULT)
			context->of[i] = atom_of_value(context, value, ATOM_OPAQUE);
	}
	for (i = 0; i < program->operation_count && !context->out_of_memory; i++)
		build_operation(context, order[i]);
	if (context->out_of_memory || !list_tests(context))
		return error_no_memory(err);
	return SNNFIT_OK;
}
