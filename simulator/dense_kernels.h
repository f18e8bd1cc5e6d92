/* dense_kernels.h - the kernels of dense.h for one width of vectors. No guard: it is
 * read once for each width, with VECTOR (the type), WIDTH (floats in it), TARGET (an
 * attribute) and KERNEL(name). */

enum { KERNEL(vectors) = PANEL_COLUMNS / WIDTH };

TARGET static void
KERNEL(dense)(uint32_t rows, const float *const *left, uint64_t first, const float *panel,
	      uint64_t depth, float *out)
{
	VECTOR sums[DENSE_ROWS][KERNEL(vectors)] = { 0 };
	const float *at[DENSE_ROWS];
	uint64_t k;
	uint32_t r, v;

	for (r = 0; r < DENSE_ROWS; r++)
		at[r] = left[r < rows ? r : 0] + first;
	for (r = 0; r < rows; r++)
		for (v = 0; v < KERNEL(vectors); v++)
			sums[r][v] = *(const VECTOR *)(out + r * PANEL_COLUMNS + v * WIDTH);
	for (k = 0; k < depth; k++, panel += PANEL_COLUMNS)
		for (r = 0; r < DENSE_ROWS; r++)
			for (v = 0; v < KERNEL(vectors); v++)
				sums[r][v] += at[r][k] * *(const VECTOR *)(panel + v * WIDTH);
	for (r = 0; r < rows; r++)
		for (v = 0; v < KERNEL(vectors); v++)
			*(VECTOR *)(out + r * PANEL_COLUMNS + v * WIDTH) = sums[r][v];
}

#define EVENTS(NAME, PANELS, FACTOR)                                                               \
	TARGET static inline void KERNEL(NAME##_##PANELS)(                                         \
		const uint32_t *indices, const float *values, uint64_t count, const float *panels, \
		uint64_t panel_floats, float *out)                                                 \
	{                                                                                          \
		VECTOR sums[PANELS][KERNEL(vectors)];                                              \
		uint64_t i;                                                                        \
		uint32_t p, v;                                                                     \
                                                                                                   \
		(void)values;                                                                      \
		for (p = 0; p < PANELS; p++)                                                       \
			for (v = 0; v < KERNEL(vectors); v++)                                      \
				sums[p][v] = *(const VECTOR *)(out + p * PANEL_COLUMNS +           \
							       v * WIDTH);                         \
		for (i = 0; i < count; i++) {                                                      \
			const float *row = panels + (uint64_t)indices[i] * PANEL_COLUMNS;          \
                                                                                                   \
			for (p = 0; p < PANELS; p++, row += panel_floats)                          \
				for (v = 0; v < KERNEL(vectors); v++)                              \
					sums[p][v] += FACTOR * (const VECTOR *)(row + v * WIDTH);  \
		}                                                                                  \
		for (p = 0; p < PANELS; p++)                                                       \
			for (v = 0; v < KERNEL(vectors); v++)                                      \
				*(VECTOR *)(out + p * PANEL_COLUMNS + v * WIDTH) = sums[p][v];     \
	}

#define VALUE values[i] *
#define ONE
EVENTS(weighted, 1, VALUE)
EVENTS(weighted, 2, VALUE)
EVENTS(weighted, 4, VALUE)
EVENTS(ones, 1, ONE)
EVENTS(ones, 2, ONE)
EVENTS(ones, 4, ONE)
#undef EVENTS
#undef VALUE
#undef ONE

TARGET static void
KERNEL(events)(const uint32_t *indices, const float *values, uint64_t count, const float *panels,
	       uint64_t panel_floats, uint32_t panel_count, float *out)
{
	if (panel_count == 4)
		KERNEL(weighted_4)(indices, values, count, panels, panel_floats, out);
	else if (panel_count == 2)
		KERNEL(weighted_2)(indices, values, count, panels, panel_floats, out);
	else
		KERNEL(weighted_1)(indices, values, count, panels, panel_floats, out);
}

TARGET static void
KERNEL(spikes)(const uint32_t *indices, uint64_t count, const float *panels, uint64_t panel_floats,
	       uint32_t panel_count, float *out)
{
	if (panel_count == 4)
		KERNEL(ones_4)(indices, NULL, count, panels, panel_floats, out);
	else if (panel_count == 2)
		KERNEL(ones_2)(indices, NULL, count, panels, panel_floats, out);
	else
		KERNEL(ones_1)(indices, NULL, count, panels, panel_floats, out);
}
