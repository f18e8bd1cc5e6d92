#include "core/json.h"

#include "core/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- reading ----------------------------------------------------------------- */

struct reader {
	const char *at, *end;
	const char *problem; /* of the text; it lies at `at` */
	bool no_memory;
	struct text token; /* a string or a number, as it is read */
};

static json_t *
refuse(struct reader *reader, const char *problem)
{
	if (!reader->problem)
		reader->problem = problem;
	return NULL;
}

/* A value of jansson's: it is NULL for want of memory only. */
static json_t *
made(struct reader *reader, json_t *value)
{
	if (!value)
		reader->no_memory = true;
	return value;
}

static void
skip_space(struct reader *reader)
{
	while (reader->at < reader->end && memchr(" \t\n\r", *reader->at, 4))
		reader->at++;
}

static bool
take(struct reader *reader, char expected)
{
	skip_space(reader);
	if (reader->at == reader->end || *reader->at != expected)
		return false;
	reader->at++;
	return true;
}

static bool
take_word(struct reader *reader, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
		return false;
	reader->at += length;
	return true;
}

static bool
append(struct reader *reader, const void *bytes, size_t length)
{
	text_append_bytes(&reader->token, bytes, length);
	if (text_failed(&reader->token))
		reader->no_memory = true;
	return !reader->no_memory;
}

static void
clear_token(struct reader *reader)
{
	reader->token.length = 0;
}

/* --- strings ------------------------------------------------------------------ */

static bool
read_hex(struct reader *reader, uint32_t *out)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";

	*out = 0;
	if (reader->end - reader->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		const char *digit = *reader->at ? strchr(digits, *reader->at) : NULL;

		if (!digit)
			return false;
		*out = *out * 16 + (uint32_t)(digit - digits) % 16;
		reader->at++;
	}
	return true;
}

/* The code point behind "\u"; the second half of a pair belongs to it. */
static bool
read_code_point(struct reader *reader, uint32_t *point)
{
	uint32_t low;

	if (!read_hex(reader, point) || *point == 0 || (*point >= 0xdc00 && *point < 0xe000))
		return false;
	if (*point < 0xd800 || *point >= 0xe000)
		return true;
	if (!take_word(reader, "\\u") || !read_hex(reader, &low) || low < 0xdc00 || low >= 0xe000)
		return false;
	*point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

static bool
append_code_point(struct reader *reader, uint32_t point)
{
	int more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
	static const uint8_t first[] = { 0, 0xc0, 0xe0, 0xf0 };
	uint8_t bytes[4];

	bytes[0] = (uint8_t)(first[more] | point >> 6 * more);
	for (int i = 1; i <= more; i++)
		bytes[i] = (uint8_t)(0x80 | (point >> 6 * (more - i) & 0x3f));
	return append(reader, bytes, (size_t)more + 1);
}

/* Behind the backslash. */
static bool
read_escape(struct reader *reader)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *name = NULL;
	uint32_t point;

	if (reader->at < reader->end && *reader->at)
		name = strchr(names, *reader->at);
	if (name) {
		reader->at++;
		return append(reader, &values[name - names], 1);
	}
	if (!take_word(reader, "u") || !read_code_point(reader, &point)) {
		(void)refuse(reader, "there is no such escape in a string");
		return false;
	}
	return append_code_point(reader, point);
}

/* Into the token, from behind the first quote to behind the last. */
static bool
read_string(struct reader *reader)
{
	clear_token(reader);
	for (;;) {
		const char *begin = reader->at;

		while (reader->at < reader->end && *reader->at != '"' && *reader->at != '\\' &&
		       (unsigned char)*reader->at >= 0x20)
			reader->at++;
		if (!append(reader, begin, (size_t)(reader->at - begin)))
			return false;
		if (take_word(reader, "\""))
			break;
		if (!take_word(reader, "\\")) {
			(void)refuse(reader, "a string does not end");
			return false;
		}
		if (!read_escape(reader))
			return false;
	}
	if (text_is_utf8(reader->token.chars, reader->token.length))
		return true;
	(void)refuse(reader, "a string is not UTF-8");
	return false;
}

static json_t *
token_string(struct reader *reader)
{
	return made(reader, json_stringn_nocheck(reader->token.chars ? reader->token.chars : "",
						 reader->token.length));
}

/* --- numbers ------------------------------------------------------------------- */

static bool
skip_digits(struct reader *reader)
{
	const char *begin = reader->at;

	while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
		reader->at++;
	return reader->at > begin;
}

/* The number's grammar; *real: it has a fraction or an exponent. */
static bool
skip_number(struct reader *reader, bool *real)
{
	(void)take_word(reader, "-");
	if (!take_word(reader, "0") && !skip_digits(reader))
		return false;
	*real = take_word(reader, ".");
	if (*real && !skip_digits(reader))
		return false;
	if (!take_word(reader, "e") && !take_word(reader, "E"))
		return true;
	*real = true;
	if (!take_word(reader, "+"))
		(void)take_word(reader, "-");
	return skip_digits(reader);
}

