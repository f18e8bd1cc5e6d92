/* rates_json.c - the JSON document of FORMATS section 2, and plain arrays of numbers. */
#include "core/base64.h"
#include "core/json.h"
#include "importer/rates_list.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that jansson takes for a value, with its place in the list, and for an
 * empty list and an empty object: a short text can ask for much. */
enum { VALUE_BYTES = 96, ARRAY_BYTES = 160, OBJECT_BYTES = 320 };
static const uint64_t JSON_MEMORY_MAX = UINT64_C(768) << 20;

static snnfit_status
refuse(const struct rates_list *list, const char *problem, snnfit_error *err)
{
	return error_set(err, SNNFIT_EDATA, "%s: %s", list->carrier, problem);
}

/* --- text to values ------------------------------------------------------ */

/* Commas inside strings count too: that only makes the estimate too high. */
static uint64_t
estimate_memory(const char *text, size_t length)
{
	uint64_t bytes = length;
	size_t i;

	for (i = 0; i < length; i++) {
		if (text[i] == ',')
			bytes += VALUE_BYTES;
		else if (text[i] == '[')
			bytes += ARRAY_BYTES;
		else if (text[i] == '{')
			bytes += OBJECT_BYTES;
	}
	return bytes;
}

static snnfit_status
parse(const struct rates_list *list, const char *text, size_t length, json_t **out,
      snnfit_error *err)
{
	struct json_problem problem;
	snnfit_status status;

	*out = NULL;
	if (estimate_memory(text, length) > JSON_MEMORY_MAX)
		return error_set(err, SNNFIT_ELIMIT,
				 "%s: the JSON text is too large; give the rates as rates_b64, or "
				 "in an .npz file",
				 list->carrier);
	status = json_parse(out, text, length, &problem);
	if (status == SNNFIT_ENOMEM)
		return error_no_memory(err);
	if (status == SNNFIT_OK)
		return SNNFIT_OK;
	return error_set(err, SNNFIT_EDATA,
			 "%s: not the JSON of firing rates: line %" PRIu64 ", column %" PRIu64
			 ": %s",
			 list->carrier, problem.line, problem.column, problem.text);
}

static const char *
type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_NULL:
		return "null";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a truth value";
	default:
		return "a number";
	}
}

/* --- one layer ------------------------------------------------------------ */

struct layer {
	const char *tensor, *fingerprint;
	const json_t *rates; /* an array; or NULL and */
	uint8_t *floats;     /* decoded base64, to be freed */
	size_t count;	     /* of rates */
	uint32_t rank;
	uint64_t shape[RATES_RANK_MAX];
};

static snnfit_status
refuse_layer(const struct rates_list *list, const struct layer *layer, const char *problem,
	     snnfit_error *err)
{
	return error_set(err, SNNFIT_EDATA, "%s: rates of \"%.100s\": %s", list->carrier,
			 layer->tensor, problem);
}

static snnfit_status
decode_base64(const struct rates_list *list, const json_t *text, struct layer *layer,
	      snnfit_error *err)
{
	size_t bytes, bad;

	if (!base64_decoded_length(json_string_value(text), json_string_length(text), &bytes))
		return refuse_layer(list, layer,
				    "\"rates_b64\" is no base64: its length is no "
				    "multiple of 4",
				    err);
	layer->floats = malloc(bytes + 1);
	if (!layer->floats)
		return error_no_memory(err);
	if (!base64_decode(json_string_value(text), json_string_length(text), layer->floats, &bad))
		return error_set(err, SNNFIT_EDATA,
				 "%s: rates of \"%.100s\": \"rates_b64\" is no base64 at character "
				 "%zu",
				 list->carrier, layer->tensor, bad);
	if (bytes % 4 != 0)
		return refuse_layer(list, layer,
				    "\"rates_b64\" does not hold a whole number of "
				    "float32 values",
				    err);
	layer->count = bytes / 4;
	return SNNFIT_OK;
}

