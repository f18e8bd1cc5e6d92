/* base64.h - RFC 4648 section 4, strict: no line breaks, padding where it belongs. */
#ifndef SNNFIT_CORE_BASE64_H
#define SNNFIT_CORE_BASE64_H

#include "core/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes the text stands for; false when its length is no multiple of 4. */
bool base64_decoded_length(const char *text, size_t length, size_t *out);

/* Decodes into out, which has room for base64_decoded_length bytes. false: *bad
 * is the position of the first character that cannot stand where it does. */
bool base64_decode(const char *text, size_t length, uint8_t *out, size_t *bad);

/* Appends the text that stands for the bytes. */
void base64_append(struct text *text, const uint8_t *bytes, size_t length);

#endif
