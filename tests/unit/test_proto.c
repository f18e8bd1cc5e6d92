/* Reading any bytes, writing them back, and files that appear whole or not at all. */
#include "tests/unit/proto_bytes.h"

#include <signal.h>
#include <sys/resource.h>

enum { BIG_BYTES = 20000, PLACEHOLDER = (1 << 29) - 1 };

/* The bytes 0, 1, 2, ... */
static struct bytes
counting(size_t length)
{
	struct bytes bytes = { malloc(length), length };
	size_t i;

	for (i = 0; i < length; i++)
		bytes.at[i] = (uint8_t)(i * 7 + i / 256);
	return bytes;
}

/* FLOAT, dims [length / 4], raw_data of that many bytes, in the order of numbers. */
static struct bytes
float_tensor(size_t length)
{
	struct bytes tensor = number(1, length / 4);

	add(&tensor, number(2, 1));
	add(&tensor, string(8, "w"));
	add(&tensor, inside(9, counting(length)));
	return tensor;
}

static void
check_round_trip(struct bytes model)
{
	struct onnx_model *read = must_read(model);
	struct bytes written = must_write(read);

	assert_same(model, written);
	onnx_model_free(read);
	free(written.at);
	free(model.at);
}

static void
check_refused(struct bytes bytes, snnfit_status expected)
{
	struct onnx_model *model;

	ck_assert_int_eq(read_status(bytes, &model), expected);
	free(bytes.at);
}

/* dims come out unpacked, as the schema says. */
static struct bytes
small_model(void)
{
	struct bytes tensor = number(1, 2), graph, node;

	add(&tensor, number(2, 1));
	add(&tensor, string(8, "w"));
	add(&tensor, inside(9, counting(8)));
	node = join(string(1, "x"), string(2, "y"));
	add(&node, string(4, "Relu"));
	add(&node, inside(5, join(string(1, "alpha"), number(20, 1))));
	graph = inside(1, node);
	add(&graph, string(2, "g"));
	add(&graph, inside(5, tensor));
	return model_with(graph);
}

/* --- reading and writing what is valid --------------------------------------------------- */

START_TEST(a_model_comes_back_byte_for_byte)
{
	check_round_trip(small_model());
	check_round_trip(model_with_tensor(float_tensor(BIG_BYTES)));
}
END_TEST

START_TEST(payloads_are_not_in_the_tree)
{
	struct bytes bytes = model_with_tensor(float_tensor(BIG_BYTES));
	struct onnx_model *model = must_read(bytes);
	const Onnx__TensorProto *tensor = onnx_model_proto(model)->graph->initializer[0];

	ck_assert(!tensor->has_raw_data);
	ck_assert_str_eq(tensor->name, "w");
	onnx_model_free(model);
	free(bytes.at);
}
END_TEST

/* Fields that nobody knows, at every level, in every wire type. */
static struct bytes
unknown_fields(void)
{
	struct bytes all = number(900, 5), group;

	add(&all, inside(901, bytes_of("text", 4)));
	add(&all, join(tag(902, 5), bytes_of("4444", 4)));
	add(&all, join(tag(903, 1), bytes_of("88888888", 8)));
	group = join(tag(904, 3), number(1, 1));
	add(&group, join(tag(7, 3), tag(7, 4)));
	add(&group, inside(2, bytes_of("in a group", 10)));
	add(&group, tag(904, 4));
	add(&all, group);
	add(&all, number(PLACEHOLDER, 3));
	add(&all, inside(PLACEHOLDER, bytes_of("\1\0\0\0\0\0\0\0", 8)));
	add(&all, inside(905, counting(BIG_BYTES)));
	return all;
}

START_TEST(unknown_fields_and_groups_survive)
{
	check_round_trip(join(small_model(), unknown_fields()));
	check_round_trip(model_with_tensor(join(float_tensor(BIG_BYTES), unknown_fields())));
	check_round_trip(model_with(join(string(2, "g"), unknown_fields())));
}
END_TEST

