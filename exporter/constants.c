/* constants.c - cuts constants as their readers see them.
 *
 * Exporters and tools merge equal constants whatever their role, so one tensor
 * may be read as the threshold of one layer and the weights of another. Readers
 * that want the same cut share it: the first group gets it in place unless
 * somebody needs the tensor whole, every other group gets a copy. Constant
 * expressions (Clip of a decay, DequantizeLinear of a weight) are copied node by
 * node for the readers that see other inputs, and keep their form. */
#include "exporter/edit.h"
#include "graph/keep.h"

#include "core/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What one read wants of its source. */
struct wish {
	const struct binding_use *use;
	struct keep *keeps; /* [rank] */
	int64_t *sizes;	    /* [edit_count], of the elements to edit */
	bool changed;
};

struct cutter {
	struct edit *edit;
	struct wish *wishes;	      /* [use_count] */
	uint32_t *next_use;	      /* [use_count]: of the same source; GRAPH_NONE ends */
	uint32_t *first_use;	      /* [source_count] */
	bool *use_read;		      /* [use_count]: by a node that is left */
	bool *instance_read;	      /* [instance_count] */
	bool *instance_changed;	      /* [instance_count]: its value is another one now */
	const char **use_names;	      /* [use_count]: what to read instead */
	const char ***instance_names; /* [instance_count][outputs of the node] */
	bool *exposed;		      /* [value_count]: somebody needs it whole */
	size_t original_values;
	struct map clones; /* node and inputs -> into edit.nodes */
	snnfit_error *err;
};

/* --- who reads what -------------------------------------------------------------------- */

static snnfit_status
mark_operand(struct cutter *cutter, const struct binding_operand *operand)
{
	const struct bindings *bindings = cutter->edit->bindings;

	if (operand->kind == OPERAND_NAME)
		return SNNFIT_OK;
	if (operand->id >=
	    (operand->kind == OPERAND_USE ? bindings->use_count : bindings->instance_count))
		return error_set(cutter->err, SNNFIT_EINTERNAL, "a binding names no operand");
	if (operand->kind == OPERAND_USE)
		cutter->use_read[operand->id] = true;
	else
		cutter->instance_read[operand->id] = true;
	return SNNFIT_OK;
}

/* With its node, or with the node that the body is inside of. */
static bool
is_removed(const struct cutter *cutter, const struct binding_read *read)
{
	const struct edit *edit = cutter->edit;

	return edit->nodes[read->leaves ? edit->graphs.items[read->node].node : read->node].removed;
}

/* Operands of an instance come before it in the list. */
static snnfit_status
mark_reads(struct cutter *cutter)
{
	const struct bindings *bindings = cutter->edit->bindings;
	snnfit_status status = SNNFIT_OK;
	size_t i, j;

	for (i = 0; i < bindings->read_count && status == SNNFIT_OK; i++)
		if (!is_removed(cutter, &bindings->reads[i]))
			status = mark_operand(cutter, &bindings->reads[i].operand);
	for (i = bindings->instance_count; i-- > 0 && status == SNNFIT_OK;) {
		const struct binding_instance *instance = &bindings->instances[i];

		if (!cutter->instance_read[i])
			continue;
		for (j = 0; j < instance->operand_count && status == SNNFIT_OK; j++) {
			if (instance->operands[j].kind == OPERAND_INSTANCE &&
			    instance->operands[j].id >= i)
				return error_set(cutter->err, SNNFIT_EINTERNAL,
						 "a constant expression reads what comes after it");
			status = mark_operand(cutter, &instance->operands[j]);
		}
	}
	return status;
}

/* --- who needs the whole ------------------------------------------------------------------ */

static void
expose(struct cutter *cutter, uint32_t graph, const char *name)
{
	uint32_t value = edit_find(cutter->edit, graph, name);

	if (value != GRAPH_NONE)
		cutter->exposed[value] = true;
}

