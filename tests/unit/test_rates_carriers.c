/* Firing rates from every place that has them, which of them counts, and files of arrays. */
#include "tests/unit/rates_fixture.h"

/* --- the other carriers -------------------------------------------------------------- */

static const float four[] = { 0.0f, 0.25f, 0.5f, 0.75f };

static void
check_four(const struct fixture *f)
{
	int i;

	ck_assert_ptr_nonnull(rates_of(f, 2));
	for (i = 0; i < 4; i++)
		ck_assert_double_eq(rates_of(f, 2)[i], (double)four[i]);
	ck_assert_ptr_null(rates_of(f, 0));
}

START_TEST(quantization_annotation)
{
	struct fixture f;

	set_up(&f);
	add_annotation(&f, "s2", "SCALE_TENSOR", "missing");
	must_attach(&f, NULL, NULL);
	ck_assert_ptr_null(rates_of(&f, 2));
	add_annotation(&f, "s2", "FIRING_RATE_TENSOR", "missing");
	ck_assert_int_eq(attach_with(&f, NULL, NULL), SNNFIT_EDATA);
	ck_assert_ptr_nonnull(strstr(f.err.text, "\"missing\" is no initializer"));
	(void)add_initializer(&f, "rates", 4, 0, four);
	add_annotation(&f, "s2", "FIRING_RATE_TENSOR", "rates");
	must_attach(&f, NULL, NULL);
	check_four(&f);
	tear_down(&f);
}
END_TEST

START_TEST(metadata_of_a_node)
{
	struct fixture f;
	Onnx__NodeProto *node;

	set_up(&f);
	node = add_node(&f, "", "s2");
	node->metadata_props = make_entry(&f, "snn.firing_rate", "[0, 0.25, 0.5, 0.75]");
	node->n_metadata_props = 1;
	must_attach(&f, NULL, NULL);
	check_four(&f);
	node->metadata_props = make_entry(&f, "snn.firing_rate", "[0, 0.25, 0.5, [0.75]]");
	ck_assert_int_eq(attach_with(&f, NULL, NULL), SNNFIT_EDATA);
	ck_assert_ptr_nonnull(strstr(f.err.text, "index 3 is an array"));
	tear_down(&f);
}
END_TEST

START_TEST(metadata_of_a_value)
{
	struct fixture f;

	set_up(&f);
	add_value(&f, "s2", "[0, 0.25, 0.5, 0.75]");
	must_attach(&f, NULL, NULL);
	check_four(&f);
	tear_down(&f);
}
END_TEST

START_TEST(attribute_of_a_custom_node)
{
	struct fixture f;

	set_up(&f);
	add_attribute(&f, add_node(&f, "", "s2"), four, 4); /* ONNX has no such attribute */
	must_attach(&f, NULL, NULL);
	ck_assert_ptr_null(rates_of(&f, 2));
	add_attribute(&f, add_node(&f, "snn.neurons", "s2"), four, 4);
	must_attach(&f, NULL, NULL);
	check_four(&f);
	add_attribute(&f, add_node(&f, "snn.neurons", "s2"), four, 3);
	ck_assert_int_eq(attach_with(&f, NULL, NULL), SNNFIT_EDATA);
	tear_down(&f);
}
END_TEST

/* A spike tensor inside the body of a loop. */
START_TEST(metadata_inside_a_body)
{
	struct fixture f;
	Onnx__GraphProto *body;
	Onnx__NodeProto *loop;

	set_up(&f);
	add_value(&f, "s2", "[0, 0.25, 0.5, 0.75]");
	body = main_graph(&f);
	onnx_model_proto(f.model)->graph = NULL;
	loop = add_node(&f, "", "y");
	add_attribute(&f, loop, four, 4);
	loop->attribute[0]->g = body;
	must_attach(&f, NULL, NULL);
	check_four(&f);
	tear_down(&f);
}
END_TEST

/* --- precedence ------------------------------------------------------------------- */

