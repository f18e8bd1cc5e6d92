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

/* From one on, which is a multiple of 64. */
static void
pack_from(const float *row, uint64_t first, uint64_t depth, uint64_t *bits)
{
	uint64_t k;

	for (k = first; k < depth; k++) {
		if (k % 64 == 0)
			bits[k / 64] = 0;
		bits[k / 64] |= (uint64_t)(row[k] != 0) << k % 64;
	}
}

static void
pack_plain(const float *row, uint64_t depth, uint64_t *bits)
{
	pack_from(row, 0, depth, bits);
}

static inline __attribute__((always_inline)) void
count_rows(const uint64_t *bits, uint64_t rows, uint64_t words, uint64_t *counts)
{
	uint64_t row, i;

	for (row = 0; row < rows; row++)
		for (i = 0, counts[row] = 0; i < words; i++)
			counts[row] += (uint64_t)__builtin_popcountll(*bits++);
}

static void
count_plain(const uint64_t *bits, uint64_t rows, uint64_t words, uint64_t *counts)
{
	count_rows(bits, rows, words, counts);
}

static void
list_plain(const uint64_t *bits, uint64_t words, uint32_t *indices)
{
	uint64_t i, left;

	for (i = 0; i < words; i++)
		for (left = bits[i]; left; left &= left - 1)
			*indices++ = (uint32_t)(i * 64 + (uint32_t)__builtin_ctzll(left));
}

#ifdef HAVE_WIDER
__attribute__((target("avx2"))) static void
pack_avx2(const float *row, uint64_t depth, uint64_t *bits)
{
	const __m256 zero = _mm256_setzero_ps();
	uint64_t k, i;

	for (k = 0; k + 64 <= depth; k += 64) {
		uint64_t word = 0;

		for (i = 0; i < 64; i += 8) {
			__m256 x = _mm256_loadu_ps(row + k + i);
			__m256 found = _mm256_cmp_ps(x, zero, _CMP_NEQ_UQ);

			word |= (uint64_t)(unsigned)_mm256_movemask_ps(found) << i;
		}
		bits[k / 64] = word;
	}
	pack_from(row, k, depth, bits);
}

__attribute__((target("popcnt"))) static void
count_popcnt(const uint64_t *bits, uint64_t rows, uint64_t words, uint64_t *counts)
{
	count_rows(bits, rows, words, counts);
}

/* A byte at a time, whatever is in it: to guess where a loop over its bits ends takes longer. */
__attribute__((target("avx2,popcnt"))) static void
list_avx2(const uint64_t *bits, uint64_t words, uint32_t *indices)
{
	const __m256i eight = _mm256_set1_epi32(8);
	__m256i first = _mm256_setzero_si256();
	uint64_t i, left;
	uint32_t k;

	for (i = 0; i < words; i++)
		for (k = 0, left = bits[i]; k < 64; k += 8, left >>= 8) {
			__m128i bytes = _mm_cvtsi64_si128((long long)set_bits[left & 0xff]);

			_mm256_storeu_si256((__m256i *)(void *)indices,
					    _mm256_add_epi32(_mm256_cvtepu8_epi32(bytes), first));
			indices += __builtin_popcount((unsigned)(left & 0xff));
			first = _mm256_add_epi32(first, eight);
		}
}
#endif

#define KERNELS(WIDTH, FIND, PACK, COUNT, LIST)                                                    \
	{                                                                                          \
		dense_of_##WIDTH, events_of_##WIDTH, spikes_of_##WIDTH, FIND, PACK, COUNT, LIST,   \
			tabulate_of_##WIDTH, patterns_of_##WIDTH, few_patterns_of_##WIDTH          \
	}

