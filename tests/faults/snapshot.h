/* snapshot.h - what a folder holds: every file beneath it, with its bytes. */
#ifndef SNNFIT_TESTS_SNAPSHOT_H
#define SNNFIT_TESTS_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

struct snapshot_file {
	char *path; /* NULL: there is no such file */
	char *bytes;
	size_t length;
};

struct snapshot {
	struct snapshot_file *files; /* in the order of their paths */
	size_t count, capacity;
};

/* Of the working folder. Whatever goes wrong ends the program. */
struct snapshot snapshot_take(void);
void snapshot_free(struct snapshot *snapshot);
/* NULL: it was not there. */
const struct snapshot_file *snapshot_find(const struct snapshot *snapshot, const char *path);
/* Both may be NULL. */
bool snapshot_same_file(const struct snapshot_file *a, const struct snapshot_file *b);
bool snapshot_equal(const struct snapshot *a, const struct snapshot *b);
/* Makes the working folder, which holds now, what it was. */
void snapshot_restore(const struct snapshot *snapshot, const struct snapshot *now);

#endif
