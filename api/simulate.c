/* simulate.c - a network on data: the run, what it shows, and the rates that stay. */
#include "api/intervals.h"
#include "api/names.h"
#include "api/options.h"
#include "api/report.h"
#include "api/simulation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- accuracy --------------------------------------------------------------------------- */

struct accuracy {
	uint64_t right, samples;
	uint64_t *confusion; /* [label][taken for], malloc'd; NULL: not wanted */
};

static snnfit_status
judge(const struct simulation *simulation, struct accuracy *out, snnfit_error *err)
{
	const struct network *network = &simulation->network;
	snnfit_status status = simulation_check_classes(simulation, err);
	uint64_t sample, label, taken;

	*out = (struct accuracy){ .samples = network->samples };
	if (simulation->options->confusion) {
		out->confusion = calloc(network->classes * network->classes + 1,
					sizeof *out->confusion);
		if (!out->confusion)
			return error_no_memory(err);
	}
	for (sample = 0; sample < network->samples && status == SNNFIT_OK; sample++) {
		label = (uint64_t)simulation->samples->classes->values[sample];
		taken = simulation_class(simulation, sample);
		out->right += taken == label;
		if (out->confusion)
			out->confusion[label * network->classes + taken]++;
	}
	return status;
}

static void
put_accuracy(struct json_builder *builder, json_t *document, const struct simulation *simulation,
	     const struct accuracy *accuracy)
{
	uint64_t classes = simulation->network.classes, label, taken;
	json_t *interval, *table, *row;
	double low, high;

	if (!simulation->samples->classes) {
		json_put(builder, document, "accuracy", json_null());
		json_put(builder, document, "interval", json_null());
		return;
	}
	interval_of_share(accuracy->right, accuracy->samples, &low, &high);
	json_put(builder, document, "accuracy",
		 json_figure((double)accuracy->right / (double)accuracy->samples));
	json_put(builder, document, "right", json_amount(accuracy->right));
	interval = json_put(builder, document, "interval", json_array());
	json_append(builder, interval, json_figure(low));
	json_append(builder, interval, json_figure(high));
	if (!accuracy->confusion)
		return;
	table = json_put(builder, document, "confusion", json_array());
	for (label = 0; label < classes; label++) {
		row = json_append(builder, table, json_array());
		for (taken = 0; taken < classes; taken++)
			json_append(builder, row,
				    json_amount(accuracy->confusion[label * classes + taken]));
	}
}

/* --- layers -------------------------------------------------------------------------------- */

uint64_t
simulation_element(const struct network_watch *watch, uint64_t units, uint64_t positions,
		   uint64_t unit, uint64_t position)
{
	bool last = watch->rank > 2 && watch->dims[watch->rank - 1] == units &&
		    watch->dims[1] != units;

	return last ? position * units + unit : unit * positions + position;
}

/* Of the population; *out stays NULL when the tensor is not of its size, or what it
 * holds are no rates. */
static snnfit_status
rates_of(const struct network_watch *watch, struct graph *graph, double **out, snnfit_error *err)
{
	const struct population *population = &graph->populations[watch->owner];
	uint64_t units = graph->axes[population->axis].units, positions = population->positions;
	double *rates;
	uint64_t u, p;

	if (watch->count != units * positions)
		return SNNFIT_OK;
	rates = arena_alloc(&graph->arena, units * positions, sizeof *rates);
	if (!rates)
		return error_no_memory(err);
	for (u = 0; u < units; u++)
		for (p = 0; p < positions; p++) {
			uint64_t at = simulation_element(watch, units, positions, u, p);
			float rate = (float)(watch->sums[at] / (double)watch->seen);

			if (!(rate >= 0 && isfinite(rate)))
				return SNNFIT_OK;
			rates[u * positions + p] = (double)rate;
		}
	*out = rates;
	return SNNFIT_OK;
}

static double
put_layer(struct json_builder *builder, json_t *array, const struct graph *graph,
	  const struct population *population)
{
	uint64_t units = graph->axes[population->axis].units, u, p, dead = 0;
	json_t *layer = json_append(builder, array, json_object());
	double sum = 0;

	for (u = 0; u < units && population->rates; u++) {
		double unit = 0;

		for (p = 0; p < population->positions; p++)
			unit += population->rates[u * population->positions + p];
		dead += unit == 0;
		sum += unit;
	}
	json_put(builder, layer, "name", json_text(population->name));
	json_put(builder, layer, "kind", json_text(population_kind_name(population->kind)));
	json_put(builder, layer, "units", json_amount(units));
	json_put(builder, layer, "positions",
		 population->positions_unknown ? json_null() : json_amount(population->positions));
	json_put(builder, layer, "mean_rate",
		 population->rates ? json_figure(sum / (double)(units * population->positions))
				   : json_null());
	json_put(builder, layer, "dead", population->rates ? json_amount(dead) : json_null());
	return population->kind == POPULATION_SPIKING || population->kind == POPULATION_CUSTOM ? sum
											       : 0;
}

/* Of a sample, as many as were seen: more than those of the run where the model has
 * its time inside. */
static uint64_t
steps_of(const struct simulation *simulation)
{
	const struct network *network = &simulation->network;

	if (network->watch_count)
		return network->watches[0].seen / network->samples;
	return network->steps * simulation->time_inside;
}

