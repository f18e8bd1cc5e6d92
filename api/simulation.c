/* simulation.c - what goes into a run: states, inputs, what is watched, how it is read. */
#include "api/simulation.h"

#include "api/options.h"

#include <string.h>
#include <unistd.h>

static const char *const encoding_names[] = { "direct", "poisson", "latency", "time" };
static const char *const decoding_names[] = { "count", "last", "maximum", "mean" };

enum { NAMES = 4, THREADS_MAX = 256 };

const char *
encoding_name(enum encoding encoding)
{
	return encoding_names[encoding];
}

const char *
decoding_name(enum decoding decoding)
{
	return decoding_names[decoding];
}

static snnfit_status
choose(const char *option, const char *name, const char *const names[NAMES], unsigned *out,
       snnfit_error *err)
{
	for (*out = 0; *out < NAMES; (*out)++)
		if (strcmp(name, names[*out]) == 0)
			return SNNFIT_OK;
	return error_set(err, SNNFIT_EUSAGE, "unknown %s '%.60s'; known are %s, %s, %s and %s",
			 option, name, names[0], names[1], names[2], names[3]);
}

/* A readout is read at its best moment: that is what it is trained for. */
enum decoding
decoding_by_default(const struct graph *graph)
{
	size_t i;

	if (!graph || graph->time != TIME_STEP)
		return DECODE_COUNT;
	for (i = 0; i < graph->population_count; i++) {
		const struct population *population = &graph->populations[i];

		if (!population->removed && population->output &&
		    population->kind == POPULATION_READOUT && population->state_count)
			return DECODE_MAXIMUM;
	}
	return DECODE_COUNT;
}

/* --- the model ---------------------------------------------------------------------- */

static void
note(struct simulation *simulation, const char *text)
{
	text_printf(&simulation->notes, "%s\n", text);
}

const Onnx__ValueInfoProto *
simulation_input(const struct simulation *simulation, const char *name)
{
	const Onnx__GraphProto *graph = onnx_model_proto(simulation->onnx)->graph;
	size_t i;

	for (i = 0; i < graph->n_input; i++)
		if (strcmp(graph->input[i]->name, name) == 0)
			return graph->input[i];
	return NULL;
}

snnfit_status
simulation_input_shape(const struct simulation *simulation, const char *name, int32_t *type,
		       uint32_t *rank, uint64_t *dims, snnfit_error *err)
{
	const Onnx__ValueInfoProto *info = simulation_input(simulation, name);
	const Onnx__TypeProto__Tensor *tensor;
	size_t d;

	tensor = info && info->type ? info->type->tensor_type : NULL;
	if (!tensor || !tensor->shape || tensor->shape->n_dim > TENSOR_DIMS_MAX ||
	    !type_bytes(tensor->elem_type))
		return error_set(err, SNNFIT_EUNSUPPORTED,
				 "input '%.100s' is no array of a known shape", name);
	*type = tensor->elem_type;
	*rank = (uint32_t)tensor->shape->n_dim;
	for (d = 0; d < *rank; d++) {
		const Onnx__TensorShapeProto__Dimension *dim = tensor->shape->dim[d];

		dims[d] = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
					  dim->dim_value > 0
				  ? (uint64_t)dim->dim_value
				  : 0;
	}
	return SNNFIT_OK;
}

/* --- inputs ------------------------------------------------------------------------------- */

static bool
is_state(const struct network *network, uint32_t slot)
{
	uint32_t i;

	for (i = 0; i < network->state_count; i++)
		if (network->states[i].input == slot)
			return true;
	return false;
}

/* Which dim that is not a number is time: the one that is called so, else the first
 * when another one is the batch. */
static bool
is_time_dim(const struct simulation *simulation, const char *name, uint32_t d,
	    const struct network_input *input)
{
	const Onnx__ValueInfoProto *info = simulation_input(simulation, name);
	const char *symbol = info->type->tensor_type->shape->dim[d]->dim_param;
	uint32_t k;

	if (simulation->network.state_count)
		return false;
	if (symbol && (!strncasecmp(symbol, "t", 1) || !strncasecmp(symbol, "seq", 3) ||
		       !strncasecmp(symbol, "steps", 5)))
		return true;
	for (k = 0; k < input->rank; k++)
		if (k != d && input->dims[k] == 1 && d == 0)
			return true;
	return false;
}

