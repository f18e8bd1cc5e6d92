/* load.c - fuzz target: a model is read, checked, understood and looked at. Input: a byte
 * (which target, and whether there is external data), then the model.
 *
 * Promises: a network that was understood passes the verifier; its text form can be read
 * and is printed the same again. */
#include "tests/fuzz/fuzz.h"

#include "core/text.h"
#include "importer/importer.h"
#include "importer/rates.h"

#include <string.h>

enum { PREFIX = 1 };

const size_t fuzz_prefix_bytes = PREFIX;

/* --- from the inside ------------------------------------------------------------ */

static char *
printed(const struct graph *graph, snnfit_status *status)
{
	struct text text = { .chars = NULL };
	snnfit_error err;
	char *out;

	*status = graph_print(graph, &text, &err);
	must_explain(*status, &err);
	out = *status == SNNFIT_OK ? text_take(&text) : NULL;
	text_free(&text);
	return out;
}

static void
text_and_back(const struct graph *graph)
{
	struct graph *again;
	snnfit_status status;
	snnfit_error err;
	char *first = printed(graph, &status), *second;

	if (!first)
		return; /* weights that can't be read */
	status = graph_parse(&again, first, &err);
	must_explain(status, &err);
	if (status == SNNFIT_OK) {
		second = printed(again, &status);
		MUST(second && strcmp(first, second) == 0);
		free(second);
	} else if (status != SNNFIT_ELIMIT) {
		(void)fprintf(stderr, "%s\n%s", err.text, first);
		MUST(status == SNNFIT_ELIMIT);
	}
	graph_free(again);
	free(first);
}

static void
understand(const struct onnx_model *model)
{
	struct import *import = NULL;
	struct graph *graph = NULL;
	snnfit_error err;
	snnfit_status status = import_model(&graph, &import, model, NULL, &err);

	must_explain(status, &err);
	if (status == SNNFIT_OK) {
		MUST(graph_verify(graph, &err) == SNNFIT_OK);
		status = rates_attach(graph, model, NULL, &err);
		must_explain(status, &err);
		if (status == SNNFIT_OK) {
			MUST(graph_verify(graph, &err) == SNNFIT_OK);
			text_and_back(graph);
		}
	}
	graph_free(graph);
	import_free(import);
}

/* --- from the outside ------------------------------------------------------------- */

static const char *const targets[] = { "ice40", "ecp5", "artix7", "zynq" };
static const char *const architectures[] = { "sc", "parallel", "event", "sparse" };

static void
look_at(snnfit_report *report)
{
	snnfit_figures figures;

	MUST(snnfit_report_json(report) && snnfit_report_text(report));
	snnfit_report_figures(report, &figures, sizeof figures);
	snnfit_report_free(report);
}

static void
use(const uint8_t *bytes, size_t length, const snnfit_read_options *read, uint8_t choice)
{
	snnfit_options options;
	snnfit_report *report;
	snnfit_model *model;
	snnfit_error err;
	snnfit_status status = snnfit_model_read_bytes(&model, bytes, length, read, &err);

	must_explain(status, &err);
	if (status != SNNFIT_OK)
		return;
	status = snnfit_inspect(model, &report, &err);
	must_explain(status, &err);
	if (status == SNNFIT_OK)
		look_at(report);
	snnfit_options_init(&options, sizeof options);
	options.target = targets[choice % 4];
	options.architecture = architectures[choice / 4 % 4];
	status = snnfit_estimate(model, &options, &report, &err);
	must_explain(status, &err);
	if (status == SNNFIT_OK)
		look_at(report);
	status = snnfit_model_report(model, &report, &err);
	must_explain(status, &err);
	if (status == SNNFIT_OK)
		look_at(report);
	snnfit_model_free(model);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	snnfit_read_options read;
	struct onnx_model *model;
	snnfit_status status;
	snnfit_error err;

	if (size < PREFIX)
		return -1;
	snnfit_read_options_init(&read, sizeof read);
	read.folder = data[0] & 0x80 ? FUZZ_EXTERNAL_DATA : NULL;
	status = onnx_model_read_bytes(&model, data + PREFIX, size - PREFIX, read.folder, NULL,
				       &err);
	must_explain(status, &err);
	if (status != SNNFIT_OK)
		return 0;
	understand(model);
	onnx_model_free(model);
	use(data + PREFIX, size - PREFIX, &read, data[0]);
	return 0;
}
