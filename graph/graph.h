/* graph.h - the spiking network as the passes see it.
 *
 * Plain data, ids instead of pointers, one arena a graph. A *population* is the
 * units that one weight operation makes; a *projection* is that operation; a
 * *unit axis* is what is cut: the units of a population, or of several that an
 * operator ties to one axis (a residual add). Removed things stay as tombstones. */
#ifndef SNNFIT_GRAPH_GRAPH_H
#define SNNFIT_GRAPH_GRAPH_H

#include "core/arena.h"
#include "core/text.h"
#include "graph/weights.h"

#define GRAPH_NONE UINT32_MAX

typedef uint32_t axis_id;
typedef uint32_t population_id;
typedef uint32_t projection_id;

/* One number for all units, or one a unit. */
struct parameter {
	uint32_t count; /* 0: does not apply; 1; or the number of units */
	double *values;
};

/* A dimension as consecutive spans. Element ((o * units) + u) * inner + i of a
 * span belongs to unit first + u of its unit axis; axis GRAPH_NONE: to nothing that
 * is ever cut (then outer = inner = 1). */
struct span {
	axis_id axis;
	uint32_t outer, units, inner;
	uint32_t first; /* 0, unless the span has a part of the axis */
};
struct dimension {
	uint32_t count;
	struct span *spans;
};

enum fate {
	UNIT_KEPT,
	UNIT_DEAD,
	UNIT_SILENT,
	UNIT_FIRING, /* in every step */
	UNIT_UNREAD,
	UNIT_MERGED,
	UNIT_FUSED,
};

struct unit_axis {
	uint32_t units;
	uint32_t units_before; /* in the input model */
	uint32_t *origin;      /* [units]: index in the input model */
	uint8_t *fate;	       /* [units_before], enum fate */
	uint32_t *merged_into; /* [units_before]: the unit kept instead, or GRAPH_NONE */
	const char *frozen;    /* why no unit may go; NULL: they may */
	const char *dead_only; /* why only units that never spike may go; NULL: any */
	uint32_t part_count;   /* parts that an operator reads or makes apart; 0: none. */
	uint32_t *parts;       /* [part_count]: first unit of each; one unit of each stays */
};

enum population_kind {
	POPULATION_SPIKING,
	POPULATION_READOUT, /* no comparison */
	POPULATION_RELU,    /* an ANN for rate conversion */
	POPULATION_CUSTOM,  /* dynamics that did not reduce to the normal form */
};
enum comparison { COMPARE_NONE, COMPARE_GREATER, COMPARE_GREATER_EQUAL };
enum reset { RESET_NONE, RESET_SUBTRACT, RESET_SET };
enum reset_timing { RESET_NOW, RESET_LATE, RESET_BOTH };
enum current_drives { CURRENT_ABSENT, CURRENT_OLD, CURRENT_OLD_AND_INPUT, CURRENT_NEW };

/* One time step, in normal form:
 *
 *     U  = decay V + sum over projections of gain (W x + bias) + offset   [+ current]
 *     S  = [U > threshold] or [U >= threshold]
 *     V' = U                    none
 *          U - reset_value S    subtract, now        (late: taken off the next U)
 *          (1-S) U + reset_value S   set, now        (late: the next U starts there)
 *     counting: S = floor(U / threshold), where that is above 0, at most count_limit;
 *          V' = U - reset_value S
 *     i' = current_decay i + current_gain I,  I the sum over projections;
 *          then the membrane sees gain times i, i + I, or i'
 *
 * bias tensors are part of offset already: offset is the whole constant term of
 * U. A neuron with a current has no other constant: what offset is to U, the same
 * bias is to i', in the ratio of the currents' gains there. For drives `old`,
 * where U has no input of its own, gains and offset are those of i'. */
struct neuron {
	const char *model; /* "LIF", "IF", "synaptic", "readout", "relu", "custom" */
	enum comparison comparison;
	enum reset reset;
	enum reset_timing reset_timing;
	enum current_drives current;
	struct parameter decay, threshold, reset_value, offset;
	struct parameter input_gain; /* of a current at the membrane, BatchNorm left out */
	struct parameter current_decay, current_gain;
	struct parameter spike_gain;  /* graded spikes: the value of a spike; 1 */
	struct parameter floor;	      /* V' is at least this; none: it has no floor */
	struct parameter count_limit; /* of a count: S is at most this; none: it has no limit */
	bool counts;		      /* S is how often the threshold fits into U, not 0 or 1 */
};