/* Values that came during the edit are nobody else's. */
static bool
is_exposed(const struct cutter *cutter, uint32_t graph, const char *name)
{
	uint32_t value = edit_find(cutter->edit, graph, name);

	return value < cutter->original_values && cutter->exposed[value];
}

/* Slots that the bindings know, one bit each for the first 64. */
static uint64_t *
bound_slots(struct cutter *cutter, bool *is_expression)
{
	const struct bindings *bindings = cutter->edit->bindings;
	uint64_t *bound = arena_zalloc(&cutter->edit->scratch, cutter->edit->original_nodes,
				       sizeof *bound);
	size_t i;

	for (i = 0; bound && i < bindings->read_count; i++)
		if (!bindings->reads[i].leaves && bindings->reads[i].slot < 64)
			bound[bindings->reads[i].node] |= UINT64_C(1) << bindings->reads[i].slot;
	for (i = 0; i < bindings->instance_count; i++)
		if (cutter->instance_read[i])
			is_expression[bindings->instances[i].node] = true;
	return bound;
}

static void
expose_inputs(struct cutter *cutter, const struct edit_node *node, uint64_t bound,
	      bool is_expression)
{
	bool whole = !is_expression;
	size_t i;

	for (i = 0; i < node->proto->n_output; i++)
		whole = whole || is_exposed(cutter, node->graph, node->proto->output[i]);
	for (i = 0; i < node->proto->n_input; i++)
		if (whole && !(i < 64 && bound >> i & 1))
			expose(cutter, node->graph, node->proto->input[i]);
}

/* But those that can be told to be another value. */
static bool
expose_outputs(struct cutter *cutter)
{
	const struct edit *edit = cutter->edit;
	bool **bound = arena_zalloc(&cutter->edit->scratch, edit->graphs.count, sizeof(bool *));
	size_t i, j;

	for (i = 0; bound && i < edit->bindings->read_count; i++) {
		const struct binding_read *read = &edit->bindings->reads[i];

		if (!read->leaves)
			continue;
		if (!bound[read->node])
			bound[read->node] = arena_zalloc(
				&cutter->edit->scratch,
				edit->graphs.items[read->node].proto->n_output, sizeof(bool));
		if (!bound[read->node])
			return false;
		bound[read->node][read->slot] = true;
	}
	for (i = 0; bound && i < edit->graphs.count; i++)
		for (j = 0; j < edit->graphs.items[i].proto->n_output; j++)
			if (!bound[i] || !bound[i][j])
				expose(cutter, (uint32_t)i,
				       edit->graphs.items[i].proto->output[j]->name);
	return bound != NULL;
}

/* From the end, so that a reader of an expression is seen before the expression:
 * also a reader in a graph inside a node, which comes after the graph around it. */
static bool
find_exposed(struct cutter *cutter)
{
	struct edit *edit = cutter->edit;
	bool *is_expression = arena_zalloc(&edit->scratch, edit->original_nodes, 1);
	uint64_t *bound = is_expression ? bound_slots(cutter, is_expression) : NULL;
	size_t i;

	if (!bound || !expose_outputs(cutter))
		return false;
	for (i = edit->original_nodes; i-- > 0;)
		if (!edit->nodes[i].removed)
			expose_inputs(cutter, &edit->nodes[i], bound[i], is_expression[i]);
	return true;
}

/* --- what a read wants ------------------------------------------------------------------ */

