/* model.c - a model's life: read, understood when asked, written. */
#include "api/model.h"

#include "api/options.h"
#include "exporter/exporter.h"

#include <stdlib.h>
#include <string.h>

/* --- reading ------------------------------------------------------------ */

static snnfit_status
copy_string(struct arena *arena, const char *from, const char **out, snnfit_error *err)
{
	*out = from ? arena_strdup(arena, from) : NULL;
	return from && !*out ? error_no_memory(err) : SNNFIT_OK;
}

static snnfit_status
copy_states(struct snnfit_model *model, const snnfit_read_options *options, snnfit_error *err)
{
	const char **states = arena_zalloc(&model->arena, options->state_count,
					   sizeof *model->import_options.states);
	snnfit_status status = states ? SNNFIT_OK : error_no_memory(err);

	for (size_t i = 0; i < options->state_count && status == SNNFIT_OK; i++)
		status = copy_string(&model->arena, options->states[i], &states[i], err);
	model->import_options.states = states;
	model->import_options.state_count = options->state_count;
	return status;
}

static snnfit_status
model_new(struct snnfit_model **out, const snnfit_read_options *options, snnfit_error *err)
{
	struct snnfit_model *model = calloc(1, sizeof *model);
	snnfit_status status = SNNFIT_OK;

	*out = model;
	if (!model)
		return error_no_memory(err);
	status = copy_string(&model->arena, options->rates, &model->rates_options.path, err);
	if (status == SNNFIT_OK)
		status = copy_string(&model->arena, options->rates_axes, &model->rates_options.axes,
				     err);
	if (status == SNNFIT_OK)
		status = copy_states(model, options, err);
	return status;
}

static struct onnx_limits
limits_of(const snnfit_read_options *options)
{
	struct onnx_limits limits = onnx_limits_default;

	if (options->limits.depth)
		limits.depth = options->limits.depth;
	if (options->limits.messages)
		limits.messages = options->limits.messages;
	if (options->limits.message_bytes)
		limits.message_bytes = options->limits.message_bytes;
	if (options->limits.operations)
		limits.operations = options->limits.operations;
	return limits;
}

/* On failure, nothing stays of what was begun. */
static snnfit_status
hand_over(snnfit_model **out, struct snnfit_model *model, snnfit_status status)
{
	if (status != SNNFIT_OK) {
		snnfit_model_free(model);
		model = NULL;
	}
	*out = model;
	return status;
}

snnfit_status
snnfit_model_read(snnfit_model **out, const char *path, const snnfit_read_options *given,
		  snnfit_error *err)
{
	struct snnfit_model *model = NULL;
	snnfit_read_options options;
	struct onnx_limits limits;
	snnfit_status status;

	*out = NULL;
	status = read_options_get(&options, given, err);
	if (status == SNNFIT_OK)
		status = model_new(&model, &options, err);
	if (status == SNNFIT_OK) {
		limits = limits_of(&options);
		status = onnx_model_read(&model->onnx, path, &limits, err);
	}
	return hand_over(out, model, status);
}

snnfit_status
snnfit_model_read_bytes(snnfit_model **out, const void *bytes, size_t length,
			const snnfit_read_options *given, snnfit_error *err)
{
	struct snnfit_model *model = NULL;
	snnfit_read_options options;
	struct onnx_limits limits;
	snnfit_status status;

	*out = NULL;
	status = read_options_get(&options, given, err);
	if (status == SNNFIT_OK)
		status = model_new(&model, &options, err);
	if (status == SNNFIT_OK) {
		limits = limits_of(&options);
		status = onnx_model_read_bytes(&model->onnx, bytes, length, options.folder, &limits,
					       err);
	}
	return hand_over(out, model, status);
}

void
snnfit_model_free(snnfit_model *model)
{
	if (!model)
		return;
	graph_free(model->graph);
	import_free(model->import);
	onnx_model_free(model->exported);
	onnx_model_free(model->onnx);
	arena_free(&model->arena);
	free(model);
}

/* --- the network in it ---------------------------------------------------- */

