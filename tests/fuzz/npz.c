/* npz.c - fuzz target: .npz and .npy files. Input: a byte, then 0: the file as it is; 1: its
 * arrays, of which a zip file is made here with all sums and sizes right, so that changes
 * get past them: each a byte for the method, two for the length, then a .npy file.
 *
 * Promises: an array that can be read gives the same numbers in pieces of any size. */
#include "tests/fuzz/fuzz.h"

#include "data/npz.h"

#include <string.h>
#include <zlib.h>

enum { AS_IT_IS, AS_ARRAYS, MEMBERS = 16, MEMBER_HEAD = 3, NUMBERS = 1 << 12 };

/* --- a zip file ------------------------------------------------------------------- */

struct zip {
	uint8_t *bytes, *directory;
	size_t length, directory_length;
	uint16_t members;
};

static void
put(uint8_t *out, size_t *at, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		out[(*at)++] = (uint8_t)(value >> (8 * i));
}

/* From the version needed to the lengths of name and extra field: the same in both heads. */
static void
put_facts(uint8_t *out, size_t *at, uint16_t method, uint32_t sum, size_t packed, size_t size)
{
	put(out, at, 20, 2);
	put(out, at, 0, 2);
	put(out, at, method, 2);
	put(out, at, 0, 4); /* time and date */
	put(out, at, sum, 4);
	put(out, at, packed, 4);
	put(out, at, size, 4);
	put(out, at, 5, 2);
	put(out, at, 0, 2);
}

/* Raw deflate, as in zip files. */
static size_t
deflated(const uint8_t *bytes, size_t length, uint8_t *out, size_t room)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)length };

	MUST(deflateInit2(&stream, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	stream.next_out = out;
	stream.avail_out = (uInt)room;
	MUST(deflate(&stream, Z_FINISH) == Z_STREAM_END && deflateEnd(&stream) == Z_OK);
	return stream.total_out;
}

static void
add_member(struct zip *zip, bool deflate_it, const uint8_t *bytes, size_t length)
{
	uint32_t sum = (uint32_t)crc32(0, bytes, (uInt)length);
	size_t room = length + 1024, packed = length, head = zip->length;
	uint8_t *content = malloc(room), name[5] = "a.npy";
	uint16_t method = deflate_it ? 8 : 0;

	MUST(content);
	name[0] = (uint8_t)('a' + zip->members++);
	if (deflate_it)
		packed = deflated(bytes, length, content, room);
	else
		memcpy(content, bytes, length);
	put(zip->bytes, &zip->length, 0x04034b50, 4);
	put_facts(zip->bytes, &zip->length, method, sum, packed, length);
	memcpy(zip->bytes + zip->length, name, sizeof name);
	memcpy(zip->bytes + zip->length + sizeof name, content, packed);
	zip->length += sizeof name + packed;
	free(content);
	put(zip->directory, &zip->directory_length, 0x02014b50, 4);
	put(zip->directory, &zip->directory_length, 20, 2);
	put_facts(zip->directory, &zip->directory_length, method, sum, packed, length);
	put(zip->directory, &zip->directory_length, 0, 8);
	put(zip->directory, &zip->directory_length, 0, 2);
	put(zip->directory, &zip->directory_length, head, 4);
	memcpy(zip->directory + zip->directory_length, name, sizeof name);
	zip->directory_length += sizeof name;
}

static void
close_zip(struct zip *zip)
{
	size_t directory = zip->length;

	memcpy(zip->bytes + zip->length, zip->directory, zip->directory_length);
	zip->length += zip->directory_length;
	put(zip->bytes, &zip->length, 0x06054b50, 4);
	put(zip->bytes, &zip->length, 0, 4);
	put(zip->bytes, &zip->length, zip->members, 2);
	put(zip->bytes, &zip->length, zip->members, 2);
	put(zip->bytes, &zip->length, zip->directory_length, 4);
	put(zip->bytes, &zip->length, directory, 4);
	put(zip->bytes, &zip->length, 0, 2);
}

static struct zip
make_zip(const uint8_t *data, size_t size)
{
	struct zip zip = { malloc(size + MEMBERS * 2048 + 1024), malloc(MEMBERS * 64), 0, 0, 0 };

	MUST(zip.bytes && zip.directory);
	while (size > MEMBER_HEAD && zip.members < MEMBERS) {
		size_t length = data[1] + 256u * data[2];

		if (length > size - MEMBER_HEAD)
			length = size - MEMBER_HEAD;
		add_member(&zip, data[0] & 1, data + MEMBER_HEAD, length);
		data += MEMBER_HEAD + length;
		size -= MEMBER_HEAD + length;
	}
	close_zip(&zip);
	return zip;
}

/* --- reading it --------------------------------------------------------------------- */

/* The array's numbers, in pieces; false when they can't be read. */
static bool
read_array(struct npz *npz, size_t index, size_t piece, double *out, uint64_t *count)
{
	struct npy_header header;
	snnfit_error err;
	snnfit_status status = npz_start(npz, index, &header, &err);
	uint64_t at = 0;

	must_explain(status, &err);
	while (status == SNNFIT_OK && at < header.count && at < NUMBERS) {
		uint64_t left = header.count < NUMBERS ? header.count - at : NUMBERS - at;
		size_t now = left < piece ? (size_t)left : piece;

		status = npz_read(npz, out + at, now, &err);
		must_explain(status, &err);
		at += now;
	}
	*count = at;
	return status == SNNFIT_OK;
}

static void
read_twice(struct npz *npz, size_t index)
{
	double *a = malloc(NUMBERS * sizeof *a), *b = malloc(NUMBERS * sizeof *b);
	uint64_t a_count, b_count;
	bool a_read, b_read;

	MUST(a && b && npz_name(npz, index));
	a_read = read_array(npz, index, NUMBERS, a, &a_count);
	b_read = read_array(npz, index, 7, b, &b_count);
	MUST(a_read == b_read);
	MUST(!a_read || (a_count == b_count && memcmp(a, b, a_count * sizeof *a) == 0));
	free(a);
	free(b);
}

static void
read_file(const uint8_t *bytes, size_t length)
{
	struct npz *npz;
	snnfit_error err;
	snnfit_status status = npz_open_bytes(&npz, bytes, length, "input", NULL, &err);

	must_explain(status, &err);
	if (status != SNNFIT_OK)
		return;
	MUST(npz_recognizes(bytes, length));
	for (size_t i = 0; i < npz_count(npz) && i < MEMBERS; i++)
		read_twice(npz, i);
	npz_close(npz);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zip zip;

	if (size < 1)
		return -1;
	if (data[0] % 2 == AS_IT_IS) {
		read_file(data + 1, size - 1);
		return 0;
	}
	zip = make_zip(data + 1, size - 1);
	read_file(zip.bytes, zip.length);
	free(zip.bytes);
	free(zip.directory);
	return 0;
}
