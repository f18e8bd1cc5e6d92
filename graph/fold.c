/* fold.c - move what a unit gives to its readers somewhere else, before it goes.
 *
 * A reader's drive is the sum over its columns c of W[c] (silent[c] + spike[c] S),
 * S the spike (0 or 1) of the unit behind c. */
#include "graph/graph.h"

#include <math.h>
#include <stdlib.h>

/* --- biases ------------------------------------------------------------- */

/* Room for a value of its own for every unit. */
static bool
spread_parameter(struct graph *graph, struct parameter *parameter, uint32_t units)
{
	double *values;
	uint32_t i;

	if (parameter->count == units)
		return true;
	values = arena_zalloc(&graph->arena, units, sizeof *values);
	if (!values)
		return false;
	for (i = 0; parameter->count > 0 && i < units; i++)
		values[i] = parameter->values[0];
	*parameter = (struct parameter){ .count = units, .values = values };
	return true;
}

static snnfit_status
add_to_offset(struct graph *graph, const struct projection *projection, const double *delta,
	      snnfit_error *err)
{
	struct population *target = &graph->populations[projection->target];
	struct neuron *neuron = &target->neuron;
	uint32_t first = projection->partial ? projection->first_row : 0;
	uint32_t row;

	if (neuron->offset.count == 0 && target->kind == POPULATION_CUSTOM)
		return SNNFIT_OK; /* no normal form, so no offset in it */
	if (!spread_parameter(graph, &neuron->offset, population_units(graph, projection->target)))
		return error_no_memory(err);
	for (row = 0; row < projection->weights->rows; row++) {
		double gain = projection->gain.count ? parameter_at(&projection->gain, row) : 1.0;

		neuron->offset.values[first + row] += gain * delta[row];
	}
	return SNNFIT_OK;
}

/* Adds delta and replaces it by what was really added: the bias is a float. */
static snnfit_status
add_to_values(struct projection *projection, double *delta, snnfit_error *err)
{
	uint32_t rows = projection->weights->rows, row;
	snnfit_status status = SNNFIT_OK;
	float *values;

	if (!projection->bias)
		status = weights_from_values(&projection->bias, rows, 1, NULL, err);
	if (status == SNNFIT_OK)
		status = weights_edit(&projection->bias, &values, err);
	for (row = 0; status == SNNFIT_OK && row < rows; row++) {
		double old = values[row];

		values[row] = (float)(old + delta[row]);
		delta[row] = values[row] - old;
	}
	return status;
}

static snnfit_status
refuse_unknown(const struct graph *graph, projection_id id, snnfit_error *err)
{
	if (id >= graph->projection_count || graph->projections[id].removed)
		return error_set(err, SNNFIT_EINTERNAL, "there is no projection %u", id);
	return SNNFIT_OK;
}

snnfit_status
graph_add_to_bias(struct graph *graph, projection_id projection, const double *delta,
		  snnfit_error *err)
{
	struct arena scratch = { 0 };
	struct projection *changed;
	snnfit_status status = refuse_unknown(graph, projection, err);
	double *added;

	if (status != SNNFIT_OK)
		return status;
	changed = &graph->projections[projection];
	added = arena_copy(&scratch, delta, changed->weights->rows, sizeof *added);
	status = added ? add_to_values(changed, added, err) : error_no_memory(err);
	if (status == SNNFIT_OK)
		status = add_to_offset(graph, changed, added, err);
	arena_free(&scratch);
	return status;
}

static bool
all_zero(const double *values, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (values[i] != 0.0)
			return false;
	return true;
}

/* --- readers ------------------------------------------------------------ */

/* One change of one reader's columns. */
struct fold {
	struct graph *graph;
	struct projection *reader;
	double *delta; /* [rows], what goes to the bias */
	snnfit_error *err;
};

static const char *
reader_name(const struct fold *fold)
{
	return fold->graph->populations[fold->reader->target].name;
}

static double
silent_at(const struct projection *projection, size_t column)
{
	return projection->silent ? projection->silent[column] : 0.0;
}

static double
spike_at(const struct projection *projection, size_t column)
{
	return projection->spike ? projection->spike[column] : 1.0;
}

/* Padding has no unit behind it: at a border the constant is another. */
static snnfit_status
refuse_uneven(const struct fold *fold)
{
	return error_set(fold->err, SNNFIT_EINTERNAL,
			 "'%s' reads a constant that is not 0 of units that go, but not "
			 "everywhere and in every step: they should be left alone",
			 reader_name(fold));
}

typedef snnfit_status (*fold_reader)(struct fold *fold, axis_id axis, const void *what);

