/* graph_cases.h - random graphs, and what they compute, for the tests of graph/.
 *
 * All numbers are small multiples of powers of two, so that every sum is exact in
 * float and results before and after an edit can be compared with ==. */
#include "graph/graph.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call)                                                                                   \
	do {                                                                                       \
		snnfit_error ok_err = { SNNFIT_OK, "" };                                           \
		snnfit_error *err = &ok_err;                                                       \
		ck_assert_msg((call) == SNNFIT_OK, "%s", ok_err.text);                             \
	} while (0)

/* --- random numbers ------------------------------------------------------ */

static inline uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

struct random {
	uint64_t state;
};

/* 0 to below - 1 */
static inline uint32_t
draw(struct random *random, uint32_t below)
{
	random->state = mix(random->state);
	return (uint32_t)(random->state >> 33) % below;
}

static inline bool
chance(struct random *random, uint32_t percent)
{
	return draw(random, 100) < percent;
}

/* -2 to 2 in steps of 1/8 */
static inline double
draw_value(struct random *random)
{
	return ((double)draw(random, 33) - 16.0) / 8.0;
}

/* Numbers that divide without a remainder. */
static inline double
draw_power(struct random *random)
{
	static const double powers[] = { 0.5, 1.0, 2.0, -1.0, -0.5 };

	return powers[draw(random, 5)];
}

/* --- matrices that lie in a file ------------------------------------------ */

/* The file: its values are computed, its readers counted. */
struct matrix_file {
	uint32_t rows, columns;
	uint32_t loads;
	uint64_t rows_read;
	bool broken;
};

static inline float
file_value(uint32_t id, uint32_t row, uint32_t column)
{
	uint64_t hash = mix(mix(mix(id) + row) + column);

	return ((float)(hash % 33) - 16.0f) / 8.0f;
}

static inline snnfit_status
load_rows(void *context, uint32_t id, uint32_t first, uint32_t count, float *out, snnfit_error *err)
{
	struct matrix_file *file = context;
	uint32_t row, column;

	if (first > file->rows || count > file->rows - first)
		return error_set(err, SNNFIT_EINTERNAL, "a read passes the end of the file");
	file->loads++;
	file->rows_read += count;
	if (file->broken)
		return error_set(err, SNNFIT_EIO, "the file is broken");
	for (row = first; row < first + count; row++)
		for (column = 0; column < file->columns; column++)
			*out++ = file_value(id, row, column);
	return SNNFIT_OK;
}

/* --- random graphs ---------------------------------------------------------- */

enum { FILES = 64 };

struct graph_case {
	struct random random;
	struct graph *graph;
	struct matrix_file files[FILES]; /* by projection: weights 2i, bias 2i + 1 */
};

static inline double *
random_values(struct graph_case *c, size_t count, double (*one)(struct random *random))
{
	double *values = arena_alloc(&c->graph->arena, count, sizeof *values);
	size_t i;

	ck_assert_ptr_nonnull(values);
	for (i = 0; i < count; i++)
		values[i] = one(&c->random);
	return values;
}

/* Absent, one for all, or one a unit. */
static inline struct parameter
random_parameter(struct graph_case *c, uint32_t units, bool needed,
		 double (*one)(struct random *random))
{
	struct parameter parameter = { 0, NULL };
	uint32_t kind = draw(&c->random, 3);

	if (kind == 0 && !needed)
		return parameter;
	parameter.count = kind == 1 ? 1 : units;
	parameter.values = random_values(c, parameter.count, one);
	return parameter;
}

static inline double
draw_rate(struct random *random)
{
	return draw(random, 17) / 16.0;
}

static inline void
random_population(struct graph_case *c, axis_id axis)
{
	uint32_t units = c->graph->axes[axis].units;
	struct population *population;
	population_id id;
	char name[32];

	(void)snprintf(name, sizeof name, "layer \"%zu\"", c->graph->population_count);
	id = graph_add_population(c->graph, name, axis);
	ck_assert_uint_ne(id, GRAPH_NONE);
	population = &c->graph->populations[id];
	population->positions = 1 + draw(&c->random, 3);
	population->neuron = (struct neuron){
		.model = "LIF",
		.comparison = COMPARE_GREATER,
		.reset = RESET_SUBTRACT,
		.reset_timing = (enum reset_timing)draw(&c->random, 3),
		.current = (enum current_drives)draw(&c->random, 4),
		.decay = random_parameter(c, units, false, draw_value),
		.threshold = random_parameter(c, units, true, draw_value),
		.reset_value = random_parameter(c, units, false, draw_value),
		.offset = random_parameter(c, units, false, draw_value),
		.input_gain = random_parameter(c, units, false, draw_value),
		.current_decay = random_parameter(c, units, false, draw_value),
		.current_gain = random_parameter(c, units, false, draw_power),
		.spike_gain = random_parameter(c, units, false, draw_value),
	};
	population->starts_at_zero = chance(&c->random, 50);
	if (chance(&c->random, 60))
		population->rates = random_values(c, (size_t)units * population->positions,
						  draw_rate);
}

