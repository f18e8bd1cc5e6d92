/* tutorial.c - a network made of arrays, made smaller, fitted to an FPGA, written.
 *
 * A 784-256-64-10 network with random weights, in which we know what there is to
 * find: 30 neurons of hidden1 never spiked on the calibration data, and 8 neurons
 * of hidden2 do what another one does.
 *
 *     cc tutorial.c $(pkg-config --cflags --libs snnfit) -o tutorial
 *     ./tutorial [OUT.onnx]
 */
#include <snnfit.h>

#include <stdio.h>
#include <stdlib.h>

enum { INPUTS = 784, HIDDEN1 = 256, HIDDEN2 = 64, OUTPUTS = 10, DEAD = 30, PAIRS = 8 };

static float weights1[INPUTS * HIDDEN1], weights2[HIDDEN1 * HIDDEN2], weights3[HIDDEN2 * OUTPUTS];
static float rates1[HIDDEN1], rates2[HIDDEN2], rates3[OUTPUTS];

/* The same numbers everywhere, unlike rand(): between -1 and 1. */
static float
random_number(void)
{
	static uint32_t state = 1;

	state = state * 1664525u + 1013904223u;
	return (float)(state >> 8) / (float)(1 << 23) - 1.0f;
}

static void
make_layer(float *weights, size_t n_inputs, size_t n_neurons, float *rates)
{
	size_t i;

	for (i = 0; i < n_inputs * n_neurons; i++)
		weights[i] = 0.1f * random_number();
	for (i = 0; i < n_neurons; i++)
		rates[i] = 0.15f + 0.1f * random_number();
}

/* Weights are [n_inputs][n_neurons]: those of one neuron stand in a column. */
static void
copy_neuron(float *weights, size_t n_inputs, size_t n_neurons, size_t from, size_t to)
{
	size_t input;

	for (input = 0; input < n_inputs; input++)
		weights[input * n_neurons + to] = weights[input * n_neurons + from];
}

static snnfit_status
make_model(snnfit_model **model, snnfit_error *err)
{
	const snnfit_layer layers[] = {
		{ "hidden1", INPUTS, HIDDEN1, weights1, rates1, NULL, NULL },
		{ "hidden2", HIDDEN1, HIDDEN2, weights2, rates2, NULL, NULL },
		{ "output", HIDDEN2, OUTPUTS, weights3, rates3, NULL, NULL },
	};
	size_t i;

	make_layer(weights1, INPUTS, HIDDEN1, rates1);
	make_layer(weights2, HIDDEN1, HIDDEN2, rates2);
	make_layer(weights3, HIDDEN2, OUTPUTS, rates3);
	for (i = 0; i < DEAD; i++)
		rates1[8 * i + 3] = 0.0f;
	for (i = 0; i < PAIRS; i++) {
		copy_neuron(weights2, HIDDEN1, HIDDEN2, 2 * i, 32 + 2 * i);
		rates2[32 + 2 * i] = rates2[2 * i];
	}
	return snnfit_model_from_layers(model, layers, sizeof layers / sizeof *layers, err);
}

static void
print_figures(const char *title, const snnfit_report *report)
{
	snnfit_figures figures;

	snnfit_report_figures(report, &figures, sizeof figures);
	printf("%s\n", title);
	printf("  dead neurons removed    %llu\n",
	       (unsigned long long)figures.dead_neurons_removed);
	printf("  redundant pairs merged  %llu\n",
	       (unsigned long long)figures.redundant_pairs_merged);
	printf("  parameters before       %llu\n", (unsigned long long)figures.parameters_before);
	printf("  parameters after        %llu\n", (unsigned long long)figures.parameters_after);
}

/* Only one pass, on a model of its own. */
static snnfit_status
one_pass(const char *pass, snnfit_error *err)
{
	snnfit_model *model = NULL;
	snnfit_report *report = NULL;
	snnfit_options options;
	snnfit_status status = make_model(&model, err);

	snnfit_options_init(&options, sizeof options);
	options.passes = pass;
	if (status == SNNFIT_OK)
		status = snnfit_optimize(model, &options, &report, err);
	if (status == SNNFIT_OK)
		print_figures(pass, report);
	snnfit_report_free(report);
	snnfit_model_free(model);
	return status;
}

static snnfit_status
optimize(snnfit_model *model, snnfit_error *err)
{
	snnfit_report *report = NULL;
	snnfit_status status = snnfit_optimize(model, NULL, &report, err);

	if (status == SNNFIT_OK)
		print_figures("the default passes", report);
	snnfit_report_free(report);
	return status;
}

static snnfit_status
fit(snnfit_model *model, const char *target, snnfit_error *err)
{
	snnfit_report *report = NULL;
	snnfit_options options;
	snnfit_status status;

	snnfit_options_init(&options, sizeof options);
	options.target = target;
	options.architecture = "event";
	status = snnfit_fit(model, &options, &report, err);
	if (status == SNNFIT_OK)
		printf("fit to %s\n%s", target, snnfit_report_text(report));
	snnfit_report_free(report);
	return status;
}

/* What is left of hidden1, as arrays. */
static snnfit_status
read_back(snnfit_model *model, snnfit_error *err)
{
	static float weights[INPUTS * HIDDEN1];
	static uint32_t origin[HIDDEN1];
	snnfit_layer_info info;
	snnfit_status status = snnfit_model_layer(model, 0, &info, err);

	if (status == SNNFIT_OK)
		status = snnfit_model_layer_read(model, 0, weights, NULL, NULL, origin, err);
	if (status == SNNFIT_OK)
		printf("%s has %u of %u neurons; neuron 3 was neuron %u\n", info.name,
		       (unsigned)info.n_neurons, (unsigned)info.n_neurons_before,
		       (unsigned)origin[3]);
	return status;
}

/* Mistakes are statuses and sentences. */
static void
make_mistakes(snnfit_model *model)
{
	snnfit_options options;
	snnfit_error err;

	snnfit_options_init(&options, sizeof options);
	options.passes = "dead_neuron_elimination,magic";
	if (snnfit_optimize(model, &options, NULL, &err) == SNNFIT_EUSAGE)
		printf("error: %s\n", err.text);
	snnfit_options_init(&options, sizeof options);
	options.target = "abacus";
	if (snnfit_fit(model, &options, NULL, &err) == SNNFIT_EUSAGE)
		printf("error: %s\n", err.text);
}

int
main(int argc, char **argv)
{
	snnfit_model *model = NULL;
	snnfit_error err;
	snnfit_status status = one_pass("redundancy_elimination", &err);

	if (status == SNNFIT_OK)
		status = make_model(&model, &err);
	if (status == SNNFIT_OK)
		status = optimize(model, &err);
	if (status == SNNFIT_OK)
		status = fit(model, "ecp5-25k", &err);
	if (status == SNNFIT_OK)
		status = read_back(model, &err);
	if (status == SNNFIT_OK && argc > 1)
		status = snnfit_model_write(model, argv[1], &err);
	if (status == SNNFIT_OK)
		make_mistakes(model);
	else
		fprintf(stderr, "tutorial: %s\n", err.text);
	snnfit_model_free(model);
	return status == SNNFIT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
