#include "simulator/bits.h"
#include "simulator/pool_bits.h"
#include "simulator/vectors.h"
#include "simulator/window.h"

#include <math.h>
#include <string.h>

/* Output i of the call, [N, C, out...]. */
static void *
pool_output(struct call *call, const struct tensor *x, const struct window *w, uint32_t i,
	    int32_t type)
{
	uint64_t dims[TENSOR_DIMS_MAX];
	uint32_t d;

	dims[0] = x->dims[0];
	dims[1] = x->dims[1];
	for (d = 0; d < w->rank; d++)
		dims[2 + d] = (uint64_t)w->out[d];
	return call_output(call, i, type, x->rank, dims);
}

/* Which elements of a plane each window sees, found once for all planes. */
struct sights {
	uint64_t *first;  /* [positions + 1] into at */
	uint64_t *at;	  /* in the plane */
	uint32_t *padded; /* [positions]: elements, those in the pads included */
};

static snnfit_status
look(struct call *call, const struct window *w, struct tensor *scratch, struct sights *out)
{
	uint64_t position, tap, count = 0, all;
	char *memory;

	if (__builtin_mul_overflow(w->positions, w->taps, &all) || all > UINT32_MAX)
		return call_fail(call, SNNFIT_ELIMIT, "windows too large");
	memory = call_scratch(call, scratch,
			      (w->positions + 1 + all) * sizeof(uint64_t) +
				      w->positions * sizeof(uint32_t));
	if (!memory)
		return call->status;
	out->first = (uint64_t *)(void *)memory;
	out->at = out->first + w->positions + 1;
	out->padded = (uint32_t *)(out->at + all);
	for (position = 0; position < w->positions; position++) {
		out->first[position] = count;
		out->padded[position] = 0;
		for (tap = 0; tap < w->taps; tap++) {
			bool padded;
			int64_t at = window_at(w, position, tap, &padded);

			out->padded[position] += padded;
			if (at >= 0)
				out->at[count++] = (uint64_t)at;
		}
	}
	out->first[w->positions] = count;
	return SNNFIT_OK;
}

static uint64_t
planes_of(const struct call *call, const struct tensor *x)
{
	return x->dims[0] * x->dims[1] * (call->laned ? call->lanes : 1);
}

/* --- maximum --------------------------------------------------------------------------- */

/* The usual pool, two by two pixels that are no other window's. */
static bool
is_halving(const struct window *w)
{
	uint32_t d;

	for (d = 0; d < w->rank; d++)
		if (w->kernel[d] != 2 || w->strides[d] != 2 || w->dilations[d] != 1 ||
		    w->begin[d] || w->end[d] || w->out[d] * 2 > w->in[d])
			return false;
	return w->rank == 2;
}

/* The larger; of equals, and beside NaN, the one there is already. */
static float
larger(float x, float best)
{
	return x > best ? x : best;
}

/* A row of windows over two rows of pixels. */
static void
halve_plain(const float *upper, const float *lower, uint64_t count, float *out)
{
	uint64_t i;

	for (i = 0; i < count; i++, upper += 2, lower += 2)
		out[i] = larger(lower[1],
				larger(lower[0], larger(upper[1], larger(upper[0], -INFINITY))));
}

#ifdef HAVE_WIDER
enum { EVEN = 0x88, ODD = 0xdd, MIDDLE_SWAPPED = 0xd8 };

