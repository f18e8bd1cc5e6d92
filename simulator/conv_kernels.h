/* conv_kernels.h - the kernels of conv.h for one width of vectors. No guard: it is read
 * once for each width, with VECTOR (the type), WIDTH (floats in it), TARGET (an
 * attribute) and KERNEL(name). */

enum {
	KERNEL(panel_vectors) = PANEL_COLUMNS / WIDTH,
	KERNEL(direct_vectors) = WIDTH == 4 ? 2 : 3,
	KERNEL(direct_positions) = KERNEL(direct_vectors) * WIDTH,
};

/* columns and step are those of the run, and known to the compiler where it can be: it is the
 * innermost loop of all. */
TARGET static inline __attribute__((always_inline)) void
KERNEL(add_tables)(const struct table_run *run, uint64_t columns, uint64_t step, uint64_t positions,
		   float *out)
{
	const uint16_t *first = run->patterns;
	uint64_t x, group, tap, column;
	uint32_t p, v;

	for (x = 0; x < positions; x += TABLE_POSITIONS, first += TABLE_POSITIONS * step) {
		VECTOR sums[TABLE_POSITIONS][KERNEL(panel_vectors)];
		for (p = 0; p < TABLE_POSITIONS; p++)
			for (v = 0; v < KERNEL(panel_vectors); v++)
				sums[p][v] = run->fresh
						     ? (VECTOR){ 0 }
						     : *(const VECTOR *)(out + p * PANEL_COLUMNS +
									 v * WIDTH);
		for (group = 0; group < run->groups; group++) {
			const float *table = run->table + group * run->group_floats;
			const uint16_t *row = first + group * run->group_patterns;

			for (tap = 0; tap < run->taps; tap++, row += run->row_patterns) {
				const uint16_t *patterns = row;

				for (column = 0; column < columns; column++) {
					for (p = 0; p < TABLE_POSITIONS; p++)
						for (v = 0; v < KERNEL(panel_vectors); v++)
							sums[p][v] += *(
								const VECTOR *)(table +
										patterns[p * step] +
										v * WIDTH);
					table += run->table_floats;
					patterns += run->column_patterns;
				}
			}
		}
		for (p = 0; p < TABLE_POSITIONS; p++, out += PANEL_COLUMNS)
			for (v = 0; v < KERNEL(panel_vectors); v++)
				*(VECTOR *)(out + v * WIDTH) = sums[p][v];
	}
}

TARGET static void
KERNEL(tables)(const struct table_run *run, uint64_t positions, float *out)
{
	if (run->position_patterns != 1)
		KERNEL(add_tables)(run, run->columns, run->position_patterns, positions, out);
	else if (run->columns != 1)
		KERNEL(add_tables)(run, run->columns, 1, positions, out);
	else
		KERNEL(add_tables)(run, 1, 1, positions, out);
}

TARGET static void
KERNEL(direct)(const float *image, const uint64_t *offsets, uint64_t depth, const float *weights,
	       float *out, uint64_t stride)
{
	VECTOR sums[DIRECT_CHANNELS][KERNEL(direct_vectors)] = { 0 };
	uint64_t k;
	uint32_t c, v;

	for (k = 0; k < depth; k++, weights += PANEL_COLUMNS) {
		const float *at = image + offsets[k];

		for (c = 0; c < DIRECT_CHANNELS; c++)
			for (v = 0; v < KERNEL(direct_vectors); v++)
				sums[c][v] += weights[c] * *(const VECTOR *)(at + v * WIDTH);
	}
	for (c = 0; c < DIRECT_CHANNELS; c++, out += stride)
		for (v = 0; v < KERNEL(direct_vectors); v++)
			*(VECTOR *)(out + v * WIDTH) = sums[c][v];
}
