/* Out of memory is an error like another: whatever is asked of the library, every
 * allocation fails once; the answer is SNNFIT_ENOMEM, and nothing is leaked. */
#include "failing_allocator.h"
#include "snnfit.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what is asked for ------------------------------------------------------ */

enum { INPUTS = 5, HIDDEN = 6, OUTPUTS = 3 };

static float hidden_weights[INPUTS * HIDDEN], output_weights[HIDDEN * OUTPUTS];
static const float hidden_rates[HIDDEN] = { 0.1f, 0.0f, 0.2f, 0.3f, 0.0f, 0.1f };

static snnfit_status
make(snnfit_model **model, snnfit_error *err)
{
	const snnfit_layer layers[] = {
		{ "hidden", INPUTS, HIDDEN, hidden_weights, hidden_rates, NULL, NULL },
		{ "output", HIDDEN, OUTPUTS, output_weights, NULL, NULL, NULL },
	};

	return snnfit_model_from_layers(model, layers, 2, err);
}

static unsigned char loop_bytes[1 << 14];
static size_t loop_length;

/* Everything that a report can give; SNNFIT_ENOMEM when it can't. */
static snnfit_status
give(snnfit_report *report)
{
	bool given = snnfit_report_json(report) && snnfit_report_text(report) &&
		     snnfit_report_html(report);

	return given ? SNNFIT_OK : SNNFIT_ENOMEM;
}

static snnfit_status
do_optimize(const void *bytes, size_t length, snnfit_error *err)
{
	snnfit_model *model = NULL;
	snnfit_report *report = NULL;
	snnfit_status status = make(&model, err);

	(void)bytes;
	(void)length;
	if (status == SNNFIT_OK)
		status = snnfit_optimize(model, NULL, &report, err);
	if (status == SNNFIT_OK)
		status = give(report);
	snnfit_report_free(report);
	snnfit_model_free(model);
	return status;
}

static snnfit_status
do_fit(const void *bytes, size_t length, snnfit_error *err)
{
	snnfit_model *model = NULL;
	snnfit_report *report = NULL;
	snnfit_options options;
	snnfit_status status;

	snnfit_options_init(&options, sizeof options);
	options.target_luts = 20;
	options.architecture = "sparse";
	status = snnfit_model_read_bytes(&model, bytes, length, NULL, err);
	if (status == SNNFIT_OK)
		status = snnfit_fit(model, &options, &report, err);
	if (status == SNNFIT_OK)
		status = give(report);
	snnfit_report_free(report);
	snnfit_model_free(model);
	return status;
}

static snnfit_status
do_inspect(const void *bytes, size_t length, snnfit_error *err)
{
	snnfit_model *model = NULL;
	snnfit_report *report = NULL, *stored = NULL;
	snnfit_status status = snnfit_model_read_bytes(&model, bytes, length, NULL, err);

	if (status == SNNFIT_OK)
		status = snnfit_inspect(model, &report, err);
	if (status == SNNFIT_OK)
		status = give(report);
	if (status == SNNFIT_OK)
		status = snnfit_model_report(model, &stored, err);
	if (status == SNNFIT_OK)
		status = give(stored);
	snnfit_report_free(stored);
	snnfit_report_free(report);
	snnfit_model_free(model);
	return status;
}

static snnfit_status
do_write(const void *bytes, size_t length, snnfit_error *err)
{
	snnfit_model *model = NULL;
	void *written = NULL;
	size_t count;
	char *text = NULL;
	snnfit_status status = snnfit_model_read_bytes(&model, bytes, length, NULL, err);

	if (status == SNNFIT_OK)
		status = snnfit_annotate(model, err);
	if (status == SNNFIT_OK)
		status = snnfit_model_write_bytes(model, &written, &count, err);
	if (status == SNNFIT_OK)
		status = snnfit_model_text(model, &text, err);
	free(text);
	free(written);
	snnfit_model_free(model);
	return status;
}