__attribute__((target("avx2"))) static void
halve_avx2(const float *upper, const float *lower, uint64_t count, float *out)
{
	const __m256 none = _mm256_set1_ps(-INFINITY);
	uint64_t i = 0;

	for (; i + 8 <= count; i += 8, upper += 16, lower += 16) {
		__m256 a = _mm256_loadu_ps(upper), b = _mm256_loadu_ps(upper + 8);
		__m256 c = _mm256_loadu_ps(lower), d = _mm256_loadu_ps(lower + 8), best;

		best = _mm256_max_ps(_mm256_shuffle_ps(a, b, EVEN), none);
		best = _mm256_max_ps(_mm256_shuffle_ps(a, b, ODD), best);
		best = _mm256_max_ps(_mm256_shuffle_ps(c, d, EVEN), best);
		best = _mm256_max_ps(_mm256_shuffle_ps(c, d, ODD), best);
		best = _mm256_castpd_ps(
			_mm256_permute4x64_pd(_mm256_castps_pd(best), MIDDLE_SWAPPED));
		_mm256_storeu_ps(out + i, best);
	}
	if (i + 4 <= count) {
		__m128 a = _mm_loadu_ps(upper), b = _mm_loadu_ps(upper + 4);
		__m128 c = _mm_loadu_ps(lower), d = _mm_loadu_ps(lower + 4), best;

		best = _mm_max_ps(_mm_shuffle_ps(a, b, EVEN), _mm256_castps256_ps128(none));
		best = _mm_max_ps(_mm_shuffle_ps(a, b, ODD), best);
		best = _mm_max_ps(_mm_shuffle_ps(c, d, EVEN), best);
		best = _mm_max_ps(_mm_shuffle_ps(c, d, ODD), best);
		_mm_storeu_ps(out + i, best);
		i += 4;
		upper += 8;
		lower += 8;
	}
	halve_plain(upper, lower, count - i, out + i);
}
#endif

typedef void halve_row(const float *upper, const float *lower, uint64_t count, float *out);

static halve_row *
choose_halve(void)
{
#ifdef HAVE_WIDER
	if (__builtin_cpu_supports("avx2"))
		return halve_avx2;
#endif
	return halve_plain;
}

static void
halve_floats(const struct window *w, uint64_t planes, const float *x, float *out)
{
	uint64_t in = (uint64_t)w->in[1], columns = (uint64_t)w->out[1], plane;
	halve_row *halve = choose_halve();
	int64_t y;

	for (plane = 0; plane < planes; plane++, x += w->area)
		for (y = 0; y < w->out[0]; y++, out += columns)
			halve(x + 2 * (uint64_t)y * in, x + (2 * (uint64_t)y + 1) * in, columns,
			      out);
}

static snnfit_status
halve_spikes(struct call *call, const struct tensor *x, const struct window *w)
{
	uint64_t dims[4] = { x->dims[0], x->dims[1], (uint64_t)w->out[0], (uint64_t)w->out[1] };
	uint64_t words = bit_words(dims[0] * dims[1] * w->positions), lane;
	uint64_t lanes = call->laned ? call->lanes : 1;
	const struct halve_kernels *kernels = halve_kernels();
	struct tensor scratch;
	uint64_t *pairs = call_scratch(call, &scratch, (bit_words(x->count) + 1) * sizeof *pairs);
	uint64_t *out = pairs ? call_output_bits(call, 0, 4, dims) : NULL;

	for (lane = 0; lane < lanes && out; lane++)
		halve_bits(kernels, w, dims[0] * dims[1],
			   (const uint64_t *)x->data + lane * bit_words(x->count), pairs,
			   out + lane * words);
	if (pairs)
		call_scratch_free(call, &scratch);
	return call->status;
}

static void
max_floats(const struct sights *sights, const struct window *w, uint64_t planes, const float *x,
	   float *out)
{
	uint64_t plane, p, i;

	for (plane = 0; plane < planes; plane++, x += w->area) {
		for (p = 0; p < w->positions; p++) {
			float best = -INFINITY;

			for (i = sights->first[p]; i < sights->first[p + 1]; i++)
				best = larger(x[sights->at[i]], best);
			*out++ = best;
		}
	}
}

