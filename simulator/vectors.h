/* vectors.h - vectors of floats for kernels that exist once for each width; which of them
 * runs is decided by the processor, when the program runs. */
#ifndef SNNFIT_SIMULATOR_VECTORS_H
#define SNNFIT_SIMULATOR_VECTORS_H

#if defined __x86_64__ && defined __GNUC__
#define HAVE_WIDER
#include <immintrin.h>
#endif

/* Not aligned, and allowed to alias floats. */
#define VECTOR_OF(BYTES) __attribute__((vector_size(BYTES), aligned(4), may_alias))
typedef float floats4 VECTOR_OF(16);
#ifdef HAVE_WIDER
typedef float floats8 VECTOR_OF(32);
typedef float floats16 VECTOR_OF(64);
#endif

#endif
