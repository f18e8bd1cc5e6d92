#include "opt/similar_rows.h"

#include "opt/tile_product.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	TILE = TILE_ROWS,
	SUMS = 8,      /* side by side, for what makes vectors of them */
	SMALLEST = 32, /* coordinates worth a first look */
};

/* Sums of so many floats of size <= 1 are off by less. */
#define ROUNDING 1e-4

/* --- making -------------------------------------------------------------- */

/* Neurons of trained layers have something in common: hardly a pair is at a larger
 * cosine. */
#define COMMON_COSINE 0.5

/* How many coordinates keep the bound of such rows under the threshold. Of their
 * squared distance 2 (1 - COMMON_COSINE) a share k / length, less two standard
 * deviations, should reach that of the threshold. */
static uint32_t
head_length(uint32_t length, double cosine)
{
	double share = (1.0 - cosine) / (1.0 - COMMON_COSINE);
	uint32_t k = SMALLEST;

	while (k < length / 2 && (double)k / length * (1.0 - 2.0 * sqrt(2.0 / k)) < share)
		k *= 2;
	return k;
}

/* Vectors that are short are taken whole. */
static void
plan_coordinates(struct row_sketches *sketches, double cosine)
{
	uint32_t head = head_length(sketches->length, cosine);

	if (2 * head >= sketches->length)
		sketches->head = sketches->total = sketches->length;
	else {
		sketches->head = head;
		sketches->total = 2 * head;
	}
	sketches->chunks = (sketches->length + sketches->total - 1) / sketches->total;
	sketches->limit = (float)(cosine - ROUNDING);
}

/* Signs from a fixed seed, so that every run does the same (splitmix64: Steele,
 * Lea and Flood, Fast splittable pseudorandom number generators, 2014). */
static void
fill_signs(float *signs, uint32_t length)
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15), z;
	uint32_t i;

	for (i = 0; i < length; i++) {
		z = state += UINT64_C(0x9e3779b97f4a7c15);
		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		signs[i] = (z >> 63) ? -1.0f : 1.0f;
	}
}

static uint32_t
block_count(const struct row_sketches *sketches)
{
	return (sketches->rows + TILE - 1) / TILE;
}

static size_t
block_floats(const struct row_sketches *sketches)
{
	return ((size_t)sketches->head + 1) * TILE;
}

/* The others follow at a distance of PANEL_ROWS. */
static float *
first_coordinate(const struct row_sketches *sketches, uint32_t row)
{
	uint32_t panel = row % TILE / PANEL_ROWS, depth = sketches->head + 1;

	return sketches->blocks + row / TILE * block_floats(sketches) +
	       (size_t)panel * depth * PANEL_ROWS + row % PANEL_ROWS;
}

snnfit_status
row_sketches_open(struct row_sketches *sketches, uint32_t rows, uint32_t length, double cosine,
		  snnfit_error *err)
{
	*sketches = (struct row_sketches){ .rows = rows, .length = length };
	plan_coordinates(sketches, cosine);
	sketches->blocks = calloc(block_count(sketches), block_floats(sketches) * sizeof(float));
	sketches->others = calloc((size_t)rows * (sketches->total - sketches->head) + 1,
				  sizeof *sketches->others);
	sketches->tails = calloc(rows, sizeof *sketches->tails);
	sketches->signs = calloc(length, sizeof *sketches->signs);
	sketches->work = calloc(sketches->total, sizeof *sketches->work);
	if (!sketches->blocks || !sketches->others || !sketches->tails || !sketches->signs ||
	    !sketches->work) {
		row_sketches_close(sketches);
		return error_no_memory(err);
	}
	fill_signs(sketches->signs, length);
	return SNNFIT_OK;
}

void
row_sketches_close(struct row_sketches *sketches)
{
	free(sketches->blocks);
	free(sketches->others);
	free(sketches->tails);
	free(sketches->signs);
	free(sketches->work);
	*sketches = (struct row_sketches){ 0 };
}

/* --- filling ------------------------------------------------------------- */

/* work[c] = sum over the chunks of signed values c, times scale. */
static void
add_chunks(struct row_sketches *sketches, const float *values, float scale)
{
	uint32_t total = sketches->total, first, i;
	float *work = sketches->work;

	memset(work, 0, total * sizeof *work);
	for (first = 0; first < sketches->length; first += total) {
		const float *signs = sketches->signs + first;
		uint32_t count = sketches->length - first;

		if (count > total)
			count = total;
		for (i = 0; i < count; i++)
			work[i] += signs[i] * values[first + i];
	}
	for (i = 0; i < total; i++)
		work[i] *= scale;
}

/* The last step of the transform over the chunks: the two halves of work are two
 * chunks of `head`, whose sum are its first coordinates. */
static void
split_head(struct row_sketches *sketches)
{
	const float half = (float)sqrt(0.5);
	float *work = sketches->work;
	uint32_t head = sketches->head, i;

	if (head == sketches->total)
		return;
	for (i = 0; i < head; i++) {
		float a = work[i], b = work[head + i];

		work[i] = half * (a + b);
		work[head + i] = half * (a - b);
	}
}

static double
sum_of_squares(const float *values, uint32_t count)
{
	double sum = 0.0;
	uint32_t i;

	for (i = 0; i < count; i++)
		sum += (double)values[i] * (double)values[i];
	return sum;
}

