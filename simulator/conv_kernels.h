/* conv_kernels.h - the kernels of conv.h for one width of vectors. No guard: it is read
 * once for each width, with VECTOR (the type), WIDTH (floats in it), TARGET (an
 * attribute) and KERNEL(name). */

enum {
	KERNEL(panel_vectors) = PANEL_COLUMNS / WIDTH,
	KERNEL(direct_vectors) = WIDTH == 4 ? 2 : 3,
	KERNEL(direct_positions) = KERNEL(direct_vectors) * WIDTH,
};

TARGET static void
KERNEL(tables)(const struct table_run *runs, uint64_t count, const float *panel, uint64_t bit,
	       uint32_t step, uint64_t mask, float *out)
{
	VECTOR sums[TABLE_POSITIONS][KERNEL(panel_vectors)] = { 0 };
	uint64_t i, bits, rows = mask * PANEL_COLUMNS;
	uint32_t p, v;

	for (i = 0; i < count; i++) {
		const float *table = panel + runs[i].table;

		memcpy(&bits, runs[i].bits + (bit >> 3), sizeof bits);
		bits = (bits >> (bit & 7)) * PANEL_COLUMNS;
		for (p = 0; p < TABLE_POSITIONS; p++) {
			const float *row = table + (bits >> p * step & rows);

			for (v = 0; v < KERNEL(panel_vectors); v++)
				sums[p][v] += *(const VECTOR *)(row + v * WIDTH);
		}
	}
	for (p = 0; p < TABLE_POSITIONS; p++)
		for (v = 0; v < KERNEL(panel_vectors); v++)
			*(VECTOR *)(out + p * PANEL_COLUMNS + v * WIDTH) = sums[p][v];
}

TARGET static void
KERNEL(direct)(const float *image, const uint64_t *offsets, uint64_t depth, const float *weights,
	       float *out)
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
	for (c = 0; c < DIRECT_CHANNELS; c++, out += KERNEL(direct_positions))
		for (v = 0; v < KERNEL(direct_vectors); v++)
			*(VECTOR *)(out + v * WIDTH) = sums[c][v];
}
