/* json_text.h - numbers and strings of JSON, appended to a text. */
#ifndef SNNFIT_EXPORTER_JSON_TEXT_H
#define SNNFIT_EXPORTER_JSON_TEXT_H

#include "core/text.h"

#include <jansson.h>

/* The fewest digits that read back as the same double, whatever the locale. The
 * number must be finite. */
void json_text_number(struct text *text, double number);
/* Quoted; what is no UTF-8 is a failure of the text. */
void json_text_string(struct text *text, const char *string);
/* Compact, members in their order. NULL when out of memory; to be freed. */
MUST_USE char *json_text_of(const json_t *value);

#endif
