#include "opt/fit.h"
#include "opt/magnitude_pruning.h"
#include "opt/quantization.h"
#include "opt/units.h"

#include <math.h>

#define FIRST_THRESHOLD 0.003
#define THRESHOLD_FACTOR 3.0

enum { FIRST_BITS = 14, BITS_STEP = 2, LEAST_BITS = 4 };

/* A model on the way: graph and design, and what they take. */
struct candidate {
	struct graph *graph;
	struct design design;
	struct cost cost;
	const struct measurement *accuracy; /* after a step that changed weights */
};

struct ladder {
	const struct fit_options *options;
	cost_function cost;
	void *cost_context;
	fit_observer observer;
	void *observer_context;
	struct fit_result *result;
	struct graph *original; /* the caller's, never freed here */
	struct candidate now, best;
	double best_excess;
	double threshold; /* of the next pruning */
	uint32_t bits;	  /* of the next quantization */
	bool halving_over, pruning_over, quantizing_over;
	bool stopped; /* a layer would be pruned to nothing */
};

/* --- resources ------------------------------------------------------------- */

static const char *const resource_names[RESOURCE_COUNT] = {
	[RESOURCE_LUT] = "LUT",	  [RESOURCE_FF] = "FF",	  [RESOURCE_LOGIC_CELLS] = "logic cells",
	[RESOURCE_BRAM] = "BRAM", [RESOURCE_DSP] = "DSP",
};

static bool
exceeded(const struct resource_use *use)
{
	return use->checked && use->high > use->available;
}

/* How far from fitting: the worst share of what is available. None at all counts
 * as one, so that less is nearer there, too. */
static double
excess(const struct cost *cost)
{
	double worst = 0.0;
	int i;

	for (i = 0; i < RESOURCE_COUNT; i++) {
		const struct resource_use *use = &cost->resources[i];

		if (use->checked && use->high > 0.0)
			worst = fmax(worst, use->high / fmax(use->available, 1.0));
	}
	return worst;
}

/* A resource that is exceeded before is used less after. */
static bool
relieves(const struct cost *before, const struct cost *after)
{
	int i;

	for (i = 0; i < RESOURCE_COUNT; i++)
		if (exceeded(&before->resources[i]) &&
		    after->resources[i].high < before->resources[i].high)
			return true;
	return false;
}

static snnfit_status
ask_cost(struct ladder *ladder, struct candidate *candidate, snnfit_error *err)
{
	return ladder->cost(ladder->cost_context, candidate->graph, &candidate->design,
			    &candidate->cost, err);
}

/* --- what is reported -------------------------------------------------------- */

static snnfit_status
sparsity_of(const struct graph *graph, double *out, snnfit_error *err)
{
	uint64_t all = 0, nonzero = 0;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++) {
		const struct projection *projection = &graph->projections[i];
		struct prune_count count;

		if (projection->removed)
			continue;
		status = prune_count(projection, 0.0, NULL, &count, err);
		all += (uint64_t)projection->weights->rows * projection->weights->columns;
		nonzero += count.nonzero;
	}
	*out = all > 0 ? 1.0 - (double)nonzero / (double)all : 0.0;
	return status;
}

static uint32_t
widest_weights(const struct graph *graph, const struct design *design)
{
	uint32_t widest = 0;
	size_t i;

	for (i = 0; i < graph->projection_count; i++) {
		uint32_t bits = graph->projections[i].quantization.bits;

		if (graph->projections[i].removed)
			continue;
		if (bits == 0)
			bits = design->float_bits;
		if (bits > widest)
			widest = bits;
	}
	return widest;
}

/* action is in the result's arena, or NULL: out of memory. */
static snnfit_status
note_skip(struct ladder *ladder, const char *action, const char *reason, snnfit_error *err)
{
	struct fit_result *result = ladder->result;
	char *copy = reason ? arena_strdup(&result->arena, reason) : NULL;

	if (!action || !copy ||
	    !arena_grow(&result->arena, &result->skipped, result->skipped_count,
			&result->skipped_capacity, sizeof *result->skipped))
		return error_no_memory(err);
	result->skipped[result->skipped_count++] = (struct fit_skip){ action, copy };
	return SNNFIT_OK;
}

static snnfit_status
note_useless(struct ladder *ladder, const char *action, snnfit_error *err)
{
	struct text names = { 0 };
	snnfit_status status;
	int i;

	text_append(&names, "it would lower none of what is exceeded:");
	for (i = 0; i < RESOURCE_COUNT; i++)
		if (exceeded(&ladder->now.cost.resources[i]))
			text_printf(&names, " %s", resource_names[i]);
	status = text_failed(&names) ? error_no_memory(err)
				     : note_skip(ladder, action, names.chars, err);
	text_free(&names);
	return status;
}

