/* silent_neuron_elimination.c - remove neurons that can never reach their threshold.
 *
 *     U[t] = decay V[t] + D[t],  D[t] <= peak (drive_bounds.h)
 *     V[0] = 0, and V[t+1] = U[t] as long as the neuron has not spiked
 * =>  U[t] <= max(peak, 0) / (1 - decay)   for 0 <= decay < 1
 *     U[t] <= 0                            for peak <= 0 and any decay >= 0
 *
 * A neuron that has not spiked has not been reset, so by induction over the steps
 * no kind of reset matters. A synaptic current i[t+1] = decay_i i[t] + D[t] is
 * bounded in the same way first. 2^-20 relative is left free on decay and threshold
 * for rounding.
 *
 * needs    spiking neurons in normal form, an initial state of zero; the range of
 *          the model's input for layers that read it
 * keeps    every output spike, for every input in the range (lossless)
 * breaks   unit numbers inside a population
 * skips    frozen axes, outputs of the model, dynamics that are not in normal
 *          form, inputs without a bound; one unit stays where all would go
 */
#include "opt/drive_bounds.h"
#include "opt/pass_list.h"

#include <math.h>

static bool
stays_silent(const struct neuron *neuron, uint32_t unit, const struct drive_bound *bound)
{
	double threshold = parameter_at(&neuron->threshold, unit);
	double limit = threshold - DYNAMICS_MARGIN * fabs(threshold);
	double input = membrane_input_most(neuron, unit, bound);
	double highest = accumulated_most(input, parameter_at(&neuron->decay, unit));

	if (neuron->comparison == COMPARE_GREATER)
		return highest <= limit;
	return highest < limit;
}

snnfit_status
silent_neuron_elimination(struct pass_context *context, struct graph *graph, snnfit_error *err)
{
	struct arena scratch = { 0 };
	struct drive_bounds bounds = { .graph = graph,
				       .options = context->options,
				       .scratch = &scratch };
	snnfit_status status = drive_bounds_plan(&bounds, stays_silent, err);

	if (status == SNNFIT_OK)
		status = unit_plans_apply(context, graph, bounds.plans, UNIT_SILENT,
					  "no unit can reach its threshold: one unit kept",
					  &context->report->silent_neurons_removed, err);
	arena_free(&scratch);
	return status;
}
