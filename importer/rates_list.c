#include "importer/rates_list.h"

#include "core/text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LISTED_MAX = 6 }; /* populations that a message lists */

/* --- context ------------------------------------------------------------ */

static bool
add_tensor(struct rates_context *context, const char *name, const Onnx__TensorProto *tensor)
{
	if (!name || !*name || !tensor)
		return true;
	if (!arena_grow(context->arena, &context->tensors, context->tensor_count,
			&context->tensor_capacity, sizeof(Onnx__TensorProto *)))
		return false;
	context->tensors[context->tensor_count] = tensor;
	return map_set(&context->weights, name, (uint32_t)context->tensor_count++);
}

static bool
add_constant(struct rates_context *context, const Onnx__NodeProto *node)
{
	size_t i;

	if (!node->op_type || strcmp(node->op_type, "Constant") || node->n_output != 1)
		return true;
	for (i = 0; i < node->n_attribute; i++)
		if (node->attribute[i]->t &&
		    !add_tensor(context, node->output[0], node->attribute[i]->t))
			return false;
	return true;
}

static bool
index_tensors(struct rates_context *context)
{
	const Onnx__GraphProto *graph;
	size_t i;

	map_init(&context->weights, context->arena);
	graph = context->model ? onnx_model_proto(context->model)->graph : NULL;
	for (i = 0; graph && i < graph->n_initializer; i++)
		if (!add_tensor(context, graph->initializer[i]->name, graph->initializer[i]))
			return false;
	for (i = 0; graph && i < graph->n_node; i++)
		if (!add_constant(context, graph->node[i]))
			return false;
	return true;
}

static bool
has_spike_tensor(const struct population *population, const char *name)
{
	uint32_t i;

	for (i = 0; i < population->spike_tensor_count; i++)
		if (strcmp(population->spike_tensors[i], name) == 0)
			return true;
	return false;
}

static bool
index_spike_tensors(struct rates_context *context, population_id id)
{
	const struct population *population = &context->graph->populations[id];
	uint32_t i;

	for (i = 0; i < population->spike_tensor_count; i++) {
		const char *name = population->spike_tensors[i];
		uint32_t other = map_get(&context->names, name);

		if (other != MAP_NONE && other != id &&
		    has_spike_tensor(&context->graph->populations[other], name) &&
		    !map_set(&context->shared, name, 1))
			return false;
		if (!map_set(&context->names, name, id))
			return false;
	}
	return true;
}

/* A tensor's name counts more than a population's, and the first population more
 * than later ones. */
static bool
index_names(struct rates_context *context)
{
	const struct graph *graph = context->graph;
	size_t i;

	map_init(&context->names, context->arena);
	map_init(&context->shared, context->arena);
	for (i = graph->population_count; i-- > 0;)
		if (!graph->populations[i].removed && graph->populations[i].name &&
		    !map_set(&context->names, graph->populations[i].name, (uint32_t)i))
			return false;
	for (i = graph->population_count; i-- > 0;)
		if (!graph->populations[i].removed && !index_spike_tensors(context, (uint32_t)i))
			return false;
	return true;
}

snnfit_status
rates_context_init(struct rates_context *context, struct arena *arena, struct graph *graph,
		   const struct onnx_model *model, snnfit_error *err)
{
	*context = (struct rates_context){ .arena = arena, .graph = graph, .model = model };
	if (!index_names(context) || !index_tensors(context))
		return error_no_memory(err);
	return SNNFIT_OK;
}

const Onnx__TensorProto *
rates_find_tensor(const struct rates_context *context, const char *name)
{
	uint32_t index = map_get(&context->weights, name);

	return index == MAP_NONE ? NULL : context->tensors[index];
}

/* --- shapes ------------------------------------------------------------- */

const char *
rates_shape_text(char *out, uint32_t rank, const uint64_t *shape)
{
	size_t length = 1;
	uint32_t i;

	out[0] = '[';
	for (i = 0; i < rank && length < SHAPE_TEXT_BYTES - 32; i++)
		length += (size_t)snprintf(out + length, SHAPE_TEXT_BYTES - length, "%s%llu",
					   i ? ", " : "", (unsigned long long)shape[i]);
	(void)snprintf(out + length, SHAPE_TEXT_BYTES - length, "%s]", i < rank ? ", ..." : "");
	return out;
}

/* Dimensions of 1 say nothing. Copies the others; returns how many. */
static uint32_t
squeeze(uint32_t rank, const uint64_t *shape, uint64_t *out)
{
	uint32_t i, kept = 0;

	for (i = 0; i < rank; i++)
		if (shape[i] != 1)
			out[kept++] = shape[i];
	return kept;
}

