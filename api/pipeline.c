/* pipeline.c - the picture in docs/ARCHITECTURE.md, on one screen:
 *
 *     model -> graph -> passes -> ladder -> graph' -> ONNX model', report
 *                     measure()  cost(), measure()
 *
 * Work is done on copies; the model takes over the result only at the end. */
#include "api/calibrator.h"
#include "api/model.h"
#include "api/options.h"
#include "api/report.h"
#include "api/resources.h"
#include "api/search.h"
#include "exporter/exporter.h"

#include <stdlib.h>

/* One call: what was asked for, and what has come of it so far. */
struct pipeline {
	snnfit_model *model;
	snnfit_options options;
	struct device device;
	bool has_device;
	struct graph *graph; /* the model's, copied */
	struct calibrator calibrator;
	struct accuracy_change accuracy;
	struct optimize_report passes;
	bool has_passes;
	struct fit_result fit;
	bool has_fit;
	struct costing before, after;
	bool has_before, has_after;
	struct onnx_model *exported;
	struct text notes;
};

static snnfit_status
begin(struct pipeline *pipeline, snnfit_model *model, const snnfit_options *options,
      snnfit_error *err)
{
	struct graph *graph;
	snnfit_status status;

	*pipeline = (struct pipeline){ .model = model };
	status = options_get(&pipeline->options, options, err);
	if (status == SNNFIT_OK && options_have_target(&pipeline->options)) {
		status = options_device(&pipeline->options, &pipeline->device, err);
		pipeline->has_device = status == SNNFIT_OK;
	}
	if (status == SNNFIT_OK)
		status = model_graph(model, &graph, err);
	if (status == SNNFIT_OK)
		status = graph_copy(&pipeline->graph, graph, err);
	return status;
}

static void
end(struct pipeline *pipeline)
{
	optimize_report_free(&pipeline->passes);
	fit_result_free(&pipeline->fit);
	estimate_free(&pipeline->before.estimate);
	estimate_free(&pipeline->after.estimate);
	graph_free(pipeline->graph);
	onnx_model_free(pipeline->exported);
	calibrator_free(&pipeline->calibrator);
	text_free(&pipeline->notes);
}

static snnfit_status
need_target(const struct pipeline *pipeline, snnfit_error *err)
{
	struct device none;

	return pipeline->has_device ? SNNFIT_OK : options_device(&pipeline->options, &none, err);
}

/* --- watching ------------------------------------------------------------- */

/* Shows the model as it would be written now. */
static snnfit_status
show(struct pipeline *pipeline, const char *action, const struct graph *graph, snnfit_error *err)
{
	snnfit_model snapshot = *pipeline->model;
	snnfit_status status;

	snapshot.is_snapshot = true;
	status = graph_copy(&snapshot.graph, graph, err);
	if (status != SNNFIT_OK)
		return status;
	status = pipeline->options.observer(pipeline->options.observer_context, action, &snapshot,
					    err);
	graph_free(snapshot.graph);
	return status;
}

static snnfit_status
show_pass(void *pipeline, const char *pass, const struct graph *graph, snnfit_error *err)
{
	return show(pipeline, pass, graph, err);
}

static snnfit_status
show_step(void *pipeline, const struct fit_step *step, const struct graph *graph, snnfit_error *err)
{
	return show(pipeline, step->action, graph, err);
}

/* --- the stages -------------------------------------------------------------- */

/* The data are read, and the model that came in is run on them. */
static snnfit_status
measure_input(struct pipeline *pipeline, snnfit_error *err)
{
	return calibrator_begin(&pipeline->calibrator, pipeline->model, pipeline->graph,
				&pipeline->options, err);
}

static snnfit_status
run_passes(struct pipeline *pipeline, snnfit_error *err)
{
	struct pass_options options = options_passes(&pipeline->options);
	optimize_observer observer = pipeline->options.observer ? show_pass : NULL;

	options.calibration = calibrator_get(&pipeline->calibrator);
	pipeline->has_passes = true;
	return optimize(&pipeline->graph, pipeline->options.passes, &options, observer, pipeline,
			&pipeline->passes, err);
}

static snnfit_status
run_ladder(struct pipeline *pipeline, snnfit_error *err)
{
	struct search search = {
		.options = &pipeline->options,
		.device = &pipeline->device,
		.calibration = calibrator_get(&pipeline->calibrator),
		.observer = pipeline->options.observer ? show_step : NULL,
		.observer_context = pipeline,
	};

	pipeline->has_fit = true;
	return search_fit(&search, &pipeline->graph, &pipeline->fit, err);
}

