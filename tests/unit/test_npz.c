/* .npy and .npz files: every type and order, zip64, and files that lie. */
#include "core/base64.h"
#include "data/npz.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA "tests/data/rates/"

static uint8_t *
read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
	*length = (size_t)ftell(file);
	rewind(file);
	bytes = malloc(*length + 1);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_uint_eq(fread(bytes, 1, *length, file), *length);
	ck_assert_int_eq(fclose(file), 0);
	return bytes;
}

static struct npz *
open_file(const char *path)
{
	struct npz *npz = NULL;
	snnfit_error err;

	ck_assert_msg(npz_open(&npz, path, NULL, &err) == SNNFIT_OK, "%s", err.text);
	return npz;
}

static size_t
find(const struct npz *npz, const char *name)
{
	size_t i;

	for (i = 0; i < npz_count(npz); i++)
		if (!strcmp(npz_name(npz, i), name))
			return i;
	ck_abort_msg("no array %s", name);
	return 0;
}

/* Reads the array, which must have count elements, in two pieces. */
static void
read_array(struct npz *npz, const char *name, struct npy_header *header, double *out, size_t count)
{
	snnfit_error err;

	ck_assert_msg(npz_start(npz, find(npz, name), header, &err) == SNNFIT_OK, "%s", err.text);
	ck_assert_uint_eq(header->count, count);
	ck_assert_msg(npz_read(npz, out, count / 2, &err) == SNNFIT_OK, "%s", err.text);
	ck_assert_msg(npz_read(npz, out + count / 2, count - count / 2, &err) == SNNFIT_OK, "%s",
		      err.text);
	ck_assert_int_eq(npz_read(npz, out, 1, &err), SNNFIT_EINTERNAL);
}

/* --- types ---------------------------------------------------------------- */

static const char *const type_files[] = { DATA "types_stored.npz", DATA "types_deflated.npz" };
static const char *const types[] = { "f2", "f4", "f8", "i1", "i2", "i4",
				     "i8", "u1", "u2", "u4", "u8" };

static void
check_type(struct npz *npz, const char *order, const char *type)
{
	struct npy_header header;
	double values[6];
	char name[32];
	int i;

	(void)snprintf(name, sizeof name, "%s_%s", order, type);
	read_array(npz, name, &header, values, 6);
	ck_assert_int_eq(header.type.kind, type[0]);
	ck_assert_int_eq(header.type.bytes, type[1] - '0');
	ck_assert_uint_eq(header.rank, 2);
	ck_assert_uint_eq(header.dims[0], 2);
	ck_assert_uint_eq(header.dims[1], 3);
	for (i = 0; i < 6; i++)
		ck_assert_double_eq(values[i], type[0] == 'u' ? i : 3 - i);
}

START_TEST(every_type_and_byte_order_is_read)
{
	struct npz *npz = open_file(type_files[_i]);
	size_t i;

	for (i = 0; i < sizeof types / sizeof *types; i++) {
		check_type(npz, "little", types[i]);
		check_type(npz, "big", types[i]);
	}
	npz_close(npz);
}
END_TEST

START_TEST(other_shapes_and_orders_are_read)
{
	struct npz *npz = open_file(type_files[_i]);
	static const double columns_first[] = { 0, 3, 1, 4, 2, 5 };
	struct npy_header header;
	double values[6];
	int i;

	read_array(npz, "b1", &header, values, 6);
	for (i = 0; i < 6; i++)
		ck_assert_double_eq(values[i], i % 2);
	read_array(npz, "fortran", &header, values, 6);
	ck_assert(header.fortran_order);
	for (i = 0; i < 6; i++)
		ck_assert_double_eq(values[i], columns_first[i]);
	read_array(npz, "scalar", &header, values, 1);
	ck_assert_uint_eq(header.rank, 0);
	ck_assert_double_eq(values[0], 7);
	read_array(npz, "empty", &header, values, 0);
	npz_close(npz);
}
END_TEST