#define FILE_DOCUMENT "{\"version\":1,\"layers\":[{\"tensor\":\"s2\",\"rates\":[1,1,1,1]}]}"
#define MODEL_DOCUMENT "{\"version\":1,\"layers\":[{\"tensor\":\"s2\",\"rates\":[0.5,0,0,0]}]}"

START_TEST(the_first_carrier_wins)
{
	struct fixture f;

	set_up(&f);
	set_metadata(&f, MODEL_DOCUMENT);
	(void)add_initializer(&f, "rates", 4, 0, four);
	add_annotation(&f, "s2", "FIRING_RATE_TENSOR", "rates");
	must_attach(&f, NULL, NULL);
	ck_assert_double_eq(rates_of(&f, 2)[0], 0.5);
	ck_assert(has_note(&f, "annotation FIRING_RATE_TENSOR: rates of fc2 differ"));
	make_graph(&f, 12, 8, 4, 0);
	must_attach(&f, write_text(&f, FILE_DOCUMENT), NULL);
	ck_assert_double_eq(rates_of(&f, 2)[0], 1.0);
	ck_assert(has_note(&f, "metadata snn.firing_rates: rates of fc2 differ"));
	tear_down(&f);
}
END_TEST

START_TEST(carriers_that_agree_are_silent)
{
	struct fixture f;

	set_up(&f);
	set_metadata(&f, "{\"version\":1,\"layers\":[{\"tensor\":\"s2\","
			 "\"rates\":[0,0.2500001,0.5,0.75]}]}");
	(void)add_initializer(&f, "rates", 4, 0, four);
	add_annotation(&f, "s2", "FIRING_RATE_TENSOR", "rates");
	must_attach(&f, NULL, NULL);
	ck_assert_uint_eq(f.graph->note_count, 0);
	tear_down(&f);
}
END_TEST

/* Each population by itself: one carrier may know what another does not. */
START_TEST(carriers_complete_each_other)
{
	struct fixture f;

	set_up(&f);
	set_metadata(&f, "{\"version\":1,\"samples\":3,\"layers\":[" LAYER0 "]}");
	(void)add_initializer(&f, "rates", 4, 0, four);
	add_annotation(&f, "s2", "FIRING_RATE_TENSOR", "rates");
	must_attach(&f, NULL, NULL);
	ck_assert_double_eq(rates_of(&f, 0)[1], 0.5);
	ck_assert_double_eq(rates_of(&f, 2)[1], 0.25);
	ck_assert_uint_eq(f.graph->rates_samples, 3);
	ck_assert_uint_eq(f.graph->note_count, 0);
	tear_down(&f);
}
END_TEST

/* Broken rates in a model are an error, unless a file replaces them all. */
START_TEST(a_broken_carrier_is_never_passed_over_silently)
{
	struct fixture f;

	set_up(&f);
	set_metadata(&f, "{");
	ck_assert_int_eq(attach_with(&f, write_text(&f, FILE_DOCUMENT), NULL), SNNFIT_EDATA);
	(void)unlink(f.path);
	make_graph(&f, 12, 8, 4, 0);
	must_attach(&f, write_text(&f, GOOD), NULL);
	ck_assert(has_note(&f, "metadata snn.firing_rates: not the JSON"));
	ck_assert_ptr_nonnull(rates_of(&f, 0));
	tear_down(&f);
}
END_TEST

START_TEST(one_population_twice)
{
	struct fixture f;

	set_up(&f);
	set_metadata(&f, "{\"version\":1,\"layers\":[{\"tensor\":\"s2\",\"rates\":[0,0,1,1]},"
			 "{\"tensor\":\"s2_alias\",\"rates\":[0,0,1,1]}]}");
	must_attach(&f, NULL, NULL);
	make_graph(&f, 12, 8, 4, 0);
	set_metadata(&f, "{\"version\":1,\"layers\":[{\"tensor\":\"s2\",\"rates\":[0,0,1,1]},"
			 "{\"tensor\":\"s2_alias\",\"rates\":[0,1,1,1]}]}");
	ck_assert_int_eq(attach_with(&f, NULL, NULL), SNNFIT_EDATA);
	ck_assert_ptr_nonnull(strstr(f.err.text, "different rates"));
	tear_down(&f);
}
END_TEST