/* Row-major number in x of an element of a plane, or column by column. */
static int64_t
index_of(const struct window *w, uint64_t plane, uint64_t at, bool by_column)
{
	uint64_t index = 0, stride = 1, left = at;
	uint64_t coordinates[WINDOW_RANK_MAX];
	uint32_t d;

	if (!by_column)
		return (int64_t)(plane * w->area + at);
	for (d = w->rank; d-- > 0; left /= (uint64_t)w->in[d])
		coordinates[d] = left % (uint64_t)w->in[d];
	for (d = 0; d < w->rank; stride *= (uint64_t)w->in[d], d++)
		index += coordinates[d] * stride;
	return (int64_t)(plane * w->area + index);
}

static void
max_elements(const struct tensor *x, const struct sights *sights, const struct window *w,
	     uint64_t planes, bool by_column, void *out, int64_t *indices)
{
	size_t bytes = type_bytes(x->type);
	uint64_t plane, p, i, best;

	for (plane = 0; plane < planes; plane++) {
		for (p = 0; p < w->positions; p++) {
			uint64_t to = plane * w->positions + p;

			best = sights->first[p];
			for (i = best + 1; i < sights->first[p + 1]; i++)
				if (element_double(x->type, x->data,
						   plane * w->area + sights->at[i]) >
				    element_double(x->type, x->data,
						   plane * w->area + sights->at[best]))
					best = i;
			memcpy((char *)out + to * bytes,
			       (const char *)x->data + (plane * w->area + sights->at[best]) * bytes,
			       bytes);
			if (indices)
				indices[to] = index_of(w, plane % (x->dims[0] * x->dims[1]),
						       sights->at[best], by_column);
		}
	}
}

static bool
some_window_is_empty(const struct sights *sights, const struct window *w)
{
	uint64_t p;

	for (p = 0; p < w->positions; p++)
		if (sights->first[p] == sights->first[p + 1])
			return true;
	return false;
}

static snnfit_status
max_pool(struct call *call, const struct tensor *x, const struct window *w)
{
	bool by_column = node_int(call->node, "storage_order", 0) != 0;
	struct tensor scratch = { .type = TYPE_NONE };
	struct sights sights;
	int64_t *indices = NULL;
	snnfit_status status = look(call, w, &scratch, &sights);
	void *out;

	if (status == SNNFIT_OK && some_window_is_empty(&sights, w))
		status = call_fail(call, SNNFIT_EUNSUPPORTED, "a window that sees padding only");
	out = status == SNNFIT_OK ? pool_output(call, x, w, 0, x->type) : NULL;
	if (out && call_wants(call, 1)) {
		indices = pool_output(call, x, w, 1, TYPE_INT64);
		out = indices ? out : NULL;
	}
	if (out && x->type == TYPE_FLOAT && !indices)
		max_floats(&sights, w, planes_of(call, x), x->data, out);
	else if (out)
		max_elements(x, &sights, w, planes_of(call, x), by_column, out, indices);
	else if (status == SNNFIT_OK)
		status = call->status;
	call_scratch_free(call, &scratch);
	return status;
}

snnfit_status
run_max_pool(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	struct window window;
	snnfit_status status = window_read(call, x, NULL, &window);
	void *out;

	if (status == SNNFIT_OK && x->bits) {
		if (is_halving(&window) && window.in[1] % 2 == 0 && !call_wants(call, 1))
			return halve_spikes(call, x, &window);
		status = call_expand(call, 0);
	}
	if (status != SNNFIT_OK || x->type != TYPE_FLOAT || !is_halving(&window) ||
	    call_wants(call, 1))
		return status == SNNFIT_OK ? max_pool(call, x, &window) : status;
	out = pool_output(call, x, &window, 0, x->type);
	if (!out)
		return call->status;
	halve_floats(&window, planes_of(call, x), x->data, out);
	return SNNFIT_OK;
}

/* --- average --------------------------------------------------------------------------- */

