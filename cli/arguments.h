/* arguments.h - the command line: one table of options feeds parsing and --help. */
#ifndef SNNFIT_CLI_ARGUMENTS_H
#define SNNFIT_CLI_ARGUMENTS_H

#include "snnfit.h"

#include <stdbool.h>

/* A command, also as a bit, to say which options it takes. */
enum command {
	COMMAND_INSPECT = 1 << 0,
	COMMAND_ANNOTATE = 1 << 1,
	COMMAND_ESTIMATE = 1 << 2,
	COMMAND_OPTIMIZE = 1 << 3,
	COMMAND_FIT = 1 << 4,
	COMMAND_REPORT = 1 << 5,
	COMMAND_TARGETS = 1 << 6,
	COMMAND_BATCH = 1 << 7,
	COMMAND_SIMULATE = 1 << 8,

	/* those that make the model smaller, run it on data, and say what it costs */
	COMMANDS_CHANGE = COMMAND_OPTIMIZE | COMMAND_FIT,
	COMMANDS_RUN = COMMAND_SIMULATE | COMMANDS_CHANGE,
	COMMANDS_COST = COMMAND_ESTIMATE | COMMANDS_CHANGE,
};

struct arguments {
	enum command command;
	const char *command_name;
	const char **operands; /* models, in the order given */
	size_t operand_count;
	char **rest; /* batch: what stands behind "--" */
	int rest_count;

	snnfit_read_options read;
	snnfit_options options;
	snnfit_simulate_options data;
	const char **states; /* read.states */
	const char *output, *save_steps, *dump_after, *html, *strategy;
	uint32_t jobs, seed;
	bool json, dry_run, quiet, verbose, help, resume;
	uint64_t given; /* which options stood there; arguments.c's */
};

/* argv[0] is the command's name. false: *fault says what is wrong with it, to be
 * freed with arguments_free all the same. Strings are argv's. */
bool arguments_parse(struct arguments *out, enum command command, int argc, char **argv,
		     snnfit_error *fault);
void arguments_free(struct arguments *arguments);

/* The option of that name, without its dashes, stood there, on whichever command takes it. */
bool arguments_have(const struct arguments *arguments, const char *name);
/* A number of LUTs, blocks or DSPs in place of a target. */
bool arguments_have_budget(const struct arguments *arguments);
/* The name of one that stood there and belongs to the pass; NULL: none did. */
const char *arguments_option_of(const struct arguments *arguments, const char *pass);

/* The options of a command, for --help. */
void arguments_print_options(enum command command);

#endif
