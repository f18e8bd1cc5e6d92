/* idx.c - IDX: 0, 0, type, rank, then the dims and the elements, big-endian; zlib reads
 * it gzipped or not. */
#include "data/array.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

enum { IDX_UBYTE = 8, IDX_BYTE = 9, IDX_SHORT = 11, IDX_INT = 12, IDX_FLOAT = 13, IDX_DOUBLE = 14 };

static size_t
element_bytes(uint8_t type)
{
	switch (type) {
	case IDX_UBYTE:
	case IDX_BYTE:
		return 1;
	case IDX_SHORT:
		return 2;
	case IDX_INT:
	case IDX_FLOAT:
		return 4;
	case IDX_DOUBLE:
		return 8;
	default:
		return 0;
	}
}

bool
idx_recognizes(const uint8_t *bytes, size_t length)
{
	if (length >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b)
		return true; /* gzip: what is inside, reading shows */
	return length >= 4 && bytes[0] == 0 && bytes[1] == 0 && element_bytes(bytes[2]) &&
	       bytes[3] > 0 && bytes[3] <= ARRAY_RANK_MAX;
}

static uint64_t
big_endian(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;

	while (count--)
		value = value << 8 | *bytes++;
	return value;
}

static float
element(const uint8_t *bytes, uint8_t type)
{
	uint64_t bits = big_endian(bytes, element_bytes(type));
	uint32_t half = (uint32_t)bits;
	float single;
	double real;

	switch (type) {
	case IDX_BYTE:
		return (float)(int8_t)bits;
	case IDX_SHORT:
		return (float)(int16_t)bits;
	case IDX_INT:
		return (float)(int32_t)bits;
	case IDX_FLOAT:
		memcpy(&single, &half, sizeof single);
		return single;
	case IDX_DOUBLE:
		memcpy(&real, &bits, sizeof real);
		return (float)real;
	default:
		return (float)bits;
	}
}

static snnfit_status
read_bytes(gzFile file, const char *path, uint8_t *out, unsigned count, snnfit_error *err)
{
	int code = Z_OK;

	if (gzread(file, out, count) == (int)count)
		return SNNFIT_OK;
	(void)gzerror(file, &code);
	if (code == Z_MEM_ERROR)
		return error_no_memory(err);
	if (code == Z_ERRNO)
		return error_set(err, SNNFIT_EIO, "%s: cannot read", path);
	return error_set(err, SNNFIT_EDATA, "%s: the IDX file is cut off or damaged", path);
}

static snnfit_status
read_elements(gzFile file, const char *path, uint8_t type, struct array *array, snnfit_error *err)
{
	size_t bytes = element_bytes(type);
	uint8_t piece[8 * 4096];
	uint64_t done, i, count;
	snnfit_status status;

	for (done = 0; done < array->count; done += count) {
		count = array->count - done < 4096 ? array->count - done : 4096;
		status = read_bytes(file, path, piece, (unsigned)(count * bytes), err);
		if (status != SNNFIT_OK)
			return status;
		for (i = 0; i < count && type == IDX_UBYTE; i++)
			array->values[done + i] = (float)piece[i];
		for (i = 0; i < count && type != IDX_UBYTE; i++) {
			array->values[done + i] = element(piece + i * bytes, type);
			if (!isfinite(array->values[done + i]))
				return error_set(err, SNNFIT_EDATA,
						 "%s: element %llu is not a finite number", path,
						 (unsigned long long)(done + i));
		}
	}
	if (gzread(file, piece, 1) != 0)
		return error_set(err, SNNFIT_EDATA,
				 "%s: the IDX file is longer than its dims say, "
				 "or damaged",
				 path);
	return SNNFIT_OK;
}

static snnfit_status
read_open(struct arrays *out, gzFile file, const char *path, snnfit_error *err)
{
	uint8_t head[4], dim[4];
	uint64_t dims[ARRAY_RANK_MAX];
	struct array *array;
	unsigned d;
	snnfit_status status = read_bytes(file, path, head, sizeof head, err);

	if (status != SNNFIT_OK)
		return status;
	if (head[0] || head[1] || !element_bytes(head[2]) || !head[3] || head[3] > ARRAY_RANK_MAX)
		return error_set(err, SNNFIT_EDATA, "%s: does not begin like an IDX file", path);
	for (d = 0; d < head[3]; d++) {
		status = read_bytes(file, path, dim, sizeof dim, err);
		if (status != SNNFIT_OK)
			return status;
		dims[d] = big_endian(dim, sizeof dim);
	}
	array = arrays_add(out, "", head[3], dims, path, err);
	if (!array)
		return err ? err->status : SNNFIT_ENOMEM;
	array->is_byte = head[2] == IDX_UBYTE;
	return read_elements(file, path, head[2], array, err);
}

snnfit_status
idx_read(struct arrays *out, const char *path, snnfit_error *err)
{
	gzFile file = gzopen(path, "rbe");
	snnfit_status status;

	if (!file)
		return error_set(err, SNNFIT_EIO, "%s: cannot open", path);
	status = read_open(out, file, path, err);
	(void)gzclose(file);
	return status;
}
