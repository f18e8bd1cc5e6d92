#include "opt/trains.h"

enum { PIECE_WORDS = 64 }; /* between two looks at the limit */

const struct spike_trains *
trains_of(const struct activity *activity, const struct graph *graph, population_id population)
{
	size_t i;

	for (i = 0; i < activity->count; i++) {
		const struct spike_trains *trains = &activity->trains[i];

		if (trains->population == population)
			return trains->units == population_units(graph, population) &&
					       trains->positions ==
						       graph->populations[population].positions
				       ? trains
				       : NULL;
	}
	return NULL;
}

size_t
train_words(const struct activity *activity, const struct spike_trains *trains)
{
	return (size_t)activity->words * trains->positions;
}

const uint64_t *
train_of(const struct activity *activity, const struct spike_trains *trains, uint32_t unit)
{
	return trains->bits + unit * train_words(activity, trains);
}

uint64_t
train_steps(const struct activity *activity, const struct spike_trains *trains)
{
	return activity->samples * activity->steps * trains->positions;
}

static uint64_t
ones(uint64_t word)
{
	return (uint64_t)__builtin_popcountll(word);
}

uint64_t
spikes_in(const uint64_t *train, size_t words)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < words; i++)
		count += ones(train[i]);
	return count;
}

uint64_t
spikes_shared(const uint64_t *a, const uint64_t *b, size_t words)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < words; i++)
		count += ones(a[i] & b[i]);
	return count;
}

uint64_t
spikes_apart(const uint64_t *a, const uint64_t *b, size_t words, uint64_t limit)
{
	uint64_t count = 0;
	size_t i, end;

	for (i = 0; i < words && count <= limit;)
		for (end = i + PIECE_WORDS < words ? i + PIECE_WORDS : words; i < end; i++)
			count += ones(a[i] ^ b[i]);
	return count;
}
