/* The lines of a model's text and the numbers in them, for its reader: whatever is wrong is told
 * with file, line and column.
 *
 * The first failure stays: it is in `code`, all functions that return a code return it, and nothing
 * is read any more. Numbers are then the least that they may be. So a reader may go on to the end
 * of what it does, as long as its loops look at `code`. */
#ifndef MT_PREFIX_MODEL_SCAN_H
#define MT_PREFIX_MODEL_SCAN_H

#include "base/file/input.h"

typedef struct mt_model_scan {
    mt_input *input;
    mt_error *error;
    mt_code code;         /* MT_OK so far, or the first failure */
    mt_line line;         /* the one being read; without a '\r' at its end */
    const char *at, *end; /* what of it is still unread */
} mt_model_scan;

/* The next line that is no comment. MT_ERROR_INPUT where the file is over, or ends within the line:
 * `awaited` is what should come, as the message names it. Polls for Ctrl-C. */
mt_code mt_model_next_line(mt_model_scan *scan, const char *awaited);

/* MT_ERROR_INPUT unless nothing but comments and empty lines follows. */
mt_code mt_model_expect_end(mt_model_scan *scan);

/* MT_ERROR_INPUT at the place now being read, or at the line without a place; nothing new after a
 * failure. */
mt_code mt_model_fail(mt_model_scan *scan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
mt_code mt_model_fail_line(mt_model_scan *scan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes the text if it is what comes next. */
int mt_model_take(mt_model_scan *scan, const char *text);

int mt_model_at_end(const mt_model_scan *scan);

/* A whole number of least..most, in digits; `name` is what the message calls it. */
uint64_t mt_model_number(mt_model_scan *scan, const char *name, uint64_t least, uint64_t most);

/* The same after a space. */
uint64_t mt_model_next_number(mt_model_scan *scan, const char *name, uint64_t least, uint64_t most);

/* A number of milliseconds, 0 or more, as nanoseconds. */
int64_t mt_model_gap(mt_model_scan *scan);

/* MT_ERROR_INPUT when the line goes on. */
mt_code mt_model_line_end(mt_model_scan *scan);

/* The next line must be the word and nothing else. */
mt_code mt_model_word_line(mt_model_scan *scan, const char *word);

#endif
