/* snnfit.h - shrink a spiking neural network and fit it to an FPGA (ONNX in, ONNX out).
 *
 * The only public header. Handles are opaque; different models may be used by
 * different threads at the same time, one model by one thread at a time. The
 * library keeps no global state, never prints and never exits. */
#ifndef SNNFIT_H
#define SNNFIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SNNFIT_API /* symbols are hidden unless marked; results must be used */
#define SNNFIT_API __attribute__((visibility("default"), warn_unused_result))
#define SNNFIT_API_VOID __attribute__((visibility("default")))
#endif

#define SNNFIT_VERSION "0.1.0"

/* Numbers are frozen: append only. */
typedef enum {
	SNNFIT_OK = 0,
	SNNFIT_EUSAGE = 1,	 /* an argument, pass or target that does not exist */
	SNNFIT_EFORMAT = 2,	 /* not ONNX, or a broken ONNX message */
	SNNFIT_EUNSUPPORTED = 3, /* well formed, but outside what can be handled */
	SNNFIT_ELIMIT = 4,	 /* well formed, but over a limit */
	SNNFIT_EDATA = 5,	 /* rates or other data that do not fit the model */
	SNNFIT_EIO = 6,		 /* a file could not be read or written */
	SNNFIT_ENOMEM = 7,
	SNNFIT_EINTERNAL = 8 /* the verifier caught a mistake of our own */
} snnfit_status;

/* Owned by the caller, filled on failure. A NULL pointer is allowed everywhere. */
typedef struct {
	snnfit_status status;
	char text[512]; /* one line, no newline: what, where, and what to do */
} snnfit_error;

/* --- models ------------------------------------------------------------- */

/* A spiking network: an ONNX model, or one made of arrays. What a call changes
 * is seen by the next one; a call that fails leaves the model as it was. */
typedef struct snnfit_model snnfit_model;

/* What a file may ask for; one that asks for more is refused with SNNFIT_ELIMIT
 * before memory is taken. 0 in a member: the default named here. */
typedef struct {
	uint32_t depth;		/* 100: messages within messages; at most 1000 */
	uint32_t messages;	/* 2097152: nodes, tensors, attributes, ... together */
	uint32_t message_bytes; /* 134217728: of what is not tensor data; at most 2147483647 */
	uint32_t operations;	/* 500000: to spell out functions, bodies and constants to */
} snnfit_limits;

/* Every options structure: snnfit_..._options_init(&options, sizeof options)
 * fills in the defaults named here; then set what you want otherwise. Strings
 * and arrays are read during the call only. A NULL pointer means the defaults. */
typedef struct {
	size_t size; /* set by init; lets the structure grow */
	/* A .json, .npz or .npy file with firing rates: mean spikes a unit and time
	 * step. NULL: only those that stand in the model. */
	const char *rates;
	/* Of the arrays in rates, when they are counts or rasters over time: one
	 * letter a dimension, T time, N sample, U unit ("TNU"). NULL: rates. */
	const char *rates_axes;
	/* "IN=OUT" a pair: which input of a time step takes which output of the one
	 * before, where the model doesn't tell. */
	const char *const *states;
	size_t state_count;
	const char *folder; /* of external data, for snnfit_model_read_bytes; NULL: refused */
	snnfit_limits limits;
} snnfit_read_options;

SNNFIT_API_VOID void snnfit_read_options_init(snnfit_read_options *options, size_t size);

/* Any ONNX model ("-": standard input); tensor data stays in the file until it
 * is needed, so keep the file as it is. Whether it is a spiking network is asked
 * by the first call that needs to know (SNNFIT_EUNSUPPORTED); rates are read
 * then, too (SNNFIT_EDATA). *out is NULL on failure. */
SNNFIT_API snnfit_status snnfit_model_read(snnfit_model **out, const char *path,
					   const snnfit_read_options *options, snnfit_error *err);
