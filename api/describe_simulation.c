/* describe_simulation.c - what a run on data showed, for people. */
#include "api/describe.h"
#include "api/report.h"
#include "api/table.h"

static void
print_accuracy(const json_t *document, struct text *out)
{
	const json_t *interval = json_object_get(document, "interval");

	text_append(out, "accuracy      ");
	if (!json_is_number(json_object_get(document, "accuracy"))) {
		text_append(out, "not measured: no labels were given\n");
		return;
	}
	text_printf(out, "%.2f %%", 100 * json_get_figure(document, "accuracy", 0));
	text_printf(out, "  (95 %% interval %.2f to %.2f, %llu of %llu samples)\n",
		    100 * json_number_value(json_array_get(interval, 0)),
		    100 * json_number_value(json_array_get(interval, 1)),
		    (unsigned long long)json_get_amount(document, "right"),
		    (unsigned long long)json_get_amount(document, "samples"));
}

static void
print_run(const json_t *document, struct text *out)
{
	uint64_t steps = json_get_amount(document, "steps");

	text_printf(
		out, "run           %llu samples, %llu time step%s, %s input, output read as %s\n",
		(unsigned long long)json_get_amount(document, "samples"), (unsigned long long)steps,
		steps == 1 ? "" : "s", json_get_text(document, "encoding", ""),
		json_get_text(document, "decoding", ""));
	if (json_is_number(json_object_get(document, "spikes_per_inference"))) {
		text_append(out, "spikes        ");
		text_figure(out, json_get_figure(document, "spikes_per_inference", 0), 1);
		text_append(out, " a sample\n");
	}
	text_append(out, "operations    ");
	text_figure(out, json_get_figure(document, "synaptic_operations_per_inference", 0), 0);
	text_append(out, " synaptic operations a sample\n");
}

static void
print_layers(const json_t *layers, struct text *out)
{
	struct table table = { .columns = 5, .left = { true, true } };

	if (json_array_size(layers) == 0)
		return;
	table_text(&table, "layer");
	table_text(&table, "kind");
	table_text(&table, "units");
	table_text(&table, "mean rate");
	table_text(&table, "dead");
	for (size_t i = 0; i < json_array_size(layers); i++) {
		const json_t *layer = json_array_get(layers, i);
		struct text cell = { .chars = NULL };

		text_plain(&cell, json_get_text(layer, "name", ""));
		table_take(&table, &cell);
		table_text(&table, json_get_text(layer, "kind", ""));
		table_units(&table, layer);
		if (json_is_number(json_object_get(layer, "mean_rate"))) {
			text_printf(&cell, "%.4f", json_get_figure(layer, "mean_rate", 0));
			table_take(&table, &cell);
			table_figure(&table, (double)json_get_amount(layer, "dead"), 0);
		} else {
			table_text(&table, "-");
			table_text(&table, "-");
		}
	}
	text_append(out, "\n");
	table_print(&table, out);
}

/* A row a label, a column for what it was taken for. */
static void
print_confusion(const json_t *confusion, struct text *out)
{
	if (!confusion)
		return;
	text_append(out, "\nclass by class: how many samples of each label (rows) were taken for "
			 "each class\n");
	for (size_t label = 0; label < json_array_size(confusion); label++) {
		const json_t *row = json_array_get(confusion, label);

		text_printf(out, "  %4zu:", label);
		for (size_t taken = 0; taken < json_array_size(row); taken++)
			text_printf(out, " %5lld",
				    (long long)json_integer_value(json_array_get(row, taken)));
		text_append(out, "\n");
	}
}

void
describe_simulation(const json_t *document, struct text *out)
{
	print_accuracy(document, out);
	print_run(document, out);
	print_layers(json_object_get(document, "layers"), out);
	print_confusion(json_object_get(document, "confusion"), out);
}
