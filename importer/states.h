/* states.h - which state output feeds which state input of a one-step model. */
#ifndef SNNFIT_IMPORTER_STATES_H
#define SNNFIT_IMPORTER_STATES_H

#include "importer/importer.h"
#include "importer/polynomial.h"

struct state_binding {
	uint32_t input;	 /* into program.inputs */
	uint32_t output; /* into program.outputs */
	const char *output_name;
	bool from_zero; /* as the interface lets assume, or known */
};

struct states {
	struct state_binding *pairs; /* in the order of the inputs; then those of bodies */
	size_t count, model_count;
	uint32_t *output_of_input; /* [input_count], NO_VALUE: not a state */
	uint32_t *input_of_output; /* [output_count], likewise */
};

/* What a body carries from one iteration to the next is a state when something but
 * itself reads it: else it only gathers what the steps give. Inputs and outputs are
 * paired by what the options say, else by data flow, shape and type. The axes of each
 * pair are unified; inputs and outputs that are no states freeze theirs. */
MUST_USE snnfit_status states_pair(struct states *states, struct axes *axes,
				   const struct polynomials *polynomials,
				   const struct import_options *options, snnfit_error *err);

#endif
