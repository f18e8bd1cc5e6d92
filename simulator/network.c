#include "simulator/network.h"

#include "simulator/ahead.h"
#include "simulator/encode.h"
#include "simulator/phases.h"
#include "simulator/repeats.h"
#include "simulator/tape.h"
#include "simulator/watch.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Samples that run side by side: enough to hide what a node costs besides its arithmetic,
 * few enough that what they hold stays near the processor; but where the weights do not
 * stay there, as many as can share what is read of them. */
enum {
	BLOCK_SAMPLES = 32,
	BLOCK_SAMPLES_MOST = 256,
	BLOCKS_LEAST = 2, /* for as many threads */
	WEIGHTS_NEAR = 8 << 20,
};

/* What one block adds up to. */
struct block {
	uint64_t first;
	uint32_t lanes;
	struct sight sight; /* sums over lanes and steps */
	struct ahead ahead;
	struct repeats repeats;
	float *scores; /* [lanes][classes] */
	double synaptic_operations;
};

/* Shared by the threads. */
struct run {
	struct network *network;
	const struct phases *phases;
	struct reuse *reuse;
	uint32_t block_samples;
	uint64_t blocks;
	atomic_uint_fast64_t next;
	pthread_mutex_t lock;
	pthread_cond_t turn;
	uint64_t committed; /* blocks whose sums are in; or all, once one has failed */
	snnfit_status status;
	snnfit_error err; /* of the first block that failed */
};

/* --- states --------------------------------------------------------------------------- */

static snnfit_status
set_state(struct machine *machine, const struct network_state *state, snnfit_error *err)
{
	const struct tensor *initial = &state->initial;
	size_t bytes = (size_t)initial->count * type_bytes(initial->type);
	struct tensor tensor;
	uint32_t lane;
	snnfit_status status = tensor_allocate(&tensor, &machine->pool, initial->type,
					       initial->rank, initial->dims, machine->lanes, true,
					       err);

	if (status != SNNFIT_OK)
		return status;
	for (lane = 0; lane < machine->lanes; lane++) {
		char *to = (char *)tensor.data + lane * bytes;

		if (initial->data)
			memcpy(to, initial->data, bytes);
		else
			memset(to, 0, bytes);
	}
	machine_set(machine, state->input, tensor);
	return SNNFIT_OK;
}

/* What stands in a slot, to be there in the next step. Somebody else's array may be another one
 * by then: it is copied. */
static snnfit_status
take_state(struct machine *machine, const struct tensor *value, struct tensor *out,
	   snnfit_error *err)
{
	size_t bytes = (size_t)value->count * type_bytes(value->type);
	snnfit_status status;

	if (value->buffer) {
		*out = tensor_share(value);
		return SNNFIT_OK;
	}
	status = tensor_allocate(out, &machine->pool, value->type, value->rank, value->dims,
				 machine->lanes, value->laned, err);
	if (status == SNNFIT_OK && bytes)
		memcpy(out->data, value->data, bytes * (value->laned ? machine->lanes : 1));
	return status;
}

/* All outputs are taken before any input is set: one tensor may be both. */
static snnfit_status
feed_back(struct machine *machine, const struct network *network, struct tensor *taken,
	  snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	for (i = 0; i < network->state_count; i++) {
		const struct network_state *state = &network->states[i];
		const struct tensor *value = &machine->slots[state->output];

		if (value->type != state->initial.type || value->count != state->initial.count)
			return error_set(err, SNNFIT_EUNSUPPORTED,
					 "state '%.100s' comes back in another shape as '%.100s'",
					 network->plan->slot_names[state->input],
					 network->plan->slot_names[state->output]);
		status = take_state(machine, value, &taken[i], err);
		if (status != SNNFIT_OK)
			return status;
		taken[i].rank = state->initial.rank;
		memcpy(taken[i].dims, state->initial.dims, sizeof taken[i].dims);
	}
	for (i = 0; i < network->state_count; i++) {
		elements_round(network->states[i].type, &taken[i], machine->lanes);
		machine_set(machine, network->states[i].input, taken[i]);
	}
	return SNNFIT_OK;
}

/* --- what is seen after a step ------------------------------------------------------------- */

/* Need not ask for each number what it is. */
static bool
can_sum(const struct network *network, const struct tensor *value)
{
	return value->type == TYPE_FLOAT && network->decoding != DECODE_LAST &&
	       network->decoding != DECODE_MAXIMUM;
}

