/* devices.c - the known devices, and lookup.
 *
 * Capacities are the vendors': iCE40 LP/HX FPGA-DS-02029 and UltraPlus
 * FPGA-DS-02008, ECP5 FPGA-DS-02012, 7 series DS180, Zynq-7000 DS190, Zynq
 * UltraScale+ DS891, Gowin DS117 and DS102. Seen in reports of the vendor's or the open
 * tools (Project Trellis and nextpnr: ecp5-25k, -85k, gw1nr-9; Vivado: artix7-35t LUT
 * and FF); flip-flops of 7 series are eight a slice of four LUTs. From memory,
 * not looked up: ecp5-45k LUT and FF, artix7-35t block RAM and DSP, gw2a-18 but for
 * its name, zu3eg but for DSP, and every static power (the data sheets' typical
 * core current at rest, times its voltage). Clocks: measured by nextpnr for
 * ice40-hx8k and ecp5 (75 MHz is what all routed layers reached), assumed for the others.
 *
 * Family: what is missing in the calibration takes the nearest: gowin has LUT4, 16 x 4
 * RAM cells and 18 kbit blocks like ecp5, UltraScale+ has LUT6 and 36 kbit blocks like
 * 7 series. */
#include "estimator/devices.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LOGIC_SHARE 0.9 /* placement and routing fail when a device is fuller */
#define ALL 1.0
#define BUDGET_CLOCK_MHZ 75

/* Shares that hold unless a device file says otherwise. */
#define USABLE                                                                                     \
	{                                                                                          \
		[RESOURCE_LUT] = LOGIC_SHARE, [RESOURCE_FF] = LOGIC_SHARE,                         \
		[RESOURCE_LOGIC_CELLS] = LOGIC_SHARE, [RESOURCE_BRAM] = ALL, [RESOURCE_DSP] = ALL  \
	}

/* A logic cell of ice40 is a LUT, a carry and a flip-flop: the one limit for all three. */
#define ICE40(cells, blocks, dsps)                                                                 \
	.family_name = "ice40", .family = FAMILY_ICE40, .calibrated = true, .bram_block_kbit = 4,  \
	.usable = USABLE,                                                                          \
	.capacity = { [RESOURCE_LUT] = cells,                                                      \
		      [RESOURCE_FF] = cells,                                                       \
		      [RESOURCE_LOGIC_CELLS] = cells,                                              \
		      [RESOURCE_BRAM] = blocks,                                                    \
		      [RESOURCE_DSP] = dsps }
#define FPGA(name, like, known, kbit, luts, ffs, blocks, dsps)                                     \
	.family_name = name, .family = like, .calibrated = known, .bram_block_kbit = kbit,         \
	.usable = USABLE,                                                                          \
	.capacity = { [RESOURCE_LUT] = luts,                                                       \
		      [RESOURCE_FF] = ffs,                                                         \
		      [RESOURCE_LOGIC_CELLS] = DEVICE_UNLIMITED,                                   \
		      [RESOURCE_BRAM] = blocks,                                                    \
		      [RESOURCE_DSP] = dsps }
#define ECP5(luts, blocks, dsps) FPGA("ecp5", FAMILY_ECP5, true, 18, luts, luts, blocks, dsps)
#define XC7(luts, ffs, blocks, dsps) FPGA("xc7", FAMILY_XC7, true, 36, luts, ffs, blocks, dsps)
#define GOWIN(luts, ffs, blocks, dsps)                                                             \
	FPGA("gowin", FAMILY_ECP5, false, 18, luts, ffs, blocks, dsps)
#define ULTRASCALE(luts, ffs, blocks, dsps)                                                        \
	FPGA("ultrascale+", FAMILY_XC7, false, 36, luts, ffs, blocks, dsps)

