/* arena.h - memory with one lifetime: many allocations, one free. */
#ifndef SNNFIT_CORE_ARENA_H
#define SNNFIT_CORE_ARENA_H

#include "core/error.h"

#include <stdbool.h>

struct arena_block;

/* All zero bytes is an empty arena. */
struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used;		    /* in the newest block */
	bool failed;		    /* it could not give what was asked for, once */
};

/* count objects of size bytes, aligned for any type; NULL when out of memory
 * or when count * size overflows. A count of 0 gives a valid pointer. */
MUST_USE void *arena_alloc(struct arena *arena, size_t count, size_t size);
MUST_USE void *arena_zalloc(struct arena *arena, size_t count, size_t size);
MUST_USE void *arena_copy(struct arena *arena, const void *from, size_t count, size_t size);
MUST_USE char *arena_strdup(struct arena *arena, const char *text);
MUST_USE char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Makes room for one more item in a growing array kept in the arena: doubles
 * *capacity and copies when count has reached it. Old copies stay until the
 * arena goes, which at most doubles the memory. */
MUST_USE bool arena_grow(struct arena *arena, void *items, size_t count, size_t *capacity,
			 size_t size);

void arena_free(struct arena *arena);

#endif
