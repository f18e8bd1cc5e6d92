/* parse.c - a graph from its text: docs/text-form.md. */
#include "graph/parse.h"

#include <locale.h>
#include <string.h>

/* --- the graph ---------------------------------------------------------- */

static bool
read_time(struct parser *parser, const struct keyword *keyword)
{
	struct graph *graph = parser->graph;
	uint32_t kind;

	(void)keyword;
	if (!scan_choice(&parser->scanner, time_words, "a kind of time", &kind))
		return false;
	graph->time = (enum time_kind)kind;
	return scan_count(&parser->scanner, UINT32_MAX, &graph->steps);
}

static bool
read_calibration(struct parser *parser, const struct keyword *keyword)
{
	(void)keyword;
	return scan_count64(&parser->scanner, &parser->graph->rates_samples) &&
	       scan_count64(&parser->scanner, &parser->graph->rates_steps);
}

static bool
read_parameters_before(struct parser *parser, const struct keyword *keyword)
{
	(void)keyword;
	return scan_count64(&parser->scanner, &parser->graph->parameters_before);
}

static bool
read_inputs(struct parser *parser, const struct keyword *keyword)
{
	struct graph *graph = parser->graph;
	struct strings names = { graph->inputs, graph->input_count, graph->input_capacity };
	bool good = parse_strings(parser, &names);

	(void)keyword;
	graph->inputs = names.items;
	graph->input_count = names.count;
	graph->input_capacity = names.capacity;
	return good;
}

static bool
read_outputs(struct parser *parser, const struct keyword *keyword)
{
	struct graph *graph = parser->graph;
	struct strings names = { graph->outputs, graph->output_count, graph->output_capacity };
	bool good = parse_strings(parser, &names);

	(void)keyword;
	graph->outputs = names.items;
	graph->output_count = names.count;
	graph->output_capacity = names.capacity;
	return good;
}

static bool
read_note(struct parser *parser, const struct keyword *keyword)
{
	const char *note;

	(void)keyword;
	if (!scan_string(&parser->scanner, &parser->scratch, &note))
		return false;
	return graph_note(parser->graph, "%s", note) || scan_no_memory(&parser->scanner);
}

static bool
read_state(struct parser *parser, const struct keyword *keyword)
{
	population_id population = GRAPH_NONE;
	const char *input, *output;

	(void)keyword;
	if (!scan_string(&parser->scanner, &parser->scratch, &input) ||
	    !scan_string(&parser->scanner, &parser->scratch, &output))
		return false;
	if (scan_skip_word(&parser->scanner, "of") && !parse_population_name(parser, &population))
		return false;
	return graph_add_state(parser->graph, input, output, population) ||
	       scan_no_memory(&parser->scanner);
}

const struct keyword graph_keywords[] = {
	{ "time", read_time, 0 },
	{ "calibration", read_calibration, 0 },
	{ "parameters-before", read_parameters_before, 0 },
	{ "inputs", read_inputs, 0 },
	{ "outputs", read_outputs, 0 },
	{ "note", read_note, 0 },
	{ "axis", parse_axis, 0 },
	{ "population", parse_population, 0 },
	{ "projection", parse_projection, 0 },
	{ "state", read_state, 0 },
	{ NULL, NULL, 0 },
};

/* --- unit axes ---------------------------------------------------------- */

bool
parse_axis(struct parser *parser, const struct keyword *keyword)
{
	struct scanner *scanner = &parser->scanner, start = *scanner;
	uint32_t id, units, before;

	(void)keyword;
	if (!scan_count(scanner, UINT32_MAX, &id))
		return false;
	if (id != parser->graph->axis_count)
		return scan_refuse(&start, "the axes to be numbered from 0 on");
	if (!scan_word(scanner, "units") || !scan_count(scanner, MOST_UNITS, &units))
		return false;
	before = units;
	if (scan_skip_word(scanner, "of") && !scan_count(scanner, MOST_UNITS, &before))
		return false;
	parser->units += before;
	if (parser->units > MOST_UNITS)
		return scan_refuse(&start, "fewer units in all");
	if (units > before)
		return scan_fail(scanner, "an axis has more units than before");
	if (graph_add_axis(parser->graph, before) == GRAPH_NONE)
		return scan_no_memory(scanner);
	parser->graph->axes[id].units = units;
	parse_item(parser, axis_keywords, &parser->graph->axes[id]);
	return true;
}

static bool
read_fate(struct parser *parser, const struct keyword *keyword)
{
	struct unit_axis *axis = parser->item;
	struct scanner *scanner = &parser->scanner;
	uint32_t fate = 0, unit;

	while (strcmp(fate_words[fate], keyword->word) != 0)
		fate++;
	if (axis->units_before == 0 || scanner->token != TOKEN_NUMBER)
		return scan_refuse(scanner, "a unit of the axis");
	while (scanner->token == TOKEN_NUMBER) {
		struct scanner before = *scanner;

		if (!scan_count(scanner, axis->units_before - 1, &unit))
			return false;
		if (axis->fate[unit] != UNIT_KEPT)
			return scan_refuse(&before, "a unit that was not named before");
		axis->fate[unit] = (uint8_t)fate;
		if (fate == UNIT_MERGED &&
		    (!scan_word(scanner, "into") ||
		     !scan_count(scanner, axis->units_before - 1, &axis->merged_into[unit])))
			return false;
	}
	return true;
}

