/* opset.c - raises a model to another version of the operators, if it means the same there.
 *
 * Needed for types that DequantizeLinear learnt late (INT4 and INT16 in 21, INT2
 * in 25). Versions that only allow more types or more attributes, with defaults
 * that say what was said before, change no meaning. An operator that the table
 * does not have, or not for so old a version, keeps the model where it is. */
#include "exporter/opset.h"

#include "exporter/bodies.h"
#include "exporter/build.h"
#include "proto/attribute.h"

#include <string.h>

enum condition {
	ALWAYS,
	ONE_OUTPUT,    /* BatchNormalization in inference */
	FLOOR_SIZES,   /* pooling with explicit pads, output sizes rounded down */
	NO_FLOAT8,     /* a Cast that no float8 type is involved in */
	BEFORE_FLOAT8, /* a CastLike, the type of which is not seen */
	SIZES_GIVEN,   /* Split with its second input */
};

/* From this version up to OPSET_MAX the operator means the same, under the
 * condition on its node. tests/exporter/test_opset.py compares with onnx.defs. */
struct meaning {
	const char *op_type;
	int64_t since;
	enum condition condition;
};

static const struct meaning meanings[] = {
	{ "Abs", 6, ALWAYS },
	{ "Add", 7, ALWAYS },
	{ "And", 7, ALWAYS },
	{ "ArgMax", 11, ALWAYS },
	{ "ArgMin", 11, ALWAYS },
	{ "AveragePool", 22, ALWAYS },
	{ "AveragePool", 11, FLOOR_SIZES },
	{ "BatchNormalization", 14, ALWAYS },
	{ "BatchNormalization", 9, ONE_OUTPUT },
	{ "Cast", 24, ALWAYS },
	{ "Cast", 9, NO_FLOAT8 },
	{ "CastLike", 24, ALWAYS },
	{ "CastLike", 15, BEFORE_FLOAT8 },
	{ "Ceil", 6, ALWAYS },
	{ "Clip", 11, ALWAYS },
	{ "Concat", 4, ALWAYS },
	{ "ConcatFromSequence", 11, ALWAYS },
	{ "Constant", 1, ALWAYS },
	{ "ConstantOfShape", 9, ALWAYS },
	{ "Conv", 11, ALWAYS },
	{ "ConvInteger", 10, ALWAYS },
	{ "ConvTranspose", 11, ALWAYS },
	{ "CumSum", 11, ALWAYS },
	{ "DequantizeLinear", 10, ALWAYS },
	{ "Div", 7, ALWAYS },
	{ "Dropout", 12, ALWAYS },
	{ "DynamicQuantizeLinear", 11, ALWAYS },
	{ "Elu", 6, ALWAYS },
	{ "Equal", 7, ALWAYS },
	{ "Erf", 13, ALWAYS },
	{ "Exp", 6, ALWAYS },
	{ "Expand", 8, ALWAYS },
	{ "Flatten", 9, ALWAYS },
	{ "Floor", 6, ALWAYS },
	{ "Gather", 1, ALWAYS },
	{ "GatherElements", 11, ALWAYS },
	{ "GatherND", 12, ALWAYS },
	{ "Gelu", 20, ALWAYS },
	{ "Gemm", 7, ALWAYS },
	{ "GlobalAveragePool", 1, ALWAYS },
	{ "GlobalMaxPool", 1, ALWAYS },
	{ "Greater", 7, ALWAYS },
	{ "GreaterOrEqual", 12, ALWAYS },
	{ "HardSigmoid", 6, ALWAYS },
	{ "Identity", 1, ALWAYS },
	{ "If", 11, ALWAYS },
	{ "InstanceNormalization", 6, ALWAYS },
	{ "IsInf", 10, ALWAYS },
	{ "IsNaN", 9, ALWAYS },
	{ "LayerNormalization", 17, ALWAYS },
	{ "LeakyRelu", 6, ALWAYS },
	{ "Less", 7, ALWAYS },
	{ "LessOrEqual", 12, ALWAYS },
	{ "Log", 6, ALWAYS },
	{ "LogSoftmax", 13, ALWAYS },
	{ "Loop", 11, ALWAYS },
	{ "MatMul", 1, ALWAYS },
	{ "MatMulInteger", 10, ALWAYS },
	{ "Max", 8, ALWAYS },
	{ "MaxPool", 22, ALWAYS },
	{ "MaxPool", 11, FLOOR_SIZES },
	{ "Mean", 8, ALWAYS },
	{ "Min", 8, ALWAYS },
	{ "Mul", 7, ALWAYS },
	{ "Neg", 6, ALWAYS },
	{ "NonZero", 9, ALWAYS },
	{ "Not", 1, ALWAYS },
	{ "OneHot", 11, ALWAYS },
	{ "Or", 7, ALWAYS },
	{ "PRelu", 9, ALWAYS },
	{ "Pad", 11, ALWAYS },
	{ "Pow", 7, ALWAYS },
	{ "QLinearConv", 10, ALWAYS },
	{ "QLinearMatMul", 10, ALWAYS },
	{ "QuantizeLinear", 10, ALWAYS },
	{ "RandomNormalLike", 1, ALWAYS },
	{ "RandomUniformLike", 1, ALWAYS },
	{ "Range", 11, ALWAYS },
	{ "Reciprocal", 6, ALWAYS },
	{ "ReduceL1", 18, ALWAYS },
	{ "ReduceL2", 18, ALWAYS },
	{ "ReduceMax", 18, ALWAYS },
	{ "ReduceMean", 18, ALWAYS },
	{ "ReduceMin", 18, ALWAYS },
	{ "ReduceProd", 18, ALWAYS },
	{ "ReduceSum", 13, ALWAYS },
	{ "ReduceSumSquare", 18, ALWAYS },
	{ "Relu", 6, ALWAYS },
	{ "Reshape", 5, ALWAYS },
	{ "Round", 11, ALWAYS },
	{ "Scan", 9, ALWAYS },
	{ "ScatterElements", 11, ALWAYS },
	{ "ScatterND", 11, ALWAYS },
	{ "SequenceAt", 11, ALWAYS },
	{ "SequenceConstruct", 11, ALWAYS },
	{ "SequenceEmpty", 11, ALWAYS },
	{ "SequenceInsert", 11, ALWAYS },
	{ "SequenceLength", 11, ALWAYS },
	{ "Shape", 1, ALWAYS },
	{ "Sigmoid", 6, ALWAYS },
	{ "Sign", 9, ALWAYS },
	{ "Size", 1, ALWAYS },
	{ "Slice", 10, ALWAYS },
	{ "Softmax", 13, ALWAYS },
	{ "Softplus", 1, ALWAYS },
	{ "Split", 18, ALWAYS },
	{ "Split", 13, SIZES_GIVEN },
	{ "Sqrt", 6, ALWAYS },
	{ "Squeeze", 13, ALWAYS },
	{ "Sub", 7, ALWAYS },
	{ "Sum", 8, ALWAYS },
	{ "Tanh", 6, ALWAYS },
	{ "Tile", 6, ALWAYS },
	{ "TopK", 11, ALWAYS },
	{ "Transpose", 1, ALWAYS },
	{ "Trilu", 14, ALWAYS },
	{ "Unsqueeze", 13, ALWAYS },
	{ "Where", 9, ALWAYS },
	{ "Xor", 7, ALWAYS },
};

