/* output.h - what people and programs get to see: diagnostics, statuses, files. */
#ifndef SNNFIT_CLI_OUTPUT_H
#define SNNFIT_CLI_OUTPUT_H

#include "snnfit.h"

#include <stdbool.h>

enum exit_status {
	EXIT_DONE = 0,
	EXIT_NO_FIT = 1,
	EXIT_USAGE = 2,
	EXIT_INVALID = 3,
	EXIT_INPUT_OUTPUT = 4,
	EXIT_INTERNAL = 5,
};

enum exit_status exit_status_of(snnfit_status status);

/* A diagnostic on standard error, one line: "snnfit: MODEL: KIND: TEXT". model
 * NULL: left out. */
void complain(const char *model, const char *kind, const char *text);

/* Fills *fault with a usage error; false, so that a refusal is one statement. */
bool say_fault(snnfit_error *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Descriptors 0 to 2 are open from now on, so that no file becomes one of them,
 * and a broken pipe or a full disk is an error like others. */
void output_prepare(void);
/* What was printed has arrived; else an I/O error is complained about. */
enum exit_status output_finish(enum exit_status status);

/* The folder and those above it, if they are not there. */
bool make_folder(const char *path, snnfit_error *fault);

#endif
