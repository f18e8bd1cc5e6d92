#include "simulator/pool_bits.h"

#include "simulator/vectors.h"

enum { LONG = 32 }; /* columns that do not fit into a word with those of the next row */

/* Up to 32 bits, none set behind them. */
static inline void
write_bits(struct bit_writer *writer, uint64_t bits, uint64_t count)
{
	writer->word |= bits << writer->filled;
	writer->filled += (uint32_t)count;
	if (writer->filled < 64)
		return;
	*writer->to++ = writer->word;
	writer->filled -= 64;
	writer->word = writer->filled ? bits >> (count - writer->filled) : 0;
}

/* Rows and next ones from a bit on, so many of each: any of both at the place of the rows. */
static inline uint64_t
join_rows(const uint64_t *pairs, uint64_t from, uint64_t rows, uint64_t columns)
{
	uint64_t both = bits_at(pairs, from) & low_bits(2 * columns * rows);

	return both | both >> columns;
}

static inline uint64_t
less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- on any processor ---------------------------------------------------------------------- */

/* Every other bit of 64, the lowest first. */
static uint64_t
even_bits(uint64_t bits)
{
	bits &= UINT64_C(0x5555555555555555);
	bits = (bits | bits >> 1) & UINT64_C(0x3333333333333333);
	bits = (bits | bits >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	bits = (bits | bits >> 4) & UINT64_C(0x00ff00ff00ff00ff);
	bits = (bits | bits >> 8) & UINT64_C(0x0000ffff0000ffff);
	return (bits | bits >> 16) & UINT64_C(0x00000000ffffffff);
}

static void
pairs_plain(const uint64_t *x, uint64_t words, uint64_t *pairs)
{
	uint64_t i;

	for (i = 0; i < words; i++)
		pairs[i] = even_bits(x[i] | x[i] >> 1);
	for (i = 0; i + 1 < words; i += 2)
		pairs[i / 2] = pairs[i] | pairs[i + 1] << 32;
	if (i < words)
		pairs[i / 2] = pairs[i];
}

static void
rows_plain(const uint64_t *pairs, uint64_t from, uint64_t rows, uint64_t columns,
	   struct bit_writer *writer)
{
	uint64_t at_once = LONG / columns, row, count, any, joined, i;

	for (row = 0; row < rows; row += count, from += 2 * columns * count) {
		count = less(rows - row, at_once);
		any = join_rows(pairs, from, count, columns);
		joined = 0;
		for (i = 0; i < count; i++)
			joined |= (any >> 2 * columns * i & low_bits(columns)) << i * columns;
		write_bits(writer, joined, count * columns);
	}
}

/* --- where bits can be picked --------------------------------------------------------------- */

#ifdef HAVE_WIDER
__attribute__((target("bmi2"))) static void
pairs_bmi2(const uint64_t *x, uint64_t words, uint64_t *pairs)
{
	const uint64_t even = UINT64_C(0x5555555555555555);
	uint64_t i;

	for (i = 0; i + 1 < words; i += 2)
		pairs[i / 2] = _pext_u64(x[i] | x[i] >> 1, even) |
			       _pext_u64(x[i + 1] | x[i + 1] >> 1, even) << 32;
	if (i < words)
		pairs[i / 2] = _pext_u64(x[i] | x[i] >> 1, even);
}

__attribute__((target("bmi2"))) static void
rows_bmi2(const uint64_t *pairs, uint64_t from, uint64_t rows, uint64_t columns,
	  struct bit_writer *writer)
{
	uint64_t at_once = LONG / columns, row, count, even = 0, i;

	for (i = 0; i < at_once; i++)
		even |= low_bits(columns) << 2 * columns * i;
	for (row = 0; row < rows; row += count, from += 2 * columns * count) {
		count = less(rows - row, at_once);
		write_bits(writer, _pext_u64(join_rows(pairs, from, count, columns), even),
			   count * columns);
	}
}

/* AMD's before Zen 3 do it bit by bit. */
static bool
picks_fast(void)
{
	return __builtin_cpu_supports("bmi2") && !__builtin_cpu_is("bdver4") &&
	       !__builtin_cpu_is("znver1") && !__builtin_cpu_is("znver2");
}
#endif

const struct halve_kernels *
halve_kernels_plain(void)
{
	static const struct halve_kernels plain = { pairs_plain, rows_plain };

	return &plain;
}

const struct halve_kernels *
halve_kernels(void)
{
#ifdef HAVE_WIDER
	static const struct halve_kernels bmi2 = { pairs_bmi2, rows_bmi2 };

	if (picks_fast())
		return &bmi2;
#endif
	return halve_kernels_plain();
}

/* --- planes -------------------------------------------------------------------------------- */

static void
join_long_rows(const uint64_t *pairs, uint64_t from, uint64_t rows, uint64_t columns,
	       struct bit_writer *writer)
{
	uint64_t row, column;

	for (row = 0; row < rows; row++, from += 2 * columns)
		for (column = 0; column < columns; column += LONG) {
			uint64_t count = less(columns - column, LONG);
			uint64_t any = bits_at(pairs, from + column) |
				       bits_at(pairs, from + columns + column);

			write_bits(writer, any & low_bits(count), count);
		}
}

/* Rows of an even number of pixels are one long row: pairs first, then every row with the
 * next. */
void
halve_bits(const struct halve_kernels *kernels, const struct window *w, uint64_t planes,
	   const uint64_t *x, uint64_t *pairs, uint64_t *out)
{
	uint64_t rows = (uint64_t)w->out[0], columns = (uint64_t)w->out[1], plane;
	struct bit_writer writer = { .to = out };

	kernels->pairs(x, bit_words(planes * w->area), pairs);
	if (w->in[0] % 2 == 0) { /* then planes follow each other like rows */
		rows *= planes;
		planes = 1;
	}
	for (plane = 0; plane < planes; plane++)
		if (columns > LONG)
			join_long_rows(pairs, plane * (w->area / 2), rows, columns, &writer);
		else
			kernels->rows(pairs, plane * (w->area / 2), rows, columns, &writer);
	if (writer.filled)
		*writer.to = writer.word;
}
