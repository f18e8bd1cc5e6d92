/* resources.c - the resource report as a JSON document, field by field. */
#include "api/resources.h"

#include "api/intervals.h"
#include "api/names.h"
#include "api/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- figures of the graph ---------------------------------------------------- */

/* Zeros are counted in one sweep over the weights, or not at all. */
struct zero_count {
	bool known;
	uint64_t weights, zero_weights; /* what is multiplied: sparsity is about these */
	uint64_t zero_biases;
};

static snnfit_status
count_layer(const struct findings *findings, population_id id, struct zero_count *count,
	    snnfit_error *err)
{
	const struct graph *graph = findings->graph;
	snnfit_status status = SNNFIT_OK;

	*count = (struct zero_count){ .known = findings->count_zeros };
	for (size_t i = 0; count->known && i < graph->projection_count && status == SNNFIT_OK;
	     i++) {
		const struct projection *projection = &graph->projections[i];
		const struct weights *weights = projection->weights;

		if (projection->target != id || projection->removed)
			continue;
		count->weights += (uint64_t)weights->rows * weights->columns;
		status = weights_count_zeros(weights, &count->zero_weights, err);
		if (status == SNNFIT_OK && projection->bias)
			status = weights_count_zeros(projection->bias, &count->zero_biases, err);
	}
	return status;
}

static double
sparsity_of(const struct zero_count *count)
{
	if (!count->known)
		return NAN;
	return count->weights ? (double)count->zero_weights / (double)count->weights : 0.0;
}

static uint32_t
quantized_bits(const struct graph *graph, population_id id)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < graph->projection_count; i++) {
		const struct projection *projection = &graph->projections[i];

		if (projection->target == id && !projection->removed &&
		    projection->quantization.bits > bits)
			bits = projection->quantization.bits;
	}
	return bits;
}

/* --- figures of the estimate --------------------------------------------------- */

static json_t *
interval_to_json(struct json_builder *builder, double low, double high)
{
	json_t *array = json_array();

	json_append(builder, array, json_figure(low));
	json_append(builder, array, json_figure(high));
	return array;
}

static json_t *
use_to_json(struct json_builder *builder, const struct resource_use *use, uint32_t capacity)
{
	json_t *object = json_object();

	json_put(builder, object, "used", json_figure(use->used));
	json_put(builder, object, "available", json_figure(use->checked ? use->available : NAN));
	json_put(builder, object, "low", json_figure(use->low));
	json_put(builder, object, "high", json_figure(use->high));
	json_put(builder, object, "capacity",
		 capacity == DEVICE_UNLIMITED ? json_null() : json_amount(capacity));
	return object;
}

static bool
is_ice40(const struct device *device)
{
	return device->family == FAMILY_ICE40;
}

static json_t *
utilization(struct json_builder *builder, const struct device *device, const struct cost *cost)
{
	json_t *object = json_object();

	for (int r = 0; r < RESOURCE_COUNT; r++)
		if (r != RESOURCE_LOGIC_CELLS || is_ice40(device))
			json_put(builder, object, resource_name((enum resource)r),
				 use_to_json(builder, &cost->resources[r], device->capacity[r]));
	return object;
}

static double
utilization_percent(const struct device *device, const struct cost *cost)
{
	const struct resource_use *use =
		&cost->resources[is_ice40(device) ? RESOURCE_LOGIC_CELLS : RESOURCE_LUT];

	return use->checked && use->available > 0 ? 100.0 * use->used / use->available : NAN;
}

static void
put_costing(struct json_builder *builder, json_t *object, const struct device *device,
	    const struct costing *costing)
{
	const struct estimate *estimate = &costing->estimate;

	json_put(builder, object, "fits", json_boolean(estimate->cost.fits));
	json_put(builder, object, "utilization", utilization(builder, device, &estimate->cost));
	json_put(builder, object, "utilization_pct",
		 json_figure(utilization_percent(device, &estimate->cost)));
}

static void
put_speed(struct json_builder *builder, json_t *object, const struct costing *costing)
{
	const struct interval *cycles = &costing->estimate.cycles_per_step;
	const struct interval *energy = &costing->estimate.energy_nj_per_step;

	json_put(builder, object, "cycles_per_step", json_figure(cycles->used));
	json_put(builder, object, "cycles_per_step_interval",
		 interval_to_json(builder, cycles->low, cycles->high));
	json_put(builder, object, "energy_nj_per_step", json_figure(energy->used));
	json_put(builder, object, "energy_nj_per_step_interval",
		 interval_to_json(builder, energy->low, energy->high));
}

static json_t *
before_to_json(struct json_builder *builder, const struct findings *findings)
{
	json_t *object = json_object();

	put_costing(builder, object, findings->device, findings->before);
	put_speed(builder, object, findings->before);
	return object;
}

