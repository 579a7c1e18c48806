/* UTF-8, checked. */
#ifndef MT_BASE_UTF8_H
#define MT_BASE_UTF8_H

#include <stddef.h>

/* Length of the well-formed UTF-8 sequence (Unicode, table 3-7: no overlong forms, no surrogates,
 * nothing above U+10FFFF) at text, of which `left` bytes may be read; 0 when there is none. */
size_t mt_utf8_sequence(const char *text, size_t left);

#endif
