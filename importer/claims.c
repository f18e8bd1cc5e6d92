/* claims.c - which states a population has, and its spike site where no drive tells.
 *
 * Asked from the states, by lists of what stands on an axis and of what tests an
 * atom: looking through all states once a population would be quadratic. */
#include "importer/claims.h"

struct claims {
	struct neurons *neurons;
	struct polynomials *polynomials;
	struct axes *axes;
	const struct states *states;
	struct lists sites_of_axis; /* by the first variable of an axis of the site's tensor */
	struct lists populations_of_axis;
	struct lists of_site; /* by site: the populations whose spike site it is */
	size_t *capacities;   /* [neurons.count]: of their states */
};

bool
population_is_on(struct axes *axes, uint32_t value, const struct found_population *population)
{
	const struct tensor_axes *tensor = &axes->tensors[value];
	uint32_t d;

	if (!population->units.count)
		return true; /* one unit: it has no axis */
	for (d = 0; tensor->known && d < tensor->rank; d++)
		if (axis_equal(axes, tensor->axes[d], population->units))
			return true;
	return false;
}

/* --- the lists ------------------------------------------------------------------------------ */

static bool
list_site(struct claims *claims, uint32_t i)
{
	const struct site *site = &claims->polynomials->sites[i];
	const struct tensor_axes *tensor = &claims->axes->tensors[site->value];
	uint32_t d;

	for (d = 0; tensor->known && d < tensor->rank; d++) {
		struct axis axis = axis_resolve(claims->axes, tensor->axes[d]);

		if (axis.count &&
		    !lists_add(&claims->sites_of_axis, claims->axes->arena, axis.variables[0], i))
			return false;
	}
	return true;
}

static bool
list_all(struct claims *claims)
{
	struct arena *arena = claims->axes->arena;
	uint32_t i;

	if (!lists_init(&claims->sites_of_axis, arena, claims->axes->variable_count) ||
	    !lists_init(&claims->populations_of_axis, arena, claims->axes->variable_count))
		return false;
	for (i = (uint32_t)claims->polynomials->site_count; i-- > 0;)
		if (!list_site(claims, i))
			return false;
	for (i = (uint32_t)claims->neurons->count; i-- > 0;) {
		const struct axis *units = &claims->neurons->populations[i].units;

		if (units->count &&
		    !lists_add(&claims->populations_of_axis, arena, units->variables[0], i))
			return false;
	}
	claims->capacities = arena_zalloc(arena, claims->neurons->count,
					  sizeof *claims->capacities);
	return claims->capacities != NULL;
}

static bool
list_spike_sites(struct claims *claims)
{
	struct arena *arena = claims->axes->arena;
	uint32_t i, site;

	if (!lists_init(&claims->of_site, arena, claims->polynomials->site_count))
		return false;
	for (i = (uint32_t)claims->neurons->count; i-- > 0;) {
		site = claims->neurons->populations[i].spike_site;
		if (site != NO_VALUE && !lists_add(&claims->of_site, arena, site, i))
			return false;
	}
	return true;
}

/* --- states --------------------------------------------------------------------------------- */

static bool
claim(struct claims *claims, uint32_t number, uint32_t pair)
{
	struct found_population *population = &claims->neurons->populations[number];
	uint32_t input = claims->states->pairs[pair].input;

	if ((population->state_count && population->states[population->state_count - 1] == pair) ||
	    !population_is_on(claims->axes, claims->axes->program->inputs[input], population))
		return true;
	if (!arena_grow(claims->axes->arena, &population->states, population->state_count,
			&claims->capacities[number], sizeof *population->states))
		return false;
	population->states[population->state_count++] = pair;
	return true;
}

/* For the populations whose spike site it is. */
static bool
claim_by_site(struct claims *claims, uint32_t site, uint32_t pair)
{
	const struct link *link;

	for (link = lists_at(&claims->of_site, site); link;
	     link = lists_next(&claims->of_site, link))
		if (!claim(claims, link->item, pair))
			return false;
	return true;
}

static bool
claim_by_atom(struct claims *claims, const struct atom *atom, uint32_t pair)
{
	const struct neurons *neurons = claims->neurons;
	uint32_t owner = NO_VALUE;

	if (atom->kind == ATOM_SITE)
		return claim_by_site(claims, atom->number, pair);
	if (atom->kind == ATOM_CURRENT)
		owner = neurons->of_weight[claims->polynomials->currents[atom->number].weight];
	else if (atom->kind == ATOM_POTENTIAL)
		owner = neurons->owners[atom->number].population;
	return owner == NO_VALUE || claim(claims, owner, pair);
}

/* The populations whose currents or spikes enter the state, or that test it. */
static bool
claim_state(struct claims *claims, uint32_t pair)
{
	const struct program *program = claims->axes->program;
	const struct polynomials *context = claims->polynomials;
	const struct state_binding *state = &claims->states->pairs[pair];
	const struct polynomial *next = context->of[program->outputs[state->output]];
	uint32_t atom = context->input_atoms[program->inputs[state->input]], i, j;
	const struct link *link;

	for (i = 0; next && i < next->count; i++)
		for (j = 0; j < next->terms[i].degree; j++)
			if (!claim_by_atom(claims, &context->atoms[next->terms[i].atoms[j]], pair))
				return false;
	for (link = lists_at(&context->tests, atom); link; link = lists_next(&context->tests, link))
		if (!claim_by_site(claims, link->item, pair))
			return false;
	return true;
}

