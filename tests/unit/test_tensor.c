/* Tensor data: every type and place, cuts, and files beside the model. */
#include "tests/unit/proto_bytes.h"

#include <math.h>
#include <sys/stat.h>

enum {
	FLOAT = 1,
	INT8 = 3,
	INT32 = 6,
	INT64 = 7,
	STRING = 8,
	FLOAT16 = 10,
	DOUBLE = 11,
	UINT64 = 13,
	COMPLEX64 = 14,
	BFLOAT16 = 16,
	UINT4 = 21,
	INT4 = 22,
	INT2 = 26,
	FLOAT6E2M3 = 27,

	FIELD_FLOATS = 4,
	FIELD_INT32S = 5,
	FIELD_STRINGS = 6,
	FIELD_INT64S = 7,
	FIELD_RAW = 9,
};

static snnfit_error err; /* one test runs at a time, in a process of its own */

#define OK(call) ck_assert_msg((call) == SNNFIT_OK, "%s", err.text)

/* A model of one tensor of the type and dims, with the data field. */
static struct onnx_model *
model_of(int32_t type, uint32_t rank, const uint64_t *dims, struct bytes data)
{
	struct bytes tensor = bytes_of("", 0), bytes;
	struct onnx_model *model;
	uint32_t d;

	for (d = 0; d < rank; d++)
		add(&tensor, number(1, dims[d]));
	add(&tensor, number(2, (uint64_t)type));
	add(&tensor, string(8, "w"));
	add(&tensor, data);
	bytes = model_with_tensor(tensor);
	model = must_read(bytes);
	free(bytes.at);
	return model;
}

static struct onnx_model *
vector_of(int32_t type, uint64_t count, struct bytes data)
{
	return model_of(type, 1, &count, data);
}

static Onnx__TensorProto *
tensor_of(const struct onnx_model *model)
{
	return onnx_model_proto(model)->graph->initializer[0];
}

static void
check_shape(struct onnx_model *model, snnfit_status expected)
{
	struct tensor_shape shape;

	ck_assert_int_eq(tensor_shape_of(model, tensor_of(model), &shape, &err), expected);
	onnx_model_free(model);
}

/* --- reading ------------------------------------------------------------------------------ */

static void
check_floats(int32_t type, struct bytes data, const float *expected, size_t count)
{
	struct onnx_model *model = vector_of(type, count, data);
	float found[64];
	size_t i, first;

	for (first = 0; first < count; first++) {
		OK(tensor_read_float(model, tensor_of(model), first, count - first, found, &err));
		for (i = first; i < count; i++)
			ck_assert_msg(found[i - first] == expected[i] ||
					      (isnan(found[i - first]) && isnan(expected[i])),
				      "type %d, element %zu: %g, not %g", type, i,
				      (double)found[i - first], (double)expected[i]);
	}
	onnx_model_free(model);
}

static struct bytes
raw(const void *at, size_t length)
{
	return inside(FIELD_RAW, bytes_of(at, length));
}

/* Numbers of a typed field, packed. */
static struct bytes
varints(uint32_t field, const uint64_t *values, size_t count)
{
	struct bytes all = { malloc(count * 10 + 1), 0 };
	size_t i;

	for (i = 0; i < count; i++) {
		struct bytes one = varint(values[i]);

		memcpy(all.at + all.length, one.at, one.length);
		all.length += one.length;
		free(one.at);
	}
	return inside(field, all);
}

START_TEST(floats_of_every_size_are_read)
{
	const float full[] = { 1.5f, -0.0f, INFINITY, 1e-45f };
	const double wide[] = { 0.1, -1e300 };
	const uint16_t half[] = { 0x3c00, 0xc000, 0x0001, 0x7c00, 0x7e01, 0x3555 };
	const uint16_t brain[] = { 0x3f80, 0xc040, 0xff80 };

	check_floats(FLOAT, raw(full, sizeof full), full, 4);
	check_floats(FLOAT, inside(FIELD_FLOATS, bytes_of(full, sizeof full)), full, 4);
	check_floats(DOUBLE, raw(wide, sizeof wide), (float[]){ 0.1f, -INFINITY }, 2);
	check_floats(FLOAT16, raw(half, sizeof half),
		     (float[]){ 1, -2, 0x1p-24f, INFINITY, NAN, 0x1.554p-2f }, 6);
	check_floats(FLOAT16, varints(FIELD_INT32S, (uint64_t[]){ 0x3c00, 0xc000 }, 2),
		     (float[]){ 1, -2 }, 2);
	check_floats(BFLOAT16, raw(brain, sizeof brain), (float[]){ 1, -3, -INFINITY }, 3);
}
END_TEST

