/* gather.h - operators that pick elements by index, and put them. */
#ifndef SNNFIT_SIMULATOR_GATHER_H
#define SNNFIT_SIMULATOR_GATHER_H

#include "simulator/machine.h"

operator_run run_gather, run_gather_elements, run_gather_nd, run_scatter_elements, run_scatter_nd,
	run_compress;

#endif
