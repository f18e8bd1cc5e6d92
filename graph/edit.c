/* edit.c - cut units and populations out of a graph, everywhere at once. */
#include "graph/graph.h"

#include <string.h>

/* One cut: which units of an axis stay. Lists of indices live in scratch. */
struct cut {
	struct graph *graph;
	axis_id id;
	uint32_t units; /* before this cut */
	uint32_t kept_count;
	const uint32_t *kept; /* [kept_count], ascending */
	const bool *keep;     /* [units] */
	struct arena scratch;
	snnfit_error *err;
};

/* In place: index is ascending. */
static void
select_doubles(double *values, const uint32_t *index, uint32_t count)
{
	uint32_t i;

	for (i = 0; values && i < count; i++)
		values[i] = values[index[i]];
}

static void
select_parameter(struct parameter *parameter, const uint32_t *index, uint32_t count, uint32_t of)
{
	if (parameter->count <= 1 || parameter->count != of)
		return;
	select_doubles(parameter->values, index, count);
	parameter->count = count;
}

/* --- populations -------------------------------------------------------- */

static void
cut_neuron(const struct cut *cut, struct neuron *neuron)
{
	struct parameter *parameters[NEURON_PARAMETERS];
	size_t i;

	neuron_parameters(neuron, parameters);
	for (i = 0; i < NEURON_PARAMETERS; i++)
		select_parameter(parameters[i], cut->kept, cut->kept_count, cut->units);
}

static void
cut_population(const struct cut *cut, struct population *population)
{
	size_t positions = population->positions;
	uint32_t i;

	cut_neuron(cut, &population->neuron);
	for (i = 0; population->rates && i < cut->kept_count; i++)
		memmove(population->rates + i * positions,
			population->rates + cut->kept[i] * positions,
			positions * sizeof *population->rates);
}

/* --- projections -------------------------------------------------------- */

/* A list of rows or columns of a matrix; NULL: all of them. */
struct selection {
	uint32_t *index;
	uint32_t count;
};

static snnfit_status
new_selection(struct cut *cut, struct selection *selection, uint64_t capacity)
{
	selection->count = 0;
	selection->index = arena_alloc(&cut->scratch, (size_t)capacity, sizeof(uint32_t));
	return selection->index ? SNNFIT_OK : error_no_memory(cut->err);
}

/* The rows that stay. first_row moves down with the units before it that go. */
static snnfit_status
select_rows(struct cut *cut, struct projection *projection, struct selection *rows)
{
	uint32_t first = projection->partial ? projection->first_row : 0;
	uint32_t end = first + projection->weights->rows, unit;
	snnfit_status status = new_selection(cut, rows, projection->weights->rows);

	if (status != SNNFIT_OK)
		return status;
	for (unit = 0; unit < first; unit++)
		projection->first_row -= !cut->keep[unit];
	for (unit = first; unit < end; unit++)
		if (cut->keep[unit])
			rows->index[rows->count++] = unit - first;
	return SNNFIT_OK;
}

static snnfit_status
cut_row_values(struct cut *cut, struct projection *projection, const struct selection *rows)
{
	struct quantization *quantization = &projection->quantization;
	uint32_t i;

	select_parameter(&projection->gain, rows->index, rows->count, projection->weights->rows);
	for (i = 0; quantization->per_unit && quantization->scale && i < rows->count; i++)
		quantization->scale[i] = quantization->scale[rows->index[i]];
	if (!projection->bias)
		return SNNFIT_OK;
	return weights_select(&projection->bias, rows->index, rows->count, NULL, 0, cut->err);
}

/* Appends the columns of a span that stay; base is its first column. */
static void
select_span(const struct cut *cut, const struct span *span, uint32_t base,
	    struct selection *columns)
{
	uint32_t outer, unit, inner, column = base;

	for (outer = 0; outer < span->outer; outer++)
		for (unit = 0; unit < span->units; unit++)
			for (inner = 0; inner < span->inner; inner++, column++)
				if (span->axis != cut->id || cut->keep[span->first + unit])
					columns->index[columns->count++] = column;
}

static snnfit_status
select_columns(struct cut *cut, const struct projection *projection, struct selection *columns)
{
	const struct dimension *dimension = &projection->columns;
	snnfit_status status = new_selection(cut, columns, dimension_size(dimension));
	uint32_t i, base = 0;

	for (i = 0; status == SNNFIT_OK && i < dimension->count; i++) {
		const struct span *span = &dimension->spans[i];

		select_span(cut, span, base, columns);
		base += span->outer * span->units * span->inner;
	}
	return status;
}