static json_t *
limits_to_json(struct json_builder *builder, const struct estimate *estimate)
{
	json_t *array = json_array();

	for (size_t i = 0; i < estimate->limit_count; i++) {
		const struct estimate_limit *limit = &estimate->limits[i];
		json_t *object = json_append(builder, array, json_object());

		json_put(builder, object, "resource", json_text(resource_name(limit->resource)));
		json_put(builder, object, "used", json_figure(limit->used));
		json_put(builder, object, "available", json_figure(limit->available));
		json_put(builder, object, "layer", json_text(limit->layer));
	}
	return array;
}

static json_t *
bitstream_length(const struct design *design)
{
	return design->architecture == ARCHITECTURE_SC ? json_amount(design->bitstream_length)
						       : json_null();
}

static void
put_device(struct json_builder *builder, json_t *object, const struct findings *findings)
{
	const struct costing *after = findings->after;

	json_put(builder, object, "target", json_text(findings->device->name));
	json_put(builder, object, "family", json_text(findings->device->family_name));
	json_put(builder, object, "architecture",
		 json_text(architecture_name(after->design.architecture)));
	put_costing(builder, object, findings->device, after);
	json_put(builder, object, "bram_block_kbit",
		 json_amount(findings->device->bram_block_kbit));
	if (findings->before)
		json_put(builder, object, "before", before_to_json(builder, findings));
	json_put(builder, object, "limits", limits_to_json(builder, &after->estimate));
	put_speed(builder, object, after);
	json_put(builder, object, "bitstream_length", bitstream_length(&after->design));
}

/* --- layers --------------------------------------------------------------------- */

static const struct estimate_layer *
estimate_of(const struct findings *findings, population_id id)
{
	const struct estimate *estimate = findings->after ? &findings->after->estimate : NULL;

	for (size_t i = 0; estimate && i < estimate->layer_count; i++)
		if (estimate->layers[i].population == id)
			return &estimate->layers[i];
	return NULL;
}

static void
put_layer_costs(struct json_builder *builder, json_t *object, const struct findings *findings,
		const struct estimate_layer *layer)
{
	for (int r = 0; layer && r < RESOURCE_COUNT; r++)
		if (r != RESOURCE_LOGIC_CELLS || is_ice40(findings->device))
			json_put(builder, object, resource_name((enum resource)r),
				 json_figure(layer->resources[r].used));
	if (layer)
		json_put(builder, object, "extrapolated", json_boolean(layer->extrapolated));
}

static void
append_layer(struct json_builder *builder, json_t *array, const struct findings *findings,
	     population_id id, const struct zero_count *count)
{
	const struct population *population = &findings->graph->populations[id];
	const struct unit_axis *axis = &findings->graph->axes[population->axis];
	const struct estimate_layer *layer = estimate_of(findings, id);
	uint32_t bits = layer ? layer->weight_bits : quantized_bits(findings->graph, id);
	json_t *object = json_append(builder, array, json_object());

	json_put(builder, object, "name", json_text(population->name));
	json_put(builder, object, "kind", json_text(population_kind_name(population->kind)));
	json_put(builder, object, "units", json_amount(axis->units));
	json_put(builder, object, "units_before", json_amount(axis->units_before));
	json_put(builder, object, "weight_bits", bits ? json_amount(bits) : json_null());
	json_put(builder, object, "sparsity", json_figure(sparsity_of(count)));
	put_layer_costs(builder, object, findings, layer);
}

static snnfit_status
put_layers(struct json_builder *builder, json_t *object, const struct findings *findings,
	   struct zero_count *total, snnfit_error *err)
{
	const struct graph *graph = findings->graph;
	json_t *array = json_array();
	snnfit_status status = SNNFIT_OK;
	struct zero_count count;

	for (population_id id = 0; id < graph->population_count && status == SNNFIT_OK; id++) {
		if (graph->populations[id].removed)
			continue;
		status = count_layer(findings, id, &count, err);
		if (status == SNNFIT_OK)
			append_layer(builder, array, findings, id, &count);
		total->weights += count.weights;
		total->zero_weights += count.zero_weights;
		total->zero_biases += count.zero_biases;
	}
	json_put(builder, object, "sparsity", json_figure(sparsity_of(total)));
	json_put(builder, object, "layers", array);
	return status;
}

static void
put_neurons(struct json_builder *builder, json_t *object, const struct graph *graph)
{
	json_t *neurons = json_put(builder, object, "neurons", json_object());

	json_put(builder, neurons, "before", json_amount(graph_count_neurons_before(graph)));
	json_put(builder, neurons, "after", json_amount(graph_count_neurons(graph)));
}