/* The bytes are copied. */
SNNFIT_API snnfit_status snnfit_model_read_bytes(snnfit_model **out, const void *bytes,
						 size_t length, const snnfit_read_options *options,
						 snnfit_error *err);
SNNFIT_API_VOID void snnfit_model_free(snnfit_model *model); /* NULL is fine */

/* The optimized, fitted model as ONNX, with its report and the map to the
 * neurons of the input model in its metadata (snn.resources, snn.neuron_map). A
 * model that nothing was asked of but to be read is written as it is. path
 * appears whole or not at all; "-" is standard output. */
SNNFIT_API snnfit_status snnfit_model_write(snnfit_model *model, const char *path,
					    snnfit_error *err);
/* *bytes is the caller's to free(). */
SNNFIT_API snnfit_status snnfit_model_write_bytes(snnfit_model *model, void **bytes, size_t *length,
						  snnfit_error *err);
/* The network as text, one line an item, in a stable order, floats exact (for
 * tests and to look at). *text is the caller's to free(). */
SNNFIT_API snnfit_status snnfit_model_text(snnfit_model *model, char **text, snnfit_error *err);
/* From now on the firing rates go into the model that is written
 * (snn.firing_rates). SNNFIT_EDATA when no layer has any. */
SNNFIT_API snnfit_status snnfit_annotate(snnfit_model *model, snnfit_error *err);

/* --- networks made of arrays ---------------------------------------------- */

typedef enum { SNNFIT_RESET_SUBTRACT, SNNFIT_RESET_SET, SNNFIT_RESET_NONE } snnfit_reset;

/* One time step of neuron i, whose drive is d = sum of weights of the inputs that
 * spike + bias:
 *
 *     u = decay v + d;   spike = u > threshold (or u >= threshold)
 *     v' = u - threshold spike     subtract
 *          reset_value if spike, else u     set
 *          u                       none
 *
 * v is zero in the first step. `late` takes the reset off in the next step (as
 * snnTorch does): v' = u, and then the u of that step is smaller by it. A readout
 * never spikes: its v' is the output. */
typedef struct {
	double decay, threshold;	  /* of all neurons ... */
	const float *decays, *thresholds; /* ... or of each: [n_neurons]; NULL: all the same */
	snnfit_reset reset;
	double reset_value; /* set only */
	int late;	    /* 1: reset one step later */
	int greater_equal;  /* 1: spikes at the threshold, too */
	int readout;	    /* 1: no spikes; threshold and reset don't count */
} snnfit_neuron;

/* LIF: decay 0.9, threshold 1, spikes above it, reset by subtraction at once. */
SNNFIT_API_VOID void snnfit_neuron_init(snnfit_neuron *neuron);

typedef struct {
	const char *name;
	uint32_t n_inputs, n_neurons;
	const float *weights;	     /* row-major [n_inputs][n_neurons] */
	const float *firing_rates;   /* [n_neurons], spikes a step; NULL: not known */
	const float *bias;	     /* [n_neurons]; NULL: none */
	const snnfit_neuron *neuron; /* NULL: the one of snnfit_neuron_init */
} snnfit_layer;

/* A chain: each layer has as many inputs as the one before has neurons. The
 * arrays are copied. The last layer keeps its width and order. SNNFIT_EUSAGE
 * names the layer and what is wrong; *out is NULL then. */
SNNFIT_API snnfit_status snnfit_model_from_layers(snnfit_model **out, const snnfit_layer *layers,
						  size_t count, snnfit_error *err);

/* --- reading a network back as arrays --------------------------------------- */

/* Strings live until the model is changed or freed. */
typedef struct {
	const char *name, *kind;   /* kind: "spiking", "readout", "relu" or "custom" */
	uint32_t n_inputs;	   /* weights of a unit */
	uint32_t n_neurons;	   /* units: neurons, or channels */
	uint32_t n_neurons_before; /* in the input model */
	uint32_t positions;	   /* of a channel; 1 for dense layers, and if not known */
	int has_bias, has_rates;
	uint32_t weight_bits; /* 0: float */
	const char *frozen;   /* why no unit may go; NULL: they may */
} snnfit_layer_info;

