#include "cli/watch.h"

#include "cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- --save-steps ------------------------------------------------------------ */

/* "quantize to 14 bits" -> "quantize-to-14-bits" */
static void
file_name_of(char *action)
{
	for (; *action; action++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._",
			    *action))
			*action = '-';
}

static snnfit_status
save(const struct watch *watch, const char *action, snnfit_model *snapshot, snnfit_error *err)
{
	char name[64], *path;
	snnfit_status status;

	(void)snprintf(name, sizeof name, "%s", action);
	file_name_of(name);
	if (asprintf(&path, "%s/%02u-%s.onnx", watch->arguments->save_steps, watch->step, name) < 0)
		return SNNFIT_ENOMEM;
	status = snnfit_model_write(snapshot, path, err);
	free(path);
	return status;
}

/* --- --dump-after -------------------------------------------------------------- */

static snnfit_status
dump(const struct watch *watch, const char *action, snnfit_model *snapshot, snnfit_error *err)
{
	snnfit_status status;
	char *text;

	if (!watch->arguments->dump_after || strcmp(watch->arguments->dump_after, action) != 0)
		return SNNFIT_OK;
	status = snnfit_model_text(snapshot, &text, err);
	if (status == SNNFIT_OK)
		(void)fputs(text, stderr);
	free(text);
	return status;
}

/* --- progress -------------------------------------------------------------------- */

static bool
is_slow(const struct watch *watch)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - watch->begin.tv_sec > 1;
}

static void
tell(struct watch *watch, const char *action)
{
	if (watch->arguments->verbose) {
		complain(watch->model, "done", action);
	} else if (!watch->arguments->quiet && isatty(STDERR_FILENO) && is_slow(watch)) {
		(void)fprintf(stderr, "\r\033[K%u: %s", watch->step, action);
		watch->shows_progress = true;
	}
}

static snnfit_status
observe(void *context, const char *action, snnfit_model *snapshot, snnfit_error *err)
{
	struct watch *watch = context;
	snnfit_status status = SNNFIT_OK;

	watch->step++;
	tell(watch, action);
	if (watch->arguments->save_steps)
		status = save(watch, action, snapshot, err);
	return status == SNNFIT_OK ? dump(watch, action, snapshot, err) : status;
}

static void
tell_samples(void *context, uint64_t done, uint64_t all)
{
	struct watch *watch = context;

	if (!is_slow(watch))
		return;
	(void)fprintf(stderr, "\r\033[K%u: running on samples, %llu of %llu", watch->step,
		      (unsigned long long)done, (unsigned long long)all);
	watch->shows_progress = true;
}

void
watch_data(struct watch *watch, const struct arguments *arguments, const char *model,
	   snnfit_simulate_options *data)
{
	*watch = (struct watch){ .arguments = arguments, .model = model };
	(void)clock_gettime(CLOCK_MONOTONIC, &watch->begin);
	*data = arguments->data;
	data->seed = arguments->seed;
	if (arguments->quiet || arguments->verbose || !isatty(STDERR_FILENO))
		return;
	data->progress = tell_samples;
	data->progress_context = watch;
}

bool
watch_changes(struct watch *watch, snnfit_options *options, snnfit_error *err)
{
	const struct arguments *arguments = watch->arguments;

	if (arguments->save_steps && !make_folder(arguments->save_steps, err))
		return false;
	if (arguments->save_steps || arguments->dump_after || arguments->verbose ||
	    (!arguments->quiet && isatty(STDERR_FILENO))) {
		options->observer = observe;
		options->observer_context = watch;
	}
	return true;
}

void
watch_end(struct watch *watch)
{
	if (watch->shows_progress)
		(void)fputs("\r\033[K", stderr);
}
