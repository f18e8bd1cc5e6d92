/* redundancy_elimination.c - merge neurons that do the same as another one.
 *
 * Divided by its threshold, a neuron of graph.h's normal form depends on
 *
 *     r_i = (gain_i W_i, offset_i) / threshold_i,  decay, reset_value / threshold
 *
 * and on its current's decay and gain alone. Where all that is equal for i and j,
 * S_i = S_j at every step, and what reads both may read one of them with the sum of
 * the columns: W_i S_i + W_j S_j = (W_i + W_j) S_i. Pairs with cosine(r_i, r_j)
 * over redundancy_cosine and norms within 1 % count as equal; then a reader's drive
 * is off by at most
 *
 *     sum over the merged j of |gain W_j spike_j|      in any one step,
 *
 * its whole part in the drive, as the spikes of i and j may differ at any step.
 * The report gives the largest such sum of any reading unit; rows that are equal up
 * to rounding add nothing to it. With redundancy_norm, norms further apart are
 * merged too, with column j times rate_j / rate_i, which keeps the reader's mean
 * drive; the bound then takes that factor where it is over 1.
 *
 * Units are taken in index order; each joins the first kept unit that it equals,
 * never one that was merged itself. Candidates come from similar_rows.h.
 *
 * needs    spiking neurons in normal form that start at zero; the weights; rates
 *          for redundancy_norm only
 * keeps    every output spike where rows are equal, the reader's drive within the
 *          reported bound where they are similar
 * breaks   unit numbers inside a population
 * skips    frozen axes, outputs of the model, units shared by several layers,
 *          recurrent layers, readers that cannot be written
 */
#include "opt/merging.h"
#include "opt/pass_list.h"
#include "opt/similar_rows.h"

#include <math.h>
#include <stdlib.h>

#define NORM_TOLERANCE 0.01
#define SAME 1e-6 /* relative: float32 constants that were computed from each other */

struct merge_search {
	struct pass_context *context;
	struct graph *graph;
	struct arena scratch;
	const struct population *population;
	struct projection_list incoming;
	struct row_reader *readers; /* [incoming.count] */
	uint32_t units, length;	    /* length of r_i */
	double *norms;		    /* [units] of r_i; NAN: takes no part */
	bool *similar;		    /* [units]: has a candidate to be merged with */
	uint32_t *kept;		    /* [units]: the unit merged into, or itself */
	double *factor;		    /* [units] */
	bool *equal;		    /* [units]: merged with an equal row, not a similar one */
	uint32_t similar_count;
	uint32_t *similar_units; /* [similar_count] */
	float *rows;		 /* [similar_count][length] */
	uint64_t merged, inexact;
};

/* --- dynamics ---------------------------------------------------------------- */

static bool
same(double a, double b)
{
	return fabs(a - b) <= SAME * fmax(fabs(a), fabs(b));
}

static bool
same_parameter(const struct parameter *parameter, uint32_t i, uint32_t j)
{
	return parameter->count <= 1 ||
	       same(parameter_at(parameter, i), parameter_at(parameter, j));
}

static bool
same_reset(const struct neuron *neuron, uint32_t i, uint32_t j)
{
	if (neuron->reset == RESET_NONE || neuron->reset_value.count == 0)
		return true;
	return same(parameter_at(&neuron->reset_value, i) / parameter_at(&neuron->threshold, i),
		    parameter_at(&neuron->reset_value, j) / parameter_at(&neuron->threshold, j));
}

static bool
same_dynamics(const struct neuron *neuron, uint32_t i, uint32_t j)
{
	return same_reset(neuron, i, j) && same_parameter(&neuron->decay, i, j) &&
	       same_parameter(&neuron->current_decay, i, j) &&
	       same_parameter(&neuron->current_gain, i, j) &&
	       (neuron->current != CURRENT_OLD || same_parameter(&neuron->input_gain, i, j)) &&
	       same_parameter(&neuron->spike_gain, i, j) &&
	       same_parameter(&neuron->count_limit, i, j);
}

/* --- rows -------------------------------------------------------------------- */

