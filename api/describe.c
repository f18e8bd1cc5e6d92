#include "api/describe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void
describe_line(struct text *out, const char *first, const char *between, const char *second)
{
	text_append(out, "  ");
	text_plain(out, first ? first : "");
	text_append(out, between);
	text_plain(out, second ? second : "");
	text_append(out, "\n");
}

const char *
fits_word(const json_t *document)
{
	const json_t *fits = json_object_get(document, "fits");

	return json_is_true(fits) ? "YES" : json_is_false(fits) ? "NO" : NULL;
}

const char *
resource_label(const char *resource)
{
	static const char *const labels[][2] = {
		{ "lut", "LUTs" },	   { "ff", "flip-flops" }, { "logic_cells", "logic cells" },
		{ "bram", "BRAM blocks" }, { "dsp", "DSPs" },
	};

	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
		if (strcmp(resource, labels[i][0]) == 0)
			return labels[i][1];
	return resource;
}

const char *
lut_resource(const json_t *document)
{
	const json_t *utilization = json_object_get(document, "utilization");
	const json_t *cells = json_object_get(utilization, "logic_cells");

	return json_is_number(json_object_get(cells, "available")) ? "logic_cells" : "lut";
}

/* --- passes --------------------------------------------------------------- */

void
pass_summary(const json_t *pass, struct text *out)
{
	static const struct {
		const char *key, *one, *many;
	} counts[] = {
		{ "dead_neurons_removed", "dead neuron removed", "dead neurons removed" },
		{ "silent_neurons_removed", "silent neuron removed", "silent neurons removed" },
		{ "always_firing_neurons_folded", "always firing neuron folded",
		  "always firing neurons folded" },
		{ "unread_neurons_removed", "unread neuron removed", "unread neurons removed" },
		{ "redundant_pairs_merged", "redundant pair merged", "redundant pairs merged" },
		{ "layers_fused", "layer fused", "layers fused" },
		{ "weights_pruned", "weight pruned", "weights pruned" },
		{ "weights_quantized", "weight quantized", "weights quantized" },
	};
	uint64_t undone = json_get_amount(pass, "undone");
	bool said = false;

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		uint64_t count = json_get_amount(pass, counts[i].key);

		if (count == 0)
			continue;
		text_append(out, said ? ", " : "");
		text_figure(out, (double)count, 0);
		text_printf(out, " %s", count == 1 ? counts[i].one : counts[i].many);
		said = true;
	}
	if (json_object_get(pass, "fusion_r2"))
		text_printf(out, " (R^2 %.3f)", json_get_figure(pass, "fusion_r2", NAN));
	if (undone)
		text_printf(out, "%sundone, as it would cost too much accuracy",
			    said ? ", then " : "");
	else if (!said)
		text_append(out, "nothing to do");
}

bool
passes_changed(const json_t *passes)
{
	for (size_t i = 0; i < json_array_size(passes); i++)
		if (json_is_true(json_object_get(json_array_get(passes, i), "changed")))
			return true;
	return false;
}

/* --- accuracy ---------------------------------------------------------------- */

bool
is_accuracy_known(const json_t *document)
{
	return json_is_object(json_object_get(document, "accuracy"));
}

void
accuracy_summary(const json_t *document, struct text *out)
{
	const json_t *accuracy = json_object_get(document, "accuracy");
	const json_t *flips = json_object_get(accuracy, "flips");
	const json_t *interval = json_object_get(accuracy, "interval");

	if (!is_accuracy_known(document))
		return;
	text_printf(out, "%.2f %% before, %.2f %% after (of ",
		    100 * json_get_figure(accuracy, "before", NAN),
		    100 * json_get_figure(accuracy, "after", NAN));
	text_figure(out, json_get_figure(accuracy, "samples", NAN), 0);
	text_append(out, " samples ");
	text_figure(out, json_get_figure(flips, "won", NAN), 0);
	text_append(out, " won, ");
	text_figure(out, json_get_figure(flips, "lost", NAN), 0);
	text_printf(out, " lost; 95 %% interval of the change %+.2f to %+.2f points)",
		    100 * json_number_value(json_array_get(interval, 0)),
		    100 * json_number_value(json_array_get(interval, 1)));
}