static snnfit_status
estimate_with(struct pipeline *pipeline, const struct graph *graph, const struct design *design,
	      struct costing *out, snnfit_error *err)
{
	out->design = *design;
	return estimate(graph, design, &pipeline->device, &out->estimate, err);
}

/* The model's cost now, and at the same architecture when it came in. */
static snnfit_status
estimate_both(struct pipeline *pipeline, snnfit_error *err)
{
	struct design design = options_design(&pipeline->options);
	snnfit_status status = SNNFIT_OK;

	if (!pipeline->has_device)
		return SNNFIT_OK;
	if (pipeline->has_fit)
		design = pipeline->fit.design;
	else if (options_any_architecture(&pipeline->options))
		status = search_architecture(pipeline->graph, &pipeline->device, &design, err);
	if (status == SNNFIT_OK)
		status = estimate_with(pipeline, pipeline->graph, &design, &pipeline->after, err);
	pipeline->has_after = status == SNNFIT_OK;
	if (status != SNNFIT_OK || !pipeline->has_passes)
		return status;
	design.bitstream_length = pipeline->options.bitstream_length;
	status = estimate_with(pipeline, pipeline->model->graph, &design, &pipeline->before, err);
	pipeline->has_before = status == SNNFIT_OK;
	return status;
}

static snnfit_status
measure_result(struct pipeline *pipeline, snnfit_error *err)
{
	return calibrator_compare(&pipeline->calibrator, pipeline->graph, &pipeline->accuracy, err);
}

static snnfit_status
export_result(struct pipeline *pipeline, snnfit_error *err)
{
	return model_export(pipeline->model, pipeline->graph, &pipeline->exported, &pipeline->notes,
			    err);
}

/* --- the report ---------------------------------------------------------------- */

/* Whether anything that was done has looked at all weights. */
static bool
reads_weights(const struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->passes.pass_count; i++)
		if (pass_find(pipeline->passes.passes[i].name)->reads_weights)
			return true;
	return pipeline->has_device;
}

static void
collect_notes(struct pipeline *pipeline)
{
	const struct graph *graph = pipeline->graph;
	const struct design *design = &pipeline->after.design;

	for (size_t i = 0; i < graph->note_count; i++)
		text_printf(&pipeline->notes, "%s\n", graph->notes[i]);
	if (pipeline->calibrator.notes.chars)
		text_append(&pipeline->notes, pipeline->calibrator.notes.chars);
	if (pipeline->accuracy.before && pipeline->has_after &&
	    design->architecture == ARCHITECTURE_SC)
		text_append(&pipeline->notes,
			    "accuracy is that of the network itself: what bitstreams of finite "
			    "length add to it (architecture sc) is not simulated\n");
	if (pipeline->has_fit && options_any_architecture(&pipeline->options) &&
	    calibration_limits(calibrator_get(&pipeline->calibrator)))
		text_append(&pipeline->notes,
			    "architecture sc was not tried: its bitstreams are not simulated, so "
			    "what they cost is not known to stay within --max-accuracy-drop\n");
	if (pipeline->has_after && design->architecture != ARCHITECTURE_SC &&
	    options_speak_of_bitstreams(&pipeline->options))
		text_printf(&pipeline->notes,
			    "the bitstream length is ignored: only architecture sc has bitstreams, "
			    "this is %s\n",
			    architecture_name(design->architecture));
}

static snnfit_status
make_report(struct pipeline *pipeline, snnfit_report **report, snnfit_error *err)
{
	struct findings findings = { .options = &pipeline->options, .graph = pipeline->graph };
	json_t *document;
	snnfit_status status;

	collect_notes(pipeline);
	if (text_failed(&pipeline->notes))
		return error_no_memory(err);
	findings.notes = pipeline->notes.chars;
	findings.count_zeros = reads_weights(pipeline);
	findings.device = pipeline->has_device ? &pipeline->device : NULL;
	findings.before = pipeline->has_before ? &pipeline->before : NULL;
	findings.after = pipeline->has_after ? &pipeline->after : NULL;
	findings.passes = pipeline->has_passes ? &pipeline->passes : NULL;
	findings.fit = pipeline->has_fit ? &pipeline->fit : NULL;
	findings.accuracy = pipeline->accuracy;
	status = resources_document(&document, &findings, err);
	return status == SNNFIT_OK ? report_new(report, document, describe_resources, err) : status;
}