/* How many units of [first, first + count) stay. */
static uint32_t
count_kept(const struct cut *cut, uint32_t first, uint32_t count)
{
	uint32_t kept = 0, unit;

	for (unit = first; unit < first + count; unit++)
		kept += cut->keep[unit];
	return kept;
}

static void
cut_column_values(const struct cut *cut, struct projection *projection,
		  const struct selection *columns)
{
	uint32_t i;

	select_doubles(projection->silent, columns->index, columns->count);
	select_doubles(projection->spike, columns->index, columns->count);
	for (i = 0; i < projection->columns.count; i++) {
		struct span *span = &projection->columns.spans[i];

		if (span->axis != cut->id)
			continue;
		span->units = count_kept(cut, span->first, span->units);
		span->first = count_kept(cut, 0, span->first);
	}
}

/* A column of the projection is `kernel` columns of its matrix. */
static snnfit_status
expand_kernel(struct cut *cut, uint32_t kernel, struct selection *columns)
{
	struct selection expanded;
	snnfit_status status;
	uint32_t i, k;

	if (kernel == 1)
		return SNNFIT_OK;
	status = new_selection(cut, &expanded, (uint64_t)columns->count * kernel);
	for (i = 0; status == SNNFIT_OK && i < columns->count; i++)
		for (k = 0; k < kernel; k++)
			expanded.index[expanded.count++] = columns->index[i] * kernel + k;
	if (status == SNNFIT_OK)
		*columns = expanded;
	return status;
}

static snnfit_status
cut_columns(struct cut *cut, struct projection *projection, struct selection *columns)
{
	snnfit_status status = select_columns(cut, projection, columns);

	if (status != SNNFIT_OK)
		return status;
	cut_column_values(cut, projection, columns);
	return expand_kernel(cut, projection->kernel, columns);
}

static snnfit_status
cut_rows(struct cut *cut, struct projection *projection, struct selection *rows)
{
	snnfit_status status = select_rows(cut, projection, rows);

	if (status != SNNFIT_OK)
		return status;
	if (rows->count == 0) { /* a partial one whose units are all gone */
		projection->removed = true;
		return SNNFIT_OK;
	}
	return cut_row_values(cut, projection, rows);
}

static snnfit_status
cut_projection(struct cut *cut, struct projection *projection)
{
	bool written = cut->graph->populations[projection->target].axis == cut->id;
	struct selection rows = { 0 }, columns = { 0 };
	snnfit_status status = SNNFIT_OK;

	if (written)
		status = cut_rows(cut, projection, &rows);
	if (status != SNNFIT_OK || projection->removed)
		return status;
	if (projection_reads(projection, cut->id))
		status = cut_columns(cut, projection, &columns);
	if (status != SNNFIT_OK)
		return status;
	return weights_select(&projection->weights, rows.index, rows.count, columns.index,
			      columns.count, cut->err);
}

/* --- the axis ----------------------------------------------------------- */

static uint32_t
part_units(const struct unit_axis *axis, uint32_t part)
{
	uint32_t end = part + 1 < axis->part_count ? axis->parts[part + 1] : axis->units;

	return end - axis->parts[part];
}

uint32_t
graph_keep_parts(const struct graph *graph, axis_id id, bool *gone)
{
	const struct unit_axis *axis = &graph->axes[id];
	uint32_t part, unit, spared = 0;

	for (part = 0; part < axis->part_count; part++) {
		bool *from = gone + axis->parts[part];

		for (unit = 0; unit < part_units(axis, part); unit++)
			if (!from[unit])
				break;
		if (unit < part_units(axis, part))
			continue;
		from[0] = false;
		spared++;
	}
	return spared;
}

static snnfit_status
plan_cut(struct cut *cut)
{
	const struct unit_axis *axis = &cut->graph->axes[cut->id];
	uint32_t *kept = arena_alloc(&cut->scratch, cut->units, sizeof *kept);
	uint32_t unit, part;

	if (!kept)
		return error_no_memory(cut->err);
	for (unit = 0; unit < cut->units; unit++)
		if (cut->keep[unit])
			kept[cut->kept_count++] = unit;
	cut->kept = kept;
	if (cut->kept_count == 0)
		return error_set(cut->err, SNNFIT_EINTERNAL,
				 "unit axis %u would lose all its %u units", cut->id, cut->units);
	for (part = 0; part < axis->part_count; part++)
		if (!count_kept(cut, axis->parts[part], part_units(axis, part)))
			return error_set(cut->err, SNNFIT_EINTERNAL,
					 "unit axis %u would lose all units of a part", cut->id);
	return SNNFIT_OK;
}

