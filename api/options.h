/* options.h - the public options: defaults, checks, and what the modules make of them. */
#ifndef SNNFIT_API_OPTIONS_H
#define SNNFIT_API_OPTIONS_H

#include "estimator/devices.h"
#include "graph/design.h"
#include "opt/fit.h"

#include <stdbool.h>

/* What was given (NULL: nothing) over the defaults, checked. */
MUST_USE snnfit_status read_options_get(snnfit_read_options *out, const snnfit_read_options *given,
					snnfit_error *err);
MUST_USE snnfit_status options_get(snnfit_options *out, const snnfit_options *given,
				   snnfit_error *err);

MUST_USE snnfit_status simulate_options_get(snnfit_simulate_options *out,
					    const snnfit_simulate_options *given,
					    snnfit_error *err);

/* --- of checked options -------------------------------------------------- */

struct pass_options options_passes(const snnfit_options *options);
struct fit_options options_fit(const snnfit_options *options);
/* With the first architecture when there is a choice. */
struct design options_design(const snnfit_options *options);
/* The library may choose the architecture. */
bool options_any_architecture(const snnfit_options *options);
/* A length of theirs is another than the default. */
bool options_speak_of_bitstreams(const snnfit_options *options);
/* "none": no pass is to run. */
bool options_no_passes(const snnfit_options *options);
/* A device or a budget was given. */
bool options_have_target(const snnfit_options *options);
/* SNNFIT_EUSAGE when there is none, or no such one. */
MUST_USE snnfit_status options_device(const snnfit_options *options, struct device *out,
				      snnfit_error *err);

/* "sc", "parallel", "event", "sparse" */
const char *architecture_name(enum architecture architecture);

#endif