static inline struct span
random_span(struct graph_case *c)
{
	axis_id axis = draw(&c->random, (uint32_t)c->graph->axis_count);

	const struct unit_axis *of = &c->graph->axes[axis];
	uint32_t part = of->part_count ? draw(&c->random, of->part_count) : 0;
	struct span span = { axis, 1 + draw(&c->random, 3), of->units, 1 + draw(&c->random, 3), 0 };

	if (chance(&c->random, 20))
		return (struct span){ GRAPH_NONE, 1, 1 + draw(&c->random, 4), 1, 0 };
	if (of->part_count && chance(&c->random, 70)) { /* from one part on, or that alone */
		span.first = of->parts[part];
		span.units = of->units - span.first;
		if (part + 1 < of->part_count && chance(&c->random, 70))
			span.units = of->parts[part + 1] - span.first;
	}
	return span;
}

static inline void
random_columns(struct graph_case *c, struct projection *projection)
{
	struct dimension *columns = &projection->columns;
	uint32_t i;

	columns->count = 1 + draw(&c->random, 3);
	columns->spans = arena_alloc(&c->graph->arena, columns->count, sizeof *columns->spans);
	ck_assert_ptr_nonnull(columns->spans);
	for (i = 0; i < columns->count; i++)
		columns->spans[i] = random_span(c);
	if (chance(&c->random, 25)) {
		projection->kernel = 1 + draw(&c->random, 3);
		if (projection->kernel > 1)
			return;
	}
	if (chance(&c->random, 60))
		projection->silent = random_values(c, dimension_size(columns), draw_value);
	if (chance(&c->random, 60))
		projection->spike = random_values(c, dimension_size(columns), draw_power);
}

static inline struct weights *
random_matrix(struct graph_case *c, uint32_t file, uint32_t rows, uint32_t columns)
{
	struct matrix_file *matrix = &c->files[file];
	struct weights *weights = NULL;
	float *values;
	uint32_t i;

	*matrix = (struct matrix_file){ .rows = rows, .columns = columns };
	if (chance(&c->random, 50)) {
		OK(weights_from_file(&weights, rows, columns, load_rows, matrix, file, err));
		return weights;
	}
	OK(weights_from_values(&weights, rows, columns, NULL, err));
	OK(weights_edit(&weights, &values, err));
	for (i = 0; i < rows * columns; i++)
		values[i] = (float)draw_value(&c->random);
	return weights;
}

static inline void
random_projection(struct graph_case *c, population_id target)
{
	projection_id id = graph_add_projection(c->graph, target);
	uint32_t units = population_units(c->graph, target), rows = units;
	struct projection *projection;

	ck_assert_uint_ne(id, GRAPH_NONE);
	projection = &c->graph->projections[id];
	if (chance(&c->random, 25)) {
		projection->partial = true;
		projection->first_row = draw(&c->random, units);
		rows = 1 + draw(&c->random, units - projection->first_row);
	}
	random_columns(c, projection);
	projection->delayed = chance(&c->random, 30);
	projection->spike_at_most = chance(&c->random, 20);
	projection->gain = random_parameter(c, rows, false, draw_power);
	projection->weights = random_matrix(c, 2 * id, rows,
					    (uint32_t)dimension_size(&projection->columns) *
						    projection->kernel);
	if (chance(&c->random, 60))
		projection->bias = random_matrix(c, 2 * id + 1, rows, 1);
	if (chance(&c->random, 25)) { /* of the values that all matrices here have */
		projection->quantization.bits = 6;
		projection->quantization.per_unit = chance(&c->random, 50);
		projection->quantization.scale = arena_alloc(&c->graph->arena, rows, sizeof(float));
		ck_assert_ptr_nonnull(projection->quantization.scale);
		while (rows-- > 0)
			projection->quantization.scale[rows] = 0.125f;
	}
}

static inline void
random_parts(struct graph_case *c, struct unit_axis *axis)
{
	uint32_t unit;

	axis->parts = arena_alloc(&c->graph->arena, axis->units, sizeof *axis->parts);
	ck_assert_ptr_nonnull(axis->parts);
	for (unit = 0; unit < axis->units; unit++)
		if (!unit || chance(&c->random, 30))
			axis->parts[axis->part_count++] = unit;
}

/* Populations that read each other, themselves and inputs in any way. */
static inline void
random_graph(struct graph_case *c, uint64_t seed)
{
	uint32_t axes, i;

	*c = (struct graph_case){ .random = { mix(seed) } };
	OK(graph_new(&c->graph, err));
	axes = 1 + draw(&c->random, 4);
	for (i = 0; i < axes; i++)
		ck_assert_uint_eq(graph_add_axis(c->graph, 1 + draw(&c->random, 7)), i);
	for (i = 0; i < axes; i++)
		if (chance(&c->random, 30))
			random_parts(c, &c->graph->axes[i]);
	for (i = 0; i < axes + 2; i++)
		if (i < axes || chance(&c->random, 30))
			random_population(c, i < axes ? i : draw(&c->random, axes));
	for (i = 0; i < c->graph->population_count; i++) {
		random_projection(c, i);
		if (chance(&c->random, 50))
			random_projection(c, i);
	}
	OK(graph_verify(c->graph, err));
}