static bool
claim_states(struct claims *claims)
{
	uint32_t i;

	if (!list_spike_sites(claims))
		return false;
	for (i = 0; i < claims->neurons->count; i++)
		claims->neurons->populations[i].state_count = 0;
	for (i = 0; i < claims->states->count; i++)
		if (!claim_state(claims, i))
			return false;
	return true;
}

/* --- a spike site by its states --------------------------------------------------- */

static bool
has_state_of(const struct claims *claims, const struct polynomial *p,
	     const struct found_population *population)
{
	const struct program *program = claims->axes->program;
	uint32_t i;

	for (i = 0; i < population->state_count; i++) {
		uint32_t input = claims->states->pairs[population->states[i]].input;

		if (polynomial_has(p, claims->polynomials->input_atoms[program->inputs[input]]))
			return true;
	}
	return false;
}

/* What was quantized, when the atom is that in real numbers again; NULL: it is not. */
static const struct polynomial *
behind_codes(const struct claims *claims, const struct atom *atom)
{
	const struct polynomials *context = claims->polynomials;
	const struct program *program = claims->axes->program;
	const struct value *value;
	const struct operation *operation;
	unsigned i;

	if (atom->kind == ATOM_SITE)
		return context->sites[atom->number].kind == SITE_RELU
			       ? context->sites[atom->number].argument
			       : NULL;
	if (atom->kind != ATOM_OPAQUE)
		return NULL;
	value = &program->values[atom->number];
	for (i = 0; i < 2; i++) {
		if (value->kind != VALUE_RESULT)
			return NULL;
		operation = &program->operations[value->operation];
		if (!operation_is(operation, i ? "QuantizeLinear" : "DequantizeLinear") ||
		    !operation->operand_count || operation->operands[0] == NO_VALUE)
			return NULL;
		value = &program->values[operation->operands[0]];
	}
	return context->of[operation->operands[0]];
}

/* state - constant: the test of the last step's membrane. */
static bool
is_bare_state(const struct claims *claims, const struct polynomial *p)
{
	const struct term *last = p->count ? &p->terms[p->count - 1] : NULL;
	const struct atom *atom;

	if (!last || p->count > 2 || last->degree != 1)
		return false;
	atom = &claims->polynomials->atoms[last->atoms[0]];
	p = behind_codes(claims, atom);
	if (p && p->count == 1 && p->terms[0].degree == 1)
		atom = &claims->polynomials->atoms[p->terms[0].atoms[0]];
	return atom->kind == ATOM_INPUT;
}

static bool
is_alone_on_its_axis(struct claims *claims, uint32_t number)
{
	const struct found_population *populations = claims->neurons->populations;
	const struct lists *lists = &claims->populations_of_axis;
	const struct link *link;

	if (!populations[number].units.count)
		return false;
	link = lists_at(lists, populations[number].units.variables[0]);
	for (; link; link = lists_next(lists, link))
		if (link->item != number && axis_equal(claims->axes, populations[link->item].units,
						       populations[number].units))
			return false;
	return true;
}

/* A test of its states, or the only one around. */
static bool
may_be_its_site(struct claims *claims, uint32_t number, bool alone, uint32_t i)
{
	const struct found_population *population = &claims->neurons->populations[number];
	const struct site *site = &claims->polynomials->sites[i];

	return site->kind < SITE_COUNT && population_is_on(claims->axes, site->value, population) &&
	       !is_bare_state(claims, site->argument) &&
	       (alone || has_state_of(claims, site->argument, population));
}

static uint32_t
site_by_state(struct claims *claims, uint32_t number)
{
	const struct found_population *population = &claims->neurons->populations[number];
	const struct lists *lists = &claims->sites_of_axis;
	bool alone = is_alone_on_its_axis(claims, number);
	const struct link *link;
	uint32_t i;

	for (i = 0; !population->units.count && i < claims->polynomials->site_count; i++)
		if (may_be_its_site(claims, number, alone, i))
			return i;
	if (!population->units.count)
		return NO_VALUE;
	link = lists_at(lists, population->units.variables[0]);
	while (link && !may_be_its_site(claims, number, alone, link->item))
		link = lists_next(lists, link);
	return link ? link->item : NO_VALUE;
}

/* When the drive is lost behind an operator that is not followed. */
static bool
find_sites_by_state(struct claims *claims)
{
	struct neurons *neurons = claims->neurons;
	bool found = false;
	uint32_t i, site;

	for (i = 0; i < neurons->count; i++) {
		if (neurons->populations[i].spike_site != NO_VALUE)
			continue;
		site = site_by_state(claims, i);
		if (site == NO_VALUE)
			continue;
		neurons->populations[i].spike_site = site;
		neurons->populations[i].site_count = 1;
		neurons->owners[site] = (struct site_owner){ i, 0, false };
		found = true;
	}
	return found;
}

/* A population that drives another on its own axis must not claim its states: so
 * only states that are known already tell a site. */
bool
populations_claim_states(struct neurons *neurons, struct polynomials *polynomials,
			 const struct states *states)
{
	struct claims claims = { .neurons = neurons,
				 .polynomials = polynomials,
				 .axes = polynomials->axes,
				 .states = states };

	return list_all(&claims) && claim_states(&claims) &&
	       (!find_sites_by_state(&claims) || claim_states(&claims));
}
