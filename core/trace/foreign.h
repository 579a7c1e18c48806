/* What a file that is no trace seems to be, for the message about its first line. Looked at only
 * once that line has failed. */
#ifndef MT_TRACE_FOREIGN_H
#define MT_TRACE_FOREIGN_H

#include <stddef.h>

/* What data that begin with these bytes are when they are no text at all (gzip, UTF-16, ...), and
 * what to do about it: a constant, NULL when they may be text. */
const char *mt_foreign_data(const char *text, size_t length);

/* The same of the first line of a file called `name`, which is no request: also a CSV, a JSON list,
 * a script. NULL when it is like none of them. */
const char *mt_foreign_line(const char *text, size_t length, const char *name);

#endif
