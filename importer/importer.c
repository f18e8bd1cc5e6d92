#include "importer/importer.h"

#include "importer/bind.h"

#include <stdlib.h>

/* The whole import: spell out, fold, follow axes, read polynomials, pair states,
 * find neurons, bind. */
static snnfit_status
analyse(struct import *import, const struct onnx_model *model, const struct import_options *options,
	struct graph *graph, snnfit_error *err)
{
	struct arena *arena = &import->arena;
	snnfit_status status;

	if (!onnx_model_proto(model)->graph)
		return error_set(err, SNNFIT_EFORMAT, "the model has no graph");
	status = program_build(&import->program, arena, model, err);
	if (!status)
		status = constants_fold(&import->constants, &import->program, arena, err);
	if (!status)
		status = axes_follow(&import->axes, &import->program, &import->constants, arena,
				     err);
	if (!status)
		status = polynomials_build(&import->polynomials, &import->axes, arena, err);
	if (!status)
		status = states_pair(&import->states, &import->axes, &import->polynomials, options,
				     err);
	if (!status)
		status = neurons_find(&import->neurons, &import->polynomials, &import->states, err);
	if (!status)
		status = bind_graph(import, graph, err);
	/* What there was no memory to find out is not unknown. */
	if (!status && arena->failed)
		status = error_no_memory(err);
	return status;
}

snnfit_status
import_model(struct graph **graph, struct import **import, const struct onnx_model *model,
	     const struct import_options *options, snnfit_error *err)
{
	snnfit_status status;

	*graph = NULL;
	*import = calloc(1, sizeof **import);
	if (!*import)
		return error_no_memory(err);
	status = graph_new(graph, err);
	if (!status)
		status = analyse(*import, model, options, *graph, err);
	if (!status)
		status = graph_verify(*graph, err);
	if (status) {
		graph_free(*graph);
		import_free(*import);
		*graph = NULL;
		*import = NULL;
	}
	return status;
}

void
import_free(struct import *import)
{
	if (!import)
		return;
	arena_free(&import->arena);
	free(import);
}
