/* batch_run.c - one model of a batch: the command in a process of its own, so that
 * whatever a model does to it, the others go on. */
#include "cli/batch.h"
#include "core/json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
system_fault(snnfit_error *fault, const char *what)
{
	(void)say_fault(fault, "%s: %s", what, strerror(errno));
	fault->status = SNNFIT_EINTERNAL;
	return false;
}

static bool
no_memory(snnfit_error *fault, const char *what)
{
	errno = ENOMEM;
	return system_fault(fault, what);
}

/* Until a result is kept. */
static void
close_streams(struct batch_model *model)
{
	if (model->out >= 0)
		(void)close(model->out);
	if (model->err >= 0)
		(void)close(model->err);
	model->out = model->err = -1;
}

/* --- words of the command -------------------------------------------------------- */

/* The folder of a path, "." if it has none (malloc). */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static char *
stem_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	return dot && dot != name ? strndup(name, (size_t)(dot - name)) : strdup(name);
}

/* word with {dir} and {stem} replaced (malloc); NULL when out of memory. */
static char *
substituted(const char *word, const char *folder, const char *stem)
{
	char *out = NULL;
	size_t length;
	FILE *stream = open_memstream(&out, &length);

	if (!stream)
		return NULL;
	while (*word) {
		if (strncmp(word, "{dir}", 5) == 0) {
			(void)fputs(folder, stream);
			word += 5;
		} else if (strncmp(word, "{stem}", 6) == 0) {
			(void)fputs(stem, stream);
			word += 6;
		} else {
			(void)fputc(*word++, stream);
		}
	}
	if (fclose(stream) != 0) {
		free(out);
		out = NULL;
	}
	return out;
}

static void
free_words(char **words)
{
	for (size_t i = 0; words && words[i]; i++)
		free(words[i]);
	free(words);
}

/* The command line for the model, NULL-terminated; NULL when out of memory. */
static char **
command_line(const struct batch *batch, const struct batch_model *model)
{
	int rest = batch->arguments->rest_count, count = 0;
	char **words = calloc((size_t)rest + 6, sizeof *words);
	char *folder = folder_of(model->path), *stem = stem_of(model->path);
	bool good = words && folder && stem;

	for (int i = 0; good && i < rest; i++)
		good = (words[count++] = substituted(batch->arguments->rest[i], folder, stem)) !=
		       NULL;
	if (good && model->output) {
		good = (words[count++] = strdup("--output")) != NULL;
		good = good && (words[count++] = strdup(model->output)) != NULL;
	}
	good = good && (words[count++] = strdup("--json")) != NULL;
	good = good && (words[count++] = strdup("--")) != NULL;
	good = good && (words[count++] = strdup(model->path)) != NULL;
	free(folder);
	free(stem);
	if (!good)
		free_words(words);
	return good ? words : NULL;
}

/* --- the process --------------------------------------------------------------------- */

static _Noreturn void
work(const struct batch_model *model, char **words, int count, pid_t parent)
{
	int nothing = open("/dev/null", O_RDONLY);
	enum exit_status status = EXIT_INTERNAL;

	/* Whoever ends the batch ends its models. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
		_exit((int)status);
	if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
	    dup2(model->out, STDOUT_FILENO) >= 0 && dup2(model->err, STDERR_FILENO) >= 0) {
		clearerr(stdout); /* the batch's own output may be broken, this one is not */
		status = output_finish(command_run(count, words));
	}
	(void)fflush(stderr);
	_exit((int)status);
}

static bool
make_output_folder(const struct batch_model *model, snnfit_error *fault)
{
	char *folder = model->output ? folder_of(model->output) : NULL;
	bool made;

	if (model->output && !folder)
		return no_memory(fault, "can't make the folder of an output");
	made = !folder || make_folder(folder, fault);
	free(folder);
	return made;
}

static bool
open_streams(struct batch_model *model, snnfit_error *fault)
{
	model->out = memfd_create("output", MFD_CLOEXEC);
	model->err = memfd_create("diagnostics", MFD_CLOEXEC);
	return (model->out >= 0 && model->err >= 0) ||
	       system_fault(fault, "can't make room for what a model's command prints");
}

