/* columns.c - a sum of weights seen as columns of bits. */
#include "estimator/columns.h"

#include "estimator/numbers.h"

void
columns_add(struct columns *columns, uint32_t input, uint32_t magnitude)
{
	columns->sum += magnitude;
	for (; magnitude; magnitude &= magnitude - 1) {
		uint32_t k = (uint32_t)__builtin_ctz(magnitude);

		columns->heights[k]++;
		columns->last_input[k] = input;
	}
}

/* Compressors taken by column k, whose carries go into the next one. */
static uint64_t
compress_column(uint64_t height)
{
	return height > 2 ? (height - 1) / 2 : 0;
}

uint64_t
columns_compressors(const struct columns *columns)
{
	uint64_t count = 0, carries = 0;

	for (uint32_t k = 0; k < COLUMNS_MAX; k++) {
		carries = compress_column(columns->heights[k] + carries);
		count += carries;
	}
	return count;
}

uint32_t
columns_final_adder(const struct columns *columns)
{
	uint64_t carries = 0;

	for (uint32_t k = 0; k < COLUMNS_MAX; k++) {
		uint64_t height = columns->heights[k] + carries;

		carries = compress_column(height);
		if (height - 2 * carries == 2)
			return bit_length(columns->sum) - k;
	}
	return 0;
}
