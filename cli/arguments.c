#include "cli/arguments.h"

#include "cli/output.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the table ------------------------------------------------------------- */

enum kind {
	KIND_FLAG,    /* a bool */
	KIND_SETTING, /* an int that becomes 1 */
	KIND_TEXT,
	KIND_COUNT,  /* a uint32_t */
	KIND_NUMBER, /* a double */
	KIND_OVER_0, /* such a double */
	KIND_RANGE,  /* --input-range */
	KIND_STATE,  /* --state, as often as you like */
};

struct option {
	const char *name; /* without the dashes */
	char letter;	  /* 0: none */
	enum kind kind;
	size_t offset;	      /* into struct arguments */
	const char *argument; /* what its value is called; NULL: it has none */
	unsigned commands;
	const char *help; /* of an option of a pass: "PASS: ..." */
};

#define AT(member) offsetof(struct arguments, member)

#define MODELS                                                                                     \
	(COMMAND_INSPECT | COMMAND_ANNOTATE | COMMAND_SIMULATE | COMMAND_ESTIMATE |                \
	 COMMAND_OPTIMIZE | COMMAND_FIT)
#define RATED (MODELS & ~(unsigned)COMMAND_SIMULATE) /* simulate measures them */
#define WRITES (COMMAND_ANNOTATE | COMMAND_SIMULATE | COMMAND_OPTIMIZE | COMMAND_FIT)
#define READS (MODELS | COMMAND_REPORT)
#define ALL (MODELS | COMMAND_REPORT | COMMAND_TARGETS | COMMAND_BATCH)

