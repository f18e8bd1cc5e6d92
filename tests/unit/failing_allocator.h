/* failing_allocator.h - an allocator that fails when it is told to, and counts.
 *
 * It takes libc's place in the program that includes it, which a sanitizer's own
 * does not allow: under one, OWN_ALLOCATOR is 0 and nothing fails or is counted. */
#ifndef SNNFIT_TESTS_FAILING_ALLOCATOR_H
#define SNNFIT_TESTS_FAILING_ALLOCATOR_H

#include <stdbool.h>
#include <stdlib.h>

static long allocations_left = -1; /* before one fails; -1: none does */
static long allocated;		   /* and not freed yet */

#if defined(__SANITIZE_ADDRESS__)
#define OWN_ALLOCATOR 0
#else
#define OWN_ALLOCATOR 1
#endif

#if OWN_ALLOCATOR
#pragma GCC visibility push(default) /* for the libraries that we use, too */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *memory);

static bool
fails_now(void)
{
	if (allocations_left < 0)
		return false;
	return allocations_left-- == 0;
}

void *
malloc(size_t size)
{
	void *memory = fails_now() ? NULL : __libc_malloc(size);

	allocated += memory != NULL;
	return memory;
}

void *
calloc(size_t count, size_t size)
{
	void *memory = fails_now() ? NULL : __libc_calloc(count, size);

	allocated += memory != NULL;
	return memory;
}

void *
realloc(void *old, size_t size)
{
	void *memory = fails_now() ? NULL : __libc_realloc(old, size);

	allocated += memory != NULL && !old;
	return memory;
}

void
free(void *memory)
{
	allocated -= memory != NULL;
	__libc_free(memory);
}
#pragma GCC visibility pop
#endif

#endif
