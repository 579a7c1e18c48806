/* What a file is that is not the text it was taken for, by its first bytes. */
#ifndef MT_TEXT_FOREIGN_DATA_H
#define MT_TEXT_FOREIGN_DATA_H

#include "base/file/input.h"

#include <stddef.h>

/* What data that begin with these bytes are when they are no text that anything here reads (gzip,
 * Parquet, UTF-16, what stands for a file elsewhere, ...), and what to do about it: a constant, NULL
 * when they may be text. */
const char *mt_foreign_data(const char *text, size_t length);

/* Refuses an input that begins so, from which nothing has been taken: MT_ERROR_INPUT, or what
 * base/file/input.h says. */
mt_code mt_check_text(mt_input *input, mt_error *error);

#endif
