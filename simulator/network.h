/* network.h - a model over time, on many samples.
 *
 * A model of one time step is stepped: what its state outputs gave is what its state
 * inputs take next. A model with its time inside runs once a sample. Samples go
 * through in blocks of fixed size, blocks through threads; what is summed is summed in
 * the order of the blocks, so that no result depends on the threads. */
#ifndef SNNFIT_SIMULATOR_NETWORK_H
#define SNNFIT_SIMULATOR_NETWORK_H

#include "simulator/machine.h"

struct emissions; /* simulator/emissions.h */

/* A value of the model that is fed back. */
struct network_state {
	uint32_t input, output; /* slots */
	int32_t type;		/* in the model */
	struct tensor initial;	/* of one sample, not laned; data NULL: zeros */
};

/* How numbers become spikes. */
enum encoding {
	ENCODE_DIRECT,	/* the same values each step */
	ENCODE_POISSON, /* value x in [0, 1]: a spike with that probability, each step */
	ENCODE_LATENCY, /* one spike: x = 1 in the first step, small x in the last, 0 none */
	ENCODE_TIME,	/* the data has a value for each step: [sample][step][...] */
};

/* What the class outputs over time are to each other. */
enum decoding {
	DECODE_COUNT, /* the sum over the steps */
	DECODE_LAST,
	DECODE_MAXIMUM,
	DECODE_MEAN,
};

/* An input that gets data. */
struct network_input {
	uint32_t slot;
	int32_t type; /* in the model */
	uint32_t rank;
	uint64_t dims[TENSOR_DIMS_MAX]; /* of one sample and step */
	const float *values;		/* [samples][steps, with ENCODE_TIME][count] */
	uint64_t each;			/* values of one sample and step in the data: count
					 * is a multiple, and the values are repeated */
};

/* The spikes of a population, whose mean over samples and steps is wanted. */
struct network_watch {
	const uint32_t *slots; /* the caller's; one after the other in a step of the run */
	uint32_t slot_count;
	bool inside;	/* the slot, one, is in the body of a loop: seen in each iteration */
	bool recorded;	/* spike trains are wanted, too */
	uint32_t owner; /* the caller's: what it stands for */
	/* Results. */
	uint64_t count; /* elements of one sample and step */
	uint32_t rank;
	uint64_t dims[TENSOR_DIMS_MAX];
	double *sums;	  /* [count], malloc'd; NULL: it never came to be */
	uint64_t seen;	  /* samples times steps that were added up */
	uint64_t steps;	  /* of a sample */
	uint64_t *trains; /* [count][watch_words()], malloc'd; NULL: none. Bit i % 64 of word
			   * i / 64: in step i % steps of sample i / steps it was not 0 */
};

struct network {
	struct plan *plan;
	struct network_input *inputs;
	struct network_state *states;
	struct network_watch *watches;
	uint32_t input_count, state_count, watch_count;
	uint32_t output; /* slot of the class output */
	uint32_t steps;
	enum encoding encoding;
	enum decoding decoding;
	uint64_t seed;
	float scale_divisor; /* values are divided by it; 1 */
	uint64_t samples;
	uint32_t threads;
	uint64_t train_bytes; /* most that all spike trains may take */
	/* Spikes of earlier runs, to be used again and added to; NULL: none. */
	struct emissions *emissions;
	const uint32_t *emitters; /* slots of populations, to be kept where they hold spikes */
	uint32_t emitter_count;
	/* Results. */
	uint64_t recorded; /* samples, the first ones, that there are spike trains of */
	uint64_t classes;
	float *scores;		    /* [samples][classes], malloc'd */
	double synaptic_operations; /* of all samples, in what was run: not before `reused` */
	uint32_t reused;	    /* emitters whose spikes are those of an earlier run */
	/* Called now and then, from one of the threads; may be NULL. */
	void (*progress)(void *context, uint64_t done, uint64_t samples);
	void *progress_context;
};

/* Once. States and inputs that nothing needs beside spikes of earlier runs are taken out
 * of the lists. */
MUST_USE snnfit_status network_run(struct network *network, snnfit_error *err);
/* Of a spike train. */
uint64_t watch_words(const struct network *network, const struct network_watch *watch);
/* Frees the results. */
void network_free(struct network *network);

#endif