START_TEST(float16_is_exact)
{
	static const struct {
		uint16_t bits;
		double value;
	} cases[] = { { 0x0000, 0.0 },	   { 0x0001, 0x1p-24 },	  { 0x03ff, 0x3ffp-24 },
		      { 0x0400, 0x1p-14 }, { 0x3555, 0x555p-12 }, { 0x3c00, 1.0 },
		      { 0xc000, -2.0 },	   { 0x7bff, 65504.0 },	  { 0x7c00, INFINITY } };
	struct npy_type type = { 'f', 2, false };
	double value;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t bytes[2] = { (uint8_t)cases[i].bits, (uint8_t)(cases[i].bits >> 8) };

		npy_convert(&type, bytes, 1, &value);
		ck_assert_double_eq(value, cases[i].value);
	}
	npy_convert(&type, (const uint8_t *)"\x01\x7c", 1, &value);
	ck_assert(isnan(value));
}
END_TEST

START_TEST(zip64_is_read)
{
	struct npz *npz = open_file(DATA "zip64.npz");
	struct npy_header header;
	double values[6];

	ck_assert_uint_eq(npz_count(npz), 1);
	read_array(npz, "little_f4", &header, values, 6);
	ck_assert_double_eq(values[5], -2);
	npz_close(npz);
}
END_TEST

START_TEST(a_single_npy_is_read)
{
	struct npz *npz = open_file(DATA "s1.npy");
	struct npy_header header;
	double values[8];

	ck_assert(npz_is_single(npz));
	ck_assert_uint_eq(npz_count(npz), 1);
	read_array(npz, "", &header, values, 8);
	ck_assert_double_eq(values[7], 7.0 / 8);
	npz_close(npz);
}
END_TEST

/* --- headers ---------------------------------------------------------------- */

static snnfit_status
parse_text(const char *text, struct npy_header *out)
{
	uint8_t bytes[512] = "\x93NUMPY\x01";
	size_t length = strlen(text), need;
	snnfit_error err = { 0 };
	snnfit_status status;

	bytes[8] = (uint8_t)length;
	bytes[9] = (uint8_t)(length >> 8);
	memcpy(bytes + 10, text, length);
	status = npy_header_parse(out, bytes, length + 10, &need, "x", &err);
	ck_assert(status == SNNFIT_OK ? need == length + 10 : *err.text);
	return status;
}

static const char *const good_headers[] = {
	"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n",
	"{\"shape\":(2,3),\"descr\":\"<f4\",\"fortran_order\":False}",
	"{'fortran_order': False, 'shape': (2L, 3L), 'descr': '=f4'}\n",
};

START_TEST(headers_as_different_writers_put_them)
{
	struct npy_header header;

	ck_assert_int_eq(parse_text(good_headers[_i], &header), SNNFIT_OK);
	ck_assert_uint_eq(header.rank, 2);
	ck_assert_uint_eq(header.count, 6);
	ck_assert_int_eq(header.type.kind, 'f');
	ck_assert(!header.type.big_endian && !header.fortran_order);
}
END_TEST

#define ONES "1,1,1,1,1,1,1,1,1,1,1,"

static const char *const bad_headers[] = {
	"  ",
	"{}",
	"{'descr': '<f4', 'fortran_order': False}",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'shape': (2, 3)}",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (2.0, 3)}",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
	"{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3]}",
	"{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
	"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3)}",
	"{'descr': '<f3', 'fortran_order': False, 'shape': (2, 3)}",
	"{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3)}",
	"{'descr': '<f16', 'fortran_order': False, 'shape': (2, 3)}",
	"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}",
	"{'descr':'<f4','fortran_order':False,'shape':(" ONES ONES ONES "1)}",
	"{'descr': '<f4', 'order': False, 'shape': (2, 3)}",
};

START_TEST(headers_that_are_refused)
{
	struct npy_header header;

	ck_assert_int_eq(parse_text(bad_headers[_i], &header), SNNFIT_EDATA);
}
END_TEST

/* --- files that lie ----------------------------------------------------------- */

