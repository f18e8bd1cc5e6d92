/* always_firing_elimination.c - fold neurons that spike in every step into biases.
 *
 *     U[t] = decay V[t] + D[t],  D[t] >= low (drive_bounds.h),  V[0] = 0,  decay >= 0
 *
 * With c at the threshold, a neuron spikes in every step if it starts over c, and from
 * over c gets over c again whatever comes in:
 *
 *     U[0] = D[0] >= low > c
 *     U > c  =>  next U = decay V + D  >=  decay c + low          no reset
 *                                          decay (c - r) + low    subtract, now
 *                                          decay c - r + low      subtract, late
 *                                          decay r + low          set, now or late    > c
 *
 * A reset of both kinds comes once or twice; of c alone, the next U cannot be told, but
 * it is enough that it is over c either way. A late reset looks at V[0], which must not
 * be over the threshold itself. For >= instead of > all of the above is with >=.
 *
 * Such a unit gives its readers silent + spike in every step: W (silent + spike) goes
 * into their biases.
 *
 * Rounding: a step is off by at most 2^-20 (or the e of drive_bounds.h, if that is more)
 * of the sizes of what it adds up: low, decay c, decay r, c and r at U = c. That is left
 * free. What U is more than c adds decay times as much to the next U, and less than that
 * to its rounding. Only a membrane that was set may have lost a part of U, which can be
 * large: there the largest drive counts as well.
 *
 * needs    spiking neurons in normal form, an initial state of zero; the range of the
 *          model's input for layers that read it
 * keeps    every output spike, for every input in the range (lossless): up to rounding,
 *          as sums are added up in another order
 * breaks   unit numbers inside a population
 * skips    frozen axes, outputs of the model, dynamics that are not in normal form,
 *          inputs without a bound, recurrent readers (there is no spike before the
 *          first step), readers that pad; one unit stays where all would go. Units that
 *          only did spike in every step of the data are counted and left alone
 */
#include "opt/drive_bounds.h"
#include "opt/pass_list.h"

#include <math.h>
#include <stdio.h>

/* --- one unit ------------------------------------------------------------------ */

struct step {
	double decay, reset;
	double low, high; /* of what comes in */
	double over;	  /* c */
	double rounding;  /* a share */
};

/* The lowest that the next U can be after a spike at U = c. */
static double
lowest_next(const struct neuron *neuron, const struct step *step)
{
	double kept = step->decay * step->over + step->low;

	if (neuron->reset == RESET_NONE)
		return kept;
	if (neuron->reset == RESET_SET)
		return step->decay * step->reset + step->low;
	switch (neuron->reset_timing) {
	case RESET_NOW:
		return kept - step->decay * step->reset;
	case RESET_LATE:
		return kept - step->reset;
	case RESET_BOTH:
		return kept - step->decay * step->reset - fmax(step->reset, 0.0);
	}
	return -INFINITY;
}

/* What one step may be off by. */
static double
step_error(const struct neuron *neuron, const struct step *step)
{
	double size = fabs(step->low) + fabs(step->over) + fabs(step->reset) +
		      step->decay * (fabs(step->over) + fabs(step->reset));

	if (neuron->reset == RESET_SET)
		size += fabs(step->high) + step->decay * fabs(step->high);
	return step->rounding * size;
}

static struct step
step_of(const struct neuron *neuron, uint32_t unit, const struct drive_bound *bound)
{
	double threshold = parameter_at(&neuron->threshold, unit);

	return (struct step){
		.decay = parameter_at(&neuron->decay, unit),
		.reset = neuron->reset != RESET_NONE && neuron->reset_value.count
				 ? parameter_at(&neuron->reset_value, unit)
				 : 0.0,
		.low = membrane_input_least(neuron, unit, bound),
		.high = membrane_input_most(neuron, unit, bound),
		.over = threshold + DYNAMICS_MARGIN * fabs(threshold),
		.rounding = fmax(DYNAMICS_MARGIN, drive_rounding(bound)),
	};
}