static snnfit_status
resolve_dims(struct simulation *simulation, const char *name, struct network_input *input,
	     snnfit_error *err)
{
	uint32_t d;

	for (d = 0; d < input->rank; d++) {
		if (input->dims[d])
			continue;
		if (!is_time_dim(simulation, name, d, input)) {
			input->dims[d] = 1;
			continue;
		}
		if (!simulation->options->steps)
			return error_set(err, SNNFIT_EUSAGE,
					 "input '%.100s' takes any number of time steps: say how "
					 "many with --steps T",
					 name);
		input->dims[d] = simulation->options->steps;
		simulation->time_open = true;
	}
	return SNNFIT_OK;
}

/* Behind the axis of the samples there is one of steps, of as many elements as the input takes. */
static bool
has_time(const struct array *array, uint64_t count)
{
	uint64_t each = array->count / array->dims[0];

	return array->rank > 1 && each % count == 0 && each / count == array->dims[1];
}

/* With an axis of time behind that of the samples, and as many elements each step as the input
 * takes. Of one step, too: what has no such axis would be read as if it had one. */
static snnfit_status
fit_time(struct simulation *simulation, const char *name, const struct array *array, uint64_t count,
	 snnfit_error *err)
{
	struct network *network = &simulation->network;
	const char *file = simulation->options->inputs;
	uint64_t each = array->count / array->dims[0];

	if (!has_time(array, count) || network->state_count == 0)
		return error_set(err, SNNFIT_EDATA,
				 "%s: a sample has %llu elements, input '%.100s' takes %llu a time "
				 "step, and --encoding time an axis of time behind that of the "
				 "samples",
				 file, (unsigned long long)each, name, (unsigned long long)count);
	if (!network->steps)
		network->steps = (uint32_t)array->dims[1];
	if (network->steps != array->dims[1])
		return error_set(err, SNNFIT_EDATA, "%s: has %llu time steps, not %u", file,
				 (unsigned long long)array->dims[1], network->steps);
	return SNNFIT_OK;
}

/* The data of a sample is the input's size, or that of one of its time steps. */
static snnfit_status
fit_data(struct simulation *simulation, const char *name, const struct array *array,
	 struct network_input *input, snnfit_error *err)
{
	struct network *network = &simulation->network;
	const char *file = simulation->options->inputs;
	snnfit_status status;
	uint64_t count, each;

	if (array->rank == 0 || array->dims[0] == 0)
		return error_set(err, SNNFIT_EDATA, "%s: holds no samples", file);
	if (network->samples && array->dims[0] != network->samples)
		return error_set(err, SNNFIT_EDATA,
				 "%s: %llu samples of '%.100s', %llu of another "
				 "input",
				 file, (unsigned long long)array->dims[0], name,
				 (unsigned long long)network->samples);
	network->samples = array->dims[0];
	each = array->count / array->dims[0];
	if (!dims_count(input->rank, input->dims, &count) || count == 0 || each == 0)
		return error_set(err, SNNFIT_EDATA, "%s: samples without elements", file);
	if (network->encoding == ENCODE_TIME && (network->state_count || each != count)) {
		status = fit_time(simulation, name, array, count, err);
		if (status != SNNFIT_OK)
			return status;
		each = count;
	}
	if (count % each || (count != each && network->state_count))
		return error_set(err, SNNFIT_EDATA,
				 "%s: a sample has %llu elements, input '%.100s' takes %llu%s",
				 file, (unsigned long long)each, name, (unsigned long long)count,
				 has_time(array, count) && network->state_count
					 ? "; if its first axis is time, say --encoding time"
					 : "");
	simulation->time_inside = count / each;
	input->each = each;
	input->values = array->values;
	return SNNFIT_OK;
}

