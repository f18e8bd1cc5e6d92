/* rates_match.c - whose rates these are, when no tensor of the model has their name.
 *
 * A fingerprint of the weights decides. What is left is put to the layers that
 * are left, in order. Order and shape leave exactly one way if taking for every
 * array the earliest layer that it fits, and the latest one, comes to the same:
 * every other way lies between these two. */
#include "importer/rates_list.h"

#include "core/text.h"
#include "proto/fingerprint.h"

#include <stdio.h>
#include <string.h>

enum { LISTED_MAX = 16, LIKELIHOODS = 3 };

struct matcher {
	struct rates_list *list;
	struct map fingerprints;     /* of weights -> population, or SEVERAL */
	uint32_t *entries;	     /* without a population */
	population_id *candidates;   /* without an entry */
	uint32_t *earliest, *latest; /* [entry_count] into candidates */
	size_t entry_count, candidate_count;
	struct text by_fingerprint, by_order; /* what was matched, for the note */
};

static const uint32_t SEVERAL = MAP_NONE - 1;

/* --- by fingerprint ----------------------------------------------------- */

static snnfit_status
index_fingerprint(struct matcher *matcher, population_id id, snnfit_error *err)
{
	struct rates_context *context = matcher->list->context;
	const struct population *population = &context->graph->populations[id];
	const Onnx__TensorProto *tensor = NULL;
	snnfit_status status;
	char *fingerprint;

	if (!population->removed && population->weight_tensor)
		tensor = rates_find_tensor(context, population->weight_tensor);
	if (!tensor)
		return SNNFIT_OK;
	fingerprint = arena_alloc(context->arena, FINGERPRINT_DIGITS + 1, 1);
	if (!fingerprint)
		return error_no_memory(err);
	status = tensor_fingerprint(context->model, tensor, fingerprint, err);
	if (status != SNNFIT_OK)
		return status;
	if (map_get(&matcher->fingerprints, fingerprint) != MAP_NONE)
		id = SEVERAL;
	return map_set(&matcher->fingerprints, fingerprint, id) ? SNNFIT_OK : error_no_memory(err);
}

static snnfit_status
index_fingerprints(struct matcher *matcher, snnfit_error *err)
{
	const struct rates_list *list = matcher->list;
	snnfit_status status = SNNFIT_OK;
	bool wanted = false;
	size_t i;

	for (i = 0; i < list->count; i++)
		wanted = wanted || list->entries[i].fingerprint;
	for (i = 0; wanted && i < list->context->graph->population_count; i++) {
		status = index_fingerprint(matcher, (uint32_t)i, err);
		if (status != SNNFIT_OK)
			return status;
	}
	return status;
}

static void
tell(struct text *out, const struct rates_list *list, const struct rates_entry *entry,
     size_t *listed)
{
	if (*listed < LISTED_MAX)
		text_printf(out, "%s%.60s for %.60s", *listed ? ", " : "", entry->name,
			    list->context->graph->populations[entry->population].name);
	else if (*listed == LISTED_MAX)
		text_append(out, ", ...");
	++*listed;
}

/* The name was found, and the weights are others than those of the calibration. */
static snnfit_status
compare_fingerprint(const struct matcher *matcher, const struct rates_entry *entry,
		    snnfit_error *err)
{
	const struct rates_list *list = matcher->list;
	const struct population *population;
	uint32_t found = map_get(&matcher->fingerprints, entry->fingerprint);

	population = &list->context->graph->populations[entry->population];
	if (found != MAP_NONE || !list->context->model || !population->weight_tensor)
		return SNNFIT_OK;
	if (!graph_note(list->context->graph,
			"%s: the rates of \"%.60s\" were measured with other weights than those "
			"of %.60s in this model",
			list->carrier, entry->name, population->name))
		return error_no_memory(err);
	return SNNFIT_OK;
}

