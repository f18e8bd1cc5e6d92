/* layer.c - what one layer costs in hardware. */
#include "estimator/layer.h"

#include "estimator/coefficients.h"
#include "estimator/memory.h"
#include "estimator/numbers.h"
#include "estimator/unrolled.h"

#include <math.h>

/* Not measured, chosen: beyond the largest layer that was synthesised, and on
 * families that never were, the interval is this much wider. */
#define WIDER 2
/* Likewise, for closed forms that are exact where they were measured. */
#define UNCALIBRATED_MARGIN 0.1
/* Leak, add, compare, reset: a readout has no comparison. The low end leaves out
 * the reset too, the high end nothing. Not measured. */
#define READOUT_SHARE 0.75
#define READOUT_LOW_SHARE 0.5

static uint32_t
at_least_one(uint32_t count)
{
	return count ? count : 1;
}

/* --- folded architectures ---------------------------------------------------- */

static void
take_memories(const struct memory_use *use, struct layer_terms *out)
{
	out->terms[TERM_READ_MULTIPLEXERS] = use->read_multiplexers;
	out->terms[TERM_FALLEN_MEMORIES] = use->cells;
	out->terms[TERM_CONSTANT] = 1;
	out->blocks = use->blocks;
	out->ff += use->registers;
}

static uint32_t
membrane_width(const struct layer *layer)
{
	return layer->weight_bits + bits_for((uint64_t)layer->inputs + 1) + 3;
}

/* Dense weights in one memory, membranes in another, `lanes` units wide. */
static void
describe_event(const struct layer *layer, struct layer_terms *out)
{
	struct memory_use use = { 0 };
	uint64_t lanes = at_least_one(layer->lanes);
	uint64_t groups = divide_up(layer->units, lanes);
	uint64_t states = groups * at_least_one(layer->positions);
	uint64_t words = groups * layer->inputs;
	uint64_t width = lanes * membrane_width(layer);

	memory_add(layer->family, words, lanes * layer->weight_bits, &use);
	memory_add(layer->family, states, width, &use);
	out->terms[TERM_MEMBRANES] = (double)width;
	out->terms[TERM_CONTROL] = bits_for(words) + bits_for(states);
	out->ff = (double)(9 + 3 * bits_for(states) + bits_for(words) + lanes);
	take_memories(&use, out);
}

/* A pointer a row of weights, a (unit, weight) pair each weight, and membranes. */
static void
describe_sparse(const struct layer *layer, struct layer_terms *out)
{
	struct memory_use use = { 0 };
	uint64_t states = (uint64_t)layer->units * at_least_one(layer->positions);
	uint32_t unit = bits_for(states), pointer = bits_for(layer->nonzero + 1);
	uint32_t input = bits_for((uint64_t)layer->inputs + 1), width = membrane_width(layer);

	memory_add(layer->family, (uint64_t)layer->inputs + 1, pointer, &use);
	memory_add(layer->family, layer->nonzero, bits_for(layer->units) + layer->weight_bits,
		   &use);
	memory_add(layer->family, states, width, &use);
	out->terms[TERM_MEMBRANES] = width;
	out->terms[TERM_CONTROL] = unit + pointer + input;
	out->ff = 14 + 3 * unit + 2 * pointer + input + layer->weight_bits;
	take_memories(&use, out);
}

snnfit_status
layer_describe(const struct layer *layer, struct layer_terms *out, snnfit_error *err)
{
	bool unrolled = layer->architecture == ARCHITECTURE_SC ||
			layer->architecture == ARCHITECTURE_PARALLEL;

	*out = (struct layer_terms){ .ff = 0 };
	if (layer->weight_bits < LAYER_MIN_BITS || layer->weight_bits > LAYER_MAX_BITS)
		return error_set(err, SNNFIT_EUSAGE,
				 "weights of %u bits can't be estimated: choose %d to %d",
				 layer->weight_bits, LAYER_MIN_BITS, LAYER_MAX_BITS);
	if (unrolled && !layer->weights)
		return error_set(err, SNNFIT_EINTERNAL,
				 "an unrolled layer can't be estimated without its weights");
	switch (layer->architecture) {
	case ARCHITECTURE_SC:
		return describe_stochastic(layer, out, err);
	case ARCHITECTURE_PARALLEL:
		return describe_parallel(layer, out, err);
	case ARCHITECTURE_EVENT:
		describe_event(layer, out);
		return SNNFIT_OK;
	default:
		describe_sparse(layer, out);
		return SNNFIT_OK;
	}
}

/* --- from terms to resources -------------------------------------------------- */

static double
weigh(const struct fitted *fit, const struct layer_terms *terms, double membrane_share)
{
	double sum = 0;

	for (int term = 0; term < TERM_COUNT; term++)
		sum += fit->coefficients[term] * terms->terms[term] *
		       (term == TERM_MEMBRANES ? membrane_share : 1);
	return sum;
}

static struct interval
widen(double used, double low_used, double high_used, const struct fitted *fit, double wider)
{
	double low = 1 - (1 - fit->low) * wider, high = 1 + (fit->high - 1) * wider;

	return (struct interval){ used, low_used * (low > 0 ? low : 0), high_used * high };
}

