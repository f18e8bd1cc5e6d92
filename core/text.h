/* text.h - a string that grows. */
#ifndef SNNFIT_CORE_TEXT_H
#define SNNFIT_CORE_TEXT_H

#include "core/error.h"

#include <stdbool.h>

/* All zero bytes is an empty text. Out of memory is remembered: append as much
 * as you like, then ask text_failed() once. */
struct text {
	char *chars; /* NUL-terminated once anything was appended */
	size_t length;
	size_t capacity;
	bool failed;
};

void text_append(struct text *text, const char *chars);
void text_append_bytes(struct text *text, const void *bytes, size_t length);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool text_failed(const struct text *text);

/* Hands over the string (malloc'd; the caller frees it); NULL when an append
 * failed. The text is empty afterwards. */
MUST_USE char *text_take(struct text *text);
void text_free(struct text *text);

bool text_is_utf8(const void *bytes, size_t length);

#endif
