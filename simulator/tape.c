/* tape.c - compiled with -ffp-contract=off: every operation is rounded. */
#include "simulator/tape.h"

#include "simulator/bits.h"
#include "simulator/vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* From one on, which is a multiple of 64. */
static void
bits_from(uint64_t first, uint64_t *out, const float *a, const float *b, uint64_t count)
{
	uint64_t i;

	for (i = first; i < count; i++) {
		if (i % 64 == 0)
			out[i / 64] = 0;
		out[i / 64] |= (uint64_t)(a[i] > b[i]) << i % 64;
	}
}

static void
bits_plain(uint64_t *out, const float *a, const float *b, uint64_t count)
{
	bits_from(0, out, a, b, count);
}

static void
fire_from(uint64_t first, float *out, const float *const *x, float threshold, uint64_t count,
	  const struct tape_spikes *spikes)
{
	uint64_t i;
	uint32_t step;

	for (i = first; i < count; i++) {
		uint64_t *word = spikes->bits + i / 64;
		bool reset = x[3][i] > x[4][0];
		float membrane = x[0][i];

		for (step = 0; step < spikes->steps; step++, word += spikes->step_words) {
			membrane = membrane * x[1][0] + x[2][i] - (reset ? 1.0f : 0.0f);
			reset = membrane > threshold;
			if (i % 64 == 0)
				*word = 0;
			*word |= (uint64_t)reset << i % 64;
		}
		out[i] = membrane;
	}
}

static void
fire_plain(float *out, const float *const *x, float threshold, uint64_t count,
	   const struct tape_spikes *spikes)
{
	fire_from(0, out, x, threshold, count, spikes);
}

#ifdef HAVE_WIDER
__attribute__((target("avx2"))) static void
bits_avx2(uint64_t *out, const float *a, const float *b, uint64_t count)
{
	uint64_t i, k;

	for (i = 0; i + 64 <= count; i += 64) {
		uint64_t word = 0;

		for (k = 0; k < 64; k += 8) {
			__m256 x = _mm256_loadu_ps(a + i + k), y = _mm256_loadu_ps(b + i + k);
			__m256 greater = _mm256_cmp_ps(x, y, _CMP_GT_OQ);

			word |= (uint64_t)(unsigned)_mm256_movemask_ps(greater) << k;
		}
		out[i / 64] = word;
	}
	bits_from(i, out, a, b, count);
}

enum { FIRED_AT_ONCE = 32, VECTORS = FIRED_AT_ONCE / 8 };

__attribute__((target("avx2"))) static inline __m256
over(__m256 membrane, __m256 threshold)
{
	return _mm256_cmp_ps(membrane, threshold, _CMP_GT_OQ);
}

__attribute__((target("avx2"))) static inline __m256
leak_reset(__m256 membrane, __m256 leak, const float *drive, __m256 reset)
{
	__m256 sum = _mm256_add_ps(_mm256_mul_ps(membrane, leak), _mm256_loadu_ps(drive));

	return _mm256_sub_ps(sum, _mm256_and_ps(reset, _mm256_set1_ps(1)));
}

/* Where a membrane was over the threshold after a step is where the next one resets it. */
__attribute__((target("avx2"))) static void
fire_avx2(float *out, const float *const *x, float threshold, uint64_t count,
	  const struct tape_spikes *spikes)
{
	const float *membrane = x[0], *drive = x[2], *before = x[3];
	const __m256 leak = _mm256_set1_ps(x[1][0]), reset_at = _mm256_set1_ps(x[4][0]);
	const __m256 fire_at = _mm256_set1_ps(threshold);
	const size_t step_bytes = spikes->step_words * sizeof *spikes->bits;
	const uint32_t steps = spikes->steps;
	uint64_t i, whole = count / 64 * 64;
	uint32_t step, k;

	for (i = 0; i < whole; i += FIRED_AT_ONCE) {
		char *to = (char *)spikes->bits + i / 8;
		__m256 now[VECTORS];

		for (k = 0; k < VECTORS; k++)
			now[k] = leak_reset(_mm256_loadu_ps(membrane + i + 8 * k), leak,
					    drive + i + 8 * k,
					    over(_mm256_loadu_ps(before + i + 8 * k), reset_at));
		for (step = 1; step <= steps; step++, to += step_bytes) {
			uint32_t fired = 0;

			for (k = 0; k < VECTORS; k++) {
				__m256 reset = over(now[k], fire_at);

				fired |= (uint32_t)_mm256_movemask_ps(reset) << 8 * k;
				if (step < steps)
					now[k] = leak_reset(now[k], leak, drive + i + 8 * k, reset);
			}
			memcpy(to, &fired, sizeof fired);
		}
		for (k = 0; k < VECTORS; k++)
			_mm256_storeu_ps(out + i + 8 * k, now[k]);
	}
	_mm256_zeroupper(); /* with a float to pass on the compiler does not */
	fire_from(i, out, x, threshold, count, spikes);
}
#endif

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

const struct tape_kernels *
tape_kernels(void)
{
#ifdef HAVE_WIDER
	if (__builtin_cpu_supports("avx2"))
		return &all_avx2;
#endif
	return &all_plain;
}

