/* program_fused.c - operators that onnxruntime's optimizer makes of several: spelled out again.
 *
 *     FusedConv               Conv, Add of a fourth operand, an activation
 *     FusedGemm               Gemm, an activation
 *     FusedMatMul             MatMul, Mul with alpha
 *     DynamicQuantizeMatMul   DynamicQuantizeLinear, and then as
 *     MatMulIntegerToFloat    MatMulInteger, Mul with both scales, Add of a bias
 *
 * What is between the parts has no name in the file: nothing can be put there. The weights
 * stand in the same slot of the node as of the part that multiplies with them, and so does
 * the bias of a Conv and a Gemm. */
#include "importer/program_private.h"

#include <string.h>

enum { OPERANDS_MAX = 7, PARAMETERS_MAX = 2 };

/* A node on its way into operations. */
struct parts {
	struct builder *builder;
	struct frame *frame;
	const Onnx__NodeProto *node;
	uint32_t operands[OPERANDS_MAX]; /* that it reads; NO_VALUE: left out */
	snnfit_status status;
};

struct activation {
	const char *op_type;
	const char *parameters[PARAMETERS_MAX]; /* attributes, in the order of the node's list */
};

/* --- attributes --------------------------------------------------------------------- */

static const Onnx__AttributeProto *
attribute(const struct frame *frame, const Onnx__NodeProto *node, const char *name)
{
	return attribute_of_node(node, name, frame->scope);
}

static bool
is_set(const struct frame *frame, const Onnx__NodeProto *node, const char *name)
{
	const Onnx__AttributeProto *found = attribute(frame, node, name);

	return found && found->i != 0;
}

/* A node of a Conv has a list of parameters, that of a Gemm has them one by one. */
static bool
parameter_of(const struct parts *parts, uint32_t number, float *out)
{
	static const char *const names[] = { "activation_alpha", "activation_beta" };
	const Onnx__AttributeProto *list = attribute(parts->frame, parts->node,
						     "activation_params");
	const Onnx__AttributeProto *one = attribute(parts->frame, parts->node, names[number]);

	if (list && number < list->n_floats)
		*out = list->floats[number];
	else if (one)
		*out = one->f;
	return one || (list && number < list->n_floats);
}

/* --- operations ----------------------------------------------------------------------- */

static bool
has_failed(struct parts *parts, const void *memory)
{
	if (!memory && !parts->status)
		parts->status = error_no_memory(parts->builder->err);
	return parts->status != SNNFIT_OK;
}

/* The node with another operator, of which no attribute is known under this name. */
static Onnx__NodeProto *
part_of_node(struct parts *parts, const char *op_type)
{
	Onnx__NodeProto *node = arena_copy(parts->builder->program->arena, parts->node, 1,
					   sizeof *node);

	if (has_failed(parts, node))
		return NULL;
	node->op_type = (char *)op_type; /* read only, as all of it */
	node->domain = NULL;
	return node;
}

/* The first of its results. Those are called as the node's output is, for messages, but
 * can be found by no name. */
static uint32_t
put(struct parts *parts, Onnx__NodeProto *node, const uint32_t *operands, uint32_t count,
    uint32_t results)
{
	struct program *program = parts->builder->program;
	struct value value = { .name = parts->node->output[0],
			       .kind = VALUE_RESULT,
			       .in_function = parts->frame->graph == NO_VALUE,
			       .graph = NO_VALUE,
			       .source = NO_VALUE };
	struct operation *operation;

	if (parts->status || has_failed(parts, node))
		return NO_VALUE;
	node->n_input = count;
	node->n_output = results;
	operation = program_add_operation(parts->builder, node, count, results);
	if (!operation) {
		parts->status = parts->builder->err->status;
		return NO_VALUE;
	}
	operation->written = parts->node;
	operation->scope = parts->frame->scope;
	operation->node_index = parts->frame->node_index;
	memcpy(operation->operands, operands, count * sizeof *operands);
	value.operation = (uint32_t)program->operation_count - 1;
	for (; value.output < results; value.output++) {
		operation->results[value.output] = program_add_value(program, &value);
		if (operation->results[value.output] == NO_VALUE)
			has_failed(parts, NULL);
	}
	return operation->results[0];
}

