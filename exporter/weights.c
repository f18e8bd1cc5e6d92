/* weights.c - new weights and biases, where the old ones stood or beside them.
 *
 * A stored tensor that only this operation reads gets new values under its name.
 * Weights that come out of an expression (DequantizeLinear of a Clip) or that
 * somebody else reads too are written as a tensor of their own, and what nobody
 * reads then goes with the dead nodes. Weights that were only cut are not
 * touched: the cut is streamed from file to file. */
#include "exporter/edit.h"
#include "exporter/build.h"
#include "exporter/quantize.h"
#include "proto/attribute.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EXPRESSION_MAX = 64 }; /* nodes followed to find a type or a name */

/* Weights that were written, and for which projection: layers may be tied. */
struct written {
	uint32_t before; /* the value that the operation read, behind Identity */
	const char *after;
	const struct projection *projection;
	uint32_t graph; /* of the operation */
	bool transposed;
};

struct written_list {
	struct written *items;
	size_t count, capacity;
};

struct writer {
	struct edit *edit;
	struct written_list *written;
	const struct projection *projection;
	const struct binding_projection *binding;
	const char *population; /* for messages */
	const char *bias;	/* written for an earlier step; NULL: none yet */
	snnfit_error *err;
};

/* --- what the operation reads now ----------------------------------------------------------- */

static bool
is_float(int32_t type)
{
	return type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ||
	       type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE ||
	       type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 ||
	       type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
}

static bool
node_is(const Onnx__NodeProto *node, const char *op_type)
{
	return domain_is_standard(node->domain) && node->op_type &&
	       strcmp(node->op_type, op_type) == 0;
}

/* Also with what an optimizer of graphs put into it. */
static bool
is_convolution(const Onnx__NodeProto *node)
{
	return node_is(node, "Conv") ||
	       (node->domain && node->op_type && strcmp(node->domain, "com.microsoft") == 0 &&
		strcmp(node->op_type, "FusedConv") == 0);
}

/* What makes the name, and *graph becomes the one that this stands in. */
static const Onnx__NodeProto *
producer(const struct edit *edit, uint32_t *graph, const char *name)
{
	uint32_t index = edit_producer(edit, *graph, name);

	if (index == GRAPH_NONE)
		return NULL;
	*graph = edit->nodes[index].graph;
	return edit->nodes[index].proto;
}

static bool
reads(const struct edit *edit, uint32_t node, uint32_t slot, uint32_t value)
{
	return value != GRAPH_NONE &&
	       edit_find(edit, edit->nodes[node].graph, edit_input_of(edit, node, slot)) == value;
}

/* Slots of the projection's operations, all of its steps, that read the name. */
static uint32_t
own_readers(const struct writer *writer, uint32_t graph, const char *name)
{
	const struct edit *edit = writer->edit;
	uint32_t value = edit_find(edit, graph, name), count = 0, i;

	for (i = 0; i <= writer->projection->more_bindings; i++) {
		const struct binding_projection *binding =
			&edit->bindings->projections[writer->projection->binding + i];

		count += reads(edit, binding->node, binding->weight_slot, value);
		count += binding->bias_node != GRAPH_NONE &&
			 reads(edit, binding->bias_node, binding->bias_slot, value);
	}
	return count;
}

/* The stored tensor behind the name, seen through Identity. *alone: nobody reads
 * it, or what stands between, but this projection. */
static Onnx__TensorProto *
stored_behind(const struct writer *writer, uint32_t graph, const char *name, bool *alone)
{
	const struct edit *edit = writer->edit;
	uint32_t readers = own_readers(writer, graph, name);
	const Onnx__NodeProto *node;
	Onnx__TensorProto *tensor;
	unsigned i;

	*alone = true;
	for (i = 0; i < EXPRESSION_MAX; i++, readers = 1) {
		*alone = *alone && edit_readers(edit, graph, name) == readers;
		tensor = edit_stored(edit, graph, name);
		if (tensor)
			return tensor;
		node = producer(edit, &graph, name);
		if (!node || !node_is(node, "Identity") || !node->n_input)
			return NULL;
		name = node->input[0];
	}
	return NULL;
}

static int64_t
cast_target(const Onnx__NodeProto *node)
{
	size_t i;

	for (i = 0; i < node->n_attribute; i++)
		if (node->attribute[i]->name && strcmp(node->attribute[i]->name, "to") == 0)
			return node->attribute[i]->i;
	return ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
}

