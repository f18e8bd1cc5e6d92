/* data_file.h - the file beside a model that its tensors are in: NAME.<hash>.data. */
#ifndef SNNFIT_PROTO_DATA_FILE_H
#define SNNFIT_PROTO_DATA_FILE_H

#include "proto/expand.h"
#include "proto/relocate.h"

/* Writes what was relocated into a new file beside the model's, named after it and
 * the hash of the packed message; the name is then in relocation->location, "" on
 * failure. */
MUST_USE snnfit_status data_file_write(struct relocation *relocation,
				       const struct expansion *message,
				       const struct file_writer *model, snnfit_error *err);

/* The data file of the model at path, which the writer will replace, in location, if
 * it is one that we named so and that the source does not need any more then; else "". */
MUST_USE snnfit_status data_file_find_old(char location[NAME_MAX + 1], const char *path,
					  const struct file_writer *writer,
					  const struct onnx_source *source, snnfit_error *err);

#endif
