#include "api/recorded.h"

#include <stdlib.h>
#include <string.h>

/* Units that stand last in the tensor get their positions side by side. */
static snnfit_status
order_trains(struct network_watch *watch, uint64_t words, uint64_t units, uint64_t positions,
	     snnfit_error *err)
{
	uint64_t *ordered, unit, position;

	if (simulation_element(watch, units, positions, 0, 1) == 1)
		return SNNFIT_OK;
	ordered = calloc(watch->count * words + 1, sizeof *ordered);
	if (!ordered)
		return error_no_memory(err);
	for (unit = 0; unit < units; unit++)
		for (position = 0; position < positions; position++)
			memcpy(ordered + (unit * positions + position) * words,
			       watch->trains +
				       simulation_element(watch, units, positions, unit, position) *
					       words,
			       words * sizeof *ordered);
	free(watch->trains);
	watch->trains = ordered;
	return SNNFIT_OK;
}

/* Trains of another size, or of another number of steps, are of something else. */
static snnfit_status
take_watch(struct recorded *out, const struct simulation *simulation, struct network_watch *watch,
	   snnfit_error *err)
{
	const struct graph *graph = simulation->graph;
	struct activity *activity = &out->activity;
	uint64_t units = population_units(graph, watch->owner);
	uint64_t positions = graph->populations[watch->owner].positions;
	snnfit_status status;

	if (!watch->trains || watch->count != units * positions)
		return SNNFIT_OK;
	if (activity->count == 0) {
		activity->steps = watch->steps;
		activity->words = watch_words(&simulation->network, watch);
	}
	if (watch->steps != activity->steps)
		return SNNFIT_OK;
	status = order_trains(watch, activity->words, units, positions, err);
	if (status != SNNFIT_OK)
		return status;
	out->trains[activity->count++] = (struct spike_trains){ .population = watch->owner,
								.units = (uint32_t)units,
								.positions = (uint32_t)positions,
								.bits = watch->trains };
	watch->trains = NULL;
	return SNNFIT_OK;
}

snnfit_status
recorded_take(struct recorded *out, struct simulation *simulation, snnfit_error *err)
{
	struct network *network = &simulation->network;
	snnfit_status status = SNNFIT_OK;
	uint32_t w;

	*out = (struct recorded){ .activity = { .samples = network->recorded } };
	out->trains = calloc(network->watch_count + 1, sizeof *out->trains);
	if (!out->trains)
		return error_no_memory(err);
	for (w = 0; w < network->watch_count && status == SNNFIT_OK; w++)
		status = take_watch(out, simulation, &network->watches[w], err);
	out->activity.trains = out->trains;
	return status;
}

void
recorded_free(struct recorded *recorded)
{
	size_t i;

	for (i = 0; i < recorded->activity.count; i++)
		free((void *)recorded->trains[i].bits);
	free(recorded->trains);
	*recorded = (struct recorded){ 0 };
}
