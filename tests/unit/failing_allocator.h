/* failing_allocator.h - an allocator that fails when it is told to, and counts.
 *
 * It takes libc's place in the program that includes it, for the libraries that it
 * uses too, and leaves the work to libc's allocator, or to the sanitizer's. */
#ifndef SNNFIT_TESTS_FAILING_ALLOCATOR_H
#define SNNFIT_TESTS_FAILING_ALLOCATOR_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct failing_allocations {
	long left;    /* allocations before one fails; -1: none does */
	bool onwards; /* and so do all that follow */
	long seen;
};

static struct failing_allocations own_failing = { .left = -1 };
/* May be pointed at memory that processes share. */
static struct failing_allocations *failing = &own_failing;
static long allocated;		    /* and not freed yet */
static void (*noticed)(long place); /* NULL, or is told of each allocation */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WATCHED
#define REAL(call) __interceptor_##call
#define NOTE(difference) ((void)0) /* strdup and others are the sanitizer's own: see below */
enum { SANITIZED = 1 };
#else
#define REAL(call) __libc_##call
#define NOTE(difference) ((void)(allocated += (difference)))
enum { SANITIZED = 0 };
#endif

/* The loader allocates before a sanitizer is there to look at it. */
#define UNWATCHED __attribute__((no_sanitize("address", "undefined", "thread")))

#pragma GCC visibility push(default)
void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *old, size_t size);
void REAL(free)(void *memory);

UNWATCHED static bool
fails_now(void)
{
	if (noticed)
		noticed(failing->seen);
	failing->seen++;
	if (failing->left < 0)
		return false;
	if (failing->left > 0) {
		failing->left--;
		return false;
	}
	if (!failing->onwards)
		failing->left = -1;
	errno = ENOMEM;
	return true;
}

UNWATCHED void *
malloc(size_t size)
{
	void *memory = fails_now() ? NULL : REAL(malloc)(size);

	NOTE(memory != NULL);
	return memory;
}

UNWATCHED void *
calloc(size_t count, size_t size)
{
	void *memory = fails_now() ? NULL : REAL(calloc)(count, size);

	NOTE(memory != NULL);
	return memory;
}

UNWATCHED void *
realloc(void *old, size_t size)
{
	void *memory = fails_now() ? NULL : REAL(realloc)(old, size);

	NOTE(memory != NULL && !old);
	return memory;
}

#ifdef WATCHED
int REAL(posix_memalign)(void **out, size_t alignment, size_t size);
#else
void *REAL(memalign)(size_t alignment, size_t size);
#endif

UNWATCHED int
posix_memalign(void **out, size_t alignment, size_t size)
{
	if (fails_now())
		return ENOMEM;
#ifdef WATCHED
	if (REAL(posix_memalign)(out, alignment, size) != 0)
		return ENOMEM;
#ifdef __SANITIZE_THREAD__ /* which tells its hook of the others, and of what is freed */
	allocated++;
#endif
	return 0;
#else
	*out = REAL(memalign)(alignment, size);
	NOTE(*out != NULL);
	return *out ? 0 : ENOMEM;
#endif
}

UNWATCHED void
free(void *memory)
{
	NOTE(-(memory != NULL));
	REAL(free)(memory);
}

#ifdef WATCHED
void __sanitizer_malloc_hook(const volatile void *memory, size_t size);
void __sanitizer_free_hook(const volatile void *memory);

UNWATCHED void
__sanitizer_malloc_hook(const volatile void *memory, size_t size)
{
	(void)size;
	allocated += memory != NULL;
}

UNWATCHED void
__sanitizer_free_hook(const volatile void *memory)
{
	allocated -= memory != NULL;
}
#endif
#pragma GCC visibility pop

#endif
