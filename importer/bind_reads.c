/* bind_reads.c - what a projection reads at a column whose unit is silent, or fires. */
#include "importer/bind.h"

#include <math.h>
#include <string.h>

/* The columns of one projection, as the tensor that it reads gives them. */
struct columns {
	struct import *import;
	struct graph *graph;
	struct projection *projection;
	double *silent, *spike; /* of all columns */
	uint32_t step;		/* that the operation drives, NO_VALUE: not known */
	uint32_t count, units;	/* columns, and units of all their spans */
	bool delayed, now;
	bool plain;   /* silent is 0 and spike 1 everywhere, so far */
	bool other;   /* something that is not a function of spikes alone */
	bool input;   /* the model's input as it is */
	bool at_most; /* as projection.spike_at_most; of all operations so far */
};

/* --- whose spikes an atom is ------------------------------------------------------------------ */

enum atom_role { ROLE_OTHER, ROLE_SPIKES, ROLE_DELAYED_SPIKES, ROLE_INPUT };

/* The population's spike site number that the polynomial of a state output is. */
static bool
is_site(const struct polynomials *context, const struct polynomial *p, uint32_t site)
{
	return p && p->count == 1 && p->terms[0].degree == 1 &&
	       p->terms[0].atoms[0] == context->sites[site].atom &&
	       coefficient_is(&p->terms[0].coefficient, 1);
}

/* An input of the model that is no state, or a state that holds the population's
 * spikes of the step before. */
static enum atom_role
role_of_input(const struct import *import, const struct found_population *population,
	      uint32_t value)
{
	const struct program *program = &import->program;
	uint32_t i;

	for (i = 0; i < import->states.count; i++)
		if (program->inputs[import->states.pairs[i].input] == value)
			break;
	if (i == import->states.count)
		return program->values[value].kind == VALUE_INPUT ? ROLE_INPUT : ROLE_OTHER;
	if (population && population->spike_site != NO_VALUE &&
	    is_site(&import->polynomials,
		    import->polynomials.of[program->outputs[import->states.pairs[i].output]],
		    population->spike_site))
		return ROLE_DELAYED_SPIKES;
	return ROLE_OTHER;
}

/* A pool of spikes counts as spikes: 0 when they are all silent, at most their sum. */
static const struct atom *
behind_pool(const struct polynomials *context, uint32_t atom)
{
	const struct atom *a = &context->atoms[atom];

	while (a->kind == ATOM_SITE && context->sites[a->number].kind == SITE_POOLED)
		a = &context->atoms[context->sites[a->number].argument->terms[0].atoms[0]];
	return a;
}

static bool
pools_are_full(const struct polynomials *context, uint32_t atom)
{
	const struct atom *a = &context->atoms[atom];

	for (; a->kind == ATOM_SITE && context->sites[a->number].kind == SITE_POOLED;
	     a = &context->atoms[context->sites[a->number].argument->terms[0].atoms[0]])
		if (!context->sites[a->number].full)
			return false;
	return true;
}

/* It is 1 where its spikes are, at every position and step. */
static bool
is_full(const struct polynomials *context, uint32_t atom)
{
	const struct atom *a = behind_pool(context, atom);
	const struct site *site = a->kind == ATOM_SITE ? &context->sites[a->number] : NULL;
	bool full = !context->gaps && pools_are_full(context, atom);
	uint32_t i;

	for (i = 0; full && site && site->kind == SITE_STACKED && i < site->part_count; i++)
		full = pools_are_full(context, context->sites[site->parts->items[i]].atom);
	return full;
}

static bool
is_on_span(const struct columns *columns, uint32_t population, const struct span *span,
	   const struct axis *units)
{
	struct import *import = columns->import;

	if (span->axis != GRAPH_NONE)
		return columns->graph->populations[population].axis == span->axis;
	return axis_equal(&import->axes, import->neurons.populations[population].units, *units);
}

/* The owner has to stand on the span's axis. Spikes of an earlier step than the one
 * that they drive are delayed. What a ReLU gives counts as spikes: a unit whose
 * activation is 0 is silent. */
static enum atom_role
role_of_step(const struct columns *columns, const struct span *span, const struct axis *units,
	     uint32_t number)
{
	const struct import *import = columns->import;
	const struct site_owner *owner = &import->neurons.owners[number];

	if (owner->population == NO_VALUE || owner->guard ||
	    !is_on_span(columns, owner->population, span, units))
		return ROLE_OTHER;
	if (owner->step == NO_VALUE)
		return ROLE_DELAYED_SPIKES;
	return columns->step != NO_VALUE && owner->step < columns->step ? ROLE_DELAYED_SPIKES
									: ROLE_SPIKES;
}

/* Spikes of one population at all steps, put together: for the weights that make all
 * steps of the next. */
