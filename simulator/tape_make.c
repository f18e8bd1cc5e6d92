/* tape_make.c - which nodes go together, and what they come to. */
#include "simulator/tape.h"

#include "simulator/element.h"
#include "simulator/shape.h"

#include <stdlib.h>
#include <string.h>

enum {
	NODES_MAX = 4096, /* of a step: more are left as they are */
	NO_MAKER = -1,
	NO_TAPE_VALUE = 0xff,
};

struct maker {
	struct arena *arena;
	const struct plan *plan;
	struct plan_graph *graph; /* the step */
	const struct slot_shape *shapes;
	int32_t *made_by;  /* [slots]: node of the step, or NO_MAKER */
	bool *kept;	   /* [slots]: asked for after the step */
	bool *numbers;	   /* [slots]: and as numbers */
	bool *fusible;	   /* [nodes] */
	uint32_t *waits;   /* [nodes]: inputs that are not made yet */
	bool *done;	   /* [nodes] */
	uint32_t *group;   /* [nodes]: the group at hand */
	bool *in_group;	   /* [nodes] */
	uint8_t *value_of; /* [slots]: of the tape at hand */
	struct plan_node *out;
	uint32_t out_count, group_count;
	snnfit_error *err;
};

/* --- which nodes can be in a tape ------------------------------------------------------ */

struct element_form {
	enum tape_operation operation;
	bool swapped; /* a < b is b > a */
	bool of_flags, of_floats;
};

static bool
form_of(enum element element, struct element_form *out)
{
	static const struct {
		enum element element;
		struct element_form form;
	} rows[] = {
		{ ELEMENT_ADD, { TAPE_ADD, false, false, true } },
		{ ELEMENT_SUB, { TAPE_SUB, false, false, true } },
		{ ELEMENT_MUL, { TAPE_MUL, false, false, true } },
		{ ELEMENT_DIV, { TAPE_DIV, false, false, true } },
		{ ELEMENT_MAX, { TAPE_MAX, false, false, true } },
		{ ELEMENT_MIN, { TAPE_MIN, false, false, true } },
		{ ELEMENT_GREATER, { TAPE_GREATER, false, false, true } },
		{ ELEMENT_GREATER_EQUAL, { TAPE_GREATER_EQUAL, false, false, true } },
		{ ELEMENT_LESS, { TAPE_GREATER, true, false, true } },
		{ ELEMENT_LESS_EQUAL, { TAPE_GREATER_EQUAL, true, false, true } },
		{ ELEMENT_EQUAL, { TAPE_EQUAL, false, true, true } },
		{ ELEMENT_AND, { TAPE_AND, false, true, false } },
		{ ELEMENT_OR, { TAPE_OR, false, true, false } },
		{ ELEMENT_NOT, { TAPE_NOT, false, true, false } },
		{ ELEMENT_NEG, { TAPE_NEG, false, false, true } },
		{ ELEMENT_ABS, { TAPE_ABS, false, false, true } },
		{ ELEMENT_RELU, { TAPE_RELU, false, false, true } },
		{ ELEMENT_FLOOR, { TAPE_FLOOR, false, false, true } },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].element == element) {
			*out = rows[i].form;
			return true;
		}
	return false;
}

/* The type of what a slot holds. */
static int32_t
slot_type(const struct maker *maker, uint32_t slot)
{
	const struct tensor *constant = &maker->plan->constants[slot];

	return constant->type != TYPE_NONE ? constant->type : maker->shapes[slot].type;
}

static bool
is_element(const struct plan_node *node)
{
	return node->operator->run == run_element ||(node->operator->run == run_variadic &&
						     node->input_count == 2 && node->
						     operator->element != ELEMENT_NONE);
}

