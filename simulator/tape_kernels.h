/* tape_kernels.h - the operations of a tape. No guard: it is read once for each kind of
 * processor, with TARGET (an attribute) and KERNEL(name). The compiler makes vectors. */

#define OPERATION(NAME, EXPRESSION)                                                                \
	TARGET static void KERNEL(NAME)(float *restrict out, const float *a, const float *b,       \
					const float *c, uint64_t count)                            \
	{                                                                                          \
		uint64_t i;                                                                        \
                                                                                                   \
		(void)b;                                                                           \
		(void)c;                                                                           \
		for (i = 0; i < count; i++)                                                        \
			out[i] = EXPRESSION;                                                       \
	}

OPERATION(add, a[i] + b[i])
OPERATION(sub, a[i] - b[i])
OPERATION(mul, a[i] * b[i])
OPERATION(div, a[i] / b[i])
OPERATION(max, a[i] > b[i] || a[i] != a[i] ? a[i] : b[i])
OPERATION(min, a[i] < b[i] || a[i] != a[i] ? a[i] : b[i])
OPERATION(greater, a[i] > b[i] ? 1.0f : 0.0f)
OPERATION(greater_equal, a[i] >= b[i] ? 1.0f : 0.0f)
OPERATION(equal, a[i] == b[i] ? 1.0f : 0.0f)
OPERATION(and, a[i] * b[i])
OPERATION(or, a[i] > b[i] ? a[i] : b[i])
OPERATION(not, 1.0f - a[i])
OPERATION(neg, -a[i])
OPERATION(abs, fabsf(a[i]))
OPERATION(relu, a[i] < 0 ? 0 : a[i])
OPERATION(floor, floorf(a[i]))
OPERATION(truth, a[i] != 0 ? 1.0f : 0.0f)
OPERATION(select, a[i] != 0 ? b[i] : c[i])
OPERATION(mul_add, a[i] * b[i] + c[i])
OPERATION(sub_mul, a[i] - b[i] * c[i])
OPERATION(sub_greater, a[i] - (b[i] > c[i] ? 1.0f : 0.0f))
#undef OPERATION

/* In the order of enum tape_operation. */
static tape_kernel *const KERNEL(all)[TAPE_OPERATIONS] = {
	KERNEL(add),	     KERNEL(sub),    KERNEL(mul),     KERNEL(div),
	KERNEL(max),	     KERNEL(min),    KERNEL(greater), KERNEL(greater_equal),
	KERNEL(equal),	     KERNEL(and),    KERNEL(or),      KERNEL(not ),
	KERNEL(neg),	     KERNEL(abs),    KERNEL(relu),    KERNEL(floor),
	KERNEL(truth),	     KERNEL(select), KERNEL(mul_add), KERNEL(sub_mul),
	KERNEL(sub_greater),
};
