/* axis_foreign_rules.c - weights that are read but never cut: of operators that compute in
 * integers, do several things at once, or have their weights re-ordered for one processor. */
#include "importer/axis_rules.h"

#include <string.h>

static const char INTEGERS[] = "%s computes in integers: prune the model before it is quantized, "
			       "or export it in QDQ format";
static const char REORDERED[] = "%s has weights re-ordered for one processor: export the model "
				"before that optimization";

static const char FUSED[] = "%s is several operators in one: export the model before that "
			    "optimization";

static const struct operation *
operation_at(const struct axes *axes, uint32_t index)
{
	return &axes->program->operations[index];
}

static void
freeze_tensor(struct axes *axes, const struct tensor_axes *tensor, const char *reason)
{
	uint32_t d;

	for (d = 0; d < tensor->rank; d++)
		axis_freeze(axes, tensor->axes[d], reason);
}

/* Also of what it adds: a state, or another layer. */
static void
freeze_operands(struct axes *axes, const struct operation *operation, const char *reason)
{
	uint32_t i;

	for (i = 0; i < operation->operand_count; i++)
		if (rule_operand(axes, operation, i))
			freeze_tensor(axes, rule_operand(axes, operation, i), reason);
}

/* [.., columns] times [columns, units], or [units, columns] when it is turned. */
static bool
multiply(struct axes *axes, uint32_t index, uint32_t weights, bool turned, const char *reason)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	const struct tensor_axes *w = rule_operand(axes, operation, weights);
	struct axis out[AXES_RANK_MAX];
	struct weight_operation weight = { index, 0, weights, !turned, { 0 }, { 0 } };

	if (!x || !w || !x->rank || w->rank != 2 ||
	    !axes->program->values[operation->operands[weights]].constant)
		return false;
	weight.units = w->axes[turned ? 0 : 1];
	weight.columns = w->axes[turned ? 1 : 0];
	memcpy(out, x->axes, x->rank * sizeof *out);
	out[x->rank - 1] = weight.units;
	freeze_operands(axes, operation, reason);
	axes_set(axes, rule_result(operation, 0), x->rank, out);
	return axes_add_weight(axes, &weight);
}

static bool
rule_qlinear_matmul(struct axes *axes, uint32_t index)
{
	return multiply(axes, index, 3, false,
			rule_reason(axes, operation_at(axes, index), INTEGERS));
}

static bool
rule_qgemm(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);

	return !operation_int(operation, "transA", 0) &&
	       multiply(axes, index, 3, operation_int(operation, "transB", 0) != 0,
			rule_reason(axes, operation, INTEGERS));
}

/* FusedGemm and FusedMatMul, in forms that are not spelled out (program_fused.c). */
static bool
rule_fused_matmul(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);

	return !operation_int(operation, "transA", 0) &&
	       !operation_int(operation, "transBatchA", 0) &&
	       !operation_int(operation, "transBatchB", 0) &&
	       multiply(axes, index, 1, operation_int(operation, "transB", 0) != 0,
			rule_reason(axes, operation, FUSED));
}

/* QLinearAdd and QLinearMul: codes, scale and zero point of each. */
static bool
rule_qlinear_elementwise(struct axes *axes, uint32_t index)
{
	static const uint32_t codes[] = { 0, 3 };
	const struct operation *operation = operation_at(axes, index);

	if (!rule_operand(axes, operation, 0) || !rule_operand(axes, operation, 3) ||
	    !rule_elementwise_of(axes, index, codes, 2))
		return false;
	freeze_operands(axes, operation, rule_reason(axes, operation, INTEGERS));
	return true;
}

static bool
convolve(struct axes *axes, uint32_t index, uint32_t weights, struct axis units, const char *reason)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	const struct tensor_axes *w = rule_operand(axes, operation, weights);
	struct weight_operation weight = { index, 0, weights, false, units, { 0 } };
	struct axis out[AXES_RANK_MAX];

	if (!x || !w || x->rank < 3 || x->rank != w->rank ||
	    !rule_window(axes, operation, x, w, out))
		return false;
	weight.columns = w->axes[1];
	out[0] = x->axes[0];
	out[1] = units;
	freeze_operands(axes, operation, reason);
	axes_set(axes, rule_result(operation, 0), x->rank, out);
	return axes_add_weight(axes, &weight);
}

