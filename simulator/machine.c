#include "simulator/machine.h"

#include "simulator/operators.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t memory_limit_default = UINT64_C(64) << 30;

snnfit_status
machine_init(struct machine *machine, const struct plan *plan, uint32_t lanes,
	     uint64_t memory_limit, snnfit_error *err)
{
	*machine = (struct machine){ .plan = plan, .lanes = lanes, .steps = 1 };
	machine->pool.limit = memory_limit ? memory_limit : memory_limit_default;
	machine->slots = calloc(plan->slot_count, sizeof *machine->slots);
	if (!machine->slots)
		return error_no_memory(err);
	machine_reset(machine, lanes);
	return SNNFIT_OK;
}

/* Constants stand in their slots as arrays of somebody else's: they are neither
 * counted nor released, so threads can share them. */
void
machine_reset(struct machine *machine, uint32_t lanes)
{
	uint32_t i;

	machine->lanes = lanes;
	for (i = 0; i < machine->plan->slot_count; i++) {
		tensor_release(&machine->slots[i], &machine->pool);
		machine->slots[i] = machine->plan->constants[i];
		machine->slots[i].buffer = NULL;
	}
}

void
machine_free(struct machine *machine)
{
	uint32_t i;

	for (i = 0; machine->slots && i < machine->plan->slot_count; i++)
		tensor_release(&machine->slots[i], &machine->pool);
	free(machine->slots);
	pool_free(&machine->pool);
	*machine = (struct machine){ .slots = NULL };
}

void
machine_set(struct machine *machine, uint32_t slot, struct tensor tensor)
{
	if (slot == SLOT_NONE) {
		tensor_release(&tensor, &machine->pool);
		return;
	}
	tensor_release(&machine->slots[slot], &machine->pool);
	machine->slots[slot] = tensor;
}

snnfit_status
machine_expand(struct machine *machine, uint32_t slot, snnfit_error *err)
{
	struct tensor *tensor = &machine->slots[slot];

	return tensor->bits ? tensor_expand(tensor, &machine->pool, machine->lanes, err)
			    : SNNFIT_OK;
}

/* --- for operators ------------------------------------------------------------------ */

const struct tensor *
call_input(const struct call *call, uint32_t i)
{
	return i < call->input_count ? call->inputs[i] : NULL;
}

bool
call_wants(const struct call *call, uint32_t i)
{
	return i < call->output_count && call->node->outputs[i] != SLOT_NONE;
}

snnfit_status
call_fail(struct call *call, snnfit_status status, const char *format, ...)
{
	char label[NODE_LABEL_BYTES], text[256];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	return error_set(call->err, status, "%s: %s", plan_node_label(call->node, label), text);
}

static bool
same_shape(const struct tensor *tensor, int32_t type, uint32_t rank, const uint64_t *dims)
{
	return tensor->type == type && tensor->rank == rank &&
	       (rank == 0 || !memcmp(tensor->dims, dims, rank * sizeof *dims));
}

void *
call_output(struct call *call, uint32_t i, int32_t type, uint32_t rank, const uint64_t *dims)
{
	struct tensor *out = &call->outputs[i];

	if (call->lane == 0)
		call->status = tensor_allocate(out, &call->machine->pool, type, rank, dims,
					       call->machine->lanes, call->laned, call->err);
	else if (!same_shape(out, type, rank, dims))
		call->status = call_fail(call, SNNFIT_EUNSUPPORTED,
					 "the shape of its result differs between samples");
	if (call->status != SNNFIT_OK)
		return NULL;
	return (char *)out->data + call->lane * out->count * type_bytes(type);
}

uint64_t *
call_output_bits(struct call *call, uint32_t i, uint32_t rank, const uint64_t *dims)
{
	struct tensor *out = &call->outputs[i];

	call->status = tensor_allocate_bits(out, &call->machine->pool, rank, dims,
					    call->machine->lanes * call->machine->steps,
					    call->laned, call->err);
	return call->status == SNNFIT_OK ? out->data : NULL;
}

