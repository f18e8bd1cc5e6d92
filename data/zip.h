/* zip.h - the members of a zip file, and one of them as a stream of bytes. */
#ifndef SNNFIT_DATA_ZIP_H
#define SNNFIT_DATA_ZIP_H

#include "core/arena.h"
#include "core/file.h"

#include <zlib.h>

enum { ZIP_STORED = 0, ZIP_DEFLATED = 8, ZIP_BUFFER_BYTES = 64 * 1024 };

struct zip_member {
	const char *name;
	uint64_t offset; /* of its local header */
	uint64_t packed, size;
	uint32_t crc;
	uint16_t method, flags;
};

/* Reads the central directory: members in its order, in arena. Zip64 is read;
 * files in several parts are refused, and so are directories of more than
 * directory_max bytes. */
MUST_USE snnfit_status zip_directory(const struct byte_source *source, uint64_t directory_max,
				     struct arena *arena, struct zip_member **members,
				     size_t *count, snnfit_error *err);

/* One member, from its first byte to its last. All zero bytes is a closed one. */
struct zip_stream {
	const struct byte_source *source;
	const char *what; /* for messages */
	bool inflating;	  /* inflater is to be ended */
	z_stream inflater;
	uint64_t at, packed_left; /* in the source */
	uint64_t left;		  /* unpacked bytes still to come */
	uint32_t crc, crc_expected;
	uint8_t *input; /* [ZIP_BUFFER_BYTES] */
};

MUST_USE snnfit_status zip_stream_open(struct zip_stream *stream, const struct byte_source *source,
				       const struct zip_member *member, const char *what,
				       snnfit_error *err);
/* The next length bytes, which there must be; the last ones only if the checksum
 * is right. */
MUST_USE snnfit_status zip_stream_read(struct zip_stream *stream, void *out, size_t length,
				       snnfit_error *err);
void zip_stream_close(struct zip_stream *stream);

#endif
