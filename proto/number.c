/* number.c - small float formats, as ONNX and the OCP micro-scaling spec define them. */
#include "proto/tensor.h"

#include <math.h>
#include <string.h>

/* sign | exponent | mantissa, and what the largest exponents mean. */
struct float_format {
	int exponent_bits;
	int mantissa_bits;
	int bias;
	enum { HAS_INFINITY, ONLY_NAN_ALL_ONES, NAN_IS_MINUS_ZERO, ALL_FINITE } special;
};

static float
decode(const struct float_format *format, uint32_t bits)
{
	uint32_t mantissa = bits & ((1u << format->mantissa_bits) - 1);
	uint32_t exponent_max = (1u << format->exponent_bits) - 1;
	uint32_t exponent = bits >> format->mantissa_bits & exponent_max;
	bool negative = bits >> (format->mantissa_bits + format->exponent_bits) & 1;
	uint32_t magnitude = exponent << format->mantissa_bits | mantissa;
	float value;

	if (format->special == HAS_INFINITY && exponent == exponent_max)
		return mantissa ? NAN : negative ? -INFINITY : INFINITY;
	if (format->special == ONLY_NAN_ALL_ONES &&
	    magnitude + 1 == 1u << (format->mantissa_bits + format->exponent_bits))
		return NAN;
	if (format->special == NAN_IS_MINUS_ZERO && negative && magnitude == 0)
		return NAN;
	if (exponent == 0)
		value = ldexpf((float)mantissa, 1 - format->bias - format->mantissa_bits);
	else
		value = ldexpf((float)(mantissa | 1u << format->mantissa_bits),
			       (int)exponent - format->bias - format->mantissa_bits);
	return negative ? -value : value;
}

float
number_from_float16(uint16_t bits)
{
	static const struct float_format half = { 5, 10, 15, HAS_INFINITY };

	return decode(&half, bits);
}

float
number_from_bfloat16(uint16_t bits)
{
	uint32_t wide = (uint32_t)bits << 16;
	float value;

	memcpy(&value, &wide, sizeof value);
	return value;
}

/* A power of two, 2^-127 to 2^127. */
static float
from_exponent_only(uint8_t bits)
{
	return bits == 0xff ? NAN : ldexpf(1.0f, (int)bits - 127);
}

float
number_from_small_float(int32_t type, uint8_t bits)
{
	static const struct float_format e4m3fn = { 4, 3, 7, ONLY_NAN_ALL_ONES };
	static const struct float_format e4m3fnuz = { 4, 3, 8, NAN_IS_MINUS_ZERO };
	static const struct float_format e5m2 = { 5, 2, 15, HAS_INFINITY };
	static const struct float_format e5m2fnuz = { 5, 2, 16, NAN_IS_MINUS_ZERO };
	static const struct float_format e2m1 = { 2, 1, 1, ALL_FINITE };
	static const struct float_format e2m3 = { 2, 3, 1, ALL_FINITE };
	static const struct float_format e3m2 = { 3, 2, 3, ALL_FINITE };

	switch (type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E4M3FN:
		return decode(&e4m3fn, bits);
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E4M3FNUZ:
		return decode(&e4m3fnuz, bits);
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E5M2:
		return decode(&e5m2, bits);
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E5M2FNUZ:
		return decode(&e5m2fnuz, bits);
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E8M0:
		return from_exponent_only(bits);
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT4E2M1:
		return decode(&e2m1, bits & 0xf);
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT6E2M3:
		return decode(&e2m3, bits & 0x3f);
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT6E3M2:
		return decode(&e3m2, bits & 0x3f);
	default:
		return NAN;
	}
}

/* --- rounding ---------------------------------------------------------------------- */

/* value >> shift, to nearest, ties to even. */
static uint32_t
shift_rounded(uint32_t value, unsigned shift)
{
	uint32_t half, rest, kept;

	if (shift > 31)
		return 0;
	half = 1u << (shift - 1);
	rest = value & ((half << 1) - 1);
	kept = value >> shift;
	return kept + (rest > half || (rest == half && (kept & 1)));
}

uint16_t
number_to_float16(float value)
{
	uint32_t bits, magnitude, sign, result;
	int exponent;

	memcpy(&bits, &value, sizeof bits);
	sign = bits >> 16 & 0x8000;
	magnitude = bits & 0x7fffffff;
	exponent = (int)(magnitude >> 23) - 127;
	if (magnitude > 0x7f800000)
		return (uint16_t)(sign | 0x7e00); /* NaN */
	if (exponent >= 16)
		result = 0x7c00;
	else if (exponent >= -14) /* the carry out of the mantissa is the next exponent */
		result = shift_rounded(magnitude - ((127u - 15u) << 23), 13);
	else
		result = shift_rounded((magnitude & 0x7fffff) | 0x800000,
				       (unsigned)(-exponent - 1));
	return (uint16_t)(sign | result);
}

uint16_t
number_to_bfloat16(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof bits);
	if ((bits & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(bits >> 16 | 0x40); /* stays NaN */
	return (uint16_t)shift_rounded(bits, 16);
}
