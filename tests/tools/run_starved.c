/* run_starved.c - all that can be asked of a model, while allocations fail.
 *
 * Reads lines from stdin, tab-separated: MODEL, RATES, INPUTS, LABELS, STEPS ("-": none);
 * INPUTS are simulated for STEPS steps, or those in the model; inputs without labels are of a
 * model too large for the passes that run it and for the fit. Each thing that can be asked is
 * done once, and then again for each chain of calls that nothing before went through (chains.h),
 * with one of its allocations failed. The answer must be that memory is short, or the unfailed
 * one, and nothing stays allocated. Says about each line "ok" and how many allocations there are
 * and were tried, or what is wrong. */
#include "../unit/failing_allocator.h"
#include "chains.h"
#include "snnfit.h"

#include <stdio.h>
#include <string.h>

struct job {
	const char *model, *rates, *inputs, *labels, *steps; /* NULL: none */
};

typedef snnfit_status (*ask_function)(snnfit_model *model, const struct job *job,
				      snnfit_error *err);

/* --- what is asked -------------------------------------------------------------- */

static snnfit_status
give(snnfit_report *report)
{
	bool given = snnfit_report_json(report) && snnfit_report_text(report) &&
		     snnfit_report_html(report);

	snnfit_report_free(report);
	return given ? SNNFIT_OK : SNNFIT_ENOMEM;
}

static snnfit_simulate_options
data_of(const struct job *job)
{
	snnfit_simulate_options options;

	snnfit_simulate_options_init(&options, sizeof options);
	options.inputs = job->inputs;
	options.labels = job->labels;
	options.steps = job->steps ? (uint32_t)atoi(job->steps) : 0;
	options.threads = 1;
	options.confusion = job->labels != NULL;
	return options;
}

static snnfit_status
simulate(snnfit_model *model, const struct job *job, snnfit_error *err)
{
	snnfit_simulate_options options = data_of(job);
	snnfit_report *report;
	snnfit_status status;

	if (!job->inputs)
		return SNNFIT_OK;
	status = snnfit_simulate(model, &options, &report, err);
	if (status == SNNFIT_OK)
		status = give(report);
	return status == SNNFIT_OK ? snnfit_annotate(model, err) : status;
}

static snnfit_status
look(snnfit_model *model, const struct job *job, snnfit_error *err)
{
	snnfit_options options;
	snnfit_report *report;
	snnfit_status status;
	char *text = NULL;

	(void)job;
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
		status = snnfit_model_text(model, &text, err);
	free(text);
	return status;
}

/* The model that is written, and the report in it. */
static snnfit_status
write_and_read(snnfit_model *model, snnfit_error *err)
{
	snnfit_model *again = NULL;
	snnfit_report *report;
	void *bytes = NULL;
	size_t length;
	snnfit_status status = snnfit_model_write_bytes(model, &bytes, &length, err);

	if (status == SNNFIT_OK)
		status = snnfit_model_read_bytes(&again, bytes, length, NULL, err);
	if (status == SNNFIT_OK)
		status = snnfit_model_report(again, &report, err);
	if (status == SNNFIT_OK)
		status = give(report);
	free(bytes);
	snnfit_model_free(again);
	return status;
}

static snnfit_status
keep(snnfit_model *model, snnfit_report *report, snnfit_error *err)
{
	snnfit_status status = give(report);

	return status == SNNFIT_OK ? write_and_read(model, err) : status;
}

static snnfit_status
shrink(snnfit_model *model, const struct job *job, snnfit_error *err)
{
	snnfit_options options;
	snnfit_report *report;
	snnfit_status status;

	(void)job;
	snnfit_options_init(&options, sizeof options);
	options.target = "ecp5-25k";
	status = snnfit_optimize(model, &options, &report, err);
	return status == SNNFIT_OK ? keep(model, report, err) : status;
}

#define PASSES_WITHOUT_DATA                                                                        \
	"dead_neuron_elimination,silent_neuron_elimination,always_firing_elimination,"             \
	"redundancy_elimination,layer_fusion,magnitude_pruning,quantization"