/* --- conditions ----------------------------------------------------------------------- */

static const Onnx__AttributeProto *
attribute_of(const Onnx__NodeProto *node, const char *name)
{
	size_t i;

	for (i = 0; i < node->n_attribute; i++)
		if (node->attribute[i]->name && strcmp(node->attribute[i]->name, name) == 0)
			return node->attribute[i];
	return NULL;
}

/* False too when a function's attribute stands there that only a call gives. */
static bool
int_is(const Onnx__NodeProto *node, const char *name, int64_t wanted)
{
	const Onnx__AttributeProto *attribute = attribute_of(node, name);

	if (!attribute)
		return true;
	return attribute->i == wanted && !(attribute->ref_attr_name && *attribute->ref_attr_name);
}

static bool
pads_are_explicit(const Onnx__NodeProto *node)
{
	static const char word[] = "NOTSET";
	const Onnx__AttributeProto *attribute = attribute_of(node, "auto_pad");

	if (!attribute)
		return true;
	return attribute->s.len == sizeof word - 1 &&
	       memcmp(attribute->s.data, word, sizeof word - 1) == 0;
}

static bool
casts_to_float8(const Onnx__NodeProto *node)
{
	const Onnx__AttributeProto *to = attribute_of(node, "to");

	if (!to || (to->ref_attr_name && *to->ref_attr_name))
		return true;
	switch (to->i) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E4M3FN:
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E4M3FNUZ:
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E5M2:
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E5M2FNUZ:
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT8E8M0:
		return true;
	default:
		return false;
	}
}

enum { FLOAT8_OPSET = 19 };

static bool
holds(enum condition condition, const Onnx__NodeProto *node, int64_t version)
{
	switch (condition) {
	case ALWAYS:
		return true;
	case ONE_OUTPUT:
		return node->n_output == 1;
	case FLOOR_SIZES:
		return int_is(node, "ceil_mode", 0) && pads_are_explicit(node);
	case NO_FLOAT8:
		return !casts_to_float8(node);
	case BEFORE_FLOAT8:
		return version < FLOAT8_OPSET;
	case SIZES_GIVEN:
		return node->n_input > 1 && node->input[1][0];
	}
	return false;
}

