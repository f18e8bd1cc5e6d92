#include "importer/polynomial_bodies.h"

#include "importer/axis_rules.h"

#include <string.h>

enum { ALIASES_MAX = 64 }; /* followed from a value back to where it was made */

static const struct program *
program_of(const struct polynomials *context)
{
	return context->axes->program;
}

static const struct polynomial *
known(const struct polynomials *context, uint32_t value)
{
	return value == NO_VALUE ? NULL : context->of[value];
}

/* --- what is zero ------------------------------------------------------------------ */

static bool
constant_is_zero(const struct constant *constant)
{
	uint64_t i;

	for (i = 0; i < constant->count; i++)
		if (constant->reals ? constant->reals[i] != 0 : constant->integers[i] != 0)
			return false;
	return true;
}

/* Of a ConstantOfShape: without a value it is 0. */
static bool
fills_with_zero(const struct program *program, const struct operation *operation)
{
	const Onnx__AttributeProto *value = operation_attribute(operation, "value");
	float filled = 0;

	return !value ||
	       (value->t && value->t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT &&
		!tensor_read_float(program->model, value->t, 0, 1, &filled, NULL) && filled == 0);
}

bool
polynomial_is_zero(const struct polynomials *context, uint32_t value)
{
	static const char *const same[] = { "Cast",    "Expand",    "Identity", "Reshape",
					    "Squeeze", "Unsqueeze", NULL };
	const struct program *program = program_of(context);
	unsigned steps;

	for (steps = 0; value != NO_VALUE && steps < ALIASES_MAX; steps++) {
		const struct constant *constant = constant_of(context->axes->constants, value);
		const struct operation *operation;

		if (constant)
			return constant_is_zero(constant);
		if (program->values[value].kind != VALUE_RESULT)
			return false;
		operation = &program->operations[program->values[value].operation];
		if (operation_is(operation, "SequenceEmpty"))
			return true;
		if (operation_is(operation, "ConstantOfShape"))
			return fills_with_zero(program, operation);
		if (!operation->operand_count || !operation_is_one_of(operation, same))
			return false;
		value = operation->operands[0];
	}
	return false;
}

/* Every term holds a site, and nothing but sites: 0 wherever they all are. */
static bool
is_of_spikes(const struct polynomials *context, const struct polynomial *p)
{
	uint32_t i, j;

	for (i = 0; p && i < p->count; i++) {
		if (!p->terms[i].degree)
			return false;
		for (j = 0; j < p->terms[i].degree; j++)
			if (context->atoms[p->terms[i].atoms[j]].kind != ATOM_SITE)
				return false;
	}
	return p && p->count;
}

/* --- dimensions that come and go ------------------------------------------------------ */

/* p when `more` dimensions are put in at `axis` of a tensor of that rank, or taken out
 * (more < 0). NULL: what it has a coefficient for goes. */
static const struct polynomial *
shift(struct polynomials *context, const struct polynomial *p, uint32_t rank, uint32_t axis,
      int more)
{
	struct polynomial *out;
	uint32_t i, dim;

	if (!p || !more)
		return p;
	out = polynomial_copy(context, p);
	for (i = 0; out && i < out->count; i++) {
		struct coefficient *coefficient = &out->terms[i].coefficient;

		if (coefficient->count <= 1)
			continue;
		if (coefficient->place >= rank)
			return NULL;
		dim = rank - 1 - coefficient->place;
		if (more < 0 && dim == axis)
			return NULL;
		if (dim < axis)
			coefficient->place = (uint32_t)((int)coefficient->place + more);
	}
	return out;
}

static bool
runs_backwards(const struct operation *operation, const char *name, uint32_t i)
{
	const Onnx__AttributeProto *list = operation_attribute(operation, name);

	return list && i < list->n_ints && list->ints[i];
}

/* --- into a body ------------------------------------------------------------------------ */

bool
polynomial_is_carried(const struct polynomials *context, uint32_t index, uint32_t i)
{
	const struct program *program = program_of(context);
	const struct operation *operation = &program->operations[index];
	const struct body *body;

	if (operation->part != PART_ENTER)
		return false;
	body = &program->bodies[operation->body];
	return i >= body->first_in && i < body->first_in + body->carried;
}

