/* devices.h - what there is to fit into: known devices, a device file, a budget. */
#ifndef SNNFIT_ESTIMATOR_DEVICES_H
#define SNNFIT_ESTIMATOR_DEVICES_H

#include "estimator/layer.h"

#include <jansson.h>

#define DEVICE_UNLIMITED UINT32_MAX /* a resource that is not a limit */
#define DEVICE_NAME_SIZE 64
#define DEVICE_MAX_ALIASES 4

struct device {
	char name[DEVICE_NAME_SIZE];
	char aliases[DEVICE_MAX_ALIASES][DEVICE_NAME_SIZE]; /* "" ends them */
	char family_name[DEVICE_NAME_SIZE]; /* ice40, ecp5, xc7, gowin, ultrascale+ */
	enum family family;		    /* whose coefficients are used */
	bool calibrated;		    /* false: the nearest family's, with a wider interval */
	uint32_t capacity[RESOURCE_COUNT];  /* bram in blocks of bram_block_kbit */
	double usable[RESOURCE_COUNT];	    /* share that placement can fill, (0, 1] */
	uint32_t bram_block_kbit;
	uint32_t spram;	  /* 256 kbit single-port RAMs; not used by the estimate */
	double static_mw; /* power at rest, typical */
	double clock_mhz; /* assumed for the energy of a step */
};

/* The table, in the order `snnfit targets` prints. */
const struct device *device_table(size_t *count);

/* A known device by name or alias, any case; else NULL. */
const struct device *device_find(const char *name);

/* A device by name, or by a path to a JSON file (a name with a '/' or ending in
 * ".json"). SNNFIT_EUSAGE when there is none (the message lists the known names)
 * or the file says something impossible; SNNFIT_EIO when it can't be read. */
MUST_USE snnfit_status device_load(const char *name_or_path, struct device *out, snnfit_error *err);

/* Only these resources are limits, all of each may be used. family: a family
 * name, NULL is ecp5. DEVICE_UNLIMITED leaves one out. luts are logic cells on
 * ice40. */
MUST_USE snnfit_status device_budget(const char *family, uint32_t luts, uint32_t bram, uint32_t dsp,
				     struct device *out, snnfit_error *err);

/* As `snnfit targets --json` prints one and device_load reads it. A new
 * reference; NULL when out of memory. */
MUST_USE json_t *device_to_json(const struct device *device);
/* text: one JSON object; place names it in messages. Unknown fields are errors;
 * name and family are asked for, a capacity left out or null is not a limit. */
MUST_USE snnfit_status device_from_json(const char *text, size_t length, const char *place,
					struct device *out, snnfit_error *err);

/* "lut", "ff", "logic_cells", "bram", "dsp" */
const char *resource_name(enum resource resource);

/* The family that a family name means: its coefficients, its block size, and
 * whether it was calibrated. false: no such family. */
MUST_USE bool family_find(const char *name, enum family *family, uint32_t *bram_block_kbit,
			  bool *calibrated);

#endif
