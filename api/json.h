/* json.h - building and reading JSON, with running out of memory asked for once. */
#ifndef SNNFIT_API_JSON_H
#define SNNFIT_API_JSON_H

#include "core/error.h"
#include "core/text.h"

#include <jansson.h>

/* All zero bytes is a fresh one; failed: something could not be made. */
struct json_builder {
	bool failed;
};

/* Values; NULL only when out of memory, which json_put and json_append notice. */
json_t *json_text(const char *text); /* null for NULL; bytes that are not UTF-8 become '?' */
json_t *json_figure(double value);   /* null when not finite */
json_t *json_amount(uint64_t value);

/* Both take over the value, and give it back to be filled. */
json_t *json_put(struct json_builder *builder, json_t *object, const char *key, json_t *value);
json_t *json_append(struct json_builder *builder, json_t *array, json_t *value);

/* The document in one line (malloc), NULL when out of memory. */
MUST_USE char *json_line(const json_t *document);

/* --- reading documents that may come from elsewhere ------------------------- */

/* What stands there, or the default when it is of another type or not there. */
const char *json_get_text(const json_t *object, const char *key, const char *otherwise);
double json_get_figure(const json_t *object, const char *key, double otherwise);
uint64_t json_get_amount(const json_t *object, const char *key);

/* Names and sentences from files, control characters as '?'. */
void text_plain(struct text *out, const char *text);
/* 12345678 -> "12,345,678", with as many decimals (0 to 3) as asked for. */
void text_figure(struct text *out, double value, int decimals);

#endif
