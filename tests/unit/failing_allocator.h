/* failing_allocator.h - malloc and its kin, of which the N-th call fails.
 *
 * Replacing the allocator is not what a sanitizer allows: under one, nothing fails
 * and nothing is counted. For one source file a program. */
#ifndef SNNFIT_TESTS_FAILING_ALLOCATOR_H
#define SNNFIT_TESTS_FAILING_ALLOCATOR_H

#include <stdbool.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
enum { OWN_ALLOCATOR = 0 };
#else
enum { OWN_ALLOCATOR = 1 };
#endif

static long allocations_left = -1; /* before one fails; -1: none does */
static long allocated;		   /* and not freed yet */

#if !defined(__SANITIZE_ADDRESS__)
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
