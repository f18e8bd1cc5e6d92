/* recorded.h - the spike trains of a run, as opt reads them. */
#ifndef SNNFIT_API_RECORDED_H
#define SNNFIT_API_RECORDED_H

#include "api/simulation.h"
#include "opt/calibration.h"

/* Of a run, at most; of more samples than fit, the first ones are recorded. */
enum { RECORDED_BYTES = 256 << 20 };

struct recorded {
	struct activity activity;
	struct spike_trains *trains; /* whose bits are the record's */
};

/* From a run that recorded (simulation->record), whose trains it takes over.
 * To be freed, also on failure; all zero bytes are fine. */
MUST_USE snnfit_status recorded_take(struct recorded *out, struct simulation *simulation,
				     snnfit_error *err);
void recorded_free(struct recorded *recorded);

#endif
