#include "simulator/watch.h"

#include "simulator/bits.h"
#include "simulator/emissions.h"

#include <stdlib.h>
#include <string.h>

/* --- one tensor ----------------------------------------------------------------------- */

/* A piece of the sums stays in the processor while the lanes go by. */
static void
add_floats(const struct tensor *value, uint32_t lanes, float *sums)
{
	enum { PIECE = 32 };
	const float *x = value->data;
	uint64_t first, i;
	float piece[PIECE];
	uint32_t lane;

	for (first = 0; first + PIECE <= value->count; first += PIECE) {
		memcpy(piece, sums + first, sizeof piece);
		for (lane = 0; lane < lanes; lane++)
			for (i = 0; i < PIECE; i++)
				piece[i] += x[lane * value->count + first + i];
		memcpy(sums + first, piece, sizeof piece);
	}
	for (lane = 0; lane < lanes; lane++)
		for (i = first; i < value->count; i++)
			sums[i] += x[lane * value->count + i];
}

static void
add_up(const struct tensor *value, uint32_t lanes, float *sums)
{
	uint64_t i;
	uint32_t lane;

	if (value->type == TYPE_FLOAT && value->laned) {
		add_floats(value, lanes, sums);
		return;
	}
	for (lane = 0; lane < lanes; lane++)
		for (i = 0; i < value->count; i++)
			sums[i] += (float)element_double(value->type, value->data,
							 (value->laned ? lane : 0) * value->count +
								 i);
}

/* --- bits ------------------------------------------------------------------------------- */

/* a + b + c, as low and high. */
static void
add_bits(uint64_t *high, uint64_t *low, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t either = a ^ b;

	*high = (a & b) | (either & c);
	*low = either ^ c;
}

/* Eight words more (Harley and Seal). */
static void
count_eight(uint64_t planes[COUNT_PLANES], const uint64_t x[8])
{
	uint64_t twos[2], fours[2], carry, next;
	uint32_t i, p;

	for (i = 0; i < 2; i++) {
		add_bits(&twos[0], &planes[0], planes[0], x[4 * i], x[4 * i + 1]);
		add_bits(&twos[1], &planes[0], planes[0], x[4 * i + 2], x[4 * i + 3]);
		add_bits(&fours[i], &planes[1], planes[1], twos[0], twos[1]);
	}
	add_bits(&carry, &planes[2], planes[2], fours[0], fours[1]);
	for (p = 3; carry && p < COUNT_PLANES; p++) {
		next = planes[p] & carry;
		planes[p] ^= carry;
		carry = next;
	}
}

static void
count_bits(struct bit_counts *counts, const uint64_t *bits, uint64_t words, uint32_t lanes)
{
	uint64_t w, x[8];
	uint32_t lane, i;

	for (w = 0; w < words; w++)
		for (lane = 0; lane < lanes; lane += 8) {
			for (i = 0; i < 8; i++)
				x[i] = lane + i < lanes ? bits[(lane + i) * words + w] : 0;
			count_eight(counts->planes[w], x);
		}
	counts->most += lanes;
}

/* Into the sums, and from 0 on again. */
static void
take_counts(struct bit_counts *counts, uint64_t count, float *sums)
{
	uint64_t first, i, left;
	float ones[64];
	uint32_t p;

	for (first = 0; first < count; first += 64) {
		left = count - first < 64 ? count - first : 64;
		for (p = 0; counts->most >> p; p++) {
			float power = (float)(UINT32_C(1) << p);

			emission_unpack(TYPE_FLOAT, &counts->planes[first / 64][p], left, ones);
			for (i = 0; i < left; i++)
				sums[first + i] += power * ones[i];
		}
	}
	memset(counts->planes, 0, bit_words(count) * sizeof *counts->planes);
	counts->most = 0;
}

/* Sums get what was counted in the last step of a block, or when there is no room for more. */
static snnfit_status
add_up_bits(struct bit_counts *counts, const struct tensor *value, uint32_t lanes, bool last,
	    float *sums, snnfit_error *err)
{
	uint64_t words = bit_words(value->count), lane;

	if (!counts->planes)
		counts->planes = calloc(words + 1, sizeof *counts->planes);
	if (!counts->planes)
		return error_no_memory(err);
	if (value->laned)
		count_bits(counts, value->data, words, lanes);
	for (lane = 0; lane < lanes && !value->laned; lane++)
		count_bits(counts, value->data, words, 1);
	if (last || counts->most + lanes >= UINT32_C(1) << COUNT_PLANES)
		take_counts(counts, value->count, sums);
	return SNNFIT_OK;
}

/* --- what a step left --------------------------------------------------------------------- */

static bool
is_spike(const struct tensor *value, uint64_t at)
{
	if (value->type == TYPE_FLOAT)
		return ((const float *)value->data)[at] != 0.0f;
	return element_double(value->type, value->data, at) != 0.0;
}

