/* neurons.h - populations and their dynamics, read from the polynomials. */
#ifndef SNNFIT_IMPORTER_NEURONS_H
#define SNNFIT_IMPORTER_NEURONS_H

#include "importer/states.h"

enum { FOUND_NUMBERS = 9 };

/* A population before it is put into the graph. Coefficients with count 0: none. */
struct found_population {
	uint32_t *weights; /* weight operations into it, the first of each, in program order */
	uint32_t weight_count;
	struct axis units; /* resolved */
	enum population_kind kind;
	uint32_t spike_site, late_site; /* into polynomials.sites, or NO_VALUE */
	uint32_t *sites;		/* the spike site of every step in the file, in order */
	uint32_t site_count;
	bool starts_at_rest; /* the file begins with a membrane of zero, in this form */
	uint32_t *states;    /* into states.pairs, in order */
	uint32_t state_count;

	/* The normal form of graph.h, when kind is spiking or readout. */
	const char *model;
	enum comparison comparison;
	enum reset reset;
	enum reset_timing reset_timing;
	enum current_drives current;
	union {
		struct {
			struct coefficient decay, threshold, reset_value, offset, input_gain,
				current_decay, current_gain, floor, count_limit;
		};
		struct coefficient numbers[FOUND_NUMBERS]; /* the same: all that may be known */
	};
	struct coefficient *gains; /* [weight_count]: of each operation's current in U */
	bool counts;
};

struct neurons {
	struct found_population *populations;
	size_t count;
	uint32_t *of_weight; /* [axes.weight_count]: its population */
	/* The same weights between the same units, read again at another step: instances
	 * of one operation. [axes.weight_count] each. */
	uint32_t *first_instance;
	uint32_t *next_instance;   /* in program order; NO_VALUE ends */
	uint32_t *step_of_weight;  /* [axes.weight_count]: the step that it drives, or NO_VALUE */
	struct site_owner *owners; /* [polynomials.site_count] */
};

/* Whose spikes a site is, NO_VALUE: nobody's; and of which step. */
struct site_owner {
	uint32_t population, step;
	bool guard; /* of a count: it is not the spikes itself */
};

MUST_USE snnfit_status neurons_find(struct neurons *neurons, struct polynomials *polynomials,
				    const struct states *states, snnfit_error *err);

#endif
