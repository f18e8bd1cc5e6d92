#include "api/report.h"

#include "core/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct snnfit_report {
	json_t *document;
	report_describe describe;
	char *json, *text, *html; /* made when asked for */
};

snnfit_status
report_new(snnfit_report **out, json_t *document, report_describe describe, snnfit_error *err)
{
	*out = document ? calloc(1, sizeof **out) : NULL;
	if (!*out) {
		json_decref(document);
		return error_no_memory(err);
	}
	(*out)->document = document;
	(*out)->describe = describe;
	return SNNFIT_OK;
}

void
snnfit_report_free(snnfit_report *report)
{
	if (!report)
		return;
	json_decref(report->document);
	free(report->json);
	free(report->text);
	free(report->html);
	free(report);
}

/* --- whole ------------------------------------------------------------------ */

const char *
snnfit_report_json(snnfit_report *report)
{
	if (!report->json)
		report->json = json_line(report->document);
	return report->json;
}

static char *
rendered(const snnfit_report *report, report_describe render)
{
	struct text out = { .chars = NULL };

	render(report->document, &out);
	return text_take(&out);
}

const char *
snnfit_report_text(snnfit_report *report)
{
	if (!report->text)
		report->text = rendered(report, report->describe);
	return report->text;
}

const char *
snnfit_report_html(snnfit_report *report)
{
	if (!report->html)
		report->html = rendered(report, resources_page);
	return report->html;
}

snnfit_status
snnfit_report_write_html(snnfit_report *report, const char *path, snnfit_error *err)
{
	const char *page = snnfit_report_html(report);

	return page ? file_write(path, page, strlen(page), err) : error_no_memory(err);
}

const char *
snnfit_report_note(const snnfit_report *report, size_t index)
{
	return json_string_value(json_array_get(json_object_get(report->document, "notes"), index));
}

/* --- in figures --------------------------------------------------------------- */

static int
get_fits(const json_t *document)
{
	const json_t *fits = json_object_get(document, "fits");

	return json_is_boolean(fits) ? json_is_true(fits) : -1;
}

static void
add_passes(const json_t *passes, snnfit_figures *figures)
{
	for (size_t i = 0; i < json_array_size(passes); i++) {
		const json_t *pass = json_array_get(passes, i);

		figures->dead_neurons_removed += json_get_amount(pass, "dead_neurons_removed");
		figures->silent_neurons_removed += json_get_amount(pass, "silent_neurons_removed");
		figures->always_firing_neurons_folded += json_get_amount(
			pass, "always_firing_neurons_folded");
		figures->unread_neurons_removed += json_get_amount(pass, "unread_neurons_removed");
		figures->redundant_pairs_merged += json_get_amount(pass, "redundant_pairs_merged");
		figures->layers_fused += json_get_amount(pass, "layers_fused");
		figures->weights_pruned += json_get_amount(pass, "weights_pruned");
	}
}

/* What people call LUTs: on ice40, a logic cell. */
static const json_t *
luts_of(const json_t *document)
{
	const json_t *utilization = json_object_get(document, "utilization");
	const json_t *cells = json_object_get(utilization, "logic_cells");

	if (json_is_number(json_object_get(cells, "available")))
		return cells;
	return json_object_get(utilization, "lut");
}

void
snnfit_report_figures(const snnfit_report *report, snnfit_figures *out, size_t size)
{
	const json_t *document = report->document, *luts = luts_of(document);
	const json_t *parameters = json_object_get(document, "parameters");
	const json_t *steps = json_object_get(document, "steps");
	const json_t *accuracy = json_object_get(document, "accuracy");
	snnfit_figures figures = {
		.target = json_get_text(document, "target", NULL),
		.architecture = json_get_text(document, "architecture", NULL),
		.fits = get_fits(document),
		.final_luts = json_get_figure(luts, "used", NAN),
		.target_luts = json_get_figure(luts, "available", NAN),
		.utilization_pct = json_get_figure(document, "utilization_pct", NAN),
		.bitstream_length = (uint32_t)json_get_amount(document, "bitstream_length"),
		.iterations = (uint32_t)json_get_amount(document, "iterations"),
		.sparsity = json_get_figure(document, "sparsity", NAN),
		.parameters_before = json_get_amount(parameters, "before"),
		.parameters_after = json_get_amount(parameters, "after"),
		.parameters_nonzero = json_get_amount(parameters, "nonzero"),
		.step_count = json_array_size(steps),
		.accuracy_before = json_get_figure(accuracy, "before", NAN),
		.accuracy_after = json_get_figure(accuracy, "after", NAN),
		.accuracy_samples = json_get_amount(accuracy, "samples"),
		.samples_won = json_get_amount(json_object_get(accuracy, "flips"), "won"),
		.samples_lost = json_get_amount(json_object_get(accuracy, "flips"), "lost"),
	};

	add_passes(json_object_get(document, "passes"), &figures);
	memset(out, 0, size);
	memcpy(out, &figures, size < sizeof figures ? size : sizeof figures);
}

int
snnfit_report_step(const snnfit_report *report, size_t index, snnfit_step *out)
{
	const json_t *steps = json_object_get(report->document, "steps");
	const json_t *step = json_array_get(steps, index);

	*out = (snnfit_step){ .action = json_get_text(step, "action", NULL),
			      .lut_before = json_get_figure(step, "lut_before", NAN),
			      .lut_after = json_get_figure(step, "lut_after", NAN),
			      .sparsity = json_get_figure(step, "sparsity", NAN),
			      .bitstream_length = (uint32_t)json_get_amount(step,
									    "bitstream_length"),
			      .weight_bits = (uint32_t)json_get_amount(step, "weight_bits"),
			      .accuracy = json_get_figure(step, "accuracy", NAN) };
	return step != NULL;
}