bool
is_accuracy_open(const json_t *document)
{
	if (is_accuracy_known(document))
		return false;
	return passes_changed(json_object_get(document, "passes")) ||
	       json_get_amount(document, "kept_steps") > 0;
}

/* --- tables ------------------------------------------------------------------ */

static void
table_percent(struct table *table, double share, int decimals)
{
	char cell[32] = "-";

	if (isfinite(share) && fabs(share) < 1e6)
		(void)snprintf(cell, sizeof cell, "%.*f %%", decimals, 100.0 * share);
	table_text(table, cell);
}

void
table_units(struct table *table, const json_t *layer)
{
	uint64_t positions = json_get_amount(layer, "positions");
	char cell[64];

	if (json_is_null(json_object_get(layer, "positions")))
		(void)snprintf(cell, sizeof cell, "%zu x ?",
			       (size_t)json_get_amount(layer, "units"));
	else if (positions > 1)
		(void)snprintf(cell, sizeof cell, "%zu x %zu",
			       (size_t)json_get_amount(layer, "units"), (size_t)positions);
	else
		(void)snprintf(cell, sizeof cell, "%zu", (size_t)json_get_amount(layer, "units"));
	table_text(table, cell);
}

static void
table_interval(struct table *table, const json_t *use)
{
	struct text cell = { .chars = NULL };

	text_figure(&cell, json_get_figure(use, "low", NAN), 0);
	text_append(&cell, " to ");
	text_figure(&cell, json_get_figure(use, "high", NAN), 0);
	table_take(table, &cell);
}

static void
table_head(struct table *table, const char *const *head)
{
	for (uint32_t i = 0; i < table->columns; i++)
		table_text(table, head[i]);
}

static const char *const resources[] = { "lut", "ff", "logic_cells", "bram", "dsp" };

struct table
utilization_table(const json_t *document)
{
	static const char *const head[] = { "resource",	 "used",       "interval",
					    "available", "used of it", "before" };
	const json_t *now = json_object_get(document, "utilization");
	const json_t *before = json_object_get(json_object_get(document, "before"), "utilization");
	struct table table = { .columns = 6, .left = { true } };

	table_head(&table, head);
	for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
		const json_t *use = json_object_get(now, resources[i]);
		double used = json_get_figure(use, "used", NAN);
		double available = json_get_figure(use, "available", NAN);

		if (!use)
			continue;
		table_text(&table, resource_label(resources[i]));
		table_figure(&table, used, 0);
		table_interval(&table, use);
		table_figure(&table, available, 0);
		table_percent(&table, used / available, 1);
		table_figure(&table,
			     json_get_figure(json_object_get(before, resources[i]), "used", NAN),
			     0);
	}
	return table;
}

struct table
layers_table(const json_t *document)
{
	static const char *const head[] = { "layer", "kind", "units", "before", "bits",
					    "zeros", "LUT",  "FF",    "BRAM",	"DSP" };
	static const char *const costs[] = { "lut", "ff", "bram", "dsp" };
	const json_t *layers = json_object_get(document, "layers");
	struct table table = { .columns = json_object_get(document, "utilization") ? 10 : 6,
			       .left = { true, true } };

	table_head(&table, head);
	for (size_t i = 0; i < json_array_size(layers); i++) {
		const json_t *layer = json_array_get(layers, i);

		table_text(&table, json_get_text(layer, "name", ""));
		table_text(&table, json_get_text(layer, "kind", ""));
		table_figure(&table, json_get_figure(layer, "units", NAN), 0);
		table_figure(&table, json_get_figure(layer, "units_before", NAN), 0);
		table_figure(&table, json_get_figure(layer, "weight_bits", NAN), 0);
		table_percent(&table, json_get_figure(layer, "sparsity", NAN), 1);
		for (size_t c = 0; table.columns == 10 && c < sizeof costs / sizeof *costs; c++)
			table_figure(&table, json_get_figure(layer, costs[c], NAN), 0);
	}
	return table;
}

