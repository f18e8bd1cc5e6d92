#include "api/names.h"

const char *
population_kind_name(enum population_kind kind)
{
	static const char *const names[] = {
		[POPULATION_SPIKING] = "spiking",
		[POPULATION_READOUT] = "readout",
		[POPULATION_RELU] = "relu",
		[POPULATION_CUSTOM] = "custom",
	};

	return names[kind];
}

const char *
comparison_name(enum comparison comparison)
{
	static const char *const names[] = {
		[COMPARE_NONE] = NULL,
		[COMPARE_GREATER] = ">",
		[COMPARE_GREATER_EQUAL] = ">=",
	};

	return names[comparison];
}

const char *
reset_name(enum reset reset)
{
	static const char *const names[] = {
		[RESET_NONE] = "none",
		[RESET_SUBTRACT] = "subtract",
		[RESET_SET] = "set",
	};

	return names[reset];
}

const char *
reset_timing_name(enum reset_timing timing)
{
	static const char *const names[] = {
		[RESET_NOW] = "now",
		[RESET_LATE] = "late",
		[RESET_BOTH] = "both",
	};

	return names[timing];
}

const char *
time_kind_name(enum time_kind kind)
{
	static const char *const names[] = {
		[TIME_STEP] = "step", [TIME_UNROLLED] = "unrolled", [TIME_LOOP] = "loop",
		[TIME_ZERO] = "zero", [TIME_BAKED] = "baked",	    [TIME_ANN] = "ann",
	};

	return names[kind];
}
