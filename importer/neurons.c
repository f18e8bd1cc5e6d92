/* neurons.c - which weight operations drive one population, and where its sites and states are. */
#include "importer/neurons.h"

#include "importer/instances.h"
#include "importer/normal_form.h"

#include <string.h>

struct finder {
	struct neurons *neurons;
	struct polynomials *polynomials;
	struct axes *axes;
	const struct states *states;
	uint32_t *leader; /* [weight_count]: union-find */
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

/* Currents that are added up drive the same population. */
static void
group_currents(struct finder *finder, const struct polynomial *p)
{
	const struct polynomials *context = finder->polynomials;
	uint32_t i, weight, first = NO_VALUE;

	for (i = 0; p && i < p->count; i++) {
		const struct atom *atom = &context->atoms[p->terms[i].atoms[0]];

		if (p->terms[i].degree != 1 || atom->kind != ATOM_CURRENT)
			continue;
		weight = find_leader(finder->leader, context->currents[atom->number].weight);
		if (first == NO_VALUE)
			first = weight;
		else if (axis_equal(finder->axes, finder->axes->weights[first].units,
				    finder->axes->weights[weight].units))
			finder->leader[weight > first ? weight : first] = weight > first ? first
											 : weight;
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
	if (!finder->leader || !neurons->of_weight || !neurons->populations)
		return error_no_memory(err);
	status = instances_find(neurons, finder->axes, err);
	if (status)
		return status;
	for (i = 0; i < axes->weight_count; i++)
		finder->leader[i] = neurons->first_instance[i];
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

		p->units = axis_resolve(axes, axes->weights[i].units);
		if (neurons->first_instance[i] == i)
			p->weights[p->weight_count++] = i;
	}
	return SNNFIT_OK;
}

/* --- sites and states --------------------------------------------------------------------------- */

/* The tensor has a dimension that is the population's units. */
static bool
is_on(struct finder *finder, uint32_t value, const struct found_population *population)
{
	const struct tensor_axes *tensor = &finder->axes->tensors[value];
	uint32_t d;

	if (!population->units.count)
		return true; /* one unit: it has no axis */
	for (d = 0; tensor->known && d < tensor->rank; d++)
		if (axis_equal(finder->axes, tensor->axes[d], population->units))
			return true;
	return false;
}

static bool
has_current_of(struct finder *finder, const struct polynomial *p, uint32_t population)
{
	const struct polynomials *context = finder->polynomials;
	uint32_t i, j;

	for (i = 0; p && i < p->count; i++)
		for (j = 0; j < p->terms[i].degree; j++) {
			const struct atom *atom = &context->atoms[p->terms[i].atoms[j]];

			if (atom->kind == ATOM_CURRENT &&
			    finder->neurons->of_weight[context->currents[atom->number].weight] ==
				    population)
				return true;
		}
	return false;
}

static bool
has_state_of(struct finder *finder, const struct polynomial *p,
	     const struct found_population *population)
{
	const struct program *program = finder->axes->program;
	uint32_t i;

	for (i = 0; i < population->state_count; i++) {
		uint32_t pair = population->states[i];
		uint32_t value = program->inputs[finder->states->pairs[pair].input];

		if (polynomial_has(p, finder->polynomials->input_atoms[value]))
			return true;
	}
	return false;
}

static const struct polynomial *
next_state(struct finder *finder, uint32_t pair)
{
	const struct program *program = finder->axes->program;

	return finder->polynomials->of[program->outputs[finder->states->pairs[pair].output]];
}

/* The population's site tests this state, or the state's next value has the site. */
static bool
meets_spike_site(struct finder *finder, const struct found_population *population,
		 uint32_t state_value, const struct polynomial *next)
{
	const struct site *site;

	if (population->spike_site == NO_VALUE)
		return false;
	site = &finder->polynomials->sites[population->spike_site];
	return polynomial_has(next, site->atom) ||
	       polynomial_has(site->argument, finder->polynomials->input_atoms[state_value]);
}

/* States whose next value the population's currents, or its spikes, enter. */
static snnfit_status
find_states(struct finder *finder, uint32_t number, snnfit_error *err)
{
	struct found_population *population = &finder->neurons->populations[number];
	uint32_t i;

	population->states = arena_alloc(finder->axes->arena, finder->states->count,
					 sizeof *population->states);
	if (!population->states)
		return error_no_memory(err);
	for (i = 0; i < finder->states->count; i++) {
		uint32_t value = finder->axes->program->inputs[finder->states->pairs[i].input];
		const struct polynomial *next = next_state(finder, i);

		if (!is_on(finder, value, population))
			continue;
		if (has_current_of(finder, next, number) ||
		    meets_spike_site(finder, population, value, next))
			population->states[population->state_count++] = i;
	}
	return SNNFIT_OK;
}

/* state - constant: the test of the last step's membrane. */
static bool
is_bare_state(struct finder *finder, const struct polynomial *p)
{
	const struct term *last = p->count ? &p->terms[p->count - 1] : NULL;

	return last && p->count <= 2 && last->degree == 1 &&
	       finder->polynomials->atoms[last->atoms[0]].kind == ATOM_INPUT;
}

static bool
is_alone_on_its_axis(struct finder *finder, uint32_t number)
{
	const struct neurons *neurons = finder->neurons;
	uint32_t i;

	for (i = 0; i < neurons->count; i++)
		if (i != number && axis_equal(finder->axes, neurons->populations[i].units,
					      neurons->populations[number].units))
			return false;
	return neurons->populations[number].units.count > 0;
}

/* The first test of the population's drive; when the drive is lost behind an
 * operator that is not followed, a test of its states, or the only one around. */
static void
find_spike_site(struct finder *finder, uint32_t number)
{
	struct found_population *population = &finder->neurons->populations[number];
	bool alone = is_alone_on_its_axis(finder, number);
	uint32_t i, by_state = NO_VALUE;

	for (i = 0; i < finder->polynomials->site_count; i++) {
		const struct site *site = &finder->polynomials->sites[i];

		if (site->kind == SITE_POOLED || !is_on(finder, site->value, population))
			continue;
		if (has_current_of(finder, site->argument, number)) {
			population->spike_site = i;
			return;
		}
		if (by_state == NO_VALUE && !is_bare_state(finder, site->argument) &&
		    (alone || has_state_of(finder, site->argument, population)))
			by_state = i;
	}
	population->spike_site = by_state;
}

/* A population that drives another on its own axis must not claim its states. */
static snnfit_status
find_sites_and_states(struct finder *finder, uint32_t number, snnfit_error *err)
{
	struct found_population *population = &finder->neurons->populations[number];
	snnfit_status status = find_states(finder, number, err);

	if (status)
		return status;
	find_spike_site(finder, number);
	population->state_count = 0;
	return find_states(finder, number, err);
}

snnfit_status
neurons_find(struct neurons *neurons, struct polynomials *polynomials, const struct states *states,
	     snnfit_error *err)
{
	struct finder finder = { neurons, polynomials, polynomials->axes, states, NULL };
	snnfit_status status;
	uint32_t i;

	*neurons = (struct neurons){ 0 };
	status = group_weights(&finder, err);
	if (!status)
		status = list_weights(&finder, err);
	for (i = 0; !status && i < neurons->count; i++) {
		status = find_sites_and_states(&finder, i, err);
		if (!status)
			normal_form_fit(&neurons->populations[i], polynomials, states);
	}
	if (!status && polynomials->out_of_memory)
		return error_no_memory(err);
	return status;
}
