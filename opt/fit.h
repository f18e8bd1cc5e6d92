/* fit.h - fit to a target: rungs of a ladder, each a recorded step, until it fits.
 *
 * One iteration halves the bitstream length, where the architecture has one above
 * the minimum; else it prunes (at 0.003 first, tripled each time) and quantizes (14
 * bits first, 2 less each time, 4 at least). A rung counts when it lowers a
 * resource of which too much is used; else it is skipped, and its threshold or bits
 * move on all the same, so that the ladder ends. A halving that was skipped is not
 * tried again. Pruning that would leave a layer without weights ends the ladder.
 *
 * With a calibration, a step that would take accuracy below the limit is skipped, and its
 * kind is over: smaller thresholds and more bits were kept before. The other kind goes
 * on. Bitstreams are not simulated: a halving has no accuracy. */
#ifndef SNNFIT_OPT_FIT_H
#define SNNFIT_OPT_FIT_H

#include "graph/cost.h"
#include "opt/pass.h"

/* The initial bitstream length is the design's: 256. */
struct fit_options {
	uint32_t max_iterations;	       /* 10 */
	uint32_t minimum_bitstream_length;     /* 32 */
	const struct calibration *calibration; /* NULL: no data */
};

struct fit_step {
	/* "halve bitstream length to 128", "prune at 0.003" or "quantize to 14 bits" */
	const char *action;
	double lut_before, lut_after;
	double sparsity; /* after */
	uint32_t bitstream_length, weight_bits;
	const struct measurement *accuracy; /* the calibration's; NULL: not measured */
};
struct fit_skip {
	const char *action, *reason;
};

struct fit_result {
	struct arena arena;
	bool fits;
	struct cost before, after; /* names of layers are copies */
	struct design design;	   /* the final one */
	double sparsity;	   /* share of the weights that are 0 */
	uint32_t weight_bits;	   /* of the widest projection; float ones take the design's */
	uint32_t iterations;
	bool stopped; /* at the end, a layer would have been pruned to nothing */
	bool limited; /* a step would have cost too much accuracy */
	struct fit_step *steps;
	size_t step_count, step_capacity;
	size_t kept_steps; /* the model found is the one after so many of them */
	struct fit_skip *skipped;
	size_t skipped_count, skipped_capacity;
};

/* Called after every recorded step (--save-steps). */
typedef snnfit_status (*fit_observer)(void *context, const struct fit_step *step,
				      const struct graph *graph, snnfit_error *err);

/* Climbs the ladder on copies of *graph and replaces it by the best model found,
 * which fits when result->fits; otherwise it is the one that comes closest (the
 * smallest worst high / available of the checked resources, none available counting
 * as one; of equals the first).
 * On failure *graph is unchanged and *result empty. */
MUST_USE snnfit_status fit_ladder(struct graph **graph, const struct design *design,
				  const struct fit_options *options, cost_function cost,
				  void *cost_context, fit_observer observer, void *observer_context,
				  struct fit_result *result, snnfit_error *err);
void fit_result_free(struct fit_result *result);

#endif
