/* bind_projections.c - projections: where their weights and biases stand, and how they are read. */
#include "importer/bind.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint32_t
bind_root_source(const struct import *import, uint32_t value)
{
	const struct program *program = &import->program;

	while (program->values[value].kind == VALUE_RESULT) {
		const struct operation *operation =
			&program->operations[program->values[value].operation];

		if (!operation->operand_count || operation->operands[0] == NO_VALUE)
			break;
		value = operation->operands[0];
	}
	return value;
}

/* --- reading weights ------------------------------------------------------------------------ */

struct loader {
	struct import *import;
	const struct weight_operation *weight;
	uint32_t value;
	uint32_t rows, columns;	     /* of the matrix; columns include the kernel */
	bool direct;		     /* value is the stored tensor, or an alias of it */
	const struct constant *zero; /* taken off the integers, one or one a row; NULL: none */
	struct constant *whole;	     /* kept once it had to be computed */
};

static bool
is_real(int32_t type)
{
	return type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ||
	       type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE ||
	       type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 ||
	       type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
}

/* Integers as they stand. */
static snnfit_status
read_values(const struct onnx_model *model, const Onnx__TensorProto *tensor, uint64_t first,
	    uint64_t count, float *out, snnfit_error *err)
{
	int64_t *integers;
	snnfit_status status;
	uint64_t i;

	if (is_real(tensor->data_type))
		return tensor_read_float(model, tensor, first, count, out, err);
	integers = calloc(count + 1, sizeof *integers);
	status = integers ? tensor_read_int64(model, tensor, first, count, integers, err)
			  : error_no_memory(err);
	for (i = 0; !status && i < count; i++)
		out[i] = (float)integers[i];
	free(integers);
	return status;
}

static snnfit_status
load_direct(const struct loader *loader, const Onnx__TensorProto *tensor, uint32_t first,
	    uint32_t count, float *out, snnfit_error *err)
{
	const struct onnx_model *model = loader->import->program.model;
	snnfit_status status = SNNFIT_OK;
	float *piece;
	uint32_t c, r;

	if (!loader->weight || !loader->weight->transposed)
		return read_values(model, tensor, (uint64_t)first * loader->columns,
				   (uint64_t)count * loader->columns, out, err);
	piece = arena_alloc(&loader->import->arena, count, sizeof *piece);
	if (!piece)
		return error_no_memory(err);
	for (c = 0; c < loader->columns && !status; c++) {
		status = read_values(model, tensor, (uint64_t)c * loader->rows + first, count,
				     piece, err);
		for (r = 0; r < count && !status; r++)
			out[(size_t)r * loader->columns + c] = piece[r];
	}
	return status;
}

static bool
make_reals(const struct loader *loader, struct constant *whole)
{
	uint64_t i;

	whole->reals = arena_alloc(&loader->import->arena, whole->count, sizeof *whole->reals);
	for (i = 0; whole->reals && i < whole->count; i++)
		whole->reals[i] = (float)whole->integers[i];
	return whole->reals != NULL;
}

static snnfit_status
evaluate_whole(struct loader *loader, snnfit_error *err)
{
	struct constant *whole = arena_zalloc(&loader->import->arena, 1, sizeof *whole);
	snnfit_status status;

	if (!whole)
		return error_no_memory(err);
	status = constant_evaluate(&loader->import->constants, loader->value,
				   &loader->import->arena, whole, err);
	if (status)
		return status;
	if (whole->integers && !make_reals(loader, whole))
		return error_no_memory(err);
	if (whole->count != (uint64_t)loader->rows * loader->columns)
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "the weights %s are not the numbers of its units",
				 loader->import->program.values[loader->value].name);
	loader->whole = whole;
	return SNNFIT_OK;
}

static void
copy_rows(const struct loader *loader, uint32_t first, uint32_t count, float *out)
{
	bool transposed = loader->weight && loader->weight->transposed;
	const float *from = loader->whole->reals;
	size_t rows = loader->rows, columns = loader->columns, r, c;

	for (r = 0; r < count; r++)
		for (c = 0; c < columns; c++)
			out[r * columns + c] = transposed ? from[c * rows + first + r]
							  : from[(first + r) * columns + c];
}

static void
take_off_zero(const struct loader *loader, uint32_t first, uint32_t count, float *out)
{
	const struct constant *zero = loader->zero;
	size_t r, c;

	for (r = 0; zero && r < count; r++)
		for (c = 0; c < loader->columns; c++)
			out[r * loader->columns + c] -=
				(float)zero->integers[zero->count > 1 ? first + r : 0];
}

/* Without a branch, so that the compiler makes vectors of it. */
static bool
all_finite(const float *values, size_t count)
{
	const uint32_t exponent = UINT32_C(0x7f800000);
	uint32_t bits, not_finite = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		memcpy(&bits, &values[i], sizeof bits);
		not_finite |= (bits & exponent) == exponent;
	}
	return !not_finite;
}

