#include "api/calibrator.h"

#include "api/options.h"

#include <stdlib.h>
#include <string.h>

struct measured {
	struct measured *next;
	uint8_t digest[GRAPH_DIGEST_BYTES];
	struct measurement measurement;
	uint64_t rights[];
};

/* --- one network -------------------------------------------------------------------- */

static struct measured *
judge(const struct simulation *simulation)
{
	const struct network *network = &simulation->network;
	const float *labels = simulation->samples->classes->values;
	uint64_t words = network->samples / 64 + 1, sample;
	struct measured *made = calloc(1, sizeof *made + words * sizeof *made->rights);

	if (!made)
		return NULL;
	made->measurement.samples = network->samples;
	made->measurement.rights = made->rights;
	for (sample = 0; sample < network->samples; sample++) {
		if (simulation_class(simulation, sample) != (uint64_t)labels[sample])
			continue;
		made->measurement.right++;
		made->rights[sample / 64] |= UINT64_C(1) << sample % 64;
	}
	return made;
}

/* What is wanted of a run besides accuracy; NULL: not that. */
struct wanted {
	struct graph *rated; /* gets the firing rates */
	struct recorded *recorded;
	const double *range; /* the data lie in it */
};

static struct simulation
simulation_of(struct calibrator *calibrator, const struct onnx_model *onnx,
	      const struct graph *graph, const struct wanted *wanted)
{
	return (struct simulation){ .options = &calibrator->options,
				    .samples = &calibrator->samples,
				    .onnx = onnx,
				    .read = calibrator->model->onnx,
				    .graph = graph,
				    .told = &calibrator->model->import_options,
				    .emissions = &calibrator->emissions,
				    .range = wanted->range,
				    .outputs_only = !wanted->rated && !wanted->recorded,
				    .record_bytes = wanted->recorded ? RECORDED_BYTES : 0 };
}

/* Runs it: its accuracy where there are labels, and what else is wanted. */
static snnfit_status
run(struct calibrator *calibrator, const struct onnx_model *onnx, const struct graph *graph,
    const struct wanted *wanted, struct measured **out, snnfit_error *err)
{
	struct simulation simulation = simulation_of(calibrator, onnx, graph, wanted);
	snnfit_status status = simulation_prepare(&simulation, err);

	*out = NULL;
	if (status == SNNFIT_OK)
		status = network_run(&simulation.network, err);
	if (status == SNNFIT_OK)
		status = simulation_check_classes(&simulation, err);
	if (status == SNNFIT_OK && wanted->rated)
		status = simulation_take_rates(&simulation, wanted->rated, err);
	if (status == SNNFIT_OK && wanted->recorded)
		status = recorded_take(wanted->recorded, &simulation, err);
	if (status == SNNFIT_OK && calibrator->samples.classes) {
		*out = judge(&simulation);
		if (!*out)
			status = error_no_memory(err);
	}
	simulation_free(&simulation);
	return status;
}

/* The same of the model as it would be written with the graph. */
static snnfit_status
run_graph(struct calibrator *calibrator, const struct graph *graph, const struct wanted *wanted,
	  struct measured **out, snnfit_error *err)
{
	struct onnx_model *onnx = NULL;
	snnfit_status status = model_export(calibrator->model, graph, &onnx, NULL, err);

	*out = NULL;
	if (status == SNNFIT_OK)
		status = run(calibrator, onnx, graph, wanted, out, err);
	onnx_model_free(onnx);
	return status;
}

/* --- for opt -------------------------------------------------------------------------- */

static const struct measurement *
remember(struct calibrator *calibrator, struct measured *made,
	 const uint8_t digest[GRAPH_DIGEST_BYTES])
{
	memcpy(made->digest, digest, GRAPH_DIGEST_BYTES);
	made->next = calibrator->measured;
	calibrator->measured = made;
	return &made->measurement;
}

static const struct measurement *
find(const struct calibrator *calibrator, const uint8_t digest[GRAPH_DIGEST_BYTES])
{
	const struct measured *at = calibrator->measured;

	while (at && memcmp(at->digest, digest, GRAPH_DIGEST_BYTES) != 0)
		at = at->next;
	return at ? &at->measurement : NULL;
}

static snnfit_status
measure(void *context, const struct graph *graph, const struct measurement **out, snnfit_error *err)
{
	struct calibrator *calibrator = context;
	struct wanted wanted = { .rated = NULL };
	uint8_t digest[GRAPH_DIGEST_BYTES];
	struct measured *made;
	snnfit_status status = graph_digest(graph, digest, err);

	if (status != SNNFIT_OK)
		return status;
	*out = find(calibrator, digest);
	if (*out)
		return SNNFIT_OK;
	status = run_graph(calibrator, graph, &wanted, &made, err);
	if (status == SNNFIT_OK)
		*out = remember(calibrator, made, digest);
	return status;
}

static snnfit_status
record(void *context, const struct graph *graph, const struct activity **out, snnfit_error *err)
{
	struct calibrator *calibrator = context;
	struct recorded *recorded = &calibrator->recorded;
	struct wanted wanted = { .recorded = recorded };
	uint8_t digest[GRAPH_DIGEST_BYTES];
	struct measured *made;
	snnfit_status status = graph_digest(graph, digest, err);

	*out = &recorded->activity;
	if (status != SNNFIT_OK)
		return status;
	if (recorded->trains &&
	    memcmp(digest, calibrator->recorded_digest, GRAPH_DIGEST_BYTES) == 0)
		return SNNFIT_OK;
	recorded_free(recorded);
	status = run_graph(calibrator, graph, &wanted, &made, err);
	memcpy(calibrator->recorded_digest, digest, GRAPH_DIGEST_BYTES);
	if (made && find(calibrator, digest))
		free(made);
	else if (made)
		(void)remember(calibrator, made, digest);
	return status;
}

