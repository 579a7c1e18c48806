/* Bytes owned by somebody else. */
#ifndef MT_BASE_SPAN_H
#define MT_BASE_SPAN_H

#include <stddef.h>

typedef struct mt_span {
    const char *text;
    size_t length;
} mt_span;

#endif
