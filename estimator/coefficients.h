/* coefficients.h - written by estimator/calibration/fit.py from the synthesised
 * layers beside it; do not edit. */
#ifndef SNNFIT_ESTIMATOR_COEFFICIENTS_H
#define SNNFIT_ESTIMATOR_COEFFICIENTS_H

#include "estimator/layer.h"

/* clang-format off */
static const struct fitted
fitted[ARCHITECTURE_COUNT][FAMILY_COUNT][FITTED_COUNT] = {
	[ARCHITECTURE_SC][FAMILY_ICE40][FITTED_LUT] = {
		.coefficients = {
			[TERM_COMPRESSORS] = 1.751,
			[TERM_COMPARATORS] = 0.2555,
			[TERM_ENCODERS] = 0.9526,
			[TERM_MEMBRANES] = 4.138,
			[TERM_CONSTANT] = 41.7,
		},
		.low = 0.870, .high = 1.085, .largest = 5161,
	},
	[ARCHITECTURE_SC][FAMILY_ICE40][FITTED_FF] = {
		.low = 0.992, .high = 1.002, .largest = 1326,
	},
	[ARCHITECTURE_SC][FAMILY_ICE40][FITTED_CARRY] = {
		.coefficients = {
			[TERM_COMPRESSORS] = 0,
			[TERM_COMPARATORS] = 0.9027,
			[TERM_ENCODERS] = 1.105,
			[TERM_MEMBRANES] = 2.573,
			[TERM_CONSTANT] = 0,
		},
		.low = 0.959, .high = 1.046, .largest = 3891,
	},
	[ARCHITECTURE_SC][FAMILY_ICE40][FITTED_LOGIC_CELLS] = {
		.coefficients = {
			[TERM_COMPRESSORS] = 2.027,
			[TERM_COMPARATORS] = 1.427,
			[TERM_ENCODERS] = 1.978,
			[TERM_MEMBRANES] = 3.787,
			[TERM_CONSTANT] = 60.45,
		},
		.low = 0.885, .high = 1.090, .largest = 1915,
	},
	[ARCHITECTURE_SC][FAMILY_ECP5][FITTED_LUT] = {
		.coefficients = {
			[TERM_COMPRESSORS] = 1.148,
			[TERM_COMPARATORS] = 1.185,
			[TERM_ENCODERS] = 1.929,
			[TERM_MEMBRANES] = 5.204,
			[TERM_CONSTANT] = 0,
		},
		.low = 0.903, .high = 1.199, .largest = 3664,
	},
	[ARCHITECTURE_SC][FAMILY_ECP5][FITTED_FF] = {
		.low = 0.968, .high = 1.067, .largest = 390,
	},
	[ARCHITECTURE_SC][FAMILY_XC7][FITTED_LUT] = {
		.coefficients = {
			[TERM_COMPRESSORS] = 1.337,
			[TERM_COMPARATORS] = 0.2747,
			[TERM_ENCODERS] = 0.6896,
			[TERM_MEMBRANES] = 1.947,
			[TERM_CONSTANT] = 0,
		},
		.low = 0.802, .high = 1.361, .largest = 2711,
	},
	[ARCHITECTURE_SC][FAMILY_XC7][FITTED_FF] = {
		.low = 0.990, .high = 1.089, .largest = 1307,
	},
	[ARCHITECTURE_PARALLEL][FAMILY_ICE40][FITTED_LUT] = {
		.coefficients = {
			[TERM_COMPRESSORS] = 2.117,
			[TERM_FINAL_ADDERS] = 1.815,
			[TERM_DIFFERENCES] = 1.347,
			[TERM_MEMBRANES] = 3.195,
			[TERM_UNITS] = 3.949,
		},
		.low = 0.896, .high = 1.090, .largest = 2732,
	},
	[ARCHITECTURE_PARALLEL][FAMILY_ICE40][FITTED_FF] = {
		.low = 0.978, .high = 1.046, .largest = 1132,
	},
	[ARCHITECTURE_PARALLEL][FAMILY_ICE40][FITTED_CARRY] = {
		.coefficients = {
			[TERM_COMPRESSORS] = 0.06446,
			[TERM_FINAL_ADDERS] = 1.174,
			[TERM_DIFFERENCES] = 0.9837,
			[TERM_MEMBRANES] = 1.257,
			[TERM_UNITS] = 0,
		},
		.low = 0.845, .high = 1.179, .largest = 1072,
	},
	[ARCHITECTURE_PARALLEL][FAMILY_ICE40][FITTED_LOGIC_CELLS] = {
		.coefficients = {
			[TERM_COMPRESSORS] = 2.016,
			[TERM_FINAL_ADDERS] = 2.052,
			[TERM_DIFFERENCES] = 2.459,
			[TERM_MEMBRANES] = 3.491,
			[TERM_UNITS] = 8.489,
		},
		.low = 0.906, .high = 1.088, .largest = 1429,
	},
	[ARCHITECTURE_PARALLEL][FAMILY_ECP5][FITTED_LUT] = {
		.coefficients = {
			[TERM_COMPRESSORS] = 2.108,
			[TERM_FINAL_ADDERS] = 1.583,
			[TERM_DIFFERENCES] = 1.385,
			[TERM_MEMBRANES] = 3.375,
			[TERM_UNITS] = 4.695,
		},
		.low = 0.809, .high = 1.121, .largest = 1637,
	},
	[ARCHITECTURE_PARALLEL][FAMILY_ECP5][FITTED_FF] = {
		.low = 0.977, .high = 1.078, .largest = 640,
	},
	[ARCHITECTURE_PARALLEL][FAMILY_XC7][FITTED_LUT] = {
		.coefficients = {
			[TERM_COMPRESSORS] = 2.182,
			[TERM_FINAL_ADDERS] = 0.3949,
			[TERM_DIFFERENCES] = 2.198,
			[TERM_MEMBRANES] = 0.3458,
			[TERM_UNITS] = 6.555,
		},
		.low = 0.907, .high = 1.081, .largest = 1564,
	},
	[ARCHITECTURE_PARALLEL][FAMILY_XC7][FITTED_FF] = {
		.low = 0.988, .high = 1.089, .largest = 1173,
	},
	[ARCHITECTURE_EVENT][FAMILY_ICE40][FITTED_LUT] = {
		.coefficients = {
			[TERM_MEMBRANES] = 4.574,
			[TERM_READ_MULTIPLEXERS] = 0.9427,
			[TERM_CONTROL] = 1.781,
			[TERM_FALLEN_MEMORIES] = 0.7119,
			[TERM_CONSTANT] = 5.516,
		},
		.low = 0.875, .high = 1.151, .largest = 2326,
	},
	[ARCHITECTURE_EVENT][FAMILY_ICE40][FITTED_FF] = {
		.low = 1.000, .high = 1.000, .largest = 1157,
	},
	[ARCHITECTURE_EVENT][FAMILY_ICE40][FITTED_CARRY] = {
		.coefficients = {
			[TERM_MEMBRANES] = 2.7,
			[TERM_READ_MULTIPLEXERS] = 0.01984,
			[TERM_CONTROL] = 0.4648,
			[TERM_FALLEN_MEMORIES] = 0,
			[TERM_CONSTANT] = 0,
		},
		.low = 0.932, .high = 1.055, .largest = 708,
	},
	[ARCHITECTURE_EVENT][FAMILY_ICE40][FITTED_LOGIC_CELLS] = {
		.coefficients = {
			[TERM_MEMBRANES] = 4.81,
			[TERM_READ_MULTIPLEXERS] = 0.9365,
			[TERM_CONTROL] = 3.515,
			[TERM_FALLEN_MEMORIES] = 1.785,
			[TERM_CONSTANT] = 0,
		},
		.low = 0.888, .high = 1.178, .largest = 1150,
	},
	[ARCHITECTURE_EVENT][FAMILY_ECP5][FITTED_LUT] = {
		.coefficients = {
			[TERM_MEMBRANES] = 6.283,
			[TERM_READ_MULTIPLEXERS] = 0.93,
			[TERM_CONTROL] = 1.784,
			[TERM_FALLEN_MEMORIES] = 6.037,
			[TERM_CONSTANT] = 5.015,
		},
		.low = 0.944, .high = 1.053, .largest = 1775,
	},
	[ARCHITECTURE_EVENT][FAMILY_ECP5][FITTED_FF] = {
		.low = 1.000, .high = 1.000, .largest = 258,
	},
	[ARCHITECTURE_EVENT][FAMILY_XC7][FITTED_LUT] = {
		.coefficients = {
			[TERM_MEMBRANES] = 2.75,
			[TERM_READ_MULTIPLEXERS] = 0.5101,
			[TERM_CONTROL] = 0.7288,
			[TERM_FALLEN_MEMORIES] = 1.165,
			[TERM_CONSTANT] = 8.461,
		},
		.low = 0.859, .high = 1.169, .largest = 1350,
	},
	[ARCHITECTURE_EVENT][FAMILY_XC7][FITTED_FF] = {
		.low = 1.000, .high = 1.000, .largest = 294,
	},
	[ARCHITECTURE_SPARSE][FAMILY_ICE40][FITTED_LUT] = {
		.coefficients = {
			[TERM_MEMBRANES] = 4.628,
			[TERM_READ_MULTIPLEXERS] = 0.9142,
			[TERM_CONTROL] = 3.618,
			[TERM_FALLEN_MEMORIES] = 0,
			[TERM_CONSTANT] = 10.48,
		},
		.low = 0.884, .high = 1.218, .largest = 1110,
	},
	[ARCHITECTURE_SPARSE][FAMILY_ICE40][FITTED_FF] = {
		.low = 1.000, .high = 1.000, .largest = 98,
	},
	[ARCHITECTURE_SPARSE][FAMILY_ICE40][FITTED_CARRY] = {
		.coefficients = {
			[TERM_MEMBRANES] = 2.637,
			[TERM_READ_MULTIPLEXERS] = 0.003314,
			[TERM_CONTROL] = 0.874,
			[TERM_FALLEN_MEMORIES] = 0,
			[TERM_CONSTANT] = 0,
		},
		.low = 0.966, .high = 1.028, .largest = 99,
	},
	[ARCHITECTURE_SPARSE][FAMILY_ICE40][FITTED_LOGIC_CELLS] = {
		.coefficients = {
			[TERM_MEMBRANES] = 5.665,
			[TERM_READ_MULTIPLEXERS] = 1.151,
			[TERM_CONTROL] = 3.273,
			[TERM_FALLEN_MEMORIES] = 0,
			[TERM_CONSTANT] = 36.47,
		},
		.low = 0.890, .high = 1.200, .largest = 1157,
	},
	[ARCHITECTURE_SPARSE][FAMILY_ECP5][FITTED_LUT] = {
		.coefficients = {
			[TERM_MEMBRANES] = 6.344,
			[TERM_READ_MULTIPLEXERS] = 0.829,
			[TERM_CONTROL] = 3.054,
			[TERM_FALLEN_MEMORIES] = 6.113,
			[TERM_CONSTANT] = 10.85,
		},
		.low = 0.930, .high = 1.037, .largest = 550,
	},
	[ARCHITECTURE_SPARSE][FAMILY_ECP5][FITTED_FF] = {
		.low = 1.000, .high = 1.000, .largest = 96,
	},
	[ARCHITECTURE_SPARSE][FAMILY_XC7][FITTED_LUT] = {
		.coefficients = {
			[TERM_MEMBRANES] = 3.85,
			[TERM_READ_MULTIPLEXERS] = 0.5752,
			[TERM_CONTROL] = 1.626,
			[TERM_FALLEN_MEMORIES] = 1.028,
			[TERM_CONSTANT] = 0,
		},
		.low = 0.854, .high = 1.213, .largest = 413,
	},
	[ARCHITECTURE_SPARSE][FAMILY_XC7][FITTED_FF] = {
		.low = 1.000, .high = 1.000, .largest = 113,
	},
};
/* clang-format on */

#endif