static snnfit_status
note_step(struct ladder *ladder, const char *action, const struct cost *before, snnfit_error *err)
{
	struct fit_result *result = ladder->result;
	const struct candidate *now = &ladder->now;
	struct fit_step step = { .action = action,
				 .lut_before = before->resources[RESOURCE_LUT].used,
				 .lut_after = now->cost.resources[RESOURCE_LUT].used,
				 .bitstream_length = now->design.bitstream_length,
				 .accuracy = now->accuracy,
				 .weight_bits = widest_weights(now->graph, &now->design) };
	snnfit_status status = sparsity_of(now->graph, &step.sparsity, err);

	if (status != SNNFIT_OK)
		return status;
	if (!action || !arena_grow(&result->arena, &result->steps, result->step_count,
				   &result->step_capacity, sizeof *result->steps))
		return error_no_memory(err);
	result->steps[result->step_count++] = step;
	if (!ladder->observer)
		return SNNFIT_OK;
	return ladder->observer(ladder->observer_context, &step, now->graph, err);
}

/* --- going on ------------------------------------------------------------------ */

/* Frees a graph that nobody holds any more. */
static void
drop(const struct ladder *ladder, struct graph *graph)
{
	if (graph != ladder->original && graph != ladder->now.graph && graph != ladder->best.graph)
		graph_free(graph);
}

static void
remember_best(struct ladder *ladder)
{
	struct graph *old = ladder->best.graph;
	double now = excess(&ladder->now.cost);

	if (!ladder->now.cost.fits && now >= ladder->best_excess)
		return;
	ladder->best = ladder->now;
	ladder->best_excess = now;
	ladder->result->kept_steps = ladder->result->step_count;
	drop(ladder, old);
}

/* next, which may share the graph of now, becomes now. */
static snnfit_status
take_step(struct ladder *ladder, const char *action, const struct candidate *next,
	  snnfit_error *err)
{
	struct candidate last = ladder->now;
	snnfit_status status;

	ladder->now = *next;
	drop(ladder, last.graph);
	status = note_step(ladder, action, &last.cost, err);
	if (status == SNNFIT_OK)
		remember_best(ladder);
	return status;
}

/* --- rungs: *acted says that a step was recorded ----------------------------------- */

static bool
can_halve(const struct ladder *ladder)
{
	return ladder->now.design.architecture == ARCHITECTURE_SC && !ladder->halving_over &&
	       ladder->now.design.bitstream_length > ladder->options->minimum_bitstream_length;
}

static snnfit_status
halve(struct ladder *ladder, bool *acted, snnfit_error *err)
{
	struct candidate next = ladder->now;
	uint32_t half = next.design.bitstream_length / 2;
	const char *action;
	snnfit_status status;

	if (half < ladder->options->minimum_bitstream_length)
		half = ladder->options->minimum_bitstream_length;
	next.design.bitstream_length = half;
	next.accuracy = NULL;
	action = arena_printf(&ladder->result->arena, "halve bitstream length to %u", half);
	status = ask_cost(ladder, &next, err);
	if (status != SNNFIT_OK)
		return status;
	*acted = relieves(&ladder->now.cost, &next.cost);
	if (*acted)
		return take_step(ladder, action, &next, err);
	ladder->halving_over = true;
	return note_useless(ladder, action, err);
}

/* --- accuracy: of a step that is of use ------------------------------------------------ */

static snnfit_status
note_limit(struct ladder *ladder, const char *action, const struct measurement *accuracy,
	   snnfit_error *err)
{
	const struct calibration *calibration = ladder->options->calibration;
	double before = 100.0 * measurement_accuracy(calibration->before);
	double after = 100.0 * measurement_accuracy(accuracy);
	const char *reason = arena_printf(&ladder->result->arena,
					  "accuracy would be %.2f %%, down %.2f points: more than "
					  "the %g allowed",
					  after, before - after, calibration->max_drop);

	ladder->result->limited = true;
	return reason ? note_skip(ladder, action, reason, err) : error_no_memory(err);
}

