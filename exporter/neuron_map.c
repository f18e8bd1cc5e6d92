/* neuron_map.c - units of the original model, through one optimization after another.
 *
 * A unit u of the input model stands for originals: itself, or, when the input
 * was optimized before, unit kept[u] of the model before that and all that was
 * merged into it. */
#include "exporter/neuron_map.h"

#include "core/json.h"
#include "exporter/json_text.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 24 };
static const size_t EARLIER_BYTES_MAX = (size_t)64 << 20;

struct composer {
	const struct graph *graph;
	const json_t *earlier; /* its layers, or NULL */
	bool *carried;	       /* [layers]: they have a population now */
	bool failed;	       /* out of memory */
};

static const char *const fate_names[] = {
	[UNIT_DEAD] = "dead",	  [UNIT_SILENT] = "silent", [UNIT_FIRING] = "always_firing",
	[UNIT_UNREAD] = "unread", [UNIT_FUSED] = "fused",
};

/* --- JSON, with failure remembered ------------------------------------------------------ */

static void
set(struct composer *composer, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		composer->failed = true;
}

static void
append(struct composer *composer, json_t *array, json_int_t value)
{
	if (json_array_append_new(array, json_integer(value)) != 0)
		composer->failed = true;
}

/* The list under the key, made when it is not there. Not owned. */
static json_t *
list_of(struct composer *composer, json_t *object, const char *key)
{
	if (!json_object_get(object, key))
		set(composer, object, key, json_array());
	return json_object_get(object, key);
}

static json_t *
merged_list(struct composer *composer, json_t *merged, json_int_t kept)
{
	char key[KEY_BYTES];

	(void)snprintf(key, sizeof key, "%" JSON_INTEGER_FORMAT, kept);
	return list_of(composer, merged, key);
}

/* --- the earlier map ------------------------------------------------------------------------ */

/* Names that an export gave to what took a tensor's place end in __word. */
static bool
same_name(const char *earlier, const char *now)
{
	size_t length;

	if (!earlier || !now)
		return false;
	length = strlen(earlier);
	return strncmp(earlier, now, length) == 0 &&
	       (!now[length] || strncmp(now + length, "__quantized", 11) == 0 ||
		strncmp(now + length, "__weights", 9) == 0 ||
		strncmp(now + length, "__cut", 5) == 0);
}

static bool
is_list_of_indices(const json_t *list)
{
	const json_t *value;
	size_t i;

	json_array_foreach ((json_t *)list, i, value)
		if (!json_is_integer(value) || json_integer_value(value) < 0)
			return false;
	return json_is_array(list);
}

static bool
are_lists_of_indices(const json_t *object)
{
	const char *key;
	json_t *list;

	json_object_foreach ((json_t *)object, key, list)
		if (!is_list_of_indices(list))
			return false;
	return json_is_object(object);
}

static bool
is_layer(const json_t *layer)
{
	return json_is_string(json_object_get(layer, "name")) &&
	       json_is_integer(json_object_get(layer, "units")) &&
	       is_list_of_indices(json_object_get(layer, "kept")) &&
	       are_lists_of_indices(json_object_get(layer, "merged")) &&
	       are_lists_of_indices(json_object_get(layer, "removed"));
}

/* The layers of a map of the documented form, else NULL. Not owned. */
static const json_t *
layers_of(const json_t *map)
{
	const json_t *layers = json_object_get(map, "layers"), *layer;
	size_t i;

	if (json_integer_value(json_object_get(map, "version")) != 1 || !json_is_array(layers))
		return NULL;
	json_array_foreach ((json_t *)layers, i, layer)
		if (!is_layer(layer))
			return NULL;
	return layers;
}

/* A layer is found by its name, else by its weight tensor, and must be as wide
 * as the population was before this optimization. NULL: none. */
static const json_t *
earlier_layer(struct composer *composer, const struct population *population)
{
	uint32_t units = composer->graph->axes[population->axis].units_before;
	const json_t *layer;
	size_t i, pass;

	for (pass = 0; composer->earlier && pass < 2; pass++)
		json_array_foreach ((json_t *)composer->earlier, i, layer) {
			const char *was = json_string_value(
				json_object_get(layer, pass ? "weight_tensor" : "name"));

			if (composer->carried[i] ||
			    !same_name(was, pass ? population->weight_tensor : population->name) ||
			    json_array_size(json_object_get(layer, "kept")) != units)
				continue;
			composer->carried[i] = true;
			return layer;
		}
	return NULL;
}

/* --- one population --------------------------------------------------------------- */

struct layer {
	struct composer *composer;
	const struct unit_axis *axis;
	const json_t *earlier; /* or NULL */
	json_t *kept, *merged, *removed;
};

static json_int_t
original_of(const struct layer *layer, uint32_t unit)
{
	if (!layer->earlier)
		return unit;
	return json_integer_value(json_array_get(json_object_get(layer->earlier, "kept"), unit));
}

/* What was merged into the unit before. */
static void
append_earlier_merges(const struct layer *layer, json_t *list, uint32_t unit)
{
	char key[KEY_BYTES];
	const json_t *value;
	size_t i;

	(void)snprintf(key, sizeof key, "%" JSON_INTEGER_FORMAT, original_of(layer, unit));
	json_array_foreach (json_object_get(json_object_get(layer->earlier, "merged"), key), i,
			    value)
		append(layer->composer, list, json_integer_value(value));
}

