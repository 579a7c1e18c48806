/* What a file that is no trace seems to be, for the message about its first line. Looked at only
 * once that line has failed. */
#ifndef MT_TRACE_FOREIGN_H
#define MT_TRACE_FOREIGN_H

#include <stddef.h>

/* What mt_foreign_data says of the first line of a file called `name`, which is no request; or that
 * it is a CSV, a JSON list, a script. NULL when it is like none of them. */
const char *mt_foreign_line(const char *text, size_t length, const char *name);

#endif