/* --- files of arrays ------------------------------------------------------------------- */

/* raster(): unit u fires in the first u of 20 slots. */
static const struct {
	const char *file, *axes;
	uint64_t samples, steps;
} rasters[] = {
	{ DATA "raster_tnu.npz", "TN", 5, 4 },	{ DATA "raster_tnu.npz", "TNU", 5, 4 },
	{ DATA "raster_tnu.npz", "TNC", 5, 4 }, { DATA "raster_tnu.npz", "TNCHW", 5, 4 },
	{ DATA "raster_ntu.npz", "NTU", 5, 4 }, { DATA "raster_ntu.npz", "NT", 5, 4 },
	{ DATA "counts_nu.npz", "N/4", 5, 4 },	{ DATA "counts_nu.npz", "NU/4", 5, 4 },
	{ DATA "counts_u.npz", "/20", 0, 0 },	{ DATA "counts_u.npz", "U/20", 0, 0 },
};

START_TEST(rasters_and_counts)
{
	struct fixture f;
	uint32_t p, u;

	set_up(&f);
	must_attach(&f, rasters[_i].file, rasters[_i].axes);
	for (p = 0; p < 3; p++)
		for (u = 0; u < population_units(f.graph, p); u++)
			ck_assert_double_eq_tol(rates_of(&f, p)[u], u / 20.0, 1e-15);
	ck_assert_uint_eq(f.graph->rates_samples, rasters[_i].samples);
	ck_assert_uint_eq(f.graph->rates_steps, rasters[_i].steps);
	tear_down(&f);
}
END_TEST

static const struct {
	const char *file, *axes;
	snnfit_status status;
	const char *words;
} bad_axes[] = {
	{ DATA "raster_tnu.npz", NULL, SNNFIT_EDATA, "--rates-axes" },
	{ DATA "counts_u.npz", NULL, SNNFIT_EDATA, "--rates-axes /STEPS" },
	{ DATA "raster_tnu.npz", "UTN", SNNFIT_EDATA, "12 units" },
	{ DATA "counts_u.npz", "TN", SNNFIT_EDATA, "too few" },
	{ DATA "counts_u.npz", "T", SNNFIT_EDATA, "too few" },
	{ DATA "counts_nu.npz", "N", SNNFIT_EUSAGE, "N/25" },
	{ DATA "counts_nu.npz", "", SNNFIT_EUSAGE, "nothing" },
	{ DATA "counts_nu.npz", "X", SNNFIT_EUSAGE, "letters" },
	{ DATA "counts_nu.npz", "NN/4", SNNFIT_EUSAGE, "twice" },
	{ DATA "counts_nu.npz", "N/0", SNNFIT_EUSAGE, "number" },
	{ DATA "counts_nu.npz", "N/", SNNFIT_EUSAGE, "number" },
	{ DATA "counts_nu.npz", "N/4x", SNNFIT_EUSAGE, "number" },
	{ DATA "counts_nu.npz", "TN/4", SNNFIT_EUSAGE, "T" },
	{ DATA "counts_nu.npz", "NUC/4", SNNFIT_EUSAGE, "exclude" },
	{ DATA "counts_nu.npz", "TNHW", SNNFIT_EUSAGE, "need C" },
	{ NULL, "TN", SNNFIT_EUSAGE, "--rates" },
	{ DATA "missing.npz", NULL, SNNFIT_EIO, "missing.npz" },
	{ DATA, NULL, SNNFIT_EIO, DATA },
};

