/* axis_body_rules.c - what enters and leaves bodies, and what is put into sequences.
 *
 * A carried variable has one shape: that of its first value, of the body's input
 * and output, and of the final value; a first value that is broadcast (a membrane
 * that starts as a number) has no axis of it. The axis that a Loop or Scan counts along is
 * never cut. An If gives what both branches give. */
#include "importer/axis_rules.h"

#include <string.h>

/* --- sequences ------------------------------------------------------------------- */

static struct sequence_label *
label_at(struct axes *axes, uint32_t label)
{
	while (axes->sequences[label].link != NO_VALUE)
		label = axes->sequences[label].link;
	return &axes->sequences[label];
}

void
sequence_freeze(struct axes *axes, uint32_t number, const char *reason)
{
	struct sequence_label *label = label_at(axes, number);
	uint32_t d;

	if (!label->frozen)
		label->frozen = reason;
	for (d = 0; label->known && d < label->rank; d++)
		axis_freeze(axes, label->axes[d], reason);
}

static uint32_t
new_label(struct axes *axes)
{
	if (!arena_grow(axes->arena, &axes->sequences, axes->sequence_count,
			&axes->sequence_capacity, sizeof *axes->sequences)) {
		axes->out_of_memory = true;
		return NO_VALUE;
	}
	axes->sequences[axes->sequence_count] = (struct sequence_label){ .link = NO_VALUE };
	return (uint32_t)axes->sequence_count++;
}

static void
set_label(struct axes *axes, uint32_t value, uint32_t label)
{
	if (value != NO_VALUE)
		axes->tensors[value].sequence = label;
}

/* Equal ranks and sizes, so that one stands for the other. */
static bool
same_shape(struct axes *axes, const struct axis *a, uint32_t rank_of_a, const struct axis *b,
	   uint32_t rank_of_b)
{
	uint32_t d;

	if (rank_of_a != rank_of_b)
		return false;
	for (d = 0; d < rank_of_a; d++)
		if (axis_size(axes, a[d]) != axis_size(axes, b[d]))
			return false;
	return true;
}

static void
unify_all(struct axes *axes, const struct axis *a, const struct axis *b, uint32_t rank,
	  const char *reason)
{
	uint32_t d;

	for (d = 0; d < rank; d++)
		axis_unify(axes, a[d], b[d], reason);
}

static void
put_in(struct axes *axes, uint32_t number, uint32_t value)
{
	const struct tensor_axes *x = &axes->tensors[value];
	struct sequence_label *label = label_at(axes, number);

	if (!x->known) {
		axes_freeze_tensor(axes, value, "a sequence of what is not known");
		sequence_freeze(axes, number, "a sequence of what is not known");
	} else if (!label->known) {
		label->known = true;
		label->rank = x->rank;
		label->axes = x->axes;
	} else if (same_shape(axes, label->axes, label->rank, x->axes, x->rank)) {
		unify_all(axes, label->axes, x->axes, x->rank, "elements of a sequence differ");
	} else {
		axes_freeze_tensor(axes, value, "elements of a sequence differ in shape");
		sequence_freeze(axes, number, "elements of a sequence differ in shape");
	}
	label = label_at(axes, number);
	if (label->frozen)
		axes_freeze_tensor(axes, value, label->frozen);
}

/* Elements of both are the same from here on. */
static void
join_labels(struct axes *axes, uint32_t a, uint32_t b)
{
	struct sequence_label *one = label_at(axes, a), *other = label_at(axes, b);

	if (one == other)
		return;
	if (one->known && other->known &&
	    same_shape(axes, one->axes, one->rank, other->axes, other->rank)) {
		unify_all(axes, one->axes, other->axes, one->rank, "two sequences differ");
	} else if (one->known && other->known) {
		sequence_freeze(axes, a, "two sequences differ in shape");
		sequence_freeze(axes, b, "two sequences differ in shape");
	}
	if (one->frozen)
		sequence_freeze(axes, b, one->frozen);
	if (other->frozen)
		sequence_freeze(axes, a, other->frozen);
	if (!other->known && one->known) {
		other->known = true;
		other->rank = one->rank;
		other->axes = one->axes;
	}
	one->link = (uint32_t)(other - axes->sequences);
}

/* The sequence's label, NO_VALUE: the operand is no sequence that is followed. */
static uint32_t
sequence_operand(struct axes *axes, const struct operation *operation)
{
	const struct tensor_axes *x = rule_operand(axes, operation, 0);

	return x ? x->sequence : NO_VALUE;
}

