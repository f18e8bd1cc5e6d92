/* calibrator.h - runs networks on the way on the data of the options, for opt. */
#ifndef SNNFIT_API_CALIBRATOR_H
#define SNNFIT_API_CALIBRATOR_H

#include "api/recorded.h"
#include "api/samples.h"
#include "api/simulation.h"
#include "graph/digest.h"
#include "opt/calibration.h"

struct calibrator {
	const struct snnfit_model *model;
	snnfit_simulate_options options;
	struct samples samples;
	struct measured *measured;  /* each graph once */
	struct emissions emissions; /* what earlier runs leave to later ones */
	struct recorded recorded;   /* of the last graph that was recorded */
	uint8_t recorded_digest[GRAPH_DIGEST_BYTES];
	struct calibration calibration; /* what opt sees */
	const double *range;		/* points to ends, or NULL: no range was given */
	double ends[2];			/* lowest and highest value of the inputs */
	struct text notes;		/* one line each */
};

/* Reads the data and runs the model that came in: its accuracy, with labels, and the
 * firing rates of a network that has none. graph is a copy of the model's; states that
 * begin elsewhere than at zero are no longer said to start there. data: of the options
 * (NULL: nothing to do). To be freed, also on failure; stays where it is. */
MUST_USE snnfit_status calibrator_begin(struct calibrator *calibrator,
					const struct snnfit_model *model, struct graph *graph,
					const snnfit_options *options, snnfit_error *err);
void calibrator_free(struct calibrator *calibrator);

/* For the options of opt: NULL without data. */
const struct calibration *calibrator_get(const struct calibrator *calibrator);

/* Accuracy before, and of the graph: NULL without labels. */
struct accuracy_change {
	const struct measurement *before, *after;
};
MUST_USE snnfit_status calibrator_compare(const struct calibrator *calibrator,
					  const struct graph *graph, struct accuracy_change *out,
					  snnfit_error *err);

#endif
