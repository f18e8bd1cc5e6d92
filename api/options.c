#include "api/options.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BITSTREAM_LENGTH_MAX = 1 << 16, LANES_MAX = 1 << 16 };

static const char *const architecture_names[ARCHITECTURE_COUNT] = {
	[ARCHITECTURE_SC] = "sc",
	[ARCHITECTURE_PARALLEL] = "parallel",
	[ARCHITECTURE_EVENT] = "event",
	[ARCHITECTURE_SPARSE] = "sparse",
};

const char *
architecture_name(enum architecture architecture)
{
	return architecture_names[architecture];
}

/* --- defaults ------------------------------------------------------------ */

static void
copy_known_part(void *out, const void *from, size_t size, size_t known)
{
	memset(out, 0, size);
	memcpy(out, from, size < known ? size : known);
	memcpy(out, &size, sizeof size); /* the first member */
}

void
snnfit_read_options_init(snnfit_read_options *options, size_t size)
{
	const snnfit_read_options defaults = { .size = sizeof defaults };

	copy_known_part(options, &defaults, size, sizeof defaults);
}

void
snnfit_options_init(snnfit_options *options, size_t size)
{
	const struct design design = DESIGN_DEFAULT;
	const snnfit_options defaults = {
		.size = sizeof defaults,
		.dead_below = pass_options_default.dead_below,
		.redundancy_cosine = pass_options_default.redundancy_cosine,
		.behavioural_agreement = pass_options_default.behavioural_agreement,
		.fusion_activity = pass_options_default.fusion_activity,
		.prune_threshold = pass_options_default.prune_threshold,
		.quantize_bits = pass_options_default.quantize_bits,
		.target_luts = SNNFIT_UNLIMITED,
		.target_bram = SNNFIT_UNLIMITED,
		.target_dsp = SNNFIT_UNLIMITED,
		.bitstream_length = design.bitstream_length,
		.weight_bits = design.float_bits,
		.lanes = design.lanes,
		.max_iterations = 10,
		.min_bitstream_length = 32,
		.max_accuracy_drop = 100.0,
	};

	copy_known_part(options, &defaults, size, sizeof defaults);
}

void
snnfit_simulate_options_init(snnfit_simulate_options *options, size_t size)
{
	const snnfit_simulate_options defaults = { .size = sizeof defaults, .reuse_memory = 256 };

	copy_known_part(options, &defaults, size, sizeof defaults);
}

/* --- checks ---------------------------------------------------------------- */

static snnfit_status
not_initialized(snnfit_error *err)
{
	return error_set(err, SNNFIT_EUSAGE,
			 "the options were not set up with their init function");
}

static snnfit_status
check_range(const char *option, double value, double least, double most, snnfit_error *err)
{
	if (value >= least && value <= most) /* false for NaN */
		return SNNFIT_OK;
	if (isinf(most))
		return error_set(err, SNNFIT_EUSAGE, "%s %g: must be %g or more", option, value,
				 least);
	return error_set(err, SNNFIT_EUSAGE, "%s %g: must lie in %g to %g", option, value, least,
			 most);
}

static snnfit_status
check_cosine(double cosine, snnfit_error *err)
{
	if (cosine > 0.0 && cosine < 1.0)
		return SNNFIT_OK;
	return error_set(err, SNNFIT_EUSAGE,
			 "--redundancy-cosine %g: must lie between 0 and 1, neither of them",
			 cosine);
}

static snnfit_status
check_agreement(double agreement, snnfit_error *err)
{
	if (agreement > 0.5 && agreement <= 1.0)
		return SNNFIT_OK;
	return error_set(err, SNNFIT_EUSAGE,
			 "--behavioural-agreement %g: must be over 0.5, and 1 at most", agreement);
}

