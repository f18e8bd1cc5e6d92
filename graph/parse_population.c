/* parse_population.c - populations of the text form. */
#include "graph/parse.h"

#define NEURON(member) offsetof(struct population, neuron.member)
#define POPULATION(member) offsetof(struct population, member)

static bool
read_population_name_and_axis(struct parser *parser, const char **name, uint32_t *kind,
			      axis_id *axis)
{
	struct scanner *scanner = &parser->scanner, start = *scanner;

	if (!scan_string(scanner, &parser->scratch, name))
		return false;
	if (map_get(&parser->names, *name) != MAP_NONE)
		return scan_refuse(&start, "a name that no population above has");
	if (!scan_choice(scanner, kind_words, "a kind of population", kind) ||
	    !scan_word(scanner, "axis"))
		return false;
	if (parser->graph->axis_count == 0)
		return scan_refuse(scanner, "an axis above");
	return scan_count(scanner, (uint32_t)parser->graph->axis_count - 1, axis);
}

bool
parse_population(struct parser *parser, const struct keyword *keyword)
{
	struct scanner *scanner = &parser->scanner;
	struct population *made;
	population_id id;
	const char *name;
	axis_id axis;
	uint32_t kind;

	(void)keyword;
	if (!read_population_name_and_axis(parser, &name, &kind, &axis))
		return false;
	id = graph_add_population(parser->graph, name, axis);
	if (id == GRAPH_NONE || !map_set(&parser->names, name, id))
		return scan_no_memory(scanner);
	made = &parser->graph->populations[id];
	made->kind = (enum population_kind)kind;
	parse_item(parser, population_keywords, made);
	if (!scan_skip_word(scanner, "positions"))
		return true;
	made->positions_unknown = scan_skip_word(scanner, "unknown");
	return made->positions_unknown || scan_count(scanner, MOST_POSITIONS, &made->positions);
}

static bool
read_compare(struct parser *parser, const struct keyword *keyword)
{
	struct population *population = parser->item;
	uint32_t comparison;

	(void)keyword;
	if (!scan_choice(&parser->scanner, comparison_words, "> or >=", &comparison))
		return false;
	population->neuron.comparison = (enum comparison)comparison;
	return true;
}

static bool
read_reset(struct parser *parser, const struct keyword *keyword)
{
	struct neuron *neuron = &((struct population *)parser->item)->neuron;
	uint32_t reset, timing;

	(void)keyword;
	if (!scan_choice(&parser->scanner, reset_words, "subtract or set", &reset) ||
	    !scan_choice(&parser->scanner, reset_timing_words, "now, late or both", &timing))
		return false;
	neuron->reset = (enum reset)reset;
	neuron->reset_timing = (enum reset_timing)timing;
	return true;
}

static bool
read_current(struct parser *parser, const struct keyword *keyword)
{
	struct population *population = parser->item;
	uint32_t current;

	(void)keyword;
	if (!scan_choice(&parser->scanner, current_words, "old, old-and-input or new", &current))
		return false;
	population->neuron.current = (enum current_drives)current;
	return true;
}

static bool
read_rates(struct parser *parser, const struct keyword *keyword)
{
	struct population *population = parser->item;
	size_t units = parser->graph->axes[population->axis].units;

	(void)keyword;
	population->rates = parse_array(parser, units * population->positions);
	return population->rates != NULL;
}

static bool
read_spike_tensors(struct parser *parser, const struct keyword *keyword)
{
	struct population *population = parser->item;
	struct strings names = { 0 };

	(void)keyword;
	if (!parse_strings(parser, &names))
		return false;
	population->spike_tensors = names.items;
	population->spike_tensor_count = (uint32_t)names.count;
	return true;
}

static bool
read_spike_steps(struct parser *parser, const struct keyword *keyword)
{
	struct population *population = parser->item;

	(void)keyword;
	return scan_count(&parser->scanner, UINT32_MAX, &population->spike_steps);
}

/* Input and output in turn. */
static bool
read_state_tensors(struct parser *parser, const struct keyword *keyword)
{
	struct population *population = parser->item;
	struct arena *arena = &parser->graph->arena;
	struct strings names = { 0 };
	uint32_t i;

	(void)keyword;
	if (!parse_strings(parser, &names))
		return false;
	if (names.count % 2 != 0)
		return scan_refuse(&parser->scanner, "the output of the last state");
	population->state_count = (uint32_t)(names.count / 2);
	population->state_inputs = arena_alloc(arena, population->state_count, sizeof(char *));
	population->state_outputs = arena_alloc(arena, population->state_count, sizeof(char *));
	if (!population->state_inputs || !population->state_outputs)
		return scan_no_memory(&parser->scanner);
	for (i = 0; i < population->state_count; i++) {
		population->state_inputs[i] = names.items[2 * i];
		population->state_outputs[i] = names.items[2 * i + 1];
	}
	return true;
}

const struct keyword population_keywords[] = {
	{ "weight-tensor", parse_string, POPULATION(weight_tensor) },
	{ "body", parse_string, POPULATION(body) },
	{ "output", parse_flag, POPULATION(output) },
	{ "starts-at-zero", parse_flag, POPULATION(starts_at_zero) },
	{ "model", parse_string, NEURON(model) },
	{ "compare", read_compare, 0 },
	{ "reset", read_reset, 0 },
	{ "current", read_current, 0 },
	{ "decay", parse_parameter, NEURON(decay) },
	{ "threshold", parse_parameter, NEURON(threshold) },
	{ "reset-value", parse_parameter, NEURON(reset_value) },
	{ "offset", parse_parameter, NEURON(offset) },
	{ "input-gain", parse_parameter, NEURON(input_gain) },
	{ "current-decay", parse_parameter, NEURON(current_decay) },
	{ "current-gain", parse_parameter, NEURON(current_gain) },
	{ "spike-gain", parse_parameter, NEURON(spike_gain) },
	{ "floor", parse_parameter, NEURON(floor) },
	{ "counts", parse_flag, NEURON(counts) },
	{ "count-limit", parse_parameter, NEURON(count_limit) },
	{ "rates", read_rates, 0 },
	{ "rates-tensor", parse_string, POPULATION(rates_tensor) },
	{ "spike-tensors", read_spike_tensors, 0 },
	{ "spike-steps", read_spike_steps, 0 },
	{ "state-tensors", read_state_tensors, 0 },
	{ NULL, NULL, 0 },
};