START_TEST(a_known_field_of_another_wire_type_is_unknown)
{
	/* ir_version and opset_import: what is not understood goes behind the rest. */
	struct bytes graph = inside(7, string(2, "g"));

	check_round_trip(join(graph, join(string(1, "nine"), number(8, 17))));
}
END_TEST

START_TEST(odd_numbers_survive)
{
	struct bytes tensor = number(1, (uint64_t)-3); /* a negative dimension */

	add(&tensor, number(2, (uint64_t)-7)); /* a negative int32: ten bytes */
	add(&tensor, number(14, 77));	       /* an enum value that does not exist */
	check_round_trip(model_with_tensor(tensor));
}
END_TEST

START_TEST(metadata_and_doc_strings_may_contain_anything)
{
	struct bytes entry = inside(1, bytes_of("key\0", 4)), bytes = small_model();

	add(&entry, inside(2, bytes_of("a\0b", 3)));
	add(&bytes, inside(14, entry));
	check_round_trip(bytes);
	check_round_trip(model_with(string(10, "\xff\xfe not UTF-8")));
	check_round_trip(model_with(inside(10, bytes_of("doc\0", 4))));
}
END_TEST

START_TEST(numbers_may_come_packed_or_not)
{
	struct bytes packed = inside(1, join(varint(2), varint(3))), single, written_packed;
	struct bytes written_single;
	struct onnx_model *model;

	packed = model_with_tensor(packed);
	single = model_with_tensor(join(number(1, 2), number(1, 3)));
	model = must_read(packed);
	ck_assert_uint_eq(onnx_model_proto(model)->graph->initializer[0]->n_dims, 2);
	written_packed = must_write(model);
	onnx_model_free(model);
	model = must_read(single);
	ck_assert_int_eq(onnx_model_proto(model)->graph->initializer[0]->dims[1], 3);
	written_single = must_write(model);
	onnx_model_free(model);
	assert_same(written_single, single);
	assert_same(written_packed, single);
	free(packed.at);
	free(single.at);
	free(written_packed.at);
	free(written_single.at);
}
END_TEST

START_TEST(the_last_raw_data_counts)
{
	struct bytes tensor = number(1, 2), bytes;
	struct onnx_model *model;
	uint8_t raw[BIG_BYTES];
	snnfit_error err;

	add(&tensor, number(2, 3)); /* INT8 */
	add(&tensor, inside(9, counting(BIG_BYTES)));
	add(&tensor, inside(9, bytes_of("ab", 2)));
	bytes = model_with_tensor(tensor);
	model = must_read(bytes);
	ck_assert_int_eq(tensor_read_raw(model, onnx_model_proto(model)->graph->initializer[0], 0,
					 2, raw, &err),
			 SNNFIT_OK);
	ck_assert_mem_eq(raw, "ab", 2);
	onnx_model_free(model);
	check_round_trip(bytes);
}
END_TEST

/* --- refusing what is not ------------------------------------------------------------------ */

