#include "opt/spike_fit.h"

#include "opt/trains.h"

#include <math.h>

static const double RIDGE = 1e-6;

/* --- counting ------------------------------------------------------------------------ */

static snnfit_status
count_spikes(const struct spike_fit *fit, const uint64_t *const *trains, uint32_t count,
	     double **out, struct arena *arena, snnfit_error *err)
{
	uint32_t i;

	*out = arena_alloc(arena, count, sizeof **out);
	if (!*out)
		return error_no_memory(err);
	for (i = 0; i < count; i++)
		(*out)[i] = (double)spikes_in(trains[i], fit->words);
	return SNNFIT_OK;
}

/* N cov(a, b) of two trains with so many spikes. */
static double
covariance(const struct spike_fit *fit, const uint64_t *a, double a_spikes, const uint64_t *b,
	   double b_spikes)
{
	if (a_spikes == 0.0 || b_spikes == 0.0)
		return 0.0;
	return (double)spikes_shared(a, b, fit->words) - a_spikes * b_spikes / (double)fit->steps;
}

static snnfit_status
find_covariances(struct spike_fit *fit, struct arena *arena, snnfit_error *err)
{
	size_t n = fit->input_count, h = fit->output_count, i, j;
	const double *x = fit->input_rates, *s = fit->output_rates; /* counts, so far */

	fit->gram = arena_alloc(arena, n * n, sizeof *fit->gram);
	fit->cross = arena_alloc(arena, h * n, sizeof *fit->cross);
	fit->own = arena_alloc(arena, h * h, sizeof *fit->own);
	fit->diagonal = arena_alloc(arena, n, sizeof *fit->diagonal);
	if (!fit->gram || !fit->cross || !fit->own || !fit->diagonal)
		return error_no_memory(err);
	for (i = 0; i < n; i++)
		for (j = i; j < n; j++)
			fit->gram[i * n + j] = covariance(fit, fit->inputs[i], x[i], fit->inputs[j],
							  x[j]);
	for (i = 0; i < h; i++) {
		for (j = 0; j < n; j++)
			fit->cross[i * n + j] = covariance(fit, fit->outputs[i], s[i],
							   fit->inputs[j], x[j]);
		for (j = 0; j < h; j++)
			fit->own[i * h + j] = covariance(fit, fit->outputs[i], s[i],
							 fit->outputs[j], s[j]);
	}
	return SNNFIT_OK;
}

static void
divide_by_steps(const struct spike_fit *fit, double *counts, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		counts[i] /= (double)fit->steps;
}

/* --- Cholesky ------------------------------------------------------------------------- */

static double
dot(const double *a, const double *b, size_t count)
{
	double sum[4] = { 0 };
	size_t i;

	for (i = 0; i + 4 <= count; i += 4) {
		sum[0] += a[i] * b[i];
		sum[1] += a[i + 1] * b[i + 1];
		sum[2] += a[i + 2] * b[i + 2];
		sum[3] += a[i + 3] * b[i + 3];
	}
	for (; i < count; i++)
		sum[0] += a[i] * b[i];
	return sum[0] + sum[1] + (sum[2] + sum[3]);
}

/* G + ridge I = L L', row by row. The ridge keeps every pivot over 0 but for rounding,
 * and but where nothing varies. */
static void
factor(struct spike_fit *fit)
{
	size_t n = fit->input_count, i, j;
	double trace = 0.0, ridge, pivot;
	double *l = fit->gram;

	for (i = 0; i < n; i++)
		trace += l[i * n + i];
	ridge = trace > 0.0 ? RIDGE * trace / (double)n : 1.0;
	for (i = 0; i < n; i++) {
		for (j = 0; j < i; j++)
			l[i * n + j] = (l[j * n + i] - dot(l + i * n, l + j * n, j)) /
				       fit->diagonal[j];
		pivot = l[i * n + i] + ridge - dot(l + i * n, l + i * n, i);
		fit->diagonal[i] = sqrt(fmax(pivot, ridge / 2.0));
	}
}

/* x = (L L')^-1 x */
static void
solve(const struct spike_fit *fit, double *x)
{
	size_t n = fit->input_count, i, j;
	const double *l = fit->gram;

	for (i = 0; i < n; i++)
		x[i] = (x[i] - dot(l + i * n, x, i)) / fit->diagonal[i];
	for (i = n; i-- > 0;) {
		x[i] /= fit->diagonal[i];
		for (j = 0; j < i; j++)
			x[j] -= l[i * n + j] * x[i];
	}
}

/* --- the fit ---------------------------------------------------------------------------- */

snnfit_status
spike_fit_make(struct spike_fit *fit, struct arena *arena, snnfit_error *err)
{
	snnfit_status status = count_spikes(fit, fit->inputs, fit->input_count, &fit->input_rates,
					    arena, err);

	if (status == SNNFIT_OK)
		status = count_spikes(fit, fit->outputs, fit->output_count, &fit->output_rates,
				      arena, err);
	if (status == SNNFIT_OK)
		status = find_covariances(fit, arena, err);
	if (status != SNNFIT_OK)
		return status;
	divide_by_steps(fit, fit->input_rates, fit->input_count);
	divide_by_steps(fit, fit->output_rates, fit->output_count);
	factor(fit);
	return SNNFIT_OK;
}

/* sum = C' mix */
static void
mix_cross(const struct spike_fit *fit, const double *mix, double *sum)
{
	size_t n = fit->input_count, i, j;

	for (j = 0; j < n; j++)
		sum[j] = 0.0;
	for (i = 0; i < fit->output_count; i++)
		for (j = 0; mix[i] != 0.0 && j < n; j++)
			sum[j] += mix[i] * fit->cross[i * n + j];
}

void
spike_fit_solve(const struct spike_fit *fit, const double *mix, double *map)
{
	mix_cross(fit, mix, map);
	solve(fit, map);
}

/* m' G m: of G there is the upper half. */
static double
fitted_variance(const struct spike_fit *fit, const double *map)
{
	size_t n = fit->input_count, i;
	double sum = 0.0;

	for (i = 0; i < n; i++)
		sum += map[i] * (fit->gram[i * n + i] * map[i] +
				 2.0 * dot(fit->gram + i * n + i + 1, map + i + 1, n - i - 1));
	return sum;
}

void
spike_fit_add_variance(const struct spike_fit *fit, const double *mix, const double *map,
		       double weight, struct spike_fit_variance *sum)
{
	size_t n = fit->input_count, h = fit->output_count, i;
	double whole = 0.0, shared = 0.0, fitted = fitted_variance(fit, map);

	for (i = 0; i < h; i++) {
		whole += mix[i] * dot(fit->own + i * h, mix, h);
		shared += mix[i] * dot(fit->cross + i * n, map, n);
	}
	sum->whole += weight * whole;
	sum->fitted += weight * fitted;
	sum->left += weight * fmax(whole - 2.0 * shared + fitted, 0.0);
}
