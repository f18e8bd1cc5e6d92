/* quantization.c - weights as small integers times a scale.
 *
 *     W_ij ~ s_i q_ij,   q_ij an integer, |q_ij| <= Q = 2^(bits - 1) - 1
 *
 * with s_i, one a unit or one for the projection, such that
 * sum_j (W_ij - s_i q_ij)^2 is least. For a given s the best q is W / s rounded and
 * clipped; for given q the best s is <W, q> / <q, q>. The two are alternated until the
 * error stays (a k-means of one parameter: Lloyd, Least squares quantization in PCM,
 * 1982; for networks Hwang and Sung, 2014), from the best three of a row of starting
 * points max|W| / Q f, f <= 1: with few bits it pays to clip the largest weights, with
 * many it does not. Values become s q in float, so close that W / s rounds to q again;
 * 0 stays 0.
 *
 * needs    the weights
 * keeps    shapes, unit numbers, zeros
 * breaks   output values
 * skips    weights of so few bits already, or that cannot be written
 */
#include "opt/quantization.h"
#include "opt/pass_list.h"
#include "opt/units.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum {
	MOST_ROUNDS = 32,
	DESCENTS = 3, /* from the best of the starting points */
	MOST_STARTS = 32,
	LANES = 8,   /* sums side by side, in vector registers */
	BLOCK = 512, /* floats added up in float before they go into a double */
};

/* Weights that share a scale, wherever they come from. */
struct weight_group {
	const float *values;
	size_t count;
	float limit; /* Q */
};

/* Rounds to the nearest integer, |x| < 2^22: adding 1.5 * 2^23 leaves no room for
 * a fraction (and of -0.2 makes 0, not -0). A library call for each weight would
 * cost several times as much. */
static float
nearest(float x)
{
	const float shift = 0x1.8p23f;

	return (x + shift) - shift;
}

static float
level(float value, float inverse, float limit)
{
	float q = value * inverse;

	q = q < limit ? q : limit;
	q = q > -limit ? q : -limit;
	return nearest(q);
}

/* With r = W - s q, what is left of W at a scale: <r, r>, <r, q>, <q, q>. Sums of W
 * itself would lose the few bits that differ between good scales. */
struct products {
	double rr, rq, qq;
};

static void
add_block(const struct weight_group *group, size_t first, size_t count, float scale,
	  struct products *sum)
{
	float rr[LANES] = { 0 }, rq[LANES] = { 0 }, qq[LANES] = { 0 };
	float inverse = 1.0f / scale, limit = group->limit;
	const float *values = group->values + first;
	size_t i, lane;

	for (i = 0; i + LANES <= count; i += LANES)
		for (lane = 0; lane < LANES; lane++) {
			float q = level(values[i + lane], inverse, limit);
			float r = values[i + lane] - scale * q;

			rr[lane] += r * r;
			rq[lane] += r * q;
			qq[lane] += q * q;
		}
	for (lane = 0; i + lane < count; lane++) {
		float q = level(values[i + lane], inverse, limit);
		float r = values[i + lane] - scale * q;

		rr[lane] += r * r;
		rq[lane] += r * q;
		qq[lane] += q * q;
	}
	for (lane = 0; lane < LANES; lane++) {
		sum->rr += (double)rr[lane];
		sum->rq += (double)rq[lane];
		sum->qq += (double)qq[lane];
	}
}

static struct products
products_at(const struct weight_group *group, float scale)
{
	struct products sum = { 0 };
	size_t first;

	for (first = 0; first < group->count; first += BLOCK) {
		size_t count = group->count - first;

		add_block(group, first, count < BLOCK ? count : BLOCK, scale, &sum);
	}
	return sum;
}

/* A scale, the best one for its q, and the squared error of that. */
struct trial {
	float scale, better;
	double error;
};

static struct trial
try_scale(const struct weight_group *group, float scale)
{
	struct products sum = products_at(group, scale);

	if (!(sum.qq > 0.0))
		return (struct trial){ scale, scale, sum.rr };
	return (struct trial){ scale, (float)((double)scale + sum.rq / sum.qq),
			       sum.rr - sum.rq * sum.rq / sum.qq };
}

/* The error goes down with every round, so q can only repeat at the end. */
static struct trial
descend(const struct weight_group *group, struct trial last)
{
	int round;

	for (round = 0; round < MOST_ROUNDS && last.better > 0.0f; round++) {
		struct trial now = try_scale(group, last.better);

		if (!(now.error < last.error))
			break;
		last = now;
	}
	return last;
}

/* Starting points, of which the last clips to `smallest` of the largest weight. */
struct starts {
	uint32_t count;
	double smallest;
};