/* Takes the step, unless it would break the limit: then *over. */
static snnfit_status
take_measured(struct ladder *ladder, const char *action, struct candidate *next, bool *acted,
	      bool *over, snnfit_error *err)
{
	const struct calibration *calibration = ladder->options->calibration;
	snnfit_status status;

	if (calibration_measures(calibration)) {
		status = calibration->measure(calibration->context, next->graph, &next->accuracy,
					      err);
		if (status != SNNFIT_OK)
			return status;
		*over = !calibration_allows(calibration, next->accuracy);
	}
	if (*over)
		return note_limit(ladder, action, next->accuracy, err);
	*acted = true;
	return take_step(ladder, action, next, err);
}

/* What a pruning of everything would do. */
struct pruning {
	const char *emptied; /* the first layer that would have no weights left, or NULL */
	uint64_t pruned, left;
};

static snnfit_status
prune_all(struct graph *graph, double threshold, struct pruning *pruning, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++) {
		struct projection *projection = &graph->projections[i];
		struct prune_count count;

		if (projection->removed || !projection_editable(graph, projection))
			continue;
		status = prune_count(projection, threshold, NULL, &count, err);
		pruning->pruned += count.pruned;
		pruning->left += count.nonzero - count.pruned;
		if (status != SNNFIT_OK || count.pruned == 0)
			continue;
		if (count.pruned == count.nonzero && !pruning->emptied)
			pruning->emptied = graph->populations[projection->target].name;
		status = prune_projection(projection, threshold, NULL, err);
	}
	return status;
}

/* Only a pruning that would be of use is one that must not empty a layer. */
static snnfit_status
judge_pruning(struct ladder *ladder, const char *action, struct candidate *next,
	      const struct pruning *pruning, bool *acted, snnfit_error *err)
{
	snnfit_status status = ask_cost(ladder, next, err);
	const char *reason;

	if (status != SNNFIT_OK)
		return status;
	if (!relieves(&ladder->now.cost, &next->cost))
		return note_useless(ladder, action, err);
	if (pruning->emptied) {
		ladder->stopped = true;
		reason = arena_printf(&ladder->result->arena,
				      "layer '%s' would have no weights left: the ladder stops "
				      "here",
				      pruning->emptied);
		return note_skip(ladder, action, reason, err);
	}
	return take_measured(ladder, action, next, acted, &ladder->pruning_over, err);
}

static snnfit_status
prune(struct ladder *ladder, bool *acted, snnfit_error *err)
{
	struct candidate next = ladder->now;
	struct pruning pruning = { 0 };
	const char *action = arena_printf(&ladder->result->arena, "prune at %g", ladder->threshold);
	snnfit_status status = graph_copy(&next.graph, ladder->now.graph, err);

	if (status != SNNFIT_OK)
		return status;
	status = prune_all(next.graph, ladder->threshold, &pruning, err);
	if (status == SNNFIT_OK && pruning.pruned == 0)
		status = note_skip(ladder, action, "no weight is that small", err);
	else if (status == SNNFIT_OK)
		status = judge_pruning(ladder, action, &next, &pruning, acted, err);
	ladder->pruning_over |= pruning.left == 0;
	ladder->threshold *= THRESHOLD_FACTOR;
	drop(ladder, next.graph);
	return status;
}

static snnfit_status
quantize_all(struct graph *graph, uint32_t bits, uint64_t *changed, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	projection_id id;

	for (id = 0; id < graph->projection_count && status == SNNFIT_OK; id++) {
		const struct projection *projection = &graph->projections[id];

		if (projection->removed || quantize_reason(graph, projection, bits))
			continue;
		status = quantize_projection(graph, id, bits, false, err);
		++*changed;
	}
	return status;
}

static snnfit_status
judge_quantizing(struct ladder *ladder, const char *action, struct candidate *next, bool *acted,
		 snnfit_error *err)
{
	snnfit_status status = ask_cost(ladder, next, err);

	if (status != SNNFIT_OK)
		return status;
	if (!relieves(&ladder->now.cost, &next->cost))
		return note_useless(ladder, action, err);
	return take_measured(ladder, action, next, acted, &ladder->quantizing_over, err);
}

static snnfit_status
quantize(struct ladder *ladder, bool *acted, snnfit_error *err)
{
	struct candidate next = ladder->now;
	uint64_t changed = 0;
	const char *action = arena_printf(&ladder->result->arena, "quantize to %u bits",
					  ladder->bits);
	snnfit_status status = graph_copy(&next.graph, ladder->now.graph, err);

	if (status != SNNFIT_OK)
		return status;
	status = quantize_all(next.graph, ladder->bits, &changed, err);
	if (status == SNNFIT_OK && changed == 0)
		status = note_skip(ladder, action, "no weights have more bits than that", err);
	else if (status == SNNFIT_OK)
		status = judge_quantizing(ladder, action, &next, acted, err);
	ladder->quantizing_over |= ladder->bits <= LEAST_BITS;
	ladder->bits -= BITS_STEP;
	drop(ladder, next.graph);
	return status;
}

