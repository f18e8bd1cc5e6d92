#include "graph/weights.h"

#include <stdlib.h>
#include <string.h>

/* How much of a file is read at a time when only some of it is wanted: 1 MiB. */
enum { PIECE_FLOATS = 256 * 1024 };

/* NULL when out of memory, or when the size overflows. */
static float *
new_values(uint32_t rows, uint32_t columns)
{
	size_t count, bytes;

	if (__builtin_mul_overflow((size_t)rows, (size_t)columns, &count) ||
	    __builtin_mul_overflow(count, sizeof(float), &bytes))
		return NULL;
	return calloc(1, bytes);
}

static snnfit_status
new_matrix(struct weights **out, uint32_t rows, uint32_t columns, snnfit_error *err)
{
	if (rows == 0 || columns == 0)
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "a weight matrix of %u x %u has nothing in it", rows, columns);
	*out = calloc(1, sizeof **out);
	if (!*out)
		return error_no_memory(err);
	(*out)->references = 1;
	(*out)->rows = (*out)->file_rows = rows;
	(*out)->columns = (*out)->file_columns = columns;
	return SNNFIT_OK;
}

snnfit_status
weights_from_file(struct weights **out, uint32_t rows, uint32_t columns, weights_load load,
		  void *context, uint32_t id, snnfit_error *err)
{
	snnfit_status status = new_matrix(out, rows, columns, err);

	if (status != SNNFIT_OK)
		return status;
	(*out)->load = load;
	(*out)->context = context;
	(*out)->id = id;
	return SNNFIT_OK;
}

snnfit_status
weights_from_values(struct weights **out, uint32_t rows, uint32_t columns, const float *values,
		    snnfit_error *err)
{
	struct weights *made;
	snnfit_status status = new_matrix(&made, rows, columns, err);

	if (status != SNNFIT_OK)
		return status;
	made->changed = true; /* no file has them */
	made->values = new_values(rows, columns);
	if (!made->values) {
		weights_release(made);
		return error_no_memory(err);
	}
	if (values)
		memcpy(made->values, values, (size_t)rows * columns * sizeof *values);
	*out = made;
	return SNNFIT_OK;
}

struct weights *
weights_retain(struct weights *weights)
{
	if (weights)
		weights->references++;
	return weights;
}

void
weights_release(struct weights *weights)
{
	if (!weights || --weights->references > 0)
		return;
	free(weights->values);
	free(weights->row_index);
	free(weights->column_index);
	free(weights);
}

/* --- reading ------------------------------------------------------------ */

static uint32_t
file_row(const struct weights *weights, uint32_t row)
{
	return weights->row_index ? weights->row_index[row] : row;
}

/* How many of the rows from first on, at most count, lie within extent rows of
 * the file. */
static uint32_t
rows_within(const struct weights *weights, uint32_t first, uint32_t count, uint32_t extent)
{
	uint32_t begin = file_row(weights, first);
	uint32_t rows = 1;

	while (rows < count && file_row(weights, first + rows) - begin < extent)
		rows++;
	return rows;
}

static void
gather_row(const struct weights *weights, const float *row, float *out)
{
	uint32_t column;

	if (!weights->column_index) {
		memcpy(out, row, weights->columns * sizeof *out);
		return;
	}
	for (column = 0; column < weights->columns; column++)
		out[column] = row[weights->column_index[column]];
}

/* One piece of the file, read whole: a tensor that is stored transposed costs
 * one sweep a call, however few rows are wanted. */
static snnfit_status
gather_piece(const struct weights *weights, uint32_t first, uint32_t rows, float *piece, float *out,
	     snnfit_error *err)
{
	uint32_t begin = file_row(weights, first);
	uint32_t extent = file_row(weights, first + rows - 1) - begin + 1;
	snnfit_status status;
	uint32_t row;

	status = weights->load(weights->context, weights->id, begin, extent, piece, err);
	if (status != SNNFIT_OK)
		return status;
	for (row = 0; row < rows; row++) {
		size_t at = file_row(weights, first + row) - begin;

		gather_row(weights, piece + at * weights->file_columns,
			   out + (size_t)row * weights->columns);
	}
	return SNNFIT_OK;
}

static snnfit_status
gather_rows(const struct weights *weights, uint32_t first, uint32_t count, float *out,
	    snnfit_error *err)
{
	uint32_t extent = PIECE_FLOATS / weights->file_columns;
	snnfit_status status = SNNFIT_OK;
	float *piece;

	if (extent == 0)
		extent = 1;
	if (extent > weights->file_rows)
		extent = weights->file_rows;
	piece = new_values(extent, weights->file_columns);
	if (!piece)
		return error_no_memory(err);
	while (count > 0 && status == SNNFIT_OK) {
		uint32_t rows = rows_within(weights, first, count, extent);

		status = gather_piece(weights, first, rows, piece, out, err);
		out += (size_t)rows * weights->columns;
		first += rows;
		count -= rows;
	}
	free(piece);
	return status;
}

snnfit_status
weights_read_rows(const struct weights *weights, uint32_t first, uint32_t count, float *out,
		  snnfit_error *err)
{
	size_t columns = weights->columns;

	if (first > weights->rows || count > weights->rows - first)
		return error_set(err, SNNFIT_EINTERNAL,
				 "rows %u to %u are asked of a matrix of %u rows", first,
				 first + count, weights->rows);
	if (count == 0)
		return SNNFIT_OK;
	if (weights->values) {
		memcpy(out, weights->values + first * columns, count * columns * sizeof *out);
		return SNNFIT_OK;
	}
	if (weights->row_index || weights->column_index)
		return gather_rows(weights, first, count, out, err);
	return weights->load(weights->context, weights->id, first, count, out, err);
}