static snnfit_status
put_parameters(struct json_builder *builder, json_t *object, const struct graph *graph,
	       const struct zero_count *count, snnfit_error *err)
{
	uint64_t after, zeros = count->zero_weights + count->zero_biases;
	snnfit_status status = graph_count_parameters(graph, &after, NULL, err);
	json_t *parameters;

	if (status != SNNFIT_OK)
		return status;
	parameters = json_put(builder, object, "parameters", json_object());
	json_put(builder, parameters, "before", json_amount(graph->parameters_before));
	json_put(builder, parameters, "after", json_amount(after));
	json_put(builder, parameters, "nonzero",
		 count->known ? json_amount(after - zeros) : json_null());
	json_put(builder, parameters, "compression",
		 json_figure((double)graph->parameters_before / (double)after));
	return SNNFIT_OK;
}

/* --- what was done ----------------------------------------------------------------- */

static json_t *
skipped_layers(struct json_builder *builder, const struct pass_report *pass)
{
	json_t *array = json_array();

	for (size_t i = 0; i < pass->skipped_count; i++) {
		json_t *object = json_append(builder, array, json_object());

		json_put(builder, object, "layer", json_text(pass->skipped[i].layer));
		json_put(builder, object, "reason", json_text(pass->skipped[i].reason));
	}
	return array;
}

static void
append_pass(struct json_builder *builder, json_t *array, const struct pass_report *pass)
{
	const struct {
		const char *name;
		uint64_t count;
	} counts[] = {
		{ "dead_neurons_removed", pass->dead_neurons_removed },
		{ "unread_neurons_removed", pass->unread_neurons_removed },
		{ "silent_neurons_removed", pass->silent_neurons_removed },
		{ "always_firing_neurons_folded", pass->always_firing_neurons_folded },
		{ "always_firing_neurons_unproved", pass->always_firing_neurons_unproved },
		{ "redundant_pairs_merged", pass->redundant_pairs_merged },
		{ "layers_fused", pass->layers_fused },
		{ "weights_pruned", pass->weights_pruned },
		{ "weights_quantized", pass->weights_quantized },
	};
	json_t *object = json_append(builder, array, json_object());

	json_put(builder, object, "name", json_text(pass->name));
	json_put(builder, object, "changed", json_boolean(pass->changed));
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		json_put(builder, object, counts[i].name, json_amount(counts[i].count));
	json_put(builder, object, "undone", json_amount(pass->undone));
	json_put(builder, object, "drive_error_bound", json_figure(pass->drive_error_bound));
	json_put(builder, object, "drive_variance_change",
		 json_figure(pass->drive_variance_change));
	if (pass->samples_recorded > 0)
		json_put(builder, object, "samples_recorded", json_amount(pass->samples_recorded));
	if (pass->layers_fitted > 0)
		json_put(builder, object, "fusion_r2", json_figure(pass->fusion_r2));
	if (pass->least_agreement > 0.0)
		json_put(builder, object, "least_agreement", json_figure(pass->least_agreement));
	json_put(builder, object, "skipped", skipped_layers(builder, pass));
}

static json_t *
passes_to_json(struct json_builder *builder, const struct optimize_report *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->pass_count; i++)
		append_pass(builder, array, &report->passes[i]);
	return array;
}

static json_t *
accuracy_figure(const struct measurement *measurement)
{
	return measurement ? json_figure(measurement_accuracy(measurement)) : json_null();
}

static json_t *
changes_to_json(struct json_builder *builder, const struct optimize_report *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->change_count; i++) {
		const struct pass_change *change = &report->changes[i];
		json_t *object = json_append(builder, array, json_object());

		json_put(builder, object, "pass", json_text(change->pass));
		json_put(builder, object, "neurons", json_amount(change->neurons));
		json_put(builder, object, "parameters", json_amount(change->parameters));
		json_put(builder, object, "nonzero",
			 change->accuracy ? json_amount(change->nonzero) : json_null());
		json_put(builder, object, "accuracy", accuracy_figure(change->accuracy));
		json_put(builder, object, "undone", json_boolean(change->undone));
	}
	return array;
}

static void
append_step(struct json_builder *builder, json_t *array, const struct fit_result *fit,
	    const struct fit_step *step)
{
	json_t *object = json_append(builder, array, json_object());
	bool streams = fit->design.architecture == ARCHITECTURE_SC;

	json_put(builder, object, "action", json_text(step->action));
	json_put(builder, object, "lut_before", json_figure(step->lut_before));
	json_put(builder, object, "lut_after", json_figure(step->lut_after));
	json_put(builder, object, "sparsity", json_figure(step->sparsity));
	json_put(builder, object, "bitstream_length",
		 streams ? json_amount(step->bitstream_length) : json_null());
	json_put(builder, object, "weight_bits", json_amount(step->weight_bits));
	json_put(builder, object, "accuracy", accuracy_figure(step->accuracy));
}

