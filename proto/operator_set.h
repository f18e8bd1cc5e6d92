/* operator_set.h - what the standard operators take, version by version. */
#ifndef SNNFIT_PROTO_OPERATOR_SET_H
#define SNNFIT_PROTO_OPERATOR_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One operator from one version on. Inputs and outputs are a letter each: '1' must
 * be there, '?' may be left out, '*' (at the end) any number. Attributes are
 * "name:type" with a blank between; a '!' behind those that must be there; "*": any
 * others, too. The types are the letters of attribute_letter. */
struct operator_facts {
	const char *name;
	int32_t since; /* version of the operator set */
	bool deprecated;
	uint8_t least_inputs;
	uint8_t least_outputs;
	const char *inputs;
	const char *outputs;
	const char *attributes;
};

struct operator_set {
	const char *domain;
	int32_t newest;			   /* version that the table knows */
	bool is_closed;			   /* it has no operators but those in the table */
	const struct operator_facts *rows; /* by name, then by version */
	size_t count;
};

enum { OPERATOR_SET_COUNT = 3 };
extern const struct operator_set operator_sets[OPERATOR_SET_COUNT];

/* NULL: not a standard domain. "ai.onnx" is "". */
const struct operator_set *operator_set_find(const char *domain);
/* What the operator is in this version of the set; NULL: it has none of that name. */
const struct operator_facts *operator_find(const struct operator_set *set, const char *name,
					   int64_t version);
/* Operators of very old exporters that never became standard, and that ONNX lets
 * pass in its own domain. */
bool operator_is_experimental(const char *name);

/* The letter of an AttributeProto.AttributeType, 0 for unknown ones. */
char attribute_letter(int type);
/* The letter of the operator's attribute; 0: it has none of that name. *place: its
 * number among the operator's attributes. */
char operator_attribute(const struct operator_facts *facts, const char *name, unsigned *place);
/* True when any attribute will do. */
bool operator_is_open(const struct operator_facts *facts);
/* The first attribute that must be there and whose place is not in the set (a bit
 * each); NULL: none. It is *length long, no NUL behind it. */
const char *operator_missing_attribute(const struct operator_facts *facts, uint64_t places,
				       size_t *length);

#endif
