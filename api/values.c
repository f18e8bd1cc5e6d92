/* values.c - the numbers that a model's inputs get, beside what is said of them. */
#include "api/simulation.h"

static void
bounds_of(const struct array *array, float *low, float *high)
{
	uint64_t i;

	*low = *high = array->values[0];
	for (i = 1; i < array->count; i++) {
		*low = array->values[i] < *low ? array->values[i] : *low;
		*high = array->values[i] > *high ? array->values[i] : *high;
	}
}

snnfit_status
simulation_check_values(const struct simulation *simulation, const char *name,
			const struct array *array, snnfit_error *err)
{
	const struct network *network = &simulation->network;
	const char *file = simulation->options->inputs;
	const double *range = simulation->range;
	bool spikes = network->encoding == ENCODE_POISSON || network->encoding == ENCODE_LATENCY;
	float low, high;

	if (!spikes && !range)
		return SNNFIT_OK;
	bounds_of(array, &low, &high);
	low /= network->scale_divisor;
	high /= network->scale_divisor;
	if (spikes && (low < 0 || high > 1))
		return error_set(err, SNNFIT_EDATA,
				 "%s: '%.100s' has %.9g, but --encoding %s takes values from 0 to "
				 "1: bring them there with --input-divisor",
				 file, name, (double)(low < 0 ? low : high),
				 encoding_name(network->encoding));
	if (spikes) {
		low = 0;
		high = high > 0;
	}
	/* Data are floats: so is 0.1, where it is an end of the range. */
	if (range && (low < (float)range[0] || high > (float)range[1]))
		return error_set(err, SNNFIT_EDATA,
				 "%s: '%.100s' gets %.9g from it, outside of --input-range %g,%g",
				 file, name, (double)(low < (float)range[0] ? low : high), range[0],
				 range[1]);
	return SNNFIT_OK;
}