/* Types that the operation is made for here. */
static bool
types_fit(const struct maker *maker, const struct plan_node *node)
{
	int32_t first = slot_type(maker, node->inputs[0]), type;
	struct element_form form;
	uint32_t i;

	for (i = 0; i < node->input_count; i++) {
		type = slot_type(maker, node->inputs[i]);
		if (type != TYPE_FLOAT && type != TYPE_BOOL && node->inputs[i] != SLOT_NONE)
			return false;
	}
	if (node->operator->run == run_where)
		return first == TYPE_BOOL &&
		       slot_type(maker, node->inputs[1]) == slot_type(maker, node->inputs[2]);
	if (!is_element(node))
		return true;
	return form_of((enum element)node->operator->element, &form) &&
	       (first == TYPE_FLOAT ? form.of_floats : form.of_flags);
}

/* Of a Clip: bounds are single constants. */
static bool
bounds_fit(const struct maker *maker, const struct plan_node *node)
{
	uint32_t i;

	for (i = 1; i < node->input_count; i++)
		if (node->inputs[i] != SLOT_NONE &&
		    (maker->plan->constants[node->inputs[i]].type != TYPE_FLOAT ||
		     maker->plan->constants[node->inputs[i]].count != 1))
			return false;
	return true;
}

/* A value that is no constant has an element for each of the result's. */
static bool
is_whole(const struct slot_shape *in, const struct slot_shape *out)
{
	uint32_t d;

	if (in->count != out->count || in->rank > out->rank)
		return false;
	for (d = 0; d < in->rank; d++)
		if (in->dims[d] != out->dims[out->rank - in->rank + d])
			return false;
	return true;
}

static bool
can_fuse(const struct maker *maker, const struct plan_node *node)
{
	operator_run *run = node->operator->run;
	const struct slot_shape *out;
	uint32_t i;

	if (node->output_count != 1 || node->input_count == 0 || node->inputs[0] == SLOT_NONE)
		return false;
	out = &maker->shapes[node->outputs[0]];
	if ((out->type != TYPE_FLOAT && out->type != TYPE_BOOL) || out->count == 0)
		return false;
	if (!(is_element(node) || run == run_cast || run == run_where || run == run_clip ||
	      run == run_identity) ||
	    !types_fit(maker, node) || (run == run_clip && !bounds_fit(maker, node)))
		return false;
	/* a Cast to a small float rounds */
	if (run == run_cast && node_int(node, "to", 0) != out->type)
		return false;
	for (i = 0; i < node->input_count; i++)
		if (maker->plan->constants[node->inputs[i]].type == TYPE_NONE &&
		    node->inputs[i] != SLOT_NONE && !is_whole(&maker->shapes[node->inputs[i]], out))
			return false;
	return true;
}

/* --- a tape ------------------------------------------------------------------------------ */

struct writer {
	struct maker *maker;
	struct tape *tape;
	const struct slot_shape *shape; /* of all its arrays */
	struct tape_value values[TAPE_VALUES_MAX];
	struct tape_step steps[TAPE_VALUES_MAX];
	struct tape_store stores[TAPE_VALUES_MAX];
	bool truth[TAPE_VALUES_MAX];				    /* values that are 0 or 1 */
	uint32_t inputs[TAPE_VALUES_MAX], outputs[TAPE_VALUES_MAX]; /* slots */
	bool bits[TAPE_VALUES_MAX];				    /* of the outputs */
	uint32_t input_count, output_count;
	bool failed;
};

static uint8_t
add_value(struct writer *writer, enum tape_place place, uint32_t index, const float *constant)
{
	struct tape *tape = writer->tape;

	if (tape->value_count == TAPE_VALUES_MAX) {
		writer->failed = true;
		return 0;
	}
	tape->has_flags = tape->has_flags || place == TAPE_FLAGS;
	writer->truth[tape->value_count] = place == TAPE_FLAGS ||
					   (place == TAPE_CONSTANT &&
					    (constant[0] == 0 || constant[0] == 1));
	writer->values[tape->value_count] = (struct tape_value){ place, index, constant };
	return (uint8_t)tape->value_count++;
}

static float *
constant_floats(struct writer *writer, uint64_t count)
{
	float *floats = arena_alloc(writer->maker->arena, count, sizeof *floats);

	writer->failed = writer->failed || !floats;
	return floats;
}

