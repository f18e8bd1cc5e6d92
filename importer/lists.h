/* lists.h - from a number to a list of numbers. */
#ifndef SNNFIT_IMPORTER_LISTS_H
#define SNNFIT_IMPORTER_LISTS_H

#include "core/arena.h"

#include <stdint.h>

#define LIST_END UINT32_MAX

struct link {
	uint32_t item, next; /* next: into lists.links, or LIST_END */
};
struct lists {
	uint32_t *first; /* [keys]: into links, or LIST_END */
	struct link *links;
	size_t keys, count, capacity;
};

/* All empty. */
MUST_USE bool lists_init(struct lists *lists, struct arena *arena, size_t keys);
/* At the front: who adds from the highest to the lowest gets ascending lists. */
MUST_USE bool lists_add(struct lists *lists, struct arena *arena, uint32_t key, uint32_t item);
/* NULL at the end:
 *     for (link = lists_at(lists, key); link; link = lists_next(lists, link)) */
const struct link *lists_at(const struct lists *lists, uint32_t key);
const struct link *lists_next(const struct lists *lists, const struct link *link);

#endif
