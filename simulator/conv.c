/* conv.c - convolutions, and the way that any of them can go: as products, a row for each
 * position of the window, with what the window sees there. */
#include "simulator/conv.h"

#include <string.h>

enum { ROWS_AT_ONCE = 384 };

snnfit_status
prepare_conv(struct plan *plan, const struct plan_node *node, snnfit_error *err)
{
	int64_t groups = node_int(node, "group", 1);

	snnfit_status status;

	if (node->input_count < 2 || groups < 1 || groups > INT32_MAX)
		return SNNFIT_OK;
	status = plan_pack(plan, node->inputs[1], PACK_KERNELS, (uint32_t)groups, err);
	if (status == SNNFIT_OK)
		status = tables_make(plan, node->inputs[1], (uint32_t)groups, err);
	return status;
}

/* An image of one dimension is one row. */
static struct window
plane_of(const struct window *w)
{
	struct window plane = *w;

	if (w->rank == 2)
		return plane;
	if (w->rank > 2)
		return (struct window){ .rank = 0 };
	plane.rank = 2;
	plane.in[1] = w->in[0];
	plane.out[1] = w->out[0];
	plane.kernel[1] = w->kernel[0];
	plane.strides[1] = w->strides[0];
	plane.dilations[1] = w->dilations[0];
	plane.begin[1] = w->begin[0];
	plane.end[1] = w->end[0];
	plane.in[0] = plane.out[0] = plane.kernel[0] = plane.strides[0] = plane.dilations[0] = 1;
	plane.begin[0] = plane.end[0] = 0;
	return plane;
}

static snnfit_status
read_conv(struct call *call, struct conv *conv)
{
	int64_t groups = node_int(call->node, "group", 1);
	const struct tensor *x = call_input(call, 0), *w = call_input(call, 1);
	snnfit_status status;

	if (!x || !w || x->type == TYPE_NONE || w->type == TYPE_NONE || w->rank < 3 ||
	    x->rank != w->rank || groups < 1)
		return call_fail(call, SNNFIT_EFORMAT, "it takes images and kernels of one rank");
	conv->x = x;
	conv->w = w;
	conv->bias = NULL;
	conv->groups = (uint64_t)groups;
	conv->in_channels = w->dims[1];
	conv->out_channels = w->dims[0] / conv->groups;
	if (x->dims[1] != conv->in_channels * conv->groups || w->dims[0] % conv->groups)
		return call_fail(call, SNNFIT_EUNSUPPORTED,
				 "%llu channels for kernels of %llu in "
				 "%llu groups",
				 (unsigned long long)x->dims[1],
				 (unsigned long long)conv->in_channels,
				 (unsigned long long)conv->groups);
	status = window_read(call, x, w->dims + 2, &conv->window);
	if (status != SNNFIT_OK)
		return status;
	conv->plane = plane_of(&conv->window);
	conv->depth = conv->in_channels * conv->window.taps;
	conv->packed = conv->tables = NULL;
	if (conv->groups <= UINT32_MAX) {
		conv->packed = plan_packed(call->machine->plan, call->node->inputs[1], PACK_KERNELS,
					   (uint32_t)conv->groups);
		conv->tables = plan_packed(call->machine->plan, call->node->inputs[1], PACK_TABLES,
					   (uint32_t)conv->groups);
	}
	return SNNFIT_OK;
}

static void
gather_padded(const struct conv *conv, const char *image, size_t bytes, uint64_t position,
	      char *row)
{
	uint64_t tap, channel;

	for (tap = 0; tap < conv->window.taps; tap++) {
		bool padded;
		int64_t at = window_at(&conv->window, position, tap, &padded);

		for (channel = 0; channel < conv->in_channels; channel++) {
			char *to = row + (channel * conv->window.taps + tap) * bytes;

			if (at < 0)
				memset(to, 0, bytes);
			else
				memcpy(to,
				       image + (channel * conv->window.area + (uint64_t)at) * bytes,
				       bytes);
		}
	}
}

/* The inner part of an image: the window's rows are runs of the image's rows. */
static void
gather_inner(const struct conv *conv, const char *image, size_t bytes, uint64_t position, char *row)
{
	const struct window *w = &conv->window;
	size_t run = (size_t)w->kernel[w->rank - 1] * bytes;
	uint64_t runs = w->taps / (uint64_t)w->kernel[w->rank - 1], channel, i;
	bool padded;

	for (channel = 0; channel < conv->in_channels; channel++)
		for (i = 0; i < runs; i++, row += run)
			memcpy(row,
			       image + (channel * w->area +
					(uint64_t)window_at(w, position,
							    i * (uint64_t)w->kernel[w->rank - 1],
							    &padded)) *
					       bytes,
			       run);
}

static bool
window_is_inner(const struct window *w, uint64_t position)
{
	bool padded;

	return w->dilations[w->rank - 1] == 1 && window_at(w, position, 0, &padded) >= 0 &&
	       window_at(w, position, w->taps - 1, &padded) >= 0;
}