START_TEST(axes_that_are_refused)
{
	struct fixture f;

	set_up(&f);
	ck_assert_int_eq(attach_with(&f, bad_axes[_i].file, bad_axes[_i].axes),
			 (int)bad_axes[_i].status);
	ck_assert_msg(strstr(f.err.text, bad_axes[_i].words), "%s", f.err.text);
	tear_down(&f);
}
END_TEST

START_TEST(axes_are_not_for_json)
{
	struct fixture f;

	set_up(&f);
	ck_assert_int_eq(attach_with(&f, write_text(&f, GOOD), "TN"), SNNFIT_EUSAGE);
	tear_down(&f);
}
END_TEST

START_TEST(remarks_in_an_npz_are_ignored)
{
	struct fixture f;

	set_up(&f);
	must_attach(&f, DATA "remarks.npz", NULL);
	ck_assert_double_eq(rates_of(&f, 0)[3], 0.5);
	ck_assert_double_eq(rates_of(&f, 1)[3], 0.25);
	ck_assert_ptr_null(rates_of(&f, 2));
	ck_assert_uint_eq(f.graph->note_count, 0);
	tear_down(&f);
}
END_TEST

START_TEST(a_npy_is_named_by_its_file)
{
	struct fixture f;

	set_up(&f);
	make_graph(&f, 8, 8, 4, 0); /* by order and shape it could be s0 as well */
	must_attach(&f, DATA "s1.npy", NULL);
	ck_assert_ptr_null(rates_of(&f, 0));
	ck_assert_double_eq(rates_of(&f, 1)[7], 7.0 / 8);
	tear_down(&f);
}
END_TEST

/* Real networks: the names are those of the framework's modules. */
START_TEST(rates_that_frameworks_gave)
{
	struct fixture f;

	set_up(&f);
	make_graph(&f, 128, 64, 10, 0);
	must_attach(&f, DATA "mlp.npz", NULL);
	ck_assert(has_note(&f, "lif1 for fc0, lif2 for fc1, lif3 for fc2"));
	make_graph(&f, 256, 64, 10, 0); /* activations of an ANN, for two of three layers */
	f.graph->populations[0].kind = f.graph->populations[1].kind = POPULATION_RELU;
	f.graph->populations[2].kind = POPULATION_READOUT;
	must_attach(&f, DATA "ann-mlp.npz", NULL);
	ck_assert_ptr_nonnull(rates_of(&f, 1));
	ck_assert_ptr_null(rates_of(&f, 2));
	make_graph(&f, 16, 16, 10, 0);
	f.graph->populations[0].positions = 24;
	f.graph->populations[1].positions = 10;
	must_attach(&f, DATA "conv-1d.npz", NULL);
	ck_assert(has_note(&f, "lif1 for fc0, lif2 for fc1, lif3 for fc2"));
	tear_down(&f);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rates_carriers");
	TCase *tests = tcase_create("rates_carriers");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, quantization_annotation);
	tcase_add_test(tests, metadata_of_a_node);
	tcase_add_test(tests, metadata_of_a_value);
	tcase_add_test(tests, attribute_of_a_custom_node);
	tcase_add_test(tests, metadata_inside_a_body);
	tcase_add_test(tests, the_first_carrier_wins);
	tcase_add_test(tests, carriers_that_agree_are_silent);
	tcase_add_test(tests, carriers_complete_each_other);
	tcase_add_test(tests, a_broken_carrier_is_never_passed_over_silently);
	tcase_add_test(tests, one_population_twice);
	tcase_add_loop_test(tests, rasters_and_counts, 0, COUNT(rasters));
	tcase_add_loop_test(tests, axes_that_are_refused, 0, COUNT(bad_axes));
	tcase_add_test(tests, axes_are_not_for_json);
	tcase_add_test(tests, remarks_in_an_npz_are_ignored);
	tcase_add_test(tests, a_npy_is_named_by_its_file);
	tcase_add_test(tests, rates_that_frameworks_gave);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