static bool
all_single(Onnx__ValueInfoProto *const *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const Onnx__TypeProto *type = list[i]->type;
		int32_t element = type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
					  ? type->tensor_type->elem_type
					  : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;

		if (element != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT && is_float(element))
			return false;
	}
	return true;
}

/* Where the expression does not tell, as the model's interface is; a model of
 * halves may mix them with floats, so that is left open, and refused. */
static int32_t
interface_type(const struct edit *edit)
{
	return all_single(edit->main->input, edit->main->n_input) &&
			       all_single(edit->main->output, edit->main->n_output)
		       ? ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
		       : ONNX__TENSOR_PROTO__DATA_TYPE__UNDEFINED;
}

/* The element type of a constant expression: of a float tensor in it. */
static int32_t
expression_type(const struct edit *edit, uint32_t graph, const char *name)
{
	unsigned i;

	for (i = 0; i < EXPRESSION_MAX; i++) {
		const Onnx__TensorProto *tensor = edit_stored(edit, graph, name);
		const Onnx__NodeProto *node = producer(edit, &graph, name);

		if (tensor)
			return is_float(tensor->data_type) ? tensor->data_type
							   : interface_type(edit);
		if (!node || !node->n_input)
			break;
		if (node_is(node, "Cast"))
			return (int32_t)cast_target(node);
		name = node->input[node_is(node, "DequantizeLinear") && node->n_input > 1 ? 1 : 0];
	}
	return interface_type(edit);
}

/* The tensor at the bottom of the expression: what people know the weights by.
 * Endings that an earlier export gave are left out. NULL: out of memory. */
static char *
base_name(struct edit *edit, uint32_t graph, const char *name)
{
	static const char *const endings[] = { "__weights", "__quantized", "__bias" };
	char *base, *ending;
	unsigned i;

	for (i = 0; i < EXPRESSION_MAX && !edit_stored(edit, graph, name); i++) {
		const Onnx__NodeProto *node = producer(edit, &graph, name);

		if (!node || !node->n_input || !node->input[0][0])
			break;
		name = node->input[0];
	}
	base = arena_strdup(&edit->scratch, name);
	for (i = 0; base && i < sizeof endings / sizeof *endings; i++) {
		ending = strstr(base, endings[i]);
		if (ending && ending != base &&
		    strspn(ending + strlen(endings[i]), "0123456789") ==
			    strlen(ending + strlen(endings[i])))
			*ending = '\0';
	}
	return base;
}

/* --- shape of the weights --------------------------------------------------------- */

static snnfit_status
refuse_shape(const struct writer *writer)
{
	return error_set(writer->err, SNNFIT_EUNSUPPORTED,
			 "%.100s: new weights cannot be written: the tensor it reads is not the "
			 "matrix of its units and inputs",
			 writer->population);
}

static const Onnx__AttributeProto *
kernel_attribute(const Onnx__NodeProto *node)
{
	size_t i;

	for (i = 0; i < node->n_attribute; i++)
		if (node->attribute[i]->name &&
		    strcmp(node->attribute[i]->name, "kernel_shape") == 0)
			return node->attribute[i];
	return NULL;
}

/* [rows][columns][kernel...]: the kernel as the tensor has it, or the node says. */
static bool
convolution_shape(const struct writer *writer, const Onnx__NodeProto *node,
		  const Onnx__TensorProto *tensor, struct tensor_shape *shape)
{
	const Onnx__AttributeProto *kernel = kernel_attribute(node);
	size_t rank = tensor ? tensor->n_dims : kernel ? kernel->n_ints + 2 : 0, d;

	if (rank < 3 || rank > TENSOR_RANK_MAX || !writer->projection->kernel)
		return false;
	shape->rank = (uint32_t)rank;
	shape->dims[0] = writer->projection->weights->rows;
	shape->dims[1] = writer->projection->weights->columns / writer->projection->kernel;
	for (d = 2; d < rank; d++)
		shape->dims[d] = (uint64_t)(tensor ? tensor->dims[d] : kernel->ints[d - 2]);
	return true;
}

/* [rows][columns] or [columns][rows], with the leading 1s that the tensor has. */
static bool
matrix_shape(const struct writer *writer, const Onnx__TensorProto *tensor,
	     struct tensor_shape *shape)
{
	const struct weights *weights = writer->projection->weights;
	bool transposed = writer->binding->transposed;
	size_t rank = tensor ? tensor->n_dims : 2, d;

