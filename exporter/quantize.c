/* quantize.c - weights as integers and a scale.
 *
 *     q = round(w / scale), clipped to the width;   DequantizeLinear(q) = q scale
 *
 * Symmetric: there is no zero point. The pass made every weight a multiple of
 * its scale, so the float that a runtime computes is the weight of the graph;
 * where the scale must be a half, the nearest to it that a half's scale gives. */
#include "exporter/quantize.h"

#include "exporter/build.h"
#include "exporter/opset.h"
#include "proto/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* In which opset DequantizeLinear takes the type, with a scale a tensor and a
 * scale a unit, and the IR version that has the type (0: all). */
struct format {
	int32_t type;
	uint32_t bits;
	int64_t opset_per_tensor, opset_per_unit, ir;
	const char *name;
};

static const struct format formats[] = {
	{ ONNX__TENSOR_PROTO__DATA_TYPE__INT2, 2, 25, 25, 13, "INT2" },
	{ ONNX__TENSOR_PROTO__DATA_TYPE__INT4, 4, 21, 21, 10, "INT4" },
	{ ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 8, 10, 13, 0, "INT8" },
	{ ONNX__TENSOR_PROTO__DATA_TYPE__INT16, 16, 21, 21, 10, "INT16" },
	{ ONNX__TENSOR_PROTO__DATA_TYPE__INT32, 32, 10, 13, 0, "INT32" },
};

enum { HALF_SCALE_OPSET = 19, BITS_MAX = 16 };

/* --- which type --------------------------------------------------------------------------- */

static int64_t
opset_for(const struct format *format, const struct quantize_request *request)
{
	int64_t opset = request->quantization->per_unit ? format->opset_per_unit
							: format->opset_per_tensor;

	if (request->shape.type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT && opset < HALF_SCALE_OPSET)
		return HALF_SCALE_OPSET;
	return opset;
}

static snnfit_status
note_wider(const struct quantize_request *request, const struct format *wanted,
	   const struct format *found, const Onnx__NodeProto *obstacle, struct text *notes,
	   snnfit_error *err)
{
	if (!notes)
		return SNNFIT_OK;
	text_printf(notes,
		    "%s: its %" PRIu32 "-bit weights are written as %s, not %s: that needs opset "
		    "%" PRId64 ", in which node '%.60s' (%.40s) may mean something else\n",
		    request->population, request->quantization->bits, found->name, wanted->name,
		    opset_for(wanted, request), obstacle->name ? obstacle->name : "",
		    obstacle->op_type ? obstacle->op_type : "");
	return text_failed(notes) ? error_no_memory(err) : SNNFIT_OK;
}

static snnfit_status
refuse(const struct quantize_request *request, const Onnx__NodeProto *obstacle, snnfit_error *err)
{
	return error_set(err, SNNFIT_EUNSUPPORTED,
			 "%.60s: quantized weights need opset 13 (opset 10 for one scale a "
			 "tensor), which node '%.60s' (%.40s) forbids: convert the model to opset "
			 "13 first, or leave quantization out",
			 request->population, obstacle->name ? obstacle->name : "",
			 obstacle->op_type ? obstacle->op_type : "");
}

/* onnxruntime (1.31.1, from its optimization level 2 on) makes DequantizeLinear and MatMul one
 * MatMulNBits, and reads INT2 wrongly in it where the columns, our rows, are no multiple of 4. */
static bool
is_read_wrongly(const struct format *format, const struct quantize_request *request)
{
	return format->bits == 2 && request->shape.rank == 2 && request->row_axis == 1 &&
	       request->shape.dims[1] % 4 != 0;
}

