/* command_line.c - fuzz target: the whole program. Input: its words, a line each; run in
 * a folder of its own that has a model, rates, a target and a folder in it. Words with a
 * slash or two dots are left alone: nothing is read or written elsewhere.
 *
 * Promises: the exit status is one of those documented, and not "internal"; a failure is
 * one line on standard error; nothing is left open. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#pragma weak __sanitizer_set_report_fd
void __sanitizer_set_report_fd(void *fd);
int snnfit_main(int argc, char **argv);

enum { WORDS = 64, STATUS_USAGE = 2, STATUS_INTERNAL = 5 };

static char folder[] = "/dev/shm/snnfit-fuzz-XXXXXX";
static uint64_t untouched; /* fingerprint of the folder as it was prepared */

/* --- the folder ------------------------------------------------------------------ */

static void
copy_to(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	struct stat status;

	MUST(in >= 0 && fstat(in, &status) == 0);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	MUST(out >= 0 && sendfile(out, in, NULL, (size_t)status.st_size) == status.st_size);
	MUST(close(in) == 0 && close(out) == 0);
}

static int
remove_one(const char *path, const struct stat *status, int flag, struct FTW *at)
{
	(void)status, (void)flag;
	return at->level ? remove(path) : 0;
}

static void
empty_folder(void)
{
	MUST(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

static void
remove_folder(void)
{
	empty_folder();
	(void)rmdir(folder);
}

/* What is there: another one of the same name counts as other. */
static uint64_t
fingerprint(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	uint64_t hash = (uint64_t)count;

	MUST(count >= 0);
	for (int i = 0; i < count; i++) {
		for (const char *c = entries[i]->d_name; *c; c++)
			hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
		if (strcmp(entries[i]->d_name, "..") != 0)
			hash = (hash ^ entries[i]->d_ino) * UINT64_C(0x100000001b3);
		free(entries[i]);
	}
	free(entries);
	return hash;
}

static uint64_t
fingerprint_of_all(void)
{
	return fingerprint(".") ^ (fingerprint("d") * 3);
}

static void
prepare_folder(void)
{
	copy_to(FUZZ_FILES "/model.onnx", "m.onnx");
	copy_to(FUZZ_FILES "/rates.npz", "r.npz");
	copy_to(FUZZ_FILES "/target.json", "t.json");
	MUST(mkdir("d", 0777) == 0);
	copy_to("m.onnx", "d/a.onnx");
	copy_to("t.json", "d/b.onnx");
	untouched = fingerprint_of_all();
}

static void
set_up(void)
{
	MUST(mkdtemp(folder) && chdir(folder) == 0 && atexit(remove_folder) == 0);
	prepare_folder();
}

/* --- its standard streams ---------------------------------------------------------- */

struct streams {
	int kept[3]; /* what they are otherwise */
	int out, err;
};

static int
dup_high(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 100);
}

static struct streams
redirect(void)
{
	struct streams streams = { { dup_high(0), dup_high(1), dup_high(2) },
				   memfd_create("out", MFD_CLOEXEC),
				   memfd_create("err", MFD_CLOEXEC) };
	int in = open("m.onnx", O_RDONLY | O_CLOEXEC);

	MUST(in >= 0 && streams.out >= 0 && streams.err >= 0 && streams.kept[2] >= 0);
	if (__sanitizer_set_report_fd)
		__sanitizer_set_report_fd((void *)(intptr_t)streams.kept[2]);
	MUST(fflush(NULL) == 0);
	MUST(dup2(in, 0) == 0 && dup2(streams.out, 1) == 1 && dup2(streams.err, 2) == 2);
	MUST(close(in) == 0);
	return streams;
}

static void
restore(const struct streams *streams)
{
	MUST(fflush(NULL) == 0);
	for (int i = 0; i < 3; i++)
		MUST(dup2(streams->kept[i], i) == i && close(streams->kept[i]) == 0);
	if (__sanitizer_set_report_fd)
		__sanitizer_set_report_fd((void *)2);
}

/* What was written into it. */
static char *
text_of(int fd)
{
	off_t length = lseek(fd, 0, SEEK_END);
	char *text = malloc((size_t)length + 1);

	MUST(text && pread(fd, text, (size_t)length, 0) == length && close(fd) == 0);
	text[length] = '\0';
	return text;
}

/* --- a run ---------------------------------------------------------------------------- */

static unsigned
lines_with_an_error(const char *text)
{
	unsigned count = 0;

	for (; *text; text += *text == '\n') {
		size_t length = strcspn(text, "\n");

		count += strncmp(text, "snnfit: ", 8) == 0 &&
			 memmem(text, length, "error: ", 7) != NULL;
		text += length;
	}
	return count;
}

static void
run(int count, char **words)
{
	struct streams streams = redirect();
	int status = snnfit_main(count, words);
	bool batch = count > 1 && strcmp(words[1], "batch") == 0, internal;
	char *out, *err;

	restore(&streams);
	out = text_of(streams.out);
	err = text_of(streams.err);
	/* Of a batch's lines only: a name in one has its quotes escaped, elsewhere it may
	 * hold anything. */
	internal = status < 0 || status >= STATUS_INTERNAL || (batch && strstr(out, "\"exit\":5"));
	if (internal)
		(void)fprintf(stderr, "status %d\n%s%s", status, out, err);
	MUST(!internal);
	if (status >= STATUS_USAGE && !batch)
		MUST(lines_with_an_error(err) == 1);
	free(out);
	free(err);
}

/* The words of the text, which is cut up; false: they are not to be run. */
static bool
split(char *text, char **words, int *count)
{
	words[(*count)++] = (char *)(uintptr_t) "snnfit";
	for (char *word = strtok(text, "\n"); word; word = strtok(NULL, "\n")) {
		if (strchr(word, '/') || strstr(word, "..") || *count == WORDS)
			return false;
		words[(*count)++] = word;
	}
	words[*count] = NULL;
	return true;
}

static int
open_descriptors(void)
{
	int count = 0;
	DIR *list = opendir("/proc/self/fd");

	MUST(list);
	while (readdir(list))
		count++;
	MUST(closedir(list) == 0);
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	char *text = malloc(size + 1), *words[WORDS + 1];
	int count = 0, open_before;

	if (!ready)
		set_up();
	ready = true;
	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	open_before = open_descriptors();
	if (split(text, words, &count))
		run(count, words);
	MUST(open_descriptors() == open_before);
	free(text);
	if (fingerprint_of_all() != untouched) {
		empty_folder();
		prepare_folder();
	}
	return 0;
}
