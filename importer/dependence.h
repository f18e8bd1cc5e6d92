/* dependence.h - which model inputs a model output depends on. */
#ifndef SNNFIT_IMPORTER_DEPENDENCE_H
#define SNNFIT_IMPORTER_DEPENDENCE_H

#include "importer/axes.h"

/* Elementwise: along ways on which a unit stays a unit, past no weight operation's
 * data. Any: through weights, too. */
enum dependence_kind { DEPENDS_ELEMENTWISE, DEPENDS_ANYHOW, DEPENDENCE_KINDS };

struct input_set {
	uint32_t *inputs; /* into program.inputs, ascending */
	size_t count;
	bool known;
};

/* Sets are searched for when they are asked for, one walk back from an output. */
struct dependence {
	struct axes *axes;
	bool *is_weights;  /* [operation_count] */
	uint32_t *walk_of; /* [value_count]: the last walk that met it */
	uint32_t walks;
	uint32_t *input_of; /* [value_count]: into program.inputs, or NO_VALUE */
	uint32_t *stack;
	size_t stack_capacity;
	uint64_t steps_left; /* no file may make this quadratic: then nothing depends */
	struct input_set *sets[DEPENDENCE_KINDS]; /* [output_count] each */
};

MUST_USE bool dependence_init(struct dependence *dependence, struct axes *axes);
/* False also when the search was given up, or memory ran out (axes.out_of_memory). */
bool depends(struct dependence *dependence, enum dependence_kind kind, uint32_t output,
	     uint32_t input);

#endif
