/* calibration.h - what a network does on data: how often it is right, when its neurons
 * spike. opt does not know the simulator: api supplies the functions, as it supplies
 * cost (graph/cost.h). Passes find it in their options. */
#ifndef SNNFIT_OPT_CALIBRATION_H
#define SNNFIT_OPT_CALIBRATION_H

#include "graph/graph.h"

struct measurement {
	uint64_t samples, right;
	const uint64_t *rights; /* bit s % 64 of word s / 64: sample s was right */
};

/* When the units of a population spiked, a train for each unit and position. */
struct spike_trains {
	population_id population;
	uint32_t units, positions;
	/* [units][positions][words]; bit i % 64 of word i / 64 of a train: a spike in step
	 * i % steps of sample i / steps. The bits behind the last are 0. */
	const uint64_t *bits;
};

struct activity {
	uint64_t samples, steps;
	uint64_t words; /* of a train: 64 bits each */
	const struct spike_trains *trains;
	size_t count; /* populations whose spikes are known */
};

/* Of the graph as it would be written. A pure function but for context, which owns
 * *out: a measurement for as long as it lives, an activity until the next one. The
 * same graph again costs nothing. */
typedef snnfit_status (*measure_function)(void *context, const struct graph *graph,
					  const struct measurement **out, snnfit_error *err);
typedef snnfit_status (*record_function)(void *context, const struct graph *graph,
					 const struct activity **out, snnfit_error *err);

struct calibration {
	void *context;
	measure_function measure;	  /* NULL: there are no labels */
	record_function record;		  /* NULL: spikes cannot be had */
	const struct measurement *before; /* of the input model; with measure */
	double max_drop;		  /* percentage points below it; 100: no limit */
};

/* Accuracy is to be measured. In both, calibration may be NULL. */
bool calibration_measures(const struct calibration *calibration);
/* There is a limit to keep to. */
bool calibration_limits(const struct calibration *calibration);
/* The measurement does. */
bool calibration_allows(const struct calibration *calibration, const struct measurement *now);
/* Share of the samples that are right. */
double measurement_accuracy(const struct measurement *measurement);

#endif
