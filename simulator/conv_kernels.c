/* conv_kernels.c - compiled with -ffp-contract=fast, as dense.c. */
#include "simulator/bits.h"
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

enum {
	QUARTERS_0_2 = 0x08,
	PANEL_SHIFT = 4, /* times PANEL_COLUMNS */
};

static void
extract_row(const uint8_t *row, uint64_t positions, uint32_t step, uint64_t mask,
	    uint16_t *patterns)
{
	uint64_t x, bits, bit = 0;
	uint32_t p;

	for (x = 0; x < positions; x += TABLE_POSITIONS, bit += TABLE_POSITIONS * step) {
		memcpy(&bits, row + (bit >> 3), sizeof bits);
		bits >>= bit & 7;
		for (p = 0; p < TABLE_POSITIONS; p++)
			*patterns++ = (uint16_t)((bits >> p * step & mask) * PANEL_COLUMNS);
	}
}

static void
extract_plain(const struct conv_image_sizes *sizes, const uint8_t *bits, uint32_t step,
	      uint64_t mask, uint16_t *patterns)
{
	uint64_t row;

	for (row = 0; row < sizes->groups * sizes->rows; row++)
		extract_row(bits + row * sizes->row_bytes, sizes->sums, step, mask,
			    patterns + row * sizes->row_patterns);
}

#ifdef HAVE_WIDER
/* Eight from 32 bits, where they are enough. */
__attribute__((target("avx2"))) static void
extract_avx2(const struct conv_image_sizes *sizes, const uint8_t *bits, uint32_t step,
	     uint64_t mask, uint16_t *patterns)
{
	const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	const __m256i shifts = _mm256_mullo_epi32(numbers, _mm256_set1_epi32((int)step));
	const __m256i masks = _mm256_set1_epi32((int)mask);
	uint64_t row, x, word, bit;

	if (mask << 7 * step > UINT32_MAX) {
		extract_plain(sizes, bits, step, mask, patterns);
		return;
	}
	for (row = 0; row < sizes->groups * sizes->rows; row++, bits += sizes->row_bytes)
		for (x = 0, bit = 0; x < sizes->row_patterns;
		     x += EXTRACTED, bit += EXTRACTED * step) {
			__m256i found;

			memcpy(&word, bits + (bit >> 3), sizeof word);
			found = _mm256_set1_epi32((int)(uint32_t)(word >> (bit & 7)));
			found = _mm256_and_si256(_mm256_srlv_epi32(found, shifts), masks);
			found = _mm256_slli_epi32(found, PANEL_SHIFT);
			found = _mm256_packus_epi32(found, found);
			found = _mm256_permute4x64_epi64(found, QUARTERS_0_2);
			_mm_storeu_si128((__m128i *)(void *)patterns,
					 _mm256_castsi256_si128(found));
			patterns += EXTRACTED;
		}
}
#endif

static bool
pixels_plain(const struct pixel_run *run, uint16_t *patterns)
{
	uint64_t i;
	uint32_t c, any = 0;

	for (i = 0; i < run->count; i++) {
		uint32_t pattern = 0;

		for (c = 0; c < run->channels; c++)
			pattern |= (uint32_t)(bits_of_bytes(run->bits,
							    run->first + c * run->stride + i) &
					      1)
				   << c;
		patterns[i] = (uint16_t)(pattern * PANEL_COLUMNS);
		any |= pattern;
	}
	for (; i % PIXELS_AT_ONCE != 0; i++)
		patterns[i] = 0;
	return any != 0;
}

#ifdef HAVE_WIDER
/* 32 bits each become a byte that is a channel's bit or 0. */
__attribute__((target("avx2"))) static bool
pixels_avx2(const struct pixel_run *run, uint16_t *patterns)
{
	const __m256i bytes = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202,
						 0x0303030303030303);
	const __m256i masks = _mm256_set1_epi64x((int64_t)UINT64_C(0x8040201008040201));
	__m256i any = _mm256_setzero_si256();
	uint64_t i;
	uint32_t c;

	for (i = 0; i < run->count; i += PIXELS_AT_ONCE, patterns += PIXELS_AT_ONCE) {
		uint64_t left = run->count - i, at = run->first + i;
		uint32_t mask = left < PIXELS_AT_ONCE ? (1u << left) - 1 : UINT32_MAX;
		__m256i pixels = _mm256_setzero_si256();

		for (c = 0; c < run->channels; c++, at += run->stride) {
			__m256i set = _mm256_set1_epi32(
				(int)((uint32_t)bits_of_bytes(run->bits, at) & mask));

			set = _mm256_and_si256(_mm256_shuffle_epi8(set, bytes), masks);
			set = _mm256_and_si256(_mm256_cmpeq_epi8(set, masks),
					       _mm256_set1_epi8((char)(1u << c)));
			pixels = _mm256_or_si256(pixels, set);
		}
		any = _mm256_or_si256(any, pixels);
		_mm256_storeu_si256(
			(__m256i *)(void *)patterns,
			_mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm256_castsi256_si128(pixels)),
					  PANEL_SHIFT));
		_mm256_storeu_si256(
			(__m256i *)(void *)(patterns + PIXELS_AT_ONCE / 2),
			_mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm256_extracti128_si256(pixels, 1)),
					  PANEL_SHIFT));
	}
	return !_mm256_testz_si256(any, any);
}
#endif

#define WEIGH(NAME, TARGET)                                                                        \
	TARGET static uint64_t NAME(const uint64_t *bits, uint64_t words, const uint64_t *planes,  \
				    uint32_t plane_count)                                          \
	{                                                                                          \
		uint64_t sum = 0, i;                                                               \
		uint32_t p;                                                                        \
                                                                                                   \
		for (p = 0; p < plane_count; p++, planes += words)                                 \
			for (i = 0; i < words; i++)                                                \
				sum += (uint64_t)__builtin_popcountll(bits[i] & planes[i]) << p;   \
		return sum;                                                                        \
	}

WEIGH(weigh_plain, )
#ifdef HAVE_WIDER
WEIGH(weigh_popcnt, __attribute__((target("popcnt"))))
#endif
#undef WEIGH

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
conv_kernels_of(enum conv_machine machine)
{
	static const struct conv_kernels of_4 = { extract_plain, pixels_plain,		tables_of_4,
						  direct_of_4,	 direct_positions_of_4, look_plain,
						  weigh_plain };
#ifdef HAVE_WIDER
	static const struct conv_kernels of_8 = { extract_avx2, pixels_avx2,	       tables_of_8,
						  direct_of_8,	direct_positions_of_8, look_avx2,
						  weigh_popcnt };
	static const struct conv_kernels of_16 = {
		extract_avx2,		pixels_avx2, tables_of_16, direct_of_16,
		direct_positions_of_16, look_avx2,   weigh_popcnt
	};
	bool wider = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
		     __builtin_cpu_supports("bmi2");

	if (machine == CONV_AVX512)
		return wider && __builtin_cpu_supports("avx512f") ? &of_16 : NULL;
	if (machine == CONV_AVX2)
		return wider ? &of_8 : NULL;
#endif
	return machine == CONV_ANY ? &of_4 : NULL;
}

const struct conv_kernels *
conv_kernels(void)
{
	enum conv_machine machine = CONV_MACHINES - 1;

	while (!conv_kernels_of(machine))
		machine--;
	return conv_kernels_of(machine);
}