static bool
rule_sequence_empty(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];

	set_label(axes, rule_result(operation, 0), new_label(axes));
	return true;
}

static bool
rule_sequence_construct(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	uint32_t label = new_label(axes), i;

	if (label == NO_VALUE)
		return false;
	for (i = 0; i < operation->operand_count; i++)
		if (operation->operands[i] != NO_VALUE)
			put_in(axes, label, operation->operands[i]);
	set_label(axes, rule_result(operation, 0), label);
	return true;
}

static bool
rule_sequence_insert(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	uint32_t label = sequence_operand(axes, operation);

	if (label == NO_VALUE || operation->operand_count < 2 || operation->operands[1] == NO_VALUE)
		return false;
	put_in(axes, label, operation->operands[1]);
	set_label(axes, rule_result(operation, 0), label);
	return true;
}

static bool
rule_sequence_erase(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	uint32_t label = sequence_operand(axes, operation);

	set_label(axes, rule_result(operation, 0), label);
	return label != NO_VALUE;
}

/* Read before anything was put in, as in the first iteration of a loop, an element
 * has no shape that is known: then none that comes later is cut. */
static const struct sequence_label *
read_label(struct axes *axes, const struct operation *operation)
{
	uint32_t number = sequence_operand(axes, operation);
	const struct sequence_label *label;

	if (number == NO_VALUE)
		return NULL;
	label = label_at(axes, number);
	if (label->known)
		return label;
	sequence_freeze(axes, number,
			rule_reason(axes, operation, "%s reads a sequence that was empty so far"));
	return NULL;
}

static bool
rule_sequence_at(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct sequence_label *label = read_label(axes, operation);

	if (!label)
		return false;
	axes_set(axes, rule_result(operation, 0), label->rank, label->axes);
	return true;
}

static bool
rule_sequence_length(struct axes *axes, uint32_t index)
{
	axes_set(axes, rule_result(&axes->program->operations[index], 0), 0, NULL);
	return true;
}

static bool
rule_concat_from_sequence(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct sequence_label *label = read_label(axes, operation);
	bool stack = operation_int(operation, "new_axis", 0) != 0;
	int64_t axis = operation_int(operation, "axis", 0);
	struct axis out[AXES_RANK_MAX], joined;
	uint32_t rank, d;

	if (!label || label->rank + stack > AXES_RANK_MAX)
		return false;
	rank = label->rank + stack;
	axis += axis < 0 ? rank : 0;
	if (axis < 0 || axis >= rank)
		return false;
	for (d = 0; d < rank; d++)
		out[d] = label->axes[stack && d > (uint64_t)axis ? d - 1 : d < label->rank ? d : 0];
	if (!stack)
		axis_freeze(axes, out[axis],
			    rule_reason(axes, operation, "%s joins pieces along it"));
	joined = axis_fresh(axes, axes_new_symbol(axes), "as long as a sequence");
	out[axis] = joined;
	axes_set(axes, rule_result(operation, 0), rank, out);
	return true;
}

/* --- into a body -------------------------------------------------------------------- */

/* Every size of x, from the right, is 1 or that of the shape. */
static bool
broadcasts_to(struct axes *axes, const struct tensor_axes *x, const struct grown_shape *shape)
{
	uint32_t d;

	if (!x->known || x->rank > shape->rank)
		return false;
	for (d = 0; d < x->rank; d++) {
		uint64_t size = axis_size(axes, x->axes[x->rank - 1 - d]);

		if (size != 1 && size != shape->sizes[shape->rank - 1 - d])
			return false;
	}
	return true;
}

/* The first value, as operators in the body see it: in the shape that it will have. */
static void
enter_grown(struct axes *axes, uint32_t initial, uint32_t in)
{
	const struct grown_shape *shape = axes->grown[in];
	struct axis list[AXES_RANK_MAX];
	const struct tensor_axes *x;
	uint32_t d;

	for (d = 0; d < shape->rank; d++)
		list[d] = axis_fresh(axes, shape->sizes[d], NULL);
	x = &axes->tensors[initial];
	for (d = 0; d < x->rank; d++)
		if (axis_resolve(axes, x->axes[x->rank - 1 - d]).count)
			axis_unify(axes, x->axes[x->rank - 1 - d], list[shape->rank - 1 - d],
				   "a variable of a loop changes its size");
	axes_set(axes, in, shape->rank, list);
}

