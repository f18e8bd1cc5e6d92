/* axis_algebra.c - resolve, unify, split, sum and re-bracket axes. */
#include "importer/axes.h"

#include <string.h>

static variable_id
new_variable(struct axes *axes, uint64_t size, const char *frozen)
{
	if (axes->variable_count >= NO_VALUE - 1 ||
	    !arena_grow(axes->arena, &axes->variables, axes->variable_count,
			&axes->variable_capacity, sizeof *axes->variables)) {
		axes->out_of_memory = true;
		return NO_VALUE;
	}
	axes->variables[axes->variable_count] =
		(struct variable){ .size = size, .weight = 1, .frozen = frozen };
	return (variable_id)axes->variable_count++;
}

static struct axis
axis_of(struct axes *axes, const variable_id *variables, uint32_t count)
{
	struct axis axis = { count, NULL };

	if (!count)
		return axis;
	axis.variables = arena_copy(axes->arena, variables, count, sizeof *variables);
	if (!axis.variables) {
		axes->out_of_memory = true;
		axis.count = 0;
	}
	return axis;
}

struct axis
axis_fresh(struct axes *axes, uint64_t size, const char *frozen)
{
	variable_id variable;

	if (size == 1)
		return (struct axis){ 0 };
	variable = new_variable(axes, size, frozen);
	return variable == NO_VALUE ? (struct axis){ 0 } : axis_of(axes, &variable, 1);
}

struct axis
axis_variable(struct axes *axes, uint64_t size, const char *frozen)
{
	variable_id variable = new_variable(axes, size, frozen);

	return variable == NO_VALUE ? (struct axis){ 0 } : axis_of(axes, &variable, 1);
}

/* Depth: union by weight and halving splits keep chains logarithmic. */
struct axis
axis_resolve(struct axes *axes, struct axis axis)
{
	uint32_t i, j, total = 0;
	bool settled = true;
	struct axis out = { 0 };

	for (i = 0; i < axis.count; i++)
		if (axes->variables[axis.variables[i]].state == VARIABLE_LINK)
			settled = false;
	if (settled)
		return axis;
	for (i = 0; i < axis.count; i++) {
		struct variable *variable = &axes->variables[axis.variables[i]];

		if (variable->state == VARIABLE_LINK) {
			struct axis link = axis_resolve(axes, variable->link);

			variable = &axes->variables[axis.variables[i]];
			variable->link = link;
			total += link.count;
		} else {
			total++;
		}
	}
	out.variables = arena_alloc(axes->arena, total, sizeof *out.variables);
	if (!out.variables) {
		axes->out_of_memory = true;
		return (struct axis){ 0 };
	}
	for (i = 0; i < axis.count; i++) {
		const struct variable *variable = &axes->variables[axis.variables[i]];

		if (variable->state != VARIABLE_LINK)
			out.variables[out.count++] = axis.variables[i];
		else
			for (j = 0; j < variable->link.count; j++)
				out.variables[out.count++] = variable->link.variables[j];
	}
	return out;
}

uint64_t
axis_size(struct axes *axes, struct axis axis)
{
	uint64_t size = 1;
	uint32_t i;

	for (i = 0; i < axis.count; i++)
		if (__builtin_mul_overflow(size, axes->variables[axis.variables[i]].size, &size))
			return UINT64_MAX;
	return size;
}

bool
axis_equal(struct axes *axes, struct axis a, struct axis b)
{
	a = axis_resolve(axes, a);
	b = axis_resolve(axes, b);
	return a.count == b.count &&
	       (!a.count || memcmp(a.variables, b.variables, a.count * sizeof *a.variables) == 0);
}

static void
freeze_variable(struct axes *axes, variable_id id, const char *reason)
{
	struct variable *variable = &axes->variables[id];
	uint32_t i, count = variable->part_count;

	if (variable->state == VARIABLE_LEAF && !variable->frozen)
		variable->frozen = reason;
	if (variable->state == VARIABLE_SUM)
		for (i = 0; i < count; i++)
			axis_freeze(axes, axes->variables[id].parts[i], reason);
}

