/* axes.h - which axis of which tensor follows which units.
 *
 * An axis is a product of variables, outermost first; an axis of size 1 is the
 * empty product, so that broadcasting costs nothing. Operators unify axes; a
 * variable is split when a product of others takes its place (256 = 16 x 16),
 * or becomes a sum when it is a concatenation. Union-find with union by weight:
 * near-linear. (The idea is the dependency graph of structural pruning, DepGraph,
 * CVPR 2023.) */
#ifndef SNNFIT_IMPORTER_AXES_H
#define SNNFIT_IMPORTER_AXES_H

#include "importer/constant.h"

enum { AXES_RANK_MAX = 12 };

/* Dims that have no number get a prime each, from here on: far above real sizes,
 * so that the arithmetic of Reshape stays exact. */
enum { AXES_FIRST_SYMBOL = 1048583 };

typedef uint32_t variable_id;

struct axis {
	uint32_t count;
	variable_id *variables;
};

enum variable_state { VARIABLE_LEAF, VARIABLE_LINK, VARIABLE_SUM };

struct variable {
	uint64_t size;
	enum variable_state state;
	uint32_t weight;
	uint32_t part_count;
	size_t part_capacity;
	struct axis link;   /* LINK: the product that took its place */
	struct axis *parts; /* SUM: its parts, in order */
	const char *frozen; /* LEAF: why it may not be cut */
};

/* Where a number in a shape tensor comes from. */
enum number_source { NUMBER_FREE, NUMBER_LITERAL, NUMBER_AXIS, NUMBER_MIXED };
struct number {
	int64_t value;
	enum number_source source;
	uint32_t use;	  /* LITERAL: into axes.uses */
	uint32_t element; /* of that use's tensor */
	struct axis axis; /* AXIS: the number is its size */
};

struct tensor_axes {
	bool known; /* the rank is */
	uint32_t rank;
	struct axis *axes;
	struct number *numbers; /* of a small integer tensor; NULL: not followed */
	uint32_t number_count;
	uint32_t use;	   /* of a source: into axes.uses; else NO_VALUE */
	uint32_t sequence; /* of a sequence: the label of its elements; else NO_VALUE */
};

/* What all elements of a sequence have in common, wherever it is carried to. */
struct sequence_label {
	uint32_t link; /* the label that took its place; NO_VALUE: it stands */
	bool known;    /* an element was put in */
	uint32_t rank;
	struct axis *axes;
	const char *frozen; /* why what is put in may not be cut */
};

/* One read of a constant tensor. */
struct axis_edit {
	uint32_t element;
	bool negative; /* counted from the end */
	struct axis axis;
};
struct use {
	uint32_t value;
	struct axis_edit *edits;
	size_t edit_count, edit_capacity;
};

/* A weight operation: its output units, and the axis that it contracts. */
struct weight_operation {
	uint32_t operation;
	uint32_t data_operand, weight_operand;
	bool transposed; /* the weight tensor is [columns][rows] */
	struct axis units, columns;
};

/* An attribute that is the size of an axis. */
struct axis_attribute {
	uint32_t operation;
	const char *name;
	struct axis axis;
};

/* An operation that adds up what stands along an axis. */
struct axis_total {
	uint32_t operation;
	struct axis axis;
};

/* What a variable of a loop is from its second iteration on. */
struct grown_shape {
	uint32_t rank;
	uint64_t sizes[AXES_RANK_MAX];
};

struct axes {
	struct program *program;
	const struct constants *constants;
	struct arena *arena;
	struct variable *variables;
	struct tensor_axes *tensors; /* [value_count] */
	struct use *uses;
	struct weight_operation *weights;
	struct axis_attribute *attributes;
	struct axis_total *sums;
	struct sequence_label *sequences;
	bool *opaque; /* [value_count]: carried variables whose shape changes on the way */
	struct grown_shape **grown; /* [value_count]: of those that only begin smaller */
	size_t variable_count, use_count, weight_count, attribute_count, sum_count, sequence_count;
	size_t variable_capacity, use_capacity, weight_capacity, attribute_capacity, sum_capacity,
		sequence_capacity;
	struct map symbols; /* dim_param -> prime */
	uint64_t next_symbol;
	uint32_t left_out; /* operations whose weights cannot be had: no populations */
	uint32_t first_left_out;
	bool again;	    /* a carried variable turned out to be opaque */
	bool out_of_memory; /* remembered: ask once at the end */
};

