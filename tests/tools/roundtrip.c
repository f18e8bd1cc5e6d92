/* roundtrip.c - reads a message and writes it, whether it is a valid model or not:
 * roundtrip IN OUT. Exit status as the command line's: 3 for what is wrong with the model, 4 for
 * I/O, 5 otherwise. */
#include "proto/model.h"

#include <stdio.h>

static int
exit_status(snnfit_status status)
{
	switch (status) {
	case SNNFIT_OK:
		return 0;
	case SNNFIT_EUSAGE:
		return 2;
	case SNNFIT_EFORMAT:
	case SNNFIT_EUNSUPPORTED:
	case SNNFIT_ELIMIT:
	case SNNFIT_EDATA:
		return 3;
	case SNNFIT_EIO:
		return 4;
	default:
		return 5;
	}
}

int
main(int argc, char **argv)
{
	struct onnx_model *model;
	snnfit_error err;
	snnfit_status status;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: roundtrip IN OUT\n");
		return 2;
	}
	status = onnx_model_decode(&model, argv[1], NULL, &err);
	if (status == SNNFIT_OK) {
		status = onnx_model_write(model, argv[2], &err);
		onnx_model_free(model);
	}
	if (status != SNNFIT_OK)
		(void)fprintf(stderr, "roundtrip: %s: error: %s\n", argv[1], err.text);
	return exit_status(status);
}