/* The usual case, in one go: each element of all lanes is one of the scores. */
static void
sum_scores(const float *restrict x, uint64_t count, bool first, float *restrict scores)
{
	uint64_t i;

	if (first)
		memcpy(scores, x, (size_t)count * sizeof *scores);
	for (i = 0; i < count && !first; i++)
		scores[i] += x[i];
}

/* The class outputs of a step, or of several that the model has inside. */
static void
score(const struct network *network, const struct tensor *value, uint32_t lane, bool first,
      float *scores)
{
	uint64_t times = value->count / network->classes, t, c;

	for (t = 0; t < times; t++, first = false) {
		if (!first && can_sum(network, value)) {
			const float *x = (const float *)value->data +
					 (value->laned ? lane : 0) * value->count +
					 t * network->classes;

			for (c = 0; c < network->classes; c++)
				scores[c] += x[c];
			continue;
		}
		for (c = 0; c < network->classes; c++) {
			uint64_t at = (value->laned ? lane : 0) * value->count +
				      t * network->classes + c;
			float x = (float)element_double(value->type, value->data, at);

			if (first || network->decoding == DECODE_LAST)
				scores[c] = x;
			else if (network->decoding == DECODE_MAXIMUM)
				scores[c] = x > scores[c] ? x : scores[c];
			else
				scores[c] += x;
		}
	}
}

static snnfit_status
see_output(struct machine *machine, const struct network *network, struct block *block,
	   uint32_t step, snnfit_error *err)
{
	const struct tensor *value = &machine->slots[network->output];
	uint64_t c, classes = network->classes;
	uint32_t lane;

	if (value->type == TYPE_NONE || value->count == 0 || value->count % classes)
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "the output '%.100s' has another shape in some step",
				 network->plan->slot_names[network->output]);
	if (value->laned && value->count == classes && can_sum(network, value))
		sum_scores(value->data, block->lanes * classes, step == 0, block->scores);
	else
		for (lane = 0; lane < block->lanes; lane++)
			score(network, value, lane, step == 0, block->scores + lane * classes);
	for (c = 0; network->decoding == DECODE_MEAN && step + 1 == network->steps &&
		    c < block->lanes * classes;
	     c++)
		block->scores[c] /= (float)network->steps * (float)(value->count / classes);
	return SNNFIT_OK;
}

/* --- a block -------------------------------------------------------------------------------- */

static snnfit_status
set_inputs(struct machine *machine, const struct network *network, const struct block *block,
	   uint32_t step, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	struct tensor tensor;
	uint32_t i;

	for (i = 0; i < network->input_count && status == SNNFIT_OK; i++) {
		status = encode(network, i, block->first, block->lanes, step, &machine->pool,
				&tensor, err);
		if (status == SNNFIT_OK)
			machine_set(machine, network->inputs[i].slot, tensor);
	}
	return status;
}

static snnfit_status
begin_block(struct machine *machine, const struct run *run, struct block *block, snnfit_error *err)
{
	const struct network *network = run->network;
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	machine_reset(machine, block->lanes);
	machine->random = block->first << 32;
	machine->synaptic_operations = 0;
	sight_begin(&block->sight, block->first, block->lanes);
	ahead_begin(&block->ahead, block->first, block->lanes);
	repeats_begin(&block->repeats);
	for (i = 0; i < network->state_count && status == SNNFIT_OK; i++)
		status = set_state(machine, &network->states[i], err);
	if (status == SNNFIT_OK && encoding_is_constant(network))
		status = set_inputs(machine, network, block, 0, err);
	if (status == SNNFIT_OK)
		status = machine_run(machine, &run->phases->fixed, err);
	/* What is computed once arrives in every step. */
	machine->synaptic_operations *= network->steps;
	return status;
}

/* What is new in the step: data, and spikes that are known. */
static snnfit_status
begin_step(struct machine *machine, const struct run *run, struct block *block, uint32_t step,
	   snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;

	if (!encoding_is_constant(run->network))
		status = set_inputs(machine, run->network, block, step, err);
	if (status == SNNFIT_OK)
		status = ahead_give(&block->ahead, machine, step, err);
	if (status == SNNFIT_OK)
		status = repeats_give(&block->repeats, machine, step, run->network->steps, err);
	return status;
}

