/* test_api_data.c - accuracy measured while a model changes, through the public header. */
#include "tests/unit/api_cases.h"

#include <math.h>
#include <string.h>

static snnfit_simulate_options
example_data(void)
{
	snnfit_simulate_options data;

	snnfit_simulate_options_init(&data, sizeof data);
	data.inputs = "examples/mnist/test-images-idx3-ubyte.gz";
	data.labels = "examples/mnist/test-labels-idx1-ubyte.gz";
	data.steps = 5;
	return data;
}

START_TEST(a_fit_measures_each_step_on_data)
{
	snnfit_model *model = example_model(NULL);
	snnfit_simulate_options data = example_data();
	snnfit_options options = options_for("dead_neuron_elimination");
	snnfit_report *report = NULL;
	snnfit_figures figures;
	snnfit_step step;
	snnfit_error err;
	size_t i;

	options.target = "ecp5-25k";
	options.architecture = "event";
	options.data = &data;
	options.max_accuracy_drop = 1.0;
	ck_assert_int_eq(snnfit_fit(model, &options, &report, &err), SNNFIT_OK);
	snnfit_report_figures(report, &figures, sizeof figures);
	ck_assert_uint_eq(figures.accuracy_samples, 2000);
	ck_assert_double_gt(figures.accuracy_before, 0.5);
	ck_assert_double_ge(figures.accuracy_after, figures.accuracy_before - 0.01 - 1e-9);
	ck_assert_double_eq_tol(figures.accuracy_after - figures.accuracy_before,
				((double)figures.samples_won - (double)figures.samples_lost) / 2000,
				1e-9);
	ck_assert_uint_gt(figures.step_count, 0);
	for (i = 0; snnfit_report_step(report, i, &step); i++)
		ck_assert_double_ge(step.accuracy, figures.accuracy_before - 0.01 - 1e-9);
	snnfit_report_free(report);
	snnfit_model_free(model);
}
END_TEST

START_TEST(a_limit_needs_labels)
{
	snnfit_model *model = example_model(NULL);
	snnfit_simulate_options data = example_data();
	snnfit_options options = options_for(NULL);
	snnfit_report *report;
	snnfit_error err;

	options.max_accuracy_drop = 0.5;
	ck_assert_int_eq(snnfit_optimize(model, &options, &report, &err), SNNFIT_EUSAGE);
	data.labels = NULL;
	options.data = &data;
	ck_assert_int_eq(snnfit_optimize(model, &options, &report, &err), SNNFIT_EUSAGE);
	ck_assert_ptr_nonnull(strstr(err.text, "--labels"));
	options.max_accuracy_drop = (double)NAN;
	ck_assert_int_eq(snnfit_optimize(model, &options, &report, &err), SNNFIT_EUSAGE);
	ck_assert_ptr_null(report);
	snnfit_model_free(model);
}
END_TEST

/* Unknown is NaN: not 0, which would be an accuracy. */
START_TEST(without_data_accuracy_is_not_known)
{
	snnfit_model *model = example_model(NULL);
	snnfit_report *report;
	snnfit_figures figures;
	snnfit_error err;

	ck_assert_int_eq(snnfit_optimize(model, NULL, &report, &err), SNNFIT_OK);
	snnfit_report_figures(report, &figures, sizeof figures);
	ck_assert(isnan(figures.accuracy_before) && isnan(figures.accuracy_after));
	ck_assert_uint_eq(figures.accuracy_samples, 0);
	snnfit_report_free(report);
	snnfit_model_free(model);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("api_data");
	TCase *data = tcase_create("data");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(data, 60);
	tcase_add_test(data, a_fit_measures_each_step_on_data);
	tcase_add_test(data, a_limit_needs_labels);
	tcase_add_test(data, without_data_accuracy_is_not_known);
	suite_add_tcase(suite, data);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
