/* parse_lists.c - the numbers and names that the items of the text form are made of. */
#include "graph/parse.h"

/* --- lists of numbers --------------------------------------------------- */

typedef bool (*read_number)(struct scanner *scanner, double *out);

bool
parse_numbers(struct parser *parser, read_number read)
{
	parser->number_count = 0;
	while (parser->scanner.token == TOKEN_NUMBER) {
		if (!arena_grow(&parser->scratch, &parser->numbers, parser->number_count,
				&parser->number_capacity, sizeof *parser->numbers))
			return scan_no_memory(&parser->scanner);
		if (!read(&parser->scanner, &parser->numbers[parser->number_count]))
			return false;
		parser->number_count++;
	}
	return parser->number_count > 0 || scan_refuse(&parser->scanner, "a number");
}

/* The list as an array of the graph; it must have count numbers. */
double *
parse_array(struct parser *parser, size_t count)
{
	double *copy;

	if (!parse_numbers(parser, scan_double))
		return NULL;
	if (parser->number_count != count) {
		(void)error_set(parser->scanner.err, SNNFIT_EFORMAT,
				"line %zu: expected %zu numbers, found %zu", parser->scanner.line,
				count, parser->number_count);
		return NULL;
	}
	copy = arena_copy(&parser->graph->arena, parser->numbers, count, sizeof *copy);
	if (!copy)
		(void)scan_no_memory(&parser->scanner);
	return copy;
}

bool
parse_parameter(struct parser *parser, const struct keyword *keyword)
{
	struct parameter parameter;

	if (!parse_numbers(parser, scan_double))
		return false;
	if (parser->number_count > MOST_UNITS)
		return scan_fail(&parser->scanner, "too many numbers");
	parameter.count = (uint32_t)parser->number_count;
	parameter.values = arena_copy(&parser->graph->arena, parser->numbers, parameter.count,
				      sizeof *parameter.values);
	if (!parameter.values)
		return scan_no_memory(&parser->scanner);
	*(struct parameter *)parse_field(parser, keyword) = parameter;
	return true;
}

/* --- strings, flags, and lists of strings -------------------------------- */

bool
parse_string(struct parser *parser, const struct keyword *keyword)
{
	return scan_string(&parser->scanner, &parser->graph->arena, parse_field(parser, keyword));
}

bool
parse_flag(struct parser *parser, const struct keyword *keyword)
{
	*(bool *)parse_field(parser, keyword) = true;
	return true;
}

bool
parse_strings(struct parser *parser, struct strings *strings)
{
	struct arena *arena = &parser->graph->arena;

	while (parser->scanner.token == TOKEN_STRING || parser->scanner.token == TOKEN_BROKEN) {
		if (!arena_grow(arena, &strings->items, strings->count, &strings->capacity,
				sizeof *strings->items))
			return scan_no_memory(&parser->scanner);
		if (!scan_string(&parser->scanner, arena, &strings->items[strings->count]))
			return false;
		strings->count++;
	}
	if (strings->count > UINT32_MAX)
		return scan_fail(&parser->scanner, "too many strings");
	return strings->count > 0 || scan_refuse(&parser->scanner, "a string in quotes");
}

/* The population of a name that was read above. */
bool
parse_population_name(struct parser *parser, population_id *out)
{
	struct scanner before = parser->scanner;
	const char *name;

	if (!scan_string(&parser->scanner, &parser->scratch, &name))
		return false;
	*out = map_get(&parser->names, name);
	return *out != MAP_NONE || scan_refuse(&before, "the name of a population above");
}
