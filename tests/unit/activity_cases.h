/* activity_cases.h - spike trains and accuracy that are made up, for passes that use them. */
#ifndef SNNFIT_TESTS_ACTIVITY_CASES_H
#define SNNFIT_TESTS_ACTIVITY_CASES_H

#include "opt/calibration.h"
#include "tests/unit/opt_cases.h"

enum { MADE_LAYERS = 4, MADE_UNITS = 64, MADE_WORDS = 32, MADE_STEPS = 50, MADE_SAMPLES = 40 };

/* Of units as they are numbered in the input model: 2000 steps, in 40 samples. */
struct made_activity {
	uint64_t bits[MADE_LAYERS][MADE_UNITS][MADE_WORDS];
	uint64_t current[MADE_LAYERS][MADE_UNITS][MADE_WORDS]; /* of the units that are left */
	struct spike_trains trains[MADE_LAYERS];
	struct activity activity;
	struct calibration calibration;
	uint32_t recorded, measured; /* how often */
	/* Accuracy: samples lost for every unit that is gone. */
	uint64_t lost_a_unit;
	struct measurement before, after[64];
};

static inline void
spike_at(struct made_activity *made, uint32_t layer, uint32_t unit, uint32_t step)
{
	made->bits[layer][unit][step / 64] |= UINT64_C(1) << step % 64;
}

static inline bool
has_spike(const struct made_activity *made, uint32_t layer, uint32_t unit, uint32_t step)
{
	return made->bits[layer][unit][step / 64] >> step % 64 & 1;
}

static inline void
flip_at(struct made_activity *made, uint32_t layer, uint32_t unit, uint32_t step)
{
	made->bits[layer][unit][step / 64] ^= UINT64_C(1) << step % 64;
}

/* Spikes of every unit in a share of the steps, each on its own. */
static inline void
spike_at_random(struct made_activity *made, uint32_t layer, uint32_t units, double rate,
		uint32_t *state)
{
	uint32_t unit, step;

	for (unit = 0; unit < units; unit++)
		for (step = 0; step < MADE_STEPS * MADE_SAMPLES; step++)
			if (draw(state, 0.0, 1.0) < rate)
				spike_at(made, layer, unit, step);
}

static inline snnfit_status
made_record(void *context, const struct graph *graph, const struct activity **out,
	    snnfit_error *err)
{
	struct made_activity *made = context;
	population_id id;
	uint32_t unit;

	(void)err;
	made->recorded++;
	made->activity = (struct activity){ .samples = MADE_SAMPLES,
					    .steps = MADE_STEPS,
					    .words = MADE_WORDS,
					    .trains = made->trains };
	for (id = 0; id < graph->population_count; id++) {
		const struct unit_axis *axis = &graph->axes[graph->populations[id].axis];

		if (graph->populations[id].removed ||
		    graph->populations[id].kind != POPULATION_SPIKING)
			continue;
		for (unit = 0; unit < axis->units; unit++)
			memcpy(made->current[id][unit], made->bits[id][axis->origin[unit]],
			       sizeof made->current[id][unit]);
		made->trains[made->activity.count++] =
			(struct spike_trains){ .population = id,
					       .units = axis->units,
					       .positions = 1,
					       .bits = made->current[id][0] };
	}
	*out = &made->activity;
	return SNNFIT_OK;
}

static inline snnfit_status
made_measure(void *context, const struct graph *graph, const struct measurement **out,
	     snnfit_error *err)
{
	struct made_activity *made = context;
	struct measurement *measurement = &made->after[made->measured];
	uint64_t gone = 0;
	size_t i;

	(void)err;
	ck_assert_uint_lt(made->measured++, 64);
	for (i = 0; i < graph->axis_count; i++)
		gone += graph->axes[i].units_before - graph->axes[i].units;
	*measurement = made->before;
	measurement->right -= gone * made->lost_a_unit;
	*out = measurement;
	return SNNFIT_OK;
}

/* All silent; no accuracy. */
static inline struct made_activity *
made_activity_new(struct pass_options *options)
{
	struct made_activity *made = zeroed(1, sizeof *made);

	*options = pass_options_default;
	made->calibration = (struct calibration){ .context = made,
						  .record = made_record,
						  .max_drop = INFINITY };
	options->calibration = &made->calibration;
	return made;
}

/* 1000 images, all right; some are lost for every unit that goes. max_drop: points. */
static inline void
limit_accuracy(struct made_activity *made, uint64_t lost_a_unit, double max_drop)
{
	made->lost_a_unit = lost_a_unit;
	made->before = (struct measurement){ .samples = 1000, .right = 1000 };
	made->calibration.measure = made_measure;
	made->calibration.before = &made->before;
	made->calibration.max_drop = max_drop;
}

#endif
