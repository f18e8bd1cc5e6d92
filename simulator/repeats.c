#include "simulator/repeats.h"

#include "simulator/bits.h"
#include "simulator/tape.h"

#include <stdlib.h>

/* --- which ------------------------------------------------------------------------------ */

static bool
is_made_by(const struct plan_graph *graph, uint32_t slot)
{
	uint32_t i, k;

	for (i = 0; i < graph->node_count; i++)
		for (k = 0; k < graph->nodes[i].output_count; k++)
			if (graph->nodes[i].outputs[k] == slot)
				return true;
	return false;
}

static bool
is_read_by(const struct plan_graph *graph, uint32_t slot)
{
	uint32_t i, k;

	for (i = 0; i < graph->node_count; i++) {
		for (k = 0; k < graph->nodes[i].input_count; k++)
			if (graph->nodes[i].inputs[k] == slot)
				return true;
		for (k = 0; k < graph->nodes[i].read_count; k++)
			if (graph->nodes[i].reads[k] == slot)
				return true;
	}
	return false;
}

/* One goes into the next step as the other, as it is, and no second time. */
static bool
is_fed_back(const struct network *network, uint32_t output, uint32_t input)
{
	uint32_t i, pairs = 0, others = 0;

	for (i = 0; i < network->state_count; i++) {
		const struct network_state *state = &network->states[i];

		if (state->output == output && state->input == input && state->type == TYPE_FLOAT)
			pairs++;
		else
			others += state->output == output || state->input == input;
	}
	return pairs == 1 && others == 0;
}

static bool
can_repeat(const struct phases *phases, const struct network *network, const struct plan_node *node,
	   const uint32_t *kept, uint32_t kept_count)
{
	const struct tape *tape = node->tape;
	uint32_t membrane, i, asked = 0;

	if (!tape || !tape->can_repeat || !tape->can_overwrite || node->output_count != 2)
		return false;
	membrane = node->outputs[tape->overwritten[1]];
	for (i = 0; i < kept_count; i++)
		asked += kept[i] == membrane;
	/* as the state, by nobody else: the membranes of steps in between are never there */
	return asked == 1 && !is_read_by(&phases->step, membrane) &&
	       is_made_by(&phases->fixed, node->inputs[tape->drive]) &&
	       is_fed_back(network, membrane, node->inputs[tape->overwritten[0]]);
}

static snnfit_status
finish_part(struct phases *phases, struct plan_graph *part, uint32_t slot_count, snnfit_error *err)
{
	uint32_t i;

	for (i = 0; i < part->node_count; i++) {
		part->nodes[i].releases = NULL;
		part->nodes[i].release_count = 0;
	}
	return graph_lifetimes(&phases->arena, part, slot_count, err);
}

/* All that they make stays. */
static bool
keep_outputs(struct phases *phases, struct plan_graph *part)
{
	uint32_t i, k;

	part->outputs = arena_alloc(&phases->arena, 2 * part->node_count, sizeof *part->outputs);
	part->output_is_own = arena_zalloc(&phases->arena, 2 * part->node_count,
					   sizeof *part->output_is_own);
	for (i = 0; i < part->node_count && part->outputs; i++)
		for (k = 0; k < part->nodes[i].output_count; k++)
			part->outputs[part->output_count++] = part->nodes[i].outputs[k];
	return part->outputs && part->output_is_own;
}

snnfit_status
repeats_find(struct phases *phases, const struct network *network, const uint32_t *kept,
	     uint32_t kept_count, snnfit_error *err)
{
	struct plan_graph *step = &phases->step, *repeated = &phases->repeated;
	uint32_t i, left = 0, slots = network->plan->slot_count;
	bool *repeats = calloc(step->node_count + 1, sizeof *repeats);
	snnfit_status status;

	if (!repeats)
		return error_no_memory(err);
	for (i = 0; i < step->node_count; i++) {
		repeats[i] = can_repeat(phases, network, &step->nodes[i], kept, kept_count);
		repeated->node_count += repeats[i];
	}
	if (repeated->node_count == 0) {
		free(repeats);
		return SNNFIT_OK;
	}
	repeated->nodes = arena_alloc(&phases->arena, repeated->node_count,
				      sizeof *repeated->nodes);
	repeated->node_count = 0;
	for (i = 0; i < step->node_count && repeated->nodes; i++)
		if (repeats[i])
			repeated->nodes[repeated->node_count++] = step->nodes[i];
		else
			step->nodes[left++] = step->nodes[i];
	free(repeats);
	if (!repeated->nodes || !keep_outputs(phases, repeated))
		return error_no_memory(err);
	step->node_count = left;
	status = finish_part(phases, step, slots, err);
	return status == SNNFIT_OK ? finish_part(phases, repeated, slots, err) : status;
}

