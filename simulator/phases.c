#include "simulator/phases.h"

#include "simulator/operators.h"
#include "simulator/upstream.h"

#include <stdlib.h>
#include <string.h>

/* Random numbers are new in each step. */
static bool
node_varies(const struct plan_node *node, const bool *varies)
{
	uint32_t i;

	if (node->operator->flags & OPERATOR_RANDOM)
		return true;
	for (i = 0; i < node->input_count; i++)
		if (varies[node->inputs[i]])
			return true;
	for (i = 0; i < node->read_count; i++)
		if (varies[node->reads[i]])
			return true;
	return false;
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
allocate(struct phases *phases, const struct plan_graph *graph)
{
	uint32_t i;
	struct plan_graph *parts[2] = { &phases->fixed, &phases->step };

	for (i = 0; i < 2; i++) {
		parts[i]->nodes = arena_alloc(&phases->arena, graph->node_count,
					      sizeof *parts[i]->nodes);
		if (!parts[i]->nodes)
			return false;
	}
	return true;
}

/* What a part must leave behind: what is kept, and, of the fixed part, everything
 * that a step reads. */
static snnfit_status
set_outputs(struct phases *phases, struct plan_graph *part, const bool *wanted, uint32_t slot_count,
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
	return SNNFIT_OK;
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

static snnfit_status
divide(struct phases *out, const struct plan *plan, const struct phase_slots *slots, bool *varies,
       bool *wanted, snnfit_error *err)
{
	const struct plan_graph *graph = &plan->graph;
	snnfit_status status;
	uint32_t i, k;

	for (i = 0; i < graph->node_count; i++) {
		const struct plan_node *node = &graph->nodes[i];
		bool step = node_varies(node, varies);

		if (slots->needed && !upstream_runs(node, slots->given, slots->needed))
			continue;
		add_node(step ? &out->step : &out->fixed, node);
		for (k = 0; k < node->output_count && step; k++)
			varies[node->outputs[k]] = node->outputs[k] != SLOT_NONE;
	}
	status = set_outputs(out, &out->step, wanted, plan->slot_count, err);
	mark_reads(&out->step, wanted);
	if (status == SNNFIT_OK)
		status = set_outputs(out, &out->fixed, wanted, plan->slot_count, err);
	if (status == SNNFIT_OK)
		status = graph_lifetimes(&out->arena, &out->step, plan->slot_count, err);
	if (status == SNNFIT_OK)
		status = graph_lifetimes(&out->arena, &out->fixed, plan->slot_count, err);
	return status;
}

snnfit_status
phases_find(struct phases *out, const struct plan *plan, const struct phase_slots *slots,
	    snnfit_error *err)
{
	bool *varies = calloc(plan->slot_count, sizeof *varies);
	bool *wanted = calloc(plan->slot_count, sizeof *wanted);
	snnfit_status status;
	uint32_t i;

	*out = (struct phases){ .fixed = { .nodes = NULL } };
	if (!varies || !wanted || !allocate(out, &plan->graph)) {
		status = error_no_memory(err);
	} else {
		for (i = 0; i < slots->varying_count; i++)
			varies[slots->varying[i]] = true;
		for (i = 0; i < slots->kept_count; i++)
			wanted[slots->kept[i]] = true;
		status = divide(out, plan, slots, varies, wanted, err);
	}
	free(varies);
	free(wanted);
	return status;
}

void
phases_free(struct phases *phases)
{
	arena_free(&phases->arena);
}
