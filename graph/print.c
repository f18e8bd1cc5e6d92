/* print.c - a graph as text: docs/text-form.md. */
#include "graph/graph.h"
#include "graph/words.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct printer {
	const struct graph *graph;
	struct text *out;
	snnfit_error *err;
};

/* --- words -------------------------------------------------------------- */

/* The shortest decimal, of the lengths worth trying, that reads back as value. */
static void
print_double(struct text *out, double value)
{
	char digits[32];
	int precision;

	for (precision = 15; precision <= 17; precision++) {
		(void)snprintf(digits, sizeof digits, "%.*g", precision, value);
		if (strtod(digits, NULL) == value)
			break;
	}
	text_append(out, digits);
}

static void
print_float(struct text *out, float value)
{
	char digits[32];
	int precision;

	for (precision = 6; precision <= 9; precision++) {
		(void)snprintf(digits, sizeof digits, "%.*g", precision, (double)value);
		if (strtof(digits, NULL) == value)
			break;
	}
	text_append(out, digits);
}

static void
print_string(struct text *out, const char *string)
{
	text_append(out, " \"");
	for (; *string; string++) {
		unsigned char c = (unsigned char)*string;

		if (c == '"' || c == '\\')
			text_printf(out, "\\%c", c);
		else if (c == '\n')
			text_append(out, "\\n");
		else if (c == '\t')
			text_append(out, "\\t");
		else if (c < 0x20 || c == 0x7f)
			text_printf(out, "\\x%02x", c);
		else
			text_append_bytes(out, string, 1);
	}
	text_append(out, "\"");
}

/* --- lines: nothing is printed of what is not there ---------------------- */

static void
line_doubles(struct printer *printer, const char *word, const double *values, size_t count)
{
	size_t i;

	if (!values || count == 0)
		return;
	text_printf(printer->out, "\t%s", word);
	for (i = 0; i < count; i++) {
		text_append(printer->out, " ");
		print_double(printer->out, values[i]);
	}
	text_append(printer->out, "\n");
}

static void
line_parameter(struct printer *printer, const char *word, const struct parameter *parameter)
{
	line_doubles(printer, word, parameter->values, parameter->count);
}

static void
line_string(struct printer *printer, const char *word, const char *string)
{
	if (!string)
		return;
	text_append(printer->out, word);
	print_string(printer->out, string);
	text_append(printer->out, "\n");
}

static void
line_strings(struct printer *printer, const char *word, const char *const *strings, size_t count)
{
	size_t i;

	if (count == 0)
		return;
	text_append(printer->out, word);
	for (i = 0; i < count; i++)
		print_string(printer->out, strings[i]);
	text_append(printer->out, "\n");
}

static void
line_flag(struct printer *printer, const char *word, bool flag)
{
	if (flag)
		text_printf(printer->out, "\t%s\n", word);
}

/* --- sections ----------------------------------------------------------- */

static void
print_head(struct printer *printer)
{
	const struct graph *graph = printer->graph;
	struct text *out = printer->out;
	size_t i;

	text_printf(out, "snn-graph %d\n", TEXT_FORM_VERSION);
	text_printf(out, "time %s %" PRIu32 "\n", time_words[graph->time], graph->steps);
	if (graph->rates_samples || graph->rates_steps)
		text_printf(out, "calibration %" PRIu64 " %" PRIu64 "\n", graph->rates_samples,
			    graph->rates_steps);
	if (graph->parameters_before)
		text_printf(out, "parameters-before %" PRIu64 "\n", graph->parameters_before);
	line_strings(printer, "inputs", graph->inputs, graph->input_count);
	line_strings(printer, "outputs", graph->outputs, graph->output_count);
	for (i = 0; i < graph->note_count; i++)
		line_string(printer, "note", graph->notes[i]);
}

static void
print_fate(struct printer *printer, const struct unit_axis *axis, uint8_t fate)
{
	bool any = false;
	uint32_t unit;

	for (unit = 0; unit < axis->units_before; unit++) {
		if (axis->fate[unit] != fate)
			continue;
		if (!any)
			text_printf(printer->out, "\t%s", fate_words[fate]);
		any = true;
		text_printf(printer->out, " %" PRIu32, unit);
		if (fate == UNIT_MERGED)
			text_printf(printer->out, " into %" PRIu32, axis->merged_into[unit]);
	}
	if (any)
		text_append(printer->out, "\n");
}

static void
print_axis(struct printer *printer, axis_id id)
{
	const struct unit_axis *axis = &printer->graph->axes[id];
	uint32_t part;
	uint8_t fate;

	text_printf(printer->out, "\naxis %" PRIu32 " units %" PRIu32, id, axis->units);
	if (axis->units != axis->units_before)
		text_printf(printer->out, " of %" PRIu32, axis->units_before);
	text_append(printer->out, "\n");
	for (fate = UNIT_DEAD; fate <= UNIT_FUSED; fate++)
		print_fate(printer, axis, fate);
	line_string(printer, "\tfrozen", axis->frozen);
	line_string(printer, "\tdead_only", axis->dead_only);
	for (part = 0; part < axis->part_count; part++)
		text_printf(printer->out, "%s%" PRIu32 "%s", part ? " " : "\tparts ",
			    axis->parts[part], part + 1 < axis->part_count ? "" : "\n");
}