START_TEST(broken_bytes_are_refused)
{
	check_refused(bytes_of("", 0), SNNFIT_EFORMAT);
	check_refused(bytes_of("hello world\n", 12), SNNFIT_EFORMAT);
	check_refused(number(1, 9), SNNFIT_EFORMAT); /* no graph */
	check_refused(join(small_model(), bytes_of("\0\1", 2)), SNNFIT_EFORMAT);
	check_refused(join(small_model(), tag(900, 6)), SNNFIT_EFORMAT);
	check_refused(join(small_model(), tag(900, 4)), SNNFIT_EFORMAT);
	check_refused(join(small_model(), tag(900, 3)), SNNFIT_EFORMAT);
	check_refused(join(small_model(), join(tag(900, 3), tag(901, 4))), SNNFIT_EFORMAT);
	check_refused(join(small_model(), join(tag(900, 2), varint(UINT64_MAX))), SNNFIT_EFORMAT);
	check_refused(join(small_model(), tag(1u << 29, 0)), SNNFIT_EFORMAT);
	check_refused(
		join(bytes_of("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11), small_model()),
		SNNFIT_EFORMAT); /* more than 64 bits */
}
END_TEST

START_TEST(broken_values_are_refused)
{
	check_refused(model_with_tensor(inside(1, bytes_of("\x80", 1))), SNNFIT_EFORMAT);
	check_refused(model_with_tensor(inside(4, bytes_of("abc", 3))), SNNFIT_EFORMAT);
	check_refused(model_with_tensor(inside(8, bytes_of("w\0x", 3))), SNNFIT_EFORMAT);
	check_refused(model_with(inside(1, inside(1, bytes_of("in\0put", 6)))), SNNFIT_EFORMAT);
	check_refused(join(small_model(), inside(7, string(2, "again"))), SNNFIT_EUNSUPPORTED);
}
END_TEST

START_TEST(names_are_utf8)
{
	static const char *const good[] = { "",
					    "w",
					    "\xc2\x80",
					    "\xc3\xa9",
					    "\xdf\xbf",
					    "\xe0\xa0\x80",
					    "\xed\x9f\xbf",
					    "\xee\x80\x80",
					    "\xef\xbf\xbf",
					    "\xf0\x90\x80\x80",
					    "\xf4\x8f\xbf\xbf",
					    "a\xe4\xb8\xadz" };
	static const char *const bad[] = { "\x80",
					   "\xbf",
					   "\xc0\xae",
					   "\xc1\xbf",
					   "\xc3",
					   "\xc3(",
					   "\xe0\x9f\xbf",
					   "\xe4\xb8",
					   "\xe4\xb8z",
					   "\xed\xa0\x80",
					   "\xf0\x8f\xbf\xbf",
					   "\xf4\x90\x80\x80",
					   "\xf5\x80\x80\x80",
					   "\xff",
					   "w\xfe" };
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++)
		check_round_trip(model_with(string(2, good[i])));
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		check_refused(model_with(string(2, bad[i])), SNNFIT_EFORMAT);
}
END_TEST

START_TEST(a_model_cut_off_anywhere_does_no_harm)
{
	struct bytes whole = join(small_model(), unknown_fields()), part;
	struct onnx_model *model;
	size_t length, accepted = 0;

	for (length = 0; length < whole.length; length += length < 400 ? 1 : 97) {
		part = bytes_of(whole.at, length);
		if (read_status(part, &model) == SNNFIT_OK) {
			struct bytes written = must_write(model);

			assert_same(written, part);
			free(written.at);
			onnx_model_free(model);
			accepted++;
		}
		free(part.at);
	}
	ck_assert_uint_lt(accepted, 20); /* only between two fields of the model */
	free(whole.at);
}
END_TEST

START_TEST(flipped_bits_do_no_harm)
{
	struct bytes whole = join(small_model(), unknown_fields());
	size_t limit = 400 < whole.length ? 400 : whole.length, i;
	struct onnx_model *model;
	int bit;

	for (i = 0; i < limit; i++) {
		for (bit = 0; bit < 8; bit++) {
			whole.at[i] ^= (uint8_t)(1 << bit);
			if (read_status(whole, &model) == SNNFIT_OK) {
				free(must_write(model).at);
				onnx_model_free(model);
			}
			whole.at[i] ^= (uint8_t)(1 << bit);
		}
	}
	free(whole.at);
}
END_TEST

/* A graph in an attribute of a node of a graph, and so on. */
static struct bytes
nested_graphs(int depth)
{
	struct bytes graph = string(2, "innermost");

	while (depth-- > 0)
		graph = inside(1, inside(5, inside(6, graph)));
	return model_with(graph);
}

static struct bytes
nested_groups(int depth)
{
	struct bytes groups = bytes_of("", 0);

	while (depth-- > 0) {
		groups = join(tag(900, 3), groups);
		add(&groups, tag(900, 4));
	}
	return join(small_model(), groups);
}

START_TEST(nesting_is_limited)
{
	check_round_trip(nested_graphs(30));
	check_refused(nested_graphs(40), SNNFIT_ELIMIT);
	check_refused(nested_graphs(10000), SNNFIT_ELIMIT);
	check_round_trip(nested_groups(90));
	check_refused(nested_groups(200), SNNFIT_ELIMIT);
}
END_TEST

static snnfit_status
read_within(struct bytes bytes, struct onnx_limits limits)
{
	struct onnx_model *model;
	snnfit_error err;
	snnfit_status status = onnx_model_decode_bytes(&model, bytes.at, bytes.length, NULL,
						       &limits, &err);

	onnx_model_free(model);
	return status;
}

START_TEST(counts_and_sizes_are_limited)
{
	struct bytes graph = string(2, "g"), bytes;
	struct onnx_limits limits = onnx_limits_default;
	int i;

	for (i = 0; i < 1000; i++)
		add(&graph, inside(1, bytes_of("", 0)));
	bytes = model_with(graph);
	ck_assert_int_eq(read_within(bytes, limits), SNNFIT_OK);
	limits.messages = 1000;
	ck_assert_int_eq(read_within(bytes, limits), SNNFIT_ELIMIT);
	limits = onnx_limits_default;
	limits.message_bytes = 2000;
	ck_assert_int_eq(read_within(bytes, limits), SNNFIT_ELIMIT);
	limits.message_bytes = 20000; /* the bytes fit, but not the tree of them */
	ck_assert_int_eq(read_within(bytes, limits), SNNFIT_ELIMIT);
	free(bytes.at);
}
END_TEST

/* --- clones ---------------------------------------------------------------------------------- */

START_TEST(a_clone_is_the_model_as_it_was_read)
{
	struct bytes bytes = model_with_tensor(float_tensor(BIG_BYTES)), written;
	struct onnx_model *model = must_read(bytes), *clone;
	snnfit_error err;

	onnx_model_proto(model)->graph->n_initializer = 0;
	ck_assert_int_eq(onnx_model_clone(&clone, model, &err), SNNFIT_OK);
	onnx_model_free(model);
	written = must_write(clone);
	assert_same(written, bytes);
	onnx_model_free(clone);
	free(written.at);
	free(bytes.at);
}
END_TEST

START_TEST(a_new_model_can_be_filled_in)
{
	struct onnx_model *model;
	struct bytes written;
	snnfit_error err;
	Onnx__GraphProto *graph;

	ck_assert_int_eq(onnx_model_new(&model, &err), SNNFIT_OK);
	graph = arena_alloc(onnx_model_arena(model), 1, sizeof *graph);
	onnx__graph_proto__init(graph);
	graph->name = arena_strdup(onnx_model_arena(model), "made");
	onnx_model_proto(model)->graph = graph;
	written = must_write(model);
	onnx_model_free(model);
	model = must_read(written);
	ck_assert_str_eq(onnx_model_proto(model)->graph->name, "made");
	onnx_model_free(model);
	free(written.at);
}
END_TEST

/* --- files ----------------------------------------------------------------------------------- */

static struct onnx_model *
must_read_file(const char *path)
{
	struct onnx_model *model;
	snnfit_error err = { 0 };

	ck_assert_msg(onnx_model_decode(&model, path, NULL, &err) == SNNFIT_OK, "%s", err.text);
	return model;
}

static uint64_t
bytes_read_so_far(void)
{
	FILE *file = fopen("/proc/self/io", "r");
	unsigned long long count = 0;

	if (!file || fscanf(file, "rchar: %llu", &count) != 1)
		ck_abort_msg("/proc/self/io does not say what was read");
	(void)fclose(file);
	return count;
}

START_TEST(payloads_are_not_read)
{
	const uint64_t length = 256u << 20;
	struct folder folder = folder_new();
	char path[512];
	struct bytes tensor = number(1, length / 4), bytes;
	struct onnx_model *model;
	uint64_t before;

	/* The graph ends with a tensor of zeros that take no disk space. */
	add(&tensor, number(2, 1));
	add(&tensor, join(tag(9, 2), varint(length)));
	bytes = join(tag(5, 2), join(varint(tensor.length + length), tensor));
	bytes = join(tag(7, 2), join(varint(bytes.length + length), bytes));
	file_put(path_in(&folder, "big.onnx", path), bytes);
	ck_assert_int_eq(truncate(path, (off_t)(bytes.length + length)), 0);
	before = bytes_read_so_far();
	model = must_read_file(path);
	ck_assert_uint_lt(bytes_read_so_far() - before, 64 * 1024);
	ck_assert_int_eq(onnx_model_proto(model)->graph->initializer[0]->dims[0],
			 (int64_t)(length / 4));
	onnx_model_free(model);
	free(bytes.at);
	folder_remove(&folder);
}
END_TEST

static snnfit_status
copy_model(const char *from, const char *to)
{
	struct onnx_model *model = must_read_file(from);
	snnfit_error err = { 0 };
	snnfit_status status = onnx_model_write(model, to, &err);

	ck_assert_int_eq(err.status, status);
	onnx_model_free(model);
	return status;
}

static void
assert_file_is(const char *path, struct bytes expected)
{
	struct bytes found = file_get(path);

	assert_same(found, expected);
	free(found.at);
}

START_TEST(files_are_replaced_with_their_permissions)
{
	struct folder folder = folder_new();
	struct bytes bytes = model_with_tensor(float_tensor(BIG_BYTES));
	char in[512], out[512], link_name[512];
	struct stat status;

	file_put(path_in(&folder, "in.onnx", in), bytes);
	file_put_text(path_in(&folder, "out.onnx", out), "old");
	ck_assert_int_eq(chmod(out, 0640), 0);
	ck_assert_int_eq(symlink("out.onnx", path_in(&folder, "link.onnx", link_name)), 0);
	ck_assert_int_eq(copy_model(in, link_name), SNNFIT_OK);
	assert_file_is(out, bytes);
	ck_assert_int_eq(stat(out, &status), 0);
	ck_assert_int_eq(status.st_mode & 0777, 0640);
	ck_assert_int_eq(lstat(link_name, &status), 0);
	ck_assert(S_ISLNK(status.st_mode));
	ck_assert_int_eq(copy_model(in, in), SNNFIT_OK);
	assert_file_is(in, bytes);
	ck_assert_int_eq(folder_count(&folder), 3);
	free(bytes.at);
	folder_remove(&folder);
}
END_TEST

START_TEST(a_new_file_gets_the_usual_permissions)
{
	struct folder folder = folder_new();
	struct bytes bytes = small_model();
	char in[512], out[512];
	struct stat status;
	mode_t mask = umask(027);

	file_put(path_in(&folder, "in.onnx", in), bytes);
	ck_assert_int_eq(copy_model(in, path_in(&folder, "out.onnx", out)), SNNFIT_OK);
	ck_assert_int_eq(stat(out, &status), 0);
	ck_assert_int_eq(status.st_mode & 0777, 0640);
	(void)umask(mask);
	free(bytes.at);
	folder_remove(&folder);
}
END_TEST

START_TEST(a_failed_write_leaves_the_old_file_and_no_litter)
{
	struct folder folder = folder_new();
	struct bytes bytes = model_with_tensor(float_tensor(1 << 20));
	struct bytes old = bytes_of("old", 3);
	const struct rlimit small = { 4096, RLIM_INFINITY };
	struct rlimit before;
	char in[512], out[512];

	file_put(path_in(&folder, "in.onnx", in), bytes);
	file_put(path_in(&folder, "out.onnx", out), old);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(copy_model(in, out), SNNFIT_EIO);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_file_is(out, old);
	ck_assert_int_eq(folder_count(&folder), 2);
	ck_assert_int_eq(copy_model(in, "/dev/full"), SNNFIT_EIO);
	ck_assert_int_eq(copy_model(in, folder.path), SNNFIT_EIO);
	ck_assert_int_eq(copy_model(in, path_in(&folder, "none/out.onnx", out)), SNNFIT_EIO);
	ck_assert_int_eq(folder_count(&folder), 2);
	free(bytes.at);
	free(old.at);
	folder_remove(&folder);
}
END_TEST

START_TEST(an_input_that_changes_is_noticed)
{
	struct folder folder = folder_new();
	struct bytes bytes = model_with_tensor(float_tensor(BIG_BYTES));
	char in[512], out[512];
	struct onnx_model *model;
	snnfit_error err;

	file_put(path_in(&folder, "in.onnx", in), bytes);
	model = must_read_file(in);
	ck_assert_int_eq(truncate(in, (off_t)bytes.length - 100), 0);
	ck_assert_int_eq(onnx_model_write(model, path_in(&folder, "out.onnx", out), &err),
			 SNNFIT_EIO);
	ck_assert_int_eq(access(out, F_OK), -1);
	onnx_model_free(model);
	free(bytes.at);
	folder_remove(&folder);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	struct folder folder = folder_new();
	struct onnx_model *model;
	char path[512];
	snnfit_error err;

	ck_assert_int_eq(onnx_model_read(&model, folder.path, NULL, &err), SNNFIT_EIO);
	ck_assert_int_eq(onnx_model_read(&model, "/dev/zero", NULL, &err), SNNFIT_EIO);
	ck_assert_int_eq(onnx_model_read(&model, path_in(&folder, "none", path), NULL, &err),
			 SNNFIT_EIO);
	file_put_text(path, "");
	ck_assert_int_eq(onnx_model_read(&model, path, NULL, &err), SNNFIT_EFORMAT);
	ck_assert_ptr_null(model);
	folder_remove(&folder);
}
END_TEST

static Suite *
proto_suite(void)
{
	Suite *suite = suite_create("proto");
	TCase *valid = tcase_create("valid"), *broken = tcase_create("broken");
	TCase *files = tcase_create("files");

	tcase_add_test(valid, a_model_comes_back_byte_for_byte);
	tcase_add_test(valid, payloads_are_not_in_the_tree);
	tcase_add_test(valid, unknown_fields_and_groups_survive);
	tcase_add_test(valid, a_known_field_of_another_wire_type_is_unknown);
	tcase_add_test(valid, odd_numbers_survive);
	tcase_add_test(valid, metadata_and_doc_strings_may_contain_anything);
	tcase_add_test(valid, numbers_may_come_packed_or_not);
	tcase_add_test(valid, the_last_raw_data_counts);
	tcase_add_test(valid, a_clone_is_the_model_as_it_was_read);
	tcase_add_test(valid, a_new_model_can_be_filled_in);
	tcase_add_test(broken, broken_bytes_are_refused);
	tcase_add_test(broken, broken_values_are_refused);
	tcase_add_test(broken, names_are_utf8);
	tcase_add_test(broken, a_model_cut_off_anywhere_does_no_harm);
	tcase_add_test(broken, flipped_bits_do_no_harm);
	tcase_add_test(broken, nesting_is_limited);
	tcase_add_test(broken, counts_and_sizes_are_limited);
	tcase_add_test(files, payloads_are_not_read);
	tcase_add_test(files, files_are_replaced_with_their_permissions);
	tcase_add_test(files, a_new_file_gets_the_usual_permissions);
	tcase_add_test(files, a_failed_write_leaves_the_old_file_and_no_litter);
	tcase_add_test(files, an_input_that_changes_is_noticed);
	tcase_add_test(files, what_is_no_file_is_refused);
	tcase_set_timeout(valid, 60);
	tcase_set_timeout(broken, 60);
	tcase_set_timeout(files, 60);
	suite_add_tcase(suite, valid);
	suite_add_tcase(suite, broken);
	suite_add_tcase(suite, files);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(proto_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
