/* map.h - from names to numbers, in expected constant time whatever the names.
 *
 * Names are not copied: they must outlive the map. */
#ifndef SNNFIT_CORE_MAP_H
#define SNNFIT_CORE_MAP_H

#include "core/arena.h"

#include <stdint.h>

#define MAP_NONE UINT32_MAX

struct map_slot;

struct map {
	struct arena *arena; /* where the table lives */
	struct map_slot *slots;
	size_t count;
	size_t capacity; /* a power of two, or 0 */
	uint64_t seed;	 /* so that no file can choose its collisions */
};

void map_init(struct map *map, struct arena *arena);

/* Sets name to value, replacing an earlier one; false when out of memory. */
MUST_USE bool map_set(struct map *map, const char *name, uint32_t value);

/* MAP_NONE when the name is not there. */
uint32_t map_get(const struct map *map, const char *name);

#endif
