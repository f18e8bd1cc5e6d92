#include "simulator/control.h"

#include "simulator/shape.h"

#include <stdlib.h>
#include <string.h>

/* What is decided must be decided alike for all samples. */
static snnfit_status
read_condition(struct call *call, const struct tensor *condition, bool *out)
{
	const uint8_t *values = condition->data;
	uint32_t lane;

	if (condition->type != TYPE_BOOL || condition->count != 1)
		return call_fail(call, SNNFIT_EFORMAT, "its condition is not one bool");
	*out = values[0] != 0;
	for (lane = 1; condition->laned && lane < call->lanes; lane++)
		if ((values[lane] != 0) != *out)
			return call_fail(call, SNNFIT_EUNSUPPORTED,
					 "its condition differs between samples");
	return SNNFIT_OK;
}

static const struct plan_graph *
body_named(const struct plan_node *node, const char *name)
{
	uint32_t i;

	for (i = 0; i < node->body_count; i++)
		if (!strcmp(node->body_names[i], name))
			return node->bodies[i];
	return NULL;
}

/* The result of a body; it may be a constant, or something from outside. */
static struct tensor
body_output(const struct call *call, const struct plan_graph *body, uint32_t i)
{
	return tensor_share(&call->machine->slots[body->outputs[i]]);
}

static void
release_outputs(struct call *call, const struct plan_graph *body)
{
	uint32_t i;

	for (i = 0; i < body->output_count; i++)
		if (call->machine->plan->constants[body->outputs[i]].type == TYPE_NONE &&
		    body->output_is_own[i])
			tensor_release(&call->machine->slots[body->outputs[i]],
				       &call->machine->pool);
}

snnfit_status
run_if(struct call *call)
{
	const struct tensor *condition = call_input(call, 0);
	const struct plan_graph *body;
	bool which = false;
	uint32_t i;
	snnfit_status status;

	if (!condition)
		return call_fail(call, SNNFIT_EFORMAT, "its condition is missing");
	status = read_condition(call, condition, &which);
	if (status != SNNFIT_OK)
		return status;
	body = body_named(call->node, which ? "then_branch" : "else_branch");
	if (!body || body->output_count < call->output_count)
		return call_fail(call, SNNFIT_EFORMAT, "a branch is missing, or its outputs");
	status = machine_run(call->machine, body, call->err);
	for (i = 0; i < call->output_count && status == SNNFIT_OK; i++)
		call->outputs[i] = body_output(call, body, i);
	release_outputs(call, body);
	return status;
}

/* --- what iterations leave behind, one after the other ------------------------------ */

struct pile {
	struct tensor *items;
	uint32_t count, capacity;
};

static snnfit_status
pile_add(struct call *call, struct pile *pile, struct tensor item)
{
	struct tensor *grown;

	if (pile->count == pile->capacity) {
		uint32_t capacity = pile->capacity ? 2 * pile->capacity : 16;

		grown = realloc(pile->items, capacity * sizeof *grown);
		if (!grown) {
			tensor_release(&item, &call->machine->pool);
			return error_no_memory(call->err);
		}
		pile->items = grown;
		pile->capacity = capacity;
	}
	pile->items[pile->count++] = item;
	return SNNFIT_OK;
}

/* An array that some iterations made for each sample and some for all of them is one
 * for each sample. */
static bool
pile_is_laned(const struct pile *pile)
{
	uint32_t i;

	for (i = 0; i < pile->count; i++)
		if (pile->items[i].laned)
			return true;
	return false;
}

/* As output i of the call, stacked along a new axis, from the last one if reversed. */
static snnfit_status
pile_stack(struct call *call, struct pile *pile, uint32_t output, int64_t axis, bool reversed)
{
	const struct tensor **items = malloc((pile->count ? pile->count : 1) * sizeof *items);
	struct call stacking = *call;
	snnfit_status status;
	uint32_t i;

	if (!items)
		return error_no_memory(call->err);
	for (i = 0; i < pile->count; i++)
		items[i] = &pile->items[reversed ? pile->count - 1 - i : i];
	stacking.outputs = &call->outputs[output];
	stacking.laned = pile_is_laned(pile);
	status = join_arrays(&stacking, items, pile->count, axis, true);
	free(items);
	return status;
}