/* An operator without attributes. */
static uint32_t
put_plain(struct parts *parts, const char *op_type, uint32_t a, uint32_t b, uint32_t results)
{
	Onnx__NodeProto *node = part_of_node(parts, op_type);
	const uint32_t operands[] = { a, b };

	if (node)
		node->n_attribute = 0;
	return put(parts, node, operands, b == NO_VALUE ? 1 : 2, results);
}

/* --- activations ------------------------------------------------------------------------ */

static const struct activation *
activation_of(const struct frame *frame, const Onnx__NodeProto *node)
{
	static const struct activation known[] = {
		{ "Clip", { "min", "max" } },
		{ "Elu", { "alpha" } },
		{ "HardSigmoid", { "alpha", "beta" } },
		{ "LeakyRelu", { "alpha" } },
		{ "Relu", { NULL } },
		{ "Sigmoid", { NULL } },
		{ "Softplus", { NULL } },
		{ "Softsign", { NULL } },
		{ "Tanh", { NULL } },
		{ "ThresholdedRelu", { "alpha" } },
	};
	const Onnx__AttributeProto *name = attribute(frame, node, "activation");
	size_t i;

	for (i = 0; name && i < sizeof known / sizeof *known; i++)
		if (name->s.len == strlen(known[i].op_type) &&
		    memcmp(name->s.data, known[i].op_type, name->s.len) == 0)
			return &known[i];
	return NULL;
}

/* Those whose values the node says; the others have the activation's own. */
static void
set_parameters(struct parts *parts, const struct activation *activation, Onnx__NodeProto *node)
{
	struct arena *arena = parts->builder->program->arena;
	Onnx__AttributeProto *attributes = arena_alloc(arena, PARAMETERS_MAX, sizeof *attributes);
	Onnx__AttributeProto **list = arena_alloc(arena, PARAMETERS_MAX, sizeof *list);
	uint32_t i;

	if (has_failed(parts, attributes) || has_failed(parts, list))
		return;
	node->attribute = list;
	node->n_attribute = 0;
	for (i = 0; i < PARAMETERS_MAX && activation->parameters[i]; i++) {
		Onnx__AttributeProto *made = &attributes[node->n_attribute];

		onnx__attribute_proto__init(made);
		if (!parameter_of(parts, i, &made->f))
			continue;
		made->name = (char *)activation->parameters[i];
		made->has_type = 1;
		made->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
		made->has_f = 1;
		list[node->n_attribute++] = made;
	}
}

static uint32_t
put_activation(struct parts *parts, uint32_t x)
{
	const struct activation *activation = activation_of(parts->frame, parts->node);
	Onnx__NodeProto *node;

	if (!activation)
		return x;
	node = part_of_node(parts, activation->op_type);
	if (node)
		set_parameters(parts, activation, node);
	return put(parts, node, &x, 1, 1);
}

/* --- the operators ------------------------------------------------------------------------ */

static uint32_t
spell_conv(struct parts *parts)
{
	uint32_t x = put(parts, part_of_node(parts, "Conv"), parts->operands, 3, 1);

	if (parts->operands[3] != NO_VALUE)
		x = put_plain(parts, "Add", x, parts->operands[3], 1);
	return put_activation(parts, x);
}

static uint32_t
spell_gemm(struct parts *parts)
{
	return put_activation(parts,
			      put(parts, part_of_node(parts, "Gemm"), parts->operands, 3, 1));
}

/* A number that the node has as an attribute. */
static uint32_t
put_number(struct parts *parts, const Onnx__AttributeProto *attribute)
{
	struct program *program = parts->builder->program;
	struct value value = { .name = attribute->name,
			       .kind = VALUE_SOURCE,
			       .constant = true,
			       .in_function = parts->frame->graph == NO_VALUE,
			       .graph = NO_VALUE,
			       .source = NO_VALUE,
			       .tensor = program_tensor_of_attribute(program, attribute) };
	uint32_t out = has_failed(parts, value.tensor) ? NO_VALUE
						       : program_add_value(program, &value);

	if (out == NO_VALUE)
		has_failed(parts, NULL);
	return out;
}

static uint32_t
spell_matmul(struct parts *parts)
{
	const Onnx__AttributeProto *alpha = attribute(parts->frame, parts->node, "alpha");
	uint32_t x = put_plain(parts, "MatMul", parts->operands[0], parts->operands[1], 1);

	if (!alpha || alpha->f == 1)
		return x;
	return put_plain(parts, "Mul", x, put_number(parts, alpha), 1);
}

