/* json.h - JSON to jansson's values and back, with every failed allocation noticed.
 *
 * jansson's own parser and printer go on without what they had no memory for: a
 * long number loses digits, and nobody hears of it. */
#ifndef SNNFIT_CORE_JSON_H
#define SNNFIT_CORE_JSON_H

#include "core/error.h"

#include <jansson.h>

enum { JSON_NESTED_MAX = 64 };

/* What is wrong with a text, and where, from 1 on. */
struct json_problem {
	uint64_t line, column;
	const char *text; /* a constant */
};

/* One object or array, and nothing behind it. SNNFIT_OK, SNNFIT_ENOMEM, or
 * SNNFIT_EFORMAT with *problem filled, for the caller to word. Names must differ
 * within an object; strings hold no NUL; integers fit 64 bits. */
MUST_USE snnfit_status json_parse(json_t **out, const char *text, size_t length,
				  struct json_problem *problem);
/* Flags as for json_dumps. NULL: out of memory; to be freed. */
MUST_USE char *json_print(const json_t *value, size_t flags);

#endif
