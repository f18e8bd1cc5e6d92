/* behavioural_redundancy.c - merge neurons whose spike trains agree on the data.
 *
 * With s_i and s_j in {0, 1} over the steps of all samples (and positions), N of them,
 * n_i and n_j the numbers of spikes and n_ij of those shared, two neurons agree in
 *
 *     1 - (n_i + n_j - 2 n_ij) / N      of the steps
 *
 * which says nothing of two neurons that hardly ever spike: they agree in 99 % of the
 * steps whatever they do. So their correlation must be high as well,
 *
 *     c = (N n_ij - n_i n_j) / sqrt(n_i (N - n_i) n_j (N - n_j))  >=  2 agreement - 1
 *
 * which is what an agreement means for neurons that spike in half of the steps, and
 * asks for more of all others: 1 - c^2 is the share of the variance of s_j that a
 * linear function of s_i leaves open. In every reader, the columns of j times the
 * least-squares factor <s_i, s_j> / <s_i, s_i> = n_ij / n_i are added to those of i.
 *
 * In index order, each unit joins the kept unit that it correlates with most, never
 * one that was merged itself. Both conditions bound n_i + n_j - 2 n_ij, which is at
 * least |n_i - n_j|: most pairs are told apart by their numbers of spikes, nearly all
 * others after a few words.
 *
 * Where there is a limit on what accuracy may be lost, the merges of all layers are
 * put in the order of their correlation, and as many of the first are kept as the
 * limit allows, found by halving: log2(n) + 1 measurements at most.
 *
 * needs    spike trains of the calibration data; accuracy where it is limited
 * keeps    accuracy within the limit, if there is one
 * breaks   spike trains, where two did not agree; unit numbers inside a population
 * skips    what redundancy_elimination does, but for dynamics: they are not looked at
 */
#include "opt/merging.h"
#include "opt/pass_list.h"
#include "opt/trains.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct merge_choice {
	population_id population;
	uint32_t kept, gone;
	double correlation, agreement, factor;
};

struct choices {
	struct merge_choice *items;
	size_t count, capacity;
	struct arena *arena;
};

/* Two neurons, counted. */
struct overlap {
	double steps, first, second, apart;
};

/* --- one pair ---------------------------------------------------------------------- */

static double
shared(const struct overlap *overlap)
{
	return (overlap->first + overlap->second - overlap->apart) / 2.0;
}

/* sqrt of the variances, times N^2. */
static double
spread(const struct overlap *overlap)
{
	return sqrt(overlap->first * (overlap->steps - overlap->first)) *
	       sqrt(overlap->second * (overlap->steps - overlap->second));
}

static double
correlation(const struct overlap *overlap)
{
	return (overlap->steps * shared(overlap) - overlap->first * overlap->second) /
	       spread(overlap);
}

static double
agreement(const struct overlap *overlap)
{
	return 1.0 - overlap->apart / overlap->steps;
}

/* The most that `apart` may be; below 0: the pair cannot agree. Rounded up: what is
 * close to it is judged by both conditions. */
static double
most_apart(const struct overlap *overlap, double bound)
{
	double least = (overlap->first * overlap->second + (2.0 * bound - 1.0) * spread(overlap)) /
		       overlap->steps;
	double by_correlation = overlap->first + overlap->second - 2.0 * least;

	return ceil(fmin(by_correlation, (1.0 - bound) * overlap->steps));
}

static bool
agrees(const struct overlap *overlap, double bound)
{
	/* Room for the rounding of bounds that are written in decimals. */
	return agreement(overlap) >= bound - 1e-12 &&
	       correlation(overlap) >= 2.0 * bound - 1.0 - 1e-12;
}

/* --- one population ----------------------------------------------------------------- */

struct search {
	const struct activity *activity;
	const struct spike_trains *trains;
	population_id population;
	double bound;
	double *spikes;	   /* [units] */
	uint32_t *leaders; /* those kept, in index order */
	uint32_t leader_count;
};

static bool
overlap_of(const struct search *search, uint32_t first, uint32_t second, struct overlap *out)
{
	const struct spike_trains *trains = search->trains;
	double limit;

	out->steps = (double)train_steps(search->activity, trains);
	out->first = search->spikes[first];
	out->second = search->spikes[second];
	limit = most_apart(out, search->bound);
	if (fabs(out->first - out->second) > limit)
		return false;
	out->apart = (double)spikes_apart(train_of(search->activity, trains, first),
					  train_of(search->activity, trains, second),
					  train_words(search->activity, trains), (uint64_t)limit);
	return out->apart <= limit && agrees(out, search->bound);
}

