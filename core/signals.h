/* signals.h - signals that would end the process wait while a file must not be left as it is.
 *
 * For the calling thread, without handlers: the caller's are as they were. A program
 * with more threads has to block signals in the others, as it does to handle them. */
#ifndef SNNFIT_CORE_SIGNALS_H
#define SNNFIT_CORE_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct signal_hold {
	sigset_t held; /* those that were not blocked before */
};

void signals_hold(struct signal_hold *hold);
void signals_release(const struct signal_hold *hold);
/* One of those that are held has come, and will end the process. */
bool signals_waiting(const struct signal_hold *hold);

#endif