static const struct option table[] = {
	/* reading */
	{ "rates", 0, KIND_TEXT, AT(read.rates), "FILE", RATED,
	  "firing rates, .json, .npz or .npy; without it, but for annotate: those in the model" },
	{ "rates-axes", 0, KIND_TEXT, AT(read.rates_axes), "AXES", RATED,
	  "dimensions of the arrays, when they are counts or rasters: T time, N sample, U unit" },
	{ "input-range", 0, KIND_RANGE, AT(options.input_low), "LO,HI", RATED,
	  "lowest and highest value of the model's inputs" },
	{ "state", 0, KIND_STATE, 0, "IN=OUT", MODELS,
	  "input IN of a time step takes output OUT of the one before; repeatable" },
	{ "max-depth", 0, KIND_COUNT, AT(read.limits.depth), "N", READS,
	  "refuse files with messages nested deeper; default 100, at most 1000" },
	{ "max-messages", 0, KIND_COUNT, AT(read.limits.messages), "N", READS,
	  "... with more nodes, tensors, attributes and so on; default 2097152" },
	{ "max-message-bytes", 0, KIND_COUNT, AT(read.limits.message_bytes), "N", READS,
	  "... with more bytes that are not tensor data; default 134217728" },
	{ "max-operations", 0, KIND_COUNT, AT(read.limits.operations), "N", MODELS,
	  "... that spell out to more operations; default 500000" },
	/* writing */
	{ "output", 'o', KIND_TEXT, AT(output), "OUT", WRITES | COMMAND_BATCH,
	  "where to write, - is standard output; batch: the folder" },
	{ "dry-run", 0, KIND_FLAG, AT(dry_run), NULL, WRITES, "write nothing" },
	{ "save-steps", 0, KIND_TEXT, AT(save_steps), "DIR", COMMANDS_CHANGE,
	  "keep the model after every pass and step" },
	{ "dump-after", 0, KIND_TEXT, AT(dump_after), "PASS", COMMANDS_CHANGE,
	  "print the network on standard error whenever PASS has changed it" },
	{ "html", 0, KIND_TEXT, AT(html), "FILE", COMMAND_REPORT, "write a page to look at" },
	/* the target */
	{ "target", 0, KIND_TEXT, AT(options.target), "TARGET", COMMANDS_COST,
	  "a name or part that `snnfit targets` lists, or a JSON file" },
	{ "target-luts", 0, KIND_COUNT, AT(options.target_luts), "N", COMMANDS_COST,
	  "instead of a target: a budget of LUTs (ice40: logic cells)" },
	{ "target-bram", 0, KIND_COUNT, AT(options.target_bram), "N", COMMANDS_COST,
	  "... of block RAMs" },
	{ "target-dsp", 0, KIND_COUNT, AT(options.target_dsp), "N", COMMANDS_COST, "... of DSPs" },
	{ "family", 0, KIND_TEXT, AT(options.family), "FAMILY", COMMANDS_COST,
	  "of a budget: ice40, ecp5 (default), xc7, gowin or ultrascale+" },
	/* the design */
	{ "arch", 0, KIND_TEXT, AT(options.architecture), "ARCH", COMMANDS_COST,
	  "sc, parallel, event, sparse, or auto (default): the one that fits with the least "
	  "change, else the closest" },
	{ "bitstream-length", 0, KIND_COUNT, AT(options.bitstream_length), "L",
	  COMMAND_ESTIMATE | COMMAND_OPTIMIZE, "clocks a time step; sc only" },
	{ "weight-bits", 0, KIND_COUNT, AT(options.weight_bits), "B", COMMANDS_COST,
	  "stored width of weights that are not quantized" },
	{ "lanes", 0, KIND_COUNT, AT(options.lanes), "N", COMMANDS_COST,
	  "units of a layer that are updated in a clock; event only" },
	/* the passes */
	{ "passes", 0, KIND_TEXT, AT(options.passes), "a,b,...|none", COMMANDS_CHANGE,
	  "the passes to run, in order, repeated until nothing changes" },
	{ "dead-below", 0, KIND_NUMBER, AT(options.dead_below), "RATE", COMMANDS_CHANGE,
	  "dead_neuron_elimination: rates at most this are dead" },
	{ "redundancy-cosine", 0, KIND_NUMBER, AT(options.redundancy_cosine), "C", COMMANDS_CHANGE,
	  "redundancy_elimination: neurons whose weights are closer than this are one" },
	{ "redundancy-norm", 0, KIND_SETTING, AT(options.redundancy_norm), NULL, COMMANDS_CHANGE,
	  "redundancy_elimination: also when their norms differ by more than 1 %" },
	{ "behavioural-agreement", 0, KIND_NUMBER, AT(options.behavioural_agreement), "A",
	  COMMANDS_CHANGE,
	  "behavioural_redundancy: share of the steps in which the spikes of two neurons agree" },
	{ "fusion-activity", 0, KIND_NUMBER, AT(options.fusion_activity), "RATE", COMMANDS_CHANGE,
	  "layer_fusion: layers whose rates are all below are near-silent" },
	{ "prune-threshold", 0, KIND_NUMBER, AT(options.prune_threshold), "W", COMMANDS_CHANGE,
	  "magnitude_pruning: weights at most this become zero" },
	{ "prune-by-rate", 0, KIND_SETTING, AT(options.prune_by_rate), NULL, COMMANDS_CHANGE,
	  "magnitude_pruning: weight times rate of the neuron that it comes from" },
	{ "quantize-bits", 0, KIND_COUNT, AT(options.quantize_bits), "B", COMMANDS_CHANGE,
	  "quantization: width of a weight, 2 to 16" },
	{ "quantize-per-tensor", 0, KIND_SETTING, AT(options.quantize_per_tensor), NULL,
	  COMMANDS_CHANGE, "quantization: one scale a layer, not a neuron" },
	/* the fit */
	{ "strategy", 0, KIND_TEXT, AT(strategy), "ladder", COMMAND_FIT,
	  "how to look for a fit; ladder is the only one yet" },
	{ "max-iterations", 0, KIND_COUNT, AT(options.max_iterations), "N", COMMAND_FIT,
	  "of the ladder" },
	{ "initial-bitstream-length", 0, KIND_COUNT, AT(options.bitstream_length), "L", COMMAND_FIT,
	  "where the ladder starts; sc only" },
	{ "min-bitstream-length", 0, KIND_COUNT, AT(options.min_bitstream_length), "L", COMMAND_FIT,
	  "where halving it ends; sc only" },
	/* data */
	{ "inputs", 0, KIND_TEXT, AT(data.inputs), "X", COMMANDS_RUN,
	  "samples: .npy, .npz, IDX (.gz), .pb, or a folder of test_data_set_*" },
	{ "labels", 0, KIND_TEXT, AT(data.labels), "Y", COMMANDS_RUN,
	  "the class of each sample, in such a file: accuracy is measured" },
	{ "max-accuracy-drop", 0, KIND_NUMBER, AT(options.max_accuracy_drop), "POINTS",
	  COMMANDS_CHANGE, "undo, or leave, what would cost more percentage points of accuracy" },
	{ "steps", 0, KIND_COUNT, AT(data.steps), "T", COMMANDS_RUN,
	  "time steps to run; default: those of the annotation, or in the model" },
	{ "encoding", 0, KIND_TEXT, AT(data.encoding), "E", COMMANDS_RUN,
	  "direct (default), poisson, latency, or time: the data has an axis of time" },
	{ "decoding", 0, KIND_TEXT, AT(data.decoding), "D", COMMANDS_RUN,
	  "of the outputs over time: count, mean, last or maximum; default: by the model" },
	{ "seed", 0, KIND_COUNT, AT(seed), "N", COMMANDS_RUN, "of the encoding poisson" },
	{ "initial-state", 0, KIND_TEXT, AT(data.initial_state), "FILE", COMMANDS_RUN,
	  "an .npz with arrays named like state inputs; default: zeros" },
	{ "input-divisor", 0, KIND_OVER_0, AT(data.input_divisor), "X", COMMANDS_RUN,
	  "input values are divided by it; default: 255 for bytes, else 1" },
	{ "confusion", 0, KIND_SETTING, AT(data.confusion), NULL, COMMAND_SIMULATE,
	  "which class was taken for which" },
	{ "threads", 0, KIND_COUNT, AT(data.threads), "N", COMMANDS_RUN,
	  "samples at the same time; default: one a processor; results don't depend on it" },
	{ "reuse-memory", 0, KIND_COUNT, AT(data.reuse_memory), "MIB", COMMANDS_CHANGE,
	  "for spikes of layers that are used again in the next run; default 256, 0: none; "
	  "results don't depend on it" },
	/* batch */
	{ "jobs", 0, KIND_COUNT, AT(jobs), "N", COMMAND_BATCH, "models at the same time" },
	{ "resume", 0, KIND_FLAG, AT(resume), NULL, COMMAND_BATCH,
	  "leave out what an earlier, identical batch has done" },
	/* everywhere */
	{ "json", 0, KIND_FLAG, AT(json), NULL, ALL & ~(unsigned)COMMAND_BATCH,
	  "one JSON document on standard output" },
	{ "quiet", 'q', KIND_FLAG, AT(quiet), NULL, ALL, "no summary, no warnings" },
	{ "verbose", 'v', KIND_FLAG, AT(verbose), NULL, ALL,
	  "say on standard error what is being done" },
	{ "help", 'h', KIND_FLAG, AT(help), NULL, ALL, "print this" },
};

