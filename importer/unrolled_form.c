/* unrolled_form.c - the normal form of a population whose steps are all in the file.
 *
 * Site k tests p[k] = U[k] - threshold, and the potential X[k] stands for that
 * number ever after (polynomial.h). So, with S[k] the site, I[k] the input's
 * current, and V[k] the membrane after its reset,
 *
 *     V = U - d S                       (now),  or  (1 - S) U + r S
 *     p[k] = a V[k-1] + g I[k] + offset - threshold
 *          = a X[k-1] - a d S[k-1]          + g I[k] + a threshold + offset - threshold
 *     or     a X[k-1] - a X[k-1] S[k-1] + a (r - threshold) S[k-1] + ...
 *
 * and at the first step, from rest, p[0] = g I[0] + offset - threshold: the two
 * constants give the threshold and the offset. A state that was not zero only moves
 * the origin of V: what is found is then right as well, for an initial state of 0.
 *
 * With a synaptic current J[k] = e J[k-1] + g I[k] + b, U[k] = a V[k-1] + J[k],
 * J[k-1] is U[k-1] - a V[k-2], and p[k] is a polynomial in two steps' potentials
 * and sites:
 *
 *     p[k] = (a + e) X[k-1] - e a X[k-2] + resets of V[k-1] and V[k-2]
 *            + g I[k] + (a + e - e a) threshold + b - threshold
 *     p[1] = (a + e) X[0] + ... + (a + e) threshold + b - threshold
 *
 * What only a reader of the file in its order can tell (is a reset late, or the
 * state of the current taken before its decay, when both are the same function of
 * the input?) is told by where the nodes stand: before the next weights, or after. */
#include "importer/unrolled_form.h"

#include "importer/normal_form.h"

#include <math.h>
#include <string.h>

static const double tolerance = 1e-6;
static const double rounding = 1e-12; /* of a difference, by its size: it is 0 */

enum { STEPS_BACK = 2 };

/* Coefficients of p[k]; count 0: none. [0]: of step k - 1, [1]: of step k - 2. */
struct transition {
	struct coefficient constant, input;
	struct coefficient potential[STEPS_BACK], spike[STEPS_BACK], product[STEPS_BACK];
	struct coefficient
		floored; /* constant of what the floor is compared with; no floor: none */
};

struct unrolled {
	const struct neurons *neurons;
	struct found_population *found;
	struct polynomials *context;
	struct coefficient *gains; /* of the transition read last, BatchNorm included */
};

static double
at(const struct coefficient *coefficient, uint32_t unit)
{
	return coefficient->count ? coefficient_at(coefficient, unit) : 0;
}

static bool
close_to(double a, double b)
{
	return fabs(a - b) <= tolerance * (1 + fabs(a) + fabs(b));
}

static bool
same_coefficient(const struct coefficient *a, const struct coefficient *b)
{
	uint32_t n = a->count > b->count ? a->count : b->count, i;

	if (a->count > 1 && b->count > 1 && a->count != b->count)
		return false;
	for (i = 0; i < n; i++)
		if (!close_to(at(a, i), at(b, i)))
			return false;
	return true;
}

/* --- reading a transition ------------------------------------------------------------- */

/* The steps back that a site of this population is, 1 or 2; 0: another's, or further. */
static uint32_t
steps_back(const struct unrolled *fit, uint32_t site, uint32_t step)
{
	const struct site_owner *owner = &fit->neurons->owners[site];
	const struct found_population *populations = fit->neurons->populations;

	if (owner->population == NO_VALUE || &populations[owner->population] != fit->found ||
	    owner->step >= step || step - owner->step > STEPS_BACK)
		return 0;
	return step - owner->step;
}

/* One current of each projection, with one coefficient for all. */
static bool
read_current(struct unrolled *fit, const struct term *term, struct transition *out)
{
	const struct current *current =
		&fit->context->currents[fit->context->atoms[term->atoms[0]].number];
	uint32_t first = fit->neurons->first_instance[current->weight], i;
	const struct polynomial *gain;

	for (i = 0; i < fit->found->weight_count; i++)
		if (fit->found->weights[i] == first)
			break;
	if (i == fit->found->weight_count || fit->gains[i].count ||
	    (out->input.count && !same_coefficient(&out->input, &term->coefficient)))
		return false;
	out->input = term->coefficient;
	gain = polynomial_multiply(fit->context,
				   polynomial_constant(fit->context, term->coefficient),
				   polynomial_constant(fit->context, current->scale));
	if (!gain || gain->count != 1)
		return false;
	fit->gains[i] = gain->terms[0].coefficient;
	return true;
}