static uint8_t
constant_piece(struct writer *writer, float number)
{
	float *piece;
	uint32_t i;

	for (i = 0; i < writer->tape->value_count; i++)
		if (writer->values[i].place == TAPE_CONSTANT &&
		    memcmp(writer->values[i].constant, &number, sizeof number) == 0)
			return (uint8_t)i;
	piece = constant_floats(writer, TAPE_PIECE);
	if (!piece)
		return 0;
	for (i = 0; i < TAPE_PIECE; i++)
		piece[i] = number;
	return add_value(writer, TAPE_CONSTANT, 0, piece);
}

/* A constant in the shape of the result. */
static uint8_t
constant_array(struct writer *writer, const struct tensor *constant)
{
	float *array;

	if (constant->count == 1)
		return constant_piece(writer,
				      (float)element_double(constant->type, constant->data, 0));
	array = constant_floats(writer, writer->shape->count);
	if (!array)
		return 0;
	element_compute(ELEMENT_COPY, (struct element_numbers){ 0, 0 }, &constant, 1, 1,
			writer->shape->rank, writer->shape->dims, TYPE_FLOAT, array);
	return add_value(writer, TAPE_ARRAY, 0, array);
}

static uint8_t
operand(struct writer *writer, uint32_t slot)
{
	struct maker *maker = writer->maker;
	const struct tensor *constant = &maker->plan->constants[slot];
	uint8_t value;

	if (maker->value_of[slot] != NO_TAPE_VALUE)
		return maker->value_of[slot];
	if (constant->type != TYPE_NONE)
		return constant_array(writer, constant);
	value = add_value(writer, maker->shapes[slot].type == TYPE_BOOL ? TAPE_FLAGS : TAPE_INPUT,
			  writer->input_count, NULL);
	if (writer->failed)
		return 0;
	writer->inputs[writer->input_count++] = slot;
	maker->value_of[slot] = value;
	return value;
}

/* What an operation gives is 0 or 1. */
static bool
gives_truth(const struct writer *writer, enum tape_operation operation, uint8_t a, uint8_t b,
	    uint8_t c)
{
	switch (operation) {
	case TAPE_GREATER:
	case TAPE_GREATER_EQUAL:
	case TAPE_EQUAL:
	case TAPE_AND:
	case TAPE_OR:
	case TAPE_NOT:
	case TAPE_TRUTH:
		return true;
	case TAPE_MUL:
	case TAPE_MAX:
	case TAPE_MIN:
		return writer->truth[a] && writer->truth[b];
	case TAPE_SELECT:
		return writer->truth[b] && writer->truth[c];
	default:
		return false;
	}
}

static uint8_t
add_step(struct writer *writer, enum tape_operation operation, uint8_t a, uint8_t b, uint8_t c)
{
	uint8_t out = add_value(writer, TAPE_REGISTER, 0, NULL);

	if (writer->failed)
		return 0;
	writer->steps[writer->tape->step_count++] =
		(struct tape_step){ operation, out, { a, b, c } };
	writer->truth[out] = gives_truth(writer, operation, a, b, c);
	return out;
}

static uint8_t
write_clip(struct writer *writer, const struct plan_node *node)
{
	static const char *const names[2] = { "min", "max" };
	static const enum tape_operation operations[2] = { TAPE_MAX, TAPE_MIN };
	uint8_t value = operand(writer, node->inputs[0]);
	uint32_t i;

	for (i = 0; i < 2; i++) {
		const Onnx__AttributeProto *attribute = node_attribute(node, names[i]);

		if (i + 1 < node->input_count && node->inputs[i + 1] != SLOT_NONE)
			value = add_step(writer, operations[i], value,
					 operand(writer, node->inputs[i + 1]), value);
		else if (attribute && attribute->has_f)
			value = add_step(writer, operations[i], value,
					 constant_piece(writer, attribute->f), value);
	}
	return value;
}

static bool
is_one(const struct writer *writer, uint8_t value)
{
	return writer->values[value].place == TAPE_CONSTANT &&
	       writer->values[value].constant[0] == 1;
}