static void
print_neuron(struct printer *printer, const struct neuron *neuron)
{
	struct text *out = printer->out;

	line_string(printer, "\tmodel", neuron->model);
	if (neuron->comparison != COMPARE_NONE)
		text_printf(out, "\tcompare %s\n", comparison_words[neuron->comparison]);
	if (neuron->reset != RESET_NONE)
		text_printf(out, "\treset %s %s\n", reset_words[neuron->reset],
			    reset_timing_words[neuron->reset_timing]);
	if (neuron->current != CURRENT_ABSENT)
		text_printf(out, "\tcurrent %s\n", current_words[neuron->current]);
	line_parameter(printer, "decay", &neuron->decay);
	line_parameter(printer, "threshold", &neuron->threshold);
	line_parameter(printer, "reset-value", &neuron->reset_value);
	line_parameter(printer, "offset", &neuron->offset);
	line_parameter(printer, "input-gain", &neuron->input_gain);
	line_parameter(printer, "current-decay", &neuron->current_decay);
	line_parameter(printer, "current-gain", &neuron->current_gain);
	line_parameter(printer, "spike-gain", &neuron->spike_gain);
	line_parameter(printer, "floor", &neuron->floor);
	if (neuron->counts)
		text_append(out, "\tcounts\n");
	line_parameter(printer, "count-limit", &neuron->count_limit);
}

static void
print_state_tensors(struct printer *printer, const struct population *population)
{
	uint32_t i;

	if (population->state_count == 0)
		return;
	text_append(printer->out, "\tstate-tensors");
	for (i = 0; i < population->state_count; i++) {
		print_string(printer->out, population->state_inputs[i]);
		print_string(printer->out, population->state_outputs[i]);
	}
	text_append(printer->out, "\n");
}

static void
print_population(struct printer *printer, population_id id)
{
	const struct population *population = &printer->graph->populations[id];
	size_t rates = (size_t)population_units(printer->graph, id) * population->positions;

	text_append(printer->out, "\npopulation");
	print_string(printer->out, population->name);
	text_printf(printer->out, " %s axis %" PRIu32, kind_words[population->kind],
		    population->axis);
	if (population->positions_unknown)
		text_append(printer->out, " positions unknown");
	else if (population->positions != 1)
		text_printf(printer->out, " positions %" PRIu32, population->positions);
	text_append(printer->out, "\n");
	line_string(printer, "\tweight-tensor", population->weight_tensor);
	line_string(printer, "\tbody", population->body);
	line_flag(printer, "output", population->output);
	line_flag(printer, "starts-at-zero", population->starts_at_zero);
	print_neuron(printer, &population->neuron);
	line_doubles(printer, "rates", population->rates, rates);
	line_string(printer, "\trates-tensor", population->rates_tensor);
	line_strings(printer, "\tspike-tensors", population->spike_tensors,
		     population->spike_tensor_count);
	if (population->spike_steps)
		text_printf(printer->out, "\tspike-steps %" PRIu32 "\n", population->spike_steps);
	print_state_tensors(printer, population);
}

/* --- projections -------------------------------------------------------- */

static void
print_columns(struct printer *printer, const struct dimension *columns)
{
	struct text *out = printer->out;
	uint32_t i;

	text_append(out, "\tcolumns");
	for (i = 0; i < columns->count; i++) {
		const struct span *span = &columns->spans[i];

		if (span->axis == GRAPH_NONE)
			text_printf(out, " free %" PRIu32, span->units);
		else
			text_printf(out, " axis %" PRIu32, span->axis);
		if (span->axis != GRAPH_NONE &&
		    span->units != printer->graph->axes[span->axis].units)
			text_printf(out, " units %" PRIu32 " at %" PRIu32, span->units,
				    span->first);
		if (span->outer != 1)
			text_printf(out, " outer %" PRIu32, span->outer);
		if (span->inner != 1)
			text_printf(out, " inner %" PRIu32, span->inner);
	}
	text_append(out, "\n");
}

static void
print_row(struct text *out, const float *row, uint32_t columns)
{
	uint32_t column;

	for (column = 0; column < columns; column++) {
		if (column > 0)
			text_append(out, " ");
		print_float(out, row[column]);
	}
}

