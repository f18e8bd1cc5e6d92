/* normalize.h - normalizations, and quantization. */
#ifndef SNNFIT_SIMULATOR_NORMALIZE_H
#define SNNFIT_SIMULATOR_NORMALIZE_H

#include "simulator/machine.h"

operator_run run_batch_normalization, run_layer_normalization, run_instance_normalization,
	run_group_normalization;

/* simulator/quantize.c */
operator_run run_quantize_linear, run_dequantize_linear, run_dynamic_quantize_linear;

#endif
