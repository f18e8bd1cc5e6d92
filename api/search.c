#include "api/search.h"

#include "api/options.h"

#include <math.h>

/* How full the fullest resource is. None available at all counts as one, so that
 * less is nearer there, too. */
static double
worst_share(const struct cost *cost)
{
	double worst = 0.0;

	for (int r = 0; r < RESOURCE_COUNT; r++) {
		const struct resource_use *use = &cost->resources[r];

		if (use->checked)
			worst = fmax(worst, use->used / fmax(use->available, 1.0));
	}
	return worst;
}

static bool
is_better_cost(const struct cost *cost, const struct cost *than)
{
	if (cost->fits != than->fits)
		return cost->fits;
	return worst_share(cost) < worst_share(than);
}

static bool
is_better(const struct fit_result *result, const struct fit_result *than)
{
	if (result->fits && than->fits && result->iterations != than->iterations)
		return result->iterations < than->iterations;
	return is_better_cost(&result->after, &than->after);
}

/* --- the ladder ------------------------------------------------------------- */

static snnfit_status
climb(const struct search *search, const struct graph *graph, enum architecture architecture,
      fit_observer observer, struct graph **out, struct fit_result *result, snnfit_error *err)
{
	struct design design = options_design(search->options);
	struct fit_options options = options_fit(search->options);
	struct device device = *search->device; /* a cost_function's context is not const */
	snnfit_status status = graph_copy(out, graph, err);

	if (status != SNNFIT_OK)
		return status;
	design.architecture = architecture;
	options.calibration = search->calibration;
	status = fit_ladder(out, &design, &options, estimate_cost, &device, observer,
			    search->observer_context, result, err);
	if (status != SNNFIT_OK) {
		graph_free(*out);
		*out = NULL;
	}
	return status;
}

/* What has come of one architecture. */
struct climbed {
	struct graph *graph;
	struct fit_result result;
};

static void
climbed_free(struct climbed *climbed)
{
	graph_free(climbed->graph);
	fit_result_free(&climbed->result);
}

static snnfit_status
climb_every(const struct search *search, const struct graph *graph, struct climbed *best,
	    snnfit_error *err)
{
	struct climbed tried;
	snnfit_status status;

	for (int i = 0; i < ARCHITECTURE_COUNT; i++) {
		if (i == ARCHITECTURE_SC && calibration_limits(search->calibration))
			continue;
		tried = (struct climbed){ .graph = NULL };
		status = climb(search, graph, (enum architecture)i, NULL, &tried.graph,
			       &tried.result, err);
		if (status != SNNFIT_OK) {
			climbed_free(best);
			return status;
		}
		if (!best->graph || is_better(&tried.result, &best->result)) {
			struct climbed worse = *best;

			*best = tried;
			tried = worse;
		}
		climbed_free(&tried);
	}
	return SNNFIT_OK;
}

/* Once more for whoever watches. */
static snnfit_status
climb_again(const struct search *search, const struct graph *graph, struct climbed *best,
	    snnfit_error *err)
{
	enum architecture architecture = best->result.design.architecture;

	climbed_free(best);
	*best = (struct climbed){ .graph = NULL };
	return climb(search, graph, architecture, search->observer, &best->graph, &best->result,
		     err);
}

snnfit_status
search_fit(const struct search *search, struct graph **graph, struct fit_result *result,
	   snnfit_error *err)
{
	struct climbed best = { .graph = NULL };
	snnfit_status status;

	*result = best.result;
	if (!options_any_architecture(search->options))
		status = climb(search, *graph, options_design(search->options).architecture,
			       search->observer, &best.graph, &best.result, err);
	else
		status = climb_every(search, *graph, &best, err);
	if (status == SNNFIT_OK && search->observer && options_any_architecture(search->options))
		status = climb_again(search, *graph, &best, err);
	if (status != SNNFIT_OK)
		return status;
	graph_free(*graph);
	*graph = best.graph;
	*result = best.result;
	return SNNFIT_OK;
}

/* --- without changes ------------------------------------------------------------ */

snnfit_status
search_architecture(const struct graph *graph, const struct device *device, struct design *design,
		    snnfit_error *err)
{
	struct design tried = *design;
	struct device context = *device;
	struct cost cost, best = { .fits = false };
	snnfit_status status = SNNFIT_OK;

	for (int i = 0; i < ARCHITECTURE_COUNT && status == SNNFIT_OK; i++) {
		tried.architecture = (enum architecture)i;
		status = estimate_cost(&context, graph, &tried, &cost, err);
		if (status != SNNFIT_OK || (i > 0 && !is_better_cost(&cost, &best)))
			continue;
		best = cost;
		design->architecture = tried.architecture;
	}
	return status;
}
