/* names.h - names that are taken in a graph, and new ones that are not. */
#ifndef SNNFIT_EXPORTER_NAMES_H
#define SNNFIT_EXPORTER_NAMES_H

#include "core/map.h"
#include "proto/model.h"

/* One set for values and nodes: what is new differs from both. */
struct names {
	struct arena *arena; /* of the model that gets the names */
	struct map taken;
	struct map numbers; /* stem -> the last number that was tried with it */
};

void names_init(struct names *names, struct arena *arena);
/* Of the graph and the graphs inside its nodes. scratch: memory for the walk. */
MUST_USE bool names_collect(struct names *names, const Onnx__GraphProto *graph,
			    struct arena *scratch);
MUST_USE bool names_take(struct names *names, const char *name);
/* base__suffix, or base__suffix2, base__suffix3, ...; taken from now on. NULL
 * when out of memory. */
MUST_USE char *names_fresh(struct names *names, const char *base, const char *suffix);
/* The name itself if it is free, else with a number: name_2, ... */
MUST_USE char *names_unique(struct names *names, const char *name);

#endif
