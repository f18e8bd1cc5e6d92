/* caveats.c - what to mistrust in a result. */
#include "api/resources.h"

#include <inttypes.h>
#include <math.h>

/* A layer with a larger share of zeros hardly computes what it was trained to. */
#define MANY_ZEROS 0.9

static bool
was_pruned(const struct findings *findings)
{
	const struct optimize_report *report = findings->passes;

	for (size_t i = 0; report && i < report->pass_count; i++)
		if (report->passes[i].weights_pruned > 0)
			return true;
	return findings->fit && findings->fit->kept_steps > 0;
}

static void
append_sparse(struct json_builder *builder, json_t *array, const json_t *layer, bool fitted)
{
	double share = json_get_figure(layer, "sparsity", 0.0);

	if (share > MANY_ZEROS)
		json_append(
			builder, array,
			json_sprintf("%s: %d %% of its weights are zero; check the accuracy (%s)",
				     json_get_text(layer, "name", ""), (int)floor(100.0 * share),
				     fitted ? "fewer iterations: --max-iterations; or another "
					      "--arch"
					    : "prune less: --prune-threshold"));
}

/* The cost model has a decay, a threshold and a reset: no other state, no analog
 * output. */
static bool
is_costed_whole(const struct population *population)
{
	return population->kind != POPULATION_CUSTOM && population->kind != POPULATION_RELU &&
	       population->neuron.current == CURRENT_ABSENT;
}

static void
append_left_out(struct json_builder *builder, json_t *array, const struct graph *graph)
{
	for (size_t i = 0; i < graph->population_count; i++) {
		const struct population *population = &graph->populations[i];
		struct text note = { .chars = NULL };

		if (population->removed || is_costed_whole(population))
			continue;
		text_printf(&note,
			    "%s: its neuron is more than a decay, a threshold and a reset; the "
			    "estimate leaves the rest out",
			    population->name);
		json_append(builder, array, text_failed(&note) ? NULL : json_text(note.chars));
		text_free(&note);
	}
}

static void
append_unproved(struct json_builder *builder, json_t *array, const struct optimize_report *report)
{
	uint64_t count = 0;

	for (size_t i = 0; report && i < report->pass_count; i++)
		count += report->passes[i].always_firing_neurons_unproved;
	if (count > 0)
		json_append(builder, array,
			    json_sprintf("%" PRIu64 " of the neurons spiked in every step of the "
					 "data; that they always do is not proved, so they were "
					 "left alone (always_firing_elimination)",
					 count));
}

void
append_caveats(struct json_builder *builder, json_t *array, const struct findings *findings,
	       const json_t *layers)
{
	bool fitted = findings->fit && findings->fit->kept_steps > 0;

	bool open = was_pruned(findings) && !findings->accuracy.before;

	for (size_t i = 0; open && i < json_array_size(layers); i++)
		append_sparse(builder, array, json_array_get(layers, i), fitted);
	append_unproved(builder, array, findings->passes);
	if (findings->after)
		append_left_out(builder, array, findings->graph);
}