SNNFIT_API snnfit_status snnfit_model_layer_count(snnfit_model *model, size_t *count,
						  snnfit_error *err);
/* Layers count from 0, in the order of the data flow. SNNFIT_EUSAGE past the end. */
SNNFIT_API snnfit_status snnfit_model_layer(snnfit_model *model, size_t layer,
					    snnfit_layer_info *info, snnfit_error *err);
/* Into arrays of the caller's; NULL where one is not wanted. weights:
 * [n_inputs][n_neurons], as in snnfit_layer; several weight operations of one
 * layer stand one after the other along n_inputs. bias: [n_neurons], 0 without.
 * rates: [n_neurons][positions], NaN without. origin: [n_neurons], the index of
 * each neuron in the input model. */
SNNFIT_API snnfit_status snnfit_model_layer_read(snnfit_model *model, size_t layer, float *weights,
						 float *bias, float *rates, uint32_t *origin,
						 snnfit_error *err);

/* --- data -------------------------------------------------------------------- */

/* done of all samples have been run; from any thread, one at a time. */
typedef void (*snnfit_progress)(void *context, uint64_t done, uint64_t all);

typedef struct {
	size_t size; /* set by init */
	/* Samples along the first axis: a .npy, .npz (an array for each input, by name;
	 * a single array for a single input), IDX (gzipped or not) or .pb file
	 * (TensorProto), or a folder of test_data_set_0, test_data_set_1, ... Needed. */
	const char *inputs;
	/* The class of each sample, in such a file (of an .npz: "labels", "y" or the only
	 * array); NULL: then accuracy is not measured. */
	const char *labels;
	/* An .npz with an array for each state input; states that are not in it, and all
	 * when NULL, begin as zeros. */
	const char *initial_state;
	/* "direct" (NULL): the same values each step; "poisson": value x is the probability
	 * of a spike; "latency": one spike, the earlier the larger x; "time": the data has
	 * an axis of time behind that of the samples. */
	const char *encoding;
	/* "count" (the sum over time), "mean", "last" or "maximum" of the class output;
	 * NULL: maximum where it is the membrane of a readout that is stepped, else count. */
	const char *decoding;
	uint32_t steps;	      /* 0: those of the annotation, of the data (time), or in the model */
	uint64_t seed;	      /* 0; of poisson */
	uint32_t threads;     /* 0: one for each processor; results are the same */
	double input_divisor; /* 0: 255 where the data are bytes, else 1 */
	int confusion;	      /* 0; 1: which class was taken for which goes into the report */
	snnfit_progress progress; /* NULL: none */
	void *progress_context;
	/* 256 MiB: for spikes of layers, a bit each, that optimize and fit use again in the
	 * next run as long as what comes before the layer is the same. 0: all is computed
	 * again. Results are the same. */
	uint32_t reuse_memory;
} snnfit_simulate_options;

SNNFIT_API_VOID void snnfit_simulate_options_init(snnfit_simulate_options *options, size_t size);

/* --- what can be done ------------------------------------------------------- */

typedef struct snnfit_report snnfit_report;

/* After every pass that changed something, and every step of the fit. snapshot is
 * the model at that point: write it or print it, but not later. *action is a pass
 * name or what the step did. Anything but SNNFIT_OK ends the call with it. */
typedef snnfit_status (*snnfit_observer)(void *context, const char *action, snnfit_model *snapshot,
					 snnfit_error *err);