static void
enter_carried(struct axes *axes, uint32_t initial, uint32_t in)
{
	const struct tensor_axes *x = &axes->tensors[initial];

	if (axes->opaque[in])
		axes_freeze_tensor(axes, initial, "a variable of a loop that changes its shape");
	else if (axes->grown[in] && broadcasts_to(axes, x, axes->grown[in]))
		enter_grown(axes, initial, in);
	else if (x->sequence != NO_VALUE)
		set_label(axes, in, x->sequence);
	else if (x->known)
		axes_set(axes, in, x->rank, x->axes);
}

bool
scanned_axis(const struct operation *operation, const char *name, uint32_t i, uint32_t rank,
	     uint32_t *axis)
{
	const Onnx__AttributeProto *list = operation_attribute(operation, name);

	return axis_at(list && i < list->n_ints ? list->ints[i] : 0, rank, axis);
}

static void
enter_scanned(struct axes *axes, const struct operation *operation, uint32_t i, uint32_t whole,
	      uint32_t in)
{
	const struct tensor_axes *x = &axes->tensors[whole];
	struct axis out[AXES_RANK_MAX];
	uint32_t axis;

	if (!x->known || !scanned_axis(operation, "scan_input_axes", i, x->rank, &axis)) {
		axes_freeze_tensor(axes, whole, rule_reason(axes, operation, "operator %s"));
		return;
	}
	axis_freeze(axes, x->axes[axis], rule_reason(axes, operation, "%s goes along it"));
	memcpy(out, x->axes, axis * sizeof *out);
	memcpy(out + axis, x->axes + axis + 1, (x->rank - 1 - axis) * sizeof *out);
	axes_set(axes, in, x->rank - 1, out);
}

static bool
rule_enter(struct axes *axes, uint32_t index)
{
	const struct operation *operation = &axes->program->operations[index];
	const struct body *body = &axes->program->bodies[operation->body];
	uint32_t i, in;

	for (i = 0; i < body->first_in; i++)
		if (operation->results[i] != NO_VALUE) /* iteration number, condition */
			axes_set(axes, operation->results[i], 0, NULL);
	for (i = 0; i < body->carried; i++) {
		in = operation->results[body->first_in + i];
		if (in != NO_VALUE)
			enter_carried(axes, operation->operands[body->first_initial + i], in);
	}
	for (i = body->first_in + body->carried; i < operation->result_count; i++) {
		in = operation->results[i];
		if (in != NO_VALUE)
			enter_scanned(axes, operation, i - body->carried, operation->operands[i],
				      in);
	}
	return true;
}

/* --- out of a body -------------------------------------------------------------------- */

/* One value in two places: their axes are one. False: they are not of one shape. */
static bool
tie(struct axes *axes, uint32_t a, uint32_t b, const char *reason)
{
	const struct tensor_axes *x = &axes->tensors[a], *y = &axes->tensors[b];

	if (x->sequence != NO_VALUE && y->sequence != NO_VALUE) {
		join_labels(axes, x->sequence, y->sequence);
		return true;
	}
	if (!x->known || !y->known || !same_shape(axes, x->axes, x->rank, y->axes, y->rank))
		return false;
	unify_all(axes, x->axes, y->axes, x->rank, reason);
	return true;
}

static void
pass_on(struct axes *axes, uint32_t from, uint32_t to)
{
	const struct tensor_axes *x = &axes->tensors[from];

	if (to == NO_VALUE)
		return;
	if (x->sequence != NO_VALUE)
		set_label(axes, to, x->sequence);
	else if (x->known)
		axes_set(axes, to, x->rank, x->axes);
}

/* The first value is broadcast to what comes out. */
static bool
grows(struct axes *axes, uint32_t initial, uint32_t in, uint32_t out)
{
	const struct tensor_axes *x = &axes->tensors[out];
	struct grown_shape *shape;
	uint32_t d;

	if (axes->grown[in] || !x->known || x->sequence != NO_VALUE)
		return false;
	shape = arena_zalloc(axes->arena, 1, sizeof *shape);
	if (!shape) {
		axes->out_of_memory = true;
		return false;
	}
	shape->rank = x->rank;
	for (d = 0; d < x->rank; d++)
		shape->sizes[d] = axis_size(axes, x->axes[d]);
	if (!broadcasts_to(axes, &axes->tensors[initial], shape))
		return false;
	axes->grown[in] = shape;
	return true;
}

/* A variable that changes its shape: it only begins smaller, or nothing is known of it;
 * and all is to be followed again, now that this is known. */
