/* opt_cases.h - small networks, and a plain simulation of graph.h's normal form, for
 * the tests of opt/: what a pass keeps is judged by what the network does. */
#ifndef SNNFIT_TESTS_OPT_CASES_H
#define SNNFIT_TESTS_OPT_CASES_H

#include "opt/pass.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Check tells its parent of every assertion that holds: too slow for inner loops. */
#define MUST(call)                                                                                 \
	do {                                                                                       \
		snnfit_error must_err = { SNNFIT_OK, "" };                                         \
		snnfit_error *err = &must_err;                                                     \
		if ((call) != SNNFIT_OK)                                                           \
			ck_abort_msg("%s", must_err.text);                                         \
	} while (0)

/* calloc that ends the test when there is no memory. */
static inline void *
zeroed(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		ck_abort_msg("out of memory");
	return memory;
}

/* --- random numbers (Marsaglia's xorshift) -------------------------------- */

static inline uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Uniform from low to high. */
static inline double
draw(uint32_t *state, double low, double high)
{
	return low + (high - low) * (next_random(state) / 4294967296.0);
}

static inline void
draw_weights(uint32_t *state, float *out, size_t count, double low, double high)
{
	size_t i;

	for (i = 0; i < count; i++)
		out[i] = (float)draw(state, low, high);
}

/* --- making networks --------------------------------------------------------- */

static inline struct graph *
net_new(void)
{
	struct graph *graph = NULL;

	MUST(graph_new(&graph, err));
	return graph;
}

static inline void
set_each(struct graph *graph, struct parameter *parameter, const double *values, uint32_t count)
{
	parameter->count = count;
	parameter->values = arena_copy(&graph->arena, values, count, sizeof *values);
	ck_assert_ptr_nonnull(parameter->values);
}

/* A layer on an axis that may have one already: decay 0.9, threshold 1, reset by
 * subtraction in the same step. */
static inline population_id
add_layer_on(struct graph *graph, const char *name, axis_id axis)
{
	population_id id = graph_add_population(graph, name, axis);
	struct population *population;

	ck_assert_uint_ne(id, GRAPH_NONE);
	population = &graph->populations[id];
	population->starts_at_zero = true;
	population->neuron.model = "LIF";
	population->neuron.comparison = COMPARE_GREATER;
	population->neuron.reset = RESET_SUBTRACT;
	ck_assert(graph_set_parameter(graph, &population->neuron.decay, 0.9));
	ck_assert(graph_set_parameter(graph, &population->neuron.threshold, 1.0));
	ck_assert(graph_set_parameter(graph, &population->neuron.reset_value, 1.0));
	return id;
}

static inline population_id
add_layer(struct graph *graph, const char *name, uint32_t units)
{
	axis_id axis = graph_add_axis(graph, units);

	ck_assert_uint_ne(axis, GRAPH_NONE);
	return add_layer_on(graph, name, axis);
}

static inline population_id
add_readout(struct graph *graph, const char *name, uint32_t units)
{
	population_id id = add_layer(graph, name, units);
	struct neuron *neuron = &graph->populations[id].neuron;

	graph->populations[id].kind = POPULATION_READOUT;
	graph->populations[id].output = true;
	neuron->model = "readout";
	neuron->comparison = COMPARE_NONE;
	neuron->reset = RESET_NONE;
	neuron->threshold = neuron->reset_value = (struct parameter){ 0 };
	return id;
}

static inline void
add_bias(struct graph *graph, projection_id id, const float *bias)
{
	struct projection *projection = &graph->projections[id];
	struct parameter *offset = &graph->populations[projection->target].neuron.offset;
	uint32_t rows = projection->weights->rows, i;
	double values[4096] = { 0 };

	ck_assert_uint_le(rows, 4096);
	MUST(weights_from_values(&projection->bias, rows, 1, bias, err));
	for (i = 0; i < rows; i++) {
		double gain = projection->gain.count ? parameter_at(&projection->gain, i) : 1.0;

		values[i] = gain * (double)bias[i];
		if (offset->count > 0)
			values[i] += parameter_at(offset, i);
	}
	set_each(graph, offset, values, rows);
}

