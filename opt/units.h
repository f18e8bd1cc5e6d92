/* units.h - what the passes share: the units of an axis, and rows read in pieces. */
#ifndef SNNFIT_OPT_UNITS_H
#define SNNFIT_OPT_UNITS_H

#include "opt/pass.h"

/* --- which units go ------------------------------------------------------ */

/* What a pass means to do with an axis: a unit goes when every population on the
 * axis agrees. */
struct unit_plan {
	const char *layer;  /* the first population's name; NULL: there is none */
	const char *reason; /* why the axis is left alone, or NULL */
	bool *gone;	    /* [units], true to begin with */
};

/* One plan an axis; axes that are frozen, or whose population is an output of
 * the model, have their reason already. Memory is scratch's. */
MUST_USE snnfit_status unit_plans_new(struct unit_plan **out, const struct graph *graph,
				      struct arena *scratch, snnfit_error *err);
/* Removes what the plans say, folding what units that never spike, or (UNIT_FIRING)
 * always do, give to their readers, adds the number to *removed, and reports the axes
 * left alone. Where all units would go, the first one stays, and the report gives all_gone. */
MUST_USE snnfit_status unit_plans_apply(struct pass_context *context, struct graph *graph,
					struct unit_plan *plans, enum fate fate,
					const char *all_gone, uint64_t *removed, snnfit_error *err);

/* Its spikes are not 0 or 1. A rate may count them, or add up their values, or tell at
 * how many steps there were any: their mean is not certain. */
bool population_is_graded(const struct population *population);

/* --- columns and projections ---------------------------------------------- */

uint32_t projection_column_count(const struct projection *projection);
/* The unit of the axis at each column, GRAPH_NONE where it is another's. */
void projection_column_units(const struct projection *projection, axis_id axis, uint32_t *units);
/* The unit of the target that a row drives. */
uint32_t projection_row_unit(const struct projection *projection, uint32_t row);
/* Of the row's current in the target's drive; 1 where there is none. */
double projection_row_gain(const struct projection *projection, uint32_t row);
/* What a column reads per spike; 1 where nothing is said. */
double projection_spike(const struct projection *projection, uint32_t column);
double projection_silent(const struct projection *projection, uint32_t column);
/* Whether the exporter can write other weights and biases for it. */
bool projection_editable(const struct graph *graph, const struct projection *projection);
/* A population's rows are driven by these projections, in the graph's order. */
struct projection_list {
	projection_id *ids;
	uint32_t count;
};
/* One list a population, of what drives it. Memory is scratch's. */
MUST_USE snnfit_status incoming_projections(struct projection_list **out, const struct graph *graph,
					    struct arena *scratch, snnfit_error *err);
/* [axis_count]: how many populations that are not removed are on the axis. */
MUST_USE snnfit_status populations_on_axes(uint32_t **out, const struct graph *graph,
					   struct arena *scratch, snnfit_error *err);

/* --- rows ----------------------------------------------------------------- */

/* Rows of a matrix, read in pieces of bounded size: cheap in ascending order. The
 * first pieces are small, for those who are content with a few rows. */
struct row_reader {
	const struct weights *weights;
	float *rows;
	uint32_t first, count, capacity, next_count;
};

MUST_USE snnfit_status row_reader_open(struct row_reader *reader, const struct weights *weights,
				       snnfit_error *err);
/* *out: [columns], valid until the next call. */
MUST_USE snnfit_status row_reader_get(struct row_reader *reader, uint32_t row, const float **out,
				      snnfit_error *err);
void row_reader_close(struct row_reader *reader); /* all zero bytes are fine */

#endif
