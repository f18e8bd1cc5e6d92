/* check.c - what concerns the model as a whole; the parts stand in check_*.c. */
#include "proto/check_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { IR_NEWEST = ONNX__VERSION__IR_VERSION, IR_WITH_OPSETS = 3 };

/* --- places ----------------------------------------------------------------------- */

const char *
node_label(const Onnx__NodeProto *node, char room[CHECK_LABEL_BYTES])
{
	const char *op = node->op_type && *node->op_type ? node->op_type : "no op_type";

	if (node->name && *node->name)
		(void)snprintf(room, CHECK_LABEL_BYTES, "node '%.80s' (%.60s)", node->name, op);
	else if (node->n_output && *node->output[0])
		(void)snprintf(room, CHECK_LABEL_BYTES, "the node of '%.80s' (%.60s)",
			       node->output[0], op);
	else
		(void)snprintf(room, CHECK_LABEL_BYTES, "a node without a name (%.60s)", op);
	return room;
}

snnfit_status
node_refuse(struct checker *checker, const Onnx__NodeProto *node, const char *format, ...)
{
	char room[CHECK_LABEL_BYTES], text[300];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return error_set(checker->err, SNNFIT_EFORMAT, "%s %s", node_label(node, room), text);
}

snnfit_status
refused_within(struct checker *checker, snnfit_status status, const char *place)
{
	char text[sizeof checker->err->text];

	if (status == SNNFIT_OK || status == SNNFIT_ENOMEM || !checker->err)
		return status;
	(void)snprintf(text, sizeof text, "%s", checker->err->text);
	return error_set(checker->err, status, "%s: %s", place, text);
}

/* --- lists of names that have to differ --------------------------------------------- */

void
list_begin(struct checker *checker)
{
	checker->list++;
}

snnfit_status
list_add(struct checker *checker, const char *name, bool *again)
{
	*again = map_get(&checker->listed, name) == checker->list;
	if (!*again && !map_set(&checker->listed, name, checker->list))
		return error_no_memory(checker->err);
	return SNNFIT_OK;
}

/* --- operator sets ------------------------------------------------------------------- */

const char *
domain_of(const char *domain)
{
	return domain && strcmp(domain, "ai.onnx") != 0 ? domain : "";
}

static snnfit_status
version_check(struct checker *checker, const char *domain, int64_t version)
{
	int32_t newest = operator_set_find("")->newest;

	if (*domain == '\0' && (version < 1 || version > newest))
		return error_set(checker->err, SNNFIT_EFORMAT,
				 "opset_import asks for version %" PRId64
				 " of the standard operators; known are 1 to %" PRId32,
				 version, newest);
	if (version < 0)
		return error_set(checker->err, SNNFIT_EFORMAT,
				 "opset_import asks for the negative version %" PRId64
				 " of domain '%.80s'",
				 version, domain);
	return SNNFIT_OK;
}

static snnfit_status
opset_add(struct checker *checker, const char *domain, int64_t version)
{
	uint32_t at = map_get(&checker->domains, domain);

	if (at == MAP_NONE) {
		if (!arena_grow(&checker->arena, &checker->opsets, checker->opset_count,
				&checker->opset_capacity, sizeof *checker->opsets) ||
		    !map_set(&checker->domains, domain, (uint32_t)checker->opset_count))
			return error_no_memory(checker->err);
		at = (uint32_t)checker->opset_count++;
	} else if (checker->opsets[at].owner == checker->owner &&
		   checker->opsets[at].version != version) {
		return error_set(checker->err, SNNFIT_EFORMAT,
				 "opset_import names domain '%.80s' twice, with versions %" PRId64
				 " and %" PRId64,
				 domain, checker->opsets[at].version, version);
	}
	checker->opsets[at] = (struct opset){ checker->owner, version };
	return SNNFIT_OK;
}