static enum atom_role
role_of_site(const struct columns *columns, const struct span *span, const struct axis *units,
	     uint32_t number)
{
	const struct polynomials *context = &columns->import->polynomials;
	const struct site_owner *owners = columns->import->neurons.owners;
	const struct site *site = &context->sites[number];
	uint32_t i, first = NO_VALUE;

	if (site->kind != SITE_STACKED)
		return role_of_step(columns, span, units, number);
	for (i = 0; i < site->part_count; i++) {
		const struct atom *part = behind_pool(context,
						      context->sites[site->parts->items[i]].atom);

		if (part->kind != ATOM_SITE || owners[part->number].population == NO_VALUE ||
		    owners[part->number].step == NO_VALUE || owners[part->number].guard)
			return ROLE_OTHER;
		first = first == NO_VALUE ? part->number : first;
		if (owners[part->number].population != owners[first].population)
			return ROLE_OTHER;
	}
	return is_on_span(columns, owners[first].population, span, units) ? ROLE_SPIKES
									  : ROLE_OTHER;
}

/* Over all populations on the span's axis; the role has to be clear. */
static enum atom_role
role_on_axis(const struct columns *columns, const struct span *span, const struct axis *units,
	     uint32_t atom)
{
	struct import *import = columns->import;
	const struct atom *a = behind_pool(&import->polynomials, atom);
	bool pooled = a != &import->polynomials.atoms[atom];
	enum atom_role role;
	uint32_t i;

	if (a->kind == ATOM_SITE)
		return role_of_site(columns, span, units, a->number);
	if (a->kind != ATOM_INPUT)
		return ROLE_OTHER;
	role = role_of_input(import, NULL, a->number);
	for (i = 0; i < import->neurons.count && role == ROLE_OTHER; i++)
		if (is_on_span(columns, i, span, units))
			role = role_of_input(import, &import->neurons.populations[i], a->number);
	return pooled && role == ROLE_INPUT ? ROLE_OTHER : role;
}

/* --- one span of columns ---------------------------------------------------------- */

/* Where a span stands: its first column, and how many units there are before it. */
struct place {
	uint32_t column, unit;
};

/* Coefficient at column c of the span: one for all, one a unit, or one a column. */
static bool
column_value(const struct columns *columns, const struct coefficient *coefficient,
	     const struct span *span, const struct place *place, uint32_t c, double *out)
{
	if (coefficient->count == 1)
		*out = coefficient->values[0];
	else if (coefficient->count == columns->count)
		*out = coefficient->values[place->column + c];
	else if (columns->units % coefficient->count == 0)
		*out = coefficient->values[(place->unit + c / span->inner % span->units) %
					   coefficient->count];
	else
		return false;
	return isfinite(*out);
}

static void
note_value(struct columns *columns, double *at, double value, double plain)
{
	*at = value;
	if (value != plain)
		columns->plain = false;
}

/* silent = constant term; spike = the sum of what the spikes add, all of one sign
 * when there are several. */
static bool
fill_span(struct columns *columns, const struct polynomial *p, const struct span *span,
	  const struct place *place)
{
	double *silent = columns->silent + place->column, *spike = columns->spike + place->column;
	uint32_t size = span->outer * span->units * span->inner, c, i;

	for (c = 0; c < size; c++) {
		double constant = 0, gain = 0, value;
		bool up = false, down = false;

		for (i = 0; i < p->count; i++) {
			if (!column_value(columns, &p->terms[i].coefficient, span, place, c,
					  &value))
				return false;
			if (p->terms[i].degree == 0) {
				constant = value;
				continue;
			}
			gain += value;
			up = up || value > 0;
			down = down || value < 0;
		}
		if (up && down)
			return false;
		note_value(columns, &silent[c], constant, 0);
		note_value(columns, &spike[c], gain, 1);
	}
	return true;
}

/* The term is 0 in every column of the span: it is another part's. */
static bool
is_absent(const struct columns *columns, const struct term *term, const struct span *span,
	  const struct place *place)
{
	uint32_t size = span->outer * span->units * span->inner, c;
	double value;

	if (term->coefficient.count == 1)
		return false;
	for (c = 0; c < size; c++)
		if (!column_value(columns, &term->coefficient, span, place, c, &value) ||
		    value != 0)
			return false;
	return true;
}

