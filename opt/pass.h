/* pass.h - a pass is a function on the graph; the pipeline is a table of them. */
#ifndef SNNFIT_OPT_PASS_H
#define SNNFIT_OPT_PASS_H

#include "opt/calibration.h"

struct pass_options {
	double dead_below;	/* rates at most this are dead; 0 */
	bool input_range_known; /* --input-range */
	double input_low, input_high;
	double redundancy_cosine;     /* merge above; 0.99 */
	bool redundancy_norm;	      /* also merge norms further apart than 1 % */
	double behavioural_agreement; /* share of the steps; merge from there on; 0.99 */
	double fusion_activity;	      /* largest rate of a near-silent population; 0.01 */
	double prune_threshold;	      /* weights with |w| (or |w| rate) at most this go; 0.01 */
	bool prune_by_rate;
	uint32_t quantize_bits; /* 2 to 16; 8 */
	bool quantize_per_tensor;
	const struct calibration *calibration; /* NULL: no data */
};

extern const struct pass_options pass_options_default;

struct pass_skip {
	const char *layer, *reason;
};

/* What one pass did (FORMATS section 3, `passes`). Memory is the report's arena. */
struct pass_report {
	const char *name;
	bool changed;
	uint64_t dead_neurons_removed, unread_neurons_removed, silent_neurons_removed,
		always_firing_neurons_folded, redundant_pairs_merged, layers_fused, weights_pruned,
		weights_quantized;
	uint64_t always_firing_neurons_unproved; /* spiked in every step of the data: left alone */
	double drive_error_bound; /* redundancy: largest |change of a reader's drive| per step */
	double drive_variance_change; /* fusion: of the next layer's drive, relative */
	uint64_t layers_fitted;	      /* of those fused: with the map of least squares */
	double fusion_r2; /* share of the drive's variance that it keeps, the least of them */
	uint64_t samples_recorded; /* that spike trains were looked at of; 0: none were */
	double least_agreement;	   /* of the spike trains that were merged; 0: none were */
	struct pass_skip *skipped;
	size_t skipped_count, skipped_capacity;
	uint32_t undone; /* changes of it that cost too much accuracy; not counted above */
};

struct pass_context {
	const struct pass_options *options;
	struct arena *arena; /* of the report; lives on */
	struct pass_report *report;
};

/* Decides, counts, then mutates; graph may be half changed on failure (the driver
 * runs it on a copy). */
typedef snnfit_status (*pass_function)(struct pass_context *context, struct graph *graph,
				       snnfit_error *err);

struct pass {
	const char *name, *help;
	bool by_default;
	bool lossless;	    /* keeps every output spike, for every input in the range */
	bool reads_weights; /* all of them; else as a rule they stay in the file unread */
	pass_function run;
};

extern const struct pass passes[]; /* ends with a NULL name; in the order they run by default */
const struct pass *pass_find(const char *name); /* NULL: unknown */

/* What the network was after a pass had changed it. */
struct pass_change {
	const char *pass;
	bool undone; /* and the network is again what it was before */
	uint64_t neurons, parameters;
	uint64_t nonzero;		    /* of the parameters; where accuracy was measured */
	const struct measurement *accuracy; /* the calibration's; NULL: not measured */
};

struct optimize_report {
	struct arena arena;
	struct pass_report *passes; /* one a pass named, rounds added up */
	size_t pass_count;
	struct pass_change *changes; /* in the order in which they happened */
	size_t change_count, change_capacity;
};

/* Called after every pass that changed something for good (--dump-after, --save-steps). */
typedef snnfit_status (*optimize_observer)(void *context, const char *pass,
					   const struct graph *graph, snnfit_error *err);

/* Runs the passes named (comma-separated; NULL: the default ones; "none": none)
 * on copies of *graph, verifies after each, repeats until nothing changes, and
 * replaces *graph. Where the options have a calibration with labels, accuracy is
 * measured after each change, and one that takes it below the limit is undone; the
 * other passes go on. On failure *graph is unchanged. */
MUST_USE snnfit_status optimize(struct graph **graph, const char *names,
				const struct pass_options *options, optimize_observer observer,
				void *context, struct optimize_report *report, snnfit_error *err);
void optimize_report_free(struct optimize_report *report);

/* Notes a layer that the pass leaves alone and why; both are copied. */
MUST_USE snnfit_status pass_skip(struct pass_context *context, const char *layer,
				 const char *reason, snnfit_error *err);

#endif