MUST_USE snnfit_status axes_follow(struct axes *axes, struct program *program,
				   const struct constants *constants, struct arena *arena,
				   snnfit_error *err);

/* --- the algebra -------------------------------------------------------------- */

/* frozen: why it may never be cut, NULL: it may. */
struct axis axis_fresh(struct axes *axes, uint64_t size, const char *frozen);
struct axis axis_resolve(struct axes *axes, struct axis axis);
uint64_t axis_size(struct axes *axes, struct axis axis);
/* The same units in the same order. */
bool axis_equal(struct axes *axes, struct axis a, struct axis b);
void axis_freeze(struct axes *axes, struct axis axis, const char *reason);
void axis_unify(struct axes *axes, struct axis a, struct axis b, const char *reason);
struct axis axis_product(struct axes *axes, const struct axis *factors, uint32_t count);
/* The sum of parts; parts of size 1 become frozen rows. */
struct axis axis_sum(struct axes *axes, const struct axis *parts, uint32_t count);
/* A part of a sum, of any size; other axes of size 1 are the empty product. */
struct axis axis_variable(struct axes *axes, uint64_t size, const char *frozen);
/* Units [start, end) of a single variable, which becomes a sum with boundaries
 * there. False: it has factors, or is frozen. */
bool axis_part(struct axes *axes, struct axis axis, uint64_t start, uint64_t end, struct axis *out);
/* The parts that an axis is the sum of, whatever they are sums of: itself, when it is none. */
struct axis_list {
	struct axis *items;
	size_t count, capacity;
};
struct axis_list axis_parts(struct axes *axes, struct axis axis);
/* Two sums of one size, part by part; false: a boundary of one falls into a product of the
 * other. */
bool axis_unify_sums(struct axes *axes, variable_id a, variable_id b, const char *reason);
/* Re-brackets the factors of x into dims (Reshape, Flatten); freezes what is
 * left in the middle when it does not come out. */
void axis_reshape(struct axes *axes, const struct axis *x, uint32_t rank, const uint64_t *dims,
		  uint32_t out_rank, struct axis *out);

/* --- for the rules -------------------------------------------------------------- */

/* Sets what is known of a result; axes are copied. */
struct tensor_axes *axes_set(struct axes *axes, uint32_t value, uint32_t rank,
			     const struct axis *list);
/* The rule of an operator. False: it met a form that it does not know, nothing
 * was bound. */
typedef bool (*axis_rule)(struct axes *axes, uint32_t operation_index);
axis_rule axis_rule_of(const struct operation *operation);
/* An operator whose weights are read, but not followed in what it computes. */
bool axes_is_foreign(const struct operation *operation);
/* MatMulInteger and ConvInteger: their weights are cut, but no new ones are written. */
bool axes_multiplies_codes(const struct operation *operation);
/* The DynamicQuantizeLinear whose codes and zero point it reads; NULL: none. */
const struct operation *axes_quantizer_of(const struct program *program,
					  const struct operation *operation);
/* What is taken off its weights; NULL: nothing. */
const struct constant *axes_weight_zero(const struct axes *axes, const struct operation *operation);
/* Of what enters and leaves bodies, and of sequences: their operands may be
 * tensors whose rank is not known, or sequences. NULL: not such an operation. */
axis_rule body_rule_of(const struct operation *operation);
/* Everything that follows from the tensor, or from the elements of the sequence. */
void axes_freeze_tensor(struct axes *axes, uint32_t value, const char *reason);
void axes_freeze_numbers(struct axes *axes, const struct tensor_axes *tensor, const char *reason);
void sequence_freeze(struct axes *axes, uint32_t label, const char *reason);
/* The i-th variable of a body is one more in the next iteration. */
bool body_counts_up(const struct axes *axes, const struct body *body, uint32_t i);
/* How often a Loop or Scan runs; a size without a number stands for what depends on
 * the input, 0 for what is not known. */
uint64_t axes_iterations(struct axes *axes, const struct body *body);
/* A size that has no number. */
uint64_t axes_new_symbol(struct axes *axes);
/* The same for what has the same name; NULL or empty: a new one. */
uint64_t axes_symbol(struct axes *axes, const char *name);
/* Axes as a graph declares them: for a value of which nothing else is known. */
void axes_set_declared(struct axes *axes, uint32_t value, const Onnx__ValueInfoProto *info,
		       const char *frozen);

#endif
