/* report.h - a report is a JSON document; what is printed or asked for is read from it. */
#ifndef SNNFIT_API_REPORT_H
#define SNNFIT_API_REPORT_H

#include "api/json.h"

/* The document for people, appended to out. */
typedef void (*report_describe)(const json_t *document, struct text *out);

/* Takes over the document, also on failure; NULL is out of memory. *out is NULL
 * on failure. */
MUST_USE snnfit_status report_new(snnfit_report **out, json_t *document, report_describe describe,
				  snnfit_error *err);

/* The kinds of reports there are. */
void describe_resources(const json_t *document, struct text *out);
void describe_inspection(const json_t *document, struct text *out);
void describe_simulation(const json_t *document, struct text *out);
void describe_targets(const json_t *document, struct text *out);

/* A self-contained page of a resource report. */
void resources_page(const json_t *document, struct text *out);

#endif
