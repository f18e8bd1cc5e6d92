#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>

static void
replace_control_characters(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

snnfit_status
error_set(snnfit_error *err, snnfit_status status, const char *format, ...)
{
	va_list args;

	if (!err)
		return status;
	err->status = status;
	va_start(args, format);
	if (vsnprintf(err->text, sizeof err->text, format, args) < 0)
		err->text[0] = '\0';
	va_end(args);
	replace_control_characters(err->text);
	return status;
}

snnfit_status
error_no_memory(snnfit_error *err)
{
	return error_set(err, SNNFIT_ENOMEM, "out of memory");
}
