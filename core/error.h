/* error.h - errors are values: a status, and one sentence in the caller's object. */
#ifndef SNNFIT_CORE_ERROR_H
#define SNNFIT_CORE_ERROR_H

#include "snnfit.h"

#define MUST_USE __attribute__((warn_unused_result))

/* Fills *err (which may be NULL) with one line and returns status, so that a
 * failure is one statement: return error_set(err, SNNFIT_EFORMAT, "...", ...).
 * Control characters that a file brought along are replaced by '?'. */
snnfit_status error_set(snnfit_error *err, snnfit_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

snnfit_status error_no_memory(snnfit_error *err);

#endif
