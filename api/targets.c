/* targets.c - what there is to choose from: targets and passes. */
#include "api/report.h"
#include "api/table.h"
#include "estimator/devices.h"
#include "opt/pass.h"

#include <math.h>

const char *
snnfit_version(void)
{
	return SNNFIT_VERSION;
}

int
snnfit_pass_at(size_t index, snnfit_pass *out)
{
	*out = (snnfit_pass){ .name = NULL };
	for (const struct pass *pass = passes; pass->name; pass++) {
		if (index-- > 0)
			continue;
		*out = (snnfit_pass){ .name = pass->name,
				      .help = pass->help,
				      .by_default = pass->by_default,
				      .lossless = pass->lossless };
		return 1;
	}
	return 0;
}

int
snnfit_target_at(size_t index, snnfit_target *out)
{
	const struct device *device;
	size_t count;

	*out = (snnfit_target){ .name = NULL };
	device = device_table(&count);
	if (index >= count)
		return 0;
	device += index;
	*out = (snnfit_target){
		.name = device->name,
		.family = device->family_name,
		.luts = device->capacity[RESOURCE_LUT],
		.ffs = device->capacity[RESOURCE_FF],
		.logic_cells = device->capacity[RESOURCE_LOGIC_CELLS],
		.bram_blocks = device->capacity[RESOURCE_BRAM],
		.bram_block_kbit = device->bram_block_kbit,
		.dsps = device->capacity[RESOURCE_DSP],
	};
	for (size_t i = 0; i < sizeof out->aliases / sizeof *out->aliases; i++)
		if (i < DEVICE_MAX_ALIASES && device->aliases[i][0])
			out->aliases[i] = device->aliases[i];
	return 1;
}

static json_t *
targets_document(void)
{
	struct json_builder builder = { false };
	json_t *object = json_object();
	json_t *targets = json_put(&builder, object, "targets", json_array());
	const struct device *table;
	size_t count;

	table = device_table(&count);
	for (size_t i = 0; i < count; i++)
		json_append(&builder, targets, device_to_json(&table[i]));
	if (!builder.failed)
		return object;
	json_decref(object);
	return NULL;
}

snnfit_status
snnfit_targets(snnfit_report **report, snnfit_error *err)
{
	return report_new(report, targets_document(), describe_targets, err);
}

/* --- for people -------------------------------------------------------------- */

static void
table_aliases(struct table *table, const json_t *aliases)
{
	struct text cell = { .chars = NULL };

	for (size_t i = 0; i < json_array_size(aliases); i++)
		text_printf(&cell, "%s%s", i ? ", " : "",
			    json_string_value(json_array_get(aliases, i)));
	table_take(table, &cell);
}

void
describe_targets(const json_t *document, struct text *out)
{
	static const char *const head[] = { "target",	    "family",	   "LUT",
					    "FF",	    "logic cells", "BRAM",
					    "kbit a block", "DSP",	   "also called" };
	static const char *const capacities[] = {
		"lut", "ff", "logic_cells", "bram", "bram_block_kbit", "dsp"
	};
	const json_t *targets = json_object_get(document, "targets");
	struct table table = { .columns = 9, .left = { [0] = true, [1] = true, [8] = true } };

	for (uint32_t i = 0; i < table.columns; i++)
		table_text(&table, head[i]);
	for (size_t i = 0; i < json_array_size(targets); i++) {
		const json_t *target = json_array_get(targets, i);

		table_text(&table, json_get_text(target, "name", ""));
		table_text(&table, json_get_text(target, "family", ""));
		for (size_t c = 0; c < sizeof capacities / sizeof *capacities; c++)
			table_figure(&table, json_get_figure(target, capacities[c], NAN), 0);
		table_aliases(&table, json_object_get(target, "aliases"));
	}
	table_print(&table, out);
	text_append(out,
		    "A budget is a target, too: --target-luts N --target-bram N --target-dsp N "
		    "[--family F]; so is a JSON file like an entry of `targets --json`.\n");
}