static snnfit_status
match_fingerprint(struct matcher *matcher, struct rates_entry *entry, size_t *listed,
		  snnfit_error *err)
{
	uint32_t found;

	if (!entry->fingerprint)
		return SNNFIT_OK;
	if (entry->population != GRAPH_NONE)
		return compare_fingerprint(matcher, entry, err);
	found = map_get(&matcher->fingerprints, entry->fingerprint);
	if (found == MAP_NONE || found == SEVERAL ||
	    !rates_shape_fit(matcher->list->context, found, entry->rank, entry->shape))
		return SNNFIT_OK;
	entry->population = found;
	tell(&matcher->by_fingerprint, matcher->list, entry, listed);
	return SNNFIT_OK;
}

static snnfit_status
match_fingerprints(struct matcher *matcher, snnfit_error *err)
{
	struct rates_list *list = matcher->list;
	size_t listed = 0, i;
	snnfit_status status = index_fingerprints(matcher, err);

	for (i = 0; i < list->count && status == SNNFIT_OK; i++)
		status = match_fingerprint(matcher, &list->entries[i], &listed, err);
	return status;
}

/* --- by order and shape ------------------------------------------------- */

static bool
fits(const struct matcher *matcher, size_t entry, size_t candidate)
{
	const struct rates_entry *item = &matcher->list->entries[matcher->entries[entry]];

	return rates_shape_fit(matcher->list->context, matcher->candidates[candidate], item->rank,
			       item->shape) != RATES_FIT_NONE;
}

static bool
find_earliest(struct matcher *matcher)
{
	size_t i, at = 0;

	for (i = 0; i < matcher->entry_count; i++) {
		while (at < matcher->candidate_count && !fits(matcher, i, at))
			at++;
		if (at == matcher->candidate_count)
			return false;
		matcher->earliest[i] = (uint32_t)at++;
	}
	return true;
}

static void
find_latest(struct matcher *matcher)
{
	size_t i, at = matcher->candidate_count;

	for (i = matcher->entry_count; i-- > 0;) {
		while (at > 0 && !fits(matcher, i, at - 1))
			at--;
		matcher->latest[i] = (uint32_t)--at; /* there is one: the earliest */
	}
}

/* Each array fits one layer only, whatever the order. */
static bool
find_by_shape(struct matcher *matcher)
{
	size_t i, j, found;

	memset(matcher->latest, 0, matcher->candidate_count * sizeof *matcher->latest);
	for (i = 0; i < matcher->entry_count; i++) {
		for (j = found = 0; j < matcher->candidate_count && found < 2; j++) {
			if (!fits(matcher, i, j))
				continue;
			matcher->earliest[i] = (uint32_t)j;
			found++;
		}
		if (found != 1 || matcher->latest[matcher->earliest[i]]++)
			return false;
	}
	return true;
}

/* Who is likely to have rates: readouts seldom do, and where neither the dynamics
 * are understood nor spikes were found it is not known. */
static int
likelihood(const struct population *population)
{
	switch (population->kind) {
	case POPULATION_SPIKING:
	case POPULATION_RELU:
		return 0;
	case POPULATION_CUSTOM:
		return population->spike_tensor_count ? 0 : 1;
	case POPULATION_READOUT:
		break;
	}
	return LIKELIHOODS - 1;
}

static void
list_candidates(struct matcher *matcher, int unlikely, const bool *taken)
{
	const struct graph *graph = matcher->list->context->graph;
	size_t i;

	matcher->candidate_count = 0;
	for (i = 0; i < graph->population_count; i++)
		if (!graph->populations[i].removed && !taken[i] &&
		    likelihood(&graph->populations[i]) <= unlikely)
			matcher->candidates[matcher->candidate_count++] = (uint32_t)i;
}

static bool
prepare(struct matcher *matcher, bool **taken)
{
	struct rates_list *list = matcher->list;
	struct arena *arena = list->context->arena;
	size_t populations = list->context->graph->population_count, room, i;

	room = populations > list->count ? populations : list->count;
	*taken = arena_zalloc(arena, populations, sizeof **taken);
	matcher->entries = arena_alloc(arena, list->count, sizeof *matcher->entries);
	matcher->candidates = arena_alloc(arena, populations, sizeof *matcher->candidates);
	matcher->earliest = arena_alloc(arena, room, sizeof *matcher->earliest);
	matcher->latest = arena_alloc(arena, room, sizeof *matcher->latest);
	if (!*taken || !matcher->entries || !matcher->candidates || !matcher->earliest ||
	    !matcher->latest)
		return false;
	for (i = 0; i < list->count; i++) {
		if (list->entries[i].population == GRAPH_NONE)
			matcher->entries[matcher->entry_count++] = (uint32_t)i;
		else
			(*taken)[list->entries[i].population] = true;
	}
	return true;
}

