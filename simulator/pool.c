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

static void
max_floats(const struct sights *sights, const struct window *w, uint64_t planes, const float *x,
	   float *out)
{
	uint64_t plane, p, i;

	for (plane = 0; plane < planes; plane++, x += w->area) {
		for (p = 0; p < w->positions; p++) {
			float best = -INFINITY;

			for (i = sights->first[p]; i < sights->first[p + 1]; i++)
				best = x[sights->at[i]] > best ? x[sights->at[i]] : best;
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

	return status == SNNFIT_OK ? max_pool(call, x, &window) : status;
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