static snnfit_status
add_to_row(struct merge_search *search, uint32_t index, uint32_t unit, float *out,
	   snnfit_error *err)
{
	const struct projection *projection =
		&search->graph->projections[search->incoming.ids[index]];
	double threshold = parameter_at(&search->population->neuron.threshold, unit);
	uint32_t row = unit - projection->first_row, i;
	uint32_t columns = projection->weights->columns;
	const float *values;
	snnfit_status status;
	float scale;

	if (row >= projection->weights->rows) {
		for (i = 0; i < columns; i++)
			out[i] = 0.0f;
		return SNNFIT_OK;
	}
	status = row_reader_get(&search->readers[index], row, &values, err);
	scale = (float)(projection_row_gain(projection, row) / threshold);
	for (i = 0; status == SNNFIT_OK && i < columns; i++)
		out[i] = scale * values[i];
	return status;
}

/* r_i. out: [length] */
static snnfit_status
read_row(struct merge_search *search, uint32_t unit, float *out, snnfit_error *err)
{
	const struct neuron *neuron = &search->population->neuron;
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	for (i = 0; i < search->incoming.count && status == SNNFIT_OK; i++) {
		status = add_to_row(search, i, unit, out, err);
		out += search->readers[i].weights->columns;
	}
	*out = 0.0f;
	if (neuron->offset.count > 0)
		*out = (float)(parameter_at(&neuron->offset, unit) /
			       parameter_at(&neuron->threshold, unit));
	return status;
}

static double
dot(const float *a, const float *b, uint32_t length)
{
	double sum[4] = { 0 };
	uint32_t i;

	for (i = 0; i + 4 <= length; i += 4) {
		sum[0] += (double)a[i] * (double)b[i];
		sum[1] += (double)a[i + 1] * (double)b[i + 1];
		sum[2] += (double)a[i + 2] * (double)b[i + 2];
		sum[3] += (double)a[i + 3] * (double)b[i + 3];
	}
	for (; i < length; i++)
		sum[0] += (double)a[i] * (double)b[i];
	return sum[0] + sum[1] + sum[2] + sum[3];
}

/* Thresholds of 0 or below scale nothing, and no layer of ours has them. */
static bool
may_take_part(const struct merge_search *search, uint32_t unit, double norm)
{
	return isfinite(norm) && parameter_at(&search->population->neuron.threshold, unit) > 0.0;
}

static snnfit_status
sketch_rows(struct merge_search *search, struct row_sketches *sketches, snnfit_error *err)
{
	float *row = arena_alloc(&search->scratch, search->length, sizeof *row);
	snnfit_status status = row ? SNNFIT_OK : error_no_memory(err);
	uint32_t unit;

	for (unit = 0; unit < search->units && status == SNNFIT_OK; unit++) {
		double norm;

		status = read_row(search, unit, row, err);
		if (status != SNNFIT_OK)
			break;
		norm = sqrt(dot(row, row, search->length));
		search->norms[unit] = may_take_part(search, unit, norm) ? norm : NAN;
		row_sketches_set(sketches, unit, row, search->norms[unit]);
	}
	return status;
}

/* --- which pairs -------------------------------------------------------------- */

static double
unit_rate(const struct population *population, uint32_t unit)
{
	const double *rates = population->rates + (size_t)unit * population->positions;
	double sum = 0.0;
	uint32_t i;

	for (i = 0; i < population->positions; i++)
		sum += rates[i];
	return sum / population->positions;
}

/* What i's spikes are multiplied by to stand in for j's, or NAN: they cannot. */
static double
merge_factor(const struct merge_search *search, uint32_t i, uint32_t j)
{
	const struct population *population = search->population;
	double a = search->norms[i], b = search->norms[j];

	if (fmax(a, b) <= (1.0 + NORM_TOLERANCE) * fmin(a, b))
		return 1.0;
	if (!search->context->options->redundancy_norm || !population->rates ||
	    !(unit_rate(population, i) > 0.0))
		return NAN;
	return unit_rate(population, j) / unit_rate(population, i);
}

static bool
may_merge(const struct merge_search *search, uint32_t i, uint32_t j)
{
	return isfinite(merge_factor(search, i, j)) &&
	       same_dynamics(&search->population->neuron, i, j);
}

static snnfit_status
note_similar(void *context, uint32_t i, uint32_t j, snnfit_error *err)
{
	struct merge_search *search = context;

	(void)err;
	if (may_merge(search, i, j))
		search->similar[i] = search->similar[j] = true;
	return SNNFIT_OK;
}

