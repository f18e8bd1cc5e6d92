/* memory.c - where synthesis puts a memory. */
#include "estimator/memory.h"

#include "estimator/numbers.h"

struct shape {
	uint32_t depth, width;
};

static const struct shape ice40_shapes[] = { { 2048, 2 }, { 1024, 4 }, { 512, 8 }, { 256, 16 } };
static const struct shape ecp5_shapes[] = { { 16384, 1 }, { 8192, 2 },	{ 4096, 4 },
					    { 2048, 9 },  { 1024, 18 }, { 512, 36 } };
static const struct shape xc7_double_shapes[] = { { 32768, 1 }, { 16384, 2 }, { 8192, 4 },
						  { 4096, 9 },	{ 2048, 18 }, { 1024, 36 },
						  { 512, 72 } };

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Costs of a block in the tool's own units; a word bit in flip-flops is 1. */
#define ICE40_BLOCK_COST 64
#define ECP5_BLOCK_COST 128
#define XC7_BLOCK_COST 129	  /* 18 kbit */
#define XC7_DOUBLE_BLOCK_COST 257 /* 36 kbit */

struct choice {
	double cost;
	double count;  /* blocks or cells */
	uint64_t deep; /* rows of them */
};

/* Half a unit for every read multiplexer bit and every write enable. */
static double
selection_cost(uint64_t deep, uint64_t width)
{
	return 0.5 * (double)(deep - 1) * (double)(width + 1);
}

static bool
is_cheaper(const struct choice *a, const struct choice *b)
{
	if (a->cost != b->cost)
		return a->cost < b->cost;
	return a->count != b->count ? a->count < b->count : a->deep < b->deep;
}

static void
keep_cheaper(struct choice *best, struct choice other)
{
	if (best->deep == 0 || is_cheaper(&other, best))
		*best = other;
}

/* Write masks let two half-used columns share an ice40 block. */
static double
blocks_of(enum family family, const struct shape *shape, uint64_t deep, uint64_t width)
{
	if (family == FAMILY_ICE40)
		return (double)divide_up(deep * width, shape->width);
	return (double)(deep * divide_up(width, shape->width));
}

static void
try_shapes(struct choice *best, enum family family, const struct shape *shapes, size_t count,
	   double cost, double blocks_each, uint64_t depth, uint64_t width)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t deep = divide_up(depth, shapes[i].depth);
		double blocks = blocks_of(family, &shapes[i], deep, width);

		keep_cheaper(best, (struct choice){ cost * blocks + selection_cost(deep, width),
						    blocks_each * blocks, deep });
	}
}

static struct choice
best_block(enum family family, uint64_t depth, uint64_t width)
{
	struct choice best = { 0 };

	switch (family) {
	case FAMILY_ICE40:
		try_shapes(&best, family, ice40_shapes, COUNT(ice40_shapes), ICE40_BLOCK_COST, 1,
			   depth, width);
		break;
	case FAMILY_ECP5:
		try_shapes(&best, family, ecp5_shapes, COUNT(ecp5_shapes), ECP5_BLOCK_COST, 1,
			   depth, width);
		break;
	default:
		try_shapes(&best, family, ecp5_shapes, COUNT(ecp5_shapes), XC7_BLOCK_COST, 1, depth,
			   width);
		try_shapes(&best, family, xc7_double_shapes, COUNT(xc7_double_shapes),
			   XC7_DOUBLE_BLOCK_COST, 2, depth, width);
	}
	return best;
}

/* Four LUTs hold rows x columns; columns that stay unused cost less. */
static struct choice
xc7_lut_ram(uint64_t depth, uint64_t width, uint32_t rows, uint32_t columns)
{
	uint64_t deep = divide_up(depth, rows), rest = width % columns;
	double row_cost = 8.0 * (double)(width / columns);

	if (rest)
		row_cost += 1 + 7.0 * (double)rest / columns;
	return (struct choice){ (double)deep * row_cost + selection_cost(deep, width),
				4.0 * (double)(deep * divide_up(width, columns)), deep };
}

static struct choice
best_logic(enum family family, uint64_t depth, uint64_t width)
{
	struct choice best = { 0 };
	double bits = (double)depth * (double)width;
	uint64_t deep = divide_up(depth, 16);
	double cells = (double)(deep * divide_up(width, 4));

	switch (family) {
	case FAMILY_ICE40:
		return (struct choice){ bits - 8, bits, 1 };
	case FAMILY_ECP5:
		return (struct choice){ 4 * cells + selection_cost(deep, width), cells, deep };
	default:
		keep_cheaper(&best, xc7_lut_ram(depth, width, 32, 6));
		keep_cheaper(&best, xc7_lut_ram(depth, width, 64, 3));
		return best;
	}
}

void
memory_add(enum family family, uint64_t depth, uint64_t width, struct memory_use *use)
{
	struct choice block, logic;

	if (depth == 0 || width == 0)
		return;
	block = best_block(family, depth, width);
	logic = best_logic(family, depth, width);
	if (!is_cheaper(&logic, &block)) {
		use->blocks += block.count;
		use->read_multiplexers += (double)(block.deep - 1) * (double)width;
		use->registers += block.deep > 1 ? bits_for(block.deep) : 0;
		return;
	}
	use->cells += logic.count;
	use->read_multiplexers += (double)(logic.deep - 1) * (double)width;
	use->registers += (double)width + (family == FAMILY_ICE40 ? logic.count : 0);
}
