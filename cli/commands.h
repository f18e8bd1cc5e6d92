/* commands.h - the commands: each is one function, one row in a table that --help prints. */
#ifndef SNNFIT_CLI_COMMANDS_H
#define SNNFIT_CLI_COMMANDS_H

#include "cli/arguments.h"
#include "cli/output.h"

struct command_row {
	const char *name;
	enum command command;
	const char *operands, *help;
	enum exit_status (*run)(const struct arguments *arguments);
};

extern const struct command_row commands[]; /* ends with a NULL name */
const struct command_row *command_find(const char *name);
/* It is one that works on a model that batch puts in. */
bool command_for_batch(const struct command_row *row);

/* argv[0] is the command's name: parses, runs, and complains. What it printed is
 * not flushed. */
enum exit_status command_run(int argc, char **argv);

enum exit_status run_inspect(const struct arguments *arguments);
enum exit_status run_simulate(const struct arguments *arguments);
enum exit_status run_annotate(const struct arguments *arguments);
enum exit_status run_estimate(const struct arguments *arguments);
enum exit_status run_optimize(const struct arguments *arguments);
enum exit_status run_fit(const struct arguments *arguments);
enum exit_status run_report(const struct arguments *arguments);
enum exit_status run_targets(const struct arguments *arguments);
enum exit_status run_batch(const struct arguments *arguments);

/* What the arguments leave open or contradict, before anything is read: false,
 * and *fault says it. */
bool command_check(const struct arguments *arguments, snnfit_error *fault);
/* Every option that was given has something to act on. */
bool command_check_effects(const struct arguments *arguments, snnfit_error *fault);

#endif
