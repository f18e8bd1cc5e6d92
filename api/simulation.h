/* simulation.h - a model, its data, and how they go together, ready to be run. */
#ifndef SNNFIT_API_SIMULATION_H
#define SNNFIT_API_SIMULATION_H

#include "api/model.h"
#include "api/samples.h"
#include "simulator/emissions.h"
#include "simulator/network.h"

struct simulation {
	/* What is run, and on what; not owned. */
	const snnfit_simulate_options *options;
	const struct samples *samples;
	const struct onnx_model *onnx;
	const struct onnx_model *read;	   /* what the graph's bindings are about, or NULL */
	const struct graph *graph;	   /* NULL: no populations were recognised */
	const struct import_options *told; /* which states there are, without a graph */
	bool outputs_only;		   /* firing rates are not wanted */
	uint64_t record_bytes;		   /* most that spike trains may take; 0: not wanted */
	struct emissions *emissions;	   /* of earlier runs on these samples; NULL: none */
	const double *range;		   /* what inputs are said to lie in; NULL: anywhere */
	/* The rest is prepared. */
	struct arena arena;
	struct network network;
	uint64_t time_inside; /* steps that a sample has in the model's input */
	bool time_open;	      /* an input takes any number of them */
	struct text notes;    /* one line each */
};

/* Everything up to running; to be freed, also on failure. */
MUST_USE snnfit_status simulation_prepare(struct simulation *simulation, snnfit_error *err);
void simulation_free(struct simulation *simulation);

/* --- after network_run ----------------------------------------------------------------- */

/* Every label is a class of the network. */
MUST_USE snnfit_status simulation_check_classes(const struct simulation *simulation,
						snnfit_error *err);
/* What the sample is taken for. */
uint64_t simulation_class(const struct simulation *simulation, uint64_t sample);
/* Where unit u at position p stands in a watched tensor: channels come first, but
 * where the last axis is that of the units. */
uint64_t simulation_element(const struct network_watch *watch, uint64_t units, uint64_t positions,
			    uint64_t unit, uint64_t position);
/* The rates measured become those of the graph, which is the one that was run. */
MUST_USE snnfit_status simulation_take_rates(struct simulation *simulation, struct graph *graph,
					     snnfit_error *err);

/* --- how data become spikes, and outputs a class ------------------------------------------- */

const char *encoding_name(enum encoding encoding);
const char *decoding_name(enum decoding decoding);
/* How the class outputs of a network are read when nobody says otherwise. */
enum decoding decoding_by_default(const struct graph *graph);

/* --- the parts of preparing ----------------------------------------------------------------- */

/* An input of the model that is run; NULL: there is none of that name. */
const Onnx__ValueInfoProto *simulation_input(const struct simulation *simulation, const char *name);
/* Its type and dims; those that are not numbers are 0. */
MUST_USE snnfit_status simulation_input_shape(const struct simulation *simulation, const char *name,
					      int32_t *type, uint32_t *rank, uint64_t *dims,
					      snnfit_error *err);
/* The data of an input, which is prepared, are what the encoding takes, and what the model
 * gets of them lies in the range. */
MUST_USE snnfit_status simulation_check_values(const struct simulation *simulation,
					       const char *name, const struct array *array,
					       snnfit_error *err);
/* From the graph, or what the reader was told. */
MUST_USE snnfit_status states_list(struct simulation *simulation, snnfit_error *err);
MUST_USE snnfit_status states_set_initial(struct simulation *simulation, snnfit_error *err);

#endif
