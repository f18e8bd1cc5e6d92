#include "api/json.h"

#include "core/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- building ------------------------------------------------------------- */

static json_t *
text_repaired(const char *text)
{
	size_t length = strlen(text), i;
	char *copy = strdup(text);
	json_t *value;

	for (i = 0; copy && i < length; i++)
		if ((unsigned char)copy[i] >= 0x80)
			copy[i] = '?';
	value = copy ? json_string(copy) : NULL;
	free(copy);
	return value;
}

json_t *
json_text(const char *text)
{
	json_t *value = text ? json_string(text) : json_null();

	return value ? value : text_repaired(text);
}

json_t *
json_figure(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *
json_amount(uint64_t value)
{
	return value <= INT64_MAX ? json_integer((json_int_t)value) : json_real((double)value);
}

json_t *
json_put(struct json_builder *builder, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0) {
		builder->failed = true;
		return NULL;
	}
	return value;
}

json_t *
json_append(struct json_builder *builder, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0) {
		builder->failed = true;
		return NULL;
	}
	return value;
}

char *
json_line(const json_t *document)
{
	/* Enough digits for any float, and 0.1 stays 0.1. */
	return json_print(document, JSON_COMPACT | JSON_REAL_PRECISION(12));
}

/* --- reading ---------------------------------------------------------------- */

const char *
json_get_text(const json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : otherwise;
}

double
json_get_figure(const json_t *object, const char *key, double otherwise)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : otherwise;
}

uint64_t
json_get_amount(const json_t *object, const char *key)
{
	double value = json_get_figure(object, key, 0.0);

	return value >= 0.0 && value < 1e18 ? (uint64_t)value : 0;
}

/* --- for people --------------------------------------------------------------- */

void
text_plain(struct text *out, const char *text)
{
	for (; *text; text++)
		text_append_bytes(out, (unsigned char)*text < 0x20 || *text == 0x7f ? "?" : text,
				  1);
}

void
text_figure(struct text *out, double value, int decimals)
{
	char digits[352]; /* the longest double, and its decimals */
	size_t length, i;

	if (!isfinite(value)) {
		text_append(out, "-");
		return;
	}
	(void)snprintf(digits, sizeof digits, "%.*f", decimals, fabs(value));
	length = strcspn(digits, ".");
	if (value < 0.0 && strpbrk(digits, "123456789"))
		text_append(out, "-");
	for (i = 0; i < length; i++) {
		text_append_bytes(out, &digits[i], 1);
		if ((length - i) % 3 == 1 && i + 1 < length)
			text_append(out, ",");
	}
	text_append(out, digits + length);
}