static uint8_t
write_element(struct writer *writer, const struct plan_node *node)
{
	struct element_form form;
	uint8_t a = operand(writer, node->inputs[0]);
	uint8_t b = node->input_count > 1 ? operand(writer, node->inputs[1]) : a;

	if (!form_of((enum element)node->operator->element, &form)) {
		writer->failed = true;
		return 0;
	}
	/* x 1 is x, bit for bit, if the other one has the shape of the result */
	if (form.operation == TAPE_MUL && !writer->failed && is_one(writer, b))
		return a;
	if (form.operation == TAPE_MUL && !writer->failed && is_one(writer, a))
		return b;
	return add_step(writer, form.operation, form.swapped ? b : a, form.swapped ? a : b, a);
}

static uint8_t
write_node(struct writer *writer, const struct plan_node *node)
{
	operator_run *run = node->operator->run;
	int32_t from = slot_type(writer->maker, node->inputs[0]);
	uint8_t a;

	if (run == run_clip)
		return write_clip(writer, node);
	if (is_element(node))
		return write_element(writer, node);
	a = operand(writer, node->inputs[0]);
	if (run == run_where) {
		uint8_t b = operand(writer, node->inputs[1]);
		uint8_t c = operand(writer, node->inputs[2]);

		return add_step(writer, TAPE_SELECT, a, b, c);
	}
	if (run == run_cast && from == TYPE_FLOAT &&
	    writer->maker->shapes[node->outputs[0]].type == TYPE_BOOL)
		return add_step(writer, TAPE_TRUTH, a, a, a);
	return a; /* truth values are 1 and 0 already */
}

/* Somebody outside of the group reads it. */
static bool
leaves_group(const struct maker *maker, uint32_t slot)
{
	uint32_t i, k;

	if (maker->kept[slot])
		return true;
	for (i = 0; i < maker->graph->node_count; i++) {
		const struct plan_node *node = &maker->graph->nodes[i];

		if (maker->in_group[i])
			continue;
		for (k = 0; k < node->input_count; k++)
			if (node->inputs[k] == slot)
				return true;
		for (k = 0; k < node->read_count; k++)
			if (node->reads[k] == slot)
				return true;
	}
	return false;
}

/* Everybody outside of the group who reads it, or what is made of it without a change of
 * its bits, takes bits. Bodies do not, nor do tapes. */
static bool
can_be_bits(const struct maker *maker, uint32_t slot)
{
	uint32_t i, k;

	if (maker->numbers[slot])
		return false;
	for (i = 0; i < maker->graph->node_count; i++) {
		const struct plan_node *node = &maker->graph->nodes[i];

		for (k = 0; k < node->read_count; k++)
			if (node->reads[k] == slot)
				return false;
		for (k = 0; k < node->input_count && !maker->in_group[i]; k++) {
			uint8_t flags = node->operator->flags;

			if (node->inputs[k] != slot)
				continue;
			if (k > 0 || maker->fusible[i] || !(flags & OPERATOR_BITS))
				return false;
			if (flags & OPERATOR_PASSES_BITS && !can_be_bits(maker, node->outputs[0]))
				return false;
		}
	}
	return true;
}

/* An output of truth values is stored, not computed in its place. */
static bool
write_store(struct writer *writer, uint32_t slot, uint8_t value)
{
	bool is_bool = writer->maker->shapes[slot].type == TYPE_BOOL;

	if (!is_bool && !(writer->truth[value] && can_be_bits(writer->maker, slot)))
		return false;
	writer->bits[writer->output_count] = !is_bool;
	writer->stores[writer->tape->store_count++] = (struct tape_store){
		writer->output_count, value, constant_piece(writer, 0), !is_bool
	};
	return true;
}

static void
write_output(struct writer *writer, uint32_t slot)
{
	struct maker *maker = writer->maker;
	uint8_t value = maker->value_of[slot];

	if (writer->output_count == TAPE_VALUES_MAX || writer->failed) {
		writer->failed = true;
		return;
	}
	if (!write_store(writer, slot, value)) {
		/* what is an input, a constant or an output already is copied */
		if (writer->values[value].place != TAPE_REGISTER)
			value = add_step(writer, TAPE_MAX, value, value, value);
		if (writer->failed)
			return;
		writer->values[value].place = TAPE_OUTPUT;
		writer->values[value].index = writer->output_count;
	}
	writer->outputs[writer->output_count++] = slot;
}

