#include "core/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
reserve(struct text *text, size_t more)
{
	size_t need, capacity;
	char *grown;

	if (text->failed || __builtin_add_overflow(text->length + 1, more, &need)) {
		text->failed = true;
		return false;
	}
	if (need <= text->capacity)
		return true;
	capacity = text->capacity > SIZE_MAX / 2 ? need : text->capacity * 2;
	if (capacity < need)
		capacity = need;
	grown = realloc(text->chars, capacity);
	if (!grown) {
		text->failed = true;
		return false;
	}
	text->chars = grown;
	text->capacity = capacity;
	return true;
}

void
text_append_bytes(struct text *text, const void *bytes, size_t length)
{
	if (!reserve(text, length))
		return;
	if (length)
		memcpy(text->chars + text->length, bytes, length);
	text->length += length;
	text->chars[text->length] = '\0';
}

void
text_append(struct text *text, const char *chars)
{
	text_append_bytes(text, chars, strlen(chars));
}

void
text_printf(struct text *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0) {
		text->failed = true;
		return;
	}
	if (!reserve(text, (size_t)length))
		return;
	va_start(args, format);
	(void)vsnprintf(text->chars + text->length, (size_t)length + 1, format, args);
	va_end(args);
	text->length += (size_t)length;
}

bool
text_failed(const struct text *text)
{
	return text->failed;
}

char *
text_take(struct text *text)
{
	char *chars = NULL;

	if (reserve(text, 0)) {
		text->chars[text->length] = '\0';
		chars = text->chars;
	} else {
		free(text->chars);
	}
	*text = (struct text){ 0 };
	return chars;
}

void
text_free(struct text *text)
{
	free(text->chars);
	*text = (struct text){ 0 };
}

/* --- what it is written in ---------------------------------------------------- */

/* Length of the UTF-8 character that begins here, as RFC 3629 has it: the shortest
 * form, no halves of UTF-16 pairs, nothing past U+10FFFF. 0: there is none. */
static size_t
character_length(const uint8_t *at, size_t available)
{
	size_t length = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4, i;

	if (length == 1)
		return 1;
	if (at[0] < 0xc2 || at[0] > 0xf4 || length > available)
		return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	for (i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

bool
text_is_utf8(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length > 0) {
		size_t taken = character_length(at, length);

		if (!taken)
			return false;
		at += taken;
		length -= taken;
	}
	return true;
}
