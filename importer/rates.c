#include "importer/rates.h"

#include "importer/rates_list.h"

#include <math.h>
#include <string.h>

/* Rates that two carriers give are the same up to what float32 and a decimal
 * text lose. */
static const double SAME = 1e-6;

/* Order of precedence. */
static const struct carrier {
	const char *name;
	snnfit_status (*read)(struct rates_list *list, snnfit_error *err);
} model_carriers[] = {
	{ "metadata snn.firing_rates", rates_read_metadata },
	{ "annotation FIRING_RATE_TENSOR", rates_read_annotations },
	{ "node metadata snn.firing_rate", rates_read_node_metadata },
	{ "value metadata snn.firing_rate", rates_read_value_metadata },
	{ "node attribute firing_rates", rates_read_attributes },
};

struct attach {
	struct rates_context *context;
	const struct rates_entry **given; /* [population] by this carrier */
	const char **carrier;		  /* [population] that its rates came from */
	bool sizes_known;		  /* samples and steps are set */
};

static bool
same(double a, double b)
{
	return fabs(a - b) <= SAME * fmax(a, b);
}

/* --- one carrier to the graph ----------------------------------------------- */

static bool
entries_agree(const struct rates_context *context, const struct rates_entry *a,
	      const struct rates_entry *b)
{
	uint32_t units = population_units(context->graph, a->population), u, p;

	for (u = 0; u < units; u++)
		for (p = 0; p < context->graph->populations[a->population].positions; p++)
			if (!same(rates_entry_at(context, a, u, p),
				  rates_entry_at(context, b, u, p)))
				return false;
	return true;
}

/* One carrier may name several tensors of a population (its time steps, its
 * aliases), if it gives them the same rates. */
static snnfit_status
collect(struct attach *attach, const struct rates_list *list, snnfit_error *err)
{
	const struct graph *graph = attach->context->graph;
	const struct rates_entry *entry, *other;
	size_t i;

	memset(attach->given, 0, graph->population_count * sizeof *attach->given);
	for (i = 0; i < list->count; i++) {
		entry = &list->entries[i];
		other = attach->given[entry->population];
		if (other && !entries_agree(attach->context, other, entry))
			return error_set(
				err, SNNFIT_EDATA,
				"%s: \"%.60s\" and \"%.60s\" give population %.60s different "
				"rates: remove one",
				list->carrier, other->name, entry->name,
				graph->populations[entry->population].name);
		if (!other)
			attach->given[entry->population] = entry;
	}
	return SNNFIT_OK;
}

/* The tensor by which others find the population again. */
static const char *
tensor_of(const struct population *population, const struct rates_entry *entry)
{
	uint32_t i;

	for (i = 0; i < population->spike_tensor_count; i++)
		if (!strcmp(population->spike_tensors[i], entry->name))
			return population->spike_tensors[i];
	return population->spike_tensor_count ? population->spike_tensors[0] : NULL;
}

static bool
note_high_rates(const struct attach *attach, const struct rates_entry *entry, const char *carrier)
{
	const struct population *population =
		&attach->context->graph->populations[entry->population];
	double highest = 0.0;
	uint64_t i;

	for (i = 0; i < entry->count; i++)
		highest = fmax(highest, entry->values[i]);
	return highest <= 1.0 || population->kind == POPULATION_RELU ||
	       graph_note(attach->context->graph,
			  "%s: rates of %.60s go up to %.6g spikes a step: right for multi-spike "
			  "neurons and analog activations only",
			  carrier, population->name, highest);
}

static snnfit_status
set_rates(struct attach *attach, const struct rates_entry *entry, const char *carrier,
	  snnfit_error *err)
{
	struct graph *graph = attach->context->graph;
	struct population *population = &graph->populations[entry->population];
	uint32_t units = population_units(graph, entry->population), u, p;
	double *rates;

	rates = arena_alloc(&graph->arena, (size_t)units * population->positions, sizeof *rates);
	if (!rates || !note_high_rates(attach, entry, carrier))
		return error_no_memory(err);
	population->rates = rates;
	population->rates_tensor = tensor_of(population, entry);
	attach->carrier[entry->population] = carrier;
	for (u = 0; u < units; u++)
		for (p = 0; p < population->positions; p++) /* + 0.0: -0.0 becomes 0.0 */
			*rates++ = rates_entry_at(attach->context, entry, u, p) + 0.0;
	return SNNFIT_OK;
}

/* Warns when a carrier of less precedence says something else. */
static snnfit_status
compare_rates(const struct attach *attach, const struct rates_entry *entry, const char *carrier,
	      snnfit_error *err)
{
	struct graph *graph = attach->context->graph;
	const struct population *population = &graph->populations[entry->population];
	uint32_t units = population_units(graph, entry->population), u, p;
	const double *rates = population->rates;
	double other;

	for (u = 0; u < units; u++)
		for (p = 0; p < population->positions; p++, rates++) {
			other = rates_entry_at(attach->context, entry, u, p);
			if (same(*rates, other))
				continue;
			if (graph_note(
				    graph,
				    "%s: rates of %.60s differ from those of %s, which count (unit "
				    "%u: %.6g, not %.6g)",
				    carrier, population->name, attach->carrier[entry->population],
				    u, *rates, other))
				return SNNFIT_OK;
			return error_no_memory(err);
		}
	return SNNFIT_OK;
}

