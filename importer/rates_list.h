/* rates_list.h - what one carrier says about firing rates, and whose they are.
 *
 * A carrier (a file, a metadata entry, ...) adds its arrays one after the other;
 * rates_list_match then finds the populations for those whose name is not in the
 * model, and rates_list_check looks at every value. Nothing touches the graph
 * before all of a carrier is found good. */
#ifndef SNNFIT_IMPORTER_RATES_LIST_H
#define SNNFIT_IMPORTER_RATES_LIST_H

#include "core/map.h"
#include "graph/graph.h"
#include "proto/model.h"

enum {
	RATES_RANK_MAX = 32,
	RATES_RENAMED_MAX = 1024,   /* arrays of one carrier whose names are not in the model */
	RATES_VALUES_MAX = 1 << 26, /* of one carrier: 512 MiB */
	SHAPE_TEXT_BYTES = 80,
};

/* What does not change from carrier to carrier. */
struct rates_context {
	struct arena *arena; /* for as long as rates are being read */
	struct graph *graph;
	const struct onnx_model *model; /* NULL: a graph made in memory */
	struct map names;   /* population names, and spike tensors over them -> population */
	struct map shared;  /* spike tensors of several populations, each in a body of its own */
	struct map weights; /* initializers and constants -> tensors[] */
	const Onnx__TensorProto **tensors;
	size_t tensor_count, tensor_capacity;
};

MUST_USE snnfit_status rates_context_init(struct rates_context *context, struct arena *arena,
					  struct graph *graph, const struct onnx_model *model,
					  snnfit_error *err);
/* The initializer, or constant of the main graph, of this name; or NULL. */
const Onnx__TensorProto *rates_find_tensor(const struct rates_context *context, const char *name);

enum rates_fit {
	RATES_FIT_NONE,
	RATES_FIT_UNITS,     /* one a unit: [units] */
	RATES_FIT_POSITIONS, /* one a unit and position: [C, H, W], or [units * positions] */
};

struct rates_entry {
	const char *name;	 /* a spike tensor, a population, or unknown */
	const char *fingerprint; /* of the weights, or NULL */
	uint32_t rank;
	uint64_t shape[RATES_RANK_MAX];
	uint64_t count;		  /* of values: the product of shape */
	double *values;		  /* row-major, zero; the carrier fills it in */
	population_id population; /* GRAPH_NONE until it is matched */
};

struct rates_list {
	struct rates_context *context;
	const char *carrier; /* for messages: "rates.npz", "metadata snn.firing_rates" */
	struct rates_entry *entries;
	size_t count, capacity;
	const char *hint; /* what to try when a shape does not fit; or NULL */
	uint64_t value_count;
	uint64_t samples, steps; /* of the calibration run, 0: not said */
};

/* Adds an array of this shape and makes room for its values; matched already
 * when the name is known. SNNFIT_EDATA when the population of that name, or every
 * population, has another shape. name and fingerprint (NULL: none) are kept. */
MUST_USE snnfit_status rates_list_add(struct rates_list *list, const char *name,
				      const char *fingerprint, uint32_t rank, const uint64_t *shape,
				      struct rates_entry **out, snnfit_error *err);
/* Finds populations for the entries that have none: by fingerprint, else by the
 * order of layers and the shape, if that leaves one way only; a note says so. */
MUST_USE snnfit_status rates_list_match(struct rates_list *list, snnfit_error *err);
/* Every value finite, at least 0, and no more than a float can hold. */
MUST_USE snnfit_status rates_list_check(const struct rates_list *list, snnfit_error *err);

enum rates_fit rates_shape_fit(const struct rates_context *context, population_id population,
			       uint32_t rank, const uint64_t *shape);
/* Value of unit u at position p, whichever way the shape fits. */
double rates_entry_at(const struct rates_context *context, const struct rates_entry *entry,
		      uint32_t unit, uint32_t position);
/* "[8, 24, 24]" into out[SHAPE_TEXT_BYTES]; returns out. */
const char *rates_shape_text(char *out, uint32_t rank, const uint64_t *shape);

/* SNNFIT_EDATA: the message, and the populations that the shape fits (shape NULL:
 * all) with their spike tensors. */
MUST_USE snnfit_status rates_refuse_with_candidates(const struct rates_list *list, uint32_t rank,
						    const uint64_t *shape, const char *message,
						    snnfit_error *err);

/* --- carriers: each fills a list ----------------------------------------- */

/* The document of FORMATS section 2. */
MUST_USE snnfit_status rates_read_json(struct rates_list *list, const char *text, size_t length,
				       snnfit_error *err);
/* A plain JSON array of numbers, for the tensor of this name. */
MUST_USE snnfit_status rates_read_json_array(struct rates_list *list, const char *tensor,
					     const char *text, size_t length, snnfit_error *err);
/* --rates FILE: .npz, .npy or .json, told apart by how it begins. */
MUST_USE snnfit_status rates_read_file(struct rates_list *list, const char *path, const char *axes,
				       snnfit_error *err);
/* What the model itself carries. */
MUST_USE snnfit_status rates_read_metadata(struct rates_list *list, snnfit_error *err);
MUST_USE snnfit_status rates_read_annotations(struct rates_list *list, snnfit_error *err);
MUST_USE snnfit_status rates_read_node_metadata(struct rates_list *list, snnfit_error *err);
MUST_USE snnfit_status rates_read_value_metadata(struct rates_list *list, snnfit_error *err);
MUST_USE snnfit_status rates_read_attributes(struct rates_list *list, snnfit_error *err);

#endif