START_TEST(small_floats_are_read)
{
	check_floats(17, raw("\x38\x7e\x7f\x01\xb8", 5), (float[]){ 1, 448, NAN, 0x1p-9f, -1 }, 5);
	check_floats(18, raw("\x40\x7f\x80\x01", 4), (float[]){ 1, 240, NAN, 0x1p-10f }, 4);
	check_floats(19, raw("\x3c\x7b\x7c\x7d\x01", 5),
		     (float[]){ 1, 57344, INFINITY, NAN, 0x1p-16f }, 5);
	check_floats(20, raw("\x40\x7f\x80\x01", 4), (float[]){ 1, 57344, NAN, 0x1p-17f }, 4);
	check_floats(24, raw("\x7f\x80\x00\xff", 4), (float[]){ 1, 2, 0x1p-127f, NAN }, 4);
	check_floats(23, raw("\x21\xf7\x0a", 3), (float[]){ 0.5f, 1, 6, -6, -1 }, 5);
}
END_TEST

/* Four values in three bytes; one value each in int32_data. */
START_TEST(six_bit_floats_are_read_both_ways)
{
	const float expected[] = { 0.125f, 1, 7.5f, -7.5f, 0.125f };

	check_floats(FLOAT6E2M3, raw("\x01\xf2\xfd\x01", 4), expected, 5);
	check_floats(FLOAT6E2M3, varints(FIELD_INT32S, (uint64_t[]){ 1, 8, 31, 63, 1 }, 5),
		     expected, 5);
}
END_TEST

static void
check_integers(int32_t type, struct bytes data, const int64_t *expected, size_t count)
{
	struct onnx_model *model = vector_of(type, count, data);
	int64_t found[64];
	size_t i, first;

	for (first = 0; first < count; first++) {
		OK(tensor_read_int64(model, tensor_of(model), first, count - first, found, &err));
		for (i = first; i < count; i++)
			ck_assert_int_eq(found[i - first], expected[i]);
	}
	onnx_model_free(model);
}

START_TEST(integers_of_every_size_are_read)
{
	const int64_t wide[] = { -1, INT64_MAX, 7 };

	check_integers(INT8, raw("\x80\x7f\xff", 3), (int64_t[]){ -128, 127, -1 }, 3);
	check_integers(2, raw("\x80\x7f\xff", 3), (int64_t[]){ 128, 127, 255 }, 3);
	check_integers(9, raw("\0\1\2", 3), (int64_t[]){ 0, 1, 1 }, 3);
	check_integers(4, raw("\xff\xff\1\0", 4), (int64_t[]){ 65535, 1 }, 2);
	check_integers(5, raw("\xff\xff\1\0", 4), (int64_t[]){ -1, 1 }, 2);
	check_integers(INT32, raw("\xfe\xff\xff\xff", 4), (int64_t[]){ -2 }, 1);
	check_integers(INT64, raw(wide, sizeof wide), wide, 3);
	check_integers(INT64, varints(FIELD_INT64S, (const uint64_t *)wide, 3), wide, 3);
	check_integers(INT8, varints(FIELD_INT32S, (uint64_t[]){ (uint64_t)-5, 5 }, 2),
		       (int64_t[]){ -5, 5 }, 2);
	check_integers(12, varints(11, (uint64_t[]){ UINT32_MAX }, 1), (int64_t[]){ UINT32_MAX },
		       1);
}
END_TEST

START_TEST(packed_integers_are_read)
{
	check_integers(UINT4, raw("\x21\x43\x0f", 3), (int64_t[]){ 1, 2, 3, 4, 15 }, 5);
	check_integers(INT4, raw("\xf8\x07", 2), (int64_t[]){ -8, -1, 7 }, 3);
	check_integers(INT4, varints(FIELD_INT32S, (uint64_t[]){ 0xf8, 7 }, 2),
		       (int64_t[]){ -8, -1, 7 }, 3);
	check_integers(25, raw("\xe4\x01", 2), (int64_t[]){ 0, 1, 2, 3, 1 }, 5);
	check_integers(INT2, raw("\xe4", 1), (int64_t[]){ 0, 1, -2, -1 }, 4);
}
END_TEST

