/* shape.h - operators about shapes, and those that join and split arrays. */
#ifndef SNNFIT_SIMULATOR_SHAPE_H
#define SNNFIT_SIMULATOR_SHAPE_H

#include "simulator/machine.h"

operator_run run_identity, run_reshape, run_flatten, run_squeeze, run_unsqueeze, run_shape,
	run_size, run_dropout;

/* simulator/join.c */
operator_run run_concat, run_split;
/* Arrays one behind the other along an axis; is_new: an axis that they do not have
 * yet. Output 0 of the call. */
MUST_USE snnfit_status join_arrays(struct call *call, const struct tensor *const *items,
				   uint32_t count, int64_t axis, bool is_new);

/* simulator/generate.c */
operator_run run_constant, run_constant_of_shape, run_range, run_eye_like, run_one_hot, run_trilu,
	run_non_zero, run_random, run_random_like;

#endif
