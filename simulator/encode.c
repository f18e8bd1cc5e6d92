#include "simulator/encode.h"

#include <math.h>

bool
encoding_is_constant(const struct network *network)
{
	return network->encoding == ENCODE_DIRECT || network->steps == 1;
}

/* SplitMix64 (Steele, Lea, Flood 2014) of the seed and the place. */
double
random_uniform(uint64_t seed, uint64_t place)
{
	uint64_t z = seed * UINT64_C(0xd1342543de82ef95) + place * UINT64_C(0x9e3779b97f4a7c15);

	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return (double)(z >> 11) * 0x1p-53;
}

/* The step in which a value fires; steps and beyond: never. */
static uint32_t
latency_of(float value, uint32_t steps)
{
	double step = round((1 - (double)value) * (double)(steps - 1));

	if (!(value > 0))
		return steps;
	return step < 0 ? 0 : (uint32_t)step;
}

static float
encoded(const struct network *network, const struct network_input *input, uint64_t sample,
	uint32_t step, uint64_t i)
{
	uint64_t place = sample * input->each + i;
	float value;

	if (network->encoding == ENCODE_TIME)
		place = (sample * network->steps + step) * input->each + i;
	value = input->values[place];
	if (network->scale_divisor != 1)
		value /= network->scale_divisor;
	if (network->encoding == ENCODE_POISSON)
		return random_uniform(network->seed, place * network->steps + step) < (double)value;
	if (network->encoding == ENCODE_LATENCY)
		return latency_of(value, network->steps) == step;
	return value;
}

/* The usual case, in one go: each number of the data is one of the input. */
static void
encode_values(const struct network *network, const struct network_input *from, uint64_t sample,
	      uint32_t step, float *out)
{
	uint64_t place = network->encoding == ENCODE_TIME ? sample * network->steps + step : sample;
	const float *values = from->values + place * from->each;
	uint64_t i;

	for (i = 0; i < from->each; i++)
		out[i] = values[i] / network->scale_divisor;
}

snnfit_status
encode(const struct network *network, uint32_t input, uint64_t first, uint32_t lanes, uint32_t step,
       struct pool *pool, struct tensor *out, snnfit_error *err)
{
	const struct network_input *from = &network->inputs[input];
	uint64_t lane, i, at;
	snnfit_status status;

	status = tensor_allocate(out, pool, type_computed(from->type), from->rank, from->dims,
				 lanes, true, err);
	if (status != SNNFIT_OK)
		return status;
	for (lane = 0; lane < lanes; lane++) {
		if ((network->encoding == ENCODE_DIRECT || network->encoding == ENCODE_TIME) &&
		    out->type == TYPE_FLOAT && from->each == out->count) {
			encode_values(network, from, first + lane, step,
				      (float *)out->data + lane * out->count);
			continue;
		}
		for (i = 0; i < out->count; i++) {
			float value = encoded(network, from, first + lane, step, i % from->each);

			at = lane * out->count + i;
			if (out->type == TYPE_FLOAT)
				((float *)out->data)[at] = value;
			else
				element_set_double(out->type, out->data, at, (double)value);
		}
	}
	elements_round(from->type, out, lanes);
	return SNNFIT_OK;
}