	if (rank < 2 || rank > TENSOR_RANK_MAX)
		return false;
	for (d = 0; d + 2 < rank; d++)
		shape->dims[d] = 1;
	shape->rank = (uint32_t)rank;
	shape->dims[rank - 2] = transposed ? weights->columns : weights->rows;
	shape->dims[rank - 1] = transposed ? weights->rows : weights->columns;
	return true;
}

/* *row_axis: the dimension that is the rows. */
static snnfit_status
weights_shape(const struct writer *writer, const Onnx__TensorProto *tensor,
	      struct tensor_shape *shape, uint32_t *row_axis)
{
	const Onnx__NodeProto *node = writer->edit->nodes[writer->binding->node].proto;
	const struct weights *weights = writer->projection->weights;
	bool convolution = is_convolution(node);
	uint32_t d;

	*shape = (struct tensor_shape){ .count = 1 };
	if (convolution ? !convolution_shape(writer, node, tensor, shape)
			: !matrix_shape(writer, tensor, shape))
		return refuse_shape(writer);
	for (d = 0; d < shape->rank; d++)
		if (__builtin_mul_overflow(shape->count, shape->dims[d], &shape->count))
			return refuse_shape(writer);
	if (shape->count != (uint64_t)weights->rows * weights->columns)
		return refuse_shape(writer);
	*row_axis = convolution			  ? 0
		    : writer->binding->transposed ? shape->rank - 1
						  : shape->rank - 2;
	return SNNFIT_OK;
}

/* --- writing them ----------------------------------------------------------------- */

/* A tensor beside the old one, read by this operation alone. */
static snnfit_status
write_beside(const struct writer *writer, uint32_t node, uint32_t slot, const char *suffix,
	     const char *base, const struct tensor_shape *shape, const float *values)
{
	struct edit *edit = writer->edit;
	const char *name = names_fresh(&edit->names, base, suffix);
	Onnx__TensorProto *tensor = name ? tensor_new(edit->model, name) : NULL;
	snnfit_status status;

	if (!tensor)
		return error_no_memory(writer->err);
	status = tensor_set_float(edit->model, tensor, shape, values, writer->err);
	if (status == SNNFIT_OK)
		status = edit_append(edit, tensor, edit->nodes[node].graph, writer->err);
	if (status == SNNFIT_OK)
		status = edit_read(edit, node, slot, name, writer->err);
	return status;
}

static snnfit_status
write_in_place(const struct writer *writer, uint32_t graph, Onnx__TensorProto *tensor,
	       const char *name, const struct tensor_shape *shape, const float *values)
{
	snnfit_status status = tensor_set_float(writer->edit->model, tensor, shape, values,
						writer->err);

	if (status == SNNFIT_OK) {
		shapes_follow(writer->edit, tensor, graph, tensor->name);
		shapes_follow(writer->edit, tensor, graph, name);
	}
	return status;
}

static snnfit_status
write_quantized(const struct writer *writer, const char *base, const struct tensor_shape *shape,
		uint32_t row_axis, const float *values)
{
	struct edit *edit = writer->edit;
	uint32_t graph = edit->nodes[writer->binding->node].graph;
	struct quantize_request request = { &writer->projection->quantization,
					    writer->population,
					    base,
					    *shape,
					    row_axis,
					    values };
	struct quantize_result made = { 0 };
	snnfit_status status = quantize(edit->model, &edit->names, &request, &made, edit->notes,
					writer->err);

	if (status == SNNFIT_OK)
		status = edit_append(edit, made.integers, graph, writer->err);
	if (status == SNNFIT_OK)
		status = edit_append(edit, made.scale, graph, writer->err);
	if (status == SNNFIT_OK)
		status = edit_insert(edit, made.node, writer->binding->node, EDIT_BEFORE,
				     writer->err);
	if (status != SNNFIT_OK)
		return status;
	return edit_read(edit, writer->binding->node, writer->binding->weight_slot,
			 made.node->output[0], writer->err);
}

