/* describe_resources.c - the resource report for people. */
#include "api/describe.h"
#include "api/report.h"

#include <math.h>
#include <string.h>

static void
describe_target(const json_t *document, struct text *out)
{
	const char *resource = lut_resource(document);
	const json_t *luts = json_object_get(json_object_get(document, "utilization"), resource);
	double percent = json_get_figure(document, "utilization_pct", NAN);

	text_append(out, "target        ");
	text_plain(out, json_get_text(document, "target", ""));
	text_append(out, ", architecture ");
	text_plain(out, json_get_text(document, "architecture", "-"));
	text_append(out, "\nfits          ");
	text_append(out, fits_word(document) ? fits_word(document) : "not known");
	text_printf(out, "\n%-14s", strcmp(resource, "lut") == 0 ? "LUTs" : "logic cells");
	text_figure(out, json_get_figure(luts, "used", NAN), 0);
	if (isfinite(percent)) {
		text_append(out, " / ");
		text_figure(out, json_get_figure(luts, "available", NAN), 0);
		text_printf(out, " (%.1f %%)", percent);
	}
	text_append(out, "\n");
}

static void
describe_speed(const json_t *document, struct text *out)
{
	const json_t *length = json_object_get(document, "bitstream_length");

	text_append(out, "time step     ");
	text_figure(out, json_get_figure(document, "cycles_per_step", NAN), 0);
	text_append(out, " cycles, ");
	text_figure(out, json_get_figure(document, "energy_nj_per_step", NAN), 1);
	text_append(out, " nJ (estimated)\n");
	if (!json_is_number(length))
		return;
	text_append(out, "bitstream     ");
	text_figure(out, json_number_value(length), 0);
	text_append(out, " bits\n");
}

static void
describe_parameters(const json_t *document, struct text *out)
{
	const json_t *parameters = json_object_get(document, "parameters");
	double before = json_get_figure(parameters, "before", NAN);
	double after = json_get_figure(parameters, "after", NAN);
	double nonzero = json_get_figure(parameters, "nonzero", NAN);

	if (!parameters)
		return;
	text_append(out, "parameters    ");
	if (before != after) {
		text_figure(out, before, 0);
		text_append(out, " -> ");
	}
	text_figure(out, after, 0);
	if (isnan(nonzero)) {
		text_append(out, "; zeros not counted, as no pass read all weights\n");
		return;
	}
	text_append(out, ", ");
	text_figure(out, nonzero, 0);
	text_append(out, " not zero\nsparsity      ");
	text_figure(out, 100.0 * json_get_figure(document, "sparsity", NAN), 1);
	text_append(out, " %\n");
}

static void
describe_neurons(const json_t *document, struct text *out)
{
	const json_t *neurons = json_object_get(document, "neurons");
	double before = json_get_figure(neurons, "before", NAN);
	double after = json_get_figure(neurons, "after", NAN);

	if (!neurons)
		return;
	text_append(out, "neurons       ");
	if (before != after) {
		text_figure(out, before, 0);
		text_append(out, " -> ");
	}
	text_figure(out, after, 0);
	text_append(out, "\n");
}

static void
describe_accuracy(const json_t *document, struct text *out)
{
	if (is_accuracy_open(document))
		text_append(out, "accuracy      not measured: check it on your own data\n");
	if (!is_accuracy_known(document))
		return;
	text_append(out, "accuracy      ");
	accuracy_summary(document, out);
	text_append(out, "\n");
}

/* --- what was done ---------------------------------------------------------- */

static void
describe_skips(const json_t *skipped, const char *what, struct text *out)
{
	for (size_t i = 0; i < json_array_size(skipped); i++) {
		const json_t *skip = json_array_get(skipped, i);

		text_append(out, "    skipped ");
		text_plain(out, json_get_text(skip, what, ""));
		text_append(out, ": ");
		text_plain(out, json_get_text(skip, "reason", ""));
		text_append(out, "\n");
	}
}

static void
describe_passes(const json_t *document, struct text *out)
{
	const json_t *passes = json_object_get(document, "passes");

	if (!passes)
		return;
	if (json_array_size(passes) == 0)
		text_append(out, "passes: none, nothing is changed\n");
	else if (passes_changed(passes))
		text_append(out, "passes\n");
	else
		text_append(out, "passes: nothing was found to change\n");
	for (size_t i = 0; i < json_array_size(passes); i++) {
		const json_t *pass = json_array_get(passes, i);

		text_append(out, "  ");
		text_plain(out, json_get_text(pass, "name", ""));
		text_append(out, ": ");
		pass_summary(pass, out);
		text_append(out, "\n");
		describe_skips(json_object_get(pass, "skipped"), "layer", out);
	}
	if (is_accuracy_known(document)) {
		struct table changes = changes_table(document);

		table_print(&changes, out);
	}
}

static void
describe_steps(const json_t *document, struct text *out)
{
	const json_t *steps = json_object_get(document, "steps");
	uint64_t kept = json_get_amount(document, "kept_steps");
	struct table table;

	if (!steps)
		return;
	text_printf(out, "steps taken: %zu\n", json_array_size(steps));
	if (json_array_size(steps)) {
		table = steps_table(document);
		table_print(&table, out);
	}
	if (kept < json_array_size(steps) && kept > 0)
		text_printf(out, "  the closest was the model after step %zu: the result\n",
			    (size_t)kept);
	else if (kept < json_array_size(steps))
		text_append(out,
			    "  none of them came closer: the result is the model before them\n");
	describe_skips(json_object_get(document, "skipped"), "action", out);
	if (json_is_true(json_object_get(document, "limited")))
		text_append(out, "  the limit of accuracy kept steps from being taken\n");
}

/* --- what is over, and what would help --------------------------------------- */

static void
describe_limits(const json_t *document, struct text *out)
{
	static const char *const resources[] = { "lut", "ff", "logic_cells", "bram", "dsp" };

	for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
		if (!is_exceeded(document, resources[i]))
			continue;
		text_append(out, "over: ");
		limit_summary(document, resources[i], out);
		text_append(out, "\n");
	}
}

static void
describe_suggestions(const json_t *document, struct text *out)
{
	const json_t *suggestions = json_object_get(document, "suggestions");

	if (json_array_size(suggestions))
		text_append(out, "what to try\n");
	for (size_t i = 0; i < json_array_size(suggestions); i++)
		describe_line(out, "- ", "", json_string_value(json_array_get(suggestions, i)));
}

static void
print_table(struct table table, struct text *out)
{
	table_print(&table, out);
}

void
describe_resources(const json_t *document, struct text *out)
{
	bool costed = json_object_get(document, "utilization") != NULL;

	if (costed) {
		describe_target(document, out);
		describe_speed(document, out);
	}
	describe_parameters(document, out);
	describe_neurons(document, out);
	describe_accuracy(document, out);
	if (costed)
		print_table(utilization_table(document), out);
	if (json_object_get(document, "layers"))
		print_table(layers_table(document), out);
	describe_passes(document, out);
	describe_steps(document, out);
	describe_limits(document, out);
	describe_suggestions(document, out);
}
