#include "core/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* While debugging each allocation is a block: sanitizers see what is read or written past its
 * end, and tests make each fail. */
#ifdef NDEBUG
enum { BLOCK_BYTES = 16 * 1024 };
#else
enum { BLOCK_BYTES = 1 };
#endif
enum { ALIGNMENT = _Alignof(max_align_t) };

struct arena_block {
	struct arena_block *next;
	size_t size;
	_Alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *
block_new(struct arena *arena, size_t bytes)
{
	size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
	struct arena_block *block;

	if (size > SIZE_MAX - sizeof *block)
		return NULL;
	block = malloc(sizeof *block + size);
	if (!block)
		return NULL;
	block->size = size;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->used = 0;
	return block;
}

void *
arena_alloc(struct arena *arena, size_t count, size_t size)
{
	struct arena_block *block = arena->blocks;
	size_t bytes;
	void *at;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT) {
		arena->failed = true;
		return NULL;
	}
	bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!block || bytes > block->size - arena->used)
		block = block_new(arena, bytes);
	if (!block) {
		arena->failed = true;
		return NULL;
	}
	at = block->bytes + arena->used;
	arena->used += bytes;
	return at;
}

void *
arena_zalloc(struct arena *arena, size_t count, size_t size)
{
	void *at = arena_alloc(arena, count, size);

	if (at && count)
		memset(at, 0, count * size);
	return at;
}

void *
arena_copy(struct arena *arena, const void *from, size_t count, size_t size)
{
	void *at = arena_alloc(arena, count, size);

	if (at && count)
		memcpy(at, from, count * size);
	return at;
}

char *
arena_strdup(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text) + 1, 1);
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text = NULL;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length >= 0)
		text = arena_alloc(arena, (size_t)length + 1, 1);
	if (!text)
		return NULL;
	va_start(args, format);
	(void)vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}

bool
arena_grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
	void *old, *grown;
	size_t next;

	if (count < *capacity)
		return true;
	next = *capacity ? *capacity * 2 : 8;
	if (next < *capacity)
		return false;
	grown = arena_alloc(arena, next, size);
	if (!grown)
		return false;
	memcpy(&old, items, sizeof old);
	if (count)
		memcpy(grown, old, count * size);
	memcpy(items, &grown, sizeof grown);
	*capacity = next;
	return true;
}

void
arena_free(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	while (block) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
	*arena = (struct arena){ 0 };
}