static snnfit_status
make_wish(struct cutter *cutter, const struct binding_use *use, struct wish *wish)
{
	struct arena *scratch = &cutter->edit->scratch;
	snnfit_status status;
	struct keep size;
	uint32_t i;

	wish->use = use;
	wish->keeps = arena_zalloc(scratch, use->rank, sizeof *wish->keeps);
	wish->sizes = arena_zalloc(scratch, use->edit_count, sizeof *wish->sizes);
	if (!wish->keeps || !wish->sizes)
		return error_no_memory(cutter->err);
	for (i = 0; i < use->rank; i++) {
		status = keep_of(cutter->edit->graph, &use->dims[i], &cutter->edit->scratch,
				 &wish->keeps[i], cutter->err);
		if (status != SNNFIT_OK)
			return status;
		wish->changed = wish->changed || wish->keeps[i].indices;
	}
	for (i = 0; i < use->edit_count; i++) {
		status = keep_of(cutter->edit->graph, &use->edit_dims[i], &cutter->edit->scratch,
				 &size, cutter->err);
		if (status != SNNFIT_OK)
			return status;
		wish->sizes[i] = use->edit_negative && use->edit_negative[i] ? -(int64_t)size.count
									     : size.count;
		wish->changed = wish->changed || size.indices;
	}
	return SNNFIT_OK;
}

static bool
wish_equal(const struct wish *a, const struct wish *b)
{
	uint32_t i;

	if (!a->changed && !b->changed)
		return true;
	if (a->use->rank != b->use->rank || a->use->edit_count != b->use->edit_count)
		return false;
	for (i = 0; i < a->use->rank; i++)
		if (!keep_equal(&a->keeps[i], &b->keeps[i]))
			return false;
	for (i = 0; i < a->use->edit_count; i++)
		if (a->use->edit_elements[i] != b->use->edit_elements[i] ||
		    a->sizes[i] != b->sizes[i])
			return false;
	return true;
}

/* --- cutting a tensor --------------------------------------------------------------------- */

static snnfit_status
cut_tensor(struct cutter *cutter, Onnx__TensorProto *tensor, const struct wish *wish)
{
	const uint32_t *indices[TENSOR_RANK_MAX];
	uint32_t counts[TENSOR_RANK_MAX], d;
	bool any = false;

	for (d = 0; d < wish->use->rank; d++) {
		if ((uint64_t)tensor->dims[d] != wish->keeps[d].before)
			return error_set(cutter->err, SNNFIT_EINTERNAL,
					 "dimension %u of '%.100s' is not the one that was bound",
					 d, tensor->name ? tensor->name : "");
		indices[d] = wish->keeps[d].indices;
		counts[d] = wish->keeps[d].count;
		any = any || indices[d];
	}
	return any ? tensor_cut(cutter->edit->model, tensor, indices, counts, cutter->err)
		   : SNNFIT_OK;
}

static void
store_integer(uint8_t *bytes, int32_t type, uint32_t element, int64_t value)
{
	int32_t narrow = (int32_t)value;

	if (type == ONNX__TENSOR_PROTO__DATA_TYPE__INT32)
		memcpy(bytes + (size_t)element * sizeof narrow, &narrow, sizeof narrow);
	else
		memcpy(bytes + (size_t)element * sizeof value, &value, sizeof value);
}

static snnfit_status
edit_elements(struct cutter *cutter, Onnx__TensorProto *tensor, const struct wish *wish)
{
	struct onnx_model *model = cutter->edit->model;
	struct tensor_shape shape;
	snnfit_status status;
	uint64_t length;
	uint8_t *bytes;
	uint32_t i;

	if (!wish->use->edit_count)
		return SNNFIT_OK;
	status = tensor_shape_of(model, tensor, &shape, cutter->err);
	if (status != SNNFIT_OK)
		return status;
	if ((shape.type != ONNX__TENSOR_PROTO__DATA_TYPE__INT64 &&
	     shape.type != ONNX__TENSOR_PROTO__DATA_TYPE__INT32) ||
	    !tensor_raw_bytes(shape.type, shape.count, &length))
		return error_set(cutter->err, SNNFIT_EUNSUPPORTED,
				 "sizes in '%.100s' cannot be edited: its type is %d",
				 tensor->name ? tensor->name : "", shape.type);
	bytes = arena_alloc(&cutter->edit->scratch, (size_t)length, 1);
	if (!bytes)
		return error_no_memory(cutter->err);
	status = tensor_read_raw(model, tensor, 0, length, bytes, cutter->err);
	for (i = 0; i < wish->use->edit_count && status == SNNFIT_OK; i++) {
		if (wish->use->edit_elements[i] >= shape.count)
			return error_set(cutter->err, SNNFIT_EINTERNAL,
					 "an element to edit is not there");
		store_integer(bytes, shape.type, wish->use->edit_elements[i], wish->sizes[i]);
	}
	if (status != SNNFIT_OK)
		return status;
	return tensor_set_raw(model, tensor, &shape, bytes, length, cutter->err);
}

