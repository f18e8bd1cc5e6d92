/* drive_bounds.h - between which ends the drive of a neuron stays, whatever the inputs are.
 *
 *     D[t] = sum_j gain W_ij x_j[t] + offset
 *
 * Interval arithmetic as in Moore, Interval Analysis, 1966: each input stands at its
 * better end for the upper bound and at its worse end for the lower one; a spike column
 * is at silent or silent + spike, an input of the model at the ends of its range.
 *
 * Rounding: a runtime sums n terms t in float32, in an order that we do not know;
 * the sum is off by at most e sum |t|, e = n 2^-24 / (1 - n 2^-24) (Higham,
 * Accuracy and Stability of Numerical Algorithms, section 4.2). As t + e |t| and
 * t - e |t| grow with t, the computed drive is at most the sum of h + e |h| over the
 * largest values h of the terms, and at least that of l - e |l| over the smallest: an
 * input that pulls the other way costs no margin. Twice that e is taken, with 8 more
 * terms for gain, BatchNorm and offset. Sums of terms of one sign keep it in floating
 * point. */
#ifndef SNNFIT_OPT_DRIVE_BOUNDS_H
#define SNNFIT_OPT_DRIVE_BOUNDS_H

#include "opt/units.h"

/* Relative, left free on decay and threshold: room for the rounding of a step. */
#define DYNAMICS_MARGIN 0x1p-20

/* Of one unit: what the smallest and the largest values of its terms add up to, and
 * their sizes; and how many they are. */
struct drive_bound {
	double low, high, low_size, high_size;
	double terms;
	bool falls, rises; /* some term can be < 0, > 0 */
};

struct drive_bounds {
	const struct graph *graph;
	const struct pass_options *options;
	struct arena *scratch;
	struct unit_plan *plans; /* [axis_count] */
	bool *spiking; /* [axis_count]: all that is on the axis spikes once a step at most */
	struct drive_bound **of; /* [population_count][units]; NULL: not looked at */
};

/* Whether a unit's spikes are the same ones in every step, by the bound of its drive. */
typedef bool (*unit_proof)(const struct neuron *neuron, uint32_t unit,
			   const struct drive_bound *bound);

/* Finds the bounds and makes the plans (graph, options and scratch are given): those units
 * go of which it is proved. Plans get a reason where neurons are not in normal form, do
 * not start at zero, or read what has no bound. Memory is scratch's. */
MUST_USE snnfit_status drive_bounds_plan(struct drive_bounds *bounds, unit_proof proof,
					 snnfit_error *err);

/* Share of the sizes of its terms that a computed drive may be off by; or infinite. */
double drive_rounding(const struct drive_bound *bound);
/* What is added to the membrane in a step, by graph.h's normal form, is never more
 * (less), in no step from the first on: the drive, or what a synaptic current that
 * starts at 0 makes of it. Infinite: it has no bound. */
double membrane_input_most(const struct neuron *neuron, uint32_t unit,
			   const struct drive_bound *bound);
double membrane_input_least(const struct neuron *neuron, uint32_t unit,
			    const struct drive_bound *bound);

/* Bound of x[t+1] = decay x[t] + step from x[0] = 0, never under 0. */
double accumulated_most(double step, double decay);

#endif