static void
leave_changed(struct axes *axes, uint32_t initial, uint32_t in, uint32_t out)
{
	static const char reason[] = "a variable of a loop that changes its shape";

	axes_freeze_tensor(axes, out, reason);
	if (axes->opaque[in])
		return;
	axes->opaque[in] = !grows(axes, initial, in, out);
	axes->again = true;
}

static void
leave_carried(struct axes *axes, uint32_t initial, uint32_t in, uint32_t out, uint32_t final)
{
	if (in == NO_VALUE)
		axes_freeze_tensor(axes, out, "a variable of a loop without a name");
	else if (axes->opaque[in] || !tie(axes, in, out, "a variable of a loop changes its size"))
		leave_changed(axes, initial, in, out);
	else
		pass_on(axes, in, final);
}

static const struct operation *
maker_of(const struct program *program, uint32_t value)
{
	return program->values[value].kind == VALUE_RESULT && !program->values[value].constant
		       ? &program->operations[program->values[value].operation]
		       : NULL;
}

bool
body_counts_up(const struct axes *axes, const struct body *body, uint32_t i)
{
	const struct program *program = axes->program;
	uint32_t in = body_in(program, body, i), side;
	const struct operation *add = maker_of(
		program, program_behind_aliases(program, body_out(program, body, i)));

	if (!add || !operation_is(add, "Add") || add->operand_count != 2)
		return false;
	for (side = 0; side < 2; side++) {
		uint32_t before = add->operands[side], step = add->operands[1 - side];
		double one = 0;

		if (before != NO_VALUE && step != NO_VALUE &&
		    program_behind_aliases(program, before) == in &&
		    constant_scalar(axes->constants, step, &one) && one == 1)
			return true;
	}
	return false;
}

/* The condition holds before the first iteration. */
static bool
begins(struct axes *axes, const struct operation *enter)
{
	double value = 0;

	return enter->operands[1] == NO_VALUE ||
	       (constant_scalar(axes->constants, enter->operands[1], &value) && value != 0);
}

/* The condition stays what it is. */
static bool
goes_on(struct axes *axes, const struct operation *enter, const struct operation *leave)
{
	uint32_t next = program_behind_aliases(axes->program, leave->operands[0]);
	double value = 0;

	return next == enter->results[1] ||
	       (constant_scalar(axes->constants, next, &value) && value != 0);
}

/* The variable that counts to a constant bound, as `while t < T` says; 0: none. */
static uint64_t
counted_iterations(struct axes *axes, const struct body *body, const struct operation *leave)
{
	const struct program *program = axes->program;
	const struct operation *test = maker_of(
		program, program_behind_aliases(program, leave->operands[0]));
	double bound = 0, first = 0;
	uint32_t counter, i;

	if (!test || !operation_is(test, "Less") || test->operands[0] == NO_VALUE ||
	    test->operands[1] == NO_VALUE ||
	    !constant_scalar(axes->constants, test->operands[1], &bound))
		return 0;
	counter = program_behind_aliases(program, test->operands[0]);
	for (i = 0; i < body->carried; i++)
		if (program_behind_aliases(program, body_out(program, body, i)) == counter &&
		    body_counts_up(axes, body, i) &&
		    constant_scalar(axes->constants, body_initial(program, body, i), &first))
			return bound - first >= 1 && bound - first < UINT32_MAX
				       ? (uint64_t)(bound - first)
				       : 0;
	return 0;
}

static uint64_t
trip_count(struct axes *axes, uint32_t value)
{
	double trips = 0;

	if (value == NO_VALUE)
		return 0;
	if (axes->tensors[value].number_count == 1)
		trips = (double)axes->tensors[value].numbers[0].value;
	else if (!constant_scalar(axes->constants, value, &trips))
		return 0;
	return trips > 0 && trips <= 9223372036854775807.0 ? (uint64_t)trips : 0;
}

uint64_t
axes_iterations(struct axes *axes, const struct body *body)
{
	const struct operation *enter = &axes->program->operations[body->enter];
	const struct operation *leave = &axes->program->operations[body->leave];
	uint64_t trips, counted;
	uint32_t axis;

	if (body->kind == BODY_SCAN && enter->operand_count > body->carried) {
		const struct tensor_axes *x = &axes->tensors[enter->operands[body->carried]];

		if (x->known && scanned_axis(enter, "scan_input_axes", 0, x->rank, &axis))
			return axis_size(axes, x->axes[axis]);
	}
	if (body->kind != BODY_LOOP || !begins(axes, enter))
		return 0;
	trips = trip_count(axes, enter->operands[0]);
	if (goes_on(axes, enter, leave))
		return trips;
	counted = counted_iterations(axes, body, leave);
	return enter->operands[0] == NO_VALUE || trips >= counted ? counted : 0;
}