/* A payload of varints of many lengths, left where it is and read from anywhere. */
START_TEST(varints_left_in_the_file_are_read)
{
	enum { COUNT = 20000 };
	static uint64_t values[COUNT];
	static int64_t found[COUNT];
	struct onnx_model *model;
	size_t i, first;

	for (i = 0; i < COUNT; i++)
		values[i] = i % 3 ? (uint64_t)1 << i % 63 : (uint64_t)-i;
	model = vector_of(INT64, COUNT, varints(FIELD_INT64S, values, COUNT));
	ck_assert_uint_eq(tensor_of(model)->n_int64_data, 0);
	for (first = 0; first < COUNT; first += 777) {
		size_t count = COUNT - first < 1000 ? COUNT - first : 1000;

		OK(tensor_read_int64(model, tensor_of(model), first, count, found, &err));
		for (i = 0; i < count; i++)
			ck_assert_int_eq(found[i], (int64_t)values[first + i]);
	}
	OK(tensor_read_raw(model, tensor_of(model), 5, 100, found, &err)); /* and back again */
	ck_assert_mem_eq(found, (uint8_t *)values + 5, 100);
	onnx_model_free(model);
}
END_TEST

START_TEST(what_cannot_be_converted_is_refused)
{
	struct onnx_model *model = vector_of(FLOAT, 1, raw("\0\0\0\0", 4));
	int64_t integer;
	float real;

	ck_assert_int_eq(tensor_read_int64(model, tensor_of(model), 0, 1, &integer, &err),
			 SNNFIT_EUNSUPPORTED);
	ck_assert_int_eq(tensor_read_float(model, tensor_of(model), 1, 1, &real, &err),
			 SNNFIT_EINTERNAL); /* past the end */
	onnx_model_free(model);
	model = vector_of(COMPLEX64, 1, raw("12345678", 8));
	ck_assert_int_eq(tensor_read_float(model, tensor_of(model), 0, 1, &real, &err),
			 SNNFIT_EUNSUPPORTED);
	onnx_model_free(model);
	model = vector_of(UINT64, 1, raw("\0\0\0\0\0\0\0\x80", 8));
	ck_assert_int_eq(tensor_read_int64(model, tensor_of(model), 0, 1, &integer, &err),
			 SNNFIT_EUNSUPPORTED);
	onnx_model_free(model);
}
END_TEST

START_TEST(shapes_and_data_must_agree)
{
	const uint64_t negative = (uint64_t)-2, wide[2] = { 1ull << 32, 1ull << 32 };
	const uint64_t empty[2] = { 0, 1ull << 62 };

	check_shape(vector_of(FLOAT, 2, raw("12345678", 8)), SNNFIT_OK);
	check_shape(model_of(FLOAT, 0, NULL, raw("1234", 4)), SNNFIT_OK);
	check_shape(model_of(FLOAT, 2, empty, bytes_of("", 0)), SNNFIT_OK);
	check_shape(vector_of(STRING, 1, string(FIELD_STRINGS, "a")), SNNFIT_OK);
	check_shape(vector_of(COMPLEX64, 1, inside(FIELD_FLOATS, bytes_of("12345678", 8))),
		    SNNFIT_OK);
	check_shape(vector_of(FLOAT, 2, raw("1234567", 7)), SNNFIT_EFORMAT);
	check_shape(vector_of(FLOAT, 2, bytes_of("", 0)), SNNFIT_EFORMAT);
	check_shape(vector_of(INT4, 3, raw("1", 1)), SNNFIT_EFORMAT);
	check_shape(vector_of(99, 2, raw("12", 2)), SNNFIT_EFORMAT);
	check_shape(vector_of(STRING, 2, string(FIELD_STRINGS, "a")), SNNFIT_EFORMAT);
	check_shape(model_of(FLOAT, 1, &negative, raw("", 0)), SNNFIT_EFORMAT);
	check_shape(model_of(FLOAT, 2, wide, raw("", 0)), SNNFIT_EFORMAT);
	check_shape(vector_of(FLOAT, 1, varints(FIELD_INT32S, (uint64_t[]){ 1 }, 1)),
		    SNNFIT_EFORMAT);
	check_shape(vector_of(FLOAT, 1,
			      join(raw("1234", 4), inside(FIELD_FLOATS, bytes_of("1234", 4)))),
		    SNNFIT_EFORMAT);
	check_shape(vector_of(FLOAT, 1, join(raw("1234", 4), inside(3, number(1, 0)))),
		    SNNFIT_EUNSUPPORTED); /* a segment */
}
END_TEST

