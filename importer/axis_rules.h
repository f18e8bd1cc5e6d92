/* axis_rules.h - the rules behind the table in axis_rules.c. */
#ifndef SNNFIT_IMPORTER_AXIS_RULES_H
#define SNNFIT_IMPORTER_AXIS_RULES_H

#include "importer/axes.h"

/* NULL: left out. */
struct tensor_axes *rule_operand(struct axes *axes, const struct operation *operation, uint32_t i);
uint32_t rule_result(const struct operation *operation, uint32_t i);
/* format has one %s: the operation. */
const char *rule_reason(struct axes *axes, const struct operation *operation, const char *format)
	__attribute__((format_arg(3)));

bool rule_elementwise(struct axes *axes, uint32_t index);
bool rule_unary(struct axes *axes, uint32_t index);
bool rule_dropout(struct axes *axes, uint32_t index);
bool rule_gemm(struct axes *axes, uint32_t index);
bool rule_matmul(struct axes *axes, uint32_t index);
bool rule_conv(struct axes *axes, uint32_t index);
bool rule_batch_normalization(struct axes *axes, uint32_t index);
bool rule_pool(struct axes *axes, uint32_t index);
bool rule_quantize(struct axes *axes, uint32_t index);

bool rule_concat(struct axes *axes, uint32_t index);
bool rule_constant_of_shape(struct axes *axes, uint32_t index);
bool rule_expand(struct axes *axes, uint32_t index);
bool rule_flatten(struct axes *axes, uint32_t index);
bool rule_gather(struct axes *axes, uint32_t index);
bool rule_reshape(struct axes *axes, uint32_t index);
bool rule_shape(struct axes *axes, uint32_t index);
bool rule_slice(struct axes *axes, uint32_t index);
bool rule_squeeze(struct axes *axes, uint32_t index);
bool rule_transpose(struct axes *axes, uint32_t index);
bool rule_unsqueeze(struct axes *axes, uint32_t index);

#endif
