/* inject.h - system calls that fail when they are told to. */
#ifndef SNNFIT_TESTS_INJECT_H
#define SNNFIT_TESTS_INJECT_H

#include <stdbool.h>

enum injection {
	INJECT_NOTHING,
	INJECT_FAILURE,	    /* EIO */
	INJECT_FULL_DISK,   /* ENOSPC of what takes space, from then on */
	INJECT_INTERRUPTED, /* EINTR of reading and writing */
	INJECT_SHORT,	    /* reads and writes one byte */
	INJECT_SIGNAL,	    /* the process gets one before the call */
};

/* Shared by a program and the processes that it starts. */
struct call_plan {
	enum injection injection;
	int signal;
	long left;	       /* calls that count before the one that fails; -1: none does */
	long seen;	       /* calls that counted */
	bool lost_diagnostics; /* a write to standard error failed */
	/* As on a file system and a kernel that can do little: no files without a name,
	 * no hard links, nothing reserved, no openat2. */
	bool poor;
};

/* From now on this process and those that it starts make their system calls for
 * input and output as the plan says. false with errno: it can't be done here. */
bool inject_calls(struct call_plan *plan);
/* This process alone goes on as another plan says. */
void inject_as(struct call_plan *plan);

#endif
