/* describe_inspection.c - what was understood of a model, for people. */
#include "api/describe.h"
#include "api/report.h"
#include "api/table.h"

#include <math.h>
#include <stdio.h>

/* One number as it is; several as a range. */
static void
print_parameter(const json_t *value, struct text *out)
{
	double low = INFINITY, high = -INFINITY;

	if (json_is_number(value)) {
		text_printf(out, "%.6g", json_number_value(value));
		return;
	}
	for (size_t i = 0; i < json_array_size(value); i++) {
		double each = json_number_value(json_array_get(value, i));

		low = fmin(low, each);
		high = fmax(high, each);
	}
	if (json_array_size(value) == 0)
		text_append(out, "-");
	else
		text_printf(out, "%.4g to %.4g", low, high);
}

static void
table_parameter(struct table *table, const json_t *value)
{
	struct text cell = { .chars = NULL };

	print_parameter(value, &cell);
	table_take(table, &cell);
}

/* "subtract, late", "set 0, now" */
static void
table_reset(struct table *table, const json_t *layer)
{
	const char *reset = json_get_text(layer, "reset", "none");
	const char *timing = json_get_text(layer, "reset_timing", NULL);
	struct text cell = { .chars = NULL };

	text_append(&cell, reset);
	if (reset[0] == 's' && reset[1] == 'e') {
		text_append(&cell, " ");
		print_parameter(json_object_get(layer, "reset_value"), &cell);
	}
	if (timing)
		text_printf(&cell, ", %s", timing);
	table_take(table, &cell);
}

/* "mean 0.18, 19 dead": a unit is dead when it is silent at all its positions. */
static void
table_rates(struct table *table, const json_t *layer)
{
	const json_t *rates = json_object_get(layer, "rates");
	size_t count = json_array_size(rates), dead = 0;
	uint64_t positions = json_get_amount(layer, "positions");
	struct text cell = { .chars = NULL };
	double sum = 0.0, unit = 0.0;

	for (size_t i = 0; i < count; i++) {
		unit += json_number_value(json_array_get(rates, i));
		if ((i + 1) % (positions ? positions : 1) != 0)
			continue;
		sum += unit;
		dead += unit == 0.0;
		unit = 0.0;
	}
	if (count)
		text_printf(&cell, "mean %.3g, %zu dead", sum / (double)count, dead);
	else
		text_append(&cell, "not known");
	table_take(table, &cell);
}

static void
describe_layers(const json_t *layers, struct text *out)
{
	static const char *const head[] = { "layer", "kind",	  "units", "neuron",
					    "decay", "threshold", "reset", "firing rates" };
	struct table table = { .columns = 8,
			       .left = { true, true, false, true, false, false, true, true } };

	for (uint32_t i = 0; i < table.columns; i++)
		table_text(&table, head[i]);
	for (size_t i = 0; i < json_array_size(layers); i++) {
		const json_t *layer = json_array_get(layers, i);

		table_text(&table, json_get_text(layer, "name", ""));
		table_text(&table, json_get_text(layer, "kind", ""));
		table_units(&table, layer);
		table_text(&table, json_get_text(layer, "neuron", ""));
		table_parameter(&table, json_object_get(layer, "decay"));
		table_parameter(&table, json_object_get(layer, "threshold"));
		table_reset(&table, layer);
		table_rates(&table, layer);
	}
	table_print(&table, out);
}

static void
describe_frozen(const json_t *layers, struct text *out)
{
	bool said = false;

	for (size_t i = 0; i < json_array_size(layers); i++) {
		const json_t *layer = json_array_get(layers, i);
		const char *reason = json_get_text(layer, "frozen", NULL);

		if (reason && !said)
			text_append(out, "frozen (no unit may go)\n");
		if (reason)
			describe_line(out, json_get_text(layer, "name", ""), ": ", reason);
		said = said || reason;
	}
}

static void
describe_states(const json_t *states, struct text *out)
{
	if (json_array_size(states))
		text_append(out, "states (input <- output of the step before)\n");
	for (size_t i = 0; i < json_array_size(states); i++) {
		const json_t *pair = json_array_get(states, i);

		describe_line(out, json_string_value(json_array_get(pair, 0)), " <- ",
			      json_string_value(json_array_get(pair, 1)));
	}
}

static void
describe_names(const char *label, const json_t *names, struct text *out)
{
	text_append(out, label);
	for (size_t i = 0; i < json_array_size(names); i++) {
		text_append(out, i ? ", " : "");
		text_plain(out, json_string_value(json_array_get(names, i)));
	}
	text_append(out, "\n");
}

static void
describe_time(const json_t *time, struct text *out)
{
	int steps = (int)json_get_amount(time, "steps");

	text_printf(out, "time     %s, ", json_get_text(time, "kind", ""));
	if (steps)
		text_printf(out, "%d step%s in the model\n", steps, steps == 1 ? "" : "s");
	else
		text_append(out, "as many steps as the model is run for\n");
}

void
describe_inspection(const json_t *document, struct text *out)
{
	const json_t *layers = json_object_get(document, "layers");

	describe_names("inputs   ", json_object_get(document, "inputs"), out);
	describe_names("outputs  ", json_object_get(document, "outputs"), out);
	describe_time(json_object_get(document, "time"), out);
	text_printf(out, "read as  %s of the output over time\n",
		    json_get_text(document, "decoding", ""));
	text_printf(out, "layers   %zu\n", json_array_size(layers));
	describe_layers(layers, out);
	describe_frozen(layers, out);
	describe_states(json_object_get(document, "states"), out);
}
