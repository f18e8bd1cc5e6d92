#include "simulator/upstream.h"

#include "proto/attribute.h"
#include "simulator/operators.h"

#include <sha256.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(EMISSION_DIGEST_BYTES == SHA256_DIGEST_LENGTH, "SHA-256 it is");

/* --- what is needed ------------------------------------------------------------------- */

bool
upstream_runs(const struct plan_node *node, const bool *given, const bool *needed)
{
	uint32_t k;

	for (k = 0; k < node->output_count; k++)
		if (needed[node->outputs[k]] && !(given && given[node->outputs[k]]))
			return true;
	return false;
}

static void
mark_step(const struct plan_graph *graph, const bool *given, bool *needed)
{
	uint32_t i, k;

	for (i = graph->node_count; i-- > 0;) {
		const struct plan_node *node = &graph->nodes[i];

		if (!upstream_runs(node, given, needed))
			continue;
		for (k = 0; k < node->input_count; k++)
			needed[node->inputs[k]] = true;
		for (k = 0; k < node->read_count; k++)
			needed[node->reads[k]] = true;
		needed[SLOT_NONE] = false;
	}
}

/* Every round but the last brings a state in. */
void
upstream_mark(const struct network *network, const bool *given, bool *needed)
{
	bool more = true;
	uint32_t i;

	while (more) {
		mark_step(&network->plan->graph, given, needed);
		more = false;
		for (i = 0; i < network->state_count; i++) {
			const struct network_state *state = &network->states[i];

			if (!needed[state->input] || needed[state->output])
				continue;
			needed[state->output] = true;
			more = true;
		}
	}
}

/* --- parts of the program ---------------------------------------------------------------- */

static void
add_number(SHA2_CTX *hash, uint64_t number)
{
	SHA256Update(hash, (const uint8_t *)&number, sizeof number);
}

/* The length first, so that no two lists run into each other. */
static void
add_list(SHA2_CTX *hash, const void *items, uint64_t count, size_t size)
{
	add_number(hash, count);
	if (count)
		SHA256Update(hash, items, (size_t)count * size);
}

static void
add_shape(SHA2_CTX *hash, int32_t type, uint32_t rank, const uint64_t *dims)
{
	add_number(hash, (uint64_t)type);
	add_list(hash, dims, rank, sizeof *dims);
}

static const uint8_t *
digest_constant(struct upstream *upstream, uint32_t slot)
{
	const struct tensor *constant = &upstream->network->plan->constants[slot];
	struct emissions *emissions = upstream->network->emissions;
	uint8_t *digest = upstream->digests[slot];
	const uint8_t *known;
	SHA2_CTX hash;

	if (upstream->digested[slot])
		return digest;
	upstream->digested[slot] = true;
	known = emissions_constant(emissions, constant);
	if (known) {
		memcpy(digest, known, EMISSION_DIGEST_BYTES);
		return digest;
	}
	SHA256Init(&hash);
	add_shape(&hash, constant->type, constant->rank, constant->dims);
	add_list(&hash, constant->data, constant->count, type_bytes(constant->type));
	SHA256Final(digest, &hash);
	emissions_add_constant(emissions, constant, digest);
	return digest;
}

enum { PROGRAM_CONSTANT = 1, PROGRAM_SLOT };

/* False: nobody says what it holds. */
static bool
add_read(struct upstream *upstream, SHA2_CTX *hash, uint32_t slot)
{
	bool constant = upstream->network->plan->constants[slot].type != TYPE_NONE;

	if (constant) {
		add_number(hash, PROGRAM_CONSTANT);
		SHA256Update(hash, digest_constant(upstream, slot), EMISSION_DIGEST_BYTES);
		return true;
	}
	add_number(hash, PROGRAM_SLOT);
	add_number(hash, upstream->numbers[slot]);
	return slot == SLOT_NONE || upstream->numbers[slot];
}

static void
add_made(struct upstream *upstream, SHA2_CTX *hash, uint32_t slot, uint32_t *last)
{
	if (slot != SLOT_NONE)
		upstream->numbers[slot] = ++*last;
	add_number(hash, upstream->numbers[slot]);
}

static bool
add_attribute(SHA2_CTX *hash, const char *name, const Onnx__AttributeProto *value)
{
	size_t i;

	add_list(hash, name, strlen(name), 1);
	add_number(hash, value != NULL);
	if (!value)
		return true;
	add_list(hash, &value->i, value->has_i ? 1 : 0, sizeof value->i);
	add_list(hash, &value->f, value->has_f ? 1 : 0, sizeof value->f);
	add_number(hash, value->has_s != 0);
	add_list(hash, value->s.data, value->has_s ? value->s.len : 0, 1);
	add_list(hash, value->ints, value->n_ints, sizeof *value->ints);
	add_list(hash, value->floats, value->n_floats, sizeof *value->floats);
	add_number(hash, value->n_strings);
	for (i = 0; i < value->n_strings; i++)
		add_list(hash, value->strings[i].data, value->strings[i].len, 1);
	return !value->t && !value->g && !value->sparse_tensor && !value->tp && !value->n_tensors &&
	       !value->n_graphs && !value->n_sparse_tensors && !value->n_type_protos;
}