/* The rounding of U does not grow faster than what U gives to the next one. */
static bool
forgets_slowly(const struct neuron *neuron, const struct step *step)
{
	return neuron->reset == RESET_SET || step->decay == 0.0 || step->decay >= step->rounding;
}

static bool
always_fires(const struct neuron *neuron, uint32_t unit, const struct drive_bound *bound)
{
	struct step step = step_of(neuron, unit, bound);
	bool late = neuron->reset != RESET_NONE && neuron->reset_timing != RESET_NOW;
	double lowest = fmin(step.low, lowest_next(neuron, &step)) - step_error(neuron, &step);

	if (!(step.decay >= 0.0) || !forgets_slowly(neuron, &step) || (late && step.over <= 0.0))
		return false;
	if (neuron->comparison == COMPARE_GREATER)
		return lowest > step.over;
	return lowest >= step.over;
}

/* --- one population -------------------------------------------------------------- */

/* Spikes that are counted are as many as there is drive for. */
static void
leave_counts(const struct drive_bounds *bounds)
{
	const struct graph *graph = bounds->graph;
	population_id id;

	for (id = 0; id < graph->population_count; id++) {
		const struct population *population = &graph->populations[id];
		struct unit_plan *plan = &bounds->plans[population->axis];

		if (!population->removed && !plan->reason && population->neuron.counts)
			plan->reason = "its neurons spike several times a step";
	}
}

static bool
fired_in_every_step(const struct population *population, uint32_t unit)
{
	uint32_t i;

	for (i = 0; i < population->positions; i++)
		if (population->rates[(size_t)unit * population->positions + i] != 1.0)
			return false;
	return true;
}

/* Rates of graded spikes may be 1 without that. */
static bool
rates_tell(const struct population *population)
{
	return population->rates && population->kind == POPULATION_SPIKING &&
	       !population_is_graded(population);
}

static snnfit_status
report_unproved(struct pass_context *context, const struct drive_bounds *bounds, population_id id,
		snnfit_error *err)
{
	const struct population *population = &bounds->graph->populations[id];
	const struct unit_plan *plan = &bounds->plans[population->axis];
	uint32_t units = bounds->graph->axes[population->axis].units, count = 0, unit;
	char reason[160];

	if (!rates_tell(population))
		return SNNFIT_OK;
	for (unit = 0; unit < units; unit++)
		if ((plan->reason || !plan->gone[unit]) && fired_in_every_step(population, unit))
			count++;
	if (count == 0)
		return SNNFIT_OK;
	context->report->always_firing_neurons_unproved += count;
	(void)snprintf(
		reason, sizeof reason,
		"%u of its units spiked in every step of the data, which does not prove that "
		"they always do",
		count);
	return pass_skip(context, population->name, reason, err);
}

/* --- the pass ---------------------------------------------------------------------- */

static bool
is_free(const struct graph *graph, const struct population *population)
{
	return !population->removed && !population->output && !graph->axes[population->axis].frozen;
}

static snnfit_status
find_firing(struct pass_context *context, struct drive_bounds *bounds, snnfit_error *err)
{
	const struct graph *graph = bounds->graph;
	snnfit_status status = drive_bounds_plan(bounds, always_fires, err);
	population_id id;

	if (status == SNNFIT_OK)
		leave_counts(bounds);
	for (id = 0; status == SNNFIT_OK && id < graph->population_count; id++)
		if (is_free(graph, &graph->populations[id]))
			status = report_unproved(context, bounds, id, err);
	return status;
}

snnfit_status
always_firing_elimination(struct pass_context *context, struct graph *graph, snnfit_error *err)
{
	struct arena scratch = { 0 };
	struct drive_bounds bounds = { .graph = graph,
				       .options = context->options,
				       .scratch = &scratch };
	snnfit_status status = find_firing(context, &bounds, err);

	if (status == SNNFIT_OK)
		status = unit_plans_apply(context, graph, bounds.plans, UNIT_FIRING,
					  "all its units spike in every step: one unit kept",
					  &context->report->always_firing_neurons_folded, err);
	arena_free(&scratch);
	return status;
}