/* Of a row of norm 1. */
static float
norm_left(double squares)
{
	return squares < 1.0 ? (float)sqrt(1.0 - squares) : 0.0f;
}

void
row_sketches_set(struct row_sketches *sketches, uint32_t row, const float *values, double norm)
{
	float *at = first_coordinate(sketches, row);
	uint32_t head = sketches->head, total = sketches->total, i;
	double squares;

	if (!(norm > 0.0))
		return;
	add_chunks(sketches, values, (float)(1.0 / (norm * sqrt(sketches->chunks))));
	split_head(sketches);
	for (i = 0; i < head; i++)
		at[(size_t)i * PANEL_ROWS] = sketches->work[i];
	squares = sum_of_squares(sketches->work, head);
	at[(size_t)head * PANEL_ROWS] = norm_left(squares);
	memcpy(sketches->others + (size_t)row * (total - head), sketches->work + head,
	       (total - head) * sizeof *sketches->others);
	squares += sum_of_squares(sketches->work + head, total - head);
	sketches->tails[row] = norm_left(squares);
}

/* --- comparing ----------------------------------------------------------- */

/* One pair of blocks, and where its candidates go. */
struct tile {
	const struct row_sketches *sketches;
	uint32_t a, b;	     /* blocks, a <= b */
	const float *bounds; /* [TILE][TILE] */
	similar_visit visit;
	void *context;
};

static float
tail_after_head(const struct row_sketches *sketches, uint32_t row)
{
	return first_coordinate(sketches, row)[(size_t)sketches->head * PANEL_ROWS];
}

static float
dot_others(const struct row_sketches *sketches, uint32_t i, uint32_t j)
{
	uint32_t count = sketches->total - sketches->head, k, s;
	const float *a = sketches->others + (size_t)i * count;
	const float *b = sketches->others + (size_t)j * count;
	float sums[SUMS] = { 0 }, sum = 0.0f;

	for (k = 0; k + SUMS <= count; k += SUMS)
		for (s = 0; s < SUMS; s++)
			sums[s] += a[k + s] * b[k + s];
	for (s = 0; s < SUMS; s++)
		sum += sums[s];
	return sum;
}

/* The second look: the coordinates after the head instead of its tail. */
static bool
survives(const struct row_sketches *sketches, uint32_t i, uint32_t j, float bound)
{
	if (sketches->head == sketches->total)
		return true;
	bound -= tail_after_head(sketches, i) * tail_after_head(sketches, j);
	bound += dot_others(sketches, i, j) + sketches->tails[i] * sketches->tails[j];
	return bound >= sketches->limit;
}

/* Which columns of the tile have any bound over the limit. */
static void
mark_columns(const struct tile *tile, uint8_t *marks)
{
	const float limit = tile->sketches->limit;
	float largest[TILE];
	uint32_t i, j;

	memcpy(largest, tile->bounds, sizeof largest);
	for (i = 1; i < TILE; i++)
		for (j = 0; j < TILE; j++) {
			float bound = tile->bounds[i * TILE + j];

			largest[j] = bound > largest[j] ? bound : largest[j];
		}
	for (j = 0; j < TILE; j++)
		marks[j] = largest[j] >= limit;
}

static snnfit_status
visit_column(const struct tile *tile, uint32_t column, snnfit_error *err)
{
	const struct row_sketches *sketches = tile->sketches;
	uint32_t j = tile->b * TILE + column, i;
	uint32_t end = tile->a == tile->b ? column : TILE;
	snnfit_status status = SNNFIT_OK;

	if (j >= sketches->rows) /* the last tile is filled up, with bounds of 0 */
		return SNNFIT_OK;
	for (i = 0; i < end && status == SNNFIT_OK; i++) {
		float bound = tile->bounds[i * TILE + column];
		uint32_t row = tile->a * TILE + i;

		if (bound >= sketches->limit && survives(sketches, row, j, bound))
			status = tile->visit(tile->context, row, j, err);
	}
	return status;
}

static snnfit_status
visit_tile(const struct tile *tile, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	uint8_t marks[TILE];
	uint32_t j;

	mark_columns(tile, marks);
	for (j = 0; j < TILE && status == SNNFIT_OK; j++)
		if (marks[j])
			status = visit_column(tile, j, err);
	return status;
}

snnfit_status
row_sketches_pairs(const struct row_sketches *sketches, similar_visit visit, void *context,
		   snnfit_error *err)
{
	float bounds[TILE * TILE];
	struct tile tile = {
		.sketches = sketches, .bounds = bounds, .visit = visit, .context = context
	};
	tile_product multiply_tiles = tile_product_at(0);
	uint32_t blocks = block_count(sketches);
	snnfit_status status = SNNFIT_OK;

	for (tile.a = 0; tile.a < blocks && status == SNNFIT_OK; tile.a++)
		for (tile.b = tile.a; tile.b < blocks && status == SNNFIT_OK; tile.b++) {
			const float *a = sketches->blocks + tile.a * block_floats(sketches);
			const float *b = sketches->blocks + tile.b * block_floats(sketches);

			multiply_tiles(a, b, sketches->head + 1, bounds);
			status = visit_tile(&tile, err);
		}
	return status;
}