/* Fills to->values, which are not there yet, from the matrix from (to itself, or
 * the one that it is a copy of). */
static snnfit_status
take_values(struct weights *to, const struct weights *from, snnfit_error *err)
{
	float *values = new_values(from->rows, from->columns);
	snnfit_status status;

	if (!values)
		return error_no_memory(err);
	status = weights_read_rows(from, 0, from->rows, values, err);
	if (status == SNNFIT_OK)
		to->values = values;
	else
		free(values);
	return status;
}

snnfit_status
weights_read(struct weights *weights, const float **values, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;

	if (!weights->values)
		status = take_values(weights, weights, err);
	*values = weights->values;
	return status;
}

uint32_t
weights_piece_rows(const struct weights *weights)
{
	uint32_t rows = PIECE_FLOATS / weights->columns;

	if (rows == 0)
		return 1;
	return rows < weights->rows ? rows : weights->rows;
}

snnfit_status
weights_count_zeros(const struct weights *weights, uint64_t *zeros, snnfit_error *err)
{
	uint32_t piece = weights_piece_rows(weights), first;
	float *values = new_values(piece, weights->columns);
	snnfit_status status = values ? SNNFIT_OK : error_no_memory(err);
	size_t i;

	for (first = 0; first < weights->rows && status == SNNFIT_OK; first += piece) {
		if (piece > weights->rows - first)
			piece = weights->rows - first;
		status = weights_read_rows(weights, first, piece, values, err);
		for (i = 0; status == SNNFIT_OK && i < (size_t)piece * weights->columns; i++)
			*zeros += values[i] == 0.0f;
	}
	free(values);
	return status;
}

/* --- changing ----------------------------------------------------------- */

/* The places in the file of what is selected, where old says what was selected
 * before. A NULL of either is: all. False when out of memory. */
static bool
compose(uint32_t **out, const uint32_t *old, const uint32_t *selected, uint32_t count)
{
	uint32_t *index, i;

	*out = NULL;
	if (!old && !selected)
		return true;
	index = malloc(count * sizeof *index);
	if (!index)
		return false;
	for (i = 0; i < count; i++) {
		uint32_t at = selected ? selected[i] : i;

		index[i] = old ? old[at] : at;
	}
	*out = index;
	return true;
}

/* A matrix like from with other rows and columns, its values not filled in. */
static struct weights *
new_selection(const struct weights *from, const uint32_t *rows, uint32_t row_count,
	      const uint32_t *columns, uint32_t column_count)
{
	struct weights *made = malloc(sizeof *made);

	if (!made)
		return NULL;
	*made = *from;
	made->references = 1;
	made->values = NULL;
	made->row_index = made->column_index = NULL;
	made->rows = row_count;
	made->columns = column_count;
	if (!from->load)
		return made;
	if (!compose(&made->row_index, from->row_index, rows, row_count) ||
	    !compose(&made->column_index, from->column_index, columns, column_count)) {
		weights_release(made);
		return NULL;
	}
	return made;
}

static snnfit_status
unshare(struct weights **weights, snnfit_error *err)
{
	struct weights *shared = *weights;
	struct weights *own = new_selection(shared, NULL, shared->rows, NULL, shared->columns);
	snnfit_status status;

	if (!own)
		return error_no_memory(err);
	status = take_values(own, shared, err);
	if (status != SNNFIT_OK) {
		weights_release(own);
		return status;
	}
	weights_release(shared);
	*weights = own;
	return SNNFIT_OK;
}

snnfit_status
weights_edit(struct weights **weights, float **values, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;

	if ((*weights)->references > 1)
		status = unshare(weights, err);
	else if (!(*weights)->values)
		status = take_values(*weights, *weights, err);
	if (status != SNNFIT_OK)
		return status;
	(*weights)->changed = true;
	*values = (*weights)->values;
	return SNNFIT_OK;
}

static bool
is_selection(const uint32_t *selected, uint32_t count, uint32_t of)
{
	uint32_t i;

	if (!selected)
		return true;
	for (i = 0; i < count; i++)
		if (selected[i] >= of || (i > 0 && selected[i] <= selected[i - 1]))
			return false;
	return count > 0;
}

static bool
select_values(struct weights *to, const struct weights *from, const uint32_t *rows,
	      const uint32_t *columns)
{
	uint32_t row, column;
	float *out;

	to->values = out = new_values(to->rows, to->columns);
	if (!out)
		return false;
	for (row = 0; row < to->rows; row++) {
		const float *in = from->values + (size_t)(rows ? rows[row] : row) * from->columns;

		for (column = 0; column < to->columns; column++)
			*out++ = in[columns ? columns[column] : column];
	}
	return true;
}

snnfit_status
weights_select(struct weights **weights, const uint32_t *rows, uint32_t row_count,
	       const uint32_t *columns, uint32_t column_count, snnfit_error *err)
{
	struct weights *from = *weights, *made;

	if (!is_selection(rows, row_count, from->rows) ||
	    !is_selection(columns, column_count, from->columns))
		return error_set(err, SNNFIT_EINTERNAL,
				 "what is selected of a matrix of %u x %u is not in it, or not "
				 "in ascending order",
				 from->rows, from->columns);
	if (!rows && !columns)
		return SNNFIT_OK;
	made = new_selection(from, rows, rows ? row_count : from->rows, columns,
			     columns ? column_count : from->columns);
	if (!made)
		return error_no_memory(err);
	if (from->values && !select_values(made, from, rows, columns)) {
		weights_release(made);
		return error_no_memory(err);
	}
	weights_release(from);
	*weights = made;
	return SNNFIT_OK;
}
