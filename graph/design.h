/* design.h - the choices that make hardware of a graph: a design point is data. */
#ifndef SNNFIT_GRAPH_DESIGN_H
#define SNNFIT_GRAPH_DESIGN_H

#include <stdint.h>

enum architecture {
	ARCHITECTURE_SC,       /* stochastic streams, unrolled */
	ARCHITECTURE_PARALLEL, /* hard-wired weights, adder trees */
	ARCHITECTURE_EVENT,    /* folded, dense weights in block RAM */
	ARCHITECTURE_SPARSE,   /* folded, compressed rows in block RAM */
	ARCHITECTURE_COUNT,
};

/* Weight bits of a quantized projection stand in the graph; the others take
 * float_bits. */
struct design {
	enum architecture architecture;
	uint32_t bitstream_length; /* clocks a time step; sc only, else ignored */
	uint32_t lanes;	     /* units of a layer updated in a clock; event only, else ignored */
	uint32_t float_bits; /* stored width of weights that are still float */
};

#define DESIGN_DEFAULT ((struct design){ ARCHITECTURE_EVENT, 256, 1, 16 })

#endif