static const struct array *
data_of(const struct simulation *simulation, const char *name, uint32_t number)
{
	char digits[16];
	size_t i;

	(void)snprintf(digits, sizeof digits, "%u", number);
	for (i = 0; i < simulation->samples->inputs.count; i++)
		if (strcmp(simulation->samples->inputs.items[i].name, name) == 0)
			return &simulation->samples->inputs.items[i];
	for (i = 0; i < simulation->samples->inputs.count; i++)
		if (strcmp(simulation->samples->inputs.items[i].name, digits) == 0)
			return &simulation->samples->inputs.items[i];
	return number == 0 ? arrays_find(&simulation->samples->inputs, "x") : NULL;
}

static snnfit_status
add_input(struct simulation *simulation, uint32_t slot, snnfit_error *err)
{
	struct network *network = &simulation->network;
	struct network_input *input = &network->inputs[network->input_count];
	const char *name = network->plan->slot_names[slot];
	const struct array *array = data_of(simulation, name, network->input_count);
	snnfit_status status;

	if (!array)
		return error_set(err, SNNFIT_EDATA,
				 "%s: has no array named \"%.100s\", which is an "
				 "input of the model",
				 simulation->options->inputs, name);
	*input = (struct network_input){ .slot = slot };
	status = simulation_input_shape(simulation, name, &input->type, &input->rank, input->dims,
					err);
	if (status == SNNFIT_OK)
		status = resolve_dims(simulation, name, input, err);
	if (status == SNNFIT_OK)
		status = fit_data(simulation, name, array, input, err);
	if (status != SNNFIT_OK)
		return status;
	if (network->input_count++ == 0) {
		network->scale_divisor = (float)simulation->options->input_divisor;
		if (network->scale_divisor == 0)
			network->scale_divisor = array->is_byte && type_is_float(input->type) ? 255
											      : 1;
	}
	return simulation_check_values(simulation, name, array, err);
}

static snnfit_status
list_inputs(struct simulation *simulation, snnfit_error *err)
{
	struct network *network = &simulation->network;
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	network->inputs = arena_zalloc(&simulation->arena, network->plan->graph.input_count,
				       sizeof *network->inputs);
	if (!network->inputs)
		return error_no_memory(err);
	for (i = 0; i < network->plan->graph.input_count && status == SNNFIT_OK; i++)
		if (!is_state(network, network->plan->graph.inputs[i]))
			status = add_input(simulation, network->plan->graph.inputs[i], err);
	if (status == SNNFIT_OK && network->input_count == 0)
		status = error_set(err, SNNFIT_EUNSUPPORTED, "the model has no inputs for data");
	return status;
}

/* --- labels ---------------------------------------------------------------------------------- */

static snnfit_status
check_labels(const struct simulation *simulation, snnfit_error *err)
{
	const struct array *classes = simulation->samples->classes;

	if (!classes || classes->count == simulation->network.samples)
		return SNNFIT_OK;
	return error_set(err, SNNFIT_EDATA, "%s: %llu labels for %llu samples",
			 simulation->options->labels, (unsigned long long)classes->count,
			 (unsigned long long)simulation->network.samples);
}

/* --- time, and what is watched ---------------------------------------------------- */

/* A model that has its time inside runs all of it: the steps asked for are those, as far
 * as they are known. One of a step may have lost its states on the way. */
static snnfit_status
check_steps_inside(const struct simulation *simulation, snnfit_error *err)
{
	const struct graph *graph = simulation->graph;
	uint64_t asked = simulation->options->steps, inside = simulation->time_inside;

	if (!asked || simulation->time_open || asked == inside || !graph ||
	    graph->time == TIME_STEP || graph->steps == 0 || asked == graph->steps)
		return SNNFIT_OK;
	if (graph->steps > inside)
		inside = graph->steps;
	return error_set(err, SNNFIT_EUSAGE,
			 "--steps %llu: the model has its time inside, %llu step%s, and runs all "
			 "of it; leave --steps out",
			 (unsigned long long)asked, (unsigned long long)inside,
			 inside == 1 ? "" : "s");
}