/* A register for each value that is none else's place, free again after its last use. */
static void
give_registers(struct writer *writer)
{
	struct tape *tape = writer->tape;
	uint32_t last[TAPE_VALUES_MAX] = { 0 }, i, k, r;
	int32_t holds[TAPE_VALUES_MAX];

	memset(holds, 0xff, sizeof holds);
	for (i = 0; i < tape->step_count; i++)
		for (k = 0; k < TAPE_OPERANDS_MAX; k++)
			last[writer->steps[i].operands[k]] = i;
	for (i = 0; i < tape->store_count; i++)
		last[writer->stores[i].value] = last[writer->stores[i].other] = tape->step_count;
	for (i = 0; i < tape->step_count; i++) {
		struct tape_value *value = &writer->values[writer->steps[i].out];

		if (value->place == TAPE_REGISTER) {
			for (r = 0; holds[r] >= 0 && last[holds[r]] >= i; r++)
				;
			holds[r] = writer->steps[i].out;
			value->index = r;
			tape->register_count = r + 1 > tape->register_count ? r + 1
									    : tape->register_count;
		}
	}
}

static bool
copy_tape(struct writer *writer)
{
	struct arena *arena = writer->maker->arena;
	struct tape *tape = writer->tape;
	uint32_t i;

	tape->values = arena_copy(arena, writer->values, tape->value_count, sizeof *tape->values);
	tape->steps = arena_copy(arena, writer->steps, tape->step_count, sizeof *tape->steps);
	tape->stores = arena_copy(arena, writer->stores, tape->store_count, sizeof *tape->stores);
	tape->output_is_bits = arena_copy(arena, writer->bits, writer->output_count,
					  sizeof *tape->output_is_bits);
	tape->input_shapes = arena_alloc(arena, writer->input_count, sizeof *tape->input_shapes);
	tape->output_shapes = arena_alloc(arena, writer->output_count, sizeof *tape->output_shapes);
	if (!tape->values || !tape->steps || !tape->stores || !tape->output_is_bits ||
	    !tape->input_shapes || !tape->output_shapes)
		return false;
	tape_find_end(tape);
	if (tape->can_overwrite)
		tape->can_overwrite = !leaves_group(writer->maker,
						    writer->inputs[tape->overwritten[0]]);
	for (i = 0; i < writer->output_count; i++) {
		const struct slot_shape *shape = &writer->maker->shapes[writer->outputs[i]];

		tape->output_shapes[i] = arena_copy(arena, shape, 1, sizeof *shape);
		if (!tape->output_shapes[i])
			return false;
	}
	for (i = 0; i < writer->input_count; i++) {
		tape->input_shapes[i] = arena_copy(arena, &writer->maker->shapes[writer->inputs[i]],
						   1, sizeof(struct slot_shape));
		if (!tape->input_shapes[i])
			return false;
	}
	return true;
}

static bool
write_group(struct writer *writer, struct plan_node *out)
{
	struct maker *maker = writer->maker;
	struct tape *tape = writer->tape;
	uint32_t i;

	writer->shape = &maker->shapes[maker->graph->nodes[maker->group[0]].outputs[0]];
	tape->count = writer->shape->count;
	tape->nodes = arena_alloc(maker->arena, maker->group_count, sizeof *tape->nodes);
	if (!tape->nodes)
		return false;
	for (i = 0; i < maker->group_count && !writer->failed; i++) {
		const struct plan_node *node = &maker->graph->nodes[maker->group[i]];
		uint8_t value = write_node(writer, node);

		maker->value_of[node->outputs[0]] = value;
		tape->nodes[tape->node_count++] = *node;
	}
	for (i = 0; i < maker->group_count && !writer->failed; i++) {
		uint32_t slot = maker->graph->nodes[maker->group[i]].outputs[0];

		if (leaves_group(maker, slot))
			write_output(writer, slot);
	}
	if (writer->failed || writer->output_count == 0)
		return false;
	tape->step_count = tape_shorten(writer->values, writer->steps, tape->step_count,
					writer->stores, tape->store_count);
	give_registers(writer);
	*out = (struct plan_node){ .proto = tape->nodes[0].proto,
				   .scope = tape->nodes[0].scope,
				   .operator= & tape_operator,
				   .tape = tape };
	out->inputs = arena_copy(maker->arena, writer->inputs, writer->input_count,
				 sizeof *out->inputs);
	out->outputs = arena_copy(maker->arena, writer->outputs, writer->output_count,
				  sizeof *out->outputs);
	out->input_count = writer->input_count;
	out->output_count = writer->output_count;
	return out->inputs && out->outputs && copy_tape(writer);
}

