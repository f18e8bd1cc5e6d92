#include "exporter/json_text.h"

#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decimals of up to DIGITS_KEPT digits survive becoming a double, so that many
 * digits of it are the shortest such decimal and zeros, which %g leaves out. */
enum { DIGITS_KEPT = 15, DIGITS_MAX = 17, NUMBER_BYTES = 40 };

void
json_text_number(struct text *text, double number)
{
	char chars[NUMBER_BYTES];
	int digits = DIGITS_KEPT;
	size_t i;

	do {
		(void)snprintf(chars, sizeof chars, "%.*g", digits, number);
	} while (digits++ < DIGITS_MAX && strtod(chars, NULL) != number);
	for (i = 0; chars[i]; i++)
		if (!strchr("0123456789+-e", chars[i]))
			chars[i] = '.';
	text_append(text, chars);
}

void
json_text_string(struct text *text, const char *string)
{
	json_t *value = json_string(string);
	char *chars = value ? json_text_of(value) : NULL;

	if (chars)
		text_append(text, chars);
	else
		text->failed = true;
	free(chars);
	json_decref(value);
}

char *
json_text_of(const json_t *value)
{
	return json_print(value, JSON_ENCODE_ANY | JSON_COMPACT);
}