static void
merge_into(struct merge_search *search, uint32_t kept, uint32_t gone, bool equal)
{
	search->kept[gone] = kept;
	search->factor[gone] = merge_factor(search, kept, gone);
	search->equal[gone] = equal && search->factor[gone] == 1.0;
	search->merged++;
	search->inexact += !search->equal[gone];
}

static bool
equal_rows(const float *a, const float *b, uint32_t length, double norm)
{
	float largest = 0.0f;
	uint32_t i;

	for (i = 0; i < length; i++) {
		float difference = fabsf(a[i] - b[i]);

		largest = difference > largest ? difference : largest;
	}
	return (double)largest <= SAME * norm;
}

/* i and j count the similar units. By the order of the calls, whether i is kept
 * is settled. */
static snnfit_status
merge_similar(void *context, uint32_t i, uint32_t j, snnfit_error *err)
{
	struct merge_search *search = context;
	uint32_t a = search->similar_units[i], b = search->similar_units[j];
	const float *x = search->rows + (size_t)i * search->length;
	const float *y = search->rows + (size_t)j * search->length;

	(void)err;
	if (search->kept[a] != a || search->kept[b] != b || !may_merge(search, a, b))
		return SNNFIT_OK;
	if (dot(x, y, search->length) >
	    search->context->options->redundancy_cosine * search->norms[a] * search->norms[b])
		merge_into(search, a, b, equal_rows(x, y, search->length, search->norms[a]));
	return SNNFIT_OK;
}

/* Rows of nothing but zeros have no direction: they are equal to each other. */
static void
merge_zeros(struct merge_search *search)
{
	uint32_t *leaders = search->similar_units, count = 0, unit, i;

	for (unit = 0; unit < search->units; unit++) {
		if (search->norms[unit] != 0.0)
			continue;
		for (i = 0; i < count; i++)
			if (same_dynamics(&search->population->neuron, leaders[i], unit))
				break;
		if (i < count)
			merge_into(search, leaders[i], unit, true);
		else
			leaders[count++] = unit;
	}
}

/* Only the rows that have a candidate are held in memory, all others were seen
 * once and are gone. */
static snnfit_status
load_similar(struct merge_search *search, struct row_sketches *sketches, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	uint32_t unit, count = 0;

	for (unit = 0; unit < search->units && status == SNNFIT_OK; unit++) {
		float *row = search->rows + (size_t)count * search->length;

		if (!search->similar[unit])
			continue;
		status = read_row(search, unit, row, err);
		row_sketches_set(sketches, count, row, search->norms[unit]);
		search->similar_units[count++] = unit;
	}
	return status;
}

static snnfit_status
decide_similar(struct merge_search *search, snnfit_error *err)
{
	double cosine = search->context->options->redundancy_cosine;
	struct row_sketches sketches;
	snnfit_status status;
	uint32_t unit;

	for (unit = 0; unit < search->units; unit++)
		search->similar_count += search->similar[unit];
	if (search->similar_count == 0)
		return SNNFIT_OK;
	search->rows = calloc(search->similar_count, search->length * sizeof *search->rows);
	if (!search->rows)
		return error_no_memory(err);
	status = row_sketches_open(&sketches, search->similar_count, search->length, cosine, err);
	if (status == SNNFIT_OK)
		status = load_similar(search, &sketches, err);
	if (status == SNNFIT_OK)
		status = row_sketches_pairs(&sketches, merge_similar, search, err);
	row_sketches_close(&sketches);
	return status;
}

static snnfit_status
decide(struct merge_search *search, snnfit_error *err)
{
	struct row_sketches sketches;
	snnfit_status status;

	status = row_sketches_open(&sketches, search->units, search->length,
				   search->context->options->redundancy_cosine, err);
	if (status == SNNFIT_OK)
		status = sketch_rows(search, &sketches, err);
	if (status == SNNFIT_OK)
		status = row_sketches_pairs(&sketches, note_similar, search, err);
	row_sketches_close(&sketches);
	if (status == SNNFIT_OK)
		merge_zeros(search);
	if (status == SNNFIT_OK)
		status = decide_similar(search, err);
	return status;
}

/* --- the bound on the drive error ---------------------------------------------- */

/* Drive errors of the readers so far. Units are counted as in the input model, as
 * the pass renumbers them on its way. */
