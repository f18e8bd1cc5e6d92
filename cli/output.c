#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum exit_status
exit_status_of(snnfit_status status)
{
	switch (status) {
	case SNNFIT_OK:
		return EXIT_DONE;
	case SNNFIT_EUSAGE:
		return EXIT_USAGE;
	case SNNFIT_EFORMAT:
	case SNNFIT_EUNSUPPORTED:
	case SNNFIT_ELIMIT:
	case SNNFIT_EDATA:
		return EXIT_INVALID;
	case SNNFIT_EIO:
		return EXIT_INPUT_OUTPUT;
	case SNNFIT_ENOMEM:
	case SNNFIT_EINTERNAL:
		break;
	}
	return EXIT_INTERNAL;
}

/* --- diagnostics ----------------------------------------------------------- */

enum { LINE_BYTES = PATH_MAX + 1024 };

void
complain(const char *model, const char *kind, const char *text)
{
	char line[LINE_BYTES];

	(void)snprintf(line, sizeof line - 1, "snnfit: %s%s%s: %s", model ? model : "",
		       model ? ": " : "", kind, text);
	/* A file's name may hold anything: it stays one line. */
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	(void)strcat(line, "\n");
	(void)fputs(line, stderr); /* standard error has no buffer: in one piece */
}

bool
say_fault(snnfit_error *fault, const char *format, ...)
{
	va_list args;

	fault->status = SNNFIT_EUSAGE;
	va_start(args, format);
	if (vsnprintf(fault->text, sizeof fault->text, format, args) < 0)
		fault->text[0] = '\0';
	va_end(args);
	return false;
}

static bool
say_errno(snnfit_error *fault, const char *what, const char *path)
{
	(void)say_fault(fault, "%s '%s': %s", what, path, strerror(errno));
	fault->status = SNNFIT_EIO;
	return false;
}

/* --- standard streams ---------------------------------------------------------- */

void
output_prepare(void)
{
	/* Opened the wrong way round: using one is an error, as when it was closed. */
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)open("/dev/null", modes[fd]); /* takes the lowest: fd */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
}

enum exit_status
output_finish(enum exit_status status)
{
	snnfit_error fault;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	(void)say_errno(&fault, "can't write to", "standard output");
	complain(NULL, "error", fault.text);
	return status > EXIT_INPUT_OUTPUT ? status : EXIT_INPUT_OUTPUT;
}

/* --- folders ------------------------------------------------------------------------ */

bool
make_folder(const char *path, snnfit_error *fault)
{
	char *part = strdup(path);
	bool made = part != NULL;

	for (char *slash = part; made && slash;) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		made = mkdir(part, 0777) == 0 || errno == EEXIST;
		if (slash)
			*slash = '/';
	}
	if (!made)
		(void)say_errno(fault, "can't make the folder", path);
	free(part);
	return made;
}
