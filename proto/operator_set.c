#include "proto/operator_set.h"

#include <string.h>

const struct operator_set *
operator_set_find(const char *domain)
{
	size_t i;

	if (strcmp(domain, "ai.onnx") == 0)
		domain = "";
	for (i = 0; i < OPERATOR_SET_COUNT; i++)
		if (strcmp(operator_sets[i].domain, domain) == 0)
			return &operator_sets[i];
	return NULL;
}

const struct operator_facts *
operator_find(const struct operator_set *set, const char *name, int64_t version)
{
	size_t low = 0, high = set->count;

	/* The first row past the operator's last one of a version up to this. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(set->rows[middle].name, name);

		if (order < 0 || (order == 0 && set->rows[middle].since <= version))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || strcmp(set->rows[low - 1].name, name) != 0)
		return NULL;
	return &set->rows[low - 1];
}

bool
operator_is_experimental(const char *name)
{
	static const char *const names[] = {
		"ATen",
		"Affine",
		"ConstantFill",
		"Crop",
		"DynamicSlice",
		"GRUUnit",
		"GivenTensorFill",
		"ImageScaler",
		"ParametricSoftplus",
		"Scale",
		"ScaledTanh",
	};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* --- attributes ------------------------------------------------------------------- */

char
attribute_letter(int type)
{
	static const char letters[] = "?fistgFISTGcCpP"; /* in the order of AttributeType */

	return type > 0 && (size_t)type < sizeof letters - 1 ? letters[type] : 0;
}

/* One "name:type!" of the list. */
struct entry {
	const char *name;
	size_t length; /* of the name; 0: the end of the list */
	char letter;
	bool required;
};

static struct entry
next_entry(const char **at)
{
	struct entry entry = { .name = *at, .length = strcspn(*at, ": ") };
	const char *end = *at + entry.length;

	if (*end == ':') {
		entry.letter = end[1];
		entry.required = end[2] == '!';
		end += 2 + entry.required;
	}
	*at = *end ? end + 1 : end;
	return entry;
}

char
operator_attribute(const struct operator_facts *facts, const char *name, unsigned *place)
{
	const char *at = facts->attributes;
	size_t length = strlen(name);
	struct entry entry;

	*place = 0;
	for (entry = next_entry(&at); entry.length; entry = next_entry(&at)) {
		if (entry.letter && entry.length == length && memcmp(entry.name, name, length) == 0)
			return entry.letter;
		++*place;
	}
	return 0;
}

bool
operator_is_open(const struct operator_facts *facts)
{
	return facts->attributes[0] == '*';
}

const char *
operator_missing_attribute(const struct operator_facts *facts, uint64_t places, size_t *length)
{
	const char *at = facts->attributes;
	struct entry entry;

	for (entry = next_entry(&at); entry.length; entry = next_entry(&at)) {
		if (entry.required && !(places & 1)) {
			*length = entry.length;
			return entry.name;
		}
		places >>= 1;
	}
	return NULL;
}
