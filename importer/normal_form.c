/* normal_form.c - decay, threshold and reset of a population, whatever they were spelled out to.
 *
 * With S the spike site's atom, p its argument and V' the next membrane:
 *
 *     U = V' without its terms in S          (what V' is when there is no spike)
 *     threshold = U - p                      must be constant
 *     V' - U = -d S                          reset: subtract d, now
 *            = r S - S U                     reset: set to r, now
 *     U's terms in R = [V > threshold]:
 *            -d R                            reset: subtract d, late
 *            r a R - a V R                   reset: set to r, late (a the decay)
 *
 * and what is left of U is linear: a V + gains * currents + b i + offset. */
#include "importer/normal_form.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

struct fit {
	struct found_population *found;
	struct polynomials *context;
	const struct states *states;
	uint32_t membrane; /* atom of V, NO_VALUE: the population keeps no membrane */
	uint32_t current;  /* atom of i, NO_VALUE: none */
	const struct polynomial *next_membrane, *next_current;
	const struct polynomial *potential; /* U */
	const struct polynomial *linear;    /* U without its late reset */
};

static uint32_t
state_atom(const struct fit *fit, uint32_t i)
{
	uint32_t input = fit->states->pairs[fit->found->states[i]].input;

	return fit->context->input_atoms[fit->context->axes->program->inputs[input]];
}

static const struct polynomial *
state_next(const struct fit *fit, uint32_t i)
{
	uint32_t output = fit->states->pairs[fit->found->states[i]].output;

	return fit->context->of[fit->context->axes->program->outputs[output]];
}

static struct coefficient
coefficient_of_term(struct fit *fit, const struct polynomial *p, const uint32_t *atoms,
		    uint32_t degree)
{
	const struct term *term = polynomial_term(p, atoms, degree);

	return term ? term->coefficient : coefficient_scalar(fit->context, 0);
}

static bool
is_linear(const struct polynomial *p)
{
	uint32_t i;

	for (i = 0; p && i < p->count; i++)
		if (p->terms[i].degree > 1)
			return false;
	return p != NULL;
}

/* a - b must be a constant: it goes to *out. */
static bool
constant_difference(struct fit *fit, const struct polynomial *a, const struct polynomial *b,
		    struct coefficient *out)
{
	const struct polynomial *difference = polynomial_add(fit->context, a, b, -1);
	struct polynomial clean = { 0 };
	uint32_t i;

	if (!difference)
		return false;
	for (i = 0; i < difference->count; i++)
		if (difference->terms[i].degree &&
		    !coefficient_is(&difference->terms[i].coefficient, 0))
			return false;
	clean = *difference;
	*out = coefficient_of_term(fit, &clean, NULL, 0);
	return out->count > 0;
}

/* p = value * atom exactly, value constant. */
static bool
is_multiple(struct fit *fit, const struct polynomial *p, uint32_t atom, struct coefficient *value)
{
	*value = coefficient_of_term(fit, p, &atom, 1);
	return p && p->count <= 1 && (p->count == 0 || polynomial_term(p, &atom, 1));
}

static struct coefficient
negated(struct fit *fit, const struct coefficient *coefficient)
{
	const struct polynomial *p = polynomial_multiply(
		fit->context, polynomial_constant(fit->context, *coefficient),
		polynomial_scalar(fit->context, -1));

	return coefficient_of_term(fit, p, NULL, 0);
}

/* --- resets ------------------------------------------------------------------------------- */

static bool
fit_reset_now(struct fit *fit, uint32_t spike)
{
	struct found_population *found = fit->found;
	const struct polynomial *reset = polynomial_select(fit->context, fit->next_membrane, spike,
							   true);
	const struct polynomial *rest;
	struct coefficient value;

	if (!reset || !reset->count)
		return reset != NULL;
	if (is_multiple(fit, reset, spike, &value)) {
		found->reset = RESET_SUBTRACT;
		found->reset_value = negated(fit, &value);
		found->reset_timing = RESET_NOW;
		return true;
	}
	rest = polynomial_add(fit->context, reset,
			      polynomial_multiply(fit->context, fit->potential,
						  polynomial_atom(fit->context, spike)),
			      1);
	if (!is_multiple(fit, rest, spike, &value))
		return false;
	found->reset = RESET_SET;
	found->reset_value = value;
	found->reset_timing = RESET_NOW;
	return true;
}

