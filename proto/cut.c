/* cut.c - some indices of every axis of a row-major array, in bounded pieces.
 *
 * A row is what the last axis that is cut spans: of it we keep runs of adjacent
 * indices. In the order of the output every run lies behind the one before, so
 * one window moving forwards over the source is enough. */
#include "proto/payload.h"

#include <stdlib.h>
#include <string.h>

enum {
	WINDOW_BYTES = 256 * 1024,
	DIRECT_BYTES = 16 * 1024, /* a run this long is read by itself */
	STRIDE_BYTES = 64,	  /* of copies of short runs, ... */
	SHORT_BYTES = 256,	  /* ... which are up to so long */
};

struct cut_run {
	uint64_t from; /* bytes from the beginning of a row of the source */
	uint64_t to;   /* and of a row of the output */
	uint64_t length;
};

struct cut {
	struct cut_shape shape;
	uint32_t axis;		 /* the last one cut */
	uint64_t row_bytes;	 /* of the source */
	uint64_t kept_row_bytes; /* of the output */
	struct cut_run *runs;
	size_t run_count;
};

/* Where in the output: a row and a run of it. */
struct place {
	uint64_t row_at; /* of the row in the source */
	uint64_t row;
	size_t run;
	uint64_t skip; /* bytes of the run that are behind us */
};

struct window {
	uint8_t *bytes;
	uint64_t at;
	size_t length;
};

static uint64_t
kept_of(const struct cut_shape *shape, uint32_t axis)
{
	return shape->keep[axis] ? shape->kept[axis] : shape->dims[axis];
}

/* --- making one -------------------------------------------------------------- */

static bool
copy_lists(struct cut_shape *shape, struct arena *arena)
{
	uint32_t d;

	for (d = 0; d < shape->rank; d++) {
		if (!shape->keep[d])
			continue;
		shape->keep[d] = arena_copy(arena, shape->keep[d], shape->kept[d],
					    sizeof *shape->keep[d]);
		if (!shape->keep[d])
			return false;
	}
	return true;
}

static uint32_t
last_cut_axis(const struct cut_shape *shape)
{
	uint32_t d = shape->rank - 1;

	while (d > 0 && !shape->keep[d])
		d--;
	return d;
}

static uint64_t
bytes_inside(const struct cut_shape *shape, uint32_t axis)
{
	uint64_t bytes = shape->element_bytes;
	uint32_t d;

	for (d = axis + 1; d < shape->rank; d++)
		bytes *= shape->dims[d]; /* no overflow: the whole array fits a file */
	return bytes;
}

static bool
find_runs(struct cut *cut, struct arena *arena, uint64_t inside)
{
	const uint32_t *keep = cut->shape.keep[cut->axis];
	uint32_t kept = cut->shape.kept[cut->axis], i;
	struct cut_run *run = NULL;

	cut->runs = arena_alloc(arena, keep ? kept : 1, sizeof *cut->runs);
	if (!cut->runs)
		return false;
	if (!keep) {
		cut->runs[cut->run_count++] = (struct cut_run){ 0, 0, cut->row_bytes };
		return true;
	}
	for (i = 0; i < kept; i++) {
		if (run && keep[i] == keep[i - 1] + 1) {
			run->length += inside;
			continue;
		}
		run = &cut->runs[cut->run_count++];
		*run = (struct cut_run){ keep[i] * inside, i * inside, inside };
	}
	return true;
}

snnfit_status
cut_new(struct payload *out, struct arena *arena, const struct payload *base,
	const struct cut_shape *shape, snnfit_error *err)
{
	struct cut *cut = arena_zalloc(arena, 1, sizeof *cut);
	uint64_t inside;
	uint32_t d;

	if (!cut)
		return error_no_memory(err);
	cut->shape = *shape;
	if (!copy_lists(&cut->shape, arena))
		return error_no_memory(err);
	cut->axis = last_cut_axis(shape);
	inside = bytes_inside(shape, cut->axis);
	cut->row_bytes = shape->dims[cut->axis] * inside;
	cut->kept_row_bytes = kept_of(shape, cut->axis) * inside;
	if (!find_runs(cut, arena, inside))
		return error_no_memory(err);
	*out = *base;
	out->cut = cut;
	out->length = cut->kept_row_bytes;
	for (d = 0; d < cut->axis; d++)
		out->length *= kept_of(shape, d);
	return SNNFIT_OK;
}

const struct cut_shape *
cut_shape_of(const struct cut *cut)
{
	return &cut->shape;
}

/* --- finding the way ---------------------------------------------------------- */

/* Where the given row of the output lies in the source. */
static uint64_t
row_in_source(const struct cut *cut, uint64_t row)
{
	uint64_t stride = cut->row_bytes, at = 0, index;
	uint32_t d = cut->axis;

	while (d-- > 0) {
		uint64_t kept = kept_of(&cut->shape, d);

		index = row % kept;
		row /= kept;
		at += (cut->shape.keep[d] ? cut->shape.keep[d][index] : index) * stride;
		stride *= cut->shape.dims[d];
	}
	return at;
}