/* codes, their scale and zero point, and those of the weights; then the bias. */
static uint32_t
put_integers(struct parts *parts, const uint32_t codes[3], uint32_t weights,
	     const uint32_t scale_and_zero[2], uint32_t bias)
{
	const uint32_t operands[] = { codes[0], weights, codes[2], scale_and_zero[1] };
	uint32_t x = put(parts, part_of_node(parts, "MatMulInteger"), operands, 4, 1);

	x = put_plain(parts, "Mul", x, put_plain(parts, "Mul", codes[1], scale_and_zero[0], 1), 1);
	return bias == NO_VALUE ? x : put_plain(parts, "Add", x, bias, 1);
}

static uint32_t
spell_quantized(struct parts *parts)
{
	const uint32_t *operands = parts->operands;
	uint32_t codes[3] = { put_plain(parts, "DynamicQuantizeLinear", operands[0], NO_VALUE, 3) };

	if (parts->status)
		return NO_VALUE;
	codes[1] = codes[0] + 1;
	codes[2] = codes[0] + 2;
	return put_integers(parts, codes, operands[1], &operands[2], operands[4]);
}

static uint32_t
spell_integers(struct parts *parts)
{
	const uint32_t *operands = parts->operands;
	const uint32_t codes[] = { operands[0], operands[2], operands[4] };
	const uint32_t scale_and_zero[] = { operands[3], operands[5] };

	return put_integers(parts, codes, operands[1], scale_and_zero, operands[6]);
}

static bool
is_activated_in_a_known_way(const struct frame *frame, const Onnx__NodeProto *node)
{
	const Onnx__AttributeProto *name = attribute(frame, node, "activation");

	return !name || !name->s.len || activation_of(frame, node);
}

static bool
turns_nothing(const struct frame *frame, const Onnx__NodeProto *node)
{
	return !is_set(frame, node, "transA") && !is_set(frame, node, "transB") &&
	       !is_set(frame, node, "transBatchA") && !is_set(frame, node, "transBatchB");
}

static bool
in_any_form(const struct frame *frame, const Onnx__NodeProto *node)
{
	(void)frame;
	(void)node;
	return true;
}

static const struct fused {
	const char *op_type;
	uint32_t needed; /* the first operands, without which it is none */
	bool (*is_known)(const struct frame *frame, const Onnx__NodeProto *node);
	uint32_t (*spell)(struct parts *parts);
} fused_table[] = {
	{ "DynamicQuantizeMatMul", 3, in_any_form, spell_quantized },
	{ "FusedConv", 2, is_activated_in_a_known_way, spell_conv },
	{ "FusedGemm", 2, is_activated_in_a_known_way, spell_gemm },
	{ "FusedMatMul", 2, turns_nothing, spell_matmul },
	{ "MatMulIntegerToFloat", 4, in_any_form, spell_integers },
};

static const struct fused *
find_fused(const struct frame *frame, const Onnx__NodeProto *node)
{
	const struct fused *fused = NULL;
	size_t i;

	if (!node->domain || strcmp(node->domain, "com.microsoft") != 0 || !node->op_type)
		return NULL;
	for (i = 0; !fused && i < sizeof fused_table / sizeof *fused_table; i++)
		if (strcmp(node->op_type, fused_table[i].op_type) == 0)
			fused = &fused_table[i];
	if (!fused || node->n_output != 1 || !node->output[0][0] || node->n_input < fused->needed ||
	    node->n_input > OPERANDS_MAX || !fused->is_known(frame, node))
		return NULL;
	for (i = 0; i < fused->needed; i++)
		if (!node->input[i][0])
			return NULL;
	return fused;
}

snnfit_status
fused_spell_out(struct builder *builder, struct frame *frame, const Onnx__NodeProto *node,
		bool *spelled)
{
	const struct fused *fused = find_fused(frame, node);
	struct parts parts = { .builder = builder, .frame = frame, .node = node };
	uint32_t made;

	*spelled = fused != NULL;
	if (!fused)
		return SNNFIT_OK;
	memset(parts.operands, 0xff, sizeof parts.operands);
	parts.status = frame_look_up_inputs(builder, frame, node, parts.operands);
	if (!parts.status)
		parts.status = frame_read_inputs(builder, frame, node, parts.operands);
	made = parts.status ? NO_VALUE : fused->spell(&parts);
	return parts.status ? parts.status : frame_define(builder, frame, node->output[0], made);
}