static bool
product(uint32_t rank, const uint64_t *shape, uint64_t *out)
{
	uint32_t i;

	*out = 1;
	for (i = 0; i < rank; i++)
		if (__builtin_mul_overflow(*out, shape[i], out))
			return false;
	return true;
}

enum rates_fit
rates_shape_fit(const struct rates_context *context, population_id population, uint32_t rank,
		const uint64_t *shape)
{
	uint64_t units = population_units(context->graph, population), count;
	uint64_t positions = context->graph->populations[population].positions;
	uint64_t dims[RATES_RANK_MAX];
	uint32_t kept = squeeze(rank, shape, dims);

	if (rank == 0 || !product(rank, shape, &count))
		return RATES_FIT_NONE;
	if (count == units && kept <= 1)
		return positions == 1 ? RATES_FIT_POSITIONS : RATES_FIT_UNITS;
	if (count != units * positions)
		return RATES_FIT_NONE;
	return kept <= 1 || units == 1 || dims[0] == units ? RATES_FIT_POSITIONS : RATES_FIT_NONE;
}

double
rates_entry_at(const struct rates_context *context, const struct rates_entry *entry, uint32_t unit,
	       uint32_t position)
{
	uint64_t positions = context->graph->populations[entry->population].positions;

	if (rates_shape_fit(context, entry->population, entry->rank, entry->shape) ==
	    RATES_FIT_UNITS)
		return entry->values[unit];
	return entry->values[unit * positions + position];
}

/* --- populations in messages -------------------------------------------- */

/* "l0.gemm [12] (spikes s0)" */
static void
describe(struct text *out, const struct graph *graph, population_id id)
{
	const struct population *population = &graph->populations[id];

	text_printf(out, "%.40s [%u", population->name, population_units(graph, id));
	if (population->positions > 1)
		text_printf(out, " x %u", population->positions);
	text_append(out, "]");
	if (population->spike_tensor_count)
		text_printf(out, " (spikes %.40s)", population->spike_tensors[0]);
}

/* Those that the shape fits; shape NULL: all. */
static void
describe_candidates(struct text *out, const struct rates_context *context, uint32_t rank,
		    const uint64_t *shape)
{
	const struct graph *graph = context->graph;
	size_t i, listed = 0;

	for (i = 0; i < graph->population_count; i++) {
		if (graph->populations[i].removed ||
		    (shape && !rates_shape_fit(context, (uint32_t)i, rank, shape)))
			continue;
		if (listed == LISTED_MAX) {
			text_append(out, ", ...");
			return;
		}
		text_append(out, listed++ ? ", " : "");
		describe(out, graph, (uint32_t)i);
	}
	if (listed == 0)
		text_append(out, "none");
}

snnfit_status
rates_refuse_with_candidates(const struct rates_list *list, uint32_t rank, const uint64_t *shape,
			     const char *message, snnfit_error *err)
{
	struct text candidates = { 0 };
	snnfit_status status;

	describe_candidates(&candidates, list->context, rank, shape);
	if (text_failed(&candidates))
		status = error_no_memory(err);
	else
		status = error_set(err, SNNFIT_EDATA, "%s: %s: %s", list->carrier, message,
				   candidates.chars);
	text_free(&candidates);
	return status;
}

/* --- adding ------------------------------------------------------------- */

static snnfit_status
refuse_named(const struct rates_list *list, const char *name, population_id id, uint32_t rank,
	     const uint64_t *shape, snnfit_error *err)
{
	const struct population *population = &list->context->graph->populations[id];
	char text[SHAPE_TEXT_BYTES], channels[48] = "";

	if (population->positions > 1)
		(void)snprintf(channels, sizeof channels, " of %u positions",
			       population->positions);
	return error_set(err, SNNFIT_EDATA,
			 "%s: rates of \"%.60s\": shape %s does not fit population %.60s, which "
			 "has %u units%s; give one rate a unit (or a unit and position)%s",
			 list->carrier, name, rates_shape_text(text, rank, shape), population->name,
			 population_units(list->context->graph, id), channels,
			 list->hint ? list->hint : "");
}

static snnfit_status
refuse_unknown(const struct rates_list *list, const char *name, uint32_t rank,
	       const uint64_t *shape, snnfit_error *err)
{
	char text[SHAPE_TEXT_BYTES], message[320];

	(void)snprintf(message, sizeof message,
		       "\"%.60s\" is no spike tensor of this model, and its shape %s fits no "
		       "population of it%s",
		       name, rates_shape_text(text, rank, shape), list->hint ? list->hint : "");
	return rates_refuse_with_candidates(list, 0, NULL, message, err);
}

