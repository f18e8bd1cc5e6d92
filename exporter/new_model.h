/* new_model.h - a new ONNX model while it is being made: shared by the new_*.c files. */
#ifndef SNNFIT_EXPORTER_NEW_MODEL_H
#define SNNFIT_EXPORTER_NEW_MODEL_H

#include "exporter/names.h"
#include "graph/graph.h"

/* A state: declared at the end, so that all other outputs come before. */
struct state_value {
	const char *input, *output;
	uint32_t units;
};

struct maker {
	const struct graph *graph;
	struct onnx_model *model;
	struct arena *arena; /* the model's */
	Onnx__GraphProto *main;
	struct names names;
	struct text *notes;
	const char *input;    /* name of the model's input; NULL: nothing reads it yet */
	const char **spikes;  /* [population]: its spikes, or what else it gives; NULL: not yet */
	const char **earlier; /* [population]: its spikes of the step before; NULL: not needed */
	struct state_value *states;
	size_t node_capacity, tensor_capacity, state_count, state_capacity;
	snnfit_error *err;
};

/* --- new_parts.c: things put into the graph ------------------------------------- */

MUST_USE snnfit_status put_node(struct maker *maker, Onnx__NodeProto *node);
MUST_USE snnfit_status put_tensor(struct maker *maker, Onnx__TensorProto *tensor);
/* out = op(a, b); b NULL: of one input. */
MUST_USE snnfit_status put_operation(struct maker *maker, const char *op_type, const char *a,
				     const char *b, const char *out);
MUST_USE snnfit_status put_floats(struct maker *maker, const char *name, uint32_t rank,
				  const uint64_t *dims, const float *values);
/* A scalar when count is 1. */
MUST_USE snnfit_status put_doubles(struct maker *maker, const char *name, uint32_t count,
				   const double *values);
/* base, then the ending; unique. */
MUST_USE snnfit_status new_name(struct maker *maker, const char *base, const char *ending,
				const char **out);
/* *value = *value op constant, the constant stored under base and the ending. */
MUST_USE snnfit_status put_with_constant(struct maker *maker, const char *op_type,
					 const char **value, const char *base, const char *ending,
					 uint32_t count, const double *constant);
/* A float tensor [batch][units], at the end of a list of declared values. */
MUST_USE snnfit_status put_declaration(struct maker *maker, Onnx__ValueInfoProto ***list,
				       size_t *count, const char *name, uint32_t units);
/* BASE what_in and BASE what_out. *out is good until the next one is made. */
MUST_USE snnfit_status put_state(struct maker *maker, const char *base, const char *what,
				 uint32_t units, const struct state_value **out);

/* --- new_drive.c -------------------------------------------------------------------- */

/* The sum of all projections of a population, and its offset: what its neuron's
 * function takes. */
MUST_USE snnfit_status put_drive(struct maker *maker, population_id id, const char **out);

#endif
