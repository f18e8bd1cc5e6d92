#include "exporter/exporter.h"

#include "exporter/edit.h"

/* The whole export: declared shapes first, while the interface is as the
 * bindings know it; then what a fused population leaves behind goes, so that
 * nobody cuts for readers that are gone. */
static snnfit_status
apply(struct edit *edit, snnfit_error *err)
{
	snnfit_status status = shapes_cut(edit, err);

	if (status == SNNFIT_OK)
		status = fusion_rewire(edit, err);
	if (status == SNNFIT_OK)
		status = constants_cut(edit, err);
	if (status == SNNFIT_OK)
		status = weights_write(edit, err);
	if (status == SNNFIT_OK)
		status = carriers_cut(edit, err);
	if (status == SNNFIT_OK)
		status = dead_nodes_remove(edit, err);
	if (status == SNNFIT_OK)
		status = edit_finish(edit, err);
	return status;
}

snnfit_status
export_model(struct onnx_model **out, const struct onnx_model *input, const struct graph *graph,
	     struct text *notes, snnfit_error *err)
{
	struct edit edit;
	snnfit_status status;

	*out = NULL;
	status = edit_begin(&edit, input, graph, notes, err);
	if (status == SNNFIT_OK)
		status = apply(&edit, err);
	edit_end(&edit, status != SNNFIT_OK);
	*out = edit.model;
	return status;
}
