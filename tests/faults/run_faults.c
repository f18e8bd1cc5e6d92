/* run_faults.c - a command of the program, made to fail at one place after the other.
 *
 *     run_faults KIND STRIDE -- COMMAND...
 *
 * The command runs once as it is, then once for every STRIDE-th allocation or
 * system call (or for one of them alone, as "=PLACE", to look into it), in a copy of
 * this process, which is the program with its allocator and its system calls in our
 * hands. The working folder holds everything that the
 * command reads and writes, outputs of an earlier run too.
 *
 *     memory        the allocation fails
 *     memory-on     and all that follow
 *     calls         the system call fails (EIO)
 *     full          what takes space fails from then on (ENOSPC)
 *     interrupted   the read or write is interrupted (EINTR)
 *     short         the read or write transfers one byte
 *     term, kill    SIGTERM or SIGKILL before the call
 *
 * "poor-" before one of the last six: on a file system that can do little.
 *
 * After each run: exit status 4 or 5 with one line on standard error and the files as
 * they were, or status, output and files of the run as it is; never anything else in
 * the folder, nothing allocated or open. After a signal, too, the files are the old
 * or the new ones. Several outputs (batch) are looked at one by one. */
#include "../counting.h"
#include "../unit/failing_allocator.h"
#include "inject.h"
#include "snapshot.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int snnfit_main(int argc, char **argv);

enum { PROBLEMS_SHOWN = 10, DESCRIPTORS = 64, TEXT_BYTES = 1 << 20 };

struct kind {
	const char *name;
	bool memory, onwards;
	enum injection injection;
	int signal;
};

static const struct kind kinds[] = {
	{ "memory", true, false, INJECT_NOTHING, 0 },
	{ "memory-on", true, true, INJECT_NOTHING, 0 },
	{ "calls", false, false, INJECT_FAILURE, 0 },
	{ "full", false, true, INJECT_FULL_DISK, 0 },
	{ "interrupted", false, false, INJECT_INTERRUPTED, 0 },
	{ "short", false, false, INJECT_SHORT, 0 },
	{ "term", false, false, INJECT_SIGNAL, SIGTERM },
	{ "kill", false, false, INJECT_SIGNAL, SIGKILL },
	{ NULL, false, false, INJECT_NOTHING, 0 },
};

/* What the processes of a run share. */
struct shared {
	struct failing_allocations failing;
	struct call_plan calls;
	long leaked;	  /* allocations */
	long descriptors; /* left open */
};

struct course {
	const struct kind *kind;
	bool poor;
	int argc;
	char **argv;
	struct shared *shared;
	int out, err;
	long first, stride; /* places to fail at */
};

/* What a run has left. */
struct result {
	int wait_status;
	char *out, *err; /* malloc */
	struct snapshot files;
};

/* --- one run ------------------------------------------------------------------- */