static void
piles_free(struct call *call, struct pile *piles, uint32_t count)
{
	uint32_t i, k;

	for (i = 0; piles && i < count; i++) {
		for (k = 0; k < piles[i].count; k++)
			tensor_release(&piles[i].items[k], &call->machine->pool);
		free(piles[i].items);
	}
	free(piles);
}

/* --- Loop ------------------------------------------------------------------------------ */

struct loop {
	const struct plan_graph *body;
	uint32_t carried, scanned;
	struct tensor *values; /* [carried] */
	struct pile *piles;    /* [scanned] */
};

static snnfit_status
number_tensor(struct call *call, struct tensor *out, int32_t type, int64_t value)
{
	snnfit_status status = tensor_allocate(out, &call->machine->pool, type, 0, NULL, 1, false,
					       call->err);

	if (status == SNNFIT_OK)
		element_set_int(type, out->data, 0, value);
	return status;
}

static snnfit_status
loop_iteration(struct call *call, struct loop *loop, int64_t iteration, bool *go_on)
{
	const struct plan_graph *body = loop->body;
	struct machine *machine = call->machine;
	struct tensor number, condition;
	uint32_t i;
	snnfit_status status = number_tensor(call, &number, TYPE_INT64, iteration);

	if (status != SNNFIT_OK)
		return status;
	machine_set(machine, body->inputs[0], number);
	status = number_tensor(call, &condition, TYPE_BOOL, 1);
	if (status != SNNFIT_OK)
		return status;
	machine_set(machine, body->inputs[1], condition);
	for (i = 0; i < loop->carried; i++) {
		machine_set(machine, body->inputs[2 + i], loop->values[i]);
		loop->values[i] = (struct tensor){ .type = TYPE_NONE };
	}
	status = machine_run(machine, body, call->err);
	if (status == SNNFIT_OK)
		status = read_condition(call, &machine->slots[body->outputs[0]], go_on);
	for (i = 0; i < loop->carried && status == SNNFIT_OK; i++)
		loop->values[i] = body_output(call, body, 1 + i);
	for (i = 0; i < loop->scanned && status == SNNFIT_OK; i++)
		status = pile_add(call, &loop->piles[i],
				  body_output(call, body, 1 + loop->carried + i));
	release_outputs(call, body);
	return status;
}

static snnfit_status
loop_run(struct call *call, struct loop *loop, int64_t trips, bool go_on)
{
	snnfit_status status = SNNFIT_OK;
	int64_t i;
	uint32_t k;

	for (i = 0; i < trips && go_on && status == SNNFIT_OK; i++) {
		if (i == MACHINE_ITERATIONS_MAX)
			return call_fail(call, SNNFIT_ELIMIT, "more than %d iterations",
					 MACHINE_ITERATIONS_MAX);
		status = loop_iteration(call, loop, i, &go_on);
	}
	for (k = 0; k < loop->carried && status == SNNFIT_OK; k++) {
		call->outputs[k] = loop->values[k];
		loop->values[k] = (struct tensor){ .type = TYPE_NONE };
	}
	for (k = 0; k < loop->scanned && status == SNNFIT_OK; k++)
		status = pile_stack(call, &loop->piles[k], loop->carried + k, 0, false);
	return status;
}

