/* digest.h - a graph in a few bytes. */
#ifndef SNNFIT_GRAPH_DIGEST_H
#define SNNFIT_GRAPH_DIGEST_H

#include "graph/graph.h"

enum { GRAPH_DIGEST_BYTES = 32 };

/* Two copies of one graph have the same digest when they compute the same: units,
 * connections, weights, biases and their quantization, neurons (SHA-256). Names, rates and notes
 * are left out. Reads all weights, a piece at a time. */
MUST_USE snnfit_status graph_digest(const struct graph *graph, uint8_t out[GRAPH_DIGEST_BYTES],
				    snnfit_error *err);

#endif