/* False: no kept unit agrees with it. */
static bool
find_leader(const struct search *search, uint32_t unit, struct merge_choice *out)
{
	struct overlap overlap;
	uint32_t i;

	*out = (struct merge_choice){ .population = search->population, .gone = unit };
	for (i = 0; i < search->leader_count; i++) {
		uint32_t leader = search->leaders[i];

		if (!overlap_of(search, leader, unit, &overlap) ||
		    !(correlation(&overlap) > out->correlation))
			continue;
		out->kept = leader;
		out->correlation = correlation(&overlap);
		out->agreement = agreement(&overlap);
		out->factor = shared(&overlap) / overlap.first;
	}
	return out->correlation > 0.0;
}

/* Neurons that never spike, or always, vary with nothing. */
static bool
varies(const struct search *search, uint32_t unit)
{
	double steps = (double)train_steps(search->activity, search->trains);

	return search->spikes[unit] > 0.0 && search->spikes[unit] < steps;
}

static snnfit_status
choose(struct search *search, struct choices *choices, snnfit_error *err)
{
	uint32_t units = search->trains->units, unit;
	struct merge_choice choice;

	search->spikes = arena_alloc(choices->arena, units, sizeof *search->spikes);
	search->leaders = arena_alloc(choices->arena, units, sizeof *search->leaders);
	if (!search->spikes || !search->leaders)
		return error_no_memory(err);
	for (unit = 0; unit < units; unit++) {
		const uint64_t *train = train_of(search->activity, search->trains, unit);

		search->spikes[unit] = (double)spikes_in(
			train, train_words(search->activity, search->trains));
		if (!varies(search, unit))
			continue;
		if (!find_leader(search, unit, &choice)) {
			search->leaders[search->leader_count++] = unit;
			continue;
		}
		if (!arena_grow(choices->arena, &choices->items, choices->count, &choices->capacity,
				sizeof *choices->items))
			return error_no_memory(err);
		choices->items[choices->count++] = choice;
	}
	return SNNFIT_OK;
}

/* --- all populations ------------------------------------------------------------------ */

static const char *
population_reason(const struct population *population)
{
	if (population->kind != POPULATION_SPIKING)
		return "it is not a spiking layer in normal form";
	if (population->neuron.counts)
		return "its neurons spike several times a step";
	return NULL;
}

static snnfit_status
look_at(struct pass_context *context, const struct merging *merging,
	const struct activity *activity, population_id id, struct choices *choices,
	snnfit_error *err)
{
	const struct population *population = &merging->graph->populations[id];
	struct search search = { .activity = activity,
				 .population = id,
				 .bound = context->options->behavioural_agreement };
	const char *reason;
	snnfit_status status = merging_reason(merging, id, &reason, err);

	if (status != SNNFIT_OK)
		return status;
	if (!reason)
		reason = population_reason(population);
	if (!reason && !activity)
		reason = "its spike trains are not known: data are needed (--inputs)";
	if (!reason) {
		search.trains = trains_of(activity, merging->graph, id);
		if (!search.trains || train_steps(activity, search.trains) == 0)
			reason = "its spike trains could not be recorded";
	}
	if (reason)
		return pass_skip(context, population->name, reason, err);
	return choose(&search, choices, err);
}

static int
by_correlation(const void *a, const void *b)
{
	const struct merge_choice *x = a, *y = b;

	if (x->correlation != y->correlation)
		return x->correlation > y->correlation ? -1 : 1;
	if (x->population != y->population)
		return x->population < y->population ? -1 : 1;
	return x->gone < y->gone ? -1 : x->gone > y->gone;
}

static snnfit_status
choose_all(struct pass_context *context, const struct graph *graph, struct choices *choices,
	   snnfit_error *err)
{
	const struct calibration *calibration = context->options->calibration;
	const struct activity *activity = NULL;
	struct merging merging;
	snnfit_status status = merging_open(&merging, graph, choices->arena, err);
	population_id id;

	if (status == SNNFIT_OK && calibration && calibration->record)
		status = calibration->record(calibration->context, graph, &activity, err);
	for (id = 0; id < graph->population_count && status == SNNFIT_OK; id++)
		if (!graph->populations[id].removed)
			status = look_at(context, &merging, activity, id, choices, err);
	if (status == SNNFIT_OK && choices->count > 0)
		qsort(choices->items, choices->count, sizeof *choices->items, by_correlation);
	if (activity)
		context->report->samples_recorded = activity->samples;
	return status;
}

