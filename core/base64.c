#include "core/base64.h"

enum { NOT_A_DIGIT = 64 };

static uint32_t
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : NOT_A_DIGIT;
}

static size_t
padding(const char *text, size_t length)
{
	if (length == 0 || text[length - 1] != '=')
		return 0;
	return text[length - 2] == '=' ? 2 : 1;
}

bool
base64_decoded_length(const char *text, size_t length, size_t *out)
{
	if (length % 4 != 0)
		return false;
	*out = length / 4 * 3 - padding(text, length);
	return true;
}

bool
base64_decode(const char *text, size_t length, uint8_t *out, size_t *bad)
{
	size_t digits = length - padding(text, length), i;
	uint32_t bits = 0, value;

	for (i = 0; i < digits; i++) {
		value = digit(text[i]);
		if (value == NOT_A_DIGIT) {
			*bad = i;
			return false;
		}
		bits = (bits << 6 | value) & 0xffffff;
		if (i % 4 > 0) /* 12, 18 and 24 bits are in: a byte is complete */
			*out++ = (uint8_t)(bits >> (6 - i % 4 * 2));
	}
	if (digits < length && (bits & (digits % 4 == 2 ? 15u : 3u))) {
		*bad = digits - 1; /* bits that belong to no byte must be 0 */
		return false;
	}
	return true;
}

void
base64_append(struct text *text, const uint8_t *bytes, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i, group;
	uint32_t bits;
	char four[4];

	for (i = 0; i < length; i += 3) {
		group = length - i < 3 ? length - i : 3;
		bits = (uint32_t)bytes[i] << 16;
		bits |= group > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
		bits |= group > 2 ? bytes[i + 2] : 0;
		four[0] = digits[bits >> 18];
		four[1] = digits[bits >> 12 & 63];
		four[2] = group > 1 ? digits[bits >> 6 & 63] : '=';
		four[3] = group > 2 ? digits[bits & 63] : '=';
		text_append_bytes(text, four, sizeof four);
	}
}
