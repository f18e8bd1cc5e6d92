#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
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

/* A file's name may hold anything: it stays one line. */
static void
print_plain(const char *text)
{
	for (; *text; text++)
		(void)fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stderr);
}

void
complain(const char *model, const char *kind, const char *text)
{
	(void)fputs("snnfit: ", stderr);
	if (model) {
		print_plain(model);
		(void)fputs(": ", stderr);
	}
	(void)fprintf(stderr, "%s: ", kind);
	print_plain(text);
	(void)fputc('\n', stderr);
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

/* --- files ------------------------------------------------------------------------ */

static bool
write_all(int fd, const char *content)
{
	size_t left = strlen(content);

	while (left) {
		ssize_t written = write(fd, content, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		content += written;
		left -= (size_t)written;
	}
	return true;
}

/* Devices and pipes can't be replaced: they are written as they are. */
static bool
is_special(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

static bool
write_special(const char *path, const char *content)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write_all(fd, content);

	if (fd >= 0 && close(fd) != 0)
		written = false;
	return written;
}

static mode_t
usual_mode(void)
{
	mode_t mask = umask(0);

	(void)umask(mask);
	return 0666 & ~mask;
}

static bool
write_and_rename(const char *path, const char *content, char *temporary)
{
	int fd = mkstemp(temporary), failure;
	bool written;

	if (fd < 0)
		return false;
	written = write_all(fd, content) && fchmod(fd, usual_mode()) == 0 && fsync(fd) == 0;
	failure = errno;
	if (close(fd) != 0 && written) {
		written = false;
		failure = errno;
	}
	if (written && rename(temporary, path) == 0)
		return true;
	if (written)
		failure = errno;
	(void)unlink(temporary);
	errno = failure;
	return false;
}

bool
write_file(const char *path, const char *content, snnfit_error *fault)
{
	char *temporary;
	bool written;

	if (strcmp(path, "-") == 0)
		return fputs(content, stdout) >= 0 || say_errno(fault, "can't write", path);
	if (is_special(path))
		return write_special(path, content) || say_errno(fault, "can't write", path);
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return say_errno(fault, "can't write", path);
	written = write_and_rename(path, content, temporary) ||
		  say_errno(fault, "can't write", path);
	free(temporary);
	return written;
}

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
