#include "importer/lists.h"

#include <string.h>

bool
lists_init(struct lists *lists, struct arena *arena, size_t keys)
{
	*lists = (struct lists){ .first = arena_alloc(arena, keys, sizeof *lists->first),
				 .keys = keys };
	if (lists->first)
		memset(lists->first, 0xff, keys * sizeof *lists->first);
	return lists->first != NULL;
}

bool
lists_add(struct lists *lists, struct arena *arena, uint32_t key, uint32_t item)
{
	if (!arena_grow(arena, &lists->links, lists->count, &lists->capacity, sizeof *lists->links))
		return false;
	lists->links[lists->count] = (struct link){ item, lists->first[key] };
	lists->first[key] = (uint32_t)lists->count++;
	return true;
}

static const struct link *
link_at(const struct lists *lists, uint32_t at)
{
	return at == LIST_END ? NULL : &lists->links[at];
}

const struct link *
lists_at(const struct lists *lists, uint32_t key)
{
	return key < lists->keys ? link_at(lists, lists->first[key]) : NULL;
}

const struct link *
lists_next(const struct lists *lists, const struct link *link)
{
	return link_at(lists, link->next);
}