static bool
describe_span(struct columns *columns, const struct polynomial *p, const struct span *span,
	      const struct place *place, const struct axis *units)
{
	bool spikes = false;
	uint32_t i;

	for (i = 0; i < p->count; i++) {
		enum atom_role role;

		if (p->terms[i].degree == 0 || is_absent(columns, &p->terms[i], span, place))
			continue;
		if (p->terms[i].degree > 1)
			return false;
		role = role_on_axis(columns, span, units, p->terms[i].atoms[0]);
		if (role == ROLE_INPUT && p->count == 1 &&
		    coefficient_is(&p->terms[i].coefficient, 1)) {
			columns->input = true;
			return true;
		}
		if (role != ROLE_SPIKES && role != ROLE_DELAYED_SPIKES)
			return false;
		columns->at_most = columns->at_most ||
				   !is_full(&columns->import->polynomials, p->terms[i].atoms[0]);
		columns->now = columns->now || role == ROLE_SPIKES;
		columns->delayed = columns->delayed || role == ROLE_DELAYED_SPIKES;
		spikes = true;
	}
	return (spikes || span->axis == GRAPH_NONE) && fill_span(columns, p, span, place);
}

static void
set_counts(struct columns *columns, const struct dimension *dimension)
{
	uint32_t i;

	columns->count = (uint32_t)dimension_size(dimension);
	columns->units = 0;
	for (i = 0; i < dimension->count; i++)
		columns->units += dimension->spans[i].units;
}

static void
pass_span(struct place *place, const struct span *span)
{
	place->column += span->outer * span->units * span->inner;
	place->unit += span->units;
}

/* All columns, made by a tensor of this polynomial along the axis `units`. */
static void
describe(struct columns *columns, const struct polynomial *p, struct axis units)
{
	const struct dimension *dimension = &columns->projection->columns;
	struct place place = { 0, 0 };
	uint32_t i;

	set_counts(columns, dimension);
	for (i = 0; i < dimension->count; i++) {
		const struct span *span = &dimension->spans[i];

		if (!p || !describe_span(columns, p, span, &place, &units))
			columns->other = true;
		pass_span(&place, span);
	}
}

static void
freeze_sources(struct columns *columns, const struct operation *operation)
{
	const struct dimension *dimension = &columns->projection->columns;
	const char *reason = arena_printf(&columns->graph->arena,
					  "%s reads something else of it than its spikes",
					  operation_label(&columns->import->program, operation));
	uint32_t i;

	for (i = 0; i < dimension->count; i++)
		bind_freeze(columns->graph, dimension->spans[i].axis,
			    reason ? reason : "something else of it than its spikes is read");
}

/* Rounded to 255 codes between 0 and the largest: what is 0 or the largest stays that, but
 * for the last bit, and what is between them stays between. */
static bool
is_exact_in_codes(const struct columns *columns)
{
	uint32_t c;

	for (c = 0; !columns->input && c < columns->count; c++)
		if (columns->silent[c] != 0 || columns->spike[c] != columns->spike[0])
			break;
	return !columns->input && c == columns->count;
}

/* What one operation of the projection reads. */
static enum reads
describe_operation(struct columns *columns, const struct weight_operation *weight)
{
	const struct operation *operation = &columns->import->program.operations[weight->operation];

	columns->step =
		columns->import->neurons.step_of_weight[weight - columns->import->axes.weights];
	columns->at_most = columns->at_most || operation_pads(operation);
	columns->plain = true;
	columns->delayed = columns->now = columns->other = columns->input = false;
	describe(columns,
		 polynomial_read(&columns->import->polynomials, operation, weight->data_operand),
		 axis_resolve(&columns->import->axes, weight->columns));
	if (axes_quantizer_of(&columns->import->program, operation) && !is_exact_in_codes(columns))
		columns->other = true;
	if (columns->other || (columns->input && (columns->now || columns->delayed)) ||
	    (columns->now && columns->delayed))
		return READS_OTHER;
	return columns->input ? READS_INPUT : READS_SPIKES;
}

/* The later steps must read what the first does. */
static snnfit_status
compare_steps(struct columns *columns, uint32_t weight, snnfit_error *err)
{
	struct import *import = columns->import;
	struct projection *projection = columns->projection;
	uint32_t size = (uint32_t)dimension_size(&projection->columns);
	uint32_t step = import->neurons.next_instance[weight];
	bool plain = columns->plain;
	double *silent = columns->silent, *spike = columns->spike;

	if (step == NO_VALUE)
		return SNNFIT_OK;
	columns->silent = arena_zalloc(&import->arena, size, sizeof(double));
	columns->spike = arena_zalloc(&import->arena, size, sizeof(double));
	if (!columns->silent || !columns->spike)
		return error_no_memory(err);
	for (; step != NO_VALUE && projection->reads != READS_OTHER;
	     step = import->neurons.next_instance[step]) {
		const struct weight_operation *weights = &import->axes.weights[step];
		enum reads reads = describe_operation(columns, weights);

		if (reads == projection->reads && columns->delayed == projection->delayed &&
		    columns->plain == plain &&
		    (plain || (memcmp(columns->silent, silent, size * sizeof(double)) == 0 &&
			       memcmp(columns->spike, spike, size * sizeof(double)) == 0)))
			continue;
		projection->reads = READS_OTHER;
		freeze_sources(columns, &import->program.operations[weights->operation]);
	}
	columns->plain = plain;
	return SNNFIT_OK;
}

