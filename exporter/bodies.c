#include "exporter/bodies.h"

bool
bodies_push(struct bodies *bodies, const Onnx__GraphProto *graph)
{
	if (!graph)
		return true;
	if (!arena_grow(bodies->arena, &bodies->graphs, bodies->count, &bodies->capacity,
			sizeof *bodies->graphs))
		return false;
	bodies->graphs[bodies->count++] = graph;
	return true;
}

bool
bodies_push_of(struct bodies *bodies, const Onnx__NodeProto *node)
{
	size_t i, j;

	for (i = 0; i < node->n_attribute; i++) {
		if (!bodies_push(bodies, node->attribute[i]->g))
			return false;
		for (j = 0; j < node->attribute[i]->n_graphs; j++)
			if (!bodies_push(bodies, node->attribute[i]->graphs[j]))
				return false;
	}
	return true;
}

const Onnx__GraphProto *
bodies_pop(struct bodies *bodies)
{
	return bodies->count ? bodies->graphs[--bodies->count] : NULL;
}
