/* control.h - operators that run graphs of their own, and sequences. */
#ifndef SNNFIT_SIMULATOR_CONTROL_H
#define SNNFIT_SIMULATOR_CONTROL_H

#include "simulator/machine.h"

operator_run run_if, run_loop, run_scan;

/* simulator/sequence.c */
operator_run run_sequence_empty, run_sequence_construct, run_sequence_insert, run_sequence_at,
	run_sequence_length, run_sequence_erase, run_concat_from_sequence, run_split_to_sequence;

#endif