struct population {
	const char *name;
	const char *weight_tensor; /* of the first projection, in the input model; or NULL */
	const char *body; /* graph that spikes and states stand in: "/NODE.ATTRIBUTE"; NULL: main */
	enum population_kind kind;
	axis_id axis;
	uint32_t positions;	/* per unit; 1 but for convolutions, and where it is unknown */
	bool positions_unknown; /* of a convolution of what has no size in the file */
	struct neuron neuron;
	double *rates;		  /* [units][positions], or NULL */
	const char *rates_tensor; /* the tensor that they were given for, or NULL */
	bool output;		  /* its spikes or membrane leave the model */
	bool starts_at_zero;	  /* the initial state is zero, or assumed so by the interface */
	bool removed;		  /* tombstone */
	uint32_t spike_tensor_count, state_count;
	uint32_t spike_steps;	    /* rate carriers of so many steps in the file come first, in
			       * their order; 0: one */
	const char **spike_tensors; /* the rate carrier first, then its aliases */
	const char **state_inputs, **state_outputs; /* [state_count], paired */
};

/* What a projection reads at a column whose unit is silent or fires, when that
 * is a function of the spike alone: silent + gain * spike. */
enum reads {
	READS_SPIKES, /* silent and gain hold */
	READS_INPUT,  /* the model's input, or analog values computed from it */
	READS_OTHER,  /* anything else (a membrane): its source axes are frozen; or a row reads
		       * its own group of a grouped convolution, and columns say no axis */
};

struct quantization {
	uint32_t bits; /* 0: float */
	bool per_unit;
	float *scale; /* [rows] or [1]; the values are multiples of it */
};

struct projection {
	population_id target;
	uint32_t first_row; /* the rows drive units [first_row, first_row + rows) ... */
	bool partial;	    /* ... when true; else all of the target's units, in order */
	struct dimension columns;
	enum reads reads;
	bool delayed;	       /* reads the spikes of the step before (recurrent) */
	bool spike_at_most;    /* of a unit that spikes everywhere it may read less than silent +
				* spike: around the edge of what is padded with zeros, in steps
				* that were never written, where a branch was not taken */
	double *silent;	       /* [columns], or NULL: 0 */
	double *spike;	       /* [columns], or NULL: 1 */
	struct parameter gain; /* [rows]; of its current in U, BatchNorm and input gain included */
	struct weights *weights; /* [rows][columns] */
	struct weights *bias;	 /* [rows][1], or NULL */
	struct quantization quantization;
	uint32_t kernel;	 /* weights per (row, column): 1 but for convolutions. Then weights
			  * has columns * kernel columns, column-major in kernel positions */
	uint32_t binding;	 /* into bindings.projections, or GRAPH_NONE */
	uint32_t more_bindings;	 /* that follow it: the same weights, read again at later steps */
	uint32_t reads_input_of; /* binding whose data input it reads; its own but when fused */
	bool removed;
};

struct state_pair {
	const char *input, *output;
	population_id population; /* or GRAPH_NONE */
};

enum time_kind { TIME_STEP, TIME_UNROLLED, TIME_LOOP, TIME_ZERO, TIME_BAKED, TIME_ANN };

/* --- bindings: where each thing stands in the ONNX model. Nodes and initializers
 * are numbered through all graphs, the main one and those inside nodes, as
 * proto/graphs.h does: in the main graph the number is the index. Written by the importer, read by
 * the exporter, shared by all copies of a graph and never changed: dimensions here are those of the
 * input model. ----- */

