/* exporter.h - from the SNN graph back to ONNX. The input model stays the truth:
 * a clone of it is edited, so that what was not understood survives. */
#ifndef SNNFIT_EXPORTER_EXPORTER_H
#define SNNFIT_EXPORTER_EXPORTER_H

#include "graph/graph.h"
#include "proto/model.h"

/* input: the model that graph was imported from (graph->bindings refers to it).
 * What people should know (a wider type than the width asks for, because the
 * opset could not be raised) is appended to notes, one line each; NULL: dropped.
 * SNNFIT_EUNSUPPORTED names what cannot be written and why. *out is NULL then. */
MUST_USE snnfit_status export_model(struct onnx_model **out, const struct onnx_model *input,
				    const struct graph *graph, struct text *notes,
				    snnfit_error *err);
/* A graph made in memory: a new model of one time step, its neurons as functions
 * of the domain `snnfit`, states as inputs and outputs (docs/metadata.md). */
MUST_USE snnfit_status export_graph(struct onnx_model **out, const struct graph *graph,
				    struct text *notes, snnfit_error *err);

/* Sets metadata_props[key] of the model (copied), in place if it is there, else
 * appended. */
MUST_USE snnfit_status metadata_set(struct onnx_model *model, const char *key, const char *value,
				    snnfit_error *err);
/* Takes the key away, if it is there. */
void metadata_remove(struct onnx_model *model, const char *key);
/* NULL when the key is not there. Valid as long as the model. */
const char *metadata_get(const struct onnx_model *model, const char *key);
/* Writes snn.firing_rates (taken away when the graph has no rates) and
 * snn.neuron_map (composed with the one that is there). model: what export_model
 * or export_graph made, or the input model when no unit has gone. */
MUST_USE snnfit_status metadata_write(struct onnx_model *model, const struct graph *graph,
				      snnfit_error *err);

#endif
