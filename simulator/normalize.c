#include "simulator/normalize.h"

#include <math.h>

/* --- with statistics that are given ------------------------------------------------ */

static snnfit_status
batch_inputs(struct call *call, const struct tensor *x)
{
	uint32_t i;

	if (!x || x->type == TYPE_NONE || x->rank < 2)
		return call_fail(call, SNNFIT_EFORMAT, "input 0 is missing, or has no channels");
	if (node_int(call->node, "training_mode", 0))
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "training mode (export the model after eval())");
	for (i = 1; i < 5; i++) {
		const struct tensor *list = call_input(call, i);

		if (!list || list->count != x->dims[1])
			return call_fail(call, SNNFIT_EFORMAT,
					 "input %u is not one number for "
					 "each channel",
					 i);
	}
	return SNNFIT_OK;
}

snnfit_status
run_batch_normalization(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	double epsilon = (double)node_float(call->node, "epsilon", 1e-5f);
	uint64_t planes, plane, area, i, at;
	snnfit_status status = batch_inputs(call, x);
	void *out;

	if (status != SNNFIT_OK)
		return status;
	for (i = 1; i < 5; i++)
		if (call->inputs[i]->laned)
			return call_by_lane(call);
	out = call_output(call, 0, x->type, x->rank, x->dims);
	if (!out)
		return call->status;
	area = dims_product(x->dims, 2, x->rank);
	planes = x->dims[0] * x->dims[1] * (call->laned ? call->lanes : 1);
	for (plane = 0; plane < planes; plane++) {
		uint64_t channel = plane % x->dims[1];
		double values[5], factor, offset;

		for (i = 1; i < 5; i++)
			values[i] = element_double(call->inputs[i]->type, call->inputs[i]->data,
						   channel);
		factor = values[1] / sqrt(values[4] + epsilon);
		offset = values[2] - values[3] * factor;
		for (i = 0, at = plane * area; i < area; i++, at++)
			element_set_double(x->type, out, at,
					   element_double(x->type, x->data, at) * factor + offset);
	}
	return SNNFIT_OK;
}

/* --- with their own ------------------------------------------------------------------- */

struct statistics {
	double mean, inverse; /* 1 / standard deviation */
};

static struct statistics
statistics_of(const struct tensor *x, uint64_t first, uint64_t count, double epsilon)
{
	double sum = 0, squares = 0;
	struct statistics out;
	uint64_t i;

	for (i = 0; i < count; i++)
		sum += element_double(x->type, x->data, first + i);
	out.mean = sum / (double)count;
	for (i = 0; i < count; i++) {
		double from_mean = element_double(x->type, x->data, first + i) - out.mean;

		squares += from_mean * from_mean;
	}
	out.inverse = 1 / sqrt(squares / (double)count + epsilon);
	return out;
}

static double
number_or(const struct tensor *list, uint64_t i, double otherwise)
{
	return list ? element_double(list->type, list->data, list->count == 1 ? 0 : i) : otherwise;
}

static snnfit_status
normalized_rows(struct call *call, const struct tensor *x, uint64_t rows, void *out, void *means,
		void *inverses, int32_t statistics_type)
{
	const struct tensor *scale = call_input(call, 1), *bias = call_input(call, 2);
	double epsilon = (double)node_float(call->node, "epsilon", 1e-5f);
	uint64_t count = rows ? x->count / rows : 0, row, i;

	for (row = 0; row < rows; row++) {
		struct statistics s = statistics_of(x, row * count, count, epsilon);

		if (means)
			element_set_double(statistics_type, means, row, s.mean);
		if (inverses)
			element_set_double(statistics_type, inverses, row, s.inverse);
		for (i = 0; i < count; i++) {
			double value = element_double(x->type, x->data, row * count + i);

			value = (value - s.mean) * s.inverse * number_or(scale, i, 1) +
				number_or(bias, i, 0);
			element_set_double(x->type, out, row * count + i, value);
		}
	}
	return SNNFIT_OK;
}

snnfit_status
run_layer_normalization(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	int64_t axis = node_int(call->node, "axis", -1);
	int32_t type = type_computed((int32_t)node_int(call->node, "stash_type", TYPE_FLOAT));
	uint64_t dims[TENSOR_DIMS_MAX], rows, each;
	void *out, *means = NULL, *inverses = NULL;
	uint32_t d, i;

	if (!x || x->type == TYPE_NONE || !axis_normalize(&axis, x->rank))
		return call_fail(call, SNNFIT_EFORMAT, "an axis that it does not have");
	rows = dims_product(x->dims, 0, (uint32_t)axis);
	each = dims_product(x->dims, (uint32_t)axis, x->rank);
	for (i = 1; i < 3; i++)
		if (call_input(call, i) && call_input(call, i)->count != each &&
		    call_input(call, i)->count != 1)
			return call_fail(call, SNNFIT_EUNSUPPORTED,
					 "scale and bias do not go with the axes");
	for (d = 0; d < x->rank; d++)
		dims[d] = d < axis ? x->dims[d] : 1;
	out = call_output(call, 0, x->type, x->rank, x->dims);
	if (out && call_wants(call, 1))
		out = (means = call_output(call, 1, type, x->rank, dims)) ? out : NULL;
	if (out && call_wants(call, 2))
		out = (inverses = call_output(call, 2, type, x->rank, dims)) ? out : NULL;
	return out ? normalized_rows(call, x, rows, out, means, inverses, type) : call->status;
}

/* Rows of whole channels; scale and bias are numbers for each channel. */
static snnfit_status
normalize_channels(struct call *call, uint64_t groups)
{
	const struct tensor *x = call_input(call, 0), *scale = call_input(call, 1);
	const struct tensor *bias = call_input(call, 2);
	double epsilon = (double)node_float(call->node, "epsilon", 1e-5f);
	uint64_t area, row, count, i;
	void *out;

	if (!scale || !bias || scale->count != x->dims[1] || bias->count != x->dims[1] ||
	    groups == 0 || x->dims[1] % groups)
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "scale and bias do not go with the "
				 "channels");
	out = call_output(call, 0, x->type, x->rank, x->dims);
	if (!out)
		return call->status;
	area = dims_product(x->dims, 2, x->rank);
	count = x->dims[1] / groups * area;
	for (row = 0; count && row < x->dims[0] * groups; row++) {
		struct statistics s = statistics_of(x, row * count, count, epsilon);

		for (i = 0; i < count; i++) {
			uint64_t at = row * count + i, channel = at / area % x->dims[1];
			double value = element_double(x->type, x->data, at);

			value = (value - s.mean) * s.inverse * number_or(scale, channel, 1) +
				number_or(bias, channel, 0);
			element_set_double(x->type, out, at, value);
		}
	}
	return SNNFIT_OK;
}

snnfit_status
run_instance_normalization(struct call *call)
{
	const struct tensor *x = call_input(call, 0);

	if (!x || x->rank < 2)
		return call_fail(call, SNNFIT_EFORMAT, "input 0 has no channels");
	return normalize_channels(call, x->dims[1]);
}

snnfit_status
run_group_normalization(struct call *call)
{
	const struct tensor *x = call_input(call, 0);

	if (!x || x->rank < 2 || call->node->version < 21)
		return call_fail(call, SNNFIT_EUNSUPPORTED, "no channels, or a version before 21");
	return normalize_channels(call, (uint64_t)node_int(call->node, "num_groups", 0));
}