/* No pass can reason about a weight that is no number. */
static snnfit_status
check_finite(const struct loader *loader, uint32_t first, uint32_t count, const float *values,
	     snnfit_error *err)
{
	size_t i, size = (size_t)count * loader->columns;

	if (all_finite(values, size))
		return SNNFIT_OK;
	for (i = 0; i < size; i++)
		if (!isfinite(values[i]))
			return error_set(err, SNNFIT_EUNSUPPORTED,
					 "%.200s: the weight of unit %zu, input %zu is not finite",
					 loader->import->program.values[loader->value].name,
					 first + i / loader->columns, i % loader->columns);
	return SNNFIT_OK;
}

static snnfit_status
load_rows(void *context, uint32_t id, uint32_t first, uint32_t count, float *out, snnfit_error *err)
{
	struct loader *loader = context;
	snnfit_status status = SNNFIT_OK;

	(void)id; /* a loader has one matrix */
	if (loader->direct) {
		uint32_t root = bind_root_source(loader->import, loader->value);

		status = load_direct(loader, loader->import->program.values[root].tensor, first,
				     count, out, err);
	} else {
		if (!loader->whole)
			status = evaluate_whole(loader, err);
		if (!status)
			copy_rows(loader, first, count, out);
	}
	if (status)
		return status;
	take_off_zero(loader, first, count, out);
	return check_finite(loader, first, count, out, err);
}

/* Stored as it is read: nothing between but Identity. */
static bool
is_direct(const struct import *import, uint32_t value)
{
	const struct program *program = &import->program;

	while (program->values[value].kind == VALUE_RESULT) {
		const struct operation *operation =
			&program->operations[program->values[value].operation];

		if (!operation_is(operation, "Identity"))
			return false;
		value = operation->operands[0];
	}
	return program->values[value].kind == VALUE_SOURCE;
}

static snnfit_status
make_weights(struct import *import, const struct weight_operation *weight, uint32_t value,
	     uint32_t rows, uint32_t columns, struct weights **out, snnfit_error *err)
{
	struct loader *loader = arena_zalloc(&import->arena, 1, sizeof *loader);

	if (!loader)
		return error_no_memory(err);
	*loader = (struct loader){ .import = import,
				   .weight = weight,
				   .value = value,
				   .rows = rows,
				   .columns = columns,
				   .direct = is_direct(import, value) };
	if (weight)
		loader->zero = axes_weight_zero(&import->axes,
						&import->program.operations[weight->operation]);
	return weights_from_file(out, rows, columns, load_rows, loader, value, err);
}

/* --- biases ----------------------------------------------------------------------- */

struct bias {
	uint32_t value; /* NO_VALUE: none */
	uint32_t node, slot;
	bool added;   /* a new one would have to be put in by an Add */
	bool unknown; /* there is one, that cannot be had */
};

/* A constant with a number a row, along its last axis: [rows][1] beside a batch as large would
 * have one for each sample. */
static bool
is_vector_of(const struct import *import, uint32_t value, uint32_t rows)
{
	const struct tensor_axes *tensor = &import->axes.tensors[value];
	uint64_t size = 1;
	uint32_t d;

	for (d = 0; tensor->known && d < tensor->rank; d++) {
		size = axis_size((struct axes *)&import->axes, tensor->axes[d]);
		if (size != 1 && d + 1 < tensor->rank)
			return false;
	}
	return tensor->known && size == rows && import->program.values[value].constant;
}

/* The Add that is the only reader of a product, with a constant of the right size. */
static void
find_added_bias(const struct import *import, uint32_t product, uint32_t rows, struct bias *bias)
{
	const struct operation *add = &import->program.operations[import->last_reader[product]];
	uint32_t other;

	if (import->reader_count[product] != 1 || !operation_is(add, "Add") ||
	    add->operand_count != 2 || add->scope)
		return;
	other = add->operands[0] == product ? 1 : 0;
	if (add->operands[other] != NO_VALUE && is_vector_of(import, add->operands[other], rows))
		*bias = (struct bias){ add->operands[other], add->node_index, other, false, false };
}

/* What is added behind it counts as much as what the weights give. */
static bool
is_plain_gemm(const struct operation *operation)
{
	return operation_is(operation, "Gemm") && operation_float(operation, "alpha", 1) == 1;
}

/* Where it stands; also when its numbers cannot be had. A Gemm may have something else for its
 * third input, as a state: then its bias, too, is what is added behind it. */
