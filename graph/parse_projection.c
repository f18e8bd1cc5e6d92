/* parse_projection.c - projections of the text form, with their matrices. */
#include "graph/parse.h"

#define PROJECTION(member) offsetof(struct projection, member)

bool
parse_projection(struct parser *parser, const struct keyword *keyword)
{
	population_id target;
	projection_id id;

	(void)keyword;
	if (!scan_word(&parser->scanner, "into") || !parse_population_name(parser, &target))
		return false;
	id = graph_add_projection(parser->graph, target);
	if (id == GRAPH_NONE)
		return scan_no_memory(&parser->scanner);
	parse_item(parser, projection_keywords, &parser->graph->projections[id]);
	return true;
}

static bool
read_first_row(struct parser *parser, const struct keyword *keyword)
{
	struct projection *projection = parser->item;

	(void)keyword;
	projection->partial = true;
	return scan_count(&parser->scanner, UINT32_MAX, &projection->first_row);
}

static bool
read_reads(struct parser *parser, const struct keyword *keyword)
{
	struct projection *projection = parser->item;
	uint32_t reads;

	(void)keyword;
	if (!scan_choice(&parser->scanner, reads_words, "spikes, input or other", &reads))
		return false;
	projection->reads = (enum reads)reads;
	return true;
}

static bool
read_kernel(struct parser *parser, const struct keyword *keyword)
{
	struct projection *projection = parser->item;

	(void)keyword;
	return scan_count(&parser->scanner, UINT32_MAX, &projection->kernel);
}

/* "axis 2 units 5 at 10 outer 3 inner 4", or "free 784". */
static bool
read_span(struct parser *parser, struct span *span)
{
	struct scanner *scanner = &parser->scanner;
	uint32_t axes = (uint32_t)parser->graph->axis_count;

	*span = (struct span){ GRAPH_NONE, 1, 0, 1, 0 };
	if (scan_skip_word(scanner, "free"))
		return scan_count(scanner, UINT32_MAX, &span->units);
	scan_next(scanner); /* axis */
	if (axes == 0)
		return scan_refuse(scanner, "an axis above");
	if (!scan_count(scanner, axes - 1, &span->axis))
		return false;
	span->units = parser->graph->axes[span->axis].units;
	if (scan_skip_word(scanner, "units") &&
	    (!scan_count(scanner, UINT32_MAX, &span->units) || !scan_word(scanner, "at") ||
	     !scan_count(scanner, UINT32_MAX, &span->first)))
		return false;
	if (scan_skip_word(scanner, "outer") && !scan_count(scanner, UINT32_MAX, &span->outer))
		return false;
	return !scan_skip_word(scanner, "inner") || scan_count(scanner, UINT32_MAX, &span->inner);
}

static bool
read_columns(struct parser *parser, const struct keyword *keyword)
{
	struct projection *projection = parser->item;
	struct dimension columns = { 0 };
	size_t capacity = 0;

	(void)keyword;
	while (scan_at_word(&parser->scanner, "axis") || scan_at_word(&parser->scanner, "free")) {
		if (!arena_grow(&parser->graph->arena, &columns.spans, columns.count, &capacity,
				sizeof *columns.spans))
			return scan_no_memory(&parser->scanner);
		if (!read_span(parser, &columns.spans[columns.count]))
			return false;
		columns.count++;
	}
	projection->columns = columns;
	return columns.count > 0 || scan_refuse(&parser->scanner, "axis or free");
}

static bool
read_column_values(struct parser *parser, const struct keyword *keyword)
{
	const struct projection *projection = parser->item;
	const struct dimension *columns = &projection->columns;
	double **values = parse_field(parser, keyword);

	if (columns->count == 0)
		return scan_fail(&parser->scanner, "the columns must stand before this");
	*values = parse_array(parser, (size_t)dimension_size(columns));
	return *values != NULL;
}

static bool
new_matrix(struct parser *parser, struct weights **out, uint32_t rows, uint32_t columns)
{
	snnfit_status status = weights_from_values(out, rows, columns, NULL, parser->scanner.err);
	float *values;
	size_t i;

	if (status == SNNFIT_OK)
		status = weights_edit(out, &values, parser->scanner.err);
	for (i = 0; status == SNNFIT_OK && i < parser->number_count; i++)
		values[i] = (float)parser->numbers[i];
	return status == SNNFIT_OK;
}

static bool
read_weights(struct parser *parser, const struct keyword *keyword)
{
	struct projection *projection = parser->item;
	struct scanner *scanner = &parser->scanner;
	uint32_t rows, columns;

	(void)keyword;
	if (!scan_count(scanner, UINT32_MAX, &rows) || !scan_count(scanner, UINT32_MAX, &columns) ||
	    !parse_numbers(parser, scan_float))
		return false;
	if (parser->number_count != (uint64_t)rows * columns)
		return scan_fail(scanner, "the weights above are not rows times columns numbers");
	return new_matrix(parser, &projection->weights, rows, columns);
}

static bool
read_bias(struct parser *parser, const struct keyword *keyword)
{
	struct projection *projection = parser->item;

	(void)keyword;
	if (!parse_numbers(parser, scan_float))
		return false;
	if (parser->number_count > MOST_UNITS)
		return scan_fail(&parser->scanner, "too many numbers");
	return new_matrix(parser, &projection->bias, (uint32_t)parser->number_count, 1);
}

static bool
take_scales(struct parser *parser, struct quantization *quantization)
{
	size_t i;

	quantization->scale = arena_alloc(&parser->graph->arena, parser->number_count,
					  sizeof(float));
	if (!quantization->scale)
		return scan_no_memory(&parser->scanner);
	for (i = 0; i < parser->number_count; i++)
		quantization->scale[i] = (float)parser->numbers[i];
	return true;
}

static bool
read_quantized(struct parser *parser, const struct keyword *keyword)
{
	struct projection *projection = parser->item;
	struct quantization *quantization = &projection->quantization;
	struct scanner *scanner = &parser->scanner;

	(void)keyword;
	if (!projection->weights)
		return scan_fail(scanner, "the weights must stand before this");
	if (!scan_count(scanner, 16, &quantization->bits))
		return false;
	quantization->per_unit = scan_skip_word(scanner, "per-unit");
	if (!quantization->per_unit && !scan_word(scanner, "per-tensor"))
		return false;
	if (!parse_numbers(parser, scan_float))
		return false;
	if (parser->number_count != (quantization->per_unit ? projection->weights->rows : 1))
		return scan_fail(scanner, "the scales above are not one a row, or one in all");
	return take_scales(parser, quantization);
}

const struct keyword projection_keywords[] = {
	{ "first-row", read_first_row, 0 },
	{ "reads", read_reads, 0 },
	{ "delayed", parse_flag, PROJECTION(delayed) },
	{ "spike-at-most", parse_flag, PROJECTION(spike_at_most) },
	{ "columns", read_columns, 0 },
	{ "silent", read_column_values, PROJECTION(silent) },
	{ "spike", read_column_values, PROJECTION(spike) },
	{ "gain", parse_parameter, PROJECTION(gain) },
	{ "kernel", read_kernel, 0 },
	{ "weights", read_weights, 0 },
	{ "quantized", read_quantized, 0 },
	{ "bias", read_bias, 0 },
	{ NULL, NULL, 0 },
};