/* R is [V > threshold] with the very threshold and comparison of the spike. */
static uint32_t
find_late_site(struct fit *fit)
{
	struct polynomials *context = fit->context;
	const struct polynomial *expected = polynomial_add(
		context, polynomial_atom(context, fit->membrane),
		polynomial_constant(context, fit->found->threshold), -1);
	enum site_kind kind = context->sites[fit->found->spike_site].kind;
	const struct link *link;

	for (link = lists_at(&context->tests, fit->membrane); link;
	     link = lists_next(&context->tests, link))
		if (context->sites[link->item].kind == kind &&
		    polynomial_close(context, context->sites[link->item].argument, expected))
			return link->item;
	return NO_VALUE;
}

static bool
fit_late_set(struct fit *fit, const struct polynomial *late, uint32_t site)
{
	struct found_population *found = fit->found;
	uint32_t product[2] = { fit->membrane, site };
	struct coefficient decay, back, value;

	if (product[0] > product[1]) {
		product[0] = site;
		product[1] = fit->membrane;
	}
	decay = coefficient_of_term(fit, fit->linear, &fit->membrane, 1);
	back = negated(fit, &decay);
	value = coefficient_of_term(fit, late, product, 2);
	if (!polynomial_close(fit->context, polynomial_constant(fit->context, back),
			      polynomial_constant(fit->context, value)))
		return false;
	/* A reset to something else than 0 shows as a term r a R: not met, not supported. */
	if (late->count != 1)
		return false;
	found->reset = RESET_SET;
	found->reset_value = coefficient_scalar(fit->context, 0);
	return true;
}

static bool
fit_reset_late(struct fit *fit)
{
	struct found_population *found = fit->found;
	const struct polynomial *late;
	struct coefficient value;
	enum reset before = found->reset;
	uint32_t site;

	fit->linear = fit->potential;
	found->late_site = find_late_site(fit);
	if (found->late_site == NO_VALUE)
		return true;
	site = fit->context->sites[found->late_site].atom;
	late = polynomial_select(fit->context, fit->potential, site, true);
	fit->linear = polynomial_select(fit->context, fit->potential, site, false);
	if (!late || !late->count)
		return late != NULL;
	if (is_multiple(fit, late, site, &value)) {
		found->reset = RESET_SUBTRACT;
		found->reset_value = negated(fit, &value);
	} else if (!fit_late_set(fit, late, site)) {
		return false;
	}
	found->reset_timing = before == RESET_NONE ? RESET_LATE : RESET_BOTH;
	return before == RESET_NONE || before == found->reset;
}

/* --- the linear part ------------------------------------------------------------------------ */

/* One coefficient for currents that stand one after the other: each has its own where
 * the others have 0. False: two differ. */
static bool
join_plain(struct fit *fit, struct coefficient *plain, const struct coefficient *other)
{
	struct coefficient all;
	uint32_t i;

	if (plain->count == other->count && plain->count > 1) {
		all = coefficient_new(fit->context, plain->count, plain->place);
		for (i = 0; i < all.count; i++) {
			double one = plain->values[i], two = other->values[i];

			if (one != 0 && two != 0 && !(fabs(one - two) <= 1e-6 * fabs(one)))
				return false;
			all.values[i] = one != 0 ? one : two;
		}
		*plain = all;
		return all.count > 0;
	}
	return polynomial_close(fit->context, polynomial_constant(fit->context, *plain),
				polynomial_constant(fit->context, *other));
}

/* Weights that are read a second time, in this form, are read twice in one step. */
static bool
is_first_instance(const struct found_population *found, uint32_t weight)
{
	uint32_t i;

	for (i = 0; i < found->weight_count; i++)
		if (found->weights[i] == weight)
			return true;
	return false;
}