/* Weights [units of to][columns]; from GRAPH_NONE: the model's input. */
static inline projection_id
connect(struct graph *graph, population_id from, population_id to, uint32_t columns,
	const float *weights, const float *bias)
{
	axis_id axis = from == GRAPH_NONE ? GRAPH_NONE : graph->populations[from].axis;
	struct span span = { .axis = axis, .outer = 1, .units = columns, .inner = 1 };
	projection_id id = graph_add_projection(graph, to);
	struct projection *projection;

	ck_assert_uint_ne(id, GRAPH_NONE);
	projection = &graph->projections[id];
	projection->reads = from == GRAPH_NONE ? READS_INPUT : READS_SPIKES;
	projection->columns.count = 1;
	projection->columns.spans = arena_copy(&graph->arena, &span, 1, sizeof span);
	ck_assert_ptr_nonnull(projection->columns.spans);
	MUST(weights_from_values(&projection->weights, population_units(graph, to), columns,
				 weights, err));
	if (bias)
		add_bias(graph, id, bias);
	return id;
}

static inline projection_id
connect_random(struct graph *graph, population_id from, population_id to, uint32_t columns,
	       double low, double high, uint32_t *state)
{
	size_t count = (size_t)population_units(graph, to) * columns;
	float *weights = zeroed(count, sizeof *weights);
	projection_id id;

	draw_weights(state, weights, count, low, high);
	id = connect(graph, from, to, columns, weights, NULL);
	free(weights);
	return id;
}

static inline float *
edit_weights(struct graph *graph, projection_id id)
{
	float *values = NULL;

	MUST(weights_edit(&graph->projections[id].weights, &values, err));
	return values;
}

static inline const float *
read_weights(struct graph *graph, projection_id id)
{
	const float *values = NULL;

	MUST(weights_read(graph->projections[id].weights, &values, err));
	return values;
}

static inline population_id
find_population(const struct graph *graph, const char *name)
{
	population_id id;

	for (id = 0; id < graph->population_count; id++)
		if (!graph->populations[id].removed &&
		    strcmp(graph->populations[id].name, name) == 0)
			return id;
	return GRAPH_NONE;
}

static inline uint32_t
units_of(const struct graph *graph, const char *name)
{
	population_id id = find_population(graph, name);

	ck_assert_msg(id != GRAPH_NONE, "there is no layer %s", name);
	return population_units(graph, id);
}

/* --- running them ---------------------------------------------------------------- */

/* Of one population, between two steps. */
struct unit_state {
	double potential, current, spike, last_spike;
};

struct simulation {
	const struct graph *graph;
	struct unit_state **states; /* [population_count][units] */
	double **means;		    /* [population_count][units]: spikes per step so far */
	const double *input;	    /* of this step */
	uint32_t steps;
};

static inline double
spikes_on(const struct simulation *simulation, axis_id axis, uint32_t unit, bool delayed)
{
	const struct graph *graph = simulation->graph;
	double sum = 0.0;
	population_id id;

	for (id = 0; id < graph->population_count; id++) {
		const struct unit_state *state;

		if (graph->populations[id].removed || graph->populations[id].axis != axis)
			continue;
		state = &simulation->states[id][unit];
		sum += delayed ? state->last_spike : state->spike;
	}
	return sum;
}

/* What every column reads. */
static inline void
read_columns(const struct simulation *simulation, const struct projection *projection, double *out)
{
	uint32_t i, o, u, n, column = 0;

	for (i = 0; i < projection->columns.count; i++) {
		const struct span *span = &projection->columns.spans[i];

		for (o = 0; o < span->outer; o++)
			for (u = 0; u < span->units; u++)
				for (n = 0; n < span->inner; n++, column++) {
					double x = span->axis == GRAPH_NONE
							   ? simulation->input[column]
							   : spikes_on(simulation, span->axis, u,
								       projection->delayed);

					if (projection->spike)
						x *= projection->spike[column];
					if (projection->silent)
						x += projection->silent[column];
					out[column] = x;
				}
	}
}

static inline void
add_projection_drive(const struct simulation *simulation, const struct projection *projection,
		     double *drive)
{
	uint32_t rows = projection->weights->rows, columns = projection->weights->columns, r, c;
	double *x = zeroed(columns, sizeof *x);
	const float *weights;

	read_columns(simulation, projection, x);
	MUST(weights_read(projection->weights, &weights, err));
	for (r = 0; r < rows; r++) {
		double sum = 0.0;

		for (c = 0; c < columns; c++)
			sum += (double)weights[(size_t)r * columns + c] * x[c];
		if (projection->gain.count > 0)
			sum *= parameter_at(&projection->gain, r);
		drive[projection->first_row + r] += sum;
	}
	free(x);
}

