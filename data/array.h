/* array.h - the arrays that networks are run on, whole in memory.
 *
 * From .npy and .npz (numpy), IDX (the format of MNIST, gzipped or not; IDX is
 * described at the foot of the MNIST page) and ONNX TensorProto files. */
#ifndef SNNFIT_DATA_ARRAY_H
#define SNNFIT_DATA_ARRAY_H

#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { ARRAY_RANK_MAX = 16 };

struct array {
	char *name; /* in its file; "" where it has none */
	uint32_t rank;
	uint64_t dims[ARRAY_RANK_MAX];
	uint64_t count;
	float *values; /* row-major */
	bool is_byte;  /* it held bytes: pixels from 0 to 255 */
};

struct arrays {
	struct array *items;
	size_t count;
};

/* Everything in a file; SNNFIT_EDATA: not of a kind that is read, cut off, or with
 * numbers that are not finite. To be freed, also on failure. */
MUST_USE snnfit_status arrays_read(struct arrays *out, const char *path, snnfit_error *err);
/* The same for a folder as ONNX's test data: test_data_set_0, test_data_set_1, ...
 * with input_0.pb, input_1.pb, ...: input k of all sets as one array, the sets along
 * a new first axis, named "k". */
MUST_USE snnfit_status arrays_read_sets(struct arrays *out, const char *folder, snnfit_error *err);
void arrays_free(struct arrays *arrays);

/* The array of a name, or the only one there is; NULL: neither. */
const struct array *arrays_find(const struct arrays *arrays, const char *name);

/* --- for the readers ------------------------------------------------------------- */

/* Adds an array of these dims, values not set; NULL: *err says why. */
struct array *arrays_add(struct arrays *arrays, const char *name, uint32_t rank,
			 const uint64_t *dims, const char *what, snnfit_error *err);
MUST_USE snnfit_status idx_read(struct arrays *out, const char *path, snnfit_error *err);
bool idx_recognizes(const uint8_t *bytes, size_t length);
MUST_USE snnfit_status tensor_proto_read(struct arrays *out, const char *path, const char *name,
					 snnfit_error *err);

#endif