snnfit_status
simulation_take_rates(struct simulation *simulation, struct graph *graph, snnfit_error *err)
{
	const struct network *network = &simulation->network;
	double **rates = arena_zalloc(&simulation->arena, network->watch_count, sizeof *rates);
	snnfit_status status = rates ? SNNFIT_OK : error_no_memory(err);
	size_t i;
	uint32_t w;

	for (w = 0; w < network->watch_count && status == SNNFIT_OK; w++)
		status = rates_of(&network->watches[w], graph, &rates[w], err);
	if (status != SNNFIT_OK || network->watch_count == 0)
		return status;
	for (i = 0; i < graph->population_count; i++)
		graph->populations[i].rates = NULL;
	for (w = 0; w < network->watch_count; w++) {
		struct population *population = &graph->populations[network->watches[w].owner];

		if (!rates[w])
			continue;
		population->rates = rates[w];
		population->rates_tensor = population->spike_tensors[0];
	}
	graph->rates_samples = network->samples;
	graph->rates_steps = steps_of(simulation);
	return SNNFIT_OK;
}

static void
put_layers(struct json_builder *builder, json_t *document, const struct simulation *simulation)
{
	const struct graph *graph = simulation->graph;
	json_t *array = json_put(builder, document, "layers", json_array());
	const struct network *network = &simulation->network;
	double spikes = 0, samples = (double)network->samples;
	bool known = network->watch_count > 0;
	size_t i;

	for (i = 0; graph && i < graph->population_count; i++)
		if (!graph->populations[i].removed)
			spikes += put_layer(builder, array, graph, &graph->populations[i]);
	json_put(builder, document, "spikes_per_inference",
		 known ? json_figure(spikes * (double)steps_of(simulation)) : json_null());
	json_put(builder, document, "synaptic_operations_per_inference",
		 json_figure(network->synaptic_operations / samples));
}

/* --- the report ------------------------------------------------------------------------------- */

static void
put_notes(struct json_builder *builder, json_t *document, const struct text *notes)
{
	json_t *array = json_put(builder, document, "notes", json_array());
	const char *at = notes->chars, *end;

	builder->failed = builder->failed || text_failed(notes);
	for (; at && (end = strchr(at, '\n')); at = end + 1)
		json_append(builder, array, json_stringn(at, (size_t)(end - at)));
}

static json_t *
simulation_document(const struct simulation *simulation, const struct accuracy *accuracy)
{
	const struct network *network = &simulation->network;
	struct json_builder builder = { false };
	json_t *document = json_object();

	put_accuracy(&builder, document, simulation, accuracy);
	json_put(&builder, document, "samples", json_amount(network->samples));
	json_put(&builder, document, "steps", json_amount(steps_of(simulation)));
	json_put(&builder, document, "encoding", json_text(encoding_name(network->encoding)));
	json_put(&builder, document, "decoding", json_text(decoding_name(network->decoding)));
	put_layers(&builder, document, simulation);
	put_notes(&builder, document, &simulation->notes);
	if (!builder.failed)
		return document;
	json_decref(document);
	return NULL;
}

/* As it would be written; where no populations are found, as it was read. */
static snnfit_status
choose_model(struct simulation *simulation, struct snnfit_model *model, struct onnx_model **made,
	     snnfit_error *err)
{
	struct graph *graph = NULL;
	snnfit_error why = { .text = "" };
	snnfit_status status = model_graph(model, &graph, &why);

	simulation->onnx = model->exported ? model->exported : model->onnx;
	if (status == SNNFIT_EUNSUPPORTED) {
		text_printf(&simulation->notes, "no rates of layers: %s\n", why.text);
		return SNNFIT_OK;
	}
	if (status != SNNFIT_OK)
		return error_set(err, status, "%s", why.text);
	simulation->graph = graph;
	if (simulation->onnx)
		return SNNFIT_OK;
	status = model_export(model, graph, made, NULL, err);
	simulation->onnx = *made;
	return status;
}

static snnfit_status
simulate(struct simulation *simulation, struct snnfit_model *model, snnfit_report **report,
	 snnfit_error *err)
{
	struct accuracy accuracy = { .confusion = NULL };
	snnfit_status status = simulation_prepare(simulation, err);

	if (status == SNNFIT_OK)
		status = network_run(&simulation->network, err);
	if (status == SNNFIT_OK && simulation->samples->classes)
		status = judge(simulation, &accuracy, err);
	if (status == SNNFIT_OK && model->graph)
		status = simulation_take_rates(simulation, model->graph, err);
	if (status == SNNFIT_OK && report)
		status = report_new(report, simulation_document(simulation, &accuracy),
				    describe_simulation, err);
	free(accuracy.confusion);
	return status;
}

snnfit_status
snnfit_simulate(snnfit_model *model, const snnfit_simulate_options *given, snnfit_report **report,
		snnfit_error *err)
{
	struct samples samples = { .classes = NULL };
	struct simulation simulation = { .read = model->onnx, .told = &model->import_options };
	struct onnx_model *made = NULL;
	snnfit_simulate_options options;
	snnfit_error own = { .text = "" };
	snnfit_status status = simulate_options_get(&options, given, &own);

	if (report)
		*report = NULL;
	simulation.options = &options;
	simulation.samples = &samples;
	if (status == SNNFIT_OK)
		status = choose_model(&simulation, model, &made, &own);
	if (status == SNNFIT_OK)
		status = samples_read(&samples, &options, &own);
	if (status == SNNFIT_OK)
		status = simulate(&simulation, model, report, &own);
	simulation_free(&simulation);
	samples_free(&samples);
	onnx_model_free(made);
	return status == SNNFIT_OK ? SNNFIT_OK : error_set(err, status, "%s", own.text);
}