/* --- setting --------------------------------------------------------------------------------- */

START_TEST(floats_are_rounded_to_the_type)
{
	const float values[] = { 1,	   65504,    65520,	 0x1.002p0f, 0x1.006p0f,
				 0x1p-24f, 0x1p-25f, 0x1.8p-25f, -0.0f,	     NAN };
	const uint16_t half[] = { 0x3c00, 0x7bff, 0x7c00, 0x3c00, 0x3c02, 1, 0, 1, 0x8000, 0x7e00 };
	const uint16_t brain[] = { 0x3f80, 0x4780, 0x4780, 0x3f80, 0x3f80,
				   0x3380, 0x3300, 0x3340, 0x8000, 0x7fc0 };
	struct tensor_shape shape = { FLOAT16, 1, { 10 }, 10 };
	struct onnx_model *model = vector_of(FLOAT, 1, raw("1234", 4));
	uint16_t found[10];

	OK(tensor_set_float(model, tensor_of(model), &shape, values, &err));
	OK(tensor_read_raw(model, tensor_of(model), 0, sizeof found, found, &err));
	ck_assert_mem_eq(found, half, sizeof half);
	shape.type = BFLOAT16;
	OK(tensor_set_float(model, tensor_of(model), &shape, values, &err));
	OK(tensor_read_raw(model, tensor_of(model), 0, sizeof found, found, &err));
	ck_assert_mem_eq(found, brain, sizeof brain);
	shape.type = INT8;
	ck_assert_int_eq(tensor_set_float(model, tensor_of(model), &shape, values, &err),
			 SNNFIT_EUNSUPPORTED);
	onnx_model_free(model);
}
END_TEST

START_TEST(a_copy_shares_data_but_changes_alone)
{
	static float big[4000], found[4000];
	const struct tensor_shape one = { FLOAT, 1, { 1 }, 1 };
	struct onnx_model *model;
	Onnx__TensorProto *copy;

	big[3999] = 7;
	model = vector_of(FLOAT, 4000, raw(big, sizeof big));
	copy = tensor_copy(model, tensor_of(model), "other");
	ck_assert_ptr_nonnull(copy);
	ck_assert_str_eq(copy->name, "other");
	OK(tensor_set_raw(model, tensor_of(model), &one, "1234", 4, &err));
	OK(tensor_read_float(model, copy, 0, 4000, found, &err));
	ck_assert(found[3999] == 7.0f);
	ck_assert_int_eq(copy->dims[0], 4000);
	ck_assert_int_eq(tensor_set_raw(model, copy, &one, "123", 3, &err), SNNFIT_EINTERNAL);
	onnx_model_free(model);
}
END_TEST

/* --- cutting ---------------------------------------------------------------------- */

struct cut_case {
	uint32_t rank;
	uint64_t dims[4];
	unsigned every[4]; /* keep the indices that are not multiples of it; 0: all */
};

static const struct cut_case cut_cases[] = {
	{ 1, { 5 }, { 2 } },
	{ 1, { 9000 }, { 3 } },
	{ 2, { 60, 70 }, { 2, 0 } },
	{ 2, { 60, 70 }, { 0, 4 } },
	{ 2, { 60, 70 }, { 5, 3 } },
	{ 2, { 3, 40000 }, { 2, 0 } },
	{ 2, { 3, 40000 }, { 0, 20000 } },
	{ 3, { 7, 30, 50 }, { 0, 7, 0 } },
	{ 4, { 8, 6, 5, 40 }, { 3, 2, 0, 6 } },
	{ 2, { 70, 1 }, { 0, 1 } }, /* nothing is left */
	{ 2, { 2, 8000 }, { 0, 1 } },
};

/* The lists of a case; *after is the number of elements left. */
static void
make_lists(const struct cut_case *cut, const uint32_t *keep[4], uint32_t kept[4], uint64_t *after)
{
	static uint32_t lists[4][40000];
	uint32_t d, i;

	*after = 1;
	for (d = 0; d < cut->rank; d++) {
		kept[d] = 0;
		keep[d] = cut->every[d] ? lists[d] : NULL;
		for (i = 0; cut->every[d] && i < cut->dims[d]; i++)
			if (i % cut->every[d])
				lists[d][kept[d]++] = i;
		*after *= keep[d] ? kept[d] : cut->dims[d];
	}
}