static snnfit_status
refuse_unmatched(struct matcher *matcher, size_t entry, const char *problem, snnfit_error *err)
{
	const struct rates_entry *item = &matcher->list->entries[matcher->entries[entry]];
	char shape[SHAPE_TEXT_BYTES], message[320];

	(void)snprintf(message, sizeof message,
		       "\"%.60s\" %s is no spike tensor of this model, and %s; name it by its "
		       "spike tensor; populations of this shape",
		       item->name, rates_shape_text(shape, item->rank, item->shape), problem);
	return rates_refuse_with_candidates(matcher->list, item->rank, item->shape, message, err);
}

static void
accept(struct matcher *matcher)
{
	size_t i, listed = 0;
	struct rates_entry *entry;

	for (i = 0; i < matcher->entry_count; i++) {
		entry = &matcher->list->entries[matcher->entries[i]];
		entry->population = matcher->candidates[matcher->earliest[i]];
		tell(&matcher->by_order, matcher->list, entry, &listed);
	}
}

static snnfit_status
accept_order(struct matcher *matcher, snnfit_error *err)
{
	size_t i;

	find_latest(matcher);
	for (i = 0; i < matcher->entry_count; i++)
		if (matcher->earliest[i] != matcher->latest[i])
			return refuse_unmatched(matcher, i,
						"order and shape leave several populations for it",
						err);
	accept(matcher);
	return SNNFIT_OK;
}

/* First among the likely populations only, then among all. */
static snnfit_status
match_order(struct matcher *matcher, snnfit_error *err)
{
	bool *taken = NULL;
	int unlikely;

	if (!prepare(matcher, &taken))
		return error_no_memory(err);
	if (matcher->entry_count == 0)
		return SNNFIT_OK;
	if (matcher->entry_count > RATES_RENAMED_MAX)
		return error_set(err, SNNFIT_ELIMIT,
				 "%s: the names of %zu layers are not in the model; at most %d are "
				 "matched by order and shape",
				 matcher->list->carrier, matcher->entry_count, RATES_RENAMED_MAX);
	for (unlikely = 0; unlikely < LIKELIHOODS; unlikely++) {
		list_candidates(matcher, unlikely, taken);
		if (find_earliest(matcher))
			return accept_order(matcher, err);
	}
	for (unlikely = 0; unlikely < LIKELIHOODS; unlikely++) {
		list_candidates(matcher, unlikely, taken);
		if (find_by_shape(matcher)) {
			accept(matcher);
			return SNNFIT_OK;
		}
	}
	return refuse_unmatched(matcher, 0,
				"the layers given do not fit those of the model in order", err);
}

/* --- both --------------------------------------------------------------- */

static bool
note(const struct matcher *matcher, const struct text *matched, const char *how)
{
	if (text_failed(matched))
		return false;
	return matched->length == 0 ||
	       graph_note(matcher->list->context->graph,
			  "%s: names that are not in the model were matched by %s: %s",
			  matcher->list->carrier, how, matched->chars);
}

snnfit_status
rates_list_match(struct rates_list *list, snnfit_error *err)
{
	struct matcher matcher = { .list = list };
	snnfit_status status;

	map_init(&matcher.fingerprints, list->context->arena);
	status = match_fingerprints(&matcher, err);
	if (status == SNNFIT_OK)
		status = match_order(&matcher, err);
	if (status == SNNFIT_OK &&
	    (!note(&matcher, &matcher.by_fingerprint, "the fingerprint of the weights") ||
	     !note(&matcher, &matcher.by_order, "layer order and shape")))
		status = error_no_memory(err);
	text_free(&matcher.by_fingerprint);
	text_free(&matcher.by_order);
	return status;
}
