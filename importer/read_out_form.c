/* read_out_form.c - the decays of a read-out whose steps are all in the file.
 *
 * Nothing tests a read-out's membrane, so it stays a sum over the currents so far:
 *
 *     U[1] = g (I[1] + (a + e) I[0]),    U[2] = g (I[2] + (a + e) I[1] + (a2 + a e + e2) I[0])
 *
 * with the membrane's decay a and the synaptic current's e (0: there is none, and
 * the current is I itself). Which tensors are U shows in the ratios: with q that of
 * the second step, the third step must have a tensor of ratios q and q q - a e. The
 * current J[1] = I[1] + e I[0] is the first tensor that holds both. Of two steps only
 * the ratio q shows: it is the decay when nothing in the file has another one. */
#include "importer/unrolled_form.h"

#include <math.h>

enum { RATIOS_MAX = 16, READ_STEPS = 3 };

static const double tolerance = 1e-6;

/* A tensor that holds the currents of the first steps: coefficients by step. */
struct sum {
	double of[READ_STEPS];
	struct coefficient constant;
};

struct read_out {
	const struct neurons *neurons;
	struct found_population *found;
	struct polynomials *context;
	uint32_t weights[READ_STEPS]; /* NO_VALUE: the file has no such step */
	struct sum second[RATIOS_MAX], third[RATIOS_MAX];
	uint32_t second_count, third_count;
};

static bool
close_to(double a, double b)
{
	return fabs(a - b) <= tolerance * (1 + fabs(a) + fabs(b));
}

/* The steps that p is a sum of; 0: it is none, or of later steps as well. */
static uint32_t
read_sum(const struct read_out *fit, const struct polynomial *p, struct sum *out)
{
	uint32_t steps = 0, i, k;

	*out = (struct sum){ 0 };
	for (i = 0; i < p->count; i++) {
		const struct term *term = &p->terms[i];
		const struct atom *atom;

		if (!term->degree) {
			out->constant = term->coefficient;
			continue;
		}
		atom = &fit->context->atoms[term->atoms[0]];
		if (term->degree > 1 || atom->kind != ATOM_CURRENT || term->coefficient.count != 1)
			return 0;
		for (k = 0; k < READ_STEPS; k++)
			if (fit->context->currents[atom->number].weight == fit->weights[k])
				break;
		if (k == READ_STEPS)
			return 0;
		out->of[k] = term->coefficient.values[0];
		steps = k + 1 > steps ? k + 1 : steps;
	}
	return steps;
}

static void
collect(struct read_out *fit)
{
	const struct program *program = fit->context->axes->program;
	uint32_t i = fit->context->axes->weights[fit->weights[1]].operation + 1;

	for (; i < program->operation_count; i++) {
		const struct operation *operation = &program->operations[i];
		uint32_t value = operation->result_count ? operation->results[0] : NO_VALUE;
		struct sum sum;
		uint32_t steps = value == NO_VALUE ? 0
						   : read_sum(fit, fit->context->of[value], &sum);

		if (steps == 2 && sum.of[0] != 0 && fit->second_count < RATIOS_MAX)
			fit->second[fit->second_count++] = sum;
		if (steps == 3 && sum.of[0] != 0 && fit->third_count < RATIOS_MAX)
			fit->third[fit->third_count++] = sum;
	}
}

static bool
has_third(const struct read_out *fit, double q, double square)
{
	uint32_t i;

	for (i = 0; i < fit->third_count; i++) {
		const double *of = fit->third[i].of;

		if (close_to(of[1] / of[2], q) && close_to(of[0] / of[2], square))
			return true;
	}
	return false;
}

/* Two steps in the file, and one ratio in all that it makes of them. */
static bool
has_one_ratio(const struct read_out *fit)
{
	const struct sum *first = &fit->second[0];
	uint32_t i;

	for (i = 1; i < fit->second_count; i++)
		if (!close_to(fit->second[i].of[0] / fit->second[i].of[1],
			      first->of[0] / first->of[1]))
			return false;
	return fit->weights[2] == NO_VALUE && fit->second_count && fit->second_count < RATIOS_MAX;
}

/* The second step's U, for a synaptic current of this decay. NULL: none fits. */
static const struct sum *
find_membrane(const struct read_out *fit, double e)
{
	uint32_t i;

	for (i = 0; i < fit->second_count; i++) {
		const struct sum *sum = &fit->second[i];
		double q = sum->of[0] / sum->of[1], a = q - e;

		if ((e == 0 || !close_to(q, e)) && has_third(fit, q, q * q - a * e))
			return sum;
	}
	return NULL;
}

static struct coefficient
quotient(struct read_out *fit, const struct coefficient *a, double by)
{
	const struct polynomial *p;

	if (!a->count)
		return coefficient_scalar(fit->context, 0);
	p = polynomial_multiply(fit->context, polynomial_constant(fit->context, *a),
				polynomial_scalar(fit->context, 1 / by));
	return p && p->count ? p->terms[0].coefficient : coefficient_scalar(fit->context, 0);
}

static void
put(struct read_out *fit, const struct sum *membrane, double e)
{
	struct found_population *found = fit->found;
	struct polynomials *context = fit->context;
	double q = membrane->of[0] / membrane->of[1], g = membrane->of[1];
	bool decayed = e != 0 && close_to(g, e); /* see set_current of unrolled_form.c */

	found->decay = coefficient_scalar(context, q - e);
	found->input_gain = coefficient_scalar(context, decayed ? 1 : g);
	found->gains[0] = coefficient_scalar(context, g);
	found->offset = quotient(fit, &membrane->constant, 1 + q);
	if (e == 0)
		return;
	found->current = decayed ? CURRENT_NEW : CURRENT_OLD_AND_INPUT;
	found->current_decay = found->current_gain = coefficient_scalar(context, e);
}

void
read_out_form_fit(const struct neurons *neurons, struct found_population *found,
		  struct polynomials *polynomials)
{
	struct read_out fit = { .neurons = neurons,
				.found = found,
				.context = polynomials,
				.weights = { NO_VALUE, NO_VALUE, NO_VALUE } };
	const struct sum *membrane = NULL;
	double e = 0;
	uint32_t k, weight = found->weights[0];

	for (k = 0; k < READ_STEPS && weight != NO_VALUE; k++) {
		fit.weights[k] = weight;
		weight = neurons->next_instance[weight];
	}
	if (found->weight_count != 1 || k < 2)
		return;
	collect(&fit);
	if (fit.second_count) {
		e = fit.second[0].of[0] / fit.second[0].of[1];
		membrane = find_membrane(&fit, e);
	}
	if (!membrane && has_one_ratio(&fit)) {
		e = 0;
		membrane = &fit.second[0];
	}
	if (!membrane) {
		e = 0;
		membrane = find_membrane(&fit, e);
	}
	if (membrane)
		put(&fit, membrane, e);
}