/* One structure for optimize, estimate and fit: each reads what concerns it. */
typedef struct {
	size_t size; /* set by init */

	/* Passes: comma-separated names, in the order to run; NULL: the default
	 * ones; "none". They are repeated until nothing changes. */
	const char *passes;
	double dead_below;     /* 0: rates at most this are dead */
	int input_range_known; /* 0; 1: the model's inputs lie in [input_low, input_high] */
	double input_low, input_high;
	double redundancy_cosine;     /* 0.99: neurons above are merged */
	int redundancy_norm;	      /* 0; 1: also when their norms are further apart than 1 % */
	double behavioural_agreement; /* 0.99: share of the steps in which spike trains agree
				       * (behavioural_redundancy) */
	double fusion_activity;	      /* 0.01: rates below are near-silent */
	double prune_threshold;	      /* 0.01: weights at most this go (magnitude_pruning) */
	int prune_by_rate;	      /* 0; 1: |w| times the rate of the neuron it comes from */
	uint32_t quantize_bits;	      /* 8; 2 to 16 (quantization) */
	int quantize_per_tensor;      /* 0: a scale a unit */

	/* Target: a device name, alias or JSON file; or NULL and a budget, where
	 * SNNFIT_UNLIMITED resources are no limit. All unset: no target. */
	const char *target;
	const char *family; /* of a budget: "ecp5" when NULL */
	uint32_t target_luts, target_bram, target_dsp;

	/* Design: "sc", "parallel", "event", "sparse", or "auto" (also NULL): the
	 * one that fits with the least change, else the closest. */
	const char *architecture;
	uint32_t bitstream_length; /* 256 clocks a time step, where fit starts; sc only */
	uint32_t weight_bits;	   /* 16: stored width of weights that are float */
	uint32_t lanes;		   /* 1: units of a layer updated in a clock; event only */

	/* Fit. */
	uint32_t max_iterations;       /* 10 */
	uint32_t min_bitstream_length; /* 32 */

	snnfit_observer observer; /* NULL: none */
	void *observer_context;

	/* Samples to run the network on. With labels its accuracy is measured before and
	 * after each pass and step; firing rates, where the model has none, are those on
	 * these data. NULL: nothing is measured. */
	const snnfit_simulate_options *data;
	/* 100, no limit: percentage points of accuracy that may be lost against the input
	 * model, counted on the samples: what would cost more is undone, or not done. A
	 * limit needs labels. */
	double max_accuracy_drop;
} snnfit_options;

#define SNNFIT_UNLIMITED UINT32_MAX

SNNFIT_API_VOID void snnfit_options_init(snnfit_options *options, size_t size);

/* In each: *report is the caller's to free, NULL on failure. For optimize and fit,
 * report may be NULL: not wanted. */

/* Populations, neuron models, rates, states, and what is frozen and why. */
SNNFIT_API snnfit_status snnfit_inspect(snnfit_model *model, snnfit_report **report,
					snnfit_error *err);
/* What the model costs on the target as it is. SNNFIT_EUSAGE without a target. */
SNNFIT_API snnfit_status snnfit_estimate(snnfit_model *model, const snnfit_options *options,
					 snnfit_report **report, snnfit_error *err);
/* Runs the passes; with a target the report says what that saves. */
SNNFIT_API snnfit_status snnfit_optimize(snnfit_model *model, const snnfit_options *options,
					 snnfit_report **report, snnfit_error *err);
/* Runs the passes, then, until the high end of the estimate fits: bitstream
 * length halved; else weights pruned at a threshold that triples and quantized to
 * fewer bits. SNNFIT_OK also when it does not fit: the model is then the closest
 * one found, and the report says what is over. */
SNNFIT_API snnfit_status snnfit_fit(snnfit_model *model, const snnfit_options *options,
				    snnfit_report **report, snnfit_error *err);
/* The report that stands in the model that was read. SNNFIT_EDATA: there is
 * none, or it can't be read. */
SNNFIT_API snnfit_status snnfit_model_report(snnfit_model *model, snnfit_report **report,
					     snnfit_error *err);
/* The known targets and their capacities. */
SNNFIT_API snnfit_status snnfit_targets(snnfit_report **report, snnfit_error *err);