/* --- running ------------------------------------------------------------------------------ */

snnfit_status
repeats_open(struct repeats *repeats, const struct phases *phases, snnfit_error *err)
{
	*repeats = (struct repeats){ .graph = &phases->repeated };
	repeats->spikes = calloc(phases->repeated.node_count + 1, sizeof *repeats->spikes);
	return repeats->spikes ? SNNFIT_OK : error_no_memory(err);
}

static uint32_t
spikes_slot(const struct plan_node *node)
{
	return node->outputs[node->tape->stores[0].output];
}

/* Those of earlier steps, here and in the machine: the next ones can have their memory. */
static void
forget(struct repeats *repeats, struct machine *machine)
{
	const struct tensor none = { .type = TYPE_NONE };
	uint32_t i;

	for (i = 0; i < repeats->graph->node_count; i++) {
		tensor_release(&repeats->spikes[i], &machine->pool);
		machine_set(machine, spikes_slot(&repeats->graph->nodes[i]), none);
	}
}

void
repeats_close(struct repeats *repeats, struct machine *machine)
{
	uint32_t i;

	for (i = 0; repeats->spikes && i < repeats->graph->node_count; i++)
		tensor_release(&repeats->spikes[i], &machine->pool);
	free(repeats->spikes);
}

void
repeats_begin(struct repeats *repeats)
{
	repeats->first = repeats->steps = 0;
}

/* Tapes that run node by node make one step. */
static bool
tapes_hold(const struct repeats *repeats, const struct machine *machine)
{
	uint32_t i;

	for (i = 0; i < repeats->graph->node_count; i++)
		if (!tape_shapes_hold(machine, &repeats->graph->nodes[i]))
			return false;
	return true;
}

/* Parts of the steps that are left, of about one size. */
static uint32_t
steps_of_part(uint32_t left)
{
	uint32_t parts = (left + TAPE_STEPS_MAX - 1) / TAPE_STEPS_MAX;

	return (left + parts - 1) / parts;
}

static snnfit_status
run_part(struct repeats *repeats, struct machine *machine, uint32_t step, uint32_t steps,
	 snnfit_error *err)
{
	snnfit_status status;
	uint32_t i;

	repeats->first = step;
	repeats->steps = tapes_hold(repeats, machine) ? steps_of_part(steps - step) : 1;
	forget(repeats, machine);
	machine->steps = repeats->steps;
	status = machine_run(machine, repeats->graph, err);
	machine->steps = 1;
	for (i = 0; i < repeats->graph->node_count && status == SNNFIT_OK; i++)
		repeats->spikes[i] = tensor_share(
			&machine->slots[spikes_slot(&repeats->graph->nodes[i])]);
	return status;
}

snnfit_status
repeats_give(struct repeats *repeats, struct machine *machine, uint32_t step, uint32_t steps,
	     snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	if (repeats->graph->node_count == 0)
		return SNNFIT_OK;
	if (step >= repeats->first + repeats->steps)
		status = run_part(repeats, machine, step, steps, err);
	for (i = 0; i < repeats->graph->node_count && status == SNNFIT_OK; i++) {
		struct tensor spikes = tensor_share(&repeats->spikes[i]);

		if (step > repeats->first)
			spikes.data = (uint64_t *)spikes.data + (step - repeats->first) *
									machine->lanes *
									bit_words(spikes.count);
		machine_set(machine, spikes_slot(&repeats->graph->nodes[i]), spikes);
	}
	return status;
}