static snnfit_status
apply(struct cutter *cutter, Onnx__TensorProto *tensor, const struct wish *wish)
{
	snnfit_status status;
	uint32_t d;

	if (!tensor || tensor->n_dims != wish->use->rank || tensor->n_dims > TENSOR_RANK_MAX)
		return error_set(cutter->err, SNNFIT_EINTERNAL,
				 "a constant is not the tensor that was bound");
	for (d = 0; d < wish->use->rank && wish->use->edit_count; d++)
		if (wish->keeps[d].indices)
			return error_set(cutter->err, SNNFIT_EINTERNAL,
					 "a shape would be cut and edited at once");
	status = cut_tensor(cutter, tensor, wish);
	return status == SNNFIT_OK ? edit_elements(cutter, tensor, wish) : status;
}

/* --- sources ------------------------------------------------------------------------------- */

static Onnx__NodeProto *
source_node(const struct cutter *cutter, const struct binding_source *source)
{
	return source->is_node ? cutter->edit->nodes[source->index].proto : NULL;
}

static const char *
source_name(const struct cutter *cutter, const struct binding_source *source)
{
	const Onnx__NodeProto *node = source_node(cutter, source);

	return node ? node->output[0] : cutter->edit->tensors[source->index].proto->name;
}

/* The graph that it stands in. */
static uint32_t
source_graph(const struct cutter *cutter, const struct binding_source *source)
{
	return source->is_node ? cutter->edit->nodes[source->index].graph
			       : cutter->edit->tensors[source->index].graph;
}

/* A Constant node like this one, which makes `name` from a copy of its tensor. */
static snnfit_status
copy_constant_node(struct cutter *cutter, uint32_t index, char *name, Onnx__TensorProto **tensor)
{
	struct edit *edit = cutter->edit;
	Onnx__NodeProto *node;
	Onnx__AttributeProto *attribute;
	Onnx__AttributeProto **attributes;
	char **output;

	node = arena_copy(edit->arena, edit->nodes[index].proto, 1, sizeof *node);
	attributes = arena_alloc(edit->arena, 1, sizeof(Onnx__AttributeProto *));
	output = arena_alloc(edit->arena, 1, sizeof(char *));
	if (!node || !attributes || !output)
		return error_no_memory(cutter->err);
	attribute = arena_copy(edit->arena, node->attribute[0], 1, sizeof *attribute);
	if (node->name && node->name[0])
		node->name = names_fresh(&edit->names, node->name, "cut");
	if (!attribute || (edit->nodes[index].proto->name && !node->name))
		return error_no_memory(cutter->err);
	*tensor = tensor_copy(edit->model, attribute->t, attribute->t->name);
	if (!*tensor)
		return error_no_memory(cutter->err);
	attribute->t = *tensor;
	attributes[0] = attribute;
	output[0] = name;
	node->attribute = attributes;
	node->output = output;
	return edit_insert(edit, node, index, EDIT_AFTER, cutter->err);
}

