#include "proto/expand.h"

#include "proto/wire.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What an exporter hangs into a model that was read at the limit of depth. */
enum { DEPTH_MORE = 64 };

/* A message that the walk is in. */
struct expand_frame {
	size_t length_at; /* its length prefix in the packed bytes */
	size_t prefix;	  /* bytes of it */
	uint64_t length;  /* packed */
	uint64_t grown;	  /* by what the payloads in it add */
	size_t edit;	  /* index + 1 of the edit of its prefix; 0: none yet */
};

struct planner {
	struct expansion *expansion;
	struct wire_walk walk;
	struct expand_frame *frames; /* parallel to those of the walk */
	snnfit_error *err;
};

static snnfit_status
add_edit(struct planner *planner, const struct expand_edit *edit)
{
	struct expansion *expansion = planner->expansion;
	size_t capacity = expansion->edit_capacity ? expansion->edit_capacity * 2 : 64;
	struct expand_edit *grown;

	if (expansion->edit_count == expansion->edit_capacity) {
		grown = realloc(expansion->edits, capacity * sizeof *grown);
		if (!grown)
			return error_no_memory(planner->err);
		expansion->edits = grown;
		expansion->edit_capacity = capacity;
	}
	expansion->edits[expansion->edit_count++] = *edit;
	return SNNFIT_OK;
}

/* Every message around a payload gets a new length. The outer ones stand before
 * the inner ones, so the edits come in the order of the bytes. */
static snnfit_status
edit_lengths_around(struct planner *planner)
{
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	for (i = 1; i < planner->walk.depth && status == SNNFIT_OK; i++) {
		struct expand_frame *frame = &planner->frames[i];

		if (frame->edit)
			continue;
		status = add_edit(planner, &(struct expand_edit){ .at = frame->length_at,
								  .skip = frame->prefix });
		frame->edit = planner->expansion->edit_count;
	}
	return status;
}

/* Bytes that the field takes in the file; false when more than can be counted. */
static bool
expanded_bytes(const struct payload *payload, uint32_t field, uint64_t *bytes)
{
	*bytes = payload->length;
	if (field == PAYLOAD_WHOLE_FIELD)
		return true;
	return !__builtin_add_overflow(*bytes,
				       wire_varint_bytes(wire_tag(field, WIRE_LENGTH)) +
					       wire_varint_bytes(payload->length),
				       bytes) &&
	       *bytes <= INT64_MAX;
}

static snnfit_status
plan_payload(struct planner *planner, const struct wire_event *event)
{
	const struct onnx_model *model = planner->expansion->model;
	const uint8_t *content = planner->expansion->packed + event->content;
	struct expand_edit edit = {
		.at = (size_t)event->begin,
		.skip = (size_t)(event->content + event->length - event->begin),
		.is_payload = true,
		.placeholder = placeholder_get(content),
	};
	uint64_t bytes;
	snnfit_status status;

	if (event->length != PLACEHOLDER_BYTES || edit.placeholder.index >= model->payload_count ||
	    !expanded_bytes(&model->payloads[edit.placeholder.index], edit.placeholder.field,
			    &bytes))
		return error_set(planner->err, SNNFIT_EINTERNAL,
				 "the model refers to a payload that it does not have");
	status = edit_lengths_around(planner);
	if (status != SNNFIT_OK)
		return status;
	/* May be less than the placeholder takes: unsigned numbers wrap around. */
	planner->frames[planner->walk.depth - 1].grown += bytes - edit.skip;
	return add_edit(planner, &edit);
}

static void
plan_enter(struct planner *planner, const struct wire_event *event)
{
	size_t prefix = wire_varint_bytes(event->length);

	planner->frames[planner->walk.depth - 1] = (struct expand_frame){
		.length_at = (size_t)event->content - prefix,
		.prefix = prefix,
		.length = event->length,
	};
}

static void
plan_leave(struct planner *planner)
{
	const struct expand_frame *frame = &planner->frames[planner->walk.depth];
	uint64_t length = frame->length + frame->grown;

	if (!frame->edit)
		return;
	planner->expansion->edits[frame->edit - 1].length = length;
	planner->frames[planner->walk.depth - 1].grown += frame->grown + wire_varint_bytes(length) -
							  frame->prefix;
}

