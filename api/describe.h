/* describe.h - parts of reports that are said in the same words in text and HTML.
 * The documents may come from a file: whatever is missing in them is left out. */
#ifndef SNNFIT_API_DESCRIBE_H
#define SNNFIT_API_DESCRIBE_H

#include "api/json.h"
#include "api/table.h"

/* An indented line; the words may be NULL. */
void describe_line(struct text *out, const char *first, const char *between, const char *second);

/* "YES", "NO", or NULL: not known. */
const char *fits_word(const json_t *document);
/* "LUT", "logic cells", "BRAM blocks", ...; the name itself otherwise. */
const char *resource_label(const char *resource);
/* The key of what people call LUTs on this device: "lut", or "logic_cells". */
const char *lut_resource(const json_t *document);

/* "23 dead neurons removed, 1 unread neuron removed", or "nothing to do". */
void pass_summary(const json_t *pass, struct text *out);

/* Tables, cell by cell, the head first. */
struct table utilization_table(const json_t *document);
struct table layers_table(const json_t *document);
struct table steps_table(const json_t *document);
struct table changes_table(const json_t *document);
/* A cell of a layer that says its positions: "8 x 576" of a convolution, "64". */
void table_units(struct table *table, const json_t *layer);
/* One sentence: what is over by how much, and the layer that uses most of it. */
void limit_summary(const json_t *document, const char *resource, struct text *out);
/* Some pass changed something. */
bool passes_changed(const json_t *passes);
/* Passes or ladder made another network of the model, and nobody measured its
 * accuracy. */
bool is_accuracy_open(const json_t *document);
/* "95.80 % before, 95.40 % after (2000 samples: ...)"; nothing when not measured. */
void accuracy_summary(const json_t *document, struct text *out);
/* Accuracy was measured. */
bool is_accuracy_known(const json_t *document);
/* Some layer of the report is a part of why the resource is exceeded. */
bool is_exceeded(const json_t *document, const char *resource);

#endif
