/* layer.h - what one layer costs in hardware: a pure function of the layer.
 *
 * The model, per architecture, family and resource: a sum of terms that can be
 * counted in the layer (adders, registers, memories), each times a coefficient
 * found by synthesis (coefficients.h). docs/estimator.md has terms and errors. */
#ifndef SNNFIT_ESTIMATOR_LAYER_H
#define SNNFIT_ESTIMATOR_LAYER_H

#include "core/error.h"
#include "graph/cost.h"

#include <stdbool.h>
#include <stdint.h>

/* Families of devices that layers were synthesised for. */
enum family {
	FAMILY_ICE40, /* LUT4 */
	FAMILY_ECP5,  /* LUT4; carries and distributed RAM counted in LUTs */
	FAMILY_XC7,   /* LUT6; LUTs used as memory included */
	FAMILY_COUNT,
};

#define LAYER_MIN_BITS 2
#define LAYER_MAX_BITS 16

struct layer {
	enum architecture architecture;
	enum family family;
	uint32_t inputs; /* fan-in of a unit: columns times kernel */
	uint32_t units;
	uint32_t weight_bits;	    /* LAYER_MIN_BITS to LAYER_MAX_BITS, sign included */
	const int32_t *weights;	    /* [units][inputs], |code| < 2^(weight_bits - 1); may be
				 * NULL for event and sparse, which don't look at values */
	uint64_t nonzero;	    /* weights that are not 0; sparse only */
	uint32_t bitstream_length;  /* sc only */
	uint32_t lanes;		    /* event only: units updated a clock; 0 is 1 */
	uint32_t positions;	    /* a unit has as many states (convolutions); 0 is 1 */
	uint32_t kernel;	    /* weights an event meets in each unit (convolutions); 0 is 1 */
	double events, most_events; /* inputs that spike in a step: mean, and all of them */
	bool readout;		    /* no comparison, no reset, no spikes */
	bool uncalibrated;	    /* the device's family is only the nearest to this one */
};

enum term {
	TERM_COMPRESSORS,  /* 3:2 compressors that leave two rows of each sum */
	TERM_COMPARATORS,  /* sc: bits of the distinct constant comparators */
	TERM_ENCODERS,	   /* sc: stream encoders and count registers, bits */
	TERM_FINAL_ADDERS, /* parallel: bits of the adders of those two rows */
	TERM_DIFFERENCES,  /* parallel: bits of positive minus negative sum */
	TERM_MEMBRANES,	   /* bits of membrane that are updated in a clock */
	TERM_UNITS,
	TERM_READ_MULTIPLEXERS, /* bits selected among blocks of a deep memory */
	TERM_CONTROL,		/* address and counter bits */
	TERM_FALLEN_MEMORIES,	/* cells of memories too small for a block */
	TERM_CONSTANT,
	TERM_COUNT,
};

enum fitted_resource { FITTED_LUT, FITTED_FF, FITTED_CARRY, FITTED_LOGIC_CELLS, FITTED_COUNT };

struct fitted {
	double coefficients[TERM_COUNT];
	double low, high; /* 5th and 95th percentile of measured / estimated */
	double largest;	  /* measured; beyond it the fit extrapolates */
};

/* The terms and the closed forms of a layer. */
struct layer_terms {
	double terms[TERM_COUNT];
	double ff;
	double blocks; /* of block RAM; xc7: of 18 kbit */
};

struct interval {
	double used, low, high;
};

struct layer_cost {
	struct interval resources[RESOURCE_COUNT]; /* bram in the family's blocks: xc7 36 kbit,
						    * halves possible; logic cells: ice40 only */
	struct interval cycles;			   /* clocks a time step */
	bool extrapolated; /* larger than anything synthesised: interval twice as wide */
};

/* SNNFIT_EUSAGE: weight bits out of range; SNNFIT_EINTERNAL: an unrolled
 * architecture without weights. */
MUST_USE snnfit_status layer_describe(const struct layer *layer, struct layer_terms *out,
				      snnfit_error *err);
MUST_USE snnfit_status layer_estimate(const struct layer *layer, struct layer_cost *out,
				      snnfit_error *err);

#endif
