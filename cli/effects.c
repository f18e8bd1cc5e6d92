/* effects.c - options that would have no effect: a mistake of whoever gives them.
 *
 * What only the model can tell, whether a limit is reached or a weight is quantized already, is not
 * looked at; nor is what describes the model, and where output goes. --passes none is what others
 * are compared with: it takes the options that they take.
 */
#include "cli/commands.h"

#include <string.h>

/* --- what options act on ---------------------------------------------------------- */

static bool
has_target(const struct arguments *arguments)
{
	return arguments->options.target || arguments_have_budget(arguments);
}

static bool
may_be_event(const struct arguments *arguments)
{
	const char *architecture = arguments->options.architecture;

	return !architecture || strcmp(architecture, "auto") == 0 ||
	       strcmp(architecture, "event") == 0;
}

static bool
has_inputs(const struct arguments *arguments)
{
	return arguments->data.inputs != NULL;
}

static bool
has_labels(const struct arguments *arguments)
{
	return arguments->data.labels != NULL;
}

static bool
is_poisson(const struct arguments *arguments)
{
	return arguments->data.encoding && strcmp(arguments->data.encoding, "poisson") == 0;
}

static bool
has_output(const struct arguments *arguments)
{
	return arguments->output != NULL;
}

/* A list of passes has the name in it; spaces around names are not part of them. */
static bool
is_named(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (list += strspn(list, ", "); *list; list += strspn(list, ", ")) {
		size_t word = strcspn(list, ", ");

		if (word == length && strncmp(list, name, length) == 0)
			return true;
		list += word;
	}
	return false;
}

static bool
pass_runs(const struct arguments *arguments, const snnfit_pass *pass)
{
	const char *names = arguments->options.passes;

	return names ? is_named(names, pass->name) : pass->by_default;
}

static bool
dumped_pass_runs(const struct arguments *arguments)
{
	snnfit_pass pass;

	for (size_t i = 0; snnfit_pass_at(i, &pass); i++)
		if (strcmp(pass.name, arguments->dump_after) == 0)
			return pass_runs(arguments, &pass);
	return true; /* an unknown one: that is another mistake */
}

/* --- the table ----------------------------------------------------------------------- */

#define NEEDS_TARGET "needs a target to estimate for: --target NAME, or a budget (--target-luts N)"
#define NEEDS_INPUTS "needs data to run the model on: --inputs X"
#define NEEDS_LABELS "needs to know what is right: --labels Y"

static const struct {
	const char *option;
	unsigned commands;
	bool (*acts)(const struct arguments *arguments);
	const char *otherwise;
} effects[] = {
	{ "dry-run", COMMAND_SIMULATE, has_output, "has no effect: without -o nothing is written" },
	{ "dump-after", COMMANDS_CHANGE, dumped_pass_runs,
	  "has no effect: that pass does not run" },
	{ "arch", COMMAND_OPTIMIZE, has_target, NEEDS_TARGET },
	{ "bitstream-length", COMMAND_OPTIMIZE, has_target, NEEDS_TARGET },
	{ "weight-bits", COMMAND_OPTIMIZE, has_target, NEEDS_TARGET },
	{ "lanes", COMMAND_OPTIMIZE, has_target, NEEDS_TARGET },
	{ "lanes", COMMANDS_COST, may_be_event, "has no effect: only --arch event has lanes" },
	{ "behavioural-agreement", COMMANDS_CHANGE, has_inputs, NEEDS_INPUTS },
	{ "labels", COMMANDS_CHANGE, has_inputs, NEEDS_INPUTS },
	{ "max-accuracy-drop", COMMANDS_CHANGE, has_inputs, NEEDS_INPUTS },
	{ "max-accuracy-drop", COMMANDS_CHANGE, has_labels, NEEDS_LABELS },
	{ "steps", COMMANDS_CHANGE, has_inputs, NEEDS_INPUTS },
	{ "encoding", COMMANDS_CHANGE, has_inputs, NEEDS_INPUTS },
	{ "decoding", COMMANDS_CHANGE, has_inputs, NEEDS_INPUTS },
	{ "decoding", COMMANDS_RUN, has_labels, NEEDS_LABELS },
	{ "seed", COMMANDS_CHANGE, has_inputs, NEEDS_INPUTS },
	{ "seed", COMMANDS_RUN, is_poisson, "belongs to --encoding poisson" },
	{ "initial-state", COMMANDS_CHANGE, has_inputs, NEEDS_INPUTS },
	{ "input-divisor", COMMANDS_CHANGE, has_inputs, NEEDS_INPUTS },
	{ "confusion", COMMAND_SIMULATE, has_labels, NEEDS_LABELS },
	{ "threads", COMMANDS_CHANGE, has_inputs, NEEDS_INPUTS },
	{ "reuse-memory", COMMANDS_CHANGE, has_inputs, NEEDS_INPUTS },
};

enum { EFFECTS = sizeof effects / sizeof *effects };

/* --- checks ---------------------------------------------------------------------------- */

static bool
check_passes(const struct arguments *arguments, snnfit_error *fault)
{
	const char *names = arguments->options.passes, *option;
	snnfit_pass pass;

	for (size_t i = 0; snnfit_pass_at(i, &pass); i++) {
		option = arguments_option_of(arguments, pass.name);
		if (option && !pass_runs(arguments, &pass))
			return say_fault(
				fault, "--%s has no effect: %s is not among %s", option, pass.name,
				names ? "--passes" : "the default passes; name it in --passes");
	}
	return true;
}

static bool
check_lengths(const struct arguments *arguments, snnfit_error *fault)
{
	uint32_t least = arguments->options.min_bitstream_length;
	uint32_t first = arguments->options.bitstream_length;

	if (least <= first || !arguments_have(arguments, "min-bitstream-length"))
		return true;
	return say_fault(fault,
			 "--min-bitstream-length %u is over --initial-bitstream-length, which is "
			 "%u",
			 least, first);
}

bool
command_check_effects(const struct arguments *arguments, snnfit_error *fault)
{
	if (!check_passes(arguments, fault) || !check_lengths(arguments, fault))
		return false;
	for (size_t i = 0; i < EFFECTS; i++)
		if ((effects[i].commands & arguments->command) &&
		    arguments_have(arguments, effects[i].option) && !effects[i].acts(arguments))
			return say_fault(fault, "--%s %s", effects[i].option, effects[i].otherwise);
	return true;
}