static snnfit_status
copy_source(struct cutter *cutter, const struct binding_source *source, const char **name,
	    Onnx__TensorProto **tensor)
{
	struct edit *edit = cutter->edit;
	const char *original = source_name(cutter, source);
	char *fresh = names_fresh(&edit->names, original, "cut");

	*name = fresh;
	if (!fresh)
		return error_no_memory(cutter->err);
	if (source->is_node)
		return copy_constant_node(cutter, source->index, fresh, tensor);
	*tensor = tensor_copy(edit->model, edit->tensors[source->index].proto, fresh);
	return edit_append(edit, *tensor, source_graph(cutter, source), cutter->err);
}

/* The first read of the source that wants the same; use itself when it is new. */
static uint32_t
first_of_group(const struct cutter *cutter, uint32_t use)
{
	uint32_t other = cutter->first_use[cutter->edit->bindings->uses[use].source];

	while (other != use && !wish_equal(&cutter->wishes[other], &cutter->wishes[use]))
		other = cutter->next_use[other];
	return other;
}

static snnfit_status
cut_in_place(struct cutter *cutter, uint32_t graph, const char *name, const struct wish *wish)
{
	Onnx__TensorProto *tensor = edit_stored(cutter->edit, graph, name);
	snnfit_status status = apply(cutter, tensor, wish);

	if (status == SNNFIT_OK)
		shapes_follow(cutter->edit, tensor, graph, name);
	return status;
}

static snnfit_status
cut_copy(struct cutter *cutter, const struct binding_source *source, uint32_t use)
{
	Onnx__TensorProto *tensor = NULL;
	snnfit_status status = copy_source(cutter, source, &cutter->use_names[use], &tensor);

	return status == SNNFIT_OK ? apply(cutter, tensor, &cutter->wishes[use]) : status;
}

/* The original is cut last: the copies are made of the whole. */
static snnfit_status
cut_source(struct cutter *cutter, uint32_t number)
{
	const struct binding_source *source = &cutter->edit->bindings->sources[number];
	const char *name = source_name(cutter, source);
	uint32_t graph = source_graph(cutter, source);
	bool whole = is_exposed(cutter, graph, name);
	uint32_t use, group, in_place = GRAPH_NONE;
	snnfit_status status = SNNFIT_OK;

	for (use = cutter->first_use[number]; use != GRAPH_NONE; use = cutter->next_use[use])
		whole = whole || !cutter->wishes[use].changed;
	for (use = cutter->first_use[number]; use != GRAPH_NONE && status == SNNFIT_OK;
	     use = cutter->next_use[use]) {
		group = first_of_group(cutter, use);
		cutter->use_names[use] = name;
		if (group != use)
			cutter->use_names[use] = cutter->use_names[group];
		else if (cutter->wishes[use].changed && !whole && in_place == GRAPH_NONE)
			in_place = use;
		else if (cutter->wishes[use].changed)
			status = cut_copy(cutter, source, use);
	}
	if (status != SNNFIT_OK || in_place == GRAPH_NONE)
		return status;
	return cut_in_place(cutter, graph, name, &cutter->wishes[in_place]);
}

static snnfit_status
cut_sources(struct cutter *cutter)
{
	const struct bindings *bindings = cutter->edit->bindings;
	snnfit_status status = SNNFIT_OK;
	size_t i;

	memset(cutter->first_use, 0xff, bindings->source_count * sizeof *cutter->first_use);
	for (i = bindings->use_count; i-- > 0 && status == SNNFIT_OK;) {
		const struct binding_use *use = &bindings->uses[i];

		if (!cutter->use_read[i])
			continue;
		if (use->source >= bindings->source_count || use->rank > TENSOR_RANK_MAX)
			return error_set(cutter->err, SNNFIT_EINTERNAL, "a binding has no source");
		cutter->next_use[i] = cutter->first_use[use->source];
		cutter->first_use[use->source] = (uint32_t)i;
		status = make_wish(cutter, use, &cutter->wishes[i]);
	}
	for (i = 0; i < bindings->source_count && status == SNNFIT_OK; i++)
		status = cut_source(cutter, (uint32_t)i);
	return status;
}

