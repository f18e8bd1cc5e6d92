/* exporter_cases.h - small models and hand-made bindings, for the exporter's tests. */
#ifndef TESTS_UNIT_EXPORTER_CASES_H
#define TESTS_UNIT_EXPORTER_CASES_H

#include "exporter/build.h"
#include "exporter/exporter.h"
#include "exporter/opset.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static inline void
ok(snnfit_status status, const snnfit_error *err)
{
	ck_assert_msg(status == SNNFIT_OK, "%s", err->text);
}

/* --- making a model ------------------------------------------------------------ */

static inline struct onnx_model *
model_start(int64_t opset, int64_t ir)
{
	struct onnx_model *model;
	Onnx__ModelProto *proto;
	snnfit_error err;

	ok(onnx_model_new(&model, &err), &err);
	proto = onnx_model_proto(model);
	proto->has_ir_version = 1;
	proto->ir_version = ir;
	proto->graph = arena_alloc(onnx_model_arena(model), 1, sizeof *proto->graph);
	onnx__graph_proto__init(proto->graph);
	proto->graph->name = arena_strdup(onnx_model_arena(model), "test");
	ok(opset_import(model, "", opset, &err), &err);
	return model;
}

static inline Onnx__GraphProto *
graph_of(const struct onnx_model *model)
{
	return onnx_model_proto(model)->graph;
}

static inline void
add_tensor(struct onnx_model *model, const char *name, uint32_t rank, const uint64_t *dims,
	   const float *values)
{
	struct tensor_shape shape = { ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, { 0 }, 1 };
	Onnx__TensorProto *tensor = tensor_new(model, name);
	snnfit_error err;

	for (uint32_t d = 0; d < rank; d++) {
		shape.dims[d] = dims[d];
		shape.count *= dims[d];
	}
	ok(tensor_set_float(model, tensor, &shape, values, &err), &err);
	ck_assert(build_append(onnx_model_arena(model), &graph_of(model)->initializer,
			       &graph_of(model)->n_initializer, &tensor, sizeof tensor));
}

static inline void
add_vector(struct onnx_model *model, const char *name, uint64_t count, const float *values)
{
	add_tensor(model, name, 1, &count, values);
}

static inline void
add_matrix(struct onnx_model *model, const char *name, uint64_t rows, uint64_t columns,
	   const float *values)
{
	add_tensor(model, name, 2, (uint64_t[]){ rows, columns }, values);
}

static inline void
add_integers(struct onnx_model *model, const char *name, uint64_t count, const int64_t *values)
{
	struct tensor_shape shape = { ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, { count }, count };
	Onnx__TensorProto *tensor = tensor_new(model, name);
	snnfit_error err;

	ok(tensor_set_raw(model, tensor, &shape, values, count * sizeof *values, &err), &err);
	ck_assert(build_append(onnx_model_arena(model), &graph_of(model)->initializer,
			       &graph_of(model)->n_initializer, &tensor, sizeof tensor));
}

static inline Onnx__NodeProto *
add_node(struct onnx_model *model, struct build_node node)
{
	Onnx__NodeProto *made = build_node(onnx_model_arena(model), &node);

	ck_assert_ptr_nonnull(made);
	ck_assert(build_append(onnx_model_arena(model), &graph_of(model)->node,
			       &graph_of(model)->n_node, &made, sizeof made));
	return made;
}

/* A Constant node with a vector. */
static inline void
add_constant_node(struct onnx_model *model, const char *name, const char *output, uint64_t count,
		  const float *values)
{
	struct tensor_shape shape = { ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 1, { count }, count };
	struct arena *arena = onnx_model_arena(model);
	Onnx__NodeProto *node = add_node(
		model, (struct build_node){ "Constant", NULL, name, { NULL }, { output } });
	Onnx__AttributeProto *value = arena_alloc(arena, 1, sizeof *value);
	snnfit_error err;

	onnx__attribute_proto__init(value);
	value->name = arena_strdup(arena, "value");
	value->has_type = 1;
	value->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
	value->t = tensor_new(model, NULL);
	ok(tensor_set_float(model, value->t, &shape, values, &err), &err);
	ck_assert(build_append(arena, &node->attribute, &node->n_attribute, &value, sizeof value));
}

enum declared { AS_INPUT, AS_OUTPUT, AS_VALUE };