static long
open_descriptors(void)
{
	long count = 0;

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

void
counting_begins(void)
{
	static struct call_plan nothing = { .left = -1 };

	failing = &own_failing;
	inject_as(&nothing);
}

static _Noreturn void
be_the_program(struct course *course, long place)
{
	static char buffer[BUFSIZ]; /* libc would allocate one, and keep it */
	struct shared *shared = course->shared;
	int nothing = open("/dev/null", O_RDONLY), status;
	long before, descriptors;

	if (dup2(nothing, STDIN_FILENO) < 0 || dup2(course->out, STDOUT_FILENO) < 0 ||
	    dup2(course->err, STDERR_FILENO) < 0)
		_exit(99);
	(void)close(nothing);
	(void)setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	shared->failing = (struct failing_allocations){ -1, course->kind->onwards, 0 };
	shared->calls = (struct call_plan){ .injection = course->kind->injection,
					    .signal = course->kind->signal,
					    .left = -1,
					    .poor = course->poor };
	descriptors = open_descriptors();
	before = allocated;
	if (!inject_calls(&shared->calls))
		_exit(98);
	failing = &shared->failing;
	if (course->kind->memory)
		shared->failing.left = place;
	shared->calls.seen = shared->failing.seen = 0;
	if (!course->kind->memory)
		shared->calls.left = place;
	status = snnfit_main(course->argc, course->argv);
	counting_begins();
	shared->leaked = allocated - before;
	shared->descriptors = open_descriptors() - descriptors;
	_exit(status);
}

static char *
text_of(int fd)
{
	struct stat status;
	char *text;

	if (fstat(fd, &status) != 0)
		err(2, "what was printed");
	text = calloc(1, (size_t)status.st_size + 1);
	if (!text || pread(fd, text, (size_t)status.st_size, 0) != status.st_size)
		err(2, "what was printed");
	return text;
}

/* place -1: nothing fails. */
static struct result
run(struct course *course, long place)
{
	struct result result;
	pid_t process;

	course->shared->leaked = course->shared->descriptors = 0;
	if (ftruncate(course->out, 0) != 0 || ftruncate(course->err, 0) != 0 ||
	    lseek(course->out, 0, SEEK_SET) != 0 || lseek(course->err, 0, SEEK_SET) != 0)
		err(2, "room for what is printed");
	process = fork();
	if (process == 0)
		be_the_program(course, place);
	if (process < 0 || waitpid(process, &result.wait_status, 0) != process)
		err(2, "a process");
	result.out = text_of(course->out);
	result.err = text_of(course->err);
	result.files = snapshot_take();
	return result;
}

static void
result_free(struct result *result)
{
	free(result->out);
	free(result->err);
	snapshot_free(&result->files);
}

/* --- what is right ---------------------------------------------------------------- */

static bool
is_batch(const struct course *course)
{
	return strcmp(course->argv[1], "batch") == 0;
}

/* The old file or the new one. The journal of a batch grows line by line. A kill
 * that nothing can hold up may leave a file just when it is to take its place. */
static bool
file_is_right(const struct course *course, const char *path, const struct snapshot *old,
	      const struct snapshot *new, const struct snapshot *now)
{
	const struct snapshot_file *file = snapshot_find(now, path);

	if (is_batch(course) && fnmatch("*/snnfit-batch.jsonl", path, 0) == 0)
		return true;
	if (course->kind->signal == SIGKILL &&
	    (fnmatch("*.snnfit-*.tmp", path, 0) == 0 || fnmatch("*.data", path, 0) == 0))
		return true;
	return snapshot_same_file(file, snapshot_find(old, path)) ||
	       snapshot_same_file(file, snapshot_find(new, path));
}

/* All new files are there, and of the old ones some that were to go: an old model that
 * cannot be read does not say which data is its own, and removing a file can fail. */
static bool
has_stale_files(const struct course *course, const struct snapshot *old, const struct snapshot *new,
		const struct snapshot *now)
{
	bool has = course->kind->injection == INJECT_FAILURE;

	for (size_t i = 0; i < new->count &&has; i++)
		has = snapshot_same_file(&new->files[i], snapshot_find(now, new->files[i].path));
	for (size_t i = 0; i < now->count && has; i++) {
		const struct snapshot_file *file = &now->files[i];

		has = snapshot_find(new, file->path) ||
		      snapshot_same_file(file, snapshot_find(old, file->path));
	}
	return has;
}

static bool
files_are_right(const struct course *course, const struct snapshot *old, const struct snapshot *new,
		const struct snapshot *now)
{
	const struct snapshot *all[] = { old, new, now };

	if (snapshot_equal(now, old) || snapshot_equal(now, new) ||
	    has_stale_files(course, old, new, now))
		return true;
	if (!is_batch(course) && course->kind->signal != SIGKILL)
		return false;
	for (int i = 0; i < 3; i++)
		for (size_t j = 0; j < all[i]->count; j++)
			if (!file_is_right(course, all[i]->files[j].path, old, new, now))
				return false;
	return true;
}

static size_t
lines_in(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* A batch says it in the line of a model, or as other commands do; the models that are
 * done may have warnings. */
static bool
batch_says_it(const struct result *result)
{
	return strstr(result->out, "\"exit\":4,\"error\":\"") ||
	       strstr(result->out, "\"exit\":5,\"error\":\"") || strstr(result->err, "error: ");
}

/* The one line. */
static bool
is_one_line(const struct course *course, const struct result *result)
{
	if (course->shared->calls.lost_diagnostics)
		return true;
	if (is_batch(course))
		return batch_says_it(result);
	if (strncmp(result->err, "snnfit: ", 8) != 0 || !strstr(result->err, "error: "))
		return false;
	return lines_in(result->err) == 1 && strchr(result->err, '\n')[1] == '\0';
}

/* NULL, or what is wrong. */
static const char *
problem_of(const struct course *course, const struct result *normal, const struct snapshot *old,
	   const struct result *result)
{
	const struct snapshot *new = &normal->files;
	int status = result->wait_status;

	if (!files_are_right(course, old, new, &result->files))
		return "the files are neither the old nor the new ones";
	if (WIFSIGNALED(status))
		return course->kind->signal && WTERMSIG(status) == course->kind->signal
			       ? NULL
			       : "it crashed";
	if (course->shared->leaked)
		return "memory is leaked";
	if (course->shared->descriptors)
		return "descriptors are left open";
	if (WEXITSTATUS(status) == 4 || WEXITSTATUS(status) == 5)
		return is_one_line(course, result) ? NULL
						   : "it does not say in one line what failed";
	if (status != normal->wait_status)
		return "its exit status is not 4 or 5";
	if (strcmp(result->out, normal->out) != 0)
		return "it prints something else";
	if (!is_batch(course) && !snapshot_equal(&result->files, new) &&
	    !has_stale_files(course, old, new, &result->files))
		return "it writes something else";
	return NULL;
}

static void
show(long place, const char *problem, const struct result *result)
{
	int status = result->wait_status;

	(void)printf("place %ld: %s: ", place, problem);
	if (WIFSIGNALED(status))
		(void)printf("signal %d\n", WTERMSIG(status));
	else
		(void)printf("exit status %d\n", WEXITSTATUS(status));
	(void)printf("%s", result->err);
	for (size_t i = 0; i < result->files.count; i++)
		(void)printf("\t%s (%zu bytes)\n", result->files.files[i].path,
			     result->files.files[i].length);
}

/* --- all runs ----------------------------------------------------------------------- */

struct totals {
	long places, tried, refused, same, killed, problems;
};

static void
count(struct totals *totals, const struct result *result)
{
	totals->tried++;
	if (WIFSIGNALED(result->wait_status))
		totals->killed++;
	else if (WEXITSTATUS(result->wait_status) >= 4)
		totals->refused++;
	else
		totals->same++;
}

static void
try_place(struct course *course, long place, const struct result *normal,
	  const struct snapshot *old, struct totals *totals)
{
	struct result result = run(course, place);
	const char *problem = problem_of(course, normal, old, &result);

	count(totals, &result);
	if (problem && totals->problems++ < PROBLEMS_SHOWN)
		show(place, problem, &result);
	if (!snapshot_equal(old, &result.files))
		snapshot_restore(old, &result.files);
	result_free(&result);
}

static struct totals
try_all(struct course *course)
{
	struct totals totals = { 0 };
	struct snapshot old = snapshot_take();
	struct result normal = run(course, -1);

	if (!WIFEXITED(normal.wait_status) || WEXITSTATUS(normal.wait_status) > 1)
		errx(2, "it fails by itself: %d: %s", normal.wait_status, normal.err);
	if (course->shared->leaked || course->shared->descriptors)
		errx(2, "by itself it leaks %ld allocations and %ld descriptors",
		     course->shared->leaked, course->shared->descriptors);
	totals.places = course->kind->memory ? course->shared->failing.seen
					     : course->shared->calls.seen;
	snapshot_restore(&old, &normal.files);
	for (long place = course->first; place < totals.places; place += course->stride)
		try_place(course, place, &normal, &old, &totals);
	result_free(&normal);
	snapshot_free(&old);
	return totals;
}

static bool
set_places(struct course *course, const char *text)
{
	bool alone = text[0] == '=';

	course->first = alone ? atol(text + 1) : 0;
	course->stride = alone ? LONG_MAX / 2 : atol(text);
	return course->stride > 0;
}

static bool
set_kind(struct course *course, const char *name)
{
	course->poor = strncmp(name, "poor-", 5) == 0;
	for (course->kind = kinds; course->kind->name; course->kind++)
		if (strcmp(course->kind->name, course->poor ? name + 5 : name) == 0)
			return true;
	return false;
}

int
main(int argc, char **argv)
{
	struct course course = { .argc = argc - 3, .argv = argv + 3 };
	struct totals totals;

	if (argc < 5 || strcmp(argv[3], "--") != 0 || !set_kind(&course, argv[1]) ||
	    !set_places(&course, argv[2]))
		errx(2, "usage: run_faults KIND STRIDE -- COMMAND...");
	argv[3] = argv[0];
	course.shared = mmap(NULL, sizeof *course.shared, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	course.out = memfd_create("out", MFD_CLOEXEC);
	course.err = memfd_create("err", MFD_CLOEXEC);
	if (course.shared == MAP_FAILED || course.out < 0 || course.err < 0)
		err(2, "run_faults");
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	totals = try_all(&course);
	(void)printf("%s: %ld places, %ld tried: %ld refused, %ld done all the same, %ld killed, "
		     "%ld problems\n",
		     argv[1], totals.places, totals.tried, totals.refused, totals.same,
		     totals.killed, totals.problems);
	return totals.problems || totals.tried == 0;
}