static struct interval
fitted_interval(const struct layer *layer, const struct layer_terms *terms,
		enum fitted_resource resource, bool *extrapolated)
{
	const struct fitted *fit = &fitted[layer->architecture][layer->family][resource];
	double all = weigh(fit, terms, 1), wider = layer->uncalibrated ? WIDER : 1;

	if (all > fit->largest) {
		*extrapolated = true;
		wider *= WIDER;
	}
	if (!layer->readout)
		return widen(all, all, all, fit, wider);
	return widen(weigh(fit, terms, READOUT_SHARE), weigh(fit, terms, READOUT_LOW_SHARE), all,
		     fit, wider);
}

static struct interval
closed_form(const struct layer *layer, double used, double low, double high)
{
	double margin = layer->uncalibrated ? UNCALIBRATED_MARGIN : 0;

	return (struct interval){ used, used * low * (1 - margin), used * high * (1 + margin) };
}

static struct interval
flip_flops(const struct layer *layer, const struct layer_terms *terms)
{
	const struct fitted *fit = &fitted[layer->architecture][layer->family][FITTED_FF];
	uint32_t spikes = layer->architecture == ARCHITECTURE_EVENT    ? at_least_one(layer->lanes)
			  : layer->architecture == ARCHITECTURE_SPARSE ? 1
								       : layer->units;

	return closed_form(layer, terms->ff - (layer->readout ? spikes : 0), fit->low, fit->high);
}

static double
clamp(double value, double least, double most)
{
	return fmax(fmin(value, most), least);
}

/* A cell holds a LUT, a flip-flop and a carry, and at least one of them: there are no fewer cells
 * than LUTs or flip-flops, no more than all three together. Fits that extrapolate don't know. */
static struct interval
logic_cells(const struct layer *layer, const struct layer_terms *terms, struct layer_cost *cost)
{
	bool beyond; /* carries by themselves are no resource that is reported */
	struct interval cells = fitted_interval(layer, terms, FITTED_LOGIC_CELLS,
						&cost->extrapolated);
	struct interval carry = fitted_interval(layer, terms, FITTED_CARRY, &beyond);
	const struct interval *lut = &cost->resources[RESOURCE_LUT];
	const struct interval *ff = &cost->resources[RESOURCE_FF];

	return (struct interval){
		clamp(cells.used, fmax(lut->used, ff->used), lut->used + ff->used + carry.used),
		clamp(cells.low, fmax(lut->low, ff->low), lut->low + ff->low + carry.low),
		clamp(cells.high, fmax(lut->high, ff->high), lut->high + ff->high + carry.high),
	};
}

/* The unrolled architectures build every position of a convolution. */
static void
repeat_positions(const struct layer *layer, struct layer_cost *out)
{
	double positions = at_least_one(layer->positions);

	if (layer->architecture == ARCHITECTURE_EVENT || layer->architecture == ARCHITECTURE_SPARSE)
		return;
	for (enum resource r = RESOURCE_LUT; r < RESOURCE_COUNT; r++) {
		out->resources[r].used *= positions;
		out->resources[r].low *= positions;
		out->resources[r].high *= positions;
	}
}

/* Clocks a step with this many events. One to take an event or the step's end,
 * then one an update; sparse rows are looked up first. */
static double
cycles_with(const struct layer *layer, double events)
{
	double kernel = at_least_one(layer->kernel), positions = at_least_one(layer->positions);
	double groups = (double)divide_up(layer->units, at_least_one(layer->lanes));
	double row = (double)layer->nonzero / (layer->inputs ? layer->inputs : 1);

	switch (layer->architecture) {
	case ARCHITECTURE_SC:
		return layer->bitstream_length;
	case ARCHITECTURE_PARALLEL:
		return 1;
	case ARCHITECTURE_EVENT:
		return events * (kernel * groups + 1) + groups * positions + 1;
	default:
		return events * kernel * (row + 5) + (double)layer->units * positions + 1;
	}
}

snnfit_status
layer_estimate(const struct layer *layer, struct layer_cost *out, snnfit_error *err)
{
	struct layer_terms terms;
	snnfit_status status = layer_describe(layer, &terms, err);
	double blocks = layer->family == FAMILY_XC7 ? terms.blocks / 2 : terms.blocks;

	if (status != SNNFIT_OK)
		return status;
	*out = (struct layer_cost){ .extrapolated = false };
	out->resources[RESOURCE_LUT] = fitted_interval(layer, &terms, FITTED_LUT,
						       &out->extrapolated);
	out->resources[RESOURCE_FF] = flip_flops(layer, &terms);
	if (layer->family == FAMILY_ICE40)
		out->resources[RESOURCE_LOGIC_CELLS] = logic_cells(layer, &terms, out);
	out->resources[RESOURCE_BRAM] = closed_form(layer, blocks, 1, 1);
	repeat_positions(layer, out);
	out->cycles = (struct interval){ cycles_with(layer, layer->events), cycles_with(layer, 0),
					 cycles_with(layer, layer->most_events) };
	return SNNFIT_OK;
}