static void
record_spike(uint64_t *word, uint64_t bit)
{
	(void)__atomic_fetch_or(word, UINT64_C(1) << bit % 64, __ATOMIC_RELAXED);
}

static void
record_bits(const uint64_t *bits, uint64_t count, uint64_t words, uint64_t *word, uint64_t bit)
{
	uint64_t i, left;

	for (i = 0; i < bit_words(count); i++)
		for (left = bits[i]; left; left &= left - 1)
			record_spike(word + (i * 64 + (uint64_t)__builtin_ctzll(left)) * words,
				     bit);
}

/* A word may be shared with the samples of another thread. */
static void
record(const struct network *network, const struct network_watch *watch, const struct tensor *value,
       uint64_t sample, uint32_t lane, uint64_t step)
{
	uint64_t words = watch_words(network, watch), bit = sample * watch->steps + step, i;
	uint64_t base = (value->laned ? lane : 0) * value->count;
	uint64_t *word = watch->trains + bit / 64;

	if (value->bits) {
		base = (value->laned ? lane : 0) * bit_words(value->count);
		record_bits((const uint64_t *)value->data + base, value->count, words, word, bit);
		return;
	}
	for (i = 0; i < value->count; i++, word += words)
		if (is_spike(value, base + i))
			record_spike(word, bit);
}

static snnfit_status
see(struct sight *sight, uint32_t w, uint32_t slot, const struct tensor *value, snnfit_error *err)
{
	const struct network *network = sight->network;
	const struct network_watch *watch = &network->watches[w];
	uint64_t step = sight->steps[w]++;
	snnfit_status status = SNNFIT_OK;
	uint32_t lane;

	if (value->type == TYPE_NONE || value->count != watch->count)
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "'%.100s' has another shape in some step",
				 network->plan->slot_names[slot]);
	if (value->bits)
		status = add_up_bits(&sight->counts[w], value, sight->lanes,
				     step + 1 == watch->steps, sight->sums[w], err);
	else
		add_up(value, sight->lanes, sight->sums[w]);
	if (!watch->trains || status != SNNFIT_OK)
		return status;
	if (step >= watch->steps)
		return error_set(
			err, SNNFIT_EUNSUPPORTED,
			"'%.100s' is made in more steps for some sample than for the first",
			network->plan->slot_names[slot]);
	for (lane = 0; lane < sight->lanes && sight->first + lane < network->recorded; lane++)
		record(network, watch, value, sight->first + lane, lane, step);
	return SNNFIT_OK;
}

static snnfit_status
learn(struct sight *sight, uint32_t w, const struct tensor *value, snnfit_error *err)
{
	struct network_watch *watch = &sight->network->watches[w];

	sight->steps[w]++;
	if (value->type == TYPE_NONE || watch->sums)
		return SNNFIT_OK;
	watch->count = value->count;
	watch->rank = value->rank;
	memcpy(watch->dims, value->dims, sizeof watch->dims);
	watch->sums = calloc(value->count + 1, sizeof *watch->sums);
	return watch->sums ? SNNFIT_OK : error_no_memory(err);
}

/* --- inside of loops --------------------------------------------------------------------- */

/* Several populations may be seen by one tensor. */
static snnfit_status
see_inside(void *context, uint32_t slot, const struct tensor *value, snnfit_error *err)
{
	struct sight *sight = context;
	snnfit_status status = SNNFIT_OK;
	uint32_t w;

	for (w = 0; w < sight->network->watch_count && status == SNNFIT_OK; w++) {
		const struct network_watch *watch = &sight->network->watches[w];

		if (watch->inside && watch->slots[0] == slot)
			status = sight->sums[w] ? see(sight, w, slot, value, err)
						: learn(sight, w, value, err);
	}
	return status;
}

/* --- a thread's --------------------------------------------------------------------------- */

snnfit_status
sight_open(struct sight *sight, struct network *network, snnfit_error *err)
{
	uint32_t count = network->watch_count, w;

	*sight = (struct sight){ .network = network };
	sight->sums = calloc(count + 1, sizeof *sight->sums);
	sight->steps = calloc(count + 1, sizeof *sight->steps);
	sight->counts = calloc(count + 1, sizeof *sight->counts);
	if (!sight->sums || !sight->steps || !sight->counts)
		return error_no_memory(err);
	for (w = 0; w < count; w++) {
		const struct network_watch *watch = &network->watches[w];

		if (watch->inside && !sight->inside)
			sight->inside = calloc(network->plan->slot_count, sizeof *sight->inside);
		if (watch->sums)
			sight->sums[w] = calloc(watch->count + 1, sizeof **sight->sums);
		if ((watch->inside && !sight->inside) || (watch->sums && !sight->sums[w]))
			return error_no_memory(err);
		if (watch->inside)
			sight->inside[watch->slots[0]] = true;
	}
	sight->tap = (struct machine_tap){ sight->inside, see_inside, sight };
	return SNNFIT_OK;
}