static snnfit_status
choose_steps(struct simulation *simulation, snnfit_error *err)
{
	struct network *network = &simulation->network;

	if (network->state_count == 0) {
		network->steps = 1; /* a run is all of its time */
		return check_steps_inside(simulation, err);
	}
	if (!network->steps && simulation->graph && simulation->graph->rates_steps <= UINT32_MAX)
		network->steps = (uint32_t)simulation->graph->rates_steps;
	if (!network->steps)
		return error_set(err, SNNFIT_EUSAGE,
				 "the model is one time step: say how many to run with --steps T");
	return SNNFIT_OK;
}

/* A spike tensor that is the model's to look at. */
static uint32_t
watched_slot(const struct plan *plan, const struct population *population)
{
	uint32_t i, slot = SLOT_NONE;

	for (i = 0; i < population->spike_tensor_count && slot == SLOT_NONE; i++)
		slot = population->body ? plan_slot_inside(plan, population->body,
							   population->spike_tensors[i])
					: plan_slot(plan, population->spike_tensors[i]);
	return slot;
}

/* A slot for each step that the file has; none if it is not known which they are. */
static uint32_t
watched_slots(const struct simulation *simulation, const struct population *population,
	      uint32_t *slots)
{
	const struct graph *graph = simulation->graph;
	const struct plan *plan = simulation->network.plan;
	uint32_t i;

	if (graph->time != TIME_UNROLLED) {
		slots[0] = watched_slot(plan, population);
		return slots[0] != SLOT_NONE;
	}
	if (population->spike_steps != graph->steps)
		return 0;
	for (i = 0; i < graph->steps; i++) {
		slots[i] = plan_slot(plan, population->spike_tensors[i]);
		if (slots[i] == SLOT_NONE)
			return 0;
	}
	return graph->steps;
}

static snnfit_status
list_watches(struct simulation *simulation, snnfit_error *err)
{
	const struct graph *graph = simulation->graph;
	struct network *network = &simulation->network;
	size_t count = graph && !simulation->outputs_only ? graph->population_count : 0, i;

	network->train_bytes = simulation->record_bytes;
	network->watches = arena_zalloc(&simulation->arena, count, sizeof *network->watches);
	if (!network->watches)
		return error_no_memory(err);
	for (i = 0; i < count; i++) {
		const struct population *population = &graph->populations[i];
		struct network_watch *watch = &network->watches[network->watch_count];
		uint32_t *slots = arena_alloc(&simulation->arena,
					      population->spike_tensor_count + 1, sizeof *slots);

		if (!slots)
			return error_no_memory(err);
		watch->slot_count = population->removed
					    ? 0
					    : watched_slots(simulation, population, slots);
		if (!watch->slot_count)
			continue;
		watch->slots = slots;
		watch->inside = population->body != NULL;
		watch->recorded = simulation->record_bytes &&
				  population->kind == POPULATION_SPIKING;
		watch->owner = (uint32_t)i;
		network->watch_count++;
	}
	if (count && network->watch_count == 0)
		note(simulation, "no rates of layers: their spikes in each step are not known");
	return SNNFIT_OK;
}

/* Populations that emit once in a step of the run, a slot each, but for the last: what is
 * inside of a loop, or spelled out step by step, is made anew each time. */
static snnfit_status
list_emitters(struct simulation *simulation, snnfit_error *err)
{
	const struct graph *graph = simulation->emissions ? simulation->graph : NULL;
	size_t count = graph && graph->time != TIME_UNROLLED ? graph->population_count : 0, i;
	struct network *network = &simulation->network;
	uint32_t *slots = arena_alloc(&simulation->arena, count, sizeof *slots), slot;

	if (!slots)
		return error_no_memory(err);
	network->emissions = simulation->emissions;
	network->emitters = slots;
	for (i = 0; i < count; i++) {
		const struct population *population = &graph->populations[i];

		if (population->removed || population->body)
			continue;
		slot = watched_slot(network->plan, population);
		if (slot != SLOT_NONE && slot != network->output)
			slots[network->emitter_count++] = slot;
	}
	return SNNFIT_OK;
}