/* A row a line; a piece of the matrix in memory at a time. */
static snnfit_status
print_weights(struct printer *printer, const struct weights *weights)
{
	uint32_t rows = weights_piece_rows(weights), first, row;
	float *piece = malloc((size_t)rows * weights->columns * sizeof *piece);
	snnfit_status status = piece ? SNNFIT_OK : error_no_memory(printer->err);

	text_printf(printer->out, "\tweights %" PRIu32 " %" PRIu32 "\n", weights->rows,
		    weights->columns);
	for (first = 0; first < weights->rows && status == SNNFIT_OK; first += rows) {
		if (rows > weights->rows - first)
			rows = weights->rows - first;
		status = weights_read_rows(weights, first, rows, piece, printer->err);
		for (row = 0; row < rows && status == SNNFIT_OK; row++) {
			text_append(printer->out, "\t\t");
			print_row(printer->out, piece + (size_t)row * weights->columns,
				  weights->columns);
			text_append(printer->out, "\n");
		}
	}
	free(piece);
	return status;
}

static snnfit_status
print_bias(struct printer *printer, const struct weights *bias)
{
	snnfit_status status;
	float *values;

	if (!bias)
		return SNNFIT_OK;
	values = malloc(bias->rows * sizeof *values);
	if (!values)
		return error_no_memory(printer->err);
	status = weights_read_rows(bias, 0, bias->rows, values, printer->err);
	if (status == SNNFIT_OK) {
		text_append(printer->out, "\tbias ");
		print_row(printer->out, values, bias->rows);
		text_append(printer->out, "\n");
	}
	free(values);
	return status;
}

static void
print_quantization(struct printer *printer, const struct projection *projection)
{
	const struct quantization *quantization = &projection->quantization;

	if (quantization->bits == 0)
		return;
	text_printf(printer->out, "\tquantized %" PRIu32 " %s ", quantization->bits,
		    quantization->per_unit ? "per-unit" : "per-tensor");
	print_row(printer->out, quantization->scale,
		  quantization->per_unit ? projection->weights->rows : 1);
	text_append(printer->out, "\n");
}

static snnfit_status
print_projection(struct printer *printer, const struct projection *projection)
{
	size_t columns = (size_t)dimension_size(&projection->columns);
	snnfit_status status;

	text_append(printer->out, "\nprojection into");
	print_string(printer->out, printer->graph->populations[projection->target].name);
	text_append(printer->out, "\n");
	if (projection->partial)
		text_printf(printer->out, "\tfirst-row %" PRIu32 "\n", projection->first_row);
	text_printf(printer->out, "\treads %s\n", reads_words[projection->reads]);
	line_flag(printer, "delayed", projection->delayed);
	line_flag(printer, "spike-at-most", projection->spike_at_most);
	print_columns(printer, &projection->columns);
	line_doubles(printer, "silent", projection->silent, columns);
	line_doubles(printer, "spike", projection->spike, columns);
	line_parameter(printer, "gain", &projection->gain);
	if (projection->kernel != 1)
		text_printf(printer->out, "\tkernel %" PRIu32 "\n", projection->kernel);
	status = print_weights(printer, projection->weights);
	if (status == SNNFIT_OK)
		print_quantization(printer, projection);
	return status == SNNFIT_OK ? print_bias(printer, projection->bias) : status;
}

static void
print_states(struct printer *printer)
{
	const struct graph *graph = printer->graph;
	size_t i;

	if (graph->state_count > 0)
		text_append(printer->out, "\n");
	for (i = 0; i < graph->state_count; i++) {
		population_id id = graph->states[i].population;

		text_append(printer->out, "state");
		print_string(printer->out, graph->states[i].input);
		print_string(printer->out, graph->states[i].output);
		if (id != GRAPH_NONE && !graph->populations[id].removed) {
			text_append(printer->out, " of");
			print_string(printer->out, graph->populations[id].name);
		}
		text_append(printer->out, "\n");
	}
}

/* --- the graph ---------------------------------------------------------- */

static snnfit_status
print_graph(struct printer *printer)
{
	const struct graph *graph = printer->graph;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	print_head(printer);
	for (i = 0; i < graph->axis_count; i++)
		print_axis(printer, (axis_id)i);
	for (i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed)
			print_population(printer, (population_id)i);
	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++)
		if (!graph->projections[i].removed)
			status = print_projection(printer, &graph->projections[i]);
	print_states(printer);
	if (status == SNNFIT_OK && text_failed(printer->out))
		return error_no_memory(printer->err);
	return status;
}

/* The caller's locale may write 0,5. */
snnfit_status
graph_print(const struct graph *graph, struct text *out, snnfit_error *err)
{
	struct printer printer = { graph, out, err };
	snnfit_status status = graph_verify(graph, err);
	locale_t plain, old;

	if (status != SNNFIT_OK)
		return status;
	plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
	if (!plain)
		return error_no_memory(err);
	old = uselocale(plain);
	status = print_graph(&printer);
	(void)uselocale(old);
	freelocale(plain);
	return status;
}
