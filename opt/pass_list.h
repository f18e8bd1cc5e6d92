/* pass_list.h - the passes; the table of pipeline.c says what each does. */
#ifndef SNNFIT_OPT_PASS_LIST_H
#define SNNFIT_OPT_PASS_LIST_H

#include "opt/pass.h"

snnfit_status dead_neuron_elimination(struct pass_context *context, struct graph *graph,
				      snnfit_error *err);
snnfit_status silent_neuron_elimination(struct pass_context *context, struct graph *graph,
					snnfit_error *err);
snnfit_status always_firing_elimination(struct pass_context *context, struct graph *graph,
					snnfit_error *err);
snnfit_status redundancy_elimination(struct pass_context *context, struct graph *graph,
				     snnfit_error *err);
snnfit_status behavioural_redundancy(struct pass_context *context, struct graph *graph,
				     snnfit_error *err);
snnfit_status layer_fusion(struct pass_context *context, struct graph *graph, snnfit_error *err);
snnfit_status magnitude_pruning(struct pass_context *context, struct graph *graph,
				snnfit_error *err);
snnfit_status quantization(struct pass_context *context, struct graph *graph, snnfit_error *err);

#endif