/* --- constant expressions --------------------------------------------------------------------- */

/* What slot j of the instance's node reads now. */
static const char *
operand_name(const struct cutter *cutter, const struct binding_operand *operand,
	     const char *as_it_stands)
{
	switch (operand->kind) {
	case OPERAND_USE:
		return cutter->use_names[operand->id];
	case OPERAND_INSTANCE:
		return cutter->instance_names[operand->id][operand->output];
	case OPERAND_NAME:
		break;
	}
	return as_it_stands;
}

/* The node and what it reads, so that equal clones can be found. */
static char *
clone_key(struct cutter *cutter, uint32_t node, const char *const *inputs, size_t count)
{
	struct text key = { 0 };
	char *chars, *kept;
	size_t i;

	text_printf(&key, "%" PRIu32, node);
	for (i = 0; i < count; i++)
		text_printf(&key, " %zu %s", strlen(inputs[i]), inputs[i]);
	chars = text_take(&key);
	kept = chars ? arena_strdup(&cutter->edit->scratch, chars) : NULL;
	free(chars);
	return kept;
}

static char **
copy_list(struct arena *arena, const char *const *list, size_t count)
{
	char **copy = arena_alloc(arena, count, sizeof *copy);
	size_t i;

	for (i = 0; copy && i < count; i++) {
		copy[i] = arena_strdup(arena, list[i]);
		if (!copy[i])
			return NULL;
	}
	return copy;
}

static snnfit_status
clone_node(struct cutter *cutter, uint32_t index, const char *const *inputs)
{
	struct edit *edit = cutter->edit;
	const Onnx__NodeProto *original = edit->nodes[index].proto;
	Onnx__NodeProto *node = arena_copy(edit->arena, original, 1, sizeof *node);
	size_t i;

	if (!node)
		return error_no_memory(cutter->err);
	node->input = copy_list(edit->arena, inputs, node->n_input);
	node->output = arena_alloc(edit->arena, node->n_output, sizeof *node->output);
	if (!node->input || !node->output)
		return error_no_memory(cutter->err);
	for (i = 0; i < node->n_output; i++) {
		node->output[i] = original->output[i][0]
					  ? names_fresh(&edit->names, original->output[i], "cut")
					  : original->output[i];
		if (!node->output[i])
			return error_no_memory(cutter->err);
	}
	if (node->name && node->name[0] &&
	    !(node->name = names_fresh(&edit->names, node->name, "cut")))
		return error_no_memory(cutter->err);
	return edit_insert(edit, node, index, EDIT_AFTER, cutter->err);
}

/* Sources that were cut in place change what an expression gives, under its name. */
static void
forget_shapes(struct cutter *cutter, const struct binding_instance *instance)
{
	const struct edit_node *node = &cutter->edit->nodes[instance->node];
	size_t i;

	for (i = 0; i < node->proto->n_output; i++)
		shapes_forget(cutter->edit, node->graph, node->proto->output[i]);
}

/* What a function makes is taken for changed: its body is not looked into. */
static bool
has_changed(const struct cutter *cutter, const struct binding_instance *instance)
{
	const Onnx__NodeProto *node = cutter->edit->nodes[instance->node].proto;
	bool changed = false;
	uint32_t i;

	for (i = 0; i < instance->operand_count; i++) {
		const struct binding_operand *operand = &instance->operands[i];

		if (operand->kind == OPERAND_USE)
			changed = changed || cutter->wishes[operand->id].changed;
		else if (operand->kind == OPERAND_INSTANCE)
			changed = changed || cutter->instance_changed[operand->id];
		else if (i < node->n_input && node->input[i][0])
			changed = true;
	}
	return changed;
}

