/* dense.c - compiled with -ffp-contract=fast, so that a * b + c is one instruction
 * where there is one. */
#include "simulator/dense.h"

#include "simulator/set_bits.h"

#include <math.h>
#include <string.h>

#if defined __x86_64__ && defined __GNUC__
#define HAVE_WIDER
#include <immintrin.h>
#endif

/* Not aligned, and allowed to alias floats. */
#define VECTOR_OF(BYTES) __attribute__((vector_size(BYTES), aligned(4), may_alias))
typedef float floats4 VECTOR_OF(16);
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
typedef float floats8 VECTOR_OF(32);
#define VECTOR floats8
#define WIDTH 8
#define TARGET __attribute__((target("avx2,fma")))
#define KERNEL(name) name##_of_8
#include "simulator/dense_kernels.h"
#undef VECTOR
#undef WIDTH
#undef TARGET
#undef KERNEL

typedef float floats16 VECTOR_OF(64);
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
enum { GROUP_ROWS = 96 };

struct row_events {
	uint64_t first, count; /* into the indices and values */
	bool dense, ones;
};

struct group {
	struct row_events rows[GROUP_ROWS];
	uint32_t *indices;
	float *values;
	uint32_t dense[GROUP_ROWS]; /* the rows that are */
	uint32_t dense_count;
};

/* Above this part of non-zeros the dense kernel is faster. */
static uint64_t
most_events(uint64_t depth)
{
	return depth / 2;
}

uint64_t
multiply_scratch(uint64_t rows, const struct packed *right)
{
	uint64_t events = (rows < GROUP_ROWS ? rows : GROUP_ROWS) * (right->rows + 8);

	return sizeof(struct group) + events * (sizeof(uint32_t) + sizeof(float)) +
	       DENSE_ROWS * right->rows * sizeof(float);
}

/* The non-zeros of a row of left, as the next events of the group. */
static struct row_events
list_events(const struct dense_kernels *kernels, struct group *group, const float *left,
	    uint64_t depth, uint64_t first)
{
	struct row_events events = { .first = first };
	uint32_t *indices = group->indices + first;
	float *values = group->values + first;
	uint64_t i;

	events.count = kernels->find(left, depth, indices, &events.ones);
	if (!events.ones && events.count <= most_events(depth))
		for (i = 0; i < events.count; i++)
			values[i] = left[indices[i]];
	return events;
}

static void
list_group(const struct dense_kernels *kernels, struct group *group, const struct packed *right,
	   uint64_t rows, const float *left)
{
	uint64_t row, used = 0;

	group->dense_count = 0;
	for (row = 0; row < rows; row++) {
		struct row_events *events = &group->rows[row];

		*events = list_events(kernels, group, left + row * right->rows, right->rows, used);
		events->dense = !right->finite || events->count > most_events(right->rows);
		if (events->dense)
			group->dense[group->dense_count++] = (uint32_t)row;
		else
			used += events->count;
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

static void
multiply_events(const struct dense_kernels *kernels, const struct group *group,
		const struct packed *right, uint64_t rows, float *out)
{
	uint64_t panels = panels_of(right->columns), panel, row, step;
	uint64_t panel_floats = right->rows * PANEL_COLUMNS;
	float sums[EVENT_PANELS * PANEL_COLUMNS];

	for (panel = 0; panel < panels; panel += step) {
		const float *at = right->data + panel * panel_floats;

		step = panels - panel >= 4 ? 4 : panels - panel >= 2 ? 2 : 1;
		for (row = 0; row < rows; row++) {
			const struct row_events *events = &group->rows[row];

			if (events->dense)
				continue;
			if (events->ones)
				kernels->spikes(group->indices + events->first, events->count, at,
						panel_floats, (uint32_t)step, sums);
			else
				kernels->events(group->indices + events->first,
						group->values + events->first, events->count, at,
						panel_floats, (uint32_t)step, sums);
			put_row(out + row * right->columns, sums, panel * PANEL_COLUMNS, step,
				right->columns);
		}
	}
}

/* The dense rows lie anywhere: six of them are brought together first. */
static void
multiply_dense(const struct dense_kernels *kernels, const struct group *group,
	       const struct packed *right, const float *left, float *out, float *together)
{
	uint64_t panels = panels_of(right->columns), panel;
	float sums[DENSE_ROWS * PANEL_COLUMNS];
	uint32_t i, r, rows;

	for (i = 0; i < group->dense_count; i += rows) {
		rows = group->dense_count - i < DENSE_ROWS ? group->dense_count - i : DENSE_ROWS;
		for (r = 0; r < rows; r++)
			memcpy(together + r * right->rows, left + group->dense[i + r] * right->rows,
			       (size_t)right->rows * sizeof *left);
		for (panel = 0; panel < panels; panel++) {
			kernels->dense(rows, together, right->rows,
				       right->data + panel * right->rows * PANEL_COLUMNS,
				       right->rows, sums);
			for (r = 0; r < rows; r++)
				put_row(out + group->dense[i + r] * right->columns,
					sums + r * PANEL_COLUMNS, panel * PANEL_COLUMNS, 1,
					right->columns);
		}
	}
}

uint64_t
multiply(const struct packed *right, uint64_t rows, const float *left, float *out, void *scratch)
{
	const struct dense_kernels *kernels = dense_kernels();
	struct group *group = scratch;
	uint64_t capacity = (rows < GROUP_ROWS ? rows : GROUP_ROWS) * (right->rows + 8);
	uint64_t done, count, row, nonzeros = 0;
	float *together;

	group->indices = (uint32_t *)(group + 1);
	group->values = (float *)(group->indices + capacity);
	together = group->values + capacity;
	for (done = 0; done < rows; done += count) {
		count = rows - done < GROUP_ROWS ? rows - done : GROUP_ROWS;
		list_group(kernels, group, right, count, left + done * right->rows);
		for (row = 0; row < count; row++)
			nonzeros += group->rows[row].count;
		multiply_events(kernels, group, right, count, out + done * right->columns);
		if (group->dense_count)
			multiply_dense(kernels, group, right, left + done * right->rows,
				       out + done * right->columns, together);
	}
	return nonzeros;
}
