/* npz.h - arrays from .npy and .npz files (numpy.save, savez, savez_compressed).
 *
 * Nothing is kept in memory but names: an array's elements are read in the order
 * in which they stand in the file, so that a raster larger than memory can be
 * averaged. Format sources: NEP 1 (.npy) and PKWARE's APPNOTE 6.3 (zip). */
#ifndef SNNFIT_DATA_NPZ_H
#define SNNFIT_DATA_NPZ_H

#include "core/arena.h"

#include <stdint.h>

enum { NPY_RANK_MAX = 32 };

/* What a file may ask for; checked before memory or time is spent on it. */
struct npz_limits {
	uint64_t members;     /* arrays in the file */
	uint64_t directory;   /* bytes of the zip's central directory */
	uint64_t array_bytes; /* of one array, inflated */
};

extern const struct npz_limits npz_limits_default;

/* kind 'f': 2, 4 or 8 bytes; 'i', 'u': 1, 2, 4 or 8; 'b': 1. */
struct npy_type {
	char kind;
	uint8_t bytes;
	bool big_endian;
};

struct npy_header {
	struct npy_type type;
	bool fortran_order; /* the first axis varies fastest in the file */
	uint32_t rank;
	uint64_t dims[NPY_RANK_MAX];
	uint64_t count; /* product of dims; 1 for a scalar */
	uint32_t bytes; /* of the header itself */
};

/* The header at the beginning of bytes, of which there are length. what names
 * the array in messages. *need: how many bytes the header takes, when length is
 * less than that (nothing else is set then, and the status is SNNFIT_OK). */
MUST_USE snnfit_status npy_header_parse(struct npy_header *out, const uint8_t *bytes, size_t length,
					size_t *need, const char *what, snnfit_error *err);
/* count elements as doubles; integers over 2^53 are rounded. */
void npy_convert(const struct npy_type *type, const uint8_t *bytes, size_t count, double *out);

struct npz; /* an open file, and at most one array being read */

/* A file that starts like neither a .npy nor a zip file is SNNFIT_EDATA; so are
 * one that is damaged, encrypted, in several parts or pickled. limits NULL: the
 * defaults. Errors name path, which must be a regular file. */
MUST_USE snnfit_status npz_open(struct npz **out, const char *path, const struct npz_limits *limits,
				snnfit_error *err);
/* Bytes in memory, which must outlive *out; name stands for the path. */
MUST_USE snnfit_status npz_open_bytes(struct npz **out, const void *bytes, size_t length,
				      const char *name, const struct npz_limits *limits,
				      snnfit_error *err);
void npz_close(struct npz *npz); /* NULL is fine */

/* Whether bytes start like a file that npz_open reads. */
bool npz_recognizes(const void *bytes, size_t length);
/* A single .npy: it has one array, without a name. */
bool npz_is_single(const struct npz *npz);

/* Arrays in file order. A member that is not a .npy file is none. */
size_t npz_count(const struct npz *npz);
const char *npz_name(const struct npz *npz, size_t index); /* without .npy; "" in a .npy */

/* Starts reading an array, from its first element; ends reading another one. */
MUST_USE snnfit_status npz_start(struct npz *npz, size_t index, struct npy_header *header,
				 snnfit_error *err);
/* The next count elements, converted. The checksum is compared at the last one.
 * Asking for more than there are is SNNFIT_EINTERNAL. */
MUST_USE snnfit_status npz_read(struct npz *npz, double *out, size_t count, snnfit_error *err);

#endif
