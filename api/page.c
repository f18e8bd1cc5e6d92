/* page.c - the resource report as one HTML page that needs nothing else. */
#include "api/describe.h"
#include "api/report.h"

#include <math.h>
#include <string.h>

static const char page_head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<title>snnfit report</title>\n<style>\n"
	"body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;"
	"color:#222}\n"
	"table{border-collapse:collapse;margin:.5em 0 1.5em}\n"
	"th,td{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}\n"
	"th:first-child,td:first-child{text-align:left}\n"
	".bar{background:#e8e8e8;width:20em;height:1em;margin:.2em 0}\n"
	".bar div{height:100%;background:#3a7}\n.over div{background:#c43}\n"
	".no{color:#c43}.yes{color:#283}\n"
	"</style>\n</head>\n<body>\n";

static void
append_escaped(struct text *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			text_append(out, "&amp;");
			break;
		case '<':
			text_append(out, "&lt;");
			break;
		case '>':
			text_append(out, "&gt;");
			break;
		case '"':
			text_append(out, "&quot;");
			break;
		default:
			text_append_bytes(out, text, 1);
		}
	}
}

static void
append_element(struct text *out, const char *tag, const char *text)
{
	text_printf(out, "<%s>", tag);
	append_escaped(out, text);
	text_printf(out, "</%s>", tag);
}

static void
append_table(struct text *out, const char *title, struct table table)
{
	const char *cell = table.cells.chars;

	if (text_failed(&table.cells)) {
		out->failed = true;
		text_free(&table.cells);
		return;
	}
	append_element(out, "h2", title);
	text_append(out, "\n<table>\n");
	for (uint32_t i = 0; i < table.count; i++, cell += strlen(cell) + 1) {
		text_append(out, i % table.columns == 0 ? "<tr>" : "");
		append_element(out, i < table.columns ? "th" : "td", cell);
		text_append(out, (i + 1) % table.columns == 0 ? "</tr>\n" : "");
	}
	text_append(out, "</table>\n");
	text_free(&table.cells);
}

/* How full each limited resource is. */
static void
append_bars(const json_t *document, struct text *out)
{
	const json_t *utilization = json_object_get(document, "utilization"), *use;
	const char *resource;

	json_object_foreach ((json_t *)utilization, resource, use) {
		double share = json_get_figure(use, "used", NAN) /
			       json_get_figure(use, "available", NAN);
		bool over = is_exceeded(document, resource);

		if (!isfinite(share))
			continue;
		append_escaped(out, resource_label(resource));
		text_printf(out,
			    " %.1f %%<div class=\"bar%s\"><div style=\"width:%.0f%%\">"
			    "</div></div>\n",
			    100.0 * share, over ? " over" : "",
			    fmin(fmax(100.0 * share, 0.0), 100.0));
	}
}

static void
append_heading(const json_t *document, struct text *out)
{
	const char *fits = fits_word(document);

	text_append(out, "<h1>");
	append_escaped(out, json_get_text(document, "target", "snnfit report"));
	text_append(out, "</h1>\n");
	if (!fits)
		return;
	text_append(out, "<p>Architecture ");
	append_escaped(out, json_get_text(document, "architecture", "-"));
	text_printf(out, ". Fits: <strong class=\"%s\">%s</strong></p>\n",
		    strcmp(fits, "YES") == 0 ? "yes" : "no", fits);
}

/* One paragraph for each resource of which there is too little. */
static void
append_limits(const json_t *document, struct text *out)
{
	static const char *const resources[] = { "lut", "ff", "logic_cells", "bram", "dsp" };

	for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
		struct text line = { .chars = NULL };

		if (!is_exceeded(document, resources[i]))
			continue;
		limit_summary(document, resources[i], &line);
		text_append(out, "<p class=\"no\">Over: ");
		append_escaped(out, line.chars ? line.chars : "");
		text_append(out, "</p>\n");
		out->failed = out->failed || text_failed(&line);
		text_free(&line);
	}
}

static void
append_speed(const json_t *document, struct text *out)
{
	text_append(out, "<p>Time step: ");
	text_figure(out, json_get_figure(document, "cycles_per_step", NAN), 0);
	text_append(out, " cycles, ");
	text_figure(out, json_get_figure(document, "energy_nj_per_step", NAN), 1);
	text_append(out, " nJ (estimated).</p>\n");
}

