/* device_json.c - devices as JSON: what `snnfit targets --json` prints, and device files. */
#include "estimator/devices.h"

#include "core/json.h"
#include "core/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT 65536 /* bytes; a device takes a few hundred */
#define CAPACITY_LIMIT 1000000000

/* --- writing ------------------------------------------------------------------- */

static int
set_capacities(json_t *object, const struct device *device)
{
	int failed = 0;

	for (enum resource r = RESOURCE_LUT; r < RESOURCE_COUNT; r++)
		failed |= json_object_set_new(object, resource_name(r),
					      device->capacity[r] == DEVICE_UNLIMITED
						      ? json_null()
						      : json_integer(device->capacity[r]));
	return failed;
}

static json_t *
usable_to_json(const struct device *device)
{
	json_t *object = json_object();

	for (enum resource r = RESOURCE_LUT; object && r < RESOURCE_COUNT; r++)
		if (json_object_set_new(object, resource_name(r), json_real(device->usable[r]))) {
			json_decref(object);
			return NULL;
		}
	return object;
}

static json_t *
aliases_to_json(const struct device *device)
{
	json_t *array = json_array();

	for (int i = 0; array && i < DEVICE_MAX_ALIASES && device->aliases[i][0]; i++)
		if (json_array_append_new(array, json_string(device->aliases[i]))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

json_t *
device_to_json(const struct device *device)
{
	json_t *object = json_object();
	int failed = 0;

	if (!object)
		return NULL;
	failed |= json_object_set_new(object, "name", json_string(device->name));
	failed |= json_object_set_new(object, "aliases", aliases_to_json(device));
	failed |= json_object_set_new(object, "family", json_string(device->family_name));
	failed |= json_object_set_new(object, "calibrated", json_boolean(device->calibrated));
	failed |= set_capacities(object, device);
	failed |= json_object_set_new(object, "bram_block_kbit",
				      json_integer(device->bram_block_kbit));
	failed |= json_object_set_new(object, "spram", json_integer(device->spram));
	failed |= json_object_set_new(object, "usable", usable_to_json(device));
	failed |= json_object_set_new(object, "static_mw", json_real(device->static_mw));
	failed |= json_object_set_new(object, "clock_mhz", json_real(device->clock_mhz));
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

/* --- reading ------------------------------------------------------------------- */

struct reading {
	const char *place;
	json_t *object;
	struct device *out;
	snnfit_error *err;
};

static snnfit_status
refuse(const struct reading *reading, const char *field, const char *must)
{
	return error_set(reading->err, SNNFIT_EUSAGE, "%s: device field \"%s\" must be %s",
			 reading->place, field, must);
}

static bool
is_resource(const char *name)
{
	for (enum resource r = RESOURCE_LUT; r < RESOURCE_COUNT; r++)
		if (!strcmp(name, resource_name(r)))
			return true;
	return false;
}

static snnfit_status
check_fields(const struct reading *reading)
{
	static const char *const known[] = { "name",	   "aliases",	"family",
					     "calibrated", "spram",	"usable",
					     "static_mw",  "clock_mhz", "bram_block_kbit" };
	const char *field;
	json_t *value;

	json_object_foreach (reading->object, field, value) {
		bool found = is_resource(field);

		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			found = found || !strcmp(field, known[i]);
		if (!found)
			return error_set(reading->err, SNNFIT_EUSAGE,
					 "%s: device field \"%s\" is unknown: see snnfit targets "
					 "--json",
					 reading->place, field);
	}
	return SNNFIT_OK;
}

static snnfit_status
read_text(const struct reading *reading, const json_t *value, const char *field, char *out)
{
	const char *text = json_string_value(value);

	if (!text || !*text || strlen(text) >= DEVICE_NAME_SIZE)
		return refuse(reading, field, "a text of 1 to 63 bytes");
	memcpy(out, text, strlen(text) + 1);
	return SNNFIT_OK;
}

static snnfit_status
read_aliases(const struct reading *reading)
{
	json_t *aliases = json_object_get(reading->object, "aliases");
	snnfit_status status;

	if (!aliases)
		return SNNFIT_OK;
	if (!json_is_array(aliases) || json_array_size(aliases) > DEVICE_MAX_ALIASES)
		return refuse(reading, "aliases", "an array of at most 4 texts");
	for (size_t i = 0; i < json_array_size(aliases); i++) {
		status = read_text(reading, json_array_get(aliases, i), "aliases",
				   reading->out->aliases[i]);
		if (status != SNNFIT_OK)
			return status;
	}
	return SNNFIT_OK;
}

/* null and a field that is not there leave *out as it is. */
static snnfit_status
read_count(const struct reading *reading, const char *field, uint32_t *out)
{
	json_t *value = json_object_get(reading->object, field);
	json_int_t count;

	if (!value || json_is_null(value))
		return SNNFIT_OK;
	count = json_integer_value(value);
	if (!json_is_integer(value) || count < 0 || count > CAPACITY_LIMIT)
		return refuse(reading, field, "a whole number from 0 to 1000000000, or null");
	*out = (uint32_t)count;
	return SNNFIT_OK;
}

static snnfit_status
read_number(const struct reading *reading, const char *field, double *out)
{
	json_t *value = json_object_get(reading->object, field);

	if (!value)
		return SNNFIT_OK;
	if (!json_is_number(value) || !(json_number_value(value) >= 0) ||
	    json_number_value(value) > CAPACITY_LIMIT)
		return refuse(reading, field, "a number from 0 to 1000000000");
	*out = json_number_value(value);
	return SNNFIT_OK;
}

static snnfit_status
read_capacities(const struct reading *reading)
{
	snnfit_status status = SNNFIT_OK;

	for (enum resource r = RESOURCE_LUT; r < RESOURCE_COUNT && status == SNNFIT_OK; r++) {
		reading->out->capacity[r] = DEVICE_UNLIMITED;
		status = read_count(reading, resource_name(r), &reading->out->capacity[r]);
	}
	return status;
}

static snnfit_status
read_usable(const struct reading *reading)
{
	json_t *usable = json_object_get(reading->object, "usable"), *value;
	const char *name;

	if (usable && !json_is_object(usable))
		return refuse(reading, "usable", "an object of shares, one a resource");
	json_object_foreach (usable, name, value) {
		double share = json_number_value(value);

		if (!is_resource(name) || !json_is_number(value) || !(share > 0 && share <= 1))
			return refuse(reading, "usable",
				      "shares over 0 and up to 1 of lut, ff, logic_cells, bram, "
				      "dsp");
		for (enum resource r = RESOURCE_LUT; r < RESOURCE_COUNT; r++)
			if (!strcmp(name, resource_name(r)))
				reading->out->usable[r] = share;
	}
	return SNNFIT_OK;
}

/* What the family says; "calibrated" is for people, and can't be claimed. */
static snnfit_status
read_family(const struct reading *reading)
{
	struct device *out = reading->out;
	uint32_t kbit = 0;
	snnfit_status status = read_text(reading, json_object_get(reading->object, "family"),
					 "family", out->family_name);

	if (status != SNNFIT_OK)
		return status;
	if (!family_find(out->family_name, &out->family, &out->bram_block_kbit, &out->calibrated))
		return refuse(reading, "family", "ice40, ecp5, xc7, gowin or ultrascale+");
	kbit = out->bram_block_kbit;
	status = read_count(reading, "bram_block_kbit", &kbit);
	if (status == SNNFIT_OK && kbit != out->bram_block_kbit)
		return refuse(reading, "bram_block_kbit", "what blocks of its family have");
	return status;
}

static snnfit_status
read_device(const struct reading *reading)
{
	struct device *out = reading->out;
	const struct device *like = device_find("ecp5");
	snnfit_status status = check_fields(reading);

	*out = (struct device){ .clock_mhz = like->clock_mhz };
	memcpy(out->usable, like->usable, sizeof out->usable);
	if (status == SNNFIT_OK)
		status = read_text(reading, json_object_get(reading->object, "name"), "name",
				   out->name);
	if (status == SNNFIT_OK)
		status = read_aliases(reading);
	if (status == SNNFIT_OK)
		status = read_family(reading);
	if (status == SNNFIT_OK)
		status = read_capacities(reading);
	if (status == SNNFIT_OK)
		status = read_count(reading, "spram", &out->spram);
	if (status == SNNFIT_OK)
		status = read_usable(reading);
	if (status == SNNFIT_OK)
		status = read_number(reading, "static_mw", &out->static_mw);
	if (status == SNNFIT_OK)
		status = read_number(reading, "clock_mhz", &out->clock_mhz);
	if (status == SNNFIT_OK && !(out->clock_mhz > 0))
		return refuse(reading, "clock_mhz", "over 0");
	return status;
}

snnfit_status
device_from_json(const char *text, size_t length, const char *place, struct device *out,
		 snnfit_error *err)
{
	struct reading reading = { .place = place, .out = out, .err = err };
	struct json_problem problem;
	snnfit_status status;

	status = json_parse(&reading.object, text, length, &problem);
	if (status == SNNFIT_ENOMEM)
		return error_no_memory(err);
	if (status != SNNFIT_OK)
		return error_set(err, SNNFIT_EUSAGE, "%s: line %" PRIu64 ": not a JSON device: %s",
				 place, problem.line, problem.text);
	status = json_is_object(reading.object)
			 ? read_device(&reading)
			 : error_set(err, SNNFIT_EUSAGE, "%s: a device must be a JSON object",
				     place);
	json_decref(reading.object);
	return status;
}

/* --- by name or path -------------------------------------------------------------- */

static snnfit_status
unknown_device(const char *name, snnfit_error *err)
{
	struct text known = { 0 };
	snnfit_status status;
	size_t count;
	const struct device *devices = device_table(&count);

	for (size_t i = 0; i < count; i++)
		text_printf(&known, "%s%s", i ? ", " : "", devices[i].name);
	if (text_failed(&known)) {
		text_free(&known);
		return error_no_memory(err);
	}
	status = error_set(err, SNNFIT_EUSAGE,
			   "target %s: unknown device: choose one of %s, or give a JSON file", name,
			   known.chars);
	text_free(&known);
	return status;
}

static snnfit_status
load_file(const char *path, struct device *out, snnfit_error *err)
{
	char *text;
	size_t length;
	bool failed;
	FILE *file = fopen(path, "rb");
	snnfit_status status;

	if (!file)
		return error_set(err, SNNFIT_EIO, "%s: can't be opened: %s", path, strerror(errno));
	text = malloc(FILE_LIMIT + 1);
	if (!text) {
		fclose(file);
		return error_no_memory(err);
	}
	length = fread(text, 1, FILE_LIMIT + 1, file);
	failed = ferror(file);
	fclose(file);
	if (failed)
		status = error_set(err, SNNFIT_EIO, "%s: can't be read", path);
	else if (length > FILE_LIMIT)
		status = error_set(err, SNNFIT_EUSAGE, "%s: too long for a device file", path);
	else
		status = device_from_json(text, length, path, out, err);
	free(text);
	return status;
}

static bool
names_file(const char *name)
{
	size_t length = strlen(name);

	return strchr(name, '/') || (length > 5 && !strcmp(&name[length - 5], ".json"));
}

snnfit_status
device_load(const char *name_or_path, struct device *out, snnfit_error *err)
{
	const struct device *known;

	if (names_file(name_or_path))
		return load_file(name_or_path, out, err);
	known = device_find(name_or_path);
	if (!known)
		return unknown_device(name_or_path, err);
	*out = *known;
	return SNNFIT_OK;
}
