/* check_function.c - the model's own functions: told apart, well-formed, and none
 * that calls itself, be it by way of others. */
#include "proto/check_private.h"

#include <stdio.h>
#include <string.h>

enum { IR_WITH_FUNCTIONS = 8 };

/* Domain, name and overload in one, which no other three give; in checker->key. */
static snnfit_status
key_of(struct checker *checker, const char *domain, const char *name, const char *overload)
{
	const char *parts[3] = { domain_of(domain), name, overload ? overload : "" };
	struct text *key = &checker->key;
	size_t i;

	key->length = 0;
	for (i = 0; i < 3; i++) {
		text_printf(key, "%zu ", strlen(parts[i]));
		text_append(key, parts[i]);
	}
	return text_failed(key) ? error_no_memory(checker->err) : SNNFIT_OK;
}

static const char *
function_label(const Onnx__FunctionProto *function, char room[CHECK_LABEL_BYTES])
{
	const char *domain = domain_of(function->domain);

	(void)snprintf(room, CHECK_LABEL_BYTES, "function '%.60s%s%.100s'", domain,
		       *domain ? "." : "", function->name);
	return room;
}

/* --- the list ------------------------------------------------------------------------ */

static snnfit_status
function_list(struct checker *checker, const Onnx__FunctionProto *function, uint32_t index)
{
	char label[CHECK_LABEL_BYTES];
	snnfit_status status;
	char *key;

	if (!function->name || !*function->name)
		return error_set(checker->err, SNNFIT_EFORMAT, "a function has no name");
	if (!function->domain && checker->proto->ir_version >= IR_WITH_FUNCTIONS)
		return error_set(checker->err, SNNFIT_EFORMAT, "%s has no domain",
				 function_label(function, label));
	status = key_of(checker, function->domain, function->name, function->overload);
	if (status != SNNFIT_OK)
		return status;
	if (map_get(&checker->function_keys, checker->key.chars) != MAP_NONE)
		return error_set(checker->err, SNNFIT_EFORMAT, "%s stands in the model twice",
				 function_label(function, label));
	key = arena_strdup(&checker->arena, checker->key.chars);
	if (!key || !map_set(&checker->function_keys, key, index))
		return error_no_memory(checker->err);
	checker->functions[index].proto = function;
	return SNNFIT_OK;
}

snnfit_status
functions_list(struct checker *checker)
{
	size_t count = checker->proto->n_functions, i;
	snnfit_status status = SNNFIT_OK;

	checker->functions = arena_zalloc(&checker->arena, count, sizeof *checker->functions);
	if (!checker->functions)
		return error_no_memory(checker->err);
	for (i = 0; i < count && status == SNNFIT_OK; i++)
		status = function_list(checker, checker->proto->functions[i], (uint32_t)i);
	return status;
}

snnfit_status
function_of(struct checker *checker, const Onnx__NodeProto *node,
	    const Onnx__FunctionProto **function)
{
	snnfit_status status;
	uint32_t index;

	*function = NULL;
	if (checker->proto->n_functions == 0)
		return SNNFIT_OK;
	status = key_of(checker, node->domain, node->op_type, node->overload);
	if (status != SNNFIT_OK)
		return status;
	index = map_get(&checker->function_keys, checker->key.chars);
	if (index == MAP_NONE)
		return SNNFIT_OK;
	*function = checker->functions[index].proto;
	if (checker->owner == 0)
		return SNNFIT_OK;
	if (!arena_grow(&checker->arena, &checker->calls, checker->call_count,
			&checker->call_capacity, sizeof *checker->calls))
		return error_no_memory(checker->err);
	checker->calls[checker->call_count++] = index;
	return SNNFIT_OK;
}

/* --- bodies -------------------------------------------------------------------------- */

static snnfit_status
parameter_add(struct checker *checker, const char *name)
{
	snnfit_status status;
	bool again;

	if (!name || !*name)
		return error_set(checker->err, SNNFIT_EFORMAT, "an attribute has no name");
	status = list_add(checker, name, &again);
	if (status == SNNFIT_OK && again)
		status = error_set(checker->err, SNNFIT_EFORMAT,
				   "attribute '%.120s' is listed twice", name);
	return status;
}