/* Coefficient of every current in p: of each weight operation, BatchNorm included
 * (gains) and left out (plain: the first one's). False when a synaptic current, which
 * takes them all in alike, would have different ones. */
static bool
fit_currents(struct fit *fit, const struct polynomial *p, struct coefficient *plain,
	     struct coefficient *gains)
{
	struct polynomials *context = fit->context;
	const struct found_population *found = fit->found;
	bool any = false, alike = !gains || fit->current != NO_VALUE;
	uint32_t i, j;

	*plain = coefficient_scalar(context, 0);
	for (i = 0; gains && i < found->weight_count; i++)
		gains[i] = coefficient_scalar(context, 0);
	for (i = 0; i < p->count; i++) {
		const struct atom *atom = &context->atoms[p->terms[i].atoms[0]];
		const struct polynomial *gain;

		if (p->terms[i].degree != 1 || atom->kind != ATOM_CURRENT)
			continue;
		if (!is_first_instance(found, context->currents[atom->number].weight))
			return false;
		if (any && !join_plain(fit, plain, &p->terms[i].coefficient) && alike)
			return false;
		if (!any)
			*plain = p->terms[i].coefficient;
		any = true;
		gain = polynomial_multiply(
			context, polynomial_constant(context, p->terms[i].coefficient),
			polynomial_constant(context, context->currents[atom->number].scale));
		for (j = 0; gains && j < found->weight_count; j++)
			if (found->weights[j] == context->currents[atom->number].weight)
				gains[j] = coefficient_of_term(fit, gain, NULL, 0);
	}
	return plain->count > 0;
}

/* Every atom of p is one of these. */
static bool
only_known_atoms(const struct fit *fit, const struct polynomial *p, uint32_t a, uint32_t b)
{
	uint32_t i;

	for (i = 0; i < p->count; i++) {
		uint32_t atom = p->terms[i].atoms[0];

		if (p->terms[i].degree == 0 || atom == a || atom == b)
			continue;
		if (p->terms[i].degree > 1 || fit->context->atoms[atom].kind != ATOM_CURRENT)
			return false;
	}
	return true;
}

static bool
ratio_is(const struct coefficient *a, const struct coefficient *b, const struct coefficient *c,
	 const struct coefficient *d)
{
	uint32_t i, n = a->count;

	n = b->count > n ? b->count : n;
	n = c->count > n ? c->count : n;
	n = d->count > n ? d->count : n;
	for (i = 0; i < n; i++) { /* a / b = c / d */
		double left = coefficient_at(a, i) * coefficient_at(d, i);
		double right = coefficient_at(c, i) * coefficient_at(b, i);

		if (!(fabs(left - right) <= 1e-6 * (fabs(left) + fabs(right)) + 1e-12))
			return false;
	}
	return true;
}

static bool
is_finite(const struct coefficient *coefficient)
{
	uint32_t i;

	for (i = 0; i < coefficient->count; i++)
		if (!isfinite(coefficient->values[i]))
			return false;
	return true;
}

/* gain = a / b, unit by unit; count 0: there is none. */
static struct coefficient
quotient(struct fit *fit, const struct coefficient *a, const struct coefficient *b)
{
	uint32_t i, n = a->count > b->count ? a->count : b->count;
	struct coefficient out = coefficient_new(fit->context, n,
						 a->count > 1 ? a->place : b->place);

	for (i = 0; i < out.count; i++)
		out.values[i] = coefficient_at(a, i) / coefficient_at(b, i);
	if (!is_finite(&out))
		out.count = 0;
	return out;
}