snnfit_status
opsets_check(struct checker *checker, Onnx__OperatorSetIdProto *const *imports, size_t count)
{
	snnfit_status status = SNNFIT_OK;
	size_t i;

	for (i = 0; i < count && status == SNNFIT_OK; i++) {
		const char *domain = domain_of(imports[i]->domain);

		status = version_check(checker, domain, imports[i]->version);
		if (status == SNNFIT_OK)
			status = opset_add(checker, domain, imports[i]->version);
	}
	return status;
}

bool
imported_version(const struct checker *checker, const char *domain, int64_t *version)
{
	uint32_t at = map_get(&checker->domains, domain_of(domain));

	if (at == MAP_NONE || checker->opsets[at].owner != checker->owner)
		return false;
	*version = checker->opsets[at].version;
	return true;
}

/* --- the model ------------------------------------------------------------------------- */

static snnfit_status
ir_version_check(struct checker *checker)
{
	const Onnx__ModelProto *proto = checker->proto;

	if (!proto->has_ir_version)
		return error_set(checker->err, SNNFIT_EFORMAT,
				 "not a valid ONNX model: it has no ir_version");
	if (proto->ir_version < 1 || proto->ir_version > IR_NEWEST)
		return error_set(checker->err, SNNFIT_EFORMAT,
				 "the model has IR version %" PRId64 "; known are 1 to %d",
				 proto->ir_version, IR_NEWEST);
	return SNNFIT_OK;
}

/* Before operator sets there was one, the first. */
static snnfit_status
imports_check(struct checker *checker)
{
	const Onnx__ModelProto *proto = checker->proto;

	if (proto->ir_version >= IR_WITH_OPSETS && proto->n_opset_import == 0)
		return error_set(
			checker->err, SNNFIT_EFORMAT,
			"the model has no opset_import, which says what its operators are");
	if (proto->ir_version < IR_WITH_OPSETS && proto->n_opset_import > 0)
		return error_set(checker->err, SNNFIT_EFORMAT,
				 "the model has an opset_import, which IR version %" PRId64
				 " does not know",
				 proto->ir_version);
	if (proto->n_opset_import == 0)
		return opset_add(checker, "", 1);
	return opsets_check(checker, proto->opset_import, proto->n_opset_import);
}

/* A key that is missing may stand beside the message, as it contains a NUL. */
static snnfit_status
metadata_check(struct checker *checker)
{
	const Onnx__ModelProto *proto = checker->proto;
	size_t i;

	list_begin(checker);
	for (i = 0; i < proto->n_metadata_props; i++) {
		const Onnx__StringStringEntryProto *entry = proto->metadata_props[i];
		bool again;
		snnfit_status status;

		if (!entry->key && entry->base.n_unknown_fields)
			continue;
		status = list_add(checker, entry->key ? entry->key : "", &again);
		if (status == SNNFIT_OK && again)
			status = error_set(checker->err, SNNFIT_EFORMAT,
					   "the model's metadata_props has the key '%.80s' twice",
					   entry->key ? entry->key : "");
		if (status != SNNFIT_OK)
			return status;
	}
	return SNNFIT_OK;
}

static snnfit_status
model_check(struct checker *checker)
{
	snnfit_status status = ir_version_check(checker);

	if (status == SNNFIT_OK)
		status = imports_check(checker);
	if (status == SNNFIT_OK)
		status = metadata_check(checker);
	if (status == SNNFIT_OK)
		status = functions_list(checker);
	if (status == SNNFIT_OK)
		status = main_graph_check(checker);
	if (status == SNNFIT_OK)
		status = functions_check(checker);
	return status;
}

snnfit_status
onnx_model_check(const struct onnx_model *model, snnfit_error *err)
{
	struct checker checker = { .model = model, .err = err };
	snnfit_status status;

	checker.proto = onnx_model_proto(model);
	map_init(&checker.in_sight, &checker.arena);
	map_init(&checker.domains, &checker.arena);
	map_init(&checker.listed, &checker.arena);
	map_init(&checker.function_keys, &checker.arena);
	status = model_check(&checker);
	text_free(&checker.key);
	arena_free(&checker.arena);
	return status;
}