/* --- nodes ---------------------------------------------------------------------------- */

static bool
keeps_meaning(const Onnx__NodeProto *node, int64_t version)
{
	size_t i;

	if (!domain_is_standard(node->domain))
		return true;
	for (i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (node->op_type && strcmp(node->op_type, meanings[i].op_type) == 0 &&
		    version >= meanings[i].since && holds(meanings[i].condition, node, version))
			return true;
	return false;
}

/* The nodes, and those of the graphs inside them. */
static bool
check_nodes(Onnx__NodeProto *const *nodes, size_t count, int64_t version, struct bodies *bodies,
	    const Onnx__NodeProto **out)
{
	const Onnx__GraphProto *body;
	size_t i;

	for (;;) {
		for (i = 0; i < count && !*out; i++) {
			if (!keeps_meaning(nodes[i], version))
				*out = nodes[i];
			else if (!bodies_push_of(bodies, nodes[i]))
				return false;
		}
		body = *out ? NULL : bodies_pop(bodies);
		if (!body)
			return true;
		nodes = body->node;
		count = body->n_node;
	}
}

static Onnx__OperatorSetIdProto *
find_import(Onnx__OperatorSetIdProto *const *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (domain_is_standard(list[i]->domain))
			return list[i];
	return NULL;
}

static bool
check_graph(const Onnx__GraphProto *graph, int64_t version, struct bodies *bodies,
	    const Onnx__NodeProto **out)
{
	return !graph || *out || check_nodes(graph->node, graph->n_node, version, bodies, out);
}

int64_t
opset_version(const Onnx__ModelProto *model)
{
	const Onnx__OperatorSetIdProto *import = find_import(model->opset_import,
							     model->n_opset_import);

	return import ? import->version : 0;
}

bool
opset_obstacle(const Onnx__ModelProto *model, int64_t target, struct arena *scratch,
	       const Onnx__NodeProto **out)
{
	struct bodies bodies = { .arena = scratch };
	int64_t version = opset_version(model);
	size_t i;

	*out = NULL;
	if (version >= target)
		return true;
	if (!check_graph(model->graph, version, &bodies, out))
		return false;
	for (i = 0; i < model->n_training_info; i++)
		if (!check_graph(model->training_info[i]->initialization, version, &bodies, out) ||
		    !check_graph(model->training_info[i]->algorithm, version, &bodies, out))
			return false;
	for (i = 0; i < model->n_functions && !*out; i++) {
		const Onnx__FunctionProto *function = model->functions[i];
		const Onnx__OperatorSetIdProto *import = find_import(function->opset_import,
								     function->n_opset_import);

		if (import && import->version < target &&
		    !check_nodes(function->node, function->n_node, import->version, &bodies, out))
			return false;
	}
	return true;
}

/* --- raising ---------------------------------------------------------------------------- */

/* All of them: a list may name the standard operators twice, if it says the same. */
static void
raise_imports(Onnx__OperatorSetIdProto *const *list, size_t count, int64_t target)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!domain_is_standard(list[i]->domain) || list[i]->version >= target)
			continue;
		list[i]->has_version = 1;
		list[i]->version = target;
	}
}

snnfit_status
opset_import(struct onnx_model *model, const char *domain, int64_t version, snnfit_error *err)
{
	Onnx__ModelProto *proto = onnx_model_proto(model);
	struct arena *arena = onnx_model_arena(model);
	Onnx__OperatorSetIdProto *opset = build_opset(arena, domain, version);

	if (!opset || !build_append(arena, &proto->opset_import, &proto->n_opset_import, &opset,
				    sizeof(Onnx__OperatorSetIdProto *)))
		return error_no_memory(err);
	return SNNFIT_OK;
}

snnfit_status
opset_raise(struct onnx_model *model, int64_t target, int64_t ir, snnfit_error *err)
{
	Onnx__ModelProto *proto = onnx_model_proto(model);
	size_t i;

	if (!find_import(proto->opset_import, proto->n_opset_import)) {
		snnfit_status status = opset_import(model, "", target, err);

		if (status != SNNFIT_OK)
			return status;
	}
	raise_imports(proto->opset_import, proto->n_opset_import, target);
	for (i = 0; i < proto->n_functions; i++)
		raise_imports(proto->functions[i]->opset_import,
			      proto->functions[i]->n_opset_import, target);
	if (proto->ir_version < ir) {
		proto->has_ir_version = 1;
		proto->ir_version = ir;
	}
	return SNNFIT_OK;
}
