#include "exporter/readers.h"

void
readers_init(struct readers *readers, struct arena *arena)
{
	*readers = (struct readers){ .arena = arena, .bodies = { .arena = arena } };
	map_init(&readers->index, arena);
}

bool
readers_add(struct readers *readers, const char *name, int change)
{
	uint32_t at;

	if (!name || !name[0])
		return true;
	at = map_get(&readers->index, name);
	if (at == MAP_NONE) {
		if (!arena_grow(readers->arena, &readers->counts, readers->count,
				&readers->capacity, sizeof *readers->counts))
			return false;
		at = (uint32_t)readers->count++;
		readers->counts[at] = 0;
		if (!map_set(&readers->index, name, at))
			return false;
	}
	readers->counts[at] += (uint32_t)change;
	return true;
}

static bool
add_inputs(struct readers *readers, const Onnx__NodeProto *node, int change)
{
	size_t i;

	for (i = 0; i < node->n_input; i++)
		if (!readers_add(readers, node->input[i], change))
			return false;
	return bodies_push_of(&readers->bodies, node);
}

bool
readers_add_node(struct readers *readers, const Onnx__NodeProto *node, int change)
{
	const Onnx__GraphProto *body;
	size_t i;

	if (!add_inputs(readers, node, change))
		return false;
	while ((body = bodies_pop(&readers->bodies))) {
		for (i = 0; i < body->n_node; i++)
			if (!add_inputs(readers, body->node[i], change))
				return false;
		for (i = 0; i < body->n_output; i++)
			if (!readers_add(readers, body->output[i]->name, change))
				return false;
	}
	return true;
}

uint32_t
readers_of(const struct readers *readers, const char *name)
{
	uint32_t at = map_get(&readers->index, name);

	return at == MAP_NONE ? 0 : readers->counts[at];
}