/* U holds b_i i + b_I I, and i' = e i + f I: which of i, i + I, i' drives it? */
static bool
fit_synaptic_current(struct fit *fit)
{
	struct found_population *found = fit->found;
	struct coefficient of_state, of_input, e, f;

	if (!fit_currents(fit, fit->next_current, &f, NULL) ||
	    !fit_currents(fit, fit->linear, &of_input, NULL) ||
	    !only_known_atoms(fit, fit->next_current, fit->current, fit->current))
		return false;
	e = coefficient_of_term(fit, fit->next_current, &fit->current, 1);
	of_state = coefficient_of_term(fit, fit->linear, &fit->current, 1);
	found->current_decay = e;
	found->current_gain = f;
	if (coefficient_is(&of_input, 0)) {
		found->current = CURRENT_OLD;
		found->input_gain = of_state;
		return true;
	}
	if (ratio_is(&of_input, &of_state, &e, &e)) {
		found->current = CURRENT_OLD_AND_INPUT;
		found->input_gain = of_state;
		return true;
	}
	found->current = CURRENT_NEW;
	found->input_gain = quotient(fit, &of_input, &f);
	return ratio_is(&of_input, &of_state, &f, &e) && found->input_gain.count > 0;
}

/* The constant that drives the current must be the one that drives U, or U's
 * constant term would not tell it: const(i') gain_of_I(U) = const(U) gain_of_I(i'). */
static bool
constants_agree(struct fit *fit)
{
	const struct found_population *found = fit->found;
	struct coefficient of_current = coefficient_of_term(fit, fit->next_current, NULL, 0);
	struct coefficient of_potential = coefficient_of_term(fit, fit->linear, NULL, 0);
	struct coefficient gain;

	if (found->current == CURRENT_OLD)
		return coefficient_is(&of_potential, 0);
	return fit_currents(fit, fit->linear, &gain, NULL) &&
	       ratio_is(&of_potential, &gain, &of_current, &found->current_gain);
}

bool
normal_form_is_driven(const struct found_population *found)
{
	uint32_t i;

	for (i = 0; i < found->weight_count; i++)
		if (!found->gains[i].count || coefficient_is(&found->gains[i], 0))
			return false;
	return true;
}

static bool
fit_linear_part(struct fit *fit)
{
	struct found_population *found = fit->found;
	const struct polynomial *driven = fit->linear;
	struct coefficient gain;

	if (!is_linear(fit->linear) ||
	    !only_known_atoms(fit, fit->linear, fit->membrane, fit->current))
		return false;
	found->decay = coefficient_of_term(fit, fit->linear, &fit->membrane, 1);
	if (fit->current != NO_VALUE) {
		if (!fit_synaptic_current(fit) || !constants_agree(fit))
			return false;
		/* Without the input in U itself, gains and offset are those of the current. */
		driven = found->current == CURRENT_OLD ? fit->next_current : fit->linear;
		gain = found->input_gain;
	}
	found->offset = coefficient_of_term(fit, driven, NULL, 0);
	if (!fit_currents(fit, driven, fit->current == NO_VALUE ? &found->input_gain : &gain,
			  found->gains))
		return false;
	return normal_form_is_driven(found);
}

/* --- which state is which --------------------------------------------------------------------- */

static bool
all_equal(const struct coefficient *coefficient, double value)
{
	return coefficient->count && coefficient_is(coefficient, value);
}

static const char *
model_name(const struct fit *fit)
{
	const struct found_population *found = fit->found;

	if (found->kind == POPULATION_READOUT)
		return "readout";
	if (found->current == CURRENT_NEW)
		return "synaptic";
	return all_equal(&found->decay, 1) && found->current == CURRENT_ABSENT ? "IF" : "LIF";
}

/* The other states must be one synaptic current, or copies of the spikes. */
static bool
assign_other_states(struct fit *fit, uint32_t membrane_state, uint32_t spike)
{
	uint32_t i;

	fit->current = NO_VALUE;
	for (i = 0; i < fit->found->state_count; i++) {
		const struct polynomial *next = state_next(fit, i);
		struct coefficient ignored;

		if (i == membrane_state)
			continue;
		if (spike != NO_VALUE && is_multiple(fit, next, spike, &ignored))
			continue;
		if (fit->current != NO_VALUE || !is_linear(next) ||
		    !polynomial_has(next, state_atom(fit, i)))
			return false;
		fit->current = state_atom(fit, i);
		fit->next_current = next;
	}
	return true;
}

