/* operators.h - the operators that can be run. */
#ifndef SNNFIT_SIMULATOR_OPERATORS_H
#define SNNFIT_SIMULATOR_OPERATORS_H

#include "simulator/machine.h"

enum {
	OPERATOR_LANES = 1,	   /* sees all lanes at once */
	OPERATOR_NOT_FOLDED = 2,   /* makes sequences: never computed with the plan */
	OPERATOR_RANDOM = 4,	   /* gives something else each time: neither */
	OPERATOR_BITS = 8,	   /* takes input 0 as bits */
	OPERATOR_PASSES_BITS = 16, /* and gives bits then */
};

typedef snnfit_status operator_prepare(struct plan *plan, const struct plan_node *node,
				       snnfit_error *err);

struct operator
{
	const char *name; /* of ONNX's own domain */
	operator_run *run;
	operator_prepare *prepare; /* NULL: nothing to do once constants are known */
	uint8_t flags;
	uint8_t element; /* ELEMENT_..., of those element by element */
};

/* NULL: it cannot be run. */
const struct operator* operator_find_runnable(const char *domain, const char *name);

#endif
