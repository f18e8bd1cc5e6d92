/* tape_kernels.h - the operations of a tape. No guard: it is read once for each kind of
 * processor, with TARGET (an attribute) and KERNEL(name). The compiler makes vectors. */

#define OPERATION(NAME, OPERANDS, EXPRESSION)                                                      \
	TARGET static void KERNEL(NAME)(float *restrict out, const float *const *x,                \
					uint64_t count)                                            \
	{                                                                                          \
		OPERANDS;                                                                          \
		uint64_t i;                                                                        \
                                                                                                   \
		for (i = 0; i < count; i++)                                                        \
			out[i] = EXPRESSION;                                                       \
	}
#define ONE const float *a = x[0]
#define TWO                                                                                        \
	ONE;                                                                                       \
	const float *b = x[1]
#define THREE                                                                                      \
	TWO;                                                                                       \
	const float *c = x[2]
#define FIVE                                                                                       \
	ONE, *c = x[2], *d = x[3];                                                                 \
	const float b = x[1][0], e = x[4][0]

OPERATION(add, TWO, a[i] + b[i])
OPERATION(sub, TWO, a[i] - b[i])
OPERATION(mul, TWO, a[i] * b[i])
OPERATION(div, TWO, a[i] / b[i])
OPERATION(max, TWO, a[i] > b[i] || a[i] != a[i] ? a[i] : b[i])
OPERATION(min, TWO, a[i] < b[i] || a[i] != a[i] ? a[i] : b[i])
OPERATION(greater, TWO, a[i] > b[i] ? 1.0f : 0.0f)
OPERATION(greater_equal, TWO, a[i] >= b[i] ? 1.0f : 0.0f)
OPERATION(equal, TWO, a[i] == b[i] ? 1.0f : 0.0f)
OPERATION(and, TWO, a[i] * b[i])
OPERATION(or, TWO, a[i] > b[i] ? a[i] : b[i])
OPERATION(not, ONE, 1.0f - a[i])
OPERATION(neg, ONE, -a[i])
OPERATION(abs, ONE, fabsf(a[i]))
OPERATION(relu, ONE, a[i] < 0 ? 0 : a[i])
OPERATION(floor, ONE, floorf(a[i]))
OPERATION(truth, ONE, a[i] != 0 ? 1.0f : 0.0f)
OPERATION(select, THREE, a[i] != 0 ? b[i] : c[i])
OPERATION(mul_add, THREE, a[i] * b[i] + c[i])
OPERATION(sub_mul, THREE, a[i] - b[i] * c[i])
OPERATION(sub_greater, THREE, a[i] - (b[i] > c[i] ? 1.0f : 0.0f))
OPERATION(leak_reset, FIVE, a[i] * b + c[i] - (d[i] > e ? 1.0f : 0.0f))
#undef OPERATION
#undef ONE
#undef TWO
#undef THREE
#undef FIVE

TARGET static void
KERNEL(bools)(uint8_t *restrict out, const float *a, const float *b, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count; i++)
		out[i] = a[i] > b[i];
}

static const struct tape_kernels KERNEL(all) = {
	/* in the order of enum tape_operation */
	{ KERNEL(add),	       KERNEL(sub),	  KERNEL(mul),	   KERNEL(div),
	  KERNEL(max),	       KERNEL(min),	  KERNEL(greater), KERNEL(greater_equal),
	  KERNEL(equal),       KERNEL(and),	  KERNEL(or),	   KERNEL(not ),
	  KERNEL(neg),	       KERNEL(abs),	  KERNEL(relu),	   KERNEL(floor),
	  KERNEL(truth),       KERNEL(select),	  KERNEL(mul_add), KERNEL(sub_mul),
	  KERNEL(sub_greater), KERNEL(leak_reset) },
	KERNEL(fire),
	KERNEL(bools),
	KERNEL(bits),
};
