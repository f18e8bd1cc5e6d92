/* pipeline.c - the table of passes, and the driver that repeats them until nothing changes. */
#include "opt/pass_list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct pass passes[] = {
	{ "dead_neuron_elimination",
	  "remove neurons that never spiked on the calibration data, and those nobody reads", true,
	  false, false, dead_neuron_elimination },
	{ "silent_neuron_elimination",
	  "remove neurons that cannot reach their threshold, whatever the input", true, true, true,
	  silent_neuron_elimination },
	{ "always_firing_elimination",
	  "fold neurons that spike in every step, whatever the input, into biases", true, true,
	  true, always_firing_elimination },
	{ "redundancy_elimination", "merge neurons that do the same as another one", true, false,
	  true, redundancy_elimination },
	{ "behavioural_redundancy",
	  "merge neurons whose spike trains agree on the data of --inputs", false, false, true,
	  behavioural_redundancy },
	{ "layer_fusion", "replace a near-silent layer by the linear map that comes closest to it",
	  true, false, true, layer_fusion },
	{ "magnitude_pruning", "set small weights to zero", false, false, true, magnitude_pruning },
	{ "quantization", "round weights to a few bits, least squared error", false, false, true,
	  quantization },
	{ 0 },
};

const struct pass_options pass_options_default = {
	.redundancy_cosine = 0.99,
	.behavioural_agreement = 0.99,
	.fusion_activity = 0.01,
	.prune_threshold = 0.01,
	.quantize_bits = 8,
};

const struct pass *
pass_find(const char *name)
{
	const struct pass *pass;

	for (pass = passes; pass->name; pass++)
		if (strcmp(pass->name, name) == 0)
			return pass;
	return NULL;
}

snnfit_status
pass_skip(struct pass_context *context, const char *layer, const char *reason, snnfit_error *err)
{
	struct pass_report *report = context->report;
	struct pass_skip skip = { arena_strdup(context->arena, layer),
				  arena_strdup(context->arena, reason) };

	if (!skip.layer || !skip.reason ||
	    !arena_grow(context->arena, &report->skipped, report->skipped_count,
			&report->skipped_capacity, sizeof *report->skipped))
		return error_no_memory(err);
	report->skipped[report->skipped_count++] = skip;
	return SNNFIT_OK;
}

/* --- what was asked for ---------------------------------------------------- */

static snnfit_status
refuse_option(const char *what, snnfit_error *err)
{
	return error_set(err, SNNFIT_EUSAGE, "%s", what);
}

static snnfit_status
check_options(const struct pass_options *options, snnfit_error *err)
{
	if (!(options->dead_below >= 0.0) || !isfinite(options->dead_below))
		return refuse_option("the rate up to which a neuron is dead must be 0 or more",
				     err);
	if (options->input_range_known &&
	    (!isfinite(options->input_low) || !isfinite(options->input_high) ||
	     options->input_low > options->input_high))
		return refuse_option("the input range must be two numbers, the lower one first",
				     err);
	if (!(options->redundancy_cosine > 0.0 && options->redundancy_cosine < 1.0))
		return refuse_option("the cosine of redundant neurons must be between 0 and 1",
				     err);
	if (!(options->behavioural_agreement > 0.5 && options->behavioural_agreement <= 1.0))
		return refuse_option("the agreement of spike trains must be over 0.5, 1 at most",
				     err);
	if (!(options->fusion_activity >= 0.0) || !isfinite(options->fusion_activity))
		return refuse_option("the activity of a near-silent layer must be 0 or more", err);
	if (!(options->prune_threshold >= 0.0) || !isfinite(options->prune_threshold))
		return refuse_option("the threshold of pruning must be 0 or more", err);
	if (options->quantize_bits < 2 || options->quantize_bits > 16)
		return refuse_option("weights can be quantized to 2 to 16 bits", err);
	return SNNFIT_OK;
}

/* The passes named, in order. */
struct pipeline {
	const struct pass **passes;
	size_t count;
};

static snnfit_status
refuse_name(const char *name, size_t length, snnfit_error *err)
{
	struct text known = { 0 };
	const struct pass *pass;
	snnfit_status status;

	for (pass = passes; pass->name; pass++)
		text_printf(&known, "%s%s", pass == passes ? "" : ", ", pass->name);
	if (text_failed(&known))
		status = error_no_memory(err);
	else
		status = error_set(err, SNNFIT_EUSAGE, "unknown pass '%.*s': known are %s",
				   (int)(length < 64 ? length : 64), name, known.chars);
	text_free(&known);
	return status;
}

static const struct pass *
find_part(const char *name, size_t length)
{
	const struct pass *pass;

	for (pass = passes; pass->name; pass++)
		if (strlen(pass->name) == length && strncmp(pass->name, name, length) == 0)
			return pass;
	return NULL;
}