static snnfit_status
find_clone(struct cutter *cutter, const struct binding_instance *instance,
	   const char *const *inputs, size_t count, uint32_t *clone)
{
	char *key = clone_key(cutter, instance->node, inputs, count);
	snnfit_status status;

	if (!key)
		return error_no_memory(cutter->err);
	*clone = map_get(&cutter->clones, key);
	if (*clone != MAP_NONE)
		return SNNFIT_OK;
	status = clone_node(cutter, instance->node, inputs);
	*clone = (uint32_t)cutter->edit->node_count - 1;
	if (status == SNNFIT_OK && !map_set(&cutter->clones, key, *clone))
		status = error_no_memory(cutter->err);
	return status;
}

static snnfit_status
resolve_instance(struct cutter *cutter, size_t number)
{
	const struct binding_instance *instance = &cutter->edit->bindings->instances[number];
	const Onnx__NodeProto *node = cutter->edit->nodes[instance->node].proto;
	const char **inputs = arena_alloc(&cutter->edit->scratch, node->n_input, sizeof *inputs);
	bool same = true;
	snnfit_status status;
	uint32_t clone = 0;
	size_t i;

	if (!inputs)
		return error_no_memory(cutter->err);
	for (i = 0; i < node->n_input; i++) {
		inputs[i] = i < instance->operand_count
				    ? operand_name(cutter, &instance->operands[i], node->input[i])
				    : node->input[i];
		same = same && strcmp(inputs[i], node->input[i]) == 0;
	}
	cutter->instance_names[number] = (const char **)node->output;
	cutter->instance_changed[number] = has_changed(cutter, instance);
	if (same && cutter->instance_changed[number])
		forget_shapes(cutter, instance);
	if (same)
		return SNNFIT_OK;
	status = find_clone(cutter, instance, inputs, node->n_input, &clone);
	if (status == SNNFIT_OK)
		cutter->instance_names[number] =
			(const char **)cutter->edit->nodes[clone].proto->output;
	return status;
}

static snnfit_status
check_outputs(const struct cutter *cutter, const struct binding_operand *operand)
{
	const struct binding_instance *instance;

	if (operand->kind != OPERAND_INSTANCE)
		return SNNFIT_OK;
	instance = &cutter->edit->bindings->instances[operand->id];
	if (operand->output < cutter->edit->nodes[instance->node].proto->n_output)
		return SNNFIT_OK;
	return error_set(cutter->err, SNNFIT_EINTERNAL, "a constant expression has no such output");
}

static snnfit_status
resolve_instances(struct cutter *cutter)
{
	const struct bindings *bindings = cutter->edit->bindings;
	snnfit_status status = SNNFIT_OK;
	size_t i, j;

	for (i = 0; i < bindings->instance_count && status == SNNFIT_OK; i++) {
		if (!cutter->instance_read[i])
			continue;
		for (j = 0; j < bindings->instances[i].operand_count && status == SNNFIT_OK; j++)
			status = check_outputs(cutter, &bindings->instances[i].operands[j]);
		if (status == SNNFIT_OK)
			status = resolve_instance(cutter, i);
	}
	return status;
}

/* --- readers ---------------------------------------------------------------------- */

