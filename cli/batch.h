/* batch.h - many models: which, what has been done of them, and one at a time. */
#ifndef SNNFIT_CLI_BATCH_H
#define SNNFIT_CLI_BATCH_H

#include "cli/commands.h"

#include <jansson.h>
#include <sys/types.h>

struct batch_model {
	char *path;
	char *output;	/* DIR/<path relative to the folder>; NULL: the command writes none */
	json_t *result; /* the line to print, once it is known */
	pid_t process;	/* at work, or 0 */
	int out, err;	/* what it prints, in memory; -1: not open */
};

struct batch {
	const struct arguments *arguments;
	enum command command;
	struct batch_model *models;
	size_t count;
	int journal; /* descriptor; -1: none */
};

/* --- batch.c --------------------------------------------------------------------- */

/* What jansson was asked for could not be had, since the batch began: its values and
 * texts may lack something, which jansson does not always say. errno is ENOMEM then. */
bool batch_out_of_memory(void);

/* --- batch_list.c: which models ------------------------------------------------ */

/* From files, a folder or a manifest; batch->models is to be freed with
 * batch_list_free, also on failure. */
bool batch_list(struct batch *batch, snnfit_error *fault);
void batch_list_free(struct batch *batch);

/* --- batch_journal.c: what has been done ------------------------------------------ */

/* Opens DIR/snnfit-batch.jsonl; with --resume, the results that still hold are
 * taken from it. */
bool journal_open(struct batch *batch, snnfit_error *fault);
/* A line about a model that is done, so that --resume can leave it out. */
bool journal_add(const struct batch *batch, const struct batch_model *model, snnfit_error *fault);
void journal_close(struct batch *batch);

/* --- batch_run.c: one model ----------------------------------------------------------- */

/* Starts the command for the model in a process of its own. */
bool batch_start(const struct batch *batch, struct batch_model *model, snnfit_error *fault);
/* It could not be started: that is its result. */
bool batch_fail(struct batch_model *model, snnfit_error *fault);
/* Its process has ended with that wait status: sets model->result. */
bool batch_collect(struct batch_model *model, int wait_status, snnfit_error *fault);

#endif