static void
cut_axis(const struct cut *cut, enum fate fate)
{
	struct unit_axis *axis = &cut->graph->axes[cut->id];
	uint32_t unit;

	for (unit = 0; unit < cut->units; unit++) {
		if (cut->keep[unit])
			continue;
		axis->fate[axis->origin[unit]] = (uint8_t)fate;
		if (fate != UNIT_MERGED)
			axis->merged_into[axis->origin[unit]] = GRAPH_NONE;
	}
	for (unit = 0; unit < cut->kept_count; unit++)
		axis->origin[unit] = axis->origin[cut->kept[unit]];
	for (unit = 0; unit < axis->part_count; unit++)
		axis->parts[unit] = count_kept(cut, 0, axis->parts[unit]);
	axis->units = cut->kept_count;
}

static snnfit_status
apply_cut(struct cut *cut, enum fate fate)
{
	struct graph *graph = cut->graph;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graph->population_count; i++)
		if (graph->populations[i].axis == cut->id && !graph->populations[i].removed)
			cut_population(cut, &graph->populations[i]);
	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++)
		if (!graph->projections[i].removed)
			status = cut_projection(cut, &graph->projections[i]);
	if (status == SNNFIT_OK)
		cut_axis(cut, fate);
	return status;
}

static snnfit_status
refuse_frozen(const struct graph *graph, axis_id axis, snnfit_error *err)
{
	if (axis >= graph->axis_count)
		return error_set(err, SNNFIT_EINTERNAL, "there is no unit axis %u", axis);
	if (graph->axes[axis].frozen)
		return error_set(err, SNNFIT_EINTERNAL,
				 "unit axis %u would be cut but is frozen: %s", axis,
				 graph->axes[axis].frozen);
	return SNNFIT_OK;
}

snnfit_status
graph_keep_units(struct graph *graph, axis_id axis, const bool *keep, enum fate fate,
		 snnfit_error *err)
{
	struct cut cut = { .graph = graph, .id = axis, .keep = keep, .err = err };
	snnfit_status status = refuse_frozen(graph, axis, err);

	if (status != SNNFIT_OK)
		return status;
	cut.units = graph->axes[axis].units;
	status = plan_cut(&cut);
	if (status == SNNFIT_OK && cut.kept_count < cut.units)
		status = apply_cut(&cut, fate);
	arena_free(&cut.scratch);
	return status;
}

/* --- whole populations -------------------------------------------------- */

static bool
reads_only(const struct projection *projection, axis_id axis)
{
	uint32_t i;

	for (i = 0; i < projection->columns.count; i++)
		if (projection->columns.spans[i].axis != axis)
			return false;
	return true;
}

/* A projection that also reads something else must not go with the population,
 * and an axis that others are tied to must not go either. */
static snnfit_status
may_be_removed(const struct graph *graph, population_id id, snnfit_error *err)
{
	const struct population *population = &graph->populations[id];
	size_t i;

	if (population->output)
		return error_set(err, SNNFIT_EINTERNAL, "output population '%s' would be removed",
				 population->name);
	for (i = 0; i < graph->population_count; i++)
		if (i != id && !graph->populations[i].removed &&
		    graph->populations[i].axis == population->axis)
			return error_set(err, SNNFIT_EINTERNAL,
					 "population '%s' would be removed but shares its units "
					 "with '%s'",
					 population->name, graph->populations[i].name);
	for (i = 0; i < graph->projection_count; i++) {
		const struct projection *reader = &graph->projections[i];

		if (!reader->removed && reader->target != id &&
		    projection_reads(reader, population->axis) &&
		    !reads_only(reader, population->axis))
			return error_set(err, SNNFIT_EINTERNAL,
					 "population '%s' would be removed but '%s' reads it "
					 "together with others",
					 population->name, graph->populations[reader->target].name);
	}
	return refuse_frozen(graph, population->axis, err);
}

static void
empty_axis(struct unit_axis *axis)
{
	uint32_t unit;

	for (unit = 0; unit < axis->units; unit++)
		axis->fate[axis->origin[unit]] = UNIT_FUSED;
	axis->units = 0;
}

snnfit_status
graph_remove_population(struct graph *graph, population_id population, snnfit_error *err)
{
	struct population *removed;
	snnfit_status status;
	size_t i;

	if (population >= graph->population_count || graph->populations[population].removed)
		return error_set(err, SNNFIT_EINTERNAL, "there is no population %u to remove",
				 population);
	status = may_be_removed(graph, population, err);
	if (status != SNNFIT_OK)
		return status;
	removed = &graph->populations[population];
	for (i = 0; i < graph->projection_count; i++) {
		struct projection *projection = &graph->projections[i];

		if (projection->target == population || projection_reads(projection, removed->axis))
			projection->removed = true;
	}
	empty_axis(&graph->axes[removed->axis]);
	removed->removed = true;
	return SNNFIT_OK;
}
