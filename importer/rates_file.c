/* rates_file.c - --rates FILE: firing rates, spike counts or rasters beside the model. */
#include "core/text.h"
#include "data/npz.h"
#include "importer/rates_axes.h"
#include "importer/rates_list.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 4096, READ_BYTES = 64 * 1024, MAGIC_BYTES = 8 };
static const size_t TEXT_MAX = (size_t)256 << 20;

/* --- one array ------------------------------------------------------------ */

/* Walks the array in file order and knows where each element goes. */
struct odometer {
	const struct npy_header *header;
	const struct rates_layout *layout;
	uint64_t index[NPY_RANK_MAX];
	uint64_t target;
};

static void
advance(struct odometer *odometer)
{
	const struct npy_header *header = odometer->header;
	uint32_t i, axis;

	for (i = 0; i < header->rank; i++) {
		axis = header->fortran_order ? i : header->rank - 1 - i;
		odometer->target += odometer->layout->stride[axis];
		if (++odometer->index[axis] < header->dims[axis])
			return;
		odometer->target -= odometer->layout->stride[axis] * header->dims[axis];
		odometer->index[axis] = 0;
	}
}

static snnfit_status
refuse_value(const struct rates_list *list, const struct rates_entry *entry,
	     const struct odometer *odometer, double value, snnfit_error *err)
{
	char index[SHAPE_TEXT_BYTES];

	return error_set(err, SNNFIT_EDATA,
			 "%s: rates of \"%.100s\": the value at index %s is %.9g; rates and spikes "
			 "are finite and at least 0",
			 list->carrier, entry->name,
			 rates_shape_text(index, odometer->header->rank, odometer->index), value);
}

static snnfit_status
sum_up(const struct rates_list *list, struct npz *npz, struct odometer *odometer,
       struct rates_entry *entry, snnfit_error *err)
{
	double chunk[CHUNK];
	uint64_t left;
	size_t count, i;
	snnfit_status status;

	for (left = odometer->header->count; left > 0; left -= count) {
		count = left < CHUNK ? (size_t)left : CHUNK;
		status = npz_read(npz, chunk, count, err);
		if (status != SNNFIT_OK)
			return status;
		for (i = 0; i < count; i++, advance(odometer)) {
			if (!(chunk[i] >= 0.0) || chunk[i] - chunk[i] != 0.0)
				return refuse_value(list, entry, odometer, chunk[i], err);
			entry->values[odometer->target] += chunk[i];
		}
	}
	return SNNFIT_OK;
}

/* Whole numbers over 1 are counts: read as rates, they would be wrong by a factor
 * that only the user knows. */
static snnfit_status
check_scale(const struct rates_list *list, const struct rates_entry *entry, snnfit_error *err)
{
	uint64_t i;

	for (i = 0; i < entry->count; i++)
		if (entry->values[i] > 1.0)
			return error_set(err, SNNFIT_EDATA,
					 "%s: \"%.100s\" holds the integer %.9g at index %llu: "
					 "spike counts, it seems; say over how many time steps, as "
					 "--rates-axes /STEPS",
					 list->carrier, entry->name, entry->values[i],
					 (unsigned long long)i);
	return SNNFIT_OK;
}

/* All arrays of a file come from the same run. */
static snnfit_status
take_sizes(struct rates_list *list, const struct rates_layout *layout, const char *name,
	   snnfit_error *err)
{
	if ((list->samples && layout->samples && list->samples != layout->samples) ||
	    (list->steps && layout->steps && list->steps != layout->steps))
		return error_set(
			err, SNNFIT_EDATA,
			"%s: \"%.100s\" has %llu samples of %llu steps, another array %llu "
			"of %llu: check --rates-axes",
			list->carrier, name, (unsigned long long)layout->samples,
			(unsigned long long)layout->steps, (unsigned long long)list->samples,
			(unsigned long long)list->steps);
	list->samples = layout->samples;
	list->steps = layout->steps;
	return SNNFIT_OK;
}

static snnfit_status
make_layout(struct rates_layout *out, const struct rates_list *list, const struct rates_axes *axes,
	    const struct npy_header *header, const char *name, snnfit_error *err)
{
	const char *what = arena_printf(list->context->arena, "%s: \"%.100s\"", list->carrier,
					name);

	if (!what)
		return error_no_memory(err);
	return rates_layout_make(out, axes, header, what, err);
}

static snnfit_status
read_array(struct rates_list *list, struct npz *npz, size_t index, const char *name,
	   const struct rates_axes *axes, snnfit_error *err)
{
	bool plain = !*axes->letters && !axes->counted;
	struct npy_header header;
	struct rates_layout layout;
	struct odometer odometer = { .header = &header, .layout = &layout };
	struct rates_entry *entry = NULL;
	snnfit_status status;
	uint64_t i;

	status = npz_start(npz, index, &header, err);
	if (status == SNNFIT_OK)
		status = make_layout(&layout, list, axes, &header, name, err);
	if (status == SNNFIT_OK)
		status = take_sizes(list, &layout, name, err);
	if (status == SNNFIT_OK)
		status = rates_list_add(list, name, NULL, layout.rank, layout.shape, &entry, err);
	if (status == SNNFIT_OK)
		status = sum_up(list, npz, &odometer, entry, err);
	if (status == SNNFIT_OK && plain && (header.type.kind == 'i' || header.type.kind == 'u'))
		status = check_scale(list, entry, err);
	for (i = 0; status == SNNFIT_OK && i < entry->count; i++)
		entry->values[i] /= layout.divisor;
	return status;
}

