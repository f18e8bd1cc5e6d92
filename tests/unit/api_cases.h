/* api_cases.h - the example network and options, through the public header. */
#ifndef TESTS_UNIT_API_CASES_H
#define TESTS_UNIT_API_CASES_H

#include "snnfit.h"

#include <check.h>

#define EXAMPLE "examples/seed-mlp/model.onnx"
#define EXAMPLE_RATES "examples/seed-mlp/rates.npz"

/* rates NULL: without any. */
static inline snnfit_model *
example_model(const char *rates)
{
	snnfit_read_options options;
	snnfit_model *model;
	snnfit_error err;

	snnfit_read_options_init(&options, sizeof options);
	options.rates = rates;
	ck_assert_int_eq(snnfit_model_read(&model, EXAMPLE, &options, &err), SNNFIT_OK);
	return model;
}

static inline snnfit_options
options_for(const char *passes)
{
	snnfit_options options;

	snnfit_options_init(&options, sizeof options);
	options.passes = passes;
	return options;
}

#endif