static snnfit_status
choose(const struct onnx_model *model, const struct quantize_request *request,
       const struct format **out, struct text *notes, snnfit_error *err)
{
	const struct format *wanted = NULL;
	const Onnx__NodeProto *first = NULL;
	struct arena scratch = { 0 };
	bool enough_memory = true;
	size_t i;

	*out = NULL;
	for (i = 0; i < sizeof formats / sizeof *formats && !*out && enough_memory; i++) {
		const struct format *format = &formats[i];
		const Onnx__NodeProto *obstacle = NULL;

		if (format->bits < request->quantization->bits || is_read_wrongly(format, request))
			continue;
		enough_memory = opset_obstacle(onnx_model_proto(model), opset_for(format, request),
					       &scratch, &obstacle);
		if (!wanted) {
			wanted = format;
			first = obstacle;
		}
		if (!obstacle)
			*out = format;
	}
	arena_free(&scratch);
	if (!enough_memory)
		return error_no_memory(err);
	if (!*out)
		return refuse(request, first, err);
	return *out == wanted ? SNNFIT_OK : note_wider(request, wanted, *out, first, notes, err);
}

/* --- the integers --------------------------------------------------------------------------- */

/* The nearest number of a half to the scale; the next one if with the nearest
 * the largest integer of the width would not reach the largest weight. */
static float
half_scale(float scale, float nearest, float next, uint32_t bits)
{
	double largest = ldexp(1, (int)bits - 1) - 1;

	return (largest + 0.5) * (double)nearest < largest * (double)scale ? next : nearest;
}

/* The scale of a row as the file has it: a half has few digits, and no number
 * below 2^-24. */
static float
stored_scale(const struct quantize_request *request, uint64_t row)
{
	const struct quantization *quantization = request->quantization;
	float scale = quantization->scale[quantization->per_unit ? row : 0];
	uint16_t bits;

	if (request->shape.type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16) {
		bits = number_to_float16(scale);
		return half_scale(scale, number_from_float16(bits),
				  number_from_float16((uint16_t)(bits + 1)), quantization->bits);
	}
	if (request->shape.type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16) {
		bits = number_to_bfloat16(scale);
		return half_scale(scale, number_from_bfloat16(bits),
				  number_from_bfloat16((uint16_t)(bits + 1)), quantization->bits);
	}
	return scale;
}

/* Elements that follow each other with the same row. */
static uint64_t
row_stride(const struct quantize_request *request)
{
	uint64_t stride = 1;
	uint32_t d;

	for (d = request->row_axis + 1; d < request->shape.rank; d++)
		stride *= request->shape.dims[d];
	return stride;
}

static int32_t
to_integer(float value, float scale, uint32_t bits)
{
	double limit = ldexp(1, (int)bits - 1);
	double integer = scale > 0 ? nearbyint((double)value / (double)scale) : 0;

	return (int32_t)fmin(fmax(integer, -limit), limit - 1);
}

/* Low nibble (or pair of bits) first. */
static void
put(uint8_t *bytes, uint32_t bits, uint64_t at, int32_t value)
{
	uint64_t first = at * bits;
	uint32_t i;

	if (bits < 8) {
		uint32_t mask = (UINT32_C(1) << bits) - 1;

		bytes[first / 8] |= (uint8_t)(((uint32_t)value & mask) << first % 8);
		return;
	}
	for (i = 0; i < bits / 8; i++)
		bytes[first / 8 + i] = (uint8_t)((uint32_t)value >> 8 * i);
}

static snnfit_status
make_integers(struct onnx_model *model, const struct quantize_request *request,
	      const struct format *format, Onnx__TensorProto *tensor, snnfit_error *err)
{
	const struct quantization *quantization = request->quantization;
	uint64_t rows = request->shape.dims[request->row_axis], stride = row_stride(request);
	struct tensor_shape shape = request->shape;
	snnfit_status status;
	uint64_t length, i;
	uint8_t *bytes;

	shape.type = format->type;
	if (!tensor_raw_bytes(format->type, shape.count, &length) || length > SIZE_MAX - 1)
		return error_no_memory(err);
	bytes = calloc((size_t)length + 1, 1);
	if (!bytes)
		return error_no_memory(err);
	for (i = 0; i < shape.count; i++)
		put(bytes, format->bits, i,
		    to_integer(request->values[i], stored_scale(request, i / stride % rows),
			       quantization->bits));
	status = tensor_set_raw(model, tensor, &shape, bytes, length, err);
	free(bytes);
	return status;
}