snnfit_status
run_loop(struct call *call)
{
	struct loop loop = { .body = body_named(call->node, "body") };
	const struct tensor *condition = call_input(call, 1);
	int64_t trips = INT64_MAX;
	bool go_on = true;
	uint32_t i;
	snnfit_status status = call_int(call, 0, INT64_MAX, &trips);

	if (status == SNNFIT_OK && condition)
		status = read_condition(call, condition, &go_on);
	if (status != SNNFIT_OK)
		return status;
	loop.carried = call->input_count > 2 ? call->input_count - 2 : 0;
	if (!loop.body || loop.body->input_count != 2 + loop.carried ||
	    loop.body->output_count < 1 + loop.carried ||
	    call->output_count != loop.body->output_count - 1)
		return call_fail(call, SNNFIT_EFORMAT, "its body has other inputs or outputs");
	loop.scanned = call->output_count - loop.carried;
	loop.values = calloc(loop.carried + 1, sizeof *loop.values);
	loop.piles = calloc(loop.scanned + 1, sizeof *loop.piles);
	if (!loop.values || !loop.piles)
		status = error_no_memory(call->err);
	for (i = 0; i < loop.carried && status == SNNFIT_OK; i++)
		if (call->inputs[2 + i])
			loop.values[i] = tensor_share(call->inputs[2 + i]);
	if (status == SNNFIT_OK)
		status = loop_run(call, &loop, trips, go_on);
	for (i = 0; loop.values && i < loop.carried; i++)
		tensor_release(&loop.values[i], &call->machine->pool);
	free(loop.values);
	piles_free(call, loop.piles, loop.scanned);
	return status;
}

/* --- Scan -------------------------------------------------------------------------------- */

struct scan {
	const struct plan_graph *body;
	uint32_t states, inputs, outputs;
	int64_t steps;
	struct tensor *values; /* [states] */
	struct pile *piles;    /* [outputs] */
};

static int64_t
list_at(const struct plan_node *node, const char *name, uint32_t i)
{
	const Onnx__AttributeProto *list = node_attribute(node, name);

	return list && i < list->n_ints ? list->ints[i] : 0;
}

/* Element `step` along an axis of input i of those scanned. */
static snnfit_status
scan_slice(struct call *call, const struct scan *scan, uint32_t i, int64_t step, struct tensor *out)
{
	const struct tensor *x = call->inputs[scan->states + i];
	int64_t axis = list_at(call->node, "scan_input_axes", i);
	uint64_t dims[TENSOR_DIMS_MAX], outer, inner, lane, row, lanes = x->laned ? call->lanes : 1;
	size_t bytes = type_bytes(x->type);
	snnfit_status status;

	axis += axis < 0 ? x->rank : 0;
	if (list_at(call->node, "scan_input_directions", i))
		step = scan->steps - 1 - step;
	memcpy(dims, x->dims, (size_t)axis * sizeof *dims);
	memcpy(dims + axis, x->dims + axis + 1, (x->rank - 1 - (size_t)axis) * sizeof *dims);
	status = tensor_allocate(out, &call->machine->pool, x->type, x->rank - 1, dims, call->lanes,
				 x->laned, call->err);
	if (status != SNNFIT_OK)
		return status;
	outer = dims_product(x->dims, 0, (uint32_t)axis);
	inner = dims_product(x->dims, (uint32_t)axis + 1, x->rank) * bytes;
	for (lane = 0; lane < lanes; lane++)
		for (row = 0; row < outer; row++)
			memcpy((char *)out->data + (lane * outer + row) * inner,
			       (const char *)x->data + lane * x->count * bytes +
				       (row * x->dims[axis] + (uint64_t)step) * inner,
			       (size_t)inner);
	return SNNFIT_OK;
}

static snnfit_status
scan_iteration(struct call *call, struct scan *scan, int64_t step)
{
	const struct plan_graph *body = scan->body;
	struct machine *machine = call->machine;
	snnfit_status status = SNNFIT_OK;
	struct tensor slice;
	uint32_t i;

	for (i = 0; i < scan->states; i++) {
		machine_set(machine, body->inputs[i], scan->values[i]);
		scan->values[i] = (struct tensor){ .type = TYPE_NONE };
	}
	for (i = 0; i < scan->inputs && status == SNNFIT_OK; i++) {
		status = scan_slice(call, scan, i, step, &slice);
		if (status == SNNFIT_OK)
			machine_set(machine, body->inputs[scan->states + i], slice);
	}
	if (status == SNNFIT_OK)
		status = machine_run(machine, body, call->err);
	for (i = 0; i < scan->states && status == SNNFIT_OK; i++)
		scan->values[i] = body_output(call, body, i);
	for (i = 0; i < scan->outputs && status == SNNFIT_OK; i++)
		status = pile_add(call, &scan->piles[i], body_output(call, body, scan->states + i));
	release_outputs(call, body);
	return status;
}