/* --- the ladder ------------------------------------------------------------------------ */

static bool
may_go_on(const struct ladder *ladder)
{
	return !ladder->now.cost.fits && !ladder->stopped &&
	       (can_halve(ladder) || !ladder->pruning_over || !ladder->quantizing_over);
}

static snnfit_status
iterate(struct ladder *ladder, snnfit_error *err)
{
	bool halved = false, pruned = false, quantized = false;
	snnfit_status status = SNNFIT_OK;

	if (can_halve(ladder)) {
		status = halve(ladder, &halved, err);
	} else {
		if (!ladder->pruning_over)
			status = prune(ladder, &pruned, err);
		if (status == SNNFIT_OK && !ladder->quantizing_over && may_go_on(ladder))
			status = quantize(ladder, &quantized, err);
	}
	ladder->result->iterations += halved || pruned || quantized;
	return status;
}

/* Whoever keeps a result must not need the graphs that it came from. */
static snnfit_status
keep_names(struct fit_result *result, struct cost *cost, snnfit_error *err)
{
	int i;

	for (i = 0; i < RESOURCE_COUNT; i++) {
		struct resource_use *use = &cost->resources[i];

		if (!use->worst_layer)
			continue;
		use->worst_layer = arena_strdup(&result->arena, use->worst_layer);
		if (!use->worst_layer)
			return error_no_memory(err);
	}
	return SNNFIT_OK;
}

static snnfit_status
start(struct ladder *ladder, snnfit_error *err)
{
	snnfit_status status = ask_cost(ladder, &ladder->now, err);

	if (status != SNNFIT_OK)
		return status;
	ladder->best = ladder->now;
	ladder->best_excess = excess(&ladder->now.cost);
	ladder->result->before = ladder->now.cost;
	return keep_names(ladder->result, &ladder->result->before, err);
}

static snnfit_status
finish(struct ladder *ladder, snnfit_error *err)
{
	struct fit_result *result = ladder->result;
	const struct candidate *best = &ladder->best;

	result->fits = best->cost.fits;
	result->stopped = ladder->stopped;
	result->design = best->design;
	result->after = best->cost;
	result->weight_bits = widest_weights(best->graph, &best->design);
	if (keep_names(result, &result->after, err) != SNNFIT_OK)
		return SNNFIT_ENOMEM;
	return sparsity_of(best->graph, &result->sparsity, err);
}

static snnfit_status
climb(struct ladder *ladder, snnfit_error *err)
{
	snnfit_status status = start(ladder, err);

	while (status == SNNFIT_OK && may_go_on(ladder) &&
	       ladder->result->iterations < ladder->options->max_iterations)
		status = iterate(ladder, err);
	return status == SNNFIT_OK ? finish(ladder, err) : status;
}

/* The best model takes the place of the caller's, when found; whatever else was
 * made goes. */
static void
hand_over(struct ladder *ladder, struct graph **graph, bool found)
{
	struct graph *kept = found ? ladder->best.graph : ladder->original;

	if (ladder->now.graph != kept && ladder->now.graph != ladder->best.graph)
		graph_free(ladder->now.graph);
	if (ladder->best.graph != kept && ladder->best.graph != ladder->original)
		graph_free(ladder->best.graph);
	if (ladder->original != kept)
		graph_free(ladder->original);
	*graph = kept;
}

snnfit_status
fit_ladder(struct graph **graph, const struct design *design, const struct fit_options *options,
	   cost_function cost, void *cost_context, fit_observer observer, void *observer_context,
	   struct fit_result *result, snnfit_error *err)
{
	struct ladder ladder = { .options = options,
				 .cost = cost,
				 .cost_context = cost_context,
				 .observer = observer,
				 .observer_context = observer_context,
				 .result = result,
				 .original = *graph,
				 .now = { .graph = *graph, .design = *design },
				 .threshold = FIRST_THRESHOLD,
				 .bits = FIRST_BITS };
	snnfit_status status;

	*result = (struct fit_result){ 0 };
	status = climb(&ladder, err);
	if (status != SNNFIT_OK)
		fit_result_free(result);
	hand_over(&ladder, graph, status == SNNFIT_OK);
	return status;
}

void
fit_result_free(struct fit_result *result)
{
	arena_free(&result->arena);
	*result = (struct fit_result){ 0 };
}
