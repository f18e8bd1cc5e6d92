/* tile_product.c - one loop, compiled once for each width of vectors.
 *
 * A panel of b times a strip of rows of a makes SUMS vectors that stay in registers:
 * enough of them to hide how long an addition takes, and each value that is loaded
 * is used often. Compiled with -ffp-contract=fast, for fused multiply-add. */
#include "opt/tile_product.h"

#include <stddef.h>

enum { SUMS = 8 };

#define VECTOR(name, at, index) (((name##_vector *)(at))[index])

#define DEFINE_PRODUCT(name, attributes, bytes)                                                    \
	typedef float name##_vector __attribute__((vector_size(bytes), aligned(4), may_alias));    \
                                                                                                   \
	attributes static void name(const float *a, const float *b, uint32_t depth, float *out)    \
	{                                                                                          \
		enum { VECTORS = PANEL_ROWS * sizeof(float) / (bytes), STRIP = SUMS / VECTORS };   \
		uint32_t i, j, k, r, v;                                                            \
                                                                                                   \
		for (j = 0; j < TILE_ROWS; j += PANEL_ROWS)                                        \
			for (i = 0; i < TILE_ROWS; i += STRIP) {                                   \
				const float *x = a + i / PANEL_ROWS * PANEL_ROWS * depth +         \
						 i % PANEL_ROWS;                                   \
				const float *y = b + j * depth;                                    \
				name##_vector sum[STRIP][VECTORS] = { 0 };                         \
                                                                                                   \
				for (k = 0; k < depth; k++, x += PANEL_ROWS, y += PANEL_ROWS)      \
					for (r = 0; r < STRIP; r++)                                \
						for (v = 0; v < VECTORS; v++)                      \
							sum[r][v] += x[r] * VECTOR(name, y, v);    \
				for (r = 0; r < STRIP; r++)                                        \
					for (v = 0; v < VECTORS; v++)                              \
						VECTOR(name, out + (i + r) * TILE_ROWS + j,        \
						       v) = sum[r][v];                             \
			}                                                                          \
	}

DEFINE_PRODUCT(product_128, , 16)

#ifdef __x86_64__
DEFINE_PRODUCT(product_256, __attribute__((target("avx2,fma"))), 32)
DEFINE_PRODUCT(product_512, __attribute__((target("avx512f"))), 64)
#endif

tile_product
tile_product_at(uint32_t index)
{
	tile_product runs[3];
	uint32_t count = 0;

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512f"))
		runs[count++] = product_512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		runs[count++] = product_256;
#endif
	runs[count++] = product_128;
	return index < count ? runs[index] : NULL;
}