static snnfit_status
scan_run(struct call *call, struct scan *scan)
{
	snnfit_status status = SNNFIT_OK;
	int64_t step;
	uint32_t i;

	for (step = 0; step < scan->steps && status == SNNFIT_OK; step++)
		status = scan_iteration(call, scan, step);
	for (i = 0; i < scan->states && status == SNNFIT_OK; i++) {
		call->outputs[i] = scan->values[i];
		scan->values[i] = (struct tensor){ .type = TYPE_NONE };
	}
	for (i = 0; i < scan->outputs && status == SNNFIT_OK; i++)
		status = pile_stack(call, &scan->piles[i], scan->states + i,
				    list_at(call->node, "scan_output_axes", i),
				    list_at(call->node, "scan_output_directions", i) != 0);
	return status;
}

static snnfit_status
read_scan(struct call *call, struct scan *scan)
{
	uint32_t i;

	scan->body = body_named(call->node, "body");
	scan->inputs = (uint32_t)node_int(call->node, "num_scan_inputs", 0);
	if (call->node->version < 9)
		return call_fail(call, SNNFIT_EUNSUPPORTED, "the form of it before version 9");
	if (!scan->body || scan->inputs == 0 || scan->inputs > call->input_count)
		return call_fail(call, SNNFIT_EFORMAT, "no body, or nothing to scan");
	scan->states = call->input_count - scan->inputs;
	if (scan->body->input_count != call->input_count || call->output_count < scan->states ||
	    scan->body->output_count != call->output_count)
		return call_fail(call, SNNFIT_EFORMAT, "its body has other inputs or outputs");
	scan->outputs = call->output_count - scan->states;
	for (i = 0; i < scan->inputs; i++) {
		const struct tensor *x = call->inputs[scan->states + i];
		int64_t axis = list_at(call->node, "scan_input_axes", i);

		if (!x || x->type == TYPE_NONE || !axis_normalize(&axis, x->rank))
			return call_fail(call, SNNFIT_EFORMAT, "an axis that it does not have");
		if (i && x->dims[axis] != (uint64_t)scan->steps)
			return call_fail(call, SNNFIT_EUNSUPPORTED, "inputs of different lengths");
		if (x->dims[axis] > MACHINE_ITERATIONS_MAX)
			return call_fail(call, SNNFIT_ELIMIT, "more than %d iterations",
					 MACHINE_ITERATIONS_MAX);
		scan->steps = (int64_t)x->dims[axis];
	}
	return SNNFIT_OK;
}

snnfit_status
run_scan(struct call *call)
{
	struct scan scan = { .steps = 0 };
	uint32_t i;
	snnfit_status status = read_scan(call, &scan);

	if (status != SNNFIT_OK)
		return status;
	scan.values = calloc(scan.states + 1, sizeof *scan.values);
	scan.piles = calloc(scan.outputs + 1, sizeof *scan.piles);
	if (!scan.values || !scan.piles)
		status = error_no_memory(call->err);
	for (i = 0; i < scan.states && status == SNNFIT_OK; i++)
		if (call->inputs[i])
			scan.values[i] = tensor_share(call->inputs[i]);
	if (status == SNNFIT_OK)
		status = scan_run(call, &scan);
	for (i = 0; scan.values && i < scan.states; i++)
		tensor_release(&scan.values[i], &call->machine->pool);
	free(scan.values);
	piles_free(call, scan.piles, scan.outputs);
	return status;
}
