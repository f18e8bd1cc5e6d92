#include "api/samples.h"

#include <math.h>
#include <sys/stat.h>

static snnfit_status
read_inputs(struct samples *samples, const char *path, snnfit_error *err)
{
	struct stat about;

	if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
		return arrays_read_sets(&samples->inputs, path, err);
	return arrays_read(&samples->inputs, path, err);
}

static snnfit_status
check_labels(const struct array *classes, const char *path, snnfit_error *err)
{
	uint64_t i;

	for (i = 0; i < classes->count; i++) {
		float label = classes->values[i];

		if (!(label >= 0) || label != floorf(label))
			return error_set(err, SNNFIT_EDATA, "%s: label %llu is %g, not a class",
					 path, (unsigned long long)i, (double)label);
	}
	return SNNFIT_OK;
}

static snnfit_status
read_labels(struct samples *samples, const char *path, snnfit_error *err)
{
	snnfit_status status = arrays_read(&samples->labels, path, err);

	if (status != SNNFIT_OK)
		return status;
	samples->classes = arrays_find(&samples->labels, "labels");
	if (!samples->classes)
		samples->classes = arrays_find(&samples->labels, "y");
	if (!samples->classes)
		return error_set(err, SNNFIT_EDATA, "%s: has no array named \"labels\" or \"y\"",
				 path);
	return check_labels(samples->classes, path, err);
}

snnfit_status
samples_read(struct samples *samples, const snnfit_simulate_options *options, snnfit_error *err)
{
	snnfit_status status;

	*samples = (struct samples){ .classes = NULL };
	status = read_inputs(samples, options->inputs, err);
	if (status == SNNFIT_OK && options->labels)
		status = read_labels(samples, options->labels, err);
	if (status == SNNFIT_OK && options->initial_state)
		status = arrays_read(&samples->initial, options->initial_state, err);
	return status;
}

void
samples_free(struct samples *samples)
{
	arrays_free(&samples->inputs);
	arrays_free(&samples->labels);
	arrays_free(&samples->initial);
}
