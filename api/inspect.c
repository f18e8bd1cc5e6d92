/* inspect.c - what was understood of a model, as JSON. */
#include "api/model.h"
#include "api/names.h"
#include "api/report.h"
#include "api/simulation.h"

static json_t *
strings(struct json_builder *builder, const char *const *texts, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_append(builder, array, json_text(texts[i]));
	return array;
}

static json_t *
figures(struct json_builder *builder, const double *values, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_append(builder, array, json_figure(values[i]));
	return array;
}

/* null, one number, or one a unit. */
static json_t *
parameter(struct json_builder *builder, const struct parameter *values)
{
	if (values->count == 0)
		return json_null();
	if (values->count == 1)
		return json_figure(values->values[0]);
	return figures(builder, values->values, values->count);
}

static void
put_neuron(struct json_builder *builder, json_t *object, const struct neuron *neuron)
{
	json_t *timing = neuron->reset == RESET_NONE
				 ? json_null()
				 : json_text(reset_timing_name(neuron->reset_timing));

	json_put(builder, object, "neuron", json_text(neuron->model));
	json_put(builder, object, "decay", parameter(builder, &neuron->decay));
	json_put(builder, object, "input_gain", parameter(builder, &neuron->input_gain));
	json_put(builder, object, "threshold", parameter(builder, &neuron->threshold));
	json_put(builder, object, "comparison", json_text(comparison_name(neuron->comparison)));
	json_put(builder, object, "reset", json_text(reset_name(neuron->reset)));
	json_put(builder, object, "reset_value", parameter(builder, &neuron->reset_value));
	json_put(builder, object, "reset_timing", timing);
	if (neuron->floor.count)
		json_put(builder, object, "floor", parameter(builder, &neuron->floor));
	if (neuron->count_limit.count)
		json_put(builder, object, "count_limit", parameter(builder, &neuron->count_limit));
	if (neuron->current == CURRENT_ABSENT)
		return;
	json_put(builder, object, "current_decay", parameter(builder, &neuron->current_decay));
	json_put(builder, object, "current_gain", parameter(builder, &neuron->current_gain));
}

static void
append_layer(struct json_builder *builder, json_t *array, const struct graph *graph,
	     const struct population *population)
{
	const struct unit_axis *axis = &graph->axes[population->axis];
	json_t *object = json_append(builder, array, json_object());

	json_put(builder, object, "name", json_text(population->name));
	json_put(builder, object, "weight_tensor", json_text(population->weight_tensor));
	json_put(builder, object, "kind", json_text(population_kind_name(population->kind)));
	json_put(builder, object, "units", json_amount(axis->units));
	json_put(builder, object, "positions",
		 population->positions_unknown ? json_null() : json_amount(population->positions));
	put_neuron(builder, object, &population->neuron);
	json_put(builder, object, "spike_tensors",
		 strings(builder, population->spike_tensors, population->spike_tensor_count));
	json_put(builder, object, "body",
		 population->body ? json_text(population->body) : json_null());
	json_put(builder, object, "state_inputs",
		 strings(builder, population->state_inputs, population->state_count));
	json_put(builder, object, "state_outputs",
		 strings(builder, population->state_outputs, population->state_count));
	json_put(builder, object, "rates",
		 population->rates ? figures(builder, population->rates,
					     (size_t)axis->units * population->positions)
				   : json_null());
	json_put(builder, object, "frozen", json_text(axis->frozen));
}

static json_t *
layers(struct json_builder *builder, const struct graph *graph)
{
	json_t *array = json_array();

	for (size_t i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed)
			append_layer(builder, array, graph, &graph->populations[i]);
	return array;
}

static json_t *
states(struct json_builder *builder, const struct graph *graph)
{
	json_t *array = json_array();

	for (size_t i = 0; i < graph->state_count; i++) {
		const char *pair[] = { graph->states[i].input, graph->states[i].output };

		json_append(builder, array, strings(builder, pair, 2));
	}
	return array;
}

static json_t *
time_to_json(struct json_builder *builder, const struct graph *graph)
{
	json_t *object = json_object();

	json_put(builder, object, "kind", json_text(time_kind_name(graph->time)));
	json_put(builder, object, "steps", graph->steps ? json_amount(graph->steps) : json_null());
	return object;
}

static json_t *
inspection(const struct graph *graph)
{
	struct json_builder builder = { false };
	json_t *object = json_object();

	json_put(&builder, object, "layers", layers(&builder, graph));
	json_put(&builder, object, "states", states(&builder, graph));
	json_put(&builder, object, "inputs", strings(&builder, graph->inputs, graph->input_count));
	json_put(&builder, object, "outputs",
		 strings(&builder, graph->outputs, graph->output_count));
	json_put(&builder, object, "time", time_to_json(&builder, graph));
	json_put(&builder, object, "decoding",
		 json_text(decoding_name(decoding_by_default(graph))));
	json_put(&builder, object, "notes", strings(&builder, graph->notes, graph->note_count));
	if (!builder.failed)
		return object;
	json_decref(object);
	return NULL;
}

snnfit_status
snnfit_inspect(snnfit_model *model, snnfit_report **report, snnfit_error *err)
{
	struct graph *graph;
	snnfit_status status = model_graph(model, &graph, err);

	if (report)
		*report = NULL;
	if (status != SNNFIT_OK || !report)
		return status;
	return report_new(report, inspection(graph), describe_inspection, err);
}
