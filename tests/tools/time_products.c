/* time_products.c - what products of spikes cost, by the way that their rows go.
 *
 *     time_products DEPTH COLUMNS ROWS PERCENT
 *
 * Multiplies ROWS rows, of which PERCENT are spikes at random, by a matrix of DEPTH by
 * COLUMNS, and prints the CPU time a row in microseconds, the least of some rounds: adding
 * columns, adding patterns, multiplying everything, and the way that is chosen. */
#include "simulator/dense.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WAYS = 4, ROUNDS = 9, FEW_ROWS = 1024 };
static const double round_seconds = 0.02;

struct job {
	struct packed ways[WAYS];
	uint64_t rows;
	uint64_t *bits;
	float *floats, *out;
	void *scratch;
};

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

static void *
room(uint64_t count, size_t bytes)
{
	void *memory = aligned_alloc(64, (count * bytes + 127) / 64 * 64);

	if (!memory)
		exit(3);
	return memory;
}

static void
draw(struct job *job, uint64_t depth, uint64_t percent)
{
	uint64_t words = bit_words(depth), row, k, state = 1;

	for (row = 0; row < job->rows; row++)
		for (k = 0; k < depth; k++) {
			uint64_t *word = &job->bits[row * words + k / 64];
			bool fires = next_random(&state) % 100 < percent;

			*word = (k % 64 ? *word : 0) | (uint64_t)fires << k % 64;
			job->floats[row * depth + k] = fires;
		}
}

static struct job
job_of(uint64_t depth, uint64_t columns, uint64_t rows, uint64_t percent)
{
	struct job job = { .rows = rows };
	float *weights = room(depth * columns, sizeof *weights);
	uint64_t i, state = 2;

	for (i = 0; i < depth * columns; i++)
		weights[i] = (float)next_random(&state) / (float)(1u << 31) - 0.5f;
	pack_matrix(&job.ways[0], room(packed_floats(depth, columns), sizeof(float)), weights,
		    depth, columns, columns, 1);
	free(weights);
	job.ways[1] = job.ways[2] = job.ways[3] = job.ways[0];
	job.ways[0].most_spikes = depth;
	job.ways[1].most_spikes = 0;
	job.ways[2].finite = false; /* then zeros count, too */
	job.bits = room(rows * bit_words(depth), sizeof *job.bits);
	job.floats = room(rows * depth, sizeof *job.floats);
	job.out = room(rows * columns, sizeof *job.out);
	job.scratch = room(multiply_scratch(rows, &job.ways[0]), 1);
	draw(&job, depth, percent);
	return job;
}

static void
job_free(struct job *job)
{
	free((float *)(uintptr_t)job->ways[0].data);
	free(job->bits);
	free(job->floats);
	free(job->out);
	free(job->scratch);
}

static double
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Seconds a row. */
static double
measure(const struct job *job, const struct packed *way)
{
	double begin = now(), spent;
	uint64_t times = 0, i;

	do {
		/* some: to look at the clock takes as long as a small one */
		for (i = 0; i < 1 + FEW_ROWS / job->rows; i++, times++)
			if (way->finite)
				(void)multiply_spikes(way, job->rows, job->bits, NULL, job->out,
						      job->scratch);
			else
				(void)multiply(way, job->rows, job->floats, NULL, job->out,
					       job->scratch);
		spent = now() - begin;
	} while (spent < round_seconds);
	return spent / (double)(times * job->rows);
}

int
main(int argc, char **argv)
{
	double least[WAYS], spent;
	uint64_t numbers[4];
	struct job job;
	int i, round;

	if (argc != 5)
		return 2;
	for (i = 0; i < 4; i++)
		numbers[i] = strtoull(argv[i + 1], NULL, 10);
	if (numbers[0] == 0 || numbers[1] == 0 || numbers[2] == 0)
		return 2;
	job = job_of(numbers[0], numbers[1], numbers[2], numbers[3]);
	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < WAYS; i++) {
			spent = measure(&job, &job.ways[i]);
			if (round == 0 || spent < least[i])
				least[i] = spent;
		}
	(void)printf("%.3f %.3f %.3f %.3f\n", least[0] * 1e6, least[1] * 1e6, least[2] * 1e6,
		     least[3] * 1e6);
	job_free(&job);
	return 0;
}
