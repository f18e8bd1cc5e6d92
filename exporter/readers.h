/* readers.h - how many nodes read each value. */
#ifndef SNNFIT_EXPORTER_READERS_H
#define SNNFIT_EXPORTER_READERS_H

#include "core/map.h"
#include "exporter/bodies.h"

/* A graph inside a node reads what it names: a name of its own counts too, which
 * errs on the side of keeping things. */
struct readers {
	struct arena *arena;
	struct map index; /* name -> into counts */
	uint32_t *counts;
	size_t count, capacity;
	struct bodies bodies;
};

void readers_init(struct readers *readers, struct arena *arena);
/* One reader more (change 1) or less (-1). False when out of memory. */
MUST_USE bool readers_add(struct readers *readers, const char *name, int change);
/* Everything that the node reads, and the graphs inside it. */
MUST_USE bool readers_add_node(struct readers *readers, const Onnx__NodeProto *node, int change);
uint32_t readers_of(const struct readers *readers, const char *name);

#endif
