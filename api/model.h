/* model.h - what a snnfit_model is: the ONNX model as it was read, and the network in it. */
#ifndef SNNFIT_API_MODEL_H
#define SNNFIT_API_MODEL_H

#include "graph/graph.h"
#include "importer/importer.h"
#include "importer/rates.h"
#include "proto/model.h"

struct snnfit_model {
	struct arena arena;	 /* of what the read options said */
	struct onnx_model *onnx; /* as it was read; NULL: made of arrays */
	struct import_options import_options;
	struct rates_options rates_options;
	struct import *import;
	struct graph *graph;	     /* NULL until somebody asks for the network */
	struct onnx_model *exported; /* what the graph has become, as it will be written */
	bool is_snapshot;	     /* of a pipeline at work: exported when it is written */
};

/* The network in the model, imported with its rates the first time. */
MUST_USE snnfit_status model_graph(struct snnfit_model *model, struct graph **graph,
				   snnfit_error *err);

/* The graph as ONNX, with its rates and its neuron map in the metadata. Notes for
 * people are appended, one line each. */
MUST_USE snnfit_status model_export(const struct snnfit_model *model, const struct graph *graph,
				    struct onnx_model **out, struct text *notes, snnfit_error *err);

/* The model takes over both. */
void model_replace(struct snnfit_model *model, struct graph *graph, struct onnx_model *exported);

#endif