static snnfit_status
read_rates(const struct rates_list *list, const json_t *object, struct layer *layer,
	   snnfit_error *err)
{
	const json_t *rates = json_object_get(object, "rates");
	const json_t *text = json_object_get(object, "rates_b64");

	if (!rates == !text)
		return refuse_layer(list, layer,
				    "one of \"rates\" and \"rates_b64\" is to be given", err);
	if (text && !json_is_string(text))
		return refuse_layer(list, layer, "\"rates_b64\" is not a string", err);
	if (text)
		return decode_base64(list, text, layer, err);
	if (!json_is_array(rates))
		return refuse_layer(list, layer, "\"rates\" is not an array", err);
	layer->rates = rates;
	layer->count = json_array_size(rates);
	return SNNFIT_OK;
}

static snnfit_status
read_shape(const struct rates_list *list, const json_t *object, struct layer *layer,
	   snnfit_error *err)
{
	const json_t *shape = json_object_get(object, "shape"), *size;
	uint32_t i;

	layer->rank = 1;
	layer->shape[0] = layer->count;
	if (!shape)
		return SNNFIT_OK;
	if (!json_is_array(shape) || json_array_size(shape) == 0 ||
	    json_array_size(shape) > RATES_RANK_MAX)
		return refuse_layer(list, layer, "\"shape\" is not a list of 1 to 32 sizes", err);
	layer->rank = (uint32_t)json_array_size(shape);
	for (i = 0; i < layer->rank; i++) {
		size = json_array_get(shape, i);
		if (!json_is_integer(size) || json_integer_value(size) <= 0)
			return refuse_layer(list, layer,
					    "\"shape\" holds something that is not a "
					    "size",
					    err);
		layer->shape[i] = (uint64_t)json_integer_value(size);
	}
	return SNNFIT_OK;
}

static snnfit_status
check_count(const struct rates_list *list, const struct layer *layer, snnfit_error *err)
{
	char text[SHAPE_TEXT_BYTES];
	uint64_t count = 1;
	uint32_t i;
	bool fits = true;

	for (i = 0; i < layer->rank && fits; i++)
		fits = !__builtin_mul_overflow(count, layer->shape[i], &count);
	if (fits && count == layer->count)
		return SNNFIT_OK;
	return error_set(err, SNNFIT_EDATA, "%s: rates of \"%.100s\": %zu rates for shape %s",
			 list->carrier, layer->tensor, layer->count,
			 rates_shape_text(text, layer->rank, layer->shape));
}

static snnfit_status
check_numbers(const struct rates_list *list, const struct layer *layer, snnfit_error *err)
{
	const json_t *value;
	size_t i;

	for (i = 0; layer->rates && i < layer->count; i++) {
		value = json_array_get(layer->rates, i);
		if (!json_is_number(value))
			return error_set(
				err, SNNFIT_EDATA,
				"%s: rates of \"%.100s\": the rate at index %zu is %s, not a "
				"number",
				list->carrier, layer->tensor, i, type_name(value));
	}
	return SNNFIT_OK;
}

static void
copy_numbers(const json_t *array, struct rates_entry *entry)
{
	size_t i;

	for (i = 0; i < entry->count; i++)
		entry->values[i] = json_number_value(json_array_get(array, i));
}

static void
copy_floats(const uint8_t *bytes, struct rates_entry *entry)
{
	uint32_t bits;
	float value;
	size_t i;

	for (i = 0; i < entry->count; i++, bytes += 4) {
		bits = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
		       (uint32_t)bytes[3] << 24;
		memcpy(&value, &bits, sizeof value);
		entry->values[i] = (double)value;
	}
}

static bool
is_fingerprint(const char *text)
{
	return strlen(text) == 16 && strspn(text, "0123456789abcdef") == 16;
}

static snnfit_status
read_names(const struct rates_list *list, const json_t *object, size_t number, struct layer *layer,
	   snnfit_error *err)
{
	const json_t *tensor = json_object_get(object, "tensor");
	const json_t *fingerprint = json_object_get(object, "fingerprint");

	if (!json_is_object(object) || !json_is_string(tensor) || !*json_string_value(tensor))
		return error_set(err, SNNFIT_EDATA,
				 "%s: \"layers\"[%zu] is not an object with a \"tensor\", the name "
				 "of a spike tensor",
				 list->carrier, number);
	layer->tensor = json_string_value(tensor);
	if (fingerprint &&
	    (!json_is_string(fingerprint) || !is_fingerprint(json_string_value(fingerprint))))
		return refuse_layer(list, layer, "\"fingerprint\" is not 16 hex digits", err);
	if (!fingerprint)
		return SNNFIT_OK;
	layer->fingerprint = arena_strdup(list->context->arena, json_string_value(fingerprint));
	return layer->fingerprint ? SNNFIT_OK : error_no_memory(err);
}

