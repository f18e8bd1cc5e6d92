/* parse.h - what the files that read the text form share: docs/text-form.md.
 *
 * A line is a keyword and what follows it. Tables say which keywords an item has
 * and how each is read. All functions return false with *err filled on failure. */
#ifndef SNNFIT_GRAPH_PARSE_H
#define SNNFIT_GRAPH_PARSE_H

#include "core/map.h"
#include "graph/graph.h"
#include "graph/scan.h"
#include "graph/words.h"

#include <stddef.h>

/* What a few words of text may ask memory for: units of all axes, positions. */
enum { MOST_UNITS = 1 << 24, MOST_POSITIONS = 1 << 16 };

struct keyword;

struct parser {
	struct scanner scanner;
	struct graph *graph;
	struct arena scratch;
	struct map names;		/* of the populations */
	uint64_t units;			/* of all axes, in the input model */
	const struct keyword *keywords; /* of the item that is being read */
	uint64_t seen;			/* which of them were read, a bit each */
	void *item;			/* a unit_axis, population or projection */
	double *numbers;		/* the last list that was read */
	size_t number_count, number_capacity;
};

/* A table of at most 64 ends with a NULL word. */
struct keyword {
	const char *word;
	bool (*read)(struct parser *parser, const struct keyword *keyword);
	size_t offset; /* in the item, of what the keyword stands for */
};

extern const struct keyword graph_keywords[], axis_keywords[], population_keywords[],
	projection_keywords[];

/* The keywords that follow are those of this item. */
void parse_item(struct parser *parser, const struct keyword *item_keywords, void *item);
/* The field of the item that the keyword stands for. */
void *parse_field(const struct parser *parser, const struct keyword *keyword);

/* At least one number, into parser->numbers. */
MUST_USE bool parse_numbers(struct parser *parser,
			    bool (*read)(struct scanner *scanner, double *out));
/* Exactly count numbers, as an array of the graph; NULL on failure. */
MUST_USE double *parse_array(struct parser *parser, size_t count);
/* At least one string, into the graph. */
struct strings {
	const char **items;
	size_t count, capacity;
};
MUST_USE bool parse_strings(struct parser *parser, struct strings *strings);
/* The population of a name that was read before. */
MUST_USE bool parse_population_name(struct parser *parser, population_id *out);

/* Fields that several items have. */
MUST_USE bool parse_parameter(struct parser *parser, const struct keyword *keyword);
MUST_USE bool parse_string(struct parser *parser, const struct keyword *keyword);
MUST_USE bool parse_flag(struct parser *parser, const struct keyword *keyword);

/* Lines that begin an item. */
MUST_USE bool parse_axis(struct parser *parser, const struct keyword *keyword);
MUST_USE bool parse_population(struct parser *parser, const struct keyword *keyword);
MUST_USE bool parse_projection(struct parser *parser, const struct keyword *keyword);

#endif
