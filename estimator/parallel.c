/* parallel.c - terms of the `parallel` architecture: hard-wired weights, adder trees.
 *
 * A unit adds the weights of its active inputs, positive and negative ones apart,
 * registers both sums, then their difference, then updates its membrane. */
#include "estimator/columns.h"
#include "estimator/numbers.h"
#include "estimator/unrolled.h"

#include <stdlib.h>
#include <string.h>

enum bit_kind {
	BIT_ABSENT, /* always 0: nothing is built */
	BIT_PLAIN,  /* one input's bit: a register that all units share */
	BIT_SUM,    /* an adder's output */
};

struct sum_bits {
	uint32_t count;
	uint8_t kinds[COLUMNS_MAX];
	uint32_t inputs[COLUMNS_MAX]; /* of plain bits */
};

/* Inputs whose spike is registered once (first) and twice (second), by any unit. */
struct shared_registers {
	bool *first, *second;
};

struct unit_sums {
	struct columns positive, negative;
};

static void
sum_unit(const struct layer *layer, uint32_t unit, struct unit_sums *out)
{
	const int32_t *row = &layer->weights[(size_t)unit * layer->inputs];

	memset(out, 0, sizeof *out);
	for (uint32_t i = 0; i < layer->inputs; i++) {
		if (row[i] > 0)
			columns_add(&out->positive, i, (uint32_t)row[i]);
		else if (row[i] < 0)
			columns_add(&out->negative, i, (uint32_t)-row[i]);
	}
}

static void
classify_bits(const struct columns *columns, struct sum_bits *out)
{
	uint64_t carries = 0;

	out->count = bit_length(columns->sum);
	for (uint32_t k = 0; k < out->count; k++) {
		uint64_t total = columns->heights[k] + carries;

		out->kinds[k] = BIT_SUM;
		if (total == 0)
			out->kinds[k] = BIT_ABSENT;
		else if (total == 1 && carries == 0)
			out->kinds[k] = BIT_PLAIN;
		out->inputs[k] = columns->last_input[k];
		carries = total / 2;
	}
}

/* Registers of a sum that are its own; plain bits are only marked. */
static uint64_t
sum_registers(const struct sum_bits *bits, bool *first)
{
	uint64_t count = 0;

	for (uint32_t k = 0; k < bits->count; k++) {
		count += bits->kinds[k] == BIT_SUM;
		if (bits->kinds[k] == BIT_PLAIN)
			first[bits->inputs[k]] = true;
	}
	return count;
}

static uint8_t
kind_at(const struct sum_bits *bits, uint32_t k)
{
	return k < bits->count ? bits->kinds[k] : (uint8_t)BIT_ABSENT;
}

/* Below the first bit of the negative sum the difference is the positive sum. */
static uint64_t
difference_registers(const struct sum_bits *plus, const struct sum_bits *minus, bool *second)
{
	uint32_t width = (plus->count > minus->count ? plus->count : minus->count) +
			 (minus->count > 0);
	uint64_t count = 0;
	bool borrow = false;

	for (uint32_t k = 0; k < width; k++) {
		uint8_t p = kind_at(plus, k), m = kind_at(minus, k);

		if (p == BIT_ABSENT && m == BIT_ABSENT && !borrow)
			continue;
		if (!borrow && p + m == BIT_PLAIN)
			second[p == BIT_PLAIN ? plus->inputs[k] : minus->inputs[k]] = true;
		else
			count++;
		borrow = borrow || m != BIT_ABSENT;
	}
	return count;
}

static void
describe_unit(const struct unit_sums *sums, struct shared_registers *shared,
	      struct layer_terms *out)
{
	struct sum_bits plus, minus;
	uint32_t widest;

	classify_bits(&sums->positive, &plus);
	classify_bits(&sums->negative, &minus);
	widest = plus.count > minus.count ? plus.count : minus.count;
	out->terms[TERM_COMPRESSORS] += (double)(columns_compressors(&sums->positive) +
						 columns_compressors(&sums->negative));
	out->terms[TERM_FINAL_ADDERS] += columns_final_adder(&sums->positive) +
					 columns_final_adder(&sums->negative);
	out->terms[TERM_DIFFERENCES] += widest + 1;
	out->ff += (double)(sum_registers(&plus, shared->first) +
			    sum_registers(&minus, shared->first) +
			    difference_registers(&plus, &minus, shared->second));
}

static void
describe_all(const struct layer *layer, struct shared_registers *shared, struct layer_terms *out)
{
	struct unit_sums sums;
	uint64_t largest = 0;
	uint32_t width;

	for (uint32_t unit = 0; unit < layer->units; unit++) {
		sum_unit(layer, unit, &sums);
		describe_unit(&sums, shared, out);
		if (sums.positive.sum > largest)
			largest = sums.positive.sum;
		if (sums.negative.sum > largest)
			largest = sums.negative.sum;
	}
	for (uint32_t i = 0; i < layer->inputs; i++)
		out->ff += shared->first[i] + shared->second[i];
	width = bits_for(largest + 1) + 4; /* a sign, and room for the leaky sum */
	out->terms[TERM_MEMBRANES] = (double)layer->units * width;
	out->terms[TERM_UNITS] = layer->units;
	out->ff += (double)layer->units * (width + 1); /* and the spike */
}

snnfit_status
describe_parallel(const struct layer *layer, struct layer_terms *out, snnfit_error *err)
{
	struct shared_registers shared;
	bool *marks = calloc((size_t)layer->inputs + 1, 2 * sizeof *marks);

	if (!marks)
		return error_no_memory(err);
	shared.first = marks;
	shared.second = marks + layer->inputs;
	describe_all(layer, &shared, out);
	free(marks);
	return SNNFIT_OK;
}
