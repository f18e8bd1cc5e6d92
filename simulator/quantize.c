/* quantize.c - between real numbers and integers with a scale and a zero point. */
#include "simulator/normalize.h"

#include <math.h>

/* Which scale an element has: one for all, one for each index of an axis, or one for
 * each block along it. */
struct scales {
	const struct tensor *scale, *zero; /* zero NULL: zeros */
	uint64_t size, inner, block;
	bool one;
};

static snnfit_status
read_scales(struct call *call, const struct tensor *x, struct scales *out)
{
	int64_t axis = node_int(call->node, "axis", 1),
		block = node_int(call->node, "block_size", 0);

	out->scale = call_input(call, 1);
	out->zero = call_input(call, 2);
	if (!x || x->type == TYPE_NONE || !out->scale || !type_is_float(out->scale->type))
		return call_fail(call, SNNFIT_EFORMAT, "it takes an array and a scale");
	if (out->zero && out->zero->count != out->scale->count)
		return call_fail(call, SNNFIT_EFORMAT, "scales and zero points differ in number");
	out->one = out->scale->count == 1;
	out->size = out->inner = out->block = 1;
	if (out->one)
		return SNNFIT_OK;
	if (!axis_normalize(&axis, x->rank) || block < 0)
		return call_fail(call, SNNFIT_EFORMAT, "an axis that it does not have");
	out->size = x->dims[axis];
	out->inner = dims_product(x->dims, (uint32_t)axis + 1, x->rank);
	out->block = block ? (uint64_t)block : 0;
	if (block ? out->scale->rank != x->rank ||
			    out->scale->dims[axis] != (out->size + out->block - 1) / out->block ||
			    out->scale->count != x->count / out->size * out->scale->dims[axis]
		  : out->scale->count != out->size)
		return call_fail(call, SNNFIT_EUNSUPPORTED, "scales do not go with the axis");
	return SNNFIT_OK;
}

static uint64_t
scale_index(const struct scales *scales, uint64_t i)
{
	uint64_t along, blocks;

	if (scales->one)
		return 0;
	along = i / scales->inner % scales->size;
	if (!scales->block)
		return along;
	blocks = (scales->size + scales->block - 1) / scales->block;
	return (i / scales->inner / scales->size * blocks + along / scales->block) * scales->inner +
	       i % scales->inner;
}

static int64_t
zero_at(const struct scales *scales, uint64_t i)
{
	return scales->zero ? element_int(scales->zero->type, scales->zero->data, i) : 0;
}

static bool
limits_of(int32_t type, double *low, double *high)
{
	unsigned bits = type == TYPE_INT4 || type == TYPE_UINT4	  ? 4
			: type == TYPE_INT2 || type == TYPE_UINT2 ? 2
								  : (unsigned)type_bytes(type) * 8;

	if (type_is_float(type) || type == TYPE_BOOL || bits == 0 || bits > 32)
		return false;
	*low = type_is_unsigned(type) ? 0 : -ldexp(1, (int)bits - 1);
	*high = ldexp(1, (int)bits - !type_is_unsigned(type)) - 1;
	return true;
}

/* The quotient is rounded as float, as runtimes do; half to even. */
static double
quotient(const struct tensor *x, uint64_t i, double scale)
{
	double value = element_double(x->type, x->data, i);

	if (x->type == TYPE_FLOAT)
		return (double)nearbyintf((float)value / (float)scale);
	return nearbyint(value / scale);
}

snnfit_status
run_quantize_linear(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	struct scales scales;
	double low = 0, high = 0, value;
	int32_t type;
	uint64_t i, at;
	snnfit_status status = read_scales(call, x, &scales);
	void *out;

	if (status != SNNFIT_OK)
		return status;
	type = scales.zero ? scales.zero->type
			   : (int32_t)node_int(call->node, "output_dtype", TYPE_UINT8);
	if (!limits_of(type, &low, &high))
		return call_fail(call, SNNFIT_EUNSUPPORTED, "quantizing to %s", type_name(type));
	out = call_output(call, 0, type, x->rank, x->dims);
	if (!out)
		return call->status;
	for (i = 0; i < x->count; i++) {
		at = scale_index(&scales, i);
		value = quotient(x, i, element_double(scales.scale->type, scales.scale->data, at)) +
			(double)zero_at(&scales, at);
		element_set_double(type, out, i, value < low ? low : value > high ? high : value);
	}
	return SNNFIT_OK;
}

snnfit_status
run_dequantize_linear(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	struct scales scales;
	uint64_t i, at;
	int32_t type;
	snnfit_status status = read_scales(call, x, &scales);
	void *out;

	if (status != SNNFIT_OK)
		return status;
	type = type_computed((int32_t)node_int(call->node, "output_dtype", scales.scale->type));
	if (!type_is_float(type))
		return call_fail(call, SNNFIT_EUNSUPPORTED, "a result of %s", type_name(type));
	out = call_output(call, 0, type, x->rank, x->dims);
	if (!out)
		return call->status;
	for (i = 0; i < x->count; i++) {
		at = scale_index(&scales, i);
		element_set_double(
			type, out, i,
			(double)(element_int(x->type, x->data, i) - zero_at(&scales, at)) *
				element_double(scales.scale->type, scales.scale->data, at));
	}
	return SNNFIT_OK;
}

snnfit_status
run_dynamic_quantize_linear(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	float low = 0, high = 0, scale, *scale_out;
	uint8_t *out, *zero_out;
	double zero, value;
	uint64_t i;

	if (!x || x->type != TYPE_FLOAT || call->output_count < 3)
		return call_fail(call, SNNFIT_EFORMAT, "it takes floats, and has three outputs");
	out = call_output(call, 0, TYPE_UINT8, x->rank, x->dims);
	scale_out = out ? call_output(call, 1, TYPE_FLOAT, 0, NULL) : NULL;
	zero_out = scale_out ? call_output(call, 2, TYPE_UINT8, 0, NULL) : NULL;
	if (!zero_out)
		return call->status;
	for (i = 0; i < x->count; i++) {
		float v = ((const float *)x->data)[i];

		low = v < low ? v : low;
		high = v > high ? v : high;
	}
	scale = (high - low) / 255;
	zero = scale > 0 ? (double)nearbyintf(0 - low / scale) : 0;
	zero = zero < 0 ? 0 : zero > 255 ? 255 : zero;
	for (i = 0; i < x->count; i++) {
		value = scale > 0 ? quotient(x, i, (double)scale) + zero : 0;
		element_set_double(TYPE_UINT8, out, i, value < 0 ? 0 : value > 255 ? 255 : value);
	}
	*scale_out = scale;
	element_set_double(TYPE_UINT8, zero_out, 0, zero);
	return SNNFIT_OK;
}