/* A tensor that can be cut: an initializer, or the value of a Constant node. */
struct binding_source {
	bool is_node;
	uint32_t index; /* number of the initializer, or of the node */
};
/* One read of a source; every read has its own dimensions. */
struct binding_use {
	uint32_t source;
	uint32_t rank;
	struct dimension *dims; /* [rank] */
	uint32_t edit_count;	/* elements that are the size of a dimension */
	uint32_t *edit_elements;
	bool *edit_negative; /* the size, counted from the end: minus it */
	struct dimension *edit_dims;
};
enum operand_kind { OPERAND_USE, OPERAND_INSTANCE, OPERAND_NAME };
struct binding_operand {
	enum operand_kind kind;
	uint32_t id; /* a use, or output `output` of an instance */
	uint32_t output;
};
/* A node of a constant expression, as one reader sees it. */
struct binding_instance {
	uint32_t node;
	uint32_t operand_count;
	struct binding_operand *operands; /* OPERAND_NAME: as it stands */
};
/* A read of a constant (or of a constant expression) by a node that is not constant. */
struct binding_read {
	uint32_t node, slot;
	struct binding_operand operand;
	bool leaves; /* slot is an output of the graph `node`, a body, and no node's input */
};
/* A declared shape. */
enum binding_place { PLACE_INPUT, PLACE_OUTPUT, PLACE_VALUE_INFO };
struct binding_shape {
	uint32_t graph;
	enum binding_place place;
	uint32_t index; /* in the list of that graph */
	uint32_t rank;
	struct dimension *dims;
};
/* An integer attribute that is the size of a dimension (group of a depthwise Conv). */
struct binding_attribute {
	uint32_t node, attribute;
	struct dimension dim;
};
/* A weight operation of a projection: a model that holds several time steps has
 * one a step, all of the same weights and the same bias. */
struct binding_projection {
	uint32_t node;
	uint32_t data_slot, weight_slot;
	uint32_t bias_node; /* node and slot that read the bias, or GRAPH_NONE: there is none */
	uint32_t bias_slot;
	bool bias_added;    /* a bias that is not there is put in by an Add after the node
			     * (else as Gemm's input C) */
	bool transposed;    /* the tensor read is [columns][rows] */
	uint32_t data_rank; /* of what it reads */
	bool editable;	    /* new weights can be written: in no function, constant */
};

struct bindings {
	struct binding_source *sources;
	struct binding_use *uses;
	struct binding_instance *instances;
	struct binding_read *reads;
	struct binding_shape *shapes;
	struct binding_attribute *attributes;
	struct binding_projection *projections;
	size_t source_count, use_count, instance_count, read_count, shape_count, attribute_count,
		projection_count;
};

struct graph {
	struct arena arena;
	struct unit_axis *axes;
	struct population *populations; /* in the order of the data flow */
	struct projection *projections;
	struct state_pair *states;
	const char **inputs, **outputs; /* that are not states */
	const char **notes;		/* warnings for people, one line each */
	size_t axis_count, population_count, projection_count, state_count, input_count,
		output_count, note_count;
	size_t axis_capacity, population_capacity, projection_capacity, state_capacity,
		input_capacity, output_capacity, note_capacity;
	enum time_kind time;
	uint32_t steps;			     /* inside the model: 1 for a step model; 0: not
					      * known (a loop) */
	uint64_t rates_samples, rates_steps; /* of the calibration run, 0: unknown */
	uint64_t parameters_before;	     /* weights and biases of the input model */
	const struct bindings *bindings;     /* NULL for a graph made in memory */
};

/* --- making ------------------------------------------------------------- */

MUST_USE snnfit_status graph_new(struct graph **out, snnfit_error *err);
/* Shares weights and bindings. */
MUST_USE snnfit_status graph_copy(struct graph **out, const struct graph *graph, snnfit_error *err);
void graph_free(struct graph *graph); /* NULL is fine */

/* Each returns the id of a new item, or GRAPH_NONE when out of memory. Zeroed but
 * for: an axis has all its units; a population 1 position; a projection kernel 1
 * and no binding. */
MUST_USE axis_id graph_add_axis(struct graph *graph, uint32_t units);
MUST_USE population_id graph_add_population(struct graph *graph, const char *name, axis_id axis);
MUST_USE projection_id graph_add_projection(struct graph *graph, population_id target);
MUST_USE bool graph_add_state(struct graph *graph, const char *input, const char *output,
			      population_id population);
