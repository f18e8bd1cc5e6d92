/* commands.c - the commands for one model: read, do, write, print. */
#include "cli/commands.h"
#include "cli/watch.h"

#include <stdio.h>
#include <string.h>

/* A command at work. */
struct job {
	const struct arguments *arguments;
	const char *name; /* of the model, for diagnostics */
	snnfit_model *model;
	snnfit_report *report;
	snnfit_error err;
};

static bool
opened(struct job *job, const struct arguments *arguments)
{
	*job = (struct job){ .arguments = arguments, .name = arguments->operands[0] };
	return snnfit_model_read(&job->model, job->name, &arguments->read, &job->err) == SNNFIT_OK;
}

/* --- the end of a job -------------------------------------------------------- */

static bool
writes_model_to_stdout(const struct arguments *arguments)
{
	return arguments->output && !arguments->dry_run && strcmp(arguments->output, "-") == 0;
}

static bool
no_memory(struct job *job)
{
	job->err.status = SNNFIT_ENOMEM;
	(void)snprintf(job->err.text, sizeof job->err.text, "out of memory");
	return false;
}

static bool
printed(struct job *job)
{
	const struct arguments *arguments = job->arguments;
	FILE *stream = writes_model_to_stdout(arguments) ? stderr : stdout;
	const char *text;

	if (!arguments->json && arguments->quiet)
		return true;
	text = arguments->json ? snnfit_report_json(job->report) : snnfit_report_text(job->report);
	if (!text)
		return no_memory(job);
	(void)fputs(text, stream);
	if (arguments->json)
		(void)fputc('\n', stream);
	return true;
}

static void
warn(const struct job *job)
{
	const char *note;

	if (fflush(stdout) != 0 || ferror(stdout))
		return; /* that is an error, to be said in one line: output_finish */
	for (size_t i = 0; !job->arguments->quiet && (note = snnfit_report_note(job->report, i));
	     i++)
		complain(job->name, "warning", note);
}

/* Where the model is now; not when it went to standard output. */
static void
say_written(const struct arguments *arguments)
{
	if (arguments->dry_run || arguments->json || arguments->quiet ||
	    strcmp(arguments->output, "-") == 0)
		return;
	(void)printf("written       ");
	for (const char *c = arguments->output; *c; c++)
		(void)putchar((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c);
	(void)putchar('\n');
}

static bool
written(struct job *job)
{
	const struct arguments *arguments = job->arguments;

	return arguments->dry_run ||
	       snnfit_model_write(job->model, arguments->output, &job->err) == SNNFIT_OK;
}

static enum exit_status
closed(struct job *job, bool done)
{
	enum exit_status status = EXIT_DONE;

	if (!done) {
		complain(job->name, "error", job->err.text);
		status = exit_status_of(job->err.status);
	}
	snnfit_report_free(job->report);
	snnfit_model_free(job->model);
	return status;
}

/* --- commands that leave the model as it is ----------------------------------- */

enum exit_status
run_inspect(const struct arguments *arguments)
{
	struct job job;
	bool done = opened(&job, arguments) &&
		    snnfit_inspect(job.model, &job.report, &job.err) == SNNFIT_OK && printed(&job);

	if (done)
		warn(&job);
	return closed(&job, done);
}

enum exit_status
run_estimate(const struct arguments *arguments)
{
	struct job job;
	bool done = opened(&job, arguments) &&
		    snnfit_estimate(job.model, &arguments->options, &job.report, &job.err) ==
			    SNNFIT_OK &&
		    printed(&job);

	if (done)
		warn(&job);
	return closed(&job, done);
}

static bool
page_written(struct job *job)
{
	const char *path = job->arguments->html;

	return !path || snnfit_report_write_html(job->report, path, &job->err) == SNNFIT_OK;
}

enum exit_status
run_report(const struct arguments *arguments)
{
	struct job job;
	bool done = opened(&job, arguments) &&
		    snnfit_model_report(job.model, &job.report, &job.err) == SNNFIT_OK &&
		    page_written(&job);

	if (done && (!arguments->html || arguments->json))
		done = printed(&job);
	return closed(&job, done);
}

enum exit_status
run_targets(const struct arguments *arguments)
{
	struct job job = { .arguments = arguments };
	bool done = snnfit_targets(&job.report, &job.err) == SNNFIT_OK && printed(&job);

	return closed(&job, done);
}

/* --- commands that write a model ------------------------------------------------- */

enum exit_status
run_annotate(const struct arguments *arguments)
{
	struct job job;
	bool done = opened(&job, arguments) && snnfit_annotate(job.model, &job.err) == SNNFIT_OK &&
		    snnfit_inspect(job.model, &job.report, &job.err) == SNNFIT_OK &&
		    written(&job) && printed(&job);

	if (done) {
		say_written(arguments);
		warn(&job);
	}
	return closed(&job, done);
}

/* Annotates when there is somewhere to write. */
static bool
annotated(struct job *job)
{
	if (!job->arguments->output || job->arguments->dry_run)
		return true;
	return snnfit_annotate(job->model, &job->err) == SNNFIT_OK && written(job);
}

enum exit_status
run_simulate(const struct arguments *arguments)
{
	snnfit_simulate_options data;
	struct watch watch;
	struct job job;
	bool done;

	watch_data(&watch, arguments, arguments->operands[0], &data);
	done = opened(&job, arguments) &&
	       snnfit_simulate(job.model, &data, &job.report, &job.err) == SNNFIT_OK;
	watch_end(&watch);
	done = done && annotated(&job) && printed(&job);
	if (done) {
		if (arguments->output)
			say_written(arguments);
		warn(&job);
	}
	return closed(&job, done);
}

static bool
changed(struct job *job, snnfit_status (*change)(snnfit_model *, const snnfit_options *,
						 snnfit_report **, snnfit_error *))
{
	snnfit_options options = job->arguments->options;
	snnfit_simulate_options data;
	struct watch watch;
	bool done;

	watch_data(&watch, job->arguments, job->name, &data);
	if (data.inputs)
		options.data = &data;
	done = watch_changes(&watch, &options, &job->err) &&
	       change(job->model, &options, &job->report, &job->err) == SNNFIT_OK;

	watch_end(&watch);
	return done;
}

enum exit_status
run_optimize(const struct arguments *arguments)
{
	struct job job;
	bool done = opened(&job, arguments) && changed(&job, snnfit_optimize) && written(&job) &&
		    printed(&job);

	if (done) {
		say_written(arguments);
		warn(&job);
	}
	return closed(&job, done);
}

enum exit_status
run_fit(const struct arguments *arguments)
{
	snnfit_figures figures = { .fits = 1 };
	struct job job;
	enum exit_status status;
	bool done = opened(&job, arguments) && changed(&job, snnfit_fit) && written(&job) &&
		    printed(&job);

	if (done) {
		say_written(arguments);
		warn(&job);
		snnfit_report_figures(job.report, &figures, sizeof figures);
	}
	status = closed(&job, done);
	return status == EXIT_DONE && !figures.fits ? EXIT_NO_FIT : status;
}