void
axis_freeze(struct axes *axes, struct axis axis, const char *reason)
{
	uint32_t i;

	if (!reason)
		return;
	axis = axis_resolve(axes, axis);
	for (i = 0; i < axis.count; i++)
		freeze_variable(axes, axis.variables[i], reason);
}

/* A leaf of n becomes (outer)(n / outer); both parts inherit its flags. */
static bool
split(struct axes *axes, variable_id id, uint64_t outer)
{
	struct variable leaf = axes->variables[id];
	variable_id parts[2];
	struct axis link;

	if (leaf.state != VARIABLE_LEAF || outer < 2 || leaf.size / outer < 2)
		return false;
	parts[0] = new_variable(axes, outer, leaf.frozen);
	parts[1] = new_variable(axes, leaf.size / outer, leaf.frozen);
	link = axis_of(axes, parts, 2);
	if (axes->out_of_memory)
		return false;
	axes->variables[id].link = link;
	axes->variables[id].state = VARIABLE_LINK;
	return true;
}

static bool
link_to(struct axes *axes, variable_id from, variable_id to)
{
	struct axis target = axis_of(axes, &to, 1);

	if (axes->out_of_memory)
		return false;
	axes->variables[to].weight += axes->variables[from].weight;
	axes->variables[from].link = target;
	axes->variables[from].state = VARIABLE_LINK;
	return true;
}

static void
join_sums(struct axes *axes, variable_id a, variable_id b, const char *reason)
{
	if (!axis_unify_sums(axes, a, b, reason)) {
		freeze_variable(axes, a, "two concatenations are cut at different places");
		freeze_variable(axes, b, "two concatenations are cut at different places");
		return;
	}
	if (axes->variables[a].state != VARIABLE_LINK && axes->variables[b].state != VARIABLE_LINK)
		(void)link_to(axes, a, b);
}

/* Two variables of equal size become one. */
static void
join(struct axes *axes, variable_id a, variable_id b, const char *reason)
{
	const char *frozen;
	variable_id keep;

	if (axes->variables[a].state == VARIABLE_SUM && axes->variables[b].state == VARIABLE_SUM) {
		join_sums(axes, a, b, reason);
		return;
	}
	keep = axes->variables[a].state == VARIABLE_SUM		       ? a
	       : axes->variables[b].state == VARIABLE_SUM	       ? b
	       : axes->variables[a].weight > axes->variables[b].weight ? a
								       : b;
	if (keep == a)
		a = b;
	frozen = axes->variables[a].frozen;
	if (link_to(axes, a, keep))
		freeze_variable(axes, keep, frozen);
}

void
axis_unify(struct axes *axes, struct axis a, struct axis b, const char *reason)
{
	for (;;) {
		variable_id x, y;
		uint64_t n, m;

		a = axis_resolve(axes, a);
		b = axis_resolve(axes, b);
		if (axes->out_of_memory)
			return;
		while (a.count && b.count && a.variables[a.count - 1] == b.variables[b.count - 1]) {
			a.count--;
			b.count--;
		}
		if (!a.count && !b.count)
			return;
		if (!a.count || !b.count)
			break;
		x = a.variables[a.count - 1];
		y = b.variables[b.count - 1];
		n = axes->variables[x].size;
		m = axes->variables[y].size;
		if (n == m) {
			join(axes, x, y, reason);
			a.count--;
			b.count--;
			continue;
		}
		if (!n || !m)
			break;
		if (n % m == 0 && split(axes, x, n / m))
			continue;
		if (m % n == 0 && split(axes, y, m / n))
			continue;
		break;
	}
	axis_freeze(axes, a, reason);
	axis_freeze(axes, b, reason);
}

struct axis
axis_product(struct axes *axes, const struct axis *factors, uint32_t count)
{
	struct axis out = { 0 };
	uint32_t i, j, total = 0;

	for (i = 0; i < count; i++)
		total += factors[i].count;
	if (!total)
		return out;
	out.variables = arena_alloc(axes->arena, total, sizeof *out.variables);
	if (!out.variables) {
		axes->out_of_memory = true;
		return out;
	}
	for (i = 0; i < count; i++)
		for (j = 0; j < factors[i].count; j++)
			out.variables[out.count++] = factors[i].variables[j];
	return out;
}

