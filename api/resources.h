/* resources.h - the resource report (docs/cli.md): from what was found to JSON. */
#ifndef SNNFIT_API_RESOURCES_H
#define SNNFIT_API_RESOURCES_H

#include "api/calibrator.h"
#include "api/json.h"
#include "estimator/estimate.h"
#include "opt/fit.h"

/* A model at a design point on a device. */
struct costing {
	struct design design;
	struct estimate estimate;
};

/* What a report is made of; NULL: not known, and left out. */
struct findings {
	const snnfit_options *options;
	const struct graph *graph; /* as it is now */
	const struct device *device;
	const struct costing *before, *after; /* with a device only */
	const struct optimize_report *passes;
	const struct fit_result *fit;
	struct accuracy_change accuracy;
	/* Whether to count zeros, which reads all weights. Where nothing else has read
	 * them they are left alone: a dead neuron goes at the speed of a copy. */
	bool count_zeros;
	const char *notes; /* for people, one line each */
};

/* A new reference; NULL on failure. */
MUST_USE snnfit_status resources_document(json_t **out, const struct findings *findings,
					  snnfit_error *err);

/* Warnings about a result, as sentences appended to array: layers of few
 * weights, and neurons that the estimate leaves out (docs/estimator.md).
 * layers: of the document. */
void append_caveats(struct json_builder *builder, json_t *array, const struct findings *findings,
		    const json_t *layers);

/* What to try next, as an array of sentences; NULL when out of memory. */
json_t *advice(const struct findings *findings);

#endif