/* What was left alone and why; what: the key of its name. */
static void
append_skips(const json_t *skipped, const char *what, struct text *out)
{
	for (size_t i = 0; i < json_array_size(skipped); i++) {
		const json_t *skip = json_array_get(skipped, i);

		text_append(out, "<br>skipped ");
		append_escaped(out, json_get_text(skip, what, ""));
		text_append(out, ": ");
		append_escaped(out, json_get_text(skip, "reason", ""));
	}
}

static void
append_passes(const json_t *document, struct text *out)
{
	const json_t *passes = json_object_get(document, "passes");

	if (!json_array_size(passes))
		return;
	text_append(out, "<h2>Passes</h2>\n<ul>\n");
	for (size_t i = 0; i < json_array_size(passes); i++) {
		const json_t *pass = json_array_get(passes, i);

		text_append(out, "<li>");
		append_escaped(out, json_get_text(pass, "name", ""));
		text_append(out, ": ");
		pass_summary(pass, out);
		append_skips(json_object_get(pass, "skipped"), "layer", out);
		text_append(out, "</li>\n");
	}
	text_append(out, "</ul>\n");
}

static void
append_list(const json_t *document, const char *key, const char *title, struct text *out)
{
	const json_t *sentences = json_object_get(document, key);

	if (!json_array_size(sentences))
		return;
	append_element(out, "h2", title);
	text_append(out, "\n<ul>\n");
	for (size_t i = 0; i < json_array_size(sentences); i++) {
		const char *sentence = json_string_value(json_array_get(sentences, i));

		append_element(out, "li", sentence ? sentence : "");
	}
	text_append(out, "\n</ul>\n");
}

static void
append_parameters(const json_t *document, struct text *out)
{
	const json_t *parameters = json_object_get(document, "parameters");
	double nonzero = json_get_figure(parameters, "nonzero", NAN);

	if (!parameters)
		return;
	text_append(out, "<p>Parameters: ");
	text_figure(out, json_get_figure(parameters, "before", NAN), 0);
	text_append(out, " before, ");
	text_figure(out, json_get_figure(parameters, "after", NAN), 0);
	text_append(out, " after");
	if (isnan(nonzero)) {
		text_append(out, ".</p>\n");
		return;
	}
	text_append(out, ", ");
	text_figure(out, nonzero, 0);
	text_append(out, " of them not zero. Zeros among the weights: ");
	text_figure(out, 100.0 * json_get_figure(document, "sparsity", NAN), 1);
	text_append(out, " %.</p>\n");
}

static void
append_accuracy(const json_t *document, struct text *out)
{
	if (is_accuracy_open(document))
		text_append(out, "<p>Accuracy: not measured, check it on your own data.</p>\n");
	if (!is_accuracy_known(document))
		return;
	text_append(out, "<p>Accuracy: ");
	accuracy_summary(document, out);
	text_append(out, ".</p>\n");
}

void
resources_page(const json_t *document, struct text *out)
{
	text_append(out, page_head);
	append_heading(document, out);
	append_limits(document, out);
	append_bars(document, out);
	if (json_object_get(document, "utilization"))
		append_speed(document, out);
	append_parameters(document, out);
	append_accuracy(document, out);
	if (json_object_get(document, "utilization"))
		append_table(out, "Resources", utilization_table(document));
	if (json_array_size(json_object_get(document, "layers")))
		append_table(out, "Layers", layers_table(document));
	append_passes(document, out);
	if (is_accuracy_known(document))
		append_table(out, "Accuracy after each pass", changes_table(document));
	if (json_array_size(json_object_get(document, "steps")))
		append_table(out, "Steps", steps_table(document));
	if (json_array_size(json_object_get(document, "skipped"))) {
		text_append(out, "<p>Of the ladder");
		append_skips(json_object_get(document, "skipped"), "action", out);
		text_append(out, "</p>\n");
	}
	if (json_is_true(json_object_get(document, "limited")))
		text_append(out, "<p>The limit of accuracy kept steps from being taken.</p>\n");
	append_list(document, "notes", "Notes", out);
	append_list(document, "suggestions", "What to try", out);
	text_append(out, "<p>snnfit ");
	append_escaped(out, json_get_text(json_object_get(document, "tool"), "version", ""));
	text_append(out, "</p>\n</body>\n</html>\n");
}
