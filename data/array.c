#include "data/array.h"

#include "core/file.h"
#include "data/npz.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 4096 };

/* What one array may take, as floats. */
static const uint64_t values_max = UINT64_C(1) << 34;

void
arrays_free(struct arrays *arrays)
{
	size_t i;

	for (i = 0; i < arrays->count; i++) {
		free(arrays->items[i].name);
		free(arrays->items[i].values);
	}
	free(arrays->items);
	*arrays = (struct arrays){ .items = NULL };
}

static bool
count_values(uint32_t rank, const uint64_t *dims, uint64_t *count)
{
	uint32_t d;

	*count = 1;
	for (d = 0; d < rank; d++)
		if (__builtin_mul_overflow(*count, dims[d], count))
			return false;
	return *count <= values_max;
}

struct array *
arrays_add(struct arrays *arrays, const char *name, uint32_t rank, const uint64_t *dims,
	   const char *what, snnfit_error *err)
{
	struct array *grown, *array;
	uint64_t count;

	if (rank > ARRAY_RANK_MAX || !count_values(rank, dims, &count)) {
		error_set(err, SNNFIT_ELIMIT, "%s: an array too large to run a network on", what);
		return NULL;
	}
	grown = realloc(arrays->items, (arrays->count + 1) * sizeof *grown);
	if (!grown) {
		(void)error_no_memory(err);
		return NULL;
	}
	arrays->items = grown;
	array = &grown[arrays->count++];
	*array = (struct array){ .rank = rank, .count = count };
	if (rank)
		memcpy(array->dims, dims, rank * sizeof *dims);
	array->name = strdup(name);
	array->values = malloc((count ? count : 1) * sizeof *array->values);
	if (array->name && array->values)
		return array;
	(void)error_no_memory(err);
	return NULL;
}

const struct array *
arrays_find(const struct arrays *arrays, const char *name)
{
	size_t i;

	for (i = 0; i < arrays->count; i++)
		if (strcmp(arrays->items[i].name, name) == 0)
			return &arrays->items[i];
	return arrays->count == 1 ? &arrays->items[0] : NULL;
}

/* --- numpy --------------------------------------------------------------------------- */

/* Where element i, counted with the first axis fastest, stands row by row. */
static uint64_t
row_major(const struct array *array, uint64_t i)
{
	uint64_t at = 0, stride = array->count;
	uint32_t d;

	for (d = 0; d < array->rank; d++) {
		stride /= array->dims[d];
		at += i % array->dims[d] * stride;
		i /= array->dims[d];
	}
	return at;
}

static snnfit_status
read_values(struct npz *npz, const struct npy_header *header, struct array *array, const char *what,
	    snnfit_error *err)
{
	double piece[PIECE];
	uint64_t done, i, count;
	snnfit_status status;

	for (done = 0; done < array->count; done += count) {
		count = array->count - done < PIECE ? array->count - done : PIECE;
		status = npz_read(npz, piece, (size_t)count, err);
		if (status != SNNFIT_OK)
			return status;
		for (i = 0; i < count; i++) {
			uint64_t at = header->fortran_order ? row_major(array, done + i) : done + i;

			if (!isfinite(piece[i]))
				return error_set(err, SNNFIT_EDATA,
						 "%s: element %llu is %s, not a number to run a "
						 "network on",
						 what, (unsigned long long)at,
						 isnan(piece[i]) ? "NaN" : "infinite");
			array->values[at] = (float)piece[i];
		}
	}
	return SNNFIT_OK;
}

static snnfit_status
read_npz(struct arrays *out, const char *path, snnfit_error *err)
{
	struct npy_header header;
	struct array *array;
	struct npz *npz;
	size_t i;
	snnfit_status status = npz_open(&npz, path, NULL, err);

	if (status != SNNFIT_OK)
		return status;
	for (i = 0; i < npz_count(npz) && status == SNNFIT_OK; i++) {
		const char *name = npz_name(npz, i);
		char what[512];

		if (strncmp(name, "__", 2) == 0) /* notes beside the data, as in files of rates */
			continue;
		(void)snprintf(what, sizeof what, "%.300s%s%.100s%s", path,
			       *name ? ": array \"" : "", name, *name ? "\"" : "");
		status = npz_start(npz, i, &header, err);
		if (status != SNNFIT_OK)
			break;
		array = arrays_add(out, name, header.rank, header.dims, what, err);
		if (!array) {
			status = err ? err->status : SNNFIT_ENOMEM;
			break;
		}
		array->is_byte = header.type.kind == 'u' && header.type.bytes == 1;
		status = read_values(npz, &header, array, what, err);
	}
	npz_close(npz);
	return status;
}