/* All passes, measured where there are data. */
static snnfit_status
shrink_by_all(snnfit_model *model, const struct job *job, snnfit_error *err)
{
	snnfit_simulate_options data = data_of(job);
	snnfit_options options;
	snnfit_report *report;
	snnfit_status status;

	snnfit_options_init(&options, sizeof options);
	options.passes = job->inputs ? "behavioural_redundancy," PASSES_WITHOUT_DATA
				     : PASSES_WITHOUT_DATA;
	options.input_range_known = 1;
	options.input_high = 1;
	options.behavioural_agreement = 0.9;
	options.fusion_activity = 1;
	options.data = job->inputs ? &data : NULL;
	options.max_accuracy_drop = job->labels ? 50 : 100;
	status = snnfit_optimize(model, &options, &report, err);
	return status == SNNFIT_OK ? keep(model, report, err) : status;
}

static snnfit_status
fit(snnfit_model *model, const struct job *job, snnfit_error *err)
{
	snnfit_options options;
	snnfit_report *report;
	snnfit_status status;

	(void)job;
	snnfit_options_init(&options, sizeof options);
	options.target_luts = 300;
	options.target_bram = 1;
	options.target_dsp = 0;
	options.max_iterations = 2;
	status = snnfit_fit(model, &options, &report, err);
	return status == SNNFIT_OK ? keep(model, report, err) : status;
}

static const ask_function questions[] = { simulate, look, shrink, shrink_by_all, fit };
enum { QUICK = 3 }; /* questions */

/* --- one run -------------------------------------------------------------------- */

static snnfit_status
ask(ask_function question, const struct job *job, snnfit_error *err)
{
	snnfit_read_options read;
	snnfit_model *model = NULL;
	snnfit_status status;

	snnfit_read_options_init(&read, sizeof read);
	read.rates = job->rates;
	status = snnfit_model_read(&model, job->model, &read, err);
	if (status == SNNFIT_OK)
		status = question(model, job, err);
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
starve_once(ask_function question, const struct job *job, long n, snnfit_status normal,
	    snnfit_error *err)
{
	long before = allocated;
	snnfit_status status;
	bool failed;

	failing->left = n;
	status = ask(question, job, err);
	failed = failing->left < 0;
	failing->left = -1;
	if (allocated != before)
		return "something is leaked";
	return is_right(status, normal, failed, err) ? NULL : err->text;
}

/* NULL, or what is wrong; adds up what there was and what was tried. */
static const char *
starve(ask_function question, const struct job *job, snnfit_error *err, long *all, long *tried)
{
	snnfit_status normal;
	const char *wrong = NULL;
	long n = 0, next = 0;

	chains_begin();
	normal = ask(question, job, err);
	chains_end();
	*all += failing->seen;
	if (normal != SNNFIT_OK && normal != SNNFIT_EUNSUPPORTED)
		wrong = err->text;
	for (; !wrong && (n = chains_next(&next)) >= 0; ++*tried)
		wrong = starve_once(question, job, n, normal, err);
	if (wrong)
		printf("allocation %ld of %ld: %s\n", n, failing->seen, wrong);
	return wrong;
}

static void
starve_all(const struct job *job)
{
	snnfit_error err = { SNNFIT_OK, "" };
	size_t count = job->inputs && !job->labels ? QUICK : sizeof questions / sizeof *questions;
	long all = 0, tried = 0;

	for (size_t i = 0; i < count; i++)
		if (starve(questions[i], job, &err, &all, &tried))
			return;
	printf("ok %ld %ld\n", all, tried);
}

static const char *
field(char **save)
{
	const char *text = strtok_r(NULL, "\t\n", save);

	return !text || strcmp(text, "-") == 0 ? NULL : text;
}

int
main(void)
{
	char *line = NULL, *save;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		struct job job = { .model = strtok_r(line, "\t\n", &save) };

		job.rates = field(&save);
		job.inputs = field(&save);
		job.labels = field(&save);
		job.steps = field(&save);
		if (job.model)
			starve_all(&job);
		(void)fflush(stdout);
	}
	free(line);
	return 0;
}
