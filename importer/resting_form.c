/* resting_form.c - one step whose state is constants in the file.
 *
 * p = g I + offset - threshold is all that the file has of the neuron: what the
 * state would have done (its decay, the reset) was folded away with it. The
 * threshold is the constant that the test compares with. */
#include "importer/unrolled_form.h"

#include "importer/normal_form.h"

static bool
read_drive(const struct neurons *neurons, struct found_population *found,
	   struct polynomials *context, const struct polynomial *p)
{
	uint32_t i, j;

	for (i = 0; i < p->count; i++) {
		const struct term *term = &p->terms[i];
		const struct atom *atom = term->degree ? &context->atoms[term->atoms[0]] : NULL;
		const struct polynomial *gain;

		if (!atom)
			continue;
		if (term->degree > 1 || atom->kind != ATOM_CURRENT)
			return false;
		gain = polynomial_multiply(
			context, polynomial_constant(context, term->coefficient),
			polynomial_constant(context, context->currents[atom->number].scale));
		for (j = 0; gain && gain->count && j < found->weight_count; j++)
			if (found->weights[j] ==
			    neurons->first_instance[context->currents[atom->number].weight]) {
				if (found->gains[j].count)
					return false; /* the same weights twice */
				found->gains[j] = gain->terms[0].coefficient;
			}
		if (!found->input_gain.count)
			found->input_gain = term->coefficient;
	}
	for (j = 0; j < found->weight_count; j++)
		if (!found->gains[j].count)
			return false;
	return true;
}

static struct coefficient
constant_of_polynomial(struct polynomials *context, const struct polynomial *p)
{
	return p && p->count && !p->terms[0].degree ? p->terms[0].coefficient
						    : coefficient_scalar(context, 0);
}

/* What it makes of its membrane is tested: there is another step, of weights of its own. */
static bool
goes_on(const struct polynomials *context, const struct site *site)
{
	const struct link *link = site->potential == NO_VALUE
					  ? NULL
					  : lists_at(&context->tests, site->potential);

	while (link && context->sites[link->item].kind > SITE_GREATER_EQUAL)
		link = lists_next(&context->tests, link);
	return link != NULL;
}

void
resting_form_fit(const struct neurons *neurons, struct found_population *found,
		 struct polynomials *polynomials)
{
	const struct site *site = &polynomials->sites[found->spike_site];
	const struct polynomial *potential =
		site->bound ? polynomial_add(polynomials, site->argument, site->bound, 1) : NULL;

	if (!potential || goes_on(polynomials, site) ||
	    !read_drive(neurons, found, polynomials, site->argument)) {
		normal_form_give_up(found, polynomials);
		return;
	}
	found->comparison = site->kind == SITE_GREATER ? COMPARE_GREATER : COMPARE_GREATER_EQUAL;
	found->threshold = constant_of_polynomial(polynomials, site->bound);
	found->offset = constant_of_polynomial(polynomials, potential);
	found->kind = POPULATION_SPIKING;
	found->model = "LIF";
	if (site->spikes == NO_VALUE)
		return;
	found->comparison = COMPARE_GREATER_EQUAL;
	found->threshold = constant_of_polynomial(polynomials,
						  polynomials->sites[site->spikes].bound);
	found->counts = true;
	if (polynomials->sites[site->spikes].limit)
		found->count_limit = constant_of_polynomial(polynomials,
							    polynomials->sites[site->spikes].limit);
	found->model = "multi-spike";
}

/* What leaves the model is a multiple of the current. */
static const struct polynomial *
find_output(struct found_population *found, struct polynomials *context)
{
	const struct program *program = context->axes->program;
	uint32_t i, k;

	for (i = 0; i < program->output_count; i++) {
		const struct polynomial *p = context->of[program->outputs[i]];
		bool own = p->count > 0;

		for (k = 0; own && k < p->count; k++) {
			const struct atom *atom = p->terms[k].degree
							  ? &context->atoms[p->terms[k].atoms[0]]
							  : NULL;

			own = !atom ||
			      (p->terms[k].degree == 1 && atom->kind == ATOM_CURRENT &&
			       context->currents[atom->number].weight == found->weights[0]);
		}
		if (own && p->terms[p->count - 1].degree)
			return p;
	}
	return NULL;
}

void
resting_read_out_fit(const struct neurons *neurons, struct found_population *found,
		     struct polynomials *polynomials)
{
	const struct polynomial *out = find_output(found, polynomials);

	if (found->weight_count != 1 || !out ||
	    coefficient_is(&out->terms[out->count - 1].coefficient, 1))
		return;
	found->input_gain = out->terms[out->count - 1].coefficient;
	found->offset = constant_of_polynomial(polynomials, out);
	found->gains[0] = (struct coefficient){ 0 };
	(void)read_drive(neurons, found, polynomials, out);
}