struct drive_errors {
	double **units; /* [population_count], of [units_before], made when needed */
	double largest;
	struct arena *arena;
};

/* Of one row: |gain W spike| over the columns of the units that are merged. */
static double
row_error(const struct merge_search *search, const struct projection *reader,
	  const uint32_t *column_units, const float *row)
{
	uint32_t column, columns = projection_column_count(reader), k;
	double error = 0.0;

	for (column = 0; column < columns; column++) {
		uint32_t unit = column_units[column];
		double part;

		if (unit == GRAPH_NONE || search->kept[unit] == unit || search->equal[unit])
			continue;
		part = fmax(1.0, search->factor[unit]) * fabs(projection_spike(reader, column));
		for (k = 0; k < reader->kernel; k++)
			error += part * fabs((double)row[(size_t)column * reader->kernel + k]);
	}
	return error;
}

static void
add_error(struct drive_errors *errors, const struct graph *graph, const struct projection *reader,
	  uint32_t row, double error)
{
	const struct unit_axis *axis = &graph->axes[graph->populations[reader->target].axis];
	double *at = &errors->units[reader->target][axis->origin[projection_row_unit(reader, row)]];

	*at += fabs(projection_row_gain(reader, row)) * error;
	errors->largest = fmax(errors->largest, *at);
}

static snnfit_status
add_reader_errors(struct merge_search *search, const struct projection *reader,
		  struct drive_errors *errors, snnfit_error *err)
{
	struct row_reader rows;
	uint32_t *units, row;
	snnfit_status status;

	units = arena_alloc(&search->scratch, projection_column_count(reader), sizeof *units);
	if (!units)
		return error_no_memory(err);
	projection_column_units(reader, search->population->axis, units);
	status = row_reader_open(&rows, reader->weights, err);
	for (row = 0; row < reader->weights->rows && status == SNNFIT_OK; row++) {
		const float *values;

		status = row_reader_get(&rows, row, &values, err);
		if (status == SNNFIT_OK)
			add_error(errors, search->graph, reader, row,
				  row_error(search, reader, units, values));
	}
	row_reader_close(&rows);
	return status;
}

static snnfit_status
add_errors(struct merge_search *search, struct drive_errors *errors, snnfit_error *err)
{
	struct graph *graph = search->graph;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++) {
		const struct projection *reader = &graph->projections[i];
		double **at = &errors->units[reader->target];

		if (reader->removed || !projection_reads(reader, search->population->axis))
			continue;
		if (!*at)
			*at = arena_zalloc(
				errors->arena,
				graph->axes[graph->populations[reader->target].axis].units_before,
				sizeof **at);
		status = *at ? add_reader_errors(search, reader, errors, err)
			     : error_no_memory(err);
	}
	return status;
}

/* --- merging -------------------------------------------------------------------- */

static snnfit_status
merge(struct merge_search *search, snnfit_error *err)
{
	search->context->report->redundant_pairs_merged += search->merged;
	search->context->report->changed = true;
	return merge_units(search->graph, search->population->axis, search->kept, search->factor,
			   err);
}

/* --- what must hold ------------------------------------------------------------- */

static const char *
population_reason(const struct population *population)
{
	const struct neuron *neuron = &population->neuron;

	if (population->kind != POPULATION_SPIKING || neuron->threshold.count == 0 ||
	    neuron->decay.count == 0)
		return "its dynamics are not those of a spiking neuron in normal form";
	if (neuron->floor.count)
		return "its membrane has a floor";
	if (!population->starts_at_zero)
		return "its initial state is not known to be zero";
	return NULL;
}

/* --- one population --------------------------------------------------------------- */

