#include "simulator/ahead.h"

enum {
	ROWS_ENOUGH = 256,	   /* of a product: more would not be cheaper a row */
	ELEMENTS_ENOUGH = 1 << 18, /* of spikes: images have rows enough in them */
};

snnfit_status
ahead_open(struct ahead *ahead, const struct phases *phases, const struct reuse *reuse,
	   uint32_t steps_at_once, snnfit_error *err)
{
	*ahead = (struct ahead){ .phases = phases, .reuse = reuse, .steps_at_once = steps_at_once };
	return machine_init(&ahead->machine, reuse->network->plan, 1, 0, err);
}

void
ahead_close(struct ahead *ahead)
{
	if (ahead->machine.plan)
		machine_free(&ahead->machine);
}

void
ahead_begin(struct ahead *ahead, uint64_t sample, uint32_t lanes)
{
	ahead->sample = sample;
	ahead->lanes = lanes;
	ahead->first = 0;
	ahead->steps = 0;
}

/* Parts of the steps of about one size. */
static uint32_t
steps_from(const struct ahead *ahead, uint32_t step)
{
	uint32_t left = ahead->reuse->network->steps - step, most = ROWS_ENOUGH / ahead->lanes;
	uint64_t elements = ahead->elements * ahead->lanes;
	uint32_t parts;

	if (elements && most > ELEMENTS_ENOUGH / elements)
		most = (uint32_t)(ELEMENTS_ENOUGH / elements);
	if (most > ahead->steps_at_once)
		most = ahead->steps_at_once;
	if (most < 1)
		most = 1;
	parts = (left + most - 1) / most;
	return (left + parts - 1) / parts;
}

static snnfit_status
run_from(struct ahead *ahead, uint32_t step, snnfit_error *err)
{
	struct reuse_part part = { .read = ahead->phases->read_ahead,
				   .bits = ahead->phases->bits_ahead,
				   .first = ahead->sample,
				   .step = step,
				   .steps = steps_from(ahead, step) };
	snnfit_status status;

	ahead->first = step;
	ahead->steps = part.steps;
	machine_reset(&ahead->machine, ahead->lanes * ahead->steps);
	status = reuse_give(ahead->reuse, &ahead->machine, &part, err);
	return status == SNNFIT_OK ? machine_run(&ahead->machine, &ahead->phases->ahead, err)
				   : status;
}

/* The step's part of what stands for all of them, where it lies: it stays until those of the
 * next steps are made. */
static void
hand_over(const struct ahead *ahead, struct machine *machine, uint32_t slot, uint32_t step)
{
	struct tensor tensor = ahead->machine.slots[slot];
	size_t bytes = (size_t)tensor.count * type_bytes(tensor.type);

	if (tensor.laned)
		tensor.data = (char *)tensor.data +
			      (size_t)(step - ahead->first) * ahead->lanes * bytes;
	tensor.buffer = NULL;
	tensor.sequence = NULL;
	machine_set(machine, slot, tensor);
}

snnfit_status
ahead_give(struct ahead *ahead, struct machine *machine, uint32_t step, snnfit_error *err)
{
	const struct phases *phases = ahead->phases;
	struct reuse_part part = {
		.read = phases->read_in_step, .first = ahead->sample, .step = step, .steps = 1
	};
	snnfit_status status = SNNFIT_OK;
	uint32_t i, k;

	if (phases->ahead.node_count && step >= ahead->first + ahead->steps)
		status = run_from(ahead, step, err);
	for (i = 0; i < phases->ahead.node_count; i++)
		for (k = 0; k < phases->ahead.nodes[i].output_count && status == SNNFIT_OK; k++)
			if (phases->read_in_step[phases->ahead.nodes[i].outputs[k]])
				hand_over(ahead, machine, phases->ahead.nodes[i].outputs[k], step);
	if (status == SNNFIT_OK)
		status = reuse_give(ahead->reuse, machine, &part, err);
	return status;
}