/* --- any file ------------------------------------------------------------------------- */

static snnfit_status
read_start(const char *path, uint8_t *start, size_t room, size_t *length, snnfit_error *err)
{
	struct byte_source source = { .fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY),
				      .name = path };
	struct stat about;
	snnfit_status status;

	if (source.fd < 0 || fstat(source.fd, &about) != 0)
		status = error_set(err, SNNFIT_EIO, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(about.st_mode))
		status = error_set(err, SNNFIT_EIO, "%s: not a regular file", path);
	else {
		source.size = (uint64_t)about.st_size;
		*length = source.size < room ? (size_t)source.size : room;
		status = byte_source_read(&source, 0, start, *length, err);
	}
	if (source.fd >= 0)
		(void)close(source.fd);
	return status;
}

snnfit_status
arrays_read(struct arrays *out, const char *path, snnfit_error *err)
{
	uint8_t start[16];
	size_t length = 0, name = strlen(path);
	snnfit_status status;

	*out = (struct arrays){ .items = NULL };
	status = read_start(path, start, sizeof start, &length, err);
	if (status != SNNFIT_OK)
		return status;
	if (npz_recognizes(start, length))
		return read_npz(out, path, err);
	if (idx_recognizes(start, length))
		return idx_read(out, path, err);
	if (name > 3 && strcmp(path + name - 3, ".pb") == 0)
		return tensor_proto_read(out, path, "", err);
	return error_set(err, SNNFIT_EDATA,
			 "%s: neither .npy, .npz, IDX (gzipped or not) nor a TensorProto (.pb)",
			 path);
}

/* --- ONNX's test data -------------------------------------------------------------------- */

/* One file more of input k; the first one says the shape. */
static snnfit_status
append_set(struct arrays *out, struct arrays *one, size_t k, uint64_t set, const char *path,
	   snnfit_error *err)
{
	const struct array *from = &one->items[0];
	struct array *array;
	uint64_t dims[ARRAY_RANK_MAX + 1] = { 1 };
	char name[24];
	float *grown;

	if (set == 0) {
		memcpy(dims + 1, from->dims, sizeof from->dims);
		(void)snprintf(name, sizeof name, "%zu", k);
		array = arrays_add(out, name, from->rank + 1, dims, path, err);
		if (!array)
			return err ? err->status : SNNFIT_ENOMEM;
	} else {
		if (k >= out->count || out->items[k].rank != from->rank + 1 ||
		    memcmp(out->items[k].dims + 1, from->dims, from->rank * sizeof *dims) != 0)
			return error_set(err, SNNFIT_EDATA,
					 "%s: not of the shape of the sets "
					 "before it",
					 path);
		array = &out->items[k];
		array->dims[0]++;
		array->count += from->count;
		grown = realloc(array->values, array->count * sizeof *grown);
		if (!grown)
			return error_no_memory(err);
		array->values = grown;
	}
	memcpy(array->values + array->count - from->count, from->values,
	       from->count * sizeof *array->values);
	return SNNFIT_OK;
}

snnfit_status
arrays_read_sets(struct arrays *out, const char *folder, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	uint64_t set;
	size_t k;
	char path[4096];

	*out = (struct arrays){ .items = NULL };
	for (set = 0; status == SNNFIT_OK; set++) {
		for (k = 0; status == SNNFIT_OK; k++) {
			struct arrays one = { .items = NULL };
			struct stat about;

			(void)snprintf(path, sizeof path, "%s/test_data_set_%llu/input_%zu.pb",
				       folder, (unsigned long long)set, k);
			if (stat(path, &about) != 0)
				break;
			status = tensor_proto_read(&one, path, "", err);
			if (status == SNNFIT_OK)
				status = append_set(out, &one, k, set, path, err);
			arrays_free(&one);
		}
		if (status == SNNFIT_OK && k == 0)
			break;
		if (status == SNNFIT_OK && k != out->count)
			status = error_set(err, SNNFIT_EDATA, "%s: %s", path, strerror(ENOENT));
	}
	if (status == SNNFIT_OK && out->count == 0)
		return error_set(err, SNNFIT_EDATA, "%s: holds no test_data_set_0/input_0.pb",
				 folder);
	return status;
}