static bool
rule_qlinear_conv(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *w = rule_operand(axes, operation, 3);

	return w && w->rank &&
	       convolve(axes, index, 3, w->axes[0], rule_reason(axes, operation, INTEGERS));
}

static bool
rule_fused_conv(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *w = rule_operand(axes, operation, 1);

	return w && w->rank && axes->program->values[operation->operands[1]].constant &&
	       convolve(axes, index, 1, w->axes[0], rule_reason(axes, operation, FUSED));
}

static bool
is_nchwc(const struct operation *operation, const char *op_type)
{
	return operation->node->domain &&
	       strcmp(operation->node->domain, "com.microsoft.nchwc") == 0 &&
	       strcmp(operation->node->op_type, op_type) == 0;
}

/* Units are padded to whole blocks: what puts them back in order says how many there are. */
static uint64_t
channels_after(const struct axes *axes, uint32_t index)
{
	uint32_t value = rule_result(operation_at(axes, index), 0);
	size_t i;

	for (i = index + 1; i < axes->program->operation_count; i++) {
		const struct operation *next = operation_at(axes, (uint32_t)i);

		if (!next->operand_count || next->operands[0] != value)
			continue;
		if (is_nchwc(next, "ReorderOutput"))
			return (uint64_t)operation_int(next, "channels", 0);
		value = rule_result(next, 0);
	}
	return 0;
}

static bool
rule_nchwc_conv(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *w = rule_operand(axes, operation, 1);
	const char *reason = rule_reason(axes, operation, REORDERED);
	uint64_t channels = channels_after(axes, index);

	if (!w || !w->rank || channels > axis_size(axes, w->axes[0]))
		return false;
	return convolve(axes, index, 1, axis_fresh(axes, channels, reason), reason);
}

/* The channels in another order in memory, but the same ones. */
static bool
rule_reorder(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);

	if (!x || operation_int(operation, "channels_last", 0))
		return false;
	freeze_tensor(axes, x, rule_reason(axes, operation, REORDERED));
	axes_set(axes, rule_result(operation, 0), x->rank, x->axes);
	return true;
}

static const struct {
	const char *domain, *op_type;
	axis_rule rule;
} rule_table[] = {
	{ "", "QLinearConv", rule_qlinear_conv },
	{ "", "QLinearMatMul", rule_qlinear_matmul },
	{ "com.microsoft", "FusedConv", rule_fused_conv },
	{ "com.microsoft", "FusedGemm", rule_fused_matmul },
	{ "com.microsoft", "FusedMatMul", rule_fused_matmul },
	{ "com.microsoft", "QGemm", rule_qgemm },
	{ "com.microsoft", "QLinearAdd", rule_qlinear_elementwise },
	{ "com.microsoft", "QLinearAveragePool", rule_pool },
	{ "com.microsoft", "QLinearMul", rule_qlinear_elementwise },
	{ "com.microsoft.nchwc", "AveragePool", rule_pool },
	{ "com.microsoft.nchwc", "Conv", rule_nchwc_conv },
	{ "com.microsoft.nchwc", "MaxPool", rule_pool },
	{ "com.microsoft.nchwc", "ReorderInput", rule_reorder },
	{ "com.microsoft.nchwc", "ReorderOutput", rule_reorder },
};

axis_rule
axis_foreign_rule_of(const struct operation *operation)
{
	const char *domain = operation_is_standard(operation) ? "" : operation->node->domain;
	size_t i;

	for (i = 0; i < sizeof rule_table / sizeof *rule_table; i++)
		if (operation->node->op_type && strcmp(domain, rule_table[i].domain) == 0 &&
		    strcmp(operation->node->op_type, rule_table[i].op_type) == 0)
			return rule_table[i].rule;
	return NULL;
}

bool
axes_is_foreign(const struct operation *operation)
{
	return axis_foreign_rule_of(operation) != NULL;
}
