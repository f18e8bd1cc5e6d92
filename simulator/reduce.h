/* reduce.h - operators over axes: sums, extremes, positions, running sums, softmax. */
#ifndef SNNFIT_SIMULATOR_REDUCE_H
#define SNNFIT_SIMULATOR_REDUCE_H

#include "simulator/machine.h"

enum reduction {
	REDUCE_SUM,
	REDUCE_MEAN,
	REDUCE_MAX,
	REDUCE_MIN,
	REDUCE_PROD,
	REDUCE_L1,
	REDUCE_L2,
	REDUCE_SUM_SQUARE,
	REDUCE_LOG_SUM,
	REDUCE_LOG_SUM_EXP,
};

/* The operator's element is the enum reduction. */
operator_run run_reduce, run_arg_max, run_arg_min, run_cum_sum, run_softmax, run_log_softmax,
	run_hardmax, run_top_k;

#endif