/* Reads everything in the file; the status of the first failure. */
static snnfit_status
read_all(const uint8_t *bytes, size_t length, const struct npz_limits *limits)
{
	snnfit_error err = { 0 };
	struct npy_header header;
	struct npz *npz = NULL;
	double values[64];
	snnfit_status status;
	size_t i;

	status = npz_open_bytes(&npz, bytes, length, "file", limits, &err);
	for (i = 0; status == SNNFIT_OK && i < npz_count(npz); i++) {
		status = npz_start(npz, i, &header, &err);
		while (status == SNNFIT_OK && header.count > 0) {
			size_t count = header.count < 64 ? (size_t)header.count : 64;

			status = npz_read(npz, values, count, &err);
			header.count -= count;
		}
	}
	npz_close(npz);
	ck_assert(status == SNNFIT_OK || *err.text);
	return status;
}

static const char *const whole_files[] = { DATA "types_stored.npz", DATA "types_deflated.npz",
					   DATA "zip64.npz", DATA "s1.npy", DATA "conv-1d.npz" };
enum { WHOLE_FILES = sizeof whole_files / sizeof *whole_files };

START_TEST(a_file_cut_off_anywhere_is_refused)
{
	size_t length, cut;
	uint8_t *bytes = read_file(whole_files[_i], &length), *copy;

	ck_assert_int_eq(read_all(bytes, length, NULL), SNNFIT_OK);
	for (cut = 0; cut < length; cut++) {
		copy = malloc(cut + 1); /* so that a sanitizer sees where it ends */
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, bytes, cut);
		ck_assert_int_eq(read_all(copy, cut, NULL), SNNFIT_EDATA);
		free(copy);
	}
	free(bytes);
}
END_TEST

START_TEST(a_changed_byte_never_does_harm)
{
	static const uint8_t changes[] = { 0x01, 0x80, 0xff };
	size_t length, at, i, refused = 0;
	uint8_t *bytes = read_file(whole_files[_i], &length);

	for (at = 0; at < length; at++)
		for (i = 0; i < sizeof changes; i++) {
			bytes[at] ^= changes[i];
			refused += read_all(bytes, length, NULL) != SNNFIT_OK;
			bytes[at] ^= changes[i];
		}
	ck_assert_uint_gt(refused, 0);
	free(bytes);
}
END_TEST

/* What a checksum is for: any change of the data itself. */
START_TEST(a_changed_element_is_found)
{
	size_t length;
	uint8_t *bytes = read_file(DATA "zip64.npz", &length), *data;

	data = memmem(bytes, length, "), }", 4);
	ck_assert_ptr_nonnull(data);
	data = memchr(data, '\n', 200);
	ck_assert_ptr_nonnull(data);
	data[1] ^= 1;
	ck_assert_int_eq(read_all(bytes, length, NULL), SNNFIT_EDATA);
	free(bytes);
}
END_TEST

START_TEST(limits_are_kept)
{
	struct npz_limits limits = npz_limits_default;
	size_t length;
	uint8_t *bytes = read_file(DATA "types_deflated.npz", &length);

	limits.array_bytes = 100; /* less than any header */
	ck_assert_int_eq(read_all(bytes, length, &limits), SNNFIT_ELIMIT);
	limits = npz_limits_default;
	limits.members = 3;
	ck_assert_int_eq(read_all(bytes, length, &limits), SNNFIT_ELIMIT);
	limits = npz_limits_default;
	limits.directory = 100;
	ck_assert_int_eq(read_all(bytes, length, &limits), SNNFIT_ELIMIT);
	free(bytes);
}
END_TEST

START_TEST(other_files_are_no_arrays)
{
	snnfit_error err = { 0 };
	struct npz *npz;

	ck_assert_int_eq(read_all((const uint8_t *)"{\"version\": 1}", 14, NULL), SNNFIT_EDATA);
	ck_assert_int_eq(read_all((const uint8_t *)"", 0, NULL), SNNFIT_EDATA);
	ck_assert_int_eq(npz_open(&npz, DATA "missing.npz", NULL, &err), SNNFIT_EIO);
	ck_assert_ptr_null(npz);
	ck_assert_ptr_nonnull(strstr(err.text, "missing.npz"));
	ck_assert_int_eq(npz_open(&npz, DATA, NULL, &err), SNNFIT_EIO);
}
END_TEST

