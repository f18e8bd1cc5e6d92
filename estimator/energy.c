/* energy.c - energy of a time step.
 *
 * No open power model of these families exists. So: every cycle that a layer works, each
 * LUT costs a little, each block RAM one access; the device at rest costs its
 * static power. Clock gating, I/O, spikes between chips, the host: not modelled. */
#include "estimator/energy.h"

/* Energy of a used LUT with its flip-flop, wires and clock, in a working cycle. Spiker+
 * (arXiv 2401.01141; 7 series, 100 MHz) reports 7612 cells, 18 block RAMs and 180 mW for
 * one network, 18268, 51 and 430 mW for another: the difference, which holds no static
 * power, less the block RAMs, is this much a cell and cycle (fit.py --report). */
#define LUT_CYCLE_PJ 0.2
/* One access to a small SRAM: 10 pJ for 8 KB, 64 bits at 45 nm (Horowitz, 'Computing's
 * energy problem', ISSCC 2014, figure 1.1.9); an 18 kbit block is of that order. */
#define BLOCK_ACCESS_PJ 10
/* Published systems of like size differ by more than this among themselves. */
#define UNCERTAINTY 3

double
energy_of_layer(const struct layer_cost *cost, const struct device *device)
{
	double luts = cost->resources[RESOURCE_LUT].used;
	double blocks = cost->resources[RESOURCE_BRAM].used;
	double accesses = blocks * (device->bram_block_kbit == 36 ? 2 : 1);

	return cost->cycles.used * (luts * LUT_CYCLE_PJ + accesses * BLOCK_ACCESS_PJ) * 1e-3;
}

double
energy_at_rest(double cycles, const struct device *device)
{
	return device->static_mw * cycles / device->clock_mhz; /* mW x us */
}

struct interval
energy_interval(double nanojoules)
{
	return (struct interval){ nanojoules, nanojoules / UNCERTAINTY, nanojoules * UNCERTAINTY };
}
