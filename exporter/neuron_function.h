/* neuron_function.h - neurons as functions of the domain `snnfit`, their bodies plain ONNX. */
#ifndef SNNFIT_EXPORTER_NEURON_FUNCTION_H
#define SNNFIT_EXPORTER_NEURON_FUNCTION_H

#include "graph/graph.h"
#include "proto/model.h"

#define NEURON_DOMAIN "snnfit"

/* What a neuron's function takes besides the drive, in this order; count 0:
 * left out, since it would change nothing. */
enum neuron_input {
	NEURON_BETA, /* decay of the membrane */
	NEURON_THRESHOLD,
	NEURON_RESET, /* what is taken off, or set, when that is not the threshold or 0 */
	NEURON_GAIN,  /* of the synaptic current at the membrane */
	NEURON_CURRENT_DECAY,
	NEURON_CURRENT_GAIN, /* of the drive in the synaptic current */
	NEURON_AMPLITUDE,    /* value of a spike, when that is not 1 */
	NEURON_INPUT_COUNT,
};

struct neuron_function {
	const char *name; /* "LIF", "IF_set_late", ... */
	bool spikes;	  /* has a comparison; else the first output is the membrane */
	bool current;	  /* keeps a synaptic current too */
	struct parameter inputs[NEURON_INPUT_COUNT];
	const struct neuron *neuron;
};

extern const char *const neuron_input_names[NEURON_INPUT_COUNT];

/* What the neuron needs. SNNFIT_EUNSUPPORTED for dynamics without a normal form.
 * Memory: arena. */
MUST_USE snnfit_status neuron_function_of(struct neuron_function *out,
					  const struct population *population, struct arena *arena,
					  snnfit_error *err);
/* Adds the function to the model if it is not there yet. It takes (drive,
 * membrane, [current], inputs...) and gives (spikes or output, membrane_out,
 * [current_out]). */
MUST_USE snnfit_status neuron_function_add(struct onnx_model *model,
					   const struct neuron_function *function,
					   snnfit_error *err);

#endif
