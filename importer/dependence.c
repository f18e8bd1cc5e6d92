/* dependence.c - walks back from an output to the inputs that it depends on. */
#include "importer/dependence.h"

#include <stdlib.h>
#include <string.h>

/* Some hundred walks over the largest model that is read. */
static const uint64_t STEPS_MAX = 1ull << 28;

bool
dependence_init(struct dependence *dependence, struct axes *axes)
{
	const struct program *program = axes->program;
	struct arena *arena = axes->arena;
	size_t i;

	*dependence = (struct dependence){ .axes = axes, .steps_left = STEPS_MAX };
	dependence->is_weights = arena_zalloc(arena, program->operation_count, sizeof(bool));
	dependence->walk_of = arena_zalloc(arena, program->value_count, sizeof(uint32_t));
	dependence->input_of = arena_alloc(arena, program->value_count, sizeof(uint32_t));
	for (i = 0; i < DEPENDENCE_KINDS; i++) {
		dependence->sets[i] = arena_zalloc(arena, program->output_count,
						   sizeof *dependence->sets[i]);
		if (!dependence->sets[i])
			return false;
	}
	if (!dependence->is_weights || !dependence->walk_of || !dependence->input_of)
		return false;
	for (i = 0; i < axes->weight_count; i++)
		dependence->is_weights[axes->weights[i].operation] = true;
	memset(dependence->input_of, 0xff, program->value_count * sizeof(uint32_t));
	for (i = 0; i < program->input_count; i++)
		dependence->input_of[program->inputs[i]] = (uint32_t)i;
	return true;
}

/* Of the current walk: each value once. */
static bool
push(struct dependence *dependence, size_t *height, uint32_t value)
{
	if (value == NO_VALUE || dependence->walk_of[value] == dependence->walks)
		return true;
	if (!arena_grow(dependence->axes->arena, &dependence->stack, *height,
			&dependence->stack_capacity, sizeof(uint32_t)))
		return false;
	dependence->walk_of[value] = dependence->walks;
	dependence->stack[(*height)++] = value;
	return true;
}

static bool
push_operands(struct dependence *dependence, enum dependence_kind kind, size_t *height,
	      uint32_t value)
{
	const struct program *program = dependence->axes->program;
	uint32_t index = program->values[value].operation, i;
	const struct operation *operation = &program->operations[index];

	i = kind == DEPENDS_ELEMENTWISE && dependence->is_weights[index] ? 2 : 0;
	for (; i < operation->operand_count; i++)
		if (!push(dependence, height, operation->operands[i]))
			return false;
	return true;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool
walk_back(struct dependence *dependence, enum dependence_kind kind, uint32_t output)
{
	const struct program *program = dependence->axes->program;
	struct input_set *set = &dependence->sets[kind][output];
	size_t height = 0, capacity = 0;

	dependence->walks++;
	if (!push(dependence, &height, program->outputs[output]))
		return false;
	while (height && dependence->steps_left) {
		uint32_t value = dependence->stack[--height];

		dependence->steps_left--;
		if (dependence->input_of[value] != NO_VALUE) {
			if (!arena_grow(dependence->axes->arena, &set->inputs, set->count,
					&capacity, sizeof *set->inputs))
				return false;
			set->inputs[set->count++] = dependence->input_of[value];
		} else if (program->values[value].kind == VALUE_RESULT &&
			   !program->values[value].constant &&
			   !push_operands(dependence, kind, &height, value)) {
			return false;
		}
	}
	if (!dependence->steps_left)
		set->count = 0;
	if (set->count)
		qsort(set->inputs, set->count, sizeof *set->inputs, by_number);
	return true;
}

bool
depends(struct dependence *dependence, enum dependence_kind kind, uint32_t output, uint32_t input)
{
	struct input_set *set = &dependence->sets[kind][output];

	if (!set->known) {
		set->known = true;
		if (!walk_back(dependence, kind, output))
			dependence->axes->out_of_memory = true;
	}
	return set->count && bsearch(&input, set->inputs, set->count, sizeof input, by_number);
}
