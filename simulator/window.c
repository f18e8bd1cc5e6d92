#include "simulator/window.h"

#include <string.h>

static snnfit_status
numbers(struct call *call, const char *name, uint32_t count, int64_t fallback, int64_t least,
	int64_t *out)
{
	const Onnx__AttributeProto *list = node_attribute(call->node, name);
	uint32_t d;

	if (list && list->n_ints != count)
		return call_fail(call, SNNFIT_EFORMAT, "%s has %zu numbers for %u", name,
				 list->n_ints, count);
	for (d = 0; d < count; d++) {
		out[d] = list ? list->ints[d] : fallback;
		if (out[d] < least || out[d] > INT32_MAX)
			return call_fail(call, SNNFIT_EFORMAT, "%s of %lld", name,
					 (long long)out[d]);
	}
	return SNNFIT_OK;
}

/* SAME: as many windows as strides fit, the odd pad at the end (UPPER) or the
 * beginning (LOWER). */
static void
pad_same(struct window *w, uint32_t d, bool lower)
{
	int64_t windows = (w->in[d] + w->strides[d] - 1) / w->strides[d];
	int64_t reach = (w->kernel[d] - 1) * w->dilations[d] + 1;
	int64_t all = (windows - 1) * w->strides[d] + reach - w->in[d];

	if (all < 0)
		all = 0;
	w->begin[d] = lower ? all - all / 2 : all / 2;
	w->end[d] = all - w->begin[d];
}

static int64_t
windows_along(const struct window *w, uint32_t d, bool ceil_mode)
{
	int64_t reach = (w->kernel[d] - 1) * w->dilations[d] + 1;
	int64_t room = w->in[d] + w->begin[d] + w->end[d] - reach;
	int64_t count;

	if (room < 0)
		return 0;
	count = room / w->strides[d] + 1;
	/* Rounding up must not make a window that begins behind the image. */
	if (ceil_mode && room % w->strides[d] && count * w->strides[d] < w->in[d] + w->begin[d])
		count++;
	return count;
}

snnfit_status
window_read(struct call *call, const struct tensor *x, const uint64_t *kernel, struct window *w)
{
	char room[NODE_TEXT_BYTES];
	const char *pad = node_text(call->node, "auto_pad", "NOTSET", room);
	bool ceil_mode = node_int(call->node, "ceil_mode", 0) != 0;
	int64_t pads[2 * WINDOW_RANK_MAX];
	snnfit_status status = SNNFIT_OK;
	uint32_t d;

	if (!x || x->rank < 3 || x->rank > 2 + WINDOW_RANK_MAX)
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "it takes images of one to three "
				 "dimensions");
	w->rank = x->rank - 2;
	w->positions = w->taps = w->area = 1;
	if (!kernel)
		status = numbers(call, "kernel_shape", w->rank, 0, 1, w->kernel);
	for (d = 0; kernel && d < w->rank; d++)
		w->kernel[d] = (int64_t)kernel[d];
	if (status == SNNFIT_OK)
		status = numbers(call, "strides", w->rank, 1, 1, w->strides);
	if (status == SNNFIT_OK)
		status = numbers(call, "dilations", w->rank, 1, 1, w->dilations);
	if (status == SNNFIT_OK)
		status = numbers(call, "pads", 2 * w->rank, 0, 0, pads);
	for (d = 0; d < w->rank && status == SNNFIT_OK; d++) {
		w->in[d] = (int64_t)x->dims[2 + d];
		if (w->in[d] > INT32_MAX || w->kernel[d] > INT32_MAX)
			status = call_fail(call, SNNFIT_ELIMIT, "an image too large");
		w->begin[d] = pads[d];
		w->end[d] = pads[w->rank + d];
		if (!strncmp(pad, "SAME", 4))
			pad_same(w, d, !strcmp(pad, "SAME_LOWER"));
		else if (!strcmp(pad, "VALID"))
			w->begin[d] = w->end[d] = 0;
		w->out[d] = windows_along(w, d, ceil_mode);
		w->positions *= (uint64_t)w->out[d];
		w->taps *= (uint64_t)w->kernel[d];
		w->area *= (uint64_t)w->in[d];
	}
	return status;
}

int64_t
window_at(const struct window *w, uint64_t position, uint64_t tap, bool *padded)
{
	int64_t at = 0, stride = 1;
	bool inside = true;
	uint32_t d;

	*padded = true;
	for (d = w->rank; d-- > 0; stride *= w->in[d]) {
		int64_t window = (int64_t)(position % (uint64_t)w->out[d]);
		int64_t offset = (int64_t)(tap % (uint64_t)w->kernel[d]);
		int64_t i = window * w->strides[d] + offset * w->dilations[d] - w->begin[d];

		position /= (uint64_t)w->out[d];
		tap /= (uint64_t)w->kernel[d];
		inside = inside && i >= 0 && i < w->in[d];
		*padded = *padded && i < w->in[d] + w->end[d];
		at += i * stride;
	}
	return inside ? at : -1;
}