static json_t *
real_of(struct reader *reader)
{
	char *point = strchr(reader->token.chars, '.');
	double value;

	if (point)
		*point = localeconv()->decimal_point[0]; /* as strtod wants it */
	value = strtod(reader->token.chars, NULL);
	return isfinite(value) ? made(reader, json_real(value))
			       : refuse(reader, "a number is too large");
}

static json_t *
read_number(struct reader *reader)
{
	const char *begin = reader->at;
	long long value;
	bool real;

	if (!skip_number(reader, &real))
		return refuse(reader, "there is no value here");
	clear_token(reader);
	if (!append(reader, begin, (size_t)(reader->at - begin)))
		return NULL;
	if (real)
		return real_of(reader);
	errno = 0;
	value = strtoll(reader->token.chars, NULL, 10);
	return errno ? refuse(reader, "a number is too large") : made(reader, json_integer(value));
}

/* --- values --------------------------------------------------------------------- */

static json_t *read_value(struct reader *reader, int depth);

static bool
add_element(struct reader *reader, json_t *array, int depth)
{
	json_t *value = read_value(reader, depth);

	if (value && json_array_append_new(array, value) != 0)
		reader->no_memory = true;
	return value && !reader->no_memory;
}

static bool
add_member(struct reader *reader, json_t *object, int depth)
{
	json_t *value = NULL, *name;
	bool added = false;

	if (!take(reader, '"')) {
		(void)refuse(reader, "a name is missing");
		return false;
	}
	name = read_string(reader) ? token_string(reader) : NULL;
	if (name && json_object_get(object, json_string_value(name)))
		(void)refuse(reader, "a name is there twice");
	else if (name && !take(reader, ':'))
		(void)refuse(reader, "a colon is missing");
	else if (name)
		value = read_value(reader, depth);
	if (value) {
		added = json_object_set_new_nocheck(object, json_string_value(name), value) == 0;
		reader->no_memory = reader->no_memory || !added;
	}
	json_decref(name);
	return added;
}

/* What stands between the brackets, of which the first has been read. */
static json_t *
read_items(struct reader *reader, json_t *list, char end, int depth,
	   bool (*add)(struct reader *, json_t *, int))
{
	bool good = made(reader, list) != NULL;

	if (good && depth >= JSON_NESTED_MAX)
		good = refuse(reader, "it is nested too deeply") != NULL;
	if (good && take(reader, end))
		return list;
	while (good) {
		good = add(reader, list, depth + 1);
		if (good && take(reader, end))
			return list;
		if (good && !take(reader, ','))
			good = refuse(reader, "a comma or a bracket is missing") != NULL;
	}
	json_decref(list);
	return NULL;
}

static json_t *
read_value(struct reader *reader, int depth)
{
	if (take(reader, '{'))
		return read_items(reader, json_object(), '}', depth, add_member);
	if (take(reader, '['))
		return read_items(reader, json_array(), ']', depth, add_element);
	if (take(reader, '"'))
		return read_string(reader) ? token_string(reader) : NULL;
	if (take_word(reader, "true"))
		return json_true();
	if (take_word(reader, "false"))
		return json_false();
	if (take_word(reader, "null"))
		return json_null();
	return read_number(reader);
}

static void
locate(struct json_problem *problem, const struct reader *reader, const char *text)
{
	*problem = (struct json_problem){ 1, 1, reader->problem };
	for (; text < reader->at; text++) {
		problem->line += *text == '\n';
		problem->column = *text == '\n' ? 1 : problem->column + 1;
	}
}

snnfit_status
json_parse(json_t **out, const char *text, size_t length, struct json_problem *problem)
{
	struct reader reader = { .at = text, .end = text + length };

	*out = read_value(&reader, 0);
	if (*out && !json_is_object(*out) && !json_is_array(*out))
		(void)refuse(&reader, "it is no object and no array");
	if (*out && !reader.problem)
		skip_space(&reader);
	if (*out && reader.at < reader.end)
		(void)refuse(&reader, "something stands behind its end");
	text_free(&reader.token);
	if (*out && !reader.problem)
		return SNNFIT_OK;
	json_decref(*out);
	*out = NULL;
	if (reader.no_memory)
		return SNNFIT_ENOMEM;
	locate(problem, &reader, text);
	return SNNFIT_EFORMAT;
}

/* --- writing ----------------------------------------------------------------------- */

static int
take_piece(const char *piece, size_t length, void *text)
{
	text_append_bytes(text, piece, length);
	return text_failed(text) ? -1 : 0;
}

char *
json_print(const json_t *value, size_t flags)
{
	struct text text = { 0 };

	if (json_dump_callback(value, take_piece, &text, flags) != 0)
		text.failed = true;
	return text_take(&text);
}
