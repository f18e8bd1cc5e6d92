/* tape.h - elementwise operations that follow each other, on pieces that stay in the
 * cache.
 *
 * A neuron is a dozen operations on arrays of one size. One after the other they would
 * read and write memory for each; a tape runs all of them on a piece, then on the next
 * one. Every operation is still rounded to float: results are the same bit for bit. */
#ifndef SNNFIT_SIMULATOR_TAPE_H
#define SNNFIT_SIMULATOR_TAPE_H

#include "simulator/operators.h"
#include "simulator/phases.h"

/* What is known of a slot after a step. */
struct slot_shape {
	int32_t type; /* TYPE_NONE: nothing */
	bool laned;
	uint32_t rank;
	uint64_t dims[TENSOR_DIMS_MAX];
	uint64_t count;
};

/* Puts tapes into the step part of the phases in place of the nodes that they do the
 * work of. shapes: [plan->slot_count], of a step that was run. Should a shape be
 * another one later, a tape runs the nodes themselves. kept: what is asked for after a
 * step, as numbers but for the last bits_count, which may be bits. */
MUST_USE snnfit_status tapes_make(struct phases *phases, const struct plan *plan,
				  const struct slot_shape *shapes, const uint32_t *kept,
				  uint32_t kept_count, uint32_t bits_count, snnfit_error *err);

/* --- for the parts: tape_make.c makes, tape_shorten.c shortens, tape.c runs ------- */

enum tape_operation {
	TAPE_ADD,
	TAPE_SUB,
	TAPE_MUL,
	TAPE_DIV,
	TAPE_MAX,
	TAPE_MIN,
	TAPE_GREATER, /* of numbers: 1 or 0; NaN is not greater */
	TAPE_GREATER_EQUAL,
	TAPE_EQUAL,
	TAPE_AND, /* of truth values, 1 or 0 */
	TAPE_OR,
	TAPE_NOT,
	TAPE_NEG,
	TAPE_ABS,
	TAPE_RELU,
	TAPE_FLOOR,
	TAPE_TRUTH, /* 1 where it is not 0 */
	TAPE_SELECT,
	/* Of two steps, each rounded: made by tape_shorten. */
	TAPE_MUL_ADD,	  /* a b + c */
	TAPE_SUB_MUL,	  /* a - b c */
	TAPE_SUB_GREATER, /* a - (b > c) */
	TAPE_LEAK_RESET,  /* of four: (a b + c) - (d > e), where b and e are constants */
	TAPE_OPERATIONS,
};

enum {
	TAPE_PIECE = 512, /* floats */
	TAPE_VALUES_MAX = 96,
	TAPE_OPERANDS_MAX = 5,
	TAPE_STEPS_MAX = 8, /* of a tape that can repeat, at once */
};

struct tape_step {
	enum tape_operation operation;
	uint8_t out, operands[TAPE_OPERANDS_MAX]; /* values */
};

/* Where a value of a tape is. */
enum tape_place {
	TAPE_CONSTANT, /* a piece, the same everywhere */
	TAPE_ARRAY,    /* a constant of count floats */
	TAPE_INPUT,    /* floats of input `index` of the node */
	TAPE_FLAGS,    /* bools of input `index`, made 1 and 0 */
	TAPE_REGISTER, /* piece `index` of the scratch memory */
	TAPE_OUTPUT,   /* floats of output `index` */
};

struct tape_value {
	enum tape_place place;
	uint32_t index;
	const float *constant;
};

/* An output of truth values, as bools or as bits: value > other. */
struct tape_store {
	uint32_t output;
	uint8_t value, other;
	bool bits;
};

struct tape {
	uint64_t count; /* elements of one sample */
	struct tape_value *values;
	struct tape_step *steps;
	struct tape_store *stores;
	bool *output_is_bits; /* [outputs of the node] */
	const struct slot_shape **input_shapes, **output_shapes;
	uint32_t value_count, step_count, store_count, register_count;
	bool has_flags;
	bool fires; /* the first store is of what the last step gives */
	/* The last step may write output [1] where it reads input [0]. */
	bool can_overwrite;
	uint32_t overwritten[2];
	/* It is the only one, and fires where it resets: with a drive that stays, input `drive`,
	 * what it gives is all that the next step needs. */
	bool can_repeat;
	uint32_t drive;
	struct plan_node *nodes; /* what it does the work of */
	uint32_t node_count;
};

extern const struct operator tape_operator;

/* Gives the same with fewer steps: how many. */
uint32_t tape_shorten(const struct tape_value *values, struct tape_step *steps, uint32_t count,
		      struct tape_store *stores, uint32_t store_count);

/* x: the operands. */
/* How the last step ends, once all else is known: fires, can_overwrite. */
void tape_find_end(struct tape *tape);

/* Where bits of some steps go, each step's so many words behind the one's before. */
struct tape_spikes {
	uint64_t *bits, step_words;
	uint32_t steps;
};

typedef void tape_kernel(float *out, const float *const *x, uint64_t count);
struct tape_kernels {
	tape_kernel *operations[TAPE_OPERATIONS];
	/* TAPE_LEAK_RESET, and where the result is greater than a constant. Further steps go
	 * on from the result, and reset where it was. */
	void (*leak_reset_fire)(float *out, const float *const *x, float threshold, uint64_t count,
				const struct tape_spikes *spikes);
	/* Where a > b. bits: a word for each 64, and for the rest. */
	void (*bools)(uint8_t *out, const float *a, const float *b, uint64_t count);
	void (*bits)(uint64_t *out, const float *a, const float *b, uint64_t count);
};
/* For the processor at hand, and for any. */
const struct tape_kernels *tape_kernels(void);
const struct tape_kernels *tape_kernels_plain(void);

/* False: inputs have other shapes than those the tape was made for. */
bool tape_shapes_hold(const struct machine *machine, const struct plan_node *node);

#endif