/* Spaces around a name are not part of it. */
static size_t
trim(const char **name, size_t length)
{
	while (length > 0 && **name == ' ') {
		++*name;
		length--;
	}
	while (length > 0 && (*name)[length - 1] == ' ')
		length--;
	return length;
}

static snnfit_status
add_named(struct pipeline *pipeline, const char *names, snnfit_error *err)
{
	for (;;) {
		const char *end = strchrnul(names, ','), *name = names;
		size_t length = trim(&name, (size_t)(end - names));
		const struct pass *pass = find_part(name, length);

		if (!pass)
			return refuse_name(name, length, err);
		pipeline->passes[pipeline->count++] = pass;
		if (!*end)
			return SNNFIT_OK;
		names = end + 1;
	}
}

static void
add_default(struct pipeline *pipeline)
{
	const struct pass *pass;

	for (pass = passes; pass->name; pass++)
		if (pass->by_default)
			pipeline->passes[pipeline->count++] = pass;
}

static snnfit_status
pipeline_new(struct pipeline *pipeline, const char *names, struct arena *arena, snnfit_error *err)
{
	size_t most = sizeof passes / sizeof *passes + (names ? strlen(names) : 0);

	*pipeline =
		(struct pipeline){ .passes = arena_alloc(arena, most, sizeof *pipeline->passes) };
	if (!pipeline->passes)
		return error_no_memory(err);
	if (!names)
		add_default(pipeline);
	else if (strcmp(names, "none") != 0)
		return add_named(pipeline, names, err);
	return SNNFIT_OK;
}

/* --- the driver -------------------------------------------------------------- */

struct run {
	struct graph *graph;
	const struct pass_options *options;
	struct pipeline pipeline;
	struct optimize_report *report;
	optimize_observer observer;
	void *context;
	bool changed;	  /* in this round */
	uint64_t version; /* of the graph: how often it has changed, from 1 on */
	uint64_t *tried;  /* a pass each: the version that it ran on last */
};

/* Adds a round to what is known of a pass. What it left alone in the last round is
 * what it leaves alone. */
static void
add_round(struct pass_report *total, const struct pass_report *round)
{
	total->changed |= round->changed;
	total->dead_neurons_removed += round->dead_neurons_removed;
	total->unread_neurons_removed += round->unread_neurons_removed;
	total->silent_neurons_removed += round->silent_neurons_removed;
	total->always_firing_neurons_folded += round->always_firing_neurons_folded;
	total->redundant_pairs_merged += round->redundant_pairs_merged;
	total->layers_fused += round->layers_fused;
	total->weights_pruned += round->weights_pruned;
	total->weights_quantized += round->weights_quantized;
	total->drive_error_bound += round->drive_error_bound;
	if (fabs(round->drive_variance_change) > fabs(total->drive_variance_change))
		total->drive_variance_change = round->drive_variance_change;
	if (round->layers_fitted > 0 &&
	    (total->layers_fitted == 0 || round->fusion_r2 < total->fusion_r2))
		total->fusion_r2 = round->fusion_r2;
	total->layers_fitted += round->layers_fitted;
	if (round->samples_recorded > 0)
		total->samples_recorded = round->samples_recorded;
	if (round->least_agreement > 0.0 &&
	    (total->least_agreement == 0.0 || round->least_agreement < total->least_agreement))
		total->least_agreement = round->least_agreement;
	total->always_firing_neurons_unproved = round->always_firing_neurons_unproved;
	total->skipped = round->skipped;
	total->skipped_count = round->skipped_count;
	total->skipped_capacity = round->skipped_capacity;
}

static snnfit_status
verify_after(const struct graph *graph, const char *pass, snnfit_error *err)
{
	snnfit_error why = { 0 };

	if (graph_verify(graph, &why) == SNNFIT_OK)
		return SNNFIT_OK;
	if (why.status == SNNFIT_ENOMEM)
		return error_no_memory(err);
	return error_set(err, SNNFIT_EINTERNAL, "%s left a broken graph behind: %.300s", pass,
			 why.text);
}

/* The network after a change, measured where that is wanted. */
static snnfit_status
note_change(struct run *run, const char *pass, struct pass_change *change, snnfit_error *err)
{
	const struct calibration *calibration = run->options->calibration;
	struct optimize_report *report = run->report;
	bool measures = calibration_measures(calibration);
	snnfit_status status;

	*change = (struct pass_change){ .pass = pass, .neurons = graph_count_neurons(run->graph) };
	status = graph_count_parameters(run->graph, &change->parameters,
					measures ? &change->nonzero : NULL, err);
	if (status == SNNFIT_OK && measures) {
		status = calibration->measure(calibration->context, run->graph, &change->accuracy,
					      err);
		change->undone = status == SNNFIT_OK &&
				 !calibration_allows(calibration, change->accuracy);
	}
	if (status != SNNFIT_OK)
		return status;
	if (!arena_grow(&report->arena, &report->changes, report->change_count,
			&report->change_capacity, sizeof *report->changes))
		return error_no_memory(err);
	report->changes[report->change_count++] = *change;
	return SNNFIT_OK;
}