static void
put_floats(const float *products, uint64_t rows, uint64_t channels, float *out, uint64_t positions)
{
	uint64_t row, channel;

	for (channel = 0; channel < channels; channel++, out += positions)
		for (row = 0; row < rows; row++)
			out[row] = products[row * channels + channel];
}

/* Products [position][channel] to where they belong: [channel][position]. */
static void
put_products(const char *products, size_t bytes, uint64_t rows, uint64_t channels, char *out,
	     uint64_t positions)
{
	uint64_t row, channel;

	if (bytes == sizeof(float)) {
		put_floats((const float *)(const void *)products, rows, channels,
			   (float *)(void *)out, positions);
		return;
	}
	for (channel = 0; channel < channels; channel++)
		for (row = 0; row < rows; row++)
			memcpy(out + (channel * positions + row) * bytes,
			       products + (row * channels + channel) * bytes, bytes);
}

/* The products of positions by rows of what each window sees. */
static snnfit_status
multiply_rows(struct call *call, const struct conv *conv, struct product *product,
	      const char *image, uint64_t first, char *rows)
{
	size_t bytes = type_bytes(conv->x->type);
	uint64_t row;

	for (row = 0; row < product->rows; row++) {
		char *to = rows + row * conv->depth * bytes;

		if (window_is_inner(&conv->window, first + row))
			gather_inner(conv, image, bytes, first + row, to);
		else
			gather_padded(conv, image, bytes, first + row, to);
	}
	return multiply_arrays(call, product);
}

static void
add_bias(const struct conv *conv, uint64_t channel, char *out)
{
	uint64_t positions = conv->window.positions, end = channel + conv->out_channels, i, at = 0;
	int32_t type = conv->x->type;

	for (; channel < end; channel++)
		for (i = 0; i < positions; i++, at++)
			if (type == TYPE_FLOAT)
				((float *)(void *)out)[at] +=
					((const float *)conv->bias->data)[channel];
			else
				element_set_double(
					type, out, at,
					element_double(type, out, at) +
						element_double(type, conv->bias->data, channel));
}

/* Memory for the ways; a way without memory is not to be taken. */
struct conv_memory {
	char *rows, *products, *direct;
	bool can_look, tables;
	struct conv_image seen;
};

/* By products of matrices, some windows at a time. */
static snnfit_status
convolve_rows(struct call *call, const struct conv *conv, struct conv_memory *memory,
	      uint64_t group, const char *image, char *out)
{
	const struct window *w = &conv->window;
	size_t bytes = type_bytes(conv->x->type);
	struct product product = { .depth = conv->depth, .columns = conv->out_channels };
	snnfit_status status = SNNFIT_OK;
	uint64_t first;

	product.type = conv->x->type;
	product.left = memory->rows;
	product.out = memory->products;
	product.right = (const char *)conv->w->data +
			group * conv->out_channels * conv->depth * bytes;
	product.right_row_stride = 1;
	product.right_column_stride = conv->depth;
	product.packed = conv->packed ? &conv->packed[group] : NULL;
	for (first = 0; first < w->positions && status == SNNFIT_OK; first += product.rows) {
		product.rows = w->positions - first < ROWS_AT_ONCE ? w->positions - first
								   : ROWS_AT_ONCE;
		status = multiply_rows(call, conv, &product, image, first, memory->rows);
		put_products(memory->products, bytes, product.rows, conv->out_channels,
			     out + first * bytes, w->positions);
	}
	if (status == SNNFIT_OK && conv->bias)
		add_bias(conv, group * conv->out_channels, out);
	return status;
}

/* One group of channels of one image. */
static snnfit_status
convolve_group(struct call *call, const struct conv *conv, struct conv_memory *memory,
	       uint64_t group, const char *image, char *out)
{
	const struct packed *packed = conv->packed ? &conv->packed[group] : NULL;
	const float *floats = (const float *)(const void *)image, *bias = NULL;
	float *to = (float *)(void *)out;

	if (!memory->can_look || !packed->finite)
		return convolve_rows(call, conv, memory, group, image, out);
	if (conv->bias)
		bias = (const float *)conv->bias->data + group * conv->out_channels;
	if (conv->x->bits)
		conv_image_look_bits(&memory->seen, conv, (const uint64_t *)(const void *)image);
	else
		conv_image_look(&memory->seen, conv, floats);
	if (memory->seen.ones && memory->tables)
		tables_convolve(&memory->seen, conv, &conv->tables[group], bias, to);
	else if (memory->direct)
		direct_convolve(conv, packed, floats, bias, to, memory->direct);
	else
		return convolve_rows(call, conv, memory, group, image, out);
	count_operations(call, memory->seen.nonzeros, conv->out_channels);
	return SNNFIT_OK;
}

/* Memory for all ways that may be taken; false: see call->status. */
static bool
allocate(struct call *call, const struct conv *conv, struct tensor *scratch,
	 struct conv_memory *memory)
{
	uint64_t rows = conv->window.positions < ROWS_AT_ONCE ? conv->window.positions
							      : ROWS_AT_ONCE;
	uint64_t row_bytes = rows * conv->depth * type_bytes(conv->x->type);
	uint64_t product_bytes = rows * conv->out_channels * type_bytes(conv->x->type);
	uint64_t direct = (direct_bytes(conv) + 63) / 64 * 64;
	bool tables = tables_fit(conv);
	/* An image is looked at to choose between ways: without one of them it is not. */
	uint64_t look = conv->packed && (tables || direct) ? conv_image_bytes(conv) : 0;
	char *at = call_scratch(call, scratch, row_bytes + product_bytes + direct + look + 2 * 64);