/* The drive of every unit, constant term included: [units], the caller's. */
static inline double *
population_drive(const struct simulation *simulation, population_id id)
{
	const struct graph *graph = simulation->graph;
	const struct parameter *offset = &graph->populations[id].neuron.offset;
	uint32_t units = population_units(graph, id), i;
	double *drive = zeroed(units, sizeof *drive);

	for (i = 0; i < units && offset->count > 0; i++)
		drive[i] = parameter_at(offset, i);
	for (i = 0; i < graph->projection_count; i++)
		if (!graph->projections[i].removed && graph->projections[i].target == id)
			add_projection_drive(simulation, &graph->projections[i], drive);
	return drive;
}

static inline double
value_or(const struct parameter *parameter, uint32_t unit, double otherwise)
{
	return parameter->count > 0 ? parameter_at(parameter, unit) : otherwise;
}

/* What the drive of a step adds to the membrane. */
static inline double
membrane_input(const struct neuron *neuron, uint32_t unit, struct unit_state *state, double drive)
{
	double decay = value_or(&neuron->current_decay, unit, 0.0), old = state->current;

	switch (neuron->current) {
	case CURRENT_ABSENT:
		return drive;
	case CURRENT_NEW: /* current: input_gain i */
		return state->current = decay * old + drive;
	case CURRENT_OLD: /* current: i */
		state->current = decay * old + drive;
		return value_or(&neuron->input_gain, unit, 1.0) * old;
	case CURRENT_OLD_AND_INPUT: /* current: input_gain i */
		state->current = decay * old + value_or(&neuron->current_gain, unit, 1.0) * drive;
		return old + drive;
	}
	return 0.0;
}

static inline void
reset_potential(const struct neuron *neuron, uint32_t unit, struct unit_state *state, double spike)
{
	double value = value_or(&neuron->reset_value, unit, 0.0);

	if (neuron->reset == RESET_SUBTRACT)
		state->potential -= value * spike;
	else if (neuron->reset == RESET_SET && spike != 0.0)
		state->potential = value;
}

static inline double
is_over(const struct neuron *neuron, uint32_t unit, double potential)
{
	double threshold = value_or(&neuron->threshold, unit, INFINITY);

	return neuron->comparison == COMPARE_GREATER_EQUAL ? potential >= threshold
							   : potential > threshold;
}

/* A late reset looks at the membrane as it was left: a set one starts there, a
 * subtracted one is taken off the next potential. */
static inline void
step_unit(const struct population *population, uint32_t unit, struct unit_state *state,
	  double drive)
{
	const struct neuron *neuron = &population->neuron;
	bool late = neuron->reset_timing != RESET_NOW &&
		    is_over(neuron, unit, state->potential) != 0;

	if (late && neuron->reset == RESET_SET)
		reset_potential(neuron, unit, state, 1.0);
	state->potential = value_or(&neuron->decay, unit, 0.0) * state->potential +
			   membrane_input(neuron, unit, state, drive);
	if (late && neuron->reset == RESET_SUBTRACT)
		reset_potential(neuron, unit, state, 1.0);
	state->spike = is_over(neuron, unit, state->potential);
	if (neuron->reset_timing != RESET_LATE)
		reset_potential(neuron, unit, state, state->spike);
}

static inline void
simulation_open(struct simulation *simulation, const struct graph *graph)
{
	population_id id;

	*simulation = (struct simulation){ .graph = graph };
	simulation->states = zeroed(graph->population_count, sizeof *simulation->states);
	simulation->means = zeroed(graph->population_count, sizeof *simulation->means);
	for (id = 0; id < graph->population_count; id++) {
		uint32_t units = population_units(graph, id) + 1;

		simulation->states[id] = zeroed(units, sizeof **simulation->states);
		simulation->means[id] = zeroed(units, sizeof **simulation->means);
	}
}

static inline void
simulation_close(struct simulation *simulation)
{
	size_t i;

	for (i = 0; i < simulation->graph->population_count; i++) {
		free(simulation->states[i]);
		free(simulation->means[i]);
	}
	free(simulation->states);
	free(simulation->means);
}

static inline void
keep_last_spikes(struct simulation *simulation)
{
	const struct graph *graph = simulation->graph;
	population_id id;
	uint32_t unit;

	for (id = 0; id < graph->population_count; id++)
		for (unit = 0; unit < population_units(graph, id); unit++)
			simulation->states[id][unit].last_spike =
				simulation->states[id][unit].spike;
}

