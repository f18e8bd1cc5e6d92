/* standalone.c - runs a fuzz target over files: what fuzzing found stays a test of every
 * build. usage: fuzz_TARGET FILE|FOLDER... */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

static size_t inputs;

static void
run_file(const char *path, size_t length)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(length + !length); /* no more: reading past the end is seen */

	MUST(file && bytes && fread(bytes, 1, length, file) == length);
	MUST(fclose(file) == 0);
	(void)fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput(bytes, length);
	free(bytes);
	inputs++;
}

static void run_path(const char *path);

static void
run_folder(const char *path)
{
	struct dirent **entries;
	char inner[4096];
	int count = scandir(path, &entries, NULL, alphasort);

	MUST(count >= 0);
	for (int i = 0; i < count; i++) {
		MUST(snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name) <
		     (int)sizeof inner);
		if (entries[i]->d_name[0] != '.')
			run_path(inner);
		free(entries[i]);
	}
	free(entries);
}

static void
run_path(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0) {
		perror(path);
		exit(2);
	}
	if (S_ISDIR(status.st_mode))
		run_folder(path);
	else
		run_file(path, (size_t)status.st_size);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	(void)printf("%zu inputs\n", inputs);
	return inputs ? 0 : 2;
}