const struct tape_kernels *
tape_kernels_plain(void)
{
	return &all_plain;
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

bool
tape_shapes_hold(const struct machine *machine, const struct plan_node *node)
{
	uint32_t i;

	for (i = 0; i < node->input_count; i++) {
		const struct tensor *x = &machine->slots[node->inputs[i]];
		const struct slot_shape *shape = node->tape->input_shapes[i];

		if (x->type != shape->type || x->count != shape->count)
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

/* Where a store of bits goes, in the first step. */
static uint64_t *
bits_of(const struct piece *piece, const struct tape_store *store)
{
	const struct tensor *out = &piece->call->outputs[store->output];

	return (uint64_t *)out->data + piece->lane * bit_words(out->count) + piece->first / 64;
}

/* The last step, which is all that there is of a tape that repeats. */
static void
fire(const struct piece *piece, const struct tape_step *step, const float *const *operands,
     const struct tape_kernels *kernels)
{
	const struct tape_store *store = &piece->tape->stores[0];
	const struct call *call = piece->call;
	struct tape_spikes spikes = { bits_of(piece, store),
				      call->lanes * bit_words(call->outputs[store->output].count),
				      call->machine->steps };

	kernels->leak_reset_fire(piece->places[step->out], operands, piece->places[store->other][0],
				 piece->count, &spikes);
}

static void
run_store(const struct piece *piece, const struct tape_store *store,
	  const struct tape_kernels *kernels)
{
	const struct tensor *out = &piece->call->outputs[store->output];
	const float *value = piece->places[store->value], *other = piece->places[store->other];

	if (store->bits)
		kernels->bits(bits_of(piece, store), value, other, piece->count);
	else
		kernels->bools((uint8_t *)out->data + piece->lane * out->count + piece->first,
			       value, other, piece->count);
}

static void
run_piece(struct piece *piece, const struct tape_kernels *kernels)
{
	const struct tape *tape = piece->tape;
	const float *operands[TAPE_OPERANDS_MAX];
	uint32_t i, k;

	for (i = 0; i < tape->value_count && tape->has_flags; i++)
		if (tape->values[i].place == TAPE_FLAGS)
			read_flags(piece, i);
	for (i = 0; i < tape->step_count; i++) {
		const struct tape_step *step = &tape->steps[i];

		for (k = 0; k < TAPE_OPERANDS_MAX; k++)
			operands[k] = piece->places[step->operands[k]];
		if (tape->fires && i + 1 == tape->step_count)
			fire(piece, step, operands, kernels);
		else
			kernels->operations[step->operation](piece->places[step->out], operands,
							     piece->count);
	}
	for (i = tape->fires; i < tape->store_count; i++)
		run_store(piece, &tape->stores[i], kernels);
	for (i = 0; i < piece->moving_count; i++)
		piece->places[piece->moving[i]] += piece->count;
}

/* Where no array is the same for all lanes, the lanes are one long array; those of bits, if
 * they end with their words. */
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
	for (i = 0; i < tape->store_count; i++)
		if (tape->stores[i].bits && tape->count % 64 != 0)
			return false;
	return true;
}

static void
run_pieces(struct piece *piece, uint32_t lanes, uint64_t count)
{
	const struct tape_kernels *kernels = tape_kernels();

	for (piece->lane = 0; piece->lane < lanes; piece->lane++) {
		place_values(piece);
		for (piece->first = 0; piece->first < count; piece->first += TAPE_PIECE) {
			piece->count = count - piece->first < TAPE_PIECE ? count - piece->first
									 : TAPE_PIECE;
			run_piece(piece, kernels);
		}
	}
}

/* The input is what this node gave in the step before, and nobody else has it. */
static bool
may_overwrite(const struct call *call, const struct tape *tape)
{
	const struct tensor *in = call->inputs[tape->overwritten[0]];
	const struct tensor *before =
		&call->machine->slots[call->node->outputs[tape->overwritten[1]]];

	return in->buffer && in->buffer == before->buffer && tensor_owners(in) == 2 &&
	       in->laned == call->laned;
}

static bool
make_output(struct call *call, const struct tape *tape, uint32_t i)
{
	const struct slot_shape *shape = tape->output_shapes[i];

	if (tape->can_overwrite && tape->overwritten[1] == i && may_overwrite(call, tape))
		return call_alias(call, i, call->inputs[tape->overwritten[0]], shape->rank,
				  shape->dims) == SNNFIT_OK;
	if (tape->output_is_bits[i])
		return call_output_bits(call, i, shape->rank, shape->dims) != NULL;
	return call_output(call, i, shape->type, shape->rank, shape->dims) != NULL;
}

static snnfit_status
run_tape(struct call *call)
{
	const struct tape *tape = call->node->tape;
	struct piece piece; /* its places are set for each lane */
	uint64_t pieces = tape->register_count + call->input_count;
	uint32_t i, lanes = call->laned ? call->lanes : 1;
	struct tensor scratch;

	if (!tape_shapes_hold(call->machine, call->node))
		return run_nodes(call, tape);
	for (i = 0; i < call->output_count; i++)
		if (!make_output(call, tape, i))
			return call->status;
	piece.call = call;
	piece.tape = tape;
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