/* The group as a tape, or, if it makes none, as it is. */
static snnfit_status
emit_group(struct maker *maker)
{
	struct writer *writer = calloc(1, sizeof *writer);
	struct plan_node node;
	uint32_t i;

	if (!writer)
		return error_no_memory(maker->err);
	writer->maker = maker;
	writer->tape = arena_zalloc(maker->arena, 1, sizeof *writer->tape);
	memset(maker->value_of, NO_TAPE_VALUE, maker->plan->slot_count);
	if (writer->tape && write_group(writer, &node))
		maker->out[maker->out_count++] = node;
	else
		for (i = 0; i < maker->group_count; i++)
			maker->out[maker->out_count++] = maker->graph->nodes[maker->group[i]];
	for (i = 0; i < maker->group_count; i++)
		maker->in_group[maker->group[i]] = false;
	free(writer);
	return SNNFIT_OK;
}

/* --- the order ------------------------------------------------------------------------------ */

static void
mark_done(struct maker *maker, uint32_t number)
{
	const struct plan_node *node = &maker->graph->nodes[number];
	uint32_t i, k, o;

	maker->done[number] = true;
	for (i = 0; i < maker->graph->node_count; i++) {
		const struct plan_node *reader = &maker->graph->nodes[i];

		for (o = 0; o < node->output_count; o++) {
			if (node->outputs[o] == SLOT_NONE)
				continue;
			for (k = 0; k < reader->input_count; k++)
				maker->waits[i] -= reader->inputs[k] == node->outputs[o];
			for (k = 0; k < reader->read_count; k++)
				maker->waits[i] -= reader->reads[k] == node->outputs[o];
		}
	}
}

static bool
is_ready(const struct maker *maker, uint32_t i, bool fusible)
{
	return !maker->done[i] && maker->waits[i] == 0 && maker->fusible[i] == fusible;
}

static bool
same_shape(const struct slot_shape *a, const struct slot_shape *b)
{
	return a->count == b->count && a->rank == b->rank &&
	       memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
}

/* All that is ready in the shape of the first one, and what that makes ready. */
static void
gather_group(struct maker *maker, uint32_t first)
{
	const struct plan_node *nodes = maker->graph->nodes;
	const struct slot_shape *shape = &maker->shapes[nodes[first].outputs[0]];
	uint32_t i, before;

	maker->group_count = 0;
	do {
		before = maker->group_count;
		for (i = 0; i < maker->graph->node_count; i++) {
			if (!is_ready(maker, i, true) ||
			    !same_shape(&maker->shapes[nodes[i].outputs[0]], shape) ||
			    maker->group_count == TAPE_VALUES_MAX / 3)
				continue;
			maker->group[maker->group_count++] = i;
			maker->in_group[i] = true;
			mark_done(maker, i);
		}
	} while (maker->group_count > before);
}

