/* counting.c - part of every program of a build that counts what is run (--coverage).
 *
 * The counters are written when a program ends by exit. Here they are written, too, when
 * a process ends by _exit (the copies of run_faults, the models of a batch), and whole where
 * a test lets no file grow: a file of counters cut short adds up to negative counts. */
#include "counting.h"

#include <sys/resource.h>
#include <unistd.h>

void __gcov_dump(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

/* Before the counters' own destructor, which has a priority. */
__attribute__((destructor)) static void
let_files_grow(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_FSIZE, &limit);
	}
}

void
__wrap__exit(int status)
{
	if (counting_begins)
		counting_begins();
	let_files_grow();
	__gcov_dump();
	__real__exit(status);
}
