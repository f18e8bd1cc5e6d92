/* batch_list.c - the models of a batch, and where each one's output goes. */
#include "cli/batch.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Paths as they are found. */
struct list {
	char **paths;
	size_t count, capacity;
	size_t prefix; /* bytes that all outputs leave out */
};

static bool
out_of_memory(snnfit_error *fault)
{
	(void)say_fault(fault, "out of memory");
	fault->status = SNNFIT_ENOMEM;
	return false;
}

static bool
list_add(struct list *list, const char *path, snnfit_error *fault)
{
	char **grown;

	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 64;
		grown = realloc(list->paths, list->capacity * sizeof *grown);
		if (!grown)
			return out_of_memory(fault);
		list->paths = grown;
	}
	list->paths[list->count] = strdup(path);
	return list->paths[list->count++] || out_of_memory(fault);
}

static bool
is_model_name(const char *path)
{
	size_t length = strlen(path);

	return length > 5 && strcasecmp(path + length - 5, ".onnx") == 0;
}

/* --- a folder ------------------------------------------------------------------ */

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool
cannot_read(const char *folder, snnfit_error *fault)
{
	(void)say_fault(fault, "can't read the folder '%s': %s", folder, strerror(errno));
	fault->status = errno == ENOMEM ? SNNFIT_ENOMEM : SNNFIT_EIO;
	return false;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool walk(struct list *list, const char *folder, const struct stat *output,
		 snnfit_error *fault);

/* A model is a regular file, or a link to one. Links to folders are not followed; the
 * outputs of an earlier batch are no inputs of this one. */
static bool
visit(struct list *list, const char *path, const struct stat *output, snnfit_error *fault)
{
	struct stat status;

	if (lstat(path, &status) != 0)
		return errno == ENOENT || cannot_read(path, fault);
	if (S_ISDIR(status.st_mode))
		return (output && is_same_file(&status, output)) || walk(list, path, output, fault);
	if (!is_model_name(path))
		return true;
	if (S_ISLNK(status.st_mode) && stat(path, &status) != 0)
		return errno == ENOENT || errno == ELOOP || cannot_read(path, fault);
	return !S_ISREG(status.st_mode) || list_add(list, path, fault);
}

/* As deep as paths can be long. */
static bool
walk(struct list *list, const char *folder, const struct stat *output, snnfit_error *fault)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, by_name);
	bool good = count >= 0 || cannot_read(folder, fault);

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name, *slash = "/";
		char *path = NULL;

		if (folder[strlen(folder) - 1] == '/')
			slash = "";
		if (good && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			good = asprintf(&path, "%s%s%s", folder, slash, name) >= 0
				       ? visit(list, path, output, fault)
				       : out_of_memory(fault);
			free(path);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return good;
}

static bool
list_folder(struct list *list, const char *folder, const char *output, snnfit_error *fault)
{
	char *path = strdup(folder);
	struct stat status, *skip = stat(output, &status) == 0 ? &status : NULL;
	struct stat root;
	bool listed;

	if (!skip && errno != ENOENT) {
		(void)cannot_read(output, fault);
		free(path);
		return false;
	}
	for (size_t end = path ? strlen(path) : 0; end > 1 && path[end - 1] == '/'; end--)
		path[end - 1] = '\0';
	if (path && skip && stat(path, &root) == 0 && is_same_file(&root, skip)) {
		free(path);
		return say_fault(fault,
				 "the outputs would replace the models in '%s'; choose "
				 "another folder (-o DIR)",
				 folder);
	}
	listed = path ? walk(list, path, skip, fault) : out_of_memory(fault);
	list->prefix = path ? strlen(path) + (strcmp(path, "/") != 0) : 0;
	free(path);
	return listed;
}

/* --- files and manifests ----------------------------------------------------------- */

/* One path a line; empty lines and those that begin with # say nothing. */
static bool
list_manifest(struct list *list, const char *path, snnfit_error *fault)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t capacity = 0;
	bool good = file != NULL;

	while (good && getline(&line, &capacity, file) >= 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] && line[0] != '#')
			good = list_add(list, line, fault);
	}
	if (!file || (good && !feof(file))) {
		(void)say_fault(fault, "can't read the manifest '%s': %s", path, strerror(errno));
		fault->status = errno == ENOMEM ? SNNFIT_ENOMEM : SNNFIT_EIO;
		good = false;
	}
	free(line);
	if (file)
		(void)fclose(file);
	return good;
}

/* Bytes of the folder that all paths lie in, its slash included. */
static size_t
common_folder(const struct list *list)
{
	const char *first = list->count ? list->paths[0] : "";
	const char *slash = strrchr(first, '/');
	size_t length = slash ? (size_t)(slash - first) + 1 : 0;

	for (size_t i = 1; i < list->count; i++)
		while (length && strncmp(first, list->paths[i], length) != 0)
			for (length--; length && first[length - 1] != '/';)
				length--;
	return length;
}