snnfit_status
call_expand(struct call *call, uint32_t i)
{
	return machine_expand(call->machine, call->node->inputs[i], call->err);
}

snnfit_status
call_alias(struct call *call, uint32_t i, const struct tensor *tensor, uint32_t rank,
	   const uint64_t *dims)
{
	struct tensor *out = &call->outputs[i];

	*out = tensor_share(tensor);
	out->rank = rank;
	if (rank)
		memmove(out->dims, dims, rank * sizeof *dims);
	return SNNFIT_OK;
}

void *
call_scratch(struct call *call, struct tensor *scratch, uint64_t bytes)
{
	call->status = tensor_allocate(scratch, &call->machine->pool, TYPE_UINT8, 1, &bytes, 1,
				       false, call->err);
	return call->status == SNNFIT_OK ? scratch->data : NULL;
}

void
call_scratch_free(struct call *call, struct tensor *scratch)
{
	tensor_release(scratch, &call->machine->pool);
}

bool
axis_normalize(int64_t *axis, uint32_t rank)
{
	if (*axis < -(int64_t)rank || *axis >= (int64_t)rank)
		return false;
	if (*axis < 0)
		*axis += rank;
	return true;
}

/* What decides about shapes or control flow must be the same for all samples. */
static bool
lanes_agree(const struct machine *machine, const struct tensor *tensor)
{
	size_t bytes = (size_t)tensor->count * type_bytes(tensor->type);
	uint32_t lane;

	for (lane = 1; tensor->laned && lane < machine->lanes; lane++)
		if (memcmp(tensor->data, (char *)tensor->data + lane * bytes, bytes) != 0)
			return false;
	return true;
}

static snnfit_status
ints_of_input(struct call *call, const struct tensor *tensor, int64_t *values, uint32_t max,
	      uint32_t *count)
{
	if (tensor->count > max)
		return call_fail(call, SNNFIT_EUNSUPPORTED, "a list of over %u numbers", max);
	if (call->lanes > 1 && !lanes_agree(call->machine, tensor))
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "the shape of its result differs between samples");
	*count = (uint32_t)tensor->count;
	elements_to_int(tensor->type, tensor->data, 0, tensor->count, values);
	return SNNFIT_OK;
}

snnfit_status
call_ints(struct call *call, uint32_t i, const char *attribute, int64_t *values, uint32_t max,
	  uint32_t *count, bool *given)
{
	const struct tensor *tensor = call_input(call, i);
	const Onnx__AttributeProto *list;

	*given = true;
	if (tensor)
		return ints_of_input(call, tensor, values, max, count);
	list = attribute ? node_attribute(call->node, attribute) : NULL;
	*count = 0;
	*given = list != NULL;
	if (!list)
		return SNNFIT_OK;
	if (list->n_ints > max)
		return call_fail(call, SNNFIT_EUNSUPPORTED, "a list of over %u numbers", max);
	*count = (uint32_t)list->n_ints;
	if (*count)
		memcpy(values, list->ints, *count * sizeof *values);
	return SNNFIT_OK;
}

snnfit_status
call_int(struct call *call, uint32_t i, int64_t fallback, int64_t *value)
{
	uint32_t count = 0;
	bool given;
	snnfit_status status;

	*value = fallback;
	if (!call_input(call, i))
		return SNNFIT_OK;
	status = call_ints(call, i, NULL, value, 1, &count, &given);
	if (status == SNNFIT_OK && count != 1)
		return call_fail(call, SNNFIT_EFORMAT, "input %u is not one number", i);
	return status;
}

/* --- running ------------------------------------------------------------------------- */

enum { FEW = 16 };