static snnfit_status
check_input_range(const snnfit_options *options, snnfit_error *err)
{
	if (!options->input_range_known)
		return SNNFIT_OK;
	if (isfinite(options->input_low) && isfinite(options->input_high) &&
	    options->input_low <= options->input_high)
		return SNNFIT_OK;
	return error_set(err, SNNFIT_EUSAGE,
			 "--input-range %g,%g is none: give the lowest value first",
			 options->input_low, options->input_high);
}

static snnfit_status
check_architecture(const char *name, snnfit_error *err)
{
	if (!name || strcmp(name, "auto") == 0)
		return SNNFIT_OK;
	for (int i = 0; i < ARCHITECTURE_COUNT; i++)
		if (strcmp(name, architecture_names[i]) == 0)
			return SNNFIT_OK;
	return error_set(
		err, SNNFIT_EUSAGE,
		"unknown architecture '%s'; known are sc, parallel, event, sparse and auto", name);
}

static snnfit_status
check_lengths(const snnfit_options *options, snnfit_error *err)
{
	snnfit_status status = check_range("--bitstream-length (fit: --initial-bitstream-length)",
					   options->bitstream_length, 2, BITSTREAM_LENGTH_MAX, err);

	if (status == SNNFIT_OK)
		status = check_range("--min-bitstream-length", options->min_bitstream_length, 2,
				     BITSTREAM_LENGTH_MAX, err);
	return status;
}

static snnfit_status
check_limit(const snnfit_options *options, snnfit_error *err)
{
	if (options->max_accuracy_drop == 100.0 || (options->data && options->data->labels))
		return SNNFIT_OK;
	return error_set(err, SNNFIT_EUSAGE,
			 "--max-accuracy-drop needs samples and their classes: give --inputs FILE "
			 "and --labels FILE");
}

static snnfit_status
check_options(const snnfit_options *options, snnfit_error *err)
{
	const struct {
		const char *what;
		double value, least, most;
	} ranges[] = {
		{ "--dead-below", options->dead_below, 0, HUGE_VAL },
		{ "--fusion-activity", options->fusion_activity, 0, HUGE_VAL },
		{ "--prune-threshold", options->prune_threshold, 0, HUGE_VAL },
		{ "--quantize-bits", options->quantize_bits, LAYER_MIN_BITS, LAYER_MAX_BITS },
		{ "--weight-bits", options->weight_bits, LAYER_MIN_BITS, LAYER_MAX_BITS },
		{ "--lanes", options->lanes, 1, LANES_MAX },
		{ "--max-accuracy-drop", options->max_accuracy_drop, 0, 100 },
	};
	snnfit_status status = check_lengths(options, err);

	for (size_t i = 0; i < sizeof ranges / sizeof *ranges && status == SNNFIT_OK; i++)
		status = check_range(ranges[i].what, ranges[i].value, ranges[i].least,
				     ranges[i].most, err);
	if (status == SNNFIT_OK)
		status = check_cosine(options->redundancy_cosine, err);
	if (status == SNNFIT_OK)
		status = check_agreement(options->behavioural_agreement, err);
	if (status == SNNFIT_OK)
		status = check_input_range(options, err);
	if (status == SNNFIT_OK)
		status = check_architecture(options->architecture, err);
	if (status == SNNFIT_OK)
		status = check_limit(options, err);
	return status;
}

/* A caller built against an older header has a shorter structure, one built
 * against a newer one a longer one: what either does not know is the default. */
static bool
is_size_sane(size_t size)
{
	return size >= sizeof size && size <= 65536;
}

snnfit_status
read_options_get(snnfit_read_options *out, const snnfit_read_options *given, snnfit_error *err)
{
	snnfit_read_options_init(out, sizeof *out);
	if (!given)
		return SNNFIT_OK;
	if (!is_size_sane(given->size))
		return not_initialized(err);
	memcpy(out, given, given->size < sizeof *out ? given->size : sizeof *out);
	return SNNFIT_OK;
}

snnfit_status
options_get(snnfit_options *out, const snnfit_options *given, snnfit_error *err)
{
	snnfit_options_init(out, sizeof *out);
	if (!given)
		return SNNFIT_OK;
	if (!is_size_sane(given->size))
		return not_initialized(err);
	memcpy(out, given, given->size < sizeof *out ? given->size : sizeof *out);
	return check_options(out, err);
}