/* Runs change on a reader, then adds what it left in delta to the bias. */
static snnfit_status
fold_one(struct fold *fold, axis_id axis, fold_reader change, const void *what)
{
	struct projection *reader = fold->reader;
	uint32_t rows = reader->weights->rows;
	snnfit_status status;

	if (reader->reads != READS_SPIKES)
		return error_set(fold->err, SNNFIT_EINTERNAL,
				 "'%s' reads more than the spikes of unit axis %u, which should "
				 "be frozen",
				 reader_name(fold), axis);
	fold->delta = calloc(rows, sizeof *fold->delta);
	if (!fold->delta)
		return error_no_memory(fold->err);
	status = change(fold, axis, what);
	if (status == SNNFIT_OK && !all_zero(fold->delta, rows))
		status = graph_add_to_bias(fold->graph,
					   (projection_id)(reader - fold->graph->projections),
					   fold->delta, fold->err);
	free(fold->delta);
	return status;
}

static snnfit_status
fold_all(struct graph *graph, axis_id axis, fold_reader change, const void *what, snnfit_error *err)
{
	struct fold fold = { .graph = graph, .err = err };
	snnfit_status status = SNNFIT_OK;
	size_t i;

	if (axis >= graph->axis_count || graph->axes[axis].frozen)
		return error_set(err, SNNFIT_EINTERNAL,
				 "unit axis %u is frozen or does not exist: nothing of it can be "
				 "folded",
				 axis);
	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++) {
		fold.reader = &graph->projections[i];
		if (!fold.reader->removed && projection_reads(fold.reader, axis))
			status = fold_one(&fold, axis, change, what);
	}
	return status;
}

/* --- constant units ----------------------------------------------------- */

/* Units that always spike, or never do. */
struct constant_units {
	const bool *gone;
	bool spiking;
};

/* silent[c], or silent[c] + spike[c], at the columns of units that are gone, 0 elsewhere. */
static void
constants_of(const struct projection *reader, axis_id axis, const struct constant_units *units,
	     double *constants)
{
	uint32_t i, outer, unit, inner;
	size_t column = 0;

	for (i = 0; i < reader->columns.count; i++) {
		const struct span *span = &reader->columns.spans[i];

		for (outer = 0; outer < span->outer; outer++)
			for (unit = 0; unit < span->units; unit++)
				for (inner = 0; inner < span->inner; inner++, column++)
					if (span->axis == axis && units->gone[span->first + unit])
						constants[column] =
							silent_at(reader, column) +
							(units->spiking ? spike_at(reader, column)
									: 0.0);
	}
}

/* Everywhere in the kernel it is the same. */
static double
row_times(const struct projection *reader, const float *row, const double *constants)
{
	size_t columns = reader->weights->columns / reader->kernel, column, k;
	double sum = 0.0;

	for (column = 0; column < columns; column++)
		for (k = 0; constants[column] != 0.0 && k < reader->kernel; k++)
			sum += row[column * reader->kernel + k] * constants[column];
	return sum;
}

/* delta = W constants, a piece of W at a time. */
static snnfit_status
multiply(struct fold *fold, const double *constants)
{
	const struct weights *weights = fold->reader->weights;
	uint32_t rows = weights_piece_rows(weights), first, row;
	float *piece = malloc((size_t)rows * weights->columns * sizeof *piece);
	snnfit_status status = piece ? SNNFIT_OK : error_no_memory(fold->err);

	for (first = 0; first < weights->rows && status == SNNFIT_OK; first += rows) {
		if (rows > weights->rows - first)
			rows = weights->rows - first;
		status = weights_read_rows(weights, first, rows, piece, fold->err);
		for (row = 0; row < rows && status == SNNFIT_OK; row++)
			fold->delta[first + row] = row_times(
				fold->reader, piece + (size_t)row * weights->columns, constants);
	}
	free(piece);
	return status;
}

/* Spikes of the step before are not there in the first step. */
static bool
is_constant(const struct projection *reader, const struct constant_units *units)
{
	return units->spiking ? !reader->spike_at_most && !reader->delayed : reader->kernel == 1;
}

static snnfit_status
fold_gone(struct fold *fold, axis_id axis, const void *what)
{
	const struct projection *reader = fold->reader;
	const struct constant_units *units = what;
	size_t columns = (size_t)dimension_size(&reader->columns);
	snnfit_status status = SNNFIT_OK;
	double *constants;

	if (!reader->silent && !units->spiking)
		return SNNFIT_OK;
	constants = calloc(columns, sizeof *constants);
	if (!constants)
		return error_no_memory(fold->err);
	constants_of(reader, axis, units, constants);
	if (!all_zero(constants, columns))
		status = is_constant(reader, units) ? multiply(fold, constants)
						    : refuse_uneven(fold);
	free(constants);
	return status;
}

