#include "api/intervals.h"

#include <math.h>

static const double z = 1.959963984540054; /* 2.5 % of a normal distribution lie above */

void
interval_of_share(uint64_t right, uint64_t samples, double *low, double *high)
{
	double n = (double)samples, p = (double)right / n;
	double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
	double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));

	*low = centre - half;
	*high = centre + half;
}

/* Tango's statistic for the hypothesis that the change is d: normal if it is. q is the
 * likeliest share of samples lost, given d. */
static double
score(double won, double lost, double n, double d)
{
	double b = (2 * n - won + lost) * d - won - lost, c = -lost * d * (1 - d);
	double q = (sqrt(fmax(b * b - 8 * n * c, 0)) - b) / (4 * n);
	double variance = n * (2 * q + d * (1 - d));

	return (won - lost - n * d) / sqrt(fmax(variance, 1e-300));
}

/* Where the statistic, which falls as d grows, is `level`. */
static double
crossing(double won, double lost, double n, double level)
{
	double low = -1, high = 1;
	int i;

	for (i = 0; i < 100; i++) {
		double middle = (low + high) / 2;

		if (score(won, lost, n, middle) > level)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

void
interval_of_change(uint64_t won, uint64_t lost, uint64_t samples, double *low, double *high)
{
	*low = crossing((double)won, (double)lost, (double)samples, z);
	*high = crossing((double)won, (double)lost, (double)samples, -z);
}
