/* simulation.h - a model, its data, and how they go together, ready to be run. */
#ifndef SNNFIT_API_SIMULATION_H
#define SNNFIT_API_SIMULATION_H

#include "api/model.h"
#include "data/array.h"
#include "simulator/network.h"

struct simulation {
	const snnfit_simulate_options *options;
	struct arena arena;
	struct snnfit_model *model;
	struct onnx_model *made;       /* for this run only, or NULL */
	const struct onnx_model *onnx; /* what is run */
	const struct graph *graph;     /* NULL: no populations were recognised */
	struct network network;
	struct arrays inputs, labels, initial;
	const struct array *classes; /* of the samples; NULL: no labels */
	uint64_t time_inside;	     /* steps that a sample has in the model's input */
	struct text notes;	     /* one line each */
};

/* Everything up to running; to be freed, also on failure. */
MUST_USE snnfit_status simulation_prepare(struct simulation *simulation, struct snnfit_model *model,
					  const snnfit_simulate_options *options,
					  snnfit_error *err);
void simulation_free(struct simulation *simulation);

const char *encoding_name(enum encoding encoding);
const char *decoding_name(enum decoding decoding);
/* How the class outputs of a network are read when nobody says otherwise. */
enum decoding decoding_by_default(const struct graph *graph);

#endif
