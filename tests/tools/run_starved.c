/* run_starved.c - all that can be asked of a model, while allocations fail.
 *
 *     run_starved PLACES
 *
 * Reads lines from stdin, tab-separated: MODEL, RATES, INPUTS, STEPS ("-": none); INPUTS are
 * simulated for STEPS steps, or those in the model. After a run in which nothing fails, about
 * PLACES of its allocations fail, one in each run, evenly spread; which ones is another matter
 * in each line. The answer must be that memory is short, or the unfailed one, and nothing stays
 * allocated. Says about each line "ok" and how many allocations there are and were tried, or what
 * is wrong. */
#include "../unit/failing_allocator.h"
#include "snnfit.h"

#include <stdio.h>
#include <string.h>

struct job {
	const char *model, *rates, *inputs, *steps; /* NULL: none */
};

/* --- one run -------------------------------------------------------------------- */

static snnfit_status
give(snnfit_report *report)
{
	bool given = snnfit_report_json(report) && snnfit_report_text(report) &&
		     snnfit_report_html(report);

	snnfit_report_free(report);
	return given ? SNNFIT_OK : SNNFIT_ENOMEM;
}

static snnfit_status
simulate(snnfit_model *model, const struct job *job, snnfit_error *err)
{
	snnfit_simulate_options options;
	snnfit_report *report;
	snnfit_status status;

	snnfit_simulate_options_init(&options, sizeof options);
	options.inputs = job->inputs;
	options.steps = job->steps ? (uint32_t)atoi(job->steps) : 0;
	options.threads = 1;
	status = snnfit_simulate(model, &options, &report, err);
	return status == SNNFIT_OK ? give(report) : status;
}

static snnfit_status
shrink(snnfit_model *model, snnfit_error *err)
{
	snnfit_options options;
	snnfit_report *report;
	snnfit_status status;

	snnfit_options_init(&options, sizeof options);
	options.target = "ecp5-25k";
	status = snnfit_inspect(model, &report, err);
	if (status == SNNFIT_OK)
		status = give(report);
	if (status == SNNFIT_OK)
		status = snnfit_estimate(model, &options, &report, err);
	if (status == SNNFIT_OK)
		status = give(report);
	if (status == SNNFIT_OK)
		status = snnfit_optimize(model, &options, &report, err);
	return status == SNNFIT_OK ? give(report) : status;
}

static snnfit_status
all_of_it(const struct job *job, snnfit_error *err)
{
	snnfit_read_options read;
	snnfit_model *model = NULL;
	void *bytes = NULL;
	size_t length;
	snnfit_status status;

	snnfit_read_options_init(&read, sizeof read);
	read.rates = job->rates;
	status = snnfit_model_read(&model, job->model, &read, err);
	if (status == SNNFIT_OK && job->inputs)
		status = simulate(model, job, err);
	if (status == SNNFIT_OK)
		status = shrink(model, err);
	if (status == SNNFIT_OK)
		status = snnfit_model_write_bytes(model, &bytes, &length, err);
	free(bytes);
	snnfit_model_free(model);
	return status;
}

/* --- all runs -------------------------------------------------------------------- */

/* jansson's parser drops what it has no memory for: bad syntax, bad data. */
static bool
is_right(snnfit_status status, snnfit_status normal, bool failed, const snnfit_error *err)
{
	return status == normal || (failed && status == SNNFIT_ENOMEM) ||
	       (failed && status == SNNFIT_EDATA && strstr(err->text, "metadata snn."));
}

/* Allocation n fails. NULL, or what is wrong. */
static const char *
starve_once(const struct job *job, long n, snnfit_status normal, snnfit_error *err)
{
	long before = allocated;
	snnfit_status status;
	bool failed;

	failing->left = n;
	status = all_of_it(job, err);
	failed = failing->left < 0;
	failing->left = -1;
	if (allocated != before)
		return "something is leaked";
	return is_right(status, normal, failed, err) ? NULL : err->text;
}

static void
starve(const struct job *job, long places, long line)
{
	snnfit_error err = { SNNFIT_OK, "" };
	snnfit_status normal;
	const char *wrong = NULL;
	long n, all, stride, tried = 0;

	failing->seen = 0;
	normal = all_of_it(job, &err);
	all = failing->seen;
	if (normal != SNNFIT_OK && normal != SNNFIT_EUNSUPPORTED)
		wrong = err.text;
	stride = 1 + all / places;
	for (n = line % stride; n < all && !wrong; n += stride, tried++)
		wrong = starve_once(job, n, normal, &err);
	if (wrong)
		printf("allocation %ld of %ld: %s\n", n - stride, all, wrong);
	else
		printf("ok %ld %ld\n", all, tried);
}

static const char *
field(char **save)
{
	const char *text = strtok_r(NULL, "\t\n", save);

	return !text || strcmp(text, "-") == 0 ? NULL : text;
}

int
main(int argc, char **argv)
{
	long places = argc > 1 ? atol(argv[1]) : 0, lines = 0;
	char *line = NULL, *save;
	size_t room = 0;

	if (places < 1)
		return 2;
	while (getline(&line, &room, stdin) > 0) {
		struct job job = { .model = strtok_r(line, "\t\n", &save) };

		job.rates = field(&save);
		job.inputs = field(&save);
		job.steps = field(&save);
		if (job.model)
			starve(&job, places, lines++);
		(void)fflush(stdout);
	}
	free(line);
	return 0;
}
