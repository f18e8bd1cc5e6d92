/* estimate.c - what a network costs on a device at a design point. */
#include "estimator/estimate.h"

#include "estimator/energy.h"
#include "estimator/network.h"

#include <stdlib.h>

static snnfit_status
estimate_layer(const struct graph *graph, population_id id, const struct design *design,
	       const struct device *device, struct estimate_layer *out, snnfit_error *err)
{
	struct network_layer made;
	struct layer_cost cost;
	snnfit_status status = network_layer_make(graph, id, design, device, &made, err);

	if (status == SNNFIT_OK)
		status = layer_estimate(&made.layer, &cost, err);
	network_layer_free(&made);
	if (status != SNNFIT_OK)
		return status;
	*out = (struct estimate_layer){ .population = id,
					.name = graph->populations[id].name,
					.weight_bits = made.layer.weight_bits,
					.cycles = cost.cycles,
					.energy_nj = energy_of_layer(&cost, device),
					.extrapolated = cost.extrapolated };
	for (enum resource r = RESOURCE_LUT; r < RESOURCE_COUNT; r++)
		out->resources[r] = cost.resources[r];
	return SNNFIT_OK;
}

static snnfit_status
estimate_layers(const struct graph *graph, const struct design *design, const struct device *device,
		struct estimate *out, snnfit_error *err)
{
	snnfit_status status;

	out->layers = arena_zalloc(&out->arena, graph->population_count, sizeof *out->layers);
	if (!out->layers)
		return error_no_memory(err);
	for (population_id id = 0; id < graph->population_count; id++) {
		if (!network_is_layer(graph, id))
			continue;
		status = estimate_layer(graph, id, design, device, &out->layers[out->layer_count],
					err);
		if (status != SNNFIT_OK)
			return status;
		out->layer_count++;
	}
	return SNNFIT_OK;
}

/* LUTs and flip-flops of ice40 are parts of logic cells, which are what runs out. */
static bool
is_limit(const struct device *device, enum resource resource)
{
	bool ice40 = device->family == FAMILY_ICE40;

	if (device->capacity[resource] == DEVICE_UNLIMITED)
		return false;
	switch (resource) {
	case RESOURCE_LUT:
	case RESOURCE_FF:
		return !ice40;
	case RESOURCE_LOGIC_CELLS:
		return ice40;
	default:
		return true;
	}
}

static struct resource_use
total(const struct estimate *estimate, const struct device *device, enum resource resource)
{
	struct resource_use use = { .checked = is_limit(device, resource) };

	if (device->capacity[resource] != DEVICE_UNLIMITED)
		use.available = device->capacity[resource] * device->usable[resource];
	for (size_t i = 0; i < estimate->layer_count; i++) {
		const struct estimate_layer *layer = &estimate->layers[i];
		const struct interval *part = &layer->resources[resource];

		use.used += part->used;
		use.low += part->low;
		use.high += part->high;
		if (part->used > use.worst_layer_used) {
			use.worst_layer_used = part->used;
			use.worst_layer = layer->name;
		}
	}
	return use;
}

static bool
is_exceeded(const struct resource_use *use)
{
	return use->checked && use->high > use->available;
}

static void
add_totals(struct estimate *estimate, const struct device *device)
{
	double nanojoules = 0;

	estimate->cost.fits = true;
	for (enum resource r = RESOURCE_LUT; r < RESOURCE_COUNT; r++) {
		estimate->cost.resources[r] = total(estimate, device, r);
		if (is_exceeded(&estimate->cost.resources[r]))
			estimate->cost.fits = false;
	}
	for (size_t i = 0; i < estimate->layer_count; i++) {
		const struct interval *cycles = &estimate->layers[i].cycles;

		nanojoules += estimate->layers[i].energy_nj;
		if (cycles->used > estimate->cycles_per_step.used)
			estimate->cycles_per_step.used = cycles->used;
		if (cycles->low > estimate->cycles_per_step.low)
			estimate->cycles_per_step.low = cycles->low;
		if (cycles->high > estimate->cycles_per_step.high)
			estimate->cycles_per_step.high = cycles->high;
	}
	nanojoules += energy_at_rest(estimate->cycles_per_step.used, device);
	estimate->energy_nj_per_step = energy_interval(nanojoules);
}

/* --- limits ----------------------------------------------------------------------- */

static int
compare_limits(const void *a, const void *b)
{
	const struct estimate_limit *x = a, *y = b;

	if (x->resource != y->resource)
		return (int)x->resource - (int)y->resource;
	return (x->used < y->used) - (x->used > y->used);
}

static void
add_limits_of(struct estimate *estimate, enum resource resource)
{
	const struct resource_use *use = &estimate->cost.resources[resource];

	if (!is_exceeded(use))
		return;
	for (size_t i = 0; i < estimate->layer_count; i++) {
		const struct estimate_layer *layer = &estimate->layers[i];

		if (layer->resources[resource].high > 0)
			estimate->limits[estimate->limit_count++] =
				(struct estimate_limit){ resource, layer->resources[resource].high,
							 use->available, layer->name };
	}
}

static snnfit_status
add_limits(struct estimate *estimate, snnfit_error *err)
{
	estimate->limits = arena_zalloc(&estimate->arena, estimate->layer_count,
					RESOURCE_COUNT * sizeof *estimate->limits);
	if (!estimate->limits)
		return error_no_memory(err);
	for (enum resource r = RESOURCE_LUT; r < RESOURCE_COUNT; r++)
		add_limits_of(estimate, r);
	qsort(estimate->limits, estimate->limit_count, sizeof *estimate->limits, compare_limits);
	return SNNFIT_OK;
}

snnfit_status
estimate(const struct graph *graph, const struct design *design, const struct device *device,
	 struct estimate *out, snnfit_error *err)
{
	snnfit_status status;

	*out = (struct estimate){ .layers = NULL };
	status = estimate_layers(graph, design, device, out, err);
	if (status == SNNFIT_OK) {
		add_totals(out, device);
		status = add_limits(out, err);
	}
	if (status != SNNFIT_OK)
		estimate_free(out);
	return status;
}

void
estimate_free(struct estimate *estimate)
{
	arena_free(&estimate->arena);
	*estimate = (struct estimate){ .layers = NULL };
}

snnfit_status
estimate_cost(void *device, const struct graph *graph, const struct design *design,
	      struct cost *out, snnfit_error *err)
{
	struct estimate result;
	snnfit_status status = estimate(graph, design, device, &result, err);

	if (status != SNNFIT_OK)
		return status;
	*out = result.cost;
	estimate_free(&result);
	return SNNFIT_OK;
}