static void
leave_stacked(struct axes *axes, const struct operation *leave, uint32_t i, struct axis time,
	      uint32_t out, uint32_t stacked)
{
	const struct tensor_axes *x = &axes->tensors[out];
	struct axis list[AXES_RANK_MAX];
	uint32_t axis;

	if (!x->known || x->rank + 1 > AXES_RANK_MAX ||
	    !scanned_axis(leave, "scan_output_axes", i, x->rank + 1, &axis)) {
		axes_freeze_tensor(axes, out, rule_reason(axes, leave, "operator %s"));
		return;
	}
	memcpy(list, x->axes, axis * sizeof *list);
	list[axis] = time;
	memcpy(list + axis + 1, x->axes + axis, (x->rank - axis) * sizeof *list);
	axes_set(axes, stacked, x->rank + 1, list);
}

/* A constant that leaves a body is read where it cannot be told from its name. */
static void
freeze_constants(struct axes *axes, const struct operation *operation)
{
	uint32_t i;

	for (i = 0; i < operation->operand_count; i++)
		if (operation->operands[i] != NO_VALUE &&
		    axes->program->values[operation->operands[i]].constant &&
		    axes->program->values[operation->operands[i]].in_function)
			axes_freeze_tensor(axes, operation->operands[i],
					   "a constant of a function leaves a body");
}

static bool
leave_loop(struct axes *axes, const struct operation *leave, const struct body *body)
{
	const struct operation *enter = &axes->program->operations[body->enter];
	uint64_t count = axes_iterations(axes, body);
	struct axis time = axis_fresh(axes,
				      count && count <= UINT32_MAX ? count : axes_new_symbol(axes),
				      "the iterations of a loop");
	uint32_t i;

	for (i = 0; i < body->first_out; i++)
		axes_freeze_tensor(axes, leave->operands[i], "the condition of a loop");
	for (i = 0; i < body->carried; i++)
		leave_carried(axes, enter->operands[body->first_initial + i],
			      enter->results[body->first_in + i],
			      leave->operands[body->first_out + i], rule_result(leave, i));
	for (i = body->first_out + body->carried; i < leave->operand_count; i++)
		leave_stacked(axes, leave, i - body->first_out - body->carried, time,
			      leave->operands[i], rule_result(leave, i - body->first_out));
	return true;
}

static bool
leave_branches(struct axes *axes, const struct operation *leave)
{
	const char *reason = rule_reason(axes, leave, "the branches of %s differ in shape");
	uint32_t i, count = leave->result_count;

	for (i = 0; i < count; i++) {
		uint32_t first = leave->operands[1 + i], second = leave->operands[1 + count + i];

		if (tie(axes, first, second, reason)) {
			pass_on(axes, first, leave->results[i]);
		} else {
			axes_freeze_tensor(axes, first, reason);
			axes_freeze_tensor(axes, second, reason);
		}
	}
	return true;
}

static bool
rule_leave(struct axes *axes, uint32_t index)
{
	const struct operation *leave = &axes->program->operations[index];
	const struct body *body = &axes->program->bodies[leave->body];

	freeze_constants(axes, leave);
	return body->kind == BODY_IF ? leave_branches(axes, leave) : leave_loop(axes, leave, body);
}

axis_rule
body_rule_of(const struct operation *operation)
{
	static const struct {
		const char *op_type;
		axis_rule rule;
	} table[] = {
		{ "ConcatFromSequence", rule_concat_from_sequence },
		{ "SequenceAt", rule_sequence_at },
		{ "SequenceConstruct", rule_sequence_construct },
		{ "SequenceEmpty", rule_sequence_empty },
		{ "SequenceErase", rule_sequence_erase },
		{ "SequenceInsert", rule_sequence_insert },
		{ "SequenceLength", rule_sequence_length },
	};
	size_t i;

	if (operation->part != PART_WHOLE)
		return operation->part == PART_ENTER ? rule_enter : rule_leave;
	for (i = 0; i < sizeof table / sizeof *table; i++)
		if (operation_is(operation, table[i].op_type))
			return table[i].rule;
	return NULL;
}
