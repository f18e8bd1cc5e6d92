/* tape.c - compiled with -ffp-contract=off: every operation is rounded. */
#include "simulator/tape.h"

#include "simulator/vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TARGET
#define KERNEL(name) name##_plain
#include "simulator/tape_kernels.h"
#undef TARGET
#undef KERNEL

#ifdef HAVE_WIDER
#define TARGET __attribute__((target("avx2")))
#define KERNEL(name) name##_avx2
#include "simulator/tape_kernels.h"
#undef TARGET
#undef KERNEL
#endif

tape_kernel *const *
tape_kernels(void)
{
#ifdef HAVE_WIDER
	if (__builtin_cpu_supports("avx2"))
		return all_avx2;
#endif
	return all_plain;
}

/* --- one node after the other, when shapes are not what they were ------------------- */

static snnfit_status
run_nodes(struct call *call, const struct tape *tape)
{
	struct machine *machine = call->machine;
	snnfit_status status = SNNFIT_OK;
	uint32_t i, k;

	for (i = 0; i < tape->node_count && status == SNNFIT_OK; i++)
		status = machine_run_node(machine, &tape->nodes[i], call->err);
	for (i = 0; i < call->output_count && status == SNNFIT_OK; i++)
		call->outputs[i] = tensor_share(&machine->slots[call->node->outputs[i]]);
	for (i = 0; i < tape->node_count; i++)
		for (k = 0; k < tape->nodes[i].output_count; k++)
			if (tape->nodes[i].outputs[k] != SLOT_NONE)
				tensor_release(&machine->slots[tape->nodes[i].outputs[k]],
					       &machine->pool);
	return status;
}

static bool
shapes_hold(const struct call *call, const struct tape *tape)
{
	uint32_t i;

	for (i = 0; i < call->input_count; i++) {
		const struct tensor *x = call->inputs[i];
		const struct slot_shape *shape = tape->input_shapes[i];

		if (!x || x->type != shape->type || x->count != shape->count)
			return false;
	}
	return true;
}

/* --- pieces ------------------------------------------------------------------------------- */

/* A tape at work on elements [first, first + count) of a lane. */
struct piece {
	const struct call *call;
	const struct tape *tape;
	float *registers;
	uint32_t lane;
	uint64_t first, count;
	float *places[TAPE_VALUES_MAX];
	uint8_t moving[TAPE_VALUES_MAX]; /* values whose place is another one for each piece */
	uint32_t moving_count;
};

static const void *
lane_of(const struct tensor *tensor, uint32_t lane)
{
	return (const char *)tensor->data +
	       (tensor->laned ? lane * tensor->count * type_bytes(tensor->type) : 0);
}

/* The places of all values at the beginning of a lane. */
static void
place_values(struct piece *piece)
{
	const struct tape *tape = piece->tape;
	const struct call *call = piece->call;
	uint32_t i;

	piece->moving_count = 0;
	for (i = 0; i < tape->value_count; i++) {
		const struct tape_value *value = &tape->values[i];
		const void *place = value->constant;

		if (value->place == TAPE_REGISTER)
			place = piece->registers + (size_t)value->index * TAPE_PIECE;
		else if (value->place == TAPE_FLAGS) /* behind those of the steps */
			place = piece->registers +
				(size_t)(tape->register_count + value->index) * TAPE_PIECE;
		else if (value->place == TAPE_INPUT)
			place = lane_of(call->inputs[value->index], piece->lane);
		else if (value->place == TAPE_OUTPUT)
			place = lane_of(&call->outputs[value->index], piece->lane);
		piece->places[i] = (float *)(uintptr_t)place;
		if (value->place == TAPE_INPUT || value->place == TAPE_OUTPUT ||
		    value->place == TAPE_ARRAY)
			piece->moving[piece->moving_count++] = (uint8_t)i;
	}
}

static void
read_flags(struct piece *piece, uint32_t i)
{
	const struct tape_value *value = &piece->tape->values[i];
	const uint8_t *flags = (const uint8_t *)lane_of(piece->call->inputs[value->index],
							piece->lane) +
			       piece->first;
	uint64_t k;

	for (k = 0; k < piece->count; k++)
		piece->places[i][k] = flags[k] ? 1.0f : 0.0f;
}

static void
run_piece(struct piece *piece, tape_kernel *const *kernels)
{
	const struct tape *tape = piece->tape;
	uint32_t i;
	uint64_t k;

	for (i = 0; i < tape->value_count && tape->has_flags; i++)
		if (tape->values[i].place == TAPE_FLAGS)
			read_flags(piece, i);
	for (i = 0; i < tape->step_count; i++) {
		const struct tape_step *step = &tape->steps[i];

		kernels[step->operation](piece->places[step->out], piece->places[step->operands[0]],
					 piece->places[step->operands[1]],
					 piece->places[step->operands[2]], piece->count);
	}
	for (i = 0; i < tape->store_count; i++) {
		const struct tape_store *store = &tape->stores[i];
		uint8_t *to = (uint8_t *)(uintptr_t)lane_of(&piece->call->outputs[store->output],
							    piece->lane) +
			      piece->first;

		for (k = 0; k < piece->count; k++)
			to[k] = piece->places[store->value][k] != 0;
	}
	for (i = 0; i < piece->moving_count; i++)
		piece->places[piece->moving[i]] += piece->count;
}

/* Where no array is the same for all lanes, the lanes are one long array. */
static bool
lanes_are_one(const struct call *call, const struct tape *tape)
{
	uint32_t i;

	for (i = 0; i < call->input_count; i++)
		if (!call->inputs[i]->laned)
			return false;
	for (i = 0; i < tape->value_count; i++)
		if (tape->values[i].place == TAPE_ARRAY)
			return false;
	return true;
}

static void
run_pieces(struct piece *piece, uint32_t lanes, uint64_t count)
{
	tape_kernel *const *kernels = tape_kernels();

	for (piece->lane = 0; piece->lane < lanes; piece->lane++) {
		place_values(piece);
		for (piece->first = 0; piece->first < count; piece->first += TAPE_PIECE) {
			piece->count = count - piece->first < TAPE_PIECE ? count - piece->first
									 : TAPE_PIECE;
			run_piece(piece, kernels);
		}
	}
}

static snnfit_status
run_tape(struct call *call)
{
	const struct tape *tape = call->node->tape;
	struct piece piece = { .call = call, .tape = tape };
	uint64_t pieces = tape->register_count + call->input_count;
	uint32_t i, lanes = call->laned ? call->lanes : 1;
	struct tensor scratch;

	if (!shapes_hold(call, tape))
		return run_nodes(call, tape);
	for (i = 0; i < call->output_count; i++)
		if (!call_output(call, i, tape->output_types[i], tape->output_shapes[i]->rank,
				 tape->output_shapes[i]->dims))
			return call->status;
	piece.registers = call_scratch(call, &scratch, pieces * TAPE_PIECE * sizeof(float));
	if (!piece.registers)
		return call->status;
	if (lanes_are_one(call, tape))
		run_pieces(&piece, 1, lanes * tape->count);
	else
		run_pieces(&piece, lanes, tape->count);
	call_scratch_free(call, &scratch);
	return SNNFIT_OK;
}

const struct operator tape_operator = { "tape", run_tape, NULL, OPERATOR_LANES, 0 };