static inline void
declare(struct onnx_model *model, enum declared where, const char *name, int64_t rows,
	int64_t columns)
{
	struct arena *arena = onnx_model_arena(model);
	Onnx__GraphProto *graph = graph_of(model);
	int64_t dims[] = { rows, columns };
	Onnx__ValueInfoProto *value = build_value(arena, name, 1, 2, dims, "batch");

	ck_assert_ptr_nonnull(value);
	if (where == AS_INPUT)
		ck_assert(
			build_append(arena, &graph->input, &graph->n_input, &value, sizeof value));
	else if (where == AS_OUTPUT)
		ck_assert(build_append(arena, &graph->output, &graph->n_output, &value,
				       sizeof value));
	else
		ck_assert(build_append(arena, &graph->value_info, &graph->n_value_info, &value,
				       sizeof value));
}

/* As a file would give it; the one that was made goes. */
static inline struct onnx_model *
reread(struct onnx_model *model)
{
	struct onnx_model *again;
	snnfit_error err;
	size_t length;
	void *bytes;

	ok(onnx_model_write_bytes(model, &bytes, &length, &err), &err);
	ok(onnx_model_read_bytes(&again, bytes, length, NULL, NULL, &err), &err);
	free(bytes);
	onnx_model_free(model);
	return again;
}

/* --- looking at a model ------------------------------------------------------------ */

static inline const Onnx__TensorProto *
find_tensor(const struct onnx_model *model, const char *name)
{
	const Onnx__GraphProto *graph = graph_of(model);

	for (size_t i = 0; i < graph->n_initializer; i++)
		if (strcmp(graph->initializer[i]->name, name) == 0)
			return graph->initializer[i];
	return NULL;
}

static inline size_t
find_node(const struct onnx_model *model, const char *name)
{
	const Onnx__GraphProto *graph = graph_of(model);

	for (size_t i = 0; i < graph->n_node; i++)
		if (graph->node[i]->name && strcmp(graph->node[i]->name, name) == 0)
			return i;
	return SIZE_MAX;
}

static inline const Onnx__NodeProto *
node_of(const struct onnx_model *model, const char *name)
{
	size_t index = find_node(model, name);

	ck_assert_msg(index != SIZE_MAX, "there is no node %s", name);
	return graph_of(model)->node[index];
}

static inline void
assert_floats(const struct onnx_model *model, const Onnx__TensorProto *tensor, size_t count,
	      const float *expected)
{
	struct tensor_shape shape;
	snnfit_error err;
	float got[64];

	ck_assert_ptr_nonnull(tensor);
	ok(tensor_shape_of(model, tensor, &shape, &err), &err);
	ck_assert_uint_eq(shape.count, count);
	ck_assert_uint_le(count, COUNT(got));
	ok(tensor_read_float(model, tensor, 0, count, got, &err), &err);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(got[i] == expected[i], "element %zu is %g, not %g", i, (double)got[i],
			      (double)expected[i]);
}

static inline int64_t
declared_size(Onnx__ValueInfoProto *const *list, size_t count, const char *name, size_t dim)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i]->name, name) == 0)
			return list[i]->type->tensor_type->shape->dim[dim]->dim_value;
	ck_abort_msg("%s is not declared", name);
	return -1;
}

/* --- bindings by hand ----------------------------------------------------------------- */

/* A dimension that is the units of an axis, or `size` elements that stay. */
static inline struct dimension
along(struct graph *graph, axis_id axis, uint32_t size)
{
	struct dimension dimension = { 1, arena_alloc(&graph->arena, 1, sizeof(struct span)) };

	ck_assert_ptr_nonnull(dimension.spans);
	dimension.spans[0] = (struct span){ axis, 1, size, 1, 0 };
	return dimension;
}

static inline struct graph *
graph_with_axes(size_t count, const uint32_t *units)
{
	struct graph *graph;
	snnfit_error err;

	ok(graph_new(&graph, &err), &err);
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(graph_add_axis(graph, units[i]), i);
	return graph;
}

/* keep: "101" keeps units 0 and 2. */
static inline void
cut_units(struct graph *graph, axis_id axis, const char *keep)
{
	bool list[64];
	snnfit_error err;

	for (size_t i = 0; keep[i]; i++)
		list[i] = keep[i] == '1';
	ok(graph_keep_units(graph, axis, list, UNIT_DEAD, &err), &err);
}

#endif
