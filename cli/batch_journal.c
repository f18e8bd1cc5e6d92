/* batch_journal.c - what a batch has done so far, so that --resume can go on.
 *
 * DIR/snnfit-batch.jsonl has one line a model that is done: what was printed,
 * and what it depended on: the command, the version, and the model's size and
 * time. A result holds when all of these are the same and the output is there;
 * outputs appear whole or not at all, so one that is there is complete. A last
 * line that was cut off by a crash is no JSON, and does not count. */
#include "cli/batch.h"
#include "core/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
journal_path(const struct batch *batch)
{
	char *path;

	return asprintf(&path, "%s/snnfit-batch.jsonl", batch->arguments->output) < 0 ? NULL : path;
}

/* --- what a result depends on ---------------------------------------------------- */

static json_t *
command_words(const struct batch *batch)
{
	json_t *words = json_array();

	for (int i = 0; i < batch->arguments->rest_count; i++)
		(void)json_array_append_new(words, json_string(batch->arguments->rest[i]));
	return words;
}

/* NULL: the model is not there, or out of memory. */
static json_t *
dependencies(const struct batch *batch, const struct batch_model *model)
{
	struct stat status;

	if (stat(model->path, &status) != 0)
		return NULL;
	return json_pack("{s:s, s:o, s:I, s:I, s:I}", "version", snnfit_version(), "command",
			 command_words(batch), "size", (json_int_t)status.st_size, "seconds",
			 (json_int_t)status.st_mtim.tv_sec, "nanoseconds",
			 (json_int_t)status.st_mtim.tv_nsec);
}

/* --- reading ------------------------------------------------------------------------ */

/* Failures are tried again. */
static bool
still_holds(const struct batch *batch, const struct batch_model *model, const json_t *line)
{
	const json_t *result = json_object_get(line, "result");
	json_t *depends = dependencies(batch, model);
	bool holds = depends && json_equal(depends, json_object_get(line, "depends"));

	json_decref(depends);
	if (!holds || !json_is_object(result))
		return false;
	if (json_integer_value(json_object_get(result, "exit")) > EXIT_NO_FIT)
		return false;
	return json_is_null(json_object_get(result, "output")) ||
	       (model->output && access(model->output, F_OK) == 0);
}

static int
by_path(const void *path, const void *model)
{
	return strcmp(path, (*(struct batch_model *const *)model)->path);
}

static int
by_paths(const void *a, const void *b)
{
	return strcmp((*(struct batch_model *const *)a)->path,
		      (*(struct batch_model *const *)b)->path);
}

static void
take_line(const struct batch *batch, struct batch_model **sorted, const char *text)
{
	struct json_problem problem;
	json_t *line = NULL, *result;
	struct batch_model **model = NULL;
	const char *path;

	if (json_parse(&line, text, strlen(text), &problem) != SNNFIT_OK)
		return; /* cut off: that model runs again */
	result = json_object_get(line, "result");
	path = json_string_value(json_object_get(result, "model"));
	if (path)
		model = bsearch(path, sorted, batch->count, sizeof *sorted, by_path);
	if (model && still_holds(batch, *model, line)) {
		json_decref((*model)->result);
		(*model)->result = json_incref(result);
	}
	json_decref(line);
}

static bool
read_journal(const struct batch *batch, FILE *file)
{
	struct batch_model **sorted = calloc(batch->count, sizeof *sorted);
	char *line = NULL;
	size_t capacity = 0;

	for (size_t i = 0; sorted && i < batch->count; i++)
		sorted[i] = &batch->models[i];
	if (sorted)
		qsort(sorted, batch->count, sizeof *sorted, by_paths);
	while (sorted && getline(&line, &capacity, file) >= 0)
		take_line(batch, sorted, line);
	free(line);
	free(sorted);
	return sorted != NULL && feof(file) && !batch_out_of_memory();
}

/* --- writing -------------------------------------------------------------------------- */

static bool
journal_fault(const struct batch *batch, snnfit_error *fault)
{
	(void)say_fault(fault, "the journal '%s/snnfit-batch.jsonl': %s", batch->arguments->output,
			strerror(errno));
	fault->status = errno == ENOMEM ? SNNFIT_ENOMEM : SNNFIT_EIO;
	return false;
}

/* What an earlier batch has done; a journal that is not there yet says nothing. */
static bool
take_results(const struct batch *batch, const char *path)
{
	FILE *file = fopen(path, "re");
	bool good = file ? read_journal(batch, file) : errno == ENOENT;

	if (file)
		(void)fclose(file);
	return good;
}

bool
journal_open(struct batch *batch, snnfit_error *fault)
{
	int mode = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
	char *path;

	if (!make_folder(batch->arguments->output, fault))
		return false;
	path = journal_path(batch);
	if (!batch->arguments->resume)
		mode |= O_TRUNC;
	if (path && (!batch->arguments->resume || take_results(batch, path)))
		batch->journal = open(path, mode, 0666);
	free(path);
	return batch->journal >= 0 || journal_fault(batch, fault);
}

static bool
write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t put = write(fd, bytes, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		bytes += put;
		length -= (size_t)put;
	}
	return true;
}

bool
journal_add(const struct batch *batch, const struct batch_model *model, snnfit_error *fault)
{
	json_t *line = json_pack("{s:o?, s:O}", "depends", dependencies(batch, model), "result",
				 model->result);
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL, *whole = NULL;
	bool added = false;
	int length = -1;

	/* Begins with a line's end: what was cut off before stays by itself. */
	if (text)
		length = asprintf(&whole, "\n%s\n", text);
	if (length >= 0)
		added = !batch_out_of_memory() && write_all(batch->journal, whole, (size_t)length);
	free(length >= 0 ? whole : NULL);
	free(text);
	json_decref(line);
	return added || journal_fault(batch, fault);
}

void
journal_close(struct batch *batch)
{
	if (batch->journal >= 0)
		(void)close(batch->journal);
}