static bool
fits_any(const struct rates_context *context, uint32_t rank, const uint64_t *shape)
{
	size_t i;

	for (i = 0; i < context->graph->population_count; i++)
		if (!context->graph->populations[i].removed &&
		    rates_shape_fit(context, (uint32_t)i, rank, shape))
			return true;
	return false;
}

static snnfit_status
check_shape(const struct rates_list *list, const char *name, uint32_t id, uint32_t rank,
	    const uint64_t *shape, snnfit_error *err)
{
	if (id != MAP_NONE && !rates_shape_fit(list->context, id, rank, shape))
		return refuse_named(list, name, id, rank, shape, err);
	if (id == MAP_NONE && !fits_any(list->context, rank, shape))
		return refuse_unknown(list, name, rank, shape, err);
	return SNNFIT_OK;
}

static snnfit_status
append(struct rates_list *list, const struct rates_entry *entry, struct rates_entry **out,
       snnfit_error *err)
{
	struct arena *arena = list->context->arena;

	list->value_count += entry->count;
	if (list->value_count > RATES_VALUES_MAX)
		return error_set(err, SNNFIT_ELIMIT, "%s: holds more than %d rates", list->carrier,
				 RATES_VALUES_MAX);
	if (!arena_grow(arena, &list->entries, list->count, &list->capacity, sizeof *entry))
		return error_no_memory(err);
	*out = &list->entries[list->count];
	**out = *entry;
	(*out)->name = arena_strdup(arena, entry->name);
	(*out)->values = arena_zalloc(arena, (size_t)entry->count, sizeof *entry->values);
	if (!(*out)->name || !(*out)->values)
		return error_no_memory(err);
	list->count++;
	return SNNFIT_OK;
}

static bool
is_taken(const struct rates_list *list, population_id id)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->entries[i].population == id)
			return true;
	return false;
}

/* A name that several bodies have stands for their populations in turn. */
static uint32_t
find_population(const struct rates_list *list, const char *name, uint32_t rank,
		const uint64_t *shape)
{
	const struct rates_context *context = list->context;
	uint32_t first = map_get(&context->names, name), id;

	if (first == MAP_NONE || map_get(&context->shared, name) == MAP_NONE)
		return first;
	for (id = first; id < context->graph->population_count; id++)
		if (!context->graph->populations[id].removed &&
		    has_spike_tensor(&context->graph->populations[id], name) &&
		    !is_taken(list, id) && rates_shape_fit(context, id, rank, shape))
			return id;
	return first;
}

snnfit_status
rates_list_add(struct rates_list *list, const char *name, const char *fingerprint, uint32_t rank,
	       const uint64_t *shape, struct rates_entry **out, snnfit_error *err)
{
	uint32_t id = rank > RATES_RANK_MAX ? MAP_NONE : find_population(list, name, rank, shape);
	struct rates_entry entry = { .name = name,
				     .fingerprint = fingerprint,
				     .rank = rank,
				     .population = id == MAP_NONE ? GRAPH_NONE : id };
	snnfit_status status;

	if (rank > RATES_RANK_MAX)
		return error_set(err, SNNFIT_EDATA,
				 "%s: rates of \"%.60s\": %u dimensions are too many",
				 list->carrier, name, rank);
	status = check_shape(list, name, id, rank, shape, err);
	if (status != SNNFIT_OK)
		return status;
	memcpy(entry.shape, shape, rank * sizeof *shape);
	(void)product(rank, shape, &entry.count); /* it fits a population */
	return append(list, &entry, out, err);
}

/* --- values ------------------------------------------------------------- */

static snnfit_status
check_entry(const struct rates_list *list, const struct rates_entry *entry, snnfit_error *err)
{
	uint64_t i;
	double value;

	for (i = 0; i < entry->count; i++) {
		value = entry->values[i];
		if (value >= 0.0 && value <= (double)FLT_MAX)
			continue;
		return error_set(err, SNNFIT_EDATA,
				 "%s: rates of \"%.100s\": the rate at index %llu is %.9g; %s",
				 list->carrier, entry->name, (unsigned long long)i, value,
				 isfinite(value) && value > 0.0
					 ? "no float can hold that"
					 : "a firing rate is finite and at least 0");
	}
	return SNNFIT_OK;
}

snnfit_status
rates_list_check(const struct rates_list *list, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < list->count && status == SNNFIT_OK; i++)
		status = check_entry(list, &list->entries[i], err);
	return status;
}
