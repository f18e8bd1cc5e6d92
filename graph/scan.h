/* scan.h - the words of the text form: docs/text-form.md.
 *
 * Every function that takes something takes the current token, or refuses: it
 * returns false, with *err saying which line expected what. */
#ifndef SNNFIT_GRAPH_SCAN_H
#define SNNFIT_GRAPH_SCAN_H

#include "core/arena.h"

#include <stdint.h>

enum token { TOKEN_END, TOKEN_WORD, TOKEN_NUMBER, TOKEN_STRING, TOKEN_BROKEN };

struct scanner {
	const char *next; /* after the token */
	size_t line;
	enum token token;
	const char *begin; /* of the token, with its quotes */
	size_t length;
	snnfit_error *err; /* not NULL */
};

/* Starts at the first token of a text that outlives the scanner. */
void scan_start(struct scanner *scanner, const char *text, snnfit_error *err);
void scan_next(struct scanner *scanner);

bool scan_at_word(const struct scanner *scanner, const char *word);
/* Steps over the word if it is there. */
bool scan_skip_word(struct scanner *scanner, const char *word);
MUST_USE bool scan_word(struct scanner *scanner, const char *word);
/* One of a NULL-terminated list: its index. */
MUST_USE bool scan_choice(struct scanner *scanner, const char *const *words, const char *what,
			  uint32_t *out);
/* Whole numbers from 0 to most. */
MUST_USE bool scan_count(struct scanner *scanner, uint32_t most, uint32_t *out);
MUST_USE bool scan_count64(struct scanner *scanner, uint64_t *out);
MUST_USE bool scan_double(struct scanner *scanner, double *out);
/* A number that is rounded once, to float. */
MUST_USE bool scan_float(struct scanner *scanner, double *out);
MUST_USE bool scan_string(struct scanner *scanner, struct arena *arena, const char **out);

/* "line 3: expected WHAT, found ...": always false. */
bool scan_refuse(struct scanner *scanner, const char *what);
/* "line 3: WHAT": always false. */
bool scan_fail(struct scanner *scanner, const char *what);
/* Always false, too. */
bool scan_no_memory(struct scanner *scanner);

#endif