snnfit_status
simulate_options_get(snnfit_simulate_options *out, const snnfit_simulate_options *given,
		     snnfit_error *err)
{
	snnfit_simulate_options_init(out, sizeof *out);
	if (given && !is_size_sane(given->size))
		return not_initialized(err);
	if (given)
		memcpy(out, given, given->size < sizeof *out ? given->size : sizeof *out);
	if (!out->inputs)
		return error_set(err, SNNFIT_EUSAGE,
				 "nothing to run the network on: give --inputs FILE");
	if (out->input_divisor != 0 &&
	    !(out->input_divisor >= (double)FLT_MIN && out->input_divisor <= (double)FLT_MAX))
		return error_set(err, SNNFIT_EUSAGE, "--input-divisor %g: must be over 0, a float",
				 out->input_divisor);
	return SNNFIT_OK;
}

/* --- what the modules make of them -------------------------------------------- */

struct pass_options
options_passes(const snnfit_options *options)
{
	return (struct pass_options){
		.dead_below = options->dead_below,
		.input_range_known = options->input_range_known != 0,
		.input_low = options->input_low,
		.input_high = options->input_high,
		.redundancy_cosine = options->redundancy_cosine,
		.redundancy_norm = options->redundancy_norm != 0,
		.behavioural_agreement = options->behavioural_agreement,
		.fusion_activity = options->fusion_activity,
		.prune_threshold = options->prune_threshold,
		.prune_by_rate = options->prune_by_rate != 0,
		.quantize_bits = options->quantize_bits,
		.quantize_per_tensor = options->quantize_per_tensor != 0,
	};
}

struct fit_options
options_fit(const snnfit_options *options)
{
	return (struct fit_options){
		.max_iterations = options->max_iterations,
		.minimum_bitstream_length = options->min_bitstream_length,
	};
}

bool
options_any_architecture(const snnfit_options *options)
{
	return !options->architecture || strcmp(options->architecture, "auto") == 0;
}

struct design
options_design(const snnfit_options *options)
{
	struct design design = {
		.architecture = (enum architecture)0,
		.bitstream_length = options->bitstream_length,
		.lanes = options->lanes,
		.float_bits = options->weight_bits,
	};

	for (int i = 0; i < ARCHITECTURE_COUNT && !options_any_architecture(options); i++)
		if (strcmp(options->architecture, architecture_names[i]) == 0)
			design.architecture = (enum architecture)i;
	return design;
}

bool
options_speak_of_bitstreams(const snnfit_options *options)
{
	snnfit_options defaults;

	snnfit_options_init(&defaults, sizeof defaults);
	return options->bitstream_length != defaults.bitstream_length ||
	       options->min_bitstream_length != defaults.min_bitstream_length;
}

bool
options_no_passes(const snnfit_options *options)
{
	return options->passes && strcmp(options->passes, "none") == 0;
}

static bool
is_budget(const snnfit_options *options)
{
	return options->target_luts != SNNFIT_UNLIMITED ||
	       options->target_bram != SNNFIT_UNLIMITED || options->target_dsp != SNNFIT_UNLIMITED;
}

bool
options_have_target(const snnfit_options *options)
{
	return options->target || options->family || is_budget(options);
}

snnfit_status
options_device(const snnfit_options *options, struct device *out, snnfit_error *err)
{
	if (options->target && (is_budget(options) || options->family))
		return error_set(err, SNNFIT_EUSAGE,
				 "both the target '%s' and a budget are given; choose one",
				 options->target);
	if (options->target)
		return device_load(options->target, out, err);
	if (is_budget(options))
		return device_budget(options->family, options->target_luts, options->target_bram,
				     options->target_dsp, out, err);
	return error_set(err, SNNFIT_EUSAGE,
			 "no target; name one (--target) or give a budget (--target-luts N)");
}