/* --- all arrays ------------------------------------------------------------ */

/* Keys that say something about another one: __x, and K__x where K is a key. */
static snnfit_status
is_remark(const struct map *names, struct arena *arena, const char *name, bool *out,
	  snnfit_error *err)
{
	char *prefix = arena_strdup(arena, name), *at;

	if (!prefix)
		return error_no_memory(err);
	*out = !strncmp(name, "__", 2);
	for (at = prefix; !*out && (at = strstr(at, "__")); at++) {
		*at = '\0';
		*out = map_get(names, prefix) != MAP_NONE;
		*at = '_';
	}
	return SNNFIT_OK;
}

static snnfit_status
read_arrays(struct rates_list *list, struct npz *npz, const struct rates_axes *axes,
	    snnfit_error *err)
{
	struct arena *arena = list->context->arena;
	snnfit_status status = SNNFIT_OK;
	struct map names;
	bool remark = false;
	size_t i;

	map_init(&names, arena);
	for (i = 0; i < npz_count(npz); i++)
		if (!map_set(&names, npz_name(npz, i), (uint32_t)i))
			return error_no_memory(err);
	for (i = 0; i < npz_count(npz) && status == SNNFIT_OK; i++) {
		status = is_remark(&names, arena, npz_name(npz, i), &remark, err);
		if (status == SNNFIT_OK && !remark)
			status = read_array(list, npz, i, npz_name(npz, i), axes, err);
	}
	if (status == SNNFIT_OK && list->count == 0)
		return error_set(err, SNNFIT_EDATA, "%s: holds no array of rates", list->carrier);
	return status;
}

/* spk1.npy holds the rates of spk1. */
static snnfit_status
read_single(struct rates_list *list, struct npz *npz, const struct rates_axes *axes,
	    snnfit_error *err)
{
	const char *slash = strrchr(list->carrier, '/');
	char *name = arena_strdup(list->context->arena, slash ? slash + 1 : list->carrier), *dot;

	if (!name)
		return error_no_memory(err);
	dot = strrchr(name, '.');
	if (dot && dot > name)
		*dot = '\0';
	return read_array(list, npz, 0, name, axes, err);
}

static snnfit_status
read_npz(struct rates_list *list, struct npz *npz, const char *axes_text, snnfit_error *err)
{
	struct rates_axes axes;
	snnfit_status status;

	status = rates_axes_parse(&axes, axes_text, err);
	if (status != SNNFIT_OK)
		return status;
	if (!axes_text)
		list->hint = " (for spike counts and rasters, say --rates-axes)";
	return npz_is_single(npz) ? read_single(list, npz, &axes, err)
				  : read_arrays(list, npz, &axes, err);
}

/* --- the file --------------------------------------------------------------- */

static snnfit_status
read_text(struct text *out, int fd, const char *path, snnfit_error *err)
{
	char buffer[READ_BYTES];
	ssize_t got;

	while ((got = read(fd, buffer, sizeof buffer)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, SNNFIT_EIO, "%s: cannot read: %s", path,
					 strerror(errno));
		if ((size_t)got > TEXT_MAX - out->length)
			return error_set(err, SNNFIT_ELIMIT,
					 "%s: more than %zu bytes of text: give an .npz file", path,
					 TEXT_MAX);
		text_append_bytes(out, buffer, (size_t)got);
	}
	return text_failed(out) ? error_no_memory(err) : SNNFIT_OK;
}

static snnfit_status
read_bytes(struct rates_list *list, const struct text *bytes, const char *axes, snnfit_error *err)
{
	struct npz *npz = NULL;
	snnfit_status status;

	if (bytes->length == 0)
		return error_set(err, SNNFIT_EDATA, "%s: the file is empty", list->carrier);
	if (npz_recognizes(bytes->chars, bytes->length)) {
		status = npz_open_bytes(&npz, bytes->chars, bytes->length, list->carrier, NULL,
					err);
		if (status == SNNFIT_OK)
			status = read_npz(list, npz, axes, err);
		npz_close(npz);
		return status;
	}
	if (axes)
		return error_set(err, SNNFIT_EUSAGE,
				 "%s: --rates-axes is about arrays (.npy, .npz), not about JSON",
				 list->carrier);
	return rates_read_json(list, bytes->chars, bytes->length, err);
}

/* An array file that can be read at a position is not taken into memory. */
static snnfit_status
read_open(struct rates_list *list, int fd, const char *path, const char *axes, snnfit_error *err)
{
	uint8_t magic[MAGIC_BYTES];
	struct text bytes = { 0 };
	struct npz *npz = NULL;
	struct stat about;
	snnfit_status status;
	ssize_t got;

	got = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) ? pread(fd, magic, sizeof magic, 0)
							       : 0;
	if (got > 0 && npz_recognizes(magic, (size_t)got)) {
		status = npz_open(&npz, path, NULL, err);
		if (status == SNNFIT_OK)
			status = read_npz(list, npz, axes, err);
		npz_close(npz);
		return status;
	}
	status = read_text(&bytes, fd, path, err);
	if (status == SNNFIT_OK)
		status = read_bytes(list, &bytes, axes, err);
	text_free(&bytes);
	return status;
}

snnfit_status
rates_read_file(struct rates_list *list, const char *path, const char *axes, snnfit_error *err)
{
	snnfit_status status;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_set(err, SNNFIT_EIO, "%s: cannot open: %s", path, strerror(errno));
	status = read_open(list, fd, path, axes, err);
	(void)close(fd);
	return status;
}
