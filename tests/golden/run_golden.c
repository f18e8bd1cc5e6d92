/* run_golden.c - passes on graphs written as text (docs/text-form.md).
 *
 * NAME.in.txt is read, the pass of each NAME.PASS.out.txt run ("default": all that
 * run by default), and what is printed compared with that file; the report comes
 * first, as comments. A line "# option NAME VALUE" of the input sets an option.
 * --bless writes the files anew: the commit says why each changed. */
#include "opt/pass.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char folder[] = "tests/golden";
static const char in_end[] = ".in.txt", out_end[] = ".out.txt";

static bool
ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length > tail && strcmp(text + length - tail, end) == 0;
}

static char *
path_of(const char *name, const char *end)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s%s", folder, name, end) < 0)
		abort();
	return path;
}

/* NULL: it cannot be read. */
static char *
read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct text text = { 0 };
	char piece[4096];
	size_t length;

	if (!file)
		return NULL;
	while ((length = fread(piece, 1, sizeof piece, file)) > 0)
		text_append_bytes(&text, piece, length);
	if (ferror(file))
		text.failed = true;
	(void)fclose(file);
	return text_take(&text);
}

static bool
write_file(const char *path, const char *chars)
{
	FILE *file = fopen(path, "wb");
	bool good = file && fputs(chars, file) >= 0;

	return file && fclose(file) == 0 && good;
}

/* --- options --------------------------------------------------------------- */

static bool
set_option(struct pass_options *options, const char *name, double value)
{
	if (strcmp(name, "dead-below") == 0)
		options->dead_below = value;
	else if (strcmp(name, "input-low") == 0)
		options->input_low = value;
	else if (strcmp(name, "input-high") == 0)
		options->input_high = value;
	else if (strcmp(name, "redundancy-norm") == 0)
		options->redundancy_norm = value != 0.0;
	else if (strcmp(name, "prune-threshold") == 0)
		options->prune_threshold = value;
	else if (strcmp(name, "prune-by-rate") == 0)
		options->prune_by_rate = value != 0.0;
	else if (strcmp(name, "quantize-bits") == 0)
		options->quantize_bits = (uint32_t)value;
	else if (strcmp(name, "quantize-per-tensor") == 0)
		options->quantize_per_tensor = value != 0.0;
	else
		return false;
	if (strcmp(name, "input-high") == 0)
		options->input_range_known = true;
	return true;
}

static bool
read_options(const char *text, struct pass_options *options)
{
	const char *at = text;

	*options = pass_options_default;
	while ((at = strstr(at, "# option ")) != NULL) {
		char name[32];
		double value;

		if (sscanf(at, "# option %31s %lf", name, &value) != 2 ||
		    !set_option(options, name, value))
			return false;
		at++;
	}
	return true;
}

/* --- reports --------------------------------------------------------------- */

static void
print_count(struct text *out, const char *what, uint64_t count)
{
	if (count > 0)
		text_printf(out, "#\t%s %llu\n", what, (unsigned long long)count);
}

static void
print_number(struct text *out, const char *what, double value)
{
	if (value != 0.0)
		text_printf(out, "#\t%s %.6g\n", what, value);
}

static void
print_report(struct text *out, const struct pass_report *report)
{
	size_t i;

	text_printf(out, "# %s: %s\n", report->name, report->changed ? "changed" : "nothing");
	print_count(out, "dead", report->dead_neurons_removed);
	print_count(out, "unread", report->unread_neurons_removed);
	print_count(out, "silent", report->silent_neurons_removed);
	print_count(out, "always firing", report->always_firing_neurons_folded);
	print_count(out, "merged", report->redundant_pairs_merged);
	print_count(out, "fused", report->layers_fused);
	print_count(out, "pruned", report->weights_pruned);
	print_count(out, "quantized", report->weights_quantized);
	print_number(out, "drive error bound", report->drive_error_bound);
	print_number(out, "drive variance change", report->drive_variance_change);
	for (i = 0; i < report->skipped_count; i++)
		text_printf(out, "#\tskipped %s: %s\n", report->skipped[i].layer,
			    report->skipped[i].reason);
}

/* --- one case -------------------------------------------------------------- */

static snnfit_status
optimize_text(const char *input, const char *pass, struct text *out, snnfit_error *err)
{
	const char *names = strcmp(pass, "default") == 0 ? NULL : pass;
	struct optimize_report report = { 0 };
	struct pass_options options;
	struct graph *graph = NULL;
	snnfit_status status;
	size_t i;

	if (!read_options(input, &options))
		return error_set(err, SNNFIT_EUSAGE, "an option of the test is unknown");
	status = graph_parse(&graph, input, err);
	if (status == SNNFIT_OK)
		status = optimize(&graph, names, &options, NULL, NULL, &report, err);
	for (i = 0; status == SNNFIT_OK && i < report.pass_count; i++)
		print_report(out, &report.passes[i]);
	if (status == SNNFIT_OK)
		status = graph_print(graph, out, err);
	optimize_report_free(&report);
	graph_free(graph);
	return status;
}

/* file: NAME.PASS.out.txt */
static bool
run_case(const char *file, bool bless)
{
	const char *dot = strchr(file, '.');
	char *name = strndup(file, (size_t)(dot - file)), *pass = NULL;
	char *in_path = path_of(name, in_end), *out_path = path_of(file, "");
	char *input = read_file(in_path), *expected = read_file(out_path);
	snnfit_error err = { SNNFIT_OK, "the files cannot be read" };
	struct text out = { 0 };
	bool good = false;

	pass = strndup(dot + 1, strlen(dot + 1) - strlen(out_end));
	if (input && expected && pass && optimize_text(input, pass, &out, &err) == SNNFIT_OK)
		good = bless ? write_file(out_path, out.chars) : strcmp(out.chars, expected) == 0;
	if (!good)
		printf("golden: %s: %s\n%s", file, out.chars ? "differs; now it is" : err.text,
		       out.chars ? out.chars : "\n");
	text_free(&out);
	free(expected);
	free(input);
	free(out_path);
	free(in_path);
	free(pass);
	free(name);
	return good;
}

int
main(int argc, char **argv)
{
	bool bless = argc == 2 && strcmp(argv[1], "--bless") == 0;
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort), cases = 0, bad = 0, i;

	for (i = 0; i < count; i++) {
		if (ends_with(entries[i]->d_name, out_end)) {
			cases++;
			bad += !run_case(entries[i]->d_name, bless);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	printf("golden: %d of %d cases %s\n", cases - bad, cases, bless ? "written" : "agree");
	return cases > 0 && bad == 0 ? 0 : 1;
}
