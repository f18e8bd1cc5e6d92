/* advice.c - what would help when a model does not fit, or nothing was found to remove. */
#include "api/options.h"
#include "api/resources.h"

#include <string.h>

/* --- asking ---------------------------------------------------------------- */

/* Some layer that could be made smaller has no rates. */
static bool
lacks_rates(const struct graph *graph)
{
	for (size_t i = 0; i < graph->population_count; i++) {
		const struct population *population = &graph->populations[i];

		if (!population->removed && !population->rates &&
		    !graph->axes[population->axis].frozen)
			return true;
	}
	return false;
}

static bool
something_changed(const struct optimize_report *report)
{
	for (size_t i = 0; i < report->pass_count; i++)
		if (report->passes[i].changed)
			return true;
	return false;
}

/* A pass of that name ran. */
static const struct pass_report *
ran(const struct optimize_report *report, const char *name)
{
	for (size_t i = 0; i < report->pass_count; i++)
		if (strcmp(report->passes[i].name, name) == 0)
			return &report->passes[i];
	return NULL;
}

static bool
would_fit(const struct cost *cost, const struct device *device)
{
	for (int r = 0; r < RESOURCE_COUNT; r++)
		if (cost->resources[r].checked && device->capacity[r] != DEVICE_UNLIMITED &&
		    cost->resources[r].high > device->capacity[r] * device->usable[r])
			return false;
	return true;
}

/* The smallest known device of the same family that has enough of everything. */
static const struct device *
larger_device(const struct device *device, const struct cost *cost)
{
	const struct device *best = NULL, *table;
	size_t count;

	table = device_table(&count);
	for (size_t i = 0; i < count; i++) {
		if (table[i].family != device->family ||
		    table[i].bram_block_kbit != device->bram_block_kbit ||
		    table[i].calibrated != device->calibrated || !would_fit(cost, &table[i]))
			continue;
		if (!best || table[i].capacity[RESOURCE_LUT] < best->capacity[RESOURCE_LUT])
			best = &table[i];
	}
	return best;
}

static bool
is_over(const struct findings *findings, enum resource resource)
{
	const struct resource_use *use = &findings->after->estimate.cost.resources[resource];

	return use->checked && use->high > use->available;
}

/* --- saying ------------------------------------------------------------------ */

static void
say(struct json_builder *builder, json_t *array, const char *sentence)
{
	json_append(builder, array, json_text(sentence));
}

static void
say_device(struct json_builder *builder, json_t *array, const struct findings *findings)
{
	const struct device *device = larger_device(findings->device,
						    &findings->after->estimate.cost);

	if (device)
		json_append(builder, array,
			    json_sprintf("take a larger device: it fits %s", device->name));
}

static void
say_ladder(struct json_builder *builder, json_t *array, const struct findings *findings)
{
	const struct fit_result *fit = findings->fit;
	const struct design *design = &findings->after->design;

	if (fit->limited)
		json_append(
			builder, array,
			json_sprintf("allow more accuracy to go (--max-accuracy-drop, now %.4g)",
				     findings->options->max_accuracy_drop));
	if (!fit->stopped && fit->iterations >= findings->options->max_iterations)
		say(builder, array, "allow more iterations (--max-iterations)");
	if (design->architecture == ARCHITECTURE_SC)
		say(builder, array, "allow shorter bitstreams (--min-bitstream-length)");
}

static void
say_memory(struct json_builder *builder, json_t *array, const struct findings *findings)
{
	bool event = findings->after->design.architecture == ARCHITECTURE_EVENT;
	bool any = options_any_architecture(findings->options);

	/* What accuracy stopped, or was among what was tried, is no advice. */
	if (!is_over(findings, RESOURCE_BRAM) || (findings->fit && findings->fit->limited) ||
	    (findings->fit && event && any))
		return;
	if (event && !any)
		say(builder, array,
		    "store only weights that are not zero (--arch sparse), after pruning "
		    "(--passes ...,magnitude_pruning --prune-threshold W)");
	else
		say(builder, array,
		    "prune more weights (--passes ...,magnitude_pruning --prune-threshold W)");
}

/* There are no more weights to prune away. */
static void
say_instead_of_pruning(struct json_builder *builder, json_t *array, const struct findings *findings)
{
	say(builder, array,
	    "quantize to fewer bits at once (--passes ...,quantization --quantize-bits N): pruning "
	    "more would leave a layer without weights");
	if (options_any_architecture(findings->options))
		say(builder, array, "take a larger target, or a smaller network");
}

static void
advise_fit(struct json_builder *builder, json_t *array, const struct findings *findings)
{
	if (!options_any_architecture(findings->options))
		say(builder, array, "let every architecture be tried (--arch auto)");
	if (findings->fit)
		say_ladder(builder, array, findings);
	else
		say(builder, array, "let `snnfit fit` make the model smaller");
	if (findings->fit && findings->fit->stopped)
		say_instead_of_pruning(builder, array, findings);
	else
		say_memory(builder, array, findings);
	if (lacks_rates(findings->graph))
		say(builder, array,
		    "give firing rates (--rates FILE), so that dead neurons can go");
	else if (findings->passes)
		say(builder, array,
		    "let neurons go that fire seldom (--dead-below 0.01), and check the accuracy");
	say_device(builder, array, findings);
}

static void
advise_optimize(struct json_builder *builder, json_t *array, const struct findings *findings)
{
	const struct optimize_report *report = findings->passes;
	const struct pass_report *behaviour = ran(report, "behavioural_redundancy");

	if (behaviour && behaviour->samples_recorded == 0)
		say(builder, array,
		    "give data (--inputs X): behavioural_redundancy compares the spikes on them");
	if (ran(report, "dead_neuron_elimination") && lacks_rates(findings->graph))
		say(builder, array,
		    "give firing rates (--rates FILE): what is dead is seen in them");
	else if (ran(report, "dead_neuron_elimination"))
		say(builder, array,
		    "let neurons go that fire seldom (--dead-below 0.01), and check the accuracy");
	if (!findings->options->input_range_known &&
	    (ran(report, "silent_neuron_elimination") || ran(report, "always_firing_elimination")))
		say(builder, array,
		    "give the range of the inputs (--input-range LO,HI): neurons of the first "
		    "layer that can't reach their threshold are found with it");
	if (ran(report, "magnitude_pruning"))
		json_append(
			builder, array,
			json_sprintf("prune at another threshold (--prune-threshold W, now %.4g)",
				     findings->options->prune_threshold));
	else if (ran(report, "quantization"))
		say(builder, array,
		    "quantize to fewer bits (--quantize-bits B), or prune (--passes "
		    "...,magnitude_pruning)");
	else
		say(builder, array,
		    "change weights: --passes magnitude_pruning,quantization, or `snnfit fit`");
}

json_t *
advice(const struct findings *findings)
{
	struct json_builder builder = { false };
	json_t *array = json_array();

	if (findings->after && !findings->after->estimate.cost.fits)
		advise_fit(&builder, array, findings);
	else if (findings->passes && findings->graph && !findings->fit &&
		 findings->passes->pass_count && !something_changed(findings->passes))
		advise_optimize(&builder, array, findings);
	if (builder.failed) {
		json_decref(array);
		return NULL;
	}
	return array;
}
