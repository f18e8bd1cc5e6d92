/* watch.h - what is seen of passes and steps while they run. */
#ifndef SNNFIT_CLI_WATCH_H
#define SNNFIT_CLI_WATCH_H

#include "cli/arguments.h"

#include <time.h>

struct watch {
	const struct arguments *arguments;
	const char *model;
	unsigned step; /* of what was shown so far */
	struct timespec begin;
	bool shows_progress; /* a line on the terminal is to be wiped */
};

/* Begins to watch: *data is the data of the arguments, which report to *watch where
 * somebody sees it. */
void watch_data(struct watch *watch, const struct arguments *arguments, const char *model,
		snnfit_simulate_options *data);
/* Then, whether somebody wants to see changes: options->observer watches for *watch. */
bool watch_changes(struct watch *watch, snnfit_options *options, snnfit_error *err);
void watch_end(struct watch *watch);

#endif