static struct bias
locate_bias(const struct import *import, const struct weight_operation *weight, uint32_t rows)
{
	const struct operation *operation = &import->program.operations[weight->operation];
	struct bias bias = { NO_VALUE, GRAPH_NONE, 0, true, false };
	uint32_t third = operation->operand_count > 2 ? operation->operands[2] : NO_VALUE;

	if (axes_multiplies_codes(operation))
		return bias;
	if (third != NO_VALUE && is_vector_of(import, third, rows))
		bias = (struct bias){ third, operation->node_index, 2, false, false };
	else if (operation_is(operation, "MatMul") ||
		 (third != NO_VALUE && is_plain_gemm(operation)))
		find_added_bias(import, operation->results[0], rows, &bias);
	else if (third == NO_VALUE)
		bias.added = false; /* Gemm and Conv take one as their third input */
	return bias;
}

/* One that cannot be had stays as it is: what is new is added beside it. */
static struct bias
find_bias(const struct import *import, const struct weight_operation *weight, uint32_t rows)
{
	struct bias bias = locate_bias(import, weight, rows);

	if (bias.value != NO_VALUE && !constant_is_computable(&import->constants, bias.value))
		return (struct bias){ NO_VALUE, GRAPH_NONE, 0, true, true };
	return bias;
}

/* --- one projection --------------------------------------------------------------- */

/* Nothing can be put behind a part of a node. */
static bool
is_shut(const struct operation *operation, const struct bias *bias)
{
	return operation->written && bias->added;
}

/* New weights and biases can be written: in the main graph, and nothing scales them. */
static bool
is_editable(const struct operation *operation, const struct bias *bias)
{
	return !is_shut(operation, bias) && !operation->scope && !axes_is_foreign(operation) &&
	       !axes_multiplies_codes(operation) && operation_float(operation, "alpha", 1) == 1 &&
	       operation_float(operation, "beta", 1) == 1;
}

static uint32_t
kernel_size(const struct import *import, const struct weight_operation *weight)
{
	const struct operation *operation = &import->program.operations[weight->operation];
	const struct tensor_axes *w =
		&import->axes.tensors[operation->operands[weight->weight_operand]];
	uint64_t size = 1;
	uint32_t d;

	for (d = 2; d < w->rank; d++) /* of a convolution */
		size *= axis_size((struct axes *)&import->axes, w->axes[d]);
	return size > UINT32_MAX ? 0 : (uint32_t)size;
}

/* Of the target's units [first, first + rows). */
static bool
set_gain(struct graph *graph, struct parameter *out, const struct coefficient *coefficient,
	 const struct projection *projection, uint32_t rows)
{
	uint32_t units = population_units(graph, projection->target);
	bool all = coefficient->count == units && units > 1;

	if (coefficient->count != 1 && !all)
		return graph_set_parameter(graph, out, 1);
	out->count = all ? rows : 1;
	out->values = arena_copy(&graph->arena,
				 coefficient->values + (all ? projection->first_row : 0),
				 out->count, sizeof(double));
	return out->values != NULL;
}

/* The same stored bias, or none. */
static bool
same_bias(const struct import *import, const struct bias *a, const struct bias *b)
{
	const struct value *values = import->program.values;
	uint32_t one, other;

	if (a->value == NO_VALUE || b->value == NO_VALUE)
		return a->value == b->value && a->added == b->added;
	one = bind_root_source(import, a->value);
	other = bind_root_source(import, b->value);
	return values[one].tensor && values[one].tensor == values[other].tensor;
}

static void
add_binding(struct import *import, const struct weight_operation *weight, const struct bias *bias,
	    bool editable)
{
	const struct operation *operation = &import->program.operations[weight->operation];
	struct bindings *bindings = &import->bindings;

	bindings->projections[bindings->projection_count++] = (struct binding_projection){
		.node = operation->node_index,
		.data_slot = weight->data_operand,
		.weight_slot = weight->weight_operand,
		.bias_node = bias->node,
		.bias_slot = bias->slot,
		.bias_added = bias->added,
		.transposed = weight->transposed,
		.data_rank = import->axes.tensors[operation->operands[weight->data_operand]].rank,
		.editable = editable && is_editable(operation, bias),
	};
}

/* One for each step; what is written has to be right at all of them. */
static void
set_bindings(struct import *import, uint32_t weight, uint32_t rows, struct projection *projection)
{
	struct bindings *bindings = &import->bindings;
	struct bias first = find_bias(import, &import->axes.weights[weight], rows);
	bool editable = true;
	uint32_t i;

	projection->binding = (uint32_t)bindings->projection_count;
	projection->reads_input_of = projection->binding;
	for (i = weight; i != NO_VALUE; i = import->neurons.next_instance[i]) {
		struct bias bias = find_bias(import, &import->axes.weights[i], rows);

		editable = editable && same_bias(import, &first, &bias);
		add_binding(import, &import->axes.weights[i], &bias, editable);
		editable = bindings->projections[bindings->projection_count - 1].editable;
	}
	projection->more_bindings = (uint32_t)bindings->projection_count - projection->binding - 1;
	bindings->projections[projection->binding].editable = editable;
}

