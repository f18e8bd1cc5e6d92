/* counting.h - what tests/counting.c, a part of builds that count, asks of a program. */
#ifndef SNNFIT_TESTS_COUNTING_H
#define SNNFIT_TESTS_COUNTING_H

/* Before the counters are written: from now on nothing is to fail in this process.
 * A program that makes nothing fail need not have it. */
void counting_begins(void) __attribute__((weak));

#endif