static void
put_fit(struct json_builder *builder, json_t *object, const struct fit_result *fit)
{
	json_t *steps = json_put(builder, object, "steps", json_array());
	json_t *skipped = json_put(builder, object, "skipped", json_array());

	for (size_t i = 0; i < fit->step_count; i++)
		append_step(builder, steps, fit, &fit->steps[i]);
	for (size_t i = 0; i < fit->skipped_count; i++) {
		json_t *rung = json_append(builder, skipped, json_object());

		json_put(builder, rung, "action", json_text(fit->skipped[i].action));
		json_put(builder, rung, "reason", json_text(fit->skipped[i].reason));
	}
	json_put(builder, object, "limited", json_boolean(fit->limited));
	json_put(builder, object, "iterations", json_amount(fit->iterations));
	json_put(builder, object, "kept_steps", json_amount(fit->kept_steps));
}

/* --- accuracy -------------------------------------------------------------------------- */

static uint64_t
count_bits(const uint64_t *words, const uint64_t *but_not, uint64_t samples)
{
	uint64_t count = 0, word;

	for (word = 0; word <= samples / 64; word++)
		count += (uint64_t)__builtin_popcountll(words[word] & ~but_not[word]);
	return count;
}

static json_t *
accuracy_to_json(struct json_builder *builder, const struct accuracy_change *accuracy)
{
	const struct measurement *before = accuracy->before, *after = accuracy->after;
	uint64_t won, lost;
	double low, high;
	json_t *object, *flips;

	if (!before)
		return json_null();
	won = count_bits(after->rights, before->rights, after->samples);
	lost = count_bits(before->rights, after->rights, after->samples);
	interval_of_change(won, lost, after->samples, &low, &high);
	object = json_object();
	json_put(builder, object, "before", accuracy_figure(before));
	json_put(builder, object, "after", accuracy_figure(after));
	json_put(builder, object, "samples", json_amount(after->samples));
	json_put(builder, object, "interval", interval_to_json(builder, low, high));
	flips = json_put(builder, object, "flips", json_object());
	json_put(builder, flips, "won", json_amount(won));
	json_put(builder, flips, "lost", json_amount(lost));
	return object;
}

/* --- the document ------------------------------------------------------------------- */

static json_t *
tool_to_json(struct json_builder *builder)
{
	json_t *object = json_object();

	json_put(builder, object, "name", json_text("snnfit"));
	json_put(builder, object, "version", json_text(SNNFIT_VERSION));
	return object;
}

static json_t *
notes_to_json(struct json_builder *builder, const char *notes)
{
	json_t *array = json_array();
	const char *end;

	for (; notes && *notes; notes = *end ? end + 1 : end) {
		char *line;

		end = strchrnul(notes, '\n');
		if (end == notes)
			continue;
		line = strndup(notes, (size_t)(end - notes));
		json_append(builder, array, line ? json_text(line) : NULL);
		free(line);
	}
	return array;
}

snnfit_status
resources_document(json_t **out, const struct findings *findings, snnfit_error *err)
{
	struct json_builder builder = { false };
	json_t *object = json_object(), *notes;
	struct zero_count zeros = { .known = findings->count_zeros };
	snnfit_status status = SNNFIT_OK;

	json_put(&builder, object, "version", json_integer(1));
	json_put(&builder, object, "tool", tool_to_json(&builder));
	if (findings->device)
		put_device(&builder, object, findings);
	if (findings->graph) {
		status = put_layers(&builder, object, findings, &zeros, err);
		if (status == SNNFIT_OK)
			status = put_parameters(&builder, object, findings->graph, &zeros, err);
		put_neurons(&builder, object, findings->graph);
	}
	if (findings->passes)
		json_put(&builder, object, "passes", passes_to_json(&builder, findings->passes));
	if (findings->passes)
		json_put(&builder, object, "changes", changes_to_json(&builder, findings->passes));
	if (findings->fit)
		put_fit(&builder, object, findings->fit);
	json_put(&builder, object, "accuracy", accuracy_to_json(&builder, &findings->accuracy));
	notes = json_put(&builder, object, "notes", notes_to_json(&builder, findings->notes));
	append_caveats(&builder, notes, findings, json_object_get(object, "layers"));
	json_put(&builder, object, "suggestions", advice(findings));
	if (status == SNNFIT_OK && builder.failed)
		status = error_no_memory(err);
	if (status != SNNFIT_OK) {
		json_decref(object);
		object = NULL;
	}
	*out = object;
	return status;
}
