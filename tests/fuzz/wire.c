/* wire.c - fuzz target: the walk over the wire format, and a message that is read and
 * written without being understood. Input: two bytes (limits), then the message.
 *
 * Promises: the walk sees the same in memory and in a file; events lie within what holds
 * them; what is written can be read again, is a fixed point, and is the message that came
 * in, by protobuf-c's own reading of both. */
#include "tests/fuzz/fuzz.h"

#include "proto/wire.h"
#include "proto/model.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PREFIX = 2, WHOLE = 0xff };

const size_t fuzz_prefix_bytes = PREFIX;

/* What a walk saw, summed up. */
struct seen {
	snnfit_status status;
	snnfit_error err;
	uint64_t events, hash;
};

static void
note(struct seen *seen, const struct wire_event *event)
{
	uint64_t words[] = { event->kind,   event->number, event->wire_type, event->begin,
			     event->length, event->value,  event->shortest };

	seen->events++;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		seen->hash = (seen->hash ^ words[i]) * UINT64_C(0x100000001b3);
}

static struct seen
walk(const struct byte_source *source, uint32_t depth, uint64_t messages)
{
	struct seen seen = { .status = SNNFIT_OK };
	struct wire_event event = { .kind = WIRE_ENTER };
	struct wire_walk walk;
	uint64_t open = 0, at = 0;

	seen.status = wire_walk_init(&walk, source, &onnx__model_proto__descriptor, depth, messages,
				     &seen.err);
	while (seen.status == SNNFIT_OK && event.kind != WIRE_END) {
		seen.status = wire_walk_next(&walk, &event, &seen.err);
		if (seen.status != SNNFIT_OK)
			break;
		note(&seen, &event);
		MUST(event.begin >= at && event.content + event.length <= source->size);
		at = event.kind == WIRE_ENTER ? event.content : event.content + event.length;
		open += event.kind == WIRE_ENTER;
		open -= event.kind == WIRE_LEAVE;
		MUST(open <= depth && event.message);
		if (event.kind == WIRE_LEAVE || event.kind == WIRE_END)
			at = event.begin;
	}
	MUST(seen.status != SNNFIT_OK || (open == 0 && at == source->size));
	must_explain(seen.status, &seen.err);
	wire_walk_free(&walk);
	return seen;
}

/* A file of our own with these bytes. */
static int
file_with(const uint8_t *bytes, size_t length)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("input", MFD_CLOEXEC);
	MUST(fd >= 0 && ftruncate(fd, 0) == 0);
	MUST(pwrite(fd, bytes, length, 0) == (ssize_t)length);
	return fd;
}

static void
walk_both_ways(const uint8_t *bytes, size_t length, uint32_t depth, uint64_t messages)
{
	struct byte_source memory = { .bytes = bytes, .fd = -1, .size = length, .name = "memory" };
	struct byte_source file = { .fd = file_with(bytes, length),
				    .size = length,
				    .name = "file" };
	struct seen a = walk(&memory, depth, messages), b = walk(&file, depth, messages);

	MUST(a.status == b.status && a.events == b.events && a.hash == b.hash);
	MUST(a.status == SNNFIT_OK || strcmp(a.err.text, b.err.text) == 0);
}

/* protobuf-c's own reading, packed again; NULL when it can't read it (it knows no groups). */
static uint8_t *
by_protobuf(const void *bytes, size_t length, size_t *packed)
{
	Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, length, bytes);
	uint8_t *out;

	if (!model)
		return NULL;
	*packed = onnx__model_proto__get_packed_size(model);
	out = malloc(*packed + !*packed);
	MUST(out && onnx__model_proto__pack(model, out) == *packed);
	onnx__model_proto__free_unpacked(model, NULL);
	return out;
}

static void
must_mean_the_same(const void *before, size_t length_before, const void *after, size_t length_after)
{
	size_t a_length, b_length;
	uint8_t *a = by_protobuf(before, length_before, &a_length);
	uint8_t *b = a ? by_protobuf(after, length_after, &b_length) : NULL;

	MUST(!a || b);
	MUST(!a || (a_length == b_length && memcmp(a, b, a_length) == 0));
	free(a);
	free(b);
}

/* Reads and writes; NULL when it is refused. */
static void *
rewritten(const void *bytes, size_t length, size_t *out_length)
{
	struct onnx_model *model;
	snnfit_error err;
	snnfit_status status = onnx_model_decode_bytes(&model, bytes, length, NULL, NULL, &err);
	void *out = NULL;

	must_explain(status, &err);
	if (status != SNNFIT_OK)
		return NULL;
	status = onnx_model_write_bytes(model, &out, out_length, &err);
	must_explain(status, &err);
	onnx_model_free(model);
	return out;
}

static void
round_trip(const uint8_t *bytes, size_t length)
{
	size_t first_length, second_length;
	void *first = rewritten(bytes, length, &first_length), *second;

	if (!first)
		return;
	second = rewritten(first, first_length, &second_length);
	MUST(second && second_length == first_length && memcmp(first, second, first_length) == 0);
	must_mean_the_same(bytes, length, first, first_length);
	free(first);
	free(second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < PREFIX)
		return -1;
	walk_both_ways(data + PREFIX, size - PREFIX, data[0] == WHOLE ? 100 : data[0] % 16,
		       data[1] == WHOLE ? 1 << 20 : data[1]);
	round_trip(data + PREFIX, size - PREFIX);
	return 0;
}
