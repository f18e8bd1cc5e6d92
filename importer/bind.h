/* bind.h - from what the analysis found to the graph and its bindings. */
#ifndef SNNFIT_IMPORTER_BIND_H
#define SNNFIT_IMPORTER_BIND_H

#include "importer/neurons.h"

/* Everything that an import keeps as long as its graphs live. */
struct import {
	struct arena arena;
	struct program program;
	struct constants constants;
	struct axes axes;
	struct polynomials polynomials;
	struct states states;
	struct neurons neurons;
	struct bindings bindings;
	axis_id *axis_of_variable;   /* [variable_count], GRAPH_NONE: never cut */
	uint32_t *first_of_variable; /* [variable_count]: where in that axis it begins */
	uint32_t *reader_count;	     /* [value_count]: operations and outputs that read it */
	uint32_t *last_reader;	     /* [value_count]: operation */
	bool *carries_spikes;	     /* [value_count]: data of a weight operation, or an output */
};

MUST_USE snnfit_status bind_graph(struct import *import, struct graph *graph, snnfit_error *err);

/* The unit axis of a population; a frozen one, where its units cannot be cut alone.
 * GRAPH_NONE: out of memory. */
MUST_USE axis_id bind_unit_axis(struct import *import, struct graph *graph,
				const struct axis *units);
/* The first of the units that are also `part`, counted in `units`. */
uint32_t bind_first_unit(struct import *import, struct axis units, struct axis part);
/* A resolved axis in terms of the graph's unit axes. Freezes unit axes that come
 * in a form that spans cannot say. */
MUST_USE bool bind_dimension(struct import *import, struct graph *graph, struct axis axis,
			     struct arena *arena, struct dimension *out);
/* All of bindings but projections. */
MUST_USE snnfit_status bind_tensors(struct import *import, struct graph *graph, snnfit_error *err);
/* The projections of every population, with their bindings. */
MUST_USE snnfit_status bind_projections(struct import *import, struct graph *graph,
					snnfit_error *err);
/* What a projection reads at each column, at every step. weight: its first operation. */
MUST_USE snnfit_status bind_reads(struct import *import, struct graph *graph,
				  projection_id projection, uint32_t weight, snnfit_error *err);
/* Sums over units that other things read: units that are zero when silent may go. */
MUST_USE snnfit_status bind_sums(struct import *import, struct graph *graph, snnfit_error *err);
/* Inputs, outputs and states; and what time the file holds. */
MUST_USE snnfit_status bind_interface(struct import *import, struct graph *graph,
				      snnfit_error *err);
MUST_USE bool bind_time(struct import *import, struct graph *graph);
/* Bits and scales of weights that stand in the file as integers. */
MUST_USE snnfit_status bind_quantization(struct import *import, struct graph *graph,
					 projection_id projection,
					 const struct weight_operation *weight, snnfit_error *err);
/* Name of the constant at the bottom of an expression: the tensor that was
 * stored; value is returned when it is none. */
uint32_t bind_root_source(const struct import *import, uint32_t value);
void bind_freeze(struct graph *graph, axis_id axis, const char *reason);

#endif
