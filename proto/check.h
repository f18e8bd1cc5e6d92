/* check.h - whether a decoded message is a valid model.
 *
 * What is looked at, and where we are milder or stricter than the onnx package's
 * checker, stands in docs/hostile.md. */
#ifndef SNNFIT_PROTO_CHECK_H
#define SNNFIT_PROTO_CHECK_H

#include "proto/model.h"

/* SNNFIT_EFORMAT, or SNNFIT_EUNSUPPORTED for what we cannot vouch for, with a
 * sentence that names the place. In time and memory linear in the model; payloads
 * are not read, but for numbers of varying length, which have to be counted. */
MUST_USE snnfit_status onnx_model_check(const struct onnx_model *model, snnfit_error *err);

#endif
