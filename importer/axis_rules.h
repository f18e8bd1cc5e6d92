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

/* The numbers that an operand or an old attribute gives; NULL: not known. */
const struct number *rule_numbers(struct axes *axes, const struct operation *operation,
				  uint32_t operand, const char *attribute, uint32_t *count);
void rule_set_numbers(struct axes *axes, uint32_t value, const struct number *numbers,
		      uint32_t count);
/* axis has the size that a number of a shape tensor says. */
void rule_bind_number(struct axes *axes, struct axis axis, const struct number *number);

/* Along which a Scan scans its operand i, as the attribute of that name lists it. */
bool scanned_axis(const struct operation *operation, const char *name, uint32_t i, uint32_t rank,
		  uint32_t *axis);

/* Spatial axes after a window has gone over them, from out[2] on; kernel NULL: as the
 * attribute says. False: they do not come out. */
bool rule_window(struct axes *axes, const struct operation *operation, const struct tensor_axes *x,
		 const struct tensor_axes *kernel, struct axis *out);
bool axes_add_weight(struct axes *axes, const struct weight_operation *weight);
/* The operation reads all that stands along the axis together: only what is 0 may go. */
void axes_note_total(struct axes *axes, uint32_t index, struct axis axis);
/* axis_foreign_rules.c; NULL: none. */
axis_rule axis_foreign_rule_of(const struct operation *operation);

bool rule_elementwise(struct axes *axes, uint32_t index);
/* Of the operands at these slots; slots NULL: the first ones. */
bool rule_elementwise_of(struct axes *axes, uint32_t index, const uint32_t *slots, uint32_t count);
bool rule_unary(struct axes *axes, uint32_t index);
bool rule_dropout(struct axes *axes, uint32_t index);
bool rule_gemm(struct axes *axes, uint32_t index);
bool rule_matmul(struct axes *axes, uint32_t index);
bool rule_conv(struct axes *axes, uint32_t index);
bool rule_batch_normalization(struct axes *axes, uint32_t index);
bool rule_pool(struct axes *axes, uint32_t index);
bool rule_quantize(struct axes *axes, uint32_t index);

bool rule_matmul_integer(struct axes *axes, uint32_t index);
bool rule_conv_integer(struct axes *axes, uint32_t index);
bool rule_dynamic_quantize(struct axes *axes, uint32_t index);

bool rule_random_like(struct axes *axes, uint32_t index);
bool rule_instance_normalization(struct axes *axes, uint32_t index);
bool rule_reduce(struct axes *axes, uint32_t index);
bool rule_arg(struct axes *axes, uint32_t index);
bool rule_softmax(struct axes *axes, uint32_t index);
bool rule_cumsum(struct axes *axes, uint32_t index);
bool rule_pad(struct axes *axes, uint32_t index);
bool rule_tile(struct axes *axes, uint32_t index);
bool rule_scatter_nd(struct axes *axes, uint32_t index);
bool rule_scatter_elements(struct axes *axes, uint32_t index);
bool rule_gather_elements(struct axes *axes, uint32_t index);

bool rule_concat(struct axes *axes, uint32_t index);
bool rule_constant_of_shape(struct axes *axes, uint32_t index);
bool rule_expand(struct axes *axes, uint32_t index);
bool rule_flatten(struct axes *axes, uint32_t index);
bool rule_gather(struct axes *axes, uint32_t index);
bool rule_reshape(struct axes *axes, uint32_t index);
bool rule_shape(struct axes *axes, uint32_t index);
bool rule_slice(struct axes *axes, uint32_t index);
bool rule_split(struct axes *axes, uint32_t index);
bool rule_squeeze(struct axes *axes, uint32_t index);
bool rule_transpose(struct axes *axes, uint32_t index);
bool rule_unsqueeze(struct axes *axes, uint32_t index);

#endif
