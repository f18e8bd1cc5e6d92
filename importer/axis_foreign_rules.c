/* axis_foreign_rules.c - weights that are read but never cut: of operators that compute in
 * integers, or have them re-ordered for one processor. */
#include "importer/axis_rules.h"

#include <string.h>

static const char INTEGERS[] = "%s computes in integers: prune the model before it is quantized, "
			       "or export it in QDQ format";
static const char REORDERED[] = "%s has weights re-ordered for one processor: export the model "
				"before that optimization";

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

/* [.., columns] times [columns, units], or [units, columns] when it is turned. */
static bool
multiply(struct axes *axes, uint32_t index, bool turned)
{
	const struct operation *operation = operation_at(axes, index);
	const struct tensor_axes *x = rule_operand(axes, operation, 0);
	const struct tensor_axes *w = rule_operand(axes, operation, 3);
	const char *reason = rule_reason(axes, operation, INTEGERS);
	struct axis out[AXES_RANK_MAX];
	struct weight_operation weight = { index, 0, 3, !turned, { 0 }, { 0 } };

	if (!x || !w || !x->rank || w->rank != 2)
		return false;
	weight.units = w->axes[turned ? 0 : 1];
	weight.columns = w->axes[turned ? 1 : 0];
	memcpy(out, x->axes, x->rank * sizeof *out);
	out[x->rank - 1] = weight.units;
	freeze_tensor(axes, w, reason);
	freeze_tensor(axes, x, reason);
	axes_set(axes, rule_result(operation, 0), x->rank, out);
	return axes_add_weight(axes, &weight);
}

static bool
rule_qlinear_matmul(struct axes *axes, uint32_t index)
{
	return multiply(axes, index, false);
}

static bool
rule_qgemm(struct axes *axes, uint32_t index)
{
	const struct operation *operation = operation_at(axes, index);

	return !operation_int(operation, "transA", 0) &&
	       multiply(axes, index, operation_int(operation, "transB", 0) != 0);
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
	freeze_tensor(axes, w, reason);
	freeze_tensor(axes, x, reason);
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
	{ "com.microsoft", "QGemm", rule_qgemm },
	{ "com.microsoft", "QLinearAveragePool", rule_pool },
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