MUST_USE bool graph_note(struct graph *graph, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
MUST_USE bool graph_set_parameter(struct graph *graph, struct parameter *parameter, double value);

/* --- asking ------------------------------------------------------------- */

double parameter_at(const struct parameter *parameter, uint32_t unit); /* count > 0 */
uint64_t dimension_size(const struct dimension *dimension);
/* The population that projection columns of this axis belong to: the first one
 * on it. GRAPH_NONE: none. */
population_id graph_population_of(const struct graph *graph, axis_id axis);
uint32_t population_units(const struct graph *graph, population_id population);
/* Whether a weight of this row is a multiple of its scale (up to rounding) from
 * -2^(bits-1) to 2^(bits-1) - 1. bits > 0. */
bool quantization_holds(const struct quantization *quantization, uint32_t row, float weight);
/* Some span of the projection's columns is on this axis. */
bool projection_reads(const struct projection *projection, axis_id axis);
/* Mean value at each column of what the projection reads, from the firing rates:
 * silent + spike * rate. false when some rate is not known. out: [columns]. */
MUST_USE bool projection_mean_input(const struct graph *graph, const struct projection *projection,
				    double *out);
/* Every parameter of a neuron, those that do not apply too. */
enum { NEURON_PARAMETERS = 10 };
void neuron_parameters(struct neuron *neuron, struct parameter *list[NEURON_PARAMETERS]);
/* Units times positions: now, of what is not removed, and in the input model. */
uint64_t graph_count_neurons(const struct graph *graph);
uint64_t graph_count_neurons_before(const struct graph *graph);
/* Some population has firing rates. */
bool graph_has_rates(const struct graph *graph);
/* Weights and biases as they stand (removed things left out), and those not zero. */
MUST_USE snnfit_status graph_count_parameters(const struct graph *graph, uint64_t *all,
					      uint64_t *nonzero, snnfit_error *err);

/* --- editing: each does the whole change, everywhere, or fails ------------- */

/* Keeps the units whose keep is true; the others get this fate. Cuts rows,
 * columns, parameters and rates. At least one must stay, one of each part where
 * there are some (graph_keep_parts sees to it); the axis must not be frozen (SNNFIT_EINTERNAL
 * otherwise). keep: [units]. */
MUST_USE snnfit_status graph_keep_units(struct graph *graph, axis_id axis, const bool *keep,
					enum fate fate, snnfit_error *err);
/* Units of every part of the axis that would be left empty: its first is taken back
 * from gone. How many were. */
uint32_t graph_keep_parts(const struct graph *graph, axis_id axis, bool *gone);
/* What units that always spike (or never do) give to their readers, silent + spike (or
 * silent), goes into the readers' biases. gone: [units]. Before graph_keep_units.
 * SNNFIT_EINTERNAL where it is not the same everywhere, in every step. */
MUST_USE snnfit_status graph_fold_constant(struct graph *graph, axis_id axis, const bool *gone,
					   bool spiking, snnfit_error *err);
/* In every reader: the columns of unit `gone`, times factor, are added to those of
 * unit `kept`, as if gone spiked factor times whenever kept does. Unit numbers
 * as they stand; gone itself stays until graph_keep_units with UNIT_MERGED. What
 * differs between their silent values goes to the bias. A quantized reader becomes
 * float if a sum is no multiple of its scale or outgrows its bits. */
MUST_USE snnfit_status graph_merge_columns(struct graph *graph, axis_id axis, uint32_t kept,
					   uint32_t gone, double factor, snnfit_error *err);
/* Adds delta[rows] to the projection's bias (made if there is none) and to the
 * target's offset, times the gain. */
MUST_USE snnfit_status graph_add_to_bias(struct graph *graph, projection_id projection,
					 const double *delta, snnfit_error *err);
/* Removes a population (its axis' units get UNIT_FUSED, 0 are left) and the
 * projections into and out of it. SNNFIT_EINTERNAL when it is an output, frozen,
 * shares its axis, or a reader reads something else as well. */
MUST_USE snnfit_status graph_remove_population(struct graph *graph, population_id population,
					       snnfit_error *err);

/* --- checking and printing ---------------------------------------------- */

/* Every id in range, every size agrees, every number finite. */
MUST_USE snnfit_status graph_verify(const struct graph *graph, snnfit_error *err);
/* The text form: stable order, exact floats; what graph_parse reads back.
 * Bindings are not part of it. */
MUST_USE snnfit_status graph_print(const struct graph *graph, struct text *out, snnfit_error *err);
MUST_USE snnfit_status graph_parse(struct graph **out, const char *text, snnfit_error *err);

#endif