/* Sizes of the run that the first rates come from. */
static void
take_sizes(struct attach *attach, const struct rates_list *list)
{
	if (attach->sizes_known || list->count == 0)
		return;
	attach->context->graph->rates_samples = list->samples;
	attach->context->graph->rates_steps = list->steps;
	attach->sizes_known = true;
}

static snnfit_status
merge(struct attach *attach, const struct rates_list *list, snnfit_error *err)
{
	const struct graph *graph = attach->context->graph;
	const struct rates_entry *entry;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	take_sizes(attach, list);
	for (i = 0; i < graph->population_count && status == SNNFIT_OK; i++) {
		entry = attach->given[i];
		if (!entry)
			continue;
		if (attach->carrier[i])
			status = compare_rates(attach, entry, list->carrier, err);
		else
			status = set_rates(attach, entry, list->carrier, err);
	}
	return status;
}

/* What has been read, checked and matched as a whole before the graph changes. */
static snnfit_status
finish(struct attach *attach, struct rates_list *list, snnfit_status status, snnfit_error *err)
{
	if (status == SNNFIT_OK)
		status = rates_list_check(list, err);
	if (status == SNNFIT_OK)
		status = rates_list_match(list, err);
	if (status == SNNFIT_OK)
		status = collect(attach, list, err);
	if (status == SNNFIT_OK)
		status = merge(attach, list, err);
	return status;
}

/* --- all carriers ------------------------------------------------------------ */

/* Every population that rates are asked of has them. */
static bool
complete(const struct attach *attach)
{
	const struct graph *graph = attach->context->graph;
	size_t i;

	for (i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed &&
		    graph->populations[i].kind != POPULATION_READOUT && !attach->carrier[i])
			return false;
	return true;
}

/* Of this carrier, not of the machine that reads it. */
static bool
is_about_data(snnfit_status status)
{
	return status == SNNFIT_EDATA || status == SNNFIT_ELIMIT || status == SNNFIT_EFORMAT ||
	       status == SNNFIT_EUNSUPPORTED;
}

/* A broken carrier is an error, unless nothing could come of it any more: then
 * better rates have taken its place, and it must not stand in their way. */
static snnfit_status
attach_carrier(struct attach *attach, const struct carrier *carrier, snnfit_error *err)
{
	struct rates_list list = { .context = attach->context, .carrier = carrier->name };
	bool needed = !complete(attach);
	snnfit_error problem = { 0 };
	snnfit_status status;

	status = finish(attach, &list, carrier->read(&list, &problem), &problem);
	if (!needed && is_about_data(status)) {
		if (graph_note(attach->context->graph, "%s (ignored)", problem.text))
			return SNNFIT_OK;
		return error_no_memory(err);
	}
	if (status != SNNFIT_OK && err)
		*err = problem;
	return status;
}

static snnfit_status
attach_file(struct attach *attach, const struct rates_options *options, snnfit_error *err)
{
	struct rates_list list = { .context = attach->context, .carrier = options->path };

	return finish(attach, &list, rates_read_file(&list, options->path, options->axes, err),
		      err);
}

static snnfit_status
attach_all(struct attach *attach, const struct rates_options *options, snnfit_error *err)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	if (options && options->path)
		status = attach_file(attach, options, err);
	else if (options && options->axes)
		return error_set(err, SNNFIT_EUSAGE,
				 "--rates-axes is about the file of --rates, which is not given");
	if (!attach->context->model)
		return status;
	for (i = 0; i < sizeof model_carriers / sizeof *model_carriers; i++) {
		if (status != SNNFIT_OK)
			return status;
		status = attach_carrier(attach, &model_carriers[i], err);
	}
	return status;
}

snnfit_status
rates_attach(struct graph *graph, const struct onnx_model *model,
	     const struct rates_options *options, snnfit_error *err)
{
	struct arena arena = { 0 };
	struct rates_context context;
	struct attach attach = { .context = &context };
	snnfit_status status;

	status = rates_context_init(&context, &arena, graph, model, err);
	attach.given = arena_zalloc(&arena, graph->population_count, sizeof *attach.given);
	attach.carrier = arena_zalloc(&arena, graph->population_count, sizeof *attach.carrier);
	if (status == SNNFIT_OK && (!attach.given || !attach.carrier))
		status = error_no_memory(err);
	if (status == SNNFIT_OK)
		status = attach_all(&attach, options, err);
	arena_free(&arena);
	return status;
}
