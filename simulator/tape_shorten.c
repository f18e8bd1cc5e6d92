/* tape_shorten.c - the same numbers, bit for bit, in fewer steps. */
#include "simulator/tape.h"

#include <math.h>
#include <string.h>

struct shortener {
	const struct tape_value *values;
	struct tape_step *steps;
	uint32_t count;
	int32_t made_by[TAPE_VALUES_MAX]; /* step; -1: none */
	uint32_t uses[TAPE_VALUES_MAX];	  /* by steps and stores */
};

static uint32_t
operand_count(enum tape_operation operation)
{
	switch (operation) {
	case TAPE_NOT:
	case TAPE_NEG:
	case TAPE_ABS:
	case TAPE_RELU:
	case TAPE_FLOOR:
	case TAPE_TRUTH:
		return 1;
	case TAPE_SELECT:
	case TAPE_MUL_ADD:
	case TAPE_SUB_MUL:
	case TAPE_SUB_GREATER:
		return 3;
	case TAPE_LEAK_RESET:
		return 5;
	default:
		return 2;
	}
}

static void
count_uses(struct shortener *shortener, const struct tape_store *stores, uint32_t store_count)
{
	uint32_t i, k;

	memset(shortener->made_by, 0xff, sizeof shortener->made_by);
	memset(shortener->uses, 0, sizeof shortener->uses);
	for (i = 0; i < shortener->count; i++) {
		const struct tape_step *step = &shortener->steps[i];

		shortener->made_by[step->out] = (int32_t)i;
		for (k = 0; k < operand_count(step->operation); k++)
			shortener->uses[step->operands[k]]++;
	}
	for (i = 0; i < store_count; i++) {
		shortener->uses[stores[i].value]++;
		shortener->uses[stores[i].other]++;
	}
}

/* The step that made a value, if it is such an operation; NULL: it is not. */
static const struct tape_step *
maker_of(const struct shortener *shortener, uint8_t value, enum tape_operation operation)
{
	int32_t step = shortener->made_by[value];

	return step >= 0 && shortener->steps[step].operation == operation ? &shortener->steps[step]
									  : NULL;
}

/* The same, if nobody else reads the value: then its step can be done with the reader's. */
static const struct tape_step *
own_maker_of(const struct shortener *shortener, uint8_t value, enum tape_operation operation)
{
	if (shortener->uses[value] != 1 || shortener->values[value].place != TAPE_REGISTER)
		return NULL;
	return maker_of(shortener, value, operation);
}

static bool
is_constant(const struct shortener *shortener, uint8_t value)
{
	return shortener->values[value].place == TAPE_CONSTANT;
}

/* x - y > 0 is x > y: also where the difference is denormal, infinite or NaN. x - y >= 0
 * is x >= y unless both are infinite. */
static void
compare_directly(const struct shortener *shortener, struct tape_step *step)
{
	uint8_t a = step->operands[0], b = step->operands[1];
	const struct tape_step *difference;
	bool swapped = is_constant(shortener, a);

	if (step->operation != TAPE_GREATER && step->operation != TAPE_GREATER_EQUAL)
		return;
	if (!is_constant(shortener, swapped ? a : b) ||
	    shortener->values[swapped ? a : b].constant[0] != 0)
		return;
	difference = maker_of(shortener, swapped ? b : a, TAPE_SUB);
	if (!difference)
		return;
	if (step->operation == TAPE_GREATER_EQUAL &&
	    !(is_constant(shortener, difference->operands[1]) &&
	      isfinite(shortener->values[difference->operands[1]].constant[0])))
		return;
	step->operands[0] = difference->operands[swapped];
	step->operands[1] = difference->operands[!swapped];
}

/* Takes out what nobody reads, the last first: then what only that one read is read by
 * nobody, too. */
static void
drop_unread(struct shortener *shortener)
{
	uint32_t i, k, kept = shortener->count;

	for (i = shortener->count; i-- > 0;) {
		const struct tape_step step = shortener->steps[i];
		bool unread = shortener->values[step.out].place == TAPE_REGISTER &&
			      shortener->uses[step.out] == 0;

		for (k = 0; unread && k < operand_count(step.operation); k++)
			shortener->uses[step.operands[k]]--;
		if (!unread)
			shortener->steps[--kept] = step;
	}
	memmove(shortener->steps, shortener->steps + kept,
		(shortener->count - kept) * sizeof *shortener->steps);
	shortener->count -= kept;
}