/* The run that holds the byte of a row of the output: the last to begin there. */
static size_t
find_run(const struct cut *cut, uint64_t to)
{
	size_t low = 0, high = cut->run_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (cut->runs[middle].to <= to)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static struct place
find_place(const struct cut *cut, uint64_t offset)
{
	struct place place = { .row = offset / cut->kept_row_bytes };
	uint64_t to = offset % cut->kept_row_bytes;

	place.row_at = row_in_source(cut, place.row);
	place.run = find_run(cut, to);
	place.skip = to - cut->runs[place.run].to;
	return place;
}

static void
advance(const struct cut *cut, struct place *place, uint64_t bytes)
{
	place->skip += bytes;
	if (place->skip < cut->runs[place->run].length)
		return;
	place->skip = 0;
	if (++place->run < cut->run_count)
		return;
	place->run = 0;
	place->row_at = row_in_source(cut, ++place->row);
}

/* --- reading ------------------------------------------------------------------- */

/* A piece of the source through the window; long ones pass it by. */
static snnfit_status
fetch(const struct payload *payload, struct window *window, uint64_t at, uint8_t *out,
      size_t length, snnfit_error *err)
{
	uint64_t left = payload->source->size - payload->offset - at;
	snnfit_status status;

	if (length >= DIRECT_BYTES)
		return byte_source_read(payload->source, payload->offset + at, out, length, err);
	window->at = at;
	window->length = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
	status = byte_source_read(payload->source, payload->offset + at, window->bytes,
				  window->length, err);
	if (status != SNNFIT_OK)
		window->length = 0;
	else
		memcpy(out, window->bytes, length);
	return status;
}

/* In strides of fixed size, which are a few instructions each. */
static inline void
copy_short(uint8_t *out, const uint8_t *in, uint64_t length)
{
	uint64_t done = 0;

	do
		memcpy(out + done, in + done, STRIDE_BYTES);
	while ((done += STRIDE_BYTES) < length);
}

/* Whole runs that lie in the window, as long as there is room for a long copy:
 * most runs are some elements between two units that are gone. What is copied too
 * much is overwritten by the next. */
static size_t
gather_short(const struct cut *cut, const struct window *window, struct place *place, uint8_t *out,
	     size_t length)
{
	const struct cut_run *const runs = cut->runs;
	const size_t run_count = cut->run_count;
	const uint8_t *const bytes = window->bytes;
	const uint64_t begin = window->at, available = window->length;
	struct place now = *place; /* out may be anything to the compiler: keep it from memory */
	size_t done = 0;

	while (length - done >= SHORT_BYTES) {
		const uint64_t bytes_of_run = runs[now.run].length;
		const uint64_t at = now.row_at + runs[now.run].from - begin; /* huge if before */

		if (now.skip || bytes_of_run > SHORT_BYTES || at > available ||
		    SHORT_BYTES > available - at)
			break;
		copy_short(out + done, bytes + at, bytes_of_run);
		done += (size_t)bytes_of_run;
		if (++now.run == run_count) {
			now.run = 0;
			now.row_at = row_in_source(cut, ++now.row);
		}
	}
	*place = now;
	return done;
}

/* At least one byte of what the place points to. */
static snnfit_status
gather_one(const struct payload *payload, struct window *window, struct place *place, uint8_t *out,
	   size_t *length, snnfit_error *err)
{
	const struct cut_run *run = &payload->cut->runs[place->run];
	uint64_t at = place->row_at + run->from + place->skip;
	uint64_t left = run->length - place->skip;
	snnfit_status status = SNNFIT_OK;

	if (left < *length)
		*length = (size_t)left;
	if (at >= window->at && at - window->at + *length <= window->length)
		memcpy(out, window->bytes + (at - window->at), *length);
	else
		status = fetch(payload, window, at, out, *length, err);
	advance(payload->cut, place, *length);
	return status;
}

static snnfit_status
gather(const struct payload *payload, struct window *window, struct place *place, uint8_t *out,
       size_t length, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	size_t done;

	while (length > 0 && status == SNNFIT_OK) {
		done = gather_short(payload->cut, window, place, out, length);
		out += done;
		length -= done;
		if (length == 0)
			break;
		done = length;
		status = gather_one(payload, window, place, out, &done, err);
		out += done;
		length -= done;
	}
	return status;
}

snnfit_status
cut_read(const struct payload *payload, uint64_t offset, void *out, size_t length,
	 snnfit_error *err)
{
	struct window window = { 0 };
	struct place place;
	snnfit_status status;

	if (length == 0)
		return SNNFIT_OK;
	window.bytes = malloc(WINDOW_BYTES);
	if (!window.bytes)
		return error_no_memory(err);
	place = find_place(payload->cut, offset);
	status = gather(payload, &window, &place, out, length, err);
	free(window.bytes);
	return status;
}

/* --- writing ------------------------------------------------------------------- */

/* The output as a source, for a sink that takes it in order. */
struct cut_source {
	struct byte_source source; /* first, so that a source is its cut */
	const struct payload *payload;
	struct window *window;
	struct place *place;
	uint64_t *made; /* bytes so far */
};

static snnfit_status
make_next(const struct byte_source *source, uint64_t offset, void *out, size_t length,
	  snnfit_error *err)
{
	const struct cut_source *cut = (const struct cut_source *)source;

	if (offset != *cut->made)
		return error_set(err, SNNFIT_EINTERNAL, "a cut is not written in order");
	*cut->made += length;
	return gather(cut->payload, cut->window, cut->place, out, length, err);
}

snnfit_status
cut_stream(const struct payload *payload, struct byte_sink *sink, snnfit_error *err)
{
	struct window window = { 0 };
	struct place place;
	uint64_t made = 0;
	struct cut_source cut = {
		.source = { .fd = -1,
			    .size = payload->length,
			    .name = payload->source->name,
			    .make = make_next },
		.payload = payload,
		.window = &window,
		.place = &place,
		.made = &made,
	};
	snnfit_status status;

	if (payload->length == 0)
		return SNNFIT_OK;
	window.bytes = malloc(WINDOW_BYTES);
	if (!window.bytes)
		return error_no_memory(err);
	place = find_place(payload->cut, 0);
	status = byte_sink_copy(sink, &cut.source, 0, payload->length, err);
	free(window.bytes);
	return status;
}
