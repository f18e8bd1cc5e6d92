/* table.h - columns of text for people, as wide as what stands in them. */
#ifndef SNNFIT_API_TABLE_H
#define SNNFIT_API_TABLE_H

#include "core/text.h"

enum { TABLE_COLUMNS = 12 };

/* Fill it cell by cell, row by row: the first row is the head. All zero bytes but
 * for columns is an empty table. */
struct table {
	uint32_t columns;  /* at most TABLE_COLUMNS */
	struct text cells; /* each ended by a NUL */
	uint32_t count;
	bool left[TABLE_COLUMNS]; /* words, not figures */
};

void table_text(struct table *table, const char *cell);
/* What was written into a text, which is empty afterwards. */
void table_take(struct table *table, struct text *cell);
void table_figure(struct table *table, double value, int decimals);
/* The rows, indented, and the table emptied. */
void table_print(struct table *table, struct text *out);

#endif
