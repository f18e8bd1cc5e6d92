/* run_operators.c - runs models on given inputs with the simulator's interpreter.
 *
 *     run_operators [starve]
 *
 * Reads lines from stdin, tab-separated: MODEL, OUT, then a TensorProto file for each
 * input ("-": left out). Writes output i as OUT.i.bin and says about each model, in
 * one line, "ok" with "type:d,d" for each output, or "error:" and why. Each model runs
 * alone, and for three samples at once: what comes out must be the same.
 * starve: then one allocation fails of each chain of calls that no earlier line went through
 * (chains.h); the model must say that memory is short, or run all the same, and leave nothing
 * allocated. */
#include "../unit/failing_allocator.h"
#include "chains.h"
#include "core/file.h"
#include "simulator/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 64, LANES = 3 };

struct job {
	char *model, *out;
	Onnx__TensorProto *inputs[FIELDS_MAX]; /* NULL: left out */
	uint32_t input_count;
	char shape[4096]; /* of the outputs, as said */
};

static Onnx__TensorProto *
read_proto(const char *path)
{
	Onnx__TensorProto *proto = NULL;
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;
	long size;

	if (file && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0) {
		bytes = malloc((size_t)size + 1);
		rewind(file);
		if (bytes && fread(bytes, 1, (size_t)size, file) == (size_t)size)
			proto = onnx__tensor_proto__unpack(NULL, (size_t)size, bytes);
	}
	if (file)
		fclose(file);
	free(bytes);
	return proto;
}

/* For several lanes: as many copies. */
static snnfit_status
spread(struct tensor *tensor, struct machine *machine, snnfit_error *err)
{
	size_t bytes = (size_t)tensor->count * type_bytes(tensor->type);
	struct tensor copies;
	uint32_t lane;
	snnfit_status status = tensor_allocate(&copies, &machine->pool, tensor->type, tensor->rank,
					       tensor->dims, machine->lanes, true, err);

	for (lane = 0; status == SNNFIT_OK && lane < machine->lanes; lane++)
		memcpy((char *)copies.data + lane * bytes, tensor->data, bytes);
	tensor_release(tensor, &machine->pool);
	*tensor = copies;
	return status;
}

static snnfit_status
set_input(struct machine *machine, uint32_t slot, const Onnx__TensorProto *proto, snnfit_error *err)
{
	struct tensor tensor;
	snnfit_status status = tensor_load(&tensor, &machine->pool, machine->plan->model, proto,
					   err);

	if (status == SNNFIT_OK && machine->lanes > 1)
		status = spread(&tensor, machine, err);
	if (status == SNNFIT_OK)
		machine_set(machine, slot, tensor);
	return status;
}

static snnfit_status
run(struct machine *machine, const struct plan *plan, uint32_t lanes, const struct job *job,
    snnfit_error *err)
{
	snnfit_status status = machine_init(machine, plan, lanes, 0, err);
	uint32_t i;

	for (i = 0; i < plan->graph.input_count && i < job->input_count && status == SNNFIT_OK; i++)
		if (job->inputs[i])
			status = set_input(machine, plan->graph.inputs[i], job->inputs[i], err);
	if (status == SNNFIT_OK)
		status = machine_run(machine, &plan->graph, err);
	return status;
}

static snnfit_status
same_in_lanes(const struct tensor *one, const struct tensor *many, uint32_t output,
	      snnfit_error *err)
{
	size_t bytes = (size_t)one->count * type_bytes(one->type);
	uint32_t lane;

	if (one->type != many->type || one->count != many->count || one->rank != many->rank)
		return error_set(err, SNNFIT_EINTERNAL, "output %u of lanes has another shape",
				 output);
	for (lane = 0; lane < (many->laned ? LANES : 1); lane++)
		if (memcmp(one->data, (char *)many->data + lane * bytes, bytes) != 0)
			return error_set(err, SNNFIT_EINTERNAL, "output %u differs in lane %u",
					 output, lane);
	return SNNFIT_OK;
}

/* In the type that the model says: small floats are computed with as float. */
static int32_t
declared_type(const struct plan *plan, uint32_t output)
{
	const Onnx__GraphProto *graph = onnx_model_proto(plan->model)->graph;

	return graph->output[output]->type->tensor_type->elem_type;
}

static snnfit_status
write_elements(const struct tensor *tensor, int32_t type, const char *path, snnfit_error *err)
{
	size_t bytes = type_bytes(type);
	char *data = malloc((size_t)tensor->count * bytes + 1);
	snnfit_status status;
	uint64_t i;

	if (!data)
		return error_no_memory(err);
	for (i = 0; i < tensor->count; i++)
		if (type == tensor->type)
			memcpy(data + i * bytes, (char *)tensor->data + i * bytes, bytes);
		else
			element_set_double(type, data, i,
					   element_double(tensor->type, tensor->data, i));
	status = file_write(path, data, (size_t)tensor->count * bytes, err);
	free(data);
	return status;
}

