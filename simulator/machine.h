/* machine.h - what runs a plan: one thread's values of the slots. */
#ifndef SNNFIT_SIMULATOR_MACHINE_H
#define SNNFIT_SIMULATOR_MACHINE_H

#include "simulator/plan.h"

enum {
	MACHINE_ITERATIONS_MAX = 1 << 20, /* of a Loop or Scan */
};

/* Told of what nodes make, for some of the slots. */
struct machine_tap {
	const bool *slots; /* [plan->slot_count] */
	snnfit_status (*see)(void *context, uint32_t slot, const struct tensor *value,
			     snnfit_error *err);
	void *context;
};

struct machine {
	const struct plan *plan;
	struct pool pool;
	struct tensor *slots;	       /* [plan->slot_count] */
	uint32_t lanes;		       /* samples that run side by side */
	uint32_t steps;		       /* that nodes make at once, which can; else 1 */
	uint64_t random;	       /* number of the next random draw */
	const struct machine_tap *tap; /* NULL: none */
	/* Non-zeros that arrived at constant weights, times the weights of each. */
	double synaptic_operations;
};

/* memory_limit 0: generous. */
MUST_USE snnfit_status machine_init(struct machine *machine, const struct plan *plan,
				    uint32_t lanes, uint64_t memory_limit, snnfit_error *err);
void machine_free(struct machine *machine);

/* Another number of samples: forgets all values but constants. */
void machine_reset(struct machine *machine, uint32_t lanes);

/* Runs the nodes; inputs must stand in their slots. */
MUST_USE snnfit_status machine_run(struct machine *machine, const struct plan_graph *graph,
				   snnfit_error *err);
/* The same for some of the nodes. */
MUST_USE snnfit_status machine_run_node(struct machine *machine, const struct plan_node *node,
					snnfit_error *err);
/* The slot takes over the tensor; what stood there is released. */
void machine_set(struct machine *machine, uint32_t slot, struct tensor tensor);

/* The same with what stands there: floats instead of bits. */
MUST_USE snnfit_status machine_expand(struct machine *machine, uint32_t slot, snnfit_error *err);

/* --- for operators ---------------------------------------------------------------- */

/* One call of an operator: for all lanes, or, when the operator does not know of
 * lanes, for one after the other. */
struct call {
	struct machine *machine;
	const struct plan_node *node;
	const struct tensor **inputs; /* NULL: left out */
	uint32_t input_count;
	struct tensor *outputs;
	uint32_t output_count;
	uint32_t lane;	/* that this call is for */
	uint32_t lanes; /* that this call is for: 1, or all of them */
	bool laned;	/* some input has an array for each lane */
	snnfit_error *err;
	snnfit_status status; /* of what gave NULL */
};

typedef snnfit_status operator_run(struct call *call);

/* NULL: left out, or there is none. */
const struct tensor *call_input(const struct call *call, uint32_t i);
/* Data of the output: of this call's lane, or of all lanes for operators that know
 * of them, laned if an input is. NULL: see call->status. */
void *call_output(struct call *call, uint32_t i, int32_t type, uint32_t rank, const uint64_t *dims);
/* The same of floats that are 0 or 1, as bits; room for them, of all steps: the lanes of a
 * step behind those of the one before. */
uint64_t *call_output_bits(struct call *call, uint32_t i, uint32_t rank, const uint64_t *dims);
/* For an operator that takes bits, but not of these: the input has floats from then on. */
MUST_USE snnfit_status call_expand(struct call *call, uint32_t i);
/* For an operator that knows of lanes, but not of these: calls it again for one
 * lane after the other, the inputs then without lanes. */
MUST_USE snnfit_status call_by_lane(struct call *call);
/* The output is the input's array in another shape, as many elements. */
MUST_USE snnfit_status call_alias(struct call *call, uint32_t i, const struct tensor *tensor,
				  uint32_t rank, const uint64_t *dims);
/* False: nobody reads the output. */
bool call_wants(const struct call *call, uint32_t i);
/* A failure: "Gemm node 'fc1': ..." */
snnfit_status call_fail(struct call *call, snnfit_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Room for count objects until the call ends; NULL: see call->status. */
void *call_scratch(struct call *call, struct tensor *scratch, uint64_t bytes);
void call_scratch_free(struct call *call, struct tensor *scratch);
/* A list of integers: input i, else the attribute; at most max. *count is 0, and
 * *given false, when neither is there. All lanes must agree. */
MUST_USE snnfit_status call_ints(struct call *call, uint32_t i, const char *attribute,
				 int64_t *values, uint32_t max, uint32_t *count, bool *given);
/* The only element of an input, the same in all lanes; absent: the fallback. */
MUST_USE snnfit_status call_int(struct call *call, uint32_t i, int64_t fallback, int64_t *value);
/* Into [0, rank): false when it is not an axis. */
MUST_USE bool axis_normalize(int64_t *axis, uint32_t rank);

#endif
