/* check.c - what the arguments leave open or contradict. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static bool
check_operands(const struct arguments *arguments, snnfit_error *fault)
{
	const char *command = arguments->command_name;

	if (arguments->command == COMMAND_TARGETS)
		return arguments->operand_count == 0 ||
		       say_fault(fault, "targets takes no '%s'", arguments->operands[0]);
	if (arguments->operand_count == 0)
		return say_fault(fault, "%s needs a model; see `snnfit %s --help`", command,
				 command);
	for (size_t i = 0; i < arguments->operand_count; i++)
		if (!*arguments->operands[i])
			return say_fault(fault, "%s needs a model, not an empty file name",
					 command);
	if (arguments->command != COMMAND_BATCH && arguments->operand_count > 1)
		return say_fault(fault,
				 "%s takes one model, so what is '%s'? `snnfit batch` takes many",
				 command, arguments->operands[1]);
	return true;
}

static bool
check_output(const struct arguments *arguments, snnfit_error *fault)
{
	if (arguments->command != COMMAND_ANNOTATE && arguments->command != COMMAND_OPTIMIZE &&
	    arguments->command != COMMAND_FIT)
		return true;
	if (!arguments->output && !arguments->dry_run)
		return say_fault(
			fault, "%s needs to know where to write: -o OUT; --dry-run writes nothing",
			arguments->command_name);
	if (arguments->output && strcmp(arguments->output, "-") == 0 && arguments->json &&
	    !arguments->dry_run)
		return say_fault(fault, "the model (-o -) and the report (--json) can't both go to "
					"standard output");
	if (arguments->dry_run && arguments->save_steps)
		return say_fault(fault, "--dry-run writes nothing, --save-steps does; choose one");
	return true;
}

static bool
check_simulate(const struct arguments *arguments, snnfit_error *fault)
{
	if (!arguments->data.inputs)
		return say_fault(fault, "simulate needs data to run the model on: --inputs X");
	if (arguments->output && strcmp(arguments->output, "-") == 0 && arguments->json &&
	    !arguments->dry_run)
		return say_fault(fault, "the model (-o -) and the report (--json) can't both go to "
					"standard output");
	return true;
}

static bool
check_target(const struct arguments *arguments, snnfit_error *fault)
{
	const snnfit_options *options = &arguments->options;
	bool budget = arguments_have_budget(arguments);

	if (options->target && (budget || options->family))
		return say_fault(fault, "--target and a budget (--target-luts, --target-bram, "
					"--target-dsp, --family) exclude each other");
	if (options->family && !budget)
		return say_fault(fault, "--family belongs to a budget: give --target-luts N, "
					"--target-bram N or --target-dsp N");
	if (options->target || budget ||
	    (arguments->command != COMMAND_FIT && arguments->command != COMMAND_ESTIMATE))
		return true;
	return say_fault(fault,
			 "%s needs a target: --target NAME (`snnfit targets` lists them) or a "
			 "budget (--target-luts N)",
			 arguments->command_name);
}

static bool
check_strategy(const char *strategy, snnfit_error *fault)
{
	if (!strategy || strcmp(strategy, "ladder") == 0)
		return true;
	if (strcmp(strategy, "search") == 0)
		return say_fault(fault, "the strategy 'search' does not exist yet; use ladder");
	return say_fault(fault, "unknown strategy '%s'; there is only ladder", strategy);
}

static bool
check_dump(const char *name, snnfit_error *fault)
{
	snnfit_pass pass;

	if (!name)
		return true;
	for (size_t i = 0; snnfit_pass_at(i, &pass); i++)
		if (strcmp(pass.name, name) == 0)
			return true;
	return say_fault(fault,
			 "--dump-after: unknown pass '%s'; `snnfit optimize --help` lists "
			 "them",
			 name);
}

static bool
check_batch(const struct arguments *arguments, snnfit_error *fault)
{
	if (!arguments->output)
		return say_fault(fault, "batch needs to know where to write: -o DIR");
	if (arguments->rest_count == 0)
		return say_fault(fault, "batch needs a command to run, behind --: as in `snnfit "
					"batch models -o out -- fit --target ecp5`");
	if (arguments->jobs == 0)
		return say_fault(fault, "--jobs takes 1 or more");
	return true;
}

bool
command_check(const struct arguments *arguments, snnfit_error *fault)
{
	if (!check_operands(arguments, fault) || !check_output(arguments, fault))
		return false;
	if (arguments->read.rates && strcmp(arguments->read.rates, "-") == 0)
		return say_fault(fault, "--rates takes a file, not standard input (-)");
	if (arguments->command == COMMAND_ANNOTATE && !arguments->read.rates)
		return say_fault(fault, "annotate needs the rates: --rates FILE");
	if (arguments->command == COMMAND_SIMULATE)
		return check_simulate(arguments, fault) && command_check_effects(arguments, fault);
	if (arguments->command == COMMAND_BATCH)
		return check_batch(arguments, fault);
	return check_target(arguments, fault) && check_strategy(arguments->strategy, fault) &&
	       check_dump(arguments->dump_after, fault) && command_check_effects(arguments, fault);
}