/* The element of the source that element i of the output is. */
static uint64_t
source_of(const struct cut_case *cut, const uint32_t *const keep[4], const uint32_t kept[4],
	  uint64_t i)
{
	uint64_t at = 0, stride = 1;
	uint32_t d = cut->rank;

	while (d-- > 0) {
		uint64_t width = keep[d] ? kept[d] : cut->dims[d], index = i % width;

		at += (keep[d] ? keep[d][index] : index) * stride;
		stride *= cut->dims[d];
		i /= width;
	}
	return at;
}

static void
assert_cut_is(struct onnx_model *model, const uint8_t *expected, uint64_t length)
{
	uint8_t *found = malloc(length + 1);
	uint64_t at, some;

	OK(tensor_read_raw(model, tensor_of(model), 0, length, found, &err));
	ck_assert_mem_eq(found, expected, length);
	for (at = 0; at < length; at += 4099) {
		some = length - at < 100 ? length - at : 100;
		OK(tensor_read_raw(model, tensor_of(model), at, some, found, &err));
		ck_assert_mem_eq(found, expected + at, some);
	}
	free(found);
}

static void
assert_written_cut_is(struct onnx_model *model, const uint8_t *expected, uint64_t length)
{
	struct bytes written = must_write(model);
	struct onnx_model *again = must_read(written);

	assert_cut_is(again, expected, length);
	onnx_model_free(again);
	free(written.at);
}

static uint64_t
count_of(const struct cut_case *cut)
{
	uint64_t count = 1;
	uint32_t d;

	for (d = 0; d < cut->rank; d++)
		count *= cut->dims[d];
	return count;
}

static struct bytes
numbered(uint64_t length)
{
	struct bytes bytes = { malloc(length + 1), length };
	uint64_t i;

	for (i = 0; i < length; i++)
		bytes.at[i] = (uint8_t)((i * 2654435761u) >> 13);
	return bytes;
}

static void
check_cut(const struct cut_case *cut, int32_t type, size_t size, uint32_t field)
{
	const uint32_t *keep[4];
	uint32_t kept[4];
	uint64_t after, i;
	struct bytes source = numbered(count_of(cut) * size), expected;
	struct onnx_model *model;

	make_lists(cut, keep, kept, &after);
	expected = numbered(after * size);
	for (i = 0; i < after; i++)
		memcpy(expected.at + i * size, source.at + source_of(cut, keep, kept, i) * size,
		       size);
	model = model_of(type, cut->rank, cut->dims,
			 inside(field, bytes_of(source.at, source.length)));
	OK(tensor_cut(model, tensor_of(model), keep, kept, &err));
	assert_cut_is(model, expected.at, expected.length);
	assert_written_cut_is(model, expected.at, expected.length);
	onnx_model_free(model);
	free(source.at);
	free(expected.at);
}

START_TEST(tensors_are_cut_along_any_axes)
{
	size_t i;

	for (i = 0; i < sizeof cut_cases / sizeof *cut_cases; i++) {
		check_cut(&cut_cases[i], FLOAT, 4, FIELD_RAW);
		check_cut(&cut_cases[i], FLOAT, 4, FIELD_FLOATS);
		check_cut(&cut_cases[i], INT8, 1, FIELD_RAW);
		check_cut(&cut_cases[i], FLOAT16, 2, FIELD_RAW);
		check_cut(&cut_cases[i], DOUBLE, 8, FIELD_RAW);
	}
}
END_TEST

