/* importer.h - from an ONNX model to the SNN graph and its bindings.
 *
 * Axes are followed, not patterns: every operator says what it does to axes, so
 * the importer knows what must be cut together whatever neuron model the
 * exporter spelled out. What is not understood freezes a unit axis, with the
 * reason. */
#ifndef SNNFIT_IMPORTER_IMPORTER_H
#define SNNFIT_IMPORTER_IMPORTER_H

#include "graph/graph.h"
#include "proto/model.h"

struct import; /* what lazily read weights and the bindings need */

struct import_options {
	const char *const *states; /* "IN=OUT" pairings that the file does not tell */
	size_t state_count;
};

/* model must outlive *import, *import the graph and its copies. Rates are not
 * attached yet (importer/rates.h). options NULL: none. SNNFIT_EUNSUPPORTED when
 * there is no spiking, relu or custom population. */
MUST_USE snnfit_status import_model(struct graph **graph, struct import **import,
				    const struct onnx_model *model,
				    const struct import_options *options, snnfit_error *err);
void import_free(struct import *import);

#endif