/* --- how many of them ------------------------------------------------------------------- */

/* Those of the first `count` that are of this population. */
static snnfit_status
merge_population(struct graph *graph, population_id id, const struct choices *choices, size_t count,
		 snnfit_error *err)
{
	uint32_t units = population_units(graph, id), unit;
	uint32_t *kept = arena_alloc(choices->arena, units, sizeof *kept);
	double *factor = arena_zalloc(choices->arena, units, sizeof *factor);
	bool any = false;
	size_t i;

	if (!kept || !factor)
		return error_no_memory(err);
	for (unit = 0; unit < units; unit++)
		kept[unit] = unit;
	for (i = 0; i < count; i++) {
		const struct merge_choice *choice = &choices->items[i];

		if (choice->population != id)
			continue;
		kept[choice->gone] = choice->kept;
		factor[choice->gone] = choice->factor;
		any = true;
	}
	return any ? merge_units(graph, graph->populations[id].axis, kept, factor, err) : SNNFIT_OK;
}

static snnfit_status
merge_first(struct graph *graph, const struct choices *choices, size_t count, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	population_id id;

	for (id = 0; id < graph->population_count && status == SNNFIT_OK; id++)
		if (!graph->populations[id].removed)
			status = merge_population(graph, id, choices, count, err);
	return status;
}

static snnfit_status
is_allowed(const struct calibration *calibration, const struct graph *graph,
	   const struct choices *choices, size_t count, bool *out, snnfit_error *err)
{
	const struct measurement *measured;
	struct graph *trial;
	snnfit_status status = graph_copy(&trial, graph, err);

	if (status != SNNFIT_OK)
		return status;
	status = merge_first(trial, choices, count, err);
	if (status == SNNFIT_OK)
		status = calibration->measure(calibration->context, trial, &measured, err);
	if (status == SNNFIT_OK)
		*out = calibration_allows(calibration, measured);
	graph_free(trial);
	return status;
}

/* *count is allowed, or 0; the next one is not. */
static snnfit_status
find_allowed(const struct pass_context *context, const struct graph *graph,
	     const struct choices *choices, size_t *count, snnfit_error *err)
{
	const struct calibration *calibration = context->options->calibration;
	size_t low = 0, high = choices->count + 1, middle = choices->count;
	snnfit_status status = SNNFIT_OK;
	bool allowed;

	*count = choices->count;
	if (!calibration_limits(calibration))
		return SNNFIT_OK;
	for (; high - low > 1 && status == SNNFIT_OK; middle = low + (high - low) / 2) {
		status = is_allowed(calibration, graph, choices, middle, &allowed, err);
		if (status == SNNFIT_OK && allowed)
			low = middle;
		else
			high = middle;
	}
	*count = low;
	return status;
}

/* --- the pass ----------------------------------------------------------------------------- */

static snnfit_status
report_left(struct pass_context *context, const struct graph *graph, const struct choices *choices,
	    size_t count, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	population_id id;
	size_t i;

	for (id = 0; id < graph->population_count && status == SNNFIT_OK; id++) {
		uint64_t left = 0;
		char reason[120];

		for (i = count; i < choices->count; i++)
			left += choices->items[i].population == id;
		(void)snprintf(reason, sizeof reason,
			       "%llu of its units agree with another one, but merging them would "
			       "cost too much accuracy",
			       (unsigned long long)left);
		if (left > 0)
			status = pass_skip(context, graph->populations[id].name, reason, err);
	}
	return status;
}

static void
report_merged(struct pass_report *report, const struct choices *choices, size_t count)
{
	size_t i;

	report->changed = count > 0;
	report->redundant_pairs_merged = count;
	for (i = 0; i < count; i++)
		if (i == 0 || choices->items[i].agreement < report->least_agreement)
			report->least_agreement = choices->items[i].agreement;
}

snnfit_status
behavioural_redundancy(struct pass_context *context, struct graph *graph, snnfit_error *err)
{
	struct arena scratch = { 0 };
	struct choices choices = { .arena = &scratch };
	snnfit_status status = choose_all(context, graph, &choices, err);
	size_t count = 0;

	if (status == SNNFIT_OK && choices.count > 0)
		status = find_allowed(context, graph, &choices, &count, err);
	if (status == SNNFIT_OK)
		status = report_left(context, graph, &choices, count, err);
	if (status == SNNFIT_OK && count > 0)
		status = merge_first(graph, &choices, count, err);
	report_merged(context->report, &choices, count);
	arena_free(&scratch);
	return status;
}
