/* magnitude_pruning.c - set small weights to zero.
 *
 *     W'_ij = 0 where |W_ij| <= threshold              (by magnitude)
 *     W'_ij = 0 where |W_ij spike_j| rate_j <= threshold  (prune_by_rate)
 *
 * The second is the mean part of the weight in the drive: a large weight of a unit
 * that hardly spikes goes before a small one of a unit that always does. Zeros stay
 * in the matrix, where sparse architectures skip them. Biases are not pruned.
 * (LeCun, Denker and Solla, Optimal brain damage, 1990, call this the usual way;
 * Han et al., Learning both weights and connections, 2015.)
 *
 * needs    the weights; for prune_by_rate the rates of what is read
 * keeps    shapes, unit numbers, quantized weights on their grid
 * breaks   output values, by up to threshold times the input a weight
 * skips    a projection that would lose all its weights, weights that cannot be
 *          written, for prune_by_rate inputs without rates
 */
#include "opt/magnitude_pruning.h"
#include "opt/pass_list.h"
#include "opt/units.h"

#include <math.h>

/* In float, so that a weight of 0.003 goes at a threshold of 0.003. */
static bool
goes(float weight, double size, double threshold)
{
	return weight != 0.0f && (float)(fabs((double)weight) * size) <= (float)threshold;
}

static double
size_at(const struct projection *projection, const double *sizes, uint32_t column)
{
	return sizes ? sizes[column / projection->kernel] : 1.0;
}

static void
count_row(const struct projection *projection, const float *row, double threshold,
	  const double *sizes, struct prune_count *out)
{
	uint32_t i;

	for (i = 0; i < projection->weights->columns; i++) {
		out->nonzero += row[i] != 0.0f;
		out->pruned += goes(row[i], size_at(projection, sizes, i), threshold);
	}
}

snnfit_status
prune_count(const struct projection *projection, double threshold, const double *sizes,
	    struct prune_count *out, snnfit_error *err)
{
	struct row_reader reader;
	snnfit_status status = row_reader_open(&reader, projection->weights, err);
	uint32_t row;

	*out = (struct prune_count){ 0 };
	for (row = 0; row < projection->weights->rows && status == SNNFIT_OK; row++) {
		const float *values;

		status = row_reader_get(&reader, row, &values, err);
		if (status == SNNFIT_OK)
			count_row(projection, values, threshold, sizes, out);
	}
	row_reader_close(&reader);
	return status;
}

snnfit_status
prune_projection(struct projection *projection, double threshold, const double *sizes,
		 snnfit_error *err)
{
	uint32_t columns = projection->weights->columns, row, i;
	float *values;
	snnfit_status status = weights_edit(&projection->weights, &values, err);

	for (row = 0; status == SNNFIT_OK && row < projection->weights->rows; row++)
		for (i = 0; i < columns; i++) {
			float *weight = &values[(size_t)row * columns + i];

			if (goes(*weight, size_at(projection, sizes, i), threshold))
				*weight = 0.0f;
		}
	return status;
}

/* |spike| rate of every column; false: not known. */
static bool
column_sizes(const struct graph *graph, const struct projection *projection, double *sizes)
{
	uint32_t columns = projection_column_count(projection), i;

	if (!projection_mean_input(graph, projection, sizes))
		return false;
	for (i = 0; i < columns; i++)
		sizes[i] = fabs(sizes[i] - projection_silent(projection, i));
	return true;
}

static snnfit_status
prune(struct pass_context *context, struct graph *graph, struct projection *projection,
      const double *sizes, snnfit_error *err)
{
	const char *layer = graph->populations[projection->target].name;
	double threshold = context->options->prune_threshold;
	struct prune_count count;
	snnfit_status status = prune_count(projection, threshold, sizes, &count, err);

	if (status != SNNFIT_OK || count.pruned == 0)
		return status;
	if (count.pruned == count.nonzero)
		return pass_skip(context, layer, "no weight would be left", err);
	context->report->weights_pruned += count.pruned;
	context->report->changed = true;
	return prune_projection(projection, threshold, sizes, err);
}

static snnfit_status
look_at(struct pass_context *context, struct graph *graph, struct projection *projection,
	struct arena *scratch, snnfit_error *err)
{
	const char *layer = graph->populations[projection->target].name;
	double *sizes = NULL;

	if (!projection_editable(graph, projection))
		return pass_skip(context, layer, "its weights cannot be written", err);
	if (!context->options->prune_by_rate)
		return prune(context, graph, projection, NULL, err);
	sizes = arena_alloc(scratch, projection_column_count(projection), sizeof *sizes);
	if (!sizes)
		return error_no_memory(err);
	if (!column_sizes(graph, projection, sizes))
		return pass_skip(context, layer, "the firing rates of what it reads are not known",
				 err);
	return prune(context, graph, projection, sizes, err);
}

snnfit_status
magnitude_pruning(struct pass_context *context, struct graph *graph, snnfit_error *err)
{
	struct arena scratch = { 0 };
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++)
		if (!graph->projections[i].removed)
			status = look_at(context, graph, &graph->projections[i], &scratch, err);
	arena_free(&scratch);
	return status;
}
