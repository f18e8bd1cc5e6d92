/* names.h - how what the graph says is called in reports. */
#ifndef SNNFIT_API_NAMES_H
#define SNNFIT_API_NAMES_H

#include "graph/graph.h"

const char *population_kind_name(enum population_kind kind); /* "spiking", "readout", ... */
const char *comparison_name(enum comparison comparison);     /* ">", ">=", or NULL */
const char *reset_name(enum reset reset);		     /* "subtract", "set", "none" */
const char *reset_timing_name(enum reset_timing timing);     /* "now", "late", "both" */
const char *time_kind_name(enum time_kind kind);	     /* "step", "unrolled", ... */

#endif