static snnfit_status
run_block(struct machine *machine, const struct run *run, struct block *block, struct tensor *taken,
	  snnfit_error *err)
{
	const struct network *network = run->network;
	snnfit_status status = begin_block(machine, run, block, err);
	uint32_t step;

	for (step = 0; step < network->steps && status == SNNFIT_OK; step++) {
		status = begin_step(machine, run, block, step, err);
		if (status == SNNFIT_OK)
			status = machine_run(machine, &run->phases->step, err);
		if (status == SNNFIT_OK)
			reuse_take(run->reuse, machine, block->first, step);
		if (status == SNNFIT_OK)
			status = sight_see(&block->sight, machine, err);
		if (status == SNNFIT_OK)
			status = see_output(machine, network, block, step, err);
		if (status == SNNFIT_OK && step + 1 < network->steps)
			status = feed_back(machine, network, taken, err);
	}
	block->synaptic_operations = machine->synaptic_operations;
	return status;
}

/* --- threads ---------------------------------------------------------------------------------- */

/* In the order of the blocks: what is added up does not depend on who was faster.
 * False: some block has failed, there is nothing more to do. */
static bool
commit(struct run *run, uint64_t number, const struct block *block, snnfit_status status,
       const snnfit_error *err)
{
	struct network *network = run->network;
	bool go_on;

	(void)pthread_mutex_lock(&run->lock);
	while (run->committed < number)
		(void)pthread_cond_wait(&run->turn, &run->lock);
	go_on = run->committed == number && status == SNNFIT_OK;
	if (go_on) {
		sight_commit(&block->sight);
		network->synaptic_operations += block->synaptic_operations;
		memcpy(network->scores + block->first * network->classes, block->scores,
		       block->lanes * network->classes * sizeof(float));
		run->committed++;
		if (network->progress)
			network->progress(network->progress_context, block->first + block->lanes,
					  network->samples);
	} else if (run->committed == number) {
		run->status = status;
		run->err = *err;
		run->committed = UINT64_MAX;
	}
	(void)pthread_cond_broadcast(&run->turn);
	(void)pthread_mutex_unlock(&run->lock);
	return go_on;
}

static snnfit_status
block_allocate(struct block *block, const struct run *run, snnfit_error *err)
{
	snnfit_status status;

	block->scores = calloc(run->block_samples * run->network->classes, sizeof *block->scores);
	if (!block->scores)
		return error_no_memory(err);
	status = sight_open(&block->sight, run->network, err);
	if (status == SNNFIT_OK)
		status = ahead_open(&block->ahead, run->phases, run->reuse,
				    run->block_samples > 1 ? run->network->steps : 1, err);
	if (status == SNNFIT_OK)
		status = repeats_open(&block->repeats, run->phases, err);
	return status;
}

static void *
work(void *context)
{
	struct run *run = context;
	const struct network *network = run->network;
	struct machine machine = { .slots = NULL };
	struct block block = { .scores = NULL };
	snnfit_error err = { .text = "" };
	struct tensor *taken = calloc(network->state_count + 1, sizeof *taken);
	snnfit_status ready, status;
	bool go_on = true;

	ready = taken ? machine_init(&machine, network->plan, run->block_samples, 0, &err)
		      : error_no_memory(&err);
	if (ready == SNNFIT_OK)
		ready = block_allocate(&block, run, &err);
	machine.tap = sight_tap(&block.sight);
	while (go_on) {
		uint64_t number = atomic_fetch_add(&run->next, 1);

		if (number >= run->blocks)
			break;
		block.first = number * run->block_samples;
		block.lanes = network->samples - block.first < run->block_samples
				      ? (uint32_t)(network->samples - block.first)
				      : run->block_samples;
		status = ready == SNNFIT_OK ? run_block(&machine, run, &block, taken, &err) : ready;
		go_on = commit(run, number, &block, status, &err);
	}
	repeats_close(&block.repeats, &machine);
	ahead_close(&block.ahead);
	sight_close(&block.sight);
	free(block.scores);
	machine_free(&machine);
	free(taken);
	return NULL;
}