struct axis
axis_sum(struct axes *axes, const struct axis *parts, uint32_t count)
{
	uint64_t size = 0;
	bool any = false;
	struct axis *copies;
	struct axis out;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (__builtin_add_overflow(size, axis_size(axes, parts[i]), &size))
			size = UINT64_MAX;
		any = any || parts[i].count > 0;
	}
	if (!any || size <= 1 || size == UINT64_MAX) {
		for (i = 0; i < count; i++)
			axis_freeze(axes, parts[i], "a Concat of unknown or empty parts");
		return axis_fresh(axes, size, "as long as a Concat has operands");
	}
	if (count == 1)
		return parts[0];
	copies = arena_copy(axes->arena, parts, count, sizeof *parts);
	out = axis_fresh(axes, size, NULL);
	if (!copies || !out.count) {
		axes->out_of_memory = true;
		return out;
	}
	for (i = 0; i < count; i++)
		if (!copies[i].count) {
			variable_id row = new_variable(axes, 1, "one row of a Concat");

			copies[i] = row == NO_VALUE ? out : axis_of(axes, &row, 1);
		}
	axes->variables[out.variables[0]].state = VARIABLE_SUM;
	axes->variables[out.variables[0]].parts = copies;
	axes->variables[out.variables[0]].part_count = count;
	axes->variables[out.variables[0]].part_capacity = count;
	return out;
}

/* --- Reshape ------------------------------------------------------------------ */

enum { FACTORS_MAX = 64 }; /* of one axis */

/* The factors not yet taken: list[first] to list[last - 1]. */
struct factors {
	variable_id *list;
	uint32_t first, last;
};

/* Takes factors whose product is size from one end. False: stuck, nothing taken. */
static bool
take(struct axes *axes, struct factors *factors, uint64_t size, bool from_left, struct axis *out)
{
	uint32_t first = factors->first, last = factors->last;
	variable_id taken[FACTORS_MAX];
	uint32_t count = 0, i;

	while (size > 1) {
		uint32_t at = from_left ? factors->first : factors->last - 1;
		variable_id id;
		uint64_t n;

		if (factors->first >= factors->last || count >= FACTORS_MAX)
			goto stuck;
		id = factors->list[at];
		n = axes->variables[id].size;
		if (n && size % n == 0) {
			taken[count++] = id;
			size /= n;
			if (from_left)
				factors->first++;
			else
				factors->last--;
			continue;
		}
		if (!n || n % size || !split(axes, id, from_left ? size : n / size))
			goto stuck;
		/* The half that is needed is taken, the other takes the factor's place. */
		taken[count++] = axes->variables[id].link.variables[from_left ? 0 : 1];
		factors->list[at] = axes->variables[id].link.variables[from_left ? 1 : 0];
		size = 1;
	}
	if (!from_left)
		for (i = 0; i < count / 2; i++) {
			variable_id swap = taken[i];

			taken[i] = taken[count - 1 - i];
			taken[count - 1 - i] = swap;
		}
	*out = axis_of(axes, taken, count);
	return true;
stuck:
	factors->first = first;
	factors->last = last;
	return false;
}

void
axis_reshape(struct axes *axes, const struct axis *x, uint32_t rank, const uint64_t *dims,
	     uint32_t out_rank, struct axis *out)
{
	struct axis all = axis_resolve(axes, axis_product(axes, x, rank));
	variable_id *list = arena_copy(axes->arena, all.variables, all.count, sizeof *list);
	struct factors factors = { list, 0, all.count };
	uint32_t i = 0, j = out_rank, k;

	if (!list) {
		axes->out_of_memory = true;
		memset(out, 0, out_rank * sizeof *out);
		return;
	}
	while (i < j && take(axes, &factors, dims[i], true, &out[i]))
		i++;
	while (i < j && take(axes, &factors, dims[j - 1], false, &out[j - 1]))
		j--;
	if (i == j && factors.first == factors.last)
		return;
	for (k = factors.first; k < factors.last; k++)
		axis_freeze(axes, (struct axis){ 1, &factors.list[k] },
			    "a Reshape mixes it with another axis");
	for (k = i; k < j; k++)
		out[k] = axis_fresh(axes, dims[k], "a Reshape mixes it with another axis");
}
