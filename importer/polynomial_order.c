/* polynomial_order.c - in which order the polynomials of a program are read.
 *
 * Once a test of a membrane has been seen, what else is made of that membrane, and of a
 * current that every step reads, is told in terms of it (polynomial.h). Exporters write
 * the test before anything of the next step; tools that sort nodes write it anywhere
 * behind the membrane. So tests come as early as they can, the nearest to the inputs
 * first, each behind what it is made of; then all else, as it stands in the file. */
#include "importer/polynomial.h"

#include <stdlib.h>

struct test {
	uint32_t depth; /* of the longest way to it from where its part of the program begins */
	uint32_t operation;
};

/* What is left to do at an operation before it is placed: operands from `next` on. */
struct visit {
	uint32_t operation, next;
};

struct orderer {
	const struct program *program;
	uint32_t *order, count;
	uint32_t *depths; /* [operation_count] */
	bool *placed;	  /* [operation_count] */
	struct test *tests;
	struct visit *stack;
	uint32_t first, end; /* the part: between where bodies begin and end */
};

static bool
is_test(const struct operation *operation)
{
	static const char *const tests[] = { "Greater", "GreaterOrEqual", "Less", "LessOrEqual",
					     NULL };

	return !operation->constant && operation_is_one_of(operation, tests);
}

/* Of the part, and made by an operation; NO_VALUE: it is there already. */
static uint32_t
maker_of(const struct orderer *orderer, uint32_t value)
{
	const struct value *made = value == NO_VALUE ? NULL : &orderer->program->values[value];

	return made && made->kind == VALUE_RESULT && made->operation >= orderer->first &&
			       made->operation < orderer->end
		       ? made->operation
		       : NO_VALUE;
}

static void
set_depth(struct orderer *orderer, uint32_t index)
{
	const struct operation *operation = &orderer->program->operations[index];
	uint32_t i, maker, depth = 0;

	for (i = 0; i < operation->operand_count; i++) {
		maker = maker_of(orderer, operation->operands[i]);
		if (maker != NO_VALUE && orderer->depths[maker] >= depth)
			depth = orderer->depths[maker] + 1;
	}
	orderer->depths[index] = depth;
}

static int
compare_tests(const void *a, const void *b)
{
	const struct test *one = a, *other = b;

	if (one->depth != other->depth)
		return one->depth < other->depth ? -1 : 1;
	return one->operation < other->operation ? -1 : one->operation > other->operation;
}

/* Behind all that it is made of; without recursion, however long the way is. */
static void
place(struct orderer *orderer, uint32_t index)
{
	uint32_t height = 0;

	if (orderer->placed[index])
		return;
	orderer->placed[index] = true;
	orderer->stack[height++] = (struct visit){ index, 0 };
	while (height > 0) {
		struct visit *visit = &orderer->stack[height - 1];
		const struct operation *operation = &orderer->program->operations[visit->operation];
		uint32_t maker;

		if (visit->next == operation->operand_count) {
			orderer->order[orderer->count++] = visit->operation;
			height--;
			continue;
		}
		maker = maker_of(orderer, operation->operands[visit->next++]);
		if (maker == NO_VALUE || orderer->placed[maker])
			continue;
		orderer->placed[maker] = true;
		orderer->stack[height++] = (struct visit){ maker, 0 };
	}
}

static void
order_part(struct orderer *orderer)
{
	uint32_t count = 0, i;

	for (i = orderer->first; i < orderer->end; i++) {
		set_depth(orderer, i);
		if (is_test(&orderer->program->operations[i]))
			orderer->tests[count++] = (struct test){ orderer->depths[i], i };
	}
	qsort(orderer->tests, count, sizeof *orderer->tests, compare_tests);
	for (i = 0; i < count; i++)
		place(orderer, orderer->tests[i].operation);
	for (i = orderer->first; i < orderer->end; i++)
		place(orderer, i);
}

uint32_t *
polynomial_order(const struct program *program, struct arena *arena)
{
	size_t count = program->operation_count;
	struct orderer orderer = { .program = program };

	orderer.order = arena_alloc(arena, count, sizeof *orderer.order);
	orderer.depths = arena_alloc(arena, count, sizeof *orderer.depths);
	orderer.placed = arena_zalloc(arena, count, sizeof *orderer.placed);
	orderer.tests = arena_alloc(arena, count, sizeof *orderer.tests);
	orderer.stack = arena_alloc(arena, count, sizeof *orderer.stack);
	if (!orderer.order || !orderer.depths || !orderer.placed || !orderer.tests ||
	    !orderer.stack)
		return NULL;
	while (orderer.first < count) {
		orderer.end = orderer.first;
		while (orderer.end < count && program->operations[orderer.end].part == PART_WHOLE)
			orderer.end++;
		order_part(&orderer);
		if (orderer.end < count) /* a body begins or ends */
			orderer.order[orderer.count++] = orderer.end++;
		orderer.first = orderer.end;
	}
	return orderer.order;
}
