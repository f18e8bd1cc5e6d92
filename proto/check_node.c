/* check_node.c - nodes: an operator there is, with the inputs, outputs and attributes
 * that it takes. Of operators of other domains only what holds for all of them. */
#include "proto/check_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- attributes -------------------------------------------------------------------- */

enum { TYPE_OPTIONAL_IR = 1 }; /* the type of an attribute was what is in it */

/* The types of the values that an attribute has, a bit each. */
static uint32_t
values_of(const Onnx__AttributeProto *attribute)
{
#define VALUE(type, is_there)                                                                      \
	((is_there) ? 1u << ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##type : 0u)
	return VALUE(FLOAT, attribute->has_f) | VALUE(INT, attribute->has_i) |
	       VALUE(STRING, attribute->has_s) | VALUE(TENSOR, attribute->t) |
	       VALUE(GRAPH, attribute->g) | VALUE(SPARSE_TENSOR, attribute->sparse_tensor) |
	       VALUE(TYPE_PROTO, attribute->tp) | VALUE(FLOATS, attribute->n_floats) |
	       VALUE(INTS, attribute->n_ints) | VALUE(STRINGS, attribute->n_strings) |
	       VALUE(TENSORS, attribute->n_tensors) | VALUE(GRAPHS, attribute->n_graphs) |
	       VALUE(SPARSE_TENSORS, attribute->n_sparse_tensors) |
	       VALUE(TYPE_PROTOS, attribute->n_type_protos);
#undef VALUE
}

/* Types whose value cannot be nothing: no default, no empty list. */
static bool
needs_value(uint32_t type)
{
	return type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR ||
	       type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH ||
	       type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__SPARSE_TENSOR ||
	       type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TYPE_PROTO;
}

static bool
is_reference(const Onnx__AttributeProto *attribute)
{
	return attribute->ref_attr_name && *attribute->ref_attr_name;
}

/* What is wrong with the attribute's type and value, NULL: nothing. */
static const char *
value_complaint(const struct checker *checker, const Onnx__AttributeProto *attribute)
{
	uint32_t values = values_of(attribute), type = (uint32_t)attribute->type;

	if (values & (values - 1))
		return "has more than one value";
	if (!attribute->has_type && checker->proto->ir_version <= TYPE_OPTIONAL_IR)
		return NULL;
	if (!attribute_letter((int)attribute->type))
		return "has no type, or one that does not exist";
	if (values && values != 1u << type)
		return "has a value of another type than it says";
	if (!is_reference(attribute))
		return !values && needs_value(type) ? "has no value" : NULL;
	if (checker->owner == 0)
		return "refers to an attribute of a function, but is in none";
	return values ? "refers to an attribute of its function and has a value, too" : NULL;
}

static snnfit_status
values_check(struct checker *checker, const Onnx__AttributeProto *attribute)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	if (attribute->t)
		status = tensor_check(checker, attribute->t, NULL);
	if (status == SNNFIT_OK && attribute->sparse_tensor)
		status = sparse_tensor_check(checker, attribute->sparse_tensor);
	if (status == SNNFIT_OK && attribute->tp)
		status = type_check(checker, "its type", attribute->tp, false);
	for (i = 0; i < attribute->n_tensors && status == SNNFIT_OK; i++)
		status = tensor_check(checker, attribute->tensors[i], NULL);
	for (i = 0; i < attribute->n_sparse_tensors && status == SNNFIT_OK; i++)
		status = sparse_tensor_check(checker, attribute->sparse_tensors[i]);
	for (i = 0; i < attribute->n_type_protos && status == SNNFIT_OK; i++)
		status = type_check(checker, "its type", attribute->type_protos[i], false);
	return status;
}

snnfit_status
attribute_check(struct checker *checker, const Onnx__NodeProto *node,
		const Onnx__AttributeProto *attribute)
{
	char label[CHECK_LABEL_BYTES], place[CHECK_LABEL_BYTES + 100];
	const char *name = attribute->name ? attribute->name : "";
	const char *complaint = *name ? value_complaint(checker, attribute) : "has no name";
	snnfit_status status = complaint ? SNNFIT_EFORMAT : values_check(checker, attribute);

	if (status == SNNFIT_OK)
		return SNNFIT_OK;
	(void)snprintf(place, sizeof place, "%s%sattribute '%.80s'",
		       node ? node_label(node, label) : "", node ? ", " : "", name);
	if (!complaint)
		return refused_within(checker, status, place);
	return error_set(checker->err, SNNFIT_EFORMAT, "%s %s", place, complaint);
}

static snnfit_status
attributes_check(struct checker *checker, const Onnx__NodeProto *node)
{
	snnfit_status status = SNNFIT_OK;
	bool again = false;
	size_t i;

	list_begin(checker);
	for (i = 0; i < node->n_attribute && status == SNNFIT_OK; i++) {
		status = attribute_check(checker, node, node->attribute[i]);
		if (status == SNNFIT_OK)
			status = list_add(checker, node->attribute[i]->name, &again);
		if (status == SNNFIT_OK && again)
			status = node_refuse(checker, node, "has the attribute '%.80s' twice",
					     node->attribute[i]->name);
	}
	return status;
}

/* --- standard operators --------------------------------------------------------------- */

