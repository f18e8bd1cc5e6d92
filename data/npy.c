#include "data/npz.h"

#include <math.h>
#include <string.h>

enum { PRELUDE_BYTES = 12, HEADER_BYTES_MAX = 64 * 1024 };

static const char MAGIC[6] = "\x93NUMPY";

/* The header is the text of a Python dict: {'descr': '<f4', 'fortran_order':
 * False, 'shape': (3, 4), }. */
struct cursor {
	const char *at, *end;
	const char *what;
	snnfit_error *err;
};

static snnfit_status
broken(const struct cursor *cursor, const char *problem)
{
	return error_set(cursor->err, SNNFIT_EDATA, "%s: the .npy header %s", cursor->what,
			 problem);
}

static void
skip_spaces(struct cursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\n'))
		cursor->at++;
}

static bool
take(struct cursor *cursor, const char *token)
{
	size_t length = strlen(token);

	skip_spaces(cursor);
	if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, token, length))
		return false;
	cursor->at += length;
	return true;
}

/* A quoted string of at most size - 1 characters, without escapes. */
static bool
take_string(struct cursor *cursor, char *out, size_t size)
{
	size_t length = 0;
	char quote;

	skip_spaces(cursor);
	if (cursor->at == cursor->end || (*cursor->at != '\'' && *cursor->at != '"'))
		return false;
	quote = *cursor->at++;
	while (cursor->at < cursor->end && *cursor->at != quote && *cursor->at != '\\') {
		if (length + 1 >= size)
			return false;
		out[length++] = *cursor->at++;
	}
	if (cursor->at == cursor->end || *cursor->at++ != quote)
		return false;
	out[length] = '\0';
	return true;
}

static bool
take_dimension(struct cursor *cursor, uint64_t *out)
{
	const char *start;
	uint64_t value = 0;

	skip_spaces(cursor);
	for (start = cursor->at; cursor->at < cursor->end; cursor->at++) {
		if (*cursor->at < '0' || *cursor->at > '9')
			break;
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*cursor->at - '0'), &value))
			return false;
	}
	if (cursor->at == start)
		return false;
	*out = value;
	(void)take(cursor, "L"); /* written by Python 2 */
	return true;
}

static snnfit_status
parse_shape(struct cursor *cursor, struct npy_header *out)
{
	out->rank = 0;
	out->count = 1;
	if (!take(cursor, "("))
		return broken(cursor, "has a 'shape' that is not a tuple");
	while (!take(cursor, ")")) {
		if (out->rank == NPY_RANK_MAX)
			return broken(cursor, "has more than 32 dimensions");
		if (!take_dimension(cursor, &out->dims[out->rank]) ||
		    __builtin_mul_overflow(out->count, out->dims[out->rank], &out->count))
			return broken(cursor, "has a 'shape' that is not a list of sizes");
		out->rank++;
		if (!take(cursor, ",")) {
			if (!take(cursor, ")"))
				return broken(cursor, "has a 'shape' that does not end");
			break;
		}
	}
	return SNNFIT_OK;
}

static bool
type_exists(const struct npy_type *type)
{
	switch (type->kind) {
	case 'f':
		return type->bytes == 2 || type->bytes == 4 || type->bytes == 8;
	case 'i':
	case 'u':
		return type->bytes == 1 || type->bytes == 2 || type->bytes == 4 || type->bytes == 8;
	default:
		return type->kind == 'b' && type->bytes == 1;
	}
}

static snnfit_status
parse_type(struct cursor *cursor, struct npy_type *out)
{
	char text[16];

	if (!take_string(cursor, text, sizeof text))
		return broken(cursor, "has a 'descr' that is not one plain type: save an array "
				      "of floats, integers or booleans");
	if (strlen(text) == 3 && strchr("<>|=", text[0]) && text[2] >= '1' && text[2] <= '8') {
		out->big_endian = text[0] == '>';
		out->kind = text[1];
		out->bytes = (uint8_t)(text[2] - '0');
		if (type_exists(out))
			return SNNFIT_OK;
	}
	return error_set(cursor->err, SNNFIT_EDATA,
			 "%s: an array of type '%s' is not read: save it as float32 "
			 "(f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1 are known)",
			 cursor->what, text);
}

