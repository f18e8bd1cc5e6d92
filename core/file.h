/* file.h - bytes that lie in a file or in memory, and files that appear whole or not at all. */
#ifndef SNNFIT_CORE_FILE_H
#define SNNFIT_CORE_FILE_H

#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>

/* --- reading at a position ---------------------------------------------- */

/* One of four: bytes in memory, bytes that a function makes, an open file, or a
 * file that open_file opens for the time of one access. Does not own anything. */
struct byte_source {
	const uint8_t *bytes; /* NULL: a file */
	int fd;		      /* -1: ask open_file */
	uint64_t size;
	const char *name; /* for messages */
	/* A new descriptor for the file, or -1 with *err filled. */
	int (*open_file)(const struct byte_source *source, snnfit_error *err);
	/* Bytes [offset, offset + length), within size; NULL: they are stored. */
	snnfit_status (*make)(const struct byte_source *source, uint64_t offset, void *out,
			      size_t length, snnfit_error *err);
};

/* Bytes [offset, offset + length), all of them or an error (also when the file
 * has become shorter than size). */
MUST_USE snnfit_status byte_source_read(const struct byte_source *source, uint64_t offset,
					void *out, size_t length, snnfit_error *err);

/* A window that moves over a source, for readers that walk it mostly forwards.
 * Reads little after a jump, more and more while nobody jumps. */
struct byte_reader {
	const struct byte_source *source;
	const uint8_t *window; /* the bytes [window_at, window_at + window_length) */
	uint64_t window_at;
	size_t window_length;
	uint8_t *buffer; /* NULL when the source is memory */
	size_t ahead;	 /* how much the next read brings */
};

enum { BYTE_READER_BYTES = 128 * 1024 };

/* The source must outlive the reader. */
MUST_USE snnfit_status byte_reader_init(struct byte_reader *reader,
					const struct byte_source *source, snnfit_error *err);
void byte_reader_free(struct byte_reader *reader);
/* Moves the window so that it begins at offset or before and holds as many of
 * the next length bytes (at most BYTE_READER_BYTES) as the source has. *at is
 * the byte at offset, *available how many follow it in the window. */
MUST_USE snnfit_status byte_reader_view(struct byte_reader *reader, uint64_t offset, size_t length,
					const uint8_t **at, size_t *available, snnfit_error *err);

/* --- writing ------------------------------------------------------------ */

/* Where bytes go: embedded in whatever takes them. */
struct byte_sink {
	snnfit_status (*write)(struct byte_sink *sink, const void *bytes, size_t length,
			       snnfit_error *err);
	/* Takes a stretch of a source; NULL: it is read and written in pieces. */
	snnfit_status (*copy)(struct byte_sink *sink, const struct byte_source *source,
			      uint64_t offset, uint64_t length, snnfit_error *err);
};

MUST_USE snnfit_status byte_sink_write(struct byte_sink *sink, const void *bytes, size_t length,
				       snnfit_error *err);
MUST_USE snnfit_status byte_sink_copy(struct byte_sink *sink, const struct byte_source *source,
				      uint64_t offset, uint64_t length, snnfit_error *err);

/* A file on its way. Until the commit nothing is seen under its name; a file of
 * that name stays whole until the new one, written and synced, takes its place
 * with its permissions. "-" is standard output; devices, pipes and sockets are
 * written as they are. A symbolic link is followed. */
struct file_writer;

MUST_USE snnfit_status file_writer_open(struct file_writer **out, const char *path,
					snnfit_error *err);
/* Another one in the folder of a regular file that is being written, with its
 * permissions; to be ended before that one, with commit_as or abort. */
MUST_USE snnfit_status file_writer_open_beside(struct file_writer **out,
					       const struct file_writer *beside, snnfit_error *err);
/* Names of files in the same folder: partner has been written for this one, and goes
 * unless this one is committed; stale goes once it is. NULL or "": none. */
void file_writer_bind(struct file_writer *writer, const char *partner, const char *stale);
/* To write into; belongs to the writer. */
struct byte_sink *file_writer_sink(struct file_writer *writer);
/* Reserves disk space for what will be written: fails at once when there is not
 * enough, and makes writing cheaper. */
MUST_USE snnfit_status file_writer_reserve(struct file_writer *writer, uint64_t length,
					   snnfit_error *err);
/* Both end the writer, whether they succeed or not. */
MUST_USE snnfit_status file_writer_commit(struct file_writer *writer, snnfit_error *err);
void file_writer_abort(struct file_writer *writer); /* NULL is fine */
/* Commits under another name in the same folder, if no file has it: *taken says
 * that one has, and then the writer lives on for another try. */
MUST_USE snnfit_status file_writer_commit_as(struct file_writer *writer, const char *name,
					     bool *taken, snnfit_error *err);
/* True when the file of that name in the same folder is regular and holds just
 * what was written here. */
MUST_USE snnfit_status file_writer_equals(struct file_writer *writer, const char *name, bool *equal,
					  snnfit_error *err);
/* The folder that the file will lie in, for work beside it; -1 for standard
 * output and whatever else is written as it is. Belongs to the writer. */
int file_writer_folder(const struct file_writer *writer);
/* The last part of the path (symbolic link followed); belongs to the writer. */
const char *file_writer_name(const struct file_writer *writer);

/* The whole of a small file at once, as file_writer does it. */
MUST_USE snnfit_status file_write(const char *path, const void *bytes, size_t length,
				  snnfit_error *err);

#endif
