/* conv_kernels.c - compiled with -ffp-contract=fast, as dense.c. */
#include "simulator/conv.h"
#include "simulator/vectors.h"

#include <string.h>

#define VECTOR floats4
#define WIDTH 4
#define TARGET
#define KERNEL(name) name##_of_4
#include "simulator/conv_kernels.h"
#undef VECTOR
#undef WIDTH
#undef TARGET
#undef KERNEL

#ifdef HAVE_WIDER
#define VECTOR floats8
#define WIDTH 8
#define TARGET __attribute__((target("avx2,fma,bmi2")))
#define KERNEL(name) name##_of_8
#include "simulator/conv_kernels.h"
#undef VECTOR
#undef WIDTH
#undef TARGET
#undef KERNEL

#define VECTOR floats16
#define WIDTH 16
#define TARGET __attribute__((target("avx512f,fma,bmi2")))
#define KERNEL(name) name##_of_16
#include "simulator/conv_kernels.h"
#undef VECTOR
#undef WIDTH
#undef TARGET
#undef KERNEL
#endif

/* Up to eight of a row. */
static float
look_byte(const float *row, const float *coverage, uint64_t count, uint8_t *bits, bool *ones)
{
	unsigned found = 0;
	float sum = 0;
	uint64_t i;

	for (i = 0; i < count; i++) {
		if (row[i] == 0)
			continue;
		found |= 1u << i;
		sum += coverage[i];
		*ones = *ones && row[i] == 1;
	}
	*bits = (uint8_t)found;
	return sum;
}

static float
look_plain(const float *row, const float *coverage, uint64_t count, uint8_t *bits, bool *ones)
{
	float sum = 0;
	uint64_t i;

	for (i = 0; i < count; i += 8)
		sum += look_byte(row + i, coverage + i, count - i < 8 ? count - i : 8, bits + i / 8,
				 ones);
	return sum;
}

#ifdef HAVE_WIDER
__attribute__((target("avx2"))) static float
look_avx2(const float *row, const float *coverage, uint64_t count, uint8_t *bits, bool *ones)
{
	const __m256 zero = _mm256_setzero_ps(), one = _mm256_set1_ps(1);
	__m256 sum = zero, others = zero;
	float parts[8], all = 0;
	uint64_t i, k;

	for (i = 0; i + 8 <= count; i += 8) {
		__m256 x = _mm256_loadu_ps(row + i);
		__m256 found = _mm256_cmp_ps(x, zero, _CMP_NEQ_UQ);

		bits[i / 8] = (uint8_t)_mm256_movemask_ps(found);
		sum = _mm256_add_ps(sum, _mm256_and_ps(found, _mm256_loadu_ps(coverage + i)));
		others = _mm256_or_ps(others,
				      _mm256_and_ps(found, _mm256_cmp_ps(x, one, _CMP_NEQ_UQ)));
	}
	*ones = *ones && !_mm256_movemask_ps(others);
	_mm256_storeu_ps(parts, sum);
	for (k = 0; k < 8; k++)
		all += parts[k];
	if (i < count)
		all += look_byte(row + i, coverage + i, count - i, bits + i / 8, ones);
	return all;
}
#endif

const struct conv_kernels *
conv_kernels(void)
{
	static const struct conv_kernels of_4 = { tables_of_4, direct_of_4, direct_positions_of_4,
						  look_plain };
#ifdef HAVE_WIDER
	static const struct conv_kernels of_8 = { tables_of_8, direct_of_8, direct_positions_of_8,
						  look_avx2 };
	static const struct conv_kernels of_16 = { tables_of_16, direct_of_16,
						   direct_positions_of_16, look_avx2 };

	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("bmi2"))
		return &of_16;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
	    __builtin_cpu_supports("bmi2"))
		return &of_8;
#endif
	return &of_4;
}