/* V[k-1] = floor + max(X[k-1] - d S[k-1] + constant, 0): the terms are read as if it
 * was not below. */
static bool
read_floor(struct unrolled *fit, const struct term *term, uint32_t step, struct transition *out)
{
	const struct polynomial *scale = polynomial_constant(fit->context, term->coefficient);
	const struct site *site = &fit->context->sites[fit->context->atoms[term->atoms[0]].number];
	uint32_t i;

	if (term->degree != 1 || out->floored.count)
		return false;
	out->floored = coefficient_scalar(fit->context, 0);
	for (i = 0; i < site->argument->count; i++) {
		const struct term *inner = &site->argument->terms[i];
		struct coefficient *at;
		const struct atom *atom;
		const struct polynomial *product;

		if (!inner->degree) {
			out->floored = inner->coefficient;
			continue;
		}
		atom = &fit->context->atoms[inner->atoms[0]];
		if (inner->degree > 1 ||
		    (atom->kind != ATOM_SITE && atom->kind != ATOM_POTENTIAL) ||
		    steps_back(fit, atom->number, step) != 1)
			return false;
		at = atom->kind == ATOM_SITE ? &out->spike[0] : &out->potential[0];
		product = polynomial_multiply(
			fit->context, scale, polynomial_constant(fit->context, inner->coefficient));
		if (at->count || !product || product->count != 1)
			return false;
		*at = product->terms[0].coefficient;
	}
	return true;
}

static bool
read_term(struct unrolled *fit, const struct term *term, uint32_t step, struct transition *out)
{
	const struct atom *atoms = fit->context->atoms;
	const struct atom *a = term->degree ? &atoms[term->atoms[0]] : NULL;
	const struct atom *b = term->degree == 2 ? &atoms[term->atoms[1]] : NULL;
	uint32_t back;

	if (!a) {
		out->constant = term->coefficient;
		return true;
	}
	if (term->degree == 1 && a->kind == ATOM_CURRENT)
		return read_current(fit, term, out);
	if (term->degree > 2 || (a->kind != ATOM_SITE && a->kind != ATOM_POTENTIAL))
		return false;
	if (a->kind == ATOM_SITE && fit->context->sites[a->number].kind == SITE_RELU)
		return isinf(fit->context->sites[a->number].ceiling) &&
		       read_floor(fit, term, step, out);
	back = steps_back(fit, a->number, step);
	if (!back || (a->kind == ATOM_SITE && fit->neurons->owners[a->number].guard))
		return false;
	if (term->degree == 1 && a->kind == ATOM_SITE)
		out->spike[back - 1] = term->coefficient;
	else if (term->degree == 1)
		out->potential[back - 1] = term->coefficient;
	else if (b->number == a->number && a->kind != b->kind &&
		 (b->kind == ATOM_SITE || b->kind == ATOM_POTENTIAL))
		out->product[back - 1] = term->coefficient;
	else
		return false;
	return true;
}

/* False when p[step] holds anything else. */
static bool
read_transition(struct unrolled *fit, uint32_t step, struct transition *out)
{
	const struct site *site = &fit->context->sites[fit->found->sites[step]];
	const struct polynomial *p = site->argument;
	uint32_t i;

	*out = (struct transition){ 0 };
	memset(fit->gains, 0, fit->found->weight_count * sizeof *fit->gains);
	for (i = 0; i < p->count; i++)
		if (!read_term(fit, &p->terms[i], step, out))
			return false;
	return out->input.count > 0;
}

static bool
same_past(const struct transition *a, const struct transition *b, uint32_t steps)
{
	uint32_t i;

	for (i = 0; i < steps; i++)
		if (!same_coefficient(&a->potential[i], &b->potential[i]) ||
		    !same_coefficient(&a->spike[i], &b->spike[i]) ||
		    !same_coefficient(&a->product[i], &b->product[i]))
			return false;
	return same_coefficient(&a->input, &b->input) &&
	       (!a->floored.count) == (!b->floored.count) &&
	       same_coefficient(&a->floored, &b->floored);
}