static snnfit_status
prepare(struct merge_search *search, snnfit_error *err)
{
	struct arena *scratch = &search->scratch;
	uint32_t units = search->units, i;
	snnfit_status status = SNNFIT_OK;

	search->norms = arena_alloc(scratch, units, sizeof *search->norms);
	search->similar = arena_zalloc(scratch, units, sizeof *search->similar);
	search->similar_units = arena_alloc(scratch, units, sizeof *search->similar_units);
	search->kept = arena_alloc(scratch, units, sizeof *search->kept);
	search->factor = arena_zalloc(scratch, units, sizeof *search->factor);
	search->equal = arena_zalloc(scratch, units, sizeof *search->equal);
	search->readers = arena_zalloc(scratch, search->incoming.count, sizeof *search->readers);
	if (!search->norms || !search->similar || !search->similar_units || !search->kept ||
	    !search->factor || !search->equal || !search->readers)
		return error_no_memory(err);
	for (i = 0; i < units; i++)
		search->kept[i] = i;
	for (i = 0; i < search->incoming.count && status == SNNFIT_OK; i++) {
		const struct projection *projection =
			&search->graph->projections[search->incoming.ids[i]];

		status = row_reader_open(&search->readers[i], projection->weights, err);
	}
	return status;
}

/* The length of r_i; 0: too long to be counted. */
static uint32_t
row_length(const struct merge_search *search)
{
	uint64_t length = 1;
	uint32_t i;

	for (i = 0; i < search->incoming.count; i++)
		length += search->graph->projections[search->incoming.ids[i]].weights->columns;
	return length <= UINT32_MAX ? (uint32_t)length : 0;
}

static snnfit_status
merge_population(struct merge_search *search, struct drive_errors *errors, snnfit_error *err)
{
	snnfit_status status;

	search->length = row_length(search);
	if (search->length == 0)
		return pass_skip(search->context, search->population->name,
				 "its units read too much to be compared", err);
	status = prepare(search, err);
	if (status == SNNFIT_OK)
		status = decide(search, err);
	if (status == SNNFIT_OK && search->inexact > 0)
		status = add_errors(search, errors, err);
	if (status == SNNFIT_OK && search->merged > 0)
		status = merge(search, err);
	return status;
}

static void
close_search(struct merge_search *search)
{
	uint32_t i;

	for (i = 0; search->readers && i < search->incoming.count; i++)
		row_reader_close(&search->readers[i]);
	free(search->rows);
	arena_free(&search->scratch);
}

/* --- the pass ----------------------------------------------------------------------- */

/* The graph before the pass. */
struct overview {
	struct merging merging;
	struct projection_list *incoming;
	struct drive_errors errors;
	struct arena scratch;
};

static snnfit_status
look_at(struct pass_context *context, struct graph *graph, struct overview *overview,
	population_id id, snnfit_error *err)
{
	const struct population *population = &graph->populations[id];
	struct merge_search search = { .context = context,
				       .graph = graph,
				       .population = population,
				       .incoming = overview->incoming[id],
				       .units = population_units(graph, id) };
	const char *reason;
	snnfit_status status = merging_reason(&overview->merging, id, &reason, err);

	if (status != SNNFIT_OK)
		return status;
	if (!reason)
		reason = population_reason(population);
	if (reason)
		return pass_skip(context, population->name, reason, err);
	if (search.units < 2)
		return SNNFIT_OK;
	if (context->options->redundancy_norm && !population->rates) {
		status = pass_skip(context, population->name,
				   "no firing rates are known: only norms within 1 % are merged",
				   err);
		if (status != SNNFIT_OK)
			return status;
	}
	status = merge_population(&search, &overview->errors, err);
	close_search(&search);
	return status;
}

static snnfit_status
look_at_all(struct pass_context *context, struct graph *graph, struct overview *overview,
	    snnfit_error *err)
{
	struct arena *scratch = &overview->scratch;
	snnfit_status status;
	population_id id;

	status = merging_open(&overview->merging, graph, scratch, err);
	if (status == SNNFIT_OK)
		status = incoming_projections(&overview->incoming, graph, scratch, err);
	if (status != SNNFIT_OK)
		return status;
	overview->errors.arena = scratch;
	overview->errors.units = arena_zalloc(scratch, graph->population_count,
					      sizeof *overview->errors.units);
	if (!overview->errors.units)
		return error_no_memory(err);
	for (id = 0; id < graph->population_count && status == SNNFIT_OK; id++)
		if (!graph->populations[id].removed)
			status = look_at(context, graph, overview, id, err);
	context->report->drive_error_bound = overview->errors.largest;
	return status;
}

snnfit_status
redundancy_elimination(struct pass_context *context, struct graph *graph, snnfit_error *err)
{
	struct overview overview = { 0 };
	snnfit_status status = look_at_all(context, graph, &overview, err);

	arena_free(&overview.scratch);
	return status;
}
