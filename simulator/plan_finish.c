/* plan_finish.c - what is done to a plan once: constants, packed matrices, lifetimes. */
#include "simulator/plan.h"

#include "simulator/machine.h"
#include "simulator/operators.h"

#include <stdlib.h>
#include <string.h>

/* --- constants -------------------------------------------------------------------- */

static bool
is_constant(const struct plan *plan, uint32_t slot)
{
	return slot == SLOT_NONE || plan->constants[slot].type != TYPE_NONE;
}

static bool
can_fold(const struct plan *plan, const struct plan_node *node)
{
	uint32_t i;

	if (node->operator->flags &(OPERATOR_NOT_FOLDED | OPERATOR_RANDOM))
		return false;
	for (i = 0; i < node->input_count; i++)
		if (!is_constant(plan, node->inputs[i]))
			return false;
	for (i = 0; i < node->read_count; i++)
		if (!is_constant(plan, node->reads[i]))
			return false;
	return true;
}

/* The plan's constants are copies of the machine's values. */
static snnfit_status
keep_results(struct plan *plan, struct machine *machine, const struct plan_node *node,
	     snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	for (i = 0; i < node->output_count && status == SNNFIT_OK; i++) {
		const struct tensor *value = &machine->slots[node->outputs[i]];
		struct tensor *constant = &plan->constants[node->outputs[i]];

		if (node->outputs[i] == SLOT_NONE || value->type == TYPE_NONE)
			continue;
		status = tensor_allocate(constant, &plan->pool, value->type, value->rank,
					 value->dims, 1, false, err);
		if (status == SNNFIT_OK && value->count)
			memcpy(constant->data, value->data,
			       (size_t)value->count * type_bytes(value->type));
	}
	return status;
}

/* A sequence is counted by whoever shares it, which threads must not. */
static bool
makes_sequences(const struct machine *machine, const struct plan_node *node)
{
	uint32_t i;

	for (i = 0; i < node->output_count; i++)
		if (machine->slots[node->outputs[i]].sequence)
			return true;
	return false;
}

/* Takes the nodes out that depend on constants only. In a body a failure means
 * nothing: it may never run. */
static snnfit_status
fold_graph(struct plan *plan, struct machine *machine, struct plan_graph *graph, bool is_body,
	   snnfit_error *err)
{
	uint32_t i, body, kept = 0;
	snnfit_status status;

	for (i = 0; i < graph->node_count; i++) {
		struct plan_node *node = &graph->nodes[i];

		for (body = 0; body < node->body_count; body++) {
			status = fold_graph(plan, machine, node->bodies[body], true, err);
			if (status != SNNFIT_OK)
				return status;
		}
		if (!can_fold(plan, node)) {
			graph->nodes[kept++] = *node;
			continue;
		}
		status = machine_run_node(machine, node, is_body ? NULL : err);
		if (status == SNNFIT_OK ? makes_sequences(machine, node)
					: is_body && status != SNNFIT_ENOMEM) {
			graph->nodes[kept++] = *node;
			continue;
		}
		if (status == SNNFIT_OK)
			status = keep_results(plan, machine, node, err);
		if (status != SNNFIT_OK)
			return status;
	}
	graph->node_count = kept;
	return SNNFIT_OK;
}

/* --- packing ---------------------------------------------------------------------------------- */

static snnfit_status
prepare_graph(struct plan *plan, const struct plan_graph *graph, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	uint32_t i, body;

	for (i = 0; i < graph->node_count && status == SNNFIT_OK; i++) {
		const struct plan_node *node = &graph->nodes[i];

		if (node->operator->prepare)
			status = node->operator->prepare(plan, node, err);
		for (body = 0; body < node->body_count && status == SNNFIT_OK; body++)
			status = prepare_graph(plan, node->bodies[body], err);
	}
	return status;
}

const struct packed *
plan_packed(const struct plan *plan, uint32_t slot, enum packing packing, uint32_t groups)
{
	size_t i;

	for (i = 0; i < plan->packing_count; i++) {
		const struct plan_packing *at = &plan->packings[i];

		if (at->slot == slot && at->packing == packing && at->groups == groups)
			return at->matrices;
	}
	return NULL;
}

/* The matrix of a group: rows and columns, and the steps from one to the next. */
struct matrix_view {
	uint64_t rows, columns, row_stride, column_stride, group_stride;
};

static bool
view_constant(const struct tensor *constant, enum packing packing, uint32_t groups,
	      struct matrix_view *view)
{
	uint64_t outer = constant->rank ? constant->dims[0] : 0, inner;

	if (constant->type != TYPE_FLOAT || constant->count == 0 || groups == 0)
		return false;
	inner = constant->count / outer;
	if (packing == PACK_KERNELS) {
		*view = (struct matrix_view){ inner, outer / groups, 1, inner,
					      outer / groups * inner };
		return constant->rank >= 3 && outer % groups == 0;
	}
	*view = packing == PACK_PLAIN ? (struct matrix_view){ outer, inner, inner, 1, 0 }
				      : (struct matrix_view){ inner, outer, 1, inner, 0 };
	return constant->rank == 2 && groups == 1;
}

