#include "core/map.h"

#include <string.h>
#include <sys/random.h>

struct map_slot {
	const char *name; /* NULL: empty */
	uint64_t hash;
	uint32_t value;
};

void
map_init(struct map *map, struct arena *arena)
{
	*map = (struct map){ .arena = arena };
	/* Without entropy the map still works, only its order of probing is known. */
	if (getrandom(&map->seed, sizeof map->seed, GRND_NONBLOCK) != sizeof map->seed)
		map->seed = 0;
}

/* FNV-1a from a random start, then a finalizer to spread it over all bits. */
static uint64_t
hash_name(uint64_t seed, const char *name)
{
	uint64_t hash = seed ^ 0xcbf29ce484222325u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name ^ (hash >> 47)) * 0x100000001b3u;
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdu;
	return hash ^ (hash >> 33);
}

static struct map_slot *
find(const struct map *map, const char *name, uint64_t hash)
{
	size_t at = hash & (map->capacity - 1);
	struct map_slot *slot;

	for (;;) {
		slot = &map->slots[at];
		if (!slot->name || (slot->hash == hash && strcmp(slot->name, name) == 0))
			return slot;
		at = (at + 1) & (map->capacity - 1);
	}
}

static bool
rehash(struct map *map)
{
	struct map next = *map;
	size_t i;

	next.capacity = map->capacity ? map->capacity * 2 : 16;
	next.slots = arena_zalloc(map->arena, next.capacity, sizeof *next.slots);
	if (!next.slots)
		return false;
	for (i = 0; i < map->capacity; i++)
		if (map->slots[i].name)
			*find(&next, map->slots[i].name, map->slots[i].hash) = map->slots[i];
	*map = next;
	return true;
}

bool
map_set(struct map *map, const char *name, uint32_t value)
{
	uint64_t hash = hash_name(map->seed, name);
	struct map_slot *slot;

	if (map->count * 2 >= map->capacity && !rehash(map))
		return false;
	slot = find(map, name, hash);
	if (!slot->name)
		map->count++;
	*slot = (struct map_slot){ name, hash, value };
	return true;
}

uint32_t
map_get(const struct map *map, const char *name)
{
	struct map_slot *slot;

	if (!map->capacity)
		return MAP_NONE;
	slot = find(map, name, hash_name(map->seed, name));
	return slot->name ? slot->value : MAP_NONE;
}
