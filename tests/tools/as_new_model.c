/* as_new_model.c - reads a model, and writes what was understood of it as a new one, as if
 * its network had been made in memory: as_new_model IN OUT. Exit status 3: refused. */
#include "exporter/exporter.h"
#include "importer/importer.h"
#include "importer/rates.h"

#include <stdio.h>

static snnfit_status
respell(const struct onnx_model *model, struct onnx_model **out, snnfit_error *err)
{
	struct rates_options rates = { NULL, NULL };
	struct import *import;
	struct graph *graph;
	snnfit_status status = import_model(&graph, &import, model, NULL, err);

	if (status != SNNFIT_OK)
		return status;
	status = rates_attach(graph, model, &rates, err);
	if (status == SNNFIT_OK)
		status = export_graph(out, graph, NULL, err);
	if (status == SNNFIT_OK)
		status = metadata_write(*out, graph, err);
	graph_free(graph);
	import_free(import);
	return status;
}

int
main(int argc, char **argv)
{
	struct onnx_model *model = NULL, *made = NULL;
	snnfit_error err = { SNNFIT_OK, "" };
	snnfit_status status;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: as_new_model IN OUT\n");
		return 2;
	}
	status = onnx_model_read(&model, argv[1], NULL, &err);
	if (status == SNNFIT_OK)
		status = respell(model, &made, &err);
	if (status == SNNFIT_OK)
		status = onnx_model_write(made, argv[2], &err);
	onnx_model_free(made);
	onnx_model_free(model);
	if (status != SNNFIT_OK)
		(void)fprintf(stderr, "as_new_model: %s: error: %s\n", argv[1], err.text);
	return status == SNNFIT_OK ? 0 : status == SNNFIT_EUNSUPPORTED ? 3 : 5;
}
