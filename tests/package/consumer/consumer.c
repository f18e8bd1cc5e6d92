/* consumer.c - a program of somebody who has installed the library: two layers from
 * arrays, one dead neuron, optimized. */
#include <snnfit.h>

#include <stdio.h>
#include <string.h>

static const float weights1[3 * 4] = {
	0.5f, 0.1f, 0.2f, 0.3f, /**/ 0.1f, 0.6f, 0.7f, 0.2f, /**/ 0.3f, 0.9f, 0.1f, 0.4f,
};
static const float rates1[4] = { 0.25f, 0.0f, 0.125f, 0.5f };
static const float weights2[4 * 2] = { 0.5f, 0.4f, 0.3f, 0.9f, 0.8f, 0.1f, 0.2f, 0.7f };
static const float rates2[2] = { 0.5f, 0.25f };

static int
optimize(snnfit_model *model, snnfit_error *err)
{
	snnfit_options options;
	snnfit_figures figures;
	snnfit_report *report;

	snnfit_options_init(&options, sizeof options);
	options.passes = "dead_neuron_elimination";
	if (snnfit_optimize(model, &options, &report, err) != SNNFIT_OK)
		return 1;
	snnfit_report_figures(report, &figures, sizeof figures);
	snnfit_report_free(report);
	/* 4 x 3 + 2 x 4 weights; less 3 + 2 of the dead one */
	if (figures.dead_neurons_removed == 1 && figures.parameters_before == 20 &&
	    figures.parameters_after == 15)
		return 0;
	(void)snprintf(err->text, sizeof err->text, "%d removed, %d -> %d parameters",
		       (int)figures.dead_neurons_removed, (int)figures.parameters_before,
		       (int)figures.parameters_after);
	return 1;
}

int
main(void)
{
	snnfit_layer layers[2];
	snnfit_model *model;
	snnfit_error err;
	int failed;

	memset(layers, 0, sizeof layers);
	layers[0].name = "hidden";
	layers[0].n_inputs = 3;
	layers[0].n_neurons = 4;
	layers[0].weights = weights1;
	layers[0].firing_rates = rates1;
	layers[1].name = "output";
	layers[1].n_inputs = 4;
	layers[1].n_neurons = 2;
	layers[1].weights = weights2;
	layers[1].firing_rates = rates2;
	failed = strcmp(snnfit_version(), SNNFIT_VERSION) != 0;
	err.text[0] = '\0';
	if (snnfit_model_from_layers(&model, layers, 2, &err) != SNNFIT_OK)
		failed = 1;
	else
		failed |= optimize(model, &err);
	snnfit_model_free(model);
	if (failed)
		(void)fprintf(stderr, "consumer: %s\n", err.text);
	return failed;
}