static const struct device devices[] = {
	{ .name = "ice40-hx8k",
	  .aliases = { "ice40", "hx8k" },
	  ICE40(7680, 32, 0),
	  .static_mw = 1.4,
	  .clock_mhz = 75 },
	{ .name = "ice40-up5k",
	  .aliases = { "up5k" },
	  ICE40(5280, 30, 8),
	  .spram = 4,
	  .static_mw = 0.1,
	  .clock_mhz = 24 },
	{ .name = "ecp5-25k",
	  .aliases = { "25k", "lfe5u-25f" },
	  ECP5(24288, 56, 28),
	  .static_mw = 85,
	  .clock_mhz = 75 },
	{ .name = "ecp5-45k",
	  .aliases = { "45k", "lfe5u-45f" },
	  ECP5(43848, 108, 72),
	  .static_mw = 128,
	  .clock_mhz = 75 },
	{ .name = "ecp5-85k",
	  .aliases = { "ecp5", "85k", "lfe5u-85f" },
	  ECP5(83640, 208, 156),
	  .static_mw = 233,
	  .clock_mhz = 75 },
	{ .name = "artix7-35t",
	  .aliases = { "35t", "xc7a35t" },
	  XC7(20800, 41600, 50, 90),
	  .static_mw = 80,
	  .clock_mhz = 100 },
	{ .name = "artix7-100t",
	  .aliases = { "artix7", "100t", "xc7a100t" },
	  XC7(63400, 126800, 135, 240),
	  .static_mw = 100,
	  .clock_mhz = 100 },
	{ .name = "zynq-7010",
	  .aliases = { "7010", "xc7z010" },
	  XC7(17600, 35200, 60, 80),
	  .static_mw = 100,
	  .clock_mhz = 100 },
	{ .name = "zynq-7020",
	  .aliases = { "zynq", "7020", "xc7z020" },
	  XC7(53200, 106400, 140, 220),
	  .static_mw = 110,
	  .clock_mhz = 100 },
	{ .name = "gw1nr-9",
	  .aliases = { "gowin" },
	  GOWIN(8640, 6480, 26, 20),
	  .static_mw = 10,
	  .clock_mhz = 50 },
	{ .name = "gw2a-18",
	  .aliases = { "" },
	  GOWIN(20736, 15552, 46, 48),
	  .static_mw = 50,
	  .clock_mhz = 50 },
	{ .name = "zu3eg",
	  .aliases = { "xczu3eg" },
	  ULTRASCALE(70560, 141120, 216, 360),
	  .static_mw = 300,
	  .clock_mhz = 100 },
};

#define DEVICE_COUNT (sizeof devices / sizeof *devices)

static const char *const resource_names[RESOURCE_COUNT] = { "lut", "ff", "logic_cells", "bram",
							    "dsp" };

const char *
resource_name(enum resource resource)
{
	return resource_names[resource];
}

const struct device *
device_table(size_t *count)
{
	*count = DEVICE_COUNT;
	return devices;
}

static bool
has_name(const struct device *device, const char *name)
{
	if (!strcasecmp(device->name, name))
		return true;
	for (int i = 0; i < DEVICE_MAX_ALIASES && device->aliases[i][0]; i++)
		if (!strcasecmp(device->aliases[i], name))
			return true;
	return false;
}

const struct device *
device_find(const char *name)
{
	for (size_t i = 0; i < DEVICE_COUNT; i++)
		if (has_name(&devices[i], name))
			return &devices[i];
	return NULL;
}

bool
family_find(const char *name, enum family *family, uint32_t *bram_block_kbit, bool *calibrated)
{
	for (size_t i = 0; i < DEVICE_COUNT; i++) {
		if (strcasecmp(devices[i].family_name, name) != 0)
			continue;
		*family = devices[i].family;
		*bram_block_kbit = devices[i].bram_block_kbit;
		*calibrated = devices[i].calibrated;
		return true;
	}
	return false;
}

snnfit_status
device_budget(const char *family, uint32_t luts, uint32_t bram, uint32_t dsp, struct device *out,
	      snnfit_error *err)
{
	bool ice40;

	*out = (struct device){ .name = "budget", .clock_mhz = BUDGET_CLOCK_MHZ };
	if (!family)
		family = "ecp5";
	if (!family_find(family, &out->family, &out->bram_block_kbit, &out->calibrated))
		return error_set(err, SNNFIT_EUSAGE,
				 "family %s: unknown: choose ice40, ecp5, xc7, gowin or "
				 "ultrascale+",
				 family);
	snprintf(out->family_name, sizeof out->family_name, "%s", family);
	ice40 = out->family == FAMILY_ICE40;
	out->capacity[RESOURCE_LUT] = ice40 ? DEVICE_UNLIMITED : luts;
	out->capacity[RESOURCE_FF] = DEVICE_UNLIMITED;
	out->capacity[RESOURCE_LOGIC_CELLS] = ice40 ? luts : DEVICE_UNLIMITED;
	out->capacity[RESOURCE_BRAM] = bram;
	out->capacity[RESOURCE_DSP] = dsp;
	for (enum resource r = RESOURCE_LUT; r < RESOURCE_COUNT; r++)
		out->usable[r] = ALL;
	return SNNFIT_OK;
}