enum { OPTIONS = sizeof table / sizeof *table };
_Static_assert(OPTIONS <= 64, "arguments.given has a bit for each");

/* --- values ---------------------------------------------------------------- */

/* The place in *arguments that the option sets. */
static void *
place(struct arguments *arguments, const struct option *option)
{
	return (char *)arguments + option->offset;
}

static bool
number_from(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(*out);
}

static bool
set_count(struct arguments *arguments, const struct option *option, const char *text,
	  snnfit_error *fault)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	/* the largest of all means unlimited */
	if (end == text || *end || text[0] == '-' || errno || value >= UINT32_MAX)
		return say_fault(fault, "--%s takes a whole number from 0 on, not '%s'",
				 option->name, text);
	*(uint32_t *)place(arguments, option) = (uint32_t)value;
	return true;
}

static bool
set_number(struct arguments *arguments, const struct option *option, const char *text,
	   snnfit_error *fault)
{
	return number_from(text, place(arguments, option)) ||
	       say_fault(fault, "--%s takes a number, not '%s'", option->name, text);
}

static bool
set_over_0(struct arguments *arguments, const struct option *option, const char *text,
	   snnfit_error *fault)
{
	if (!set_number(arguments, option, text, fault))
		return false;
	return *(const double *)place(arguments, option) > 0 ||
	       say_fault(fault, "--%s %s: must be over 0", option->name, text);
}

