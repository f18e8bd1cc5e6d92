/* round_trip.c - fuzz target: a model is read, optimized or fitted, written, and read
 * again. Input: four bytes (what is done to it), then the model.
 *
 * Promises: what was written can be read, and holds the same network, number by number;
 * running the same passes on it again changes nothing; the same input gives the same
 * bytes; a model that nothing was asked of is written as the message that it was. */
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { PREFIX = 4, FIT = 0x80, INPUT_RANGE = 0x40, EXTERNAL_DATA = 0x20, VALUES = 1 << 20 };

const size_t fuzz_prefix_bytes = PREFIX;

/* --- what is done --------------------------------------------------------------- */

static const char *const pass_lists[] = {
	NULL,
	"none",
	"dead_neuron_elimination",
	"silent_neuron_elimination",
	"redundancy_elimination",
	"layer_fusion",
	"magnitude_pruning",
	"quantization",
	"dead_neuron_elimination,silent_neuron_elimination,always_firing_elimination",
	"quantization,dead_neuron_elimination,redundancy_elimination",
	"magnitude_pruning,quantization",
	"dead_neuron_elimination,silent_neuron_elimination,always_firing_elimination,"
	"redundancy_elimination,layer_fusion,magnitude_pruning,quantization",
};
static const char *const targets[] = { "ice40", "ecp5", "artix7", NULL };
static const char *const architectures[] = { "sc", "parallel", "event", "sparse" };

static snnfit_options
options_of(const uint8_t choices[PREFIX])
{
	snnfit_options options;

	snnfit_options_init(&options, sizeof options);
	options.passes = pass_lists[choices[0] % (sizeof pass_lists / sizeof *pass_lists)];
	options.quantize_bits = 2 + choices[1] % 15;
	options.quantize_per_tensor = choices[1] & 0x80;
	options.prune_by_rate = choices[1] & 0x40;
	options.redundancy_norm = choices[3] & 1;
	options.input_range_known = choices[3] & INPUT_RANGE;
	options.input_high = 1.0;
	options.architecture = architectures[choices[2] % 4];
	options.target = targets[choices[2] / 4 % 4];
	if (!options.target)
		options.target_luts = choices[2] * 16u;
	if (choices[2] & 0x40)
		options.redundancy_cosine = 0.5;
	if (choices[2] & 0x80)
		options.fusion_activity = 1.0;
	return options;
}

static snnfit_status
change(snnfit_model *model, const uint8_t choices[PREFIX], snnfit_figures *figures)
{
	snnfit_options options = options_of(choices);
	snnfit_report *report;
	snnfit_error err;
	snnfit_status status;

	if (choices[3] & FIT)
		status = snnfit_fit(model, &options, &report, &err);
	else
		status = snnfit_optimize(model, &options, &report, &err);
	must_explain(status, &err);
	if (status != SNNFIT_OK)
		return status;
	MUST(snnfit_report_json(report) && snnfit_report_text(report) &&
	     snnfit_report_html(report));
	snnfit_report_figures(report, figures, sizeof *figures);
	figures->target = figures->architecture = NULL; /* they were the report's */
	snnfit_report_free(report);
	return SNNFIT_OK;
}

/* --- models and bytes -------------------------------------------------------------- */

static snnfit_model *
opened(const void *bytes, size_t length, bool external)
{
	snnfit_read_options read;
	snnfit_model *model;
	snnfit_error err;
	snnfit_status status;

	snnfit_read_options_init(&read, sizeof read);
	read.folder = external ? FUZZ_EXTERNAL_DATA : NULL;
	status = snnfit_model_read_bytes(&model, bytes, length, &read, &err);
	must_explain(status, &err);
	return model;
}

static void *
written(snnfit_model *model, size_t *length)
{
	snnfit_error err;
	void *bytes;
	snnfit_status status = snnfit_model_write_bytes(model, &bytes, length, &err);

	must_explain(status, &err);
	return bytes;
}

/* --- the same network ----------------------------------------------------------------- */

struct layer {
	snnfit_layer_info info;
	float *weights, *bias, *rates;
	size_t weight_count, rate_count;
};

/* false: the layer is too large to look at, or its weights can't be read. */
static bool
read_layer(snnfit_model *model, size_t index, struct layer *layer)
{
	snnfit_error err;
	snnfit_status status = snnfit_model_layer(model, index, &layer->info, &err);
	uint64_t weights, rates;

	must_explain(status, &err);
	MUST(status == SNNFIT_OK);
	weights = (uint64_t)layer->info.n_inputs * layer->info.n_neurons;
	rates = (uint64_t)layer->info.n_neurons * layer->info.positions;
	if (weights > VALUES || rates > VALUES)
		return false;
	layer->weight_count = (size_t)weights;
	layer->rate_count = (size_t)rates;
	layer->weights = calloc(layer->weight_count + 1, sizeof(float));
	layer->bias = calloc(layer->info.n_neurons + 1, sizeof(float));
	layer->rates = calloc(layer->rate_count + 1, sizeof(float));
	MUST(layer->weights && layer->bias && layer->rates);
	status = snnfit_model_layer_read(model, index, layer->weights, layer->bias, layer->rates,
					 NULL, &err);
	must_explain(status, &err);
	return status == SNNFIT_OK;
}

static void
free_layer(struct layer *layer)
{
	free(layer->weights);
	free(layer->bias);
	free(layer->rates);
}