/* Summed in float as the values come, or in double. */
static void
average_floats(const struct sights *sights, const struct window *w, uint64_t planes, bool padded,
	       const float *x, float *out)
{
	uint64_t plane, p, i;

	for (plane = 0; plane < planes; plane++, x += w->area) {
		for (p = 0; p < w->positions; p++) {
			uint64_t seen = sights->first[p + 1] - sights->first[p];
			float sum = 0;

			for (i = sights->first[p]; i < sights->first[p + 1]; i++)
				sum += x[sights->at[i]];
			*out++ = sum / (float)(padded ? sights->padded[p] : seen);
		}
	}
}

static void
average_elements(const struct tensor *x, const struct sights *sights, const struct window *w,
		 uint64_t planes, bool padded, void *out)
{
	uint64_t plane, p, i;

	for (plane = 0; plane < planes; plane++) {
		for (p = 0; p < w->positions; p++) {
			uint64_t seen = sights->first[p + 1] - sights->first[p];
			double sum = 0;

			for (i = sights->first[p]; i < sights->first[p + 1]; i++)
				sum += element_double(x->type, x->data,
						      plane * w->area + sights->at[i]);
			element_set_double(x->type, out, plane * w->positions + p,
					   sum / (double)(padded ? sights->padded[p] : seen));
		}
	}
}

static snnfit_status
average_pool(struct call *call, const struct tensor *x, const struct window *w)
{
	bool padded = node_int(call->node, "count_include_pad", 0) != 0;
	struct tensor scratch = { .type = TYPE_NONE };
	struct sights sights;
	snnfit_status status = look(call, w, &scratch, &sights);
	void *out = status == SNNFIT_OK ? pool_output(call, x, w, 0, x->type) : NULL;

	if (out && x->type == TYPE_FLOAT)
		average_floats(&sights, w, planes_of(call, x), padded, x->data, out);
	else if (out)
		average_elements(x, &sights, w, planes_of(call, x), padded, out);
	else if (status == SNNFIT_OK)
		status = call->status;
	call_scratch_free(call, &scratch);
	return status;
}

snnfit_status
run_average_pool(struct call *call)
{
	const struct tensor *x = call_input(call, 0);
	struct window window;
	snnfit_status status = window_read(call, x, NULL, &window);

	return status == SNNFIT_OK ? average_pool(call, x, &window) : status;
}

/* --- the whole plane --------------------------------------------------------------------- */

/* One window as large as the image; all dims behind the channel are one. */
static snnfit_status
whole_plane(struct call *call, const struct tensor *x, struct window *w)
{
	uint64_t area;

	if (!x || x->rank < 3)
		return call_fail(call, SNNFIT_EUNSUPPORTED, "it takes images");
	area = dims_product(x->dims, 2, x->rank);
	*w = (struct window){ .rank = 1, .positions = 1, .taps = area, .area = area };
	w->in[0] = w->kernel[0] = (int64_t)area;
	w->strides[0] = w->dilations[0] = w->out[0] = 1;
	return SNNFIT_OK;
}

/* The result has ones for every dim of the image. */
static void
give_back_rank(struct call *call, const struct tensor *x)
{
	uint32_t d;

	call->outputs[0].rank = x->rank;
	for (d = 2; d < x->rank; d++)
		call->outputs[0].dims[d] = 1;
}

static snnfit_status
global(struct call *call,
       snnfit_status (*pool)(struct call *, const struct tensor *, const struct window *))
{
	const struct tensor *x = call_input(call, 0);
	struct tensor flat;
	struct window w;
	snnfit_status status = whole_plane(call, x, &w);

	if (status != SNNFIT_OK)
		return status;
	flat = *x;
	flat.rank = 3;
	flat.dims[2] = w.area;
	status = pool(call, &flat, &w);
	if (status == SNNFIT_OK)
		give_back_rank(call, x);
	return status;
}

snnfit_status
run_global_average_pool(struct call *call)
{
	return global(call, average_pool);
}

snnfit_status
run_global_max_pool(struct call *call)
{
	return global(call, max_pool);
}