static bool
fit_spiking(struct fit *fit, uint32_t membrane_state)
{
	struct found_population *found = fit->found;
	const struct site *site = &fit->context->sites[found->spike_site];

	fit->membrane = state_atom(fit, membrane_state);
	fit->next_membrane = state_next(fit, membrane_state);
	fit->potential = polynomial_select(fit->context, fit->next_membrane, site->atom, false);
	found->reset = RESET_NONE;
	found->reset_timing = RESET_NOW;
	found->reset_value = (struct coefficient){ 0 };
	found->current = CURRENT_ABSENT;
	found->comparison = site->kind == SITE_GREATER ? COMPARE_GREATER : COMPARE_GREATER_EQUAL;
	return polynomial_has(fit->potential, fit->membrane) &&
	       constant_difference(fit, fit->potential, site->argument, &found->threshold) &&
	       assign_other_states(fit, membrane_state, site->atom) &&
	       fit_reset_now(fit, site->atom) && fit_reset_late(fit) && fit_linear_part(fit);
}

static bool
fit_readout(struct fit *fit, uint32_t membrane_state)
{
	fit->membrane = state_atom(fit, membrane_state);
	fit->linear = state_next(fit, membrane_state);
	fit->found->current = CURRENT_ABSENT;
	return assign_other_states(fit, membrane_state, NO_VALUE) &&
	       polynomial_has(fit->linear, fit->membrane) && fit_linear_part(fit);
}

_Static_assert(offsetof(struct found_population, numbers[FOUND_NUMBERS - 1]) ==
		       offsetof(struct found_population, count_limit),
	       "the list of numbers ends with the last one that has a name");

/* Back to nothing known. */
static void
forget(struct found_population *found)
{
	uint32_t i;

	found->reset = RESET_NONE;
	found->current = CURRENT_ABSENT;
	found->comparison = COMPARE_NONE;
	memset(found->numbers, 0, sizeof found->numbers);
	found->counts = false;
	for (i = 0; i < found->weight_count; i++)
		found->gains[i] = (struct coefficient){ 0 };
}

void
normal_form_give_up(struct found_population *found, struct polynomials *polynomials)
{
	bool weights_alone = found->spike_site == NO_VALUE && !found->state_count;
	uint32_t i;

	forget(found);
	for (i = 0; weights_alone && i < found->weight_count; i++)
		found->gains[i] = coefficient_scalar(polynomials, 1);
	found->kind = weights_alone ? POPULATION_READOUT : POPULATION_CUSTOM;
	found->model = weights_alone ? "readout" : "custom";
}

bool
normal_form_is_finite(const struct found_population *found)
{
	uint32_t i;

	for (i = 0; i < found->weight_count; i++)
		if (!is_finite(&found->gains[i]))
			return false;
	for (i = 0; i < FOUND_NUMBERS; i++)
		if (!is_finite(&found->numbers[i]))
			return false;
	return true;
}

void
normal_form_fit(struct found_population *found, struct polynomials *polynomials,
		const struct states *states)
{
	struct fit fit = { .found = found,
			   .context = polynomials,
			   .states = states,
			   .membrane = NO_VALUE,
			   .current = NO_VALUE };
	bool spikes = found->spike_site != NO_VALUE;
	uint32_t i;

	if (spikes && polynomials->sites[found->spike_site].kind == SITE_RELU) {
		found->kind = POPULATION_RELU;
		found->model = "relu";
		return;
	}
	for (i = 0; i < found->state_count; i++) {
		if ((spikes ? fit_spiking(&fit, i) : fit_readout(&fit, i)) &&
		    normal_form_is_finite(found)) {
			found->kind = spikes ? POPULATION_SPIKING : POPULATION_READOUT;
			found->model = model_name(&fit);
			return;
		}
		forget(found);
	}
	normal_form_give_up(found, polynomials);
}
