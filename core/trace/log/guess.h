/* What the columns of an unknown log probably mean, for a message: a guess is shown, never taken.
 * Private to this folder. */
#ifndef MT_TRACE_LOG_GUESS_H
#define MT_TRACE_LOG_GUESS_H

#include "base/span.h"

#include <stddef.h>

enum { MT_LOG_GUESS_SIZE = 192 };

/* Writes "--columns timestamp=A,input=B,output=C" where the names tell all three, else "". Names
 * that a shell or the option would read otherwise are no guess. Returns `buffer`. */
const char *mt_log_guess_columns(const mt_span *names, size_t count, char *buffer, size_t size);

/* The same of a JSON object, with those of the objects in it: "usage.prompt_tokens". */
const char *mt_log_guess_members(const char *text, size_t length, char *buffer, size_t size);

#endif
