#include "exporter/names.h"

#include "exporter/bodies.h"

void
names_init(struct names *names, struct arena *arena)
{
	names->arena = arena;
	map_init(&names->taken, arena);
	map_init(&names->numbers, arena);
}

bool
names_take(struct names *names, const char *name)
{
	return !name || !name[0] || map_set(&names->taken, name, 1);
}

static bool
take_all(struct names *names, char *const *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!names_take(names, list[i]))
			return false;
	return true;
}

static bool
take_declared(struct names *names, Onnx__ValueInfoProto *const *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!names_take(names, list[i]->name))
			return false;
	return true;
}

static bool
take_stored(struct names *names, const Onnx__GraphProto *graph)
{
	size_t i;

	for (i = 0; i < graph->n_initializer; i++)
		if (!names_take(names, graph->initializer[i]->name))
			return false;
	for (i = 0; i < graph->n_sparse_initializer; i++)
		if (graph->sparse_initializer[i]->values &&
		    !names_take(names, graph->sparse_initializer[i]->values->name))
			return false;
	return true;
}

static bool
take_nodes(struct names *names, const Onnx__GraphProto *graph, struct bodies *bodies)
{
	size_t i;

	for (i = 0; i < graph->n_node; i++) {
		const Onnx__NodeProto *node = graph->node[i];

		if (!names_take(names, node->name) ||
		    !take_all(names, node->input, node->n_input) ||
		    !take_all(names, node->output, node->n_output) || !bodies_push_of(bodies, node))
			return false;
	}
	return true;
}

bool
names_collect(struct names *names, const Onnx__GraphProto *graph, struct arena *scratch)
{
	struct bodies bodies = { .arena = scratch };

	if (!bodies_push(&bodies, graph))
		return false;
	while ((graph = bodies_pop(&bodies)))
		if (!take_declared(names, graph->input, graph->n_input) ||
		    !take_declared(names, graph->output, graph->n_output) ||
		    !take_declared(names, graph->value_info, graph->n_value_info) ||
		    !take_stored(names, graph) || !take_nodes(names, graph, &bodies))
			return false;
	return true;
}

/* Numbers go on where the last call with this stem ended, so that a thousand
 * copies of one tensor take a thousand tries. */
static char *
number_it(struct names *names, char *stem, const char *separator)
{
	uint32_t number = map_get(&names->numbers, stem);
	char *name = stem;

	if (number == MAP_NONE)
		number = 1;
	else
		name = arena_printf(names->arena, "%s%s%u", stem, separator, ++number);
	while (name && map_get(&names->taken, name) != MAP_NONE)
		name = arena_printf(names->arena, "%s%s%u", stem, separator, ++number);
	if (!name || !map_set(&names->taken, name, 1) || !map_set(&names->numbers, stem, number))
		return NULL;
	return name;
}

char *
names_fresh(struct names *names, const char *base, const char *suffix)
{
	char *stem = arena_printf(names->arena, "%s__%s", base, suffix);

	return stem ? number_it(names, stem, "") : NULL;
}

char *
names_unique(struct names *names, const char *name)
{
	char *stem = arena_strdup(names->arena, name);

	return stem ? number_it(names, stem, "_") : NULL;
}
