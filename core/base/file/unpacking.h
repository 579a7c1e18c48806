/* The plain bytes of a compressed file. Of a regular file that is not small a thread of its own
 * reads and unpacks some blocks ahead, where there is a second processor, while the caller works on
 * those before: the same bytes, and the same errors behind the same bytes. It takes no signals, and
 * no more memory than its blocks. */
#ifndef MT_BASE_FILE_UNPACKING_H
#define MT_BASE_FILE_UNPACKING_H

#include "base/error.h"

#include <stddef.h>

typedef struct mt_unpacking mt_unpacking;

/* Of an open file, which stays the caller's and is read by nobody else until mt_unpacking_free.
 * `name` is its name in messages, and outlives this. NULL with MT_ERROR_MEMORY, or MT_ERROR_IO where the
 * module that unpacks it is missing. */
mt_unpacking *mt_unpacking_new(int fd, const char *name, const char *method, mt_error *error);

/* At most `room` bytes; 0 at the end, -1 on failure (MT_ERROR_IO, MT_ERROR_INPUT for damaged data,
 * MT_ERROR_INTERRUPTED). */
ptrdiff_t mt_unpacking_read(mt_unpacking *unpacking, char *to, size_t room, mt_error *error);

void mt_unpacking_free(mt_unpacking *unpacking); /* NULL is allowed */

#endif