/* The element of a sequence of currents is the current of the step. */
static const struct polynomial *
enter_scanned(struct polynomials *context, const struct operation *enter, uint32_t i)
{
	const struct body *body = &program_of(context)->bodies[enter->body];
	const struct tensor_axes *whole = &context->axes->tensors[enter->operands[i]];
	uint32_t number = i - body->carried, axis;

	if (body->kind != BODY_SCAN || i < body->carried || !whole->known ||
	    runs_backwards(enter, "scan_input_directions", number) ||
	    !scanned_axis(enter, "scan_input_axes", number, whole->rank, &axis))
		return NULL;
	return shift(context, known(context, enter->operands[i]), whole->rank, axis, -1);
}

static const struct polynomial *
enter(struct polynomials *context, uint32_t index, uint32_t i)
{
	const struct program *program = program_of(context);
	const struct operation *operation = &program->operations[index];
	const struct body *body = &program->bodies[operation->body];

	if (i < body->first_in)
		return NULL; /* iteration number, condition */
	if (!polynomial_is_carried(context, index, i))
		return enter_scanned(context, operation, i);
	/* Elements of a sequence are what is put in; as long as it is empty, nothing. */
	if (context->axes->tensors[operation->results[i]].sequence != NO_VALUE)
		return known(context,
			     operation->operands[body->first_initial + i - body->first_in]);
	return NULL;
}

/* --- out of a body ------------------------------------------------------------------------ */

/* A sum over all iterations of a multiple of spikes: it is 0 where they all are, and
 * the mean of it that of the spikes, as often as there are iterations. */
static const struct polynomial *
sum_of_spikes(struct polynomials *context, const struct body *body, uint32_t i)
{
	const struct program *program = program_of(context);
	uint32_t atom = context->input_atoms[body_in(program, body, i)];
	uint32_t final = program->operations[body->leave].results[i];
	uint64_t count = axes_iterations(context->axes, body);
	const struct polynomial *added, *spikes;

	if (final == NO_VALUE || atom == NO_VALUE || !count || count >= AXES_FIRST_SYMBOL)
		return NULL;
	added = polynomial_add(context, known(context, body_out(program, body, i)),
			       polynomial_atom(context, atom), -1);
	if (!is_of_spikes(context, added) || added->count != 1 || added->terms[0].degree != 1)
		return NULL;
	spikes = polynomial_atom(context, added->terms[0].atoms[0]);
	return polynomial_multiply(
		context,
		polynomial_multiply(context, polynomial_pool_site(context, spikes, false, final),
				    polynomial_constant(context, added->terms[0].coefficient)),
		polynomial_scalar(context, (double)count));
}

/* After the last iteration: spikes of the last step, or of all, are 0 where a unit is
 * silent if there was nothing before the first. */
static const struct polynomial *
leave_carried(struct polynomials *context, const struct body *body, uint32_t i)
{
	const struct program *program = program_of(context);
	uint32_t in = body_in(program, body, i), out = body_out(program, body, i);
	uint32_t initial = body_initial(program, body, i);
	const struct polynomial *next = known(context, out);

	if (in == out)
		return known(context, initial);
	if (!polynomial_is_zero(context, initial))
		return NULL;
	if (!is_of_spikes(context, next))
		return sum_of_spikes(context, body, i);
	context->gaps = true;
	return next;
}

static const struct polynomial *
leave_stacked(struct polynomials *context, const struct operation *leave, uint32_t i)
{
	const struct body *body = &program_of(context)->bodies[leave->body];
	uint32_t out = leave->operands[body->first_out + i], axis;
	const struct tensor_axes *element = &context->axes->tensors[out];

	if (!element->known ||
	    !scanned_axis(leave, "scan_output_axes", i - body->carried, element->rank + 1, &axis))
		return NULL;
	return shift(context, known(context, out), element->rank, axis, 1);
}

/* A multiple of one site's spikes, or nothing. */
static bool
is_multiple_of_site(const struct polynomials *context, const struct polynomial *p)
{
	return p->count == 0 ||
	       (p->count == 1 && p->terms[0].degree == 1 && is_of_spikes(context, p));
}

/* Spikes, or what may take their place: the same spikes or nothing. It is 0 where they
 * are, and else between the ends of what they can be. */