static struct starts
starts_for(float limit)
{
	if (limit <= 31.0f) /* up to 6 bits */
		return (struct starts){ MOST_STARTS, 0.2 };
	if (limit <= 255.0f) /* up to 9 */
		return (struct starts){ 24, 0.5 };
	return (struct starts){ 12, 0.8 };
}

static int
by_error(const void *a, const void *b)
{
	const struct trial *x = a, *y = b;

	if (x->error != y->error)
		return x->error < y->error ? -1 : 1;
	return x->scale > y->scale ? -1 : x->scale < y->scale;
}

/* largest: max|W| / Q. */
static float
search_scale(const struct weight_group *group, double largest)
{
	struct starts starts = starts_for(group->limit);
	struct trial trials[MOST_STARTS], best;
	uint32_t i;

	for (i = 0; i < starts.count; i++) {
		double share = 1.0 - (1.0 - starts.smallest) * i / (starts.count - 1);

		trials[i] = try_scale(group, (float)(share * largest));
	}
	qsort(trials, starts.count, sizeof *trials, by_error);
	best = descend(group, trials[0]);
	for (i = 1; i < DESCENTS; i++) {
		struct trial now = descend(group, trials[i]);

		if (now.error < best.error)
			best = now;
	}
	return best.better;
}

static float
largest_size(const struct weight_group *group)
{
	float largest = 0.0f;
	size_t i;

	for (i = 0; i < group->count; i++) {
		float size = fabsf(group->values[i]);

		largest = size > largest ? size : largest;
	}
	return largest;
}

/* 1 for weights that are all zero, or so small that no float scale divides them. */
static float
best_scale(const struct weight_group *group)
{
	double largest = (double)largest_size(group) / (double)group->limit;
	float scale;

	if (largest < (double)FLT_MIN * 0x1p24)
		return 1.0f;
	scale = search_scale(group, largest);
	return scale > 0.0f && isfinite(scale) ? scale : 1.0f;
}

static void
round_values(float *values, size_t count, float scale, float limit)
{
	size_t i;

	for (i = 0; i < count; i++)
		values[i] = scale * level(values[i], 1.0f / scale, limit);
}

/* --- projections ----------------------------------------------------------- */

const char *
quantize_reason(const struct graph *graph, const struct projection *projection, uint32_t bits)
{
	if (!projection_editable(graph, projection))
		return "its weights cannot be written";
	if (projection->quantization.bits > 0 && projection->quantization.bits <= bits)
		return "its weights have no more bits than that already";
	return NULL;
}

snnfit_status
quantize_projection(struct graph *graph, projection_id id, uint32_t bits, bool per_tensor,
		    snnfit_error *err)
{
	struct projection *projection = &graph->projections[id];
	uint32_t rows = projection->weights->rows, groups = per_tensor ? 1 : rows, i;
	struct weight_group group = { .limit = (float)((1u << (bits - 1)) - 1) };
	float *scale = arena_alloc(&graph->arena, groups, sizeof *scale);
	snnfit_status status;
	float *values;

	if (!scale)
		return error_no_memory(err);
	status = weights_edit(&projection->weights, &values, err);
	if (status != SNNFIT_OK)
		return status;
	group.count = (size_t)projection->weights->columns * (per_tensor ? rows : 1);
	for (i = 0; i < groups; i++) {
		group.values = values + i * group.count;
		scale[i] = best_scale(&group);
		round_values(values + i * group.count, group.count, scale[i], group.limit);
	}
	projection->quantization = (struct quantization){ bits, !per_tensor, scale };
	return SNNFIT_OK;
}

static snnfit_status
look_at(struct pass_context *context, struct graph *graph, projection_id id, snnfit_error *err)
{
	const struct projection *projection = &graph->projections[id];
	const struct weights *weights = projection->weights;
	uint32_t bits = context->options->quantize_bits;
	const char *reason = quantize_reason(graph, projection, bits);

	if (projection->quantization.bits == bits)
		return SNNFIT_OK;
	if (reason)
		return pass_skip(context, graph->populations[projection->target].name, reason, err);
	context->report->weights_quantized += (uint64_t)weights->rows * weights->columns;
	context->report->changed = true;
	return quantize_projection(graph, id, bits, context->options->quantize_per_tensor, err);
}

snnfit_status
quantization(struct pass_context *context, struct graph *graph, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	projection_id id;

	for (id = 0; id < graph->projection_count && status == SNNFIT_OK; id++)
		if (!graph->projections[id].removed)
			status = look_at(context, graph, id, err);
	return status;
}
