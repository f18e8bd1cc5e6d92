/* element.h - operations element by element, with broadcasting, on every type.
 *
 * Computed in double, int64 or uint64 and rounded once: for +, -, *, / and square
 * root of floats that is the same, bit for bit, as computing in float. */
#ifndef SNNFIT_SIMULATOR_ELEMENT_H
#define SNNFIT_SIMULATOR_ELEMENT_H

#include "simulator/machine.h"

enum element {
	ELEMENT_NONE,
	ELEMENT_COPY,
	/* one operand */
	ELEMENT_ABS,
	ELEMENT_NEG,
	ELEMENT_SIGN,
	ELEMENT_FLOOR,
	ELEMENT_CEIL,
	ELEMENT_ROUND,
	ELEMENT_SQRT,
	ELEMENT_RECIPROCAL,
	ELEMENT_EXP,
	ELEMENT_LOG,
	ELEMENT_RELU,
	ELEMENT_SIGMOID,
	ELEMENT_TANH,
	ELEMENT_SIN,
	ELEMENT_COS,
	ELEMENT_TAN,
	ELEMENT_ASIN,
	ELEMENT_ACOS,
	ELEMENT_ATAN,
	ELEMENT_SINH,
	ELEMENT_COSH,
	ELEMENT_ASINH,
	ELEMENT_ACOSH,
	ELEMENT_ATANH,
	ELEMENT_ERF,
	ELEMENT_SOFTPLUS,
	ELEMENT_SOFTSIGN,
	ELEMENT_MISH,
	ELEMENT_HARD_SWISH,
	ELEMENT_GELU,
	ELEMENT_GELU_TANH,
	ELEMENT_LEAKY_RELU,	  /* a: slope */
	ELEMENT_ELU,		  /* a */
	ELEMENT_CELU,		  /* a */
	ELEMENT_SELU,		  /* a: alpha, b: gamma */
	ELEMENT_THRESHOLDED_RELU, /* a */
	ELEMENT_HARD_SIGMOID,	  /* a: slope, b: offset */
	ELEMENT_SHRINK,		  /* a: bias, b: lambda */
	ELEMENT_SWISH,		  /* a */
	ELEMENT_NOT,
	ELEMENT_BITWISE_NOT,
	ELEMENT_IS_NAN,
	ELEMENT_IS_INF, /* a: positive ones count, b: negative ones */
	/* two */
	ELEMENT_ADD,
	ELEMENT_SUB,
	ELEMENT_MUL,
	ELEMENT_DIV,
	ELEMENT_MOD,  /* the sign of the divisor */
	ELEMENT_FMOD, /* the sign of the dividend */
	ELEMENT_POW,
	ELEMENT_MAX,
	ELEMENT_MIN,
	ELEMENT_PRELU,
	ELEMENT_GREATER,
	ELEMENT_GREATER_EQUAL,
	ELEMENT_LESS,
	ELEMENT_LESS_EQUAL,
	ELEMENT_EQUAL,
	ELEMENT_AND,
	ELEMENT_OR,
	ELEMENT_XOR,
	ELEMENT_BITWISE_AND,
	ELEMENT_BITWISE_OR,
	ELEMENT_BITWISE_XOR,
	ELEMENT_SHIFT_LEFT,
	ELEMENT_SHIFT_RIGHT,
	/* three */
	ELEMENT_WHERE,
};

enum { ELEMENT_OPERANDS_MAX = 3 };

/* Numbers that an operation takes from attributes. */
struct element_numbers {
	double a, b;
};

/* The shape that operands broadcast to; false: they don't. */
MUST_USE bool broadcast_dims(const struct tensor *const *operands, uint32_t count, uint32_t *rank,
			     uint64_t *dims);

/* Output `output` of the call, of a type, from operands that stand for inputs. */
MUST_USE snnfit_status element_apply(struct call *call, enum element element,
				     struct element_numbers numbers,
				     const struct tensor *const *operands, uint32_t count,
				     int32_t type, uint32_t output);
/* The same into memory: out has room for what they broadcast to, dims. */
void element_compute(enum element element, struct element_numbers numbers,
		     const struct tensor *const *operands, uint32_t count, uint32_t lanes,
		     uint32_t rank, const uint64_t *dims, int32_t type, void *out);

operator_run run_element, run_variadic, run_clip, run_cast, run_cast_like, run_where, run_mod,
	run_bit_shift, run_is_inf, run_gelu, run_with_numbers, run_pow;

#endif
