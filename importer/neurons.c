/* neurons.c - which weight operations drive one population, and where its sites and states are. */
#include "importer/neurons.h"

#include "importer/claims.h"
#include "importer/instances.h"
#include "importer/normal_form.h"
#include "importer/unrolled_form.h"

#include <string.h>

struct finder {
	struct neurons *neurons;
	struct polynomials *polynomials;
	struct axes *axes;
	const struct states *states;
	uint32_t *leader;     /* [weight_count]: union-find */
	struct axis *stacked; /* [weight_count], of a leader whose group is one after the other */
};

/* --- grouping ------------------------------------------------------------------------------ */

static uint32_t
find_leader(uint32_t *leader, uint32_t weight)
{
	while (leader[weight] != weight) {
		leader[weight] = leader[leader[weight]];
		weight = leader[weight];
	}
	return weight;
}

static void
join(struct finder *finder, uint32_t a, uint32_t b)
{
	uint32_t leader = a > b ? b : a;

	if (!finder->stacked[leader].count)
		finder->stacked[leader] = finder->stacked[a > b ? a : b];
	finder->leader[a > b ? a : b] = leader;
}

/* The operation puts currents, and nothing else, one after the other: its units are
 * one population's. */
static bool
stacks_currents(const struct finder *finder, const struct operation *operation)
{
	const struct polynomials *context = finder->polynomials;
	const struct polynomial *p;
	uint32_t i;

	if (!operation_is(operation, "Concat") || operation->constant ||
	    operation->result_count != 1 || operation->results[0] == NO_VALUE)
		return false;
	p = context->of[operation->results[0]];
	for (i = 0; p && i < p->count; i++)
		if (p->terms[i].degree > 1 ||
		    (p->terms[i].degree &&
		     context->atoms[p->terms[i].atoms[0]].kind != ATOM_CURRENT))
			return false;
	return p && p->count && p->terms[p->count - 1].degree == 1 &&
	       p->terms[p->count - 1].coefficient.count > 1;
}

static void
group_stacked(struct finder *finder, const struct operation *operation)
{
	const struct polynomials *context = finder->polynomials;
	const struct polynomial *p = context->of[operation->results[0]];
	const struct tensor_axes *tensor = &finder->axes->tensors[operation->results[0]];
	struct axis units =
		tensor->axes[tensor->rank - 1 - p->terms[p->count - 1].coefficient.place];
	uint32_t i, weight, first = NO_VALUE;

	for (i = 0; i < p->count; i++) {
		if (!p->terms[i].degree)
			continue;
		weight = context->currents[context->atoms[p->terms[i].atoms[0]].number].weight;
		weight = find_leader(finder->leader, weight);
		if (first != NO_VALUE)
			join(finder, first, weight);
		first = find_leader(finder->leader, weight);
		finder->stacked[first] = units;
	}
}

/* The axis of the population that the operation drives a part of, or its own. */
static struct axis
units_of_group(const struct finder *finder, uint32_t leader)
{
	return finder->stacked[leader].count ? finder->stacked[leader]
					     : finder->axes->weights[leader].units;
}

/* Currents that are added up drive the same population. */
static void
group_currents(struct finder *finder, const struct polynomial *p)
{
	const struct polynomials *context = finder->polynomials;
	uint32_t i, weight, first = NO_VALUE;

	for (i = 0; p && i < p->count; i++) {
		const struct atom *atom;

		if (p->terms[i].degree != 1)
			continue; /* a constant has no atoms at all */
		atom = &context->atoms[p->terms[i].atoms[0]];
		if (atom->kind != ATOM_CURRENT)
			continue;
		weight = find_leader(finder->leader, context->currents[atom->number].weight);
		if (first == NO_VALUE)
			first = weight;
		else if (first != weight && axis_equal(finder->axes, units_of_group(finder, first),
						       units_of_group(finder, weight)))
			join(finder, first, weight);
		first = find_leader(finder->leader, first);
	}
}

