/* bind_quantization.c - weights that stand in the file as integers times a scale. */
#include "importer/bind.h"

#include <stdlib.h>

enum { PIECE = 1 << 16 };

/* DequantizeLinear of constants, behind any Identity; NULL: something else. */
static const struct operation *
dequantization_of(const struct program *program, uint32_t value)
{
	while (program->values[value].kind == VALUE_RESULT && program->values[value].constant) {
		const struct operation *operation =
			&program->operations[program->values[value].operation];

		if (operation_is(operation, "DequantizeLinear"))
			return operation;
		if (!operation_is(operation, "Identity"))
			return NULL;
		value = operation->operands[0];
	}
	return NULL;
}

static bool
zero_point_is_zero(const struct constants *constants, const struct operation *operation)
{
	const struct constant *zero;
	uint64_t i;

	if (operation->operand_count < 3 || operation->operands[2] == NO_VALUE)
		return true;
	zero = constant_of(constants, operation->operands[2]);
	for (i = 0; zero && zero->integers && i < zero->count; i++)
		if (zero->integers[i] != 0)
			return false;
	return zero && zero->integers;
}

/* One scale for all, or one a row; per_unit says which. */
static const struct constant *
scales_of(const struct import *import, const struct operation *operation, uint32_t row_axis,
	  uint32_t rows, bool *per_unit)
{
	const struct constant *scale = constant_of(&import->constants, operation->operands[1]);
	int64_t axis = operation_int(operation, "axis", 1);
	uint64_t i;

	if (!scale || !scale->reals)
		return NULL;
	for (i = 0; i < scale->count; i++)
		if (!(scale->reals[i] > 0))
			return NULL;
	if (axis < 0)
		axis += import->axes.tensors[operation->operands[0]].rank;
	*per_unit = scale->count > 1;
	if (*per_unit && (scale->count != rows || axis != row_axis))
		return NULL;
	return scale;
}

/* --- the widest code ------------------------------------------------------------------- */

static void
widen(const int64_t *codes, uint64_t count, int64_t *largest)
{
	uint64_t i;

	for (i = 0; i < count; i++) {
		int64_t size = codes[i] < 0 ? -codes[i] : codes[i];

		*largest = size > *largest ? size : *largest;
	}
}

static snnfit_status
largest_stored(const struct onnx_model *model, const Onnx__TensorProto *tensor, int64_t *largest,
	       snnfit_error *err)
{
	struct tensor_shape shape;
	int64_t *piece = malloc(PIECE * sizeof *piece);
	snnfit_status status = piece ? tensor_shape_of(model, tensor, &shape, err)
				     : error_no_memory(err);
	uint64_t at;

	for (at = 0; !status && at < shape.count; at += PIECE) {
		uint64_t count = shape.count - at < PIECE ? shape.count - at : PIECE;

		status = tensor_read_int64(model, tensor, at, count, piece, err);
		if (!status)
			widen(piece, count, largest);
	}
	free(piece);
	return status;
}

/* *known stays false where the codes are no integers that can be had. */
static snnfit_status
largest_code(struct import *import, uint32_t value, int64_t *largest, bool *known,
	     snnfit_error *err)
{
	const struct value *v = &import->program.values[value];
	struct arena scratch = { 0 };
	struct constant codes;

	*largest = 0;
	if (v->kind == VALUE_SOURCE) {
		*known = true;
		return largest_stored(import->program.model, v->tensor, largest, err);
	}
	*known = constant_evaluate(&import->constants, value, &scratch, &codes, NULL) ==
			 SNNFIT_OK &&
		 codes.integers;
	if (*known)
		widen(codes.integers, codes.count, largest);
	arena_free(&scratch);
	return SNNFIT_OK;
}

/* The width that holds them all, in symmetric codes; 0: none up to 16. */
static uint32_t
bits_of(int64_t largest)
{
	uint32_t bits = 2;

	while (bits <= 16 && largest > (1 << (bits - 1)) - 1)
		bits++;
	return bits <= 16 ? bits : 0;
}

static snnfit_status
set_quantization(struct import *import, struct graph *graph, struct projection *projection,
		 uint32_t codes, int64_t zero, const struct constant *scale, snnfit_error *err)
{
	const float one = 1;
	uint64_t count = scale ? scale->count : 1;
	int64_t largest;
	bool known;
	snnfit_status status = largest_code(import, codes, &largest, &known, err);
	uint32_t bits = bits_of(largest + zero);

	if (status || !known || !bits)
		return status;
	projection->quantization.scale = arena_copy(&graph->arena, scale ? scale->reals : &one,
						    count, sizeof(float));
	if (!projection->quantization.scale)
		return error_no_memory(err);
	projection->quantization.bits = bits;
	return SNNFIT_OK;
}

/* Integers that an operator multiplies as they are: their scale is part of the gain. */
static snnfit_status
bind_integers(struct import *import, struct graph *graph, struct projection *projection,
	      const struct operation *operation, uint32_t weights, snnfit_error *err)
{
	const struct constant *zero = axes_weight_zero(&import->axes, operation);
	int64_t largest = 0;

	if (zero)
		widen(zero->integers, zero->count, &largest);
	return set_quantization(import, graph, projection, weights, largest, NULL, err);
}

snnfit_status
bind_quantization(struct import *import, struct graph *graph, projection_id id,
		  const struct weight_operation *weight, snnfit_error *err)
{
	const struct operation *reader = &import->program.operations[weight->operation];
	struct projection *projection = &graph->projections[id];
	uint32_t value = reader->operands[weight->weight_operand];
	const struct operation *operation = dequantization_of(&import->program, value);
	const struct constant *scale;
	bool per_unit = false;

	if (axes_multiplies_codes(reader))
		return bind_integers(import, graph, projection, reader, value, err);
	if (!operation || !zero_point_is_zero(&import->constants, operation))
		return SNNFIT_OK;
	scale = scales_of(import, operation, weight->transposed ? 1 : 0, projection->weights->rows,
			  &per_unit);
	projection->quantization.per_unit = per_unit;
	return scale ? set_quantization(import, graph, projection, operation->operands[0], 0, scale,
					err)
		     : SNNFIT_OK;
}
