#include "simulator/conv.h"

#include "simulator/set_bits.h"

#include <string.h>
#if defined __x86_64__ && defined __GNUC__
#include <immintrin.h>
#endif

enum { MASK_BITS = 64, TAPS_MAX = 8 }; /* of a row of the image, of the window */

/* A row of the image with its pads fits into a mask, a row of the window into a byte. */
uint64_t
conv_events_bytes(const struct conv *conv)
{
	const struct window *w = &conv->window;

	if (conv->x->type != TYPE_FLOAT || !conv->packed || w->rank != 2 || w->dilations[1] != 1 ||
	    w->kernel[1] > TAPS_MAX || w->in[1] + w->begin[1] + w->end[1] > MASK_BITS ||
	    (w->out[1] - 1) * w->strides[1] + w->kernel[1] > MASK_BITS)
		return 0;
	return conv->in_channels * (uint64_t)w->in[0] * sizeof(uint64_t) +
	       conv->depth * (sizeof(int64_t) + sizeof(float) + sizeof(uint32_t)) +
	       8 * sizeof(uint32_t);
}

bool
conv_events_look(struct conv_events *events, const struct conv *conv, const float *image,
		 bool *ones)
{
	const struct window *w = &conv->window;
	uint64_t rows = conv->in_channels * (uint64_t)w->in[0], row, found = 0;
	int64_t x;

	*ones = true;
	for (row = 0; row < rows; row++) {
		uint64_t mask = 0;
		unsigned others = 0;

		for (x = 0; x < w->in[1]; x++, image++) {
			mask |= (uint64_t)(*image != 0) << x;
			others |= *image != 0 && *image != 1;
		}
		*ones = *ones && !others;
		found += (uint64_t)__builtin_popcountll(mask);
		events->masks[row] = mask << w->begin[1];
	}
	return found <= rows * (uint64_t)w->in[1] / 2;
}

/* Puts the numbers of the bits of a byte, and what they count from, at the end of a
 * list that has room for eight. */
typedef void append_bits(uint32_t *end, uint64_t bits, uint32_t from);

/* The taps that are not 0, of the window whose first row is y and whose first column is
 * bit x of the masks. */
static inline __attribute__((always_inline)) uint64_t
list_taps(const struct conv_events *events, const struct conv *conv, int64_t y, int64_t x,
	  append_bits *append)
{
	const struct window *w = &conv->window;
	const uint64_t *masks = events->masks;
	uint64_t seen = (UINT64_C(1) << w->kernel[1]) - 1, channel, bits, count = 0;
	uint32_t k = 0;
	int64_t row;

	for (channel = 0; channel < conv->in_channels; channel++, masks += w->in[0]) {
		for (row = 0; row < w->kernel[0]; row++, k += (uint32_t)w->kernel[1]) {
			int64_t at = y + row * w->dilations[0];

			if (at < 0 || at >= w->in[0])
				continue;
			bits = masks[at] >> x & seen;
			append(events->indices + count, bits, k);
			count += (unsigned)__builtin_popcountll(bits);
		}
	}
	return count;
}

static inline void
append_plain(uint32_t *end, uint64_t bits, uint32_t from)
{
	uint64_t numbers = set_bits[bits];
	uint32_t i;

	for (i = 0; i < 8; i++)
		end[i] = from + (uint32_t)(numbers >> 8 * i & 0xff);
}

static uint64_t
list_plain(const struct conv_events *events, const struct conv *conv, int64_t y, int64_t x)
{
	return list_taps(events, conv, y, x, append_plain);
}

#if defined __x86_64__ && defined __GNUC__
#define HAVE_WIDER
__attribute__((target("avx2,popcnt"))) static inline void
append_avx2(uint32_t *end, uint64_t bits, uint32_t from)
{
	__m128i numbers = _mm_cvtsi64_si128((long long)set_bits[bits]);

	_mm256_storeu_si256((__m256i *)(void *)end, _mm256_add_epi32(_mm256_cvtepu8_epi32(numbers),
								     _mm256_set1_epi32((int)from)));
}

__attribute__((target("avx2,popcnt"))) static uint64_t
list_avx2(const struct conv_events *events, const struct conv *conv, int64_t y, int64_t x)
{
	return list_taps(events, conv, y, x, append_avx2);
}
#endif

static list_window *
choose_list(void)
{
#ifdef HAVE_WIDER
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt"))
		return list_avx2;
#endif
	return list_plain;
}

void
conv_events_init(struct conv_events *events, const struct conv *conv, void *memory)
{
	const struct window *w = &conv->window;
	uint64_t channel, k = 0;
	int64_t row, column;

	events->possible = true;
	events->kernels = dense_kernels();
	events->list = choose_list();
	events->masks = memory;
	events->offsets = (int64_t *)(events->masks + conv->in_channels * (uint64_t)w->in[0]);
	events->indices = (uint32_t *)(events->offsets + conv->depth);
	events->values = (float *)(events->indices + conv->depth + 8);
	for (channel = 0; channel < conv->in_channels; channel++)
		for (row = 0; row < w->kernel[0]; row++)
			for (column = 0; column < w->kernel[1]; column++)
				events->offsets[k++] = (int64_t)(channel * w->area) +
						       row * w->dilations[0] * w->in[1] + column;
}

static void
multiply_window(const struct conv_events *events, const struct packed *right, uint64_t count,
		bool ones, float *products)
{
	uint64_t panels = (right->columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS, panel, step, most;
	uint64_t panel_floats = right->rows * PANEL_COLUMNS;
	float sums[EVENT_PANELS * PANEL_COLUMNS];

	for (panel = 0; panel < panels; panel += step) {
		const float *at = right->data + panel * panel_floats;

		step = panels - panel >= 4 ? 4 : panels - panel >= 2 ? 2 : 1;
		if (ones)
			events->kernels->spikes(events->indices, count, at, panel_floats,
						(uint32_t)step, sums);
		else
			events->kernels->events(events->indices, events->values, count, at,
						panel_floats, (uint32_t)step, sums);
		most = right->columns - panel * PANEL_COLUMNS;
		if (most > step * PANEL_COLUMNS)
			most = step * PANEL_COLUMNS;
		memcpy(products + panel * PANEL_COLUMNS, sums, (size_t)most * sizeof *sums);
	}
}

uint64_t
conv_events_multiply(struct conv_events *events, const struct conv *conv,
		     const struct packed *right, const float *image, bool ones, uint64_t first,
		     uint64_t rows, float *products)
{
	const struct window *w = &conv->window;
	uint64_t row, i, count, all = 0;

	for (row = 0; row < rows; row++, products += conv->out_channels) {
		int64_t y = (int64_t)(first + row) / w->out[1] * w->strides[0] - w->begin[0];
		int64_t x = (int64_t)(first + row) % w->out[1] * w->strides[1];
		int64_t base = y * w->in[1] + x - w->begin[1];

		count = events->list(events, conv, y, x);
		for (i = 0; i < count && !ones; i++)
			events->values[i] = image[base + events->offsets[events->indices[i]]];
		multiply_window(events, right, count, ones, products);
		all += count;
	}
	return all;
}
