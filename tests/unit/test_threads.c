/* test_threads.c - different models in different threads: the same bytes as one by one. */
#include "snnfit.h"

#include <check.h>
#include <dirent.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_THREADS = 8, PATH = 512 };

/* Inline and external data. All threads read the same files. */
static const char *const models[] = {
	"tests/fixtures/sj14-if-soft-dy18-step",
	"examples/seed-mlp",
	"tests/fixtures/snnidiom-graded-ts17-step",
};
enum { MODELS = sizeof models / sizeof *models };

/* --- one model's way ------------------------------------------------------------- */

/* false: err says what went wrong (a check can fail in the main thread only). */
static bool
take_its_way(const char *folder, const char *target, snnfit_error *err)
{
	char model_path[PATH], rates[PATH];
	snnfit_read_options read;
	snnfit_options options;
	snnfit_model *model;
	bool done;

	(void)snprintf(model_path, sizeof model_path, "%s/model.onnx", folder);
	(void)snprintf(rates, sizeof rates, "%s/rates.npz", folder);
	snnfit_read_options_init(&read, sizeof read);
	read.rates = rates;
	snnfit_options_init(&options, sizeof options);
	options.target = "ecp5-25k";
	done = snnfit_model_read(&model, model_path, &read, err) == SNNFIT_OK &&
	       snnfit_optimize(model, &options, NULL, err) == SNNFIT_OK &&
	       snnfit_fit(model, &options, NULL, err) == SNNFIT_OK &&
	       snnfit_model_write(model, target, err) == SNNFIT_OK;
	snnfit_model_free(model);
	return done;
}

struct worker {
	pthread_t thread;
	unsigned number;
	const char *folder; /* of all outputs */
	unsigned written;
	snnfit_error err;
};

/* All models, each worker starting with another one; outputs in FOLDER/NUMBER. */
static void *
work(void *context)
{
	struct worker *worker = context;
	char target[PATH];

	for (unsigned i = 0; i < MODELS; i++) {
		unsigned at = (i + worker->number) % MODELS;

		(void)snprintf(target, sizeof target, "%s/%u/%u.onnx", worker->folder,
			       worker->number, at);
		worker->written += take_its_way(models[at], target, &worker->err);
	}
	return NULL;
}

/* --- folders ---------------------------------------------------------------------- */

static void
make_folder(char *out, const char *folder, unsigned number)
{
	(void)snprintf(out, PATH, "%s/%u", folder, number);
	ck_assert_int_eq(mkdir(out, 0777), 0);
}

static char *
read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	struct stat status;
	char *bytes;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fstat(fileno(file), &status), 0);
	*length = (size_t)status.st_size;
	bytes = malloc(*length + 1);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_uint_eq(fread(bytes, 1, *length, file), *length);
	ck_assert_int_eq(fclose(file), 0);
	return bytes;
}

static void
check_same_file(const char *a, const char *b, const char *name)
{
	char a_path[2 * PATH], b_path[2 * PATH], *a_bytes, *b_bytes;
	size_t a_length, b_length;

	(void)snprintf(a_path, sizeof a_path, "%s/%s", a, name);
	(void)snprintf(b_path, sizeof b_path, "%s/%s", b, name);
	a_bytes = read_file(a_path, &a_length);
	b_bytes = read_file(b_path, &b_length);
	ck_assert_msg(a_length == b_length && memcmp(a_bytes, b_bytes, a_length) == 0,
		      "%s is not %s", b_path, a_path);
	free(a_bytes);
	free(b_bytes);
}

static int
is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The same names (those of data files are a hash of the model) and bytes. How many. */
static int
check_same_folder(const char *a, const char *b)
{
	struct dirent **a_list, **b_list;
	int count = scandir(a, &a_list, is_file, alphasort);

	ck_assert_int_eq(scandir(b, &b_list, is_file, alphasort), count);
	for (int i = 0; i < count; i++) {
		ck_assert_str_eq(a_list[i]->d_name, b_list[i]->d_name);
		check_same_file(a, b, a_list[i]->d_name);
		free(a_list[i]);
		free(b_list[i]);
	}
	free(a_list);
	free(b_list);
	return count;
}

static void
remove_folder(const char *folder)
{
	struct dirent **list;
	char path[2 * PATH];
	int count = scandir(folder, &list, is_file, alphasort);

	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
		ck_assert_int_eq(remove(path), 0);
		free(list[i]);
	}
	free(list);
	ck_assert_int_eq(rmdir(folder), 0);
}

/* --- the test ----------------------------------------------------------------------- */

static void
run_threads(const char *folder, unsigned count)
{
	struct worker workers[MOST_THREADS] = { { 0 } };
	char inner[MOST_THREADS][PATH];

	for (unsigned i = 0; i < count; i++) {
		workers[i].number = i;
		workers[i].folder = folder;
		make_folder(inner[i], folder, i);
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < count; i++) {
		ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
		ck_assert_msg(workers[i].written == MODELS, "%s", workers[i].err.text);
	}
}

START_TEST(as_many_threads_give_the_same_bytes)
{
	static const unsigned counts[] = { 1, 2, MOST_THREADS };
	char folder[] = "/tmp/snnfit-threads-XXXXXX", first[PATH], other[PATH];
	unsigned count = counts[_i];
	struct worker alone = { .folder = folder };

	ck_assert_ptr_nonnull(mkdtemp(folder));
	run_threads(folder, count);
	alone.number = count;
	make_folder(first, folder, count);
	(void)work(&alone);
	ck_assert_msg(alone.written == MODELS, "%s", alone.err.text);
	for (unsigned i = 0; i < count; i++) {
		(void)snprintf(other, sizeof other, "%s/%u", folder, i);
		ck_assert_int_ge(check_same_folder(first, other), MODELS + 1); /* and data */
		remove_folder(other);
	}
	remove_folder(first);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("threads");
	TCase *tcase = tcase_create("threads");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, as_many_threads_give_the_same_bytes, 0, 3);
	tcase_set_timeout(tcase, 280);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