static snnfit_status
write_matrix(const struct writer *writer, const float *values)
{
	struct edit *edit = writer->edit;
	const struct binding_projection *binding = writer->binding;
	const char *name = edit_input_of(edit, binding->node, binding->weight_slot);
	uint32_t graph = edit->nodes[binding->node].graph;
	const char *base = base_name(edit, graph, name);
	struct tensor_shape shape;
	snnfit_status status;
	Onnx__TensorProto *tensor;
	uint32_t row_axis = 0;
	bool alone;

	if (!base)
		return error_no_memory(writer->err);
	tensor = stored_behind(writer, graph, name, &alone);
	status = weights_shape(writer, tensor, &shape, &row_axis);
	if (status != SNNFIT_OK)
		return status;
	shape.type = expression_type(edit, graph, name);
	if (writer->projection->quantization.bits)
		return write_quantized(writer, base, &shape, row_axis, values);
	if (tensor && alone && is_float(tensor->data_type))
		return write_in_place(writer, graph, tensor, name, &shape, values);
	return write_beside(writer, binding->node, binding->weight_slot, "weights", base, &shape,
			    values);
}

static float *
transpose(const float *values, uint32_t rows, uint32_t columns)
{
	float *out = malloc(((size_t)rows * columns + 1) * sizeof *out);
	uint32_t r, c;

	for (r = 0; out && r < rows; r++)
		for (c = 0; c < columns; c++)
			out[(size_t)c * rows + r] = values[(size_t)r * columns + c];
	return out;
}

static snnfit_status
write_in_file_order(const struct writer *writer, const float *values)
{
	const struct weights *weights = writer->projection->weights;
	snnfit_status status;
	float *turned;

	if (!writer->binding->transposed)
		return write_matrix(writer, values);
	turned = transpose(values, weights->rows, weights->columns);
	if (!turned)
		return error_no_memory(writer->err);
	status = write_matrix(writer, turned);
	free(turned);
	return status;
}

/* --- the same weights again ----------------------------------------------------- */

static bool
same_quantization(const struct projection *a, const struct projection *b)
{
	const struct quantization *one = &a->quantization, *other = &b->quantization;
	size_t scales = one->per_unit ? a->weights->rows : 1;

	if (one->bits != other->bits || one->per_unit != other->per_unit)
		return false;
	return !one->bits || memcmp(one->scale, other->scale, scales * sizeof *one->scale) == 0;
}

/* values: of the projection that is to be written. */
static snnfit_status
is_the_same(const struct writer *writer, const struct written *written, uint32_t before,
	    const float *values, bool *same)
{
	const struct projection *other = written->projection, *own = writer->projection;
	const float *others;
	snnfit_status status;

	/* A projection's steps may compute its weights each for itself. */
	*same = written->transposed == writer->binding->transposed &&
		(written->before == before ||
		 (other == own &&
		  written->graph == writer->edit->nodes[writer->binding->node].graph));
	if (!*same || other == own)
		return SNNFIT_OK;
	*same = other->weights->rows == own->weights->rows &&
		other->weights->columns == own->weights->columns && other->kernel == own->kernel &&
		same_quantization(other, own);
	if (!*same)
		return SNNFIT_OK;
	status = weights_read(other->weights, &others, writer->err);
	if (status == SNNFIT_OK)
		*same = memcmp(others, values,
			       (size_t)own->weights->rows * own->weights->columns *
				       sizeof *values) == 0;
	return status;
}

static snnfit_status
find_written(const struct writer *writer, uint32_t before, const float *values, const char **out)
{
	snnfit_status status = SNNFIT_OK;
	bool same = false;
	size_t i;

	*out = NULL;
	for (i = 0; i < writer->written->count && !same && status == SNNFIT_OK; i++) {
		status = is_the_same(writer, &writer->written->items[i], before, values, &same);
		if (same)
			*out = writer->written->items[i].after;
	}
	return status;
}

static snnfit_status
remember(const struct writer *writer, uint32_t before)
{
	const struct binding_projection *binding = writer->binding;
	struct written_list *list = writer->written;

	if (!arena_grow(&writer->edit->scratch, &list->items, list->count, &list->capacity,
			sizeof *list->items))
		return error_no_memory(writer->err);
	list->items[list->count++] = (struct written){
		before, edit_input_of(writer->edit, binding->node, binding->weight_slot),
		writer->projection, writer->edit->nodes[binding->node].graph, binding->transposed
	};
	return SNNFIT_OK;
}

/* The value that the operation reads, seen through Identity: steps may have one each. */
static uint32_t
value_behind(const struct edit *edit, const struct binding_projection *binding)
{
	uint32_t graph = edit->nodes[binding->node].graph;
	const char *name = edit_input_of(edit, binding->node, binding->weight_slot);
	uint32_t value = edit_find(edit, graph, name);
	unsigned i;

	for (i = 0; i < EXPRESSION_MAX; i++) {
		const Onnx__NodeProto *node = producer(edit, &graph, name);

		if (!node || !node_is(node, "Identity") || !node->n_input)
			break;
		name = node->input[0];
		value = edit_find(edit, graph, name);
	}
	return value;
}

