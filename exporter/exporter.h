/* exporter.h - from the SNN graph back to ONNX. The input model stays the truth:
 * a clone of it is edited, so that what was not understood survives. */
#ifndef SNNFIT_EXPORTER_EXPORTER_H
#define SNNFIT_EXPORTER_EXPORTER_H

#include "graph/graph.h"
#include "proto/model.h"

/* input: the model that graph was imported from (graph->bindings refers to it). */
MUST_USE snnfit_status export_model(struct onnx_model **out, const struct onnx_model *input,
				    const struct graph *graph, snnfit_error *err);
/* A graph made in memory: a new model, its neurons as model-local functions. */
MUST_USE snnfit_status export_graph(struct onnx_model **out, const struct graph *graph,
				    snnfit_error *err);

/* Sets metadata_props[key] of the model (copied), in place if it is there, else
 * appended. */
MUST_USE snnfit_status metadata_set(struct onnx_model *model, const char *key, const char *value,
				    snnfit_error *err);
/* NULL when the key is not there. Valid as long as the model. */
const char *metadata_get(const struct onnx_model *model, const char *key);
/* Writes snn.firing_rates (when the graph has rates) and snn.neuron_map. */
MUST_USE snnfit_status metadata_write(struct onnx_model *model, const struct graph *graph,
				      snnfit_error *err);

#endif
