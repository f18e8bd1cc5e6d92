/* main.c - snnfit, the program: the table of commands. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

const struct command_row commands[] = {
	{ "inspect", COMMAND_INSPECT, "MODEL",
	  "populations, neuron models, rates, states, and what is frozen and why", run_inspect },
	{ "annotate", COMMAND_ANNOTATE, "MODEL --rates FILE -o OUT",
	  "put firing rates into the model", run_annotate },
	{ "simulate", COMMAND_SIMULATE, "MODEL --inputs X [--labels Y] [--steps T] [-o OUT]",
	  "run the model on data: accuracy, firing rates, spikes", run_simulate },
	{ "estimate", COMMAND_ESTIMATE, "MODEL --target TARGET",
	  "what the model costs on an FPGA as it is", run_estimate },
	{ "optimize", COMMAND_OPTIMIZE, "MODEL -o OUT", "make the model smaller", run_optimize },
	{ "fit", COMMAND_FIT, "MODEL --target TARGET -o OUT",
	  "make the model smaller until it fits", run_fit },
	{ "report", COMMAND_REPORT, "MODEL [--html FILE]",
	  "the report that optimize and fit left in a model", run_report },
	{ "targets", COMMAND_TARGETS, "", "known targets and their capacities", run_targets },
	{ "batch", COMMAND_BATCH, "FILE...|FOLDER|MANIFEST -o DIR -- COMMAND [OPTIONS]",
	  "a command for many models; goes on after a failure", run_batch },
	{ NULL, COMMAND_BATCH, NULL, NULL, NULL },
};

const struct command_row *
command_find(const char *name)
{
	for (const struct command_row *row = commands; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

bool
command_for_batch(const struct command_row *row)
{
	return row->command != COMMAND_BATCH && row->command != COMMAND_TARGETS;
}

/* --- help -------------------------------------------------------------------- */

static enum exit_status
print_help(void)
{
	(void)printf("snnfit " SNNFIT_VERSION
		     " - shrink ONNX spiking neural networks and fit them to FPGAs\n\n"
		     "usage: snnfit COMMAND [OPTIONS]\n\n");
	for (const struct command_row *row = commands; row->name; row++)
		(void)printf("  %-10s %s\n", row->name, row->help);
	(void)printf(
		"\n`snnfit COMMAND --help` lists the options. MODEL is an ONNX file, - is "
		"standard input.\n\n"
		"exit status: 0 done, and for fit: it fits; 1 fit is done, but it does not fit; "
		"2 wrong usage;\n3 invalid or unsupported model, rates or data; 4 input or "
		"output failed; 5 out of memory or\ninternal\n");
	return EXIT_DONE;
}

static void
print_passes(void)
{
	snnfit_pass pass;

	(void)printf("\npasses (* run by default):\n");
	for (size_t i = 0; snnfit_pass_at(i, &pass); i++)
		(void)printf("  %c %s%s\n      %s\n", pass.by_default ? '*' : ' ', pass.name,
			     pass.lossless ? " (lossless)" : "", pass.help);
}

static enum exit_status
print_command_help(const struct command_row *row)
{
	(void)printf("usage: snnfit %s %s\n%s\n\n", row->name, row->operands, row->help);
	arguments_print_options(row->command);
	if (row->command == COMMAND_OPTIMIZE || row->command == COMMAND_FIT)
		print_passes();
	return EXIT_DONE;
}

/* --- running ------------------------------------------------------------------- */

static enum exit_status
run_parsed(const struct command_row *row, const struct arguments *arguments)
{
	snnfit_error fault;

	if (arguments->help)
		return print_command_help(row);
	if (command_check(arguments, &fault))
		return row->run(arguments);
	complain(NULL, "error", fault.text);
	return exit_status_of(fault.status);
}

static enum exit_status
refuse_command(const char *name)
{
	snnfit_error fault;
	size_t length;

	(void)say_fault(&fault, "unknown command '%.64s'; known are", name);
	for (const struct command_row *row = commands; row->name; row++) {
		length = strlen(fault.text);
		(void)snprintf(fault.text + length, sizeof fault.text - length, "%s %s",
			       row == commands ? "" : ",", row->name);
	}
	complain(NULL, "error", fault.text);
	return EXIT_USAGE;
}

enum exit_status
command_run(int argc, char **argv)
{
	const struct command_row *row = command_find(argv[0]);
	struct arguments arguments;
	enum exit_status status;
	snnfit_error fault;

	if (!row)
		return refuse_command(argv[0]);
	if (arguments_parse(&arguments, row->command, argc, argv, &fault)) {
		status = run_parsed(row, &arguments);
	} else {
		complain(NULL, "error", fault.text);
		status = exit_status_of(fault.status);
	}
	arguments_free(&arguments);
	return status;
}

static enum exit_status
print_help_of(const char *name)
{
	const struct command_row *row = command_find(name);

	return row ? print_command_help(row) : refuse_command(name);
}

static enum exit_status
run_program(int argc, char **argv)
{
	if (argc < 2) {
		complain(NULL, "error", "no command; see `snnfit --help`");
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "help") == 0 && argc > 2)
		return print_help_of(argv[2]);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return print_help();
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("snnfit %s\n", snnfit_version());
		return EXIT_DONE;
	}
	return command_run(argc - 1, argv + 1);
}

int
main(int argc, char **argv)
{
	output_prepare();
	return (int)output_finish(run_program(argc, argv));
}