struct table
steps_table(const json_t *document)
{
	static const char *const head[] = { "step", "LUTs before", "LUTs after", "zeros",
					    "bits", "bitstream",   "accuracy" };
	const json_t *steps = json_object_get(document, "steps");
	struct table table = { .columns = is_accuracy_known(document) ? 7 : 6, .left = { true } };

	table_head(&table, head);
	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *step = json_array_get(steps, i);

		table_text(&table, json_get_text(step, "action", ""));
		table_figure(&table, json_get_figure(step, "lut_before", NAN), 0);
		table_figure(&table, json_get_figure(step, "lut_after", NAN), 0);
		table_percent(&table, json_get_figure(step, "sparsity", NAN), 1);
		table_figure(&table, json_get_figure(step, "weight_bits", NAN), 0);
		table_figure(&table, json_get_figure(step, "bitstream_length", NAN), 0);
		if (table.columns == 7)
			table_percent(&table, json_get_figure(step, "accuracy", NAN), 2);
	}
	return table;
}

static void
table_change(struct table *table, const char *what, double neurons, double parameters,
	     double nonzero, double accuracy)
{
	table_text(table, what);
	table_figure(table, neurons, 0);
	table_figure(table, parameters, 0);
	table_figure(table, nonzero, 0);
	table_percent(table, accuracy, 2);
}

/* From the model that came in to the one that the passes made. */
struct table
changes_table(const json_t *document)
{
	static const char *const head[] = { "after",	"neurons",  "parameters",
					    "not zero", "accuracy", "then" };
	const json_t *changes = json_object_get(document, "changes");
	struct table table = { .columns = 6, .left = { true, false, false, false, false, true } };

	table_head(&table, head);
	table_change(&table, "(before)",
		     json_get_figure(json_object_get(document, "neurons"), "before", NAN),
		     json_get_figure(json_object_get(document, "parameters"), "before", NAN), NAN,
		     json_get_figure(json_object_get(document, "accuracy"), "before", NAN));
	table_text(&table, "-");
	for (size_t i = 0; i < json_array_size(changes); i++) {
		const json_t *change = json_array_get(changes, i);

		table_change(&table, json_get_text(change, "pass", ""),
			     json_get_figure(change, "neurons", NAN),
			     json_get_figure(change, "parameters", NAN),
			     json_get_figure(change, "nonzero", NAN),
			     json_get_figure(change, "accuracy", NAN));
		table_text(&table,
			   json_is_true(json_object_get(change, "undone")) ? "undone" : "kept");
	}
	return table;
}

/* --- what is over -------------------------------------------------------------- */

static const json_t *
largest_limit(const json_t *document, const char *resource)
{
	const json_t *limits = json_object_get(document, "limits");

	for (size_t i = 0; i < json_array_size(limits); i++) {
		const json_t *limit = json_array_get(limits, i);

		if (strcmp(json_get_text(limit, "resource", ""), resource) == 0)
			return limit;
	}
	return NULL;
}

bool
is_exceeded(const json_t *document, const char *resource)
{
	return largest_limit(document, resource) != NULL;
}

/* Layers that use some of what is exceeded, the largest first. */
static void
append_layers(const json_t *document, const char *resource, struct text *out)
{
	const json_t *limits = json_object_get(document, "limits");
	const char *between = ": ";

	for (size_t i = 0; i < json_array_size(limits); i++) {
		const json_t *limit = json_array_get(limits, i);

		if (strcmp(json_get_text(limit, "resource", ""), resource) != 0)
			continue;
		text_append(out, between);
		text_plain(out, json_get_text(limit, "layer", ""));
		text_append(out, " takes ");
		text_figure(out, json_get_figure(limit, "used", NAN), 0);
		between = ", ";
	}
}

/* In the whole numbers that the table shows; what is over by less than that is over by one. */
void
limit_summary(const json_t *document, const char *resource, struct text *out)
{
	const json_t *use = json_object_get(json_object_get(document, "utilization"), resource);
	double high = nearbyint(json_get_figure(use, "high", NAN));
	double available = nearbyint(json_get_figure(use, "available", NAN));

	text_plain(out, resource_label(resource));
	text_append(out, " are over by ");
	text_figure(out, fmax(high - available, 1), 0);
	text_append(out, " (up to ");
	text_figure(out, high, 0);
	text_append(out, " of ");
	text_figure(out, available, 0);
	text_append(out, ")");
	append_layers(document, resource, out);
}