static snnfit_status
keep(const struct plan *plan, const struct tensor *tensor, struct job *job, uint32_t i,
     snnfit_error *err)
{
	int32_t type = declared_type(plan, i);
	size_t used = strlen(job->shape), room = sizeof job->shape;
	char path[4096];
	uint32_t d;

	if (type_computed(type) != tensor->type)
		return error_set(err, SNNFIT_EINTERNAL, "output %u is %s", i,
				 type_name(tensor->type));
	used += (size_t)snprintf(job->shape + used, room - used, " %d:", type);
	for (d = 0; d < tensor->rank && used < room; d++)
		used += (size_t)snprintf(job->shape + used, room - used, "%s%" PRIu64, d ? "," : "",
					 tensor->dims[d]);
	(void)snprintf(path, sizeof path, "%s.%u.bin", job->out, i);
	return write_elements(tensor, type, path, err);
}

static snnfit_status
run_plan(const struct plan *plan, struct job *job, snnfit_error *err)
{
	struct machine one, many = { .slots = NULL };
	snnfit_status status = run(&one, plan, 1, job, err);
	uint32_t i;

	if (status == SNNFIT_OK)
		status = run(&many, plan, LANES, job, err);
	for (i = 0; i < plan->graph.output_count && status == SNNFIT_OK; i++) {
		const struct tensor *tensor = &one.slots[plan->graph.outputs[i]];

		if (tensor->type == TYPE_NONE)
			status = error_set(err, SNNFIT_EUNSUPPORTED, "output %u is no array", i);
		else
			status = same_in_lanes(tensor, &many.slots[plan->graph.outputs[i]], i, err);
		if (status == SNNFIT_OK)
			status = keep(plan, tensor, job, i, err);
	}
	machine_free(&one);
	if (many.slots)
		machine_free(&many);
	return status;
}

static snnfit_status
run_model(struct job *job, snnfit_error *err)
{
	struct onnx_model *model = NULL;
	struct plan *plan = NULL;
	snnfit_status status = onnx_model_read(&model, job->model, NULL, err);

	job->shape[0] = '\0';
	if (status == SNNFIT_OK)
		status = plan_new(&plan, model, err);
	if (status == SNNFIT_OK)
		status = run_plan(plan, job, err);
	plan_free(plan);
	onnx_model_free(model);
	return status;
}

/* Allocation n fails. */
static snnfit_status
starve_once(struct job *job, long n, snnfit_error *err)
{
	long before = allocated;
	snnfit_status status;

	failing->left = n;
	status = run_model(job, err);
	if (failing->left < 0 && status == SNNFIT_ENOMEM)
		status = SNNFIT_OK;
	failing->left = -1;
	if (allocated != before)
		return error_set(err, SNNFIT_EINTERNAL, "allocation %ld: %ld leaked", n,
				 allocated - before);
	return status;
}

static snnfit_status
starve(struct job *job, snnfit_error *err)
{
	snnfit_status status;
	long n, next = 0;

	chains_begin();
	status = run_model(job, err);
	chains_end();
	while (status == SNNFIT_OK && (n = chains_next(&next)) >= 0)
		status = starve_once(job, n, err);
	return status;
}

static bool
parse(char *line, struct job *job)
{
	char *save = NULL, *field;

	job->model = strtok_r(line, "\t\n", &save);
	job->out = strtok_r(NULL, "\t\n", &save);
	while ((field = strtok_r(NULL, "\t\n", &save)) && job->input_count < FIELDS_MAX) {
		bool is_there = strcmp(field, "-") != 0;
		Onnx__TensorProto *input = is_there ? read_proto(field) : NULL;

		if (is_there && !input)
			return false;
		job->inputs[job->input_count++] = input;
	}
	return job->model && job->out;
}

static void
run_line(char *line, bool starved)
{
	struct job job = { .input_count = 0 };
	snnfit_error err = { .text = "it has no file, or an input is no TensorProto" };
	snnfit_status status = parse(line, &job) ? run_model(&job, &err) : SNNFIT_EIO;
	uint32_t i;

	if (status == SNNFIT_OK && starved)
		status = starve(&job, &err);
	if (status == SNNFIT_OK)
		printf("ok%s\n", job.shape);
	else
		printf("error: %s\n", err.text);
	for (i = 0; i < job.input_count; i++)
		if (job.inputs[i])
			onnx__tensor_proto__free_unpacked(job.inputs[i], NULL);
}

int
main(int argc, char **argv)
{
	bool starved = argc > 1 && strcmp(argv[1], "starve") == 0;
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		run_line(line, starved);
		(void)fflush(stdout);
	}
	free(line);
	return 0;
}
