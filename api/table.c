#include "api/table.h"

#include "api/json.h"

#include <string.h>

void
table_text(struct table *table, const char *cell)
{
	text_plain(&table->cells, cell);
	text_append_bytes(&table->cells, "", 1);
	table->count++;
}

void
table_take(struct table *table, struct text *cell)
{
	table_text(table, cell->chars ? cell->chars : "");
	table->cells.failed |= text_failed(cell);
	text_free(cell);
}

void
table_figure(struct table *table, double value, int decimals)
{
	struct text cell = { .chars = NULL };

	text_figure(&cell, value, decimals);
	table_take(table, &cell);
}

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t
width_of(const char *cell)
{
	size_t width = 0;

	for (; *cell; cell++)
		width += ((unsigned char)*cell & 0xc0) != 0x80;
	return width;
}

static void
measure(const struct table *table, size_t widths[TABLE_COLUMNS])
{
	const char *cell = table->cells.chars;

	memset(widths, 0, TABLE_COLUMNS * sizeof *widths);
	for (uint32_t i = 0; i < table->count; i++, cell += strlen(cell) + 1)
		if (width_of(cell) > widths[i % table->columns])
			widths[i % table->columns] = width_of(cell);
}

static void
pad(struct text *out, size_t spaces)
{
	while (spaces--)
		text_append(out, " ");
}

static void
print_cell(const struct table *table, const char *cell, uint32_t column, size_t width,
	   struct text *out)
{
	size_t spaces = width - width_of(cell);
	bool is_last = column + 1 == table->columns;

	text_append(out, "  ");
	if (!table->left[column])
		pad(out, spaces);
	text_append(out, cell);
	if (table->left[column] && !is_last)
		pad(out, spaces);
	if (is_last)
		text_append(out, "\n");
}

void
table_print(struct table *table, struct text *out)
{
	size_t widths[TABLE_COLUMNS];
	const char *cell = table->cells.chars;

	if (text_failed(&table->cells)) {
		out->failed = true;
	} else {
		measure(table, widths);
		for (uint32_t i = 0; i < table->count; i++, cell += strlen(cell) + 1)
			print_cell(table, cell, i % table->columns, widths[i % table->columns],
				   out);
	}
	text_free(&table->cells);
	table->count = 0;
}