START_TEST(a_cut_can_be_cut_again)
{
	const uint64_t dims[2] = { 100, 200 };
	const uint32_t rows[] = { 1, 5, 50, 99 }, columns[] = { 0, 7, 8, 199 };
	const uint32_t *by_rows[2] = { rows, NULL }, *by_columns[2] = { NULL, columns };
	const uint32_t rows_again[] = { 1, 3 };
	const uint32_t *both[2] = { rows_again, NULL };
	struct bytes source = numbered(100 * 200 * 4);
	struct onnx_model *model = model_of(FLOAT, 2, dims, raw(source.at, source.length));
	uint32_t expected[2][4];
	size_t i, j;

	OK(tensor_cut(model, tensor_of(model), by_rows, (uint32_t[]){ 4, 0 }, &err));
	OK(tensor_cut(model, tensor_of(model), by_columns, (uint32_t[]){ 0, 4 }, &err));
	OK(tensor_cut(model, tensor_of(model), both, (uint32_t[]){ 2, 0 }, &err));
	for (i = 0; i < 2; i++)
		for (j = 0; j < 4; j++)
			memcpy(&expected[i][j],
			       source.at + 4 * (200 * rows[rows_again[i]] + columns[j]), 4);
	ck_assert_int_eq(tensor_of(model)->dims[0], 2);
	assert_cut_is(model, (const uint8_t *)expected, sizeof expected);
	assert_written_cut_is(model, (const uint8_t *)expected, sizeof expected);
	onnx_model_free(model);
	free(source.at);
}
END_TEST

START_TEST(packed_and_typed_and_strings_are_cut)
{
	const uint32_t odd[] = { 1, 3 }, *keep[1] = { odd };
	const uint32_t kept[1] = { 2 };
	struct onnx_model *model = vector_of(INT4, 5, raw("\x21\x43\x05", 3));
	struct bytes strings = join(string(FIELD_STRINGS, "a"), string(FIELD_STRINGS, "bb"));

	OK(tensor_cut(model, tensor_of(model), keep, kept, &err));
	assert_cut_is(model, (const uint8_t *)"\x42", 1);
	onnx_model_free(model);
	model = vector_of(INT8, 4, varints(FIELD_INT32S, (uint64_t[]){ 1, 2, 3, (uint64_t)-4 }, 4));
	OK(tensor_cut(model, tensor_of(model), keep, kept, &err));
	assert_cut_is(model, (const uint8_t *)"\x02\xfc", 2);
	onnx_model_free(model);
	add(&strings, join(string(FIELD_STRINGS, "c"), string(FIELD_STRINGS, "dd")));
	model = vector_of(STRING, 4, strings);
	OK(tensor_cut(model, tensor_of(model), keep, kept, &err));
	ck_assert_uint_eq(tensor_of(model)->n_string_data, 2);
	ck_assert_mem_eq(tensor_of(model)->string_data[1].data, "dd", 2);
	onnx_model_free(model);
}
END_TEST

START_TEST(wrong_lists_are_refused)
{
	const uint32_t beyond[] = { 0, 4 }, falling[] = { 2, 1 };
	const uint32_t *keep[1] = { beyond };
	struct onnx_model *model = vector_of(INT8, 4, raw("1234", 4));

	ck_assert_int_eq(tensor_cut(model, tensor_of(model), keep, (uint32_t[]){ 2 }, &err),
			 SNNFIT_EINTERNAL);
	keep[0] = falling;
	ck_assert_int_eq(tensor_cut(model, tensor_of(model), keep, (uint32_t[]){ 2 }, &err),
			 SNNFIT_EINTERNAL);
	onnx_model_free(model);
}
END_TEST

/* --- files beside the model ------------------------------------------------------- */

/* A model file of one FLOAT tensor of 2000 elements in the given file. */
static void
put_external_model(const char *path, const char *location, const char *offset, const char *length)
{
	struct bytes tensor = number(1, 2000), bytes;

	add(&tensor, number(2, FLOAT));
	add(&tensor, string(8, "w"));
	add(&tensor, inside(13, join(string(1, "location"), string(2, location))));
	if (offset)
		add(&tensor, inside(13, join(string(1, "offset"), string(2, offset))));
	if (length)
		add(&tensor, inside(13, join(string(1, "length"), string(2, length))));
	add(&tensor, number(14, 1));
	bytes = model_with_tensor(tensor);
	file_put(path, bytes);
	free(bytes.at);
}

struct external {
	struct folder folder;
	char model[512], data[512];
	struct bytes bytes; /* of the data file */
};

static struct external
external_new(void)
{
	struct external external = { .folder = folder_new(), .bytes = numbered(8100) };

	(void)path_in(&external.folder, "model.onnx", external.model);
	file_put(path_in(&external.folder, "w.bin", external.data), external.bytes);
	return external;
}

static void
external_end(struct external *external)
{
	folder_remove(&external->folder);
	free(external->bytes.at);
}

