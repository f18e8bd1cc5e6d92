/* dense.c - compiled with -ffp-contract=fast, so that a * b + c is one instruction
 * where there is one. */
#include "simulator/dense.h"

#include "simulator/set_bits.h"
#include "simulator/vectors.h"

#include <math.h>
#include <string.h>

#define VECTOR floats4
#define WIDTH 4
#define TARGET
#define KERNEL(name) name##_of_4
#include "simulator/dense_kernels.h"
#undef VECTOR
#undef WIDTH
#undef TARGET
#undef KERNEL

#ifdef HAVE_WIDER
#define VECTOR floats8
#define WIDTH 8
#define TARGET __attribute__((target("avx2,fma")))
#define KERNEL(name) name##_of_8
#include "simulator/dense_kernels.h"
#undef VECTOR
#undef WIDTH
#undef TARGET
#undef KERNEL

#define VECTOR floats16
#define WIDTH 16
#define TARGET __attribute__((target("avx512f,fma")))
#define KERNEL(name) name##_of_16
#include "simulator/dense_kernels.h"
#undef VECTOR
#undef WIDTH
#undef TARGET
#undef KERNEL
#endif

/* From one on: the end of a row, or all of it. */
static uint64_t
find_from(const float *row, uint64_t first, uint64_t depth, uint32_t *indices, uint64_t count,
	  bool *ones)
{
	uint64_t k;

	for (k = first; k < depth; k++) {
		indices[count] = (uint32_t)k;
		count += row[k] != 0;
		*ones = *ones && (row[k] == 0 || row[k] == 1);
	}
	return count;
}

static uint64_t
find_plain(const float *row, uint64_t depth, uint32_t *indices, bool *ones)
{
	*ones = true;
	return find_from(row, 0, depth, indices, 0, ones);
}

#ifdef HAVE_WIDER
/* Eight at a time: the numbers of those that are not 0 come from a table. */
__attribute__((target("avx2,popcnt"))) static uint64_t
find_avx2(const float *row, uint64_t depth, uint32_t *indices, bool *ones)
{
	const __m256 zero = _mm256_setzero_ps(), one = _mm256_set1_ps(1);
	__m256 all_ones = _mm256_cmp_ps(zero, zero, _CMP_EQ_OQ);
	uint64_t k, count = 0;

	for (k = 0; k + 8 <= depth; k += 8) {
		__m256 x = _mm256_loadu_ps(row + k);
		__m256 is_zero = _mm256_cmp_ps(x, zero, _CMP_EQ_OQ);
		unsigned found = ~(unsigned)_mm256_movemask_ps(is_zero) & 0xff;
		__m128i bytes = _mm_cvtsi64_si128((long long)set_bits[found]);
		__m256i numbers = _mm256_add_epi32(_mm256_cvtepu8_epi32(bytes),
						   _mm256_set1_epi32((int)k));

		_mm256_storeu_si256((__m256i *)(void *)(indices + count), numbers);
		count += (unsigned)__builtin_popcount(found);
		all_ones = _mm256_and_ps(all_ones,
					 _mm256_or_ps(is_zero, _mm256_cmp_ps(x, one, _CMP_EQ_OQ)));
	}
	*ones = _mm256_movemask_ps(all_ones) == 0xff;
	return find_from(row, k, depth, indices, count, ones);
}
#endif

const struct dense_kernels *
dense_kernels(void)
{
	static const struct dense_kernels of_4 = { dense_of_4, events_of_4, spikes_of_4,
						   find_plain };
#ifdef HAVE_WIDER
	static const struct dense_kernels of_8 = { dense_of_8, events_of_8, spikes_of_8,
						   find_avx2 };
	static const struct dense_kernels of_16 = { dense_of_16, events_of_16, spikes_of_16,
						    find_avx2 };

	if (__builtin_cpu_supports("avx512f"))
		return &of_16;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return &of_8;
#endif
	return &of_4;
}

/* --- the right matrix ---------------------------------------------------------------- */

