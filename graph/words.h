/* words.h - what the text form calls things: print and parse share it. Each list
 * is in the order of its enum and ends with NULL. */
#ifndef SNNFIT_GRAPH_WORDS_H
#define SNNFIT_GRAPH_WORDS_H

#define TEXT_FORM_VERSION 1

extern const char *const fate_words[];
extern const char *const kind_words[];
extern const char *const comparison_words[];
extern const char *const reset_words[];
extern const char *const reset_timing_words[];
extern const char *const current_words[];
extern const char *const reads_words[];
extern const char *const time_words[];

#endif