static snnfit_status
read_external(const struct external *external, const char *location, const char *offset,
	      const char *length)
{
	struct onnx_model *model;
	snnfit_status status;

	put_external_model(external->model, location, offset, length);
	status = onnx_model_read(&model, external->model, NULL, &err);
	onnx_model_free(model);
	return status;
}

START_TEST(external_data_is_checked)
{
	struct external external = external_new();

	ck_assert_int_eq(read_external(&external, "w.bin", NULL, NULL), SNNFIT_OK);
	ck_assert_int_eq(read_external(&external, "./w.bin", "100", "8000"), SNNFIT_OK);
	ck_assert_int_eq(read_external(&external, "w.bin", "101", "8000"), SNNFIT_EFORMAT);
	ck_assert_int_eq(read_external(&external, "w.bin", "0", "7999"), SNNFIT_EFORMAT);
	ck_assert_int_eq(read_external(&external, "w.bin", "-1", "8000"), SNNFIT_EFORMAT);
	ck_assert_int_eq(read_external(&external, "w.bin", "18446744073709551615", NULL),
			 SNNFIT_EFORMAT);
	ck_assert_int_eq(read_external(&external, "w.bin", "18446744073709551616", NULL),
			 SNNFIT_EFORMAT);
	ck_assert_int_eq(read_external(&external, "", NULL, NULL), SNNFIT_EFORMAT);
	ck_assert_int_eq(read_external(&external, "none.bin", NULL, NULL), SNNFIT_EIO);
	ck_assert_ptr_nonnull(strstr(err.text, "none.bin"));
	ck_assert_ptr_nonnull(strstr(err.text, "'w'"));
	external_end(&external);
}
END_TEST

START_TEST(external_data_stays_beneath_the_folder)
{
	struct external external = external_new();
	char path[512];

	ck_assert_int_eq(symlink("w.bin", path_in(&external.folder, "symbolic", path)), 0);
	ck_assert_int_eq(symlink(".", path_in(&external.folder, "loop", path)), 0);
	ck_assert_int_eq(mkfifo(path_in(&external.folder, "fifo", path), 0600), 0);
	ck_assert_int_eq(read_external(&external, "symbolic", NULL, NULL), SNNFIT_EFORMAT);
	ck_assert_int_eq(read_external(&external, "loop/w.bin", NULL, NULL), SNNFIT_EFORMAT);
	ck_assert_int_eq(read_external(&external, "fifo", NULL, NULL), SNNFIT_EFORMAT);
	ck_assert_int_eq(read_external(&external, ".", NULL, NULL), SNNFIT_EFORMAT);
	ck_assert_int_eq(read_external(&external, "../w.bin", NULL, NULL), SNNFIT_EFORMAT);
	ck_assert_int_eq(read_external(&external, external.data, NULL, NULL), SNNFIT_EFORMAT);
	ck_assert_int_eq(link(external.data, path_in(&external.folder, "hard", path)), 0);
	ck_assert_int_eq(read_external(&external, "hard", NULL, NULL), SNNFIT_EFORMAT);
	external_end(&external);
}
END_TEST

START_TEST(bytes_without_a_folder_have_no_external_data)
{
	struct external external = external_new();
	struct onnx_model *model;
	struct bytes bytes;

	put_external_model(external.model, "w.bin", NULL, NULL);
	bytes = file_get(external.model);
	ck_assert_int_eq(onnx_model_read_bytes(&model, bytes.at, bytes.length, NULL, NULL, &err),
			 SNNFIT_EIO);
	OK(onnx_model_read_bytes(&model, bytes.at, bytes.length, external.folder.path, NULL, &err));
	ck_assert(onnx_model_has_external_data(model));
	onnx_model_free(model);
	free(bytes.at);
	external_end(&external);
}
END_TEST

static void
assert_holds_external(const char *path, struct bytes expected)
{
	struct onnx_model *model;
	uint8_t found[8000];

	OK(onnx_model_read(&model, path, NULL, &err));
	OK(tensor_read_raw(model, tensor_of(model), 0, sizeof found, found, &err));
	ck_assert_mem_eq(found, expected.at, sizeof found);
	onnx_model_free(model);
}