/* The first output that is no state. */
static snnfit_status
choose_output(struct simulation *simulation, snnfit_error *err)
{
	struct network *network = &simulation->network;
	const struct plan_graph *graph = &network->plan->graph;
	uint32_t i, k;

	if (simulation->graph && simulation->graph->output_count) {
		network->output = plan_slot(network->plan, simulation->graph->outputs[0]);
		if (network->output != SLOT_NONE)
			return SNNFIT_OK;
	}
	for (i = 0; i < graph->output_count; i++) {
		bool fed_back = false;

		for (k = 0; k < network->state_count; k++)
			fed_back = fed_back || network->states[k].output == graph->outputs[i];
		if (fed_back)
			continue;
		network->output = graph->outputs[i];
		return SNNFIT_OK;
	}
	return error_set(err, SNNFIT_EUNSUPPORTED, "the model has no output but its states");
}

static uint32_t
thread_count(uint32_t asked)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (asked)
		return asked < THREADS_MAX ? asked : THREADS_MAX;
	return processors < 1 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (uint32_t)processors;
}

static snnfit_status
read_codes(struct simulation *simulation, snnfit_error *err)
{
	const snnfit_simulate_options *options = simulation->options;
	struct network *network = &simulation->network;
	unsigned chosen = ENCODE_DIRECT;
	snnfit_status status = SNNFIT_OK;

	if (options->encoding)
		status = choose("encoding", options->encoding, encoding_names, &chosen, err);
	network->encoding = (enum encoding)chosen;
	chosen = decoding_by_default(simulation->graph);
	if (options->decoding && status == SNNFIT_OK)
		status = choose("decoding", options->decoding, decoding_names, &chosen, err);
	network->decoding = (enum decoding)chosen;
	network->steps = options->steps;
	network->seed = options->seed;
	network->threads = thread_count(options->threads);
	network->progress = options->progress;
	network->progress_context = options->progress_context;
	return status;
}

snnfit_status
simulation_prepare(struct simulation *simulation, snnfit_error *err)
{
	struct network *network = &simulation->network;
	snnfit_status status = read_codes(simulation, err);

	if (status == SNNFIT_OK)
		status = plan_new(&network->plan, simulation->onnx, err);
	if (status == SNNFIT_OK)
		status = states_list(simulation, err);
	if (status == SNNFIT_OK)
		status = list_inputs(simulation, err);
	if (status == SNNFIT_OK)
		status = check_labels(simulation, err);
	if (status == SNNFIT_OK)
		status = states_set_initial(simulation, err);
	if (status == SNNFIT_OK)
		status = choose_steps(simulation, err);
	if (status == SNNFIT_OK)
		status = list_watches(simulation, err);
	if (status == SNNFIT_OK)
		status = choose_output(simulation, err);
	if (status == SNNFIT_OK)
		status = list_emitters(simulation, err);
	return status;
}

snnfit_status
simulation_check_classes(const struct simulation *simulation, snnfit_error *err)
{
	const struct array *classes = simulation->samples->classes;
	uint64_t count = simulation->network.classes, i;

	for (i = 0; classes && i < classes->count; i++)
		if (classes->values[i] >= (float)count)
			return error_set(err, SNNFIT_EDATA,
					 "%s: label %llu is %.0f, but the network has %llu classes",
					 simulation->options->labels, (unsigned long long)i,
					 (double)classes->values[i], (unsigned long long)count);
	return SNNFIT_OK;
}

uint64_t
simulation_class(const struct simulation *simulation, uint64_t sample)
{
	const struct network *network = &simulation->network;
	const float *scores = network->scores + sample * network->classes;
	uint64_t c, best = 0;

	for (c = 1; c < network->classes; c++)
		if (scores[c] > scores[best])
			best = c;
	return best;
}

void
simulation_free(struct simulation *simulation)
{
	network_free(&simulation->network);
	plan_free(simulation->network.plan);
	text_free(&simulation->notes);
	arena_free(&simulation->arena);
}