bool
batch_start(const struct batch *batch, struct batch_model *model, snnfit_error *fault)
{
	char **words = command_line(batch, model);
	int count = 0;
	pid_t parent;

	if (!words)
		return no_memory(fault, "can't start a model's command");
	while (words[count])
		count++;
	if (!make_output_folder(model, fault) || !open_streams(model, fault)) {
		free_words(words);
		return false;
	}
	(void)fflush(NULL); /* or the process would print it again */
	parent = getpid();
	model->process = fork();
	if (model->process == 0)
		work(model, words, count, parent);
	free_words(words);
	return model->process > 0 || system_fault(fault, "can't start a process");
}

/* --- its result --------------------------------------------------------------------------- */

/* All that was printed (malloc), NUL-terminated. */
static char *
read_all(int fd)
{
	struct stat status;
	size_t length, at = 0;
	char *text;

	if (fstat(fd, &status) != 0)
		return NULL;
	length = (size_t)status.st_size;
	text = malloc(length + 1);
	while (text && at < length) {
		ssize_t got = pread(fd, text + at, length - at, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			free(text);
			return NULL;
		}
		at += (size_t)got;
	}
	if (text)
		text[at] = '\0';
	return text;
}

/* The sentence after "error: " in the diagnostics (malloc); NULL: there is none. */
static char *
error_in(const char *diagnostics)
{
	const char *found = strstr(diagnostics, "error: ");

	return found ? strndup(found + 7, strcspn(found + 7, "\n")) : NULL;
}

static char *
error_of(int wait_status, const char *diagnostics, bool has_result)
{
	char *error = NULL;

	if (WIFSIGNALED(wait_status)) {
		if (asprintf(&error, "killed by signal %d (%s)", WTERMSIG(wait_status),
			     strsignal(WTERMSIG(wait_status))) < 0)
			error = NULL;
	} else if (WEXITSTATUS(wait_status) > EXIT_NO_FIT) {
		error = error_in(diagnostics);
		if (!error)
			error = strdup("the command did not say what failed");
	} else if (!has_result) {
		error = strdup("the command printed no result");
	}
	return error;
}

/* JSON is UTF-8, file names are what they are: other bytes become '?'. */
static json_t *
path_text(const char *path)
{
	json_t *value = json_string(path);
	char *copy;

	if (value)
		return value;
	copy = strdup(path);
	for (char *at = copy; at && *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	value = copy ? json_string(copy) : NULL;
	free(copy);
	return value;
}

static json_t *
result_line(const struct batch_model *model, int status, const char *error, json_t *result)
{
	bool wrote = status <= EXIT_NO_FIT && model->output &&
		     (access(model->output, F_OK) == 0 || errno != ENOENT);

	return json_pack("{s:o, s:o?, s:i, s:o?, s:o?}", "model", path_text(model->path), "output",
			 wrote ? path_text(model->output) : NULL, "exit", status, "error",
			 error ? path_text(error) : NULL, "result", result);
}

bool
batch_fail(struct batch_model *model, snnfit_error *fault)
{
	close_streams(model);
	complain(model->path, "error", fault->text);
	model->result = result_line(model, (int)exit_status_of(fault->status), fault->text, NULL);
	return model->result || no_memory(fault, "can't keep a model's result");
}

bool
batch_collect(struct batch_model *model, int wait_status, snnfit_error *fault)
{
	char *printed = read_all(model->out), *diagnostics = read_all(model->err), *error;
	int status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : EXIT_INTERNAL;
	struct json_problem problem;
	json_t *result = NULL;

	if ((!printed || json_parse(&result, printed, strlen(printed), &problem) != SNNFIT_OK) &&
	    status <= EXIT_NO_FIT)
		status = EXIT_INTERNAL;
	error = error_of(wait_status, diagnostics ? diagnostics : "", result != NULL);
	if (status > EXIT_NO_FIT) {
		json_decref(result);
		result = NULL;
	}
	model->result = result_line(model, status, error, result);
	if (diagnostics)
		(void)fputs(diagnostics, stderr);
	close_streams(model);
	free(printed);
	free(diagnostics);
	free(error);
	model->process = 0;
	return (model->result && !batch_out_of_memory()) ||
	       no_memory(fault, "can't keep a model's result");
}