static void
run_threads(struct run *run)
{
	uint32_t wanted = run->network->threads, count = 0, i;
	pthread_t *threads;

	if (wanted > run->blocks)
		wanted = (uint32_t)run->blocks;
	/* The caller's is one of them: with no other, it does all. */
	threads = wanted > 1 ? calloc(wanted - 1, sizeof *threads) : NULL;
	for (i = 0; threads && i + 1 < wanted; i++)
		if (pthread_create(&threads[count], NULL, work, run) == 0)
			count++;
	(void)work(run);
	for (i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	free(threads);
}

/* --- the first sample shows the shapes -------------------------------------------- */

static void
note_shape(const struct machine *machine, uint32_t slot, struct slot_shape *shapes)
{
	const struct tensor *tensor = &machine->slots[slot];
	struct slot_shape *shape = &shapes[slot];

	if (tensor->type == TYPE_NONE)
		return;
	*shape = (struct slot_shape){
		tensor->type, tensor->laned, tensor->rank, { 0 }, tensor->count
	};
	memcpy(shape->dims, tensor->dims, sizeof shape->dims);
}

/* Runs a step, node by node, and notes what comes to be. */
static snnfit_status
note_step(struct machine *machine, const struct plan_graph *step, struct slot_shape *shapes,
	  snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	uint32_t i, k;

	for (i = 0; i < step->node_count && status == SNNFIT_OK; i++) {
		const struct plan_node *node = &step->nodes[i];

		for (k = 0; k < node->input_count; k++)
			note_shape(machine, node->inputs[k], shapes);
		status = machine_run_node(machine, node, err);
		for (k = 0; k < node->output_count && status == SNNFIT_OK; k++)
			note_shape(machine, node->outputs[k], shapes);
	}
	return status;
}

static snnfit_status
learn_classes(struct network *network, const struct machine *machine, snnfit_error *err)
{
	const struct tensor *value = &machine->slots[network->output];

	network->classes = value->rank ? value->dims[value->rank - 1] : 1;
	if (value->type == TYPE_NONE || value->count == 0)
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "the output '%.100s' is no array of numbers",
				 network->plan->slot_names[network->output]);
	return SNNFIT_OK;
}

static snnfit_status
learn_shapes(struct run *run, struct machine *machine, struct slot_shape *shapes, snnfit_error *err)
{
	struct network *network = run->network;
	struct block block = { .first = 0, .lanes = 1 };
	snnfit_status status = sight_open(&block.sight, network, err);

	machine->tap = sight_tap(&block.sight);
	if (status == SNNFIT_OK)
		status = ahead_open(&block.ahead, run->phases, run->reuse, 1, err);
	if (status == SNNFIT_OK)
		status = repeats_open(&block.repeats, run->phases, err);
	if (status == SNNFIT_OK)
		status = begin_block(machine, run, &block, err);
	if (status == SNNFIT_OK)
		status = begin_step(machine, run, &block, 0, err);
	if (status == SNNFIT_OK)
		status = note_step(machine, &run->phases->step, shapes, err);
	if (status == SNNFIT_OK)
		status = sight_learn(&block.sight, machine, err);
	if (status == SNNFIT_OK)
		reuse_learn(run->reuse, machine);
	machine->tap = NULL;
	repeats_close(&block.repeats, machine);
	ahead_close(&block.ahead);
	sight_close(&block.sight);
	return status == SNNFIT_OK ? learn_classes(network, machine, err) : status;
}

static snnfit_status
run_blocks(struct network *network, const struct phases *phases, struct reuse *reuse,
	   uint32_t block_samples, snnfit_error *err)
{
	struct run run = {
		.network = network, .phases = phases, .reuse = reuse, .block_samples = block_samples
	};

	run.blocks = (network->samples + block_samples - 1) / block_samples;
	watches_reset(network);
	network->synaptic_operations = 0;
	if (pthread_mutex_init(&run.lock, NULL) != 0)
		return error_no_memory(err);
	if (pthread_cond_init(&run.turn, NULL) != 0) {
		(void)pthread_mutex_destroy(&run.lock);
		return error_no_memory(err);
	}
	run_threads(&run);
	(void)pthread_cond_destroy(&run.turn);
	(void)pthread_mutex_destroy(&run.lock);
	return run.status == SNNFIT_OK ? SNNFIT_OK : error_set(err, run.status, "%s", run.err.text);
}

/* Slots that a step leaves behind, malloc'd; NULL when out of memory. The last bits_count of
 * them may be bits. */