/* Step by step the same, but for the beginning. */
static bool
every_step_agrees(struct unrolled *fit, const struct transition *expected)
{
	struct transition step;
	uint32_t k;

	for (k = 1; k < fit->found->site_count; k++)
		if (!read_transition(fit, k, &step) ||
		    !same_past(&step, expected, k < STEPS_BACK ? 1 : STEPS_BACK) ||
		    (k >= STEPS_BACK && !same_coefficient(&step.constant, &expected->constant)))
			return false;
	return true;
}

/* --- solving for the normal form, unit by unit ------------------------------------------ */

struct solution {
	double decay, threshold, offset, current_decay, floor;
	double reset; /* what a spike takes off U, or where it sets V */
	bool subtract, set;
};

static bool
solve_first_order(const struct transition *first, const struct transition *t, uint32_t unit,
		  struct solution *out)
{
	double a = at(&t->potential[0], unit), product = at(&t->product[0], unit);

	out->decay = a;
	if (a == 0)
		return false;
	out->threshold = (at(&t->constant, unit) - at(&first->constant, unit)) / a;
	if (t->floored.count) { /* then that is a times the floor */
		out->floor = out->threshold;
		out->threshold = at(&t->floored, unit) + out->floor;
	}
	out->offset = at(&first->constant, unit) + out->threshold;
	out->set = product != 0;
	out->subtract = !out->set && at(&t->spike[0], unit) != 0;
	out->reset = out->set ? out->threshold + at(&t->spike[0], unit) / a
			      : -at(&t->spike[0], unit);
	return !out->set || close_to(product, -a);
}

static bool
solve_second_order(const struct transition *first, const struct transition *second,
		   const struct transition *t, uint32_t unit, struct solution *out)
{
	double sum = at(&t->potential[0], unit), spike = at(&t->spike[0], unit);
	double product = at(&t->product[0], unit), before = at(&t->spike[1], unit);
	double a, e, rest;

	out->set = product != 0;
	out->subtract = !out->set && spike != 0;
	if ((!out->set && !out->subtract) || t->floored.count)
		return false; /* then the two decays cannot be told apart */
	e = out->set ? sum + product : -before / spike;
	a = sum - e;
	if (a == 0 || e == 0 || !close_to(at(&t->potential[1], unit), -e * a) ||
	    !close_to(at(&t->product[1], unit), -e * product) || !close_to(before, -e * spike))
		return false;
	out->decay = a;
	out->current_decay = e;
	out->threshold = (at(&second->constant, unit) - at(&t->constant, unit)) / (e * a);
	out->offset = at(&first->constant, unit) + out->threshold;
	out->reset = out->set ? out->threshold + spike / a : -spike;
	/* All of the constant drives the current; then the second step's is known. */
	rest = (a + e) * out->threshold + at(&first->constant, unit);
	return close_to(at(&second->constant, unit), rest);
}

static bool
has_two_steps(const struct transition *t)
{
	return t->potential[1].count || t->spike[1].count || t->product[1].count;
}

/* --- where nodes stand ------------------------------------------------------------------- */

static bool
weights_between(const struct axes *axes, uint32_t from, uint32_t to)
{
	size_t low = 0, high = axes->weight_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (axes->weights[middle].operation <= from)
			low = middle + 1;
		else
			high = middle;
	}
	return low < axes->weight_count && axes->weights[low].operation < to;
}

/* p holds the site, and something else of the membrane. */
static bool
is_reset(const struct unrolled *fit, const struct polynomial *p, uint32_t site)
{
	const struct site *test = &fit->context->sites[site];
	const struct site *spike = test->spikes == NO_VALUE ? test
							    : &fit->context->sites[test->spikes];
	uint32_t i;

	if (!polynomial_has(p, spike->atom))
		return false;
	if (polynomial_has(p, test->potential))
		return true;
	for (i = 0; i < p->count; i++)
		if (p->terms[i].degree &&
		    fit->context->atoms[p->terms[i].atoms[0]].kind == ATOM_CURRENT)
			return true;
	return false;
}

/* The first operation after the first step's spikes that resets the membrane. */
static uint32_t
first_reset(const struct unrolled *fit)
{
	const struct program *program = fit->context->axes->program;
	uint32_t site = fit->found->sites[0];
	uint32_t i = program->values[fit->context->sites[site].value].operation;

	for (i++; i < program->operation_count; i++) {
		const struct operation *operation = &program->operations[i];
		uint32_t value = operation->result_count ? operation->results[0] : NO_VALUE;

		if (value != NO_VALUE && is_reset(fit, fit->context->of[value], site))
			return i;
	}
	return NO_VALUE;
}