/* The report goes into the model, and both to the caller. */
static snnfit_status
commit(struct pipeline *pipeline, snnfit_report *report, snnfit_error *err)
{
	const char *json = snnfit_report_json(report);
	snnfit_status status = json ? metadata_set(pipeline->exported, "snn.resources", json, err)
				    : error_no_memory(err);

	if (status != SNNFIT_OK)
		return status;
	model_replace(pipeline->model, pipeline->graph, pipeline->exported);
	pipeline->graph = NULL;
	pipeline->exported = NULL;
	return SNNFIT_OK;
}

/* --- the calls -------------------------------------------------------------------- */

static snnfit_status
finish(struct pipeline *pipeline, snnfit_report *made, snnfit_report **report, snnfit_status status)
{
	end(pipeline);
	if (status != SNNFIT_OK || !report) {
		snnfit_report_free(made);
		made = NULL;
	}
	if (report)
		*report = made;
	return status;
}

snnfit_status
snnfit_estimate(snnfit_model *model, const snnfit_options *options, snnfit_report **report,
		snnfit_error *err)
{
	struct pipeline pipeline;
	snnfit_report *made = NULL;
	snnfit_status status = begin(&pipeline, model, options, err);

	if (status == SNNFIT_OK)
		status = need_target(&pipeline, err);
	if (status == SNNFIT_OK)
		status = estimate_both(&pipeline, err);
	if (status == SNNFIT_OK)
		status = make_report(&pipeline, &made, err);
	return finish(&pipeline, made, report, status);
}

/* Without passes, target and data nothing is asked of the model: it may be any ONNX
 * model, and stays as it is. */
static snnfit_status
report_nothing(const snnfit_options *options, snnfit_report **report, snnfit_error *err)
{
	const struct optimize_report no_passes = { .pass_count = 0 };
	const struct findings findings = { .options = options, .passes = &no_passes };
	json_t *document;
	snnfit_status status;

	if (!report)
		return SNNFIT_OK;
	status = resources_document(&document, &findings, err);
	return status == SNNFIT_OK ? report_new(report, document, describe_resources, err) : status;
}

snnfit_status
snnfit_optimize(snnfit_model *model, const snnfit_options *options, snnfit_report **report,
		snnfit_error *err)
{
	struct pipeline pipeline;
	snnfit_report *made = NULL;
	snnfit_options checked;
	snnfit_status status = options_get(&checked, options, err);

	if (report)
		*report = NULL;
	if (status != SNNFIT_OK)
		return status;
	if (options_no_passes(&checked) && !options_have_target(&checked) && !checked.data)
		return report_nothing(&checked, report, err);
	status = begin(&pipeline, model, options, err);
	if (status == SNNFIT_OK)
		status = measure_input(&pipeline, err);
	if (status == SNNFIT_OK)
		status = run_passes(&pipeline, err);
	if (status == SNNFIT_OK)
		status = measure_result(&pipeline, err);
	if (status == SNNFIT_OK)
		status = estimate_both(&pipeline, err);
	if (status == SNNFIT_OK && !options_no_passes(&checked))
		status = export_result(&pipeline, err);
	if (status == SNNFIT_OK)
		status = make_report(&pipeline, &made, err);
	if (status == SNNFIT_OK && pipeline.exported)
		status = commit(&pipeline, made, err);
	return finish(&pipeline, made, report, status);
}

snnfit_status
snnfit_fit(snnfit_model *model, const snnfit_options *options, snnfit_report **report,
	   snnfit_error *err)
{
	struct pipeline pipeline;
	snnfit_report *made = NULL;
	snnfit_status status = begin(&pipeline, model, options, err);

	if (status == SNNFIT_OK)
		status = need_target(&pipeline, err);
	if (status == SNNFIT_OK)
		status = measure_input(&pipeline, err);
	if (status == SNNFIT_OK)
		status = run_passes(&pipeline, err);
	if (status == SNNFIT_OK)
		status = run_ladder(&pipeline, err);
	if (status == SNNFIT_OK)
		status = measure_result(&pipeline, err);
	if (status == SNNFIT_OK)
		status = estimate_both(&pipeline, err);
	if (status == SNNFIT_OK)
		status = export_result(&pipeline, err);
	if (status == SNNFIT_OK)
		status = make_report(&pipeline, &made, err);
	if (status == SNNFIT_OK)
		status = commit(&pipeline, made, err);
	return finish(&pipeline, made, report, status);
}
