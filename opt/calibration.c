#include "opt/calibration.h"

/* Room for the rounding of a limit that is written in decimals. */
#define ROUNDING 1e-9

bool
calibration_measures(const struct calibration *calibration)
{
	return calibration && calibration->measure;
}

bool
calibration_limits(const struct calibration *calibration)
{
	return calibration_measures(calibration) && calibration->max_drop < 100.0;
}

bool
calibration_allows(const struct calibration *calibration, const struct measurement *now)
{
	double lost = (double)calibration->before->right - (double)now->right;

	return 100.0 * lost <= calibration->max_drop * (double)now->samples + ROUNDING;
}

double
measurement_accuracy(const struct measurement *measurement)
{
	return (double)measurement->right / (double)measurement->samples;
}