static const struct polynomial *
gated(struct polynomials *context, const struct polynomial *first, const struct polynomial *second,
      uint32_t result)
{
	const struct polynomial *more = first->count ? first : second;
	const struct polynomial *less = first->count ? second : first, *site;

	if (less->count || result == NO_VALUE)
		return NULL;
	site = polynomial_pool_site(context, polynomial_atom(context, more->terms[0].atoms[0]),
				    false, result);
	return polynomial_multiply(context, site,
				   polynomial_constant(context, more->terms[0].coefficient));
}

/* What both branches give, or one of them by the condition. */
static const struct polynomial *
leave_branch(struct polynomials *context, const struct operation *leave, uint32_t i)
{
	const struct polynomial *condition = known(context, leave->operands[0]);
	const struct polynomial *first = known(context, leave->operands[1 + i]);
	const struct polynomial *second = known(context,
						leave->operands[1 + leave->result_count + i]);

	if (!first || !second || polynomial_close(context, first, second))
		return first && second ? first : NULL;
	if (is_multiple_of_site(context, first) && is_multiple_of_site(context, second))
		return gated(context, first, second, leave->results[i]);
	if (!condition || !condition->boolean)
		return NULL;
	return polynomial_add(
		context, second,
		polynomial_multiply(context, condition, polynomial_add(context, first, second, -1)),
		1);
}

static const struct polynomial *
leave(struct polynomials *context, const struct operation *operation, uint32_t i)
{
	const struct body *body = &program_of(context)->bodies[operation->body];

	if (body->kind == BODY_IF)
		return leave_branch(context, operation, i);
	return i < body->carried ? leave_carried(context, body, i)
				 : leave_stacked(context, operation, i);
}

/* --- the element of an iteration ------------------------------------------------------------ */

/* The iteration number of a Loop, or a variable that counts its iterations, as it
 * is or as a list of one. */
static bool
is_iteration_number(const struct polynomials *context, uint32_t value)
{
	const struct program *program = program_of(context);
	const struct operation *operation;
	const struct body *body;
	uint32_t output;

	value = program_behind_aliases(program, value);
	if (program->values[value].kind != VALUE_RESULT)
		return false;
	operation = &program->operations[program->values[value].operation];
	output = program->values[value].output;
	if (operation->part != PART_ENTER)
		return false;
	body = &program->bodies[operation->body];
	if (body->kind == BODY_LOOP && output == 0)
		return true;
	return polynomial_is_carried(context, program->values[value].operation, output) &&
	       body_counts_up(context->axes, body, output - body->first_in);
}

static bool
gathers_by_iteration(const struct polynomials *context, const struct operation *operation)
{
	return operation_is(operation, "Gather") && operation->operand_count > 1 &&
	       operation->operands[0] != NO_VALUE && operation->operands[1] != NO_VALUE &&
	       is_iteration_number(context, operation->operands[1]);
}

static const struct polynomial *
gather(struct polynomials *context, const struct operation *operation)
{
	const struct tensor_axes *whole = &context->axes->tensors[operation->operands[0]];
	const struct tensor_axes *number = &context->axes->tensors[operation->operands[1]];
	uint32_t axis;

	if (!whole->known || !number->known ||
	    !axis_at(operation_int(operation, "axis", 0), whole->rank, &axis))
		return NULL;
	/* The axis goes, and those of the number come in its place. */
	return shift(context,
		     shift(context, known(context, operation->operands[0]), whole->rank, axis, -1),
		     whole->rank - 1, axis, (int)number->rank);
}

/* --- elements beside each other --------------------------------------------------- */

/* A variable that nothing but zero was in when the loop began. */
static bool
is_carried_from_zero(const struct polynomials *context, uint32_t value)
{
	const struct program *program = program_of(context);
	const struct value *v = &program->values[value];
	const struct body *body;

	if (v->kind != VALUE_RESULT || v->constant ||
	    !polynomial_is_carried(context, v->operation, v->output))
		return false;
	body = &program->bodies[program->operations[v->operation].body];
	return polynomial_is_zero(context, body_initial(program, body, v->output - body->first_in));
}