	if (!at)
		return false;
	memory->rows = at;
	memory->products = at + row_bytes;
	at += (row_bytes + product_bytes + 63) / 64 * 64;
	memory->direct = direct ? at : NULL;
	memory->can_look = look != 0;
	memory->tables = tables;
	if (look)
		conv_image_init(&memory->seen, conv, at + direct);
	return true;
}

/* Whether spikes can stay bits: one image of one group, that goes by tables. */
static bool
takes_bits(const struct conv *conv)
{
	return conv->groups == 1 && conv->x->dims[0] == 1 && tables_fit(conv) &&
	       conv_image_bytes(conv) && conv->packed[0].finite;
}

static snnfit_status
convolve(struct call *call, const struct conv *conv)
{
	const struct window *w = &conv->window;
	size_t bytes = type_bytes(conv->x->type);
	uint64_t dims[TENSOR_DIMS_MAX], images, image, group;
	uint64_t in_size = conv->x->bits ? bit_words(conv->x->count) * sizeof(uint64_t)
					 : conv->in_channels * w->area * bytes;
	uint64_t out_size = conv->out_channels * w->positions * bytes;
	struct tensor scratch = { .type = TYPE_NONE };
	struct conv_memory memory;
	snnfit_status status = SNNFIT_OK;
	uint32_t d;
	char *out;

	dims[0] = conv->x->dims[0];
	dims[1] = conv->groups * conv->out_channels;
	for (d = 0; d < w->rank; d++)
		dims[2 + d] = (uint64_t)w->out[d];
	out = call_output(call, 0, conv->x->type, conv->x->rank, dims);
	if (!out || !allocate(call, conv, &scratch, &memory))
		return call->status;
	images = dims[0] * (call->laned ? call->lanes : 1);
	for (image = 0; image < images; image++) {
		const char *from = (const char *)conv->x->data +
				   (conv->x->laned ? image : image % dims[0]) * conv->groups *
					   in_size;

		for (group = 0; group < conv->groups && status == SNNFIT_OK; group++)
			status = convolve_group(call, conv, &memory, group, from + group * in_size,
						out + (image * conv->groups + group) * out_size);
	}
	call_scratch_free(call, &scratch);
	return status;
}

snnfit_status
run_conv(struct call *call)
{
	struct conv conv;
	snnfit_status status = read_conv(call, &conv);

	if (status != SNNFIT_OK)
		return status;
	conv.bias = call_input(call, 2);
	if (conv.w->laned || (conv.bias && conv.bias->laned)) {
		status = call_expand(call, 0);
		return status == SNNFIT_OK ? call_by_lane(call) : status;
	}
	if (conv.x->type != conv.w->type || (conv.bias && conv.bias->type != conv.x->type))
		return call_fail(call, SNNFIT_EFORMAT, "inputs of different types");
	if (conv.bias && conv.bias->count != conv.w->dims[0])
		return call_fail(call, SNNFIT_EFORMAT, "a bias of another size");
	if (conv.x->bits && !takes_bits(&conv))
		status = call_expand(call, 0);
	return status == SNNFIT_OK ? convolve(call, &conv) : status;
}

/* x as int32, less its zero point: one, or one for each index of the first axis. */
static snnfit_status
centred(struct call *call, const struct tensor *x, const struct tensor *zero, struct tensor *out)
{
	uint64_t outer = zero && zero->count > 1 ? zero->count : 1, each = x->count / outer, i;
	snnfit_status status;

	if (zero && (zero->count == 0 || (outer > 1 && outer != x->dims[0])))
		return call_fail(call, SNNFIT_EUNSUPPORTED, "zero points that do not go with it");
	status = tensor_allocate(out, &call->machine->pool, TYPE_INT32, x->rank, x->dims, 1, false,
				 call->err);
	for (i = 0; status == SNNFIT_OK && i < x->count; i++)
		((int32_t *)out->data)[i] =
			(int32_t)(element_int(x->type, x->data, i) -
				  (zero ? element_int(zero->type, zero->data, i / each) : 0));
	return status;
}

snnfit_status
run_conv_integer(struct call *call)
{
	struct tensor x = { .type = TYPE_NONE }, w = x;
	struct conv conv;
	snnfit_status status = read_conv(call, &conv);

	if (status == SNNFIT_OK)
		status = centred(call, conv.x, call_input(call, 2), &x);
	if (status == SNNFIT_OK)
		status = centred(call, conv.w, call_input(call, 3), &w);
	if (status == SNNFIT_OK) {
		conv.x = &x;
		conv.w = &w;
		status = convolve(call, &conv);
	}
	tensor_release(&x, &call->machine->pool);
	tensor_release(&w, &call->machine->pool);
	return status;
}
