/* chains.h - which allocations to fail: one of each chain of calls that leads to one.
 *
 * What goes wrong when an allocation fails is decided by who called for it, and who called
 * that; the thousandth call from the same loop shows nothing new. So a run is watched once,
 * and of all allocations of a chain one is taken, whichever: the first would leave
 * nothing behind that has to be cleared away. Chains that have been tried are known for the
 * time of the process. Include it behind failing_allocator.h. */
#ifndef SNNFIT_TESTS_CHAINS_H
#define SNNFIT_TESTS_CHAINS_H

#include <stdint.h>
#include <unwind.h>

/* Frames: the allocator's own, two or three, and those who call it. */
enum { CHAIN_FRAMES = 10, CHAINS_MAX = 1 << 16 };

struct chain {
	uint64_t hash; /* 0: nobody's */
	long seen;     /* allocations in the run that is watched */
	long place;    /* of one of them */
	bool tried;
};

static struct chain chains[CHAINS_MAX];
static long chain_count;
static uint64_t chain_random = 1;

UNWATCHED static struct chain *
chain_of(uint64_t hash)
{
	uint64_t i = hash % CHAINS_MAX;

	while (chains[i].hash && chains[i].hash != hash)
		i = (i + 1) % CHAINS_MAX;
	if (!chains[i].hash && ++chain_count > CHAINS_MAX / 2)
		abort();
	chains[i].hash = hash;
	return &chains[i];
}

struct trace {
	uint64_t hash;
	int frames;
};

UNWATCHED static _Unwind_Reason_Code
chain_frame(struct _Unwind_Context *context, void *argument)
{
	struct trace *trace = argument;

	trace->hash = (trace->hash ^ _Unwind_GetIP(context)) * 1099511628211u;
	return ++trace->frames < CHAIN_FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
}

UNWATCHED static void
chain_note(long place)
{
	struct trace trace = { 14695981039346656037u, 0 };
	struct chain *chain;

	(void)_Unwind_Backtrace(chain_frame, &trace);
	chain = chain_of((trace.hash ^ trace.hash >> 29) | 1);
	chain_random = chain_random * 6364136223846793005u + 1442695040888963407u;
	if ((chain_random >> 33) % (uint64_t)++chain->seen == 0) /* each as likely as another */
		chain->place = place;
}

/* Between the two: the run that is watched. */
static void
chains_begin(void)
{
	for (long i = 0; i < CHAINS_MAX; i++)
		chains[i].seen = 0;
	failing->seen = 0;
	noticed = chain_note;
}

static void
chains_end(void)
{
	noticed = NULL;
}

/* The place of the next chain that the run went through and that is still to be tried; -1: no
 * more. Begins with *index 0. */
static long
chains_next(long *index)
{
	for (; *index < CHAINS_MAX; ++*index)
		if (chains[*index].seen && !chains[*index].tried) {
			chains[*index].tried = true;
			return chains[*index].place;
		}
	return -1;
}

#endif