static uint64_t
panels_of(uint64_t columns)
{
	return (columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
}

uint64_t
packed_floats(uint64_t rows, uint64_t columns)
{
	return panels_of(columns) * rows * PANEL_COLUMNS;
}

void
pack_matrix(struct packed *out, float *memory, const float *from, uint64_t rows, uint64_t columns,
	    uint64_t row_stride, uint64_t column_stride)
{
	uint64_t panel, row, column;
	bool finite = true;
	float *to = memory;

	for (panel = 0; panel < panels_of(columns); panel++) {
		for (row = 0; row < rows; row++) {
			for (column = 0; column < PANEL_COLUMNS; column++) {
				uint64_t c = panel * PANEL_COLUMNS + column;
				float value = c < columns
						      ? from[row * row_stride + c * column_stride]
						      : 0;

				finite = finite && isfinite(value);
				*to++ = value;
			}
		}
	}
	*out = (struct packed){ memory, rows, columns, finite };
}

/* --- rows of the left matrix ------------------------------------------------------------ */

/* Rows are taken in groups, so that a panel is read from memory once for all of
 * them. Of a row with few non-zeros, which they are. */
enum {
	GROUP_ROWS = 256,
	/* Of the right matrix at a time: so much of EVENT_PANELS panels stays in the
	 * processor's second cache while all rows of the left one go by. */
	STRETCH_ROWS = 512,
	NEAR_BYTES = 32 << 10, /* of a right matrix that stays in the first one */
	FAR_BYTES = 1 << 20,   /* of one that comes from farther than the second one */
	FETCHING_ROWS = 32,    /* that make use of what is fetched ahead */
};

struct row_events {
	uint64_t first, count; /* into the indices and values */
	bool dense, ones;
};

struct group {
	struct row_events rows[GROUP_ROWS];
	uint32_t *indices;
	float *values;
	uint32_t *ends; /* [GROUP_ROWS][stretches]: of the events of a row, those before it */
	float sums[GROUP_ROWS][EVENT_PANELS * PANEL_COLUMNS];
	const float *dense[GROUP_ROWS];	 /* the rows that are */
	uint32_t dense_rows[GROUP_ROWS]; /* their numbers */
	uint32_t dense_count;
};

static uint64_t
stretches_of(uint64_t depth)
{
	return (depth + STRETCH_ROWS - 1) / STRETCH_ROWS;
}

/* With more non-zeros in a row the dense kernel is faster: it does twelve multiplications
 * for eight loads. Of a small matrix events cost less, as they find it in the first cache;
 * of a larger one, what loads from the second do. (Measured: 50 % for 64 by 64, 28 to 30 %
 * from 256 by 256 on.) */
static uint64_t
most_events(const struct packed *right)
{
	uint64_t bytes = packed_floats(right->rows, right->columns) * sizeof(float);

	return bytes <= NEAR_BYTES ? right->rows / 2 : right->rows * 7 / 25;
}

uint64_t
multiply_scratch(uint64_t rows, const struct packed *right)
{
	uint64_t at_once = rows < GROUP_ROWS ? rows : GROUP_ROWS;
	uint64_t events = at_once * (right->rows + 8);

	return sizeof(struct group) + events * (sizeof(uint32_t) + sizeof(float)) +
	       at_once * stretches_of(right->rows) * sizeof(uint32_t);
}

/* The non-zeros of a row of left, as the next events of the group. */
static struct row_events
list_events(const struct dense_kernels *kernels, struct group *group, const struct packed *right,
	    const float *left, uint64_t first)
{
	struct row_events events = { .first = first };
	uint32_t *indices = group->indices + first;
	float *values = group->values + first;
	uint64_t i;

	events.count = kernels->find(left, right->rows, indices, &events.ones);
	if (!events.ones && events.count <= most_events(right))
		for (i = 0; i < events.count; i++)
			values[i] = left[indices[i]];
	return events;
}

/* Where the events of a row go on to the next stretch. */
static void
find_ends(const struct group *group, const struct row_events *events, uint64_t depth,
	  uint32_t *ends)
{
	const uint32_t *indices = group->indices + events->first;
	uint64_t stretches = stretches_of(depth), stretch, at = 0;

	for (stretch = 0; stretch + 1 < stretches; stretch++) {
		while (at < events->count && indices[at] < (stretch + 1) * STRETCH_ROWS)
			at++;
		ends[stretch] = (uint32_t)at;
	}
	if (stretches > 0)
		ends[stretches - 1] = (uint32_t)events->count;
}

static void
list_group(const struct dense_kernels *kernels, struct group *group, const struct packed *right,
	   uint64_t rows, const float *left)
{
	uint64_t row, used = 0;

	group->dense_count = 0;
	for (row = 0; row < rows; row++) {
		struct row_events *events = &group->rows[row];

		*events = list_events(kernels, group, right, left + row * right->rows, used);
		events->dense = !right->finite || events->count > most_events(right);
		if (events->dense) {
			group->dense[group->dense_count] = left + row * right->rows;
			group->dense_rows[group->dense_count++] = (uint32_t)row;
			continue;
		}
		used += events->count;
		find_ends(group, events, right->rows,
			  group->ends + row * stretches_of(right->rows));
	}
}

/* Columns [first, first + columns) of a row, from panels of sums. */
static void
put_row(float *out, const float *sums, uint64_t first, uint64_t panels, uint64_t columns)
{
	uint64_t count = panels * PANEL_COLUMNS;

	if (count > columns - first)
		count = columns - first;
	memcpy(out + first, sums, (size_t)count * sizeof *sums);
}

/* A stretch of some panels: what is added up before the next one. */
struct chunk {
	uint64_t panel, panel_count; /* none: there is no such chunk */
	uint64_t stretch;
};

/* The first one from a panel on. */
static struct chunk
chunk_at(const struct packed *right, uint64_t panel)
{
	uint64_t left = panels_of(right->columns) - panel;

	return (struct chunk){ panel, left >= 4 ? 4 : left >= 2 ? 2 : left, 0 };
}

static struct chunk
next_chunk(const struct packed *right, const struct chunk *chunk)
{
	if (chunk->stretch + 1 < stretches_of(right->rows))
		return (struct chunk){ chunk->panel, chunk->panel_count, chunk->stretch + 1 };
	return chunk_at(right, chunk->panel + chunk->panel_count);
}

/* Has the part of a chunk that goes with a row of so many brought near. */
static void
fetch_part(const struct packed *right, const struct chunk *chunk, uint64_t row, uint64_t rows)
{
	uint64_t first = chunk->stretch * STRETCH_ROWS, depth = right->rows - first, p, line;
	const float *from = right->data + (chunk->panel * right->rows + first) * PANEL_COLUMNS;

	if (depth > STRETCH_ROWS)
		depth = STRETCH_ROWS;
	for (p = 0; p < chunk->panel_count; p++, from += right->rows * PANEL_COLUMNS)
		for (line = row * depth / rows; line < (row + 1) * depth / rows; line++)
			__builtin_prefetch(from + line * PANEL_COLUMNS, 0, 2);
}

/* All rows, from one chunk; the next one comes near meanwhile. */
static void
add_chunk(const struct dense_kernels *kernels, struct group *group, const struct packed *right,
	  uint64_t rows, const struct chunk *chunk, const struct chunk *next)
{
	uint64_t stretches = stretches_of(right->rows), row;
	uint64_t panel_floats = right->rows * PANEL_COLUMNS;
	const float *panels = right->data + chunk->panel * panel_floats;

	for (row = 0; row < rows; row++) {
		const struct row_events *events = &group->rows[row];
		const uint32_t *ends = group->ends + row * stretches;
		uint64_t first, count;

		if (next)
			fetch_part(right, next, row, rows);
		if (events->dense)
			continue;
		first = chunk->stretch ? ends[chunk->stretch - 1] : 0;
		count = ends[chunk->stretch] - first;
		first += events->first;
		if (count == 0)
			continue;
		if (events->ones)
			kernels->spikes(group->indices + first, count, panels, panel_floats,
					(uint32_t)chunk->panel_count, group->sums[row]);
		else
			kernels->events(group->indices + first, group->values + first, count,
					panels, panel_floats, (uint32_t)chunk->panel_count,
					group->sums[row]);
	}
}

static void
multiply_events(const struct dense_kernels *kernels, struct group *group,
		const struct packed *right, uint64_t rows, float *out)
{
	bool far = packed_floats(right->rows, right->columns) * sizeof(float) > FAR_BYTES &&
		   rows >= FETCHING_ROWS;
	struct chunk chunk, next;
	uint64_t row;

	for (chunk = chunk_at(right, 0); chunk.panel_count > 0; chunk = next) {
		next = next_chunk(right, &chunk);
		if (chunk.stretch == 0)
			memset(group->sums, 0, rows * sizeof *group->sums);
		if (right->rows > 0)
			add_chunk(kernels, group, right, rows, &chunk, far ? &next : NULL);
		for (row = 0; row < rows && next.stretch == 0; row++)
			if (!group->rows[row].dense)
				put_row(out + row * right->columns, group->sums[row],
					chunk.panel * PANEL_COLUMNS, chunk.panel_count,
					right->columns);
	}
}

/* The dense rows, some at a time, from a stretch of a panel. */
static void
multiply_stretch(const struct dense_kernels *kernels, struct group *group,
		 const struct packed *right, uint64_t stretch, const float *panel)
{
	uint64_t first = stretch * STRETCH_ROWS, depth = right->rows - first;
	float *sums = group->sums[0];
	uint32_t i, rows;

	if (depth > STRETCH_ROWS)
		depth = STRETCH_ROWS;
	for (i = 0; i < group->dense_count; i += rows) {
		rows = group->dense_count - i < DENSE_ROWS ? group->dense_count - i : DENSE_ROWS;
		kernels->dense(rows, group->dense + i, first, panel + first * PANEL_COLUMNS, depth,
			       sums + i * PANEL_COLUMNS);
	}
}

static void
multiply_dense(const struct dense_kernels *kernels, struct group *group, const struct packed *right,
	       float *out)
{
	uint64_t panel, stretch;
	float *sums = group->sums[0];
	uint32_t i;

	for (panel = 0; panel < panels_of(right->columns); panel++) {
		memset(sums, 0, (size_t)group->dense_count * PANEL_COLUMNS * sizeof *sums);
		for (stretch = 0; stretch < stretches_of(right->rows); stretch++)
			multiply_stretch(kernels, group, right, stretch,
					 right->data + panel * right->rows * PANEL_COLUMNS);
		for (i = 0; i < group->dense_count; i++)
			put_row(out + group->dense_rows[i] * right->columns,
				sums + i * PANEL_COLUMNS, panel * PANEL_COLUMNS, 1, right->columns);
	}
}

uint64_t
multiply(const struct packed *right, uint64_t rows, const float *left, float *out, void *scratch)
{
	const struct dense_kernels *kernels = dense_kernels();
	struct group *group = scratch;
	uint64_t capacity = (rows < GROUP_ROWS ? rows : GROUP_ROWS) * (right->rows + 8);
	uint64_t done, count, row, nonzeros = 0;

	group->indices = (uint32_t *)(group + 1);
	group->values = (float *)(group->indices + capacity);
	group->ends = (uint32_t *)(group->values + capacity);
	for (done = 0; done < rows; done += count) {
		count = rows - done < GROUP_ROWS ? rows - done : GROUP_ROWS;
		list_group(kernels, group, right, count, left + done * right->rows);
		for (row = 0; row < count; row++)
			nonzeros += group->rows[row].count;
		multiply_events(kernels, group, right, count, out + done * right->columns);
		if (group->dense_count)
			multiply_dense(kernels, group, right, out + done * right->columns);
	}
	return nonzeros;
}
