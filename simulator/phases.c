#include "simulator/phases.h"

#include "simulator/operators.h"
#include "simulator/upstream.h"

#include <stdlib.h>
#include <string.h>

/* When a value is there: the later, the larger. */
enum when { FIXED, AHEAD, STEP };

static enum when
when_read(const struct plan_node *node, const uint8_t *when)
{
	enum when latest = FIXED;
	uint32_t i;

	for (i = 0; i < node->input_count; i++)
		if (when[node->inputs[i]] > latest)
			latest = when[node->inputs[i]];
	for (i = 0; i < node->read_count; i++)
		if (when[node->reads[i]] > latest)
			latest = when[node->reads[i]];
	return latest;
}

/* What was made for each sample is there once, not for each of the steps side by side. */
static bool
can_go_ahead(const struct plan *plan, const struct plan_node *node, const uint8_t *when)
{
	uint32_t i;

	for (i = 0; i < node->input_count; i++)
		if (node->inputs[i] != SLOT_NONE && when[node->inputs[i]] == FIXED &&
		    plan->constants[node->inputs[i]].type == TYPE_NONE)
			return false;
	return node->body_count == 0;
}

/* Random numbers are new in each step. */
static enum when
when_run(const struct plan *plan, const struct plan_node *node, const uint8_t *when)
{
	enum when latest = when_read(node, when);

	if (node->operator->flags & OPERATOR_RANDOM)
		return STEP;
	return latest == AHEAD && !can_go_ahead(plan, node, when) ? STEP : latest;
}

static void
add_node(struct plan_graph *graph, const struct plan_node *node)
{
	struct plan_node *copy = &graph->nodes[graph->node_count++];

	*copy = *node;
	copy->releases = NULL;
	copy->release_count = 0;
}

static bool
allocate(struct phases *phases, const struct plan *plan)
{
	struct plan_graph *parts[] = { &phases->fixed, &phases->ahead, &phases->step };
	uint32_t i;

	for (i = 0; i < sizeof parts / sizeof *parts; i++) {
		parts[i]->nodes = arena_alloc(&phases->arena, plan->graph.node_count,
					      sizeof *parts[i]->nodes);
		if (!parts[i]->nodes)
			return false;
	}
	phases->read_ahead = arena_zalloc(&phases->arena, plan->slot_count, sizeof(bool));
	phases->read_in_step = arena_zalloc(&phases->arena, plan->slot_count, sizeof(bool));
	phases->bits_ahead = arena_zalloc(&phases->arena, plan->slot_count, sizeof(bool));
	return phases->read_ahead && phases->read_in_step && phases->bits_ahead;
}

/* What a part must leave behind, and when it can let go of the rest. */
static snnfit_status
finish_part(struct phases *phases, struct plan_graph *part, const bool *wanted, uint32_t slot_count,
	    snnfit_error *err)
{
	uint32_t i;

	part->outputs = arena_alloc(&phases->arena, slot_count, sizeof *part->outputs);
	part->output_is_own = arena_zalloc(&phases->arena, slot_count, sizeof *part->output_is_own);
	if (!part->outputs || !part->output_is_own)
		return error_no_memory(err);
	for (i = 1; i < slot_count; i++)
		if (wanted[i])
			part->outputs[part->output_count++] = i;
	return graph_lifetimes(&phases->arena, part, slot_count, err);
}

static void
mark_reads(const struct plan_graph *graph, bool *wanted)
{
	uint32_t i, k;

	for (i = 0; i < graph->node_count; i++) {
		for (k = 0; k < graph->nodes[i].input_count; k++)
			wanted[graph->nodes[i].inputs[k]] = true;
		for (k = 0; k < graph->nodes[i].read_count; k++)
			wanted[graph->nodes[i].reads[k]] = true;
	}
}

static void
divide(struct phases *out, const struct plan *plan, const struct phase_slots *slots, uint8_t *when)
{
	struct plan_graph *const parts[] = {
		[FIXED] = &out->fixed, [AHEAD] = &out->ahead, [STEP] = &out->step
	};
	const struct plan_graph *graph = &plan->graph;
	uint32_t i, k;

	for (i = 0; i < graph->node_count; i++) {
		const struct plan_node *node = &graph->nodes[i];
		enum when runs = when_run(plan, node, when);

		if (slots->needed && !upstream_runs(node, slots->given, slots->needed))
			continue;
		add_node(parts[runs], node);
		for (k = 0; k < node->output_count; k++)
			if (node->outputs[k] != SLOT_NONE)
				when[node->outputs[k]] = (uint8_t)runs;
	}
}

/* Backwards: what a node makes of bits may be bits, which its readers must take, too. A step
 * takes numbers. */
static void
find_bits(struct phases *phases, uint32_t slot_count)
{
	const struct plan_graph *graph = &phases->ahead;
	uint32_t i, k;

	for (i = 0; i < slot_count; i++)
		phases->bits_ahead[i] = true;
	for (i = graph->node_count; i-- > 0;) {
		const struct plan_node *node = &graph->nodes[i];
		uint8_t flags = node->operator->flags;
		bool takes = flags & OPERATOR_BITS;

		if (flags & OPERATOR_PASSES_BITS)
			takes = phases->bits_ahead[node->outputs[0]] &&
				!phases->read_in_step[node->outputs[0]];
		for (k = 0; k < node->input_count; k++)
			if (k > 0 || !takes)
				phases->bits_ahead[node->inputs[k]] = false;
	}
}

/* wanted: what is kept after a step. */
static snnfit_status
finish(struct phases *out, const struct plan *plan, bool *wanted, snnfit_error *err)
{
	uint32_t slots = plan->slot_count;
	snnfit_status status = finish_part(out, &out->step, wanted, slots, err);

	mark_reads(&out->step, wanted);
	memcpy(out->read_in_step, wanted, slots * sizeof *wanted);
	if (status == SNNFIT_OK)
		status = finish_part(out, &out->ahead, wanted, slots, err);
	if (status == SNNFIT_OK)
		status = finish_part(out, &out->fixed, wanted, slots, err);
	mark_reads(&out->ahead, out->read_ahead);
	find_bits(out, slots);
	return status;
}

snnfit_status
phases_find(struct phases *out, const struct plan *plan, const struct phase_slots *slots,
	    snnfit_error *err)
{
	uint8_t *when = calloc(plan->slot_count, sizeof *when);
	bool *wanted = calloc(plan->slot_count, sizeof *wanted);
	snnfit_status status;
	uint32_t i;

	*out = (struct phases){ .fixed = { .nodes = NULL } };
	if (!when || !wanted || !allocate(out, plan)) {
		status = error_no_memory(err);
	} else {
		for (i = 0; i < slots->varying_count; i++)
			when[slots->varying[i]] = STEP;
		for (i = 0; slots->given && i < plan->slot_count; i++)
			if (slots->given[i])
				when[i] = AHEAD;
		for (i = 0; i < slots->kept_count; i++)
			wanted[slots->kept[i]] = true;
		divide(out, plan, slots, when);
		status = finish(out, plan, wanted, err);
	}
	free(when);
	free(wanted);
	return status;
}

void
phases_free(struct phases *phases)
{
	arena_free(&phases->arena);
}