snnfit_status
graph_fold_constant(struct graph *graph, axis_id axis, const bool *gone, bool spiking,
		    snnfit_error *err)
{
	struct constant_units units = { gone, spiking };

	return fold_all(graph, axis, fold_gone, &units, err);
}

/* --- merged units ------------------------------------------------------- */

struct merge {
	uint32_t kept, gone;
	double factor;
};

/* A sum that is not a multiple of the scale any more, or has outgrown its bits,
 * is no quantized weight: then the projection is float again. */
static void
add_weight(struct projection *reader, uint32_t row, float *weight, double more)
{
	struct quantization *quantization = &reader->quantization;

	*weight = (float)(*weight + more);
	if (quantization->bits > 0 && !quantization_holds(quantization, row, *weight))
		quantization->bits = 0;
}

/* W[gone] (silent_g + spike_g factor S) = W[gone] ratio (silent_k + spike_k S)
 * + W[gone] (silent_g - ratio silent_k),  ratio = factor spike_g / spike_k. */
static snnfit_status
merge_column(struct fold *fold, float *values, size_t kept, size_t gone, double factor)
{
	struct projection *reader = fold->reader;
	double rise = factor * spike_at(reader, gone);
	double ratio = rise == 0.0 ? 0.0 : rise / spike_at(reader, kept);
	double constant = silent_at(reader, gone) - ratio * silent_at(reader, kept);
	size_t kernel = reader->kernel, k;
	uint32_t row;

	if (!isfinite(constant) || !isfinite(ratio))
		return error_set(fold->err, SNNFIT_EINTERNAL,
				 "a unit that '%s' does not read cannot stand in for another",
				 reader_name(fold));
	if (constant != 0.0 && kernel > 1)
		return refuse_uneven(fold);
	for (row = 0; row < reader->weights->rows; row++) {
		float *at = values + (size_t)row * reader->weights->columns;

		fold->delta[row] += constant * at[gone * kernel];
		for (k = 0; k < kernel; k++)
			add_weight(reader, row, &at[kept * kernel + k],
				   ratio * at[gone * kernel + k]);
	}
	return SNNFIT_OK;
}

static snnfit_status
merge_span(struct fold *fold, float *values, const struct span *span, size_t base,
	   const struct merge *merge)
{
	uint32_t kept = merge->kept - span->first, gone = merge->gone - span->first;
	snnfit_status status = SNNFIT_OK;
	size_t outer, inner;

	if (gone >= span->units)
		return SNNFIT_OK;
	if (kept >= span->units)
		return error_set(fold->err, SNNFIT_EINTERNAL,
				 "'%s' reads a unit but not the one that it would be merged into",
				 reader_name(fold));
	for (outer = 0; outer < span->outer; outer++)
		for (inner = 0; inner < span->inner && status == SNNFIT_OK; inner++) {
			size_t first = base + outer * span->units * span->inner + inner;

			status = merge_column(fold, values, first + kept * span->inner,
					      first + gone * span->inner, merge->factor);
		}
	return status;
}

static snnfit_status
merge_reader(struct fold *fold, axis_id axis, const void *what)
{
	struct projection *reader = fold->reader;
	size_t base = 0;
	snnfit_status status;
	float *values;
	uint32_t i;

	status = weights_edit(&reader->weights, &values, fold->err);
	for (i = 0; i < reader->columns.count && status == SNNFIT_OK; i++) {
		const struct span *span = &reader->columns.spans[i];

		if (span->axis == axis)
			status = merge_span(fold, values, span, base, what);
		base += (size_t)span->outer * span->units * span->inner;
	}
	return status;
}

/* Whatever was merged into the unit that goes follows it. */
static void
note_merge(struct unit_axis *axis, const struct merge *merge)
{
	uint32_t gone = axis->origin[merge->gone], kept = axis->origin[merge->kept], unit;

	for (unit = 0; unit < axis->units_before; unit++)
		if (axis->merged_into[unit] == gone)
			axis->merged_into[unit] = kept;
	axis->merged_into[gone] = kept;
}

snnfit_status
graph_merge_columns(struct graph *graph, axis_id axis, uint32_t kept, uint32_t gone, double factor,
		    snnfit_error *err)
{
	struct merge merge = { kept, gone, factor };
	snnfit_status status;

	if (axis >= graph->axis_count || kept >= graph->axes[axis].units ||
	    gone >= graph->axes[axis].units || kept == gone || !isfinite(factor))
		return error_set(err, SNNFIT_EINTERNAL,
				 "unit %u cannot be merged into unit %u of unit axis %u, %g times",
				 gone, kept, axis, factor);
	status = fold_all(graph, axis, merge_reader, &merge, err);
	if (status == SNNFIT_OK)
		note_merge(&graph->axes[axis], &merge);
	return status;
}
