#include "graph/words.h"

#include <stddef.h>

const char *const fate_words[] = { "kept",   "dead",   "silent", "firing",
				   "unread", "merged", "fused",	 NULL };
const char *const kind_words[] = { "spiking", "readout", "relu", "custom", NULL };
const char *const comparison_words[] = { "none", ">", ">=", NULL };
const char *const reset_words[] = { "none", "subtract", "set", NULL };
const char *const reset_timing_words[] = { "now", "late", "both", NULL };
const char *const current_words[] = { "absent", "old", "old-and-input", "new", NULL };
const char *const reads_words[] = { "spikes", "input", "other", NULL };
const char *const time_words[] = { "step", "unrolled", "loop", "zero", "baked", "ann", NULL };