snnfit_status
plan_add_packing(struct plan *plan, uint32_t slot, enum packing packing, uint32_t groups,
		 uint64_t floats, struct plan_packing **out, snnfit_error *err)
{
	struct plan_packing made = { .slot = slot, .packing = packing, .groups = groups };
	uint64_t all = floats * groups;
	snnfit_status status;

	made.matrices = arena_zalloc(&plan->arena, groups, sizeof *made.matrices);
	if (!made.matrices || !arena_grow(&plan->arena, &plan->packings, plan->packing_count,
					  &plan->packing_capacity, sizeof *plan->packings))
		return error_no_memory(err);
	status = tensor_allocate(&made.memory, &plan->pool, TYPE_FLOAT, 1, &all, 1, false, err);
	if (status != SNNFIT_OK)
		return status;
	*out = &plan->packings[plan->packing_count++];
	**out = made;
	return SNNFIT_OK;
}

snnfit_status
plan_pack(struct plan *plan, uint32_t slot, enum packing packing, uint32_t groups,
	  snnfit_error *err)
{
	const struct tensor *constant = &plan->constants[slot];
	struct plan_packing *made;
	struct matrix_view view;
	uint64_t floats;
	snnfit_status status;
	uint32_t i;

	if (slot == SLOT_NONE || plan_packed(plan, slot, packing, groups) ||
	    !view_constant(constant, packing, groups, &view))
		return SNNFIT_OK;
	floats = packed_floats(view.rows, view.columns);
	status = plan_add_packing(plan, slot, packing, groups, floats, &made, err);
	for (i = 0; i < groups && status == SNNFIT_OK; i++)
		pack_matrix(&made->matrices[i], (float *)made->memory.data + i * floats,
			    (const float *)constant->data + i * view.group_stride, view.rows,
			    view.columns, view.row_stride, view.column_stride);
	return status;
}

/* --- lifetimes -------------------------------------------------------------------- */

enum { NOT_HERE = UINT32_MAX, KEPT = UINT32_MAX - 1 };

/* last[slot]: the node of this graph after which nobody needs it. */
static void
find_last_uses(const struct plan_graph *graph, uint32_t *last)
{
	uint32_t i, k;

	for (i = 0; i < graph->input_count; i++)
		last[graph->inputs[i]] = 0;
	for (i = 0; i < graph->node_count; i++) {
		const struct plan_node *node = &graph->nodes[i];

		for (k = 0; k < node->input_count; k++)
			if (last[node->inputs[k]] != NOT_HERE)
				last[node->inputs[k]] = i;
		for (k = 0; k < node->read_count; k++)
			if (last[node->reads[k]] != NOT_HERE)
				last[node->reads[k]] = i;
		for (k = 0; k < node->output_count; k++)
			last[node->outputs[k]] = i;
	}
	for (i = 0; i < graph->output_count; i++)
		graph->output_is_own[i] = last[graph->outputs[i]] != NOT_HERE;
	for (i = 0; i < graph->output_count; i++)
		last[graph->outputs[i]] = KEPT;
	last[SLOT_NONE] = NOT_HERE;
}

static snnfit_status
add_release(struct arena *memory, struct plan_graph *graph, uint32_t slot, uint32_t *last,
	    snnfit_error *err)
{
	struct plan_node *node;
	size_t capacity;

	if (last[slot] >= graph->node_count)
		return SNNFIT_OK;
	node = &graph->nodes[last[slot]];
	capacity = node->release_count;
	if (!arena_grow(memory, &node->releases, node->release_count, &capacity,
			sizeof *node->releases))
		return error_no_memory(err);
	node->releases[node->release_count++] = slot;
	last[slot] = NOT_HERE;
	return SNNFIT_OK;
}

snnfit_status
graph_lifetimes(struct arena *memory, struct plan_graph *graph, uint32_t slot_count,
		snnfit_error *err)
{
	uint32_t *last = malloc(slot_count * sizeof *last);
	snnfit_status status = SNNFIT_OK;
	uint32_t i, k;

	if (!last)
		return error_no_memory(err);
	memset(last, 0xff, slot_count * sizeof *last);
	find_last_uses(graph, last);
	for (i = 0; i < graph->input_count && status == SNNFIT_OK; i++)
		status = add_release(memory, graph, graph->inputs[i], last, err);
	for (i = 0; i < graph->node_count; i++)
		for (k = 0; k < graph->nodes[i].output_count && status == SNNFIT_OK; k++)
			status = add_release(memory, graph, graph->nodes[i].outputs[k], last, err);
	free(last);
	return status;
}

static snnfit_status
lifetimes_inside(struct plan *plan, struct plan_graph *graph, snnfit_error *err)
{
	snnfit_status status = graph_lifetimes(&plan->arena, graph, plan->slot_count, err);
	uint32_t i, k;

	for (i = 0; i < graph->node_count; i++)
		for (k = 0; k < graph->nodes[i].body_count && status == SNNFIT_OK; k++)
			status = lifetimes_inside(plan, graph->nodes[i].bodies[k], err);
	return status;
}

snnfit_status
plan_finish(struct plan *plan, snnfit_error *err)
{
	struct machine machine;
	snnfit_status status;

	status = machine_init(&machine, plan, 1, 0, err);
	if (status == SNNFIT_OK)
		status = fold_graph(plan, &machine, &plan->graph, false, err);
	machine_free(&machine);
	if (status == SNNFIT_OK)
		status = prepare_graph(plan, &plan->graph, err);
	if (status != SNNFIT_OK)
		return status;
	return lifetimes_inside(plan, &plan->graph, err);
}