static bool
is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool
list_operands(struct list *list, const struct arguments *arguments, snnfit_error *fault)
{
	const char *first = arguments->operands[0];

	if (arguments->operand_count == 1 && is_folder(first))
		return list_folder(list, first, arguments->output, fault);
	if (arguments->operand_count == 1 && !is_model_name(first)) {
		if (!list_manifest(list, first, fault))
			return false;
		list->prefix = common_folder(list);
		return true;
	}
	for (size_t i = 0; i < arguments->operand_count; i++) {
		const char *path = arguments->operands[i];

		if (is_folder(path) || !is_model_name(path))
			return say_fault(fault,
					 "batch takes one folder, or one manifest, or .onnx files, "
					 "but not '%s' among others",
					 path);
		if (!list_add(list, path, fault))
			return false;
	}
	list->prefix = common_folder(list);
	return true;
}

/* --- outputs -------------------------------------------------------------------------- */

static bool
climbs_up(const char *relative)
{
	return strcmp(relative, "..") == 0 || strncmp(relative, "../", 3) == 0 ||
	       strstr(relative, "/../");
}

static bool
set_output(const struct batch *batch, struct batch_model *model, const char *relative,
	   snnfit_error *fault)
{
	struct stat input, output;

	if (batch->command != COMMAND_ANNOTATE && batch->command != COMMAND_OPTIMIZE &&
	    batch->command != COMMAND_FIT)
		return true;
	while (relative[0] == '.' && relative[1] == '/')
		relative += 2;
	if (climbs_up(relative))
		return say_fault(fault,
				 "'%s' leads out of the folder of outputs; name it without ..",
				 model->path);
	if (asprintf(&model->output, "%s/%s", batch->arguments->output, relative) < 0) {
		model->output = NULL;
		return out_of_memory(fault);
	}
	if (stat(model->path, &input) == 0 && stat(model->output, &output) == 0 &&
	    is_same_file(&input, &output))
		return say_fault(fault,
				 "the output of '%s' would replace it; choose another folder "
				 "(-o DIR)",
				 model->path);
	return true;
}

static int
by_output(const void *a, const void *b)
{
	const struct batch_model *const *x = a, *const *y = b;

	return strcmp((*x)->output, (*y)->output);
}

/* Two models with the same output would be written over each other. */
static bool
outputs_differ(const struct batch *batch, snnfit_error *fault)
{
	const struct batch_model **sorted = calloc(batch->count + 1, sizeof *sorted);
	bool differ = true;

	if (!sorted)
		return out_of_memory(fault);
	for (size_t i = 0; i < batch->count; i++)
		sorted[i] = &batch->models[i];
	if (batch->count && batch->models[0].output)
		qsort(sorted, batch->count, sizeof *sorted, by_output);
	for (size_t i = 1; i < batch->count && differ && sorted[0]->output; i++)
		if (strcmp(sorted[i - 1]->output, sorted[i]->output) == 0)
			differ = say_fault(fault, "'%s' and '%s' have the same output, '%s'",
					   sorted[i - 1]->path, sorted[i]->path, sorted[i]->output);
	free(sorted);
	return differ;
}

static bool
set_models(struct batch *batch, struct list *list, snnfit_error *fault)
{
	batch->models = calloc(list->count + 1, sizeof *batch->models);
	if (!batch->models)
		return out_of_memory(fault);
	for (; batch->count < list->count; batch->count++) {
		batch->models[batch->count] = (struct batch_model){
			.path = list->paths[batch->count], .out = -1, .err = -1
		};
		list->paths[batch->count] = NULL;
	}
	for (size_t i = 0; i < batch->count; i++)
		if (!set_output(batch, &batch->models[i], batch->models[i].path + list->prefix,
				fault))
			return false;
	return outputs_differ(batch, fault);
}

bool
batch_list(struct batch *batch, snnfit_error *fault)
{
	struct list list = { .paths = NULL };
	bool listed = list_operands(&list, batch->arguments, fault);

	if (listed && list.count == 0)
		listed = say_fault(fault, "there is no model (.onnx) in '%s'",
				   batch->arguments->operands[0]);
	if (listed)
		listed = set_models(batch, &list, fault);
	for (size_t i = 0; i < list.count; i++)
		free(list.paths[i]);
	free(list.paths);
	return listed;
}

void
batch_list_free(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		free(batch->models[i].path);
		free(batch->models[i].output);
		json_decref(batch->models[i].result);
	}
	free(batch->models);
}