/* Attributes that a call gives, and those with a default. */
static snnfit_status
parameters_check(struct checker *checker, const Onnx__FunctionProto *function)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	list_begin(checker);
	for (i = 0; i < function->n_attribute && status == SNNFIT_OK; i++)
		status = parameter_add(checker, function->attribute[i]);
	for (i = 0; i < function->n_attribute_proto && status == SNNFIT_OK; i++) {
		status = attribute_check(checker, NULL, function->attribute_proto[i]);
		if (status == SNNFIT_OK)
			status = parameter_add(checker, function->attribute_proto[i]->name);
	}
	return status;
}

static snnfit_status
function_check(struct checker *checker, size_t index)
{
	struct function *function = &checker->functions[index];
	const Onnx__FunctionProto *proto = function->proto;
	char label[CHECK_LABEL_BYTES];
	snnfit_status status;

	checker->owner = 1 + (uint32_t)index;
	function->first_call = checker->call_count;
	status = opsets_check(checker, proto->opset_import, proto->n_opset_import);
	if (status == SNNFIT_OK)
		status = parameters_check(checker, proto);
	if (status == SNNFIT_OK)
		status = body_check(checker, proto);
	function->end_call = checker->call_count;
	return refused_within(checker, status, function_label(proto, label));
}

/* --- calls in a circle ------------------------------------------------------------------ */

enum mark { NEW = 0, ON_THE_WAY, DONE };

/* A chain of calls, each function called by the one before. */
struct chain {
	uint8_t *marks;	  /* of all functions */
	size_t *next;	  /* call to follow, of all functions */
	uint32_t *called; /* functions on the way */
	size_t length;
};

static void
chain_add(struct chain *chain, const struct checker *checker, uint32_t function)
{
	chain->marks[function] = ON_THE_WAY;
	chain->next[function] = checker->functions[function].first_call;
	chain->called[chain->length++] = function;
}

static snnfit_status
circle_refuse(struct checker *checker, uint32_t from, uint32_t to)
{
	char caller[CHECK_LABEL_BYTES], callee[CHECK_LABEL_BYTES];

	function_label(checker->functions[from].proto, caller);
	if (from == to)
		return error_set(checker->err, SNNFIT_EFORMAT, "%s calls itself", caller);
	return error_set(checker->err, SNNFIT_EFORMAT, "%s calls %s, which calls it in turn",
			 caller, function_label(checker->functions[to].proto, callee));
}

static snnfit_status
chain_follow(struct chain *chain, struct checker *checker)
{
	uint32_t last = chain->called[chain->length - 1], next;

	if (chain->next[last] == checker->functions[last].end_call) {
		chain->marks[last] = DONE;
		chain->length--;
		return SNNFIT_OK;
	}
	next = checker->calls[chain->next[last]++];
	if (chain->marks[next] == NEW)
		chain_add(chain, checker, next);
	else if (chain->marks[next] == ON_THE_WAY)
		return circle_refuse(checker, last, next);
	return SNNFIT_OK;
}

static snnfit_status
circles_check(struct checker *checker)
{
	size_t count = checker->proto->n_functions;
	struct chain chain = { 0 };
	snnfit_status status = SNNFIT_OK;
	uint32_t i;

	chain.marks = arena_zalloc(&checker->arena, count, sizeof *chain.marks);
	chain.next = arena_alloc(&checker->arena, count, sizeof *chain.next);
	chain.called = arena_alloc(&checker->arena, count, sizeof *chain.called);
	if (!chain.marks || !chain.next || !chain.called)
		return error_no_memory(checker->err);
	for (i = 0; i < count && status == SNNFIT_OK; i++) {
		if (chain.marks[i] == NEW)
			chain_add(&chain, checker, i);
		while (chain.length > 0 && status == SNNFIT_OK)
			status = chain_follow(&chain, checker);
	}
	return status;
}

snnfit_status
functions_check(struct checker *checker)
{
	size_t count = checker->proto->n_functions, i;
	snnfit_status status = SNNFIT_OK;

	for (i = 0; i < count && status == SNNFIT_OK; i++)
		status = function_check(checker, i);
	checker->owner = 0;
	return status == SNNFIT_OK ? circles_check(checker) : status;
}
