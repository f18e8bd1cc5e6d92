/* The end of a neuron, on any processor: membranes and spikes of some steps at once are, bit
 * for bit, those of one step after the other. */
#include "simulator/bits.h"
#include "simulator/tape.h"
#include "tests/unit/random_floats.h"

#include <check.h>
#include <math.h>
#include <string.h>

enum { MOST = 300, WORDS = MOST / 64 + 1, LANES = 2 };

static const uint64_t counts[] = { 1, 31, 63, 64, 65, 128, 200, MOST };
enum { COUNTS = sizeof counts / sizeof *counts };

struct neurons {
	float leak, threshold, membrane[MOST], drive[MOST];
};

static void
draw(struct neurons *n, uint64_t seed)
{
	uint32_t state = (uint32_t)seed;
	uint64_t i;

	n->leak = 0.9f;
	n->threshold = 1;
	for (i = 0; i < MOST; i++) {
		n->membrane[i] = 2 * random_float(&state);
		n->drive[i] = random_float(&state);
	}
	n->drive[0] = (float)INFINITY;
	n->membrane[0] = 0.0f;
}

/* What a step says of itself. */
static void
step_by_step(struct neurons *n, uint64_t count, uint32_t steps,
	     uint64_t bits[TAPE_STEPS_MAX][LANES * WORDS])
{
	uint32_t step;
	uint64_t i;

	for (step = 0; step < steps; step++)
		for (i = 0; i < count; i++) {
			float reset = n->membrane[i] > n->threshold ? 1 : 0;
			volatile float leaked = n->membrane[i] * n->leak;
			volatile float held = leaked + n->drive[i];

			n->membrane[i] = held - reset;
			if (n->membrane[i] > n->threshold)
				bits[step][i / 64] |= UINT64_C(1) << i % 64;
		}
}

static void
check_steps(const struct tape_kernels *kernels, uint64_t count, uint32_t steps)
{
	uint64_t expected[TAPE_STEPS_MAX][LANES * WORDS], bits[TAPE_STEPS_MAX][LANES * WORDS];
	struct tape_spikes spikes = { bits[0], LANES * WORDS, steps };
	struct neurons a, b;
	const float *x[] = { b.membrane, &b.leak, b.drive, b.membrane, &b.threshold };
	uint32_t step;

	memset(expected, 0, sizeof expected);
	memset(bits, 0xff, sizeof bits);
	draw(&a, count);
	draw(&b, count);
	step_by_step(&a, count, steps, expected);
	kernels->leak_reset_fire(b.membrane, x, b.threshold, count, &spikes);
	ck_assert_mem_eq(a.membrane, b.membrane, sizeof a.membrane);
	for (step = 0; step < steps; step++)
		ck_assert_mem_eq(expected[step], bits[step], bit_words(count) * sizeof(uint64_t));
}

START_TEST(some_steps_are_one_after_the_other)
{
	uint32_t steps;

	for (steps = 1; steps <= TAPE_STEPS_MAX; steps++) {
		check_steps(tape_kernels(), counts[_i], steps);
		check_steps(tape_kernels_plain(), counts[_i], steps);
	}
}
END_TEST

/* One step resets where another array is over another number. */
START_TEST(a_step_resets_where_it_is_told)
{
	const struct tape_kernels *both[] = { tape_kernels(), tape_kernels_plain() };
	uint64_t bits[WORDS], k, i;
	struct neurons n;
	float before[MOST], out[MOST], at = 0.25f;
	const float *x[] = { n.membrane, &n.leak, n.drive, before, &at };
	uint32_t state = 5;

	draw(&n, 9);
	for (i = 0; i < MOST; i++)
		before[i] = random_float(&state);
	for (k = 0; k < 2; k++) {
		both[k]->leak_reset_fire(out, x, n.threshold, counts[_i],
					 &(struct tape_spikes){ bits, 0, 1 });
		for (i = 1; i < counts[_i]; i++) {
			volatile float leaked = n.membrane[i] * n.leak;
			volatile float held = leaked + n.drive[i];
			float membrane = held - (before[i] > at ? 1.0f : 0.0f);

			ck_assert_mem_eq(&membrane, &out[i], sizeof membrane);
			ck_assert_int_eq(bits[i / 64] >> i % 64 & 1, membrane > n.threshold);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tape");
	TCase *cases = tcase_create("tape");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(cases, some_steps_are_one_after_the_other, 0, COUNTS);
	tcase_add_loop_test(cases, a_step_resets_where_it_is_told, 0, COUNTS);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