static inline char *
printed(const struct graph *graph)
{
	struct text text = { 0 };
	char *chars;

	OK(graph_print(graph, &text, err));
	chars = text_take(&text);
	ck_assert_ptr_nonnull(chars);
	return chars;
}

/* --- what a graph computes --------------------------------------------------- */

/* Spikes of every unit at every place, by the unit's number in the input model: a
 * unit of the axis that is silent gives 0; unit `gone` gives factor times what
 * `kept` gives. */
struct scene {
	uint64_t seed;
	axis_id axis;
	const bool *silent;  /* [units_before], or NULL */
	uint32_t kept, gone; /* or GRAPH_NONE */
	double factor;
};

static inline double
scene_spike(const struct scene *scene, axis_id axis, uint32_t unit, uint32_t place)
{
	double factor = 1.0;

	if (axis == scene->axis && scene->silent && scene->silent[unit])
		return 0.0;
	if (axis == scene->axis && unit == scene->gone) {
		unit = scene->kept;
		factor = scene->factor;
	}
	return factor * (double)(mix(mix(mix(scene->seed + axis) + unit) + place) % 3);
}

/* What kernel position k of the elements of a span reads. */
static inline double *
scene_span(const struct scene *scene, const struct graph *graph,
	   const struct projection *projection, uint32_t s, size_t first, double *out)
{
	const struct span *span = &projection->columns.spans[s];
	uint32_t o, u, i, k;
	size_t column = first;

	for (o = 0; o < span->outer; o++)
		for (u = 0; u < span->units; u++)
			for (i = 0; i < span->inner; i++, column++)
				for (k = 0; k < projection->kernel; k++) {
					bool free = span->axis == GRAPH_NONE;
					uint32_t unit = free ? u
							     : graph->axes[span->axis]
									.origin[span->first + u];
					double spike = scene_spike(
						scene, free ? 1000 + s : span->axis, unit,
						(o * span->inner + i) * projection->kernel + k);

					*out = spike * (projection->spike
								? projection->spike[column]
								: 1.0);
					if (projection->silent)
						*out += projection->silent[column];
					out++;
				}
	return out;
}

static inline double *
scene_inputs(const struct scene *scene, const struct graph *graph,
	     const struct projection *projection)
{
	double *inputs = calloc(projection->weights->columns, sizeof *inputs), *next = inputs;
	uint32_t s;

	ck_assert_ptr_nonnull(inputs);
	for (s = 0; s < projection->columns.count; s++)
		next = scene_span(scene, graph, projection, s,
				  (size_t)(next - inputs) / projection->kernel, next);
	ck_assert_int_eq(next - inputs, projection->weights->columns);
	return inputs;
}

struct result {
	double drive; /* sum of W x + bias */
	double state; /* sum of gains times W x, plus the offset */
};

static inline double
gain_of(const struct projection *projection, uint32_t row)
{
	return projection->gain.count ? parameter_at(&projection->gain, row) : 1.0;
}

/* Adds a projection to the results of its target, by number in the input model. */
static inline void
add_projection(const struct scene *scene, const struct graph *graph,
	       const struct projection *projection, struct result *results)
{
	const struct unit_axis *axis = &graph->axes[graph->populations[projection->target].axis];
	uint32_t first = projection->partial ? projection->first_row : 0, row, column;
	uint32_t columns = projection->weights->columns;
	double *inputs = scene_inputs(scene, graph, projection);
	float *weights = calloc(columns, sizeof *weights), bias = 0.0f;

	ck_assert_ptr_nonnull(weights);
	for (row = 0; row < projection->weights->rows; row++) {
		struct result *result = &results[axis->origin[first + row]];
		double sum = 0.0;

		OK(weights_read_rows(projection->weights, row, 1, weights, err));
		if (projection->bias)
			OK(weights_read_rows(projection->bias, row, 1, &bias, err));
		for (column = 0; column < columns; column++)
			sum += weights[column] * inputs[column];
		result->drive += sum + bias;
		result->state += gain_of(projection, row) * sum;
	}
	free(weights);
	free(inputs);
}

/* [units_before] of the population; the caller frees. */
static inline struct result *
compute(const struct scene *scene, const struct graph *graph, population_id id)
{
	const struct population *population = &graph->populations[id];
	const struct unit_axis *axis = &graph->axes[population->axis];
	struct result *results = calloc(axis->units_before, sizeof *results);
	uint32_t unit;
	size_t i;

	ck_assert_ptr_nonnull(results);
	for (i = 0; i < graph->projection_count; i++)
		if (graph->projections[i].target == id && !graph->projections[i].removed)
			add_projection(scene, graph, &graph->projections[i], results);
	for (unit = 0; unit < axis->units && population->neuron.offset.count; unit++)
		results[axis->origin[unit]].state += parameter_at(&population->neuron.offset, unit);
	return results;
}