/* A unit without weights has scale 0; the scale of what is written is never 0. */
static snnfit_status
make_scale(struct onnx_model *model, const struct quantize_request *request,
	   Onnx__TensorProto *tensor, snnfit_error *err)
{
	const struct quantization *quantization = request->quantization;
	struct tensor_shape shape = { .type = request->shape.type, .count = 1 };
	snnfit_status status;
	float *values;
	uint64_t i;

	if (quantization->per_unit) {
		shape.rank = 1;
		shape.count = shape.dims[0] = request->shape.dims[request->row_axis];
	}
	values = malloc((size_t)(shape.count + 1) * sizeof *values);
	if (!values)
		return error_no_memory(err);
	for (i = 0; i < shape.count; i++) {
		values[i] = stored_scale(request, i);
		if (!(values[i] > 0))
			values[i] = 1;
	}
	status = tensor_set_float(model, tensor, &shape, values, err);
	free(values);
	return status;
}

static snnfit_status
make_node(struct onnx_model *model, struct names *names, const struct quantize_request *request,
	  struct quantize_result *result, snnfit_error *err)
{
	struct arena *arena = onnx_model_arena(model);
	const char *output = names_fresh(names, request->name, "dequantized");
	const char *label = names_fresh(names, request->name, "dequantize");

	if (!output || !label)
		return error_no_memory(err);
	result->node = build_node(arena,
				  &(struct build_node){
					  .op_type = "DequantizeLinear",
					  .name = label,
					  .inputs = { result->integers->name, result->scale->name },
					  .outputs = { output },
				  });
	if (result->node && request->quantization->per_unit)
		result->node = build_int(arena, result->node, "axis", request->row_axis);
	return result->node ? SNNFIT_OK : error_no_memory(err);
}

static snnfit_status
check(const struct quantize_request *request, snnfit_error *err)
{
	const struct quantization *quantization = request->quantization;
	int32_t type = request->shape.type;

	if (quantization->bits < 2 || quantization->bits > BITS_MAX || !quantization->scale)
		return error_set(err, SNNFIT_EINTERNAL, "%.60s: quantized to %" PRIu32 " bits",
				 request->population, quantization->bits);
	if (type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT &&
	    type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 &&
	    type != ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16)
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "%.60s: DequantizeLinear cannot make the type of its weights "
				 "(%" PRId32 "): convert the model to float first, or leave "
				 "quantization out",
				 request->population, type);
	return SNNFIT_OK;
}

snnfit_status
quantize(struct onnx_model *model, struct names *names, const struct quantize_request *request,
	 struct quantize_result *result, struct text *notes, snnfit_error *err)
{
	const struct format *format = NULL;
	const char *integers, *scale;
	snnfit_status status = check(request, err);

	if (status == SNNFIT_OK)
		status = choose(model, request, &format, notes, err);
	if (status == SNNFIT_OK)
		status = opset_raise(model, opset_for(format, request), format->ir, err);
	if (status != SNNFIT_OK)
		return status;
	integers = names_fresh(names, request->name, "quantized");
	scale = names_fresh(names, request->name, "scale");
	if (!integers || !scale)
		return error_no_memory(err);
	result->integers = tensor_new(model, integers);
	result->scale = tensor_new(model, scale);
	if (!result->integers || !result->scale)
		return error_no_memory(err);
	status = make_integers(model, request, format, result->integers, err);
	if (status == SNNFIT_OK)
		status = make_scale(model, request, result->scale, err);
	if (status == SNNFIT_OK)
		status = make_node(model, names, request, result, err);
	return status;
}