static snnfit_status
write_weights(const struct writer *writer)
{
	const struct binding_projection *binding = writer->binding;
	uint32_t before = value_behind(writer->edit, binding);
	const char *again = NULL;
	const float *values;
	snnfit_status status = weights_read(writer->projection->weights, &values, writer->err);

	if (status == SNNFIT_OK)
		status = find_written(writer, before, values, &again);
	if (status != SNNFIT_OK)
		return status;
	if (again)
		return edit_read(writer->edit, binding->node, binding->weight_slot, again,
				 writer->err);
	status = write_in_file_order(writer, values);
	return status == SNNFIT_OK ? remember(writer, before) : status;
}

/* --- biases ----------------------------------------------------------------------- */

/* [rows], or [rows][1][1] to be added to what a convolution gives. */
static void
bias_shape(const struct writer *writer, bool added, struct tensor_shape *shape)
{
	const Onnx__NodeProto *node = writer->edit->nodes[writer->binding->node].proto;
	uint32_t d;

	*shape = (struct tensor_shape){ .rank = 1, .count = writer->projection->bias->rows };
	shape->dims[0] = shape->count;
	if (!added || !is_convolution(node))
		return;
	for (d = 2; d < writer->binding->data_rank && d < TENSOR_RANK_MAX; d++)
		shape->dims[shape->rank++] = 1;
}

/* The tensor of the new bias: made once, read at every step. */
static snnfit_status
store_bias(struct writer *writer, uint32_t graph, const char *base,
	   const struct tensor_shape *shape, const float *values)
{
	struct edit *edit = writer->edit;
	const char *name = writer->bias ? writer->bias : names_fresh(&edit->names, base, "bias");
	Onnx__TensorProto *tensor;
	snnfit_status status;

	if (writer->bias)
		return SNNFIT_OK;
	tensor = name ? tensor_new(edit->model, name) : NULL;
	if (!tensor)
		return error_no_memory(writer->err);
	status = tensor_set_float(edit->model, tensor, shape, values, writer->err);
	if (status == SNNFIT_OK)
		status = edit_append(edit, tensor, graph, writer->err);
	writer->bias = name;
	return status;
}

static snnfit_status
replace_bias(struct writer *writer, const float *values)
{
	struct edit *edit = writer->edit;
	const struct binding_projection *binding = writer->binding;
	const char *name = edit_input_of(edit, binding->bias_node, binding->bias_slot);
	uint32_t graph = edit->nodes[binding->bias_node].graph;
	const char *base = base_name(edit, graph, name);
	struct tensor_shape shape;
	Onnx__TensorProto *tensor;
	snnfit_status status;
	bool alone;

	if (!base)
		return error_no_memory(writer->err);
	tensor = writer->bias ? NULL : stored_behind(writer, graph, name, &alone);
	if (tensor) {
		status = tensor_shape_of(edit->model, tensor, &shape, writer->err);
		if (status != SNNFIT_OK)
			return status;
		if (alone && is_float(shape.type) &&
		    shape.count == writer->projection->bias->rows) {
			writer->bias = name;
			return write_in_place(writer, graph, tensor, name, &shape, values);
		}
	}
	bias_shape(writer, binding->bias_node != binding->node, &shape);
	shape.type = expression_type(edit, graph, name);
	status = store_bias(writer, graph, base, &shape, values);
	if (status != SNNFIT_OK)
		return status;
	return edit_read(edit, binding->bias_node, binding->bias_slot, writer->bias, writer->err);
}

static snnfit_status
insert_add(struct writer *writer, const char *base, const struct tensor_shape *shape,
	   const float *values)
{
	struct edit *edit = writer->edit;
	uint32_t index = writer->binding->node;
	Onnx__NodeProto *node = edit->nodes[index].proto, *add;
	const char *output = node->output[0];
	char *fresh = names_fresh(&edit->names, output, "without_bias");
	const char *label = names_fresh(&edit->names, base, "add_bias");
	snnfit_status status = store_bias(writer, edit->nodes[index].graph, base, shape, values);
	struct edit_value *made;

	if (status != SNNFIT_OK)
		return status;
	made = fresh ? edit_define(edit, edit->nodes[index].graph, fresh) : NULL;
	if (!made || !label)
		return error_no_memory(writer->err);
	made->node = index;
	add = build_node(edit->arena, &(struct build_node){ .op_type = "Add",
							    .name = label,
							    .inputs = { fresh, writer->bias },
							    .outputs = { output } });
	node->output[0] = fresh;
	return edit_insert(edit, add, index, EDIT_AFTER, writer->err);
}