static snnfit_status
parse_member(struct cursor *cursor, struct npy_header *out, unsigned *seen)
{
	char key[16];
	unsigned bit;
	snnfit_status status = SNNFIT_OK;

	if (!take_string(cursor, key, sizeof key) || !take(cursor, ":"))
		return broken(cursor, "is not a Python dict");
	if (!strcmp(key, "descr")) {
		bit = 1;
		status = parse_type(cursor, &out->type);
	} else if (!strcmp(key, "fortran_order")) {
		bit = 2;
		out->fortran_order = take(cursor, "True");
		if (!out->fortran_order && !take(cursor, "False"))
			return broken(cursor, "has a 'fortran_order' that is no truth value");
	} else if (!strcmp(key, "shape")) {
		bit = 4;
		status = parse_shape(cursor, out);
	} else {
		return broken(cursor, "has a key that .npy does not know");
	}
	if (status == SNNFIT_OK && *seen & bit)
		return broken(cursor, "has a key twice");
	*seen |= bit;
	return status;
}

static snnfit_status
parse_dict(struct cursor *cursor, struct npy_header *out)
{
	snnfit_status status;
	unsigned seen = 0;

	if (!take(cursor, "{"))
		return broken(cursor, "is not a Python dict");
	while (!take(cursor, "}")) {
		status = parse_member(cursor, out, &seen);
		if (status != SNNFIT_OK)
			return status;
		if (!take(cursor, ",") && !(cursor->at < cursor->end && *cursor->at == '}'))
			return broken(cursor, "is not a Python dict");
	}
	skip_spaces(cursor);
	if (cursor->at != cursor->end)
		return broken(cursor, "goes on after its dict");
	if (seen != 7)
		return broken(cursor, "lacks 'descr', 'fortran_order' or 'shape'");
	return SNNFIT_OK;
}

snnfit_status
npy_header_parse(struct npy_header *out, const uint8_t *bytes, size_t length, size_t *need,
		 const char *what, snnfit_error *err)
{
	struct cursor cursor = { .what = what, .err = err };
	size_t start, text;

	*need = PRELUDE_BYTES;
	if (length < PRELUDE_BYTES)
		return SNNFIT_OK;
	if (memcmp(bytes, MAGIC, sizeof MAGIC))
		return error_set(err, SNNFIT_EDATA, "%s: does not begin like a .npy file", what);
	if (bytes[6] < 1 || bytes[6] > 3)
		return error_set(err, SNNFIT_EDATA, "%s: .npy version %u is not known", what,
				 bytes[6]);
	start = bytes[6] == 1 ? 10 : 12;
	text = bytes[8] | (size_t)bytes[9] << 8;
	if (bytes[6] > 1)
		text |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
	if (text > HEADER_BYTES_MAX)
		return error_set(err, SNNFIT_EDATA, "%s: the .npy header has %zu bytes, over %d",
				 what, text, HEADER_BYTES_MAX);
	*need = start + text;
	if (length < *need)
		return SNNFIT_OK;
	*out = (struct npy_header){ .bytes = (uint32_t)*need };
	cursor.at = (const char *)bytes + start;
	cursor.end = cursor.at + text;
	return parse_dict(&cursor, out);
}

/* --- elements ----------------------------------------------------------- */

static uint64_t
bits_at(const struct npy_type *type, const uint8_t *bytes)
{
	uint64_t bits = 0;
	unsigned i;

	for (i = 0; i < type->bytes; i++)
		bits = bits << 8 | bytes[type->big_endian ? i : type->bytes - 1u - i];
	return bits;
}

static double
from_float16(uint16_t bits)
{
	int exponent = bits >> 10 & 31;
	double fraction = bits & 1023, value;

	if (exponent == 31)
		value = fraction != 0.0 ? NAN : INFINITY;
	else if (exponent == 0)
		value = ldexp(fraction, -24);
	else
		value = ldexp(fraction + 1024.0, exponent - 25);
	return bits & 0x8000 ? -value : value;
}

static double
from_float(const struct npy_type *type, uint64_t bits)
{
	uint32_t half = (uint32_t)bits;
	double wide;
	float single;

	if (type->bytes == 2)
		return from_float16((uint16_t)bits);
	if (type->bytes == 4) {
		memcpy(&single, &half, sizeof single);
		return (double)single;
	}
	memcpy(&wide, &bits, sizeof wide);
	return wide;
}

/* The sign bit of a narrower integer, carried up to 64 bits. */
static double
from_integer(const struct npy_type *type, uint64_t bits)
{
	uint64_t sign = UINT64_C(1) << (type->bytes * 8 - 1);

	return (double)(int64_t)((bits ^ sign) - sign);
}

void
npy_convert(const struct npy_type *type, const uint8_t *bytes, size_t count, double *out)
{
	uint64_t bits;
	size_t i;

	for (i = 0; i < count; i++, bytes += type->bytes) {
		bits = bits_at(type, bytes);
		if (type->kind == 'f')
			out[i] = from_float(type, bits);
		else if (type->kind == 'i')
			out[i] = from_integer(type, bits);
		else if (type->kind == 'u')
			out[i] = (double)bits;
		else
			out[i] = bits != 0;
	}
}