const struct dense_kernels *
dense_kernels(void)
{
	static const struct dense_kernels of_4 = KERNELS(4, find_plain, pack_plain, count_plain,
							 list_plain);
#ifdef HAVE_WIDER
	static const struct dense_kernels of_8 = KERNELS(8, find_avx2, pack_avx2, count_popcnt,
							 list_avx2);
	static const struct dense_kernels of_16 = KERNELS(16, find_avx2, pack_avx2, count_popcnt,
							  list_avx2);

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

enum {
	NEAR_BYTES = 32 << 10,	/* of a matrix that stays in the processor's first cache */
	HALF_BYTES = 256 << 10, /* of one that takes a half of the second one */
	FAR_BYTES = 1 << 20,	/* of one that comes from farther than the second one */
};

/* With more non-zeros in a row the dense kernel is faster: it does twelve multiplications
 * for eight loads. Of a small matrix events cost less, as they find it in the first cache;
 * of a larger one, what loads from the second do. (Measured: 50 % for 64 by 64, 28 to 30 %
 * from 256 by 256 on.)
 * For spikes the same beside patterns, which take a quarter of the loads that there would be
 * for all columns, from the first cache. (Measured: 50 % for 64 by 64, 30 % for 256 by 256,
 * 17 % for 2048 by 2048: bench/products.py.) Where there is one panel, the rows of a block
 * go through a few tables, which takes less than to list what is in them. */
static void
set_limits(struct packed *packed)
{
	uint64_t bytes = packed_floats(packed->rows, packed->columns) * sizeof(float);
	uint64_t rows = packed->rows;

	packed->most_events = bytes <= NEAR_BYTES ? rows / 2 : rows * 7 / 25;
	if (bytes <= NEAR_BYTES)
		packed->most_spikes = rows / 2;
	else if (bytes <= HALF_BYTES)
		packed->most_spikes = rows * 3 / 10;
	else
		packed->most_spikes = rows / (bytes <= FAR_BYTES ? 4 : 5);
	if (packed->columns <= PANEL_COLUMNS)
		packed->most_spikes = rows / 6 > 10 ? rows / 6 - 10 : 0;
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
	*out = (struct packed){
		.data = memory, .rows = rows, .columns = columns, .finite = finite
	};
	set_limits(out);
}

/* --- rows of the left matrix ------------------------------------------------------------ */

/* Rows are taken in groups, so that a panel is read from memory once for all of
 * them. Of a row with few non-zeros, which they are. */
enum {
	GROUP_ROWS = 256,
	/* Of the right matrix at a time: so much of EVENT_PANELS panels stays in the
	 * processor's second cache while all rows of the left one go by. */
	STRETCH_ROWS = 512,
	FETCHING_ROWS = 32, /* that make use of what is fetched ahead */
	TABLE_ROWS = 8,	    /* that are worth a table of patterns */
};

/* How a row is added up. */
enum way {
	BY_SPIKES,   /* non-zeros that are 1 */
	BY_EVENTS,   /* other ones */
	BY_PATTERNS, /* ones, and many of them */
	BY_ALL,	     /* whatever they are */
};

struct row_events {
	uint64_t first, count; /* into the indices and values */
	enum way way;
};

/* Numbers of the rows that go one way. */
struct row_numbers {
	uint32_t all[GROUP_ROWS], count;
};

struct group {
	float table[TABLE_FLOATS];
	float sums[GROUP_ROWS][EVENT_PANELS * PANEL_COLUMNS];
	struct row_events rows[GROUP_ROWS];
	const float *dense[GROUP_ROWS];	      /* those that go BY_ALL */
	const uint64_t *patterns[GROUP_ROWS]; /* those that go BY_PATTERNS */
	struct row_numbers dense_rows, pattern_rows;
	const float *bias;		/* NULL: none */
	float last_bias[PANEL_COLUMNS]; /* of the last panel, if that is not whole */
	uint64_t counts[GROUP_ROWS];	/* of bits */
	uint32_t event_rows;
	uint64_t *bits; /* [GROUP_ROWS][words], of rows of floats that go BY_PATTERNS */
	uint32_t *indices;
	float *values;
	uint32_t *ends; /* [GROUP_ROWS][stretches]: of the events of a row, those before it */
};

/* The left matrix: numbers, or bits. */
struct left {
	const float *floats;
	const uint64_t *bits;
};

static uint64_t
stretches_of(uint64_t depth)
{
	return (depth + STRETCH_ROWS - 1) / STRETCH_ROWS;
}

uint64_t
multiply_scratch(uint64_t rows, const struct packed *right)
{
	uint64_t at_once = rows < GROUP_ROWS ? rows : GROUP_ROWS;
	uint64_t events = at_once * (right->rows + 8);

	return sizeof(struct group) + at_once * bit_words(right->rows) * sizeof(uint64_t) +
	       events * (sizeof(uint32_t) + sizeof(float)) +
	       at_once * stretches_of(right->rows) * sizeof(uint32_t);
}

/* The non-zeros of a row of floats, as the next events of the group. */
static struct row_events
list_floats(const struct dense_kernels *kernels, const struct group *group,
	    const struct packed *right, const float *left, uint64_t first)
{
	struct row_events events = { .first = first };
	uint32_t *indices = group->indices + first;
	float *values = group->values + first;
	bool ones;
	uint64_t i;

	events.count = kernels->find(left, right->rows, indices, &ones);
	if (!right->finite)
		events.way = BY_ALL;
	else if (ones)
		events.way = events.count > right->most_spikes ? BY_PATTERNS : BY_SPIKES;
	else
		events.way = events.count > right->most_events ? BY_ALL : BY_EVENTS;
	for (i = 0; i < events.count && events.way == BY_EVENTS; i++)
		values[i] = left[indices[i]];
	return events;
}

/* Of a row of so many bits. */
static struct row_events
list_bits(const struct dense_kernels *kernels, const struct group *group,
	  const struct packed *right, const uint64_t *left, uint64_t count, uint64_t first)
{
	struct row_events events = { .first = first, .count = count };

	events.way = count > right->most_spikes ? BY_PATTERNS : BY_SPIKES;
	if (events.way == BY_SPIKES)
		kernels->list(left, bit_words(right->rows), group->indices + first);
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
note_pattern_row(const struct dense_kernels *kernels, struct group *group,
		 const struct packed *right, const struct left *left, uint64_t row)
{
	uint32_t number = group->pattern_rows.count++;
	uint64_t words = bit_words(right->rows);
	uint64_t *bits = group->bits + number * words;

	group->pattern_rows.all[number] = (uint32_t)row;
	group->patterns[number] = left->bits ? left->bits + row * words : bits;
	if (!left->bits)
		kernels->pack(left->floats + row * right->rows, right->rows, bits);
}

static void
list_group(const struct dense_kernels *kernels, struct group *group, const struct packed *right,
	   uint64_t rows, const struct left *left)
{
	uint64_t words = bit_words(right->rows), row, used = 0;

	group->dense_rows.count = group->pattern_rows.count = group->event_rows = 0;
	if (left->bits)
		kernels->count(left->bits, rows, words, group->counts);
	for (row = 0; row < rows; row++) {
		struct row_events *events = &group->rows[row];

		*events = left->bits ? list_bits(kernels, group, right, left->bits + row * words,
						 group->counts[row], used)
				     : list_floats(kernels, group, right,
						   left->floats + row * right->rows, used);
		if (events->way == BY_PATTERNS) {
			note_pattern_row(kernels, group, right, left, row);
		} else if (events->way == BY_ALL) {
			group->dense[group->dense_rows.count] = left->floats + row * right->rows;
			group->dense_rows.all[group->dense_rows.count++] = (uint32_t)row;
		} else {
			used += events->count;
			group->event_rows++;
			find_ends(group, events, right->rows,
				  group->ends + row * stretches_of(right->rows));
		}
	}
}

static bool
is_by_events(const struct row_events *events)
{
	return events->way == BY_SPIKES || events->way == BY_EVENTS;
}

/* Up to a panel, in pieces of known size: a call for so few takes longer. */
static inline void
copy_few(float *to, const float *from, uint64_t count)
{
	uint64_t at = 0;

	if (count & 16)
		memcpy(to, from, 16 * sizeof *to);
	at += count & 16;
	if (count & 8)
		memcpy(to + at, from + at, 8 * sizeof *to);
	at += count & 8;
	if (count & 4)
		memcpy(to + at, from + at, 4 * sizeof *to);
	at += count & 4;
	for (; at < count; at++)
		to[at] = from[at];
}

/* A panel of sums of a row to where it belongs. */
static inline void
put_sums(const struct group *group, const struct packed *right, const float *sums, uint64_t panel,
	 float *out)
{
	uint64_t first = panel * PANEL_COLUMNS, count = right->columns - first, i;
	bool whole = count >= PANEL_COLUMNS;
	float biased[PANEL_COLUMNS];

	if (group->bias) {
		const float *bias = whole ? group->bias + first : group->last_bias;

		for (i = 0; i < PANEL_COLUMNS; i++)
			biased[i] = sums[i] + bias[i];
		sums = biased;
	}
	copy_few(out + first, sums, whole ? PANEL_COLUMNS : count);
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

/* Where the sums of a row go: at once into out, where all columns of the chunk are some. */
static struct sums
sums_of(struct group *group, const struct packed *right, uint64_t row, const struct chunk *chunk,
	float *out)
{
	static const float none[EVENT_PANELS * PANEL_COLUMNS];
	uint64_t first = chunk->panel * PANEL_COLUMNS;
	bool whole = first + chunk->panel_count * PANEL_COLUMNS <= right->columns;
	struct sums to = { .out = whole ? out + row * right->columns + first : group->sums[row] };

	to.from = chunk->stretch ? to.out : none;
	if (whole && group->bias && chunk->stretch + 1 >= stretches_of(right->rows))
		to.bias = group->bias + first;
	return to;
}

static void
put_chunk(const struct group *group, const struct packed *right, const float *sums,
	  const struct chunk *chunk, float *out)
{
	uint64_t i;

	for (i = 0; i < chunk->panel_count; i++)
		put_sums(group, right, sums + i * PANEL_COLUMNS, chunk->panel + i, out);
}

/* All rows, from one chunk; the next one comes near meanwhile. */
static void
add_chunk(const struct dense_kernels *kernels, struct group *group, const struct packed *right,
	  uint64_t rows, const struct chunk *chunk, const struct chunk *next, float *out)
{
	uint64_t stretches = stretches_of(right->rows), row;
	uint64_t panel_floats = right->rows * PANEL_COLUMNS;
	const float *panels = right->data + chunk->panel * panel_floats;

	for (row = 0; row < rows; row++) {
		const struct row_events *events = &group->rows[row];
		const uint32_t *ends = group->ends + row * stretches;
		uint64_t first, count;
		struct sums to;

		if (next)
			fetch_part(right, next, row, rows);
		if (!is_by_events(events))
			continue;
		to = sums_of(group, right, row, chunk, out);
		first = chunk->stretch ? ends[chunk->stretch - 1] : 0;
		count = stretches ? ends[chunk->stretch] - first : 0;
		first += events->first;
		if (events->way == BY_SPIKES)
			kernels->spikes(group->indices + first, count, panels, panel_floats,
					(uint32_t)chunk->panel_count, &to);
		else
			kernels->events(group->indices + first, group->values + first, count,
					panels, panel_floats, (uint32_t)chunk->panel_count, &to);
		if (to.out == group->sums[row] && chunk->stretch + 1 >= stretches)
			put_chunk(group, right, to.out, chunk, out + row * right->columns);
	}
}

static void
multiply_events(const struct dense_kernels *kernels, struct group *group,
		const struct packed *right, uint64_t rows, float *out)
{
	bool far = packed_floats(right->rows, right->columns) * sizeof(float) > FAR_BYTES &&
		   rows >= FETCHING_ROWS;
	struct chunk chunk, next;

	for (chunk = chunk_at(right, 0); chunk.panel_count > 0; chunk = next) {
		next = next_chunk(right, &chunk);
		add_chunk(kernels, group, right, rows, &chunk, far ? &next : NULL, out);
	}
}

/* A panel of the sums of some rows to where it belongs. */
static void
put_panel(const struct group *group, const struct row_numbers *numbers, const struct packed *right,
	  uint64_t panel, float *out)
{
	const float *sums = group->sums[0];
	uint32_t i;

	for (i = 0; i < numbers->count; i++)
		put_sums(group, right, sums + i * PANEL_COLUMNS, panel,
			 out + numbers->all[i] * right->columns);
}

/* Of 64 rows of a panel, or of those that there are and zeros behind them. */
static void
tabulate(const struct dense_kernels *kernels, struct group *group, const float *panel,
	 uint64_t rows)
{
	enum { WORD_FLOATS = 64 * PANEL_COLUMNS };
	float *end = group->sums[GROUP_ROWS / 2];
	uint64_t count = rows * PANEL_COLUMNS;

	if (count < WORD_FLOATS) {
		memcpy(end, panel, count * sizeof *end);
		memset(end + count, 0, (WORD_FLOATS - count) * sizeof *end);
		panel = end;
	}
	kernels->tabulate(panel, group->table);
}

static void
multiply_patterns(const struct dense_kernels *kernels, struct group *group,
		  const struct packed *right, float *out)
{
	const uint64_t *const *rows = group->patterns;
	uint64_t panel, word;
	uint32_t count = group->pattern_rows.count;
	float *sums = group->sums[0];

	for (panel = 0; panel < panels_of(right->columns); panel++) {
		const float *at = right->data + panel * right->rows * PANEL_COLUMNS;

		memset(sums, 0, (size_t)count * PANEL_COLUMNS * sizeof *sums);
		for (word = 0; word < bit_words(right->rows); word++) {
			if (count < TABLE_ROWS) {
				kernels->few_patterns(rows, count, word, at, sums);
			} else {
				tabulate(kernels, group, at, right->rows - word * 64);
				kernels->patterns(rows, count, word, group->table, sums);
			}
			at += 64 * PANEL_COLUMNS;
		}
		put_panel(group, &group->pattern_rows, right, panel, out);
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
	for (i = 0; i < group->dense_rows.count; i += rows) {
		rows = group->dense_rows.count - i < DENSE_ROWS ? group->dense_rows.count - i
								: DENSE_ROWS;
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

	for (panel = 0; panel < panels_of(right->columns); panel++) {
		memset(sums, 0, (size_t)group->dense_rows.count * PANEL_COLUMNS * sizeof *sums);
		for (stretch = 0; stretch < stretches_of(right->rows); stretch++)
			multiply_stretch(kernels, group, right, stretch,
					 right->data + panel * right->rows * PANEL_COLUMNS);
		put_panel(group, &group->dense_rows, right, panel, out);
	}
}

static uint64_t
multiply_rows(const struct packed *right, uint64_t rows, struct left left, const float *bias,
	      float *out, void *scratch)
{
	const struct dense_kernels *kernels = dense_kernels();
	struct group *group = scratch;
	uint64_t at_once = rows < GROUP_ROWS ? rows : GROUP_ROWS, words = bit_words(right->rows);
	uint64_t done, count, row, nonzeros = 0;

	group->bias = bias;
	if (bias)
		memcpy(group->last_bias, bias + right->columns / PANEL_COLUMNS * PANEL_COLUMNS,
		       right->columns % PANEL_COLUMNS * sizeof *bias);
	group->bits = (uint64_t *)(group + 1);
	group->indices = (uint32_t *)(group->bits + at_once * words);
	group->values = (float *)(group->indices + at_once * (right->rows + 8));
	group->ends = (uint32_t *)(group->values + at_once * (right->rows + 8));
	for (done = 0; done < rows; done += count, out += count * right->columns) {
		count = rows - done < GROUP_ROWS ? rows - done : GROUP_ROWS;
		list_group(kernels, group, right, count, &left);
		for (row = 0; row < count; row++)
			nonzeros += group->rows[row].count;
		if (group->event_rows)
			multiply_events(kernels, group, right, count, out);
		if (group->pattern_rows.count)
			multiply_patterns(kernels, group, right, out);
		if (group->dense_rows.count)
			multiply_dense(kernels, group, right, out);
		if (left.bits)
			left.bits += count * words;
		else
			left.floats += count * right->rows;
	}
	return nonzeros;
}

uint64_t
multiply(const struct packed *right, uint64_t rows, const float *left, const float *bias,
	 float *out, void *scratch)
{
	return multiply_rows(right, rows, (struct left){ .floats = left }, bias, out, scratch);
}

uint64_t
multiply_spikes(const struct packed *right, uint64_t rows, const uint64_t *left, const float *bias,
		float *out, void *scratch)
{
	return multiply_rows(right, rows, (struct left){ .bits = left }, bias, out, scratch);
}
