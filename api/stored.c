/* stored.c - the report that stands in a model. */
#include "api/model.h"
#include "api/report.h"
#include "core/json.h"
#include "exporter/exporter.h"

#include <inttypes.h>
#include <string.h>

static snnfit_status
parse(json_t **out, const char *text, snnfit_error *err)
{
	struct json_problem problem;
	snnfit_status status = json_parse(out, text, strlen(text), &problem);

	if (status == SNNFIT_ENOMEM)
		return error_no_memory(err);
	if (status != SNNFIT_OK)
		return error_set(err, SNNFIT_EDATA,
				 "the metadata snn.resources is no JSON (line %" PRIu64
				 ": %s); run `snnfit fit` or `snnfit optimize` again",
				 problem.line, problem.text);
	if (json_is_object(*out) && json_integer_value(json_object_get(*out, "version")) == 1)
		return SNNFIT_OK;
	json_decref(*out);
	*out = NULL;
	return error_set(err, SNNFIT_EDATA,
			 "the metadata snn.resources is not a report of version 1; it was written "
			 "by something else");
}

snnfit_status
snnfit_model_report(snnfit_model *model, snnfit_report **report, snnfit_error *err)
{
	const struct onnx_model *holds = model->exported ? model->exported : model->onnx;
	const char *text = holds ? metadata_get(holds, "snn.resources") : NULL;
	json_t *document;
	snnfit_status status;

	*report = NULL;
	if (!text)
		return error_set(err, SNNFIT_EDATA,
				 "the model has no report in it (metadata snn.resources); "
				 "`snnfit fit` and `snnfit optimize` write one");
	status = parse(&document, text, err);
	return status == SNNFIT_OK ? report_new(report, document, describe_resources, err) : status;
}