static snnfit_status
plan_all(struct planner *planner)
{
	struct wire_event event = { .kind = WIRE_LEAVE };
	snnfit_status status = SNNFIT_OK;

	while (status == SNNFIT_OK && event.kind != WIRE_END) {
		status = wire_walk_next(&planner->walk, &event, planner->err);
		if (status != SNNFIT_OK)
			break;
		if (event.kind == WIRE_ENTER)
			plan_enter(planner, &event);
		else if (event.kind == WIRE_LEAVE)
			plan_leave(planner);
		else if (event.kind == WIRE_UNKNOWN && event.number == PLACEHOLDER_FIELD)
			status = plan_payload(planner, &event);
	}
	return status;
}

static snnfit_status
plan(struct expansion *expansion, snnfit_error *err)
{
	const struct byte_source packed = {
		.bytes = expansion->packed,
		.fd = -1,
		.size = expansion->packed_length,
		.name = "the new model",
	};
	uint32_t depth = expansion->model->source->limits.depth;
	struct planner planner = { .expansion = expansion, .err = err };
	snnfit_status status;

	depth = depth > UINT32_MAX - DEPTH_MORE ? depth : depth + DEPTH_MORE;
	status = wire_walk_init(&planner.walk, &packed, &onnx__model_proto__descriptor, depth,
				UINT64_MAX, err);
	planner.frames = calloc((size_t)depth + 1, sizeof *planner.frames);
	if (status == SNNFIT_OK && !planner.frames)
		status = error_no_memory(err);
	if (status == SNNFIT_OK)
		status = plan_all(&planner);
	if (status == SNNFIT_OK)
		expansion->length = expansion->packed_length + planner.frames[0].grown;
	free(planner.frames);
	wire_walk_free(&planner.walk);
	return status;
}

snnfit_status
expansion_init(struct expansion *expansion, const struct onnx_model *model, snnfit_error *err)
{
	size_t length = onnx__model_proto__get_packed_size(model->proto);
	snnfit_status status;

	*expansion = (struct expansion){ .model = model, .packed_length = length };
	if (length > INT_MAX)
		return error_set(err, SNNFIT_ELIMIT,
				 "the model without its tensor data is larger than 2 GB");
	expansion->packed = malloc(length ? length : 1);
	if (!expansion->packed)
		return error_no_memory(err);
	(void)onnx__model_proto__pack(model->proto, expansion->packed);
	status = plan(expansion, err);
	if (status != SNNFIT_OK)
		expansion_free(expansion);
	return status;
}

void
expansion_free(struct expansion *expansion)
{
	free(expansion->packed);
	free(expansion->edits);
	*expansion = (struct expansion){ 0 };
}

/* --- writing ------------------------------------------------------------------------- */

static snnfit_status
write_varint(struct byte_sink *sink, uint64_t value, snnfit_error *err)
{
	uint8_t bytes[WIRE_VARINT_MAX];

	return byte_sink_write(sink, bytes, wire_varint_put(bytes, value), err);
}

static snnfit_status
write_payload(const struct onnx_model *model, const struct expand_edit *edit,
	      struct byte_sink *sink, snnfit_error *err)
{
	const struct payload *payload = &model->payloads[edit->placeholder.index];
	snnfit_status status = SNNFIT_OK;

	if (edit->placeholder.field != PAYLOAD_WHOLE_FIELD) {
		status = write_varint(sink, wire_tag(edit->placeholder.field, WIRE_LENGTH), err);
		if (status == SNNFIT_OK)
			status = write_varint(sink, payload->length, err);
	}
	return status == SNNFIT_OK ? payload_stream(payload, sink, err) : status;
}

snnfit_status
expansion_stream(const struct expansion *expansion, struct byte_sink *sink, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	size_t i, at = 0;

	for (i = 0; i < expansion->edit_count && status == SNNFIT_OK; i++) {
		const struct expand_edit *edit = &expansion->edits[i];

		status = byte_sink_write(sink, expansion->packed + at, edit->at - at, err);
		if (status != SNNFIT_OK)
			break;
		if (edit->is_payload)
			status = write_payload(expansion->model, edit, sink, err);
		else
			status = write_varint(sink, edit->length, err);
		at = edit->at + edit->skip;
	}
	if (status == SNNFIT_OK)
		status = byte_sink_write(sink, expansion->packed + at,
					 expansion->packed_length - at, err);
	return status;
}