static bool
set_range(struct arguments *arguments, const char *text, snnfit_error *fault)
{
	const char *comma = strchr(text, ',');
	char low[64];

	if (comma && (size_t)(comma - text) < sizeof low) {
		memcpy(low, text, (size_t)(comma - text));
		low[comma - text] = '\0';
		if (number_from(low, &arguments->options.input_low) &&
		    number_from(comma + 1, &arguments->options.input_high) &&
		    arguments->options.input_low <= arguments->options.input_high) {
			arguments->options.input_range_known = 1;
			return true;
		}
	}
	return say_fault(fault,
			 "--input-range takes two numbers, the lower one first, as in 0,1; "
			 "not '%s'",
			 text);
}

static bool
add_state(struct arguments *arguments, const char *text, snnfit_error *fault)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text || !equals[1])
		return say_fault(fault, "--state takes IN=OUT, two names of tensors; not '%s'",
				 text);
	arguments->states[arguments->read.state_count++] = text;
	return true;
}

static bool
set(struct arguments *arguments, const struct option *option, const char *value,
    snnfit_error *fault)
{
	switch (option->kind) {
	case KIND_FLAG:
		*(bool *)place(arguments, option) = true;
		return true;
	case KIND_SETTING:
		*(int *)place(arguments, option) = 1;
		return true;
	case KIND_TEXT:
		if (!*value)
			return say_fault(fault, "--%s needs a value: %s, but it is empty",
					 option->name, option->argument);
		*(const char **)place(arguments, option) = value;
		return true;
	case KIND_COUNT:
		return set_count(arguments, option, value, fault);
	case KIND_NUMBER:
		return set_number(arguments, option, value, fault);
	case KIND_OVER_0:
		return set_over_0(arguments, option, value, fault);
	case KIND_RANGE:
		return set_range(arguments, value, fault);
	case KIND_STATE:
		break;
	}
	return add_state(arguments, value, fault);
}

/* --- parsing ------------------------------------------------------------------ */

struct parser {
	struct arguments *arguments;
	int argc, at;
	char **argv;
	snnfit_error *fault;
};

/* The option that argv[at] names, and the value that stands in the same word. */
static const struct option *
find_option(const char *word, const char **value)
{
	*value = NULL;
	for (const struct option *option = table; option < &table[OPTIONS]; option++) {
		size_t length = strlen(option->name);

		if (word[1] != '-') {
			if (!option->letter || word[1] != option->letter)
				continue;
			*value = word[2] ? &word[2] : NULL;
			return option;
		}
		if (strncmp(word + 2, option->name, length) != 0)
			continue;
		if (word[2 + length] == '=')
			*value = &word[3 + length];
		if (word[2 + length] == '\0' || word[2 + length] == '=')
			return option;
	}
	return NULL;
}

static bool
parse_option(struct parser *parser)
{
	const char *word = parser->argv[parser->at++], *value;
	const struct option *option = find_option(word, &value);
	const char *command = parser->arguments->command_name;

	if (!option)
		return say_fault(parser->fault, "unknown option '%s'; see `snnfit %s --help`", word,
				 command);
	if (!(option->commands & parser->arguments->command))
		return say_fault(parser->fault, "%s does not take --%s; see `snnfit %s --help`",
				 command, option->name, command);
	if (!option->argument && value)
		return say_fault(parser->fault, "--%s takes no value", option->name);
	if (option->argument && !value) {
		if (parser->at == parser->argc)
			return say_fault(parser->fault, "--%s needs a value: %s", option->name,
					 option->argument);
		value = parser->argv[parser->at++];
	}
	parser->arguments->given |= UINT64_C(1) << (option - table);
	return set(parser->arguments, option, value, parser->fault);
}

static bool
parse_word(struct parser *parser)
{
	struct arguments *arguments = parser->arguments;
	char *word = parser->argv[parser->at];

	if (strcmp(word, "--") == 0 && arguments->command == COMMAND_BATCH) {
		arguments->rest = &parser->argv[parser->at + 1];
		arguments->rest_count = parser->argc - parser->at - 1;
		parser->at = parser->argc;
		return true;
	}
	if (strcmp(word, "--") == 0) {
		parser->at++;
		while (parser->at < parser->argc)
			arguments->operands[arguments->operand_count++] =
				parser->argv[parser->at++];
		return true;
	}
	if (word[0] == '-' && word[1])
		return parse_option(parser);
	arguments->operands[arguments->operand_count++] = word;
	parser->at++;
	return true;
}