/* a - (b > c), or the leak and the reset of a neuron. */
static struct tape_step
join_reset(const struct shortener *shortener, const struct tape_step *step,
	   const struct tape_step *greater)
{
	uint8_t a = step->operands[0], b = greater->operands[0], c = greater->operands[1];
	const struct tape_step *leak = own_maker_of(shortener, a, TAPE_MUL_ADD);

	bool swapped = leak && is_constant(shortener, leak->operands[0]);

	if (!leak || !is_constant(shortener, leak->operands[!swapped]) ||
	    !is_constant(shortener, c))
		return (struct tape_step){ TAPE_SUB_GREATER, step->out, { a, b, c } };
	return (struct tape_step){
		TAPE_LEAK_RESET,
		step->out,
		{ leak->operands[swapped], leak->operands[!swapped], leak->operands[2], b, c },
	};
}

/* a b + c; a - b c; a - (b > c): each rounded as two steps are. */
static void
join(const struct shortener *shortener, struct tape_step *step)
{
	uint8_t a = step->operands[0], b = step->operands[1];
	const struct tape_step *inner;

	if (step->operation == TAPE_ADD) {
		uint8_t other = b;

		inner = own_maker_of(shortener, a, TAPE_MUL);
		if (!inner) {
			inner = own_maker_of(shortener, b, TAPE_MUL);
			other = a;
		}
		if (inner)
			*step = (struct tape_step){
				TAPE_MUL_ADD,
				step->out,
				{ inner->operands[0], inner->operands[1], other },
			};
	} else if (step->operation == TAPE_SUB) {
		inner = own_maker_of(shortener, b, TAPE_MUL);
		if (inner)
			*step = (struct tape_step){
				TAPE_SUB_MUL,
				step->out,
				{ a, inner->operands[0], inner->operands[1] },
			};
		else if ((inner = own_maker_of(shortener, b, TAPE_GREATER)))
			*step = join_reset(shortener, step, inner);
	}
}

/* What a store compares with 0 may be a comparison itself, that nobody else reads. */
static void
join_store(const struct shortener *shortener, struct tape_store *store)
{
	const struct tape_step *greater = own_maker_of(shortener, store->value, TAPE_GREATER);

	if (greater) {
		store->value = greater->operands[0];
		store->other = greater->operands[1];
	}
}

uint32_t
tape_shorten(const struct tape_value *values, struct tape_step *steps, uint32_t count,
	     struct tape_store *stores, uint32_t store_count)
{
	struct shortener shortener = { .values = values, .steps = steps, .count = count };
	uint32_t i, pass;

	for (pass = 0; pass < 2; pass++) {
		count_uses(&shortener, stores, store_count);
		for (i = 0; i < shortener.count; i++)
			if (pass == 0)
				compare_directly(&shortener, &steps[i]);
			else
				join(&shortener, &steps[i]);
		for (i = 0; i < store_count && pass > 0; i++)
			join_store(&shortener, &stores[i]);
		count_uses(&shortener, stores, store_count);
		drop_unread(&shortener);
	}
	return shortener.count;
}

/* --- the end ----------------------------------------------------------------------------- */

/* The membrane before may give its place to the one after, if no store reads it later. */
static void
find_overwritten(struct tape *tape, const struct tape_step *last)
{
	const struct tape_value *before = &tape->values[last->operands[0]];
	const struct tape_value *after = &tape->values[last->out];
	uint32_t i;

	if (before->place != TAPE_INPUT || after->place != TAPE_OUTPUT)
		return;
	for (i = 1; i < tape->store_count; i++)
		if (tape->stores[i].value == last->operands[0] ||
		    tape->stores[i].other == last->operands[0])
			return;
	tape->can_overwrite = true;
	tape->overwritten[0] = before->index;
	tape->overwritten[1] = after->index;
}

static void
find_repeated(struct tape *tape, const struct tape_step *last)
{
	const struct tape_value *drive = &tape->values[last->operands[2]];
	const struct tape_value *reset_at = &tape->values[last->operands[4]];
	const struct tape_value *fire_at = &tape->values[tape->stores[0].other];

	tape->can_repeat = tape->step_count == 1 && tape->store_count == 1 &&
			   last->operands[3] == last->operands[0] && drive->place == TAPE_INPUT &&
			   reset_at->constant[0] == fire_at->constant[0];
	tape->drive = drive->index;
}

/* The usual one of a neuron: the membrane, and whether it is over a threshold. */
void
tape_find_end(struct tape *tape)
{
	const struct tape_store *store = tape->stores;
	const struct tape_step *last;

	if (tape->step_count == 0 || tape->store_count == 0 || !store->bits)
		return;
	last = &tape->steps[tape->step_count - 1];
	tape->fires = last->operation == TAPE_LEAK_RESET && store->value == last->out &&
		      tape->values[store->other].place == TAPE_CONSTANT;
	if (!tape->fires)
		return;
	find_overwritten(tape, last);
	find_repeated(tape, last);
}
