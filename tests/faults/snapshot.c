#include "snapshot.h"

#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct snapshot *taken; /* nftw has no argument of ours */

static void
read_file(struct snapshot_file *file)
{
	int fd = open(file->path, O_RDONLY | O_CLOEXEC);
	size_t at = 0;
	ssize_t got;

	if (fd < 0)
		err(2, "%s", file->path);
	for (; at < file->length; at += (size_t)got) {
		got = read(fd, file->bytes + at, file->length - at);
		if (got <= 0)
			err(2, "%s", file->path);
	}
	(void)close(fd);
}

static int
visit(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	struct snapshot_file *file;

	(void)where;
	if (kind == FTW_D)
		return 0;
	if (taken->count == taken->capacity) {
		taken->capacity = 2 * taken->capacity + 16;
		taken->files = realloc(taken->files, taken->capacity * sizeof *taken->files);
		if (!taken->files)
			err(2, "snapshot");
	}
	file = &taken->files[taken->count++];
	file->path = strdup(path);
	file->length = (size_t)status->st_size;
	file->bytes = malloc(file->length + 1);
	if (!file->path || !file->bytes)
		err(2, "snapshot");
	read_file(file);
	return 0;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct snapshot_file *)a)->path,
		      ((const struct snapshot_file *)b)->path);
}

struct snapshot
snapshot_take(void)
{
	struct snapshot snapshot = { .files = NULL };

	taken = &snapshot;
	if (nftw(".", visit, 16, FTW_PHYS) != 0)
		err(2, "cannot look through the working folder");
	if (snapshot.count)
		qsort(snapshot.files, snapshot.count, sizeof *snapshot.files, by_path);
	return snapshot;
}

void
snapshot_free(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++) {
		free(snapshot->files[i].path);
		free(snapshot->files[i].bytes);
	}
	free(snapshot->files);
	*snapshot = (struct snapshot){ .files = NULL };
}

const struct snapshot_file *
snapshot_find(const struct snapshot *snapshot, const char *path)
{
	for (size_t i = 0; i < snapshot->count; i++)
		if (strcmp(snapshot->files[i].path, path) == 0)
			return &snapshot->files[i];
	return NULL;
}

bool
snapshot_same_file(const struct snapshot_file *a, const struct snapshot_file *b)
{
	if (!a || !b)
		return a == b;
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

bool
snapshot_equal(const struct snapshot *a, const struct snapshot *b)
{
	bool equal = a->count == b->count;

	for (size_t i = 0; i < a->count && equal; i++)
		equal = strcmp(a->files[i].path, b->files[i].path) == 0 &&
			snapshot_same_file(&a->files[i], &b->files[i]);
	return equal;
}

static void
write_file(const struct snapshot_file *file)
{
	int fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || write(fd, file->bytes, file->length) != (ssize_t)file->length)
		err(2, "%s", file->path);
	(void)close(fd);
}

void
snapshot_restore(const struct snapshot *snapshot, const struct snapshot *now)
{
	for (size_t i = 0; i < now->count; i++)
		if (!snapshot_find(snapshot, now->files[i].path))
			(void)unlink(now->files[i].path);
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct snapshot_file *file = &snapshot->files[i];

		if (!snapshot_same_file(file, snapshot_find(now, file->path)))
			write_file(file);
	}
}