/* Outputs of a body are told by their place, so that their names may change. */
static snnfit_status
rewire_output(struct cutter *cutter, const struct binding_read *read)
{
	struct edit *edit = cutter->edit;
	Onnx__ValueInfoProto *output = edit->graphs.items[read->node].proto->output[read->slot];
	const char *name = operand_name(cutter, &read->operand, output->name);

	if (strcmp(name, output->name) == 0)
		return SNNFIT_OK;
	edit_count_reader(edit, read->node, output->name, -1);
	edit_count_reader(edit, read->node, name, 1);
	output->name = arena_strdup(edit->arena, name);
	if (!output->name)
		return error_no_memory(cutter->err);
	if (output->type && output->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		output->type->tensor_type->shape = NULL;
	return SNNFIT_OK;
}

/* A call of a local function may read one input in several ways: then one name
 * has to do for all. */
static snnfit_status
rewire(struct cutter *cutter, const struct binding_read *read, struct map *rewired)
{
	struct edit *edit = cutter->edit;
	const char *before = edit_input_of(edit, read->node, read->slot);
	const char *name = operand_name(cutter, &read->operand, before);
	char *key = arena_printf(&edit->scratch, "%" PRIu32 " %" PRIu32, read->node, read->slot);

	if (!key)
		return error_no_memory(cutter->err);
	if (map_get(rewired, key) != MAP_NONE && strcmp(name, before) != 0)
		return error_set(cutter->err, SNNFIT_EUNSUPPORTED,
				 "node '%.100s' reads the constant '%.100s' in two ways, which a "
				 "cut would have to tell apart",
				 edit->nodes[read->node].proto->name
					 ? edit->nodes[read->node].proto->name
					 : "",
				 before);
	if (!map_set(rewired, key, 1))
		return error_no_memory(cutter->err);
	return strcmp(name, before) == 0
		       ? SNNFIT_OK
		       : edit_read(edit, read->node, read->slot, name, cutter->err);
}

static snnfit_status
rewire_reads(struct cutter *cutter)
{
	const struct bindings *bindings = cutter->edit->bindings;
	snnfit_status status = SNNFIT_OK;
	struct map rewired;
	size_t i;

	map_init(&rewired, &cutter->edit->scratch);
	for (i = 0; i < bindings->read_count && status == SNNFIT_OK; i++) {
		const struct binding_read *read = &bindings->reads[i];

		if (is_removed(cutter, read))
			continue;
		status = check_outputs(cutter, &read->operand);
		if (status == SNNFIT_OK)
			status = read->leaves ? rewire_output(cutter, read)
					      : rewire(cutter, read, &rewired);
	}
	return status;
}

static bool
make_room(struct cutter *cutter)
{
	const struct bindings *bindings = cutter->edit->bindings;
	struct arena *scratch = &cutter->edit->scratch;

	cutter->original_values = cutter->edit->value_count;
	cutter->exposed = arena_zalloc(scratch, cutter->original_values, sizeof(bool));
	map_init(&cutter->clones, scratch);
	cutter->wishes = arena_zalloc(scratch, bindings->use_count, sizeof *cutter->wishes);
	cutter->next_use = arena_zalloc(scratch, bindings->use_count, sizeof *cutter->next_use);
	cutter->first_use = arena_zalloc(scratch, bindings->source_count,
					 sizeof *cutter->first_use);
	cutter->use_read = arena_zalloc(scratch, bindings->use_count, sizeof(bool));
	cutter->instance_read = arena_zalloc(scratch, bindings->instance_count, sizeof(bool));
	cutter->instance_changed = arena_zalloc(scratch, bindings->instance_count, sizeof(bool));
	cutter->use_names = arena_zalloc(scratch, bindings->use_count, sizeof(const char *));
	cutter->instance_names = arena_zalloc(scratch, bindings->instance_count,
					      sizeof(const char **));
	return cutter->exposed && cutter->wishes && cutter->next_use && cutter->first_use &&
	       cutter->use_read && cutter->instance_read && cutter->instance_changed &&
	       cutter->use_names && cutter->instance_names;
}

snnfit_status
constants_cut(struct edit *edit, snnfit_error *err)
{
	struct cutter cutter = { .edit = edit, .err = err };
	snnfit_status status;

	if (!make_room(&cutter))
		return error_no_memory(err);
	status = mark_reads(&cutter);
	if (status == SNNFIT_OK && !find_exposed(&cutter))
		status = error_no_memory(err);
	if (status == SNNFIT_OK)
		status = cut_sources(&cutter);
	if (status == SNNFIT_OK)
		status = resolve_instances(&cutter);
	if (status == SNNFIT_OK)
		status = rewire_reads(&cutter);
	return status;
}