/* The reset stands in the step after its spike: with a factor that is the decay when
 * it subtracts from what has decayed; else a weight operation lies between, or it
 * has a test of its own. */
static bool
is_late(const struct unrolled *fit, double decay)
{
	const struct program *program = fit->context->axes->program;
	const struct site *site = &fit->context->sites[fit->found->sites[0]];
	uint32_t reset = first_reset(fit), potential = site->potential;
	const struct term *term;

	if (reset == NO_VALUE)
		return false;
	term = polynomial_term(fit->context->of[program->operations[reset].results[0]], &potential,
			       1);
	if (fit->found->reset == RESET_SUBTRACT && term && !close_to(decay, 1))
		return !coefficient_is(&term->coefficient, 1);
	return site->tests > 1 ||
	       weights_between(fit->context->axes, program->values[site->value].operation, reset);
}

/* --- putting it together -------------------------------------------------------------------- */

static uint32_t
units_of(const struct unrolled *fit, const struct transition *const *list, uint32_t count)
{
	uint32_t units = 1, i, j;

	for (i = 0; i < count; i++) {
		const struct coefficient *all = &list[i]->constant;

		for (j = 0; j < sizeof **list / sizeof *all; j++)
			units = all[j].count > units ? all[j].count : units;
	}
	for (i = 0; i < fit->found->weight_count; i++)
		units = fit->gains[i].count > units ? fit->gains[i].count : units;
	return units;
}

static bool
new_coefficient(struct unrolled *fit, struct coefficient *out, uint32_t units)
{
	*out = coefficient_new(fit->context, units, 0);
	if (out->count)
		memset(out->values, 0, units * sizeof *out->values);
	return out->count > 0;
}

static bool
put_solution(struct unrolled *fit, const struct solution *solution, uint32_t unit)
{
	struct found_population *found = fit->found;
	enum reset reset = solution->set	? RESET_SET
			   : solution->subtract ? RESET_SUBTRACT
						: RESET_NONE;

	if (unit && reset != found->reset)
		return false;
	found->reset = reset;
	found->decay.values[unit] = solution->decay;
	found->threshold.values[unit] = solution->threshold;
	found->offset.values[unit] = solution->offset;
	found->reset_value.values[unit] =
		fabs(solution->reset) < rounding * fabs(solution->threshold) ? 0 : solution->reset;
	found->current_decay.values[unit] = solution->current_decay;
	found->floor.values[unit] = solution->floor;
	return true;
}

static bool
solve(struct unrolled *fit, const struct transition *first, const struct transition *second,
      const struct transition *t)
{
	const struct transition *const list[] = { first, second, t };
	struct found_population *found = fit->found;
	bool current = has_two_steps(t);
	uint32_t units = units_of(fit, list, 3), unit;

	if (!new_coefficient(fit, &found->decay, units) ||
	    !new_coefficient(fit, &found->threshold, units) ||
	    !new_coefficient(fit, &found->offset, units) ||
	    !new_coefficient(fit, &found->reset_value, units) ||
	    !new_coefficient(fit, &found->current_decay, units) ||
	    !new_coefficient(fit, &found->floor, units))
		return false;
	for (unit = 0; unit < units; unit++) {
		struct solution solution = { 0 };

		if (!(current ? solve_second_order(first, second, t, unit, &solution)
			      : solve_first_order(first, t, unit, &solution)) ||
		    !put_solution(fit, &solution, unit))
			return false;
	}
	found->current = current ? CURRENT_OLD_AND_INPUT : CURRENT_ABSENT;
	if (!current)
		found->current_decay = (struct coefficient){ 0 };
	if (!t->floored.count)
		found->floor = (struct coefficient){ 0 };
	return true;
}

/* A spike takes d off U; now, and the decay then takes a share of that as well. */
static void
set_timing(struct unrolled *fit)
{
	struct found_population *found = fit->found;
	uint32_t i;

	if (found->reset == RESET_NONE) {
		found->reset_value = (struct coefficient){ 0 };
		return;
	}
	found->reset_timing = is_late(fit, found->decay.values[0]) ? RESET_LATE : RESET_NOW;
	if (found->reset == RESET_SUBTRACT && found->reset_timing == RESET_NOW)
		for (i = 0; i < found->reset_value.count; i++)
			found->reset_value.values[i] /= found->decay.values[i];
}