/* Inputs or outputs against the operator's: a letter each, as in operator_set.h. */
static snnfit_status
formals_check(struct checker *checker, const Onnx__NodeProto *node, const char *what,
	      char *const *names, size_t count, const char *formals, size_t least)
{
	size_t most = strlen(formals), i;

	if (most && formals[most - 1] == '*')
		most = SIZE_MAX;
	if (count < least || count > most)
		return node_refuse(checker, node, "has %zu %ss, but its operator takes %s %zu",
				   count, what, count < least ? "at least" : "at most",
				   count < least ? least : most);
	for (i = 0; i < count && formals[i] && formals[i] != '*'; i++)
		if (!*names[i] && formals[i] == '1')
			return node_refuse(checker, node, "leaves out %s %zu, which must be there",
					   what, i);
	return SNNFIT_OK;
}

/* Names that begin so are for tools to use as they like. */
static bool
is_private(const char *name)
{
	return name[0] == '_' && name[1] == '_';
}

/* What a Cast makes. */
static bool
names_data_type(const Onnx__AttributeProto *attribute)
{
	return strcmp(attribute->name, "to") == 0 && !is_reference(attribute) &&
	       attribute->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
}

static snnfit_status
known_attributes_check(struct checker *checker, const Onnx__NodeProto *node,
		       const struct operator_facts *facts)
{
	uint64_t places = 0;
	const char *missing;
	size_t i, length = 0;

	for (i = 0; i < node->n_attribute; i++) {
		const Onnx__AttributeProto *attribute = node->attribute[i];
		unsigned place;
		char letter = operator_attribute(facts, attribute->name, &place);

		if (!letter && (operator_is_open(facts) || is_private(attribute->name)))
			continue;
		if (!letter)
			return node_refuse(checker, node,
					   "has the attribute '%.80s', which its operator does not "
					   "know",
					   attribute->name);
		if (attribute->has_type && attribute_letter((int)attribute->type) != letter)
			return node_refuse(checker, node,
					   "has the attribute '%.80s' of another type than its "
					   "operator takes",
					   attribute->name);
		if (names_data_type(attribute) && !(attribute->i == (int32_t)attribute->i &&
						    data_type_is_valid((int32_t)attribute->i)))
			return node_refuse(checker, node,
					   "has the attribute 'to' = %" PRId64
					   ", which is no type of tensors",
					   attribute->i);
		places |= 1ull << place;
	}
	missing = operator_missing_attribute(facts, places, &length);
	if (missing)
		return node_refuse(checker, node, "needs the attribute '%.*s'", (int)length,
				   missing);
	return SNNFIT_OK;
}

/* Operators that join any number of inputs cannot join one that is left out. */
static snnfit_status
joined_check(struct checker *checker, const Onnx__NodeProto *node)
{
	size_t i;

	for (i = 0; i < node->n_input; i++)
		if (!*node->input[i])
			return node_refuse(checker, node,
					   "leaves out input %zu, which must be there", i);
	return SNNFIT_OK;
}

static snnfit_status
facts_check(struct checker *checker, const Onnx__NodeProto *node,
	    const struct operator_facts *facts)
{
	snnfit_status status;

	status = formals_check(checker, node, "input", node->input, node->n_input, facts->inputs,
			       facts->least_inputs);
	if (status == SNNFIT_OK && facts->inputs[0] == '*')
		status = joined_check(checker, node);
	if (status == SNNFIT_OK)
		status = formals_check(checker, node, "output", node->output, node->n_output,
				       facts->outputs, facts->least_outputs);
	if (status == SNNFIT_OK)
		status = known_attributes_check(checker, node, facts);
	return status;
}

/* A set of another domain, or newer than we know, may have any operators. */
static snnfit_status
standard_check(struct checker *checker, const Onnx__NodeProto *node, int64_t version)
{
	const char *domain = domain_of(node->domain);
	const struct operator_set *set = operator_set_find(domain);
	const struct operator_facts *facts;

	if (!set || version > set->newest || (!*domain && operator_is_experimental(node->op_type)))
		return SNNFIT_OK;
	facts = operator_find(set, node->op_type, version);
	if (!facts && !set->is_closed)
		return SNNFIT_OK;
	if (!facts)
		return node_refuse(checker, node,
				   "asks for an operator that version %" PRId64
				   " of %s%.60s does not have",
				   version, *domain ? "domain " : "the standard operators", domain);
	if (facts->deprecated)
		return node_refuse(checker, node,
				   "uses an operator that was withdrawn in version %" PRId32,
				   facts->since);
	return facts_check(checker, node, facts);
}

/* --- any node --------------------------------------------------------------------------- */

/* A call may leave out the last inputs and outputs. */
static snnfit_status
call_check(struct checker *checker, const Onnx__NodeProto *node,
	   const Onnx__FunctionProto *function)
{
	if (node->n_input <= function->n_input && node->n_output <= function->n_output)
		return SNNFIT_OK;
	return node_refuse(checker, node,
			   "has %zu inputs and %zu outputs, but its function takes at most %zu and "
			   "%zu",
			   node->n_input, node->n_output, function->n_input, function->n_output);
}

snnfit_status
node_check(struct checker *checker, const Onnx__NodeProto *node)
{
	const Onnx__FunctionProto *function;
	snnfit_status status;
	int64_t version;

	if (!node->op_type || !*node->op_type)
		return node_refuse(checker, node, "has no operator");
	if (node->n_input == 0 && node->n_output == 0)
		return node_refuse(checker, node, "has neither inputs nor outputs");
	if (!imported_version(checker, node->domain, &version))
		return node_refuse(checker, node,
				   "is of domain '%.80s', which opset_import does not name",
				   domain_of(node->domain));
	status = attributes_check(checker, node);
	if (status == SNNFIT_OK)
		status = function_of(checker, node, &function);
	if (status != SNNFIT_OK)
		return status;
	return function ? call_check(checker, node, function)
			: standard_check(checker, node, version);
}