/* The first units of its parts, as the axis is now. */
static bool
read_parts(struct parser *parser, const struct keyword *keyword)
{
	struct unit_axis *axis = parser->item;
	struct scanner *scanner = &parser->scanner;
	size_t capacity = 0;

	(void)keyword;
	if (axis->units == 0)
		return scan_refuse(scanner, "parts of an axis that has units");
	while (axis->part_count == 0 || scanner->token == TOKEN_NUMBER) {
		if (!arena_grow(&parser->graph->arena, &axis->parts, axis->part_count, &capacity,
				sizeof *axis->parts))
			return scan_no_memory(scanner);
		if (!scan_count(scanner, axis->units - 1, &axis->parts[axis->part_count]))
			return false;
		axis->part_count++;
	}
	return true;
}

/* The units that are left, now that all fates are known. */
static void
fill_origins(struct unit_axis *axis)
{
	uint32_t unit, next = 0;

	for (unit = 0; unit < axis->units_before && next < axis->units; unit++)
		if (axis->fate[unit] == UNIT_KEPT)
			axis->origin[next++] = unit;
}

const struct keyword axis_keywords[] = {
	{ "dead", read_fate, 0 },
	{ "silent", read_fate, 0 },
	{ "firing", read_fate, 0 },
	{ "unread", read_fate, 0 },
	{ "merged", read_fate, 0 },
	{ "fused", read_fate, 0 },
	{ "frozen", parse_string, offsetof(struct unit_axis, frozen) },
	{ "dead_only", parse_string, offsetof(struct unit_axis, dead_only) },
	{ "parts", read_parts, 0 },
	{ NULL, NULL, 0 },
};

/* --- lines -------------------------------------------------------------- */

void
parse_item(struct parser *parser, const struct keyword *item_keywords, void *item)
{
	parser->keywords = item_keywords;
	parser->item = item;
	parser->seen = 0;
}

void *
parse_field(const struct parser *parser, const struct keyword *keyword)
{
	return (char *)parser->item + keyword->offset;
}

static const struct keyword *
find_keyword(const struct scanner *scanner, const struct keyword *keywords)
{
	for (; keywords && keywords->word; keywords++)
		if (scan_at_word(scanner, keywords->word))
			return keywords;
	return NULL;
}

/* A keyword of the item stands once; one of the graph ends the item. */
static bool
parse_line(struct parser *parser)
{
	const struct keyword *keyword = find_keyword(&parser->scanner, parser->keywords);
	uint64_t bit;

	if (keyword) {
		bit = (uint64_t)1 << (keyword - parser->keywords);
		if (parser->seen & bit)
			return scan_refuse(&parser->scanner, "no keyword twice");
		parser->seen |= bit;
	} else {
		keyword = find_keyword(&parser->scanner, graph_keywords);
		if (!keyword)
			return scan_refuse(&parser->scanner, "a keyword that is known here");
		parser->keywords = NULL;
	}
	scan_next(&parser->scanner);
	return keyword->read(parser, keyword);
}

/* --- the whole text ----------------------------------------------------- */

static bool
parse_text(struct parser *parser)
{
	uint32_t version;
	size_t i;

	if (!scan_word(&parser->scanner, "snn-graph") ||
	    !scan_count(&parser->scanner, TEXT_FORM_VERSION, &version))
		return false;
	if (version != TEXT_FORM_VERSION)
		return scan_fail(&parser->scanner, "this version of the text form is not known");
	while (parser->scanner.token != TOKEN_END)
		if (!parse_line(parser))
			return false;
	for (i = 0; i < parser->graph->axis_count; i++)
		fill_origins(&parser->graph->axes[i]);
	return true;
}

/* The caller's locale may expect 0,5. */
static snnfit_status
parse_plainly(struct parser *parser)
{
	locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), old;
	bool good;

	if (!plain)
		return error_no_memory(parser->scanner.err);
	old = uselocale(plain);
	good = parse_text(parser);
	(void)uselocale(old);
	freelocale(plain);
	return good ? SNNFIT_OK : parser->scanner.err->status;
}

static snnfit_status
verify_parsed(const struct graph *graph, snnfit_error *err)
{
	snnfit_status status = graph_verify(graph, err);

	if (status == SNNFIT_EINTERNAL)
		err->status = status = SNNFIT_EFORMAT; /* the text's mistake, not ours */
	return status;
}

snnfit_status
graph_parse(struct graph **out, const char *text, snnfit_error *err)
{
	struct parser parser = { 0 };
	snnfit_error own;
	snnfit_status status;

	err = err ? err : &own;
	status = graph_new(&parser.graph, err);
	if (status != SNNFIT_OK)
		return status;
	map_init(&parser.names, &parser.scratch);
	scan_start(&parser.scanner, text, err);
	status = parse_plainly(&parser);
	if (status == SNNFIT_OK)
		status = verify_parsed(parser.graph, err);
	arena_free(&parser.scratch);
	if (status == SNNFIT_OK)
		*out = parser.graph;
	else
		graph_free(parser.graph);
	return status;
}
