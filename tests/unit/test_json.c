/* JSON in and out: what is taken, what is refused and where, and values that come back. */
#include "core/json.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static json_t *
parsed(const char *text)
{
	struct json_problem problem = { 0 };
	json_t *value;
	snnfit_status status = json_parse(&value, text, strlen(text), &problem);

	ck_assert_msg(status == SNNFIT_OK, "%s: column %d: %s", text, (int)problem.column,
		      problem.text);
	return value;
}

static const struct {
	const char *text, *again;
} good[] = {
	{ "{}", "{}" },
	{ " [ ] \n", "[]" },
	{ "{\"a\":1,\"b\":[true,false,null],\"c\":{\"a\":-0}}",
	  "{\"a\":1,\"b\":[true,false,null],\"c\":{\"a\":0}}" },
	{ "[0.5, -1e3, 2E-2, 9007199254740993, -9223372036854775808]",
	  "[0.5,-1000.0,0.02,9007199254740993,-9223372036854775808]" },
	{ "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"]",
	  "[\"\\\"\\\\/\\b\\f\\n\\r\\tA\303\251\342\202\254\360\237\230\200\"]" },
	{ "{\"\":\"\"}", "{\"\":\"\"}" },
	{ "[0.1234567890123456789]", "[0.123456789012]" },
};

START_TEST(good_texts_come_back)
{
	json_t *value = parsed(good[_i].text);
	char *again = json_print(value, JSON_COMPACT | JSON_REAL_PRECISION(12));

	ck_assert_str_eq(again, good[_i].again);
	free(again);
	json_decref(value);
}
END_TEST

static const struct {
	const char *text;
	uint64_t line, column;
	const char *words;
} bad[] = {
	{ "", 1, 1, "no value" },
	{ "5", 1, 2, "no object" },
	{ "[1,]", 1, 4, "no value" },
	{ "[1 2]", 1, 4, "comma" },
	{ "[01]", 1, 3, "comma" },
	{ "[1.]", 1, 4, "no value" },
	{ "[-]", 1, 3, "no value" },
	{ "[1e]", 1, 4, "no value" },
	{ "[1e999]", 1, 7, "too large" },
	{ "[9223372036854775808]", 1, 21, "too large" },
	{ "[nul]", 1, 2, "no value" },
	{ "{\"a\" 1}", 1, 6, "colon" },
	{ "{\n\"a\":1,\n\"a\":2}", 3, 4, "twice" },
	{ "{1:2}", 1, 2, "name" },
	{ "[\"a", 1, 4, "does not end" },
	{ "[\"a\nb\"]", 1, 4, "does not end" },
	{ "[\"\\x\"]", 1, 4, "escape" },
	{ "[\"\\u12\"]", 1, 7, "escape" },
	{ "[\"\\u0000\"]", 1, 9, "escape" },
	{ "[\"\\ud800\"]", 1, 9, "escape" },
	{ "[\"\\udc00\"]", 1, 9, "escape" },
	{ "[\"\\ud800\\u0041\"]", 1, 15, "escape" },
	{ "[\"\300\200\"]", 1, 6, "UTF-8" },
	{ "[] []", 1, 4, "behind its end" },
	{ "[[]", 1, 4, "comma or a bracket" },
};

START_TEST(bad_texts_are_refused_with_their_place)
{
	struct json_problem problem;
	json_t *value;

	ck_assert_int_eq(json_parse(&value, bad[_i].text, strlen(bad[_i].text), &problem),
			 SNNFIT_EFORMAT);
	ck_assert_ptr_null(value);
	ck_assert_msg(strstr(problem.text, bad[_i].words) && problem.line == bad[_i].line &&
			      problem.column == bad[_i].column,
		      "%s: line %d, column %d: %s", bad[_i].text, (int)problem.line,
		      (int)problem.column, problem.text);
}
END_TEST

START_TEST(nesting_has_a_limit)
{
	char text[2 * JSON_NESTED_MAX + 3];
	struct json_problem problem;
	json_t *value;

	memset(text, '[', JSON_NESTED_MAX);
	memset(text + JSON_NESTED_MAX, ']', JSON_NESTED_MAX);
	text[2 * JSON_NESTED_MAX] = '\0';
	json_decref(parsed(text));
	memset(text, '[', JSON_NESTED_MAX + 1);
	ck_assert_int_eq(json_parse(&value, text, strlen(text), &problem), SNNFIT_EFORMAT);
	ck_assert_str_eq(problem.text, "it is nested too deeply");
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

int
main(void)
{
	Suite *suite = suite_create("json");
	TCase *tests = tcase_create("texts");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests, good_texts_come_back, 0, COUNT(good));
	tcase_add_loop_test(tests, bad_texts_are_refused_with_their_place, 0, COUNT(bad));
	tcase_add_test(tests, nesting_has_a_limit);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