static snnfit_status
group_weights(struct finder *finder, snnfit_error *err)
{
	const struct axes *axes = finder->axes;
	struct neurons *neurons = finder->neurons;
	snnfit_status status;
	uint32_t i;

	finder->leader = arena_alloc(axes->arena, axes->weight_count, sizeof(uint32_t));
	neurons->of_weight = arena_alloc(axes->arena, axes->weight_count, sizeof(uint32_t));
	neurons->populations = arena_zalloc(axes->arena, axes->weight_count,
					    sizeof *neurons->populations);
	finder->stacked = arena_zalloc(axes->arena, axes->weight_count, sizeof *finder->stacked);
	if (!finder->leader || !finder->stacked || !neurons->of_weight || !neurons->populations)
		return error_no_memory(err);
	status = instances_find(neurons, finder->axes, err);
	if (status)
		return status;
	for (i = 0; i < axes->weight_count; i++)
		finder->leader[i] = neurons->first_instance[i];
	for (i = 0; i < axes->program->operation_count; i++)
		if (stacks_currents(finder, &axes->program->operations[i]))
			group_stacked(finder, &axes->program->operations[i]);
	for (i = 0; i < axes->program->value_count; i++)
		group_currents(finder, finder->polynomials->of[i]);
	for (i = 0; i < axes->weight_count; i++) {
		uint32_t leader = find_leader(finder->leader, i);

		neurons->of_weight[i] = leader == i ? (uint32_t)neurons->count++
						    : neurons->of_weight[leader];
		neurons->populations[neurons->of_weight[i]].weight_count +=
			neurons->first_instance[i] == i;
	}
	return SNNFIT_OK;
}

static snnfit_status
list_weights(struct finder *finder, snnfit_error *err)
{
	struct axes *axes = finder->axes;
	struct neurons *neurons = finder->neurons;
	uint32_t i;

	for (i = 0; i < neurons->count; i++) {
		struct found_population *p = &neurons->populations[i];

		p->weights = arena_alloc(axes->arena, p->weight_count, sizeof *p->weights);
		p->gains = arena_zalloc(axes->arena, p->weight_count, sizeof *p->gains);
		if (!p->weights || !p->gains)
			return error_no_memory(err);
		p->weight_count = 0;
		p->spike_site = p->late_site = NO_VALUE;
		p->kind = POPULATION_CUSTOM;
	}
	for (i = 0; i < axes->weight_count; i++) {
		struct found_population *p = &neurons->populations[neurons->of_weight[i]];

		p->units = axis_resolve(axes,
					units_of_group(finder, find_leader(finder->leader, i)));
		if (neurons->first_instance[i] == i)
			p->weights[p->weight_count++] = i;
	}
	return SNNFIT_OK;
}

/* --- sites and states ------------------------------------------------------------- */

/* The population whose drive the site tests, or NO_VALUE. */
static uint32_t
population_of_drive(struct finder *finder, const struct site *site)
{
	const struct polynomials *context = finder->polynomials;
	const struct polynomial *p = site->argument;
	uint32_t i, j, number;

	for (i = 0; i < p->count; i++)
		for (j = 0; j < p->terms[i].degree; j++) {
			const struct atom *atom = &context->atoms[p->terms[i].atoms[j]];

			if (atom->kind != ATOM_CURRENT)
				continue;
			number = finder->neurons->of_weight[context->currents[atom->number].weight];
			if (population_is_on(finder->axes, site->value,
					     &finder->neurons->populations[number]))
				return number;
		}
	return NO_VALUE;
}

/* The sites that test a population's drive. The first is that of its spikes; of the
 * others those that are the same of a later step, which have a potential as it has. */
static bool
is_spike_site(const struct finder *finder, const struct found_population *population, uint32_t i)
{
	const struct site *site = &finder->polynomials->sites[i];
	const struct site *first;

	if (population->spike_site == NO_VALUE)
		return true;
	first = &finder->polynomials->sites[population->spike_site];
	return first->potential != NO_VALUE && site->potential != NO_VALUE &&
	       site->kind == first->kind;
}

static void
set_steps_of_weights(struct finder *finder, const struct polynomial *p, uint32_t step)
{
	const struct polynomials *context = finder->polynomials;
	uint32_t i;

	for (i = 0; i < p->count; i++) {
		const struct atom *atom = &context->atoms[p->terms[i].atoms[0]];
		uint32_t *at;

		if (p->terms[i].degree != 1 || atom->kind != ATOM_CURRENT)
			continue;
		at = &finder->neurons->step_of_weight[context->currents[atom->number].weight];
		*at = *at == NO_VALUE ? step : *at;
	}
}

/* With the count that it guards, if it does. */
static void
own_site(struct finder *finder, uint32_t number, uint32_t i)
{
	struct neurons *neurons = finder->neurons;
	uint32_t count = finder->polynomials->sites[i].spikes;
	uint32_t step = neurons->populations[number].site_count++;

	neurons->owners[i] = (struct site_owner){ number, step, count != NO_VALUE };
	if (count != NO_VALUE)
		neurons->owners[count] = (struct site_owner){ number, step, false };
}