static bool
add_node(struct upstream *upstream, SHA2_CTX *hash, const struct plan_node *node, uint32_t *last)
{
	const char *name = node->operator->name;
	bool known = node->body_count == 0;
	size_t a;
	uint32_t k;

	add_list(hash, name, strlen(name), 1);
	add_number(hash, (uint64_t)node->version);
	add_number(hash, node->proto->n_attribute);
	for (a = 0; a < node->proto->n_attribute && known; a++) {
		name = node->proto->attribute[a]->name;
		known = add_attribute(hash, name, node_attribute(node, name));
	}
	add_number(hash, node->input_count);
	for (k = 0; k < node->input_count && known; k++)
		known = add_read(upstream, hash, node->inputs[k]);
	add_number(hash, node->output_count);
	for (k = 0; k < node->output_count; k++)
		add_made(upstream, hash, node->outputs[k], last);
	return known;
}

/* --- where it begins ---------------------------------------------------------------------- */

/* Data are what they are as long as there are emissions to be found: a place says it,
 * and hashing images would take longer than running the network on them. */
static void
add_inputs(struct upstream *upstream, SHA2_CTX *hash, uint32_t *last)
{
	const struct network *network = upstream->network;
	uint32_t i;

	for (i = 0; i < network->input_count; i++) {
		const struct network_input *input = &network->inputs[i];

		if (!upstream->needed[input->slot])
			continue;
		add_made(upstream, hash, input->slot, last);
		add_number(hash, (uintptr_t)input->values);
		add_shape(hash, input->type, input->rank, input->dims);
		add_number(hash, input->each);
	}
}

static void
add_states(struct upstream *upstream, SHA2_CTX *hash, uint32_t *last)
{
	const struct network *network = upstream->network;
	uint32_t i;

	for (i = 0; i < network->state_count; i++) {
		const struct network_state *state = &network->states[i];
		const struct tensor *initial = &state->initial;

		if (!upstream->needed[state->input])
			continue;
		add_made(upstream, hash, state->input, last);
		add_number(hash, (uint64_t)state->type);
		add_shape(hash, initial->type, initial->rank, initial->dims);
		add_list(hash, initial->data, initial->data ? initial->count : 0,
			 type_bytes(initial->type));
	}
}

/* Behind the nodes: which of their outputs each state takes. */
static bool
add_feedback(struct upstream *upstream, SHA2_CTX *hash)
{
	const struct network *network = upstream->network;
	bool known = true;
	uint32_t i;

	for (i = 0; i < network->state_count && known; i++)
		if (upstream->needed[network->states[i].input])
			known = add_read(upstream, hash, network->states[i].output);
	return known;
}

static void
add_run(SHA2_CTX *hash, const struct network *network)
{
	add_number(hash, network->samples);
	add_number(hash, network->steps);
	add_number(hash, network->encoding);
	add_number(hash, network->encoding == ENCODE_POISSON ? network->seed : 0);
	add_list(hash, &network->scale_divisor, 1, sizeof network->scale_divisor);
}

/* --- the whole ---------------------------------------------------------------------------- */

bool
upstream_digest(struct upstream *upstream, uint32_t slot, uint8_t out[EMISSION_DIGEST_BYTES])
{
	const struct plan *plan = upstream->network->plan;
	bool known = true;
	uint32_t last = 0, i;
	SHA2_CTX hash;

	memset(upstream->needed, 0, plan->slot_count * sizeof *upstream->needed);
	memset(upstream->numbers, 0, plan->slot_count * sizeof *upstream->numbers);
	upstream->needed[slot] = true;
	upstream_mark(upstream->network, NULL, upstream->needed);
	SHA256Init(&hash);
	add_run(&hash, upstream->network);
	add_inputs(upstream, &hash, &last);
	add_states(upstream, &hash, &last);
	for (i = 0; i < plan->graph.node_count && known; i++)
		if (upstream_runs(&plan->graph.nodes[i], NULL, upstream->needed))
			known = add_node(upstream, &hash, &plan->graph.nodes[i], &last);
	known = known && add_feedback(upstream, &hash) && add_read(upstream, &hash, slot);
	SHA256Final(out, &hash);
	return known;
}

snnfit_status
upstream_open(struct upstream *upstream, const struct network *network, snnfit_error *err)
{
	uint32_t slots = network->plan->slot_count;

	*upstream = (struct upstream){ .network = network };
	upstream->needed = calloc(slots, sizeof *upstream->needed);
	upstream->numbers = calloc(slots, sizeof *upstream->numbers);
	upstream->digested = calloc(slots, sizeof *upstream->digested);
	upstream->digests = calloc(slots, sizeof *upstream->digests);
	if (!upstream->needed || !upstream->numbers || !upstream->digested || !upstream->digests)
		return error_no_memory(err);
	return SNNFIT_OK;
}

void
upstream_close(struct upstream *upstream)
{
	free(upstream->needed);
	free(upstream->numbers);
	free(upstream->digested);
	free(upstream->digests);
}
