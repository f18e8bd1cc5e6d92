/* search.h - which architecture: the one that fits with the least change, else the closest. */
#ifndef SNNFIT_API_SEARCH_H
#define SNNFIT_API_SEARCH_H

#include "estimator/estimate.h"
#include "opt/fit.h"

struct search {
	const snnfit_options *options; /* checked */
	const struct device *device;
	const struct calibration *calibration; /* NULL: no data */
	fit_observer observer; /* NULL: none; sees the steps of the chosen architecture only */
	void *observer_context;
};

/* The ladder for the architecture asked for, or for each: fewest iterations, then
 * smallest worst used / available. With a limit of accuracy not for sc, whose bitstreams
 * are not simulated, unless it is asked for. Replaces *graph; on failure it stays as it was,
 * and *result is empty. */
MUST_USE snnfit_status search_fit(const struct search *search, struct graph **graph,
				  struct fit_result *result, snnfit_error *err);

/* Without changing the graph: sets design->architecture. */
MUST_USE snnfit_status search_architecture(const struct graph *graph, const struct device *device,
					   struct design *design, snnfit_error *err);

#endif
