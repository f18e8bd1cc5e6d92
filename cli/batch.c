/* batch.c - a command for many models: a line each, in the order of the models,
 * whatever happens to one of them. */
#include "cli/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
refuse_command(const char *name, snnfit_error *fault)
{
	size_t length;

	(void)say_fault(fault, "batch can't run '%.64s'; it runs", name);
	for (const struct command_row *row = commands; row->name; row++) {
		length = strlen(fault->text);
		if (command_for_batch(row))
			(void)snprintf(fault->text + length, sizeof fault->text - length, "%s %s",
				       row == commands ? "" : ",", row->name);
	}
	return false;
}

/* The command is one that can be run for a model, and its options are in order:
 * better said once than for every model. */
static bool
check_command(struct batch *batch, snnfit_error *fault)
{
	const struct arguments *arguments = batch->arguments;
	const struct command_row *row = command_find(arguments->rest[0]);
	struct arguments inner;
	bool good;

	if (!row || !command_for_batch(row))
		return refuse_command(arguments->rest[0], fault);
	batch->command = row->command;
	good = arguments_parse(&inner, row->command, arguments->rest_count, arguments->rest, fault);
	if (good && inner.operand_count)
		good = say_fault(fault, "batch puts the model in; so what is '%s' behind --?",
				 inner.operands[0]);
	if (good && inner.output)
		good = say_fault(fault, "batch says where the outputs go (-o DIR before --); leave "
					"out -o behind it");
	if (good && inner.help)
		good = say_fault(fault, "see `snnfit %s --help`", row->name);
	if (good) {
		inner.operands[0] = "a model";
		inner.operand_count = 1;
		inner.output = "an output";
		good = command_check(&inner, fault);
	}
	arguments_free(&inner);
	return good;
}

/* --- memory of jansson ---------------------------------------------------------------- */

static bool out_of_memory;

static void *
noting_malloc(size_t size)
{
	void *memory = malloc(size);

	out_of_memory = out_of_memory || !memory;
	return memory;
}

bool
batch_out_of_memory(void)
{
	if (out_of_memory)
		errno = ENOMEM;
	return out_of_memory;
}

/* --- printing ---------------------------------------------------------------------- */

/* Lines that are known and whose turn it is. */
static bool
print_ready(const struct batch *batch, size_t *printed, snnfit_error *fault)
{
	bool good = true;

	for (; good && *printed < batch->count && batch->models[*printed].result; ++*printed) {
		char *line = json_dumps(batch->models[*printed].result,
					JSON_COMPACT | JSON_REAL_PRECISION(12));

		good = line && !batch_out_of_memory();
		if (good)
			(void)puts(line);
		free(line);
	}
	(void)fflush(stdout);
	if (good)
		return true;
	(void)say_fault(fault, "out of memory");
	fault->status = SNNFIT_ENOMEM;
	return false;
}

static void
print_progress(const struct batch *batch, size_t done)
{
	if (!batch->arguments->quiet && isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\r\033[K%zu of %zu%s", done, batch->count,
			      done == batch->count ? "\n" : "");
}

/* --- running ------------------------------------------------------------------------- */

/* The model whose process this is. */
static struct batch_model *
model_of(const struct batch *batch, pid_t process)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->models[i].process == process)
			return &batch->models[i];
	return NULL;
}

/* Waits for one process, and keeps what came of it. */
static bool
collect_one(const struct batch *batch, snnfit_error *fault)
{
	struct batch_model *model;
	int wait_status;
	pid_t process;

	do
		process = waitpid(-1, &wait_status, 0);
	while (process < 0 && errno == EINTR);
	model = process > 0 ? model_of(batch, process) : NULL;
	if (!model)
		return say_fault(fault, "lost a process: %s", strerror(errno));
	return batch_collect(model, wait_status, fault) && journal_add(batch, model, fault);
}

/* Where a batch stands. */
struct course {
	size_t next, running, done, printed;
};

static bool
start_next(const struct batch *batch, struct course *course, snnfit_error *fault)
{
	struct batch_model *model = &batch->models[course->next++];

	if (!model->result && batch_start(batch, model, fault)) {
		course->running++;
		return true;
	}
	course->done++;
	return model->result || batch_fail(model, fault);
}

static bool
run_models(const struct batch *batch, snnfit_error *fault)
{
	struct course course = { .next = 0 };
	bool good = true;

	while ((good && course.next < batch->count) || course.running) {
		if (good && course.next < batch->count && course.running < batch->arguments->jobs) {
			good = start_next(batch, &course, fault);
			continue;
		}
		good = collect_one(batch, fault) && good;
		course.running--;
		good = good && print_ready(batch, &course.printed, fault);
		print_progress(batch, ++course.done);
	}
	return good && print_ready(batch, &course.printed, fault);
}

static enum exit_status
highest_status(const struct batch *batch)
{
	json_int_t highest = EXIT_DONE;

	for (size_t i = 0; i < batch->count; i++) {
		json_int_t status = json_integer_value(
			json_object_get(batch->models[i].result, "exit"));

		if (status > highest)
			highest = status;
	}
	return (enum exit_status)highest;
}

enum exit_status
run_batch(const struct arguments *arguments)
{
	struct batch batch = { .arguments = arguments, .journal = -1 };
	enum exit_status status;
	snnfit_error fault;
	bool good;

	json_set_alloc_funcs(noting_malloc, free);
	good = check_command(&batch, &fault) && batch_list(&batch, &fault) &&
	       journal_open(&batch, &fault) && run_models(&batch, &fault);

	status = highest_status(&batch);
	if (!good) {
		complain(NULL, "error", fault.text);
		if (exit_status_of(fault.status) > status)
			status = exit_status_of(fault.status);
	}
	journal_close(&batch);
	batch_list_free(&batch);
	return status;
}