/* One element of each axis that is indexed: what is beside it keeps its order. */
static bool
writes_one_step(const struct polynomials *context, const struct operation *operation)
{
	struct axes *axes = context->axes;
	const struct tensor_axes *indices = &axes->tensors[operation->operands[1]];
	uint32_t d;

	if (!indices->known || !indices->rank)
		return false;
	if (operation_is(operation, "ScatterElements"))
		return axis_at(operation_int(operation, "axis", 0), indices->rank, &d) &&
		       axis_size(axes, indices->axes[d]) == 1;
	for (d = 0; d + 1 < indices->rank; d++)
		if (axis_size(axes, indices->axes[d]) != 1)
			return false;
	return true;
}

static bool
is_alike_everywhere(const struct polynomial *p)
{
	uint32_t i;

	for (i = 0; p && i < p->count; i++)
		if (p->terms[i].coefficient.count > 1)
			return false;
	return p != NULL;
}

/* What the operation writes; elements in another order are other atoms, and then no
 * unit may have a number of its own. */
static const struct polynomial *
written(struct polynomials *context, const struct operation *operation)
{
	const struct polynomial *updates = operation->operand_count > 2
						   ? known(context, operation->operands[2])
						   : NULL;
	const Onnx__AttributeProto *reduction = operation_attribute(operation, "reduction");

	if (!is_of_spikes(context, updates) || operation->operands[1] == NO_VALUE ||
	    (reduction && reduction->s.len &&
	     (reduction->s.len != 4 || memcmp(reduction->s.data, "none", 4) != 0)))
		return NULL;
	if (writes_one_step(context, operation))
		return updates;
	return is_alike_everywhere(updates)
		       ? polynomial_pooled(context, updates, false, operation->results[0])
		       : NULL;
}

/* Spikes written into what is zero, or holds the same of other steps. */
static const struct polynomial *
scatter(struct polynomials *context, const struct operation *operation)
{
	const struct polynomial *updates = written(context, operation);
	const struct polynomial *data = known(context, operation->operands[0]);

	if (!updates)
		return NULL;
	context->gaps = true;
	if (polynomial_is_zero(context, operation->operands[0]) ||
	    is_carried_from_zero(context, operation->operands[0]) ||
	    (data && polynomial_close(context, data, updates)))
		return updates;
	return polynomial_put_in(context, data, updates, operation->results[0]);
}

static const struct polynomial *
insert(struct polynomials *context, const struct operation *operation)
{
	const struct polynomial *before = known(context, operation->operands[0]);
	const struct polynomial *element = operation->operand_count > 1
						   ? known(context, operation->operands[1])
						   : NULL;

	if (polynomial_is_zero(context, operation->operands[0]) ||
	    is_carried_from_zero(context, operation->operands[0]))
		return element;
	return before && element && polynomial_close(context, before, element) ? element : NULL;
}

static const struct polynomial *
stack(struct polynomials *context, const struct operation *operation)
{
	const struct tensor_axes *whole = &context->axes->tensors[operation->results[0]];
	const struct polynomial *element = known(context, operation->operands[0]);
	int64_t axis = operation_int(operation, "axis", 0);

	if (!whole->known || polynomial_is_zero(context, operation->operands[0]))
		return NULL;
	if (!operation_int(operation, "new_axis", 0)) {
		uint32_t i;

		for (i = 0; element && i < element->count; i++)
			if (element->terms[i].coefficient.count > 1)
				return NULL;
		return element;
	}
	axis += axis < 0 ? whole->rank : 0;
	if (axis < 0 || axis >= whole->rank)
		return NULL;
	return shift(context, element, whole->rank - 1, (uint32_t)axis, 1);
}

bool
polynomial_of_bodies(struct polynomials *context, uint32_t index, uint32_t i,
		     const struct polynomial **out)
{
	const struct program *program = program_of(context);
	const struct operation *operation = &program->operations[index];

	*out = NULL;
	if (operation->part == PART_ENTER)
		*out = enter(context, index, i);
	else if (operation->part == PART_LEAVE)
		*out = leave(context, operation, i);
	else if (i > 0 || !operation->operand_count || operation->operands[0] == NO_VALUE)
		return false;
	else if (gathers_by_iteration(context, operation))
		*out = gather(context, operation);
	else if (operation_is(operation, "ScatterND") || operation_is(operation, "ScatterElements"))
		*out = scatter(context, operation);
	else if (operation_is(operation, "SequenceInsert"))
		*out = insert(context, operation);
	else if (operation_is(operation, "ConcatFromSequence"))
		*out = stack(context, operation);
	else
		return false;
	return true;
}