static snnfit_status
new_bias(struct writer *writer, const float *values)
{
	struct edit *edit = writer->edit;
	const struct binding_projection *binding = writer->binding;
	const char *weights = edit_input_of(edit, binding->node, binding->weight_slot);
	uint32_t graph = edit->nodes[binding->node].graph;
	const char *base = base_name(edit, graph, weights);
	struct tensor_shape shape;
	snnfit_status status;

	if (!base)
		return error_no_memory(writer->err);
	bias_shape(writer, binding->bias_added, &shape);
	shape.type = expression_type(edit, graph, weights);
	if (binding->bias_added)
		return insert_add(writer, base, &shape, values);
	status = store_bias(writer, graph, base, &shape, values);
	if (status != SNNFIT_OK)
		return status;
	return edit_read(edit, binding->node, 2, writer->bias, writer->err);
}

static snnfit_status
write_bias(struct writer *writer)
{
	const float *values;
	snnfit_status status = weights_read(writer->projection->bias, &values, writer->err);

	if (status != SNNFIT_OK)
		return status;
	return writer->binding->bias_node == GRAPH_NONE ? new_bias(writer, values)
							: replace_bias(writer, values);
}

/* --- all projections -------------------------------------------------------------- */

/* Quantized weights that stand in the file as they are need no writing. Those
 * in functions, which no pass quantizes, can only have come so. */
static bool
are_quantized_already(const struct edit *edit, const struct binding_projection *binding)
{
	uint32_t graph = edit->nodes[binding->node].graph;
	const Onnx__NodeProto *node;

	if (!binding->editable)
		return true;
	node = producer(edit, &graph, edit_input_of(edit, binding->node, binding->weight_slot));
	return node && node_is(node, "DequantizeLinear");
}

static snnfit_status
check_binding(const struct edit *edit, const struct projection *projection, bool wanted,
	      snnfit_error *err)
{
	const char *name = edit->graph->populations[projection->target].name;

	if (!wanted)
		return SNNFIT_OK;
	if (projection->binding >= edit->bindings->projection_count)
		return error_set(err, SNNFIT_EINTERNAL, "a projection of '%.100s' has no binding",
				 name);
	if (!edit->bindings->projections[projection->binding].editable)
		return error_set(
			err, SNNFIT_EUNSUPPORTED,
			"%.100s: its weights stand where they cannot be changed: leave out "
			"the pass that changes them",
			name);
	return SNNFIT_OK;
}

/* At every step that the projection stands at. */
static snnfit_status
write_steps(struct writer *writer, bool weights, bool bias)
{
	const struct binding_projection *first = writer->binding;
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	for (i = 0; i <= writer->projection->more_bindings && status == SNNFIT_OK; i++) {
		writer->binding = &first[i];
		if (weights)
			status = write_weights(writer);
		if (status == SNNFIT_OK && bias)
			status = write_bias(writer);
	}
	return status;
}

static snnfit_status
write_projection(struct edit *edit, struct written_list *written,
		 const struct projection *projection, snnfit_error *err)
{
	struct writer writer = {
		.edit = edit, .written = written, .projection = projection, .err = err
	};
	bool bound = projection->binding < edit->bindings->projection_count;
	bool bias = projection->bias && projection->bias->changed, weights;
	snnfit_status status;

	if (bound)
		writer.binding = &edit->bindings->projections[projection->binding];
	writer.population = edit->graph->populations[projection->target].name;
	weights = projection->weights->changed ||
		  (projection->quantization.bits &&
		   !(bound && are_quantized_already(edit, writer.binding)));
	if (bound && projection->bias && writer.binding->bias_node == GRAPH_NONE)
		bias = true;
	status = check_binding(edit, projection, weights || bias, err);
	if (status == SNNFIT_OK && (weights || bias))
		status = write_steps(&writer, weights, bias);
	return status;
}

snnfit_status
weights_write(struct edit *edit, snnfit_error *err)
{
	const struct graph *graph = edit->graph;
	struct written_list written = { 0 };
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++)
		if (!graph->projections[i].removed)
			status = write_projection(edit, &written, &graph->projections[i], err);
	return status;
}