static snnfit_status
add_layer(struct rates_list *list, const struct layer *layer, snnfit_error *err)
{
	struct rates_entry *entry = NULL;
	snnfit_status status;

	status = check_count(list, layer, err);
	if (status == SNNFIT_OK)
		status = check_numbers(list, layer, err);
	if (status == SNNFIT_OK)
		status = rates_list_add(list, layer->tensor, layer->fingerprint, layer->rank,
					layer->shape, &entry, err);
	if (status != SNNFIT_OK)
		return status;
	if (layer->rates)
		copy_numbers(layer->rates, entry);
	else
		copy_floats(layer->floats, entry);
	return SNNFIT_OK;
}

static snnfit_status
read_layer(struct rates_list *list, const json_t *object, size_t number, snnfit_error *err)
{
	struct layer layer = { 0 };
	snnfit_status status;

	status = read_names(list, object, number, &layer, err);
	if (status == SNNFIT_OK)
		status = read_rates(list, object, &layer, err);
	if (status == SNNFIT_OK)
		status = read_shape(list, object, &layer, err);
	if (status == SNNFIT_OK)
		status = add_layer(list, &layer, err);
	free(layer.floats);
	return status;
}

/* --- the document --------------------------------------------------------- */

static snnfit_status
read_version(const struct rates_list *list, const json_t *document, snnfit_error *err)
{
	const json_t *version = json_object_get(document, "version");

	if (!json_is_object(document) || !version)
		return refuse(list, "not an object with a \"version\"", err);
	if (!json_is_integer(version))
		return refuse(list, "\"version\" is not an integer; version 1 is known", err);
	if (json_integer_value(version) != 1)
		return error_set(err, SNNFIT_EDATA,
				 "%s: version %" JSON_INTEGER_FORMAT " is not known; version 1 is",
				 list->carrier, json_integer_value(version));
	return SNNFIT_OK;
}

static snnfit_status
read_size(const struct rates_list *list, const json_t *document, const char *key, uint64_t *out,
	  snnfit_error *err)
{
	const json_t *value = json_object_get(document, key);

	if (!value)
		return SNNFIT_OK;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return error_set(err, SNNFIT_EDATA, "%s: \"%s\" is not a number of at least 0",
				 list->carrier, key);
	*out = (uint64_t)json_integer_value(value);
	return SNNFIT_OK;
}

static snnfit_status
read_layers(struct rates_list *list, const json_t *document, snnfit_error *err)
{
	const json_t *layers = json_object_get(document, "layers");
	snnfit_status status = SNNFIT_OK;
	size_t i;

	if (!json_is_array(layers))
		return refuse(list, "\"layers\" is missing, or not an array", err);
	for (i = 0; i < json_array_size(layers) && status == SNNFIT_OK; i++)
		status = read_layer(list, json_array_get(layers, i), i, err);
	return status;
}

snnfit_status
rates_read_json(struct rates_list *list, const char *text, size_t length, snnfit_error *err)
{
	json_t *document = NULL;
	snnfit_status status;

	status = parse(list, text, length, &document, err);
	if (status == SNNFIT_OK)
		status = read_version(list, document, err);
	if (status == SNNFIT_OK)
		status = read_size(list, document, "samples", &list->samples, err);
	if (status == SNNFIT_OK)
		status = read_size(list, document, "steps", &list->steps, err);
	if (status == SNNFIT_OK)
		status = read_layers(list, document, err);
	json_decref(document);
	return status;
}

snnfit_status
rates_read_json_array(struct rates_list *list, const char *tensor, const char *text, size_t length,
		      snnfit_error *err)
{
	struct layer layer = { .tensor = tensor, .rank = 1 };
	json_t *array = NULL;
	snnfit_status status;

	status = parse(list, text, length, &array, err);
	if (status == SNNFIT_OK && !json_is_array(array))
		status = refuse_layer(list, &layer, "not an array of numbers", err);
	if (status == SNNFIT_OK) {
		layer.rates = array;
		layer.count = json_array_size(array);
		layer.shape[0] = layer.count;
		status = add_layer(list, &layer, err);
	}
	json_decref(array);
	return status;
}