START_TEST(external_data_is_written_beside_the_model)
{
	struct external external = external_new();
	struct onnx_model *model;
	struct bytes whole;
	char out[512];
	int i;

	put_external_model(external.model, "w.bin", NULL, NULL);
	(void)path_in(&external.folder, "out.onnx", out);
	for (i = 0; i < 3; i++) { /* each replaces what the one before wrote */
		OK(onnx_model_read(&model, i == 2 ? out : external.model, NULL, &err));
		OK(onnx_model_write(model, out, &err));
		whole = must_write(model);
		onnx_model_free(model);
		ck_assert_int_eq(folder_count(&external.folder), 4);
		assert_holds_external(out, external.bytes);
		model = must_read(whole);
		ck_assert(!onnx_model_has_external_data(model));
		assert_cut_is(model, external.bytes.at, 8000);
		onnx_model_free(model);
		free(whole.at);
	}
	assert_holds_external(external.model, external.bytes);
	external_end(&external);
}
END_TEST

/* A model that shares the data file of the one that is replaced keeps it. */
START_TEST(data_that_another_model_needs_stays)
{
	struct external external = external_new();
	struct onnx_model *model;
	struct bytes bytes;
	char out[512], kept[512];

	put_external_model(external.model, "w.bin", NULL, NULL);
	OK(onnx_model_read(&model, external.model, NULL, &err));
	OK(onnx_model_write(model, path_in(&external.folder, "out.onnx", out), &err));
	onnx_model_free(model);
	bytes = file_get(out);
	file_put(path_in(&external.folder, "kept.onnx", kept), bytes);
	free(bytes.at);
	OK(onnx_model_read(&model, kept, NULL, &err));
	OK(onnx_model_write(model, out, &err));
	onnx_model_free(model);
	assert_holds_external(kept, external.bytes);
	assert_holds_external(out, external.bytes);
	external_end(&external);
}
END_TEST

START_TEST(an_external_tensor_can_be_cut)
{
	struct external external = external_new();
	const uint32_t ends[] = { 0, 1999 }, *keep[1] = { ends };
	struct onnx_model *model;
	uint8_t expected[8];

	put_external_model(external.model, "w.bin", NULL, NULL);
	memcpy(expected, external.bytes.at, 4);
	memcpy(expected + 4, external.bytes.at + 4 * 1999, 4);
	OK(onnx_model_read(&model, external.model, NULL, &err));
	OK(tensor_cut(model, tensor_of(model), keep, (uint32_t[]){ 2 }, &err));
	OK(onnx_model_write(model, external.model, &err));
	onnx_model_free(model);
	OK(onnx_model_read(&model, external.model, NULL, &err));
	ck_assert(!onnx_model_has_external_data(model)); /* too small for that */
	assert_cut_is(model, expected, sizeof expected);
	onnx_model_free(model);
	external_end(&external);
}
END_TEST

static Suite *
tensor_suite(void)
{
	Suite *suite = suite_create("tensor");
	TCase *reading = tcase_create("reading"), *changing = tcase_create("changing");
	TCase *external = tcase_create("external");

	tcase_add_test(reading, floats_of_every_size_are_read);
	tcase_add_test(reading, small_floats_are_read);
	tcase_add_test(reading, six_bit_floats_are_read_both_ways);
	tcase_add_test(reading, integers_of_every_size_are_read);
	tcase_add_test(reading, packed_integers_are_read);
	tcase_add_test(reading, varints_left_in_the_file_are_read);
	tcase_add_test(reading, what_cannot_be_converted_is_refused);
	tcase_add_test(reading, shapes_and_data_must_agree);
	tcase_add_test(changing, floats_are_rounded_to_the_type);
	tcase_add_test(changing, a_copy_shares_data_but_changes_alone);
	tcase_add_test(changing, tensors_are_cut_along_any_axes);
	tcase_add_test(changing, a_cut_can_be_cut_again);
	tcase_add_test(changing, packed_and_typed_and_strings_are_cut);
	tcase_add_test(changing, wrong_lists_are_refused);
	tcase_add_test(external, external_data_is_checked);
	tcase_add_test(external, external_data_stays_beneath_the_folder);
	tcase_add_test(external, bytes_without_a_folder_have_no_external_data);
	tcase_add_test(external, external_data_is_written_beside_the_model);
	tcase_add_test(external, data_that_another_model_needs_stays);
	tcase_add_test(external, an_external_tensor_can_be_cut);
	tcase_set_timeout(reading, 60);
	tcase_set_timeout(changing, 60);
	tcase_set_timeout(external, 60);
	suite_add_tcase(suite, reading);
	suite_add_tcase(suite, changing);
	suite_add_tcase(suite, external);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(tensor_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
