/* snnfit.h - shrink a spiking neural network and fit it to an FPGA (ONNX in, ONNX out).
 *
 * The only public header. Handles are opaque; different models may be used by
 * different threads at the same time, one model by one thread at a time. The
 * library keeps no global state, never prints and never exits. */
#ifndef SNNFIT_H
#define SNNFIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SNNFIT_API /* symbols are hidden unless marked; results must be used */
#define SNNFIT_API __attribute__((visibility("default"), warn_unused_result))
#define SNNFIT_API_VOID __attribute__((visibility("default")))
#endif

#define SNNFIT_VERSION "0.1.0"

/* Numbers are frozen: append only. */
typedef enum {
	SNNFIT_OK = 0,
	SNNFIT_EUSAGE = 1,	 /* an argument, pass or target that does not exist */
	SNNFIT_EFORMAT = 2,	 /* not ONNX, or a broken ONNX message */
	SNNFIT_EUNSUPPORTED = 3, /* well formed, but outside what can be handled */
	SNNFIT_ELIMIT = 4,	 /* well formed, but over a limit */
	SNNFIT_EDATA = 5,	 /* rates or other data that do not fit the model */
	SNNFIT_EIO = 6,		 /* a file could not be read or written */
	SNNFIT_ENOMEM = 7,
	SNNFIT_EINTERNAL = 8, /* the verifier caught a mistake of our own */
} snnfit_status;

/* Owned by the caller, filled on failure. A NULL pointer is allowed everywhere. */
typedef struct {
	snnfit_status status;
	char text[512]; /* one line, no newline: what, where, and what to do */
} snnfit_error;

/* @PUBLIC-API@ */

#ifdef __cplusplus
}
#endif
#endif