snnfit_status
call_by_lane(struct call *call)
{
	const struct tensor *few_inputs[FEW], **inputs = few_inputs, **all = call->inputs;
	struct tensor few_views[FEW], *views = few_views;
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	if (call->input_count > FEW) {
		inputs = malloc(call->input_count * sizeof *inputs);
		views = malloc(call->input_count * sizeof *views);
	}
	if (!inputs || !views)
		status = error_no_memory(call->err);
	call->lanes = 1;
	for (call->lane = 0; call->lane < call->machine->lanes && status == SNNFIT_OK;
	     call->lane++) {
		for (i = 0; i < call->input_count; i++) {
			inputs[i] = all[i];
			if (!all[i] || !all[i]->laned)
				continue;
			views[i] = *all[i];
			views[i].laned = false;
			views[i].data = (char *)all[i]->data +
					call->lane * all[i]->count * type_bytes(all[i]->type);
			inputs[i] = &views[i];
		}
		call->inputs = inputs;
		status = call->node->operator->run(call);
	}
	call->inputs = all;
	if (inputs != few_inputs)
		free(inputs);
	if (views != few_views)
		free(views);
	return status;
}

static snnfit_status
run_call(struct call *call)
{
	const struct plan_node *node = call->node;
	uint32_t i;

	for (i = 0; i < node->input_count; i++) {
		const struct tensor *tensor = &call->machine->slots[node->inputs[i]];

		call->inputs[i] = tensor->type || tensor->sequence ? tensor : NULL;
		call->laned = call->laned || (call->inputs[i] && tensor->laned);
	}
	if ((node->operator->flags & OPERATOR_LANES) || !call->laned) {
		call->lanes = call->machine->lanes;
		return node->operator->run(call);
	}
	return call_by_lane(call);
}

static snnfit_status
tell(const struct call *call)
{
	const struct machine *machine = call->machine;
	const struct machine_tap *tap = machine->tap;
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	for (i = 0; tap && i < call->node->output_count && status == SNNFIT_OK; i++) {
		uint32_t slot = call->node->outputs[i];

		if (tap->slots[slot])
			status = tap->see(tap->context, slot, &machine->slots[slot], call->err);
	}
	return status;
}

static snnfit_status
finish_call(struct call *call, snnfit_status status)
{
	struct machine *machine = call->machine;
	const struct plan_node *node = call->node;
	uint32_t i;

	for (i = 0; i < node->output_count; i++)
		if (status == SNNFIT_OK)
			machine_set(machine, node->outputs[i], call->outputs[i]);
		else
			tensor_release(&call->outputs[i], &machine->pool);
	if (status == SNNFIT_OK)
		status = tell(call);
	for (i = 0; i < node->release_count && status == SNNFIT_OK; i++)
		tensor_release(&machine->slots[node->releases[i]], &machine->pool);
	return status;
}

snnfit_status
machine_run_node(struct machine *machine, const struct plan_node *node, snnfit_error *err)
{
	const struct tensor *few_inputs[FEW];
	struct tensor few_outputs[FEW];
	struct call call = { .machine = machine, .node = node, .err = err };
	static const struct tensor none; /* see tensor_release */
	snnfit_status status;
	uint32_t i;

	call.input_count = node->input_count;
	call.output_count = node->output_count;
	call.inputs = node->input_count <= FEW ? few_inputs
					       : calloc(node->input_count, sizeof *call.inputs);
	call.outputs = node->output_count <= FEW ? few_outputs
						 : calloc(node->output_count, sizeof *call.outputs);
	for (i = 0; i < node->output_count && call.outputs == few_outputs; i++)
		few_outputs[i] = none;
	if (!call.inputs || !call.outputs) {
		status = error_no_memory(err);
	} else {
		status = finish_call(&call, run_call(&call));
	}
	if (call.inputs != few_inputs)
		free(call.inputs);
	if (call.outputs != few_outputs)
		free(call.outputs);
	return status;
}

snnfit_status
machine_run(struct machine *machine, const struct plan_graph *graph, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	for (i = 0; i < graph->node_count && status == SNNFIT_OK; i++)
		status = machine_run_node(machine, &graph->nodes[i], err);
	return status;
}
