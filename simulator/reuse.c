#include "simulator/reuse.h"

#include "simulator/bits.h"
#include "simulator/operators.h"
#include "simulator/upstream.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct reuse_slot {
	uint32_t slot;
	bool given; /* else it is wanted */
	uint8_t digest[EMISSION_DIGEST_BYTES];
	struct emission *emission; /* NULL: wanted, but there is no room */
	atomic_bool spoilt;	   /* some value is neither 0 nor 1 */
};

/* --- whether ----------------------------------------------------------------------------- */

/* What is drawn depends on what was drawn before: all must run. */
static bool
draws(const struct plan_graph *graph)
{
	uint32_t i, k;

	for (i = 0; i < graph->node_count; i++) {
		if (graph->nodes[i].operator->flags & OPERATOR_RANDOM)
			return true;
		for (k = 0; k < graph->nodes[i].body_count; k++)
			if (draws(graph->nodes[i].bodies[k]))
				return true;
	}
	return false;
}

static bool
is_possible(const struct network *network)
{
	uint32_t w;

	for (w = 0; w < network->watch_count; w++)
		if (network->watches[w].inside)
			return false;
	return network->emissions && network->emissions->limit && !draws(&network->plan->graph);
}

static bool
is_listed(const struct reuse *reuse, uint32_t slot)
{
	uint32_t i;

	for (i = 0; i < reuse->count; i++)
		if (reuse->slots[i].slot == slot)
			return true;
	return false;
}

static void
look_up(struct reuse *reuse, struct upstream *upstream)
{
	const struct network *network = reuse->network;
	uint32_t i;

	for (i = 0; i < network->emitter_count; i++) {
		struct reuse_slot *at = &reuse->slots[reuse->count];

		at->slot = network->emitters[i];
		if (is_listed(reuse, at->slot) || !upstream_digest(upstream, at->slot, at->digest))
			continue;
		at->emission = emissions_find(network->emissions, at->digest);
		at->given = at->emission != NULL;
		reuse->count++;
	}
}

/* --- what runs, then -------------------------------------------------------------------- */

static void
leave_out(struct network *network, const bool *needed)
{
	uint32_t i, kept = 0;

	for (i = 0; i < network->state_count; i++)
		if (needed[network->states[i].input])
			network->states[kept++] = network->states[i];
	network->state_count = kept;
	kept = 0;
	for (i = 0; i < network->input_count; i++)
		if (needed[network->inputs[i].slot])
			network->inputs[kept++] = network->inputs[i];
	network->input_count = kept;
}

/* Spikes that only other spikes that are known come from are not needed, nor is to be
 * kept what does not come to be. */
static void
forget_rest(struct reuse *reuse)
{
	uint32_t i, kept = 0;

	for (i = 0; i < reuse->count; i++)
		if (reuse->needed[reuse->slots[i].slot])
			reuse->slots[kept++] = reuse->slots[i];
	reuse->count = kept;
}

static snnfit_status
use_given(struct reuse *reuse, struct network *network, snnfit_error *err)
{
	uint32_t slots = network->plan->slot_count, i, w, k;

	reuse->given = calloc(slots, sizeof *reuse->given);
	reuse->needed = calloc(slots, sizeof *reuse->needed);
	if (!reuse->given || !reuse->needed)
		return error_no_memory(err);
	for (i = 0; i < reuse->count; i++)
		reuse->given[reuse->slots[i].slot] = reuse->slots[i].given;
	reuse->needed[network->output] = true;
	for (w = 0; w < network->watch_count; w++)
		for (k = 0; k < network->watches[w].slot_count; k++)
			reuse->needed[network->watches[w].slots[k]] = true;
	upstream_mark(network, reuse->given, reuse->needed);
	leave_out(network, reuse->needed);
	forget_rest(reuse);
	return SNNFIT_OK;
}

snnfit_status
reuse_open(struct reuse *reuse, struct network *network, snnfit_error *err)
{
	struct upstream upstream;
	snnfit_status status;

	*reuse = (struct reuse){ .network = network };
	network->reused = 0;
	if (!is_possible(network))
		return SNNFIT_OK;
	reuse->slots = calloc(network->emitter_count + 1, sizeof *reuse->slots);
	if (!reuse->slots)
		return error_no_memory(err);
	status = upstream_open(&upstream, network, err);
	if (status == SNNFIT_OK)
		look_up(reuse, &upstream);
	upstream_close(&upstream);
	if (status == SNNFIT_OK && reuse_given(reuse, NULL))
		status = use_given(reuse, network, err);
	network->reused = reuse_given(reuse, NULL);
	return status;
}

static uint32_t
list_slots(const struct reuse *reuse, bool given, uint32_t *out)
{
	uint32_t i, count = 0;

	for (i = 0; i < reuse->count; i++) {
		if (reuse->slots[i].given != given)
			continue;
		if (out)
			out[count] = reuse->slots[i].slot;
		count++;
	}
	return count;
}

uint32_t
reuse_given(const struct reuse *reuse, uint32_t *out)
{
	return list_slots(reuse, true, out);
}

uint32_t
reuse_wanted(const struct reuse *reuse, uint32_t *out)
{
	return list_slots(reuse, false, out);
}

