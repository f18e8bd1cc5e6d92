#include "core/signals.h"

#include <stddef.h>

static const int ending[] = { SIGHUP,  SIGINT,	SIGQUIT, SIGPIPE, SIGTERM, SIGUSR1,   SIGUSR2,
			      SIGALRM, SIGXCPU, SIGXFSZ, SIGPROF, SIGIO,   SIGVTALRM, SIGPWR };

enum { ENDING = sizeof ending / sizeof *ending };

void
signals_hold(struct signal_hold *hold)
{
	sigset_t wanted, before;

	(void)sigemptyset(&wanted);
	(void)sigemptyset(&before);
	(void)sigemptyset(&hold->held);
	for (int i = 0; i < ENDING; i++)
		(void)sigaddset(&wanted, ending[i]);
	(void)pthread_sigmask(SIG_BLOCK, &wanted, &before);
	for (int i = 0; i < ENDING; i++)
		if (!sigismember(&before, ending[i]))
			(void)sigaddset(&hold->held, ending[i]);
}

void
signals_release(const struct signal_hold *hold)
{
	(void)pthread_sigmask(SIG_UNBLOCK, &hold->held, NULL);
}

static bool
would_end(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) &&
	       action.sa_handler == SIG_DFL;
}

bool
signals_waiting(const struct signal_hold *hold)
{
	sigset_t pending;

	if (sigpending(&pending) != 0)
		return false;
	for (int i = 0; i < ENDING; i++)
		if (sigismember(&pending, ending[i]) && sigismember(&hold->held, ending[i]) &&
		    would_end(ending[i]))
			return true;
	return false;
}