static bool
all_are(const double *values, uint32_t count, double value)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (values[i] != value)
			return false;
	return true;
}

snnfit_status
bind_reads(struct import *import, struct graph *graph, projection_id id, uint32_t weight,
	   snnfit_error *err)
{
	const struct weight_operation *first = &import->axes.weights[weight];
	struct projection *projection = &graph->projections[id];
	uint32_t size = (uint32_t)dimension_size(&projection->columns);
	struct columns columns = { .import = import, .graph = graph, .projection = projection };
	snnfit_status status;

	columns.silent = projection->silent = arena_zalloc(&graph->arena, size, sizeof(double));
	columns.spike = projection->spike = arena_zalloc(&graph->arena, size, sizeof(double));
	if (!projection->silent || !projection->spike)
		return error_no_memory(err);
	projection->reads = describe_operation(&columns, first);
	projection->delayed = columns.delayed;
	if (projection->reads == READS_OTHER)
		freeze_sources(&columns, &import->program.operations[first->operation]);
	status = compare_steps(&columns, weight, err);
	projection->spike_at_most = columns.at_most;
	if (projection->reads != READS_SPIKES || all_are(projection->silent, size, 0))
		projection->silent = NULL;
	if (projection->reads != READS_SPIKES || all_are(projection->spike, size, 1))
		projection->spike = NULL;
	return status;
}

/* --- sums ------------------------------------------------------------------------- */

static bool
has_spikes(const struct columns *columns, const struct span *span, const struct axis *units,
	   const struct term *term)
{
	uint32_t i;

	for (i = 0; i < term->degree; i++) {
		enum atom_role role = role_on_axis(columns, span, units, term->atoms[i]);

		if (role == ROLE_SPIKES || role == ROLE_DELAYED_SPIKES)
			return true;
	}
	return false;
}

/* The coefficient of what stands in the tensor has one number a unit. */
static bool
is_along(const struct columns *columns, uint32_t value, const struct coefficient *coefficient,
	 struct axis units)
{
	const struct tensor_axes *tensor = &columns->import->axes.tensors[value];

	return coefficient->place < tensor->rank &&
	       axis_equal(&columns->import->axes,
			  tensor->axes[tensor->rank - 1 - coefficient->place], units);
}

/* Every term of the tensor's polynomial is zero where the unit is silent. */
static bool
is_zero_when_silent(const struct columns *columns, const struct span *span,
		    const struct place *place, const struct axis *units, uint32_t value)
{
	const struct polynomial *p = columns->import->polynomials.of[value];
	uint32_t i;

	for (i = 0; i < p->count; i++)
		if (!has_spikes(columns, span, units, &p->terms[i]) &&
		    !(is_along(columns, value, &p->terms[i].coefficient, *units) &&
		      is_absent(columns, &p->terms[i], span, place)))
			return false;
	return true;
}

static const char *
reason_of_sum(const struct import *import, struct graph *graph, const struct operation *operation)
{
	const char *label = operation_label(&import->program, operation);

	if (operation_is(operation, "DynamicQuantizeLinear"))
		return arena_printf(&graph->arena, "%s takes its scale from all of its units",
				    label);
	return arena_printf(&graph->arena, "%s adds up its units", label);
}

static bool
bind_sum(struct import *import, struct graph *graph, const struct axis_total *sum)
{
	const struct operation *operation = &import->program.operations[sum->operation];
	struct columns columns = { .import = import, .graph = graph };
	struct axis units = axis_resolve(&import->axes, sum->axis);
	const char *reason = reason_of_sum(import, graph, operation);
	struct dimension dimension;
	struct place place = { 0, 0 };
	uint32_t i;

	if (!reason || !bind_dimension(import, graph, units, &import->arena, &dimension))
		return false;
	set_counts(&columns, &dimension);
	for (i = 0; i < dimension.count; i++) {
		const struct span *span = &dimension.spans[i];

		if (span->axis != GRAPH_NONE &&
		    is_zero_when_silent(&columns, span, &place, &units, operation->operands[0]))
			graph->axes[span->axis].dead_only = reason;
		else if (span->axis != GRAPH_NONE)
			bind_freeze(graph, span->axis, reason);
		pass_span(&place, span);
	}
	return true;
}

snnfit_status
bind_sums(struct import *import, struct graph *graph, snnfit_error *err)
{
	size_t i;

	for (i = 0; i < import->axes.sum_count; i++)
		if (!bind_sum(import, graph, &import->axes.sums[i]))
			return error_no_memory(err);
	return SNNFIT_OK;
}