static uint32_t *
list_kept(const struct network *network, const struct reuse *reuse, uint32_t *count,
	  uint32_t *bits_count)
{
	uint32_t more = watches_slots(network, NULL) + reuse_wanted(reuse, NULL);
	uint32_t *kept = calloc(network->state_count + more + 1, sizeof *kept), i;

	*bits_count = more;
	*count = 0;
	for (i = 0; kept && i < network->state_count; i++)
		kept[(*count)++] = network->states[i].output;
	if (kept) {
		kept[(*count)++] = network->output;
		*count += watches_slots(network, kept + *count);
		*count += reuse_wanted(reuse, kept + *count);
	}
	return kept;
}

static snnfit_status
find_phases(const struct network *network, const struct reuse *reuse, struct phases *phases,
	    const uint32_t *kept, uint32_t kept_count, snnfit_error *err)
{
	uint32_t inputs = encoding_is_constant(network) ? 0 : network->input_count;
	uint32_t all = inputs + network->state_count + reuse_given(reuse, NULL);
	uint32_t *varying = calloc(all + 1, sizeof *varying);
	struct phase_slots slots = { .varying = varying,
				     .kept = kept,
				     .varying_count = all,
				     .kept_count = kept_count,
				     .given = reuse->given,
				     .needed = reuse->needed };
	snnfit_status status;
	uint32_t i, n = 0;

	if (!varying)
		return error_no_memory(err);
	for (i = 0; i < inputs; i++)
		varying[n++] = network->inputs[i].slot;
	for (i = 0; i < network->state_count; i++)
		varying[n++] = network->states[i].input;
	(void)reuse_given(reuse, varying + n);
	status = phases_find(phases, network->plan, &slots, err);
	free(varying);
	return status;
}

/* The phases, with tapes in the shapes that the first sample shows. */
static snnfit_status
make_ready(struct network *network, struct phases *phases, struct reuse *reuse, snnfit_error *err)
{
	struct run run = { .network = network, .phases = phases, .reuse = reuse };
	struct machine machine = { .slots = NULL };
	struct slot_shape *shapes = calloc(network->plan->slot_count, sizeof *shapes);
	uint32_t kept_count, bits_count;
	uint32_t *kept = list_kept(network, reuse, &kept_count, &bits_count);
	snnfit_status status = SNNFIT_OK;

	if (!shapes || !kept)
		status = error_no_memory(err);
	if (status == SNNFIT_OK)
		status = find_phases(network, reuse, phases, kept, kept_count, err);
	if (status == SNNFIT_OK)
		status = machine_init(&machine, network->plan, 1, 0, err);
	if (status == SNNFIT_OK)
		status = learn_shapes(&run, &machine, shapes, err);
	if (status == SNNFIT_OK)
		status = tapes_make(phases, network->plan, shapes, kept, kept_count, bits_count,
				    err);
	if (status == SNNFIT_OK)
		status = repeats_find(phases, network, kept, kept_count, err);
	machine_free(&machine);
	free(shapes);
	free(kept);
	return status == SNNFIT_OK ? watches_ready(network, err) : status;
}

/* Does not depend on the threads. */
static uint32_t
choose_block(const struct network *network)
{
	uint64_t weights = 0, most = network->samples / BLOCKS_LEAST;
	size_t i;

	for (i = 0; i < network->plan->packing_count; i++)
		weights += network->plan->packings[i].memory.count * sizeof(float);
	if (weights <= WEIGHTS_NEAR || most <= BLOCK_SAMPLES)
		return BLOCK_SAMPLES;
	return most < BLOCK_SAMPLES_MOST ? (uint32_t)most : BLOCK_SAMPLES_MOST;
}

snnfit_status
network_run(struct network *network, snnfit_error *err)
{
	struct phases phases = { .fixed = { .nodes = NULL } };
	struct reuse reuse;
	snnfit_status status = reuse_open(&reuse, network, err);

	if (status == SNNFIT_OK)
		status = make_ready(network, &phases, &reuse, err);
	if (status == SNNFIT_OK) {
		network->scores = calloc(network->samples * network->classes,
					 sizeof *network->scores);
		if (!network->scores)
			status = error_no_memory(err);
	}
	if (status == SNNFIT_OK) {
		status = run_blocks(network, &phases, &reuse, choose_block(network), err);
		/* What decides about shapes may differ between samples: one at a time then. */
		if (status == SNNFIT_EUNSUPPORTED)
			status = run_blocks(network, &phases, &reuse, 1, err);
	}
	phases_free(&phases);
	reuse_close(&reuse, status == SNNFIT_OK);
	return status;
}

void
network_free(struct network *network)
{
	watches_free(network);
	free(network->scores);
}
