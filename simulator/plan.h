/* plan.h - a model as a list of operator calls on numbered slots.
 *
 * Names are gone: local functions are spelled out, and bodies of Loop, Scan and If
 * use slots of their own beside those of the graphs around them, so that what a
 * body reads from outside is a slot like any other. What depends on nothing but
 * constants is computed once, when the plan is made. */
#ifndef SNNFIT_SIMULATOR_PLAN_H
#define SNNFIT_SIMULATOR_PLAN_H

#include "core/map.h"
#include "simulator/dense.h"
#include "simulator/tensor.h"

enum {
	SLOT_NONE = 0, /* an input or output that is left out: always empty */
	BODIES_MAX = 2,
};

struct operator;	/* simulator/operators.h */
struct tape;		/* simulator/tape.h */
struct attribute_scope; /* attributes of the function call that a node is in */

struct plan_graph {
	struct plan_node *nodes; /* in the order of execution */
	uint32_t node_count;
	uint32_t *inputs, *outputs; /* slots */
	uint32_t input_count, output_count;
	bool *output_is_own; /* made in this graph, not read from outside */
};

struct plan_node {
	const Onnx__NodeProto *proto;
	const struct attribute_scope *scope; /* NULL: not in a function */
	const struct operator* operator;
	int64_t version;	    /* of the operator set */
	uint32_t *inputs, *outputs; /* slots; SLOT_NONE: left out */
	uint32_t input_count, output_count;
	struct plan_graph *bodies[BODIES_MAX];
	const char *body_names[BODIES_MAX]; /* the attributes they are */
	uint32_t body_count;
	uint32_t *reads; /* slots that the bodies read from outside */
	uint32_t read_count;
	uint32_t *releases; /* slots that nobody needs after this node */
	uint32_t release_count;
	const struct tape *tape; /* of a node that does the work of several; else NULL */
};

/* A constant as the right side of products, packed once for all nodes and threads:
 * a matrix as it stands or transposed, or the kernels of a convolution, a matrix
 * for each group of channels; or sums of parts of them (simulator/conv_tables.c). */
enum packing { PACK_PLAIN, PACK_TRANSPOSED, PACK_KERNELS, PACK_TABLES };
struct plan_packing {
	uint32_t slot;
	enum packing packing;
	uint32_t groups;
	struct packed *matrices; /* [groups] */
	struct tensor memory;
};

struct plan {
	struct arena arena;
	struct pool pool; /* of the constants */
	const struct onnx_model *model;
	struct plan_graph graph;  /* inputs: those without a default */
	const char **slot_names;  /* [slot_count]; NULL: none */
	struct map names;	  /* of the main graph -> slot */
	struct tensor *constants; /* [slot_count]; empty: not constant */
	uint32_t slot_count;
	struct plan_packing *packings;
	size_t packing_count, packing_capacity;
};

/* model must outlive *out. SNNFIT_EUNSUPPORTED names the operator that cannot be
 * run, its node and its domain. */
MUST_USE snnfit_status plan_new(struct plan **out, const struct onnx_model *model,
				snnfit_error *err);
void plan_free(struct plan *plan); /* NULL is fine */

/* Part of plan_new: computes what is constant, packs it, and finds lifetimes. */
MUST_USE snnfit_status plan_finish(struct plan *plan, snnfit_error *err);

/* Lists for every node what nobody needs after it; outputs stay. memory: for the
 * lists. */
MUST_USE snnfit_status graph_lifetimes(struct arena *memory, struct plan_graph *graph,
				       uint32_t slot_count, snnfit_error *err);

/* The slot of a name, in the main graph first; SLOT_NONE: there is none. */
uint32_t plan_slot(const struct plan *plan, const char *name);
/* The slot of a name in a body, "/NODE.ATTRIBUTE" for each graph that it is in. */
uint32_t plan_slot_inside(const struct plan *plan, const char *body, const char *name);

/* For operators, once constants are known: makes the packing if the slot is a
 * constant of floats and dimensions that can be. */
MUST_USE snnfit_status plan_pack(struct plan *plan, uint32_t slot, enum packing packing,
				 uint32_t groups, snnfit_error *err);
/* A packing whose matrices are still to be filled, each of so many floats. */
MUST_USE snnfit_status plan_add_packing(struct plan *plan, uint32_t slot, enum packing packing,
					uint32_t groups, uint64_t floats, struct plan_packing **out,
					snnfit_error *err);
/* [groups], NULL: there is none. */
const struct packed *plan_packed(const struct plan *plan, uint32_t slot, enum packing packing,
				 uint32_t groups);

/* "Gemm node 'fc1'", "com.x::Foo node 3": for messages, in room. */
enum { NODE_LABEL_BYTES = 200 };
const char *plan_node_label(const struct plan_node *node, char room[NODE_LABEL_BYTES]);

/* Attributes, seen through function calls; NULL or the fallback: not given. */
const Onnx__AttributeProto *node_attribute(const struct plan_node *node, const char *name);
int64_t node_int(const struct plan_node *node, const char *name, int64_t fallback);
float node_float(const struct plan_node *node, const char *name, float fallback);
/* Not ended by a NUL in the file: copied into room, cut off if need be. */
enum { NODE_TEXT_BYTES = 32 };
const char *node_text(const struct plan_node *node, const char *name, const char *fallback,
		      char room[NODE_TEXT_BYTES]);

#endif