static inline void
simulation_step(struct simulation *simulation, const double *input)
{
	const struct graph *graph = simulation->graph;
	population_id id;
	uint32_t unit;

	simulation->input = input;
	simulation->steps++;
	keep_last_spikes(simulation);
	for (id = 0; id < graph->population_count; id++) {
		double *drive;

		if (graph->populations[id].removed)
			continue;
		drive = population_drive(simulation, id);
		for (unit = 0; unit < population_units(graph, id); unit++) {
			step_unit(&graph->populations[id], unit, &simulation->states[id][unit],
				  drive[unit]);
			simulation->means[id][unit] += (simulation->states[id][unit].spike -
							simulation->means[id][unit]) /
						       simulation->steps;
		}
		free(drive);
	}
}

enum { TEST_STEPS = 400 };

/* Inputs from 0 to 1, the same every time. */
static inline void
next_input(double *input, uint32_t count, uint32_t *state)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		input[i] = draw(state, 0.0, 1.0);
}

/* What the layer does over TEST_STEPS: spikes, of a readout potentials; and how
 * often it spiked at all. [TEST_STEPS][units], the caller's. */
static inline double *
run_layer(const struct graph *graph, const char *layer, uint32_t inputs, uint32_t *spikes)
{
	population_id id = find_population(graph, layer);
	uint32_t units = units_of(graph, layer), state = 77, step, unit;
	double *out = zeroed((size_t)TEST_STEPS * units, sizeof *out);
	double *input = zeroed(inputs + 1, sizeof *input);
	struct simulation simulation;

	*spikes = 0;
	simulation_open(&simulation, graph);
	for (step = 0; step < TEST_STEPS; step++) {
		next_input(input, inputs, &state);
		simulation_step(&simulation, input);
		for (unit = 0; unit < units; unit++) {
			const struct unit_state *at = &simulation.states[id][unit];
			bool spiking = graph->populations[id].kind == POPULATION_SPIKING;

			out[step * units + unit] = spiking ? at->spike : at->potential;
			*spikes += at->spike != 0.0;
		}
	}
	simulation_close(&simulation);
	free(input);
	return out;
}

/* Sets every population's rates to those of the run. */
static inline void
measure_rates(struct graph *graph, uint32_t inputs)
{
	double *input = zeroed(inputs + 1, sizeof *input);
	struct simulation simulation;
	uint32_t state = 77, step;
	population_id id;

	simulation_open(&simulation, graph);
	for (step = 0; step < TEST_STEPS; step++) {
		next_input(input, inputs, &state);
		simulation_step(&simulation, input);
	}
	for (id = 0; id < graph->population_count; id++) {
		if (graph->populations[id].kind != POPULATION_SPIKING)
			continue;
		graph->populations[id].rates = arena_copy(&graph->arena, simulation.means[id],
							  population_units(graph, id),
							  sizeof **simulation.means);
		ck_assert_ptr_nonnull(graph->populations[id].rates);
	}
	simulation_close(&simulation);
	free(input);
}

/* Both networks do the same in this layer, to within a tolerance; and something. */
static inline void
assert_same_run(const struct graph *a, const struct graph *b, const char *layer, uint32_t inputs,
		double tolerance)
{
	uint32_t units = units_of(a, layer), spikes, spikes_after, i;
	double *before = run_layer(a, layer, inputs, &spikes);
	double *after = run_layer(b, layer, inputs, &spikes_after);
	bool any = false;

	ck_assert_uint_eq(units, units_of(b, layer));
	for (i = 0; i < TEST_STEPS * units; i++) {
		any = any || before[i] != 0.0;
		if (!(fabs(before[i] - after[i]) <= tolerance))
			ck_abort_msg("unit %u of %s at step %u: %g before, %g after", i % units,
				     layer, i / units, before[i], after[i]);
	}
	ck_assert_msg(any, "%s does nothing, so the test says nothing", layer);
	free(before);
	free(after);
}

/* --- passes ------------------------------------------------------------------------- */

static inline struct graph *
copy_of(const struct graph *graph)
{
	struct graph *copy = NULL;

	MUST(graph_copy(&copy, graph, err));
	return copy;
}

static inline void
run_passes(struct graph **graph, const char *names, const struct pass_options *options,
	   struct optimize_report *report)
{
	MUST(optimize(graph, names, options, NULL, NULL, report, err));
}

/* Running the passes again changes nothing. */
static inline void
assert_idempotent(struct graph **graph, const char *names, const struct pass_options *options)
{
	struct text before = { 0 }, after = { 0 };
	struct optimize_report report;
	size_t i;

	MUST(graph_print(*graph, &before, err));
	run_passes(graph, names, options, &report);
	MUST(graph_print(*graph, &after, err));
	ck_assert_str_eq(before.chars, after.chars);
	for (i = 0; i < report.pass_count; i++)
		ck_assert_msg(!report.passes[i].changed, "%s changes something again",
			      report.passes[i].name);
	text_free(&before);
	text_free(&after);
	optimize_report_free(&report);
}

