#include "importer/rates_axes.h"

#include <string.h>

static const char LETTERS[] = "TNUCHW";

static bool
has(const char *letters, char letter)
{
	return strchr(letters, letter) != NULL;
}

static snnfit_status
refuse(const char *text, const char *problem, snnfit_error *err)
{
	return error_set(err, SNNFIT_EUSAGE,
			 "--rates-axes %.40s: %s (T steps, N samples, U units or C, H, W: TN, NTU, "
			 "TNCHW, ...; counts: N/STEPS)",
			 text, problem);
}

/* Digits up to the end, at least 1. */
static bool
parse_steps(const char *text, uint64_t *out)
{
	*out = 0;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(*out, 10u, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(*text - '0'), out))
			return false;
	return *text == '\0' && *out > 0;
}

static snnfit_status
check(const struct rates_axes *axes, const char *text, snnfit_error *err)
{
	const char *letters = axes->letters;

	if (!*letters && !axes->counted)
		return refuse(text, "nothing is said", err);
	if (has(letters, 'U') && (has(letters, 'C') || has(letters, 'H') || has(letters, 'W')))
		return refuse(text, "U and C, H, W exclude each other", err);
	if ((has(letters, 'H') || has(letters, 'W')) && !has(letters, 'C'))
		return refuse(text, "H and W need C", err);
	if (has(letters, 'W') && !has(letters, 'H'))
		return refuse(text, "W needs H", err);
	if (has(letters, 'T') && axes->counted)
		return refuse(text, "with an axis T nothing was counted over steps", err);
	if (has(letters, 'N') && !has(letters, 'T') && !axes->counted)
		return refuse(text,
			      "without T, say over how many steps the spikes were counted, "
			      "as N/25; N/1 if they are rates",
			      err);
	return SNNFIT_OK;
}

snnfit_status
rates_axes_parse(struct rates_axes *out, const char *text, snnfit_error *err)
{
	const char *at;
	size_t count = 0;

	*out = (struct rates_axes){ .steps = 1 };
	if (!text)
		return SNNFIT_OK;
	for (at = text; *at && *at != '/'; at++) {
		if (!has(LETTERS, *at))
			return refuse(text, "an axis is one of the letters T N U C H W", err);
		if (has(out->letters, *at))
			return refuse(text, "a letter stands there twice", err);
		out->letters[count++] = *at;
	}
	if (*at == '/') {
		out->counted = true;
		if (!parse_steps(at + 1, &out->steps))
			return refuse(text, "after / comes a number of time steps", err);
	}
	return check(out, text, err);
}

/* --- one array ------------------------------------------------------------ */

/* The letters that this array has axes for. */
static void
choose_letters(char *out, const char *letters, uint32_t rank)
{
	static const char droppable[] = "WH";
	const char *drop;
	char *at;

	strcpy(out, letters);
	for (drop = droppable; *drop && strlen(out) > rank; drop++) {
		at = strchr(out, *drop);
		if (at)
			memmove(at, at + 1, strlen(at));
	}
}

/* Lists the array's axes that are units, outermost first: U, or C, H, W, then
 * those without a letter. */
static uint32_t
list_unit_axes(uint32_t *out, const char *letters, uint32_t rank)
{
	static const char order[] = "UCHW";
	const char *letter, *at;
	uint32_t count = 0, axis;

	for (letter = order; *letter; letter++) {
		at = strchr(letters, *letter);
		if (at)
			out[count++] = (uint32_t)(at - letters);
	}
	for (axis = (uint32_t)strlen(letters); axis < rank; axis++)
		out[count++] = axis;
	return count;
}

static void
set_strides(struct rates_layout *layout, const uint32_t *axes, const struct npy_header *header)
{
	uint64_t stride = 1;
	uint32_t i;

	for (i = layout->rank; i-- > 0;) {
		layout->shape[i] = header->dims[axes[i]];
		layout->stride[axes[i]] = stride;
		stride *= header->dims[axes[i]]; /* at most header->count */
	}
}

static uint64_t
size_of(const char *letters, char letter, const struct npy_header *header)
{
	const char *at = strchr(letters, letter);

	return at ? header->dims[at - letters] : 0;
}

snnfit_status
rates_layout_make(struct rates_layout *out, const struct rates_axes *axes,
		  const struct npy_header *header, const char *what, snnfit_error *err)
{
	uint32_t unit_axes[NPY_RANK_MAX];
	char letters[sizeof axes->letters];

	*out = (struct rates_layout){ 0 };
	if (header->count == 0)
		return error_set(err, SNNFIT_EDATA, "%s: the array is empty", what);
	choose_letters(letters, axes->letters, header->rank);
	if (strlen(letters) <= header->rank)
		out->rank = list_unit_axes(unit_axes, letters, header->rank);
	if (out->rank == 0)
		return error_set(err, SNNFIT_EDATA,
				 "%s: has %u dimensions, too few for --rates-axes %s and the "
				 "units",
				 what, header->rank, axes->letters);
	set_strides(out, unit_axes, header);
	out->samples = size_of(letters, 'N', header);
	out->steps = size_of(letters, 'T', header);
	out->divisor = (double)(out->samples ? out->samples : 1) *
		       (double)(out->steps ? out->steps : 1) * (double)axes->steps;
	if (out->samples && axes->counted)
		out->steps = axes->steps;
	return SNNFIT_OK;
}
