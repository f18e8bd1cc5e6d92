/* emissions.h - the spikes of earlier runs, kept to be used again.
 *
 * A population emits the same spikes in another network when all that they follow from
 * is the same there (upstream.h). They are kept as bits, under a digest of that, within
 * a limit of memory; what was not used for longest goes first. */
#ifndef SNNFIT_SIMULATOR_EMISSIONS_H
#define SNNFIT_SIMULATOR_EMISSIONS_H

#include "simulator/tensor.h"

enum { EMISSION_DIGEST_BYTES = 32 };

/* What one slot held after each step of each sample: zeros and ones. */
struct emission {
	struct emission *next; /* used less lately */
	uint8_t digest[EMISSION_DIGEST_BYTES];
	struct tensor shape;   /* of a sample and step; without data */
	uint64_t words;	       /* of a sample and step: 64 elements each */
	uint64_t bytes;	       /* of bits */
	uint64_t *bits;	       /* [samples][steps][words] */
	bool in_use, complete; /* by the run that is going on; by an earlier one */
};

/* A constant of the last run and its digest: to compare it takes far less than to hash it. */
struct emission_constant {
	struct emission_constant *next;
	struct tensor constant; /* its data follow, not where it says */
	uint8_t digest[EMISSION_DIGEST_BYTES];
	uint64_t bytes;
	bool in_use; /* by the run that is going on */
	char data[];
};

/* All zero bytes but for limit is an empty one. For one run at a time, all of them on the
 * same data: those are told apart by where they lie, and stay what they are. */
struct emissions {
	struct emission *first; /* used last */
	struct emission_constant *constants;
	uint64_t bytes, limit;
	uint64_t constant_bytes; /* besides, where emissions leave room */
};

/* NULL: they are not known. Else in use until emissions_end. */
struct emission *emissions_find(struct emissions *emissions,
				const uint8_t digest[EMISSION_DIGEST_BYTES]);
/* Room for spikes, in use until emissions_end; NULL: there is none, or they are of a
 * type that is not kept. moments: samples times steps. */
struct emission *emissions_add(struct emissions *emissions,
			       const uint8_t digest[EMISSION_DIGEST_BYTES],
			       const struct tensor *shape, uint64_t moments);
/* The digest of a constant that an earlier run had just so, in type, shape and bytes; NULL: there
 * was none. */
const uint8_t *emissions_constant(struct emissions *emissions, const struct tensor *constant);
/* Keeps a copy, if it takes a small part of the room, until a run does without it. */
void emissions_add_constant(struct emissions *emissions, const struct tensor *constant,
			    const uint8_t digest[EMISSION_DIGEST_BYTES]);
/* The run is over: what it did not complete goes. */
void emissions_end(struct emissions *emissions);
void emissions_free(struct emissions *emissions);

/* One bit an element; the bits behind the last are 0. False: not all are 0 or 1 (-0 is
 * neither), or the type is not kept. */
MUST_USE bool emission_pack(int32_t type, const void *data, uint64_t count, uint64_t *words);
void emission_unpack(int32_t type, const uint64_t *words, uint64_t count, void *data);

#endif
