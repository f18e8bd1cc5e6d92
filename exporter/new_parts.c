/* new_parts.c - nodes, tensors and names of a new model. */
#include "exporter/new_model.h"

#include "exporter/build.h"

#include <stdlib.h>

snnfit_status
put_node(struct maker *maker, Onnx__NodeProto *node)
{
	if (!node || !arena_grow(maker->arena, &maker->main->node, maker->main->n_node,
				 &maker->node_capacity, sizeof *maker->main->node))
		return error_no_memory(maker->err);
	maker->main->node[maker->main->n_node++] = node;
	return SNNFIT_OK;
}

snnfit_status
put_tensor(struct maker *maker, Onnx__TensorProto *tensor)
{
	if (!tensor ||
	    !arena_grow(maker->arena, &maker->main->initializer, maker->main->n_initializer,
			&maker->tensor_capacity, sizeof *maker->main->initializer))
		return error_no_memory(maker->err);
	maker->main->initializer[maker->main->n_initializer++] = tensor;
	return SNNFIT_OK;
}

snnfit_status
put_operation(struct maker *maker, const char *op_type, const char *a, const char *b,
	      const char *out)
{
	return put_node(maker,
			build_node(maker->arena, &(struct build_node){ .op_type = op_type,
								       .inputs = { a, b },
								       .outputs = { out } }));
}

snnfit_status
put_floats(struct maker *maker, const char *name, uint32_t rank, const uint64_t *dims,
	   const float *values)
{
	struct tensor_shape shape = { .type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
				      .rank = rank,
				      .count = 1 };
	Onnx__TensorProto *tensor = tensor_new(maker->model, name);
	snnfit_status status;
	uint32_t d;

	for (d = 0; d < rank; d++) {
		shape.dims[d] = dims[d];
		shape.count *= dims[d];
	}
	if (!tensor)
		return error_no_memory(maker->err);
	status = tensor_set_float(maker->model, tensor, &shape, values, maker->err);
	return status == SNNFIT_OK ? put_tensor(maker, tensor) : status;
}

snnfit_status
put_doubles(struct maker *maker, const char *name, uint32_t count, const double *values)
{
	float *narrow = malloc(((size_t)count + 1) * sizeof *narrow);
	uint64_t dims = count;
	snnfit_status status;
	uint32_t i;

	if (!narrow)
		return error_no_memory(maker->err);
	for (i = 0; i < count; i++)
		narrow[i] = (float)values[i];
	status = put_floats(maker, name, count == 1 ? 0 : 1, &dims, narrow);
	free(narrow);
	return status;
}

snnfit_status
new_name(struct maker *maker, const char *base, const char *ending, const char **out)
{
	const char *wanted = arena_printf(maker->arena, "%s%s", base, ending);

	*out = wanted ? names_unique(&maker->names, wanted) : NULL;
	return *out ? SNNFIT_OK : error_no_memory(maker->err);
}

snnfit_status
put_with_constant(struct maker *maker, const char *op_type, const char **value, const char *base,
		  const char *ending, uint32_t count, const double *constant)
{
	const char *name = NULL, *result = NULL;
	snnfit_status status = new_name(maker, base, ending, &name);

	if (status == SNNFIT_OK)
		status = new_name(maker, base, "_value", &result);
	if (status == SNNFIT_OK)
		status = put_doubles(maker, name, count, constant);
	if (status == SNNFIT_OK)
		status = put_operation(maker, op_type, *value, name, result);
	*value = result;
	return status;
}

snnfit_status
put_declaration(struct maker *maker, Onnx__ValueInfoProto ***list, size_t *count, const char *name,
		uint32_t units)
{
	int64_t dims[] = { -1, units };
	Onnx__ValueInfoProto *value = build_value(
		maker->arena, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2, dims, "batch");

	if (!value || !build_append(maker->arena, list, count, &value, sizeof value))
		return error_no_memory(maker->err);
	return SNNFIT_OK;
}

snnfit_status
put_state(struct maker *maker, const char *base, const char *what, uint32_t units,
	  const struct state_value **out)
{
	struct state_value state = { .units = units };
	const char *in = arena_printf(maker->arena, "%s_in", what);
	const char *result = arena_printf(maker->arena, "%s_out", what);
	snnfit_status status;

	if (!in || !result ||
	    !arena_grow(maker->arena, &maker->states, maker->state_count, &maker->state_capacity,
			sizeof *maker->states))
		return error_no_memory(maker->err);
	status = new_name(maker, base, in, &state.input);
	if (status == SNNFIT_OK)
		status = new_name(maker, base, result, &state.output);
	maker->states[maker->state_count] = state;
	*out = &maker->states[maker->state_count++];
	return status;
}