/* --- the model that came in ------------------------------------------------------------- */

static bool
is_zero(const struct array *array)
{
	uint64_t i;

	for (i = 0; i < array->count; i++)
		if (array->values[i] != 0)
			return false;
	return true;
}

static void
start_elsewhere(struct graph *graph, const char *state)
{
	for (size_t i = 0; i < graph->population_count; i++)
		for (uint32_t k = 0; k < graph->populations[i].state_count; k++)
			if (strcmp(graph->populations[i].state_inputs[k], state) == 0)
				graph->populations[i].starts_at_zero = false;
}

/* As it is: what was read, or what an earlier call has made of it. */
static snnfit_status
run_input(struct calibrator *calibrator, struct graph *graph, struct measured **out,
	  snnfit_error *err)
{
	const struct snnfit_model *model = calibrator->model;
	const struct onnx_model *onnx = model->exported ? model->exported : model->onnx;
	bool rate = !graph_has_rates(graph);
	struct wanted wanted = { .rated = rate ? graph : NULL, .range = calibrator->range };
	snnfit_status status = onnx ? run(calibrator, onnx, graph, &wanted, out, err)
				    : run_graph(calibrator, graph, &wanted, out, err);

	if (status == SNNFIT_OK && rate && graph_has_rates(graph))
		text_append(&calibrator->notes,
			    "firing rates are those measured on the data: none were given\n");
	if (status == SNNFIT_OK && text_failed(&calibrator->notes))
		status = error_no_memory(err);
	return status;
}

/* Nothing is to be measured, but what is proved from the range must hold for the data. */
static snnfit_status
check_range(struct calibrator *calibrator, const struct graph *graph, snnfit_error *err)
{
	const struct snnfit_model *model = calibrator->model;
	const struct onnx_model *onnx = model->exported ? model->exported : model->onnx;
	const struct wanted wanted = { .range = calibrator->range };
	struct onnx_model *made = NULL;
	struct simulation simulation;
	snnfit_status status = SNNFIT_OK;

	if (!calibrator->range)
		return SNNFIT_OK;
	if (!onnx)
		status = model_export(model, graph, &made, NULL, err);
	if (status != SNNFIT_OK)
		return status;
	simulation = simulation_of(calibrator, onnx ? onnx : made, graph, &wanted);
	status = simulation_prepare(&simulation, err);
	simulation_free(&simulation);
	onnx_model_free(made);
	return status;
}

static snnfit_status
measure_input(struct calibrator *calibrator, struct graph *graph, snnfit_error *err)
{
	struct calibration *calibration = &calibrator->calibration;
	uint8_t digest[GRAPH_DIGEST_BYTES];
	struct measured *made = NULL;
	snnfit_status status;

	if (!calibrator->samples.classes && graph_has_rates(graph))
		return check_range(calibrator, graph, err);
	status = run_input(calibrator, graph, &made, err);
	if (status == SNNFIT_OK)
		status = graph_digest(graph, digest, err);
	if (status != SNNFIT_OK || !made) {
		free(made);
		return status;
	}
	calibration->before = remember(calibrator, made, digest);
	calibration->measure = measure;
	return SNNFIT_OK;
}

snnfit_status
calibrator_begin(struct calibrator *calibrator, const struct snnfit_model *model,
		 struct graph *graph, const snnfit_options *options, snnfit_error *err)
{
	struct arrays *initial = &calibrator->samples.initial;
	snnfit_status status;

	*calibrator = (struct calibrator){ .model = model };
	if (!options->data)
		return SNNFIT_OK;
	calibrator->calibration = (struct calibration){ .context = calibrator,
							.record = record,
							.max_drop = options->max_accuracy_drop };
	if (options->input_range_known) {
		calibrator->ends[0] = options->input_low;
		calibrator->ends[1] = options->input_high;
		calibrator->range = calibrator->ends;
	}
	status = simulate_options_get(&calibrator->options, options->data, err);
	calibrator->emissions.limit = (uint64_t)calibrator->options.reuse_memory << 20;
	if (status == SNNFIT_OK)
		status = samples_read(&calibrator->samples, &calibrator->options, err);
	if (status == SNNFIT_OK)
		status = measure_input(calibrator, graph, err);
	for (size_t i = 0; i < initial->count && status == SNNFIT_OK; i++)
		if (!is_zero(&initial->items[i]))
			start_elsewhere(graph, initial->items[i].name);
	return status;
}

const struct calibration *
calibrator_get(const struct calibrator *calibrator)
{
	return calibrator->calibration.context ? &calibrator->calibration : NULL;
}

snnfit_status
calibrator_compare(const struct calibrator *calibrator, const struct graph *graph,
		   struct accuracy_change *out, snnfit_error *err)
{
	const struct calibration *calibration = &calibrator->calibration;

	*out = (struct accuracy_change){ .before = NULL };
	if (!calibration_measures(calibration))
		return SNNFIT_OK;
	out->before = calibration->before;
	return calibration->measure(calibration->context, graph, &out->after, err);
}

void
calibrator_free(struct calibrator *calibrator)
{
	struct measured *at, *next;

	for (at = calibrator->measured; at; at = next) {
		next = at->next;
		free(at);
	}
	recorded_free(&calibrator->recorded);
	emissions_free(&calibrator->emissions);
	samples_free(&calibrator->samples);
	text_free(&calibrator->notes);
}