/* What is the same for all samples costs next to nothing. */
void
reuse_learn(struct reuse *reuse, const struct machine *machine)
{
	const struct network *network = reuse->network;
	uint32_t i;

	for (i = 0; i < reuse->count; i++) {
		struct reuse_slot *at = &reuse->slots[i];
		const struct tensor *value = &machine->slots[at->slot];
		struct tensor shape = *value;

		if (at->given || !value->laned)
			continue;
		shape.data = NULL;
		shape.buffer = NULL;
		at->emission = emissions_add(network->emissions, at->digest, &shape,
					     network->samples * network->steps);
	}
}

void
reuse_close(struct reuse *reuse, bool done)
{
	uint32_t i;

	for (i = 0; i < reuse->count; i++)
		if (reuse->slots[i].emission && !reuse->slots[i].given)
			reuse->slots[i].emission->complete = done && !reuse->slots[i].spoilt;
	if (reuse->slots)
		emissions_end(reuse->network->emissions);
	free(reuse->slots);
	free(reuse->given);
	free(reuse->needed);
}

/* --- a step --------------------------------------------------------------------------------- */

static uint64_t *
bits_of(const struct reuse *reuse, const struct emission *emission, uint64_t sample, uint32_t step)
{
	return emission->bits + (sample * reuse->network->steps + step) * emission->words;
}

static snnfit_status
allocate(struct machine *machine, const struct tensor *shape, bool bits, struct tensor *out,
	 snnfit_error *err)
{
	if (bits)
		return tensor_allocate_bits(out, &machine->pool, shape->rank, shape->dims,
					    machine->lanes, true, err);
	return tensor_allocate(out, &machine->pool, shape->type, shape->rank, shape->dims,
			       machine->lanes, true, err);
}

static snnfit_status
give(const struct reuse *reuse, const struct reuse_slot *at, struct machine *machine,
     const struct reuse_part *part, snnfit_error *err)
{
	const struct emission *emission = at->emission;
	const struct tensor *shape = &emission->shape;
	bool as_bits = part->bits && part->bits[at->slot] && shape->type == TYPE_FLOAT;
	size_t bytes = as_bits ? (size_t)emission->words * sizeof *emission->bits
			       : (size_t)shape->count * type_bytes(shape->type);
	uint32_t samples = machine->lanes / part->steps, lane;
	struct tensor tensor;
	snnfit_status status = allocate(machine, shape, as_bits, &tensor, err);

	if (status != SNNFIT_OK)
		return status;
	for (lane = 0; lane < machine->lanes; lane++) {
		const uint64_t *from = bits_of(reuse, emission, part->first + lane % samples,
					       part->step + lane / samples);
		char *to = (char *)tensor.data + lane * bytes;

		if (as_bits)
			memcpy(to, from, bytes);
		else
			emission_unpack(shape->type, from, shape->count, to);
	}
	machine_set(machine, at->slot, tensor);
	return SNNFIT_OK;
}

snnfit_status
reuse_give(const struct reuse *reuse, struct machine *machine, const struct reuse_part *part,
	   snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	for (i = 0; i < reuse->count && status == SNNFIT_OK; i++)
		if (reuse->slots[i].given && part->read[reuse->slots[i].slot])
			status = give(reuse, &reuse->slots[i], machine, part, err);
	return status;
}

uint64_t
reuse_largest(const struct reuse *reuse, const bool *read)
{
	uint64_t largest = 0;
	uint32_t i;

	for (i = 0; i < reuse->count; i++) {
		const struct reuse_slot *at = &reuse->slots[i];

		if (at->given && read[at->slot] && at->emission->shape.count > largest)
			largest = at->emission->shape.count;
	}
	return largest;
}

static bool
same_shape(const struct tensor *value, const struct tensor *shape)
{
	return value->type == shape->type && value->laned && value->rank == shape->rank &&
	       memcmp(value->dims, shape->dims, shape->rank * sizeof *shape->dims) == 0;
}

/* What a lane holds, as bits. False: something else than zeros and ones. */
static bool
take_lane(const struct tensor *value, uint32_t lane, uint64_t *to)
{
	uint64_t words = bit_words(value->count);

	if (!value->bits)
		return emission_pack(value->type,
				     (const char *)value->data +
					     lane * value->count * type_bytes(value->type),
				     value->count, to);
	memcpy(to, (const uint64_t *)value->data + lane * words, words * sizeof *to);
	return true;
}

void
reuse_take(struct reuse *reuse, const struct machine *machine, uint64_t first, uint32_t step)
{
	uint32_t i, lane;

	for (i = 0; i < reuse->count; i++) {
		struct reuse_slot *at = &reuse->slots[i];
		const struct tensor *value = &machine->slots[at->slot];
		bool binary = true;

		if (at->given || !at->emission || at->spoilt)
			continue;
		if (!same_shape(value, &at->emission->shape)) {
			at->spoilt = true;
			continue;
		}
		for (lane = 0; lane < machine->lanes && binary; lane++)
			binary = take_lane(value, lane,
					   bits_of(reuse, at->emission, first + lane, step));
		if (!binary)
			at->spoilt = true;
	}
}