static snnfit_status
find_spike_sites(struct finder *finder, snnfit_error *err)
{
	struct neurons *neurons = finder->neurons;
	struct arena *arena = finder->axes->arena;
	uint32_t count = (uint32_t)finder->polynomials->site_count, i;

	neurons->owners = arena_alloc(arena, count, sizeof *neurons->owners);
	neurons->step_of_weight = arena_alloc(arena, finder->axes->weight_count, sizeof(uint32_t));
	if (!neurons->owners || !neurons->step_of_weight)
		return error_no_memory(err);
	for (i = 0; i < count; i++)
		neurons->owners[i] = (struct site_owner){ NO_VALUE, NO_VALUE, false };
	memset(neurons->step_of_weight, 0xff, finder->axes->weight_count * sizeof(uint32_t));
	for (i = 0; i < count; i++) {
		const struct site *site = &finder->polynomials->sites[i];
		uint32_t number = site->kind >= SITE_COUNT ? NO_VALUE
							   : population_of_drive(finder, site);
		struct found_population *population;

		if (number == NO_VALUE)
			continue;
		population = &neurons->populations[number];
		if (!is_spike_site(finder, population, i))
			continue;
		if (population->spike_site == NO_VALUE)
			population->spike_site = i;
		own_site(finder, number, i);
		set_steps_of_weights(finder, site->argument, neurons->owners[i].step);
	}
	return SNNFIT_OK;
}

static snnfit_status
list_sites(struct finder *finder, snnfit_error *err)
{
	struct neurons *neurons = finder->neurons;
	uint32_t i;

	for (i = 0; i < neurons->count; i++) {
		struct found_population *p = &neurons->populations[i];

		p->sites = arena_alloc(finder->axes->arena, p->site_count, sizeof *p->sites);
		if (!p->sites)
			return error_no_memory(err);
	}
	for (i = 0; i < finder->polynomials->site_count; i++) {
		const struct site_owner *owner = &neurons->owners[i];

		if (owner->population != NO_VALUE &&
		    finder->polynomials->sites[i].kind < SITE_COUNT)
			neurons->populations[owner->population].sites[owner->step] = i;
	}
	return SNNFIT_OK;
}

/* Its test of the last step's membrane gives its spikes of the last step. */
static void
set_late_owner(struct neurons *neurons, uint32_t number)
{
	uint32_t late = neurons->populations[number].late_site;

	if (late != NO_VALUE && neurons->owners[late].population == NO_VALUE)
		neurons->owners[late] = (struct site_owner){ number, NO_VALUE, false };
}

/* Its state passes the interface; or all of its steps are in the file, or one. */
static void
fit(struct finder *finder, struct found_population *found)
{
	struct neurons *neurons = finder->neurons;
	struct polynomials *context = finder->polynomials;
	bool inside = !found->state_count && found->spike_site != NO_VALUE &&
		      context->sites[found->spike_site].potential != NO_VALUE;

	if (inside && found->site_count > 1)
		unrolled_form_fit(neurons, found, context);
	else if (inside)
		resting_form_fit(neurons, found, context);
	else
		normal_form_fit(found, context, finder->states);
	if (found->spike_site != NO_VALUE || found->state_count)
		return;
	if (neurons->next_instance[found->weights[0]] != NO_VALUE)
		read_out_form_fit(neurons, found, context);
	else
		resting_read_out_fit(neurons, found, context);
}

/* A single unit may be broadcast to neurons of different numbers. */
static bool
numbers_are_per_unit(const struct found_population *found, uint64_t units)
{
	uint32_t i;

	for (i = 0; i < FOUND_NUMBERS; i++)
		if (found->numbers[i].count > 1 && found->numbers[i].count != units)
			return false;
	return true;
}

/* Numbers that overflow, or were none in the file, are no form; nor are numbers of
 * something else than the units. */
static void
fit_known(struct finder *finder, struct found_population *found)
{
	uint64_t units = axis_size(finder->polynomials->axes, found->units);

	fit(finder, found);
	if (!normal_form_is_finite(found) || !numbers_are_per_unit(found, units))
		normal_form_give_up(found, finder->polynomials);
}

snnfit_status
neurons_find(struct neurons *neurons, struct polynomials *polynomials, const struct states *states,
	     snnfit_error *err)
{
	struct finder finder = { neurons, polynomials, polynomials->axes, states, NULL, NULL };
	snnfit_status status;
	uint32_t i;

	*neurons = (struct neurons){ 0 };
	status = group_weights(&finder, err);
	if (!status)
		status = list_weights(&finder, err);
	if (!status)
		status = find_spike_sites(&finder, err);
	if (!status && !populations_claim_states(neurons, polynomials, states))
		return error_no_memory(err);
	if (!status)
		status = list_sites(&finder, err);
	for (i = 0; !status && i < neurons->count; i++) {
		fit_known(&finder, &neurons->populations[i]);
		set_late_owner(neurons, i);
	}
	/* Whatever it was: what follows relies on all that was found. */
	if (!status && polynomials->arena->failed)
		return error_no_memory(err);
	return status;
}