/* Up to a rounding: what an exporter writes is folded with scales and gains. */
static bool
near(const float *a, const float *b, size_t count, double slack)
{
	for (size_t i = 0; i < count; i++)
		if (!(fabs((double)a[i] - (double)b[i]) <=
		      slack * fmax(fabs((double)a[i]), fabs((double)b[i]))) &&
		    !(isnan(a[i]) && isnan(b[i])))
			return false;
	return true;
}

/* The rows of b are those of a in another order. */
static bool
same_rows(const struct layer *a, const struct layer *b)
{
	size_t rows = a->info.n_inputs, width = a->info.n_neurons, i, j;
	bool *taken = calloc(rows + 1, sizeof *taken), same = true;

	MUST(taken);
	for (i = 0; i < rows && same; i++) {
		for (j = 0; j < rows; j++)
			if (!taken[j] &&
			    near(a->weights + i * width, b->weights + j * width, width, 1e-6))
				break;
		same = j < rows;
		taken[j] = true;
	}
	free(taken);
	return same;
}

/* fused: of several weight operations of a layer one may come in another place. */
static void
must_be_equal_layers(const struct layer *a, const struct layer *b, bool fused)
{
	/* A layer without a name of its own is called after its weights, and new ones are
	 * called x__quantized, x__weights. */
	MUST(strcmp(a->info.name, b->info.name) == 0 || strstr(b->info.name, "__"));
	MUST(strcmp(a->info.kind, b->info.kind) == 0);
	MUST(a->info.n_inputs == b->info.n_inputs && a->info.n_neurons == b->info.n_neurons);
	MUST(a->info.positions == b->info.positions);
	MUST(near(a->weights, b->weights, a->weight_count, 1e-6) || (fused && same_rows(a, b)));
	MUST(near(a->bias, b->bias, a->info.n_neurons, 1e-5));
	MUST(near(a->rates, b->rates, a->rate_count, 1e-6));
}

static bool
has_single_unit(snnfit_model *model, size_t count)
{
	snnfit_layer_info info;
	snnfit_error err;

	for (size_t i = 0; i < count; i++) {
		MUST(snnfit_model_layer(model, i, &info, &err) == SNNFIT_OK);
		if (info.n_neurons == 1)
			return true;
	}
	return false;
}

static void
must_be_the_same_network(snnfit_model *a, snnfit_model *b, bool fused)
{
	size_t a_count, b_count;
	snnfit_error err;

	MUST(snnfit_model_layer_count(a, &a_count, &err) == SNNFIT_OK);
	MUST(snnfit_model_layer_count(b, &b_count, &err) == SNNFIT_OK);
	if (has_single_unit(a, a_count))
		return; /* such layers cannot be told apart by their axes any more */
	MUST(a_count == b_count);
	for (size_t i = 0; i < a_count; i++) {
		struct layer x = { .weights = NULL }, y = { .weights = NULL };

		if (read_layer(a, i, &x) && read_layer(b, i, &y))
			must_be_equal_layers(&x, &y, fused);
		free_layer(&x);
		free_layer(&y);
	}
}

/* --- the trip ---------------------------------------------------------------------------- */

static size_t
frozen_layers(snnfit_model *model)
{
	size_t count, i, frozen = 0;
	snnfit_layer_info info;
	snnfit_error err;

	MUST(snnfit_model_layer_count(model, &count, &err) == SNNFIT_OK);
	for (i = 0; i < count; i++) {
		MUST(snnfit_model_layer(model, i, &info, &err) == SNNFIT_OK);
		frozen += info.frozen != NULL;
	}
	return frozen;
}

static void
must_change_nothing_again(snnfit_model *first, snnfit_model *model, const uint8_t choices[PREFIX])
{
	snnfit_figures figures = { .fits = -1 };

	if (choices[3] & FIT)
		return; /* the ladder goes on from where it is */
	if (frozen_layers(first) != frozen_layers(model))
		return; /* weights that were written anew can be cut, old ones could not */
	MUST(change(model, choices, &figures) == SNNFIT_OK);
	MUST(figures.dead_neurons_removed == 0 && figures.silent_neurons_removed == 0);
	MUST(figures.always_firing_neurons_folded == 0);
	MUST(figures.unread_neurons_removed == 0 && figures.redundant_pairs_merged == 0);
	MUST(figures.layers_fused == 0);
}

/* The bytes that come of the model, changed; NULL where it is refused. *model stays open. */
static void *
result_of(const uint8_t *data, size_t size, snnfit_model **model, snnfit_figures *figures,
	  size_t *length)
{
	*model = opened(data + PREFIX, size - PREFIX, data[3] & EXTERNAL_DATA);
	if (!*model || change(*model, data, figures) != SNNFIT_OK)
		return NULL;
	return written(*model, length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	snnfit_model *model = NULL, *same = NULL, *again;
	snnfit_figures figures, same_figures;
	size_t length, same_length;
	void *bytes, *same_bytes;

	if (size <= PREFIX)
		return -1;
	bytes = result_of(data, size, &model, &figures, &length);
	if (bytes) {
		same_bytes = result_of(data, size, &same, &same_figures, &same_length);
		MUST(same_bytes && same_length == length);
		MUST(memcmp(bytes, same_bytes, length) == 0);
		free(same_bytes);
		again = opened(bytes, length, false);
		MUST(again);
		must_be_the_same_network(model, again, figures.layers_fused > 0);
		must_change_nothing_again(model, again, data);
		snnfit_model_free(again);
	}
	free(bytes);
	snnfit_model_free(same);
	snnfit_model_free(model);
	return 0;
}
