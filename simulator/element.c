#include "simulator/element.h"

#include <math.h>
#include <string.h>

enum { PIECE = 256 };

/* --- the operations, on pieces ------------------------------------------------- */

#define LOOP(EXPRESSION)                                                                           \
	for (i = 0; i < n; i++)                                                                    \
		out[i] = EXPRESSION;                                                               \
	break

static double
sign_of(double x)
{
	return x > 0 ? 1 : x < 0 ? -1 : x;
}

static double
softplus(double x)
{
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double
sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static double
clamped(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

static double
gelu_tanh(double x)
{
	return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
}

static double
floored_mod(double a, double b)
{
	double rest = fmod(a, b);

	return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static void
real_activations(enum element element, struct element_numbers p, size_t n, const double *a,
		 double *out)
{
	size_t i;

	switch (element) {
	case ELEMENT_SIGMOID:
		LOOP(sigmoid(a[i]));
	case ELEMENT_TANH:
		LOOP(tanh(a[i]));
	case ELEMENT_ERF:
		LOOP(erf(a[i]));
	case ELEMENT_SOFTPLUS:
		LOOP(softplus(a[i]));
	case ELEMENT_SOFTSIGN:
		LOOP(a[i] / (1 + fabs(a[i])));
	case ELEMENT_MISH:
		LOOP(a[i] * tanh(softplus(a[i])));
	case ELEMENT_HARD_SWISH:
		LOOP(a[i] * clamped(a[i] / 6 + 0.5, 0, 1));
	case ELEMENT_GELU:
		LOOP(0.5 * a[i] * (1 + erf(a[i] * M_SQRT1_2)));
	case ELEMENT_GELU_TANH:
		LOOP(gelu_tanh(a[i]));
	case ELEMENT_LEAKY_RELU:
		LOOP(a[i] < 0 ? p.a * a[i] : a[i]);
	case ELEMENT_ELU:
		LOOP(a[i] < 0 ? p.a * expm1(a[i]) : a[i]);
	case ELEMENT_CELU:
		LOOP(a[i] < 0 ? p.a * expm1(a[i] / p.a) : a[i]);
	case ELEMENT_SELU:
		LOOP(p.b * (a[i] <= 0 ? p.a * expm1(a[i]) : a[i]));
	case ELEMENT_THRESHOLDED_RELU:
		LOOP(a[i] > p.a ? a[i] : 0);
	case ELEMENT_HARD_SIGMOID:
		LOOP(clamped(p.a * a[i] + p.b, 0, 1));
	case ELEMENT_SHRINK:
		LOOP(a[i] < -p.b ? a[i] + p.a : a[i] > p.b ? a[i] - p.a : 0);
	case ELEMENT_SWISH:
		LOOP(a[i] * sigmoid(p.a * a[i]));
	default:
		break;
	}
}

static void
real_functions(enum element element, size_t n, const double *a, double *out)
{
	size_t i;

	switch (element) {
	case ELEMENT_EXP:
		LOOP(exp(a[i]));
	case ELEMENT_LOG:
		LOOP(log(a[i]));
	case ELEMENT_SIN:
		LOOP(sin(a[i]));
	case ELEMENT_COS:
		LOOP(cos(a[i]));
	case ELEMENT_TAN:
		LOOP(tan(a[i]));
	case ELEMENT_ASIN:
		LOOP(asin(a[i]));
	case ELEMENT_ACOS:
		LOOP(acos(a[i]));
	case ELEMENT_ATAN:
		LOOP(atan(a[i]));
	case ELEMENT_SINH:
		LOOP(sinh(a[i]));
	case ELEMENT_COSH:
		LOOP(cosh(a[i]));
	case ELEMENT_ASINH:
		LOOP(asinh(a[i]));
	case ELEMENT_ACOSH:
		LOOP(acosh(a[i]));
	case ELEMENT_ATANH:
		LOOP(atanh(a[i]));
	default:
		break;
	}
}

static void
real_unary(enum element element, struct element_numbers p, size_t n, const double *a, double *out)
{
	size_t i;

	switch (element) {
	case ELEMENT_COPY:
		LOOP(a[i]);
	case ELEMENT_ABS:
		LOOP(fabs(a[i]));
	case ELEMENT_NEG:
		LOOP(-a[i]);
	case ELEMENT_SIGN:
		LOOP(sign_of(a[i]));
	case ELEMENT_FLOOR:
		LOOP(floor(a[i]));
	case ELEMENT_CEIL:
		LOOP(ceil(a[i]));
	case ELEMENT_ROUND:
		LOOP(nearbyint(a[i]));
	case ELEMENT_SQRT:
		LOOP(sqrt(a[i]));
	case ELEMENT_RECIPROCAL:
		LOOP(1 / a[i]);
	case ELEMENT_RELU:
		LOOP(a[i] < 0 ? 0 : a[i]);
	case ELEMENT_IS_NAN:
		LOOP(isnan(a[i]) != 0);
	case ELEMENT_IS_INF:
		LOOP((isinf(a[i]) && (a[i] > 0 ? p.a != 0 : p.b != 0)));
	default:
		real_functions(element, n, a, out);
		real_activations(element, p, n, a, out);
		break;
	}
}

static void
real_binary(enum element element, size_t n, const double *a, const double *b, double *out)
{
	size_t i;

	switch (element) {
	case ELEMENT_ADD:
		LOOP(a[i] + b[i]);
	case ELEMENT_SUB:
		LOOP(a[i] - b[i]);
	case ELEMENT_MUL:
		LOOP(a[i] * b[i]);
	case ELEMENT_DIV:
		LOOP(a[i] / b[i]);
	case ELEMENT_MOD:
		LOOP(floored_mod(a[i], b[i]));
	case ELEMENT_FMOD:
		LOOP(fmod(a[i], b[i]));
	case ELEMENT_POW:
		LOOP(pow(a[i], b[i]));
	case ELEMENT_MAX: /* NaN wins */
		LOOP(a[i] > b[i] || isnan(a[i]) ? a[i] : b[i]);
	case ELEMENT_MIN:
		LOOP(a[i] < b[i] || isnan(a[i]) ? a[i] : b[i]);
	case ELEMENT_PRELU:
		LOOP(a[i] < 0 ? a[i] * b[i] : a[i]);
	case ELEMENT_GREATER:
		LOOP(a[i] > b[i]);
	case ELEMENT_GREATER_EQUAL:
		LOOP(a[i] >= b[i]);
	case ELEMENT_LESS:
		LOOP(a[i] < b[i]);
	case ELEMENT_LESS_EQUAL:
		LOOP(a[i] <= b[i]);
	case ELEMENT_EQUAL:
		LOOP(a[i] == b[i]);
	default:
		break;
	}
}

/* Integers of both kinds, as int64_t and uint64_t; sums wrap. */
#define INTEGER_BINARY(NAME, TYPE, DIVIDE, FLOORED, SHIFTED)                                       \
	static void NAME(enum element element, size_t n, const TYPE *a, const TYPE *b, TYPE *out)  \
	{                                                                                          \
		size_t i;                                                                          \
                                                                                                   \
		switch (element) {                                                                 \
		case ELEMENT_ADD:                                                                  \
			LOOP((TYPE)((uint64_t)a[i] + (uint64_t)b[i]));                             \
		case ELEMENT_SUB:                                                                  \
			LOOP((TYPE)((uint64_t)a[i] - (uint64_t)b[i]));                             \
		case ELEMENT_MUL:                                                                  \
			LOOP((TYPE)((uint64_t)a[i] * (uint64_t)b[i]));                             \
		case ELEMENT_DIV:                                                                  \
			LOOP(DIVIDE(a[i], b[i]));                                                  \
		case ELEMENT_MOD:                                                                  \
			LOOP(FLOORED(a[i], b[i]));                                                 \
		case ELEMENT_FMOD:                                                                 \
			LOOP((TYPE)(a[i] - DIVIDE(a[i], b[i]) * b[i]));                            \
		case ELEMENT_POW:                                                                  \
			LOOP((TYPE)integer_power((uint64_t)a[i], (double)a[i], (double)b[i]));     \
		case ELEMENT_MAX:                                                                  \
			LOOP(a[i] > b[i] ? a[i] : b[i]);                                           \
		case ELEMENT_MIN:                                                                  \
			LOOP(a[i] < b[i] ? a[i] : b[i]);                                           \
		case ELEMENT_PRELU:                                                                \
			LOOP(a[i] > 0 ? a[i] : (TYPE)((uint64_t)a[i] * (uint64_t)b[i]));           \
		case ELEMENT_GREATER:                                                              \
			LOOP(a[i] > b[i]);                                                         \
		case ELEMENT_GREATER_EQUAL:                                                        \
			LOOP(a[i] >= b[i]);                                                        \
		case ELEMENT_LESS:                                                                 \
			LOOP(a[i] < b[i]);                                                         \
		case ELEMENT_LESS_EQUAL:                                                           \
			LOOP(a[i] <= b[i]);                                                        \
		case ELEMENT_EQUAL:                                                                \
			LOOP(a[i] == b[i]);                                                        \
		case ELEMENT_AND:                                                                  \
			LOOP(a[i] && b[i]);                                                        \
		case ELEMENT_OR:                                                                   \
			LOOP(a[i] || b[i]);                                                        \
		case ELEMENT_XOR:                                                                  \
			LOOP(!a[i] != !b[i]);                                                      \
		case ELEMENT_BITWISE_AND:                                                          \
			LOOP(a[i] & b[i]);                                                         \
		case ELEMENT_BITWISE_OR:                                                           \
			LOOP(a[i] | b[i]);                                                         \
		case ELEMENT_BITWISE_XOR:                                                          \
			LOOP(a[i] ^ b[i]);                                                         \
		case ELEMENT_SHIFT_LEFT:                                                           \
			LOOP((uint64_t)b[i] > 63 ? 0 : (TYPE)((uint64_t)a[i] << b[i]));            \
		case ELEMENT_SHIFT_RIGHT:                                                          \
			LOOP(SHIFTED(a[i], b[i]));                                                 \
		default:                                                                           \
			break;                                                                     \
		}                                                                                  \
	}

/* A division by zero gives 0: it must not end the process. */
static int64_t
divide_int(int64_t a, int64_t b)
{
	if (b == 0)
		return 0;
	return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static int64_t
floored_int(int64_t a, int64_t b)
{
	int64_t rest = b == 0 || b == -1 ? 0 : a % b;

	return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

/* All bits shifted out leave the sign. */
static int64_t
shifted_int(int64_t a, int64_t by)
{
	return a >> ((uint64_t)by > 63 ? 63 : by);
}

static uint64_t
shifted_uint(uint64_t a, uint64_t by)
{
	return by > 63 ? 0 : a >> by;
}

static uint64_t
divide_uint(uint64_t a, uint64_t b)
{
	return b ? a / b : 0;
}

static uint64_t
rest_uint(uint64_t a, uint64_t b)
{
	return b ? a % b : 0;
}

/* Exact, wrapping, where the exponent is a natural number; else rounded towards zero. */
static uint64_t
integer_power(uint64_t base, double value, double exponent)
{
	uint64_t power = 1, left;

	if (!(exponent >= 0 && exponent < 1e6 && exponent == floor(exponent))) {
		double real = pow(value, exponent);

		return fabs(real) < 9e18 ? (uint64_t)(int64_t)real : 0;
	}
	for (left = (uint64_t)exponent; left; left >>= 1, base *= base)
		if (left & 1)
			power *= base;
	return power;
}

INTEGER_BINARY(int_binary, int64_t, divide_int, floored_int, shifted_int)
INTEGER_BINARY(uint_binary, uint64_t, divide_uint, rest_uint, shifted_uint)

static void
int_unary(enum element element, size_t n, const int64_t *a, int64_t *out)
{
	size_t i;

	switch (element) {
	case ELEMENT_ABS:
		LOOP(a[i] < 0 ? (int64_t)(0 - (uint64_t)a[i]) : a[i]);
	case ELEMENT_NEG:
		LOOP((int64_t)(0 - (uint64_t)a[i]));
	case ELEMENT_SIGN:
		LOOP((a[i] > 0) - (a[i] < 0));
	case ELEMENT_RELU:
		LOOP(a[i] < 0 ? 0 : a[i]);
	case ELEMENT_NOT:
		LOOP(!a[i]);
	case ELEMENT_BITWISE_NOT:
		LOOP(~a[i]);
	default: /* those that change no integer */
		LOOP(a[i]);
	}
}

/* --- broadcasting ------------------------------------------------------------------ */

bool
broadcast_dims(const struct tensor *const *operands, uint32_t count, uint32_t *rank, uint64_t *dims)
{
	uint32_t i, d;

	*rank = 0;
	for (i = 0; i < count; i++)
		if (operands[i]->rank > *rank)
			*rank = operands[i]->rank;
	for (d = 0; d < *rank; d++)
		dims[d] = 1;
	for (i = 0; i < count; i++) {
		uint32_t shift = *rank - operands[i]->rank;

		for (d = 0; d < operands[i]->rank; d++) {
			uint64_t size = operands[i]->dims[d];

			if (size == 1)
				continue;
			if (dims[shift + d] != 1 && dims[shift + d] != size)
				return false;
			dims[shift + d] = size;
		}
	}
	return true;
}

/* The operands as one walks over the result; the lanes are its outermost dim. Dims
 * that are walked alike are one. */
struct walk {
	uint32_t rank, operands;
	uint64_t dims[TENSOR_DIMS_MAX + 1];
	uint64_t strides[ELEMENT_OPERANDS_MAX][TENSOR_DIMS_MAX + 1];
};

static void
operand_strides(const struct tensor *tensor, uint32_t rank, uint64_t *strides)
{
	uint32_t d, shift = rank - tensor->rank;
	uint64_t stride = 1;

	for (d = rank; d-- > 0;) {
		uint64_t size = d < shift ? 1 : tensor->dims[d - shift];

		strides[d + 1] = size == 1 ? 0 : stride;
		stride *= size;
	}
	strides[0] = tensor->laned ? tensor->count : 0;
}

static bool
walks_on(const struct walk *walk, uint32_t outer, uint32_t inner)
{
	uint32_t i;

	for (i = 0; i < walk->operands; i++)
		if (walk->strides[i][outer] != walk->strides[i][inner] * walk->dims[inner])
			return false;
	return true;
}

static void
walk_init(struct walk *walk, const struct tensor *const *operands, uint32_t count, uint32_t lanes,
	  uint32_t rank, const uint64_t *dims)
{
	uint32_t i, d, kept = 0;

	walk->operands = count;
	walk->dims[0] = lanes;
	for (d = 0; d < rank; d++)
		walk->dims[d + 1] = dims[d];
	for (i = 0; i < count; i++)
		operand_strides(operands[i], rank, walk->strides[i]);
	for (d = 1; d <= rank; d++) {
		if (walk->dims[d] == 1)
			continue;
		if (walk->dims[kept] == 1 || walks_on(walk, kept, d))
			walk->dims[kept] *= walk->dims[d];
		else
			walk->dims[++kept] = walk->dims[d];
		for (i = 0; i < count; i++)
			walk->strides[i][kept] = walk->strides[i][d];
	}
	walk->rank = kept + 1;
}

/* What the operands are computed in. */
enum domain { REALS, INTEGERS, NATURALS };

static enum domain
domain_of(int32_t type)
{
	return type_is_float(type) ? REALS : type == TYPE_UINT64 ? NATURALS : INTEGERS;
}

union piece {
	double real[PIECE];
	int64_t integer[PIECE];
	uint64_t natural[PIECE];
};

static void
load_piece(enum domain domain, const struct tensor *tensor, uint64_t at, uint64_t stride,
	   uint64_t count, union piece *out)
{
	uint64_t i, read = stride ? count : 1;

	if (domain == REALS)
		elements_to_double(tensor->type, tensor->data, at, read, out->real);
	else
		elements_to_int(tensor->type, tensor->data, at, read, out->integer);
	for (i = read; i < count; i++)
		out->integer[i] = out->integer[0];
}

static void
compute_piece(enum element element, struct element_numbers p, enum domain domain, size_t n,
	      union piece *in, union piece *out)
{
	size_t i;

	if (element == ELEMENT_WHERE) {
		for (i = 0; i < n; i++)
			out->integer[i] = in[0].integer[i] ? in[1].integer[i] : in[2].integer[i];
	} else if (domain == REALS) {
		if (element < ELEMENT_ADD)
			real_unary(element, p, n, in[0].real, out->real);
		else
			real_binary(element, n, in[0].real, in[1].real, out->real);
	} else if (element < ELEMENT_ADD) {
		int_unary(element, n, in[0].integer, out->integer);
	} else if (domain == NATURALS) {
		uint_binary(element, n, in[0].natural, in[1].natural, out->natural);
	} else {
		int_binary(element, n, in[0].integer, in[1].integer, out->integer);
	}
}

/* Comparisons and the like of reals give 0 and 1 as reals: any type takes those. */
static void
store_piece(enum domain domain, const union piece *piece, int32_t type, void *out, uint64_t at,
	    uint64_t count)
{
	if (domain == REALS)
		elements_from_double(type, out, at, count, piece->real);
	else
		elements_from_int(type, out, at, count, piece->integer);
}

/* Of a Where, the condition counts as integers whatever the others are. */
static enum domain
operand_domain(enum element element, uint32_t operand, enum domain domain)
{
	return element == ELEMENT_WHERE && operand == 0 ? INTEGERS : domain;
}

void
element_compute(enum element element, struct element_numbers numbers,
		const struct tensor *const *operands, uint32_t count, uint32_t lanes, uint32_t rank,
		const uint64_t *dims, int32_t type, void *out)
{
	enum domain domain = domain_of(operands[count - 1]->type);
	uint64_t index[TENSOR_DIMS_MAX + 1] = { 0 }, at[ELEMENT_OPERANDS_MAX] = { 0 };
	uint64_t inner, done = 0, i, piece, total;
	union piece in[ELEMENT_OPERANDS_MAX], result;
	struct walk walk;
	uint32_t k, d;

	/* An integer base with a real exponent is raised as a real one. */
	if (element == ELEMENT_POW && domain != REALS)
		domain = domain_of(operands[0]->type);
	walk_init(&walk, operands, count, lanes, rank, dims);
	inner = walk.dims[walk.rank - 1];
	total = lanes * dims_product(dims, 0, rank);
	while (done < total) {
		for (i = 0; i < inner; i += piece) {
			piece = inner - i < PIECE ? inner - i : PIECE;
			for (k = 0; k < count; k++) {
				uint64_t stride = walk.strides[k][walk.rank - 1];

				load_piece(operand_domain(element, k, domain), operands[k],
					   at[k] + i * stride, stride, piece, &in[k]);
			}
			compute_piece(element, numbers, domain, (size_t)piece, in, &result);
			store_piece(domain, &result, type, out, done + i, piece);
		}
		done += inner;
		for (d = walk.rank - 1; d-- > 0;) {
			for (k = 0; k < count; k++)
				at[k] += walk.strides[k][d];
			if (++index[d] < walk.dims[d])
				break;
			for (k = 0; k < count; k++)
				at[k] -= walk.strides[k][d] * walk.dims[d];
			index[d] = 0;
		}
	}
}

snnfit_status
element_apply(struct call *call, enum element element, struct element_numbers numbers,
	      const struct tensor *const *operands, uint32_t count, int32_t type, uint32_t output)
{
	uint64_t dims[TENSOR_DIMS_MAX];
	uint32_t rank;
	void *out;

	if (!broadcast_dims(operands, count, &rank, dims))
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "the shapes of its inputs do not go together");
	out = call_output(call, output, type, rank, dims);
	if (!out)
		return call->status;
	element_compute(element, numbers, operands, count, call->laned ? call->lanes : 1, rank,
			dims, type, out);
	return SNNFIT_OK;
}
