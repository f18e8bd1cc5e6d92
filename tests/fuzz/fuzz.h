/* fuzz.h - what the fuzz targets share.
 *
 * A target is one file with LLVMFuzzerTestOneInput: libFuzzer drives it in the preset
 * `fuzz`, and standalone.c runs it over files in all the others. Whatever the input, it
 * must come back: an input that breaks a promise ends in MUST. */
#ifndef SNNFIT_TESTS_FUZZ_FUZZ_H
#define SNNFIT_TESTS_FUZZ_FUZZ_H

#include "snnfit.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes before the ONNX message that an input holds: choices of the target's own. Of
 * the targets that mutate.c knows the structure of. */
extern const size_t fuzz_prefix_bytes;

/* A promise that was broken. Not an assert: it holds in release builds too. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__,   \
				      #condition);                                                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A refusal says what is wrong, in a line; and it is not us who are wrong. */
static inline void
must_explain(snnfit_status status, const snnfit_error *err)
{
	if (status == SNNFIT_OK)
		return;
	MUST(err->status == status && err->text[0]);
	if (status == SNNFIT_EINTERNAL || status == SNNFIT_ENOMEM)
		(void)fprintf(stderr, "%s\n", err->text);
	MUST(status != SNNFIT_EINTERNAL && status != SNNFIT_ENOMEM);
	for (const char *c = err->text; *c; c++)
		MUST(*c != '\n');
}

#endif