/* --- running a network ----------------------------------------------------------- */

/* Runs the model as it would be written on samples: accuracy, rates of the layers,
 * spikes and synaptic operations. The rates measured take the place of those that the
 * model had: snnfit_annotate then puts them in. A model in which no populations are
 * recognised runs too, without rates. SNNFIT_EDATA: data that do not fit the model;
 * SNNFIT_EUNSUPPORTED names an operator that cannot be run. */
SNNFIT_API snnfit_status snnfit_simulate(snnfit_model *model,
					 const snnfit_simulate_options *options,
					 snnfit_report **report, snnfit_error *err);

/* --- reports ------------------------------------------------------------------ */

SNNFIT_API_VOID void snnfit_report_free(snnfit_report *report); /* NULL is fine */
/* Owned by the report; NULL when out of memory. One JSON document in a line (its
 * fields: docs/cli.md); a summary for people; a self-contained HTML page. */
SNNFIT_API const char *snnfit_report_json(snnfit_report *report);
SNNFIT_API const char *snnfit_report_text(snnfit_report *report);
SNNFIT_API const char *snnfit_report_html(snnfit_report *report);
/* The page into a file, as snnfit_model_write writes one. */
SNNFIT_API snnfit_status snnfit_report_write_html(snnfit_report *report, const char *path,
						  snnfit_error *err);
/* Warnings, one line each; NULL past the end. */
SNNFIT_API const char *snnfit_report_note(const snnfit_report *report, size_t index);

/* The main figures. Those that the report does not know are 0 (NaN for double). */
typedef struct {
	const char *target, *architecture; /* owned by the report; NULL: not known */
	int fits;			   /* 1 yes, 0 no, -1 not known */
	double final_luts, target_luts;	   /* logic cells on ice40 */
	double utilization_pct;
	uint32_t bitstream_length; /* 0 but for sc */
	uint32_t iterations;	   /* of the fit */
	double sparsity;	   /* zeros among the weights */
	uint64_t parameters_before, parameters_after, parameters_nonzero;
	uint64_t dead_neurons_removed, silent_neurons_removed, unread_neurons_removed,
		redundant_pairs_merged, layers_fused, weights_pruned;
	size_t step_count;
	double accuracy_before, accuracy_after; /* shares of the samples */
	uint64_t accuracy_samples, samples_won, samples_lost;
	uint64_t always_firing_neurons_folded;
} snnfit_figures;

/* size: sizeof *figures. */
SNNFIT_API_VOID void snnfit_report_figures(const snnfit_report *report, snnfit_figures *figures,
					   size_t size);

/* A step of the fit; 0 past the end, else 1. */
typedef struct {
	const char *action; /* owned by the report */
	double lut_before, lut_after;
	double sparsity;
	uint32_t bitstream_length, weight_bits;
	double accuracy; /* NaN: not measured */
} snnfit_step;

SNNFIT_API int snnfit_report_step(const snnfit_report *report, size_t index, snnfit_step *step);

/* --- what there is to choose from ----------------------------------------------- */

typedef struct {
	const char *name, *help;
	int by_default;
	int lossless; /* keeps every output spike, for every input in the range that was given */
} snnfit_pass;

typedef struct {
	const char *name, *family;
	const char *aliases[4]; /* NULL after the last */
	uint32_t luts, ffs, logic_cells, bram_blocks, bram_block_kbit,
		dsps; /* or SNNFIT_UNLIMITED */
} snnfit_target;

/* 1, and *pass or *target filled with what lives forever; 0 past the end. */
SNNFIT_API int snnfit_pass_at(size_t index, snnfit_pass *pass);
SNNFIT_API int snnfit_target_at(size_t index, snnfit_target *target);
/* SNNFIT_VERSION of the library that runs. */
SNNFIT_API const char *snnfit_version(void);

#ifdef __cplusplus
}
#endif
#endif
