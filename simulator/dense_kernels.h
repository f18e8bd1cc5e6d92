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
		uint64_t panel_floats, const struct sums *to)                                      \
	{                                                                                          \
		VECTOR sums[PANELS][KERNEL(vectors)];                                              \
		float *out = to->out;                                                              \
		uint64_t i;                                                                        \
		uint32_t p, v;                                                                     \
                                                                                                   \
		(void)values;                                                                      \
		for (p = 0; p < PANELS; p++)                                                       \
			for (v = 0; v < KERNEL(vectors); v++)                                      \
				sums[p][v] = *(const VECTOR *)(to->from + p * PANEL_COLUMNS +      \
							       v * WIDTH);                         \
		for (i = 0; i < count; i++) {                                                      \
			const float *row = panels + (uint64_t)indices[i] * PANEL_COLUMNS;          \
                                                                                                   \
			for (p = 0; p < PANELS; p++, row += panel_floats)                          \
				for (v = 0; v < KERNEL(vectors); v++)                              \
					sums[p][v] += FACTOR * (const VECTOR *)(row + v * WIDTH);  \
		}                                                                                  \
		if (to->bias)                                                                      \
			for (p = 0; p < PANELS; p++)                                               \
				for (v = 0; v < KERNEL(vectors); v++)                              \
					sums[p][v] += *(const VECTOR *)(to->bias +                 \
									p * PANEL_COLUMNS +        \
									v * WIDTH);                \
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
	       uint64_t panel_floats, uint32_t panel_count, const struct sums *to)
{
	if (panel_count == 4)
		KERNEL(weighted_4)(indices, values, count, panels, panel_floats, to);
	else if (panel_count == 2)
		KERNEL(weighted_2)(indices, values, count, panels, panel_floats, to);
	else
		KERNEL(weighted_1)(indices, values, count, panels, panel_floats, to);
}

TARGET static void
KERNEL(spikes)(const uint32_t *indices, uint64_t count, const float *panels, uint64_t panel_floats,
	       uint32_t panel_count, const struct sums *to)
{
	if (panel_count == 4)
		KERNEL(ones_4)(indices, NULL, count, panels, panel_floats, to);
	else if (panel_count == 2)
		KERNEL(ones_2)(indices, NULL, count, panels, panel_floats, to);
	else
		KERNEL(ones_1)(indices, NULL, count, panels, panel_floats, to);
}

/* --- patterns ------------------------------------------------------------------------- */

TARGET static void
KERNEL(tabulate)(const float *panel, float *table)
{
	uint32_t i, bit, pattern, v;

	for (i = 0; i < WORD_PATTERNS; i++, table += PANEL_COLUMNS << PATTERN_BITS) {
		for (v = 0; v < KERNEL(vectors); v++)
			*(VECTOR *)(table + v * WIDTH) = (VECTOR){ 0 };
		for (bit = 0; bit < PATTERN_BITS; bit++, panel += PANEL_COLUMNS) {
			float *to = table + (PANEL_COLUMNS << bit);

			for (pattern = 0; pattern < 1u << bit; pattern++)
				for (v = 0; v < KERNEL(vectors); v++)
					*(VECTOR *)(to + pattern * PANEL_COLUMNS + v * WIDTH) =
						*(const VECTOR *)(table + pattern * PANEL_COLUMNS +
								  v * WIDTH) +
						*(const VECTOR *)(panel + v * WIDTH);
		}
	}
}

#define PATTERNS_OF(ROWS)                                                                          \
	TARGET static inline void KERNEL(patterns_of_##ROWS)(                                      \
		const uint64_t *const *rows, uint64_t word, const float *table, float *out)        \
	{                                                                                          \
		const uint64_t mask = (1u << PATTERN_BITS) - 1;                                    \
		VECTOR sums[ROWS][KERNEL(vectors)];                                                \
		uint64_t bits[ROWS];                                                               \
		uint32_t r, v, i;                                                                  \
                                                                                                   \
		for (r = 0; r < ROWS; r++) {                                                       \
			bits[r] = rows[r][word];                                                   \
			for (v = 0; v < KERNEL(vectors); v++)                                      \
				sums[r][v] = *(const VECTOR *)(out + r * PANEL_COLUMNS +           \
							       v * WIDTH);                         \
		}                                                                                  \
		for (i = 0; i < WORD_PATTERNS; i++, table += PANEL_COLUMNS << PATTERN_BITS)        \
			for (r = 0; r < ROWS; r++) {                                               \
				const float *row = table + (bits[r] & mask) * PANEL_COLUMNS;       \
                                                                                                   \
				bits[r] >>= PATTERN_BITS;                                          \
				for (v = 0; v < KERNEL(vectors); v++)                              \
					sums[r][v] += *(const VECTOR *)(row + v * WIDTH);          \
			}                                                                          \
		for (r = 0; r < ROWS; r++)                                                         \
			for (v = 0; v < KERNEL(vectors); v++)                                      \
				*(VECTOR *)(out + r * PANEL_COLUMNS + v * WIDTH) = sums[r][v];     \
	}

PATTERNS_OF(1)
PATTERNS_OF(4)
#undef PATTERNS_OF

TARGET static void
KERNEL(patterns)(const uint64_t *const *rows, uint64_t count, uint64_t word, const float *table,
		 float *out)
{
	uint64_t r = 0;

	for (; r + 4 <= count; r += 4)
		KERNEL(patterns_of_4)(rows + r, word, table, out + r * PANEL_COLUMNS);
	for (; r < count; r++)
		KERNEL(patterns_of_1)(rows + r, word, table, out + r * PANEL_COLUMNS);
}

TARGET static void
KERNEL(few_patterns)(const uint64_t *const *rows, uint64_t count, uint64_t word, const float *panel,
		     float *out)
{
	uint64_t r;

	for (r = 0; r < count; r++, out += PANEL_COLUMNS) {
		VECTOR sums[KERNEL(vectors)];
		uint64_t left = rows[r][word];
		uint32_t v;

		for (v = 0; v < KERNEL(vectors); v++)
			sums[v] = *(const VECTOR *)(out + v * WIDTH);
		while (left) {
			uint32_t first = (uint32_t)__builtin_ctzll(left) / PATTERN_BITS *
					 PATTERN_BITS;
			uint64_t pattern = left >> first & ((1u << PATTERN_BITS) - 1);
			VECTOR sum[KERNEL(vectors)] = { 0 };

			left ^= pattern << first;
			for (; pattern; pattern &= pattern - 1) {
				const float *row = panel +
						   (first + (uint32_t)__builtin_ctzll(pattern)) *
							   PANEL_COLUMNS;

				for (v = 0; v < KERNEL(vectors); v++)
					sum[v] += *(const VECTOR *)(row + v * WIDTH);
			}
			for (v = 0; v < KERNEL(vectors); v++)
				sums[v] += sum[v];
		}
		for (v = 0; v < KERNEL(vectors); v++)
			*(VECTOR *)(out + v * WIDTH) = sums[v];
	}
}