snnfit_status
model_graph(struct snnfit_model *model, struct graph **graph, snnfit_error *err)
{
	struct import *import = NULL;
	struct graph *made = NULL;
	snnfit_status status = SNNFIT_OK;

	if (!model->graph) {
		status = import_model(&made, &import, model->onnx, &model->import_options, err);
		if (status == SNNFIT_OK)
			status = rates_attach(made, model->onnx, &model->rates_options, err);
		if (status != SNNFIT_OK) {
			graph_free(made);
			import_free(import);
			return status;
		}
		model->graph = made;
		model->import = import;
	}
	*graph = model->graph;
	return SNNFIT_OK;
}

/* --- what becomes of it -------------------------------------------------------- */

snnfit_status
model_export(const struct snnfit_model *model, const struct graph *graph, struct onnx_model **out,
	     struct text *notes, snnfit_error *err)
{
	snnfit_status status;

	if (model->onnx)
		status = export_model(out, model->onnx, graph, notes, err);
	else
		status = export_graph(out, graph, notes, err);
	if (status != SNNFIT_OK)
		return status;
	status = metadata_write(*out, graph, err);
	if (status != SNNFIT_OK) {
		onnx_model_free(*out);
		*out = NULL;
	}
	return status;
}

void
model_replace(struct snnfit_model *model, struct graph *graph, struct onnx_model *exported)
{
	graph_free(model->graph);
	onnx_model_free(model->exported);
	model->graph = graph;
	model->exported = exported;
}

/* Nothing but the metadata of the model that was read changes. */
static snnfit_status
annotate_input(struct snnfit_model *model, snnfit_error *err)
{
	struct onnx_model *annotated;
	snnfit_status status = onnx_model_clone(&annotated, model->onnx, err);

	if (status != SNNFIT_OK)
		return status;
	status = metadata_write(annotated, model->graph, err);
	if (status == SNNFIT_OK)
		model->exported = annotated;
	else
		onnx_model_free(annotated);
	return status;
}

snnfit_status
snnfit_annotate(snnfit_model *model, snnfit_error *err)
{
	struct graph *graph;
	snnfit_status status = model_graph(model, &graph, err);

	if (status != SNNFIT_OK)
		return status;
	if (!graph_has_rates(graph))
		return error_set(err, SNNFIT_EDATA,
				 "no layer has firing rates; give them with --rates FILE");
	/* Whatever else is exported carries its rates. */
	return model->onnx && !model->exported ? annotate_input(model, err) : SNNFIT_OK;
}

/* --- writing ---------------------------------------------------------------- */

/* What is to be written; *made is the caller's to free. */
static snnfit_status
model_to_write(const struct snnfit_model *model, struct onnx_model **out, struct onnx_model **made,
	       snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;

	*made = NULL;
	*out = model->exported ? model->exported : model->onnx;
	if (model->is_snapshot || !*out) {
		status = model_export(model, model->graph, made, NULL, err);
		*out = *made;
	}
	return status;
}

snnfit_status
snnfit_model_write(snnfit_model *model, const char *path, snnfit_error *err)
{
	struct onnx_model *writes, *made;
	snnfit_status status = model_to_write(model, &writes, &made, err);

	if (status == SNNFIT_OK)
		status = onnx_model_write(writes, path, err);
	onnx_model_free(made);
	return status;
}

snnfit_status
snnfit_model_write_bytes(snnfit_model *model, void **bytes, size_t *length, snnfit_error *err)
{
	struct onnx_model *writes, *made;
	snnfit_status status = model_to_write(model, &writes, &made, err);

	*bytes = NULL;
	*length = 0;
	if (status == SNNFIT_OK)
		status = onnx_model_write_bytes(writes, bytes, length, err);
	onnx_model_free(made);
	return status;
}

snnfit_status
snnfit_model_text(snnfit_model *model, char **text, snnfit_error *err)
{
	struct text out = { .chars = NULL };
	struct graph *graph;
	snnfit_status status = model_graph(model, &graph, err);

	*text = NULL;
	if (status == SNNFIT_OK)
		status = graph_print(graph, &out, err);
	if (status == SNNFIT_OK) {
		*text = text_take(&out);
		if (!*text)
			status = error_no_memory(err);
	}
	text_free(&out);
	return status;
}
