#include "graph/scan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Blanks, line ends, and comments from # to the end of the line. */
static void
skip_blanks(struct scanner *scanner)
{
	const char *at = scanner->next;

	for (; is_space(*at) || *at == '#'; at++) {
		if (*at == '#')
			at += strcspn(at, "\n");
		if (*at == '\n')
			scanner->line++;
		if (!*at)
			break;
	}
	scanner->next = at;
}

/* Ends at the closing quote of the same line. */
static enum token
scan_quoted(struct scanner *scanner)
{
	const char *at = scanner->begin + 1;

	while (*at && *at != '"' && *at != '\n')
		at += at[0] == '\\' && at[1] ? 2 : 1;
	scanner->next = *at == '"' ? at + 1 : at;
	return *at == '"' ? TOKEN_STRING : TOKEN_BROKEN;
}

static enum token
scan_plain(struct scanner *scanner)
{
	const char *at = scanner->begin;
	const char *digits = at + (*at == '-' || *at == '+');

	digits += *digits == '.';
	while (*at && !is_space(*at) && *at != '"')
		at++;
	scanner->next = at;
	return is_digit(*digits) ? TOKEN_NUMBER : TOKEN_WORD;
}

void
scan_next(struct scanner *scanner)
{
	skip_blanks(scanner);
	scanner->begin = scanner->next;
	if (!*scanner->begin)
		scanner->token = TOKEN_END;
	else if (*scanner->begin == '"')
		scanner->token = scan_quoted(scanner);
	else
		scanner->token = scan_plain(scanner);
	scanner->length = (size_t)(scanner->next - scanner->begin);
}

void
scan_start(struct scanner *scanner, const char *text, snnfit_error *err)
{
	*scanner = (struct scanner){ .next = text, .line = 1, .err = err };
	scan_next(scanner);
}

/* --- refusals ----------------------------------------------------------- */

bool
scan_refuse(struct scanner *scanner, const char *what)
{
	int length = scanner->length < 40 ? (int)scanner->length : 40;

	if (scanner->token == TOKEN_END)
		(void)error_set(scanner->err, SNNFIT_EFORMAT,
				"line %zu: expected %s, found the end of the text", scanner->line,
				what);
	else
		(void)error_set(scanner->err, SNNFIT_EFORMAT, "line %zu: expected %s, found %.*s",
				scanner->line, what, length, scanner->begin);
	return false;
}

bool
scan_fail(struct scanner *scanner, const char *what)
{
	(void)error_set(scanner->err, SNNFIT_EFORMAT, "line %zu: %s", scanner->line, what);
	return false;
}

bool
scan_no_memory(struct scanner *scanner)
{
	(void)error_no_memory(scanner->err);
	return false;
}

/* --- words -------------------------------------------------------------- */

bool
scan_at_word(const struct scanner *scanner, const char *word)
{
	return scanner->token == TOKEN_WORD && strlen(word) == scanner->length &&
	       memcmp(word, scanner->begin, scanner->length) == 0;
}

bool
scan_skip_word(struct scanner *scanner, const char *word)
{
	if (!scan_at_word(scanner, word))
		return false;
	scan_next(scanner);
	return true;
}

bool
scan_word(struct scanner *scanner, const char *word)
{
	return scan_skip_word(scanner, word) || scan_refuse(scanner, word);
}

bool
scan_choice(struct scanner *scanner, const char *const *words, const char *what, uint32_t *out)
{
	uint32_t i;

	for (i = 0; words[i]; i++)
		if (scan_skip_word(scanner, words[i])) {
			*out = i;
			return true;
		}
	return scan_refuse(scanner, what);
}

/* --- numbers ------------------------------------------------------------ */

bool
scan_count64(struct scanner *scanner, uint64_t *out)
{
	unsigned long long value;
	char *end;

	if (scanner->token != TOKEN_NUMBER || !is_digit(*scanner->begin))
		return scan_refuse(scanner, "a whole number");
	errno = 0;
	value = strtoull(scanner->begin, &end, 10);
	if (errno || end != scanner->next)
		return scan_refuse(scanner, "a whole number");
	*out = value;
	scan_next(scanner);
	return true;
}

bool
scan_count(struct scanner *scanner, uint32_t most, uint32_t *out)
{
	struct scanner before = *scanner;
	uint64_t value;

	if (!scan_count64(scanner, &value))
		return false;
	if (value > most)
		return scan_refuse(&before, "a smaller number");
	*out = (uint32_t)value;
	return true;
}

bool
scan_double(struct scanner *scanner, double *out)
{
	double value;
	char *end;

	if (scanner->token != TOKEN_NUMBER)
		return scan_refuse(scanner, "a number");
	value = strtod(scanner->begin, &end);
	if (end != scanner->next || !isfinite(value))
		return scan_refuse(scanner, "a finite number");
	*out = value;
	scan_next(scanner);
	return true;
}

bool
scan_float(struct scanner *scanner, double *out)
{
	float value;
	char *end;

	if (scanner->token != TOKEN_NUMBER)
		return scan_refuse(scanner, "a number");
	value = strtof(scanner->begin, &end);
	if (end != scanner->next || !isfinite(value))
		return scan_refuse(scanner, "a finite number");
	*out = (double)value;
	scan_next(scanner);
	return true;
}

/* --- strings ------------------------------------------------------------ */

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character behind a backslash; how many were read of it, 0: none such. */
static size_t
unescape(const char *at, char *out)
{
	switch (*at) {
	case '"':
	case '\\':
		*out = *at;
		return 1;
	case 'n':
		*out = '\n';
		return 1;
	case 't':
		*out = '\t';
		return 1;
	case 'x':
		if (hex_digit(at[1]) < 0 || hex_digit(at[2]) < 0)
			return 0;
		*out = (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
		return *out ? 3 : 0;
	default:
		return 0;
	}
}

bool
scan_string(struct scanner *scanner, struct arena *arena, const char **out)
{
	const char *at = scanner->begin + 1, *end = scanner->next - 1;
	char *string, *to;

	if (scanner->token == TOKEN_BROKEN)
		return scan_fail(scanner, "a string does not end on its line");
	if (scanner->token != TOKEN_STRING)
		return scan_refuse(scanner, "a string in quotes");
	*out = to = string = arena_alloc(arena, scanner->length, 1);
	if (!string)
		return scan_no_memory(scanner);
	while (at < end) {
		size_t read = 0;

		if (*at != '\\') {
			*to++ = *at++;
			continue;
		}
		read = unescape(at + 1, to++);
		if (read == 0)
			return scan_fail(scanner, "a string has an escape that is none of "
						  "\\\" \\\\ \\n \\t \\xHH");
		at += 1 + read;
	}
	*to = '\0';
	scan_next(scanner);
	return true;
}
