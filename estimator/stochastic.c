/* stochastic.c - terms of the `sc` architecture: streams of random bits, unrolled.
 *
 * An input becomes a stream by a comparison with one shared random number, rotated
 * by the input's index; a weight by a comparison with another. Equal magnitudes at
 * equal rotations share their comparator. A unit counts the products of its
 * positive and negative weights apart and adds the difference to its membrane. */
#include "estimator/columns.h"
#include "estimator/numbers.h"
#include "estimator/unrolled.h"

#include <stdlib.h>

struct streams {
	const struct layer *layer;
	uint32_t magnitude_bits;
	uint64_t *comparators; /* bitmap [rotation][magnitude] */
	bool *used;	       /* [inputs] */
	uint64_t *single;      /* products that are a side's only one: registers that
				* units share; keys, [2 * units] at most */
	size_t single_count;
	uint64_t gates, compressors, count_bits, largest_fan_in;
};

/* Weights of full magnitude, or of too few bits for a generator, need no stream. */
static bool
is_plain(const struct streams *streams, uint32_t magnitude)
{
	return streams->magnitude_bits < 3 || magnitude == (1u << streams->magnitude_bits) - 1;
}

static void
mark_weight(struct streams *streams, uint32_t input, uint32_t magnitude)
{
	uint64_t bit;

	streams->used[input] = true;
	if (is_plain(streams, magnitude))
		return;
	streams->gates++;
	bit = ((uint64_t)(input % streams->magnitude_bits) << streams->magnitude_bits) + magnitude;
	streams->comparators[bit / 64] |= UINT64_C(1) << (bit % 64);
}

struct side {
	uint64_t count;
	uint32_t input, magnitude; /* of the last one */
};

static void
describe_side(struct streams *streams, const struct side *side)
{
	struct columns columns = { .heights = { side->count } };

	streams->compressors += columns_compressors(&columns);
	if (side->count > 1)
		streams->count_bits += bit_length(side->count);
	if (side->count == 1)
		streams->single[streams->single_count++] =
			(uint64_t)side->input << 32 |
			(is_plain(streams, side->magnitude) ? 0 : side->magnitude);
}

static void
describe_unit(struct streams *streams, uint32_t unit)
{
	const struct layer *layer = streams->layer;
	const int32_t *row = &layer->weights[(size_t)unit * layer->inputs];
	struct side sides[2] = { { 0 } };

	for (uint32_t i = 0; i < layer->inputs; i++) {
		struct side *side = &sides[row[i] < 0];

		if (row[i] == 0)
			continue;
		side->count++;
		side->input = i;
		side->magnitude = (uint32_t)abs(row[i]);
		mark_weight(streams, i, side->magnitude);
	}
	describe_side(streams, &sides[0]);
	describe_side(streams, &sides[1]);
	if (sides[0].count + sides[1].count > streams->largest_fan_in)
		streams->largest_fan_in = sides[0].count + sides[1].count;
}

/* A comparison with a constant needs no logic for the constant's trailing ones. */
static uint64_t
comparator_bits(const struct streams *streams)
{
	uint32_t bits = streams->magnitude_bits;
	uint64_t words = ((uint64_t)bits << bits) / 64 + 1, sum = 0;

	for (uint64_t word = 0; word < words; word++)
		for (uint64_t left = streams->comparators[word]; left; left &= left - 1) {
			uint64_t bit = word * 64 + (uint64_t)__builtin_ctzll(left);

			sum += bits - (uint32_t)__builtin_ctz(~(uint32_t)bit);
		}
	return sum;
}

static int
compare_keys(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t
distinct_singles(struct streams *streams)
{
	uint64_t count = 0;

	qsort(streams->single, streams->single_count, sizeof *streams->single, compare_keys);
	for (size_t i = 0; i < streams->single_count; i++)
		count += i == 0 || streams->single[i] != streams->single[i - 1];
	return count;
}

static uint64_t
used_inputs(const struct streams *streams)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < streams->layer->inputs; i++)
		count += streams->used[i];
	return count;
}

static void
finish(struct streams *streams, struct layer_terms *out)
{
	const struct layer *layer = streams->layer;
	uint32_t length_bits = bits_for(layer->bitstream_length);
	uint32_t width = bits_for(streams->largest_fan_in * layer->bitstream_length + 1) + 4;
	uint64_t used = used_inputs(streams), comparators = comparator_bits(streams);
	uint64_t count_registers = streams->count_bits + distinct_singles(streams);

	out->terms[TERM_COMPRESSORS] = (double)streams->compressors + (double)streams->gates / 2;
	out->terms[TERM_COMPARATORS] = (double)comparators;
	out->terms[TERM_ENCODERS] = (double)(used * length_bits + count_registers);
	out->terms[TERM_MEMBRANES] = (double)layer->units * width;
	out->terms[TERM_CONSTANT] = 1;
	/* Both generators, the counter of the step and its four delayed ticks; then
	 * each unit's membrane and spike. */
	out->ff = (double)(used + 2 * length_bits + (comparators ? streams->magnitude_bits : 0) +
			   4 + count_registers + (uint64_t)layer->units * (width + 1));
}

static void
streams_free(struct streams *streams)
{
	free(streams->comparators);
	free(streams->used);
	free(streams->single);
}

snnfit_status
describe_stochastic(const struct layer *layer, struct layer_terms *out, snnfit_error *err)
{
	struct streams streams = { .layer = layer, .magnitude_bits = layer->weight_bits - 1 };
	size_t map_bits = (size_t)streams.magnitude_bits << streams.magnitude_bits;

	streams.comparators = calloc(map_bits / 64 + 1, sizeof *streams.comparators);
	streams.used = calloc((size_t)layer->inputs + 1, sizeof *streams.used);
	streams.single = calloc((size_t)layer->units + 1, 2 * sizeof *streams.single);
	if (!streams.comparators || !streams.used || !streams.single) {
		streams_free(&streams);
		return error_no_memory(err);
	}
	for (uint32_t unit = 0; unit < layer->units; unit++)
		describe_unit(&streams, unit);
	finish(&streams, out);
	streams_free(&streams);
	return SNNFIT_OK;
}
