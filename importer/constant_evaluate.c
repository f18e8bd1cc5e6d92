/* constant_evaluate.c - constants of any size, on demand. */
#include "importer/constant_private.h"

enum { EVALUATE_DEPTH_MAX = 64 };

/* What goes wrong whatever the tensor is will be told when it is read. */
static bool
is_readable(const struct program *program, const Onnx__TensorProto *tensor)
{
	struct tensor_shape shape;
	snnfit_status status = tensor ? tensor_shape_of(program->model, tensor, &shape, NULL)
				      : SNNFIT_EUNSUPPORTED;

	if (status)
		return status == SNNFIT_EIO || status == SNNFIT_ENOMEM;
	return shape.rank <= CONSTANT_RANK_MAX;
}

static bool
is_computable(const struct constants *constants, uint32_t value, uint32_t depth)
{
	const struct value *asked = &constants->program->values[value];
	const struct operation *operation;
	uint32_t i;

	if (constants->values[value])
		return true;
	if (asked->kind == VALUE_SOURCE)
		return is_readable(constants->program, asked->tensor);
	if (asked->kind != VALUE_RESULT || !asked->constant || depth > EVALUATE_DEPTH_MAX)
		return false;
	operation = &constants->program->operations[asked->operation];
	if ((!constant_takes_pieces(operation) && !constant_applies(operation)) ||
	    (asked->output && !operation_is(operation, "Split")))
		return false;
	for (i = 0; i < operation->operand_count; i++)
		if (operation->operands[i] != NO_VALUE &&
		    !is_computable(constants, operation->operands[i], depth + 1))
			return false;
	return true;
}

bool
constant_is_computable(const struct constants *constants, uint32_t value)
{
	return is_computable(constants, value, 0);
}

static snnfit_status evaluate(const struct constants *constants, uint32_t value, uint32_t depth,
			      struct arena *arena, struct constant *out, bool *known,
			      snnfit_error *err);

static snnfit_status
evaluate_operation(const struct constants *constants, const struct value *asked, uint32_t depth,
		   struct arena *arena, struct constant *out, bool *known, snnfit_error *err)
{
	const struct operation *operation = &constants->program->operations[asked->operation];
	uint32_t count = operation->operand_count, i;
	struct constant *values = arena_alloc(arena, count, sizeof *values);
	const struct constant **operands = arena_alloc(arena, count, sizeof *operands);
	bool pieces = constant_takes_pieces(operation);
	snnfit_status status = SNNFIT_OK;

	*known = false;
	if (!values || !operands)
		return error_no_memory(err);
	for (i = 0; i < count; i++) {
		operands[i] = operation->operands[i] == NO_VALUE ? NULL : &values[i];
		*known = pieces && !operands[i];
		if (operands[i])
			status = evaluate(constants, operation->operands[i], depth + 1, arena,
					  &values[i], known, err);
		if (!*known)
			return status;
	}
	*known = pieces ? constant_pieces(constants->program, operation, asked->output, operands,
					  count, UINT64_MAX, arena, out)
			: constant_apply(operation, operands, count, UINT64_MAX, arena, out);
	return !*known && arena->failed ? error_no_memory(err) : SNNFIT_OK;
}

static snnfit_status
evaluate(const struct constants *constants, uint32_t value, uint32_t depth, struct arena *arena,
	 struct constant *out, bool *known, snnfit_error *err)
{
	const struct program *program = constants->program;
	const struct value *asked = &program->values[value];

	*known = constants->values[value] != NULL;
	if (*known) {
		*out = *constants->values[value];
		return SNNFIT_OK;
	}
	if (asked->kind == VALUE_SOURCE)
		return constant_read(program, asked->tensor, UINT64_MAX, arena, out, known, err);
	if (asked->kind != VALUE_RESULT || !asked->constant || depth > EVALUATE_DEPTH_MAX)
		return SNNFIT_OK;
	return evaluate_operation(constants, asked, depth, arena, out, known, err);
}

snnfit_status
constant_evaluate(const struct constants *constants, uint32_t value, struct arena *arena,
		  struct constant *out, snnfit_error *err)
{
	bool known;
	snnfit_status status = evaluate(constants, value, 0, arena, out, &known, err);

	if (status != SNNFIT_OK || known)
		return status;
	return error_set(err, SNNFIT_EUNSUPPORTED,
			 "the constant %s cannot be read or computed here; fold constants before, "
			 "for instance with onnxsim",
			 constants->program->values[value].name);
}