/* A loop inside the model, with dead units in its body. */
static snnfit_status
do_loop(const void *bytes, size_t length, snnfit_error *err)
{
	snnfit_model *model = NULL;
	void *written = NULL;
	size_t count;
	snnfit_status status;

	(void)bytes;
	(void)length;
	status = snnfit_model_read_bytes(&model, loop_bytes, loop_length, NULL, err);
	if (status == SNNFIT_OK)
		status = snnfit_optimize(model, NULL, NULL, err);
	if (status == SNNFIT_OK)
		status = snnfit_model_write_bytes(model, &written, &count, err);
	free(written);
	snnfit_model_free(model);
	return status;
}

static snnfit_status
do_targets(const void *bytes, size_t length, snnfit_error *err)
{
	snnfit_report *report = NULL;
	snnfit_status status = snnfit_targets(&report, err);

	(void)bytes;
	(void)length;
	if (status == SNNFIT_OK)
		status = give(report);
	snnfit_report_free(report);
	return status;
}

/* --- failing ------------------------------------------------------------------- */

typedef snnfit_status (*operation)(const void *bytes, size_t length, snnfit_error *err);

static void
fill(float *weights, size_t count)
{
	for (size_t i = 0; i < count; i++)
		weights[i] = 0.1f * (float)(i * i % 17) - 0.6f;
}

/* An optimized model as ONNX. */
static void *
onnx_bytes(size_t *length)
{
	snnfit_model *model;
	snnfit_error err;
	void *bytes;

	ck_assert_int_eq(make(&model, &err), SNNFIT_OK);
	ck_assert_int_eq(snnfit_optimize(model, NULL, NULL, &err), SNNFIT_OK);
	ck_assert_int_eq(snnfit_model_write_bytes(model, &bytes, length, &err), SNNFIT_OK);
	snnfit_model_free(model);
	return bytes;
}

/* Allocation n fails; false: there were not that many. */
static bool
fail_one(operation attempt, long n, const void *bytes, size_t length)
{
	snnfit_error err = { SNNFIT_OK, "" };
	long before = allocated;
	snnfit_status status;
	bool failed;

	failing->left = n;
	status = attempt(bytes, length, &err);
	failed = failing->left < 0;
	failing->left = -1;
	ck_assert_msg(allocated == before, "allocation %ld: %ld leaked", n, allocated - before);
	/* jansson's parser drops what it has no memory for: bad syntax, bad data. */
	if (failed && status == SNNFIT_EDATA && strstr(err.text, "metadata snn."))
		return true;
	/* A library that we use may do without what it can't have. */
	ck_assert_msg(status == SNNFIT_OK || (failed && status == SNNFIT_ENOMEM),
		      "allocation %ld: status %d, %s", n, (int)status, err.text);
	return failed;
}

static void
fail_each(operation attempt)
{
	size_t length;
	void *bytes;
	long n = 0;

	fill(hidden_weights, INPUTS * HIDDEN);
	fill(output_weights, HIDDEN * OUTPUTS);
	bytes = onnx_bytes(&length);
	while (fail_one(attempt, n, bytes, length))
		n++;
	ck_assert(n > 100);
	free(bytes);
}

START_TEST(optimize_runs_out_of_memory)
{
	fail_each(do_optimize);
}
END_TEST

START_TEST(fit_runs_out_of_memory)
{
	fail_each(do_fit);
}
END_TEST

START_TEST(inspect_runs_out_of_memory)
{
	fail_each(do_inspect);
}
END_TEST

START_TEST(write_runs_out_of_memory)
{
	fail_each(do_write);
}
END_TEST

START_TEST(a_loop_runs_out_of_memory)
{
	FILE *file = fopen("tests/data/loops/two_layers.onnx", "rb");

	ck_assert_ptr_nonnull(file);
	loop_length = fread(loop_bytes, 1, sizeof loop_bytes, file);
	fclose(file);
	ck_assert(loop_length > 0 && loop_length < sizeof loop_bytes);
	fail_each(do_loop);
}
END_TEST

START_TEST(targets_run_out_of_memory)
{
	fail_each(do_targets);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("api memory");
	TCase *tests = tcase_create("out of memory");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, optimize_runs_out_of_memory);
	tcase_add_test(tests, fit_runs_out_of_memory);
	tcase_add_test(tests, inspect_runs_out_of_memory);
	tcase_add_test(tests, write_runs_out_of_memory);
	tcase_add_test(tests, a_loop_runs_out_of_memory);
	tcase_add_test(tests, targets_run_out_of_memory);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
