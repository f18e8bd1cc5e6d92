/* rates.h - firing rates from every place that docs/FORMATS.md lists, onto the graph. */
#ifndef SNNFIT_IMPORTER_RATES_H
#define SNNFIT_IMPORTER_RATES_H

#include "graph/graph.h"
#include "proto/model.h"

struct rates_options {
	const char *path; /* --rates FILE (.json, .npz, .npy), or NULL: only the model's own */
	const char *axes; /* --rates-axes ("TN", "NTU", ...), or NULL */
};

/* Sets population.rates ([units][positions]) for every population that rates are
 * given for, rates_tensor, rates_samples and rates_steps. model NULL: a graph
 * made in memory. Order of precedence and matching: FORMATS section 2; what was
 * matched otherwise than by name, and conflicts, go to the graph's notes. */
MUST_USE snnfit_status rates_attach(struct graph *graph, const struct onnx_model *model,
				    const struct rates_options *options, snnfit_error *err);

#endif