static bool
set_defaults(struct arguments *out, enum command command, int argc, char **argv)
{
	*out = (struct arguments){ .command = command, .command_name = argv[0], .jobs = 1 };
	snnfit_read_options_init(&out->read, sizeof out->read);
	snnfit_options_init(&out->options, sizeof out->options);
	snnfit_simulate_options_init(&out->data, sizeof out->data);
	out->operands = calloc((size_t)argc, sizeof *out->operands);
	out->states = calloc((size_t)argc, sizeof *out->states);
	out->read.states = out->states;
	return out->operands && out->states;
}

bool
arguments_parse(struct arguments *out, enum command command, int argc, char **argv,
		snnfit_error *fault)
{
	struct parser parser = { out, argc, 1, argv, fault };

	if (!set_defaults(out, command, argc, argv)) {
		(void)say_fault(fault, "out of memory");
		fault->status = SNNFIT_ENOMEM;
		return false;
	}
	while (parser.at < argc)
		if (!parse_word(&parser))
			return false;
	return true;
}

void
arguments_free(struct arguments *arguments)
{
	free(arguments->operands);
	free(arguments->states);
}

/* --- what was given ---------------------------------------------------------------- */

static bool
was_given(const struct arguments *arguments, const struct option *option)
{
	return arguments->given >> (option - table) & 1;
}

bool
arguments_have(const struct arguments *arguments, const char *name)
{
	for (const struct option *option = table; option < &table[OPTIONS]; option++)
		if (was_given(arguments, option) && strcmp(option->name, name) == 0)
			return true;
	return false;
}

bool
arguments_have_budget(const struct arguments *arguments)
{
	const snnfit_options *options = &arguments->options;

	return options->target_luts != SNNFIT_UNLIMITED ||
	       options->target_bram != SNNFIT_UNLIMITED || options->target_dsp != SNNFIT_UNLIMITED;
}

const char *
arguments_option_of(const struct arguments *arguments, const char *pass)
{
	size_t length = strlen(pass);

	for (const struct option *option = table; option < &table[OPTIONS]; option++)
		if (was_given(arguments, option) && strncmp(option->help, pass, length) == 0 &&
		    option->help[length] == ':')
			return option->name;
	return NULL;
}

/* --- help ------------------------------------------------------------------------ */

enum { HELP_COLUMN = 34, HELP_WIDTH = 96 };

static int
print_name(const struct option *option)
{
	int width = option->letter ? printf("  -%c, ", option->letter) : printf("      ");

	width += printf("--%s", option->name);
	if (option->argument)
		width += printf(" %s", option->argument);
	return width;
}

/* Words, broken so that lines stay within HELP_WIDTH. */
static void
print_words(const char *words, int column)
{
	while (*words) {
		int length = (int)strcspn(words, " ");

		if (column + 1 + length > HELP_WIDTH)
			column = printf("\n%*s", HELP_COLUMN, "") - 1;
		column += printf(" %.*s", length, words);
		words += length;
		words += strspn(words, " ");
	}
}

static void
print_default(struct arguments *defaults, const struct option *option)
{
	const void *value = place(defaults, option);

	if (strstr(option->help, "default")) /* it says so itself */
		return;
	if (option->kind == KIND_COUNT && *(const uint32_t *)value != SNNFIT_UNLIMITED)
		(void)printf(" [%u]", *(const uint32_t *)value);
	if (option->kind == KIND_NUMBER)
		(void)printf(" [%g]", *(const double *)value);
}

void
arguments_print_options(enum command command)
{
	struct arguments defaults = { .jobs = 1 };

	snnfit_options_init(&defaults.options, sizeof defaults.options);
	for (const struct option *option = table; option < &table[OPTIONS]; option++) {
		int width;

		if (!(option->commands & command))
			continue;
		width = print_name(option);
		if (width >= HELP_COLUMN)
			width = printf("\n") - 1;
		(void)printf("%*s", HELP_COLUMN - width, "");
		print_words(option->help, HELP_COLUMN);
		print_default(&defaults, option);
		(void)printf("\n");
	}
}