/* Why the first pass of the report left the layer alone; "" : it did not. */
static inline const char *
skip_reason(const struct optimize_report *report, const char *layer)
{
	const struct pass_report *pass = &report->passes[0];
	size_t i;

	for (i = 0; i < pass->skipped_count; i++)
		if (strcmp(pass->skipped[i].layer, layer) == 0)
			return pass->skipped[i].reason;
	return "";
}

static inline void
assert_skipped(const struct optimize_report *report, const char *layer, const char *words)
{
	const char *reason = skip_reason(report, layer);

	if (!strstr(reason, words))
		ck_abort_msg("%s is skipped because '%s', not '%s'", layer, reason, words);
}

/* --- a chain of layers ---------------------------------------------------------- */

enum { CHAIN_INPUTS = 12, CHAIN_HIDDEN = 24, CHAIN_MIDDLE = 16, CHAIN_OUTPUTS = 6 };

/* Input, two hidden layers, spiking outputs; projections 0, 1, 2 in this order. */
static inline struct graph *
chain(uint32_t seed)
{
	struct graph *graph = net_new();
	population_id hidden = add_layer(graph, "hidden", CHAIN_HIDDEN);
	population_id middle = add_layer(graph, "middle", CHAIN_MIDDLE);
	population_id out = add_layer(graph, "out", CHAIN_OUTPUTS);

	graph->populations[out].output = true;
	(void)connect_random(graph, GRAPH_NONE, hidden, CHAIN_INPUTS, -0.1, 0.3, &seed);
	(void)connect_random(graph, hidden, middle, CHAIN_HIDDEN, -0.2, 0.3, &seed);
	(void)connect_random(graph, middle, out, CHAIN_MIDDLE, -0.3, 0.5, &seed);
	return graph;
}

/* A row that keeps its unit under any threshold. */
static inline void
silence_row(struct graph *graph, projection_id id, uint32_t row)
{
	uint32_t columns = graph->projections[id].weights->columns, i;
	float *values = edit_weights(graph, id);

	for (i = 0; i < columns; i++)
		values[row * columns + i] = -1.0f;
}

static inline void
set_column(struct graph *graph, projection_id id, uint32_t column, float value)
{
	const struct weights *weights = graph->projections[id].weights;
	uint32_t columns = weights->columns, rows = weights->rows, i;
	float *values = edit_weights(graph, id);

	for (i = 0; i < rows; i++)
		values[i * columns + column] = value;
}

static inline void
set_rates(struct graph *graph, population_id id, double rate)
{
	struct population *population = &graph->populations[id];
	uint32_t count = population_units(graph, id) * population->positions, i;

	population->rates = arena_alloc(&graph->arena, count, sizeof *population->rates);
	ck_assert_ptr_nonnull(population->rates);
	for (i = 0; i < count; i++)
		population->rates[i] = rate;
}

static inline void
assert_fate(const struct graph *graph, const char *layer, uint32_t origin, enum fate fate)
{
	population_id id = find_population(graph, layer);

	ck_assert_int_eq(graph->axes[graph->populations[id].axis].fate[origin], fate);
}

static inline int
run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

/* Any dynamics in normal form; the reset is between -widest_reset and widest_reset. */
static inline void
draw_neuron(struct graph *graph, struct neuron *neuron, double highest_decay, double widest_reset,
	    uint32_t *state)
{
	static const enum reset resets[] = { RESET_NONE, RESET_SUBTRACT, RESET_SET };

	neuron->comparison = next_random(state) % 2 ? COMPARE_GREATER : COMPARE_GREATER_EQUAL;
	neuron->reset = resets[next_random(state) % 3];
	neuron->reset_timing = (enum reset_timing)(next_random(state) % 3);
	neuron->current = (enum current_drives)(next_random(state) % 4);
	neuron->decay.values[0] = draw(state, 0.0, highest_decay);
	neuron->reset_value.values[0] = draw(state, -widest_reset, widest_reset);
	ck_assert(graph_set_parameter(graph, &neuron->current_decay, draw(state, 0.0, 0.9)));
	ck_assert(graph_set_parameter(graph, &neuron->current_gain, draw(state, 0.1, 1.5)));
	ck_assert(graph_set_parameter(graph, &neuron->input_gain, draw(state, 0.1, 1.5)));
}

#endif