/* A change that costs too much is none: what was before is the graph again. */
static void
undo(struct run *run, size_t index, struct graph **before)
{
	struct graph *spoilt = run->graph;

	run->report->passes[index].undone++;
	run->graph = *before;
	*before = spoilt;
}

static snnfit_status
judge(struct run *run, size_t index, const struct pass_report *round, struct graph **before,
      snnfit_error *err)
{
	struct pass_change change;
	snnfit_status status = verify_after(run->graph, round->name, err);

	if (status == SNNFIT_OK)
		status = note_change(run, round->name, &change, err);
	if (status != SNNFIT_OK)
		return status;
	if (change.undone) {
		undo(run, index, before);
		return SNNFIT_OK;
	}
	add_round(&run->report->passes[index], round);
	run->changed = true;
	run->version++;
	return run->observer ? run->observer(run->context, round->name, run->graph, err)
			     : SNNFIT_OK;
}

/* On the same graph a pass does what it did: once is enough. */
static snnfit_status
run_pass(struct run *run, size_t index, snnfit_error *err)
{
	const struct pass *pass = run->pipeline.passes[index];
	struct pass_report round = { .name = pass->name };
	struct pass_context context = { run->options, &run->report->arena, &round };
	struct graph *before = NULL; /* where it may be needed again */
	snnfit_status status = SNNFIT_OK;

	if (run->tried[index] == run->version)
		return SNNFIT_OK;
	run->tried[index] = run->version;
	if (calibration_limits(run->options->calibration))
		status = graph_copy(&before, run->graph, err);
	if (status == SNNFIT_OK)
		status = pass->run(&context, run->graph, err);
	if (status == SNNFIT_OK && round.changed)
		status = judge(run, index, &round, &before, err);
	else if (status == SNNFIT_OK)
		add_round(&run->report->passes[index], &round);
	graph_free(before);
	return status;
}

/* Every round that changes something removes a unit or a population, or prunes, or
 * quantizes; without the former, the latter happen at most twice each. */
static uint64_t
most_rounds(const struct graph *graph)
{
	uint64_t events = graph->population_count + 1;
	size_t i;

	for (i = 0; i < graph->axis_count; i++)
		events += graph->axes[i].units;
	return 4 * events;
}

static snnfit_status
run_rounds(struct run *run, snnfit_error *err)
{
	uint64_t rounds = most_rounds(run->graph);
	snnfit_status status = SNNFIT_OK;
	size_t i;

	do {
		run->changed = false;
		for (i = 0; i < run->pipeline.count && status == SNNFIT_OK; i++)
			status = run_pass(run, i, err);
	} while (status == SNNFIT_OK && run->changed && --rounds > 0);
	if (status == SNNFIT_OK && run->changed)
		return error_set(err, SNNFIT_EINTERNAL,
				 "the passes keep changing the model: please report it");
	return status;
}

static snnfit_status
start_report(struct run *run, snnfit_error *err)
{
	struct optimize_report *report = run->report;
	size_t i;

	report->pass_count = run->pipeline.count;
	report->passes = arena_zalloc(&report->arena, report->pass_count, sizeof *report->passes);
	run->version = 1;
	run->tried = arena_zalloc(&report->arena, report->pass_count, sizeof *run->tried);
	if (!report->passes || !run->tried)
		return error_no_memory(err);
	for (i = 0; i < report->pass_count; i++)
		report->passes[i].name = run->pipeline.passes[i]->name;
	return SNNFIT_OK;
}

static snnfit_status
run_on_copy(struct run *run, struct graph **graph, snnfit_error *err)
{
	snnfit_status status = graph_copy(&run->graph, *graph, err);

	if (status != SNNFIT_OK)
		return status;
	status = run_rounds(run, err);
	if (status != SNNFIT_OK) {
		graph_free(run->graph);
		return status;
	}
	graph_free(*graph);
	*graph = run->graph;
	return SNNFIT_OK;
}

snnfit_status
optimize(struct graph **graph, const char *names, const struct pass_options *options,
	 optimize_observer observer, void *context, struct optimize_report *report,
	 snnfit_error *err)
{
	struct run run = { .options = options ? options : &pass_options_default,
			   .report = report,
			   .observer = observer,
			   .context = context };
	snnfit_status status = check_options(run.options, err);

	*report = (struct optimize_report){ 0 };
	if (status == SNNFIT_OK)
		status = pipeline_new(&run.pipeline, names, &report->arena, err);
	if (status == SNNFIT_OK)
		status = start_report(&run, err);
	if (status == SNNFIT_OK && run.pipeline.count > 0)
		status = run_on_copy(&run, graph, err);
	if (status != SNNFIT_OK)
		optimize_report_free(report);
	return status;
}

void
optimize_report_free(struct optimize_report *report)
{
	arena_free(&report->arena);
	*report = (struct optimize_report){ 0 };
}