static snnfit_status
order_nodes(struct maker *maker)
{
	uint32_t i, left = maker->graph->node_count;
	snnfit_status status = SNNFIT_OK;

	while (left > 0 && status == SNNFIT_OK) {
		for (i = 0; i < maker->graph->node_count && !is_ready(maker, i, false); i++)
			;
		if (i < maker->graph->node_count) {
			maker->out[maker->out_count++] = maker->graph->nodes[i];
			mark_done(maker, i);
			left--;
			continue;
		}
		for (i = 0; i < maker->graph->node_count && !is_ready(maker, i, true); i++)
			;
		if (i == maker->graph->node_count)
			return error_set(maker->err, SNNFIT_EINTERNAL, "nodes in a circle");
		gather_group(maker, i);
		left -= maker->group_count;
		status = emit_group(maker);
	}
	return status;
}

static bool
allocate(struct maker *maker)
{
	uint32_t nodes = maker->graph->node_count + 1, slots = maker->plan->slot_count;

	maker->made_by = malloc(slots * sizeof *maker->made_by);
	maker->kept = calloc(slots, sizeof *maker->kept);
	maker->numbers = calloc(slots, sizeof *maker->numbers);
	maker->value_of = malloc(slots);
	maker->fusible = calloc(nodes, sizeof *maker->fusible);
	maker->waits = calloc(nodes, sizeof *maker->waits);
	maker->done = calloc(nodes, sizeof *maker->done);
	maker->group = calloc(nodes, sizeof *maker->group);
	maker->in_group = calloc(nodes, sizeof *maker->in_group);
	maker->out = arena_alloc(maker->arena, nodes, sizeof *maker->out);
	return maker->made_by && maker->kept && maker->numbers && maker->value_of &&
	       maker->fusible && maker->waits && maker->done && maker->group && maker->in_group &&
	       maker->out;
}

static void
free_lists(struct maker *maker)
{
	free(maker->made_by);
	free(maker->kept);
	free(maker->numbers);
	free(maker->value_of);
	free(maker->fusible);
	free(maker->waits);
	free(maker->done);
	free(maker->group);
	free(maker->in_group);
}

static void
count_waits(struct maker *maker)
{
	const struct plan_graph *graph = maker->graph;
	uint32_t i, k;

	memset(maker->made_by, 0xff, maker->plan->slot_count * sizeof *maker->made_by);
	for (i = 0; i < graph->node_count; i++)
		for (k = 0; k < graph->nodes[i].output_count; k++)
			if (graph->nodes[i].outputs[k] != SLOT_NONE)
				maker->made_by[graph->nodes[i].outputs[k]] = (int32_t)i;
	for (i = 0; i < graph->node_count; i++) {
		const struct plan_node *node = &graph->nodes[i];

		for (k = 0; k < node->input_count; k++)
			maker->waits[i] += maker->made_by[node->inputs[k]] != NO_MAKER;
		for (k = 0; k < node->read_count; k++)
			maker->waits[i] += maker->made_by[node->reads[k]] != NO_MAKER;
		maker->fusible[i] = can_fuse(maker, node);
	}
}

snnfit_status
tapes_make(struct phases *phases, const struct plan *plan, const struct slot_shape *shapes,
	   const uint32_t *kept, uint32_t kept_count, uint32_t bits_count, snnfit_error *err)
{
	struct maker maker = { .arena = &phases->arena,
			       .plan = plan,
			       .graph = &phases->step,
			       .shapes = shapes,
			       .err = err };
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	if (phases->step.node_count > NODES_MAX)
		return SNNFIT_OK;
	if (!allocate(&maker))
		status = error_no_memory(err);
	for (i = 0; i < kept_count && status == SNNFIT_OK; i++)
		maker.kept[kept[i]] = true;
	for (i = 0; i + bits_count < kept_count && status == SNNFIT_OK; i++)
		maker.numbers[kept[i]] = true;
	for (i = 0; i < phases->step.node_count; i++) {
		phases->step.nodes[i].releases = NULL;
		phases->step.nodes[i].release_count = 0;
	}
	if (status == SNNFIT_OK) {
		count_waits(&maker);
		status = order_nodes(&maker);
	}
	if (status == SNNFIT_OK) {
		phases->step.nodes = maker.out;
		phases->step.node_count = maker.out_count;
		status = graph_lifetimes(&phases->arena, &phases->step, plan->slot_count, err);
	}
	free_lists(&maker);
	return status;
}
