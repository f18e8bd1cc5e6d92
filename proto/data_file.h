/* data_file.h - the file beside a model that its tensors are in: NAME.<hash>.data. */
#ifndef SNNFIT_PROTO_DATA_FILE_H
#define SNNFIT_PROTO_DATA_FILE_H

#include "proto/expand.h"
#include "proto/relocate.h"

/* Writes what was relocated into a new file in the folder of path, named after
 * the model's file and the hash of the packed message; the name is then in
 * relocation->location, "" on failure. */
MUST_USE snnfit_status data_file_write(struct relocation *relocation,
				       const struct expansion *message, const char *path,
				       const char *model_name, snnfit_error *err);

/* The data file of the model at path, in location, if it is one that we named
 * so and that the source does not need any more once path is replaced; else "". */
void data_file_find_old(char location[NAME_MAX + 1], const char *path, int folder,
			const char *model_name, const struct onnx_source *source);

#endif