/* U sees g J, J = e J + I. A state that goes on as it was used is J itself (the file
 * decays it in the next step); else it is e J: and used after its decay, when that
 * is what the input's factor says. */
static void
set_current(struct unrolled *fit, const struct coefficient *input)
{
	struct found_population *found = fit->found;
	bool late = found->reset != RESET_NONE && found->reset_timing == RESET_LATE;
	bool decayed = same_coefficient(input, &found->current_decay);

	found->input_gain = *input;
	if (found->current == CURRENT_ABSENT)
		return;
	found->current = late || decayed ? CURRENT_NEW : CURRENT_OLD_AND_INPUT;
	found->current_gain = found->current_decay;
	if (late)
		found->current_gain = coefficient_scalar(fit->context, 1);
	else if (decayed)
		found->input_gain = coefficient_scalar(fit->context, 1);
}

static const char *
model_name(const struct found_population *found)
{
	if (found->counts)
		return "multi-spike";
	if (found->current == CURRENT_NEW)
		return "synaptic";
	if (found->current != CURRENT_ABSENT)
		return "LIF";
	return coefficient_is(&found->decay, 1) ? "IF" : "LIF";
}

/* The same threshold, and the same limit or none. */
static bool
same_count(const struct unrolled *fit, uint32_t a, uint32_t b)
{
	const struct site *one = &fit->context->sites[a], *other = &fit->context->sites[b];

	return polynomial_close(fit->context, one->bound, other->bound) &&
	       (!one->limit) == (!other->limit) &&
	       (!one->limit || polynomial_close(fit->context, one->limit, other->limit));
}

/* The guard tests U > 0, or U >= threshold; the count says what the threshold is. */
static bool
set_count(struct unrolled *fit)
{
	const struct site *sites = fit->context->sites;
	struct found_population *found = fit->found;
	uint32_t count = sites[found->sites[0]].spikes, i;
	const struct polynomial *bound;

	for (i = 0; i < found->site_count; i++)
		if ((sites[found->sites[i]].spikes == NO_VALUE) != (count == NO_VALUE) ||
		    (count != NO_VALUE && !same_count(fit, sites[found->sites[i]].spikes, count)))
			return false;
	if (count == NO_VALUE)
		return true;
	bound = sites[count].bound;
	if (found->reset == RESET_SET ||
	    !coefficient_is(&found->threshold, found->comparison == COMPARE_GREATER
						       ? 0
						       : at(&bound->terms[0].coefficient, 0)))
		return false;
	found->comparison = COMPARE_GREATER_EQUAL;
	found->threshold = bound->terms[0].coefficient;
	found->counts = true;
	if (sites[count].limit)
		found->count_limit = sites[count].limit->terms[0].coefficient;
	return true;
}

static bool
fit_steps(struct unrolled *fit)
{
	struct found_population *found = fit->found;
	uint32_t last = found->site_count - 1;
	struct transition first, second, t;

	if (!read_transition(fit, 0, &first) || !read_transition(fit, last ? 1 : 0, &second) ||
	    !read_transition(fit, last < STEPS_BACK ? last : STEPS_BACK, &t) ||
	    !every_step_agrees(fit, &t) ||
	    !read_transition(fit, last < STEPS_BACK ? last : STEPS_BACK, &t))
		return false;
	memcpy(found->gains, fit->gains, found->weight_count * sizeof *found->gains);
	if (!solve(fit, &first, &second, &t) || !normal_form_is_finite(found))
		return false;
	set_timing(fit);
	set_current(fit, &t.input);
	return set_count(fit);
}

/* --- the whole ------------------------------------------------------------------------------ */

void
unrolled_form_fit(const struct neurons *neurons, struct found_population *found,
		  struct polynomials *polynomials)
{
	struct unrolled fit = { neurons, found, polynomials, NULL };

	fit.gains = arena_zalloc(polynomials->arena, found->weight_count, sizeof *fit.gains);
	if (!fit.gains) {
		polynomials->out_of_memory = true;
		return;
	}
	found->comparison = polynomials->sites[found->spike_site].kind == SITE_GREATER
				    ? COMPARE_GREATER
				    : COMPARE_GREATER_EQUAL;
	if (fit_steps(&fit) && normal_form_is_driven(found)) {
		found->kind = POPULATION_SPIKING;
		found->starts_at_rest = true;
		found->model = model_name(found);
	} else {
		normal_form_give_up(found, polynomials);
	}
}