static void
freeze_source(struct graph *graph, const struct projection *projection, const char *reason)
{
	uint32_t i;

	for (i = 0; i < projection->columns.count; i++)
		bind_freeze(graph, projection->columns.spans[i].axis, reason);
}

/* Nothing that is concluded from the drive holds without it. */
static void
freeze_unknown_bias(struct graph *graph, const struct projection *projection, const char *label)
{
	const char *reason = arena_printf(&graph->arena,
					  "the bias of %s cannot be read or computed here; fold "
					  "constants before, for instance with onnxsim",
					  label);

	bind_freeze(graph, graph->populations[projection->target].axis,
		    reason ? reason : "its bias cannot be read");
}

/* New weights cannot be written: where those that are only ever cut are not cut either.
 * And around the edge of a convolution a silent unit gives another constant. */
static bool
freeze_what_stays(struct import *import, struct graph *graph, const struct projection *projection,
		  const struct operation *operation, const struct bias *bias)
{
	const char *label = operation_label(&import->program, operation), *reason;

	if (!import->bindings.projections[projection->binding].editable &&
	    (operation->scope || !axes_multiplies_codes(operation))) {
		bool shut = is_shut(operation, bias);

		reason = arena_printf(&graph->arena,
				      shut ? "%s is several operators in one, with no place for "
					     "another bias: export the model before that "
					     "optimization"
					   : "the weights of %s stand where they cannot be changed",
				      label);
		if (!reason)
			return false;
		bind_freeze(graph, graph->populations[projection->target].axis, reason);
		freeze_source(graph, projection, reason);
	}
	if ((projection->kernel > 1 || operation_pads(operation)) && projection->silent) {
		reason = arena_printf(&graph->arena,
				      "%s reads a constant of it where it is silent, but not "
				      "around the edge",
				      label);
		if (!reason)
			return false;
		freeze_source(graph, projection, reason);
	}
	return true;
}

static snnfit_status
bind_projection(struct import *import, struct graph *graph, uint32_t population, uint32_t number,
		const struct coefficient *gain, snnfit_error *err)
{
	const struct weight_operation *weight = &import->axes.weights[number];
	const struct operation *operation = &import->program.operations[weight->operation];
	const char *label = operation_label(&import->program, operation);
	uint64_t columns = axis_size(&import->axes, weight->columns);
	uint32_t rows = (uint32_t)axis_size(&import->axes, weight->units);
	uint32_t kernel = kernel_size(import, weight);
	struct bias bias = find_bias(import, weight, rows);
	projection_id id = graph_add_projection(graph, population);
	struct projection *projection;
	snnfit_status status;

	if (id == GRAPH_NONE)
		return error_no_memory(err);
	if (!kernel || columns > UINT32_MAX / kernel)
		return error_set(err, SNNFIT_ELIMIT, "the weights of %s are too large", label);
	projection = &graph->projections[id];
	projection->kernel = kernel;
	projection->partial = rows != population_units(graph, population);
	if (projection->partial)
		projection->first_row = bind_first_unit(
			import, import->neurons.populations[population].units, weight->units);
	if (!bind_dimension(import, graph, weight->columns, &graph->arena, &projection->columns) ||
	    !set_gain(graph, &projection->gain, gain, projection, rows))
		return error_no_memory(err);
	status = make_weights(import, weight, operation->operands[weight->weight_operand], rows,
			      (uint32_t)columns * kernel, &projection->weights, err);
	if (!status && bias.value != NO_VALUE)
		status = make_weights(import, NULL, bias.value, rows, 1, &projection->bias, err);
	if (!status)
		set_bindings(import, number, rows, projection);
	if (!status)
		status = bind_reads(import, graph, id, number, err);
	if (!status)
		status = bind_quantization(import, graph, id, weight, err);
	if (status)
		return status;
	if (bias.unknown)
		freeze_unknown_bias(graph, projection, label);
	return freeze_what_stays(import, graph, projection, operation, &bias)
		       ? SNNFIT_OK
		       : error_no_memory(err);
}

snnfit_status
bind_projections(struct import *import, struct graph *graph, snnfit_error *err)
{
	const struct axes *axes = &import->axes;
	snnfit_status status;
	uint32_t i, j;

	import->bindings.projections = arena_zalloc(&import->arena, axes->weight_count,
						    sizeof *import->bindings.projections);
	if (!import->bindings.projections)
		return error_no_memory(err);
	for (i = 0; i < import->neurons.count; i++) {
		const struct found_population *found = &import->neurons.populations[i];

		for (j = 0; j < found->weight_count; j++) {
			status = bind_projection(import, graph, i, found->weights[j],
						 &found->gains[j], err);
			if (status)
				return status;
		}
	}
	return SNNFIT_OK;
}