void
sight_close(struct sight *sight)
{
	uint32_t w;

	for (w = 0; sight->sums && w < sight->network->watch_count; w++)
		free(sight->sums[w]);
	for (w = 0; sight->counts && w < sight->network->watch_count; w++)
		free(sight->counts[w].planes);
	free(sight->counts);
	free(sight->sums);
	free(sight->steps);
	free(sight->inside);
}

const struct machine_tap *
sight_tap(const struct sight *sight)
{
	return sight->inside ? &sight->tap : NULL;
}

void
sight_begin(struct sight *sight, uint64_t first, uint32_t lanes)
{
	uint32_t w;

	sight->first = first;
	sight->lanes = lanes;
	for (w = 0; w < sight->network->watch_count; w++) {
		sight->steps[w] = 0;
		sight->counts[w].most = 0;
		if (sight->counts[w].planes)
			memset(sight->counts[w].planes, 0,
			       bit_words(sight->network->watches[w].count) *
				       sizeof *sight->counts[w].planes);
		if (sight->sums[w])
			memset(sight->sums[w], 0, sight->network->watches[w].count * sizeof(float));
	}
}

snnfit_status
sight_see(struct sight *sight, const struct machine *machine, snnfit_error *err)
{
	const struct network *network = sight->network;
	snnfit_status status = SNNFIT_OK;
	uint32_t w, i;

	for (w = 0; w < network->watch_count; w++) {
		const struct network_watch *watch = &network->watches[w];

		for (i = 0; !watch->inside && i < watch->slot_count && status == SNNFIT_OK; i++)
			status = see(sight, w, watch->slots[i], &machine->slots[watch->slots[i]],
				     err);
	}
	return status;
}

snnfit_status
sight_learn(struct sight *sight, const struct machine *machine, snnfit_error *err)
{
	const struct network *network = sight->network;
	snnfit_status status = SNNFIT_OK;
	uint32_t w, i;

	for (w = 0; w < network->watch_count; w++) {
		struct network_watch *watch = &network->watches[w];

		for (i = 0; !watch->inside && i < watch->slot_count && status == SNNFIT_OK; i++)
			status = learn(sight, w, &machine->slots[watch->slots[i]], err);
		watch->steps = sight->steps[w] * network->steps;
	}
	return status;
}

void
sight_commit(const struct sight *sight)
{
	uint64_t i;
	uint32_t w;

	for (w = 0; w < sight->network->watch_count; w++) {
		struct network_watch *watch = &sight->network->watches[w];

		for (i = 0; i < watch->count; i++)
			watch->sums[i] += (double)sight->sums[w][i];
		watch->seen += sight->steps[w] * sight->lanes;
	}
}

/* --- all ---------------------------------------------------------------------------------- */

uint32_t
watches_slots(const struct network *network, uint32_t *out)
{
	uint32_t count = 0, w, i;

	for (w = 0; w < network->watch_count; w++) {
		const struct network_watch *watch = &network->watches[w];

		for (i = 0; !watch->inside && i < watch->slot_count; i++, count++)
			if (out)
				out[count] = watch->slots[i];
	}
	return count;
}

uint64_t
watch_words(const struct network *network, const struct network_watch *watch)
{
	return (network->recorded * watch->steps + 63) / 64;
}

/* As many samples as there is room for. */
static uint64_t
samples_recorded(const struct network *network)
{
	uint64_t bits = 0, room = network->train_bytes * 8;
	uint32_t w;

	for (w = 0; w < network->watch_count; w++)
		if (network->watches[w].recorded)
			bits += network->watches[w].count * network->watches[w].steps;
	return bits && room / bits < network->samples ? room / bits : network->samples;
}

snnfit_status
watches_ready(struct network *network, snnfit_error *err)
{
	uint32_t w, kept = 0;

	for (w = 0; w < network->watch_count; w++)
		if (network->watches[w].sums)
			network->watches[kept++] = network->watches[w];
	network->watch_count = kept;
	network->recorded = samples_recorded(network);
	for (w = 0; w < network->watch_count && network->recorded; w++) {
		struct network_watch *watch = &network->watches[w];

		if (!watch->recorded)
			continue;
		watch->trains = calloc(watch->count * watch_words(network, watch) + 1,
				       sizeof *watch->trains);
		if (!watch->trains)
			return error_no_memory(err);
	}
	return SNNFIT_OK;
}

void
watches_reset(struct network *network)
{
	uint32_t w;

	for (w = 0; w < network->watch_count; w++) {
		struct network_watch *watch = &network->watches[w];

		watch->seen = 0;
		memset(watch->sums, 0, watch->count * sizeof *watch->sums);
		if (watch->trains)
			memset(watch->trains, 0,
			       watch->count * watch_words(network, watch) * sizeof *watch->trains);
	}
}

void
watches_free(struct network *network)
{
	uint32_t w;

	for (w = 0; w < network->watch_count; w++) {
		free(network->watches[w].sums);
		free(network->watches[w].trains);
	}
}