static bool
has_earlier_merges(const struct layer *layer, uint32_t unit)
{
	char key[KEY_BYTES];

	(void)snprintf(key, sizeof key, "%" JSON_INTEGER_FORMAT, original_of(layer, unit));
	return json_object_get(json_object_get(layer->earlier, "merged"), key) != NULL;
}

static void
append_originals(const struct layer *layer, json_t *list, uint32_t unit)
{
	append(layer->composer, list, original_of(layer, unit));
	append_earlier_merges(layer, list, unit);
}

/* The unit that a merged one ended in; merges may follow each other. */
static uint32_t
end_of_merges(const struct unit_axis *axis, uint32_t unit)
{
	uint32_t steps;

	for (steps = 0; steps < axis->units_before && axis->fate[unit] == UNIT_MERGED; steps++) {
		if (axis->merged_into[unit] >= axis->units_before)
			break;
		unit = axis->merged_into[unit];
	}
	return unit;
}

static void
copy_earlier_removals(const struct layer *layer)
{
	const json_t *value;
	const char *key;
	json_t *list;
	size_t i;

	json_object_foreach (json_object_get(layer->earlier, "removed"), key, list)
		json_array_foreach (list, i, value)
			append(layer->composer, list_of(layer->composer, layer->removed, key),
			       json_integer_value(value));
}

static void
place_unit(const struct layer *layer, uint32_t unit)
{
	const struct unit_axis *axis = layer->axis;
	uint32_t end = end_of_merges(axis, unit);
	uint8_t fate = axis->fate[end];

	if (fate != UNIT_KEPT) {
		const char *name = fate == UNIT_MERGED ? NULL : fate_names[fate];

		append_originals(layer,
				 list_of(layer->composer, layer->removed, name ? name : "dead"),
				 unit);
		return;
	}
	if (end != unit)
		append_originals(
			layer, merged_list(layer->composer, layer->merged, original_of(layer, end)),
			unit);
	else if (has_earlier_merges(layer, unit))
		append_earlier_merges(
			layer,
			merged_list(layer->composer, layer->merged, original_of(layer, unit)),
			unit);
}

static void
place_units(const struct layer *layer)
{
	const struct unit_axis *axis = layer->axis;
	uint32_t unit;

	copy_earlier_removals(layer);
	for (unit = 0; unit < axis->units; unit++)
		append(layer->composer, layer->kept, original_of(layer, axis->origin[unit]));
	for (unit = 0; unit < axis->units_before; unit++)
		place_unit(layer, unit);
}

static json_t *
make_layer(struct composer *composer, const struct population *population)
{
	struct layer layer = { .composer = composer,
			       .axis = &composer->graph->axes[population->axis],
			       .earlier = earlier_layer(composer, population),
			       .kept = json_array(),
			       .merged = json_object(),
			       .removed = json_object() };
	const char *name = population->name, *tensor = population->weight_tensor;
	json_int_t units = layer.axis->units_before;
	json_t *object = json_object();

	if (layer.earlier) {
		name = json_string_value(json_object_get(layer.earlier, "name"));
		tensor = json_string_value(json_object_get(layer.earlier, "weight_tensor"));
		units = json_integer_value(json_object_get(layer.earlier, "units"));
	}
	set(composer, object, "name", json_string(name));
	set(composer, object, "weight_tensor", tensor ? json_string(tensor) : json_null());
	set(composer, object, "units", json_integer(units));
	if (layer.kept && layer.merged && layer.removed)
		place_units(&layer);
	set(composer, object, "kept", layer.kept);
	set(composer, object, "merged", layer.merged);
	set(composer, object, "removed", layer.removed);
	return object;
}

/* --- all -------------------------------------------------------------------------- */

static json_t *
make_layers(struct composer *composer)
{
	json_t *layers = json_array();
	const json_t *layer;
	size_t i;

	for (i = 0; i < composer->graph->population_count && !composer->failed; i++)
		if (json_array_append_new(
			    layers, make_layer(composer, &composer->graph->populations[i])) != 0)
			composer->failed = true;
	/* Fused away before: there is no population any more, but they still tell. */
	json_array_foreach ((json_t *)composer->earlier, i, layer)
		if (!composer->carried[i] && json_array_size(json_object_get(layer, "kept")) == 0 &&
		    json_array_append(layers, (json_t *)layer) != 0)
			composer->failed = true;
	return layers;
}

snnfit_status
neuron_map_compose(char **out, const struct graph *graph, const char *earlier, snnfit_error *err)
{
	bool readable = earlier && strlen(earlier) <= EARLIER_BYTES_MAX;
	struct composer composer = { .graph = graph };
	struct json_problem problem;
	json_t *before = NULL, *map;

	*out = NULL;
	if (readable && json_parse(&before, earlier, strlen(earlier), &problem) == SNNFIT_ENOMEM)
		return error_no_memory(err);
	map = json_object();
	composer.earlier = layers_of(before);
	composer.carried = calloc(json_array_size(composer.earlier) + 1, sizeof(bool));
	composer.failed = !map || !composer.carried;
	if (!composer.failed) {
		set(&composer, map, "version", json_integer(1));
		set(&composer, map, "layers", make_layers(&composer));
	}
	*out = composer.failed ? NULL : json_text_of(map);
	json_decref(map);
	json_decref(before);
	free(composer.carried);
	return *out ? SNNFIT_OK : error_no_memory(err);
}
