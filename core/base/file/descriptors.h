/* How many files and connections this process may have open at once, and reading from one. */
#ifndef MT_BASE_FILE_DESCRIPTORS_H
#define MT_BASE_FILE_DESCRIPTORS_H

#include "base/error.h"

#include <stddef.h>

/* Raises the limit as far as it goes without privileges; returns it, INT32_MAX where there is none.
 */
int mt_descriptors_raise(void);

/* read(2) of at most `room` bytes, of a file with that name in messages: 0 at the end, -1 on
 * failure (MT_ERROR_IO; MT_ERROR_INTERRUPTED after Ctrl-C). */
ptrdiff_t mt_descriptor_read(int fd, const char *name, char *to, size_t room, mt_error *error);

#endif