/* --- base64 --------------------------------------------------------------------- */

static const struct {
	const char *text, *bytes;
} base64_cases[] = { /* RFC 4648, section 10 */
		     { "", "" },
		     { "Zg==", "f" },
		     { "Zm8=", "fo" },
		     { "Zm9v", "foo" },
		     { "Zm9vYg==", "foob" },
		     { "Zm9vYmE=", "fooba" },
		     { "Zm9vYmFy", "foobar" },
		     { "+/9v", "\xfb\xff\x6f" }
};

START_TEST(base64_decodes)
{
	const char *text = base64_cases[_i].text;
	uint8_t out[8];
	size_t length, bad;

	ck_assert(base64_decoded_length(text, strlen(text), &length));
	ck_assert_uint_eq(length, strlen(base64_cases[_i].bytes));
	ck_assert(base64_decode(text, strlen(text), out, &bad));
	ck_assert_mem_eq(out, base64_cases[_i].bytes, length);
}
END_TEST

START_TEST(base64_is_written)
{
	const char *bytes = base64_cases[_i].bytes;
	struct text text = { 0 };

	text_append(&text, "");
	base64_append(&text, (const uint8_t *)bytes, strlen(bytes));
	ck_assert(!text_failed(&text));
	ck_assert_str_eq(text.chars, base64_cases[_i].text);
	text_free(&text);
}
END_TEST

static const struct {
	const char *text;
	size_t bad; /* 99: the length is wrong already */
} base64_bad[] = { { "Z", 99 },	  { "Zg=", 99 },      { "Zg", 99 },	 { "*m9v", 0 },
		   { "Zm9-", 3 }, { "====", 0 },      { "Zg==Zm9v", 2 }, { "Zh==", 1 },
		   { "Zm9=", 2 }, { "Zm9v\nYmF", 4 }, { "Z===", 1 } };

START_TEST(base64_is_strict)
{
	const char *text = base64_bad[_i].text;
	size_t length, bad = 0;
	uint8_t out[8];

	if (!base64_decoded_length(text, strlen(text), &length)) {
		ck_assert_uint_eq(base64_bad[_i].bad, 99);
		return;
	}
	ck_assert(!base64_decode(text, strlen(text), out, &bad));
	ck_assert_uint_eq(bad, base64_bad[_i].bad);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

int
main(void)
{
	Suite *suite = suite_create("npz");
	TCase *tests = tcase_create("npz");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, every_type_and_byte_order_is_read, 0, COUNT(type_files));
	tcase_add_loop_test(tests, other_shapes_and_orders_are_read, 0, COUNT(type_files));
	tcase_add_test(tests, float16_is_exact);
	tcase_add_test(tests, zip64_is_read);
	tcase_add_test(tests, a_single_npy_is_read);
	tcase_add_loop_test(tests, headers_as_different_writers_put_them, 0, COUNT(good_headers));
	tcase_add_loop_test(tests, headers_that_are_refused, 0, COUNT(bad_headers));
	tcase_add_loop_test(tests, a_file_cut_off_anywhere_is_refused, 0, WHOLE_FILES);
	tcase_add_loop_test(tests, a_changed_byte_never_does_harm, 0, WHOLE_FILES);
	tcase_add_test(tests, a_changed_element_is_found);
	tcase_add_test(tests, limits_are_kept);
	tcase_add_test(tests, other_files_are_no_arrays);
	tcase_add_loop_test(tests, base64_decodes, 0, COUNT(base64_cases));
	tcase_add_loop_test(tests, base64_is_written, 0, COUNT(base64_cases));
	tcase_add_loop_test(tests, base64_is_strict, 0, COUNT(base64_bad));
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
